//! What the weights themselves cost.

use dfdx::shapes::Rank0;
use dfdx::tensor::{AsArray, Cpu, CpuError, NoneTape, PutTape, SplitTape, Tape, Tensor, TensorFrom, TensorFromVec};
use dfdx::tensor_ops::*;
use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Matrix, Network, Parameter, ParameterSpec, Parameters, TapedCost, Values};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// The penalty on leaving the initial value, for a weight that `p_weight_train` holds: 0.1², as the published system
/// squares a mask of 0.1.
const HOLD: f32 = 0.01;

/// What the weights of a network cost: `l1_weight`, `l2_weight`, `l2_weight_init` and `p_weight_train`. Biases and
/// fixed parameters are free.
///
/// As in the published system, the parts of one matrix of it (input and recurrent weights, say) count as one where a
/// mean is taken.
#[derive(Debug)]
pub struct WeightCost {
    l1: f32,
    l2: f32,
    /// For each parameter that is a weight, its initial values and half the penalty on leaving them, weight by weight.
    anchors: Option<Vec<Option<(Matrix, Matrix)>>>,
}

impl WeightCost {
    /// The cost that the hyper-parameters ask for, for a network that began with the initial values of its seed.
    ///
    /// # Errors
    /// If the hyper-parameters are impossible.
    pub fn new(hyperparameters: &Hyperparameters) -> Result<Self> {
        WeightCost::from_start(hyperparameters, || Network::initial_values(hyperparameters))
    }

    /// The same for a network that began with other values, which are asked for only if leaving them costs something.
    ///
    /// # Errors
    /// As [`WeightCost::new`], and those of `start`.
    pub(crate) fn from_start(
        hyperparameters: &Hyperparameters,
        start: impl FnOnce() -> Result<Values>,
    ) -> Result<Self> {
        let held = hyperparameters.p_weight_train.filter(|share| *share < 1.0);
        let mut anchors = None;
        if held.is_some() || hyperparameters.l2_weight_init > 0.0 {
            let layout = Network::layout(hyperparameters)?;
            let penalties = penalties(hyperparameters, &layout, held);
            let tensor = |values: Vec<f32>, shape: (usize, usize)| {
                let tensor = Cpu::default().try_tensor_from_vec(values, shape);
                tensor.map_err(|problem| Error::device("copying weights", problem))
            };
            let mut all = Vec::new();
            let initial = start()?;
            for ((spec, initial), penalties) in layout.iter().zip(initial).zip(penalties) {
                all.push(match penalties {
                    Some(penalties) => Some((tensor(initial, spec.shape)?, tensor(penalties, spec.shape)?)),
                    None => None,
                });
            }
            anchors = Some(all);
        }
        Ok(WeightCost { l1: hyperparameters.l1_weight as f32, l2: hyperparameters.l2_weight as f32, anchors })
    }

    /// Whether weights cost nothing.
    pub fn is_nothing(&self) -> bool {
        self.l1 == 0.0 && self.l2 == 0.0 && self.anchors.is_none()
    }

    /// What the `place`-th parameter costs by the sum of its absolute values, and by half that of their squares.
    pub(crate) fn shares(&self, parameters: &Parameters, place: usize) -> [f32; 2] {
        let Some(spec) = parameters.iter().nth(place).map(Parameter::spec).filter(|spec| spec.role.is_weight()) else {
            return [0.0; 2];
        };
        [self.l1 / matrix_count(parameters, spec.part_of) as f32, self.l2]
    }

    /// Initial values and half the penalty on leaving them, an array a parameter, empty where nothing is held.
    pub(crate) fn anchors(&self) -> Option<[Values; 2]> {
        let anchors = self.anchors.as_ref()?;
        let all = |pick: fn(&(Matrix, Matrix)) -> &Matrix| -> Values {
            anchors.iter().map(|anchor| anchor.as_ref().map_or_else(Vec::new, |both| pick(both).as_vec())).collect()
        };
        Some([all(|both| &both.0), all(|both| &both.1)])
    }

    /// Adds the cost of the network's weights to `cost`; the second result is what was added.
    ///
    /// # Errors
    /// If dfdx refuses.
    pub fn add_to(&self, network: &Network, cost: TapedCost) -> Result<(TapedCost, f64)> {
        if self.is_nothing() {
            return Ok((cost, 0.0));
        }
        let failed = |problem| Error::device("the cost of the weights", problem);
        let (cost, tape) = cost.split_tape();
        let (total, tape) = self.of(network, tape).map_err(failed)?.split_tape();
        let added = f64::from(total.array());
        Ok((cost.put_tape(tape).try_add(total).map_err(failed)?, added))
    }

    /// What the network's weights cost, as a number.
    ///
    /// # Errors
    /// If dfdx refuses.
    pub fn evaluate(&self, network: &Network) -> Result<f64> {
        if self.is_nothing() {
            return Ok(0.0);
        }
        let total = self.of(network, NoneTape).map_err(|problem| Error::device("the cost of the weights", problem))?;
        Ok(f64::from(total.array()))
    }

    fn of<T: Tape<f32, Cpu>>(&self, network: &Network, mut tape: T) -> Result<Tensor<Rank0, f32, Cpu, T>, CpuError> {
        let parameters = network.parameters();
        let mut total: Tensor<Rank0, f32, Cpu> = Cpu::default().tensor(0.0);
        for (place, parameter) in parameters.iter().enumerate().filter(|(_, one)| one.role().is_weight()) {
            let count = matrix_count(parameters, parameter.spec().part_of);
            let weights = || parameter.tensor.clone();
            let (absolute, carried) = weights().put_tape(tape).try_abs()?.try_mul(self.l1 / count as f32)?.split_tape();
            let mut costly = weights().put_tape(carried).try_square()?.try_mul(0.5 * self.l2)?.try_add(absolute)?;
            let anchor = self.anchors.as_ref().and_then(|anchors| anchors.get(place)?.as_ref());
            if let Some((initial, penalty)) = anchor {
                let (so_far, carried) = costly.split_tape();
                let moved = weights().put_tape(carried).try_sub(initial.clone())?.try_square()?;
                costly = moved.try_mul(penalty.clone())?.try_add(so_far)?;
            }
            let (term, carried) = costly.try_sum::<Rank0, _>()?.split_tape();
            let (sum, carried) = total.put_tape(carried).try_add(term)?.split_tape();
            (total, tape) = (sum, carried);
        }
        Ok(total.put_tape(tape))
    }
}

/// Weights of a matrix of the published system.
fn matrix_count(parameters: &Parameters, matrix: &str) -> usize {
    let parts = parameters.iter().filter(|one| one.role().is_weight() && one.spec().part_of == matrix);
    parts.map(|one| one.spec().count()).sum()
}

/// Half the penalty on each weight's leaving its initial value, for each parameter that is a weight.
///
/// As in the published system, the weights of a matrix get a random order, and those are held whose place in it, from 0
/// to 1, is above the share that is free.
fn penalties(hyperparameters: &Hyperparameters, layout: &[ParameterSpec], held: Option<f64>) -> Vec<Option<Vec<f32>>> {
    let everywhere = 0.5 * hyperparameters.l2_weight_init as f32;
    let of_weights = |spec: &ParameterSpec| spec.role.is_weight().then(|| vec![everywhere; spec.count()]);
    let mut penalties: Vec<_> = layout.iter().map(of_weights).collect();
    let Some(free) = held else { return penalties };
    let mut stream = RandomStream::new(hyperparameters.seed, Purpose::FreeWeights.stream([0, 0]));
    let mut matrices: Vec<&str> = Vec::new();
    for spec in layout.iter().filter(|spec| spec.role.is_weight()) {
        if !matrices.contains(&spec.part_of) {
            matrices.push(spec.part_of);
        }
    }
    for matrix in matrices {
        let parts = layout.iter().zip(&mut penalties).filter(|(spec, _)| spec.part_of == matrix);
        let mut weights: Vec<&mut f32> = parts.flat_map(|(_, penalties)| penalties.iter_mut().flatten()).collect();
        let last = (weights.len() - 1).max(1) as f64;
        let mut order: Vec<usize> = (0..weights.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, stream.random_range(0..=place));
        }
        for (place, weight) in order.into_iter().enumerate() {
            if place as f64 / last > free {
                *weights[weight] += 0.5 * HOLD;
            }
        }
    }
    penalties
}

#[cfg(test)]
mod tests {
    use dfdx::tensor::Trace;

    use super::*;

    #[test]
    fn weights_cost_what_the_formula_says_and_pull_back() {
        let hyperparameters = Hyperparameters {
            n_rnn: 6,
            l1_weight: 0.3,
            l2_weight: 0.02,
            l2_weight_init: 0.5,
            p_weight_train: Some(0.25),
            ..Hyperparameters::paper()
        };
        let mut network = Network::new(&hyperparameters).unwrap();
        let cost = WeightCost::new(&hyperparameters).unwrap();
        let start = network.parameters().values();
        let shift = 0.2_f32;
        let moved: Vec<f32> = start[1].iter().map(|weight| weight + shift).collect();
        network.parameters_mut().set("w_rec", &moved).unwrap();

        let sum = |values: &[f32], power: i32| values.iter().map(|w| f64::from(w.abs()).powi(power)).sum::<f64>();
        let (inputs, units, outputs) = (15.0, 6.0, 9.0);
        let l1 = 0.3 * ((sum(&start[0], 1) + sum(&moved, 1)) / ((inputs + units) * units))
            + 0.3 * sum(&start[3], 1) / (units * outputs);
        let l2 = 0.01 * (sum(&start[0], 2) + sum(&moved, 2) + sum(&start[3], 2));
        // All 36 recurrent weights moved. Of the 126 input and recurrent weights, which are one matrix, 94 are held
        // (32 places of 125 are up to a quarter); how many of these are recurrent, chance decides.
        let layout = Network::layout(&hyperparameters).unwrap();
        let penalties = penalties(&hyperparameters, &layout, Some(0.25));
        let held =
            |place: usize| penalties[place].as_ref().unwrap().iter().filter(|penalty| **penalty > 0.2525).count();
        assert_eq!((held(0) + held(1), held(3)), (94, 40));
        let anchored = 0.04 * (0.25 * 36.0 + 0.5 * 0.01 * held(1) as f64);
        let expected = l1 + l2 + anchored;
        let found = cost.evaluate(&network).unwrap();
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");

        let zero = Cpu::default().tensor(0.0).leaky_trace();
        let (total, added) = cost.add_to(&network, zero).unwrap();
        assert!((added - expected).abs() < 1e-5);
        let gradient = total.backward().get(&network.parameters().get("w_rec").unwrap().tensor).as_vec();
        for place in [0, 7, 35] {
            let at = |change: f32| {
                let mut values = moved.clone();
                values[place] += change;
                let mut other = network.clone();
                other.parameters_mut().set("w_rec", &values).unwrap();
                cost.evaluate(&other).unwrap()
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!((slope - f64::from(gradient[place])).abs() < 2e-3 * (1.0 + slope.abs()), "{place}: {slope}");
        }
    }
}

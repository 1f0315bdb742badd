//! What the weights themselves cost.

use dfdx::shapes::Rank0;
use dfdx::tensor::{PutTape, SplitTape, Tape, Tensor};
use dfdx::tensor_ops::*;
use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{HostWeights, Matrix, Network, TapedCost, initial, number};
use crate::numerics::random::RandomStream;
use crate::seed::Purpose;

/// The penalty on leaving the initial value, for a weight that `p_weight_train` holds: 0.1², as the published system
/// squares a mask of 0.1.
const HOLD: f32 = 0.01;

/// The three matrices that are regularised, by their place among the parameters. Biases are free.
const MATRICES: [usize; 3] = [0, 1, 3];

/// What the weights of a network cost: `l1_weight`, `l2_weight`, `l2_weight_init` and `p_weight_train`.
///
/// As in the published system, input and recurrent weights are one matrix where a mean is taken.
#[derive(Debug)]
pub struct WeightCost<D: Device<f32>> {
    l1: f32,
    l2: f32,
    /// For each of [`MATRICES`], the initial values and half the penalty on leaving them, weight by weight.
    anchors: Option<[(Matrix<D>, Matrix<D>); 3]>,
}

impl<D: Device<f32>> WeightCost<D> {
    /// The cost that the hyper-parameters ask for. Initial values come from the seed again.
    pub fn new(device: &D, hyperparameters: &Hyperparameters) -> Result<Self> {
        let held = hyperparameters.p_weight_train.filter(|share| *share < 1.0);
        let anchors = if held.is_some() || hyperparameters.l2_weight_init > 0.0 {
            let weights = initial::weights(hyperparameters);
            let penalties = penalties(hyperparameters, &weights, held);
            let shapes = Network::<D>::shapes(hyperparameters);
            let upload = |matrix: usize| -> Result<(Matrix<D>, Matrix<D>)> {
                let place = MATRICES[matrix];
                let tensor = |values: &[f32]| {
                    device
                        .try_tensor_from_vec(values.to_vec(), shapes[place])
                        .map_err(|problem| Error::device("copying weights", problem))
                };
                Ok((tensor(&weights[place])?, tensor(&penalties[matrix])?))
            };
            Some([upload(0)?, upload(1)?, upload(2)?])
        } else {
            None
        };
        Ok(WeightCost { l1: hyperparameters.l1_weight as f32, l2: hyperparameters.l2_weight as f32, anchors })
    }

    /// Whether weights cost nothing.
    pub fn is_nothing(&self) -> bool {
        self.l1 == 0.0 && self.l2 == 0.0 && self.anchors.is_none()
    }

    /// Adds the cost of the network's weights to `cost`; the second result is what was added.
    pub fn add_to(&self, network: &Network<D>, cost: TapedCost<D>) -> Result<(TapedCost<D>, f64)> {
        if self.is_nothing() {
            return Ok((cost, 0.0));
        }
        let (cost, tape) = cost.split_tape();
        let (total, tape) =
            self.of(network, tape).map_err(|problem| Error::device("the cost of the weights", problem))?.split_tape();
        let added = number(&total);
        let cost =
            cost.put_tape(tape).try_add(total).map_err(|problem| Error::device("the cost of the weights", problem))?;
        Ok((cost, added))
    }

    /// What the network's weights cost, as a number.
    pub fn evaluate(&self, network: &Network<D>) -> Result<f64> {
        if self.is_nothing() {
            return Ok(0.0);
        }
        let total = self
            .of(network, dfdx::tensor::NoneTape)
            .map_err(|problem| Error::device("the cost of the weights", problem))?;
        Ok(number(&total))
    }

    fn of<T: Tape<f32, D>>(&self, network: &Network<D>, mut tape: T) -> Result<Tensor<Rank0, f32, D, T>, D::Err> {
        let parameters = network.parameters();
        let counts = Network::<D>::shapes(network.hyperparameters()).map(|(rows, columns)| rows * columns);
        let mut total: Tensor<Rank0, f32, D> = network.device().try_zeros_like(&())?;
        for (matrix, place) in MATRICES.into_iter().enumerate() {
            let count = if place == 3 { counts[3] } else { counts[0] + counts[1] };
            let weights = || parameters[place].clone();
            let (absolute, carried) = weights().put_tape(tape).try_abs()?.try_mul(self.l1 / count as f32)?.split_tape();
            let mut costly = weights().put_tape(carried).try_square()?.try_mul(0.5 * self.l2)?.try_add(absolute)?;
            if let Some(anchors) = &self.anchors {
                let (initial, penalty) = &anchors[matrix];
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

/// Half the penalty on each weight's leaving its initial value, for each of [`MATRICES`].
fn penalties(hyperparameters: &Hyperparameters, weights: &HostWeights, held: Option<f64>) -> [Vec<f32>; 3] {
    let everywhere = 0.5 * hyperparameters.l2_weight_init as f32;
    let mut stream = RandomStream::new(hyperparameters.seed, Purpose::FreeWeights.stream([0, 0]));
    MATRICES.map(|place| {
        let count = weights[place].len();
        let mut penalties = vec![everywhere; count];
        if let Some(free) = held {
            let mut order: Vec<usize> = (0..count).collect();
            for last in (1..count).rev() {
                order.swap(last, stream.random_range(0..=last));
            }
            for weight in &order[(free * count as f64).round() as usize..] {
                penalties[*weight] += 0.5 * HOLD;
            }
        }
        penalties
    })
}

#[cfg(test)]
mod tests {
    use dfdx::tensor::{Cpu, TensorFrom, Trace};

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
        let cost = WeightCost::new(&Cpu::default(), &hyperparameters).unwrap();
        let start = network.to_host();
        let shift = 0.2_f32;
        let moved: Vec<f32> = start[1].iter().map(|weight| weight + shift).collect();
        network.w_rec.copy_from(&moved);

        let sum = |values: &[f32], power: i32| values.iter().map(|w| f64::from(w.abs()).powi(power)).sum::<f64>();
        let (inputs, units, outputs) = (15.0, 6.0, 9.0);
        let l1 = 0.3 * ((sum(&start[0], 1) + sum(&moved, 1)) / ((inputs + units) * units))
            + 0.3 * sum(&start[3], 1) / (units * outputs);
        let l2 = 0.01 * (sum(&start[0], 2) + sum(&moved, 2) + sum(&start[3], 2));
        // 36 recurrent weights moved; 27 of them are held.
        let anchored = 0.04 * (0.25 * 36.0 + 0.5 * 0.01 * 27.0);
        let expected = l1 + l2 + anchored;
        let found = cost.evaluate(&network).unwrap();
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");

        let zero = network.device().tensor(0.0).leaky_trace();
        let (total, added) = cost.add_to(&network, zero).unwrap();
        assert!((added - expected).abs() < 1e-5);
        let gradient = total.backward().get(&network.w_rec).as_vec();
        for place in [0, 7, 35] {
            let at = |change: f32| {
                let mut values = moved.clone();
                values[place] += change;
                let mut other = network.clone();
                other.w_rec.copy_from(&values);
                cost.evaluate(&other).unwrap()
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!((slope - f64::from(gradient[place])).abs() < 2e-3 * (1.0 + slope.abs()), "{place}: {slope}");
        }
    }
}

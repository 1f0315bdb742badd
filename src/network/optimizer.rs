//! Optimisers: how weights follow their gradients.

use std::ops::Range;

use dfdx::optim::{Optimizer, OptimizerUpdateError};
use dfdx::tensor::{Cpu, CpuError, Gradients};

use crate::hyperparameters::{Hyperparameters, OptimizerKind};
use crate::network::{Network, ParameterSpec, Role, Values};
use crate::numerics::Level;
use crate::numerics::dispatch::vectorised;

/// Each entry of a gradient is clipped to this absolute value (paper, STAR Methods).
pub(crate) const GRADIENT_LIMIT: f64 = 1.0;

/// Decay of the mean of the gradients.
pub(crate) const FIRST_DECAY: f64 = 0.9;
/// Decay of the mean of their squares.
pub(crate) const SECOND_DECAY: f64 = 0.999;
/// Keeps the step finite where gradients vanish.
const EPSILON: f64 = 1e-8;

/// Adam in TensorFlow's form, or plain descent, on gradients clipped by value.
///
/// Adam keeps running means `m` of the gradients and `v` of their squares and moves a weight, at step `t`, by
///
/// ```text
/// −rate · √(1 − 0.999ᵗ) / (1 − 0.9ᵗ) · m / (√v + 10⁻⁸)
/// ```
///
/// which differs from the textbook in that the small number is added before the correction. Its state can be taken out
/// and put back, so that a resumed run goes on exactly. Parameters of role [`Fixed`](Role::Fixed), and what
/// `trainables` leaves out, stay as they are.
#[derive(Clone, Debug)]
pub(crate) struct WeightOptimizer {
    kind: OptimizerKind,
    rate: f64,
    /// The elements of each parameter that train.
    trained: Vec<Range<usize>>,
    /// Updates so far.
    pub(crate) updates: u64,
    /// The running means of the gradients and of their squares, an array a parameter; empty for plain descent, and for
    /// a parameter that is fixed.
    pub(crate) moments: [Values; 2],
}

impl WeightOptimizer {
    /// The optimiser that the hyper-parameters of `network` ask for, before its first update.
    pub fn new(network: &Network) -> Self {
        let hyperparameters: &Hyperparameters = network.hyperparameters();
        let (kind, rate) = (hyperparameters.optimizer, hyperparameters.learning_rate);
        let zeros = || -> Values {
            let parameters = network.parameters().iter();
            let moves = |role| kind == OptimizerKind::Adam && role != Role::Fixed;
            parameters.map(|one| vec![0.0; if moves(one.role()) { one.spec().count() } else { 0 }]).collect()
        };
        let layout: Vec<_> = network.parameters().iter().map(|one| one.spec().clone()).collect();
        let elements = |spec: &ParameterSpec| {
            let rows = spec.trained_rows(&layout, hyperparameters);
            rows.start * spec.shape.1..rows.end * spec.shape.1
        };
        let trained = layout.iter().map(elements).collect();
        WeightOptimizer { kind, rate, trained, updates: 0, moments: [zeros(), zeros()] }
    }

    /// Goes on with another step size.
    pub(crate) fn set_rate(&mut self, rate: f64) {
        self.rate = rate;
    }

    /// Whether it keeps running means.
    pub(crate) fn remembers(&self) -> bool {
        self.kind == OptimizerKind::Adam
    }

    /// The elements of each parameter that train.
    pub(crate) fn trained(&self) -> &[Range<usize>] {
        &self.trained
    }

    /// The rate of an update, counted from 1, with Adam's correction for how few there were before.
    pub(crate) fn rate_of_update(&self, update: u64) -> f64 {
        let time = update as f64;
        match self.kind {
            OptimizerKind::Sgd => self.rate,
            OptimizerKind::Adam => self.rate * (1.0 - SECOND_DECAY.powf(time)).sqrt() / (1.0 - FIRST_DECAY.powf(time)),
        }
    }

    fn step(&mut self, network: &mut Network, gradients: &Gradients<f32, Cpu>) {
        self.updates += 1;
        let rate = self.rate_of_update(self.updates) as f32;
        let level = Level::detect();
        let [means, squares] = &mut self.moments;
        let moments = means.iter_mut().zip(squares).zip(&self.trained);
        for (parameter, ((means, squares), trained)) in network.parameters_mut().iter_mut().zip(moments) {
            if trained.is_empty() {
                continue;
            }
            let mut gradient = vec![0.0; parameter.spec().count()];
            gradients.get(&parameter.tensor).copy_into(&mut gradient);
            let mut values = parameter.values();
            let (moved, gradient) = (&mut values[trained.clone()], &gradient[trained.clone()]);
            match self.kind {
                OptimizerKind::Sgd => sgd_step(moved, gradient, rate),
                OptimizerKind::Adam => {
                    let (means, squares) = (&mut means[trained.clone()], &mut squares[trained.clone()]);
                    adam_step(level, moved, gradient, means, squares, rate);
                }
            }
            parameter.tensor.copy_from(&values);
        }
    }
}

impl Optimizer<Network, Cpu, f32> for WeightOptimizer {
    fn update(
        &mut self,
        network: &mut Network,
        gradients: &Gradients<f32, Cpu>,
    ) -> Result<(), OptimizerUpdateError<CpuError>> {
        self.step(network, gradients);
        Ok(())
    }
}

const LIMIT: f32 = GRADIENT_LIMIT as f32;

fn sgd_step(values: &mut [f32], gradient: &[f32], rate: f32) {
    for (value, gradient) in values.iter_mut().zip(gradient) {
        *value -= rate * gradient.clamp(-LIMIT, LIMIT);
    }
}

#[inline(always)]
fn adam_body<const FUSED: bool>(
    values: &mut [f32],
    gradient: &[f32],
    means: &mut [f32],
    squares: &mut [f32],
    rate: f32,
) {
    let [first_decay, second_decay] = [FIRST_DECAY as f32, SECOND_DECAY as f32];
    let [first_share, second_share] = [(1.0 - FIRST_DECAY) as f32, (1.0 - SECOND_DECAY) as f32];
    for (((value, gradient), mean), square) in values.iter_mut().zip(gradient).zip(means).zip(squares) {
        let gradient = gradient.clamp(-LIMIT, LIMIT);
        *mean = first_decay * *mean + first_share * gradient;
        *square = second_decay * *square + second_share * (gradient * gradient);
        *value -= rate * (*mean / (square.sqrt() + EPSILON as f32));
    }
}
vectorised! {
    fn adam_step(values: &mut [f32], gradient: &[f32], means: &mut [f32], squares: &mut [f32], rate: f32) = adam_body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_single_pass_equals_the_definition() {
        let values = |scale: f64, shift: f64| {
            (0..3 * 41).map(|k| (scale * (f64::from(k) * 0.7 + shift).sin()) as f32).collect::<Vec<_>>()
        };
        let start = values(1.0, 0.0);
        let mut parameter = start.clone();
        let mut moments = [vec![0.0; 123], vec![0.0; 123]];
        let (mut weights, mut means, mut squares) =
            (start.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), [0.0; 123], [0.0; 123]);
        for step in 1..=4 {
            let rate = 1e-2 / f64::from(step);
            // Some entries lie beyond the limit.
            let gradient = values(1.5, f64::from(step));
            let [first, second] = &mut moments;
            adam_step(Level::detect(), &mut parameter, &gradient, first, second, rate as f32);
            for place in 0..123 {
                let gradient = f64::from(gradient[place]).clamp(-1.0, 1.0);
                means[place] = 0.9 * means[place] + 0.1 * gradient;
                squares[place] = 0.999 * squares[place] + 0.001 * gradient * gradient;
                weights[place] -= rate * means[place] / (squares[place].sqrt() + 1e-8);
            }
        }
        for (found, expected) in parameter.iter().zip(&weights) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
        for (found, expected) in moments[1].iter().zip(&squares) {
            assert!((f64::from(*found) - expected).abs() < 1e-6 * expected.max(1e-3), "{found} {expected}");
        }
    }

    #[test]
    fn what_adam_remembers_in_tensorflow_goes_on_as_there() {
        use crate::network::import::Imported;

        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tensor_bundles");
        let hyperparameters = Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() };
        let read =
            |name: &str| Imported::read(&hyperparameters, &fixtures.join(name).join("model.ckpt.index")).unwrap();
        let (before, after) = (read("adam5"), read("adam8"));
        let optimizer = WeightOptimizer::new(&before.network);
        let (memory, expected) = (before.memory.unwrap(), after.memory.unwrap());
        let ([mut means, mut squares], mut values) = (memory.moments, before.network.parameters().values());
        let mut worst = [0.0_f32; 3];
        for (place, parameter) in before.network.parameters().iter().enumerate() {
            // The variable of `w_rec` begins with the rows of `w_in`.
            let first = if parameter.name() == "w_rec" { 15 * 16 } else { 0 };
            let count = parameter.spec().count();
            for step in 0..3 {
                // As tests/fixtures/tensor_bundles/make_bundles.py has it; some entries are clipped.
                let entry = |k: usize| (1.2 * (0.7 * k as f64 + f64::from(step)).sin()) as f32;
                let gradient: Vec<f32> = (first..first + count).map(entry).collect();
                let rate = optimizer.rate_of_update(6 + step as u64) as f32;
                let (values, means) = (&mut values[place], &mut means[place]);
                adam_step(Level::detect(), values, &gradient, means, &mut squares[place], rate);
            }
            let there =
                [&after.network.parameters().values()[place], &expected.moments[0][place], &expected.moments[1][place]];
            for (worst, (found, there)) in
                worst.iter_mut().zip([&values[place], &means[place], &squares[place]].into_iter().zip(there))
            {
                let largest = there.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                let differences = found.iter().zip(there).map(|(found, there)| (found - there).abs() / largest);
                *worst = differences.fold(*worst, f32::max);
            }
            let moved = values[place].iter().zip(parameter.values()).any(|(after, before)| *after != before);
            assert!(moved, "{}", parameter.name());
        }
        // TensorFlow's share of a new square is 1 less 0.999 in single precision, 0.00099998713.
        assert!(worst[0] < 1e-6 && worst[1] < 1e-6 && worst[2] < 2e-5, "{worst:?}");
    }
}

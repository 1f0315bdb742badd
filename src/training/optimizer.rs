//! Optimisers: how weights follow their gradients.

use dfdx::optim::{Optimizer, OptimizerUpdateError};
use dfdx::shapes::{HasShape, Shape};
use dfdx::tensor::{Cpu, Gradients, HasErr};
use dfdx::tensor_ops::{TryAdd, TryDiv};

use crate::hyperparameters::{Hyperparameters, OptimizerKind};
use crate::network::{Matrix, Network, RecurrentSweep};
use crate::numerics::Level;
use crate::numerics::dispatch::vectorised;

/// Each entry of a gradient is clipped to this absolute value (paper, STAR Methods).
pub const GRADIENT_LIMIT: f64 = 1.0;

/// Decay of the mean of the gradients.
const FIRST_DECAY: f64 = 0.9;
/// Decay of the mean of their squares.
const SECOND_DECAY: f64 = 0.999;
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
/// and put back, so that a resumed run goes on exactly.
#[derive(Clone, Debug)]
pub struct WeightOptimizer<D: TrainingDevice> {
    kind: OptimizerKind,
    rate: f64,
    /// Updates so far.
    pub(crate) updates: u64,
    /// The running means of each parameter, in the order of the network's parameters; empty for plain descent.
    pub(crate) moments: Vec<[Matrix<D>; 2]>,
}

impl<D: TrainingDevice> WeightOptimizer<D> {
    /// The optimiser that the hyper-parameters ask for, before its first update of `network`.
    pub fn new(hyperparameters: &Hyperparameters, network: &Network<D>) -> Result<Self, D::Err> {
        let mut moments = Vec::new();
        if hyperparameters.optimizer == OptimizerKind::Adam {
            for parameter in network.parameters() {
                let zeros = || network.device().try_zeros_like(parameter);
                moments.push([zeros()?, zeros()?]);
            }
        }
        let (kind, rate) = (hyperparameters.optimizer, hyperparameters.learning_rate);
        Ok(WeightOptimizer { kind, rate, updates: 0, moments })
    }

    fn step(&mut self, network: &mut Network<D>, gradients: &Gradients<f32, D>) -> Result<(), D::Err> {
        self.updates += 1;
        let time = self.updates as f64;
        let rate = self.rate * (1.0 - SECOND_DECAY.powf(time)).sqrt() / (1.0 - FIRST_DECAY.powf(time));
        for (place, parameter) in network.parameters_mut().into_iter().enumerate() {
            let gradient = gradients.get(parameter);
            match self.kind {
                OptimizerKind::Sgd => {
                    let gradient = gradient.try_clamp(-GRADIENT_LIMIT, GRADIENT_LIMIT)?;
                    parameter.try_axpy(1.0, &gradient, -self.rate)?;
                }
                OptimizerKind::Adam => D::adam(parameter, gradient, &mut self.moments[place], rate)?,
            }
        }
        Ok(())
    }
}

impl<D: TrainingDevice> Optimizer<Network<D>, D, f32> for WeightOptimizer<D> {
    fn update(
        &mut self,
        network: &mut Network<D>,
        gradients: &Gradients<f32, D>,
    ) -> Result<(), OptimizerUpdateError<D::Err>> {
        self.step(network, gradients).map_err(OptimizerUpdateError::DeviceError)
    }
}

/// A device that networks can be trained on.
pub trait TrainingDevice: RecurrentSweep {
    /// One step of Adam (see [`WeightOptimizer`]): clips `gradient`, takes it into the running means and moves
    /// `parameter` by `rate`, which already holds the correction for the step.
    ///
    /// # Errors
    /// If the device has no memory left.
    fn adam(
        parameter: &mut Matrix<Self>,
        gradient: Matrix<Self>,
        [first, second]: &mut [Matrix<Self>; 2],
        rate: f64,
    ) -> Result<(), <Self as HasErr>::Err> {
        let gradient = gradient.try_clamp(-GRADIENT_LIMIT, GRADIENT_LIMIT)?;
        first.try_axpy(FIRST_DECAY, &gradient, 1.0 - FIRST_DECAY)?;
        second.try_axpy(SECOND_DECAY, &gradient.try_square()?, 1.0 - SECOND_DECAY)?;
        let scale = second.clone().try_sqrt()?.try_add(EPSILON as f32)?;
        parameter.try_axpy(1.0, &first.clone().try_div(scale)?, -rate)
    }
}

impl TrainingDevice for Cpu {
    /// In one pass over the numbers, where dfdx's operations would make nine.
    fn adam(
        parameter: &mut Matrix<Self>,
        gradient: Matrix<Self>,
        [first, second]: &mut [Matrix<Self>; 2],
        rate: f64,
    ) -> Result<(), <Self as HasErr>::Err> {
        let host = |matrix: &Matrix<Self>| {
            let mut values = vec![0.0; matrix.shape().num_elements()];
            matrix.copy_into(&mut values);
            values
        };
        let (mut values, mut means, mut squares) = (host(parameter), host(first), host(second));
        adam_step(Level::detect(), &mut values, &host(&gradient), &mut means, &mut squares, rate as f32);
        parameter.copy_from(&values);
        first.copy_from(&means);
        second.copy_from(&squares);
        Ok(())
    }
}

#[cfg(feature = "cuda")]
impl TrainingDevice for dfdx::tensor::Cuda {}

#[inline(always)]
fn adam_body<const FUSED: bool>(
    values: &mut [f32],
    gradient: &[f32],
    means: &mut [f32],
    squares: &mut [f32],
    rate: f32,
) {
    const LIMIT: f32 = GRADIENT_LIMIT as f32;
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
    use dfdx::tensor::TensorFrom;

    #[test]
    fn the_single_pass_equals_the_definition() {
        let device = Cpu::default();
        let shape = (3_usize, 41_usize);
        let values = |scale: f64, shift: f64| {
            (0..3 * 41).map(|k| (scale * (f64::from(k) * 0.7 + shift).sin()) as f32).collect::<Vec<_>>()
        };
        let start = values(1.0, 0.0);
        let mut parameter = device.tensor((start.clone(), shape));
        let mut moments = [device.tensor((vec![0.0; 123], shape)), device.tensor((vec![0.0; 123], shape))];
        let (mut weights, mut means, mut squares) =
            (start.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), [0.0; 123], [0.0; 123]);
        for step in 1..=4 {
            let rate = 1e-2 / f64::from(step);
            // Some entries lie beyond the limit.
            let gradient = values(1.5, f64::from(step));
            Cpu::adam(&mut parameter, device.tensor((gradient.clone(), shape)), &mut moments, rate).unwrap();
            for place in 0..123 {
                let gradient = f64::from(gradient[place]).clamp(-1.0, 1.0);
                means[place] = 0.9 * means[place] + 0.1 * gradient;
                squares[place] = 0.999 * squares[place] + 0.001 * gradient * gradient;
                weights[place] -= rate * means[place] / (squares[place].sqrt() + 1e-8);
            }
        }
        for (found, expected) in parameter.as_vec().iter().zip(&weights) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
        for (found, expected) in moments[1].as_vec().iter().zip(&squares) {
            assert!((f64::from(*found) - expected).abs() < 1e-6 * expected.max(1e-3), "{found} {expected}");
        }
    }
}

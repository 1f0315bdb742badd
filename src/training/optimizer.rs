//! Optimisers: how weights follow their gradients.

use dfdx::optim::{Optimizer, OptimizerUpdateError};
use dfdx::tensor::Gradients;
use dfdx::tensor_ops::{Device, TryAdd, TryDiv};

use crate::hyperparameters::{Hyperparameters, OptimizerKind};
use crate::network::{Matrix, Network};

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
pub struct WeightOptimizer<D: Device<f32>> {
    kind: OptimizerKind,
    rate: f64,
    /// Updates so far.
    pub(crate) updates: u64,
    /// The running means of each parameter, in the order of the network's parameters; empty for plain descent.
    pub(crate) moments: Vec<[Matrix<D>; 2]>,
}

impl<D: Device<f32>> WeightOptimizer<D> {
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
            let gradient = gradients.get(parameter).try_clamp(-GRADIENT_LIMIT, GRADIENT_LIMIT)?;
            match self.kind {
                OptimizerKind::Sgd => parameter.try_axpy(1.0, &gradient, -self.rate)?,
                OptimizerKind::Adam => {
                    let [first, second] = &mut self.moments[place];
                    first.try_axpy(FIRST_DECAY, &gradient, 1.0 - FIRST_DECAY)?;
                    second.try_axpy(SECOND_DECAY, &gradient.try_square()?, 1.0 - SECOND_DECAY)?;
                    let scale = second.clone().try_sqrt()?.try_add(EPSILON as f32)?;
                    parameter.try_axpy(1.0, &first.clone().try_div(scale)?, -rate)?;
                }
            }
        }
        Ok(())
    }
}

impl<D: Device<f32>> Optimizer<Network<D>, D, f32> for WeightOptimizer<D> {
    fn update(
        &mut self,
        network: &mut Network<D>,
        gradients: &Gradients<f32, D>,
    ) -> Result<(), OptimizerUpdateError<D::Err>> {
        self.step(network, gradients).map_err(OptimizerUpdateError::DeviceError)
    }
}

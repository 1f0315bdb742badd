//! The leaky network over whole trials, forward and back through time, on the CPU.
//!
//! ## What is computed
//!
//! With rates `h` (one row a trial), inputs `x` and standard normals `ε`, from `h₀ = 0`:
//!
//! ```text
//! z_t = x_t W_in + h_{t−1} W_rec + b + σ ε_t        h_t = (1−α) h_{t−1} + α f(z_t)
//! u_t = h_t W_out + b_out                           ŷ_t = sigmoid(u_t)   or   softmax(u_t)
//! ```
//!
//! The cost is the mean over time, trials and outputs of `((y − ŷ)·mask)²`, or the mean over time and trials of
//! `mask · (−Σ y ln ŷ)`. Going back, with `g = ∂cost/∂h` and `v_t = ∂cost/∂u_t`:
//!
//! ```text
//! g_t = (1−α) g_{t+1} + dz_{t+1} W_recᵀ + v_t W_outᵀ        dz_t = α g_t ∘ f′(z_t)
//! ```
//!
//! ## How
//!
//! The batch is cut into shards of a fixed number of trials. A shard runs all its time steps without waiting for the
//! others, so threads need not meet until the end, and since the cut does not depend on the number of threads neither
//! does any result.
//!
//! Within a shard a step is one matrix product and one pass over its result. The forward product takes rows
//! `[h_{t−1} | x_t | 1]` times `[W_rec; W_in; b]`, so inputs and bias cost no product of their own. The pass adds the
//! noise, makes the new rates and leaves `f′(z)` behind, which the way back turns into `dz` in place. The backward
//! product takes rows `[dz_{t+1} | v_t]` times `[W_recᵀ; W_outᵀ]`. All weight gradients together are one product of the
//! stored rows, `[h_{t−1} | x_t | 1]ᵀ [dz_t | v_{t−1}]`, made in blocks of time while the rows are still in cache.

mod buffer;
mod elementwise;
mod output;
mod panels;
mod product;
#[cfg(test)]
mod reference;
mod shard;
mod tile;
#[cfg(target_arch = "x86_64")]
mod vector;
mod workspace;

pub use product::matrix_product_rate;
pub use workspace::Workspace;

use crate::error::{Error, Result};
use crate::hyperparameters::{Activation, Loss};
use crate::numerics::random::Noise;

/// The sizes of a network and a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimensions {
    /// Recurrent units, N.
    pub units: usize,
    /// Input channels, I.
    pub inputs: usize,
    /// Output channels, O.
    pub outputs: usize,
    /// Time steps, T.
    pub steps: usize,
    /// Trials, B.
    pub trials: usize,
}

impl Dimensions {
    /// Floating-point operations of a forward pass: a multiplication and an addition for each weight, trial and step.
    pub fn forward_operations(&self) -> f64 {
        let recurrent = self.units * (self.units + self.inputs + 1);
        2.0 * (self.steps * self.trials * (recurrent + self.units * self.outputs)) as f64
    }

    /// Floating-point operations of a training step: forward, back through time, and the weight gradients.
    pub fn training_operations(&self) -> f64 {
        let back = self.units * (self.units + self.outputs);
        let gradients = (self.units + self.inputs + 1) * (self.units + self.outputs);
        self.forward_operations() + 2.0 * (self.steps * self.trials * (back + gradients)) as f64
    }
}

/// The weights of a leaky network, each matrix row by row.
#[derive(Clone, Copy, Debug)]
pub struct Weights<'a> {
    /// Input weights, (input, unit).
    pub w_in: &'a [f32],
    /// Recurrent weights, (from unit, to unit).
    pub w_rec: &'a [f32],
    /// Bias of each unit.
    pub b_rec: &'a [f32],
    /// Output weights, (unit, output).
    pub w_out: &'a [f32],
    /// Bias of each output.
    pub b_out: &'a [f32],
}

/// The gradients of the cost by the weights, in the layout of [`Weights`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightGradients {
    /// By the input weights, (input, unit).
    pub w_in: Vec<f32>,
    /// By the recurrent weights, (from unit, to unit).
    pub w_rec: Vec<f32>,
    /// By the bias of each unit.
    pub b_rec: Vec<f32>,
    /// By the output weights, (unit, output).
    pub w_out: Vec<f32>,
    /// By the bias of each output.
    pub b_out: Vec<f32>,
}

/// A batch of trials, each array row by row.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Inputs, (time, trial, input).
    pub inputs: &'a [f32],
    /// Target outputs, (time, trial, output).
    pub targets: &'a [f32],
    /// Cost mask: (time, trial, output) for least squares, (time, trial) for cross-entropy.
    pub mask: &'a [f32],
}

/// What else decides a sweep over a batch.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// Rate of a unit as a function of its input.
    pub activation: Activation,
    /// How errors are counted.
    pub loss: Loss,
    /// Share of a rate that is renewed in a step.
    pub alpha: f32,
    /// Standard deviation of the noise on a unit's input in a step.
    pub noise_deviation: f32,
    /// The noise.
    pub noise: Noise,
    /// The step in the noise: a training step, say.
    pub noise_step: u32,
    /// Weight of the mean absolute rate in the cost.
    pub l1_h: f32,
    /// Weight of half the sum of squared rates in the cost.
    pub l2_h: f32,
}

/// The cost of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cost {
    /// The masked error.
    pub task: f64,
    /// What the rates themselves cost (`l1_h`, `l2_h`).
    pub activity: f64,
}

impl Weights<'_> {
    fn check(&self, dimensions: &Dimensions) -> Result<()> {
        let Dimensions { units, inputs, outputs, .. } = *dimensions;
        check_length("w_in", self.w_in.len(), &[inputs, units])?;
        check_length("w_rec", self.w_rec.len(), &[units, units])?;
        check_length("b_rec", self.b_rec.len(), &[units])?;
        check_length("w_out", self.w_out.len(), &[units, outputs])?;
        check_length("b_out", self.b_out.len(), &[outputs])
    }
}

impl Batch<'_> {
    fn check(&self, dimensions: &Dimensions, loss: Loss) -> Result<()> {
        let Dimensions { inputs, outputs, steps, trials, .. } = *dimensions;
        check_length("inputs", self.inputs.len(), &[steps, trials, inputs])?;
        check_length("targets", self.targets.len(), &[steps, trials, outputs])?;
        match loss {
            Loss::LeastSquares => check_length("mask", self.mask.len(), &[steps, trials, outputs]),
            Loss::CrossEntropy => check_length("mask", self.mask.len(), &[steps, trials]),
        }
    }
}

fn check_length(name: &str, found: usize, expected: &[usize]) -> Result<()> {
    let length = expected.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    if length == Some(found) && found > 0 {
        return Ok(());
    }
    let operation = "sweep over a batch";
    Err(Error::Shape { operation, name: name.to_owned(), found: vec![found], expected: expected.to_vec() })
}

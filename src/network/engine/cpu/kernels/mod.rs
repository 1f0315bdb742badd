//! Recurrent networks over whole trials, forward and back through time, on the CPU.
//!
//! ## What is computed
//!
//! With rates `h` (one row a trial) from `h₀ = 0`, inputs `x` and a cell that makes `h_t` of `h_{t−1}` and `x_t`:
//!
//! ```text
//! u_t = h_t W_out + b_out                           ŷ_t = sigmoid(u_t)   or   softmax(u_t)
//! ```
//!
//! The cost is the mean over time, trials and outputs of `((y − ŷ)·mask)²`, or the mean over time and trials of
//! `mask · (−Σ y ln ŷ)`. A cell is [`Fused`]: its products, and its passes over a row. The leaky one is, with standard
//! normals `ε`,
//!
//! ```text
//! z_t = x_t W_in + h_{t−1} W_rec + b + σ ε_t        h_t = (1−α) h_{t−1} + α f(z_t)
//! ```
//!
//! and going back, with `g = ∂cost/∂h` and `v_t = ∂cost/∂u_t`:
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
//! Within a shard a step of the leaky cell is one matrix product and one pass over its result. The forward product
//! takes rows `[h_{t−1} | x_t | 1]` times `[W_rec; W_in; b]`, so inputs and bias cost no product of their own. The pass
//! adds the noise, makes the new rates and leaves `f′(z)` behind, which the way back turns into `dz` in place. The
//! backward product takes rows `[dz_{t+1} | v_t]` times `[W_recᵀ; W_outᵀ]`. All weight gradients together are one
//! product of the stored rows, `[h_{t−1} | x_t | 1]ᵀ [dz_t | v_{t−1}]`, made in blocks of time while the rows are still
//! in cache. Other cells have more columns of gates in the place of `z`, or a second product.

mod backward;
mod buffer;
mod elementwise;
mod fused;
mod output;
mod panels;
mod product;
mod shard;
mod tile;
#[cfg(target_arch = "x86_64")]
mod vector;
mod workspace;

pub(crate) use buffer::Buffer;
pub(crate) use elementwise::{
    Elu, Power, RateFunction, Relu, Retanh, Softplus, Tanh, activate, activate_only, by_activation, through_activation,
};
pub(crate) use fused::{Accumulation, Array, Backward, Forward, Fused, Stack};
pub(crate) use panels::Block;
pub use product::matrix_product_rate;
pub(crate) use tile::{multiply_transposed, multiply_weights, multiply_weights_but_zeros};
pub(crate) use workspace::Workspace;

use std::ops::Range;

use crate::error::{Error, Result};
use crate::hyperparameters::{Activation, Loss};
use crate::numerics::random::Noise;

/// The sizes of a network and a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dimensions {
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

/// A batch of trials, each array row by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// Inputs, (time, trial, input).
    pub inputs: &'a [f32],
    /// Target outputs, (time, trial, output).
    pub targets: &'a [f32],
    /// Cost mask: (time, trial, output) for least squares, (time, trial) for cross-entropy.
    pub mask: &'a [f32],
}

/// What a sweep is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// Inputs alone, (time, trial, input).
    Inputs(&'a [f32]),
    /// Trials, with what they are graded by.
    Made(Batch<'a>),
    /// The same, whose arrays are made shard by shard.
    Drawn(&'a dyn Drawn),
}

/// Trials of which a thread makes the arrays of a shard just before it sweeps that, and has them in its cache.
pub(crate) trait Drawn: Sync + std::fmt::Debug {
    /// How many numbers inputs, targets and mask of all trials have.
    fn numbers(&self) -> [usize; 3];

    /// Makes inputs, targets and mask of some trials, (time, trial, channel), in memory that is used again; the last is
    /// room that it may use.
    fn make(&self, trials: Range<usize>, memory: &mut [Vec<f32>; 4]);
}

/// What else decides a sweep over a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
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
    /// The term that a user added (`extra_cost`).
    pub extra: f64,
}

impl Cost {
    /// All of it.
    pub fn total(&self) -> f64 {
        self.task + self.activity + self.extra
    }
}

impl Source<'_> {
    /// Whether it is of the sizes that `dimensions` says.
    fn check(&self, dimensions: &Dimensions, loss: Loss) -> Result<()> {
        let Dimensions { inputs, outputs, steps, trials, .. } = *dimensions;
        let mask_width = if loss == Loss::LeastSquares { outputs } else { 1 };
        let [of_inputs, of_targets, of_mask] = match self {
            Source::Inputs(values) => return check_length("inputs", values.len(), &[steps, trials, inputs]),
            Source::Made(Batch { inputs, targets, mask }) => [inputs.len(), targets.len(), mask.len()],
            Source::Drawn(drawn) => drawn.numbers(),
        };
        check_length("inputs", of_inputs, &[steps, trials, inputs])?;
        check_length("targets", of_targets, &[steps, trials, outputs])?;
        check_length("mask", of_mask, &[steps, trials, mask_width])
    }
}

fn check_length(name: &str, found: usize, expected: &[usize]) -> Result<()> {
    let length = expected.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    if length == Some(found) && found > 0 {
        return Ok(());
    }
    Err(Error::shape("sweep over a batch", name, &[found], expected))
}

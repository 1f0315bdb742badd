//! What the kernels ask of a cell: its products, and its passes over a row.

use crate::network::engine::cpu::kernels::buffer::Buffer;
use crate::network::engine::cpu::kernels::panels::{Block, Panels};
use crate::network::engine::cpu::kernels::{Dimensions, Sweep};
use crate::numerics::Level;
use crate::numerics::random::Noise;

/// An array of weights that a cell multiplies with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Array {
    /// Its name, for messages.
    pub(crate) name: &'static str,
    /// (rows, columns); a bias is one row.
    pub(crate) shape: (usize, usize),
}

/// A matrix that rows are multiplied with: its columns, and the blocks of weights that stand one below the other.
pub(crate) type Stack<'a> = (usize, Vec<Block<'a>>);

/// A cell as the kernels run it. All that depends on the cell is here; time, trials, outputs, cost and threads are not.
///
/// A step has a row a trial in three buffers: `[h_{t−1} | x_t | 1]`, from which its products are made; `gates`, which
/// hold pre-activations, then what the way back needs of them, then the gradients by the pre-activations; and `kept`,
/// whatever else a step leaves behind, for the next one or for the way back.
pub(crate) trait Fused: Send + Sync {
    /// The arrays that it multiplies with, in order; the output weights and their bias follow them.
    fn arrays(&self, dimensions: &Dimensions) -> Vec<Array>;

    /// The matrices whose gradients are made in one piece, each by the places of the arrays that stand in it one below
    /// the other.
    fn blocks(&self) -> &'static [&'static [usize]];

    /// Columns of the gates.
    fn gates(&self, units: usize) -> usize;

    /// The first column of the gates that reaches the rates of the step before through [`Fused::recurrent`].
    fn first_recurrent_gate(&self, _units: usize) -> usize {
        0
    }

    /// Numbers that a step keeps beside rates and gates, a trial.
    fn kept(&self, _units: usize) -> usize {
        0
    }

    /// Numbers that go back from one step to the step before beside the gradient by the rates, a trial.
    fn carried(&self, _units: usize) -> usize {
        0
    }

    /// The matrices of [`Forward::panels`]; those for the way back come last, and only if they are wanted.
    fn stacks<'a>(&self, dimensions: &Dimensions, arrays: &[&'a [f32]], for_training: bool) -> Vec<Stack<'a>>;

    /// The transposes of the weights from the rates of the step before to the gates, one below the other.
    fn recurrent<'a>(&self, dimensions: &Dimensions, arrays: &[&'a [f32]]) -> Vec<Block<'a>>;

    /// One time step of all trials of a shard.
    fn forward(&self, step: Forward<'_>);

    /// What remains of the gradient by the rates after a step, as [`Fused::backward`] left it, in that by the rates
    /// before it.
    fn remains(&self, sweep: &Sweep) -> f32;

    /// One time step back: gates become the gradients by their pre-activations.
    fn backward(&self, step: Backward<'_>);

    /// Adds the gradients of some steps to the sums, a buffer a block; `keep` is 0 where sums begin, and otherwise 1.
    fn add_gradients(&self, of: &Accumulation<'_>, sums: &mut [Buffer], keep: f32);
}

/// The noise of a step, a row a trial.
pub(crate) struct Normals<'a> {
    pub(super) level: Level,
    pub(super) noise: Noise,
    pub(super) noise_step: u32,
    pub(super) deviation: f32,
    pub(super) time: u32,
    pub(super) first_trial: usize,
    /// All 0 where there is no noise.
    pub(super) buffer: &'a mut [f32],
}

impl Normals<'_> {
    /// The standard normals of a trial of the shard, a number a unit; zeros where there is no noise.
    pub(crate) fn of(&mut self, trial: usize) -> &[f32] {
        if self.deviation != 0.0 {
            let trial = (self.first_trial + trial) as u32;
            self.noise.fill_at(self.level, self.noise_step, trial, self.time, self.buffer);
        }
        self.buffer
    }

    /// Numbers for a cell without noise, which multiplies them with 0.
    pub(crate) fn none(&self) -> &[f32] {
        self.buffer
    }
}

/// A time step to be made.
pub(crate) struct Forward<'a> {
    pub(crate) level: Level,
    pub(crate) sweep: &'a Sweep,
    pub(crate) units: usize,
    pub(crate) inputs: usize,
    pub(crate) trials: usize,
    /// The matrices of [`Fused::stacks`].
    pub(crate) panels: &'a [Panels],
    /// Whether this is the first step: all rates before it are 0.
    pub(crate) is_first: bool,
    /// Whether anybody goes back and so needs slopes.
    pub(crate) with_slopes: bool,
    /// Rows `[h_{t−1} | x_t | 1]`, `row` apart.
    pub(crate) before: &'a [f32],
    /// Rows whose first numbers become `h_t`.
    pub(crate) after: &'a mut [f32],
    pub(crate) row: usize,
    /// Rows of gates, `gate_row` apart.
    pub(crate) gates: &'a mut [f32],
    pub(crate) gate_row: usize,
    /// What the step before kept, rows `kept_row` apart; zeros before the first step.
    pub(crate) kept_before: &'a [f32],
    /// What this step keeps.
    pub(crate) kept: &'a mut [f32],
    pub(crate) kept_row: usize,
    pub(crate) normals: Normals<'a>,
}

/// A time step to go back through.
pub(crate) struct Backward<'a> {
    pub(crate) level: Level,
    pub(crate) sweep: &'a Sweep,
    pub(crate) units: usize,
    pub(crate) trials: usize,
    pub(crate) panels: &'a [Panels],
    /// Rows of gates as [`Fused::forward`] left them, `gate_row` apart; they become gradients by pre-activations.
    pub(crate) gates: &'a mut [f32],
    pub(crate) gate_row: usize,
    /// The gradient by the rates after this step, a row of units a trial.
    pub(crate) gradient: &'a mut [f32],
    /// Rows `[h_{t−1} | x_t | 1]`, `row` apart.
    pub(crate) before: &'a [f32],
    pub(crate) row: usize,
    /// What this step kept, rows `kept_row` apart.
    pub(crate) kept: &'a mut [f32],
    pub(crate) kept_row: usize,
    /// What came back from the step after this one, and goes on to the one before: as many numbers a trial as
    /// [`Fused::carried`] says, one trial behind the other; zeros after the last step.
    pub(crate) carried: &'a mut [f32],
}

/// Steps whose gradients are to be added up.
pub(crate) struct Accumulation<'a> {
    pub(crate) level: Level,
    pub(crate) units: usize,
    pub(crate) inputs: usize,
    /// Rows `[h_{t−1} | x_t | 1]` of all steps and trials, `row` apart.
    pub(crate) rows: &'a [f32],
    pub(crate) row: usize,
    /// Gradients by pre-activations, rows `gate_row` apart.
    pub(crate) gates: &'a [f32],
    pub(crate) gate_row: usize,
    /// What the steps kept, rows `kept_row` apart.
    pub(crate) kept: &'a [f32],
    pub(crate) kept_row: usize,
    /// Number of rows. Behind the last step there may be rows more, of zeros in the gates and of nothing in `kept`.
    pub(crate) count: usize,
    /// Number of rows that are steps.
    pub(crate) kept_count: usize,
}

//! A few trials of a batch, swept by one thread.

use std::ops::Range;

use crate::hyperparameters::Loss;
use crate::network::kernels::buffer::{Buffer, prefetch};
use crate::network::kernels::elementwise::{activate, activate_only, add_activity_cost, through_activation};
use crate::network::kernels::panels::{Block, Panels};
use crate::network::kernels::tile::{multiply_transposed, multiply_weights};
use crate::network::kernels::{Batch, Cost, Dimensions, Sweep, Weights, output};
use crate::numerics::Level;

/// Trials of a shard, at most. Fixed, so that results do not depend on the number of threads.
pub(super) const SHARD_TRIALS: usize = 8;
/// Rows (trials × steps) whose weight gradients are made in one product: few enough to be in cache still.
const GRADIENT_ROWS: usize = 256;
/// Steps whose outputs are made in one product; where nobody goes back, the only steps that are kept.
const OUTPUT_STEPS: usize = 8;

/// Weights as the products want them.
#[derive(Debug, Default)]
pub(super) struct PackedWeights {
    /// `[W_rec; W_in; b]`, (unit + input + 1, unit).
    pub(super) forward: Panels,
    /// `[W_recᵀ; W_outᵀ]`, (unit + output, unit).
    pub(super) backward: Panels,
    /// Output weights, (unit, output).
    pub(super) output: Panels,
    /// Bias of each output, again and again: once for every row whose outputs are made in one product.
    pub(super) b_out: Vec<f32>,
}

impl PackedWeights {
    /// Lays out the weights; those for the way back only if they are wanted.
    pub(super) fn fill(&mut self, level: Level, dimensions: &Dimensions, weights: &Weights<'_>, for_training: bool) {
        let Dimensions { units, outputs, .. } = *dimensions;
        let by_unit = |rows| Block::rows(rows, units);
        self.forward.fill(level, units, &[by_unit(weights.w_rec), by_unit(weights.w_in), by_unit(weights.b_rec)]);
        self.output.fill(level, outputs, &[Block::rows(weights.w_out, outputs)]);
        self.b_out = weights.b_out.repeat(OUTPUT_STEPS * SHARD_TRIALS);
        if for_training {
            let blocks = [Block::transposed(weights.w_rec, units), Block::transposed(weights.w_out, outputs)];
            self.backward.fill(level, units, &blocks);
        }
    }
}

/// What a sweep is asked for, the same for all shards.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) dimensions: Dimensions,
    pub(super) weights: &'a PackedWeights,
    pub(super) inputs: &'a [f32],
    pub(super) sweep: Sweep,
    pub(super) level: Level,
}

/// Where a shard's part of the results goes: one row a time step, the shard's trials side by side.
#[derive(Default)]
pub(super) struct Readout<'a> {
    /// Rates, each item (trial of the shard, unit) of one step.
    pub(super) hidden: Option<Vec<&'a mut [f32]>>,
    /// Outputs, each item (trial of the shard, output) of one step.
    pub(super) outputs: Option<Vec<&'a mut [f32]>>,
}

/// The buffers that a thread sweeps one shard after the other in, so that they stay in its cache.
///
/// `rows` holds a block for each time step that is kept and one more; a block holds a row a trial:
/// `[h_{t−1} | x_t | 1 | padding]`. `slopes` is laid out alike: `[f′(z_t) or dz_t | v_{t−1} | padding]`.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    rows: Buffer,
    slopes: Buffer,
    values: Buffer,
    value_gradients: Buffer,
    rate_gradients: Buffer,
    noise: Buffer,
}

/// What comes out of a shard.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// This shard's gradients by `[W_rec; W_in; b]`, (unit + input + 1, unit).
    pub(super) recurrent_gradients: Buffer,
    /// This shard's gradients by `[W_out; nothing; b_out]`, transposed: (output, unit + input + 1).
    pub(super) output_gradients: Buffer,
    /// The cost of this shard, not yet divided by the number of trials and steps.
    pub(super) cost: Cost,
}

/// The strides and sizes of a shard's buffers.
#[derive(Clone, Copy)]
struct Layout {
    trials: usize,
    row: usize,
    slope: usize,
}

impl Layout {
    fn of(dimensions: &Dimensions, trials: usize) -> Self {
        let Dimensions { units, inputs, outputs, .. } = *dimensions;
        // Rows begin at a multiple of 64 bytes.
        Layout { trials, row: (units + inputs + 1).next_multiple_of(16), slope: (units + outputs).next_multiple_of(16) }
    }
}

/// What a forward sweep is for.
pub(super) enum Purpose<'a> {
    /// Gradients: all history is kept, and the cost summed, with the gradient by the outputs' pre-activations, scaled.
    Training(&'a Batch<'a>, f32),
    /// The cost, if there is a batch to grade by, and what `readout` asks for.
    Reading(Option<&'a Batch<'a>>, Readout<'a>),
}

impl Scratch {
    /// Runs trials `first .. first + trials` forward; the cost is that of these trials, a sum.
    pub(super) fn forward(&mut self, job: &Job<'_>, first: usize, trials: usize, purpose: Purpose<'_>) -> Cost {
        let Dimensions { units, inputs, outputs, steps, .. } = job.dimensions;
        let layout = Layout::of(&job.dimensions, trials);
        let block = trials * layout.row;
        let (batch, gradient_scale, mut readout) = match purpose {
            Purpose::Training(batch, scale) => (Some(batch), Some(scale), Readout::default()),
            Purpose::Reading(batch, readout) => (batch, None, readout),
        };
        let training = gradient_scale.is_some();
        let kept = if training { steps } else { OUTPUT_STEPS };
        self.rows.grow((kept + 1) * block);
        self.slopes.grow((kept + 1) * trials * layout.slope);
        self.values.grow(OUTPUT_STEPS * trials * outputs);
        self.value_gradients.grow(kept * trials * outputs);
        self.noise.grow(units);
        if job.sweep.noise_deviation == 0.0 {
            self.noise.fill(0.0);
        }
        let mut cost = Cost::default();
        for row in self.rows[..block].chunks_exact_mut(layout.row) {
            row[..units].fill(0.0);
        }
        load_inputs(job, first, 0, &mut self.rows[..block], layout);

        // Outputs are made a few steps at a time: often enough that the rates are still in cache.
        for begin in (0..steps).step_by(OUTPUT_STEPS) {
            let count = OUTPUT_STEPS.min(steps - begin);
            let place = if training { begin } else { 0 };
            ask_for_window(job, first, layout, begin, count, batch, readout.outputs.as_deref());
            for step in 0..count {
                self.step(job, first, layout, begin + step, place + step, training);
            }
            let after = &self.rows[(place + 1) * block..(place + count + 1) * block];
            if let Some(hidden) = &mut readout.hidden {
                for (rows, step) in after.chunks_exact(block).zip(&mut hidden[begin..]) {
                    for (row, unit_rates) in rows.chunks_exact(layout.row).zip(step.chunks_exact_mut(units)) {
                        unit_rates.copy_from_slice(&row[..units]);
                    }
                }
            }
            if batch.is_some() || readout.outputs.is_some() {
                let of_window = self.outputs(job, first, layout, begin, place, count, batch, gradient_scale);
                cost.task += of_window.task;
                cost.activity += of_window.activity;
            }
            if let Some(kept) = &mut readout.outputs {
                for (values, step) in self.values.chunks_exact(trials * outputs).zip(&mut kept[begin..begin + count]) {
                    step.copy_from_slice(values);
                }
            }
            if !training {
                self.rows.copy_within(count * block..(count + 1) * block, 0);
            }
        }
        if training {
            // The bias of the outputs after the last step.
            for row in self.rows[steps * block..(steps + 1) * block].chunks_exact_mut(layout.row) {
                row[units..units + inputs].fill(0.0);
                row[units + inputs] = 1.0;
            }
        }
        cost
    }

    /// Time step `step` of all the shard's trials, from the rows at `place` to those after it.
    fn step(&mut self, job: &Job<'_>, first: usize, layout: Layout, step: usize, place: usize, with_slopes: bool) {
        let Dimensions { units, inputs, steps, .. } = job.dimensions;
        let Sweep { activation, alpha, noise_deviation, noise, noise_step, .. } = job.sweep;
        let Layout { trials, row, slope } = layout;
        let block = trials * row;
        if with_slopes {
            // A history too long for the cache would be waited for, line by line.
            prefetch(&self.rows[(place + 2) * block..], block);
            prefetch(&self.slopes[(place + 1) * trials * slope..], trials * slope);
        }
        let slopes = &mut self.slopes[place * trials * slope..][..trials * slope];
        let (before, after) = self.rows[place * block..(place + 2) * block].split_at_mut(block);
        // Before the first step no unit is active: only inputs and bias count.
        let inner = if step == 0 { units..units + inputs + 1 } else { 0..units + inputs + 1 };
        let left = &before[inner.start..];
        multiply_weights(&job.weights.forward, inner, trials, left, row, slopes, slope, 0.0);
        let activate = if with_slopes { activate } else { activate_only };
        let rows = slopes.chunks_exact_mut(slope).zip(before.chunks_exact(row));
        for (trial, ((slopes, before), after)) in rows.zip(after.chunks_exact_mut(row)).enumerate() {
            let normals = &mut self.noise[..units];
            if noise_deviation != 0.0 {
                noise.fill_at(job.level, noise_step, (first + trial) as u32, step as u32, normals);
            }
            let (slopes, before, after) = (&mut slopes[..units], &before[..units], &mut after[..units]);
            activate(job.level, activation, slopes, normals, noise_deviation, alpha, before, after);
        }
        if step + 1 < steps {
            load_inputs(job, first, step + 1, after, layout);
        }
    }

    /// The outputs after `count` steps from `begin` on, whose rates are in the rows after `place`; what they cost, and
    /// the gradient by their pre-activations.
    #[allow(clippy::too_many_arguments, reason = "one window, described in one place")]
    fn outputs(
        &mut self,
        job: &Job<'_>,
        first: usize,
        layout: Layout,
        begin: usize,
        place: usize,
        count: usize,
        batch: Option<&Batch<'_>>,
        gradient_scale: Option<f32>,
    ) -> Cost {
        let Dimensions { units, outputs, trials, .. } = job.dimensions;
        let rows = count * layout.trials;
        let values = &mut self.values[..rows * outputs];
        values.copy_from_slice(&job.weights.b_out[..rows * outputs]);
        let after = &self.rows[(place + 1) * layout.trials * layout.row..];
        multiply_weights(&job.weights.output, 0..units, rows, after, layout.row, values, outputs, 1.0);

        let mut cost = Cost::default();
        let Some(batch) = batch else {
            output::finish(job.level, job.sweep.loss, values, outputs);
            return cost;
        };
        let mask_width = if job.sweep.loss == Loss::LeastSquares { outputs } else { 1 };
        for step in 0..count {
            let of_trials = (begin + step) * trials + first;
            let mine = layout.trials * outputs;
            let gradient = gradient_scale
                .map(|scale| (&mut self.value_gradients[(place + step) * mine..(place + step + 1) * mine], scale));
            let grading = output::Grading {
                targets: &batch.targets[of_trials * outputs..][..mine],
                mask: &batch.mask[of_trials * mask_width..][..layout.trials * mask_width],
            };
            let values = &mut self.values[step * mine..(step + 1) * mine];
            cost.task += output::finish_and_grade(job.level, job.sweep.loss, values, grading, outputs, gradient);
        }
        if job.sweep.l1_h != 0.0 || job.sweep.l2_h != 0.0 {
            let l1_share = f64::from(job.sweep.l1_h) / (job.dimensions.steps * trials * units) as f64;
            for row in after[..rows * layout.row].chunks_exact(layout.row) {
                let sum: f64 = row[..units].iter().map(|rate| f64::from(rate.abs())).sum();
                let squares: f64 = row[..units].iter().map(|rate| f64::from(*rate).powi(2)).sum();
                cost.activity += l1_share * sum + 0.5 * f64::from(job.sweep.l2_h) * squares;
            }
        }
        cost
    }

    /// Back through time after [`Scratch::forward`] for training: fills the gradients of `shard`.
    pub(super) fn backward(&mut self, job: &Job<'_>, trials: usize, shard: &mut Shard) {
        let Dimensions { units, inputs, outputs, steps, .. } = job.dimensions;
        let Sweep { alpha, l1_h, l2_h, .. } = job.sweep;
        let layout = Layout::of(&job.dimensions, trials);
        let l1 = l1_h / (steps * job.dimensions.trials * units) as f32;
        self.rate_gradients.grow(trials * units);
        let width = units + inputs + 1;
        shard.recurrent_gradients.grow(width * units);
        shard.output_gradients.grow(outputs * width);
        let slope_block = trials * layout.slope;
        // No later step depends on the last one.
        let behind_last = &mut self.slopes[steps * slope_block..(steps + 1) * slope_block];
        for row in behind_last.chunks_exact_mut(layout.slope) {
            row[..units].fill(0.0);
        }
        load_value_gradients(&self.value_gradients, steps, behind_last, layout, units..units + outputs);

        let block_steps = (GRADIENT_ROWS / trials).max(1);
        let mut pending = steps + 1;
        let rate_gradients = &mut self.rate_gradients[..trials * units];
        for step in (0..steps).rev() {
            let (now, later) = self.slopes.split_at_mut((step + 1) * slope_block);
            let last = step + 1 == steps;
            if step > 0 {
                prefetch(&now[(step - 1) * slope_block..], slope_block);
                prefetch(&self.rows[(step - 1) * trials * layout.row..], trials * layout.row);
            }
            let (inner, keep) = if last { (units..units + outputs, 0.0) } else { (0..units + outputs, 1.0 - alpha) };
            let left = &later[inner.start..];
            multiply_weights(&job.weights.backward, inner, trials, left, layout.slope, rate_gradients, units, keep);
            let now = &mut now[step * slope_block..];
            load_value_gradients(&self.value_gradients, step, now, layout, units..units + outputs);
            let slopes = now.chunks_exact_mut(layout.slope);
            let rows = self.rows[(step + 1) * trials * layout.row..].chunks_exact(layout.row);
            for ((slopes, gradient), rates) in slopes.zip(rate_gradients.chunks_exact_mut(units)).zip(rows) {
                if l1_h != 0.0 || l2_h != 0.0 {
                    add_activity_cost(gradient, &rates[..units], l1, l2_h);
                }
                through_activation(job.level, &mut slopes[..units], gradient, alpha);
            }
            if step == 0 || pending - step >= block_steps {
                let count = (pending - step) * trials;
                let keep = if pending == steps + 1 { 0.0 } else { 1.0 };
                let rows = &self.rows[step * trials * layout.row..];
                let slopes = &self.slopes[step * slope_block..];
                let recurrent = &mut shard.recurrent_gradients;
                let sizes = (width, count, units);
                multiply_transposed(job.level, sizes, rows, layout.row, slopes, layout.slope, recurrent, keep);
                // The few output columns by themselves and lying down: standing up they would fill a register by half.
                let (output, sizes) = (&mut shard.output_gradients, (outputs, count, width));
                let by_output = &slopes[units..];
                multiply_transposed(job.level, sizes, by_output, layout.slope, rows, layout.row, output, keep);
                pending = step;
            }
        }
    }
}

/// Asks for what a window of steps needs of the batch. A batch has the trials of a step side by side, so the shard's share
/// of a step is a page or more from that of the next, which the processor does not foresee.
fn ask_for_window(
    job: &Job<'_>,
    first: usize,
    layout: Layout,
    begin: usize,
    count: usize,
    batch: Option<&Batch<'_>>,
    outputs: Option<&[&mut [f32]]>,
) {
    let Dimensions { inputs, trials, steps, .. } = job.dimensions;
    let share = |array: &[f32], step: usize| {
        let width = array.len() / (steps * trials);
        prefetch(&array[(step * trials + first) * width..], layout.trials * width);
    };
    for step in begin..begin + count {
        // Inputs are put into their row a step ahead.
        if step + 1 < steps {
            share(&job.inputs[..steps * trials * inputs], step + 1);
        }
        if let Some(batch) = batch {
            share(batch.targets, step);
            share(batch.mask, step);
        }
        if let Some(outputs) = outputs {
            prefetch(&*outputs[step], layout.trials * job.dimensions.outputs);
        }
    }
}

/// Puts the inputs of a step, and the 1 of the bias, into the rows before it.
fn load_inputs(job: &Job<'_>, first: usize, step: usize, rows: &mut [f32], layout: Layout) {
    let Dimensions { units, inputs, trials, .. } = job.dimensions;
    let values = job.inputs[(step * trials + first) * inputs..].chunks_exact(inputs);
    for (row, values) in rows.chunks_exact_mut(layout.row).zip(values) {
        row[units..units + inputs].copy_from_slice(values);
        row[units + inputs] = 1.0;
    }
}

/// Puts the gradients by the outputs after the step before `step` into that step's rows, at `columns`.
fn load_value_gradients(gradients: &[f32], step: usize, rows: &mut [f32], layout: Layout, columns: Range<usize>) {
    let Some(before) = step.checked_sub(1) else {
        return rows.chunks_exact_mut(layout.slope).for_each(|row| row[columns.clone()].fill(0.0));
    };
    let outputs = columns.len();
    let gradients = gradients[before * layout.trials * outputs..].chunks_exact(outputs);
    for (row, gradient) in rows.chunks_exact_mut(layout.slope).zip(gradients) {
        row[columns.clone()].copy_from_slice(gradient);
    }
}

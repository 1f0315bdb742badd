//! A few trials of a batch, swept by one thread.

use crate::hyperparameters::Loss;
use crate::network::kernels::buffer::Buffer;
use crate::network::kernels::elementwise::{activate, add_activity_cost, through_activation};
use crate::network::kernels::tile::{Panels, multiply_transposed};
use crate::network::kernels::{Batch, Cost, Dimensions, Sweep, output};
use crate::numerics::Level;

/// Rows (trials × steps) whose weight gradients are made in one product: few enough to be in cache still.
const GRADIENT_ROWS: usize = 256;

/// Weights as the products want them.
#[derive(Debug, Default)]
pub(super) struct PackedWeights {
    /// `[W_rec; W_in; b]`, (unit + input + 1, unit).
    pub(super) forward: Panels,
    /// `[W_recᵀ; W_outᵀ]`, (unit + output, unit).
    pub(super) backward: Panels,
    /// Output weights, (unit, output).
    pub(super) output: Panels,
    /// Bias of each output.
    pub(super) b_out: Vec<f32>,
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
/// `rows` holds a block for each time step of a window and one more; a block holds a row a trial:
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

impl Scratch {
    /// Runs trials `first .. first + trials` forward, `window` steps at a time, keeping the last window's history.
    ///
    /// With `batch`, the cost is summed; with `gradient_scale` also the gradient by the outputs' pre-activations is
    /// made (the window must then be the whole trial).
    #[allow(clippy::too_many_arguments, reason = "one sweep, described in one place")]
    pub(super) fn forward(
        &mut self,
        job: &Job<'_>,
        first: usize,
        trials: usize,
        window: usize,
        batch: Option<&Batch<'_>>,
        gradient_scale: Option<f32>,
        mut readout: Readout<'_>,
    ) -> Cost {
        let Dimensions { units, outputs, steps, .. } = job.dimensions;
        let layout = Layout::of(&job.dimensions, trials);
        let block = trials * layout.row;
        self.rows.grow((window + 1) * block);
        self.slopes.grow((window + 1) * trials * layout.slope);
        self.values.grow(window * trials * outputs);
        self.value_gradients.grow(window * trials * outputs);
        self.noise.grow(units);
        let mut cost = Cost::default();
        for row in self.rows[..block].chunks_exact_mut(layout.row) {
            row[..units].fill(0.0);
        }
        if job.sweep.noise_deviation == 0.0 {
            self.noise.fill(0.0);
        }

        let mut begin = 0;
        while begin < steps {
            let count = window.min(steps - begin);
            self.load_inputs(job, first, layout, begin, count);
            for step in 0..count {
                self.step(job, first, layout, begin, step);
            }
            let after = &self.rows[block..(count + 1) * block];
            if let Some(hidden) = &mut readout.hidden {
                for (rows, step) in after.chunks_exact(block).zip(&mut hidden[begin..]) {
                    for (row, unit_rates) in rows.chunks_exact(layout.row).zip(step.chunks_exact_mut(units)) {
                        unit_rates.copy_from_slice(&row[..units]);
                    }
                }
            }
            if batch.is_some() || readout.outputs.is_some() {
                let of_window = self.outputs(job, first, layout, begin, count, batch, gradient_scale);
                cost.task += of_window.task;
                cost.activity += of_window.activity;
            }
            if let Some(kept) = &mut readout.outputs {
                for (values, step) in self.values.chunks_exact(trials * outputs).zip(&mut kept[begin..begin + count]) {
                    step.copy_from_slice(values);
                }
            }
            if begin + count < steps {
                self.rows.copy_within(count * block..(count + 1) * block, 0);
            }
            begin += count;
        }
        cost
    }

    /// Puts the inputs of a window's steps, and the 1 of the bias, into their rows.
    fn load_inputs(&mut self, job: &Job<'_>, first: usize, layout: Layout, begin: usize, count: usize) {
        let Dimensions { units, inputs, trials, .. } = job.dimensions;
        for step in 0..=count {
            for trial in 0..layout.trials {
                let row = &mut self.rows[(step * layout.trials + trial) * layout.row..][..layout.row];
                if step < count {
                    let place = ((begin + step) * trials + first + trial) * inputs;
                    row[units..units + inputs].copy_from_slice(&job.inputs[place..][..inputs]);
                } else {
                    row[units..units + inputs].fill(0.0);
                }
                row[units + inputs] = 1.0;
            }
        }
    }

    /// One time step of all the shard's trials.
    fn step(&mut self, job: &Job<'_>, first: usize, layout: Layout, begin: usize, step: usize) {
        let Dimensions { units, .. } = job.dimensions;
        let Sweep { activation, alpha, noise_deviation, noise, noise_step, .. } = job.sweep;
        let block = layout.trials * layout.row;
        let slopes = &mut self.slopes[step * layout.trials * layout.slope..][..layout.trials * layout.slope];
        let (before, after) = self.rows[step * block..(step + 2) * block].split_at_mut(block);
        job.weights.forward.multiply(job.level, layout.trials, before, layout.row, slopes, layout.slope, 0.0);
        let rows = slopes.chunks_exact_mut(layout.slope).zip(before.chunks_exact(layout.row));
        for (trial, ((slopes, before), after)) in rows.zip(after.chunks_exact_mut(layout.row)).enumerate() {
            if noise_deviation != 0.0 {
                noise.fill_at(
                    job.level,
                    noise_step,
                    (first + trial) as u32,
                    (begin + step) as u32,
                    &mut self.noise[..units],
                );
            }
            activate(
                job.level,
                activation,
                &mut slopes[..units],
                &self.noise[..units],
                noise_deviation,
                alpha,
                &before[..units],
                &mut after[..units],
            );
        }
    }

    /// The outputs of a window, what they cost, and the gradient by their pre-activations.
    #[allow(clippy::too_many_arguments, reason = "one window, described in one place")]
    fn outputs(
        &mut self,
        job: &Job<'_>,
        first: usize,
        layout: Layout,
        begin: usize,
        count: usize,
        batch: Option<&Batch<'_>>,
        gradient_scale: Option<f32>,
    ) -> Cost {
        let Dimensions { units, outputs, trials, .. } = job.dimensions;
        let rows = count * layout.trials;
        let values = &mut self.values[..rows * outputs];
        for row in values.chunks_exact_mut(outputs) {
            row.copy_from_slice(&job.weights.b_out);
        }
        let after = &self.rows[layout.trials * layout.row..];
        job.weights.output.multiply(job.level, rows, after, layout.row, values, outputs, 1.0);

        let mut cost = Cost::default();
        let Some(batch) = batch else {
            output::finish(job.level, job.sweep.loss, values, outputs);
            return cost;
        };
        let mask_width = if job.sweep.loss == Loss::LeastSquares { outputs } else { 1 };
        for step in 0..count {
            let place = (begin + step) * trials + first;
            let mine = step * layout.trials * outputs..(step + 1) * layout.trials * outputs;
            let gradient = gradient_scale.map(|scale| (&mut self.value_gradients[mine.clone()], scale));
            let grading = output::Grading {
                targets: &batch.targets[place * outputs..][..layout.trials * outputs],
                mask: &batch.mask[place * mask_width..][..layout.trials * mask_width],
            };
            let values = &mut self.values[mine];
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

    /// Back through time after [`Scratch::forward`] over the whole trial: fills the gradients of `shard`.
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
        for step in 0..=steps {
            for trial in 0..trials {
                let row = &mut self.slopes[step * slope_block + trial * layout.slope..][..layout.slope];
                if step == steps {
                    row[..units].fill(0.0);
                }
                let of_outputs = &mut row[units..units + outputs];
                match step.checked_sub(1) {
                    None => of_outputs.fill(0.0),
                    Some(before) => {
                        let place = (before * trials + trial) * outputs;
                        of_outputs.copy_from_slice(&self.value_gradients[place..][..outputs]);
                    }
                }
            }
        }

        let block_steps = (GRADIENT_ROWS / trials).max(1);
        let mut pending = steps + 1;
        let rate_gradients = &mut self.rate_gradients[..trials * units];
        for step in (0..steps).rev() {
            let (now, later) = self.slopes.split_at_mut((step + 1) * slope_block);
            let keep = if step + 1 == steps { 0.0 } else { 1.0 - alpha };
            job.weights.backward.multiply(job.level, trials, later, layout.slope, rate_gradients, units, keep);
            let slopes = now[step * slope_block..].chunks_exact_mut(layout.slope);
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

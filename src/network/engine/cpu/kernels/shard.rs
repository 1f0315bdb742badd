//! A few trials of a batch, swept by one thread.

use crate::hyperparameters::Loss;
use crate::network::engine::cpu::kernels::buffer::{Buffer, prefetch};
use crate::network::engine::cpu::kernels::fused::{Forward, Fused, Normals};
use crate::network::engine::cpu::kernels::panels::{Block, Panels};
use crate::network::engine::cpu::kernels::tile::multiply_weights;
use crate::network::engine::cpu::kernels::{Cost, Dimensions, Sweep, output};
use crate::numerics::Level;

/// Trials of a shard, at most. Fixed, so that results do not depend on the number of threads.
pub(super) const SHARD_TRIALS: usize = 8;
/// Steps whose outputs are made in one product; where nobody goes back, the only steps that are kept.
const OUTPUT_STEPS: usize = 8;

/// Weights as the products want them.
#[derive(Debug, Default)]
pub(super) struct PackedWeights {
    /// The matrices of the cell's own products.
    pub(super) panels: Vec<Panels>,
    /// The transposes of the weights from rates to gates, then that of the output weights, (gate + output, unit).
    pub(super) backward: Panels,
    /// Output weights, (unit, output).
    output: Panels,
    /// Bias of each output, again and again: once for every row whose outputs are made in one product.
    b_out: Vec<f32>,
}

impl PackedWeights {
    /// Lays out the arrays of a cell, which the output weights and their bias follow; those for the way back only if
    /// they are wanted.
    pub(super) fn fill(
        &mut self,
        cell: &dyn Fused,
        level: Level,
        dimensions: &Dimensions,
        weights: &[&[f32]],
        for_training: bool,
    ) {
        let Dimensions { units, outputs, .. } = *dimensions;
        let (arrays, of_outputs) = weights.split_at(weights.len() - 2);
        let stacks = cell.stacks(dimensions, arrays, for_training);
        self.panels.resize_with(stacks.len().max(self.panels.len()), Panels::default);
        for (panels, (columns, blocks)) in self.panels.iter_mut().zip(stacks) {
            panels.fill(level, columns, &blocks);
        }
        self.output.fill(level, outputs, &[Block::rows(of_outputs[0], outputs)]);
        self.b_out = of_outputs[1].repeat(OUTPUT_STEPS * SHARD_TRIALS);
        if for_training {
            let mut blocks = cell.recurrent(dimensions, arrays);
            blocks.push(Block::transposed(of_outputs[0], outputs));
            self.backward.fill(level, units, &blocks);
        }
    }
}

/// What a sweep is asked for, the same for all shards.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub(super) cell: &'a dyn Fused,
    pub(super) dimensions: Dimensions,
    pub(super) weights: &'a PackedWeights,
    pub(super) sweep: Sweep,
    pub(super) level: Level,
}

/// The arrays in which a shard's trials stand.
#[derive(Clone, Copy)]
pub(super) struct Arrays<'a> {
    /// Inputs, (time, trial, input).
    pub(super) inputs: &'a [f32],
    /// What outputs are graded by, if they are.
    pub(super) grading: Option<output::Grading<'a>>,
    /// Trials that stand side by side in a time step.
    pub(super) side_by_side: usize,
    /// The shard's first among them.
    pub(super) first: usize,
}

/// Where a shard's part of the results goes: one row a time step, the shard's trials side by side.
#[derive(Default)]
pub(super) struct Readout<'a> {
    /// Rates, each item (trial of the shard, unit) of one step.
    pub(super) hidden: Option<Vec<&'a mut [f32]>>,
    /// Outputs, each item (trial of the shard, output) of one step: of the last steps, as many as there are items.
    pub(super) outputs: Option<Vec<&'a mut [f32]>>,
}

/// The buffers that a thread sweeps one shard after the other in, so that they stay in its cache.
///
/// `rows` holds a block for each time step that is kept and one more; a block holds a row a trial:
/// `[h_{t−1} | x_t | 1 | padding]`. `gates` is laid out alike:
/// `[what the cell keeps of z_t, or dz_t | v_{t−1} | padding]`.
/// What step t keeps stands in block t + 1 of `kept`, behind one of zeros.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) rows: Buffer,
    pub(super) gates: Buffer,
    pub(super) kept: Buffer,
    pub(super) carried: Buffer,
    values: Buffer,
    pub(super) value_gradients: Buffer,
    pub(super) rate_gradients: Buffer,
    noise: Buffer,
    /// Inputs, targets and mask of a shard whose trials were but drawn, and room to make them.
    pub(super) made: [Vec<f32>; 4],
}

/// What comes out of a shard.
#[derive(Debug, Default)]
pub(super) struct Shard {
    /// This shard's gradients by each of the cell's blocks.
    pub(super) block_gradients: Vec<Buffer>,
    /// This shard's gradients by `[W_out; nothing; b_out]`, transposed: (output, unit + input + 1).
    pub(super) output_gradients: Buffer,
    /// Whether anything was added to them yet.
    pub(super) has_gradients: bool,
    /// The cost of this shard, not yet divided by the number of trials and steps.
    pub(super) cost: Cost,
}

/// The strides and sizes of a shard's buffers.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    pub(super) trials: usize,
    pub(super) row: usize,
    /// Columns of the gates.
    pub(super) gates: usize,
    pub(super) gate_row: usize,
    pub(super) kept_row: usize,
}

impl Layout {
    pub(super) fn of(cell: &dyn Fused, dimensions: &Dimensions, trials: usize) -> Self {
        let Dimensions { units, inputs, outputs, .. } = *dimensions;
        let gates = cell.gates(units);
        // Rows begin at a multiple of 64 bytes.
        let [row, gate_row, kept_row] =
            [units + inputs + 1, gates + outputs, cell.kept(units)].map(|width| width.next_multiple_of(16));
        Layout { trials, row, gates, gate_row, kept_row }
    }
}

/// What a forward sweep is for.
pub(super) enum Purpose<'a> {
    /// Gradients: all history is kept, and the cost summed, with the gradient by the outputs' pre-activations, scaled.
    Training(f32),
    /// The cost, if there is something to grade by, and what the readout asks for.
    Reading(Readout<'a>),
}

impl Scratch {
    /// Runs trials `first .. first + trials` of the batch forward; the cost is that of these trials, a sum.
    pub(super) fn forward(
        &mut self,
        job: &Job<'_>,
        (first, trials): (usize, usize),
        arrays: Arrays<'_>,
        purpose: Purpose<'_>,
    ) -> Cost {
        let Dimensions { units, inputs, outputs, steps, .. } = job.dimensions;
        let layout = Layout::of(job.cell, &job.dimensions, trials);
        let block = trials * layout.row;
        let (gradient_scale, mut readout) = match purpose {
            Purpose::Training(scale) => (Some(scale), Readout::default()),
            Purpose::Reading(readout) => (None, readout),
        };
        let training = gradient_scale.is_some();
        let kept = if training { steps } else { OUTPUT_STEPS };
        self.rows.grow((kept + 1) * block);
        self.gates.grow((kept + 1) * trials * layout.gate_row);
        let kept_block = trials * layout.kept_row;
        self.kept.grow((kept + 1) * kept_block);
        self.kept[..kept_block].fill(0.0);
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
        load_inputs(job, arrays, 0, &mut self.rows[..block], layout);

        // Outputs are made a few steps at a time: often enough that the rates are still in cache.
        for begin in (0..steps).step_by(OUTPUT_STEPS) {
            let count = OUTPUT_STEPS.min(steps - begin);
            let place = if training { begin } else { 0 };
            ask_for_window(job, arrays, layout, begin, count, readout.outputs.as_deref());
            for step in 0..count {
                self.step(job, first, arrays, layout, begin + step, place + step, training);
            }
            let after = &self.rows[(place + 1) * block..(place + count + 1) * block];
            if let Some(hidden) = &mut readout.hidden {
                for (rows, step) in after.chunks_exact(block).zip(&mut hidden[begin..]) {
                    for (row, unit_rates) in rows.chunks_exact(layout.row).zip(step.chunks_exact_mut(units)) {
                        unit_rates.copy_from_slice(&row[..units]);
                    }
                }
            }
            let are_kept = readout.outputs.as_ref().is_some_and(|kept| begin + count + kept.len() > steps);
            if arrays.grading.is_some() || are_kept {
                let of_window = self.outputs(job, arrays, layout, begin, place, count, gradient_scale);
                cost.task += of_window.task;
                cost.activity += of_window.activity;
            }
            if let (Some(kept), true) = (&mut readout.outputs, are_kept) {
                let not_kept = steps - kept.len();
                let values = self.values.chunks_exact(trials * outputs).zip(begin..begin + count);
                for (values, step) in values.filter(|(_, step)| *step >= not_kept) {
                    kept[step - not_kept].copy_from_slice(values);
                }
            }
            if !training {
                self.rows.copy_within(count * block..(count + 1) * block, 0);
                self.kept.copy_within(count * kept_block..(count + 1) * kept_block, 0);
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
    #[allow(clippy::too_many_arguments, reason = "one step, described in one place")]
    fn step(
        &mut self,
        job: &Job<'_>,
        first: usize,
        arrays: Arrays<'_>,
        layout: Layout,
        step: usize,
        place: usize,
        with_slopes: bool,
    ) {
        let Dimensions { units, inputs, steps, .. } = job.dimensions;
        let Layout { trials, row, gate_row, kept_row, .. } = layout;
        let (block, kept_block) = (trials * row, trials * kept_row);
        if with_slopes {
            // A history too long for the cache would be waited for, line by line.
            prefetch(&self.rows[(place + 2) * block..], block);
            prefetch(&self.gates[(place + 1) * trials * gate_row..], trials * gate_row);
            if kept_block > 0 {
                prefetch(&self.kept[(place + 2) * kept_block..], kept_block);
            }
        }
        let (before, after) = self.rows[place * block..(place + 2) * block].split_at_mut(block);
        let (kept_before, kept) = self.kept[place * kept_block..(place + 2) * kept_block].split_at_mut(kept_block);
        job.cell.forward(Forward {
            level: job.level,
            sweep: &job.sweep,
            units,
            inputs,
            trials,
            panels: &job.weights.panels,
            is_first: step == 0,
            with_slopes,
            before,
            after,
            row,
            gates: &mut self.gates[place * trials * gate_row..][..trials * gate_row],
            gate_row,
            kept_before,
            kept,
            kept_row,
            normals: Normals {
                level: job.level,
                noise: job.sweep.noise,
                noise_step: job.sweep.noise_step,
                deviation: job.sweep.noise_deviation,
                time: step as u32,
                first_trial: first,
                buffer: &mut self.noise[..units],
            },
        });
        if step + 1 < steps {
            load_inputs(job, arrays, step + 1, after, layout);
        }
    }

    /// The outputs after `count` steps from `begin` on, whose rates are in the rows after `place`; what they cost, and
    /// the gradient by their pre-activations.
    #[allow(clippy::too_many_arguments, reason = "one window, described in one place")]
    fn outputs(
        &mut self,
        job: &Job<'_>,
        arrays: Arrays<'_>,
        layout: Layout,
        begin: usize,
        place: usize,
        count: usize,
        gradient_scale: Option<f32>,
    ) -> Cost {
        let Dimensions { units, outputs, trials, .. } = job.dimensions;
        let rows = count * layout.trials;
        let values = &mut self.values[..rows * outputs];
        values.copy_from_slice(&job.weights.b_out[..rows * outputs]);
        let after = &self.rows[(place + 1) * layout.trials * layout.row..];
        multiply_weights(&job.weights.output, 0..units, rows, after, layout.row, values, outputs, 1.0);

        let mut cost = Cost::default();
        let Some(grading) = arrays.grading else {
            output::finish(job.level, job.sweep.loss, values, outputs);
            return cost;
        };
        let mask_width = if job.sweep.loss == Loss::LeastSquares { outputs } else { 1 };
        for step in 0..count {
            let of_trials = (begin + step) * arrays.side_by_side + arrays.first;
            let mine = layout.trials * outputs;
            let gradient = gradient_scale
                .map(|scale| (&mut self.value_gradients[(place + step) * mine..(place + step + 1) * mine], scale));
            let grading = output::Grading {
                targets: &grading.targets[of_trials * outputs..][..mine],
                mask: &grading.mask[of_trials * mask_width..][..layout.trials * mask_width],
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
}

/// Asks for what a window of steps needs of the batch. A batch has the trials of a step side by side, so the shard's
/// share of a step is a page or more from that of the next, which the processor does not foresee.
fn ask_for_window(
    job: &Job<'_>,
    arrays: Arrays<'_>,
    layout: Layout,
    begin: usize,
    count: usize,
    outputs: Option<&[&mut [f32]]>,
) {
    let Dimensions { inputs, steps, .. } = job.dimensions;
    let Arrays { side_by_side, first, .. } = arrays;
    let share = |array: &[f32], step: usize| {
        let width = array.len() / (steps * side_by_side);
        prefetch(&array[(step * side_by_side + first) * width..], layout.trials * width);
    };
    for step in begin..begin + count {
        // Inputs are put into their row a step ahead.
        if step + 1 < steps {
            share(&arrays.inputs[..steps * side_by_side * inputs], step + 1);
        }
        if let Some(output::Grading { targets, mask }) = arrays.grading {
            share(targets, step);
            share(mask, step);
        }
        if let Some(outputs) = outputs
            && let Some(place) = step.checked_sub(steps - outputs.len())
        {
            prefetch(&*outputs[place], layout.trials * job.dimensions.outputs);
        }
    }
}

/// Puts the inputs of a step, and the 1 of the bias, into the rows before it.
fn load_inputs(job: &Job<'_>, arrays: Arrays<'_>, step: usize, rows: &mut [f32], layout: Layout) {
    let Dimensions { units, inputs, .. } = job.dimensions;
    let before = step * arrays.side_by_side + arrays.first;
    let values = &arrays.inputs[before * inputs..][..layout.trials * inputs];
    for trial in 0..layout.trials {
        let row = &mut rows[trial * layout.row + units..][..=inputs];
        row[..inputs].copy_from_slice(&values[trial * inputs..][..inputs]);
        row[inputs] = 1.0;
    }
}

//! A shard's way back through time.

use std::ops::Range;
use std::sync::mpsc::channel;

use crate::network::engine::cpu::kernels::Dimensions;
use crate::network::engine::cpu::kernels::buffer::prefetch;
use crate::network::engine::cpu::kernels::elementwise::add_activity_cost;
use crate::network::engine::cpu::kernels::fused::{Accumulation, Backward};
use crate::network::engine::cpu::kernels::shard::{Job, Layout, Scratch, Shard};
use crate::network::engine::cpu::kernels::tile::{multiply_transposed, multiply_weights};

/// Rows (trials × steps) whose weight gradients are made in one product: few enough to be in cache still.
const GRADIENT_ROWS: usize = 256;

impl Scratch {
    /// Back through time after [`Scratch::forward`] for training: fills the gradients of `shard`.
    ///
    /// With a thread to spare (`beside`) the gradients by the weights of later steps are made while this one goes on to
    /// earlier steps: a third of a step of training less to wait for. They are the same products, in the same order.
    pub(super) fn backward(&mut self, job: &Job<'_>, trials: usize, shard: &mut Shard, beside: bool) {
        shard.begin(job);
        if beside {
            let (done, blocks) = channel();
            // Where no other thread takes the second part, it comes after the first, and finds all blocks there.
            rayon::join(
                // Nobody has stopped listening before the sender is gone.
                move || self.back_through_time(job, trials, &mut |block| drop(done.send(block))),
                || blocks.into_iter().for_each(|block| shard.add(job, &block)),
            );
        } else {
            self.back_through_time(job, trials, &mut |block| shard.add(job, &block));
        }
    }

    /// Goes back through time, and tells `done` of each block of steps whose gradients can be added up, the last first.
    fn back_through_time<'a>(&'a mut self, job: &Job<'_>, trials: usize, done: &mut dyn FnMut(Accumulation<'a>)) {
        let Dimensions { units, inputs, outputs, steps, .. } = job.dimensions;
        let sweep = &job.sweep;
        let layout = Layout::of(job.cell, &job.dimensions, trials);
        let Layout { row, gates, gate_row, kept_row, .. } = layout;
        let l1 = sweep.l1_h / (steps * job.dimensions.trials * units) as f32;
        self.rate_gradients.grow(trials * units);
        let carried = trials * job.cell.carried(units);
        self.carried.grow(carried);
        let (block, gate_block, kept_block) = (trials * row, trials * gate_row, trials * kept_row);
        let rows = &self.rows[..(steps + 1) * block];
        let (rate_gradients, carried) = (&mut self.rate_gradients[..trials * units], &mut self.carried[..carried]);
        carried.fill(0.0);
        // What is left of both belongs to steps that are still to come.
        let mut earlier_gates = &mut self.gates[..(steps + 1) * gate_block];
        let mut earlier_kept = &mut self.kept[..(steps + 1) * kept_block];
        // No later step depends on the last one.
        let behind_last = &mut earlier_gates[steps * gate_block..];
        for row in behind_last.chunks_exact_mut(gate_row) {
            row[..gates].fill(0.0);
        }
        load_value_gradients(&self.value_gradients, steps, behind_last, layout, gates..gates + outputs);

        let first_recurrent = job.cell.first_recurrent_gate(units);
        let (reaching, remains) = (gates - first_recurrent, job.cell.remains(sweep));
        let block_steps = (GRADIENT_ROWS / trials).max(1);
        let mut end = steps + 1;
        // Gates of the step after the block.
        let mut following: &[f32] = &[];
        while end > 0 {
            let begin = end.saturating_sub(block_steps);
            let (before_gates, of_block) = earlier_gates.split_at_mut(begin * gate_block);
            let (before_kept, kept_of_block) = earlier_kept.split_at_mut((begin + 1) * kept_block);
            for step in (begin..end.min(steps)).rev() {
                let (now, later) = of_block.split_at_mut((step + 1 - begin) * gate_block);
                let later = if later.is_empty() { following } else { later };
                if step > begin {
                    prefetch(&now[(step - begin - 1) * gate_block..], gate_block);
                    prefetch(&kept_of_block[(step - begin - 1) * kept_block..], kept_block);
                } else if step > 0 {
                    prefetch(&before_gates[(step - 1) * gate_block..], gate_block);
                    prefetch(&before_kept[step * kept_block..], kept_block);
                }
                if step > 0 {
                    prefetch(&rows[(step - 1) * block..], block);
                }
                let (inner, keep) = match step + 1 == steps {
                    true => (reaching..reaching + outputs, 0.0),
                    false => (0..reaching + outputs, remains),
                };
                let left = &later[first_recurrent + inner.start..];
                multiply_weights(&job.weights.backward, inner, trials, left, gate_row, rate_gradients, units, keep);
                let now = &mut now[(step - begin) * gate_block..];
                load_value_gradients(&self.value_gradients, step, now, layout, gates..gates + outputs);
                if sweep.l1_h != 0.0 || sweep.l2_h != 0.0 {
                    let rates = rows[(step + 1) * block..].chunks_exact(row);
                    for (gradient, rates) in rate_gradients.chunks_exact_mut(units).zip(rates) {
                        add_activity_cost(gradient, &rates[..units], l1, sweep.l2_h);
                    }
                }
                job.cell.backward(Backward {
                    level: job.level,
                    sweep,
                    units,
                    trials,
                    panels: &job.weights.panels,
                    gates: now,
                    gate_row,
                    gradient: rate_gradients,
                    before: &rows[step * block..][..block],
                    row,
                    kept: &mut kept_of_block[(step - begin) * kept_block..][..kept_block],
                    kept_row,
                    carried,
                });
            }
            let of_block: &[f32] = of_block;
            done(Accumulation {
                level: job.level,
                units,
                inputs,
                rows: &rows[begin * block..],
                row,
                gates: of_block,
                gate_row,
                kept: kept_of_block,
                kept_row,
                count: (end - begin) * trials,
                kept_count: (end.min(steps) - begin) * trials,
            });
            following = of_block;
            (earlier_gates, earlier_kept) = (before_gates, before_kept);
            end = begin;
        }
    }
}

impl Shard {
    /// Makes room for the gradients of a network, of which there are none yet.
    fn begin(&mut self, job: &Job<'_>) {
        let (cell, dimensions) = (job.cell, &job.dimensions);
        let (arrays, blocks) = (cell.arrays(dimensions), cell.blocks());
        self.block_gradients.resize_with(blocks.len().max(self.block_gradients.len()), Default::default);
        for (buffer, block) in self.block_gradients.iter_mut().zip(blocks) {
            buffer.grow(block.iter().map(|place| arrays[*place].shape.0 * arrays[*place].shape.1).sum());
        }
        self.output_gradients.grow(dimensions.outputs * (dimensions.units + dimensions.inputs + 1));
        self.has_gradients = false;
    }

    /// Adds the gradients of some steps.
    fn add(&mut self, job: &Job<'_>, of: &Accumulation<'_>) {
        let Dimensions { units, inputs, outputs, .. } = job.dimensions;
        let keep = if self.has_gradients { 1.0 } else { 0.0 };
        job.cell.add_gradients(of, &mut self.block_gradients, keep);
        // The few output columns by themselves and lying down: standing up they would fill a register by half.
        let (sizes, by_outputs) = ((outputs, of.count, units + inputs + 1), &of.gates[job.cell.gates(units)..]);
        let sums = &mut self.output_gradients;
        multiply_transposed(of.level, sizes, by_outputs, of.gate_row, of.rows, of.row, sums, keep);
        self.has_gradients = true;
    }
}

/// Puts the gradients by the outputs after the step before `step` into that step's rows, at `columns`.
fn load_value_gradients(gradients: &[f32], step: usize, rows: &mut [f32], layout: Layout, columns: Range<usize>) {
    let Some(before) = step.checked_sub(1) else {
        return rows.chunks_exact_mut(layout.gate_row).for_each(|row| row[columns.clone()].fill(0.0));
    };
    let outputs = columns.len();
    let gradients = gradients[before * layout.trials * outputs..].chunks_exact(outputs);
    for (row, gradient) in rows.chunks_exact_mut(layout.gate_row).zip(gradients) {
        row[columns.clone()].copy_from_slice(gradient);
    }
}

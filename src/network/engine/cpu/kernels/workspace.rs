//! Sweeps over a batch on several threads, with buffers that are allocated once.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::hyperparameters::Loss;
use crate::network::engine::cpu::kernels::fused::{Array, Fused};
use crate::network::engine::cpu::kernels::output::Grading;
use crate::network::engine::cpu::kernels::shard::{
    Arrays, Job, PackedWeights, Purpose, Readout, SHARD_TRIALS, Scratch, Shard,
};
use crate::network::engine::cpu::kernels::{Batch, Cost, Dimensions, Source, Sweep, check_length};
use crate::numerics::Level;

/// Gradients that a thread adds up at a time: few enough that their sums stay in the first-level cache.
const SUM_CHUNK: usize = 2048;

/// Threads and buffers for sweeps; keep one and use it for every step of a training run.
#[derive(Debug)]
pub(crate) struct Workspace {
    pool: rayon::ThreadPool,
    level: Level,
    weights: PackedWeights,
    /// One for each thread.
    scratches: Vec<Mutex<Scratch>>,
    shards: Vec<Shard>,
}

impl Workspace {
    /// A workspace of `threads` threads; 0 takes one a processor core.
    pub(crate) fn new(threads: usize) -> Result<Self> {
        Workspace::with_level(threads, Level::detect())
    }

    /// A workspace that uses the given vector instructions.
    pub(crate) fn with_level(threads: usize, level: Level) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|source| {
            Error::argument(format!("{threads} threads could not be started ({source})"), "ask for fewer")
        })?;
        let scratches = (0..pool.current_num_threads()).map(|_| Mutex::default()).collect();
        Ok(Workspace { pool, level, weights: PackedWeights::default(), scratches, shards: Vec::new() })
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The cost of a batch and its gradients by the weights, which replace what `gradients` held. Weights and gradients
    /// are the cell's arrays in their order, then the output weights and their bias.
    ///
    /// An [`Error::Shape`] if an array has another size than `dimensions` says.
    pub(crate) fn gradients(
        &mut self,
        cell: &dyn Fused,
        dimensions: Dimensions,
        weights: &[&[f32]],
        source: Source<'_>,
        sweep: &Sweep,
        gradients: &mut Vec<Vec<f32>>,
    ) -> Result<Cost> {
        check_weights(cell, &dimensions, weights)?;
        source.check(&dimensions, sweep.loss)?;
        let scale = 1.0 / cost_count(&dimensions, sweep.loss) as f32;
        let Workspace { pool, level, weights: packed, scratches, shards } = self;
        let shards = shards_of(shards, dimensions.trials);
        let beside = pool.current_num_threads() > shards.len();
        // One visit to the pool for everything: waking its threads takes as long as summing the gradients.
        pool.install(|| {
            packed.fill(cell, *level, &dimensions, weights, true);
            let job = Job { cell, dimensions, weights: packed, sweep: *sweep, level: *level };
            shards.par_iter_mut().enumerate().with_max_len(1).for_each(|(index, shard)| {
                let part = part(index, dimensions.trials);
                let mut scratch = of_this_thread(scratches);
                shard.cost = sweep_part(&mut scratch, &job, part, source, Purpose::Training(scale));
                scratch.backward(&job, part.1, shard, beside);
            });
            sum_gradients(cell, &dimensions, shards, gradients);
        });
        Ok(total_cost(&dimensions, sweep.loss, shards))
    }

    /// The cost and the outputs of a batch: `outputs` takes those of the last time steps, as many as it has room for,
    /// (time, trial, output), after the sigmoid or softmax.
    pub(crate) fn evaluate(
        &mut self,
        cell: &dyn Fused,
        dimensions: Dimensions,
        weights: &[&[f32]],
        source: Source<'_>,
        sweep: &Sweep,
        outputs: &mut [f32],
    ) -> Result<Cost> {
        self.sweep_forward(cell, dimensions, weights, source, sweep, None, Some(outputs))?;
        Ok(total_cost(&dimensions, sweep.loss, shards_of(&mut self.shards, dimensions.trials)))
    }

    /// Runs a batch without grading it: `hidden` takes the rates, (time, trial, unit), `outputs` the outputs, as
    /// [`Workspace::evaluate`] has them.
    #[allow(clippy::too_many_arguments, reason = "a cell, its weights, a batch, and where results go")]
    pub(crate) fn run(
        &mut self,
        cell: &dyn Fused,
        dimensions: Dimensions,
        weights: &[&[f32]],
        inputs: &[f32],
        sweep: &Sweep,
        hidden: Option<&mut [f32]>,
        outputs: Option<&mut [f32]>,
    ) -> Result<()> {
        self.sweep_forward(cell, dimensions, weights, Source::Inputs(inputs), sweep, hidden, outputs)
    }

    #[allow(clippy::too_many_arguments, reason = "what `evaluate` and `run` share")]
    fn sweep_forward(
        &mut self,
        cell: &dyn Fused,
        dimensions: Dimensions,
        weights: &[&[f32]],
        source: Source<'_>,
        sweep: &Sweep,
        hidden: Option<&mut [f32]>,
        outputs: Option<&mut [f32]>,
    ) -> Result<()> {
        check_weights(cell, &dimensions, weights)?;
        source.check(&dimensions, sweep.loss)?;
        let Dimensions { steps, trials, units, .. } = dimensions;
        if let Some(hidden) = &hidden {
            check_length("hidden", hidden.len(), &[steps, trials, units])?;
        }
        if let Some(outputs) = &outputs {
            let kept = outputs.len() / (trials * dimensions.outputs).max(1);
            check_length("outputs", outputs.len(), &[kept.clamp(1, steps), trials, dimensions.outputs])?;
        }
        let Workspace { pool, level, weights: packed, scratches, shards } = self;
        let shards = shards_of(shards, trials);
        let hidden = split_by_shard(hidden, trials, units, shards.len());
        let outputs = split_by_shard(outputs, trials, dimensions.outputs, shards.len());
        let work: Vec<_> = shards.iter_mut().zip(hidden).zip(outputs).enumerate().collect();
        pool.install(|| {
            packed.fill(cell, *level, &dimensions, weights, false);
            let job = Job { cell, dimensions, weights: packed, sweep: *sweep, level: *level };
            work.into_par_iter().with_max_len(1).for_each(|(index, ((shard, hidden), outputs))| {
                let purpose = Purpose::Reading(Readout { hidden, outputs });
                let mut scratch = of_this_thread(scratches);
                shard.cost = sweep_part(&mut scratch, &job, part(index, trials), source, purpose);
            });
        });
        Ok(())
    }
}

/// The shards of a batch, made as needed.
fn shards_of(shards: &mut Vec<Shard>, trials: usize) -> &mut [Shard] {
    let count = trials.div_ceil(SHARD_TRIALS);
    if shards.len() < count {
        shards.resize_with(count, Shard::default);
    }
    &mut shards[..count]
}

/// Buffers for the thread that asks: its own, or free ones while it waits within a shard and begins another meanwhile.
/// There are free ones then, since a shard is waited within only where there are fewer shards than threads.
fn of_this_thread(scratches: &[Mutex<Scratch>]) -> MutexGuard<'_, Scratch> {
    let thread = rayon::current_thread_index().unwrap_or(0) % scratches.len();
    let (before, from) = scratches.split_at(thread);
    for scratch in from.iter().chain(before) {
        match scratch.try_lock() {
            Ok(free) => return free,
            // A panic elsewhere leaves numbers behind, no invariant: a sweep begins by writing over them.
            Err(TryLockError::Poisoned(free)) => return free.into_inner(),
            Err(TryLockError::WouldBlock) => {}
        }
    }
    scratches[thread].lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a part of a batch forward: its first trial, and how many it has.
fn sweep_part(
    scratch: &mut Scratch,
    job: &Job<'_>,
    part: (usize, usize),
    source: Source<'_>,
    purpose: Purpose<'_>,
) -> Cost {
    let (first, trials) = part;
    let side_by_side = job.dimensions.trials;
    match source {
        Source::Inputs(inputs) => {
            scratch.forward(job, part, Arrays { inputs, grading: None, side_by_side, first }, purpose)
        }
        Source::Made(Batch { inputs, targets, mask }) => {
            let grading = Some(Grading { targets, mask });
            scratch.forward(job, part, Arrays { inputs, grading, side_by_side, first }, purpose)
        }
        Source::Drawn(drawn) => {
            let mut made = std::mem::take(&mut scratch.made);
            drawn.make(first..first + trials, &mut made);
            let [inputs, targets, mask, _] = &made;
            let arrays = Arrays { inputs, grading: Some(Grading { targets, mask }), side_by_side: trials, first: 0 };
            let cost = scratch.forward(job, part, arrays, purpose);
            scratch.made = made;
            cost
        }
    }
}

/// The first trial of a shard, and how many it has.
fn part(index: usize, trials: usize) -> (usize, usize) {
    let first = index * SHARD_TRIALS;
    (first, SHARD_TRIALS.min(trials - first))
}

/// Cuts a (time, trial, width) array into the parts of the shards: for each shard one slice a time step.
fn split_by_shard(
    array: Option<&mut [f32]>,
    trials: usize,
    width: usize,
    shards: usize,
) -> Vec<Option<Vec<&mut [f32]>>> {
    let Some(array) = array else { return (0..shards).map(|_| None).collect() };
    let mut parts: Vec<Vec<&mut [f32]>> = (0..shards).map(|_| Vec::new()).collect();
    for step in array.chunks_exact_mut(trials * width) {
        for (part, slice) in parts.iter_mut().zip(step.chunks_mut(SHARD_TRIALS * width)) {
            part.push(slice);
        }
    }
    parts.into_iter().map(Some).collect()
}

/// What the summed cost is divided by.
fn cost_count(dimensions: &Dimensions, loss: Loss) -> usize {
    match loss {
        Loss::LeastSquares => dimensions.steps * dimensions.trials * dimensions.outputs,
        Loss::CrossEntropy => dimensions.steps * dimensions.trials,
    }
}

fn total_cost(dimensions: &Dimensions, loss: Loss, shards: &[Shard]) -> Cost {
    let count = cost_count(dimensions, loss) as f64;
    Cost {
        task: shards.iter().map(|shard| shard.cost.task).sum::<f64>() / count,
        activity: shards.iter().map(|shard| shard.cost.activity).sum(),
        extra: 0.0,
    }
}

/// All arrays of a network: the cell's own, the output weights and their bias.
fn arrays(cell: &dyn Fused, dimensions: &Dimensions) -> Vec<Array> {
    let Dimensions { units, outputs, .. } = *dimensions;
    let mut arrays = cell.arrays(dimensions);
    arrays.extend([Array { name: "w_out", shape: (units, outputs) }, Array { name: "b_out", shape: (1, outputs) }]);
    arrays
}

fn check_weights(cell: &dyn Fused, dimensions: &Dimensions, weights: &[&[f32]]) -> Result<()> {
    let arrays = arrays(cell, dimensions);
    check_length("arrays of weights", weights.len(), &[arrays.len()])?;
    arrays
        .iter()
        .zip(weights)
        .try_for_each(|(Array { name, shape }, values)| check_length(name, values.len(), &[shape.0, shape.1]))
}

/// Adds up the shards' gradients, each number in the order of the shards whoever adds it.
fn sum_gradients(cell: &dyn Fused, dimensions: &Dimensions, shards: &[Shard], gradients: &mut Vec<Vec<f32>>) {
    let Dimensions { units, inputs, outputs, .. } = *dimensions;
    let arrays = arrays(cell, dimensions);
    gradients.resize_with(arrays.len(), Vec::new);
    for (gradient, Array { shape, .. }) in gradients.iter_mut().zip(&arrays) {
        gradient.resize(shape.0 * shape.1, 0.0);
    }
    let (of_cell, of_outputs) = gradients.split_at_mut(arrays.len() - 2);
    // Where each array begins in the gradients of its block.
    let mut places = vec![(0, 0); of_cell.len()];
    for (block, members) in cell.blocks().iter().enumerate() {
        let mut first = 0;
        for place in *members {
            places[*place] = (block, first);
            first += of_cell[*place].len();
        }
    }
    let mut chunks: Vec<(usize, usize, &mut [f32])> = Vec::new();
    for (gradient, (block, first)) in of_cell.iter_mut().zip(places) {
        let pieces = gradient.chunks_mut(SUM_CHUNK).enumerate();
        chunks.extend(pieces.map(|(chunk, sum)| (block, first + chunk * SUM_CHUNK, sum)));
    }
    chunks.into_par_iter().for_each(|(block, first, sum)| {
        let Some((start, others)) = shards.split_first() else { return sum.fill(0.0) };
        sum.copy_from_slice(&start.block_gradients[block][first..][..sum.len()]);
        for shard in others {
            sum.iter_mut().zip(&shard.block_gradients[block][first..]).for_each(|(sum, part)| *sum += part);
        }
    });
    let [w_out, b_out] = of_outputs else { return };
    w_out.fill(0.0);
    b_out.fill(0.0);
    let width = units + inputs + 1;
    for shard in shards {
        for (output, row) in shard.output_gradients[..outputs * width].chunks_exact(width).enumerate() {
            let by_weight = w_out[output..].iter_mut().step_by(outputs);
            by_weight.zip(&row[..units]).for_each(|(into, from)| *into += from);
            b_out[output] += row[width - 1];
        }
    }
}

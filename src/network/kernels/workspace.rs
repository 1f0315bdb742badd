//! Sweeps over a batch on several threads, with buffers that are allocated once.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::hyperparameters::Loss;
use crate::network::kernels::shard::{Job, PackedWeights, Purpose, Readout, SHARD_TRIALS, Scratch, Shard};
use crate::network::kernels::{Batch, Cost, Dimensions, Sweep, WeightGradients, Weights, check_length};
use crate::numerics::Level;

/// Gradients that a thread adds up at a time: few enough that their sums stay in the first-level cache.
const SUM_CHUNK: usize = 2048;

/// Threads and buffers for sweeps; keep one and use it for every step of a training run.
#[derive(Debug)]
pub struct Workspace {
    pool: rayon::ThreadPool,
    level: Level,
    weights: PackedWeights,
    /// One for each thread.
    scratches: Vec<Mutex<Scratch>>,
    shards: Vec<Shard>,
}

impl Workspace {
    /// A workspace of `threads` threads; 0 takes one a processor core.
    pub fn new(threads: usize) -> Result<Self> {
        Workspace::with_level(threads, Level::detect())
    }

    /// A workspace that uses the given vector instructions.
    pub fn with_level(threads: usize, level: Level) -> Result<Self> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|source| {
            Error::argument(format!("{threads} threads could not be started ({source})"), "ask for fewer")
        })?;
        let scratches = (0..pool.current_num_threads()).map(|_| Mutex::default()).collect();
        Ok(Workspace { pool, level, weights: PackedWeights::default(), scratches, shards: Vec::new() })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// The cost of a batch and its gradients by the weights, which replace what `gradients` held.
    ///
    /// An [`Error::Shape`] if an array has another size than `dimensions` says.
    pub fn gradients(
        &mut self,
        dimensions: Dimensions,
        weights: &Weights<'_>,
        batch: &Batch<'_>,
        sweep: &Sweep,
        gradients: &mut WeightGradients,
    ) -> Result<Cost> {
        weights.check(&dimensions)?;
        batch.check(&dimensions, sweep.loss)?;
        let scale = 1.0 / cost_count(&dimensions, sweep.loss) as f32;
        let Workspace { pool, level, weights: packed, scratches, shards } = self;
        let shards = shards_of(shards, dimensions.trials);
        // One visit to the pool for everything: waking its threads takes as long as summing the gradients.
        pool.install(|| {
            packed.fill(*level, &dimensions, weights, true);
            let job = Job { dimensions, weights: packed, inputs: batch.inputs, sweep: *sweep, level: *level };
            shards.par_iter_mut().enumerate().with_max_len(1).for_each(|(index, shard)| {
                let (first, trials) = part(index, dimensions.trials);
                let mut scratch = of_this_thread(scratches);
                shard.cost = scratch.forward(&job, first, trials, Purpose::Training(batch, scale));
                scratch.backward(&job, trials, shard);
            });
            sum_gradients(&dimensions, shards, gradients);
        });
        Ok(total_cost(&dimensions, sweep.loss, shards))
    }

    /// The cost and the outputs of a batch: `outputs` takes (time, trial, output), after the sigmoid or softmax.
    pub fn evaluate(
        &mut self,
        dimensions: Dimensions,
        weights: &Weights<'_>,
        batch: &Batch<'_>,
        sweep: &Sweep,
        outputs: &mut [f32],
    ) -> Result<Cost> {
        batch.check(&dimensions, sweep.loss)?;
        self.sweep_forward(dimensions, weights, batch.inputs, sweep, Some(batch), None, Some(outputs))?;
        Ok(total_cost(&dimensions, sweep.loss, shards_of(&mut self.shards, dimensions.trials)))
    }

    /// Runs a batch without grading it: `hidden` takes the rates, (time, trial, unit), `outputs` the outputs, (time,
    /// trial, output).
    pub fn run(
        &mut self,
        dimensions: Dimensions,
        weights: &Weights<'_>,
        inputs: &[f32],
        sweep: &Sweep,
        hidden: Option<&mut [f32]>,
        outputs: Option<&mut [f32]>,
    ) -> Result<()> {
        self.sweep_forward(dimensions, weights, inputs, sweep, None, hidden, outputs)
    }

    #[allow(clippy::too_many_arguments, reason = "what `evaluate` and `run` share")]
    fn sweep_forward(
        &mut self,
        dimensions: Dimensions,
        weights: &Weights<'_>,
        inputs: &[f32],
        sweep: &Sweep,
        batch: Option<&Batch<'_>>,
        hidden: Option<&mut [f32]>,
        outputs: Option<&mut [f32]>,
    ) -> Result<()> {
        weights.check(&dimensions)?;
        let Dimensions { steps, trials, units, .. } = dimensions;
        check_length("inputs", inputs.len(), &[steps, trials, dimensions.inputs])?;
        if let Some(hidden) = &hidden {
            check_length("hidden", hidden.len(), &[steps, trials, units])?;
        }
        if let Some(outputs) = &outputs {
            check_length("outputs", outputs.len(), &[steps, trials, dimensions.outputs])?;
        }
        let Workspace { pool, level, weights: packed, scratches, shards } = self;
        let shards = shards_of(shards, trials);
        let hidden = split_by_shard(hidden, trials, units, shards.len());
        let outputs = split_by_shard(outputs, trials, dimensions.outputs, shards.len());
        let work: Vec<_> = shards.iter_mut().zip(hidden).zip(outputs).enumerate().collect();
        pool.install(|| {
            packed.fill(*level, &dimensions, weights, false);
            let job = Job { dimensions, weights: packed, inputs, sweep: *sweep, level: *level };
            work.into_par_iter().with_max_len(1).for_each(|(index, ((shard, hidden), outputs))| {
                let (first, trials) = part(index, trials);
                let purpose = Purpose::Reading(batch, Readout { hidden, outputs });
                shard.cost = of_this_thread(scratches).forward(&job, first, trials, purpose);
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

/// The buffers of the thread that asks; nobody else takes them, so nobody waits.
fn of_this_thread(scratches: &[Mutex<Scratch>]) -> MutexGuard<'_, Scratch> {
    let thread = rayon::current_thread_index().unwrap_or(0) % scratches.len();
    // A panic elsewhere leaves numbers behind, no invariant: a sweep begins by writing over them.
    scratches[thread].lock().unwrap_or_else(PoisonError::into_inner)
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
    }
}

/// Adds up the shards' gradients, each number in the order of the shards whoever adds it.
fn sum_gradients(dimensions: &Dimensions, shards: &[Shard], gradients: &mut WeightGradients) {
    let Dimensions { units, inputs, outputs, .. } = *dimensions;
    let WeightGradients { w_in, w_rec, b_rec, w_out, b_out } = gradients;
    w_rec.resize(units * units, 0.0);
    w_in.resize(inputs * units, 0.0);
    b_rec.resize(units, 0.0);
    let mut first = 0;
    let mut chunks: Vec<(usize, &mut [f32])> = Vec::new();
    for gradient in [w_rec, w_in, b_rec] {
        let length = gradient.len();
        chunks.extend(gradient.chunks_mut(SUM_CHUNK).enumerate().map(|(chunk, sum)| (first + chunk * SUM_CHUNK, sum)));
        first += length;
    }
    chunks.into_par_iter().for_each(|(first, sum)| {
        let (start, others) = shards.split_first().expect("a batch has a trial, and so a shard");
        sum.copy_from_slice(&start.recurrent_gradients[first..][..sum.len()]);
        for shard in others {
            sum.iter_mut().zip(&shard.recurrent_gradients[first..]).for_each(|(sum, part)| *sum += part);
        }
    });
    for gradient in [&mut *w_out, &mut *b_out] {
        gradient.clear();
    }
    w_out.resize(units * outputs, 0.0);
    b_out.resize(outputs, 0.0);
    let width = units + inputs + 1;
    for shard in shards {
        for (output, row) in shard.output_gradients[..outputs * width].chunks_exact(width).enumerate() {
            let by_weight = w_out[output..].iter_mut().step_by(outputs);
            by_weight.zip(&row[..units]).for_each(|(into, from)| *into += from);
            b_out[output] += row[width - 1];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::Activation;
    use crate::network::kernels::reference::{Case, close};
    use crate::numerics::random::Noise;

    const ACTIVATIONS: [Activation; 6] = [
        Activation::Softplus,
        Activation::Relu,
        Activation::Tanh,
        Activation::Power,
        Activation::Retanh,
        Activation::Elu,
    ];

    fn check(case: &Case, level: Level, threads: usize) {
        let mut workspace = Workspace::with_level(threads, level).unwrap();
        let (expected, cost) = case.reference();
        let mut gradients = WeightGradients::default();
        let found =
            workspace.gradients(case.dimensions, &case.weights(), &case.batch(), &case.sweep, &mut gradients).unwrap();
        let name = format!("{:?} {:?} {:?} {level:?}", case.dimensions, case.sweep.activation, case.sweep.loss);
        assert!((found.task - cost.task).abs() < 1e-5 * (1.0 + cost.task.abs()), "{name}: {found:?} {cost:?}");
        assert!(
            (found.activity - cost.activity).abs() < 1e-5 * (1.0 + cost.activity.abs()),
            "{name}: {found:?} {cost:?}"
        );
        close(&gradients.w_rec, &expected.w_rec, 1e-4, &format!("{name} w_rec"));
        close(&gradients.w_in, &expected.w_in, 1e-4, &format!("{name} w_in"));
        close(&gradients.b_rec, &expected.b_rec, 1e-4, &format!("{name} b_rec"));
        close(&gradients.w_out, &expected.w_out, 1e-4, &format!("{name} w_out"));
        close(&gradients.b_out, &expected.b_out, 1e-4, &format!("{name} b_out"));

        let Dimensions { steps, trials, units, outputs, .. } = case.dimensions;
        let mut values = vec![7.0; steps * trials * outputs];
        let evaluated =
            workspace.evaluate(case.dimensions, &case.weights(), &case.batch(), &case.sweep, &mut values).unwrap();
        assert!((evaluated.task - cost.task).abs() < 1e-5 * (1.0 + cost.task.abs()), "{name}");
        close(&values, &expected.outputs, 1e-5, &format!("{name} outputs"));
        let mut hidden = vec![7.0; steps * trials * units];
        let (mut ungraded, weights) = (vec![7.0; values.len()], case.weights());
        let (into_hidden, into_outputs) = (Some(&mut hidden[..]), Some(&mut ungraded[..]));
        workspace.run(case.dimensions, &weights, &case.inputs, &case.sweep, into_hidden, into_outputs).unwrap();
        close(&hidden, &expected.hidden, 1e-5, &format!("{name} hidden"));
        assert_eq!(ungraded, values, "{name}");
    }

    #[test]
    fn sweeps_equal_the_plain_computation_for_odd_sizes_at_every_level() {
        for level in Level::available() {
            for (index, (units, trials, steps)) in
                [(1, 1, 1), (3, 5, 2), (17, 17, 7), (64, 64, 19), (100, 5, 40), (33, 33, 70)].into_iter().enumerate()
            {
                let dimensions = Dimensions { units, inputs: 1 + 3 * index, outputs: 2 + index, steps, trials };
                for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                    let activation = ACTIVATIONS[index];
                    check(&Case::new(dimensions, activation, loss, index as u64), level, 1 + index);
                }
            }
        }
    }

    #[test]
    fn sweeps_equal_the_plain_computation_whatever_the_sizes_of_network_and_batch() {
        for level in Level::available() {
            for (units, trials) in [1, 3, 17, 64, 100].into_iter().flat_map(|n| [1, 5, 64].map(|trials| (n, trials))) {
                // A step more than are made at a time.
                let dimensions = Dimensions { units, inputs: 5, outputs: 3, steps: 9, trials };
                for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                    check(&Case::new(dimensions, Activation::Softplus, loss, 9), level, 2);
                }
            }
        }
    }

    #[test]
    fn every_activation_has_its_gradients() {
        let dimensions = Dimensions { units: 18, inputs: 5, outputs: 4, steps: 12, trials: 20 };
        for activation in ACTIVATIONS {
            for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                for level in Level::available() {
                    check(&Case::new(dimensions, activation, loss, 5), level, 2);
                }
            }
        }
    }

    #[test]
    fn rates_that_cost_have_their_gradients() {
        let dimensions = Dimensions { units: 9, inputs: 3, outputs: 2, steps: 8, trials: 18 };
        for activation in [Activation::Softplus, Activation::Relu, Activation::Tanh] {
            let mut case = Case::new(dimensions, activation, Loss::LeastSquares, 8);
            case.sweep.l1_h = 0.3;
            case.sweep.l2_h = 0.002;
            check(&case, Level::detect(), 2);
        }
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let dimensions = Dimensions { units: 40, inputs: 6, outputs: 5, steps: 30, trials: 70 };
        let case = Case::new(dimensions, Activation::Softplus, Loss::LeastSquares, 1);
        let results: Vec<_> = [1, 2, 3, 8]
            .into_iter()
            .map(|threads| {
                let mut gradients = WeightGradients::default();
                let cost = Workspace::new(threads)
                    .unwrap()
                    .gradients(dimensions, &case.weights(), &case.batch(), &case.sweep, &mut gradients)
                    .unwrap();
                (gradients, cost)
            })
            .collect();
        for result in &results[1..] {
            assert_eq!(*result, results[0]);
        }
    }

    #[test]
    fn a_workspace_carries_nothing_from_one_sweep_to_the_next() {
        let large = Dimensions { units: 40, inputs: 6, outputs: 5, steps: 30, trials: 40 };
        let small = Dimensions { units: 7, inputs: 2, outputs: 3, steps: 9, trials: 19 };
        let case = Case::new(small, Activation::Tanh, Loss::CrossEntropy, 2);
        let fresh = |workspace: &mut Workspace| {
            let mut gradients = WeightGradients::default();
            workspace.gradients(small, &case.weights(), &case.batch(), &case.sweep, &mut gradients).unwrap();
            gradients
        };
        let mut used = Workspace::new(2).unwrap();
        let other = Case::new(large, Activation::Softplus, Loss::LeastSquares, 3);
        used.gradients(large, &other.weights(), &other.batch(), &other.sweep, &mut WeightGradients::default()).unwrap();
        assert_eq!(fresh(&mut used), fresh(&mut Workspace::new(2).unwrap()));
    }

    #[test]
    fn a_diverged_network_shows_in_its_cost() {
        let dimensions = Dimensions { units: 20, inputs: 3, outputs: 4, steps: 5, trials: 3 };
        for activation in ACTIVATIONS {
            for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                let mut case = Case::new(dimensions, activation, loss, 4);
                case.w_rec[7] = f32::NAN;
                let cost = Workspace::new(1)
                    .unwrap()
                    .gradients(dimensions, &case.weights(), &case.batch(), &case.sweep, &mut WeightGradients::default())
                    .unwrap();
                assert!(cost.task.is_nan(), "{activation:?} {loss:?}");
            }
        }
    }

    #[test]
    fn arrays_of_the_wrong_size_are_refused_by_name() {
        let dimensions = Dimensions { units: 4, inputs: 3, outputs: 2, steps: 5, trials: 3 };
        let case = Case::new(dimensions, Activation::Relu, Loss::LeastSquares, 4);
        let wrong = Dimensions { steps: 6, ..dimensions };
        let mut workspace = Workspace::new(1).unwrap();
        let message = workspace
            .gradients(wrong, &case.weights(), &case.batch(), &case.sweep, &mut WeightGradients::default())
            .unwrap_err()
            .to_string();
        assert!(message.contains("`inputs`"), "{message}");
        let mut short = vec![0.0; 3];
        let message = workspace
            .run(dimensions, &case.weights(), &case.inputs, &case.sweep, Some(&mut short), None)
            .unwrap_err()
            .to_string();
        assert!(message.contains("`hidden`"), "{message}");
        // Sizes whose product wraps around to that of the array.
        let wraps = Dimensions { steps: usize::MAX / 3 * 2 + 1, trials: 3, units: 1, inputs: 1, outputs: 1 };
        let one = [0.5_f32];
        let weights = Weights { w_in: &one, w_rec: &one, b_rec: &one, w_out: &one, b_out: &one };
        assert!(workspace.run(wraps, &weights, &one, &case.sweep, None, None).is_err());
    }

    #[test]
    fn noise_follows_the_trial_not_the_shard() {
        let dimensions = Dimensions { units: 12, inputs: 2, outputs: 2, steps: 6, trials: 20 };
        let mut case = Case::new(dimensions, Activation::Tanh, Loss::LeastSquares, 6);
        case.sweep.noise = Noise::new(1, 2);
        case.sweep.noise_deviation = 0.5;
        check(&case, Level::detect(), 3);
    }
}

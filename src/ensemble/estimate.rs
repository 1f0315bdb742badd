//! What a plan will take, from a short trial of each kind of network in it.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::ensemble::{Plan, PlannedRun};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::training::{Keep, Progress, Spent, Training, duration};

/// Training steps of a trial.
const STEPS: u64 = 30;
/// Kinds of networks that are tried at the most.
const TRIED: usize = 12;
/// What a run without a limit is reckoned with: the paper's model took so many trials to the end, and some.
const TRIALS: u64 = 600_000;

/// What a [plan](Plan)'s runs will take, each on one thread of this machine: from a trial of some steps of each kind of
/// network that the plan has, and linear in the number of trials.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Runs that the plan asks for.
    pub runs: usize,
    /// Seconds of one processor core, over all runs.
    pub core_seconds: f64,
    /// Bytes on disk, over all runs.
    pub bytes: f64,
    /// Files on disk, over all runs.
    pub files: f64,
    /// Trials that a run without `max_trials` is reckoned with; none where all have it.
    pub reckoned_trials: Option<u64>,
    /// Kinds of networks (sizes, cells, rules) that the plan has, and how many of them were tried; the others are taken
    /// for the average of those.
    pub kinds: (usize, usize),
    /// Processor cores of this machine.
    pub cores: usize,
}

/// Bytes in the unit that fits.
fn size(bytes: f64) -> String {
    match bytes {
        bytes if bytes < 1e9 => format!("{:.1} MB", bytes / 1e6),
        bytes => format!("{:.1} GB", bytes / 1e9),
    }
}

/// In sentences.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wall = duration((self.core_seconds / self.cores.min(self.runs).max(1) as f64).max(1.0));
        write!(
            f,
            "{} runs: {} of one processor core, {wall} on the {} of this machine; {} on disk in {:.0} files",
            self.runs,
            duration(self.core_seconds.max(1.0)),
            self.cores,
            size(self.bytes),
            self.files
        )?;
        if let Some(trials) = self.reckoned_trials {
            write!(f, ".\nA run without max_trials ends when it has learnt: reckoned with {trials} trials")?;
        }
        match self.kinds {
            (kinds, tried) if tried < kinds => {
                write!(f, ".\n{tried} of {kinds} kinds of networks were tried, the others taken for their average")
            }
            _ => Ok(()),
        }
    }
}

/// What one kind of network takes.
#[derive(Clone, Copy, Debug, Default)]
struct Costs {
    /// Seconds of a training step, its trials included.
    step: f64,
    /// Seconds of an evaluation with its files.
    evaluation: f64,
    /// Bytes of a checkpoint.
    checkpoint: f64,
    /// Bytes of what a run has but once.
    once: f64,
    /// Bytes that an evaluation adds to the log.
    logged: f64,
}

impl Plan {
    /// Tries some training steps of each kind of network of the plan, in a temporary folder, which takes seconds, and
    /// reckons what all runs will take.
    ///
    /// # Errors
    /// Those of [`Plan::runs`]; if a network cannot be trained at all.
    pub fn estimate(&self) -> Result<Estimate> {
        let runs = self.runs()?;
        let mut kinds: Vec<(Hyperparameters, Vec<&PlannedRun>)> = Vec::new();
        for planned in &runs {
            let kind = kind_of(&planned.hyperparameters);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, of_kind)) => of_kind.push(planned),
                None => kinds.push((kind, vec![planned])),
            }
        }
        let tried = kinds.len().min(TRIED);
        // Spread over the plan, since neighbours are alike.
        let chosen: Vec<usize> = (0..tried).map(|place| place * kinds.len() / tried).collect();
        let mut costs = vec![None; kinds.len()];
        for place in chosen {
            costs[place] = Some(costs_of(&kinds[place].0)?);
        }
        let known: Vec<Costs> = costs.iter().copied().flatten().collect();
        let mean = |of: fn(&Costs) -> f64| known.iter().map(of).sum::<f64>() / known.len() as f64;
        let average = Costs {
            step: mean(|costs| costs.step),
            evaluation: mean(|costs| costs.evaluation),
            checkpoint: mean(|costs| costs.checkpoint),
            once: mean(|costs| costs.once),
            logged: mean(|costs| costs.logged),
        };
        let mut estimate = Estimate {
            runs: runs.len(),
            core_seconds: 0.0,
            bytes: 0.0,
            files: 0.0,
            reckoned_trials: self.max_trials.is_none().then_some(TRIALS),
            kinds: (kinds.len(), tried),
            cores: thread::available_parallelism().map_or(1, usize::from),
        };
        for ((kind, of_kind), costs) in kinds.iter().zip(&costs) {
            let costs = costs.unwrap_or(average);
            let steps = self.max_trials.unwrap_or(TRIALS) as f64 / kind.batch_size_train as f64;
            let evaluations = (steps / kind.display_step as f64).ceil() + 1.0;
            let checkpoints = match self.keep {
                Keep::All => evaluations,
                Keep::Every(every) => {
                    let last = evaluations as u64 - 1;
                    (last / every + 1 + u64::from(!last.is_multiple_of(every))) as f64
                }
                Keep::Last => 2.0_f64.min(evaluations),
            };
            let of_kind = of_kind.len() as f64;
            estimate.core_seconds += of_kind * (steps * costs.step + evaluations * costs.evaluation);
            estimate.bytes += of_kind * (checkpoints * costs.checkpoint + costs.once + evaluations * costs.logged);
            // Beside the checkpoints: hyper-parameters, log, state and lock.
            estimate.files += of_kind * (checkpoints + 4.0);
        }
        Ok(estimate)
    }
}

/// What decides how long training takes, without what does not.
fn kind_of(hyperparameters: &Hyperparameters) -> Hyperparameters {
    let paper = Hyperparameters::paper();
    Hyperparameters {
        seed: 0,
        learning_rate: paper.learning_rate,
        sigma_rec: paper.sigma_rec,
        sigma_x: paper.sigma_x,
        l1_h: paper.l1_h,
        l2_h: paper.l2_h,
        l1_weight: paper.l1_weight,
        l2_weight: paper.l2_weight,
        l2_weight_init: paper.l2_weight_init,
        w_rec_init: paper.w_rec_init,
        load_dir: None,
        // More than any network reaches, so that the trial is of so many steps.
        target_perf: 1.0,
        ..hyperparameters.clone()
    }
}

/// Tries a network in a temporary folder.
fn costs_of(kind: &Hyperparameters) -> Result<Costs> {
    let name = format!("maturation-trial-{}-{:?}", std::process::id(), thread::current().id());
    let folder = std::env::temp_dir().join(name);
    let costs = try_in(kind, &folder);
    // What is left there is the system's to clear.
    let _ = std::fs::remove_dir_all(&folder);
    costs
}

fn try_in(kind: &Hyperparameters, folder: &Path) -> Result<Costs> {
    let newest: Arc<Mutex<Option<Progress>>> = Arc::default();
    let told = newest.clone();
    let training = Training::new(kind.clone())
        .threads(1)
        .max_trials(STEPS * kind.batch_size_train as u64)
        .on_progress(move |progress| *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone()));
    let run = match training.train(folder) {
        Ok(run) => run,
        // It took its time until then; what it comes to is not asked here.
        Err(error) if error.is_not_finite() => return Ok(Costs::default()),
        Err(error) => return Err(error),
    };
    let newest = newest.lock().unwrap_or_else(PoisonError::into_inner);
    let spent = newest.as_ref().map_or(Spent::default(), |progress| progress.spent);
    let evaluations = run.evaluations().entries.len().max(1) as f64;
    let size = |name: &str| {
        let path = folder.join(name);
        path.metadata().map(|found| found.len() as f64).map_err(|source| Error::io("read", &path, source))
    };
    let log = size("log.json")?;
    Ok(Costs {
        step: (spent.training + spent.trials) / STEPS as f64,
        evaluation: (spent.evaluation + spent.files) / evaluations,
        checkpoint: size("0/model.safetensors")?,
        once: size("state.safetensors")? + size("hp.json")?,
        logged: log / evaluations,
    })
}

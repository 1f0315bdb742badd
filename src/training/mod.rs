//! Training a network on its rules, and the run that this leaves on disk.

mod background;
mod batches;
mod evaluation;
mod import;
mod keep;
mod lock;
mod log;
mod log_file;
mod memory;
mod new_run;
mod progress;
mod published;
mod run;
mod selection;
mod sequence;
mod session;
mod stage;
mod start;
mod state;
mod visit;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

pub use background::BackgroundTraining;
pub use evaluation::{Answer, Evaluation, TOLERANCE, answers, evaluate, performance};
pub use keep::Keep;
pub(crate) use lock::holder;
pub use log::{Log, LogEntry};
pub(crate) use new_run::check_free;
pub(crate) use progress::duration;
pub use progress::{CheckpointProgress, Progress, Spent};
pub use published::PublishedRun;
pub use run::{Checkpoint, Checkpoints, Run};
pub use selection::Selection;
pub(crate) use session::write_hyperparameters;
pub use stage::{AutomaticChoice, Stage, Staging, moving_average, published_average};
pub use visit::{Visit, Visited};

use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Device, Engine};

/// What is told of a training run's progress, and where it goes.
pub(crate) type Listener = Box<dyn FnMut(&Progress) + Send>;

/// Makes an engine on the thread that it runs on.
type EngineMaker = Box<dyn FnOnce() -> Result<Box<dyn Engine>> + Send>;

/// Whom the progress of training is told to.
pub(crate) enum ProgressTo {
    /// The user: in the terminal, or in the notebook's cell.
    User,
    Nobody,
    Listener(Listener),
}

/// A training run to be: hyper-parameters, and how to go about it.
///
/// Each step draws a rule and a batch of random trials of it and moves the weights down the gradient of the cost. Every
/// `display_step` steps all trained rules are evaluated, the log is written and a checkpoint is saved, while training
/// goes on. Training stops when the worst rule's performance is above `target_perf`, at [`Training::max_trials`], or
/// when it is [asked to](Training::stop_when); all is on the disk then.
///
/// ```
/// use maturation::prelude::*;
///
/// let folder = std::env::temp_dir().join(format!("maturation-doc-run-{}", std::process::id()));
/// let small = Hyperparameters { n_rnn: 16, batch_size_test: 32, ..Hyperparameters::paper() };
/// let run = Training::new(small).seed(3).max_trials(1280).quiet().train(&folder)?;
/// assert_eq!(run.last()?.trials_trained(), 1280);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), maturation::Error>(())
/// ```
pub struct Training {
    pub(crate) hyperparameters: Hyperparameters,
    pub(crate) engine: Option<EngineMaker>,
    pub(crate) device: Device,
    pub(crate) threads: usize,
    pub(crate) max_trials: Option<u64>,
    pub(crate) keep: Keep,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) progress_to: ProgressTo,
}

impl Training {
    /// A training run with these hyper-parameters, on all processor cores, to the end, with progress shown.
    pub fn new(hyperparameters: Hyperparameters) -> Self {
        Training {
            hyperparameters,
            engine: None,
            device: Device::Cpu,
            threads: 0,
            max_trials: None,
            keep: Keep::All,
            stop: Arc::new(AtomicBool::new(false)),
            progress_to: ProgressTo::User,
        }
    }

    /// The seed, which decides every random number of the run.
    pub fn seed(mut self, seed: u64) -> Self {
        self.hyperparameters.seed = seed;
        self
    }

    /// Begins with the weights of another run's checkpoint in place of initial ones; the optimiser begins afresh, and
    /// rules, learning rate, regularisers and all else may differ, but cell and sizes.
    pub fn start_from(mut self, checkpoint: &Checkpoint) -> Self {
        self.hyperparameters.load_dir = Some(checkpoint.folder().display().to_string());
        self
    }

    /// Trains on this device: the processor, unless it is said. A run may go on on another device than it began on;
    /// what it comes to then differs as results of devices do, by roundings.
    pub fn device(mut self, device: Device) -> Self {
        self.device = device;
        self
    }

    /// Trains on this engine, in place of a device's own.
    pub fn engine(self, engine: impl Engine + Send + 'static) -> Self {
        self.engine_from(|| Ok(engine))
    }

    /// Trains on the engine that `make` gives on the thread that trains: for one that cannot go from thread to thread,
    /// as that of a GPU.
    pub fn engine_from<E: Engine + 'static>(mut self, make: impl FnOnce() -> Result<E> + Send + 'static) -> Self {
        self.engine = Some(Box::new(|| Ok(Box::new(make()?))));
        self
    }

    /// Number of threads; 0 takes one a processor core. The result does not depend on it. An engine that was given has
    /// its own.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Stops with the training step that reaches this many trials, if the target performance has not stopped it before,
    /// and evaluates and keeps the network there. Running again with a larger number goes on from there.
    pub fn max_trials(mut self, trials: u64) -> Self {
        self.max_trials = Some(trials);
        self
    }

    /// Keeps these of the checkpoints that this session makes: all, unless it is said. Those of earlier sessions stay,
    /// but the one that is replaced by this session's first.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Stops cleanly, with everything saved, soon after `stop` becomes true.
    pub fn stop_when(mut self, stop: Arc<AtomicBool>) -> Self {
        self.stop = stop;
        self
    }

    /// Tells `listener` of the progress, in place of showing it.
    pub fn on_progress(mut self, listener: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.progress_to = ProgressTo::Listener(Box::new(listener));
        self
    }

    /// Shows no progress.
    pub fn quiet(mut self) -> Self {
        self.progress_to = ProgressTo::Nobody;
        self
    }

    /// Trains into the run directory `path`, and opens the run.
    ///
    /// If the folder holds an unfinished run with the same hyper-parameters, training goes on from where it stopped, to
    /// the very same result as if it had never been interrupted. Nothing is done to a finished one.
    ///
    /// # Errors
    ///
    /// Impossible hyper-parameters; a folder that holds another run, is in use or cannot be written to; a full disk; a
    /// cost that is no longer finite ([not finite](Error::is_not_finite)); [stopped](Error::is_stopped) if training was
    /// asked to stop. All that was finished until then is kept.
    ///
    /// In a notebook, interrupting the kernel stops training cleanly, if the kernel hands interruptions on.
    pub fn train(self, path: impl AsRef<Path>) -> Result<Run> {
        let interruption = Interruption::watch();
        session::train(self, path.as_ref(), Some(&interruption))
    }

    /// As [`Training::train`], in a thread of its own: the notebook goes on, and
    /// [`BackgroundTraining::progress`], [`stop`](BackgroundTraining::stop) and [`wait`](BackgroundTraining::wait) tell
    /// and decide how training does. Progress shows while it is waited for.
    ///
    /// # Errors
    /// Impossible hyper-parameters. All that goes wrong later is told by [`BackgroundTraining::wait`].
    pub fn start(self, path: impl AsRef<Path>) -> Result<BackgroundTraining> {
        BackgroundTraining::start(self, path.as_ref())
    }

    /// An error if there is nothing to train.
    fn check(&self) -> Result<()> {
        self.hyperparameters.validate()?;
        memory::check(&self.hyperparameters)?;
        self.keep.check()?;
        check_max_trials(self.max_trials)
    }
}

/// An error if the number of trials would end training before it begins.
pub(crate) fn check_max_trials(max_trials: Option<u64>) -> Result<()> {
    match max_trials {
        Some(0) => Err(Error::argument("0 trials are no training", "ask for at least one, or for no limit")),
        _ => Ok(()),
    }
}

/// The step of a training step's noise.
///
/// # Errors
/// If training has come to where no noise is left that was not there before.
pub(crate) fn noise_step(step: u64) -> Result<u32> {
    u32::try_from(step).map_err(|_| {
        Error::argument(
            format!("training step {step} is beyond {}, the last one with noise of its own", u32::MAX),
            "train on from this run's last checkpoint in another folder, with another seed",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_without_noise_of_their_own_are_refused() {
        assert_eq!(noise_step(u64::from(u32::MAX)).unwrap(), u32::MAX);
        assert!(noise_step(1 << 32).unwrap_err().to_string().contains("training step 4294967296"));
    }
}

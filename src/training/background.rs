//! Training while the notebook goes on.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::training::progress::{self, Progress};
use crate::training::{Listener, ProgressTo, Run, Training, session};

/// How often [`BackgroundTraining::wait`] looks whether training has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A training run in a thread of its own, from [`Training::start`].
///
/// Dropping it stops the training, with everything saved; the same command goes on from there.
///
/// ```
/// use maturation::prelude::*;
///
/// let folder = std::env::temp_dir().join(format!("maturation-doc-background-{}", std::process::id()));
/// let small = Hyperparameters { n_rnn: 16, batch_size_test: 32, ..Hyperparameters::paper() };
/// let training: BackgroundTraining = Training::new(small).max_trials(1280).quiet().start(&folder)?;
/// if let Some(progress) = training.progress() {
///     println!("{progress}"); // 640 trials, 1523 a second, 0 s left  |  odr 0.21 …
/// }
/// let run: Run = training.wait()?;
/// assert_eq!(run.last()?.trials_trained(), 1280);
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Debug)]
pub struct BackgroundTraining {
    path: PathBuf,
    thread: Option<JoinHandle<Result<Run>>>,
    stop: Arc<AtomicBool>,
    newest: Arc<Mutex<Option<Progress>>>,
    shown: bool,
}

impl BackgroundTraining {
    /// Starts `training` into `path`; see [`Training::start`].
    pub(super) fn start(mut training: Training, path: &Path) -> Result<Self> {
        training.check()?;
        let newest = Arc::new(Mutex::new(None));
        let told = newest.clone();
        let shown = matches!(training.progress_to, ProgressTo::User);
        let mut listener = match training.progress_to {
            ProgressTo::Listener(listener) => Some(listener),
            ProgressTo::User | ProgressTo::Nobody => None,
        };
        let record: Listener = Box::new(move |progress: &Progress| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = Some(progress.clone());
            if let Some(listener) = &mut listener {
                listener(progress);
            }
        });
        training.progress_to = ProgressTo::Listener(record);
        let stop = training.stop.clone();
        let folder = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("training".to_owned())
            .spawn(move || session::train(training, &folder, None))
            .map_err(|source| Error::io("start a thread to train in", path, source))?;
        Ok(BackgroundTraining { path: path.to_owned(), thread: Some(thread), stop, newest, shown })
    }

    /// How far training has come; none before its first step.
    pub fn progress(&self) -> Option<Progress> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether training has ended, for whatever reason: [`BackgroundTraining::wait`] then returns at once.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Asks training to stop soon, with everything saved. [`BackgroundTraining::wait`] then says that it was
    /// interrupted; the run so far can be opened with [`Run::open`].
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the end of training, showing its progress, and opens the run. Interrupting a notebook's kernel stops
    /// the training.
    ///
    /// # Errors
    /// Those of [`Training::train`]; [stopped](Error::is_stopped) if it was stopped.
    pub fn wait(mut self) -> Result<Run> {
        let interruption = Interruption::watch();
        let mut listener = self.shown.then(progress::shown);
        let mut told = None;
        loop {
            if interruption.requested() {
                self.stop();
            }
            let finished = self.is_finished();
            let newest = self.progress();
            if let (Some(listener), Some(newest)) = (&mut listener, &newest)
                && told.as_ref() != Some(newest)
            {
                listener(newest);
                told = Some(newest.clone());
            }
            if finished {
                return self.join();
            }
            std::thread::sleep(LOOK);
        }
    }

    fn join(&mut self) -> Result<Run> {
        let Some(thread) = self.thread.take() else { return Run::open(&self.path) };
        // A panic in there is a defect, not an answer: it goes on as it would have without a thread.
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}

impl Drop for BackgroundTraining {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take() {
            // Its files must be whole and its lock free before the next command; its outcome was not asked for.
            let _ = thread.join();
        }
    }
}

//! Training the runs of a plan, several at once.

use std::fs;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::ensemble::board::{Board, SweepListener, shown};
use crate::ensemble::status::FAILURE_FILE;
use crate::ensemble::{Counts, Ensemble, Plan, PlannedRun, RunStatus, SweepProgress};
use crate::environment::Interruption;
use crate::error::{Error, Result};
use crate::network::Device;
use crate::tables::write_bytes;
use crate::training::Training;

/// Networks that train side by side on a GPU, each of which leaves most of it idle.
pub const NETWORKS_ON_A_GPU: usize = 8;

/// The training of a [plan](Plan)'s runs: as many at once as the machine has processors, each with one thread, which is
/// the fastest way to many networks; on GPUs eight at once on each.
///
/// Each run is a folder like any other, and what it comes to does not depend on what runs beside it. Runs that are
/// finished are skipped, unfinished ones go on, and none that fails stops the rest.
///
/// ```no_run
/// use maturation::prelude::*;
///
/// let plan = Plan::of_preset("units-64").seeds(0..20);
/// let ensemble = Sweep::new(plan).train("runs/twenty")?; // the same command again goes on where it stopped
/// println!("{}", ensemble.table()?);
/// # Ok::<(), maturation::Error>(())
/// ```
pub struct Sweep {
    plan: Plan,
    jobs: usize,
    threads: usize,
    devices: Vec<Device>,
    retry: bool,
    changed: bool,
    only: Option<Range<usize>>,
    stop: Arc<AtomicBool>,
    listener: Option<SweepListener>,
    is_shown: bool,
}

impl Sweep {
    /// The training of a plan's runs, with progress shown.
    pub fn new(plan: Plan) -> Sweep {
        Sweep {
            plan,
            jobs: 0,
            threads: 1,
            devices: vec![Device::Cpu],
            retry: false,
            changed: false,
            only: None,
            stop: Arc::default(),
            listener: None,
            is_shown: true,
        }
    }

    /// How many networks train at once; 0 takes as many as the processors, or GPUs, do best.
    pub fn jobs(mut self, jobs: usize) -> Sweep {
        self.jobs = jobs;
        self
    }

    /// Threads of each network: 1, unless it is said; 0 takes one a processor core, which is for few networks at once.
    pub fn threads(mut self, threads: usize) -> Sweep {
        self.threads = threads;
        self
    }

    /// Trains on these devices, the networks dealt out to them in turn; the processor, unless it is said.
    pub fn devices(mut self, devices: impl IntoIterator<Item = Device>) -> Sweep {
        self.devices = devices.into_iter().collect();
        self
    }

    /// Tries those again that failed before.
    pub fn retry(mut self, retry: bool) -> Sweep {
        self.retry = retry;
        self
    }

    /// Whether this plan may take the place of another one, whose runs the folder has.
    pub fn changed(mut self, changed: bool) -> Sweep {
        self.changed = changed;
        self
    }

    /// Trains only the runs of these places in the plan, counted from 0: a task's share of a cluster's work.
    pub fn only(mut self, places: Range<usize>) -> Sweep {
        self.only = Some(places);
        self
    }

    /// Stops cleanly, with everything saved, soon after `stop` becomes true.
    pub fn stop_when(mut self, stop: Arc<AtomicBool>) -> Sweep {
        self.stop = stop;
        self
    }

    /// Tells `listener` of the progress, some times a second, in place of showing it.
    pub fn on_progress(mut self, listener: impl FnMut(&SweepProgress) + Send + 'static) -> Sweep {
        self.listener = Some(Box::new(listener));
        self
    }

    /// Shows no progress.
    pub fn quiet(mut self) -> Sweep {
        self.is_shown = false;
        self
    }

    /// Makes the ensemble's folder without training: the plan, and the table of its runs.
    ///
    /// # Errors
    /// As those of [`Sweep::train`] that come before training.
    pub fn prepare(&self, path: impl AsRef<Path>) -> Result<Ensemble> {
        let ensemble = Ensemble::prepare(&self.plan, path.as_ref(), self.changed)?;
        self.places(&ensemble)?;
        Ok(ensemble)
    }

    /// Trains the runs into the folder `path`, and opens it. Of what failed, [`Ensemble::table`] tells why.
    ///
    /// # Errors
    ///
    /// An impossible plan; a folder that holds something else, or another plan ([`Sweep::changed`]); places that the
    /// plan does not have; a disk that is full or cannot be written to; [stopped](Error::is_stopped) if it was asked to
    /// stop. All that was trained until then is kept.
    ///
    /// In a notebook, interrupting the kernel stops training cleanly.
    pub fn train(self, path: impl AsRef<Path>) -> Result<Ensemble> {
        let interruption = Interruption::watch();
        let ensemble = self.prepare(path)?;
        let mut counts = Counts::default();
        let mut to_do = Vec::new();
        for planned in &ensemble.runs()[self.places(&ensemble)?] {
            let status = ensemble.status(planned)?;
            counts.add(&status);
            let is_over = match status {
                RunStatus::Finished { .. } => true,
                RunStatus::Failed { .. } => !self.retry,
                RunStatus::Waiting | RunStatus::Training { .. } | RunStatus::Unfinished { .. } => false,
            };
            if !is_over {
                to_do.push((planned, status));
            }
        }
        let devices = self.usable_devices();
        let jobs = self.side_by_side(&devices).min(to_do.len());
        let listener = self.listener.or_else(|| self.is_shown.then(shown));
        let board = Arc::new(Board::new(counts, to_do.len(), listener));
        let work = Work {
            ensemble: &ensemble,
            threads: self.threads,
            stop: &self.stop,
            interruption,
            board,
            next: AtomicUsize::new(0),
            to_do: &to_do,
            ended_by: Mutex::new(None),
        };
        let outcomes: Vec<thread::Result<()>> = thread::scope(|scope| {
            let work = &work;
            let on = (0..jobs).map(|job| devices[job % devices.len()]);
            let workers: Vec<_> = on.map(|device| scope.spawn(move || work.go(device))).collect();
            workers.into_iter().map(|worker| worker.join()).collect()
        });
        // A panic in there is a defect, not an answer: it goes on as it would have without a thread.
        outcomes.into_iter().for_each(|outcome| outcome.unwrap_or_else(|panic| resume_unwind(panic)));
        match work.ended_by.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(ensemble),
        }
    }

    /// The places of the runs to train.
    fn places(&self, ensemble: &Ensemble) -> Result<Range<usize>> {
        let count = ensemble.runs().len();
        match &self.only {
            None => Ok(0..count),
            Some(only) if only.start < only.end && only.end <= count => Ok(only.clone()),
            Some(only) => {
                let what = format!("the plan has no runs {} to {}", only.start, only.end.saturating_sub(1));
                Err(Error::argument(what, format!("its {count} runs are 0 to {}", count - 1)))
            }
        }
    }

    /// The devices; the best one is chosen once for all.
    fn usable_devices(&self) -> Vec<Device> {
        let chosen = |device: &Device| match device {
            Device::Best if Device::Cuda(0).engine(1).is_ok() => Device::Cuda(0),
            Device::Best => Device::Cpu,
            other => *other,
        };
        match self.devices.as_slice() {
            [] => vec![Device::Cpu],
            devices => devices.iter().map(chosen).collect(),
        }
    }

    fn side_by_side(&self, devices: &[Device]) -> usize {
        if self.jobs > 0 {
            return self.jobs;
        }
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let on_gpus = devices.iter().filter(|device| **device != Device::Cpu).count() * NETWORKS_ON_A_GPU;
        let on_processors = if devices.contains(&Device::Cpu) { processors / self.threads.max(1) } else { 0 };
        match self.threads {
            0 if on_gpus == 0 => 1,
            _ => (on_gpus + on_processors).max(1),
        }
    }
}

/// What the threads share that train.
struct Work<'a> {
    ensemble: &'a Ensemble,
    threads: usize,
    stop: &'a Arc<AtomicBool>,
    interruption: Interruption,
    board: Arc<Board>,
    next: AtomicUsize,
    to_do: &'a [(&'a PlannedRun, RunStatus)],
    /// What ends the sweep before all runs are at their end.
    ended_by: Mutex<Option<Error>>,
}

impl Work<'_> {
    /// Trains one run after the other until there is none left.
    fn go(&self, device: Device) {
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((planned, status)) = self.to_do.get(place) else { return };
            if self.is_over() {
                return;
            }
            self.one(planned, status, device);
        }
    }

    fn is_over(&self) -> bool {
        let ended = self.ended_by.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        if !ended && (self.stop.load(Ordering::Relaxed) || self.interruption.requested()) {
            self.end(Error::stopped_sweep(self.ensemble.path()));
            return true;
        }
        ended
    }

    /// Ends the sweep: no further run begins, and those in training stop with everything saved.
    fn end(&self, error: Error) {
        self.ended_by.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    fn one(&self, planned: &PlannedRun, before: &RunStatus, device: Device) {
        let take = |counts: &mut Counts, status: &RunStatus| {
            let count = counts.of(status);
            *count = count.saturating_sub(1);
        };
        let now = RunStatus::Training { trials_trained: 0, holder: String::new() };
        self.board.begin(|counts| {
            take(counts, before);
            counts.add(&now);
        });
        let after = self.train(planned, device);
        self.board.end(planned.index, |counts| {
            take(counts, &now);
            counts.add(&after);
        });
    }

    /// Trains a run, and tells what became of it.
    fn train(&self, planned: &PlannedRun, device: Device) -> RunStatus {
        let folder = self.ensemble.folder(planned);
        let failure = folder.join(FAILURE_FILE);
        if let Err(source) = remove_if_there(&failure) {
            self.end(Error::io("remove", &failure, source));
            return RunStatus::Unfinished { trials_trained: 0 };
        }
        let (board, index, name) = (self.board.clone(), planned.index, planned.name.clone());
        let mut training = Training::new(planned.hyperparameters.clone())
            .on_progress(move |progress| board.note(index, &name, progress))
            .threads(self.threads)
            .device(device)
            .keep(self.ensemble.plan().keep)
            .stop_when(self.stop.clone());
        if let Some(trials) = planned.max_trials {
            training = training.max_trials(trials);
        }
        let error = match training.train(&folder) {
            Ok(run) => {
                let trials_trained = run.evaluations().entries.last().map_or(0, |entry| entry.trials_trained);
                return RunStatus::Finished { trials_trained };
            }
            Err(error) => error,
        };
        let unfinished = RunStatus::Unfinished { trials_trained: 0 };
        if error.is_stopped() {
            // Whoever asked one to stop asked all.
            self.end(Error::stopped_sweep(self.ensemble.path()));
            return unfinished;
        }
        if error.is_run_in_use() {
            // Another process has taken it up, and brings it to its end.
            return RunStatus::Training { trials_trained: 0, holder: error.to_string() };
        }
        if error.is_disk_trouble() {
            self.end(error);
            return unfinished;
        }
        let reason = error.to_string();
        let written = fs::create_dir_all(&folder).map_err(|source| Error::io("create", &folder, source));
        if let Err(error) = written.and_then(|()| write_bytes(&failure, format!("{reason}\n").as_bytes())) {
            self.end(error);
        }
        RunStatus::Failed { reason }
    }
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

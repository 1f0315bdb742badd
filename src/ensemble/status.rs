//! What became of a run.

use std::fmt;
use std::fs;
use std::path::Path;

use crate::ensemble::PlannedRun;
use crate::error::{Error, Result};
use crate::training::{LogEntry, Run, holder};

/// What a run's folder holds that failed: why.
pub(super) const FAILURE_FILE: &str = "failure.txt";

/// What became of a run of an [ensemble](crate::ensemble::Ensemble), as its folder tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It has not begun.
    Waiting,
    /// It is trained at this moment; `holder` says by which process of which machine, as far as the folder tells.
    Training {
        /// Trials trained at its newest evaluation.
        trials_trained: u64,
        /// Who trains it.
        holder: String,
    },
    /// It was stopped on its way, and goes on from there.
    Unfinished {
        /// Trials trained at its newest evaluation.
        trials_trained: u64,
    },
    /// It has come to its end.
    Finished {
        /// Trials trained in all.
        trials_trained: u64,
    },
    /// It cannot go on.
    Failed {
        /// Why.
        reason: String,
    },
}

impl RunStatus {
    /// The name used in tables.
    pub fn name(&self) -> &'static str {
        match self {
            RunStatus::Waiting => "waiting",
            RunStatus::Training { .. } => "training",
            RunStatus::Unfinished { .. } => "unfinished",
            RunStatus::Finished { .. } => "finished",
            RunStatus::Failed { .. } => "failed",
        }
    }

    /// Trials trained at the newest evaluation, as far as that is known.
    pub fn trials_trained(&self) -> Option<u64> {
        match self {
            RunStatus::Waiting | RunStatus::Failed { .. } => None,
            RunStatus::Training { trials_trained, .. }
            | RunStatus::Unfinished { trials_trained }
            | RunStatus::Finished { trials_trained } => Some(*trials_trained),
        }
    }

    /// Why it failed, or who trains it; empty otherwise.
    pub fn note(&self) -> &str {
        match self {
            RunStatus::Failed { reason } => reason,
            RunStatus::Training { holder, .. } => holder,
            _ => "",
        }
    }

    /// As the folder of a run tells; and its newest evaluation, if it has one.
    pub(super) fn of(folder: &Path, planned: &PlannedRun) -> Result<(RunStatus, Option<LogEntry>)> {
        let failure = folder.join(FAILURE_FILE);
        match fs::read_to_string(&failure) {
            Ok(reason) => {
                let newest = Run::open(folder).ok().and_then(|run| run.evaluations().entries.last().cloned());
                return Ok((RunStatus::Failed { reason: reason.trim_end().to_owned() }, newest));
            }
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::io("read", &failure, source)),
        }
        let (newest, is_finished) = match Run::open(folder) {
            Ok(run) => (run.evaluations().entries.last().cloned(), run.is_finished(planned.max_trials)),
            // Nothing yet, or not so far as to a first evaluation.
            Err(error) if error.is_missing_file() && !folder.join("hp.json").exists() => {
                return Ok((RunStatus::Waiting, None));
            }
            Err(error) if error.is_missing_file() => (None, false),
            Err(error) => return Ok((RunStatus::Failed { reason: error.to_string() }, None)),
        };
        let trials_trained = newest.as_ref().map_or(0, |entry| entry.trials_trained);
        let status = match holder(folder) {
            _ if is_finished => RunStatus::Finished { trials_trained },
            Some(holder) => RunStatus::Training { trials_trained, holder },
            None => RunStatus::Unfinished { trials_trained },
        };
        Ok((status, newest))
    }
}

/// How many runs of an ensemble have which [status](RunStatus).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not begun.
    pub waiting: usize,
    /// Trained at this moment.
    pub training: usize,
    /// Stopped on their way.
    pub unfinished: usize,
    /// At their end.
    pub finished: usize,
    /// Cannot go on.
    pub failed: usize,
}

impl<'a> FromIterator<&'a RunStatus> for Counts {
    fn from_iter<T: IntoIterator<Item = &'a RunStatus>>(statuses: T) -> Counts {
        let mut counts = Counts::default();
        statuses.into_iter().for_each(|status| counts.add(status));
        counts
    }
}

impl Counts {
    pub(super) fn add(&mut self, status: &RunStatus) {
        *self.of(status) += 1;
    }

    /// The count of those with the same status.
    pub(super) fn of(&mut self, status: &RunStatus) -> &mut usize {
        match status {
            RunStatus::Waiting => &mut self.waiting,
            RunStatus::Training { .. } => &mut self.training,
            RunStatus::Unfinished { .. } => &mut self.unfinished,
            RunStatus::Finished { .. } => &mut self.finished,
            RunStatus::Failed { .. } => &mut self.failed,
        }
    }
}

/// Those that there are, in one line.
impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { waiting, training, unfinished, finished, failed } = *self;
        write!(f, "{finished} of {} runs finished", finished + waiting + training + unfinished + failed)?;
        for (count, what) in
            [(failed, "failed"), (training, "in training"), (unfinished, "unfinished"), (waiting, "waiting")]
        {
            if count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

//! How far training has come, and showing it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::training::log::LogEntry;

/// How far work on checkpoints one after the other has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckpointProgress {
    /// Checkpoints done so far.
    pub done: usize,
    /// Checkpoints to do.
    pub of: usize,
    /// Trials trained before the last of them.
    pub trials_trained: u64,
}

impl std::fmt::Display for CheckpointProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} checkpoints, after {} trials", self.done, self.of, self.trials_trained)
    }
}

/// Where a session's time went, in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spent {
    /// Training steps.
    pub training: f64,
    /// Evaluations.
    pub evaluation: f64,
    /// Making trials.
    pub trials: f64,
    /// Waiting for checkpoints, the log and the state to be written, which goes on beside training.
    pub files: f64,
}

/// How far a training run has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Trials trained, earlier sessions included.
    pub trials_trained: u64,
    /// Trials trained in earlier sessions.
    pub trials_before: u64,
    /// Where training stops at the latest.
    pub max_trials: Option<u64>,
    /// Seconds since this session began.
    pub session_seconds: f64,
    /// The newest evaluation.
    pub evaluation: Option<LogEntry>,
    /// The performance that every rule must exceed.
    pub target: f64,
    /// Trials of a training step.
    pub batch: u64,
    /// Which stage of several training is at, and its rules; none where all rules train at once.
    pub stage: Option<String>,
    /// Where this session's time went.
    pub spent: Spent,
    /// What training runs on.
    pub device: String,
    /// Whether training has come to its end.
    pub finished: bool,
}

impl Progress {
    /// Trials trained a second in this session, evaluations included.
    pub fn trials_per_second(&self) -> f64 {
        (self.trials_trained - self.trials_before) as f64 / self.session_seconds.max(1e-9)
    }

    /// Seconds left to `max_trials`; none where there is no such limit, or no trial was trained yet.
    pub fn seconds_left(&self) -> Option<f64> {
        let left = self.max_trials?.saturating_sub(self.trials_trained) as f64 / self.trials_per_second();
        left.is_finite().then_some(left)
    }

    /// The time left, or what ends training where that cannot be told.
    fn time_left(&self) -> String {
        match self.seconds_left() {
            Some(left) => format!("{} left", duration(left)),
            None => format!("until every rule is above {}", self.target),
        }
    }

    /// Where the time went, in one line.
    fn report(&self) -> String {
        let Spent { training, evaluation, trials, files } = self.spent;
        format!(
            "{} trials trained; this session took {:.1} s: training {training:.1}, evaluation {evaluation:.1}, \
             trials {trials:.1}, files {files:.1} (on {})",
            self.trials_trained, self.session_seconds, self.device
        )
    }
}

/// Trials, pace, time left and the newest performance of each rule, in one line.
impl std::fmt::Display for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} trials, {:.0} a second, ", self.trials_trained, self.trials_per_second())?;
        write!(f, "{}", self.time_left())?;
        if let Some(stage) = &self.stage {
            write!(f, "  |  {stage}")?;
        }
        match &self.evaluation {
            Some(entry) => write!(f, "  |  {entry}"),
            None => Ok(()),
        }
    }
}

/// Minutes and seconds, or hours and minutes.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = seconds.round() as u64;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Shows progress where the user is: a live bar in a terminal, otherwise a line every few seconds, on standard error
/// or, in a notebook, on standard output, where lines arrive live and do not look like a failure.
pub(super) fn shown() -> super::Listener {
    if crate::environment::is_notebook() {
        lines(Duration::from_secs(5), |text| println!("{text}"))
    } else if std::io::stderr().is_terminal() {
        bar()
    } else {
        // Standard error may be closed; training does not depend on being watched.
        lines(Duration::from_secs(10), |text| drop(writeln!(std::io::stderr(), "{text}")))
    }
}

fn bar() -> super::Listener {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
        bar.set_style(style);
    }
    Box::new(move |progress| {
        if progress.finished {
            bar.finish_and_clear();
            let mut err = std::io::stderr().lock();
            let _ = writeln!(err, "{progress}\n{}", progress.report());
        } else {
            bar.set_message(progress.to_string());
            bar.tick();
        }
    })
}

fn lines(every: Duration, print: impl Fn(&str) + Send + 'static) -> super::Listener {
    let mut next = Instant::now() + Duration::from_secs(1);
    Box::new(move |progress| {
        if progress.finished {
            print(&format!("{progress}\n{}", progress.report()));
        } else if Instant::now() >= next {
            print(&progress.to_string());
            next = Instant::now() + every;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Rule;
    use crate::training::Evaluation;

    #[test]
    fn a_line_tells_performance_pace_and_time_left() {
        let evaluation = Evaluation { rule: Rule::ODR, cost: 1.0, regularisation_cost: 0.0, performance: 0.512 };
        let entry = LogEntry { trials_trained: 0, seconds: 0.0, rules: vec![evaluation], stage_performance: None };
        let mut progress = Progress {
            trials_trained: 3000,
            trials_before: 1000,
            max_trials: Some(7000),
            session_seconds: 20.0,
            evaluation: Some(entry),
            target: 0.995,
            batch: 64,
            stage: None,
            spent: Spent::default(),
            device: "CPU, 2 threads".to_owned(),
            finished: false,
        };
        assert_eq!(progress.to_string(), "3000 trials, 100 a second, 40 s left  |  odr 0.51");
        progress.stage = Some("stage 1 of 2: odr".to_owned());
        assert_eq!(progress.to_string(), "3000 trials, 100 a second, 40 s left  |  stage 1 of 2: odr  |  odr 0.51");
        progress.max_trials = None;
        assert!(progress.to_string().contains("until every rule is above 0.995"));
        assert_eq!(duration(3725.0), "1 h 02 min");
        assert_eq!(duration(125.0), "2 min 05 s");
    }
}

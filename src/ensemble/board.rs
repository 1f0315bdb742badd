//! How far many runs have come, on one screen.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::ensemble::Counts;
use crate::environment::is_notebook;
use crate::training::{Progress, duration};

/// How often a listener is told at the most.
const EVERY: Duration = Duration::from_millis(100);

/// Lines of runs that are shown at once.
const SHOWN: usize = 16;

/// How far the runs of a sweep have come.
#[derive(Clone, Debug)]
pub struct SweepProgress {
    /// How many runs have which status.
    pub counts: Counts,
    /// Each run that is trained at this moment, by its place in the plan: its name, and how far it has come.
    pub training: BTreeMap<usize, (String, Progress)>,
    /// Seconds since this sweep began.
    pub seconds: f64,
    /// Runs that this sweep has brought to their end, the failed ones too.
    pub ended: usize,
    /// Runs that this sweep has not begun with yet.
    pub to_do: usize,
}

impl SweepProgress {
    /// Seconds left, if the runs to come take as long as those that ended; none before the first one has.
    pub fn seconds_left(&self) -> Option<f64> {
        // Those on their way have done half of theirs, on average.
        let half = self.training.len() as f64 / 2.0;
        (self.ended > 0).then(|| self.seconds / (self.ended as f64 + half) * (self.to_do as f64 + half))
    }
}

/// How many runs are finished, and the time left; then a line for each that is trained.
impl fmt::Display for SweepProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.counts, duration(self.seconds))?;
        if let Some(left) = self.seconds_left().filter(|left| *left > 0.0) {
            write!(f, ", about {} left", duration(left))?;
        }
        for (name, progress) in self.training.values().take(SHOWN) {
            write!(f, "\n  {name}: {progress}")?;
        }
        match self.training.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// What is told of a sweep's progress.
pub(super) type SweepListener = Box<dyn FnMut(&SweepProgress) + Send>;

/// What the runs that are trained side by side write on.
pub(super) struct Board {
    state: Mutex<State>,
    begun: Instant,
}

struct State {
    progress: SweepProgress,
    listener: Option<SweepListener>,
    told: Option<Instant>,
}

impl Board {
    pub(super) fn new(counts: Counts, to_do: usize, listener: Option<SweepListener>) -> Board {
        let progress = SweepProgress { counts, training: BTreeMap::new(), seconds: 0.0, ended: 0, to_do };
        Board { state: Mutex::new(State { progress, listener, told: None }), begun: Instant::now() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what stands there; told at once if it matters, otherwise when it is time.
    fn change(&self, matters: bool, change: impl FnOnce(&mut SweepProgress)) {
        let mut state = self.state();
        change(&mut state.progress);
        state.progress.seconds = self.begun.elapsed().as_secs_f64();
        if matters || state.told.is_none_or(|told| told.elapsed() >= EVERY) {
            state.told = Some(Instant::now());
            let State { progress, listener, .. } = &mut *state;
            if let Some(listener) = listener {
                listener(progress);
            }
        }
    }

    /// A run has come so far.
    pub(super) fn note(&self, place: usize, name: &str, newest: &Progress) {
        self.change(false, |progress| {
            progress.training.insert(place, (name.to_owned(), newest.clone()));
        });
    }

    /// A run is begun with.
    pub(super) fn begin(&self, change: impl FnOnce(&mut Counts)) {
        self.change(false, |progress| {
            progress.to_do = progress.to_do.saturating_sub(1);
            change(&mut progress.counts);
        });
    }

    /// A run is no longer trained, and the counts change so.
    pub(super) fn end(&self, place: usize, change: impl FnOnce(&mut Counts)) {
        self.change(true, |progress| {
            progress.training.remove(&place);
            progress.ended += 1;
            change(&mut progress.counts);
        });
    }
}

/// Shows progress where the user is: live in a terminal, otherwise some lines every now and then.
pub(super) fn shown() -> SweepListener {
    if is_notebook() {
        lines(Duration::from_secs(10), |text| println!("{text}"))
    } else if std::io::stderr().is_terminal() {
        bar()
    } else {
        // Standard error may be closed; training does not depend on being watched.
        lines(Duration::from_secs(30), |text| drop(writeln!(std::io::stderr(), "{text}")))
    }
}

fn bar() -> SweepListener {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    Box::new(move |progress| {
        bar.set_message(progress.to_string());
        if progress.training.is_empty() && progress.to_do == 0 {
            bar.finish_and_clear();
            let _ = writeln!(std::io::stderr(), "{progress}");
        } else {
            bar.tick();
        }
    })
}

fn lines(every: Duration, print: impl Fn(&str) + Send + 'static) -> SweepListener {
    let mut next = Instant::now() + Duration::from_secs(1);
    Box::new(move |progress| {
        let is_over = progress.training.is_empty() && progress.to_do == 0;
        if is_over || Instant::now() >= next {
            print(&progress.to_string());
            next = Instant::now() + every;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_screen_tells_counts_time_left_and_a_line_for_each_run_in_training() {
        let counts = Counts { finished: 4, failed: 1, training: 2, waiting: 5, unfinished: 0 };
        let of_a_run = Progress {
            trials_trained: 3000,
            trials_before: 1000,
            max_trials: Some(7000),
            session_seconds: 20.0,
            evaluation: None,
            target: 0.995,
            batch: 64,
            stage: None,
            spent: crate::training::Spent::default(),
            device: "CPU, 1 thread".to_owned(),
            finished: false,
        };
        let training = (0..20).map(|place| (place, (format!("seed-{place}"), of_a_run.clone()))).collect();
        let progress = SweepProgress { counts, training, seconds: 90.0, ended: 0, to_do: 5 };
        let text = progress.to_string();
        assert!(text.starts_with("4 of 12 runs finished, 1 failed, 2 in training, 5 waiting; 1 min 30 s\n"), "{text}");
        assert!(text.contains("\n  seed-3: 3000 trials, 100 a second, 40 s left"), "{text}");
        assert!(text.ends_with("\n  and 4 more"), "{text}");
        // Five ended and half of two in 90 s: 15 s each.
        let two = progress.training.into_iter().take(2).collect();
        let progress =
            SweepProgress { training: two, ended: 5, ..SweepProgress { training: BTreeMap::new(), ..progress } };
        assert_eq!(progress.seconds_left(), Some(90.0));
    }
}

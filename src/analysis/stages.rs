//! The stages of a run's checkpoints, for the analyses that group by them.

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tasks::Rule;
use crate::training::{Run, Stage};

/// The stage of a checkpoint by its performance averaged over `window` evaluations (1: its own performance).
///
/// # Errors
/// If the log has no performance there, or `window` is 0.
pub(super) fn stage_of(run: &Run, rule: Rule, trials_trained: u64, window: usize) -> Result<Stage> {
    if window == 0 {
        return Err(Error::argument("a window of 0 evaluations averages nothing", "use 1 or more"));
    }
    run.averaged_stage_at(rule, trials_trained, window).ok_or_else(|| {
        let path = run.path().display();
        let what = format!("the log of `{path}` has no performance on `{rule}` after {trials_trained} trials");
        Error::argument(what, "choose a rule and checkpoints that the log has")
    })
}

/// The first and the last of the checkpoints that a stage stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    ends: Option<(u64, u64)>,
    /// Evaluations that decided the stages, if these are known.
    stage_window: Option<usize>,
}

impl Span {
    /// Takes another checkpoint in.
    pub(super) fn add(&mut self, trials_trained: u64, stage_window: usize) {
        let (first, last) = self.ends.unwrap_or((trials_trained, trials_trained));
        self.ends = Some((first.min(trials_trained), last.max(trials_trained)));
        self.stage_window = Some(stage_window);
    }

    /// The columns first_trials, last_trials and stage_window, of a span a row.
    pub(super) fn columns(rows: &[Span]) -> Vec<Column> {
        let end = |of: fn((u64, u64)) -> u64| rows.iter().map(|row| row.ends.map(of)).collect::<Vec<_>>();
        let windows: Vec<_> = rows.iter().map(|row| row.stage_window.map(|window| window as u32)).collect();
        vec![
            Column::new("first_trials".into(), end(|ends| ends.0)),
            Column::new("last_trials".into(), end(|ends| ends.1)),
            Column::new("stage_window".into(), windows),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_grows_either_way() {
        let mut span = Span::default();
        assert_eq!(Span::columns(&[span])[0].null_count(), 1);
        [300, 100, 200].into_iter().for_each(|trials| span.add(trials, 5));
        let columns = Span::columns(&[span, span]);
        let ends = [0, 1].map(|place| columns[place].u64().unwrap().get(1));
        assert_eq!(ends, [Some(100), Some(300)]);
        assert_eq!(columns[2].u32().unwrap().get(0), Some(5));
    }
}

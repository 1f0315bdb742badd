//! The stages of a run's checkpoints, for the analyses that group by them.

use polars::prelude::*;

use crate::training::{Staging, Visited};

/// The first and the last of the checkpoints that a stage stands on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    ends: Option<(u64, u64)>,
    /// How the stages were told, if that is known.
    staging: Option<Staging>,
}

impl Span {
    /// Takes another checkpoint in.
    pub(super) fn add(&mut self, visited: &Visited) {
        self.take(visited.trials_trained(), visited.run().staging());
    }

    fn take(&mut self, trials_trained: u64, staging: Staging) {
        let (first, last) = self.ends.unwrap_or((trials_trained, trials_trained));
        self.ends = Some((first.min(trials_trained), last.max(trials_trained)));
        self.staging = Some(staging);
    }

    /// The columns first_trials, last_trials and stage_window, of a span a row.
    pub(super) fn columns(rows: &[Span]) -> Vec<Column> {
        let end = |of: fn((u64, u64)) -> u64| rows.iter().map(|row| row.ends.map(of)).collect::<Vec<_>>();
        let windows: Vec<_> = rows.iter().map(|row| row.staging.map(|staging| staging.window as u32)).collect();
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
        [300, 100, 200].into_iter().for_each(|trials| span.take(trials, Staging { window: 5 }));
        let columns = Span::columns(&[span, span]);
        let ends = [0, 1].map(|place| columns[place].u64().unwrap().get(1));
        assert_eq!(ends, [Some(100), Some(300)]);
        assert_eq!(columns[2].u32().unwrap().get(0), Some(5));
    }
}

//! How performance grows with training, over runs.

use polars::prelude::*;

use crate::ensemble::key_columns;
use crate::error::{Error, Result};
use crate::statistics::MeanOverRuns;
use crate::summary::across::Draws;
use crate::summary::groups::{ByKey, Group, of_table};
use crate::summary::run::GROWTH_FILE;
use crate::summary::{RunSummary, Source, SummaryOptions};
use crate::training::moving_average;

/// Evaluations that curves are averaged over, as in the paper's figure.
const WINDOW: usize = 5;
/// Points of a mean curve.
const POINTS: usize = 161;

/// A run's curve of one rule.
struct Curve {
    trials: Vec<u64>,
    smoothed: Vec<f64>,
    /// Whether it stays where it ends: a run that has reached its target is not trained further.
    stays: bool,
}

impl Curve {
    /// The value at some trials, between evaluations on a straight line.
    fn at(&self, trials: f64) -> Option<f64> {
        let after = self.trials.partition_point(|known| (*known as f64) < trials);
        let last = self.trials.len().checked_sub(1)?;
        if after > last {
            return self.stays.then_some(self.smoothed[last]);
        }
        let [from, to] =
            [after.saturating_sub(1), after].map(|place| (self.trials[place] as f64, self.smoothed[place]));
        if to.0 <= from.0 {
            return (trials == to.0).then_some(to.1);
        }
        Some(from.1 + (trials - from.0) / (to.0 - from.0) * (to.1 - from.1))
    }
}

/// The curves of a run, by rule.
fn curves(source: &Source) -> Result<Vec<(String, Curve)>> {
    let stays = RunSummary::reached_target(&source.folder)?;
    let (trials, rules, performance) = of_table(source, GROWTH_FILE, |columns| {
        Ok((columns.counts("trials_trained")?, columns.names("rule")?, columns.numbers("performance")?))
    })?;
    let mut found: ByKey<(Vec<u64>, Vec<f64>)> = ByKey::default();
    for row in (0..rules.len()).filter(|row| performance[*row].is_finite()) {
        let curve = found.at(&vec![rules[row].clone()]);
        curve.0.push(trials[row]);
        curve.1.push(performance[row]);
    }
    let curve = |(rule, (trials, performance)): (Vec<String>, (Vec<u64>, Vec<f64>))| {
        (rule.concat(), Curve { trials, smoothed: moving_average(&performance, WINDOW), stays })
    };
    Ok(found.rows.into_iter().map(curve).collect())
}

/// The table that [`crate::summary::Summary::growth`] describes, of all groups.
pub(super) fn growth(sources: &[Source], groups: &[Group], options: &SummaryOptions) -> Result<DataFrame> {
    let mut all: Vec<(&Group, String, f64, MeanOverRuns)> = Vec::new();
    for group in groups {
        let mut longest = 0;
        for run in &group.runs {
            let ends = curves(&sources[*run])?.into_iter().filter_map(|(_, curve)| curve.trials.last().copied());
            longest = ends.fold(longest, u64::max);
        }
        let trials = |point: usize| longest as f64 * point as f64 / (POINTS - 1) as f64;
        let mut found: ByKey<Vec<MeanOverRuns>> = ByKey::default();
        let mut draws = Draws::new(group.runs.len(), options)?;
        for run in &group.runs {
            let drawn = draws.next();
            for (rule, curve) in curves(&sources[*run])? {
                let points = found.at(&vec![rule]);
                points.resize_with(POINTS, MeanOverRuns::default);
                for (point, mean) in points.iter_mut().enumerate() {
                    // Where a run has ended short of its target, it has no value, and the draws of the others count.
                    mean.add(&drawn, curve.at(trials(point)).unwrap_or(f64::NAN));
                }
            }
        }
        for (rule, points) in found.rows {
            let known = points.into_iter().enumerate().filter(|(_, mean)| mean.runs() > 0);
            all.extend(known.map(|(point, mean)| (group, rule.concat(), trials(point), mean)));
        }
    }
    let mut columns = key_columns(all.iter().map(|row| row.0.keys.as_slice()));
    let number = |name: &str, of: &dyn Fn(&MeanOverRuns) -> Option<f64>| {
        Column::new(name.into(), all.iter().map(|row| of(&row.3)).collect::<Vec<_>>())
    };
    columns.extend([
        Column::new("rule".into(), all.iter().map(|row| row.1.as_str()).collect::<Vec<_>>()),
        Column::new("trials_trained".into(), all.iter().map(|row| row.2).collect::<Vec<_>>()),
        number("mean", &MeanOverRuns::mean),
        number("sd", &MeanOverRuns::deviation),
        number("low", &|mean| mean.interval().map(|(low, _)| low)),
        number("high", &|mean| mean.interval().map(|(_, high)| high)),
        Column::new("runs".into(), all.iter().map(|row| row.3.runs()).collect::<Vec<_>>()),
    ]);
    DataFrame::new(all.len(), columns).map_err(Error::table("making the table of growth over runs"))
}

/// The curves of single runs, of at most `most` of each group, evenly chosen.
pub(super) fn growth_by_run(sources: &[Source], groups: &[Group], most: usize) -> Result<DataFrame> {
    let mut rows: Vec<(&Source, String, u64, f64)> = Vec::new();
    for group in groups {
        for source in group.spread(most).map(|run| &sources[run]) {
            for (rule, curve) in curves(source)? {
                let points = curve.trials.iter().zip(curve.smoothed);
                rows.extend(points.map(|(trials, smoothed)| (source, rule.clone(), *trials, smoothed)));
            }
        }
    }
    let mut columns = vec![Column::new("run".into(), rows.iter().map(|row| row.0.name.as_str()).collect::<Vec<_>>())];
    columns.extend(key_columns(rows.iter().map(|row| row.0.keys.as_slice())));
    columns.extend([
        Column::new("rule".into(), rows.iter().map(|row| row.1.as_str()).collect::<Vec<_>>()),
        Column::new("trials_trained".into(), rows.iter().map(|row| row.2).collect::<Vec<_>>()),
        Column::new("smoothed".into(), rows.iter().map(|row| row.3).collect::<Vec<_>>()),
    ]);
    DataFrame::new(rows.len(), columns).map_err(Error::table("making the table of growth by run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_straight_between_evaluations_and_goes_on_only_where_the_target_was_reached() {
        let curve = |stays| Curve { trials: vec![0, 10, 30], smoothed: vec![0.0, 0.5, 1.0], stays };
        let values = [0.0, 4.0, 10.0, 20.0, 30.0, 31.0].map(|trials| curve(true).at(trials));
        assert_eq!(values, [0.0, 0.2, 0.5, 0.75, 1.0, 1.0].map(Some));
        assert_eq!((curve(false).at(30.0), curve(false).at(31.0)), (Some(1.0), None));
        assert_eq!(Curve { trials: vec![], smoothed: vec![], stays: true }.at(1.0), None);
    }
}

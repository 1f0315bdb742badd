//! One unit at every location (Fig. 3B).

use polars::prelude::*;

use crate::activity::Activity;
use crate::analysis::{Population, Selectivity, UnitSelectivity};
use crate::error::{Error, Result};
use crate::tasks::Epoch;

/// The mean rate of one unit over the trial at each location, and its mean rate there in an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleUnit {
    /// The unit.
    pub unit: usize,
    /// The epoch in which it was selected and whose rates are `epoch_rates`.
    pub epoch: Epoch,
    /// Its preferred location in the epoch.
    pub preferred_location: usize,
    /// ms a step.
    pub dt: f64,
    /// The start of the first step, ms.
    pub start_ms: f64,
    /// The locations that have trials.
    pub locations: Vec<SampleLocation>,
}

/// A unit at one location.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleLocation {
    /// The location.
    pub location: usize,
    /// Its angle in degrees.
    pub angle: f64,
    /// The mean rate over trials, step by step.
    pub rates: Vec<f64>,
    /// Its standard error over trials; none of a single trial.
    pub standard_errors: Option<Vec<f64>>,
    /// The mean rate of the epoch.
    pub epoch_rate: f64,
}

impl SampleUnit {
    /// Unit number `unit`, or without a number the most sharply tuned of the units that `population` takes in `epoch`.
    ///
    /// The sharpest is that with the largest vector strength of its absolute mean rates in the epoch,
    /// |Σ r·e^{iθ}| / Σ|r|,
    /// among the selected units whose highest rate is at least the median one, so that a unit that hardly fires is not
    /// chosen; the first of equals.
    ///
    /// # Errors
    /// If the activity has no such epoch, no fix1 or no stim1, there is no such unit, or no unit is selective.
    pub fn of(activity: &Activity, epoch: Epoch, unit: Option<usize>, population: &Population) -> Result<SampleUnit> {
        let selectivity = Selectivity::of(activity, epoch, &population.selectivity)?;
        let chosen = match unit {
            Some(number) => selectivity.units.get(number).ok_or_else(|| {
                Error::argument(
                    format!("there is no unit {number}"),
                    format!("this population has {} units, counted from 0", selectivity.units.len()),
                )
            })?,
            None => sharpest(&selectivity, population)?,
        };
        let of_unit = activity.rates.slice(ndarray::s![.., .., chosen.unit]);
        let mut locations = Vec::new();
        for (location, trials) in activity.trials_by_location().into_iter().enumerate() {
            let Some(epoch_rate) = chosen.absolute[location] else { continue };
            let count = trials.len() as f64;
            let (mut rates, mut standard_errors) = (Vec::new(), Vec::new());
            for step in of_unit.outer_iter() {
                let values: Vec<f64> = trials.iter().map(|trial| f64::from(step[*trial])).collect();
                let mean = values.iter().sum::<f64>() / count;
                let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
                rates.push(mean);
                standard_errors.push((squares / (count - 1.0) / count).sqrt());
            }
            locations.push(SampleLocation {
                location,
                angle: activity.location_degrees(location),
                rates,
                standard_errors: (trials.len() > 1).then_some(standard_errors),
                epoch_rate,
            });
        }
        let preferred_location = chosen.preferred(population.test);
        Ok(SampleUnit {
            unit: chosen.unit,
            epoch,
            preferred_location,
            dt: activity.dt,
            start_ms: activity.start_ms,
            locations,
        })
    }

    /// The unit as a table, a row for each location and step.
    ///
    /// Columns: unit; location; angle (degrees); step; time_ms (the step's start); rate, the mean over trials;
    /// standard_error, over trials (null of a single one); and the same in each row of a location: epoch_rate, the mean
    /// rate of the epoch; preferred, whether this is the unit's preferred location in the epoch.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let rows = || self.locations.iter().flat_map(|at| (0..at.rates.len()).map(move |step| (at, step)));
        let error = |(at, step): (&SampleLocation, usize)| at.standard_errors.as_ref().map(|errors| errors[step]);
        df![
            "unit" => rows().map(|_| self.unit as u32).collect::<Vec<_>>(),
            "location" => rows().map(|(at, _)| at.location as u32).collect::<Vec<_>>(),
            "angle" => rows().map(|(at, _)| at.angle).collect::<Vec<_>>(),
            "step" => rows().map(|(_, step)| step as u32).collect::<Vec<_>>(),
            "time_ms" => rows().map(|(_, step)| self.start_ms + step as f64 * self.dt).collect::<Vec<_>>(),
            "rate" => rows().map(|(at, step)| at.rates[step]).collect::<Vec<_>>(),
            "standard_error" => rows().map(error).collect::<Vec<_>>(),
            "epoch_rate" => rows().map(|(at, _)| at.epoch_rate).collect::<Vec<_>>(),
            "preferred" => rows().map(|(at, _)| at.location == self.preferred_location).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("cannot make the table of a sample unit"))
    }
}

/// The unit that [`SampleUnit::of`] takes by itself.
fn sharpest<'a>(selectivity: &'a Selectivity, population: &Population) -> Result<&'a UnitSelectivity> {
    let peak = |unit: &UnitSelectivity| unit.absolute.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let selected: Vec<&UnitSelectivity> = selectivity.units.iter().filter(|unit| population.takes(unit)).collect();
    let mut peaks: Vec<f64> = selected.iter().map(|unit| peak(unit)).collect();
    peaks.sort_by(f64::total_cmp);
    let median = peaks.get(peaks.len() / 2).copied().unwrap_or(f64::INFINITY);
    let mut best: Option<(&UnitSelectivity, f64)> = None;
    for unit in selected.into_iter().filter(|unit| peak(unit) >= median) {
        let strength = vector_strength(&unit.absolute);
        if best.is_none_or(|(_, known)| strength > known) {
            best = Some((unit, strength));
        }
    }
    best.map(|(unit, _)| unit).ok_or_else(|| {
        Error::argument(
            format!("no unit is selective in {}", selectivity.epoch),
            "name a unit, or choose another epoch or checkpoint",
        )
    })
}

/// |Σ r·e^{iθ}| / Σ|r|: 1 for a response to one location alone, 0 for the same response to all.
fn vector_strength(rates: &[Option<f64>]) -> f64 {
    let (mut x, mut y, mut all) = (0.0, 0.0, 0.0);
    for (location, rate) in rates.iter().enumerate() {
        let angle = std::f64::consts::TAU * location as f64 / rates.len() as f64;
        let rate = rate.unwrap_or(0.0);
        x += rate * angle.cos();
        y += rate * angle.sin();
        all += rate.abs();
    }
    if all > 0.0 { x.hypot(y) / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::golden;

    #[test]
    fn rates_are_the_means_of_the_recorded_trials() {
        let expected = golden::json("sample_unit");
        let activity = golden::activity("gap", 716800);
        let unit = SampleUnit::of(&activity, Epoch::Stim1, Some(0), &Population::default()).unwrap();
        assert_eq!(unit.locations.len(), 8);
        let close = |found: f64, expected: &serde_json::Value| {
            golden::within((found - expected.as_f64().unwrap()).abs(), 1e-6, found);
        };
        for (location, at) in unit.locations.iter().enumerate() {
            assert_eq!(at.angle, 45.0 * location as f64);
            assert_eq!(at.rates.len(), 85);
            let errors = at.standard_errors.as_ref().unwrap();
            for step in 0..85 {
                close(at.rates[step], &expected["rates"][location][step]);
                close(errors[step], &expected["standard_errors"][location][step]);
            }
            close(at.epoch_rate, &expected["stim1"][location]);
        }
        let table = unit.table().unwrap();
        assert_eq!(table.shape(), (8 * 85, 9));
        let preferred: Vec<Option<bool>> = table.column("preferred").unwrap().bool().unwrap().iter().collect();
        assert_eq!(preferred.iter().filter(|preferred| **preferred == Some(true)).count(), 85);
        assert_eq!(preferred[85 * unit.preferred_location], Some(true));
    }

    #[test]
    fn the_sharpest_unit_is_selective_fires_and_beats_every_other() {
        let activity = golden::activity("gap", 716800);
        let options = Population::default();
        let selectivity = Selectivity::of(&activity, Epoch::Stim1, &options.selectivity).unwrap();
        let found = SampleUnit::of(&activity, Epoch::Stim1, None, &options).unwrap();
        let unit = &selectivity.units[found.unit];
        assert!(options.kinds.contains(&unit.kind));
        let selected = || selectivity.units.iter().filter(|unit| options.kinds.contains(&unit.kind));
        let peak = |unit: &UnitSelectivity| unit.absolute.iter().flatten().copied().fold(0.0, f64::max);
        let above = selected().filter(|other| peak(other) > peak(unit)).count();
        assert!(2 * above <= selected().count(), "it is in the upper half");
        let sharper = selected()
            .filter(|other| peak(other) >= peak(unit))
            .filter(|other| vector_strength(&other.absolute) > vector_strength(&unit.absolute));
        assert_eq!(sharper.count(), 0);
        assert!((vector_strength(&[Some(2.0), None, Some(0.0), None]) - 1.0).abs() < 1e-12);
        assert!(vector_strength(&[Some(2.0); 8]) < 1e-12 && vector_strength(&[None; 8]) == 0.0);
    }

    #[test]
    fn what_cannot_be_shown_is_refused() {
        let activity = golden::activity("gap", 716800);
        let of = |epoch, unit, options: &Population| {
            SampleUnit::of(&activity, epoch, unit, options).unwrap_err().to_string()
        };
        let options = Population::default();
        assert!(of(Epoch::Stim1, Some(20), &options).contains("20 units"));
        assert!(of(Epoch::Delay2, Some(2), &options).contains("delay2"));
        let none = Population { kinds: vec![], ..options };
        assert!(of(Epoch::Stim1, None, &none).contains("no unit is selective"));
        let single =
            Activity { locations: (0..128).map(|trial| trial % 128).collect(), location_count: 128, ..activity };
        let unit = SampleUnit::of(&single, Epoch::Stim1, Some(0), &none).unwrap();
        assert_eq!(unit.locations[5].standard_errors, None);
        assert_eq!(unit.table().unwrap().column("standard_error").unwrap().null_count(), 128 * 85);
    }
}

//! Activity: the rate of every unit at every time step of every trial, of a network or of recorded neurons.
//!
//! ```
//! use maturation::activity::Activity;
//! use maturation::tasks::Epoch;
//! use ndarray::Array3;
//!
//! // 10 steps of 20 ms, 4 trials at two of eight locations, 3 units.
//! let rates = Array3::from_shape_fn((10, 4, 3), |(step, trial, unit)| (step + 2 * trial + unit) as f32);
//! let activity = Activity::new(rates, vec![0, 0, 4, 4], 8, 20.0)?
//!     .with_epochs_in_ms(&[(Epoch::Fix1, 0.0..100.0), (Epoch::Stim1, 100.0..200.0)])?;
//!
//! assert_eq!(activity.epoch(Epoch::Stim1)?, 5..10);
//! assert!(activity.epoch(Epoch::Go1).is_err());
//! let table = activity.table()?;
//! assert_eq!(table.height(), 4 * 10);
//! assert_eq!(Activity::from_table(&table, None)?.rates, activity.rates);
//! # Ok::<(), maturation::Error>(())
//! ```

use std::ops::Range;

use ndarray::Array3;
use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};

/// The locations of the stimulus ring, where nothing else is said.
const RING_LOCATIONS: usize = 8;

/// More locations than this are a mistake, such as angles in place of locations.
pub(crate) const MOST_LOCATIONS: usize = 360;

/// The activity of a population of units in a batch of trials.
///
/// For a network: the hidden activity of one checkpoint on the test trials of one rule. For recorded neurons: their
/// rates, in whatever unit they were measured, time-locked to the trial's start.
#[derive(Clone, Debug, PartialEq)]
pub struct Activity {
    /// Rates, (time, trial, unit).
    pub rates: Array3<f32>,
    /// The stimulus location of each trial, 0 to `location_count` − 1; location k is at k·360°/`location_count`.
    pub locations: Vec<usize>,
    /// Number of locations on the ring, also of those without a trial here.
    pub location_count: usize,
    /// The epochs, in time steps.
    pub epochs: Vec<(Epoch, Range<usize>)>,
    /// ms a step.
    pub dt: f64,
    /// The rule of the trials; none for recordings that have no rule.
    pub rule: Option<Rule>,
    /// Trials that the network had been trained on at this checkpoint; none for recordings.
    pub trials_trained: Option<u64>,
}

impl Activity {
    /// Activity without epochs, rule and checkpoint, which the `with_…` methods add.
    ///
    /// `rates` is (time, trial, unit), `locations` has one entry a trial, `dt` is in ms.
    ///
    /// # Errors
    /// If an axis is empty, the number of locations is not that of trials, a location is beyond the ring, `dt` is not
    /// positive, or a rate is NaN or infinite.
    pub fn new(rates: Array3<f32>, locations: Vec<usize>, location_count: usize, dt: f64) -> Result<Activity> {
        let activity =
            Activity { rates, locations, location_count, epochs: Vec::new(), dt, rule: None, trials_trained: None };
        activity.check()?;
        // Without an early exit this runs on vectors; which rate it is matters only once there is one.
        if activity.rates.fold(true, |finite, rate| finite & rate.is_finite()) {
            return Ok(activity);
        }
        let bad = activity.rates.indexed_iter().find(|(_, rate)| !rate.is_finite());
        let place = bad.map_or(String::new(), |((step, trial, unit), rate)| {
            format!("unit {unit} has the rate {rate} in trial {trial} at step {step}")
        });
        Err(Error::argument(place, "every rate must be a finite number: leave the unit or the trial out"))
    }

    /// The same activity with these epochs, in time steps.
    ///
    /// # Errors
    /// If an epoch is empty, given twice, or ends after the trial.
    pub fn with_epochs(mut self, epochs: Vec<(Epoch, Range<usize>)>) -> Result<Activity> {
        self.epochs = epochs;
        self.check()?;
        Ok(self)
    }

    /// The same activity with these epochs, in ms from the trial's start. A time between two steps is rounded down.
    ///
    /// # Errors
    /// As [`Activity::with_epochs`], and if a time is negative or not finite.
    pub fn with_epochs_in_ms(self, epochs: &[(Epoch, Range<f64>)]) -> Result<Activity> {
        let mut in_steps = Vec::with_capacity(epochs.len());
        for (epoch, range) in epochs {
            if !(range.start >= 0.0 && range.end.is_finite() && range.end >= range.start) {
                return Err(Error::argument(
                    format!("epoch {epoch} is from {} ms to {} ms", range.start, range.end),
                    "give its start and end in ms from the start of the trial",
                ));
            }
            let step = |time: f64| (time / self.dt + 1e-9).floor() as usize;
            in_steps.push((*epoch, step(range.start)..step(range.end)));
        }
        self.with_epochs(in_steps)
    }

    /// The same activity as that of a rule's trials. The epochs stay as they are.
    pub fn with_rule(mut self, rule: Rule) -> Activity {
        self.rule = Some(rule);
        self
    }

    /// The same activity as that of the checkpoint after so many trials of training.
    pub fn with_trials_trained(mut self, trials: u64) -> Activity {
        self.trials_trained = Some(trials);
        self
    }

    /// Number of time steps of a trial.
    pub fn steps(&self) -> usize {
        self.rates.dim().0
    }

    /// Number of trials.
    pub fn trials(&self) -> usize {
        self.rates.dim().1
    }

    /// Number of units.
    pub fn units(&self) -> usize {
        self.rates.dim().2
    }

    /// The time steps of an epoch.
    ///
    /// # Errors
    /// If this activity has no such epoch; the message lists those that it has.
    pub fn epoch(&self, epoch: Epoch) -> Result<Range<usize>> {
        if self.epochs.is_empty() {
            return Err(Error::argument(
                format!("this activity has no epochs, so no {epoch} either"),
                "name them by the rule of the trials, or by their times in ms",
            ));
        }
        match self.epochs.iter().find(|(name, _)| *name == epoch) {
            Some((_, range)) => Ok(range.clone()),
            None => Err(Error::unknown_name("epoch", epoch.name(), self.epochs.iter().map(|(name, _)| name))),
        }
    }

    /// The trials at each location, (location, trials there).
    pub(crate) fn trials_by_location(&self) -> Vec<Vec<usize>> {
        let mut trials = vec![Vec::new(); self.location_count];
        for (trial, location) in self.locations.iter().enumerate() {
            trials[*location].push(trial);
        }
        trials
    }

    /// Whether the parts fit together: what the analyses rely on, since the fields are open to everyone.
    pub(crate) fn check(&self) -> Result<()> {
        let (steps, trials, units) = self.rates.dim();
        if steps == 0 || trials == 0 || units == 0 {
            return Err(Error::argument(
                format!("the activity is empty: {steps} steps, {trials} trials, {units} units"),
                "it needs at least one of each",
            ));
        }
        if self.locations.len() != trials {
            return Err(Error::shape("activity", "locations", &[self.locations.len()], &[trials]));
        }
        if self.location_count > MOST_LOCATIONS {
            return Err(Error::argument(
                format!("the ring has {} locations", self.location_count),
                format!("number them from 0 round the ring, up to {MOST_LOCATIONS} of them"),
            ));
        }
        if let Some(trial) = self.locations.iter().position(|location| *location >= self.location_count) {
            return Err(Error::argument(
                format!("trial {trial} is at location {}", self.locations[trial]),
                format!("the ring has {} locations, counted from 0", self.location_count),
            ));
        }
        if !(self.dt > 0.0 && self.dt.is_finite()) {
            return Err(Error::argument(
                format!("the time step is {} ms", self.dt),
                "give a positive number of ms a step",
            ));
        }
        for (index, (epoch, range)) in self.epochs.iter().enumerate() {
            if range.is_empty() || range.end > steps {
                return Err(Error::argument(
                    format!("epoch {epoch} covers steps {} to {} of a trial of {steps} steps", range.start, range.end),
                    "an epoch must hold at least one step and end with the trial or before",
                ));
            }
            if self.epochs[..index].iter().any(|(earlier, _)| earlier == epoch) {
                return Err(Error::argument(format!("epoch {epoch} is given twice"), "give it once"));
            }
        }
        Ok(())
    }
}

/// Activity as a table, and back.
impl Activity {
    /// One row for each trial and step, trial by trial: step, time_ms (the step's start), trial, location, then one
    /// column of rates a unit, unit_0 … unit_{N−1}.
    ///
    /// # Errors
    /// If the parts do not fit together.
    pub fn table(&self) -> Result<DataFrame> {
        self.check()?;
        let (steps, trials, units) = self.rates.dim();
        let rows = steps * trials;
        let row_steps = || (0..trials).flat_map(|_| 0..steps);
        let of_trial = |value: &dyn Fn(usize) -> u32| -> Vec<u32> {
            (0..trials).flat_map(|trial| std::iter::repeat_n(value(trial), steps)).collect()
        };
        let mut columns = vec![
            Column::new("step".into(), row_steps().map(|step| step as u32).collect::<Vec<_>>()),
            Column::new("time_ms".into(), row_steps().map(|step| step as f64 * self.dt).collect::<Vec<_>>()),
            Column::new("trial".into(), of_trial(&|trial| trial as u32)),
            Column::new("location".into(), of_trial(&|trial| self.locations[trial] as u32)),
        ];
        let mut rates: Vec<Vec<f32>> = (0..units).map(|_| Vec::with_capacity(rows)).collect();
        for trial in 0..trials {
            for step in 0..steps {
                let row = self.rates.slice(ndarray::s![step, trial, ..]);
                for (column, rate) in rates.iter_mut().zip(row) {
                    column.push(*rate);
                }
            }
        }
        columns.extend(
            rates.into_iter().enumerate().map(|(unit, rates)| Column::new(format!("unit_{unit}").into(), rates)),
        );
        DataFrame::new(rows, columns).map_err(Error::table("cannot make the table of the activity"))
    }

    /// Reads what [`Activity::table`] makes, or the like from recorded neurons: trial, location, step or time_ms or
    /// both, and unit_0 … unit_{N−1}. Rows may stand in any order, trials may have any numbers (they are taken in
    /// ascending order), further columns are ignored. Time counts from the trial's start.
    ///
    /// `dt` is in ms; without it, it is the distance between two times of the time_ms column. The ring has 8
    /// locations, or as many as the largest location needs. The result has no epochs: add them with
    /// [`Activity::with_epochs`] or [`Activity::with_epochs_in_ms`].
    ///
    /// # Errors
    /// If a column is missing or not numeric, a value is missing, NaN or infinite, trials have different lengths,
    /// holes or repeated steps, or change their location. The message names the column, the trial and the step.
    pub fn from_table(table: &DataFrame, dt: Option<f64>) -> Result<Activity> {
        let dt = match dt {
            Some(dt) if dt > 0.0 && dt.is_finite() => dt,
            Some(dt) => {
                return Err(Error::argument(
                    format!("the time step is {dt} ms"),
                    "give a positive number of ms a step",
                ));
            }
            None => time_step(table)?,
        };
        let steps = if has(table, "step") {
            whole_numbers(table, "step")?
        } else {
            numbers(table, "time_ms")?.into_iter().map(|time| (time / dt + 1e-6).floor()).collect()
        };
        let layout = Layout::of(&whole_numbers(table, "trial")?, &steps)?;
        let locations = layout.locations(&whole_numbers(table, "location")?)?;
        let units = unit_columns(table)?;

        let mut rates = Array3::<f32>::zeros((layout.steps, layout.trials.len(), units.len()));
        for (unit, column) in units.iter().enumerate() {
            let values = numbers(table, column)?;
            for (value, (step, trial)) in values.iter().zip(&layout.rows) {
                rates[[*step, *trial, unit]] = *value as f32;
            }
        }
        let location_count = locations.iter().map(|location| location + 1).fold(RING_LOCATIONS, usize::max);
        Activity::new(rates, locations, location_count, dt)
    }
}

/// Where each row of a table belongs.
struct Layout {
    /// Steps of every trial.
    steps: usize,
    /// The number of each trial in the table, ascending.
    trials: Vec<f64>,
    /// (step, index of the trial) of each row.
    rows: Vec<(usize, usize)>,
}

impl Layout {
    fn of(trial_numbers: &[f64], steps: &[f64]) -> Result<Layout> {
        let mut trials = trial_numbers.to_vec();
        trials.sort_by(f64::total_cmp);
        trials.dedup();
        if trials.is_empty() {
            return Err(Error::argument("the table of activity has no rows", "it needs one for each trial and step"));
        }
        if let Some(row) = steps.iter().position(|step| *step < 0.0) {
            return Err(Error::argument(
                format!("row {row} of the table lies {} steps before the start of its trial", -steps[row]),
                "count time from the start of the trial",
            ));
        }
        let index: Vec<usize> =
            trial_numbers.iter().map(|number| trials.partition_point(|trial| trial < number)).collect();
        let mut lengths = vec![0_usize; trials.len()];
        for trial in &index {
            lengths[*trial] += 1;
        }
        let length = lengths[0];
        if let Some(trial) = lengths.iter().position(|other| *other != length) {
            return Err(Error::argument(
                format!(
                    "trial {} has {} time steps where trial {} has {length}",
                    trials[trial], lengths[trial], trials[0]
                ),
                "cut all trials to one length, aligned to the trial's start",
            ));
        }
        let mut seen = vec![false; length * trials.len()];
        let mut rows = Vec::with_capacity(index.len());
        for (trial, step) in index.iter().zip(steps) {
            let place = *trial * length + *step as usize;
            if *step >= length as f64 || seen[place] {
                return Err(Error::argument(
                    format!("trial {} does not have each of its steps 0 to {} once", trials[*trial], length - 1),
                    "check its `step` or `time_ms` column, and that the time step is right",
                ));
            }
            seen[place] = true;
            rows.push((*step as usize, *trial));
        }
        Ok(Layout { steps: length, trials, rows })
    }

    /// The location of each trial, which must be the same in all of its rows.
    fn locations(&self, values: &[f64]) -> Result<Vec<usize>> {
        let mut locations = vec![None; self.trials.len()];
        for (value, (_, trial)) in values.iter().zip(&self.rows) {
            if !(0.0..1e6).contains(value) || locations[*trial].is_some_and(|known| known != *value) {
                return Err(Error::argument(
                    format!("trial {} has the location {value}", self.trials[*trial]),
                    "give every trial one location, counted from 0 round the ring",
                ));
            }
            locations[*trial] = Some(*value);
        }
        Ok(locations.into_iter().flatten().map(|location| location as usize).collect())
    }
}

/// ms a step, by the time_ms column (and the step column, where there is one).
fn time_step(table: &DataFrame) -> Result<f64> {
    let unknown = |what: &str| Error::argument(what, "give the time step in ms");
    if !has(table, "time_ms") {
        return Err(unknown("the table of activity has no `time_ms` column to tell the time step"));
    }
    let mut times = numbers(table, "time_ms")?;
    times.sort_by(f64::total_cmp);
    let smallest = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|gap| *gap > 1e-6).min_by(f64::total_cmp);
    smallest.ok_or_else(|| unknown("the `time_ms` column has a single time, which does not tell the time step"))
}

fn has(table: &DataFrame, name: &str) -> bool {
    table.get_column_index(name).is_some()
}

/// The names unit_0 … unit_{N−1}, in this order.
fn unit_columns(table: &DataFrame) -> Result<Vec<String>> {
    let is_unit = |name: &PlSmallStr| name.strip_prefix("unit_").is_some_and(|unit| unit.parse::<usize>().is_ok());
    let count = table.get_column_names().into_iter().filter(|name| is_unit(name)).count();
    let names: Vec<String> = (0..count.max(1)).map(|unit| format!("unit_{unit}")).collect();
    match names.iter().find(|name| !has(table, name)) {
        Some(missing) => Err(Error::argument(
            format!("the table of activity has no column `{missing}`"),
            "name its columns of rates unit_0, unit_1, … without a gap",
        )),
        None => Ok(names),
    }
}

/// A column of finite numbers.
fn numbers(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let remedy = "it needs the columns trial, location, step or time_ms, and unit_0, unit_1, …";
    let column = table
        .column(name)
        .map_err(|_| Error::argument(format!("the table of activity has no column `{name}`"), remedy))?;
    if !column.dtype().is_primitive_numeric() {
        return Err(Error::argument(
            format!("the column `{name}` holds {} values", column.dtype()),
            "every value must be a number",
        ));
    }
    let column = column.cast(&DataType::Float64).map_err(Error::table(format!("cannot read the column `{name}`")))?;
    let column = column.f64().map_err(Error::table(format!("cannot read the column `{name}`")))?;
    let value = |(row, value): (usize, Option<f64>)| match value {
        Some(value) if value.is_finite() => Ok(value),
        other => {
            let value = other.map_or("nothing".to_owned(), |value| value.to_string());
            let trial = table.column("trial").ok().and_then(|trials| trials.get(row).ok());
            let trial = trial.map_or(String::new(), |trial| format!(" (trial {trial})"));
            Err(Error::argument(
                format!("the column `{name}` holds {value} in row {row}{trial}"),
                "every value must be a finite number: leave the unit or the trial out",
            ))
        }
    };
    column.iter().enumerate().map(value).collect()
}

/// A column of whole numbers.
fn whole_numbers(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let values = numbers(table, name)?;
    match values.iter().find(|value| value.fract() != 0.0) {
        Some(value) => Err(Error::argument(
            format!("the column `{name}` holds {value}"),
            "every value of it must be a whole number",
        )),
        None => Ok(values),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Activity {
        let rates =
            Array3::from_shape_fn((6, 5, 3), |(step, trial, unit)| step as f32 + 0.1 * trial as f32 - unit as f32);
        Activity::new(rates, vec![2, 0, 7, 2, 1], 8, 20.0)
            .unwrap()
            .with_epochs(vec![(Epoch::Fix1, 0..2), (Epoch::Stim1, 2..6)])
            .unwrap()
    }

    #[track_caller]
    fn assert_refused<T: std::fmt::Debug>(result: Result<T>, words: &[&str]) {
        let message = result.unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }

    #[test]
    fn impossible_activity_is_refused() {
        let rates = || example().rates;
        assert_refused(Activity::new(Array3::zeros((3, 0, 2)), vec![], 8, 20.0), &["0 trials"]);
        assert_refused(Activity::new(rates(), vec![0, 1], 8, 20.0), &["locations", "[2]", "[5]"]);
        assert_refused(Activity::new(rates(), vec![0, 1, 8, 2, 3], 8, 20.0), &["trial 2", "location 8"]);
        assert_refused(Activity::new(rates(), vec![0; 5], usize::MAX, 20.0), &["up to 360"]);
        assert_refused(Activity::new(rates(), vec![0; 5], 8, 0.0), &["0 ms"]);
        assert_refused(Activity::new(rates(), vec![0; 5], 8, f64::NAN), &["NaN ms"]);
        for value in [f32::NAN, f32::INFINITY] {
            let mut rates = rates();
            rates[[4, 3, 2]] = value;
            assert_refused(Activity::new(rates, vec![0; 5], 8, 20.0), &["unit 2", "trial 3", "step 4"]);
        }
    }

    #[test]
    fn epochs() {
        assert_eq!(example().epoch(Epoch::Stim1).unwrap(), 2..6);
        assert_refused(example().epoch(Epoch::Delay2), &["`delay2`", "fix1, stim1"]);
        assert_refused(example().with_epochs(vec![(Epoch::Fix1, 3..7)]), &["fix1", "6 steps"]);
        assert_refused(example().with_epochs(vec![(Epoch::Fix1, 3..3)]), &["fix1", "at least one step"]);
        assert_refused(example().with_epochs(vec![(Epoch::Fix1, 0..1), (Epoch::Fix1, 1..2)]), &["twice"]);
        let in_ms = example().with_epochs_in_ms(&[(Epoch::Go1, 50.0..120.0)]).unwrap();
        assert_eq!(in_ms.epoch(Epoch::Go1).unwrap(), 2..6);
        assert_refused(example().with_epochs_in_ms(&[(Epoch::Go1, -20.0..120.0)]), &["-20 ms"]);
        assert_refused(example().with_epochs_in_ms(&[(Epoch::Go1, 0.0..f64::NAN)]), &["NaN ms"]);
    }

    #[test]
    fn the_table_has_the_columns_of_the_interface_and_reads_back() {
        let table = example().table().unwrap();
        assert_eq!(table.get_column_names(), ["step", "time_ms", "trial", "location", "unit_0", "unit_1", "unit_2"]);
        assert_eq!(table.height(), 30);
        assert_eq!(table.column("time_ms").unwrap().f64().unwrap().get(7), Some(20.0));
        assert_eq!(table.column("location").unwrap().u32().unwrap().get(7), Some(0));
        assert_eq!(table.column("unit_2").unwrap().f32().unwrap().get(7), Some(example().rates[[1, 1, 2]]));
        for dt in [None, Some(20.0)] {
            let read = Activity::from_table(&table, dt).unwrap();
            assert_eq!((read.rates, read.locations, read.dt), (example().rates, example().locations, 20.0));
        }
        let only_steps = table.drop("time_ms").unwrap();
        assert_eq!(Activity::from_table(&only_steps, Some(5.0)).unwrap().rates, example().rates);
        assert_refused(Activity::from_table(&only_steps, None), &["time step"]);
        assert_eq!(Activity::from_table(&table.drop("step").unwrap(), None).unwrap().rates, example().rates);
        assert_refused(
            Activity::from_table(&table.drop_many(["step", "time_ms"]), Some(20.0)),
            &["no column `time_ms`", "step or time_ms"],
        );
    }

    #[test]
    fn recorded_trials_may_stand_in_any_order() {
        let table = df![
            "trial" => [12, 7, 12, 7], "location" => [9.0, 3.0, 9.0, 3.0], "time_ms" => [15.0, 5.0, 5.0, 15.0],
            "unit_1" => [1, 2, 3, 4], "unit_0" => [5.0, 6.0, 7.0, 8.0], "monkey" => ["a", "a", "a", "a"],
        ]
        .unwrap();
        let activity = Activity::from_table(&table, None).unwrap();
        assert_eq!((activity.dt, activity.location_count), (10.0, 10));
        assert_eq!(activity.locations, [3, 9]);
        assert_eq!(activity.rates, ndarray::array![[[6.0, 2.0], [7.0, 3.0]], [[8.0, 4.0], [5.0, 1.0]]]);
    }

    #[test]
    fn damaged_tables_are_refused_with_the_place() {
        let table = example().table().unwrap();
        let with = |column: Column| {
            let mut table = table.clone();
            table.with_column(column).unwrap();
            Activity::from_table(&table, None)
        };
        let altered = |name: &str, row: usize, value: Option<f64>| {
            let column = table.column(name).unwrap().cast(&DataType::Float64).unwrap();
            let mut values = column.f64().unwrap().to_vec();
            values[row] = value;
            with(Column::new(name.into(), values))
        };
        assert_refused(Activity::from_table(&table.drop("trial").unwrap(), None), &["no column `trial`"]);
        assert_refused(Activity::from_table(&table.drop("unit_1").unwrap(), None), &["`unit_1`", "without a gap"]);
        assert_refused(Activity::from_table(&table.head(Some(0)), Some(20.0)), &["no rows"]);
        assert_refused(Activity::from_table(&table.head(Some(29)), None), &["trial 4 has 5", "trial 0 has 6"]);
        assert_refused(Activity::from_table(&table, Some(-1.0)), &["-1 ms"]);
        assert_refused(altered("unit_2", 13, None), &["unit_2", "nothing", "trial 2"]);
        assert_refused(altered("unit_2", 13, Some(f64::NAN)), &["unit_2", "NaN", "trial 2"]);
        assert_refused(altered("unit_2", 13, Some(1e300)), &["unit 2", "inf", "trial 2"]);
        assert_refused(altered("location", 13, Some(5.0)), &["trial 2", "location"]);
        assert_refused(altered("location", 0, Some(-1.0)), &["trial 0", "location -1"]);
        assert_refused(altered("location", 0, Some(1.5)), &["location", "whole number"]);
        assert_refused(altered("step", 13, Some(0.0)), &["trial 2", "steps 0 to 5"]);
        assert_refused(altered("step", 13, Some(1e12)), &["trial 2", "steps 0 to 5"]);
        assert_refused(altered("step", 13, Some(-1.0)), &["before the start"]);
        assert_refused(with(Column::new("unit_0".into(), vec!["x"; 30])), &["unit_0", "str"]);
    }
}

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

mod clock;
mod columns;
mod pseudo;
mod recording;
mod ring;
mod spikes;

use std::ops::Range;

use ndarray::Array3;
use polars::prelude::*;

pub use clock::BinTime;
pub use pseudo::PseudoPopulation;
pub use recording::{RecordingOptions, TimeUnit};
pub use ring::{LocationUnit, RingLabels, RingOptions};
pub use spikes::SpikeOptions;

use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};

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
    /// What the locations are called, and where the first one lies.
    pub ring: RingLabels,
    /// The epochs, in time steps.
    pub epochs: Vec<(Epoch, Range<usize>)>,
    /// ms a step.
    pub dt: f64,
    /// The start of the first step, ms from the event that time counts from: 0, the trial's start, unless a recording
    /// says otherwise.
    pub start_ms: f64,
    /// The rule of the trials; none for recordings that have no rule.
    pub rule: Option<Rule>,
    /// Trials that the network had been trained on at this checkpoint; none for recordings.
    pub trials_trained: Option<u64>,
    /// What was found or changed when a table was read, a sentence each.
    pub notes: Vec<String>,
}

/// How near to the start of a step, in steps, a time counts as the step's start: recorded times are rounded.
const NEAR: f64 = 0.05;

impl Activity {
    /// Activity without epochs, rule and checkpoint, which the `with_…` methods add.
    ///
    /// `rates` is (time, trial, unit), `locations` has one entry a trial, `dt` is in ms.
    ///
    /// # Errors
    /// If an axis is empty, the number of locations is not that of trials, a location is beyond the ring, `dt` is not
    /// positive, or a rate is NaN or infinite.
    pub fn new(rates: Array3<f32>, locations: Vec<usize>, location_count: usize, dt: f64) -> Result<Activity> {
        let activity = Activity {
            rates,
            locations,
            location_count,
            ring: RingLabels::default(),
            epochs: Vec::new(),
            dt,
            start_ms: 0.0,
            rule: None,
            trials_trained: None,
            notes: Vec::new(),
        };
        activity.check()?;
        activity.check_finite()?;
        Ok(activity)
    }

    /// Refuses rates that are not finite; the fields are open to everyone.
    pub(crate) fn check_finite(&self) -> Result<()> {
        // Without an early exit this runs on vectors; which rate it is matters only once there is one.
        if self.rates.fold(true, |finite, rate| finite & rate.is_finite()) {
            return Ok(());
        }
        let bad = self.rates.indexed_iter().find(|(_, rate)| !rate.is_finite());
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

    /// The same activity with these epochs, in ms on the activity's own axis, which may begin below zero. A time
    /// between two steps is rounded down, unless it is within a twentieth of a step from the next.
    ///
    /// # Errors
    /// As [`Activity::with_epochs`], and if a time is not finite or outside the activity.
    pub fn with_epochs_in_ms(self, epochs: &[(Epoch, Range<f64>)]) -> Result<Activity> {
        let mut in_steps = Vec::with_capacity(epochs.len());
        for (epoch, range) in epochs {
            let what = || format!("epoch {epoch} is from {} ms to {} ms", range.start, range.end);
            let span = || {
                let (start, end) = (self.time_ms(0), self.time_ms(self.steps()));
                format!("there is activity from {} ms to {} ms", clock::round(start), clock::round(end))
            };
            if !(range.start.is_finite() && range.end.is_finite() && range.end >= range.start) {
                return Err(Error::argument(what(), "give its start and end in ms"));
            }
            let (start, end) = (self.step_at(range.start), self.step_at(range.end));
            // Half a step before the first is the first where times are the middles of bins.
            let early = (range.start - self.start_ms) / self.dt < -0.5 - NEAR;
            if early || end > self.steps() as f64 {
                return Err(Error::argument(what(), span()));
            }
            in_steps.push((*epoch, start.max(0.0) as usize..end.max(0.0) as usize));
        }
        self.with_epochs(in_steps)
    }

    /// The start of a step, ms on the activity's axis.
    pub fn time_ms(&self, step: usize) -> f64 {
        self.start_ms + step as f64 * self.dt
    }

    /// The step that a time lies in; below 0 before the first.
    pub(crate) fn step_at(&self, ms: f64) -> f64 {
        ((ms - self.start_ms) / self.dt + NEAR).floor()
    }

    /// The epochs in ms on the activity's axis.
    pub fn epochs_in_ms(&self) -> Vec<(Epoch, Range<f64>)> {
        let in_ms = |range: &Range<usize>| self.time_ms(range.start)..self.time_ms(range.end);
        self.epochs.iter().map(|(epoch, range)| (*epoch, in_ms(range))).collect()
    }

    /// What a location is called: its label in the table that the activity is from, or its number.
    pub fn location_name(&self, location: usize) -> String {
        self.ring.label(location)
    }

    /// The angle of a location, degrees.
    pub fn location_degrees(&self, location: usize) -> f64 {
        self.ring.first_degrees + 360.0 * location as f64 / self.location_count as f64
    }

    /// The location opposite to another; none on a ring of an odd number of locations.
    pub fn opposite(&self, location: usize) -> Option<usize> {
        let count = self.location_count;
        (count.is_multiple_of(2) && count > 0).then(|| (location + count / 2) % count)
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

    /// The trials at these locations.
    pub(crate) fn at_locations(&self, locations: &[usize]) -> Activity {
        let kept: Vec<usize> = (0..self.trials()).filter(|trial| locations.contains(&self.locations[*trial])).collect();
        let places = kept.iter().map(|trial| self.locations[*trial]).collect();
        let rates = self.rates.select(ndarray::Axis(1), &kept);
        Activity {
            rates,
            locations: places,
            location_count: self.location_count,
            ring: self.ring.clone(),
            epochs: self.epochs.clone(),
            dt: self.dt,
            start_ms: self.start_ms,
            rule: self.rule,
            trials_trained: self.trials_trained,
            notes: self.notes.clone(),
        }
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
        if !self.start_ms.is_finite() {
            return Err(Error::argument(format!("the activity begins at {} ms", self.start_ms), "give a finite time"));
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
    /// One row for each trial and step, trial by trial: step, time_ms (the step's start), trial, location (0 to
    /// `location_count` − 1), locations_on_ring (`location_count`, so that the table reads back as it was),
    /// location_label (only where locations are not called by their numbers), then one column of rates a unit, unit_0 …
    /// unit_{N−1}.
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
            Column::new("time_ms".into(), row_steps().map(|step| self.time_ms(step)).collect::<Vec<_>>()),
            Column::new("trial".into(), of_trial(&|trial| trial as u32)),
            Column::new("location".into(), of_trial(&|trial| self.locations[trial] as u32)),
            Column::new("locations_on_ring".into(), vec![self.location_count as u32; rows]),
        ];
        if !self.ring.labels.is_empty() {
            let labels = self.locations.iter().flat_map(|place| std::iter::repeat_n(self.location_name(*place), steps));
            columns.push(Column::new("location_label".into(), labels.collect::<Vec<_>>()));
        }
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
}

/// A trial of a table.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    /// What the table calls it, for messages.
    pub(crate) name: String,
    /// Its number, if it has one.
    pub(crate) number: Option<f64>,
    /// The session, counted from 0 in the order in which sessions begin.
    pub(crate) session: usize,
    /// Its rows of the table.
    pub(crate) rows: Vec<usize>,
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
        assert_refused(example().with_epochs_in_ms(&[(Epoch::Go1, 0.0..900.0)]), &["900 ms", "from 0 ms to 120 ms"]);
        let aligned = Activity { start_ms: -50.0, ..example() };
        let aligned = aligned.with_epochs_in_ms(&[(Epoch::Fix1, -50.0..0.0), (Epoch::Stim1, 0.0..70.0)]).unwrap();
        assert_eq!((aligned.epoch(Epoch::Fix1).unwrap(), aligned.epoch(Epoch::Stim1).unwrap()), (0..2, 2..6));
        assert_eq!(aligned.epochs_in_ms()[1], (Epoch::Stim1, -10.0..70.0));
        assert_refused(aligned.with_epochs_in_ms(&[(Epoch::Fix1, -90.0..0.0)]), &["-90 ms", "from -50 ms"]);
    }

    #[test]
    fn the_table_has_the_columns_of_the_interface_and_reads_back() {
        let table = example().table().unwrap();
        assert_eq!(
            table.get_column_names(),
            ["step", "time_ms", "trial", "location", "locations_on_ring", "unit_0", "unit_1", "unit_2"]
        );
        assert_eq!(table.height(), 30);
        assert_eq!(table.column("time_ms").unwrap().f64().unwrap().get(7), Some(20.0));
        assert_eq!(table.column("location").unwrap().u32().unwrap().get(7), Some(0));
        assert_eq!(table.column("unit_2").unwrap().f32().unwrap().get(7), Some(example().rates[[1, 1, 2]]));
        for dt in [None, Some(20.0)] {
            let read = Activity::from_table(&table, dt).unwrap();
            assert_eq!((read.rates, read.locations, read.dt), (example().rates, example().locations, 20.0));
            assert_eq!((read.location_count, read.ring, read.notes.len()), (8, RingLabels::default(), 0));
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
            "trial" => [12, 7, 12, 7], "location" => [1.0, 0.0, 1.0, 0.0], "time_ms" => [15.0, 5.0, 5.0, 15.0],
            "unit_1" => [1, 2, 3, 4], "unit_0" => [5.0, 6.0, 7.0, 8.0], "monkey" => ["a", "a", "a", "a"],
        ]
        .unwrap();
        let activity = Activity::from_table(&table, None).unwrap();
        assert_eq!((activity.dt, activity.start_ms, activity.location_count), (10.0, 5.0, 2));
        assert_eq!(activity.locations, [0, 1]);
        assert!(activity.notes.iter().any(|note| note.contains("BinTime::Centre")), "{:?}", activity.notes);
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
        let cut = Activity::from_table(&table.head(Some(29)), None).unwrap();
        assert_eq!(cut.steps(), 5);
        assert!(cut.notes[0].contains("cut to 0 to 100 ms") && cut.notes[0].contains("trial 4"), "{:?}", cut.notes);
        assert_refused(Activity::from_table(&table.head(Some(26)), None), &["trial 4", "0 to 40 ms"]);
        assert_refused(Activity::from_table(&table, Some(-1.0)), &["-1 ms"]);
        assert_refused(altered("unit_2", 13, None), &["unit_2", "nothing", "trial 2"]);
        assert_refused(altered("unit_2", 13, Some(f64::NAN)), &["unit_2", "NaN", "trial 2"]);
        assert_refused(altered("unit_2", 13, Some(1e300)), &["unit 2", "inf", "trial 2"]);
        assert_refused(altered("location", 13, Some(5.0)), &["trial 2", "location"]);
        assert_refused(altered("location", 0, Some(-1.0)), &["trial 0", "location -1"]);
        assert_refused(altered("step", 13, Some(0.0)), &["trial 2", "step 0 at 20 ms", "step 1"]);
        assert_refused(altered("step", 13, Some(1e12)), &["trial 2", "row 13"]);
        assert_refused(altered("step", 13, Some(0.5)), &["step", "whole number"]);
        assert_refused(altered("time_ms", 13, Some(27.0)), &["trial 2", "27 ms", "20 ms", "row 13"]);
        assert_refused(altered("time_ms", 13, Some(40.0)), &["trial 2", "two rows at 40 ms", "13 and 14"]);
        assert_refused(with(Column::new("unit_0".into(), vec!["x"; 30])), &["unit_0", "`x`", "row 0", "trial 0"]);
    }
}

//! The peri-stimulus time histogram of selective units (Fig. 4E–G).

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::{Array2, Array3, Axis};
use polars::prelude::*;

use crate::activity::Activity;
use crate::analysis::rates::{baseline, location_means};
use crate::analysis::{Bootstrap, Group, Normalisation, Population, Selectivity, normalisation};
use crate::error::{Error, Result};
use crate::statistics::{ResampledMean, UnitResamples};
use crate::tasks::Epoch;
use crate::training::{Run, Stage};

/// What one curve of a PSTH stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Grouping {
    /// The average over the checkpoints of a stage, or over the recordings of a group.
    #[default]
    Stage,
    /// One checkpoint.
    Checkpoint,
}

/// Which units a PSTH averages, and how. The default is as published, without the opposite direction.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PsthOptions {
    /// Which units, and what their activity is relative to: the mean of the unit's fix1 at that location, as
    /// `selectivity.normalisation` and `selectivity.baseline_skip_ms` say ([`Normalisation::Automatic`]: as the units
    /// were tested).
    pub population: Population,
    /// Whether the activity at the location opposite to the preferred one is added. A ring of an odd number of
    /// locations has none.
    pub opposite: bool,
    /// One curve a stage, or one a checkpoint.
    pub grouping: Grouping,
    /// Of a run: units are selected once, at the last checkpoint of this stage, and followed with their preferred
    /// locations through the others; none: selected anew at each checkpoint.
    pub follow: Option<Stage>,
    /// The intervals.
    pub bootstrap: Bootstrap,
}

impl PsthOptions {
    /// The same for a run: [`Population::of_run`].
    pub(super) fn of_run(&self, run: &Run) -> PsthOptions {
        PsthOptions { population: self.population.of_run(run), ..self.clone() }
    }
}

/// The average activity over time of selective units at their preferred locations.
///
/// Checkpoints are added one by one and only their curves are kept, so any number of them can be averaged. In each, the
/// selected units are averaged; the curves of a stage are the average over those of its checkpoints that have a
/// selected unit.
///
/// Selectivity and activity need not be of the same checkpoint or rule: units selected once can be followed through
/// others.
///
/// ```
/// use maturation::activity::Activity;
/// use maturation::analysis::{Psth, PsthOptions, Selectivity, SelectivityOptions};
/// use maturation::tasks::Epoch;
/// use maturation::training::Stage;
/// use ndarray::Array3;
///
/// let locations: Vec<usize> = (0..32).map(|trial| trial / 4).collect();
/// let rates = Array3::from_shape_fn((40, 32, 2), |(step, trial, unit)| {
///     let jitter = 0.01 * ((step * 7 + trial * 13 + unit * 5) % 11) as f32;
///     1.0 + jitter + if step >= 20 && trial / 4 == 3 + unit { 2.0 } else { 0.0 }
/// });
/// let activity = Activity::new(rates, locations, 8, 20.0)?
///     .with_epochs_in_ms(&[(Epoch::Fix1, 0.0..400.0), (Epoch::Stim1, 400.0..800.0)])?;
/// let units = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default())?;
///
/// let mut psth = Psth::new(PsthOptions { opposite: true, ..PsthOptions::default() });
/// psth.add(Stage::Mature, &activity, &units)?;
/// let table = psth.table()?;
/// assert_eq!(table.height(), 2 * 40);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Psth {
    options: PsthOptions,
    groups: BTreeMap<Key, Average>,
    resamples: Option<UnitResamples>,
    /// Steps of a trial, ms a step and the start of the first step, once a checkpoint was added.
    clock: Option<(usize, f64, f64)>,
    /// What the rates of all curves are, once a checkpoint was added.
    normalisation: Option<Normalisation>,
}

/// Groups come in their order, checkpoints in that in which they were added.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Group(Group),
    Checkpoint(usize),
}

#[derive(Clone, Debug)]
struct Average {
    trials_trained: Option<u64>,
    /// Checkpoints added, also those without a selected unit.
    checkpoints: usize,
    preferred: Curve,
    opposite: Curve,
}

/// The average over checkpoints of curves.
#[derive(Clone, Debug)]
struct Curve {
    sum: Vec<f64>,
    /// Curves in the sum.
    count: usize,
    /// Units in all curves together.
    units: usize,
    resampled: Option<ResampledMean>,
    /// The intervals, once no checkpoint will be added: resamples take much room.
    intervals: Option<Vec<Option<(f64, f64)>>>,
}

impl Curve {
    fn new(steps: usize) -> Curve {
        Curve { sum: vec![0.0; steps], count: 0, units: 0, resampled: None, intervals: None }
    }

    /// Adds the average over a checkpoint's units.
    fn add(&mut self, curves: &UnitCurves, resamples: Option<&UnitResamples>) -> Result<()> {
        let Some(mean) = curves.rates.mean_axis(Axis(0)).filter(|_| !curves.units.is_empty()) else { return Ok(()) };
        for (sum, value) in self.sum.iter_mut().zip(mean) {
            *sum += value;
        }
        self.count += 1;
        self.units += curves.units.len();
        if let Some(resamples) = resamples {
            let resampled = self.resampled.get_or_insert_default();
            resampled.add(resamples, &curves.units, &curves.rates)?;
        }
        Ok(())
    }

    /// Makes the intervals and lets the resamples go.
    fn close(&mut self) {
        self.intervals = self.resampled.take().map(|mean| intervals(&mean, self.sum.len()));
    }

    /// The interval at each step, none where there is none.
    fn intervals(&self) -> Vec<Option<(f64, f64)>> {
        let steps = self.sum.len();
        match (&self.intervals, &self.resampled) {
            (Some(intervals), _) => intervals.clone(),
            (None, Some(resampled)) => intervals(resampled, steps),
            (None, None) => vec![None; steps],
        }
    }
}

fn intervals(resampled: &ResampledMean, steps: usize) -> Vec<Option<(f64, f64)>> {
    (0..steps).map(|step| resampled.interval(step)).collect()
}

/// The curves of the selected units of a checkpoint.
struct UnitCurves {
    units: Vec<usize>,
    /// (unit, step).
    rates: Array2<f64>,
}

impl Psth {
    /// A PSTH without any checkpoint yet.
    pub fn new(options: PsthOptions) -> Psth {
        Psth { options, groups: BTreeMap::new(), resamples: None, clock: None, normalisation: None }
    }

    /// Adds a checkpoint of a stage, or a recording of a group of one's own (`"adult"`): its activity, and which units
    /// are selective.
    ///
    /// Where activity is a ratio to the baseline, a unit whose baseline is not above zero is left out.
    ///
    /// # Errors
    /// If trials are longer or shorter than those added before or have rates of another kind, the selectivity is of
    /// other units or another number of locations, or there is no fix1.
    pub fn add(&mut self, group: impl Into<Group>, activity: &Activity, selectivity: &Selectivity) -> Result<()> {
        let means = || Ok(Arc::new(location_means(activity, &activity.trials_by_location())));
        self.add_with(group, activity, selectivity, means)
    }

    /// As [`Psth::add`]; `means` has the means over the trials at each location, (location, time, unit).
    pub(super) fn add_with(
        &mut self,
        group: impl Into<Group>,
        activity: &Activity,
        selectivity: &Selectivity,
        means: impl FnOnce() -> Result<Arc<Array3<f64>>>,
    ) -> Result<()> {
        activity.check()?;
        selectivity.check()?;
        let clock = (activity.steps(), activity.dt, activity.start_ms);
        if self.clock.is_some_and(|known| known != clock) {
            return Err(Error::argument(
                format!(
                    "these trials have {} steps of {} ms from {} ms on, unlike those added before",
                    clock.0, clock.1, clock.2
                ),
                "average checkpoints of one rule at a time",
            ));
        }
        let unit_count = activity.units();
        let misfit = selectivity.units.iter().find(|unit| unit.unit >= unit_count);
        if selectivity.location_count != activity.location_count || misfit.is_some() {
            return Err(Error::argument(
                format!(
                    "the selectivity table ({} locations, {} units) is not of this activity ({} locations, \
                     {unit_count} units)",
                    selectivity.location_count,
                    selectivity.units.len(),
                    activity.location_count,
                ),
                "make it from activity of the same population",
            ));
        }

        let normalisation = match self.options.population.selectivity.normalisation {
            Normalisation::Automatic => selectivity.normalisation,
            given => given,
        };
        let mut known = self.normalisation;
        normalisation::shared(&mut known, normalisation)?;
        let (preferred, opposite) = self.unit_curves(activity, selectivity, normalisation, means)?;
        self.options.bootstrap.draw(&mut self.resamples, unit_count)?;
        let key = match self.options.grouping {
            Grouping::Stage => Key::Group(group.into()),
            Grouping::Checkpoint => Key::Checkpoint(self.groups.len()),
        };
        (self.clock, self.normalisation) = (Some(clock), known);
        let group = self.groups.entry(key).or_insert_with(|| Average {
            trials_trained: activity.trials_trained,
            checkpoints: 0,
            preferred: Curve::new(clock.0),
            opposite: Curve::new(clock.0),
        });
        group.checkpoints += 1;
        for (curve, added) in [(&mut group.preferred, preferred), (&mut group.opposite, opposite)] {
            curve.add(&added, self.resamples.as_ref())?;
            if self.options.grouping == Grouping::Checkpoint {
                curve.close();
            }
        }
        Ok(())
    }

    /// The curves of a checkpoint's selected units, at the preferred and the opposite location.
    fn unit_curves(
        &self,
        activity: &Activity,
        selectivity: &Selectivity,
        normalisation: Normalisation,
        means: impl FnOnce() -> Result<Arc<Array3<f64>>>,
    ) -> Result<(UnitCurves, UnitCurves)> {
        let trials_by_location = activity.trials_by_location();
        let population = &self.options.population;
        let baseline = baseline(activity, population.selectivity.baseline_skip_ms)?;
        let means = means()?;
        let curve_of = |unit: usize, location: usize| -> Option<Vec<f64>> {
            if trials_by_location[location].is_empty() {
                return None;
            }
            let activity = means.slice(ndarray::s![location, .., unit]);
            let fixation = activity.slice(ndarray::s![baseline.clone()]).sum() / baseline.len() as f64;
            activity.iter().map(|rate| normalisation.apply(*rate, fixation)).collect()
        };
        let chosen = || selectivity.units.iter().filter(|unit| population.takes(unit));
        let curves_at = |location: &dyn Fn(usize) -> usize| -> Result<UnitCurves> {
            let (mut units, mut rates) = (Vec::new(), Vec::new());
            for unit in chosen() {
                if let Some(curve) = curve_of(unit.unit, location(unit.preferred(population.test))) {
                    units.push(unit.unit);
                    rates.extend(curve);
                }
            }
            let rates = Array2::from_shape_vec((units.len(), activity.steps()), rates)
                .map_err(|problem| Error::argument(problem.to_string(), "give every unit a rate a step"))?;
            Ok(UnitCurves { units, rates })
        };
        let ring = activity.location_count;
        let preferred = curves_at(&|location| location)?;
        let opposite = match self.options.opposite && ring.is_multiple_of(2) {
            true => curves_at(&|location| (location + ring / 2) % ring)?,
            false => UnitCurves { units: Vec::new(), rates: Array2::zeros((0, activity.steps())) },
        };
        Ok((preferred, opposite))
    }

    /// The curves as a table.
    ///
    /// Columns: stage (group where there are groups of one's own), or trials_trained if curves are of checkpoints;
    /// direction (preferred, opposite); step; time_ms (the step's start); activity; units, the number of units averaged
    /// (the mean over the checkpoints of a stage); checkpoints, the number that are averaged (only by stage); low and
    /// high, the 95 % interval of the activity over resamples of the units, if these were asked for (null of a single
    /// unit); and where activity is not the published ratio rate / baseline − 1, normalisation: difference or absolute.
    /// A stage or checkpoint without a selected unit has no rows, and a PSTH without any has no rows at all.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let mut groups: Vec<String> = Vec::new();
        let mut trials_trained: Vec<Option<u64>> = Vec::new();
        let mut directions: Vec<&str> = Vec::new();
        let mut steps: Vec<u32> = Vec::new();
        let mut times: Vec<f64> = Vec::new();
        let mut activity: Vec<f64> = Vec::new();
        let mut units: Vec<f64> = Vec::new();
        let mut checkpoints: Vec<u32> = Vec::new();
        let mut all_intervals: Vec<Option<(f64, f64)>> = Vec::new();
        let (dt, start_ms) = self.clock.map_or((0.0, 0.0), |(_, dt, start_ms)| (dt, start_ms));
        for (key, group) in &self.groups {
            for (direction, curve) in [("preferred", &group.preferred), ("opposite", &group.opposite)] {
                if curve.count == 0 {
                    continue;
                }
                if self.options.bootstrap.is_wanted() {
                    all_intervals.extend(curve.intervals());
                }
                for (step, sum) in curve.sum.iter().enumerate() {
                    match key {
                        Key::Group(group) => groups.push(group.to_string()),
                        Key::Checkpoint(_) => trials_trained.push(group.trials_trained),
                    }
                    directions.push(direction);
                    steps.push(step as u32);
                    times.push(start_ms + step as f64 * dt);
                    activity.push(sum / curve.count as f64);
                    units.push(curve.units as f64 / group.checkpoints as f64);
                    checkpoints.push(curve.count as u32);
                }
            }
        }
        let key = match self.options.grouping {
            Grouping::Stage => {
                let own = self.groups.keys().any(|key| matches!(key, Key::Group(Group::Named(_))));
                Column::new(if own { "group" } else { "stage" }.into(), groups)
            }
            Grouping::Checkpoint => Column::new("trials_trained".into(), trials_trained),
        };
        let mut columns = vec![
            key,
            Column::new("direction".into(), directions),
            Column::new("step".into(), steps),
            Column::new("time_ms".into(), times),
            Column::new("activity".into(), activity),
            Column::new("units".into(), units),
        ];
        if self.options.grouping == Grouping::Stage {
            columns.push(Column::new("checkpoints".into(), checkpoints));
        }
        if self.options.bootstrap.is_wanted() {
            let ends =
                |end: fn((f64, f64)) -> f64| all_intervals.iter().map(|found| found.map(end)).collect::<Vec<_>>();
            columns.push(Column::new("low".into(), ends(|(low, _)| low)));
            columns.push(Column::new("high".into(), ends(|(_, high)| high)));
        }
        columns.extend(normalisation::column(self.normalisation, columns[1].len()));
        DataFrame::new(columns[1].len(), columns).map_err(Error::table("cannot make the table of the PSTH"))
    }
}

/// The average activity over time of the units of one recording, or of one checkpoint, that are selective in an epoch:
/// columns as [`Psth::table`], whose column group says `name`.
///
/// ```
/// use maturation::prelude::*;
///
/// // Activity of neurons comes from a table: `Activity::from_table(&read_table("neurons.csv")?, None)?`.
/// let activity = Run::open("data/6tasks")?.last()?.activity(Rule::GAP)?;
/// let curve = analysis::psth_of(&activity, Epoch::Stim1, "area 46", &PsthOptions::default())?;
/// let about = About::of(&activity, "Cue activity in area 46");
/// assert!(figures::psth(&curve, &about)?.json().contains("area 46 ("));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If the activity has no such epoch or no fix1, or an option is impossible.
pub fn psth_of(activity: &Activity, epoch: Epoch, name: &str, options: &PsthOptions) -> Result<DataFrame> {
    let mut psth = Psth::new(PsthOptions { grouping: Grouping::Stage, ..options.clone() });
    psth.add(name, activity, &Selectivity::of(activity, epoch, &options.population.selectivity)?)?;
    psth.table()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Kind, SelectivityOptions, SelectivityTest, golden};

    fn normalised(normalisation: Normalisation) -> Population {
        let selectivity = SelectivityOptions { normalisation, ..SelectivityOptions::default() };
        Population { selectivity, ..Population::default() }
    }

    fn units_of(activity: &Activity, epoch: &str) -> Selectivity {
        let published = SelectivityOptions { normalisation: Normalisation::Ratio, ..SelectivityOptions::default() };
        Selectivity::of(activity, epoch.parse().unwrap(), &published).unwrap()
    }

    fn column(table: &DataFrame, name: &str) -> Vec<f64> {
        table.column(name).unwrap().f64().unwrap().iter().flatten().collect()
    }

    /// The rows where a column of names has this one.
    fn only(table: &DataFrame, name: &str, value: &str) -> DataFrame {
        let rows: BooleanChunked =
            table.column(name).unwrap().str().unwrap().iter().map(|found| found == Some(value)).collect();
        table.filter(&rows).unwrap()
    }

    #[track_caller]
    fn assert_curve(table: &DataFrame, expected: &serde_json::Value, what: &str) {
        let expected = golden::floats(expected);
        let found = column(table, "activity");
        assert_eq!(found.len(), expected.len(), "{what}");
        for (found, expected) in found.iter().zip(expected) {
            golden::within(golden::mixed(*found, expected.unwrap()), 1e-5, what);
        }
    }

    #[test]
    fn checkpoints_agree_with_the_published_system() {
        let log = golden::json("psth_log");
        for (name, checkpoints) in log.as_object().unwrap() {
            let [rule, epoch, norm, opposite] = name.split("__").collect::<Vec<_>>()[..] else { panic!("{name}") };
            let direction = if opposite == "oppo1" { "opposite" } else { "preferred" };
            let mut psth = Psth::new(PsthOptions {
                population: normalised(if norm == "norm1" { Normalisation::Ratio } else { Normalisation::Absolute }),
                opposite: true,
                grouping: Grouping::Checkpoint,
                ..PsthOptions::default()
            });
            for trials in checkpoints.as_object().unwrap().keys() {
                let activity = golden::activity(rule, trials.parse().unwrap());
                psth.add(Stage::Early, &activity, &units_of(&activity, epoch)).unwrap();
            }
            let table = only(&psth.table().unwrap(), "direction", direction);
            for (trials, expected) in checkpoints.as_object().unwrap() {
                let rows: BooleanChunked = table
                    .column("trials_trained")
                    .unwrap()
                    .u64()
                    .unwrap()
                    .iter()
                    .map(|found| found == trials.parse().ok())
                    .collect();
                let table = table.filter(&rows).unwrap();
                assert_curve(&table, &expected["mean_over_neurons"], name);
                assert_eq!(column(&table, "units")[0], expected["n"].as_f64().unwrap(), "{name}");
            }
        }
    }

    #[test]
    fn stages_agree_with_the_published_figure() {
        let plots = golden::json("plot_psth");
        for (name, curves) in plots["curves"].as_object().unwrap() {
            let (rule, epoch) = name.split_once("__").unwrap();
            let mut psth = Psth::new(PsthOptions { opposite: true, ..PsthOptions::default() });
            for (trials, performance) in plots["performance"][rule].as_object().unwrap() {
                let stage = match performance.as_f64().unwrap() {
                    performance if performance > 0.65 => Stage::Mature,
                    performance if performance > 0.35 => Stage::Mid,
                    _ => Stage::Early,
                };
                let activity = golden::activity(rule, trials.parse().unwrap());
                psth.add(stage, &activity, &units_of(&activity, epoch)).unwrap();
            }
            let table = psth.table().unwrap();
            for pair in curves.as_array().unwrap().chunks(2) {
                let label = pair[0]["label"].as_str().unwrap();
                let table = only(&table, "stage", label.split('_').next().unwrap());
                assert_curve(&only(&table, "direction", "preferred"), &pair[0]["y"], label);
                assert_curve(&only(&table, "direction", "opposite"), &pair[1]["y"], label);
            }
        }
    }

    #[test]
    fn groups_of_ones_own_keep_their_names() {
        let [young, adult] = [58880, 716800].map(|trials| golden::activity("gap", trials));
        let mut psth = Psth::new(PsthOptions::default());
        for (name, activity) in [("young", &young), ("adult", &adult), ("adult", &adult)] {
            psth.add(name, activity, &units_of(activity, "stim1")).unwrap();
        }
        let table = psth.table().unwrap();
        assert_eq!(&table.get_column_names()[..2], ["group", "direction"]);
        assert_eq!(only(&table, "group", "adult").column("checkpoints").unwrap().u32().unwrap().get(0), Some(2));
        let alone = psth_of(&adult, Epoch::Stim1, "adult", &PsthOptions::default()).unwrap();
        assert_eq!(column(&alone, "activity"), column(&only(&table, "group", "adult"), "activity"));
        assert!(psth_of(&adult, Epoch::Distract1, "adult", &PsthOptions::default()).is_err());
        psth.add(Stage::Mature, &adult, &units_of(&adult, "stim1")).unwrap();
        let table = psth.table().unwrap();
        assert_eq!(table.column("group").unwrap().str().unwrap().get(0), Some("mature"), "stages come first");
    }

    #[test]
    fn checkpoints_of_a_stage_count_once_each() {
        let checkpoints = [58880, 64000, 716800].map(|trials| golden::activity("gap", trials));
        let mut psth = Psth::new(PsthOptions::default());
        let mut each = Psth::new(PsthOptions { grouping: Grouping::Checkpoint, ..PsthOptions::default() });
        for activity in &checkpoints {
            psth.add(Stage::Mid, activity, &units_of(activity, "stim1")).unwrap();
            each.add(Stage::Mid, activity, &units_of(activity, "stim1")).unwrap();
        }
        let (table, each) = (psth.table().unwrap(), each.table().unwrap());
        let columns = ["stage", "direction", "step", "time_ms", "activity", "units", "checkpoints"];
        assert_eq!(table.get_column_names(), columns);
        assert_eq!(table.column("checkpoints").unwrap().u32().unwrap().get(0), Some(3));
        assert_eq!(each.get_column_names(), ["trials_trained", "direction", "step", "time_ms", "activity", "units"]);
        assert_eq!((table.height(), each.height()), (85, 3 * 85));
        let (mean, all) = (column(&table, "activity"), column(&each, "activity"));
        assert!((mean[60] - (all[60] + all[85 + 60] + all[170 + 60]) / 3.0).abs() < 1e-12);
        assert!((column(&table, "units")[0] - (16.0 + 17.0 + 19.0) / 3.0).abs() < 1e-12);
        assert_eq!(column(&table, "time_ms")[60], 1200.0);
    }

    #[test]
    fn intervals_hold_the_curves_and_do_not_move_them() {
        let checkpoints = [58880, 64000, 716800].map(|trials| golden::activity("gap", trials));
        let table = |grouping: Grouping, resamples: usize, seed: u64| {
            let bootstrap = Bootstrap { resamples, seed };
            let mut psth = Psth::new(PsthOptions { grouping, bootstrap, ..PsthOptions::default() });
            for activity in &checkpoints {
                psth.add(Stage::Mid, activity, &units_of(activity, "stim1")).unwrap();
            }
            psth.table().unwrap()
        };
        for grouping in [Grouping::Stage, Grouping::Checkpoint] {
            let (with, without) = (table(grouping, 200, 1), table(grouping, 0, 1));
            assert_eq!(with.get_column_names()[with.width() - 2..], ["low", "high"]);
            assert!(with.head(None).drop_many(["low", "high"]).equals(&without.head(None)));
            let (low, high) = (column(&with, "low"), column(&with, "high"));
            assert_eq!(low.len(), with.height(), "no interval is missing");
            for (row, activity) in column(&with, "activity").into_iter().enumerate() {
                assert!(low[row] < activity && activity < high[row], "{} {activity} {}", low[row], high[row]);
            }
            assert!(with.equals(&table(grouping, 200, 1)));
            assert!(!with.equals(&table(grouping, 200, 2)));
        }
        let few = PsthOptions { bootstrap: Bootstrap::of(10), ..PsthOptions::default() };
        let message = Psth::new(few).add(Stage::Mid, &checkpoints[0], &units_of(&checkpoints[0], "stim1")).unwrap_err();
        assert!(message.to_string().contains("10 resamples"));
    }

    #[test]
    fn a_single_unit_has_no_interval() {
        let activity = golden::activity("gap", 64000);
        let mut units = units_of(&activity, "stim1");
        units.units.truncate(1);
        units.units[0].kind = Kind::Excited;
        let mut psth = Psth::new(PsthOptions { bootstrap: Bootstrap::of(100), ..PsthOptions::default() });
        psth.add(Stage::Early, &activity, &units).unwrap();
        assert_eq!(psth.table().unwrap().column("low").unwrap().null_count(), 85);
    }

    #[test]
    fn nothing_selected_is_an_empty_table_with_its_columns() {
        let activity = golden::activity("gap", 64000);
        for (grouping, width) in [(Grouping::Stage, 7), (Grouping::Checkpoint, 6)] {
            let population = Population { kinds: vec![], ..Population::default() };
            let options = PsthOptions { population, grouping, opposite: true, ..PsthOptions::default() };
            let mut psth = Psth::new(options);
            assert_eq!((psth.table().unwrap().height(), psth.table().unwrap().width()), (0, width));
            psth.add(Stage::Early, &activity, &units_of(&activity, "stim1")).unwrap();
            let table = psth.table().unwrap();
            assert_eq!((table.height(), table.width()), (0, width));
            assert_eq!(table.column("activity").unwrap().dtype(), &DataType::Float64);
        }
    }

    #[test]
    fn a_unit_without_a_baseline_is_left_out_where_activity_is_relative() {
        let activity = golden::synthetic();
        let mut units = units_of(&activity, "stim1");
        units.units.retain(|unit| [4, 7].contains(&unit.unit));
        units.units.iter_mut().for_each(|unit| unit.kind = Kind::Excited);
        for (normalisation, expected) in [(Normalisation::Ratio, 1.0), (Normalisation::Absolute, 2.0)] {
            let population = normalised(normalisation);
            let mut psth = Psth::new(PsthOptions { population, ..PsthOptions::default() });
            psth.add(Stage::Early, &activity, &units).unwrap();
            let table = psth.table().unwrap();
            assert_eq!(column(&table, "units")[0], expected);
            assert!(column(&table, "activity").iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn the_unbiased_test_selects_and_places_by_absolute_rates() {
        let activity = golden::synthetic();
        let of_all = Population {
            test: SelectivityTest::Unbiased,
            kinds: Kind::ALL.to_vec(),
            ..normalised(Normalisation::Absolute)
        };
        let mut psth = Psth::new(PsthOptions { population: of_all, ..PsthOptions::default() });
        psth.add(Stage::Early, &activity, &units_of(&activity, "stim1")).unwrap();
        assert_eq!(column(&psth.table().unwrap(), "units")[0], 12.0);
        let population = Population::by(SelectivityTest::Unbiased);
        let mut psth = Psth::new(PsthOptions { population, ..PsthOptions::default() });
        psth.add(Stage::Early, &activity, &units_of(&activity, "stim1")).unwrap();
        // Of the selective units 4, 5, 6 and 11, one is inhibited, 5, and one, 11, has a negative baseline, to which no
        // activity is relative.
        assert_eq!(column(&psth.table().unwrap(), "units")[0], 2.0);
    }

    #[test]
    fn an_odd_ring_has_no_opposite_location() {
        let rates =
            ndarray::Array3::from_shape_fn(
                (4, 5, 1),
                |(step, trial, _)| {
                    if step < 2 { 1.0 } else { [9.0, 1.0, 4.0, 6.0, 1.0][trial] }
                },
            );
        let activity = Activity::new(rates, (0..5).collect(), 5, 20.0)
            .unwrap()
            .with_epochs(vec![(Epoch::Fix1, 0..2), (Epoch::Stim1, 2..4)])
            .unwrap();
        let mut units = units_of(&activity, "stim1");
        assert_eq!(units.units[0].preferred_location, 0);
        units.units[0].kind = Kind::Excited;
        let mut psth = Psth::new(PsthOptions { opposite: true, ..PsthOptions::default() });
        psth.add(Stage::Early, &activity, &units).unwrap();
        let table = psth.table().unwrap();
        assert_eq!(only(&table, "direction", "opposite").height(), 0);
        assert_eq!(column(&only(&table, "direction", "preferred"), "activity"), [0.0, 0.0, 8.0, 8.0]);
    }

    #[test]
    fn checkpoints_that_do_not_fit_are_refused() {
        let (gap, synthetic) = (golden::activity("gap", 64000), golden::synthetic());
        let mut psth = Psth::new(PsthOptions::default());
        psth.add(Stage::Early, &gap, &units_of(&gap, "stim1")).unwrap();
        let message = psth.add(Stage::Early, &synthetic, &units_of(&synthetic, "stim1")).unwrap_err().to_string();
        assert!(message.contains("175 steps"), "{message}");
        let message = psth.clone().add(Stage::Early, &gap, &units_of(&synthetic, "stim1"));
        assert!(message.is_ok(), "fewer units than the activity has are a selection");
        let mut other = Psth::new(PsthOptions::default());
        let message = other.add(Stage::Early, &synthetic, &units_of(&gap, "stim1")).unwrap_err().to_string();
        assert!(message.contains("same population"), "{message}");
        let selectivity = SelectivityOptions { baseline_skip_ms: 2000.0, ..SelectivityOptions::default() };
        let population = Population { selectivity, ..Population::default() };
        let mut skip = Psth::new(PsthOptions { population, ..PsthOptions::default() });
        assert!(skip.add(Stage::Early, &gap, &units_of(&gap, "stim1")).is_err());
        assert_eq!(skip.table().unwrap().height(), 0);
    }
}

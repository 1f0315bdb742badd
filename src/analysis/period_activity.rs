//! How active selective units are in a period of the trial, compared between stages and between checkpoints.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ndarray::{Array1, Axis};
use polars::prelude::*;

use crate::activity::Activity;
use crate::analysis::rates::{baseline, mean_of_rows};
use crate::analysis::survey::{Asked, Need, Survey};
use crate::analysis::{Kind, Normalisation, Population, Selectivity, normalisation};
use crate::error::{Error, Result};
use crate::readout::ReadoutOptions;
use crate::statistics::{Anova, NotTested, independent_t_test, one_way_anova};
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, Stage};

/// A period of the trial: an epoch, or a window in ms, written `START..END`.
///
/// ```
/// use maturation::analysis::Period;
/// use maturation::tasks::Epoch;
///
/// assert_eq!("delay2".parse::<Period>()?, Period::Epoch(Epoch::Delay2));
/// assert_eq!("1100..1350".parse::<Period>()?, Period::Window(1100.0..1350.0));
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Period {
    /// An epoch.
    Epoch(Epoch),
    /// ms from the trial's start, the end excluded. A time between two steps is rounded down.
    Window(Range<f64>),
}

impl Period {
    /// The steps of the period.
    fn steps(&self, activity: &Activity) -> Result<Range<usize>> {
        let window = match self {
            Period::Epoch(epoch) => return activity.epoch(*epoch),
            Period::Window(window) => window,
        };
        let (start, end) = (activity.step_at(window.start), activity.step_at(window.end));
        if !(start >= 0.0 && start < end && end <= activity.steps() as f64) {
            return Err(Error::argument(
                format!("the window from {} ms to {} ms holds no step of the trial", window.start, window.end),
                format!("choose one from {} ms to {} ms", activity.time_ms(0), activity.time_ms(activity.steps())),
            ));
        }
        Ok(start as usize..end as usize)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Period::Epoch(epoch) => f.pad(epoch.name()),
            Period::Window(window) => f.pad(&format!("{}..{} ms", window.start, window.end)),
        }
    }
}

impl FromStr for Period {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let Some((start, end)) = text.split_once("..") else { return Ok(Period::Epoch(text.parse()?)) };
        let ms = |text: &str| text.trim().trim_end_matches("ms").trim_end().parse::<f64>().ok();
        match ms(start).zip(ms(end)) {
            Some((start, end)) if start.is_finite() && end > start => Ok(Period::Window(start..end)),
            _ => Err(Error::argument(
                format!("`{text}` is not a window of time"),
                "write START..END in ms from the trial's start, for example 1100..1350",
            )),
        }
    }
}

/// The activity of one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UnitPeriod {
    /// The unit.
    pub unit: usize,
    /// How its response relates to its baseline.
    pub kind: Kind,
    /// The location of its largest mean rate, at which its activity is taken.
    pub preferred_location: usize,
    /// Its mean over the period and the trials at that location.
    pub activity: f64,
}

/// The activity of a checkpoint's selective units.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodCheckpoint {
    /// Trials trained; none for recordings.
    pub trials_trained: Option<u64>,
    /// The stage; none for recordings.
    pub stage: Option<Stage>,
    /// What activity is; never [`Normalisation::Automatic`].
    pub normalisation: Normalisation,
    /// The units, in order.
    pub units: Vec<UnitPeriod>,
}

impl PeriodCheckpoint {
    /// The mean activity of the selective units over `period`, each at its preferred location, relative to the mean
    /// of fix1 there as `population.selectivity.normalisation` says ([`Normalisation::Automatic`]: as the units were
    /// tested). A unit whose baseline cannot be divided by is left out of ratios.
    ///
    /// Units can be selected in another epoch, rule or checkpoint than the one that `activity` is of.
    ///
    /// # Errors
    /// If the activity has no such period or no fix1, or the selectivity is of another population.
    pub fn of(
        stage: Option<Stage>,
        activity: &Activity,
        selectivity: &Selectivity,
        period: &Period,
        population: &Population,
    ) -> Result<PeriodCheckpoint> {
        activity.check()?;
        let misfit = selectivity.units.iter().any(|unit| unit.unit >= activity.units());
        if misfit || selectivity.location_count != activity.location_count {
            return Err(Error::argument(
                format!(
                    "the selectivity table ({} locations, {} units) is not of this activity ({} locations, {} units)",
                    selectivity.location_count,
                    selectivity.units.len(),
                    activity.location_count,
                    activity.units()
                ),
                "make it from activity of the same population",
            ));
        }
        let (steps, fixation) = (period.steps(activity)?, baseline(activity, population.selectivity.baseline_skip_ms)?);
        let normalisation = match population.selectivity.normalisation {
            Normalisation::Automatic => selectivity.normalisation,
            given => given,
        };
        let trials_by_location = activity.trials_by_location();
        let mut units = Vec::new();
        for unit in &selectivity.units {
            let kind = unit.kind(population.test);
            let location = unit.preferred(population.test);
            let trials = &trials_by_location[location];
            if !population.kinds.contains(&kind) || trials.is_empty() {
                continue;
            }
            let mut course = mean_course(activity, trials, unit.unit, &steps);
            let baseline = in_turn(&mean_course(activity, trials, unit.unit, &fixation));
            match normalisation {
                Normalisation::Absolute => {}
                Normalisation::Difference => course.iter_mut().for_each(|rate| *rate -= baseline),
                Normalisation::Ratio | Normalisation::Automatic if baseline <= 0.0 => continue,
                Normalisation::Ratio | Normalisation::Automatic => {
                    course.iter_mut().for_each(|rate| *rate = *rate / baseline - 1.0);
                }
            }
            let mut mean = Array1::zeros(1);
            mean_of_rows(Array1::from(course).insert_axis(Axis(1)).view(), mean.view_mut());
            units.push(UnitPeriod {
                unit: unit.unit,
                kind,
                preferred_location: location,
                activity: f64::from(mean[0]),
            });
        }
        Ok(PeriodCheckpoint { trials_trained: activity.trials_trained, stage, normalisation, units })
    }

    fn values(&self) -> Vec<f64> {
        self.units.iter().map(|unit| unit.activity).collect()
    }

    fn mean(&self) -> Option<f64> {
        let values = self.values();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// A unit's rate at each of some steps, averaged over trials.
///
/// In single precision and one trial after the other, as the published system adds here: the last bits decide the sixth
/// digit of the p-values.
fn mean_course(activity: &Activity, trials: &[usize], unit: usize, steps: &Range<usize>) -> Vec<f32> {
    let mean = |step: usize| {
        let rates = trials.iter().map(|trial| activity.rates[[step, *trial, unit]]);
        rates.fold(0.0_f32, |sum, rate| sum + rate) / trials.len() as f32
    };
    steps.clone().map(mean).collect()
}

/// The mean of values added one after the other.
fn in_turn(values: &[f32]) -> f32 {
    values.iter().fold(0.0_f32, |sum, value| sum + value) / values.len() as f32
}

/// The activity of selective units in a period of the trial, checkpoint by checkpoint.
///
/// The tests treat the units of one checkpoint as independent of each other and of those of the next, as the published
/// ones do, although they are the same units a little later. The table carries unit and checkpoint, so that it can be
/// averaged first.
///
/// ```
/// use maturation::analysis::{PeriodActivity, period_activity};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let checkpoints: Selection = "0,572160".parse()?;
/// let (period, units) = ("delay2".parse()?, Population::default());
/// let found =
///     period_activity(&run, checkpoints, Rule::ODRD, Epoch::Delay2, &period, &units, &ReadoutOptions::default())?;
/// assert_eq!(PeriodActivity::from_table(&found.table()?)?, found);
/// assert_eq!(found.t_tests()?.height(), 4);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PeriodActivity {
    /// The checkpoints, in the order of training.
    pub checkpoints: Vec<PeriodCheckpoint>,
}

/// A stage in the comparison of stages.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodStage {
    /// The stage.
    pub stage: Stage,
    /// The checkpoint that stands for it: the last one that has a selective unit.
    pub trials_trained: Option<u64>,
    /// Its selective units.
    pub units: usize,
    /// Their mean activity.
    pub mean: f64,
}

/// The comparison of stages by a one-way analysis of variance.
#[derive(Clone, Debug, PartialEq)]
pub struct PeriodAnova {
    /// The stages that have a selective unit, the earliest first.
    pub stages: Vec<PeriodStage>,
    /// The test, or why there is none.
    pub result: Result<Anova, NotTested>,
}

impl PeriodAnova {
    /// The comparison as a table, one row a stage.
    ///
    /// Columns: stage, trials_trained (the checkpoint that stands for it), units, mean (of their activity); then of all
    /// stages together f, df_between, df_within, p_value, and not_tested, the reason where these are null.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let count = self.stages.len();
        let of_test = |value: fn(&Anova) -> f64| vec![self.result.as_ref().ok().map(value); count];
        df![
            "stage" => self.stages.iter().map(|stage| stage.stage.name()).collect::<Vec<_>>(),
            "trials_trained" => self.stages.iter().map(|stage| stage.trials_trained).collect::<Vec<_>>(),
            "units" => self.stages.iter().map(|stage| stage.units as u32).collect::<Vec<_>>(),
            "mean" => self.stages.iter().map(|stage| stage.mean).collect::<Vec<_>>(),
            "f" => of_test(|anova| anova.f),
            "df_between" => of_test(|anova| anova.df_between),
            "df_within" => of_test(|anova| anova.df_within),
            "p_value" => of_test(|anova| anova.p_value),
            "not_tested" => vec![self.result.as_ref().err().map(NotTested::to_string); count],
        ]
        .map_err(Error::table("making the table that compares stages"))
    }
}

impl PeriodActivity {
    /// The activity of each unit.
    ///
    /// Columns: trials_trained and stage (null for recordings), unit, kind, preferred_location, activity (mean over the
    /// period and the trials at that location); and where that is not the published ratio rate / baseline − 1,
    /// normalisation: difference or absolute. A checkpoint without a selective unit has no rows.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let rows: Vec<(&PeriodCheckpoint, &UnitPeriod)> =
            self.checkpoints.iter().flat_map(|found| found.units.iter().map(move |unit| (found, unit))).collect();
        let mut shared = None;
        for found in &self.checkpoints {
            normalisation::shared(&mut shared, found.normalisation)?;
        }
        let mut table = df![
            "trials_trained" => rows.iter().map(|(found, _)| found.trials_trained).collect::<Vec<_>>(),
            "stage" => rows.iter().map(|(found, _)| found.stage.map(Stage::name)).collect::<Vec<_>>(),
            "unit" => rows.iter().map(|(_, unit)| unit.unit as u32).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|(_, unit)| unit.kind.name()).collect::<Vec<_>>(),
            "preferred_location" => rows.iter().map(|(_, unit)| unit.preferred_location as u32).collect::<Vec<_>>(),
            "activity" => rows.iter().map(|(_, unit)| unit.activity).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of period activity"))?;
        if let Some(column) = normalisation::column(shared, rows.len()) {
            table.with_column(column).map_err(Error::table("making the table of period activity"))?;
        }
        Ok(table)
    }

    /// Reads what [`PeriodActivity::table`] makes.
    ///
    /// # Errors
    /// If a column is missing, has another type, or holds an unknown name or an activity that is not finite.
    pub fn from_table(table: &DataFrame) -> Result<PeriodActivity> {
        let columns = Columns::of(table, "the table of period activity");
        let (trials, stages) = (columns.numbers("trials_trained")?, columns.names("stage")?);
        let (units, kinds) = (columns.counts("unit")?, columns.names("kind")?);
        let (locations, activity) = (columns.counts("preferred_location")?, columns.numbers("activity")?);
        let normalisations = match columns.has("normalisation") {
            true => columns.names("normalisation")?,
            false => vec![Normalisation::Ratio.name().to_owned(); table.height()],
        };
        let mut found = PeriodActivity::default();
        for row in 0..table.height() {
            if !activity[row].is_finite() {
                return Err(Error::argument(
                    format!("row {row} of the table of period activity has no activity"),
                    "leave the unit out",
                ));
            }
            let trials_trained = trials[row].is_finite().then_some(trials[row] as u64);
            let stage = if stages[row].is_empty() { None } else { Some(stages[row].parse()?) };
            let unit = UnitPeriod {
                unit: units[row] as usize,
                kind: kinds[row].parse()?,
                preferred_location: locations[row] as usize,
                activity: activity[row],
            };
            let known = found
                .checkpoints
                .iter_mut()
                .find(|known| (known.trials_trained, known.stage) == (trials_trained, stage));
            match known {
                Some(known) => known.units.push(unit),
                None => found.checkpoints.push(PeriodCheckpoint {
                    trials_trained,
                    stage,
                    normalisation: normalisations[row].parse()?,
                    units: vec![unit],
                }),
            }
        }
        Ok(found)
    }

    /// The last checkpoint of each stage that has a selective unit, the earliest stage first.
    pub fn last_of_stages(&self) -> Vec<(Stage, &PeriodCheckpoint)> {
        let last =
            |stage: Stage| self.checkpoints.iter().rfind(|found| found.stage == Some(stage) && !found.units.is_empty());
        Stage::ALL.into_iter().filter_map(|stage| last(stage).map(|found| (stage, found))).collect()
    }

    /// Compares the stages, each by its last checkpoint that has a selective unit.
    pub fn anova(&self) -> PeriodAnova {
        let last = self.last_of_stages();
        let groups: Vec<Vec<f64>> = last.iter().map(|(_, found)| found.values()).collect();
        let stage = |(stage, found): &(Stage, &PeriodCheckpoint)| PeriodStage {
            stage: *stage,
            trials_trained: found.trials_trained,
            units: found.units.len(),
            mean: found.mean().unwrap_or(f64::NAN),
        };
        PeriodAnova { stages: last.iter().map(stage).collect(), result: one_way_anova(&groups) }
    }

    /// Compares every checkpoint that has a selective unit with every other by an independent t-test, one row an
    /// ordered pair.
    ///
    /// Columns: first and second (trials trained), first_stage, second_stage, first_units, second_units, first_mean,
    /// second_mean, t (positive where the first is the more active), df, p_value, and not_tested, the reason where
    /// these are null. The p-values are not corrected for their number.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn t_tests(&self) -> Result<DataFrame> {
        let found: Vec<(&PeriodCheckpoint, Vec<f64>)> = self
            .checkpoints
            .iter()
            .map(|found| (found, found.values()))
            .filter(|(_, values)| !values.is_empty())
            .collect();
        let pairs = || found.iter().flat_map(|first| found.iter().map(move |second| (first, second)));
        let tests: Vec<_> = pairs().map(|(first, second)| independent_t_test(&first.1, &second.1)).collect();
        let stage = |found: &PeriodCheckpoint| found.stage.map(Stage::name);
        df![
            "first" => pairs().map(|(first, _)| first.0.trials_trained).collect::<Vec<_>>(),
            "second" => pairs().map(|(_, second)| second.0.trials_trained).collect::<Vec<_>>(),
            "first_stage" => pairs().map(|(first, _)| stage(first.0)).collect::<Vec<_>>(),
            "second_stage" => pairs().map(|(_, second)| stage(second.0)).collect::<Vec<_>>(),
            "first_units" => pairs().map(|(first, _)| first.1.len() as u32).collect::<Vec<_>>(),
            "second_units" => pairs().map(|(_, second)| second.1.len() as u32).collect::<Vec<_>>(),
            "first_mean" => pairs().map(|(first, _)| first.0.mean()).collect::<Vec<_>>(),
            "second_mean" => pairs().map(|(_, second)| second.0.mean()).collect::<Vec<_>>(),
            "t" => tests.iter().map(|test| test.ok().map(|test| test.t)).collect::<Vec<_>>(),
            "df" => tests.iter().map(|test| test.ok().map(|test| test.df)).collect::<Vec<_>>(),
            "p_value" => tests.iter().map(|test| test.ok().map(|test| test.p_value)).collect::<Vec<_>>(),
            "not_tested" => tests.iter().map(|test| test.err().map(|reason| reason.to_string())).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table that compares checkpoints"))
    }
}

/// The mean activity over `period` of the units that are selective in `selected_in`, at a run's checkpoints; units are
/// selected anew at each.
///
/// # Errors
/// If there is no such checkpoint, the rule has no such epoch, an option is impossible, or a checkpoint has no
/// performance in the log.
pub fn period_activity(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    selected_in: Epoch,
    period: &Period,
    population: &Population,
    readout: &ReadoutOptions,
) -> Result<PeriodActivity> {
    Survey::alone(run, readout, |survey| survey.period_activity(checkpoints, rule, selected_in, period, population))
}

impl Survey<'_> {
    /// Asks for what [`period_activity`] finds.
    pub(crate) fn period_activity(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        selected_in: Epoch,
        period: &Period,
        population: &Population,
    ) -> Result<Asked<PeriodActivity>> {
        let (population, period) = (population.of_run(self.run()), period.clone());
        let nothing = PeriodActivity::default();
        self.ask((checkpoints, rule), [Need::Activity(rule)], nothing, move |found, seen| {
            let (stage, activity) = (Some(seen.stage_of(rule)?), seen.activity(rule)?);
            let units = seen.selectivity(rule, selected_in, &population.selectivity)?;
            found.checkpoints.push(PeriodCheckpoint::of(stage, activity, &units, &period, &population)?);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::analysis::{SelectivityOptions, golden};

    fn found(case: &Value, population: &Population) -> PeriodActivity {
        let rule = case["rule"].as_str().unwrap();
        let ends = golden::floats(&case["period_ms"]);
        let period = Period::Window(ends[0].unwrap()..ends[1].unwrap());
        let epoch: Epoch = case["selected_in"].as_str().unwrap().parse().unwrap();
        let checkpoint = |(trials, performance): (&Value, &Value)| {
            let stage = Stage::of(performance.as_f64().unwrap(), 0.35, 0.65);
            let activity = golden::activity(rule, trials.as_u64().unwrap());
            let units = Selectivity::of(&activity, epoch, &population.selectivity).unwrap();
            PeriodCheckpoint::of(Some(stage), &activity, &units, &period, population).unwrap()
        };
        let pairs = case["trials"].as_array().unwrap().iter().zip(case["performance"].as_array().unwrap());
        PeriodActivity { checkpoints: pairs.map(checkpoint).collect() }
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64, tolerance: f64) {
        golden::within(golden::relative(found, expected), tolerance, found);
    }

    #[test]
    fn agrees_with_the_published_system() {
        let cases = golden::json("period_activity");
        for case in cases.as_array().unwrap() {
            let found = found(case, &Population::default());
            for (checkpoint, expected) in found.checkpoints.iter().zip(case["values"].as_array().unwrap()) {
                let expected = golden::floats(expected);
                assert_eq!(checkpoint.units.len(), expected.len());
                for (unit, expected) in checkpoint.units.iter().zip(expected) {
                    assert_eq!(unit.activity, expected.unwrap(), "unit {}", unit.unit);
                }
            }
            let anova = found.anova();
            assert_eq!(anova.stages.len(), 3);
            let result = anova.result.unwrap();
            let result = [result.f, result.df_between, result.df_within, result.p_value];
            for (found, expected) in result.into_iter().zip(golden::floats(&case["anova"])) {
                assert_close(found, expected.unwrap(), 1e-9);
            }
            let tests = found.t_tests().unwrap();
            let p_values: Vec<f64> = tests.column("p_value").unwrap().f64().unwrap().iter().flatten().collect();
            let expected = case["t_tests"].as_array().unwrap().iter().flat_map(golden::floats);
            assert_eq!(p_values.len(), 9);
            for (found, expected) in p_values.into_iter().zip(expected) {
                assert_close(found, expected.unwrap(), 1e-9);
            }
        }
    }

    #[test]
    fn the_last_checkpoint_of_a_stage_stands_for_it() {
        let case = &golden::json("period_activity")[2];
        let mut all = found(case, &Population::default());
        all.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.stage = Some(Stage::Mid));
        all.checkpoints[2].stage = Some(Stage::Mature);
        let anova = all.anova();
        let last: Vec<_> = anova.stages.iter().map(|stage| (stage.stage, stage.trials_trained)).collect();
        assert_eq!(last, [(Stage::Mid, Some(64000)), (Stage::Mature, Some(716800))]);
        all.checkpoints[1].units.clear();
        assert_eq!(all.anova().stages[0].trials_trained, Some(58880), "one without units stands for nothing");
        assert_eq!(all.t_tests().unwrap().height(), 4);
        assert_eq!(PeriodActivity::from_table(&all.table().unwrap()).unwrap().anova(), all.anova());
    }

    #[test]
    fn what_cannot_be_tested_says_why() {
        let nothing = PeriodActivity::default();
        assert_eq!((nothing.table().unwrap().height(), nothing.table().unwrap().width()), (0, 6));
        assert_eq!((nothing.t_tests().unwrap().height(), nothing.t_tests().unwrap().width()), (0, 12));
        assert_eq!((nothing.anova().table().unwrap().height(), nothing.anova().table().unwrap().width()), (0, 9));
        let case = &golden::json("period_activity")[2];
        let mut one = found(case, &Population { kinds: vec![], ..Population::default() });
        assert_eq!(one.table().unwrap().height(), 0);
        one = found(case, &Population::default());
        one.checkpoints.truncate(1);
        let table = one.anova().table().unwrap();
        assert_eq!(table.column("not_tested").unwrap().str().unwrap().get(0), Some("too few values"));
        assert_eq!(table.column("p_value").unwrap().null_count(), 1);
        one.checkpoints[0].units.iter_mut().for_each(|unit| unit.activity = 0.5);
        let tests = one.t_tests().unwrap();
        assert_eq!(tests.column("not_tested").unwrap().str().unwrap().get(0), Some("the repeats do not vary"));
    }

    #[test]
    fn a_unit_without_a_baseline_has_no_relative_activity() {
        let activity = golden::synthetic();
        // Unit 0 is silent, unit 7 has a baseline of zero, units 8 and 11 have negative ones.
        for (normalisation, expected) in
            [(Normalisation::Ratio, 8), (Normalisation::Absolute, 12), (Normalisation::Difference, 12)]
        {
            let selectivity = SelectivityOptions { normalisation, ..SelectivityOptions::default() };
            let population = Population { kinds: Kind::ALL.to_vec(), selectivity, ..Population::default() };
            let units = Selectivity::of(&activity, Epoch::Stim1, &population.selectivity).unwrap();
            let period = Period::Epoch(Epoch::Delay1);
            let found = PeriodCheckpoint::of(None, &activity, &units, &period, &population).unwrap();
            assert_eq!(found.units.len(), expected);
            assert!(found.values().iter().all(|value| value.is_finite()));
        }
    }

    #[test]
    fn periods_read_back_and_impossible_ones_are_refused() {
        for text in ["delay2", "0..1000", "1100..1350 ms", "12.5..20"] {
            let period: Period = text.parse().unwrap();
            assert_eq!(period.to_string().parse::<Period>().unwrap(), period);
        }
        assert_eq!("-5..7".parse::<Period>().unwrap(), Period::Window(-5.0..7.0));
        for text in ["cue", "5..", "..5", "9..3", "NaN..7", "a..b"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
        let activity = golden::activity("gap", 64000);
        let units = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
        for period in [Period::Window(0.0..1e9), Period::Window(5.0..6.0), Period::Window(f64::NAN..9.0)] {
            let problem = PeriodCheckpoint::of(None, &activity, &units, &period, &Population::default());
            assert!(problem.unwrap_err().to_string().contains("0 ms to 1700 ms"), "{period}");
        }
        let missing = Period::Epoch(Epoch::Delay2);
        assert!(PeriodCheckpoint::of(None, &activity, &units, &missing, &Population::default()).is_err());
        let other = PeriodCheckpoint::of(None, &golden::synthetic(), &units, &missing, &Population::default());
        assert!(other.unwrap_err().to_string().contains("same population"));
    }
}

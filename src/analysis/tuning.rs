//! Tuning curves: what units do at locations near and far from the one that they prefer (Fig. S3B).

use std::collections::BTreeMap;
use std::f64::consts::TAU;

use ndarray::Array2;
use polars::prelude::*;

use crate::analysis::population::{self, population};
use crate::analysis::{AverageOptions, Normalisation, Selectivity, normalisation};
use crate::environment::unless_interrupted;
use crate::error::{Error, Result};
use crate::statistics::{
    GaussianFit, NotTested, ResampledMean, UnitResamples, VonMisesFit, independent_t_test, percentile_interval,
};
use crate::training::Stage;

/// The tuning curves of selective units, averaged by stage, with fits of their width and tests of their height.
///
/// The rates of each unit are turned so that its preferred location is central: offset 0, with the opposite location
/// at both ends. The curves of a checkpoint's units are averaged, then those of a stage's checkpoints. A location
/// without a trial leaves that point of each unit's curve out, not the unit.
///
/// ```
/// use maturation::analysis::{AverageOptions, Selectivity, SelectivityOptions, Tuning};
/// use maturation::activity::Activity;
/// use maturation::tasks::Epoch;
/// use maturation::training::Stage;
/// use ndarray::Array3;
///
/// let locations: Vec<usize> = (0..32).map(|trial| trial / 4).collect();
/// let rates = Array3::from_shape_fn((40, 32, 2), |(step, trial, unit)| {
///     let jitter = 0.01 * ((step * 7 + trial * 13 + unit * 5) % 11) as f32;
///     let away = (trial / 4).abs_diff(3 + unit) as f32;
///     1.0 + jitter + if step >= 20 { 2.0 * (-0.5 * away * away).exp() } else { 0.0 }
/// });
/// let activity = Activity::new(rates, locations, 8, 20.0)?
///     .with_epochs_in_ms(&[(Epoch::Fix1, 0.0..400.0), (Epoch::Stim1, 400.0..800.0)])?;
/// let units = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default())?;
///
/// let mut tuning = Tuning::new(AverageOptions::default());
/// tuning.add(Some(Stage::Mature), &units, &units)?;
/// assert_eq!(tuning.table()?.height(), 9);
/// let width = tuning.fits()?.column("width")?.f64()?.get(0).unwrap();
/// assert!((width - 2.0).abs() < 0.2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Tuning {
    options: AverageOptions,
    /// Number of locations, once a checkpoint was added.
    location_count: Option<usize>,
    resamples: Option<UnitResamples>,
    groups: BTreeMap<Option<Stage>, Group>,
    normalisation: Option<Normalisation>,
}

/// The checkpoints of a stage.
#[derive(Clone, Debug, Default)]
struct Group {
    /// Checkpoints added, also those without a selected unit.
    checkpoints: usize,
    /// The sum of the curves of checkpoints that have one, and how many these are.
    sum: Vec<f64>,
    count: usize,
    /// How many of these have each point.
    there: Vec<usize>,
    /// One for all points; or one a point, where units differ in the points that they have.
    resampled: Vec<ResampledMean>,
    heights: Vec<Height>,
}

/// The height of a unit's tuning curve at a checkpoint.
#[derive(Clone, Copy, Debug)]
struct Height {
    trials_trained: Option<u64>,
    unit: usize,
    height: f64,
}

/// What is fitted to a curve, in locations.
struct Fit {
    amplitude: f64,
    centre: f64,
    sigma: f64,
    r_squared: f64,
}

/// The fits that tables name.
const FITS: [&str; 2] = ["gaussian", "von_mises"];

impl Group {
    fn curve(&self) -> Option<Vec<f64>> {
        let mean = |(sum, there): (&f64, &usize)| if *there > 0 { sum / *there as f64 } else { f64::NAN };
        (self.count > 0).then(|| self.sum.iter().zip(&self.there).map(mean).collect())
    }

    /// The interval at a point, if there are resamples.
    fn interval(&self, point: usize) -> Option<(f64, f64)> {
        match &self.resampled[..] {
            [whole] => whole.interval(point),
            by_point => by_point.get(point)?.interval(0),
        }
    }

    /// Adds the curves of a checkpoint's units; NaN where a unit has no point.
    fn add(&mut self, units: &[usize], curves: &Array2<f64>, resamples: Option<&UnitResamples>) -> Result<()> {
        let points = curves.ncols();
        let complete = curves.iter().all(|rate| rate.is_finite());
        if let Some(resamples) = resamples {
            if self.resampled.is_empty() {
                self.resampled.resize_with(if complete { 1 } else { points }, ResampledMean::default);
            }
            match &mut self.resampled[..] {
                [whole] if complete => whole.add(resamples, units, curves)?,
                by_point if by_point.len() == points => {
                    for (point, mean) in by_point.iter_mut().enumerate() {
                        let known: Vec<usize> =
                            (0..units.len()).filter(|row| curves[[*row, point]].is_finite()).collect();
                        let units: Vec<usize> = known.iter().map(|row| units[*row]).collect();
                        let values = Array2::from_shape_fn((known.len(), 1), |(row, _)| curves[[known[row], point]]);
                        mean.add(resamples, &units, &values)?;
                    }
                }
                _ => {
                    return Err(Error::argument(
                        "these units lack a location that those added before have",
                        "average recordings of the same locations, or take no resamples",
                    ));
                }
            }
        }
        if units.is_empty() {
            return Ok(());
        }
        self.sum.resize(points, 0.0);
        self.there.resize(points, 0);
        for (point, column) in curves.axis_iter(ndarray::Axis(1)).enumerate() {
            let known = column.iter().filter(|rate| rate.is_finite()).count();
            if known > 0 {
                self.sum[point] += column.iter().filter(|rate| rate.is_finite()).sum::<f64>() / known as f64;
                self.there[point] += 1;
            }
        }
        self.count += 1;
        Ok(())
    }

    /// The mean number of units a checkpoint.
    fn units(&self) -> f64 {
        self.heights.len() as f64 / self.checkpoints as f64
    }
}

impl Tuning {
    /// Tuning without any checkpoint yet.
    pub fn new(options: AverageOptions) -> Tuning {
        Tuning { options, location_count: None, resamples: None, groups: BTreeMap::new(), normalisation: None }
    }

    /// Adds a checkpoint: the rates of its units (`measured`), and which of them are selective and what they prefer
    /// (`selected`, the same unless units are selected in another epoch or followed from another checkpoint). The
    /// stage is none for a recording.
    ///
    /// # Errors
    /// If the numbers of locations or the kinds of rates differ, the selected units are not of this population, or the
    /// bootstrap is impossible.
    pub fn add(&mut self, stage: Option<Stage>, measured: &Selectivity, selected: &Selectivity) -> Result<()> {
        let chosen = self.options.population.chosen(measured, selected)?;
        let location_count = measured.location_count;
        if self.location_count.is_some_and(|known| known != location_count) {
            return Err(Error::argument(
                format!("this ring has {location_count} locations, unlike those added before"),
                "average checkpoints of one ring at a time",
            ));
        }
        let mut known = self.normalisation;
        normalisation::shared(&mut known, measured.normalisation)?;
        let half = location_count / 2;
        let points = offsets(location_count).len();
        let (mut units, mut curves, mut heights) = (Vec::new(), Vec::new(), Vec::new());
        for (unit, preferred) in chosen {
            let rates = population::rates(measured, unit);
            let (low, high) = rates
                .iter()
                .flatten()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), rate| (low.min(*rate), high.max(*rate)));
            if low > high {
                continue;
            }
            let place = |point: usize| (preferred + location_count - half + point) % location_count;
            curves.extend((0..points).map(|point| rates[place(point)].unwrap_or(f64::NAN)));
            let height = Height { trials_trained: measured.trials_trained, unit: unit.unit, height: high - low };
            heights.push(height);
            units.push(unit.unit);
        }
        let curves = Array2::from_shape_vec((units.len(), points), curves)
            .map_err(|problem| Error::argument(problem.to_string(), "give every unit a rate a location"))?;

        self.options.bootstrap.draw(&mut self.resamples, population(measured))?;
        (self.location_count, self.normalisation) = (Some(location_count), known);
        let group = self.groups.entry(stage).or_default();
        group.checkpoints += 1;
        group.add(&units, &curves, self.resamples.as_ref())?;
        group.heights.extend(heights);
        Ok(())
    }

    /// The stages that have a curve.
    fn curves(&self) -> impl Iterator<Item = (&'static str, &Group, Vec<f64>)> {
        self.groups.iter().filter_map(|(stage, group)| Some((stage_name(*stage), group, group.curve()?)))
    }

    /// The average curves as a table.
    ///
    /// Columns: stage (`recording` where there is none); offset, −4 … 4 locations from the preferred one (both ends are
    /// the opposite location; a ring of an odd number has two ends); activity, the mean rate there, relative to fix1
    /// (rate / baseline − 1) or absolute; units, the mean number of units a checkpoint; checkpoints, the number that
    /// are averaged; low and high, the 95 % interval, if resamples were asked for (null of a single unit); and where
    /// activity is not the published ratio, normalisation: difference or absolute. A stage without a selected unit has
    /// no rows, an offset at which no unit has a rate no row.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let (mut stages, mut all_offsets, mut activity, mut units) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut checkpoints, mut lows, mut highs) = (Vec::new(), Vec::new(), Vec::new());
        for (stage, group, curve) in self.curves() {
            for (point, (offset, rate)) in offsets(self.location_count.unwrap_or(0)).zip(curve).enumerate() {
                if rate.is_nan() {
                    continue;
                }
                stages.push(stage);
                all_offsets.push(offset);
                activity.push(rate);
                units.push(group.units());
                checkpoints.push(group.count as u32);
                let interval = group.interval(point);
                lows.push(interval.map(|(low, _)| low));
                highs.push(interval.map(|(_, high)| high));
            }
        }
        let mut columns = vec![
            Column::new("stage".into(), stages),
            Column::new("offset".into(), all_offsets),
            Column::new("activity".into(), activity),
            Column::new("units".into(), units),
            Column::new("checkpoints".into(), checkpoints),
        ];
        if self.options.bootstrap.is_wanted() {
            columns.push(Column::new("low".into(), lows));
            columns.push(Column::new("high".into(), highs));
        }
        columns.extend(normalisation::column(self.normalisation, columns[0].len()));
        DataFrame::new(columns[0].len(), columns).map_err(Error::table("cannot make the table of tuning curves"))
    }

    /// Bells fitted to each stage's curve less its minimum, as a table of two rows a stage.
    ///
    /// The fit `gaussian` is the published one: a/(σ√2π)·exp(−(x−u)²/2σ²) to all points of the table, so that the
    /// opposite location, which stands at both ends, counts twice. `von_mises` is its circular counterpart, to each
    /// location once.
    ///
    /// Columns: stage; fit; amplitude, the area under the bell (activity × locations); centre, in locations from the
    /// preferred one; sigma, the standard deviation in locations (circular for `von_mises`); width, 2 sigma;
    /// r_squared; width_low and width_high, the 95 % interval of the width over resamples of the units, if these were
    /// asked for (null if some resample cannot be fitted). Numbers are null where the curve cannot be fitted.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn fits(&self) -> Result<DataFrame> {
        let (mut stages, mut names, mut intervals) = (Vec::new(), Vec::new(), Vec::new());
        let mut fits: Vec<Option<Fit>> = Vec::new();
        let location_count = self.location_count.unwrap_or(0);
        for (stage, group, curve) in self.curves() {
            for name in FITS {
                stages.push(stage);
                names.push(name);
                fits.push(fit(name, &curve, location_count).ok());
                let whole = if group.resampled.len() == 1 { &group.resampled[..] } else { &[] };
                let resampled = whole.iter().flat_map(ResampledMean::curves);
                let width = |curve: Vec<f64>| fit(name, &curve, location_count).map_or(f64::NAN, |fit| 2.0 * fit.sigma);
                let widths = unless_interrupted(resampled).map(|curve| curve.map(width));
                intervals.push(percentile_interval(widths.collect::<Result<Vec<_>>>()?));
            }
        }
        let column = |name: &str, value: &dyn Fn(&Fit) -> f64| {
            Column::new(name.into(), fits.iter().map(|fit| fit.as_ref().map(value)).collect::<Vec<_>>())
        };
        let mut columns = vec![
            Column::new("stage".into(), stages),
            Column::new("fit".into(), names),
            column("amplitude", &|fit| fit.amplitude),
            column("centre", &|fit| fit.centre),
            column("sigma", &|fit| fit.sigma),
            column("width", &|fit| 2.0 * fit.sigma),
            column("r_squared", &|fit| fit.r_squared),
        ];
        if self.options.bootstrap.is_wanted() {
            let end = |name: &str, end: &dyn Fn(&(f64, f64)) -> f64| {
                Column::new(name.into(), intervals.iter().map(|found| found.as_ref().map(end)).collect::<Vec<_>>())
            };
            columns.push(end("width_low", &|interval| interval.0));
            columns.push(end("width_high", &|interval| interval.1));
        }
        DataFrame::new(columns[0].len(), columns).map_err(Error::table("cannot make the table of tuning fits"))
    }

    /// The height of every selected unit's curve, largest − smallest rate over locations, as a table: stage,
    /// trials_trained, unit, height.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn heights(&self) -> Result<DataFrame> {
        let all = || {
            let groups = self.groups.iter();
            groups.flat_map(|(stage, group)| group.heights.iter().map(|height| (stage_name(*stage), height)))
        };
        df![
            "stage" => all().map(|(stage, _)| stage).collect::<Vec<_>>(),
            "trials_trained" => all().map(|(_, height)| height.trials_trained).collect::<Vec<_>>(),
            "unit" => all().map(|(_, height)| height.unit as u32).collect::<Vec<_>>(),
            "height" => all().map(|(_, height)| height.height).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("cannot make the table of tuning heights"))
    }

    /// Independent t-tests of the heights between every two stages, as a table.
    ///
    /// In the rows `unit_checkpoints` of the column samples, each unit of each checkpoint is a sample of its own, as
    /// published, although a unit at one checkpoint is much as it is at the next; in the rows `units` a unit counts
    /// once a stage, with its mean height there.
    ///
    /// Further columns: first and second, the stages; first_count, second_count, first_mean, second_mean, of the
    /// samples; t, df and p_value, null where there is nothing to test (a stage with a single sample, say).
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn height_tests(&self) -> Result<DataFrame> {
        let mut rows = Vec::new();
        for samples in ["unit_checkpoints", "units"] {
            let groups: Vec<(&str, Vec<f64>)> = self
                .groups
                .iter()
                .map(|(stage, group)| (stage_name(*stage), sampled(&group.heights, samples == "units")))
                .filter(|(_, heights)| !heights.is_empty())
                .collect();
            for (place, (first, first_heights)) in groups.iter().enumerate() {
                for (second, second_heights) in &groups[place + 1..] {
                    let test = independent_t_test(first_heights, second_heights).ok();
                    rows.push((samples, *first, *second, first_heights.clone(), second_heights.clone(), test));
                }
            }
        }
        let mean = |heights: &[f64]| heights.iter().sum::<f64>() / heights.len() as f64;
        df![
            "samples" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "first" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "second" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            "first_count" => rows.iter().map(|row| row.3.len() as u32).collect::<Vec<_>>(),
            "second_count" => rows.iter().map(|row| row.4.len() as u32).collect::<Vec<_>>(),
            "first_mean" => rows.iter().map(|row| mean(&row.3)).collect::<Vec<_>>(),
            "second_mean" => rows.iter().map(|row| mean(&row.4)).collect::<Vec<_>>(),
            "t" => rows.iter().map(|row| row.5.map(|test| test.t)).collect::<Vec<_>>(),
            "df" => rows.iter().map(|row| row.5.map(|test| test.df)).collect::<Vec<_>>(),
            "p_value" => rows.iter().map(|row| row.5.map(|test| test.p_value)).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("cannot make the table of height tests"))
    }
}

/// The name of a stage in tables.
fn stage_name(stage: Option<Stage>) -> &'static str {
    stage.map_or("recording", Stage::name)
}

/// The heights as samples: all of them, or the mean of each unit.
fn sampled(heights: &[Height], by_unit: bool) -> Vec<f64> {
    if !by_unit {
        return heights.iter().map(|height| height.height).collect();
    }
    let mut units: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
    for height in heights {
        let (sum, count) = units.entry(height.unit).or_default();
        *sum += height.height;
        *count += 1.0;
    }
    units.into_values().map(|(sum, count)| sum / count).collect()
}

/// The offsets of a ring: from the opposite location to the opposite location where the number is even.
fn offsets(location_count: usize) -> impl ExactSizeIterator<Item = i32> {
    let half = (location_count / 2) as i32;
    (0..location_count as i32 + i32::from(location_count.is_multiple_of(2))).map(move |point| point - half)
}

/// Fits a bell to a curve less its minimum.
fn fit(name: &str, curve: &[f64], location_count: usize) -> Result<Fit, NotTested> {
    let low = curve.iter().copied().fold(f64::INFINITY, f64::min);
    let known = |places: usize| {
        let points = offsets(location_count).map(f64::from).zip(curve).take(places);
        let points = points.filter(|(_, rate)| rate.is_finite()).map(|(x, rate)| (x, rate - low));
        points.unzip::<f64, f64, Vec<f64>, Vec<f64>>()
    };
    if name == FITS[0] {
        let (x, y) = known(curve.len());
        let fit = GaussianFit::of(&x, &y)?;
        return Ok(Fit { amplitude: fit.area, centre: fit.centre, sigma: fit.sigma, r_squared: fit.r_squared });
    }
    let location = TAU / location_count as f64;
    let (x, y) = known(location_count);
    let angles: Vec<f64> = x.iter().map(|offset| offset * location).collect();
    let fit = VonMisesFit::of(&angles, &y)?;
    Ok(Fit {
        amplitude: fit.area() / location,
        centre: fit.centre / location,
        sigma: fit.standard_deviation() / location,
        r_squared: fit.r_squared,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Bootstrap, Kind, Population, SelectivityOptions, SelectivityTest, golden};

    fn units_of(rule: &str, trials: u64, epoch: &str) -> Selectivity {
        let activity = golden::activity(rule, trials);
        Selectivity::of(&activity, epoch.parse().unwrap(), &SelectivityOptions::default()).unwrap()
    }

    /// The checkpoints of a rule by stage, as the published system has them.
    fn checkpoints(rule: &str) -> Vec<(Stage, u64)> {
        let plots = golden::json("plot_psth");
        let performance = plots["performance"][rule].as_object().unwrap();
        let stage = |(trials, value): (&String, &serde_json::Value)| {
            (Stage::of(value.as_f64().unwrap(), 0.35, 0.65), trials.parse().unwrap())
        };
        performance.iter().map(stage).collect()
    }

    fn column(table: &DataFrame, name: &str) -> Vec<f64> {
        table.column(name).unwrap().f64().unwrap().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    fn names(table: &DataFrame, name: &str) -> Vec<String> {
        table.column(name).unwrap().str().unwrap().iter().flatten().map(str::to_owned).collect()
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64, tolerance: f64) {
        golden::within(golden::mixed(found, expected), tolerance, found);
    }

    fn of_rule(rule: &str, epoch: &str, options: &AverageOptions) -> Tuning {
        let mut tuning = Tuning::new(options.clone());
        for (stage, trials) in checkpoints(rule) {
            let units = units_of(rule, trials, epoch);
            tuning.add(Some(stage), &units, &units).unwrap();
        }
        tuning
    }

    #[test]
    fn curves_and_fits_agree_with_the_published_figure() {
        let published = golden::json("tuning");
        for (name, stages) in published["published"].as_object().unwrap() {
            let (rule, epoch) = name.split_once("__").unwrap();
            let tuning = of_rule(rule, epoch, &AverageOptions::default());
            let (table, fits) = (tuning.table().unwrap(), tuning.fits().unwrap());
            let (rows, fit_rows) = (names(&table, "stage"), names(&fits, "stage"));
            for stage in stages.as_array().unwrap() {
                let is = |found: &String| stage["stage"] == found.as_str();
                let curve = golden::floats(&stage["curve"]);
                let first = rows.iter().position(is).unwrap();
                for (point, expected) in curve.into_iter().enumerate() {
                    assert_close(column(&table, "activity")[first + point], expected.unwrap(), 1e-5);
                }
                let row = fit_rows.iter().position(is).unwrap();
                let [area, centre, sigma] = golden::floats(&stage["fit"])[..] else { panic!("{name}") };
                assert_eq!(names(&fits, "fit")[row], "gaussian");
                assert_close(column(&fits, "amplitude")[row], area.unwrap(), 1e-4);
                assert_close(column(&fits, "centre")[row], centre.unwrap() - 4.0, 1e-4);
                assert_close(column(&fits, "sigma")[row], sigma.unwrap(), 1e-4);
                assert_eq!(column(&fits, "width")[row], 2.0 * column(&fits, "sigma")[row]);
            }
        }
    }

    #[test]
    fn heights_and_their_tests_agree_with_the_published_ones() {
        let published = golden::json("tuning");
        let mut compared = 0;
        for expected in published["tests"].as_array().unwrap() {
            let (name, number) = (expected["case"].as_str().unwrap(), |key: &str| expected[key].as_f64().unwrap());
            let heights = ["heights_a", "heights_b"]
                .map(|key| golden::floats(&expected[key]).into_iter().flatten().collect::<Vec<f64>>());
            let direct = independent_t_test(&heights[0], &heights[1]).unwrap();
            // The published system tests in single precision, which scipy in double precision is as far from.
            golden::within(golden::relative(direct.t, number("t")), 1e-6, name);
            golden::within(golden::relative(direct.p_value, number("p")), 2e-6, name);
            if published["published"][name].is_null() {
                continue;
            }
            compared += 1;
            let (rule, epoch) = name.split_once("__").unwrap();
            let tuning = of_rule(rule, epoch, &AverageOptions::default());
            let table = tuning.heights().unwrap();
            let stages = [0, 1].map(|place| expected["stages"][place].as_str().unwrap().to_owned());
            for (stage, expected) in stages.iter().zip(&heights) {
                let every = names(&table, "stage").into_iter().zip(column(&table, "height"));
                let mut found: Vec<f64> = every.filter(|(found, _)| found == stage).map(|(_, height)| height).collect();
                found.sort_by(f64::total_cmp);
                assert_eq!(found.len(), expected.len());
                found.iter().zip(expected).for_each(|(found, expected)| assert_close(*found, *expected, 1e-5));
            }
            let tests = tuning.height_tests().unwrap();
            let (first, second) = (names(&tests, "first"), names(&tests, "second"));
            let pair = |row: &usize| stages.contains(&first[*row]) && stages.contains(&second[*row]);
            let row = (0..tests.height()).find(pair).unwrap();
            assert_eq!(names(&tests, "samples")[row], "unit_checkpoints");
            let sign = if first[row] == stages[0] { 1.0 } else { -1.0 };
            assert_close(sign * column(&tests, "t")[row], number("t"), 1e-6);
            let p_value = column(&tests, "p_value")[row];
            golden::within(golden::relative(p_value, number("p")), 2e-6, name);
        }
        assert!(compared >= 3);
    }

    #[test]
    fn t_tests_agree_with_scipy() {
        for case in golden::json("tuning")["ttest_ind"].as_array().unwrap() {
            let [a, b] = ["a", "b"].map(|key| golden::floats(&case[key]).into_iter().flatten().collect::<Vec<f64>>());
            let test = independent_t_test(&a, &b).unwrap();
            golden::within(golden::relative(test.t, case["t"].as_f64().unwrap()), 1e-10, "t");
            golden::within(golden::relative(test.p_value, case["p"].as_f64().unwrap()), 1e-9, "p");
        }
    }

    #[test]
    fn units_can_count_once_a_stage() {
        let units = units_of("gap", 716800, "stim1");
        let mut tuning = Tuning::new(AverageOptions::default());
        tuning.add(Some(Stage::Mid), &units, &units).unwrap();
        tuning.add(Some(Stage::Mid), &units, &units).unwrap();
        tuning.add(Some(Stage::Mature), &units_of("gap", 64000, "stim1"), &units).unwrap();
        let tests = tuning.height_tests().unwrap();
        assert_eq!(names(&tests, "samples"), ["unit_checkpoints", "units"]);
        let counts = tests.column("first_count").unwrap().u32().unwrap().to_vec();
        assert_eq!(counts, [Some(38), Some(19)]);
        let means = column(&tests, "first_mean");
        assert_close(means[0], means[1], 1e-12);
        let p_values = column(&tests, "p_value");
        assert!(p_values[0] < p_values[1], "copies of a sample are no new evidence: {p_values:?}");
    }

    #[test]
    fn followed_units_keep_their_location() {
        let (late, early) = (units_of("gap", 716800, "stim1"), units_of("gap", 64000, "stim1"));
        let mut tuning = Tuning::new(AverageOptions::default());
        tuning.add(Some(Stage::Early), &early, &late).unwrap();
        let chosen = late.units.iter().filter(|unit| [Kind::Excited, Kind::Mixed].contains(&unit.kind));
        let rates: Vec<f64> =
            chosen.map(|unit| early.units[unit.unit].rates[unit.preferred_location].unwrap()).collect();
        assert_eq!(rates.len(), 19);
        let central = column(&tuning.table().unwrap(), "activity")[4];
        assert_close(central, rates.iter().sum::<f64>() / 19.0, 1e-12);
    }

    #[test]
    fn intervals_hold_the_curve_and_the_width_and_repeat() {
        let options = AverageOptions { bootstrap: Bootstrap { resamples: 300, seed: 3 }, ..AverageOptions::default() };
        let tuning = of_rule("gap", "stim1", &options);
        let table = tuning.table().unwrap();
        assert_eq!(table.get_column_names(), ["stage", "offset", "activity", "units", "checkpoints", "low", "high"]);
        let (low, high) = (column(&table, "low"), column(&table, "high"));
        for (row, activity) in column(&table, "activity").into_iter().enumerate() {
            assert!(low[row] < activity && activity < high[row], "{} {activity} {}", low[row], high[row]);
        }
        assert!(table.equals(&of_rule("gap", "stim1", &options).table().unwrap()));
        let other = AverageOptions { bootstrap: Bootstrap { resamples: 300, seed: 4 }, ..options };
        assert!(!table.equals(&of_rule("gap", "stim1", &other).table().unwrap()));
        let fits = tuning.fits().unwrap();
        let (low, high) = (column(&fits, "width_low"), column(&fits, "width_high"));
        for (row, width) in column(&fits, "width").into_iter().enumerate() {
            assert!(low[row] < width && width < high[row], "{} {width} {}", low[row], high[row]);
        }
    }

    #[test]
    fn the_unbiased_test_and_absolute_rates_can_be_asked_for() {
        let mut options =
            AverageOptions { population: Population::by(SelectivityTest::Unbiased), ..AverageOptions::default() };
        options.population.selectivity.normalisation = Normalisation::Absolute;
        let activity = golden::activity("gap", 716800);
        let units = Selectivity::of(&activity, "stim1".parse().unwrap(), &options.population.selectivity).unwrap();
        let mut tuning = Tuning::new(options);
        tuning.add(None, &units, &units).unwrap();
        let table = tuning.table().unwrap();
        assert!(names(&table, "stage").iter().all(|stage| stage == "recording"));
        let activity = column(&table, "activity");
        assert!(activity.iter().all(|rate| *rate >= 0.0 && *rate <= activity[4]));
        assert_eq!(activity[0], activity[8]);
    }

    #[test]
    fn rings_of_other_sizes() {
        assert_eq!(offsets(8).collect::<Vec<_>>(), [-4, -3, -2, -1, 0, 1, 2, 3, 4]);
        assert_eq!(offsets(5).collect::<Vec<_>>(), [-2, -1, 0, 1, 2]);
        let mut units = units_of("gap", 716800, "stim1");
        units.location_count = 5;
        units.units.truncate(1);
        let unit = &mut units.units[0];
        (unit.kind, unit.preferred_location) = (Kind::Excited, 4);
        unit.rates = [4.0, 2.0, 1.0, 3.0, 9.0].map(Some).to_vec();
        unit.absolute = unit.rates.clone();
        let mut tuning = Tuning::new(AverageOptions::default());
        tuning.add(Some(Stage::Early), &units, &units).unwrap();
        assert_eq!(column(&tuning.table().unwrap(), "activity"), [1.0, 3.0, 9.0, 4.0, 2.0]);
        assert!(column(&tuning.fits().unwrap(), "sigma").iter().all(|sigma| *sigma > 0.0));
    }

    #[test]
    fn nothing_to_average_is_an_empty_table_and_what_does_not_fit_is_refused() {
        let units = units_of("gap", 64000, "stim1");
        let population = Population { kinds: vec![], ..Population::default() };
        let none = AverageOptions { population, bootstrap: Bootstrap::of(100), ..AverageOptions::default() };
        let mut tuning = Tuning::new(none);
        for _ in 0..2 {
            let tables = [tuning.table(), tuning.fits(), tuning.heights(), tuning.height_tests()].map(Result::unwrap);
            assert_eq!(tables.each_ref().map(DataFrame::shape), [(0, 7), (0, 9), (0, 4), (0, 10)]);
            tuning.add(Some(Stage::Early), &units, &units).unwrap();
        }
        let mut flat = units.clone();
        flat.units.iter_mut().for_each(|unit| unit.rates = vec![Some(0.25); 8]);
        let mut tuning = Tuning::new(AverageOptions::default());
        tuning.add(Some(Stage::Early), &flat, &units).unwrap();
        assert_eq!(tuning.fits().unwrap().column("width").unwrap().null_count(), 2, "a flat curve has no width");
        flat.units.iter_mut().for_each(|unit| unit.rates[3] = None);
        tuning.add(Some(Stage::Mid), &flat, &units).unwrap();
        assert_eq!(
            tuning.table().unwrap().height(),
            18,
            "a location without a rate leaves out its point, not the unit"
        );

        let mut fewer = units.clone();
        fewer.units.truncate(2);
        assert!(tuning.add(Some(Stage::Mid), &fewer, &units).unwrap_err().to_string().contains("same population"));
        fewer.location_count = 6;
        assert!(tuning.add(Some(Stage::Mid), &fewer, &fewer).unwrap_err().to_string().contains("6 locations"));
        let mut wild = Tuning::new(AverageOptions { bootstrap: Bootstrap::of(3), ..AverageOptions::default() });
        assert!(wild.add(Some(Stage::Mid), &units, &units).unwrap_err().to_string().contains("100"));
    }
}

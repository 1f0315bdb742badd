//! Principal component analysis of the activity averaged over the trials at each location.

use nalgebra::DMatrix;
use ndarray::Array2;
use polars::prelude::*;

use crate::activity::Activity;
use crate::analysis::components::{chosen_locations, descending_eigen, scores_table, sign_of};
use crate::analysis::rates::location_means;
use crate::error::{Error, Result};

/// How principal components are found. The default is as published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcaOptions {
    /// Number of components.
    pub components: usize,
    /// The locations to analyse, 0 to `location_count` − 1; `None`: all that have trials.
    pub locations: Option<Vec<usize>>,
}

impl Default for PcaOptions {
    fn default() -> Self {
        PcaOptions { components: 3, locations: None }
    }
}

/// One principal component.
#[derive(Clone, Debug, PartialEq)]
pub struct PrincipalComponent {
    /// The weight of each unit's standardised rate; of unit length.
    pub weights: Vec<f64>,
    /// The scores, (location, time).
    pub scores: Array2<f64>,
    /// Variance of the scores over locations and times (divided by their number − 1).
    pub explained_variance: f64,
    /// Its share of the variance of all units.
    pub explained_variance_ratio: f64,
}

/// The principal components of the activity averaged over the trials at each location.
#[derive(Clone, Debug, PartialEq)]
pub struct Pca {
    /// The locations, ascending.
    pub locations: Vec<usize>,
    /// ms a step.
    pub dt: f64,
    /// The start of the first step, ms.
    pub start_ms: f64,
    /// The components, that of the largest variance first.
    pub components: Vec<PrincipalComponent>,
}

/// Principal components of the units' activity averaged over the trials at each location.
///
/// The averages of all locations stand one after the other in time, so that a unit has one value for each location and
/// step. Each unit is standardised over these (mean 0, variance 1); a unit without variance, up to rounding, is only
/// centred and so adds nothing. This is scikit-learn's `PCA` after `StandardScaler`.
///
/// **Signs**: a component and its negative explain the same. The weight of the largest magnitude is positive here, so
/// that a picture does not flip from run to run: where the score rises, the unit that carries the component most does.
///
/// ```
/// use maturation::activity::Activity;
/// use maturation::analysis::{PcaOptions, pca};
/// use ndarray::Array3;
///
/// let locations: Vec<usize> = (0..16).map(|trial| trial / 2).collect();
/// let rates = Array3::from_shape_fn((30, 16, 4), |(step, trial, unit)| {
///     (0.2 * step as f32 + unit as f32).sin() + ((trial / 2 + 2 * unit) as f32).cos()
/// });
/// let pca = pca(&Activity::new(rates, locations, 8, 20.0)?, &PcaOptions::default())?;
/// assert_eq!(pca.table()?.height(), 3 * 8 * 30);
/// assert_eq!(pca.explained_variance_table()?.column("component")?.str()?.get(0), Some("pc_1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If a location does not exist or has no trial, more components are asked for than units or values there are, a rate
/// is not finite, or no unit's rate varies.
pub fn pca(activity: &Activity, options: &PcaOptions) -> Result<Pca> {
    activity.check()?;
    activity.check_finite()?;
    let locations = chosen_locations(activity, options.locations.as_deref(), 1)?;
    let trials = activity.trials_by_location();
    let trials: Vec<Vec<usize>> = locations.iter().map(|location| trials[*location].clone()).collect();
    let (steps, units) = (activity.steps(), activity.units());
    let values = locations.len() * steps;
    let most = units.min(values);
    if options.components == 0 || options.components > most {
        return Err(Error::argument(
            format!("{} principal components were asked for", options.components),
            format!("choose 1 to {most}: there are {units} units with {values} values each"),
        ));
    }
    // (location, time, unit) in memory is, column by column, a matrix of units × values.
    let mut rates = DMatrix::from_vec(units, values, location_means(activity, &trials).into_raw_vec_and_offset().0);
    for mut row in rates.row_iter_mut() {
        standardise(row.iter_mut());
    }
    let covariance = &rates * rates.transpose();
    let total = covariance.trace();
    if total == 0.0 {
        return Err(Error::argument("no unit's rate varies", "there is nothing to find components of"));
    }
    let (eigenvalues, eigenvectors) = descending_eigen(covariance);
    let components = (0..options.components)
        .map(|component| {
            let weights = eigenvectors.column(component);
            let weights = weights * sign_of(weights.iter());
            let scores = (rates.tr_mul(&weights)).data.into();
            let variance = eigenvalues[component].max(0.0);
            Ok(PrincipalComponent {
                weights: weights.data.into(),
                scores: Array2::from_shape_vec((locations.len(), steps), scores).map_err(|problem| {
                    Error::argument(problem.to_string(), "the scores do not fit the locations and steps")
                })?,
                explained_variance: variance / (values.max(2) - 1) as f64,
                explained_variance_ratio: variance / total,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Pca { locations, dt: activity.dt, start_ms: activity.start_ms, components })
}

/// Gives values mean 0 and variance 1, or only mean 0 if they are all alike up to rounding.
fn standardise<'a>(values: impl ExactSizeIterator<Item = &'a mut f64>) {
    let mut values: Vec<&mut f64> = values.collect();
    let count = values.len() as f64;
    let mean = values.iter().map(|value| **value).sum::<f64>() / count;
    values.iter_mut().for_each(|value| **value -= mean);
    let variance = values.iter().map(|value| value.powi(2)).sum::<f64>() / count;
    // What rounding makes of a constant.
    let rounding = count * f64::EPSILON * variance + (count * mean * f64::EPSILON).powi(2);
    if variance <= rounding {
        values.iter_mut().for_each(|value| **value = 0.0);
    } else {
        let deviation = variance.sqrt();
        values.iter_mut().for_each(|value| **value /= deviation);
    }
}

impl Pca {
    /// The scores as a table.
    ///
    /// Columns: component (pc_1, pc_2, …), location, time_ms (the step's start, from the trial's), score.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let components = self.names().into_iter().zip(self.components.iter().map(|component| &component.scores));
        scores_table(components, &self.locations, (self.start_ms, self.dt))
    }

    /// How much each component explains, as a table.
    ///
    /// Columns: component (pc_1, pc_2, …); explained_variance, of the standardised rates; explained_variance_ratio, its
    /// share of that of all units; cumulative, the share of this and the components before.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn explained_variance_table(&self) -> Result<DataFrame> {
        let ratios: Vec<f64> = self.components.iter().map(|component| component.explained_variance_ratio).collect();
        let cumulative: Vec<f64> = (1..=ratios.len()).map(|count| ratios[..count].iter().sum()).collect();
        df![
            "component" => self.names(),
            "explained_variance" => self.components.iter().map(|c| c.explained_variance).collect::<Vec<_>>(),
            "explained_variance_ratio" => ratios,
            "cumulative" => cumulative,
        ]
        .map_err(Error::table("making the table of explained variance"))
    }

    fn names(&self) -> Vec<String> {
        (1..=self.components.len()).map(|number| format!("pc_{number}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use serde_json::Value;

    use super::*;
    use crate::analysis::golden;

    fn numbers(value: &Value) -> Vec<f64> {
        golden::floats(value).into_iter().map(Option::unwrap).collect()
    }

    /// Compares up to one sign, relative to the largest expected value.
    #[track_caller]
    fn assert_close<'a>(found: impl IntoIterator<Item = &'a f64>, expected: &[f64], tolerance: f64, what: &str) {
        let found: Vec<f64> = found.into_iter().copied().collect();
        assert_eq!(found.len(), expected.len(), "{what}");
        let scale = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let sign = found.iter().zip(expected).map(|(found, expected)| found * expected).sum::<f64>().signum();
        for (found, expected) in found.iter().zip(expected) {
            golden::within((sign * found - expected).abs() / scale, tolerance, what);
        }
    }

    #[test]
    fn components_agree_with_the_published_system() {
        let cases = golden::json("pca");
        for (name, expected) in cases.as_object().unwrap() {
            let (rule, count) = name.split_once("__n").unwrap();
            let activity = golden::activity(rule, expected["trial"].as_u64().unwrap());
            let options = PcaOptions { components: count.parse().unwrap(), ..PcaOptions::default() };
            let pca = pca(&activity, &options).unwrap();
            for (number, found) in pca.components.iter().enumerate() {
                let first = |key: &str| expected[key][number].as_f64().unwrap();
                golden::within(golden::relative(found.explained_variance, first("explained_variance")), 1e-4, name);
                let ratio = first("explained_variance_ratio");
                golden::within(golden::relative(found.explained_variance_ratio, ratio), 1e-4, name);
                assert_close(&found.weights, &numbers(&expected["components"][number]), 1e-4, name);
                for location in [0, 3] {
                    let rows = expected[format!("scores_loc{location}")].as_array().unwrap();
                    let scores: Vec<f64> = rows.iter().map(|row| row[number].as_f64().unwrap()).collect();
                    assert_close(found.scores.row(location), &scores, 1e-4, name);
                }
            }
        }
    }

    /// The small array of make_dpca.py: (time, trial, unit), the last unit constant.
    #[test]
    fn components_agree_with_scikit_learn() {
        let fixture = golden::json("dpca_package");
        let rate = |step: usize, trial: usize, unit: usize| {
            fixture["rates"][trial % 5][unit][trial / 5][step].as_f64().unwrap() as f32
        };
        let rates = Array3::from_shape_fn((12, 20, 7), |(step, trial, unit)| rate(step, trial, unit));
        let activity = Activity::new(rates, (0..20).map(|trial| trial / 5).collect(), 4, 50.0).unwrap();
        let pca = pca(&activity, &PcaOptions { components: 4, ..PcaOptions::default() }).unwrap();
        let expected = &fixture["pca"];
        for (number, found) in pca.components.iter().enumerate() {
            let first = |key: &str| expected[key][number].as_f64().unwrap();
            assert_close([&found.explained_variance], &[first("explained_variance")], 1e-9, "variance");
            assert_close([&found.explained_variance_ratio], &[first("explained_variance_ratio")], 1e-9, "ratio");
            assert_close(&found.weights, &numbers(&expected["components"][number]), 1e-8, "weights");
            assert_eq!(found.weights[6], 0.0, "a constant unit has no part in it");
            let scores: Vec<f64> = expected["scores"][number].as_array().unwrap().iter().flat_map(numbers).collect();
            assert_close(&found.scores, &scores, 1e-8, "scores");
            let largest = found.weights.iter().fold(0.0_f64, |a, b| if b.abs() > a.abs() { *b } else { a });
            assert!(largest > 0.0);
        }
    }

    #[test]
    fn tables_and_refusals() {
        let rates =
            Array3::from_shape_fn((6, 8, 3), |(step, trial, unit)| ((step * 5 + trial * 3 + unit * 7) % 11) as f32);
        let activity = Activity::new(rates, (0..8).map(|trial| trial / 2).collect(), 8, 20.0).unwrap();
        let found = pca(&activity, &PcaOptions { components: 2, locations: Some(vec![3, 1]) }).unwrap();
        let table = found.table().unwrap();
        assert_eq!(table.get_column_names(), ["component", "location", "time_ms", "score"]);
        assert_eq!(table.height(), 2 * 2 * 6);
        assert_eq!(table.column("location").unwrap().u32().unwrap().get(6), Some(3));
        let explained = found.explained_variance_table().unwrap();
        let cumulative = explained.column("cumulative").unwrap().f64().unwrap();
        assert!(cumulative.get(1) > cumulative.get(0) && cumulative.get(1).unwrap() <= 1.0);
        assert_eq!(pca(&activity, &PcaOptions::default()).unwrap().locations, [0, 1, 2, 3]);

        let refused = |activity: &Activity, components, locations: Option<Vec<usize>>, word: &str| {
            let message = pca(activity, &PcaOptions { components, locations }).unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        };
        refused(&activity, 4, None, "1 to 3");
        refused(&activity, 0, None, "1 to 3");
        refused(&activity, 2, Some(vec![7]), "location 7");
        refused(&activity, 2, Some(vec![]), "1 or more");
        let mut silent = activity.clone();
        silent.rates.fill(0.1);
        refused(&silent, 2, None, "varies");
        silent.rates[[0, 0, 0]] = f32::INFINITY;
        refused(&silent, 2, None, "inf");
    }
}

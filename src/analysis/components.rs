//! What principal and demixed component analyses share.

use nalgebra::{DMatrix, DVector, SymmetricEigen};
use ndarray::Array2;
use polars::prelude::*;

use crate::activity::Activity;
use crate::error::{Error, Result};

/// Eigenvalues and eigenvectors (columns) of a symmetric matrix, the largest first.
pub(super) fn descending_eigen(matrix: DMatrix<f64>) -> (DVector<f64>, DMatrix<f64>) {
    let eigen = SymmetricEigen::new(matrix);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    let values = DVector::from_iterator(order.len(), order.iter().map(|index| eigen.eigenvalues[*index]));
    (values, eigen.eigenvectors.select_columns(&order))
}

/// The sign that makes the weight of the largest magnitude positive; the first such weight decides.
pub(super) fn sign_of<'a>(weights: impl IntoIterator<Item = &'a f64>) -> f64 {
    let largest =
        weights.into_iter().fold(0.0_f64, |most, weight| if weight.abs() > most.abs() { *weight } else { most });
    if largest < 0.0 { -1.0 } else { 1.0 }
}

/// The locations to analyse, ascending: the chosen ones, or those that have trials.
///
/// # Errors
/// If there are fewer than `least`, or a chosen location is not on the ring, chosen twice, or has no trial.
pub(super) fn chosen_locations(activity: &Activity, chosen: Option<&[usize]>, least: usize) -> Result<Vec<usize>> {
    let trials = activity.trials_by_location();
    let with_trials: Vec<usize> = (0..trials.len()).filter(|location| !trials[*location].is_empty()).collect();
    let mut locations = chosen.map_or_else(|| with_trials.clone(), <[usize]>::to_vec);
    locations.sort_unstable();
    if locations.len() < least {
        return Err(Error::argument(
            match locations.len() {
                1 => "there is 1 location to analyse".to_owned(),
                count => format!("there are {count} locations to analyse"),
            },
            format!("{least} or more are needed; there are trials at {}", list(&with_trials)),
        ));
    }
    if let Some(location) = locations.iter().find(|location| **location >= trials.len()) {
        return Err(Error::argument(
            format!("there is no location {location}"),
            format!("the ring has {} locations, counted from 0", trials.len()),
        ));
    }
    if let Some(pair) = locations.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::argument(format!("location {} is chosen twice", pair[0]), "name each location once"));
    }
    if let Some(location) = locations.iter().find(|location| trials[**location].is_empty()) {
        return Err(Error::argument(
            format!("no trial is at location {location}"),
            format!("choose among {}", list(&with_trials)),
        ));
    }
    Ok(locations)
}

/// Numbers, separated by commas.
pub(super) fn list(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Scores as a table: component, location, time_ms (the step's start), score; component by component, location by
/// location.
pub(super) fn scores_table<'a>(
    components: impl IntoIterator<Item = (String, &'a Array2<f64>)>,
    locations: &[usize],
    (start_ms, dt): (f64, f64),
) -> Result<DataFrame> {
    let (mut names, mut places) = (Vec::<String>::new(), Vec::<u32>::new());
    let (mut times, mut scores) = (Vec::<f64>::new(), Vec::<f64>::new());
    for (name, values) in components {
        for (location, row) in locations.iter().zip(values.outer_iter()) {
            for (step, score) in row.iter().enumerate() {
                names.push(name.clone());
                places.push(*location as u32);
                times.push(start_ms + step as f64 * dt);
                scores.push(*score);
            }
        }
    }
    df!["component" => names, "location" => places, "time_ms" => times, "score" => scores]
        .map_err(Error::table("making the table of scores"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eigenvalues_come_largest_first_with_their_vectors() {
        let matrix = DMatrix::from_row_slice(3, 3, &[2.0, 1.0, 0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 9.0]);
        let (values, vectors) = descending_eigen(matrix.clone());
        for (found, expected) in values.iter().zip([9.0, 3.0, 1.0]) {
            assert!((found - expected).abs() < 1e-12, "{found}");
        }
        let back = &vectors * DMatrix::from_diagonal(&values) * vectors.transpose();
        assert!((back - matrix).norm() < 1e-12);
    }

    #[test]
    fn the_largest_weight_is_made_positive() {
        assert_eq!(sign_of(&[0.1, -0.5, 0.4]), -1.0);
        assert_eq!(sign_of(&[0.5, -0.5]), 1.0);
        assert_eq!(sign_of(&[0.0]), 1.0);
    }
}

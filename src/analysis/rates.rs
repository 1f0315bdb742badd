//! Averages of activity that several analyses share.

use std::ops::Range;

use ndarray::{Array1, Array2, Array3, ArrayView2, ArrayViewMut1, Axis, Zip, s};

use crate::activity::Activity;
use crate::error::{Error, Result};
use crate::tasks::{Epoch, whole_steps};

/// The steps that a unit's response is compared with: the first fixation, less its first `skip_ms`.
///
/// # Errors
/// If there is no fix1, or `skip_ms` is negative or leaves nothing of it.
pub(super) fn baseline(activity: &Activity, skip_ms: f64) -> Result<Range<usize>> {
    let fixation = activity.epoch(Epoch::Fix1)?;
    let start = fixation.start as f64 + whole_steps(skip_ms, activity.dt);
    if !(skip_ms >= 0.0 && start < fixation.end as f64) {
        return Err(Error::argument(
            format!("skipping the first {skip_ms} ms of the baseline leaves nothing of it"),
            format!("fix1 lasts {} ms: skip less than that, and at least 0", fixation.len() as f64 * activity.dt),
        ));
    }
    Ok(start as usize..fixation.end)
}

/// The mean rate of each trial and unit over some steps, (trial, unit).
pub(super) fn trial_rates(activity: &Activity, steps: &Range<usize>) -> Array2<f32> {
    let mut means = Array2::zeros((activity.trials(), activity.units()));
    for (trial, mean) in means.outer_iter_mut().enumerate() {
        mean_of_rows(activity.rates.slice(s![steps.clone(), trial, ..]), mean);
    }
    means
}

/// The mean over axis 0, in single precision and pairwise: in each block of up to 128 rows eight running sums, the
/// blocks added two by two. This is how the published system's array library adds, and the last bit of a rate decides
/// the sixth digit of the published test's p-values.
pub(super) fn mean_of_rows(rows: ArrayView2<f32>, mut mean: ArrayViewMut1<f32>) {
    let count = rows.nrows() as f32;
    let mut lanes = Array2::zeros((LANES, rows.ncols()));
    add_rows(rows, mean.view_mut(), &mut lanes);
    mean.mapv_inplace(|sum| sum / count);
}

const LANES: usize = 8;
const BLOCK: usize = 128;

/// Puts the pairwise sum over axis 0 into `sum`; `lanes` is room for the running sums.
fn add_rows(rows: ArrayView2<f32>, mut sum: ArrayViewMut1<f32>, lanes: &mut Array2<f32>) {
    let count = rows.nrows();
    if count > BLOCK {
        let half = count / 2 / LANES * LANES;
        let (first, second) = rows.split_at(Axis(0), half);
        let mut second_sum = Array1::zeros(sum.len());
        add_rows(second, second_sum.view_mut(), lanes);
        add_rows(first, sum.view_mut(), lanes);
        sum += &second_sum;
        return;
    }
    let whole = if count < LANES { 0 } else { count / LANES * LANES };
    if whole == 0 {
        sum.fill(0.0);
    } else {
        lanes.assign(&rows.slice(s![..LANES, ..]));
        for block in rows.slice(s![LANES..whole, ..]).exact_chunks((LANES, rows.ncols())) {
            *lanes += &block;
        }
        let lane = |index: usize| lanes.row(index);
        Zip::from(&mut sum).and(lane(0)).and(lane(1)).and(lane(2)).and(lane(3)).for_each(|sum, a, b, c, d| {
            *sum = (a + b) + (c + d);
        });
        Zip::from(&mut sum).and(lane(4)).and(lane(5)).and(lane(6)).and(lane(7)).for_each(|sum, a, b, c, d| {
            *sum += (a + b) + (c + d);
        });
    }
    for row in rows.slice(s![whole.., ..]).outer_iter() {
        sum += &row;
    }
}

/// The mean over the trials at each location, (location, time, unit); 0 where a location has no trial.
pub(super) fn location_means(activity: &Activity, trials_by_location: &[Vec<usize>]) -> Array3<f64> {
    let mut means = Array3::zeros((trials_by_location.len(), activity.steps(), activity.units()));
    for (mut mean, trials) in means.outer_iter_mut().zip(trials_by_location) {
        for (step, mut mean) in mean.outer_iter_mut().enumerate() {
            for trial in trials {
                let rates = activity.rates.slice(s![step, *trial, ..]);
                mean.zip_mut_with(&rates, |sum, rate| *sum += f64::from(*rate));
            }
            mean /= trials.len().max(1) as f64;
        }
    }
    means
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Activity {
        let rates = Array3::from_shape_fn((5, 3, 2), |(step, trial, unit)| (step * 100 + trial * 10 + unit) as f32);
        Activity::new(rates, vec![1, 0, 1], 3, 20.0).unwrap().with_epochs(vec![(Epoch::Fix1, 1..4)]).unwrap()
    }

    #[test]
    fn means_of_trials_and_locations() {
        let rates = trial_rates(&example(), &(1..3));
        assert_eq!(rates, ndarray::array![[150.0, 151.0], [160.0, 161.0], [170.0, 171.0]]);
        let means = location_means(&example(), &example().trials_by_location());
        assert_eq!(means.dim(), (3, 5, 2));
        assert_eq!((means[[0, 2, 1]], means[[1, 2, 1]], means[[2, 2, 1]]), (211.0, 211.0, 0.0));
    }

    #[test]
    fn rows_are_averaged_whatever_their_number() {
        for count in [1, 2, 7, 8, 9, 16, 75, 127, 128, 129, 136, 300, 750] {
            let rows = Array2::from_shape_fn((count, 3), |(row, column)| ((row * 7 + column * 3) % 11) as f32 - 4.0);
            let mut mean = Array1::from_elem(3, f32::NAN);
            mean_of_rows(rows.view(), mean.view_mut());
            // Sums of small whole numbers are exact in any order.
            assert_eq!(mean, rows.sum_axis(Axis(0)) / count as f32, "{count}");
        }
    }

    #[test]
    fn rows_are_added_as_the_published_system_adds() {
        // The bits of numpy's sums of 1, 1/2, 1/3, …
        for (count, expected) in [
            (7, 1076228448),
            (13, 1078691664),
            (16, 1079533022),
            (75, 1084020713),
            (128, 1085135960),
            (150, 1085467381),
            (300, 1086917527),
            (750, 1088837032),
        ] {
            let rows = Array2::from_shape_fn((count, 1), |(row, _)| 1.0 / (row + 1) as f32);
            let mut sum = Array1::zeros(1);
            add_rows(rows.view(), sum.view_mut(), &mut Array2::zeros((LANES, 1)));
            assert_eq!(sum[0].to_bits(), expected, "{count}");
        }
    }

    #[test]
    fn the_baseline_can_leave_out_its_beginning() {
        assert_eq!(baseline(&example(), 0.0).unwrap(), 1..4);
        assert_eq!(baseline(&example(), 45.0).unwrap(), 3..4);
        for skip_ms in [60.0, 1e300, -1.0, f64::NAN] {
            assert!(baseline(&example(), skip_ms).unwrap_err().to_string().contains("60 ms"), "{skip_ms}");
        }
        let mut without = example();
        without.epochs.clear();
        assert!(baseline(&without, 0.0).is_err());
    }
}

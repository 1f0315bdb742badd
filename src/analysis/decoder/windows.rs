//! Mean rates in sliding windows, and the kernel between them.

use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis, linalg::general_mat_mul};
use rayon::prelude::*;

use crate::activity::Activity;
use crate::analysis::DecoderOptions;
use crate::analysis::rates::trial_rates;
use crate::error::{Error, Result};
use crate::numerics::Level;
use crate::numerics::exponential::exponential_in_place;
use crate::tasks::whole_steps;

/// The windows of a trial.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    /// Mean rates, (window, trial, unit), as the published system adds them: in single precision.
    rates: Array3<f32>,
    /// The start of each window, ms.
    pub(super) starts_ms: Vec<f64>,
    /// ms a window.
    pub(super) window_ms: f64,
}

impl Windows {
    /// # Errors
    /// If the window or the stride is shorter than a step, the window longer than the trial, or a rate not finite.
    pub(super) fn of(activity: &Activity, options: &DecoderOptions) -> Result<Windows> {
        let (window, stride) = (steps(options.window_ms, activity.dt), steps(options.stride_ms, activity.dt));
        let trial_ms = activity.steps() as f64 * activity.dt;
        let Some(window) = window.filter(|window| *window <= activity.steps()) else {
            return Err(Error::argument(
                format!("the window is {} ms", options.window_ms),
                format!("choose one from a time step ({} ms) to the trial ({trial_ms} ms)", activity.dt),
            ));
        };
        let Some(stride) = stride else {
            return Err(Error::argument(
                format!("the stride is {} ms", options.stride_ms),
                format!("choose a time step ({} ms) or more", activity.dt),
            ));
        };
        let starts: Vec<usize> = (0..=activity.steps() - window).step_by(stride).collect();
        let mut rates = Array3::zeros((starts.len(), activity.trials(), activity.units()));
        let means: Vec<Array2<f32>> =
            starts.par_iter().map(|start| trial_rates(activity, &(*start..start + window))).collect();
        rates.outer_iter_mut().zip(&means).for_each(|(mut rates, means)| rates.assign(means));
        if !rates.fold(true, |finite, rate| finite & rate.is_finite()) {
            return Err(Error::argument(
                "a mean rate is NaN or infinite",
                "every rate must be a finite number of moderate size",
            ));
        }
        let starts_ms = starts.iter().map(|start| activity.time_ms(*start)).collect();
        Ok(Windows { rates, starts_ms, window_ms: window as f64 * activity.dt })
    }

    pub(super) fn len(&self) -> usize {
        self.starts_ms.len()
    }

    /// Some trials of some windows: the rates, (sample, unit), windows one below the other.
    pub(super) fn samples(&self, windows: std::ops::Range<usize>, trials: &[usize]) -> Samples {
        let mut rates = Array2::zeros((windows.len() * trials.len(), self.rates.dim().2));
        let places = windows.flat_map(|window| trials.iter().map(move |trial| [window, *trial]));
        for (mut sample, [window, trial]) in rates.outer_iter_mut().zip(places) {
            sample.zip_mut_with(&self.rates.slice(ndarray::s![window, trial, ..]), |to, from| *to = f64::from(*from));
        }
        Samples::new(rates)
    }
}

/// Whole steps of a duration; none if it is below one, or not a number.
fn steps(ms: f64, dt: f64) -> Option<usize> {
    let steps = whole_steps(ms, dt);
    (steps >= 1.0).then_some(steps as usize)
}

/// Samples and what their distances are made of.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    /// (sample, unit).
    pub(super) rates: Array2<f64>,
    squares: Vec<f64>,
}

impl Samples {
    pub(super) fn new(rates: Array2<f64>) -> Samples {
        let squares = rates.outer_iter().map(|sample| sample.dot(&sample)).collect();
        Samples { rates, squares }
    }

    /// Some of these.
    pub(super) fn chosen(&self, samples: &[usize]) -> Samples {
        let squares = samples.iter().map(|sample| self.squares[*sample]).collect();
        Samples { rates: self.rates.select(Axis(0), samples), squares }
    }

    pub(super) fn len(&self) -> usize {
        self.squares.len()
    }

    /// 1 / (units · variance of all rates), scikit-learn's `scale`; 1 where the rates do not vary at all.
    pub(super) fn gamma(&self) -> f64 {
        let variance = self.rates.var(0.0);
        if variance > 0.0 { 1.0 / (self.rates.ncols() as f64 * variance) } else { 1.0 }
    }

    /// The squared distances between these samples (rows) and the `columns` of others, row by row in memory.
    pub(super) fn distances(&self, others: &Samples, columns: std::ops::Range<usize>) -> Array2<f64> {
        let mut distances = Array2::zeros((self.len(), columns.len()));
        let rates: ArrayView2<f64> = others.rates.slice(ndarray::s![columns.clone(), ..]);
        general_mat_mul(-2.0, &self.rates, &rates.t(), 0.0, &mut distances);
        let squares = &others.squares[columns];
        for (mut row, own) in distances.outer_iter_mut().zip(&self.squares) {
            for (value, other) in row.iter_mut().zip(squares) {
                // Rounding leaves equal samples a hair apart, on either side of 0.
                *value = (own + other + *value).max(0.0);
            }
        }
        distances
    }
}

/// Turns squared distances into the Gaussian kernel `exp(−gamma·distance²)`.
pub(super) fn gaussian(mut distances: ArrayViewMut2<f64>, gamma: f64) {
    match distances.as_slice_mut() {
        Some(all) => exponential_in_place(Level::detect(), all, -gamma),
        None => distances.mapv_inplace(|distance| (-gamma * distance).exp()),
    }
}

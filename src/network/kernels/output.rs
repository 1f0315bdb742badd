//! From output pre-activations to outputs, their cost, and the gradient by the pre-activations.

use crate::hyperparameters::Loss;
use crate::numerics::Level;
use crate::numerics::dispatch::vectorised;
use crate::numerics::mathematics::{exp_in_place, sigmoid_in_place};

/// Lanes of the running sum: a single one would keep the loop from being vectorised.
const LANES: usize = 16;

/// Turns pre-activations into outputs, in place.
pub(super) fn finish(level: Level, loss: Loss, values: &mut [f32], outputs: usize) {
    match loss {
        Loss::LeastSquares => sigmoid_in_place(level, values),
        Loss::CrossEntropy => {
            for row in values.chunks_exact_mut(outputs) {
                let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                row.iter_mut().for_each(|value| *value -= highest);
            }
            exp_in_place(level, values);
            for row in values.chunks_exact_mut(outputs) {
                let share = 1.0 / row.iter().sum::<f32>();
                row.iter_mut().for_each(|value| *value *= share);
            }
        }
    }
}

/// What finished outputs cost, summed; with `gradient`, also `scale` times the gradient by the pre-activations.
pub(super) fn cost(
    level: Level,
    loss: Loss,
    values: &[f32],
    targets: &[f32],
    mask: &[f32],
    outputs: usize,
    gradient: Option<(&mut [f32], f32)>,
) -> f64 {
    match (loss, gradient) {
        (Loss::LeastSquares, Some((gradient, scale))) => {
            least_squares_gradient(level, values, targets, mask, gradient, scale)
        }
        (Loss::LeastSquares, None) => least_squares(level, values, targets, mask),
        (Loss::CrossEntropy, gradient) => cross_entropy(values, targets, mask, outputs, gradient),
    }
}

#[inline(always)]
fn least_squares_gradient_body<const FUSED: bool>(
    values: &[f32],
    targets: &[f32],
    mask: &[f32],
    gradient: &mut [f32],
    scale: f32,
) -> f64 {
    let mut sums = [0.0_f32; LANES];
    let rows = values.chunks(LANES).zip(targets.chunks(LANES)).zip(mask.chunks(LANES)).zip(gradient.chunks_mut(LANES));
    for (((values, targets), mask), gradient) in rows {
        let row = values.iter().zip(targets).zip(mask).zip(gradient).zip(&mut sums);
        for ((((value, target), mask), gradient), sum) in row {
            let difference = (value - target) * mask;
            *gradient = 2.0 * scale * difference * mask * value * (1.0 - value);
            *sum += difference * difference;
        }
    }
    sums.iter().map(|sum| f64::from(*sum)).sum()
}
vectorised! {
    fn least_squares_gradient(values: &[f32], targets: &[f32], mask: &[f32], gradient: &mut [f32], scale: f32) -> f64
        = least_squares_gradient_body
}

#[inline(always)]
fn least_squares_body<const FUSED: bool>(values: &[f32], targets: &[f32], mask: &[f32]) -> f64 {
    let mut sums = [0.0_f32; LANES];
    for ((values, targets), mask) in values.chunks(LANES).zip(targets.chunks(LANES)).zip(mask.chunks(LANES)) {
        for (((value, target), mask), sum) in values.iter().zip(targets).zip(mask).zip(&mut sums) {
            let difference = (value - target) * mask;
            *sum += difference * difference;
        }
    }
    sums.iter().map(|sum| f64::from(*sum)).sum()
}
vectorised! {
    fn least_squares(values: &[f32], targets: &[f32], mask: &[f32]) -> f64 = least_squares_body
}

fn cross_entropy(
    values: &[f32],
    targets: &[f32],
    mask: &[f32],
    outputs: usize,
    mut gradient: Option<(&mut [f32], f32)>,
) -> f64 {
    let mut sum = 0.0;
    let rows = values.chunks_exact(outputs).zip(targets.chunks_exact(outputs)).zip(mask);
    for (row, ((values, targets), mask)) in rows.enumerate() {
        let total: f32 = targets.iter().sum();
        for (value, target) in values.iter().zip(targets) {
            if *target != 0.0 || value.is_nan() {
                // An output that has gone to zero costs a lot, but not infinitely much.
                let probability = if *value < f32::MIN_POSITIVE { f32::MIN_POSITIVE } else { *value };
                sum -= f64::from(*mask) * f64::from(*target) * f64::from(probability).ln();
            }
        }
        if let Some((gradient, scale)) = &mut gradient {
            let gradient = &mut gradient[row * outputs..][..outputs];
            for ((gradient, value), target) in gradient.iter_mut().zip(values).zip(targets) {
                *gradient = *scale * mask * (total * value - target);
            }
        }
    }
    sum
}

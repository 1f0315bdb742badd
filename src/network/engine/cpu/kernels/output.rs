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
            log_softmax(values, outputs);
            exp_in_place(level, values);
        }
    }
}

/// The targets and the mask of some outputs.
#[derive(Clone, Copy)]
pub(super) struct Grading<'a> {
    pub(super) targets: &'a [f32],
    pub(super) mask: &'a [f32],
}

/// Turns pre-activations into outputs, in place, and sums what they cost; with `gradient`, also `scale` times the
/// gradient by the pre-activations.
pub(super) fn finish_and_grade(
    level: Level,
    loss: Loss,
    values: &mut [f32],
    grading: Grading<'_>,
    outputs: usize,
    gradient: Option<(&mut [f32], f32)>,
) -> f64 {
    let Grading { targets, mask } = grading;
    match loss {
        Loss::LeastSquares => {
            sigmoid_in_place(level, values);
            match gradient {
                Some((gradient, scale)) => least_squares_gradient(level, values, targets, mask, gradient, scale),
                None => least_squares(level, values, targets, mask),
            }
        }
        Loss::CrossEntropy => {
            // The cost takes the logarithms themselves: those of outputs that vanish would be lost.
            log_softmax(values, outputs);
            let cost = cross_entropy(values, grading, outputs);
            exp_in_place(level, values);
            if let Some((gradient, scale)) = gradient {
                cross_entropy_gradient(values, grading, outputs, gradient, scale);
            }
            cost
        }
    }
}

/// Turns rows of pre-activations `u` into `u − ln Σ eᵘ`, the logarithms of the softmax.
fn log_softmax(values: &mut [f32], outputs: usize) {
    for row in values.chunks_exact_mut(outputs) {
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = row.iter().map(|value| f64::from(value - highest).exp()).sum();
        let shift = highest + total.ln() as f32;
        row.iter_mut().for_each(|value| *value -= shift);
    }
}

/// The masked error of an output, whose square is added to the sum.
#[inline(always)]
fn masked_error(value: f32, target: f32, mask: f32, sum: &mut f32) -> f32 {
    let difference = (value - target) * mask;
    *sum += difference * difference;
    difference
}

#[inline(always)]
fn total(sums: [f32; LANES]) -> f64 {
    sums.iter().map(|sum| f64::from(*sum)).sum()
}

// By place, in both: a step has few outputs, and the making of a `zip` may stay a call.

#[inline(always)]
fn least_squares_gradient_body<const FUSED: bool>(
    values: &[f32],
    targets: &[f32],
    mask: &[f32],
    gradient: &mut [f32],
    scale: f32,
) -> f64 {
    let (count, mut sums) = (values.len(), [0.0_f32; LANES]);
    let (targets, mask, gradient) = (&targets[..count], &mask[..count], &mut gradient[..count]);
    let mut grade = |place: usize, sum: &mut f32| {
        let (value, mask) = (values[place], mask[place]);
        let difference = masked_error(value, targets[place], mask, sum);
        gradient[place] = 2.0 * scale * difference * mask * value * (1.0 - value);
    };
    let whole = count / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            grade(first + lane, sum);
        }
    }
    for place in whole..count {
        grade(place, &mut sums[place - whole]);
    }
    total(sums)
}
vectorised! {
    fn least_squares_gradient(values: &[f32], targets: &[f32], mask: &[f32], gradient: &mut [f32], scale: f32) -> f64
        = least_squares_gradient_body
}

#[inline(always)]
fn least_squares_body<const FUSED: bool>(values: &[f32], targets: &[f32], mask: &[f32]) -> f64 {
    let (count, mut sums) = (values.len(), [0.0_f32; LANES]);
    let (targets, mask) = (&targets[..count], &mask[..count]);
    let whole = count / LANES * LANES;
    for first in (0..whole).step_by(LANES) {
        for (lane, sum) in sums.iter_mut().enumerate() {
            masked_error(values[first + lane], targets[first + lane], mask[first + lane], sum);
        }
    }
    for place in whole..count {
        masked_error(values[place], targets[place], mask[place], &mut sums[place - whole]);
    }
    total(sums)
}
vectorised! {
    fn least_squares(values: &[f32], targets: &[f32], mask: &[f32]) -> f64 = least_squares_body
}

fn cross_entropy(logarithms: &[f32], Grading { targets, mask }: Grading<'_>, outputs: usize) -> f64 {
    let rows = logarithms.chunks_exact(outputs).zip(targets.chunks_exact(outputs)).zip(mask);
    rows.map(|((logarithms, targets), mask)| {
        let sum: f64 = logarithms.iter().zip(targets).map(|(log, target)| f64::from(*log) * f64::from(*target)).sum();
        -f64::from(*mask) * sum
    })
    .sum()
}

fn cross_entropy_gradient(
    values: &[f32],
    Grading { targets, mask }: Grading<'_>,
    outputs: usize,
    gradient: &mut [f32],
    scale: f32,
) {
    let rows = values.chunks_exact(outputs).zip(targets.chunks_exact(outputs)).zip(mask);
    for (((values, targets), mask), gradient) in rows.zip(gradient.chunks_exact_mut(outputs)) {
        let total: f32 = targets.iter().sum();
        for ((gradient, value), target) in gradient.iter_mut().zip(values).zip(targets) {
            *gradient = scale * mask * (total * value - target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_vanish_cost_what_the_logarithm_says() {
        for gap in [1.0_f32, 50.0, 90.0, 120.0, 300.0] {
            let mut values = [gap, 0.0];
            let grading = Grading { targets: &[0.0, 1.0], mask: &[1.0] };
            let cost = finish_and_grade(Level::detect(), Loss::CrossEntropy, &mut values, grading, 2, None);
            let expected = f64::from(gap) + (-f64::from(gap)).exp().ln_1p();
            assert!((cost - expected).abs() < 1e-5 * expected, "{cost} {expected}");
        }
    }
    /// Costs and gradients as the definitions of the losses say, in double precision.
    #[test]
    fn rows_of_any_length_cost_what_the_definition_says() {
        let outputs = 3;
        for level in Level::available() {
            for (rows, loss) in [1, 5, 64].into_iter().flat_map(|n| [(n, Loss::LeastSquares), (n, Loss::CrossEntropy)])
            {
                let count = rows * outputs;
                let row = |factor: usize, count: usize| -> Vec<f32> {
                    (0..count).map(|place| ((place * factor + 5) % 13) as f32 / 6.0 - 0.9).collect()
                };
                let before = row(3, count);
                let targets: Vec<f32> = match loss {
                    Loss::LeastSquares => row(5, count),
                    Loss::CrossEntropy => (0..count).map(|place| f32::from(u8::from(place % 4 == 0))).collect(),
                };
                let mask = row(7, if loss == Loss::LeastSquares { count } else { rows });
                let grading = Grading { targets: &targets, mask: &mask };
                let (mut values, mut gradient) = (before.clone(), vec![f32::NAN; count]);
                let cost = finish_and_grade(level, loss, &mut values, grading, outputs, Some((&mut gradient, 0.5)));
                let (mut ungraded, mut unsloped) = (before.clone(), before.clone());
                finish(level, loss, &mut ungraded, outputs);
                let again = finish_and_grade(level, loss, &mut unsloped, grading, outputs, None);
                assert_eq!((&ungraded, &unsloped), (&values, &values));
                assert!((again - cost).abs() < 1e-6 * (1.0 + cost.abs()), "{level:?} {rows} {loss:?}: {again} {cost}");

                let mut expected_cost = 0.0;
                for place in 0..count {
                    let row = place / outputs;
                    let of_row = &before[row * outputs..][..outputs];
                    let (u, target) = (f64::from(before[place]), f64::from(targets[place]));
                    let (value, expected) = match loss {
                        Loss::LeastSquares => {
                            let value = 1.0 / (1.0 + (-u).exp());
                            let difference = (value - target) * f64::from(mask[place]);
                            expected_cost += difference * difference;
                            (value, difference * f64::from(mask[place]) * value * (1.0 - value))
                        }
                        Loss::CrossEntropy => {
                            let value = u.exp() / of_row.iter().map(|u| f64::from(*u).exp()).sum::<f64>();
                            expected_cost -= f64::from(mask[row]) * target * value.ln();
                            let total: f64 = targets[row * outputs..][..outputs].iter().copied().map(f64::from).sum();
                            (value, 0.5 * f64::from(mask[row]) * (total * value - target))
                        }
                    };
                    let name = format!("{level:?} {rows} {loss:?} {place}");
                    assert!((f64::from(values[place]) - value).abs() < 1e-5, "{name}: {} {value}", values[place]);
                    let found = f64::from(gradient[place]);
                    assert!((found - expected).abs() < 1e-5, "{name}: {found} {expected}");
                }
                assert!((cost - expected_cost).abs() < 1e-5 * (1.0 + expected_cost.abs()), "{cost} {expected_cost}");
            }
        }
    }
}

//! The passes over a row of units between two matrix products.

use crate::hyperparameters::Activation;
use crate::numerics::dispatch::{multiply_add, vectorised};
use crate::numerics::mathematics::{exp_of_negative, expm1_of_negative, softplus_and_sigmoid, tanh};

/// A unit's rate as a function of its input, with its slope.
pub(crate) trait RateFunction {
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32);
}

pub(crate) struct Softplus;
impl RateFunction for Softplus {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        softplus_and_sigmoid::<FUSED>(z)
    }
}

/// `max(z, 0)`, a NaN staying one.
#[inline(always)]
fn rectified(z: f32) -> f32 {
    if z < 0.0 { 0.0 } else { z }
}

pub(crate) struct Relu;
impl RateFunction for Relu {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        (rectified(z), if z > 0.0 { 1.0 } else { 0.0 })
    }
}

pub(crate) struct Tanh;
impl RateFunction for Tanh {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        let rate = tanh::<FUSED>(z);
        (rate, multiply_add::<FUSED>(-rate, rate, 1.0))
    }
}

pub(crate) struct Power;
impl RateFunction for Power {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        let positive = rectified(z);
        (positive * positive, 2.0 * positive)
    }
}

pub(crate) struct Retanh;
impl RateFunction for Retanh {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        let rate = tanh::<FUSED>(rectified(z));
        (rate, if z > 0.0 { multiply_add::<FUSED>(-rate, rate, 1.0) } else { 0.0 })
    }
}

pub(crate) struct Elu;
impl RateFunction for Elu {
    #[inline(always)]
    fn rate_and_slope<const FUSED: bool>(z: f32) -> (f32, f32) {
        let negative = if z > 0.0 { 0.0 } else { z };
        let below = expm1_of_negative::<FUSED>(negative);
        let slope = exp_of_negative::<FUSED>(negative);
        if z > 0.0 { (z, 1.0) } else { (below, slope) }
    }
}

#[inline(always)]
fn activate_with<F: RateFunction, const FUSED: bool, const SLOPES: bool>(
    inputs: &mut [f32],
    noise: &[f32],
    deviation: f32,
    alpha: f32,
    before: &[f32],
    after: &mut [f32],
) {
    let (keep, units) = (1.0 - alpha, inputs.len());
    // By place, since the making of a `zip` may stay a call, and rows are short.
    let (noise, before, after) = (&noise[..units], &before[..units], &mut after[..units]);
    for unit in 0..units {
        let (rate, slope) = F::rate_and_slope::<FUSED>(multiply_add::<FUSED>(deviation, noise[unit], inputs[unit]));
        after[unit] = multiply_add::<FUSED>(alpha, rate, keep * before[unit]);
        if SLOPES {
            inputs[unit] = slope;
        }
    }
}

/// `$body` with the type `$function` for that of an activation.
macro_rules! by_activation {
    ($activation:expr, $function:ident => $body:expr) => {
        match $activation {
            Activation::Softplus => {
                type $function = Softplus;
                $body
            }
            Activation::Relu => {
                type $function = Relu;
                $body
            }
            Activation::Tanh => {
                type $function = Tanh;
                $body
            }
            Activation::Power => {
                type $function = Power;
                $body
            }
            Activation::Retanh => {
                type $function = Retanh;
                $body
            }
            Activation::Elu => {
                type $function = Elu;
                $body
            }
        }
    };
}
pub(crate) use by_activation;

/// Stamps out `$body` with slopes or without: the compiler drops what is not asked for.
macro_rules! activations {
    ($body:ident, $slopes:literal) => {
        #[inline(always)]
        fn $body<const FUSED: bool>(
            activation: Activation,
            inputs: &mut [f32],
            noise: &[f32],
            deviation: f32,
            alpha: f32,
            before: &[f32],
            after: &mut [f32],
        ) {
            by_activation!(activation, F => {
                activate_with::<F, FUSED, $slopes>(inputs, noise, deviation, alpha, before, after)
            })
        }
    };
}
activations!(activate_body, true);
activations!(rates_body, false);
vectorised! {
    /// One trial's units, one step: `z + deviation·noise` → the rates after the step; `f′` is left in `inputs`.
    pub(crate) fn activate(
        activation: Activation,
        inputs: &mut [f32],
        noise: &[f32],
        deviation: f32,
        alpha: f32,
        before: &[f32],
        after: &mut [f32],
    ) = activate_body
}
vectorised! {
    /// As [`activate`], where nobody goes back and `f′` is not wanted.
    pub(crate) fn activate_only(
        activation: Activation,
        inputs: &mut [f32],
        noise: &[f32],
        deviation: f32,
        alpha: f32,
        before: &[f32],
        after: &mut [f32],
    ) = rates_body
}

#[inline(always)]
fn through_activation_body<const FUSED: bool>(slopes: &mut [f32], gradient: &[f32], alpha: f32) {
    let gradient = &gradient[..slopes.len()];
    for unit in 0..slopes.len() {
        slopes[unit] *= alpha * gradient[unit];
    }
}
vectorised! {
    /// Turns slopes `f′(z)` into `dz = alpha · gradient ∘ f′(z)`.
    pub(crate) fn through_activation(slopes: &mut [f32], gradient: &[f32], alpha: f32) = through_activation_body
}

/// Adds what the rates themselves cost to the gradient by them: `l1` by sign, `l2` in proportion.
pub(super) fn add_activity_cost(gradient: &mut [f32], rates: &[f32], l1: f32, l2: f32) {
    for (gradient, rate) in gradient.iter_mut().zip(rates) {
        let sign = if *rate == 0.0 { 0.0 } else { rate.signum() };
        *gradient += l1 * sign + l2 * rate;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Level;

    /// The arguments of one row, each in an allocation that ends where it ends.
    fn row(units: usize) -> [Vec<f32>; 3] {
        [3, 5, 7].map(|factor| (0..units).map(|unit| ((unit * factor + 11) % 19) as f32 / 4.0 - 2.0).collect())
    }

    #[test]
    fn a_row_is_its_units_one_by_one() {
        let all = [
            Activation::Softplus,
            Activation::Relu,
            Activation::Tanh,
            Activation::Power,
            Activation::Retanh,
            Activation::Elu,
        ];
        for level in Level::available() {
            for units in [1, 3, 17, 64, 100] {
                let [inputs, noise, before] = row(units);
                for activation in all {
                    let (mut slopes, mut after, mut rates) = (inputs.clone(), vec![f32::NAN; units], noise.clone());
                    activate(level, activation, &mut slopes, &noise, 0.3, 0.2, &before, &mut after);
                    activate_only(level, activation, &mut inputs.clone(), &noise, 0.3, 0.2, &before, &mut rates);
                    assert_eq!(rates, after, "{level:?} {activation:?} {units}");
                    for unit in 0..units {
                        let (mut slope, mut alone) = ([inputs[unit]], [f32::NAN]);
                        activate(level, activation, &mut slope, &[noise[unit]], 0.3, 0.2, &[before[unit]], &mut alone);
                        assert_eq!(
                            (slopes[unit], after[unit]),
                            (slope[0], alone[0]),
                            "{level:?} {activation:?} {unit}"
                        );
                    }
                }
                let mut through = inputs.clone();
                through_activation(level, &mut through, &noise, 0.2);
                let mut costing = noise.clone();
                add_activity_cost(&mut costing, &before, 0.3, 0.1);
                for unit in 0..units {
                    assert_eq!(through[unit], inputs[unit] * (0.2 * noise[unit]), "{level:?} {unit}");
                    let sign = if before[unit] == 0.0 { 0.0 } else { before[unit].signum() };
                    assert_eq!(costing[unit], noise[unit] + (0.3 * sign + 0.1 * before[unit]), "{unit}");
                }
            }
        }
    }
}

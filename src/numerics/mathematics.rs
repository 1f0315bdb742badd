//! Exponentials and their kin, in single precision, written for vector registers.
//!
//! Each function has a relative error below 2·10⁻⁶ over its whole range, and hands a NaN on, so that a network that
//! has diverged is noticed.
//!
//! ## The mathematics
//!
//! `eˣ = 2ⁿ·eʳ` with `n` the integer nearest to `x / ln 2` and `|r| ≤ ½ ln 2`, where a polynomial gives `eʳ − 1`. The
//! scale `2ⁿ` is built in the exponent bits. `ln 2` is subtracted in two parts so that `r` keeps its low bits.
//! `ln(1 + e)` for `e ∈ [0, 1]` is `e` times a polynomial. Softplus is then `max(z, 0) + ln(1 + e^(−|z|))`, which
//! neither overflows nor loses small values.

use crate::numerics::dispatch::{multiply_add, vectorised};

/// 1.5·2²³: adding it rounds a small number to an integer, which then stands in the low mantissa bits.
const ROUNDER: f32 = 12_582_912.0;
/// The part of ln 2 that products with small integers represent exactly.
const LN2_HIGH: f32 = 0.693_359_4;
/// The rest of ln 2.
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Below this, `eˣ` is no normal number.
const EXP_LOWEST: f32 = -87.3;
/// Somewhere below this, `eˣ` has become infinite.
const EXP_HIGHEST: f32 = 90.0;

/// `(2ⁿ, eʳ − 1)` with `eˣ = 2ⁿ·eʳ`, for `x` already within the range.
#[inline(always)]
fn split_exponential<const FUSED: bool>(x: f32) -> (f32, f32) {
    let shifted = multiply_add::<FUSED>(x, std::f32::consts::LOG2_E, ROUNDER);
    let n = shifted - ROUNDER;
    let r = multiply_add::<FUSED>(n, -LN2_HIGH, x);
    let r = multiply_add::<FUSED>(n, -LN2_LOW, r);
    let mut p = 1.381_461_3e-3;
    for coefficient in [8.368_71e-3, 4.166_839e-2, 1.666_652_1e-1, 0.499_999_94] {
        p = multiply_add::<FUSED>(p, r, coefficient);
    }
    let minus_one = multiply_add::<FUSED>(p, r * r, r);
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(127);
    (f32::from_bits(exponent << 23), minus_one)
}

/// Limits `x` from below; a NaN stays one.
#[inline(always)]
fn not_below(x: f32, lowest: f32) -> f32 {
    if x < lowest { lowest } else { x }
}

/// `eˣ` for `x ≤ 0`; at least 1.2·10⁻³⁸.
#[inline(always)]
pub(crate) fn exp_of_negative<const FUSED: bool>(x: f32) -> f32 {
    let (scale, minus_one) = split_exponential::<FUSED>(not_below(x, EXP_LOWEST));
    multiply_add::<FUSED>(scale, minus_one, scale)
}

/// `eˣ − 1` for `x ≤ 0`.
#[inline(always)]
pub(crate) fn expm1_of_negative<const FUSED: bool>(x: f32) -> f32 {
    let (scale, minus_one) = split_exponential::<FUSED>(not_below(x, EXP_LOWEST));
    multiply_add::<FUSED>(scale, minus_one, scale - 1.0)
}

/// `ln(1 + e) / e` for `e` in `[0, 1]`.
#[inline(always)]
fn ln_1p_over<const FUSED: bool>(e: f32) -> f32 {
    let mut p = 5.232_693_6e-3;
    for coefficient in [
        -2.950_524e-2,
        7.822_596e-2,
        -1.366_324_7e-1,
        1.910_600_8e-1,
        -2.484_298_2e-1,
        3.331_909_8e-1,
        -4.999_949_3e-1,
        0.999_999_94,
    ] {
        p = multiply_add::<FUSED>(p, e, coefficient);
    }
    p
}

/// `(ln(1 + eᶻ), 1/(1 + e⁻ᶻ))`: softplus and its slope, the logistic function.
#[inline(always)]
pub(crate) fn softplus_and_sigmoid<const FUSED: bool>(z: f32) -> (f32, f32) {
    let e = exp_of_negative::<FUSED>(-z.abs());
    let positive = if z > 0.0 { z } else { 0.0 };
    let softplus = multiply_add::<FUSED>(e, ln_1p_over::<FUSED>(e), positive);
    let share = 1.0 / (1.0 + e);
    (softplus, if z < 0.0 { e * share } else { share })
}

/// The logistic function `1/(1 + e⁻ᶻ)`.
#[inline(always)]
pub(crate) fn sigmoid<const FUSED: bool>(z: f32) -> f32 {
    let e = exp_of_negative::<FUSED>(-z.abs());
    let share = 1.0 / (1.0 + e);
    if z < 0.0 { e * share } else { share }
}

/// The hyperbolic tangent, by `tanh|z| = −m/(2 + m)` with `m = e^(−2|z|) − 1`.
#[inline(always)]
pub(crate) fn tanh<const FUSED: bool>(z: f32) -> f32 {
    let m = expm1_of_negative::<FUSED>(-2.0 * z.abs());
    (-m / (2.0 + m)).copysign(z)
}

/// `eᶻ` for any `z`; infinite above 88.72.
#[inline(always)]
fn exp<const FUSED: bool>(z: f32) -> f32 {
    // The half is squared because 2¹²⁸, which the largest arguments need, is not a number of its own.
    let limited = if z > EXP_HIGHEST { EXP_HIGHEST } else { z };
    let (scale, minus_one) = split_exponential::<FUSED>(0.5 * not_below(limited, EXP_LOWEST));
    let half = multiply_add::<FUSED>(scale, minus_one, scale);
    half * half
}

/// Applies `$scalar` to every element in place.
macro_rules! elementwise {
    ($(#[$meta:meta])* $name:ident, $body:ident, $scalar:ident) => {
        #[inline(always)]
        fn $body<const FUSED: bool>(values: &mut [f32]) {
            for value in values {
                *value = $scalar::<FUSED>(*value);
            }
        }
        vectorised! {
            $(#[$meta])*
            pub fn $name(values: &mut [f32]) = $body
        }
    };
}

elementwise!(
    /// Replaces every value `z` by `1/(1 + e⁻ᶻ)`.
    sigmoid_in_place, sigmoid_body, sigmoid
);
elementwise!(
    /// Replaces every value `z` by `eᶻ`.
    exp_in_place, exp_body, exp
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Level;

    // What kernels take number by number, over whole slices.
    elementwise!(tanh_in_place, tanh_body, tanh);

    #[inline(always)]
    fn softplus_body<const FUSED: bool>(values: &mut [f32], slopes: &mut [f32]) {
        for (value, slope) in values.iter_mut().zip(slopes) {
            (*value, *slope) = softplus_and_sigmoid::<FUSED>(*value);
        }
    }
    vectorised! {
        /// Replaces every value `z` by softplus `ln(1 + eᶻ)` and writes its slope `1/(1 + e⁻ᶻ)` beside it.
        fn softplus_in_place(values: &mut [f32], slopes: &mut [f32]) = softplus_body
    }

    /// Arguments from tiny to large, of both signs.
    fn arguments() -> Vec<f32> {
        let mut values: Vec<f32> = (-90_000..=90_000).map(|k| k as f32 * 1e-3).collect();
        for exponent in -37..=1 {
            for mantissa in [1.0, 1.7, 3.3, 6.1, 9.9] {
                let value = mantissa * 10f32.powi(exponent);
                values.extend([value, -value]);
            }
        }
        values
    }

    fn worst(found: &[f32], exact: impl Fn(f64) -> f64, arguments: &[f32]) -> (f64, f32) {
        let mut worst = (0.0, 0.0);
        for (found, argument) in found.iter().zip(arguments) {
            let exact = exact(f64::from(*argument));
            // Below the smallest normal numbers there are no relative errors to speak of.
            if exact.abs() < 1.3e-38 || exact > 0.999_999 * f64::from(f32::MAX) {
                continue;
            }
            let error = ((f64::from(*found) - exact) / exact).abs();
            if error > worst.0 || error.is_nan() {
                worst = (error, *argument);
            }
        }
        worst
    }

    #[test]
    fn errors_stay_below_two_in_a_million() {
        let arguments = arguments();
        for level in Level::available() {
            let mut softplus = arguments.clone();
            let mut slopes = vec![0.0; arguments.len()];
            softplus_in_place(level, &mut softplus, &mut slopes);
            let mut sigmoids = arguments.clone();
            sigmoid_in_place(level, &mut sigmoids);
            let mut tanhs = arguments.clone();
            tanh_in_place(level, &mut tanhs);
            let mut exps = arguments.clone();
            exp_in_place(level, &mut exps);
            let logistic = |z: f64| 1.0 / (1.0 + (-z).exp());
            for (name, worst) in [
                ("softplus", worst(&softplus, |z| z.exp().ln_1p().min(f64::MAX).max(z), &arguments)),
                ("slope", worst(&slopes, logistic, &arguments)),
                ("sigmoid", worst(&sigmoids, logistic, &arguments)),
                ("tanh", worst(&tanhs, f64::tanh, &arguments)),
                ("exp", worst(&exps, f64::exp, &arguments)),
            ] {
                assert!(worst.0 < 2e-6, "{name} at {level:?}: error {} at {}", worst.0, worst.1);
            }
        }
    }

    #[test]
    fn a_row_is_its_numbers_one_by_one() {
        for level in Level::available() {
            for length in [1, 3, 17, 64, 100] {
                let arguments: Vec<f32> = (0..length).map(|place| ((place * 7 + 3) % 19) as f32 / 4.0 - 2.0).collect();
                for in_place in [sigmoid_in_place, tanh_in_place, exp_in_place] {
                    let mut row = arguments.clone();
                    in_place(level, &mut row);
                    for (found, argument) in row.iter().zip(&arguments) {
                        let mut alone = [*argument];
                        in_place(level, &mut alone);
                        assert_eq!([*found], alone, "{level:?} {length}");
                    }
                }
                let (mut row, mut slopes) = (arguments.clone(), vec![f32::NAN; length]);
                softplus_in_place(level, &mut row, &mut slopes);
                for ((found, slope), argument) in row.iter().zip(&slopes).zip(&arguments) {
                    let (mut alone, mut slope_alone) = ([*argument], [f32::NAN]);
                    softplus_in_place(level, &mut alone, &mut slope_alone);
                    assert_eq!(([*found], [*slope]), (alone, slope_alone), "{level:?} {length}");
                }
            }
        }
    }

    #[test]
    fn not_a_number_stays_one_and_the_extremes_saturate() {
        for level in Level::available() {
            let extremes = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
            let (mut values, mut slopes) = (extremes, [0.0; 3]);
            softplus_in_place(level, &mut values, &mut slopes);
            assert!(values[0].is_nan() && slopes[0].is_nan());
            assert_eq!((values[1], slopes[1]), (f32::INFINITY, 1.0));
            assert!(values[2] < 2e-38 && slopes[2] < 2e-38);
            let mut values = extremes;
            tanh_in_place(level, &mut values);
            assert!(values[0].is_nan());
            assert_eq!(values[1..], [1.0, -1.0]);
            let mut values = extremes;
            exp_in_place(level, &mut values);
            assert!(values[0].is_nan() && values[1] == f32::INFINITY && values[2] < 2e-38);
        }
    }
}

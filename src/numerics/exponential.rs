//! The exponential in double precision, written for vector registers.
//!
//! `eˣ = 2ⁿ·eʳ` with `n` the integer nearest to `x / ln 2` and `|r| ≤ ½ ln 2`, where the first terms of its series give
//! `eʳ` to double precision; `2ⁿ` is built in the exponent bits. The relative error is below 3·10⁻¹⁶.

use crate::numerics::dispatch::vectorised;

/// 1.5·2⁵²: adding it rounds a small number to an integer, which then stands in the low mantissa bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;
/// The part of ln 2 that products with small integers represent exactly.
const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
/// The rest of ln 2.
const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Below this, `eˣ` is no normal number.
const LOWEST: f64 = -708.0;
/// `1/k!` from k = 13 down to 0.
const SERIES: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
    1.0,
    1.0,
];

vectorised! {
    /// Replaces every value by `e^(factor · value)`, where `factor · value` is 0 or less; at least e⁻⁷⁰⁸. A NaN stays one.
    pub(crate) fn exponential_in_place(values: &mut [f64], factor: f64) = exponential_body
}

#[inline(always)]
fn exponential_body<const FUSED: bool>(values: &mut [f64], factor: f64) {
    let multiply_add = |a: f64, b: f64, c: f64| if FUSED { a.mul_add(b, c) } else { a * b + c };
    for value in values {
        let x = factor * *value;
        let x = if x < LOWEST { LOWEST } else { x };
        let shifted = multiply_add(x, std::f64::consts::LOG2_E, ROUNDER);
        let n = shifted - ROUNDER;
        let r = multiply_add(n, -LN2_HIGH, x);
        let r = multiply_add(n, -LN2_LOW, r);
        let mut series = SERIES[0];
        for coefficient in &SERIES[1..] {
            series = multiply_add(series, r, *coefficient);
        }
        let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).wrapping_add(1023);
        *value = f64::from_bits(exponent << 52) * series;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::Level;

    #[test]
    fn exponentials_are_right_to_double_precision_at_every_level() {
        let mut arguments: Vec<f64> = (0..=700_000).map(|k| f64::from(k) * 1e-3).collect();
        arguments.extend((-300..0).map(|exponent| 1.7 * 10_f64.powi(exponent)));
        for level in Level::available() {
            for factor in [-1.0, -0.37] {
                let mut found = arguments.clone();
                exponential_in_place(level, &mut found, factor);
                for (found, argument) in found.iter().zip(&arguments) {
                    let exact = (factor * argument).exp();
                    assert!((found / exact - 1.0).abs() < 4.5e-16, "{level:?}: {factor} · {argument}");
                }
            }
        }
    }

    #[test]
    fn ends_are_exact() {
        for level in Level::available() {
            let mut values = [0.0, -0.0, 707.9, 1e4, f64::INFINITY, f64::NAN, 0.0, 0.0, 2e3];
            exponential_in_place(level, &mut values, -1.0);
            assert_eq!([values[0], values[1], values[6], values[7]], [1.0; 4], "equal samples are equal");
            assert!(values[2] > 0.0 && values[2] < 1e-300);
            assert!([values[3], values[4], values[8]].iter().all(|value| *value > 0.0 && *value < 1e-300));
            assert!(values[5].is_nan());
        }
    }
}

//! Bell-shaped curves fitted to tuning curves by least squares (Levenberg and Marquardt).
//!
//! ```
//! use maturation::statistics::{GaussianFit, VonMisesFit};
//!
//! let x: Vec<f64> = (-4..=4).map(f64::from).collect();
//! let y: Vec<f64> = x.iter().map(|x| 2.0 * (-0.5 * (x / 0.7_f64).powi(2)).exp()).collect();
//! let fit = GaussianFit::of(&x, &y)?;
//! assert!((fit.sigma - 0.7).abs() < 1e-6 && (fit.height() - 2.0).abs() < 1e-6);
//!
//! let angles: Vec<f64> = (0..8).map(|k| f64::from(k) * std::f64::consts::TAU / 8.0).collect();
//! let y: Vec<f64> = angles.iter().map(|angle| 3.0 * (2.0 * ((angle - 1.0).cos() - 1.0)).exp()).collect();
//! let fit = VonMisesFit::of(&angles, &y)?;
//! assert!((fit.centre - 1.0).abs() < 1e-6 && (fit.concentration - 2.0).abs() < 1e-6);
//! # Ok::<(), maturation::statistics::NotTested>(())
//! ```

use std::f64::consts::{PI, TAU};

use super::{NotTested, mean, squares_about};

/// Steps after which a fit that has not settled is given up.
const MOST_STEPS: usize = 1000;
/// A fit has settled when a step changes no parameter by more than this share of it.
const SETTLED: f64 = 1e-10;
/// Parameters whose effects are closer to proportional than this cannot be told apart.
const INDEPENDENT: f64 = 1e-10;

/// The Gaussian a/(σ√(2π))·exp(−(x−u)²/(2σ²)) of least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GaussianFit {
    /// a, the area under the curve.
    pub area: f64,
    /// u, where the peak is.
    pub centre: f64,
    /// σ, not negative: the formula does not tell −σ from σ with the sign of `area` turned.
    pub sigma: f64,
    /// The share of the variance of y that the curve explains.
    pub r_squared: f64,
}

impl GaussianFit {
    /// Fits y at x, starting from a peak of standard deviation 1 at the largest y.
    ///
    /// # Errors
    /// [`NotTested::TooFew`] below four points or if the lengths differ; [`NotTested::NoVariance`] if y is constant;
    /// [`NotTested::NotFinite`] if a value is; [`NotTested::NoSolution`] if the fit does not settle, or the points do
    /// not determine it, as where all but one are zero.
    pub fn of(x: &[f64], y: &[f64]) -> Result<GaussianFit, NotTested> {
        let (top, height) = check(x, y)?;
        let scale = TAU.sqrt();
        let fitted = least_squares([height * scale, x[top], 1.0], x, y, |x, [area, centre, sigma]| {
            let z = (x - centre) / sigma;
            let shape = (-0.5 * z * z).exp() / (sigma * scale);
            let value = area * shape;
            (value, [shape, value * z / sigma, value * (z * z - 1.0) / sigma])
        })?;
        let [area, centre, sigma] = fitted.parameters;
        Ok(GaussianFit { area: area * sigma.signum(), centre, sigma: sigma.abs(), r_squared: fitted.r_squared })
    }

    /// The value at x.
    pub fn at(&self, x: f64) -> f64 {
        self.height() * (-0.5 * ((x - self.centre) / self.sigma).powi(2)).exp()
    }

    /// The value at the centre.
    pub fn height(&self) -> f64 {
        self.area / (self.sigma * TAU.sqrt())
    }
}

/// The circular bell h·exp(κ(cos(θ−μ)−1)) of least squares, a von Mises density up to its height.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VonMisesFit {
    /// h, the value at the centre.
    pub height: f64,
    /// μ, from −π to π.
    pub centre: f64,
    /// κ, not negative.
    pub concentration: f64,
    /// The share of the variance of y that the curve explains.
    pub r_squared: f64,
}

impl VonMisesFit {
    /// Fits y at `angles` (radians), each direction given once, starting from a peak at the largest y.
    ///
    /// # Errors
    /// As [`GaussianFit::of`].
    pub fn of(angles: &[f64], y: &[f64]) -> Result<VonMisesFit, NotTested> {
        let (top, height) = check(angles, y)?;
        let fitted = least_squares([height, angles[top], 1.5], angles, y, |angle, [height, centre, concentration]| {
            let (sine, cosine) = (angle - centre).sin_cos();
            let shape = (concentration * (cosine - 1.0)).exp();
            let value = height * shape;
            (value, [shape, value * concentration * sine, value * (cosine - 1.0)])
        })?;
        let [mut height, mut centre, mut concentration] = fitted.parameters;
        if concentration < 0.0 {
            // The same curve, seen from its other side.
            height *= (-2.0 * concentration).exp();
            centre += PI;
            concentration = -concentration;
        }
        centre -= TAU * (centre / TAU).round();
        Ok(VonMisesFit { height, centre, concentration, r_squared: fitted.r_squared })
    }

    /// The value at an angle.
    pub fn at(&self, angle: f64) -> f64 {
        self.height * (self.concentration * ((angle - self.centre).cos() - 1.0)).exp()
    }

    /// The area under the curve over the whole circle.
    pub fn area(&self) -> f64 {
        self.height * TAU * self.means().0
    }

    /// The circular standard deviation √(−2 ln R) in radians, R being the mean resultant length: for a sharp curve the
    /// standard deviation of the Gaussian that it resembles.
    pub fn standard_deviation(&self) -> f64 {
        let (shape, cosine) = self.means();
        (-2.0 * (cosine / shape).ln()).max(0.0).sqrt()
    }

    /// The means over the circle of the shape (its height 1), and of the shape times the cosine. The trapezoidal rule
    /// on a circle is exact to rounding, as long as the points lie much closer than the curve is wide.
    fn means(&self) -> (f64, f64) {
        let points = (64.0 * self.concentration.sqrt()).clamp(256.0, 65536.0) as usize;
        let (mut shape_sum, mut cosine_sum) = (0.0, 0.0);
        for point in 0..points {
            let cosine = (TAU * point as f64 / points as f64).cos();
            let shape = (self.concentration * (cosine - 1.0)).exp();
            shape_sum += shape;
            cosine_sum += shape * cosine;
        }
        (shape_sum / points as f64, cosine_sum / points as f64)
    }
}

/// The place of the largest y, and its value; an error if three parameters cannot be fitted to these points.
fn check(x: &[f64], y: &[f64]) -> Result<(usize, f64), NotTested> {
    if x.len() != y.len() || x.len() < 4 {
        return Err(NotTested::TooFew);
    }
    if !x.iter().chain(y).all(|value| value.is_finite()) {
        return Err(NotTested::NotFinite);
    }
    let top = (1..y.len()).fold(0, |top, place| if y[place] > y[top] { place } else { top });
    let low = y.iter().copied().fold(y[0], f64::min);
    if y[top] - low <= 1e-12 * y[top].abs().max(low.abs()) {
        return Err(NotTested::NoVariance);
    }
    Ok((top, y[top]))
}

/// Parameters of least squares.
struct Fitted {
    parameters: [f64; 3],
    r_squared: f64,
}

/// The normal equations at one place: the sum of squares, its half gradient, and the matrix of the linearised problem.
struct Normal {
    squares: f64,
    gradient: [f64; 3],
    matrix: [[f64; 3]; 3],
}

/// Levenberg's and Marquardt's method: `model` gives the value at x and its derivatives by the parameters.
fn least_squares(
    start: [f64; 3],
    x: &[f64],
    y: &[f64],
    model: impl Fn(f64, [f64; 3]) -> (f64, [f64; 3]),
) -> Result<Fitted, NotTested> {
    let normal = |parameters: [f64; 3]| {
        let mut normal = Normal { squares: 0.0, gradient: [0.0; 3], matrix: [[0.0; 3]; 3] };
        for (x, y) in x.iter().zip(y) {
            let (value, slopes) = model(*x, parameters);
            let residual = y - value;
            normal.squares += residual * residual;
            for row in 0..3 {
                normal.gradient[row] += slopes[row] * residual;
                for column in 0..3 {
                    normal.matrix[row][column] += slopes[row] * slopes[column];
                }
            }
        }
        normal
    };
    let mut parameters = start;
    let mut here = normal(parameters);
    let mut damping = 1e-3;
    let mut settled = false;
    for _ in 0..MOST_STEPS {
        let mut damped = here.matrix;
        for (place, row) in damped.iter_mut().enumerate() {
            row[place] += damping * row[place].max(f64::MIN_POSITIVE);
        }
        if let Some(step) = solve(damped, here.gradient) {
            let next: [f64; 3] = std::array::from_fn(|place| parameters[place] + step[place]);
            let there = normal(next);
            let small = (0..3).all(|place| step[place].abs() <= SETTLED * (next[place].abs() + SETTLED));
            if there.squares <= here.squares {
                (parameters, here) = (next, there);
                damping = (damping / 10.0).max(1e-15);
                settled = small;
            } else {
                damping *= 10.0;
                // So short a step that only rounding stands in its way.
                settled = small;
            }
        } else {
            damping *= 10.0;
        }
        if settled || damping > 1e20 {
            break;
        }
    }
    if !settled || !parameters.iter().all(|value| value.is_finite()) || !determined(&here.matrix) {
        return Err(NotTested::NoSolution);
    }
    Ok(Fitted { parameters, r_squared: 1.0 - here.squares / squares_about(y, mean(y)) })
}

/// Whether the parameters change the curve in ways that can be told apart.
fn determined(matrix: &[[f64; 3]; 3]) -> bool {
    let scale: [f64; 3] = std::array::from_fn(|place| matrix[place][place].sqrt());
    if scale.contains(&0.0) {
        return false;
    }
    let mut unit = [[0.0; 3]; 3];
    for row in 0..3 {
        for column in 0..3 {
            unit[row][column] = matrix[row][column] / (scale[row] * scale[column]);
        }
    }
    let [a, b, c] = unit;
    let determinant =
        a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
    determinant > INDEPENDENT
}

/// Solves three linear equations, the largest pivot of a column first.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> Option<[f64; 3]> {
    for column in 0..3 {
        let pivot = (column..3).max_by(|a, b| matrix[*a][column].abs().total_cmp(&matrix[*b][column].abs()))?;
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        for row in column + 1..3 {
            let factor = matrix[row][column] / matrix[column][column];
            let above = matrix[column];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(column) {
                *value -= factor * above;
            }
            right[row] -= factor * right[column];
        }
    }
    let mut solution = [0.0; 3];
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|column| matrix[row][column] * solution[column]).sum();
        solution[row] = (right[row] - known) / matrix[row][row];
    }
    solution.iter().all(|value| value.is_finite()).then_some(solution)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::analysis::golden;

    fn fixture() -> Value {
        let path = format!("{}/tests/fixtures/analysis/tuning.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64) {
        golden::within((found - expected).abs() / expected.abs().max(1e-3), 1e-5, found);
    }

    #[test]
    fn gaussians_agree_with_scipy() {
        let fixture = fixture();
        let cases = fixture["gaussians"].as_array().unwrap();
        assert!(cases.len() >= 15);
        for case in cases {
            let fit = GaussianFit::of(&floats(&case["x"]), &floats(&case["y"])).unwrap();
            let [area, centre, sigma] = floats(&case["area_centre_sigma"])[..] else { panic!("{case}") };
            assert_close(fit.area, area * sigma.signum());
            assert_close(fit.centre, centre);
            assert_close(fit.sigma, sigma.abs());
            assert_close(fit.at(centre), fit.height());
        }
    }

    #[test]
    fn von_mises_curves_agree_with_scipy() {
        let fixture = fixture();
        let cases = fixture["von_mises"].as_array().unwrap();
        assert!(cases.len() >= 5);
        for case in cases {
            let fit = VonMisesFit::of(&floats(&case["angles"]), &floats(&case["y"])).unwrap();
            let [height, centre, concentration] = floats(&case["height_centre_concentration"])[..] else { panic!() };
            assert_close(fit.height, height);
            assert_close((fit.centre - centre).sin(), 0.0);
            assert_close(fit.concentration, concentration);
            assert_close(fit.standard_deviation(), case["circular_standard_deviation"].as_f64().unwrap());
            assert_close(fit.area(), case["area"].as_f64().unwrap());
        }
    }

    #[test]
    fn a_sharp_circular_curve_is_nearly_a_gaussian() {
        for concentration in [1e2, 1e4, 1e6] {
            let fit = VonMisesFit { height: 1.0, centre: 0.0, concentration, r_squared: 1.0 };
            let sigma = concentration.sqrt().recip();
            assert!((fit.standard_deviation() / sigma - 1.0).abs() < 1.0 / concentration, "{concentration}");
            assert!((fit.area() / (sigma * TAU.sqrt()) - 1.0).abs() < 1.0 / concentration);
        }
    }

    #[test]
    fn a_trough_is_a_peak_on_the_other_side() {
        let angles: Vec<f64> = (0..12).map(|k| f64::from(k) * TAU / 12.0).collect();
        let y: Vec<f64> = angles.iter().map(|angle| 0.1 * (-1.3 * ((angle - 1.0).cos() - 1.0)).exp()).collect();
        let fit = VonMisesFit::of(&angles, &y).unwrap();
        assert_close(fit.concentration, 1.3);
        assert_close(fit.centre, 1.0 - PI);
        assert_close(fit.at(1.0), 0.1);
        assert_close(fit.r_squared, 1.0);
    }

    #[test]
    fn what_cannot_be_fitted_is_not() {
        let x = [-2.0, -1.0, 0.0, 1.0, 2.0];
        assert_eq!(GaussianFit::of(&x[..3], &[0.0, 1.0, 0.0]), Err(NotTested::TooFew));
        assert_eq!(GaussianFit::of(&x, &[0.0; 4]), Err(NotTested::TooFew));
        assert_eq!(GaussianFit::of(&x, &[0.3; 5]), Err(NotTested::NoVariance));
        assert_eq!(VonMisesFit::of(&x, &[0.0; 5]), Err(NotTested::NoVariance));
        assert_eq!(GaussianFit::of(&x, &[0.0, f64::NAN, 1.0, 0.0, 0.0]), Err(NotTested::NotFinite));
        assert_eq!(
            GaussianFit::of(&x, &[0.0, 0.0, 1.0, 0.0, 0.0]),
            Err(NotTested::NoSolution),
            "of any width below 0.2"
        );
        assert_eq!(VonMisesFit::of(&x, &[0.0, 0.0, 1.0, 0.0, 0.0]), Err(NotTested::NoSolution));
        let line = GaussianFit::of(&x, &[0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(line.is_err() || line.is_ok_and(|fit| fit.area.is_finite() && fit.sigma > 0.0));
    }
}

//! The statistical tests of the analyses.
//!
//! Thin layers over the special functions of `statrs`. Two things are done here because the analyses need them:
//! probabilities are taken from the small side of the distribution, so that they stay exact to about ten digits down
//! to 1e-300, and data that a test has no answer for give a reason ([`NotTested`]) in place of NaN.
//!
//! ```
//! use maturation::statistics::{NotTested, one_way_anova, paired_t_test};
//!
//! let anova = one_way_anova(&[&[1.0, 1.2, 0.9], &[2.0, 2.1, 1.8], &[1.0, 1.1, 1.3]])?;
//! assert!(anova.p_value < 0.01 && anova.df_between == 2.0 && anova.df_within == 6.0);
//!
//! assert_eq!(paired_t_test(&[0.5, 0.5], &[0.5, 0.5]), Err(NotTested::NoVariance));
//! # Ok::<(), NotTested>(())
//! ```

mod across_runs;
mod bootstrap;
mod fit;

use statrs::function::beta::checked_beta_reg;

pub use across_runs::{MeanOverRuns, NestedUnits, RunResamples, resample_units};
pub(crate) use bootstrap::MOST_UNITS;
pub use bootstrap::{ResampledMean, UnitResamples, percentile_interval};
pub use fit::{GaussianFit, VonMisesFit};

/// Why a test or a fit has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotTested {
    /// Fewer values or groups than the test needs.
    TooFew,
    /// The values do not vary (beyond rounding), so that there is nothing to compare a difference with.
    NoVariance,
    /// A value is NaN or infinite.
    NotFinite,
    /// A rate relative to the baseline is asked for, and the baseline is exactly zero.
    ZeroBaseline,
    /// A rate relative to the baseline is asked for, and the baseline is below zero.
    NegativeBaseline,
    /// No curve of least squares was found, or many are equally good.
    NoSolution,
}

impl std::fmt::Display for NotTested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            NotTested::TooFew => "too few values",
            NotTested::NoVariance => "the repeats do not vary",
            NotTested::NotFinite => "a value is not finite",
            NotTested::ZeroBaseline => "the baseline is zero",
            NotTested::NegativeBaseline => "the baseline is negative",
            NotTested::NoSolution => "the fit has no definite solution",
        })
    }
}

impl std::str::FromStr for NotTested {
    type Err = crate::Error;

    /// Reads what `Display` writes, which is how tables tell it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            NotTested::TooFew,
            NotTested::NoVariance,
            NotTested::NotFinite,
            NotTested::ZeroBaseline,
            NotTested::NegativeBaseline,
            NotTested::NoSolution,
        ];
        let found = all.into_iter().find(|reason| reason.to_string() == text);
        found.ok_or_else(|| crate::Error::unknown_name("reason for not testing", text, all))
    }
}

impl std::error::Error for NotTested {}

/// The result of a one-way analysis of variance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anova {
    /// Variance between the groups over variance within them.
    pub f: f64,
    /// Degrees of freedom between groups: groups − 1.
    pub df_between: f64,
    /// Degrees of freedom within groups: values − groups.
    pub df_within: f64,
    /// The probability of an F at least as large if all groups had one mean. 0 where it is below about 1e-308.
    pub p_value: f64,
}

/// The result of a t-test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TTest {
    /// Student's t; positive where the first sample is the larger.
    pub t: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// The two-sided probability. 0 where it is below about 1e-308.
    pub p_value: f64,
}

/// One-way analysis of variance: do the groups have one mean? Groups may differ in size; empty ones are left out.
///
/// # Errors
/// [`NotTested::TooFew`] below two groups or without a repeat in any; [`NotTested::NoVariance`] if every group is
/// constant; [`NotTested::NotFinite`] if a value is.
pub fn one_way_anova<G: AsRef<[f64]>>(groups: &[G]) -> Result<Anova, NotTested> {
    let groups: Vec<&[f64]> = groups.iter().map(AsRef::as_ref).filter(|group| !group.is_empty()).collect();
    let count: usize = groups.iter().map(|group| group.len()).sum();
    if groups.len() < 2 || count <= groups.len() {
        return Err(NotTested::TooFew);
    }
    let scale = largest(groups.iter().copied().flatten())?;
    let means: Vec<f64> = groups.iter().map(|group| mean(group)).collect();
    let grand = groups.iter().copied().flatten().sum::<f64>() / count as f64;
    let between: f64 = groups.iter().zip(&means).map(|(group, mean)| group.len() as f64 * (mean - grand).powi(2)).sum();
    let within: f64 = groups.iter().zip(&means).map(|(group, mean)| squares_about(group, *mean)).sum();
    if within <= rounding(scale, count) {
        return Err(NotTested::NoVariance);
    }
    let df_between = (groups.len() - 1) as f64;
    let df_within = (count - groups.len()) as f64;
    let f = (between / df_between) / (within / df_within);
    Ok(Anova { f, df_between, df_within, p_value: f_tail(f, df_between, df_within)? })
}

/// Paired t-test: is the mean difference of the pairs zero? Two-sided.
///
/// # Errors
/// [`NotTested::TooFew`] below two pairs or if the lengths differ; [`NotTested::NoVariance`] if all pairs have the
/// same difference; [`NotTested::NotFinite`] if a value is.
pub fn paired_t_test(first: &[f64], second: &[f64]) -> Result<TTest, NotTested> {
    if first.len() != second.len() {
        return Err(NotTested::TooFew);
    }
    let count = first.len();
    if count < 2 {
        return Err(NotTested::TooFew);
    }
    let scale = largest(first.iter().chain(second))?;
    let differences: Vec<f64> = first.iter().zip(second).map(|(first, second)| first - second).collect();
    let mean = mean(&differences);
    let squares = squares_about(&differences, mean);
    if squares <= rounding(scale, count) {
        return Err(NotTested::NoVariance);
    }
    let df = (count - 1) as f64;
    let t = mean / (squares / df / count as f64).sqrt();
    Ok(TTest { t, df, p_value: t_tails(t, df)? })
}

/// Student's t-test of two independent samples with one variance: do they have the same mean? Two-sided.
///
/// # Errors
/// [`NotTested::TooFew`] if a sample is empty or both together hold fewer than three values;
/// [`NotTested::NoVariance`] if both are constant; [`NotTested::NotFinite`] if a value is.
pub fn independent_t_test(first: &[f64], second: &[f64]) -> Result<TTest, NotTested> {
    let count = first.len() + second.len();
    if first.is_empty() || second.is_empty() || count < 3 {
        return Err(NotTested::TooFew);
    }
    let scale = largest(first.iter().chain(second))?;
    let (first_mean, second_mean) = (mean(first), mean(second));
    let squares = squares_about(first, first_mean) + squares_about(second, second_mean);
    if squares <= rounding(scale, count) {
        return Err(NotTested::NoVariance);
    }
    let df = (count - 2) as f64;
    let standard_error = (squares / df * (1.0 / first.len() as f64 + 1.0 / second.len() as f64)).sqrt();
    let t = (first_mean - second_mean) / standard_error;
    Ok(TTest { t, df, p_value: t_tails(t, df)? })
}

/// The q-values of Benjamini and Hochberg: the smallest false-discovery rate at which each test would be called
/// positive. Tests without a p-value are left out of the count and have no q-value.
///
/// ```
/// use maturation::statistics::benjamini_hochberg;
///
/// let q_values = benjamini_hochberg(&[Some(0.01), None, Some(0.03), Some(0.5)]);
/// assert_eq!(q_values, [Some(0.03), None, Some(0.045), Some(0.5)]);
/// ```
pub fn benjamini_hochberg(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(usize, f64)> =
        p_values.iter().enumerate().filter_map(|(index, p_value)| p_value.map(|p_value| (index, p_value))).collect();
    order.sort_by(|left, right| left.1.total_cmp(&right.1));
    let count = order.len() as f64;
    let mut q_values = vec![None; p_values.len()];
    let mut smallest = 1.0_f64;
    for (rank, (index, p_value)) in order.iter().enumerate().rev() {
        smallest = smallest.min(p_value * count / (rank + 1) as f64);
        q_values[*index] = Some(smallest);
    }
    q_values
}

/// The probability that an F-distributed number exceeds `f`.
fn f_tail(f: f64, df_between: f64, df_within: f64) -> Result<f64, NotTested> {
    let x = df_within / (df_within + df_between * f);
    regularized_beta(df_within / 2.0, df_between / 2.0, x)
}

/// The probability that a number of Student's distribution is farther from 0 than `t`.
fn t_tails(t: f64, df: f64) -> Result<f64, NotTested> {
    regularized_beta(df / 2.0, 0.5, df / (df + t * t))
}

fn regularized_beta(a: f64, b: f64, x: f64) -> Result<f64, NotTested> {
    checked_beta_reg(a, b, x).ok().filter(|p_value| p_value.is_finite()).ok_or(NotTested::NotFinite)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn squares_about(values: &[f64], mean: f64) -> f64 {
    values.iter().map(|value| (value - mean).powi(2)).sum()
}

/// The largest absolute value, 0 if there is none.
fn largest<'a>(values: impl IntoIterator<Item = &'a f64>) -> Result<f64, NotTested> {
    values.into_iter().try_fold(0.0_f64, |largest, value| {
        if value.is_finite() { Ok(largest.max(value.abs())) } else { Err(NotTested::NotFinite) }
    })
}

/// The sum of squares that rounding alone leaves in `count` equal values as large as `scale`.
fn rounding(scale: f64, count: usize) -> f64 {
    count as f64 * (4.0 * f64::EPSILON * scale).powi(2)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::analysis::golden;

    fn fixture(name: &str) -> Value {
        let path = format!("{}/tests/fixtures/analysis/{name}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn floats(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }

    #[track_caller]
    fn assert_close(found: f64, expected: f64, tolerance: f64) {
        golden::within(golden::relative(found, expected), tolerance, found);
    }

    #[test]
    fn tails_agree_with_scipy_down_to_1e_300() {
        let tails = fixture("tails");
        for case in tails["f"].as_array().unwrap() {
            let [f, between, within, p] = floats(case)[..] else { panic!("{case}") };
            assert_close(f_tail(f, between, within).unwrap(), p, 1e-9);
        }
        for case in tails["t"].as_array().unwrap() {
            let [t, df, p] = floats(case)[..] else { panic!("{case}") };
            assert_close(t_tails(t, df).unwrap(), p, 1e-9);
            assert_eq!(t_tails(t, df), t_tails(-t, df));
        }
        assert_eq!(f_tail(1e300, 7.0, 120.0), Ok(0.0));
        assert_eq!(t_tails(f64::INFINITY, 120.0), Ok(0.0));
    }

    #[test]
    fn the_reference_cases() {
        let cases = fixture("stats_cases");
        for name in ["noise", "const_diff", "identical", "shift"] {
            let case = &cases[name];
            let (first, second) = (floats(&case["a"]), floats(&case["b"]));
            for (key, result) in
                [("ttest_rel", paired_t_test(&first, &second)), ("ttest_ind", independent_t_test(&first, &second))]
            {
                match case[key][0].as_f64() {
                    // Equal differences in the single precision of the published system, but not in double precision.
                    None if (name, key) == ("shift", "ttest_rel") => assert!(result.unwrap().t < -1e8),
                    Some(t) => {
                        // The published system subtracts these in single precision.
                        assert_close(result.unwrap().t, t, 1e-6);
                        assert_close(result.unwrap().p_value, case[key][1].as_f64().unwrap(), 1e-6);
                    }
                    None => assert_eq!(result, Err(NotTested::NoVariance), "{name} {key}"),
                }
            }
        }
        for (name, case) in cases.as_object().unwrap().iter().filter(|(_, case)| case["groups"].is_array()) {
            let groups: Vec<Vec<f64>> = case["groups"].as_array().unwrap().iter().map(floats).collect();
            let result = one_way_anova(&groups);
            if ["anova_no_within_var", "anova_all_equal"].contains(&name.as_str()) {
                assert_eq!(result, Err(NotTested::NoVariance), "{name}");
                continue;
            }
            let result = result.unwrap();
            assert_close(result.f, case["f_oneway"][0].as_f64().unwrap(), 1e-12);
            assert_close(result.p_value, case["f_oneway"][1].as_f64().unwrap(), 1e-11);
            assert_eq!(vec![result.df_between, result.df_within], floats(&case["df"]));
        }
    }

    #[test]
    fn degenerate_data_are_not_tested() {
        assert_eq!(one_way_anova::<&[f64]>(&[]), Err(NotTested::TooFew));
        assert_eq!(one_way_anova(&[&[1.0, 2.0][..], &[]]), Err(NotTested::TooFew));
        assert_eq!(one_way_anova(&[[1.0], [2.0]]), Err(NotTested::TooFew));
        assert_eq!(one_way_anova(&[[1.0, f64::NAN], [2.0, 3.0]]), Err(NotTested::NotFinite));
        assert_eq!(one_way_anova(&[[0.1; 3], [0.7; 3]]), Err(NotTested::NoVariance));
        assert_eq!(paired_t_test(&[1.0], &[2.0]), Err(NotTested::TooFew));
        assert_eq!(paired_t_test(&[1.0, 2.0], &[2.0]), Err(NotTested::TooFew));
        assert_eq!(paired_t_test(&[1.0, f64::INFINITY], &[2.0, 1.0]), Err(NotTested::NotFinite));
        assert_eq!(paired_t_test(&[0.1, 0.2, 0.7], &[0.4, 0.5, 1.0]), Err(NotTested::NoVariance));
        assert_eq!(independent_t_test(&[], &[1.0, 2.0, 3.0]), Err(NotTested::TooFew));
        assert_eq!(independent_t_test(&[1.0], &[2.0]), Err(NotTested::TooFew));
        assert_eq!(independent_t_test(&[0.3; 5], &[0.3; 5]), Err(NotTested::NoVariance));
        assert!(independent_t_test(&[1.0], &[2.0, 2.5]).is_ok());
    }

    #[test]
    fn a_huge_effect_is_a_small_number_and_not_nan() {
        let groups: Vec<Vec<f64>> =
            (0..8).map(|k| (0..16).map(|i| k as f64 + 1e-9 * (i % 3) as f64).collect()).collect();
        let result = one_way_anova(&groups).unwrap();
        assert!(result.f > 1e15 && result.p_value == 0.0);
    }

    #[test]
    fn q_values_agree_with_scipy() {
        let case = fixture("benjamini_hochberg");
        let read =
            |key: &str| -> Vec<Option<f64>> { case[key].as_array().unwrap().iter().map(Value::as_f64).collect() };
        for (found, expected) in benjamini_hochberg(&read("p")).into_iter().zip(read("q")) {
            assert_eq!(found.is_some(), expected.is_some());
            assert_close(found.unwrap_or(1.0), expected.unwrap_or(1.0), 1e-14);
        }
        assert!(benjamini_hochberg(&[]).is_empty());
        assert_eq!(benjamini_hochberg(&[None]), [None]);
    }
}

//! The tests on the trials of one unit.

use ndarray::ArrayView1;

use super::{Kind, SelectivityOptions, UnitSelectivity, largest};
use crate::analysis::Normalisation;
use crate::analysis::normalisation::not_a_divisor;
use crate::statistics::{NotTested, one_way_anova, paired_t_test};

/// The trial rates of one unit.
pub(super) struct Trials<'a> {
    /// The trials at each location.
    pub(super) by_location: &'a [Vec<usize>],
    /// The mean over the baseline and the trials of each location.
    pub(super) mean_baseline: Vec<f32>,
    /// Over the baseline.
    pub(super) baseline: ArrayView1<'a, f32>,
    /// Over stim1.
    pub(super) stimulus: ArrayView1<'a, f32>,
    /// Over the tested epoch.
    pub(super) response: ArrayView1<'a, f32>,
}

impl Trials<'_> {
    /// Everything about the unit but its q-value; `unbiased_selective` is the gate alone until that is known.
    pub(super) fn test(&self, unit: usize, options: &SelectivityOptions) -> UnitSelectivity {
        let location_count = self.by_location.len();
        let mut absolute = vec![None; location_count];
        let mut rates = vec![None; location_count];
        let mut absolute_groups: Vec<Vec<f64>> = Vec::with_capacity(location_count);
        let mut relative_groups: Vec<Vec<f64>> = Vec::with_capacity(location_count);
        let mut gate: Vec<f64> = Vec::with_capacity(location_count);
        let mut no_ratio = None;
        let mut differences: Vec<f64> = Vec::with_capacity(location_count);

        for (location, trials) in self.by_location.iter().enumerate().filter(|(_, trials)| !trials.is_empty()) {
            let at =
                |rates: &ArrayView1<f32>| -> Vec<f64> { trials.iter().map(|trial| f64::from(rates[*trial])).collect() };
            gate.extend(response_p_value(&at(&self.baseline), &at(&self.stimulus)));

            let values = at(&self.response);
            absolute[location] = mean(&values);
            absolute_groups.push(values);

            let baseline = self.mean_baseline[location];
            if options.normalisation != Normalisation::Ratio {
                let difference = |trial: &usize| f64::from(self.response[*trial]) - f64::from(baseline);
                let values: Vec<f64> = trials.iter().map(difference).collect();
                rates[location] = mean(&values);
                differences.extend(rates[location]);
                relative_groups.push(values);
                continue;
            }
            if let Some(reason) = not_a_divisor(f64::from(baseline)) {
                no_ratio = Some(reason);
                differences.extend(absolute[location].map(|rate| rate - f64::from(baseline)));
                continue;
            }
            // In single precision, as the published system divides: see `mean_of_rows`.
            let relative = |trial: &usize| f64::from(self.response[*trial] / baseline - 1.0);
            let values: Vec<f64> = trials.iter().map(relative).collect();
            rates[location] = mean(&values);
            differences.extend(rates[location]);
            relative_groups.push(values);
        }

        let unbiased = anova(&absolute_groups, &absolute_groups);
        let relative = options.normalisation.is_relative() && no_ratio.is_none();
        let published = match no_ratio {
            Some(reason) => Err(reason),
            None if relative => anova(&relative_groups, &absolute_groups),
            None => unbiased,
        };
        let fires = absolute.iter().flatten().any(|rate| rate.abs() > options.active_rate);
        let smallest = gate.iter().copied().min_by(f64::total_cmp).unwrap_or(f64::INFINITY);
        let active = fires && smallest <= options.gate_level;
        let selective = active && published.is_ok_and(|p_value| p_value <= options.level);
        let response = Kind::of_response(differences);
        UnitSelectivity {
            unit,
            active,
            selective,
            kind: if selective { response } else { Kind::NotSelective },
            p_value: published.ok(),
            not_tested: published.err(),
            unbiased_selective: fires && smallest * gate.len() as f64 <= options.gate_level,
            unbiased_p_value: unbiased.ok(),
            unbiased_q_value: None,
            response,
            preferred_location: largest(if relative { &rates } else { &absolute }).unwrap_or(0),
            rates,
            absolute,
        }
    }
}

/// The rates of a network are single-precision numbers: differences between repeats below this share of the rate are
/// their rounding, as where the network has no noise.
const RESOLUTION: f64 = 1e-6;

/// The p-value of the analysis of variance over `groups`; not tested if the repeats in `absolute`, the rates before
/// any division, do not vary.
fn anova(groups: &[Vec<f64>], absolute: &[Vec<f64>]) -> Result<f64, NotTested> {
    let scale = absolute.iter().flatten().fold(0.0_f64, |scale, rate| scale.max(rate.abs()));
    let varies = absolute.iter().any(|group| spread(group) > RESOLUTION * scale);
    let anova = one_way_anova(groups)?;
    if varies { Ok(anova.p_value) } else { Err(NotTested::NoVariance) }
}

/// The p-value of the paired t-test of a unit's trials at one location; none where it has no answer.
pub(super) fn response_p_value(baseline: &[f64], stimulus: &[f64]) -> Option<f64> {
    let differences: Vec<f64> = baseline.iter().zip(stimulus).map(|(baseline, stimulus)| baseline - stimulus).collect();
    let scale = baseline.iter().chain(stimulus).fold(0.0_f64, |scale, rate| scale.max(rate.abs()));
    let varies = spread(&differences) > RESOLUTION * scale;
    paired_t_test(baseline, stimulus).ok().filter(|_| varies).map(|test| test.p_value)
}

/// Largest value − smallest value, 0 if there is none.
fn spread(values: &[f64]) -> f64 {
    let (low, high) = values
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(*value), high.max(*value)));
    (high - low).max(0.0)
}

/// The mean, if it is finite.
fn mean(values: &[f64]) -> Option<f64> {
    Some(values.iter().sum::<f64>() / values.len() as f64).filter(|mean| mean.is_finite())
}

//! What a reader of results should know of the recording that they come from.

use crate::activity::Activity;
use crate::analysis::normalisation::NoRatio;
use crate::analysis::{Normalisation, Selectivity, SelectivityOptions};
use crate::error::Result;
use crate::statistics::NotTested;

/// What to know of a population's selectivity before its results are read, a sentence each: why rates are not relative
/// to their baseline, how many units could not be tested and why, and that no trial is at some location.
///
/// `options` are those that the selectivity was made with. None of these holds of a softplus network, whose list is
/// empty.
///
/// # Errors
/// If the activity has no fix1.
pub fn remarks(activity: &Activity, selectivity: &Selectivity, options: &SelectivityOptions) -> Result<Vec<String>> {
    let mut found = Vec::new();
    if options.normalisation == Normalisation::Automatic
        && selectivity.normalisation != Normalisation::Ratio
        && let Some(reason) = NoRatio::of(activity, options.baseline_skip_ms)?
    {
        found.push(format!("rates are absolute, not relative to fixation: {reason}"));
    }
    let mut reasons: Vec<(NotTested, usize)> = Vec::new();
    for reason in selectivity.units.iter().filter_map(|unit| unit.not_tested) {
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => reasons.push((reason, 1)),
        }
    }
    let untested: usize = reasons.iter().map(|(_, count)| count).sum();
    if untested > 0 {
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        found.push(format!(
            "{untested} of {} units could not be tested ({}) and count as not selective",
            selectivity.units.len(),
            reasons.join("; ")
        ));
    }
    let trials = activity.trials_by_location();
    let empty: Vec<String> = (0..trials.len())
        .filter(|location| trials[*location].is_empty())
        .map(|location| activity.location_name(location))
        .collect();
    if !empty.is_empty() {
        let places = if empty.len() == 1 { "location" } else { "locations" };
        found.push(format!("no trial is at {places} {} of the {} on the ring", empty.join(", "), trials.len()));
    }
    Ok(found)
}

//! What rates are set against: their baseline, or nothing. One rule for every analysis.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, Axis};

use crate::activity::Activity;
use crate::analysis::rates::{baseline, trial_rates};
use crate::error::{Error, Result};
use crate::hyperparameters::Activation;
use crate::statistics::NotTested;
use crate::training::Run;

/// How rates are set against their baseline, the mean rate of the same unit in fix1 at the same location.
///
/// A ratio has a meaning for rates that are never negative and for baselines above zero only. The rule of
/// [`Normalisation::Automatic`], the same in every analysis: **ratios where no rate is negative and every unit has a
/// baseline above zero at every location; absolute rates otherwise**, for the whole population, so that the units of an
/// average share one scale. Of a run, the activation decides: softplus units have ratios, those that can be zero or
/// negative (relu, tanh, elu and others) absolute rates. So z-scored rates, ΔF/F and differences are taken as they are,
/// and a unit has the same kind and the same preferred location as in Hz.
///
/// Whether a unit is excited or inhibited follows the sign of rate − baseline whatever the scale.
///
/// ```
/// use maturation::analysis::Normalisation;
///
/// assert_eq!("ratio".parse::<Normalisation>()?, Normalisation::Ratio);
/// assert_eq!("no".parse::<Normalisation>()?, Normalisation::Absolute);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Normalisation {
    /// Ratios where they have a meaning, absolute rates otherwise.
    #[default]
    Automatic,
    /// rate / baseline − 1, as published. A unit whose baseline is zero or negative at some location is not tested, and
    /// left out of averages there.
    Ratio,
    /// rate − baseline.
    Difference,
    /// The rate itself.
    Absolute,
}

impl Normalisation {
    /// Every way.
    pub const ALL: [Normalisation; 4] =
        [Normalisation::Automatic, Normalisation::Ratio, Normalisation::Difference, Normalisation::Absolute];

    /// The name used in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Normalisation::Automatic => "auto",
            Normalisation::Ratio => "ratio",
            Normalisation::Difference => "difference",
            Normalisation::Absolute => "absolute",
        }
    }

    /// What an axis of such rates is called.
    pub fn axis(self) -> &'static str {
        match self {
            Normalisation::Automatic | Normalisation::Ratio => "activity (rate / fixation rate − 1)",
            Normalisation::Difference => "rate − fixation rate",
            Normalisation::Absolute => "rate (absolute)",
        }
    }

    /// Whether rates are set against their baseline, so that 0 is the rate of fixation.
    pub fn is_relative(self) -> bool {
        self != Normalisation::Absolute
    }

    /// The way that [`Normalisation::Automatic`] takes for this activity, `baseline_skip_ms` being left out of the
    /// baseline; any other way is kept.
    ///
    /// # Errors
    /// If the activity has no fix1, or nothing is left of it.
    pub fn of(self, activity: &Activity, baseline_skip_ms: f64) -> Result<Normalisation> {
        if self != Normalisation::Automatic {
            return Ok(self);
        }
        Ok(match NoRatio::of(activity, baseline_skip_ms)? {
            None => Normalisation::Ratio,
            Some(_) => Normalisation::Absolute,
        })
    }

    /// The way that [`Normalisation::Automatic`] takes for a run, the same at all of its checkpoints; any other way is
    /// kept.
    pub fn of_run(self, run: &Run) -> Normalisation {
        match (self, run.hyperparameters().activation) {
            (Normalisation::Automatic, Activation::Softplus) => Normalisation::Ratio,
            (Normalisation::Automatic, _) => Normalisation::Absolute,
            (given, _) => given,
        }
    }

    /// A rate set against its baseline; none where a ratio has no meaning.
    pub(super) fn apply(self, rate: f64, baseline: f64) -> Option<f64> {
        match self {
            Normalisation::Automatic | Normalisation::Ratio => (baseline > 0.0).then(|| rate / baseline - 1.0),
            Normalisation::Difference => Some(rate - baseline),
            Normalisation::Absolute => Some(rate),
        }
    }
}

impl fmt::Display for Normalisation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Normalisation {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "yes" => return Ok(Normalisation::Ratio),
            "no" => return Ok(Normalisation::Absolute),
            _ => {}
        }
        let found = Normalisation::ALL.into_iter().find(|value| value.name() == name);
        found.ok_or_else(|| Error::unknown_name("normalisation", name, Normalisation::ALL))
    }
}

/// Why a baseline cannot be divided by; none where it can.
pub(super) fn not_a_divisor(baseline: f64) -> Option<NotTested> {
    match baseline {
        baseline if baseline > 0.0 => None,
        baseline if baseline < 0.0 => Some(NotTested::NegativeBaseline),
        _ => Some(NotTested::ZeroBaseline),
    }
}

/// Why ratios to the baseline have no meaning for a population.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoRatio {
    /// Units with a rate below zero somewhere.
    negative: usize,
    /// Units with a baseline that is not above zero at some location.
    without_baseline: usize,
    /// Units.
    units: usize,
}

impl NoRatio {
    /// None where ratios have a meaning.
    pub(super) fn of(activity: &Activity, baseline_skip_ms: f64) -> Result<Option<NoRatio>> {
        let rates = trial_rates(activity, &baseline(activity, baseline_skip_ms)?);
        let mut is_negative = vec![false; activity.units()];
        // Without an early exit this runs on vectors; which unit it is matters only once there is one.
        if activity.rates.fold(false, |any, rate| any | (*rate < 0.0)) {
            for row in activity.rates.rows() {
                is_negative.iter_mut().zip(row).for_each(|(any, rate)| *any |= *rate < 0.0);
            }
        }
        let mut lacks = vec![false; activity.units()];
        for trials in activity.trials_by_location().iter().filter(|trials| !trials.is_empty()) {
            let at: Array2<f32> = rates.select(Axis(0), trials);
            let sums = at.sum_axis(Axis(0));
            lacks.iter_mut().zip(sums).for_each(|(any, sum)| *any |= sum <= 0.0);
        }
        let count = |flags: &[bool]| flags.iter().filter(|flag| **flag).count();
        let found = NoRatio { negative: count(&is_negative), without_baseline: count(&lacks), units: activity.units() };
        Ok((found.negative + found.without_baseline > 0).then_some(found))
    }
}

impl fmt::Display for NoRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, count) = match self.negative {
            0 => ("have a baseline of zero at some location", self.without_baseline),
            count => ("have negative rates", count),
        };
        write!(f, "{count} of {} units {verb}, for which a ratio to the baseline has no meaning", self.units)
    }
}

/// The column that tells of rates that are not the published ratios; none of these.
pub(super) fn column(normalisation: Option<Normalisation>, rows: usize) -> Option<polars::prelude::Column> {
    let told = normalisation.filter(|found| !matches!(found, Normalisation::Ratio | Normalisation::Automatic))?;
    Some(polars::prelude::Column::new("normalisation".into(), vec![told.name(); rows]))
}

/// What the activities of an average have in common.
///
/// # Errors
/// If one more is not on the scale of those before.
pub(super) fn shared(known: &mut Option<Normalisation>, found: Normalisation) -> Result<()> {
    match known {
        Some(known) if *known != found => Err(Error::argument(
            format!("these rates are {found}s, those added before {known}s").replace("absolutes", "absolute"),
            "say one `normalisation` for all of them: absolute, or difference",
        )),
        _ => {
            *known = Some(found);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;
    use crate::tasks::Epoch;

    fn activity(rates: Array3<f32>) -> Activity {
        Activity::new(rates, vec![0, 0, 1, 1], 2, 20.0)
            .unwrap()
            .with_epochs(vec![(Epoch::Fix1, 0..2), (Epoch::Stim1, 2..4)])
            .unwrap()
    }

    #[test]
    fn ratios_are_taken_where_they_have_a_meaning() {
        let rates = Array3::from_elem((4, 4, 3), 2.0);
        let of = |rates: &Array3<f32>| Normalisation::Automatic.of(&activity(rates.clone()), 0.0).unwrap();
        assert_eq!(of(&rates), Normalisation::Ratio);
        let mut silent = rates.clone();
        // Zero in the baseline of both trials at location 1.
        silent.slice_mut(ndarray::s![0..2, 2.., 1]).fill(0.0);
        assert_eq!(of(&silent), Normalisation::Absolute);
        let why = NoRatio::of(&activity(silent.clone()), 0.0).unwrap().unwrap().to_string();
        assert!(why.starts_with("1 of 3 units have a baseline of zero"), "{why}");
        silent[[0, 2, 1]] = 0.1;
        assert_eq!(of(&silent), Normalisation::Ratio, "a mean above zero is enough");
        let mut negative = rates;
        negative[[3, 3, 2]] = -0.1;
        assert_eq!(of(&negative), Normalisation::Absolute);
        let why = NoRatio::of(&activity(negative.clone()), 0.0).unwrap().unwrap().to_string();
        assert!(why.contains("1 of 3 units have negative rates"), "{why}");
        for given in [Normalisation::Ratio, Normalisation::Difference] {
            assert_eq!(given.of(&activity(negative.clone()), 0.0).unwrap(), given);
        }
    }

    #[test]
    fn each_way_is_what_it_says_and_names_read_back() {
        assert_eq!(Normalisation::Ratio.apply(6.0, 2.0), Some(2.0));
        assert_eq!(Normalisation::Ratio.apply(6.0, 0.0), None);
        assert_eq!(Normalisation::Ratio.apply(6.0, -2.0), None);
        assert_eq!(Normalisation::Difference.apply(6.0, -2.0), Some(8.0));
        assert_eq!(Normalisation::Absolute.apply(6.0, -2.0), Some(6.0));
        for value in Normalisation::ALL {
            assert_eq!(value.to_string().parse::<Normalisation>().unwrap(), value);
        }
        assert_eq!("yes".parse::<Normalisation>().unwrap(), Normalisation::Ratio);
        let message = "maybe".parse::<Normalisation>().unwrap_err().to_string();
        assert!(message.contains("auto, ratio, difference, absolute"), "{message}");
    }

    #[test]
    fn one_average_has_one_scale() {
        let mut known = None;
        shared(&mut known, Normalisation::Ratio).unwrap();
        shared(&mut known, Normalisation::Ratio).unwrap();
        let message = shared(&mut known, Normalisation::Absolute).unwrap_err().to_string();
        assert!(message.contains("these rates are absolute, those added before ratios"), "{message}");
    }
}

//! Which units respond, and which of them are tuned to the stimulus location.
//!
//! Two tests stand side by side. The **published** one is that of the paper. It divides the rates of a location by the
//! baseline measured at that location, so all repeats of a location share one noisy divisor and chance differences
//! between locations look like tuning; its gate, 'a response at one location of eight', is passed by one untuned unit
//! in three. The **unbiased** one compares absolute rates, corrects the gate for the number of locations, and bounds
//! the share of false discoveries among the units that it calls selective.

mod table;
mod trials;

use ndarray::{Array1, Axis};
use polars::frame::DataFrame;

use crate::activity::{Activity, MOST_LOCATIONS};
use crate::analysis::Normalisation;
use crate::analysis::rates::{baseline, mean_of_rows, trial_rates};
use crate::error::{Error, Result};
use crate::statistics::{NotTested, benjamini_hochberg};
use crate::tasks::{Epoch, Rule};
use crate::training::Run;

use trials::Trials;

/// How a unit's response to its locations relates to its baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Selective, and at or above the baseline at every location.
    Excited,
    /// Selective, and below the baseline at every location.
    Inhibited,
    /// Selective, above the baseline at some locations and below it at others.
    Mixed,
    /// Not selective: `none` in tables.
    NotSelective,
}

/// Which of the two tests decides whether a unit is selective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SelectivityTest {
    /// The paper's.
    #[default]
    Published,
    /// On absolute rates, with a corrected gate and a bounded false-discovery rate.
    Unbiased,
}

/// Gives an enum its names in tables and on the command line.
macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident => $name:literal),*) => {
        impl $type {
            #[doc = concat!("Every ", $what, ".")]
            pub const ALL: &[$type] = &[$($type::$variant),*];

            /// The name used in tables and on the command line.
            pub fn name(self) -> &'static str {
                match self { $($type::$variant => $name),* }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = Error;

            fn from_str(name: &str) -> Result<Self> {
                let found = $type::ALL.iter().copied().find(|value| value.name() == name);
                found.ok_or_else(|| Error::unknown_name($what, name, $type::ALL))
            }
        }
    };
}
named!(Kind, "kind of unit", Excited => "excited", Inhibited => "inhibited", Mixed => "mixed", NotSelective => "none");
named!(SelectivityTest, "test of selectivity", Published => "published", Unbiased => "unbiased");

/// How selectivity is tested. The default is as published.
#[derive(Clone, Debug, PartialEq)]
pub struct SelectivityOptions {
    /// Whether the published test works on rates relative to the baseline of their location, as the paper does, or on
    /// absolute rates, which is what baselines need that are not above zero. Decides the preferred location too.
    pub normalisation: Normalisation,
    /// ms at the start of fix1 that are left out of the baseline, for the gate and for the division. The paper leaves
    /// out nothing; the start-up transient of a network takes about 100 ms.
    pub baseline_skip_ms: f64,
    /// Level of the analysis of variance over locations in the published test.
    pub level: f64,
    /// Level of the gate, the paired t-tests of fix1 against stim1.
    pub gate_level: f64,
    /// A unit is active only if its mean absolute rate is farther from 0 than this at some location.
    pub active_rate: f64,
    /// The share of false discoveries that the unbiased test accepts among the units that it calls selective.
    pub false_discovery_rate: f64,
}

impl Default for SelectivityOptions {
    fn default() -> Self {
        SelectivityOptions {
            normalisation: Normalisation::Automatic,
            baseline_skip_ms: 0.0,
            level: 0.05,
            gate_level: 0.05,
            active_rate: 1e-3,
            false_discovery_rate: 0.05,
        }
    }
}

/// What the tests say of one unit.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitSelectivity {
    /// The unit.
    pub unit: usize,
    /// Its rate exceeds the threshold and it responds to the stimulus at one location at least.
    pub active: bool,
    /// Active, and the published test finds its rates to differ between locations.
    pub selective: bool,
    /// Its kind by the published test.
    pub kind: Kind,
    /// The published test's probability; none where it has no answer.
    pub p_value: Option<f64>,
    /// Why there is no `p_value`.
    pub not_tested: Option<NotTested>,
    /// Selective by the unbiased test.
    pub unbiased_selective: bool,
    /// The unbiased test's probability; none where it has no answer.
    pub unbiased_p_value: Option<f64>,
    /// The smallest false-discovery rate at which the unit counts as tuned, over all units of the checkpoint.
    pub unbiased_q_value: Option<f64>,
    /// How its rates relate to the baseline, selective or not: the sign of rate − baseline at each location. Never
    /// [`Kind::NotSelective`].
    pub response: Kind,
    /// The location of the largest mean rate, relative or absolute as the published test was made.
    pub preferred_location: usize,
    /// Mean rate of the epoch at each location relative to its baseline: rate / baseline − 1, or rate − baseline where
    /// the tests were not made on ratios. None where a ratio has no meaning or the location has no trial.
    pub rates: Vec<Option<f64>>,
    /// Mean absolute rate of the epoch at each location; none where the location has no trial.
    pub absolute: Vec<Option<f64>>,
}

impl UnitSelectivity {
    /// Whether the unit is selective by this test.
    pub fn is_selective(&self, test: SelectivityTest) -> bool {
        match test {
            SelectivityTest::Published => self.selective,
            SelectivityTest::Unbiased => self.unbiased_selective,
        }
    }

    /// Why the published test has no p-value, in words; none where it has.
    pub fn why_not_tested(&self) -> Option<String> {
        self.not_tested.map(|reason| reason.to_string())
    }

    /// The unit's kind, [`Kind::NotSelective`] if this test does not call it selective.
    pub fn kind(&self, test: SelectivityTest) -> Kind {
        match test {
            SelectivityTest::Published => self.kind,
            SelectivityTest::Unbiased if self.unbiased_selective => self.response,
            SelectivityTest::Unbiased => Kind::NotSelective,
        }
    }

    /// The location of the unit's largest mean rate, for this test: [`UnitSelectivity::preferred_location`] for the
    /// published one, that of the largest absolute rate for the unbiased one.
    pub fn preferred(&self, test: SelectivityTest) -> usize {
        match test {
            SelectivityTest::Published => self.preferred_location,
            SelectivityTest::Unbiased => largest(&self.absolute).unwrap_or(self.preferred_location),
        }
    }
}

impl Kind {
    /// The kind of a selective unit whose rates are these, relative to the baseline.
    fn of_response(relative: impl IntoIterator<Item = f64>) -> Kind {
        let (mut below, mut above) = (false, false);
        for rate in relative {
            below |= rate < 0.0;
            above |= rate >= 0.0;
        }
        match (below, above) {
            (true, true) => Kind::Mixed,
            (true, false) => Kind::Inhibited,
            (false, _) => Kind::Excited,
        }
    }
}

/// The selectivity of every unit of a population in one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct Selectivity {
    /// The checkpoint, as [`Activity::trials_trained`].
    pub trials_trained: Option<u64>,
    /// The rule of the trials, if they have one.
    pub rule: Option<Rule>,
    /// The epoch whose rates are tested.
    pub epoch: Epoch,
    /// Number of locations.
    pub location_count: usize,
    /// What the published test was made on; never [`Normalisation::Automatic`].
    pub normalisation: Normalisation,
    /// The units, in order.
    pub units: Vec<UnitSelectivity>,
}

/// The selectivity of every unit in one epoch, tested as published and without bias, as a table.
///
/// Columns: trials_trained, rule, epoch, unit; by the published test active, selective, kind (excited, inhibited,
/// mixed, none), p_value and not_tested, why that is null (the repeats are identical, say, or the baseline is zero
/// where a ratio to it was asked for); by the unbiased one unbiased_selective, unbiased_p_value and unbiased_q_value;
/// response, the kind that the unit has or would have if it were selective; normalisation, what the published test was
/// made on (ratio, difference, absolute); preferred_location; rate_0 … the mean rate of the epoch at each location
/// relative to the baseline (as a ratio where normalisation says so, else as a difference), and absolute_0 … the mean
/// rate itself. See [`Selectivity::of`] for the tests and for other options than the published ones, and
/// [`Normalisation`] for the rule.
///
/// ```
/// use maturation::activity::Activity;
/// use maturation::analysis::selectivity;
/// use maturation::tasks::Epoch;
/// use ndarray::Array3;
///
/// // 8 locations × 4 repeats; unit 1 responds to location 3, unit 0 to none.
/// let locations: Vec<usize> = (0..32).map(|trial| trial / 4).collect();
/// let rates = Array3::from_shape_fn((40, 32, 2), |(step, trial, unit)| {
///     let jitter = 0.01 * ((step * 7 + trial * 13 + unit * 5) % 11) as f32;
///     let response = if unit == 1 && step >= 20 && trial / 4 == 3 { 2.0 } else { 0.0 };
///     1.0 + jitter + response
/// });
/// let activity = Activity::new(rates, locations, 8, 20.0)?
///     .with_epochs_in_ms(&[(Epoch::Fix1, 0.0..400.0), (Epoch::Stim1, 400.0..800.0)])?;
///
/// let units = selectivity(&activity, Epoch::Stim1)?;
/// assert_eq!(units.column("unbiased_selective")?.bool()?.get(0), Some(false));
/// assert_eq!(units.column("unbiased_selective")?.bool()?.get(1), Some(true));
/// assert_eq!(units.column("preferred_location")?.u32()?.get(1), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the activity has no fix1, stim1 or the epoch.
pub fn selectivity(activity: &Activity, epoch: Epoch) -> Result<DataFrame> {
    Selectivity::of(activity, epoch, &SelectivityOptions::default())?.table()
}

impl Selectivity {
    /// Whether the parts fit together: what the analyses rely on, since the fields are open to everyone.
    pub(crate) fn check(&self) -> Result<()> {
        let locations = self.location_count;
        if !(1..=MOST_LOCATIONS).contains(&locations) {
            return Err(Error::argument(
                format!("the selectivity is of a ring of {locations} locations"),
                format!("a ring has from 1 to {MOST_LOCATIONS}"),
            ));
        }
        for unit in &self.units {
            let (number, preferred) = (unit.unit, unit.preferred_location);
            if preferred >= locations {
                return Err(Error::argument(
                    format!("unit {number} prefers location {preferred}"),
                    format!("the ring has {locations} locations, counted from 0"),
                ));
            }
            if unit.rates.len() != locations || unit.absolute.len() != locations {
                let (relative, absolute) = (unit.rates.len(), unit.absolute.len());
                return Err(Error::argument(
                    format!("unit {number} has {relative} relative and {absolute} absolute rates"),
                    format!("give one of each at each of the {locations} locations"),
                ));
            }
        }
        Ok(())
    }

    /// Tests every unit in `epoch`.
    ///
    /// A unit is **active** if its mean rate is farther from 0 than `active_rate` at some location and a paired t-test
    /// of the fix1 and stim1 rates of the trials has p ≤ `gate_level` at some location.
    ///
    /// The published test calls an active unit **selective** if a one-way analysis of variance of its rates over
    /// locations has p ≤ `level`.
    ///
    /// The unbiased test is an analysis of variance of the absolute rates. Its p-values over all tested units become
    /// q-values (Benjamini and Hochberg). A unit is selective by it if q ≤ `false_discovery_rate` and it passes the
    /// gate after Bonferroni's correction: the smallest p of the paired t-tests, times their number, is ≤ `gate_level`.
    /// (For the question 'does any location respond' the more elaborate correction of Holm gives the same answer.)
    ///
    /// # Errors
    /// If the activity has no fix1, stim1 or `epoch`, or an option is impossible.
    pub fn of(activity: &Activity, epoch: Epoch, options: &SelectivityOptions) -> Result<Selectivity> {
        activity.check()?;
        options.check()?;
        let normalisation = options.normalisation.of(activity, options.baseline_skip_ms)?;
        let options = &SelectivityOptions { normalisation, ..options.clone() };
        let baseline_rates = trial_rates(activity, &baseline(activity, options.baseline_skip_ms)?);
        let stimulus = trial_rates(activity, &activity.epoch(Epoch::Stim1)?);
        let response = match epoch {
            Epoch::Stim1 => None,
            _ => Some(trial_rates(activity, &activity.epoch(epoch)?)),
        };
        let trials_by_location = activity.trials_by_location();
        let baselines: Vec<Array1<f32>> = trials_by_location
            .iter()
            .map(|trials| {
                let mut mean = Array1::zeros(activity.units());
                mean_of_rows(baseline_rates.select(Axis(0), trials).view(), mean.view_mut());
                mean
            })
            .collect();
        let mut units: Vec<UnitSelectivity> = (0..activity.units())
            .map(|unit| {
                let trials = Trials {
                    by_location: &trials_by_location,
                    mean_baseline: baselines.iter().map(|baseline| baseline[unit]).collect(),
                    baseline: baseline_rates.column(unit),
                    stimulus: stimulus.column(unit),
                    response: response.as_ref().unwrap_or(&stimulus).column(unit),
                };
                trials.test(unit, options)
            })
            .collect();

        let p_values: Vec<Option<f64>> = units.iter().map(|unit| unit.unbiased_p_value).collect();
        for (unit, q_value) in units.iter_mut().zip(benjamini_hochberg(&p_values)) {
            unit.unbiased_q_value = q_value;
            unit.unbiased_selective &= q_value.is_some_and(|q_value| q_value <= options.false_discovery_rate);
        }
        Ok(Selectivity {
            trials_trained: activity.trials_trained,
            rule: activity.rule,
            epoch,
            location_count: activity.location_count,
            normalisation,
            units,
        })
    }
}

impl SelectivityOptions {
    /// The same for a run: [`Normalisation::of_run`] once for all of its checkpoints.
    pub(crate) fn of_run(&self, run: &Run) -> SelectivityOptions {
        SelectivityOptions { normalisation: self.normalisation.of_run(run), ..self.clone() }
    }

    fn check(&self) -> Result<()> {
        let shares = [
            ("level", self.level),
            ("gate_level", self.gate_level),
            ("false_discovery_rate", self.false_discovery_rate),
        ];
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::argument(format!("`{name}` is {value}"), "give a number from 0 to 1"));
            }
        }
        if !self.active_rate.is_finite() {
            return Err(Error::argument(format!("`active_rate` is {}", self.active_rate), "give a finite rate"));
        }
        Ok(())
    }
}

/// The first index of the largest value.
fn largest(values: &[Option<f64>]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (index, value) in values.iter().enumerate() {
        if let Some(value) = value
            && best.is_none_or(|(_, known)| *value > known)
        {
            best = Some((index, *value));
        }
    }
    best.map(|(index, _)| index)
}

#[cfg(test)]
mod tests;

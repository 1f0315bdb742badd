//! Whether units prefer the same location in two epochs, of one rule or of two.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use polars::prelude::*;

use crate::analysis::survey::{Asked, Need, Survey};
use crate::analysis::{Population, Selectivity, UnitSelectivity};
use crate::error::{Error, Result};
use crate::readout::ReadoutOptions;
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection};

/// An epoch of a rule, written `RULE:EPOCH`.
///
/// ```
/// use maturation::analysis::RuleEpoch;
/// use maturation::prelude::*;
///
/// let cue: RuleEpoch = "odr:stim1".parse()?;
/// assert_eq!(cue, RuleEpoch { rule: Rule::ODR, epoch: Epoch::Stim1 });
/// assert!("odr:delay2".parse::<RuleEpoch>().is_err());
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleEpoch {
    /// The rule.
    pub rule: Rule,
    /// One of its epochs.
    pub epoch: Epoch,
}

impl fmt::Display for RuleEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}:{}", self.rule, self.epoch))
    }
}

impl FromStr for RuleEpoch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (rule, epoch) = text.split_once(':').ok_or_else(|| {
            Error::argument(format!("`{text}` is not an epoch of a rule"), "write RULE:EPOCH, for example odr:stim1")
        })?;
        let (rule, epoch): (Rule, Epoch) = (rule.parse()?, epoch.parse()?);
        if !rule.epochs().contains(&epoch) {
            return Err(Error::unknown_name("epoch of this rule", epoch.name(), rule.epochs()));
        }
        Ok(RuleEpoch { rule, epoch })
    }
}

/// How many units of a population agree on their preferred location in two epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Units that are selective in the first epoch.
    pub first: usize,
    /// Units that are selective in the second epoch.
    pub second: usize,
    /// Units that are selective in both.
    pub both: usize,
    /// Of these, units with one preferred location.
    pub same: usize,
    /// Of these, units with two different preferred locations.
    pub different: usize,
}

impl Agreement {
    /// Compares the units that `population` takes in each of two epochs.
    ///
    /// # Errors
    /// If the two are not of the same units and locations.
    pub fn of(first: &Selectivity, second: &Selectivity, population: &Population) -> Result<Agreement> {
        first.check()?;
        second.check()?;
        let numbers = |found: &Selectivity| found.units.iter().map(|unit| unit.unit).collect::<Vec<_>>();
        if first.location_count != second.location_count || numbers(first) != numbers(second) {
            return Err(Error::argument(
                format!(
                    "{} units at {} locations cannot be compared with {} units at {}",
                    first.units.len(),
                    first.location_count,
                    second.units.len(),
                    second.location_count
                ),
                "compare two epochs of one population",
            ));
        }
        let counts = |unit: &&UnitSelectivity| population.takes(unit);
        let preferred: BTreeMap<usize, usize> =
            first.units.iter().filter(counts).map(|unit| (unit.unit, unit.preferred(population.test))).collect();
        let mut found = Agreement { first: preferred.len(), ..Agreement::default() };
        for unit in second.units.iter().filter(counts) {
            found.second += 1;
            if let Some(location) = preferred.get(&unit.unit) {
                found.both += 1;
                if *location == unit.preferred(population.test) {
                    found.same += 1;
                } else {
                    found.different += 1;
                }
            }
        }
        Ok(found)
    }
}

/// Whether units that are selective in two epochs prefer the same location in both, at each of a run's checkpoints.
///
/// Columns: trials_trained; first and second, the epochs as `RULE:EPOCH`; first_selective and second_selective, the
/// numbers of units that are selective in each; both, the number selective in both; same and different, the numbers of
/// these that prefer one location or two; first_stage and second_stage, the stages of the two rules (null where the
/// log has none). If preferences had nothing to do with each other, one in eight would be the same.
///
/// ```
/// use maturation::analysis::agreement;
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let (odr, odrd) = ("odr:stim1".parse()?, "odrd:stim1".parse()?);
/// let (units, readout) = (Population::default(), ReadoutOptions::default());
/// let table = agreement(&run, Selection::Last, odr, odrd, &units, &readout)?;
/// assert_eq!(table.height(), 1);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, a rule is not in the network's ruleset or has no such epoch, or an option is
/// impossible. [`Selection::Stage`] is of the first rule.
pub fn agreement(
    run: &Run,
    checkpoints: impl Into<Selection>,
    first: RuleEpoch,
    second: RuleEpoch,
    population: &Population,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let units = Survey::alone(run, readout, |survey| survey.agreement(checkpoints, first, second, population))?;
    units.table(run)
}

/// What was found of the two epochs, checkpoint by checkpoint.
pub(crate) struct Agreements {
    epochs: [RuleEpoch; 2],
    trials: Vec<u64>,
    rows: Vec<Agreement>,
}

impl Survey<'_> {
    /// Asks for what [`agreement`] makes its table of.
    pub(crate) fn agreement(
        &mut self,
        checkpoints: impl Into<Selection>,
        first: RuleEpoch,
        second: RuleEpoch,
        population: &Population,
    ) -> Result<Asked<Agreements>> {
        let population = population.of_run(self.run());
        let nothing = Agreements { epochs: [first, second], trials: Vec::new(), rows: Vec::new() };
        let needs = [first, second].map(|of| Need::Activity(of.rule));
        self.ask((checkpoints, first.rule), needs, nothing, move |found, seen| {
            let units = |of: RuleEpoch| seen.selectivity(of.rule, of.epoch, &population.selectivity);
            let (units, others) = (units(first)?, units(second)?);
            found.trials.push(seen.visited.trials_trained());
            found.rows.push(Agreement::of(&units, &others, &population)?);
            Ok(())
        })
    }
}

impl Agreements {
    /// The table of [`agreement`].
    pub(crate) fn table(&self, run: &Run) -> Result<DataFrame> {
        let Agreements { epochs: [first, second], trials, rows } = self;
        table(run, [*first, *second], trials, rows)
    }
}

fn table(run: &Run, [first, second]: [RuleEpoch; 2], trials: &[u64], rows: &[Agreement]) -> Result<DataFrame> {
    let count = |value: fn(&Agreement) -> usize| rows.iter().map(|row| value(row) as u32).collect::<Vec<_>>();
    let stages = |rule: Rule| {
        let stage = |trials: &u64| run.stage_at(rule, *trials).map(|stage| stage.name());
        trials.iter().map(stage).collect::<Vec<_>>()
    };
    df![
        "trials_trained" => trials.to_vec(),
        "first" => vec![first.to_string(); rows.len()],
        "second" => vec![second.to_string(); rows.len()],
        "first_selective" => count(|row| row.first),
        "second_selective" => count(|row| row.second),
        "both" => count(|row| row.both),
        "same" => count(|row| row.same),
        "different" => count(|row| row.different),
        "first_stage" => stages(first.rule),
        "second_stage" => stages(second.rule),
    ]
    .map_err(Error::table("making the table of preferred locations"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Kind, SelectivityOptions, SelectivityTest, golden};

    #[test]
    fn agrees_with_the_published_system() {
        let cases = golden::json("agreement");
        let mut compared = 0;
        for case in cases.as_array().unwrap() {
            let part = |key: &str, place: usize| case[key][place].as_str().unwrap().to_owned();
            for (trials, counts) in case["trials"].as_array().unwrap().iter().zip(case["counts"].as_array().unwrap()) {
                let of = |key: &str| {
                    let activity = golden::activity(&part(key, 0), trials.as_u64().unwrap());
                    Selectivity::of(&activity, part(key, 1).parse().unwrap(), &SelectivityOptions::default()).unwrap()
                };
                let found = Agreement::of(&of("first"), &of("second"), &Population::default()).unwrap();
                let found = [found.first, found.second, found.both, found.same, found.different];
                assert_eq!(serde_json::json!(found), *counts, "{case}");
                compared += 1;
            }
        }
        assert_eq!(compared, 6);
    }

    #[test]
    fn kinds_and_the_test_decide_which_units_count() {
        let activity = golden::activity("gap", 716800);
        let units = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
        let count = |population: &Population| Agreement::of(&units, &units, population).unwrap();
        let published = count(&Population::default());
        assert_eq!((published.both, published.different), (published.first, 0));
        let none = count(&Population { kinds: vec![], ..Population::default() });
        assert_eq!(none, Agreement::default());
        let unbiased = Population { kinds: Kind::ALL.to_vec(), ..Population::by(SelectivityTest::Unbiased) };
        assert_eq!(count(&unbiased).first, 20, "every unit is of some kind, `none` included");
    }

    #[test]
    fn two_populations_are_refused() {
        let units = |activity| Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
        let gap = units(golden::activity("gap", 716800));
        let synthetic = units(golden::synthetic());
        let message = Agreement::of(&gap, &synthetic, &Population::default()).unwrap_err().to_string();
        assert!(message.contains("20 units") && message.contains("one population"), "{message}");
    }

    #[test]
    fn epochs_of_rules_read_back() {
        let written = "odrd:delay2".parse::<RuleEpoch>().unwrap();
        assert_eq!(written.to_string(), "odrd:delay2");
        for (text, word) in [("odr", "RULE:EPOCH"), ("odr:cue", "stim1"), ("ord:stim1", "odrd"), ("gap:delay2", "go1")]
        {
            let message = text.parse::<RuleEpoch>().unwrap_err().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}

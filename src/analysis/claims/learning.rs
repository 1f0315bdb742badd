//! When each rule is learned (Fig. S7).

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::ByStage;
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{Evidence, Verdict};
use crate::error::Result;
use crate::tables::{Columns, thousands};
use crate::tasks::Rule;
use crate::training::{Run, Stage};

/// A rule is learned once its performance, averaged over a few evaluations, is above this.
const LEARNED: f64 = 0.9;

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.performance {
        Some(table) => Ok(learning(table)?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// When each rule is learned.
fn learning(table: &DataFrame) -> Result<Option<Claim>> {
    let columns = Columns::of(table, "the table of performance growth");
    let (trials, rules) = (columns.counts("trials_trained")?, columns.names("rule")?);
    let smoothed = columns.numbers("smoothed")?;
    let learned = |rule: Rule| {
        let row = (0..rules.len()).find(|row| rules[*row] == rule.name() && smoothed[*row] > LEARNED);
        row.map(|row| trials[row])
    };
    let trained = |rule: &Rule| rules.iter().any(|name| name == rule.name());
    let anti: Vec<Rule> =
        [Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::GAP500].into_iter().filter(trained).collect();
    let memory: Vec<Rule> = [Rule::ODR, Rule::ODRD].into_iter().filter(trained).collect();
    if anti.is_empty() || memory.is_empty() {
        return Ok(None);
    }
    let text = |rule: &Rule| match learned(*rule) {
        Some(trials) => format!("{rule} after {}", thousands(trials)),
        None => format!("{rule} never"),
    };
    let found: Vec<String> = anti.iter().chain(&memory).map(text).collect();
    let last_anti = anti.iter().map(|rule| learned(*rule)).collect::<Option<Vec<_>>>();
    let last_anti = last_anti.and_then(|trials| trials.into_iter().max());
    let first_memory = memory.iter().filter_map(|rule| learned(*rule)).min();
    let verdict = match (last_anti, first_memory) {
        (Some(anti), Some(memory)) if anti < memory => {
            (Verdict::Agrees, "every anti-saccade rule comes before both".to_owned())
        }
        (_, Some(_)) => (Verdict::Differs, "an anti-saccade rule comes later".to_owned()),
        (_, None) => (Verdict::CannotBeShown, "the memory rules were not learned".to_owned()),
    };
    let ratio = last_anti.zip(first_memory).map(|(anti, memory)| memory as f64 / anti as f64);
    let claim = Claim::other(
        ("Anti-saccades are learned long before memory", "Fig. S7", "trials until performance is above 0.9"),
        "anti-saccade rules about 65,000–78,000, odr about 603,000, of 628,480",
        found.join(", "),
        verdict,
    );
    Ok(Some(claim.with_effect("trials to the first memory rule ÷ to the last anti-saccade rule", ratio, None)))
}

/// How long each rule takes to reach each stage, how good it is in the end, and how long the run is.
pub(super) fn measures(evidence: &Evidence, run: &Run) -> Result<Vec<Measured>> {
    let Some(table) = &evidence.performance else { return Ok(Vec::new()) };
    let columns = Columns::of(table, "the table of performance growth");
    let (trials, rules) = (columns.counts("trials_trained")?, columns.names("rule")?);
    let smoothed = columns.numbers("smoothed")?;
    let hyperparameters = run.hyperparameters();
    let targets = [
        (Stage::Early, hyperparameters.early_target_perf),
        (Stage::Mid, hyperparameters.mid_target_perf),
        (Stage::Mature, hyperparameters.mature_target_perf),
    ];
    let longest = trials.iter().max().map(|trials| *trials as f64);
    let mut found = vec![Measured::of_run("trials_trained", None, "trials", longest)];
    for rule in &hyperparameters.rule_trains {
        let rows = || (0..rules.len()).filter(|row| rules[*row] == rule.name());
        let reached = targets.into_iter().filter_map(|(stage, target)| {
            rows().find(|row| smoothed[*row] > target).map(|row| (stage, trials[row] as f64, 0))
        });
        found.push(Measured::by_stage("trials_to", *rule, "trials", ByStage::of(reached)));
        let last = rows().next_back().map(|row| smoothed[row]).filter(|performance| performance.is_finite());
        found.push(Measured::of_run("final_performance", Some(*rule), "share of trials right", last));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn the_order_of_learning_is_that_of_the_first_time_above_the_limit() {
        let learned = |gap: [f64; 3], odr: [f64; 3]| {
            let table = df![
                "trials_trained" => [0_u64, 64000, 1280000, 0, 64000, 1280000],
                "rule" => ["gap", "gap", "gap", "odr", "odr", "odr"],
                "smoothed" => [gap, odr].concat(),
            ];
            learning(&table.unwrap()).unwrap().unwrap()
        };
        let found = learned([0.2, 0.95, 0.8], [0.2, 0.2, 0.95]);
        assert_eq!((found.verdict, found.found.as_str()), (Verdict::Agrees, "gap after 64,000, odr after 1,280,000"));
        assert_eq!(learned([0.2, 0.2, 0.95], [0.2, 0.95, 0.95]).verdict, Verdict::Differs);
        assert_eq!(learned([0.2, 0.2, 0.5], [0.2, 0.95, 0.95]).verdict, Verdict::Differs);
        let found = learned([0.2, 0.95, 0.95], [0.2; 3]);
        assert_eq!((found.verdict, found.found.contains("odr never")), (Verdict::CannotBeShown, true));
        let one = df!["trials_trained" => [0_u64], "rule" => ["gap"], "smoothed" => [0.2]].unwrap();
        assert!(learning(&one).unwrap().is_none());
    }
}

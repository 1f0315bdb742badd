//! Delay activity in odr (Fig. S2B).

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::{ByStage, stages};
use crate::analysis::claims::claim::{Claim, DELAY, UNBIASED, beside};
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{DelayedUnits, Evidence};
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule};

/// Judges the units of the published test.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.delayed {
        Some([published, _]) => delayed(published),
        None => Ok(Vec::new()),
    }
}

/// Judges the units of the unbiased test beside them.
pub(super) fn judge_unbiased(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.delayed {
        Some(of_tests) => Ok(vec![delayed_by_unbiased_test(of_tests)?]),
        None => Ok(Vec::new()),
    }
}

/// Delay activity of the units that each test selects in the cue and in the delay.
pub(super) fn measures(evidence: &Evidence, in_rates: &'static str) -> Result<Vec<Measured>> {
    let mut found = Vec::new();
    for units in evidence.delayed.iter().flatten() {
        for (epoch, table) in
            [(Epoch::Stim1, &units.growth_of_stim1_units), (Epoch::Delay1, &units.growth_of_delay1_units)]
        {
            let columns = Columns::of(table, "the table of epoch growth");
            let counts = ByStage::means(stages(&columns, "stage")?.into_iter().zip(columns.numbers("units")?));
            let measured = Measured::by_stage("delay_activity", Rule::ODR, in_rates, growth(table)?);
            found.push(measured.of_units(epoch, units.test, counts));
        }
    }
    Ok(found)
}

/// What the units of the published test do in rule odr.
fn delayed(units: &DelayedUnits) -> Result<Vec<Claim>> {
    let of_stim1 = growth(&units.growth_of_stim1_units)?;
    let of_delay1 = growth(&units.growth_of_delay1_units)?;
    Ok(vec![
        Claim::by_stage(
            (DELAY, "Fig. S2B", "delay1 of odr, units selective in stim1, as the published figure has them"),
            "early 0.25–0.5, mid 0.5–1.3, mature 0.65–1.8",
            (of_stim1, 2),
            of_stim1.rises(),
        )
        .of_units("delay_activity", Rule::ODR, Epoch::Stim1, units.test),
        Claim::by_stage(
            (DELAY, "Fig. S2B, its title", "delay1 of odr, units selective in delay1"),
            "none of these units",
            (of_delay1, 2),
            of_delay1.rises(),
        )
        .of_units("delay_activity", Rule::ODR, Epoch::Delay1, units.test),
    ])
}

/// Whether delay activity grows for the units that the unbiased test keeps.
fn delayed_by_unbiased_test([published, unbiased]: &[DelayedUnits; 2]) -> Result<Claim> {
    let test = unbiased.test;
    let [published, found] = [growth(&published.growth_of_delay1_units)?, growth(&unbiased.growth_of_delay1_units)?];
    let about = (UNBIASED.0, UNBIASED.1, "delay1 of odr, units selective in delay1");
    let claim = Claim::by_stage(about, &beside(&published), (found, 2), found.rises());
    Ok(claim.of_units("delay_activity", Rule::ODR, Epoch::Delay1, test))
}

fn growth(table: &DataFrame) -> Result<ByStage> {
    let columns = Columns::of(table, "the table of epoch growth");
    let activity = columns.numbers("activity")?;
    Ok(ByStage::means(stages(&columns, "stage")?.into_iter().zip(activity)))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::analysis::SelectivityTest;
    use crate::analysis::claims::Verdict;
    use crate::training::Stage;

    /// Units of both tests, whose delay activity is this at each stage.
    fn judged(published: [f64; 3], unbiased: [f64; 3]) -> Vec<Claim> {
        let units = |test, values: [f64; 3]| {
            let growth = df!["stage" => Stage::ALL.map(Stage::name), "activity" => values].unwrap();
            DelayedUnits { test, growth_of_stim1_units: growth.clone(), growth_of_delay1_units: growth }
        };
        let delayed = Some([units(SelectivityTest::Published, published), units(SelectivityTest::Unbiased, unbiased)]);
        let evidence = Evidence { delayed, ..Evidence::default() };
        [judge(&evidence, 20.0).unwrap(), judge_unbiased(&evidence, 20.0).unwrap()].concat()
    }

    #[test]
    fn units_are_judged_by_both_tests() {
        let (rising, falling) = ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]);
        let claims = judged(rising, rising);
        assert_eq!(claims.len(), 2 + 1);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees), "{claims:?}");
        assert!(claims.iter().all(|claim| claim.measure.contains("of odr,")));
        let claims = judged(rising, falling);
        let verdicts: Vec<Verdict> = claims.iter().map(|claim| claim.verdict).collect();
        assert_eq!(verdicts, [Verdict::Agrees, Verdict::Agrees, Verdict::Differs]);
        assert!(claims[2].published.contains("early 1.00, mid 2.00, mature 3.00"));
        assert!(judged(falling, falling).iter().all(|claim| claim.verdict == Verdict::Differs));
    }
}

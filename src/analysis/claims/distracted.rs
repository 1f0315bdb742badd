//! Cue, distractor and tuning in odrd (Fig. 4E–G, S3B).

use std::ops::Range;

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::{ByStage, stages, tested};
use crate::analysis::claims::claim::{Claim, DELAY, UNBIASED, beside};
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{DistractedUnits, Evidence, Verdict};
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule, Timeline};
use crate::training::Stage;

/// Judges the units of the published test.
pub(super) fn judge(evidence: &Evidence, dt: f64) -> Result<Vec<Claim>> {
    match &evidence.distracted {
        Some([published, _]) => distracted(published, dt),
        None => Ok(Vec::new()),
    }
}

/// Judges the units of the unbiased test beside them.
pub(super) fn judge_unbiased(evidence: &Evidence, dt: f64) -> Result<Vec<Claim>> {
    match &evidence.distracted {
        Some(of_tests) => distracted_by_unbiased_test(of_tests, dt),
        None => Ok(Vec::new()),
    }
}

/// What the units that each test selects do in rule odrd.
pub(super) fn measures(evidence: &Evidence, dt: f64, in_rates: &'static str) -> Result<Vec<Measured>> {
    let mut found = Vec::new();
    for units in evidence.distracted.iter().flatten() {
        let psth = Curves::of(&units.psth, dt)?;
        let columns = Columns::of(&units.delay2, "the table of the analysis of variance");
        let of_delay2 = stages(&columns, "stage")?.into_iter().zip(columns.numbers("units")?);
        let of_delay2 = ByStage::of(of_delay2.map(|(stage, count)| (stage, count, 1)));
        let by_cue = |measure: &str, measured_in, found: ByStage| {
            Measured::by_stage(measure, Rule::ODRD, measured_in, found).of_units(Epoch::Stim1, units.test, psth.counts)
        };
        let delay2 = Measured::by_stage("delay2_activity", Rule::ODRD, in_rates, delay2(&units.delay2)?.0);
        found.extend([
            by_cue("cue_response", in_rates, psth.peak("preferred", Epoch::Stim1)),
            by_cue("response_after_distractor", in_rates, psth.peak("preferred", Epoch::Delay2)),
            by_cue("distractor_response", in_rates, psth.peak("opposite", Epoch::Distract1)),
            delay2.of_units(Epoch::Delay2, units.test, of_delay2),
            by_cue("tuning_height", in_rates, heights(units)?),
            by_cue("tuning_width", "locations", widths(units)?),
        ]);
    }
    Ok(found)
}

/// How many units there are of each kind in the two memory rules.
pub(super) fn counts(evidence: &Evidence) -> Result<Vec<Measured>> {
    let Some(table) = &evidence.unit_counts else { return Ok(Vec::new()) };
    let columns = Columns::of(table, "the table of units by kind");
    let keys = [columns.names("rule")?, columns.names("selected_in")?, columns.names("test")?, columns.names("kind")?];
    let (stages, units) = (stages(&columns, "stage")?, columns.numbers("units")?);
    let checkpoints = columns.counts("checkpoints")?;
    let key = |row: usize| keys.each_ref().map(|column| column[row].as_str());
    let mut found = Vec::new();
    let mut row = 0;
    while row < stages.len() {
        let [rule, epoch, test, kind] = key(row);
        let end = (row..stages.len()).find(|end| key(*end) != key(row)).unwrap_or(stages.len());
        let by_stage = ByStage::of((row..end).map(|row| (stages[row], units[row], checkpoints[row])));
        let measured = Measured::by_stage(&format!("units_{kind}"), rule.parse()?, "units", by_stage);
        found.push(measured.of_units(epoch.parse()?, test.parse()?, ByStage::default()));
        row = end;
    }
    Ok(found)
}

/// What the units of the published test do in rule odrd.
fn distracted(units: &DistractedUnits, dt: f64) -> Result<Vec<Claim>> {
    let psth = Curves::of(&units.psth, dt)?;
    let [cue, rebound] = [Epoch::Stim1, Epoch::Delay2].map(|epoch| psth.peak("preferred", epoch));
    let distracted = psth.peak("opposite", Epoch::Distract1);
    let (heights, widths) = (heights(units)?, widths(units)?);
    let (delay2, p_value) = delay2(&units.delay2)?;
    let (verdict, reason) = cue.rises();
    let counted = format!("{reason}; units {}, where the paper has 215, 192, 199", psth.counts.text(0));
    Ok(vec![
        Claim::by_stage(
            (DELAY, "analysis of variance", "delay2 of odrd, last checkpoint of each stage"),
            "early 1.77, mid 1.99, mature 3.38, p = 4.5e-3",
            (delay2, 2),
            tested(delay2.rises(), p_value),
        )
        .published_effect(1.61),
        Claim::by_stage(
            ("Responses to the cue grow", "Fig. 4E–G", "highest activity in stim1 of odrd"),
            "early 2.8, mid 5.1, mature 6.2",
            (cue, 2),
            (verdict, counted),
        )
        .published_effect(3.4),
        Claim::by_stage(
            ("The cue's activity comes back after the distractor", "Fig. 4E–G", "highest activity in delay2 of odrd"),
            "early −0.1, mid 1.15, mature 2.1",
            (rebound, 2),
            rebound.rises(),
        )
        .published_effect(2.2),
        Claim::by_stage(
            (
                "The distractor's own response hardly grows from mid on",
                "Fig. 4E–G",
                "highest activity in distract1, distractor at the preferred location",
            ),
            "early 2.75, mid 3.5, mature 3.3",
            (distracted, 2),
            hardly_grows(&distracted),
        )
        .with_effect("mature − mid", of(&distracted, Stage::Mid, |mature, mid| mature - mid), Some(-0.2)),
        Claim::by_stage(
            ("Tuning gets higher", "Fig. S3B", "largest − smallest rate of a unit, stim1 of odrd"),
            "early 2.0, mid 2.95, mature 3.6; p from 9.8e-10 to 2.7e-108",
            (heights, 2),
            tested(heights.rises(), largest_p_value(&units.height_tests)?),
        )
        .published_effect(1.6)
        .of_units("tuning_height", Rule::ODRD, Epoch::Stim1, units.test),
        Claim::by_stage(
            ("… but not wider", "Fig. S3B", "2 σ of the fitted Gaussian, in locations"),
            "early 1.28, mid 1.33, mature 1.34",
            (widths, 2),
            widths.stays(),
        )
        .with_effect(WIDENING, widening(&widths), Some(1.34 / 1.28)),
    ])
}

/// Whether the same holds in rule odrd of the units that the unbiased test keeps.
fn distracted_by_unbiased_test([published, unbiased]: &[DistractedUnits; 2], dt: f64) -> Result<Vec<Claim>> {
    let (psth, other) = (Curves::of(&unbiased.psth, dt)?, Curves::of(&published.psth, dt)?);
    let [cue, other_cue] = [&psth, &other].map(|curves| curves.peak("preferred", Epoch::Stim1));
    let (height, width) = (heights(unbiased)?, widths(unbiased)?);
    let (verdict, reason) = cue.rises();
    let counted = format!("{reason}; units {}, by the published test {}", psth.counts.text(0), other.counts.text(0));
    let claim = |measure, of_published: &ByStage, found: ByStage, verdict| {
        Claim::by_stage((UNBIASED.0, UNBIASED.1, measure), &beside(of_published), (found, 2), verdict)
    };
    Ok(vec![
        claim("highest activity in stim1 of odrd", &other_cue, cue, (verdict, counted)),
        claim("height of tuning", &heights(published)?, height, height.rises()).of_units(
            "tuning_height",
            Rule::ODRD,
            Epoch::Stim1,
            unbiased.test,
        ),
        claim("width of tuning", &widths(published)?, width, width.stays()).with_effect(
            WIDENING,
            widening(&width),
            None,
        ),
    ])
}

/// What the effect of a claim on widths is.
const WIDENING: &str = "mature ÷ early";

fn widening(widths: &ByStage) -> Option<f64> {
    of(widths, Stage::Early, |mature, early| mature / early)
}

/// How the mature stage relates to another, where both are known.
fn of(found: &ByStage, other: Stage, relation: impl Fn(f64, f64) -> f64) -> Option<f64> {
    Some(relation(found.values[Stage::Mature as usize]?, found.values[other as usize]?))
}

/// The activity of selected units over the trial.
struct Curves {
    rows: Vec<(Stage, String, f64, f64)>,
    /// Numbers of units.
    counts: ByStage,
    epochs: Vec<(Epoch, Range<f64>)>,
}

impl Curves {
    fn of(table: &DataFrame, dt: f64) -> Result<Curves> {
        let columns = Columns::of(table, "the table of the PSTH");
        let (stages, directions) = (stages(&columns, "stage")?, columns.names("direction")?);
        let (times, activity) = (columns.numbers("time_ms")?, columns.numbers("activity")?);
        let (units, checkpoints) = (columns.numbers("units")?, columns.counts("checkpoints")?);
        let counts = ByStage::of((0..stages.len()).map(|row| (stages[row], units[row], checkpoints[row])));
        let rows = (0..stages.len()).map(|row| (stages[row], directions[row].clone(), times[row], activity[row]));
        let in_ms = |range: Range<usize>| range.start as f64 * dt..range.end as f64 * dt;
        let epochs = Timeline::of(Rule::ODRD, dt).epochs.into_iter().map(|(epoch, range)| (epoch, in_ms(range)));
        Ok(Curves { rows: rows.collect(), counts, epochs: epochs.collect() })
    }

    /// The highest activity of each stage in an epoch.
    fn peak(&self, direction: &str, epoch: Epoch) -> ByStage {
        let Some((_, range)) = self.epochs.iter().find(|(found, _)| *found == epoch) else {
            return ByStage::default();
        };
        let of = |stage: Stage| {
            let here =
                |row: &&(Stage, String, f64, f64)| row.0 == stage && row.1 == direction && range.contains(&row.2);
            self.rows.iter().filter(here).map(|row| row.3).fold(f64::NEG_INFINITY, f64::max)
        };
        ByStage::of(Stage::ALL.map(|stage| (stage, of(stage), self.counts.checkpoints[stage as usize])))
    }
}

/// Whether the response to the distractor changes less from mid to mature than from early to mid.
fn hardly_grows(found: &ByStage) -> (Verdict, String) {
    let [Some(early), Some(mid), Some(mature)] = found.values else {
        return (Verdict::CannotBeShown, found.missing().unwrap_or_default());
    };
    let (first, second) = (mid - early, mature - mid);
    let verdict = if second.abs() < first.abs() { Verdict::Agrees } else { Verdict::Differs };
    (verdict, format!("{first:+.2} from early to mid, {second:+.2} from mid to mature"))
}

fn heights(units: &DistractedUnits) -> Result<ByStage> {
    let columns = Columns::of(&units.heights, "the table of tuning heights");
    let heights = columns.numbers("height")?;
    let (stages, trials) = (stages(&columns, "stage")?, columns.counts("trials_trained")?);
    let mut found = ByStage::means(stages.iter().copied().zip(heights));
    for stage in Stage::ALL {
        let of_stage = (0..stages.len()).filter(|row| stages[*row] == stage).map(|row| trials[row]);
        found.checkpoints[stage as usize] = of_stage.collect::<std::collections::BTreeSet<_>>().len() as u64;
    }
    Ok(found)
}

fn widths(units: &DistractedUnits) -> Result<ByStage> {
    let columns = Columns::of(&units.fits, "the table of tuning fits");
    let (stages, fits) = (stages(&columns, "stage")?, columns.names("fit")?);
    let widths = columns.numbers("width")?;
    let checkpoints = heights(units)?.checkpoints;
    let rows = (0..stages.len()).filter(|row| fits[*row] == "gaussian");
    Ok(ByStage::of(rows.map(|row| (stages[row], widths[row], checkpoints[stages[row] as usize]))))
}

/// The largest p-value of the tests that count each unit at each checkpoint, as published.
fn largest_p_value(table: &DataFrame) -> Result<Option<f64>> {
    let columns = Columns::of(table, "the table of height tests");
    let (samples, p_values) = (columns.names("samples")?, columns.numbers("p_value")?);
    let counted = samples.iter().zip(p_values).filter(|(samples, _)| *samples == "unit_checkpoints");
    Ok(counted.map(|(_, p_value)| p_value).filter(|p_value| p_value.is_finite()).reduce(f64::max))
}

/// The means of the analysis of variance, and its p-value.
fn delay2(table: &DataFrame) -> Result<(ByStage, Option<f64>)> {
    let columns = Columns::of(table, "the table of the analysis of variance");
    let (stages, means, p_values) = (stages(&columns, "stage")?, columns.numbers("mean")?, columns.numbers("p_value")?);
    let means = ByStage::of(stages.iter().zip(means).map(|(stage, mean)| (*stage, mean, 1)));
    Ok((means, p_values.first().copied().filter(|p_value| p_value.is_finite())))
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::analysis::SelectivityTest;

    /// Units whose cue response, tuning and second delay are these at each stage.
    fn distracted_units(test: SelectivityTest, values: [f64; 3], p_value: f64) -> DistractedUnits {
        let stages = || Stage::ALL.map(Stage::name);
        let thrice = |name: &'static str| [name; 3];
        let psth = df![
            "stage" => [stages(), stages(), stages()].concat(),
            "direction" => [thrice("preferred"), thrice("preferred"), thrice("opposite")].concat(),
            "time_ms" => [[1200.0; 3], [2700.0; 3], [2200.0; 3]].concat(),
            "activity" => [values, values, [2.0, 3.0, 3.2]].concat(),
            "units" => [200.0; 9],
            "checkpoints" => [3_u32; 9],
        ];
        DistractedUnits {
            test,
            psth: psth.unwrap(),
            fits: df!["stage" => stages(), "fit" => thrice("gaussian"), "width" => [1.3; 3]].unwrap(),
            heights: df!["stage" => stages(), "trials_trained" => [1_u64, 2, 3], "height" => values].unwrap(),
            height_tests: df!["samples" => ["unit_checkpoints", "units"], "p_value" => [p_value, 0.9]].unwrap(),
            delay2: df!["stage" => stages(), "mean" => values, "p_value" => [p_value; 3]].unwrap(),
        }
    }

    fn judged(published: [f64; 3], unbiased: [f64; 3], p_value: f64) -> Vec<Claim> {
        let tests = [(SelectivityTest::Published, published), (SelectivityTest::Unbiased, unbiased)];
        let distracted = Some(tests.map(|(test, values)| distracted_units(test, values, p_value)));
        let evidence = Evidence { distracted, ..Evidence::default() };
        [judge(&evidence, 20.0).unwrap(), judge_unbiased(&evidence, 20.0).unwrap()].concat()
    }

    fn verdict(claims: &[Claim], measure: &str) -> Verdict {
        claims.iter().find(|claim| claim.measure.contains(measure)).unwrap().verdict
    }

    #[test]
    fn units_are_judged_by_both_tests() {
        let (rising, falling) = ([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]);
        let claims = judged(rising, rising, 0.01);
        assert_eq!(claims.len(), 6 + 3);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees), "{claims:?}");
        let claims = judged(rising, falling, 0.01);
        assert!(claims[..6].iter().all(|claim| claim.verdict == Verdict::Agrees));
        assert!(claims[6..8].iter().all(|claim| claim.verdict == Verdict::Differs));
        assert!(claims[7].published.contains("early 1.00, mid 2.00, mature 3.00"));
        assert!(judged(falling, falling, 0.01)[..3].iter().all(|claim| claim.verdict == Verdict::Differs));
    }

    #[test]
    fn what_a_test_does_not_show_is_not_claimed() {
        let claims = judged([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], 0.2);
        assert_eq!(verdict(&claims, "delay2 of odrd, last"), Verdict::Differs);
        assert_eq!(verdict(&claims, "largest − smallest"), Verdict::Differs);
        assert_eq!(verdict(&claims, "2 σ"), Verdict::Agrees);
    }
}

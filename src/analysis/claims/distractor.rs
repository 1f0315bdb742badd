//! What a distractor does to the response, by its distance (distractor effect).

use polars::frame::DataFrame;

use crate::analysis::claims::Evidence;
use crate::analysis::claims::by_stage::{ByStage, stages};
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::measured::Measured;
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::Stage;

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.distractor {
        Some(table) => distractor(table),
        None => Ok(Vec::new()),
    }
}

/// Performance with a distractor where the stimulus was and opposite, and what the former costs against the latter.
pub(super) fn measures(evidence: &Evidence) -> Result<Vec<Measured>> {
    let Some(table) = &evidence.distractor else { return Ok(Vec::new()) };
    let [near, far] = near_and_far(table)?;
    let cost = |stage: Stage| {
        let at = |found: &ByStage| found.values[stage as usize].unwrap_or(f64::NAN);
        (stage, at(&far) - at(&near), far.checkpoints[stage as usize])
    };
    let measured = |measure: &str, found| Measured::by_stage(measure, Rule::ODRD, "share of trials right", found);
    Ok(vec![
        measured("performance_near_distractor", near),
        measured("performance_opposite_distractor", far),
        measured("distractor_cost", ByStage::of(Stage::ALL.map(cost))),
    ])
}

/// Performance at the smallest and at the largest distance of the distractor.
fn near_and_far(table: &DataFrame) -> Result<[ByStage; 2]> {
    let columns = Columns::of(table, "the table of performance with a distractor");
    let (stages, distances) = (stages(&columns, "stage")?, columns.numbers("distance_degrees")?);
    let (performance, checkpoints) = (columns.numbers("performance")?, columns.counts("checkpoints")?);
    let near = distances.iter().copied().fold(f64::INFINITY, f64::min);
    let far = distances.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Ok([near, far].map(|distance| {
        let rows = (0..stages.len()).filter(|row| distances[*row] == distance);
        ByStage::of(rows.map(|row| (stages[row], performance[row], checkpoints[row])))
    }))
}

/// What a distractor does, by its distance.
fn distractor(table: &DataFrame) -> Result<Vec<Claim>> {
    let [near, far] = near_and_far(table)?;
    let claim = |found: ByStage, measure: &str, published: &str, effect: f64| {
        let about = ("Distractors hurt less", "distractor effect", measure);
        Claim::by_stage(about, published, (found, 2), found.rises()).published_effect(effect)
    };
    Ok(vec![
        claim(
            near,
            "performance on odrd, distractor where the stimulus was",
            "early 0.17, mid 0.27, mature 0.59 (39, 35, 11 checkpoints)",
            0.42,
        ),
        claim(
            far,
            "performance on odrd, distractor opposite",
            "early 0.31, mid 0.56, mature 0.85 (39, 35, 11 checkpoints)",
            0.54,
        ),
    ])
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;
    use crate::analysis::claims::Verdict;

    fn verdict(claims: &[Claim], measure: &str) -> Verdict {
        claims.iter().find(|claim| claim.measure.contains(measure)).unwrap().verdict
    }

    #[test]
    fn distractors_are_judged_near_and_far() {
        let table = |mature_near: f64| {
            df![
                "stage" => ["early", "early", "mid", "mid", "mature", "mature"],
                "checkpoints" => [2_u32, 2, 5, 5, 9, 9],
                "distance_degrees" => [0.0, 180.0, 0.0, 180.0, 0.0, 180.0],
                "performance" => [0.1, 0.3, 0.3, 0.5, mature_near, 0.9],
            ]
            .unwrap()
        };
        let claims = distractor(&table(0.6)).unwrap();
        assert_eq!(claims[0].by_stage.values, [Some(0.1), Some(0.3), Some(0.6)]);
        assert_eq!(claims[1].by_stage.values, [Some(0.3), Some(0.5), Some(0.9)]);
        assert_eq!(claims[1].by_stage.checkpoints, [2, 5, 9]);
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees));
        assert_eq!(verdict(&distractor(&table(0.2)).unwrap(), "where the stimulus was"), Verdict::Differs);
    }

    #[test]
    fn a_wrong_table_is_named() {
        let wrong = Evidence { distractor: Some(df!["stage" => ["early"]].unwrap()), ..Evidence::default() };
        assert!(judge(&wrong, 20.0).unwrap_err().to_string().contains("distance_degrees"));
    }
}

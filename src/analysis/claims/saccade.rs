//! Where responses end (saccade end points).

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::{ByStage, stages};
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{Evidence, Verdict};
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::Rule;
use crate::training::Stage;

/// A response this far from the target is wild, degrees; the published mature networks have none.
const WILD: f64 = 75.0;

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.saccade {
        Some(table) => saccade(table),
        None => Ok(Vec::new()),
    }
}

/// How far from the target responses end.
pub(super) fn measures(evidence: &Evidence) -> Result<Vec<Measured>> {
    let Some(table) = &evidence.saccade else { return Ok(Vec::new()) };
    let Ends { mean, wild, .. } = Ends::of(table)?;
    Ok(vec![
        Measured::by_stage("saccade_spread", Rule::GAP, "degrees", mean),
        Measured::by_stage("wild_saccades", Rule::GAP, "% of responses", wild),
    ])
}

/// Where responses end at each stage.
struct Ends {
    /// Mean distance from the target, degrees.
    mean: ByStage,
    /// Percentage of responses in bins that reach beyond [`WILD`].
    wild: ByStage,
    /// Where the fullest bin begins, degrees.
    mode: ByStage,
}

impl Ends {
    fn of(table: &DataFrame) -> Result<Ends> {
        let columns = Columns::of(table, "the table of response distances");
        let (stages, checkpoints) = (stages(&columns, "stage")?, columns.counts("checkpoints")?);
        let (from, to) = (columns.numbers("from_degrees")?, columns.numbers("to_degrees")?);
        let trials = columns.numbers("trials")?;
        let of = |value: &dyn Fn(&[usize], f64) -> f64| {
            ByStage::of(Stage::ALL.map(|stage| {
                let rows: Vec<usize> = (0..stages.len()).filter(|row| stages[*row] == stage).collect();
                let all: f64 = rows.iter().map(|row| trials[*row]).sum();
                (stage, value(&rows, all), rows.first().map_or(0, |row| checkpoints[*row]))
            }))
        };
        let mean =
            of(&|rows, all| rows.iter().map(|row| trials[*row] * 0.5 * (from[*row] + to[*row])).sum::<f64>() / all);
        let wild = of(&|rows, all| {
            100.0 * rows.iter().filter(|row| to[**row] > WILD).map(|row| trials[*row]).sum::<f64>() / all
        });
        let mode = of(&|rows, _| {
            let most = rows.iter().copied().max_by(|one, other| trials[*one].total_cmp(&trials[*other]));
            most.map_or(f64::NAN, |row| from[row])
        });
        Ok(Ends { mean, wild, mode })
    }
}

/// Where responses end.
fn saccade(table: &DataFrame) -> Result<Vec<Claim>> {
    let Ends { mean, wild, mode } = Ends::of(table)?;
    let claim = "Responses sharpen";
    let most_often = format!("most often from {} degrees on; the mean from bins", mode.text(0));
    let (verdict, reason) = mean.falls();
    let (_, wild_reason) = wild.falls();
    let tail = match wild.values {
        [Some(_), _, Some(mature)] if mature < 1.0 => (Verdict::Agrees, wild_reason),
        [Some(_), _, Some(mature)] => (Verdict::Differs, format!("{mature:.1} % of mature responses")),
        _ => (Verdict::CannotBeShown, wild.missing().unwrap_or_default()),
    };
    Ok(vec![
        Claim::by_stage(
            (claim, "saccade ends, gap", "mean distance from the target, degrees"),
            "early flat (90), mid most often 18–30, mature falling from 0 on",
            (mean, 1),
            (verdict, format!("{reason}; {most_often}")),
        ),
        Claim::by_stage(
            (claim, "saccade ends, gap", "% of responses in bins that reach beyond 75 degrees"),
            "mature none",
            (wild, 2),
            tail,
        )
        .with_effect("mature", wild.values[2], Some(0.0)),
    ])
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn responses_sharpen_if_their_mean_falls_and_none_is_wild_in_the_end() {
        let table = |mature: [u64; 3]| {
            df![
                "stage" => ["early", "early", "early", "mature", "mature", "mature"],
                "checkpoints" => [4_u32, 4, 4, 6, 6, 6],
                "from_degrees" => [0.0, 60.0, 120.0, 0.0, 60.0, 120.0],
                "to_degrees" => [60.0, 120.0, 180.0, 60.0, 120.0, 180.0],
                "trials" => [vec![10_u64, 10, 10], mature.to_vec()].concat(),
            ]
            .unwrap()
        };
        let claims = saccade(&table([30, 0, 0])).unwrap();
        assert_eq!(claims[0].by_stage.values, [Some(90.0), None, Some(30.0)]);
        assert_eq!(claims[1].by_stage.values[2], Some(0.0));
        assert!(claims.iter().all(|claim| claim.verdict == Verdict::Agrees));
        let claims = saccade(&table([29, 0, 1])).unwrap();
        assert_eq!((claims[0].verdict, claims[1].verdict), (Verdict::Agrees, Verdict::Differs));
        assert!(saccade(&table([0; 3])).unwrap().iter().all(|claim| claim.verdict == Verdict::CannotBeShown));
    }
}

//! Whether units keep their preferred location from one task to the other (direction agreement).

use polars::frame::DataFrame;

use crate::analysis::claims::by_stage::{ByStage, stages};
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::{Evidence, Verdict};
use crate::error::Result;
use crate::tables::Columns;

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.agreement {
        Some(table) => Ok(vec![agreement(table)?]),
        None => Ok(Vec::new()),
    }
}

/// Whether units keep their preferred location from one task to the other.
fn agreement(table: &DataFrame) -> Result<Claim> {
    let columns = Columns::of(table, "the table of preferred locations");
    let (stages, same) = (stages(&columns, "second_stage")?, columns.numbers("same")?);
    let both = columns.numbers("both")?;
    let share = |row: usize| if both[row] > 0.0 { same[row] / both[row] } else { f64::NAN };
    let shares = ByStage::means((0..stages.len()).map(|row| (stages[row], share(row))));
    let counts = ByStage::means(stages.iter().copied().zip(both));
    let lowest = shares.known().into_iter().map(|(_, share)| share).reduce(f64::min);
    let verdict = match lowest {
        Some(lowest) if lowest > 0.5 => Verdict::Agrees,
        Some(_) => Verdict::Differs,
        None => Verdict::CannotBeShown,
    };
    let reason = format!("selective in both: {}; by chance one in eight would be the same", counts.text(0));
    Ok(Claim::by_stage(
        (
            "Units prefer the same location in both memory tasks",
            "direction agreement",
            "share of the units selective in stim1 of odr and odrd that prefer one location",
        ),
        "254 units falling to about 200; 176–250 of them the same, 0–23 different",
        (shares, 3),
        (verdict, reason),
    ))
}

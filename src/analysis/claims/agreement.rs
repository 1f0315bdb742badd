//! Whether units keep their preferred location from one task to the other (direction agreement).

use polars::frame::DataFrame;

use crate::analysis::SelectivityTest;
use crate::analysis::claims::by_stage::{ByStage, stages};
use crate::analysis::claims::claim::Claim;
use crate::analysis::claims::measured::Measured;
use crate::analysis::claims::{Evidence, Verdict};
use crate::error::Result;
use crate::tables::Columns;
use crate::tasks::{Epoch, Rule};

/// Judges what the evidence has of it.
pub(super) fn judge(evidence: &Evidence, _dt: f64) -> Result<Vec<Claim>> {
    match &evidence.agreement {
        Some(table) => Ok(vec![agreement(table)?]),
        None => Ok(Vec::new()),
    }
}

/// The share of units that keep their preferred location.
pub(super) fn measures(evidence: &Evidence) -> Result<Vec<Measured>> {
    let Some(table) = &evidence.agreement else { return Ok(Vec::new()) };
    let (shares, counts) = shares(table)?;
    let measured = Measured::by_stage("same_preferred_location", Rule::ODRD, "share of units", shares);
    Ok(vec![measured.of_units(Epoch::Stim1, SelectivityTest::Published, counts)])
}

/// The share of units selective in both tasks that prefer one location, and the number of these units.
fn shares(table: &DataFrame) -> Result<(ByStage, ByStage)> {
    let columns = Columns::of(table, "the table of preferred locations");
    let (stages, same) = (stages(&columns, "second_stage")?, columns.numbers("same")?);
    let both = columns.numbers("both")?;
    let share = |row: usize| if both[row] > 0.0 { same[row] / both[row] } else { f64::NAN };
    let shares = ByStage::means((0..stages.len()).map(|row| (stages[row], share(row))));
    Ok((shares, ByStage::means(stages.iter().copied().zip(both))))
}

/// Whether units keep their preferred location from one task to the other.
fn agreement(table: &DataFrame) -> Result<Claim> {
    let (shares, counts) = shares(table)?;
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
    )
    .with_effect("share at the stage where it is smallest", lowest, None))
}

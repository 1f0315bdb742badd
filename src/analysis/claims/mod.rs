//! What a run shows of the paper's claims.

mod agreement;
mod by_stage;
mod claim;
mod decoder;
mod delayed;
mod distracted;
mod distractor;
mod evidence;
mod learning;
mod measured;
mod memory;
mod saccade;
mod units;

use std::fmt;

use polars::prelude::*;

pub(crate) use claim::BESIDE;
use claim::Claim;
pub(crate) use decoder::by_stage as decoder_by_stage;
pub use evidence::{DelayedUnits, DistractedUnits, Evidence};
pub(crate) use measured::measures;
pub(crate) use units::no_units;

use crate::error::{Error, Result};
use crate::readout::ReadoutOptions;
use crate::training::{Run, Stage};

/// Judges a theme's claims: none where there is no evidence.
type Theme = fn(&Evidence, f64) -> Result<Vec<Claim>>;

/// The themes, in the order of the table; each is a file.
const THEMES: [Theme; 9] = [
    learning::judge,
    delayed::judge,
    distracted::judge,
    agreement::judge,
    distractor::judge,
    saccade::judge,
    decoder::judge,
    delayed::judge_unbiased,
    distracted::judge_unbiased,
];

/// Whether a run shows what the paper says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It does.
    Agrees,
    /// It shows something else.
    Differs,
    /// Its checkpoints cannot tell.
    CannotBeShown,
}

impl Verdict {
    /// The name used in tables.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Agrees => "agrees",
            Verdict::Differs => "differs",
            Verdict::CannotBeShown => "cannot be shown",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What a run shows of the paper's claims: that delay activity grows with maturation, that tuning gets higher but not
/// wider, that distractors hurt less, that responses sharpen, that the code moves on over the delay; and whether the
/// same holds of the units that an unbiased test selects.
///
/// Columns: claim; source, where in the paper; measure, the number looked at; published, its published values (of one
/// network, read off the paper's figures); found, those of this run; early, mid and mature, the same as numbers (null
/// where a stage has none, or the measure is not by stage); early_checkpoints, mid_checkpoints, mature_checkpoints, how
/// many of them each stands on; effect, how large what the claim is about is, as one number, effect_is, what number
/// that is (mature − early, say), and published_effect, that of the published numbers (both null where there is none);
/// units, what single units' values it is a mean of, as `measure rule selected_in test` of [`Evidence::units`] (null
/// where of none); verdict (agrees, differs, cannot be shown), on the direction of a change, not on its size; reason.
/// What needs a rule that the run was not trained on has no row.
///
/// Measures of rule odrd are over the checkpoints from 20,000 trials before the rule leaves chance, as the published
/// pictures are; all others are over all checkpoints that are at hand.
///
/// `evidence` holds what is known already: [`Evidence::default`] if nothing is.
///
/// ```no_run
/// use maturation::analysis::{Evidence, claims};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let table = claims(&run, Evidence::default(), &ReadoutOptions::default())?; // takes half a minute
/// println!("{table}");
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If the run has no checkpoint, a checkpoint cannot be read, the log does not have it, or a table of the evidence
/// lacks a column.
pub fn claims(run: &Run, evidence: Evidence, readout: &ReadoutOptions) -> Result<DataFrame> {
    judged(run, &evidence.complete(run, readout)?)
}

/// The table of [`claims`], of evidence that is complete.
pub(crate) fn judged(run: &Run, evidence: &Evidence) -> Result<DataFrame> {
    let dt = run.hyperparameters().dt;
    let judged = THEMES.into_iter().map(|judge| judge(evidence, dt)).collect::<Result<Vec<_>>>()?;
    table(&judged.concat())
}

fn table(claims: &[Claim]) -> Result<DataFrame> {
    let text =
        |name: &str, of: &dyn Fn(&Claim) -> String| Column::new(name.into(), claims.iter().map(of).collect::<Vec<_>>());
    let mut columns = vec![
        text("claim", &|claim| claim.claim.to_owned()),
        text("source", &|claim| claim.source.to_owned()),
        text("measure", &|claim| claim.measure.clone()),
        text("published", &|claim| claim.published.clone()),
        text("found", &|claim| claim.found.clone()),
    ];
    for (place, stage) in Stage::ALL.into_iter().enumerate() {
        let values: Vec<Option<f64>> = claims.iter().map(|claim| claim.by_stage.values[place]).collect();
        columns.push(Column::new(stage.name().into(), values));
    }
    for (place, stage) in Stage::ALL.into_iter().enumerate() {
        let counts: Vec<u64> = claims.iter().map(|claim| claim.by_stage.checkpoints[place]).collect();
        columns.push(Column::new(format!("{stage}_checkpoints").into(), counts));
    }
    let number = |name: &str, of: &dyn Fn(&Claim) -> Option<f64>| {
        Column::new(name.into(), claims.iter().map(of).collect::<Vec<_>>())
    };
    columns.push(number("effect", &|claim| claim.effect.found));
    columns.push(text("effect_is", &|claim| claim.effect.is.to_owned()));
    columns.push(number("published_effect", &|claim| claim.effect.published));
    let units: Vec<Option<String>> = claims.iter().map(|claim| claim.nested.clone()).collect();
    columns.push(Column::new("units".into(), units));
    columns.push(text("verdict", &|claim| claim.verdict.name().to_owned()));
    columns.push(text("reason", &|claim| claim.reason.clone()));
    DataFrame::new(claims.len(), columns).map_err(Error::table("making the table of claims"))
}

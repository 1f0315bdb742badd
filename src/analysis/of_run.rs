//! Analyses over the checkpoints of a run.

use polars::prelude::*;

use crate::analysis::{Psth, PsthOptions, Selectivity, SelectivityOptions};
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Epoch, Rule};
use crate::training::{Checkpoints, Run, Selection};

/// The selectivity of every unit at each of a run's checkpoints, one below the other: columns as
/// [`crate::analysis::selectivity`].
///
/// # Errors
/// As [`crate::analysis::selectivity`], and if there is no such checkpoint.
pub fn selectivity_of_run(
    run: &Run,
    checkpoints: &Selection,
    rule: Rule,
    epoch: Epoch,
    options: &SelectivityOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let mut readout = Readout::new(readout.clone())?;
    let mut table: Option<DataFrame> = None;
    for checkpoint in run.selected(checkpoints, rule)? {
        let units = Selectivity::of(&readout.activity(&checkpoint, rule)?, epoch, options)?.table()?;
        match &mut table {
            None => table = Some(units),
            Some(table) => {
                table.vstack_mut(&units).map_err(Error::table("joining the tables of checkpoints"))?;
            }
        }
    }
    table.ok_or_else(|| Error::argument("no checkpoint was chosen", "choose at least one"))
}

/// The average activity of a run's selective units over the trial, by stage or by checkpoint (Fig. 4E–G): columns as
/// [`Psth::table`].
///
/// A unit is selected anew at each checkpoint, and a checkpoint's stage is that of its logged performance on the rule.
///
/// ```
/// use maturation::analysis::{PsthOptions, psth};
/// use maturation::prelude::*;
/// use maturation::training::Selection;
///
/// let run = Run::open("data/6tasks")?;
/// let last = Selection::Last;
/// let curves = psth(&run, &last, Rule::Odr, Epoch::Stim1, &PsthOptions::default())?;
/// assert_eq!(curves.height(), 175);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the rule has no such epoch, or a checkpoint has no performance in the log.
pub fn psth(run: &Run, checkpoints: &Selection, rule: Rule, epoch: Epoch, options: &PsthOptions) -> Result<DataFrame> {
    let selectivity = SelectivityOptions {
        normalised: options.normalised,
        baseline_skip_ms: options.baseline_skip_ms,
        ..SelectivityOptions::default()
    };
    psth_with(run, &run.selected(checkpoints, rule)?, rule, epoch, options, &selectivity, &ReadoutOptions::default())
}

/// [`psth`] of given checkpoints, with all options.
///
/// # Errors
/// As [`psth`].
pub fn psth_with(
    run: &Run,
    checkpoints: &Checkpoints,
    rule: Rule,
    epoch: Epoch,
    options: &PsthOptions,
    selectivity: &SelectivityOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let mut readout = Readout::new(readout.clone())?;
    let mut psth = Psth::new(options.clone());
    for checkpoint in checkpoints.iter() {
        let trials = checkpoint.trials_trained();
        let stage = run.stage_at(rule, trials).ok_or_else(|| {
            let what =
                format!("the log of `{}` has no performance on `{rule}` after {trials} trials", run.path().display());
            Error::argument(what, "choose a rule and checkpoints that the log has")
        })?;
        let activity = readout.activity(checkpoint, rule)?;
        psth.add(stage, &activity, &Selectivity::of(&activity, epoch, selectivity)?)?;
    }
    psth.table()
}

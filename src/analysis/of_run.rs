//! Analyses over the checkpoints of a run.

use polars::prelude::*;

use crate::activity::Activity;
use crate::analysis::{
    Decoder, DecoderOptions, EpochGrowth, PopulationOptions, Psth, PsthOptions, Selectivity, SelectivityOptions,
    Tuning, UnitCounts,
};
use crate::environment::unless_interrupted;
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Epoch, Rule};
use crate::training::{Checkpoints, Run, Selection, Stage};

/// Reads checkpoints out one after the other and hands each on, with its stage by its logged performance on the rule.
fn over_checkpoints(
    run: &Run,
    checkpoints: &Checkpoints,
    rule: Rule,
    readout: &mut Readout,
    mut each: impl FnMut(Stage, &Activity) -> Result<()>,
) -> Result<()> {
    for checkpoint in unless_interrupted(checkpoints.iter()) {
        let checkpoint = checkpoint?;
        let trials = checkpoint.trials_trained();
        let stage = run.stage_at(rule, trials).ok_or_else(|| {
            let what =
                format!("the log of `{}` has no performance on `{rule}` after {trials} trials", run.path().display());
            Error::argument(what, "choose a rule and checkpoints that the log has")
        })?;
        each(stage, &readout.activity(checkpoint, rule)?)?;
    }
    Ok(())
}

/// The units that are followed, if any: those of the last checkpoint of a stage.
fn followed(
    run: &Run,
    rule: Rule,
    epoch: Epoch,
    stage: Option<Stage>,
    selectivity: &SelectivityOptions,
    readout: &mut Readout,
) -> Result<Option<Selectivity>> {
    let Some(stage) = stage else { return Ok(None) };
    let activity = readout.activity(run.stage(rule, stage)?.last(), rule)?;
    Selectivity::of(&activity, epoch, selectivity).map(Some)
}

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
    let options = &options.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    let mut table: Option<DataFrame> = None;
    for checkpoint in unless_interrupted(run.selected(checkpoints, rule)?) {
        let units = Selectivity::of(&readout.activity(&checkpoint?, rule)?, epoch, options)?.table()?;
        match &mut table {
            None => table = Some(units),
            Some(table) => {
                table.vstack_mut(&units).map_err(Error::table("joining the tables of checkpoints"))?;
            }
        }
    }
    table.ok_or_else(no_checkpoint)
}

/// The average activity of a run's selective units over the trial, by stage or by checkpoint (Fig. 4E–G): columns as
/// [`Psth::table`].
///
/// A unit is selected anew at each checkpoint unless `follow` is set, and a checkpoint's stage is that of its logged
/// performance on the rule.
///
/// ```
/// use maturation::analysis::{PsthOptions, psth};
/// use maturation::prelude::*;
/// use maturation::training::Selection;
///
/// let run = Run::open("data/6tasks")?;
/// let last = Selection::Last;
/// let curves = psth(&run, &last, Rule::ODR, Epoch::Stim1, &PsthOptions::default())?;
/// assert_eq!(curves.height(), 175);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the rule has no such epoch, or a checkpoint has no performance in the log.
pub fn psth(run: &Run, checkpoints: &Selection, rule: Rule, epoch: Epoch, options: &PsthOptions) -> Result<DataFrame> {
    let selectivity = SelectivityOptions {
        normalisation: options.normalisation,
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
    let selectivity = &selectivity.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    let mut psth = Psth::new(options.clone());
    let followed = followed(run, rule, epoch, options.follow, selectivity, &mut readout)?;
    over_checkpoints(run, checkpoints, rule, &mut readout, |stage, activity| match &followed {
        Some(units) => psth.add(stage, activity, units),
        None => psth.add(stage, activity, &Selectivity::of(activity, epoch, selectivity)?),
    })?;
    psth.table()
}

/// The tuning curves of a run's selective units by stage (Fig. S3B), their fits and the tests of their heights.
///
/// A checkpoint's stage is that of its logged performance on the rule.
///
/// ```
/// use maturation::analysis::{self, PopulationOptions};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let last = run.selected(&Selection::Last, Rule::GAP)?;
/// let (options, readout) = (PopulationOptions::default(), ReadoutOptions::default());
/// let tuning = analysis::tuning(&run, &last, Rule::GAP, Epoch::Stim1, &options, &readout)?;
/// assert_eq!(tuning.table()?.height(), 9); // one stage, offsets −4 … 4
/// assert_eq!(tuning.fits()?.height(), 2);  // a Gaussian and a von Mises curve
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If the rule has no such epoch, a checkpoint has no performance in the log, the stage to follow has no checkpoint, or
/// an option is impossible.
pub fn tuning(
    run: &Run,
    checkpoints: &Checkpoints,
    rule: Rule,
    epoch: Epoch,
    options: &PopulationOptions,
    readout: &ReadoutOptions,
) -> Result<Tuning> {
    let options = &options.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    let followed = followed(run, rule, epoch, options.follow, &options.selectivity, &mut readout)?;
    let mut tuning = Tuning::new(options.clone());
    over_checkpoints(run, checkpoints, rule, &mut readout, |stage, activity| {
        let measured = Selectivity::of(activity, epoch, &options.selectivity)?;
        tuning.add(Some(stage), &measured, followed.as_ref().unwrap_or(&measured))
    })?;
    Ok(tuning)
}

/// The mean activity of a run's selective units in an epoch against trials trained (Fig. S2B): columns as
/// [`EpochGrowth::table`].
///
/// Units are selected in the epoch `selected` and measured, at the location that they prefer there, in the epoch
/// `measured`.
///
/// ```
/// use maturation::analysis::{self, PopulationOptions};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let checkpoints = run.selected(&Selection::Last, Rule::ODR)?;
/// let delay = Epoch::Delay1;
/// let (options, readout) = (PopulationOptions::default(), ReadoutOptions::default());
/// let growth = analysis::epoch_growth(&run, &checkpoints, Rule::ODR, delay, delay, &options, &readout)?;
/// assert_eq!(growth.height(), 1);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// As [`tuning`].
pub fn epoch_growth(
    run: &Run,
    checkpoints: &Checkpoints,
    rule: Rule,
    selected: Epoch,
    measured: Epoch,
    options: &PopulationOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let options = &options.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    let followed = followed(run, rule, selected, options.follow, &options.selectivity, &mut readout)?;
    let mut growth = EpochGrowth::new(options.clone());
    over_checkpoints(run, checkpoints, rule, &mut readout, |stage, activity| {
        let rates = Selectivity::of(activity, measured, &options.selectivity)?;
        match &followed {
            Some(units) => growth.add(stage, &rates, units),
            None if selected == measured => growth.add(stage, &rates, &rates),
            None => growth.add(stage, &rates, &Selectivity::of(activity, selected, &options.selectivity)?),
        }
    })?;
    growth.table()
}

/// How many units of a run each test of selectivity keeps, by checkpoint, test and kind: columns as
/// [`UnitCounts::table`].
///
/// # Errors
/// If the rule has no such epoch, a checkpoint has no performance in the log, or an option is impossible.
pub fn unit_counts(
    run: &Run,
    checkpoints: &Checkpoints,
    rule: Rule,
    epoch: Epoch,
    options: &SelectivityOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let options = &options.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    let mut counts = UnitCounts::new();
    over_checkpoints(run, checkpoints, rule, &mut readout, |stage, activity| {
        counts.add(Some(stage), &Selectivity::of(activity, epoch, options)?);
        Ok(())
    })?;
    counts.table()
}

/// The cross-temporal decoder of the average checkpoint (Fig. S5E): each checkpoint is decoded, and the accuracies are
/// averaged.
///
/// ```
/// use maturation::analysis::{DecoderOptions, decoder_of_run};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
/// use maturation::training::Selection;
///
/// let run = Run::open("data/6tasks")?;
/// let options = DecoderOptions { stride_ms: 200.0, ..DecoderOptions::default() };
/// let checkpoints = Selection::Trials(vec![568320, 570880]);
/// let decoder = decoder_of_run(&run, &checkpoints, Rule::GAP, &options, &ReadoutOptions::default())?;
/// assert_eq!((decoder.checkpoints, decoder.starts_ms.len()), (2, 8));
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// As [`Decoder::of`], and if there is no such checkpoint.
pub fn decoder_of_run(
    run: &Run,
    checkpoints: &Selection,
    rule: Rule,
    options: &DecoderOptions,
    readout: &ReadoutOptions,
) -> Result<Decoder> {
    let mut readout = Readout::new(readout.clone())?;
    let mut average: Option<Decoder> = None;
    for checkpoint in unless_interrupted(run.selected(checkpoints, rule)?) {
        let decoder = Decoder::of(&readout.activity(&checkpoint?, rule)?, options)?;
        match &mut average {
            None => average = Some(decoder),
            Some(average) => average.add(&decoder)?,
        }
    }
    average.ok_or_else(no_checkpoint)
}

/// The cross-temporal decoder of each checkpoint, one table below the other: trials_trained, then columns as
/// [`crate::analysis::decoder`].
///
/// # Errors
/// As [`decoder_of_run`].
pub fn decoder_by_checkpoint(
    run: &Run,
    checkpoints: &Selection,
    rule: Rule,
    options: &DecoderOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let failed = |source| Error::table("joining the tables of checkpoints")(source);
    let mut readout = Readout::new(readout.clone())?;
    let mut joined: Option<DataFrame> = None;
    for checkpoint in unless_interrupted(run.selected(checkpoints, rule)?) {
        let checkpoint = checkpoint?;
        let mut table = Decoder::of(&readout.activity(&checkpoint, rule)?, options)?.table()?;
        let trials = vec![checkpoint.trials_trained(); table.height()];
        table.insert_column(0, Column::new("trials_trained".into(), trials)).map_err(failed)?;
        match &mut joined {
            None => joined = Some(table),
            Some(joined) => {
                joined.vstack_mut(&table).map_err(failed)?;
            }
        }
    }
    joined.ok_or_else(no_checkpoint)
}

fn no_checkpoint() -> Error {
    Error::argument("no checkpoint was chosen", "choose at least one")
}

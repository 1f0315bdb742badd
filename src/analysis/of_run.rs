//! Analyses over the checkpoints of a run.

use polars::prelude::*;

use crate::analysis::survey::{Asked, Need, Survey};
use crate::analysis::{
    AverageOptions, Decoder, DecoderOptions, EpochGrowth, Psth, PsthOptions, Selectivity, SelectivityOptions, Tuning,
    UnitCounts,
};
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, Stage};

/// The tables of checkpoints, one below the other.
fn joined(mut tables: impl Iterator<Item = Result<DataFrame>>) -> Result<DataFrame> {
    let join = |mut above: DataFrame, below: DataFrame| {
        above.vstack_mut(&below).map_err(Error::table("joining the tables of checkpoints"))?;
        Ok(above)
    };
    let first = tables.next().ok_or_else(no_checkpoint)??;
    tables.try_fold(first, |above, below| join(above, below?))
}

impl Survey<'_> {
    /// The units that are followed, if any: those of the last checkpoint of a stage.
    fn followed(
        &mut self,
        rule: Rule,
        epoch: Epoch,
        stage: Option<Stage>,
        selectivity: &SelectivityOptions,
    ) -> Result<Option<Selectivity>> {
        let Some(stage) = stage else { return Ok(None) };
        let activity = self.activity(self.run().stage(rule, stage)?.last(), rule)?;
        Selectivity::of(&activity, epoch, selectivity).map(Some)
    }

    /// Asks for what [`psth`] makes.
    pub(crate) fn psth(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        epoch: Epoch,
        options: &PsthOptions,
    ) -> Result<Asked<Psth>> {
        let options = options.of_run(self.run());
        let selectivity = options.population.selectivity.clone();
        let followed = self.followed(rule, epoch, options.follow, &selectivity)?;
        self.ask((checkpoints, rule), [Need::Activity(rule)], Psth::new(options), move |psth, seen| {
            let (stage, activity) = (seen.stage_of(rule)?, seen.activity(rule)?);
            let means = || seen.location_means(rule);
            match &followed {
                Some(units) => psth.add_with(stage, activity, units, means),
                None => psth.add_with(stage, activity, &*seen.selectivity(rule, epoch, &selectivity)?, means),
            }
        })
    }

    /// Asks for what [`tuning`] makes.
    pub(crate) fn tuning(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        epoch: Epoch,
        options: &AverageOptions,
    ) -> Result<Asked<Tuning>> {
        let options = options.of_run(self.run());
        let selectivity = options.population.selectivity.clone();
        let followed = self.followed(rule, epoch, options.follow, &selectivity)?;
        self.ask((checkpoints, rule), [Need::Activity(rule)], Tuning::new(options), move |tuning, seen| {
            let measured = seen.selectivity(rule, epoch, &selectivity)?;
            tuning.add(Some(seen.stage_of(rule)?), &measured, followed.as_ref().unwrap_or(&measured))
        })
    }

    /// Asks for what [`epoch_growth`] makes.
    pub(crate) fn epoch_growth(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        selected: Epoch,
        measured: Epoch,
        options: &AverageOptions,
    ) -> Result<Asked<EpochGrowth>> {
        let options = options.of_run(self.run());
        let selectivity = options.population.selectivity.clone();
        let followed = self.followed(rule, selected, options.follow, &selectivity)?;
        self.ask((checkpoints, rule), [Need::Activity(rule)], EpochGrowth::new(options), move |growth, seen| {
            let (stage, rates) = (seen.stage_of(rule)?, seen.selectivity(rule, measured, &selectivity)?);
            match &followed {
                Some(units) => growth.add(stage, &rates, units),
                None => growth.add(stage, &rates, &*seen.selectivity(rule, selected, &selectivity)?),
            }
        })
    }

    /// Asks for what [`unit_counts`] makes.
    pub(crate) fn unit_counts(
        &mut self,
        checkpoints: impl Into<Selection>,
        rule: Rule,
        epoch: Epoch,
        options: &SelectivityOptions,
    ) -> Result<Asked<UnitCounts>> {
        let options = options.of_run(self.run());
        self.ask((checkpoints, rule), [Need::Activity(rule)], UnitCounts::new(), move |counts, seen| {
            counts.add(Some(seen.stage_of(rule)?), &*seen.selectivity(rule, epoch, &options)?);
            Ok(())
        })
    }
}

/// The selectivity of every unit at each of a run's checkpoints, one below the other: columns as
/// [`crate::analysis::selectivity`].
///
/// # Errors
/// As [`crate::analysis::selectivity`], and if there is no such checkpoint.
pub fn selectivity_of_run(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    epoch: Epoch,
    options: &SelectivityOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let options = &options.of_run(run);
    let mut readout = Readout::new(readout.clone())?;
    joined(
        run.visit(checkpoints, rule)?
            .map(|visited| Selectivity::of(&readout.activity(&visited?.checkpoint, rule)?, epoch, options)?.table()),
    )
}

/// The average activity of a run's selective units over the trial, by stage or by checkpoint (Fig. 4E–G): columns as
/// [`Psth::table`].
///
/// A unit is selected anew at each checkpoint unless `follow` is set, and a checkpoint's stage is that of its logged
/// performance on the rule ([`Run::staging`]).
///
/// ```
/// use maturation::analysis::{PsthOptions, psth};
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let (options, readout) = (PsthOptions::default(), ReadoutOptions::default());
/// let curves = psth(&run, Selection::Last, Rule::ODR, Epoch::Stim1, &options, &readout)?;
/// assert_eq!(curves.height(), 175);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the rule has no such epoch, or a checkpoint has no performance in the log.
pub fn psth(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    epoch: Epoch,
    options: &PsthOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    Survey::alone(run, readout, |survey| survey.psth(checkpoints, rule, epoch, options))?.table()
}

/// The tuning curves of a run's selective units by stage (Fig. S3B), their fits and the tests of their heights.
///
/// A checkpoint's stage is that of its logged performance on the rule ([`Run::staging`]).
///
/// ```
/// use maturation::analysis::{self, AverageOptions};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let last = Selection::Last;
/// let (options, readout) = (AverageOptions::default(), ReadoutOptions::default());
/// let tuning = analysis::tuning(&run, last, Rule::GAP, Epoch::Stim1, &options, &readout)?;
/// assert_eq!(tuning.table()?.height(), 9); // one stage, offsets −4 … 4
/// assert_eq!(tuning.fits()?.height(), 2);  // a Gaussian and a von Mises curve
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// If there is no such checkpoint, the rule has no such epoch, a checkpoint has no performance in the log, the stage to
/// follow has no checkpoint, or an option is impossible.
pub fn tuning(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    epoch: Epoch,
    options: &AverageOptions,
    readout: &ReadoutOptions,
) -> Result<Tuning> {
    Survey::alone(run, readout, |survey| survey.tuning(checkpoints, rule, epoch, options))
}

/// The mean activity of a run's selective units in an epoch against trials trained (Fig. S2B): columns as
/// [`EpochGrowth::table`].
///
/// Units are selected in the epoch `selected` and measured, at the location that they prefer there, in the epoch
/// `measured`.
///
/// ```
/// use maturation::analysis::{self, AverageOptions};
/// use maturation::prelude::*;
/// use maturation::readout::ReadoutOptions;
///
/// let run = Run::open("data/6tasks")?;
/// let last = Selection::Last;
/// let delay = Epoch::Delay1;
/// let (options, readout) = (AverageOptions::default(), ReadoutOptions::default());
/// let growth = analysis::epoch_growth(&run, last, Rule::ODR, delay, delay, &options, &readout)?;
/// assert_eq!(growth.height(), 1);
/// # Ok::<(), maturation::Error>(())
/// ```
///
/// # Errors
/// As [`tuning`].
pub fn epoch_growth(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    selected: Epoch,
    measured: Epoch,
    options: &AverageOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    Survey::alone(run, readout, |survey| survey.epoch_growth(checkpoints, rule, selected, measured, options))?.table()
}

/// How many units of a run each test of selectivity keeps, by checkpoint, test and kind: columns as
/// [`UnitCounts::table`].
///
/// # Errors
/// If the rule has no such epoch, a checkpoint has no performance in the log, or an option is impossible.
pub fn unit_counts(
    run: &Run,
    checkpoints: impl Into<Selection>,
    rule: Rule,
    epoch: Epoch,
    options: &SelectivityOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    Survey::alone(run, readout, |survey| survey.unit_counts(checkpoints, rule, epoch, options))?.table()
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
    checkpoints: impl Into<Selection>,
    rule: Rule,
    options: &DecoderOptions,
    readout: &ReadoutOptions,
) -> Result<Decoder> {
    let mut readout = Readout::new(readout.clone())?;
    let mut average: Option<Decoder> = None;
    for visited in run.visit(checkpoints, rule)? {
        let decoder = Decoder::of(&readout.activity(&visited?.checkpoint, rule)?, options)?;
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
    checkpoints: impl Into<Selection>,
    rule: Rule,
    options: &DecoderOptions,
    readout: &ReadoutOptions,
) -> Result<DataFrame> {
    let mut readout = Readout::new(readout.clone())?;
    joined(run.visit(checkpoints, rule)?.map(|visited| {
        let visited = visited?;
        let mut table = Decoder::of(&readout.activity(&visited.checkpoint, rule)?, options)?.table()?;
        let trials = vec![visited.trials_trained(); table.height()];
        let trials = Column::new("trials_trained".into(), trials);
        table.insert_column(0, trials).map_err(Error::table("joining the tables of checkpoints"))?;
        Ok(table)
    }))
}

fn no_checkpoint() -> Error {
    Error::argument("no checkpoint was chosen", "choose at least one")
}

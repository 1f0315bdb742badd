//! The tables that the paper's claims are held against.

use std::sync::Arc;

use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::analysis::agreement::Agreements;
use crate::analysis::claims::memory::{Delayed, Distracted};
use crate::analysis::survey::{Asked, Survey, told_now_and_then};
use crate::analysis::{
    self, DecoderOptions, Distractor, DistractorOptions, GrowthOptions, Population, RuleEpoch, SaccadeOptions,
    Saccades, SelectivityTest,
};
use crate::error::Result;
use crate::readout::ReadoutOptions;
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, moving_average};

/// Trials of each pair of a stimulus and a distractor location.
const REPEATS: usize = 16;
/// The published figures of rule odrd begin about so many trials before its performance rises above chance.
const LEAD: u64 = 20_000;
/// Evaluations that the performance is averaged over to tell when it rises above chance.
const WINDOW: usize = 5;

/// What the claims are held against: tables of a run's analyses. [`Evidence::complete`] makes those that are `None`;
/// those of rules that the run was not trained on stay `None`.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Trials trained at the first checkpoint that the tables of rule odrd include; `None`: 20,000 trials before the
    /// rule's performance rises above chance, since the published figures leave out the long time before.
    pub begin: Option<u64>,
    /// Of [`analysis::performance_growth`].
    pub performance: Option<DataFrame>,
    /// Of [`analysis::Distractor::performance`], from [`Evidence::begin`] on.
    pub distractor: Option<DataFrame>,
    /// Of [`analysis::saccade`](analysis::saccade()), rule gap.
    pub saccade: Option<DataFrame>,
    /// Of [`analysis::decoder`](analysis::decoder()), rule odr, the last checkpoint.
    pub decoder: Option<DataFrame>,
    /// Of [`analysis::agreement`](analysis::agreement()), stim1 of odr and of odrd.
    pub agreement: Option<DataFrame>,
    /// What units do in rule odr that the published test and the unbiased one select, in this order.
    pub delayed: Option<[DelayedUnits; 2]>,
    /// The same in rule odrd.
    pub distracted: Option<[DistractedUnits; 2]>,
    /// What each selective unit does at each stage, made beside `delayed` and `distracted`: a row for each measure (of
    /// rule odr delay_activity, the mean rate in delay1 at the preferred location; of rule odrd tuning_height, the
    /// largest less the smallest rate in stim1), rule, selected_in (the epoch), test, unit and stage; value, the mean
    /// over the checkpoints at which the test selects the unit, and checkpoints, their number.
    pub units: Option<DataFrame>,
    /// How many units of each kind there are at each stage, made beside the same: rule, selected_in, test, kind (of
    /// [`analysis::Kind`]), stage; units, the mean over checkpoints, and checkpoints, their number.
    pub unit_counts: Option<DataFrame>,
}

/// What the units that one test selects do in rule odr.
#[derive(Clone, Debug)]
pub struct DelayedUnits {
    /// The test.
    pub test: SelectivityTest,
    /// Of [`analysis::EpochGrowth::table`]: delay1, units selected in stim1.
    pub growth_of_stim1_units: DataFrame,
    /// The same of units selected in delay1.
    pub growth_of_delay1_units: DataFrame,
}

/// What the units that one test selects do in rule odrd, from [`Evidence::begin`] on.
#[derive(Clone, Debug)]
pub struct DistractedUnits {
    /// The test.
    pub test: SelectivityTest,
    /// Of [`analysis::Psth::table`], stim1, the opposite location too.
    pub psth: DataFrame,
    /// Of [`analysis::Tuning::fits`], stim1.
    pub fits: DataFrame,
    /// Of [`analysis::Tuning::heights`].
    pub heights: DataFrame,
    /// Of [`analysis::Tuning::height_tests`].
    pub height_tests: DataFrame,
    /// Of [`analysis::PeriodAnova::table`]: delay2 at the last checkpoint of each stage.
    pub delay2: DataFrame,
}

impl Evidence {
    /// Makes the tables that are none from the run's checkpoints.
    ///
    /// # Errors
    /// If the run has no checkpoint, a checkpoint cannot be read, or the log does not have it.
    pub fn complete(self, run: &Run, readout: &ReadoutOptions) -> Result<Evidence> {
        self.complete_and_tell(run, readout, &mut |_| {})
    }

    /// As [`Evidence::complete`]; `tell` is told what is being done, since a run of hundreds of checkpoints takes a
    /// minute.
    ///
    /// # Errors
    /// As [`Evidence::complete`].
    pub fn complete_and_tell(
        self,
        run: &Run,
        readout: &ReadoutOptions,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Evidence> {
        let mut survey = Survey::of(run, readout)?;
        let asked = self.ask(&mut survey)?;
        survey.carry_out(&mut told_now_and_then(tell))?;
        tell("cross-temporal decoder and tables");
        asked.answer(run, Evidence::default())
    }

    /// Asks for the tables that are none.
    pub(crate) fn ask(mut self, survey: &mut Survey) -> Result<AskedEvidence> {
        let run = survey.run();
        let trained = |rule: Rule| run.hyperparameters().rule_trains.contains(&rule);
        let last = run.last()?;
        if self.performance.is_none() {
            self.performance = Some(analysis::performance_growth(run, &GrowthOptions::default())?);
        }
        if self.begin.is_none() {
            self.begin = leaves_chance(run).map(|trials| trials.saturating_sub(LEAD));
        }
        let begin = self.begin.unwrap_or(0);
        let wants = |known: bool, rule: Rule| (!known && trained(rule)).then_some(());
        let distractor = wants(self.distractor.is_some(), Rule::ODRD)
            .map(|()| survey.distractor(from(begin), &DistractorOptions { repeats: REPEATS }))
            .transpose()?;
        let saccade = wants(self.saccade.is_some(), Rule::GAP)
            .map(|()| survey.saccade(Selection::All, Rule::GAP, &SaccadeOptions::default()))
            .transpose()?;
        let to_decode =
            wants(self.decoder.is_some(), Rule::ODR).map(|()| survey.activity(&last, Rule::ODR)).transpose()?;
        let agreement = wants(self.agreement.is_some() || !trained(Rule::ODRD), Rule::ODR)
            .map(|()| {
                let [first, second] = [Rule::ODR, Rule::ODRD].map(|rule| RuleEpoch { rule, epoch: Epoch::Stim1 });
                survey.agreement(Selection::All, first, second, &Population::default())
            })
            .transpose()?;
        let delayed = wants(self.delayed.is_some(), Rule::ODR).map(|()| Delayed::ask(survey)).transpose()?;
        let distracted =
            wants(self.distracted.is_some(), Rule::ODRD).map(|()| Distracted::ask(survey, begin)).transpose()?;
        Ok(AskedEvidence { known: self, distractor, saccade, to_decode, agreement, delayed, distracted })
    }
}

/// Evidence, some of which a survey is to find.
pub(crate) struct AskedEvidence {
    known: Evidence,
    distractor: Option<Asked<Distractor>>,
    saccade: Option<Asked<Saccades>>,
    to_decode: Option<Arc<Activity>>,
    agreement: Option<Asked<Agreements>>,
    delayed: Option<Asked<Delayed>>,
    distracted: Option<Asked<Distracted>>,
}

impl AskedEvidence {
    /// The evidence, once the survey was carried out; what was found elsewhere in the meantime takes the place of what
    /// was asked.
    ///
    /// # Errors
    /// As [`Evidence::complete`].
    pub(crate) fn answer(self, run: &Run, elsewhere: Evidence) -> Result<Evidence> {
        let mut found = Evidence {
            performance: elsewhere.performance.or(self.known.performance),
            decoder: elsewhere.decoder.or(self.known.decoder),
            ..self.known
        };
        if let Some(asked) = self.distractor {
            found.distractor = Some(asked.answer()?.performance()?);
        }
        if let Some(asked) = self.saccade {
            found.saccade = Some(asked.answer()?.table()?);
        }
        if let (None, Some(activity)) = (&found.decoder, self.to_decode) {
            found.decoder = Some(analysis::decoder(&activity, &DecoderOptions::published(activity.dt))?);
        }
        if let Some(asked) = self.agreement {
            found.agreement = Some(asked.answer()?.table(run)?);
        }
        let delayed = self.delayed.map(Asked::answer).transpose()?;
        let distracted = self.distracted.map(Asked::answer).transpose()?;
        if let Some(delayed) = &delayed {
            found.delayed = Some(delayed.evidence()?);
        }
        if let Some(distracted) = &distracted {
            found.distracted = Some(distracted.evidence()?);
        }
        if delayed.is_some() || distracted.is_some() {
            let of_delayed = delayed.map(|delayed| delayed.units).unwrap_or_default();
            let units = of_delayed.with(distracted.map(|distracted| distracted.units).unwrap_or_default());
            (found.units, found.unit_counts) = (Some(units.table()?), Some(units.counts_table()?));
        }
        Ok(found)
    }
}

/// The trials after which rule odrd first leaves the early stage, by the average of a few evaluations; none if it never
/// does.
fn leaves_chance(run: &Run) -> Option<u64> {
    let entries = || run.evaluations().entries.iter();
    let known = entries().filter_map(|entry| Some((entry.trials_trained, entry.performance(Rule::ODRD)?)));
    let (trials, performance): (Vec<u64>, Vec<f64>) = known.unzip();
    let averaged = moving_average(&performance, WINDOW);
    let place = averaged.iter().position(|average| *average > run.hyperparameters().early_target_perf)?;
    // As far as there are checkpoints from there on.
    let last = run.last().ok()?.trials_trained();
    trials.get(place).copied().filter(|trials| *trials <= last)
}

/// The checkpoints from `begin` on.
pub(super) fn from(begin: u64) -> Selection {
    Selection::Between(begin, u64::MAX)
}

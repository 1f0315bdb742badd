//! The tables that the paper's claims are held against.

use polars::frame::DataFrame;

use crate::analysis::claims::memory::{MemoryRules, Wanted};
use crate::analysis::{self, DecoderOptions, DistractorOptions, GrowthOptions, SaccadeOptions, SelectivityTest};
use crate::error::Result;
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::Rule;
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

    /// As [`Evidence::complete`]; each analysis is named to `tell` before it is made, since some take half a minute.
    ///
    /// # Errors
    /// As [`Evidence::complete`].
    pub fn complete_and_tell(
        mut self,
        run: &Run,
        readout: &ReadoutOptions,
        tell: &mut dyn FnMut(&str),
    ) -> Result<Evidence> {
        let trained = |rule: Rule| run.hyperparameters().rule_trains.contains(&rule);
        let last = run.last()?;
        if self.performance.is_none() {
            tell("growth of performance");
            self.performance = Some(analysis::performance_growth(run, &GrowthOptions::default())?);
        }
        if self.begin.is_none() {
            self.begin = leaves_chance(run).map(|trials| trials.saturating_sub(LEAD));
        }
        let begin = self.begin.unwrap_or(0);
        if self.distractor.is_none() && trained(Rule::ODRD) {
            tell("distractors");
            let options = DistractorOptions { repeats: REPEATS };
            self.distractor = Some(analysis::distractor(run, from(begin), &options, readout)?.performance()?);
        }
        if self.saccade.is_none() && trained(Rule::GAP) {
            tell("where responses end");
            self.saccade =
                Some(analysis::saccade(run, Selection::All, Rule::GAP, &SaccadeOptions::default(), readout)?);
        }
        if self.decoder.is_none() && trained(Rule::ODR) {
            tell("cross-temporal decoder");
            let activity = Readout::new(readout.clone())?.activity(&last, Rule::ODR)?;
            self.decoder = Some(analysis::decoder(&activity, &DecoderOptions::published(activity.dt))?);
        }
        let [odr, odrd] = [Rule::ODR, Rule::ODRD].map(trained);
        let wanted = Wanted {
            agreement: self.agreement.is_none() && odr && odrd,
            delayed: self.delayed.is_none() && odr,
            distracted: self.distracted.is_none() && odrd,
        };
        if wanted != Wanted::default() {
            tell("units of the memory rules");
            let found = MemoryRules::of(run, begin, wanted, readout)?;
            self.agreement = self.agreement.or(found.agreement);
            self.delayed = self.delayed.or(found.delayed);
            self.distracted = self.distracted.or(found.distracted);
            self.units = Some(found.units);
            self.unit_counts = Some(found.unit_counts);
        }
        Ok(self)
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

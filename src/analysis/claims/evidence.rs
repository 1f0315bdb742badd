//! The tables that the paper's claims are held against.

use polars::frame::DataFrame;

use crate::analysis::stages::over_stages;
use crate::analysis::{
    self, AverageOptions, DecoderOptions, DistractorOptions, EpochGrowth, GrowthOptions, Period, PeriodActivity,
    PeriodCheckpoint, Population, Psth, PsthOptions, SaccadeOptions, Selectivity, SelectivityOptions, SelectivityTest,
    Tuning,
};
use crate::error::Result;
use crate::readout::{Readout, ReadoutOptions};
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
}

/// What the units that one test selects do in rule odr.
#[derive(Clone, Debug)]
pub struct DelayedUnits {
    /// The test.
    pub test: SelectivityTest,
    /// Of [`EpochGrowth::table`]: delay1, units selected in stim1.
    pub growth_of_stim1_units: DataFrame,
    /// The same of units selected in delay1.
    pub growth_of_delay1_units: DataFrame,
}

/// What the units that one test selects do in rule odrd, from [`Evidence::begin`] on.
#[derive(Clone, Debug)]
pub struct DistractedUnits {
    /// The test.
    pub test: SelectivityTest,
    /// Of [`Psth::table`], stim1, the opposite location too.
    pub psth: DataFrame,
    /// Of [`Tuning::fits`], stim1.
    pub fits: DataFrame,
    /// Of [`Tuning::heights`].
    pub heights: DataFrame,
    /// Of [`Tuning::height_tests`].
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
        if self.agreement.is_none() && trained(Rule::ODR) && trained(Rule::ODRD) {
            tell("agreement of preferred locations");
            let [first, second] = ["odr:stim1".parse()?, "odrd:stim1".parse()?];
            let units = Population::default();
            self.agreement = Some(analysis::agreement(run, Selection::All, first, second, &units, readout)?);
        }
        if self.delayed.is_none() && trained(Rule::ODR) {
            tell("delay activity of rule odr");
            self.delayed = Some(delayed(run, readout)?);
        }
        if self.distracted.is_none() && trained(Rule::ODRD) {
            tell("activity and tuning of rule odrd");
            self.distracted = Some(distracted(run, begin, readout)?);
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

/// The tests whose units are compared.
const TESTS: [SelectivityTest; 2] = [SelectivityTest::Published, SelectivityTest::Unbiased];

/// The checkpoints from `begin` on.
fn from(begin: u64) -> Selection {
    Selection::Between(begin, u64::MAX)
}

/// The averages of the units that a test selects.
fn average(test: SelectivityTest) -> AverageOptions {
    AverageOptions { population: Population::by(test), ..AverageOptions::default() }
}

fn delayed(run: &Run, readout: &ReadoutOptions) -> Result<[DelayedUnits; 2]> {
    let growth = |test: SelectivityTest| EpochGrowth::new(average(test));
    let mut growths = TESTS.map(|test| [growth(test), growth(test)]);
    let options = SelectivityOptions::default();
    over_stages(run, Selection::All, Rule::ODR, &mut Readout::new(readout.clone())?, |stage, activity| {
        let cue = Selectivity::of(activity, Epoch::Stim1, &options)?;
        let delay1 = Selectivity::of(activity, Epoch::Delay1, &options)?;
        for [of_cue, of_delay] in &mut growths {
            of_cue.add(stage, &delay1, &cue)?;
            of_delay.add(stage, &delay1, &delay1)?;
        }
        Ok(())
    })?;
    let evidence = |place: usize| {
        let [of_cue, of_delay] = &growths[place];
        let (growth_of_stim1_units, growth_of_delay1_units) = (of_cue.table()?, of_delay.table()?);
        Ok(DelayedUnits { test: TESTS[place], growth_of_stim1_units, growth_of_delay1_units })
    };
    Ok([evidence(0)?, evidence(1)?])
}

fn distracted(run: &Run, begin: u64, readout: &ReadoutOptions) -> Result<[DistractedUnits; 2]> {
    let psth = |test| PsthOptions { population: Population::by(test), opposite: true, ..PsthOptions::default() };
    let mut psths = TESTS.map(|test| Psth::new(psth(test)));
    let mut tunings = TESTS.map(|test| Tuning::new(average(test)));
    let mut periods = TESTS.map(|_| PeriodActivity { checkpoints: Vec::new() });
    let options = SelectivityOptions::default();
    over_stages(run, from(begin), Rule::ODRD, &mut Readout::new(readout.clone())?, |stage, activity| {
        let stim1 = Selectivity::of(activity, Epoch::Stim1, &options)?;
        let delay2 = Selectivity::of(activity, Epoch::Delay2, &options)?;
        for (place, test) in TESTS.into_iter().enumerate() {
            psths[place].add(stage, activity, &stim1)?;
            tunings[place].add(Some(stage), &stim1, &stim1)?;
            let (period, units) = (Period::Epoch(Epoch::Delay2), Population::by(test));
            let found = PeriodCheckpoint::of(Some(stage), activity, &delay2, &period, &units)?;
            periods[place].checkpoints.push(found);
        }
        Ok(())
    })?;
    let evidence = |place: usize| {
        Ok(DistractedUnits {
            test: TESTS[place],
            psth: psths[place].table()?,
            fits: tunings[place].fits()?,
            heights: tunings[place].heights()?,
            height_tests: tunings[place].height_tests()?,
            delay2: periods[place].anova().table()?,
        })
    };
    Ok([evidence(0)?, evidence(1)?])
}

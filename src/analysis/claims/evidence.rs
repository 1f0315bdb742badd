//! The tables that the paper's claims are held against.

use polars::frame::DataFrame;

use crate::analysis::{
    self, AgreementOptions, DecoderOptions, DistractorOptions, EpochGrowth, GrowthOptions, Period, PeriodActivity,
    PeriodCheckpoint, PeriodOptions, PopulationOptions, Psth, PsthOptions, SaccadeOptions, Selectivity,
    SelectivityOptions, Test, Tuning,
};
use crate::error::{Error, Result};
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, moving_average};

/// Trials of each pair of a stimulus and a distractor location.
const REPEATS: usize = 16;
/// The published pictures of rule odrd take checkpoints from about so many trials before it leaves chance.
const LEAD: u64 = 20_000;
/// Evaluations that the performance is averaged over to tell when it leaves chance.
const WINDOW: usize = 5;

/// What the claims are held against: tables of a run's analyses. Those that are none are made when asked for
/// ([`Evidence::complete`]); those of rules that the run was not trained on stay none.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Trials trained at the first checkpoint that tables of rule odrd are of, if not of all: the published pictures
    /// have no checkpoint of the long time at chance before.
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
    /// What units do that the published test and the unbiased one select, in this order.
    pub units: Option<[UnitEvidence; 2]>,
}

/// What the units that one test selects do.
#[derive(Clone, Debug)]
pub struct UnitEvidence {
    /// The test.
    pub test: Test,
    /// Of [`Psth::table`], stim1 of odrd, the opposite location too, from [`Evidence::begin`] on.
    pub psth: DataFrame,
    /// Of [`Tuning::fits`], of the same.
    pub fits: DataFrame,
    /// Of [`Tuning::heights`], of the same.
    pub heights: DataFrame,
    /// Of [`Tuning::height_tests`], of the same.
    pub height_tests: DataFrame,
    /// Of [`EpochGrowth::table`]: delay1 of odr, units selected in stim1.
    pub growth_of_stim1_units: DataFrame,
    /// The same of units selected in delay1.
    pub growth_of_delay1_units: DataFrame,
    /// Of [`analysis::PeriodAnova::table`]: delay2 of odrd at the last checkpoint of each stage.
    pub delay2: DataFrame,
}

impl Evidence {
    /// Makes the tables that are none from the run's checkpoints.
    ///
    /// # Errors
    /// If the run has no checkpoint, a checkpoint cannot be read, or the log does not have it.
    pub fn complete(mut self, run: &Run, readout: &ReadoutOptions) -> Result<Evidence> {
        let trained = |rule: Rule| run.hyperparameters().rule_trains.contains(&rule);
        let all = Selection::All;
        if self.performance.is_none() {
            self.performance = Some(analysis::performance_growth_with(run, &GrowthOptions::default())?);
        }
        if self.begin.is_none() {
            self.begin = leaves_chance(run).map(|trials| trials.saturating_sub(LEAD));
        }
        let begin = self.begin.unwrap_or(0);
        if self.distractor.is_none() && trained(Rule::Odrd) {
            let options = DistractorOptions { repeats: REPEATS, ..DistractorOptions::default() };
            let late = Selection::Between(begin, u64::MAX);
            self.distractor = Some(analysis::distractor(run, &late, &options, readout)?.performance()?);
        }
        if self.saccade.is_none() && trained(Rule::Gap) {
            self.saccade = Some(analysis::saccade(run, &all, Rule::Gap, &SaccadeOptions::default(), readout)?);
        }
        if self.decoder.is_none() && trained(Rule::Odr) {
            let activity = Readout::new(readout.clone())?.activity(&run.last()?, Rule::Odr)?;
            self.decoder = Some(analysis::decoder(&activity, &DecoderOptions::default())?);
        }
        if trained(Rule::Odr) && trained(Rule::Odrd) {
            if self.agreement.is_none() {
                let [first, second] = ["odr:stim1".parse()?, "odrd:stim1".parse()?];
                let options = AgreementOptions::default();
                self.agreement = Some(analysis::agreement(run, &all, first, second, &options, readout)?);
            }
            if self.units.is_none() {
                self.units = Some(units(run, begin, readout)?);
            }
        }
        Ok(self)
    }
}

/// The trials after which rule odrd first leaves the early stage, by the average of a few evaluations; none if it never
/// does.
fn leaves_chance(run: &Run) -> Option<u64> {
    let entries = || run.evaluations().entries.iter();
    let known = entries().filter_map(|entry| Some((entry.trials_trained, entry.performance(Rule::Odrd)?)));
    let (trials, performance): (Vec<u64>, Vec<f64>) = known.unzip();
    let averaged = moving_average(&performance, WINDOW);
    let place = averaged.iter().position(|average| *average > run.hyperparameters().early_target_perf)?;
    // As far as there are checkpoints from there on.
    let last = run.last().ok()?.trials_trained();
    trials.get(place).copied().filter(|trials| *trials <= last)
}

/// The analyses of selected units while checkpoints are added.
struct Gathering {
    test: Test,
    psth: Psth,
    tuning: Tuning,
    growth: [EpochGrowth; 2],
    delay2: PeriodActivity,
    period: PeriodOptions,
}

impl Gathering {
    fn new(test: Test) -> Gathering {
        let population = PopulationOptions { test, ..PopulationOptions::default() };
        let growth = || EpochGrowth::new(population.clone());
        Gathering {
            test,
            psth: Psth::new(PsthOptions { test, opposite: true, ..PsthOptions::default() }),
            tuning: Tuning::new(population.clone()),
            growth: [growth(), growth()],
            delay2: PeriodActivity { checkpoints: Vec::new() },
            period: PeriodOptions { test, ..PeriodOptions::default() },
        }
    }

    fn evidence(&self) -> Result<UnitEvidence> {
        Ok(UnitEvidence {
            test: self.test,
            psth: self.psth.table()?,
            fits: self.tuning.fits()?,
            heights: self.tuning.heights()?,
            height_tests: self.tuning.height_tests()?,
            growth_of_stim1_units: self.growth[0].table()?,
            growth_of_delay1_units: self.growth[1].table()?,
            delay2: self.delay2.anova().table()?,
        })
    }
}

/// Reads each checkpoint once and hands its activity to all analyses of selected units.
fn units(run: &Run, begin: u64, readout: &ReadoutOptions) -> Result<[UnitEvidence; 2]> {
    let mut readout = Readout::new(readout.clone())?;
    let mut tests = [Test::Published, Test::Unbiased].map(Gathering::new);
    let options = SelectivityOptions::default();
    for checkpoint in run.checkpoints()?.iter() {
        let trials = checkpoint.trials_trained();
        let stage = |rule: Rule| {
            run.stage_at(rule, trials).ok_or_else(|| {
                let path = run.path().display();
                Error::argument(
                    format!("the log of `{path}` has no performance on `{rule}` after {trials} trials"),
                    "remove the checkpoint, or train the run again",
                )
            })
        };
        let delayed = readout.activity(checkpoint, Rule::Odr)?;
        let cue = Selectivity::of(&delayed, Epoch::Stim1, &options)?;
        let delay1 = Selectivity::of(&delayed, Epoch::Delay1, &options)?;
        for test in &mut tests {
            test.growth[0].add(stage(Rule::Odr)?, &delay1, &cue)?;
            test.growth[1].add(stage(Rule::Odr)?, &delay1, &delay1)?;
        }
        if trials < begin {
            continue;
        }
        let distracted = readout.activity(checkpoint, Rule::Odrd)?;
        let stim1 = Selectivity::of(&distracted, Epoch::Stim1, &options)?;
        let delay2 = Selectivity::of(&distracted, Epoch::Delay2, &options)?;
        for test in &mut tests {
            let stage = stage(Rule::Odrd)?;
            test.psth.add(stage, &distracted, &stim1)?;
            test.tuning.add(Some(stage), &stim1, &stim1)?;
            let period = Period::Epoch(Epoch::Delay2);
            let found = PeriodCheckpoint::of(Some(stage), &distracted, &delay2, &period, &test.period)?;
            test.delay2.checkpoints.push(found);
        }
    }
    let [published, unbiased] = &tests;
    Ok([published.evidence()?, unbiased.evidence()?])
}

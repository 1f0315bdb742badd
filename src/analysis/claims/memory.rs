//! What units do in the two memory rules: one way through the checkpoints for all that is asked of them.

use polars::frame::DataFrame;

use crate::activity::Activity;
use crate::analysis::agreement::{Agreement, RuleEpoch, table};
use crate::analysis::claims::evidence::from;
use crate::analysis::claims::units::UnitsByStage;
use crate::analysis::claims::{DelayedUnits, DistractedUnits};
use crate::analysis::{
    AverageOptions, EpochGrowth, Period, PeriodActivity, PeriodCheckpoint, Population, Psth, PsthOptions, Selectivity,
    SelectivityOptions, SelectivityTest, Tuning,
};
use crate::error::Result;
use crate::readout::{Readout, ReadoutOptions};
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, Stage};

/// The tests whose units are compared.
pub(super) const TESTS: [SelectivityTest; 2] = [SelectivityTest::Published, SelectivityTest::Unbiased];

/// What is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) agreement: bool,
    pub(super) delayed: bool,
    pub(super) distracted: bool,
}

/// What was found of it, and what each unit does at each stage.
pub(super) struct MemoryRules {
    pub(super) agreement: Option<DataFrame>,
    pub(super) delayed: Option<[DelayedUnits; 2]>,
    pub(super) distracted: Option<[DistractedUnits; 2]>,
    pub(super) units: DataFrame,
    pub(super) unit_counts: DataFrame,
}

impl MemoryRules {
    /// Reads every checkpoint out once for each rule; of rule odrd alone, those from `begin` on.
    pub(super) fn of(run: &Run, begin: u64, wanted: Wanted, readout: &ReadoutOptions) -> Result<MemoryRules> {
        let mut readout = Readout::new(readout.clone())?;
        let mut units = UnitsByStage::default();
        let (mut delayed, mut distracted) = (Delayed::new(run), Distracted::new(run));
        let (mut trials, mut agreements) = (Vec::new(), Vec::new());
        let checkpoints = match wanted.agreement || wanted.delayed {
            true => run.visit(Selection::All, Rule::ODR)?,
            false => run.visit(from(begin), Rule::ODRD)?,
        };
        if wanted.distracted {
            run.selected(from(begin), Rule::ODRD)?;
        }
        let (options, population) = (SelectivityOptions::default().of_run(run), Population::default());
        let cue = |activity: &Activity| Selectivity::of(activity, Epoch::Stim1, &options);
        for visited in checkpoints {
            let visited = visited?;
            let checkpoint = &visited.checkpoint;
            let mut odr = None;
            if wanted.agreement || wanted.delayed {
                let activity = readout.activity(checkpoint, Rule::ODR)?;
                let stim1 = cue(&activity)?;
                if wanted.delayed {
                    let delay1 = Selectivity::of(&activity, Epoch::Delay1, &options)?;
                    let stage = visited.stage_of(Rule::ODR)?;
                    delayed.add(stage, &stim1, &delay1)?;
                    units.add_delayed(stage, &stim1, &delay1)?;
                }
                odr = Some(stim1);
            }
            let is_distracted = wanted.distracted && visited.trials_trained() >= begin;
            if wanted.agreement || is_distracted {
                let activity = readout.activity(checkpoint, Rule::ODRD)?;
                let stim1 = cue(&activity)?;
                if is_distracted {
                    let delay2 = Selectivity::of(&activity, Epoch::Delay2, &options)?;
                    let stage = visited.stage_of(Rule::ODRD)?;
                    distracted.add(stage, &activity, &stim1, &delay2)?;
                    units.add_distracted(stage, &stim1, &delay2)?;
                }
                if let Some(odr) = odr.filter(|_| wanted.agreement) {
                    trials.push(visited.trials_trained());
                    agreements.push(Agreement::of(&odr, &stim1, &population)?);
                }
            }
        }
        let [first, second] = [Rule::ODR, Rule::ODRD].map(|rule| RuleEpoch { rule, epoch: Epoch::Stim1 });
        Ok(MemoryRules {
            agreement: wanted.agreement.then(|| table(run, [first, second], &trials, &agreements)).transpose()?,
            delayed: wanted.delayed.then(|| delayed.evidence()).transpose()?,
            distracted: wanted.distracted.then(|| distracted.evidence()).transpose()?,
            units: units.table()?,
            unit_counts: units.counts_table()?,
        })
    }
}

/// The averages of the units that a test selects.
fn average(run: &Run, test: SelectivityTest) -> AverageOptions {
    AverageOptions { population: Population::by(test), ..AverageOptions::default() }.of_run(run)
}

/// For each test the growth of delay activity of the units selected in the cue and in the delay.
struct Delayed([[EpochGrowth; 2]; 2]);

impl Delayed {
    fn new(run: &Run) -> Delayed {
        let growth = |test: SelectivityTest| EpochGrowth::new(average(run, test));
        Delayed(TESTS.map(|test| [growth(test), growth(test)]))
    }

    fn add(&mut self, stage: Stage, stim1: &Selectivity, delay1: &Selectivity) -> Result<()> {
        for [of_stim1, of_delay1] in &mut self.0 {
            of_stim1.add(stage, delay1, stim1)?;
            of_delay1.add(stage, delay1, delay1)?;
        }
        Ok(())
    }

    fn evidence(&self) -> Result<[DelayedUnits; 2]> {
        let evidence = |place: usize| {
            let [of_stim1, of_delay1] = &self.0[place];
            let (growth_of_stim1_units, growth_of_delay1_units) = (of_stim1.table()?, of_delay1.table()?);
            Ok(DelayedUnits { test: TESTS[place], growth_of_stim1_units, growth_of_delay1_units })
        };
        Ok([evidence(0)?, evidence(1)?])
    }
}

/// The same for the rule with a distractor.
struct Distracted {
    populations: [Population; 2],
    psths: [Psth; 2],
    tunings: [Tuning; 2],
    periods: [PeriodActivity; 2],
}

impl Distracted {
    fn new(run: &Run) -> Distracted {
        let populations = TESTS.map(|test| Population::by(test).of_run(run));
        let psth = |population: &Population| {
            Psth::new(PsthOptions { population: population.clone(), opposite: true, ..PsthOptions::default() })
        };
        Distracted {
            psths: populations.each_ref().map(psth),
            tunings: TESTS.map(|test| Tuning::new(average(run, test))),
            periods: TESTS.map(|_| PeriodActivity { checkpoints: Vec::new() }),
            populations,
        }
    }

    fn add(&mut self, stage: Stage, activity: &Activity, stim1: &Selectivity, delay2: &Selectivity) -> Result<()> {
        for (place, units) in self.populations.iter().enumerate() {
            self.psths[place].add(stage, activity, stim1)?;
            self.tunings[place].add(Some(stage), stim1, stim1)?;
            let found = PeriodCheckpoint::of(Some(stage), activity, delay2, &Period::Epoch(Epoch::Delay2), units)?;
            self.periods[place].checkpoints.push(found);
        }
        Ok(())
    }

    fn evidence(&self) -> Result<[DistractedUnits; 2]> {
        let evidence = |place: usize| {
            Ok(DistractedUnits {
                test: TESTS[place],
                psth: self.psths[place].table()?,
                fits: self.tunings[place].fits()?,
                heights: self.tunings[place].heights()?,
                height_tests: self.tunings[place].height_tests()?,
                delay2: self.periods[place].anova().table()?,
            })
        };
        Ok([evidence(0)?, evidence(1)?])
    }
}

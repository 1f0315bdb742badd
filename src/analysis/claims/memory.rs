//! What units do in the two memory rules, by both tests of selectivity.

use crate::activity::Activity;
use crate::analysis::claims::evidence::from;
use crate::analysis::claims::units::UnitsByStage;
use crate::analysis::claims::{DelayedUnits, DistractedUnits};
use crate::analysis::survey::{Asked, Need, Seen, Survey};
use crate::analysis::{
    AverageOptions, EpochGrowth, Period, PeriodActivity, PeriodCheckpoint, Population, Psth, PsthOptions, Selectivity,
    SelectivityOptions, SelectivityTest, Tuning,
};
use crate::error::Result;
use crate::tasks::{Epoch, Rule};
use crate::training::{Run, Selection, Stage};

/// The tests whose units are compared.
pub(super) const TESTS: [SelectivityTest; 2] = [SelectivityTest::Published, SelectivityTest::Unbiased];

/// How units are tested for either test.
fn tested(run: &Run) -> SelectivityOptions {
    SelectivityOptions::default().of_run(run)
}

/// The averages of the units that a test selects.
fn average(run: &Run, test: SelectivityTest) -> AverageOptions {
    AverageOptions { population: Population::by(test), ..AverageOptions::default() }.of_run(run)
}

/// What units do in rule odr: for each test the growth of delay activity of those selected in the cue and in the delay.
pub(super) struct Delayed {
    growth: [[EpochGrowth; 2]; 2],
    pub(super) units: UnitsByStage,
}

impl Delayed {
    /// Asks for it at every checkpoint.
    pub(super) fn ask(survey: &mut Survey) -> Result<Asked<Delayed>> {
        let (run, rule) = (survey.run(), Rule::ODR);
        let growth = |test: SelectivityTest| EpochGrowth::new(average(run, test));
        let growth = TESTS.map(|test| [growth(test), growth(test)]);
        let nothing = Delayed { growth, units: UnitsByStage::default() };
        let options = tested(run);
        survey.ask((Selection::All, rule), [Need::Activity(rule)], nothing, move |found, seen| {
            let units = |epoch| seen.selectivity(rule, epoch, &options);
            found.add(seen.stage_of(rule)?, &*units(Epoch::Stim1)?, &*units(Epoch::Delay1)?)
        })
    }

    fn add(&mut self, stage: Stage, stim1: &Selectivity, delay1: &Selectivity) -> Result<()> {
        for [of_stim1, of_delay1] in &mut self.growth {
            of_stim1.add(stage, delay1, stim1)?;
            of_delay1.add(stage, delay1, delay1)?;
        }
        self.units.add_delayed(stage, stim1, delay1)
    }

    pub(super) fn evidence(&self) -> Result<[DelayedUnits; 2]> {
        let evidence = |place: usize| {
            let [of_stim1, of_delay1] = &self.growth[place];
            let (growth_of_stim1_units, growth_of_delay1_units) = (of_stim1.table()?, of_delay1.table()?);
            Ok(DelayedUnits { test: TESTS[place], growth_of_stim1_units, growth_of_delay1_units })
        };
        Ok([evidence(0)?, evidence(1)?])
    }
}

/// What units do in rule odrd.
pub(super) struct Distracted {
    populations: [Population; 2],
    psths: [Psth; 2],
    tunings: [Tuning; 2],
    periods: [PeriodActivity; 2],
    pub(super) units: UnitsByStage,
}

impl Distracted {
    /// Asks for it at the checkpoints from `begin` on.
    pub(super) fn ask(survey: &mut Survey, begin: u64) -> Result<Asked<Distracted>> {
        let (run, rule) = (survey.run(), Rule::ODRD);
        let options = tested(run);
        survey.ask((from(begin), rule), [Need::Activity(rule)], Distracted::new(run), move |found, seen| {
            let units = |epoch| seen.selectivity(rule, epoch, &options);
            found.add(seen, seen.activity(rule)?, &*units(Epoch::Stim1)?, &*units(Epoch::Delay2)?)
        })
    }

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
            units: UnitsByStage::default(),
        }
    }

    fn add(&mut self, seen: &Seen, activity: &Activity, stim1: &Selectivity, delay2: &Selectivity) -> Result<()> {
        let stage = seen.stage_of(Rule::ODRD)?;
        for (place, units) in self.populations.iter().enumerate() {
            self.psths[place].add_with(stage, activity, stim1, || seen.location_means(Rule::ODRD))?;
            self.tunings[place].add(Some(stage), stim1, stim1)?;
            let found = PeriodCheckpoint::of(Some(stage), activity, delay2, &Period::Epoch(Epoch::Delay2), units)?;
            self.periods[place].checkpoints.push(found);
        }
        self.units.add_distracted(stage, stim1, delay2)
    }

    pub(super) fn evidence(&self) -> Result<[DistractedUnits; 2]> {
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

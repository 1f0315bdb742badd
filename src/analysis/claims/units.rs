//! What each selective unit does at each stage, and how many units there are of each kind.

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::analysis::claims::memory::TESTS;
use crate::analysis::{Kind, Population, Selectivity, SelectivityTest, UnitSelectivity, population};
use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};
use crate::training::Stage;

/// What is asked of a unit, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Measure {
    DelayActivity,
    TuningHeight,
}

impl Measure {
    fn name(self) -> &'static str {
        match self {
            Measure::DelayActivity => "delay_activity",
            Measure::TuningHeight => "tuning_height",
        }
    }

    fn rule(self) -> Rule {
        match self {
            Measure::DelayActivity => Rule::ODR,
            Measure::TuningHeight => Rule::ODRD,
        }
    }
}

/// Sums over checkpoints, and their number, of each stage.
type Sums = [(f64, u32); 3];

/// Sums over checkpoints, so that memory does not grow with their number.
#[derive(Default)]
pub(super) struct UnitsByStage {
    /// By measure, whether units are selected in the cue (0) or later (1), the test's place, and unit.
    values: BTreeMap<(Measure, usize, usize, usize), Sums>,
    /// By whether the rule has a distractor, the same epoch and test, and the kind's place.
    counts: BTreeMap<(bool, usize, usize, usize), Sums>,
}

/// The table of units of a run that was trained on neither rule.
pub(crate) fn no_units() -> Result<DataFrame> {
    UnitsByStage::default().table()
}

/// The epochs in which units of a rule are selected.
fn epochs(is_distracted: bool) -> [Epoch; 2] {
    [Epoch::Stim1, if is_distracted { Epoch::Delay2 } else { Epoch::Delay1 }]
}

impl UnitsByStage {
    /// These and those of the other rule.
    pub(super) fn with(mut self, other: UnitsByStage) -> UnitsByStage {
        self.values.extend(other.values);
        self.counts.extend(other.counts);
        self
    }

    /// Adds a checkpoint of rule odr.
    pub(super) fn add_delayed(&mut self, stage: Stage, stim1: &Selectivity, delay1: &Selectivity) -> Result<()> {
        for (test_at, test) in TESTS.into_iter().enumerate() {
            for (epoch_at, selected) in [stim1, delay1].into_iter().enumerate() {
                let rate = |unit: &UnitSelectivity, preferred: usize| {
                    population::rates(delay1, unit).get(preferred).copied().flatten()
                };
                self.add(stage, (Measure::DelayActivity, epoch_at, test_at), (delay1, selected, test), rate)?;
            }
        }
        self.count(stage, false, [stim1, delay1]);
        Ok(())
    }

    /// Adds a checkpoint of rule odrd.
    pub(super) fn add_distracted(&mut self, stage: Stage, stim1: &Selectivity, delay2: &Selectivity) -> Result<()> {
        for (test_at, test) in TESTS.into_iter().enumerate() {
            let height = |unit: &UnitSelectivity, _: usize| {
                let known = || population::rates(stim1, unit).iter().flatten().copied();
                Some(known().reduce(f64::max)? - known().reduce(f64::min)?)
            };
            self.add(stage, (Measure::TuningHeight, 0, test_at), (stim1, stim1, test), height)?;
        }
        self.count(stage, true, [stim1, delay2]);
        Ok(())
    }

    fn add(
        &mut self,
        stage: Stage,
        (measure, epoch_at, test_at): (Measure, usize, usize),
        (measured, selected, test): (&Selectivity, &Selectivity, SelectivityTest),
        value: impl Fn(&UnitSelectivity, usize) -> Option<f64>,
    ) -> Result<()> {
        for (unit, preferred) in Population::by(test).chosen(measured, selected)? {
            if let Some(value) = value(unit, preferred) {
                let sums = self.values.entry((measure, epoch_at, test_at, unit.unit)).or_default();
                sums[stage as usize].0 += value;
                sums[stage as usize].1 += 1;
            }
        }
        Ok(())
    }

    fn count(&mut self, stage: Stage, is_distracted: bool, of_epochs: [&Selectivity; 2]) {
        for (epoch_at, found) in of_epochs.into_iter().enumerate() {
            for (test_at, test) in TESTS.into_iter().enumerate() {
                for (kind_at, kind) in Kind::ALL.iter().enumerate() {
                    let units = found.units.iter().filter(|unit| unit.kind(test) == *kind).count();
                    let sums = self.counts.entry((is_distracted, epoch_at, test_at, kind_at)).or_default();
                    sums[stage as usize].0 += units as f64;
                    sums[stage as usize].1 += 1;
                }
            }
        }
    }

    /// The table that [`crate::analysis::Evidence::units`] describes.
    pub(super) fn table(&self) -> Result<DataFrame> {
        let rows: Vec<_> = self.values.iter().flat_map(|(key, sums)| known(sums).map(move |row| (*key, row))).collect();
        let text = |of: &dyn Fn(Measure, usize, usize) -> String| {
            rows.iter().map(|((measure, epoch, test, _), _)| of(*measure, *epoch, *test)).collect::<Vec<_>>()
        };
        df![
            "measure" => text(&|measure, _, _| measure.name().to_owned()),
            "rule" => text(&|measure, _, _| measure.rule().name().to_owned()),
            "selected_in" => text(&|measure, epoch, _| epochs(measure == Measure::TuningHeight)[epoch].to_string()),
            "test" => text(&|_, _, test| TESTS[test].name().to_owned()),
            "unit" => rows.iter().map(|(key, _)| key.3 as u32).collect::<Vec<_>>(),
            "stage" => rows.iter().map(|(_, row)| row.0.name()).collect::<Vec<_>>(),
            "value" => rows.iter().map(|(_, row)| row.1).collect::<Vec<_>>(),
            "checkpoints" => rows.iter().map(|(_, row)| row.2).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of units by stage"))
    }

    /// The table that [`crate::analysis::Evidence::unit_counts`] describes.
    pub(super) fn counts_table(&self) -> Result<DataFrame> {
        let rows: Vec<_> = self.counts.iter().flat_map(|(key, sums)| known(sums).map(move |row| (*key, row))).collect();
        let rule = |is_distracted: bool| if is_distracted { Rule::ODRD } else { Rule::ODR };
        df![
            "rule" => rows.iter().map(|(key, _)| rule(key.0).name()).collect::<Vec<_>>(),
            "selected_in" => rows.iter().map(|(key, _)| epochs(key.0)[key.1].to_string()).collect::<Vec<_>>(),
            "test" => rows.iter().map(|(key, _)| TESTS[key.2].name()).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|(key, _)| Kind::ALL[key.3].name()).collect::<Vec<_>>(),
            "stage" => rows.iter().map(|(_, row)| row.0.name()).collect::<Vec<_>>(),
            "units" => rows.iter().map(|(_, row)| row.1).collect::<Vec<_>>(),
            "checkpoints" => rows.iter().map(|(_, row)| row.2).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of units by kind"))
    }
}

/// The stages that have a checkpoint, with the mean over them and their number.
fn known(sums: &Sums) -> impl Iterator<Item = (Stage, f64, u32)> {
    let of = |stage: Stage| (stage, sums[stage as usize]);
    Stage::ALL.into_iter().map(of).filter(|(_, sum)| sum.1 > 0).map(|(stage, (sum, n))| (stage, sum / f64::from(n), n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{SelectivityOptions, golden};
    use crate::tables::Columns;

    #[test]
    fn a_unit_is_averaged_over_the_checkpoints_that_select_it_and_kinds_add_up_to_all() {
        let units = |trials: u64| {
            let of = |epoch| Selectivity::of(&golden::activity("odr", trials), epoch, &SelectivityOptions::default());
            [of(Epoch::Stim1).unwrap(), of(Epoch::Delay1).unwrap()]
        };
        let checkpoints = [263_680, 296_960, 716_800].map(units);
        let mut found = UnitsByStage::default();
        for ([stim1, delay1], stage) in checkpoints.iter().zip([Stage::Early, Stage::Mature, Stage::Mature]) {
            found.add_delayed(stage, stim1, delay1).unwrap();
        }
        let table = found.table().unwrap();
        let columns = Columns::of(&table, "the table");
        let (numbers, stages) = (columns.counts("unit").unwrap(), columns.names("stage").unwrap());
        let (selected, tests) = (columns.names("selected_in").unwrap(), columns.names("test").unwrap());
        let (values, counts) = (columns.numbers("value").unwrap(), columns.counts("checkpoints").unwrap());
        let mut compared = 0;
        for row in 0..table.height() {
            let places = if stages[row] == "early" { 0..1 } else { 1..3 };
            let test: SelectivityTest = tests[row].parse().unwrap();
            let mut by_hand = Vec::new();
            for [stim1, delay1] in &checkpoints[places] {
                let selecting = if selected[row] == "stim1" { stim1 } else { delay1 };
                let at = |found: &Selectivity| found.units.iter().position(|u| u.unit as u64 == numbers[row]).unwrap();
                let unit = &selecting.units[at(selecting)];
                if [Kind::Excited, Kind::Mixed].contains(&unit.kind(test)) {
                    let measured = &delay1.units[at(delay1)];
                    by_hand.push(population::rates(delay1, measured)[unit.preferred(test)].unwrap());
                }
            }
            assert_eq!(by_hand.len() as u64, counts[row]);
            golden::within(golden::mixed(values[row], by_hand.iter().sum::<f64>() / by_hand.len() as f64), 1e-12, row);
            compared += by_hand.len();
        }
        assert!(compared > 10, "{compared}");

        let counts = found.counts_table().unwrap();
        assert_eq!(counts.height(), 2 * 2 * 4 * 2, "epochs, tests, kinds, the two stages that there are");
        let units = Columns::of(&counts, "the counts").numbers("units").unwrap();
        let all = checkpoints[0][0].units.len() as f64;
        assert!((units.iter().sum::<f64>() - all * 8.0).abs() < 1e-9);
    }
}

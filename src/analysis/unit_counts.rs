//! How many units each test of selectivity keeps.

use polars::prelude::*;

use crate::analysis::{Kind, Selectivity, SelectivityTest};
use crate::error::{Error, Result};
use crate::training::Stage;

/// The number of units of each kind by the published and by the unbiased test, checkpoint by checkpoint.
#[derive(Clone, Debug, Default)]
pub struct UnitCounts {
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    trials_trained: Option<u64>,
    stage: Option<Stage>,
    test: SelectivityTest,
    kind: Kind,
    units: u32,
    shared: u32,
}

impl UnitCounts {
    /// Counts without any checkpoint yet.
    pub fn new() -> UnitCounts {
        UnitCounts::default()
    }

    /// Adds a checkpoint; its stage is none for a recording.
    pub fn add(&mut self, stage: Option<Stage>, selectivity: &Selectivity) {
        for &test in SelectivityTest::ALL {
            let other =
                if test == SelectivityTest::Published { SelectivityTest::Unbiased } else { SelectivityTest::Published };
            for &kind in Kind::ALL {
                let of_kind = || selectivity.units.iter().filter(|unit| unit.kind(test) == kind);
                let agrees = |same: bool| same == (kind != Kind::NotSelective);
                self.rows.push(Row {
                    trials_trained: selectivity.trials_trained,
                    stage,
                    test,
                    kind,
                    units: of_kind().count() as u32,
                    shared: of_kind().filter(|unit| agrees(unit.is_selective(other))).count() as u32,
                });
            }
        }
    }

    /// The counts as a table.
    ///
    /// Columns: trials_trained; stage (null for a recording); test (published, unbiased); kind (excited, inhibited,
    /// mixed, none); units, the number of that kind by that test; shared, how many of these the other test calls
    /// selective too (of kind none: not selective either).
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let rows = &self.rows;
        df![
            "trials_trained" => rows.iter().map(|row| row.trials_trained).collect::<Vec<_>>(),
            "stage" => rows.iter().map(|row| row.stage.map(Stage::name)).collect::<Vec<_>>(),
            "test" => rows.iter().map(|row| row.test.name()).collect::<Vec<_>>(),
            "kind" => rows.iter().map(|row| row.kind.name()).collect::<Vec<_>>(),
            "units" => rows.iter().map(|row| row.units).collect::<Vec<_>>(),
            "shared" => rows.iter().map(|row| row.shared).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("cannot make the table of unit counts"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{SelectivityOptions, golden};

    fn counts(table: &DataFrame, column: &str) -> Vec<u32> {
        table.column(column).unwrap().u32().unwrap().iter().flatten().collect()
    }

    #[test]
    fn counts_are_those_of_the_published_lists() {
        let info = golden::json("neuron_info");
        for trials in [58880, 64000, 716800] {
            let activity = golden::activity("gap", trials);
            let units = Selectivity::of(&activity, "stim1".parse().unwrap(), &SelectivityOptions::default()).unwrap();
            let mut found = UnitCounts::new();
            found.add(Some(Stage::Mid), &units);
            let table = found.table().unwrap();
            let (units, shared) = (counts(&table, "units"), counts(&table, "shared"));
            let case = &info["cases"][format!("gap__stim1__{trials}__norm1")];
            let expected =
                ["exh_neurons", "inh_neurons", "mix_neurons"].map(|list| case[list].as_array().unwrap().len() as u32);
            assert_eq!(units[..3], expected);
            for test in units.chunks(4) {
                assert_eq!(test.iter().sum::<u32>(), 20);
            }
            let selective = |counts: &[u32]| counts[..3].iter().sum::<u32>();
            assert_eq!(selective(&shared[..4]), selective(&shared[4..]), "both tests share the same units");
            assert_eq!(shared[3], shared[7]);
            assert!(units.iter().zip(&shared).all(|(units, shared)| shared <= units));
        }
    }

    #[test]
    fn the_unbiased_test_drops_designed_noise() {
        let activity = golden::synthetic();
        let units = Selectivity::of(&activity, "stim1".parse().unwrap(), &SelectivityOptions::default()).unwrap();
        let mut found = UnitCounts::new();
        assert_eq!(found.table().unwrap().shape(), (0, 6));
        found.add(None, &units);
        let table = found.table().unwrap();
        assert_eq!(table.column("stage").unwrap().null_count(), 8);
        let kept = |test: SelectivityTest| units.units.iter().filter(|unit| unit.is_selective(test)).count() as u32;
        let counts = counts(&table, "units");
        assert_eq!(counts[..3].iter().sum::<u32>(), kept(SelectivityTest::Published));
        assert_eq!(counts[4..7].iter().sum::<u32>(), kept(SelectivityTest::Unbiased));
    }
}

//! Which units an analysis averages, and how sure it is of the average.

use crate::analysis::{Kind, Selectivity, SelectivityOptions, Test, UnitSelectivity};
use crate::error::{Error, Result};
use crate::training::{Run, Stage};

/// Which units of a population are averaged. The default is as published.
#[derive(Clone, Debug, PartialEq)]
pub struct PopulationOptions {
    /// The kinds of units: excited and mixed ones.
    pub kinds: Vec<Kind>,
    /// Which test says that a unit is selective, of which kind, and what it prefers.
    pub test: Test,
    /// How units are tested; also whether rates are relative to fix1 (`normalisation`), and what of fix1 is left out.
    pub selectivity: SelectivityOptions,
    /// Units are selected once, at the last checkpoint of this stage, and followed with their preferred locations
    /// through the others; none: selected anew at each checkpoint.
    pub follow: Option<Stage>,
    /// Resamples of the units for 95 % intervals (1000 is usual); 0 makes none.
    pub bootstrap: usize,
    /// Decides the resamples.
    pub seed: u64,
}

impl Default for PopulationOptions {
    fn default() -> Self {
        PopulationOptions {
            kinds: vec![Kind::Excited, Kind::Mixed],
            test: Test::Published,
            selectivity: SelectivityOptions::default(),
            follow: None,
            bootstrap: 0,
            seed: 0,
        }
    }
}

impl PopulationOptions {
    /// The same for a run: [`SelectivityOptions::of_run`].
    pub(super) fn of_run(&self, run: &Run) -> PopulationOptions {
        PopulationOptions { selectivity: self.selectivity.of_run(run), ..self.clone() }
    }

    /// The units that `selected` chooses, as they are in `measured`, each with its preferred location.
    ///
    /// # Errors
    /// If the two are not of one population, or the parts of one do not fit together.
    pub(super) fn chosen<'a>(
        &self,
        measured: &'a Selectivity,
        selected: &Selectivity,
    ) -> Result<Vec<(&'a UnitSelectivity, usize)>> {
        let misfit = || {
            Error::argument(
                format!(
                    "units selected among {} with {} locations are not of this population of {} with {}",
                    selected.units.len(),
                    selected.location_count,
                    measured.units.len(),
                    measured.location_count
                ),
                "select and measure units of the same population",
            )
        };
        measured.check()?;
        selected.check()?;
        if selected.location_count != measured.location_count {
            return Err(misfit());
        }
        let mut chosen = Vec::new();
        for unit in selected.units.iter().filter(|unit| self.kinds.contains(&unit.kind(self.test))) {
            let same = measured.units.get(unit.unit).filter(|found| found.unit == unit.unit);
            let found = same.or_else(|| measured.units.iter().find(|found| found.unit == unit.unit));
            chosen.push((found.ok_or_else(misfit)?, unit.preferred(self.test)));
        }
        Ok(chosen)
    }
}

/// The rates of a unit of a population by location, relative to fix1 or absolute as they were tested.
pub(super) fn rates<'a>(measured: &Selectivity, unit: &'a UnitSelectivity) -> &'a [Option<f64>] {
    if measured.normalisation.is_relative() { &unit.rates } else { &unit.absolute }
}

/// One more than the largest number of a unit.
pub(super) fn population(selectivity: &Selectivity) -> usize {
    selectivity.units.iter().map(|unit| unit.unit.saturating_add(1)).max().unwrap_or(0)
}

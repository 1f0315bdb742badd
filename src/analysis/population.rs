//! Which units an analysis takes.

use crate::analysis::{Kind, Selectivity, SelectivityOptions, SelectivityTest, UnitSelectivity};
use crate::error::{Error, Result};
use crate::training::Run;

/// Which units of a population an analysis takes: selective ones of some kinds. The default is as published.
///
/// ```
/// use maturation::prelude::*;
///
/// let published = Population::default();
/// let unbiased = Population::by(SelectivityTest::Unbiased);
/// let inhibited = Population { kinds: vec![Kind::Inhibited], ..Population::default() };
/// assert_eq!(unbiased.kinds, published.kinds);
/// assert_eq!(inhibited.test, published.test);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// The kinds of units: excited and mixed ones.
    pub kinds: Vec<Kind>,
    /// Which test says that a unit is selective, of which kind, and what it prefers.
    pub test: SelectivityTest,
    /// How units are tested; also what rates are relative to fix1 (`normalisation`), and what of fix1 is left out.
    pub selectivity: SelectivityOptions,
}

impl Default for Population {
    fn default() -> Self {
        Population {
            kinds: vec![Kind::Excited, Kind::Mixed],
            test: SelectivityTest::Published,
            selectivity: SelectivityOptions::default(),
        }
    }
}

impl Population {
    /// The excited and mixed units that this test selects.
    pub fn by(test: SelectivityTest) -> Population {
        Population { test, ..Population::default() }
    }

    /// The same for a run: [`SelectivityOptions::of_run`].
    pub(super) fn of_run(&self, run: &Run) -> Population {
        Population { selectivity: self.selectivity.of_run(run), ..self.clone() }
    }

    /// Whether the unit is one of them.
    pub(super) fn takes(&self, unit: &UnitSelectivity) -> bool {
        self.kinds.contains(&unit.kind(self.test))
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
        for unit in selected.units.iter().filter(|unit| self.takes(unit)) {
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

//! Averages over units: of which units, and how sure they are.

use crate::analysis::Population;
use crate::error::Result;
use crate::statistics::UnitResamples;
use crate::training::{Run, Stage};

/// Whether and how an average over units has an interval: units are drawn again and again, with replacement, and 95 %
/// of the averages over them lie in it. The default makes none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bootstrap {
    /// How often units are drawn (1000 is usual); 0: not at all.
    pub resamples: usize,
    /// Decides which.
    pub seed: u64,
}

impl Bootstrap {
    /// So many resamples.
    pub fn of(resamples: usize) -> Bootstrap {
        Bootstrap { resamples, ..Bootstrap::default() }
    }

    /// Whether there are any.
    pub(super) fn is_wanted(self) -> bool {
        self.resamples > 0
    }

    /// Draws the resamples of a population of so many units into `known`, unless these are there already or none are
    /// wanted.
    ///
    /// # Errors
    /// If there are too few or too many.
    pub(super) fn draw(self, known: &mut Option<UnitResamples>, units: usize) -> Result<()> {
        if self.is_wanted() && known.is_none() {
            *known = Some(UnitResamples::new(self.resamples, units, self.seed)?);
        }
        Ok(())
    }
}

/// How the selective units of a run's checkpoints, or of recordings, are averaged. The default is as published.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AverageOptions {
    /// Which units.
    pub population: Population,
    /// Of a run: units are selected once, at the last checkpoint of this stage, and followed with their preferred
    /// locations through the others; none: selected anew at each checkpoint.
    pub follow: Option<Stage>,
    /// The intervals.
    pub bootstrap: Bootstrap,
}

impl AverageOptions {
    /// The same for a run: [`Population::of_run`].
    pub(super) fn of_run(&self, run: &Run) -> AverageOptions {
        AverageOptions { population: self.population.of_run(run), ..self.clone() }
    }
}

//! The arguments of analyses that take some of the units, or average them.

use clap::Args;
use maturation::analysis::{AverageOptions, Bootstrap};
use maturation::prelude::*;

use crate::common::selectivity::TestArguments;

/// Which units are taken.
#[derive(Clone, Debug, Args)]
pub struct UnitArguments {
    /// The kinds of units, of excited, inhibited and mixed.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', default_value = "excited,mixed")]
    pub units: Vec<Kind>,
    /// The test that decides which units are selective: published or unbiased.
    #[arg(long, value_name = "TEST", default_value = "published", visible_alias = "selected-by")]
    pub test: SelectivityTest,
    #[command(flatten)]
    pub tested: TestArguments,
}

impl UnitArguments {
    /// The units of an analysis.
    pub fn population(&self) -> Population {
        let (kinds, test) = (self.units.clone(), self.test);
        Population { kinds, test, selectivity: SelectivityOptions::from(&self.tested) }
    }
}

/// Which units are averaged, and how sure that is.
#[derive(Clone, Debug, Args)]
pub struct AverageArguments {
    #[command(flatten)]
    pub units: UnitArguments,
    /// Select units once, at the last checkpoint of STAGE, and follow them through the others: early, mid or mature.
    #[arg(long, value_name = "STAGE", conflicts_with = "activity")]
    pub follow: Option<Stage>,
    /// Add 95 % intervals from N resamples of the units (1000 is usual).
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub bootstrap: usize,
}

impl AverageArguments {
    /// The options of an analysis; `seed` decides the resamples.
    pub fn options(&self, seed: u64) -> AverageOptions {
        AverageOptions {
            population: self.units.population(),
            follow: self.follow,
            bootstrap: Bootstrap { resamples: self.bootstrap, seed },
        }
    }

    /// What a title says of the choice of units, beside the epoch.
    pub fn about(&self) -> String {
        let mut about = String::new();
        if self.units.test != SelectivityTest::default() {
            about.push_str(&format!(", {} test", self.units.test));
        }
        if let Some(stage) = self.follow {
            about.push_str(&format!(", units of the last {stage} checkpoint followed"));
        }
        about
    }
}

/// The seed that an analysis of a run takes if none is given.
pub fn seed(given: Option<u64>, run: &Run) -> u64 {
    given.unwrap_or(run.hyperparameters().seed)
}

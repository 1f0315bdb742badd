//! How selectivity is tested.

use clap::Args;
use maturation::prelude::*;

/// How selectivity is tested.
#[derive(Clone, Debug, Args)]
pub struct TestArguments {
    /// What rates are set against: ratio (rate / fixation rate − 1, as published; also `yes`), difference, absolute
    /// (also `no`), or auto, ratios where no rate is negative and no fixation rate zero, else absolute rates.
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub normalised: Normalisation,
    /// ms at the start of fix1 to leave out of the baseline (the start-up transient takes about 100 ms).
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub baseline_skip_ms: f64,
}

impl From<&TestArguments> for SelectivityOptions {
    fn from(arguments: &TestArguments) -> Self {
        SelectivityOptions {
            normalisation: arguments.normalised,
            baseline_skip_ms: arguments.baseline_skip_ms,
            ..SelectivityOptions::default()
        }
    }
}

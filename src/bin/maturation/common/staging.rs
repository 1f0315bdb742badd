//! How the stages of a run are told.

use std::path::Path;

use clap::Args;
use maturation::prelude::*;

/// How the stages of a run are told.
#[derive(Clone, Debug, Args)]
pub struct StagingArguments {
    /// Evaluations that the performance is averaged over before it decides the stage (an odd number).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub stage_window: usize,
}

impl StagingArguments {
    /// As [`Run::open`], its stages told so.
    pub fn open(&self, run: impl AsRef<Path>) -> Result<Run> {
        Run::open(run)?.with_staging(Staging { window: self.stage_window })
    }
}

/// What a title says of a run's stages, if they are not told by single evaluations.
pub fn about(run: &Run) -> String {
    match run.staging().window {
        1 => String::new(),
        window => format!(" (stages by averages over {window} evaluations)"),
    }
}

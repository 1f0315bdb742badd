//! Agreement of preferred locations in two epochs.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{RuleEpoch, agreement};
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::population::UnitArguments;
use crate::common::staging::StagingArguments;

/// Whether units prefer the same location in two epochs, of one rule or two (paper: direction agreement).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation agreement runs/paper --first odr:stim1 --second odrd:stim1 --figure \
                  agreement.html")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The first epoch, for example odr:stim1.
    #[arg(long, value_name = "RULE:EPOCH")]
    pub first: RuleEpoch,
    /// The second epoch, for example odrd:stim1.
    #[arg(long, value_name = "RULE:EPOCH")]
    pub second: RuleEpoch,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", default_value = "all")]
    pub checkpoints: Selection,
    #[command(flatten)]
    pub staging: StagingArguments,
    #[command(flatten)]
    pub units: UnitArguments,
    /// The seed of the noise [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Give every checkpoint the same noise, for paired comparisons.
    #[arg(long)]
    pub same_noise: bool,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let population = arguments.units.population();
    let readout =
        ReadoutOptions { seed: arguments.seed, same_noise: arguments.same_noise, ..ReadoutOptions::default() };
    let table = agreement(&run, arguments.checkpoints, arguments.first, arguments.second, &population, &readout)?;
    put_both(table, &arguments.table, &arguments.figure, figures::agreement)
}

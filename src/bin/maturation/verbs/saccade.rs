//! How far from the target responses end.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{SaccadeOptions, saccade};
use maturation::prelude::*;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::readout::ReadoutArguments;
use crate::common::staging::StagingArguments;

/// How far from the target responses end, by stage (paper: saccade end points).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation saccade runs/paper --rule odr --figure saccades.html")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The rule, for example gap.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", default_value = "all")]
    pub checkpoints: Selection,
    /// How often the batch of trials is run at each checkpoint, each time with other noise.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub batches: usize,
    #[command(flatten)]
    pub staging: StagingArguments,
    #[command(flatten)]
    pub readout: ReadoutArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let options = SaccadeOptions { batches: arguments.batches };
    let rule = arguments.rule;
    let table = saccade(&run, arguments.checkpoints, rule, &options, &arguments.readout.into())?;
    put_both(table, &arguments.table, &arguments.figure, |table| figures::saccade(table, rule))
}

//! `maturation activity`: the activity of a checkpoint's units.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{TableOut, put_table};
use crate::common::readout::{ReadoutArguments, open};
use crate::common::source::one;

/// The activity of a checkpoint's units on the trials of a rule.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation activity runs/paper --rule odr --out activity.parquet")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, alias = "trials", value_name = "N", default_value = "last")]
    pub checkpoints: Selection,
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    #[command(flatten)]
    pub readout: ReadoutArguments,
    #[command(flatten)]
    pub table: TableOut,
}

/// Runs the checkpoint, and puts the table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let checkpoint = one(&run, &arguments.checkpoints, arguments.rule)?;
    let activity = open(arguments.readout.into())?.activity(&checkpoint, arguments.rule)?;
    put_table(activity.table()?, &arguments.table)
}

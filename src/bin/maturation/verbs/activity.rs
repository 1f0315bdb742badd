//! `maturation activity`: the activity of a checkpoint's units.

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{TableOut, put_table};
use crate::common::readout::{ReadoutArguments, open};
use crate::common::source::CheckpointArguments;

/// The activity of a checkpoint's units on the trials of a rule.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation activity runs/paper --rule odr --out activity.parquet")]
pub struct Arguments {
    #[command(flatten)]
    pub source: CheckpointArguments,
    #[command(flatten)]
    pub readout: ReadoutArguments,
    #[command(flatten)]
    pub table: TableOut,
}

/// Runs the checkpoint, and puts the table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let (checkpoint, rule) = (arguments.source.open()?, arguments.source.rule);
    let activity = open(arguments.readout.into())?.activity(&checkpoint, rule)?;
    put_table(activity.table()?, &arguments.table)
}

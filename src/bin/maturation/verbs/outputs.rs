//! `maturation outputs`: how a checkpoint answers.

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{TableOut, put_table};
use crate::common::readout::{ReadoutArguments, open};
use crate::common::source::CheckpointArguments;

/// How a checkpoint answers each trial of a rule.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation outputs runs/paper --rule odr --checkpoints last --out answers.csv")]
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
    let outputs = open(arguments.readout.into())?.outputs(&checkpoint, rule)?;
    put_table(outputs, &arguments.table)
}

//! `maturation log`: the evaluations of a run.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{TableOut, put_table};

/// The evaluations of a run: cost, performance and stage of each rule against trials trained.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation log runs/paper --out log.csv")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    #[command(flatten)]
    pub table: TableOut,
}

/// Puts the table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    put_table(Run::open(&arguments.run)?.log()?, &arguments.table)
}

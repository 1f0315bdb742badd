//! `maturation performance-growth`: how performance grows with training.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{self, GrowthOptions};
use maturation::prelude::*;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::staging::StagingArguments;

/// The growth of performance with training (paper, Fig. S7).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation performance-growth runs/paper --figure growth.svg")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Evaluations that are averaged around each (an odd number).
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub window: usize,
    #[command(flatten)]
    pub staging: StagingArguments,
    /// Mark the evaluations that the automatic choice of checkpoints takes for each stage.
    #[arg(long)]
    pub automatic: bool,
    /// With --automatic: average ahead of each evaluation, as published, rather than around it.
    #[arg(long, requires = "automatic")]
    pub published_average: bool,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let choice = AutomaticChoice { published_average: arguments.published_average, ..AutomaticChoice::default() };
    let options = GrowthOptions { window: arguments.window, automatic: arguments.automatic.then_some(choice) };
    let table = analysis::performance_growth(&run, &options)?;
    put_both(table, &arguments.table, &arguments.figure, |_| figures::performance_growth_with(&run, &options))
}

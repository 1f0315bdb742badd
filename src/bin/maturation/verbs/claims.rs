//! `maturation claims`: what a run shows of the paper's claims.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{Evidence, claims};
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::tables::write_table;

use crate::common::output::{TableOut, say};
use crate::common::staging::StagingArguments;

/// What a run shows of the paper's claims: published numbers, its own, and whether they agree.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation claims runs/paper --out claims.csv")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    #[command(flatten)]
    pub staging: StagingArguments,
    /// The seed of the noise [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    #[command(flatten)]
    pub table: TableOut,
}

/// Writes the table, or prints each claim with what was published and found.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let readout = ReadoutOptions { seed: arguments.seed, ..ReadoutOptions::default() };
    let evidence = Evidence::default().complete_and_tell(&run, &readout, &mut |what| eprintln!("{what} …"))?;
    let mut table = claims(&run, evidence, &readout)?;
    if let Some(path) = &arguments.table.out {
        return write_table(path, &mut table);
    }
    let text = |name: &str, row: usize| {
        let cell = table.column(name).ok().and_then(|column| column.str().ok()?.get(row).map(str::to_owned));
        cell.unwrap_or_default()
    };
    for row in 0..table.height() {
        say(format!("{}: {}", text("claim", row), text("verdict", row)));
        say(format!("    {} ({})", text("measure", row), text("source", row)));
        say(format!("    published  {}", text("published", row)));
        say(format!("    this run   {}", text("found", row)));
        say(format!("    {}", text("reason", row)));
    }
    Ok(())
}

//! `maturation claims`: what a run shows of the paper's claims.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{Evidence, claims};
use maturation::figures::{Section, TableSection};
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

/// Columns of the table, and what the page calls them.
const SHOWN: [(&str, &str); 7] = [
    ("claim", "Claim"),
    ("source", "In the paper"),
    ("measure", "Measure"),
    ("published", "Published"),
    ("found", "This run"),
    ("verdict", "Verdict"),
    ("reason", "Why"),
];

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

/// The page's table of claims, from the tables that its figures have already.
pub fn section(run: &Run, sections: &[Section]) -> Result<TableSection> {
    let known = |id: &str| sections.iter().find(|section| section.id == id).map(|section| section.table.clone());
    let evidence = Evidence {
        performance: known("performance-growth"),
        saccade: known("saccade-gap"),
        decoder: known("decoder-odr"),
        agreement: known("agreement-odr-odrd-stim1"),
        ..Evidence::default()
    };
    Ok(TableSection {
        id: "claims".to_owned(),
        title: "What this run shows of the paper's claims".to_owned(),
        text:
            "Each claim with the published numbers (of one network of the authors, read off their figures), those of \
               this run, and whether they tell the same: a verdict is on the direction of a change, not on its size. \
               Measures of rule odrd are over the checkpoints from 20,000 trials before the rule leaves chance, since \
               the published pictures begin there; the figures below average all early checkpoints that are at hand. \
               The last rows ask whether the same holds of units that the unbiased test of selectivity keeps, which \
               the paper does not have."
                .to_owned(),
        columns: SHOWN.map(|(column, heading)| (column.to_owned(), heading.to_owned())).to_vec(),
        table: claims(run, evidence, &ReadoutOptions::default())?,
    })
}

//! What a verb says, and where its table and its figure go.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use maturation::figures::Figure;
use maturation::prelude::*;
use maturation::tables::write_table;
use maturation::training::CheckpointProgress;

/// Where a table goes.
#[derive(Clone, Debug, Args)]
pub struct TableOut {
    /// Write the table to FILE (.parquet or .csv); without it, it goes to the screen.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Where a figure goes.
#[derive(Clone, Debug, Args)]
pub struct FigureOut {
    /// Write the figure to FILE: .html, or .png, .svg or .pdf, which Chromium draws.
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
}

/// An argument that cannot be worked with, and what to do.
pub fn refuse(what: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::argument(what, remedy)
}

/// Prints a line; a reader that has gone away is no error.
pub fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Puts a table where it was asked for.
pub fn put_table(mut table: DataFrame, out: &TableOut) -> Result<()> {
    match &out.out {
        Some(path) => write_table(path, &mut table),
        None => {
            say(table);
            Ok(())
        }
    }
}

/// Puts a figure where it was asked for, and a table where it was, or on the screen if there is no figure.
pub fn put_both(
    table: DataFrame,
    out: &TableOut,
    figure: &FigureOut,
    make: impl FnOnce(&DataFrame) -> Result<Figure>,
) -> Result<()> {
    if let Some(path) = &figure.figure {
        make(&table)?.save(path)?;
        if out.out.is_none() {
            return Ok(());
        }
    }
    put_table(table, out)
}

/// Shows on a terminal how far work on checkpoints has come.
pub fn watched() -> impl FnMut(&CheckpointProgress) {
    let is_watched = std::io::stderr().is_terminal();
    move |progress| {
        if is_watched {
            // Standard error may be closed; the work does not depend on being watched.
            let end = if progress.done == progress.of { "\n" } else { "" };
            let _ = write!(std::io::stderr(), "\r{progress}{end}");
        }
    }
}

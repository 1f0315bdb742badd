//! `maturation pca`.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::tables::write_table;

use crate::common::output::{FigureOut, TableOut, put_table, say};
use crate::common::recording::{chosen_locations, labelled};
use crate::common::source::Source;
use crate::verbs::dpca::activity;

/// Principal components of the activity averaged over the trials at each location.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation pca runs/paper --rule odr --figure components.html")]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// Number of components.
    #[arg(long, value_name = "N", default_value_t = 3)]
    components: usize,
    /// The locations to analyse, for example 0,4 [default: all that have trials].
    #[arg(long, value_name = "L,…", value_delimiter = ',')]
    locations: Option<Vec<String>>,
    #[command(flatten)]
    table: TableOut,
    /// Write the table of explained variance to FILE (.parquet or .csv).
    #[arg(long, value_name = "FILE")]
    explained_out: Option<PathBuf>,
    #[command(flatten)]
    figure: FigureOut,
    /// Write the figure of paths in the plane of the first two components to FILE (.html, .png, .svg, .pdf).
    #[arg(long, value_name = "FILE")]
    trajectory_figure: Option<PathBuf>,
}

pub fn run(arguments: Arguments) -> Result<()> {
    let activity = activity(&arguments.source)?;
    let locations = chosen_locations(arguments.locations.as_deref(), &activity)?;
    let options = PcaOptions { components: arguments.components, locations };
    let found = analysis::pca(&activity, &options)?;
    let (scores, mut explained) = (labelled(found.table()?, &activity)?, found.explained_variance_table()?);
    let about = About::of(&activity, "Principal components").with_origin(&activity);

    let mut written = false;
    if let Some(path) = &arguments.figure.figure {
        figures::pca(&scores, &explained, &about)?.save(path)?;
        written = true;
    }
    if let Some(path) = &arguments.trajectory_figure {
        let about = about.titled("Paths through the first two principal components").with_origin(&activity);
        figures::pca_trajectories(&scores, &explained, &about)?.save(path)?;
        written = true;
    }
    match &arguments.explained_out {
        Some(path) => write_table(path, &mut explained)?,
        None if !written && arguments.table.out.is_none() => say(&explained),
        None => {}
    }
    if arguments.table.out.is_some() || (!written && arguments.explained_out.is_none()) {
        put_table(scores, &arguments.table)?;
    }
    Ok(())
}

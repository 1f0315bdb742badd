//! `maturation dpca`.

use std::path::PathBuf;

use clap::Args;
use maturation::activity::Activity;
use maturation::analysis::Regularisation;
use maturation::prelude::*;
use maturation::readout::Readout;
use maturation::tables::write_table;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_table, say};
use crate::common::recording::{chosen_locations, labelled};
use crate::common::source::{Opened, Source, one, open};

/// Demixed principal components: what varies with time, with the stimulus location, and with both (paper, Fig. 5E).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation dpca runs/paper --rule odr --figure components.html")]
pub struct Arguments {
    #[command(flatten)]
    source: Source,
    /// How strongly decoders are kept small: a number of 0 or more, or auto, the one that predicts held-out trials
    /// best.
    #[arg(long, value_name = "X|auto", default_value = "auto")]
    regularisation: Regularisation,
    /// The locations to analyse, for example 0,4 [default: all that have trials].
    #[arg(long, value_name = "L,…", value_delimiter = ',')]
    locations: Option<Vec<String>>,
    /// Components of each of time, stimulus and mixed.
    #[arg(long, value_name = "N", default_value_t = 10)]
    components: usize,
    /// Compare with N shuffles of the trials' locations, to tell which components exceed chance.
    #[arg(long, value_name = "N", default_value_t = 0)]
    shuffles: usize,
    /// Decides which trials are held out and how locations are shuffled.
    #[arg(long, value_name = "N", default_value_t = 0)]
    held_out_seed: u64,
    /// Allow locations to differ in their number of trials.
    #[arg(long)]
    unbalanced: bool,
    #[command(flatten)]
    table: TableOut,
    /// Write the table of explained variance to FILE (.parquet or .csv).
    #[arg(long, value_name = "FILE")]
    explained_out: Option<PathBuf>,
    /// Write the table of when components tell locations apart to FILE (.parquet or .csv); needs --shuffles.
    #[arg(long, value_name = "FILE", requires = "shuffles")]
    significance_out: Option<PathBuf>,
    #[command(flatten)]
    figure: FigureOut,
    /// Write the figure of explained variance to FILE (.html, .png, .svg, .pdf).
    #[arg(long, value_name = "FILE")]
    explained_figure: Option<PathBuf>,
}

/// The activity that an analysis of a single checkpoint, or of a recording, is made of.
pub(crate) fn activity(source: &Source) -> Result<Activity> {
    match open(source, Selection::Last)? {
        Opened::Table(activity) => Ok(activity),
        Opened::Run(run, selection, rule, readout) => {
            let checkpoint = one(&run, &selection, rule)?;
            Readout::new(readout)?.activity(&checkpoint, rule)
        }
    }
}

pub fn run(arguments: Arguments) -> Result<()> {
    let activity = activity(&arguments.source)?;
    let options = DpcaOptions {
        components: arguments.components,
        regularisation: arguments.regularisation,
        locations: chosen_locations(arguments.locations.as_deref(), &activity)?,
        shuffles: arguments.shuffles,
        seed: arguments.held_out_seed,
        unbalanced: arguments.unbalanced,
        ..DpcaOptions::default()
    };
    if options.shuffles > 0 {
        eprintln!("comparing with {} shuffles, {} splits of the trials for each", options.shuffles, options.splits);
    }
    let found = analysis::dpca(&activity, &options)?;
    eprintln!("{}", remark(&found));
    let (scores, mut explained) = (labelled(found.table()?, &activity)?, found.explained_variance_table()?);
    let mut significance = found.significance_table()?;
    let about = About::of(&activity, "Demixed principal components").with_origin(&activity);

    let mut written = false;
    if let Some(path) = &arguments.figure.figure {
        figures::dpca(&scores, &explained, &significance, &about)?.save(path)?;
        written = true;
    }
    if let Some(path) = &arguments.explained_figure {
        let about = about.titled("Variance explained by demixed components").with_origin(&activity);
        figures::dpca_explained_variance(&explained, &about)?.save(path)?;
        written = true;
    }
    if let Some(path) = &arguments.significance_out {
        write_table(path, &mut significance)?;
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

/// The regularisation, and whether it was a good choice.
fn remark(found: &analysis::Dpca) -> String {
    let chosen = if found.tried.is_empty() { "given" } else { "chosen by cross-validation" };
    let boundary =
        if found.at_boundary() { "; it is the last that was tried, so that the best may lie beyond" } else { "" };
    format!(
        "regularisation {:.3e}, {chosen}{boundary}; all components together explain {:.1} % of the variance",
        found.regularisation,
        100.0 * found.explained_by_all
    )
}

//! `maturation tuning`: tuning curves, their width and height.

use clap::{Args, ValueEnum};
use maturation::analysis::{self, Tuning};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_table};
use crate::common::population::{AverageArguments, seed};
use crate::common::recording::{tell_of_run, tested};
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// The tuning curves of selective units by stage, their width and height (paper, Fig. S3B).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation tuning runs/paper --rule odr --epoch delay1 --figure tuning.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units must be selective and are measured, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// The table to give [default: curves in a file; curves, fits and tests on the screen].
    #[arg(long, value_name = "TABLE")]
    pub show: Option<Shown>,
    #[command(flatten)]
    pub average: AverageArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The tables of an analysis of tuning.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Shown {
    /// Average activity by stage and offset from the preferred location.
    Curves,
    /// The width of each stage's curve, by a Gaussian and by a von Mises curve.
    Fits,
    /// The height of each unit's curve at each checkpoint.
    Heights,
    /// t-tests of the heights between stages.
    Tests,
}

impl Shown {
    fn table(self, tuning: &Tuning) -> Result<DataFrame> {
        match self {
            Shown::Curves => tuning.table(),
            Shown::Fits => tuning.fits(),
            Shown::Heights => tuning.heights(),
            Shown::Tests => tuning.height_tests(),
        }
    }
}

/// The tables and the figure of tuning.
pub fn run(arguments: Arguments) -> Result<()> {
    let epoch = arguments.epoch;
    let mut options = arguments.average.options(arguments.source.seed.unwrap_or(0));
    let (tuning, of) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = tested(&activity, epoch, &options.population.selectivity)?;
            let mut tuning = Tuning::new(options.clone());
            tuning.add(None, &units, &units)?;
            (tuning, String::new())
        }
        Opened::Run(run, selection, rule, readout) => {
            options.bootstrap.seed = seed(arguments.source.seed, &run);
            tell_of_run(&run, options.population.selectivity.normalisation);
            let of = format!(", rule {rule}{}", staging::about(&run));
            (analysis::tuning(&run, selection, rule, epoch, &options, &readout)?, of)
        }
    };
    if let Some(path) = &arguments.figure.figure {
        let title = format!("Tuning of {epoch}-selective units{of}{}", arguments.average.about());
        figures::tuning(&tuning.table()?, &tuning.fits()?, &tuning.height_tests()?, &title)?.save(path)?;
    }
    let shown = match (arguments.show, &arguments.table.out, &arguments.figure.figure) {
        (Some(shown), ..) => vec![shown],
        (None, Some(_), _) => vec![Shown::Curves],
        (None, None, Some(_)) => vec![],
        (None, None, None) => vec![Shown::Curves, Shown::Fits, Shown::Tests],
    };
    for shown in shown {
        put_table(shown.table(&tuning)?, &arguments.table)?;
    }
    Ok(())
}

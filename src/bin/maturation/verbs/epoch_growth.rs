//! `maturation epoch-growth`: the activity of selective units in an epoch against trials trained.

use clap::Args;
use maturation::analysis;
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both, refuse};
use crate::common::population::{AverageArguments, seed};
use crate::common::recording::tell_of_run;
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// The growth of selective units' activity in an epoch with training (paper, Fig. S2B).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation epoch-growth runs/paper --rule odr --epoch delay1 --figure growth.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units must be selective, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// The epoch in which their activity is measured [default: the same].
    #[arg(long, value_name = "EPOCH")]
    pub measured: Option<Epoch>,
    #[command(flatten)]
    pub average: AverageArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// What a figure of growth is of.
fn title(rule: Rule, selected: Epoch, measured: Epoch) -> String {
    format!("Growth of {measured} activity of {selected}-selective units, rule {rule}")
}

/// The table and the figure of the growth of activity.
pub fn run(arguments: Arguments) -> Result<()> {
    let Opened::Run(run, selection, rule, readout) = open(&arguments.source, Selection::All)? else {
        return Err(refuse("growth needs the checkpoints of a run, not one table of activity", "give RUN"));
    };
    let options = arguments.average.options(seed(arguments.source.seed, &run));
    tell_of_run(&run, options.population.selectivity.normalisation);
    let (selected, measured) = (arguments.epoch, arguments.measured.unwrap_or(arguments.epoch));
    let table = analysis::epoch_growth(&run, selection, rule, selected, measured, &options, &readout)?;
    let title = title(rule, selected, measured) + &staging::about(&run) + &arguments.average.about();
    put_both(table, &arguments.table, &arguments.figure, |table| figures::epoch_growth(table, &title))
}

//! `maturation units`: how many units the two tests of selectivity keep.

use clap::Args;
use maturation::analysis::{self, UnitCounts};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::recording::{tell_of_run, tested};
use crate::common::selectivity::TestArguments;
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// How many units the published and the unbiased test of selectivity keep at each stage.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation unit-counts runs/paper --rule odr --epoch stim1 --figure counts.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units are tested, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    #[command(flatten)]
    pub tested: TestArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of unit counts.
pub fn run(arguments: Arguments) -> Result<()> {
    let (epoch, options) = (arguments.epoch, SelectivityOptions::from(&arguments.tested));
    let (table, title) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let mut counts = UnitCounts::new();
            counts.add(None, &tested(&activity, epoch, &options)?);
            (counts.table()?, format!("Units selective in {epoch}"))
        }
        Opened::Run(run, selection, rule, readout) => {
            tell_of_run(&run, options.normalisation);
            let table = analysis::unit_counts(&run, selection, rule, epoch, &options, &readout)?;
            (table, format!("Units selective in {epoch}, rule {rule}{}", staging::about(&run)))
        }
    };
    put_both(table, &arguments.table, &arguments.figure, |table| figures::unit_counts(table, &title))
}

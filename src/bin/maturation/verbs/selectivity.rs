//! `maturation selectivity`: which units are selective, and for which location.

use clap::Args;
use maturation::analysis;
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{TableOut, put_table};
use crate::common::selectivity::TestArguments;
use crate::common::source::{Opened, Source, open};

/// Which units are selective for the stimulus in an epoch, and for which location.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation selectivity runs/paper --rule odr --epoch delay1 --out units.csv")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch whose rates are tested, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    #[command(flatten)]
    pub test: TestArguments,
    #[command(flatten)]
    pub table: TableOut,
}

/// Tests the units, and puts the table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    let options = SelectivityOptions::from(&arguments.test);
    let table = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => selectivity_with(&activity, arguments.epoch, &options)?,
        Opened::Run(run, selection, rule, readout) => {
            analysis::selectivity_of_run(&run, &selection, rule, arguments.epoch, &options, &readout)?
        }
    };
    put_table(table, &arguments.table)
}

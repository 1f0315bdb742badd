//! `maturation sample-unit`: one unit at every location.

use clap::Args;
use maturation::prelude::*;
use maturation::readout::Readout;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::population::UnitArguments;
use crate::common::recording::{labelled, tested};
use crate::common::source::{Opened, Source, one, open};

/// One unit at every location, with its polar plot (paper, Fig. 3B).
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  maturation sample-unit runs/paper --rule odr --epoch stim1 --unit 3 --figure unit.html"
)]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch of the polar plot, which decides the preferred location, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// The unit [default: of the selective --units whose highest rate is at least the median one, the most sharply
    /// tuned, by the vector strength of its rates over locations].
    #[arg(long, value_name = "N")]
    pub unit: Option<usize>,
    #[command(flatten)]
    pub units: UnitArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of a unit.
pub fn run(arguments: Arguments) -> Result<()> {
    let population = arguments.units.population();
    let activity = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => {
            tested(&activity, arguments.epoch, &population.selectivity)?;
            activity
        }
        Opened::Run(run, selection, rule, readout) => {
            Readout::new(readout)?.activity(&one(&run, &selection, rule)?, rule)?
        }
    };
    let unit = SampleUnit::of(&activity, arguments.epoch, arguments.unit, &population)?;
    let about = About::of_unit(&unit, &activity);
    put_both(labelled(unit.table()?, &activity)?, &arguments.table, &arguments.figure, |table| {
        figures::sample_unit(table, &about)
    })
}

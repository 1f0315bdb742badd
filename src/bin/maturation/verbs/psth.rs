//! `maturation psth`: the activity of selective units over the trial.

use clap::Args;
use maturation::analysis::{self, Grouping, Psth, PsthOptions};
use maturation::prelude::*;
use maturation::training::Selection;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::population::{AverageArguments, seed};
use crate::common::recording::{tell, tell_of_run, tested};
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// The average activity of selective units over the trial, by stage (paper, Fig. 4E-G).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation psth runs/paper --rule odr --epoch stim1 --opposite --figure psth.html")]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch in which units must be selective, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    /// Show the activity at the location opposite the preferred one too.
    #[arg(long)]
    pub opposite: bool,
    /// A curve for each checkpoint in place of each stage.
    #[arg(long)]
    pub by_checkpoint: bool,
    #[command(flatten)]
    pub average: AverageArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// The table and the figure of a PSTH.
pub fn run(arguments: Arguments) -> Result<()> {
    let average = arguments.average.options(arguments.source.seed.unwrap_or(0));
    let mut options = PsthOptions {
        population: average.population,
        opposite: arguments.opposite,
        grouping: if arguments.by_checkpoint { Grouping::Checkpoint } else { Grouping::Stage },
        follow: average.follow,
        bootstrap: average.bootstrap,
    };
    let epoch = arguments.epoch;
    let (table, mut about) = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = tested(&activity, epoch, &options.population.selectivity)?;
            if options.opposite && activity.location_count % 2 == 1 {
                tell(format!("a ring of {} locations has no opposite ones: none are shown", activity.location_count));
            }
            let mut psth = Psth::new(PsthOptions { grouping: Grouping::Stage, ..options });
            psth.add("recording", &activity, &units)?;
            let title = format!("Average activity of {epoch}-selective units");
            (psth.table()?, About::of(&activity, title))
        }
        Opened::Run(run, selection, rule, readout) => {
            options.bootstrap.seed = seed(arguments.source.seed, &run);
            tell_of_run(&run, options.population.selectivity.normalisation);
            if options.opposite && run.hyperparameters().n_eachring % 2 == 1 {
                tell("a ring of an odd number of locations has no opposite ones: none are shown");
            }
            let table = analysis::psth(&run, selection, rule, epoch, &options, &readout)?;
            let about = About::of_selective(rule, epoch, run.hyperparameters().dt);
            (table, About { title: about.title + &staging::about(&run), ..about })
        }
    };
    about.title.push_str(&arguments.average.about());
    put_both(table, &arguments.table, &arguments.figure, |table| figures::psth(table, &about))
}

//! Activity of selective units in a period of the trial, by stage and by checkpoint.

use clap::{Args, ValueEnum};
use maturation::analysis::{Period, PeriodActivity, PeriodCheckpoint, period_activity};
use maturation::prelude::*;

use crate::common::output::{FigureOut, TableOut, put_both, refuse};
use crate::common::population::UnitArguments;
use crate::common::recording::{labelled, tell_of_run, tested};
use crate::common::source::{Opened, Source, open};
use crate::common::staging;

/// The activity of selective units in a period of the trial, by stage and by checkpoint (paper: period activity).
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  maturation period-activity runs/paper --rule odrd --epoch delay2 --figure delay.html"
)]
pub struct Arguments {
    #[command(flatten)]
    pub source: Source,
    /// The period: an epoch such as delay2, or START..END in ms from the trial's start.
    #[arg(long, value_name = "EPOCH|START..END")]
    pub epoch: Period,
    /// The epoch in which units must be selective [default: --epoch].
    #[arg(long, value_name = "EPOCH")]
    pub selected_in: Option<Epoch>,
    /// What to make: the units' activity, the analysis of variance between stages (the figure is the same), or t-tests
    /// between checkpoints.
    #[arg(long, value_name = "WHAT", default_value = "units")]
    pub show: Shown,
    #[command(flatten)]
    pub units: UnitArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// What of the comparison is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// The activity of each unit at each checkpoint.
    Units,
    /// The analysis of variance between stages.
    Anova,
    /// T-tests between checkpoints.
    Tests,
}

/// The title of the figures.
fn title(rule: Option<Rule>, period: &Period, selected_in: Epoch) -> String {
    let rule = rule.map_or_else(String::new, |rule| format!(", rule {rule}"));
    format!("Activity in {period} of {selected_in}-selective units{rule}")
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let population = arguments.units.population();
    let period = arguments.epoch;
    let selected_in = match (arguments.selected_in, &period) {
        (Some(epoch), _) => epoch,
        (None, Period::Epoch(epoch)) => *epoch,
        (None, Period::Window(_)) => {
            return Err(refuse("a window does not say in which epoch units must be selective", "give --selected-in"));
        }
    };
    let mut title = title(arguments.source.rule, &period, selected_in);
    let mut recording = None;
    let found = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = tested(&activity, selected_in, &population.selectivity)?;
            let checkpoint = PeriodCheckpoint::of(None, &activity, &units, &period, &population)?;
            recording = Some(activity);
            PeriodActivity { checkpoints: vec![checkpoint] }
        }
        Opened::Run(run, selection, rule, readout) => {
            tell_of_run(&run, population.selectivity.normalisation);
            title.push_str(&staging::about(&run));
            period_activity(&run, selection, rule, selected_in, &period, &population, &readout)?
        }
    };
    let units = match &recording {
        Some(activity) => labelled(found.table()?, activity)?,
        None => found.table()?,
    };
    match arguments.show {
        Shown::Units => {
            put_both(units, &arguments.table, &arguments.figure, |_| figures::period_activity(&found.table()?, &title))
        }
        Shown::Anova => put_both(found.anova().table()?, &arguments.table, &arguments.figure, |_| {
            figures::period_activity(&found.table()?, &title)
        }),
        Shown::Tests => put_both(found.t_tests()?, &arguments.table, &arguments.figure, |table| {
            figures::period_tests(table, &title)
        }),
    }
}

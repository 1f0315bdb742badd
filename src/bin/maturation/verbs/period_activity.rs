//! Activity of selective units in a period of the trial, by stage and by checkpoint.

use clap::{Args, ValueEnum};
use maturation::analysis::{
    Kind, Period, PeriodActivity, PeriodCheckpoint, PeriodOptions, SelectivityOptions, Test, period_activity,
};
use maturation::prelude::*;

use crate::common::output::{FigureOut, TableOut, put_both, refuse};
use crate::common::recording::{labelled, tell_of_run, tested};
use crate::common::selectivity::TestArguments;
use crate::common::source::{Opened, Source, open};

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
    /// The kinds of units, of excited, inhibited and mixed.
    #[arg(long, value_name = "KIND,…", value_delimiter = ',', default_value = "excited,mixed")]
    pub units: Vec<Kind>,
    /// The test that decides which units are selective: published or unbiased.
    #[arg(long, value_name = "TEST", default_value = "published")]
    pub selected_by: Test,
    /// Evaluations that the performance is averaged over before it decides the stage (an odd number).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub stage_window: usize,
    #[command(flatten)]
    pub test: TestArguments,
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
fn title(rule: Option<Rule>, period: &Period, selected_in: Epoch, stage_window: usize) -> String {
    let mut title = format!("Activity in {period} of {selected_in}-selective units");
    if let Some(rule) = rule {
        title.push_str(&format!(", rule {rule}"));
    }
    if stage_window > 1 {
        title.push_str(&format!(" (stages by averages over {stage_window} evaluations)"));
    }
    title
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let options = PeriodOptions {
        kinds: arguments.units,
        test: arguments.selected_by,
        selectivity: SelectivityOptions::from(&arguments.test),
        stage_window: arguments.stage_window,
    };
    let period = arguments.epoch;
    let selected_in = match (arguments.selected_in, &period) {
        (Some(epoch), _) => epoch,
        (None, Period::Epoch(epoch)) => *epoch,
        (None, Period::Window(_)) => {
            return Err(refuse("a window does not say in which epoch units must be selective", "give --selected-in"));
        }
    };
    let mut recording = None;
    let found = match open(&arguments.source, Selection::All)? {
        Opened::Table(activity) => {
            let units = tested(&activity, selected_in, &options.selectivity)?;
            let checkpoint = PeriodCheckpoint::of(None, &activity, &units, &period, &options)?;
            recording = Some(activity);
            PeriodActivity { checkpoints: vec![checkpoint] }
        }
        Opened::Run(run, selection, rule, readout) => {
            tell_of_run(&run, options.selectivity.normalisation);
            period_activity(&run, &selection, rule, selected_in, &period, &options, &readout)?
        }
    };
    let title = title(arguments.source.rule, &period, selected_in, options.stage_window);
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

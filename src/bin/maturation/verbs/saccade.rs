//! How far from the target responses end.

use std::path::PathBuf;

use clap::Args;
use maturation::analysis::{SaccadeOptions, saccade};
use maturation::figures::{self, Section};
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::page_rules::{counterparts, of_the_paper};
use crate::common::readout::ReadoutArguments;
use crate::common::staging::StagingArguments;

/// How far from the target responses end, by stage (paper: saccade end points).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation saccade runs/paper --rule odr --figure saccades.html")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The rule, for example gap.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", default_value = "all")]
    pub checkpoints: Selection,
    /// How often the batch of trials is run at each checkpoint, each time with other noise.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub batches: usize,
    #[command(flatten)]
    pub staging: StagingArguments,
    #[command(flatten)]
    pub readout: ReadoutArguments,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let options = SaccadeOptions { batches: arguments.batches };
    let rule = arguments.rule;
    let table = saccade(&run, arguments.checkpoints, rule, &options, &arguments.readout.into())?;
    put_both(table, &arguments.table, &arguments.figure, |table| figures::saccade(table, rule))
}

/// The sections of the page: the rules of the published figures that the run was trained on.
pub fn section(run: &Run) -> Result<Vec<Section>> {
    let rules: &[Rule] = match of_the_paper(run) {
        true => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP],
        false => &[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::ODR],
    };
    let section = |rule: Rule| {
        let options = SaccadeOptions::default();
        let table = saccade(run, Selection::All, rule, &options, &ReadoutOptions::default())?;
        Ok(Section {
            id: format!("saccade-{rule}").replace('_', "-"),
            title: format!("Where responses end, rule {rule} (paper: saccade end points)"),
            text: "How far from the target the responses end at the trials' last time step, in bins of 6 degrees. \
                   Trials that still fixate then have no response; they are counted apart, where the published \
                   figure has them among the others."
                .to_owned(),
            figure: figures::saccade(&table, rule)?,
            table,
        })
    };
    counterparts(run, rules)?.into_iter().map(section).collect()
}

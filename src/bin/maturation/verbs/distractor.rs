//! What a distractor does to the response, by its distance from the stimulus.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use maturation::analysis::{Distractor, DistractorOptions};
use maturation::prelude::*;
use maturation::readout::{Readout, ReadoutOptions};

use crate::common::output::{FigureOut, TableOut, put_both};
use crate::common::staging::StagingArguments;

/// What a distractor does to the response, by its distance from the stimulus (paper: distractor effect).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation distractor runs/paper --repeats 2 --figure distractor.html")]
pub struct Arguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", default_value = "all", conflicts_with = "stage")]
    pub checkpoints: Selection,
    /// The checkpoints at which rule odrd is at this stage: early, mid or mature.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<Stage>,
    /// Trials of each pair of a stimulus and a distractor location (published: 128).
    #[arg(long, value_name = "N", default_value_t = 128)]
    pub repeats: usize,
    /// What to make: performance against distance, the distributions of responses, or the performance of each pair
    /// (with the figure of performance against distance).
    #[arg(long, value_name = "WHAT", default_value = "performance")]
    pub show: Shown,
    #[command(flatten)]
    pub staging: StagingArguments,
    /// Leave the recurrent noise out: the repeats of a pair are then identical.
    #[arg(long)]
    pub no_noise: bool,
    /// Add the input noise, which the published analyses leave out.
    #[arg(long)]
    pub input_noise: bool,
    /// The seed of the noise [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Give every checkpoint the same noise, for paired comparisons.
    #[arg(long)]
    pub same_noise: bool,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

/// What of the distractor's effect is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shown {
    /// Performance at each distance.
    Performance,
    /// How far from the target responses end at each distance.
    Saccades,
    /// Performance of each pair of locations.
    Pairs,
}

/// Reads the checkpoints out, with a line of progress every few seconds.
fn read(run: &Run, selection: Selection, options: &DistractorOptions, readout: &ReadoutOptions) -> Result<Distractor> {
    run.check_trained(Rule::ODRD)?;
    let visit = run.visit(selection, Rule::ODRD)?;
    let count = visit.len();
    let mut readout = Readout::new(readout.clone())?;
    let mut found = Distractor::new(run.hyperparameters().n_eachring);
    let mut told = Instant::now();
    for (place, visited) in visit.enumerate() {
        found.read(&visited?, options, &mut readout)?;
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!("distractor: {} of {count} checkpoints", place + 1);
        }
    }
    Ok(found)
}

/// Makes the table and the figure.
pub fn run(arguments: Arguments) -> Result<()> {
    let run = arguments.staging.open(&arguments.run)?;
    let options = DistractorOptions { repeats: arguments.repeats };
    let readout = ReadoutOptions {
        input_noise: arguments.input_noise,
        recurrent_noise: !arguments.no_noise,
        seed: arguments.seed,
        same_noise: arguments.same_noise,
        ..ReadoutOptions::default()
    };
    let selection = arguments.stage.map_or(arguments.checkpoints, Selection::Stage);
    let found = read(&run, selection, &options, &readout)?;
    match arguments.show {
        Shown::Performance => put_both(found.performance()?, &arguments.table, &arguments.figure, figures::distractor),
        Shown::Saccades => {
            put_both(found.saccades()?, &arguments.table, &arguments.figure, figures::distractor_saccades)
        }
        Shown::Pairs => put_both(found.pairs()?, &arguments.table, &arguments.figure, |_| {
            figures::distractor(&found.performance()?)
        }),
    }
}

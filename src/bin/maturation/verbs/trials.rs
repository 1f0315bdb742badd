//! `maturation trials`: the trials of a rule.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{TableOut, put_table};
use crate::common::own_tasks::define;

/// The trials of a rule: inputs, target outputs, cost mask, required response.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation trials --rule odrd --mode test-0-4 --out trials.csv")]
pub struct Arguments {
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// A task of your own, defined in FILE (JSON), which --rule may name; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub task: Vec<PathBuf>,
    /// The ruleset, which decides the rule's input channel [default: the first that has the rule].
    #[arg(long, value_name = "SET")]
    pub ruleset: Option<Ruleset>,
    /// Which trials: test (16 at each of 8 locations), test-S-D (odrd: stimulus and distractor location), random.
    #[arg(long, value_name = "MODE", default_value = "test")]
    pub mode: Mode,
    /// The seed of random trials and of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Add the input noise.
    #[arg(long)]
    pub noise: bool,
    #[command(flatten)]
    pub table: TableOut,
}

/// Makes the trials, and puts their table where it is asked for.
pub fn run(arguments: Arguments) -> Result<()> {
    define(&arguments.task)?;
    let ruleset = arguments.ruleset.unwrap_or_else(|| Ruleset::containing(arguments.rule));
    let hyperparameters = Hyperparameters {
        ruleset,
        rule_trains: ruleset.rules().to_vec(),
        seed: arguments.seed,
        ..Hyperparameters::paper()
    };
    let trials = Trials::of_mode(&hyperparameters, arguments.rule, arguments.mode, arguments.noise)?;
    put_table(trials.table()?, &arguments.table)
}

//! `maturation import`: a run of one checkpoint from the weights of another program.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;

use crate::common::output::say;

/// Make a run of one checkpoint from the weights of another program.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation import model.safetensors runs/theirs --hp hp.json")]
pub struct Arguments {
    /// The weights: .npz (numpy.savez) or .safetensors, under this crate's names or those of the published program.
    #[arg(value_name = "WEIGHTS")]
    pub weights: PathBuf,
    /// The run directory to make.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The network's hyper-parameters (an hp.json): its cell, units, ruleset and activation decide what the weights
    /// mean.
    #[arg(long, value_name = "FILE")]
    pub hp: PathBuf,
    /// Trials that the network was trained on before.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub trials: u64,
}

/// Makes the run and tells how well its network does each rule.
pub fn run(arguments: Arguments) -> Result<()> {
    let hyperparameters = Hyperparameters::read(&arguments.hp)?;
    let run = Run::import(&arguments.weights, &hyperparameters, &arguments.run, arguments.trials)?;
    let cell = run.hyperparameters().rnn_type;
    say(format!("{}: {cell}, {} units", run.path().display(), run.hyperparameters().n_rnn));
    if let Some(entry) = run.evaluations().entries.last() {
        say(format!("performance: {entry}"));
    }
    Ok(())
}

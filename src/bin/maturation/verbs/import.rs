//! `maturation import`: a run from the weights of another program, or from a run of the published one.

use std::path::PathBuf;

use clap::Args;
use maturation::prelude::*;
use maturation::training::PublishedRun;

use crate::common::output::{refuse, say, watched};

/// Make a run from a run of the published program (TensorFlow), or from the weights of another program.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation import theirs/6tasks runs/theirs")]
pub struct Arguments {
    /// The folder of a run of the published program, with hp.json, log.json and TRIALS/model.ckpt.index; or weights:
    /// .npz (numpy.savez), .safetensors or a .index of TensorFlow, under this crate's names or those of the published
    /// program.
    #[arg(value_name = "FOLDER|WEIGHTS")]
    pub from: PathBuf,
    /// The run directory to make.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The network's hyper-parameters (an hp.json): its cell, units, ruleset and activation decide what the weights
    /// mean. A folder has its own.
    #[arg(long, value_name = "FILE")]
    pub hp: Option<PathBuf>,
    /// Of a folder, the checkpoints to import: N,N,… (trials trained), A..B, last or all [default: all].
    #[arg(long, value_name = "CHECKPOINTS")]
    pub checkpoints: Option<Selection>,
    /// Trials that a network of weights alone was trained on before [default: 0].
    #[arg(long, value_name = "N")]
    pub trials: Option<u64>,
}

/// Makes the run and tells how well its network does each rule.
pub fn run(arguments: Arguments) -> Result<()> {
    let hyperparameters = arguments.hp.as_ref().map(Hyperparameters::read).transpose()?;
    let run = if arguments.from.is_dir() {
        published(&arguments, hyperparameters)?
    } else {
        weights(&arguments, hyperparameters)?
    };
    let checkpoints = match run.checkpoints()?.len() {
        1 => "1 checkpoint".to_owned(),
        count => format!("{count} checkpoints"),
    };
    let cell = run.hyperparameters().rnn_type;
    say(format!("{}: {cell}, {} units, {checkpoints}", run.path().display(), run.hyperparameters().n_rnn));
    if let Some(entry) = run.evaluations().at(run.last()?.trials_trained()) {
        say(format!("performance: {entry}"));
    }
    Ok(())
}

fn published(arguments: &Arguments, hyperparameters: Option<Hyperparameters>) -> Result<Run> {
    if arguments.trials.is_some() {
        return Err(refuse("--trials is for weights alone", "choose checkpoints of a folder by --checkpoints"));
    }
    let theirs = match hyperparameters {
        Some(hyperparameters) => PublishedRun::open_as(&arguments.from, &hyperparameters)?,
        None => PublishedRun::open(&arguments.from)?,
    };
    let checkpoints = arguments.checkpoints.clone().unwrap_or(Selection::All);
    let (run, notes) = theirs.import(&arguments.run, &checkpoints, watched())?;
    for note in notes {
        say(format!("note: {note}"));
    }
    Ok(run)
}

fn weights(arguments: &Arguments, hyperparameters: Option<Hyperparameters>) -> Result<Run> {
    if arguments.checkpoints.is_some() {
        return Err(refuse("--checkpoints is for the folder of a run", "weights alone are one checkpoint"));
    }
    // A file that is not there is told of first.
    if let Err(missing) = std::fs::metadata(&arguments.from) {
        let what = format!("`{}` cannot be read ({missing})", arguments.from.display());
        return Err(refuse(what, "give a file of weights, or the folder of a run"));
    }
    let Some(hyperparameters) = hyperparameters else {
        let remedy = "give --hp FILE with its hyper-parameters: they decide what the weights mean";
        return Err(refuse(format!("`{}` holds weights alone", arguments.from.display()), remedy));
    };
    Run::import(&arguments.from, &hyperparameters, &arguments.run, arguments.trials.unwrap_or(0))
}

//! The command line: each subcommand is a function of the library, with its arguments and a place for its result.

mod agreement;
mod arguments;
mod claims;
mod commands;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod import;
mod lab;
mod lesion;
mod notebooks;
mod page_rules;
mod pca;
mod period;
mod population;
mod presets;
mod psth;
mod reproduce;
mod saccade;
mod sample_unit;
mod setup;
mod tuning;
mod units;

use std::ffi::OsString;
use std::path::Path;

use clap::Parser;
use clap::error::ErrorKind;
use maturation::prelude::*;
use maturation::tasks::TaskDefinition;

use arguments::{Arguments, Command};

/// Makes the tasks known that the arguments bring along, in the `hp.json` of a run and in files after `--task` and
/// `--hp`, since the arguments name rules. What is wrong with a file is told by the verb that uses it.
fn know_tasks(arguments: impl Iterator<Item = OsString>) {
    let mut option = String::new();
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        let (name, value) = text.split_once('=').unwrap_or((&option, &text));
        match name {
            "--task" => drop(TaskDefinition::read(value).and_then(Rule::define)),
            "--hp" => drop(Hyperparameters::read(value)),
            _ => {
                let run = Path::new(&argument).join("hp.json");
                if run.is_file() {
                    drop(Hyperparameters::read(run));
                }
            }
        }
        option = text;
    }
}

fn main() {
    know_tasks(std::env::args_os().skip(1));
    let arguments = Arguments::try_parse().unwrap_or_else(|error| {
        let failed = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        // Nobody may be reading; the exit status tells it too.
        let _ = error.print();
        std::process::exit(if failed { 2 } else { 0 });
    });
    let command = arguments.command.unwrap_or_else(|| Command::Reproduce(arguments::Reproduce::shipped()));
    if let Err(error) = commands::run(command) {
        eprintln!("maturation: {error}");
        std::process::exit(if matches!(error, maturation::Error::Stopped { .. }) { 130 } else { 2 });
    }
}

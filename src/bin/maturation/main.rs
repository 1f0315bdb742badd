//! The command line: each subcommand is a function of the library, with its arguments and a place for its result.

mod agreement;
mod arguments;
mod bin;
mod claims;
mod commands;
mod decoder;
mod distractor;
mod dpca;
mod epoch_growth;
mod ignored;
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

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use arguments::{Arguments, Command};

fn main() {
    let matches = Arguments::command().try_get_matches().unwrap_or_else(|error| {
        let failed = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        // Nobody may be reading; the exit status tells it too.
        let _ = error.print();
        std::process::exit(if failed { 2 } else { 0 });
    });
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if let Err(error) = ignored::refuse_ignored(&matches) {
        eprintln!("maturation: {error}");
        std::process::exit(2);
    }
    let command = arguments.command.unwrap_or_else(|| Command::Reproduce(arguments::Reproduce::shipped()));
    if let Err(error) = commands::run(command) {
        eprintln!("maturation: {error}");
        std::process::exit(if matches!(error, maturation::Error::Stopped { .. }) { 130 } else { 2 });
    }
}

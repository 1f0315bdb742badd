//! The command line: each verb is a function of the library, with its arguments and a place for its result.

// No input of a user panics: what cannot happen says why where it stands.
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented
    )
)]

mod cluster;
mod common;
mod generate;
mod ignored;
mod renamed;
mod setup;
mod verbs;

use std::io::Write;

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches, Parser};

use common::wording::on_the_command_line;
use generate::Generated;
use verbs::{Reproduce, Verb};

/// Train recurrent networks on working-memory tasks and watch their units mature.
///
/// Without a command, every figure of the shipped run is made into figures/index.html.
#[derive(Debug, Parser)]
#[command(name = "maturation", version, arg_required_else_help = false)]
struct Arguments {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print a file that packages of this program install: its manual page, or what a shell completes.
    #[arg(long, value_name = "FILE", exclusive = true)]
    generate: Option<Generated>,
}

fn main() {
    common::own_tasks::know(std::env::args_os().skip(1));
    let matches = Arguments::command().try_get_matches().unwrap_or_else(|error| {
        let failed = !matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
        // Nobody may be reading; the exit status tells it too.
        let _ = error.print();
        std::process::exit(if failed { 2 } else { 0 });
    });
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    renamed::say(&Arguments::command(), std::env::args().skip(1));
    if let Some(file) = arguments.generate {
        // A reader that has gone away is no error.
        let _ = file.content(Arguments::command()).and_then(|content| std::io::stdout().write_all(&content));
        return;
    }
    if let Err(error) = ignored::refuse_ignored(&matches) {
        eprintln!("maturation: {error}");
        std::process::exit(2);
    }
    let verb = arguments.verb.unwrap_or_else(|| Verb::Reproduce(Reproduce::shipped()));
    if let Err(error) = verb.run() {
        eprintln!("maturation: {}", on_the_command_line(&error));
        std::process::exit(if error.is_stopped() { 130 } else { 2 });
    }
}

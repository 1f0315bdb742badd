//! The Jupyter kernel 'Rust (maturation)': evcxr's kernel, with the crate loaded and ready to be linked.
//!
//! One program in several roles, which its environment and its name tell apart:
//!
//! - called by a person: `--install`, `--uninstall`, `--precompile` ([`arguments`]);
//! - called by Jupyter: it prepares a working folder of its own ([`session`]) and becomes the kernel ([`kernel`]);
//! - called by evcxr: the process that runs the cells ([`runtime`]);
//! - called as `cargo` or `rustup` by evcxr and its rust-analyzer: it answers what it knows, and hands everything else
//!   on ([`cargo_shim`]).
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
#![warn(missing_docs)]

#[cfg(not(unix))]
compile_error!("the kernel needs Linux or macOS; on Windows, build it inside WSL");

mod added;
mod arguments;
mod cache;
mod cargo_shim;
mod cell;
mod checkout;
mod completion;
mod console;
mod description;
mod forward;
mod interrupt;
mod jupyter;
mod kernel;
mod library;
mod marks;
mod memory;
mod metadata;
mod precompile;
mod problem;
mod progress;
mod report;
mod runtime;
mod rust_sources;
mod sandbox;
mod server;
mod session;
mod setting;
mod source;
mod surroundings;
mod syntax;
mod tools;
mod types;

use std::process::ExitCode;

use problem::Problem;
use sandbox::Sandbox;

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("maturation-kernel: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Problem> {
    let Some(sandbox) = Sandbox::of_environment()? else {
        return arguments::run();
    };
    if runtime::is_wanted() {
        return runtime::run(&sandbox);
    }
    match tools::Tool::of_program_name() {
        Some(tool) => cargo_shim::run(tool, &sandbox),
        None => arguments::run_within(&sandbox),
    }
}

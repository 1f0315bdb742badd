//! The command line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser};

use crate::cache::Cache;
use crate::checkout::{BUILT_FROM, Checkout};
use crate::jupyter::Place;
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use crate::setting::Setting;
use crate::{jupyter, kernel, precompile, tools};

/// The Jupyter kernel 'Rust (maturation)': Rust notebooks with the crate loaded and everything compiled beforehand.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {
    #[command(flatten)]
    action: Action,
    /// With --install and --uninstall: Jupyter's folder is PREFIX/share/jupyter, as for `jupyter kernelspec install`
    #[arg(long, value_name = "PREFIX", conflicts_with = "sys_prefix")]
    prefix: Option<PathBuf>,
    /// With --install and --uninstall: the prefix of the Python that `python3` is, such as a virtual environment
    #[arg(long)]
    sys_prefix: bool,
    /// With --install and --precompile: the crate's folder, if it is not where this program was built from
    #[arg(long, value_name = "DIR", default_value = BUILT_FROM, hide_default_value = true)]
    checkout: PathBuf,
    /// With --precompile: how many crates to compile at once; without, as many as there are processors and memory for
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Action {
    /// Tells Jupyter about the kernel
    #[arg(long)]
    install: bool,
    /// Takes the kernel away from Jupyter again; compiled crates stay
    #[arg(long)]
    uninstall: bool,
    /// Compiles the crate and all that it needs, so that notebooks start in seconds
    #[arg(long, alias = "warm")]
    precompile: bool,
    /// Runs the kernel: Jupyter does that
    #[arg(long, value_name = "FILE", alias = "control_file", hide = true)]
    control_file: Option<PathBuf>,
    /// Runs cells that come as lines of JSON: tests do that
    #[arg(long, hide = true)]
    cells: bool,
}

/// Does what a person, or Jupyter, asks for.
pub fn run() -> Result<ExitCode, Problem> {
    let arguments = Arguments::parse();
    let action = &arguments.action;
    if let Some(control_file) = &action.control_file {
        let control_file = std::path::absolute(control_file).unwrap_or_else(|_| control_file.to_owned());
        return Err(kernel::start([OsStr::new("--control-file"), control_file.as_os_str()])?);
    }
    if action.cells {
        return Err(kernel::start(["--cells"])?);
    }
    if action.precompile {
        return precompile(&arguments);
    }
    let place = match (&arguments.prefix, arguments.sys_prefix) {
        (Some(prefix), _) => Place::Prefix(prefix.clone()),
        (None, true) => Place::Prefix(jupyter::prefix_of_python()?),
        (None, false) => Place::User,
    };
    if action.uninstall {
        match jupyter::uninstall(&place)? {
            Some(folder) => println!("removed {}", folder.display()),
            None => println!("there was no kernel to remove in {}", jupyter::kernel_folder(&place)?.display()),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let checkout = checkout(&arguments)?;
    let search_path = tools::search_path(None)?;
    let written = jupyter::install(&place, &checkout, &search_path)?;
    println!("wrote {}", written.display());
    println!(
        "Jupyter now offers the kernel '{}', for the crate in {}",
        jupyter::DISPLAY_NAME,
        checkout.folder.display()
    );
    let setting = Setting::new(checkout.folder.clone(), Ok(&checkout), None)?;
    if !Cache::of_user()?.is_precompiled_for(&checkout, &setting) {
        println!("prepare what notebooks need, once: maturation-kernel --precompile");
    }
    Ok(ExitCode::SUCCESS)
}

/// What evcxr calls this very program for, beside running cells: nothing; or the second half of a start.
pub fn run_within(sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    if std::env::args().nth(1).as_deref() == Some(precompile::COMPILE) {
        return precompile::compile(sandbox);
    }
    let arguments = Arguments::parse();
    if arguments.action.cells {
        return kernel::serve_lines(sandbox);
    }
    let connection_file = arguments.action.control_file.ok_or(Problem::NoConnection)?;
    kernel::serve(&connection_file, sandbox)
}

fn precompile(arguments: &Arguments) -> Result<ExitCode, Problem> {
    let checkout = checkout(arguments)?;
    let report = precompile::precompile(&Cache::of_user()?, &checkout, arguments.jobs)?;
    println!("{report}");
    Ok(ExitCode::SUCCESS)
}

fn checkout(arguments: &Arguments) -> Result<Checkout, Problem> {
    let found = Checkout::at(&arguments.checkout).ok_or_else(|| Problem::Moved(arguments.checkout.clone()))?;
    found.of_this_version()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn one_thing_is_done_at_a_time() {
        for line in [
            "--install",
            "--uninstall --prefix p",
            "--precompile --jobs 1",
            "--warm",
            "--control-file f",
            "--control_file f",
        ] {
            assert!(Arguments::try_parse_from(format!("k {line}").split(' ')).is_ok(), "{line}");
        }
        for line in ["--install --precompile", "--prefix p", "--install --prefix p --sys-prefix", "--jobs 1", "install"]
        {
            assert!(Arguments::try_parse_from(format!("k {line}").split(' ')).is_err(), "{line}");
        }
    }
}

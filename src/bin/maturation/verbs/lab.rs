//! JupyterLab on the notebooks, from nothing but Rust and Python.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{refuse, say};
use crate::setup::{KERNEL, Setup, SetupArguments};

/// Where JupyterLab listens, unless another port is asked for, or it is taken: then on one of the next.
const PORTS: std::ops::Range<u16> = 8888..8920;

/// Set up JupyterLab with the Rust kernel, and open it on the notebooks.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation lab --dry-run")]
pub struct Arguments {
    /// The port to listen on [default: the first free one from 8888].
    #[arg(long, value_name = "N")]
    pub port: Option<u16>,
    /// Only print the address, and open no browser.
    #[arg(long)]
    pub no_browser: bool,
    /// The folder to open [default: the notebooks of this crate].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub setup: SetupArguments,
    /// More arguments for JupyterLab, after a `--`.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub jupyter: Vec<String>,
}

/// Sets up what is missing, then opens JupyterLab and stays until it ends.
pub fn run(arguments: Arguments) -> Result<()> {
    let setup = Setup::find(&arguments.setup)?;
    let folder = arguments.dir.clone().unwrap_or_else(|| setup.notebooks());
    if !folder.is_dir() {
        return Err(refuse(format!("there is no folder {}", folder.display()), "name another with --dir"));
    }
    let port = free_port(arguments.port)?;
    setup.say_plan(&format!("JupyterLab on {} at http://localhost:{port}", folder.display()));
    if arguments.setup.dry_run {
        return Ok(());
    }
    setup.carry_out()?;

    let mut jupyter = setup.python(&["-m", "jupyterlab", "--allow-root", "--ServerApp.port_retries=0"]);
    jupyter.arg(format!("--port={port}")).arg(format!("--MultiKernelManager.default_kernel_name={KERNEL}"));
    // The address is printed all the same.
    jupyter.arg("--Application.log_level=WARN");
    if arguments.no_browser {
        jupyter.arg("--no-browser");
    }
    jupyter.arg("--ServerApp.root_dir").arg(&folder).args(&arguments.jupyter);
    say("Opening JupyterLab. Ctrl-C twice ends it.");
    become_it(jupyter)
}

/// The port that was asked for, or the first free one.
fn free_port(wanted: Option<u16>) -> Result<u16> {
    // JupyterLab listens on both kinds of local address; a machine may lack the second kind.
    let taken = |port: u16| {
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err();
        let six = TcpListener::bind((Ipv6Addr::LOCALHOST, port));
        four || six.is_err_and(|problem| problem.kind() == std::io::ErrorKind::AddrInUse)
    };
    match wanted {
        Some(port) if taken(port) => Err(refuse(
            format!("port {port} is in use or not allowed"),
            "choose another with --port, or leave it out to take the first free one",
        )),
        Some(port) => Ok(port),
        None => PORTS.into_iter().find(|&port| !taken(port)).ok_or_else(|| {
            refuse(format!("no port from {} to {} is free", PORTS.start, PORTS.end - 1), "choose one with --port")
        }),
    }
}

/// Ends this program and lets the other take its place, so that Ctrl-C reaches JupyterLab alone.
#[cfg(unix)]
fn become_it(mut command: Command) -> Result<()> {
    let problem = std::os::unix::process::CommandExt::exec(&mut command);
    Err(refuse(format!("JupyterLab could not be started ({problem})"), "run the same command again"))
}

#[cfg(not(unix))]
fn become_it(mut command: Command) -> Result<()> {
    let ended = command.status();
    match ended {
        Ok(_) => Ok(()),
        Err(problem) => {
            Err(refuse(format!("JupyterLab could not be started ({problem})"), "run the same command again"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_refused_and_another_is_found() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = free_port(Some(port)).unwrap_err().to_string();
        assert!(message.contains(&port.to_string()) && message.contains("--port"), "{message}");
        drop(listener);
        assert_eq!(free_port(Some(port)).unwrap(), port);

        let first = free_port(None).unwrap();
        let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        assert!(free_port(None).unwrap() > first);
    }
}

//! JupyterLab on the notebooks, from nothing but Rust and Python.
//!
//! JupyterLab runs any program as the user who started it: it listens on this machine alone, and asks for a token that
//! only this user can read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{refuse, say};
use crate::setup::{KERNEL, Setup, SetupArguments};

/// Where JupyterLab listens, unless another port is asked for, or it is taken: then on one of the next.
const PORTS: std::ops::Range<u16> = 8888..8920;

/// Set up JupyterLab with the Rust kernel, and open it on the notebooks: for this machine alone, with a token.
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
    let given = Given::of(&arguments.jupyter)?;
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
    if !given.address {
        jupyter.arg(format!("--ServerApp.ip={}", Ipv4Addr::LOCALHOST));
    }
    let mut address = format!("http://{}:{port}/lab", Ipv4Addr::LOCALHOST);
    if !given.token {
        // Other users of this machine see what programs are started with, but not what is in this file. Whatever the
        // user's own configuration of Jupyter says, it is not read beside this one.
        let token = token()?;
        let settings = json!({"IdentityProvider": {"token": token}}).to_string();
        let file = setup.private_file(&format!("lab-{port}.json"), &settings)?;
        jupyter.arg(format!("--config={}", file.display()));
        address.push_str(&format!("?token={token}"));
    }
    jupyter.arg("--ServerApp.root_dir").arg(&folder).args(&arguments.jupyter);
    say(format!("Opening JupyterLab at {address}"));
    say("It listens on this machine alone, and who has the token runs programs as you. Ctrl-C twice ends it.");
    become_it(jupyter)
}

/// What the user's own arguments for JupyterLab decide.
#[derive(Debug, PartialEq)]
struct Given {
    /// Where it listens.
    address: bool,
    /// The token that it asks for, or the file that says so.
    token: bool,
}

impl Given {
    /// # Errors
    /// If they let other machines reach JupyterLab, or take the token away.
    fn of(arguments: &[String]) -> Result<Given> {
        let mut given = Given { address: false, token: false };
        for (place, argument) in arguments.iter().enumerate() {
            let Some(option) = argument.strip_prefix("--") else { continue };
            let next = arguments.get(place + 1).map_or("", String::as_str);
            let (name, value) = option.split_once('=').unwrap_or((option, next));
            let value = value.trim_matches(['"', '\'']);
            match name.rsplit('.').next().unwrap_or_default() {
                "ip" if !is_this_machine(value) => {
                    return Err(refuse(
                        format!("`--{name}` {value} lets other machines reach JupyterLab, which runs programs as you"),
                        "leave it out; from another machine, open a tunnel: ssh -L 8888:localhost:8888 THIS_MACHINE",
                    ));
                }
                "ip" => given.address = true,
                "token" if value.is_empty() => {
                    return Err(refuse(
                        format!(
                            "`--{name}` takes the token away: every user of this machine could run programs as you"
                        ),
                        "leave it out",
                    ));
                }
                "token" | "config" => given.token = true,
                _ => {}
            }
        }
        Ok(given)
    }
}

fn is_this_machine(address: &str) -> bool {
    address == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A token that nobody guesses.
#[cfg(unix)]
fn token() -> Result<String> {
    let mut bytes = [0_u8; 24];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| std::io::Read::read_exact(&mut source, &mut bytes))
        .map_err(|problem| refuse(format!("this system gives no random numbers ({problem})"), "mount /dev"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(not(unix))]
fn token() -> Result<String> {
    // The system's random numbers, as the standard library keys its hash tables.
    let part = || std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0_u8);
    Ok((0..3).map(|_| format!("{:016x}", part())).collect())
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
    fn what_opens_jupyterlab_to_others_is_refused_in_every_spelling() {
        let of = |text: &str| Given::of(&text.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for open in [
            "--ip=0.0.0.0",
            "--ServerApp.ip=0.0.0.0",
            "--ServerApp.ip 0.0.0.0",
            "--NotebookApp.ip=*",
            "--ip='192.168.1.7'",
            "--ip=",
            "--ip=::",
            "--ip=my-machine",
        ] {
            let message = of(open).unwrap_err().to_string();
            assert!(message.contains("other machines") && message.contains("ssh -L"), "{open}: {message}");
        }
        for open in ["--ServerApp.token=", "--IdentityProvider.token=''", "--NotebookApp.token=\"\""] {
            let message = of(open).unwrap_err().to_string();
            assert!(message.contains("token away") && message.contains("leave it out"), "{open}: {message}");
        }
        let none = Given { address: false, token: false };
        assert_eq!(of("--debug --ServerApp.port_retries=3 data").unwrap(), none);
        for ours in ["--ip=localhost", "--ServerApp.ip=127.0.0.1", "--ip=::1", "--ip 127.0.0.2"] {
            assert_eq!(of(ours).unwrap(), Given { address: true, token: false }, "{ours}");
        }
        for ours in ["--IdentityProvider.token=mine", "--config=/mine.py"] {
            assert_eq!(of(ours).unwrap(), Given { address: false, token: true }, "{ours}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn no_two_tokens_are_the_same() {
        let [one, other] = [token().unwrap(), token().unwrap()];
        assert!(one.len() == 48 && one != other, "{one} {other}");
    }

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

//! The Rust kernel: built from the checkout, registered in the environment, its caches warm.

use std::path::{Path, PathBuf};
use std::process::Command;

use maturation::prelude::*;

use super::environment::{Environment, quietly};
use super::machine::Machine;

use crate::common::output::refuse;

/// The kernel's name, by which notebooks and `jupyter` ask for it.
pub const NAME: &str = "maturation";

const PROGRAM: &str = "maturation-kernel";

/// The program `maturation-kernel`, there or still to be built.
#[derive(Debug)]
pub struct Kernel {
    path: PathBuf,
    cache: PathBuf,
    checkout: PathBuf,
    /// How to build it, unless it stands ready beside this program.
    build: Option<Build>,
}

#[derive(Debug)]
struct Build {
    cargo: PathBuf,
    target: PathBuf,
}

impl Kernel {
    /// The kernel beside this program, if it is of the same version and was installed there; else one that cargo builds
    /// from the checkout.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if there is no kernel of this version and no cargo to build one.
    pub fn find(machine: &Machine) -> Result<Kernel> {
        let beside = machine.executable.with_file_name(format!("{PROGRAM}{}", std::env::consts::EXE_SUFFIX));
        let (cache, checkout) = (machine.cache.clone(), machine.checkout.clone());
        let found = beside.is_file().then(|| version(&beside)).transpose()?;
        let fits = found.as_deref() == Some(env!("CARGO_PKG_VERSION"));
        let cargo = std::env::var_os("CARGO").map(PathBuf::from).or_else(|| machine.program("cargo"));
        let target = target_folder(&machine.executable);
        match (cargo, fits) {
            // Among its own build outputs, cargo knows better than a version number whether a program is up to date.
            (Some(cargo), fits) if target.is_some() || !fits => {
                let target = target.unwrap_or_else(|| checkout.join("target"));
                let path =
                    target.join("release/examples").join(PROGRAM).with_extension(std::env::consts::EXE_EXTENSION);
                Ok(Kernel { path, cache, checkout, build: Some(Build { cargo, target }) })
            }
            (_, true) => Ok(Kernel { path: beside, cache, checkout, build: None }),
            (_, false) => Err(refuse(
                match found {
                    Some(version) => {
                        format!("{} is of version {version}, this is {}", beside.display(), env!("CARGO_PKG_VERSION"))
                    }
                    None => format!("there is no {PROGRAM} beside this program, and no cargo to build it with"),
                },
                "install Rust from https://rustup.rs, then run the same command again",
            )),
        }
    }

    /// Whether cargo has to be asked for it.
    pub fn is_ready(&self) -> bool {
        self.build.is_none()
    }

    /// Whether it stands there, perhaps not up to date.
    pub fn is_there(&self) -> bool {
        self.path.is_file()
    }

    /// Builds it.
    pub fn build(&self) -> Result<()> {
        let Some(build) = &self.build else { return Ok(()) };
        let mut cargo = Command::new(&build.cargo);
        cargo.current_dir(&self.checkout).args(["build", "--locked", "--release", "--example"]);
        succeed(cargo.arg(PROGRAM).arg("--target-dir").arg(&build.target), "cargo could not build the kernel")?;
        match version(&self.path)? {
            version if version == env!("CARGO_PKG_VERSION") => Ok(()),
            version => Err(refuse(
                format!("cargo built a kernel of version {version}, but this is {}", env!("CARGO_PKG_VERSION")),
                format!("run `cargo run --release -- lab` in {}", self.checkout.display()),
            )),
        }
    }

    /// Registers it in an environment.
    pub fn register(&self, environment: &Environment) -> Result<()> {
        let mut kernel = self.command("--install");
        let output = quietly(kernel.arg("--prefix").arg(environment.folder()))?;
        if output.status.success() {
            return Ok(());
        }
        Err(refuse(
            format!("the kernel could not be registered: {}", String::from_utf8_lossy(&output.stderr).trim()),
            "see the message above",
        ))
    }

    /// Prepares the crate for cells, unless that was done before.
    pub fn warm(&self) -> Result<()> {
        succeed(&mut self.command("--precompile"), "the kernel's caches could not be filled")
    }

    /// A call of the kernel, which may have been built before the checkout was moved.
    fn command(&self, what: &str) -> Command {
        let mut command = Command::new(&self.path);
        command.arg(what).arg("--checkout").arg(&self.checkout).env("MATURATION_CACHE", &self.cache);
        command
    }
}

/// Runs a program whose words go to the screen as they come.
fn succeed(command: &mut Command, complaint: &str) -> Result<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(refuse(complaint, "see the messages above")),
        Err(problem) => Err(refuse(
            format!("{complaint}: cannot run {} ({problem})", command.get_program().display()),
            "check that it is installed",
        )),
    }
}

/// The version that a kernel says it is of.
fn version(kernel: &Path) -> Result<String> {
    let output = quietly(Command::new(kernel).arg("--version"))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.split_whitespace().last().unwrap_or("unknown").to_owned())
}

/// The folder that cargo built this program into, as the folder's tag tells.
fn target_folder(executable: &Path) -> Option<PathBuf> {
    let folder = executable.parent()?.parent()?;
    (executable.parent()?.ends_with("release") && folder.join("CACHEDIR.TAG").is_file()).then(|| folder.to_owned())
}

//! Setting up what notebooks need: a Python environment with JupyterLab, the Rust kernel, warm caches.
//!
//! Everything is kept in one folder, the user's cache folder of this crate; what is there already is not made again.

mod environment;
mod kernel;
mod machine;
mod python;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Args;
use maturation::prelude::*;

pub use kernel::NAME as KERNEL;

use environment::Environment;
use kernel::Kernel;
use machine::Machine;
use python::Python;

use crate::common::output::{refuse, say};

/// How to set up.
#[derive(Debug, Args)]
pub struct SetupArguments {
    /// The Python to make the environment with [default: the first of version 3.11 or later].
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// Also install what training on an NVIDIA GPU needs beside the driver: CUDA's run-time compiler.
    #[arg(long)]
    pub gpu: bool,
    /// Only say what would be done.
    #[arg(long)]
    pub dry_run: bool,
}

/// What notebooks need on this machine, there or still to be made.
pub struct Setup {
    machine: Machine,
    python: Python,
    environment: Environment,
    kernel: Kernel,
    /// Whether a GPU is to be used.
    gpu: bool,
}

/// One thing to do.
struct Step<'a> {
    what: String,
    /// How long it takes, about; nothing if it is done already.
    takes: Option<&'static str>,
    act: Box<dyn Fn() -> Result<()> + 'a>,
}

impl Setup {
    /// Looks at this machine, and changes nothing on it.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if something is missing that a setup cannot make itself, with what to do about it.
    pub fn find(arguments: &SetupArguments) -> Result<Setup> {
        let machine = Machine::here()?;
        let python = Python::find(&machine, arguments.python.as_deref())?;
        let environment = Environment::of(&machine, &python)?;
        let kernel = Kernel::find(&machine)?;
        Ok(Setup { machine, python, environment, kernel, gpu: arguments.gpu })
    }

    /// The notebooks that come with this crate.
    pub fn notebooks(&self) -> PathBuf {
        self.machine.checkout.join("notebooks")
    }

    /// A call of the environment's Python.
    pub fn python(&self, arguments: &[&str]) -> Command {
        let mut command = self.environment.command(arguments);
        // The kernel, which JupyterLab starts, keeps its caches there too.
        command.env("MATURATION_CACHE", &self.machine.cache);
        command
    }

    /// Writes a file that only this user can read into the folder of everything that a setup makes.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn private_file(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.machine.cache.join(name);
        // One that is there might have been made for others to read.
        let _ = std::fs::remove_file(&path);
        let mut options = std::fs::File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let made = options.write(true).create_new(true).open(&path);
        made.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).map_err(|problem| {
            refuse(format!("cannot write {} ({problem})", path.display()), "check the disk, then try again")
        })?;
        Ok(path)
    }

    /// Says what is there and what is to be done; `last` is what comes after the setup.
    pub fn say_plan(&self, last: &str) {
        let cache = self.machine.cache.display();
        say(format!("Python {} ({}); all files go to {cache}", self.python.version, self.python.path.display()));
        for (number, step) in (1..).zip(self.steps()) {
            let state = step.takes.map_or("done before".to_owned(), |takes| format!("takes {takes}"));
            say(format!("  {number}. {}: {state}", step.what));
        }
        say(format!("  {}. {last}", self.steps().len() + 1));
    }

    /// Does what is to be done, and says how long each step took.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] with the words of the program that failed and what to do about it.
    pub fn carry_out(&self) -> Result<()> {
        let _alone = Alone::wait_for(&self.machine.cache)?;
        for (number, step) in (1..).zip(self.steps()).filter(|(_, step)| step.takes.is_some()) {
            let begin = Instant::now();
            say(format!("{number}. {} …", step.what));
            (step.act)()?;
            say(format!("   done in {:.1} s", begin.elapsed().as_secs_f64()));
        }
        Ok(())
    }

    fn steps(&self) -> Vec<Step<'_>> {
        let Setup { environment, kernel, .. } = self;
        let made = environment.is_made();
        let mut steps = vec![
            Step {
                what: "a virtual environment of Python".to_owned(),
                takes: (!made).then_some("5 s"),
                act: Box::new(|| environment.make()),
            },
            Step {
                what: format!("JupyterLab {} from PyPI into it", environment.jupyterlab()),
                takes: (!made).then_some("1 min, 300 MB"),
                act: Box::new(|| environment.fill()),
            },
        ];
        if self.gpu {
            steps.push(Step {
                what: "CUDA's run-time compiler from PyPI into it".to_owned(),
                takes: (!made || !environment.has_gpu_compiler()).then_some("20 s, 210 MB"),
                act: Box::new(|| environment.add_gpu_compiler()),
            });
        }
        steps.extend([
            Step {
                what: "the Rust kernel, built by cargo".to_owned(),
                takes: match (kernel.is_ready(), kernel.is_there()) {
                    (true, _) => None,
                    (false, true) => Some("a second if nothing has changed"),
                    (false, false) => Some("some minutes: cargo counts the crates"),
                },
                act: Box::new(|| kernel.build()),
            },
            Step {
                what: "the kernel registered in the environment, as 'Rust (maturation)'".to_owned(),
                takes: Some("a moment"),
                act: Box::new(|| kernel.register(environment)),
            },
            Step {
                what: "the crate, linked for cells".to_owned(),
                takes: Some("a few seconds the first time, then nothing"),
                act: Box::new(|| kernel.warm()),
            },
        ]);
        steps
    }
}

/// Keeps two setups from working on the same folder at once.
struct Alone(#[expect(dead_code, reason = "held until the setup ends")] std::fs::File);

impl Alone {
    fn wait_for(cache: &Path) -> Result<Alone> {
        let complain = |problem: std::io::Error| {
            refuse(
                format!("cannot write in {} ({problem})", cache.display()),
                "set MATURATION_CACHE to a folder that you may write to, on a disk with 3 GB free",
            )
        };
        let mut folder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
        folder.recursive(true).create(cache).map_err(complain)?;
        let lock = std::fs::File::create(cache.join("setup.lock")).map_err(complain)?;
        if lock.try_lock().is_err() {
            say("Another setup is at work here; waiting for it to end …");
            lock.lock().map_err(complain)?;
        }
        Ok(Alone(lock))
    }
}

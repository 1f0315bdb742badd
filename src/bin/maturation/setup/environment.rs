//! The virtual environment that JupyterLab runs in.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use maturation::prelude::*;

use super::machine::Machine;
use super::python::Python;

use crate::common::output::refuse;

/// Settings of JupyterLab that differ from its own: it neither asks about news nor looks for updates.
const SETTINGS: &str = include_str!("../../../../binder/overrides.json");
/// Settings of its server, by which a notebook that is saved stays small.
const SERVER_SETTINGS: &str = include_str!("../../../../binder/jupyter_server_config.py");

/// A virtual environment with JupyterLab, in the cache folder.
#[derive(Debug)]
pub struct Environment {
    folder: PathBuf,
    settings: PathBuf,
    python: PathBuf,
    requirements: PathBuf,
    /// What the environment was made from; it is made anew when that has changed.
    recipe: String,
}

impl Environment {
    /// The environment of this machine, which need not be there yet.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if the checkout lacks the list of packages.
    pub fn of(machine: &Machine, python: &Python) -> Result<Environment> {
        let folder = machine.cache.join("jupyter");
        let binder = machine.checkout.join("binder");
        let read = |name: &str| {
            let path = binder.join(name);
            std::fs::read_to_string(&path).map_err(|problem| {
                refuse(format!("cannot read {} ({problem})", path.display()), "check that the checkout is whole")
            })
        };
        let (requirements, constraints) = (read("requirements.txt")?, read("constraints.txt")?);
        let about = format!("{}\n{} {}", folder.display(), python.path.display(), python.version);
        Ok(Environment {
            recipe: format!("{about}\n{requirements}\n{constraints}\n{SETTINGS}\n{SERVER_SETTINGS}"),
            requirements: binder.join("requirements.txt"),
            settings: machine.cache.join("jupyter-settings"),
            python: python.path.clone(),
            folder,
        })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The version of JupyterLab, as the list of packages says.
    pub fn jupyterlab(&self) -> &str {
        self.recipe.lines().find_map(|line| line.strip_prefix("jupyterlab==")).unwrap_or_default().trim()
    }

    /// Whether it is there, made from what it would be made from now.
    pub fn is_made(&self) -> bool {
        std::fs::read_to_string(self.stamp()).is_ok_and(|recipe| recipe == self.recipe)
    }

    /// Makes it, empty, in place of one that was there.
    pub fn make(&self) -> Result<()> {
        let made = quietly(Command::new(&self.python).args(["-m", "venv", "--clear"]).arg(&self.folder))?;
        if made.status.success() {
            return Ok(());
        }
        Err(refuse(
            format!("no virtual environment could be made in {}:\n{}", self.folder.display(), last_words(&made)),
            "see the message above; another folder can be chosen with MATURATION_CACHE",
        ))
    }

    /// Installs JupyterLab and what it needs into it.
    pub fn fill(&self) -> Result<()> {
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r"];
        let filled = quietly(self.command(pip).arg(&self.requirements))?;
        if !filled.status.success() {
            return Err(refuse(
                format!("pip could not install JupyterLab:\n{}", last_words(&filled)),
                "check the connection to the internet (and the proxy, if there is one), then run the same command \
                 again",
            ));
        }
        // IPython, which comes along, warns of a folder that is not there.
        write(&self.settings.join("config"), "README", "Settings of the JupyterLab of `maturation lab`.\n")?;
        write(&self.settings.join("config"), "jupyter_server_config.py", SERVER_SETTINGS)?;
        write(&self.folder.join("share/jupyter/lab/settings"), "overrides.json", SETTINGS)?;
        write(&self.folder, STAMP, &self.recipe)
    }

    /// Whether it has what the crate compiles a GPU's kernels with.
    pub fn has_gpu_compiler(&self) -> bool {
        let looked =
            quietly(&mut self.command(["-m", "pip", "show", "--quiet", "--disable-pip-version-check", GPU_COMPILER]));
        looked.is_ok_and(|looked| looked.status.success())
    }

    /// Installs what the crate compiles a GPU's kernels with.
    pub fn add_gpu_compiler(&self) -> Result<()> {
        let pip = ["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", GPU_COMPILER];
        let added = quietly(&mut self.command(pip))?;
        if added.status.success() {
            return Ok(());
        }
        Err(refuse(
            format!("pip could not install CUDA's run-time compiler:\n{}", last_words(&added)),
            "check the connection to the internet (and the proxy, if there is one), then run the same command again",
        ))
    }

    /// A call of the environment's Python, with folders of its own for settings: the user's own Jupyter, if there is
    /// one, is neither read nor changed, and the home folder need not be writable.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(self.folder.join(PROGRAMS).join("python"));
        command.args(arguments);
        for (variable, folder) in [
            ("JUPYTER_CONFIG_DIR", "config"),
            ("JUPYTER_DATA_DIR", "data"),
            ("JUPYTER_RUNTIME_DIR", "runtime"),
            ("IPYTHONDIR", "ipython"),
        ] {
            command.env(variable, self.settings.join(folder));
        }
        command.env_remove("PYTHONHOME").env_remove("PYTHONPATH");
        command
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join(STAMP)
    }
}

/// The package of CUDA's run-time compiler.
const GPU_COMPILER: &str = "nvidia-cuda-nvrtc";
const STAMP: &str = "made-from.txt";
const PROGRAMS: &str = if cfg!(windows) { "Scripts" } else { "bin" };

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    std::fs::create_dir_all(folder).and_then(|()| std::fs::write(folder.join(name), text)).map_err(|problem| {
        refuse(format!("cannot write {} ({problem})", folder.join(name).display()), "check the disk, then try again")
    })
}

/// Runs a program to its end and keeps what it says.
pub(super) fn quietly(command: &mut Command) -> Result<Output> {
    command.stdin(Stdio::null()).output().map_err(|problem| {
        refuse(format!("cannot run {} ({problem})", command.get_program().display()), "check that it is installed")
    })
}

/// The end of what a program said, which is where it says what was wrong.
fn last_words(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(8)..];
    last.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

//! A Python that can make the environment that JupyterLab runs in.

use std::path::{Path, PathBuf};
use std::process::Command;

use maturation::prelude::*;

use super::machine::Machine;

use crate::common::output::refuse;

/// The oldest Python that JupyterLab and what it needs run on, at the versions in `binder/`.
const OLDEST: (u32, u32) = (3, 11);

/// What a Python is called, the usual name first.
const NAMES: [&str; 6] = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/// Prints the version, and whether environments can be made. Debian packs `venv` and `ensurepip` separately.
const QUESTION: &str = "
import sys
print('%d.%d' % sys.version_info[:2])
try:
    import ensurepip, venv
    print('venv')
except ImportError:
    pass
";

/// A Python of a version that will do, with its venv module.
#[derive(Debug)]
pub struct Python {
    /// The program.
    pub path: PathBuf,
    /// The version, as 3.11.
    pub version: String,
}

impl Python {
    /// The Python that was asked for, or the first that will do.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if there is none, or if the best there is is too old or lacks its venv module.
    pub fn find(machine: &Machine, wanted: Option<&Path>) -> Result<Python> {
        let candidates: Vec<PathBuf> = match wanted {
            Some(path) => vec![path.to_owned()],
            None => NAMES.iter().filter_map(|name| machine.program(name)).collect(),
        };
        let mut reason = None;
        for path in &candidates {
            match Python::at(path) {
                Ok(python) => return Ok(python),
                // The first is the one that the reader means by Python.
                Err(error) => reason = reason.or(Some(error)),
            }
        }
        Err(reason.unwrap_or_else(|| {
            refuse("there is no Python on this machine's PATH, and JupyterLab needs one", get_python())
        }))
    }

    fn at(path: &Path) -> Result<Python> {
        let named = || path.display();
        let answer = Command::new(path).args(["-c", QUESTION]).output();
        let answer = answer.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let mut lines = answer.lines();
        let version = lines.next().unwrap_or_default().trim().to_owned();
        let parts: Option<(u32, u32)> =
            version.split_once('.').and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        match parts {
            None => Err(refuse(format!("{} does not answer as a Python does", named()), get_python())),
            Some(parts) if parts < OLDEST => {
                Err(refuse(format!("{} is Python {version}, which is too old for JupyterLab", named()), get_python()))
            }
            Some(_) if lines.next() != Some("venv") => Err(refuse(
                format!("{} (Python {version}) cannot make virtual environments", named()),
                "install its venv module; on Debian and Ubuntu: sudo apt install python3-venv",
            )),
            Some(_) => Ok(Python { path: path.to_owned(), version }),
        }
    }
}

fn get_python() -> String {
    let (major, minor) = OLDEST;
    format!(
        "install Python {major}.{minor} or later (on Debian and Ubuntu: sudo apt install python3 python3-venv), or \
         name one with --python FILE"
    )
}

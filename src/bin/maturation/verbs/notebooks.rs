//! Executing notebooks through Jupyter, from top to bottom.

use std::path::{Path, PathBuf};

use clap::Args;
use maturation::prelude::*;

use crate::common::output::refuse;
use crate::setup::{KERNEL, Setup, SetupArguments};

/// Executes notebooks and looks at what their cells put out.
const EXECUTE: &str = include_str!("notebooks/execute.py");

/// Execute the notebooks through Jupyter, and write each as an HTML page.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation notebooks --dry-run")]
pub struct Arguments {
    /// Execute those whose name contains NAME [default: all].
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,
    /// The folder that the pages are written to.
    #[arg(long, value_name = "DIR", default_value = "figures/notebooks")]
    pub out: PathBuf,
    /// The folder of the notebooks [default: the notebooks of this crate].
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    #[command(flatten)]
    pub setup: SetupArguments,
}

/// Sets up what is missing, then executes the notebooks.
///
/// # Errors
///
/// [`Error::Argument`] if a cell fails, or its output lacks what the cell says it must have.
pub fn run(arguments: Arguments) -> Result<()> {
    let setup = Setup::find(&arguments.setup)?;
    let chosen = chosen(&arguments.dir.clone().unwrap_or_else(|| setup.notebooks()), &arguments.names)?;
    setup.say_plan(&format!("{} notebooks, executed and written to {}", chosen.len(), arguments.out.display()));
    if arguments.setup.dry_run {
        return Ok(());
    }
    setup.carry_out()?;
    let mut execute = setup.python(&["-c", EXECUTE, "--kernel", KERNEL, "--out"]);
    let ended = execute.arg(&arguments.out).args(&chosen).status();
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(refuse("not all notebooks ran to their end", "see the messages above")),
        Err(problem) => {
            Err(refuse(format!("Python could not be started ({problem})"), "run `maturation lab --dry-run`"))
        }
    }
}

/// The notebooks of a folder whose names contain one of `names`, in order.
fn chosen(folder: &Path, names: &[String]) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|problem| {
        refuse(format!("cannot read {} ({problem})", folder.display()), "name another with --dir")
    })?;
    let mut all: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
    all.sort();
    let stem = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let is_called = |path: &Path, name: &str| stem(path).contains(name.strip_suffix(".ipynb").unwrap_or(name));
    if let Some(name) = names.iter().find(|name| !all.iter().any(|path| is_called(path, name))) {
        let known: Vec<String> = all.iter().map(|path| stem(path)).collect();
        return Err(refuse(
            format!("no notebook in {} is called `{name}`", folder.display()),
            if known.is_empty() {
                "name another folder with --dir".to_owned()
            } else {
                format!("choose of {}", known.join(", "))
            },
        ));
    }
    all.retain(|path| names.is_empty() || names.iter().any(|name| is_called(path, name)));
    if all.is_empty() {
        return Err(refuse(format!("there is no notebook in {}", folder.display()), "name another folder with --dir"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notebooks_are_chosen_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(ToString::to_string).collect();
            chosen(folder.path(), &wanted).map(|paths| {
                paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
            })
        };
        assert!(names(&[]).unwrap_err().to_string().contains("--dir"));
        for name in ["02-b.ipynb", "01-a.ipynb", "README.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(names(&[]).unwrap(), ["01-a.ipynb", "02-b.ipynb"]);
        assert_eq!(names(&["b"]).unwrap(), ["02-b.ipynb"]);
        assert_eq!(names(&["02-b.ipynb", "01"]).unwrap(), ["01-a.ipynb", "02-b.ipynb"]);
        let message = names(&["a", "psth"]).unwrap_err().to_string();
        assert!(message.contains("`psth`") && message.contains("01-a, 02-b"), "{message}");
    }
}

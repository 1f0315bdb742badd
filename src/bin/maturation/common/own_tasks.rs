//! Tasks of one's own on the command line: files that define them, and runs that were trained on them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use maturation::prelude::*;
use maturation::tasks::TaskDefinition;

/// Makes the tasks known that the arguments bring along, in the `hp.json` of a run and in files after `--task` and
/// `--hp`, since the arguments name rules. What is wrong with a file is told by the verb that uses it.
pub fn know(arguments: impl Iterator<Item = OsString>) {
    let mut option = String::new();
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        let (name, value) = text.split_once('=').unwrap_or((&option, &text));
        match name {
            "--task" => drop(TaskDefinition::read(value).and_then(Rule::define)),
            "--hp" => drop(Hyperparameters::read(value)),
            _ => {
                let run = Path::new(&argument).join("hp.json");
                if run.is_file() {
                    drop(Hyperparameters::read(run));
                }
            }
        }
        option = text;
    }
}

/// The tasks that files define.
pub fn define(files: &[PathBuf]) -> Result<Vec<Rule>> {
    files.iter().map(|file| Rule::define(TaskDefinition::read(file)?)).collect()
}

//! Tasks of one's own on the command line: files that define them, and runs that were trained on them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use maturation::prelude::*;
use maturation::tasks::TaskDefinition;

use crate::common::recording::tell;

/// Makes the tasks known that the arguments bring along, in the `hp.json` of a run and in files after `--task` and
/// `--hp`, since the arguments name rules. What is wrong with a file is told by the verb that uses it.
pub fn know(arguments: impl Iterator<Item = OsString>) {
    let mut option = String::new();
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        let (name, value) = text.split_once('=').unwrap_or((&option, &text));
        match name {
            "--task" => drop(TaskDefinition::read(value).and_then(Rule::define)),
            "--hp" => tell_of(Path::new(value)),
            _ => {
                let run = Path::new(&argument).join("hp.json");
                if run.is_file() {
                    tell_of(&run);
                }
            }
        }
        option = text;
    }
}

/// Reads hyper-parameters, by which their tasks become known, and tells what was derived anew.
fn tell_of(path: &Path) {
    for note in Hyperparameters::read_with_notes(path).map(|(_, notes)| notes).unwrap_or_default() {
        tell(format!("{}: {note}", path.display()));
    }
}

/// The tasks that files define.
pub fn define(files: &[PathBuf]) -> Result<Vec<Rule>> {
    files.iter().map(|file| Rule::define(TaskDefinition::read(file)?)).collect()
}

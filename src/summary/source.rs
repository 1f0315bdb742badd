//! Which runs are summarised together, and what they differ in.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::ensemble::{Ensemble, PlannedRun, RunStatus};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::summary::about::About;
use crate::summary::run::SUMMARY_FOLDER;
use crate::tables::thousands;
use crate::training::Run;

/// Where an ensemble has its runs.
const RUNS: &str = "runs";
/// Keys that follow from others, and say nothing of their own.
const DERIVED: [&str; 6] = ["alpha", "format_version", "n_input", "n_output", "n_rule", "rule_start"];

/// One of many runs: its name, its folder, and the keys in which it differs from others.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// A name that no other has.
    pub name: String,
    /// The run's folder; it is enough if its summary is there.
    pub folder: PathBuf,
    /// Keys of the plan with this run's values; `seed` tells runs of a group apart, all others make groups.
    pub keys: Vec<(String, String)>,
    /// Why it is left out; none: it takes part.
    pub left_out: Option<String>,
}

impl Source {
    /// A run in a folder.
    pub fn new(name: impl Into<String>, folder: impl Into<PathBuf>, keys: Vec<(String, String)>) -> Source {
        Source { name: name.into(), folder: folder.into(), keys, left_out: None }
    }

    /// The runs of an ensemble, with the keys that its plan varies. A run that is not finished is left out, unless
    /// `unfinished` asks for what it shows so far; so is one that failed or has not begun.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn of_ensemble(ensemble: &Ensemble, unfinished: bool) -> Result<Vec<Source>> {
        let source = |planned: &PlannedRun| {
            let mut source = Source::new(planned.name.clone(), ensemble.folder(planned), planned.keys.clone());
            if source.folder.join("log.json").is_file() || !is_run(&source.folder) {
                source.left_out = match ensemble.status(planned)? {
                    RunStatus::Finished { .. } => None,
                    RunStatus::Failed { reason } => Some(format!("it failed: {reason}")),
                    RunStatus::Waiting => Some("it has not begun".to_owned()),
                    RunStatus::Training { .. } | RunStatus::Unfinished { .. } if unfinished => None,
                    RunStatus::Training { trials_trained, .. } => {
                        Some(format!("it is being trained, and has come to {} trials", thousands(trials_trained)))
                    }
                    RunStatus::Unfinished { trials_trained } => {
                        Some(format!("it is not finished, and has come to {} trials", thousands(trials_trained)))
                    }
                };
            }
            Ok(source)
        };
        ensemble.runs().iter().map(source).collect()
    }

    /// The runs below folders: each is a run, or holds runs, itself or in its folder `runs`. Their keys are the
    /// hyper-parameters in which they differ, and the seed.
    ///
    /// A folder is a run's if it has `hp.json`, or a summary though the rest is gone; its name is that of the folder,
    /// or the path where two have one name.
    ///
    /// # Errors
    /// If a folder cannot be read, holds no run, or a run's hyper-parameters cannot be read.
    pub fn in_folders(folders: &[PathBuf]) -> Result<Vec<Source>> {
        let mut found: Vec<PathBuf> = Vec::new();
        for folder in folders {
            let before = found.len();
            if is_run(folder) {
                found.push(folder.clone());
            } else {
                let runs = folder.join(RUNS);
                let mut below = below(if runs.is_dir() { &runs } else { folder })?;
                below.sort_by_key(|path| natural(&name_of(path)));
                found.extend(below);
            }
            if found.len() == before {
                return Err(Error::argument(
                    format!("`{}` holds no run", folder.display()),
                    "give a folder of runs, each a folder with hp.json and log.json, or folders of single runs",
                ));
            }
        }
        let names: HashSet<String> = found.iter().map(|path| name_of(path)).collect();
        let is_clear = names.len() == found.len();
        let name = |path: &PathBuf| if is_clear { name_of(path) } else { path.display().to_string() };
        let mut sources: Vec<Source> =
            found.iter().map(|path| Source::new(name(path), path.clone(), Vec::new())).collect();
        let differing = differing(&sources)?;
        for source in &mut sources {
            let values = hyperparameters(&source.folder)?;
            let value = |key: &String| (key.clone(), values.get(key).map_or_else(|| "–".to_owned(), text));
            source.keys = differing.iter().map(value).collect();
        }
        Ok(sources)
    }

    /// The run, if all of it is there and not its summary alone.
    pub(super) fn run(&self) -> Result<Option<Run>> {
        if self.folder.join("log.json").is_file() { Run::open(&self.folder).map(Some) } else { Ok(None) }
    }

    /// What its group is: all keys but the seed.
    pub(super) fn group(&self) -> Vec<(String, String)> {
        self.keys.iter().filter(|(key, _)| key != "seed").cloned().collect()
    }
}

fn is_run(folder: &Path) -> bool {
    folder.join("hp.json").is_file() || folder.join(SUMMARY_FOLDER).join(super::about::ABOUT_FILE).is_file()
}

fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |source| Error::io("read", folder, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_run(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn name_of(path: &Path) -> String {
    match path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => path.display().to_string(),
    }
}

/// A name's parts, so that seed-2 comes before seed-10.
fn natural(name: &str) -> Vec<(u64, String)> {
    let mut parts: Vec<(u64, String)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest.find(|letter: char| letter.is_ascii_digit()).unwrap_or(rest.len());
        let digits = rest[words..].find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len() - words);
        parts.push((0, rest[..words].to_owned()));
        parts.push((rest[words..words + digits].parse().unwrap_or(u64::MAX), String::new()));
        rest = &rest[words + digits..];
    }
    parts
}

/// The hyper-parameters of a run or of its summary, by their keys in hp.json.
fn hyperparameters(folder: &Path) -> Result<Map<String, Value>> {
    let path = folder.join("hp.json");
    if path.is_file() {
        return Hyperparameters::read(&path)?.to_json();
    }
    Ok(About::read(&folder.join(SUMMARY_FOLDER))?.map(|about| about.hyperparameters).unwrap_or_default())
}

/// The keys in which runs differ, the seed last.
fn differing(sources: &[Source]) -> Result<Vec<String>> {
    let mut first: Option<Map<String, Value>> = None;
    let mut differ: BTreeMap<String, ()> = BTreeMap::new();
    for source in sources {
        let values = hyperparameters(&source.folder)?;
        let known = first.get_or_insert_with(|| values.clone());
        for key in known.keys().chain(values.keys()) {
            if known.get(key) != values.get(key) && !DERIVED.contains(&key.as_str()) && key != "seed" {
                differ.insert(key.clone(), ());
            }
        }
    }
    Ok(differ.into_keys().chain(["seed".to_owned()]).collect())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_sort_as_numbers() {
        let mut names = ["seed-10", "seed-9", "n-2.seed-1", "seed-010", "ä"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["n-2.seed-1", "seed-9", "seed-10", "seed-010", "ä"]);
    }

    #[test]
    fn runs_of_plain_folders_differ_in_their_hyper_parameters_and_the_seed() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, hyperparameters: &Hyperparameters| {
            let path = folder.path().join(name);
            fs::create_dir_all(&path).unwrap();
            let text = serde_json::to_string(&hyperparameters.to_json().unwrap()).unwrap();
            fs::write(path.join("hp.json"), text).unwrap();
        };
        let small = Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() };
        for seed in [2, 10] {
            write(&format!("seed-{seed}"), &Hyperparameters { seed, ..small.clone() });
        }
        let of = |keys: &[(&str, &str)]| {
            keys.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect::<Vec<_>>()
        };
        let found = Source::in_folders(&[folder.path().to_owned()]).unwrap();
        assert_eq!(found.iter().map(|source| source.name.as_str()).collect::<Vec<_>>(), ["seed-2", "seed-10"]);
        assert_eq!((&found[1].keys, found[1].group()), (&of(&[("seed", "10")]), of(&[])));

        write("other", &Hyperparameters { n_rnn: 32, ..small });
        let found = Source::in_folders(&[folder.path().to_owned()]).unwrap();
        assert_eq!(found[0].keys, of(&[("n_rnn", "32"), ("seed", "0")]));
        assert_eq!(found[1].group(), of(&[("n_rnn", "16")]));
        let alone = Source::in_folders(&[folder.path().join("other"), folder.path().join("seed-2")]).unwrap();
        assert_eq!(alone.len(), 2);
        let twice = Source::in_folders(&[folder.path().join("other"), folder.path().join("other")]).unwrap();
        assert!(twice[0].name.ends_with("other") && twice[0].name.len() > "other".len());

        let empty = tempfile::tempdir().unwrap();
        let message = Source::in_folders(&[empty.path().to_owned()]).unwrap_err().to_string();
        assert!(message.contains("holds no run") && message.contains("hp.json"), "{message}");
        assert!(Source::in_folders(&[empty.path().join("none")]).unwrap_err().is_missing_file());
    }
}

//! A training run on disk: its hyper-parameters, its log and its checkpoints.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use polars::frame::DataFrame;

use crate::error::{Error, Kind, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::Network;
use crate::tasks::Rule;
use crate::training::log::{Log, LogEntry};
use crate::training::sequence::Sequence;
use crate::training::stage::{AutomaticChoice, Stage, Staging, moving_average};

/// File names within a run directory.
pub(crate) const HYPERPARAMETERS_FILE: &str = "hp.json";
pub(crate) const LOG_FILE: &str = "log.json";
pub(crate) const STATE_FILE: &str = "state.safetensors";
pub(crate) const MODEL_FILE: &str = "model.safetensors";

/// Where the shipped run lies in the crate's sources.
const SHIPPED: &str = "data/6tasks";

/// A training run: a folder with `hp.json`, `log.json` and a folder for each checkpoint, named by the trials trained.
///
/// ```
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let mature = run.stage(Rule::ODR, Stage::Mature)?;
/// println!("{} mature checkpoints, the last after {} trials", mature.len(), mature.last().trials_trained());
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Run {
    path: PathBuf,
    hyperparameters: Hyperparameters,
    log: Log,
    trials: Vec<u64>,
    staging: Staging,
}

impl Run {
    /// Opens a run.
    ///
    /// An error that names the file if the folder is not there, or `hp.json` or `log.json` is missing or damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let hyperparameters = Hyperparameters::read(path.join(HYPERPARAMETERS_FILE))?;
        let log = Log::read(path.join(LOG_FILE), &hyperparameters)?;
        let mut trials = Vec::new();
        for entry in std::fs::read_dir(&path).map_err(|source| Error::io("read", &path, source))? {
            let entry = entry.map_err(|source| Error::io("read", &path, source))?;
            let count = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
            if let Some(count) = count
                && entry.path().join(MODEL_FILE).is_file()
            {
                trials.push(count);
            }
        }
        trials.sort_unstable();
        Ok(Run::of_parts(path, hyperparameters, log, trials))
    }

    /// A run of which these parts are known, with checkpoints after so many trials.
    pub(super) fn of_parts(path: PathBuf, hyperparameters: Hyperparameters, log: Log, trials: Vec<u64>) -> Self {
        Run { path, hyperparameters, log, trials, staging: Staging::default() }
    }

    /// Opens the run that comes with the crate's sources: the paper's model, trained to the end, thinned to 56
    /// checkpoints.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// assert_eq!(Run::shipped()?.last()?.trials_trained(), 572_160);
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the sources are no longer where they were compiled, and the working folder is not within a copy of them.
    pub fn shipped() -> Result<Self> {
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
        let here = std::env::current_dir().unwrap_or_default();
        let places = std::iter::once(built_from.as_path()).chain(here.ancestors());
        let found = places.map(|place| place.join(SHIPPED)).find(|place| place.join(HYPERPARAMETERS_FILE).is_file());
        let Some(found) = found else {
            let what = format!("the shipped run is neither in {} nor above {}", built_from.display(), here.display());
            return Err(Error::argument(what, "open it by its path, `Run::open(\"…/data/6tasks\")`, or train one"));
        };
        Run::open(found)
    }

    /// The same run, whose stages are told otherwise: wherever it is asked for the stage of a checkpoint, or for the
    /// checkpoints of a stage, by itself or by an analysis.
    ///
    /// # Errors
    /// If the window averages nothing.
    pub fn with_staging(self, staging: Staging) -> Result<Self> {
        Ok(Run { staging: staging.check()?, ..self })
    }

    /// The same run, of which only the checkpoints after these numbers of trials are seen; its log stays whole. What
    /// is averaged over checkpoints takes less time then, and is averaged over these.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let run = Run::shipped()?.only(&[568_320, 572_160])?;
    /// assert_eq!(run.checkpoints()?.len(), 2);
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the run has no checkpoint after so many trials.
    pub fn only(mut self, trials: &[u64]) -> Result<Self> {
        trials.iter().try_for_each(|trials| self.checkpoint(*trials).map(|_| ()))?;
        self.trials.retain(|known| trials.contains(known));
        Ok(self)
    }

    /// How stages are told.
    pub fn staging(&self) -> Staging {
        self.staging
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The hyper-parameters of the run.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// The evaluations so far.
    pub fn evaluations(&self) -> &Log {
        &self.log
    }

    /// Whether training has come to its end: every rule's performance is above `target_perf`, or `max_trials` are
    /// trained.
    pub fn is_finished(&self, max_trials: Option<u64>) -> bool {
        let trained = self.log.entries.last().map(|entry| entry.trials_trained);
        let reached = max_trials.zip(trained).is_some_and(|(most, trained)| trained >= most);
        reached || Sequence::of(&self.hyperparameters).after(&self.log).1
    }

    /// The log as a table, one row an evaluation and rule: trials_trained, seconds, rule, cost, regularisation_cost,
    /// performance, stage (by the performance of that evaluation alone).
    pub fn log(&self) -> Result<DataFrame> {
        self.log.table(&self.hyperparameters)
    }

    /// Every checkpoint, in the order of training; an error if there is none.
    pub fn checkpoints(&self) -> Result<Checkpoints> {
        self.select(self.trials.clone(), || "at all".to_owned())
    }

    /// The checkpoint after exactly this many trials.
    pub fn checkpoint(&self, trials_trained: u64) -> Result<Checkpoint> {
        let exists = self.trials.contains(&trials_trained);
        let chosen = self
            .select(if exists { vec![trials_trained] } else { vec![] }, || format!("after {trials_trained} trials"))?;
        Ok(chosen.last().clone())
    }

    /// The newest checkpoint.
    pub fn last(&self) -> Result<Checkpoint> {
        Ok(self.checkpoints()?.last().clone())
    }

    /// The checkpoints at which `rule` was at `stage`, by its performance in the log, as [`Run::staging`] has it.
    pub fn stage(&self, rule: Rule, stage: Stage) -> Result<Checkpoints> {
        let chosen = self.trials.iter().copied().filter(|trials| self.stage_at(rule, *trials) == Some(stage)).collect();
        self.check_trained(rule)?;
        self.select(chosen, || format!("at stage `{stage}` of rule `{rule}`"))
    }

    /// The stage of `rule` at a checkpoint, as [`Run::staging`] has it, if the log has its performance there.
    pub fn stage_at(&self, rule: Rule, trials_trained: u64) -> Option<Stage> {
        let performance = |entry: &LogEntry| Some((entry.trials_trained, entry.performance(rule)?));
        let (trials, curve): (Vec<u64>, Vec<f64>) = self.log.entries.iter().filter_map(performance).unzip();
        let place = trials.iter().position(|trials| *trials == trials_trained)?;
        let averaged = *moving_average(&curve, self.staging.window).get(place)?;
        Some(Stage::of(averaged, self.hyperparameters.early_target_perf, self.hyperparameters.mid_target_perf))
    }

    /// The performance on `rule` at a checkpoint, if the log has it.
    pub fn performance_at(&self, rule: Rule, trials_trained: u64) -> Option<f64> {
        self.log.at(trials_trained)?.performance(rule)
    }

    /// The checkpoints that the automatic choice takes for a stage of `rule` ([`AutomaticChoice::places`]), as far as
    /// they are on disk.
    pub fn automatic(&self, rule: Rule, stage: Stage, choice: &AutomaticChoice) -> Result<Checkpoints> {
        self.check_trained(rule)?;
        let places = choice.places(&self.log.performance(rule), &self.hyperparameters);
        let trials = places[stage as usize].iter().map(|place| self.log.entries[*place].trials_trained);
        let trials = trials.filter(|trials| self.trials.contains(trials)).collect();
        self.select(trials, || format!("that the automatic choice takes for stage `{stage}` of rule `{rule}`"))
    }

    /// An error that lists the trained rules if `rule` is not one of them.
    pub fn check_trained(&self, rule: Rule) -> Result<()> {
        if self.hyperparameters.rule_trains.contains(&rule) {
            return Ok(());
        }
        Err(Error::unknown_name("rule in this run", rule.name(), &self.hyperparameters.rule_trains))
    }

    /// The checkpoints whose number of trials fits; `wanted` says which were asked for.
    pub(super) fn checkpoints_where(
        &self,
        fits: impl Fn(u64) -> bool,
        wanted: impl Fn() -> String,
    ) -> Result<Checkpoints> {
        self.select(self.trials.iter().copied().filter(|trials| fits(*trials)).collect(), wanted)
    }

    fn select(&self, trials: Vec<u64>, wanted: impl Fn() -> String) -> Result<Checkpoints> {
        if trials.is_empty() {
            let available = match self.trials.as_slice() {
                [] => "it has no checkpoint yet".to_owned(),
                [only] => format!("its only one is after {only} trials"),
                [first, .., last] => {
                    format!("it has {} from {first} to {last} trials", self.trials.len())
                }
            };
            return Err(Error::of(Kind::NoCheckpoint { path: self.path.clone(), wanted: wanted(), available }));
        }
        let checkpoint = |trials_trained| Checkpoint {
            folder: self.path.join(format!("{trials_trained}")),
            hyperparameters: self.hyperparameters.clone(),
            trials_trained,
        };
        Ok(Checkpoints(trials.into_iter().map(checkpoint).collect()))
    }
}

/// A network at one moment of its training, on disk.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    folder: PathBuf,
    hyperparameters: Hyperparameters,
    trials_trained: u64,
}

impl Checkpoint {
    /// Trials trained before it.
    pub fn trials_trained(&self) -> u64 {
        self.trials_trained
    }

    /// The hyper-parameters of its run.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The network.
    ///
    /// An error that names the file if it is missing, truncated, of another version or not finite.
    pub fn network(&self) -> Result<Network> {
        Network::load(&self.hyperparameters, self.folder.join(MODEL_FILE))
    }
}

/// One or more checkpoints, in the order of training.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints(Vec<Checkpoint>);

impl Checkpoints {
    /// A single checkpoint.
    pub(crate) fn one(checkpoint: Checkpoint) -> Self {
        Checkpoints(vec![checkpoint])
    }

    /// The first of them.
    pub fn first(&self) -> &Checkpoint {
        &self.0[0]
    }

    /// The last of them.
    pub fn last(&self) -> &Checkpoint {
        &self.0[self.0.len() - 1]
    }
}

impl Deref for Checkpoints {
    type Target = [Checkpoint];

    fn deref(&self) -> &[Checkpoint] {
        &self.0
    }
}

impl IntoIterator for Checkpoints {
    type Item = Checkpoint;
    type IntoIter = std::vec::IntoIter<Checkpoint>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

//! What a run's summary is of, so that it is found again while it is true.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::numerics::fnv;
use crate::statistics::MOST_UNITS;
use crate::summary::RunSummaryOptions;
use crate::tables::write_bytes;
use crate::training::{LogEntry, Run};

/// The file that says it, written last: a summary without it is none.
pub(super) const ABOUT_FILE: &str = "about.json";
/// Changes with what the tables hold.
const FORMAT: u64 = 1;

/// What a run's summary is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct About {
    /// The version of the crate that made it.
    version: String,
    /// Trials trained at the last evaluation.
    pub(super) trials_trained: u64,
    /// Checkpoints that were at hand.
    pub(super) checkpoints: u64,
    /// Whether every rule was above the target at the last evaluation.
    pub(super) reached_target: bool,
    /// Units of the network.
    pub(super) units: usize,
    /// Tells the log and the checkpoints from others.
    fingerprint: String,
    stage_window: usize,
    most: Option<usize>,
    /// As hp.json has them.
    pub(super) hyperparameters: Map<String, Value>,
}

impl About {
    /// What a summary of the run would be of.
    pub(super) fn of(run: &Run, options: &RunSummaryOptions) -> Result<About> {
        let entries = &run.evaluations().entries;
        let hyperparameters = run.hyperparameters();
        let checkpoints: Vec<u64> = match run.checkpoints() {
            Ok(found) => found.iter().map(|checkpoint| checkpoint.trials_trained()).collect(),
            Err(error) if error.is_missing_checkpoint() => Vec::new(),
            Err(error) => return Err(error),
        };
        let of_entry = |entry: &LogEntry| {
            let performance = entry.rules.iter().map(|rule| rule.performance.to_bits());
            std::iter::once(entry.trials_trained).chain(performance).collect::<Vec<u64>>()
        };
        let all = checkpoints.iter().copied().chain(entries.iter().flat_map(of_entry));
        Ok(About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            trials_trained: entries.last().map_or(0, |entry| entry.trials_trained),
            checkpoints: checkpoints.len() as u64,
            reached_target: entries.last().is_some_and(|entry| entry.worst_performance() > hyperparameters.target_perf),
            units: hyperparameters.n_rnn,
            fingerprint: format!("{:016x}", fnv(all.flat_map(u64::to_le_bytes))),
            stage_window: run.staging().window,
            most: options.most_checkpoints,
            hyperparameters: hyperparameters.to_json()?,
        })
    }

    /// Reads what a folder's summary is of; none if it has none, or one of another format.
    pub(super) fn read(folder: &Path) -> Result<Option<About>> {
        let path = folder.join(ABOUT_FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::io("read", &path, source)),
        };
        let damaged = |problem: String| Error::file(&path, problem, "Delete it, and the summary is made again");
        let value: Value = serde_json::from_str(&text).map_err(|problem| damaged(problem.to_string()))?;
        if value["format"].as_u64() != Some(FORMAT) {
            return Ok(None);
        }
        let missing = |key: &str| damaged(format!("it has no `{key}`"));
        let number = |key: &str| value[key].as_u64().ok_or_else(|| missing(key));
        let text = |key: &str| value[key].as_str().map(str::to_owned).ok_or_else(|| missing(key));
        let units = number("units")? as usize;
        if units > MOST_UNITS {
            return Err(damaged(format!("its network has {units} units, and {MOST_UNITS} are the most")));
        }
        Ok(Some(About {
            version: text("version")?,
            trials_trained: number("trials_trained")?,
            checkpoints: number("checkpoints")?,
            reached_target: value["reached_target"].as_bool().ok_or_else(|| missing("reached_target"))?,
            units,
            fingerprint: text("fingerprint")?,
            stage_window: number("stage_window")? as usize,
            most: value["most_checkpoints"].as_u64().map(|most| most as usize),
            hyperparameters: value["hyperparameters"].as_object().cloned().ok_or_else(|| missing("hyperparameters"))?,
        }))
    }

    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let value = json!({
            "format": FORMAT,
            "version": self.version,
            "trials_trained": self.trials_trained,
            "checkpoints": self.checkpoints,
            "reached_target": self.reached_target,
            "units": self.units,
            "fingerprint": self.fingerprint,
            "stage_window": self.stage_window,
            "most_checkpoints": self.most,
            "hyperparameters": self.hyperparameters,
        });
        let path = folder.join(ABOUT_FILE);
        write_bytes(path, format!("{value:#}\n").as_bytes())
    }

    /// The version that made it.
    pub(super) fn version(&self) -> &str {
        &self.version
    }
}

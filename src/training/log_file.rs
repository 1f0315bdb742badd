//! The log of a training run as a table and as a file: `log.json`.

use std::path::Path;

use polars::prelude::*;
use serde_json::{Map, Value, json};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::json::{take_version, write_version};
use crate::tables::write_bytes;
use crate::training::log::{Log, LogEntry};
use crate::training::sequence::Sequence;
use crate::training::{Evaluation, Stage};

/// The key of [`LogEntry::stage_performance`].
const STAGE_PERFORMANCE: &str = "perf_stage";

/// The published system's word for how far a rule has grown.
fn growth(performance: f64, hyperparameters: &Hyperparameters) -> &'static str {
    if performance <= hyperparameters.early_target_perf {
        "=>E"
    } else if performance <= hyperparameters.mid_target_perf {
        "E=>MID"
    } else if performance <= hyperparameters.mature_target_perf {
        "MID=>A"
    } else {
        "MATURE"
    }
}

impl Log {
    /// The log as a table, one row an evaluation and rule: trials_trained, seconds, rule, cost, regularisation_cost,
    /// performance, stage.
    ///
    /// With a curriculum it has two columns more: curriculum_stage, the stage that training was in before the
    /// evaluation, counted from 1, and stage_performance, what decides whether it is passed: the worst performance of
    /// its rules with epochs as long as in that stage, null where it leaves them as they are.
    pub fn table(&self, hyperparameters: &Hyperparameters) -> Result<DataFrame> {
        let rows: Vec<(&LogEntry, &Evaluation)> =
            self.entries.iter().flat_map(|entry| entry.rules.iter().map(move |rule| (entry, rule))).collect();
        let stage = |performance| {
            Stage::of(performance, hyperparameters.early_target_perf, hyperparameters.mid_target_perf).name()
        };
        let mut table = df![
            "trials_trained" => rows.iter().map(|(entry, _)| entry.trials_trained).collect::<Vec<_>>(),
            "seconds" => rows.iter().map(|(entry, _)| entry.seconds).collect::<Vec<_>>(),
            "rule" => rows.iter().map(|(_, rule)| rule.rule.name()).collect::<Vec<_>>(),
            "cost" => rows.iter().map(|(_, rule)| rule.cost).collect::<Vec<_>>(),
            "regularisation_cost" => rows.iter().map(|(_, rule)| rule.regularisation_cost).collect::<Vec<_>>(),
            "performance" => rows.iter().map(|(_, rule)| rule.performance).collect::<Vec<_>>(),
            "stage" => rows.iter().map(|(_, rule)| stage(rule.performance)).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of the log"))?;
        if hyperparameters.curriculum.is_some() {
            let walk = Sequence::of(hyperparameters).walk(self);
            let of_rows = |entry: usize| std::iter::repeat_n(entry, self.entries[entry].rules.len());
            let entries: Vec<usize> = (0..self.entries.len()).flat_map(of_rows).collect();
            let stages: Vec<u32> = entries.iter().map(|entry| walk[*entry].0 as u32 + 1).collect();
            let performance: Vec<_> = entries.iter().map(|entry| self.entries[*entry].stage_performance).collect();
            for column in
                [Column::new("curriculum_stage".into(), stages), Column::new("stage_performance".into(), performance)]
            {
                table.with_column(column).map_err(Error::table("making the table of the log"))?;
            }
        }
        Ok(table)
    }

    /// Writes `log.json`, whole or not at all.
    pub(crate) fn write(&self, path: &Path, hyperparameters: &Hyperparameters) -> Result<()> {
        write_bytes(path, &self.file(path, hyperparameters)?)
    }

    /// What [`Log::write`] writes to `path`.
    pub(crate) fn file(&self, path: &Path, hyperparameters: &Hyperparameters) -> Result<Vec<u8>> {
        let column = |value: &dyn Fn(&LogEntry) -> Value| self.entries.iter().map(value).collect::<Vec<_>>();
        let mut object = Map::new();
        write_version(&mut object);
        let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
        object.insert("model_dir".into(), json!(folder));
        object.insert("trials".into(), Value::Array(column(&|entry| json!(entry.trials_trained))));
        object.insert("times".into(), Value::Array(column(&|entry| json!(entry.seconds))));
        for (place, rule) in hyperparameters.rule_trains.iter().enumerate() {
            let of_rule = |value: fn(&Evaluation) -> f64| column(&|entry| json!(entry.rules.get(place).map(value)));
            object.insert(format!("cost_{rule}"), Value::Array(of_rule(|rule| rule.cost)));
            object.insert(format!("creg_{rule}"), Value::Array(of_rule(|rule| rule.regularisation_cost)));
            object.insert(format!("perf_{rule}"), Value::Array(of_rule(|rule| rule.performance)));
        }
        object.insert("perf_avg".into(), Value::Array(column(&|entry| json!(entry.mean_performance()))));
        object.insert("perf_min".into(), Value::Array(column(&|entry| json!(entry.worst_performance()))));
        if !self.devices.is_empty() {
            object.insert("devices".into(), json!(self.devices));
        }
        if hyperparameters.curriculum.is_some() {
            // The stage that training goes on with, counted from 1, and its rules.
            let sequence = Sequence::of(hyperparameters);
            let stages: Vec<usize> = sequence.walk(self).into_iter().map(|(_, after, _)| after).collect();
            let names = |stage: &usize| sequence.stage(*stage).rules.iter().map(|rule| rule.name()).collect::<Vec<_>>();
            object.insert("rule_now".into(), json!(stages.iter().map(names).collect::<Vec<_>>()));
            object.insert("stage".into(), json!(stages.iter().map(|stage| stage + 1).collect::<Vec<_>>()));
            object.insert(STAGE_PERFORMANCE.into(), Value::Array(column(&|entry| json!(entry.stage_performance))));
        }
        let grown = |entry: &LogEntry| {
            let pairs = entry
                .rules
                .iter()
                .map(|rule| (rule.rule.name().to_owned(), Value::from(growth(rule.performance, hyperparameters))));
            Value::Object(pairs.collect())
        };
        object.insert("growth".into(), Value::Array(column(&grown)));
        serde_json::to_vec(&object)
            .map_err(|problem| Error::file(path, format!("the log is no JSON: {problem}"), "Report this as a bug"))
    }

    /// Reads `log.json`: this crate's, or the published system's.
    pub fn read(path: impl AsRef<Path>, hyperparameters: &Hyperparameters) -> Result<Self> {
        let path = path.as_ref();
        let remedy = "Restore the file from a copy of the run, or train again";
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let (mut object, _): (Map<String, Value>, bool) = crate::json::read(&text)
            .map_err(|problem| Error::file(path, format!("it is truncated or no JSON ({problem})"), remedy))?;
        take_version(&mut object).map_err(|(problem, remedy)| Error::file(path, problem, remedy))?;
        let column = |key: &str| -> Result<&Vec<Value>> {
            let found = object.get(key).and_then(Value::as_array);
            found.ok_or_else(|| Error::file(path, format!("it has no list `{key}`"), remedy))
        };
        let trials = column("trials")?;
        let number = |key: &str, place: usize| -> Result<f64> {
            let value = column(key)?.get(place);
            // JSON has no NaN and no infinity; a cost that was one is written as null here, and as NaN by Python.
            let value = value.map(|value| if value.is_null() { Some(f64::NAN) } else { value.as_f64() });
            let wrong = || Error::file(path, format!("`{key}` has no number at place {place}"), remedy);
            value.flatten().ok_or_else(wrong)
        };
        let mut log = Log::default();
        if let Some(devices) = object.get("devices") {
            log.devices = serde_json::from_value(devices.clone()).map_err(|problem| {
                Error::file(path, format!("`devices` is no list of trials and names ({problem})"), remedy)
            })?;
        }
        for (place, count) in trials.iter().enumerate() {
            let wrong = || Error::file(path, format!("`trials` has no whole number at place {place}"), remedy);
            let whole = |count: &Value| count.as_f64().filter(|count| count.fract() == 0.0 && *count >= 0.0);
            let trials_trained = count.as_u64().or_else(|| whole(count).map(|count| count as u64)).ok_or_else(wrong)?;
            if log.entries.last().is_some_and(|last| last.trials_trained >= trials_trained) {
                return Err(Error::file(path, format!("`trials` does not rise at place {place}"), remedy));
            }
            let rules = hyperparameters.rule_trains.iter().map(|rule| {
                Ok(Evaluation {
                    rule: *rule,
                    cost: number(&format!("cost_{rule}"), place)?,
                    regularisation_cost: number(&format!("creg_{rule}"), place)?,
                    performance: number(&format!("perf_{rule}"), place)?,
                })
            });
            let rules = rules.collect::<Result<Vec<_>>>()?;
            // Runs without a curriculum have none, nor have stages that leave epochs as they are.
            let of_stage = object.get(STAGE_PERFORMANCE).and_then(|column| column.get(place));
            let stage_performance = match of_stage.filter(|value| !value.is_null()) {
                Some(_) => Some(number(STAGE_PERFORMANCE, place)?),
                None => None,
            };
            log.entries.push(LogEntry { trials_trained, seconds: number("times", place)?, rules, stage_performance });
        }
        Ok(log)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Rule;

    fn example() -> (Hyperparameters, Log) {
        let hyperparameters = Hyperparameters { rule_trains: vec![Rule::ODR, Rule::GAP], ..Hyperparameters::paper() };
        let evaluation = |rule, performance| Evaluation { rule, cost: 1.5, regularisation_cost: 0.25, performance };
        let entries = (0..3)
            .map(|place| LogEntry {
                trials_trained: 1280 * place,
                seconds: 0.5 * place as f64,
                rules: vec![evaluation(Rule::ODR, 0.3 * place as f64), evaluation(Rule::GAP, 0.96)],
                stage_performance: None,
            })
            .collect();
        (hyperparameters, Log { entries, ..Log::default() })
    }

    #[test]
    fn a_log_survives_its_file_and_has_the_published_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.json");
        let (hyperparameters, log) = example();
        log.write(&path, &hyperparameters).unwrap();
        assert_eq!(Log::read(&path, &hyperparameters).unwrap(), log);
        let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(json["perf_min"], json!([0.0, 0.3, 0.6]));
        assert_eq!(json["growth"][2], json!({"odr": "E=>MID", "gap": "MATURE"}));
        assert_eq!(json["cost_gap"], json!([1.5, 1.5, 1.5]));
    }

    #[test]
    fn the_log_says_on_what_a_run_was_trained_where_that_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.json");
        let (hyperparameters, mut log) = example();
        log.note_device(0, "CPU, 2 threads");
        assert!(log.devices.is_empty());
        for (trials, device) in
            [(640, "cuda:0 (A)"), (1280, "cuda:0 (A)"), (1280, "cuda:1 (B)"), (2560, "CPU, 1 thread")]
        {
            log.note_device(trials, device);
        }
        let expected = [(640, "cuda:0 (A)"), (1280, "cuda:1 (B)"), (2560, "CPU")];
        assert_eq!(log.devices, expected.map(|(trials, device)| (trials, device.to_owned())));
        log.write(&path, &hyperparameters).unwrap();
        assert_eq!(Log::read(&path, &hyperparameters).unwrap(), log);
        // Training that goes on from an earlier moment than it had come to takes back what came later.
        log.note_device(640, "CPU, 8 threads");
        assert!(log.devices.is_empty());
        std::fs::write(&path, br#"{"trials": [], "times": [], "devices": [1, 2]}"#).unwrap();
        let message = Log::read(&path, &hyperparameters).unwrap_err().to_string();
        assert!(message.contains("log.json") && message.contains("`devices`"), "{message}");
    }

    #[test]
    fn the_table_is_long() {
        let (hyperparameters, log) = example();
        let table = log.table(&hyperparameters).unwrap();
        assert_eq!(table.shape(), (6, 7));
        let stages = crate::tables::Columns::of(&table, "the log").names("stage").unwrap();
        assert_eq!(stages, ["early", "mature", "early", "mature", "mid", "mature"]);
    }

    #[test]
    fn damaged_logs_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.json");
        let (hyperparameters, log) = example();
        log.write(&path, &hyperparameters).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let message = Log::read(&path, &hyperparameters).unwrap_err().to_string();
        assert!(message.contains("log.json") && message.contains("truncated"), "{message}");
        std::fs::write(&path, br#"{"trials": [0], "times": [0], "cost_odr": [1], "creg_odr": [0]}"#).unwrap();
        let message = Log::read(&path, &hyperparameters).unwrap_err().to_string();
        assert!(message.contains("perf_odr"), "{message}");
    }

    #[test]
    fn logs_of_python_may_hold_numbers_that_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.json");
        let text = r#"{"model_dir": "NaN", "trials": [0, 1280.0], "times": [0, 1.5], "cost_odr": [1.0, NaN],
            "creg_odr": [0.0, Infinity], "perf_odr": [0.2, 0.5], "growth": [NaN]}"#;
        std::fs::write(&path, text).unwrap();
        let hyperparameters = Hyperparameters { rule_trains: vec![Rule::ODR], ..Hyperparameters::paper() };
        let log = Log::read(&path, &hyperparameters).unwrap();
        assert_eq!((log.entries[1].trials_trained, log.entries[1].rules[0].performance), (1280, 0.5));
        assert!(log.entries[1].rules[0].cost.is_nan() && log.entries[1].rules[0].regularisation_cost.is_nan());
    }
}

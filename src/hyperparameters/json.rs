//! Hyper-parameters as keys and values: `hp.json`, and `--set KEY=VALUE`.

use std::path::Path;

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::json::take_version;
use crate::tasks::{Rule, TaskDefinition};

/// Keys that files carry for a reader's convenience and that follow from the others.
const DERIVED: [&str; 7] = ["alpha", "num_ring", "n_rule", "rule_start", "n_input", "n_output", "rules"];

/// Keys of the published system that change nothing here, each with the one value at which that is so.
fn inert(key: &str) -> Option<Value> {
    match key {
        "in_type" => Some(Value::from("normal")),
        "c_intsyn" | "ksi_intsyn" => Some(Value::from(0)),
        _ => None,
    }
}

/// The key of training in stages, and the one of older files.
const CURRICULUM: &str = "curriculum";
const OLD_CURRICULUM: &str = "rule_stages";

/// The key of the definitions of tasks.
const TASKS: &str = "tasks";

/// Keys of the published system that decide nothing, whatever they say: the name under which a run was saved, and how
/// its generator of random numbers was written down.
const IDLE: [&str; 2] = ["save_name", "rng"];

/// What stands in a file for a task that is code.
const CODE: &str = "code";

impl Hyperparameters {
    /// Changes the value of one key, given as text: a number, a name, or a list separated by commas; the
    /// [stages](crate::hyperparameters::CurriculumStage) of `curriculum` are separated by semicolons.
    ///
    /// `alpha` cannot be set (set `dt` or `tau`). Setting `ruleset` also trains all of its rules, unless `rule_trains`
    /// is set after it; setting `rule_trains` leaves equal probabilities equal.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let mut hyperparameters = Hyperparameters::paper();
    /// hyperparameters.set("n_rnn", "64")?;
    /// hyperparameters.set("rule_trains", "odr,odrd")?;
    /// assert!(hyperparameters.set("n_rnns", "64").unwrap_err().to_string().contains("n_rnn"));
    /// # Ok::<(), maturation::Error>(())
    /// ```
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if DERIVED.contains(&key) {
            return Err(Error::hyperparameter(key, value, "no value: it follows from `dt`, `tau` and `ruleset`"));
        }
        let key = if key == OLD_CURRICULUM { CURRICULUM } else { key };
        let mut fields = self.fields()?;
        let Some(present) = fields.get(key) else {
            return Err(Error::unknown_name("hyper-parameter", key, fields.keys().map(String::as_str)));
        };
        let is_list = present.is_array() || key == "rule_probs";
        let scalar = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let parsed = match value.trim() {
            "none" | "null" => Value::Null,
            text if key == CURRICULUM => Value::from(text.split(';').map(str::trim).collect::<Vec<_>>()),
            text if is_list => {
                let text = text.trim_start_matches('[').trim_end_matches(']');
                Value::from(text.split(',').map(|item| scalar(item.trim().trim_matches('"'))).collect::<Vec<_>>())
            }
            text => scalar(text),
        };
        fields.insert(key.to_owned(), parsed);
        let mut changed = Hyperparameters::from_fields(fields, key)?;
        // A file that was written has them, and if they are all equal they were no one's choice.
        if key == "rule_trains" && changed.rule_probs.as_ref().is_some_and(|all| all.iter().all(|one| *one == all[0])) {
            changed.rule_probs = None;
        }
        if key == "ruleset" {
            changed.rule_trains = changed.ruleset.rules().to_vec();
            changed.rule_probs = None;
            changed.curriculum = None;
        }
        *self = changed;
        Ok(())
    }

    /// Reads `hp.json`: this crate's, or the published system's.
    ///
    /// Missing keys take the paper's values, unknown keys are refused by name.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Hyperparameters::read_with_notes(path).map(|(found, _)| found)
    }

    /// [`Hyperparameters::read`], and what was derived anew because the file has another value for it, a sentence each.
    ///
    /// Files of the published system hold an `alpha` that was not brought up to date where `dt` was changed, and, of
    /// runs of single rules, the trained rules under `rules`.
    ///
    /// # Errors
    /// As [`Hyperparameters::read`].
    pub fn read_with_notes(path: impl AsRef<Path>) -> Result<(Self, Vec<String>)> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let remedy = "Correct the file, or copy `hp.json` from another run";
        let (value, is_python): (Value, bool) = crate::json::read(text.trim_start_matches('\u{feff}'))
            .map_err(|source| Error::file(path, format!("not JSON: {source}"), remedy))?;
        let Value::Object(mut object) = value else {
            return Err(Error::file(path, "it holds no JSON object of keys and values", remedy));
        };
        take_version(&mut object).map_err(|(problem, remedy)| Error::file(path, problem, remedy))?;
        if let Some(tasks) = object.remove(TASKS) {
            let remedy = format!("The run's own tasks are under `{TASKS}`");
            define_tasks(tasks).map_err(|error| Error::file(path, error.to_string(), remedy))?;
        }
        let (found, mut notes) = from_object(object).map_err(|error| Error::file(path, error.to_string(), remedy))?;
        if is_python {
            notes
                .push("NaN and Infinity, which JSON does not have, are taken for values that are not there".to_owned());
        }
        Ok((found, notes))
    }

    /// Hyper-parameters from the keys and values of `hp.json`, validated; missing keys take the paper's values.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let small = Hyperparameters::from_json(json!({"n_rnn": 64, "rule_trains": ["overlap", "gap"]}))?;
    /// assert_eq!((small.n_rnn, small.rule_trains), (64, vec![Rule::OVERLAP, Rule::GAP]));
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If this is no object, or has a key or value that no hyper-parameter has, which is named.
    pub fn from_json(json: impl Into<Value>) -> Result<Self> {
        let Value::Object(object) = json.into() else {
            let remedy = "give keys and values, such as `json!({\"n_rnn\": 64})`";
            return Err(Error::argument("this JSON is no object of hyper-parameters", remedy));
        };
        let (found, notes) = from_object(object)?;
        match notes.into_iter().next() {
            None => Ok(found),
            // A file of the published system may say so; who writes values here means them.
            Some(note) => Err(Error::argument(note, "leave the key out: it follows from the others")),
        }
    }

    /// The keys and values of `hp.json`, with those that follow from others.
    pub fn to_json(&self) -> Result<Map<String, Value>> {
        let mut object = self.fields()?;
        object.insert("rule_probs".into(), Value::from(self.rule_probabilities()));
        object.insert("alpha".into(), Value::from(self.alpha()));
        object.insert("num_ring".into(), Value::from(1));
        object.insert("n_rule".into(), Value::from(self.ruleset.rules().len()));
        object.insert("rule_start".into(), Value::from(self.rule_start()));
        object.insert("n_input".into(), Value::from(self.n_input()));
        object.insert("n_output".into(), Value::from(self.n_output()));
        let rules: Vec<&str> = self.ruleset.rules().iter().map(|rule| rule.name()).collect();
        object.insert("rules".into(), Value::from(rules));
        let own = self.ruleset.rules().iter().filter(|rule| rule.is_own());
        let tasks: Map<String, Value> = own.map(|rule| (rule.name().to_owned(), kept(*rule))).collect();
        if !tasks.is_empty() {
            object.insert(TASKS.into(), Value::Object(tasks));
        }
        Ok(object)
    }

    pub(super) fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => Err(Error::hyperparameter("hp.json", other, "an object")),
            Err(source) => Err(Error::hyperparameter("hp.json", source, "values that JSON can hold")),
        }
    }

    fn from_fields(fields: Map<String, Value>, key: &str) -> Result<Self> {
        let value = fields.get(key).map(Value::to_string).unwrap_or_default();
        serde_json::from_value(Value::Object(fields)).map_err(|source| {
            let expected = source.to_string();
            Error::hyperparameter(key, value, format!("another value ({expected})"))
        })
    }
}

/// Hyper-parameters from their keys and values, and what was derived anew.
fn from_object(mut object: Map<String, Value>) -> Result<(Hyperparameters, Vec<String>)> {
    take_version(&mut object).map_err(|(problem, remedy)| Error::argument(problem, remedy))?;
    let mut notes = Vec::new();
    let mut fields = Hyperparameters::paper().fields()?;
    if let Some(stages) = object.remove(OLD_CURRICULUM) {
        object.entry(CURRICULUM).or_insert(stages);
    }
    if let Some(tasks) = object.remove(TASKS) {
        define_tasks(tasks)?;
    }
    let derived: Vec<(String, Value)> =
        DERIVED.iter().filter_map(|key| object.remove(*key).map(|value| ((*key).to_owned(), value))).collect();
    IDLE.iter().for_each(|key| drop(object.remove(*key)));
    // Written where none were named: all rules of the ruleset.
    if object.get("rule_trains").is_some_and(Value::is_null) {
        object.remove("rule_trains");
        object.remove("rule_probs");
    }
    for (key, value) in object {
        if let Some(only) = inert(&key) {
            if value.as_f64() != only.as_f64() || (!value.is_number() && value != only) {
                return Err(Error::hyperparameter(&key, value, format!("{only}: nothing else is supported")));
            }
            continue;
        }
        if !fields.contains_key(&key) {
            return Err(Error::unknown_name("hyper-parameter", &key, fields.keys().map(String::as_str)));
        }
        fields.insert(key.clone(), value);
        // One at a time, so that a message names the key that is wrong.
        Hyperparameters::from_fields(fields.clone(), &key)?;
    }
    let hyperparameters = Hyperparameters::from_fields(fields, "hp.json")?;
    hyperparameters.validate()?;
    let expected = hyperparameters.to_json()?;
    for (key, value) in derived {
        let agrees = match (value.as_f64(), expected[&key].as_f64()) {
            (Some(given), Some(follows)) => (given - follows).abs() <= 1e-9,
            _ => value == expected[&key],
        };
        if agrees || value.is_null() {
            continue;
        }
        let follows = &expected[&key];
        match key.as_str() {
            "alpha" => notes.push(format!(
                "`alpha` is {value} in the file and {follows} here, as dt = {} and tau = {} have it",
                hyperparameters.dt, hyperparameters.tau
            )),
            "rules" if value == expected["rule_trains"] => notes.push(format!(
                "`rules` names the {} rules that were trained; the input channels are those of ruleset `{}`",
                hyperparameters.rule_trains.len(),
                hyperparameters.ruleset
            )),
            _ => {
                let follows = format!("{follows}, which follows from the other keys");
                return Err(Error::hyperparameter(&key, value, follows));
            }
        }
    }
    Ok((hyperparameters, notes))
}

/// What a file keeps of a task of a user's own.
fn kept(rule: Rule) -> Value {
    rule.task().definition().unwrap_or_else(|| Value::from(CODE))
}

/// Makes the tasks known that a file defines.
///
/// # Errors
/// If a task is code that this program does not have, or another task of its name is known here.
fn define_tasks(tasks: Value) -> Result<()> {
    let Value::Object(tasks) = tasks else {
        return Err(Error::hyperparameter("tasks", tasks, "an object of names and definitions"));
    };
    for (name, definition) in tasks {
        let known = Rule::all().into_iter().find(|rule| rule.is_own() && rule.name() == name);
        if definition == CODE {
            if known.is_none() {
                return Err(Error::argument(
                    format!("task `{name}` is code, and is not defined in this program"),
                    "define it with `Rule::define`, as where the network was trained, before the run is opened",
                ));
            }
            continue;
        }
        let definition = TaskDefinition::from_json(definition)
            .map_err(|error| Error::argument(format!("task `{name}`: {error}"), "correct `tasks`"))?;
        if definition.name != name {
            return Err(Error::hyperparameter("tasks", definition.name, format!("a definition of the name `{name}`")));
        }
        match known {
            None => drop(Rule::define(definition)?),
            Some(rule) => check_same_task(rule, &definition.to_json())?,
        }
    }
    Ok(())
}

/// An error that names the first key in which the task that is known differs from the one of a file.
fn check_same_task(rule: Rule, of_file: &Value) -> Result<()> {
    let here = kept(rule);
    if here == *of_file {
        return Ok(());
    }
    let keys = ["epochs", "varied", "events", "go", "trials", "turned", "tolerance"];
    let differs = keys.into_iter().find(|key| here[*key] != of_file[*key]).unwrap_or("definition");
    let value = |of: &Value| of.get(differs).unwrap_or(of).to_string();
    Err(Error::argument(
        format!(
            "task `{rule}` is another one here than in the file: its `{differs}` is {}, there it is {}",
            value(&here),
            value(of_file)
        ),
        "define it as there, or give the new one another name",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Ruleset;

    #[test]
    fn the_published_file_is_understood() {
        let published = serde_json::json!({
            "batch_size_train": 64, "batch_size_test": 512, "in_type": "normal", "rnn_type": "LeakyRNN",
            "use_separate_input": false, "loss_type": "lsq", "optimizer": "adam", "activation": "softplus",
            "tau": 100, "dt": 20, "alpha": 0.2, "sigma_rec": 0.05, "sigma_x": 0.01, "w_rec_init": "randortho",
            "l1_h": 0.0, "l2_h": 0, "p_weight_train": null, "target_perf": 0.995, "n_eachring": 8, "num_ring": 1,
            "n_rule": 6, "rule_start": 9, "n_input": 15, "n_output": 9, "n_rnn": 16, "ruleset": "all_new",
            "save_name": "test", "c_intsyn": 0, "ksi_intsyn": 0, "mix_rule": true, "rng": null, "seed": 0,
            "rule_trains": ["overlap", "zero_gap", "gap", "odr", "odrd", "gap500"],
        });
        let Value::Object(object) = published else { unreachable!("an object was written above") };
        let read = Hyperparameters::from_json(object).unwrap();
        assert_eq!(read, Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() });
    }

    #[test]
    fn files_of_the_published_system_are_read_with_what_was_derived_anew() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/published_hp");
        let read = |name: &str| Hyperparameters::read_with_notes(format!("{folder}/{name}.json")).unwrap();
        let (paper, notes) = read("paper");
        assert_eq!((paper.rule_trains.len(), notes), (6, vec![]));
        let (single, notes) = read("indi_odr");
        assert_eq!((single.rule_trains.clone(), single.n_input()), (vec![Rule::ODR], 15));
        assert!(notes.len() == 1 && notes[0].contains("`rules`") && notes[0].contains("all_new"), "{notes:?}");
        let (fine, notes) = read("dt10");
        assert_eq!((fine.dt, fine.alpha()), (10.0, 0.1));
        assert!(notes.len() == 1 && notes[0].contains("`alpha` is 0.2 in the file and 0.1 here"), "{notes:?}");
    }

    #[test]
    fn python_writes_what_json_does_not_have() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hp.json");
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write(r#"{"n_rnn": 16, "p_weight_train": NaN, "rng": {"state": 3}, "rule_trains": null, "save_name": "NaN"}"#);
        let (found, notes) = Hyperparameters::read_with_notes(&path).unwrap();
        assert_eq!((found.n_rnn, found.p_weight_train, found.rule_trains.len()), (16, None, 6));
        assert!(notes[0].contains("NaN"), "{notes:?}");
        write(r#"{"learning_rate": NaN}"#);
        let message = Hyperparameters::read(&path).unwrap_err().to_string();
        assert!(message.contains("learning_rate"), "{message}");
        write(r#"{"rules": ["odr", "gap"], "rule_trains": ["odr"]}"#);
        let message = Hyperparameters::read(&path).unwrap_err().to_string();
        assert!(message.contains("rules") && message.contains("follows"), "{message}");
    }

    #[test]
    fn unknown_keys_and_contradictions_in_files_are_refused() {
        for (key, value) in [("n_rnnn", Value::from(3)), ("alpha", Value::from(0.5)), ("n_input", Value::from(3))] {
            let mut object = Hyperparameters::paper().to_json().unwrap();
            object.insert(key.into(), value);
            let message = Hyperparameters::from_json(object).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn set_reads_lists_and_names() {
        let mut hyperparameters = Hyperparameters::paper();
        hyperparameters.set("rule_trains", "odr,odrd").unwrap();
        hyperparameters.set("rule_probs", "1,3").unwrap();
        assert_eq!(hyperparameters.rule_probabilities(), [0.25, 0.75]);
        hyperparameters.set("ruleset", "ozg").unwrap();
        assert_eq!(hyperparameters.rule_trains, Ruleset::OZG.rules());
        hyperparameters.set("activation", "tanh").unwrap();
        hyperparameters.set("p_weight_train", "0.1").unwrap();
        assert_eq!(hyperparameters.p_weight_train, Some(0.1));
        hyperparameters.set("p_weight_train", "none").unwrap();
        hyperparameters.validate().unwrap();
    }
}

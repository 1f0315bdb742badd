//! Runs that earlier releases wrote: each opens, is analysed and trains on as it did.
//!
//! `MATURATION_KEEP=1 cargo test --release --test old_runs` keeps a run of this release, once, as
//! tests/fixtures/runs/VERSION.

use std::path::{Path, PathBuf};

use maturation::prelude::*;
use serde_json::{Value, json};

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/runs")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

/// What a run is and does: its evaluations, rates of its units without noise, and its cost when it is trained on.
fn about(run: &Run) -> Value {
    let entries = |run: &Run| -> Vec<Value> {
        let entry = |entry: &maturation::training::LogEntry| {
            let rules = entry.rules.iter().map(|rule| json!([rule.rule.name(), rule.cost, rule.performance]));
            json!([entry.trials_trained, rules.collect::<Vec<_>>()])
        };
        run.evaluations().entries.iter().map(entry).collect()
    };
    let before = entries(run);
    let mut readout = Readout::new(ReadoutOptions { recurrent_noise: false, ..ReadoutOptions::default() }).unwrap();
    let rates: Vec<Value> = run
        .checkpoints()
        .unwrap()
        .iter()
        .map(|checkpoint| {
            let rates = readout.activity(checkpoint, Rule::GAP).unwrap().rates;
            json!(rates.mean_axis(Axis(0)).unwrap().mean_axis(Axis(0)).unwrap().to_vec())
        })
        .collect();
    let hyperparameters = run.hyperparameters().clone();
    let trained = Training::new(hyperparameters).quiet().max_trials(3840).train(run.path()).unwrap();
    assert_eq!(entries(&trained)[..before.len()], before);
    json!({"before": before, "rates": rates, "after": entries(&trained).last()})
}

/// Whether all numbers are as near as those of two machines are, and all else equal.
fn close(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len() && found.iter().zip(expected).all(|(found, expected)| close(found, expected))
        }
        (Value::Object(found), Value::Object(expected)) => {
            found.len() == expected.len()
                && found.iter().all(|(key, found)| expected.get(key).is_some_and(|expected| close(found, expected)))
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= 1e-3 * expected.abs().max(1e-3)
        }
        _ => found == expected,
    }
}

#[test]
fn runs_of_earlier_releases_open_are_analysed_and_train_on() {
    let releases: Vec<_> = std::fs::read_dir(kept()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(!releases.is_empty());
    let folder = tempfile::tempdir().unwrap();
    for release in releases {
        let expected: Value = serde_json::from_slice(&std::fs::read(release.join("about.json")).unwrap()).unwrap();
        let copied = folder.path().join(release.file_name().unwrap());
        copy(&release, &copied);
        let run = Run::open(&copied).unwrap();
        let table = selectivity(&run.last().unwrap().activity(Rule::ODR).unwrap(), Epoch::Delay1).unwrap();
        assert_eq!(table.height(), run.hyperparameters().n_rnn);
        let found = about(&run);
        assert!(close(&found, &expected), "{}:\n{found}\n{expected}", release.display());
    }
}

#[test]
fn files_of_a_later_release_are_refused_and_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let release = std::fs::read_dir(kept()).unwrap().next().unwrap().unwrap().path();
    let refused = |file: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let copied = folder.path().join(file.replace('/', "-"));
        copy(&release, &copied);
        let content = std::fs::read(copied.join(file)).unwrap();
        std::fs::write(copied.join(file), change(content.clone())).unwrap();
        assert_ne!(std::fs::read(copied.join(file)).unwrap(), content);
        let opened = Run::open(&copied).and_then(|run| {
            run.last()?.network()?;
            let hyperparameters = run.hyperparameters().clone();
            Training::new(hyperparameters).quiet().max_trials(3840).train(&copied)
        });
        let message = opened.unwrap_err().to_string();
        let name = Path::new(file).file_name().unwrap().to_str().unwrap();
        for word in [name, "later maturation", "update", env!("CARGO_PKG_VERSION")] {
            assert!(message.contains(word), "'{word}' is not in: {message}");
        }
    };
    let numbered = |from: &str, to: &str| {
        let (from, to) = (from.to_owned(), to.to_owned());
        move |content: Vec<u8>| -> Vec<u8> {
            let place = content.windows(from.len()).position(|bytes| bytes == from.as_bytes()).unwrap();
            [&content[..place], to.as_bytes(), &content[place + from.len()..]].concat()
        }
    };
    refused("hp.json", &numbered("\"format_version\": 1", "\"format_version\": 2"));
    refused("log.json", &numbered("\"format_version\":1", "\"format_version\":2"));
    refused("2560/model.safetensors", &numbered("network 1", "network 2"));
    refused("state.safetensors", &numbered("training state 1", "training state 2"));
}

#[test]
fn a_run_of_this_release_is_kept_when_asked_for() {
    if std::env::var_os("MATURATION_KEEP").is_none() {
        return;
    }
    let path = kept().join(env!("CARGO_PKG_VERSION"));
    assert!(!path.exists(), "{} is there already", path.display());
    let small = Hyperparameters {
        n_rnn: 16,
        batch_size_test: 64,
        rule_trains: vec![Rule::GAP, Rule::ODR],
        ..Hyperparameters::paper()
    };
    let folder = tempfile::tempdir().unwrap();
    let run = Training::new(small).quiet().max_trials(2560).train(folder.path().join("run")).unwrap();
    copy(run.path(), &path);
    std::fs::remove_file(path.join(".lock")).unwrap();
    let about = serde_json::to_vec(&about(&run)).unwrap();
    std::fs::write(path.join("about.json"), about).unwrap();
}

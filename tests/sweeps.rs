//! Many networks: plans trained into one folder, stopped, resumed, changed, and what goes wrong on the way.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maturation::prelude::*;

fn small() -> Hyperparameters {
    Hyperparameters {
        n_rnn: 8,
        batch_size_train: 16,
        batch_size_test: 16,
        display_step: 4,
        rule_trains: vec![Rule::GAP],
        ..Hyperparameters::paper()
    }
}

/// Every file of a run but its log, which has the seconds.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path).into_iter().map(|(file, content)| (format!("{name}/{file}"), content)));
        } else if !["log.json", ".lock"].contains(&name.as_str()) {
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

#[test]
fn runs_side_by_side_are_what_they_are_alone_and_are_not_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (out, alone) = (folder.path().join("out"), folder.path().join("alone"));
    let plan = Plan::new(small()).grid("n_rnn", [6, 8]).seeds(0..3).max_trials(256);
    let ensemble = Sweep::new(plan.clone()).jobs(3).quiet().train(&out).unwrap();
    assert_eq!(ensemble.counts().unwrap().to_string(), "6 of 6 runs finished");
    let one = Training::new(small()).seed(2).threads(2).max_trials(256).quiet().train(&alone).unwrap();
    let side = ensemble.run("n_rnn-8.seed-2").unwrap();
    assert_eq!(files(side.path()), files(one.path()));
    let table = ensemble.table().unwrap();
    let columns = "index,run,n_rnn,seed,status,trials_trained,worst_performance,seconds,note";
    assert_eq!(table.get_column_names().iter().map(|name| name.as_str()).collect::<Vec<_>>().join(","), columns);
    assert_eq!(table.column("trials_trained").unwrap().u64().unwrap().sum(), Some(6 * 256));

    let state = side.path().join("state.safetensors");
    let written = fs::metadata(&state).unwrap().modified().unwrap();
    Sweep::new(plan).quiet().train(&out).unwrap();
    assert_eq!(fs::metadata(&state).unwrap().modified().unwrap(), written);
}

#[test]
fn a_stopped_sweep_goes_on_to_the_very_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let plan = Plan::new(small()).seeds(0..4).max_trials(320).keep(Keep::Every(3));
    let undisturbed = Sweep::new(plan.clone()).quiet().train(&whole).unwrap();
    let mut sessions = 0;
    let resumed = loop {
        let stop = Arc::new(AtomicBool::new(false));
        let (told, mut calls) = (stop.clone(), 0);
        let sweep = Sweep::new(plan.clone()).jobs(2).stop_when(stop).on_progress(move |_| {
            calls += 1;
            told.store(calls >= 3, Ordering::Relaxed);
        });
        sessions += 1;
        match sweep.train(&parts) {
            Ok(ensemble) => break ensemble,
            Err(error) => assert!(error.is_stopped() && error.path() == Some(&parts), "{error}"),
        }
    };
    assert!(sessions > 1);
    for planned in undisturbed.runs() {
        let found = files(&resumed.folder(planned));
        assert_eq!(found, files(&undisturbed.folder(planned)), "{}", planned.name);
        // Evaluations after 0, 64, 128, … trials: every third stays, and the newest.
        let kept: Vec<&str> = found.iter().filter_map(|(name, _)| name.strip_suffix("/model.safetensors")).collect();
        assert_eq!(kept, ["0", "192", "320"]);
    }
    assert_eq!(resumed.run("seed-1").unwrap().evaluations().entries.len(), 6);
}

#[test]
fn a_run_that_fails_stops_none_and_is_tried_again_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new(small()).grid("learning_rate", ["0.001", "1e30"]).seeds(0..2).max_trials(256);
    let ensemble = Sweep::new(plan.clone()).quiet().train(folder.path().join("out")).unwrap();
    assert_eq!(ensemble.counts().unwrap().to_string(), "2 of 4 runs finished, 2 failed");
    let failed = &ensemble.runs()[2];
    let reason = |status: RunStatus| match status {
        RunStatus::Failed { reason } => reason,
        other => panic!("{other:?}"),
    };
    let first = reason(ensemble.status(failed).unwrap());
    assert!(first.contains("learning_rate"), "{first}");
    let failure = ensemble.folder(failed).join("failure.txt");
    fs::write(&failure, "the reason of a former attempt\n").unwrap();
    Sweep::new(plan.clone()).quiet().train(ensemble.path()).unwrap();
    assert_eq!(reason(ensemble.status(failed).unwrap()), "the reason of a former attempt");
    Sweep::new(plan).retry(true).quiet().train(ensemble.path()).unwrap();
    assert_eq!(reason(ensemble.status(failed).unwrap()), first);
}

#[test]
fn another_plan_is_refused_until_it_is_said_to_be_a_change_and_finished_runs_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plan = |seeds: std::ops::Range<u64>| Plan::new(small()).seeds(seeds).max_trials(128);
    Sweep::new(plan(0..3)).quiet().train(&out).unwrap();
    let other = || plan(1..5);
    let message = Sweep::new(other()).quiet().train(&out).unwrap_err().to_string();
    let expected = "of its 3, this one has 2 (what they have trained is kept), adds 2, and no longer has 1";
    assert!(message.contains(expected) && message.contains("`Sweep::changed`"), "{message}");
    let before = files(&out.join("runs/seed-2"));
    let changed = Sweep::new(other()).changed(true).quiet().train(&out).unwrap();
    assert_eq!(changed.counts().unwrap().to_string(), "4 of 4 runs finished");
    assert_eq!(files(&out.join("runs/seed-2")), before);
    assert!(out.join("runs/seed-0").is_dir());
    // More trials for the same runs need no word; other hyper-parameters under the same names are no change of a plan.
    let longer = Sweep::new(other().max_trials(256)).quiet().train(&out).unwrap();
    assert_eq!(longer.run("seed-1").unwrap().last().unwrap().trials_trained(), 256);
    let clash = Sweep::new(other().set("n_rnn", 9)).changed(true).quiet().train(&out).unwrap_err().to_string();
    assert!(clash.contains("run `seed-1` is there with `n_rnn` = 8, and the plan now asks for 9"), "{clash}");
    // Nor is a folder with something else in it taken.
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("thesis.txt"), "").unwrap();
    assert!(Sweep::new(plan(0..1)).quiet().train(&foreign).is_err());
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
}

#[test]
fn a_task_takes_its_places_and_those_that_are_not_there_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let plan = || Plan::new(small()).seeds(0..5).max_trials(128);
    let sweep =
        |places: std::ops::Range<usize>| Sweep::new(plan()).only(places).quiet().train(folder.path().join("out"));
    let ensemble = sweep(1..3).unwrap();
    assert_eq!(ensemble.counts().unwrap().to_string(), "2 of 5 runs finished, 3 waiting");
    for (wrong, shown) in [(4..6, "4 to 5"), (5..6, "5 to 5")] {
        let message = sweep(wrong).unwrap_err().to_string();
        assert!(message.contains(shown) && message.contains("its 5 runs are 0 to 4"), "{message}");
    }
    assert_eq!(sweep(0..5).unwrap().counts().unwrap().to_string(), "5 of 5 runs finished");
}

#[test]
fn a_run_that_another_process_trains_is_left_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let plan = Plan::new(small()).seeds(0..2).max_trials(128);
    let ensemble = Sweep::new(plan.clone()).only(0..1).quiet().train(&out).unwrap();
    let taken = ensemble.folder(&ensemble.runs()[1]);
    fs::create_dir_all(&taken).unwrap();
    let lock = fs::File::create(taken.join(".lock")).unwrap();
    lock.lock().unwrap();
    let ensemble = Sweep::new(plan).quiet().train(&out).unwrap();
    assert_eq!(ensemble.counts().unwrap().finished, 1);
    assert!(!taken.join("failure.txt").exists());
}

#[test]
fn an_estimate_is_of_the_size_of_what_training_takes() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new(small()).grid("n_rnn", [8, 16]).seeds(0..2).max_trials(1600).keep(Keep::Every(5));
    let estimate = plan.estimate().unwrap();
    let ensemble = Sweep::new(plan).jobs(1).quiet().train(folder.path().join("out")).unwrap();
    let found: Vec<(String, Vec<u8>)> = ensemble.runs().iter().flat_map(|run| files(&ensemble.folder(run))).collect();
    let bytes: usize = found.iter().map(|(_, content)| content.len()).sum();
    let logs: u64 =
        ensemble.runs().iter().map(|run| fs::metadata(ensemble.folder(run).join("log.json")).unwrap().len()).sum();
    let bytes = bytes as f64 + logs as f64;
    assert!((0.8..1.25).contains(&(estimate.bytes / bytes)), "{estimate:?}, {bytes}");
    // Log and lock are not among those that were read.
    assert_eq!(estimate.files as usize, found.len() + 2 * ensemble.runs().len());
    assert_eq!((estimate.runs, estimate.kinds, estimate.reckoned_trials), (4, (2, 2), None));
    assert!(estimate.core_seconds > 0.0);
    assert!(estimate.to_string().contains("4 runs: "), "{estimate}");
}

/// A command of the sweep, and what it says on both channels.
fn command(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let program = env!("CARGO_BIN_EXE_maturation");
    let output = std::process::Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    (output.status.success(), text)
}

const PLAN: &str = "max_trials = 64\nseeds = [0, 1]\n[set]\nn_rnn = 6\nbatch_size_train = 16\nbatch_size_test = 16\n";

#[test]
fn the_command_trains_tells_and_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("plan.toml"), format!("{PLAN}[grid]\nlearning_rate = [0.001, 1e30]\n")).unwrap();
    let succeeds = |arguments: &[&str]| {
        let (success, text) = command(here, arguments);
        assert!(success, "{arguments:?}: {text}");
        text
    };
    let fails = |arguments: &[&str]| {
        let (success, text) = command(here, arguments);
        assert!(!success, "{arguments:?}: {text}");
        text
    };
    let told = succeeds(&["sweep", "plan.toml", "--dry-run"]);
    assert!(
        told.contains("3 learning_rate-1e30.seed-1") && told.contains("4 runs: ") && told.contains(" MB on disk"),
        "{told}"
    );
    assert_eq!(fs::read_dir(here).unwrap().count(), 1, "a dry run leaves nothing");
    succeeds(&["sweep", "plan.toml", "out", "--index", "0"]);
    let told = succeeds(&["sweep", "out", "--status"]);
    assert!(told.contains("0 learning_rate-0.001.seed-0: finished, 64 trials"), "{told}");
    assert!(told.ends_with("1 of 4 runs finished, 3 waiting\n"), "{told}");
    let told = fails(&["sweep", "out"]);
    assert!(told.contains("learning_rate-1e30.seed-1: failed: ") && told.contains("2 runs failed"), "{told}");
    succeeds(&["sweep", "out", "--status", "--out", "status.csv"]);
    let table = maturation::tables::read_table(here.join("status.csv")).unwrap();
    let status: Vec<Option<&str>> = table.column("status").unwrap().str().unwrap().iter().collect();
    assert_eq!(status, ["finished", "finished", "failed", "failed"].map(Some));
    assert_eq!(table.column("learning_rate").unwrap().f64().unwrap().get(3), Some(1e30));

    for (arguments, expected) in [
        (&["sweep", "plan.toml"][..], "name a folder for the plan's runs"),
        (&["sweep", "out", "--index", "4"], "its 4 runs are 0 to 3"),
        (&["sweep", "out", "--index", "3-1"], "0-9"),
        (&["sweep", "out", "--status", "--jobs", "2"], "nothing is trained"),
        (&["sweep", "plan.toml", "out", "--device", "gpu"], "gpu"),
        (&["sweep", "not-there.toml", "other"], "not-there.toml"),
    ] {
        let told = fails(arguments);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    fs::write(here.join("plan.toml"), format!("{PLAN}n_rnns = 3\n")).unwrap();
    let told = fails(&["sweep", "plan.toml", "other"]);
    assert!(told.contains("line 7: there is no hyper-parameter `n_rnns`") && !here.join("other").exists(), "{told}");
    fs::write(here.join("plan.toml"), PLAN).unwrap();
    let told = fails(&["sweep", "plan.toml", "out"]);
    assert!(told.contains("holds the runs of another plan") && told.contains("`--changed`"), "{told}");
    succeeds(&["sweep", "plan.toml", "out", "--changed"]);
}

#[test]
fn tasks_of_ones_own_travel_with_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/task-template.json");
    fs::copy(template, here.join("task.json")).unwrap();
    let plan = format!("tasks = [\"task.json\"]\n{PLAN}rule_trains = [\"gap\"]\n");
    fs::write(here.join("plan.toml"), plan).unwrap();
    let (success, told) = command(here, &["sweep", "plan.toml", "out", "--index", "0"]);
    assert!(success, "{told}");
    fs::remove_file(here.join("task.json")).unwrap();
    let (success, told) = command(here, &["sweep", "out"]);
    assert!(success && told.contains("2 of 2 runs finished"), "{told}");
    let kept = fs::read_to_string(here.join("out/runs/seed-1/hp.json")).unwrap();
    assert!(kept.contains("\"tasks\""), "{kept}");
}

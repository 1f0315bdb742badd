//! Training as a user meets it: runs that are stopped, killed, resumed, locked, or asked for the impossible.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use maturation::hyperparameters::{CurriculumStage, RnnType, Trainables};
use maturation::prelude::*;

/// A network that trains in moments.
fn small() -> Hyperparameters {
    Hyperparameters {
        n_rnn: 12,
        batch_size_train: 8,
        batch_size_test: 24,
        display_step: 5,
        rule_trains: vec![Rule::GAP, Rule::OVERLAP],
        ..Hyperparameters::paper()
    }
}

/// Everything that a run's result is: the weights of each checkpoint, the state, and the log but for its times.
fn result(path: &Path) -> (Vec<(String, Vec<u8>)>, serde_json::Value) {
    let mut files = Vec::new();
    let mut entries: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if entry.is_dir() {
            files.push((name, std::fs::read(entry.join("model.safetensors")).unwrap()));
        } else if name == "state.safetensors" {
            files.push((name, std::fs::read(&entry).unwrap()));
        } else {
            assert!(["hp.json", "log.json", ".lock"].contains(&name.as_str()), "{name} was left behind");
        }
    }
    let mut log: serde_json::Value = serde_json::from_slice(&std::fs::read(path.join("log.json")).unwrap()).unwrap();
    let log_object = log.as_object_mut().unwrap();
    log_object.remove("times");
    log_object.remove("model_dir");
    (files, log)
}

fn train(path: &Path, trials: u64) -> Run {
    Training::new(small()).quiet().max_trials(trials).train(path).unwrap()
}

#[test]
fn a_run_that_was_stopped_at_any_step_and_resumed_is_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    train(&whole, 30 * 8);
    let expected = result(&whole);
    assert_eq!(expected.0.len(), 7 + 1, "a checkpoint every 5 of 30 steps, and the state");
    for stop in [1, 4, 5, 6, 17, 29] {
        let resumed = folder.path().join(format!("stopped-{stop}"));
        train(&resumed, stop * 8);
        train(&resumed, 30 * 8);
        assert!(result(&resumed) == expected, "stopped after {stop} steps");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let mut results = Vec::new();
    for threads in [1, 2, 3, 8] {
        let path = folder.path().join(threads.to_string());
        let small = Hyperparameters { batch_size_train: 40, ..small() };
        Training::new(small).quiet().threads(threads).max_trials(400).train(&path).unwrap();
        results.push(result(&path));
    }
    assert!(results.iter().all(|result| *result == results[0]));
}

#[test]
fn a_run_that_was_moved_or_copied_goes_on_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let (first, moved, whole) =
        (folder.path().join("first"), folder.path().join("a folder µ"), folder.path().join("whole"));
    train(&first, 88);
    std::fs::rename(&first, &moved).unwrap();
    train(&moved, 160);
    train(&whole, 160);
    assert!(result(&moved) == result(&whole));
}

#[test]
fn seeds_differ_and_evaluating_more_often_changes_no_weight() {
    let folder = tempfile::tempdir().unwrap();
    let last = |name: &str, hyperparameters: Hyperparameters| {
        let run = Training::new(hyperparameters).quiet().max_trials(160).train(folder.path().join(name)).unwrap();
        run.checkpoint(160).unwrap().network().unwrap().array("w_rec").unwrap()
    };
    let weights = last("seed-0", small());
    assert_eq!(weights, last("often", Hyperparameters { display_step: 2, ..small() }));
    assert_ne!(weights, last("seed-1", Hyperparameters { seed: 1, ..small() }));
}

#[test]
fn all_trials_that_were_trained_are_in_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let (stopped, whole) = (folder.path().join("stopped"), folder.path().join("whole"));
    // Steps of 8 trials, evaluated every 40.
    let run = train(&stopped, 100);
    assert_eq!(run.last().unwrap().trials_trained(), 104);
    assert_eq!(run.evaluations().entries.last().unwrap().trials_trained, 104);
    train(&stopped, 160);
    train(&whole, 160);
    assert!(result(&stopped) == result(&whole), "the evaluation in between is taken back");
    assert!(!stopped.join("104").exists());
}

#[test]
fn an_evaluation_that_is_taken_back_is_neither_in_the_log_nor_missed_when_a_kill_comes_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    train(&killed, 100);
    // As a kill leaves it that comes between the log and the next evaluation.
    std::fs::remove_dir_all(killed.join("104")).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let tells = move |_: &Progress| flag.store(true, Ordering::Relaxed);
    let stopped = Training::new(small()).max_trials(160).stop_when(stop).on_progress(tells).train(&killed);
    assert!(stopped.unwrap_err().is_stopped());
    assert_eq!(Run::open(&killed).unwrap().evaluations().entries.last().unwrap().trials_trained, 80);
    train(&killed, 160);
    train(&whole, 160);
    assert!(result(&killed) == result(&whole));
}

#[test]
fn a_listener_finds_the_first_and_the_last_checkpoint_of_a_run_when_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let inner = path.clone();
    let found = Arc::new(Mutex::new(Vec::new()));
    let seen = found.clone();
    let tells = move |progress: &Progress| {
        if progress.trials_trained == 0 || progress.finished {
            let run = Run::open(&inner).unwrap();
            let last = run.last().unwrap();
            last.network().unwrap();
            seen.lock().unwrap().push((run.evaluations().entries.len(), last.trials_trained()));
        }
    };
    Training::new(small()).max_trials(160).on_progress(tells).train(&path).unwrap();
    assert_eq!(*found.lock().unwrap(), [(1, 0), (5, 160)]);
}

#[test]
fn a_run_that_is_asked_to_stop_keeps_everything_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let (stopped, whole) = (folder.path().join("stopped"), folder.path().join("whole"));
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let error = Training::new(small())
        .stop_when(stop)
        .on_progress(move |progress| {
            if progress.trials_trained >= 88 {
                flag.store(true, Ordering::Relaxed);
            }
        })
        .train(&stopped)
        .unwrap_err();
    assert!(error.is_stopped(), "{error}");
    train(&stopped, 160);
    train(&whole, 160);
    assert!(result(&stopped) == result(&whole));
}

#[test]
fn training_in_the_background_tells_its_progress_stops_and_resumes_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let (background, whole) = (folder.path().join("background"), folder.path().join("whole"));
    let start = |trials| Training::new(small()).quiet().max_trials(trials).start(&background).unwrap();

    let training = start(1_000_000_000);
    let patience = std::time::Instant::now();
    while training.progress().is_none_or(|progress| progress.trials_trained < 8) {
        assert!(patience.elapsed().as_secs() < 60, "no progress is told");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(!training.is_finished());
    let refused = Training::new(small()).quiet().max_trials(16).start(&background).unwrap().wait().unwrap_err();
    assert!(refused.to_string().contains("another process"), "{refused}");
    training.stop();
    assert!(training.wait().is_err_and(|error| error.is_stopped()));
    // Dropped, training stops by itself and leaves the folder free.
    drop(start(1_000_000_000));

    let so_far = Run::open(&background).unwrap().evaluations().entries.last().unwrap().trials_trained;
    let trials = so_far + 400;
    let run = start(trials).wait().unwrap();
    assert_eq!(run.evaluations().entries.last().unwrap().trials_trained, trials);
    train(&whole, trials);
    assert!(result(&background) == result(&whole));
    let impossible = Training::new(Hyperparameters { n_rnn: 0, ..small() }).start(folder.path().join("none"));
    assert!(impossible.unwrap_err().to_string().contains("n_rnn"));
}

/// The command, with a small network.
fn command(run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
    command.arg("train").arg(run);
    for change in ["n_rnn=12", "batch_size_train=8", "batch_size_test=24", "display_step=5"] {
        command.args(["--set", change]);
    }
    command.args(["--rules", "gap,overlap"]);
    command
}

#[test]
fn a_run_that_is_killed_at_any_moment_resumes_to_the_same_result() {
    let folder = tempfile::tempdir().unwrap();
    let (killed, whole) = (folder.path().join("killed"), folder.path().join("whole"));
    for moment in [30, 90, 200, 55, 120] {
        let mut child =
            command(&killed).args(["--max-trials", "100000"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(moment));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // How far the kills let it come depends on the machine; both go on to the same end from there.
    let log =
        Run::open(&killed).map_or(0, |run| run.evaluations().entries.last().map_or(0, |entry| entry.trials_trained));
    let end = (log + 80).to_string();
    for path in [&killed, &whole] {
        let output = command(path).args(["--max-trials", &end]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // A kill can leave a half-written file beside its name; it does no harm, and nothing else may differ.
    for entry in std::fs::read_dir(&killed).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "partial") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let (mut found, expected) = (result(&killed), result(&whole));
    // The state of a later kill's session may have left checkpoints beyond the common end.
    found.0.retain(|(name, _)| name.parse::<u64>().map_or(true, |trials| trials <= log + 80));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&found.0), names(&expected.0));
    for (found, expected) in found.0.iter().zip(&expected.0) {
        assert!(found == expected, "{}", found.0);
    }
    assert_eq!(found.1, expected.1);
}

#[test]
fn a_finished_run_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let easy = Hyperparameters { target_perf: 0.0, ..small() };
    let train = || Training::new(easy.clone()).quiet().train(&path).unwrap();
    let run = train();
    let before = result(&path);
    assert!(run.evaluations().entries.last().unwrap().worst_performance() > 0.0);
    train();
    assert!(result(&path) == before);
}

#[test]
fn a_run_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let inner = path.clone();
    let refused = Arc::new(Mutex::new(None));
    let seen = refused.clone();
    Training::new(small())
        .max_trials(16)
        .on_progress(move |_| {
            let second = Training::new(small()).quiet().max_trials(16).train(&inner);
            *seen.lock().unwrap() = Some(second.unwrap_err().to_string());
        })
        .train(&path)
        .unwrap();
    let message = refused.lock().unwrap().clone().unwrap();
    assert!(message.contains("another process") && message.contains("run"), "{message}");
}

#[test]
fn another_run_in_the_folder_is_refused_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    train(&path, 16);
    let before = result(&path);
    let other = Hyperparameters { n_rnn: 13, ..small() };
    let message = Training::new(other).quiet().train(&path).unwrap_err().to_string();
    for word in ["`n_rnn`", "12", "13", "hp.json"] {
        assert!(message.contains(word), "{message}");
    }
    assert!(result(&path) == before);
}

#[test]
fn damaged_states_and_missing_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    train(&path, 80);
    let state = path.join("state.safetensors");
    let whole = std::fs::read(&state).unwrap();
    let resume = || Training::new(small()).quiet().max_trials(160).train(&path).unwrap_err().to_string();

    std::fs::write(&state, &whole[..whole.len() / 2]).unwrap();
    let message = resume();
    assert!(message.contains("state.safetensors") && message.contains("truncated"), "{message}");
    std::fs::remove_file(&state).unwrap();
    let message = resume();
    assert!(message.contains("state.safetensors") && message.contains("missing"), "{message}");
    std::fs::write(&state, &whole).unwrap();
    train(&path, 160);

    std::fs::remove_file(path.join("hp.json")).unwrap();
    assert!(resume().contains("hp.json"));
}

#[test]
fn a_cost_that_is_no_longer_finite_stops_training_and_tells_the_last_good_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let wild = Hyperparameters {
        activation: Activation::Power,
        learning_rate: 10.0,
        optimizer: OptimizerKind::Sgd,
        display_step: 1,
        ..small()
    };
    let error = Training::new(wild).quiet().max_trials(8000).train(&path).unwrap_err();
    let message = error.to_string();
    assert!(error.is_not_finite(), "{message}");
    for word in ["gap", "step", "last good checkpoint", "learning_rate"] {
        assert!(message.contains(word) || message.contains("overlap"), "'{word}' is not in: {message}");
    }
    // What was finished is there and can be read.
    let run = Run::open(&path).unwrap();
    run.last().unwrap().network().unwrap();
}

#[test]
fn a_file_where_a_folder_should_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    for path in [&file, &file.join("run")] {
        let message = Training::new(small()).quiet().train(path).unwrap_err().to_string();
        assert!(message.contains("file") && message.contains("choose another path"), "{message}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_is_told() {
    let message = Training::new(small()).quiet().train("/proc/maturation").unwrap_err().to_string();
    assert!(message.contains("/proc/maturation"), "{message}");
}

/// A limit on the size of files stands in for a full disk: both stop a write in its middle.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_costs_nothing_that_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("run"), folder.path().join("whole"));
    train(&path, 40);
    let before = result(&path);
    let limited = |blocks: u32| {
        let mut command = Command::new("sh");
        // Ignored, the signal that would end the process becomes an error of the write.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_maturation"), "train"]).arg(&path);
        command.args(["--max-trials", "160"]).output().unwrap()
    };
    for blocks in [1, 5, 8] {
        let output = limited(blocks);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains("cannot write") && message.contains("disk space"), "{message}");
        Run::open(&path).unwrap().checkpoint(40).unwrap().network().unwrap();
    }
    assert!(result(&path).0.iter().all(|file| before.0.contains(file) || file.0 == "80"), "nothing finished is lost");
    train(&path, 160);
    train(&whole, 160);
    assert!(result(&path) == result(&whole));
}

#[test]
fn the_paper_network_learns_an_easy_rule() {
    let folder = tempfile::tempdir().unwrap();
    let easy = Hyperparameters {
        n_rnn: 64,
        rule_trains: vec![Rule::OVERLAP],
        batch_size_test: 256,
        target_perf: 0.9,
        ..Hyperparameters::paper()
    };
    let run = Training::new(easy).quiet().max_trials(80_000).train(folder.path().join("run")).unwrap();
    let first = run.evaluations().entries[0].worst_performance();
    let last = run.evaluations().entries.last().unwrap().worst_performance();
    assert!(first < 0.4 && last > 0.9, "{first} {last}");
}

#[test]
fn a_run_begins_with_the_weights_of_another_ones_checkpoint_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let first = train(&folder.path().join("first"), 40);
    let checkpoint = first.checkpoint(40).unwrap();
    let weights = |checkpoint: &Checkpoint| checkpoint.network().unwrap().parameters().values();
    let other = Hyperparameters {
        rule_trains: vec![Rule::ODR],
        learning_rate: 0.002,
        l2_weight_init: 0.1,
        p_weight_train: Some(0.5),
        ..small()
    };
    let train = |name: &str, trials: u64| {
        let training = Training::new(other.clone()).start_from(&checkpoint).quiet().max_trials(trials);
        training.train(folder.path().join(name)).unwrap()
    };
    let whole = train("whole", 80);
    assert_eq!(weights(&whole.checkpoint(0).unwrap()), weights(&checkpoint));
    assert_ne!(weights(&whole.last().unwrap()), weights(&checkpoint));
    // Leaving the checkpoint's weights costs something, and so it costs nothing there.
    let costs = |run: &Run| run.evaluations().entries.iter().map(|entry| entry.rules[0].regularisation_cost).collect();
    let costs: Vec<f64> = costs(&whole);
    assert!(costs[0] == 0.0 && costs[1] > 0.0, "{costs:?}");
    train("stopped", 16);
    train("stopped", 80);
    assert!(result(&folder.path().join("stopped")) == result(&folder.path().join("whole")));

    for (misfit, key) in [
        (Hyperparameters { n_rnn: 13, ..other.clone() }, "n_rnn"),
        (Hyperparameters { rnn_type: RnnType::GRU, ..other.clone() }, "rnn_type"),
        (Hyperparameters { use_separate_input: true, ..other.clone() }, "use_separate_input"),
        (Hyperparameters { ruleset: Ruleset::OZG, rule_trains: vec![Rule::GAP], ..other.clone() }, "ruleset"),
    ] {
        let path = folder.path().join("misfit");
        let error = Training::new(misfit).start_from(&checkpoint).quiet().train(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("`{key}`")) && error.contains("40"), "{error}");
        assert!(!path.exists(), "nothing is written");
    }

    let from = format!("{}:40", folder.path().join("first").display());
    let run = |path: &Path, more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
        command.arg("train").arg(path).args(["--from", &from, "--max-trials", "40"]).args(more).output().unwrap()
    };
    let path = folder.path().join("by-command");
    let output = run(&path, &["--set", "learning_rate=0.002", "--rules", "odr"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(weights(&Run::open(&path).unwrap().checkpoint(0).unwrap()), weights(&checkpoint));
    let output = run(&folder.path().join("refused"), &["--set", "n_rnn=13"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("`n_rnn` = 12, but 13 is asked for"));
}

#[test]
fn only_the_weights_from_inputs_or_from_rules_train_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    for (use_separate_input, rnn_type) in
        [(false, RnnType::LEAKY_RNN), (true, RnnType::LEAKY_RNN), (false, RnnType::GRU)]
    {
        for trainables in [Trainables::Input, Trainables::Rule] {
            let hyperparameters = Hyperparameters { use_separate_input, rnn_type, trainables, ..small() };
            let name = format!("{use_separate_input} {rnn_type} {trainables:?}");
            let run = Training::new(hyperparameters).quiet().max_trials(40).train(folder.path().join(&name)).unwrap();
            let [before, after] = [0, 40].map(|trials| run.checkpoint(trials).unwrap().network().unwrap());
            for parameter in before.parameters() {
                let after = after.parameters().get(parameter.name()).unwrap().values();
                let rows = parameter.values();
                let rows = rows.chunks(parameter.shape().1).zip(after.chunks(parameter.shape().1));
                let moved: Vec<bool> = rows.map(|(before, after)| before != after).collect();
                // Input noise reaches every channel, so that every row moves that may.
                let expected = |row: usize| match (parameter.name(), trainables) {
                    ("rule_in", _) => true,
                    ("sensory_in" | "sensory_bias", _) => trainables == Trainables::Input,
                    ("w_in" | "gates_in" | "candidate_in", _) => trainables == Trainables::Input || row >= 9,
                    _ => false,
                };
                let expected: Vec<bool> = (0..moved.len()).map(expected).collect();
                assert_eq!(moved, expected, "{name} {}", parameter.name());
            }
        }
    }
}

#[test]
fn rules_train_one_after_the_other_and_the_log_says_which() {
    let folder = tempfile::tempdir().unwrap();
    let staged = Hyperparameters {
        curriculum: Some(vec![
            CurriculumStage {
                lengths: [(Epoch::Delay1, 300.0)].into(),
                learning_rate: Some(0.002),
                ..CurriculumStage::of(&[Rule::GAP])
            },
            CurriculumStage { target_perf: Some(0.15), ..CurriculumStage::of(&[Rule::OVERLAP]) },
        ]),
        // So low that chance passes it, sooner or later.
        target_perf: 0.1,
        display_step: 2,
        ..small()
    };
    let train = |name: &str, trials: u64| {
        Training::new(staged.clone()).quiet().max_trials(trials).train(folder.path().join(name)).unwrap()
    };
    // Between two evaluations of the whole run: the one at the end of the first part is taken back.
    train("stopped", 8);
    train("stopped", 800);
    train("whole", 800);
    assert!(result(&folder.path().join("stopped")) == result(&folder.path().join("whole")));
    let (_, log) = result(&folder.path().join("whole"));
    let stages: Vec<u64> = log["stage"].as_array().unwrap().iter().map(|stage| stage.as_u64().unwrap()).collect();
    let second = stages.iter().position(|stage| *stage == 2).expect("the first stage is passed");
    assert!(stages[..second].iter().all(|stage| *stage == 1) && stages[second..].iter().all(|stage| *stage == 2));
    assert!(log["perf_stage"][second].as_f64().unwrap() > 0.1);
    assert_ne!(log["perf_stage"][0], log["perf_gap"][0], "the stage is graded with its own delay");
    assert!(log["perf_stage"][second + 1].is_null(), "the second stage leaves delays as they are");
    assert_eq!(log["rule_now"][second], serde_json::json!(["overlap"]));
    let table = Run::open(folder.path().join("whole")).unwrap().log().unwrap();
    let column: Vec<u32> = table.column("curriculum_stage").unwrap().u32().unwrap().iter().flatten().collect();
    assert_eq!((column[0], column[column.len() - 1], column.len()), (1, 2, 2 * stages.len()));
    assert_eq!(table.column("stage_performance").unwrap().null_count(), 2 * (stages.len() - second - 1));
    let last = stages.len() - 1;
    assert!(last > second && log["perf_overlap"][last].as_f64().unwrap() > 0.15, "{log}");
}

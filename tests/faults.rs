//! Training that is killed: at random moments, and while it writes. Whatever the moment, each file that is there can be
//! read, and the run goes on to the very result of one that nothing disturbed.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use maturation::network::Network;
use maturation::prelude::*;
use maturation::training::Log;

const KILLS: u32 = 200;
/// Steps of 8 trials, evaluated at every third.
const STEPS: u32 = 900;

/// The command that trains a small network to the end.
fn train(run: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
    command.arg("train").arg(run).args(["--rules", "gap,overlap", "--threads", "1"]);
    for setting in ["n_rnn=16", "batch_size_train=8", "batch_size_test=16", "display_step=3"] {
        command.args(["--set", setting]);
    }
    command.args(["--max-trials", &(8 * STEPS).to_string()]).stderr(Stdio::null()).stdout(Stdio::null());
    command
}

/// Waits until the process ends by itself, which is true, or `until` says that it is time.
fn ended(child: &mut Child, until: impl Fn() -> bool) -> bool {
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "training ended with {status}");
            return true;
        }
        if until() {
            return false;
        }
        std::hint::spin_loop();
    }
}

/// The files that are being written in a run's folder.
fn unfinished(run: &Path) -> usize {
    let in_folder = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().ends_with(".partial")).count()
    };
    let newest = checkpoints(run).into_iter().max();
    in_folder(run) + newest.map_or(0, |trials| in_folder(&run.join(trials.to_string())))
}

fn checkpoints(run: &Path) -> Vec<u64> {
    let names = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_string_lossy().parse().ok()).collect()
}

/// Reads every file that the run has.
fn check_readable(run: &Path) {
    let settings = run.join("hp.json");
    if !settings.exists() {
        assert!(checkpoints(run).is_empty() && !run.join("log.json").exists(), "files of a run without its hp.json");
        return;
    }
    let settings = Hyperparameters::read(&settings).unwrap();
    if run.join("log.json").exists() {
        let log = Log::read(run.join("log.json"), &settings).unwrap();
        let opened = Run::open(run).unwrap();
        assert_eq!(opened.evaluations(), &log);
        for entry in &log.entries {
            assert!(run.join(entry.trials_trained.to_string()).join("model.safetensors").exists(), "of the log");
        }
    }
    for trials in checkpoints(run) {
        let model = run.join(trials.to_string()).join("model.safetensors");
        if model.exists() {
            Network::load(&settings, model).unwrap();
        }
    }
}

/// What a run's result is: every file's content, of the log all but its times and name.
fn result(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for trials in checkpoints(run) {
        found.insert(trials.to_string(), fs::read(run.join(trials.to_string()).join("model.safetensors")).unwrap());
    }
    for entry in fs::read_dir(run).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "log.json" {
            let mut log: serde_json::Value = serde_json::from_slice(&fs::read(entry.path()).unwrap()).unwrap();
            log.as_object_mut().unwrap().retain(|key, _| key != "times" && key != "model_dir");
            found.insert(name, log.to_string().into_bytes());
        } else if entry.path().is_file() {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn a_run_that_is_killed_two_hundred_times_ends_in_the_same_files_and_each_is_readable_all_along() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    assert!(train(&whole).status().unwrap().success());
    let expected = result(&whole);
    assert_eq!(expected.len() as u32, STEPS / 3 + 1 + 4, "checkpoints, hp.json, log.json, state and lock");

    let mut chance = 20_211_127_u64;
    let mut below = move |bound: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % bound
    };
    let (mut kills, mut while_writing, mut runs) = (0, 0, 0);
    while kills < KILLS {
        let killed = folder.path().join(format!("killed-{runs}"));
        runs += 1;
        loop {
            let wanted_writing = kills % 2 == 0;
            let mut child = train(&killed).spawn().unwrap();
            let begun = Instant::now();
            let moment = Duration::from_micros(below(120_000));
            let is_over = match wanted_writing && kills < KILLS {
                // A few writes are let pass, so that it is not always the first.
                true => ended(&mut child, || begun.elapsed() >= moment && unfinished(&killed) > 0),
                false if kills < KILLS => ended(&mut child, || begun.elapsed() >= moment),
                false => ended(&mut child, || false),
            };
            if is_over {
                break;
            }
            std::thread::sleep(Duration::from_micros(below(300)));
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            while_writing += u32::from(unfinished(&killed) > 0);
            check_readable(&killed);
        }
        let found = result(&killed);
        let differs = |name: &&String| found.get(*name) != expected.get(*name);
        let different: Vec<&String> = found.keys().chain(expected.keys()).filter(differs).collect();
        assert!(different.is_empty(), "after {kills} kills these files differ: {different:?}");
    }
    println!("{kills} kills of {runs} runs, {while_writing} of them left a file that was being written");
    assert!(while_writing >= KILLS / 5, "only {while_writing} of {KILLS} kills met a file that was being written");
}

/// Runs a script in a place of its own, where it may mount a small disk; none if this machine does not let it.
#[cfg(target_os = "linux")]
fn with_mounts(script: &str, folder: &Path) -> Option<String> {
    let as_root = Command::new("unshare").args(["--mount", "true"]).output().is_ok_and(|tried| tried.status.success());
    let own: &[&str] = if as_root { &["--mount"] } else { &["--map-root-user", "--mount"] };
    let run = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(own).args(["sh", "-c", script, env!("CARGO_BIN_EXE_maturation")]).current_dir(folder).output()
    };
    let tried = run("mount -t tmpfs -o size=64k none .");
    if !tried.is_ok_and(|tried| tried.status.success()) {
        println!("skipped: this machine lets no test mount a disk");
        return None;
    }
    let output = run(script).unwrap();
    Some(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[cfg(target_os = "linux")]
const SMALL: &str = "--rules gap,overlap --set n_rnn=16 --set batch_size_train=8 --set batch_size_test=16 \
    --set display_step=3";

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_is_told_and_what_was_finished_goes_on_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mkdir disk && mount -t tmpfs -o size=120k none disk && $0 train disk/run {SMALL} --max-trials 4800; \
         echo code $?; cp -r disk/run kept; $0 train kept {SMALL} --max-trials 4800 && echo went on"
    );
    let Some(told) = with_mounts(&script, folder.path()) else { return };
    assert!(told.contains("disk space") && told.contains("disk/run") && told.contains("code 2"), "{told}");
    assert!(told.contains("went on") && !told.contains("panicked"), "{told}");
    let whole = folder.path().join("whole");
    let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
    let trained = command.arg("train").arg(&whole).args(SMALL.split_whitespace()).args(["--max-trials", "4800"]);
    assert!(trained.status().unwrap().success());
    assert!(result(&folder.path().join("kept")) == result(&whole));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_under_many_runs_ends_the_sweep_and_it_goes_on_where_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let plan = "seeds = [0, 1, 2, 3]\nmax_trials = 640\n[set]\nrule_trains = [\"gap\"]\nn_rnn = 16\n\
        batch_size_train = 8\nbatch_size_test = 16\ndisplay_step = 3\n";
    fs::write(folder.path().join("plan.toml"), plan).unwrap();
    let script = "mkdir disk && mount -t tmpfs -o size=300k none disk && $0 sweep plan.toml disk/out; echo code $?; \
         $0 sweep disk/out --status; cp -r disk/out kept; $0 sweep kept; echo code $?; $0 sweep plan.toml whole";
    let Some(told) = with_mounts(script, folder.path()) else { return };
    assert!(told.contains("disk space") && told.contains("disk/out/runs/") && told.contains("code 2\n"), "{told}");
    // A full disk is no fault of the runs.
    assert!(!told.contains("failed") && !told.contains("panicked") && told.contains("code 0\n"), "{told}");
    for seed in 0..4 {
        let of = |place: &str| result(&folder.path().join(format!("{place}/runs/seed-{seed}")));
        assert!(of("kept") == of("whole"), "seed {seed}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_turns_read_only_is_told_and_can_still_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let script = format!(
        "mkdir disk && mount -t tmpfs -o size=4m none disk && $0 train disk/run {SMALL} --max-trials 48; \
         mount -o remount,ro disk; $0 train disk/run {SMALL} --max-trials 96; echo code $?; \
         $0 train disk/new {SMALL} --max-trials 96; echo code $?; \
         $0 selectivity disk/run --rule gap --epoch stim1 --out here.csv && echo read"
    );
    let Some(told) = with_mounts(&script, folder.path()) else { return };
    assert_eq!(told.matches("code 2").count(), 2, "{told}");
    assert!(told.contains("disk/run/.lock") && told.contains("disk/new") && told.contains("Read-only"), "{told}");
    assert!(told.contains("read\n") && !told.contains("panicked"), "{told}");
}

#[test]
fn a_folder_that_vanishes_while_it_is_trained_into_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let gone = path.clone();
    let small = Hyperparameters {
        n_rnn: 12,
        batch_size_train: 8,
        batch_size_test: 24,
        display_step: 5,
        rule_trains: vec![Rule::GAP],
        ..Hyperparameters::paper()
    };
    let training = Training::new(small).max_trials(400).on_progress(move |progress| {
        if progress.trials_trained == 80 {
            // A file may just be written.
            while fs::remove_dir_all(&gone).is_err() && gone.exists() {}
        }
    });
    let error = training.train(&path).unwrap_err();
    assert!(error.is_io() && error.to_string().contains("run"), "{error}");
    assert!(!path.exists(), "nothing is made anew where the user has removed all");
}

//! The command line as a user meets it: what it prints, what it writes, and how it refuses.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use maturation::prelude::*;
use maturation::tables::read_table;

fn maturation(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap()
}

/// Runs the command, which must succeed, and gives what it printed.
fn succeeds(arguments: &[&str]) -> String {
    let output = maturation(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the command, which must fail with status 2, and gives its message, which is no panic.
fn fails(arguments: &[&str]) -> String {
    let output = maturation(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(!message.contains("panicked") && !message.trim().is_empty(), "{arguments:?}: {message}");
    message
}

/// A run of a few evaluations, shared by the tests of this file.
fn run() -> &'static Path {
    static RUN: std::sync::OnceLock<(tempfile::TempDir, PathBuf)> = std::sync::OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run");
        let small = Hyperparameters {
            n_rnn: 10,
            batch_size_test: 32,
            rule_trains: vec![Rule::GAP, Rule::ODR, Rule::ODRD],
            ..Hyperparameters::paper()
        };
        Training::new(small).quiet().max_trials(2560).train(&path).unwrap();
        (folder, path)
    });
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_device_that_was_left_open_is_told_and_one_that_is_not_there_is_refused() {
    let run = text(run());
    let output = maturation(&["outputs", run, "--rule", "gap", "--device", "auto"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.starts_with("computed on "), "{told}");
    assert!(told.contains("CPU") || told.contains("cuda:"), "{told}");
    for verb in [&["activity"][..], &["gradients", "--out", "/dev/null"]] {
        let message = fails(&[verb, &[run, "--rule", "gap", "--device", "cuda:99"]].concat());
        assert!(message.contains("cuda:99") && message.contains("--device cpu"), "{message}");
    }
    assert!(fails(&["lesion", run, "--device", "gpu"]).contains("cuda:N"));
}

#[test]
fn tables_have_the_columns_that_they_promise() {
    let folder = tempfile::tempdir().unwrap();
    let run = text(run());
    let columns = |arguments: &[&str], kind: &str| -> (Vec<String>, usize) {
        let path = folder.path().join(format!("table.{kind}"));
        succeeds(&[arguments, &["--out", text(&path)]].concat());
        let table = read_table(&path).unwrap();
        (table.get_column_names().iter().map(ToString::to_string).collect(), table.height())
    };
    for kind in ["parquet", "csv"] {
        let (names, rows) = columns(&["log", run], kind);
        let expected = ["trials_trained", "seconds", "rule", "cost", "regularisation_cost", "performance", "stage"];
        assert_eq!((names, rows), (expected.map(String::from).to_vec(), 9));
        let (names, rows) = columns(&["trials", "--rule", "odrd", "--mode", "test-2-5"], kind);
        assert_eq!(names[..4], ["trial", "step", "time_ms", "x_0"].map(String::from));
        assert_eq!((names.len(), rows), (3 + 15 + 9 + 9 + 1, 175 * 128));
        let (names, rows) = columns(&["outputs", run, "--rule", "odr", "--checkpoints", "1280"], kind);
        let expected = ["trial", "location", "response", "distance", "performance", "fixation"];
        assert_eq!((names, rows), (expected.map(String::from).to_vec(), 128));
        let (names, rows) = columns(&["activity", run, "--rule", "gap"], kind);
        assert_eq!(
            names[..6],
            ["step", "time_ms", "trial", "location", "locations_on_ring", "unit_0"].map(String::from)
        );
        assert_eq!((names.len(), rows), (15, 85 * 128));
        let (names, rows) = columns(&["selectivity", run, "--rule", "odr", "--epoch", "delay1", "--all"], kind);
        let expected = [
            "trials_trained",
            "rule",
            "epoch",
            "unit",
            "active",
            "selective",
            "kind",
            "p_value",
            "not_tested",
            "unbiased_selective",
            "unbiased_p_value",
            "unbiased_q_value",
            "response",
            "normalisation",
            "preferred_location",
            "rate_0",
        ];
        assert_eq!(names[..16], expected.map(String::from));
        assert_eq!((names.len(), rows), (15 + 16, 3 * 10));
        let (names, _) = columns(&["psth", run, "--rule", "gap", "--epoch", "stim1", "--opposite"], kind);
        let expected = ["stage", "direction", "step", "time_ms", "activity", "units", "checkpoints"];
        assert_eq!(names, expected.map(String::from));
        let command = ["decoder", run, "--rule", "gap", "--stride-ms", "500"];
        let (names, rows) = columns(&command, kind);
        assert_eq!((names, rows), (["train_ms", "test_ms", "accuracy"].map(String::from).to_vec(), 4 * 4));
        let (names, rows) =
            columns(&[&command[..], &["--permutations", "3", "--by-checkpoint", "--all"]].concat(), kind);
        let expected = [
            "trials_trained",
            "train_ms",
            "test_ms",
            "accuracy",
            "chance_low",
            "chance_high",
            "p_value",
            "p_corrected",
        ];
        assert_eq!((names, rows), (expected.map(String::from).to_vec(), 3 * 16));
        let (names, rows) = columns(&["performance-growth", run], kind);
        assert_eq!(names, ["trials_trained", "rule", "performance", "smoothed", "stage"].map(String::from));
        assert_eq!(rows, 9);
        let (names, _) = columns(&["performance-growth", run, "--automatic", "--stage-window", "3"], kind);
        assert_eq!(names[5..], ["automatic_early", "automatic_mid", "automatic_mature"].map(String::from));
        let (names, rows) = columns(&["agreement", run, "--first", "odr:stim1", "--second", "odrd:stim1"], kind);
        let expected = ["trials_trained", "first", "second", "first_selective", "second_selective", "both", "same"];
        assert_eq!((names[..7].to_vec(), rows), (expected.map(String::from).to_vec(), 3));
        let period =
            ["period-activity", run, "--rule", "odrd", "--epoch", "delay2", "--units", "excited,mixed,inhibited,none"];
        let (names, rows) = columns(&period, kind);
        let expected = ["trials_trained", "stage", "unit", "kind", "preferred_location", "activity"];
        assert_eq!((names, rows), (expected.map(String::from).to_vec(), 3 * 10));
        let (names, rows) = columns(&[&period[..], &["--show", "tests"]].concat(), kind);
        assert_eq!((names[..2].to_vec(), rows), (["first", "second"].map(String::from).to_vec(), 9));
        let (names, rows) = columns(&[&period[..], &["--show", "anova"]].concat(), kind);
        assert_eq!((names[0].as_str(), rows), ("stage", 1));
        let (names, rows) = columns(&["saccade", run, "--rule", "gap", "--batches", "2"], kind);
        let expected = ["stage", "checkpoints", "from_degrees", "to_degrees", "trials", "fixating", "share"];
        assert_eq!((names[..7].to_vec(), rows), (expected.map(String::from).to_vec(), 30));
        let distractor = ["distractor", run, "--repeats", "2", "--checkpoints", "last"];
        let (names, rows) = columns(&distractor, kind);
        assert_eq!(
            (names[..3].to_vec(), rows),
            (["stage", "checkpoints", "distance_degrees"].map(String::from).to_vec(), 5)
        );
        assert_eq!(columns(&[&distractor[..], &["--show", "pairs"]].concat(), kind).1, 64);
        assert_eq!(columns(&[&distractor[..], &["--show", "saccades"]].concat(), kind).1, 5 * 30);
        let (names, rows) = columns(&["claims", run], kind);
        let expected = ["claim", "source", "measure", "published", "found", "early", "mid", "mature"];
        assert_eq!((names[..8].to_vec(), rows), (expected.map(String::from).to_vec(), 19));
        let last = ["effect", "effect_is", "published_effect", "units", "verdict", "reason"];
        assert_eq!(names[11..], last.map(String::from));
    }
}

#[test]
fn a_table_of_activity_stands_in_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let activity = folder.path().join("activity.csv");
    succeeds(&["activity", text(run()), "--rule", "gap", "--out", text(&activity)]);
    let direct = succeeds(&[
        "psth",
        text(run()),
        "--rule",
        "gap",
        "--epoch",
        "stim1",
        "--checkpoints",
        "last",
        "--by-checkpoint",
    ]);
    let by_rule = succeeds(&["psth", "--activity", text(&activity), "--rule", "gap", "--epoch", "stim1"]);
    let by_time = succeeds(&[
        "psth",
        "--activity",
        text(&activity),
        "--epoch-ms",
        "fix1=0..1000",
        "--epoch-ms",
        "stim1=1100..1200",
        "--epoch",
        "stim1",
    ]);
    assert_eq!(by_rule, by_time);
    let period = ["period-activity", "--rule", "gap", "--epoch", "stim1", "--units", "excited,inhibited,mixed,none"];
    let of_table = succeeds(&[&period[..], &["--activity", text(&activity)]].concat());
    assert!(of_table.contains("shape: (10, 6)") && of_table.contains("null"), "{of_table}");
    let rows = |table: &str| table.lines().filter(|line| line.contains("preferred")).count();
    assert_eq!(rows(&direct), rows(&by_rule));
}

#[test]
fn figures_and_the_page_need_no_network() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [
        vec!["performance-growth", text(run())],
        vec!["psth", text(run()), "--rule", "odr", "--epoch", "stim1", "--opposite", "--normalised", "no"],
        vec!["decoder", text(run()), "--rule", "odr", "--stride-ms", "500", "--published-scoring"],
        vec!["performance-growth", text(run()), "--automatic", "--published-average"],
        vec!["agreement", text(run()), "--first", "odrd:delay1", "--second", "odrd:delay2"],
        vec!["period-activity", text(run()), "--rule", "odr", "--epoch", "1100..1400", "--selected-in", "stim1"],
        vec!["period-activity", text(run()), "--rule", "odr", "--epoch", "delay1", "--show", "tests"],
        vec!["saccade", text(run()), "--rule", "odr", "--batches", "1", "--checkpoints", "last"],
        vec!["distractor", text(run()), "--repeats", "1", "--checkpoints", "last"],
        vec!["distractor", text(run()), "--repeats", "1", "--checkpoints", "last", "--show", "saccades"],
    ] {
        let path = folder.path().join("figure.html");
        succeeds(&[&arguments[..], &["--figure", text(&path)]].concat());
        let html = std::fs::read_to_string(&path).unwrap();
        assert!(html.contains("Plotly.newPlot") && !html.contains("<script src"));
    }
    let out = folder.path().join("figures");
    succeeds(&["reproduce", text(run()), "--out", text(&out)]);
    let html = std::fs::read_to_string(out.join("index.html")).unwrap();
    let parts =
        ["id=\"performance-growth\"", "id=\"psth-odrd-stim1\"", "id=\"claims\"", "n_rnn", "rustc 1.", "text/csv"];
    for part in parts {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.len() < 15_000_000);
}

/// The arguments of every analysis of a table of activity.
const OF_ACTIVITY: [&[&str]; 13] = [
    &["selectivity", "--epoch", "stim1"],
    &["psth", "--epoch", "stim1", "--opposite", "--bootstrap", "100"],
    &["tuning", "--epoch", "stim1", "--bootstrap", "100"],
    &["sample-unit", "--epoch", "stim1"],
    &["sample-unit", "--epoch", "stim1", "--unit", "1"],
    &["unit-counts", "--epoch", "stim1"],
    &["dpca"],
    &["pca"],
    &["decoder", "--stride-ms", "200"],
    &["decoder", "--stride-ms", "200", "--published-scoring", "--permutations", "3"],
    &["period-activity", "--epoch", "delay1"],
    &["period-activity", "--epoch", "delay1", "--show", "tests"],
    &["period-activity", "--epoch", "delay1", "--show", "anova"],
];

/// A table of activity of four units at 80 steps of 20 ms: a trial at each of `locations`, rates by step, trial and
/// unit.
fn activity_table(path: &Path, locations: &[usize], rate: impl Fn(usize, usize, usize) -> f64) {
    let mut text = String::from("step,time_ms,trial,location,unit_0,unit_1,unit_2,unit_3\n");
    for step in 0..80 {
        for (trial, location) in locations.iter().enumerate() {
            let rates: Vec<String> = (0..4).map(|unit| rate(step, trial, unit).to_string()).collect();
            text.push_str(&format!("{step},{},{trial},{location},{}\n", 20 * step, rates.join(",")));
        }
    }
    std::fs::write(path, text).unwrap();
}

#[test]
fn silent_units_and_missing_trials_give_a_message_or_an_empty_table() {
    let folder = tempfile::tempdir().unwrap();
    let several: Vec<usize> = (0..32).map(|trial| trial / 4).collect();
    let noise = |step: usize, trial: usize, unit: usize| 1.0 + ((step * 7 + trial * 13 + unit * 5) % 11) as f64 / 10.0;
    let path = |name: &str| folder.path().join(name);
    activity_table(&path("silent.csv"), &several, |_, _, _| 0.0);
    activity_table(&path("constant.csv"), &several, |_, _, _| 1.0);
    activity_table(&path("single.csv"), &(0..8).collect::<Vec<_>>(), noise);
    activity_table(&path("one-location.csv"), &[3; 6], noise);
    let nothing_selected = ["psth", "tuning", "period-activity"];
    let refused = |name: &str, command: &[&str]| match (name, command[0]) {
        (_, "sample-unit") => !command.contains(&"--unit"),
        ("silent" | "constant", "dpca" | "pca") => true,
        ("single", "dpca" | "decoder") => true,
        ("one-location", "dpca" | "decoder") => true,
        _ => false,
    };
    for name in ["silent", "constant", "single", "one-location"] {
        let table = path(&format!("{name}.csv"));
        let epochs = ["fix1=0..1000", "stim1=1000..1200", "delay1=1200..1600"];
        let epochs: Vec<&str> = epochs.iter().flat_map(|epoch| ["--epoch-ms", epoch]).collect();
        for command in OF_ACTIVITY {
            let (out, figure) = (path("out.csv"), path("figure.html"));
            let ring = ["--locations-on-ring", "8"];
            let mut arguments = [command, &["--activity", text(&table), "--out", text(&out)], &ring, &epochs].concat();
            if command[0] != "selectivity" {
                arguments.extend(["--figure", text(&figure)]);
            }
            if refused(name, command) {
                fails(&arguments);
                continue;
            }
            succeeds(&arguments);
            let written = std::fs::read_to_string(&out).unwrap();
            assert!(!written.contains("NaN") && !written.contains("inf"), "{name} {command:?}: {written}");
            let rows = read_table(&out).unwrap().height();
            if nothing_selected.contains(&command[0]) {
                assert_eq!(rows, 0, "{name} {command:?}");
                assert!(std::fs::read_to_string(&figure).unwrap().contains("no selective unit"), "{name} {command:?}");
            } else {
                assert!(rows > 0, "{name} {command:?}");
            }
        }
    }
}

#[test]
fn a_run_of_one_checkpoint_has_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let one = folder.path().join("one");
    std::fs::create_dir_all(one.join("2560")).unwrap();
    for name in ["hp.json", "log.json", "2560/model.safetensors"] {
        std::fs::copy(run().join(name), one.join(name)).unwrap();
    }
    let out = folder.path().join("figures");
    let printed = succeeds(&["reproduce", text(&one), "--out", text(&out)]);
    assert!(printed.contains("figures in"), "{printed}");
    let html = std::fs::read_to_string(out.join("index.html")).unwrap();
    let whole = folder.path().join("whole");
    succeeds(&["reproduce", text(run()), "--out", text(&whole)]);
    let of_all = std::fs::read_to_string(whole.join("index.html")).unwrap();
    assert_eq!(html.matches("Plotly.newPlot(").count(), of_all.matches("Plotly.newPlot(").count());
    assert!(html.contains("cannot be shown") && html.contains("no checkpoint with such units at stage mid and mature"));
    let table = folder.path().join("claims.csv");
    succeeds(&["claims", text(&one), "--out", text(&table)]);
    assert!(!std::fs::read_to_string(&table).unwrap().contains("NaN"));
    let message = fails(&["decoder", text(&one), "--rule", "gap", "--checkpoints", "0"]);
    assert!(message.contains("2560"), "{message}");
    std::fs::remove_dir_all(one.join("2560")).unwrap();
    for command in ["claims", "reproduce"] {
        let message = fails(&[command, text(&one)]);
        assert!(message.contains("no checkpoint yet") && !message.contains("18446744073709551615"), "{message}");
    }
}

#[test]
fn bitmaps_need_a_browser_and_say_so_but_vector_graphics_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let drawn = |path: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
        command
            .args(["performance-growth", text(run()), "--figure", text(path)])
            .env("MATURATION_CHROMIUM", "/no/such/browser");
        command.output().unwrap()
    };
    let path = folder.path().join("growth.svg");
    assert!(drawn(&path).status.success());
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("<svg"));
    for kind in ["png", "pdf"] {
        let path = folder.path().join(format!("growth.{kind}"));
        let output = drawn(&path);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        for word in ["/no/such/browser", "Install Chromium", "MATURATION_CHROMIUM", ".html"] {
            assert!(message.contains(word), "{word}: {message}");
        }
        assert!(!path.exists());
    }
}

#[test]
fn gradients_are_written_with_their_cost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gradients.safetensors");
    let printed = succeeds(&["gradients", text(run()), "--rule", "odr", "--checkpoints", "0", "--out", text(&path)]);
    let content = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&content).unwrap();
    let cost = f32::from_le_bytes(file.tensor("cost").unwrap().data().try_into().unwrap());
    assert!((printed.trim().strip_prefix("cost ").unwrap().parse::<f32>().unwrap() - cost).abs() < 1e-5);
    assert_eq!(file.tensor("w_rec").unwrap().shape(), [10, 10]);
    assert_eq!(file.tensor("b_out").unwrap().shape(), [9]);
}

#[test]
fn the_same_command_prints_the_same() {
    let command = ["outputs", text(run()), "--rule", "odrd", "--mode", "random", "--input-noise"];
    assert_eq!(succeeds(&command), succeeds(&command));
    let other = succeeds(&[&command[..], &["--seed", "7"]].concat());
    assert_ne!(succeeds(&command), other);
}

/// The verbs that the help lists.
fn verbs() -> Vec<String> {
    let help = succeeds(&["--help"]);
    let list = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    let first = |line: &str| {
        line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '))?.split(' ').next().map(str::to_owned)
    };
    list.lines().filter_map(first).filter(|name| name != "help").collect()
}

#[test]
fn every_verb_explains_itself_by_an_example_that_works() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [("hp.json", "hp.json"), ("2560/model.safetensors", "model.safetensors")] {
        std::fs::copy(run().join(from), folder.path().join(to)).unwrap();
    }
    for (name, to) in [("spikes.csv", "spikes.csv"), ("trials.csv", "cues.csv")] {
        let recordings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recordings");
        std::fs::copy(recordings.join(name), folder.path().join(to)).unwrap();
    }
    let plan = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/plan-template.toml");
    std::fs::copy(plan, folder.path().join("plan.toml")).unwrap();
    let verbs = verbs();
    assert!(verbs.len() > 25 && verbs.contains(&"unit-counts".to_owned()), "{verbs:?}");
    for verb in verbs {
        let help = succeeds(&[&verb, "--help"]);
        let example = help.split("\nExample:\n  maturation ").nth(1);
        let example = example.unwrap_or_else(|| panic!("`{verb} --help` ends without an example")).trim();
        assert_eq!(example.split(' ').next(), Some(verb.as_str()));
        let words = example.split(' ').map(|word| match word {
            "runs/paper" => text(run()),
            "runs/ten-networks" => concat!(env!("CARGO_MANIFEST_DIR"), "/data/units-64"),
            "theirs/6tasks" => concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/published_run"),
            word => word,
        });
        let output =
            Command::new(env!("CARGO_BIN_EXE_maturation")).args(words).current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        for made in example.split("--figure ").skip(1).chain(example.split("--out ").skip(1)) {
            let made = folder.path().join(made.split(' ').next().unwrap());
            assert!(made.exists(), "{example}: {}", made.display());
        }
    }
}

#[test]
fn names_of_the_version_before_are_accepted_with_a_word() {
    let output = maturation(&["units", text(run()), "--rule", "odr", "--epoch", "stim1", "--trials", "last"]);
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{words}");
    for new in ["`unit-counts`", "`--checkpoints`"] {
        assert!(words.contains(new), "{words}");
    }
}

#[test]
fn shells_and_man_are_told_of_every_verb_and_option() {
    for kind in ["man", "complete-bash", "complete-zsh", "complete-fish"] {
        let text = succeeds(&["--generate", kind]).replace("\\-", "-");
        for word in verbs().iter().map(String::as_str).chain(["max-trials", "baseline-skip-ms"]) {
            assert!(text.contains(word), "{kind}: {word}");
        }
    }
    assert!(fails(&["--generate", "complete-cmd"]).contains("complete-fish"));
}

#[test]
fn what_does_not_exist_is_refused_with_what_does() {
    let run = text(run());
    for (arguments, words) in [
        (vec!["outputs", run, "--rule", "ordd"], vec!["ordd", "odrd"]),
        (vec!["outputs", run, "--rule", "odr3000"], vec!["odr3000", "overlap"]),
        (vec!["selectivity", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["selectivity", run, "--rule", "gap", "--epoch", "cue"], vec!["cue", "stim1"]),
        (vec!["outputs", run, "--rule", "odr", "--checkpoints", "77"], vec!["77", "2560"]),
        (vec!["outputs", run, "--rule", "odr", "--checkpoints", "soon"], vec!["soon", "last"]),
        (vec!["psth", run, "--rule", "odr", "--epoch", "stim1", "--stage", "mature"], vec!["mature", "odr"]),
        (vec!["psth", run, "--rule", "odr", "--epoch", "stim1", "--stage", "adult"], vec!["adult", "mature"]),
        (vec!["psth", run, "--rule", "odr", "--epoch", "stim1", "--figure", "a.gif"], vec!["a.gif", ".html", ".png"]),
        (vec!["tuning", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["tuning", run, "--rule", "odr", "--epoch", "stim1", "--stage", "mature"], vec!["mature", "odr"]),
        (vec!["psth", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["psth", run, "--rule", "odr", "--epoch", "stim1", "--follow", "mid"], vec!["mid", "odr"]),
        (vec!["unit-counts", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["sample-unit", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["sample-unit", run, "--rule", "odr", "--epoch", "stim1", "--unit", "10"], vec!["10"]),
        (vec!["epoch-growth", run, "--rule", "gap", "--epoch", "delay2"], vec!["delay2", "stim1"]),
        (vec!["epoch-growth", run, "--rule", "gap", "--epoch", "stim1", "--measured", "delay2"], vec!["delay2"]),
        (vec!["decoder", run, "--rule", "gap", "--stage", "mature"], vec!["mature", "gap"]),
        (vec!["dpca", run, "--rule", "gap", "--stage", "mature"], vec!["mature", "gap"]),
        (vec!["pca", run, "--rule", "gap", "--stage", "mid"], vec!["mid", "gap"]),
        (vec!["claims", "no/such/run"], vec!["no/such/run", "hp.json"]),
        (vec!["agreement", run, "--first", "odr", "--second", "odr:stim1"], vec!["RULE:EPOCH"]),
        (vec!["agreement", run, "--first", "odr:delay2", "--second", "odr:stim1"], vec!["delay2", "delay1"]),
        (vec!["agreement", run, "--first", "odr:stim1", "--second", "odr3000:stim1"], vec!["odr3000", "overlap"]),
        (vec!["period-activity", run, "--rule", "odr", "--epoch", "delay2"], vec!["delay2", "delay1"]),
        (vec!["period-activity", run, "--rule", "odr", "--epoch", "100..200"], vec!["--selected-in"]),
        (
            vec!["period-activity", run, "--rule", "odr", "--epoch", "9..1", "--selected-in", "stim1"],
            vec!["9..1", "START..END"],
        ),
        (
            vec!["period-activity", run, "--rule", "odr", "--epoch", "delay1", "--stage-window", "0"],
            vec!["window", "1 or more"],
        ),
        (vec!["saccade", run, "--rule", "overlap"], vec!["overlap", "gap"]),
        (vec!["saccade", run, "--rule", "gap", "--batches", "0"], vec!["batches"]),
        (vec!["distractor", run, "--stage", "mature"], vec!["mature", "odrd"]),
        (vec!["distractor", run, "--repeats", "0"], vec!["1 or more"]),
        (vec!["log", run, "--out", "a.xlsx"], vec!["a.xlsx", ".parquet"]),
        (vec!["log", "no/such/run"], vec!["no/such/run", "hp.json"]),
        (vec!["trials", "--rule", "odr", "--mode", "test-2-5"], vec!["odr", "odrd"]),
        (vec!["trials", "--rule", "odrd", "--mode", "test-2-9"], vec!["test-2-9", "0 to 7"]),
        (vec!["train", run, "--preset", "papr"], vec!["papr", "paper"]),
        (vec!["train", run, "--set", "n_rnns=3"], vec!["n_rnns", "n_rnn"]),
        (vec!["train", run, "--set", "n_rnn=0"], vec!["n_rnn", "whole number"]),
        (vec!["train", run, "--set", "batch_size_train=0"], vec!["batch_size_train"]),
        (vec!["train", run, "--set", "tau=5"], vec!["dt", "alpha"]),
        (vec!["train", run, "--set", "n_rnn"], vec!["KEY=VALUE"]),
        (vec!["train", run, "--device", "cuda:0", "--max-trials", "64"], vec!["cuda:0", "--device cpu"]),
        (vec!["train", run, "--preset", "paper"], vec!["batch_size_test", "hp.json"]),
        (vec!["selectivity", "--activity", "nothing.csv", "--rule", "odr", "--epoch", "stim1"], vec!["nothing.csv"]),
        (vec!["nonsense"], vec!["nonsense"]),
    ] {
        let message = fails(&arguments);
        for word in words {
            assert!(message.contains(word), "{arguments:?}: '{word}' is not in: {message}");
        }
    }
}

#[test]
fn damaged_checkpoints_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("run");
    std::fs::create_dir_all(copy.join("1280")).unwrap();
    for name in ["hp.json", "log.json"] {
        std::fs::copy(run().join(name), copy.join(name)).unwrap();
    }
    let model = std::fs::read(run().join("1280/model.safetensors")).unwrap();
    let path = copy.join("1280/model.safetensors");
    std::fs::write(&path, &model[..model.len() - 8]).unwrap();
    let message = fails(&["outputs", text(&copy), "--rule", "odr"]);
    assert!(message.contains("1280/model.safetensors") && message.contains("truncated"), "{message}");

    let mut broken = model.clone();
    let last = broken.len() - 4;
    broken[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, &broken).unwrap();
    let message = fails(&["outputs", text(&copy), "--rule", "odr"]);
    assert!(message.contains("NaN") && message.contains("1280"), "{message}");
}

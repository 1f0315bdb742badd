//! Demixed and ordinary principal components as a user of the command line meets them, of recorded neurons.

use std::path::Path;
use std::process::{Command, Output};

use maturation::prelude::*;
use maturation::tables::{read_table, write_table};

fn maturation(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap()
}

/// Writes 24 trials at four locations: unit_0 follows time, unit_1 the location after 300 ms, unit_2 both.
fn record(path: &Path, missing: usize) {
    let (mut trials, mut locations, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut units = [Vec::new(), Vec::new(), Vec::new()];
    for trial in missing as i64..24 {
        for bin in 0..60_i64 {
            let (location, on) = (trial % 4, if bin >= 30 { 1.0 } else { 0.0 });
            let jitter = ((trial * 31 + bin * 17) % 13) as f64 * 0.1;
            trials.push(trial);
            locations.push(location);
            times.push(bin as f64 * 10.0);
            units[0].push(5.0 + jitter + 0.1 * bin as f64);
            units[1].push(8.0 - jitter + 3.0 * on * location as f64);
            units[2].push(4.0 + 2.0 * jitter + on * (location as f64 * bin as f64 * 0.1).sin());
        }
    }
    let [first, second, third] = units;
    let mut table = df![
        "trial" => trials, "location" => locations, "time_ms" => times,
        "unit_0" => first, "unit_1" => second, "unit_2" => third,
    ]
    .unwrap();
    write_table(path, &mut table).unwrap();
}

const EPOCHS: [&str; 4] = ["--epoch-ms", "fix1=0..300", "--epoch-ms", "stim1=300..600"];

#[test]
fn a_recording_gives_tables_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let neurons = path("neurons.csv");
    record(Path::new(&neurons), 0);
    let succeeds = |arguments: &[&str]| {
        let all = [&arguments[..1], &["--activity", &neurons], &EPOCHS[..], &arguments[1..]].concat();
        let output = maturation(&all);
        assert!(output.status.success(), "{all:?}: {}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (_, remark) = succeeds(&[
        "dpca",
        "--locations",
        "0,2",
        "--shuffles",
        "5",
        "--out",
        &path("scores.csv"),
        "--explained-out",
        &path("explained.csv"),
        "--significance-out",
        &path("significance.csv"),
        "--figure",
        &path("dpca.html"),
        "--explained-figure",
        &path("bars.html"),
    ]);
    assert!(remark.contains("chosen by cross-validation"), "{remark}");
    let scores = read_table(path("scores.csv")).unwrap();
    assert_eq!(scores.get_column_names(), ["component", "location", "time_ms", "score"]);
    assert_eq!(scores.height(), (3 + 1 + 3) * 2 * 60);
    let explained = read_table(path("explained.csv")).unwrap();
    assert_eq!(explained.height(), 7);
    assert_eq!(explained.column("p_value").unwrap().null_count(), 3, "time has no location to tell");
    assert_eq!(read_table(path("significance.csv")).unwrap().height(), (1 + 3) * 60);
    assert!(std::fs::read_to_string(path("dpca.html")).unwrap().contains("stim1"));
    assert!(std::fs::read_to_string(path("bars.html")).unwrap().contains("varies with both"));

    let (screen, remark) = succeeds(&["dpca", "--regularisation", "1e-4"]);
    assert!(screen.contains("time_1") && screen.contains("location") && remark.contains("given"), "{screen}{remark}");

    succeeds(&["pca", "--components", "2", "--out", &path("pca.parquet"), "--trajectory-figure", &path("paths.html")]);
    assert_eq!(read_table(path("pca.parquet")).unwrap().height(), 2 * 4 * 60);
    assert!(std::fs::read_to_string(path("paths.html")).unwrap().contains("pc_2"));
    let (screen, _) = succeeds(&["pca"]);
    assert!(screen.contains("pc_1") && screen.contains("pc_3"), "{screen}");
}

#[test]
fn what_cannot_be_analysed_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let neurons = folder.path().join("neurons.csv").to_str().unwrap().to_owned();
    record(Path::new(&neurons), 1);
    for (arguments, words) in [
        (&["dpca"][..], ["5, 6, 6, 6", "unbalanced"]),
        (&["dpca", "--locations", "1,9"], ["location 9", "counted from 0"]),
        (&["dpca", "--regularisation", "much"], ["much", "auto"]),
        (&["pca", "--components", "9"], ["9 principal components", "1 to 3"]),
    ] {
        let all = [&arguments[..1], &["--activity", &neurons], &EPOCHS[..], &arguments[1..]].concat();
        let output = maturation(&all);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }
    let allowed = [&["dpca", "--activity", &neurons, "--unbalanced"], &EPOCHS[..]].concat();
    assert!(maturation(&allowed).status.success());
}

#[test]
fn a_run_gives_components_of_one_checkpoint() {
    let run = Run::open("data/6tasks").unwrap();
    let activity = run.last().unwrap().activity(Rule::OVERLAP).unwrap();
    let options = DpcaOptions { locations: Some(vec![0, 4]), ..DpcaOptions::default() };
    let found = analysis::dpca(&activity, &options).unwrap();
    assert_eq!(found.components.each_ref().map(Vec::len), [10, 1, 10]);
    assert!(found.explained_by_all > 0.9, "{}", found.explained_by_all);
    let output = maturation(&["dpca", "data/6tasks", "--rule", "overlap", "--all"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("name one"), "{message}");
}

//! What many runs show together, as a user of the command meets it: the shipped tables of ten networks, folders of runs,
//! and what goes wrong.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use maturation::prelude::*;

fn summary(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_maturation")).arg("summary").args(arguments).output().unwrap()
}

fn succeeds(arguments: &[&str]) -> String {
    let output = summary(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(arguments: &[&str]) -> String {
    let output = summary(arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert!(!message.contains("panicked"), "{message}");
    message
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn numbers(table: &DataFrame, column: &str) -> Vec<f64> {
    let column = table.column(column).unwrap().cast(&DataType::Float64).unwrap();
    column.f64().unwrap().iter().map(|value| value.unwrap_or(f64::NAN)).collect()
}

fn names(table: &DataFrame, column: &str) -> Vec<String> {
    let column = table.column(column).unwrap().cast(&DataType::String).unwrap();
    column.str().unwrap().iter().map(|value| value.unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_shipped_tables_make_the_page_and_every_claim_is_counted_as_it_stands_in_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let said = succeeds(&["data/units-64", "--out", text(&out), "--resamples", "200"]);
    assert!(said.contains("10 runs: tables and"), "{said}");
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    for id in ["claims", "runs", "claims-over-runs", "growth-over-runs", "units-over-runs", "behaviour-over-runs"] {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    let read = |name: &str| read_table(out.join(name)).unwrap();
    let (claims, by_run) = (read("claims.csv"), read("claims-by-run.csv"));
    assert_eq!((claims.height(), by_run.height()), (19, 190));
    let same = |table: &DataFrame| {
        let (claims, measures) = (names(table, "claim"), names(table, "measure"));
        claims.into_iter().zip(measures).collect::<Vec<_>>()
    };
    let (verdicts, effects) = (names(&by_run, "verdict"), numbers(&by_run, "effect"));
    let (agree, differ, means) = (numbers(&claims, "agree"), numbers(&claims, "differ"), numbers(&claims, "effect"));
    let (low, high) = (numbers(&claims, "effect_low"), numbers(&claims, "effect_high"));
    let keys = same(&by_run);
    for (row, key) in same(&claims).iter().enumerate() {
        let here: Vec<usize> = (0..keys.len()).filter(|at| keys[*at] == *key).collect();
        let counted = |verdict: &str| here.iter().filter(|at| verdicts[**at] == verdict).count() as f64;
        assert_eq!((agree[row], differ[row]), (counted("agrees"), counted("differs")), "{key:?}");
        let mean = here.iter().map(|at| effects[*at]).sum::<f64>() / here.len() as f64;
        assert!((means[row] - mean).abs() < 1e-9 * mean.abs().max(1.0), "{key:?}: {} not {mean}", means[row]);
        assert!(low[row] <= means[row] && means[row] <= high[row], "{key:?}");
    }
    assert_eq!(read("runs.csv").height(), 10);
    assert!(!Path::new("data/units-64/summary").exists(), "the shipped folder stays as it is");
}

#[test]
fn folders_that_hold_no_runs_and_places_that_are_not_said_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let message = fails(&[text(folder.path())]);
    assert!(message.contains("holds no run") && message.contains("hp.json"), "{message}");
    assert!(fails(&["no/such/folder"]).contains("no/such/folder"));
    assert!(fails(&["data/6tasks"]).contains("--out DIR"));
    assert!(fails(&["data/units-64", "--out", text(folder.path()), "--resamples", "5"]).contains("5 resamples"));
    assert!(fails(&["data/units-64", "--out", text(folder.path()), "--stage-window", "0"]).contains("0 evaluations"));
    let none = ["data/units-64", "--out", text(folder.path()), "--checkpoints-per-stage", "0"];
    assert!(fails(&none).contains("0 checkpoints"));
    let message = fails(&["data/6tasks", "--out", text(folder.path()), "--no-measure"]);
    assert!(message.contains("it has no summary"), "{message}");
    assert!(fails(&[]).contains("FOLDER"));
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing was written");
}

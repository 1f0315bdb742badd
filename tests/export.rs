//! Runs as arrays for other programs: what they hold, that they come back the same, and the Python that reads them.
//!
//! The lines of notebooks/PYTHON.md run where there is a Python with NumPy (MATURATION_PYTHON names another than
//! python3), those about PyTorch and MATLAB where it has torch and scipy; elsewhere the test says that it was skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use maturation::network::WeightNames;
use maturation::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn maturation(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).current_dir(folder).output().unwrap()
}

fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = maturation(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn fails(folder: &Path, arguments: &[&str], words: &[&str]) {
    let output = maturation(folder, arguments);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
}

/// A small run of three checkpoints.
fn run(folder: &Path) -> Run {
    Run::import_published(here("tests/fixtures/published_run"), folder.join("run")).unwrap()
}

#[test]
fn an_exported_run_holds_what_the_run_does_and_comes_back_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let run = run(folder);
    let arguments = ["export", "run", "arrays", "--format", "safetensors", "--rules", "gap,odrd", "--seed", "5"];
    let said = succeeds(folder, &arguments);
    assert!(said.contains("arrays: 3 checkpoints as .safetensors"), "{said}");
    let read = |name: &str| std::fs::read(folder.join("arrays").join(name)).unwrap();
    let numbers = |view: &TensorView<'_>| -> Vec<f64> {
        let bytes = view.data().chunks_exact(view.dtype().bitsize() / 8);
        match view.dtype() {
            safetensors::Dtype::F32 => bytes.map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect(),
            safetensors::Dtype::F64 => bytes.map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect(),
            safetensors::Dtype::I64 => bytes.map(|b| i64::from_le_bytes(b.try_into().unwrap()) as f64).collect(),
            other => panic!("{other:?}"),
        }
    };
    let content = read("log.safetensors");
    let log = SafeTensors::deserialize(&content).unwrap();
    let performance = log.tensor("performance").unwrap();
    assert_eq!(performance.shape(), [3, 6]);
    let there: Vec<f64> =
        run.evaluations().entries.iter().flat_map(|entry| entry.rules.iter().map(|rule| rule.performance)).collect();
    assert_eq!(numbers(&performance), there);
    assert_eq!(numbers(&log.tensor("trials_trained").unwrap()), [0.0, 1280.0, 2560.0]);

    for (checkpoint, rule) in [(0, Rule::GAP), (2560, Rule::ODRD)] {
        let content = read(&format!("{checkpoint}/{rule}.safetensors"));
        let arrays = SafeTensors::deserialize(&content).unwrap();
        let options = ReadoutOptions { seed: Some(5), ..ReadoutOptions::default() };
        let mut readout = Readout::new(options).unwrap();
        let activity = readout.activity(&run.checkpoint(checkpoint).unwrap(), rule).unwrap();
        let rates = arrays.tensor("rates").unwrap();
        assert_eq!(rates.shape(), activity.rates.shape());
        assert!(numbers(&rates).into_iter().eq(activity.rates.iter().map(|rate| f64::from(*rate))));
        assert_eq!(arrays.tensor("inputs").unwrap().shape(), [activity.rates.dim().0, 128, 15]);
        let locations = numbers(&arrays.tensor("location").unwrap());
        assert_eq!((locations.len(), locations[0], locations[127]), (128, 0.0, 7.0));
        assert_eq!(numbers(&arrays.tensor("time_ms").unwrap())[..2], [0.0, 20.0]);
        let ends: Vec<f64> = activity.epochs.iter().map(|(_, steps)| steps.end as f64).collect();
        assert_eq!(numbers(&arrays.tensor("epoch_to").unwrap()), ends);

        let content = read(&format!("{checkpoint}/{rule}_selectivity.safetensors"));
        let arrays = SafeTensors::deserialize(&content).unwrap();
        let units = numbers(&arrays.tensor("unit").unwrap());
        assert_eq!(units.len(), 16 * (activity.epochs.len() - 1));
        let of_stim1: Vec<f64> = selectivity(&activity, Epoch::Stim1)
            .unwrap()
            .column("p_value")
            .unwrap()
            .f64()
            .unwrap()
            .iter()
            .flatten()
            .collect();
        let place = activity.epochs.iter().position(|(epoch, _)| *epoch == Epoch::Stim1).unwrap() - 1;
        let found = numbers(&arrays.tensor("p_value").unwrap())[16 * place..][..16].to_vec();
        assert_eq!(found.into_iter().filter(|p| !p.is_nan()).collect::<Vec<_>>(), of_stim1);
    }

    for (format, names) in [("npz", "own"), ("npz", "published"), ("safetensors", "published"), ("safetensors", "own")]
    {
        let arrays = format!("{format}-{names}");
        succeeds(folder, &["export", "run", &arrays, "--format", format, "--names", names, "--checkpoints", "0..1280"]);
        assert!(!folder.join(&arrays).join("2560").exists());
        let weights = format!("{arrays}/1280/weights.{format}");
        let back = format!("back-{arrays}");
        succeeds(folder, &["import", &weights, &back, "--hp", &format!("{arrays}/hp.json"), "--trials", "1280"]);
        let [there, here] = ["run", &back].map(|path| {
            Run::open(folder.join(path)).unwrap().checkpoint(1280).unwrap().network().unwrap().parameters().values()
        });
        assert_eq!(there, here, "{arrays}");
    }
}

#[test]
fn what_cannot_be_exported_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    run(folder);
    std::fs::create_dir(folder.join("full")).unwrap();
    std::fs::write(folder.join("full/notes.txt"), "mine").unwrap();
    for (arguments, words) in [
        (&["run", "full"][..], &["full", "not empty", "Export into a new folder"][..]),
        (&["run", "new", "--rules", "odr500"], &["odr500", "gap500"]),
        (&["run", "new", "--format", "mat"], &["mat", "npz, safetensors"]),
        (&["run", "new", "--names", "theirs"], &["theirs", "own, published"]),
        (&["run", "new", "--checkpoints", "640"], &["after 640 trials"]),
        (&["run", "new", "--no-noise"], &["--no-noise", "--rules"]),
        (&["run", "new", "--rules", "gap", "--no-noise", "--seed", "3"], &["--seed"]),
        (&["run", "run/hp.json/new"], &["hp.json"]),
        (&["nothing", "new"], &["nothing", "hp.json"]),
    ] {
        fails(folder, &[&["export"], arguments].concat(), words);
        assert!(!folder.join("new").exists());
    }
    let network = Network::new(&Hyperparameters { n_rnn: 4, ..Hyperparameters::paper() }).unwrap();
    let message = network.export(folder.join("weights.mat"), WeightNames::Own).unwrap_err().to_string();
    assert!(message.contains("weights.mat") && message.contains(".npz or .safetensors"), "{message}");
}

/// The blocks of a page in a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let begin = format!("```{language}\n");
    page.split(&begin).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A Python that has this module.
fn python_with(module: &str) -> Option<String> {
    let python = std::env::var("MATURATION_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    // Looked for, not imported: torch takes its time.
    let finds = format!("import importlib.util, sys; sys.exit(importlib.util.find_spec('{module}') is None)");
    let has = Command::new(&python).args(["-c", &finds]).output();
    has.is_ok_and(|output| output.status.success()).then_some(python)
}

#[test]
fn the_lines_of_the_page_for_python_run_as_they_stand() {
    let Some(python) = python_with("numpy") else {
        eprintln!("skipped: python3 has no numpy, and MATURATION_PYTHON names no other");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let page = std::fs::read_to_string(here("notebooks/PYTHON.md")).unwrap();
    let shell = |command: &str| {
        let shipped = here("data/6tasks");
        let words: Vec<&str> = command.trim().strip_prefix("maturation ").unwrap().split(' ').collect();
        let words: Vec<&str> =
            words.into_iter().map(|word| if word == "data/6tasks" { text(&shipped) } else { word }).collect();
        succeeds(folder, &words)
    };
    let commands = blocks(&page, "sh");
    assert_eq!(commands.len(), 2);
    let front = std::fs::read_to_string(here("README.md")).unwrap();
    assert!(blocks(&front, "sh").contains(&commands[0]), "README exports as the page does");
    assert_eq!(blocks(&front, "python"), blocks(&page, "python")[..1], "and reads the same in Python");
    shell(&commands[0]);
    let (mut lines, mut skipped) = (String::new(), 0);
    for block in blocks(&page, "python") {
        let needs = [("torch", "Leaky("), ("scipy", "scipy.")].into_iter().find(|(_, word)| block.contains(word));
        match needs.filter(|(module, _)| python_with(module).is_none()) {
            Some((module, _)) => {
                eprintln!("skipped: lines of {module}, which {python} does not have");
                skipped += 1;
            }
            None => lines.push_str(&block),
        }
    }
    // What the page prints says of this run what the run itself says.
    lines.push_str("print(*tuning.argmax(0)[:5])\n");
    let output = Command::new(&python).args(["-c", &lines]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("excited units, preferring ["), "{said}");
    let run = Run::open(here("data/6tasks")).unwrap();
    let performance = run.performance_at(Rule::GAP, 572_160).unwrap();
    assert!(said.starts_with(&performance.to_string()) || said.contains(&format!("({performance})")), "{said}");
    let silent = ReadoutOptions { recurrent_noise: false, ..ReadoutOptions::default() };
    let activity = Readout::new(silent).unwrap().activity(&run.last().unwrap(), Rule::GAP).unwrap();
    let found = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
    let preferred: Vec<String> =
        found.units[..5].iter().map(|unit| unit.preferred(SelectivityTest::Unbiased).to_string()).collect();
    assert_eq!(said.lines().last(), Some(preferred.join(" ").as_str()), "{said}");
    assert!(skipped > 0 || folder.join("gap.mat").exists());

    shell(&commands[1]);
    let bias = |run: &Path| Run::open(run).unwrap().last().unwrap().network().unwrap().array("b_out").unwrap();
    assert_eq!(bias(&folder.join("runs/changed")), bias(&here("data/6tasks")) + 1.0);
}

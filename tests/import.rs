//! Networks and runs of other programs: imported by the command, read out, analysed, trained on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use maturation::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;

fn fixtures(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn maturation(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Imports weights with the command, which must succeed.
fn import(weights: &Path, hp: &Path, run: &Path) {
    let (code, out, message) = maturation(&["import", text(weights), text(run), "--hp", text(hp)]);
    assert_eq!(code, 0, "{}: {message}", weights.display());
    assert!(out.contains("performance: "), "{out}");
}

/// Writes arrays under new names.
fn write(path: &Path, arrays: &[(String, Vec<usize>, Vec<u8>)]) {
    let view = |(name, shape, bytes): &(String, Vec<usize>, Vec<u8>)| {
        // The views live as long as the test.
        let bytes: &'static [u8] = Box::leak(bytes.clone().into_boxed_slice());
        (name.clone(), TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap())
    };
    let content = safetensors::serialize(arrays.iter().map(view), None::<HashMap<String, String>>).unwrap();
    std::fs::write(path, content).unwrap();
}

/// The arrays of a fixture whose names begin with `prefix`, without it.
fn arrays(path: &Path, prefix: &str) -> Vec<(String, Vec<usize>, Vec<u8>)> {
    let content = std::fs::read(path).unwrap();
    let tensors = SafeTensors::deserialize(&content).unwrap();
    let named = tensors.tensors().into_iter().filter_map(|(name, view)| {
        Some((name.strip_prefix(prefix)?.to_owned(), view.shape().to_vec(), view.data().to_vec()))
    });
    named.collect()
}

#[test]
fn a_checkpoint_of_the_published_program_does_here_what_it_did_there() {
    let folder = tempfile::tempdir().unwrap();
    let (hp, expected) = (fixtures("weights/published_hp.json"), json(&fixtures("weights/published.json")));
    for kind in ["npz", "safetensors"] {
        let run = folder.path().join(kind);
        import(&fixtures(&format!("weights/published.{kind}")), &hp, &run);
        for rule in ["odr", "odrd", "gap"] {
            let gradients = folder.path().join(format!("{kind}-{rule}.safetensors"));
            let (code, out, message) =
                maturation(&["gradients", text(&run), "--rule", rule, "--out", text(&gradients)]);
            assert_eq!(code, 0, "{message}");
            let cost: f64 = out.trim().strip_prefix("cost ").unwrap().parse().unwrap();
            assert!((cost - expected[rule]["cost"].as_f64().unwrap()).abs() < 1e-5, "{rule}: {cost}");
            assert!(arrays(&gradients, "").iter().any(|(name, ..)| name == "w_rec"));

            let outputs = folder.path().join("outputs.csv");
            let (code, _, message) =
                maturation(&["outputs", text(&run), "--rule", rule, "--no-noise", "--out", text(&outputs)]);
            assert_eq!(code, 0, "{message}");
            let table = read_table(&outputs).unwrap();
            let right = table.column("performance").unwrap().cast(&polars::prelude::DataType::Int64).unwrap();
            let by_location: Vec<Value> =
                right.i64().unwrap().iter().step_by(16).map(|right| right.unwrap().into()).collect();
            assert_eq!(&by_location, expected[rule]["performance"].as_array().unwrap(), "{rule}");
        }
    }
}

#[test]
fn training_starts_from_an_imported_network() {
    let folder = tempfile::tempdir().unwrap();
    let (imported, trained) = (folder.path().join("imported"), folder.path().join("trained"));
    let hp = fixtures("weights/published_hp.json");
    import(&fixtures("weights/published.npz"), &hp, &imported);
    let arguments = ["--hp", text(&hp), "--from", text(&imported), "--rules", "gap", "--max-trials", "1280"];
    let (code, _, message) = maturation(&[&["train", text(&trained)], &arguments[..]].concat());
    assert_eq!(code, 0, "{message}");
    let values = |run: &Path, trials: u64| {
        Run::open(run).unwrap().checkpoint(trials).unwrap().network().unwrap().parameters().values()
    };
    assert_eq!(values(&trained, 0), values(&imported, 0));
    assert_ne!(values(&trained, 1280), values(&imported, 0));
}

#[test]
fn every_published_network_is_imported_under_either_spelling_of_its_variables() {
    let folder = tempfile::tempdir().unwrap();
    let mut cells = Vec::new();
    for entry in std::fs::read_dir(fixtures("networks")).unwrap() {
        let about = entry.unwrap().path();
        if about.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let name = about.file_stem().unwrap().to_str().unwrap();
        let (about, mut weights) = (json(&about), arrays(&about.with_extension("safetensors"), "w0__"));
        let hp = folder.path().join(format!("{name}.json"));
        std::fs::write(&hp, about["hp"].to_string()).unwrap();
        for respell in [|name: &str| name.to_owned(), |name: &str| format!("{}:0", name.replace('.', "/"))] {
            let file = folder.path().join("weights.safetensors");
            let spelled: Vec<_> = weights.iter().map(|(name, a, b)| (respell(name), a.clone(), b.clone())).collect();
            write(&file, &spelled);
            let run = folder.path().join(format!("{name}-{}", spelled[0].0.len()));
            import(&file, &hp, &run);
            let network = Run::open(&run).unwrap().last().unwrap().network().unwrap();
            // Every number of the file is in the network, and no other, in whatever arrangement.
            let bits = |bytes: &[u8]| {
                let numbers = bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap()));
                numbers.collect::<Vec<_>>()
            };
            let mut there: Vec<u32> = weights.iter().flat_map(|(_, _, bytes)| bits(bytes)).collect();
            let mut here: Vec<u32> = network.parameters().values().into_iter().flatten().map(f32::to_bits).collect();
            there.sort_unstable();
            here.sort_unstable();
            assert_eq!(there, here, "{name}");
        }
        // An array too many and one too few are named.
        let file = folder.path().join("wrong.safetensors");
        let (missing, ..) = weights.remove(0);
        write(&file, &weights);
        let run = folder.path().join("wrong");
        let (code, _, message) = maturation(&["import", text(&file), text(&run), "--hp", text(&hp)]);
        assert_eq!(code, 2, "{message}");
        assert!(message.contains(&missing.replace('.', "/")) && message.contains("wrong.safetensors"), "{message}");
        assert!(!run.exists());
        let cell = (about["hp"]["rnn_type"].to_string(), about["hp"]["use_separate_input"].to_string());
        if !cells.contains(&cell) {
            cells.push(cell);
        }
    }
    assert!(cells.len() >= 5, "only {cells:?} were imported");
}

/// A run of the published program, imported whole by the command.
fn published_run(folder: &Path) -> Run {
    let path = folder.join("ours");
    let (code, out, message) = maturation(&["import", text(&fixtures("published_run")), text(&path)]);
    assert_eq!(code, 0, "{message}");
    assert!(out.contains("16 units, 3 checkpoints") && out.contains("performance: overlap 0.18"), "{out}");
    Run::open(path).unwrap()
}

#[test]
fn a_run_of_the_published_program_is_here_what_it_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let run = published_run(folder.path());
    let log = json(&fixtures("published_run/log.json"));
    let rules = run.hyperparameters().rule_trains.clone();
    assert_eq!((run.evaluations().entries.len(), rules.len()), (3, 6));
    for (place, entry) in run.evaluations().entries.iter().enumerate() {
        assert_eq!(log["times"][place].as_f64(), Some(entry.seconds));
        for rule in &entry.rules {
            for (key, value) in [("cost", rule.cost), ("creg", rule.regularisation_cost), ("perf", rule.performance)] {
                assert_eq!(log[format!("{key}_{}", rule.rule)][place].as_f64(), Some(value), "{key} {}", rule.rule);
            }
        }
    }

    let expected = fixtures("published_run/expected.safetensors");
    let numbers = |prefix: &str| -> Vec<f32> {
        let found = arrays(&expected, prefix);
        assert_eq!(found.len(), 1, "{prefix}");
        found[0].2.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    };
    let close = |what: &str, found: Vec<f32>, expected: &[f32]| {
        assert_eq!(found.len(), expected.len(), "{what}");
        let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let worst = found.iter().zip(expected).fold(0.0_f32, |worst, (a, b)| worst.max((a - b).abs())) / largest;
        assert!(worst < 1e-5, "{what}: off by {worst}");
    };
    for checkpoint in run.checkpoints().unwrap() {
        let (trials_trained, network) = (checkpoint.trials_trained(), checkpoint.network().unwrap());
        let values = network.parameters().values();
        let kernel = [&values[0][..], &values[1]].concat();
        for (found, variable) in [
            (&kernel, "rnn.leaky_rnn_cell.kernel"),
            (&values[2], "rnn.leaky_rnn_cell.bias"),
            (&values[3], "output.weights"),
        ] {
            let there = arrays(&expected, &format!("{trials_trained}__weights__{variable}"));
            let there = &there.iter().find(|(suffix, ..)| suffix.is_empty()).unwrap().2;
            let found: Vec<u8> = found.iter().flat_map(|value| value.to_le_bytes()).collect();
            assert_eq!(&found, there, "{variable} after {trials_trained} trials");
        }
        for rule in [Rule::ODR, Rule::ODRD, Rule::GAP] {
            let trials = Trials::test(run.hyperparameters(), rule, Mode::Test).unwrap();
            let rollout = CpuEngine::new(0).unwrap().run(&network, &trials.inputs, SweepNoise::None).unwrap();
            let thinned = |array: &Array3<f32>| -> Vec<f32> {
                let steps = (0..trials.steps()).step_by(14);
                let rows = steps.flat_map(|step| [0, 2, 5].map(|location| array.slice(s![step, 16 * location, ..])));
                rows.flat_map(|row| row.to_vec()).collect()
            };
            let what = format!("{rule} after {trials_trained} trials");
            close(&what, thinned(&rollout.hidden), &numbers(&format!("{trials_trained}__{rule}__h")));
            close(&what, thinned(&rollout.outputs), &numbers(&format!("{trials_trained}__{rule}__y_hat")));
        }
    }
}

#[test]
fn an_imported_run_goes_through_every_analysis() {
    let folder = tempfile::tempdir().unwrap();
    let run = published_run(folder.path());
    let run = text(run.path());
    let out = folder.path().join("page");
    let odrd = ["--rule", "odrd"];
    let of_epoch = ["--rule", "odrd", "--epoch", "stim1"];
    for arguments in [
        &["reproduce", run, "--out", text(&out)][..],
        &["claims", run],
        &["log", run],
        &["performance-growth", run],
        &[&["activity", run][..], &odrd].concat(),
        &[&["outputs", run][..], &odrd].concat(),
        &[&["selectivity", run, "--all"][..], &of_epoch].concat(),
        &[&["unit-counts", run][..], &of_epoch].concat(),
        &[&["psth", run, "--all"][..], &of_epoch].concat(),
        &[&["tuning", run, "--all"][..], &of_epoch].concat(),
        &[&["epoch-growth", run][..], &of_epoch].concat(),
        &[&["sample-unit", run, "--unit", "3"][..], &of_epoch].concat(),
        &["agreement", run, "--first", "odr:stim1", "--second", "odrd:stim1"],
        &["distractor", run],
        &["saccade", run, "--rule", "gap"],
        &[&["period-activity", run][..], &of_epoch].concat(),
        &[&["pca", run][..], &odrd].concat(),
        &[&["dpca", run][..], &odrd].concat(),
        &[&["decoder", run][..], &odrd].concat(),
        &["lesion", run, "--silence", "1,2"],
    ] {
        let (code, printed, message) = maturation(arguments);
        assert_eq!(code, 0, "{arguments:?}: {message}");
        assert!(!printed.is_empty(), "{arguments:?}");
    }
    assert!(std::fs::read_to_string(out.join("index.html")).unwrap().contains("id=\"claims\""));
}

#[test]
fn an_imported_run_trains_on_and_is_the_start_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let run = published_run(folder.path());
    let values = |run: &Run, trials| run.checkpoint(trials).unwrap().network().unwrap().parameters().values();
    let before: Vec<_> = [0, 1280, 2560].map(|trials| values(&run, trials)).into();
    let (code, out, message) = maturation(&["train", text(run.path()), "--max-trials", "3840"]);
    assert_eq!(code, 0, "{message}");
    assert!(out.contains("3840 trials trained"), "{out}");
    let trained = Run::open(run.path()).unwrap();
    assert_eq!(trained.evaluations().entries[..3], run.evaluations().entries[..]);
    assert_eq!(trained.evaluations().entries.len(), 4);
    assert_eq!([0, 1280, 2560].map(|trials| values(&trained, trials)).to_vec(), before);
    // With what Adam remembers it goes on where it was going: its first steps are no leap.
    let cost = |place: usize| trained.evaluations().entries[place].rules.iter().map(|rule| rule.cost).sum::<f64>();
    assert!(cost(3) < cost(2), "{} {}", cost(3), cost(2));

    let other = folder.path().join("other");
    let from = format!("{}:1280", text(run.path()));
    let (code, _, message) = maturation(&["train", text(&other), "--from", &from, "--max-trials", "640"]);
    assert_eq!(code, 0, "{message}");
    assert_eq!(values(&Run::open(&other).unwrap(), 0), before[1]);
}

#[test]
fn some_checkpoints_are_imported_and_what_is_no_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let theirs = fixtures("published_run");
    for (choice, expected) in [("last", &[2560][..]), ("0..1280", &[0, 1280]), ("0,2560", &[0, 2560])] {
        let path = folder.path().join(choice);
        let (code, _, message) = maturation(&["import", text(&theirs), text(&path), "--checkpoints", choice]);
        assert_eq!(code, 0, "{message}");
        let run = Run::open(&path).unwrap();
        let trials: Vec<u64> = run.checkpoints().unwrap().iter().map(Checkpoint::trials_trained).collect();
        assert_eq!((trials.as_slice(), run.evaluations().entries.len()), (expected, 3));
    }
    let new = folder.path().join("new");
    let single = fixtures("tensor_bundles/compressed/model.ckpt.index");
    for (arguments, words) in [
        (vec![text(&theirs), text(folder.path())], vec!["not empty", "new folder"]),
        (vec![text(&theirs), text(&new), "--checkpoints", "640"], vec!["after 640 trials"]),
        (vec![text(&theirs), text(&new), "--trials", "640"], vec!["--trials", "--checkpoints"]),
        (vec![text(&single), text(&new)], vec!["weights alone", "--hp"]),
        (vec![text(&single), text(&new), "--hp", "hp.json", "--checkpoints", "0"], vec!["hp.json"]),
        (vec!["no/such", text(&new)], vec!["no/such"]),
        (vec![text(&fixtures("networks")), text(&new)], vec!["networks/hp.json", "cannot read"]),
    ] {
        let (code, _, message) = maturation(&[&["import"], &arguments[..]].concat());
        assert_eq!(code, 2, "{arguments:?}: {message}");
        words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
        assert!(!new.exists());
    }
}

#[test]
fn checkpoints_of_tensorflow_are_imported_in_every_shape_and_of_every_cell() {
    let folder = tempfile::tempdir().unwrap();
    for (bundle, network, prefix) in [
        ("sharded", "n16_leakyrnn_softplus", "w0__"),
        ("double", "n16_leakyrnn_softplus", "w0__"),
        ("old_names", "n16_leakyrnn_softplus", "w0__"),
        ("compressed", "n16_leakyrnn_softplus", "adam5__"),
        ("gru_softplus", "n16_gru_softplus", "w0__"),
        ("leakygru_tanh", "n16_leakygru_tanh", "w0__"),
        ("separate_softplus", "n16_separate_softplus", "w0__"),
        ("lstm_tanh", "n16_lstm_tanh", "w0__"),
    ] {
        let about = json(&fixtures(&format!("networks/{network}.json")));
        let hp = folder.path().join("hp.json");
        std::fs::write(&hp, about["hp"].to_string()).unwrap();
        // The same weights as a file whose import other tests hold against what the published program computed.
        let plain = folder.path().join("plain.safetensors");
        write(&plain, &arrays(&fixtures(&format!("networks/{network}.safetensors")), prefix));
        let values = |weights: &Path| {
            let hyperparameters = Hyperparameters::read(&hp).unwrap();
            Network::import(&hyperparameters, weights).unwrap().parameters().values()
        };
        let index = fixtures(&format!("tensor_bundles/{bundle}/model.ckpt.index"));
        assert_eq!(values(&index), values(&plain), "{bundle}");
        let run = folder.path().join(bundle);
        import(&index, &hp, &run);
        assert_eq!(Run::open(&run).unwrap().last().unwrap().network().unwrap().parameters().values(), values(&plain));
    }
}

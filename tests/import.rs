//! Networks of other programs: imported by the command, read out, trained on.

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

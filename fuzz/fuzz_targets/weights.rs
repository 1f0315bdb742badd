//! Weights: safetensors, NumPy's archives and TensorFlow's checkpoints, by the first byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maturation::network::Network;
use maturation::prelude::*;

fuzz_target!(|data: &[u8]| {
    let Some((kind, content)) = data.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let names = ["file.safetensors", "file.npz", "file.ckpt.index"];
    let path = folder.path().join(names[usize::from(*kind) % 3]);
    std::fs::write(&path, content).unwrap();
    std::fs::write(folder.path().join("file.ckpt.data-00000-of-00001"), content).unwrap();
    let small = Hyperparameters { n_rnn: 4, ..Hyperparameters::paper() };
    let error = Network::import(&small, &path).err();
    assert!(error.is_none_or(|error| error.to_string().contains("file.")));
});

//! hp.json, log.json and a task of one's own, by the first byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maturation::prelude::*;
use maturation::tasks::TaskDefinition;
use maturation::training::Log;

fuzz_target!(|data: &[u8]| {
    let Some((kind, content)) = data.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.json");
    std::fs::write(&path, content).unwrap();
    let error = match kind % 3 {
        0 => Hyperparameters::read(&path).err(),
        1 => Log::read(&path, &Hyperparameters::paper()).err(),
        _ => TaskDefinition::read(&path).err(),
    };
    assert!(error.is_none_or(|error| error.to_string().contains("file.json")));
});

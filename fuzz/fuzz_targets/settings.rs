//! hp.json, log.json, a task of one's own and a plan of many networks, by the first byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maturation::prelude::*;
use maturation::tasks::TaskDefinition;
use maturation::training::Log;

fuzz_target!(|data: &[u8]| {
    let Some((kind, content)) = data.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, content).unwrap();
    let error = match kind % 4 {
        0 => Hyperparameters::read(&path).err(),
        1 => Log::read(&path, &Hyperparameters::paper()).err(),
        2 => TaskDefinition::read(&path).err(),
        _ => Plan::read(&path).err(),
    };
    assert!(error.is_none_or(|error| error.to_string().contains("file")));
});

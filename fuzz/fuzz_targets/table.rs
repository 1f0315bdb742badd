//! Parquet and text tables, as they are and as recordings, by the first byte.

#![no_main]

use libfuzzer_sys::fuzz_target;
use maturation::activity::RecordingOptions;
use maturation::prelude::*;
use maturation::tables::read_table;

fuzz_target!(|data: &[u8]| {
    let Some((kind, content)) = data.split_first() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(if kind % 2 == 0 { "file.parquet" } else { "file.csv" });
    std::fs::write(&path, content).unwrap();
    let error = match kind % 4 < 2 {
        true => read_table(&path).err(),
        false => Activity::read(&path, &RecordingOptions::default()).err(),
    };
    assert!(error.is_none_or(|error| error.to_string().contains("file.")));
});

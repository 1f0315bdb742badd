//! Recorded neurons, or another program's network: a table of rates in, selectivity and PSTH out.

use std::path::PathBuf;

use maturation::activity::Activity;
use maturation::analysis::{Grouping, Psth, PsthOptions, Selectivity, SelectivityOptions, selectivity};
use maturation::tables::{read_table, write_table};
use maturation::tasks::Epoch;
use maturation::training::Stage;
use polars::prelude::*;

/// 24 trials at four locations with 10 ms bins: unit_0 prefers location 2, unit_1 responds to all alike.
fn recording() -> DataFrame {
    let (mut trials, mut locations, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let mut units = [Vec::new(), Vec::new()];
    for trial in 0..24_i64 {
        for bin in 0..60_i64 {
            let location = trial % 4;
            trials.push(1000 + trial);
            locations.push(location);
            times.push(bin as f64 * 10.0);
            let jitter = ((trial * 31 + bin * 17) % 13) as f64 * 0.1;
            let on = if bin >= 30 { 1.0 } else { 0.0 };
            units[0].push(5.0 + jitter + on * if location == 2 { 20.0 } else { 1.0 });
            units[1].push(8.0 + jitter + on * 3.0);
        }
    }
    let [first, second] = units;
    df!["trial" => trials, "location" => locations, "time_ms" => times, "unit_0" => first, "unit_1" => second].unwrap()
}

struct Removed(PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_recording_in_a_file_gives_selectivity_and_a_psth() {
    for extension in ["csv", "parquet"] {
        let path = std::env::temp_dir().join(format!("maturation-recording-{}.{extension}", std::process::id()));
        let _removed = Removed(path.clone());
        write_table(&path, &mut recording()).unwrap();

        let activity = Activity::from_table(&read_table(&path).unwrap(), None).unwrap();
        assert_eq!((activity.dt, activity.steps(), activity.trials(), activity.units()), (10.0, 60, 24, 2));
        let message = selectivity(&activity, Epoch::Stim1).unwrap_err().to_string();
        assert!(message.contains("no epochs"), "{message}");
        let activity = activity.with_epochs_in_ms(&[(Epoch::Fix1, 0.0..300.0), (Epoch::Stim1, 300.0..600.0)]).unwrap();

        let found = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
        assert!(found.units[0].unbiased_selective && found.units[0].preferred_location == 2);
        assert!(!found.units[1].unbiased_selective);
        assert_eq!(found.units[0].absolute[5], None, "there is no trial at location 5");

        write_table(&path, &mut found.table().unwrap()).unwrap();
        let read = Selectivity::from_table(&read_table(&path).unwrap()).unwrap();
        assert_eq!(read[0].units[0].rates, found.units[0].rates);

        let mut psth = Psth::new(PsthOptions { grouping: Grouping::Checkpoint, ..PsthOptions::default() });
        psth.add(Stage::Mature, &activity, &read[0]).unwrap();
        let table = psth.table().unwrap();
        assert_eq!(table.height(), 60);
        assert_eq!(table.column("trials_trained").unwrap().null_count(), 60);
    }
}

//! Activity and results of the published system, for tests (see tests/fixtures/README.md).

use ndarray::Array3;
use serde_json::Value;

use crate::activity::Activity;
use crate::tables::read_table;
use crate::tasks::Epoch;

/// The file of a fixture. `MATURATION_GOLDEN` can name a folder with the complete set that make.py writes.
fn path(name: &str) -> String {
    let folder = std::env::var("MATURATION_GOLDEN")
        .unwrap_or_else(|_| format!("{}/tests/fixtures/analysis", env!("CARGO_MANIFEST_DIR")));
    format!("{folder}/{name}")
}

pub(super) fn json(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(&format!("{name}.json"))).unwrap()).unwrap()
}

/// Asserts that a deviation from an oracle is within its tolerance. `MATURATION_DEVIATIONS` has each told, with the
/// line that asked, for the table in tests/README.md.
#[track_caller]
pub(crate) fn within(deviation: f64, tolerance: f64, what: impl std::fmt::Display) {
    if std::env::var_os("MATURATION_DEVIATIONS").is_some() {
        let place = std::panic::Location::caller();
        println!("deviation {}:{} {deviation:.1e} {tolerance:.0e}", place.file(), place.line());
    }
    assert!(deviation <= tolerance, "{what}: off by {deviation:e}, allowed are {tolerance:e}");
}

/// How far a number is from another, as a share of it.
pub(crate) fn relative(found: f64, expected: f64) -> f64 {
    if found == expected { 0.0 } else { (found - expected).abs() / expected.abs() }
}

/// How far a number is from another, as a share of it where it is above 1.
pub(crate) fn mixed(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs().max(1.0)
}

/// Numbers, null where there is none.
pub(super) fn floats(value: &Value) -> Vec<Option<f64>> {
    value.as_array().unwrap().iter().map(Value::as_f64).collect()
}

/// Undoes the packing of make.py, (time, trial, unit).
pub(super) fn unpack(name: &str, units: usize, trials: usize) -> Array3<f32> {
    let table = read_table(path(&format!("rates_{name}.parquet"))).unwrap();
    let packed = table.column("difference").unwrap().i32().unwrap();
    let steps = packed.len() / units / trials;
    let mut codes = Array3::<i32>::zeros((units, steps, trials));
    for (code, packed) in codes.iter_mut().zip(packed.iter()) {
        let packed = packed.unwrap();
        *code = (packed >> 1) ^ -(packed & 1);
    }
    for step in 1..steps {
        let before = codes.slice(ndarray::s![.., step - 1, ..]).to_owned();
        let mut now = codes.slice_mut(ndarray::s![.., step, ..]);
        now += &before;
    }
    codes.permuted_axes([1, 2, 0]).mapv(|code| f32::from_bits((code as u32) << 13))
}

/// The recorded activity of a rule at a checkpoint.
pub(super) fn activity(rule: &str, trials_trained: u64) -> Activity {
    let info = json("neuron_info");
    let units = info["units"][rule].as_array().unwrap().len();
    let rates = unpack(&format!("{rule}_{trials_trained}"), units, 128);
    let steps = rates.dim().0;
    let bound = |value: &Value, open: usize| value.as_u64().map_or(open, |step| step as usize);
    let epochs = info["epochs"][rule].as_object().unwrap();
    let epochs =
        epochs.iter().map(|(epoch, range)| (epoch.parse().unwrap(), bound(&range[0], 0)..bound(&range[1], steps)));
    Activity::new(rates, ring(), 8, 20.0)
        .unwrap()
        .with_epochs(epochs.collect())
        .unwrap()
        .with_rule(rule.parse().unwrap())
        .with_trials_trained(trials_trained)
}

/// The designed units.
pub(super) fn synthetic() -> Activity {
    let epochs = vec![(Epoch::Fix1, 0..50), (Epoch::Stim1, 50..75), (Epoch::Delay1, 75..150)];
    Activity::new(unpack("synthetic", 12, 128), ring(), 8, 20.0).unwrap().with_epochs(epochs).unwrap()
}

/// The location of each test trial.
fn ring() -> Vec<usize> {
    (0..128).map(|trial| trial / 16).collect()
}

/// Outputs at the last time step, batch by batch, each (1, 128 trials, 9 outputs).
pub(super) fn outputs(name: &str) -> Vec<Array3<f32>> {
    let table = read_table(path(&format!("outputs_{name}.parquet"))).unwrap();
    let codes: Vec<i32> = table.column("output").unwrap().i32().unwrap().iter().flatten().collect();
    let all = codes.len() / 9;
    let output = |trial: usize, channel: usize| codes[channel * all + trial] as f64 / f64::from((1 << 17) - 1);
    let batch =
        |first: usize| Array3::from_shape_fn((1, 128, 9), |(_, trial, channel)| output(first + trial, channel) as f32);
    (0..all).step_by(128).map(batch).collect()
}

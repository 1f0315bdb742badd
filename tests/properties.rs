//! What must hold for any input: symmetries of tasks and analyses, and tables that read back as they were written.

use std::f64::consts::TAU;
use std::path::PathBuf;

use maturation::activity::RecordingOptions;
use maturation::analysis::{self, Decoder, DecoderOptions, PsthOptions, Selectivity, SelectivityOptions};
use maturation::ndarray::{Array3, Axis};
use maturation::numerics::random::RandomStream;
use maturation::prelude::*;
use maturation::tables::{read_table, write_table};
use maturation::tasks::{Condition, Epoch, Ruleset, Shown};
use polars::prelude::{Column, DataFrame};
use proptest::prelude::*;

const LOCATIONS: usize = 8;
const REPEATS: usize = 5;
const UNITS: usize = 6;
const STEPS: usize = 30;

/// A generator for rates: some units tuned, some not.
fn noise(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 40) as f64 / f64::from(1 << 24)
}

/// Activity of a cue after ten steps: every second unit is tuned, more or less.
fn activity(seed: u64) -> Activity {
    let mut state = seed;
    let locations: Vec<usize> = (0..LOCATIONS * REPEATS).map(|trial| trial % LOCATIONS).collect();
    let strengths: Vec<f64> =
        (0..UNITS).map(|unit| if unit % 2 == 0 { 2.0 * noise(&mut state) } else { 0.0 }).collect();
    let preferred: Vec<f64> = (0..UNITS).map(|_| noise(&mut state) * TAU).collect();
    let rates = Array3::from_shape_fn((STEPS, locations.len(), UNITS), |(step, trial, unit)| {
        let direction = locations[trial] as f64 / LOCATIONS as f64 * TAU;
        let cue = if step >= 10 { strengths[unit] * (direction - preferred[unit]).cos().max(-0.5) } else { 0.0 };
        (1.5 + cue + noise(&mut state)) as f32
    });
    let epochs = [(Epoch::Fix1, 0.0..200.0), (Epoch::Stim1, 200.0..600.0)];
    Activity::new(rates, locations, LOCATIONS, 20.0).unwrap().with_epochs_in_ms(&epochs).unwrap()
}

/// The same with its trials and its units in another order.
fn reordered(of: &Activity, trials: &[usize], units: &[usize]) -> Activity {
    let rates = of.rates.select(Axis(1), trials).select(Axis(2), units);
    Activity { rates, locations: trials.iter().map(|trial| of.locations[*trial]).collect(), ..of.clone() }
}

fn order(length: usize) -> impl Strategy<Value = Vec<usize>> {
    Just((0..length).collect::<Vec<usize>>()).prop_shuffle()
}

/// Turns all that a trial shows and asks for.
fn turned(condition: &Condition, by: f64) -> Condition {
    let turn = |direction: f64| (direction + by).rem_euclid(TAU);
    let shown = condition.shown.iter().map(|shown| match shown {
        Shown::Direction { at, strength } => Shown::Direction { at: turn(*at), strength: *strength },
        other => *other,
    });
    Condition {
        stimulus: turn(condition.stimulus),
        shown: shown.collect(),
        response: condition.response.map(turn),
        lengths: condition.lengths.clone(),
    }
}

/// The same but for rounding: means of rates are float32, as the published ones, and tests make more of it.
fn close(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() <= 1e-9 + 2e-4 * one.abs(),
        (one, other) => one == other,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turning_the_ring_turns_inputs_and_targets_of_every_rule(seed in any::<u64>(), places in 0..LOCATIONS) {
        let by = places as f64 / LOCATIONS as f64 * TAU;
        for ruleset in Ruleset::ALL {
            for rule in ruleset.rules() {
                let (ruleset, rule_trains) = (*ruleset, vec![*rule]);
                let settings = Hyperparameters { ruleset, rule_trains, ..Hyperparameters::paper() };
                let mut stream = RandomStream::new(seed, 1);
                let trials = Trials::random(&settings, *rule, 3, &mut stream).unwrap();
                let conditions = trials.conditions.iter().map(|condition| turned(condition, by)).collect();
                let other = Trials::from_conditions(&settings, *rule, conditions).unwrap();
                prop_assert_eq!(&trials.mask, &other.mask);
                // Fixation is the first channel; the ring's follow.
                let ring = |channel: usize| 1 + (channel - 1 + places) % LOCATIONS;
                for (before, after) in [(&trials.inputs, &other.inputs), (&trials.targets, &other.targets)] {
                    for ((step, trial, channel), value) in before.indexed_iter() {
                        let to = if (1..=LOCATIONS).contains(&channel) { ring(channel) } else { channel };
                        let found = after[[step, trial, to]];
                        let at = (step, trial, channel);
                        prop_assert!((value - found).abs() < 1e-5, "{rule}: {value} {found} at {at:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn selectivity_does_not_depend_on_the_order_of_units_or_trials(
        seed in any::<u64>(), trials in order(LOCATIONS * REPEATS), units in order(UNITS)
    ) {
        let activity = activity(seed);
        let options = SelectivityOptions::default();
        let before = Selectivity::of(&activity, Epoch::Stim1, &options).unwrap();
        let after = Selectivity::of(&reordered(&activity, &trials, &units), Epoch::Stim1, &options).unwrap();
        for (place, unit) in units.iter().enumerate() {
            let (before, after) = (&before.units[*unit], &after.units[place]);
            prop_assert_eq!(after.unit, place);
            prop_assert_eq!((before.active, before.selective), (after.active, after.selective));
            prop_assert_eq!(before.kind, after.kind);
            prop_assert_eq!(before.preferred_location, after.preferred_location);
            prop_assert_eq!(before.unbiased_selective, after.unbiased_selective);
            prop_assert!(close(before.p_value, after.p_value), "{:?} {:?}", before.p_value, after.p_value);
            prop_assert!(close(before.unbiased_p_value, after.unbiased_p_value));
            prop_assert!(close(before.unbiased_q_value, after.unbiased_q_value));
            for (before, after) in before.rates.iter().zip(&after.rates) {
                // About 0 only what is left of rounded rates differs.
                let same = before.zip(*after).map_or(before == after, |(before, after)| (before - after).abs() < 1e-5);
                prop_assert!(same, "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_psth_of_shuffled_trials_is_the_same(seed in any::<u64>(), trials in order(LOCATIONS * REPEATS)) {
        let activity = activity(seed);
        let curves = |of: &Activity| analysis::psth_of(of, Epoch::Stim1, "all", &PsthOptions::default());
        let units: Vec<usize> = (0..UNITS).collect();
        match (curves(&activity), curves(&reordered(&activity, &trials, &units))) {
            (Ok(before), Ok(after)) => prop_assert!(same(&before, &after, 1e-5), "{before} {after}"),
            (before, after) => prop_assert_eq!(before.is_err(), after.is_err()),
        }
    }

    #[test]
    fn a_table_that_is_written_reads_back_as_it_was(
        numbers in prop::collection::vec(any::<f64>(), 1..40),
        whole in any::<i64>(),
        text in prop::collection::vec("x[a-zA-Zµ ,;|\"'#\n-]{0,8}y", 1..4),
    ) {
        let rows = numbers.len();
        let cyclic: Vec<&str> = (0..rows).map(|row| text[row % text.len()].as_str()).collect();
        let wholes: Vec<i64> = (0..rows as i64).map(|row| whole.wrapping_add(row)).collect();
        let columns = vec![
            Column::new("rate".into(), &numbers),
            Column::new("count".into(), &wholes),
            Column::new("name of it".into(), &cyclic),
        ];
        let mut table = DataFrame::new(rows, columns).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["table.parquet", "table.csv"] {
            let path = folder.path().join(name);
            write_table(&path, &mut table).unwrap();
            let read = read_table(&path).unwrap();
            let found = read.column("rate").unwrap().cast(&polars::prelude::DataType::Float64).unwrap();
            for (before, after) in numbers.iter().zip(found.f64().unwrap().iter()) {
                let after = after.unwrap_or(f64::NAN);
                prop_assert!(before.to_bits() == after.to_bits() || (before.is_nan() && after.is_nan())
                    || (*before == 0.0 && after == 0.0), "{name}: {before} {after}");
            }
            let found: Vec<Option<i64>> = read.column("count").unwrap().i64().unwrap().iter().collect();
            prop_assert_eq!(found, wholes.iter().copied().map(Some).collect::<Vec<_>>(), "{}", name);
            let found: Vec<Option<&str>> = read.column("name of it").unwrap().str().unwrap().iter().collect();
            prop_assert_eq!(found, cyclic.iter().copied().map(Some).collect::<Vec<_>>(), "{}", name);
        }
    }
}

/// Whether two tables have the same text and, within a tolerance, numbers.
fn same(one: &DataFrame, other: &DataFrame, tolerance: f64) -> bool {
    let value = |column: &Column| column.cast(&polars::prelude::DataType::Float64).ok();
    one.shape() == other.shape()
        && one.columns().iter().zip(other.columns()).all(|(one, other)| {
            if one.str().is_ok() {
                return one == other;
            }
            match (value(one), value(other)) {
                (Some(one), Some(other)) => {
                    one.f64().unwrap().iter().zip(other.f64().unwrap().iter()).all(|(one, other)| match (one, other) {
                        (Some(one), Some(other)) => {
                            (one - other).abs() <= tolerance * (1.0 + one.abs()) || (one.is_nan() && other.is_nan())
                        }
                        (one, other) => one == other,
                    })
                }
                _ => one == other,
            }
        })
}

#[test]
fn shuffled_locations_are_decoded_at_chance() {
    let options = DecoderOptions { stride_ms: 200.0, held_out: 1, ..DecoderOptions::default() };
    let mut state = 20_211;
    let (mut told, mut shuffles) = (Vec::new(), 0);
    while shuffles < 120 {
        let mut activity = activity(shuffles);
        for place in (1..activity.locations.len()).rev() {
            activity.locations.swap(place, (noise(&mut state) * (place + 1) as f64) as usize);
        }
        told.extend(Decoder::of(&activity, &options).unwrap().accuracy.mean());
        shuffles += 1;
    }
    let mean = told.iter().sum::<f64>() / told.len() as f64;
    let spread = told.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (told.len() - 1) as f64;
    let error = (spread / told.len() as f64).sqrt();
    assert!((mean - 0.125).abs() < 3.0 * error, "{mean} ± {error} of 120 shuffles, where chance is 0.125");
}

#[test]
fn analyses_of_exported_activity_are_those_of_the_run() {
    let run = Run::open(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/6tasks")).unwrap();
    let activity = run.last().unwrap().activity(Rule::ODR).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("activity.parquet");
    write_table(&path, &mut activity.table().unwrap()).unwrap();
    let epochs = activity.epochs_in_ms();
    let read = Activity::read(&path, &RecordingOptions::default()).unwrap().with_epochs_in_ms(&epochs).unwrap();
    assert_eq!(read.rates, activity.rates);
    let options = SelectivityOptions::default();
    for epoch in [Epoch::Stim1, Epoch::Delay1] {
        let of_run = Selectivity::of(&activity, epoch, &options).unwrap();
        let of_file = Selectivity::of(&read, epoch, &options).unwrap();
        assert_eq!(of_run.units, of_file.units);
        assert!(of_run.units.iter().any(|unit| unit.selective), "no unit is selective");
    }
    let decoder = DecoderOptions { stride_ms: 200.0, ..DecoderOptions::default() };
    assert_eq!(Decoder::of(&activity, &decoder).unwrap().accuracy, Decoder::of(&read, &decoder).unwrap().accuracy);
}

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ndarray::Array3;
use polars::frame::DataFrame;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::*;
use crate::analysis::{Agreement, AverageOptions, EpochGrowth, Population, Psth, PsthOptions, Tuning, golden};
use crate::training::Stage;

/// A list of the published system: unit → (p, preferred location).
fn listed(list: &Value) -> BTreeMap<usize, (Option<f64>, usize)> {
    let rows = list.as_array().unwrap().iter();
    rows.map(|row| (row[0].as_u64().unwrap() as usize, (row[1].as_f64(), row[2].as_u64().unwrap() as usize))).collect()
}

fn units_where(found: &Selectivity, chosen: impl Fn(&UnitSelectivity) -> bool) -> Vec<usize> {
    found.units.iter().filter(|unit| chosen(unit)).map(|unit| unit.unit).collect()
}

fn keys<T>(list: &BTreeMap<usize, T>) -> Vec<usize> {
    list.keys().copied().collect()
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64) {
    golden::within(golden::relative(found, expected), tolerance, found);
}

fn normalised(normalised: bool) -> SelectivityOptions {
    let normalisation = if normalised { Normalisation::Ratio } else { Normalisation::Absolute };
    SelectivityOptions { normalisation, ..SelectivityOptions::default() }
}

#[test]
fn agrees_with_the_published_system_on_a_trained_network() {
    let info = golden::json("neuron_info");
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (name, case) in info["cases"].as_object().unwrap() {
        let [rule, epoch, trials, norm] = name.split("__").collect::<Vec<_>>()[..] else { panic!("{name}") };
        let activity = golden::activity(rule, trials.parse().unwrap());
        let found = Selectivity::of(&activity, epoch.parse().unwrap(), &normalised(norm == "norm1")).unwrap();

        let selective = listed(&case["selective_neurons"]);
        let active = listed(&case["active_neurons"]);
        assert_eq!(units_where(&found, |unit| unit.active), keys(&active), "{name}");
        assert_eq!(units_where(&found, |unit| unit.selective), keys(&selective), "{name}");
        for (kind, list) in
            [(Kind::Excited, "exh_neurons"), (Kind::Inhibited, "inh_neurons"), (Kind::Mixed, "mix_neurons")]
        {
            assert_eq!(units_where(&found, |unit| unit.kind == kind), keys(&listed(&case[list])), "{name} {kind}");
        }
        for unit in &found.units {
            if let Some((p_value, preferred)) = selective.get(&unit.unit) {
                let (found, expected) = (unit.p_value.unwrap(), p_value.unwrap());
                worst = worst.max((found / expected - 1.0).abs());
                assert_close(found, expected, 1e-6);
                assert_eq!(unit.preferred_location, *preferred, "{name} unit {}", unit.unit);
                compared += 1;
            }
            let rates = if norm == "norm1" { &unit.rates } else { &unit.absolute };
            for (found, expected) in rates.iter().zip(golden::floats(&case["firerate_loc_order"][unit.unit])) {
                golden::within(golden::mixed(found.unwrap(), expected.unwrap()), 1e-6, name);
            }
        }
    }
    assert!(compared >= 200, "only {compared} p-values were compared");
    assert!(worst < 1e-9, "{compared} p-values differ by up to {worst:e}");
}

#[test]
fn agrees_with_the_published_system_on_designed_units() {
    let activity = golden::synthetic();
    let info = golden::json("neuron_info_synthetic");
    for (name, norm) in [("without_unit7__norm1", true), ("all12__norm0", false)] {
        let case = &info["cases"][name];
        let numbers: Vec<usize> =
            case["units"].as_array().unwrap().iter().map(|unit| unit.as_u64().unwrap() as usize).collect();
        let found = Selectivity::of(&activity, Epoch::Stim1, &normalised(norm)).unwrap();

        // Units 7 (zero baseline) and 9 have sixteen identical repeats, for which the published system reports
        // whatever rounding leaves (p = 2e-5 and 0); here they are not tested. Nor are units 8 and 11, whose
        // baselines are negative, on ratios to it: the published kind is that of the baseline's sign. That the rates of
        // unit 8 are negative makes it inactive there.
        let tested = |list: &str| -> BTreeMap<usize, (Option<f64>, usize)> {
            let rows = listed(&case[list]).into_iter().map(|(index, row)| (numbers[index], row));
            rows.filter(|(unit, _)| !([7, 8, 9].contains(unit) || norm && *unit == 11)).collect()
        };
        let selective = tested("selective_neurons");
        let active = units_where(&found, |unit| unit.active && ![8, 11].contains(&unit.unit));
        assert_eq!(active, keys(&tested("active_neurons")).into_iter().filter(|unit| *unit != 11).collect::<Vec<_>>());
        let but =
            |chosen: &dyn Fn(&UnitSelectivity) -> bool| units_where(&found, |unit| unit.unit != 8 && chosen(unit));
        assert_eq!(but(&|unit| unit.selective), keys(&selective), "{name}");
        for (kind, list) in
            [(Kind::Excited, "exh_neurons"), (Kind::Inhibited, "inh_neurons"), (Kind::Mixed, "mix_neurons")]
        {
            // Unit 11 lies above its negative baseline, and is excited here on any scale.
            let published: Vec<usize> = keys(&tested(list)).into_iter().filter(|unit| *unit != 11).collect();
            assert_eq!(but(&|unit| unit.unit != 11 && unit.kind == kind), published, "{name} {kind}");
        }
        for (unit, (p_value, preferred)) in selective {
            assert_close(found.units[unit].p_value.unwrap(), p_value.unwrap(), 1e-6);
            assert_eq!(found.units[unit].preferred_location, preferred);
        }
        for unit in [0, 1, 7, 9] {
            let reason = if norm && [0, 7].contains(&unit) { NotTested::ZeroBaseline } else { NotTested::NoVariance };
            assert_eq!(found.units[unit].not_tested, Some(reason), "{name} unit {unit}");
            assert_eq!(found.units[unit].p_value, None);
            assert_eq!(found.units[unit].unbiased_p_value, None);
            assert_eq!(found.units[unit].unbiased_q_value, None);
            assert!(!found.units[unit].unbiased_selective);
        }
        assert_eq!(units_where(&found, |unit| unit.unbiased_selective), [4, 5, 6, 8, 11], "{name}");
        assert_eq!(found.units[11].kind(SelectivityTest::Unbiased), found.units[11].response);
        if norm {
            assert_eq!(found.units[11].not_tested, Some(NotTested::NegativeBaseline));
            assert_eq!(found.units[7].rates, [None; 8]);
        }
        assert_eq!(found.units[7].preferred_location, 0);
    }
}

#[test]
fn single_tests_agree_with_the_published_system() {
    let activity = golden::activity("odr", 716800);
    let [fixation, stimulus] =
        [Epoch::Fix1, Epoch::Stim1].map(|epoch| super::trial_rates(&activity, &activity.epoch(epoch).unwrap()));
    for (unit, row) in golden::json("neuron_stats").as_array().unwrap().iter().enumerate() {
        for (location, (t, p)) in
            golden::floats(&row["paired_t"]).into_iter().zip(golden::floats(&row["paired_p"])).enumerate()
        {
            let of = |rates: &ndarray::Array2<f32>| -> Vec<f64> {
                (location * 16..location * 16 + 16).map(|trial| f64::from(rates[[trial, unit]])).collect()
            };
            let p_value = trials::response_p_value(&of(&fixation), &of(&stimulus)).unwrap();
            // The published system subtracts in single precision here, which moves the seventh digit of t.
            assert_close(p_value, p.unwrap(), 1e-5);
            let test = crate::statistics::paired_t_test(&of(&fixation), &of(&stimulus)).unwrap();
            assert_close(test.t, t.unwrap(), 1e-5);
        }
    }
}

fn synthetic_table() -> DataFrame {
    Selectivity::of(&golden::synthetic(), Epoch::Stim1, &normalised(true)).unwrap().table().unwrap()
}

#[test]
fn the_table_has_the_columns_of_the_interface() {
    let table = synthetic_table();
    let mut names = vec!["trials_trained", "rule", "epoch", "unit", "active", "selective", "kind", "p_value"];
    names.extend(["not_tested", "unbiased_selective", "unbiased_p_value", "unbiased_q_value"]);
    names.extend(["response", "normalisation", "preferred_location"]);
    let by_location: Vec<String> =
        ["rate", "absolute"].iter().flat_map(|name| (0..8).map(move |k| format!("{name}_{k}"))).collect();
    names.extend(by_location.iter().map(String::as_str));
    assert_eq!(table.get_column_names(), names);
    assert_eq!(table.height(), 12);
    assert_eq!(table.column("p_value").unwrap().null_count(), 6);
    let reasons: Vec<_> = table.column("not_tested").unwrap().str().unwrap().iter().flatten().collect();
    assert_eq!(reasons.iter().filter(|reason| **reason == "the baseline is zero").count(), 2);
    assert!(reasons.len() == 6 && reasons.contains(&"the baseline is negative"), "{reasons:?}");
    assert_eq!(table.column("rule").unwrap().null_count(), 12);
    for column in table.columns().iter().filter_map(|column| column.f64().ok()) {
        assert!(column.iter().flatten().all(f64::is_finite), "{}", column.name());
    }
}

#[test]
fn the_table_reads_back_also_from_a_file() {
    let path = std::env::temp_dir().join(format!("maturation-selectivity-{}.csv", std::process::id()));
    let gap = golden::activity("gap", 716800);
    let parts = [(golden::synthetic(), Epoch::Stim1), (gap.clone(), Epoch::Stim1), (gap, Epoch::Go1)];
    let mut expected = Vec::new();
    let mut table: Option<DataFrame> = None;
    for (activity, epoch) in &parts {
        let found = Selectivity::of(activity, *epoch, &SelectivityOptions::default()).unwrap();
        match &mut table {
            Some(table) => drop(table.vstack_mut(&found.table().unwrap()).unwrap()),
            None => table = Some(found.table().unwrap()),
        }
        expected.push(found);
    }
    let mut table = table.unwrap();
    assert_eq!(Selectivity::from_table(&table).unwrap(), expected);
    crate::tables::write_table(&path, &mut table).unwrap();
    let read = crate::tables::read_table(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!(Selectivity::from_table(&read).unwrap(), expected);

    for name in table.get_column_names_owned().iter().filter(|name| !name.starts_with("rate_")) {
        let message = Selectivity::from_table(&table.drop(name).unwrap()).unwrap_err().to_string();
        assert!(message.contains(&format!("`{name}`")), "{message}");
    }
    let mut table = synthetic_table();
    table.with_column(polars::prelude::Column::new("kind".into(), vec!["great"; 12])).unwrap();
    assert!(Selectivity::from_table(&table).unwrap_err().to_string().contains("excited, inhibited, mixed, none"));
    table.with_column(polars::prelude::Column::new("kind".into(), vec![None::<&str>; 12])).unwrap();
    assert!(Selectivity::from_table(&table).unwrap_err().to_string().contains("`kind`"));
}

/// Units without any tuning: baseline 1, a response of `response` at every location, independent noise.
fn untuned(units: usize, response: f32, seed: u64) -> Activity {
    let mut random = StdRng::seed_from_u64(seed);
    let mut noise = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
    let rates = Array3::from_shape_fn((20, 128, units), |(step, _, _)| {
        1.0 + if step >= 10 { response } else { 0.0 } + 0.3 * noise()
    });
    Activity::new(rates, (0..128).map(|trial| trial / 16).collect(), 8, 20.0)
        .unwrap()
        .with_epochs(vec![(Epoch::Fix1, 0..10), (Epoch::Stim1, 10..20)])
        .unwrap()
}

#[test]
fn untuned_units_pass_the_published_test_far_more_often_than_the_unbiased_one() {
    for (response, published_at_least) in [(0.0, 0.12), (0.5, 0.3), (2.0, 0.8)] {
        // A few rates of so much noise are negative.
        let found = Selectivity::of(&untuned(1500, response, 7), Epoch::Stim1, &normalised(true)).unwrap();
        let share = |chosen: &dyn Fn(&UnitSelectivity) -> bool| {
            units_where(&found, chosen).len() as f64 / found.units.len() as f64
        };
        let published = share(&|unit| unit.p_value.unwrap() <= 0.05);
        let unbiased = share(&|unit| unit.unbiased_p_value.unwrap() <= 0.05);
        assert!(published > published_at_least, "response {response}: {published}");
        assert!((0.035..0.065).contains(&unbiased), "response {response}: {unbiased}");
        assert!(share(&|unit| unit.unbiased_selective) < 0.005, "response {response}");
        if response == 0.0 {
            let active = share(&|unit| unit.active);
            assert!((0.30..0.38).contains(&active), "{active}");
        } else {
            assert!(share(&|unit| unit.selective) > published_at_least, "response {response}");
        }
    }
}

#[test]
fn options_change_what_they_name() {
    let activity = golden::activity("gap", 64000);
    let with = |options: SelectivityOptions| Selectivity::of(&activity, Epoch::Stim1, &options).unwrap();
    let published = with(SelectivityOptions::default());
    let skipped = with(SelectivityOptions { baseline_skip_ms: 100.0, ..Default::default() });
    assert_ne!(published.units[0].rates, skipped.units[0].rates);
    assert_eq!(published.units[0].absolute, skipped.units[0].absolute);
    let none = with(SelectivityOptions { active_rate: 1e6, ..Default::default() });
    assert!(none.units.iter().all(|unit| !unit.active && !unit.selective && !unit.unbiased_selective));
    assert!(none.units.iter().all(|unit| unit.p_value.is_some()));
    for options in [
        SelectivityOptions { level: f64::NAN, ..Default::default() },
        SelectivityOptions { gate_level: -0.1, ..Default::default() },
        SelectivityOptions { false_discovery_rate: 1.5, ..Default::default() },
        SelectivityOptions { active_rate: f64::INFINITY, ..Default::default() },
        SelectivityOptions { baseline_skip_ms: 1000.0, ..Default::default() },
    ] {
        assert!(Selectivity::of(&activity, Epoch::Stim1, &options).is_err());
    }
    assert!(selectivity(&activity, Epoch::Delay2).unwrap_err().to_string().contains("fix1, "));
}

#[test]
fn uneven_and_missing_locations_are_tested_with_what_there_is() {
    let whole = untuned(3, 0.5, 3);
    // Location 5 has no trial, location 2 a single one.
    let kept: Vec<usize> =
        (0..128).filter(|trial| !(81..96).contains(trial) && trial / 16 != 5 && !(33..48).contains(trial)).collect();
    let rates = whole.rates.select(ndarray::Axis(1), &kept);
    let locations = kept.iter().map(|trial| whole.locations[*trial]).collect();
    let activity = Activity::new(rates, locations, 8, 20.0).unwrap().with_epochs(whole.epochs).unwrap();
    let found = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
    for unit in &found.units {
        assert!(unit.p_value.is_some() && unit.unbiased_p_value.is_some());
        assert_eq!((unit.rates[5], unit.absolute[5]), (None, None));
        assert!(unit.rates[2].is_some());
    }
    let one = Activity::new(whole.rates.select(ndarray::Axis(1), &[0, 1]), vec![0, 0], 8, 20.0).unwrap();
    let one = one.with_epochs(vec![(Epoch::Fix1, 0..10), (Epoch::Stim1, 10..20)]).unwrap();
    let found = Selectivity::of(&one, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
    assert!(found.units.iter().all(|unit| unit.not_tested == Some(NotTested::TooFew)));
}

#[test]
fn repeats_that_differ_by_rounding_alone_are_identical() {
    let mut activity = golden::synthetic();
    // Unit 9 is tuned and has no noise; one unit in the last place is what a different order of summation leaves.
    for trial in 0..128 {
        for step in 0..175 {
            let rate = &mut activity.rates[[step, trial, 9]];
            *rate = f32::from_bits(rate.to_bits() + (trial as u32 + step as u32) % 2);
        }
    }
    let found = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
    assert_eq!(found.units[9].not_tested, Some(NotTested::NoVariance));
    assert!(!found.units[9].active && !found.units[9].unbiased_selective);
}

#[test]
fn the_unbiased_verdict_has_a_kind_and_a_preferred_location_of_its_own() {
    let unit = UnitSelectivity {
        unit: 0,
        active: true,
        selective: false,
        kind: Kind::NotSelective,
        p_value: Some(0.5),
        not_tested: None,
        unbiased_selective: true,
        unbiased_p_value: Some(0.001),
        unbiased_q_value: Some(0.01),
        response: Kind::Excited,
        preferred_location: 1,
        rates: vec![Some(0.5), Some(0.9), None],
        absolute: vec![Some(3.0), Some(2.0), None],
    };
    assert_eq!(
        (unit.kind(SelectivityTest::Published), unit.kind(SelectivityTest::Unbiased)),
        (Kind::NotSelective, Kind::Excited)
    );
    assert_eq!((unit.preferred(SelectivityTest::Published), unit.preferred(SelectivityTest::Unbiased)), (1, 0));
    let below = UnitSelectivity { response: Kind::Inhibited, ..unit };
    assert_eq!(below.kind(SelectivityTest::Unbiased), Kind::Inhibited);
    assert_eq!(Kind::of_response([-0.1, -0.9]), Kind::Inhibited);
    assert_eq!(Kind::of_response([-0.1, 0.9]), Kind::Mixed);
    assert_eq!(Kind::of_response([0.0, 0.9]), Kind::Excited);
}

#[test]
fn names_read_back() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse::<Kind>().unwrap(), *kind);
    }
    for test in SelectivityTest::ALL {
        assert_eq!(test.to_string().parse::<SelectivityTest>().unwrap(), *test);
    }
    assert!("excitatory".parse::<Kind>().unwrap_err().to_string().contains("excited, inhibited, mixed, none"));
}

#[test]
fn a_network_of_the_papers_size_takes_milliseconds() {
    let mut random = StdRng::seed_from_u64(5);
    let rates = Array3::from_shape_simple_fn((175, 128, 256), || random.random::<f32>());
    let activity = Activity::new(rates, (0..128).map(|trial| trial / 16).collect(), 8, 20.0)
        .unwrap()
        .with_epochs(vec![(Epoch::Fix1, 0..50), (Epoch::Stim1, 50..75), (Epoch::Delay1, 75..150)])
        .unwrap();
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        assert_eq!(selectivity(&activity, Epoch::Delay1).unwrap().height(), 256);
        best = best.min(start.elapsed());
    }
    println!("selectivity of 256 units in delay1: {best:?}");
    // 6 ms on one core of a 2026 server; the bound leaves room for slow and busy machines.
    if !cfg!(debug_assertions) {
        assert!(best < Duration::from_millis(60), "{best:?}");
    }
}

#[test]
fn fields_that_do_not_fit_together_are_refused_by_every_analysis() {
    let activity = golden::activity("gap", 716800);
    let good = Selectivity::of(&activity, Epoch::Stim1, &SelectivityOptions::default()).unwrap();
    type Spoil = fn(&mut Selectivity);
    let spoiled: [(&str, Spoil); 5] = [
        ("0 locations", |found| found.location_count = 0),
        ("each of the 99 locations", |found| found.location_count = 99),
        ("18446744073709551615 locations", |found| found.location_count = usize::MAX),
        ("unit 3 prefers location 8", |found| found.units[3].preferred_location = 8),
        ("unit 0 has 7 relative", |found| found.units[0].rates.truncate(7)),
    ];
    for (words, spoil) in spoiled {
        let mut bad = good.clone();
        spoil(&mut bad);
        let options = AverageOptions::default;
        let mut answers = vec![
            bad.table().map(drop),
            Psth::new(PsthOptions::default()).add(Stage::Mature, &activity, &bad),
            Agreement::of(&good, &bad, &Population::default()).map(drop),
        ];
        for (measured, selected) in [(&bad, &good), (&good, &bad), (&bad, &bad)] {
            answers.push(Tuning::new(options()).add(None, measured, selected));
            answers.push(EpochGrowth::new(options()).add(Stage::Mature, measured, selected));
        }
        for answer in answers {
            let message = answer.unwrap_err().to_string();
            assert!(message.contains(words), "{words}: {message}");
        }
    }
}

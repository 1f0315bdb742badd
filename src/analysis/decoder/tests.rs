use ndarray::Array1;
use rand::RngExt;
use serde_json::Value;

use super::*;
use crate::analysis::golden;
use crate::numerics::random::RandomStream;

/// A matrix of numbers.
fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value
        .as_array()
        .unwrap()
        .iter()
        .map(|row| golden::floats(row).into_iter().map(Option::unwrap).collect())
        .collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn counts(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|count| count.as_u64().unwrap() as usize).collect()
}

/// Windows in steps, the published trials held out.
fn in_steps(window: f64, stride: f64) -> DecoderOptions {
    let (window_ms, stride_ms) = (20.0 * window, 20.0 * stride);
    DecoderOptions { window_ms, stride_ms, hold_out: HoldOut::First, ..DecoderOptions::default() }
}

/// At least 99 of 100 cells equal, and none off by more than three trials of 128 (or one of 16 held-out ones).
#[track_caller]
fn assert_scores(found: &Array2<f64>, expected: &Array2<f64>, what: &str) {
    assert_eq!(found.dim(), expected.dim(), "{what}");
    let differences: Vec<f64> = found.iter().zip(expected).map(|(found, expected)| (found - expected).abs()).collect();
    let equal = differences.iter().filter(|difference| **difference < 1e-6).count();
    golden::within(1.0 - equal as f64 / differences.len() as f64, 0.01, what);
    assert!(differences.iter().all(|difference| *difference <= 1.0 / 16.0), "{what}");
}

#[test]
fn scores_agree_with_the_published_system() {
    let recorded = golden::json("decoder");
    let trials = recorded["trials"].as_u64().unwrap();
    for (rule, scores) in recorded["published"].as_object().unwrap() {
        let options = DecoderOptions { scoring: Scoring::Published, ..in_steps(10.0, 5.0) };
        let decoder = Decoder::of(&golden::activity(rule, trials), &options).unwrap();
        assert_scores(&decoder.accuracy, &matrix(scores), rule);
        assert_eq!(decoder.starts_ms[1], 100.0);
    }
}

#[test]
fn scores_agree_with_scikit_learn() {
    let recorded = golden::json("decoder");
    let trials = recorded["trials"].as_u64().unwrap();
    for (rule, scores) in recorded["scikit_learn"].as_object().unwrap() {
        let activity = golden::activity(rule, trials);
        let of = |options| Decoder::of(&activity, &options).unwrap().accuracy;
        let published = of(DecoderOptions { scoring: Scoring::Published, ..in_steps(10.0, 5.0) });
        assert_scores(&published, &matrix(&scores["published"]), rule);
        let held_out = of(in_steps(10.0, 5.0));
        assert_scores(&held_out, &matrix(&scores["held_out"]), rule);
        assert_eq!(held_out.diag(), published.diag());
        let each_once = of(DecoderOptions { folds: 8, ..in_steps(10.0, 15.0) });
        assert_scores(&each_once, &matrix(&scores["each_trial_once"]), rule);
    }
}

/// Compares a classifier with one of scikit-learn's.
#[track_caller]
fn assert_machines(
    training: &windows::Samples,
    labels: &[usize],
    test: &windows::Samples,
    expected: &Value,
    what: &str,
) {
    let class_count = labels.iter().max().unwrap() + 1;
    let gamma = training.gamma();
    let expected_gamma = expected["gamma"].as_f64().unwrap();
    assert!((gamma - expected_gamma).abs() <= 1e-12 * expected_gamma, "{what}: {gamma}");
    let svc = Svc::fit(Scorer::training_kernel(training, gamma).view(), labels, class_count);
    let support = svc.support();
    assert_eq!(support, counts(&expected["support"]), "{what}");
    let by_class = (0..class_count).map(|class| support.iter().filter(|sample| labels[**sample] == class).count());
    assert_eq!(by_class.collect::<Vec<_>>(), counts(&expected["n_support"]), "{what}");

    // For two classes alone scikit-learn turns the sign.
    let sign = if class_count == 2 { -1.0 } else { 1.0 };
    let intercepts = golden::floats(&expected["intercept"]);
    assert_eq!(svc.machines.len(), intercepts.len(), "{what}");
    for (machine, intercept) in svc.machines.iter().zip(intercepts) {
        let intercept = sign * intercept.unwrap();
        assert!((machine.intercept - intercept).abs() < 1e-6, "{what}: {} is not {intercept}", machine.intercept);
    }
    let coefficients = svc.machines.iter().flat_map(|machine| machine.support.iter());
    let sum: f64 = coefficients.map(|(_, coefficient)| coefficient.abs()).sum();
    let expected_sum = expected["coefficient_sum"].as_f64().unwrap();
    assert!((sum - expected_sum).abs() <= 1e-6 * expected_sum, "{what}: {sum} is not {expected_sum}");

    let mut kernel = training.distances(test, 0..test.len());
    windows::gaussian(kernel.view_mut(), gamma);
    let rows: Vec<usize> = (0..training.len()).collect();
    let mut scratch = Scratch::default();
    svc.predict(kernel.view(), &rows, &mut scratch);
    let decisions = matrix(&expected["decisions"]);
    let mut decided = vec![true; test.len()];
    for (place, machine) in svc.machines.iter().enumerate() {
        let mut found = Array1::zeros(test.len());
        machine.decide(kernel.view(), &rows, found.view_mut());
        for (sample, expected) in decisions.column(place).iter().enumerate() {
            assert!((found[sample] - sign * expected).abs() < 1e-6, "{what}: machine {place}");
        }
        // Where all samples are equal, a decision is what rounding has left of nothing.
        decided.iter_mut().zip(&found).for_each(|(decided, value)| *decided &= value.abs() > 1e-14);
    }
    for (sample, expected) in counts(&expected["predictions"]).into_iter().enumerate() {
        assert!(!decided[sample] || scratch.predicted[sample] == expected, "{what}: sample {sample}");
    }
    assert_eq!(decided.contains(&false), what == "constant" || what == "copies", "{what}");
}

#[test]
fn classifiers_of_windows_agree_with_scikit_learn() {
    let recorded = golden::json("decoder");
    let trials = recorded["trials"].as_u64().unwrap();
    for machine in recorded["machines"].as_array().unwrap() {
        let (rule, window) = (machine["rule"].as_str().unwrap(), machine["window"].as_u64().unwrap() as usize);
        let activity = golden::activity(rule, trials);
        let options = in_steps(10.0, 5.0);
        let split = Split::of(&activity, &options).unwrap();
        let windows = Windows::of(&activity, &options).unwrap();
        let fold = &split.folds[0];
        let labels: Vec<usize> = fold.training.iter().map(|trial| split.labels[*trial]).collect();
        let [training, test] =
            [&fold.training, &fold.held_out].map(|trials| windows.samples(window..window + 1, trials));
        assert_machines(&training, &labels, &test, machine, &format!("{rule}, window {window}"));
    }
}

#[test]
fn classifiers_of_hard_cases_agree_with_scikit_learn() {
    for (name, case) in golden::json("decoder")["cases"].as_object().unwrap() {
        let [training, test] = ["rates", "test"].map(|key| windows::Samples::new(matrix(&case[key])));
        assert_machines(&training, &counts(&case["labels"]), &test, case, name);
    }
}

/// Noise, part of which a trial keeps in all windows, and locations that it does not depend on.
fn noise(kept: f64, seed: u64) -> Activity {
    let mut random = RandomStream::new(seed, 1);
    let (steps, trials, units) = (12, 64, 30);
    let own = Array2::from_shape_fn((trials, units), |_| random.standard_normal());
    let rates = Array3::from_shape_fn((steps, trials, units), |(_, trial, unit)| {
        (kept.sqrt() * own[[trial, unit]] + (1.0 - kept).sqrt() * random.standard_normal()) as f32
    });
    Activity::new(rates, (0..trials).map(|trial| trial / 8).collect(), 8, 20.0).unwrap()
}

#[test]
fn published_scoring_finds_a_code_in_noise_and_held_out_scoring_does_not() {
    let off_diagonal = |kept: f64, scoring: Scoring| {
        let options = DecoderOptions { scoring, folds: 4, ..in_steps(1.0, 1.0) };
        let means = (0..3).map(|seed| Decoder::of(&noise(kept, seed), &options).unwrap().means().1.unwrap());
        means.sum::<f64>() / 3.0
    };
    for kept in [0.2, 0.6] {
        let held_out = off_diagonal(kept, Scoring::HeldOut);
        assert!((0.1..0.15).contains(&held_out), "{kept}: {held_out}");
    }
    let (weak, strong) = (off_diagonal(0.2, Scoring::Published), off_diagonal(0.6, Scoring::Published));
    assert!(weak > 0.16 && strong > 0.45, "{weak} {strong}");
}

#[test]
fn decoders_that_are_trained_once_are_scored_in_each_way_as_alone() {
    for (folds, count) in [(1, 0), (4, 2)] {
        let options = DecoderOptions { folds, permutations: Permutations::of(count), ..in_steps(1.0, 1.0) };
        let activity = noise(0.6, 1);
        let both = Decoder::scored(&activity, &options, Scoring::ALL).unwrap();
        assert_ne!(both[0].accuracy, both[1].accuracy);
        for (scoring, found) in Scoring::ALL.into_iter().zip(both) {
            let alone = Decoder::of(&activity, &DecoderOptions { scoring, ..options.clone() }).unwrap();
            assert_eq!(found, alone, "{scoring}");
            assert_eq!(found.permuted.dim().0, count);
        }
    }
}

#[test]
fn permutations_tell_what_chance_gives() {
    let options = DecoderOptions { permutations: Permutations::of(39), folds: 2, ..in_steps(1.0, 4.0) };
    let decoder = Decoder::of(&noise(0.5, 9), &options).unwrap();
    let chance = decoder.chance().unwrap();
    assert!((decoder.permuted.mean().unwrap() - 0.125).abs() < 0.02, "{:?}", decoder.permuted.mean());
    for (cell, low) in chance.low.indexed_iter() {
        assert!(*low < 0.125 && chance.high[cell] > 0.125 && chance.high[cell] < 0.5);
        assert!(chance.p_corrected[cell] >= chance.p_value[cell]);
        assert!(chance.p_value[cell] >= 1.0 / 40.0 && chance.p_value[cell] <= 1.0);
    }
    // What is there beyond chance is found.
    let mut activity = noise(0.5, 9);
    for ((_, trial, unit), rate) in activity.rates.indexed_iter_mut() {
        *rate += if trial / 8 == unit { 8.0 } else { 0.0 };
    }
    let decoder = Decoder::of(&activity, &options).unwrap();
    assert!(decoder.accuracy.iter().all(|accuracy| *accuracy > 0.9));
    assert!(decoder.chance().unwrap().p_corrected.iter().all(|p_value| *p_value == 1.0 / 40.0));
    let table = decoder.table().unwrap();
    let names =
        ["train_ms", "test_ms", "accuracy", "chance_low", "chance_high", "p_value", "p_corrected"].map(String::from);
    assert_eq!(table.get_column_names_owned().iter().map(ToString::to_string).collect::<Vec<_>>(), names);
    assert_eq!(table.height(), 9);
}

#[test]
fn permuted_labels_keep_every_set_of_trials_balanced() {
    let activity = noise(0.0, 1);
    for folds in [1, 3, 4] {
        let options = DecoderOptions { folds, hold_out: HoldOut::Drawn { seed: 3 }, ..DecoderOptions::default() };
        let split = Split::of(&activity, &options).unwrap();
        let labels = split.permuted(5, 0);
        assert_ne!(labels, split.labels);
        assert_ne!(labels, split.permuted(5, 1));
        assert_ne!(labels, split.permuted(6, 0));
        assert_eq!(labels, split.permuted(5, 0));
        for fold in &split.folds {
            for class in 0..8 {
                let of_class = |trials: &[usize]| trials.iter().filter(|trial| labels[**trial] == class).count();
                assert_eq!((of_class(&fold.training), of_class(&fold.held_out)), (6, 2));
            }
        }
    }
}

#[test]
fn trials_are_held_out_in_order_or_as_drawn() {
    let activity = noise(0.0, 1);
    let split = |folds, seed: Option<u64>| {
        let hold_out = seed.map_or(HoldOut::First, |seed| HoldOut::Drawn { seed });
        Split::of(&activity, &DecoderOptions { folds, hold_out, ..DecoderOptions::default() }).unwrap().folds
    };
    let first: Vec<usize> = (0..8).flat_map(|location| [8 * location, 8 * location + 1]).collect();
    assert_eq!(split(1, None)[0].held_out, first);
    for seed in [None, Some(0), Some(1)] {
        let mut held_out: Vec<usize> = split(4, seed).iter().flat_map(|fold| fold.held_out.clone()).collect();
        held_out.sort_unstable();
        assert_eq!(held_out, (0..64).collect::<Vec<_>>(), "each trial once");
    }
    assert_ne!(split(1, Some(0)), split(1, None));
    assert_ne!(split(1, Some(0)), split(1, Some(1)));
    for fold in split(4, Some(7)) {
        for location in 0..8 {
            let halves: Vec<bool> =
                fold.held_out.iter().filter(|trial| **trial / 8 == location).map(|trial| trial % 8 < 4).collect();
            assert_eq!(halves, [true, false], "one of the first half of the session, one of the second");
        }
    }
}

#[test]
fn a_session_that_begins_otherwise_lowers_the_accuracy_of_its_first_trials_alone() {
    // 8 locations × 16 trials, in turn; the rates of the first 16 trials lie elsewhere, as before an electrode settles.
    let of = |seed: u64, hold_out: HoldOut| {
        let mut stream = crate::numerics::random::RandomStream::new(seed, 0);
        let rates = Array3::from_shape_fn((1, 128, 24), |(_, trial, unit)| {
            let away = (unit % 8).abs_diff(trial % 8);
            let distance = away.min(8 - away) as f64;
            let settling = if trial < 16 && unit % 3 == 0 { 4.0 } else { 0.0 };
            (3.0 + 2.0 * (-0.5 * distance * distance).exp() + settling + 0.3 * stream.standard_normal()) as f32
        });
        let activity = Activity::new(rates, (0..128).map(|trial| trial % 8).collect(), 8, 20.0).unwrap();
        Decoder::of(&activity, &DecoderOptions { hold_out, ..in_steps(1.0, 1.0) }).unwrap().accuracy[[0, 0]]
    };
    let first = (0..8).map(|seed| of(seed, HoldOut::First)).sum::<f64>() / 8.0;
    let drawn = (0..8).map(|seed| of(seed, HoldOut::Drawn { seed })).sum::<f64>() / 8.0;
    assert!(drawn > 0.85 && first < drawn - 0.15, "first {first}, drawn {drawn}");
}

#[test]
fn a_drift_moves_held_out_trials_toward_no_location() {
    // 16 blocks of 8 trials, in each of which every location comes once, in an order of its own; rates drift as random
    // walks, and know nothing of the location, or something.
    let of = |tuned: f64, seed: u64, hold_out: HoldOut| {
        let mut stream = RandomStream::new(seed, 1);
        let mut order: Vec<usize> = (0..8).collect();
        let mut locations = Vec::new();
        for _ in 0..16 {
            (1..8).rev().for_each(|last| order.swap(last, stream.random_range(0..=last)));
            locations.extend_from_slice(&order);
        }
        let mut walk = [0.0; 24];
        let mut rates = Array3::<f32>::zeros((1, 128, 24));
        for (trial, location) in locations.iter().enumerate() {
            for (unit, walk) in walk.iter_mut().enumerate() {
                *walk += 0.2 * stream.standard_normal();
                let away = (unit % 8).abs_diff(*location);
                let distance = away.min(8 - away) as f64;
                let cue = tuned * (-0.5 * distance * distance).exp();
                rates[[0, trial, unit]] = (*walk + cue + 0.1 * stream.standard_normal()) as f32;
            }
        }
        let activity = Activity::new(rates, locations, 8, 20.0).unwrap();
        let options = DecoderOptions { hold_out, folds: 8, ..in_steps(1.0, 1.0) };
        Decoder::of(&activity, &options).unwrap().accuracy[[0, 0]]
    };
    let mean = |tuned: f64, hold_out: fn(u64) -> HoldOut| {
        (0..12).map(|seed| of(tuned, seed, hold_out(seed))).sum::<f64>() / 12.0
    };
    let drawn: fn(u64) -> HoldOut = |seed| HoldOut::Drawn { seed };
    let first: fn(u64) -> HoldOut = |_| HoldOut::First;
    let chance = mean(0.0, drawn);
    assert!((chance - 0.125).abs() < 0.03, "{chance}");
    let (drawn, first) = (mean(1.5, drawn), mean(1.5, first));
    assert!(drawn > first, "drawn {drawn}, first {first}");
}

#[test]
fn some_locations_can_be_told_apart_alone() {
    let activity = noise(0.0, 1);
    let of = |locations: &[usize]| {
        Decoder::of(&activity, &DecoderOptions { locations: Some(locations.to_vec()), ..in_steps(2.0, 2.0) })
    };
    assert_eq!(of(&[0, 4]).unwrap().classes, 2);
    for (locations, word) in [(&[0][..], "2 or more"), (&[0, 9], "location 9"), (&[1, 1], "twice")] {
        assert!(of(locations).unwrap_err().to_string().contains(word), "{locations:?}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let options = DecoderOptions { permutations: Permutations::of(3), folds: 2, ..in_steps(2.0, 2.0) };
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Decoder::of(&noise(0.3, 4), &options).unwrap())
    };
    assert_eq!(of(1), of(3));
}

#[test]
fn averages_count_checkpoints_alike() {
    let options = DecoderOptions { permutations: Permutations::of(2), ..in_steps(3.0, 3.0) };
    let [one, two, three] = [1, 2, 3].map(|seed| Decoder::of(&noise(0.3, seed), &options).unwrap());
    let mut mean = one.clone();
    mean.add(&two).unwrap();
    mean.add(&three).unwrap();
    assert_eq!(mean.checkpoints, 3);
    let expected = (&one.accuracy + &two.accuracy + &three.accuracy) / 3.0;
    assert!(mean.accuracy.iter().zip(&expected).all(|(found, expected)| (found - expected).abs() < 1e-12));
    let other = Decoder::of(&noise(0.3, 1), &in_steps(3.0, 3.0)).unwrap();
    assert!(mean.add(&other).unwrap_err().to_string().contains("permutations"));
}

#[test]
fn silent_units_and_identical_trials_are_decoded_as_guesses() {
    let locations: Vec<usize> = (0..24).map(|trial| [0, 3, 5][trial % 3]).collect();
    for value in [0.0, 2.5] {
        let activity = Activity::new(Array3::from_elem((20, 24, 4), value), locations.clone(), 8, 20.0).unwrap();
        let decoder = Decoder::of(&activity, &in_steps(10.0, 5.0)).unwrap();
        assert_eq!(decoder.classes, 3);
        assert!(decoder.accuracy.iter().all(|accuracy| (accuracy - 1.0 / 3.0).abs() < 1e-12));
    }
}

#[test]
fn what_cannot_be_decoded_is_refused() {
    let activity = noise(0.0, 1);
    let with = |change: &dyn Fn(&mut DecoderOptions)| {
        let mut options = DecoderOptions::default();
        change(&mut options);
        Decoder::of(&activity, &options).unwrap_err().to_string()
    };
    for (message, words) in [
        (with(&|options| options.window_ms = 260.0), ["260 ms", "240 ms"]),
        (with(&|options| options.window_ms = 10.0), ["10 ms", "20 ms"]),
        (with(&|options| options.window_ms = f64::NAN), ["NaN", "window"]),
        (with(&|options| options.stride_ms = 0.0), ["0 ms", "stride"]),
        (with(&|options| options.stride_ms = -20.0), ["-20 ms", "stride"]),
        (with(&|options| options.held_out = 0), ["location 0", "at least 1"]),
        (with(&|options| options.held_out = 8), ["8 trials", "leave at least 1"]),
        (with(&|options| options.folds = 5), ["5 folds", "1 to 4 folds"]),
        (with(&|options| options.folds = 0), ["0 folds", "1 to 4 folds"]),
        (with(&|options| options.permutations.count = 1 << 40), ["permutations", "10000"]),
        (with(&|options| options.permutations.band = 1.0), ["band", "between 0 and 1"]),
    ] {
        assert!(words.iter().all(|word| message.contains(word)), "{message}");
    }
    // An endless stride is one window.
    let endless = DecoderOptions { stride_ms: f64::INFINITY, ..DecoderOptions::default() };
    assert_eq!(Decoder::of(&activity, &endless).unwrap().starts_ms, [0.0]);

    let one_place = Activity { locations: vec![2; 64], ..activity.clone() };
    let message = Decoder::of(&one_place, &DecoderOptions::default()).unwrap_err().to_string();
    assert!(message.contains("two or more"), "{message}");
    let mut single = activity.clone();
    single.locations[..7].fill(3);
    let message = Decoder::of(&single, &DecoderOptions::default()).unwrap_err().to_string();
    assert!(message.contains("location 0 has 1 trial,"), "{message}");
    let mut infinite = activity;
    infinite.rates[[0, 0, 0]] = f32::NAN;
    assert!(Decoder::of(&infinite, &DecoderOptions::default()).unwrap_err().to_string().contains("NaN"));
}

#[test]
fn an_interrupt_ends_the_decoder_soon() {
    let activity = golden::activity("gap", 716800);
    let options = DecoderOptions { stride_ms: 20.0, permutations: Permutations::of(1000), ..DecoderOptions::default() };
    let begin = std::time::Instant::now();
    let found = crate::environment::tests::interrupted(|| Decoder::of(&activity, &options));
    assert!(found.is_err_and(|error| error.is_interrupted()));
    assert!(begin.elapsed().as_secs_f64() < 5.0, "{:?}", begin.elapsed());
}

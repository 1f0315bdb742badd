use ndarray::{Array2, Array3};
use serde_json::Value;

use super::cross_validation::{errors, prediction_error, regularisations};
use super::fit::Covariances;
use super::*;
use crate::analysis::golden;
use crate::environment::Interruption;

fn numbers(value: &Value) -> Vec<f64> {
    golden::floats(value).into_iter().map(Option::unwrap).collect()
}

fn held_out(value: &Value) -> Vec<HeldOut> {
    let folds = value.as_array().unwrap().iter().map(|fold| {
        let rows = fold.as_array().unwrap();
        let trials =
            |row: &Value| row.as_array().unwrap().iter().map(|trial| trial.as_u64().unwrap() as usize).collect();
        let flat: Vec<usize> = rows.iter().flat_map(|row| -> Vec<usize> { trials(row) }).collect();
        Array2::from_shape_vec((rows.len(), flat.len() / rows.len()), flat).unwrap()
    });
    folds.collect()
}

fn given(regularisation: f64, locations: Option<Vec<usize>>) -> DpcaOptions {
    DpcaOptions { regularisation: Regularisation::Given(regularisation), locations, ..DpcaOptions::default() }
}

/// Compares up to one sign, relative to the largest expected value.
#[track_caller]
fn assert_close(found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64, what: &str) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let sign: f64 = found.iter().zip(expected).map(|(found, expected)| found * expected).sum::<f64>().signum();
    let far = found.iter().zip(expected).map(|(found, expected)| (sign * found - expected).abs()).fold(0.0, f64::max);
    golden::within(far / scale, tolerance, what);
}

/// The activity and locations of a case of the published system.
fn case(name: &str, trials_trained: u64) -> (Activity, Vec<usize>) {
    match name {
        "odr_locs0_4" => {
            let locations = (0..32).map(|trial| trial / 16 * 4).collect();
            let rates = golden::unpack("dpca_odr_0_4", 20, 32);
            (Activity::new(rates, locations, 8, 20.0).unwrap(), vec![0, 4])
        }
        _ => (golden::activity(name, trials_trained), (0..8).collect()),
    }
}

#[test]
fn cross_validation_and_components_agree_with_the_published_system() {
    let cases = golden::json("dpca");
    for (name, expected) in cases.as_object().unwrap() {
        let (activity, locations) = case(name, expected["trials_trained"].as_u64().unwrap());
        let trials = activity.trials_by_location();
        let data = Data::new(&activity, locations.iter().map(|location| trials[*location].clone()).collect());
        let held_out = held_out(&expected["held_out"]);
        for (found, expected) in regularisations().iter().zip(numbers(&expected["regularisations"])) {
            assert!((found / expected - 1.0).abs() < 1e-12);
        }
        let folds = errors(&data, &data.means(), &held_out, 10, Interruption::watch());
        for part in Marginalisation::ALL {
            let expected = &expected["parts"][part.name()]["cross_validation"];
            for (fold, found) in folds.iter().enumerate() {
                for (place, expected) in numbers(&expected[fold]).into_iter().enumerate() {
                    let found = found[part as usize][place];
                    let what = format!("{name} {part} fold {fold} regularisation {place}: {found} is not {expected}");
                    assert!((found / expected - 1.0).abs() < 1e-5, "{what}");
                }
            }
        }
        let tried = cross_validate(&data, &data.means(), &held_out, 10, Interruption::watch());
        let best = tried.iter().min_by(|a, b| a.total().total_cmp(&b.total())).unwrap().regularisation;
        let regularisation = expected["regularisation"].as_f64().unwrap();
        assert!((best / regularisation - 1.0).abs() < 1e-9, "{name}");

        let dpca = dpca(&activity, &given(regularisation, Some(locations))).unwrap();
        for part in Marginalisation::ALL {
            let expected = &expected["parts"][part.name()];
            let found = &dpca.components[part as usize];
            let first = &found[0];
            let what = format!("{name} {part}");
            let variance = numbers(&expected["score_variance"]);
            assert_close(found.iter().map(|c| c.score_variance), &variance[..found.len()], 1e-5, &what);
            assert!(variance[found.len()..].iter().all(|variance| *variance < 1e-20), "{what}");
            assert_close(first.encoder.iter().copied(), &numbers(&expected["encoder"]), 1e-4, &what);
            assert_close(first.decoder.iter().copied(), &numbers(&expected["decoder"]), 1e-4, &what);
            let scores: Vec<f64> = expected["scores"].as_array().unwrap().iter().flat_map(numbers).collect();
            assert_close(first.scores.iter().copied(), &scores, 1e-4, &what);
        }
    }
}

/// The small array of make_dpca.py.
fn package() -> (Activity, Value) {
    let fixture = golden::json("dpca_package");
    let rates = |trial: usize, unit: usize, location: usize, step: usize| {
        fixture["rates"][trial][unit][location][step].as_f64().unwrap() as f32
    };
    let rates = Array3::from_shape_fn((12, 20, 7), |(step, trial, unit)| rates(trial % 5, unit, trial / 5, step));
    let locations = (0..20).map(|trial| trial / 5).collect();
    (Activity::new(rates, locations, 4, 50.0).unwrap(), fixture)
}

#[test]
fn every_component_agrees_with_the_python_package() {
    let (activity, fixture) = package();
    let automatic = std::iter::once(&fixture["automatic"]);
    for expected in fixture["given"].as_array().unwrap().iter().chain(automatic) {
        let regularisation = expected["regularisation"].as_f64().unwrap();
        let options = DpcaOptions { components: 3, ..given(regularisation, None) };
        let dpca = dpca(&activity, &options).unwrap();
        for part in Marginalisation::ALL {
            let expected = &expected["parts"][part.name()];
            assert_eq!(dpca.components[part as usize].len(), 3);
            for (number, found) in dpca.components[part as usize].iter().enumerate() {
                let what = format!("regularisation {regularisation}: {part}_{}", number + 1);
                let score_variance = expected["score_variance"][number].as_f64().unwrap();
                assert_close([found.score_variance], &[score_variance], 1e-7, &what);
                assert_close(found.encoder.iter().copied(), &numbers(&expected["encoder"][number]), 1e-6, &what);
                assert_close(found.decoder.iter().copied(), &numbers(&expected["decoder"][number]), 1e-6, &what);
                let scores: Vec<f64> =
                    expected["scores"][number].as_array().unwrap().iter().flat_map(numbers).collect();
                assert_close(found.scores.iter().copied(), &scores, 1e-6, &what);
            }
        }
    }
    let data = Data::new(&activity, activity.trials_by_location());
    let tried =
        cross_validate(&data, &data.means(), &held_out(&fixture["automatic"]["held_out"]), 3, Interruption::watch());
    let best = tried.iter().min_by(|a, b| a.total().total_cmp(&b.total())).unwrap().regularisation;
    assert!((best / fixture["automatic"]["regularisation"].as_f64().unwrap() - 1.0).abs() < 1e-12);
}

/// 8 locations × `repeats`; unit 0 follows time, 1 and 2 the location from step 10 on, 3 and 4 both, 5 nothing.
fn designed(repeats: usize, noise: f32, units: usize) -> Activity {
    let mut stream = RandomStream::new(5, 0);
    let locations: Vec<usize> = (0..8 * repeats).map(|trial| trial / repeats).collect();
    let rates = Array3::from_shape_fn((30, 8 * repeats, units), |(step, trial, unit)| {
        let angle = (trial / repeats) as f32 * std::f32::consts::TAU / 8.0;
        let time = step as f32 / 30.0;
        let signal = match unit {
            0 => 3.0 * time,
            1 => 2.0 * angle.cos(),
            2 => 1.5 * angle.sin(),
            3 => (6.0 * time).sin() * (angle + 1.0).cos(),
            4 => (9.0 * time).cos() * angle.cos(),
            _ => 0.0,
        };
        5.0 + signal + noise * stream.standard_normal() as f32
    });
    Activity::new(rates, locations, 8, 20.0).unwrap()
}

#[test]
fn components_hold_what_they_are_named_for() {
    let dpca = dpca(&designed(6, 0.05, 6), &given(1e-5, None)).unwrap();
    for (part, components) in Marginalisation::ALL.into_iter().zip(&dpca.components) {
        let first = &components[0];
        assert!(first.shares[part as usize] > 0.98, "{part}: {:?}", first.shares);
        assert!((first.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let carriers: &[usize] = [&[0][..], &[1, 2], &[3, 4]][part as usize];
        let carried: f64 = carriers.iter().map(|unit| first.encoder[*unit].powi(2)).sum();
        assert!(carried > 0.98, "{part}: {:?}", first.encoder);
    }
    let counts: Vec<usize> = dpca.components.iter().map(Vec::len).collect();
    assert_eq!(counts, [6, 6, 6], "no more than units");
    assert!((dpca.marginal_variance.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    // All components of all parts together are a ridge regression of the rates on themselves.
    assert!(dpca.explained_by_all > 0.999 && dpca.explained_by_all <= 1.0, "{}", dpca.explained_by_all);
}

/// The variance that a component explains, by the definition.
#[test]
fn explained_variance_is_what_decoding_and_encoding_leave_out() {
    let activity = designed(4, 0.5, 6);
    let dpca = dpca(&activity, &given(1e-3, None)).unwrap();
    let means = Data::new(&activity, activity.trials_by_location()).means();
    let column = |unit: usize| -> Vec<f64> { means.rates.iter().skip(unit).step_by(6).copied().collect() };
    let centred: Vec<Vec<f64>> = (0..6)
        .map(|unit| {
            let rates = column(unit);
            let mean = rates.iter().sum::<f64>() / rates.len() as f64;
            rates.iter().map(|rate| rate - mean).collect()
        })
        .collect();
    let total: f64 = centred.iter().flatten().map(|rate| rate * rate).sum();
    for component in dpca.components.iter().flatten() {
        let scores: Vec<f64> = component.scores.iter().copied().collect();
        let residual: f64 = (0..6)
            .flat_map(|unit| centred[unit].iter().zip(&scores).map(move |(rate, score)| (unit, rate, score)))
            .map(|(unit, rate, score)| (rate - component.encoder[unit] * score).powi(2))
            .sum();
        assert!((component.explained_variance - (1.0 - residual / total)).abs() < 1e-10);
        let score_variance = scores.iter().map(|score| score * score).sum::<f64>() / total;
        assert!((component.score_variance - score_variance).abs() < 1e-10);
    }
}

#[test]
fn parts_with_few_dimensions_have_few_components() {
    let counts = |options: &DpcaOptions, activity: &Activity| -> Vec<usize> {
        dpca(activity, options).unwrap().components.iter().map(Vec::len).collect()
    };
    let activity = designed(2, 0.3, 40);
    assert_eq!(counts(&given(1e-3, None), &activity), [10, 7, 10]);
    assert_eq!(counts(&given(0.0, Some(vec![4, 0])), &activity), [10, 1, 10]);
    let mut short = activity;
    short.rates = short.rates.slice(ndarray::s![15..16, .., ..]).to_owned();
    assert_eq!(counts(&given(1e-3, None), &short), [0, 7, 0]);
    assert_eq!(counts(&DpcaOptions::default(), &short), [0, 7, 0]);
}

/// With few dimensions a basis makes the matrices small; the components must be those of the whole covariances.
#[test]
fn a_basis_changes_nothing() {
    let activity = designed(3, 0.3, 40);
    for locations in [vec![0, 4], (0..8).collect()] {
        let trials = activity.trials_by_location();
        let data = Data::new(&activity, locations.iter().map(|location| trials[*location].clone()).collect());
        let model = Model::new(data.means());
        let covariances = &model.covariances;
        for part in Marginalisation::ALL {
            let fit = model.fit(part, 1e-2, 5);
            let size = covariances.total.nrows();
            let penalty = (1e-2 * covariances.total.trace()).powi(2);
            let inverse =
                (&covariances.total + penalty * nalgebra::DMatrix::identity(size, size)).try_inverse().unwrap();
            let weights = inverse * &covariances.parts[part as usize];
            let whole = &covariances.parts[part as usize] * &weights;
            for (encoder, decoder) in fit.encoders.column_iter().zip(fit.decoders.column_iter()) {
                let image = &whole * encoder;
                let value = image.dot(&encoder);
                assert!((image - value * encoder).norm() < 1e-8 * whole.norm(), "{part}");
                assert!((&weights * encoder - decoder).norm() < 1e-8 * weights.norm(), "{part}");
            }
            let gram = fit.encoders.tr_mul(&fit.encoders);
            assert!((gram - nalgebra::DMatrix::identity(fit.encoders.ncols(), fit.encoders.ncols())).norm() < 1e-9);
        }
    }
}

/// The errors that the fast way to a span leaves are those of all components by the exact method.
#[track_caller]
fn assert_as_exact(activity: &Activity, what: &str) {
    let trials = activity.trials_by_location().into_iter().filter(|trials| !trials.is_empty()).collect();
    let data = Data::new(activity, trials);
    let held_out = data.draw(&mut RandomStream::new(3, 0));
    let (rest, held) = data.split(&data.means(), &held_out);
    let (model, held) = (Model::new(rest), Covariances::of(held));
    let found = errors(&data, &data.means(), &[held_out], 10, Interruption::watch());
    for part in Marginalisation::ALL {
        for (place, regularisation) in regularisations().into_iter().enumerate() {
            let exact = prediction_error(&model.fit(part, regularisation, 10), &held, part);
            let found = found[0][part as usize][place];
            let off = (found - exact).abs();
            assert!(off <= 1e-9 * exact.abs(), "{what}: {part}, {regularisation:e}: {found:e}, not {exact:e}");
        }
    }
}

#[test]
fn regularisations_are_compared_by_the_same_numbers_as_all_eigenvectors_give() {
    for (name, expected) in golden::json("dpca").as_object().unwrap() {
        assert_as_exact(&case(name, expected["trials_trained"].as_u64().unwrap()).0, name);
    }
    for (what, repeats, noise, units) in [
        ("fewer units than components", 3, 0.3, 6),
        ("as many dimensions as columns", 3, 0.3, 80),
        ("more units than dimensions in time", 3, 0.3, 150),
        ("more units than dimensions of any part", 2, 0.1, 250),
        ("much noise", 2, 5.0, 120),
        ("no noise, so five dimensions", 3, 0.0, 120),
    ] {
        assert_as_exact(&designed(repeats, noise, units), what);
    }
    let mut twice = designed(3, 0.3, 200);
    let half = twice.rates.slice(ndarray::s![.., .., ..100]).to_owned();
    twice.rates.slice_mut(ndarray::s![.., .., 100..]).assign(&half);
    assert_as_exact(&twice, "each unit twice");
    let mut silent = designed(3, 0.3, 120);
    silent.rates.slice_mut(ndarray::s![.., .., 20..]).fill(0.0);
    assert_as_exact(&silent, "most units silent");
}

#[test]
fn signs_do_not_depend_on_the_noise() {
    let with_seed = |seed| {
        let mut stream = RandomStream::new(seed, 1);
        let mut activity = designed(6, 0.0, 6);
        activity.rates.mapv_inplace(|rate| rate + 0.1 * stream.standard_normal() as f32);
        dpca(&activity, &given(1e-3, None)).unwrap()
    };
    let first = with_seed(0);
    for seed in 1..5 {
        let other = with_seed(seed);
        for part in 0..3 {
            let (one, other) = (&first.components[part][0].scores, &other.components[part][0].scores);
            assert!((one * other).sum() > 0.9 * (one * one).sum(), "part {part}, seed {seed}");
        }
    }
}

#[test]
fn shuffled_locations_tell_signal_from_noise() {
    let options = DpcaOptions { shuffles: 19, splits: 4, components: 3, ..given(1e-3, None) };
    let found = dpca(&designed(6, 0.3, 6), &options).unwrap();
    assert!(found.components[0].iter().all(|component| component.significance.is_none()));
    let stimulus = found.components[1][0].significance.as_ref().unwrap();
    assert_eq!(stimulus.p_value, 0.05);
    assert!(stimulus.accuracy[20] > stimulus.shuffled[20] && stimulus.accuracy[20] > 0.3, "{stimulus:?}");
    let mixed = found.components[2][0].significance.as_ref().unwrap();
    assert_eq!(mixed.p_value, 0.05);

    let mut noise = designed(6, 0.3, 6);
    let mut stream = RandomStream::new(9, 2);
    noise.rates.mapv_inplace(|_| stream.standard_normal() as f32);
    let found = dpca(&noise, &options).unwrap();
    for component in found.components[1..].iter().flatten() {
        let significance = component.significance.as_ref().unwrap();
        let mean = significance.accuracy.iter().sum::<f64>() / significance.accuracy.len() as f64;
        assert!((mean - 0.125).abs() < 0.05, "held-out trials of noise are classified by chance: {mean}");
        assert!(significance.p_value > 0.05 || component.score_variance < 1e-3, "{}", significance.p_value);
    }
    let table = found.significance_table().unwrap();
    assert_eq!(table.height(), 2 * 3 * 30);
}

#[test]
fn results_do_not_depend_on_threads_but_on_the_seed() {
    let activity = designed(4, 0.5, 6);
    let options = DpcaOptions { shuffles: 5, splits: 2, ..DpcaOptions::default() };
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| dpca(&activity, &options).unwrap())
    };
    let (one, three) = (with_threads(1), with_threads(3));
    assert_eq!(one, three);
    let other = dpca(&activity, &DpcaOptions { seed: 1, ..options.clone() }).unwrap();
    assert_ne!(one.tried, other.tried);
}

#[test]
fn tables_have_the_columns_of_the_interface() {
    let found = dpca(&designed(4, 0.3, 6), &DpcaOptions { components: 2, ..DpcaOptions::default() }).unwrap();
    let table = found.table().unwrap();
    assert_eq!(table.get_column_names(), ["component", "location", "time_ms", "score"]);
    assert_eq!(table.height(), 6 * 8 * 30);
    assert_eq!(table.column("component").unwrap().str().unwrap().get(8 * 30), Some("time_2"));
    assert_eq!(table.column("time_ms").unwrap().f64().unwrap().get(31), Some(20.0));
    let score = table.column("score").unwrap().f64().unwrap().get(31);
    assert_eq!(score, Some(found.components[0][0].scores[[1, 1]]));
    let explained = found.explained_variance_table().unwrap();
    assert_eq!(explained.height(), 6);
    assert_eq!(explained.column("p_value").unwrap().null_count(), 6);
    let tried = found.regularisation_table().unwrap();
    assert_eq!(tried.height(), 45);
    assert_eq!(tried.column("chosen").unwrap().bool().unwrap().sum(), Some(1));
    assert_eq!(found.significance_table().unwrap().height(), 0);
    let place = tried.column("chosen").unwrap().bool().unwrap().iter().position(|chosen| chosen == Some(true)).unwrap();
    assert_eq!(found.at_boundary(), place == 0 || place == 44);
    let last = Dpca { regularisation: found.tried[44].regularisation, ..found };
    assert!(last.at_boundary());
}

#[track_caller]
fn assert_refused(activity: &Activity, options: &DpcaOptions, words: &[&str]) {
    let message = dpca(activity, options).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn what_cannot_be_analysed_is_refused() {
    let activity = || designed(3, 0.3, 4);
    let options = DpcaOptions::default();
    let mut bad = activity();
    bad.rates[[3, 2, 1]] = f32::NAN;
    assert_refused(&bad, &options, &["unit 1", "trial 2", "step 3", "NaN"]);

    let mut unbalanced = activity();
    unbalanced.rates = unbalanced.rates.slice(ndarray::s![.., 1.., ..]).to_owned();
    unbalanced.locations.remove(0);
    assert_refused(&unbalanced, &options, &["2, 3, 3", "allow unbalanced"]);
    dpca(&unbalanced, &DpcaOptions { unbalanced: true, shuffles: 1, ..options.clone() }).unwrap();

    let single = designed(1, 0.3, 4);
    assert_refused(&single, &options, &["location 0", "single trial"]);
    assert_refused(&single, &DpcaOptions { shuffles: 2, ..given(0.1, None) }, &["single trial"]);
    dpca(&single, &given(0.1, None)).unwrap();

    for (locations, words) in [
        (vec![0, 8], vec!["location 8", "8 locations"]),
        (vec![3, 3], vec!["location 3", "twice"]),
        (vec![3], vec!["1 location ", "2 or more"]),
        (vec![], vec!["0 locations"]),
    ] {
        assert_refused(&activity(), &DpcaOptions { locations: Some(locations), ..options.clone() }, &words);
    }
    let mut partly = activity();
    partly.locations.iter_mut().for_each(|location| *location /= 2);
    assert_eq!(dpca(&partly, &given(0.1, None)).unwrap().locations, [0, 1, 2, 3]);
    assert_refused(&partly, &given(0.1, Some(vec![0, 6])), &["location 6", "0, 1, 2, 3"]);

    let mut silent = activity();
    for rate in [0.0, 0.1] {
        silent.rates.fill(rate);
        assert_refused(&silent, &options, &["no unit", "varies"]);
    }
    assert_refused(&designed(3, 0.3, 1), &options, &["single unit"]);
    dpca(&designed(3, 0.3, 1), &given(0.1, None)).unwrap();
    for regularisation in [-1.0, f64::NAN, f64::INFINITY] {
        assert_refused(&activity(), &given(regularisation, None), &["regularisation"]);
    }
    assert_refused(&activity(), &DpcaOptions { components: 0, ..options.clone() }, &["components"]);
    assert_refused(&activity(), &DpcaOptions { folds: 0, ..options }, &["folds"]);
    assert_eq!("auto".parse::<Regularisation>().unwrap(), Regularisation::Automatic);
    assert_eq!("1e-3".parse::<Regularisation>().unwrap(), Regularisation::Given(1e-3));
    assert!("a bit".parse::<Regularisation>().unwrap_err().to_string().contains("auto"));
}

/// A few silent units among active ones, and repeats without noise, are nothing special.
#[test]
fn silent_units_and_identical_repeats_give_finite_components() {
    let mut activity = designed(3, 0.0, 6);
    activity.rates.slice_mut(ndarray::s![.., .., 0]).fill(0.0);
    for options in [DpcaOptions { shuffles: 2, ..DpcaOptions::default() }, given(0.0, None)] {
        let dpca = dpca(&activity, &options).unwrap();
        for component in dpca.components.iter().flatten() {
            assert!(component.scores.iter().chain(&component.encoder).all(|value| value.is_finite()));
            assert!(component.explained_variance.is_finite() && component.shares.iter().all(|share| share.is_finite()));
        }
    }
}

#[test]
fn rates_that_never_change_have_no_components() {
    for rate in [0.0, 1.0, 0.7, 3e6] {
        let rates = ndarray::Array3::from_elem((80, 32, 4), rate);
        let activity = Activity::new(rates, (0..32).map(|trial| trial / 4).collect(), 8, 20.0).unwrap();
        let message = dpca(&activity, &DpcaOptions::default()).unwrap_err().to_string();
        assert!(message.contains("varies with time or location"), "{rate}: {message}");
    }
}

#[test]
fn an_interrupt_ends_the_search_and_the_shuffles() {
    let activity = golden::activity("gap", 716800);
    let automatic = DpcaOptions::default();
    let given = DpcaOptions { regularisation: Regularisation::Given(1e-3), shuffles: 1000, ..DpcaOptions::default() };
    for options in [automatic, given] {
        let found = crate::environment::tests::interrupted(|| dpca(&activity, &options));
        assert!(found.is_err_and(|error| error.is_interrupted()), "{options:?}");
    }
}

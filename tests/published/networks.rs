//! Rates, outputs, cost, gradients and weights after one and five optimiser steps.

use std::collections::HashMap;
use std::path::Path;

use dfdx::tensor_ops::Backward;
use maturation::network::{DfdxEngine, Learner, Parameter, Values};
use maturation::prelude::*;
use serde_json::Value;

use crate::json;

/// Every so many time steps of the rates and outputs are in the fixtures.
const STRIDE: usize = 7;

type Arrays = HashMap<String, (Vec<usize>, Vec<f32>)>;

fn arrays(name: &str) -> Arrays {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/networks").join(name);
    let content = std::fs::read(&path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&content).unwrap();
    let values = |data: &[u8]| data.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    file.tensors().into_iter().map(|(name, view)| (name, (view.shape().to_vec(), values(view.data())))).collect()
}

/// The largest difference relative to the largest expected element.
fn error(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-12_f32, |largest, value| largest.max(value.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

/// The published variables that can be trained, each with the parameters of which it is made, one below the other.
fn variables(about: &Value) -> Vec<(String, Vec<&'static str>)> {
    let parts = |variable: &str| match variable {
        "output.weights" | "output.kernel" => vec!["w_out"],
        "output.biases" | "output.bias" => vec!["b_out"],
        "sen_input.kernel" => vec!["sensory_in"],
        "sen_input.bias" => vec!["sensory_bias"],
        "rule_input.kernel" => vec!["rule_in"],
        "rnn.leaky_rnn_cell_separate_input.kernel" => vec!["w_rec"],
        _ if variable.ends_with("gates.kernel") => vec!["gates_in", "gates_rec"],
        _ if variable.ends_with("gates.bias") => vec!["gates_bias"],
        _ if variable.ends_with("candidate.kernel") => vec!["candidate_in", "candidate_rec"],
        _ if variable.ends_with("candidate.bias") => vec!["candidate_bias"],
        _ if variable.ends_with("kernel") => vec!["w_in", "w_rec"],
        _ => vec!["b_rec"],
    };
    let names = about["var_order"].as_array().unwrap().iter();
    names.map(|name| (name.as_str().unwrap().to_owned(), parts(name.as_str().unwrap()))).collect()
}

/// The values of a published variable, from those of the network's parameters.
fn published(network: &Network, values: &Values, parts: &[&str]) -> Vec<f32> {
    let place = |part: &str| network.parameters().iter().position(|parameter| parameter.name() == part).unwrap();
    parts.iter().flat_map(|part| values[place(part)].iter().copied()).collect()
}

fn network(about: &Value, arrays: &Arrays) -> Network {
    let mut hp = about["hp"].as_object().unwrap().clone();
    hp.remove("rng");
    let hyperparameters = Hyperparameters::from_json(hp).unwrap();
    let mut network = Network::new(&hyperparameters).unwrap();
    let mut all = variables(about);
    for fixed in about["nontrainable"].as_array().unwrap() {
        assert_eq!(fixed, "mix_rule.kernel");
        all.push(("mix_rule.kernel".to_owned(), vec!["rule_mix"]));
    }
    for (variable, parts) in all {
        let mut rest = arrays[&format!("w0__{variable}")].1.as_slice();
        for part in parts {
            let values;
            (values, rest) = rest.split_at(network.parameters().get(part).unwrap().spec().count());
            network.parameters_mut().set(part, values).unwrap();
        }
        assert!(rest.is_empty(), "{variable}");
    }
    network
}

fn test_trials(about: &Value, network: &Network, rule: &str) -> Trials {
    let mut trials = Trials::test(network.hyperparameters(), rule.parse().unwrap(), Mode::Test).unwrap();
    trials.mask *= about["mask_scale"].as_f64().unwrap() as f32;
    trials
}

/// Gradients of task and regularisation cost, and the task cost.
fn gradients(learner: &Learner, trials: &Trials, engine: &mut dyn Engine) -> (Values, f64) {
    let graded = engine.cost(learner.network(), trials, SweepNoise::None).unwrap();
    let (cost, _) = learner.weight_cost().add_to(learner.network(), graded.cost).unwrap();
    let gradients = cost.backward();
    let of = |parameter: &Parameter| gradients.get(&parameter.tensor).as_vec();
    (learner.network().parameters().iter().map(of).collect(), graded.parts.task)
}

/// Every engine, since a cell's definition is as much to be right as its kernel.
fn check(name: &str) {
    check_on(name, &mut CpuEngine::new(0).unwrap());
    check_on(name, &mut DfdxEngine::cpu());
    // And a GPU, where there is one.
    if let Ok(mut engine) = Device::Cuda(0).engine(0) {
        check_on(name, &mut *engine);
    }
}

fn check_on(name: &str, engine: &mut dyn Engine) {
    let about = json(&format!("networks/{name}.json"));
    let arrays = arrays(&format!("{name}.safetensors"));
    let network = network(&about, &arrays);
    let mut learner = Learner::new(network.clone()).unwrap();
    let variables = variables(&about);
    let name = &format!("{name} on {}", engine.description());
    let units = network.hyperparameters().n_rnn;
    let (kept_trials, kept_units): (Vec<usize>, Vec<usize>) = if units == 256 {
        (vec![0, 48, 112], vec![0, 1, 2, 50, 100, 200, 254, 255])
    } else {
        ((0..8).map(|location| 16 * location).collect(), (0..units).collect())
    };

    for rule in ["odr", "odrd", "gap"] {
        let trials = test_trials(&about, &network, rule);
        let rollout = engine.run(&network, &trials.inputs, SweepNoise::None).unwrap();
        let thinned = |array: &ndarray::Array3<f32>, last: &[usize]| -> Vec<f32> {
            let mut values = Vec::new();
            for step in (0..trials.steps()).step_by(STRIDE) {
                for trial in &kept_trials {
                    values.extend(last.iter().map(|place| array[[step, *trial, *place]]));
                }
            }
            values
        };
        let hidden = error(&thinned(&rollout.hidden, &kept_units), &arrays[&format!("{rule}__h")].1);
        assert!(hidden < 1e-4, "{name} {rule}: rates are off by {hidden}");
        let outputs: Vec<usize> = (0..9).collect();
        let outputs = error(&thinned(&rollout.outputs, &outputs), &arrays[&format!("{rule}__y_hat")].1);
        assert!(outputs < 1e-4, "{name} {rule}: outputs are off by {outputs}");

        let (found, cost) = gradients(&learner, &trials, engine);
        let expected = about[rule]["cost_lsq"].as_f64().unwrap();
        assert!((cost - expected).abs() < 1e-4 * expected, "{name} {rule}: cost {cost}, not {expected}");
        for (parameter, parts) in &variables {
            let gradient = &published(&network, &found, parts);
            let (found, key) = if units == 256 {
                // Of the large network the fixture holds the first four rows and the norm.
                let norm = gradient.iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt();
                let expected = about[format!("{rule}__gradnorm__{parameter}")].as_f64().unwrap();
                assert!((norm - expected).abs() < 1e-3 * expected, "{name} {rule} {parameter}: {norm} {expected}");
                (gradient, format!("{rule}__grad__{parameter}__rows0_4"))
            } else {
                (gradient, format!("{rule}__grad__{parameter}"))
            };
            let expected = &arrays[&key].1;
            let worst = error(&found[..expected.len()], expected);
            assert!(worst < 1e-3, "{name} {rule} {parameter}: gradients are off by {worst}");
        }
    }

    if units == 256 {
        return;
    }
    for (step, rule) in about["seq"].as_array().unwrap().iter().enumerate() {
        let trials = test_trials(&about, &network, rule.as_str().unwrap());
        let expected = about["adam_costs_before_each_step"][step].as_f64().unwrap();
        let (cost, _) = engine.evaluate(learner.network(), &trials, SweepNoise::None).unwrap();
        let cost = cost.task;
        assert!((cost - expected).abs() < 1e-4 * expected, "{name} step {step}: cost {cost}, not {expected}");
        engine.train(&mut learner, &trials, SweepNoise::None).unwrap();
        assert_eq!(engine.settle(&mut learner).unwrap(), None);
        if step == 0 || step == 4 {
            let found = learner.network().parameters().values();
            for (parameter, parts) in &variables {
                let worst =
                    error(&published(&network, &found, parts), &arrays[&format!("adam{}__{parameter}", step + 1)].1);
                assert!(worst < 1e-4, "{name} {parameter} after step {}: off by {worst}", step + 1);
            }
        }
    }
}

#[test]
fn softplus_network_equals_the_published_one() {
    check("n16_leakyrnn_softplus");
}

#[test]
fn relu_network_equals_the_published_one() {
    check("n16_leakyrnn_relu");
}

#[test]
fn tanh_network_equals_the_published_one() {
    check("n16_leakyrnn_tanh");
}

#[test]
fn diagonal_initial_weights_equal_the_published_ones() {
    check("n16_leakyrnn_softplus_diag");
}

#[test]
fn clipped_gradients_train_as_published() {
    check("n16_leakyrnn_softplus_clip");
    check("n16_leakyrnn_softplus_clip4");
}

#[test]
fn plain_descent_trains_as_published() {
    check("n16_leakyrnn_softplus_sgd");
}

#[test]
fn regularised_networks_train_as_published() {
    check("n16_leakyrnn_softplus_reg");
}

#[test]
fn cross_entropy_trains_as_published() {
    check("n16_leakyrnn_softplus_xent");
}

#[test]
fn separate_inputs_equal_the_published_ones() {
    check("n16_separate_softplus");
    check("n16_separate_relu");
}

#[test]
fn leaky_gated_units_equal_the_published_ones() {
    check("n16_leakygru_softplus");
    check("n16_leakygru_tanh");
}

#[test]
fn gated_units_equal_the_published_ones() {
    check("n16_gru_softplus");
    check("n16_gru_tanh");
}

#[test]
fn long_short_term_memory_equals_the_published_one() {
    check("n16_lstm_tanh");
}

#[test]
fn a_network_of_256_units_equals_the_published_one() {
    check("n256_leakyrnn_softplus");
}

//! What every cell of the crate must pass.

use super::*;
use crate::hyperparameters::{Activation, Loss, OptimizerKind};
use crate::network::{CpuEngine, Engine, Learner, Role, SweepNoise};
use crate::numerics::random::{Noise, RandomStream};
use crate::tasks::{Mode, Rule, Trials};

/// A small network of each cell, with and without mixed rules.
fn small_networks() -> Vec<Network> {
    let mut networks = Vec::new();
    for known in built_in() {
        for mix_rule in [true, false] {
            if !mix_rule && !known.separate_input {
                continue;
            }
            let hyperparameters = Hyperparameters {
                rnn_type: known.cell.name().parse().unwrap(),
                use_separate_input: known.separate_input,
                mix_rule,
                n_rnn: 10,
                // Long steps, so that a trial has few of them.
                dt: 50.0,
                ..Hyperparameters::paper()
            };
            let mut network = Network::new(&hyperparameters).unwrap();
            let mut stream = RandomStream::new(5, 5);
            for bias in network.parameters_mut().iter_mut().filter(|parameter| parameter.role() == Role::Bias) {
                let mut values = bias.values();
                values.iter_mut().for_each(|value| *value += 0.1 * stream.standard_normal() as f32);
                bias.tensor.copy_from(&values);
            }
            networks.push(network);
        }
    }
    networks
}

fn name(network: &Network) -> String {
    let Hyperparameters { rnn_type, use_separate_input, mix_rule, .. } = network.hyperparameters();
    format!("{rnn_type} (separate {use_separate_input}, mixed {mix_rule})")
}

#[test]
fn gradients_are_the_slopes_of_the_cost() {
    for network in small_networks() {
        for loss_type in [Loss::LeastSquares, Loss::CrossEntropy] {
            let hyperparameters = Hyperparameters {
                activation: Activation::Tanh,
                loss_type,
                l2_h: 1e-4,
                ..network.hyperparameters().clone()
            };
            let mut network = Network::with_values(&hyperparameters, network.parameters().values()).unwrap();
            let mut engine = CpuEngine::new(2).unwrap();
            let trials = Trials::random(&hyperparameters, Rule::GAP, 12, &mut RandomStream::new(1, 2)).unwrap();
            let noise = SweepNoise::Gaussian { noise: Noise::new(3, 4), step: 5 };
            let (_, gradients) = engine.gradients(&network, &trials, noise).unwrap();
            for (place, gradient) in gradients.iter().enumerate() {
                let parameter = network.parameters().iter().nth(place).unwrap();
                let (parameter, values) = (parameter.name(), parameter.values());
                let largest = gradient.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
                // The entry with the largest gradient, and a few others.
                let steepest = gradient.iter().position(|value| value.abs() == largest);
                for entry in steepest.into_iter().chain((0..gradient.len()).step_by(37)) {
                    let mut cost_at = |change: f32| {
                        let mut moved = values.clone();
                        moved[entry] += change;
                        network.parameters_mut().set(parameter, &moved).unwrap();
                        let (cost, _) = engine.evaluate(&network, &trials, noise).unwrap();
                        cost.task + cost.activity
                    };
                    let slope = (cost_at(4e-3) - cost_at(-4e-3)) / 8e-3;
                    let found = f64::from(gradient[entry]);
                    let error = (slope - found).abs() / f64::from(largest);
                    assert!(error < 5e-3, "{} {loss_type:?} {parameter}[{entry}]: {found} {slope}", name(&network));
                }
                network.parameters_mut().set(parameter, &values).unwrap();
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for network in small_networks() {
        let trials = Trials::random(network.hyperparameters(), Rule::ODR, 70, &mut RandomStream::new(1, 2)).unwrap();
        let noise = SweepNoise::Gaussian { noise: Noise::new(3, 4), step: 5 };
        let of = |threads| CpuEngine::new(threads).unwrap().gradients(&network, &trials, noise).unwrap();
        let one = of(1);
        // With more threads than the nine shards, they add up gradients beside each other; whoever comes first.
        for threads in [2, 3, 8, 10, 13, 18, 40].repeat(3) {
            assert!(of(threads) == one, "{} on {threads} threads", name(&network));
        }
    }
}

/// A network is read from its file as it was written, and what a wrong file says of itself.
#[test]
fn weights_survive_their_file_and_those_of_another_cell_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let networks = small_networks();
    for network in &networks {
        network.save(&path).unwrap();
        let read = Network::load(network.hyperparameters(), &path).unwrap();
        assert_eq!(read.parameters().values(), network.parameters().values(), "{}", name(network));
        for other in &networks {
            let layout = |network: &Network| Network::layout(network.hyperparameters()).unwrap();
            let Err(error) = Network::load(other.hyperparameters(), &path) else {
                assert_eq!(layout(network), layout(other));
                continue;
            };
            let message = error.to_string();
            let named = layout(network)
                .into_iter()
                .chain(layout(other))
                .any(|spec| message.contains(&format!("`{}`", spec.name)) && message.contains("model.safetensors"));
            assert!(named, "{message}");
        }
    }
}

#[test]
fn a_lesioned_unit_is_heard_by_nobody() {
    for mut network in small_networks() {
        network.lesion(&[3, 7]).unwrap();
        let trials = Trials::test(network.hyperparameters(), Rule::GAP, Mode::Test).unwrap();
        let mut engine = CpuEngine::new(1).unwrap();
        let before = engine.run(&network, &trials.inputs, SweepNoise::None).unwrap();
        // Whatever drives the silenced units reaches no output.
        let bias = network.parameters().iter().find(|one| one.role() == Role::Bias).unwrap();
        let (bias, mut values) = (bias.name(), bias.values());
        for (place, value) in values.iter_mut().enumerate() {
            *value += if [3, 7].contains(&(place % 10)) { 1.5 } else { 0.0 };
        }
        network.parameters_mut().set(bias, &values).unwrap();
        let after = engine.run(&network, &trials.inputs, SweepNoise::None).unwrap();
        assert_eq!(before.outputs, after.outputs, "{}", name(&network));
        assert_ne!(before.hidden, after.hidden, "{}", name(&network));
    }
}

#[test]
fn noise_reaches_the_cells_that_have_it() {
    for network in small_networks() {
        let trials = Trials::test(network.hyperparameters(), Rule::GAP, Mode::Test).unwrap();
        let mut engine = CpuEngine::new(1).unwrap();
        let silent = engine.run(&network, &trials.inputs, SweepNoise::None).unwrap();
        let noise = SweepNoise::Gaussian { noise: Noise::new(3, 4), step: 5 };
        let noisy = engine.run(&network, &trials.inputs, noise).unwrap();
        let without = [RnnType::GRU, RnnType::LSTM].contains(&network.hyperparameters().rnn_type);
        assert_eq!(silent.hidden == noisy.hidden, without, "{}", name(&network));
    }
}

#[test]
fn weights_learn_and_what_is_fixed_stays() {
    for network in small_networks() {
        for optimizer in [OptimizerKind::Adam, OptimizerKind::Sgd] {
            let hyperparameters = Hyperparameters {
                optimizer,
                learning_rate: 0.01,
                l1_weight: 1e-3,
                l2_weight: 1e-4,
                ..network.hyperparameters().clone()
            };
            let network = Network::with_values(&hyperparameters, network.parameters().values()).unwrap();
            let mut learner = Learner::new(network.clone()).unwrap();
            let mut engine = CpuEngine::new(2).unwrap();
            let trials = Trials::test(&hyperparameters, Rule::GAP, Mode::Test).unwrap();
            let costs: Vec<f64> =
                (0..20).map(|_| engine.train(&mut learner, &trials, SweepNoise::None).unwrap().unwrap()).collect();
            assert!(costs[19] < 0.9 * costs[0], "{} {optimizer:?}: {costs:?}", name(&network));
            for (before, after) in network.parameters().iter().zip(learner.network().parameters()) {
                let same = before.values() == after.values();
                assert_eq!(same, before.role() == Role::Fixed, "{} {}", name(&network), before.name());
            }
        }
    }
}

#[test]
fn what_a_cell_does_not_have_is_refused_by_key() {
    let refused = |hyperparameters: Hyperparameters| Network::new(&hyperparameters).unwrap_err().to_string();
    for rnn_type in [RnnType::LEAKY_GRU, RnnType::GRU, RnnType::LSTM] {
        let paper = Hyperparameters { rnn_type, ..Hyperparameters::paper() };
        let message = refused(Hyperparameters { use_separate_input: true, ..paper.clone() });
        assert!(message.contains("`use_separate_input`") && message.contains("LeakyRNN"), "{message}");
        let message = refused(Hyperparameters { w_rec_init: RecurrentInit::Diag, ..paper });
        assert!(message.contains("`w_rec_init`") && message.contains(rnn_type.name()), "{message}");
    }
    let message = "Transformer".parse::<RnnType>().unwrap_err().to_string();
    assert!(message.contains("LeakyRNN, LeakyGRU, GRU, LSTM"), "{message}");
}

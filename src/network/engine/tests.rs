//! Engine against engine.

use ndarray::{Array3, s};

use super::{CpuEngine, DfdxEngine, Engine, SweepNoise};
use crate::hyperparameters::{Activation, Hyperparameters, Loss};
use crate::network::cells::{self, KnownCell};
use crate::network::{Network, Role};
use crate::numerics::Level;
use crate::numerics::random::{Noise, RandomStream};
use crate::tasks::{Rule, Trials};

/// The paper's model with each of the crate's cells.
pub(super) fn cells() -> Vec<Hyperparameters> {
    let cell = |known: KnownCell| Hyperparameters {
        rnn_type: known.cell.name().parse().unwrap(),
        use_separate_input: known.separate_input,
        ..Hyperparameters::paper()
    };
    cells::built_in().into_iter().map(cell).collect()
}

/// What tells a cell from others.
pub(super) fn name(cell: &Hyperparameters) -> String {
    format!("{} {}", cell.rnn_type, if cell.use_separate_input { "separate" } else { "" })
}

/// The largest difference between two arrays, relative to the largest element.
fn difference(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-12_f32, |largest, value| largest.max(value.abs()));
    found.iter().zip(expected).map(|(a, b)| (a - b).abs() / largest).fold(0.0, f32::max)
}

#[test]
fn inputs_that_are_empty_or_of_another_network_are_refused_by_either_engine() {
    let hyperparameters = Hyperparameters { n_rnn: 8, ..Hyperparameters::paper() };
    let network = Network::new(&hyperparameters).unwrap();
    let channels = hyperparameters.n_input();
    let cases = [
        ((5, 0, channels), "0 trials of 5 steps"),
        ((0, 4, channels), "4 trials of 0 steps"),
        ((5, 4, channels - 1), "`inputs` has shape [5, 4, 14], expected [5, 4, 15]"),
    ];
    for (shape, words) in cases {
        let inputs = Array3::zeros(shape);
        let kernels = CpuEngine::new(1).unwrap().run(&network, &inputs, SweepNoise::None).unwrap_err();
        let plain = DfdxEngine::cpu().run(&network, &inputs, SweepNoise::None).unwrap_err();
        for message in [kernels.to_string(), plain.to_string()] {
            assert!(message.contains(words), "{message}");
        }
    }
}

#[test]
fn engines_agree_on_every_cell_activation_and_loss() {
    let mut kernels = CpuEngine::new(2).unwrap();
    for cell in cells() {
        for activation in [
            Activation::Softplus,
            Activation::Relu,
            Activation::Tanh,
            Activation::Power,
            Activation::Retanh,
            Activation::Elu,
        ] {
            for (loss_type, n_rnn) in [(Loss::LeastSquares, 33), (Loss::CrossEntropy, 17)] {
                let hyperparameters = Hyperparameters {
                    activation,
                    loss_type,
                    n_rnn,
                    l1_h: 1e-3,
                    l2_h: 1e-6,
                    // Long steps, so that a trial has few of them.
                    dt: 50.0,
                    ..cell.clone()
                };
                let name = format!("{cell_name} {activation:?} {loss_type:?}", cell_name = name(&cell));
                agree(&hyperparameters, 20, &mut kernels, &name);
            }
        }
        agree(&Hyperparameters { n_rnn: 128, ..cell.clone() }, 9, &mut kernels, &format!("{} 128", name(&cell)));
    }
}

#[test]
fn engines_agree_for_odd_sizes_at_every_level() {
    for (cell, units) in
        cells().into_iter().flat_map(|cell| [1, 3, 17, 64, 100, 256].map(|units| (cell.clone(), units)))
    {
        // Long steps, so that a trial has few of them.
        let hyperparameters = Hyperparameters { n_rnn: units, dt: 100.0, tau: 500.0, ..cell.clone() };
        for count in [1, 5, 64] {
            for level in Level::available() {
                // More threads than trials, and so than shards, for the two small batches.
                let mut kernels = CpuEngine::with_level(6, level).unwrap();
                agree(&hyperparameters, count, &mut kernels, &format!("{units} units, {count} trials, {level:?}"));
            }
        }
    }
}

/// Compares cost, gradients, rates and outputs of the kernels with those of the cell's definition.
fn agree(hyperparameters: &Hyperparameters, count: usize, kernels: &mut CpuEngine, name: &str) {
    let mut network = Network::new(hyperparameters).unwrap();
    let mut stream = RandomStream::new(1, 1);
    for parameter in network.parameters_mut().iter_mut().filter(|parameter| parameter.role() == Role::Bias) {
        let moved: Vec<f32> =
            parameter.values().iter().map(|bias| bias + 0.1 * stream.standard_normal() as f32).collect();
        parameter.tensor.copy_from(&moved);
    }
    let trials = Trials::random(hyperparameters, Rule::GAP, count, &mut stream).unwrap();
    let noise = SweepNoise::Gaussian { noise: Noise::new(1, 2), step: 4 };
    let mut definition = DfdxEngine::cpu();

    let (fused, gradients) = kernels.gradients(&network, &trials, noise).unwrap();
    let (plain, expected) = definition.gradients(&network, &trials, noise).unwrap();
    assert!((fused.task - plain.task).abs() < 2e-5 * plain.task, "{name}");
    assert!((fused.activity - plain.activity).abs() <= 2e-5 * plain.activity, "{name}");
    for ((parameter, found), expected) in network.parameters().iter().zip(&gradients).zip(&expected) {
        let error = difference(found, expected);
        assert!(error < 1e-4, "{name} {}: {error}", parameter.name());
    }

    let found = kernels.run(&network, &trials.inputs, noise).unwrap();
    let plain = definition.run(&network, &trials.inputs, noise).unwrap();
    assert!(difference(found.hidden.as_slice().unwrap(), plain.hidden.as_slice().unwrap()) < 1e-5, "{name}");
    let (_, outputs) = definition.evaluate(&network, &trials, noise).unwrap();
    assert!(difference(found.outputs.as_slice().unwrap(), outputs.as_slice().unwrap()) < 1e-5, "{name}");
    for engine in [kernels as &mut dyn Engine, &mut definition] {
        let (cost, outputs) = engine.evaluate(&network, &trials, noise).unwrap();
        let last = outputs.slice(s![-1.., .., ..]).to_owned();
        assert_eq!(engine.answer(&network, &trials, noise).unwrap(), last, "{name}");
        assert_eq!(engine.grade(&network, &trials, noise).unwrap(), (cost, last), "{name}");
    }
}

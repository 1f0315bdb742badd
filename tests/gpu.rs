//! On a GPU, where there is one: the crate's cells against the processor, the same bits every time, runs that are
//! resumed or change their device, networks side by side, and what is wrong told in words. Without one each test says
//! that it was skipped; the kernels' arithmetic is tested on the processor all the same
//! (`network::engine::cuda::tests`), and the published system's numbers against a GPU, where there is one, in
//! `tests/published`.

use std::path::Path;

use maturation::hyperparameters::{OptimizerKind, RnnType};
use maturation::network::{Learner, Role, Values};
use maturation::numerics::random::{Noise, RandomStream};
use maturation::prelude::*;
use maturation::tasks::{DescribesTrials, DrawnTrials, Encoding};

/// The first GPU; says why there is none.
fn gpu() -> Option<Box<dyn Engine>> {
    match Device::Cuda(0).engine(0) {
        Ok(engine) => Some(engine),
        Err(problem) => {
            eprintln!("skipped: {problem}");
            None
        }
    }
}

/// The paper's model with each of the crate's cells.
fn cells() -> Vec<Hyperparameters> {
    let cells = [RnnType::LEAKY_RNN, RnnType::LEAKY_GRU, RnnType::GRU, RnnType::LSTM];
    let mut all: Vec<_> =
        cells.into_iter().map(|rnn_type| Hyperparameters { rnn_type, ..Hyperparameters::paper() }).collect();
    all.push(Hyperparameters { use_separate_input: true, ..Hyperparameters::paper() });
    all.push(Hyperparameters { use_separate_input: true, mix_rule: false, ..Hyperparameters::paper() });
    all
}

fn name(hyperparameters: &Hyperparameters) -> String {
    let Hyperparameters { rnn_type, use_separate_input, activation, loss_type, n_rnn, .. } = hyperparameters;
    format!("{rnn_type} separate {use_separate_input} {activation:?} {loss_type:?} {n_rnn} units")
}

fn noise(step: u32) -> SweepNoise {
    SweepNoise::Gaussian { noise: Noise::new(1, 2), step }
}

/// The largest difference relative to the largest element; NaN is infinitely far.
fn difference<'a>(found: impl IntoIterator<Item = &'a f32>, expected: impl IntoIterator<Item = &'a f32>) -> f32 {
    let (mut apart, mut largest) = (0.0_f32, 1e-12_f32);
    for (found, expected) in found.into_iter().zip(expected) {
        let here = (found - expected).abs();
        apart = if here.is_nan() { f32::INFINITY } else { apart.max(here) };
        largest = largest.max(expected.abs());
    }
    apart / largest
}

fn agree(gpu: &mut dyn Engine, cpu: &mut CpuEngine, hyperparameters: &Hyperparameters, count: usize) {
    let (network, name) = (Network::new(hyperparameters).unwrap(), name(hyperparameters));
    let trials = Trials::random(hyperparameters, Rule::GAP, count, &mut RandomStream::new(3, 3)).unwrap();
    let (found, expected) = [&mut *gpu, cpu as &mut dyn Engine]
        .map(|engine| engine.run(&network, &trials.inputs, noise(4)).unwrap())
        .into();
    assert!(difference(&found.hidden, &expected.hidden) < 2e-5, "{name}, {count} trials: rates");
    assert!(difference(&found.outputs, &expected.outputs) < 2e-5, "{name}, {count} trials: outputs");
    let (cost, found) = gpu.gradients(&network, &trials, noise(4)).unwrap();
    let (expected_cost, expected) = cpu.gradients(&network, &trials, noise(4)).unwrap();
    assert!((cost.total() - expected_cost.total()).abs() < 2e-5 * expected_cost.total(), "{name}: cost");
    for ((parameter, found), expected) in network.parameters().iter().zip(&found).zip(&expected) {
        let apart = difference(found, expected);
        assert!(apart < 2e-4, "{name}, {count} trials: gradients by {} differ by {apart}", parameter.name());
    }
}

#[test]
fn every_cell_activation_and_size_agrees_with_the_processor() {
    let Some(mut gpu) = gpu() else { return };
    let mut cpu = CpuEngine::new(0).unwrap();
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
                let costly = Hyperparameters { activation, loss_type, n_rnn, l1_h: 1e-3, l2_h: 1e-6, ..cell.clone() };
                agree(&mut *gpu, &mut cpu, &Hyperparameters { dt: 50.0, ..costly }, 20);
            }
        }
        for (n_rnn, count) in [(1, 1), (3, 5), (64, 64), (100, 7), (128, 64), (256, 64), (257, 3), (512, 64), (600, 9)]
        {
            agree(&mut *gpu, &mut cpu, &Hyperparameters { n_rnn, dt: 50.0, ..cell.clone() }, count);
        }
    }
    agree(&mut *gpu, &mut cpu, &Hyperparameters::paper(), 512);
}

#[test]
fn trials_made_on_the_card_are_those_of_the_processor() {
    let Some(mut gpu) = gpu() else { return };
    for ruleset in Ruleset::ALL {
        for (rule, count) in ruleset.rules().iter().zip([64, 1, 37].into_iter().cycle()) {
            let paper = Hyperparameters { ruleset: *ruleset, rule_trains: vec![*rule], ..Hyperparameters::paper() };
            let classes = Hyperparameters {
                loss_type: Loss::CrossEntropy,
                in_loc_type: Encoding::OneHot,
                dt: 50.0,
                n_eachring: 5,
                ..paper.clone()
            };
            for hyperparameters in [paper, classes] {
                let settings = hyperparameters.trial_settings().unwrap();
                for settings in [settings.clone(), settings.with_lengths(&[(Epoch::Delay1, 150.0)])] {
                    let drawn = DrawnTrials::random(&settings, *rule, count, &mut RandomStream::new(5, 5)).unwrap();
                    let drawn = drawn.with_input_noise(0.3, Noise::new(6, 6), 7);
                    let (found, expected) = (gpu.make_trials(&drawn).unwrap(), drawn.make().unwrap());
                    let name = format!("{rule}, {count} trials, {:?}", settings.loss);
                    assert!(difference(&found.inputs, &expected.inputs) < 2e-6, "{name}: inputs");
                    assert_eq!((found.targets, found.mask), (expected.targets, expected.mask), "{name}");
                }
            }
        }
    }
}

/// Training steps on an engine, and the parameters after them.
fn trained(engine: &mut dyn Engine, hyperparameters: &Hyperparameters, steps: u32) -> Values {
    let mut learner = Learner::new(Network::new(hyperparameters).unwrap()).unwrap();
    let mut stream = RandomStream::new(9, 9);
    for step in 0..steps {
        let rule = hyperparameters.rule_trains[step as usize % hyperparameters.rule_trains.len()];
        let trials = DrawnTrials::random(hyperparameters, rule, 64, &mut stream).unwrap();
        let trials = trials.with_input_noise(hyperparameters.input_noise(), Noise::new(1, 3), step);
        engine.train_drawn(&mut learner, &trials, noise(step)).unwrap();
    }
    assert_eq!(engine.settle(&mut learner).unwrap(), None);
    learner.network().parameters().values()
}

#[test]
fn twenty_steps_are_those_of_the_processor() {
    let Some(mut gpu) = gpu() else { return };
    let mut cpu = CpuEngine::new(0).unwrap();
    let mut all = cells();
    all.push(Hyperparameters { optimizer: OptimizerKind::Sgd, ..Hyperparameters::paper() });
    all.push(Hyperparameters {
        l1_weight: 1e-2,
        l2_weight: 1e-3,
        p_weight_train: Some(0.4),
        ..Hyperparameters::paper()
    });
    for hyperparameters in all {
        let names = Network::layout(&hyperparameters).unwrap();
        let found = trained(&mut *gpu, &hyperparameters, 20);
        let expected = trained(&mut cpu, &hyperparameters, 20);
        for ((spec, found), expected) in names.iter().zip(&found).zip(&expected) {
            let apart = difference(found, expected);
            assert!(apart < 1e-4, "{}: {} differs by {apart}", name(&hyperparameters), spec.name);
            assert!(spec.role != Role::Fixed || found == expected, "{}", spec.name);
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_alone_and_beside_others() {
    if gpu().is_none() {
        return;
    }
    let one = || trained(&mut *Device::Cuda(0).engine(0).unwrap(), &Hyperparameters::paper(), 40);
    let alone = one();
    let together: Vec<Values> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(together.iter().all(|other| *other == alone));
}

/// A run of some evaluations.
fn run(path: &Path, device: Device, trials: u64) -> Run {
    let hyperparameters = Hyperparameters { batch_size_test: 64, ..Hyperparameters::paper() };
    Training::new(hyperparameters).device(device).max_trials(trials).quiet().train(path).unwrap()
}

#[test]
fn a_run_is_resumed_to_the_same_bits_and_may_change_its_device() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let weights = |run: &Run| run.last().unwrap().network().unwrap().parameters().values();
    let whole = run(&folder.path().join("whole"), Device::Cuda(0), 64 * 50);
    let resumed = folder.path().join("resumed");
    run(&resumed, Device::Cuda(0), 64 * 33);
    assert!(weights(&run(&resumed, Device::Cuda(0), 64 * 50)) == weights(&whole));
    assert_eq!(whole.evaluations().devices.len(), 1);

    let mixed = folder.path().join("mixed");
    run(&mixed, Device::Cpu, 64 * 20);
    run(&mixed, Device::Cuda(0), 64 * 40);
    let mixed = run(&mixed, Device::Cpu, 64 * 50);
    assert_eq!(mixed.evaluations().devices.len(), 2);
    let apart = difference(weights(&mixed).iter().flatten(), weights(&whole).iter().flatten());
    assert!(apart < 1e-2, "{apart}");
}

#[test]
fn a_readout_is_that_of_the_processor() {
    if gpu().is_none() {
        return;
    }
    let last = Run::shipped().unwrap().last().unwrap();
    let [found, expected] = [Device::Cuda(0), Device::Cpu].map(|device| {
        let mut readout = Readout::new(ReadoutOptions { device, ..ReadoutOptions::default() }).unwrap();
        readout.activity(&last, Rule::ODRD).unwrap()
    });
    assert!(difference(&found.rates, &expected.rates) < 1e-4);
}

#[test]
fn what_cannot_be_on_a_card_is_told_with_its_remedy() {
    let Err(problem) = Device::Cuda(64).engine(0) else { panic!("there are 65 GPUs") };
    assert!(problem.to_string().contains("cuda:64") && problem.to_string().contains("Device::Cpu"), "{problem}");
    let Some(mut gpu) = gpu() else { return };
    // The rates of 2,000 steps of 100,000 trials of 1,024 units are more than any card's memory.
    let hyperparameters = Hyperparameters { n_rnn: 1024, ..Hyperparameters::paper() };
    let network = Network::new(&hyperparameters).unwrap();
    let large = Array3::zeros((2000, 100_000, hyperparameters.n_input()));
    let problem = gpu.run(&network, &large, SweepNoise::None).unwrap_err().to_string();
    assert!(problem.contains("memory is full") && problem.contains("smaller batch"), "{problem}");
    // And the engine is as good as before.
    agree(&mut *gpu, &mut CpuEngine::new(0).unwrap(), &Hyperparameters { dt: 50.0, ..hyperparameters }, 5);
}

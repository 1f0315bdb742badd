//! The kernels with the leaky cell against the same in double precision.

use super::CpuEngine;
use super::kernels::{Dimensions, Source, Workspace};
use super::reference::{Case, close};
use crate::hyperparameters::{Activation, Hyperparameters, Loss};
use crate::network::cells::Leaky;
use crate::network::{Engine, Learner, Network, SweepNoise, Values};
use crate::numerics::Level;
use crate::numerics::random::{Noise, RandomStream};
use crate::tasks::{DescribesTrials, DrawnTrials, Epoch, Rule, Trials};

const ACTIVATIONS: [Activation; 6] =
    [Activation::Softplus, Activation::Relu, Activation::Tanh, Activation::Power, Activation::Retanh, Activation::Elu];

fn check(case: &Case, level: Level, threads: usize) {
    let mut workspace = Workspace::with_level(threads, level).unwrap();
    let (expected, cost) = case.reference();
    let mut gradients = Values::new();
    let found = workspace
        .gradients(&Leaky, case.dimensions, &case.weights(), Source::Made(case.batch()), &case.sweep, &mut gradients)
        .unwrap();
    let name = format!("{:?} {:?} {:?} {level:?}", case.dimensions, case.sweep.activation, case.sweep.loss);
    assert!((found.task - cost.task).abs() < 1e-5 * (1.0 + cost.task.abs()), "{name}: {found:?} {cost:?}");
    assert!((found.activity - cost.activity).abs() < 1e-5 * (1.0 + cost.activity.abs()), "{name}: {found:?} {cost:?}");
    close(&gradients[1], &expected.w_rec, 1e-4, &format!("{name} w_rec"));
    close(&gradients[0], &expected.w_in, 1e-4, &format!("{name} w_in"));
    close(&gradients[2], &expected.b_rec, 1e-4, &format!("{name} b_rec"));
    close(&gradients[3], &expected.w_out, 1e-4, &format!("{name} w_out"));
    close(&gradients[4], &expected.b_out, 1e-4, &format!("{name} b_out"));

    let Dimensions { steps, trials, units, outputs, .. } = case.dimensions;
    let mut values = vec![7.0; steps * trials * outputs];
    let (all, made) = (case.weights(), Source::Made(case.batch()));
    let evaluated = workspace.evaluate(&Leaky, case.dimensions, &all, made, &case.sweep, &mut values).unwrap();
    assert!((evaluated.task - cost.task).abs() < 1e-5 * (1.0 + cost.task.abs()), "{name}");
    close(&values, &expected.outputs, 1e-5, &format!("{name} outputs"));
    let mut hidden = vec![7.0; steps * trials * units];
    let (mut ungraded, weights) = (vec![7.0; values.len()], case.weights());
    let (into_hidden, into_outputs) = (Some(&mut hidden[..]), Some(&mut ungraded[..]));
    workspace.run(&Leaky, case.dimensions, &weights, &case.inputs, &case.sweep, into_hidden, into_outputs).unwrap();
    close(&hidden, &expected.hidden, 1e-5, &format!("{name} hidden"));
    assert_eq!(ungraded, values, "{name}");
}

#[test]
fn sweeps_equal_the_plain_computation_for_odd_sizes_at_every_level() {
    for level in Level::available() {
        for (index, (units, trials, steps)) in
            [(1, 1, 1), (3, 5, 2), (17, 17, 7), (64, 64, 19), (100, 5, 40), (33, 33, 70)].into_iter().enumerate()
        {
            let dimensions = Dimensions { units, inputs: 1 + 3 * index, outputs: 2 + index, steps, trials };
            for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                let activation = ACTIVATIONS[index];
                check(&Case::new(dimensions, activation, loss, index as u64), level, 1 + index);
            }
        }
    }
}

#[test]
fn sweeps_equal_the_plain_computation_whatever_the_sizes_of_network_and_batch() {
    for level in Level::available() {
        for (units, trials) in [1, 3, 17, 64, 100].into_iter().flat_map(|n| [1, 5, 64].map(|trials| (n, trials))) {
            // A step more than are made at a time.
            let dimensions = Dimensions { units, inputs: 5, outputs: 3, steps: 9, trials };
            for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
                check(&Case::new(dimensions, Activation::Softplus, loss, 9), level, 2);
            }
        }
    }
}

#[test]
fn every_activation_has_its_gradients() {
    let dimensions = Dimensions { units: 18, inputs: 5, outputs: 4, steps: 12, trials: 20 };
    for activation in ACTIVATIONS {
        for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
            for level in Level::available() {
                check(&Case::new(dimensions, activation, loss, 5), level, 2);
            }
        }
    }
}

#[test]
fn rates_that_cost_have_their_gradients() {
    let dimensions = Dimensions { units: 9, inputs: 3, outputs: 2, steps: 8, trials: 18 };
    for activation in [Activation::Softplus, Activation::Relu, Activation::Tanh] {
        let mut case = Case::new(dimensions, activation, Loss::LeastSquares, 8);
        case.sweep.l1_h = 0.3;
        case.sweep.l2_h = 0.002;
        check(&case, Level::detect(), 2);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let dimensions = Dimensions { units: 40, inputs: 6, outputs: 5, steps: 30, trials: 70 };
    let case = Case::new(dimensions, Activation::Softplus, Loss::LeastSquares, 1);
    let results: Vec<_> = [1, 2, 3, 8]
        .into_iter()
        .map(|threads| {
            let mut gradients = Values::new();
            let cost = Workspace::new(threads)
                .unwrap()
                .gradients(&Leaky, dimensions, &case.weights(), Source::Made(case.batch()), &case.sweep, &mut gradients)
                .unwrap();
            (gradients, cost)
        })
        .collect();
    for result in &results[1..] {
        assert_eq!(*result, results[0]);
    }
}

#[test]
fn a_workspace_carries_nothing_from_one_sweep_to_the_next() {
    let large = Dimensions { units: 40, inputs: 6, outputs: 5, steps: 30, trials: 40 };
    let small = Dimensions { units: 7, inputs: 2, outputs: 3, steps: 9, trials: 19 };
    let case = Case::new(small, Activation::Tanh, Loss::CrossEntropy, 2);
    let fresh = |workspace: &mut Workspace| {
        let mut gradients = Values::new();
        workspace
            .gradients(&Leaky, small, &case.weights(), Source::Made(case.batch()), &case.sweep, &mut gradients)
            .unwrap();
        gradients
    };
    let mut used = Workspace::new(2).unwrap();
    let other = Case::new(large, Activation::Softplus, Loss::LeastSquares, 3);
    used.gradients(&Leaky, large, &other.weights(), Source::Made(other.batch()), &other.sweep, &mut Values::new())
        .unwrap();
    assert_eq!(fresh(&mut used), fresh(&mut Workspace::new(2).unwrap()));
}

#[test]
fn a_diverged_network_shows_in_its_cost() {
    let dimensions = Dimensions { units: 20, inputs: 3, outputs: 4, steps: 5, trials: 3 };
    for activation in ACTIVATIONS {
        for loss in [Loss::LeastSquares, Loss::CrossEntropy] {
            let mut case = Case::new(dimensions, activation, loss, 4);
            case.w_rec[7] = f32::NAN;
            let cost = Workspace::new(1)
                .unwrap()
                .gradients(
                    &Leaky,
                    dimensions,
                    &case.weights(),
                    Source::Made(case.batch()),
                    &case.sweep,
                    &mut Values::new(),
                )
                .unwrap();
            assert!(cost.task.is_nan(), "{activation:?} {loss:?}");
        }
    }
}

#[test]
fn arrays_of_the_wrong_size_are_refused_by_name() {
    let dimensions = Dimensions { units: 4, inputs: 3, outputs: 2, steps: 5, trials: 3 };
    let case = Case::new(dimensions, Activation::Relu, Loss::LeastSquares, 4);
    let wrong = Dimensions { steps: 6, ..dimensions };
    let mut workspace = Workspace::new(1).unwrap();
    let message = workspace
        .gradients(&Leaky, wrong, &case.weights(), Source::Made(case.batch()), &case.sweep, &mut Values::new())
        .unwrap_err()
        .to_string();
    assert!(message.contains("`inputs`"), "{message}");
    let mut short = vec![0.0; 3];
    let message = workspace
        .run(&Leaky, dimensions, &case.weights(), &case.inputs, &case.sweep, Some(&mut short), None)
        .unwrap_err()
        .to_string();
    assert!(message.contains("`hidden`"), "{message}");
    // Sizes whose product wraps around to that of the array.
    let wraps = Dimensions { steps: usize::MAX / 3 * 2 + 1, trials: 3, units: 1, inputs: 1, outputs: 1 };
    let one = [0.5_f32];
    let weights = [&one[..]; 5];
    assert!(workspace.run(&Leaky, wraps, &weights, &one, &case.sweep, None, None).is_err());
}

#[test]
fn noise_follows_the_trial_not_the_shard() {
    let dimensions = Dimensions { units: 12, inputs: 2, outputs: 2, steps: 6, trials: 20 };
    let mut case = Case::new(dimensions, Activation::Tanh, Loss::LeastSquares, 6);
    case.sweep.noise = Noise::new(1, 2);
    case.sweep.noise_deviation = 0.5;
    check(&case, Level::detect(), 3);
}

/// Sums are taken in another order, and products rounded once or twice; training does not drive that apart.
#[test]
fn a_hundred_steps_of_training_agree_between_instruction_sets() {
    let hyperparameters =
        Hyperparameters { n_rnn: 48, batch_size_train: 24, rule_trains: vec![Rule::GAP], ..Hyperparameters::paper() };
    let trained = |level: Level| {
        let mut learner = Learner::new(Network::new(&hyperparameters).unwrap()).unwrap();
        let mut engine = CpuEngine::with_level(2, level).unwrap();
        for step in 0..100 {
            let mut stream = RandomStream::new(5, step);
            let trials = Trials::random(&hyperparameters, Rule::GAP, 24, &mut stream).unwrap();
            let noise = SweepNoise::Gaussian { noise: Noise::new(5, 1), step: step as u32 };
            engine.train(&mut learner, &trials, noise).unwrap();
        }
        assert!(engine.settle(&mut learner).unwrap().is_none());
        learner.network().parameters().values().concat()
    };
    let begun = Network::new(&hyperparameters).unwrap().parameters().values().concat();
    let largest = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    let portable = trained(Level::available()[0]);
    assert!(largest(&begun, &portable) > 0.01, "nothing was learnt");
    for level in Level::available() {
        let difference = largest(&portable, &trained(level));
        println!("{level:?}: the largest difference after 100 steps is {difference:e}");
        assert!(difference < 1e-5, "{level:?}: {difference:e}");
    }
}

#[test]
fn more_threads_than_any_machine_has_are_refused() {
    let message = CpuEngine::new(100_000).err().unwrap().to_string();
    assert!(message.contains("100000 threads") && message.contains("1024"), "{message}");
}

/// Shards make their own trials: the very bits of a batch made before, whatever the number of threads.
#[test]
fn trials_that_are_made_shard_by_shard_are_those_made_at_once() {
    for loss_type in [Loss::LeastSquares, Loss::CrossEntropy] {
        let hyperparameters = Hyperparameters { n_rnn: 10, loss_type, ..Hyperparameters::paper() };
        let start = Network::new(&hyperparameters).unwrap();
        for (threads, count) in [(1, 1), (1, 20), (2, 8), (3, 29)] {
            let mut engine = CpuEngine::new(threads).unwrap();
            assert!(engine.makes_trials(&start));
            let [mut at_once, mut by_shard] = [(); 2].map(|()| Learner::new(start.clone()).unwrap());
            let settings = hyperparameters.trial_settings().unwrap();
            let longer = settings.clone().with_lengths(&[(Epoch::Delay1, 600.0)]);
            for (step, rule) in [Rule::ODRD, Rule::GAP, Rule::ODR].into_iter().enumerate() {
                let of = if step == 0 { &longer } else { &settings };
                let drawn = DrawnTrials::random(of, rule, count, &mut RandomStream::new(1, step as u64)).unwrap();
                let drawn = drawn.with_input_noise(0.3, Noise::new(3, 4), step as u32);
                let (made, noise) = (drawn.make().unwrap(), SweepNoise::Gaussian { noise: Noise::new(5, 6), step: 1 });
                let graded = engine.grade(&start, &made, noise).unwrap();
                assert_eq!(engine.grade_drawn(&start, &drawn, noise).unwrap(), graded, "{rule} {count}");
                let cost = engine.train(&mut at_once, &made, noise).unwrap();
                assert_eq!(engine.train_drawn(&mut by_shard, &drawn, noise).unwrap(), cost, "{rule} {count}");
            }
            assert_eq!(at_once.network().parameters().values(), by_shard.network().parameters().values());
        }
    }
}

#[test]
fn drawn_trials_of_another_network_are_refused() {
    let small = Hyperparameters { n_rnn: 4, ..Hyperparameters::paper() };
    let other = Hyperparameters { n_eachring: 9, ..small.clone() };
    let drawn = DrawnTrials::random(&other, Rule::GAP, 2, &mut RandomStream::new(1, 1)).unwrap();
    let mut engine = CpuEngine::new(1).unwrap();
    let network = Network::new(&small).unwrap();
    let noise = SweepNoise::None;
    let message = engine.grade_drawn(&network, &drawn, noise).unwrap_err().to_string();
    assert!(message.contains("`inputs`"), "{message}");
    let mut learner = Learner::new(network).unwrap();
    let message = engine.train_drawn(&mut learner, &drawn, noise).unwrap_err().to_string();
    assert!(message.contains("`inputs`"), "{message}");
}

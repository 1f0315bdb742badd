//! The engine and its kernels, on the stand-in, against the CPU's engine.

use ndarray::s;

use super::engine::CardEngine;
use super::stand_in::{StandIn, is_there};
use crate::hyperparameters::{Activation, CurriculumStage, Hyperparameters, Loss, OptimizerKind, Trainables};
use crate::network::cells::{self, Cell};
use crate::network::{CpuEngine, Engine, Learner, Network, Role, SweepNoise, Values};
use crate::numerics::Level;
use crate::numerics::random::{Noise, RandomStream};
use crate::tasks::{
    DescribesTrials, DrawnTrials, Encoding, Epoch, EventDefinition, Rule, Ruleset, ShownDefinition, TaskDefinition,
    TrialKind, TrialSettings, Trials,
};
use crate::training::{LogEntry, Run, Training};

const NOISE: SweepNoise = SweepNoise::None;

/// A stand-in, or none where it cannot be.
fn engine() -> Option<CardEngine<StandIn>> {
    is_there().then(|| CardEngine::new(StandIn::new(), 1))
}

fn noise() -> SweepNoise {
    SweepNoise::Gaussian { noise: Noise::new(1, 2), step: 4 }
}

/// Few steps, and each of the crate's cells.
fn cells() -> Vec<Hyperparameters> {
    let mut all = Vec::new();
    for known in cells::built_in() {
        for mix_rule in [true, false] {
            if mix_rule || known.separate_input {
                all.push(Hyperparameters {
                    rnn_type: known.cell.name().parse().unwrap(),
                    use_separate_input: known.separate_input,
                    mix_rule,
                    dt: 100.0,
                    tau: 500.0,
                    ..Hyperparameters::paper()
                });
            }
        }
    }
    all
}

fn name(hyperparameters: &Hyperparameters) -> String {
    let Hyperparameters { rnn_type, use_separate_input, mix_rule, activation, loss_type, n_rnn, .. } = hyperparameters;
    format!("{rnn_type} separate {use_separate_input} mixed {mix_rule} {activation:?} {loss_type:?} {n_rnn}")
}

/// A network whose biases are not all alike.
fn network(hyperparameters: &Hyperparameters) -> Network {
    let mut network = Network::new(hyperparameters).unwrap();
    let mut stream = RandomStream::new(1, 1);
    for parameter in network.parameters_mut().iter_mut().filter(|parameter| parameter.role() == Role::Bias) {
        let moved: Vec<f32> =
            parameter.values().iter().map(|bias| bias + 0.1 * stream.standard_normal() as f32).collect();
        parameter.tensor.copy_from(&moved);
    }
    network
}

fn trials(hyperparameters: &Hyperparameters, count: usize) -> Trials {
    Trials::random(hyperparameters, Rule::GAP, count, &mut RandomStream::new(3, 3)).unwrap()
}

/// The largest difference between two arrays, relative to the largest element; NaN is infinitely far.
fn difference<'a>(found: impl IntoIterator<Item = &'a f32>, expected: impl IntoIterator<Item = &'a f32>) -> f32 {
    let (found, expected): (Vec<f32>, Vec<f32>) =
        (found.into_iter().copied().collect(), expected.into_iter().copied().collect());
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(1e-12_f32, |largest, value| largest.max(value.abs()));
    let apart = |(a, b): (&f32, &f32)| {
        let apart = (a - b).abs() / largest;
        if apart.is_nan() { f32::INFINITY } else { apart }
    };
    found.iter().zip(&expected).map(apart).fold(0.0, f32::max)
}

/// Compares rates, outputs, cost and gradients of a network with those of the CPU's engine.
fn agree(engine: &mut CardEngine<StandIn>, hyperparameters: &Hyperparameters, count: usize) {
    let (network, trials, name) = (network(hyperparameters), trials(hyperparameters, count), name(hyperparameters));
    let mut cpu = CpuEngine::new(1).unwrap();
    let found = engine.run(&network, &trials.inputs, noise()).unwrap();
    let expected = cpu.run(&network, &trials.inputs, noise()).unwrap();
    let apart = difference(&found.hidden, &expected.hidden);
    assert!(apart < 1e-5, "{name}, {count} trials: rates differ by {apart}");
    assert!(difference(&found.outputs, &expected.outputs) < 1e-5, "{name}: outputs");

    let (cost, outputs) = engine.evaluate(&network, &trials, noise()).unwrap();
    assert_eq!(outputs, found.outputs, "{name}");
    let last = outputs.slice(s![-1.., .., ..]).to_owned();
    assert_eq!(engine.grade(&network, &trials, noise()).unwrap(), (cost, last), "{name}");
    let (again, gradients) = engine.gradients(&network, &trials, noise()).unwrap();
    let (of_cpu, expected) = cpu.gradients(&network, &trials, noise()).unwrap();
    assert_eq!(cost, again, "{name}");
    assert!((cost.task - of_cpu.task).abs() < 1e-5 * of_cpu.task, "{name}: cost {cost:?}, expected {of_cpu:?}");
    assert!((cost.activity - of_cpu.activity).abs() <= 1e-5 * of_cpu.activity, "{name}: {cost:?} {of_cpu:?}");
    for ((parameter, found), expected) in network.parameters().iter().zip(&gradients).zip(&expected) {
        let apart = difference(found, expected);
        assert!(apart < 5e-5, "{name}, {count} trials: gradients by {} differ by {apart}", parameter.name());
    }
}

#[test]
fn every_cell_activation_and_loss_agrees_with_the_cpu() {
    let Some(mut engine) = engine() else { return };
    for cell in cells() {
        for activation in [
            Activation::Softplus,
            Activation::Relu,
            Activation::Tanh,
            Activation::Power,
            Activation::Retanh,
            Activation::Elu,
        ] {
            let (loss_type, n_rnn) = match activation {
                Activation::Relu | Activation::Power | Activation::Elu => (Loss::CrossEntropy, 17),
                _ => (Loss::LeastSquares, 33),
            };
            let costly = Hyperparameters { activation, loss_type, n_rnn, l1_h: 1e-3, l2_h: 1e-6, ..cell.clone() };
            agree(&mut engine, &costly, 5);
        }
    }
}

/// One unit, more columns than a tile of a product has, more rates than are at hand at once; one trial, and more than a
/// block takes; a sum that is cut into layers.
#[test]
fn every_size_agrees_with_the_cpu() {
    let Some(mut engine) = engine() else { return };
    for cell in cells() {
        for (n_rnn, count) in [(1, 1), (3, 9), (100, 2), (130, 6)] {
            agree(&mut engine, &Hyperparameters { n_rnn, ..cell.clone() }, count);
        }
    }
    let leaky = Hyperparameters { n_rnn: 515, ..cells()[0].clone() };
    agree(&mut engine, &leaky, 1);
    agree(&mut engine, &Hyperparameters { n_rnn: 5, dt: 20.0, ..leaky }, 13);
}

/// The leaky cells with their weights in registers: units that fill a cluster's blocks and units that do not, clusters
/// of one, two and eight blocks, of one trial and of four, the last of them not full.
#[test]
fn weights_in_registers_agree_with_the_cpu() {
    if !is_there() {
        return;
    }
    let few_steps = Hyperparameters { dt: 100.0, tau: 500.0, ..Hyperparameters::paper() };
    for processors in [1, 1000] {
        for reversed in [false, true] {
            let card = StandIn { clusters: true, reversed, processors, ..StandIn::new() };
            let mut engine = CardEngine::new(card, 1);
            let activations = [Activation::Softplus, Activation::Tanh, Activation::Elu];
            for (activation, n_rnn) in activations.into_iter().cycle().zip([5, 100, 128, 200, 256, 300, 512]) {
                agree(&mut engine, &Hyperparameters { activation, n_rnn, ..few_steps.clone() }, 6);
            }
            let separate = Hyperparameters { use_separate_input: true, n_rnn: 17, l1_h: 1e-3, ..few_steps.clone() };
            agree(&mut engine, &separate, 1);
            // What does not fit takes the other kernels.
            agree(&mut engine, &Hyperparameters { n_rnn: 513, ..few_steps.clone() }, 1);
        }
    }
}

#[test]
fn no_bit_depends_on_the_order_of_threads_or_on_the_trials_of_a_block() {
    if !is_there() {
        return;
    }
    for cell in cells() {
        let hyperparameters = Hyperparameters { n_rnn: 37, l1_h: 1e-3, ..cell };
        let (network, trials) = (network(&hyperparameters), trials(&hyperparameters, 7));
        let of = |card: StandIn| CardEngine::new(card, 1).gradients(&network, &trials, noise()).unwrap();
        let expected = of(StandIn::new());
        assert_eq!(of(StandIn { reversed: true, ..StandIn::new() }), expected, "{}", name(&hyperparameters));
        for processors in [2, 100] {
            assert_eq!(of(StandIn { processors, ..StandIn::new() }), expected, "{}", name(&hyperparameters));
        }
        let expected = of(StandIn { clusters: true, ..StandIn::new() });
        for (processors, reversed) in [(1, true), (100, false), (100, true)] {
            let card = StandIn { clusters: true, processors, reversed, ..StandIn::new() };
            assert_eq!(of(card), expected, "{}", name(&hyperparameters));
        }
    }
}

/// The crate's noise, number by number: units without input and memory, whose rates are the noise that they received.
#[test]
fn noise_is_the_crates_own() {
    let Some(mut engine) = engine() else { return };
    for n_rnn in [1, 7, 16, 31, 32, 33, 100] {
        let hyperparameters = Hyperparameters {
            n_rnn,
            activation: Activation::Elu,
            dt: 100.0,
            tau: 100.0,
            sigma_rec: 0.5,
            ..Hyperparameters::paper()
        };
        let mut silent = Network::new(&hyperparameters).unwrap();
        silent.parameters_mut().iter_mut().for_each(|one| one.tensor.copy_from(&vec![0.0; one.spec().count()]));
        let trials = trials(&hyperparameters, 3);
        let found = engine.run(&silent, &trials.inputs, noise()).unwrap().hidden;
        let deviation = hyperparameters.recurrent_noise() as f32;
        for ((time, trial, unit), rate) in found.indexed_iter() {
            let mut normals = vec![0.0; unit + 1];
            Noise::new(1, 2).fill(4, trial as u32, time as u32, &mut normals);
            let z = deviation * normals[unit];
            let expected = if z > 0.0 { z } else { z.exp_m1() };
            assert!(
                (rate - expected).abs() < 2e-6 * (1.0 + expected.abs()),
                "{time} {trial} {unit}: {rate} {expected}"
            );
        }
    }
}

/// A task of a user's own with all that one can have: two delays of lengths of their own, targets of a choice, a
/// further channel, strengths, trials that ask for no response.
fn own_rule() -> Rule {
    let shows = |ring: (f64, f64), target: Option<f64>, level: f64| {
        let target = target.map_or(ShownDefinition::Nothing, ShownDefinition::Number);
        [ring.into(), target, level.into()]
    };
    let lasting = [(Epoch::Fix1, 300.0), (Epoch::Stim1, 200.0), (Epoch::Delay1, 700.0), (Epoch::Delay2, 400.0)];
    let definition = TaskDefinition {
        name: "card_choice".to_owned(),
        epochs: lasting.into_iter().chain([(Epoch::Go1, 500.0)]).collect(),
        varied: vec![(Epoch::Delay1, 100.0, 700.0), (Epoch::Delay2, 0.0, 400.0)],
        events: vec![
            EventDefinition::new("ring", &[Epoch::Stim1, Epoch::Delay1]),
            EventDefinition::new("targets", &[Epoch::Delay2, Epoch::Go1]),
            EventDefinition::new("coherence", &[Epoch::Delay1]),
        ],
        trials: vec![
            TrialKind::responding(shows((0.0, 0.5), Some(90.0), 0.3), 90.0),
            TrialKind::responding(shows((180.0, 2.0), None, -0.7), 270.0),
            TrialKind::fixating(shows((45.0, -1.0), Some(200.0), 1.5)),
        ],
        turned: true,
        ..TaskDefinition::default()
    };
    Rule::define(definition).unwrap()
}

/// Compares the arrays of trials that the card makes with the processor's.
fn made_alike(engine: &mut CardEngine<StandIn>, settings: &TrialSettings, rule: Rule, count: usize, noise: f64) {
    let drawn = DrawnTrials::random(settings, rule, count, &mut RandomStream::new(5, 5)).unwrap();
    let drawn = drawn.with_input_noise(noise, Noise::new(6, 6), 7);
    let (found, expected) = (engine.make_trials(&drawn).unwrap(), drawn.make().unwrap());
    let name = format!("{rule}, {count} trials, {:?}, noise {noise}", settings.loss);
    // Where it has fused arithmetic, the processor makes the very same normals.
    let apart = if Level::available().len() > 1 { 0.0 } else { 2e-6 };
    for (array, found, expected, apart) in [
        ("inputs", &found.inputs, &expected.inputs, apart),
        ("targets", &found.targets, &expected.targets, 0.0),
        ("mask", &found.mask, &expected.mask, 0.0),
    ] {
        assert_eq!(found.dim(), expected.dim(), "{name}");
        for ((place, found), expected) in found.indexed_iter().zip(expected) {
            let alike = (found - expected).abs() <= apart || found.is_nan() && expected.is_nan();
            assert!(alike, "{name}: {array} at {place:?}: {found}, expected {expected}");
        }
    }
    assert_eq!((found.rule, found.timeline, found.timelines), (expected.rule, expected.timeline, expected.timelines));
    assert_eq!(found.conditions, expected.conditions);
}

/// Every rule of the crate and one of a user's own, both losses and encodings, one trial and odd numbers of them, with
/// and without noise, epochs that last otherwise in a stage of a curriculum or in each trial.
#[test]
fn trials_made_on_the_card_are_the_processors() {
    if !is_there() {
        return;
    }
    let own = own_rule();
    for (reversed, count) in [(false, 1), (true, 7), (false, 37)] {
        let mut engine = CardEngine::new(StandIn { reversed, ..StandIn::new() }, 1);
        for rule in Rule::all().into_iter().filter(|rule| !rule.is_own()).chain([own]) {
            let ruleset = if rule == own { Ruleset::of(&[Rule::GAP, own]).unwrap() } else { Ruleset::containing(rule) };
            let paper = Hyperparameters { ruleset, rule_trains: vec![rule], ..Hyperparameters::paper() };
            let classes = Hyperparameters {
                loss_type: Loss::CrossEntropy,
                in_loc_type: Encoding::OneHot,
                dt: 50.0,
                n_eachring: 5,
                ..paper.clone()
            };
            // The longest rules take long on the stand-in.
            let long = count > 1 && [Rule::ODR6000, Rule::ODR15000].contains(&rule);
            for hyperparameters in [paper, classes].into_iter().skip(usize::from(long)) {
                let settings = hyperparameters.trial_settings().unwrap();
                made_alike(&mut engine, &settings, rule, count, 0.0);
                made_alike(&mut engine, &settings, rule, count, 0.4);
                let lengths = [(Epoch::Delay1, 150.0), (Epoch::Fix1, 60.0)];
                made_alike(&mut engine, &settings.with_lengths(&lengths), rule, count, 0.1);
            }
        }
    }
}

/// A cost whose mean is 0 is no number on either.
#[test]
fn trials_in_which_nothing_is_graded_are_made_alike() {
    let Some(mut engine) = engine() else { return };
    let definition = TaskDefinition {
        name: "card_short".to_owned(),
        epochs: vec![(Epoch::Go1, 80.0)],
        trials: vec![TrialKind::fixating(Vec::<f64>::new())],
        ..TaskDefinition::default()
    };
    let rule = Rule::define(definition).unwrap();
    for loss_type in [Loss::LeastSquares, Loss::CrossEntropy] {
        let ruleset = Ruleset::of(&[rule]).unwrap();
        let short = Hyperparameters { ruleset, rule_trains: vec![rule], loss_type, ..Hyperparameters::paper() };
        made_alike(&mut engine, &short.trial_settings().unwrap(), rule, 3, 0.2);
    }
}

/// Training steps and evaluations on trials of the card's own making are those on the processor's trials.
#[test]
fn training_on_trials_of_the_cards_own_making_is_that_on_the_processors() {
    let Some(mut engine) = engine() else { return };
    let own = own_rule();
    for loss_type in [Loss::LeastSquares, Loss::CrossEntropy] {
        let ruleset = Ruleset::of(&[Rule::ODRD, Rule::GAP, own]).unwrap();
        let rule_trains = ruleset.rules().to_vec();
        let hyperparameters = Hyperparameters { n_rnn: 9, loss_type, ruleset, rule_trains, ..cells()[0].clone() };
        let start = network(&hyperparameters);
        assert!(engine.makes_trials(&start));
        let mut cpu = CpuEngine::new(1).unwrap();
        assert!(!cpu.makes_trials(&start));
        let [mut card, mut copied, mut processor] = [(); 3].map(|()| Learner::new(start.clone()).unwrap());
        let mut other = CardEngine::new(StandIn::new(), 1);
        let mut stream = RandomStream::new(9, 9);
        for step in 0..20 {
            let rule = hyperparameters.rule_trains[step as usize % 3];
            let drawn = DrawnTrials::random(&hyperparameters, rule, 6, &mut stream).unwrap();
            let drawn = drawn.with_input_noise(hyperparameters.input_noise(), Noise::new(7, 8), step);
            let noise = SweepNoise::Gaussian { noise: Noise::new(7, 7), step };
            assert_eq!(engine.train_drawn(&mut card, &drawn, noise).unwrap(), None);
            other.train(&mut copied, &drawn.make().unwrap(), noise).unwrap();
            cpu.train_drawn(&mut processor, &drawn, noise).unwrap();
            if step % 5 == 0 {
                let (cost, outputs) = engine.grade_drawn(&start, &drawn, noise).unwrap();
                let (of_copied, expected) = other.grade(&start, &drawn.make().unwrap(), noise).unwrap();
                assert!((cost.task - of_copied.task).abs() <= 1e-6 * of_copied.task);
                assert!(difference(&outputs, &expected) < 1e-6);
            }
        }
        engine.settle(&mut card).unwrap();
        other.settle(&mut copied).unwrap();
        let weights = |learner: &Learner| learner.network().parameters().values().concat();
        assert!(difference(&weights(&card), &weights(&copied)) < 1e-6);
        assert!(difference(&weights(&card), &weights(&processor)) < 1e-4);
    }
}

/// Between two evaluations the processor copies what it has drawn of the trials, asks for a few kernels, and waits for
/// nothing.
#[test]
fn a_step_copies_what_was_drawn_and_waits_for_nothing() {
    let Some(mut engine) = engine() else { return };
    for (place, cell) in cells().into_iter().enumerate() {
        let hyperparameters = Hyperparameters { n_rnn: 7, batch_size_train: 50, ..cell };
        let mut learner = Learner::new(network(&hyperparameters)).unwrap();
        let mut stream = RandomStream::new(9, 9);
        // The longest trials first, so that there is room for all.
        let rules = [Rule::ODRD, Rule::GAP];
        for (step, rule) in rules.into_iter().cycle().take(6).enumerate() {
            let before = engine.work.card.asked.get();
            let drawn = DrawnTrials::random(&hyperparameters, rule, 50, &mut stream).unwrap();
            engine.train_drawn(&mut learner, &drawn, noise()).unwrap();
            let after = engine.work.card.asked.get();
            let (name, launches) = (name(&hyperparameters), after.launches - before.launches);
            // Of the leaky cell: trials (2), inputs, noise, forward, outputs (3), back (3), gradients (2), update.
            assert!(if place == 0 { launches == 14 } else { launches <= 24 }, "{name}: {launches}");
            assert_eq!(after.downloads, before.downloads, "{name}");
            if step > 1 {
                assert_eq!(after.allocations, before.allocations, "{name}");
                assert_eq!(after.uploads - before.uploads, 1, "{name}");
            }
        }
        assert_eq!(engine.settle(&mut learner).unwrap(), None);
    }
}

#[test]
fn drawn_trials_of_another_network_are_refused() {
    let Some(mut engine) = engine() else { return };
    let small = Hyperparameters { n_rnn: 6, ..cells()[0].clone() };
    let classes = Hyperparameters { loss_type: Loss::CrossEntropy, ..small.clone() };
    let ring = Hyperparameters { n_eachring: 7, ..small.clone() };
    for (other, words) in [(classes, "`mask` has shape [17, 2, 1]"), (ring, "`inputs` has shape [17, 2, 14]")] {
        let drawn = DrawnTrials::random(&other, Rule::GAP, 2, &mut RandomStream::new(1, 1)).unwrap();
        let mut learner = Learner::new(network(&small)).unwrap();
        let message = engine.train_drawn(&mut learner, &drawn, NOISE).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        let message = engine.grade_drawn(&network(&small), &drawn, NOISE).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
        // None is left in training.
        engine.settle(&mut learner).unwrap();
    }
}

/// Trains on both engines and compares what comes of it.
fn train_alike(hyperparameters: &Hyperparameters, steps: usize) {
    let Some(mut engine) = engine() else { return };
    let start = network(hyperparameters);
    let (mut there, mut here) = (Learner::new(start.clone()).unwrap(), Learner::new(start.clone()).unwrap());
    let mut cpu = CpuEngine::new(1).unwrap();
    let mut stream = RandomStream::new(9, 9);
    for step in 0..steps {
        let trials = Trials::random(hyperparameters, Rule::GAP, 6, &mut stream).unwrap();
        let noise = SweepNoise::Gaussian { noise: Noise::new(7, 7), step: step as u32 };
        assert_eq!(engine.train(&mut there, &trials, noise).unwrap(), None);
        cpu.train(&mut here, &trials, noise).unwrap();
        if step == 3 {
            // Somebody looks at it, and training goes on.
            assert_eq!(engine.settle(&mut there).unwrap(), None);
        }
    }
    assert_eq!(engine.settle(&mut there).unwrap(), None);
    assert_eq!(there.optimizer.updates, here.optimizer.updates);
    let all = |learner: &Learner| -> Vec<Values> {
        let [means, squares] = learner.optimizer.moments.clone();
        vec![learner.network().parameters().values(), means, squares]
    };
    for (found, expected) in all(&there).iter().zip(&all(&here)) {
        for ((found, expected), parameter) in found.iter().zip(expected).zip(start.parameters()) {
            let apart = difference(found, expected);
            assert!(apart < 1e-4, "{}: {} differs by {apart}", name(hyperparameters), parameter.name());
        }
    }
    for (before, after) in start.parameters().iter().zip(there.network().parameters()) {
        assert!(before.role() != Role::Fixed || before.values() == after.values(), "{}", before.name());
    }
}

#[test]
fn every_cell_trains_as_on_the_cpu() {
    for cell in cells() {
        train_alike(&Hyperparameters { n_rnn: 12, learning_rate: 0.003, ..cell }, 20);
    }
}

#[test]
fn every_option_of_training_is_as_on_the_cpu() {
    let small = Hyperparameters { n_rnn: 11, learning_rate: 0.01, ..cells()[0].clone() };
    let options = [
        Hyperparameters { optimizer: OptimizerKind::Sgd, ..small.clone() },
        Hyperparameters { l1_weight: 1e-2, l2_weight: 1e-3, ..small.clone() },
        Hyperparameters { l2_weight_init: 0.1, ..small.clone() },
        Hyperparameters { p_weight_train: Some(0.3), ..small.clone() },
        Hyperparameters { l1_h: 1e-2, l2_h: 1e-4, ..small.clone() },
        Hyperparameters { trainables: Trainables::Input, ..small.clone() },
        Hyperparameters { trainables: Trainables::Rule, ..small.clone() },
        Hyperparameters { loss_type: Loss::CrossEntropy, ..small.clone() },
    ];
    for hyperparameters in options {
        train_alike(&hyperparameters, 8);
    }
    let separate = cells().into_iter().find(|cell| cell.use_separate_input).unwrap();
    train_alike(&Hyperparameters { n_rnn: 9, trainables: Trainables::Rule, l2_weight: 1e-3, ..separate }, 8);
}

#[test]
fn a_cost_that_is_not_finite_moves_no_weight_and_is_told() {
    let Some(mut engine) = engine() else { return };
    let hyperparameters = Hyperparameters { n_rnn: 6, ..cells()[0].clone() };
    let mut learner = Learner::new(network(&hyperparameters)).unwrap();
    let (good, mut bad) = (trials(&hyperparameters, 4), trials(&hyperparameters, 4));
    bad.targets[[3, 1, 2]] = f32::NAN;
    for trials in [&good, &good] {
        engine.train(&mut learner, trials, NOISE).unwrap();
    }
    engine.settle(&mut learner).unwrap();
    let before = (learner.network().parameters().values(), learner.optimizer.moments.clone());
    for trials in [&bad, &good, &good] {
        engine.train(&mut learner, trials, NOISE).unwrap();
    }
    let diverged = engine.settle(&mut learner).unwrap().unwrap();
    assert_eq!((diverged.update, learner.optimizer.updates), (2, 2));
    assert!(!diverged.cost.is_finite());
    assert_eq!((learner.network().parameters().values(), learner.optimizer.moments.clone()), before);
}

#[test]
fn another_network_is_refused_until_the_one_in_training_is_settled() {
    let Some(mut engine) = engine() else { return };
    let hyperparameters = Hyperparameters { n_rnn: 6, ..cells()[0].clone() };
    let trials = trials(&hyperparameters, 4);
    let [mut one, mut other] = [(); 2].map(|()| Learner::new(network(&hyperparameters)).unwrap());
    engine.train(&mut one, &trials, NOISE).unwrap();
    let message = engine.train(&mut other, &trials, NOISE).unwrap_err().to_string();
    assert!(message.contains("settle"), "{message}");
    // What visits in between changes nothing of it.
    let alone = network(&Hyperparameters { n_rnn: 9, ..hyperparameters.clone() });
    engine.evaluate(&alone, &trials, NOISE).unwrap();
    engine.train(&mut one, &trials, NOISE).unwrap();
    engine.settle(&mut one).unwrap();
    engine.train(&mut other, &trials, NOISE).unwrap();
    engine.train(&mut other, &trials, NOISE).unwrap();
    engine.settle(&mut other).unwrap();
    assert_eq!(one.network().parameters().values(), other.network().parameters().values());
}

#[test]
fn a_card_that_is_full_is_an_error_and_nothing_is_lost() {
    if !is_there() {
        return;
    }
    let hyperparameters = Hyperparameters { n_rnn: 6, ..cells()[0].clone() };
    let (few, many) = (trials(&hyperparameters, 4), trials(&hyperparameters, 400));
    let mut engine = CardEngine::new(StandIn { room: 40_000, ..StandIn::new() }, 1);
    let mut learner = Learner::new(network(&hyperparameters)).unwrap();
    engine.train(&mut learner, &few, NOISE).unwrap();
    assert!(engine.train(&mut learner, &many, NOISE).unwrap_err().to_string().contains("memory is full"));
    engine.train(&mut learner, &few, NOISE).unwrap();
    engine.settle(&mut learner).unwrap();
    let mut expected = Learner::new(network(&hyperparameters)).unwrap();
    let mut roomy = CardEngine::new(StandIn::new(), 1);
    for _ in 0..2 {
        roomy.train(&mut expected, &few, NOISE).unwrap();
    }
    roomy.settle(&mut expected).unwrap();
    assert_eq!(learner.network().parameters().values(), expected.network().parameters().values());
}

/// A run that trains in moments.
fn short_run() -> Hyperparameters {
    Hyperparameters {
        n_rnn: 6,
        dt: 100.0,
        tau: 500.0,
        batch_size_train: 4,
        batch_size_test: 8,
        display_step: 3,
        rule_trains: vec![Rule::GAP, Rule::OVERLAP],
        ..Hyperparameters::paper()
    }
}

fn on_stand_in(steps: u64, path: &std::path::Path) -> crate::Result<Run> {
    let training = Training::new(short_run()).quiet().max_trials(4 * steps);
    training.engine_from(|| Ok(CardEngine::new(StandIn::new(), 1))).train(path)
}

/// The newest weights and the state on disk.
fn files(path: &std::path::Path, steps: u64) -> [Vec<u8>; 2] {
    let checkpoint = path.join((4 * steps).to_string()).join("model.safetensors");
    [checkpoint, path.join("state.safetensors")].map(|file| std::fs::read(file).unwrap())
}

#[test]
fn a_run_on_a_card_that_was_stopped_and_resumed_is_the_same_run() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    on_stand_in(7, &whole).unwrap();
    for stop in [1, 3, 5] {
        let resumed = folder.path().join(stop.to_string());
        on_stand_in(stop, &resumed).unwrap();
        on_stand_in(7, &resumed).unwrap();
        assert!(files(&resumed, 7) == files(&whole, 7), "stopped after {stop} steps");
    }
}

#[test]
fn a_run_may_change_its_device_and_the_log_says_so() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (mixed, plain) = (folder.path().join("mixed"), folder.path().join("plain"));
    let on_cpu =
        |steps: u64, path: &std::path::Path| Training::new(short_run()).quiet().max_trials(4 * steps).train(path);
    on_cpu(2, &mixed).unwrap();
    on_stand_in(4, &mixed).unwrap();
    let run = on_cpu(6, &mixed).unwrap();
    let devices = [(8, "stand-in".to_owned()), (16, "CPU".to_owned())];
    assert_eq!(run.evaluations().devices, devices);
    let expected = on_cpu(6, &plain).unwrap();
    assert!(expected.evaluations().devices.is_empty());
    let weights = |run: &Run| run.last().unwrap().network().unwrap().parameters().values().concat();
    assert!(difference(&weights(&run), &weights(&expected)) < 1e-4);
    for (found, expected) in run.evaluations().entries.iter().zip(&expected.evaluations().entries) {
        let costs = |entry: &LogEntry| entry.rules.iter().map(|rule| rule.cost as f32).collect::<Vec<_>>();
        assert!(difference(&costs(found), &costs(expected)) < 1e-4);
    }
}

/// A rule of a user's own, lengths of epochs that a curriculum changes, and evaluations of both: all by trials that the
/// card makes.
#[test]
fn a_run_of_ones_own_task_in_a_curriculum_is_that_of_the_processor() {
    if !is_there() {
        return;
    }
    let own = own_rule();
    let stage = |length: f64| CurriculumStage {
        lengths: [(Epoch::Delay1, length)].into(),
        ..CurriculumStage::of(&[Rule::GAP, own])
    };
    let hyperparameters = Hyperparameters {
        ruleset: Ruleset::of(&[Rule::GAP, own]).unwrap(),
        rule_trains: vec![Rule::GAP, own],
        curriculum: Some(vec![stage(200.0), stage(300.0)]),
        ..short_run()
    };
    let folder = tempfile::tempdir().unwrap();
    let train = |name: &str, on_card: bool| {
        let training = Training::new(hyperparameters.clone()).quiet().max_trials(4 * 9);
        let training = match on_card {
            true => training.engine_from(|| Ok(CardEngine::new(StandIn::new(), 1))),
            false => training,
        };
        training.train(folder.path().join(name)).unwrap()
    };
    let (card, cpu) = (train("card", true), train("cpu", false));
    let weights = |run: &Run| run.last().unwrap().network().unwrap().parameters().values().concat();
    assert!(difference(&weights(&card), &weights(&cpu)) < 1e-4);
    assert_eq!(card.evaluations().entries.len(), cpu.evaluations().entries.len());
    for (found, expected) in card.evaluations().entries.iter().zip(&cpu.evaluations().entries) {
        assert_eq!(found.stage_performance.is_some(), expected.stage_performance.is_some());
        for (found, expected) in found.rules.iter().zip(&expected.rules) {
            assert!((found.cost - expected.cost).abs() < 1e-4 * expected.cost, "{found:?} {expected:?}");
        }
    }
}

/// The step is the first that diverged, though nobody waited for its cost, and what was finished before is kept.
#[test]
fn a_run_that_diverges_on_a_card_stops_with_its_step_and_rule() {
    if !is_there() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let wild = Hyperparameters { activation: Activation::Power, learning_rate: 1e3, ..short_run() };
    let train = |folder: &std::path::Path, on_card: bool| {
        let training = Training::new(wild.clone()).quiet().max_trials(400);
        let training = match on_card {
            true => training.engine_from(|| Ok(CardEngine::new(StandIn::new(), 1))),
            false => training,
        };
        training.train(folder).unwrap_err()
    };
    let (card, cpu) = (train(&folder.path().join("card"), true), train(&folder.path().join("cpu"), false));
    // The costs themselves differ in their last bits.
    let place = |error: &crate::Error| {
        assert!(error.is_not_finite(), "{error}");
        let words = error.to_string();
        let (rule, rest) = words.split_once(" became ").unwrap();
        (rule.to_owned(), rest.split_once(" at step ").unwrap().1.to_owned())
    };
    assert_eq!(place(&card), place(&cpu));
    assert!(folder.path().join("card/state.safetensors").exists());
}

/// A network that cannot be on a card runs on the processor, and that is said.
#[test]
fn a_cell_without_kernels_runs_on_the_processor() {
    let mut engine = CardEngine::new(StandIn::new(), 1);
    let own = crate::hyperparameters::RnnType::define(Unwritten).unwrap();
    let hyperparameters = Hyperparameters { rnn_type: own, n_rnn: 4, ..short_run() };
    let network = Network::new(&hyperparameters).unwrap();
    let runs = engine.runs(&network);
    assert!(runs.starts_with("CPU, in place of stand-in") && runs.contains("`unwritten`"), "{runs}");
    assert!(!engine.makes_trials(&network));
    let trials = trials(&hyperparameters, 3);
    let found = engine.gradients(&network, &trials, noise()).unwrap();
    assert_eq!(found, CpuEngine::new(1).unwrap().gradients(&network, &trials, noise()).unwrap());
    let mut learner = Learner::new(network).unwrap();
    assert!(engine.train(&mut learner, &trials, noise()).unwrap().is_some());
    let drawn = DrawnTrials::random(&hyperparameters, Rule::GAP, 3, &mut RandomStream::new(3, 3)).unwrap();
    assert!(engine.train_drawn(&mut learner, &drawn, noise()).unwrap().is_some());
    assert_eq!(engine.settle(&mut learner).unwrap(), None);
}

/// A cell that nobody wrote in CUDA.
struct Unwritten;

impl Cell for Unwritten {
    fn name(&self) -> &'static str {
        "unwritten"
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<crate::network::ParameterSpec> {
        cells::Leaky.parameters(hyperparameters)
    }

    fn step<D: dfdx::tensor_ops::Device<f32>>(
        &self,
        now: &crate::network::definition::Moment<'_, D>,
    ) -> crate::network::definition::Defined<Vec<crate::network::definition::Value<D>>, D> {
        cells::Leaky.step(now)
    }
}

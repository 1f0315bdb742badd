//! The crate's own rules keep their random streams and the bits of their trials: a seed gives the same run for ever.

use crate::hyperparameters::{Hyperparameters, Loss};
use crate::numerics::random::RandomStream;
use crate::tasks::{
    Condition, Encoding, Epoch, Mode, Ring, Rule, Ruleset, Said, Shown, Task, TaskDefinition, TrialKind, Trials,
};

/// Each rule, the number of its random streams, and the fingerprint of its trials.
const PINNED: [(&str, u64, u64); 19] = [
    ("odr", 0, 0x689ff8d9fc810547),
    ("odr500", 1, 0xe7d03f09b660f5f1),
    ("odr750", 2, 0x076bbc6c6a409c49),
    ("odr1000", 3, 0x31741c7e47d814d5),
    ("odr1100", 4, 0x025a96996882ea38),
    ("odr1200", 5, 0xfab6017e6559c07c),
    ("odr1300", 6, 0x5163407434b98287),
    ("odr1400", 7, 0x24669b7453c83f5d),
    ("odr3000", 8, 0xb3762854aefacf7b),
    ("odr6000", 9, 0x9a7b01a5d20f9252),
    ("odr15000", 10, 0xc409451410748f0b),
    ("odrd", 11, 0x91c0f9c2441c50e5),
    ("overlap", 12, 0x0ae8e61e89fa3bd0),
    ("zero_gap", 13, 0x35b7573e700f41cf),
    ("gap", 14, 0x81342dd51cca3ac4),
    ("gap500", 15, 0x126af9ca596217e4),
    ("match_or_non", 16, 0x56e99c126403e508),
    ("match_or_non_easy", 17, 0x4a88937d60563380),
    ("match_or_non_passive", 18, 0xb4355e87225a5638),
];

/// The best answer that is the same in all random trials, found by trying, earns what the task says.
#[test]
fn chance_is_what_the_best_unchanging_answer_earns() {
    let kinds = |responses: &[Option<f64>], turned: bool, tolerance: f64| TaskDefinition {
        name: "guessed".to_owned(),
        epochs: vec![(Epoch::Go1, 500.0)],
        trials: responses
            .iter()
            .map(|response| TrialKind { response: *response, ..TrialKind::fixating(Vec::<f64>::new()) })
            .collect(),
        turned,
        tolerance,
        ..TaskDefinition::default()
    };
    let two = kinds(&[Some(90.0), Some(270.0)], false, 36.0);
    let near = kinds(&[Some(0.0), Some(72.0), Some(60.0), Some(180.0)], false, 36.0);
    let go_nogo = kinds(&[Some(90.0), None, None], false, 36.0);
    let turned = kinds(&[Some(0.0), Some(0.0), None], true, 45.0);
    let everywhere = kinds(&[Some(0.0), Some(120.0)], false, 180.0);
    let own: [&dyn Task; 5] = [&two, &near, &go_nogo, &turned, &everywhere];
    let crate_own = Rule::all().into_iter().filter(|rule| !rule.is_own()).map(|rule| rule.task() as &dyn Task);
    for task in crate_own.chain(own) {
        let ring = Ring::new(8);
        let mut stream = RandomStream::new(7, 0);
        let conditions: Vec<Condition> = (0..6000).map(|_| task.random(&ring, &mut stream)).collect();
        let earned =
            |said: Said| conditions.iter().filter(|condition| task.correct(condition, said)).count() as f64 / 6000.0;
        let fixating = earned(Said { fixation: 1.0, direction: None });
        let answers = (0..180).map(|step| Some(f64::from(step) * 2.0_f64.to_radians()));
        let best = answers.map(|direction| earned(Said { fixation: 0.0, direction })).fold(fixating, f64::max);
        match task.chance() {
            Some(chance) => assert!((chance - best).abs() < 0.025, "{}: {chance}, tried {best}", task.name()),
            None => assert_eq!(fixating, 1.0, "{}", task.name()),
        }
    }
    assert_eq!([&two, &near, &go_nogo].map(Task::chance), [Some(0.5), Some(0.5), Some(2.0 / 3.0)]);
}

/// FNV-1a over the bits of inputs, targets and mask.
fn fingerprint(hash: &mut u64, trials: &Trials) {
    for array in [&trials.inputs, &trials.targets, &trials.mask] {
        for value in array {
            for byte in value.to_bits().to_le_bytes() {
                *hash = (*hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
    }
}

#[test]
fn a_batch_without_trials_is_refused() {
    let paper = Hyperparameters::paper();
    let drawn = Trials::random(&paper, Rule::ODR, 0, &mut RandomStream::new(1, 0)).unwrap_err();
    let given = Trials::from_conditions(&paper, Rule::ODR, Vec::new()).unwrap_err();
    for error in [drawn, given] {
        assert_eq!(error.to_string(), "no trial of `odr`: give at least one");
    }
}

#[test]
fn conditions_of_another_rule_are_refused() {
    let paper = Hyperparameters::paper();
    let refused = |rule: Rule, condition: Condition, words: &str| {
        let message = Trials::from_conditions(&paper, rule, vec![condition]).unwrap_err().to_string();
        assert!(message.contains(words), "{message}");
    };
    refused(Rule::ODRD, Condition::delayed_response(1.0), "a trial of `odrd` shows 1, but has 2 events");
    refused(Rule::ODR, Condition::new(0.0, vec![Shown::Level(1.0)], None), "on the ring");
    refused(Rule::ODR, Condition::delayed_response(f64::NAN), "finite");
    let long = Condition { lengths: vec![(Epoch::Delay1, 2000.0)], ..Condition::delayed_response(1.0) };
    refused(Rule::ODR, long.clone(), "trial 0 of `odr` has 200 steps, a trial of it has 175");
    refused(Rule::ODR, Condition { lengths: vec![(Epoch::Delay1, f64::NAN)], ..long }, "lasts NaN ms");
}

#[test]
fn trials_whose_delays_differ_respond_each_at_its_time() {
    let delay = |length: f64| Condition { lengths: vec![(Epoch::Delay1, length)], ..Condition::delayed_response(1.0) };
    let no_go = Condition { response: None, ..delay(500.0) };
    let (paper, usual) = (Hyperparameters::paper(), Condition::delayed_response(1.0));
    let conditions = vec![usual.clone(), delay(500.0), delay(1000.0), no_go];
    let mixed = Trials::from_conditions(&paper, Rule::ODR, conditions).unwrap();
    let alone = Trials::from_conditions(&paper, Rule::ODR, vec![usual]).unwrap();
    let of = |array: &ndarray::Array3<f32>, trial: usize| array.index_axis(ndarray::Axis(1), trial).to_owned();
    for (mixed, alone) in [(&mixed.inputs, &alone.inputs), (&mixed.targets, &alone.targets), (&mixed.mask, &alone.mask)]
    {
        assert_eq!(of(mixed, 0), of(alone, 0));
    }
    // Fixation and stimulus last 75 steps, the delays 75, 25 and 50.
    for (trial, go) in [(0, 150), (1, 100), (2, 125)] {
        let fixation = |step: usize| (mixed.inputs[[step, trial, 0]], mixed.targets[[step, trial, 0]]);
        assert_eq!((fixation(go - 1), fixation(go), fixation(174)), ((1.0, 0.8), (0.0, 0.05), (0.0, 0.05)));
        let weight = |step: usize| mixed.mask[[step, trial, 1]];
        assert_eq!([go - 1, go, go + 5, 174].map(weight), [1.0, 0.0, 5.0, 5.0]);
        assert_eq!((mixed.required_response(go - 1, trial), mixed.required_response(go, trial)), (None, Some(1.0)));
    }
    assert!((0..175).all(|step| mixed.targets[[step, 3, 0]] == 0.8), "fixation is to be kept");
    assert_eq!((mixed.epoch(Epoch::Delay1).unwrap(), mixed.epoch(Epoch::Go1).unwrap()), (75..100, 150..175));
    assert_eq!(mixed.locations(), [1; 4]);
}

#[test]
fn every_rule_keeps_its_random_streams_and_the_bits_of_its_trials() {
    let mut found = Vec::new();
    // Other tests may define some of their own meanwhile.
    for rule in Rule::all().into_iter().filter(|rule| !rule.is_own()) {
        let ruleset = Ruleset::containing(rule);
        let paper = Hyperparameters { ruleset, rule_trains: vec![rule], seed: 7, ..Hyperparameters::paper() };
        let classes = Hyperparameters {
            loss_type: Loss::CrossEntropy,
            in_loc_type: Encoding::OneHot,
            dt: 50.0,
            n_eachring: 5,
            ..paper.clone()
        };
        let mut hash = 0xcbf2_9ce4_8422_2325;
        for hyperparameters in [&paper, &classes] {
            fingerprint(&mut hash, &Trials::test(hyperparameters, rule, Mode::Test).unwrap());
            fingerprint(&mut hash, &Trials::of_mode(hyperparameters, rule, Mode::Random, true).unwrap());
            let mut stream = RandomStream::new(3, 4);
            fingerprint(&mut hash, &Trials::random(hyperparameters, rule, 9, &mut stream).unwrap());
        }
        found.push((rule.name(), rule.stream(), hash));
    }
    assert_eq!(found, PINNED, "{found:#?}");
}

//! The crate's own rules keep their random streams and the bits of their trials: a seed gives the same run for ever.

use crate::hyperparameters::{Hyperparameters, Loss};
use crate::numerics::random::RandomStream;
use crate::tasks::{Encoding, Mode, Rule, Ruleset, Trials};

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
fn every_rule_keeps_its_random_streams_and_the_bits_of_its_trials() {
    let mut found = Vec::new();
    for rule in Rule::ALL {
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
        found.push((rule.name(), rule as u64, hash));
    }
    assert_eq!(found, PINNED, "{found:#?}");
}

//! Match or non-match: compare two stimuli across a delay, then choose between two targets.
//!
//! The first stimulus is shown at 1,000–1,500 ms, the second at 2,000–2,500 ms, both choice targets from 3,000 ms. The
//! passive variant shows the same but asks to keep fixating.

use std::f64::consts::{PI, TAU};

use rand::RngExt;

use crate::numerics::random::RandomStream;
use crate::tasks::rule::rules;
use crate::tasks::{Clock, Condition, Epoch, Event, Ring, Rule, Shown, TEST_REPEATS, Task, Timeline};

/// A comparison of two stimuli.
#[derive(Debug)]
struct MatchToSample {
    name: &'static str,
    /// Whether the 'match' target is always at 0 and the 'non-match' target at π.
    fixed: bool,
    /// Whether a response is asked for.
    responds: bool,
}

rules! { MatchToSample:
    /// Compare two stimuli, then choose the 'match' or 'non-match' target, whose places vary.
    MATCH_OR_NON = "match_or_non", 16, { fixed: false, responds: true };
    /// Compare two stimuli; the 'match' target is always at 0 and the 'non-match' target at π.
    MATCH_OR_NON_EASY = "match_or_non_easy", 17, { fixed: true, responds: true };
    /// See both stimuli and both targets but keep fixating.
    MATCH_OR_NON_PASSIVE = "match_or_non_passive", 18, { fixed: false, responds: false };
}

impl MatchToSample {
    fn condition(&self, first: f64, second: f64, non_match: bool, swapped: bool) -> Condition {
        let (targets, response) = if self.fixed {
            ([0.0, PI], if non_match { PI } else { 0.0 })
        } else {
            let upper = if swapped { 1.75 * PI } else { 0.25 * PI };
            ([upper, (upper + PI).rem_euclid(TAU)], if non_match != swapped { PI } else { 0.0 })
        };
        let shown = [first, second, targets[0], targets[1]].map(Shown::at).to_vec();
        Condition::new(first, shown, self.responds.then_some(response))
    }
}

impl Condition {
    /// A match (`second == first`) or non-match trial of `rule`; `swapped` exchanges the places of the two choice
    /// targets, which the easy rule keeps fixed.
    pub fn match_to_sample(rule: Rule, first: f64, second: f64, non_match: bool, swapped: bool) -> Self {
        let (fixed, responds) = (rule == Rule::MATCH_OR_NON_EASY, rule != Rule::MATCH_OR_NON_PASSIVE);
        MatchToSample { name: rule.name(), fixed, responds }.condition(first, second, non_match, swapped)
    }
}

impl Task for MatchToSample {
    fn name(&self) -> &str {
        self.name
    }

    /// Either target is right in half of the trials.
    fn chance(&self) -> Option<f64> {
        self.responds.then_some(0.5)
    }

    fn timeline(&self, clock: &Clock) -> Timeline {
        let first_on = clock.epoch(Epoch::Fix1, 1000.0);
        let first_off = first_on + clock.epoch(Epoch::Stim1, 500.0);
        let second_on = first_off + clock.epoch(Epoch::Delay1, 500.0);
        let second_off = second_on + clock.epoch(Epoch::Stim2, 500.0);
        let go = second_off + clock.epoch(Epoch::Delay2, 500.0);
        let end = go + clock.epoch(Epoch::Go1, 500.0);
        Timeline {
            epochs: vec![
                (Epoch::Fix1, 0..first_on),
                (Epoch::Stim1, first_on..first_off),
                (Epoch::Delay1, first_off..second_on),
                (Epoch::Stim2, second_on..second_off),
                (Epoch::Delay2, second_off..go),
                (Epoch::Go1, go..end),
            ],
            events: vec![
                Event::on_ring(first_on..first_off),
                Event::on_ring(second_on..second_off),
                Event::target(go..end),
                Event::target(go..end),
            ],
            fixation_off: self.responds.then_some(go),
            response_on: self.responds.then_some(go),
            graded_from: go + clock.steps(100.0),
            end,
        }
    }

    /// The first stimulus is uniform on the circle; half of the trials are non-matches, one to n − 1 locations away.
    fn random(&self, ring: &Ring, stream: &mut RandomStream) -> Condition {
        let first = stream.random::<f64>() * TAU;
        let non_match = stream.random::<bool>();
        let turn = stream.random_range(1..ring.len()) as f64 * ring.spacing();
        let second = if non_match { (first + turn).rem_euclid(TAU) } else { first };
        self.condition(first, second, non_match, stream.random())
    }

    /// Every second run of eight trials is a non-match with the second stimulus opposite.
    fn test(&self, ring: &Ring, place: usize, stream: &mut RandomStream) -> Condition {
        let first = ring.preferred()[place / TEST_REPEATS];
        let non_match = (place / (TEST_REPEATS / 2)) % 2 == 1;
        let second = if non_match { (first + PI).rem_euclid(TAU) } else { first };
        self.condition(first, second, non_match, stream.random())
    }
}

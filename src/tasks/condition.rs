//! What makes one trial of a rule differ from another.

use std::f64::consts::{PI, TAU};

use crate::tasks::Epoch;

/// What makes one trial of a rule differ from another. Directions are in radians.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The direction by which analyses know the trial's location: that of the (first) stimulus.
    pub stimulus: f64,
    /// What each event of the timeline shows, in their order.
    pub shown: Vec<Shown>,
    /// Direction of the right response; `None` if the trial asks to keep fixating.
    pub response: Option<f64>,
    /// Epochs that last otherwise in this trial than their task has it, in ms. No trial can be longer than the task's
    /// timeline; one that is shorter goes on responding (or fixating) to its end.
    pub lengths: Vec<(Epoch, f64)>,
}

/// What an event shows in a trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown {
    /// A direction on the ring, radians, its channels' activity multiplied by `strength`.
    Direction {
        /// The direction, radians.
        at: f64,
        /// 1 for the crate's own tasks.
        strength: f64,
    },
    /// A number on a further input channel, such as a coherence.
    Level(f64),
    /// Nothing in this trial.
    Nothing,
}

impl Shown {
    /// A direction on the ring, radians, at full strength.
    pub fn at(direction: f64) -> Self {
        Shown::Direction { at: direction, strength: 1.0 }
    }
}

impl Condition {
    /// A trial that shows these things and asks for this response.
    pub fn new(stimulus: f64, shown: Vec<Shown>, response: Option<f64>) -> Self {
        Condition { stimulus, shown, response, lengths: Vec::new() }
    }

    /// A delayed response at the stimulus.
    pub fn delayed_response(stimulus: f64) -> Self {
        Condition::new(stimulus, vec![Shown::at(stimulus)], Some(stimulus))
    }

    /// A delayed response at the stimulus, with a distractor.
    pub fn with_distractor(stimulus: f64, distractor: f64) -> Self {
        Condition::new(stimulus, vec![Shown::at(stimulus), Shown::at(distractor)], Some(stimulus))
    }

    /// A response opposite the stimulus.
    pub fn anti_saccade(stimulus: f64) -> Self {
        Condition::new(stimulus, vec![Shown::at(stimulus)], Some((stimulus + PI).rem_euclid(TAU)))
    }
}

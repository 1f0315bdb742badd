//! What a task is.

use serde_json::Value;

use crate::error::Result;
use crate::numerics::random::RandomStream;
use crate::tasks::{Clock, Condition, Ring, Said, TEST_REPEATS, Timeline};

/// A task: when things happen in its trials, what differs from trial to trial, and which answers are right.
///
/// The crate's own are in family files beside this one. [`Rule::define`](crate::tasks::Rule::define) makes one of your
/// own known, which then trains, is evaluated, read out and analysed like any other. Where a list of kinds of trials
/// says all there is to say, a [`TaskDefinition`](crate::tasks::TaskDefinition) is one without any code; write this
/// trait where it does not, as here, where the response is a quarter turn away from the stimulus:
///
/// ```
/// use maturation::numerics::random::RandomStream;
/// use maturation::prelude::*;
/// use maturation::tasks::{Clock, Event, Ring, Shown, Task, Timeline};
/// use std::f64::consts::{FRAC_PI_2, TAU};
///
/// struct QuarterTurn;
///
/// fn trial(stimulus: f64) -> Condition {
///     Condition::new(stimulus, vec![Shown::at(stimulus)], Some((stimulus + FRAC_PI_2).rem_euclid(TAU)))
/// }
///
/// impl Task for QuarterTurn {
///     fn name(&self) -> &str {
///         "quarter_turn"
///     }
///
///     fn timeline(&self, clock: &Clock) -> Timeline {
///         let stimulus = clock.epoch(Epoch::Fix1, 500.0)..clock.epoch(Epoch::Fix1, 500.0) + clock.steps(500.0);
///         let (go, end) = (stimulus.end, stimulus.end + clock.steps(500.0));
///         Timeline {
///             epochs: vec![(Epoch::Fix1, 0..stimulus.start), (Epoch::Stim1, stimulus.clone()), (Epoch::Go1, go..end)],
///             events: vec![Event::on_ring(stimulus)],
///             fixation_off: Some(go),
///             response_on: Some(go),
///             graded_from: go + clock.steps(100.0),
///             end,
///         }
///     }
///
///     fn random(&self, _: &Ring, stream: &mut RandomStream) -> Condition {
///         trial(stream.random::<f64>() * TAU)
///     }
///
///     fn test(&self, ring: &Ring, place: usize, _: &mut RandomStream) -> Condition {
///         trial(ring.preferred()[place / 16])
///     }
/// }
///
/// let rule: Rule = Rule::define(QuarterTurn)?;
/// let hyperparameters = Hyperparameters {
///     n_rnn: 16,
///     ruleset: Ruleset::of(&[Rule::ODR, rule])?,
///     rule_trains: vec![rule],
///     ..Hyperparameters::paper()
/// };
/// assert_eq!(Trials::test(&hyperparameters, rule, Mode::Test)?.inputs.dim(), (75, 128, 11)); // (time, trial, input)
/// assert_eq!(Network::new(&hyperparameters)?.activity(rule)?.units(), 16);
/// # Ok::<(), maturation::Error>(())
/// ```
pub trait Task: Send + Sync + 'static {
    /// Its name in files, tables and on the command line.
    fn name(&self) -> &str;

    /// The further input channels that it needs, by name: numbers beside the directions of the ring, such as a
    /// coherence. Tasks of one network that name the same channel share it.
    fn channels(&self) -> Vec<String> {
        Vec::new()
    }

    /// When things happen. Ask the clock for the length of each epoch, so that a curriculum, or a trial, can change it.
    fn timeline(&self, clock: &Clock) -> Timeline;

    /// A trial drawn at random, for training and evaluation.
    fn random(&self, ring: &Ring, stream: &mut RandomStream) -> Condition;

    /// How many trials the test batch has: 16 at each location of the ring, unless a task has it otherwise.
    fn test_count(&self, ring: &Ring) -> usize {
        ring.len() * TEST_REPEATS
    }

    /// Trial number `place` of the test batch. What is random even there comes from `stream`, which all trials of the
    /// batch draw from in their order.
    fn test(&self, ring: &Ring, place: usize, stream: &mut RandomStream) -> Condition;

    /// The trial with these directions (radians) of stimulus and distractor; none if the task has no distractor.
    fn with_distractor(&self, _stimulus: f64, _distractor: f64) -> Option<Condition> {
        None
    }

    /// How far from the required response, in radians, a response is still right: by default 36°.
    fn tolerance(&self) -> f64 {
        crate::tasks::TOLERANCE
    }

    /// Whether what the network says at the end of a trial is right: by default, whether it no longer fixates and is
    /// within the tolerance of the required response, or still fixates where none is required.
    fn correct(&self, condition: &Condition, said: Said) -> bool {
        said.is_within(condition.response, self.tolerance())
    }

    /// What guessing earns: the share of random trials that the best answer is right in that is the same in all of
    /// them. Figures of performance mark it. None, as by default, if it is not known, or if fixating is all that is
    /// asked.
    fn chance(&self) -> Option<f64> {
        None
    }

    /// An error that says what is wrong with it, if it is invalid.
    ///
    /// # Errors
    /// As the task has it; there is none by default.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// What a run's `hp.json` keeps of the task, so that it can be opened where the task is not defined; none for a
    /// task that is code.
    fn definition(&self) -> Option<Value> {
        None
    }
}

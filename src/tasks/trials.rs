//! A batch of trials: what the network sees, what it should answer, and what its errors cost.

use std::f64::consts::{PI, TAU};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use ndarray::{Array3, Axis, s};
use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::{Hyperparameters, Loss};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{Epoch, Ring, Rule, Timeline};

/// Target of the fixation output while fixation is required (least-squares loss).
const FIXATION_TARGET: f32 = 0.8;
/// Target of every output that should be silent (least-squares loss).
const SILENT_TARGET: f32 = 0.05;
/// Weight of the response period in the cost.
const RESPONSE_WEIGHT: f32 = 5.0;
/// Weight of the fixation output relative to the ring outputs (least-squares loss).
const FIXATION_WEIGHT: f32 = 2.0;
/// Errors in the first 100 ms cost nothing.
const UNGRADED_START: f64 = 100.0;
/// Repeats of each location in a test batch.
const TEST_REPEATS: usize = 16;

/// Which trials a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every trial drawn at random: directions uniform on the circle.
    Random,
    /// The test batch: each ring location 16 times, trial `i` at location `i / 16`; the distractor opposite the
    /// stimulus.
    Test,
    /// The test batch of the distractor rule with every trial at one stimulus and one distractor location.
    TestPair {
        /// Location of the stimulus, counted from 0.
        stimulus: usize,
        /// Location of the distractor, counted from 0.
        distractor: usize,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Random => f.pad("random"),
            Mode::Test => f.pad("test"),
            Mode::TestPair { stimulus, distractor } => f.pad(&format!("test-{stimulus}-{distractor}")),
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::unknown_name("mode", name, ["random", "test", "test-S-D (for example test-2-5)"]);
        match name {
            "random" => Ok(Mode::Random),
            "test" => Ok(Mode::Test),
            _ => {
                let pair = name.strip_prefix("test-").and_then(|pair| pair.split_once('-')).ok_or_else(unknown)?;
                let stimulus = pair.0.parse().map_err(|_| unknown())?;
                let distractor = pair.1.parse().map_err(|_| unknown())?;
                Ok(Mode::TestPair { stimulus, distractor })
            }
        }
    }
}

/// What makes one trial of a rule differ from another. Directions are in radians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Condition {
    /// Direction of the (first) stimulus.
    pub stimulus: f64,
    /// Direction of the distractor or of the second stimulus, in the rules that have one.
    pub second: Option<f64>,
    /// Directions of the two choice targets of the match rules.
    pub choices: Option<[f64; 2]>,
    /// Direction of the right response; `None` if the trial asks to keep fixating.
    pub response: Option<f64>,
}

impl Condition {
    /// A delayed response at the stimulus.
    pub fn delayed_response(stimulus: f64) -> Self {
        Condition { stimulus, second: None, choices: None, response: Some(stimulus) }
    }

    /// A delayed response at the stimulus, with a distractor.
    pub fn with_distractor(stimulus: f64, distractor: f64) -> Self {
        Condition { second: Some(distractor), ..Condition::delayed_response(stimulus) }
    }

    /// A response opposite the stimulus.
    pub fn anti_saccade(stimulus: f64) -> Self {
        Condition { stimulus, second: None, choices: None, response: Some((stimulus + PI).rem_euclid(TAU)) }
    }

    /// A match (`second == first`) or non-match trial of `rule`; `swapped` exchanges the places of the two choice
    /// targets, which the easy rule keeps fixed.
    pub fn match_to_sample(rule: Rule, first: f64, second: f64, non_match: bool, swapped: bool) -> Self {
        let (choices, response) = if rule == Rule::MatchOrNonEasy {
            ([0.0, PI], if non_match { PI } else { 0.0 })
        } else {
            let upper = if swapped { 1.75 * PI } else { 0.25 * PI };
            ([upper, (upper + PI).rem_euclid(TAU)], if non_match != swapped { PI } else { 0.0 })
        };
        Condition {
            stimulus: first,
            second: Some(second),
            choices: Some(choices),
            response: (rule != Rule::MatchOrNonPassive).then_some(response),
        }
    }
}

/// A batch of trials of one rule: inputs, target outputs, cost mask and what each trial was.
///
/// ```
/// use maturation::prelude::*;
///
/// let trials = Trials::test(&Hyperparameters::paper(), Rule::Odr, Mode::Test)?;
/// assert_eq!(trials.inputs.dim(), (175, 128, 15)); // (time, trial, input)
/// assert_eq!(trials.epoch(Epoch::Delay1)?, 75..150); // in steps of 20 ms
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Trials {
    /// The rule.
    pub rule: Rule,
    /// Time step, ms.
    pub dt: f64,
    /// When things happen, in time steps.
    pub timeline: Timeline,
    /// What each trial was.
    pub conditions: Vec<Condition>,
    /// Inputs, (time, trial, input): fixation, the stimulus ring, one channel a rule.
    pub inputs: Array3<f32>,
    /// Target outputs, (time, trial, output): fixation, the response ring.
    pub targets: Array3<f32>,
    /// What an error costs: (time, trial, output) for the least-squares loss, (time, trial, 1) for cross-entropy.
    pub mask: Array3<f32>,
}

impl Trials {
    /// `count` trials drawn at random from `stream`, without input noise (see [`Trials::add_input_noise`]).
    ///
    /// Stimuli are uniform on the circle. The distractor is the stimulus turned by a random multiple of the ring's
    /// spacing, drawn for each trial. The second stimulus of the match rules equals the first in half the trials, and
    /// is turned likewise in the others. An error if `count` is 0, if a hyper-parameter cannot be, or if the
    /// rule is not in the network's ruleset.
    pub fn random(
        hyperparameters: &Hyperparameters,
        rule: Rule,
        count: usize,
        stream: &mut RandomStream,
    ) -> Result<Self> {
        hyperparameters.validate()?;
        let locations = hyperparameters.n_eachring;
        let spacing = TAU / locations as f64;
        let mut conditions = Vec::new();
        for _ in 0..count {
            let stimulus = stream.random::<f64>() * TAU;
            conditions.push(match rule {
                Rule::Odrd => {
                    let turn = stream.random_range(1..locations) as f64 * spacing;
                    Condition::with_distractor(stimulus, (stimulus + turn).rem_euclid(TAU))
                }
                Rule::Overlap | Rule::ZeroGap | Rule::Gap | Rule::Gap500 => Condition::anti_saccade(stimulus),
                Rule::MatchOrNon | Rule::MatchOrNonEasy | Rule::MatchOrNonPassive => {
                    let non_match = stream.random::<bool>();
                    let turn = stream.random_range(1..locations) as f64 * spacing;
                    let second = if non_match { (stimulus + turn).rem_euclid(TAU) } else { stimulus };
                    Condition::match_to_sample(rule, stimulus, second, non_match, stream.random())
                }
                _ => Condition::delayed_response(stimulus),
            });
        }
        Trials::from_conditions(hyperparameters, rule, conditions)
    }

    /// The test batch: 16 trials at each location of the ring, without input noise.
    ///
    /// In the match rules every second run of eight trials is a non-match with the second stimulus opposite, and the
    /// places of the choice targets come from the run's seed. An error if `mode` is [`Mode::TestPair`] with a location
    /// that does not exist or a rule without distractor, or [`Mode::Random`] (see [`Trials::random`]), or as there.
    pub fn test(hyperparameters: &Hyperparameters, rule: Rule, mode: Mode) -> Result<Self> {
        hyperparameters.validate()?;
        let locations = hyperparameters.n_eachring;
        let spacing = TAU / locations as f64;
        let mut places = RandomStream::new(hyperparameters.seed, Purpose::TestTrials.stream([0, 0]));
        let count = locations * TEST_REPEATS;
        let mut conditions = Vec::with_capacity(count);
        for trial in 0..count {
            let stimulus = (trial / TEST_REPEATS) as f64 * spacing;
            conditions.push(match (rule, mode) {
                (_, Mode::Random) => {
                    return Err(Error::argument("random trials are no test batch", "use `Trials::random`"));
                }
                (Rule::Odrd, Mode::TestPair { stimulus, distractor }) => {
                    if stimulus >= locations || distractor >= locations {
                        return Err(Error::argument(
                            format!("`{mode}` names a location outside the ring"),
                            format!("locations run from 0 to {}", locations - 1),
                        ));
                    }
                    Condition::with_distractor(stimulus as f64 * spacing, distractor as f64 * spacing)
                }
                (_, Mode::TestPair { .. }) => {
                    return Err(Error::argument(
                        format!("rule `{rule}` has no distractor, so mode `{mode}` has no meaning"),
                        "use mode `test`, or rule `odrd`",
                    ));
                }
                (Rule::Odrd, _) => Condition::with_distractor(stimulus, (stimulus + PI).rem_euclid(TAU)),
                (Rule::Overlap | Rule::ZeroGap | Rule::Gap | Rule::Gap500, _) => Condition::anti_saccade(stimulus),
                (Rule::MatchOrNon | Rule::MatchOrNonEasy | Rule::MatchOrNonPassive, _) => {
                    let non_match = (trial / (TEST_REPEATS / 2)) % 2 == 1;
                    let second = if non_match { (stimulus + PI).rem_euclid(TAU) } else { stimulus };
                    Condition::match_to_sample(rule, stimulus, second, non_match, places.random())
                }
                _ => Condition::delayed_response(stimulus),
            });
        }
        Trials::from_conditions(hyperparameters, rule, conditions)
    }

    /// The trials of a mode, with or without input noise, decided by the seed of the hyper-parameters: the test batch,
    /// or as many random trials. Errors as [`Trials::test`].
    pub fn of_mode(hyperparameters: &Hyperparameters, rule: Rule, mode: Mode, noise: bool) -> Result<Self> {
        hyperparameters.validate()?;
        let seed = hyperparameters.seed;
        let mut trials = match mode {
            Mode::Random => {
                let count = hyperparameters.n_eachring * TEST_REPEATS;
                let mut stream = RandomStream::new(seed, Purpose::TestTrials.stream([1, rule as u64]));
                Trials::random(hyperparameters, rule, count, &mut stream)?
            }
            mode => Trials::test(hyperparameters, rule, mode)?,
        };
        if noise {
            let stream = Purpose::ActivityInput.stream([u64::MAX, rule as u64]);
            trials.add_input_noise(hyperparameters, Noise::new(seed, stream), 0);
        }
        Ok(trials)
    }

    /// The trials of the given conditions, without input noise.
    ///
    /// An error if there is no condition, if a hyper-parameter cannot be, or if the rule is not in the network's ruleset.
    pub fn from_conditions(hyperparameters: &Hyperparameters, rule: Rule, conditions: Vec<Condition>) -> Result<Self> {
        hyperparameters.validate()?;
        if conditions.is_empty() {
            return Err(Error::argument(format!("no trial of `{}`", rule.name()), "give at least one"));
        }
        let timeline = Timeline::of(rule, hyperparameters.dt);
        let (steps, count) = (timeline.end, conditions.len());
        let ring = Ring::new(hyperparameters.n_eachring);
        let rule_channel = hyperparameters.rule_start() + hyperparameters.ruleset.index(rule)?;

        let mut inputs = Array3::zeros((steps, count, hyperparameters.n_input()));
        inputs.slice_mut(s![..timeline.fixation_off.unwrap_or(steps), .., 0]).fill(1.0);
        inputs.slice_mut(s![.., .., rule_channel]).fill(1.0);
        let mut show = |trial: usize, direction: f64, encoding, when: &Range<usize>| {
            let bump = ndarray::Array1::from(ring.encode(direction, encoding));
            let mut shown = inputs.slice_mut(s![when.clone(), trial, 1..1 + ring.len()]);
            shown += &bump;
        };
        for (trial, condition) in conditions.iter().enumerate() {
            show(trial, condition.stimulus, hyperparameters.in_loc_type, &timeline.stimulus);
            if let (Some(direction), Some(when)) = (condition.second, &timeline.second) {
                show(trial, direction, hyperparameters.in_loc_type, when);
            }
            if let (Some(directions), Some(when)) = (condition.choices, &timeline.choices) {
                for direction in directions {
                    show(trial, direction, super::Encoding::Bump, when);
                }
            }
        }

        let targets = targets(hyperparameters.loss_type, &timeline, &conditions, &ring);
        let mask = cost_mask(hyperparameters, &timeline, count);
        Ok(Trials { rule, dt: hyperparameters.dt, timeline, conditions, inputs, targets, mask })
    }

    /// Adds independent Gaussian noise to every input channel, time step and trial.
    ///
    /// Its standard deviation is `sigma_x · √(2/alpha)`, so that the network's leak leaves `sigma_x` (paper, STAR
    /// Methods). The noise of a trial depends on `noise`, `step` and its place in the batch alone.
    pub fn add_input_noise(&mut self, hyperparameters: &Hyperparameters, noise: Noise, step: u32) {
        let deviation = hyperparameters.input_noise() as f32;
        if deviation == 0.0 {
            return;
        }
        let (steps, count, channels) = self.inputs.dim();
        let mut normals = vec![0.0_f32; steps * channels];
        for trial in 0..count {
            noise.fill(step, trial as u32, 0, &mut normals);
            for (input, normal) in self.inputs.slice_mut(s![.., trial, ..]).iter_mut().zip(&normals) {
                *input += deviation * normal;
            }
        }
    }

    /// Number of trials.
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether the batch holds no trial.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// Number of time steps.
    pub fn steps(&self) -> usize {
        self.timeline.end
    }

    /// The time steps of an epoch; an error that lists the rule's epochs if it has no such epoch.
    pub fn epoch(&self, epoch: Epoch) -> Result<Range<usize>> {
        let found = self.timeline.epochs.iter().find(|(name, _)| *name == epoch);
        found
            .map(|(_, range)| range.clone())
            .ok_or_else(|| Error::unknown_name("epoch of this rule", epoch.name(), self.rule.epochs()))
    }

    /// The direction in which trial `trial` should respond at `step`, radians; `None` while it should fixate, and where
    /// there is no such trial.
    pub fn required_response(&self, step: usize, trial: usize) -> Option<f64> {
        let response_on = self.timeline.response_on?;
        if step < response_on { None } else { self.conditions.get(trial)?.response }
    }

    /// Whether the parts fit together, since the fields are open to everyone.
    pub(crate) fn check(&self) -> Result<()> {
        let (steps, trials) = (self.steps(), self.len());
        if steps == 0 || trials == 0 {
            return Err(Error::argument(
                format!("a batch of {trials} trials of {steps} steps is empty"),
                "make trials with at least one of each",
            ));
        }
        for (name, array) in [("inputs", &self.inputs), ("targets", &self.targets), ("mask", &self.mask)] {
            let (found, channels) = (array.shape().to_vec(), array.len_of(Axis(2)));
            let expected = vec![steps, trials, channels];
            if found != expected {
                return Err(Error::Shape { operation: "batch of trials", name: name.to_owned(), found, expected });
            }
        }
        Ok(())
    }

    /// The ring location (0, 1, …) nearest to each trial's stimulus.
    pub fn locations(&self, hyperparameters: &Hyperparameters) -> Vec<usize> {
        let ring = Ring::new(hyperparameters.n_eachring);
        self.conditions.iter().map(|condition| ring.nearest(condition.stimulus)).collect()
    }
}

/// Target outputs, (time, trial, output).
fn targets(loss: Loss, timeline: &Timeline, conditions: &[Condition], ring: &Ring) -> Array3<f32> {
    let (background, fixating, encoding) = match loss {
        Loss::LeastSquares => (SILENT_TARGET, FIXATION_TARGET, super::Encoding::Bump),
        Loss::CrossEntropy => (0.0, 1.0, super::Encoding::OneHot),
    };
    let mut targets = Array3::from_elem((timeline.end, conditions.len(), 1 + ring.len()), background);
    let response_on = timeline.response_on.unwrap_or(timeline.end);
    targets.slice_mut(s![..response_on, .., 0]).fill(fixating);
    for (trial, condition) in conditions.iter().enumerate() {
        if let Some(direction) = condition.response {
            let mut response = targets.slice_mut(s![response_on.., trial, 1..]);
            response += &ndarray::Array1::from(ring.encode(direction, encoding));
        }
    }
    targets
}

/// The cost mask: nothing in the first 100 ms, 1 until the response, 5 from 100 ms after it; the fixation output
/// counts double. Where fixation is required to the end, the weight stays 1. For cross-entropy one weight a time step
/// and trial, divided by their mean.
fn cost_mask(hyperparameters: &Hyperparameters, timeline: &Timeline, count: usize) -> Array3<f32> {
    let start = timeline_start(hyperparameters.dt);
    let response_on = timeline.response_on.unwrap_or(timeline.end);
    let mut weights = vec![0.0_f32; timeline.end];
    if timeline.response_on.is_some() {
        weights[timeline.graded_from..].fill(RESPONSE_WEIGHT);
    }
    if start < response_on {
        weights[start..response_on].fill(1.0);
    }
    match hyperparameters.loss_type {
        Loss::LeastSquares => {
            let mut mask = Array3::zeros((timeline.end, count, hyperparameters.n_output()));
            for (mut step, weight) in mask.outer_iter_mut().zip(&weights) {
                step.fill(*weight);
                step.slice_mut(s![.., 0]).fill(FIXATION_WEIGHT * weight);
            }
            mask
        }
        Loss::CrossEntropy => {
            let mean = weights.iter().sum::<f32>() / weights.len() as f32;
            let mut mask = Array3::zeros((timeline.end, count, 1));
            for (mut step, weight) in mask.outer_iter_mut().zip(&weights) {
                step.fill(weight / mean);
            }
            mask
        }
    }
}

/// Steps at the trial's start in which errors cost nothing.
fn timeline_start(dt: f64) -> usize {
    super::timeline::Clock { dt }.steps(UNGRADED_START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_without_trials_is_refused() {
        let paper = Hyperparameters::paper();
        let drawn = Trials::random(&paper, Rule::Odr, 0, &mut RandomStream::new(1, 0)).unwrap_err();
        let given = Trials::from_conditions(&paper, Rule::Odr, Vec::new()).unwrap_err();
        for error in [drawn, given] {
            assert_eq!(error.to_string(), "no trial of `odr`: give at least one");
        }
    }

    #[test]
    fn hyperparameters_that_cannot_be_are_refused_with_their_key() {
        let condition = Condition::delayed_response(0.0);
        let cases = [
            ("n_eachring", Hyperparameters { n_eachring: 0, ..Hyperparameters::paper() }),
            ("n_eachring", Hyperparameters { n_eachring: 1, ..Hyperparameters::paper() }),
            ("n_eachring", Hyperparameters { n_eachring: usize::MAX, ..Hyperparameters::paper() }),
            ("dt", Hyperparameters { dt: 0.0, ..Hyperparameters::paper() }),
            ("dt", Hyperparameters { dt: f64::NAN, ..Hyperparameters::paper() }),
        ];
        for (key, impossible) in cases {
            for rule in [Rule::Odr, Rule::Odrd, Rule::MatchOrNon] {
                let answers = [
                    Trials::random(&impossible, rule, 3, &mut RandomStream::new(1, 0)),
                    Trials::test(&impossible, rule, Mode::Test),
                    Trials::of_mode(&impossible, rule, Mode::Random, true),
                    Trials::from_conditions(&impossible, rule, vec![condition]),
                ];
                for answer in answers {
                    let message = answer.unwrap_err().to_string();
                    assert!(message.contains(&format!("`{key}`")), "{message}");
                }
            }
        }
    }
}

//! A batch of trials: what the network sees, what it should answer, and what its errors cost.

use std::ops::Range;

use ndarray::{Array1, Array3, ArrayViewMut2, Axis, s};

use crate::error::{Error, Result};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{
    Clock, Condition, DescribesTrials, Encoding, Epoch, Loss, Mode, Place, Ring, Rule, Shown, TEST_REPEATS, Timeline,
    TrialSettings,
};

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

/// A batch of trials of one rule: inputs, target outputs, cost mask and what each trial was.
///
/// ```
/// use maturation::prelude::*;
///
/// let trials = Trials::test(&Hyperparameters::paper(), Rule::ODR, Mode::Test)?;
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
    /// When things happen, in time steps. Where trials differ in that, an epoch here is what is in it in all of them.
    pub timeline: Timeline,
    /// When things happen in each trial, where trials differ in that; empty where they do not.
    pub timelines: Vec<Timeline>,
    /// What each trial was.
    pub conditions: Vec<Condition>,
    /// Inputs, (time, trial, input): fixation, the stimulus ring, further channels of tasks that have some, one channel
    /// a rule.
    pub inputs: Array3<f32>,
    /// Target outputs, (time, trial, output): fixation, the response ring.
    pub targets: Array3<f32>,
    /// What an error costs: (time, trial, output) for the least-squares loss, (time, trial, 1) for cross-entropy.
    pub mask: Array3<f32>,
}

impl Trials {
    /// `count` random trials, without input noise.
    ///
    /// # Errors
    /// If a hyper-parameter is impossible, `count` is 0, or the rule is not in the network's ruleset.
    pub fn random(of: &impl DescribesTrials, rule: Rule, count: usize, stream: &mut RandomStream) -> Result<Self> {
        let settings = of.trial_settings()?;
        let rule = settings.known(rule)?;
        let conditions = (0..count).map(|_| rule.task().random(&settings.ring, stream)).collect();
        Trials::make(&settings, rule, conditions)
    }

    /// The test batch: 16 trials at each location of the ring, without input noise.
    ///
    /// In the match rules every second run of eight trials is a non-match with the second stimulus opposite, and the
    /// places of the choice targets come from the run's seed. An error if `mode` is [`Mode::TestPair`] with a location
    /// that does not exist or a rule without distractor, or [`Mode::Random`] (see [`Trials::random`]), or as there.
    pub fn test(of: &impl DescribesTrials, rule: Rule, mode: Mode) -> Result<Self> {
        let settings = of.trial_settings()?;
        let rule = settings.known(rule)?;
        let (ring, task) = (&settings.ring, rule.task());
        let count = task.test_count(ring);
        let conditions = match mode {
            Mode::Random => return Err(Error::argument("random trials are no test batch", "use `Trials::random`")),
            Mode::Test => {
                let mut stream = RandomStream::new(settings.seed, Purpose::TestTrials.stream([0, 0]));
                (0..count).map(|place| task.test(ring, place, &mut stream)).collect()
            }
            Mode::TestPair { stimulus, distractor } => {
                let at = |location: usize| ring.preferred().get(location).copied();
                let Some((stimulus, distractor)) = at(stimulus).zip(at(distractor)) else {
                    return Err(Error::argument(
                        format!("`{mode}` names a location outside the ring"),
                        format!("locations run from 0 to {}", ring.len() - 1),
                    ));
                };
                let Some(pair) = task.with_distractor(stimulus, distractor) else {
                    return Err(Error::argument(
                        format!("rule `{rule}` has no distractor, so mode `{mode}` has no meaning"),
                        "use mode `test`, or rule `odrd`",
                    ));
                };
                vec![pair; count]
            }
        };
        Trials::make(&settings, rule, conditions)
    }

    /// The trials of a mode, with or without input noise, decided by the seed of the hyper-parameters: the test batch,
    /// or as many random trials. Errors as [`Trials::test`].
    pub fn of_mode(of: &impl DescribesTrials, rule: Rule, mode: Mode, noise: bool) -> Result<Self> {
        let settings = of.trial_settings()?;
        let seed = settings.seed;
        let mut trials = match mode {
            Mode::Random => {
                let count = settings.ring.len() * TEST_REPEATS;
                let mut stream = RandomStream::new(seed, Purpose::TestTrials.stream([1, rule.stream()]));
                Trials::random(&settings, rule, count, &mut stream)?
            }
            mode => Trials::test(&settings, rule, mode)?,
        };
        if noise {
            let stream = Purpose::ActivityInput.stream([u64::MAX, rule.stream()]);
            trials.add_input_noise(settings.input_noise, Noise::new(seed, stream), 0);
        }
        Ok(trials)
    }

    /// The trials of the given conditions, without input noise.
    ///
    /// An error if there is no condition, or one does not fit the rule's events, if a hyper-parameter is impossible, or
    /// if the rule is not in the network's ruleset.
    pub fn from_conditions(of: &impl DescribesTrials, rule: Rule, conditions: Vec<Condition>) -> Result<Self> {
        Trials::make(&of.trial_settings()?, rule, conditions)
    }

    fn make(settings: &TrialSettings, rule: Rule, conditions: Vec<Condition>) -> Result<Self> {
        if conditions.is_empty() {
            return Err(Error::argument(format!("no trial of `{}`", rule.name()), "give at least one"));
        }
        let rule = settings.known(rule)?;
        let clock = &settings.clock;
        let usual = rule.timeline(clock);
        usual.check(rule)?;
        let rule_channel = settings.rule_start() + settings.ruleset.index(rule)?;
        let timelines = timelines(rule, clock, &usual, &conditions)?;
        let (steps, count, ring) = (usual.end, conditions.len(), &settings.ring);
        let of_trial = |trial: usize| timelines.get(trial).unwrap_or(&usual);

        let writer = InputWriter::new(settings);
        let mut inputs = Array3::zeros((steps, count, settings.n_input()));
        inputs.slice_mut(s![.., .., rule_channel]).fill(1.0);
        let mut targets = Array3::zeros((steps, count, 1 + ring.len()));
        for (trial, condition) in conditions.iter().enumerate() {
            rule.check_condition(&usual, condition)?;
            writer.write(of_trial(trial), condition, inputs.index_axis_mut(Axis(1), trial));
            write_targets(settings, of_trial(trial), condition, targets.index_axis_mut(Axis(1), trial));
        }
        let mut mask = cost_mask(settings, &usual, count);
        for (trial, timeline) in timelines.iter().enumerate() {
            let own = cost_mask(settings, timeline, 1);
            mask.index_axis_mut(Axis(1), trial).assign(&own.index_axis(Axis(1), 0));
        }
        let timeline = usual.common(&timelines);
        Ok(Trials { rule, dt: clock.dt(), timeline, timelines, conditions, inputs, targets, mask })
    }

    /// Adds independent Gaussian noise of this standard deviation to every input channel, time step and trial.
    ///
    /// The hyper-parameters' [`input_noise`](crate::hyperparameters::Hyperparameters::input_noise) is `sigma_x ·
    /// √(2/alpha)`, so that the network's leak leaves `sigma_x` (paper, STAR Methods). The noise of a trial depends on
    /// `noise`, `step` and its place in the batch alone.
    pub fn add_input_noise(&mut self, deviation: f64, noise: Noise, step: u32) {
        let deviation = deviation as f32;
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
        let response_on = self.timelines.get(trial).unwrap_or(&self.timeline).response_on?;
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
                return Err(Error::shape("batch of trials", name, &found, &expected));
            }
        }
        Ok(())
    }

    /// The ring location (0, 1, …) nearest to each trial's stimulus.
    pub fn locations(&self) -> Vec<usize> {
        let ring = Ring::new(self.targets.len_of(Axis(2)).saturating_sub(1));
        self.conditions.iter().map(|condition| ring.nearest(condition.stimulus)).collect()
    }
}

/// The timeline of each trial, if one differs from the usual one.
fn timelines(rule: Rule, clock: &Clock, usual: &Timeline, conditions: &[Condition]) -> Result<Vec<Timeline>> {
    if conditions.iter().all(|condition| condition.lengths.is_empty()) {
        return Ok(Vec::new());
    }
    let of_trial = |(trial, condition): (usize, &Condition)| {
        if let Some((epoch, length)) = condition.lengths.iter().find(|(_, length)| !(0.0..=1e9).contains(length)) {
            let what = format!("epoch {epoch} of trial {trial} of `{rule}` lasts {length} ms");
            return Err(Error::argument(what, "give a length from 0 to 1e9 ms"));
        }
        let timeline = rule.timeline(&clock.in_trial(&condition.lengths));
        if timeline.end > usual.end {
            return Err(Error::argument(
                format!("trial {trial} of `{rule}` has {} steps, a trial of it has {}", timeline.end, usual.end),
                "let the task's timeline be that of its longest trial",
            ));
        }
        let timeline = timeline.until(usual.end);
        timeline.check(rule)?;
        Ok(timeline)
    };
    conditions.iter().enumerate().map(of_trial).collect()
}

/// Writes what trials show onto the input channels.
struct InputWriter<'a> {
    ring: &'a Ring,
    encoding: Encoding,
    /// The further channels, after the ring.
    channels: Vec<String>,
}

impl<'a> InputWriter<'a> {
    fn new(settings: &'a TrialSettings) -> Self {
        InputWriter { ring: &settings.ring, encoding: settings.encoding, channels: settings.ruleset.channels() }
    }

    /// The fixation point and the events of one trial, into its inputs (time, input).
    fn write(&self, timeline: &Timeline, condition: &Condition, mut inputs: ArrayViewMut2<'_, f32>) {
        inputs.slice_mut(s![..timeline.fixation_off.unwrap_or(timeline.end), 0]).fill(1.0);
        for (event, shown) in timeline.events.iter().zip(&condition.shown) {
            match (&event.place, *shown) {
                (Place::Ring, Shown::Direction { at, strength }) => {
                    self.bump(at, strength, self.encoding, &event.when, &mut inputs);
                }
                (Place::Target, Shown::Direction { at, strength }) => {
                    self.bump(at, strength, Encoding::Bump, &event.when, &mut inputs);
                }
                (Place::Channel(name), Shown::Level(level)) => {
                    // A channel that the task does not name was refused with its condition.
                    if let Some(place) = self.channels.iter().position(|known| known == name) {
                        let mut channel = inputs.slice_mut(s![event.when.clone(), 1 + self.ring.len() + place]);
                        channel += level as f32;
                    }
                }
                // Nothing, or what a check of the condition has refused.
                (_, Shown::Nothing | Shown::Direction { .. } | Shown::Level(_)) => {}
            }
        }
    }

    fn bump(
        &self,
        at: f64,
        strength: f64,
        encoding: Encoding,
        when: &Range<usize>,
        inputs: &mut ArrayViewMut2<'_, f32>,
    ) {
        let bump = Array1::from(self.ring.encode(at, encoding)) * strength as f32;
        let mut shown = inputs.slice_mut(s![when.clone(), 1..1 + self.ring.len()]);
        shown += &bump;
    }
}

/// The target outputs of one trial, (time, output).
fn write_targets(
    settings: &TrialSettings,
    timeline: &Timeline,
    condition: &Condition,
    mut targets: ArrayViewMut2<'_, f32>,
) {
    let (background, fixating, encoding) = match settings.loss {
        Loss::LeastSquares => (SILENT_TARGET, FIXATION_TARGET, Encoding::Bump),
        Loss::CrossEntropy => (0.0, 1.0, Encoding::OneHot),
    };
    targets.fill(background);
    let response_on = timeline.response_on.filter(|_| condition.response.is_some()).unwrap_or(timeline.end);
    targets.slice_mut(s![..response_on, 0]).fill(fixating);
    if let Some(direction) = condition.response {
        let mut response = targets.slice_mut(s![response_on.., 1..]);
        response += &Array1::from(settings.ring.encode(direction, encoding));
    }
}

/// The cost mask: nothing in the first 100 ms, 1 until the response, 5 from 100 ms after it; the fixation output
/// counts double. Where fixation is required to the end, the weight stays 1. For cross-entropy one weight a time step
/// and trial, divided by their mean.
fn cost_mask(settings: &TrialSettings, timeline: &Timeline, count: usize) -> Array3<f32> {
    let start = settings.clock.steps(UNGRADED_START);
    let response_on = timeline.response_on.unwrap_or(timeline.end);
    let mut weights = vec![0.0_f32; timeline.end];
    if timeline.response_on.is_some() {
        weights[timeline.graded_from..].fill(RESPONSE_WEIGHT);
    }
    if start < response_on {
        weights[start..response_on].fill(1.0);
    }
    match settings.loss {
        Loss::LeastSquares => {
            let mut mask = Array3::zeros((timeline.end, count, 1 + settings.ring.len()));
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

//! A batch of trials: what the network sees, what it should answer, and what its errors cost.

use std::ops::Range;

use ndarray::{Array3, Axis};

use crate::error::{Error, Result};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{Condition, DescribesTrials, DrawnTrials, Epoch, Mode, Ring, Rule, Spares, TEST_REPEATS, Timeline};

/// Trials whose noise is made together, so that what is written at a time step is more than a cache line.
const NOISY: usize = 8;

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
        DrawnTrials::random(of, rule, count, stream)?.into_trials(&Spares::default())
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
        DrawnTrials::of(&settings, rule, conditions)?.into_trials(&Spares::default())
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
        DrawnTrials::of(&of.trial_settings()?, rule, conditions)?.into_trials(&Spares::default())
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
        let (of_step, of_trial) = (count * channels, steps * channels);
        if of_step * of_trial == 0 {
            return;
        }
        if !self.inputs.is_standard_layout() {
            self.inputs = self.inputs.as_standard_layout().into_owned();
        }
        let Some(inputs) = self.inputs.as_slice_mut() else { return };
        let mut normals = vec![0.0_f32; NOISY.min(count) * of_trial];
        for first in (0..count).step_by(NOISY) {
            let trials = NOISY.min(count - first);
            for (place, normals) in normals.chunks_exact_mut(of_trial).take(trials).enumerate() {
                noise.fill(step, (first + place) as u32, 0, normals);
            }
            for (time, inputs) in inputs.chunks_exact_mut(of_step).enumerate() {
                let inputs = inputs[first * channels..][..trials * channels].chunks_exact_mut(channels);
                for (inputs, normals) in inputs.zip(normals.chunks_exact(of_trial)) {
                    add_scaled(inputs, deviation, &normals[time * channels..][..channels]);
                }
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
        self.timelines.get(trial).unwrap_or(&self.timeline).required(self.conditions.get(trial)?, step)
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

/// Adds `factor` times each number, by fours, so that most of a short row is in vectors.
#[inline]
fn add_scaled(out: &mut [f32], factor: f32, numbers: &[f32]) {
    let ((out, out_rest), (numbers, numbers_rest)) = (out.as_chunks_mut::<4>(), numbers.as_chunks::<4>());
    for (out, numbers) in out.iter_mut().zip(numbers) {
        for (out, number) in out.iter_mut().zip(numbers) {
            *out += factor * number;
        }
    }
    for (out, number) in out_rest.iter_mut().zip(numbers_rest) {
        *out += factor * number;
    }
}

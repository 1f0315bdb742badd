//! Trials as they are drawn, before arrays are made of them.

use std::ops::Range;

use ndarray::Array3;

use crate::error::{Error, Result};
use crate::numerics::random::{Noise, RandomStream};
use crate::tasks::arrays::Outline;
use crate::tasks::input_noise::InputNoise;
use crate::tasks::{Clock, Condition, DescribesTrials, Rule, Spares, Timeline, TrialSettings, Trials};

/// A batch of trials of one rule as they are drawn: when things happen in each, what it shows and what it asks for, and
/// which noise is on its inputs.
///
/// That is a few numbers a trial. The arrays, hundreds of times as many, are made of them by [`DrawnTrials::make`], or
/// by an engine on its own device ([`Engine::train_drawn`](crate::network::Engine::train_drawn)).
///
/// ```
/// use maturation::numerics::random::{Noise, RandomStream};
/// use maturation::prelude::*;
/// use maturation::tasks::DrawnTrials;
///
/// let paper = Hyperparameters::paper();
/// let drawn = DrawnTrials::random(&paper, Rule::ODR, 64, &mut RandomStream::new(0, 0))?;
/// let trials = drawn.with_input_noise(paper.input_noise(), Noise::new(0, 1), 0).make()?;
/// assert_eq!(trials.inputs.dim(), (175, 64, 15)); // (time, trial, input)
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct DrawnTrials {
    rule: Rule,
    dt: f64,
    /// The timeline of a trial in which every epoch lasts as long as usual.
    usual: Timeline,
    /// The timeline of each trial, where trials differ in that; empty where they do not.
    timelines: Vec<Timeline>,
    conditions: Vec<Condition>,
    outline: Outline,
    input_noise: Option<InputNoise>,
}

impl DrawnTrials {
    /// `count` random trials, without input noise.
    ///
    /// # Errors
    /// If a hyper-parameter is impossible, `count` is 0, or the rule is not in the network's ruleset.
    pub fn random(of: &impl DescribesTrials, rule: Rule, count: usize, stream: &mut RandomStream) -> Result<Self> {
        let settings = of.trial_settings()?;
        let rule = settings.known(rule)?;
        let conditions = (0..count).map(|_| rule.task().random(&settings.ring, stream)).collect();
        DrawnTrials::of(&settings, rule, conditions)
    }

    /// Trials of these conditions.
    pub(super) fn of(settings: &TrialSettings, rule: Rule, conditions: Vec<Condition>) -> Result<Self> {
        if conditions.is_empty() {
            return Err(Error::argument(format!("no trial of `{}`", rule.name()), "give at least one"));
        }
        let rule = settings.known(rule)?;
        let clock = &settings.clock;
        let usual = rule.timeline(clock);
        usual.check(rule)?;
        let rule_channel = settings.rule_start() + settings.ruleset.index(rule)?;
        let timelines = timelines(rule, clock, &usual, &conditions)?;
        conditions.iter().try_for_each(|condition| rule.check_condition(&usual, condition))?;
        let outline = Outline::of(settings, rule_channel, &usual, &timelines, &conditions);
        Ok(DrawnTrials { rule, dt: clock.dt(), usual, timelines, conditions, outline, input_noise: None })
    }

    /// The same with noise of this standard deviation on their inputs, as [`Trials::add_input_noise`] adds it.
    pub fn with_input_noise(self, deviation: f64, noise: Noise, step: u32) -> Self {
        DrawnTrials { input_noise: Some(InputNoise { deviation, noise, step }), ..self }
    }

    /// The trials with their arrays.
    ///
    /// # Errors
    /// If an array would have more elements than can be counted.
    pub fn make(&self) -> Result<Trials> {
        self.clone().into_trials(&Spares::default())
    }

    /// The same in memory of trials that are done with, as far as there is some.
    pub(crate) fn into_trials(self, spares: &Spares) -> Result<Trials> {
        let [inputs, targets, mask] = spares.take();
        let (outline, trials) = (&self.outline, self.conditions.len());
        let mut memory = [inputs, targets, mask, Vec::new()];
        self.make_some(0..trials, &mut memory);
        let [inputs, targets, mask, _] = memory;
        let array = |channels: usize, memory: Vec<f32>| {
            let (shape, found) = ((outline.steps, trials, channels), memory.len());
            Array3::from_shape_vec(shape, memory)
                .map_err(|_| Error::shape("a batch of trials", "array", &[found], &[shape.0, shape.1, shape.2]))
        };
        let inputs = array(outline.inputs, inputs)?;
        let (targets, mask) = (array(outline.outputs, targets)?, array(outline.mask_width, mask)?);
        Ok(self.with_arrays(inputs, targets, mask))
    }

    /// Makes inputs, targets and mask of some of the trials, (time, trial, channel), in memory that is used again; the
    /// last of it is room for the noise.
    pub(crate) fn make_some(&self, some: Range<usize>, [inputs, targets, mask, normals]: &mut [Vec<f32>; 4]) {
        let outline = &self.outline;
        outline.make_inputs(some.clone(), inputs);
        outline.make_targets(some.clone(), targets);
        outline.make_mask(some.clone(), mask);
        if let Some(noise) = self.input_noise {
            noise.add(inputs, outline.inputs, some, normals);
        }
    }

    /// The trials with arrays that were made of them.
    pub(crate) fn with_arrays(self, inputs: Array3<f32>, targets: Array3<f32>, mask: Array3<f32>) -> Trials {
        let DrawnTrials { rule, dt, usual, timelines, conditions, .. } = self;
        let timeline = usual.common(&timelines);
        Trials { rule, dt, timeline, timelines, conditions, inputs, targets, mask }
    }

    /// The rule.
    pub fn rule(&self) -> Rule {
        self.rule
    }

    /// What each trial is.
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The direction in which a trial should respond at its end, radians; `None` if it should fixate.
    pub(crate) fn required_response(&self, trial: usize) -> Option<f64> {
        let timeline = self.timelines.get(trial).unwrap_or(&self.usual);
        timeline.required(self.conditions.get(trial)?, self.usual.end - 1)
    }

    /// What their arrays are made of, but for the noise.
    pub(crate) fn outline(&self) -> &Outline {
        &self.outline
    }

    /// The noise on their inputs.
    pub(crate) fn input_noise(&self) -> Option<InputNoise> {
        self.input_noise
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

//! What a batch of trials is as arrays: inputs, target outputs, and what errors cost.
//!
//! An [`Outline`] says it in few numbers a trial. The arrays are made of it here, or by an engine on its own device.
//! Between two moments at which something changes in some trial all time steps are the same: here they are made once
//! and copied.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::tasks::{Condition, Encoding, Loss, Place, Shown, Timeline, TrialSettings};

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

/// What the arrays of a batch are made of, in few numbers.
#[derive(Clone, Debug)]
pub(crate) struct Outline {
    /// Time steps.
    pub(crate) steps: usize,
    /// Input channels.
    pub(crate) inputs: usize,
    /// The input channel of the rule.
    pub(crate) rule_channel: usize,
    /// Outputs.
    pub(crate) outputs: usize,
    /// Numbers that an error's cost has in each time step and trial: one an output, or one.
    pub(crate) mask_width: usize,
    /// The target of outputs that should be silent, and that of the fixation output while fixation is required.
    pub(crate) levels: [f32; 2],
    /// What an error costs once a response is asked for, where it costs 1 before, and by how much more that of the
    /// fixation output costs.
    pub(crate) weights: [f32; 2],
    /// What each trial adds to that.
    pub(crate) trials: Vec<TrialOutline>,
    /// What errors cost when, in all trials or in each.
    pub(crate) costs: Vec<ErrorCosts>,
}

/// What makes the arrays of a trial differ from those of another.
#[derive(Clone, Debug)]
pub(crate) struct TrialOutline {
    /// The fixation point is on until this step.
    pub(crate) fixation_off: usize,
    /// What is shown beside it.
    pub(crate) shown: Vec<OnInput>,
    /// From this step on the targets are those of the response; the end where none is asked for.
    pub(crate) response_on: usize,
    /// What the response adds to the targets of the ring; nothing where none is asked for.
    pub(crate) response: Vec<f32>,
}

/// What an event of a trial adds to its inputs, from channel `first` on.
#[derive(Clone, Debug)]
pub(crate) struct OnInput {
    pub(crate) when: Range<usize>,
    pub(crate) first: usize,
    pub(crate) values: Vec<f32>,
}

/// When an error of a trial costs how much.
#[derive(Clone, Debug)]
pub(crate) struct ErrorCosts {
    /// Here it costs 1.
    pub(crate) usual: Range<usize>,
    /// And from this step on, where it is not so, what an error of the response costs.
    pub(crate) response_from: usize,
    /// What all costs are divided by.
    pub(crate) divisor: f32,
}

impl Outline {
    /// The outline of trials: of each its timeline, which is the usual one where `timelines` is empty, and its
    /// condition.
    pub(super) fn of(
        settings: &TrialSettings,
        rule_channel: usize,
        usual: &Timeline,
        timelines: &[Timeline],
        conditions: &[Condition],
    ) -> Self {
        let outputs = 1 + settings.ring.len();
        let (levels, encoding, mask_width, of_fixation) = match settings.loss {
            Loss::LeastSquares => ([SILENT_TARGET, FIXATION_TARGET], Encoding::Bump, outputs, FIXATION_WEIGHT),
            Loss::CrossEntropy => ([0.0, 1.0], Encoding::OneHot, 1, 1.0),
        };
        let channels = settings.ruleset.channels();
        let trial = |(place, condition): (usize, &Condition)| {
            let timeline = timelines.get(place).unwrap_or(usual);
            let shown = timeline.events.iter().zip(&condition.shown);
            let shown = shown.filter_map(|(event, shown)| {
                let (first, values) = written(settings, &channels, &event.place, *shown)?;
                Some(OnInput { when: event.when.clone(), first, values })
            });
            let (response_on, response) = match (timeline.response_on, condition.response) {
                (Some(on), Some(direction)) => (on, settings.ring.encode(direction, encoding)),
                _ => (timeline.end, Vec::new()),
            };
            let fixation_off = timeline.fixation_off.unwrap_or(timeline.end);
            TrialOutline { fixation_off, shown: shown.collect(), response_on, response }
        };
        let differing = if timelines.is_empty() { std::slice::from_ref(usual) } else { timelines };
        Outline {
            steps: usual.end,
            inputs: settings.n_input(),
            rule_channel,
            outputs,
            mask_width,
            levels,
            weights: [RESPONSE_WEIGHT, of_fixation],
            trials: conditions.iter().enumerate().map(trial).collect(),
            costs: differing.iter().map(|timeline| ErrorCosts::of(settings, timeline)).collect(),
        }
    }

    /// What errors of a trial cost when.
    pub(crate) fn costs_of(&self, trial: usize) -> &ErrorCosts {
        self.costs.get(trial).unwrap_or(&self.costs[0])
    }

    /// Of some trials the fixation point, the events of each, and the rule on its channel: (time, trial, input).
    pub(super) fn make_inputs(&self, some: Range<usize>, memory: &mut Vec<f32>) {
        let changes = self.trials[some.clone()].iter().flat_map(|trial| {
            trial.shown.iter().flat_map(|shown| [shown.when.start, shown.when.end]).chain([trial.fixation_off])
        });
        self.in_stretches(some, self.inputs, changes, memory, |step, trial, row| {
            let trial = &self.trials[trial];
            row[self.rule_channel] = 1.0;
            if step < trial.fixation_off {
                row[0] = 1.0;
            }
            for shown in trial.shown.iter().filter(|shown| shown.when.contains(&step)) {
                row[shown.first..].iter_mut().zip(&shown.values).for_each(|(input, value)| *input += value);
            }
        })
    }

    /// Of some trials the target outputs: (time, trial, output).
    pub(super) fn make_targets(&self, some: Range<usize>, memory: &mut Vec<f32>) {
        let [silent, fixating] = self.levels;
        let changes = self.trials[some.clone()].iter().map(|trial| trial.response_on);
        self.in_stretches(some, self.outputs, changes, memory, |step, trial, row| {
            let trial = &self.trials[trial];
            row.fill(silent);
            match step < trial.response_on {
                true => row[0] = fixating,
                false => row[1..].iter_mut().zip(&trial.response).for_each(|(target, value)| *target += value),
            }
        })
    }

    /// What an error costs in some trials: nothing in the first 100 ms, 1 until the response, 5 from 100 ms after it;
    /// the fixation output counts double. Where fixation is required to the end, the weight stays 1. For cross-entropy
    /// one weight a time step and trial, divided by their mean.
    pub(super) fn make_mask(&self, some: Range<usize>, memory: &mut Vec<f32>) {
        let [of_response, of_fixation] = self.weights;
        let costs = self.costs.get(some.clone()).unwrap_or(&self.costs);
        let changes = costs.iter().flat_map(|costs| [costs.usual.start, costs.usual.end, costs.response_from]);
        self.in_stretches(some, self.mask_width, changes, memory, |step, trial, row| {
            let weight = self.costs_of(trial).at(step, of_response);
            row.fill(weight);
            row[0] = of_fixation * weight;
        })
    }

    /// An array of some trials, (time, trial, channel), in memory that is used again. `write` makes the row of a trial,
    /// which is 0, at the first time step and where there may be a change.
    fn in_stretches(
        &self,
        some: Range<usize>,
        channels: usize,
        changes: impl Iterator<Item = usize>,
        memory: &mut Vec<f32>,
        write: impl Fn(usize, usize, &mut [f32]),
    ) {
        let (steps, of_step) = (self.steps, some.len() * channels);
        let changes: BTreeSet<usize> = changes.filter(|step| *step < steps).chain([0]).collect();
        let ends = changes.iter().skip(1).chain([&steps]);
        memory.clear();
        memory.reserve_exact(steps * of_step);
        for (start, end) in changes.iter().zip(ends) {
            let first = memory.len();
            memory.resize(first + of_step, 0.0);
            for (row, trial) in memory[first..].chunks_exact_mut(channels).zip(some.clone()) {
                write(*start, trial, row);
            }
            for _ in start + 1..*end {
                memory.extend_from_within(first..first + of_step);
            }
        }
    }
}

/// What an event writes onto the channels from some first one on; `named` are the further channels.
fn written(settings: &TrialSettings, named: &[String], place: &Place, shown: Shown) -> Option<(usize, Vec<f32>)> {
    let ring = &settings.ring;
    let bump = |at: f64, strength: f64, encoding: Encoding| {
        (1, ring.encode(at, encoding).into_iter().map(|value| value * strength as f32).collect())
    };
    match (place, shown) {
        (Place::Ring, Shown::Direction { at, strength }) => Some(bump(at, strength, settings.encoding)),
        (Place::Target, Shown::Direction { at, strength }) => Some(bump(at, strength, Encoding::Bump)),
        (Place::Channel(name), Shown::Level(level)) => {
            // A channel that the task does not name was refused with its condition.
            let place = named.iter().position(|known| known == name)?;
            Some((1 + ring.len() + place, vec![level as f32]))
        }
        // Nothing, or what a check of the condition has refused.
        (_, Shown::Nothing | Shown::Direction { .. } | Shown::Level(_)) => None,
    }
}

impl ErrorCosts {
    fn of(settings: &TrialSettings, timeline: &Timeline) -> Self {
        let response_on = timeline.response_on.unwrap_or(timeline.end);
        let response_from = if timeline.response_on.is_some() { timeline.graded_from } else { timeline.end };
        let usual = settings.clock.steps(UNGRADED_START)..response_on;
        let costs = ErrorCosts { usual, response_from, divisor: 1.0 };
        match settings.loss {
            Loss::LeastSquares => costs,
            Loss::CrossEntropy => {
                let sum = (0..timeline.end).map(|step| costs.at(step, RESPONSE_WEIGHT)).sum::<f32>();
                ErrorCosts { divisor: sum / timeline.end as f32, ..costs }
            }
        }
    }

    /// What an error costs at a step, if one of the response costs so much.
    fn at(&self, step: usize, of_response: f32) -> f32 {
        let weight = match step {
            step if self.usual.contains(&step) => 1.0,
            step if step >= self.response_from => of_response,
            _ => 0.0,
        };
        weight / self.divisor
    }
}

//! What a batch of trials is as arrays: inputs, target outputs, and what errors cost.
//!
//! Between two moments at which something changes in some trial all time steps are the same: they are made once and
//! copied.

use std::collections::BTreeSet;
use std::ops::Range;

use ndarray::Array3;

use crate::error::{Error, Result};
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

/// The trials of a batch: of each its timeline, which is the usual one where `timelines` is empty, and its condition.
pub(super) struct Batch<'a> {
    pub settings: &'a TrialSettings,
    pub usual: &'a Timeline,
    pub timelines: &'a [Timeline],
    pub conditions: &'a [Condition],
}

impl Batch<'_> {
    /// The timeline of each trial.
    fn timelines(&self) -> impl Iterator<Item = &Timeline> {
        (0..self.conditions.len()).map(|trial| self.timelines.get(trial).unwrap_or(self.usual))
    }

    /// The fixation point, the events of each trial, and the rule on its channel: (time, trial, input).
    pub(super) fn inputs(&self, rule_channel: usize, memory: Vec<f32>) -> Result<Array3<f32>> {
        let named = self.settings.ruleset.channels();
        let trials: Vec<(usize, Vec<OnInput>)> = self
            .timelines()
            .zip(self.conditions)
            .map(|(timeline, condition)| {
                let shown = timeline.events.iter().zip(&condition.shown);
                let shown = shown.filter_map(|(event, shown)| {
                    let (first, values) = self.written(&named, &event.place, *shown)?;
                    Some(OnInput { when: event.when.clone(), first, values })
                });
                (timeline.fixation_off.unwrap_or(timeline.end), shown.collect())
            })
            .collect();
        let changes = trials.iter().flat_map(|(fixation_off, shown)| {
            shown.iter().flat_map(|shown| [shown.when.start, shown.when.end]).chain([*fixation_off])
        });
        self.in_stretches(self.settings.n_input(), changes, memory, |step, trial, row| {
            let (fixation_off, shown) = &trials[trial];
            row[rule_channel] = 1.0;
            if step < *fixation_off {
                row[0] = 1.0;
            }
            for shown in shown.iter().filter(|shown| shown.when.contains(&step)) {
                row[shown.first..].iter_mut().zip(&shown.values).for_each(|(input, value)| *input += value);
            }
        })
    }

    /// What an event writes onto the channels from some first one on.
    fn written(&self, channels: &[String], place: &Place, shown: Shown) -> Option<(usize, Vec<f32>)> {
        let ring = &self.settings.ring;
        let bump = |at: f64, strength: f64, encoding: Encoding| {
            (1, ring.encode(at, encoding).into_iter().map(|value| value * strength as f32).collect())
        };
        match (place, shown) {
            (Place::Ring, Shown::Direction { at, strength }) => Some(bump(at, strength, self.settings.encoding)),
            (Place::Target, Shown::Direction { at, strength }) => Some(bump(at, strength, Encoding::Bump)),
            (Place::Channel(name), Shown::Level(level)) => {
                // A channel that the task does not name was refused with its condition.
                let place = channels.iter().position(|known| known == name)?;
                Some((1 + ring.len() + place, vec![level as f32]))
            }
            // Nothing, or what a check of the condition has refused.
            (_, Shown::Nothing | Shown::Direction { .. } | Shown::Level(_)) => None,
        }
    }

    /// The target outputs: (time, trial, output).
    pub(super) fn targets(&self, memory: Vec<f32>) -> Result<Array3<f32>> {
        let (background, fixating, encoding) = match self.settings.loss {
            Loss::LeastSquares => (SILENT_TARGET, FIXATION_TARGET, Encoding::Bump),
            Loss::CrossEntropy => (0.0, 1.0, Encoding::OneHot),
        };
        let ring = &self.settings.ring;
        // From when on each trial asks for a response, and for which.
        let trials: Vec<(usize, Vec<f32>)> = self
            .timelines()
            .zip(self.conditions)
            .map(|(timeline, condition)| match (timeline.response_on, condition.response) {
                (Some(on), Some(direction)) => (on, ring.encode(direction, encoding)),
                _ => (timeline.end, Vec::new()),
            })
            .collect();
        let changes = trials.iter().map(|(on, _)| *on);
        self.in_stretches(1 + ring.len(), changes, memory, |step, trial, row| {
            let (on, response) = &trials[trial];
            row.fill(background);
            match step < *on {
                true => row[0] = fixating,
                false => row[1..].iter_mut().zip(response).for_each(|(target, value)| *target += value),
            }
        })
    }

    /// What an error costs: nothing in the first 100 ms, 1 until the response, 5 from 100 ms after it; the fixation
    /// output counts double. Where fixation is required to the end, the weight stays 1. For cross-entropy one weight a
    /// time step and trial, divided by their mean.
    pub(super) fn mask(&self, memory: Vec<f32>) -> Result<Array3<f32>> {
        let (usual, own) = (self.weights(self.usual), self.timelines.iter().map(|timeline| self.weights(timeline)));
        let own: Vec<Vec<f32>> = own.collect();
        let all = own.iter().chain(own.is_empty().then_some(&usual));
        let changes = all.flat_map(|weights| {
            let differ = weights.windows(2).enumerate().filter(|(_, pair)| pair[0] != pair[1]);
            differ.map(|(step, _)| step + 1)
        });
        let (channels, of_fixation) = match self.settings.loss {
            Loss::LeastSquares => (1 + self.settings.ring.len(), FIXATION_WEIGHT),
            Loss::CrossEntropy => (1, 1.0),
        };
        self.in_stretches(channels, changes, memory, |step, trial, row| {
            let weight = own.get(trial).unwrap_or(&usual)[step];
            row.fill(weight);
            row[0] = of_fixation * weight;
        })
    }

    /// The weight of each time step in the cost.
    fn weights(&self, timeline: &Timeline) -> Vec<f32> {
        let start = self.settings.clock.steps(UNGRADED_START);
        let response_on = timeline.response_on.unwrap_or(timeline.end);
        let mut weights = vec![0.0_f32; timeline.end];
        if timeline.response_on.is_some() {
            weights[timeline.graded_from..].fill(RESPONSE_WEIGHT);
        }
        if start < response_on {
            weights[start..response_on].fill(1.0);
        }
        if self.settings.loss == Loss::CrossEntropy {
            let mean = weights.iter().sum::<f32>() / weights.len() as f32;
            weights.iter_mut().for_each(|weight| *weight /= mean);
        }
        weights
    }

    /// An array, (time, trial, channel), in the memory of one that is done with. `write` makes the row of a trial,
    /// which is 0, at the first time step and where there may be a change.
    fn in_stretches(
        &self,
        channels: usize,
        changes: impl Iterator<Item = usize>,
        mut memory: Vec<f32>,
        write: impl Fn(usize, usize, &mut [f32]),
    ) -> Result<Array3<f32>> {
        let (steps, trials) = (self.usual.end, self.conditions.len());
        let of_step = trials * channels;
        let changes: BTreeSet<usize> = changes.filter(|step| *step < steps).chain([0]).collect();
        let ends = changes.iter().skip(1).chain([&steps]);
        memory.clear();
        memory.reserve_exact(steps * of_step);
        for (start, end) in changes.iter().zip(ends) {
            let first = memory.len();
            memory.resize(first + of_step, 0.0);
            for (trial, row) in memory[first..].chunks_exact_mut(channels).enumerate() {
                write(*start, trial, row);
            }
            for _ in start + 1..*end {
                memory.extend_from_within(first..first + of_step);
            }
        }
        let found = memory.len();
        Array3::from_shape_vec((steps, trials, channels), memory)
            .map_err(|_| Error::shape("a batch of trials", "array", &[found], &[steps, trials, channels]))
    }
}

/// What an event of a trial adds to its inputs, from channel `first` on.
struct OnInput {
    when: Range<usize>,
    first: usize,
    values: Vec<f32>,
}

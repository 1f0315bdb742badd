//! Trials made on the card, of what the processor has drawn.

use crate::error::Result;
use crate::network::engine::cuda::card::{Argument, Card};
use crate::network::engine::cuda::program::{Parts, Program};
use crate::network::engine::cuda::work::{Room, Work, behind, int, whole};
use crate::tasks::{DrawnTrials, Outline};

/// The kernels, in which no cell has a part.
pub(super) static PROGRAM: Program = Program { name: "trials", parts: Parts::Trials };

impl<C: Card> Work<C> {
    /// Makes inputs, targets and mask in their rooms.
    pub(super) fn make(&mut self, drawn: &DrawnTrials) -> Result<()> {
        let outline = drawn.outline();
        let Outline { steps, inputs: channels, rule_channel, outputs, mask_width, .. } = *outline;
        let (trials, ring, numbers) = (outline.trials.len(), outputs - 1, steps * channels);
        let rows = steps * trials;
        let (numbers_of_trial, all_rows) = (int(numbers)?, int(rows)?);

        let (words, of_trials) = table(outline);
        let table = self.upload(Room::Drawn, &words)?;
        let inputs = self.room(Room::Inputs, rows * channels)?;
        let (deviation, key, noise_step) = match drawn.input_noise() {
            Some(noise) => (noise.deviation as f32, noise.noise.key(), noise.step),
            None => (0.0, [0; 2], 0),
        };
        let mut arguments = [inputs, table, behind(table, of_trials)].map(Argument::Address).to_vec();
        arguments.extend([int(ring)?, int(rule_channel)?, numbers_of_trial, int(trials)?, int(channels)?]);
        arguments.push(Argument::Float(deviation));
        arguments.extend([key[0], key[1], noise_step].map(Argument::Word));
        // A thread makes four numbers; a trial's are made in packs of 32.
        let threads = trials * numbers.div_ceil(32) * 8;
        self.launch_of(&PROGRAM, "make_inputs", [threads.div_ceil(256), 1, 1], 256, &arguments)?;

        let targets = self.room(Room::Targets, rows * outputs)?;
        let mask = self.room(Room::Mask, rows * mask_width)?;
        let mut arguments = [targets, mask, table].map(Argument::Address).to_vec();
        arguments.extend([int(ring)?, all_rows, int(trials)?, int(mask_width)?]);
        let [[silent, fixating], [of_response, of_fixation]] = [outline.levels, outline.weights];
        arguments.extend([silent, fixating, of_response, of_fixation].map(Argument::Float));
        self.launch_of(&PROGRAM, "make_targets", [(rows * outputs).div_ceil(256), 1, 1], 256, &arguments)
    }
}

/// The tables of trials and of events as trials.cu reads them, one behind the other, and how many numbers the first
/// has.
fn table(outline: &Outline) -> (Vec<f32>, usize) {
    let ring = outline.outputs - 1;
    let (mut trials, mut events, mut first_event) = (Vec::new(), Vec::new(), 0);
    for (place, trial) in outline.trials.iter().enumerate() {
        let costs = outline.costs_of(place);
        let usual = &costs.usual;
        let words = [first_event, trial.shown.len(), trial.fixation_off, trial.response_on, usual.start, usual.end];
        trials.extend(words.map(whole));
        trials.extend([whole(costs.response_from), costs.divisor]);
        trials.extend(padded(&trial.response, ring));
        for shown in &trial.shown {
            let words = [shown.when.start, shown.when.end, shown.first, shown.values.len()];
            events.extend(words.map(whole));
            events.extend(padded(&shown.values, ring));
        }
        first_event += trial.shown.len();
    }
    let of_trials = trials.len();
    trials.append(&mut events);
    (trials, of_trials)
}

/// Numbers, and zeros up to so many.
fn padded(values: &[f32], count: usize) -> impl Iterator<Item = f32> {
    values.iter().copied().chain(std::iter::repeat(0.0)).take(count)
}

//! The batches of training, made ahead on threads of their own while the network trains on those before.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::Engine;
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{DescribesTrials, Rule, Spares, Trials};
use crate::training::noise_step;
use crate::training::sequence::Sequence;

/// The most threads that make trials, each of which holds a batch ahead.
const MOST_MAKERS: usize = 8;

/// Threads that make trials for an engine: what they make does not depend on their number.
pub(super) fn makers(engine: &dyn Engine) -> usize {
    match engine.leaves_the_processor_free() {
        true => thread::available_parallelism().map_or(1, NonZero::get).min(MOST_MAKERS),
        false => 1,
    }
}

/// A source of batches in the order of the training steps. Its threads end with it.
#[derive(Debug)]
pub(super) struct Batches {
    /// What each thread makes; they take turns.
    made: Vec<Receiver<Result<(Rule, Trials)>>>,
    /// Whose turn it is.
    turn: usize,
    /// Memory of batches that were trained on.
    spares: Arc<Spares>,
}

impl Batches {
    /// The batches of a stage from training step `first` on, made by so many threads, of which each holds one ahead.
    pub(super) fn from_step(
        hyperparameters: &Hyperparameters,
        stage: usize,
        first: u64,
        threads: usize,
    ) -> Result<Self> {
        let spares = Arc::new(Spares::default());
        let maker = |place: usize| {
            let (hyperparameters, spares) = (hyperparameters.clone(), spares.clone());
            // One batch waits in the channel's hand-over, so that a thread never holds more.
            let (send, made) = sync_channel(0);
            let make = move || {
                for step in (first + place as u64..).step_by(threads) {
                    if send.send(batch(&hyperparameters, stage, step, &spares)).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().name("batches".to_owned()).spawn(make).map_err(|source| {
                Error::argument(
                    format!("a thread that makes trials could not be started ({source})"),
                    "close other programs",
                )
            })?;
            Ok(made)
        };
        let made = (0..threads).map(maker).collect::<Result<_>>()?;
        Ok(Batches { made, turn: 0, spares })
    }

    /// The rule and the trials of the next training step.
    pub(super) fn next(&mut self) -> Result<(Rule, Trials)> {
        let made = self.made[self.turn].recv();
        self.turn = (self.turn + 1) % self.made.len();
        made.map_err(|_| Error::argument("a thread that makes trials has ended", "train again: the run resumes"))?
    }

    /// Takes back trials that were trained on: those to come are made in their memory.
    pub(super) fn give_back(&self, trials: Trials) {
        self.spares.give(trials);
    }
}

/// The rule and the trials of a training step, a function of the seed, the stage and the step alone.
fn batch(hyperparameters: &Hyperparameters, stage: usize, step: u64, spares: &Spares) -> Result<(Rule, Trials)> {
    let seed = hyperparameters.seed;
    let mut draw: f64 = RandomStream::new(seed, Purpose::RuleOrder.stream([step, 0])).random();
    let sequence = Sequence::of(hyperparameters);
    let stage = sequence.stage(stage);
    let candidates = hyperparameters.rule_trains.iter().zip(hyperparameters.rule_probabilities());
    let candidates: Vec<(Rule, f64)> = candidates
        .filter(|(rule, _)| stage.rules.contains(rule))
        .map(|(rule, probability)| (*rule, probability))
        .collect();
    if candidates.len() < hyperparameters.rule_trains.len() {
        draw *= candidates.iter().map(|(_, probability)| probability).sum::<f64>();
    }
    let mut rule = candidates[candidates.len() - 1].0;
    let mut below = 0.0;
    for (candidate, probability) in candidates {
        below += probability;
        if draw < below {
            rule = candidate;
            break;
        }
    }
    let mut stream = RandomStream::new(seed, Purpose::TrainingTrials.stream([step, 0]));
    let settings = hyperparameters.trial_settings()?.with_lengths(&stage.lengths());
    let mut trials = Trials::random_in(spares, &settings, rule, hyperparameters.batch_size_train, &mut stream)?;
    let noise = Noise::new(seed, Purpose::TrainingInput.stream([0, 0]));
    trials.add_input_noise(hyperparameters.input_noise(), noise, noise_step(step)?);
    Ok((rule, trials))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::CurriculumStage;
    use crate::tasks::Epoch;

    fn alone(hyperparameters: &Hyperparameters, stage: usize, step: u64) -> Result<(Rule, Trials)> {
        batch(hyperparameters, stage, step, &Spares::default())
    }

    #[test]
    fn batches_come_in_the_order_of_the_steps() {
        let hyperparameters = Hyperparameters { batch_size_train: 3, ..Hyperparameters::paper() };
        for threads in [1, 3] {
            let mut batches = Batches::from_step(&hyperparameters, 0, 5, threads).unwrap();
            for step in 5..12 {
                let (rule, trials) = batches.next().unwrap();
                let expected = alone(&hyperparameters, 0, step).unwrap();
                assert_eq!((rule, &trials.inputs), (expected.0, &expected.1.inputs));
                batches.give_back(trials);
            }
        }
    }

    #[test]
    fn rules_come_as_often_as_their_probabilities_say() {
        let hyperparameters = Hyperparameters { batch_size_train: 1, ..Hyperparameters::paper() };
        let count = 600;
        let of_odr = (0..count).filter(|step| alone(&hyperparameters, 0, *step).unwrap().0 == Rule::ODR).count();
        let (place, _) = hyperparameters.rule_trains.iter().enumerate().find(|(_, rule)| **rule == Rule::ODR).unwrap();
        let expected = hyperparameters.rule_probabilities()[place] * count as f64;
        assert!((of_odr as f64 - expected).abs() < 5.0 * expected.sqrt(), "{of_odr} {expected}");
    }

    #[test]
    fn a_stage_draws_its_own_rules() {
        let hyperparameters = Hyperparameters {
            batch_size_train: 1,
            curriculum: Some(vec![
                CurriculumStage::of(&[Rule::ODR, Rule::ODRD]),
                CurriculumStage {
                    lengths: [(Epoch::Delay1, 200.0)].into(),
                    ..CurriculumStage::of(&[Rule::OVERLAP, Rule::ZERO_GAP, Rule::GAP, Rule::GAP500])
                },
            ]),
            ..Hyperparameters::paper()
        };
        let count = |stage: usize, rule: Rule| {
            (0..300).filter(|step| alone(&hyperparameters, stage, *step).unwrap().0 == rule).count()
        };
        let [odr, odrd] = [count(0, Rule::ODR), count(0, Rule::ODRD)];
        assert!(odr + odrd == 300 && odr.abs_diff(150) < 45, "{odr} {odrd}");
        assert_eq!(count(1, Rule::ODR), 0);
        let gaps: Vec<_> = (0..40).map(|step| alone(&hyperparameters, 1, step).unwrap()).collect();
        let steps = |wanted: Rule| gaps.iter().find(|(rule, _)| *rule == wanted).map(|(_, trials)| trials.steps());
        assert_eq!([Rule::OVERLAP, Rule::GAP, Rule::GAP500].map(steps), [80, 90, 90].map(Some));
    }
}

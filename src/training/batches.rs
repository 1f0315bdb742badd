//! The batches of training, made ahead on a thread of their own while the network trains on the one before.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{DescribesTrials, Rule, Trials};
use crate::training::noise_step;
use crate::training::sequence::Sequence;

/// A source of batches in the order of the training steps. Its thread ends with it.
#[derive(Debug)]
pub(super) struct Batches {
    made: Receiver<Result<(Rule, Trials)>>,
}

impl Batches {
    /// The batches of a stage from training step `first` on.
    pub(super) fn from_step(hyperparameters: &Hyperparameters, stage: usize, first: u64) -> Result<Self> {
        let hyperparameters = hyperparameters.clone();
        // One batch waits in the channel's hand-over, so that no more than two are ever held.
        let (send, made) = sync_channel(0);
        thread::Builder::new()
            .name("batches".to_owned())
            .spawn(move || {
                for step in first.. {
                    if send.send(batch(&hyperparameters, stage, step)).is_err() {
                        return;
                    }
                }
            })
            .map_err(|source| {
                Error::argument(
                    format!("the thread that makes trials could not be started ({source})"),
                    "close other programs",
                )
            })?;
        Ok(Batches { made })
    }

    /// The rule and the trials of the next training step.
    pub(super) fn next(&mut self) -> Result<(Rule, Trials)> {
        self.made
            .recv()
            .map_err(|_| Error::argument("the thread that makes trials has ended", "train again: the run resumes"))?
    }
}

/// The rule and the trials of a training step, a function of the seed, the stage and the step alone.
fn batch(hyperparameters: &Hyperparameters, stage: usize, step: u64) -> Result<(Rule, Trials)> {
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
    let mut trials = Trials::random(&settings, rule, hyperparameters.batch_size_train, &mut stream)?;
    let noise = Noise::new(seed, Purpose::TrainingInput.stream([0, 0]));
    trials.add_input_noise(hyperparameters.input_noise(), noise, noise_step(step)?);
    Ok((rule, trials))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::CurriculumStage;
    use crate::tasks::Epoch;

    #[test]
    fn batches_come_in_the_order_of_the_steps() {
        let hyperparameters = Hyperparameters { batch_size_train: 3, ..Hyperparameters::paper() };
        let mut batches = Batches::from_step(&hyperparameters, 0, 5).unwrap();
        for step in 5..9 {
            let (rule, trials) = batches.next().unwrap();
            let expected = batch(&hyperparameters, 0, step).unwrap();
            assert_eq!((rule, trials.inputs), (expected.0, expected.1.inputs));
        }
    }

    #[test]
    fn rules_come_as_often_as_their_probabilities_say() {
        let hyperparameters = Hyperparameters { batch_size_train: 1, ..Hyperparameters::paper() };
        let count = 600;
        let of_odr = (0..count).filter(|step| batch(&hyperparameters, 0, *step).unwrap().0 == Rule::ODR).count();
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
            (0..300).filter(|step| batch(&hyperparameters, stage, *step).unwrap().0 == rule).count()
        };
        let [odr, odrd] = [count(0, Rule::ODR), count(0, Rule::ODRD)];
        assert!(odr + odrd == 300 && odr.abs_diff(150) < 45, "{odr} {odrd}");
        assert_eq!(count(1, Rule::ODR), 0);
        let gaps: Vec<_> = (0..40).map(|step| batch(&hyperparameters, 1, step).unwrap()).collect();
        let steps = |wanted: Rule| gaps.iter().find(|(rule, _)| *rule == wanted).map(|(_, trials)| trials.steps());
        assert_eq!([Rule::OVERLAP, Rule::GAP, Rule::GAP500].map(steps), [80, 90, 90].map(Some));
    }
}

//! The batches of training, drawn ahead on threads of their own while the network trains on those before; and made
//! there, for an engine that does not make arrays of trials by itself.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use ndarray::Array3;
use rand::RngExt;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Cost, Engine, Learner, Network, SweepNoise};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{DescribesTrials, DrawnTrials, Rule, Spares, Trials};
use crate::training::noise_step;
use crate::training::sequence::Sequence;

/// The most threads that draw trials, each of which holds a batch ahead.
const MOST_MAKERS: usize = 8;

/// Who draws trials for an engine, and whether they make arrays of them. What comes of it does not depend on the number
/// of threads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Makers {
    pub(super) threads: usize,
    /// Whether they make the arrays, too.
    pub(super) arrays: bool,
}

impl Makers {
    /// Those for an engine that runs this network.
    pub(super) fn of(engine: &dyn Engine, network: &Network) -> Self {
        match engine.makes_trials(network) {
            // Drawing is little work, but for a GPU not always less than a step of training is.
            true => {
                let cores = thread::available_parallelism().map_or(1, NonZero::get);
                Makers { threads: cores.min(MOST_MAKERS), arrays: false }
            }
            false => Makers { threads: 1, arrays: true },
        }
    }

    /// A batch as the engine takes it.
    pub(super) fn batch(self, drawn: DrawnTrials, spares: &Spares) -> Result<Batch> {
        match self.arrays {
            true => drawn.into_trials(spares).map(Batch::Made),
            false => Ok(Batch::Drawn(drawn)),
        }
    }
}

/// A batch of trials.
#[derive(Debug)]
pub(super) enum Batch {
    /// For an engine that makes the arrays by itself.
    Drawn(DrawnTrials),
    /// With their arrays.
    Made(Trials),
}

impl Batch {
    /// The rule.
    pub(super) fn rule(&self) -> Rule {
        match self {
            Batch::Drawn(trials) => trials.rule(),
            Batch::Made(trials) => trials.rule,
        }
    }

    /// One step of training on it; see [`Engine::train`].
    pub(super) fn train(
        &self,
        engine: &mut dyn Engine,
        learner: &mut Learner,
        noise: SweepNoise,
    ) -> Result<Option<f64>> {
        match self {
            Batch::Drawn(trials) => engine.train_drawn(learner, trials, noise),
            Batch::Made(trials) => engine.train(learner, trials, noise),
        }
    }

    /// The cost, and the outputs at the last time step; see [`Engine::grade`].
    pub(super) fn grade(
        &self,
        engine: &mut dyn Engine,
        network: &Network,
        noise: SweepNoise,
    ) -> Result<(Cost, Array3<f32>)> {
        match self {
            Batch::Drawn(trials) => engine.grade_drawn(network, trials, noise),
            Batch::Made(trials) => engine.grade(network, trials, noise),
        }
    }

    /// Gives its memory to batches to come.
    pub(super) fn give_back(self, spares: &Spares) {
        if let Batch::Made(trials) = self {
            spares.give(trials);
        }
    }
}

/// A source of batches in the order of the training steps. Its threads end with it.
#[derive(Debug)]
pub(super) struct Batches {
    /// What each thread makes; they take turns.
    made: Vec<Receiver<Result<Batch>>>,
    /// Whose turn it is.
    turn: usize,
    /// Memory of batches that were trained on.
    spares: Arc<Spares>,
}

impl Batches {
    /// The batches of a stage from training step `first` on; each thread holds one ahead.
    pub(super) fn from_step(
        hyperparameters: &Hyperparameters,
        stage: usize,
        first: u64,
        makers: Makers,
    ) -> Result<Self> {
        let spares = Arc::new(Spares::default());
        let maker = |place: usize| {
            let (hyperparameters, spares) = (hyperparameters.clone(), spares.clone());
            // One batch waits in the channel's hand-over, so that a thread never holds more.
            let (send, made) = sync_channel(0);
            let make = move || {
                for step in (first + place as u64..).step_by(makers.threads) {
                    let drawn = draw(&hyperparameters, stage, step);
                    if send.send(drawn.and_then(|drawn| makers.batch(drawn, &spares))).is_err() {
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
        let made = (0..makers.threads).map(maker).collect::<Result<_>>()?;
        Ok(Batches { made, turn: 0, spares })
    }

    /// The trials of the next training step.
    pub(super) fn next(&mut self) -> Result<Batch> {
        let made = self.made[self.turn].recv();
        self.turn = (self.turn + 1) % self.made.len();
        made.map_err(|_| Error::argument("a thread that makes trials has ended", "train again: the run resumes"))?
    }

    /// Takes back trials that were trained on: those to come are made in their memory.
    pub(super) fn give_back(&self, trials: Batch) {
        trials.give_back(&self.spares);
    }
}

/// The trials of a training step, a function of the seed, the stage and the step alone.
fn draw(hyperparameters: &Hyperparameters, stage: usize, step: u64) -> Result<DrawnTrials> {
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
    let trials = DrawnTrials::random(&settings, rule, hyperparameters.batch_size_train, &mut stream)?;
    let noise = Noise::new(seed, Purpose::TrainingInput.stream([0, 0]));
    Ok(trials.with_input_noise(hyperparameters.input_noise(), noise, noise_step(step)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::CurriculumStage;
    use crate::tasks::Epoch;

    fn rule(hyperparameters: &Hyperparameters, stage: usize, step: u64) -> Rule {
        draw(hyperparameters, stage, step).unwrap().rule()
    }

    #[test]
    fn batches_come_in_the_order_of_the_steps() {
        let hyperparameters = Hyperparameters { batch_size_train: 3, ..Hyperparameters::paper() };
        for (threads, arrays) in [(1, true), (3, true), (1, false), (3, false)] {
            let mut batches = Batches::from_step(&hyperparameters, 0, 5, Makers { threads, arrays }).unwrap();
            for step in 5..12 {
                let batch = batches.next().unwrap();
                let expected = draw(&hyperparameters, 0, step).unwrap().make().unwrap();
                assert_eq!(batch.rule(), expected.rule);
                match &batch {
                    Batch::Made(trials) if arrays => assert_eq!(trials.inputs, expected.inputs),
                    Batch::Drawn(trials) if !arrays => assert_eq!(trials.make().unwrap().inputs, expected.inputs),
                    other => panic!("{other:?}"),
                }
                batches.give_back(batch);
            }
        }
    }

    #[test]
    fn rules_come_as_often_as_their_probabilities_say() {
        let hyperparameters = Hyperparameters { batch_size_train: 1, ..Hyperparameters::paper() };
        let count = 600;
        let of_odr = (0..count).filter(|step| rule(&hyperparameters, 0, *step) == Rule::ODR).count();
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
        let count =
            |stage: usize, wanted: Rule| (0..300).filter(|step| rule(&hyperparameters, stage, *step) == wanted).count();
        let [odr, odrd] = [count(0, Rule::ODR), count(0, Rule::ODRD)];
        assert!(odr + odrd == 300 && odr.abs_diff(150) < 45, "{odr} {odrd}");
        assert_eq!(count(1, Rule::ODR), 0);
        let gaps: Vec<_> = (0..40).map(|step| draw(&hyperparameters, 1, step).unwrap().make().unwrap()).collect();
        let steps = |wanted: Rule| gaps.iter().find(|trials| trials.rule == wanted).map(Trials::steps);
        assert_eq!([Rule::OVERLAP, Rule::GAP, Rule::GAP500].map(steps), [80, 90, 90].map(Some));
    }
}

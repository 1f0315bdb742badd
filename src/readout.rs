//! What a checkpoint does on the trials of a rule: its units' activity, its outputs, the gradients of its cost.

use std::path::Path;

use polars::prelude::*;

use crate::activity::Activity;
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::file::{named_values, write_arrays};
use crate::network::{CpuEngine, Engine, SweepNoise};
use crate::numerics::random::Noise;
use crate::seed::Purpose;
use crate::tasks::{Condition, Mode, Rule, Trials};
use crate::training::{Answer, Checkpoint, answers};

/// How a checkpoint is read out.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadoutOptions {
    /// Which trials.
    pub mode: Mode,
    /// Whether inputs carry noise. The published system reads out without.
    pub input_noise: bool,
    /// Whether units carry noise. Without it the repeats of a test trial are identical.
    pub recurrent_noise: bool,
    /// Decides the noise and the random trials; `None`: the seed of the run.
    pub seed: Option<u64>,
    /// Whether every checkpoint meets the same noise, for paired comparisons; by default each has its own.
    pub same_noise: bool,
    /// Threads; 0 takes one a processor core. The result does not depend on it.
    pub threads: usize,
}

impl Default for ReadoutOptions {
    fn default() -> Self {
        ReadoutOptions {
            mode: Mode::Test,
            input_noise: false,
            recurrent_noise: true,
            seed: None,
            same_noise: false,
            threads: 0,
        }
    }
}

/// Reads checkpoints out; keeps its threads and buffers from one to the next.
///
/// ```
/// use maturation::prelude::*;
/// use maturation::readout::{Readout, ReadoutOptions};
///
/// let run = Run::open("data/6tasks")?;
/// let mut readout = Readout::new(ReadoutOptions::default())?;
/// for checkpoint in run.stage(Rule::Gap, Stage::Early)?.iter().take(2) {
///     let activity = readout.activity(checkpoint, Rule::Gap)?;
///     assert_eq!(activity.rates.dim(), (85, 128, 256)); // (time, trial, unit)
/// }
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Debug)]
pub struct Readout {
    options: ReadoutOptions,
    engine: Box<dyn Engine>,
}

impl Readout {
    /// A readout with these options.
    pub fn new(options: ReadoutOptions) -> Result<Self> {
        let engine = CpuEngine::new(options.threads)?;
        Ok(Readout::on(engine, options))
    }

    /// A readout with these options on an engine of your own choice; the options' threads have no meaning then.
    pub fn on(engine: impl Engine + 'static, options: ReadoutOptions) -> Self {
        Readout { options, engine: Box::new(engine) }
    }

    /// The trials that `rule` is read out on at a checkpoint.
    pub fn trials(&self, checkpoint: &Checkpoint, rule: Rule) -> Result<Trials> {
        let seed = self.seed(checkpoint);
        let hyperparameters = &Hyperparameters { seed, ..checkpoint.hyperparameters().clone() };
        let mut trials = Trials::of_mode(hyperparameters, rule, self.options.mode, false)?;
        if self.options.input_noise {
            let noise = Noise::new(seed, Purpose::ActivityInput.stream(self.parts(checkpoint, rule)));
            trials.add_input_noise(hyperparameters, noise, 0);
        }
        Ok(trials)
    }

    fn seed(&self, checkpoint: &Checkpoint) -> u64 {
        self.options.seed.unwrap_or(checkpoint.hyperparameters().seed)
    }

    /// What tells the noise of one checkpoint and rule from that of another.
    fn parts(&self, checkpoint: &Checkpoint, rule: Rule) -> [u64; 2] {
        let checkpoint = if self.options.same_noise { u64::MAX } else { checkpoint.trials_trained() };
        [checkpoint, rule as u64]
    }

    fn noise(&self, checkpoint: &Checkpoint, rule: Rule) -> SweepNoise {
        if !self.options.recurrent_noise {
            return SweepNoise::None;
        }
        let stream = Purpose::ActivityNoise.stream(self.parts(checkpoint, rule));
        SweepNoise::Gaussian { noise: Noise::new(self.seed(checkpoint), stream), step: 0 }
    }

    /// The activity of a checkpoint's units on the trials of a rule.
    ///
    /// An error if the rule is not in the network's ruleset, or the checkpoint cannot be read or has diverged.
    pub fn activity(&mut self, checkpoint: &Checkpoint, rule: Rule) -> Result<Activity> {
        let trials = self.trials(checkpoint, rule)?;
        let network = checkpoint.network()?;
        let noise = self.noise(checkpoint, rule);
        let rollout = self.engine.run(&network, &trials.inputs, noise)?;
        let hyperparameters = checkpoint.hyperparameters();
        let locations = trials.locations(hyperparameters);
        let activity = Activity::new(rollout.hidden, locations, hyperparameters.n_eachring, trials.dt)?
            .with_epochs(trials.timeline.epochs)?;
        Ok(activity.with_rule(rule).with_trials_trained(checkpoint.trials_trained()))
    }

    /// How a checkpoint answers each trial of a rule: a table with trial, location, response and distance to the target
    /// (degrees), performance (0 or 1) and the fixation output, all at the trial's last time step.
    ///
    /// Response is null where the outputs are not finite, distance also where the trial asks to keep fixating.
    pub fn outputs(&mut self, checkpoint: &Checkpoint, rule: Rule) -> Result<DataFrame> {
        let trials = self.trials(checkpoint, rule)?;
        let network = checkpoint.network()?;
        let noise = self.noise(checkpoint, rule);
        let rollout = self.engine.run(&network, &trials.inputs, noise)?;
        let answers = answers(&trials, &rollout.outputs)?;
        let locations = trials.locations(checkpoint.hyperparameters());
        let degrees = |angle: Option<f64>| angle.map(f64::to_degrees);
        df![
            "trial" => (0..trials.len() as u32).collect::<Vec<_>>(),
            "location" => locations.iter().map(|location| *location as u32).collect::<Vec<_>>(),
            "response" => answers.iter().map(|answer| degrees(answer.direction)).collect::<Vec<_>>(),
            "distance" => answers.iter().map(|answer| degrees(answer.distance)).collect::<Vec<_>>(),
            "performance" => answers.iter().map(|answer| u32::from(answer.correct)).collect::<Vec<_>>(),
            "fixation" => answers.iter().map(|answer| answer.fixation).collect::<Vec<_>>(),
        ]
        .map_err(Error::table("making the table of outputs"))
    }

    /// How a checkpoint answers batches of trials of a rule, whatever the mode of the options: the answers of each
    /// batch, trial by trial.
    ///
    /// Each batch meets noise of its own; that of the first one is the noise of [`Readout::outputs`].
    ///
    /// ```
    /// use maturation::prelude::*;
    /// use maturation::readout::{Readout, ReadoutOptions};
    ///
    /// let last = Run::open("data/6tasks")?.last()?;
    /// let batches = vec![vec![Condition::with_distractor(0.0, 0.8); 4], vec![Condition::with_distractor(0.0, 3.1); 4]];
    /// let answers = Readout::new(ReadoutOptions::default())?.answers(&last, Rule::Odrd, &batches)?;
    /// assert_eq!((answers.len(), answers[0].len()), (2, 4));
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the rule is not in the network's ruleset, a batch is empty, the checkpoint cannot be read, or its outputs are
    /// not finite.
    pub fn answers(
        &mut self,
        checkpoint: &Checkpoint,
        rule: Rule,
        batches: &[Vec<Condition>],
    ) -> Result<Vec<Vec<Answer>>> {
        let network = checkpoint.network()?;
        let seed = self.seed(checkpoint);
        let hyperparameters = &Hyperparameters { seed, ..checkpoint.hyperparameters().clone() };
        let input_noise = Noise::new(seed, Purpose::ActivityInput.stream(self.parts(checkpoint, rule)));
        let mut all = Vec::with_capacity(batches.len());
        for (batch, conditions) in batches.iter().enumerate() {
            if conditions.is_empty() {
                return Err(Error::argument(format!("batch {batch} has no trial"), "give at least one"));
            }
            let mut trials = Trials::from_conditions(hyperparameters, rule, conditions.clone())?;
            if self.options.input_noise {
                trials.add_input_noise(hyperparameters, input_noise, batch as u32);
            }
            let noise = match self.noise(checkpoint, rule) {
                SweepNoise::Gaussian { noise, .. } => SweepNoise::Gaussian { noise, step: batch as u32 },
                none => none,
            };
            let (_, outputs) = self.engine.evaluate(&network, &trials, noise)?;
            let graded = answers(&trials, &outputs)?;
            if graded.iter().any(|answer| answer.direction.is_none() || !answer.fixation.is_finite()) {
                return Err(Error::argument(
                    format!("the outputs after {} trials are not finite", checkpoint.trials_trained()),
                    "the network has diverged: choose an earlier checkpoint",
                ));
            }
            all.push(graded);
        }
        Ok(all)
    }

    /// The cost of a checkpoint on a rule's test trials without any noise, and its gradients by the weights, not
    /// clipped, written to a safetensors file: an array a parameter, and `cost`.
    pub fn gradients(&mut self, checkpoint: &Checkpoint, rule: Rule, path: impl AsRef<Path>) -> Result<f64> {
        let hyperparameters = checkpoint.hyperparameters();
        let trials = Trials::test(hyperparameters, rule, Mode::Test)?;
        let network = checkpoint.network()?;
        let (parts, gradients) = self.engine.gradients(&network, &trials, SweepNoise::None)?;
        let cost = parts.total();
        let mut arrays = named_values(network.parameters(), "", gradients);
        arrays.push(("cost".to_owned(), vec![1], vec![cost as f32]));
        write_arrays(path.as_ref(), "gradients 1", &arrays)?;
        Ok(cost)
    }
}

impl Checkpoint {
    /// The activity of the units on the test trials of `rule`, with recurrent noise and without input noise, as the
    /// published system reads it out; see [`Readout`] for other ways and for many checkpoints.
    pub fn activity(&self, rule: Rule) -> Result<Activity> {
        Readout::new(ReadoutOptions::default())?.activity(self, rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::training::Run;

    #[test]
    fn batches_have_noise_of_their_own_and_the_first_has_that_of_outputs() {
        let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap();
        let checkpoint = run.last().unwrap();
        let mut readout = Readout::new(ReadoutOptions { input_noise: true, ..ReadoutOptions::default() }).unwrap();
        let outputs = readout.outputs(&checkpoint, Rule::Gap).unwrap();
        let fixation: Vec<f32> = outputs.column("fixation").unwrap().f32().unwrap().iter().flatten().collect();
        let conditions = readout.trials(&checkpoint, Rule::Gap).unwrap().conditions;
        let batches = vec![conditions.clone(), conditions];
        let found = readout.answers(&checkpoint, Rule::Gap, &batches).unwrap();
        let of = |batch: usize| found[batch].iter().map(|answer| answer.fixation).collect::<Vec<_>>();
        assert_eq!(of(0), fixation);
        assert_ne!(of(1), fixation);
        assert_eq!(readout.answers(&checkpoint, Rule::Gap, &batches).unwrap(), found);

        let mut silent = Readout::new(ReadoutOptions { recurrent_noise: false, ..ReadoutOptions::default() }).unwrap();
        let found = silent.answers(&checkpoint, Rule::Gap, &batches).unwrap();
        assert_eq!(found[0], found[1]);
        let message = silent.answers(&checkpoint, Rule::Gap, &[vec![]]).unwrap_err().to_string();
        assert!(message.contains("no trial"), "{message}");
    }
}

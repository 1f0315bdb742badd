//! What a checkpoint does on the trials of a rule: its units' activity, its outputs, the gradients of its cost.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Axis;
use polars::prelude::*;

use crate::activity::Activity;
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::file::{named_values, write_arrays};
use crate::network::{Device, Engine, Network, SweepNoise};
use crate::numerics::random::{Noise, RandomStream};
use crate::seed::Purpose;
use crate::tasks::{Condition, Mode, Rule, Trials};
use crate::training::{Answer, Checkpoint, answers, performance};

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
    /// What networks are computed on. Devices agree to float precision.
    pub device: Device,
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
            device: Device::Cpu,
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
/// for checkpoint in run.stage(Rule::GAP, Stage::Early)?.iter().take(2) {
///     let activity = readout.activity(checkpoint, Rule::GAP)?;
///     assert_eq!(activity.rates.dim(), (85, 128, 256)); // (time, trial, unit)
/// }
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Debug)]
pub struct Readout {
    options: ReadoutOptions,
    engine: Box<dyn Engine>,
    /// Engines for so many batches side by side, once there were as many.
    side_by_side: BTreeMap<usize, Vec<Box<dyn Engine + Send>>>,
}

impl Readout {
    /// A readout with these options.
    pub fn new(options: ReadoutOptions) -> Result<Self> {
        let engine = options.device.engine(options.threads)?;
        Ok(Readout { options, engine, side_by_side: BTreeMap::new() })
    }

    /// A readout with these options on an engine of your own choice; the options' threads and device have no meaning
    /// then.
    pub fn on(engine: impl Engine + 'static, options: ReadoutOptions) -> Self {
        Readout { options, engine: Box::new(engine), side_by_side: BTreeMap::new() }
    }

    /// What computes, in a few words.
    pub fn computes_on(&self) -> String {
        self.engine.description()
    }

    /// The trials that `rule` is read out on at a checkpoint.
    pub fn trials(&self, checkpoint: &Checkpoint, rule: Rule) -> Result<Trials> {
        self.trials_at(checkpoint.hyperparameters(), checkpoint.trials_trained(), rule)
    }

    fn trials_at(&self, hyperparameters: &Hyperparameters, trained: u64, rule: Rule) -> Result<Trials> {
        let seed = self.seed(hyperparameters);
        let hyperparameters = &Hyperparameters { seed, ..hyperparameters.clone() };
        let mut trials = Trials::of_mode(hyperparameters, rule, self.options.mode, false)?;
        if self.options.input_noise {
            let noise = Noise::new(seed, Purpose::ActivityInput.stream(self.parts(trained, rule)));
            trials.add_input_noise(hyperparameters.input_noise(), noise, 0);
        }
        Ok(trials)
    }

    fn seed(&self, hyperparameters: &Hyperparameters) -> u64 {
        self.options.seed.unwrap_or(hyperparameters.seed)
    }

    /// What tells the noise of one checkpoint and rule from that of another.
    fn parts(&self, trained: u64, rule: Rule) -> [u64; 2] {
        [if self.options.same_noise { u64::MAX } else { trained }, rule.stream()]
    }

    fn noise(&self, hyperparameters: &Hyperparameters, trained: u64, rule: Rule) -> SweepNoise {
        if !self.options.recurrent_noise {
            return SweepNoise::None;
        }
        let stream = Purpose::ActivityNoise.stream(self.parts(trained, rule));
        SweepNoise::Gaussian { noise: Noise::new(self.seed(hyperparameters), stream), step: 0 }
    }

    /// The activity of a checkpoint's units on the trials of a rule.
    ///
    /// An error if the rule is not in the network's ruleset, or the checkpoint cannot be read or has diverged.
    pub fn activity(&mut self, checkpoint: &Checkpoint, rule: Rule) -> Result<Activity> {
        self.activity_after(&checkpoint.network()?, checkpoint.trials_trained(), rule)
    }

    /// The same of a network in hand, after so many trials of training.
    pub(crate) fn activity_after(&mut self, network: &Network, trained: u64, rule: Rule) -> Result<Activity> {
        Ok(self.activity_at(network, trained, rule)?.with_trials_trained(trained))
    }

    /// The activity of a network in hand on the trials of a rule; it meets the noise of a checkpoint before training.
    ///
    /// # Errors
    /// If the rule is not in the network's ruleset, or a rate is not finite.
    pub fn activity_of(&mut self, network: &Network, rule: Rule) -> Result<Activity> {
        self.activity_at(network, 0, rule)
    }

    fn activity_at(&mut self, network: &Network, trained: u64, rule: Rule) -> Result<Activity> {
        let hyperparameters = network.hyperparameters();
        let trials = self.trials_at(hyperparameters, trained, rule)?;
        let noise = self.noise(hyperparameters, trained, rule);
        let rollout = self.engine.run(network, &trials.inputs, noise)?;
        let locations = trials.locations();
        let activity = Activity::new(rollout.hidden, locations, hyperparameters.n_eachring, trials.dt)?
            .with_epochs(trials.timeline.epochs)?;
        Ok(activity.with_rule(rule))
    }

    /// How a network in hand responds to `count` random trials of a rule, with input and recurrent noise whatever the
    /// options say. The same trials and the same noise meet every network of these hyper-parameters.
    pub(crate) fn responses_of(&mut self, network: &Network, rule: Rule, count: usize) -> Result<Responses> {
        let seed = self.seed(network.hyperparameters());
        let hyperparameters = &Hyperparameters { seed, ..network.hyperparameters().clone() };
        let parts = [u64::MAX, rule.stream()];
        let mut stream = RandomStream::new(seed, Purpose::EvaluationTrials.stream(parts));
        let mut trials = Trials::random(hyperparameters, rule, count, &mut stream)?;
        trials.add_input_noise(
            hyperparameters.input_noise(),
            Noise::new(seed, Purpose::EvaluationInput.stream(parts)),
            0,
        );
        let noise = Noise::new(seed, Purpose::EvaluationNoise.stream(parts));
        let rollout = self.engine.run(network, &trials.inputs, SweepNoise::Gaussian { noise, step: 0 })?;
        let answers = answers(&trials, &rollout.outputs)?;
        let rows = (rollout.hidden.len_of(Axis(0)) * rollout.hidden.len_of(Axis(1))) as f64;
        let mut rates = vec![0.0; rollout.hidden.len_of(Axis(2))];
        for row in rollout.hidden.rows() {
            rates.iter_mut().zip(row).for_each(|(sum, rate)| *sum += f64::from(*rate));
        }
        rates.iter_mut().for_each(|sum| *sum /= rows);
        if rates.iter().any(|rate| !rate.is_finite()) || answers.iter().any(|answer| answer.direction.is_none()) {
            return Err(Error::argument(
                format!("the network's rates or outputs on rule `{rule}` are not finite"),
                "it has diverged: choose an earlier checkpoint",
            ));
        }
        Ok(Responses { answers, rates })
    }

    /// How a checkpoint answers each trial of a rule: a table with trial, location, response and distance to the target
    /// (degrees), performance (0 or 1) and the fixation output, all at the trial's last time step.
    ///
    /// Response is null where the outputs are not finite, distance also where the trial asks to keep fixating.
    pub fn outputs(&mut self, checkpoint: &Checkpoint, rule: Rule) -> Result<DataFrame> {
        let trials = self.trials(checkpoint, rule)?;
        let network = checkpoint.network()?;
        let noise = self.noise(checkpoint.hyperparameters(), checkpoint.trials_trained(), rule);
        let rollout = self.engine.run(&network, &trials.inputs, noise)?;
        let answers = answers(&trials, &rollout.outputs)?;
        let locations = trials.locations();
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
    /// let near = vec![Condition::with_distractor(0.0, 0.8); 4];
    /// let batches = vec![near, vec![Condition::with_distractor(0.0, 3.1); 4]];
    /// let answers = Readout::new(ReadoutOptions::default())?.answers(&last, Rule::ODRD, &batches)?;
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
        self.answers_after(&checkpoint.network()?, checkpoint.trials_trained(), rule, batches)
    }

    /// The same of a network in hand, after so many trials of training.
    pub(crate) fn answers_after(
        &mut self,
        network: &Network,
        trained: u64,
        rule: Rule,
        batches: &[Vec<Condition>],
    ) -> Result<Vec<Vec<Answer>>> {
        let mut all = self.all_answers_after(network, trained, &[(rule, batches)])?;
        Ok(all.pop().unwrap_or_default())
    }

    /// The same for several rules, each with batches of its own: all are shared out together, so that no core waits for
    /// another at the end of each rule.
    pub(crate) fn all_answers_after(
        &mut self,
        network: &Network,
        trained: u64,
        asked: &[(Rule, &[Vec<Condition>])],
    ) -> Result<Vec<Vec<Vec<Answer>>>> {
        let seed = self.seed(network.hyperparameters());
        let hyperparameters = &Hyperparameters { seed, ..network.hyperparameters().clone() };
        let with_input_noise = self.options.input_noise.then(|| hyperparameters.input_noise());
        let of_rule = |(rule, _): &(Rule, _)| {
            let input_noise = Noise::new(seed, Purpose::ActivityInput.stream(self.parts(trained, *rule)));
            (input_noise, self.noise(hyperparameters, trained, *rule))
        };
        let noises: Vec<(Noise, SweepNoise)> = asked.iter().map(of_rule).collect();
        let respond = |engine: &mut dyn Engine, (place, batch): (usize, usize)| {
            let ((rule, batches), (input_noise, recurrent_noise)) = (asked[place], noises[place]);
            if batches[batch].is_empty() {
                return Err(Error::argument(format!("batch {batch} has no trial"), "give at least one"));
            }
            let mut trials = Trials::from_conditions(hyperparameters, rule, batches[batch].clone())?;
            if let Some(deviation) = with_input_noise {
                trials.add_input_noise(deviation, input_noise, batch as u32);
            }
            let noise = match recurrent_noise {
                SweepNoise::Gaussian { noise, .. } => SweepNoise::Gaussian { noise, step: batch as u32 },
                SweepNoise::None => SweepNoise::None,
            };
            let outputs = engine.answer(network, &trials, noise)?;
            let graded = answers(&trials, &outputs)?;
            if graded.iter().any(|answer| answer.direction.is_none() || !answer.fixation.is_finite()) {
                return Err(Error::argument(
                    format!("the outputs after {trained} trials are not finite"),
                    "the network has diverged: choose an earlier checkpoint",
                ));
            }
            Ok(graded)
        };
        let each = asked.iter().enumerate();
        let mut pieces: Vec<(usize, usize)> =
            each.flat_map(|(place, (_, batches))| (0..batches.len()).map(move |batch| (place, batch))).collect();
        // The largest first: the less there is to wait for at the end.
        pieces.sort_by_key(|(place, batch)| Reverse(asked[*place].1[*batch].len()));
        let side_by_side = match self.side_by_side.entry(pieces.len()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.engine.side_by_side(pieces.len())?),
        };
        let found: Vec<Vec<Answer>> = match side_by_side.is_empty() {
            true => pieces.iter().map(|piece| respond(&mut *self.engine, *piece)).collect::<Result<_>>()?,
            false => shared_out(side_by_side, pieces.len(), |engine, piece| respond(engine, pieces[piece]))?,
        };
        let mut all: Vec<Vec<Vec<Answer>>> = asked.iter().map(|(_, batches)| vec![Vec::new(); batches.len()]).collect();
        for ((place, batch), answers) in pieces.into_iter().zip(found) {
            all[place][batch] = answers;
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
        write_arrays(path.as_ref(), "gradients 1", arrays)?;
        Ok(cost)
    }
}

/// Does each of so many pieces of work once, on the next engine that is free; what came of them, in their order.
fn shared_out<T: Send>(
    engines: &mut [Box<dyn Engine + Send>],
    pieces: usize,
    work: impl Fn(&mut dyn Engine, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let (next, work) = (&next, &work);
    let mut done = std::thread::scope(|scope| {
        let worker = |engine: &mut Box<dyn Engine + Send>| {
            let mut done = Vec::new();
            loop {
                let piece = next.fetch_add(1, Ordering::Relaxed);
                if piece >= pieces {
                    return done;
                }
                let made = work(&mut **engine, piece);
                if made.is_err() {
                    // Those before it are being worked on: the first that fails is told of, whoever is faster.
                    next.store(pieces, Ordering::Relaxed);
                }
                done.push((piece, made));
            }
        };
        let workers: Vec<_> = engines.iter_mut().map(|engine| scope.spawn(move || worker(engine))).collect();
        let ended = |_| Error::argument("a thread that reads checkpoints out has ended", "read them out again");
        let done = workers.into_iter().map(|worker| worker.join().map_err(ended)).collect::<Result<Vec<_>>>()?;
        Ok(done.into_iter().flatten().collect::<Vec<_>>())
    })?;
    done.sort_unstable_by_key(|(piece, _)| *piece);
    done.into_iter().map(|(_, made)| made).collect()
}

/// How a network responded to trials.
pub(crate) struct Responses {
    /// The answer to each trial.
    pub(crate) answers: Vec<Answer>,
    /// The mean rate of each unit over all trials and time steps.
    pub(crate) rates: Vec<f64>,
}

impl Network {
    /// The activity of the units on the test trials of `rule`, with recurrent noise and without input noise: of a
    /// network in hand, lesioned, imported or of weights of one's own.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let mut network = Run::open("data/6tasks")?.last()?.network()?;
    /// network.lesion(&[0, 1, 2])?;
    /// let activity = network.activity(Rule::GAP)?;
    /// assert_eq!(activity.rates.dim(), (85, 128, 256)); // (time, trial, unit)
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the rule is not in the network's ruleset, or a rate is not finite.
    pub fn activity(&self, rule: Rule) -> Result<Activity> {
        Readout::new(ReadoutOptions::default())?.activity_of(self, rule)
    }

    /// The share of right answers to `batch_size_test` random trials of `rule`, with input and recurrent noise, as the
    /// evaluations of a training run have it.
    ///
    /// # Errors
    /// As [`Network::activity`].
    pub fn performance(&self, rule: Rule) -> Result<f64> {
        let trials = self.hyperparameters().batch_size_test;
        let responses = Readout::new(ReadoutOptions::default())?.responses_of(self, rule, trials)?;
        Ok(performance(&responses.answers))
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
        let outputs = readout.outputs(&checkpoint, Rule::GAP).unwrap();
        let fixation: Vec<f32> = outputs.column("fixation").unwrap().f32().unwrap().iter().flatten().collect();
        let conditions = readout.trials(&checkpoint, Rule::GAP).unwrap().conditions;
        let batches = vec![conditions.clone(), conditions];
        let found = readout.answers(&checkpoint, Rule::GAP, &batches).unwrap();
        let of = |batch: usize| found[batch].iter().map(|answer| answer.fixation).collect::<Vec<_>>();
        assert_eq!(of(0), fixation);
        assert_ne!(of(1), fixation);
        assert_eq!(readout.answers(&checkpoint, Rule::GAP, &batches).unwrap(), found);

        let mut silent = Readout::new(ReadoutOptions { recurrent_noise: false, ..ReadoutOptions::default() }).unwrap();
        let found = silent.answers(&checkpoint, Rule::GAP, &batches).unwrap();
        assert_eq!(found[0], found[1]);
        let message = silent.answers(&checkpoint, Rule::GAP, &[vec![]]).unwrap_err().to_string();
        assert!(message.contains("no trial"), "{message}");
    }

    #[test]
    fn rules_are_answered_together_as_each_alone() {
        let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap();
        let network = run.last().unwrap().network().unwrap();
        let batches = |condition: Condition, sizes: &[usize]| -> Vec<Vec<Condition>> {
            sizes.iter().map(|trials| vec![condition.clone(); *trials]).collect()
        };
        let few = batches(Condition::with_distractor(0.0, 0.8), &[1, 9]);
        let many = batches(Condition::delayed_response(0.3), &[3, 17, 2]);
        let mut readout = Readout::new(ReadoutOptions { input_noise: true, ..ReadoutOptions::default() }).unwrap();
        let asked = [(Rule::ODRD, &few[..]), (Rule::ODR, &many[..]), (Rule::GAP, &many[..]), (Rule::ODR, &[])];
        let found = readout.all_answers_after(&network, 7, &asked).unwrap();
        for ((rule, batches), found) in asked.iter().zip(&found) {
            assert_eq!(*found, readout.answers_after(&network, 7, *rule, batches).unwrap(), "{rule}");
            assert!(found.iter().map(Vec::len).eq(batches.iter().map(Vec::len)));
        }
        assert_eq!(found.len(), asked.len());
        assert_ne!(found[1], found[2]);
        assert!(readout.all_answers_after(&network, 7, &[]).unwrap().is_empty());
    }

    #[test]
    fn batches_are_answered_alike_side_by_side_and_one_after_the_other() {
        let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap();
        let (checkpoint, batch) = (run.last().unwrap(), vec![Condition::with_distractor(0.0, 0.8); 9]);
        let found = [1, 2, 5].map(|threads| {
            let mut readout = Readout::new(ReadoutOptions { threads, ..ReadoutOptions::default() }).unwrap();
            let few = readout.answers(&checkpoint, Rule::ODRD, &vec![batch.clone(); 3]).unwrap();
            let many = readout.answers(&checkpoint, Rule::ODRD, &vec![batch.clone(); 7]).unwrap();
            assert_eq!(many[..3], few);
            let engines = |batches: usize| readout.side_by_side[&batches].len();
            assert_eq!([engines(3), engines(7)], if threads == 1 { [0, 0] } else { [3.min(threads), threads] });
            many
        });
        assert_eq!(found[0], found[1]);
        assert_eq!(found[0], found[2]);
    }

    #[test]
    fn the_first_batch_that_fails_is_told_of() {
        let run = Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap();
        let mut batches = vec![vec![Condition::with_distractor(0.0, 0.8); 2]; 9];
        (batches[5], batches[7]) = (Vec::new(), Vec::new());
        for threads in [1, 4] {
            let mut readout = Readout::new(ReadoutOptions { threads, ..ReadoutOptions::default() }).unwrap();
            let message = readout.answers(&run.last().unwrap(), Rule::ODRD, &batches).unwrap_err().to_string();
            assert!(message.contains("batch 5"), "{message}");
        }
    }
}

//! One session of training, from a fresh or an interrupted run to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::environment::Interruption;
use crate::error::{Error, Kind, Result};
use crate::hyperparameters::Hyperparameters;
use crate::json::write_version;
use crate::network::{Diverged, Engine, Learner, Network, SweepNoise, WeightCost};
use crate::numerics::random::Noise;
use crate::seed::Purpose;
use crate::tables::{is_unfinished, write_bytes};
use crate::tasks::{Rule, Spares};
use crate::training::batches::{Batches, Makers};
use crate::training::lock::FolderLock;
use crate::training::log::{Log, LogEntry};
use crate::training::progress::{self, Progress, Spent};
use crate::training::run::{HYPERPARAMETERS_FILE, LOG_FILE, MODEL_FILE, Run, STATE_FILE};
use crate::training::sequence::Sequence;
use crate::training::writer::{Act, Writer};
use crate::training::{Evaluation, Keep, ProgressTo, Training, evaluation, noise_step, start, state};

/// Trains to the end, or until an interruption; see [`Training::train`].
pub(super) fn train(training: Training, path: &Path, interruption: Option<&Interruption>) -> Result<Run> {
    training.check()?;
    let engine = match training.engine {
        Some(make) => make()?,
        None => training.device.engine(training.threads)?,
    };
    if training.hyperparameters.load_dir.is_some() && !path.join(HYPERPARAMETERS_FILE).exists() {
        // What cannot begin is told before anything is written.
        start::network(&training.hyperparameters)?;
    }
    let lock = FolderLock::take(path)?;
    remove_unfinished(path)?;
    let mut session = Session { keep: training.keep, ..Session::start(&training.hyperparameters, engine, lock, path)? };
    // A kill may have come between the newest checkpoint and this.
    let thinned = Vec::from_iter(session.thinned());
    session.writer.hand_over(thinned)?;
    let stop = || training.stop.load(Ordering::Relaxed) || interruption.is_some_and(Interruption::requested);
    let mut listener = match training.progress_to {
        ProgressTo::User => Some(progress::shown()),
        ProgressTo::Nobody => None,
        ProgressTo::Listener(listener) => Some(listener),
    };
    let mut tell = |progress: &Progress| {
        if let Some(listener) = &mut listener {
            listener(progress);
        }
    };
    let finished = session.go(training.max_trials, &stop, &mut tell);
    if finished.as_ref().is_err_and(|error| !error.is_not_finite()) {
        // The first failure is the one to report; the state at the last evaluation is on disk in any case.
        let _ = session.save_state();
    }
    // A file that could not be written came before whatever has ended training.
    session.writer.end().and(finished)?;
    Run::open(path)
}

/// Removes what a killed training was writing, so that it does not add up; only who holds the lock may.
fn remove_unfinished(path: &Path) -> Result<()> {
    let failed = |source| Error::io("read", path, source);
    for entry in fs::read_dir(path).map_err(failed)? {
        let entry = entry.map_err(failed)?.path();
        let is_checkpoint = entry.file_name().is_some_and(|name| name.to_string_lossy().parse::<u64>().is_ok());
        if is_checkpoint && entry.is_dir() {
            remove_unfinished(&entry)?;
        } else if is_unfinished(&entry) {
            fs::remove_file(&entry).map_err(|source| Error::io("remove", &entry, source))?;
        }
    }
    Ok(())
}

/// Writes `hp.json`, whole or not at all.
pub(crate) fn write_hyperparameters(path: &Path, hyperparameters: &Hyperparameters) -> Result<()> {
    let mut object = hyperparameters.to_json()?;
    write_version(&mut object);
    let json = serde_json::to_vec_pretty(&object)
        .map_err(|problem| Error::file(path, problem.to_string(), "Give values that JSON can hold"))?;
    write_bytes(path, &json)
}

/// A run in training.
struct Session {
    path: PathBuf,
    writer: Writer,
    engine: Box<dyn Engine>,
    /// What it runs on.
    device: String,
    learner: Learner,
    /// The rules of the steps that the engine may not have done yet, and of which update the first is.
    pending: (u64, Vec<Rule>),
    log: Log,
    /// Memory of trials of earlier evaluations.
    spares: Spares,
    keep: Keep,
    /// The next training step, counted from 0.
    step: u64,
    /// The step of the newest state that is on the disk or on its way there.
    saved: Option<u64>,
    /// Trials trained in earlier sessions.
    trials_before: u64,
    /// Seconds of training in earlier sessions.
    seconds_before: f64,
    begun: Instant,
    spent: Spent,
}

impl Session {
    /// A fresh run, or the one that the folder holds.
    fn start(
        hyperparameters: &Hyperparameters,
        engine: Box<dyn Engine>,
        lock: FolderLock,
        path: &Path,
    ) -> Result<Self> {
        let first_checkpoint = path.join("0").join(MODEL_FILE);
        let start = || match first_checkpoint.exists() {
            true => Network::load(hyperparameters, &first_checkpoint),
            false => start::network(hyperparameters),
        };
        let weight_cost = WeightCost::from_start(hyperparameters, || Ok(start()?.parameters().values()))?;
        let fresh =
            |weight_cost| Ok::<_, Error>((Learner::with_cost(start::network(hyperparameters)?, weight_cost), 0));
        let hyperparameters_path = path.join(HYPERPARAMETERS_FILE);
        let state_path = path.join(STATE_FILE);
        let mut log = Log::default();
        let (learner, step) = if hyperparameters_path.exists() {
            check_same(&hyperparameters_path, hyperparameters)?;
            let log_path = path.join(LOG_FILE);
            if log_path.exists() {
                log = Log::read(&log_path, hyperparameters)?;
            }
            if state_path.exists() {
                state::read(&state_path, hyperparameters, weight_cost)?
            } else if log.entries.iter().any(|entry| entry.trials_trained > 0) {
                let remedy = "Train into another folder, or restore the file from a copy of the run";
                return Err(Error::file(&state_path, "it is missing, so the run cannot be resumed", remedy));
            } else {
                fresh(weight_cost)?
            }
        } else {
            if state_path.exists() || path.join(LOG_FILE).exists() {
                let remedy = "Restore the file, or train into another folder";
                return Err(Error::file(&hyperparameters_path, "it is missing from a folder that holds a run", remedy));
            }
            write_hyperparameters(&hyperparameters_path, hyperparameters)?;
            fresh(weight_cost)?
        };
        // A kill between two files can leave the log one evaluation ahead of the state.
        let trials_trained = step * hyperparameters.batch_size_train as u64;
        log.entries.retain(|entry| entry.trials_trained <= trials_trained);
        let device = engine.runs(learner.network());
        log.note_device(trials_trained, &device);
        let seconds_before = log.entries.last().map_or(0.0, |entry| entry.seconds);
        Ok(Session {
            path: path.to_owned(),
            writer: Writer::start(lock, path)?,
            engine,
            device,
            pending: (learner.optimizer.updates, Vec::new()),
            learner,
            log,
            spares: Spares::default(),
            keep: Keep::All,
            step,
            saved: state_path.exists().then_some(step),
            trials_before: trials_trained,
            seconds_before,
            begun: Instant::now(),
            spent: Spent::default(),
        })
    }

    fn hyperparameters(&self) -> &Hyperparameters {
        self.learner.network.hyperparameters()
    }

    fn trials_trained(&self) -> u64 {
        self.step * self.hyperparameters().batch_size_train as u64
    }

    fn seconds(&self) -> f64 {
        self.seconds_before + self.begun.elapsed().as_secs_f64()
    }

    /// Trains until a reason to stop.
    fn go(&mut self, max_trials: Option<u64>, stop: &dyn Fn() -> bool, tell: &mut dyn FnMut(&Progress)) -> Result<()> {
        let every = self.hyperparameters().display_step;
        let sequence = Sequence::of(self.hyperparameters());
        let mut begun: Option<(usize, Batches)> = None;
        let makers = Makers::of(&*self.engine, self.learner.network());
        loop {
            let trials_trained = self.trials_trained();
            if self.step.is_multiple_of(every) && self.log.at(trials_trained).is_none() {
                self.evaluate()?;
            }
            let (_, passed) = sequence.after(&self.log);
            if passed && self.log.at(trials_trained).is_some() {
                return self.finish(max_trials, tell);
            }
            if max_trials.is_some_and(|most| trials_trained >= most) {
                // So that a checkpoint holds all that was trained.
                if self.log.at(trials_trained).is_none() {
                    self.evaluate()?;
                }
                return self.finish(max_trials, tell);
            }
            if stop() {
                self.save_state()?;
                return Err(Error::stopped(&self.path, trials_trained));
            }
            self.writer.check()?;
            tell(&self.progress(max_trials, false));
            if !self.step.is_multiple_of(every) && self.log.at(trials_trained).is_some() {
                self.forget(trials_trained)?;
            }
            // Only now: an evaluation that is taken back ends no stage.
            let stage = sequence.after(&self.log).0;
            let (_, batches) = match &mut begun {
                Some(at) if at.0 == stage => at,
                other => other.insert((stage, self.begin(&sequence, stage, makers)?)),
            };
            self.train_step(batches)?;
        }
    }

    /// Goes on with a stage of the curriculum: its step size, and its batches.
    fn begin(&mut self, sequence: &Sequence, stage: usize, makers: Makers) -> Result<Batches> {
        let rate = sequence.stage(stage).learning_rate.unwrap_or(self.hyperparameters().learning_rate);
        self.learner.optimizer.set_rate(rate);
        Batches::from_step(self.hyperparameters(), stage, self.step, makers)
    }

    /// Evaluates every trained rule, saves a checkpoint, the log and the state.
    fn evaluate(&mut self) -> Result<()> {
        let begin = Instant::now();
        self.settle()?;
        let trials_trained = self.trials_trained();
        let Learner { network, weight_cost, .. } = &self.learner;
        let rules = &network.hyperparameters().rule_trains;
        let (engine, spares) = (&mut *self.engine, &self.spares);
        let rules = evaluation::evaluate_lasting(&[], network, rules, trials_trained, weight_cost, engine, spares)?;
        // What could not be read again is not written, so that the last checkpoint is a good one.
        if let Some(found) = not_finite_among(network, &rules) {
            return Err(self.not_finite(found.0, self.step, found.1));
        }
        let sequence = Sequence::of(network.hyperparameters());
        let stage = sequence.stage(sequence.after(&self.log).0);
        let lengths = stage.lengths();
        let mut stage_performance = None;
        if !lengths.is_empty() {
            let rules = &stage.rules;
            let graded =
                evaluation::evaluate_lasting(&lengths, network, rules, trials_trained, weight_cost, engine, spares)?;
            stage_performance = graded.iter().map(|rule| rule.performance).reduce(f64::min);
        }
        self.log.entries.push(LogEntry { trials_trained, seconds: self.seconds(), rules, stage_performance });
        self.spent.evaluation += begin.elapsed().as_secs_f64();

        let begin = Instant::now();
        let folder = self.path.join(trials_trained.to_string());
        let model = folder.join(MODEL_FILE);
        let content = self.learner.network.file(&model)?;
        let mut acts = vec![Act::Folder(folder), Act::File(model, content), self.log_file()?];
        acts.extend(self.state_file()?);
        acts.extend(self.thinned());
        self.writer.hand_over(acts)?;
        if self.log.entries.len() == 1 {
            // Whoever is told that training has begun finds a run.
            self.writer.wait()?;
        }
        self.spent.files += begin.elapsed().as_secs_f64();
        Ok(())
    }

    /// The end of training: all is on the disk before it is told.
    fn finish(&mut self, max_trials: Option<u64>, tell: &mut dyn FnMut(&Progress)) -> Result<()> {
        let begin = Instant::now();
        self.save_state()?;
        self.writer.wait()?;
        self.spent.files += begin.elapsed().as_secs_f64();
        tell(&self.progress(max_trials, true));
        Ok(())
    }

    /// Writing the log.
    fn log_file(&self) -> Result<Act> {
        let path = self.path.join(LOG_FILE);
        let content = self.log.file(&path, self.hyperparameters())?;
        Ok(Act::File(path, content))
    }

    /// Taking away the checkpoint before the newest, unless it is to stay.
    fn thinned(&self) -> Option<Act> {
        let [.., before, _] = self.log.entries.as_slice() else { return None };
        let every = self.hyperparameters().display_step * self.hyperparameters().batch_size_train as u64;
        let stays = self.keep.stays(before.trials_trained / every);
        (!stays).then(|| Act::Remove(self.path.join(before.trials_trained.to_string())))
    }

    /// Takes back the evaluation at which an earlier session ended: a run that was never interrupted has none there.
    fn forget(&mut self, trials_trained: u64) -> Result<()> {
        self.log.entries.retain(|entry| entry.trials_trained != trials_trained);
        // The log first: it names no checkpoint that is not there, whenever a kill comes.
        let acts = vec![self.log_file()?, Act::Remove(self.path.join(trials_trained.to_string()))];
        self.writer.hand_over(acts)
    }

    fn save_state(&mut self) -> Result<()> {
        let acts = Vec::from_iter(self.state_file()?);
        self.writer.hand_over(acts)
    }

    /// Writing the state, unless it is written already.
    fn state_file(&mut self) -> Result<Option<Act>> {
        self.settle()?;
        if self.saved.replace(self.step) == Some(self.step) {
            return Ok(None);
        }
        let path = self.path.join(STATE_FILE);
        let content = state::file(&path, &self.learner, self.step)?;
        Ok(Some(Act::File(path, content)))
    }

    /// Makes the learner hold what training has come to.
    fn settle(&mut self) -> Result<()> {
        let diverged = self.engine.settle(&mut self.learner)?;
        let first_step = self.step - self.pending.1.len() as u64;
        let (first, rules) = std::mem::replace(&mut self.pending, (self.learner.optimizer.updates, Vec::new()));
        let Some(Diverged { update, cost }) = diverged else { return Ok(()) };
        let place = update - first;
        let rule = rules.get(place as usize).map_or_else(String::new, Rule::to_string);
        Err(self.not_finite(cost_of(&rule), first_step + place, cost))
    }

    /// A cost or a weight was not finite.
    fn not_finite(&self, what: String, step: u64, value: f64) -> Error {
        let last_checkpoint = self.log.entries.last().map(|entry| entry.trials_trained.to_string());
        Error::of(Kind::NotFinite {
            what,
            step,
            trials_trained: step * self.hyperparameters().batch_size_train as u64,
            value,
            last_checkpoint: last_checkpoint.unwrap_or_else(|| "none".to_owned()),
        })
    }

    /// One batch of one rule.
    fn train_step(&mut self, batches: &mut Batches) -> Result<()> {
        let begin = Instant::now();
        let hyperparameters = self.hyperparameters();
        let trials = batches.next()?;
        let rule = trials.rule();
        let noise = SweepNoise::Gaussian {
            noise: Noise::new(hyperparameters.seed, Purpose::TrainingNoise.stream([0, 0])),
            step: noise_step(self.step)?,
        };
        let generated = Instant::now();
        self.spent.trials += (generated - begin).as_secs_f64();

        let total = trials.train(&mut *self.engine, &mut self.learner, noise)?;
        batches.give_back(trials);
        if let Some(cost) = total.filter(|cost| !cost.is_finite()) {
            return Err(self.not_finite(cost_of(&rule), self.step, cost));
        }
        self.pending.1.push(rule);
        self.step += 1;
        self.spent.training += generated.elapsed().as_secs_f64();
        Ok(())
    }

    fn progress(&self, max_trials: Option<u64>, finished: bool) -> Progress {
        let sequence = Sequence::of(self.hyperparameters());
        Progress {
            trials_trained: self.trials_trained(),
            trials_before: self.trials_before,
            max_trials,
            session_seconds: self.begun.elapsed().as_secs_f64(),
            evaluation: self.log.entries.last().cloned(),
            target: sequence.target(sequence.after(&self.log).0),
            batch: self.hyperparameters().batch_size_train as u64,
            stage: sequence.describe(&self.log),
            spent: self.spent,
            device: self.device.clone(),
            finished,
        }
    }
}

/// How a message names the cost of a step or of an evaluation.
fn cost_of(rule: &impl std::fmt::Display) -> String {
    format!("the cost of rule `{rule}`")
}

/// The first cost or weight that is not finite, if there is one.
fn not_finite_among(network: &Network, rules: &[Evaluation]) -> Option<(String, f64)> {
    let cost = rules.iter().find(|rule| !rule.cost.is_finite()).map(|rule| (cost_of(&rule.rule), rule.cost));
    let weight = || {
        network.parameters().iter().zip(network.parameters().values()).find_map(|(parameter, values)| {
            let value = values.into_iter().find(|value| !value.is_finite())?;
            Some((format!("a weight of `{}`", parameter.name()), f64::from(value)))
        })
    };
    cost.or_else(weight)
}

/// An error that names the first key in which the run of the folder differs from what is asked for.
fn check_same(path: &Path, asked: &Hyperparameters) -> Result<()> {
    let found = Hyperparameters::read(path)?;
    let (found, asked) = (found.to_json()?, asked.to_json()?);
    // A later target only means to train further.
    let differs = asked.iter().find(|(key, value)| key.as_str() != "target_perf" && found.get(*key) != Some(*value));
    match differs {
        None => Ok(()),
        Some((key, value)) => {
            let there = found.get(key).cloned().unwrap_or_default();
            let problem = format!("the folder holds a run with `{key}` = {there}, but {value} is asked for");
            Err(Error::file(path, problem, "Train into another folder, or ask for the values of that run"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cost_or_a_weight_that_is_not_finite_is_found_before_it_is_written() {
        let small = Hyperparameters { n_rnn: 4, rule_trains: vec![Rule::GAP], ..Hyperparameters::paper() };
        let network = Network::new(&small).unwrap();
        let graded = |cost| [Evaluation { rule: Rule::GAP, cost, regularisation_cost: 0.0, performance: 0.5 }];
        assert_eq!(not_finite_among(&network, &graded(0.1)), None);
        let (what, value) = not_finite_among(&network, &graded(f64::NAN)).unwrap();
        assert!(what == "the cost of rule `gap`" && value.is_nan());
        // Where an activation saturates, the cost does not show it.
        let mut values = network.parameters().values();
        values[1][3] = f32::INFINITY;
        let network = Network::with_values(&small, values).unwrap();
        let found = not_finite_among(&network, &graded(0.1)).unwrap();
        assert_eq!(found, ("a weight of `w_rec`".to_owned(), f64::INFINITY));
    }
}

//! Runs that the published program trained, and making them runs of this crate.

use std::path::{Path, PathBuf};

use crate::environment::unless_interrupted;
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::import::{AdamMemory, Imported};
use crate::network::optimizer::{FIRST_DECAY, SECOND_DECAY};
use crate::network::tensor_bundle::INDEX;
use crate::network::{CpuEngine, Learner, WeightCost};
use crate::training::log::{Log, LogEntry};
use crate::training::new_run::{INTO_A_NEW_FOLDER, NewRun, check_free};
use crate::training::run::{HYPERPARAMETERS_FILE, LOG_FILE, Run};
use crate::training::{CheckpointProgress, Selection, evaluation};

/// What earlier versions of the published program call the hyper-parameters.
const OLD_HYPERPARAMETERS_FILE: &str = "hparams.json";
/// How it calls a checkpoint, in the folder that is named by the trials trained.
const CHECKPOINT: &str = "model.ckpt";

/// After so many updates both powers that tell their number are below what single precision holds, and the correction
/// of Adam's steps, which is all that the number is for, is 1.
const UNCOUNTED: u64 = 87_000;

/// A run that the published program trained with TensorFlow: a folder with `hp.json`, `log.json`, and for each
/// checkpoint a folder named by the trials trained that holds `model.ckpt.index` and `model.ckpt.data-…`.
///
/// ```
/// use maturation::prelude::*;
/// use maturation::training::PublishedRun;
///
/// let theirs = PublishedRun::open("tests/fixtures/published_run")?;
/// assert_eq!(theirs.trials(), [0, 1280, 2560]);
/// let folder = std::env::temp_dir().join(format!("maturation-doc-published-{}", std::process::id()));
/// let (run, notes) = theirs.import(&folder, &Selection::Last, |progress| println!("{progress}"))?;
/// assert_eq!(run.last()?.activity(Rule::GAP)?.units(), 16);
/// assert!(notes.is_empty());
/// # std::fs::remove_dir_all(folder).unwrap();
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PublishedRun {
    /// Its parts, with the checkpoints that are not this crate's.
    parts: Run,
    trials: Vec<u64>,
    has_log: bool,
    notes: Vec<String>,
}

impl PublishedRun {
    /// Looks at the folder of a run.
    ///
    /// # Errors
    /// The message names the file: if the folder, its hyper-parameters or its checkpoints are not there, or `hp.json`
    /// or `log.json` cannot be used.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let [path, old] = [HYPERPARAMETERS_FILE, OLD_HYPERPARAMETERS_FILE].map(|name| folder.join(name));
        let (mut hyperparameters, notes) =
            Hyperparameters::read_with_notes(if !path.exists() && old.exists() { old } else { path })?;
        let mut run = PublishedRun::open_as(folder, &hyperparameters)?;
        run.notes.splice(..0, notes);
        // Its files do not say how often it was evaluated, but the log shows it.
        if let Some(every) = display_step(run.log(), hyperparameters.batch_size_train as u64)
            && every != hyperparameters.display_step
        {
            run.notes.push(format!("it was evaluated every {every} steps, and `display_step` says so here"));
            hyperparameters.display_step = every;
            let (path, log) = (folder.to_owned(), run.log().clone());
            run.parts = Run::of_parts(path, hyperparameters, log, run.trials.clone());
        }
        Ok(run)
    }

    /// The same with these hyper-parameters, whatever its `hp.json` says.
    ///
    /// # Errors
    /// As [`PublishedRun::open`].
    pub fn open_as(folder: impl AsRef<Path>, hyperparameters: &Hyperparameters) -> Result<Self> {
        let folder = folder.as_ref();
        let (trials, mut notes) = checkpoints(folder)?;
        let log_path = folder.join(LOG_FILE);
        let has_log = log_path.exists();
        let log = if has_log { Log::read(&log_path, hyperparameters)? } else { Log::default() };
        if !has_log {
            notes.push(format!("it has no {LOG_FILE}: its checkpoints are evaluated here"));
        }
        let parts = Run::of_parts(folder.to_owned(), hyperparameters.clone(), log, trials.clone());
        Ok(PublishedRun { parts, trials, has_log, notes })
    }

    /// Its hyper-parameters.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        self.parts.hyperparameters()
    }

    /// Its evaluations; none if it has no `log.json`.
    pub fn log(&self) -> &Log {
        self.parts.evaluations()
    }

    /// The trials trained before each of its checkpoints, in order.
    pub fn trials(&self) -> &[u64] {
        &self.trials
    }

    /// What should be known of it: what was derived anew, or is not there; a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Makes the run `path` of the checkpoints that are chosen, and of the whole log, and tells `listener` of each
    /// checkpoint; returns the run, and what should be known of it.
    ///
    /// Weights are the same to the last bit, and training goes on from the last checkpoint that was chosen with what
    /// Adam remembers there. Random numbers are this crate's, so that it does not go on as it would have in TensorFlow.
    /// [`Selection::Stage`] is about the first of the trained rules.
    ///
    /// # Errors
    /// The message names the file: if a checkpoint is damaged (checksums are verified), or of another network than the
    /// hyper-parameters say; if the folder holds anything already or cannot be written to. Nothing is left there then.
    pub fn import(
        &self,
        path: impl AsRef<Path>,
        checkpoints: &Selection,
        mut listener: impl FnMut(&CheckpointProgress),
    ) -> Result<(Run, Vec<String>)> {
        let hyperparameters = self.hyperparameters();
        let chosen = self.parts.selected(checkpoints, hyperparameters.rule_trains[0])?;
        let chosen: Vec<u64> = chosen.iter().map(|checkpoint| checkpoint.trials_trained()).collect();
        // What does not fit is told before anything is written.
        let mut last = self.checkpoint(chosen[chosen.len() - 1])?;
        check_free(path.as_ref(), INTO_A_NEW_FOLDER)?;

        let mut run = NewRun::claim(path.as_ref())?;
        let mut evaluated = (!self.has_log).then(|| Evaluator::new(hyperparameters, &chosen, self)).transpose()?;
        let mut entries = Vec::new();
        for (place, trials_trained) in unless_interrupted(chosen.iter().copied()).enumerate() {
            let trials_trained = trials_trained?;
            last = self.checkpoint(trials_trained)?;
            run.checkpoint(trials_trained, &last.network)?;
            if let Some(evaluator) = &mut evaluated {
                entries.push(evaluator.evaluate(&last, trials_trained)?);
            }
            listener(&CheckpointProgress { done: place + 1, of: chosen.len(), trials_trained });
        }
        let mut notes = self.notes.clone();
        notes.extend(self.state(&mut run, last, &chosen)?);
        let log = if self.has_log { self.log().clone() } else { Log { entries, ..Log::default() } };
        Ok((run.finish(hyperparameters, &log)?, notes))
    }

    /// What a checkpoint holds.
    fn checkpoint(&self, trials_trained: u64) -> Result<Imported> {
        Imported::read(self.hyperparameters(), &index(self.parts.path(), trials_trained))
    }

    /// What the weights cost, if it can be known: it may be that leaving where they began does.
    fn weight_cost(&self, chosen: &[u64]) -> Result<Option<WeightCost>> {
        let is_known = std::cell::Cell::new(true);
        let start = || {
            is_known.set(chosen.contains(&0));
            let first = if is_known.get() { 0 } else { chosen[0] };
            Ok(self.checkpoint(first)?.network.parameters().values())
        };
        let cost = WeightCost::from_start(self.hyperparameters(), start)?;
        Ok(is_known.get().then_some(cost))
    }

    /// Writes what training goes on with, and says what is not as it was, a sentence each.
    fn state(&self, run: &mut NewRun, last: Imported, chosen: &[u64]) -> Result<Vec<String>> {
        let hyperparameters = self.hyperparameters();
        let (trials, batch) = (chosen[chosen.len() - 1], hyperparameters.batch_size_train as u64);
        let cannot = |why: String| Ok(vec![format!("training cannot go on from it: {why}")]);
        if !trials.is_multiple_of(batch) {
            return cannot(format!("{trials} trials are no whole number of batches of {batch}"));
        }
        let Some(weight_cost) = self.weight_cost(chosen)? else {
            let why = "its weights are held where they began, and checkpoint 0 is not among those imported";
            return cannot(why.to_owned());
        };
        let steps = trials / batch;
        let mut learner = Learner::with_cost(last.network, weight_cost);
        let mut notes = Vec::new();
        match last.memory.filter(|_| learner.optimizer.remembers()) {
            Some(AdamMemory { moments, powers }) => {
                learner.optimizer.moments = moments;
                learner.optimizer.updates = updates(powers, steps);
                let updates = learner.optimizer.updates;
                if updates != steps {
                    let where_it_was = format!("{updates} updates where this run has {steps} steps");
                    notes.push(format!("its optimiser had made {where_it_was}, and goes on with them"));
                }
            }
            None if learner.optimizer.remembers() => {
                let what = "does not hold what Adam remembers: training on begins that anew";
                notes.push(format!("the checkpoint after {trials} trials {what}"));
            }
            None => learner.optimizer.updates = steps,
        }
        if hyperparameters.p_weight_train.is_some_and(|share| share < 1.0) {
            let what = "its files do not say: training on holds others";
            notes.push(format!("which of its weights are held (`p_weight_train`) {what}"));
        }
        run.state(&learner, steps)?;
        Ok(notes)
    }
}

/// Evaluates checkpoints of which no log tells.
struct Evaluator {
    weight_cost: WeightCost,
    engine: CpuEngine,
}

impl Evaluator {
    fn new(hyperparameters: &Hyperparameters, chosen: &[u64], run: &PublishedRun) -> Result<Evaluator> {
        let weight_cost = run.weight_cost(chosen)?.map_or_else(|| WeightCost::new(hyperparameters), Ok)?;
        Ok(Evaluator { weight_cost, engine: CpuEngine::new(0)? })
    }

    fn evaluate(&mut self, checkpoint: &Imported, trials_trained: u64) -> Result<LogEntry> {
        let Evaluator { weight_cost, engine } = self;
        let rules = &checkpoint.network.hyperparameters().rule_trains;
        let rules = evaluation::evaluate(&checkpoint.network, rules, trials_trained, weight_cost, engine)?;
        Ok(LogEntry { trials_trained, seconds: 0.0, rules, stage_performance: None })
    }
}

/// The index of a checkpoint.
fn index(folder: &Path, trials_trained: u64) -> PathBuf {
    folder.join(trials_trained.to_string()).join(format!("{CHECKPOINT}{INDEX}"))
}

/// The trials trained before each checkpoint in a folder, in order, and what is missing.
fn checkpoints(folder: &Path) -> Result<(Vec<u64>, Vec<String>)> {
    let failed = |source| Error::io("read", folder, source);
    let (mut trials, mut without) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        let Some(count) = name.to_str().and_then(|name| name.parse::<u64>().ok()) else { continue };
        if *count.to_string() != *name || !folder.join(&name).is_dir() {
            continue;
        }
        let found = if index(folder, count).is_file() { &mut trials } else { &mut without };
        found.push(count);
    }
    trials.sort_unstable();
    without.sort_unstable();
    let Some(missing) = without.first() else {
        return match trials.is_empty() {
            false => Ok((trials, Vec::new())),
            true => {
                let problem = format!("it has no checkpoint of the published program, TRIALS/{CHECKPOINT}{INDEX}");
                Err(Error::file(folder, problem, "Give the folder that the program trained into"))
            }
        };
    };
    let first_format = folder.join(missing.to_string()).join(CHECKPOINT);
    if first_format.is_file() {
        let remedy = "Restore it in TensorFlow 1.x and save it again: later versions write the second format";
        return Err(Error::file(&first_format, "it is of the first format of TensorFlow's checkpoints", remedy));
    }
    if trials.is_empty() {
        let problem = format!("it has no {CHECKPOINT}{INDEX}");
        return Err(Error::file(&folder.join(missing.to_string()), problem, "Copy the checkpoint's files once more"));
    }
    let all = without.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
    Ok((trials, vec![format!("there is no {CHECKPOINT}{INDEX} after {all} trials: left out")]))
}

/// The steps between evaluations, if they are as many everywhere.
fn display_step(log: &Log, batch: u64) -> Option<u64> {
    let mut between = log.entries.windows(2).map(|pair| pair[1].trials_trained - pair[0].trials_trained);
    let first = between.next()?;
    (first.is_multiple_of(batch) && between.all(|trials| trials == first)).then_some(first / batch)
}

/// Updates that an optimiser has made after so many steps of its run, as the powers of its decays tell them: more than
/// the steps if it went on with another run's memory.
fn updates(powers: [Option<f32>; 2], steps: u64) -> u64 {
    let told = |power: Option<f32>, decay: f64| {
        let power = power.filter(|power| (f32::MIN_POSITIVE..1.0).contains(power))?;
        Some(f64::from(power).ln() / f64::from(decay as f32).ln() - 1.0)
    };
    let Some(told) = told(powers[0], FIRST_DECAY).or_else(|| told(powers[1], SECOND_DECAY)) else {
        return if powers.iter().any(Option::is_some) { steps.max(UNCOUNTED) } else { steps };
    };
    // In single precision each multiplication rounds.
    if (told - steps as f64).abs() <= 1.0 + 1e-4 * steps as f64 { steps } else { told.round().max(0.0) as u64 }
}

impl Run {
    /// Makes the run `path` of a run that the published program trained, with all its checkpoints:
    /// [`PublishedRun::import`] tells more, and takes a choice of checkpoints.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let folder = std::env::temp_dir().join(format!("maturation-doc-theirs-{}", std::process::id()));
    /// let run = Run::import_published("tests/fixtures/published_run", &folder)?;
    /// assert_eq!(run.checkpoints()?.len(), 3);
    /// assert_eq!(run.log()?.height(), 18);
    /// # std::fs::remove_dir_all(folder).unwrap();
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PublishedRun::open`] and [`PublishedRun::import`].
    pub fn import_published(folder: impl AsRef<Path>, path: impl AsRef<Path>) -> Result<Run> {
        PublishedRun::open(folder)?.import(path, &Selection::All, |_| {}).map(|(run, _)| run)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::hyperparameters::OptimizerKind;
    use crate::network::Values;
    use crate::network::other_programs::read_arrays_of_any_program;
    use crate::training::run::{MODEL_FILE, STATE_FILE};
    use crate::training::{Training, state};

    fn fixtures(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
    }

    /// A run of the published program with one checkpoint, that of a fixture.
    fn run_of(folder: &Path, bundle: &str, network: &str, trials: u64) -> Hyperparameters {
        let about = fs::read(fixtures(&format!("networks/{network}.json"))).unwrap();
        let about: serde_json::Value = serde_json::from_slice(&about).unwrap();
        let checkpoint = folder.join(trials.to_string());
        fs::create_dir_all(&checkpoint).unwrap();
        fs::write(folder.join("hp.json"), about["hp"].to_string()).unwrap();
        for entry in fs::read_dir(fixtures("tensor_bundles").join(bundle)).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, checkpoint.join(path.file_name().unwrap())).unwrap();
        }
        Hyperparameters::read(folder.join("hp.json")).unwrap()
    }

    fn learner(run: &Run) -> (Learner, u64) {
        let hyperparameters = run.hyperparameters();
        let cost = WeightCost::new(hyperparameters).unwrap();
        state::read(&run.path().join(STATE_FILE), hyperparameters, cost).unwrap()
    }

    #[test]
    fn what_adam_remembers_comes_along() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("theirs");
        let hyperparameters = run_of(&theirs, "adam5", "n16_leakyrnn_softplus", 320);
        let published = PublishedRun::open(&theirs).unwrap();
        assert!(published.notes()[0].contains("no log.json"), "{:?}", published.notes());
        let (run, notes) = published.import(folder.path().join("ours"), &Selection::All, |_| {}).unwrap();
        assert_eq!(notes.len(), 1);
        assert_eq!(run.evaluations().entries[0].rules.len(), 6);
        let (found, step) = learner(&run);
        assert_eq!((step, found.optimizer.updates), (5, 5));
        let slots = fixtures("networks/n16_leakyrnn_softplus.safetensors");
        let slots = read_arrays_of_any_program(&slots).unwrap();
        let of = |prefix: &str| -> Values {
            let named = |name: &str| {
                let name = format!("{prefix}{name}");
                slots.iter().find(|array| array.name == name).unwrap().values.clone().unwrap()
            };
            let (mut w_in, bias) = (named("rnn.leaky_rnn_cell.kernel"), named("rnn.leaky_rnn_cell.bias"));
            let w_rec = w_in.split_off(15 * 16);
            vec![w_in, w_rec, bias, named("output.weights"), named("output.biases")]
        };
        assert_eq!(found.network.parameters().values(), of("adam5__"));
        assert_eq!(found.optimizer.moments, [of("slot5__m__"), of("slot5__v__")]);

        // As the last checkpoint of another run that was trained on for 2 steps.
        fs::rename(theirs.join("320"), theirs.join("128")).unwrap();
        let published = PublishedRun::open(&theirs).unwrap();
        let (run, notes) = published.import(folder.path().join("on"), &Selection::Last, |_| {}).unwrap();
        assert!(notes.iter().any(|note| note.contains("5 updates where this run has 2 steps")), "{notes:?}");
        let (found, step) = learner(&run);
        assert_eq!((step, found.optimizer.updates), (2, 5));
        let hyperparameters =
            Hyperparameters { batch_size_test: hyperparameters.batch_size_test, ..run.hyperparameters().clone() };
        let run = Training::new(hyperparameters).quiet().max_trials(192).train(run.path()).unwrap();
        let (found, step) = learner(&run);
        assert_eq!((step, found.optimizer.updates), (3, 6));
    }

    #[test]
    fn where_nothing_is_remembered_the_optimiser_begins_anew_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        for (cell, network) in [("gru_softplus", "n16_gru_softplus"), ("separate_softplus", "n16_separate_softplus")] {
            let theirs = folder.path().join(cell);
            run_of(&theirs, cell, network, 640);
            let published = PublishedRun::open(&theirs).unwrap();
            let path = folder.path().join(format!("ours-{cell}"));
            let (run, notes) = published.import(&path, &Selection::All, |_| {}).unwrap();
            assert!(notes.iter().any(|note| note.contains("begins that anew")), "{notes:?}");
            let (found, step) = learner(&run);
            assert_eq!((step, found.optimizer.updates), (10, 0));
            let plain = Hyperparameters { optimizer: OptimizerKind::Sgd, ..run.hyperparameters().clone() };
            let published = PublishedRun::open_as(&theirs, &plain).unwrap();
            let (run, notes) =
                published.import(folder.path().join(format!("sgd-{cell}")), &Selection::All, |_| {}).unwrap();
            assert_eq!((notes.len(), learner(&run).1), (1, 10));
        }
    }

    #[test]
    fn the_powers_of_the_decays_tell_the_updates() {
        let mut powers = [0.9_f32, 0.999_f32];
        for updates_made in 0..120_000_u64 {
            if updates_made % 997 == 0 || updates_made < 50 {
                let told = powers.map(Some);
                assert_eq!(updates(told, updates_made), updates_made);
                let expected = if powers[1] >= f32::MIN_POSITIVE { updates_made } else { UNCOUNTED };
                let (found, most) = (updates(told, 0), 2 + updates_made / 2000);
                assert!(found.abs_diff(expected) <= most || updates_made < 2, "{found} {expected}");
            }
            powers = [powers[0] * 0.9, powers[1] * 0.999];
        }
        assert_eq!(updates([None, None], 7), 7);
        assert_eq!(updates([Some(f32::NAN), None], 7), UNCOUNTED);
    }

    #[test]
    fn an_import_that_fails_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let (theirs, ours) = (folder.path().join("theirs"), folder.path().join("ours"));
        let copy = |from: &Path, to: &Path| {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
                if entry.is_file() {
                    fs::copy(&entry, to.join(entry.file_name().unwrap())).unwrap();
                }
            }
        };
        let fixture = fixtures("published_run");
        copy(&fixture, &theirs);
        for trials in ["0", "1280", "2560"] {
            copy(&fixture.join(trials), &theirs.join(trials));
        }
        let spoiled = theirs.join("1280/model.ckpt.data-00000-of-00001");
        let mut content = fs::read(&spoiled).unwrap();
        content[5000] ^= 1;
        fs::write(&spoiled, &content).unwrap();
        let published = PublishedRun::open(&theirs).unwrap();
        let refused = |selection: &Selection, words: &[&str]| {
            let message = published.import(&ours, selection, |_| {}).unwrap_err().to_string();
            words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
        };
        let words = ["1280/model.ckpt.data-00000-of-00001", "`rnn/leaky_rnn_cell/kernel", "checksum"];
        refused(&Selection::All, &words);
        assert!(!ours.exists());
        fs::create_dir(&ours).unwrap();
        refused(&Selection::All, &words);
        assert_eq!(fs::read_dir(&ours).unwrap().count(), 0);
        refused(&Selection::Trials(vec![7]), &["after 7 trials", "3 from 0 to 2560"]);
        assert_eq!(published.import(&ours, &Selection::Last, |_| {}).unwrap().0.path(), ours);
        refused(&Selection::Last, &["not empty", "new folder"]);
        assert!(ours.join("2560").join(MODEL_FILE).exists());

        // What comes between while checkpoints are written.
        let other = folder.path().join("other");
        let blocked = |progress: &CheckpointProgress| {
            if progress.done == 1 {
                fs::write(other.join("mine.txt"), "mine").unwrap();
                fs::write(other.join("1280"), "mine").unwrap();
            }
        };
        fs::copy(fixture.join("1280/model.ckpt.data-00000-of-00001"), &spoiled).unwrap();
        published.import(&other, &Selection::All, blocked).unwrap_err();
        let mut left: Vec<_> = fs::read_dir(&other).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["1280", "mine.txt"], "what is another's stays, and nothing of the run");
    }

    #[test]
    fn a_folder_that_is_no_run_of_the_program_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let refused = |words: &[&str]| {
            let message = PublishedRun::open(path).unwrap_err().to_string();
            words.iter().for_each(|word| assert!(message.contains(word), "'{word}' is not in: {message}"));
        };
        refused(&["cannot read", "hp.json"]);
        fs::copy(fixtures("published_run/hp.json"), path.join("hparams.json")).unwrap();
        refused(&["no checkpoint of the published program", "TRIALS/model.ckpt.index"]);
        fs::create_dir(path.join("640")).unwrap();
        refused(&["640", "no model.ckpt.index"]);
        fs::write(path.join("640/model.ckpt"), "").unwrap();
        refused(&["640/model.ckpt", "first format", "TensorFlow 1.x"]);
        fs::remove_file(path.join("640/model.ckpt")).unwrap();
        fs::create_dir(path.join("0")).unwrap();
        for name in ["model.ckpt.index", "model.ckpt.data-00000-of-00001"] {
            fs::copy(fixtures("published_run/0").join(name), path.join("0").join(name)).unwrap();
        }
        fs::write(path.join("log.json"), "{").unwrap();
        refused(&["log.json", "truncated"]);
        fs::copy(fixtures("published_run/log.json"), path.join("log.json")).unwrap();
        let published = PublishedRun::open(path).unwrap();
        assert_eq!((published.trials(), published.log().entries.len()), (&[0][..], 3));
        assert!(published.notes()[0].contains("after 640 trials"), "{:?}", published.notes());

        // What holds weights near to where they began must know that; which it held it does not say.
        let held = Hyperparameters { p_weight_train: Some(0.5), ..published.hyperparameters().clone() };
        fs::rename(path.join("0"), path.join("1280")).unwrap();
        let ours = path.join("ours");
        let (_, notes) = PublishedRun::open_as(path, &held).unwrap().import(&ours, &Selection::All, |_| {}).unwrap();
        assert!(notes.iter().any(|note| note.contains("cannot go on") && note.contains("checkpoint 0")), "{notes:?}");
        assert!(!ours.join(STATE_FILE).exists());
        let odd = Hyperparameters { batch_size_train: 100, ..published.hyperparameters().clone() };
        let ours = path.join("odd");
        let (_, notes) = PublishedRun::open_as(path, &odd).unwrap().import(&ours, &Selection::All, |_| {}).unwrap();
        assert!(notes.iter().any(|note| note.contains("1280 trials are no whole number of batches")), "{notes:?}");
    }

    #[test]
    fn how_often_it_was_evaluated_the_log_shows() {
        let published = PublishedRun::open(fixtures("published_run")).unwrap();
        assert_eq!((published.hyperparameters().display_step, published.notes()), (20, &[][..]));
        let mut log = published.log().clone();
        assert_eq!(display_step(&log, 64), Some(20));
        assert_eq!(display_step(&log, 100), None);
        log.entries[2].trials_trained = 3000;
        assert_eq!(display_step(&log, 64), None);
        log.entries.truncate(1);
        assert_eq!(display_step(&log, 64), None);
    }
}

//! What each subcommand does.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use maturation::activity::Activity;
use maturation::analysis::{self, GrowthOptions};
use maturation::figures::Figure;
use maturation::prelude::*;
use maturation::readout::{Readout, ReadoutOptions};
use maturation::tables::{read_table, write_table};
use maturation::tasks::{TaskDefinition, Timeline};
use maturation::training::Selection;
use polars::frame::DataFrame;

use crate::arguments::{
    ActivityArguments, Command, FigureOut, Gradients, Growth, Log, SelectivityArguments, Source, TableOut,
    TestArguments, Train, TrialsArguments,
};
use crate::{
    agreement, claims, decoder, distractor, dpca, epoch_growth, import, lab, lesion, notebooks, pca, period, presets,
    psth, reproduce, saccade, sample_unit, tuning, units,
};

/// Does what is asked for.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Reproduce(arguments) => reproduce::reproduce(&arguments.run, &arguments.out),
        Command::Lab(arguments) => lab::lab(&arguments),
        Command::Notebooks(arguments) => notebooks::notebooks(&arguments),
        Command::Presets(arguments) => presets::run(&arguments),
        Command::Train(arguments) => train(arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Log(arguments) => log(arguments),
        Command::Trials(arguments) => trials(arguments),
        Command::Activity(arguments) => activity(arguments),
        Command::Outputs(arguments) => outputs(arguments),
        Command::Gradients(arguments) => gradients(arguments),
        Command::Selectivity(arguments) => selectivity(arguments),
        Command::Psth(arguments) => psth::psth(arguments),
        Command::Growth(arguments) => growth(arguments),
        Command::Agreement(arguments) => agreement::run(arguments),
        Command::Period(arguments) => period::run(arguments),
        Command::Distractor(arguments) => distractor::run(arguments),
        Command::Saccade(arguments) => saccade::run(arguments),
        Command::Tuning(arguments) => tuning::tuning(arguments),
        Command::EpochGrowth(arguments) => epoch_growth::epoch_growth(arguments),
        Command::SampleUnit(arguments) => sample_unit::sample_unit(arguments),
        Command::Units(arguments) => units::units(arguments),
        Command::Lesion(arguments) => lesion::run(arguments),
        Command::Claims(arguments) => claims::run(arguments),
        Command::Dpca(arguments) => dpca::dpca(arguments),
        Command::Pca(arguments) => pca::pca(arguments),
        Command::Decoder(arguments) => decoder::run(arguments),
    }
}

/// An argument that cannot be worked with, and what to do.
pub(crate) fn refuse(what: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::Argument { what: what.into(), remedy: remedy.into() }
}

/// Prints a line; a reader that has gone away is no error.
pub(crate) fn say(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Puts a table where it was asked for.
pub(crate) fn put_table(mut table: DataFrame, out: &TableOut) -> Result<()> {
    match &out.out {
        Some(path) => write_table(path, &mut table),
        None => {
            say(table);
            Ok(())
        }
    }
}

/// Puts a figure where it was asked for, and a table where it was, or on the screen if there is no figure.
pub(crate) fn put_both(
    table: DataFrame,
    out: &TableOut,
    figure: &FigureOut,
    make: impl FnOnce(&DataFrame) -> Result<Figure>,
) -> Result<()> {
    if let Some(path) = &figure.figure {
        make(&table)?.save(path)?;
        if out.out.is_none() {
            return Ok(());
        }
    }
    put_table(table, out)
}

fn train(arguments: Train) -> Result<()> {
    let hp_path = arguments.run.join("hp.json");
    let from = arguments.from.as_deref().map(checkpoint).transpose()?;
    let mut hyperparameters = match (&arguments.preset, &arguments.hp, &from) {
        (Some(preset), ..) => Hyperparameters::preset(preset)?,
        (None, Some(path), _) => Hyperparameters::read(path)?,
        (None, None, Some(from)) => from.hyperparameters().clone(),
        // The same command without its options goes on with the run as it was begun.
        (None, None, None) if hp_path.exists() => Hyperparameters::read(&hp_path)?,
        (None, None, None) => Hyperparameters::paper(),
    };
    let own = define(&arguments.task)?;
    if !own.is_empty() {
        let mut rules = arguments.rules.clone().unwrap_or_default();
        rules.extend(own.iter().filter(|rule| !rules.contains(rule)).copied().collect::<Vec<_>>());
        hyperparameters.set("ruleset", Ruleset::of(&rules)?.name())?;
    }
    for change in &arguments.set {
        let (key, value) = change
            .split_once('=')
            .ok_or_else(|| refuse(format!("`--set {change}` has no value"), "write --set KEY=VALUE"))?;
        hyperparameters.set(key, value)?;
    }
    if let Some(rules) = arguments.rules {
        hyperparameters.rule_trains = rules;
        hyperparameters.rule_probs = None;
    }
    if let Some(stages) = &arguments.curriculum {
        hyperparameters.set("curriculum", stages)?;
    }
    if let Some(seed) = arguments.seed {
        hyperparameters.seed = seed;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mut training = Training::new(hyperparameters).threads(arguments.threads).stop_when(stop.clone());
    if let Some(from) = &from {
        training = training.start_from(from);
    }
    if let Some(trials) = arguments.max_trials {
        training = training.max_trials(trials);
    }
    // A second Ctrl-C ends the process at once; what the run directory holds is whole at any moment.
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|problem| refuse(format!("Ctrl-C cannot be watched for ({problem})"), "run the command in a shell"))?;
    let run = match arguments.device.as_str() {
        "cpu" => training.train(&arguments.run)?,
        device => train_on_gpu(training, device, &arguments.run)?,
    };
    let newest = run.evaluations().entries.last();
    say(format!(
        "{}: {} trials trained, worst performance {:.3}",
        run.path().display(),
        newest.map_or(0, |entry| entry.trials_trained),
        newest.map_or(0.0, |entry| entry.worst_performance())
    ));
    Ok(())
}

/// The tasks that files define.
fn define(files: &[PathBuf]) -> Result<Vec<Rule>> {
    files.iter().map(|file| Rule::define(TaskDefinition::read(file)?)).collect()
}

/// The checkpoint that RUN[:TRIALS] means.
fn checkpoint(text: &str) -> Result<Checkpoint> {
    let trials = |text: &str| text.parse::<u64>().ok();
    match text.rsplit_once(':').and_then(|(run, after)| Some((run, trials(after)?))) {
        Some((run, trials)) => Run::open(run)?.checkpoint(trials),
        None => Run::open(text)?.last(),
    }
}

#[cfg(feature = "cuda")]
fn train_on_gpu(training: Training, device: &str, path: &Path) -> Result<Run> {
    let unknown = || refuse(format!("there is no device `{device}`"), "choose cpu, or cuda:N with N counted from 0");
    let ordinal = device.strip_prefix("cuda:").and_then(|number| number.parse().ok()).ok_or_else(unknown)?;
    let device = device.to_owned();
    let open = move || {
        // The driver's library is loaded on first use, and its absence is a panic there.
        match std::panic::catch_unwind(|| dfdx::tensor::Cuda::try_build(ordinal, 0)) {
            Ok(Ok(gpu)) => Ok(maturation::network::DfdxEngine::cuda(gpu)),
            Ok(Err(problem)) => {
                Err(refuse(format!("device `{device}` cannot be used ({problem:?})"), "choose --device cpu"))
            }
            Err(_) => {
                Err(refuse(format!("device `{device}` needs the NVIDIA driver"), "install it, or choose --device cpu"))
            }
        }
    };
    training.engine_from(open).train(path)
}

#[cfg(not(feature = "cuda"))]
fn train_on_gpu(_: Training, device: &str, _: &Path) -> Result<Run> {
    Err(refuse(
        format!("device `{device}` is not available in this build"),
        "choose --device cpu, or build with `cargo build --release --features cuda`",
    ))
}

fn log(arguments: Log) -> Result<()> {
    put_table(Run::open(&arguments.run)?.log()?, &arguments.table)
}

fn trials(arguments: TrialsArguments) -> Result<()> {
    define(&arguments.task)?;
    let ruleset = arguments.ruleset.unwrap_or_else(|| Ruleset::containing(arguments.rule));
    let hyperparameters = Hyperparameters {
        ruleset,
        rule_trains: ruleset.rules().to_vec(),
        seed: arguments.seed,
        ..Hyperparameters::paper()
    };
    let trials = Trials::of_mode(&hyperparameters, arguments.rule, arguments.mode, arguments.noise)?;
    put_table(trials.table()?, &arguments.table)
}

/// The single checkpoint that `--trials` names.
pub(crate) fn one(run: &Run, selection: &Selection, rule: Rule) -> Result<Checkpoint> {
    let chosen = run.selected(selection, rule)?;
    match chosen.len() {
        1 => Ok(chosen.first().clone()),
        count => Err(refuse(format!("--trials names {count} checkpoints"), "name one, or `last`")),
    }
}

fn activity(arguments: ActivityArguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let checkpoint = one(&run, &arguments.trials, arguments.rule)?;
    let activity = Readout::new(arguments.readout.into())?.activity(&checkpoint, arguments.rule)?;
    put_table(activity.table()?, &arguments.table)
}

fn outputs(arguments: ActivityArguments) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let checkpoint = one(&run, &arguments.trials, arguments.rule)?;
    let outputs = Readout::new(arguments.readout.into())?.outputs(&checkpoint, arguments.rule)?;
    put_table(outputs, &arguments.table)
}

fn gradients(arguments: Gradients) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let checkpoint = one(&run, &arguments.trials, arguments.rule)?;
    let cost = Readout::new(ReadoutOptions::default())?.gradients(&checkpoint, arguments.rule, &arguments.out)?;
    say(format!("cost {cost}"));
    Ok(())
}

/// Where activity comes from, once looked at.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub(crate) enum Opened {
    Run(Run, Selection, Rule, ReadoutOptions),
    Table(Activity),
}

/// Opens the run or reads the table that `source` names.
pub(crate) fn open(source: &Source, default: Selection) -> Result<Opened> {
    if let Some(path) = &source.activity {
        let activity = Activity::from_table(&read_table(path)?, source.dt)?;
        let activity = if source.epoch_ms.is_empty() {
            let rule = source.rule.ok_or_else(|| refuse("the epochs are not known", "give --rule, or --epoch-ms"))?;
            let timeline = Timeline::of(rule, activity.dt);
            activity.with_epochs(timeline.epochs)?
        } else {
            let epochs = source.epoch_ms.iter().map(|text| epoch_in_ms(text)).collect::<Result<Vec<_>>>()?;
            activity.with_epochs_in_ms(&epochs)?
        };
        return Ok(Opened::Table(match source.rule {
            Some(rule) => activity.with_rule(rule),
            None => activity,
        }));
    }
    let path =
        source.run.as_deref().ok_or_else(|| refuse("there is nothing to analyse", "give RUN, or --activity FILE"))?;
    let run = Run::open(path)?;
    let rule = source.rule.ok_or_else(|| refuse("the rule is not known", "give --rule"))?;
    let selection = match (&source.trials, source.stage) {
        (Some(trials), _) => trials.clone(),
        (None, Some(stage)) => Selection::Stage(stage),
        (None, None) if source.all => Selection::All,
        (None, None) => default,
    };
    let readout = ReadoutOptions { seed: source.seed, same_noise: source.same_noise, ..ReadoutOptions::default() };
    Ok(Opened::Run(run, selection, rule, readout))
}

/// Reads `NAME=START..END`.
fn epoch_in_ms(text: &str) -> Result<(Epoch, std::ops::Range<f64>)> {
    let wrong = || refuse(format!("`--epoch-ms {text}` is not understood"), "write NAME=START..END, as fix1=0..1000");
    let (name, range) = text.split_once('=').ok_or_else(wrong)?;
    let (start, end) = range.split_once("..").ok_or_else(wrong)?;
    Ok((name.parse()?, start.parse().map_err(|_| wrong())?..end.parse().map_err(|_| wrong())?))
}

impl From<&TestArguments> for SelectivityOptions {
    fn from(arguments: &TestArguments) -> Self {
        SelectivityOptions {
            normalised: arguments.normalised,
            baseline_skip_ms: arguments.baseline_skip_ms,
            ..SelectivityOptions::default()
        }
    }
}

fn selectivity(arguments: SelectivityArguments) -> Result<()> {
    let options = SelectivityOptions::from(&arguments.test);
    let table = match open(&arguments.source, Selection::Last)? {
        Opened::Table(activity) => selectivity_with(&activity, arguments.epoch, &options)?,
        Opened::Run(run, selection, rule, readout) => {
            analysis::selectivity_of_run(&run, &selection, rule, arguments.epoch, &options, &readout)?
        }
    };
    put_table(table, &arguments.table)
}

fn growth(arguments: Growth) -> Result<()> {
    let run = Run::open(&arguments.run)?;
    let choice = AutomaticChoice { published_average: arguments.published_average, ..AutomaticChoice::default() };
    let options = GrowthOptions {
        window: arguments.window,
        stage_window: arguments.stage_window,
        automatic: arguments.automatic.then_some(choice),
    };
    let table = analysis::performance_growth_with(&run, &options)?;
    put_both(table, &arguments.table, &arguments.figure, |_| figures::performance_growth_with(&run, &options))
}

//! `maturation train`: a network trained into a run directory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use maturation::prelude::*;

use crate::common::output::{refuse, say};
use crate::common::own_tasks::define;

/// Train a network into a run directory; the same command again goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation train runs/small --set n_rnn=32 --rules gap --max-trials 2000")]
pub struct Arguments {
    /// The run directory: made if it is not there, resumed if it holds an unfinished run.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Start from a published model: paper, or a variant of it such as units-64, odr, tanh (`maturation presets` lists
    /// them).
    #[arg(long, value_name = "NAME", conflicts_with = "hp")]
    pub preset: Option<String>,
    /// Start from the hyper-parameters in FILE (an hp.json).
    #[arg(long, value_name = "FILE")]
    pub hp: Option<PathBuf>,
    /// Begin with the weights of another run's checkpoint, its newest or that after TRIALS, and with the
    /// hyper-parameters of that run unless --preset or --hp says others.
    #[arg(long, value_name = "RUN[:TRIALS]")]
    pub from: Option<String>,
    /// Change a hyper-parameter, for example --set n_rnn=64; may be repeated.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The seed, which decides every random number of the run.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// A task of your own, defined in FILE (JSON): the network has an input for it, and trains it alone or beside the
    /// rules that --rules names; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub task: Vec<PathBuf>,
    /// The rules to train, for example odr,odrd.
    #[arg(long, value_name = "RULE,…", value_delimiter = ',')]
    pub rules: Option<Vec<Rule>>,
    /// Train in stages, each until the worst of its rules is above target_perf, for example
    /// 'odr delay1=500 target_perf=0.9; odr': rules, then what differs there (EPOCH=MS, learning_rate, target_perf).
    #[arg(long, value_name = "STAGE;…")]
    pub curriculum: Option<String>,
    /// Stop after N trials, if the target performance has not stopped it before.
    #[arg(long, value_name = "N")]
    pub max_trials: Option<u64>,
    /// Which checkpoints to keep: all, last, or 'every 4' for every 4th evaluation's; the first and the newest stay in
    /// any case.
    #[arg(long, value_name = "WHICH", default_value = "all")]
    pub keep: Keep,
    /// Where to compute: cpu, cuda:N (a GPU of NVIDIA's, counted from 0), or auto (a GPU if there is one that can be
    /// used, otherwise the CPU). A run may go on on another device than it began on.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a processor core. The result does not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

/// Trains, and says what came of it.
pub fn run(arguments: Arguments) -> Result<()> {
    let from = arguments.from.as_deref().map(checkpoint).transpose()?;
    let hyperparameters = hyperparameters(&arguments, from.as_ref())?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut training =
        Training::new(hyperparameters).threads(arguments.threads).keep(arguments.keep).stop_when(stop.clone());
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
    let run = match arguments.device.strip_prefix("dfdx-cuda:") {
        None => training.device(arguments.device.parse()?).train(&arguments.run)?,
        Some(number) => train_with_dfdx(training, number, &arguments.run)?,
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

/// The hyper-parameters that are asked for: of a preset, a file, a checkpoint or the run itself, with the changes.
fn hyperparameters(arguments: &Arguments, from: Option<&Checkpoint>) -> Result<Hyperparameters> {
    let hp_path = arguments.run.join("hp.json");
    let mut hyperparameters = match (&arguments.preset, &arguments.hp, from) {
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
    if let Some(rules) = &arguments.rules {
        hyperparameters.rule_trains.clone_from(rules);
        hyperparameters.rule_probs = None;
    }
    if let Some(stages) = &arguments.curriculum {
        hyperparameters.set("curriculum", stages)?;
    }
    if let Some(seed) = arguments.seed {
        hyperparameters.seed = seed;
    }
    Ok(hyperparameters)
}

/// The checkpoint that RUN[:TRIALS] means.
fn checkpoint(text: &str) -> Result<Checkpoint> {
    let trials = |text: &str| text.parse::<u64>().ok();
    match text.rsplit_once(':').and_then(|(run, after)| Some((run, trials(after)?))) {
        Some((run, trials)) => Run::open(run)?.checkpoint(trials),
        None => Run::open(text)?.last(),
    }
}

/// On dfdx's own CUDA device, the second opinion beside the crate's kernels.
#[cfg(feature = "cuda")]
fn train_with_dfdx(training: Training, number: &str, path: &Path) -> Result<Run> {
    let device = format!("dfdx-cuda:{number}");
    let unknown = || refuse(format!("there is no device `{device}`"), "write dfdx-cuda:N with N counted from 0");
    let ordinal = number.parse().map_err(|_| unknown())?;
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
fn train_with_dfdx(_: Training, number: &str, _: &Path) -> Result<Run> {
    Err(refuse(
        format!("device `dfdx-cuda:{number}` is not in this build"),
        "choose --device cuda:0, which every build has, or build with `cargo build --release --features cuda`",
    ))
}

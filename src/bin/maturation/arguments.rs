//! The arguments of each subcommand.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::training::Selection;

use crate::dpca::Dpca;
use crate::epoch_growth::EpochGrowthArguments;
use crate::lab::Lab;
use crate::notebooks::Notebooks;
use crate::pca::Pca;
use crate::psth::PsthArguments;
use crate::sample_unit::SampleUnitArguments;
use crate::tuning::TuningArguments;
use crate::units::UnitsArguments;

/// Train recurrent networks on working-memory tasks and watch their units mature.
///
/// Without a command, every figure of the shipped run is made into figures/index.html.
#[derive(Debug, Parser)]
#[command(name = "maturation", version, arg_required_else_help = false)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make all figures and tables of a run: one self-contained page that needs no network.
    Reproduce(Reproduce),
    /// Set up JupyterLab with the Rust kernel, and open it on the notebooks.
    Lab(Lab),
    /// Execute the notebooks through Jupyter, and write each as an HTML page.
    Notebooks(Notebooks),
    /// The published networks by name: what each changes in the paper's model, and what it was trained for.
    Presets(crate::presets::PresetsArguments),
    /// Train a network into a run directory; the same command again goes on where it stopped.
    Train(Train),
    /// Make a run of one checkpoint from the weights of another program.
    Import(crate::import::ImportArguments),
    /// The evaluations of a run: cost, performance and stage of each rule against trials trained.
    Log(Log),
    /// The trials of a rule: inputs, target outputs, cost mask, required response.
    Trials(TrialsArguments),
    /// The activity of a checkpoint's units on the trials of a rule.
    Activity(ActivityArguments),
    /// How a checkpoint answers each trial of a rule.
    Outputs(ActivityArguments),
    /// The cost of a checkpoint on the test trials of a rule, without noise, and its gradients by the weights.
    Gradients(Gradients),
    /// Which units are selective for the stimulus in an epoch, and for which location.
    Selectivity(SelectivityArguments),
    /// The average activity of selective units over the trial, by stage (paper, Fig. 4E-G).
    Psth(PsthArguments),
    /// The growth of performance with training (paper, Fig. S7).
    Growth(Growth),
    /// Whether units prefer the same location in two epochs, of one rule or two (paper: direction agreement).
    Agreement(crate::agreement::Agreement),
    /// The activity of selective units in a period of the trial, by stage and by checkpoint (paper: period activity).
    Period(crate::period::PeriodArguments),
    /// What a distractor does to the response, by its distance from the stimulus (paper: distractor effect).
    Distractor(crate::distractor::DistractorArguments),
    /// How far from the target responses end, by stage (paper: saccade end points).
    Saccade(crate::saccade::SaccadeArguments),
    /// The tuning curves of selective units by stage, their width and height (paper, Fig. S3B).
    Tuning(TuningArguments),
    /// The growth of selective units' activity in an epoch with training (paper, Fig. S2B).
    EpochGrowth(EpochGrowthArguments),
    /// One unit at every location, with its polar plot (paper, Fig. 3B).
    SampleUnit(SampleUnitArguments),
    /// How many units the published and the unbiased test of selectivity keep at each stage.
    Units(UnitsArguments),
    /// What a network can still do without some of its units: performance of each rule against the share silenced.
    Lesion(crate::lesion::LesionArguments),
    /// What a run shows of the paper's claims: published numbers, its own, and whether they agree.
    Claims(crate::claims::ClaimsArguments),
    /// Demixed principal components: what varies with time, with the stimulus location, and with both (paper, Fig. 5E).
    Dpca(Dpca),
    /// Principal components of the activity averaged over the trials at each location.
    Pca(Pca),
    /// How well a decoder trained in one window of the trial tells locations apart in another (paper, Fig. S5E).
    Decoder(crate::decoder::DecoderArguments),
}

/// Where a table goes.
#[derive(Clone, Debug, Args)]
pub struct TableOut {
    /// Write the table to FILE (.parquet or .csv); without it, it goes to the screen.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Where a figure goes.
#[derive(Clone, Debug, Args)]
pub struct FigureOut {
    /// Write the figure to FILE: .html, or .png, .svg or .pdf, which Chromium draws.
    #[arg(long, value_name = "FILE")]
    pub figure: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Reproduce {
    /// The run directory.
    #[arg(value_name = "RUN", default_value = "data/6tasks")]
    pub run: PathBuf,
    /// The folder that index.html is written to.
    #[arg(long, value_name = "DIR", default_value = "figures")]
    pub out: PathBuf,
}

impl Reproduce {
    /// The shipped run, into `figures`.
    pub fn shipped() -> Self {
        Reproduce { run: PathBuf::from("data/6tasks"), out: PathBuf::from("figures") }
    }
}

#[derive(Debug, Args)]
pub struct Train {
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
    /// Begin with the weights of another run's checkpoint, its newest or that after TRIALS, and with the hyper-parameters
    /// of that run unless --preset or --hp says others.
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
    /// Where to compute: cpu, or cuda:0 (if built with --features cuda).
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: String,
    /// Threads; 0 takes one a processor core. The result does not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,
}

#[derive(Debug, Args)]
pub struct Log {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    #[command(flatten)]
    pub table: TableOut,
}

#[derive(Debug, Args)]
pub struct TrialsArguments {
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// A task of your own, defined in FILE (JSON), which --rule may name; may be repeated.
    #[arg(long, value_name = "FILE")]
    pub task: Vec<PathBuf>,
    /// The ruleset, which decides the rule's input channel [default: the first that has the rule].
    #[arg(long, value_name = "SET")]
    pub ruleset: Option<Ruleset>,
    /// Which trials: test (16 at each of 8 locations), test-S-D (odrd: stimulus and distractor location), random.
    #[arg(long, value_name = "MODE", default_value = "test")]
    pub mode: Mode,
    /// The seed of random trials and of the noise.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Add the input noise.
    #[arg(long)]
    pub noise: bool,
    #[command(flatten)]
    pub table: TableOut,
}

#[derive(Debug, Args)]
pub struct ActivityArguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, value_name = "N", default_value = "last")]
    pub trials: Selection,
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    #[command(flatten)]
    pub readout: ReadoutArguments,
    #[command(flatten)]
    pub table: TableOut,
}

#[derive(Clone, Debug, Args)]
pub struct ReadoutArguments {
    /// Which trials: test (16 at each of 8 locations), test-S-D (odrd: stimulus and distractor location), random.
    #[arg(long, value_name = "MODE", default_value = "test")]
    pub mode: Mode,
    /// Leave the recurrent noise out: the repeats of a trial are then identical.
    #[arg(long)]
    pub no_noise: bool,
    /// Add the input noise, which the published analyses leave out.
    #[arg(long)]
    pub input_noise: bool,
    /// The seed of the noise [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Give every checkpoint the same noise, for paired comparisons.
    #[arg(long)]
    pub same_noise: bool,
}

impl From<ReadoutArguments> for ReadoutOptions {
    fn from(arguments: ReadoutArguments) -> Self {
        ReadoutOptions {
            mode: arguments.mode,
            input_noise: arguments.input_noise,
            recurrent_noise: !arguments.no_noise,
            seed: arguments.seed,
            same_noise: arguments.same_noise,
            threads: 0,
        }
    }
}

#[derive(Debug, Args)]
pub struct Gradients {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, value_name = "N", default_value = "last")]
    pub trials: Selection,
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
    /// Write the gradients to FILE (.safetensors).
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Where activity comes from: the checkpoints of a run, or a table.
#[derive(Debug, Args)]
pub struct Source {
    /// The run directory.
    #[arg(value_name = "RUN", required_unless_present = "activity", conflicts_with = "activity")]
    pub run: Option<PathBuf>,
    /// Take the activity from a table (.parquet or .csv) with the columns step or time_ms, trial, location, unit_0 …:
    /// recorded neurons, or another program's network.
    #[arg(long, value_name = "FILE")]
    pub activity: Option<PathBuf>,
    /// The rule, which also gives the epochs.
    #[arg(long, value_name = "RULE", required_unless_present = "epoch_ms")]
    pub rule: Option<Rule>,
    /// With --activity: an epoch in ms from the trial's start, for example --epoch-ms fix1=0..1000; may be repeated.
    #[arg(long, value_name = "NAME=START..END", requires = "activity")]
    pub epoch_ms: Vec<String>,
    /// With --activity: the time step in ms [default: that of the table's time_ms].
    #[arg(long, value_name = "MS", requires = "activity")]
    pub dt: Option<f64>,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, value_name = "CHECKPOINTS", conflicts_with_all = ["stage", "all", "activity"])]
    pub trials: Option<Selection>,
    /// The checkpoints at which the rule is at this stage: early, mid or mature.
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["all", "activity"])]
    pub stage: Option<Stage>,
    /// All checkpoints.
    #[arg(long, conflicts_with = "activity")]
    pub all: bool,
    /// The seed of the noise, and of resamples [default: that of the run].
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Give every checkpoint the same noise, for paired comparisons.
    #[arg(long)]
    pub same_noise: bool,
}

/// How selectivity is tested.
#[derive(Clone, Debug, Args)]
pub struct TestArguments {
    /// Whether the published test works on rates relative to fix1.
    #[arg(long, value_name = "yes|no", default_value = "yes", value_parser = yes_or_no, action = clap::ArgAction::Set)]
    pub normalised: bool,
    /// ms at the start of fix1 to leave out of the baseline (the start-up transient takes about 100 ms).
    #[arg(long, value_name = "MS", default_value_t = 0.0)]
    pub baseline_skip_ms: f64,
}

fn yes_or_no(text: &str) -> std::result::Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("say yes or no".to_owned()),
    }
}

#[derive(Debug, Args)]
pub struct SelectivityArguments {
    #[command(flatten)]
    pub source: Source,
    /// The epoch whose rates are tested, for example stim1 or delay1.
    #[arg(long, value_name = "EPOCH")]
    pub epoch: Epoch,
    #[command(flatten)]
    pub test: TestArguments,
    #[command(flatten)]
    pub table: TableOut,
}

#[derive(Debug, Args)]
pub struct Growth {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Evaluations that are averaged around each (an odd number).
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub window: usize,
    /// Evaluations that are averaged before the performance decides the stage (an odd number).
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub stage_window: usize,
    /// Mark the evaluations that the automatic choice of checkpoints takes for each stage.
    #[arg(long)]
    pub automatic: bool,
    /// With --automatic: average ahead of each evaluation, as published, rather than around it.
    #[arg(long, requires = "automatic")]
    pub published_average: bool,
    #[command(flatten)]
    pub table: TableOut,
    #[command(flatten)]
    pub figure: FigureOut,
}

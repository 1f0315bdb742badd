//! `maturation sweep`: the runs of a plan, several at once.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use maturation::ensemble::Counts;
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::summary::{RunSummary, RunSummaryOptions};

use crate::cluster::{self, SlurmOptions, Work};
use crate::common::output::{TableOut, put_table, refuse, say};

/// Train many networks: every combination of seeds, presets and hyper-parameters that a plan asks for; the same command
/// again goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  maturation sweep plan.toml runs/four")]
pub struct Arguments {
    /// The plan (a TOML file such as data/plan-template.toml), or the folder of a sweep that was begun.
    #[arg(value_name = "PLAN")]
    pub plan: PathBuf,
    /// The folder for its runs: made if it is not there. Finished runs in it are skipped, unfinished ones go on.
    #[arg(value_name = "OUT")]
    pub folder: Option<PathBuf>,
    /// Networks that train at once; 0 takes one for each processor core, or eight for each GPU.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub jobs: usize,
    /// Threads of each network; 0 takes one a processor core, for few networks at once.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Where to compute: cpu, cuda:N or auto; several, such as cuda:0,cuda:1, take the networks in turn.
    #[arg(long, value_name = "DEVICE,…", value_delimiter = ',', default_value = "cpu")]
    pub device: Vec<Device>,
    /// Try those again that failed before.
    #[arg(long)]
    pub retry: bool,
    /// Let this plan take the place of the one whose runs OUT has: runs that both have are kept, new ones are added.
    #[arg(long)]
    pub changed: bool,
    /// Only say which runs the plan has, and what they will take, from a short trial.
    #[arg(long, conflicts_with_all = ["retry", "changed", "index", "status"])]
    pub dry_run: bool,
    /// Train only run I, or runs A-B, counted from 0, and measure what they show: what a task of a cluster does.
    #[arg(long, value_name = "I|A-B")]
    pub index: Option<Places>,
    /// Only say what became of each run.
    #[arg(long, conflicts_with_all = ["retry", "changed", "index"])]
    pub status: bool,
    #[command(flatten)]
    pub slurm: SlurmOptions,
    #[command(flatten)]
    pub table: TableOut,
}

/// Places in a plan.
#[derive(Clone, Debug)]
pub struct Places(Range<usize>);

impl FromStr for Places {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<usize>().ok();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last && last < usize::MAX => Ok(Places(first..last + 1)),
            _ => Err("write a run's number, counted from 0, or the first and the last of several: 0-9".to_owned()),
        }
    }
}

/// Trains, or says how things stand.
pub fn run(arguments: Arguments) -> Result<()> {
    let is_begun = Ensemble::is_there(&arguments.plan);
    let out = match &arguments.folder {
        Some(out) => out.clone(),
        None if is_begun || (arguments.dry_run && !arguments.slurm.slurm) => arguments.plan.clone(),
        None => {
            let what = format!("`{}` is not the folder of a sweep", arguments.plan.display());
            return Err(refuse(what, "name a folder for the plan's runs: maturation sweep PLAN.toml OUT"));
        }
    };
    if arguments.status {
        return tell_status(&Ensemble::open(&out)?, &arguments.table);
    }
    let plan = match is_begun {
        true => Ensemble::open(&arguments.plan)?.plan().clone(),
        false => Plan::read(&arguments.plan)?,
    };
    if arguments.dry_run {
        dry_run(&plan, &arguments.table)?;
    }
    if arguments.slurm.slurm {
        return on_slurm(plan, &arguments, &out);
    }
    if arguments.dry_run {
        return Ok(());
    }
    train(plan, &arguments, out)
}

/// What became of each run, and what Slurm says of it where it was asked to train: a line each, since a table on the
/// screen leaves rows out.
fn tell_status(ensemble: &Ensemble, table: &TableOut) -> Result<()> {
    let slurm = cluster::states(ensemble.path())?;
    let statuses = ensemble.statuses()?;
    if table.out.is_some() {
        let mut runs = ensemble.table()?;
        if let Some(states) = &slurm {
            runs.hstack_mut(&states.columns(ensemble.runs().len()))
                .map_err(|problem| refuse(format!("the table cannot be made ({problem})"), "leave out --out"))?;
        }
        put_table(runs, table)?;
    } else {
        for (planned, status) in ensemble.runs().iter().zip(&statuses) {
            let trials = status.trials_trained().map_or_else(String::new, |trials| format!(", {trials} trials"));
            let note = if status.note().is_empty() { String::new() } else { format!(": {}", status.note()) };
            let task = slurm.as_ref().map_or_else(String::new, |states| states.of_run(planned.index));
            say(format!("{} {}: {}{trials}{task}{note}", planned.index, planned.name, status.name()));
        }
    }
    say(statuses.iter().collect::<Counts>());
    slurm.iter().flat_map(|states| states.lines()).for_each(say);
    Ok(())
}

/// Submits what is missing, or says what would be submitted.
fn on_slurm(plan: Plan, arguments: &Arguments, out: &Path) -> Result<()> {
    if arguments.dry_run {
        let work = match Ensemble::is_there(out) {
            true => Work::of_ensemble(&Ensemble::open(out)?, false)?,
            false => Work::of_plan(&plan, out)?,
        };
        return cluster::show(&work.on(&arguments.device), &arguments.slurm);
    }
    let ensemble = Sweep::new(plan).changed(arguments.changed).prepare(out)?;
    let work = Work::of_ensemble(&ensemble, arguments.retry)?;
    cluster::submit(&work.on(&arguments.device), &arguments.slurm)
}

/// What would be trained, and what it would take.
fn dry_run(plan: &Plan, table: &TableOut) -> Result<()> {
    if table.out.is_some() {
        put_table(plan.table()?, table)?;
    } else {
        plan.runs()?.iter().for_each(|planned| say(format!("{} {}", planned.index, planned.name)));
    }
    say(plan.estimate()?);
    Ok(())
}

/// Makes what `summary` asks of a run, so that each task does its share of it. What does not come of it here is tried
/// again, and told, by `summary`.
fn summarise(run: &Run, threads: usize) {
    let readout = ReadoutOptions { threads, ..ReadoutOptions::default() };
    if let Err(problem) = RunSummary::of(run, &RunSummaryOptions { readout, ..RunSummaryOptions::default() }) {
        say(format!("{}: not summarised: {problem}", run.path().display()));
    }
}

fn train(plan: Plan, arguments: &Arguments, out: PathBuf) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut sweep = Sweep::new(plan)
        .jobs(arguments.jobs)
        .threads(arguments.threads)
        .devices(arguments.device.clone())
        .retry(arguments.retry)
        .changed(arguments.changed)
        .stop_when(stop.clone());
    if let Some(Places(places)) = &arguments.index {
        sweep = sweep.only(places.clone());
    }
    let is_trained = Arc::new(AtomicBool::new(false));
    // A second Ctrl-C ends the process at once, and so does the first where nothing is to be saved; what the folders
    // hold is whole at any moment.
    let (asked, after) = (stop.clone(), is_trained.clone());
    let handler = move || {
        if asked.swap(true, Ordering::Relaxed) || after.load(Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|problem| refuse(format!("Ctrl-C cannot be watched for ({problem})"), "run the command in a shell"))?;
    let ensemble = sweep.train(&out)?;
    is_trained.store(true, Ordering::Relaxed);
    let places = arguments.index.as_ref().map_or(0..ensemble.runs().len(), |places| places.0.clone());
    let mut failed = 0;
    for planned in &ensemble.runs()[places] {
        match ensemble.status(planned)? {
            RunStatus::Failed { reason } => {
                failed += 1;
                say(format!("{}: failed: {reason}", planned.name));
            }
            RunStatus::Finished { .. } if arguments.index.is_some() => {
                summarise(&ensemble.run(&planned.name)?, arguments.jobs.saturating_mul(arguments.threads));
            }
            _ => {}
        }
    }
    say(format!("{}: {}", ensemble.path().display(), ensemble.counts()?));
    match failed {
        0 => Ok(()),
        failed => Err(refuse(
            format!("{failed} runs failed, for the reasons above"),
            "the others are not touched by that; --retry tries those again",
        )),
    }
}

//! `maturation sweep`: the runs of a plan, several at once.

use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Args;
use maturation::prelude::*;

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
    /// Train only run I, or runs A-B, counted from 0: what a task of a cluster does.
    #[arg(long, value_name = "I|A-B")]
    pub index: Option<Places>,
    /// Only say what became of each run.
    #[arg(long, conflicts_with_all = ["retry", "changed", "index"])]
    pub status: bool,
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
        None if is_begun || arguments.dry_run => arguments.plan.clone(),
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
        return dry_run(&plan, &arguments.table);
    }
    train(plan, &arguments, out)
}

/// What became of each run: a line each, since a table on the screen leaves rows out.
fn tell_status(ensemble: &Ensemble, table: &TableOut) -> Result<()> {
    if table.out.is_some() {
        put_table(ensemble.table()?, table)?;
    } else {
        for planned in ensemble.runs() {
            let status = ensemble.status(planned)?;
            let trials = status.trials_trained().map_or_else(String::new, |trials| format!(", {trials} trials"));
            let note = if status.note().is_empty() { String::new() } else { format!(": {}", status.note()) };
            say(format!("{} {}: {}{trials}{note}", planned.index, planned.name, status.name()));
        }
    }
    say(ensemble.counts()?);
    Ok(())
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
    // A second Ctrl-C ends the process at once; what the folders hold is whole at any moment.
    let handler = move || {
        if stop.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler)
        .map_err(|problem| refuse(format!("Ctrl-C cannot be watched for ({problem})"), "run the command in a shell"))?;
    let ensemble = sweep.train(&out)?;
    let places = arguments.index.as_ref().map_or(0..ensemble.runs().len(), |places| places.0.clone());
    let mut failed = 0;
    for planned in &ensemble.runs()[places] {
        if let RunStatus::Failed { reason } = ensemble.status(planned)? {
            failed += 1;
            say(format!("{}: failed: {reason}", planned.name));
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

//! Where activity comes from: checkpoints of a run, or a table.

use std::path::PathBuf;

use clap::Args;
use maturation::activity::Activity;
use maturation::prelude::*;
use maturation::readout::ReadoutOptions;
use maturation::tasks::Timeline;
use maturation::training::Selection;

use crate::common::output::refuse;
use crate::common::recording::{RecordingArguments, tell};
use crate::common::staging::StagingArguments;

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
    #[arg(long, value_name = "RULE", required_unless_present = "activity")]
    pub rule: Option<Rule>,
    #[command(flatten)]
    pub recording: RecordingArguments,
    /// The checkpoints: N,N,… (trials trained), A..B, last or all.
    #[arg(long, alias = "trials", value_name = "CHECKPOINTS", conflicts_with_all = ["stage", "all", "activity"])]
    pub checkpoints: Option<Selection>,
    /// The checkpoints at which the rule is at this stage: early, mid or mature.
    #[arg(long, value_name = "STAGE", conflicts_with_all = ["all", "activity"])]
    pub stage: Option<Stage>,
    #[command(flatten)]
    pub staging: StagingArguments,
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

/// A checkpoint of a run, and the rule that it is asked about.
#[derive(Debug, Args)]
pub struct CheckpointArguments {
    /// The run directory.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The checkpoint: the trials trained, or last.
    #[arg(long, alias = "trials", value_name = "N", default_value = "last")]
    pub checkpoints: Selection,
    /// The rule.
    #[arg(long, value_name = "RULE")]
    pub rule: Rule,
}

impl CheckpointArguments {
    /// Opens the checkpoint.
    pub fn open(&self) -> Result<Checkpoint> {
        one(&Run::open(&self.run)?, &self.checkpoints, self.rule)
    }
}

/// The single checkpoint that `--checkpoints` names.
pub fn one(run: &Run, selection: &Selection, rule: Rule) -> Result<Checkpoint> {
    let chosen = run.selected(selection, rule)?;
    match chosen.len() {
        1 => Ok(chosen.first().clone()),
        count => Err(refuse(format!("--checkpoints names {count} checkpoints"), "name one, or `last`")),
    }
}

/// Where activity comes from, once looked at.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Opened {
    Run(Run, Selection, Rule, ReadoutOptions),
    Table(Activity),
}

/// Opens the run or reads the table that `source` names.
pub fn open(source: &Source, default: Selection) -> Result<Opened> {
    if let Some(path) = &source.activity {
        let activity = Activity::read(path, &source.recording.options())?;
        for note in &activity.notes {
            tell(note);
        }
        let epochs = source.recording.epoch_ms.iter().map(|text| epoch_in_ms(text)).collect::<Result<Vec<_>>>()?;
        let activity = match (source.rule, epochs.is_empty()) {
            (Some(rule), true) => {
                let timeline = Timeline::of(rule, activity.dt);
                let in_ms =
                    |steps: std::ops::Range<usize>| steps.start as f64 * activity.dt..steps.end as f64 * activity.dt;
                if activity.start_ms == 0.0 {
                    activity.with_epochs(timeline.epochs)?
                } else {
                    let epochs: Vec<_> =
                        timeline.epochs.into_iter().map(|(epoch, steps)| (epoch, in_ms(steps))).collect();
                    activity.with_epochs_in_ms(&epochs)?
                }
            }
            (None, true) => activity,
            _ => activity.with_epochs_in_ms(&epochs)?,
        };
        return Ok(Opened::Table(match source.rule {
            Some(rule) => activity.with_rule(rule),
            None => activity,
        }));
    }
    let path =
        source.run.as_deref().ok_or_else(|| refuse("there is nothing to analyse", "give RUN, or --activity FILE"))?;
    let run = source.staging.open(path)?;
    let rule = source.rule.ok_or_else(|| refuse("the rule is not known", "give --rule"))?;
    let selection = match (&source.checkpoints, source.stage) {
        (Some(checkpoints), _) => checkpoints.clone(),
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

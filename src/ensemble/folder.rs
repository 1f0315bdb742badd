//! The folder of many runs.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use polars::prelude::*;

use crate::ensemble::plan::table_of;
use crate::ensemble::status::{Counts, RunStatus};
use crate::ensemble::{Plan, PlannedRun};
use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::tables::write_table;
use crate::training::{LogEntry, Run, check_free};

/// The plan, in the folder.
const PLAN_FILE: &str = "plan.toml";
/// The runs with their keys, a row each.
const RUNS_FILE: &str = "runs.csv";
/// Where the runs' folders are.
const RUNS: &str = "runs";

/// Many runs in one folder: `plan.toml`, which says what they are, `runs.csv` with a row for each, and each run in a
/// folder of its own under `runs/`, which is like any other [run's](Run).
///
/// It is made by [`Sweep::train`](crate::ensemble::Sweep::train).
#[derive(Clone, Debug)]
pub struct Ensemble {
    path: PathBuf,
    plan: Plan,
    runs: Vec<PlannedRun>,
}

impl Ensemble {
    /// Opens an ensemble's folder.
    ///
    /// # Errors
    /// If it has no plan, or its plan is none ([`Plan::read`], [`Plan::runs`]).
    pub fn open(path: impl AsRef<Path>) -> Result<Ensemble> {
        let path = path.as_ref().to_owned();
        let plan = Plan::read(path.join(PLAN_FILE))?;
        let runs = plan.runs().map_err(|error| error.in_file(&path.join(PLAN_FILE)))?;
        Ok(Ensemble { path, plan, runs })
    }

    /// Whether a folder is one of an ensemble.
    pub fn is_there(path: impl AsRef<Path>) -> bool {
        path.as_ref().join(PLAN_FILE).is_file()
    }

    /// Makes a folder for a plan's runs, or takes the one that has them already.
    ///
    /// A plan with the same runs that lets them train longer, or keeps other checkpoints, takes the place of the one
    /// before.
    ///
    /// # Errors
    /// If the folder holds something else, or another plan and `changed` does not say that it may; if a run with the
    /// name of one of the plan's is there and has other hyper-parameters.
    pub(super) fn prepare(plan: &Plan, path: &Path, changed: bool) -> Result<Ensemble> {
        let ensemble = Ensemble { path: path.to_owned(), plan: plan.clone(), runs: plan.runs()? };
        if Ensemble::is_there(path) {
            let before = Ensemble::open(path)?;
            if before.plan == *plan {
                return Ok(before);
            }
            ensemble.check_change(&before, changed)?;
        } else {
            check_free(path, "Take a new folder for the runs of a plan")?;
        }
        fs::create_dir_all(path.join(RUNS)).map_err(|source| Error::io("create", path, source))?;
        write_table(path.join(RUNS_FILE), &mut table_of(&ensemble.runs)?)?;
        // Last, so that a folder with a plan has all else.
        plan.write(&path.join(PLAN_FILE))?;
        Ensemble::open(path)
    }

    /// An error if the runs that are there cannot be those of this plan, or it is another one that nobody meant to take
    /// its place.
    fn check_change(&self, before: &Ensemble, changed: bool) -> Result<()> {
        for planned in &self.runs {
            check_same(&self.folder(planned), planned)?;
        }
        let names = |ensemble: &Ensemble| ensemble.runs.iter().map(|run| run.name.clone()).collect::<HashSet<_>>();
        let (old, new) = (names(before), names(self));
        if changed || old == new {
            return Ok(());
        }
        let kept = new.intersection(&old).count();
        let what = format!(
            "`{}` holds the runs of another plan: of its {}, this one has {kept} (what they have trained is kept), \
             adds {}, and no longer has {} (whose folders stay, but are no longer part of it)",
            self.path.display(),
            old.len(),
            new.len() - kept,
            old.len() - kept
        );
        Err(Error::argument(what, "take another folder, or say that the plan was changed (`Sweep::changed`)"))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was planned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The runs, in the plan's order.
    pub fn runs(&self) -> &[PlannedRun] {
        &self.runs
    }

    /// The folder of a run.
    pub fn folder(&self, planned: &PlannedRun) -> PathBuf {
        self.path.join(RUNS).join(&planned.name)
    }

    /// The run of this name, as far as it is trained.
    ///
    /// # Errors
    /// If the plan has no such run; those of [`Run::open`].
    pub fn run(&self, name: &str) -> Result<Run> {
        match self.runs.iter().find(|run| run.name == name) {
            Some(planned) => Run::open(self.folder(planned)),
            None if self.runs.len() <= 20 => {
                Err(Error::unknown_name("run in this plan", name, self.runs.iter().map(|run| &run.name)))
            }
            None => {
                let what = format!("there is no run `{name}` among the {} of this plan", self.runs.len());
                Err(Error::argument(what, format!("`{}` lists them", self.path.join(RUNS_FILE).display())))
            }
        }
    }

    /// What became of a run.
    ///
    /// # Errors
    /// If its folder cannot be read.
    pub fn status(&self, planned: &PlannedRun) -> Result<RunStatus> {
        RunStatus::of(&self.folder(planned), planned).map(|(status, _)| status)
    }

    /// What became of each run, in the plan's order; [`Counts`] can be collected of it.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn statuses(&self) -> Result<Vec<RunStatus>> {
        self.runs.iter().map(|planned| self.status(planned)).collect()
    }

    /// How many runs have which status.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn counts(&self) -> Result<Counts> {
        Ok(self.statuses()?.iter().collect())
    }

    /// What became of each run. Columns: index, run, the keys that the plan varies, status (waiting, training,
    /// unfinished, finished, failed), trials_trained (null before the first evaluation), worst_performance (that of the
    /// worst rule at the newest evaluation), seconds (of training), note (why a run failed, or who trains it).
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn table(&self) -> Result<DataFrame> {
        let of_run = |planned| RunStatus::of(&self.folder(planned), planned);
        let (status, newest): (Vec<RunStatus>, Vec<Option<LogEntry>>) =
            self.runs.iter().map(of_run).collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let mut table = table_of(&self.runs)?;
        let text = |of: fn(&RunStatus) -> &str| status.iter().map(|status| of(status).to_owned()).collect::<Vec<_>>();
        let trials: Vec<Option<u64>> = status.iter().map(RunStatus::trials_trained).collect();
        let worst: Vec<Option<f64>> =
            newest.iter().map(|newest| newest.as_ref().map(LogEntry::worst_performance)).collect();
        let seconds: Vec<Option<f64>> =
            newest.iter().map(|newest| newest.as_ref().map(|entry| entry.seconds)).collect();
        let columns = [
            Column::new("status".into(), text(|status| status.name())),
            Column::new("trials_trained".into(), trials),
            Column::new("worst_performance".into(), worst),
            Column::new("seconds".into(), seconds),
            Column::new("note".into(), text(RunStatus::note)),
        ];
        table.hstack_mut(&columns).map_err(Error::table("making the table of runs"))?;
        Ok(table)
    }
}

/// An error if the folder of a planned run holds one with other hyper-parameters.
fn check_same(folder: &Path, planned: &PlannedRun) -> Result<()> {
    let path = folder.join("hp.json");
    if !path.is_file() {
        return Ok(());
    }
    let (there, asked) = (Hyperparameters::read(&path)?.to_json()?, planned.hyperparameters.to_json()?);
    // A later target only means to train further.
    let differs = asked.iter().find(|(key, value)| key.as_str() != "target_perf" && there.get(*key) != Some(*value));
    let Some((key, value)) = differs else { return Ok(()) };
    let found = there.get(key).cloned().unwrap_or_default();
    let problem = format!("run `{}` is there with `{key}` = {found}, and the plan now asks for {value}", planned.name);
    Err(Error::file(&path, problem, "Take another folder for this plan, or vary that key under [grid]"))
}

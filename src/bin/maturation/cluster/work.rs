//! What is to be trained.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use maturation::ensemble::Counts;
use maturation::prelude::*;

use crate::common::output::refuse;

/// The runs of an ensemble that are to be trained.
#[derive(Debug)]
pub struct Work {
    /// The ensemble's folder, from the root.
    pub ensemble: PathBuf,
    /// How many runs the plan has.
    pub runs: usize,
    /// Those to train, by their places.
    pub missing: BTreeSet<usize>,
    /// Those that some process trains at this moment.
    pub in_training: BTreeSet<usize>,
    /// How many runs have which status, and what to do about those that failed.
    pub how_it_stands: String,
    /// What tasks pass on to `maturation sweep`.
    pub options: Vec<String>,
}

impl Work {
    /// All runs of a plan, none of which was begun.
    pub fn of_plan(plan: &Plan, folder: &Path) -> Result<Work> {
        let runs = plan.runs()?.len();
        Ok(Work {
            ensemble: from_root(folder)?,
            runs,
            missing: (0..runs).collect(),
            in_training: BTreeSet::new(),
            how_it_stands: String::new(),
            options: Vec::new(),
        })
    }

    /// What an ensemble lacks: runs that were not begun or are unfinished, and if it is asked for those that failed.
    pub fn of_ensemble(ensemble: &Ensemble, retry: bool) -> Result<Work> {
        let statuses = ensemble.statuses()?;
        let mut work = Work {
            ensemble: from_root(ensemble.path())?,
            runs: ensemble.runs().len(),
            missing: BTreeSet::new(),
            in_training: BTreeSet::new(),
            how_it_stands: statuses.iter().collect::<Counts>().to_string(),
            options: Vec::new(),
        };
        let mut has_failed = false;
        for (planned, status) in ensemble.runs().iter().zip(&statuses) {
            match status {
                RunStatus::Finished { .. } => false,
                RunStatus::Training { .. } => work.in_training.insert(planned.index),
                RunStatus::Failed { .. } if !retry => {
                    has_failed = true;
                    false
                }
                RunStatus::Waiting | RunStatus::Unfinished { .. } | RunStatus::Failed { .. } => {
                    work.missing.insert(planned.index)
                }
            };
        }
        if has_failed {
            work.how_it_stands.push_str("; --retry submits those that failed");
        }
        if retry {
            work.options.push("--retry".to_owned());
        }
        Ok(work)
    }

    /// Lets tasks train on these devices, if they are not the processor, which is what a task takes by itself.
    pub fn on(mut self, devices: &[Device]) -> Work {
        if devices.iter().any(|device| *device != Device::Cpu) {
            let names: Vec<_> = devices.iter().map(Device::to_string).collect();
            self.options.push(format!("--device={}", names.join(",")));
        }
        self
    }
}

fn from_root(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|problem| {
        refuse(format!("the folder `{}` is nowhere ({problem})", path.display()), "name it by its full path")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finished_or_failed_is_not_trained_again_unless_it_is_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let rules = vec![Rule::GAP];
        let hyperparameters = Hyperparameters {
            n_rnn: 4,
            batch_size_test: 16,
            rule_trains: rules,
            rule_probs: None,
            ..Hyperparameters::paper()
        };
        let plan = Plan::new(hyperparameters).seeds(0..3).max_trials(64);
        let out = folder.path().join("three");
        assert_eq!(Work::of_plan(&plan, &out).unwrap().missing, [0, 1, 2].into());
        let ensemble = Sweep::new(plan).only(0..1).quiet().train(&out).unwrap();
        let failed = ensemble.folder(&ensemble.runs()[2]);
        std::fs::create_dir_all(&failed).unwrap();
        std::fs::write(failed.join("failure.txt"), "no").unwrap();
        let work = Work::of_ensemble(&ensemble, false).unwrap().on(&[Device::Cpu]);
        assert_eq!((work.missing, work.options), ([1].into(), Vec::new()));
        assert!(work.how_it_stands.contains("1 of 3 runs finished, 1 failed"), "{}", work.how_it_stands);
        assert!(work.how_it_stands.contains("--retry"), "{}", work.how_it_stands);
        let work = Work::of_ensemble(&ensemble, true).unwrap().on(&[Device::Cuda(0), Device::Cuda(1)]);
        assert_eq!(
            (work.missing, work.options),
            ([1, 2].into(), vec!["--retry".into(), "--device=cuda:0,cuda:1".into()])
        );
    }
}

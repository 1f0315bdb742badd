//! The jobs that were submitted for an ensemble, as OUT/slurm/jobs.json keeps them.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use maturation::Result;
use maturation::tables::write_bytes;
use serde::{Deserialize, Serialize};

use crate::cluster::arrays::{JobArray, read_numbers, write_numbers};
use crate::common::output::refuse;

/// A job, as the file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Job {
    /// A job array that trains.
    Training { job: String, first_run: usize, runs_per_task: usize, tasks: String },
    /// A job that makes the summary.
    Summary { job: String },
}

impl Job {
    /// Slurm's number of it.
    pub fn id(&self) -> &str {
        match self {
            Job::Training { job, .. } | Job::Summary { job } => job,
        }
    }

    /// The record of an array.
    pub fn training(job: &str, array: &JobArray) -> Job {
        Job::Training {
            job: job.to_owned(),
            first_run: array.first_run,
            runs_per_task: array.runs_per_task,
            tasks: write_numbers(&array.tasks),
        }
    }

    /// Its tasks, if it trains.
    pub fn array(&self) -> Option<JobArray> {
        match self {
            Job::Training { first_run, runs_per_task, tasks, .. } => Some(JobArray {
                first_run: *first_run,
                runs_per_task: *runs_per_task,
                // Checked when it was read.
                tasks: read_numbers(tasks).unwrap_or_default(),
            }),
            Job::Summary { .. } => None,
        }
    }
}

/// The folder of Slurm's scripts and logs in an ensemble's folder.
pub fn folder(ensemble: &Path) -> PathBuf {
    ensemble.join("slurm")
}

fn path(ensemble: &Path) -> PathBuf {
    folder(ensemble).join("jobs.json")
}

/// The jobs so far, the oldest first; none where nothing was submitted.
pub fn read(ensemble: &Path) -> Result<Vec<Job>> {
    let path = path(ensemble);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(problem) => {
            return Err(refuse(
                format!("cannot read `{}` ({problem})", path.display()),
                "check the file and its permissions",
            ));
        }
    };
    let jobs: Vec<Job> = serde_json::from_str(&text).map_err(|problem| unusable(&path, &problem))?;
    for job in &jobs {
        if let Job::Training { tasks, runs_per_task, .. } = job
            && (read_numbers(tasks).is_none() || *runs_per_task == 0)
        {
            return Err(unusable(&path, &format!("job {} has the tasks `{tasks}`", job.id())));
        }
    }
    Ok(jobs)
}

fn unusable(path: &Path, problem: &dyn std::fmt::Display) -> maturation::Error {
    refuse(
        format!("`{}` cannot be used ({problem})", path.display()),
        "correct it, or remove it once `squeue` shows none of its jobs: what is trained does not depend on it",
    )
}

/// Writes them, whole or not at all.
pub fn write(ensemble: &Path, jobs: &[Job]) -> Result<()> {
    let path = path(ensemble);
    let failed = |problem: &dyn std::fmt::Display| {
        let ids: Vec<_> = jobs.iter().map(Job::id).collect();
        refuse(
            format!("Slurm's jobs {} could not be noted: {problem}", ids.join(", ")),
            "cancel the last of them (`scancel`) or wait for it, then run the same command again: nothing that was \
             trained is lost",
        )
    };
    let text = serde_json::to_string_pretty(jobs).map_err(|problem| failed(&problem))?;
    write_bytes(path, text.as_bytes()).map_err(|problem| failed(&problem))
}

/// One submission at a time: the lock ends with the file that is returned.
pub fn lock(ensemble: &Path) -> Result<File> {
    let path = folder(ensemble).join(".lock");
    let opened = fs::create_dir_all(folder(ensemble))
        .and_then(|()| File::options().create(true).truncate(false).write(true).open(&path));
    let file = opened.map_err(|problem| {
        refuse(format!("cannot write `{}` ({problem})", path.display()), "check the disk and the folder's permissions")
    })?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(refuse(
            format!("another command is submitting the runs of `{}`", ensemble.display()),
            "wait until it has ended, then look with --status",
        )),
        // Where there are no locks, two people who submit at the same moment are not told of one another.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_kept_and_found_again() {
        let ensemble = tempfile::tempdir().unwrap();
        assert_eq!(read(ensemble.path()).unwrap(), []);
        let _lock = lock(ensemble.path()).unwrap();
        let array = JobArray { first_run: 1001, runs_per_task: 2, tasks: [0, 1, 2, 7].into() };
        let jobs = [Job::training("12", &array), Job::Summary { job: "13".to_owned() }];
        write(ensemble.path(), &jobs).unwrap();
        assert_eq!(read(ensemble.path()).unwrap(), jobs);
        assert_eq!(jobs[0].array(), Some(array));
        assert_eq!((jobs[1].id(), jobs[1].array()), ("13", None));
    }

    #[test]
    fn a_second_submission_at_the_same_moment_is_refused() {
        let ensemble = tempfile::tempdir().unwrap();
        let first = lock(ensemble.path()).unwrap();
        let refused = lock(ensemble.path()).unwrap_err().to_string();
        assert!(refused.contains("another command is submitting"), "{refused}");
        drop(first);
        lock(ensemble.path()).unwrap();
    }

    #[test]
    fn a_file_with_mistakes_is_named() {
        let ensemble = tempfile::tempdir().unwrap();
        fs::create_dir(folder(ensemble.path())).unwrap();
        let tasks = |text: &str| {
            format!(r#"[{{"kind":"training","job":"1","first_run":0,"runs_per_task":1,"tasks":"{text}"}}]"#)
        };
        for text in ["", "[", "[1]", r#"[{"kind":"other","job":"1"}]"#, &tasks("9-1"), &tasks("")] {
            fs::write(path(ensemble.path()), text).unwrap();
            let refused = read(ensemble.path()).unwrap_err().to_string();
            assert!(refused.contains("jobs.json") && refused.contains("remove it"), "{refused}");
        }
        fs::write(path(ensemble.path()), tasks("0-9")).unwrap();
        assert_eq!(read(ensemble.path()).unwrap().len(), 1);
    }

    #[test]
    fn jobs_that_cannot_be_kept_are_named() {
        let ensemble = tempfile::tempdir().unwrap();
        let refused = write(ensemble.path(), &[Job::Summary { job: "13".to_owned() }]).unwrap_err().to_string();
        assert!(refused.contains("jobs 13") && refused.contains("scancel"), "{refused}");
    }
}

//! Submitting the runs that are not finished.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use maturation::Result;

use crate::cluster::arrays::{JobArray, arrays, write_numbers};
use crate::cluster::jobs::{self, Job};
use crate::cluster::options::SlurmOptions;
use crate::cluster::scripts::{Setting, quoted};
use crate::cluster::slurm::{self, Answer, ask, max_array_size};
use crate::cluster::states::queued;
use crate::cluster::work::Work;
use crate::common::output::{refuse, say};

/// Submits the runs that are neither finished nor queued: an array (more, if it would be too large), and a job that makes
/// the summary when all tasks have ended, however they ended: one that failed must not keep back what the others found.
pub fn submit(work: &Work, options: &SlurmOptions) -> Result<()> {
    options.check()?;
    let _lock = jobs::lock(&work.ensemble)?;
    let mut jobs = jobs::read(&work.ensemble)?;
    let (queued_runs, mut waited_for) = already_queued(&jobs)?;
    let to_submit: BTreeSet<usize> = work.missing.difference(&queued_runs).copied().collect();
    if to_submit.is_empty() {
        if work.missing.union(&work.in_training).all(|run| !queued_runs.contains(run)) {
            say(format!("nothing to submit: {}", work.how_it_stands));
            return Ok(());
        }
        return Err(refuse(
            format!("all runs that are to be trained are queued already, in job {}", waited_for.join(", ")),
            format!(
                "wait for them (--status says how they do), or cancel them (`scancel {}`) and run the same command again",
                waited_for.join(" ")
            ),
        ));
    }
    let arrays = arrays(&to_submit, options.runs_per_task(), max_array_size()?);
    let program = program()?;
    let setting = Setting { program: &program, ensemble: &work.ensemble, runs: work.runs };
    let (train, summary) = setting.write(options)?;
    let passed_over = work.missing.len() - to_submit.len();
    if passed_over > 0 {
        say(format!("queued already: {}, in job {}", counted(passed_over, "run"), waited_for.join(", ")));
    }
    for (place, array) in arrays.iter().enumerate() {
        let submitted = sbatch(&of_array(work, options, array, &train));
        let job = submitted.map_err(|problem| match place {
            0 => problem,
            // What is queued stays, and the same command goes on after it.
            _ => refuse(format!("{place} of {} job arrays are submitted, then {problem}", arrays.len()), AGAIN),
        })?;
        let tasks = write_numbers(&array.tasks);
        let (count, each) = (counted(array.tasks.len(), "task"), counted(array.runs_per_task, "run"));
        say(format!("job {job}: {count} ({tasks}) of {each}"));
        jobs.push(Job::training(&job, array));
        jobs::write(&work.ensemble, &jobs)?;
        waited_for.push(job);
    }
    let summary = put_summary(&jobs, options, &summary, &waited_for).map_err(|problem| {
        refuse(format!("the runs are submitted, but not their summary: {problem}"), SUMMARY_LATER)
    })?;
    if let Some(job) = summary {
        say(format!("job {job}: the summary, when the others have ended"));
        jobs.push(Job::Summary { job });
        jobs::write(&work.ensemble, &jobs)?;
    }
    say(format!("maturation sweep {} --status says how they do", quoted(&work.ensemble.to_string_lossy())));
    Ok(())
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

const AGAIN: &str = "run the same command again to submit the rest, perhaps when these have ended";
const SUMMARY_LATER: &str = "when they have ended, `maturation summary` makes it";

/// Says what would be submitted, and writes nothing.
pub fn show(work: &Work, options: &SlurmOptions) -> Result<()> {
    options.check()?;
    let program = program()?;
    let setting = Setting { program: &program, ensemble: &work.ensemble, runs: work.runs };
    let folder = jobs::folder(&work.ensemble);
    let train = folder.join("train.sh");
    say(format!("{}:\n\n{}", train.display(), setting.train(options)?));
    say(format!("{}:\n\n{}", folder.join("summary.sh").display(), setting.summary(options)?));
    for array in arrays(&work.missing, options.runs_per_task(), max_array_size()?) {
        let words: Vec<_> = of_array(work, options, &array, &train).iter().map(|word| quoted(word)).collect();
        say(format!("sbatch {}", words.join(" ")));
    }
    Ok(())
}

/// The runs of tasks that wait or run, and the jobs whose tasks these are.
fn already_queued(jobs: &[Job]) -> Result<(BTreeSet<usize>, Vec<String>)> {
    let (mut runs, mut of) = (BTreeSet::new(), Vec::new());
    let queued = queued(jobs)?;
    for job in jobs {
        let Some(array) = job.array() else { continue };
        let tasks = queued.iter().filter(|(id, _)| id == job.id()).filter_map(|(_, task)| *task);
        let before = runs.len();
        runs.extend(tasks.flat_map(|task| array.runs_of(task)));
        if runs.len() > before {
            of.push(job.id().to_owned());
        }
    }
    Ok((runs, of))
}

/// This program, as tasks on other machines find it.
fn program() -> Result<PathBuf> {
    std::env::current_exe().map_err(|problem| {
        refuse(format!("this program does not know its own path ({problem})"), "call it by its full path")
    })
}

/// The arguments of sbatch for an array. Options that are given now count above those in a script that was kept.
fn of_array(work: &Work, options: &SlurmOptions, array: &JobArray, script: &Path) -> Vec<String> {
    let mut arguments = vec![format!("--array={}", write_numbers(&array.tasks))];
    arguments.extend(options.of_training());
    arguments.push(script.display().to_string());
    arguments.extend([array.first_run, array.runs_per_task, work.runs].map(|number| number.to_string()));
    arguments.extend(work.options.iter().cloned());
    arguments
}

/// Lets the summary that waits wait for these jobs too, or submits one, whose number it gives.
fn put_summary(jobs: &[Job], options: &SlurmOptions, script: &Path, after: &[String]) -> Result<Option<String>> {
    let dependency = format!("afterany:{}", after.join(":"));
    let newest = jobs.iter().rev().find_map(|job| match job {
        Job::Summary { job } => Some(job),
        Job::Training { .. } => None,
    });
    if let Some(job) = newest {
        let update = ["update".to_owned(), format!("JobId={job}"), format!("Dependency={dependency}")];
        // One that has begun or ended cannot wait.
        if queued(jobs)?.iter().any(|(id, _)| id == job)
            && let Answer::Said(_) = ask("scontrol", &update)
        {
            return Ok(None);
        }
    }
    let mut arguments = vec![format!("--dependency={dependency}")];
    arguments.extend(options.of_summary());
    arguments.push(script.display().to_string());
    sbatch(&arguments).map(Some)
}

/// Submits, and gives the job's number.
fn sbatch(arguments: &[String]) -> Result<String> {
    let mut all = vec!["--parsable".to_owned()];
    all.extend(arguments.iter().cloned());
    let remedy = "nothing is lost: correct the options (or the script in the folder `slurm`), and run the same command \
                  again";
    let said = slurm::answer("sbatch", &all, remedy)?;
    slurm::read_job(&said).map(str::to_owned).ok_or_else(|| {
        refuse(
            format!("sbatch did not tell a job's number, but `{}`", said.trim()),
            "see with `squeue --me` whether it was submitted, and cancel it before the same command is run again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sbatch_is_told_the_tasks_and_which_runs_they_have() {
        let work = Work {
            ensemble: PathBuf::from("/data/new"),
            runs: 3000,
            missing: [0, 1, 2, 1500].into(),
            in_training: BTreeSet::new(),
            how_it_stands: String::new(),
            options: vec!["--retry".to_owned()],
        };
        let options = SlurmOptions { partition: Some("short".to_owned()), ..SlurmOptions::default() };
        let arrays = arrays(&work.missing, 1, 1001);
        let told = |array| of_array(&work, &options, array, Path::new("/data/new/slurm/train.sh")).join(" ");
        assert_eq!(told(&arrays[0]), "--array=0-2 --partition=short /data/new/slurm/train.sh 0 1 3000 --retry");
        assert_eq!(told(&arrays[1]), "--array=499 --partition=short /data/new/slurm/train.sh 1001 1 3000 --retry");
    }
}

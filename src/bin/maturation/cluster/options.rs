//! What is asked of Slurm.

use clap::Args;
use maturation::Result;
use maturation::ensemble::NETWORKS_ON_A_GPU;

use crate::common::output::refuse;

/// How Slurm trains the runs.
#[derive(Clone, Debug, Default, Args)]
pub struct SlurmOptions {
    /// Submit the runs that are not finished to Slurm, as a job array, and after it a job that makes the summary.
    #[arg(long, conflicts_with_all = ["index", "status"])]
    pub slurm: bool,
    /// Slurm's partition [default: Slurm's].
    #[arg(long, value_name = "NAME")]
    pub partition: Option<String>,
    /// A task's limit of time, as Slurm writes it (30, 8:00:00, 2-0); what does not end within it goes on after a
    /// requeue [default: that of the partition].
    #[arg(long, value_name = "TIME")]
    pub time: Option<String>,
    /// Processors a task, on which as many runs train at once.
    #[arg(long, value_name = "N")]
    pub cpus: Option<usize>,
    /// GPUs a task, on which its runs train.
    #[arg(long, value_name = "N")]
    pub gpus: Option<usize>,
    /// Runs a task [default: one for each of its processors, eight for each of its GPUs].
    #[arg(long, value_name = "K")]
    pub runs_per_task: Option<usize>,
    /// Another option of sbatch, as --sbatch=--account=lab; may be repeated.
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    pub sbatch: Vec<String>,
}

impl SlurmOptions {
    /// An error where a number must be at least one, or an option of sbatch is not written as one word.
    pub fn check(&self) -> Result<()> {
        if let Some(option) = self.sbatch.iter().find(|option| !option.starts_with("--")) {
            let what = format!("`--sbatch={option}` is no option of sbatch in one word");
            return Err(refuse(what, "write its long name, as --sbatch=--account=lab"));
        }
        let counts = [("cpus", self.cpus), ("gpus", self.gpus), ("runs-per-task", self.runs_per_task)];
        match counts.iter().find(|(_, count)| *count == Some(0)) {
            Some((option, _)) => Err(refuse(format!("--{option} 0 trains nothing"), "ask for at least 1")),
            None => Ok(()),
        }
    }

    /// Runs a task.
    pub fn runs_per_task(&self) -> usize {
        let on_gpus = self.gpus.map(|gpus| gpus.saturating_mul(NETWORKS_ON_A_GPU));
        self.runs_per_task.or(on_gpus).or(self.cpus).unwrap_or(1)
    }

    /// The options of sbatch that a training task has, without those that are the same for all.
    pub fn of_training(&self) -> Vec<String> {
        let mut options = self.of_any();
        options.extend(self.cpus.map(|cpus| format!("--cpus-per-task={cpus}")));
        options.extend(self.gpus.map(|gpus| format!("--gpus-per-node={gpus}")));
        options.extend(self.time.as_deref().map(|time| format!("--signal=B:USR1@{}", seconds_to_stop(time))));
        options.extend(self.sbatch.iter().cloned());
        options
    }

    /// The options of sbatch that the summary has.
    pub fn of_summary(&self) -> Vec<String> {
        let mut options = self.of_any();
        options.extend(self.sbatch.iter().cloned());
        options
    }

    fn of_any(&self) -> Vec<String> {
        let mut options = Vec::new();
        options.extend(self.partition.as_ref().map(|partition| format!("--partition={partition}")));
        options.extend(self.time.as_ref().map(|time| format!("--time={time}")));
        options
    }
}

/// How long before the limit of time training is told to stop, in seconds, where the limit is not known.
pub const SECONDS_TO_STOP: u64 = 120;

/// The same for this limit: of a short one a third.
fn seconds_to_stop(time: &str) -> u64 {
    seconds(time).map_or(SECONDS_TO_STOP, |limit| SECONDS_TO_STOP.min(limit / 3))
}

/// The seconds that Slurm reads in a time: MINUTES, MINUTES:SECONDS, HOURS:MINUTES:SECONDS, DAYS-HOURS,
/// DAYS-HOURS:MINUTES or DAYS-HOURS:MINUTES:SECONDS.
fn seconds(time: &str) -> Option<u64> {
    let (days, rest) = match time.split_once('-') {
        Some((days, rest)) => (Some(days.parse::<u64>().ok()?), rest),
        None => (None, time),
    };
    let parts = rest.split(':').map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<_>>>()?;
    let [hours, minutes, seconds] = match (days, parts.as_slice()) {
        (Some(_), [hours]) => [*hours, 0, 0],
        (Some(_), [hours, minutes]) => [*hours, *minutes, 0],
        (None, [minutes]) => [0, *minutes, 0],
        (None, [minutes, seconds]) => [0, *minutes, *seconds],
        (_, [hours, minutes, seconds]) => [*hours, *minutes, *seconds],
        _ => return None,
    };
    let sum = |so_far: u64, (count, size)| so_far.checked_add(u64::checked_mul(count, size)?);
    [(days.unwrap_or(0), 86_400), (hours, 3_600), (minutes, 60), (seconds, 1)].into_iter().try_fold(0, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_slurm_reads_them() {
        for (time, expected) in [
            ("30", Some(1_800)),
            ("1:30", Some(90)),
            ("8:00:00", Some(28_800)),
            ("2-0", Some(172_800)),
            ("1-12:30", Some(131_400)),
            ("0-0:0:5", Some(5)),
            ("UNLIMITED", None),
            ("", None),
            ("1:2:3:4", None),
            ("99999999999999999999", None),
            ("999999999999999999", None),
        ] {
            assert_eq!(seconds(time), expected, "{time}");
        }
    }

    #[test]
    fn training_is_told_to_stop_two_minutes_before_the_limit_and_earlier_in_its_short_life() {
        assert_eq!(seconds_to_stop("8:00:00"), 120);
        assert_eq!(seconds_to_stop("1"), 20);
        assert_eq!(seconds_to_stop("infinite"), 120);
    }

    #[test]
    fn a_task_has_as_many_runs_as_processors_unless_it_is_said() {
        let options = SlurmOptions { cpus: Some(8), ..SlurmOptions::default() };
        assert_eq!(options.runs_per_task(), 8);
        assert_eq!(SlurmOptions { gpus: Some(2), ..options.clone() }.runs_per_task(), 16);
        assert_eq!(SlurmOptions { runs_per_task: Some(3), ..options }.runs_per_task(), 3);
        assert_eq!(SlurmOptions::default().runs_per_task(), 1);
    }

    #[test]
    fn what_is_asked_for_reaches_sbatch() {
        let options = SlurmOptions {
            partition: Some("gpu".to_owned()),
            time: Some("1-0".to_owned()),
            cpus: Some(4),
            gpus: Some(1),
            sbatch: vec!["--account=lab".to_owned()],
            ..SlurmOptions::default()
        };
        let training = ["--partition=gpu", "--time=1-0", "--cpus-per-task=4", "--gpus-per-node=1"];
        assert_eq!(options.of_training(), [&training[..], &["--signal=B:USR1@120", "--account=lab"]].concat());
        assert_eq!(options.of_summary(), ["--partition=gpu", "--time=1-0", "--account=lab"]);
        assert!(SlurmOptions::default().of_training().is_empty());
        let refused = SlurmOptions { gpus: Some(0), ..options }.check().unwrap_err().to_string();
        assert!(refused.contains("--gpus 0"), "{refused}");
        let options = SlurmOptions { sbatch: vec!["-A lab".to_owned()], ..SlurmOptions::default() };
        let refused = options.check().unwrap_err().to_string();
        assert!(refused.contains("`--sbatch=-A lab`") && refused.contains("--account=lab"), "{refused}");
    }
}

//! Slurm's own programs, and what they say.

use std::io::ErrorKind;
use std::process::Command;

use maturation::Result;

use crate::common::output::refuse;

/// What came of asking one of Slurm's programs.
#[derive(Debug)]
pub enum Answer {
    /// What it printed.
    Said(String),
    /// Its words of refusal.
    Refused(String),
    /// It is not here, or cannot be run: why.
    Missing(String),
}

/// Asks a program of Slurm's.
pub fn ask(program: &str, arguments: &[String]) -> Answer {
    let output = match Command::new(program).args(arguments).output() {
        Ok(output) => output,
        Err(problem) if problem.kind() == ErrorKind::NotFound => return Answer::Missing("not found".to_owned()),
        Err(problem) => return Answer::Missing(problem.to_string()),
    };
    if output.status.success() {
        return Answer::Said(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().replace('\n', "; ");
    let words = match said(&output.stderr) {
        words if words.is_empty() => said(&output.stdout),
        words => words,
    };
    Answer::Refused(if words.is_empty() { format!("{program}: {}", output.status) } else { words })
}

/// What it printed, or an error with its words.
pub fn answer(program: &str, arguments: &[String], remedy: &str) -> Result<String> {
    match ask(program, arguments) {
        Answer::Said(text) => Ok(text),
        Answer::Refused(words) => Err(refuse(format!("Slurm refused: {words}"), remedy)),
        Answer::Missing(problem) => Err(refuse(
            format!("Slurm's `{program}` cannot be run here ({problem})"),
            "run this where Slurm's commands are, on a login node of the cluster (perhaps after `module load slurm`), or \
             leave out --slurm to train on this machine",
        )),
    }
}

/// The most tasks that a job array may have, all of them with numbers below it.
pub fn max_array_size() -> Result<usize> {
    let remedy = "ask those who keep the cluster whether Slurm is up (`scontrol ping`), then run the same command again: \
                  nothing was submitted";
    let text = answer("scontrol", &["show".to_owned(), "config".to_owned()], remedy)?;
    match read_max_array_size(&text) {
        // Of 0, arrays are switched off; sbatch refuses them then in its own words.
        Some(size) => Ok(size.max(1)),
        None => Err(refuse("`scontrol show config` does not say MaxArraySize", "see what it says on this cluster")),
    }
}

fn read_max_array_size(config: &str) -> Option<usize> {
    let line = config.lines().find_map(|line| line.strip_prefix("MaxArraySize"))?;
    line.split_once('=')?.1.trim().parse().ok()
}

/// The number of a job that `sbatch --parsable` tells, without the cluster's name.
pub fn read_job(said: &str) -> Option<&str> {
    let id = said.lines().last()?.split(';').next()?.trim();
    (!id.is_empty() && id.bytes().all(|digit| digit.is_ascii_digit())).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_slurm_are_read() {
        let config = "MaxArraySize            = 1001\nMaxBatchRequeue         = 5\n";
        assert_eq!(read_max_array_size(config), Some(1001));
        assert_eq!(read_max_array_size("MaxJobCount = 10000"), None);
        assert_eq!(
            (read_job("12\n"), read_job("12;cluster\n"), read_job("sbatch: waits\n13")),
            (Some("12"), Some("12"), Some("13"))
        );
        assert_eq!((read_job(""), read_job("Submitted batch job 12")), (None, None));
    }

    #[test]
    fn a_program_that_is_not_there_and_one_that_refuses_are_told() {
        let missing = answer("sbatch-of-no-cluster", &[], "").unwrap_err().to_string();
        assert!(missing.contains("`sbatch-of-no-cluster` cannot be run here (not found)"), "{missing}");
        assert!(missing.contains("login node"), "{missing}");
        let script = "echo 'sbatch: error: no' >&2; echo 'sbatch: error: never' >&2; exit 1";
        let refused = answer("sh", &["-c".to_owned(), script.to_owned()], "ask for less").unwrap_err().to_string();
        assert_eq!(refused, "Slurm refused: sbatch: error: no; sbatch: error: never: ask for less");
    }
}

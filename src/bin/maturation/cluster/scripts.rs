//! The scripts that Slurm runs, in OUT/slurm: written anew at each submission, unless somebody has changed them.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use maturation::Result;
use maturation::numerics::fnv;
use maturation::tables::write_bytes;

use crate::cluster::jobs;
use crate::cluster::options::{SECONDS_TO_STOP, SlurmOptions};
use crate::common::output::{refuse, say};

/// What trains, with places for what differs.
const TRAIN: &str = include_str!("train.sh");
/// What makes the summary.
const SUMMARY: &str = include_str!("summary.sh");

/// What a script must know.
pub struct Setting<'a> {
    /// This program.
    pub program: &'a Path,
    /// The ensemble's folder, from the root.
    pub ensemble: &'a Path,
    /// How many runs the plan has.
    pub runs: usize,
}

impl Setting<'_> {
    /// The script of a training task.
    pub fn train(&self, options: &SlurmOptions) -> Result<String> {
        let mut given = options.of_training();
        given.extend(["--requeue", "--open-mode=append", "--nodes=1", "--ntasks=1"].map(str::to_owned));
        if !given.iter().any(|option| option.starts_with("--signal")) {
            given.push(format!("--signal=B:USR1@{SECONDS_TO_STOP}"));
        }
        let script = TRAIN
            .replace("@runs_per_task@", &options.runs_per_task().to_string())
            .replace("@runs@", &self.runs.to_string());
        self.filled(&script, "%A_%a.log", given)
    }

    /// The script that makes the summary.
    pub fn summary(&self, options: &SlurmOptions) -> Result<String> {
        self.filled(SUMMARY, "summary_%j.log", options.of_summary())
    }

    fn filled(&self, script: &str, log: &str, mut options: Vec<String>) -> Result<String> {
        let name = self.ensemble.file_name().unwrap_or_default().to_string_lossy();
        let logs = text(&jobs::folder(self.ensemble))?.replace('%', "%%");
        options.insert(0, format!("--job-name={name}"));
        options.insert(1, format!("--output={logs}/{log}"));
        let directives =
            options.iter().map(|option| Ok(format!("#SBATCH {}", directive(option)?))).collect::<Result<Vec<_>>>()?;
        Ok(script
            .replace("# @directives@", &directives.join("\n"))
            .replace("@program@", &quoted(text(self.program)?))
            .replace("@folder@", &quoted(text(self.ensemble)?)))
    }

    /// Writes the scripts, but for those that somebody changed, and gives their paths.
    pub fn write(&self, options: &SlurmOptions) -> Result<(PathBuf, PathBuf)> {
        let folder = jobs::folder(self.ensemble);
        let train = self.keep_or_write(folder.join("train.sh"), &self.train(options)?)?;
        let summary = self.keep_or_write(folder.join("summary.sh"), &self.summary(options)?)?;
        Ok((train, summary))
    }

    fn keep_or_write(&self, path: PathBuf, script: &str) -> Result<PathBuf> {
        let failed = |problem: &std::io::Error| {
            refuse(format!("cannot write `{}` ({problem})", path.display()), "check the disk and the permissions")
        };
        match fs::read_to_string(&path) {
            Ok(there) if is_as_written(&there) => {}
            Ok(there)
                if [text(self.ensemble)?, &quoted(text(self.ensemble)?)].iter().any(|name| there.contains(name)) =>
            {
                say(format!("{} was changed and is used as it stands; without it, it is written anew", path.display()));
                return Ok(path);
            }
            Ok(_) => {
                return Err(refuse(
                    format!("`{}` does not name this folder, `{}`", path.display(), self.ensemble.display()),
                    "correct it, or remove it to have it written anew",
                ));
            }
            Err(problem) if problem.kind() == ErrorKind::NotFound => {}
            Err(problem) => return Err(failed(&problem)),
        }
        fs::create_dir_all(jobs::folder(self.ensemble)).map_err(|problem| failed(&problem))?;
        write_bytes(&path, marked(script).as_bytes())?;
        Ok(path)
    }
}

/// What begins the last line of a script, before a sum over all that stands above it.
const MARK: &str = "# As it was written: ";

/// A script with the line by which it is told later whether somebody changed it.
fn marked(script: &str) -> String {
    format!("{script}{MARK}{:016x}\n", fnv(script.bytes()))
}

fn is_as_written(script: &str) -> bool {
    script.rfind(MARK).is_some_and(|place| marked(&script[..place]) == script)
}

/// A path as text that fits on a line.
fn text(path: &Path) -> Result<&str> {
    path.to_str().filter(|text| !text.contains(['\n', '\r'])).ok_or_else(|| {
        refuse(format!("the path {path:?} cannot stand in a script"), "choose one of ordinary letters, on one line")
    })
}

/// A letter that neither the shell nor Slurm reads as anything else.
fn is_plain(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || "-_=./:,%@+".contains(letter)
}

/// A word of the shell, in quotes if it needs them.
pub fn quoted(text: &str) -> String {
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// An option as a line of the script has it: Slurm reads a value in double quotes.
fn directive(option: &str) -> Result<String> {
    if option.contains(['\n', '\r', '"']) {
        return Err(refuse(
            format!("`{option}` cannot stand in a script of Slurm's"),
            "do without line breaks and double quotes",
        ));
    }
    Ok(match option.split_once('=') {
        Some((name, value)) if !value.chars().all(is_plain) => format!("{name}=\"{value}\""),
        _ => option.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn setting<'a>(ensemble: &'a Path) -> Setting<'a> {
        Setting { program: Path::new("/opt/it's here/maturation"), ensemble, runs: 10 }
    }

    #[test]
    fn a_script_says_what_was_asked_for_in_lines_that_slurm_reads() {
        let options = SlurmOptions {
            partition: Some("short".to_owned()),
            time: Some("1".to_owned()),
            cpus: Some(2),
            sbatch: vec!["--comment=ten networks".to_owned()],
            ..SlurmOptions::default()
        };
        let script = setting(Path::new("/data/100% new")).train(&options).unwrap();
        for line in [
            "#SBATCH --job-name=\"100% new\"",
            "#SBATCH --output=\"/data/100%% new/slurm/%A_%a.log\"",
            "#SBATCH --partition=short",
            "#SBATCH --time=1",
            "#SBATCH --cpus-per-task=2",
            "#SBATCH --signal=B:USR1@20",
            "#SBATCH --comment=\"ten networks\"",
            "#SBATCH --requeue",
            r"program='/opt/it'\''s here/maturation'",
            "folder='/data/100% new'",
            "runs_per_task=\"${2:-2}\"",
            "runs=\"${3:-10}\"",
        ] {
            assert!(script.lines().any(|found| found == line), "no `{line}` in\n{script}");
        }
        let script = setting(Path::new("/data/new")).train(&SlurmOptions::default()).unwrap();
        assert!(script.contains("#SBATCH --signal=B:USR1@120\n") && !script.contains("--partition"), "{script}");
        let script = setting(Path::new("/data/new")).summary(&options).unwrap();
        assert!(script.contains("#SBATCH --output=/data/new/slurm/summary_%j.log\n"), "{script}");
        assert!(script.ends_with("exec '/opt/it'\\''s here/maturation' summary /data/new\n"), "{script}");
    }

    #[test]
    fn what_cannot_stand_in_a_script_is_refused() {
        for path in ["/data/two\nlines", "/data/a\"b"] {
            let refused = setting(Path::new(path)).train(&SlurmOptions::default()).unwrap_err().to_string();
            assert!(refused.contains("cannot stand in a script"), "{refused}");
        }
    }

    /// Runs a task's script with a program in place of this one, which prints its arguments.
    fn run_as_task(task: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::write(&program, "#!/bin/sh\nprintf '%s\\n' \"$*\"\n").unwrap();
        assert!(Command::new("chmod").arg("+x").arg(&program).status().unwrap().success());
        let setting = Setting { program: &program, ensemble: Path::new("/ten networks"), runs: 10 };
        let script = folder.path().join("train.sh");
        fs::write(&script, setting.train(&SlurmOptions { cpus: Some(4), ..SlurmOptions::default() }).unwrap()).unwrap();
        let mut command = Command::new("bash");
        command.arg(&script).args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.envs([("SLURM_ARRAY_TASK_ID", task), ("SLURM_JOB_ID", "7"), ("SLURM_CPUS_PER_TASK", "4")]);
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().find(|line| line.starts_with("sweep ")).unwrap_or(&said).to_owned()
    }

    #[test]
    fn a_task_trains_its_runs_on_what_it_was_given() {
        let found = run_as_task("1", &[], &[]);
        assert_eq!(found, "sweep /ten networks --index 4-7 --jobs 4 --threads 1");
        let found = run_as_task("2", &[], &[]);
        assert_eq!(found, "sweep /ten networks --index 8-9 --jobs 4 --threads 1", "to the plan's end");
        let found = run_as_task("3", &["1001", "2", "5000", "--retry"], &[]);
        assert_eq!(found, "sweep /ten networks --index 1007-1008 --jobs 2 --threads 2 --retry");
        let found = run_as_task("0", &[], &[("SLURM_GPUS_ON_NODE", "2")]);
        assert_eq!(found, "sweep /ten networks --index 0-3 --jobs 0 --device cuda:0,cuda:1");
    }

    #[test]
    fn a_script_that_was_changed_is_kept_and_one_of_another_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let setting = setting(folder.path());
        let (train, summary) = setting.write(&SlurmOptions::default()).unwrap();
        let more = SlurmOptions { cpus: Some(2), ..SlurmOptions::default() };
        setting.write(&more).unwrap();
        let written = fs::read_to_string(&train).unwrap();
        assert!(written.contains("--cpus-per-task=2"), "nobody has changed it: {written}");
        let changed = written.replace("set -u", "set -u\nmodule load rust");
        fs::write(&train, &changed).unwrap();
        setting.write(&SlurmOptions::default()).unwrap();
        assert_eq!(fs::read_to_string(&train).unwrap(), changed);
        fs::write(&summary, "maturation summary '/elsewhere'").unwrap();
        let refused = setting.write(&SlurmOptions::default()).unwrap_err().to_string();
        assert!(refused.contains("summary.sh` does not name this folder"), "{refused}");
    }
}

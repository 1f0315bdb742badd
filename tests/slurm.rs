//! An ensemble on a cluster of Slurm's, which this test starts: two nodes on this machine, accounting and all.
//!
//! It needs root, and Debian's slurmctld, slurmd, slurm-client and munge (for accounting slurmdbd and mariadb-server-core
//! too); elsewhere it says that it is skipped. `MATURATION_SLURM_LOG=FILE` keeps what Slurm said.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long all runs together may take, on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(420);

/// A cluster that ends with the test.
struct Cluster {
    folder: tempfile::TempDir,
    nodes: Vec<String>,
    has_accounting: bool,
    log: Option<PathBuf>,
}

impl Cluster {
    /// Starts one, or says why not.
    fn start() -> Option<Cluster> {
        let missing = ["munged", "slurmctld", "slurmd", "sbatch"].iter().find(|program| !is_there(program));
        if let Some(program) = missing {
            eprintln!("skipped: `{program}` is not installed (apt-get install slurmctld slurmd slurm-client munge)");
            return None;
        }
        if Command::new("id").arg("-u").output().unwrap().stdout != b"0\n" {
            eprintln!("skipped: Slurm's daemons need root here");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let started = script().arg("start").arg(folder.path()).env("MAX_ARRAY_SIZE", "4").output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let environment = fs::read_to_string(folder.path().join("environment")).unwrap();
        let value = |name: &str| environment.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        let nodes = value("NODES=").split(' ').map(str::to_owned).collect();
        let has_accounting = value("ACCOUNTING=") != "none";
        let log = std::env::var_os("MATURATION_SLURM_LOG").map(PathBuf::from);
        if let Some(log) = &log {
            fs::write(log, "").unwrap();
        }
        Some(Cluster { folder, nodes, has_accounting, log })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("SLURM_CONF", self.folder.path().join("slurm.conf"));
        command
    }

    /// What one of Slurm's programs prints.
    fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let output = self.command(program).args(arguments).output().unwrap();
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The command of the crate, and what came of it.
    fn maturation(&self, arguments: &[&str]) -> Output {
        let output = self.command(env!("CARGO_BIN_EXE_maturation")).args(arguments).output().unwrap();
        self.note(&format!("maturation {}", arguments.join(" ")), &said(&output));
        output
    }

    /// Keeps what was said, if that is asked for.
    fn note(&self, command: &str, said: &str) {
        if let Some(log) = &self.log {
            let mut log = fs::File::options().append(true).open(log).unwrap();
            let said = said.replace(&*self.folder.path().to_string_lossy(), "/shared");
            let said = said.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
            writeln!(log, "$ {}\n{said}\n", command.replace(&*self.folder.path().to_string_lossy(), "/shared"))
                .unwrap();
        }
    }

    fn note_answer(&self, program: &str, arguments: &[&str]) {
        self.note(&format!("{program} {}", arguments.join(" ")), &self.ask(program, arguments));
    }

    /// Tasks that wait or run, with state and node.
    fn queue(&self) -> BTreeMap<String, (String, String)> {
        let text = self.ask("squeue", &["--noheader", "--array", "--format", "%i|%T|%N"]);
        let fields = |line: &str| {
            let [id, state, node] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
            (String::from(id), (String::from(state), String::from(node)))
        };
        text.lines().map(fields).collect()
    }

    /// Waits until something is so.
    fn wait(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !is_so() {
            assert!(begun.elapsed() < PATIENCE, "{what}: not so after {PATIENCE:?}; {:?}", self.queue());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = script().arg("stop").arg(self.folder.path()).status();
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slurm/cluster"))
}

fn is_there(program: &str) -> bool {
    let found = Command::new("sh").args(["-c", "command -v \"$1\"", "sh", program]).stdout(Stdio::null()).status();
    found.unwrap().success()
}

/// What a command printed, on both ways.
fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a run's result is: every file's content, of the log all but its times and name.
fn result(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(run).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name == "log.json" {
            let mut log: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            log.as_object_mut().unwrap().retain(|key, _| key != "times" && key != "model_dir");
            found.insert(name, log.to_string().into_bytes());
        } else if path.is_file() {
            found.insert(name, fs::read(&path).unwrap());
        } else if name.parse::<u64>().is_ok() {
            found.insert(name, fs::read(path.join("model.safetensors")).unwrap());
        }
    }
    found
}

fn checkpoints(run: &Path) -> usize {
    let names = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| name.to_string_lossy().parse::<u64>().is_ok()).count()
}

/// The values of a line of CSV, whose quoted ones may have commas.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            other => fields.last_mut().unwrap().push(other),
        }
    }
    fields
}

/// The rows of a table in CSV, by the names of its columns.
fn rows(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(fields);
    let names = lines.next().unwrap();
    lines.map(|fields| names.iter().cloned().zip(fields).collect()).collect()
}

/// Trials of the largest network in a second of a processor of this machine, however busy it is.
fn trials_a_second(folder: &Path) -> f64 {
    const TRIALS: u32 = 32_000;
    let line = format!(
        "'{}' train '{}' --rules gap --threads 1 --set n_rnn=96 --set target_perf=2 --set display_step=200 \
         --set batch_size_test=16 --max-trials {TRIALS} >/dev/null 2>&1 && times",
        env!("CARGO_BIN_EXE_maturation"),
        folder.display()
    );
    let times = Command::new("sh").args(["-c", &line]).output().unwrap();
    assert!(times.status.success());
    // On the second line the time in what the shell called: `0m3.141s 0m0.059s`.
    let times = String::from_utf8(times.stdout).unwrap();
    let (minutes, seconds) = times.lines().nth(1).unwrap().split(' ').next().unwrap().split_once('m').unwrap();
    let seconds = 60.0 * minutes.parse::<f64>().unwrap() + seconds.trim_end_matches('s').parse::<f64>().unwrap();
    f64::from(TRIALS) / seconds
}

/// Runs that differ in how long they take: the first is beyond its limit of time, which Slurm looks at every half minute;
/// the second takes long enough to lose its node; the third fails; the fourth is at its end soon.
fn plan(trials: u64) -> String {
    let entries = [(96, 0.001), (16, 0.001), (16, 1000.0), (8, 0.001)];
    let entry = |(units, rate)| format!("[[list]]\nn_rnn = {units}\nlearning_rate = {rate}\n\n");
    format!(
        "max_trials = {trials}\n\n[set]\nrule_trains = [\"gap\"]\nbatch_size_test = 16\ntarget_perf = 2\n\
         display_step = 200\n\n{}",
        entries.map(entry).concat()
    )
}

const SMALL_PLAN: &str = "seeds = { first = 0, count = 10 }\nmax_trials = 1280\n\n[set]\nrule_trains = [\"gap\"]\n\
                          n_rnn = 8\nbatch_size_test = 16\n";

#[test]
fn runs_go_on_after_a_lost_node_and_a_limit_of_time_to_the_very_same_networks() {
    let Some(cluster) = Cluster::start() else { return };
    let shared = cluster.folder.path();
    let path = |name: &str| shared.join(name).to_str().unwrap().to_owned();
    let (four_plan, ten_plan, four, ten) = (path("four.toml"), path("ten.toml"), path("four networks"), path("ten"));
    let trials = (45.0 * trials_a_second(&shared.join("trial"))) as u64;
    fs::write(&four_plan, plan(trials)).unwrap();
    fs::write(&ten_plan, SMALL_PLAN).unwrap();
    cluster.note_answer("sinfo", &["--Node", "--long"]);

    // What Slurm refuses loses nothing.
    let refused = cluster.maturation(&["sweep", &four_plan, &four, "--slurm", "--partition", "none"]);
    assert_eq!(refused.status.code(), Some(2));
    let words = said(&refused);
    assert!(words.contains("Slurm refused: sbatch: error: invalid partition specified: none"), "{words}");
    assert!(Path::new(&four).join("plan.toml").exists() && !Path::new(&four).join("slurm/jobs.json").exists());

    let submitted = cluster.maturation(&["sweep", &four_plan, &four, "--slurm", "--time", "1", "--cpus", "1"]);
    assert!(submitted.status.success(), "{}", said(&submitted));
    assert!(said(&submitted).contains("job 1: 4 tasks (0-3)"), "{}", said(&submitted));
    // A second submission is refused while the first is queued.
    let again = cluster.maturation(&["sweep", &four, "--slurm"]);
    assert!(said(&again).contains("queued already, in job 1"), "{}", said(&again));
    assert_eq!(again.status.code(), Some(2));

    let runs = rows(&Path::new(&four).join("runs.csv"));
    let folder = |run: usize| Path::new(&four).join("runs").join(&runs[run]["run"]);
    let state = |task: &str| cluster.queue().get(task).cloned().unwrap_or_default();
    cluster.wait("two runs at once", || state("1_0").0 == "RUNNING" && state("1_1").0 == "RUNNING");
    cluster.note_answer("squeue", &["--array"]);
    // Meanwhile the same two runs undisturbed, for comparison.
    let undisturbed = path("undisturbed");
    let mut reference = Command::new(env!("CARGO_BIN_EXE_maturation"));
    reference.args(["sweep", &four_plan, &undisturbed, "--index", "0-3"]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut reference = reference.spawn().unwrap();

    cluster.wait("checkpoints of the second run", || checkpoints(&folder(1)) >= 3);
    let (_, node) = state("1_1");
    if cluster.nodes.len() > 1 {
        assert_ne!(node, state("1_0").1, "the two are on different nodes");
        // As when it loses its power: nothing on it has a moment to save anything.
        let lost = script().arg("lose").arg(shared).arg(&node).status().unwrap();
        assert!(lost.success());
        cluster.note_answer("sinfo", &["--Node", "--format", "%N %T %E"]);
    } else {
        cluster.ask("scontrol", &["requeue", "1_1"]);
    }
    cluster.wait("the requeue", || state("1_1").0 != "RUNNING");
    cluster.note_answer("squeue", &["--array"]);
    let before = checkpoints(&folder(3));
    cluster.wait("more of the fourth run", || checkpoints(&folder(3)) > before && state("1_3").0 == "RUNNING");
    cluster.note_answer("scancel", &["1_3"]);

    // More tasks than an array may have, two runs in each.
    let many = ["sweep", &ten_plan, &ten, "--slurm", "--cpus", "2", "--sbatch=--comment=ten networks"];
    let submitted = cluster.maturation(&many);
    assert!(submitted.status.success(), "{}", said(&submitted));
    let words = said(&submitted);
    assert!(words.contains("4 tasks (0-3) of 2 runs") && words.contains("1 task (0) of 2 runs"), "{words}");

    cluster.wait("the end of all", || cluster.queue().is_empty());
    assert_eq!(reference.wait().unwrap().code(), Some(2), "one of them fails");
    let is_same = |run: usize| {
        let of = |ensemble: &str| result(&Path::new(ensemble).join("runs").join(&runs[run]["run"]));
        of(&four) == of(&undisturbed)
    };
    assert!(is_same(0) && is_same(1), "the same files, of the log all but its times");
    assert!(folder(0).join("summary").is_dir(), "its task has measured what the run shows");
    assert!(fs::read_to_string(folder(2).join("failure.txt")).unwrap().contains("learning_rate"));

    // Slurm's own words beside the folders'.
    let table = shared.join("status.csv");
    let status = |ensemble: &str| {
        let told = cluster.maturation(&["sweep", ensemble, "--status", "--out", table.to_str().unwrap()]);
        assert!(told.status.success(), "{}", said(&told));
        (rows(&table), said(&told))
    };
    cluster.maturation(&["sweep", &four, "--status"]);
    if cluster.has_accounting {
        let fields = "JobID,JobName%14,State,ExitCode,Elapsed,NodeList,Start";
        cluster.note_answer("sacct", &["--allocations", "--duplicates", "--format", fields]);
    }
    let (rows_of_four, words) = status(&four);
    let column = |name: &str| rows_of_four.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("status"), ["finished", "finished", "failed", "unfinished"]);
    assert_eq!(column("job"), ["1_0", "1_1", "1_2", "1_3"]);
    assert_eq!(column("slurm"), ["COMPLETED", "COMPLETED", "FAILED", "CANCELLED"]);
    let requeues: Vec<u32> = column("requeues").iter().map(|count| count.parse().unwrap()).collect();
    assert!(requeues[0] >= 1 && requeues[1] >= 1 && requeues[2] == 0, "{requeues:?}");
    assert!(words.contains("summary: job 2, COMPLETED"), "{words}");
    assert!(Path::new(&four).join("summary/index.html").exists());
    // What was cancelled had a moment to save all that it had.
    let log = |task: &str| fs::read_to_string(format!("{four}/slurm/{task}.log")).unwrap();
    assert!(log("1_3").contains("sweep was stopped"), "{}", log("1_3"));
    let (rows_of_ten, _) = status(&ten);
    assert!(
        rows_of_ten.iter().all(|row| row["status"] == "finished" && row["slurm"] == "COMPLETED"),
        "{rows_of_ten:?}"
    );
    let logs = fs::read_dir(Path::new(&ten).join("slurm")).unwrap();
    let logs = logs.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "log"));
    assert_eq!(logs.count(), 6, "five tasks and the summary");
    cluster.note(&format!("cat '{four}/slurm/1_0.log'"), &log("1_0"));

    // The same command again submits what is missing, and no more.
    let again = cluster.maturation(&["sweep", &ten, "--slurm"]);
    assert!(again.status.success() && said(&again).contains("nothing to submit"), "{}", said(&again));
    let again = cluster.maturation(&["sweep", &four, "--slurm", "--time", "5"]);
    assert!(said(&again).contains("1 task (3) of 1 run"), "{}", said(&again));
    let retried = cluster.maturation(&["sweep", &four, "--slurm", "--retry"]);
    assert!(said(&retried).contains("1 task (2) of 1 run"), "{}", said(&retried));
    assert!(said(&retried).contains("queued already: 1 run"), "{}", said(&retried));
    cluster.wait("the end of these", || cluster.queue().is_empty());
    let (rows_of_four, _) = status(&four);
    let column = |name: &str| rows_of_four.iter().map(|row| row[name].clone()).collect::<Vec<_>>();
    assert_eq!(column("status"), ["finished", "finished", "failed", "finished"]);
    assert!(is_same(3), "the same files, of the log all but its times");

    // Without accounting the controller tells, and without Slurm the folders alone.
    let conf = fs::read_to_string(shared.join("slurm.conf")).unwrap();
    let without = shared.join("without.conf");
    fs::write(&without, conf.replace("accounting_storage/slurmdbd", "accounting_storage/none")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
    let told = command.args(["sweep", &four, "--status"]).env("SLURM_CONF", &without).output().unwrap();
    assert!(told.status.success() && said(&told).contains("keeps no accounting"), "{}", said(&told));
    assert!(said(&told).contains("FAILED"), "the controller still knows it: {}", said(&told));
    let without_slurm = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
        command.args(arguments).env("PATH", shared).output().unwrap()
    };
    let told = without_slurm(&["sweep", &four, "--status"]);
    assert!(told.status.success() && said(&told).contains("squeue cannot be run here"), "{}", said(&told));
    let refused = without_slurm(&["sweep", &ten_plan, &path("new"), "--slurm"]);
    assert!(said(&refused).contains("cannot be run here (not found)"), "{}", said(&refused));
    assert!(said(&refused).contains("login node"), "{}", said(&refused));
}

#[test]
fn gnu_parallel_trains_the_runs_of_a_plan_too() {
    if !is_there("parallel") {
        eprintln!("skipped: GNU parallel is not installed (apt-get install parallel)");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (plan, out) = (folder.path().join("plan.toml"), folder.path().join("ten networks"));
    fs::write(&plan, SMALL_PLAN).unwrap();
    // As notebooks/CLUSTER.md has it.
    let line = "maturation sweep plan.toml 'ten networks' --index 0 &&
                parallel --jobs 2 maturation sweep 'ten\\ networks' --index {} ::: $(seq 1 9)";
    let binary = Path::new(env!("CARGO_BIN_EXE_maturation")).parent().unwrap();
    let search = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    let trained = shell.args(["-c", line]).current_dir(folder.path()).env("PATH", search).output().unwrap();
    assert!(trained.status.success(), "{}", said(&trained));
    let mut command = Command::new(env!("CARGO_BIN_EXE_maturation"));
    let told = command.arg("sweep").arg(&out).arg("--status").output().unwrap();
    assert!(said(&told).contains("10 of 10 runs finished"), "{}", said(&told));
}

//! What Slurm says of the tasks: of those that wait or run its queue, of those that have ended its accounting, or where it
//! keeps none what its controller still remembers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use maturation::Result;
use maturation::polars::prelude::*;

use crate::cluster::arrays::read_numbers;
use crate::cluster::jobs::{self, Job};
use crate::cluster::slurm::{Answer, ask};
use crate::common::output::refuse;

/// A job, or a task of an array.
type Key = (String, Option<usize>);

/// What became of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskState {
    /// In Slurm's word: PENDING, RUNNING, COMPLETED, FAILED, …
    pub state: String,
    pub node: String,
    /// Of the newest start, as Slurm writes it.
    pub elapsed: String,
    /// Why it waits, or with which status it ended (STATUS:SIGNAL).
    pub why: String,
    /// Starts that a requeue followed.
    pub requeues: usize,
}

/// What became of the jobs of an ensemble.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct SlurmStates {
    /// By run, the newest task that trains it: its name in Slurm (`12_3`), and its state.
    pub runs: BTreeMap<usize, (String, TaskState)>,
    /// The newest job that makes the summary.
    pub summary: Option<(String, TaskState)>,
    /// What could not be asked.
    pub notes: Vec<String>,
}

impl SlurmStates {
    /// What a table of runs has no place for, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = self.notes.clone();
        if let Some((job, state)) = &self.summary {
            let known = [&state.state, &state.why, &state.node].map(String::as_str);
            let known: Vec<_> = known.into_iter().filter(|text| !text.is_empty()).collect();
            let told = if known.is_empty() { "of which Slurm says nothing".to_owned() } else { known.join(", ") };
            lines.push(format!("summary: job {job}, {told}"));
        }
        lines
    }

    /// What is said of a run behind its status; nothing if Slurm says nothing.
    pub fn of_run(&self, run: usize) -> String {
        let Some((name, TaskState { state, node, elapsed, why, requeues })) = self.runs.get(&run) else {
            return String::new();
        };
        let on = if node.is_empty() { String::new() } else { format!(" on {node} for {elapsed}") };
        // Of a status other than the successful one, or why it waits.
        let why = if why.is_empty() || why == "0:0" { String::new() } else { format!(" ({why})") };
        let requeued = match requeues {
            0 => String::new(),
            1 => ", requeued once".to_owned(),
            more => format!(", requeued {more} times"),
        };
        format!(", task {name} {state}{on}{why}{requeued}")
    }

    /// Columns to a table with a row for each run: job, slurm (its state), node, elapsed (of its newest start), requeues,
    /// why (it waits, or its exit status).
    pub fn columns(&self, runs: usize) -> Vec<Column> {
        let state = |run: usize| self.runs.get(&run);
        let texts = |of: fn(&TaskState) -> &str| {
            (0..runs).map(|run| state(run).map(|(_, state)| of(state).to_owned())).collect::<Vec<_>>()
        };
        let names: Vec<_> = (0..runs).map(|run| state(run).map(|(name, _)| name.clone())).collect();
        let requeues: Vec<_> = (0..runs).map(|run| state(run).map(|(_, state)| state.requeues as u64)).collect();
        vec![
            Column::new("job".into(), names),
            Column::new("slurm".into(), texts(|state| &state.state)),
            Column::new("node".into(), texts(|state| &state.node)),
            Column::new("elapsed".into(), texts(|state| &state.elapsed)),
            Column::new("requeues".into(), requeues),
            Column::new("why".into(), texts(|state| &state.why)),
        ]
    }
}

/// What became of the jobs of an ensemble; none if none was submitted.
pub fn states(ensemble: &Path) -> Result<Option<SlurmStates>> {
    let jobs = jobs::read(ensemble)?;
    if jobs.is_empty() {
        return Ok(None);
    }
    let ids = ids(&jobs);
    let mut notes = Vec::new();
    let mut states = ended(&ids, &mut notes);
    match waiting_or_running(&ids) {
        Answer::Said(text) => {
            merge(&mut states, read_squeue(&text));
        }
        Answer::Refused(words) => notes.push(format!("squeue does not say what waits and runs: {words}")),
        Answer::Missing(problem) => notes.push(format!("squeue cannot be run here ({problem})")),
    }
    Ok(Some(of_runs(&jobs, &states, notes)))
}

/// The tasks that wait or run, by their names in Slurm's numbers.
pub fn queued(jobs: &[Job]) -> Result<Vec<Key>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let remedy = "what is queued already is not known, so nothing was submitted: ask those who keep the cluster whether \
                  Slurm is up (`scontrol ping`), then run the same command again";
    match waiting_or_running(&ids(jobs)) {
        Answer::Said(text) => Ok(read_squeue(&text).into_iter().map(|(key, _)| key).collect()),
        Answer::Refused(words) => Err(refuse(format!("Slurm refused: {words}"), remedy)),
        Answer::Missing(problem) => Err(refuse(format!("Slurm's `squeue` cannot be run here ({problem})"), remedy)),
    }
}

fn ids(jobs: &[Job]) -> String {
    jobs.iter().map(Job::id).collect::<Vec<_>>().join(",")
}

fn waiting_or_running(ids: &str) -> Answer {
    let arguments = ["--noheader", "--array", "--jobs", ids, "--format", "%i|%T|%M|%N|%r"].map(str::to_owned);
    match ask("squeue", &arguments) {
        // So it says when it has forgotten the only job that it is asked for.
        Answer::Refused(words) if words.contains("Invalid job id") => Answer::Said(String::new()),
        other => other,
    }
}

/// By job or task, what accounting says, or where there is none what the controller remembers.
fn ended(ids: &str, notes: &mut Vec<String>) -> HashMap<Key, TaskState> {
    let fields = "JobID,State,ExitCode,Elapsed,NodeList";
    let arguments = ["--allocations", "--duplicates", "--noheader", "--parsable2", "--jobs", ids, "--format", fields];
    let words = match ask("sacct", &arguments.map(str::to_owned)) {
        Answer::Said(text) => return read_sacct(&text),
        Answer::Refused(words) => words,
        Answer::Missing(problem) => problem,
    };
    notes.push(format!(
        "Slurm keeps no accounting that can be asked here (sacct: {words}): of tasks that ended some minutes ago the \
         folders alone tell"
    ));
    let mut states = HashMap::new();
    for id in ids.split(',') {
        if let Answer::Said(text) = ask("scontrol", &["--oneliner", "show", "job", id].map(str::to_owned)) {
            states.extend(read_scontrol(&text));
        }
    }
    states
}

/// Lets those in the queue count above what accounting says of their starts before.
fn merge(states: &mut HashMap<Key, TaskState>, queue: Vec<(Key, TaskState)>) {
    for (key, live) in queue {
        let requeues = states.get(&key).map_or(0, |before| before.requeues + usize::from(has_ended(before)));
        states.insert(key, TaskState { requeues, ..live });
    }
}

fn has_ended(state: &TaskState) -> bool {
    !matches!(state.state.as_str(), "PENDING" | "RUNNING" | "SUSPENDED")
}

/// Tasks of lines such as `12_3|RUNNING|1:02|node1|None`.
fn read_squeue(text: &str) -> Vec<(Key, TaskState)> {
    let line = |line: &str| {
        let [id, state, elapsed, node, why] = line.splitn(5, '|').collect::<Vec<_>>().try_into().ok()?;
        let state = state_of(state, node, elapsed, why.trim_matches(['(', ')']));
        Some(keys(id).into_iter().map(move |key| (key, state.clone())).collect::<Vec<_>>())
    };
    text.lines().filter_map(line).flatten().collect()
}

/// Tasks of lines such as `12_3|FAILED|2:0|00:00:07|node1`: one for each start, the newest last.
fn read_sacct(text: &str) -> HashMap<Key, TaskState> {
    let mut states: HashMap<Key, TaskState> = HashMap::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.splitn(5, '|').collect();
        let [id, state, exit, elapsed, node] = fields[..] else { continue };
        for key in keys(id) {
            let requeues = states.get(&key).map_or(0, |before| before.requeues + usize::from(has_ended(before)));
            states.insert(key, TaskState { requeues, ..state_of(state, node, elapsed, exit) });
        }
    }
    states
}

/// Tasks of lines of `scontrol --oneliner show job`.
fn read_scontrol(text: &str) -> HashMap<Key, TaskState> {
    let line = |line: &str| {
        let fields: HashMap<&str, &str> = line.split(' ').filter_map(|field| field.split_once('=')).collect();
        let field = |name: &str| fields.get(name).copied().unwrap_or_default();
        let id = match (field("ArrayJobId"), field("ArrayTaskId")) {
            ("", _) | (_, "") => field("JobId").to_owned(),
            (array, task) => format!("{array}_[{task}]"),
        };
        let requeues = field("Restarts").parse().unwrap_or(0);
        let state = state_of(field("JobState"), field("NodeList"), field("RunTime"), field("ExitCode"));
        keys(&id).into_iter().map(move |key| (key, TaskState { requeues, ..state.clone() })).collect::<Vec<_>>()
    };
    text.lines().flat_map(line).collect()
}

fn state_of(state: &str, node: &str, elapsed: &str, why: &str) -> TaskState {
    let nothing = |text: &str| matches!(text, "None" | "None assigned" | "(null)");
    let said = |text: &str| if nothing(text) { String::new() } else { text.to_owned() };
    TaskState {
        // `CANCELLED by 1000`
        state: state.split_whitespace().next().unwrap_or_default().to_owned(),
        node: said(node),
        elapsed: elapsed.to_owned(),
        why: said(why),
        requeues: 0,
    }
}

/// The tasks that `12`, `12_3` or `12_[3-5,8%2]` names.
fn keys(id: &str) -> Vec<Key> {
    let (job, tasks) = match id.split_once('_') {
        None => return vec![(id.to_owned(), None)],
        Some((job, tasks)) => (job, read_numbers(tasks.trim_matches(['[', ']']))),
    };
    tasks.unwrap_or_default().into_iter().map(|task| (job.to_owned(), Some(task))).collect()
}

/// By run; a later job counts above one before it.
fn of_runs(jobs: &[Job], states: &HashMap<Key, TaskState>, notes: Vec<String>) -> SlurmStates {
    let mut found = SlurmStates { notes, ..SlurmStates::default() };
    for job in jobs {
        let Some(array) = job.array() else {
            let state = states.get(&(job.id().to_owned(), None));
            found.summary = Some((job.id().to_owned(), state.cloned().unwrap_or_default()));
            continue;
        };
        for task in &array.tasks {
            if let Some(state) = states.get(&(job.id().to_owned(), Some(*task))) {
                let named = (format!("{}_{task}", job.id()), state.clone());
                found.runs.extend(array.runs_of(*task).map(|run| (run, named.clone())));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::arrays::JobArray;

    fn key(job: &str, task: usize) -> Key {
        (job.to_owned(), Some(task))
    }

    #[test]
    fn the_queue_is_read_task_by_task() {
        let text = "12_0|RUNNING|1:02|one|None\n12_[3-4%1]|PENDING|0:00||(JobArrayTaskLimit)\n\
                    13|PENDING|0:00||Dependency\nnot a line\n";
        let found = read_squeue(text);
        assert_eq!(
            found.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>(),
            [key("12", 0), key("12", 3), key("12", 4), ("13".to_owned(), None)]
        );
        assert_eq!(found[0].1, state_of("RUNNING", "one", "1:02", ""));
        assert_eq!((found[1].1.why.as_str(), found[3].1.why.as_str()), ("JobArrayTaskLimit", "Dependency"));
    }

    #[test]
    fn accounting_is_read_with_the_starts_before_a_requeue() {
        let text = "2|COMPLETED|0:0|00:00:00|one\n1_0|NODE_FAIL|0:0|00:00:31|two\n1_0|COMPLETED|0:0|00:00:08|one\n\
                    1_1|CANCELLED by 1000|0:15|00:01:14|two\n1_2|FAILED|2:0|00:00:00|one\n1_[3-4]|PENDING|0:0|00:00:00|None assigned\n";
        let found = read_sacct(text);
        assert_eq!(found.len(), 6);
        assert_eq!(found[&key("1", 0)], TaskState { requeues: 1, ..state_of("COMPLETED", "one", "00:00:08", "0:0") });
        assert_eq!(found[&key("1", 1)], state_of("CANCELLED", "two", "00:01:14", "0:15"));
        assert_eq!(found[&key("1", 2)].why, "2:0");
        assert_eq!(found[&key("1", 4)], state_of("PENDING", "", "00:00:00", "0:0"));
    }

    #[test]
    fn a_task_that_waits_again_has_the_starts_that_accounting_has_of_it() {
        let mut states =
            read_sacct("1_0|NODE_FAIL|0:0|00:00:31|two\n1_0|REQUEUED|0:0|00:00:28|one\n1_1|RUNNING|0:0|9|one\n");
        merge(
            &mut states,
            read_squeue("1_0|PENDING|0:00||BeginTime\n1_1|RUNNING|0:09|one|None\n1_2|PENDING|0:00||None\n"),
        );
        let requeues = [0, 1, 2].map(|task| states[&key("1", task)].requeues);
        assert_eq!(requeues, [2, 0, 0]);
        assert_eq!(states[&key("1", 0)].state, "PENDING");
    }

    #[test]
    fn what_the_controller_remembers_is_read() {
        let text = "JobId=5 ArrayJobId=1 ArrayTaskId=2 JobName=jj ten UserId=root(0) JobState=FAILED \
                    Reason=NonZeroExitCode Restarts=2 ExitCode=2:0 RunTime=00:00:03 NodeList=one BatchHost=one\n\
                    JobId=1 ArrayJobId=1 ArrayTaskId=3-4 JobState=PENDING RunTime=00:00:00 NodeList=(null)\n\
                    JobId=9 JobName=summary JobState=COMPLETED RunTime=00:00:01 NodeList=two ExitCode=0:0\n";
        let found = read_scontrol(text);
        assert_eq!(found[&key("1", 2)], TaskState { requeues: 2, ..state_of("FAILED", "one", "00:00:03", "2:0") });
        assert_eq!(found[&key("1", 4)].state, "PENDING");
        assert_eq!(found[&("9".to_owned(), None)].node, "two");
    }

    #[test]
    fn a_run_has_the_state_of_its_newest_task() {
        let array = |first: usize, tasks: &[usize]| JobArray {
            first_run: first,
            runs_per_task: 2,
            tasks: tasks.iter().copied().collect(),
        };
        let jobs = [
            Job::training("1", &array(0, &[0, 1])),
            Job::training("2", &array(100, &[0])),
            Job::Summary { job: "3".to_owned() },
            Job::training("4", &array(0, &[1])),
        ];
        let states = read_sacct(
            "1_0|COMPLETED|0:0|1|one\n1_1|FAILED|2:0|1|one\n2_0|RUNNING|0:0|1|two\n3|PENDING|0:0|0|\n4_1|PENDING|0:0|0|\n",
        );
        let found = of_runs(&jobs, &states, Vec::new());
        let runs: Vec<_> =
            found.runs.iter().map(|(run, (job, state))| (*run, job.as_str(), state.state.as_str())).collect();
        assert_eq!(
            runs,
            [
                (0, "1_0", "COMPLETED"),
                (1, "1_0", "COMPLETED"),
                (2, "4_1", "PENDING"),
                (3, "4_1", "PENDING"),
                (100, "2_0", "RUNNING"),
                (101, "2_0", "RUNNING")
            ]
        );
        assert_eq!(found.of_run(0), ", task 1_0 COMPLETED on one for 1");
        assert_eq!(found.of_run(7), "");
        let waits = TaskState { requeues: 2, ..state_of("PENDING", "", "0:00", "BeginTime") };
        let waits = SlurmStates { runs: [(0, ("1_0".to_owned(), waits))].into(), ..SlurmStates::default() };
        assert_eq!(waits.of_run(0), ", task 1_0 PENDING (BeginTime), requeued 2 times");
        assert_eq!(found.lines(), ["summary: job 3, PENDING, 0:0"]);
        assert_eq!(found.summary.as_ref().unwrap().1.state, "PENDING");
        let table = DataFrame::new(4, found.columns(4)).unwrap();
        assert_eq!(table.get_column_names(), ["job", "slurm", "node", "elapsed", "requeues", "why"]);
        assert_eq!(table.column("slurm").unwrap().str().unwrap().get(2), Some("PENDING"));
    }

    #[test]
    fn an_ensemble_of_which_nothing_was_submitted_has_no_states() {
        assert_eq!(states(tempfile::tempdir().unwrap().path()).unwrap(), None);
    }
}

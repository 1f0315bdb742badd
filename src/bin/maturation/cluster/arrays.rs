//! The tasks of job arrays: which runs each of them trains.

use std::collections::BTreeSet;
use std::ops::Range;

/// A job array: its task T trains the `runs_per_task` runs that begin with run `first_run` + T × `runs_per_task`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobArray {
    pub first_run: usize,
    pub runs_per_task: usize,
    pub tasks: BTreeSet<usize>,
}

impl JobArray {
    /// The runs of a task, the last of which may be beyond the plan's end.
    pub fn runs_of(&self, task: usize) -> Range<usize> {
        let first = self.first_run.saturating_add(task.saturating_mul(self.runs_per_task));
        first..first.saturating_add(self.runs_per_task)
    }
}

/// The arrays whose tasks train these runs, `runs_per_task` in each. A task's number is below `most`, Slurm's
/// MaxArraySize, and stands for the same runs each time, whichever of them are still to be trained.
pub fn arrays(runs: &BTreeSet<usize>, runs_per_task: usize, most: usize) -> Vec<JobArray> {
    let (runs_per_task, most) = (runs_per_task.max(1), most.max(1));
    let mut arrays: Vec<JobArray> = Vec::new();
    for block in runs.iter().map(|run| run / runs_per_task) {
        let first_run = block / most * most * runs_per_task;
        match arrays.last_mut().filter(|array| array.first_run == first_run) {
            Some(array) => drop(array.tasks.insert(block % most)),
            None => arrays.push(JobArray { first_run, runs_per_task, tasks: BTreeSet::from([block % most]) }),
        }
    }
    arrays
}

/// Numbers as Slurm writes them: `0-3,7`.
pub fn write_numbers(numbers: &BTreeSet<usize>) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for number in numbers {
        match ranges.last_mut().filter(|range| range.1 + 1 == *number) {
            Some(range) => range.1 = *number,
            None => ranges.push((*number, *number)),
        }
    }
    let texts = ranges.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    });
    texts.collect::<Vec<_>>().join(",")
}

/// The numbers that Slurm writes as `0-3,7`, `0-8:4` (every fourth) or `0-9%2` (two at once).
pub fn read_numbers(text: &str) -> Option<BTreeSet<usize>> {
    /// More numbers than a job array can have.
    const MOST: usize = 4_000_001;
    let mut numbers = BTreeSet::new();
    for part in text.split('%').next()?.split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last, step): (usize, usize, usize) = (first.parse().ok()?, last.parse().ok()?, step.parse().ok()?);
        if first > last || last > MOST || step == 0 {
            return None;
        }
        numbers.extend((first..=last).step_by(step));
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
        numbers.into_iter().collect()
    }

    /// The task that trains a run, if one does.
    fn task_of(array: &JobArray, run: usize) -> Option<usize> {
        array.tasks.iter().copied().find(|task| array.runs_of(*task).contains(&run))
    }

    #[test]
    fn numbers_are_written_and_read_as_slurm_does() {
        for (text, numbers) in [("0-3,7", set([0, 1, 2, 3, 7])), ("5", set([5])), ("0-1,3-4", set([0, 1, 3, 4]))] {
            assert_eq!(write_numbers(&numbers), text);
            assert_eq!(read_numbers(text), Some(numbers));
        }
        assert_eq!(read_numbers("0-8:4%2"), Some(set([0, 4, 8])));
        for wrong in ["", "x", "3-1", "0-4:0", "0-99999999999", "1-"] {
            assert_eq!(read_numbers(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_run_that_is_asked_for_is_in_one_task_and_tasks_without_one_are_left_out() {
        let runs = set([0, 1, 2, 10, 11, 25]);
        let arrays = arrays(&runs, 2, 1001);
        assert_eq!(arrays, [JobArray { first_run: 0, runs_per_task: 2, tasks: set([0, 1, 5, 12]) }]);
        assert_eq!(arrays[0].runs_of(5), 10..12);
        assert_eq!(task_of(&arrays[0], 25), Some(12));
        assert_eq!(task_of(&arrays[0], 24), Some(12), "the finished one beside it");
        assert_eq!(task_of(&arrays[0], 8), None);
    }

    #[test]
    fn more_tasks_than_an_array_may_have_make_more_arrays() {
        let arrays = arrays(&set(0..2500), 1, 1001);
        let expected = [(0, 1001), (1001, 1001), (2002, 498)];
        assert_eq!(arrays.iter().map(|array| (array.first_run, array.tasks.len())).collect::<Vec<_>>(), expected);
        for run in 0..2500 {
            let of: Vec<_> = arrays.iter().filter(|array| task_of(array, run).is_some()).collect();
            assert_eq!(of.len(), 1, "run {run}");
            assert!(of[0].tasks.iter().all(|task| *task < 1001));
            assert_eq!(of[0].runs_of(task_of(of[0], run).unwrap()), run..run + 1);
        }
        // The same runs have the same numbers when others are finished.
        let fewer = super::arrays(&set([1500]), 1, 1001);
        assert_eq!((fewer[0].first_run, &fewer[0].tasks), (1001, &set([499])));
    }
}

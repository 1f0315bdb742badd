//! Runs that differ in their seed alone, and the tables of each run, one after the other.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use polars::prelude::*;

use crate::ensemble::key_columns;
use crate::error::{Error, Result};
use crate::summary::Source;
use crate::summary::run::SUMMARY_FOLDER;
use crate::tables::{Columns, read_table};

/// Runs that have all keys but the seed in common.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) keys: Vec<(String, String)>,
    /// Places among the sources.
    pub(super) runs: Vec<usize>,
}

impl Group {
    /// At most `most` of its runs, evenly chosen.
    pub(super) fn spread(&self, most: usize) -> impl Iterator<Item = usize> + '_ {
        let kept = self.runs.len().min(most);
        (0..kept).map(move |place| self.runs[place * self.runs.len() / kept])
    }
}

/// The groups of the runs that take part, in the order in which they begin.
pub(super) fn groups(sources: &[Source]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut places: HashMap<Vec<(String, String)>, usize> = HashMap::new();
    for (run, source) in sources.iter().enumerate().filter(|(_, source)| source.left_out.is_none()) {
        let keys = source.group();
        let place = *places.entry(keys.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { keys, runs: vec![run] }),
        }
    }
    groups
}

/// Reads one of the tables in a run's summary.
pub(super) fn read(source: &Source, file: &str) -> Result<DataFrame> {
    read_table(path_of(source, file))
}

/// The same, and what is asked of its columns; what is wrong with them is said of the file.
pub(super) fn of_table<T>(source: &Source, file: &str, ask: impl FnOnce(&Columns) -> Result<T>) -> Result<T> {
    let table = read(source, file)?;
    ask(&Columns::of(&table, "it")).map_err(|error| error.in_file(&path_of(source, file)))
}

fn path_of(source: &Source, file: &str) -> PathBuf {
    source.folder.join(SUMMARY_FOLDER).join(file)
}

/// A run's table with the run's name and keys before its own columns.
pub(super) fn with_keys(source: &Source, table: &DataFrame) -> Result<DataFrame> {
    let rows = table.height();
    let mut columns = vec![Column::new("run".into(), vec![source.name.as_str(); rows])];
    columns.extend(key_columns(std::iter::repeat_n(source.keys.as_slice(), rows)));
    columns.extend(table.columns().iter().cloned());
    DataFrame::new(rows, columns).map_err(Error::table(format!("joining the tables of run `{}`", source.name)))
}

/// The columns by which rows of measures are the same measure.
pub(super) const MEASURE: [&str; 5] = ["measure", "rule", "selected_in", "test", "stage"];

/// What a row is about: a value for each of some columns, empty where there is none.
pub(super) type Key = Vec<String>;

/// The keys of a table whose rows are each of something else.
pub(super) fn different_keys(columns: &Columns, names: &[&str]) -> Result<Vec<Key>> {
    let keys = keys(columns, names)?;
    let mut seen = HashSet::new();
    match keys.iter().position(|key| !seen.insert(key)) {
        None => Ok(keys),
        Some(row) => {
            let what = format!("its row {} is of what an earlier one is of ({})", row + 1, keys[row].join(", "));
            Err(Error::argument(what, "delete the folder of the summary, and it is made again"))
        }
    }
}

/// The keys of a table's rows.
pub(super) fn keys(columns: &Columns, names: &[&str]) -> Result<Vec<Key>> {
    let values = names.iter().map(|name| columns.names(name)).collect::<Result<Vec<_>>>()?;
    let rows = values.first().map_or(0, Vec::len);
    Ok((0..rows).map(|row| values.iter().map(|column| column[row].clone()).collect()).collect())
}

/// Columns of what rows are about; null where there is nothing.
pub(super) fn columns_of_keys(names: &[&str], rows: &[&Key]) -> Vec<Column> {
    let column = |(place, name): (usize, &&str)| {
        let values = rows.iter().map(|key| Some(key[place].as_str()).filter(|value| !value.is_empty()));
        Column::new((**name).into(), values.collect::<Vec<_>>())
    };
    names.iter().enumerate().map(column).collect()
}

/// Values by key, in the order in which keys were first met.
#[derive(Debug)]
pub(super) struct ByKey<T> {
    places: HashMap<Key, usize>,
    pub(super) rows: Vec<(Key, T)>,
}

impl<T> Default for ByKey<T> {
    fn default() -> Self {
        ByKey { places: HashMap::new(), rows: Vec::new() }
    }
}

impl<T: Default> ByKey<T> {
    /// The value of a key, new if it was not met before.
    pub(super) fn at(&mut self, key: &Key) -> &mut T {
        let place = match self.places.get(key) {
            Some(place) => *place,
            None => {
                self.places.insert(key.clone(), self.rows.len());
                self.rows.push((key.clone(), T::default()));
                self.rows.len() - 1
            }
        };
        &mut self.rows[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, keys: &[(&str, &str)]) -> Source {
        Source::new(name, "", keys.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn runs_that_differ_in_the_seed_alone_are_a_group_and_others_are_not() {
        let mut sources = vec![
            source("a", &[("n_rnn", "16"), ("seed", "0")]),
            source("b", &[("n_rnn", "32"), ("seed", "0")]),
            source("c", &[("n_rnn", "16"), ("seed", "1")]),
            source("d", &[("n_rnn", "16"), ("seed", "2")]),
        ];
        sources[3].left_out = Some("it failed".to_owned());
        let found: Vec<Vec<usize>> = groups(&sources).into_iter().map(|group| group.runs).collect();
        assert_eq!(found, [vec![0, 2], vec![1]]);
    }
}

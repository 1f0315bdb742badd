//! What the figures of many runs share: which rows belong to which group.

use polars::prelude::*;

use crate::error::Result;
use crate::figures::style;
use crate::tables::Columns;

/// Single runs that are drawn as thin lines, of each group; more would be a grey area.
pub const MOST_LINES: usize = 30;

/// The names of groups: what the columns before `first` say of each row, `key value, key value`; nothing where there is
/// no such column.
pub(super) fn groups(table: &DataFrame, first: &str) -> Result<(Vec<String>, Vec<String>)> {
    let keys: Vec<String> =
        table.get_column_names().iter().map(|name| name.to_string()).take_while(|name| name != first).collect();
    Ok((of_keys(table, &keys)?, keys))
}

/// The same of another table by the columns of these names.
pub(super) fn of_keys(table: &DataFrame, keys: &[String]) -> Result<Vec<String>> {
    let mut groups = vec![String::new(); table.height()];
    let columns = Columns::of(table, "the table of runs");
    for key in keys {
        for (group, value) in groups.iter_mut().zip(columns.names(key)?) {
            let between = if group.is_empty() { "" } else { ", " };
            group.push_str(&format!("{between}{key} {value}"));
        }
    }
    Ok(groups)
}

/// The colour of a group.
pub(super) fn colour(place: usize) -> &'static str {
    style::SERIES[place % style::SERIES.len()]
}

/// What is said of thin lines: how many of all runs they are.
pub(super) fn lines_note(drawn: usize, runs: u64) -> String {
    let drawn = drawn as u64;
    match drawn {
        0 => String::new(),
        _ if drawn >= runs => "thin lines: single runs".to_owned(),
        _ => format!("thin lines: {drawn} of {runs} runs, evenly chosen"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_told_by_what_stands_before_the_first_column() {
        let table = df!["n_rnn" => [16, 32], "cell" => ["gru", "lstm"], "rule" => ["odr", "odr"]].unwrap();
        let (names, keys) = groups(&table, "rule").unwrap();
        assert_eq!(names, ["n_rnn 16, cell gru", "n_rnn 32, cell lstm"]);
        assert_eq!(of_keys(&table, &keys).unwrap(), names);
        assert_eq!(groups(&table, "n_rnn").unwrap().0, ["", ""]);
        assert_eq!(lines_note(30, 200), "thin lines: 30 of 200 runs, evenly chosen");
        assert_eq!((lines_note(7, 7).as_str(), lines_note(0, 7).as_str()), ("thin lines: single runs", ""));
    }
}

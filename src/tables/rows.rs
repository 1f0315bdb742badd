//! Rows of a table, and means over them, for notebook cells that do not name polars.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;
use std::ops::Range;

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tables::Columns;

/// Picks rows out of a table and averages over them; the prelude brings it into scope.
///
/// ```
/// use maturation::prelude::*;
///
/// let log: DataFrame = Run::open("data/6tasks")?.log()?;
/// let gap: DataFrame = log.rows_where("rule", Rule::GAP)?.rows_where("stage", Stage::Mature)?;
/// assert_eq!(gap.sorted_by("performance")?.number("performance", 0)?, 1.0);
///
/// let means: DataFrame = log.mean_by(&["rule", "stage"], &["performance"])?;
/// assert_eq!(means.rows_where("rule", "gap")?.rows_where("stage", "mature")?.height(), 1);
/// let best: DataFrame = log.rows_between("trials_trained", 0.0..100_000.0)?.largest_by(&["rule"], "performance")?;
/// assert_eq!(best.height(), 6);
/// # Ok::<(), maturation::Error>(())
/// ```
pub trait Rows {
    /// The rows in which `column` reads `value`: the same text, or the same number.
    ///
    /// # Errors
    /// If there is no such column.
    fn rows_where(&self, column: &str, value: impl Display) -> Result<DataFrame>;

    /// The rows in which `column` lies in a range, its end excluded.
    ///
    /// # Errors
    /// If there is no such column, or it does not hold numbers.
    fn rows_between(&self, column: &str, range: Range<f64>) -> Result<DataFrame>;

    /// The mean of each column of numbers in `of` over the rows that share what the columns in `by` say.
    ///
    /// Columns: those of `by`, in the order in which their values first appear; rows, how many there are of each; those
    /// of `of`. What is null or not a number is left out of a mean; a mean of nothing is null.
    ///
    /// # Errors
    /// If there is no such column, or one to be averaged does not hold numbers.
    fn mean_by(&self, by: &[&str], of: &[&str]) -> Result<DataFrame>;

    /// Of the rows that share what the columns in `by` say, the one with the largest value of `of`, whole; the first of
    /// equals. Groups come in the order in which they first appear; one without a number in `of` has no row.
    ///
    /// # Errors
    /// If there is no such column, or `of` does not hold numbers.
    fn largest_by(&self, by: &[&str], of: &str) -> Result<DataFrame>;

    /// The rows with the largest value of `column` first; null comes last.
    ///
    /// # Errors
    /// If there is no such column.
    fn sorted_by(&self, column: &str) -> Result<DataFrame>;

    /// The rows with the smallest value of `column` first; null comes last.
    ///
    /// # Errors
    /// If there is no such column.
    fn sorted_up_by(&self, column: &str) -> Result<DataFrame>;

    /// What each column holds, a row a column: column; type; values, how many are not null; different, how many of
    /// these differ; mean, standard_deviation (of the sample), smallest, median and largest of those that are numbers
    /// (null of other columns, and where there are too few; NaN is left out).
    ///
    /// # Errors
    /// If the table cannot be made.
    fn describe(&self) -> Result<DataFrame>;

    /// The number in a row of a column; null is NaN.
    ///
    /// # Errors
    /// If there is no such column or row, or the column does not hold numbers.
    fn number(&self, column: &str, row: usize) -> Result<f64>;
}

impl Rows for DataFrame {
    fn rows_where(&self, column: &str, value: impl Display) -> Result<DataFrame> {
        let wanted = value.to_string();
        let number: Option<f64> = wanted.parse().ok();
        let reads = |text: &String| *text == wanted || number.is_some() && text.parse().ok() == number;
        let chosen: BooleanChunked =
            Columns::of(self, "the table").names(column)?.iter().map(|text| Some(reads(text))).collect();
        self.filter(&chosen).map_err(Error::table("choosing rows"))
    }

    fn rows_between(&self, column: &str, range: Range<f64>) -> Result<DataFrame> {
        let values = Columns::of(self, "the table").numbers(column)?;
        let chosen: BooleanChunked = values.iter().map(|value| Some(range.contains(value))).collect();
        self.filter(&chosen).map_err(Error::table("choosing rows"))
    }

    fn mean_by(&self, by: &[&str], of: &[&str]) -> Result<DataFrame> {
        let columns = Columns::of(self, "the table");
        let groups = groups(&columns, by, self.height())?;
        let failed = || Error::table("averaging rows");
        let firsts = indices(groups.iter().map(|rows| rows[0]));
        let mut means = Vec::with_capacity(by.len() + 1 + of.len());
        for name in by {
            means.push(self.column(name).and_then(|column| column.take(&firsts)).map_err(failed())?);
        }
        means.push(Column::new("rows".into(), groups.iter().map(|rows| rows.len() as u32).collect::<Vec<_>>()));
        for name in of {
            let values = columns.numbers(name)?;
            let mean = |rows: &Vec<usize>| {
                let known: Vec<f64> = rows.iter().map(|row| values[*row]).filter(|value| value.is_finite()).collect();
                (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
            };
            means.push(Column::new((*name).into(), groups.iter().map(mean).collect::<Vec<_>>()));
        }
        DataFrame::new(groups.len(), means).map_err(failed())
    }

    fn largest_by(&self, by: &[&str], of: &str) -> Result<DataFrame> {
        let columns = Columns::of(self, "the table");
        let values = columns.numbers(of)?;
        let larger = |best: Option<usize>, row: usize| match best {
            Some(best) if values[row] <= values[best] => Some(best),
            _ => Some(row),
        };
        let groups = groups(&columns, by, self.height())?;
        let known = |rows: Vec<usize>| rows.into_iter().filter(|row| !values[*row].is_nan()).fold(None, larger);
        self.take(&indices(groups.into_iter().filter_map(known))).map_err(Error::table("choosing rows"))
    }

    fn sorted_by(&self, column: &str) -> Result<DataFrame> {
        sorted(self, column, true)
    }

    fn sorted_up_by(&self, column: &str) -> Result<DataFrame> {
        sorted(self, column, false)
    }

    fn describe(&self) -> Result<DataFrame> {
        let all: Vec<Description> = self.columns().iter().map(Description::of).collect::<Result<_>>()?;
        let number = |of: fn(&Description) -> Option<f64>| all.iter().map(of).collect::<Vec<_>>();
        df![
            "column" => all.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(),
            "type" => all.iter().map(|column| column.kind.as_str()).collect::<Vec<_>>(),
            "values" => all.iter().map(|column| column.values).collect::<Vec<_>>(),
            "different" => all.iter().map(|column| column.different).collect::<Vec<_>>(),
            "mean" => number(|column| column.mean),
            "standard_deviation" => number(|column| column.standard_deviation),
            "smallest" => number(|column| column.sorted.first().copied()),
            "median" => number(Description::median),
            "largest" => number(|column| column.sorted.last().copied()),
        ]
        .map_err(Error::table("describing a table"))
    }

    fn number(&self, column: &str, row: usize) -> Result<f64> {
        let values = Columns::of(self, "the table").numbers(column)?;
        values.get(row).copied().ok_or_else(|| {
            Error::argument(
                format!("there is no row {row}"),
                format!("the table has {} rows, counted from 0", values.len()),
            )
        })
    }
}

fn sorted(table: &DataFrame, column: &str, descending: bool) -> Result<DataFrame> {
    let options = SortMultipleOptions::default().with_order_descending(descending).with_nulls_last(true);
    table.sort([column], options.with_maintain_order(true)).map_err(Error::table("sorting rows"))
}

/// What a column holds.
struct Description {
    name: String,
    kind: String,
    values: u32,
    different: u32,
    mean: Option<f64>,
    standard_deviation: Option<f64>,
    /// The numbers, ascending; none of a column of anything else.
    sorted: Vec<f64>,
}

impl Description {
    fn of(column: &Column) -> Result<Description> {
        let is_number = column.dtype().is_primitive_numeric();
        let failed = || Error::table(format!("describing the column `{}`", column.name()));
        let mut sorted: Vec<f64> = match is_number {
            true => {
                let numbers = column.cast(&DataType::Float64).map_err(failed())?;
                let numbers = numbers.f64().map_err(failed())?;
                numbers.iter().flatten().filter(|value| !value.is_nan()).collect()
            }
            false => Vec::new(),
        };
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len() as f64;
        let mean = (count > 0.0).then(|| sorted.iter().sum::<f64>() / count);
        let squares = mean.map(|mean| sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>());
        let texts = (0..column.len()).filter_map(|row| column.get(row).ok()).filter(|value| !value.is_null());
        let texts: Vec<String> = texts.map(|value| value.to_string()).collect();
        Ok(Description {
            name: column.name().to_string(),
            kind: column.dtype().to_string(),
            values: texts.len() as u32,
            different: texts.iter().collect::<HashSet<_>>().len() as u32,
            mean,
            standard_deviation: squares.filter(|_| count > 1.0).map(|squares| (squares / (count - 1.0)).sqrt()),
            sorted,
        })
    }

    fn median(&self) -> Option<f64> {
        let middle = self.sorted.len() / 2;
        let upper = *self.sorted.get(middle)?;
        Some(if self.sorted.len() % 2 == 1 { upper } else { 0.5 * (self.sorted[middle - 1] + upper) })
    }
}

/// The rows that share what the columns in `by` say, in the order in which this first appears.
fn groups(columns: &Columns, by: &[&str], height: usize) -> Result<Vec<Vec<usize>>> {
    let names = by.iter().map(|name| columns.names(name)).collect::<Result<Vec<_>>>()?;
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Vec<&str>, usize> = HashMap::new();
    for row in 0..height {
        let group = *known.entry(names.iter().map(|names| names[row].as_str()).collect()).or_insert(groups.len());
        if group == groups.len() {
            groups.push(Vec::new());
        }
        groups[group].push(row);
    }
    Ok(groups)
}

/// Row numbers as polars takes them.
fn indices(rows: impl Iterator<Item = usize>) -> IdxCa {
    IdxCa::from_vec("row".into(), rows.map(|row| row as IdxSize).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> DataFrame {
        df![
            "stage" => ["early", "mature", "early", "mid"],
            "trials_trained" => [0_u64, 30, 10, 20],
            "start_ms" => [0.0, 100.0, 0.0, 1500.0],
            "rate" => [Some(1.0), None, Some(2.0), Some(f64::NAN)],
        ]
        .unwrap()
    }

    #[test]
    fn rows_are_chosen_by_text_and_by_number() {
        let table = table();
        assert_eq!(table.rows_where("stage", "early").unwrap().height(), 2);
        assert_eq!(
            table.rows_where("trials_trained", 20).unwrap().column("stage").unwrap().str().unwrap().get(0),
            Some("mid")
        );
        assert_eq!(table.rows_where("start_ms", 1500).unwrap().height(), 1);
        assert_eq!(table.rows_where("stage", "late").unwrap().shape(), (0, 4));
        assert!(table.rows_where("phase", 1).unwrap_err().to_string().contains("`phase`"));
    }

    #[test]
    fn means_leave_out_what_is_not_known() {
        let means = table().mean_by(&["stage"], &["rate", "trials_trained"]).unwrap();
        let stages: Vec<_> = means.column("stage").unwrap().str().unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(stages, ["early", "mature", "mid"]);
        assert_eq!(means.column("rows").unwrap().u32().unwrap().to_vec(), [Some(2), Some(1), Some(1)]);
        assert_eq!(means.column("rate").unwrap().f64().unwrap().to_vec(), [Some(1.5), None, None]);
        assert_eq!(means.column("trials_trained").unwrap().f64().unwrap().get(0), Some(5.0));
        assert!(table().mean_by(&["stage"], &["stage"]).is_err());
        assert_eq!(table().mean_by(&["stage", "trials_trained"], &[]).unwrap().shape(), (4, 3));
    }

    #[test]
    fn the_row_of_each_groups_largest_value_is_whole() {
        let largest = table().largest_by(&["stage"], "rate").unwrap();
        assert_eq!(largest.height(), 1, "only the early rate is known");
        assert_eq!((largest.number("trials_trained", 0).unwrap(), largest.number("rate", 0).unwrap()), (10.0, 2.0));
        let largest = table().largest_by(&["stage"], "trials_trained").unwrap();
        let stages: Vec<_> = largest.column("stage").unwrap().str().unwrap().iter().map(Option::unwrap).collect();
        assert_eq!(stages, ["early", "mature", "mid"]);
        assert_eq!(table().largest_by(&["start_ms"], "start_ms").unwrap().number("trials_trained", 0).unwrap(), 0.0);
        assert!(table().largest_by(&["stage"], "stage").is_err());
    }

    #[test]
    fn a_range_has_its_start_but_not_its_end() {
        assert_eq!(table().rows_between("trials_trained", 10.0..30.0).unwrap().height(), 2);
        assert_eq!(table().rows_between("rate", 0.0..9.0).unwrap().height(), 2);
        assert!(table().rows_between("stage", 0.0..1.0).is_err());
    }

    #[test]
    fn a_number_is_found_or_its_row_named() {
        assert_eq!(table().number("start_ms", 3).unwrap(), 1500.0);
        assert!(table().number("rate", 1).unwrap().is_nan());
        assert!(table().number("rate", 4).unwrap_err().to_string().contains("row 4"));
    }

    #[test]
    fn the_largest_comes_first() {
        let sorted = table().sorted_by("trials_trained").unwrap();
        assert_eq!(sorted.column("trials_trained").unwrap().u64().unwrap().to_vec(), [30, 20, 10, 0].map(Some));
        assert_eq!(table().sorted_by("rate").unwrap().column("rate").unwrap().f64().unwrap().get(3), None);
        assert!(table().sorted_by("phase").is_err());
    }

    #[test]
    fn or_the_smallest_does() {
        let sorted = table().sorted_up_by("trials_trained").unwrap();
        assert_eq!(sorted.column("trials_trained").unwrap().u64().unwrap().to_vec(), [0, 10, 20, 30].map(Some));
        assert_eq!(table().sorted_up_by("rate").unwrap().column("rate").unwrap().f64().unwrap().get(3), None);
        assert!(table().sorted_up_by("phase").is_err());
    }

    #[test]
    fn a_description_has_a_row_a_column() {
        let found = table().describe().unwrap();
        assert_eq!(found.shape(), (4, 9));
        let of = |column: &str, what: &str| found.rows_where("column", column).unwrap().number(what, 0).unwrap();
        assert_eq!((of("trials_trained", "mean"), of("trials_trained", "median")), (15.0, 15.0));
        // Of 0, 10, 20, 30: √(500 / 3).
        assert!((of("trials_trained", "standard_deviation") - 12.909_944_487).abs() < 1e-8);
        assert_eq!((of("rate", "values"), of("rate", "mean"), of("rate", "largest")), (3.0, 1.5, 2.0));
        assert_eq!((of("stage", "different"), of("start_ms", "different")), (3.0, 3.0));
        assert!(of("stage", "mean").is_nan() && of("stage", "smallest").is_nan());
        assert!(table().slice(0, 0).describe().unwrap().number("mean", 1).unwrap().is_nan());
    }
}

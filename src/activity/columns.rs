//! Columns of recordings as laboratories write them: numbers, numbers as text, names.

use polars::prelude::*;

use crate::error::{Error, Result};

/// What a trial or a location is called.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Label {
    Number(f64),
    Text(String),
}

impl Label {
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Label::Number(number) => Some(*number),
            Label::Text(_) => None,
        }
    }

    pub(super) fn text(&self) -> String {
        match self {
            Label::Number(number) => number.to_string(),
            Label::Text(text) => text.clone(),
        }
    }
}

/// What stands for no value in tables of other programs.
fn is_missing(text: &str) -> bool {
    matches!(text, "" | "NA" | "N/A" | "NaN" | "nan" | "null" | "NULL" | "None" | "." | "-")
}

/// Reads a number, with a point or a comma before its decimals.
fn number(text: &str) -> Option<f64> {
    text.parse().ok().or_else(|| text.replacen(',', ".", 1).parse().ok())
}

pub(super) fn has(table: &DataFrame, name: &str) -> bool {
    table.get_column_index(name).is_some()
}

fn column<'a>(table: &'a DataFrame, name: &str) -> Result<&'a Column> {
    table.column(name).map_err(|_| {
        let names: Vec<String> = table.get_column_names().iter().map(ToString::to_string).collect();
        let names = if names.len() > 12 { format!("{}, …", names[..12].join(", ")) } else { names.join(", ") };
        Error::argument(
            format!("the table of activity has no column `{name}`"),
            format!("it needs the columns trial, location, step or time_ms, and unit_0, unit_1, …; it has {names}"),
        )
    })
}

/// A column of numbers; NaN where there is none. The name of another type, or a text that is no number, is refused with
/// its row.
pub(super) fn numbers_or_nan(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let column = column(table, name)?;
    let failed = || Error::table(format!("cannot read the column `{name}`"));
    match column.dtype() {
        DataType::String => {
            let values = column.str().map_err(failed())?;
            let read = |(row, value): (usize, Option<&str>)| match value.map(str::trim) {
                None => Ok(f64::NAN),
                Some(text) if is_missing(text) => Ok(f64::NAN),
                Some(text) => number(text).ok_or_else(|| {
                    Error::argument(
                        format!("the column `{name}` holds `{text}` in row {row}{}", of_trial(table, row)),
                        "every value must be a number",
                    )
                }),
            };
            values.iter().enumerate().map(read).collect()
        }
        kind if kind.is_primitive_numeric() || *kind == DataType::Boolean => {
            let column = column.cast(&DataType::Float64).map_err(failed())?;
            Ok(column.f64().map_err(failed())?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
        }
        DataType::Null => Ok(vec![f64::NAN; column.len()]),
        other => {
            Err(Error::argument(format!("the column `{name}` holds {other} values"), "every value must be a number"))
        }
    }
}

/// The trial of a row, for a message.
pub(super) fn of_trial(table: &DataFrame, row: usize) -> String {
    let trial = table.column("trial").ok().and_then(|trials| trials.get(row).ok());
    trial.map_or(String::new(), |trial| format!(" (trial {})", trial.to_string().trim_matches('"')))
}

/// A column of finite numbers.
pub(super) fn numbers(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let values = numbers_or_nan(table, name)?;
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(values),
        Some(row) => Err(missing(table, name, row, values[row])),
    }
}

/// A value that is not a finite number.
pub(super) fn missing(table: &DataFrame, name: &str, row: usize, value: f64) -> Error {
    let is_null = table.column(name).ok().is_some_and(|column| {
        column.get(row).is_ok_and(|value| value.is_null()) || column.dtype() == &DataType::String
    });
    let value = if is_null { "nothing".to_owned() } else { value.to_string() };
    Error::argument(
        format!("the column `{name}` holds {value} in row {row}{}", of_trial(table, row)),
        "every value must be a finite number: leave the unit or the trial out; if units were recorded in different \
         trials, make a pseudo-population of them by `PseudoPopulation`",
    )
}

/// A column of whole numbers.
pub(super) fn whole_numbers(table: &DataFrame, name: &str) -> Result<Vec<f64>> {
    let values = numbers(table, name)?;
    match values.iter().position(|value| value.fract() != 0.0) {
        Some(row) => Err(Error::argument(
            format!("the column `{name}` holds {} in row {row}{}", values[row], of_trial(table, row)),
            "every value of it must be a whole number",
        )),
        None => Ok(values),
    }
}

/// A column of names, or of numbers, which may stand as text.
pub(super) fn labels(table: &DataFrame, name: &str) -> Result<Vec<Label>> {
    if column(table, name)?.dtype() != &DataType::String {
        let values = numbers(table, name)?;
        return Ok(values.into_iter().map(Label::Number).collect());
    }
    let column = column(table, name)?;
    let values = column.str().map_err(Error::table(format!("cannot read the column `{name}`")))?;
    let texts: Vec<Option<&str>> = values.iter().map(|value| value.map(str::trim)).collect();
    if let Some(row) = texts.iter().position(|text| text.is_none_or(is_missing)) {
        return Err(missing(table, name, row, f64::NAN));
    }
    let texts: Vec<&str> = texts.into_iter().flatten().collect();
    let as_numbers: Option<Vec<f64>> = texts.iter().map(|text| text.parse().ok()).collect();
    Ok(match as_numbers {
        Some(numbers) => numbers.into_iter().map(Label::Number).collect(),
        None => texts.into_iter().map(|text| Label::Text(text.to_owned())).collect(),
    })
}

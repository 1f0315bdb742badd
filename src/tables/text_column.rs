//! A column of a text table, whose type is found from its values as they come: whole numbers, numbers, true and false,
//! or text.

use polars::prelude::*;

/// What the values so far are.
#[derive(Debug)]
enum Values {
    /// None is known; so many are missing.
    Missing(usize),
    Whole(Vec<i64>),
    Numbers(Vec<f64>),
    Flags(Vec<bool>),
    Text(Vec<Option<String>>),
}

/// A column that is being read. In memory a value takes no more than its number and whether it is there.
#[derive(Debug)]
pub(super) struct TextColumn {
    values: Values,
    /// Whether each value is there; text tells it itself.
    there: Vec<bool>,
    decimal_comma: bool,
}

/// What stands for no value.
fn is_missing(value: &str) -> bool {
    matches!(value, "" | "NA" | "N/A" | "#N/A" | "null" | "NULL" | "None")
}

/// A number; with a decimal comma where that may be one.
pub(super) fn number_of(value: &str, decimal_comma: bool) -> Option<f64> {
    let value = value.trim();
    match value.parse() {
        Ok(number) => Some(number),
        Err(_) if !decimal_comma => None,
        Err(_) => value.replacen(',', ".", 1).parse().ok(),
    }
}

fn flag_of(value: &str) -> Option<bool> {
    match value {
        "true" | "TRUE" | "True" => Some(true),
        "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

fn text_of(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

impl TextColumn {
    pub(super) fn new(decimal_comma: bool) -> TextColumn {
        TextColumn { values: Values::Missing(0), there: Vec::new(), decimal_comma }
    }

    /// Takes the next value. False if with it the column is text: then all have to be read once more, into
    /// [`TextColumn::of_text`].
    pub(super) fn push(&mut self, value: &str) -> bool {
        let there = !is_missing(value);
        let whole = value.parse::<i64>().ok();
        let number = || number_of(value, self.decimal_comma);
        match &mut self.values {
            Values::Text(values) => {
                values.push(text_of(value));
                return true;
            }
            Values::Missing(count) if !there => *count += 1,
            Values::Missing(count) => {
                let before = *count;
                self.values = if let Some(whole) = whole {
                    Values::Whole(after(before, whole))
                } else if let Some(number) = number() {
                    Values::Numbers(after(before, number))
                } else if let Some(flag) = flag_of(value) {
                    Values::Flags(after(before, flag))
                } else {
                    return false;
                };
            }
            Values::Whole(values) => match (whole, number()) {
                _ if !there => values.push(0),
                (Some(whole), _) => values.push(whole),
                (None, Some(number)) => {
                    let mut numbers: Vec<f64> = values.iter().map(|whole| *whole as f64).collect();
                    numbers.push(number);
                    self.values = Values::Numbers(numbers);
                }
                (None, None) => return false,
            },
            Values::Numbers(values) => match number() {
                _ if !there => values.push(0.0),
                Some(number) => values.push(number),
                None => return false,
            },
            Values::Flags(values) => match flag_of(value) {
                _ if !there => values.push(false),
                Some(flag) => values.push(flag),
                None => return false,
            },
        }
        self.there.push(there);
        true
    }

    /// A column of text, whatever its values.
    pub(super) fn of_text() -> TextColumn {
        TextColumn { values: Values::Text(Vec::new()), ..TextColumn::new(false) }
    }

    pub(super) fn finish(self, name: &str) -> Column {
        let name: PlSmallStr = name.into();
        let there = self.there.into_iter();
        match self.values {
            Values::Missing(count) => Column::new(name, vec![None::<f64>; count]),
            Values::Whole(values) => {
                Int64Chunked::from_iter_options(name, values.into_iter().zip(there).map(known)).into_column()
            }
            Values::Numbers(values) => {
                Float64Chunked::from_iter_options(name, values.into_iter().zip(there).map(known)).into_column()
            }
            Values::Flags(values) => {
                BooleanChunked::from_iter_options(name, values.into_iter().zip(there).map(known)).into_column()
            }
            Values::Text(values) => Column::new(name, values),
        }
    }
}

/// A first value behind some that are missing.
fn after<T: Clone + Default>(missing: usize, value: T) -> Vec<T> {
    let mut values = vec![T::default(); missing];
    values.push(value);
    values
}

fn known<T>((value, there): (T, bool)) -> Option<T> {
    there.then_some(value)
}

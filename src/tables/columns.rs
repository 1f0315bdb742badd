//! The columns of a table by name and type.

use polars::prelude::*;

use crate::error::{Error, Result};

/// Takes columns out of a table, with errors that name the table and the column.
pub(crate) struct Columns<'a> {
    table: &'a DataFrame,
    what: &'a str,
}

impl<'a> Columns<'a> {
    /// The columns of `table`, which messages call `what`.
    pub(crate) fn of(table: &'a DataFrame, what: &'a str) -> Self {
        Columns { table, what }
    }

    /// Whether there is such a column.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.table.column(name).is_ok()
    }

    /// A column of numbers; null is NaN.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f64>> {
        let column = self.cast(name, &DataType::Float64)?;
        let values = column.f64().map_err(|source| self.wrong(name, source))?;
        Ok(values.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// A column of counts; null is 0.
    pub(crate) fn counts(&self, name: &str) -> Result<Vec<u64>> {
        let column = self.cast(name, &DataType::UInt64)?;
        let values = column.u64().map_err(|source| self.wrong(name, source))?;
        Ok(values.iter().map(Option::unwrap_or_default).collect())
    }

    /// A column of names; null is empty.
    pub(crate) fn names(&self, name: &str) -> Result<Vec<String>> {
        let column = self.cast(name, &DataType::String)?;
        let values = column.str().map_err(|source| self.wrong(name, source))?;
        Ok(values.iter().map(|value| value.unwrap_or_default().to_owned()).collect())
    }

    fn cast(&self, name: &str, kind: &DataType) -> Result<Column> {
        let column = self.table.column(name).map_err(|_| {
            let columns: Vec<String> = self.table.get_column_names().iter().map(ToString::to_string).collect();
            Error::argument(format!("{} has no column `{name}`", self.what), format!("it has {}", columns.join(", ")))
        })?;
        column.strict_cast(kind).map_err(|source| self.wrong(name, source))
    }

    fn wrong(&self, name: &str, source: PolarsError) -> Error {
        Error::table(format!("column `{name}` of {}", self.what))(source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_or_named_as_missing() {
        let table = df!["unit" => [0_u32, 1], "rate" => [Some(0.5), None], "kind" => ["a", "b"]].unwrap();
        let columns = Columns::of(&table, "the table");
        assert_eq!(columns.counts("unit").unwrap(), [0, 1]);
        assert!(columns.numbers("rate").unwrap()[1].is_nan());
        assert_eq!(columns.names("kind").unwrap(), ["a", "b"]);
        let message = columns.numbers("rates").unwrap_err().to_string();
        assert!(message.contains("`rates`") && message.contains("unit, rate, kind"), "{message}");
        assert!(columns.numbers("kind").unwrap_err().to_string().contains("`kind`"));
    }
}

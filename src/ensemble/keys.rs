//! The keys in which runs differ, as columns of tables.

use polars::prelude::*;

/// The columns of the keys of each of a table's rows: of whole numbers or of numbers where all values are such, else of
/// text; null where a row has not the key.
pub(crate) fn key_columns<'a>(rows: impl IntoIterator<Item = &'a [(String, String)]>) -> Vec<Column> {
    let mut names: Vec<&String> = Vec::new();
    let mut values: Vec<Vec<Option<&str>>> = Vec::new();
    for (count, keys) in rows.into_iter().enumerate() {
        for (name, _) in keys {
            if !names.contains(&name) {
                names.push(name);
                values.push(vec![None; count]);
            }
        }
        for (name, column) in names.iter().zip(&mut values) {
            let value = keys.iter().find(|(key, _)| key == *name).map(|(_, value)| value.as_str());
            column.push(value.filter(|value| !value.is_empty()));
        }
    }
    names.into_iter().zip(values).map(|(name, column)| typed(name, &column)).collect()
}

fn typed(name: &str, values: &[Option<&str>]) -> Column {
    fn all<T: std::str::FromStr>(values: &[Option<&str>]) -> Option<Vec<Option<T>>> {
        values
            .iter()
            .map(|value| value.map(|text| text.parse().ok()).map_or(Some(None), |parsed| parsed.map(Some)))
            .collect()
    }
    let name = name.into();
    if let Some(whole) = all::<i64>(values) {
        Column::new(name, whole)
    } else if let Some(large) = all::<u64>(values) {
        Column::new(name, large)
    } else if let Some(numbers) = all::<f64>(values) {
        Column::new(name, numbers)
    } else {
        Column::new(name, values.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_keys_have_the_type_that_all_values_have() {
        let rows = [("1", "0.5", "a"), ("2", "3", "2")];
        let rows: Vec<Vec<(String, String)>> = rows
            .iter()
            .map(|(seed, rate, name)| {
                [("seed", *seed), ("rate", *rate), ("name", *name)]
                    .map(|(key, value)| (key.into(), value.into()))
                    .into()
            })
            .chain([vec![("seed".to_owned(), "7".to_owned())]])
            .collect();
        let columns = key_columns(rows.iter().map(Vec::as_slice));
        let kinds: Vec<&DataType> = columns.iter().map(Column::dtype).collect();
        assert_eq!(kinds, [&DataType::Int64, &DataType::Float64, &DataType::String]);
        assert_eq!((columns[0].null_count(), columns[1].null_count()), (0, 1));
        assert!(key_columns([]).is_empty());
        let largest = vec![("seed".to_owned(), u64::MAX.to_string())];
        assert_eq!(key_columns([largest.as_slice()])[0].u64().unwrap().get(0), Some(u64::MAX));
    }
}

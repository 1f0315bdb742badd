//! Selectivity as a table, and back.

use polars::prelude::*;

use super::{Selectivity, UnitSelectivity};
use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};

impl Selectivity {
    /// The table that [`selectivity`](super::selectivity()) describes.
    ///
    /// # Errors
    /// If the fields were changed so that they do not fit together, or the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        self.check()?;
        let column = |name: &str, values: Vec<Option<f64>>| Column::new(name.into(), values);
        let rule = self.rule.map(Rule::name);
        let units = &self.units;
        let mut columns = vec![
            Column::new("trials_trained".into(), vec![self.trials_trained; units.len()]),
            Column::new("rule".into(), vec![rule; units.len()]),
            Column::new("epoch".into(), vec![self.epoch.name(); units.len()]),
            Column::new("unit".into(), units.iter().map(|unit| unit.unit as u32).collect::<Vec<_>>()),
            Column::new("active".into(), units.iter().map(|unit| unit.active).collect::<Vec<_>>()),
            Column::new("selective".into(), units.iter().map(|unit| unit.selective).collect::<Vec<_>>()),
            Column::new("kind".into(), units.iter().map(|unit| unit.kind.name()).collect::<Vec<_>>()),
            column("p_value", units.iter().map(|unit| unit.p_value).collect()),
            Column::new("not_tested".into(), units.iter().map(UnitSelectivity::why_not_tested).collect::<Vec<_>>()),
            Column::new(
                "unbiased_selective".into(),
                units.iter().map(|unit| unit.unbiased_selective).collect::<Vec<_>>(),
            ),
            column("unbiased_p_value", units.iter().map(|unit| unit.unbiased_p_value).collect()),
            column("unbiased_q_value", units.iter().map(|unit| unit.unbiased_q_value).collect()),
            Column::new("response".into(), units.iter().map(|unit| unit.response.name()).collect::<Vec<_>>()),
            Column::new("normalisation".into(), vec![self.normalisation.name(); units.len()]),
            Column::new(
                "preferred_location".into(),
                units.iter().map(|unit| unit.preferred_location as u32).collect::<Vec<_>>(),
            ),
        ];
        let at = |rates: &[Option<f64>], location: usize| rates.get(location).copied().flatten();
        for location in 0..self.location_count {
            let rates = units.iter().map(|unit| at(&unit.rates, location)).collect();
            columns.push(column(&format!("rate_{location}"), rates));
        }
        for location in 0..self.location_count {
            let rates = units.iter().map(|unit| at(&unit.absolute, location)).collect();
            columns.push(column(&format!("absolute_{location}"), rates));
        }
        DataFrame::new(units.len(), columns).map_err(Error::table("cannot make the table of selectivity"))
    }

    /// Reads what [`Selectivity::table`] makes, also where the tables of several checkpoints, rules or epochs stand
    /// below each other: one entry for each of them, in the order in which they begin.
    ///
    /// # Errors
    /// If a column is missing, has another type, or holds an unknown name.
    pub fn from_table(table: &DataFrame) -> Result<Vec<Selectivity>> {
        let read = Reader { table };
        let location_count =
            (0..).take_while(|location| table.get_column_index(&format!("rate_{location}")).is_some()).count();
        if location_count == 0 {
            read.column("rate_0")?;
        }
        let trials_trained = read.counts("trials_trained")?;
        let rules = read.names("rule")?;
        let epochs = read.names("epoch")?;
        let (kinds, responses) = (read.names("kind")?, read.names("response")?);
        let (reasons, normalisations) = (read.names("not_tested")?, read.names("normalisation")?);
        let numbers = read.counts("unit")?;
        let preferred = read.counts("preferred_location")?;
        let [active, selective, unbiased_selective] =
            [read.flags("active")?, read.flags("selective")?, read.flags("unbiased_selective")?];
        let [p_values, unbiased_p_values, unbiased_q_values] =
            [read.rates("p_value")?, read.rates("unbiased_p_value")?, read.rates("unbiased_q_value")?];
        let by_location = |prefix: &str| -> Result<Vec<Vec<Option<f64>>>> {
            (0..location_count).map(|location| read.rates(&format!("{prefix}_{location}"))).collect()
        };
        let (rates, absolute) = (by_location("rate")?, by_location("absolute")?);

        let mut found: Vec<Selectivity> = Vec::new();
        for row in 0..table.height() {
            let rule = rules[row].as_deref().map(str::parse::<Rule>).transpose()?;
            let epoch = read.present("epoch", row, epochs[row].as_deref())?.parse::<Epoch>()?;
            let unit = UnitSelectivity {
                unit: read.present("unit", row, numbers[row])? as usize,
                active: read.present("active", row, active[row])?,
                selective: read.present("selective", row, selective[row])?,
                kind: read.present("kind", row, kinds[row].as_deref())?.parse()?,
                p_value: p_values[row],
                not_tested: reasons[row].as_deref().map(str::parse).transpose()?,
                unbiased_selective: read.present("unbiased_selective", row, unbiased_selective[row])?,
                unbiased_p_value: unbiased_p_values[row],
                unbiased_q_value: unbiased_q_values[row],
                response: read.present("response", row, responses[row].as_deref())?.parse()?,
                preferred_location: read.present("preferred_location", row, preferred[row])? as usize,
                rates: rates.iter().map(|rates| rates[row]).collect(),
                absolute: absolute.iter().map(|rates| rates[row]).collect(),
            };
            if unit.preferred_location >= location_count {
                return Err(Error::argument(
                    format!("row {row} of the selectivity table prefers location {}", unit.preferred_location),
                    format!("there are rates of {location_count} locations, counted from 0"),
                ));
            }
            let normalisation = read.present("normalisation", row, normalisations[row].as_deref())?.parse()?;
            let key = (trials_trained[row], rule, epoch, normalisation);
            let same =
                |known: &&mut Selectivity| (known.trials_trained, known.rule, known.epoch, known.normalisation) == key;
            match found.iter_mut().find(same) {
                Some(known) => known.units.push(unit),
                None => found.push(Selectivity {
                    trials_trained: key.0,
                    rule,
                    epoch,
                    location_count,
                    normalisation,
                    units: vec![unit],
                }),
            }
        }
        Ok(found)
    }
}

/// Reads typed columns, with errors that name them.
struct Reader<'a> {
    table: &'a DataFrame,
}

impl Reader<'_> {
    fn column(&self, name: &str) -> Result<&Column> {
        self.table.column(name).map_err(|_| {
            Error::argument(
                format!("the selectivity table has no column `{name}`"),
                "make the table with `selectivity`, and keep all of its columns",
            )
        })
    }

    fn cast(&self, name: &str, kind: &DataType) -> Result<Column> {
        self.column(name)?
            .strict_cast(kind)
            .map_err(Error::table(format!("cannot read the column `{name}` of the selectivity table")))
    }

    fn counts(&self, name: &str) -> Result<Vec<Option<u64>>> {
        let column = self.cast(name, &DataType::UInt64)?;
        column.u64().map(|values| values.to_vec()).map_err(Error::table(format!("cannot read the column `{name}`")))
    }

    fn rates(&self, name: &str) -> Result<Vec<Option<f64>>> {
        let column = self.cast(name, &DataType::Float64)?;
        column.f64().map(|values| values.to_vec()).map_err(Error::table(format!("cannot read the column `{name}`")))
    }

    fn flags(&self, name: &str) -> Result<Vec<Option<bool>>> {
        let column = self.cast(name, &DataType::Boolean)?;
        column
            .bool()
            .map(|values| values.iter().collect())
            .map_err(Error::table(format!("cannot read the column `{name}`")))
    }

    fn names(&self, name: &str) -> Result<Vec<Option<String>>> {
        let column = self.cast(name, &DataType::String)?;
        let values = column.str().map_err(Error::table(format!("cannot read the column `{name}`")))?;
        Ok(values.iter().map(|value| value.map(str::to_owned)).collect())
    }

    fn present<T>(&self, name: &str, row: usize, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| {
            Error::argument(
                format!("the column `{name}` of the selectivity table is empty in row {row}"),
                "make the table anew with `selectivity`",
            )
        })
    }
}

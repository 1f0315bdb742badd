//! The measures of many runs: means over runs, their spread and their intervals.

use polars::prelude::*;

use crate::ensemble::key_columns;
use crate::error::{Error, Result};
use crate::statistics::{MeanOverRuns, RunResamples};
use crate::summary::groups::{ByKey, Group, Key, MEASURE, columns_of_keys, different_keys, of_table};
use crate::summary::run::MEASURES_FILE;
use crate::summary::{Source, SummaryOptions};

/// A measure over the runs of a group.
#[derive(Debug, Default)]
struct Row {
    /// Runs that have a value, counted in the first pass.
    known: u64,
    measured_in: String,
    mean: MeanOverRuns,
    /// The resamples of these runs, where some of the group lack a value.
    own: Option<RunResamples>,
}

/// Draws of the runs that have a value of something: those of all runs of the group, or, where some lack it, of the
/// others alone.
pub(super) struct Draws {
    all: RunResamples,
    runs: u64,
    options: (usize, u64),
}

impl Draws {
    pub(super) fn new(runs: usize, options: &SummaryOptions) -> Result<Draws> {
        let (resamples, seed) = (options.resamples, options.seed);
        let all = RunResamples::new(resamples, runs as u64, seed)?;
        Ok(Draws { all, runs: runs as u64, options: (resamples, seed) })
    }

    /// Draws for the next run.
    pub(super) fn next(&mut self) -> Vec<u64> {
        self.all.draw().to_vec()
    }

    /// Of what `known` of the runs have: how often the run at hand is drawn, and its place among them. `of_all` is what
    /// [`Draws::next`] gave.
    pub(super) fn of<'a>(
        &'a self,
        known: u64,
        of_all: &'a [u64],
        own: &'a mut Option<RunResamples>,
    ) -> Result<(&'a [u64], u64)> {
        if known == self.runs {
            return Ok((of_all, self.all.place()));
        }
        let (resamples, seed) = self.options;
        let own = match own {
            Some(own) => own,
            None => own.insert(RunResamples::new(resamples, known, seed)?),
        };
        let _ = own.draw();
        Ok((own.drawn(), own.place()))
    }
}

/// The table that [`crate::summary::Summary::across`] describes, of all groups.
pub(super) fn across(sources: &[Source], groups: &[Group], options: &SummaryOptions) -> Result<DataFrame> {
    let mut all: Vec<(&Group, Key, Row)> = Vec::new();
    for group in groups {
        all.extend(of_group(sources, group, options)?.rows.into_iter().map(|(key, row)| (group, key, row)));
    }
    let mut columns = key_columns(all.iter().map(|(group, ..)| group.keys.as_slice()));
    columns.extend(columns_of_keys(&MEASURE, &all.iter().map(|(_, key, _)| key).collect::<Vec<_>>()));
    columns
        .push(Column::new("measured_in".into(), all.iter().map(|row| row.2.measured_in.as_str()).collect::<Vec<_>>()));
    columns.push(Column::new("runs".into(), all.iter().map(|row| row.2.known).collect::<Vec<_>>()));
    let lacking = all.iter().map(|(group, _, row)| group.runs.len() as u64 - row.known);
    columns.push(Column::new("lacking".into(), lacking.collect::<Vec<_>>()));
    let number = |name: &str, of: &dyn Fn(&MeanOverRuns) -> Option<f64>| {
        Column::new(name.into(), all.iter().map(|row| of(&row.2.mean)).collect::<Vec<_>>())
    };
    columns.extend([
        number("mean", &MeanOverRuns::mean),
        number("sd", &MeanOverRuns::deviation),
        number("low", &|mean| mean.interval().map(|(low, _)| low)),
        number("high", &|mean| mean.interval().map(|(_, high)| high)),
        number("smallest", &|mean| mean.range().map(|(smallest, _)| smallest)),
        number("largest", &|mean| mean.range().map(|(_, largest)| largest)),
    ]);
    DataFrame::new(all.len(), columns).map_err(Error::table("making the table of measures over runs"))
}

/// Two passes: how many runs have a value decides what is drawn for each.
fn of_group(sources: &[Source], group: &Group, options: &SummaryOptions) -> Result<ByKey<Row>> {
    let mut found: ByKey<Row> = ByKey::default();
    for run in &group.runs {
        let (keys, values, measured_in) = of_run(&sources[*run])?;
        for ((key, value), measured_in) in keys.iter().zip(values).zip(measured_in) {
            let row = found.at(key);
            row.known += u64::from(value.is_finite());
            row.measured_in = measured_in;
        }
    }
    let mut draws = Draws::new(group.runs.len(), options)?;
    for run in &group.runs {
        let of_all = draws.next();
        let (keys, values, _) = of_run(&sources[*run])?;
        for (key, value) in keys.iter().zip(values).filter(|(_, value)| value.is_finite()) {
            let row = found.at(key);
            let (drawn, _) = draws.of(row.known, &of_all, &mut row.own)?;
            row.mean.add(drawn, value);
        }
    }
    Ok(found)
}

/// A run's measures: what each is, its value, and what it is measured in.
fn of_run(source: &Source) -> Result<(Vec<Key>, Vec<f64>, Vec<String>)> {
    of_table(source, MEASURES_FILE, |columns| {
        Ok((different_keys(columns, &MEASURE)?, columns.numbers("value")?, columns.names("measured_in")?))
    })
}

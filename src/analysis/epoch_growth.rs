//! The growth of activity in an epoch with training (Fig. S2B).

use ndarray::Array2;
use polars::prelude::*;

use crate::analysis::population::{self, population};
use crate::analysis::{AverageOptions, Normalisation, Selectivity, normalisation};
use crate::error::{Error, Result};
use crate::statistics::{ResampledMean, UnitResamples};
use crate::training::Stage;

/// The mean activity of selective units in an epoch, at their preferred locations, checkpoint by checkpoint.
///
/// Units selected in one epoch can be measured in another: their preferred locations are those of the epoch in which
/// they were selected.
#[derive(Clone, Debug)]
pub struct EpochGrowth {
    options: AverageOptions,
    resamples: Option<UnitResamples>,
    rows: Vec<Row>,
    normalisation: Option<Normalisation>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    trials_trained: Option<u64>,
    stage: Stage,
    /// None where no unit is selected.
    activity: Option<f64>,
    units: usize,
    interval: Option<(f64, f64)>,
}

impl EpochGrowth {
    /// Growth without any checkpoint yet.
    pub fn new(options: AverageOptions) -> EpochGrowth {
        EpochGrowth { options, resamples: None, rows: Vec::new(), normalisation: None }
    }

    /// Adds a checkpoint of a stage: the rates of its units in the epoch whose growth is asked for (`measured`), and
    /// which units are averaged and at which location (`selected`; the same if units are selected in that epoch).
    ///
    /// # Errors
    /// If the selected units are not of this population, the rates are of another kind than those added before, or the
    /// bootstrap is impossible.
    pub fn add(&mut self, stage: Stage, measured: &Selectivity, selected: &Selectivity) -> Result<()> {
        let chosen = self.options.population.chosen(measured, selected)?;
        normalisation::shared(&mut self.normalisation, measured.normalisation)?;
        let rates: Vec<(usize, f64)> = chosen
            .into_iter()
            .filter_map(|(unit, preferred)| {
                Some((unit.unit, population::rates(measured, unit).get(preferred).copied().flatten()?))
            })
            .collect();
        self.options.bootstrap.draw(&mut self.resamples, population(measured))?;
        let mut interval = None;
        if let Some(resamples) = &self.resamples {
            let units: Vec<usize> = rates.iter().map(|(unit, _)| *unit).collect();
            let values = Array2::from_shape_fn((rates.len(), 1), |(place, _)| rates[place].1);
            let mut mean = ResampledMean::default();
            mean.add(resamples, &units, &values)?;
            interval = mean.interval(0);
        }
        let sum: f64 = rates.iter().map(|(_, rate)| rate).sum();
        self.rows.push(Row {
            trials_trained: measured.trials_trained,
            stage,
            activity: (!rates.is_empty()).then(|| sum / rates.len() as f64),
            units: rates.len(),
            interval,
        });
        Ok(())
    }

    /// The growth as a table, a row for each checkpoint, in the order in which they were added.
    ///
    /// Columns: trials_trained; stage; activity, the units' mean rate in the epoch relative to fix1
    /// (rate / baseline − 1) or absolute, null without a selected unit; units, their number; low and high, the 95 %
    /// interval of the activity over resamples of the units, if these were asked for (null of fewer than two units);
    /// and where activity is not the published ratio, normalisation: difference or absolute.
    ///
    /// # Errors
    /// If the table cannot be made.
    pub fn table(&self) -> Result<DataFrame> {
        let rows = &self.rows;
        let mut columns = vec![
            Column::new("trials_trained".into(), rows.iter().map(|row| row.trials_trained).collect::<Vec<_>>()),
            Column::new("stage".into(), rows.iter().map(|row| row.stage.name()).collect::<Vec<_>>()),
            Column::new("activity".into(), rows.iter().map(|row| row.activity).collect::<Vec<_>>()),
            Column::new("units".into(), rows.iter().map(|row| row.units as u32).collect::<Vec<_>>()),
        ];
        if self.options.bootstrap.is_wanted() {
            let ends = |end: fn((f64, f64)) -> f64| rows.iter().map(|row| row.interval.map(end)).collect::<Vec<_>>();
            columns.push(Column::new("low".into(), ends(|(low, _)| low)));
            columns.push(Column::new("high".into(), ends(|(_, high)| high)));
        }
        columns.extend(normalisation::column(self.normalisation, rows.len()));
        DataFrame::new(rows.len(), columns).map_err(Error::table("cannot make the table of epoch growth"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::{Bootstrap, Population, SelectivityOptions, golden};

    fn numbers(table: &DataFrame, name: &str) -> Vec<Option<f64>> {
        table.column(name).unwrap().f64().unwrap().to_vec()
    }

    #[test]
    fn growth_agrees_with_the_published_system() {
        let published = golden::json("epoch_mean_growth");
        let mut compared = 0;
        for (name, rows) in published.as_object().unwrap() {
            let [rule, selected, measured] = name.split("__").collect::<Vec<_>>()[..] else { panic!("{name}") };
            let epoch = |text: &str| text.split_once('_').unwrap().1.parse().unwrap();
            let options = AverageOptions { bootstrap: Bootstrap::of(200), ..AverageOptions::default() };
            let mut growth = EpochGrowth::new(options);
            let rows = rows.as_array().unwrap();
            for row in rows {
                let activity = golden::activity(rule, row["trials"].as_u64().unwrap());
                let [selected, measured] = [selected, measured]
                    .map(|text| Selectivity::of(&activity, epoch(text), &SelectivityOptions::default()).unwrap());
                growth.add(Stage::Early, &measured, &selected).unwrap();
            }
            let table = growth.table().unwrap();
            let (low, high) = (numbers(&table, "low"), numbers(&table, "high"));
            for (place, row) in rows.iter().enumerate() {
                let found = numbers(&table, "activity")[place].unwrap();
                let expected = row["mean"].as_f64().unwrap();
                golden::within(golden::mixed(found, expected), 1e-5, name);
                let units = table.column("units").unwrap().u32().unwrap().get(place);
                assert_eq!(units.map(u64::from), row["units"].as_u64(), "{name}");
                assert!(low[place].unwrap() < found && found < high[place].unwrap());
                compared += 1;
            }
        }
        assert!(compared >= 13);
    }

    #[test]
    fn a_checkpoint_without_a_selected_unit_is_null() {
        let activity = golden::activity("gap", 64000);
        let units = Selectivity::of(&activity, "stim1".parse().unwrap(), &SelectivityOptions::default()).unwrap();
        for bootstrap in [Bootstrap::default(), Bootstrap::of(100)] {
            let population = Population { kinds: vec![], ..Population::default() };
            let mut growth = EpochGrowth::new(AverageOptions { population, bootstrap, follow: None });
            assert_eq!(growth.table().unwrap().height(), 0);
            growth.add(Stage::Mid, &units, &units).unwrap();
            let table = growth.table().unwrap();
            assert_eq!(table.shape(), (1, if bootstrap.is_wanted() { 6 } else { 4 }));
            assert_eq!(numbers(&table, "activity"), [None]);
            assert_eq!(table.column("trials_trained").unwrap().u64().unwrap().get(0), Some(64000));
        }
        let mut growth = EpochGrowth::new(AverageOptions { bootstrap: Bootstrap::of(7), ..Default::default() });
        assert!(growth.add(Stage::Mid, &units, &units).is_err());
    }
}

//! The paper's claims over runs.

use std::collections::BTreeMap;

use polars::prelude::*;

use crate::analysis::Verdict;
use crate::ensemble::key_columns;
use crate::error::{Error, Result};
use crate::statistics::{MeanOverRuns, NestedUnits, RunResamples, resample_units};
use crate::summary::across::Draws;
use crate::summary::groups::{ByKey, Group, Key, columns_of_keys, different_keys, keys, of_table};
use crate::summary::run::{CLAIMS_FILE, UNITS_FILE};
use crate::summary::{Source, SummaryOptions};
use crate::training::Stage;

/// The columns by which rows of claims are the same claim.
const CLAIM: [&str; 3] = ["claim", "source", "measure"];
/// The normal quantile of a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

/// A claim over the runs of a group.
#[derive(Debug, Default)]
struct Row {
    /// Runs that agree, that differ, and that cannot tell.
    verdicts: [u64; 3],
    published: String,
    effect_is: String,
    published_effect: Option<f64>,
    /// Runs that have an effect, counted in the first pass.
    known: u64,
    effect: MeanOverRuns,
    own: Option<RunResamples>,
    stages: [MeanOverRuns; 3],
    /// The measure of single units behind it; runs that have a difference of it, and what came of them.
    units: String,
    nested_known: u64,
    nested: MeanOverRuns,
    nested_own: Option<RunResamples>,
}

impl Row {
    /// Of the runs that can tell, the share that agrees.
    fn share(&self) -> Option<f64> {
        let told = self.verdicts[0] + self.verdicts[1];
        (told > 0).then(|| self.verdicts[0] as f64 / told as f64)
    }

    /// Its 95 % interval after Wilson: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n).
    fn wilson(&self) -> Option<(f64, f64)> {
        let (share, told) = (self.share()?, (self.verdicts[0] + self.verdicts[1]) as f64);
        let middle = share + Z * Z / (2.0 * told);
        let reach = Z * (share * (1.0 - share) / told + Z * Z / (4.0 * told * told)).sqrt();
        let scale = 1.0 + Z * Z / told;
        Some((((middle - reach) / scale).max(0.0), ((middle + reach) / scale).min(1.0)))
    }
}

/// The table that [`crate::summary::Summary::claims`] describes, of all groups.
pub(super) fn claims_over_runs(sources: &[Source], groups: &[Group], options: &SummaryOptions) -> Result<DataFrame> {
    let mut all: Vec<(&Group, Key, Row)> = Vec::new();
    for group in groups {
        all.extend(of_group(sources, group, options)?.rows.into_iter().map(|(key, row)| (group, key, row)));
    }
    let mut columns = key_columns(all.iter().map(|(group, ..)| group.keys.as_slice()));
    columns.extend(columns_of_keys(&CLAIM, &all.iter().map(|(_, key, _)| key).collect::<Vec<_>>()));
    let count = |name: &str, of: &dyn Fn(&Group, &Row) -> u64| {
        Column::new(name.into(), all.iter().map(|(group, _, row)| of(group, row)).collect::<Vec<_>>())
    };
    let number = |name: &str, of: &dyn Fn(&Row) -> Option<f64>| {
        Column::new(name.into(), all.iter().map(|(.., row)| of(row)).collect::<Vec<_>>())
    };
    let text = |name: &str, of: &dyn Fn(&Row) -> &str| {
        let values = all.iter().map(|(.., row)| Some(of(row).to_owned()).filter(|text| !text.is_empty()));
        Column::new(name.into(), values.collect::<Vec<_>>())
    };
    let lacking = |group: &Group, row: &Row| group.runs.len() as u64 - row.verdicts.iter().sum::<u64>();
    columns.extend([
        count("runs", &|group, _| group.runs.len() as u64),
        count("agree", &|_, row| row.verdicts[0]),
        count("differ", &|_, row| row.verdicts[1]),
        count("cannot_tell", &|_, row| row.verdicts[2]),
        count("lacking", &lacking),
        number("share_agree", &Row::share),
        number("share_low", &|row| row.wilson().map(|(low, _)| low)),
        number("share_high", &|row| row.wilson().map(|(_, high)| high)),
        text("effect_is", &|row| &row.effect_is),
        number("effect", &|row| row.effect.mean()),
        number("effect_sd", &|row| row.effect.deviation()),
        number("effect_low", &|row| row.effect.interval().map(|(low, _)| low)),
        number("effect_high", &|row| row.effect.interval().map(|(_, high)| high)),
        count("effect_runs", &|_, row| row.effect.runs()),
        number("published_effect", &|row| row.published_effect),
        text("units", &|row| &row.units),
        number("units_effect", &|row| row.nested.mean()),
        number("units_low", &|row| row.nested.interval().map(|(low, _)| low)),
        number("units_high", &|row| row.nested.interval().map(|(_, high)| high)),
        count("units_runs", &|_, row| row.nested.runs()),
    ]);
    for (place, stage) in Stage::ALL.into_iter().enumerate() {
        columns.push(number(stage.name(), &|row| row.stages[place].mean()));
    }
    columns.push(text("published", &|row| &row.published));
    DataFrame::new(all.len(), columns).map_err(Error::table("making the table of claims over runs"))
}

/// What a run's tables say of its claims.
struct OfRun {
    keys: Vec<Key>,
    verdicts: Vec<String>,
    text: [Vec<String>; 3],
    effects: Vec<f64>,
    published_effects: Vec<f64>,
    stages: Vec<Vec<f64>>,
    /// By the name of the measure of units, what a run has of it.
    units: BTreeMap<String, NestedUnits>,
}

impl OfRun {
    fn read(source: &Source) -> Result<OfRun> {
        let units = units(source)?;
        of_table(source, CLAIMS_FILE, |columns| {
            Ok(OfRun {
                keys: different_keys(columns, &CLAIM)?,
                verdicts: columns.names("verdict")?,
                text: [columns.names("published")?, columns.names("effect_is")?, columns.names("units")?],
                effects: columns.numbers("effect")?,
                published_effects: columns.numbers("published_effect")?,
                stages: Stage::ALL.into_iter().map(|stage| columns.numbers(stage.name())).collect::<Result<_>>()?,
                units,
            })
        })
    }

    /// The difference that units make, of a row.
    fn difference(&self, row: usize) -> Option<f64> {
        self.units.get(&self.text[2][row])?.difference()
    }
}

/// The sums of a unit's values early and mature, and how many these are.
type OfUnit = [(f64, f64); 2];

/// What the units of a run do, early and mature, by measure.
fn units(source: &Source) -> Result<BTreeMap<String, NestedUnits>> {
    let population = crate::summary::run::units_of(&source.folder)?;
    let found = of_table(source, UNITS_FILE, |columns| {
        let mut found: BTreeMap<String, BTreeMap<usize, OfUnit>> = BTreeMap::new();
        let names = keys(columns, &["measure", "rule", "selected_in", "test", "stage"])?;
        let (units, values) = (columns.counts("unit")?, columns.numbers("value")?);
        let checkpoints = columns.numbers("checkpoints")?;
        for (row, name) in names.iter().enumerate() {
            let place = match name[4].parse()? {
                Stage::Early => 0,
                Stage::Mid => continue,
                Stage::Mature => 1,
            };
            let of_unit = found.entry(name[..4].join(" ")).or_default().entry(units[row] as usize).or_default();
            of_unit[place] = (values[row] * checkpoints[row], checkpoints[row]);
        }
        Ok(found)
    })?;
    let nested = |units: BTreeMap<usize, _>| NestedUnits { population, units: units.into_iter().collect() };
    Ok(found.into_iter().map(|(name, units)| (name, nested(units))).collect())
}

/// Two passes, as of measures.
fn of_group(sources: &[Source], group: &Group, options: &SummaryOptions) -> Result<ByKey<Row>> {
    let mut found: ByKey<Row> = ByKey::default();
    for run in &group.runs {
        let of_run = OfRun::read(&sources[*run])?;
        for (place, key) in of_run.keys.iter().enumerate() {
            let difference = of_run.difference(place);
            let row = found.at(key);
            row.known += u64::from(of_run.effects[place].is_finite());
            row.nested_known += u64::from(difference.is_some());
            let verdict = match of_run.verdicts[place].as_str() {
                verdict if verdict == Verdict::Agrees.name() => 0,
                verdict if verdict == Verdict::Differs.name() => 1,
                _ => 2,
            };
            row.verdicts[verdict] += 1;
            let [published, effect_is, units] = of_run.text.each_ref().map(|column| column[place].clone());
            (row.published, row.effect_is, row.units) = (published, effect_is, units);
            let published_effect = of_run.published_effects[place];
            row.published_effect = Some(published_effect).filter(|effect| effect.is_finite());
        }
    }
    // What was published is text of this run where a claim sets another test's numbers beside its own.
    if group.runs.len() > 1 {
        for (_, row) in &mut found.rows {
            if row.published.starts_with(crate::analysis::claims::BESIDE) {
                row.published.clear();
            }
        }
    }
    let mut draws = Draws::new(group.runs.len(), options)?;
    for run in &group.runs {
        let of_all = draws.next();
        let of_run = OfRun::read(&sources[*run])?;
        for (place, key) in of_run.keys.iter().enumerate() {
            let row = found.at(key);
            for (stage, values) in row.stages.iter_mut().zip(&of_run.stages) {
                stage.add(&[], values[place]);
            }
            if of_run.effects[place].is_finite() {
                let (drawn, _) = draws.of(row.known, &of_all, &mut row.own)?;
                row.effect.add(drawn, of_run.effects[place]);
            }
            if let (Some(units), Some(difference)) = (of_run.units.get(&row.units), of_run.difference(place)) {
                let (drawn, nth) = draws.of(row.nested_known, &of_all, &mut row.nested_own)?;
                let resampled = resample_units(drawn, nth, std::slice::from_ref(units), options.seed);
                row.nested.add_nested(&resampled[0], difference);
            }
        }
    }
    Ok(found)
}

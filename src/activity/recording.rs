//! Activity out of tables of recorded neurons.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use ndarray::Array3;
use polars::prelude::*;

use crate::activity::clock::{Clock, Said};
use crate::activity::columns::{Label, has, labels, missing, numbers, numbers_or_nan, whole_numbers};
use crate::activity::{Activity, BinTime, PseudoPopulation, RingLabels, RingOptions, Trial, ring};
use crate::error::{Error, Result};
use crate::tables::read_columns;

/// How a table of recorded neurons is read. The default takes everything from the table itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordingOptions {
    /// ms a step; none: by the times of the table.
    pub dt: Option<f64>,
    /// What times are in; none: by the name of their column, `time_ms` or `time_s`.
    pub time_unit: Option<TimeUnit>,
    /// What times are, within the step that they stand for.
    pub bins: BinTime,
    /// The start of the window to keep, ms; none: that of the trials.
    pub from_ms: Option<f64>,
    /// The end of the window to keep, ms; none: that of the trials.
    pub to_ms: Option<f64>,
    /// How locations lie on the ring.
    pub ring: RingOptions,
    /// Makes a pseudo-population of units that were recorded in different trials.
    pub pseudo: Option<PseudoPopulation>,
}

/// What times are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeUnit {
    /// ms.
    Milliseconds,
    /// s.
    Seconds,
}

impl TimeUnit {
    pub(super) fn ms(self) -> f64 {
        match self {
            TimeUnit::Milliseconds => 1.0,
            TimeUnit::Seconds => 1000.0,
        }
    }
}

impl std::str::FromStr for TimeUnit {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "ms" => Ok(TimeUnit::Milliseconds),
            "s" => Ok(TimeUnit::Seconds),
            _ => Err(Error::unknown_name("unit of time", name, ["ms", "s"])),
        }
    }
}

/// The columns of times, and what their names say.
const TIMES: [(&str, Option<TimeUnit>); 3] =
    [("time_ms", Some(TimeUnit::Milliseconds)), ("time_s", Some(TimeUnit::Seconds)), ("time", None)];

/// Whether a table of activity has a use for this column.
fn is_used(name: &str) -> bool {
    let others = ["trial", "location", "step", "session", "locations_on_ring", "location_label"];
    others.contains(&name) || TIMES.iter().any(|(time, _)| *time == name) || name.starts_with("unit_")
}

/// Tables of recorded neurons.
impl Activity {
    /// Reads a `.parquet` or `.csv` file of what [`Activity::from_table_with`] takes. Only the columns that are needed
    /// are read.
    ///
    /// ```
    /// use maturation::activity::{Activity, RecordingOptions};
    ///
    /// let path = std::env::temp_dir().join(format!("maturation-read-{}.csv", std::process::id()));
    /// std::fs::write(&path, "trial;location;time_s;unit_0\n1;0;-0,1;4,5\n1;0;0;5\n2;1;-0,1;4\n2;1;0;6\n")?;
    /// let options = RecordingOptions::default();
    /// let activity = Activity::read(&path, &options)?;
    /// assert_eq!((activity.start_ms, activity.dt, activity.location_count), (-100.0, 100.0, 2));
    /// assert_eq!(activity.rates[[0, 0, 0]], 4.5);
    /// # std::fs::remove_file(path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Activity::from_table_with`], and if the file cannot be read.
    pub fn read(path: impl AsRef<Path>, options: &RecordingOptions) -> Result<Activity> {
        let names = RefCell::new(Vec::new());
        let path = path.as_ref();
        let table = read_columns(path, |name| {
            names.borrow_mut().push(name.to_owned());
            is_used(name)
        })?;
        if let Some(missing) = ["trial", "location", "unit_0"].into_iter().find(|name| !has(&table, name)) {
            let mut names = names.into_inner();
            if names.len() > 20 {
                names.truncate(20);
                names.push("…".to_owned());
            }
            return Err(Error::file(
                path,
                format!("it has no column `{missing}`"),
                format!(
                    "A table of activity has the columns trial, location, step or time_ms, and unit_0, unit_1, … \
                     without a gap; this one has {}",
                    names.join(", ")
                ),
            ));
        }
        Activity::from_table_with(&table, options).map_err(|error| error.in_file(path))
    }

    /// [`Activity::from_table_with`] with a time step in ms, or that of the table, and all else as the table says.
    ///
    /// # Errors
    /// As [`Activity::from_table_with`].
    pub fn from_table(table: &DataFrame, dt: Option<f64>) -> Result<Activity> {
        Activity::from_table_with(table, &RecordingOptions { dt, ..RecordingOptions::default() })
    }

    /// Reads what [`Activity::table`] makes, or the like from recorded neurons: trial, location, time_ms (or time_s) or
    /// step or both, and unit_0 … unit_{N−1}. Further columns are ignored, but for these: session, which tells trials
    /// of the same number apart; locations_on_ring, how many locations the ring has; location_label, what they are
    /// called.
    ///
    /// **Trials** may have any numbers (they are taken in ascending order) or names, and rows may stand in any order.
    ///
    /// **Time** counts from any event, so that it may begin below zero. The step is found from the whole axis, and
    /// every row's time is checked against it, with room for times rounded to whole ms; steps and times that disagree
    /// are refused by trial and row. Trials of different lengths are cut to what all have.
    ///
    /// **Locations** are places on a ring, counted from 0 or from 1 without a gap, or angles in degrees or radians,
    /// evenly spaced; anything else is refused with the labels found, unless [`RingOptions`] say what they are.
    ///
    /// What was found or cut is told in [`Activity::notes`]. The result has no epochs: add them with
    /// [`Activity::with_epochs`] or [`Activity::with_epochs_in_ms`].
    ///
    /// # Errors
    /// If a column is missing or not numeric, a value is missing, NaN or infinite, trials have holes, repeated or
    /// uneven times, or change their location. The message names the column, the trial and the row.
    pub fn from_table_with(table: &DataFrame, options: &RecordingOptions) -> Result<Activity> {
        if table.height() == 0 {
            return Err(Error::argument("the table of activity has no rows", "it needs one for each trial and step"));
        }
        let mut notes = Vec::new();
        let trials = trials(table, &mut notes)?;
        let times = times(table, options)?;
        let steps = if has(table, "step") { Some(whole_numbers(table, "step")?) } else { None };
        if times.is_none() && steps.is_none() {
            numbers(table, "time_ms")?;
        }
        let said = Said {
            dt: options.dt,
            bins: options.bins,
            from_ms: options.from_ms,
            to_ms: options.to_ms,
            unit_is_sure: options.time_unit.is_some() || !has(table, "time_ms"),
        };
        let clock = Clock::of(times.as_deref(), steps.as_deref(), &trials, said)?;
        notes.extend(clock.notes.iter().cloned());
        let ring = locations(table, &trials, options)?;
        notes.extend(ring.note.clone());
        let rates = rates(table, &trials, &clock, options.pseudo.is_some())?;
        let (rates, locations) = match &options.pseudo {
            None => (rates, ring.of_trials),
            Some(pseudo) => {
                let pooled = pseudo.pool(&rates, &ring.of_trials, &trials)?;
                notes.extend(pooled.notes);
                (pooled.rates, pooled.locations)
            }
        };
        let mut activity = Activity::new(rates, locations, ring.count, clock.dt)?;
        activity.start_ms = clock.start_ms;
        activity.ring = ring.labels;
        activity.notes = notes;
        Ok(activity)
    }
}

/// The trials of a table, in order.
fn trials(table: &DataFrame, notes: &mut Vec<String>) -> Result<Vec<Trial>> {
    let names = labels(table, "trial")?;
    let sessions = if has(table, "session") { Some(labels(table, "session")?) } else { None };
    let mut index: HashMap<(Option<String>, String), usize> = HashMap::new();
    let mut session_order: Vec<String> = Vec::new();
    let mut trials: Vec<Trial> = Vec::new();
    for (row, name) in names.iter().enumerate() {
        let session = sessions.as_ref().map(|sessions| sessions[row].text());
        let place = *index.entry((session.clone(), name.text())).or_insert_with(|| {
            let order = session.as_ref().map_or(0, |session| {
                session_order.iter().position(|known| known == session).unwrap_or_else(|| {
                    session_order.push(session.clone());
                    session_order.len() - 1
                })
            });
            let name_of = match &session {
                Some(session) => format!("{} of session {session}", name.text()),
                None => name.text(),
            };
            trials.push(Trial { name: name_of, number: name.number(), session: order, rows: Vec::new() });
            trials.len() - 1
        });
        trials[place].rows.push(row);
    }
    // Names come in the order in which they begin; a stable sort keeps it.
    trials.sort_by(|a, b| {
        let number = |trial: &Trial| trial.number.unwrap_or(0.0);
        a.session.cmp(&b.session).then(number(a).total_cmp(&number(b)))
    });
    if session_order.len() > 1 {
        notes.push(format!(
            "{} trials of {} sessions are told apart by the columns session and trial",
            trials.len(),
            session_order.len()
        ));
    }
    Ok(trials)
}

/// The times of the rows in ms, if the table has any.
fn times(table: &DataFrame, options: &RecordingOptions) -> Result<Option<Vec<f64>>> {
    let Some((name, unit)) = TIMES.into_iter().find(|(name, _)| has(table, name)) else { return Ok(None) };
    let factor = match (options.time_unit, unit) {
        (Some(said), _) => said.ms(),
        (None, Some(unit)) => unit.ms(),
        (None, None) => {
            return Err(Error::argument(
                "the column `time` does not say what it is in",
                "name it time_ms or time_s, or say `TimeUnit::Seconds` or `TimeUnit::Milliseconds`",
            ));
        }
    };
    let times = numbers(table, name)?;
    // Decimal seconds in binary are a hair off: 0.06 s is 60 ms.
    let scaled = |time: f64| if factor == 1.0 { time } else { (1e9 * factor * time).round() / 1e9 };
    Ok(Some(times.into_iter().map(scaled).collect()))
}

/// The locations of trials.
pub(super) struct Locations {
    pub(super) of_trials: Vec<usize>,
    pub(super) count: usize,
    pub(super) labels: RingLabels,
    pub(super) note: Option<String>,
}

/// The location of each trial, which must be the same in all of its rows.
fn locations(table: &DataFrame, trials: &[Trial], options: &RecordingOptions) -> Result<Locations> {
    let of_rows = labels(table, "location")?;
    for trial in trials {
        let label = &of_rows[trial.rows[0]];
        if let Some(row) = trial.rows.iter().find(|row| of_rows[**row] != *label) {
            return Err(Error::argument(
                format!(
                    "trial {} has the location {} in row {} of the table and {} in row {row}, counted from 0",
                    trial.name,
                    label.text(),
                    trial.rows[0],
                    of_rows[*row].text()
                ),
                "give every trial one location",
            ));
        }
    }
    let of_trials: Vec<Label> = trials.iter().map(|trial| of_rows[trial.rows[0]].clone()).collect();
    let mut found = placed(&of_trials, carried(table)?, &options.ring)?;
    if has(table, "location_label") && found.labels.labels.is_empty() {
        found.labels = written_labels(table, trials, &found.of_trials, found.count)?;
    }
    Ok(found)
}

/// Places the locations of trials on the ring.
pub(super) fn placed(of_trials: &[Label], carried: Option<usize>, options: &RingOptions) -> Result<Locations> {
    let mut distinct: Vec<Label> = Vec::new();
    for label in of_trials {
        if !distinct.contains(label) {
            distinct.push(label.clone());
        }
    }
    distinct.sort_by(|a, b| match (a.number(), b.number()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.text().cmp(&b.text()),
    });
    let found = ring::place(&distinct, carried, options)?;
    let place = |label: &Label| distinct.iter().position(|known| known == label).map(|rank| found.places[rank]);
    let of_trials = of_trials.iter().filter_map(place).collect();
    Ok(Locations { of_trials, count: found.count, labels: found.labels, note: found.note })
}

/// The number of locations that the table carries.
pub(super) fn carried(table: &DataFrame) -> Result<Option<usize>> {
    if !has(table, "locations_on_ring") {
        return Ok(None);
    }
    let counts = whole_numbers(table, "locations_on_ring")?;
    if let Some(row) = counts.iter().position(|count| *count != counts[0] || *count < 1.0) {
        return Err(Error::argument(
            format!("`locations_on_ring` is {} in row 0 of the table and {} in row {row}", counts[0], counts[row]),
            "give all trials one ring of one location or more",
        ));
    }
    Ok(Some(counts[0] as usize))
}

/// The labels of the column location_label.
fn written_labels(table: &DataFrame, trials: &[Trial], of_trials: &[usize], count: usize) -> Result<RingLabels> {
    let of_rows = labels(table, "location_label")?;
    let mut names: Vec<String> = (0..count).map(|place| place.to_string()).collect();
    for (trial, place) in trials.iter().zip(of_trials) {
        names[*place] = of_rows[trial.rows[0]].text();
    }
    Ok(RingLabels { labels: names, first_degrees: 0.0 })
}

/// The names unit_0 … unit_{N−1}, in this order.
fn unit_columns(table: &DataFrame) -> Result<Vec<String>> {
    let is_unit = |name: &PlSmallStr| name.strip_prefix("unit_").is_some_and(|unit| unit.parse::<usize>().is_ok());
    let count = table.get_column_names().into_iter().filter(|name| is_unit(name)).count();
    let names: Vec<String> = (0..count.max(1)).map(|unit| format!("unit_{unit}")).collect();
    match names.iter().find(|name| !has(table, name)) {
        Some(missing) => {
            let others = table.get_column_names().into_iter().map(ToString::to_string).take(12);
            Err(Error::argument(
                format!("the table of activity has no column `{missing}`"),
                format!(
                    "name its columns of rates unit_0, unit_1, … without a gap; it has {}",
                    others.collect::<Vec<_>>().join(", ")
                ),
            ))
        }
        None => Ok(names),
    }
}

/// The rates, (time, trial, unit); NaN where there is none, if that is allowed.
fn rates(table: &DataFrame, trials: &[Trial], clock: &Clock, holes: bool) -> Result<Array3<f32>> {
    let units = unit_columns(table)?;
    let mut trial_of = vec![0; table.height()];
    for (place, trial) in trials.iter().enumerate() {
        trial.rows.iter().for_each(|row| trial_of[*row] = place);
    }
    let mut rates = Array3::<f32>::zeros((clock.steps, trials.len(), units.len()));
    for (unit, column) in units.iter().enumerate() {
        let values = numbers_or_nan(table, column)?;
        for (row, value) in values.iter().enumerate() {
            let Some(step) = clock.rows[row] else { continue };
            if !(value.is_finite() || holes && value.is_nan()) {
                return Err(missing(table, column, row, *value));
            }
            rates[[step, trial_of[row], unit]] = *value as f32;
        }
    }
    Ok(rates)
}

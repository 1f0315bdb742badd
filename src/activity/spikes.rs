//! Activity out of spike times: counted in bins, smoothed if asked for.

use std::collections::HashMap;

use ndarray::Array3;
use polars::prelude::*;

use crate::activity::clock::round;
use crate::activity::columns::{Label, has, labels, numbers, numbers_or_nan};
use crate::activity::{Activity, PseudoPopulation, RingOptions, TimeUnit, Trial, recording};
use crate::error::{Error, Result};
use crate::tasks::whole_steps;

/// How spikes are counted.
#[derive(Clone, Debug, PartialEq)]
pub struct SpikeOptions {
    /// ms a bin.
    pub bin_ms: f64,
    /// The standard deviation of the Gaussian that rates are smoothed with, ms; none: not at all.
    pub smooth_ms: Option<f64>,
    /// Whether smoothing looks back only (half a Gaussian), so that no response begins before its stimulus.
    pub causal: bool,
    /// The column of the table of trials that time counts from, with or without its ending _s or _ms; none: start.
    pub align: Option<String>,
    /// The start of the window, ms from the event aligned to; often negative.
    pub from_ms: f64,
    /// The end of the window, ms.
    pub to_ms: f64,
    /// What times are in, where the names of columns do not end in _s or _ms.
    pub time_unit: Option<TimeUnit>,
    /// How locations lie on the ring.
    pub ring: RingOptions,
    /// Makes a pseudo-population, which units of several sessions need.
    pub pseudo: Option<PseudoPopulation>,
}

impl Default for SpikeOptions {
    fn default() -> Self {
        SpikeOptions {
            bin_ms: 20.0,
            smooth_ms: None,
            causal: false,
            align: None,
            from_ms: 0.0,
            to_ms: 1000.0,
            time_unit: None,
            ring: RingOptions::default(),
            pseudo: None,
        }
    }
}

/// Standard deviations at which a Gaussian is cut off.
const CUT_OFF: f64 = 5.0;

/// More values than this are a mistake in bins or windows.
const MOST_VALUES: f64 = 4e9;

/// A trial to count in.
struct Window {
    trial: Trial,
    label: Label,
    /// The event aligned to, ms on the recording's clock.
    origin: f64,
    /// Events, ms from the origin.
    events: Vec<f64>,
}

impl Activity {
    /// Rates in Hz of spikes counted in bins around an event of each trial, and the times of all events of the trials.
    ///
    /// `spikes` has a row a spike: unit (a number or a name) and time_s or time_ms on the recording's clock. `trials`
    /// has a row a trial: trial, location, start_s or start_ms on the same clock, and any further events in columns
    /// whose names end in _s or _ms. Where both have a column session, units belong to it and are counted in its trials
    /// alone. Trials without the event aligned to, or without a location, are left out and counted in
    /// [`Activity::notes`].
    ///
    /// Bin k holds the spikes from from_ms + k · bin_ms up to, but not including, from_ms + (k + 1) · bin_ms. Smoothing
    /// weighs bins by a Gaussian cut off at five standard deviations (`causal`: its half that looks back) and takes in
    /// spikes beyond the window, so that rates do not fall off at its ends.
    ///
    /// The table of events has the columns trial, event and time_ms (from the event aligned to; null where there was
    /// none): epochs for [`Activity::with_epochs_in_ms`] are read off it.
    ///
    /// ```
    /// use maturation::activity::{Activity, SpikeOptions};
    /// use polars::prelude::*;
    ///
    /// let spikes = df!["unit" => ["a", "a", "b"], "time_s" => [10.01, 10.03, 20.25]]?;
    /// let trials = df!["trial" => [1, 2], "location" => [0, 1], "start_s" => [9.5, 19.5], "cue_s" => [10.0, 20.0]]?;
    /// let window = SpikeOptions { from_ms: -100.0, to_ms: 300.0, ..SpikeOptions::default() };
    /// let options = SpikeOptions { align: Some("cue".into()), ..window };
    /// let (activity, events) = Activity::from_spikes(&spikes, &trials, &options)?;
    /// assert_eq!((activity.steps(), activity.start_ms, activity.dt), (20, -100.0, 20.0));
    /// assert_eq!(activity.rates[[5, 0, 0]], 50.0); // one spike of unit a in the 20 ms from the cue on
    /// assert_eq!(events.height(), 2 * 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a column is missing or not as described, a trial is there twice, no spike lies in any trial (the two tables
    /// may be on different clocks), or an option is impossible. Units of several sessions without a pseudo-population.
    pub fn from_spikes(
        spikes: &DataFrame,
        trials: &DataFrame,
        options: &SpikeOptions,
    ) -> Result<(Activity, DataFrame)> {
        let steps = options.steps()?;
        let (windows, names, mut notes) = windows(trials, options)?;
        let all: Vec<Trial> = windows.iter().map(|window| window.trial.clone()).collect();
        let units = Units::of(spikes, trials, options)?;
        if units.names.len() as f64 * steps as f64 * windows.len() as f64 > MOST_VALUES {
            return Err(Error::argument(
                format!("{} units × {steps} bins × {} trials are too many", units.names.len(), windows.len()),
                "take longer bins, a shorter window or fewer trials",
            ));
        }
        let rates = units.rates(&windows, steps, options, &mut notes)?;
        let labels: Vec<Label> = windows.iter().map(|window| window.label.clone()).collect();
        let carried = recording::carried(trials)?;
        let ring = recording::placed(&labels, carried, &options.ring)?;
        notes.extend(ring.note.clone());
        let (rates, locations) = match &options.pseudo {
            Some(pseudo) => {
                let pooled = pseudo.pool(&rates, &ring.of_trials, &all)?;
                notes.extend(pooled.notes);
                (pooled.rates, pooled.locations)
            }
            None if units.sessions > 1 => {
                return Err(Error::argument(
                    format!("the units are of {} sessions, so that none has all trials", units.sessions),
                    "make a pseudo-population of them by `PseudoPopulation`, or take one session",
                ));
            }
            None => (rates, ring.of_trials),
        };
        let mut activity = Activity::new(rates, locations, ring.count, options.bin_ms)?;
        activity.start_ms = options.from_ms;
        activity.ring = ring.labels;
        activity.notes = notes;
        Ok((activity, events(&windows, &names)?))
    }
}

impl SpikeOptions {
    /// The number of bins.
    fn steps(&self) -> Result<usize> {
        let refuse = |what: String, remedy: &str| Err(Error::argument(what, remedy));
        if !(self.bin_ms > 0.0 && self.bin_ms.is_finite()) {
            return refuse(format!("bins of {} ms", self.bin_ms), "give a positive number of ms a bin");
        }
        if let Some(smooth) = self.smooth_ms.filter(|smooth| !(*smooth > 0.0 && smooth.is_finite())) {
            return refuse(format!("smoothing over {smooth} ms"), "give a positive number of ms, or leave it out");
        }
        let window = self.to_ms - self.from_ms;
        if let Some(smooth) = self.smooth_ms.filter(|smooth| window > 0.0 && *smooth > window) {
            return refuse(
                format!("smoothing over {smooth} ms within {window} ms, which would leave nothing of the response"),
                "smooth over fewer ms, or take a longer window",
            );
        }
        if self.causal && self.smooth_ms.is_none() {
            return refuse("causal smoothing without smoothing".to_owned(), "give `smooth_ms` too");
        }
        let bins = whole_steps(self.to_ms - self.from_ms, self.bin_ms);
        if !((1.0..1e7).contains(&bins) && self.from_ms.is_finite()) {
            return refuse(
                format!("the window from {} to {} ms in bins of {} ms", self.from_ms, self.to_ms, self.bin_ms),
                "give a window of one bin or more, `from_ms` before `to_ms`",
            );
        }
        Ok(bins as usize)
    }

    /// The weights of the bins, from `.1` bins before to `.2` bins after.
    fn kernel(&self) -> (Vec<f64>, usize, usize) {
        let Some(smooth) = self.smooth_ms else { return (vec![1.0], 0, 0) };
        let reach = (CUT_OFF * smooth / self.bin_ms + 0.5).floor() as usize;
        let (before, after) = (reach, if self.causal { 0 } else { reach });
        let weight = |place: usize| {
            let distance = (place as f64 - before as f64) * self.bin_ms / smooth;
            (-0.5 * distance * distance).exp()
        };
        let weights: Vec<f64> = (0..=before + after).map(weight).collect();
        let sum: f64 = weights.iter().sum();
        (weights.into_iter().map(|weight| weight / sum).collect(), before, after)
    }
}

/// A column of times, with what its name or the options say it is in.
fn time_column(table: &DataFrame, stem: &str, said: Option<TimeUnit>, what: &str) -> Result<(String, TimeUnit)> {
    let bare = stem.strip_suffix("_ms").or_else(|| stem.strip_suffix("_s")).unwrap_or(stem);
    for (ending, unit) in [("_s", TimeUnit::Seconds), ("_ms", TimeUnit::Milliseconds)] {
        let name = format!("{bare}{ending}");
        if has(table, &name) {
            return Ok((name, unit));
        }
    }
    if has(table, bare) {
        return match said {
            Some(unit) => Ok((bare.to_owned(), unit)),
            None => Err(Error::argument(
                format!("the column `{bare}` of the table of {what} does not say what it is in"),
                format!("name it {bare}_s or {bare}_ms, or say `TimeUnit::Seconds` or `TimeUnit::Milliseconds`"),
            )),
        };
    }
    let names: Vec<String> = table.get_column_names().iter().map(ToString::to_string).collect();
    Err(Error::argument(
        format!("the table of {what} has no column `{bare}_s` or `{bare}_ms`"),
        format!("it has {}", names.join(", ")),
    ))
}

/// The trials to count in, and the names of their events.
fn windows(trials: &DataFrame, options: &SpikeOptions) -> Result<(Vec<Window>, Vec<String>, Vec<String>)> {
    if trials.height() == 0 {
        return Err(Error::argument("the table of trials has no rows", "it needs one for each trial"));
    }
    let names = labels(trials, "trial")?;
    let sessions = if has(trials, "session") { Some(labels(trials, "session")?) } else { None };
    let order = session_order(sessions.as_deref());
    let aligned = options.align.as_deref().unwrap_or("start");
    let (align, unit) = time_column(trials, aligned, options.time_unit, "trials")?;
    let origins = numbers_or_nan(trials, &align)?;
    let mut events = Vec::new();
    for column in trials.get_column_names() {
        let unit = match column.as_str() {
            name if name.ends_with("_ms") => TimeUnit::Milliseconds,
            name if name.ends_with("_s") => TimeUnit::Seconds,
            name if name == align => unit,
            _ => continue,
        };
        let name = column.strip_suffix("_ms").or_else(|| column.strip_suffix("_s")).unwrap_or(column);
        events.push((name.to_owned(), numbers_or_nan(trials, column)?, unit.ms()));
    }
    let places = location_labels(trials)?;
    let mut found = Vec::new();
    let mut left_out = (0, 0);
    let mut known: HashMap<(usize, String), usize> = HashMap::new();
    for (row, name) in names.iter().enumerate() {
        let session = order.of(row);
        if let Some(first) = known.insert((session, name.text()), row) {
            return Err(Error::argument(
                format!("trial {} is in rows {first} and {row} of the table of trials, counted from 0", name.text()),
                "give each trial one row; trials of several sessions need a column `session`",
            ));
        }
        let Some(label) = places[row].clone() else {
            left_out.1 += 1;
            continue;
        };
        if !origins[row].is_finite() {
            left_out.0 += 1;
            continue;
        }
        let origin = origins[row] * unit.ms();
        found.push(Window {
            trial: Trial { name: name.text(), number: name.number(), session, rows: vec![row] },
            label,
            origin,
            events: events.iter().map(|(_, times, ms)| times[row] * ms - origin).collect(),
        });
    }
    let mut notes = Vec::new();
    for (count, why) in [(left_out.0, format!("`{align}`")), (left_out.1, "`location`".to_owned())] {
        if count > 0 {
            notes.push(format!("{count} of {} trials have no {why} and are left out", names.len()));
        }
    }
    if found.is_empty() {
        return Err(Error::argument(format!("no trial has a `{align}` and a location"), "check the table of trials"));
    }
    Ok((found, events.into_iter().map(|(name, ..)| name).collect(), notes))
}

/// The location of each row; none where there is none.
fn location_labels(trials: &DataFrame) -> Result<Vec<Option<Label>>> {
    let column = trials.column("location").ok();
    if column.is_some_and(|column| column.dtype() == &DataType::String) {
        let kept = |label: &Label| Some(label.clone()).filter(|label| !matches!(label.text().as_str(), "" | "NA"));
        return match labels(trials, "location") {
            Ok(found) => Ok(found.iter().map(kept).collect()),
            Err(error) if column.is_some_and(|column| column.null_count() > 0) => {
                let values = column.and_then(|column| column.str().ok()).ok_or(error)?;
                let label = |text: &str| Label::Text(text.trim().to_owned());
                Ok(values.iter().map(|value| value.map(label)).collect())
            }
            Err(error) => Err(error),
        };
    }
    let values = numbers_or_nan(trials, "location")?;
    Ok(values.into_iter().map(|value| value.is_finite().then_some(Label::Number(value))).collect())
}

/// Numbers of sessions, in the order in which they begin.
struct Sessions {
    of_rows: Vec<usize>,
    names: Vec<String>,
}

impl Sessions {
    fn of(&self, row: usize) -> usize {
        self.of_rows.get(row).copied().unwrap_or(0)
    }
}

fn session_order(sessions: Option<&[Label]>) -> Sessions {
    let mut found = Sessions { of_rows: Vec::new(), names: Vec::new() };
    for session in sessions.unwrap_or_default() {
        let text = session.text();
        let place = found.names.iter().position(|known| *known == text).unwrap_or_else(|| {
            found.names.push(text);
            found.names.len() - 1
        });
        found.of_rows.push(place);
    }
    found
}

/// The spikes of each unit.
struct Units {
    names: Vec<String>,
    sessions: usize,
    /// The session of each unit.
    of_session: Vec<usize>,
    /// Ascending, ms on the recording's clock.
    times: Vec<Vec<f64>>,
}

impl Units {
    fn of(spikes: &DataFrame, trials: &DataFrame, options: &SpikeOptions) -> Result<Units> {
        if spikes.height() == 0 {
            return Err(Error::argument("the table of spikes has no rows", "it needs one for each spike"));
        }
        let (column, unit) = time_column(spikes, "time", options.time_unit, "spikes")?;
        let times = numbers(spikes, &column)?;
        let names = labels(spikes, "unit")?;
        let by_session = has(trials, "session");
        if by_session != has(spikes, "session") {
            let (with, without) = if by_session { ("trials", "spikes") } else { ("spikes", "trials") };
            return Err(Error::argument(
                format!("the table of {with} has a column `session`, that of {without} has none"),
                "give it to both, so that units are counted in the trials of their own session, or to neither",
            ));
        }
        let (of_rows, known) = match by_session {
            true => {
                let order = session_order(Some(&labels(trials, "session")?));
                let of_spikes = labels(spikes, "session")?;
                let find = |label: &Label| {
                    let text = label.text();
                    order.names.iter().position(|known| *known == text).ok_or_else(|| {
                        Error::argument(
                            format!("there are spikes of session {text}, which has no trials"),
                            format!("trials are of {}", order.names.join(", ")),
                        )
                    })
                };
                (of_spikes.iter().map(find).collect::<Result<Vec<_>>>()?, order.names.len())
            }
            false => (vec![0; names.len()], 1),
        };
        let mut index: HashMap<(usize, String), usize> = HashMap::new();
        let mut units: Vec<(usize, Label, Vec<f64>)> = Vec::new();
        for (row, name) in names.iter().enumerate() {
            let place = *index.entry((of_rows[row], name.text())).or_insert_with(|| {
                units.push((of_rows[row], name.clone(), Vec::new()));
                units.len() - 1
            });
            units[place].2.push(times[row] * unit.ms());
        }
        // Names come in the order in which they begin; a stable sort keeps it.
        units.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.number().unwrap_or(0.0).total_cmp(&b.1.number().unwrap_or(0.0))));
        let mut found = Units { names: Vec::new(), sessions: known, of_session: Vec::new(), times: Vec::new() };
        for (session, name, mut times) in units {
            times.sort_by(f64::total_cmp);
            found.names.push(name.text());
            found.of_session.push(session);
            found.times.push(times);
        }
        Ok(found)
    }

    /// Rates in Hz, (time, trial, unit); NaN in trials of another session.
    fn rates(
        &self,
        windows: &[Window],
        steps: usize,
        options: &SpikeOptions,
        notes: &mut Vec<String>,
    ) -> Result<Array3<f32>> {
        let (kernel, before, after) = options.kernel();
        let mut rates = Array3::from_elem((steps, windows.len(), self.names.len()), f32::NAN);
        let mut counts = vec![0.0; before + steps + after];
        let (mut inside, mut silent) = (0, Vec::new());
        for (unit, times) in self.times.iter().enumerate() {
            let mut of_unit = 0;
            for (trial, window) in windows.iter().enumerate() {
                if window.trial.session != self.of_session[unit] {
                    continue;
                }
                counts.fill(0.0);
                let begin = window.origin + options.from_ms - before as f64 * options.bin_ms;
                let end = begin + counts.len() as f64 * options.bin_ms;
                // Times in binary are a hair off the decimal ones of the table.
                let first = times.partition_point(|time| *time < begin - 1e-6);
                for time in times[first..].iter().take_while(|time| **time < end) {
                    let bin = ((time - begin) / options.bin_ms + 1e-6 / options.bin_ms).floor() as usize;
                    if bin < counts.len() {
                        counts[bin] += 1.0;
                        of_unit += usize::from((before..before + steps).contains(&bin));
                    }
                }
                for step in 0..steps {
                    let smoothed: f64 = if kernel.len() == 1 {
                        counts[step]
                    } else {
                        kernel.iter().zip(&counts[step..]).map(|(weight, count)| weight * count).sum()
                    };
                    rates[[step, trial, unit]] = (smoothed * 1000.0 / options.bin_ms) as f32;
                }
            }
            inside += of_unit;
            if of_unit == 0 {
                silent.push(self.names[unit].clone());
            }
        }
        if inside == 0 {
            let span = |values: &mut dyn Iterator<Item = f64>| {
                let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
                format!("{} to {} s", round(ends.0 / 1000.0), round(ends.1 / 1000.0))
            };
            let spikes = span(&mut self.times.iter().flatten().copied());
            let trials = span(&mut windows.iter().map(|window| window.origin));
            return Err(Error::argument(
                format!("no spike lies in the window of any trial: spikes are from {spikes}, trials from {trials}"),
                "give both tables on one clock and in one unit",
            ));
        }
        let extent = |values: &mut dyn Iterator<Item = f64>| {
            let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
            ends.1 - ends.0
        };
        let spikes = extent(&mut self.times.iter().flatten().copied());
        let trials = extent(&mut windows.iter().map(|window| window.origin)) + options.to_ms - options.from_ms;
        if spikes > 100.0 * trials {
            notes.push(format!(
                "spikes are spread over {} s, trials over {} s only: check that both are in one unit of time",
                round(spikes / 1000.0),
                round(trials / 1000.0)
            ));
        }
        if !silent.is_empty() {
            notes.push(format!("units {} have no spike in any trial's window", silent.join(", ")));
        }
        let numbered = self.names.iter().enumerate().all(|(place, name)| *name == place.to_string());
        if !numbered {
            let shown: Vec<&str> = self.names.iter().take(12).map(String::as_str).collect();
            let more = if self.names.len() > shown.len() { ", …" } else { "" };
            notes.push(format!(
                "units {}{more} are numbered from 0 to {} in this order",
                shown.join(", "),
                self.names.len() - 1
            ));
        }
        Ok(rates)
    }
}

/// The table of events.
fn events(windows: &[Window], names: &[String]) -> Result<DataFrame> {
    let rows = || windows.iter().flat_map(|window| names.iter().zip(&window.events).map(move |row| (window, row)));
    let time = |ms: f64| ms.is_finite().then(|| round(ms));
    df![
        "trial" => rows().map(|(window, _)| window.trial.name.clone()).collect::<Vec<_>>(),
        "event" => rows().map(|(_, (name, _))| name.clone()).collect::<Vec<_>>(),
        "time_ms" => rows().map(|(_, (_, ms))| time(*ms)).collect::<Vec<_>>(),
    ]
    .map_err(Error::table("making the table of events"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spikes() -> DataFrame {
        df!["unit" => [7, 7, 7, 3], "time_s" => [1.0, 1.0199, 1.02, 2.05]].unwrap()
    }

    fn trials() -> DataFrame {
        df!["trial" => [1, 2], "location" => [0, 90], "start_s" => [1.0, 2.0], "cue_s" => [1.5, 2.25]].unwrap()
    }

    fn options() -> SpikeOptions {
        let ring = RingOptions { count: Some(4), ..RingOptions::default() };
        SpikeOptions { to_ms: 100.0, ring, ..SpikeOptions::default() }
    }

    #[track_caller]
    fn assert_refused(spikes: &DataFrame, trials: &DataFrame, options: &SpikeOptions, words: &[&str]) {
        let message = Activity::from_spikes(spikes, trials, options).unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }

    #[test]
    fn a_bin_has_its_start_but_not_its_end() {
        let (activity, events) = Activity::from_spikes(&spikes(), &trials(), &options()).unwrap();
        assert_eq!(activity.rates.slice(ndarray::s![.., 0, 1]).to_vec(), [100.0, 50.0, 0.0, 0.0, 0.0]);
        assert_eq!(activity.rates.slice(ndarray::s![.., 1, 0]).to_vec(), [0.0, 0.0, 50.0, 0.0, 0.0]);
        assert_eq!((activity.locations, activity.location_count), (vec![0, 1], 4));
        assert!(activity.notes.iter().any(|note| note.contains("units 3, 7")), "{:?}", activity.notes);
        assert_eq!(events.column("time_ms").unwrap().f64().unwrap().to_vec(), [0.0, 500.0, 0.0, 250.0].map(Some));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let other = |column: Column| {
            let mut table = trials();
            table.with_column(column).unwrap();
            table
        };
        assert_refused(&spikes().drop("unit").unwrap(), &trials(), &options(), &["`unit`"]);
        assert_refused(&spikes().drop("time_s").unwrap(), &trials(), &options(), &["`time_s` or `time_ms`"]);
        assert_refused(&spikes(), &trials().drop("start_s").unwrap(), &options(), &["`start_s`"]);
        assert_refused(&spikes(), &other(Column::new("trial".into(), [1, 1])), &options(), &["trial 1", "0 and 1"]);
        assert_refused(&spikes(), &other(Column::new("start_s".into(), [1e3, 2e3])), &options(), &["one clock"]);
        assert_refused(&spikes(), &other(Column::new("session".into(), [1, 2])), &options(), &["`session`"]);
        assert_refused(&spikes(), &trials(), &SpikeOptions { bin_ms: 0.0, ..options() }, &["bins of 0 ms"]);
        assert_refused(&spikes(), &trials(), &SpikeOptions { to_ms: -5.0, ..options() }, &["one bin or more"]);
        assert_refused(&spikes(), &trials(), &SpikeOptions { smooth_ms: Some(-1.0), ..options() }, &["-1 ms"]);
        let endless = SpikeOptions { smooth_ms: Some(1e9), ..options() };
        assert_refused(&spikes(), &trials(), &endless, &["1000000000 ms", "longer window"]);
        assert_refused(&spikes(), &trials(), &SpikeOptions { causal: true, ..options() }, &["`smooth_ms`"]);
        let align = Some("saccade".to_owned());
        assert_refused(&spikes(), &trials(), &SpikeOptions { align, ..options() }, &["saccade", "cue_s"]);
        let mut plain = spikes();
        plain.rename("time_s", "time".into()).unwrap();
        assert_refused(&plain, &trials(), &options(), &["TimeUnit::Seconds"]);
        let said = SpikeOptions { time_unit: Some(TimeUnit::Seconds), ..options() };
        assert!(Activity::from_spikes(&plain, &trials(), &said).is_ok());
    }

    #[test]
    fn trials_without_the_event_are_left_out_and_counted() {
        let mut table = trials();
        table.with_column(Column::new("cue_s".into(), [None, Some(2.0)])).unwrap();
        let options = SpikeOptions { align: Some("cue_s".to_owned()), ..options() };
        let (activity, _) = Activity::from_spikes(&spikes(), &table, &options).unwrap();
        assert_eq!(activity.trials(), 1);
        assert!(activity.notes[0].contains("1 of 2 trials have no `cue_s`"), "{:?}", activity.notes);
        assert!(activity.notes.iter().any(|note| note.contains("units 7 have no spike")), "{:?}", activity.notes);
    }

    #[test]
    fn units_of_sessions_need_a_pseudo_population() {
        let spikes = df![
            "unit" => [0, 0, 0, 0], "time_s" => [1.0, 2.01, 11.0, 12.03], "session" => ["a", "a", "b", "b"]
        ]
        .unwrap();
        let trials = df![
            "trial" => [1, 2, 1, 2], "location" => [0, 1, 0, 1], "start_s" => [1.0, 2.0, 11.0, 12.0],
            "session" => ["a", "a", "b", "b"],
        ]
        .unwrap();
        let options = SpikeOptions { to_ms: 100.0, ..SpikeOptions::default() };
        assert_refused(&spikes, &trials, &options, &["2 sessions", "PseudoPopulation"]);
        let options = SpikeOptions { pseudo: Some(PseudoPopulation { trials: 1, seed: 0 }), ..options };
        let (activity, _) = Activity::from_spikes(&spikes, &trials, &options).unwrap();
        assert_eq!(activity.rates.dim(), (5, 2, 2));
        assert_eq!(activity.rates.slice(ndarray::s![.., 1, 1]).to_vec(), [0.0, 50.0, 0.0, 0.0, 0.0]);
        let mut strange = spikes;
        strange.with_column(Column::new("session".into(), ["a", "a", "b", "c"])).unwrap();
        assert_refused(&strange, &trials, &options, &["session c", "a, b"]);
    }
}

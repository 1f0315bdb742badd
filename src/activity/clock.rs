//! The time axis of a table: which step of which trial each row is, checked row by row.

use crate::activity::Trial;
use crate::error::{Error, Result};

/// What the times of a table are, within the step that they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum BinTime {
    /// The start of each step.
    #[default]
    Start,
    /// The middle.
    Centre,
    /// The end.
    End,
}

impl std::str::FromStr for BinTime {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "start" => Ok(BinTime::Start),
            "centre" | "center" => Ok(BinTime::Centre),
            "end" => Ok(BinTime::End),
            _ => Err(Error::unknown_name("part of a step", name, ["start", "centre", "end"])),
        }
    }
}

/// What is said of the axis.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said {
    /// ms a step.
    pub(super) dt: Option<f64>,
    pub(super) bins: BinTime,
    /// The window to keep, ms.
    pub(super) from_ms: Option<f64>,
    pub(super) to_ms: Option<f64>,
    /// Whether the unit of time was said, or is in the column's name.
    pub(super) unit_is_sure: bool,
}

/// Where the rows stand.
#[derive(Debug)]
pub(super) struct Clock {
    /// The start of the first step, ms.
    pub(super) start_ms: f64,
    pub(super) dt: f64,
    pub(super) steps: usize,
    /// The step of each row; none of a row outside the window.
    pub(super) rows: Vec<Option<usize>>,
    pub(super) notes: Vec<String>,
}

/// The times of a trial in order.
struct Course<'a> {
    trial: &'a Trial,
    /// Rows of the table, by time.
    rows: Vec<usize>,
    /// Steps from the common origin to its first row.
    first: i64,
}

/// Steps a trial, at most: more are no time course.
const MOST_STEPS: i64 = 50_000_000;

impl Clock {
    /// Places every row by its time (ms), or by its step where there is no time, and checks one against the other.
    pub(super) fn of(times: Option<&[f64]>, steps: Option<&[f64]>, trials: &[Trial], said: Said) -> Result<Clock> {
        if let Some(dt) = said.dt.filter(|dt| !(*dt > 0.0 && dt.is_finite())) {
            return Err(Error::argument(format!("the time step is {dt} ms"), "give a positive number of ms a step"));
        }
        for (name, ms) in [("from", said.from_ms), ("to", said.to_ms)] {
            if ms.is_some_and(f64::is_nan) {
                return Err(Error::argument(format!("the window is {name} NaN ms"), "give a time in ms"));
            }
        }
        let from_steps: Vec<f64>;
        let keys = match (times, steps) {
            (Some(times), _) => times,
            (None, Some(steps)) => {
                let dt = said.dt.ok_or_else(|| {
                    let what = "the table of activity has no `time_ms` column to tell the time step";
                    Error::argument(what, "give the time step in ms")
                })?;
                from_steps = steps.iter().map(|step| step * dt).collect();
                &from_steps
            }
            (None, None) => return Err(Error::argument("the table has neither step nor time", "give one")),
        };
        let mut courses: Vec<Course> = trials.iter().map(|trial| Course::of(trial, keys)).collect();
        for course in &courses {
            course.check_doubled(keys)?;
            if let (Some(times), Some(steps)) = (times, steps) {
                course.check_steps(times, steps)?;
            }
        }
        let dt = time_step(&courses, keys, said)?;
        let origin = keys[courses[0].rows[0]];
        for course in &mut courses {
            course.place(keys, origin, dt, &trials[0])?;
        }
        let mut clock = Clock::common(&courses, keys, origin, dt, said)?;
        let shift = match said.bins {
            BinTime::Start => 0.0,
            BinTime::Centre => 0.5 * dt,
            BinTime::End => dt,
        };
        clock.start_ms -= shift;
        let offset = clock.start_ms.rem_euclid(dt) / dt;
        if said.bins == BinTime::Start && said.from_ms.is_none() && (offset - 0.5).abs() < 0.01 {
            clock.notes.push(format!(
                "time begins at {} ms, in the middle of a step of {} ms: if times are the middles of bins, say \
                 `BinTime::Centre`",
                round(clock.start_ms),
                round(dt)
            ));
        } else if said.bins == BinTime::Start && (clock.start_ms - dt).abs() < 1e-6 * dt && times.is_some() {
            clock.notes.push(format!(
                "time begins at {} ms, one step: if times are the ends of bins, say `BinTime::End`",
                round(clock.start_ms)
            ));
        }
        Ok(clock)
    }

    /// The steps that all trials have, within the window.
    fn common(courses: &[Course], keys: &[f64], origin: f64, dt: f64, said: Said) -> Result<Clock> {
        let ends = |course: &Course| course.first + course.rows.len() as i64;
        let latest = courses.iter().max_by_key(|course| course.first);
        let earliest = courses.iter().min_by_key(|course| ends(course));
        let (Some(latest), Some(earliest)) = (latest, earliest) else {
            return Err(Error::argument("the table of activity has no rows", "it needs one for each trial and step"));
        };
        let (mut first, mut last) = (latest.first, ends(earliest));
        let at = |step: i64| origin + step as f64 * dt;
        if last <= first {
            return Err(Error::argument(
                format!(
                    "trial {} begins at {} ms, after trial {} has ended at {} ms",
                    latest.trial.name,
                    round(at(first)),
                    earliest.trial.name,
                    round(at(last))
                ),
                "count time from the start of each trial, or from an event in it",
            ));
        }
        let longest = courses.iter().map(|course| course.rows.len()).max().unwrap_or(0);
        let mut notes = Vec::new();
        let windowed = said.from_ms.is_some() || said.to_ms.is_some();
        if windowed {
            let inside = |ms: f64| ((ms - origin) / dt - 1e-6).ceil() as i64;
            let wanted = (said.from_ms.map_or(first, inside), said.to_ms.map_or(last, inside));
            if wanted.1 <= wanted.0 {
                return Err(Error::argument(
                    format!("the window from {:?} to {:?} ms holds no step", said.from_ms, said.to_ms)
                        .replace("Some(", "")
                        .replace(')', "")
                        .replace("None", "the end"),
                    format!("there is activity from {} to {} ms", round(at(first)), round(at(last))),
                ));
            }
            if wanted.0 < first || wanted.1 > last {
                let culprit = if wanted.0 < first { latest } else { earliest };
                return Err(Error::argument(
                    format!(
                        "trial {} has activity from {} to {} ms only",
                        culprit.trial.name,
                        round(at(culprit.first)),
                        round(at(ends(culprit)))
                    ),
                    "leave it out, or choose a window within it, `from_ms` to `to_ms`",
                ));
            }
            (first, last) = wanted;
        } else if ((last - first) as usize) < longest {
            if 2 * ((last - first) as usize) < longest {
                return Err(Error::argument(
                    format!(
                        "all trials have only {} to {} ms in common, for trial {} begins at {} ms and trial {} ends at \
                         {} ms, where others last {} ms",
                        round(at(first)),
                        round(at(last)),
                        latest.trial.name,
                        round(at(latest.first)),
                        earliest.trial.name,
                        round(at(ends(earliest))),
                        round(longest as f64 * dt)
                    ),
                    "leave the short trials out, or choose a window that all have, `from_ms` to `to_ms`",
                ));
            }
            notes.push(format!(
                "trials differ in length: all are cut to {} to {} ms, the last to begin being trial {}, the first to \
                 end trial {}",
                round(at(first)),
                round(at(last)),
                latest.trial.name,
                earliest.trial.name
            ));
        }
        let mut rows = vec![None; keys.len()];
        for course in courses {
            for (place, row) in course.rows.iter().enumerate() {
                let step = course.first + place as i64;
                rows[*row] = (first..last).contains(&step).then(|| (step - first) as usize);
            }
        }
        Ok(Clock { start_ms: at(first), dt, steps: (last - first) as usize, rows, notes })
    }
}

impl<'a> Course<'a> {
    fn of(trial: &'a Trial, keys: &[f64]) -> Course<'a> {
        let mut rows = trial.rows.clone();
        rows.sort_by(|a, b| keys[*a].total_cmp(&keys[*b]));
        Course { trial, rows, first: 0 }
    }

    fn check_doubled(&self, keys: &[f64]) -> Result<()> {
        match self.rows.windows(2).find(|pair| keys[pair[1]] - keys[pair[0]] < 1e-9) {
            None => Ok(()),
            Some(pair) => Err(Error::argument(
                format!(
                    "trial {} has two rows at {} ms: rows {} and {} of the table, counted from 0",
                    self.trial.name,
                    round(keys[pair[0]]),
                    pair[0].min(pair[1]),
                    pair[0].max(pair[1])
                ),
                "leave out the row that is there twice; if trials of several sessions have the same numbers, add a \
                 column `session`, or number the trials anew",
            )),
        }
    }

    fn check_steps(&self, times: &[f64], steps: &[f64]) -> Result<()> {
        for (place, row) in self.rows.iter().enumerate() {
            let expected = steps[self.rows[0]] + place as f64;
            if steps[*row] != expected {
                return Err(Error::argument(
                    format!(
                        "trial {} has step {} at {} ms (row {row} of the table, counted from 0), where by its times it \
                         is step {expected}",
                        self.trial.name,
                        steps[*row],
                        round(times[*row])
                    ),
                    "steps and times must rise together, one step at a time: correct the column `step` or `time_ms`, \
                     or leave `step` out",
                ));
            }
        }
        Ok(())
    }

    /// Finds the step of the first row, and checks the time of every row.
    fn place(&mut self, keys: &[f64], origin: f64, dt: f64, reference: &Trial) -> Result<()> {
        let tolerance = tolerance(dt);
        let first = keys[self.rows[0]];
        let place = ((first - origin) / dt).round();
        if place.abs() > MOST_STEPS as f64 || (first - origin - place * dt).abs() > tolerance {
            return Err(Error::argument(
                format!(
                    "trial {} begins at {} ms (row {} of the table, counted from 0), between two steps of {} ms of \
                     trial {}, which begins at {} ms",
                    self.trial.name,
                    round(first),
                    self.rows[0],
                    round(dt),
                    reference.name,
                    round(origin)
                ),
                "give all trials the same times, counted from the start of each trial or from an event in it",
            ));
        }
        self.first = place as i64;
        for (place, row) in self.rows.iter().enumerate() {
            let expected = origin + (self.first + place as i64) as f64 * dt;
            if (keys[*row] - expected).abs() > tolerance {
                return Err(Error::argument(
                    format!(
                        "trial {} has the time {} ms in row {row} of the table (counted from 0), where {} ms was \
                         expected, {} steps of {} ms after {} ms",
                        self.trial.name,
                        round(keys[*row]),
                        round(expected),
                        self.first + place as i64,
                        round(dt),
                        round(origin)
                    ),
                    "every trial must have each of its steps once, evenly spaced: put missing steps in, or bin the \
                     data anew",
                ));
            }
        }
        Ok(())
    }
}

/// How far a time may be from its step: room for times rounded to whole ms.
fn tolerance(dt: f64) -> f64 {
    (0.05 * dt).max(1.0).min(0.35 * dt)
}

/// ms a step, by the whole axis of the middle trial, or as it was said, if that agrees.
fn time_step(courses: &[Course], keys: &[f64], said: Said) -> Result<f64> {
    let of_trial = |course: &Course| {
        let (first, last) = (*course.rows.first()?, *course.rows.last()?);
        (course.rows.len() > 1).then(|| (keys[last] - keys[first]) / (course.rows.len() - 1) as f64)
    };
    let mut found: Vec<f64> = courses.iter().filter_map(of_trial).collect();
    found.sort_by(f64::total_cmp);
    let Some(measured) = found.get(found.len() / 2).copied() else {
        return said.dt.ok_or_else(|| {
            let what = "every trial has a single time, which does not tell the time step";
            Error::argument(what, "give the time step in ms")
        });
    };
    if let Some(dt) = said.dt {
        let longest = courses.iter().map(|course| course.rows.len()).max().unwrap_or(1) as f64;
        if (dt - measured).abs() * longest > tolerance(dt) {
            return Err(Error::argument(
                format!("the time step is said to be {dt} ms, and is {} ms by the times of the table", round(measured)),
                "leave out what is wrong: the step that was given, or the column of times",
            ));
        }
        return Ok(dt);
    }
    if measured < 0.1 && !said.unit_is_sure {
        return Err(Error::argument(
            format!("the times of the table are {} ms apart", round(measured)),
            "if they are in seconds, say `TimeUnit::Seconds`; if not, say `TimeUnit::Milliseconds`",
        ));
    }
    // Decimal times in binary are a hair off: 16.666666666666664 ms is a 60th of a second.
    let whole = 1000.0 / (1000.0 / measured).round();
    if (whole - measured).abs() < 1e-9 * measured {
        return Ok(whole);
    }
    Ok(whole_frequency(courses, keys, measured).unwrap_or(measured))
}

/// Times that are rounded to whole ms do not tell a step such as 16.67 ms; a whole number of steps a second that
/// explains every time does.
fn whole_frequency(courses: &[Course], keys: &[f64], measured: f64) -> Option<f64> {
    let spread = |dt: f64| {
        let mut most = 0.0_f64;
        for course in courses {
            let residuals = course.rows.iter().enumerate().map(|(place, row)| keys[*row] - place as f64 * dt);
            let (low, high) = residuals.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), r| (a.min(r), b.max(r)));
            most = most.max(high - low);
        }
        most
    };
    let rounded = keys.iter().all(|time| time.fract() == 0.0);
    if !rounded || spread(measured) < 1e-6 {
        return None;
    }
    let dt = 1000.0 / (1000.0 / measured).round();
    (dt.is_finite() && spread(dt) <= 1.0 + 1e-6).then_some(dt)
}

/// A time for a message.
pub(super) fn round(ms: f64) -> f64 {
    (1e4 * ms).round() / 1e4
}

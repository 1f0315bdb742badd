//! A task as a list: epochs, events, and the kinds of its trials.

use std::f64::consts::TAU;
use std::ops::Range;
use std::path::Path;

use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::numerics::random::RandomStream;
use crate::tasks::{
    Clock, Condition, Epoch, Event, Place, Ring, Shown, TEST_REPEATS, Task, Timeline, circular_distance,
};

/// A task of your own without any code: when things happen, and the kinds of trials there are. It reads from a JSON
/// file, and a run keeps it whole, so that the run opens wherever it is copied to. Times are in ms, angles in degrees.
///
/// This is go/no-go with a variable delay: a stimulus at the top or at the bottom of the ring, and after a delay of 200
/// to 1,000 ms a response towards it, or none.
///
/// ```
/// use maturation::prelude::*;
/// use maturation::tasks::{EventDefinition, TaskDefinition, TrialKind};
///
/// let definition = TaskDefinition {
///     name: "go_nogo".to_owned(),
///     epochs: vec![(Epoch::Fix1, 300.0), (Epoch::Stim1, 300.0), (Epoch::Delay1, 1000.0), (Epoch::Go1, 500.0)],
///     varied: vec![(Epoch::Delay1, 200.0, 1000.0)],
///     events: vec![EventDefinition::new("ring", &[Epoch::Stim1])],
///     trials: vec![TrialKind::responding([90.0], 90.0), TrialKind::fixating([270.0])],
///     ..TaskDefinition::default()
/// };
/// assert_eq!(TaskDefinition::from_json(definition.to_json())?, definition);
/// let rule: Rule = Rule::define(definition)?;
/// let hyperparameters = Hyperparameters {
///     ruleset: Ruleset::of(&[rule])?, // or `&[Rule::ODR, rule]`: beside a task of the crate
///     rule_trains: vec![rule],
///     ..Hyperparameters::paper()
/// };
/// let trials = Trials::test(&hyperparameters, rule, Mode::Test)?;
/// assert_eq!(trials.inputs.dim(), (105, 128, 10)); // (time, trial, input)
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TaskDefinition {
    /// The name.
    pub name: String,
    /// The epochs, one after the other, and how long each lasts, ms.
    pub epochs: Vec<(Epoch, f64)>,
    /// Epochs whose length is drawn for each random trial, uniformly from so many ms to so many. In the test batch they
    /// last as `epochs` says, which must be the longest. A trial that is over earlier goes on responding to the end.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub varied: Vec<(Epoch, f64, f64)>,
    /// What is shown beside the fixation point.
    pub events: Vec<EventDefinition>,
    /// The epoch in which the response is asked for: the fixation point goes off as it begins, and 100 ms later errors
    /// begin to cost five times as much.
    pub go: Epoch,
    /// The kinds of trials. Random trials are of each kind equally often; in the test batch each kind has its share.
    pub trials: Vec<TrialKind>,
    /// Whether each trial is turned round the ring, stimuli and response together: by any angle in random trials, to
    /// each location of the ring in the test batch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub turned: bool,
    /// How far from the required response, in degrees, a response is still right.
    pub tolerance: f64,
}

impl Default for TaskDefinition {
    /// A task without epochs, events and trials, which no network can do: what it has beside them.
    fn default() -> Self {
        TaskDefinition {
            name: String::new(),
            epochs: Vec::new(),
            varied: Vec::new(),
            events: Vec::new(),
            go: Epoch::Go1,
            trials: Vec::new(),
            turned: false,
            tolerance: 36.0,
        }
    }
}

/// Something that is shown for one epoch or several that follow each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventDefinition {
    /// Where: `ring`, `targets` (on the ring too, but never one-hot), or the name of a further input channel, which the
    /// network then has.
    pub on: String,
    /// From the beginning of the first of these epochs to the end of the last.
    pub during: Vec<Epoch>,
}

impl EventDefinition {
    /// An event on the ring, or on the further channel of that name.
    pub fn new(on: &str, during: &[Epoch]) -> Self {
        EventDefinition { on: on.to_owned(), during: during.to_vec() }
    }

    fn place(&self) -> Place {
        match self.on.as_str() {
            "ring" => Place::Ring,
            "targets" => Place::Target,
            channel => Place::Channel(channel.to_owned()),
        }
    }
}

/// A kind of trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialKind {
    /// What each event shows, in their order.
    pub shows: Vec<ShownDefinition>,
    /// The direction of the right response, degrees; none if fixation is to be kept.
    #[serde(default)]
    pub response: Option<f64>,
    /// The direction, degrees, by which analyses know the trial's location: by default that of the first event on the
    /// ring, or else of the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<f64>,
}

/// What an event shows: in a file `null`, a number, or `[direction, strength]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ShownDefinition {
    /// Nothing in this kind of trial.
    Nothing,
    /// On the ring a direction, degrees; on another channel its input.
    Number(f64),
    /// A direction on the ring, degrees, and its strength, which is 1 otherwise.
    Bump(f64, f64),
}

impl From<f64> for ShownDefinition {
    fn from(number: f64) -> Self {
        ShownDefinition::Number(number)
    }
}

/// A direction and its strength.
impl From<(f64, f64)> for ShownDefinition {
    fn from((at, strength): (f64, f64)) -> Self {
        ShownDefinition::Bump(at, strength)
    }
}

impl TrialKind {
    /// A kind that shows these things, one an event, and asks for this response (degrees). An event shows a number, or
    /// a direction with its strength.
    pub fn responding(shows: impl IntoIterator<Item = impl Into<ShownDefinition>>, response: f64) -> Self {
        TrialKind { response: Some(response), ..TrialKind::fixating(shows) }
    }

    /// A kind that shows these things and asks to keep fixating.
    pub fn fixating(shows: impl IntoIterator<Item = impl Into<ShownDefinition>>) -> Self {
        TrialKind { shows: shows.into_iter().map(Into::into).collect(), response: None, location: None }
    }

    /// The same kind, at this location (degrees) for analyses.
    pub fn located(self, location: f64) -> Self {
        TrialKind { location: Some(location), ..self }
    }
}

impl TaskDefinition {
    /// Reads a definition from a JSON file.
    ///
    /// # Errors
    /// If the file cannot be read, is no JSON, or has a key or value that no definition has.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        serde_json::from_str(&text).map_err(|problem| {
            Error::file(path, format!("it defines no task ({problem})"), "Correct it, or begin with the template")
        })
    }

    /// A definition from JSON.
    ///
    /// # Errors
    /// If it has a key or value that no definition has.
    pub fn from_json(json: Value) -> Result<Self> {
        serde_json::from_value(json)
            .map_err(|problem| Error::argument(format!("this defines no task ({problem})"), "correct this place"))
    }

    /// The definition as JSON.
    pub fn to_json(&self) -> Value {
        serde_json::json!(self)
    }

    /// The epochs in time steps.
    fn ranges(&self, clock: &Clock) -> Vec<(Epoch, Range<usize>)> {
        let mut begin = 0;
        let range = |(epoch, length): &(Epoch, f64)| {
            let end = begin + clock.epoch(*epoch, *length);
            (*epoch, std::mem::replace(&mut begin, end)..end)
        };
        self.epochs.iter().map(range).collect()
    }

    /// A trial of a kind, turned by an angle (radians).
    fn condition(&self, kind: &TrialKind, turn: f64) -> Condition {
        let angle = |degrees: f64| (degrees.to_radians() + turn).rem_euclid(TAU);
        let show = |(event, shown): (&EventDefinition, &ShownDefinition)| match (event.place(), *shown) {
            (_, ShownDefinition::Nothing) => Shown::Nothing,
            (Place::Channel(_), ShownDefinition::Number(level)) => Shown::Level(level),
            (_, ShownDefinition::Number(at)) => Shown::at(angle(at)),
            (_, ShownDefinition::Bump(at, strength)) => Shown::Direction { at: angle(at), strength },
        };
        let shown: Vec<Shown> = self.events.iter().zip(&kind.shows).map(show).collect();
        let response = kind.response.map(angle);
        let seen = shown.iter().find_map(|shown| match shown {
            Shown::Direction { at, .. } => Some(*at),
            Shown::Level(_) | Shown::Nothing => None,
        });
        let location = kind.location.map(angle).or(seen).or(response).unwrap_or(angle(0.0));
        Condition::new(location, shown, response)
    }

    /// Test trials of each location of the ring, if trials are turned, or else of each kind.
    fn repeats(&self, ring: &Ring) -> usize {
        let kinds = self.trials.len().max(1);
        match self.turned {
            true => kinds * TEST_REPEATS.div_ceil(kinds),
            false => (ring.len() * TEST_REPEATS).div_ceil(kinds),
        }
    }
}

impl Task for TaskDefinition {
    fn name(&self) -> &str {
        &self.name
    }

    fn channels(&self) -> Vec<String> {
        let mut channels = Vec::new();
        for event in &self.events {
            if let Place::Channel(name) = event.place()
                && !channels.contains(&name)
            {
                channels.push(name);
            }
        }
        channels
    }

    fn timeline(&self, clock: &Clock) -> Timeline {
        let epochs = self.ranges(clock);
        let end = epochs.last().map_or(0, |(_, range)| range.end);
        let of =
            |epoch: &Epoch| epochs.iter().find(|(name, _)| name == epoch).map_or(end..end, |(_, range)| range.clone());
        let event = |event: &EventDefinition| {
            let (first, last) = (event.during.first().map(of), event.during.last().map(of));
            Event {
                place: event.place(),
                when: first.map_or(end, |first| first.start)..last.map_or(end, |last| last.end),
            }
        };
        let go = of(&self.go).start;
        Timeline {
            events: self.events.iter().map(event).collect(),
            fixation_off: Some(go),
            response_on: Some(go),
            graded_from: (go + clock.steps(100.0)).min(end),
            end,
            epochs,
        }
    }

    fn random(&self, _: &Ring, stream: &mut RandomStream) -> Condition {
        let kind = &self.trials[stream.random_range(0..self.trials.len())];
        let turn = if self.turned { stream.random::<f64>() * TAU } else { 0.0 };
        let mut condition = self.condition(kind, turn);
        let length = |(epoch, from, to): &(Epoch, f64, f64)| (*epoch, from + (to - from) * stream.random::<f64>());
        condition.lengths = self.varied.iter().map(length).collect();
        condition
    }

    fn test_count(&self, ring: &Ring) -> usize {
        self.repeats(ring) * if self.turned { ring.len() } else { self.trials.len() }
    }

    fn test(&self, ring: &Ring, place: usize, _: &mut RandomStream) -> Condition {
        let (group, within) = (place / self.repeats(ring), place % self.repeats(ring));
        match self.turned {
            true => self.condition(&self.trials[within % self.trials.len()], ring.preferred()[group]),
            false => self.condition(&self.trials[group], 0.0),
        }
    }

    fn tolerance(&self) -> f64 {
        self.tolerance.to_radians()
    }

    fn chance(&self) -> Option<f64> {
        let responses: Vec<f64> = self.trials.iter().filter_map(|kind| kind.response).collect();
        let share = |right: usize| right as f64 / self.trials.len() as f64;
        let fixating = share(self.trials.len() - responses.len());
        let answered = if self.turned {
            // All directions are asked for equally often.
            share(responses.len()) * (self.tolerance / 180.0).min(1.0)
        } else {
            let near = |one: f64, other: f64| {
                circular_distance(one.to_radians(), other.to_radians()) < self.tolerance.to_radians()
            };
            let right = |answer: f64| share(responses.iter().filter(|response| near(**response, answer)).count());
            // What is right for most kinds is right up to an end of what is right for one of them.
            responses.iter().map(|response| right(response + (1.0 - 1e-9) * self.tolerance)).fold(0.0, f64::max)
        };
        Some(fixating.max(answered)).filter(|_| !responses.is_empty())
    }

    fn definition(&self) -> Option<Value> {
        Some(self.to_json())
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String, remedy: &str| Err(Error::argument(format!("task `{}` {what}", self.name), remedy));
        let names = || self.epochs.iter().map(|(epoch, _)| epoch.name()).collect::<Vec<_>>().join(", ");
        let unknown =
            |place: &str, epoch: Epoch| wrong(format!("{place} epoch {epoch}"), &format!("it has {}", names()));
        let known = |epoch: &Epoch| self.epochs.iter().position(|(name, _)| name == epoch);
        if self.epochs.is_empty() {
            return wrong("has no epochs".to_owned(), "list them with their lengths in ms");
        }
        for (place, (epoch, length)) in self.epochs.iter().enumerate() {
            if known(epoch) != Some(place) {
                return wrong(format!("has epoch {epoch} twice"), "give each epoch a name of its own");
            }
            if !(*length > 0.0 && *length <= 1e6) {
                return wrong(format!("has epoch {epoch} of {length} ms"), "give a length above 0, up to 1,000,000 ms");
            }
        }
        for (epoch, from, to) in &self.varied {
            let Some(place) = known(epoch) else { return unknown("varies", *epoch) };
            if !(*from >= 0.0 && from <= to && *to <= self.epochs[place].1) {
                let remedy = "give the shortest and the longest length, this up to what `epochs` says";
                return wrong(format!("has epoch {epoch} vary from {from} to {to} ms"), remedy);
            }
        }
        if known(&self.go).is_none() {
            return unknown("asks for the response in", self.go);
        }
        for (place, event) in self.events.iter().enumerate() {
            if event.on.is_empty() || event.during.is_empty() {
                return wrong(
                    format!("shows event {place} nowhere or never"),
                    "say `on` what, and `during` which epochs",
                );
            }
            let mut before = None;
            for epoch in &event.during {
                let Some(found) = known(epoch) else { return unknown(&format!("shows event {place} in"), *epoch) };
                if before.is_some_and(|before| found != before + 1) {
                    return wrong(format!("shows event {place} in epochs apart"), "name epochs that follow each other");
                }
                before = Some(found);
            }
        }
        if self.trials.is_empty() {
            return wrong("has no kind of trial".to_owned(), "list at least one in `trials`");
        }
        for (place, kind) in self.trials.iter().enumerate() {
            if kind.shows.len() != self.events.len() {
                let what = format!("has {} events, but `trials` {place} shows {}", self.events.len(), kind.shows.len());
                return wrong(what, "say for each event what it shows, null if nothing");
            }
            for (event, shown) in self.events.iter().zip(&kind.shows) {
                if matches!((event.place(), shown), (Place::Channel(_), ShownDefinition::Bump(..))) {
                    let what =
                        format!("shows a direction with its strength on channel `{}` in `trials` {place}", event.on);
                    return wrong(what, "give a number there");
                }
            }
        }
        if !(self.tolerance > 0.0 && self.tolerance <= 180.0) {
            return wrong(format!("has a tolerance of {} degrees", self.tolerance), "give one above 0, up to 180");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::Rule;

    fn definition(name: &str) -> TaskDefinition {
        TaskDefinition {
            name: name.to_owned(),
            epochs: vec![(Epoch::Fix1, 300.0), (Epoch::Stim1, 300.0), (Epoch::Delay1, 600.0), (Epoch::Go1, 400.0)],
            varied: vec![(Epoch::Delay1, 100.0, 600.0)],
            events: vec![
                EventDefinition::new("ring", &[Epoch::Stim1, Epoch::Delay1]),
                EventDefinition::new("motion", &[Epoch::Stim1]),
            ],
            trials: vec![
                TrialKind {
                    shows: vec![ShownDefinition::Bump(90.0, 0.5), ShownDefinition::Number(0.3)],
                    response: Some(90.0),
                    location: None,
                },
                TrialKind { shows: vec![ShownDefinition::Nothing; 2], response: None, location: Some(180.0) },
            ],
            ..TaskDefinition::default()
        }
    }

    #[test]
    fn a_definition_survives_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("task.json");
        let written = definition("filed");
        std::fs::write(&path, written.to_json().to_string()).unwrap();
        assert_eq!(TaskDefinition::read(&path).unwrap(), written);
        for (text, words) in [("{\"nam\": 3}", "nam"), ("{", "no task"), ("{\"go\": \"gone\"}", "gone")] {
            std::fs::write(&path, text).unwrap();
            let message = TaskDefinition::read(&path).unwrap_err().to_string();
            assert!(message.contains("task.json") && message.contains(words), "{message}");
        }
    }

    #[test]
    fn definitions_that_contradict_themselves_are_refused_with_the_place() {
        let refused = |change: &dyn Fn(&mut TaskDefinition), words: &str| {
            let mut wrong = definition("wrong");
            change(&mut wrong);
            let message = Rule::define(wrong).unwrap_err().to_string();
            assert!(message.contains(words), "{message}");
        };
        refused(&|task| task.name = "odr".to_owned(), "already");
        refused(&|task| task.name = "my task".to_owned(), "`my task`");
        refused(&|task| task.epochs.clear(), "no epochs");
        refused(&|task| task.epochs[1].0 = Epoch::Fix1, "fix1 twice");
        refused(&|task| task.epochs[1].1 = f64::NAN, "stim1 of NaN ms");
        refused(&|task| task.varied[0].2 = 700.0, "delay1 vary from 100 to 700");
        refused(&|task| task.varied[0].0 = Epoch::Delay2, "delay2");
        refused(&|task| task.go = Epoch::Stim2, "response in epoch stim2");
        refused(&|task| task.events[0].during = vec![Epoch::Fix1, Epoch::Delay1], "epochs apart");
        refused(&|task| task.events[0].during.clear(), "event 0 nowhere or never");
        refused(&|task| task.trials.clear(), "no kind of trial");
        refused(&|task| task.trials[1].shows.truncate(1), "has 2 events, but `trials` 1 shows 1");
        refused(&|task| task.trials[1].shows[1] = ShownDefinition::Bump(1.0, 2.0), "`motion` in `trials` 1");
        refused(&|task| task.trials[0].shows[1] = ShownDefinition::Number(f64::INFINITY), "finite");
        refused(&|task| task.tolerance = 0.0, "tolerance of 0");
    }

    #[test]
    fn test_trials_show_each_kind_and_turned_ones_each_location() {
        let ring = Ring::new(8);
        let mut stream = RandomStream::new(0, 0);
        let (fixed, turned) = (definition("fixed"), TaskDefinition { turned: true, ..definition("turned") });
        assert_eq!((fixed.test_count(&ring), turned.test_count(&ring)), (128, 128));
        let mut locations = |task: &TaskDefinition, places: [usize; 4]| {
            places.map(|place| ring.nearest(task.test(&ring, place, &mut stream).stimulus))
        };
        assert_eq!(locations(&fixed, [0, 63, 64, 127]), [2, 2, 4, 4]);
        assert_eq!(locations(&turned, [0, 1, 16, 127]), [2, 4, 3, 3]);
    }
}

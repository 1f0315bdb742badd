//! Rules: what a trial asks for.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::{Error, Result};
use crate::numerics::fnv;
use crate::numerics::random::RandomStream;
use crate::tasks::{Clock, Epoch, Place, Ring, Shown, Task, Timeline};

/// What a trial asks of the network. Each rule of a network's ruleset has an input channel of its own, which is on for
/// the whole trial.
///
/// The crate's own are constants; [`Rule::define`] makes one of a task of your own. Two rules of one name are the same.
#[derive(Clone, Copy)]
pub struct Rule(pub(super) &'static Known);

/// A rule that is known.
pub(super) struct Known {
    pub(super) name: &'static str,
    /// What tells its random streams from those of other rules. It must never change: the same seed gives the same run.
    pub(super) stream: u64,
    pub(super) task: &'static dyn Task,
}

/// A family's rules, one after the other: the constant, the name in files, the number of its random streams, its task.
macro_rules! rules {
    ($family:ident: $($(#[$about:meta])* $rule:ident = $name:literal, $stream:literal,
        { $($field:ident: $value:expr),* };)*) => {
        impl crate::tasks::Rule {
            $($(#[$about])*
            pub const $rule: crate::tasks::Rule = crate::tasks::Rule(&crate::tasks::rule::Known {
                name: $name,
                stream: $stream,
                task: &$family { name: $name, $($field: $value),* },
            });)*
        }

        /// The rules of this family.
        pub(super) const RULES: &[crate::tasks::Rule] = &[$(crate::tasks::Rule::$rule),*];
    };
}
pub(super) use rules;

/// Streams of defined rules are apart from those of the crate's.
const OWN_STREAMS: u64 = 1 << 63;

impl Rule {
    /// A rule of a user's own task, for as long as this program runs.
    pub(super) fn of_own(task: impl Task) -> Rule {
        // It lives as long as the program: networks may have it in any thread.
        let name: &'static str = Box::leak(task.name().to_owned().into_boxed_str());
        let task: &'static dyn Task = Box::leak(Box::new(task));
        Rule(Box::leak(Box::new(Known { name, stream: fnv(name.bytes()) | OWN_STREAMS, task })))
    }

    /// An error if its task contradicts itself.
    pub(super) fn check(self) -> Result<()> {
        let timeline = self.timeline(&Clock::new(1.0));
        timeline.check(self)?;
        let ring = Ring::new(8);
        let mut stream = RandomStream::new(0, 0);
        for place in 0..self.0.task.test_count(&ring) {
            self.check_condition(&timeline, &self.0.task.test(&ring, place, &mut stream))?;
        }
        self.check_condition(&timeline, &self.0.task.random(&ring, &mut stream))
    }

    /// An error if a condition does not say what each event shows.
    pub(super) fn check_condition(self, timeline: &Timeline, condition: &super::Condition) -> Result<()> {
        let wrong = |what: String, remedy: &str| Err(Error::argument(format!("a trial of `{self}` {what}"), remedy));
        if condition.shown.len() != timeline.events.len() {
            let what = format!("shows {}, but has {} events", condition.shown.len(), timeline.events.len());
            return wrong(what, "say for each event of its timeline what it shows, `Shown::Nothing` if nothing");
        }
        for (event, shown) in timeline.events.iter().zip(&condition.shown) {
            let finite = match (&event.place, *shown) {
                (Place::Ring | Place::Target, Shown::Direction { at, strength }) => {
                    at.is_finite() && strength.is_finite()
                }
                (Place::Channel(_), Shown::Level(level)) => level.is_finite(),
                (_, Shown::Nothing) => true,
                (Place::Ring | Place::Target, Shown::Level(_)) => {
                    return wrong(format!("shows {shown:?} on the ring"), "a direction can be shown there");
                }
                (Place::Channel(name), Shown::Direction { .. }) => {
                    return wrong(format!("shows {shown:?} on channel `{name}`"), "a level can be shown there");
                }
            };
            if !finite {
                return wrong(format!("shows {shown:?}"), "give a finite number");
            }
            if let Place::Channel(name) = &event.place
                && !self.channels().contains(name)
            {
                return wrong(format!("has an event on channel `{name}`"), "name it among the task's channels");
            }
        }
        let angles = condition.response.iter().chain([&condition.stimulus]);
        if angles.into_iter().any(|angle| !angle.is_finite()) {
            return wrong(
                format!("has stimulus {}, response {:?}", condition.stimulus, condition.response),
                "give angles",
            );
        }
        Ok(())
    }

    /// The name used in files, tables and on the command line, as in the published system.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Its task.
    pub fn task(self) -> &'static dyn Task {
        self.0.task
    }

    /// Whether it was defined, and is not one of the crate's.
    pub fn is_own(self) -> bool {
        self.0.stream & OWN_STREAMS != 0
    }

    /// What tells its random streams from those of other rules.
    pub(crate) fn stream(self) -> u64 {
        self.0.stream
    }

    /// The further input channels that it needs, by name.
    pub fn channels(self) -> Vec<String> {
        self.0.task.channels()
    }

    /// When things happen in its trials.
    pub fn timeline(self, clock: &Clock) -> Timeline {
        let mut timeline = self.0.task.timeline(clock);
        timeline.epochs.retain(|(_, range)| !range.is_empty());
        timeline
    }

    /// The epochs of the rule, in order of their beginning.
    pub fn epochs(self) -> Vec<Epoch> {
        Timeline::of(self, 1.0).epochs.into_iter().map(|(epoch, _)| epoch).collect()
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Rule {}

impl Hash for Rule {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl PartialOrd for Rule {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By name.
impl Ord for Rule {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rule").field(&self.name()).finish()
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

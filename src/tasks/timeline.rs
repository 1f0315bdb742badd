//! When things happen in a trial.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::tasks::{Clock, Condition, Epoch, Rule};

/// When things happen in a trial of one rule, in time steps from the trial's start.
///
/// A range is half-open: an event is on in its first step and off in its end step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// The epochs, in order of their beginning. They may overlap: in the gap rules the response epoch begins with the
    /// stimulus.
    pub epochs: Vec<(Epoch, Range<usize>)>,
    /// What is shown beside the fixation point; what each event shows is the [condition](crate::tasks::Condition)'s.
    pub events: Vec<Event>,
    /// When the fixation point goes off; `None` if it stays on.
    pub fixation_off: Option<usize>,
    /// Where the target output turns from fixation to the response; `None` if fixation is required to the end.
    pub response_on: Option<usize>,
    /// From where the response costs and is graded (100 ms are allowed for the reaction).
    pub graded_from: usize,
    /// Number of steps of the trial.
    pub end: usize,
}

/// Something that is shown for a part of the trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where it is shown.
    pub place: Place,
    /// When it is on.
    pub when: Range<usize>,
}

/// Where an event is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the ring of directions, as `in_loc_type` has it.
    Ring,
    /// On the ring of directions, always as a bump: a target of a choice.
    Target,
    /// On a further input channel, by the name that its task gives it.
    Channel(String),
}

impl Event {
    /// An event on the ring.
    pub fn on_ring(when: Range<usize>) -> Self {
        Event { place: Place::Ring, when }
    }

    /// A target of a choice on the ring.
    pub fn target(when: Range<usize>) -> Self {
        Event { place: Place::Target, when }
    }

    /// An event on a further input channel.
    pub fn on_channel(channel: impl Into<String>, when: Range<usize>) -> Self {
        Event { place: Place::Channel(channel.into()), when }
    }
}

impl Timeline {
    /// The timeline of `rule` at a time step of `dt` ms.
    pub fn of(rule: Rule, dt: f64) -> Self {
        rule.timeline(&Clock::new(dt))
    }

    /// An error if something happens outside of the trial.
    pub(crate) fn check(&self, rule: Rule) -> Result<()> {
        let outside = |what: String| {
            let remedy = format!("the trial has {} steps: check the lengths of its epochs and the time step", self.end);
            Err(Error::argument(format!("the timeline of `{rule}` has {what}"), remedy))
        };
        if self.end == 0 {
            return outside("no step".to_owned());
        }
        for (epoch, range) in &self.epochs {
            if range.start >= range.end || range.end > self.end {
                return outside(format!("epoch {epoch} in steps {} to {}", range.start, range.end));
            }
        }
        for (place, event) in self.events.iter().enumerate() {
            if event.when.start > event.when.end || event.when.end > self.end {
                return outside(format!("event {place} in steps {} to {}", event.when.start, event.when.end));
            }
        }
        for moment in self.fixation_off.iter().chain(&self.response_on).chain([&self.graded_from]) {
            if *moment > self.end {
                return outside(format!("a moment at step {moment}"));
            }
        }
        Ok(())
    }

    /// The direction in which a trial of this timeline should respond at `step`, radians; `None` while it should
    /// fixate.
    pub(super) fn required(&self, condition: &Condition, step: usize) -> Option<f64> {
        if step < self.response_on? { None } else { condition.response }
    }

    /// The same timeline in a trial that goes on until step `end`, and so does what went on until its own.
    pub(crate) fn until(mut self, end: usize) -> Self {
        let own = std::mem::replace(&mut self.end, end);
        let ranges = self.epochs.iter_mut().map(|(_, range)| range);
        for range in ranges.chain(self.events.iter_mut().map(|event| &mut event.when)) {
            if range.end == own {
                range.end = end;
            }
        }
        self
    }

    /// The epochs of a batch: of each, the steps that are in it in every trial.
    pub(crate) fn common(mut self, trials: &[Timeline]) -> Self {
        for (epoch, range) in &mut self.epochs {
            for trial in trials {
                let here = trial.epochs.iter().find(|(name, _)| name == epoch).map_or(0..0, |(_, here)| here.clone());
                *range = range.start.max(here.start)..range.end.min(here.end);
            }
        }
        self.epochs.retain(|(_, range)| range.start < range.end);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_the_epochs_that_it_names_inside_its_trial() {
        for rule in Rule::all().into_iter().filter(|rule| !rule.is_own()) {
            for dt in [20.0, 10.0, 5.0, 1.0, 33.0] {
                let timeline = Timeline::of(rule, dt);
                let names: Vec<Epoch> = timeline.epochs.iter().map(|(epoch, _)| *epoch).collect();
                assert_eq!(names, rule.epochs(), "{rule}");
                timeline.check(rule).unwrap();
                assert!(timeline.graded_from < timeline.end, "{rule}");
            }
        }
    }

    #[test]
    fn epochs_of_the_families() {
        let epochs = |rule: Rule| rule.epochs().into_iter().map(Epoch::name).collect::<Vec<_>>().join(" ");
        assert_eq!(epochs(Rule::ODR750), "fix1 stim1 delay1 go1");
        assert_eq!(epochs(Rule::ODRD), "fix1 stim1 delay1 distract1 delay2 go1");
        assert_eq!(epochs(Rule::OVERLAP), "fix1 stim1 go1");
        assert_eq!(epochs(Rule::ZERO_GAP), "fix1 stim1 go1");
        assert_eq!(epochs(Rule::GAP500), "fix1 delay1 stim1 go1");
        assert_eq!(epochs(Rule::MATCH_OR_NON_PASSIVE), "fix1 stim1 delay1 stim2 delay2 go1");
    }

    #[test]
    fn durations_of_the_paper() {
        assert_eq!(Timeline::of(Rule::ODR, 20.0).end, 175);
        assert_eq!(Timeline::of(Rule::ODR750, 20.0).end, 137);
        assert_eq!(Timeline::of(Rule::ODR15000, 20.0).end, 850);
        assert_eq!(Timeline::of(Rule::OVERLAP, 20.0).end, 80);
        assert_eq!(Timeline::of(Rule::GAP, 20.0).end, 85);
        assert_eq!(Timeline::of(Rule::GAP500, 20.0).end, 105);
    }

    #[test]
    fn a_delay_can_be_shorter_down_to_none() {
        let clock = Clock::new(20.0);
        for (length, steps) in [(1500.0, 75), (300.0, 15), (0.0, 0)] {
            let timeline = Rule::ODR.timeline(&clock.with_lengths(&[(Epoch::Delay1, length)]));
            assert_eq!(timeline.end, 100 + steps);
            assert_eq!(timeline.epochs.len(), if steps == 0 { 3 } else { 4 });
            timeline.check(Rule::ODR).unwrap();
        }
    }
}

//! When things happen in a trial.

use std::ops::Range;

use crate::tasks::{Epoch, Rule, anti_saccade, delayed_response, match_to_sample};

/// When things happen in a trial of one rule, in time steps from the trial's start.
///
/// A range is half-open: the event is on in its first step and off in its end step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeline {
    /// When the fixation point goes off; `None` if it stays on.
    pub fixation_off: Option<usize>,
    /// The first stimulus.
    pub stimulus: Range<usize>,
    /// The distractor, or the second stimulus of the match tasks.
    pub second: Option<Range<usize>>,
    /// The two choice targets of the match tasks.
    pub choices: Option<Range<usize>>,
    /// Where the target output turns from fixation to the response; `None` if fixation is required to the end.
    pub response_on: Option<usize>,
    /// From where the response is graded (100 ms are allowed for the reaction).
    pub graded_from: usize,
    /// Number of steps of the trial.
    pub end: usize,
    /// The epochs, in order of their beginning. They may overlap: in the gap rules the response epoch begins with the
    /// stimulus.
    pub epochs: Vec<(Epoch, Range<usize>)>,
}

impl Timeline {
    /// The timeline of `rule` at a time step of `dt` ms.
    pub fn of(rule: Rule, dt: f64) -> Self {
        let clock = Clock { dt };
        match rule {
            Rule::Odr => delayed_response::timeline(clock, 1500.0),
            Rule::Odr500 => delayed_response::timeline(clock, 500.0),
            Rule::Odr750 => delayed_response::timeline(clock, 750.0),
            Rule::Odr1000 => delayed_response::timeline(clock, 1000.0),
            Rule::Odr1100 => delayed_response::timeline(clock, 1100.0),
            Rule::Odr1200 => delayed_response::timeline(clock, 1200.0),
            Rule::Odr1300 => delayed_response::timeline(clock, 1300.0),
            Rule::Odr1400 => delayed_response::timeline(clock, 1400.0),
            Rule::Odr3000 => delayed_response::timeline(clock, 3000.0),
            Rule::Odr6000 => delayed_response::timeline(clock, 6000.0),
            Rule::Odr15000 => delayed_response::timeline(clock, 15000.0),
            Rule::Odrd => delayed_response::timeline_with_distractor(clock),
            Rule::Overlap => anti_saccade::overlap(clock),
            Rule::ZeroGap => anti_saccade::zero_gap(clock),
            Rule::Gap => anti_saccade::gap(clock, 100.0),
            Rule::Gap500 => anti_saccade::gap(clock, 500.0),
            Rule::MatchOrNon | Rule::MatchOrNonEasy => match_to_sample::timeline(clock, true),
            Rule::MatchOrNonPassive => match_to_sample::timeline(clock, false),
        }
    }
}

/// Turns durations in ms into whole time steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// ms a step.
    pub(crate) dt: f64,
}

impl Clock {
    /// Whole steps in a duration, rounded down as the published system does (a delay of 750 ms is 37 steps of 20 ms).
    pub(crate) fn steps(self, milliseconds: f64) -> usize {
        // 1e-9 keeps a duration that is a whole number of steps from losing one to rounding, as in 300 / 0.1.
        (milliseconds / self.dt + 1e-9).floor() as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_the_epochs_that_it_names_inside_its_trial() {
        for rule in Rule::ALL {
            for dt in [20.0, 10.0, 5.0, 1.0, 33.0] {
                let timeline = Timeline::of(rule, dt);
                let names: Vec<Epoch> = timeline.epochs.iter().map(|(epoch, _)| *epoch).collect();
                assert_eq!(names, rule.epochs(), "{rule}");
                for (epoch, range) in &timeline.epochs {
                    assert!(range.start < range.end && range.end <= timeline.end, "{rule} {epoch} {range:?}");
                }
                assert!(timeline.graded_from < timeline.end, "{rule}");
            }
        }
    }

    #[test]
    fn durations_of_the_paper() {
        assert_eq!(Timeline::of(Rule::Odr, 20.0).end, 175);
        assert_eq!(Timeline::of(Rule::Odr750, 20.0).end, 137);
        assert_eq!(Timeline::of(Rule::Odr15000, 20.0).end, 850);
        assert_eq!(Timeline::of(Rule::Overlap, 20.0).end, 80);
        assert_eq!(Timeline::of(Rule::Gap, 20.0).end, 85);
        assert_eq!(Timeline::of(Rule::Gap500, 20.0).end, 105);
    }
}

//! Time in steps.

use crate::tasks::Epoch;

/// Turns times in ms into whole time steps, and knows which epochs are to last longer or shorter than their task has
/// it.
///
/// ```
/// use maturation::prelude::*;
/// use maturation::tasks::{Clock, Timeline};
///
/// let clock = Clock::new(20.0);
/// assert_eq!((clock.steps(750.0), clock.epoch(Epoch::Delay1, 1500.0)), (37, 75));
/// let short = clock.with_lengths(&[(Epoch::Delay1, 300.0)]);
/// assert_eq!(short.epoch(Epoch::Delay1, 1500.0), 15);
/// assert_eq!(Rule::ODR.timeline(&short).end, Timeline::of(Rule::ODR, 20.0).end - 60);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    dt: f64,
    lengths: Vec<(Epoch, f64)>,
}

impl Clock {
    /// A clock of `dt` ms a step, by which epochs last as long as their task has it.
    pub fn new(dt: f64) -> Self {
        Clock { dt, lengths: Vec::new() }
    }

    /// The same clock, by which these epochs last so many ms.
    pub fn with_lengths<'a>(&self, lengths: impl IntoIterator<Item = &'a (Epoch, f64)>) -> Self {
        let mut changed = self.clone();
        for (epoch, length) in lengths {
            changed.lengths.retain(|(known, _)| known != epoch);
            changed.lengths.push((*epoch, *length));
        }
        changed
    }

    /// The same clock in a trial of which some epochs last so many ms; those that the clock itself changes stay so.
    pub(crate) fn in_trial(&self, lengths: &[(Epoch, f64)]) -> Self {
        Clock { dt: self.dt, lengths: lengths.to_vec() }.with_lengths(&self.lengths)
    }

    /// ms a step.
    pub fn dt(&self) -> f64 {
        self.dt
    }

    /// Whole steps in a duration, rounded down as the published system does (a delay of 750 ms is 37 steps of 20 ms).
    pub fn steps(&self, milliseconds: f64) -> usize {
        whole_steps(milliseconds, self.dt) as usize
    }

    /// Steps of an epoch that usually lasts so many ms.
    pub fn epoch(&self, epoch: Epoch, usually: f64) -> usize {
        let changed = self.lengths.iter().find(|(known, _)| *known == epoch);
        self.steps(changed.map_or(usually, |(_, length)| *length))
    }
}

/// Whole steps of `dt` ms in a duration, rounded down; below 0 for one below 0, and NaN for what is no duration.
pub(crate) fn whole_steps(milliseconds: f64, dt: f64) -> f64 {
    // 1e-9 keeps a duration that is a whole number of steps from losing one to rounding, as in 300 / 0.1.
    (milliseconds / dt + 1e-9).floor()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded_down_but_for_rounding_of_their_own() {
        for (milliseconds, dt, steps) in [(750.0, 20.0, 37.0), (300.0, 0.1, 3000.0), (19.9, 20.0, 0.0), (0.0, 5.0, 0.0)]
        {
            assert_eq!(whole_steps(milliseconds, dt), steps);
            assert_eq!(Clock::new(dt).steps(milliseconds), steps as usize);
        }
        assert_eq!(whole_steps(-30.0, 20.0), -2.0);
        assert!(whole_steps(f64::NAN, 20.0).is_nan());
    }
}

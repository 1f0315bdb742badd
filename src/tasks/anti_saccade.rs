//! Anti-saccade: respond to the direction opposite a brief stimulus.
//!
//! The rules differ in when the fixation point goes off: with the stimulus' end (overlap), as it appears (zero_gap), or
//! a gap before it (gap, gap500).

use std::f64::consts::{PI, TAU};

use rand::RngExt;

use crate::numerics::random::RandomStream;
use crate::tasks::rule::rules;
use crate::tasks::{Clock, Condition, Epoch, Event, Ring, TEST_REPEATS, Task, Timeline};

/// Anti-saccade whose fixation point goes off `gap` ms before the stimulus appears, or with its end.
#[derive(Debug)]
struct AntiSaccade {
    name: &'static str,
    fixation: Fixation,
}

/// When the fixation point goes off, and the response is asked for.
#[derive(Debug)]
enum Fixation {
    /// Both as the stimulus goes off.
    Overlap,
    /// The point so many ms before the stimulus appears; the response is asked for with the stimulus.
    Gap(f64),
}

rules! { AntiSaccade:
    /// Anti-saccade, the fixation point going off with the stimulus.
    OVERLAP = "overlap", 12, { fixation: Fixation::Overlap };
    /// Anti-saccade, the fixation point going off as the stimulus appears.
    ZERO_GAP = "zero_gap", 13, { fixation: Fixation::Gap(0.0) };
    /// Anti-saccade, the fixation point going off 100 ms before the stimulus.
    GAP = "gap", 14, { fixation: Fixation::Gap(100.0) };
    /// Anti-saccade, the fixation point going off 500 ms before the stimulus.
    GAP500 = "gap500", 15, { fixation: Fixation::Gap(500.0) };
}

impl Task for AntiSaccade {
    fn name(&self) -> &str {
        self.name
    }

    /// All directions are asked for equally often.
    fn chance(&self) -> Option<f64> {
        Some(self.tolerance() / PI)
    }

    /// The gap between fixation and stimulus, where there is one, is the first delay.
    fn timeline(&self, clock: &Clock) -> Timeline {
        let fixation = clock.epoch(Epoch::Fix1, 1000.0);
        let gap = match self.fixation {
            Fixation::Gap(gap) if gap > 0.0 => clock.epoch(Epoch::Delay1, gap),
            Fixation::Gap(_) | Fixation::Overlap => 0,
        };
        let on = fixation + gap;
        let off = on + clock.epoch(Epoch::Stim1, 100.0);
        let (fixation_off, response_on) = match self.fixation {
            Fixation::Overlap => (off, off),
            Fixation::Gap(_) => (fixation, on),
        };
        let end = off + clock.steps(500.0);
        Timeline {
            epochs: vec![
                (Epoch::Fix1, 0..fixation),
                (Epoch::Delay1, fixation..on),
                (Epoch::Stim1, on..off),
                (Epoch::Go1, response_on..end),
            ],
            events: vec![Event::on_ring(on..off)],
            fixation_off: Some(fixation_off),
            response_on: Some(response_on),
            graded_from: response_on + clock.steps(100.0),
            end,
        }
    }

    /// Directions are uniform on the circle.
    fn random(&self, _: &Ring, stream: &mut RandomStream) -> Condition {
        Condition::anti_saccade(stream.random::<f64>() * TAU)
    }

    fn test(&self, ring: &Ring, place: usize, _: &mut RandomStream) -> Condition {
        Condition::anti_saccade(ring.preferred()[place / TEST_REPEATS])
    }
}

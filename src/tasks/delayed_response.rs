//! Oculomotor delayed response (odr and its delays) and the same with a distractor (odrd).
//!
//! A stimulus appears for 500 ms after 1,000 ms of fixation; its direction must be remembered over the delay. When the
//! fixation point goes off, the response goes to where the stimulus was.

use std::f64::consts::{PI, TAU};

use rand::RngExt;

use crate::numerics::random::RandomStream;
use crate::tasks::rule::rules;
use crate::tasks::{Clock, Condition, Epoch, Event, Ring, TEST_REPEATS, Task, Timeline};

/// Delayed response with a delay of `delay` ms; with a distractor, one as long before it and one after it.
#[derive(Debug)]
struct DelayedResponse {
    name: &'static str,
    delay: f64,
    distractor: bool,
}

rules! { DelayedResponse:
    /// Oculomotor delayed response: remember the cue for 1,500 ms, then respond towards it.
    ODR = "odr", 0, { delay: 1500.0, distractor: false };
    /// Delayed response with a delay of 500 ms.
    ODR500 = "odr500", 1, { delay: 500.0, distractor: false };
    /// Delayed response with a delay of 750 ms.
    ODR750 = "odr750", 2, { delay: 750.0, distractor: false };
    /// Delayed response with a delay of 1,000 ms.
    ODR1000 = "odr1000", 3, { delay: 1000.0, distractor: false };
    /// Delayed response with a delay of 1,100 ms.
    ODR1100 = "odr1100", 4, { delay: 1100.0, distractor: false };
    /// Delayed response with a delay of 1,200 ms.
    ODR1200 = "odr1200", 5, { delay: 1200.0, distractor: false };
    /// Delayed response with a delay of 1,300 ms.
    ODR1300 = "odr1300", 6, { delay: 1300.0, distractor: false };
    /// Delayed response with a delay of 1,400 ms.
    ODR1400 = "odr1400", 7, { delay: 1400.0, distractor: false };
    /// Delayed response with a delay of 3,000 ms.
    ODR3000 = "odr3000", 8, { delay: 3000.0, distractor: false };
    /// Delayed response with a delay of 6,000 ms.
    ODR6000 = "odr6000", 9, { delay: 6000.0, distractor: false };
    /// Delayed response with a delay of 15,000 ms.
    ODR15000 = "odr15000", 10, { delay: 15000.0, distractor: false };
    /// Delayed response with a distractor from 500 to 1,000 ms after the stimulus, in the middle of the delay.
    ODRD = "odrd", 11, { delay: 500.0, distractor: true };
}

impl Task for DelayedResponse {
    fn name(&self) -> &str {
        self.name
    }

    /// All directions are asked for equally often.
    fn chance(&self) -> Option<f64> {
        Some(self.tolerance() / PI)
    }

    fn timeline(&self, clock: &Clock) -> Timeline {
        let on = clock.epoch(Epoch::Fix1, 1000.0);
        let off = on + clock.epoch(Epoch::Stim1, 500.0);
        let mut go = off + clock.epoch(Epoch::Delay1, self.delay);
        let mut epochs = vec![(Epoch::Fix1, 0..on), (Epoch::Stim1, on..off), (Epoch::Delay1, off..go)];
        let mut events = vec![Event::on_ring(on..off)];
        if self.distractor {
            let distractor = go..go + clock.epoch(Epoch::Distract1, 500.0);
            go = distractor.end + clock.epoch(Epoch::Delay2, self.delay);
            epochs.push((Epoch::Distract1, distractor.clone()));
            epochs.push((Epoch::Delay2, distractor.end..go));
            events.push(Event::on_ring(distractor));
        }
        let end = go + clock.epoch(Epoch::Go1, 500.0);
        epochs.push((Epoch::Go1, go..end));
        Timeline {
            epochs,
            events,
            fixation_off: Some(go),
            response_on: Some(go),
            graded_from: go + clock.steps(100.0),
            end,
        }
    }

    /// Directions are uniform on the circle; the distractor is one to n − 1 locations away.
    fn random(&self, ring: &Ring, stream: &mut RandomStream) -> Condition {
        let stimulus = stream.random::<f64>() * TAU;
        if !self.distractor {
            return Condition::delayed_response(stimulus);
        }
        let turn = stream.random_range(1..ring.len()) as f64 * ring.spacing();
        Condition::with_distractor(stimulus, (stimulus + turn).rem_euclid(TAU))
    }

    /// The distractor is opposite the stimulus.
    fn test(&self, ring: &Ring, place: usize, _: &mut RandomStream) -> Condition {
        let stimulus = ring.preferred()[place / TEST_REPEATS];
        match self.distractor {
            true => Condition::with_distractor(stimulus, (stimulus + PI).rem_euclid(TAU)),
            false => Condition::delayed_response(stimulus),
        }
    }

    fn with_distractor(&self, stimulus: f64, distractor: f64) -> Option<Condition> {
        self.distractor.then(|| Condition::with_distractor(stimulus, distractor))
    }
}

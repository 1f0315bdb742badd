//! Oculomotor delayed response (odr and its delays) and the same with a distractor (odrd).
//!
//! A stimulus appears for 500 ms after 1,000 ms of fixation; its direction must be remembered over the delay. When the
//! fixation point goes off, the response goes to where the stimulus was.

use crate::tasks::Epoch;
use crate::tasks::timeline::{Clock, Timeline};

/// Delayed response with a delay of `delay` ms.
pub(crate) fn timeline(clock: Clock, delay: f64) -> Timeline {
    let stimulus_on = clock.steps(1000.0);
    let stimulus_off = stimulus_on + clock.steps(500.0);
    let go = stimulus_off + clock.steps(delay);
    let end = go + clock.steps(500.0);
    Timeline {
        fixation_off: Some(go),
        stimulus: stimulus_on..stimulus_off,
        second: None,
        choices: None,
        response_on: Some(go),
        graded_from: go + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..stimulus_on),
            (Epoch::Stim1, stimulus_on..stimulus_off),
            (Epoch::Delay1, stimulus_off..go),
            (Epoch::Go1, go..end),
        ],
    }
}

/// Delayed response with a distractor from 500 to 1,000 ms after the stimulus.
pub(crate) fn timeline_with_distractor(clock: Clock) -> Timeline {
    let half_second = clock.steps(500.0);
    let stimulus_on = clock.steps(1000.0);
    let stimulus_off = stimulus_on + half_second;
    let distractor_on = stimulus_off + half_second;
    let distractor_off = distractor_on + half_second;
    let go = distractor_off + half_second;
    let end = go + half_second;
    Timeline {
        fixation_off: Some(go),
        stimulus: stimulus_on..stimulus_off,
        second: Some(distractor_on..distractor_off),
        choices: None,
        response_on: Some(go),
        graded_from: go + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..stimulus_on),
            (Epoch::Stim1, stimulus_on..stimulus_off),
            (Epoch::Delay1, stimulus_off..distractor_on),
            (Epoch::Distract1, distractor_on..distractor_off),
            (Epoch::Delay2, distractor_off..go),
            (Epoch::Go1, go..end),
        ],
    }
}

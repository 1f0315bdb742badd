//! Anti-saccade: respond to the direction opposite a brief stimulus.
//!
//! The rules differ in when the fixation point goes off: with the stimulus' end (overlap), as it appears (zero_gap), or
//! a gap before it (gap, gap500).

use crate::tasks::Epoch;
use crate::tasks::timeline::{Clock, Timeline};

/// Length of the stimulus, ms.
const STIMULUS: f64 = 100.0;

/// The fixation point stays on while the stimulus is shown; the response is asked for as both go off.
pub(crate) fn overlap(clock: Clock) -> Timeline {
    let stimulus_on = clock.steps(1000.0);
    let stimulus_off = stimulus_on + clock.steps(STIMULUS);
    timeline(clock, stimulus_off, stimulus_on, stimulus_off)
}

/// The fixation point goes off as the stimulus appears, and the response is asked for at once.
pub(crate) fn zero_gap(clock: Clock) -> Timeline {
    let stimulus_on = clock.steps(1000.0);
    timeline(clock, stimulus_on, stimulus_on, stimulus_on)
}

/// The fixation point goes off `gap` ms before the stimulus appears; the response is asked for with the stimulus.
pub(crate) fn gap(clock: Clock, gap: f64) -> Timeline {
    let fixation_off = clock.steps(1000.0);
    let stimulus_on = fixation_off + clock.steps(gap);
    timeline(clock, fixation_off, stimulus_on, stimulus_on)
}

/// The timeline from its three moments. Where fixation ends before the stimulus, the gap between is the first delay.
fn timeline(clock: Clock, fixation_off: usize, stimulus_on: usize, response_on: usize) -> Timeline {
    let stimulus_off = stimulus_on + clock.steps(STIMULUS);
    let end = stimulus_off + clock.steps(500.0);
    let mut epochs = vec![(Epoch::Fix1, 0..fixation_off.min(stimulus_on))];
    if fixation_off < stimulus_on {
        epochs.push((Epoch::Delay1, fixation_off..stimulus_on));
    }
    epochs.push((Epoch::Stim1, stimulus_on..stimulus_off));
    epochs.push((Epoch::Go1, response_on..end));
    Timeline {
        fixation_off: Some(fixation_off),
        stimulus: stimulus_on..stimulus_off,
        second: None,
        choices: None,
        response_on: Some(response_on),
        graded_from: response_on + clock.steps(100.0),
        end,
        epochs,
    }
}

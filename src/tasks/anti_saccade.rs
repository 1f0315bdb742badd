//! Anti-saccade: respond to the direction opposite a brief stimulus.
//!
//! The rules differ in when the fixation point goes off: with the stimulus' end (overlap), as it appears (zero_gap), or
//! a gap before it (gap, gap500).

use crate::tasks::Epoch;
use crate::tasks::timeline::{Clock, Timeline};

/// The fixation point stays on while the stimulus is shown.
pub(crate) fn overlap(clock: Clock) -> Timeline {
    let stimulus_on = clock.steps(1000.0);
    let stimulus_off = stimulus_on + clock.steps(100.0);
    let end = stimulus_off + clock.steps(500.0);
    Timeline {
        fixation_off: Some(stimulus_off),
        stimulus: stimulus_on..stimulus_off,
        second: None,
        choices: None,
        response_on: Some(stimulus_off),
        graded_from: stimulus_off + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..stimulus_on),
            (Epoch::Stim1, stimulus_on..stimulus_off),
            (Epoch::Go1, stimulus_off..end),
        ],
    }
}

/// The fixation point goes off as the stimulus appears, and the response is asked for at once.
pub(crate) fn zero_gap(clock: Clock) -> Timeline {
    let stimulus_on = clock.steps(1000.0);
    let stimulus_off = stimulus_on + clock.steps(100.0);
    let end = stimulus_off + clock.steps(500.0);
    Timeline {
        fixation_off: Some(stimulus_on),
        stimulus: stimulus_on..stimulus_off,
        second: None,
        choices: None,
        response_on: Some(stimulus_on),
        graded_from: stimulus_on + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..stimulus_on),
            (Epoch::Stim1, stimulus_on..stimulus_off),
            (Epoch::Go1, stimulus_on..end),
        ],
    }
}

/// The fixation point goes off `gap` ms before the stimulus appears.
pub(crate) fn gap(clock: Clock, gap: f64) -> Timeline {
    let fixation_off = clock.steps(1000.0);
    let stimulus_on = fixation_off + clock.steps(gap);
    let stimulus_off = stimulus_on + clock.steps(100.0);
    let end = stimulus_off + clock.steps(500.0);
    Timeline {
        fixation_off: Some(fixation_off),
        stimulus: stimulus_on..stimulus_off,
        second: None,
        choices: None,
        response_on: Some(stimulus_on),
        graded_from: stimulus_on + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..fixation_off),
            (Epoch::Delay1, fixation_off..stimulus_on),
            (Epoch::Stim1, stimulus_on..stimulus_off),
            (Epoch::Go1, stimulus_on..end),
        ],
    }
}

//! Match or non-match: compare two stimuli across a delay, then choose between two targets.
//!
//! The first stimulus is shown at 1,000–1,500 ms, the second at 2,000–2,500 ms, both choice targets from 3,000 ms. The
//! passive variant shows the same but asks to keep fixating.

use crate::tasks::Epoch;
use crate::tasks::timeline::{Clock, Timeline};

/// The timeline; `responds` is false for the passive variant.
pub(crate) fn timeline(clock: Clock, responds: bool) -> Timeline {
    let half_second = clock.steps(500.0);
    let first_on = clock.steps(1000.0);
    let first_off = first_on + half_second;
    let second_on = first_off + half_second;
    let second_off = second_on + half_second;
    let go = second_off + half_second;
    let end = go + half_second;
    Timeline {
        fixation_off: responds.then_some(go),
        stimulus: first_on..first_off,
        second: Some(second_on..second_off),
        choices: Some(go..end),
        response_on: responds.then_some(go),
        graded_from: go + clock.steps(100.0),
        end,
        epochs: vec![
            (Epoch::Fix1, 0..first_on),
            (Epoch::Stim1, first_on..first_off),
            (Epoch::Delay1, first_off..second_on),
            (Epoch::Stim2, second_on..second_off),
            (Epoch::Delay2, second_off..go),
            (Epoch::Go1, go..end),
        ],
    }
}

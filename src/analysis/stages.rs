//! The stages of a run's checkpoints, for the analyses that group by them.

use crate::error::{Error, Result};
use crate::tasks::Rule;
use crate::training::{Run, Stage};

/// The stage of a checkpoint by its performance averaged over `window` evaluations (1: its own performance).
///
/// # Errors
/// If the log has no performance there, or `window` is 0.
pub(super) fn stage_of(run: &Run, rule: Rule, trials_trained: u64, window: usize) -> Result<Stage> {
    if window == 0 {
        return Err(Error::argument("a window of 0 evaluations averages nothing", "use 1 or more"));
    }
    run.averaged_stage_at(rule, trials_trained, window).ok_or_else(|| {
        let path = run.path().display();
        let what = format!("the log of `{path}` has no performance on `{rule}` after {trials_trained} trials");
        Error::argument(what, "choose a rule and checkpoints that the log has")
    })
}

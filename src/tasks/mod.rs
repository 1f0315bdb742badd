//! The tasks: rules, their timelines, and batches of trials.
//!
//! A trial shows a fixation point, one or more stimuli on a ring of eight directions, and the rule to follow; the
//! network answers on a fixation output and a ring of eight response outputs. Rules come in families, one file each:
//! delayed response (with and without a distractor), anti-saccade, and match-or-non-match.

mod anti_saccade;
mod delayed_response;
mod epoch;
mod match_to_sample;
mod ring;
mod rule;
mod table;
mod timeline;
#[cfg(test)]
mod tests;
mod trials;

pub use epoch::Epoch;
pub use ring::{Encoding, Ring, circular_distance};
pub use rule::{Rule, Ruleset};
pub use timeline::Timeline;
pub use trials::{Condition, Mode, Trials};

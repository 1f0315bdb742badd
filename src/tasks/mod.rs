//! The tasks: rules, their timelines, and batches of trials.
//!
//! A trial shows a fixation point, one or more stimuli on a ring of eight directions, and the rule to follow; the
//! network answers on a fixation output and a ring of eight response outputs. Rules come in families, one file each:
//! delayed response (with and without a distractor), anti-saccade, and match-or-non-match. A [`Rule`] stands for a
//! [`Task`]; [`Rule::define`] makes one of your own.

mod anti_saccade;
mod arrays;
mod clock;
mod condition;
mod definition;
mod delayed_response;
mod drawn;
mod epoch;
mod grading;
mod input_noise;
mod match_to_sample;
mod mode;
mod registry;
mod ring;
mod rule;
mod ruleset;
mod settings;
mod spares;
mod table;
mod task;
#[cfg(test)]
mod tests;
mod timeline;
mod trials;

pub(crate) use arrays::Outline;
pub use clock::Clock;
pub(crate) use clock::whole_steps;
pub use condition::{Condition, Shown};
pub use definition::{EventDefinition, ShownDefinition, TaskDefinition, TrialKind};
pub use drawn::DrawnTrials;
pub use epoch::Epoch;
pub(crate) use grading::FIXATING;
pub use grading::{Said, TOLERANCE};
pub use mode::Mode;
pub use ring::{Encoding, Ring, circular_distance};
pub use rule::Rule;
pub use ruleset::Ruleset;
pub use settings::{DescribesTrials, Loss, TrialSettings};
pub(crate) use spares::Spares;
pub use task::Task;
pub use timeline::{Event, Place, Timeline};
pub use trials::Trials;

/// Repeats of each location in a test batch.
const TEST_REPEATS: usize = 16;

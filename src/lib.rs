//! Train recurrent networks on working-memory tasks, and watch their units mature.
#![warn(missing_docs)]

pub mod activity;
pub mod analysis;
pub mod error;
pub mod figures;
pub mod hyperparameters;
pub mod network;
pub mod notebook;
pub mod numerics;
pub mod readout;
mod seed;
pub mod statistics;
pub mod tables;
pub mod tasks;
pub mod training;

pub use error::{Error, Result};

/// What a notebook needs.
pub mod prelude {
    pub use crate::activity::Activity;
    pub use crate::analysis::{self, Selectivity, SelectivityOptions, selectivity, selectivity_with};
    pub use crate::error::{Error, Result};
    pub use crate::figures;
    pub use crate::hyperparameters::{Activation, Hyperparameters, Loss, OptimizerKind, RecurrentInit};
    pub use crate::network::{Network, RecurrentSweep, SweepNoise};
    pub use crate::notebook::Show;
    pub use crate::tasks::{Condition, Epoch, Mode, Rule, Ruleset, Trials};
    pub use crate::training::{AutomaticChoice, Checkpoint, Checkpoints, Run, Stage, Training};
}

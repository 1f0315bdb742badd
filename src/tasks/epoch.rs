//! The named parts of a trial.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A named part of a trial (reference timelines: each rule has its own subset, see [`crate::tasks::Rule::epochs`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Epoch {
    /// Fixation before the first stimulus.
    Fix1,
    /// The first stimulus (the cue).
    Stim1,
    /// The first delay; in the gap rules, the gap before the stimulus.
    Delay1,
    /// The distractor of the distractor task.
    Distract1,
    /// The second stimulus of the match tasks.
    Stim2,
    /// The second delay.
    Delay2,
    /// The response.
    Go1,
}

impl Epoch {
    /// Every epoch that some rule has.
    pub const ALL: [Epoch; 7] =
        [Epoch::Fix1, Epoch::Stim1, Epoch::Delay1, Epoch::Distract1, Epoch::Stim2, Epoch::Delay2, Epoch::Go1];

    /// The name used in tables and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Epoch::Fix1 => "fix1",
            Epoch::Stim1 => "stim1",
            Epoch::Delay1 => "delay1",
            Epoch::Distract1 => "distract1",
            Epoch::Stim2 => "stim2",
            Epoch::Delay2 => "delay2",
            Epoch::Go1 => "go1",
        }
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Epoch {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = Epoch::ALL.into_iter().find(|epoch| epoch.name() == name);
        found.ok_or_else(|| Error::unknown_name("epoch", name, Epoch::ALL))
    }
}

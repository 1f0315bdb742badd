//! Which trials a batch holds.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Which trials a batch holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every trial drawn at random: directions uniform on the circle.
    Random,
    /// The test batch: each ring location 16 times, trial `i` at location `i / 16`; the distractor opposite the
    /// stimulus.
    Test,
    /// The test batch of the distractor rule with every trial at one stimulus and one distractor location.
    TestPair {
        /// Location of the stimulus, counted from 0.
        stimulus: usize,
        /// Location of the distractor, counted from 0.
        distractor: usize,
    },
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mode::Random => f.pad("random"),
            Mode::Test => f.pad("test"),
            Mode::TestPair { stimulus, distractor } => f.pad(&format!("test-{stimulus}-{distractor}")),
        }
    }
}

impl FromStr for Mode {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let unknown = || Error::unknown_name("mode", name, ["random", "test", "test-S-D (for example test-2-5)"]);
        match name {
            "random" => Ok(Mode::Random),
            "test" => Ok(Mode::Test),
            _ => {
                let pair = name.strip_prefix("test-").and_then(|pair| pair.split_once('-')).ok_or_else(unknown)?;
                let stimulus = pair.0.parse().map_err(|_| unknown())?;
                let distractor = pair.1.parse().map_err(|_| unknown())?;
                Ok(Mode::TestPair { stimulus, distractor })
            }
        }
    }
}

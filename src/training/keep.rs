//! Which checkpoints a training keeps.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// Which checkpoints a training keeps of those that it makes: of a thousand runs, all are millions of files.
///
/// The first and the newest are kept in any case. The log has every evaluation; analyses are of the checkpoints that
/// are there.
///
/// ```
/// use maturation::training::Keep;
///
/// assert_eq!("every 4".parse::<Keep>()?, Keep::Every(4));
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Keep {
    /// That of each evaluation.
    #[default]
    All,
    /// That of each such evaluation: of every 4th, say.
    Every(u64),
    /// None but the first and the newest.
    Last,
}

impl Keep {
    /// Whether the checkpoint of the evaluation of this number, counted from 0, stays when newer ones are there.
    pub(super) fn stays(self, evaluation: u64) -> bool {
        match self {
            Keep::All => true,
            Keep::Every(every) => evaluation.is_multiple_of(every),
            Keep::Last => evaluation == 0,
        }
    }

    /// An error if there is no such choice.
    pub(crate) fn check(self) -> Result<()> {
        match self {
            Keep::Every(0) => Err(Error::argument("every 0th checkpoint is none", "keep every 4th, say, or the last")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Keep::All => f.pad("all"),
            Keep::Every(every) => f.pad(&format!("every {every}")),
            Keep::Last => f.pad("last"),
        }
    }
}

impl FromStr for Keep {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let keep = match text.trim() {
            "all" => Some(Keep::All),
            "last" => Some(Keep::Last),
            other => {
                let number = other.strip_prefix("every ").or_else(|| other.strip_prefix("every-"));
                number.and_then(|number| number.trim().parse().ok()).map(Keep::Every)
            }
        };
        let keep = keep.ok_or_else(|| {
            Error::argument(format!("checkpoints cannot be kept by `{text}`"), "write all, last, or every 4")
        })?;
        keep.check().map(|()| keep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_read_as_they_are_written_and_others_are_refused() {
        for keep in [Keep::All, Keep::Last, Keep::Every(1), Keep::Every(20)] {
            assert_eq!(keep.to_string().parse::<Keep>().unwrap(), keep);
        }
        for wrong in ["", "every", "every 0", "every -1", "some", "every 1.5"] {
            let message = wrong.parse::<Keep>().unwrap_err().to_string();
            assert!(message.contains("every 4"), "{wrong}: {message}");
        }
    }
}

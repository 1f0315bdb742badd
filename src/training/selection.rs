//! Which checkpoints of a run are meant.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::tasks::Rule;
use crate::training::{Checkpoints, Run, Stage};

/// Some of a run's checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// All.
    All,
    /// The newest.
    Last,
    /// Those after exactly these numbers of trials.
    Trials(Vec<u64>),
    /// Those after a number of trials in this range, both ends included.
    Between(u64, u64),
    /// Those at which the rule in question is at this stage.
    Stage(Stage),
}

impl FromStr for Selection {
    type Err = Error;

    /// `all`, `last`, numbers of trials `N,N,…`, or a range `A..B`.
    fn from_str(text: &str) -> Result<Self> {
        let unknown = || Error::unknown_name("choice of checkpoints", text, ["all", "last", "N,N,…", "A..B"]);
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| unknown());
        match text {
            "all" => Ok(Selection::All),
            "last" => Ok(Selection::Last),
            _ => match text.split_once("..") {
                Some((from, to)) => Ok(Selection::Between(number(from)?, number(to.trim_start_matches('='))?)),
                None => Ok(Selection::Trials(text.split(',').map(number).collect::<Result<_>>()?)),
            },
        }
    }
}

impl Run {
    /// The checkpoints that are meant, in the order of training; an error if there is none, or one of those named is
    /// not there.
    pub fn selected(&self, selection: &Selection, rule: Rule) -> Result<Checkpoints> {
        match selection {
            Selection::All => self.checkpoints(),
            Selection::Last => Ok(Checkpoints::one(self.last()?)),
            Selection::Stage(stage) => self.stage(rule, *stage),
            Selection::Trials(trials) => {
                for trials in trials {
                    self.checkpoint(*trials)?;
                }
                self.those_that(|found| trials.contains(&found), || format!("after {trials:?} trials"))
            }
            Selection::Between(from, to) => {
                self.those_that(|found| (*from..=*to).contains(&found), || format!("between {from} and {to} trials"))
            }
        }
    }
}

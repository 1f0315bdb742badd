//! What is averaged together.

use std::fmt;

use crate::training::Stage;

/// What a curve is the average of: the checkpoints of a stage, or a group of one's own, such as the recordings of a
/// year.
///
/// ```
/// use maturation::analysis::Group;
/// use maturation::training::Stage;
///
/// assert_eq!(Group::from("adult monkeys").to_string(), "adult monkeys");
/// assert_eq!(Group::from(Stage::Early).to_string(), "early");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// A stage of training. Stages come before other groups, in their order.
    Stage(Stage),
    /// A group by its name; groups come in the order of the alphabet.
    Named(String),
}

impl From<Stage> for Group {
    fn from(stage: Stage) -> Self {
        Group::Stage(stage)
    }
}

impl From<&str> for Group {
    fn from(name: &str) -> Self {
        Group::Named(name.to_owned())
    }
}

impl From<String> for Group {
    fn from(name: String) -> Self {
        Group::Named(name)
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Group::Stage(stage) => f.pad(stage.name()),
            Group::Named(name) => f.pad(name),
        }
    }
}

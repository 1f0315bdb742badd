//! Which checkpoints of a run are meant.

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::tasks::Rule;
use crate::training::{Checkpoints, Run, Stage};

/// Some of a run's checkpoints: what analyses of a run are made of.
///
/// Where one is asked for, a [`Stage`] or [`Checkpoints`] in hand will do.
///
/// ```
/// use maturation::prelude::*;
///
/// let run = Run::open("data/6tasks")?;
/// let last: Selection = "last".parse()?;
/// assert_eq!(run.selected(&last, Rule::ODR)?.len(), 1);
/// let mature = run.stage(Rule::ODR, Stage::Mature)?;
/// assert_eq!(run.selected(Stage::Mature, Rule::ODR)?, mature);
/// assert_eq!(run.selected(&mature, Rule::GAP)?, mature);
/// # Ok::<(), maturation::Error>(())
/// ```
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
    /// These, which are the run's own.
    Given(Checkpoints),
}

impl From<&Selection> for Selection {
    fn from(selection: &Selection) -> Self {
        selection.clone()
    }
}

impl From<Stage> for Selection {
    fn from(stage: Stage) -> Self {
        Selection::Stage(stage)
    }
}

impl From<Checkpoints> for Selection {
    fn from(checkpoints: Checkpoints) -> Self {
        Selection::Given(checkpoints)
    }
}

impl From<&Checkpoints> for Selection {
    fn from(checkpoints: &Checkpoints) -> Self {
        Selection::Given(checkpoints.clone())
    }
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
    /// The checkpoints that are meant, in the order of training; an error if there is none, one of those named is not
    /// there, or those given are of another run.
    pub fn selected(&self, selection: impl Into<Selection>, rule: Rule) -> Result<Checkpoints> {
        match selection.into() {
            Selection::All => self.checkpoints(),
            Selection::Last => Ok(Checkpoints::one(self.last()?)),
            Selection::Stage(stage) => self.stage(rule, stage),
            Selection::Trials(trials) => {
                for trials in &trials {
                    self.checkpoint(*trials)?;
                }
                self.checkpoints_where(|found| trials.contains(&found), || format!("after {trials:?} trials"))
            }
            Selection::Between(from, to) => self
                .checkpoints_where(|found| (from..=to).contains(&found), || format!("between {from} and {to} trials")),
            Selection::Given(checkpoints) => {
                if checkpoints.iter().any(|checkpoint| checkpoint.hyperparameters() != self.hyperparameters()) {
                    let other = checkpoints.first().folder().display().to_string();
                    return Err(Error::argument(
                        format!("the checkpoint `{other}` is not of the run `{}`", self.path().display()),
                        "give checkpoints and run of one training run",
                    ));
                }
                Ok(checkpoints)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::Hyperparameters;

    fn shipped() -> Run {
        Run::open(concat!(env!("CARGO_MANIFEST_DIR"), "/data/6tasks")).unwrap()
    }

    #[test]
    fn choices_are_read_and_mean_the_same_however_they_are_given() {
        let run = shipped();
        let of = |selection: Selection| run.selected(selection, Rule::ODR).unwrap();
        assert_eq!(of("all".parse().unwrap()), run.checkpoints().unwrap());
        let two = of("568320,570880".parse().unwrap());
        assert_eq!(two, of("568320..570880".parse().unwrap()));
        assert_eq!(run.selected(&two, Rule::ODR).unwrap(), two);
        assert!("N".parse::<Selection>().unwrap_err().to_string().contains("A..B"));
        assert!(run.selected(Selection::Trials(vec![1]), Rule::ODR).unwrap_err().is_missing_checkpoint());
    }

    #[test]
    fn checkpoints_of_another_run_are_refused() {
        let run = shipped();
        let folder = std::env::temp_dir().join(format!("maturation-selection-{}", std::process::id()));
        let last = format!("{}", run.last().unwrap().trials_trained());
        std::fs::create_dir_all(folder.join(&last)).unwrap();
        for file in ["log.json".to_owned(), format!("{last}/model.safetensors")] {
            std::fs::copy(run.path().join(&file), folder.join(&file)).unwrap();
        }
        let seed = run.hyperparameters().seed + 1;
        let changed = Hyperparameters { seed, ..run.hyperparameters().clone() }.to_json().unwrap();
        std::fs::write(folder.join("hp.json"), serde_json::to_string(&changed).unwrap()).unwrap();
        let other = Run::open(&folder).unwrap();
        let message = other.selected(run.checkpoints().unwrap(), Rule::ODR).unwrap_err().to_string();
        std::fs::remove_dir_all(&folder).unwrap();
        assert!(message.contains("is not of the run") && message.contains("one training run"), "{message}");
    }
}

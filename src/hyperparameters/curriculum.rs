//! Training in stages: `curriculum` in `hp.json`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::tasks::{Epoch, Rule};

/// A stage of a curriculum: what is trained until the worst rule of the stage is above a performance. Stages follow
/// each other, and none is taken back.
///
/// In `hp.json` a stage is an object of these fields, of which only `rules` must be there, or just the list of its
/// rules; on the command line it is its rules and then what else it says: `odr delay1=500 target_perf=0.9`.
///
/// ```
/// use maturation::hyperparameters::CurriculumStage;
/// use maturation::prelude::*;
///
/// let short = CurriculumStage {
///     lengths: [(Epoch::Delay1, 500.0)].into(),
///     target_perf: Some(0.9),
///     ..CurriculumStage::of(&[Rule::ODR])
/// };
/// assert_eq!("odr delay1=500 target_perf=0.9".parse::<CurriculumStage>()?, short);
/// let growing = Hyperparameters {
///     rule_trains: vec![Rule::ODR],
///     curriculum: Some(vec![short, CurriculumStage::of(&[Rule::ODR])]),
///     ..Hyperparameters::paper()
/// };
/// growing.validate()?;
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CurriculumStage {
    /// The rules that are trained.
    pub rules: Vec<Rule>,
    /// Epochs that last otherwise than their task has it, in ms: a shorter delay, for instance.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub lengths: BTreeMap<Epoch, f64>,
    /// Step size of the optimiser; `None`: `learning_rate` of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// The performance that ends the stage: that of the worst of its rules, with epochs as long as in the stage.
    /// `None`: `target_perf` of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_perf: Option<f64>,
}

impl CurriculumStage {
    /// A stage of these rules, with all else as in the rest of the run.
    pub fn of(rules: &[Rule]) -> Self {
        CurriculumStage { rules: rules.to_vec(), lengths: BTreeMap::new(), learning_rate: None, target_perf: None }
    }

    /// The lengths as a list.
    pub(crate) fn lengths(&self) -> Vec<(Epoch, f64)> {
        self.lengths.iter().map(|(epoch, length)| (*epoch, *length)).collect()
    }

    /// An error that says what is wrong with it, if it is invalid.
    pub(super) fn check(&self, trained: &[Rule]) -> Result<()> {
        let wrong = |expected: String| Err(Error::hyperparameter("curriculum", self, expected));
        if self.rules.is_empty() || self.rules.iter().any(|rule| !trained.contains(rule)) {
            let trained = trained.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(",");
            return wrong(format!("stages of one rule or more, with all of `rule_trains`: {trained}"));
        }
        for (epoch, length) in &self.lengths {
            if !self.rules.iter().any(|rule| rule.epochs().contains(epoch)) {
                return wrong(format!("lengths of epochs that a rule of the stage has, not {epoch}"));
            }
            if !(0.0..=1e6).contains(length) {
                return wrong(format!("{epoch} to last 0 to 1,000,000 ms"));
            }
        }
        if self.learning_rate.is_some_and(|rate| !(rate > 0.0 && rate.is_finite())) {
            return wrong("a learning_rate above 0".to_owned());
        }
        if self.target_perf.is_some_and(|target| !(0.0..=1.0).contains(&target)) {
            return wrong("a target_perf from 0 to 1".to_owned());
        }
        Ok(())
    }
}

/// As on the command line.
impl fmt::Display for CurriculumStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(",");
        f.write_str(&rules)?;
        self.lengths.iter().try_for_each(|(epoch, length)| write!(f, " {epoch}={length}"))?;
        self.learning_rate.iter().try_for_each(|rate| write!(f, " learning_rate={rate}"))?;
        self.target_perf.iter().try_for_each(|target| write!(f, " target_perf={target}"))
    }
}

impl FromStr for CurriculumStage {
    type Err = Error;

    /// Rules with commas between, then `EPOCH=MS`, `learning_rate=RATE` and `target_perf=SHARE`.
    fn from_str(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let rules = words.next().unwrap_or_default();
        let mut stage = CurriculumStage::of(&rules.split(',').map(str::parse).collect::<Result<Vec<Rule>>>()?);
        for word in words {
            let expected = "rules, then EPOCH=MS, learning_rate=RATE or target_perf=SHARE, as in `odr delay1=500`";
            let wrong = || Error::hyperparameter("curriculum", word, expected);
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            let value: f64 = value.parse().map_err(|_| wrong())?;
            match key {
                "learning_rate" => stage.learning_rate = Some(value),
                "target_perf" => stage.target_perf = Some(value),
                epoch => drop(stage.lengths.insert(epoch.parse()?, value)),
            }
        }
        Ok(stage)
    }
}

impl<'de> Deserialize<'de> for CurriculumStage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            rules: Vec<Rule>,
            #[serde(default)]
            lengths: BTreeMap<Epoch, f64>,
            learning_rate: Option<f64>,
            target_perf: Option<f64>,
        }
        let written = match Value::deserialize(deserializer)? {
            rules @ Value::Array(_) => {
                return serde_json::from_value(rules)
                    .map(|rules: Vec<Rule>| CurriculumStage::of(&rules))
                    .map_err(D::Error::custom);
            }
            Value::String(text) => return text.parse().map_err(D::Error::custom),
            stage => serde_json::from_value::<Written>(stage).map_err(D::Error::custom)?,
        };
        let Written { rules, lengths, learning_rate, target_perf } = written;
        Ok(CurriculumStage { rules, lengths, learning_rate, target_perf })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::Hyperparameters;

    #[test]
    fn a_curriculum_survives_its_file_and_stages_of_rules_alone_read_as_before() {
        let mut staged = Hyperparameters::paper();
        staged.set("rule_trains", "odr,gap").unwrap();
        staged.set("curriculum", "odr delay1=300 learning_rate=0.002 target_perf=0.9; gap; odr,gap").unwrap();
        staged.validate().unwrap();
        let read = Hyperparameters::from_json(staged.to_json().unwrap()).unwrap();
        assert_eq!(read.curriculum, staged.curriculum);
        let stages = staged.curriculum.unwrap();
        assert_eq!(stages[0].to_string(), "odr delay1=300 learning_rate=0.002 target_perf=0.9");
        assert_eq!(stages[1..], [CurriculumStage::of(&[Rule::GAP]), CurriculumStage::of(&[Rule::ODR, Rule::GAP])]);

        let old = serde_json::json!({"rule_trains": ["odr", "gap"], "rule_stages": [["odr"], ["gap"]]});
        let old = Hyperparameters::from_json(old).unwrap();
        let mut new = Hyperparameters::paper();
        new.set("rule_trains", "odr,gap").unwrap();
        new.set("rule_stages", "odr;gap").unwrap();
        assert_eq!(old.curriculum, new.curriculum);
        assert_eq!(old.curriculum.unwrap().len(), 2);
    }

    #[test]
    fn stages_that_cannot_be_are_refused() {
        for (text, words) in [
            ("odr;gap", "`curriculum`"),
            ("odr,odrd;overlap;;zero_gap,gap,gap500", "there is no rule ``"),
            ("odr delay2=300", "not delay2"),
            ("odr delay1=-3", "delay1 to last"),
            ("odr delay1=soon", "delay1=soon"),
            ("odr pause=3", "pause"),
            ("odr learning_rate=0", "learning_rate above 0"),
            ("odr target_perf=2", "target_perf from 0 to 1"),
        ] {
            let mut staged = Hyperparameters::paper();
            let outcome = staged.set("curriculum", text).and_then(|()| staged.validate());
            let message = outcome.expect_err(text).to_string();
            assert!(message.contains(words), "{text}: {message}");
        }
        let misspelt = serde_json::json!({"curriculum": [{"rules": ["odr"], "delay": 3}]});
        let message = Hyperparameters::from_json(misspelt).unwrap_err().to_string();
        assert!(message.contains("`curriculum`") && message.contains("delay"), "{message}");
    }
}

//! What trials are made of.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::tasks::{Clock, Encoding, Epoch, Ring, Rule, Ruleset};

/// How far outputs are from their targets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Masked squared error of sigmoid outputs.
    #[serde(rename = "lsq")]
    LeastSquares,
    /// Masked cross-entropy of softmax outputs.
    #[serde(rename = "cross_entropy")]
    CrossEntropy,
}

/// All that trials take from a network's hyper-parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialSettings {
    /// The ring of stimuli and responses.
    pub ring: Ring,
    /// The rules that have an input channel.
    pub ruleset: Ruleset,
    /// The time step, and epochs that last otherwise than usual.
    pub clock: Clock,
    /// How stimuli are written onto the ring.
    pub encoding: Encoding,
    /// How errors are counted, which decides targets and mask.
    pub loss: Loss,
    /// Standard deviation of the noise on each input channel and time step.
    pub input_noise: f64,
    /// What decides random numbers, where nothing else does.
    pub seed: u64,
}

impl TrialSettings {
    /// The first rule channel: after fixation, the ring and the further channels.
    pub fn rule_start(&self) -> usize {
        1 + self.ring.len() + self.ruleset.channels().len()
    }

    /// Number of input channels.
    pub fn n_input(&self) -> usize {
        self.rule_start() + self.ruleset.rules().len()
    }

    /// The rule of the ruleset that has this rule's name: a task that was defined anew since is another one.
    pub(crate) fn known(&self, rule: Rule) -> Result<Rule> {
        Ok(self.ruleset.rules()[self.ruleset.index(rule)?])
    }

    /// The same, with epochs that last otherwise.
    pub fn with_lengths<'a>(self, lengths: impl IntoIterator<Item = &'a (Epoch, f64)>) -> Self {
        TrialSettings { clock: self.clock.with_lengths(lengths), ..self }
    }
}

/// What trials can be made of: [hyper-parameters](crate::hyperparameters::Hyperparameters), or settings.
pub trait DescribesTrials {
    /// The settings.
    ///
    /// # Errors
    /// If there can be no trials of this kind; the message names the hyper-parameter.
    fn trial_settings(&self) -> Result<TrialSettings>;
}

impl DescribesTrials for TrialSettings {
    fn trial_settings(&self) -> Result<TrialSettings> {
        let (ring, dt) = (self.ring.len(), self.clock.dt());
        if ring < 2 || !(0.5..=100.0).contains(&dt) {
            return Err(Error::argument(
                format!("no trials can be made with a ring of {ring} channels and a time step of {dt} ms"),
                "give at least 2 channels, and a time step of 0.5 to 100 ms",
            ));
        }
        Ok(self.clone())
    }
}

//! The paper's model and its published variants, by name.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::hyperparameters::{Activation, Hyperparameters, RecurrentInit, RnnType};
use crate::tasks::{Rule, Ruleset};

/// A published network: the paper's model, or a variant of it with everything else the same.
///
/// ```
/// use maturation::hyperparameters::Preset;
///
/// let preset = Preset::named("tanh")?;
/// assert_eq!(preset.published, "set2_exp1");
/// assert_eq!(preset.changes()?, [("activation".to_owned(), "tanh".to_owned())]);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name on the command line and in [`Hyperparameters::preset`].
    pub name: &'static str,
    /// The name of the run in the published scripts.
    pub published: &'static str,
    /// What the network was trained to find out.
    pub question: &'static str,
    /// What is known to happen, where that is not that every rule is learnt.
    pub outcome: &'static str,
    change: fn(&mut Hyperparameters),
}

/// What the single-task networks were trained for.
const ALONE: &str = "do units mature in the same way when this rule is learnt without the others?";
const SIZE: &str = "does maturation depend on the number of units?";
const ACTIVATION: &str = "does maturation depend on the activation function?";
const BEGINNING: &str = "does maturation depend on how the recurrent weights begin?";
const RATE: &str = "does maturation depend on the step size of the optimiser?";
const MATCHING: &str = "does maturation look the same beside match-to-sample tasks?";
const DELAY: &str = "does maturation look the same when the memory must last longer?";
const CELL: &str = "does maturation depend on the recurrent cell?";
/// What a cost that is no longer finite does.
const DIVERGES: &str = "diverges within the first steps; training stops there";

const fn variant(
    name: &'static str,
    published: &'static str,
    question: &'static str,
    change: fn(&mut Hyperparameters),
) -> Preset {
    Preset { name, published, question, outcome: "", change }
}

/// Knows the rules of another ruleset, and trains them all.
fn know(hyperparameters: &mut Hyperparameters, ruleset: Ruleset) {
    hyperparameters.ruleset = ruleset;
    hyperparameters.rule_trains = ruleset.rules().to_vec();
}

impl Preset {
    /// The paper's model, then every published variant, in the order of the published training script.
    pub const ALL: &[Preset] = &[
        variant("paper", "6tasks", "how do units change while a network learns the tasks?", |_| {}),
        variant("odr", "indi_odr", ALONE, |hp| hp.rule_trains = vec![Rule::ODR]),
        variant("odrd", "indi_odrd", ALONE, |hp| hp.rule_trains = vec![Rule::ODRD]),
        variant("odr-odrd", "indi_odr_odrd", "do units mature in the same way without the anti-saccade rules?", |hp| {
            hp.rule_trains = vec![Rule::ODR, Rule::ODRD];
        }),
        variant("gap", "indi_gap", ALONE, |hp| hp.rule_trains = vec![Rule::GAP]),
        variant("zero-gap", "indi_zero_gap", ALONE, |hp| hp.rule_trains = vec![Rule::ZERO_GAP]),
        variant("overlap", "indi_overlap", ALONE, |hp| hp.rule_trains = vec![Rule::OVERLAP]),
        variant("units-64", "set1_exp1", SIZE, |hp| hp.n_rnn = 64),
        variant("units-128", "set1_exp2", SIZE, |hp| hp.n_rnn = 128),
        variant("units-512", "set1_exp3", SIZE, |hp| hp.n_rnn = 512),
        variant("units-1024", "set1_exp4", SIZE, |hp| hp.n_rnn = 1024),
        variant("tanh", "set2_exp1", ACTIVATION, |hp| hp.activation = Activation::Tanh),
        variant("relu", "set2_exp2", ACTIVATION, |hp| hp.activation = Activation::Relu),
        variant("elu", "set2_exp3", ACTIVATION, |hp| hp.activation = Activation::Elu),
        Preset {
            outcome: DIVERGES,
            ..variant("power", "set2_exp4", ACTIVATION, |hp| hp.activation = Activation::Power)
        },
        variant("diag", "set3_exp1", BEGINNING, |hp| hp.w_rec_init = RecurrentInit::Diag),
        variant("randgauss", "set3_exp2", BEGINNING, |hp| hp.w_rec_init = RecurrentInit::RandGauss),
        variant("learning-rate-1e-4", "set4_exp1", RATE, |hp| hp.learning_rate = 1e-4),
        Preset { outcome: DIVERGES, ..variant("learning-rate-1e-2", "set4_exp2", RATE, |hp| hp.learning_rate = 1e-2) },
        Preset { outcome: DIVERGES, ..variant("learning-rate-1e-1", "set4_exp3", RATE, |hp| hp.learning_rate = 1e-1) },
        variant("mix-mon-6tasks", "set5_exp1", MATCHING, |hp| know(hp, Ruleset::MIX_MON_6TASKS)),
        variant("mix-p-mon-6tasks", "set5_exp2", MATCHING, |hp| know(hp, Ruleset::MIX_P_MON_6TASKS)),
        variant("odr3000", "set6_exp1", DELAY, |hp| know(hp, Ruleset::ALL_NEW_ODR3000)),
        variant("odr6000", "set6_exp2", DELAY, |hp| know(hp, Ruleset::ALL_NEW_ODR6000)),
        variant("odr15000", "set6_exp3", DELAY, |hp| know(hp, Ruleset::ALL_NEW_ODR15000)),
        variant("leaky-gru", "set7_exp1", CELL, |hp| hp.rnn_type = RnnType::LEAKY_GRU),
        variant("gru", "set7_exp2", CELL, |hp| hp.rnn_type = RnnType::GRU),
    ];

    /// The preset of that name.
    ///
    /// # Errors
    /// If there is none; the error lists those there are, or the nearest.
    pub fn named(name: &str) -> Result<&'static Preset> {
        let found = Preset::ALL.iter().find(|preset| preset.name == name);
        found.ok_or_else(|| Error::unknown_name("preset", name, Preset::ALL.iter().map(|preset| preset.name)))
    }

    /// Its hyper-parameters.
    pub fn hyperparameters(&self) -> Hyperparameters {
        let mut hyperparameters = Hyperparameters::paper();
        (self.change)(&mut hyperparameters);
        hyperparameters
    }

    /// The keys of `hp.json` in which it differs from the paper's model, each with its value; `rule_trains` is left out
    /// where it is all of the ruleset.
    ///
    /// # Errors
    /// None that a preset of [`Preset::ALL`] can meet: that hyper-parameters cannot be written as JSON.
    pub fn changes(&self) -> Result<Vec<(String, String)>> {
        let (own, paper) = (self.hyperparameters(), Hyperparameters::paper());
        let all_rules = own.rule_trains == own.ruleset.rules();
        let paper = paper.fields()?;
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            other => other.to_string(),
        };
        let changed = own
            .fields()?
            .into_iter()
            .filter(|(key, value)| paper.get(key) != Some(value) && !(all_rules && key == "rule_trains"));
        Ok(changed.map(|(key, value)| (key, text(&value))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_valid_and_survive_their_file() {
        for preset in Preset::ALL {
            let hyperparameters = preset.hyperparameters();
            hyperparameters.validate().unwrap();
            let read = Hyperparameters::from_json(hyperparameters.to_json().unwrap()).unwrap();
            assert_eq!(read.rule_probabilities(), hyperparameters.rule_probabilities(), "{}", preset.name);
            assert_eq!(Hyperparameters { rule_probs: None, ..read }, hyperparameters, "{}", preset.name);
        }
    }

    #[test]
    fn a_preset_is_what_its_changes_say() {
        for preset in Preset::ALL {
            let mut hyperparameters = Hyperparameters::paper();
            let mut changes = preset.changes().unwrap();
            // Setting the ruleset also sets the rules that are trained.
            changes.sort_by_key(|(key, _)| key != "ruleset");
            for (key, value) in changes {
                hyperparameters.set(&key, &value).unwrap();
            }
            assert_eq!(hyperparameters, preset.hyperparameters(), "{}", preset.name);
        }
        assert_eq!(Preset::named("paper").unwrap().changes().unwrap(), []);
    }

    #[test]
    fn no_two_presets_are_the_same() {
        for (place, preset) in Preset::ALL.iter().enumerate() {
            for other in &Preset::ALL[..place] {
                assert_ne!(preset.hyperparameters(), other.hyperparameters(), "{} {}", preset.name, other.name);
                assert!(preset.name != other.name && preset.published != other.published);
            }
        }
        let message = Preset::named("papr").unwrap_err().to_string();
        assert!(message.contains("paper"), "{message}");
    }
}

//! Everything that decides a network and its training: `hp.json`.

mod presets;

use std::path::Path;

pub use presets::Preset;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::{Error, Result};
pub use crate::network::{ExtraCost, RnnType};
use crate::tasks::{Encoding, Rule, Ruleset};

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

/// How weights follow their gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Adam, in the form that TensorFlow uses.
    Adam,
    /// Plain gradient descent.
    Sgd,
}

/// A unit's rate as a function of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// `ln(1 + eᶻ)`.
    Softplus,
    /// `max(z, 0)`.
    Relu,
    /// `tanh z`.
    Tanh,
    /// `max(z, 0)²`.
    Power,
    /// `tanh(max(z, 0))`.
    Retanh,
    /// `z` above 0, `eᶻ − 1` below.
    Elu,
}

/// How the recurrent weights begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecurrentInit {
    /// A random orthogonal matrix, uniform over all of them.
    RandOrtho,
    /// The identity.
    Diag,
    /// Independent Gaussian weights of variance 1/N.
    RandGauss,
}

/// Which parameters train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trainables {
    /// All that are not fixed.
    All,
    /// What brings inputs in.
    Input,
    /// What brings the rules in: the rows of rule channels in the input weights.
    Rule,
}

/// Everything that decides a network and its training, under the keys of the published system's `hp.json`.
///
/// Start from [`Hyperparameters::paper`] or another [preset](Hyperparameters::preset) and change fields:
///
/// ```
/// use maturation::prelude::*;
///
/// let hyperparameters = Hyperparameters { n_rnn: 64, rule_trains: vec![Rule::Odr], ..Hyperparameters::paper() };
/// hyperparameters.validate()?;
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hyperparameters {
    /// Trials of a training step.
    pub batch_size_train: usize,
    /// Trials of each rule in an evaluation.
    pub batch_size_test: usize,
    /// The recurrent cell.
    pub rnn_type: RnnType,
    /// Whether stimuli and rules have input weights of their own.
    pub use_separate_input: bool,
    /// With separate inputs: whether rules are mixed by a fixed random rotation before they reach the units.
    pub mix_rule: bool,
    /// How errors are counted.
    pub loss_type: Loss,
    /// How stimuli are written onto the input ring.
    pub in_loc_type: Encoding,
    /// How weights follow their gradients.
    pub optimizer: OptimizerKind,
    /// Rate of a unit as a function of its input.
    pub activation: Activation,
    /// Time constant of a unit, ms.
    pub tau: f64,
    /// Time step, ms.
    pub dt: f64,
    /// Recurrent noise that remains after the leak (see [`Hyperparameters::recurrent_noise`]).
    pub sigma_rec: f64,
    /// Input noise that remains after the leak (see [`Hyperparameters::input_noise`]).
    pub sigma_x: f64,
    /// How the recurrent weights begin.
    pub w_rec_init: RecurrentInit,
    /// Weight of the mean absolute rate in the cost.
    pub l1_h: f64,
    /// Weight of half the sum of squared rates in the cost.
    pub l2_h: f64,
    /// Weight of the mean absolute weight in the cost.
    pub l1_weight: f64,
    /// Weight of half the sum of squared weights in the cost.
    pub l2_weight: f64,
    /// Weight of half the squared distance of the weights from their initial values in the cost.
    pub l2_weight_init: f64,
    /// Share of the weights that is free to train; the others are held near the values that they begin with by a penalty.
    /// They are drawn over input and recurrent weights together, and over output weights. `None`: all are free.
    pub p_weight_train: Option<f64>,
    /// Which parameters train; the others stay as they begin.
    pub trainables: Trainables,
    /// The checkpoint of another run that this one began with, RUN/TRIALS; `None`: it began with initial weights.
    pub load_dir: Option<String>,
    /// A term that a user added to the cost; `None`: nothing is added.
    pub extra_cost: Option<ExtraCost>,
    /// Training stops when every trained rule's performance is above this.
    pub target_perf: f64,
    /// Performance up to which a checkpoint is early.
    pub early_target_perf: f64,
    /// Performance up to which a checkpoint is mid.
    pub mid_target_perf: f64,
    /// Performance around which the automatic choice of checkpoints calls one mature (less a margin of 0.05), and up
    /// to which the log's `growth` says 'MID=>A'.
    pub mature_target_perf: f64,
    /// Channels of the stimulus ring and of the response ring: the locations.
    pub n_eachring: usize,
    /// Recurrent units.
    pub n_rnn: usize,
    /// Step size of the optimiser.
    pub learning_rate: f64,
    /// The rules that have an input channel, in order.
    pub ruleset: Ruleset,
    /// The rules that are trained and evaluated.
    pub rule_trains: Vec<Rule>,
    /// The probability of each trained rule in a training step; `None`: all equal.
    pub rule_probs: Option<Vec<f64>>,
    /// Trained rules in stages, one after the other: each stage trains its rules until the worst of them is above
    /// `target_perf`. `None`: all train at once.
    pub rule_stages: Option<Vec<Vec<Rule>>>,
    /// Training steps from one evaluation (and checkpoint) to the next.
    pub display_step: u64,
    /// Decides every random number of the run.
    pub seed: u64,
}

fn comma(rules: &[Rule]) -> String {
    rules.iter().map(|rule| rule.name()).collect::<Vec<_>>().join(",")
}

/// Keys that files carry for a reader's convenience and that follow from the others.
const DERIVED: [&str; 7] = ["alpha", "num_ring", "n_rule", "rule_start", "n_input", "n_output", "rules"];

/// Keys of the published system that change nothing here, each with the one value at which that is so.
fn inert(key: &str) -> Option<Value> {
    match key {
        "in_type" => Some(Value::from("normal")),
        "c_intsyn" | "ksi_intsyn" => Some(Value::from(0)),
        "rng" => Some(Value::Null),
        _ => None,
    }
}

impl Default for Hyperparameters {
    fn default() -> Self {
        Hyperparameters::paper()
    }
}

impl Hyperparameters {
    /// The paper's model: 256 softplus units, the six tasks, Adam, trained until every rule is above 0.995.
    pub fn paper() -> Self {
        Hyperparameters {
            batch_size_train: 64,
            batch_size_test: 512,
            rnn_type: RnnType::LEAKY_RNN,
            use_separate_input: false,
            mix_rule: true,
            loss_type: Loss::LeastSquares,
            in_loc_type: Encoding::Bump,
            optimizer: OptimizerKind::Adam,
            activation: Activation::Softplus,
            tau: 100.0,
            dt: 20.0,
            sigma_rec: 0.05,
            sigma_x: 0.01,
            w_rec_init: RecurrentInit::RandOrtho,
            l1_h: 0.0,
            l2_h: 0.0,
            l1_weight: 0.0,
            l2_weight: 0.0,
            l2_weight_init: 0.0,
            p_weight_train: None,
            trainables: Trainables::All,
            load_dir: None,
            extra_cost: None,
            target_perf: 0.995,
            early_target_perf: 0.35,
            mid_target_perf: 0.65,
            mature_target_perf: 0.95,
            n_eachring: 8,
            n_rnn: 256,
            learning_rate: 0.001,
            ruleset: Ruleset::AllNew,
            rule_trains: Ruleset::AllNew.rules().to_vec(),
            rule_probs: None,
            rule_stages: None,
            display_step: 20,
            seed: 0,
        }
    }

    /// The hyper-parameters of the [preset](Preset) of that name: `paper`, or one published variant of it (everything else
    /// as in the paper's model).
    ///
    /// # Errors
    /// As [`Preset::named`].
    pub fn preset(name: &str) -> Result<Self> {
        Preset::named(name).map(Preset::hyperparameters)
    }

    /// The share of a unit's rate that is renewed in one time step, `dt / tau`.
    pub fn alpha(&self) -> f64 {
        self.dt / self.tau
    }

    /// Standard deviation of the noise added to a unit's input in one time step, `sigma_rec · √(2/alpha)`.
    pub fn recurrent_noise(&self) -> f64 {
        self.sigma_rec * (2.0 / self.alpha()).sqrt()
    }

    /// Standard deviation of the noise added to an input channel in one time step, `sigma_x · √(2/alpha)`.
    pub fn input_noise(&self) -> f64 {
        self.sigma_x * (2.0 / self.alpha()).sqrt()
    }

    /// The first rule channel: after fixation and the stimulus ring.
    pub fn rule_start(&self) -> usize {
        1 + self.n_eachring
    }

    /// Number of input channels: fixation, the stimulus ring, one a rule of the ruleset.
    pub fn n_input(&self) -> usize {
        self.rule_start() + self.ruleset.rules().len()
    }

    /// Number of output channels: fixation and the response ring.
    pub fn n_output(&self) -> usize {
        1 + self.n_eachring
    }

    /// The probability of each trained rule in a training step.
    pub fn rule_probabilities(&self) -> Vec<f64> {
        let count = self.rule_trains.len();
        match &self.rule_probs {
            None => vec![1.0 / count as f64; count],
            Some(weights) => {
                let total: f64 = weights.iter().sum();
                // Dividing what sums to 1 already would only add rounding, and a file would not read back the same.
                let total = if (total - 1.0).abs() < 1e-9 { 1.0 } else { total };
                weights.iter().map(|weight| weight / total).collect()
            }
        }
    }

    /// Changes the value of one key, given as text: a number, a name, or a list separated by commas; the stages of
    /// `rule_stages` are separated by semicolons.
    ///
    /// `alpha` cannot be set (set `dt` or `tau`). Setting `ruleset` also trains all of its rules, unless `rule_trains`
    /// is set after it.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let mut hyperparameters = Hyperparameters::paper();
    /// hyperparameters.set("n_rnn", "64")?;
    /// hyperparameters.set("rule_trains", "odr,odrd")?;
    /// assert!(hyperparameters.set("n_rnns", "64").unwrap_err().to_string().contains("n_rnn"));
    /// # Ok::<(), maturation::Error>(())
    /// ```
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        if DERIVED.contains(&key) {
            return Err(Error::hyperparameter(key, value, "no value: it follows from `dt`, `tau` and `ruleset`"));
        }
        let mut fields = self.fields()?;
        let Some(present) = fields.get(key) else {
            return Err(Error::unknown_name("hyper-parameter", key, fields.keys().map(String::as_str)));
        };
        let is_list = present.is_array() || key == "rule_probs";
        let scalar = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text));
        let parsed = match value.trim() {
            "none" | "null" => Value::Null,
            text if key == "rule_stages" => {
                let rules = |stage: &str| stage.split(',').map(|rule| Value::from(rule.trim())).collect::<Vec<_>>();
                Value::from(text.split(';').map(rules).collect::<Vec<_>>())
            }
            text if is_list => {
                let text = text.trim_start_matches('[').trim_end_matches(']');
                Value::from(text.split(',').map(|item| scalar(item.trim().trim_matches('"'))).collect::<Vec<_>>())
            }
            text => scalar(text),
        };
        fields.insert(key.to_owned(), parsed);
        let mut changed = Hyperparameters::from_fields(fields, key)?;
        if key == "ruleset" {
            changed.rule_trains = changed.ruleset.rules().to_vec();
            changed.rule_probs = None;
            changed.rule_stages = None;
        }
        *self = changed;
        Ok(())
    }

    /// Whether a network and a training run with these values can exist; the error names the key, the value and what
    /// would do.
    pub fn validate(&self) -> Result<()> {
        let positive = |key: &str, value: f64| match value.is_finite() && value > 0.0 {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, "a number above 0")),
        };
        let not_negative = |key: &str, value: f64| match value.is_finite() && value >= 0.0 {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, "a number that is not negative")),
        };
        let at_least = |key: &str, value: usize, least: usize, most: usize| match (least..=most).contains(&value) {
            true => Ok(()),
            false => Err(Error::hyperparameter(key, value, format!("a whole number from {least} to {most}"))),
        };
        at_least("batch_size_train", self.batch_size_train, 1, 1 << 20)?;
        at_least("batch_size_test", self.batch_size_test, 1, 1 << 20)?;
        at_least("n_rnn", self.n_rnn, 1, 1 << 16)?;
        at_least("n_eachring", self.n_eachring, 2, 360)?;
        RnnType::check(self)?;
        positive("tau", self.tau)?;
        positive("dt", self.dt)?;
        if self.dt > self.tau {
            let value = format!("{} with a `tau` of {}", self.dt, self.tau);
            return Err(Error::hyperparameter("dt", value, "at most `tau` (alpha = dt / tau must not exceed 1)"));
        }
        if !(0.5..=100.0).contains(&self.dt) {
            return Err(Error::hyperparameter("dt", self.dt, "0.5 to 100 ms, the shortest event being 100 ms long"));
        }
        not_negative("sigma_rec", self.sigma_rec)?;
        not_negative("sigma_x", self.sigma_x)?;
        positive("learning_rate", self.learning_rate)?;
        for (key, value) in [
            ("l1_h", self.l1_h),
            ("l2_h", self.l2_h),
            ("l1_weight", self.l1_weight),
            ("l2_weight", self.l2_weight),
            ("l2_weight_init", self.l2_weight_init),
        ] {
            not_negative(key, value)?;
        }
        if let Some(share) = self.p_weight_train
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(Error::hyperparameter("p_weight_train", share, "a share above 0 and up to 1, or none"));
        }
        for (key, value) in [
            ("early_target_perf", self.early_target_perf),
            ("mid_target_perf", self.mid_target_perf),
            ("mature_target_perf", self.mature_target_perf),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::hyperparameter(key, value, "a performance from 0 to 1"));
            }
        }
        if !(self.target_perf.is_finite() && self.target_perf >= 0.0) {
            let expected = "a performance from 0 to 1 (above 1: never stop by itself)";
            return Err(Error::hyperparameter("target_perf", self.target_perf, expected));
        }
        if self.early_target_perf > self.mid_target_perf || self.mid_target_perf > self.mature_target_perf {
            let value = format!("{}, {}, {}", self.early_target_perf, self.mid_target_perf, self.mature_target_perf);
            let key = "early_target_perf, mid_target_perf, mature_target_perf";
            return Err(Error::hyperparameter(key, value, "three performances in rising order"));
        }
        if self.rule_trains.is_empty() {
            return Err(Error::hyperparameter("rule_trains", "empty", "at least one rule of the ruleset"));
        }
        for (place, rule) in self.rule_trains.iter().enumerate() {
            if !self.ruleset.rules().contains(rule) {
                let rules = self.ruleset.rules().iter().map(|rule| rule.name()).collect::<Vec<_>>().join(", ");
                let expected = format!("rules of the ruleset `{}`: {rules}", self.ruleset);
                return Err(Error::hyperparameter("rule_trains", rule, expected));
            }
            if self.rule_trains[..place].contains(rule) {
                return Err(Error::hyperparameter("rule_trains", rule, "each rule once"));
            }
        }
        if let Some(weights) = &self.rule_probs {
            let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0)
                && weights.iter().sum::<f64>() > 0.0
                && weights.len() == self.rule_trains.len();
            if !usable {
                let expected = format!("{} probabilities, one for each trained rule", self.rule_trains.len());
                return Err(Error::hyperparameter("rule_probs", format!("{weights:?}"), expected));
            }
        }
        if let Some(stages) = &self.rule_stages {
            let text = || stages.iter().map(|stage| comma(stage)).collect::<Vec<_>>().join(";");
            let strange = stages.iter().flatten().any(|rule| !self.rule_trains.contains(rule));
            let missing = self.rule_trains.iter().any(|rule| !stages.iter().flatten().any(|staged| staged == rule));
            if strange || missing || stages.iter().any(Vec::is_empty) {
                let expected =
                    format!("stages of one rule or more, with all of `rule_trains`: {}", comma(&self.rule_trains));
                return Err(Error::hyperparameter("rule_stages", text(), expected));
            }
        }
        at_least("display_step", self.display_step.min(usize::MAX as u64) as usize, 1, 1 << 40)
    }

    /// Reads `hp.json`: this crate's, or the published system's.
    ///
    /// Missing keys take the paper's values, unknown keys are refused by name.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::io("read", path, source))?;
        let remedy = "Correct the file, or copy `hp.json` from another run";
        let value: Value =
            serde_json::from_str(&text).map_err(|source| Error::file(path, format!("not JSON: {source}"), remedy))?;
        let Value::Object(object) = value else {
            return Err(Error::file(path, "it holds no JSON object of keys and values", remedy));
        };
        Hyperparameters::from_json(object).map_err(|error| Error::file(path, error.to_string(), remedy))
    }

    /// Hyper-parameters from the keys and values of `hp.json`, validated; missing keys take the paper's values.
    ///
    /// ```
    /// use maturation::prelude::*;
    ///
    /// let small = Hyperparameters::from_json(json!({"n_rnn": 64, "rule_trains": ["overlap", "gap"]}))?;
    /// assert_eq!((small.n_rnn, small.rule_trains), (64, vec![Rule::Overlap, Rule::Gap]));
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If this is no object, or has a key or value that no hyper-parameter has, which is named.
    pub fn from_json(json: impl Into<Value>) -> Result<Self> {
        let Value::Object(mut object) = json.into() else {
            let remedy = "give keys and values, such as `json!({\"n_rnn\": 64})`";
            return Err(Error::argument("this JSON is no object of hyper-parameters", remedy));
        };
        let mut fields = Hyperparameters::paper().fields()?;
        let derived: Vec<(String, Value)> =
            DERIVED.iter().filter_map(|key| object.remove(*key).map(|value| ((*key).to_owned(), value))).collect();
        // The published system writes the name under which a run was saved; it decides nothing.
        object.remove("save_name");
        for (key, value) in object {
            if let Some(only) = inert(&key) {
                if value.as_f64() != only.as_f64() || (!value.is_number() && value != only) {
                    return Err(Error::hyperparameter(&key, value, format!("{only}: nothing else is supported")));
                }
                continue;
            }
            if !fields.contains_key(&key) {
                return Err(Error::unknown_name("hyper-parameter", &key, fields.keys().map(String::as_str)));
            }
            fields.insert(key.clone(), value);
            // One at a time, so that a message names the key that is wrong.
            Hyperparameters::from_fields(fields.clone(), &key)?;
        }
        let hyperparameters = Hyperparameters::from_fields(fields, "hp.json")?;
        hyperparameters.validate()?;
        let expected = hyperparameters.to_json()?;
        for (key, value) in derived {
            let agrees = match (value.as_f64(), expected[&key].as_f64()) {
                (Some(given), Some(follows)) => (given - follows).abs() <= 1e-9,
                _ => value == expected[&key],
            };
            if !agrees {
                let expected = format!("{}, which follows from the other keys", expected[&key]);
                return Err(Error::hyperparameter(&key, value, expected));
            }
        }
        Ok(hyperparameters)
    }

    /// The keys and values of `hp.json`, with those that follow from others.
    pub fn to_json(&self) -> Result<Map<String, Value>> {
        let mut object = self.fields()?;
        object.insert("rule_probs".into(), Value::from(self.rule_probabilities()));
        object.insert("alpha".into(), Value::from(self.alpha()));
        object.insert("num_ring".into(), Value::from(1));
        object.insert("n_rule".into(), Value::from(self.ruleset.rules().len()));
        object.insert("rule_start".into(), Value::from(self.rule_start()));
        object.insert("n_input".into(), Value::from(self.n_input()));
        object.insert("n_output".into(), Value::from(self.n_output()));
        let rules: Vec<&str> = self.ruleset.rules().iter().map(|rule| rule.name()).collect();
        object.insert("rules".into(), Value::from(rules));
        Ok(object)
    }

    fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self) {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(other) => Err(Error::hyperparameter("hp.json", other, "an object")),
            Err(source) => Err(Error::hyperparameter("hp.json", source, "values that JSON can hold")),
        }
    }

    fn from_fields(fields: Map<String, Value>, key: &str) -> Result<Self> {
        let value = fields.get(key).map(Value::to_string).unwrap_or_default();
        serde_json::from_value(Value::Object(fields)).map_err(|source| {
            let expected = source.to_string();
            Error::hyperparameter(key, value, format!("another value ({expected})"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_file_is_understood() {
        let published = serde_json::json!({
            "batch_size_train": 64, "batch_size_test": 512, "in_type": "normal", "rnn_type": "LeakyRNN",
            "use_separate_input": false, "loss_type": "lsq", "optimizer": "adam", "activation": "softplus",
            "tau": 100, "dt": 20, "alpha": 0.2, "sigma_rec": 0.05, "sigma_x": 0.01, "w_rec_init": "randortho",
            "l1_h": 0.0, "l2_h": 0, "p_weight_train": null, "target_perf": 0.995, "n_eachring": 8, "num_ring": 1,
            "n_rule": 6, "rule_start": 9, "n_input": 15, "n_output": 9, "n_rnn": 16, "ruleset": "all_new",
            "save_name": "test", "c_intsyn": 0, "ksi_intsyn": 0, "mix_rule": true, "rng": null, "seed": 0,
            "rule_trains": ["overlap", "zero_gap", "gap", "odr", "odrd", "gap500"],
        });
        let Value::Object(object) = published else { unreachable!("an object was written above") };
        let read = Hyperparameters::from_json(object).unwrap();
        assert_eq!(read, Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() });
    }

    #[test]
    fn impossible_values_are_refused_by_key() {
        for (key, value) in [
            ("n_rnn", "0"),
            ("n_rnn", "-3"),
            ("n_rnn", "many"),
            ("batch_size_train", "0"),
            ("tau", "10"),
            ("dt", "-20"),
            ("dt", "1000"),
            ("sigma_rec", "-0.1"),
            ("sigma_x", "NaN"),
            ("learning_rate", "0"),
            ("learning_rate", "-1e-3"),
            ("activation", "swish"),
            ("rnn_type", "Transformer"),
            ("rule_trains", "odr,unknown"),
            ("rule_trains", "odr3000"),
            ("rule_trains", "odr,odr"),
            ("rule_probs", "0.5,0.5"),
            ("p_weight_train", "1.5"),
            ("trainables", "some"),
            ("rule_stages", "odr;gap"),
            ("rule_stages", "odr,odrd;overlap;;zero_gap,gap,gap500"),
            ("extra_cost", "unheard-of"),
            ("early_target_perf", "0.9"),
            ("display_step", "0"),
            ("n_eachring", "1"),
        ] {
            let mut hyperparameters = Hyperparameters::paper();
            let outcome = hyperparameters.set(key, value).and_then(|()| hyperparameters.validate());
            let message = outcome.expect_err(&format!("{key}={value} passed")).to_string();
            let named = if key == "tau" { "dt" } else { key };
            assert!(message.contains(named), "{key}={value}: {message}");
        }
        assert!(Hyperparameters::paper().set("alpha", "0.5").is_err());
    }

    #[test]
    fn unknown_keys_and_contradictions_in_files_are_refused() {
        for (key, value) in [("n_rnnn", Value::from(3)), ("alpha", Value::from(0.5)), ("n_input", Value::from(3))] {
            let mut object = Hyperparameters::paper().to_json().unwrap();
            object.insert(key.into(), value);
            let message = Hyperparameters::from_json(object).unwrap_err().to_string();
            assert!(message.contains(key), "{message}");
        }
    }

    #[test]
    fn set_reads_lists_and_names() {
        let mut hyperparameters = Hyperparameters::paper();
        hyperparameters.set("rule_trains", "odr,odrd").unwrap();
        hyperparameters.set("rule_probs", "1,3").unwrap();
        assert_eq!(hyperparameters.rule_probabilities(), [0.25, 0.75]);
        hyperparameters.set("ruleset", "ozg").unwrap();
        assert_eq!(hyperparameters.rule_trains, Ruleset::Ozg.rules());
        hyperparameters.set("activation", "tanh").unwrap();
        hyperparameters.set("p_weight_train", "0.1").unwrap();
        assert_eq!(hyperparameters.p_weight_train, Some(0.1));
        hyperparameters.set("p_weight_train", "none").unwrap();
        hyperparameters.validate().unwrap();
    }
}

//! Everything that decides a network and its training: `hp.json`.

mod curriculum;
mod json;
mod presets;
mod validation;

pub use curriculum::CurriculumStage;
pub use presets::Preset;

use serde::{Deserialize, Serialize};

use crate::error::Result;
pub use crate::network::{ExtraCost, RnnType};
pub use crate::tasks::Loss;
use crate::tasks::{Clock, DescribesTrials, Encoding, Ring, Rule, Ruleset, TrialSettings};

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
/// let hyperparameters = Hyperparameters { n_rnn: 64, rule_trains: vec![Rule::ODR], ..Hyperparameters::paper() };
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
    /// Share of the weights that is free to train; the others are held near the values that they begin with by a
    /// penalty. They are drawn over input and recurrent weights together, and over output weights. `None`: all are
    /// free.
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
    /// Training in stages, one after the other; `rule_stages` in older files. `None`: all rules train at once.
    pub curriculum: Option<Vec<CurriculumStage>>,
    /// Training steps from one evaluation (and checkpoint) to the next.
    pub display_step: u64,
    /// Decides every random number of the run.
    pub seed: u64,
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
            ruleset: Ruleset::ALL_NEW,
            rule_trains: Ruleset::ALL_NEW.rules().to_vec(),
            rule_probs: None,
            curriculum: None,
            display_step: 20,
            seed: 0,
        }
    }

    /// The hyper-parameters of the [preset](Preset) of that name: `paper`, or one published variant of it (everything
    /// else as in the paper's model).
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

    /// The first rule channel: after fixation, the stimulus ring, and the further channels that tasks of a user's own
    /// need.
    pub fn rule_start(&self) -> usize {
        1 + self.n_eachring + self.ruleset.channels().len()
    }

    /// Number of input channels: fixation, the stimulus ring, further channels, one a rule of the ruleset.
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
}

impl DescribesTrials for Hyperparameters {
    fn trial_settings(&self) -> Result<TrialSettings> {
        self.validate()?;
        Ok(TrialSettings {
            ring: Ring::new(self.n_eachring),
            ruleset: self.ruleset,
            clock: Clock::new(self.dt),
            encoding: self.in_loc_type,
            loss: self.loss_type,
            input_noise: self.input_noise(),
            seed: self.seed,
        })
    }
}

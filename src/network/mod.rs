//! Recurrent networks: their parameters, the cells that they are made of, the engines that run them, and how weights
//! learn.
//!
//! dfdx is where a network is *defined*: parameters are its tensors, a cell's step is a dozen lines of its operations,
//! and gradients come from its tape. *Engines* make it fast: one is chosen when work starts, and nothing that works
//! with it knows which it is.

pub(crate) mod cells;
mod cost_term;
pub mod definition;
pub mod engine;
mod export;
pub(crate) mod file;
pub(crate) mod import;
mod initial;
mod learner;
pub(crate) mod optimizer;
pub(crate) mod other_programs;
mod parameters;
mod regularisation;
pub(crate) mod tensor_bundle;

pub use cells::{Cell, RnnType};
pub use cost_term::{CostTerm, ExtraCost};
pub use engine::{Cost, CpuEngine, Device, DfdxEngine, Diverged, Engine, Graded, Rollout, SweepNoise, TapedCost};
pub use export::WeightNames;
pub use learner::Learner;
pub(crate) use optimizer::WeightOptimizer;
pub use parameters::{Initial, Matrix, Parameter, ParameterSpec, Parameters, Role, Values};
pub use regularisation::WeightCost;

use cells::KnownCell;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;

/// A recurrent network: hyper-parameters, which say what cell it has, and parameters.
///
/// With rates `h` of N units, inputs `x` of I channels and O outputs, the paper's cell is (STAR Methods)
///
/// ```text
/// h ← (1−alpha)·h + alpha·f(x·w_in + h·w_rec + b_rec + noise)        outputs = sigmoid(h·w_out + b_out)
/// ```
///
/// ```
/// use maturation::prelude::*;
///
/// let network = Network::new(&Hyperparameters { n_rnn: 32, ..Hyperparameters::paper() })?;
/// assert_eq!(network.array("w_rec")?.dim(), (32, 32));
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    hyperparameters: Hyperparameters,
    cell: KnownCell,
    parameters: Parameters,
}

impl Network {
    /// A network with initial weights, decided by the seed of the hyper-parameters.
    ///
    /// How the cell's parameters begin, its file in `network/cells` says; output weights are uniform within ±√(6/(N+O))
    /// (Glorot), and their bias is 0.
    ///
    /// # Errors
    /// If the hyper-parameters are impossible, or the cell is not known.
    pub fn new(hyperparameters: &Hyperparameters) -> Result<Self> {
        let values = Network::initial_values(hyperparameters)?;
        Network::with_values(hyperparameters, values)
    }

    /// The values that the parameters of such a network begin with, an array a parameter.
    pub(crate) fn initial_values(hyperparameters: &Hyperparameters) -> Result<Values> {
        hyperparameters.validate()?;
        Ok(initial::values(hyperparameters, &Network::layout(hyperparameters)?))
    }

    /// A network with these values, an array a parameter in the order of [`Network::layout`], row by row.
    ///
    /// # Errors
    /// If the hyper-parameters are impossible, or an array has another size than its parameter, which is named.
    pub fn with_values(hyperparameters: &Hyperparameters, values: Values) -> Result<Self> {
        hyperparameters.validate()?;
        let parameters = Parameters::new(Network::layout(hyperparameters)?, values)?;
        Ok(Network { hyperparameters: hyperparameters.clone(), cell: RnnType::cell(hyperparameters)?, parameters })
    }

    /// What a network with these hyper-parameters has for parameters: its cell's, then `w_out` and `b_out`.
    ///
    /// # Errors
    /// If the cell is not known.
    pub fn layout(hyperparameters: &Hyperparameters) -> Result<Vec<ParameterSpec>> {
        let (units, outputs) = (hyperparameters.n_rnn, hyperparameters.n_output());
        let mut layout = RnnType::cell(hyperparameters)?.cell.parameters(hyperparameters);
        layout.push(ParameterSpec::new("w_out", Role::Output, (units, outputs), Initial::glorot(units, outputs)));
        layout.push(ParameterSpec::bias("b_out", outputs, 0.0));
        for (place, spec) in layout.iter().enumerate() {
            if layout[..place].iter().any(|earlier| earlier.name == spec.name) {
                let what = format!("cell `{}` has two parameters `{}`", hyperparameters.rnn_type, spec.name);
                return Err(Error::argument(what, "give each a name of its own (`w_out` and `b_out` are taken)"));
            }
        }
        Ok(layout)
    }

    /// The hyper-parameters that the network was made with.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// The parameters.
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The parameters, to change.
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        &mut self.parameters
    }

    /// The network's cell.
    pub(crate) fn known_cell(&self) -> KnownCell {
        self.cell
    }

    /// A copy of one parameter, (rows, columns), by its name.
    ///
    /// # Errors
    /// If there is no such parameter; the message lists those that there are.
    pub fn array(&self, name: &str) -> Result<ndarray::Array2<f32>> {
        self.parameters.array(name)
    }

    /// Floating-point operations of a batch of `trials` trials of `steps` steps, forward alone and for gradients too: a
    /// multiplication and an addition for each weight, trial and step, forward, back through time, and for the
    /// gradients.
    pub fn operations(&self, steps: usize, trials: usize) -> [f64; 2] {
        let of = |roles: &[Role]| -> usize {
            let counted = self.parameters.iter().filter(|parameter| roles.contains(&parameter.role()));
            counted.map(|parameter| parameter.spec().count()).sum()
        };
        let (units, outputs) = (self.hyperparameters.n_rnn, self.hyperparameters.n_output());
        let of_cell = of(&[Role::Input, Role::Recurrent, Role::Bias]) - outputs;
        let forward = of_cell + of(&[Role::Output]);
        let back = of(&[Role::Recurrent, Role::Output]);
        // Gradients of the outputs' weights are made with those of the cell, from rows of rates, inputs and a 1.
        let gradients = of_cell + (units + self.hyperparameters.n_input() + 1) * outputs;
        let each = 2.0 * (steps * trials) as f64;
        [each * forward as f64, each * (forward + back + gradients) as f64]
    }

    /// Silences units: their outgoing recurrent and output weights become 0.
    ///
    /// # Errors
    /// If there is no such unit, which is named; nothing is changed then.
    pub fn lesion(&mut self, units: &[usize]) -> Result<()> {
        let count = self.hyperparameters.n_rnn;
        if let Some(unit) = units.iter().find(|unit| **unit >= count) {
            let remedy = format!("units run from 0 to {}", count - 1);
            return Err(Error::argument(format!("there is no unit {unit} to silence"), remedy));
        }
        for parameter in self.parameters.iter_mut() {
            if !matches!(parameter.role(), Role::Recurrent | Role::Output) {
                continue;
            }
            let (mut values, width) = (parameter.values(), parameter.shape().1);
            for unit in units {
                values[unit * width..][..width].fill(0.0);
            }
            parameter.tensor.copy_from(&values);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_is_not_there_cannot_be_silenced() {
        let mut network = Network::new(&Hyperparameters { n_rnn: 12, ..Hyperparameters::paper() }).unwrap();
        let before = network.parameters().values();
        assert!(network.lesion(&[3, 12]).unwrap_err().to_string().contains("unit 12"));
        assert_eq!(network.parameters().values(), before);
    }
}

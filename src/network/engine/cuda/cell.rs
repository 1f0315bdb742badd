//! What the engine asks of a cell.

use std::ops::Range;

use crate::hyperparameters::Hyperparameters;
use crate::network::engine::cuda::program::Program;

/// A cell as the CUDA engine runs it: its steps, in CUDA, and the products that feed them.
pub(crate) trait OnCuda: Send + Sync {
    /// The kernels, with the cell's own steps among them.
    fn program(&self) -> &'static Program;

    /// Kernels that sweep networks of up to so many units with the weights in registers, the smallest first.
    fn in_registers(&self) -> &'static [Program] {
        &[]
    }

    /// Columns of its gates, in units.
    fn gates(&self) -> usize;

    /// Numbers that a step keeps beside rates and gates, in units.
    fn kept(&self) -> usize {
        0
    }

    /// The numbers that its steps go by.
    fn numbers(&self, _hyperparameters: &Hyperparameters) -> [f32; 2] {
        [0.0; 2]
    }

    /// Whether the first columns of its gates, one a unit, receive noise.
    fn is_noisy(&self) -> bool;

    /// Its products, one or two, in the order in which a step makes them.
    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product>;
}

/// A product of rates and inputs with weights: some columns of the gates.
#[derive(Debug)]
pub(crate) struct Product {
    /// Its columns among those of the gates, in units.
    pub(crate) columns: Range<usize>,
    /// The input weights.
    pub(crate) inputs: Vec<FromInputs>,
    /// The parameters that are added to each row.
    pub(crate) biases: &'static [&'static str],
    /// The recurrent weights.
    pub(crate) recurrent: &'static str,
    /// What they are multiplied with.
    pub(crate) from: Source,
}

/// Weights from some of the input channels.
#[derive(Debug)]
pub(crate) struct FromInputs {
    /// The parameter.
    pub(crate) weights: &'static str,
    /// The channels, a row each.
    pub(crate) channels: Range<usize>,
    /// A square parameter that stands before the weights.
    pub(crate) mixed_by: Option<&'static str>,
}

/// What recurrent weights are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The rates before the step.
    Rates,
    /// The first of what the step keeps, one a unit.
    Kept,
}

impl Product {
    /// A product of the rates and of all input channels with three parameters.
    pub(crate) fn simple(
        hyperparameters: &Hyperparameters,
        columns: Range<usize>,
        [inputs, recurrent]: [&'static str; 2],
        biases: &'static [&'static str],
    ) -> Self {
        let channels = 0..hyperparameters.n_input();
        let inputs = vec![FromInputs { weights: inputs, channels, mixed_by: None }];
        Product { columns, inputs, biases, recurrent, from: Source::Rates }
    }
}

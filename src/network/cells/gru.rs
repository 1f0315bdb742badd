//! The gated recurrent unit (Cho et al., 2014), as TensorFlow has it.

use dfdx::tensor_ops::{Device, TryAdd, TryMul, TrySub};

use crate::error::Result;
use crate::hyperparameters::Hyperparameters;
use crate::network::ParameterSpec;
use crate::network::cells::leaky_gru::{GatedKernel, PROGRAM, Renewal, candidate_and_gates, parameters, products};
use crate::network::cells::{BuiltIn, Cell, Kernel, RnnType, no_choice_of_recurrent};
use crate::network::definition::{Defined, Moment, Value};
use crate::network::engine::cpu::kernels::Fused;
use crate::network::engine::cuda::{OnCuda, Product, Program};

/// With reset gates `r`, update gates `u` and candidates `c` as in the leaky one, but without noise,
///
/// ```text
/// h ← u·h + (1 − u)·c
/// ```
pub(super) struct Gru;

impl RnnType {
    /// The gated recurrent unit.
    pub const GRU: RnnType = RnnType("GRU");
}

impl Cell for Gru {
    fn name(&self) -> &'static str {
        RnnType::GRU.name()
    }

    fn parameters(&self, hyperparameters: &Hyperparameters) -> Vec<ParameterSpec> {
        parameters(hyperparameters)
    }

    fn check(&self, hyperparameters: &Hyperparameters) -> Result<()> {
        no_choice_of_recurrent(self, hyperparameters)
    }

    fn step<D: Device<f32>>(&self, now: &Moment<'_, D>) -> Defined<Vec<Value<D>>, D> {
        let rates = now.state(0)?;
        let (candidate, update) = candidate_and_gates(now, false)?;
        // c + u·(h − c)
        let change = rates.try_sub(candidate.clone())?.try_mul(update)?;
        Ok(vec![candidate.try_add(change)?])
    }
}

impl BuiltIn for Gru {
    fn kernel(&self) -> Option<&'static dyn Kernel> {
        Some(&Gru)
    }

    fn cuda(&self) -> Option<&'static dyn OnCuda> {
        Some(&Gru)
    }

    fn published(&self) -> &'static [(&'static str, &'static str)] {
        &[
            ("gates_in", "rnn/gru_cell/gates/kernel"),
            ("gates_rec", "rnn/gru_cell/gates/kernel"),
            ("gates_bias", "rnn/gru_cell/gates/bias"),
            ("candidate_in", "rnn/gru_cell/candidate/kernel"),
            ("candidate_rec", "rnn/gru_cell/candidate/kernel"),
            ("candidate_bias", "rnn/gru_cell/candidate/bias"),
            ("w_out", "output/weights"),
            ("b_out", "output/biases"),
        ]
    }
}

impl Kernel for Gru {
    fn fused(&self) -> &'static dyn Fused {
        &GatedKernel { renewal: |_| Renewal { least: 1.0, by_update: -1.0, noise: 0.0 } }
    }
}

impl OnCuda for Gru {
    fn program(&self) -> &'static Program {
        &PROGRAM
    }

    fn gates(&self) -> usize {
        3
    }

    fn kept(&self) -> usize {
        2
    }

    fn numbers(&self, _hyperparameters: &Hyperparameters) -> [f32; 2] {
        [1.0, -1.0]
    }

    fn is_noisy(&self) -> bool {
        false
    }

    fn products(&self, hyperparameters: &Hyperparameters) -> Vec<Product> {
        products(hyperparameters)
    }
}

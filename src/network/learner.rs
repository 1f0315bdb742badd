//! A network with all that changes as it learns.

use std::sync::atomic::{AtomicU64, Ordering};

use dfdx::optim::Optimizer;
use dfdx::tensor_ops::Backward;

use crate::error::{Error, Result};
use crate::network::{Graded, Network, WeightCost, WeightOptimizer};

/// A network, what its weights cost, and the optimiser with its memory.
#[derive(Debug)]
pub struct Learner {
    /// Tells it from every other of this process.
    identity: u64,
    pub(crate) network: Network,
    pub(crate) optimizer: WeightOptimizer,
    pub(crate) weight_cost: WeightCost,
}

impl Learner {
    /// A network before its first step of learning, as its hyper-parameters ask for. Weights that are to stay near to
    /// where they began stay near to the initial values of the seed.
    ///
    /// # Errors
    /// If the hyper-parameters are impossible.
    pub fn new(network: Network) -> Result<Self> {
        let weight_cost = WeightCost::new(network.hyperparameters())?;
        Ok(Learner::with_cost(network, weight_cost))
    }

    /// The same with a given cost of the weights.
    pub(crate) fn with_cost(network: Network, weight_cost: WeightCost) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let optimizer = WeightOptimizer::new(&network);
        Learner { identity: NEXT.fetch_add(1, Ordering::Relaxed), network, optimizer, weight_cost }
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What tells it from every other learner of this process.
    pub(crate) fn identity(&self) -> u64 {
        self.identity
    }

    /// What the weights cost.
    pub fn weight_cost(&self) -> &WeightCost {
        &self.weight_cost
    }

    /// Adds what the weights cost, goes back, and moves the weights; returns the whole cost. Nothing moves if that is
    /// not finite.
    ///
    /// # Errors
    /// If dfdx refuses.
    pub fn learn(&mut self, graded: Graded) -> Result<f64> {
        let (cost, added) = self.weight_cost.add_to(&self.network, graded.cost)?;
        let total = graded.parts.total() + added;
        if !total.is_finite() {
            return Ok(total);
        }
        let gradients = cost.try_backward().map_err(|problem| Error::device("back-propagation", problem))?;
        self.optimizer
            .update(&mut self.network, &gradients)
            .map_err(|problem| Error::device("updating the weights", problem))?;
        Ok(total)
    }
}

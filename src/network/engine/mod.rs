//! Engines: what runs networks over whole trials and differentiates their cost. One is chosen when work starts; nothing
//! that works with it knows which it is.

mod autodiff;
pub(crate) mod cpu;
pub(crate) mod cuda;
mod device;

pub use autodiff::DfdxEngine;
pub use cpu::CpuEngine;
pub use cpu::kernels::Cost;
#[doc(hidden)]
pub use cpu::kernels::matrix_product_rate;
pub use device::Device;

use dfdx::shapes::Rank0;
use dfdx::tensor::{AsArray, Cpu, OwnedTape, PutTape, SplitTape, Tape, Tensor, TensorFrom, Trace};
use ndarray::{Array3, s};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Learner, Network, Values};
use crate::numerics::random::Noise;
use crate::tasks::{DrawnTrials, Trials};

/// The recurrent noise of a sweep.
#[derive(Clone, Copy, Debug)]
pub enum SweepNoise {
    /// None: the same inputs give the same rates.
    None,
    /// Gaussian, of the strength that `sigma_rec` asks for; element (trial, time, unit) of step `step`.
    Gaussian {
        /// The noise.
        noise: Noise,
        /// The step in it.
        step: u32,
    },
}

impl SweepNoise {
    /// The noise, its step and its standard deviation on a unit's input.
    pub(crate) fn parts(self, hyperparameters: &Hyperparameters) -> (Noise, u32, f32) {
        match self {
            SweepNoise::None => (Noise::new(0, 0), 0, 0.0),
            SweepNoise::Gaussian { noise, step } => (noise, step, hyperparameters.recurrent_noise() as f32),
        }
    }
}

/// A cost on a tape of dfdx.
pub type TapedCost = Tensor<Rank0, f32, Cpu, OwnedTape<f32, Cpu>>;

/// The cost of a batch, ready to be differentiated.
#[derive(Debug)]
pub struct Graded {
    /// Task cost, what the rates cost and the user's own term, on a tape: `backward` gives the gradient by every
    /// parameter of the network.
    pub cost: TapedCost,
    /// Its parts, as numbers.
    pub parts: Cost,
}

/// What a network did on a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Rollout {
    /// Rates, (time, trial, unit).
    pub hidden: Array3<f32>,
    /// Outputs after the sigmoid or softmax, (time, trial, output).
    pub outputs: Array3<f32>,
}

/// A step of training whose cost was not finite. No weight has moved since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Diverged {
    /// The updates of the weights before it.
    pub update: u64,
    /// The cost, infinite or NaN.
    pub cost: f64,
}

/// What runs networks over whole trials, differentiates their cost and trains them.
///
/// [`CpuEngine`] is the crate's own kernels, for each of its cells. [`Device`] gives the one for a GPU, too.
/// [`DfdxEngine`] runs the definition of any cell on a device of dfdx. They agree to float precision.
///
/// ```
/// use maturation::network::DfdxEngine;
/// use maturation::prelude::*;
///
/// let network = Network::new(&Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() })?;
/// let trials = Trials::test(network.hyperparameters(), Rule::GAP, Mode::Test)?;
/// let (cost, outputs) = CpuEngine::new(0)?.evaluate(&network, &trials, SweepNoise::None)?;
/// assert_eq!(outputs.dim(), trials.targets.dim());
/// let (again, _) = DfdxEngine::cpu().evaluate(&network, &trials, SweepNoise::None)?;
/// assert!((cost.task - again.task).abs() < 1e-4 * cost.task);
/// # Ok::<(), maturation::Error>(())
/// ```
pub trait Engine: std::fmt::Debug {
    /// What it is, in a few words, for logs.
    fn description(&self) -> String;

    /// What really runs this network, in a few words: an engine may hand one that it cannot run to another.
    fn runs(&self, _network: &Network) -> String {
        self.description()
    }

    /// Whether it makes the arrays of this network's trials by itself, so that the processor has only to draw trials:
    /// training and evaluations then give it [`DrawnTrials`].
    fn makes_trials(&self, _network: &Network) -> bool {
        false
    }

    /// Trials with their arrays as this engine makes them: to float precision those of [`DrawnTrials::make`].
    ///
    /// # Errors
    /// As there; a device that refuses.
    fn make_trials(&mut self, trials: &DrawnTrials) -> Result<Trials> {
        trials.make()
    }

    /// Engines that share this one's threads among them, at most so many, to work on batches side by side: none where
    /// nothing would be gained. Their results are this one's.
    ///
    /// # Errors
    /// If their threads cannot be started.
    fn side_by_side(&self, _most: usize) -> Result<Vec<Box<dyn Engine + Send>>> {
        Ok(Vec::new())
    }

    /// Rates and outputs for `inputs`, (time, trial, input).
    ///
    /// # Errors
    /// Inputs that are empty or of another network; a device that refuses.
    fn run(&mut self, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout>;

    /// The cost and the outputs, (time, trial, output), of `trials`, without gradients.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn evaluate(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)>;

    /// The cost, and the outputs at the last time step, by which trials are graded, (1, trial, output): what
    /// [`Engine::evaluate`] gives, without the outputs before.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn grade(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let (cost, outputs) = self.evaluate(network, trials, noise)?;
        Ok((cost, outputs.slice_move(s![-1.., .., ..])))
    }

    /// The same of trials whose arrays it is to make.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn grade_drawn(
        &mut self,
        network: &Network,
        trials: &DrawnTrials,
        noise: SweepNoise,
    ) -> Result<(Cost, Array3<f32>)> {
        self.grade(network, &trials.make()?, noise)
    }

    /// The outputs of [`Engine::grade`] without the cost.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn answer(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<Array3<f32>> {
        Ok(self.grade(network, trials, noise)?.1)
    }

    /// The cost of `trials` and its gradients, an array a parameter in their order; empty for those of role
    /// [`Fixed`](crate::network::Role::Fixed).
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn gradients(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Values)>;

    /// The cost of `trials` as one operation on a tape of dfdx.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn cost(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<Graded> {
        let (parts, gradients) = self.gradients(network, trials, noise)?;
        Ok(on_tape(network, parts, gradients))
    }

    /// One step of training on `trials`; returns the whole cost before it, or none if the engine does not wait for it.
    /// A cost that is not finite moves no weight, in this step nor in any before [`Engine::settle`], which tells of it.
    ///
    /// An engine may keep weights and the optimiser's memory to itself from step to step: [`Engine::settle`] brings
    /// them back.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn train(&mut self, learner: &mut Learner, trials: &Trials, noise: SweepNoise) -> Result<Option<f64>> {
        let graded = self.cost(learner.network(), trials, noise)?;
        learner.learn(graded).map(Some)
    }

    /// The same on trials whose arrays it is to make.
    ///
    /// # Errors
    /// As [`Engine::run`].
    fn train_drawn(&mut self, learner: &mut Learner, trials: &DrawnTrials, noise: SweepNoise) -> Result<Option<f64>> {
        self.train(learner, &trials.make()?, noise)
    }

    /// Makes `learner` hold what training has come to. It is called before anybody looks at it. Tells of the first step
    /// whose cost was not finite, among those whose cost [`Engine::train`] did not wait for.
    ///
    /// # Errors
    /// A device that refuses.
    fn settle(&mut self, _learner: &mut Learner) -> Result<Option<Diverged>> {
        Ok(None)
    }
}

/// A cost whose gradients are known, as one operation on a tape of dfdx.
fn on_tape(network: &Network, parts: Cost, gradients: Values) -> Graded {
    let cost = Cpu::default().tensor(parts.total() as f32);
    let (cost, mut tape) = cost.leaky_trace().split_tape();
    let outcome = cost.clone();
    let parameters: Vec<_> = network.parameters().iter().map(|parameter| parameter.tensor.clone()).collect();
    tape.add_backward_op(move |all| {
        let scale = all.get(&outcome).array();
        for (parameter, gradient) in parameters.iter().zip(gradients) {
            let sum = all.get_or_alloc_mut(parameter)?;
            sum.iter_mut().zip(&gradient).for_each(|(sum, gradient)| *sum += scale * gradient);
        }
        Ok(())
    });
    Graded { cost: cost.put_tape(tape), parts }
}

/// The sizes of a batch, (steps, trials); an error if it is empty or of another network.
fn check_inputs(network: &Network, inputs: &Array3<f32>) -> Result<(usize, usize)> {
    let (steps, trials, channels) = inputs.dim();
    if steps == 0 || trials == 0 {
        return Err(Error::argument(
            format!("a batch of {trials} trials of {steps} steps is empty"),
            "give inputs, (time, trial, input), with at least one of each",
        ));
    }
    let n_input = network.hyperparameters().n_input();
    if channels != n_input {
        return Err(Error::shape("sweep over a batch", "inputs", inputs.shape(), &[steps, trials, n_input]));
    }
    Ok((steps, trials))
}

/// The contiguous elements of an array of trials.
fn elements<'a>(array: &'a Array3<f32>, name: &str) -> Result<&'a [f32]> {
    array.as_slice().ok_or_else(|| {
        Error::argument(format!("`{name}` is not stored row by row"), "make it so with `.as_standard_layout()`")
    })
}

/// An array of a shape that its elements were made for.
fn shaped(shape: (usize, usize, usize), values: Vec<f32>) -> Result<Array3<f32>> {
    let found = vec![values.len()];
    Array3::from_shape_vec(shape, values)
        .map_err(|_| Error::shape("sweep over a batch", "result", &found, &[shape.0, shape.1, shape.2]))
}

#[cfg(test)]
mod tests;

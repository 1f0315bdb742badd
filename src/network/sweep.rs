//! One trait for the recurrent sweep over a whole trial, and its implementation on the CPU.

use dfdx::tensor::{AsArray, Cpu, PutTape, SplitTape, Tape, TensorFrom, Trace};
use dfdx::tensor_ops::Device;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::kernels::{Batch, Cost, Dimensions, Sweep, WeightGradients, Weights, Workspace};
use crate::network::{HostWeights, Network, TapedCost};
use crate::numerics::random::Noise;
use crate::tasks::Trials;

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

/// The cost of a batch, ready to be differentiated.
#[derive(Debug)]
pub struct Graded<D: Device<f32>> {
    /// Task cost plus what the rates cost, on a tape.
    pub cost: TapedCost<D>,
    /// The two parts, as numbers.
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

/// A device that can run a leaky network over whole trials and differentiate its cost.
///
/// On [`Cpu`] the sweep is a single operation on dfdx's tape, backed by [`crate::network::kernels`]. On any other device
/// it is written in dfdx's operations, one time step after the other. Both agree to float precision.
pub trait RecurrentSweep: Device<f32> {
    /// What the device keeps between sweeps.
    type Workspace;

    /// Makes a workspace; on the CPU it has `threads` threads (0: one a core).
    fn workspace(threads: usize) -> Result<Self::Workspace>;

    /// The cost of `trials`, on a tape from which `backward` gives the gradient of every parameter.
    fn cost(
        network: &Network<Self>,
        trials: &Trials,
        noise: SweepNoise,
        workspace: &mut Self::Workspace,
    ) -> Result<Graded<Self>>;

    /// The cost and the outputs, (time, trial, output), of `trials`, without gradients.
    fn evaluate(
        network: &Network<Self>,
        trials: &Trials,
        noise: SweepNoise,
        workspace: &mut Self::Workspace,
    ) -> Result<(Cost, Array3<f32>)>;

    /// Rates and outputs for `inputs`, (time, trial, input).
    fn run(
        network: &Network<Self>,
        inputs: &Array3<f32>,
        noise: SweepNoise,
        workspace: &mut Self::Workspace,
    ) -> Result<Rollout>;
}

/// The kernels' description of a batch; an error if it is empty or of another network.
pub(super) fn dimensions(hyperparameters: &Hyperparameters, inputs: &Array3<f32>) -> Result<Dimensions> {
    let (steps, trials, channels) = inputs.dim();
    if steps == 0 || trials == 0 {
        return Err(Error::argument(
            format!("a batch of {trials} trials of {steps} steps is empty"),
            "give inputs, (time, trial, input), with at least one of each",
        ));
    }
    let n_input = hyperparameters.n_input();
    if channels != n_input {
        let (name, expected) = ("inputs".to_owned(), vec![steps, trials, n_input]);
        return Err(Error::Shape { operation: "sweep over a batch", name, found: inputs.shape().to_vec(), expected });
    }
    Ok(Dimensions {
        units: hyperparameters.n_rnn,
        inputs: channels,
        outputs: hyperparameters.n_output(),
        steps,
        trials,
    })
}

/// The kernels' description of a sweep.
fn sweep(hyperparameters: &Hyperparameters, noise: SweepNoise) -> Sweep {
    let (noise, noise_step, noise_deviation) = noise.parts(hyperparameters);
    Sweep {
        activation: hyperparameters.activation,
        loss: hyperparameters.loss_type,
        alpha: hyperparameters.alpha() as f32,
        noise_deviation,
        noise,
        noise_step,
        l1_h: hyperparameters.l1_h as f32,
        l2_h: hyperparameters.l2_h as f32,
    }
}

fn borrowed([w_in, w_rec, b_rec, w_out, b_out]: &HostWeights) -> Weights<'_> {
    Weights { w_in, w_rec, b_rec, w_out, b_out }
}

/// The contiguous elements of an array of trials.
pub(super) fn elements<'a>(array: &'a Array3<f32>, name: &str) -> Result<&'a [f32]> {
    array.as_slice().ok_or_else(|| {
        Error::argument(format!("`{name}` is not stored row by row"), "make it so with `.as_standard_layout()`")
    })
}

fn batch(trials: &Trials) -> Result<Batch<'_>> {
    Ok(Batch {
        inputs: elements(&trials.inputs, "inputs")?,
        targets: elements(&trials.targets, "targets")?,
        mask: elements(&trials.mask, "mask")?,
    })
}

impl RecurrentSweep for Cpu {
    type Workspace = Workspace;

    fn workspace(threads: usize) -> Result<Workspace> {
        Workspace::new(threads)
    }

    fn cost(
        network: &Network<Cpu>,
        trials: &Trials,
        noise: SweepNoise,
        workspace: &mut Workspace,
    ) -> Result<Graded<Cpu>> {
        let hyperparameters = network.hyperparameters();
        let mut gradients = WeightGradients::default();
        let parts = workspace.gradients(
            dimensions(hyperparameters, &trials.inputs)?,
            &borrowed(&network.to_host()),
            &batch(trials)?,
            &sweep(hyperparameters, noise),
            &mut gradients,
        )?;
        let cost = network.device().tensor((parts.task + parts.activity) as f32);
        let (cost, mut tape) = cost.leaky_trace().split_tape();
        let outcome = cost.clone();
        let parameters = network.parameters().map(Clone::clone);
        let WeightGradients { w_in, w_rec, b_rec, w_out, b_out } = gradients;
        tape.add_backward_op(move |all| {
            let scale = all.get(&outcome).array();
            for (parameter, gradient) in parameters.iter().zip([w_in, w_rec, b_rec, w_out, b_out]) {
                let sum = all.get_or_alloc_mut(parameter)?;
                sum.iter_mut().zip(&gradient).for_each(|(sum, gradient)| *sum += scale * gradient);
            }
            Ok(())
        });
        Ok(Graded { cost: cost.put_tape(tape), parts })
    }

    fn evaluate(
        network: &Network<Cpu>,
        trials: &Trials,
        noise: SweepNoise,
        workspace: &mut Workspace,
    ) -> Result<(Cost, Array3<f32>)> {
        let hyperparameters = network.hyperparameters();
        let dimensions = dimensions(hyperparameters, &trials.inputs)?;
        let mut outputs = vec![0.0; dimensions.steps * dimensions.trials * dimensions.outputs];
        let cost = workspace.evaluate(
            dimensions,
            &borrowed(&network.to_host()),
            &batch(trials)?,
            &sweep(hyperparameters, noise),
            &mut outputs,
        )?;
        Ok((cost, shaped((dimensions.steps, dimensions.trials, dimensions.outputs), outputs)?))
    }

    fn run(
        network: &Network<Cpu>,
        inputs: &Array3<f32>,
        noise: SweepNoise,
        workspace: &mut Workspace,
    ) -> Result<Rollout> {
        let hyperparameters = network.hyperparameters();
        let dimensions = dimensions(hyperparameters, inputs)?;
        let Dimensions { steps, trials, units, outputs, .. } = dimensions;
        let mut hidden = vec![0.0; steps * trials * units];
        let mut values = vec![0.0; steps * trials * outputs];
        workspace.run(
            dimensions,
            &borrowed(&network.to_host()),
            elements(inputs, "inputs")?,
            &sweep(hyperparameters, noise),
            Some(&mut hidden),
            Some(&mut values),
        )?;
        Ok(Rollout {
            hidden: shaped((steps, trials, units), hidden)?,
            outputs: shaped((steps, trials, outputs), values)?,
        })
    }
}

/// An array of a shape that its elements were made for.
pub(super) fn shaped(shape: (usize, usize, usize), values: Vec<f32>) -> Result<Array3<f32>> {
    let found = vec![values.len()];
    Array3::from_shape_vec(shape, values).map_err(|_| Error::Shape {
        operation: "sweep over a batch",
        name: "result".to_owned(),
        found,
        expected: vec![shape.0, shape.1, shape.2],
    })
}

#[cfg(feature = "cuda")]
impl RecurrentSweep for dfdx::tensor::Cuda {
    type Workspace = ();

    fn workspace(_threads: usize) -> Result<()> {
        Ok(())
    }

    fn cost(network: &Network<Self>, trials: &Trials, noise: SweepNoise, _: &mut ()) -> Result<Graded<Self>> {
        super::stepwise::cost(network, trials, noise)
    }

    fn evaluate(
        network: &Network<Self>,
        trials: &Trials,
        noise: SweepNoise,
        _: &mut (),
    ) -> Result<(Cost, Array3<f32>)> {
        super::stepwise::evaluate(network, trials, noise)
    }

    fn run(network: &Network<Self>, inputs: &Array3<f32>, noise: SweepNoise, _: &mut ()) -> Result<Rollout> {
        super::stepwise::run(network, inputs, noise)
    }
}

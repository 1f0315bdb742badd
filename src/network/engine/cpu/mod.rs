//! The crate's own kernels as an engine.

pub(crate) mod kernels;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use std::ops::Range;

use dfdx::tensor::Cpu;
use ndarray::Array3;

use crate::error::{Error, Result};
use crate::network::cells::Kernel;
use crate::network::engine::{DfdxEngine, Engine, Rollout, SweepNoise, check_inputs, elements, on_tape, shaped};
use crate::network::{Learner, Network, Values};
use crate::tasks::{DrawnTrials, Trials};
use kernels::{Batch, Cost, Dimensions, Drawn, Source, Sweep, Workspace};

/// Runs the crate's cells in kernels of its own, on several threads; its results do not depend on their number. A cell
/// that has no form for the kernels, such as one of your own, it runs by its definition, as [`DfdxEngine`] does, and so
/// it grades a network with a cost term of your own.
#[derive(Debug)]
pub struct CpuEngine {
    workspace: Workspace,
    definition: DfdxEngine<Cpu>,
    /// Why it is no GPU, where one would have been taken.
    why_no_gpu: Option<String>,
}

/// More threads than this are a mistake, and would keep the machine busy with themselves.
const MOST_THREADS: usize = 1024;

impl CpuEngine {
    /// An engine of `threads` threads; 0 takes one a processor core.
    ///
    /// # Errors
    /// If the threads cannot be started, or are more than 1,024.
    pub fn new(threads: usize) -> Result<Self> {
        if threads > MOST_THREADS {
            let what = format!("{threads} threads are more than any machine makes use of");
            return Err(Error::argument(what, format!("take {MOST_THREADS} at the most; 0 is one a processor core")));
        }
        Ok(CpuEngine { workspace: Workspace::new(threads)?, definition: DfdxEngine::cpu(), why_no_gpu: None })
    }

    /// The same engine, which says that it stands in for a GPU that cannot be used.
    pub(crate) fn in_place_of_a_gpu(self, problem: &Error) -> Self {
        CpuEngine { why_no_gpu: Some(problem.without_remedy()), ..self }
    }

    /// The cost of `trials`, and the outputs of their last `kept` time steps, if they have so many.
    fn evaluate_with(
        &mut self,
        kernel: &dyn Kernel,
        network: &Network,
        (steps, trials): (usize, usize),
        source: Source<'_>,
        noise: SweepNoise,
        kept: usize,
    ) -> Result<(Cost, Array3<f32>)> {
        let dimensions = dimensions(network, steps, trials);
        let shape = (kept.min(dimensions.steps), dimensions.trials, dimensions.outputs);
        let mut outputs = vec![0.0; shape.0 * shape.1 * shape.2];
        let (sweep, weights) = (sweep(network, noise), kernel.weights(network));
        let weights = borrowed(&weights);
        let cost = self.workspace.evaluate(kernel.fused(), dimensions, &weights, source, &sweep, &mut outputs)?;
        Ok((cost, shaped(shape, outputs)?))
    }

    /// The cost of trials and its gradients.
    fn gradients_with(
        &mut self,
        kernel: &dyn Kernel,
        network: &Network,
        (steps, trials): (usize, usize),
        source: Source<'_>,
        noise: SweepNoise,
    ) -> Result<(Cost, Values)> {
        let dimensions = dimensions(network, steps, trials);
        let (sweep, weights) = (sweep(network, noise), kernel.weights(network));
        let weights = borrowed(&weights);
        let mut gradients = Values::new();
        let cost = self.workspace.gradients(kernel.fused(), dimensions, &weights, source, &sweep, &mut gradients)?;
        Ok((cost, kernel.gradients(network, gradients)))
    }

    #[cfg(test)]
    pub(crate) fn with_level(threads: usize, level: crate::numerics::Level) -> Result<Self> {
        Ok(CpuEngine { workspace: Workspace::with_level(threads, level)?, ..CpuEngine::new(1)? })
    }
}

/// The kernel of a network's cell, if it also knows all of the network's cost.
fn gradable(network: &Network) -> Option<&'static dyn Kernel> {
    network.known_cell().kernel.filter(|_| network.hyperparameters().extra_cost.is_none())
}

/// The sizes of a network and a batch.
fn dimensions(network: &Network, steps: usize, trials: usize) -> Dimensions {
    let hyperparameters = network.hyperparameters();
    Dimensions {
        units: hyperparameters.n_rnn,
        inputs: hyperparameters.n_input(),
        outputs: hyperparameters.n_output(),
        steps,
        trials,
    }
}

/// The kernels' description of a sweep.
fn sweep(network: &Network, noise: SweepNoise) -> Sweep {
    let hyperparameters = network.hyperparameters();
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

/// The steps of a batch, its number of trials, and its arrays; an error if it is empty or of another network.
fn made<'a>(network: &Network, trials: &'a Trials) -> Result<((usize, usize), Source<'a>)> {
    let sizes = check_inputs(network, &trials.inputs)?;
    let (inputs, targets) = (elements(&trials.inputs, "inputs")?, elements(&trials.targets, "targets")?);
    Ok((sizes, Source::Made(Batch { inputs, targets, mask: elements(&trials.mask, "mask")? })))
}

/// The same of trials that are but drawn.
fn drawn(trials: &DrawnTrials) -> ((usize, usize), Source<'_>) {
    ((trials.outline().steps, trials.outline().trials.len()), Source::Drawn(trials))
}

impl Drawn for DrawnTrials {
    fn numbers(&self) -> [usize; 3] {
        let of = self.outline();
        [of.inputs, of.outputs, of.mask_width].map(|width| of.steps * of.trials.len() * width)
    }

    fn make(&self, trials: Range<usize>, memory: &mut [Vec<f32>; 4]) {
        self.make_some(trials, memory);
    }
}

fn borrowed(arrays: &Values) -> Vec<&[f32]> {
    arrays.iter().map(Vec::as_slice).collect()
}

impl Engine for CpuEngine {
    fn description(&self) -> String {
        let threads = match self.workspace.threads() {
            1 => "CPU, 1 thread".to_owned(),
            count => format!("CPU, {count} threads"),
        };
        match &self.why_no_gpu {
            Some(why) => format!("{threads} (no GPU: {why})"),
            None => threads,
        }
    }

    fn side_by_side(&self, most: usize) -> Result<Vec<Box<dyn Engine + Send>>> {
        let threads = self.workspace.threads();
        let count = most.min(threads);
        if count < 2 {
            return Ok(Vec::new());
        }
        let engine = |_| Ok(Box::new(CpuEngine::new(threads.div_ceil(count))?) as Box<dyn Engine + Send>);
        (0..count).map(engine).collect()
    }

    fn run(&mut self, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout> {
        let Some(kernel) = network.known_cell().kernel else { return self.definition.run(network, inputs, noise) };
        let (steps, trials) = check_inputs(network, inputs)?;
        let dimensions = dimensions(network, steps, trials);
        let Dimensions { units, outputs, .. } = dimensions;
        let mut hidden = vec![0.0; steps * trials * units];
        let mut values = vec![0.0; steps * trials * outputs];
        let weights = kernel.weights(network);
        self.workspace.run(
            kernel.fused(),
            dimensions,
            &borrowed(&weights),
            elements(inputs, "inputs")?,
            &sweep(network, noise),
            Some(&mut hidden),
            Some(&mut values),
        )?;
        Ok(Rollout {
            hidden: shaped((steps, trials, units), hidden)?,
            outputs: shaped((steps, trials, outputs), values)?,
        })
    }

    fn evaluate(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let Some(kernel) = gradable(network) else { return self.definition.evaluate(network, trials, noise) };
        let (sizes, source) = made(network, trials)?;
        self.evaluate_with(kernel, network, sizes, source, noise, usize::MAX)
    }

    fn grade(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let Some(kernel) = gradable(network) else { return self.definition.grade(network, trials, noise) };
        let (sizes, source) = made(network, trials)?;
        self.evaluate_with(kernel, network, sizes, source, noise, 1)
    }

    fn makes_trials(&self, network: &Network) -> bool {
        gradable(network).is_some()
    }

    fn grade_drawn(
        &mut self,
        network: &Network,
        trials: &DrawnTrials,
        noise: SweepNoise,
    ) -> Result<(Cost, Array3<f32>)> {
        let Some(kernel) = gradable(network) else { return self.grade(network, &trials.make()?, noise) };
        let (sizes, source) = drawn(trials);
        self.evaluate_with(kernel, network, sizes, source, noise, 1)
    }

    fn answer(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<Array3<f32>> {
        let Some(kernel) = network.known_cell().kernel else { return self.definition.answer(network, trials, noise) };
        let (steps, count) = check_inputs(network, &trials.inputs)?;
        let dimensions = dimensions(network, steps, count);
        let shape = (1, dimensions.trials, dimensions.outputs);
        let mut outputs = vec![0.0; shape.1 * shape.2];
        let (weights, inputs) = (kernel.weights(network), elements(&trials.inputs, "inputs")?);
        let (weights, sweep) = (borrowed(&weights), sweep(network, noise));
        self.workspace.run(kernel.fused(), dimensions, &weights, inputs, &sweep, None, Some(&mut outputs))?;
        shaped(shape, outputs)
    }

    fn gradients(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Values)> {
        let Some(kernel) = gradable(network) else {
            return self.definition.gradients(network, trials, noise);
        };
        let (sizes, source) = made(network, trials)?;
        self.gradients_with(kernel, network, sizes, source, noise)
    }

    fn train_drawn(&mut self, learner: &mut Learner, trials: &DrawnTrials, noise: SweepNoise) -> Result<Option<f64>> {
        let network = learner.network();
        let Some(kernel) = gradable(network) else { return self.train(learner, &trials.make()?, noise) };
        let (sizes, source) = drawn(trials);
        let (parts, gradients) = self.gradients_with(kernel, network, sizes, source, noise)?;
        let graded = on_tape(network, parts, gradients);
        learner.learn(graded).map(Some)
    }
}

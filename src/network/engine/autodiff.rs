//! Any cell's definition in dfdx's own operations, one time step after the other, on any of its devices.
//!
//! Slower than the kernels, but free of assumptions about cell and device, and the second opinion that the kernels are
//! tested against.

use std::panic::{AssertUnwindSafe, catch_unwind};

use dfdx::shapes::{Axis, HasShape, Rank0};
use dfdx::tensor::{Cpu, NoneTape, PutTape, Tensor};
use dfdx::tensor_ops::*;
use ndarray::{Array3, Axis as ArrayAxis};

use crate::error::{Error, Result};
use crate::hyperparameters::Loss;
use crate::network::cells::{AnyCell, StepOn};
use crate::network::cost_term::{AnyCost, CostOn, ExtraCost};
use crate::network::definition::{
    Defined, Failure, Moment, Named, Recorder, Recording, Scalar, Swept, Value, backward, with_bias,
};
use crate::network::engine::cpu::kernels::Cost;
use crate::network::engine::{Engine, Rollout, SweepNoise, check_inputs, elements, shaped};
use crate::network::{Network, Role, Values};
use crate::tasks::Trials;

/// Runs the definition of a cell on a device of dfdx.
#[derive(Clone, Debug)]
pub struct DfdxEngine<D> {
    device: D,
}

impl DfdxEngine<Cpu> {
    /// On the CPU.
    pub fn cpu() -> Self {
        DfdxEngine { device: Cpu::default() }
    }
}

#[cfg(feature = "cuda")]
impl DfdxEngine<dfdx::tensor::Cuda> {
    /// On a GPU.
    pub fn cuda(device: dfdx::tensor::Cuda) -> Self {
        DfdxEngine { device }
    }
}

impl<D> Engine for DfdxEngine<D>
where
    D: Device<f32> + std::fmt::Debug,
    dyn AnyCell: StepOn<D>,
    dyn AnyCost: CostOn<D>,
{
    fn description(&self) -> String {
        format!("dfdx, {}", std::any::type_name::<D>().rsplit("::").next().unwrap_or("a device"))
    }

    fn run(&mut self, network: &Network, inputs: &Array3<f32>, noise: SweepNoise) -> Result<Rollout> {
        let (mut hidden, mut outputs) = (Vec::new(), Vec::new());
        Unrolled::new(&self.device, network, inputs, None, noise)?.go(Recorder::default(), |rates, values| {
            hidden.extend(rates.as_vec());
            outputs.extend(values.as_vec());
        })?;
        let (steps, trials, _) = inputs.dim();
        let hyperparameters = network.hyperparameters();
        Ok(Rollout {
            hidden: shaped((steps, trials, hyperparameters.n_rnn), hidden)?,
            outputs: shaped((steps, trials, hyperparameters.n_output()), outputs)?,
        })
    }

    fn evaluate(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Array3<f32>)> {
        let mut outputs = Vec::new();
        let unrolled = Unrolled::new(&self.device, network, &trials.inputs, Some(trials), noise)?;
        let (_, parts, _) = unrolled.go(Recorder::default(), |_, values| outputs.extend(values.as_vec()))?;
        Ok((parts, shaped(trials.targets.dim(), outputs)?))
    }

    fn gradients(&mut self, network: &Network, trials: &Trials, noise: SweepNoise) -> Result<(Cost, Values)> {
        let unrolled = Unrolled::new(&self.device, network, &trials.inputs, Some(trials), noise)?;
        let recording = Recording::start();
        let (cost, parts, parameters) = unrolled.go(recording.recorder(), |_, _| ())?;
        let failed = |problem: D::Err| Error::device("back-propagation", problem.to_string());
        let mut gradients = backward(cost).map_err(failed)?;
        let mut values = Values::new();
        for (parameter, (_, value)) in network.parameters().iter().zip(&parameters.0) {
            if parameter.role() == Role::Fixed {
                values.push(Vec::new());
                continue;
            }
            // Zeros for a parameter that the cost does not depend on.
            let value = value.retaped::<NoneTape>();
            gradients.try_alloc_for(&value).map_err(failed)?;
            values.push(gradients.get(&value).as_vec());
        }
        Ok((parts, values))
    }
}

/// A (trial, unit) or (trial, output) matrix without a history.
type Plain<D> = Tensor<(usize, usize), f32, D>;

/// The outputs of a step, and its term of the cost if it is graded.
type Outcome<D> = (Value<D>, Option<Scalar<D>>);

/// One sweep over a batch.
struct Unrolled<'a, D: Device<f32>> {
    device: &'a D,
    network: &'a Network,
    inputs: &'a Array3<f32>,
    /// The trials to grade the outputs by, if they are to be graded.
    graded: Option<&'a Trials>,
    noise: SweepNoise,
}

impl<'a, D: Device<f32>> Unrolled<'a, D>
where
    dyn AnyCell: StepOn<D>,
    dyn AnyCost: CostOn<D>,
{
    fn new(
        device: &'a D,
        network: &'a Network,
        inputs: &'a Array3<f32>,
        graded: Option<&'a Trials>,
        noise: SweepNoise,
    ) -> Result<Self> {
        check_inputs(network, inputs)?;
        elements(inputs, "inputs")?;
        Ok(Unrolled { device, network, inputs, graded, noise })
    }

    /// Runs all steps, shows `visit` the rates and outputs of each, and sums the cost; the parameters are those on the
    /// device.
    fn go(
        &self,
        recorder: Recorder<D>,
        visit: impl FnMut(&Plain<D>, &Plain<D>),
    ) -> Result<(Scalar<D>, Cost, Named<D>)> {
        let swept = || self.steps(recorder, visit).map_err(|problem| problem.into_error("a sweep over a batch"));
        // dfdx panics where matrices do not fit together, which those of the crate do.
        catch_unwind(AssertUnwindSafe(swept)).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            let cell = self.network.hyperparameters().rnn_type;
            Err(Error::argument(
                format!(
                    "the definition of cell `{cell}`, or of a cost term, stopped with: {}",
                    text.replace('\n', " ")
                ),
                "check the shapes of the matrices that it works with",
            ))
        })
    }

    fn steps(
        &self,
        recorder: Recorder<D>,
        mut visit: impl FnMut(&Plain<D>, &Plain<D>),
    ) -> Defined<(Scalar<D>, Cost, Named<D>), D> {
        let Unrolled { device, network, inputs, .. } = *self;
        let (hyperparameters, cell) = (network.hyperparameters(), network.known_cell().cell);
        let (steps, trials, channels) = inputs.dim();
        let shape = (trials, hyperparameters.n_rnn);
        let recorded = |matrix: Plain<D>| matrix.put_tape(recorder.clone());

        let mut named = Vec::new();
        for parameter in network.parameters() {
            let matrix = device.try_tensor_from_vec(parameter.values(), parameter.shape())?;
            named.push((parameter.name(), recorded(matrix)));
        }
        let parameters = Named(named);
        let mut states = Vec::new();
        for _ in 0..cell.states() {
            states.push(recorded(device.try_zeros_like(&shape)?));
        }
        let mut total: Scalar<D> = device.try_zeros_like(&())?.put_tape(recorder.clone());
        let mut parts = Cost::default();
        let extra = hyperparameters.extra_cost.map(ExtraCost::term).transpose().map_err(Failure::Other)?;
        // Rates and outputs of all steps, for the term that a user added.
        let mut history = (Vec::new(), Vec::new());
        for (time, input) in inputs.outer_iter().enumerate() {
            let input = device.try_tensor_from_vec(input.iter().copied().collect(), (trials, channels))?;
            let moment = Moment {
                hyperparameters,
                device,
                parameters: &parameters,
                input: recorded(input),
                states: &states,
                noise: self.noise,
                time,
            };
            let after = StepOn::<D>::step_on(cell, &moment)?;
            check_states(cell, &after, shape).map_err(Failure::Other)?;
            states = after;
            let rates = &states[0];

            let outputs = rates.clone().try_matmul(parameters.get("w_out")?)?;
            let outputs = with_bias(outputs, parameters.get("b_out")?)?;
            let (values, term) = self.grade(time, outputs, &mut parts)?;
            visit(&rates.retaped(), &values.retaped());
            if extra.is_some() {
                history.0.push(rates.clone());
                history.1.push(values);
            }
            if let Some(term) = term {
                total = total.try_add(term)?;
            }
            if self.graded.is_some() && (hyperparameters.l1_h != 0.0 || hyperparameters.l2_h != 0.0) {
                let l1 = (hyperparameters.l1_h / (steps * trials * shape.1) as f64) as f32;
                let l2 = 0.5 * hyperparameters.l2_h as f32;
                let absolute = rates.clone().try_abs()?.try_mul(l1)?;
                let costly = rates.clone().try_square()?.try_mul(l2)?.try_add(absolute)?;
                let term = costly.try_sum::<Rank0, _>()?;
                parts.activity += number(&term);
                total = total.try_add(term)?;
            }
        }
        if let (Some(extra), Some(trials)) = (extra, self.graded) {
            let (rates, outputs) = (&history.0, &history.1);
            let swept = Swept { hyperparameters, device, parameters: &parameters, rates, outputs, trials };
            let term = CostOn::<D>::cost_on(extra, &swept)?;
            parts.extra = number(&term);
            total = total.try_add(term)?;
        }
        Ok((total, parts, parameters))
    }

    /// Outputs from their pre-activations and, where the batch is graded, this step's term of the cost.
    fn grade(&self, time: usize, outputs: Value<D>, parts: &mut Cost) -> Result<Outcome<D>, D::Err> {
        let (loss, device) = (self.network.hyperparameters().loss_type, self.device);
        let (steps, trials, _) = self.inputs.dim();
        let shape = *outputs.shape();
        let Some(graded) = self.graded else {
            let values = match loss {
                Loss::LeastSquares => outputs.try_sigmoid()?,
                Loss::CrossEntropy => outputs.try_softmax::<Axis<1>>()?,
            };
            return Ok((values, None));
        };
        let targets: Vec<f32> = graded.targets.index_axis(ArrayAxis(0), time).iter().copied().collect();
        let mask = graded.mask.index_axis(ArrayAxis(0), time);
        let mask: Vec<f32> = mask.broadcast(shape).map(|mask| mask.iter().copied().collect()).unwrap_or_default();
        let (values, term) = match loss {
            Loss::LeastSquares => {
                let scale = 1.0 / (steps * trials * shape.1) as f32;
                let values = outputs.try_sigmoid()?;
                let targets = device.try_tensor_from_vec(targets, shape)?;
                let mask = device.try_tensor_from_vec(mask, shape)?;
                let difference = values.clone().try_sub(targets)?.try_mul(mask)?;
                (values, difference.try_square()?.try_sum::<Rank0, _>()?.try_mul(scale)?)
            }
            Loss::CrossEntropy => {
                let scale = -1.0 / (steps * trials) as f32;
                let weighted = targets.iter().zip(&mask).map(|(target, mask)| target * mask).collect();
                let weighted = device.try_tensor_from_vec(weighted, shape)?;
                let logarithms = outputs.try_log_softmax::<Axis<1>>()?;
                let values = logarithms.clone().try_exp()?;
                (values, logarithms.try_mul(weighted)?.try_sum::<Rank0, _>()?.try_mul(scale)?)
            }
        };
        parts.task += number(&term);
        Ok((values, Some(term)))
    }
}

/// The number that a tensor of rank 0 holds.
fn number<D: Device<f32>>(scalar: &Scalar<D>) -> f64 {
    scalar.as_vec().first().map_or(f64::NAN, |value| f64::from(*value))
}

/// An error if a step did not give the states that its cell says it has.
fn check_states<D: Device<f32>>(cell: &dyn AnyCell, states: &[Value<D>], shape: (usize, usize)) -> Result<()> {
    let count = cell.states();
    if states.len() != count {
        return Err(Error::argument(
            format!("a step of cell `{}` gave {} states", cell.name(), states.len()),
            format!("it says it has {count}"),
        ));
    }
    for (index, state) in states.iter().enumerate() {
        let found = *state.shape();
        if found != shape {
            let name = format!("{} state {index}", cell.name());
            return Err(Error::shape("step of a cell", &name, &[found.0, found.1], &[shape.0, shape.1]));
        }
    }
    Ok(())
}

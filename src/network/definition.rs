//! What a cell's definition is written in: dfdx's operations on values that remember how they were made.
//!
//! A [`Value`] is a tensor of dfdx whose tape is shared by its copies: a value may be cloned and used twice, and its
//! gradient is the sum of both uses. That is all that sets it apart from a tensor with one of dfdx's own tapes.

use std::any::Any;
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use dfdx::shapes::{Axis, HasShape, Rank0};
use dfdx::tensor::{Gradients, Merge, NoneTape, OwnedTape, PutTape, SplitTape, Storage, Tape, Tensor};
use dfdx::tensor_ops::*;

use crate::error::Error;
use crate::hyperparameters::{Activation, Hyperparameters};
use crate::network::SweepNoise;
use crate::tasks::Trials;

/// A step of going back, as dfdx's operations record it.
type Operation<D> = Box<dyn FnOnce(&mut Gradients<f32, D>) -> Result<(), <D as dfdx::tensor::HasErr>::Err>>;

/// A tape of dfdx that all values of a sweep share; none where nobody goes back.
pub struct Recorder<D: Storage<f32>>(Option<Rc<RefCell<Vec<Operation<D>>>>>);

thread_local! {
    /// The tape of the sweep that this thread is at: what dfdx gives values that it makes up within an operation.
    static CURRENT: RefCell<Option<Rc<dyn Any>>> = const { RefCell::new(None) };
}

/// A sweep whose operations are recorded, for as long as it lives.
pub(crate) struct Recording<D: Storage<f32>>(Recorder<D>);

impl<D: Storage<f32>> Recording<D> {
    /// Records from now on, on this thread.
    pub(crate) fn start() -> Self {
        let tape: Rc<RefCell<Vec<Operation<D>>>> = Rc::default();
        CURRENT.set(Some(tape.clone()));
        Recording(Recorder(Some(tape)))
    }

    /// What it records on.
    pub(crate) fn recorder(&self) -> Recorder<D> {
        self.0.clone()
    }
}

impl<D: Storage<f32>> Drop for Recording<D> {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

impl<D: Storage<f32>> Clone for Recorder<D> {
    fn clone(&self) -> Self {
        Recorder(self.0.clone())
    }
}

impl<D: Storage<f32>> Default for Recorder<D> {
    /// The tape of the sweep that this thread is at, if it is recorded.
    fn default() -> Self {
        let current = CURRENT.with_borrow(Option::clone);
        Recorder(current.and_then(|current| current.downcast().ok()))
    }
}

impl<D: Storage<f32>> std::fmt::Debug for Recorder<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.0.as_ref().map(|operations| operations.borrow().len());
        f.debug_tuple("Recorder").field(&count).finish()
    }
}

impl<D: Storage<f32>> Merge<NoneTape> for Recorder<D> {
    fn merge(self, _: NoneTape) -> Self {
        self
    }
}

impl<D: Storage<f32>> Merge<Recorder<D>> for Recorder<D> {
    /// The values of a sweep share one tape: there is no second one to take in.
    fn merge(self, other: Self) -> Self {
        Recorder(self.0.or(other.0))
    }
}

impl<D: Storage<f32>> Tape<f32, D> for Recorder<D> {
    const OWNS_TAPE: bool = true;

    fn add_backward_op<F>(&mut self, operation: F)
    where
        F: 'static + FnOnce(&mut Gradients<f32, D>) -> Result<(), D::Err>,
    {
        if let Some(operations) = &self.0 {
            operations.borrow_mut().push(Box::new(operation));
        }
    }
}

/// A (trial, column) matrix that knows how it was made.
pub type Value<D> = Tensor<(usize, usize), f32, D, Recorder<D>>;

/// A number that knows how it was made: a cost.
pub type Scalar<D> = Tensor<Rank0, f32, D, Recorder<D>>;

/// Goes back from a cost through all that it was made of.
pub(crate) fn backward<D: Device<f32>>(cost: Scalar<D>) -> Result<Gradients<f32, D>, D::Err> {
    let (cost, recorder) = cost.split_tape();
    let operations = recorder.0.map(|operations| operations.take()).unwrap_or_default();
    let mut tape = OwnedTape::default();
    tape.add_backward_op(move |gradients| operations.into_iter().rev().try_for_each(|back| back(gradients)));
    cost.put_tape(tape).try_backward()
}

/// Why a definition cannot be computed: the device refused, or it asks for what is not there.
#[derive(Debug)]
pub enum Failure<E> {
    /// The device's reason.
    Device(E),
    /// Anything else.
    Other(Error),
}

impl<E> From<E> for Failure<E> {
    fn from(problem: E) -> Self {
        Failure::Device(problem)
    }
}

impl<E: std::fmt::Display> Failure<E> {
    pub(crate) fn into_error(self, operation: &'static str) -> Error {
        match self {
            Failure::Device(problem) => Error::device(operation, problem.to_string()),
            Failure::Other(error) => error,
        }
    }
}

/// The result of a definition on a device.
pub type Defined<T, D> = Result<T, Failure<<D as dfdx::tensor::HasErr>::Err>>;

/// A network's parameters on a device, by name.
#[derive(Debug)]
pub(crate) struct Named<D: Device<f32>>(pub(crate) Vec<(&'static str, Value<D>)>);

impl<D: Device<f32>> Named<D> {
    pub(crate) fn get(&self, name: &str) -> Defined<Value<D>, D> {
        let found = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        let names = || self.0.iter().map(|(name, _)| *name);
        found.ok_or_else(|| Failure::Other(Error::unknown_name("parameter", name, names())))
    }
}

/// What a cell has in hand at one time step of a batch.
#[derive(Debug)]
pub struct Moment<'a, D: Device<f32>> {
    pub(crate) hyperparameters: &'a Hyperparameters,
    pub(crate) device: &'a D,
    pub(crate) parameters: &'a Named<D>,
    pub(crate) input: Value<D>,
    pub(crate) states: &'a [Value<D>],
    pub(crate) noise: SweepNoise,
    pub(crate) time: usize,
}

impl<D: Device<f32>> Moment<'_, D> {
    /// The hyper-parameters of the network.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        self.hyperparameters
    }

    /// The device.
    pub fn device(&self) -> &D {
        self.device
    }

    /// The inputs of this step, (trial, input).
    pub fn input(&self) -> Value<D> {
        self.input.clone()
    }

    /// A state after the step before, (trial, unit); the first one, 0, is the units' rates. Before the first step all
    /// are 0.
    ///
    /// # Errors
    /// If the cell has no such state.
    pub fn state(&self, index: usize) -> Defined<Value<D>, D> {
        let count = self.states.len();
        let missing = || Error::argument(format!("the cell has no state {index}"), format!("it says it has {count}"));
        self.states.get(index).cloned().ok_or_else(|| Failure::Other(missing()))
    }

    /// A parameter, (row, column), by its name.
    ///
    /// # Errors
    /// If the cell has no such parameter; the message lists those that it has.
    pub fn parameter(&self, name: &str) -> Defined<Value<D>, D> {
        self.parameters.get(name)
    }

    /// `z` with the recurrent noise of this step added (none where the sweep has none): Gaussian, of standard deviation
    /// `sigma_rec · √(2/alpha)`, the same each time it is asked for within a step.
    pub fn noisy(&self, z: Value<D>) -> Defined<Value<D>, D> {
        let (noise, noise_step, deviation) = self.noise.parts(self.hyperparameters);
        if deviation == 0.0 {
            return Ok(z);
        }
        let shape = *z.shape();
        let mut normals = vec![0.0; shape.0 * shape.1];
        for (trial, row) in normals.chunks_exact_mut(shape.1.max(1)).enumerate() {
            noise.fill(noise_step, trial as u32, self.time as u32, row);
            row.iter_mut().for_each(|normal| *normal *= deviation);
        }
        Ok(z.try_add(self.device.try_tensor_from_vec(normals, shape)?)?)
    }

    /// `f(z)`, with the network's activation.
    pub fn activate(&self, z: Value<D>) -> Defined<Value<D>, D> {
        Ok(activate(self.hyperparameters.activation, z)?)
    }

    /// The share of a rate that is renewed in a step.
    pub fn alpha(&self) -> f32 {
        self.hyperparameters.alpha() as f32
    }
}

/// What a network did with a batch, for a [`CostTerm`](crate::network::CostTerm).
#[derive(Debug)]
pub struct Swept<'a, D: Device<f32>> {
    pub(crate) hyperparameters: &'a Hyperparameters,
    pub(crate) device: &'a D,
    pub(crate) parameters: &'a Named<D>,
    pub(crate) rates: &'a [Value<D>],
    pub(crate) outputs: &'a [Value<D>],
    pub(crate) trials: &'a Trials,
}

impl<D: Device<f32>> Swept<'_, D> {
    /// The hyper-parameters of the network.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        self.hyperparameters
    }

    /// The device.
    pub fn device(&self) -> &D {
        self.device
    }

    /// The batch.
    pub fn trials(&self) -> &Trials {
        self.trials
    }

    /// The rates after each time step, (trial, unit) each.
    pub fn rates(&self) -> &[Value<D>] {
        self.rates
    }

    /// The outputs after each time step, (trial, output) each.
    pub fn outputs(&self) -> &[Value<D>] {
        self.outputs
    }

    /// A parameter, (row, column), by its name.
    ///
    /// # Errors
    /// If the network has no such parameter; the message lists those that it has.
    pub fn parameter(&self, name: &str) -> Defined<Value<D>, D> {
        self.parameters.get(name)
    }
}

/// `matrix` with `bias`, one row, added to each of its rows.
pub fn with_bias<D: Device<f32>>(matrix: Value<D>, bias: Value<D>) -> Defined<Value<D>, D> {
    let shape = *matrix.shape();
    let bias = bias.try_reshape_like(&(shape.1,))?;
    Ok(bias.try_broadcast_like::<_, Axis<0>>(&shape)?.try_add(matrix)?)
}

/// Some columns of a matrix.
pub fn columns<D: Device<f32>>(matrix: Value<D>, columns: Range<usize>) -> Defined<Value<D>, D> {
    let rows = matrix.shape().0;
    Ok(matrix.try_slice((0..rows, columns))?)
}

/// Rates from inputs.
fn activate<D: Device<f32>>(activation: Activation, z: Value<D>) -> Result<Value<D>, D::Err> {
    match activation {
        Activation::Softplus => {
            // max(z, 0) + ln(1 + e^(−|z|)): the plain form overflows.
            let positive = z.clone().try_relu()?;
            z.try_abs()?.try_negate()?.try_exp()?.try_add(1.0)?.try_ln()?.try_add(positive)
        }
        Activation::Relu => z.try_relu(),
        Activation::Tanh => z.try_tanh(),
        Activation::Power => z.try_relu()?.try_square(),
        Activation::Retanh => z.try_relu()?.try_tanh(),
        Activation::Elu => {
            let positive = z.clone().try_relu()?;
            z.try_negate()?.try_relu()?.try_negate()?.try_exp()?.try_sub(1.0)?.try_add(positive)
        }
    }
}

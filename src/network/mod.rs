//! Recurrent networks: their weights as tensors on a device, and sweeps over whole trials.

pub(crate) mod file;
mod initial;
pub mod kernels;
mod regularisation;
pub mod stepwise;
mod sweep;

pub use regularisation::WeightCost;
pub use sweep::{Graded, RecurrentSweep, Rollout, SweepNoise};

use dfdx::shapes::{HasShape, Rank0, Shape};
use dfdx::tensor::{Cpu, OwnedTape, Tensor};
use dfdx::tensor_ops::Device;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;

/// A tensor of run-time sizes, (rows, columns); a bias is one row.
pub type Matrix<D> = Tensor<(usize, usize), f32, D>;

/// A cost on a tape.
pub type TapedCost<D, T = OwnedTape<f32, D>> = Tensor<Rank0, f32, D, T>;

/// The names of a leaky network's weights, in the order of [`Network::parameters`].
pub const PARAMETERS: [&str; 5] = ["w_in", "w_rec", "b_rec", "w_out", "b_out"];

/// A leaky recurrent network on a device.
///
/// With rates `h` of N units, inputs `x` of I channels and O outputs (paper, STAR Methods):
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
pub struct Network<D: Device<f32> = Cpu> {
    hyperparameters: Hyperparameters,
    device: D,
    /// Input weights, (input, unit).
    pub w_in: Matrix<D>,
    /// Recurrent weights, (from unit, to unit).
    pub w_rec: Matrix<D>,
    /// Bias of each unit, (1, unit).
    pub b_rec: Matrix<D>,
    /// Output weights, (unit, output).
    pub w_out: Matrix<D>,
    /// Bias of each output, (1, output).
    pub b_out: Matrix<D>,
}

/// Weights as plain arrays, in the order of [`PARAMETERS`]; each matrix row by row.
pub(crate) type HostWeights = [Vec<f32>; 5];

impl Network<Cpu> {
    /// A network with initial weights, on the CPU. The seed is that of the hyper-parameters.
    pub fn new(hyperparameters: &Hyperparameters) -> Result<Self> {
        Network::on(Cpu::default(), hyperparameters)
    }
}

impl<D: Device<f32>> Network<D> {
    /// A network with initial weights on `device`.
    ///
    /// Input weights are Gaussian with variance 1/I; recurrent weights follow `w_rec_init`; output weights are uniform
    /// within ±√(6/(N+O)) (Glorot); biases are 0. An error if the hyper-parameters are impossible.
    pub fn on(device: D, hyperparameters: &Hyperparameters) -> Result<Self> {
        hyperparameters.validate()?;
        Network::from_host(device, hyperparameters, initial::weights(hyperparameters))
    }

    /// The (rows, columns) of each parameter.
    pub(crate) fn shapes(hyperparameters: &Hyperparameters) -> [(usize, usize); 5] {
        let (inputs, units, outputs) = (hyperparameters.n_input(), hyperparameters.n_rnn, hyperparameters.n_output());
        [(inputs, units), (units, units), (1, units), (units, outputs), (1, outputs)]
    }

    /// A network with the given weights, whose lengths must be those of [`Network::shapes`].
    pub(crate) fn from_host(device: D, hyperparameters: &Hyperparameters, weights: HostWeights) -> Result<Self> {
        let mut shapes = Self::shapes(hyperparameters).into_iter();
        let mut upload = |values: Vec<f32>| {
            let shape = shapes.next().unwrap_or_default();
            device.try_tensor_from_vec(values, shape).map_err(|problem| Error::device("copying weights", problem))
        };
        let [w_in, w_rec, b_rec, w_out, b_out] = weights;
        let (w_in, w_rec, b_rec) = (upload(w_in)?, upload(w_rec)?, upload(b_rec)?);
        let (w_out, b_out) = (upload(w_out)?, upload(b_out)?);
        Ok(Network { hyperparameters: hyperparameters.clone(), device, w_in, w_rec, b_rec, w_out, b_out })
    }

    /// The hyper-parameters that the network was made with.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// The device that the weights are on.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The weights, in the order of [`PARAMETERS`].
    pub fn parameters(&self) -> [&Matrix<D>; 5] {
        [&self.w_in, &self.w_rec, &self.b_rec, &self.w_out, &self.b_out]
    }

    /// The weights, to change, in the order of [`PARAMETERS`].
    pub fn parameters_mut(&mut self) -> [&mut Matrix<D>; 5] {
        [&mut self.w_in, &mut self.w_rec, &mut self.b_rec, &mut self.w_out, &mut self.b_out]
    }

    /// The weights as plain arrays, in the order of [`PARAMETERS`].
    pub(crate) fn to_host(&self) -> HostWeights {
        self.parameters().map(|parameter| {
            let mut values = vec![0.0; parameter.shape().num_elements()];
            parameter.copy_into(&mut values);
            values
        })
    }

    /// A copy of one parameter, by its name (`w_in`, `w_rec`, `b_rec`, `w_out`, `b_out`).
    pub fn array(&self, name: &str) -> Result<ndarray::Array2<f32>> {
        let place = PARAMETERS.iter().position(|known| *known == name);
        let place = place.ok_or_else(|| Error::unknown_name("parameter", name, PARAMETERS))?;
        let shape = Self::shapes(&self.hyperparameters)[place];
        let values = self.parameters()[place].as_vec();
        ndarray::Array2::from_shape_vec(shape, values).map_err(|problem| Error::device("copying weights", problem))
    }

    /// Silences units: their outgoing recurrent and output weights become 0.
    ///
    /// An error that names the unit if there is no such one; nothing is changed then.
    pub fn lesion(&mut self, units: &[usize]) -> Result<()> {
        let count = self.hyperparameters.n_rnn;
        if let Some(unit) = units.iter().find(|unit| **unit >= count) {
            let remedy = format!("units run from 0 to {}", count - 1);
            return Err(Error::argument(format!("there is no unit {unit} to silence"), remedy));
        }
        for matrix in [&mut self.w_rec, &mut self.w_out] {
            let mut values = matrix.as_vec();
            let width = values.len() / count;
            for unit in units {
                values[unit * width..][..width].fill(0.0);
            }
            matrix.copy_from(&values);
        }
        Ok(())
    }
}

/// The number that a tensor of rank 0 holds.
fn number<D: Device<f32>>(tensor: &Tensor<Rank0, f32, D>) -> f64 {
    tensor.as_vec().first().map_or(f64::NAN, |value| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tasks::{Mode, Rule, Trials};

    #[test]
    fn a_lesioned_unit_is_heard_by_nobody() {
        let hyperparameters = Hyperparameters { n_rnn: 12, ..Hyperparameters::paper() };
        let mut network = Network::new(&hyperparameters).unwrap();
        network.lesion(&[3, 7]).unwrap();
        let trials = Trials::test(&hyperparameters, Rule::Gap, Mode::Test).unwrap();
        let mut workspace = Cpu::workspace(1).unwrap();
        let before = Cpu::run(&network, &trials.inputs, SweepNoise::None, &mut workspace).unwrap();
        // Whatever drives the silenced units reaches no output.
        let mut bias = network.b_rec.as_vec();
        bias[3] += 5.0;
        bias[7] -= 5.0;
        network.b_rec.copy_from(&bias);
        let after = Cpu::run(&network, &trials.inputs, SweepNoise::None, &mut workspace).unwrap();
        assert_eq!(before.outputs, after.outputs);
        assert_ne!(before.hidden, after.hidden);
        assert!(network.lesion(&[12]).unwrap_err().to_string().contains("unit 12"));
    }
}

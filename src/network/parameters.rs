//! The parameters of a network: named tensors, each with a role.

use std::ops::Range;

use dfdx::shapes::HasShape;
use dfdx::tensor::{Cpu, Tensor, TensorFromVec};
use ndarray::Array2;

use crate::error::{Error, Result};
use crate::hyperparameters::{Hyperparameters, Trainables};

/// A matrix of run-time sizes on the CPU, (rows, columns); a bias is one row.
pub type Matrix = Tensor<(usize, usize), f32, Cpu>;

/// What a parameter does in its network. Regularisers, lesions, files and what is trained go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// From input channels, (input, …).
    Input,
    /// From units to units, (from unit, …).
    Recurrent,
    /// From units to outputs, (unit, output).
    Output,
    /// Added to what units or outputs receive: one row, which files hold with one axis.
    Bias,
    /// Saved and never trained.
    Fixed,
}

impl Role {
    /// Whether it connects units with something, so that regularisers and lesions see it.
    pub fn is_weight(self) -> bool {
        matches!(self, Role::Input | Role::Recurrent | Role::Output)
    }
}

/// How a parameter begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Initial {
    /// One value everywhere.
    Constant(f32),
    /// Independent Gaussian values with this standard deviation.
    Gaussian(f64),
    /// Uniform between ± this limit.
    Uniform(f64),
    /// A square matrix as `w_rec_init` says, as strong as fits the activation.
    Recurrent,
    /// A random orthogonal matrix.
    Orthogonal,
}

impl Initial {
    /// Uniform between ±√(6 / (inputs + outputs)), as Glorot and Bengio have it for a matrix of this shape.
    pub fn glorot(rows: usize, columns: usize) -> Self {
        Initial::Uniform((6.0 / (rows + columns) as f64).sqrt())
    }
}

/// What a cell says of one of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// The name, in files and messages.
    pub name: &'static str,
    /// What it does.
    pub role: Role,
    /// (rows, columns).
    pub shape: (usize, usize),
    /// How it begins.
    pub initial: Initial,
    /// The matrix of the published system that it is a part of. Where a mean over weights is taken, or a share of them
    /// drawn, it is over all of this matrix. A bias that is a part of input weights trains with them.
    pub part_of: &'static str,
}

impl ParameterSpec {
    /// A parameter that is a matrix of its own.
    pub fn new(name: &'static str, role: Role, shape: (usize, usize), initial: Initial) -> Self {
        ParameterSpec { name, role, shape, initial, part_of: name }
    }

    /// A bias of so many columns that begins at `value`.
    pub fn bias(name: &'static str, columns: usize, value: f32) -> Self {
        ParameterSpec::new(name, Role::Bias, (1, columns), Initial::Constant(value))
    }

    /// The same parameter as a part of a larger matrix.
    pub fn part_of(mut self, matrix: &'static str) -> Self {
        self.part_of = matrix;
        self
    }

    /// The rows that train.
    pub(crate) fn trained_rows(&self, layout: &[ParameterSpec], hyperparameters: &Hyperparameters) -> Range<usize> {
        let rows = self.shape.0;
        let brings_inputs = self.role == Role::Input
            || layout.iter().any(|matrix| matrix.role == Role::Input && self.part_of == matrix.name);
        // Weights from all channels, or from those of rules alone.
        let rules = hyperparameters.n_input() - hyperparameters.rule_start();
        match hyperparameters.trainables {
            _ if self.role == Role::Fixed => 0..0,
            Trainables::All => 0..rows,
            Trainables::Input if brings_inputs => 0..rows,
            Trainables::Rule if self.role == Role::Input && rows == hyperparameters.n_input() => rows - rules..rows,
            Trainables::Rule if self.role == Role::Input && rows == rules => 0..rows,
            Trainables::Input | Trainables::Rule => 0..0,
        }
    }

    /// Number of elements.
    pub fn count(&self) -> usize {
        self.shape.0 * self.shape.1
    }

    /// The shape as it stands in a file: a bias has one axis.
    pub(crate) fn file_shape(&self) -> Vec<usize> {
        match self.role {
            Role::Bias => vec![self.shape.1],
            _ => vec![self.shape.0, self.shape.1],
        }
    }
}

/// A parameter: what its cell says of it, and its values.
#[derive(Clone, Debug)]
pub struct Parameter {
    spec: ParameterSpec,
    /// The values, a tensor of dfdx.
    pub tensor: Matrix,
}

impl Parameter {
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.spec.name
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.spec.role
    }

    /// (rows, columns).
    pub fn shape(&self) -> (usize, usize) {
        *self.tensor.shape()
    }

    /// All that its cell says of it.
    pub fn spec(&self) -> &ParameterSpec {
        &self.spec
    }

    /// The values row by row.
    pub fn values(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.spec.count()];
        self.tensor.copy_into(&mut values);
        values
    }
}

/// One array of values for each parameter of a network, row by row, in the order of its parameters: weights, gradients
/// or what an optimiser remembers. An array is empty where there is nothing to say of a parameter.
pub type Values = Vec<Vec<f32>>;

/// All parameters of a network, in the order of its cell's layout, the outputs' last.
///
/// ```
/// use maturation::network::Role;
/// use maturation::prelude::*;
///
/// let network = Network::new(&Hyperparameters { n_rnn: 32, ..Hyperparameters::paper() })?;
/// let names: Vec<&str> = network.parameters().iter().map(|parameter| parameter.name()).collect();
/// assert_eq!(names, ["w_in", "w_rec", "b_rec", "w_out", "b_out"]);
/// assert_eq!(network.parameters().get("w_rec")?.role(), Role::Recurrent);
/// # Ok::<(), maturation::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Parameters(Vec<Parameter>);

impl Parameters {
    /// Parameters with these values.
    ///
    /// # Errors
    /// A parameter whose number of values is not that of its shape; the message names it.
    pub fn new(layout: Vec<ParameterSpec>, values: Values) -> Result<Self> {
        if layout.len() != values.len() {
            let what = format!("{} arrays of values for {} parameters", values.len(), layout.len());
            return Err(Error::argument(what, "give one for each"));
        }
        let parameter = |(spec, values): (ParameterSpec, Vec<f32>)| {
            check_length(&spec, values.len())?;
            let tensor = Cpu::default().try_tensor_from_vec(values, spec.shape);
            let tensor = tensor.map_err(|problem| Error::device("copying weights", problem))?;
            Ok(Parameter { spec, tensor })
        };
        Ok(Parameters(layout.into_iter().zip(values).map(parameter).collect::<Result<_>>()?))
    }

    /// The parameters, one after the other.
    pub fn iter(&self) -> std::slice::Iter<'_, Parameter> {
        self.0.iter()
    }

    /// The parameters, to change.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, Parameter> {
        self.0.iter_mut()
    }

    /// Number of parameters.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The parameter of that name; an error that lists the names if there is none.
    pub fn get(&self, name: &str) -> Result<&Parameter> {
        Ok(&self.0[self.place(name)?])
    }

    /// A copy of a parameter, (rows, columns), by its name.
    pub fn array(&self, name: &str) -> Result<Array2<f32>> {
        let parameter = self.get(name)?;
        Array2::from_shape_vec(parameter.shape(), parameter.values())
            .map_err(|problem| Error::device("copying weights", problem))
    }

    /// Gives a parameter other values, row by row.
    ///
    /// # Errors
    /// If there is no such parameter, or as many values as it has are not given; nothing is changed then.
    pub fn set(&mut self, name: &str, values: &[f32]) -> Result<()> {
        let place = self.place(name)?;
        check_length(&self.0[place].spec, values.len())?;
        self.0[place].tensor.copy_from(values);
        Ok(())
    }

    /// All values, an array a parameter.
    pub fn values(&self) -> Values {
        self.0.iter().map(Parameter::values).collect()
    }

    fn place(&self, name: &str) -> Result<usize> {
        let place = self.0.iter().position(|parameter| parameter.name() == name);
        place.ok_or_else(|| Error::unknown_name("parameter", name, self.0.iter().map(Parameter::name)))
    }
}

impl<'a> IntoIterator for &'a Parameters {
    type Item = &'a Parameter;
    type IntoIter = std::slice::Iter<'a, Parameter>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

fn check_length(spec: &ParameterSpec, found: usize) -> Result<()> {
    if found == spec.count() {
        return Ok(());
    }
    Err(Error::shape("parameters of a network", spec.name, &[found], &[spec.shape.0, spec.shape.1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_changed_by_name() {
        let layout = vec![
            ParameterSpec::new("w", Role::Recurrent, (2, 3), Initial::Constant(0.0)),
            ParameterSpec::bias("b", 3, 1.0),
        ];
        let mut parameters = Parameters::new(layout.clone(), vec![vec![0.0; 6], vec![1.0; 3]]).unwrap();
        parameters.set("w", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
        assert_eq!(parameters.array("w").unwrap()[[1, 0]], 4.0);
        assert_eq!(parameters.values()[1], [1.0; 3]);
        assert!(parameters.get("v").unwrap_err().to_string().contains("w, b"));
        let message = parameters.set("b", &[1.0]).unwrap_err().to_string();
        assert!(message.contains("`b` has shape [1], expected [1, 3]"), "{message}");
        assert!(Parameters::new(layout, vec![vec![0.0; 6]]).is_err());
    }
}

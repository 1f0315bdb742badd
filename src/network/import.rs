//! Networks from the weights of other programs.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::cells::RnnType;
use crate::network::other_programs::{ForeignArray, read_arrays_of_any_program};
use crate::network::{Network, ParameterSpec, Role, Values};

/// What an optimiser of TensorFlow keeps beside the weights.
const OPTIMISER: [&str; 4] = ["/Adam", "/Adam_1", "beta1_power", "beta2_power"];

/// Where a parameter's values stand: in an array, from a row on.
struct Source {
    array: String,
    first_row: usize,
    /// Rows of the whole array.
    rows: usize,
}

/// A variable's name in one spelling: parts are separated by '/', and the older names of matrices and biases are the
/// new ones.
fn spelled(name: &str) -> String {
    let name = name.strip_suffix(":0").unwrap_or(name).replace('.', "/");
    let of_cell = |name: &str, old: &str, new: &str| match (name.starts_with("rnn/"), name.strip_suffix(old)) {
        (true, Some(scope)) => Some(format!("{scope}{new}")),
        _ => None,
    };
    let renamed = of_cell(&name, "/weights", "/kernel").or_else(|| of_cell(&name, "/biases", "/bias"));
    renamed.unwrap_or(name)
}

/// Where each parameter stands in a file with the published program's names; none if the cell is not one of its.
fn published_sources(layout: &[ParameterSpec], names: &[(&str, &str)]) -> Option<Vec<Source>> {
    let array = |spec: &ParameterSpec| names.iter().find(|(name, _)| *name == spec.name).map(|(_, array)| *array);
    let arrays: Vec<&str> = layout.iter().map(array).collect::<Option<_>>()?;
    let rows_of = |wanted: &str, specs: &[ParameterSpec]| -> usize {
        specs.iter().zip(&arrays).filter(|(_, array)| **array == wanted).map(|(spec, _)| spec.shape.0).sum()
    };
    let source = |(place, array): (usize, &&str)| Source {
        array: (*array).to_owned(),
        first_row: rows_of(array, &layout[..place]),
        rows: rows_of(array, layout),
    };
    Some(arrays.iter().enumerate().map(source).collect())
}

/// Where each parameter stands in a file with our own names.
fn own_sources(layout: &[ParameterSpec]) -> Vec<Source> {
    let source = |spec: &ParameterSpec| Source { array: spec.name.to_owned(), first_row: 0, rows: spec.shape.0 };
    layout.iter().map(source).collect()
}

impl Network {
    /// A network with the weights in a file of another program: `.npz` (`numpy.savez`) or `.safetensors`, float32 or
    /// float64.
    ///
    /// Arrays have either this crate's names ([`Network::save`]) or those of the published program's variables, with
    /// '/' or '.' between the parts: `rnn/leaky_rnn_cell/kernel` holds the rows of `w_in` and then those of `w_rec`,
    /// and so on for each cell. What its optimiser kept (`…/Adam`, `beta1_power`) is passed over.
    ///
    /// # Errors
    /// The message names the file, and what of it: if it is of another kind or damaged, lacks an array or has one too
    /// many, an array has another shape, or a value is not finite.
    pub fn import(hyperparameters: &Hyperparameters, path: impl AsRef<Path>) -> Result<Network> {
        let path = path.as_ref();
        hyperparameters.validate()?;
        let layout = Network::layout(hyperparameters)?;
        let mut arrays = read_arrays_of_any_program(path)?;
        // Files have no order of their own, and a message should not depend on chance.
        arrays.sort_by(|one, other| one.name.cmp(&other.name));
        let own = arrays.iter().any(|array| layout.iter().any(|spec| spec.name == array.name));
        let published = RnnType::cell(hyperparameters)?.published;
        let sources = match published_sources(&layout, published).filter(|_| !own) {
            Some(sources) => {
                arrays.iter_mut().for_each(|array| array.name = spelled(&array.name));
                arrays.retain(|array| !OPTIMISER.iter().any(|kept| array.name.ends_with(kept)));
                sources
            }
            None => own_sources(&layout),
        };
        Network::with_values(hyperparameters, take(path, &layout, &sources, arrays)?)
    }
}

/// The values of each parameter; every array must be asked for.
fn take(path: &Path, layout: &[ParameterSpec], sources: &[Source], arrays: Vec<ForeignArray>) -> Result<Values> {
    let there = arrays.iter().map(|array| format!("`{}` {:?}", array.name, array.shape)).collect::<Vec<_>>().join(", ");
    let remedy = "Check that the hyper-parameters (cell, units, ruleset) are those of the network";
    if let Some(spare) = arrays.iter().find(|array| !sources.iter().any(|source| source.array == array.name)) {
        let mut wanted: Vec<String> = sources.iter().map(|source| format!("`{}`", source.array)).collect();
        wanted.dedup();
        let problem = format!("there is no place for its array `{}`; expected {}", spare.name, wanted.join(", "));
        return Err(Error::file(path, problem, remedy));
    }
    let mut named = Vec::with_capacity(arrays.len());
    for array in arrays {
        named.push(array.into_named(path)?);
    }
    let take = |(spec, source): (&ParameterSpec, &Source)| {
        let found = named.iter().find(|(name, ..)| *name == source.array);
        let (name, shape, values) = found
            .ok_or_else(|| Error::file(path, format!("it has no array `{}`; it has {there}", source.array), remedy))?;
        let columns = spec.shape.1;
        let expected = match spec.role {
            Role::Bias => vec![columns],
            _ => vec![source.rows, columns],
        };
        if *shape != expected && *shape != [source.rows, columns] {
            return Err(Error::file(path, format!("`{name}` has shape {shape:?}, expected {expected:?}"), remedy));
        }
        Ok(values[source.first_row * columns..][..spec.count()].to_vec())
    };
    layout.iter().zip(sources).map(take).collect()
}

//! Networks from the weights of other programs.

use std::path::Path;

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::cells::RnnType;
use crate::network::file::NamedArray;
use crate::network::other_programs::{ForeignArray, read_arrays_of_any_program};
use crate::network::{Network, ParameterSpec, Role, Values};

/// What Adam of TensorFlow keeps for a variable: the running means of its gradients and of their squares.
const MOMENTS: [&str; 2] = ["/Adam", "/Adam_1"];
/// What it keeps once: the decays of these means, to the power of its updates and one.
const POWERS: [&str; 2] = ["beta1_power", "beta2_power"];

/// Where a parameter's values stand: in an array, from a row on.
struct Source {
    array: String,
    first_row: usize,
    /// Rows of the whole array.
    rows: usize,
}

/// A variable's name in one spelling: parts are separated by '/', and the older names of matrices and biases are the
/// new ones. What the optimiser keeps for it follows it.
fn spelled(name: &str) -> String {
    let name = name.strip_suffix(":0").unwrap_or(name).replace('.', "/");
    let moment = MOMENTS.into_iter().find(|moment| name.ends_with(moment)).unwrap_or_default();
    let variable = name.strip_suffix(moment).unwrap_or(&name);
    let of_cell = |old: &str, new: &str| match (variable.starts_with("rnn/"), variable.strip_suffix(old)) {
        (true, Some(scope)) => Some(format!("{scope}{new}{moment}")),
        _ => None,
    };
    of_cell("/weights", "/kernel").or_else(|| of_cell("/biases", "/bias")).unwrap_or(name)
}

/// Whether it is the optimiser's.
fn is_of_optimiser(name: &str) -> bool {
    MOMENTS.iter().chain(&POWERS).any(|kept| name.ends_with(kept))
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

/// What a file of another program holds of a network.
#[derive(Debug)]
pub(crate) struct Imported {
    pub network: Network,
    /// What Adam of the published program remembers.
    pub memory: Option<AdamMemory>,
}

/// What Adam remembers.
#[derive(Debug)]
pub(crate) struct AdamMemory {
    /// The running means of the gradients and of their squares, an array a parameter; empty for one that never trains.
    pub moments: [Values; 2],
    /// Powers of the two decays, from which its updates can be told, as far as they are there.
    pub powers: [Option<f32>; 2],
}

impl Network {
    /// A network with the weights in a file of another program: `.npz` (`numpy.savez`) or `.safetensors`, float32 or
    /// float64, or a checkpoint of TensorFlow by its `.index` file, beside which its data lie.
    ///
    /// Arrays have either this crate's names ([`Network::save`]) or those of the published program's variables, with
    /// '/' or '.' between the parts: `rnn/leaky_rnn_cell/kernel` holds the rows of `w_in` and then those of `w_rec`,
    /// and so on for each cell. What its optimiser kept (`…/Adam`, `beta1_power`) and counters are passed over.
    ///
    /// # Errors
    /// The message names the file, and what of it: if it is of another kind or damaged, lacks an array or has one too
    /// many, an array has another shape, or a value is not finite.
    pub fn import(hyperparameters: &Hyperparameters, path: impl AsRef<Path>) -> Result<Network> {
        Imported::read(hyperparameters, path.as_ref()).map(|imported| imported.network)
    }
}

impl Imported {
    /// Reads what [`Network::import`] does, and what the optimiser kept.
    pub(crate) fn read(hyperparameters: &Hyperparameters, path: &Path) -> Result<Imported> {
        hyperparameters.validate()?;
        let layout = Network::layout(hyperparameters)?;
        let mut arrays = read_arrays_of_any_program(path)?;
        // Files have no order of their own, and a message should not depend on chance.
        arrays.sort_by(|one, other| one.name.cmp(&other.name));
        let own = arrays.iter().any(|array| layout.iter().any(|spec| spec.name == array.name));
        let published = RnnType::cell(hyperparameters)?.published;
        let mut of_optimiser = Vec::new();
        let sources = match published_sources(&layout, published).filter(|_| !own) {
            Some(sources) => {
                arrays.iter_mut().for_each(|array| array.name = spelled(&array.name));
                // A single number is none of a network's parameters, but a counter.
                (of_optimiser, arrays) = arrays.into_iter().partition(|array| is_of_optimiser(&array.name));
                arrays.retain(|array| !array.shape.is_empty());
                sources
            }
            None => own_sources(&layout),
        };
        let network = Network::with_values(hyperparameters, take(path, &layout, &sources, arrays)?)?;
        Ok(Imported { network, memory: AdamMemory::take(path, &layout, &sources, of_optimiser)? })
    }
}

impl AdamMemory {
    /// Takes the memory out of what the optimiser kept; none where one of the moments is missing.
    fn take(
        path: &Path,
        layout: &[ParameterSpec],
        sources: &[Source],
        kept: Vec<ForeignArray>,
    ) -> Result<Option<AdamMemory>> {
        let named = named(path, kept)?;
        let moment = |suffix: &str| -> Result<Option<Values>> {
            let of_parameter = |(spec, source): (&ParameterSpec, &Source)| {
                if spec.role == Role::Fixed {
                    return Ok(Some(Vec::new()));
                }
                let array = format!("{}{suffix}", source.array);
                let found = named.iter().find(|(name, ..)| *name == array);
                found.map(|found| part(path, spec, source, found)).transpose()
            };
            layout.iter().zip(sources).map(of_parameter).collect()
        };
        let (Some(first), Some(second)) = (moment(MOMENTS[0])?, moment(MOMENTS[1])?) else { return Ok(None) };
        if let Some(place) = second.iter().position(|squares| squares.iter().any(|square| *square < 0.0)) {
            let array = &sources[place].array;
            let problem = format!("`{array}{}` has a negative number, and is a mean of squares", MOMENTS[1]);
            return Err(Error::file(path, problem, "Use an earlier checkpoint"));
        }
        let power = |name: &str| {
            let found = named.iter().find(|(found, _, values)| found.ends_with(name) && values.len() == 1);
            found.map(|(_, _, values)| values[0])
        };
        Ok(Some(AdamMemory { moments: [first, second], powers: POWERS.map(power) }))
    }
}

/// Arrays with their values; every one of them must be of floating-point numbers.
fn named(path: &Path, arrays: Vec<ForeignArray>) -> Result<Vec<NamedArray>> {
    arrays.into_iter().map(|array| array.into_named(path)).collect()
}

/// What to do where arrays do not fit.
const REMEDY: &str = "Check that the hyper-parameters (cell, units, ruleset) are those of the network";

/// The values of each parameter; every array must be asked for.
fn take(path: &Path, layout: &[ParameterSpec], sources: &[Source], arrays: Vec<ForeignArray>) -> Result<Values> {
    let there = arrays.iter().map(|array| format!("`{}` {:?}", array.name, array.shape)).collect::<Vec<_>>().join(", ");
    if let Some(spare) = arrays.iter().find(|array| !sources.iter().any(|source| source.array == array.name)) {
        let mut wanted: Vec<String> = sources.iter().map(|source| format!("`{}`", source.array)).collect();
        wanted.dedup();
        let problem = format!("there is no place for its array `{}`; expected {}", spare.name, wanted.join(", "));
        return Err(Error::file(path, problem, REMEDY));
    }
    let named = named(path, arrays)?;
    let take = |(spec, source): (&ParameterSpec, &Source)| {
        let found = named.iter().find(|(name, ..)| *name == source.array);
        let missing = || Error::file(path, format!("it has no array `{}`; it has {there}", source.array), REMEDY);
        part(path, spec, source, found.ok_or_else(missing)?)
    };
    layout.iter().zip(sources).map(take).collect()
}

/// A parameter's rows of an array.
fn part(path: &Path, spec: &ParameterSpec, source: &Source, array: &NamedArray) -> Result<Vec<f32>> {
    let (name, shape, values) = array;
    let columns = spec.shape.1;
    let expected = match spec.role {
        Role::Bias => vec![columns],
        _ => vec![source.rows, columns],
    };
    if *shape != expected && *shape != [source.rows, columns] {
        return Err(Error::file(path, format!("`{name}` has shape {shape:?}, expected {expected:?}"), REMEDY));
    }
    Ok(values[source.first_row * columns..][..spec.count()].to_vec())
}

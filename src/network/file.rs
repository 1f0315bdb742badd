//! Weights in files: safetensors, one array a parameter.

use std::collections::HashMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Network, ParameterSpec, Parameters, Values};
use crate::tables::{Array, Elements, safetensors_bytes, write_bytes};

/// The metadata key under which this crate says what a file is.
const FORMAT_KEY: &str = "maturation";

/// An array in a file: its name, shape and elements row by row.
pub(crate) type NamedArray = (String, Vec<usize>, Vec<f32>);

/// Writes arrays to a safetensors file, whole or not at all; `format` says what the file is, for [`read_arrays`].
pub(crate) fn write_arrays(path: &Path, format: &str, arrays: Vec<NamedArray>) -> Result<()> {
    write_bytes(path, &file_of_arrays(path, format, arrays)?)
}

/// What [`write_arrays`] writes; `path` is named where it cannot be made.
pub(crate) fn file_of_arrays(path: &Path, format: &str, arrays: Vec<NamedArray>) -> Result<Vec<u8>> {
    let arrays = arrays.into_iter().map(|(name, shape, values)| Array::new(name, shape, Elements::F32(values)));
    let metadata = HashMap::from([(FORMAT_KEY.to_owned(), format.to_owned())]);
    safetensors_bytes(path, &arrays.collect::<Vec<_>>(), metadata)
}

/// The arrays of a file that [`write_arrays`] wrote, and what follows `kind` in its format.
///
/// A file of another kind or version, a truncated one and one with a value that is not finite are refused.
pub(crate) fn read_arrays(path: &Path, kind: &str) -> Result<(String, Vec<NamedArray>)> {
    let remedy = "Restore the file, or train again";
    let content = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    let damaged = |problem: safetensors::SafeTensorError| {
        Error::file(path, format!("it is truncated or damaged ({problem})"), remedy)
    };
    let (_, metadata) = SafeTensors::read_metadata(&content).map_err(damaged)?;
    let tensors = SafeTensors::deserialize(&content).map_err(damaged)?;
    let format = metadata.metadata().as_ref().and_then(|metadata| metadata.get(FORMAT_KEY)).cloned();
    let format = format.unwrap_or_else(|| "of another program".to_owned());
    if is_later(&format, kind) {
        let here = env!("CARGO_PKG_VERSION");
        let problem = format!("its format is '{format}', expected '{kind}', which is what maturation {here} reads");
        return Err(Error::file(path, problem, "A later maturation wrote it: update this one"));
    }
    let Some(rest) = format.strip_prefix(kind) else {
        let problem = format!("its format is '{format}', expected '{kind}'");
        return Err(Error::file(path, problem, "Use a file that this version of maturation wrote"));
    };
    let mut arrays = Vec::with_capacity(tensors.len());
    for (name, view) in tensors.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::file(path, format!("`{name}` holds {:?}, expected F32", view.dtype()), remedy));
        }
        let values: Vec<f32> = view
            .data()
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!("`{name}` holds {} at place {place}", values[place]);
            return Err(Error::file(path, problem, "Use an earlier checkpoint: this network had diverged"));
        }
        arrays.push((name, view.shape().to_vec(), values));
    }
    // Files have no order of their own, and a message should not depend on chance.
    arrays.sort_by(|one, other| one.0.cmp(&other.0));
    Ok((rest.to_owned(), arrays))
}

/// Whether a format is a later version of this kind: the same words before a larger number.
fn is_later(format: &str, kind: &str) -> bool {
    let version = |text: &str| {
        let (words, rest) = text.split_at(text.find(|letter: char| letter.is_ascii_digit())?);
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        Some((words.to_owned(), digits.parse::<u64>().ok()?))
    };
    matches!((version(format), version(kind)), (Some(found), Some(read)) if found.0 == read.0 && found.1 > read.1)
}

/// The file kind of a network's weights; the version follows.
const NETWORK: &str = "network 1";

/// Takes the arrays named `prefix` + parameter out of those of a file, in the order of the layout, checking their
/// shapes.
pub(crate) fn take_values(
    path: &Path,
    layout: &[ParameterSpec],
    prefix: &str,
    arrays: &mut Vec<NamedArray>,
) -> Result<Values> {
    let take = |spec: &ParameterSpec| {
        let (name, expected) = (format!("{prefix}{}", spec.name), spec.file_shape());
        let remedy = "The file belongs to another network: check `hp.json` beside it";
        let place = arrays
            .iter()
            .position(|(found, ..)| *found == name)
            .ok_or_else(|| Error::file(path, format!("it has no array `{name}`"), remedy))?;
        let (_, found, values) = arrays.swap_remove(place);
        if found != expected {
            let problem = format!("`{name}` has shape {found:?}, expected {expected:?}");
            return Err(Error::file(path, problem, remedy));
        }
        Ok(values)
    };
    layout.iter().map(take).collect()
}

/// Values of parameters as named arrays; those of which there is nothing to say are left out.
pub(crate) fn named_values(parameters: &Parameters, prefix: &str, values: Values) -> Vec<NamedArray> {
    let named = parameters.iter().zip(values).filter(|(_, values)| !values.is_empty());
    named
        .map(|(parameter, values)| (format!("{prefix}{}", parameter.name()), parameter.spec().file_shape(), values))
        .collect()
}

impl Network {
    /// Writes the parameters to a safetensors file, float32, an array each under its name: weights with two axes,
    /// (from, to), biases with one; the paper's network has `w_in` (input, unit), `w_rec` (from unit, to unit), `b_rec`
    /// (unit), `w_out` (unit, output), `b_out` (output).
    ///
    /// The file appears whole or not at all.
    ///
    /// # Errors
    /// If the folder cannot be written to.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_bytes(path.as_ref(), &self.file(path.as_ref())?)
    }

    /// What [`Network::save`] writes; `path` is named where it cannot be made.
    pub(crate) fn file(&self, path: &Path) -> Result<Vec<u8>> {
        file_of_arrays(path, NETWORK, named_values(self.parameters(), "", self.parameters().values()))
    }

    /// Reads the parameters of a network with these hyper-parameters.
    ///
    /// # Errors
    /// The message names the file, and what of it: if it is missing, truncated, of another version or network, lacks an
    /// array or has one too many, or holds a value that is not finite.
    pub fn load(hyperparameters: &Hyperparameters, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        hyperparameters.validate()?;
        let (_, mut arrays) = read_arrays(path, NETWORK)?;
        let layout = Network::layout(hyperparameters)?;
        let values = take_values(path, &layout, "", &mut arrays)?;
        if let Some((spare, ..)) = arrays.first() {
            let known = layout.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", ");
            let problem = format!("it has an array `{spare}`, expected no others than {known}");
            return Err(Error::file(path, problem, "The file belongs to another network: check `hp.json` beside it"));
        }
        Network::with_values(hyperparameters, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Hyperparameters {
        Hyperparameters { n_rnn: 5, ..Hyperparameters::paper() }
    }

    #[test]
    fn weights_survive_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let network = Network::new(&small()).unwrap();
        network.save(&path).unwrap();
        let read = Network::load(&small(), &path).unwrap();
        assert_eq!(read.parameters().values(), network.parameters().values());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn unusable_files_are_refused_with_their_name_and_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let load = |hyperparameters: &Hyperparameters| Network::load(hyperparameters, &path).unwrap_err().to_string();
        let expect = |message: String, words: &[&str]| {
            for word in words.iter().chain(&["model.safetensors"]) {
                assert!(message.contains(word), "'{word}' is not in: {message}");
            }
        };
        expect(load(&small()), &["cannot read", "Check the path"]);

        let mut network = Network::new(&small()).unwrap();
        network.save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 4, 100, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            expect(load(&small()), &["truncated"]);
        }
        std::fs::write(&path, &whole).unwrap();
        expect(load(&Hyperparameters { n_rnn: 6, ..small() }), &["shape", "expected", "[15, 6]"]);

        let mut arrays = named_values(network.parameters(), "", network.parameters().values());
        write_arrays(&path, "network 9", arrays.clone()).unwrap();
        expect(load(&small()), &["network 9", "expected 'network 1'", "update"]);
        for version in ["network 12", "network 2.1, of units"] {
            write_arrays(&path, version, arrays.clone()).unwrap();
            expect(load(&small()), &[version, "update"]);
        }
        for other in ["gradients 1", "network 0", "network", "training state 2, step 9"] {
            write_arrays(&path, other, arrays.clone()).unwrap();
            expect(load(&small()), &[other, "that this version of maturation wrote"]);
        }
        arrays.push(("w_more".to_owned(), vec![1], vec![0.0]));
        write_arrays(&path, NETWORK, arrays).unwrap();
        expect(load(&small()), &["`w_more`", "w_in, w_rec, b_rec, w_out, b_out"]);
        write_arrays(&path, NETWORK, vec![("w_in".to_owned(), vec![15, 5], vec![0.0; 75])]).unwrap();
        expect(load(&small()), &["`w_rec`"]);
        network.parameters_mut().set("b_rec", &[0.0, f32::NAN, 0.0, 0.0, 0.0]).unwrap();
        network.save(&path).unwrap();
        expect(load(&small()), &["`b_rec`", "NaN"]);
    }
}

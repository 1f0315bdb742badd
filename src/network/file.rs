//! Weights in files: safetensors, one array a parameter.

use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

use dfdx::tensor_ops::Device;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{HostWeights, Network, PARAMETERS};
use crate::tables::write_atomically;

/// The metadata key under which this crate says what a file is.
const FORMAT_KEY: &str = "maturation";

/// An array in a file: its name, shape and elements row by row.
pub(crate) type NamedArray = (String, Vec<usize>, Vec<f32>);

/// Writes arrays to a safetensors file, whole or not at all; `format` says what the file is, for [`read_arrays`].
pub(crate) fn write_arrays(path: &Path, format: &str, arrays: &[NamedArray]) -> Result<()> {
    let refused = |problem: safetensors::SafeTensorError| {
        Error::file(path, format!("its arrays cannot be laid out: {problem}"), "Check the shapes of the arrays")
    };
    let bytes: Vec<Vec<u8>> =
        arrays.iter().map(|(_, _, values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
    let mut views = Vec::with_capacity(arrays.len());
    for ((name, shape, _), bytes) in arrays.iter().zip(&bytes) {
        views.push((name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(refused)?));
    }
    let metadata = HashMap::from([(FORMAT_KEY.to_owned(), format.to_owned())]);
    let content = safetensors::serialize(views, Some(metadata)).map_err(refused)?;
    write_atomically(path, |file| file.write_all(&content).map_err(|source| Error::io("write", path, source)))
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
    Ok((rest.to_owned(), arrays))
}

/// The file kind of a network's weights; the version follows.
const NETWORK: &str = "network 1";

/// The shape of a parameter as it stands in a file: a bias has one axis.
pub(crate) fn file_shape(name: &str, (rows, columns): (usize, usize)) -> Vec<usize> {
    if name.starts_with("b_") { vec![columns] } else { vec![rows, columns] }
}

/// Takes the weights named `prefix` + parameter out of a file's arrays, in order, checking their shapes.
pub(crate) fn take_weights(
    path: &Path,
    hyperparameters: &Hyperparameters,
    prefix: &str,
    arrays: &mut Vec<NamedArray>,
) -> Result<HostWeights> {
    let shapes = Network::<dfdx::tensor::Cpu>::shapes(hyperparameters);
    let mut weights = HostWeights::default();
    for ((slot, parameter), shape) in weights.iter_mut().zip(PARAMETERS).zip(shapes) {
        let name = format!("{prefix}{parameter}");
        let expected = file_shape(parameter, shape);
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
        *slot = values;
    }
    Ok(weights)
}

/// A network's weights as named arrays.
pub(crate) fn named_weights(hyperparameters: &Hyperparameters, prefix: &str, weights: HostWeights) -> Vec<NamedArray> {
    let shapes = Network::<dfdx::tensor::Cpu>::shapes(hyperparameters);
    let named = PARAMETERS.into_iter().zip(shapes).zip(weights);
    named.map(|((name, shape), values)| (format!("{prefix}{name}"), file_shape(name, shape), values)).collect()
}

impl<D: Device<f32>> Network<D> {
    /// Writes the weights to a safetensors file: `w_in` (input, unit), `w_rec` (from unit, to unit), `b_rec` (unit),
    /// `w_out` (unit, output), `b_out` (output), float32.
    ///
    /// The file appears whole or not at all. An error if the folder cannot be written to.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_arrays(path.as_ref(), NETWORK, &named_weights(self.hyperparameters(), "", self.to_host()))
    }

    /// Reads the weights of a network with these hyper-parameters onto `device`.
    ///
    /// An error that names the file if it is missing, truncated, of another version or network, or holds a value that
    /// is not finite.
    pub fn load(device: D, hyperparameters: &Hyperparameters, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        hyperparameters.validate()?;
        let (_, mut arrays) = read_arrays(path, NETWORK)?;
        Network::from_host(device, hyperparameters, take_weights(path, hyperparameters, "", &mut arrays)?)
    }
}

#[cfg(test)]
mod tests {
    use dfdx::tensor::Cpu;

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
        let read = Network::load(Cpu::default(), &small(), &path).unwrap();
        assert_eq!(read.to_host(), network.to_host());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left behind");
    }

    #[test]
    fn unusable_files_are_refused_with_their_name_and_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let load = |hyperparameters: &Hyperparameters| {
            Network::load(Cpu::default(), hyperparameters, &path).unwrap_err().to_string()
        };
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

        write_arrays(&path, "network 9", &named_weights(&small(), "", network.to_host())).unwrap();
        expect(load(&small()), &["network 9", "expected 'network 1'"]);
        write_arrays(&path, NETWORK, &[("w_in".to_owned(), vec![15, 5], vec![0.0; 75])]).unwrap();
        expect(load(&small()), &["`w_rec`"]);
        network.b_rec.copy_from(&[0.0, f32::NAN, 0.0, 0.0, 0.0]);
        network.save(&path).unwrap();
        expect(load(&small()), &["`b_rec`", "NaN"]);
    }
}

//! Weights for other programs.

use std::path::Path;

use crate::error::{Error, Result};
use crate::network::Network;
use crate::tables::{Array, ArrayFormat, Elements, write_arrays};

/// What weights are called in a file for other programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightNames {
    /// As here: `w_in`, `w_rec`, ….
    #[default]
    Own,
    /// As in the published program: `rnn/leaky_rnn_cell/kernel`, with the rows of `w_in` and then those of `w_rec`, and
    /// so on for each cell.
    Published,
}

impl WeightNames {
    const ALL: [WeightNames; 2] = [WeightNames::Own, WeightNames::Published];

    /// The name of this choice.
    pub fn name(self) -> &'static str {
        match self {
            WeightNames::Own => "own",
            WeightNames::Published => "published",
        }
    }
}

impl std::fmt::Display for WeightNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for WeightNames {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = WeightNames::ALL.into_iter().find(|names| names.name() == name);
        found.ok_or_else(|| Error::unknown_name("choice of names", name, WeightNames::ALL))
    }
}

impl Network {
    /// Writes the weights for other programs: to `.npz`, which `numpy.load` reads, or to `.safetensors`; float32, under
    /// this crate's names or those of the published program. [`Network::import`] reads either again, the same to the
    /// last bit.
    ///
    /// ```
    /// use maturation::network::WeightNames;
    /// use maturation::prelude::*;
    ///
    /// let small = Hyperparameters { n_rnn: 16, ..Hyperparameters::paper() };
    /// let path = std::env::temp_dir().join(format!("maturation-doc-export-{}.npz", std::process::id()));
    /// let network = Network::new(&small)?;
    /// network.export(&path, WeightNames::Published)?;
    /// assert_eq!(Network::import(&small, &path)?.parameters().values(), network.parameters().values());
    /// # std::fs::remove_file(path).unwrap();
    /// # Ok::<(), maturation::Error>(())
    /// ```
    ///
    /// # Errors
    /// If the file's name ends otherwise, it cannot be written, or the cell is one of your own, which the published
    /// program does not have.
    pub fn export(&self, path: impl AsRef<Path>, names: WeightNames) -> Result<()> {
        let path = path.as_ref();
        match (names, ArrayFormat::of(path)?) {
            // It is what `Network::load` reads too.
            (WeightNames::Own, ArrayFormat::Safetensors) => self.save(path),
            (WeightNames::Own, ArrayFormat::Npz) => write_arrays(path, &self.own_arrays()),
            (WeightNames::Published, _) => write_arrays(path, &self.published_arrays()?),
        }
    }

    fn own_arrays(&self) -> Vec<Array> {
        let parameters = self.parameters().iter();
        parameters.map(|one| Array::new(one.name(), one.spec().file_shape(), Elements::F32(one.values()))).collect()
    }

    /// Parameters that are one variable there follow each other in its rows.
    fn published_arrays(&self) -> Result<Vec<Array>> {
        let published = self.known_cell().published;
        let mut arrays: Vec<Array> = Vec::new();
        for parameter in self.parameters().iter() {
            let named = published.iter().find(|(name, _)| *name == parameter.name());
            let (_, variable) = named.ok_or_else(|| {
                let what = format!("the published program has no cell `{}`", self.hyperparameters().rnn_type);
                Error::argument(what, "export its weights under their own names")
            })?;
            let (shape, values) = (parameter.spec().file_shape(), parameter.values());
            match arrays.iter_mut().find(|array| array.name == *variable) {
                Some(Array { shape: whole, elements: Elements::F32(before), .. }) => {
                    whole[0] += shape[0];
                    before.extend(values);
                }
                _ => arrays.push(Array::new(*variable, shape, Elements::F32(values))),
            }
        }
        Ok(arrays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hyperparameters::Hyperparameters;
    use crate::network::cells::built_in;

    #[test]
    fn weights_of_every_cell_come_back_the_same_under_either_name_in_either_format() {
        let folder = tempfile::tempdir().unwrap();
        for known in built_in() {
            for mix_rule in [false, true] {
                let hyperparameters = Hyperparameters {
                    rnn_type: known.cell.name().parse().unwrap(),
                    use_separate_input: known.separate_input,
                    mix_rule,
                    n_rnn: 7,
                    ..Hyperparameters::paper()
                };
                let network = Network::new(&hyperparameters).unwrap();
                for names in WeightNames::ALL {
                    for file in ["weights.npz", "weights.safetensors"] {
                        let path = folder.path().join(file);
                        network.export(&path, names).unwrap();
                        let found = Network::import(&hyperparameters, &path).unwrap();
                        let what = format!("{} {names} {file}", known.cell.name());
                        assert_eq!(found.parameters().values(), network.parameters().values(), "{what}");
                    }
                }
            }
        }
    }
}

//! Named arrays in files of other programs: NumPy's `.npz`, and `.safetensors`.

mod npz;
mod safetensors;

use std::collections::HashMap;
use std::path::Path;

use polars::prelude::*;

use crate::error::{Error, Result};
use crate::tables::write_atomically;
pub(crate) use safetensors::bytes as safetensors_bytes;

/// What arrays are written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArrayFormat {
    /// NumPy's archive: `numpy.load`.
    #[default]
    Npz,
    /// `safetensors.numpy.load_file`, or `safetensors.torch`. It has no names as elements: where NumPy's archive has
    /// names there are whole numbers, and `names` among the file's metadata tells what they stand for, a list from 0 on
    /// for each such array.
    Safetensors,
}

impl ArrayFormat {
    const ALL: [ArrayFormat; 2] = [ArrayFormat::Npz, ArrayFormat::Safetensors];

    /// How files of it end.
    pub fn extension(self) -> &'static str {
        match self {
            ArrayFormat::Npz => "npz",
            ArrayFormat::Safetensors => "safetensors",
        }
    }

    /// By the ending of a file's name.
    pub(crate) fn of(path: &Path) -> Result<ArrayFormat> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        extension.unwrap_or_default().parse().map_err(|_| {
            Error::argument(
                format!("`{}` does not say what kind of arrays it is to hold", path.display()),
                "name it .npz or .safetensors",
            )
        })
    }
}

impl std::fmt::Display for ArrayFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.extension())
    }
}

impl std::str::FromStr for ArrayFormat {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let found = ArrayFormat::ALL.into_iter().find(|format| format.extension() == name);
        found.ok_or_else(|| Error::unknown_name("format of arrays", name, ArrayFormat::ALL))
    }
}

/// An array, its elements row by row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    pub name: String,
    pub shape: Vec<usize>,
    pub elements: Elements,
}

/// The elements of an array.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Elements {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    Names(Vec<String>),
}

impl Elements {
    fn len(&self) -> usize {
        match self {
            Elements::F32(values) => values.len(),
            Elements::F64(values) => values.len(),
            Elements::I64(values) => values.len(),
            Elements::Bool(values) => values.len(),
            Elements::Names(values) => values.len(),
        }
    }
}

impl Array {
    /// An array of this shape.
    pub(crate) fn new(name: impl Into<String>, shape: impl Into<Vec<usize>>, elements: Elements) -> Self {
        let array = Array { name: name.into(), shape: shape.into(), elements };
        debug_assert_eq!(array.shape.iter().product::<usize>(), array.elements.len(), "{}", array.name);
        array
    }

    /// An array of one axis.
    pub(crate) fn row(name: impl Into<String>, elements: Elements) -> Self {
        let length = elements.len();
        Array::new(name, [length], elements)
    }
}

/// Writes arrays to a `.npz` or `.safetensors` file, whole or not at all.
///
/// # Errors
/// If the name ends otherwise, or the file cannot be written.
pub(crate) fn write_arrays(path: &Path, arrays: &[Array]) -> Result<()> {
    match ArrayFormat::of(path)? {
        ArrayFormat::Npz => write_atomically(path, |file| npz::write(path, file, arrays)),
        ArrayFormat::Safetensors => safetensors::write(path, arrays, HashMap::new()),
    }
}

/// A table's columns as arrays of one axis. Null is NaN where a column has numbers or truth values, and no letters
/// where it has names.
pub(crate) fn columns_of(table: &DataFrame) -> Result<Vec<Array>> {
    let failed = || Error::table("making arrays of a table");
    let of_column = |column: &Column| -> Result<Array> {
        let kind = match column.dtype() {
            DataType::String => DataType::String,
            DataType::Float32 => DataType::Float32,
            kind if column.null_count() > 0 && (kind.is_integer() || kind.is_bool()) => DataType::Float64,
            DataType::Boolean => DataType::Boolean,
            kind if kind.is_integer() => DataType::Int64,
            kind if kind.is_float() => DataType::Float64,
            _ => DataType::String,
        };
        let cast = column.cast(&kind).map_err(failed())?;
        let elements = match kind {
            DataType::Float32 => {
                Elements::F32(cast.f32().map_err(failed())?.iter().map(|value| value.unwrap_or(f32::NAN)).collect())
            }
            DataType::Float64 => {
                Elements::F64(cast.f64().map_err(failed())?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
            }
            DataType::Int64 => Elements::I64(cast.i64().map_err(failed())?.iter().flatten().collect()),
            DataType::Boolean => Elements::Bool(cast.bool().map_err(failed())?.iter().flatten().collect()),
            _ => {
                let names = cast.str().map_err(failed())?;
                Elements::Names(names.iter().map(|name| name.unwrap_or_default().to_owned()).collect())
            }
        };
        Ok(Array::row(column.name().as_str(), elements))
    };
    table.columns().iter().map(of_column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Vec<Array> {
        let table = df![
            "unit" => [0_u32, 1, 2],
            "rate" => [Some(0.5), None, Some(-1.0)],
            "small" => [1.5_f32, 2.5, 3.5],
            "selective" => [true, false, true],
            "kind" => [Some("mixed"), None, Some("größer, \"a\"")],
            "preferred" => [Some(3_u32), None, Some(4)],
        ]
        .unwrap();
        let mut arrays = columns_of(&table).unwrap();
        arrays.push(Array::new("rnn/cell/kernel", [2, 3], Elements::F32((0..6).map(|k| k as f32).collect())));
        arrays.push(Array::new("none", [0, 4], Elements::F64(vec![])));
        arrays
    }

    #[test]
    fn a_table_becomes_arrays_of_its_types() {
        let arrays = example();
        let of = |name: &str| &arrays.iter().find(|array| array.name == name).unwrap().elements;
        assert_eq!(of("unit"), &Elements::I64(vec![0, 1, 2]));
        assert_eq!(of("small"), &Elements::F32(vec![1.5, 2.5, 3.5]));
        assert_eq!(of("selective"), &Elements::Bool(vec![true, false, true]));
        assert_eq!(of("kind"), &Elements::Names(["mixed", "", "größer, \"a\""].map(str::to_owned).to_vec()));
        let Elements::F64(preferred) = of("preferred") else { panic!("null has no whole number") };
        assert!(preferred[1].is_nan() && preferred[2] == 4.0);
        let Elements::F64(rate) = of("rate") else { panic!("rates are numbers") };
        assert!(rate[1].is_nan() && rate[2] == -1.0);
    }

    #[test]
    fn an_archive_of_numpy_is_the_same_each_time_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.npz", "other.npz"].map(|name| folder.path().join(name));
        write_arrays(&one, &example()).unwrap();
        write_arrays(&other, &example()).unwrap();
        let content = std::fs::read(&one).unwrap();
        assert_eq!(content, std::fs::read(&other).unwrap());
        let mut archive = ::zip::ZipArchive::new(std::io::Cursor::new(&content)).unwrap();
        let mut member = |name: &str| {
            let mut bytes = Vec::new();
            std::io::Read::read_to_end(&mut archive.by_name(name).unwrap(), &mut bytes).unwrap();
            // What follows the description begins at a multiple of 64.
            let start = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
            assert!(bytes.starts_with(b"\x93NUMPY\x01\x00") && start.is_multiple_of(64) && bytes[start - 1] == b'\n');
            (String::from_utf8(bytes[10..start].to_vec()).unwrap().trim().to_owned(), bytes[start..].to_vec())
        };
        let (about, data) = member("rnn/cell/kernel.npy");
        assert_eq!(about, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }");
        assert_eq!(data[4..8], 1.0_f32.to_le_bytes());
        let (about, data) = member("kind.npy");
        assert_eq!(about, "{'descr': '<U11', 'fortran_order': False, 'shape': (3,), }");
        assert_eq!((data.len(), &data[..4], &data[44..48]), (3 * 11 * 4, &[b'm', 0, 0, 0][..], &[0; 4][..]));
        assert_eq!(member("selective.npy").1, [1, 0, 1]);
        assert_eq!(member("none.npy"), ("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4), }".into(), vec![]));
    }

    #[test]
    fn safetensors_have_numbers_for_names_and_say_which() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one.safetensors", "other.safetensors"].map(|name| folder.path().join(name));
        write_arrays(&one, &example()).unwrap();
        write_arrays(&other, &example()).unwrap();
        let content = std::fs::read(&one).unwrap();
        assert_eq!(content, std::fs::read(&other).unwrap());
        let (_, metadata) = ::safetensors::SafeTensors::read_metadata(&content).unwrap();
        let names = &metadata.metadata().as_ref().unwrap()["names"];
        let names: HashMap<String, Vec<String>> = serde_json::from_str(names).unwrap();
        assert_eq!(names["kind"], ["mixed", "", "größer, \"a\""]);
        let tensors = ::safetensors::SafeTensors::deserialize(&content).unwrap();
        let kind = tensors.tensor("kind").unwrap();
        assert_eq!((kind.dtype(), kind.data()[8]), (::safetensors::Dtype::I64, 1));
        assert_eq!(tensors.tensor("none").unwrap().shape(), [0, 4]);
        assert_eq!(tensors.tensor("selective").unwrap().data(), [1, 0, 1]);
        let message = write_arrays(&folder.path().join("a.mat"), &example()).unwrap_err().to_string();
        assert!(message.contains("a.mat") && message.contains(".npz"), "{message}");
        assert!("mat".parse::<ArrayFormat>().unwrap_err().to_string().contains("npz, safetensors"));
    }
}

//! Arrays in files that other programs wrote: NumPy's `.npz`, safetensors, and checkpoints of TensorFlow.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use zip::ZipArchive;

use crate::error::{Error, Result};
use crate::network::file::NamedArray;
use crate::network::tensor_bundle;

/// An array of more elements is refused before room is made for it: no parameter of a network is so large.
const MOST_ELEMENTS: usize = 1 << 30;
/// A description of an array in a `.npz` file takes a hundred bytes or so.
const LONGEST_HEADER: usize = 1 << 16;

/// The arrays of a `.npz` or `.safetensors` file of any program, or of a checkpoint of TensorFlow by its `.index` file,
/// as single-precision numbers, row by row. Those of other than floating-point numbers (step counters, names) come
/// without values.
///
/// # Errors
/// An error that names the file, and the array, if it is of another kind, truncated or damaged.
pub(crate) fn read_arrays_of_any_program(path: &Path) -> Result<Vec<ForeignArray>> {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    match extension.as_deref() {
        Some("npz") => read_npz(path),
        Some("safetensors") => read_safetensors(path),
        Some("index") => tensor_bundle::read(path),
        _ => Err(Error::argument(
            format!("`{}` does not say what kind of weights it holds", path.display()),
            "name it .npz (numpy.savez) or .safetensors, or give the .index file of a checkpoint of TensorFlow",
        )),
    }
}

/// An array of another program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ForeignArray {
    pub name: String,
    pub shape: Vec<usize>,
    /// Row by row; none if the elements are no floating-point numbers.
    pub values: Option<Vec<f32>>,
}

fn damaged(path: &Path, problem: impl std::fmt::Display) -> Error {
    Error::file(path, format!("it is truncated or damaged ({problem})"), "Write the file again")
}

fn read_safetensors(path: &Path) -> Result<Vec<ForeignArray>> {
    let content = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
    let tensors = SafeTensors::deserialize(&content).map_err(|problem| damaged(path, problem))?;
    let array = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        let number = match view.dtype() {
            Dtype::F32 => Some(Number { size: 4, big_endian: false }),
            Dtype::F64 => Some(Number { size: 8, big_endian: false }),
            _ => None,
        };
        ForeignArray { name, shape: view.shape().to_vec(), values: number.map(|number| number.decode(view.data())) }
    };
    Ok(tensors.tensors().into_iter().map(array).collect())
}

fn read_npz(path: &Path) -> Result<Vec<ForeignArray>> {
    let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|problem| damaged(path, problem))?;
    let mut arrays = Vec::with_capacity(archive.len());
    for place in 0..archive.len() {
        let mut member = archive.by_index(place).map_err(|problem| damaged(path, problem))?;
        let name = member.name().trim_end_matches(".npy").to_owned();
        let array = read_npy(&mut member).map_err(|problem| damaged(path, format!("`{name}`: {problem}")))?;
        arrays.push(ForeignArray { name, ..array });
    }
    Ok(arrays)
}

/// How a floating-point number is stored.
#[derive(Clone, Copy)]
pub(crate) struct Number {
    /// 4 or 8 bytes.
    pub size: usize,
    pub big_endian: bool,
}

impl Number {
    /// From NumPy's name of a type: `<f4`, `>f8` and their like; none for other elements.
    fn of_numpy(descr: &str) -> Option<Number> {
        let (order, kind) = descr.split_at_checked(1)?;
        let size = match kind {
            "f4" => 4,
            "f8" => 8,
            _ => return None,
        };
        matches!(order, "<" | ">").then_some(Number { size, big_endian: order == ">" })
    }

    /// Numbers in single precision from their bytes.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<f32> {
        let decode = |bytes: &[u8]| {
            let mut ordered = [0; 8];
            let ordered = &mut ordered[..self.size];
            ordered.copy_from_slice(bytes);
            if self.big_endian {
                ordered.reverse();
            }
            match *ordered {
                [a, b, c, d] => f32::from_le_bytes([a, b, c, d]),
                [a, b, c, d, e, f, g, h] => f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32,
                _ => f32::NAN,
            }
        };
        bytes.chunks_exact(self.size).map(decode).collect()
    }
}

/// Reads an array as `numpy.save` writes it; its name is left empty.
fn read_npy(file: &mut impl Read) -> std::result::Result<ForeignArray, String> {
    let failed = |problem: std::io::Error| problem.to_string();
    let mut begin = [0; 8];
    file.read_exact(&mut begin).map_err(failed)?;
    if &begin[..6] != b"\x93NUMPY" {
        return Err("it is no NumPy array".to_owned());
    }
    // Version 1 counts the description's bytes in two bytes, later versions in four.
    let mut length = [0; 4];
    file.read_exact(&mut length[..if begin[6] == 1 { 2 } else { 4 }]).map_err(failed)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > LONGEST_HEADER {
        return Err(format!("its description has {length} bytes"));
    }
    let mut header = vec![0; length];
    file.read_exact(&mut header).map_err(failed)?;
    let header = String::from_utf8_lossy(&header);
    let (descr, column_by_column, shape) =
        description(&header).ok_or_else(|| format!("its description is not understood: {}", header.trim()))?;
    let name = String::new();
    let Some(number) = Number::of_numpy(descr) else { return Ok(ForeignArray { name, shape, values: None }) };
    let count = shape.iter().try_fold(1_usize, |count, length| count.checked_mul(*length));
    let count =
        count.filter(|count| *count <= MOST_ELEMENTS).ok_or_else(|| format!("its shape {shape:?} is too large"))?;
    let mut bytes = Vec::new();
    file.take((count * number.size) as u64).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() != count * number.size {
        return Err(format!("it ends after {} of {} bytes", bytes.len(), count * number.size));
    }
    let mut values = number.decode(&bytes);
    if column_by_column && shape.len() == 2 {
        let (rows, columns) = (shape[0], shape[1]);
        values = (0..count).map(|place| values[place % columns * rows + place / columns]).collect();
    } else if column_by_column && shape.len() > 2 {
        return Err(format!("its shape {shape:?} is stored column by column: write numpy.ascontiguousarray of it"));
    }
    Ok(ForeignArray { name, shape, values: Some(values) })
}

/// The type, whether elements stand column by column, and the shape, of a description such as
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
fn description(header: &str) -> Option<(&str, bool, Vec<usize>)> {
    let after = |key: &str| Some(header.split_once(key)?.1.split_once(':')?.1.trim_start());
    // The type of a record is a list; its elements are no numbers for us.
    let descr = after("'descr'")?;
    let descr = descr.strip_prefix('\'').and_then(|text| Some(text.split_once('\'')?.0)).unwrap_or("record");
    let column_by_column = after("'fortran_order'")?.starts_with("True");
    let shape = after("'shape'")?.strip_prefix('(')?.split_once(')')?.0;
    let lengths = shape.split(',').map(str::trim).filter(|length| !length.is_empty());
    Some((descr, column_by_column, lengths.map(|length| length.parse().ok()).collect::<Option<_>>()?))
}

impl ForeignArray {
    /// The array with its values.
    ///
    /// # Errors
    /// If its elements are no floating-point numbers, or one is not finite.
    pub(crate) fn into_named(self, path: &Path) -> Result<NamedArray> {
        let Some(values) = self.values else {
            let problem = format!("`{}` does not hold numbers of 4 or 8 bytes", self.name);
            return Err(Error::file(path, problem, "Write it as float32 or float64"));
        };
        if let Some(place) = values.iter().position(|value| !value.is_finite()) {
            let problem = format!("`{}` holds {} at place {place}", self.name, values[place]);
            return Err(Error::file(path, problem, "Use an earlier checkpoint: this network had diverged"));
        }
        Ok((self.name, self.shape, values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/weights").join(name)
    }

    fn named<'a>(arrays: &'a [ForeignArray], name: &str) -> &'a ForeignArray {
        arrays.iter().find(|array| array.name == name).unwrap()
    }

    #[test]
    fn arrays_of_numpy_are_read_in_every_layout() {
        let expected: Vec<f32> = (0..6).map(|k| k as f32 + 0.5).collect();
        for file in ["layouts.npz", "layouts_compressed.npz"] {
            let arrays = read_arrays_of_any_program(&fixture(file)).unwrap();
            for name in ["single", "double", "big_endian", "column_by_column"] {
                let array = named(&arrays, name);
                assert_eq!(array.shape, [2, 3], "{name}");
                assert_eq!(array.values.as_deref(), Some(expected.as_slice()), "{file} {name}");
            }
            assert_eq!(named(&arrays, "bias").shape, [3]);
            assert_eq!(
                named(&arrays, "scalar"),
                &ForeignArray { name: "scalar".into(), shape: vec![], values: Some(vec![0.9]) }
            );
            assert_eq!(
                (named(&arrays, "steps").shape.as_slice(), &named(&arrays, "steps").values),
                ([2].as_slice(), &None)
            );
            let text = named(&arrays, "names").clone().into_named(Path::new("a.npz")).unwrap_err().to_string();
            assert!(text.contains("`names`") && text.contains("float32"), "{text}");
        }
    }

    #[test]
    fn safetensors_are_read_in_single_and_double_precision() {
        let arrays = read_arrays_of_any_program(&fixture("layouts.safetensors")).unwrap();
        let expected: Vec<f32> = (0..6).map(|k| k as f32 + 0.5).collect();
        for name in ["single", "double"] {
            assert_eq!(named(&arrays, name).values.as_deref(), Some(expected.as_slice()));
        }
        assert_eq!(named(&arrays, "steps").values, None);
    }

    #[test]
    fn damaged_files_are_refused_wherever_they_end() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["layouts.npz", "layouts_compressed.npz", "layouts.safetensors"] {
            let whole = std::fs::read(fixture(name)).unwrap();
            let path = folder.path().join(name);
            for length in (0..whole.len()).step_by(37) {
                std::fs::write(&path, &whole[..length]).unwrap();
                let message = read_arrays_of_any_program(&path).unwrap_err().to_string();
                assert!(message.contains(name), "{message}");
            }
            // Whatever a byte becomes, there is an answer and no panic.
            for place in (0..whole.len()).step_by(3) {
                let mut spoiled = whole.clone();
                spoiled[place] ^= 0x5a;
                std::fs::write(&path, &spoiled).unwrap();
                if let Err(error) = read_arrays_of_any_program(&path) {
                    assert!(error.to_string().contains(name));
                }
            }
        }
        let message = read_arrays_of_any_program(Path::new("weights.h5")).unwrap_err().to_string();
        assert!(message.contains("weights.h5") && message.contains(".npz"), "{message}");
    }

    #[test]
    fn a_description_that_promises_too_much_takes_no_room() {
        for shape in ["(4294967296, 4294967296)", "(99999999999,)", "(-1,)", "(3, x)", "3"] {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n");
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend((header.len() as u16).to_le_bytes());
            file.extend(header.as_bytes());
            assert!(read_npy(&mut file.as_slice()).is_err(), "{shape}");
        }
        let mut file = b"\x93NUMPY\x02\x00\xff\xff\xff\xff".as_slice();
        assert!(read_npy(&mut file).unwrap_err().contains("4294967295 bytes"));
    }
}

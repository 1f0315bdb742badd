//! Archives of NumPy: `numpy.load`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, Result};
use crate::tables::arrays::{Array, Elements};

/// What an array's description ends at a multiple of.
const ALIGNED: usize = 64;
/// Larger members of an archive take more room in its directory.
const LARGE: usize = 1 << 31;

/// Writes an archive, uncompressed, as `numpy.savez` does.
pub(super) fn write(path: &Path, file: &mut File, arrays: &[Array]) -> Result<()> {
    // A full disk comes as an error of the archive with the system's within.
    let failed = |problem: zip::result::ZipError| match problem {
        zip::result::ZipError::Io(source) => Error::io("write", path, source),
        other => Error::file(path, format!("its arrays cannot be archived: {other}"), "Check the names of the arrays"),
    };
    let mut archive = ZipWriter::new(file);
    for array in arrays {
        let content = npy(array);
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        archive
            .start_file(format!("{}.npy", array.name), options.large_file(content.len() >= LARGE))
            .map_err(failed)?;
        archive.write_all(&content).map_err(|source| Error::io("write", path, source))?;
    }
    archive.finish().map(drop).map_err(failed)
}

/// An array as `numpy.save` writes it.
fn npy(array: &Array) -> Vec<u8> {
    let (kind, data) = match &array.elements {
        Elements::F32(values) => ("<f4".to_owned(), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Elements::F64(values) => ("<f8".to_owned(), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Elements::I64(values) => ("<i8".to_owned(), values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Elements::Bool(values) => ("|b1".to_owned(), values.iter().map(|value| u8::from(*value)).collect()),
        Elements::Names(names) => text(names),
    };
    let lengths: Vec<String> = array.shape.iter().map(usize::to_string).collect();
    let shape = match lengths.as_slice() {
        [only] => format!("({only},)"),
        lengths => format!("({})", lengths.join(", ")),
    };
    let mut description = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    let begin = b"\x93NUMPY\x01\x00";
    let before = begin.len() + 2;
    let length = (before + description.len() + 1).next_multiple_of(ALIGNED) - before;
    description.push_str(&" ".repeat(length - 1 - description.len()));
    description.push('\n');
    let mut content: Vec<u8> = Vec::with_capacity(before + length + data.len());
    content.extend(begin);
    content.extend((length as u16).to_le_bytes());
    content.extend(description.as_bytes());
    content.extend(data);
    content
}

/// Names of equal length, filled with zeros, four bytes a letter.
fn text(names: &[String]) -> (String, Vec<u8>) {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let letters = |name: &String| {
        let mut bytes: Vec<u8> = name.chars().flat_map(|letter| (letter as u32).to_le_bytes()).collect();
        bytes.resize(4 * longest, 0);
        bytes
    };
    (format!("<U{longest}"), names.iter().flat_map(letters).collect())
}

//! Checkpoints of TensorFlow: tensor bundles of its second format, `NAME.index` beside `NAME.data-SSSSS-of-NNNNN`.
//!
//! The index is a sorted table of the tensors' names; each has its type, its shape, which of the data files (shards) it
//! is in and where, and a checksum.

mod crc32c;
mod proto;
mod table;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::network::other_programs::{ForeignArray, Number};
use proto::{Entry, Header};

/// How an index is called after its checkpoint's name.
pub(crate) const INDEX: &str = ".index";

/// The format that this module reads.
const VERSION: u64 = 1;

/// What TensorFlow numbers the types of elements by.
const FLOAT: u64 = 1;
const DOUBLE: u64 = 2;
/// Elements of these types have no fixed size: strings, and what only TensorFlow knows the inside of.
const OF_NO_SIZE: [u64; 3] = [7, 20, 21];

/// A network has a few dozen variables; an index that claims many more is refused before it fills the memory.
const MOST_TENSORS: usize = 4096;
/// So is one whose names, which it stores without what they have in common, are together so many times as long.
const NAMES_TO_FILE: usize = 4;

/// What damage asks for.
const REMEDY: &str = "Copy it once more from where it was trained";

/// The tensors of a checkpoint in the order of their names, as single-precision numbers; those of other than
/// floating-point numbers come without values. `index` is its `.index` file.
///
/// The checksum of every block and tensor is verified, but for those of strings. What is made room for is at most ten
/// times what is read, and a megabyte.
///
/// # Errors
/// The message names the file, and the tensor: if one is missing or damaged, is big-endian, of a later version of the
/// format, or a tensor is in slices.
pub(crate) fn read(index: &Path) -> Result<Vec<ForeignArray>> {
    let content = std::fs::read(index).map_err(|source| Error::io("read", index, source))?;
    let (header, mut entries) = tensors(index, &content)?;
    entries.sort_by_key(|(_, entry)| (entry.shard, entry.offset));
    let mut arrays = Vec::with_capacity(entries.len());
    let mut shard: Option<Shard> = None;
    for (name, entry) in entries {
        let open = match shard.take().filter(|shard| shard.number == entry.shard) {
            Some(open) => open,
            None => Shard::open(index, &header, entry.shard)?,
        };
        arrays.push(shard.insert(open).array(name, entry)?);
    }
    arrays.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(arrays)
}

/// What an index says: of all tensors, and of each.
fn tensors(path: &Path, content: &[u8]) -> Result<(Header, Vec<(String, Entry)>)> {
    let damaged = |problem: String| Error::file(path, format!("it is truncated or damaged ({problem})"), REMEDY);
    let mut header = None;
    let mut entries = Vec::new();
    let mut of_names = 0;
    let visit = |key: &[u8], value: &[u8]| {
        if header.is_none() {
            header = match key {
                b"" => Some(Header::parse(value)?),
                _ => return Err("it has no header".to_owned()),
            };
            return Ok(());
        }
        of_names += key.len();
        if of_names > NAMES_TO_FILE * content.len() {
            return Err("its names take more room than the file".to_owned());
        }
        if entries.len() == MOST_TENSORS {
            return Err(format!("it has more than {MOST_TENSORS} tensors"));
        }
        let name = std::str::from_utf8(key).map_err(|_| "a name is no text")?.to_owned();
        let entry = Entry::parse(value).map_err(|problem| format!("`{name}`: {problem}"))?;
        entries.push((name, entry));
        Ok(())
    };
    table::visit(content, visit).map_err(damaged)?;
    let header = header.ok_or_else(|| damaged("it has no header".to_owned()))?;
    let again = "Write its variables as numpy.savez does, in a .npz file, with the program that wrote it";
    if header.big_endian {
        return Err(Error::file(path, "its numbers are big-endian, which is not supported", again));
    }
    if header.for_version > VERSION {
        let problem = format!("it is of version {} of its format, expected {VERSION}", header.for_version);
        return Err(Error::file(path, problem, again));
    }
    if let Some((name, _)) = entries.iter().find(|(_, entry)| entry.in_slices) {
        let problem = format!("`{name}` is in slices, as a partitioned variable is, which is not supported");
        return Err(Error::file(path, problem, again));
    }
    if let Some((name, entry)) = entries.iter().find(|(_, entry)| entry.shard >= header.shards) {
        return Err(damaged(format!("`{name}` is in data file {} of {}", entry.shard, header.shards)));
    }
    Ok((header, entries))
}

/// One of the files that hold tensors.
struct Shard {
    path: PathBuf,
    number: u64,
    file: File,
    length: u64,
    /// Where the last tensor that was read ends.
    end: u64,
}

impl Shard {
    fn open(index: &Path, header: &Header, number: u64) -> Result<Shard> {
        let name = index.file_name().unwrap_or_default().to_string_lossy();
        let name = name.strip_suffix(INDEX).unwrap_or(&name);
        let path = index.with_file_name(format!("{name}.data-{number:05}-of-{:05}", header.shards));
        let failed = |source| Error::io("read", &path, source);
        let file = File::open(&path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        Ok(Shard { number, file, length, end: 0, path })
    }

    /// A tensor; each begins after the one before, so that all together are no more than the file.
    fn array(&mut self, name: String, entry: Entry) -> Result<ForeignArray> {
        let damaged = |problem: String| Error::file(&self.path, problem, REMEDY);
        let end = entry.offset.checked_add(entry.size).filter(|end| *end <= self.length);
        let end = end.ok_or_else(|| {
            damaged(format!("it is truncated: it has {} bytes, and `{name}` ends after that", self.length))
        })?;
        if entry.offset < self.end {
            return Err(damaged(format!("`{name}` begins within another tensor")));
        }
        let number = match entry.kind {
            FLOAT => Some(Number { size: 4, big_endian: false }),
            DOUBLE => Some(Number { size: 8, big_endian: false }),
            _ => None,
        };
        let expected = number.and_then(|number| {
            let length = |bytes: u64, length: &usize| bytes.checked_mul(*length as u64);
            entry.shape.iter().try_fold(number.size as u64, length)
        });
        if number.is_some() && expected != Some(entry.size) {
            return Err(damaged(format!("`{name}` has shape {:?}, but {} bytes", entry.shape, entry.size)));
        }
        self.end = end;
        if OF_NO_SIZE.contains(&entry.kind) {
            return Ok(ForeignArray { name, shape: entry.shape, values: None });
        }
        // It is no longer than the file.
        let mut bytes = vec![0; entry.size as usize];
        self.file
            .seek(SeekFrom::Start(entry.offset))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|source| Error::io("read", &self.path, source))?;
        if crc32c::masked(&bytes) != entry.checksum {
            return Err(damaged(format!("`{name}` does not match its checksum")));
        }
        Ok(ForeignArray { name, shape: entry.shape, values: number.map(|number| number.decode(&bytes)) })
    }
}

#[cfg(test)]
mod tests;

//! Tables in files: Parquet (`.parquet`) and text (`.csv`); rows of tables; and arrays for other programs.
//!
//! ```
//! use maturation::tables::{read_table, write_table};
//! use polars::prelude::*;
//!
//! let path = std::env::temp_dir().join(format!("maturation-doc-{}.csv", std::process::id()));
//! let mut table = df!["unit" => [0_u32, 1], "rate" => [0.5, 2.0]]?;
//! write_table(&path, &mut table)?;
//! assert_eq!(read_table(&path)?.height(), 2);
//! # std::fs::remove_file(path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod columns;
mod csv;
mod pages;
mod parquet;
mod parquet_fields;
mod rows;
mod text;
mod text_column;
mod thrift;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use polars::prelude::*;

pub use arrays::ArrayFormat;
pub(crate) use arrays::{Array, Elements, columns_of, safetensors_bytes, write_arrays};
pub(crate) use columns::Columns;
pub use rows::Rows;
pub(crate) use text::{signed_thousands, thousands};

use crate::error::{Error, Result};

/// What a table's file is, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Parquet,
    Csv,
}

impl Format {
    fn of(path: &Path) -> Result<Format> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("parquet") => Ok(Format::Parquet),
            Some("csv") => Ok(Format::Csv),
            _ => Err(Error::argument(
                format!("`{}` does not say what kind of table it is", path.display()),
                "name it .parquet or .csv",
            )),
        }
    }

    /// The same of a file to read, whose name may end in what text tables are called elsewhere.
    fn of_source(path: &Path) -> Result<Format> {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        match extension.as_deref() {
            Some("tsv" | "txt" | "tab" | "dat") => Ok(Format::Csv),
            Some("pq") => Ok(Format::Parquet),
            _ => Format::of(path),
        }
    }
}

/// Reads a table from a `.parquet` or `.csv` file.
///
/// Text may also be called .tsv, .txt, .tab or .dat. Of text, commas, semicolons, tabs, bars and blanks are found to be
/// the separator; decimals may have a comma where that is not it; empty values, NA and null are null; blank lines are
/// skipped. The types of columns are found from all rows. Of Parquet, columns of numbers, text and categories can be
/// read.
///
/// # Errors
/// If the name ends otherwise, the file cannot be read, or it is truncated or of another kind, has two columns of one
/// name, or a line with more or fewer values than columns.
pub fn read_table(path: impl AsRef<Path>) -> Result<DataFrame> {
    read_columns(path, |_| true)
}

/// [`read_table`] of some of the columns; what the others hold does not matter.
pub(crate) fn read_columns(path: impl AsRef<Path>, wanted: impl Fn(&str) -> bool) -> Result<DataFrame> {
    let path = path.as_ref();
    let format = Format::of_source(path)?;
    let mut file = File::open(path).map_err(|source| Error::io("read", path, source))?;
    if file.metadata().map_err(|source| Error::io("read", path, source))?.is_dir() {
        return Err(Error::io("read", path, std::io::ErrorKind::IsADirectory.into()));
    }
    match format {
        Format::Parquet => parquet::read(path, file, &wanted),
        Format::Csv => {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(|source| Error::io("read", path, source))?;
            csv::read(path, &bytes, &wanted)
        }
    }
}

/// Writes a table to a `.parquet` (compressed with zstd) or `.csv` file. The file appears whole or not at all: it is
/// written beside its name and then renamed, and a file that was there before stays if writing fails.
///
/// # Errors
/// If the name ends otherwise, or the file cannot be written.
pub fn write_table(path: impl AsRef<Path>, table: &mut DataFrame) -> Result<()> {
    let path = path.as_ref();
    let format = Format::of(path)?;
    // Made in memory, because the Parquet writer does not tell a full disk from a table that it cannot write.
    let mut content = Vec::new();
    match format {
        Format::Parquet => ParquetWriter::new(&mut content).finish(table).map(|_| ()),
        Format::Csv => CsvWriter::new(&mut content).finish(table),
    }
    .map_err(Error::table(format!("cannot write the table `{}`", path.display())))?;
    write_bytes(path, &content)
}

/// Writes a file that appears whole or not at all, as [`write_table`] does.
///
/// # Errors
/// If it cannot be written.
pub fn write_bytes(path: impl AsRef<Path>, content: &[u8]) -> Result<()> {
    let path = path.as_ref();
    write_atomically(path, |file| file.write_all(content).map_err(|source| Error::io("write", path, source)))
}

/// How the name of a file ends that is being written.
const UNFINISHED: &str = ".partial";

/// Whether a file is one that [`write_atomically`] was writing, or left when its process was killed.
pub(crate) fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(UNFINISHED).and_then(|name| name.rsplit_once('.'));
    name.is_some_and(|(_, process)| process.parse::<u32>().is_ok())
}

/// Brings a folder's names to the disk, so that a renamed file outlives a power failure. Not every system can, and the
/// file itself is whole in any case.
fn bring_to_disk(folder: Option<&Path>) {
    let folder = folder.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    if let Some(Ok(folder)) = folder.map(File::open) {
        let _ = folder.sync_all();
    }
}

/// Writes a file beside `path`, brings it to the disk and renames it, so that `path` never holds half a file.
pub(crate) fn write_atomically(path: &Path, write: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let mut name = path.file_name().ok_or_else(|| failed(std::io::ErrorKind::IsADirectory.into()))?.to_owned();
    name.push(format!(".{}{UNFINISHED}", std::process::id()));
    let partial: PathBuf = path.with_file_name(name);
    let mut file = File::create(&partial).map_err(failed)?;
    let written = write(&mut file)
        .and_then(|()| file.sync_all().map_err(failed))
        .and_then(|()| fs::rename(&partial, path).map_err(failed));
    match &written {
        Ok(()) => bring_to_disk(path.parent()),
        // The reason why writing failed is what the user needs; a left-over is the lesser trouble.
        Err(_) => drop(fs::remove_file(&partial)),
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder of its own for a test, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let path = std::env::temp_dir().join(format!("maturation-tables-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Folder(path)
        }
        fn names(&self) -> Vec<String> {
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn example() -> DataFrame {
        let rates: Vec<Option<f64>> = (0..500).map(|i| (i % 7 > 0).then(|| (i as f64 * 0.37).sin())).collect();
        let units: Vec<u32> = (0..500).collect();
        let kinds: Vec<&str> = (0..500).map(|i| if i % 3 == 0 { "mixed" } else { "none" }).collect();
        df!["unit" => units, "rate" => rates, "kind" => kinds].unwrap()
    }

    #[test]
    fn tables_read_back() {
        let folder = Folder::new("round-trip");
        for name in ["table.parquet", "table.csv", "TABLE.CSV"] {
            let path = folder.0.join(name);
            write_table(&path, &mut example()).unwrap();
            let read = read_table(&path).unwrap();
            assert_eq!(read.get_column_names(), example().get_column_names());
            let rate =
                |table: &DataFrame| -> Vec<Option<f64>> { table.column("rate").unwrap().f64().unwrap().to_vec() };
            assert_eq!(rate(&read), rate(&example()), "{name}");
        }
        assert_eq!(folder.names().len(), 3, "{:?}", folder.names());
    }

    #[test]
    fn a_column_that_turns_fractional_late_is_fractional() {
        let folder = Folder::new("late");
        let path = folder.0.join("late.csv");
        let lines: String = (0..2000).map(|i| if i == 1900 { "0.5\n".to_owned() } else { format!("{i}\n") }).collect();
        fs::write(&path, format!("rate\n{lines}")).unwrap();
        assert_eq!(read_table(&path).unwrap().column("rate").unwrap().f64().unwrap().get(1900), Some(0.5));
    }

    #[test]
    fn every_truncation_is_refused_by_name() {
        let folder = Folder::new("truncated");
        let path = folder.0.join("table.parquet");
        write_table(&path, &mut example()).unwrap();
        let whole = fs::read(&path).unwrap();
        for length in (0..whole.len()).step_by(whole.len().div_ceil(60)).chain([whole.len() - 1]) {
            fs::write(&path, &whole[..length]).unwrap();
            let message = read_table(&path).unwrap_err().to_string();
            assert!(message.contains("table.parquet") && message.contains("write it again"), "{message}");
        }
        fs::write(&path, [&whole[..4], &[7; 900], &whole[whole.len() - 200..]].concat()).unwrap();
        assert!(read_table(&path).unwrap_err().is_unusable_file());
        fs::write(folder.0.join("a.csv"), "a,b\n1,2\n3\n4,5,6\n").unwrap();
        assert!(read_table(folder.0.join("a.csv")).unwrap_err().is_unusable_file());
        fs::write(folder.0.join("b.csv"), "").unwrap();
        assert!(read_table(folder.0.join("b.csv")).unwrap_err().is_unusable_file());
    }

    #[test]
    fn paths_that_cannot_be_used() {
        let folder = Folder::new("paths");
        let message = read_table(folder.0.join("none.csv")).unwrap_err().to_string();
        assert!(message.contains("none.csv") && message.contains("Check the path"), "{message}");
        let message = read_table(folder.0.join("table.xlsx")).unwrap_err().to_string();
        assert!(message.contains(".parquet or .csv"), "{message}");
        assert!(write_table(folder.0.join("no/folder/a.csv"), &mut example()).unwrap_err().is_io());
        fs::create_dir(folder.0.join("folder.csv")).unwrap();
        assert!(write_table(folder.0.join("folder.csv"), &mut example()).unwrap_err().is_io());
        assert!(read_table(folder.0.join("folder.csv")).unwrap_err().is_io());
        assert_eq!(folder.names(), ["folder.csv"]);
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file() {
        let folder = Folder::new("failing");
        let path = folder.0.join("table.csv");
        fs::write(&path, "old").unwrap();
        let result =
            write_atomically(&path, |_| Err(Error::io("write", &path, std::io::ErrorKind::StorageFull.into())));
        assert!(result.unwrap_err().to_string().contains("Free some disk space"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(folder.names(), ["table.csv"]);
    }
}

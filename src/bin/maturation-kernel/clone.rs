//! Copies of a folder of compiled crates that cost neither time nor room.

use std::fs::FileTimes;
use std::path::Path;

use crate::problem::Problem;

/// Extensions of files that are written once and then only read: they can be one file under several names.
const SHARED: [&str; 5] = ["rlib", "rmeta", "so", "a", "dylib"];

/// Crates that can be compiled again in a copy. A linker may write into the file that is there, and so into every copy,
/// so these are copied for good: evcxr's own crate, and ours, whose sources may change.
const REWRITTEN: [&str; 2] = ["ctx", "maturation"];

const REMEDY: &str = "Is the disk full? Delete the folder of compiled crates to begin anew";

/// Copies a folder of compiled crates: those that never change as further names of the same files, everything else truly,
/// times of change included, since cargo compares them.
pub fn clone_folder(from: &Path, to: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(to).map_err(Problem::io("make", to, REMEDY))?;
    let unreadable = || Problem::io("read", from, REMEDY);
    for entry in std::fs::read_dir(from).map_err(unreadable())? {
        let entry = entry.map_err(unreadable())?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(unreadable())?;
        if kind.is_dir() {
            clone_folder(&source, &target)?;
        } else if kind.is_file() && !is_of_a_cell(&source) {
            clone_file(&source, &target).map_err(Problem::io("copy", &source, REMEDY))?;
        }
    }
    Ok(())
}

fn clone_file(source: &Path, target: &Path) -> std::io::Result<()> {
    if can_be_shared(source) && std::fs::hard_link(source, target).is_ok() {
        return Ok(());
    }
    std::fs::copy(source, target)?;
    let times = std::fs::metadata(source)?;
    let times = FileTimes::new().set_modified(times.modified()?).set_accessed(times.accessed()?);
    std::fs::File::options().write(true).open(target)?.set_times(times)
}

fn can_be_shared(path: &Path) -> bool {
    let extension = path.extension().is_some_and(|found| SHARED.iter().any(|shared| found == *shared));
    extension && !REWRITTEN.iter().any(|name| is_of_crate(path, name))
}

/// Whether a file is the compiled form of this crate: `libNAME.so`, `libNAME-0123abcd.rlib`.
fn is_of_crate(path: &Path, name: &str) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = stem.strip_prefix("lib").unwrap_or(&stem).strip_prefix(name).map(str::to_owned);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether a file is the compiled form of a cell that has run: `libcode_3.so`.
fn is_of_a_cell(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libcode_"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};

    use super::*;

    #[test]
    fn compiled_crates_are_shared_and_everything_else_is_copied_with_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        std::fs::create_dir_all(from.join("deps")).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let shared = ["libserde-1.rlib", "libserde-1.rmeta", "libderive-1.so", "libmaturations-1.rlib"];
        let copied =
            ["libmaturation-1.so", "libmaturation.rlib", "libctx.so", "libctx-1.rmeta", "serde-1.d", "build-script"];
        for name in shared.iter().chain(&copied).chain(&["libcode_4.so"]) {
            std::fs::write(from.join("deps").join(name), name).unwrap();
            std::fs::File::options()
                .write(true)
                .open(from.join("deps").join(name))
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        clone_folder(&from, &to).unwrap();
        let file = |folder: &Path, name: &str| std::fs::metadata(folder.join("deps").join(name)).unwrap();
        for name in shared {
            assert_eq!(file(&from, name).ino(), file(&to, name).ino(), "{name}");
        }
        for name in copied {
            assert_ne!(file(&from, name).ino(), file(&to, name).ino(), "{name}");
            assert_eq!(file(&to, name).modified().unwrap(), long_ago, "{name}");
            assert_eq!(std::fs::read_to_string(to.join("deps").join(name)).unwrap(), name);
        }
        assert!(!to.join("deps/libcode_4.so").exists());
    }
}

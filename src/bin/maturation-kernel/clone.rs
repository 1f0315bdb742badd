//! Copies of a folder of compiled crates that cost neither time nor room.

use std::fs::FileTimes;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// Extensions of files that are written once and then only read: they can be one file under several names. Ours is among
/// them, although its sources may change: cargo takes a name away before the compiler writes it anew, and leaves the other
/// names' file as it is.
const SHARED: [&str; 5] = ["rlib", "rmeta", "so", "a", "dylib"];

/// What cargo calls the programs that prepare a crate for being compiled.
const PREPARING: [&str; 2] = ["build-script-", "build_script_"];

/// evcxr's own crate, which each cell compiles again: it is copied for good.
const CELL: &str = "ctx";

const REMEDY: &str = "Is the disk full? Delete the folder of compiled crates to begin anew";

/// Copies a folder of compiled crates: those that never change as further names of the same files, everything else truly,
/// times of change included, since cargo compares them.
pub fn clone_folder(from: &Path, to: &Path) -> Result<(), Problem> {
    let mut files = Vec::new();
    clone_folders(from, to, &mut files)?;
    // There are thousands, and a system may take a third of a millisecond for each.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let shares = files.chunks(files.len().div_ceil(threads).max(1));
    std::thread::scope(|scope| {
        let workers: Vec<_> = shares.map(|share| scope.spawn(|| clone_files(share))).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

/// Makes the folders, and lists the files that are to be copied: from where, and to where.
fn clone_folders(from: &Path, to: &Path, files: &mut Vec<(PathBuf, PathBuf)>) -> Result<(), Problem> {
    std::fs::create_dir_all(to).map_err(Problem::io("make", to, REMEDY))?;
    let unreadable = || Problem::io("read", from, REMEDY);
    for entry in std::fs::read_dir(from).map_err(unreadable())? {
        let entry = entry.map_err(unreadable())?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(unreadable())?;
        if kind.is_dir() {
            clone_folders(&source, &target, files)?;
        } else if kind.is_file() && !is_of_a_cell(&source) {
            files.push((source, target));
        }
    }
    Ok(())
}

fn clone_files(files: &[(PathBuf, PathBuf)]) -> Result<(), Problem> {
    files
        .iter()
        .try_for_each(|(source, target)| clone_file(source, target).map_err(Problem::io("copy", source, REMEDY)))
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
    let is_library = path.extension().is_some_and(|found| SHARED.iter().any(|shared| found == *shared));
    let is_program = path.extension().is_none() && PREPARING.iter().any(|start| begins_with(path, start));
    is_library && !is_of_crate(path, CELL) || is_program
}

/// Whether a file is the compiled form of this crate: `libNAME.so`, `libNAME-0123abcd.rlib`.
fn is_of_crate(path: &Path, name: &str) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let rest = stem.strip_prefix("lib").unwrap_or(&stem).strip_prefix(name).map(str::to_owned);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether a file is the compiled form of a cell that has run: `libcode_3.so`.
fn is_of_a_cell(path: &Path) -> bool {
    begins_with(path, "libcode_")
}

fn begins_with(path: &Path, start: &str) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(start))
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
        let shared =
            ["libserde-1.rlib", "libserde-1.rmeta", "libderive-1.so", "libmaturation.so", "build-script-build"];
        let copied = ["libctx.so", "libctx-1.rmeta", "serde-1.d", "build-script-build.json", "invoked.timestamp"];
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

    /// Compiles a crate that is, as ours, both an rlib and a dylib.
    fn compile(crate_folder: &Path, target: &Path) {
        let mut cargo = std::process::Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--offline", "--target-dir"]).arg(target).current_dir(crate_folder);
        assert!(cargo.env_remove("CARGO_BUILD_TARGET").status().unwrap().success());
    }

    #[test]
    fn a_crate_whose_sources_change_is_compiled_anew_in_one_copy_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to, library) = (folder.path().join("from"), folder.path().join("to"), folder.path().join("library"));
        let source = library.join("src/lib.rs");
        std::fs::create_dir_all(library.join("src")).unwrap();
        let manifest = "[package]\nname = \"library\"\nedition = \"2024\"\n[lib]\ncrate-type = [\"lib\", \"dylib\"]\n";
        std::fs::write(library.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(&source, "pub fn answer() -> &'static str { \"answer-before\" }").unwrap();
        compile(&library, &from);
        clone_folder(&from, &to).unwrap();
        std::fs::write(&source, "pub fn answer() -> &'static str { \"answer-after\" }").unwrap();
        let later = SystemTime::now() + Duration::from_secs(5);
        std::fs::File::options().write(true).open(&source).unwrap().set_modified(later).unwrap();
        compile(&library, &to);
        let dylib = format!("{}library{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        for name in [dylib.clone(), format!("deps/{dylib}"), "liblibrary.rlib".to_owned()] {
            let holds = |target: &Path, word: &str| {
                let bytes = std::fs::read(target.join("debug").join(&name)).unwrap();
                bytes.windows(word.len()).any(|found| found == word.as_bytes())
            };
            assert!(holds(&from, "answer-before") && !holds(&from, "answer-after"), "{name}");
            assert!(holds(&to, "answer-after"), "{name}");
        }
    }
}

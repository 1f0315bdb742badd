//! Where Rust's own tools are.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::problem::Problem;

/// A tool that this program takes the place of in a kernel's own processes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tool {
    /// `cargo`.
    Cargo,
    /// `rustup`.
    Rustup,
}

impl Tool {
    /// The tool's file name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Cargo => "cargo",
            Tool::Rustup => "rustup",
        }
    }

    /// The tool that this process was started as.
    pub fn of_program_name() -> Option<Tool> {
        let program = std::env::args_os().next()?;
        let name = Path::new(&program).file_name()?.to_owned();
        [Tool::Cargo, Tool::Rustup].into_iter().find(|tool| name == tool.name())
    }
}

/// The program of this name in the folders of a search path.
pub fn find(program: &str, search_path: &OsStr) -> Option<PathBuf> {
    std::env::split_paths(search_path).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// A search path with one more folder, before or after the others.
pub fn extended(search_path: &OsStr, folder: &Path, first: bool) -> OsString {
    let mut folders: Vec<PathBuf> = std::env::split_paths(search_path).collect();
    folders.insert(if first { 0 } else { folders.len() }, folder.to_owned());
    std::env::join_paths(folders).unwrap_or_else(|_| search_path.to_owned())
}

/// This process's search path, on which `cargo` is found: extended, where it must be, by the folder that was recorded
/// when the kernel was installed, or by rustup's usual one. Jupyter is often started without the shell's settings.
pub fn search_path(recorded: Option<&Path>) -> Result<OsString, Problem> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if find("cargo", &path).is_some() {
        return Ok(path);
    }
    let usual = std::env::home_dir().map(|home| home.join(".cargo/bin"));
    let candidates = recorded.and_then(Path::parent).map(Path::to_owned).into_iter().chain(usual);
    for folder in candidates {
        if folder.join("cargo").is_file() {
            return Ok(extended(&path, &folder, false));
        }
    }
    Err(Problem::NoProgram {
        program: "cargo",
        remedy: "install Rust from https://rustup.rs, open a new terminal, and start Jupyter from there",
    })
}

/// The toolchain's own program, past rustup's, which would decide anew at every call.
pub fn toolchain(program: &str, search_path: &OsStr) -> Option<PathBuf> {
    let found = find(program, search_path)?;
    let rustup = find("rustup", search_path);
    let asked = rustup.and_then(|rustup| Command::new(rustup).args(["which", program]).output().ok());
    let answer =
        asked.filter(|output| output.status.success()).and_then(|output| String::from_utf8(output.stdout).ok());
    Some(answer.map_or(found, |path| PathBuf::from(path.trim())))
}

/// What the compiler beside a toolchain's cargo says it is, in full: compiled crates serve that compiler alone.
pub fn compiler_version(cargo: &Path) -> Result<String, Problem> {
    let absent = || Problem::NoProgram { program: "rustc", remedy: "install Rust from https://rustup.rs" };
    let output = Command::new(cargo.with_file_name("rustc")).arg("-vV").output().map_err(|_| absent())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The fastest linker present, by evcxr's name for it.
pub fn linker(search_path: &OsStr) -> &'static str {
    let has = |program: &str| find(program, search_path).is_some();
    match () {
        () if cfg!(target_os = "macos") => "system",
        () if has("mold") => "mold",
        () if has("lld") && has("ld.lld") => "lld",
        () => "system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_path_is_extended_at_either_end() {
        let path = OsString::from("/a:/b");
        assert_eq!(extended(&path, Path::new("/c"), true), "/c:/a:/b");
        assert_eq!(extended(&path, Path::new("/c"), false), "/a:/b:/c");
    }

    #[test]
    fn a_program_is_found_in_the_first_folder_that_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        for place in [&first, &second] {
            std::fs::create_dir(place).unwrap();
        }
        std::fs::write(second.join("tool"), "").unwrap();
        let path = std::env::join_paths([&first, &second]).unwrap();
        assert_eq!(find("tool", &path), Some(second.join("tool")));
        std::fs::write(first.join("tool"), "").unwrap();
        assert_eq!(find("tool", &path), Some(first.join("tool")));
        assert_eq!(find("other", &path), None);
    }
}

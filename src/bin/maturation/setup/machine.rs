//! What a setup finds around it: programs, the cache folder, the checkout.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use maturation::prelude::*;

use crate::common::output::refuse;

/// The programs, folders and files of this machine that a setup works with.
#[derive(Debug)]
pub struct Machine {
    /// The folders that programs are looked for in.
    search_path: OsString,
    /// Where the environment and the kernel's compiled dependencies are kept.
    pub cache: PathBuf,
    /// The checkout of this crate: the notebooks, and what the kernel is built from.
    pub checkout: PathBuf,
    /// This very program.
    pub executable: PathBuf,
}

impl Machine {
    /// This machine, as its environment variables describe it.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] if there is no place for a cache, or no checkout of this version.
    pub fn here() -> Result<Machine> {
        let executable = std::env::current_exe()
            .map_err(|problem| refuse(format!("this program cannot find itself ({problem})"), "call it by its path"))?;
        Ok(Machine {
            search_path: std::env::var_os("PATH").unwrap_or_default(),
            cache: cache_folder(|name| std::env::var_os(name).filter(|value| !value.is_empty()))?,
            checkout: checkout(
                std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from),
                &executable,
                Path::new(env!("CARGO_MANIFEST_DIR")),
            )?,
            executable,
        })
    }

    /// The program of this name, if there is one.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let named = |folder: PathBuf| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
        std::env::split_paths(&self.search_path).map(named).find(|path| is_program(path))
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// `MATURATION_CACHE`, or `maturation` in the user's cache folder.
fn cache_folder(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let home = || variable("HOME").or_else(|| variable("USERPROFILE")).map(|home| Path::new(&home).join(".cache"));
    let folder = variable("MATURATION_CACHE").map(PathBuf::from).or_else(|| {
        variable("XDG_CACHE_HOME").map(PathBuf::from).or_else(home).map(|folder| folder.join("maturation"))
    });
    match folder.map(std::path::absolute) {
        Some(Ok(folder)) => Ok(folder),
        _ => Err(refuse(
            "there is no folder to keep the Jupyter environment in, because HOME is not set",
            "set MATURATION_CACHE to a folder that you may write to",
        )),
    }
}

/// The checkout that this program belongs to: the one that cargo runs it from, or that it lies in, or was built in.
fn checkout(run_from: Option<PathBuf>, executable: &Path, built_in: &Path) -> Result<PathBuf> {
    let mut candidates = run_from.iter().map(PathBuf::as_path).chain(executable.ancestors()).chain([built_in]);
    let found = candidates.find_map(|folder| Some((folder, version_in(folder)?)));
    match found {
        Some((folder, version)) if version == env!("CARGO_PKG_VERSION") => Ok(folder.to_owned()),
        Some((folder, version)) => Err(refuse(
            format!("this is maturation {}, but the checkout in {} is of version {version}", this(), folder.display()),
            "run `cargo run --release -- lab` there",
        )),
        None => Err(refuse(
            format!("the checkout that this program was built in, {}, has gone", built_in.display()),
            "if it was moved, run `cargo run --release -- lab` in its new place",
        )),
    }
}

fn this() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// The version of this crate in a folder, if the folder holds it.
fn version_in(folder: &Path) -> Option<String> {
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
    let value = |key: &str| {
        manifest.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().trim_matches('"').to_owned())
        })
    };
    (value("name")? == env!("CARGO_PKG_NAME")).then(|| value("version"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_the_variables_say() {
        let with = |given: &[(&str, &str)]| {
            cache_folder(|name| given.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        let all = [("MATURATION_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        assert_eq!(with(&all).unwrap(), Path::new("/a"));
        assert_eq!(with(&all[1..]).unwrap(), Path::new("/b/maturation"));
        assert_eq!(with(&all[2..]).unwrap(), Path::new("/c/.cache/maturation"));
        assert!(with(&[]).unwrap_err().to_string().contains("MATURATION_CACHE"));
    }

    #[test]
    fn the_checkout_is_found_and_a_lost_one_named() {
        let folder = tempfile::tempdir().unwrap();
        let (program, gone) = (folder.path().join("here/target/release/maturation"), folder.path().join("gone"));
        let message = checkout(None, &program, &gone).unwrap_err().to_string();
        assert!(message.contains(gone.to_str().unwrap()) && message.contains("moved"), "{message}");

        let make = |name: &str, version: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap();
            let manifest = format!("[package]\nname = \"maturation\"\nversion = \"{version}\"\n");
            std::fs::write(path.join("Cargo.toml"), manifest).unwrap();
            path
        };
        let here = make("here", this());
        assert_eq!(checkout(None, &program, &gone).unwrap(), here);
        let there = make("there", this());
        assert_eq!(checkout(Some(there.clone()), &program, &gone).unwrap(), there);
        assert_eq!(checkout(None, Path::new("/somewhere/maturation"), &there).unwrap(), there);
        // Cargo may be running another crate, whose build calls this program.
        assert_eq!(checkout(Some(gone.clone()), &program, &gone).unwrap(), here);

        let newer = make("newer", "99.0.0");
        let message = checkout(Some(newer.clone()), &program, &gone).unwrap_err().to_string();
        assert!(message.contains("99.0.0") && message.contains(newer.to_str().unwrap()), "{message}");
    }

    #[test]
    fn the_version_of_a_checkout_is_read() {
        assert_eq!(version_in(Path::new(env!("CARGO_MANIFEST_DIR"))).as_deref(), Some(this()));
        assert_eq!(version_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sanitizer")), None);
        assert_eq!(version_in(Path::new("nowhere")), None);
    }
}

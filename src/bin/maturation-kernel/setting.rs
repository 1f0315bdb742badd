//! What all processes of a kernel need to know: which crate, which toolchain, which environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::checkout::Checkout;
use crate::problem::Problem;
use crate::surroundings::Surroundings;
use crate::{rust_sources, tools};

/// The variable that tells every process of a kernel its folder.
pub const FOLDER_VARIABLE: &str = "MATURATION_KERNEL_FOLDER";

/// What all processes of a kernel need to know.
#[derive(Debug, Deserialize, Serialize)]
pub struct Setting {
    /// The folder that cells run in.
    pub notebook: PathBuf,
    /// The crate's folder, if there is one.
    pub checkout: Option<PathBuf>,
    /// Why the crate cannot be loaded.
    pub problem: Option<String>,
    /// Whether everything that the crate needs is compiled.
    pub compiled: bool,
    /// The toolchain's cargo.
    pub cargo: PathBuf,
    /// The linker, by evcxr's name for it.
    pub linker: String,
    /// The sources of Rust's library, if there are any.
    pub rust_sources: Option<PathBuf>,
    /// The environment in which the kernel was started.
    pub before: Surroundings,
}

impl Setting {
    /// The setting of an evcxr for a notebook's folder, in this process's environment.
    pub fn new(
        notebook: PathBuf,
        checkout: Result<&Checkout, &Problem>,
        cargo: Option<&Path>,
    ) -> Result<Self, Problem> {
        let search_path = tools::search_path(cargo)?;
        let absent = Problem::NoProgram { program: "cargo", remedy: "install Rust from https://rustup.rs" };
        let folder = match checkout {
            Ok(checkout) => Some(checkout.folder.clone()),
            Err(Problem::OtherVersion { folder, .. }) => Some(folder.clone()),
            Err(_) => None,
        };
        let cargo = tools::toolchain("cargo", &search_path).ok_or(absent)?;
        Ok(Setting {
            notebook,
            checkout: folder,
            problem: checkout.err().map(Problem::to_string),
            compiled: false,
            rust_sources: cargo.parent().and_then(Path::parent).and_then(rust_sources::of_toolchain),
            cargo,
            linker: tools::linker(&search_path).to_owned(),
            before: Surroundings::with_search_path(&search_path),
        })
    }

    /// One of Rust's own tools, to be run in the environment in which the kernel was started.
    pub fn tool<'a>(&self, program: &Path, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(program);
        self.before.restore(command.args(arguments));
        command.env_remove(FOLDER_VARIABLE);
        command
    }

    /// One of Rust's own tools that links, with the linker that was chosen.
    pub fn linking(&self, program: &Path) -> Command {
        if self.linker == "mold" {
            let mut command = self.tool(Path::new("mold"), ["-run"]);
            command.arg(program);
            return command;
        }
        let mut command = self.tool(program, []);
        if self.linker == "lld" {
            command.arg("-Clink-arg=-fuse-ld=lld");
        }
        command
    }

    /// The toolchain's compiler.
    pub fn compiler(&self) -> PathBuf {
        self.cargo.with_file_name("rustc")
    }

    /// The folder of the toolchain.
    pub fn toolchain(&self) -> Option<&Path> {
        self.cargo.parent()?.parent()
    }

    /// The variable that names folders of shared libraries, with the one that cells need. Cargo moves a compiled cell
    /// one folder up after the compiler wrote into it where, relative to it, Rust's library lies.
    pub fn shared_libraries(&self) -> (&'static str, OsString) {
        let variable = if cfg!(target_os = "macos") { "DYLD_LIBRARY_PATH" } else { "LD_LIBRARY_PATH" };
        let before = std::env::var_os(variable).filter(|path| !path.is_empty()).unwrap_or_default();
        (variable, self.with_own_libraries(&before))
    }

    /// Folders of shared libraries, those first that were named before: but for folders with another build of our
    /// crate, such as `cargo run` and `cargo test` name, which cells would load in place of the one that they were
    /// compiled with.
    fn with_own_libraries(&self, before: &OsStr) -> OsString {
        let ours = format!("{}maturation{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let toolchain = self.cargo.parent().and_then(Path::parent).map(|toolchain| toolchain.join("lib/rustlib"));
        let targets = toolchain.and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten();
        let own =
            targets.filter_map(|entry| entry.ok().map(|entry| entry.path().join("lib"))).filter(|path| path.is_dir());
        let before = std::env::split_paths(before).filter(|path| !path.join(&ours).exists());
        std::env::join_paths(before.chain(own)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_find_the_shared_library_of_rust() {
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        let (_, path) = setting.shared_libraries();
        let holds_it = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten();
            entries.filter_map(Result::ok).any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
        };
        assert!(std::env::split_paths(&path).any(holds_it), "{path:?}");
    }

    #[test]
    fn cells_load_no_other_build_of_the_crate() {
        let base = tempfile::tempdir().unwrap();
        let [build, other] = ["target/release/deps", "lib"].map(|name| base.path().join(name));
        for folder in [&build, &other] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let library = format!("{}maturation{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        std::fs::write(build.join(library), "").unwrap();
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        let before = std::env::join_paths([&build, &other]).unwrap();
        let path = setting.with_own_libraries(&before);
        let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        assert!(folders.contains(&other) && !folders.contains(&build), "{folders:?}");
    }

    #[test]
    fn a_problem_is_kept_for_the_notebook() {
        let problem = Problem::Moved(PathBuf::from("/gone"));
        let setting = Setting::new(PathBuf::from("/notes"), Err(&problem), None).unwrap();
        assert_eq!(setting.checkout, None);
        assert!(setting.problem.unwrap().contains("/gone"));
    }
}

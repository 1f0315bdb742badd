//! Finding CUDA's run-time compiler where Python's packages bring it.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The names under which the compiler's library goes, by the CUDA version, the newest first.
const FILES: [(i32, &str); 2] = [(13, "libnvrtc.so.13"), (12, "libnvrtc.so.12")];
/// Where Python's packages keep it, below `site-packages`.
const PACKAGES: [&str; 2] = ["nvidia/cu13/lib", "nvidia/cuda_nvrtc/lib"];
/// What the name of the compiler's helper begins with.
const HELPER: &str = "libnvrtc-builtins.so.";
/// Names the file, where nothing finds it.
const VARIABLE: &str = "MATURATION_NVRTC";

/// Whether the compiler can be had. If the system does not know it, it is looked for in the active Python environment:
/// one of the driver's CUDA version or before, since the driver takes nothing from later ones.
pub(super) fn is_there(driver: i32) -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let named = std::env::var_os(VARIABLE).map(PathBuf::from);
        let environments = ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
        let elsewhere = environments.chain(notebooks_environment()).flat_map(|folder| of_environment(&folder, driver));
        let present = || {
            // SAFETY: it only tries to load the compiler's library, whose initialisation any program may run.
            unsafe { cudarc::nvrtc::sys::is_culib_present() }
        };
        named.is_some_and(|file| load_compiler(&file)) && present()
            || present()
            || elsewhere.into_iter().any(|file| load_compiler(&file)) && present()
    })
}

/// The environment that `maturation lab` makes.
fn notebooks_environment() -> Option<PathBuf> {
    let cache = std::env::var_os("MATURATION_CACHE").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache/maturation"));
    Some(cache.or_else(home)?.join("jupyter"))
}

/// The files of an environment that may be the compiler.
fn of_environment(environment: &Path, driver: i32) -> Vec<PathBuf> {
    let versions = std::fs::read_dir(environment.join("lib")).into_iter().flatten().flatten();
    let packages = versions.map(|version| version.path().join("site-packages"));
    let folders: Vec<PathBuf> = packages.flat_map(|packages| PACKAGES.map(|package| packages.join(package))).collect();
    let names = FILES.into_iter().filter(|(version, _)| *version <= driver).map(|(_, name)| name);
    names.flat_map(|name| folders.iter().map(move |folder| folder.join(name))).filter(|file| file.is_file()).collect()
}

/// Loads the compiler, and before it what it will ask for by name, which lies beside it.
fn load_compiler(file: &Path) -> bool {
    let beside = file.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    for helper in beside.filter(|entry| entry.file_name().to_string_lossy().starts_with(HELPER)) {
        load(&helper.path());
    }
    load(file)
}

/// Loads a library for good: whoever asks for its name later is given the same one.
fn load(file: &Path) -> bool {
    // SAFETY: the user named the file, or it is where NVIDIA's package has the compiler; its initialisation is run.
    match unsafe { libloading::Library::new(file) } {
        Ok(library) => {
            std::mem::forget(library);
            true
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_of_a_python_environment_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(of_environment(folder.path(), 13).is_empty());
        let packages = folder.path().join("lib/python3.12/site-packages");
        for (package, file) in [("nvidia/cuda_nvrtc/lib", "libnvrtc.so.12"), ("nvidia/cu13/lib", "libnvrtc.so.13")] {
            std::fs::create_dir_all(packages.join(package)).unwrap();
            std::fs::write(packages.join(package).join(file), "no library").unwrap();
        }
        let found = of_environment(folder.path(), 13);
        let [newer, older] =
            ["cu13/lib/libnvrtc.so.13", "cuda_nvrtc/lib/libnvrtc.so.12"].map(|file| packages.join("nvidia").join(file));
        assert_eq!(found, [newer, older.clone()]);
        // A driver of CUDA 12 takes nothing from a compiler of CUDA 13.
        assert_eq!(of_environment(folder.path(), 12), [older]);
        assert!(!load_compiler(&found[0]));
    }
}

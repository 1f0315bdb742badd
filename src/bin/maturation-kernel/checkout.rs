//! The crate's own folder: which one a notebook means, its version, and when it last changed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::problem::Problem;

/// The kernel's version, which is the crate's.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where this program was built from.
pub const BUILT_FROM: &str = env!("CARGO_MANIFEST_DIR");

/// A folder that holds the crate, with the version it states.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkout {
    /// The folder, absolute, without symbolic links, as evcxr writes it into a `Cargo.toml`.
    pub folder: PathBuf,
    /// The version in its `Cargo.toml`.
    pub version: String,
}

impl Checkout {
    /// The crate in this very folder, if it is there.
    pub fn at(folder: &Path) -> Option<Checkout> {
        let folder = folder.canonicalize().ok()?;
        let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?;
        let version = version_of(&manifest, "maturation")?;
        Some(Checkout { folder, version })
    }

    /// The crate that a notebook in this folder means: the one it lies in, or else the one the kernel was installed
    /// from.
    pub fn of_notebook(notebook: &Path, installed_from: &Path) -> Result<Checkout, Problem> {
        let around = notebook.ancestors().find_map(Checkout::at);
        around.or_else(|| Checkout::at(installed_from)).ok_or_else(|| Problem::Moved(installed_from.to_owned()))
    }

    /// Refuses a crate of another version than the kernel's.
    pub fn of_this_version(self) -> Result<Checkout, Problem> {
        if self.version == VERSION {
            return Ok(self);
        }
        Err(Problem::OtherVersion { kernel: VERSION, found: self.version, folder: self.folder })
    }

    /// When a file that the library is made of last changed.
    pub fn changed(&self) -> SystemTime {
        let manifests = ["Cargo.toml", "Cargo.lock"].map(|name| self.folder.join(name));
        let source = self.folder.join("src");
        let newest = manifests.iter().filter_map(|path| modified(path)).max();
        newest.max(newest_below(&source, &source.join("bin"))).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// The version in a manifest of the package of this name.
fn version_of(manifest: &str, package: &str) -> Option<String> {
    let section = manifest.split("[package]").nth(1)?;
    let section = section.split("\n[").next()?;
    let value = |key: &str| {
        let line = section.lines().find(|line| line.split('=').next().is_some_and(|name| name.trim() == key))?;
        line.split('"').nth(1).map(str::to_owned)
    };
    (value("name")? == package).then(|| value("version"))?
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// When the newest file below a folder changed, those below `apart` left out.
fn newest_below(folder: &Path, apart: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(folder).ok()?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path != apart);
    paths.filter_map(|path| if path.is_dir() { newest_below(&path, apart) } else { modified(&path) }).max()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn write_crate(folder: &Path, name: &str, version: &str) {
        std::fs::create_dir_all(folder.join("src")).unwrap();
        let manifest = format!(
            "[package]\nname = \"{name}\"\nversion = \"{version}\"\n\n[dependencies]\nother = {{ version = \"9\" }}\n"
        );
        std::fs::write(folder.join("Cargo.toml"), manifest).unwrap();
        std::fs::write(folder.join("src/lib.rs"), "").unwrap();
    }

    #[test]
    fn the_crate_around_a_notebook_comes_before_the_one_installed_from() {
        let folder = tempfile::tempdir().unwrap();
        let (here, there) = (folder.path().join("here"), folder.path().join("there"));
        write_crate(&here, "maturation", VERSION);
        write_crate(&there, "maturation", "99.0.0");
        let notebook = here.join("notebooks/mine");
        std::fs::create_dir_all(&notebook).unwrap();
        let found = Checkout::of_notebook(&notebook, &there).unwrap();
        assert_eq!(found, Checkout { folder: here.canonicalize().unwrap(), version: VERSION.to_owned() });
        let installed = Checkout::of_notebook(folder.path(), &there).unwrap();
        assert_eq!(installed.version, "99.0.0");
        let message = installed.of_this_version().unwrap_err().to_string();
        assert!(message.contains("99.0.0") && message.contains("--install"), "{message}");
    }

    #[test]
    fn a_moved_crate_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let message = Checkout::of_notebook(folder.path(), &gone).unwrap_err().to_string();
        assert!(message.contains("gone") && message.contains("--install"), "{message}");
        write_crate(&gone, "another", VERSION);
        assert_eq!(Checkout::at(&gone), None);
    }

    #[test]
    fn a_changed_source_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        write_crate(folder.path(), "maturation", VERSION);
        let checkout = Checkout::at(folder.path()).unwrap();
        let before = checkout.changed();
        for (part, seconds, seen) in [("deep", 5, 5), ("bin", 9, 5)] {
            let part = folder.path().join("src").join(part);
            std::fs::create_dir(&part).unwrap();
            let source = std::fs::File::create(part.join("file.rs")).unwrap();
            source.set_modified(before + Duration::from_secs(seconds)).unwrap();
            assert_eq!(checkout.changed(), before + Duration::from_secs(seen));
        }
    }

    #[test]
    fn this_crate_is_one() {
        assert_eq!(Checkout::at(Path::new(BUILT_FROM)).unwrap().version, VERSION);
    }
}

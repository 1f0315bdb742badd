//! The user's folder of compiled crates, which all kernels of one version share.

use std::fs::{DirBuilder, File, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::checkout::{Checkout, VERSION};
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use crate::setting::Setting;
use crate::tools;

/// The variable that names another folder than the user's usual one.
pub const VARIABLE: &str = "MATURATION_CACHE";

const REMEDY: &str = "Set MATURATION_CACHE to a folder that can be written";

/// What crates are compiled with. Cargo reads this for every folder below.
const PROFILE: &str = include_str!("../../../notebooks/.cargo/config.toml");

/// The user's folder of compiled crates.
pub struct Cache {
    folder: PathBuf,
}

/// For what the crates that lie there were compiled.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Stamp {
    checkout: PathBuf,
    /// When the sources last changed, in nanoseconds since 1970.
    changed: u128,
    compiler: String,
    linker: String,
}

impl Stamp {
    fn of(checkout: &Checkout, setting: &Setting) -> Result<Stamp, Problem> {
        let changed = checkout.changed().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        Ok(Stamp {
            checkout: checkout.folder.clone(),
            changed,
            compiler: tools::compiler_version(&setting.cargo)?,
            linker: setting.linker.clone(),
        })
    }

    /// Whether what was compiled for this can be used as it is for the other.
    fn serves(&self, other: &Stamp) -> bool {
        // lld is asked for by a compiler flag, the others are not.
        let flags = |stamp: &Stamp| stamp.linker == "lld";
        self.checkout == other.checkout
            && self.compiler == other.compiler
            && self.changed >= other.changed
            && flags(self) == flags(other)
    }
}

impl Cache {
    /// The folder of this user, made if it was not there.
    pub fn of_user() -> Result<Cache, Problem> {
        let variable =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| !path.as_os_str().is_empty());
        let home = variable("HOME");
        let usual = if cfg!(target_os = "macos") {
            home.map(|home| home.join("Library/Caches"))
        } else {
            variable("XDG_CACHE_HOME").or_else(|| home.map(|home| home.join(".cache")))
        };
        let base = variable(VARIABLE).or_else(|| usual.map(|usual| usual.join("maturation")));
        Cache::below(&base.ok_or(Problem::NoHome { variable: VARIABLE, purpose: "compiled crates" })?)
    }

    /// The folder for this version below another, made if it was not there.
    pub fn below(base: &Path) -> Result<Cache, Problem> {
        let folder = std::path::absolute(base).unwrap_or_else(|_| base.to_owned()).join(format!("kernel-{VERSION}"));
        make_private(&folder)?;
        let settings = folder.join(".cargo");
        for needed in [&settings, &folder.join("sessions"), &folder.join("precompiled")] {
            std::fs::create_dir_all(needed).map_err(Problem::io("make", needed, REMEDY))?;
        }
        let file = settings.join("config.toml");
        if std::fs::read_to_string(&file).ok().as_deref() != Some(PROFILE) {
            std::fs::write(&file, PROFILE).map_err(Problem::io("write", &file, REMEDY))?;
        }
        Ok(Cache { folder })
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where everything is compiled beforehand.
    pub fn precompiled(&self) -> Sandbox {
        Sandbox { folder: self.folder.join("precompiled") }
    }

    /// Where the sources of Rust's library are that were taken out of its documentation.
    pub fn rust_sources(&self) -> PathBuf {
        self.folder.join("rust")
    }

    /// Where kernels work, each in a folder of its own.
    pub fn sessions(&self) -> PathBuf {
        self.folder.join("sessions")
    }

    /// A file that is locked while compiled crates are written, or copied.
    pub fn lock(&self) -> Result<File, Problem> {
        let path = self.folder.join("lock");
        let file = File::options().create(true).append(true).open(&path);
        file.map_err(Problem::io("open", &path, REMEDY))
    }

    /// Whether everything that notebooks with this crate need is compiled.
    pub fn is_precompiled_for(&self, checkout: &Checkout, setting: &Setting) -> bool {
        let text = std::fs::read_to_string(self.stamp()).ok();
        let found: Option<Stamp> = text.and_then(|text| serde_json::from_str(&text).ok());
        let serves = |found: Stamp| Stamp::of(checkout, setting).is_ok_and(|wanted| found.serves(&wanted));
        // An earlier version of this program has left less.
        found.is_some_and(serves) && self.precompiled().cells_library().is_there()
    }

    /// Notes, before it begins, that crates are being compiled: until it is done they serve nobody.
    pub fn begin(&self) -> Result<(), Problem> {
        match std::fs::remove_file(self.stamp()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Problem::io("remove", &self.stamp(), REMEDY)(error))
            }
            _ => Ok(()),
        }
    }

    /// Notes that everything is compiled for a crate whose sources were last changed at this time.
    pub fn finish(&self, checkout: &Checkout, setting: &Setting, changed: SystemTime) -> Result<(), Problem> {
        let changed = changed.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let stamp = Stamp { changed, ..Stamp::of(checkout, setting)? };
        let text = serde_json::to_string_pretty(&stamp).unwrap_or_default();
        std::fs::write(self.stamp(), text).map_err(Problem::io("write", &self.stamp(), REMEDY))
    }

    fn stamp(&self) -> PathBuf {
        self.folder.join("precompiled.json")
    }
}

/// Makes a folder that only this user can enter, or makes one so that is there: what lies in it is run, and one's cells
/// lie in it, whatever the mode of each file.
fn make_private(folder: &Path) -> Result<(), Problem> {
    let remedy = "Set MATURATION_CACHE to a folder of your own";
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Problem::io("make", folder, REMEDY))?;
    let mode = std::fs::metadata(folder).map_err(Problem::io("look at", folder, remedy))?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(Problem::io(
        "keep others out of",
        folder,
        remedy,
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::checkout::BUILT_FROM;

    #[test]
    fn compiled_crates_serve_the_sources_and_the_compiler_that_they_were_made_of() {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::below(base.path()).unwrap();
        let checkout = Checkout::at(Path::new(BUILT_FROM)).unwrap();
        let setting = Setting::new(base.path().to_owned(), Ok(&checkout), None).unwrap();
        assert!(!cache.is_precompiled_for(&checkout, &setting));
        cache.finish(&checkout, &setting, checkout.changed()).unwrap();
        assert!(!cache.is_precompiled_for(&checkout, &setting), "there is no library");
        cache.precompiled().cells_library().pretend();
        assert!(cache.is_precompiled_for(&checkout, &setting));
        let elsewhere = Checkout { folder: base.path().to_owned(), ..checkout.clone() };
        assert!(!cache.is_precompiled_for(&elsewhere, &setting));
        cache.finish(&checkout, &setting, checkout.changed() - Duration::from_secs(1)).unwrap();
        assert!(!cache.is_precompiled_for(&checkout, &setting), "the sources are newer");
        cache.finish(&checkout, &setting, checkout.changed()).unwrap();
        cache.begin().unwrap();
        assert!(!cache.is_precompiled_for(&checkout, &setting), "compiling has begun anew");
        cache.begin().unwrap();
    }

    #[test]
    fn another_compiler_or_linker_flag_asks_for_other_crates() {
        let stamp = |compiler: &str, linker: &str| Stamp {
            checkout: PathBuf::from("/crate"),
            changed: 5,
            compiler: compiler.to_owned(),
            linker: linker.to_owned(),
        };
        assert!(stamp("1", "mold").serves(&stamp("1", "system")));
        assert!(!stamp("1", "mold").serves(&stamp("1", "lld")));
        assert!(!stamp("1", "mold").serves(&stamp("2", "mold")));
    }

    #[test]
    fn nobody_else_can_enter_the_folder_and_so_reach_the_sockets_and_cells_in_it() {
        let base = tempfile::tempdir().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let cache = Cache::below(&base.path().join("new")).unwrap();
        assert_eq!([mode(cache.folder()), mode(&base.path().join("new"))], [0o700; 2]);
        // One of an earlier version, or made by hand.
        std::fs::set_permissions(cache.folder(), Permissions::from_mode(0o777)).unwrap();
        let cache = Cache::below(&base.path().join("new")).unwrap();
        assert_eq!(mode(cache.folder()), 0o700);
        assert!(cache.sessions().starts_with(cache.folder()) && cache.precompiled().folder.starts_with(cache.folder()));
        // A folder that the user chose stays as it is; what the kernel makes in it is the kernel's.
        std::fs::set_permissions(base.path(), Permissions::from_mode(0o755)).unwrap();
        let cache = Cache::below(base.path()).unwrap();
        assert_eq!([mode(base.path()), mode(cache.folder())], [0o755, 0o700]);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named_with_what_to_do() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("file");
        std::fs::write(&file, "").unwrap();
        let message = Cache::below(&file).map(|_| ()).unwrap_err().to_string();
        assert!(message.contains("file") && message.contains("MATURATION_CACHE"), "{message}");
    }
}

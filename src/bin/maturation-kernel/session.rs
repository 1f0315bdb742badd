//! The folders of running kernels: each kernel has one of its own, and takes it away when it ends.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::cache::Cache;
use crate::description::Description;
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use crate::setting::Setting;
use crate::{rust_sources, tools};

/// How long a folder without an owner is left alone: its kernel may not have locked it yet.
const GRACE: Duration = Duration::from_secs(60);

const REMEDY: &str = "Set MATURATION_CACHE to a folder that can be written";

/// Makes a folder for this process's kernel.
pub fn open(cache: &Cache) -> Result<Sandbox, Problem> {
    let instant = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let folder = cache.sessions().join(format!("{}-{}", std::process::id(), instant.as_micros()));
    std::fs::create_dir_all(&folder).map_err(Problem::io("make", &folder, REMEDY))?;
    let sandbox = Sandbox { folder };
    File::create(sandbox.lock()).map_err(Problem::io("write", &sandbox.lock(), REMEDY))?;
    Ok(sandbox)
}

/// Says that this process works in a folder, for as long as the answer lives.
pub fn occupy(sandbox: &Sandbox) -> Result<File, Problem> {
    let path = sandbox.lock();
    let file = File::options().append(true).open(&path).map_err(Problem::io("open", &path, "Restart the kernel"))?;
    file.lock().map_err(Problem::io("lock", &path, "Restart the kernel"))?;
    Ok(file)
}

/// Fills a kernel's folder with everything that was compiled beforehand. False while that is being compiled.
pub fn fill(cache: &Cache, sandbox: &Sandbox, setting: &mut Setting) -> Result<bool, Problem> {
    let lock = cache.lock()?;
    if lock.try_lock_shared().is_err() {
        return Ok(false);
    }
    let precompiled = cache.precompiled();
    sandbox.cells_library().take(&precompiled.cells_library())?;
    let (from, to) = (precompiled.crate_folder().join("Cargo.lock"), sandbox.crate_versions());
    std::fs::copy(&from, &to).map_err(Problem::io(
        "copy",
        &from,
        "Compile again with `maturation-kernel --precompile`",
    ))?;
    Description::copy(&precompiled, sandbox);
    setting.compiled = true;
    let taken = cache.rust_sources();
    let is_theirs = |version: String| rust_sources::is_of(&taken, &version);
    if setting.rust_sources.is_none() && tools::compiler_version(&setting.cargo).is_ok_and(is_theirs) {
        setting.rust_sources = Some(taken);
    }
    Ok(true)
}

/// Removes the folders of kernels that were killed.
pub fn sweep(sessions: &Path) {
    let entries = std::fs::read_dir(sessions).into_iter().flatten();
    for folder in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())) {
        if is_abandoned(&Sandbox { folder: folder.clone() }) {
            // Another kernel that starts may be removing it too.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn is_abandoned(sandbox: &Sandbox) -> bool {
    let age = std::fs::metadata(&sandbox.folder).and_then(|metadata| metadata.modified()).ok();
    let is_old = age.is_some_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed > GRACE));
    let lock = File::options().append(true).open(sandbox.lock());
    is_old && lock.map_or(true, |lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn age(folder: &Path, seconds: u64) {
        let file = File::open(folder).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn folders_of_killed_kernels_are_removed_and_no_others() {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::below(base.path()).unwrap();
        let [running, killed, starting] = [(); 3].map(|()| open(&cache).unwrap());
        let occupied = occupy(&running).unwrap();
        for (sandbox, seconds) in [(&running, 1000), (&killed, 1000), (&starting, 5)] {
            age(&sandbox.folder, seconds);
        }
        sweep(&cache.sessions());
        assert!(running.folder.exists() && starting.folder.exists());
        assert!(!killed.folder.exists());
        drop(occupied);
        // A process that another test is starting at this moment may still hold the lock.
        let is_removed = || {
            sweep(&cache.sessions());
            !running.folder.exists()
        };
        assert!((0..50).any(|_| is_removed() || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }));
    }

    #[test]
    fn a_folder_is_filled_unless_crates_are_being_compiled() {
        let base = tempfile::tempdir().unwrap();
        let cache = Cache::below(base.path()).unwrap();
        let (crates, crate_folder) = (cache.precompiled().cells_library().folder, cache.precompiled().crate_folder());
        for folder in [&crates, &crate_folder] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(crates.join("libserde-1.rmeta"), "compiled").unwrap();
        std::fs::write(crate_folder.join("Cargo.lock"), "versions").unwrap();
        let sandbox = open(&cache).unwrap();
        let problem = Problem::Moved(base.path().to_owned());
        let mut setting = Setting::new(base.path().to_owned(), Err(&problem), None).unwrap();
        let compiling = cache.lock().unwrap();
        compiling.lock().unwrap();
        assert!(!fill(&cache, &sandbox, &mut setting).unwrap() && !setting.compiled);
        drop(compiling);
        assert!(fill(&cache, &sandbox, &mut setting).unwrap() && setting.compiled);
        assert!(sandbox.cells_library().folder.join("libserde-1.rmeta").exists());
        assert_eq!(std::fs::read_to_string(sandbox.crate_versions()).unwrap(), "versions");
    }
}

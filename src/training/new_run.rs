//! A run that is made of what is there already, not trained: whole at the end, or not there at all.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::hyperparameters::Hyperparameters;
use crate::network::{Learner, Network};
use crate::training::log::Log;
use crate::training::run::{HYPERPARAMETERS_FILE, LOG_FILE, MODEL_FILE, Run, STATE_FILE};
use crate::training::session::LOCK_FILE;
use crate::training::{session, state};

/// A run that is being written. `hp.json` comes last, so that what a kill leaves is no run; what an error leaves is
/// taken away.
pub(super) struct NewRun {
    path: PathBuf,
    /// Whether the folder was there before, empty.
    existed: bool,
    written: Vec<PathBuf>,
    finished: bool,
    _lock: File,
}

impl NewRun {
    /// Takes a folder that is empty or not there.
    pub(super) fn claim(path: &Path) -> Result<NewRun> {
        check_free(path, INTO_A_NEW_FOLDER)?;
        let existed = path.exists();
        let lock = session::lock(path)?;
        let run = NewRun { path: path.to_owned(), existed, written: Vec::new(), finished: false, _lock: lock };
        // Another process may have been here between.
        check_free(path, INTO_A_NEW_FOLDER)?;
        Ok(run)
    }

    /// Writes a checkpoint.
    pub(super) fn checkpoint(&mut self, trials_trained: u64, network: &Network) -> Result<()> {
        let folder = self.path.join(trials_trained.to_string());
        fs::create_dir_all(&folder).map_err(|source| Error::io("create", &folder, source))?;
        let model = folder.join(MODEL_FILE);
        self.written.push(folder);
        self.written.push(model.clone());
        network.save(model)
    }

    /// Writes what training goes on with.
    pub(super) fn state(&mut self, learner: &Learner, step: u64) -> Result<()> {
        let path = self.path.join(STATE_FILE);
        self.written.push(path.clone());
        state::write(&path, learner, step)
    }

    /// Writes the log and the hyper-parameters, which makes it a run.
    pub(super) fn finish(mut self, hyperparameters: &Hyperparameters, log: &Log) -> Result<Run> {
        let [log_path, path] = [LOG_FILE, HYPERPARAMETERS_FILE].map(|name| self.path.join(name));
        self.written.extend([log_path.clone(), path.clone()]);
        log.write(&log_path, hyperparameters)?;
        session::write_hyperparameters(&path, hyperparameters)?;
        let run = Run::open(&self.path)?;
        self.finished = true;
        Ok(run)
    }
}

impl Drop for NewRun {
    /// Takes away what was written of a run that was not finished; what others put there stays.
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        for path in self.written.iter().rev() {
            // What is wrong is being told already.
            let _ = if path.is_dir() { fs::remove_dir(path) } else { fs::remove_file(path) };
        }
        let _ = fs::remove_file(self.path.join(LOCK_FILE));
        if !self.existed {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// What to do where a folder is not empty.
pub(super) const INTO_A_NEW_FOLDER: &str = "Import into a new folder";

/// An error with this remedy if a folder holds anything; it need not be there.
pub(crate) fn check_free(path: &Path, remedy: &str) -> Result<()> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(Error::io("read", path, source)),
    };
    for entry in entries {
        let entry = entry.map_err(|source| Error::io("read", path, source))?;
        if entry.file_name() != LOCK_FILE {
            return Err(Error::file(path, "the folder is not empty", remedy));
        }
    }
    Ok(())
}

//! A session's files, brought to the disk on a thread of its own while training goes on.
//!
//! An evaluation writes three files and waits for the disk to hold each: a few milliseconds where one network is
//! trained, tens where others write to the same disk. What is written, and in which order, does not depend on the
//! thread, so that a kill finds what it would have found without one: the files up to some evaluation, or a part of the
//! next one's.

use std::fs;
use std::io::ErrorKind;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};
use crate::tables::write_bytes;
use crate::training::lock::FolderLock;

/// Evaluations whose files wait while those of an earlier one are written; training waits for the disk beyond.
const WAITING: usize = 2;

/// One thing to do in a run's folder.
pub(super) enum Act {
    /// Makes a folder, unless it is there.
    Folder(PathBuf),
    /// Writes a file, whole or not at all.
    File(PathBuf, Vec<u8>),
    /// Removes a folder, if it is there.
    Remove(PathBuf),
    /// Says that all before it is done.
    Tell(SyncSender<()>),
}

/// Who writes into a run's folder, and holds it as long. Dropped, it first writes what it was given.
pub(super) struct Writer {
    /// None once it has ended.
    send: Option<SyncSender<Vec<Act>>>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Writer {
    /// A writer into the folder that was taken.
    pub(super) fn start(lock: FolderLock, folder: &Path) -> Result<Writer> {
        let (send, given) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("run-files".to_owned()).spawn(move || write(&given, &lock));
        let thread = thread.map_err(|source| Error::io("start a thread to write into", folder, source))?;
        Ok(Writer { send: Some(send), thread: Some(thread) })
    }

    /// Hands over what is to be done after all that was handed over before.
    ///
    /// # Errors
    /// What could not be done of the latter. It is told once; nothing more is written after it, since a later state
    /// would be of evaluations whose files are not there.
    pub(super) fn hand_over(&mut self, acts: Vec<Act>) -> Result<()> {
        match self.send.as_ref().is_some_and(|send| send.send(acts).is_ok()) {
            true => Ok(()),
            false => self.end(),
        }
    }

    /// Waits until all that was handed over is on the disk; errors as [`Writer::hand_over`].
    pub(super) fn wait(&mut self) -> Result<()> {
        let (told, done) = sync_channel(1);
        self.hand_over(vec![Act::Tell(told)])?;
        match done.recv() {
            Ok(()) => Ok(()),
            Err(_) => self.end(),
        }
    }

    /// Tells what could not be done so far, without waiting; errors as [`Writer::hand_over`].
    pub(super) fn check(&mut self) -> Result<()> {
        match self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            true => self.end(),
            false => Ok(()),
        }
    }

    /// The same, once all is done; the folder is free then.
    pub(super) fn end(&mut self) -> Result<()> {
        self.send = None;
        match self.thread.take() {
            // A panic in there is a defect, not an answer: it goes on as it would have without a thread.
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.send = None;
        if let Some(thread) = self.thread.take() {
            // Whoever did not ask for the outcome has another error to tell.
            let _ = thread.join();
        }
    }
}

/// Does what it is given until there is no more, or something cannot be done.
fn write(given: &Receiver<Vec<Act>>, lock: &FolderLock) -> Result<()> {
    for act in given.iter().flatten() {
        if let Act::Tell(told) = act {
            // Nobody waits any more where training ended with a panic.
            let _ = told.send(());
            continue;
        }
        lock.check()?;
        act.run()?;
    }
    Ok(())
}

impl Act {
    fn run(self) -> Result<()> {
        match self {
            // Not the folders above it: where the user has removed the run nothing is made anew.
            Act::Folder(path) => match fs::create_dir(&path) {
                Err(there) if there.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
                made => made.map_err(|source| Error::io("create", &path, source)),
            },
            Act::File(path, content) => write_bytes(&path, &content),
            Act::Remove(path) => match fs::remove_dir_all(&path) {
                Err(gone) if gone.kind() == ErrorKind::NotFound => Ok(()),
                removed => removed.map_err(|source| Error::io("remove", &path, source)),
            },
            Act::Tell(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(folder: &Path) -> Writer {
        Writer::start(FolderLock::take(folder).unwrap(), folder).unwrap()
    }

    #[test]
    fn what_is_handed_over_is_done_in_its_order_and_is_there_once_it_was_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let (inner, file) = (folder.path().join("640"), folder.path().join("640/weights"));
        let mut writer = writer(folder.path());
        for content in 0..20_u8 {
            let acts = vec![Act::Folder(inner.clone()), Act::File(file.clone(), vec![content; 1000])];
            writer.hand_over(acts).unwrap();
            if content % 3 == 0 {
                writer.wait().unwrap();
                assert_eq!(fs::read(&file).unwrap(), vec![content; 1000]);
                writer.hand_over(vec![Act::Remove(inner.clone()), Act::Remove(inner.clone())]).unwrap();
            }
        }
        writer.end().unwrap();
        assert_eq!(fs::read(&file).unwrap(), vec![19; 1000]);
        // The folder is free again.
        FolderLock::take(folder.path()).unwrap();
    }

    #[test]
    fn what_waits_is_still_written_when_the_writer_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state");
        let mut writer = writer(folder.path());
        for content in 0..5_u8 {
            writer.hand_over(vec![Act::File(file.clone(), vec![content])]).unwrap();
        }
        drop(writer);
        assert_eq!(fs::read(&file).unwrap(), [4]);
    }

    #[test]
    fn a_failure_is_told_once_and_nothing_is_written_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let [file, wrong] = ["state", "not/there"].map(|name| folder.path().join(name));
        let acts = || vec![Act::File(wrong.clone(), vec![1]), Act::File(file.clone(), vec![1])];
        let ways: [fn(&mut Writer) -> Result<()>; 3] = [Writer::wait, Writer::end, |writer| {
            while writer.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
                thread::yield_now();
            }
            writer.check()
        }];
        for asked in ways {
            let mut writer = writer(folder.path());
            writer.hand_over(acts()).unwrap();
            let message = asked(&mut writer).unwrap_err().to_string();
            assert!(message.contains("not/there") && message.contains("write"), "{message}");
            writer.hand_over(acts()).unwrap();
            writer.check().unwrap();
            writer.end().unwrap();
            assert!(!file.exists());
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_not_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let mut writer = writer(&run);
        fs::remove_dir_all(&run).unwrap();
        writer.hand_over(vec![Act::Folder(run.join("640"))]).unwrap();
        assert!(writer.wait().unwrap_err().is_io() && !run.exists());
    }
}

//! One training at a time in a run's folder: on one machine by the system's lock, and on a file system that several
//! machines share, where such locks may do nothing, by what the lock's file says.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// The file that a running training holds locked.
pub(super) const LOCK_FILE: &str = ".lock";

/// How often the holder counts on in the file.
const BEAT: Duration = Duration::from_secs(5);

/// After how many beats that do not come another machine's training is taken for ended.
const MISSED: u32 = 3;

/// A run's folder, taken for one training. Free again when dropped, or when the process ends.
pub(crate) struct FolderLock {
    path: PathBuf,
    holder: String,
    /// Dropped, it ends the beat.
    end: Option<mpsc::Sender<()>>,
    beat: Option<JoinHandle<()>>,
}

impl FolderLock {
    /// Makes the folder and takes it.
    ///
    /// If a training on another machine may hold it, this first watches for some seconds whether that one still counts
    /// on; clocks are not compared, since machines have different ones.
    pub(crate) fn take(folder: &Path) -> Result<FolderLock> {
        FolderLock::take_as(folder, &machine(), BEAT)
    }

    fn take_as(folder: &Path, machine: &str, every: Duration) -> Result<FolderLock> {
        fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        let path = folder.join(LOCK_FILE);
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|source| Error::io("write", &path, source))?;
        let in_use = |holder: &str| Error::of(Kind::RunInUse { path: folder.to_owned(), holder: holder.to_owned() });
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use("another process")),
            // Then the file's content alone decides.
            Err(TryLockError::Error(source)) if source.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path, source)),
        }
        let before = fs::read_to_string(&path).unwrap_or_default();
        // Of a training on this machine the lock has told that it is over.
        if let Some((holder, _)) = before.split_once(BEATS)
            && !holder.ends_with(&format!(" on {machine}"))
        {
            for _ in 0..2 * MISSED {
                std::thread::sleep(every / 2);
                if fs::read_to_string(&path).is_ok_and(|now| now != before) {
                    return Err(in_use(holder));
                }
            }
        }
        let holder = format!("process {} on {machine}", std::process::id());
        write(&mut file, &holder, 0).map_err(|source| Error::io("write", &path, source))?;
        let (end, ended) = mpsc::channel();
        let told = holder.clone();
        let beat = std::thread::Builder::new().name("run-lock".to_owned()).spawn(move || {
            for count in 1.. {
                match ended.recv_timeout(every) {
                    // A beat that cannot be written shows at the next file that training writes, with the reason.
                    Err(RecvTimeoutError::Timeout) => drop(write(&mut file, &told, count)),
                    _ => break,
                }
            }
            // What is left is an empty file, and the lock ends with it.
            let _ = file.set_len(0);
        });
        let beat = beat.map_err(|source| Error::io("lock", &path, source))?;
        Ok(FolderLock { path, holder, end: Some(end), beat: Some(beat) })
    }

    /// An error if another training has taken the folder in the meantime; to be asked before files are written.
    pub(crate) fn check(&self) -> Result<()> {
        // Opened anew: a shared file system then asks its server.
        let now = fs::read_to_string(&self.path).map_err(|source| Error::io("read", &self.path, source))?;
        match now.split_once(BEATS) {
            Some((holder, _)) if holder != self.holder => {
                let folder = self.path.parent().unwrap_or(&self.path);
                Err(Error::of(Kind::RunInUse { path: folder.to_owned(), holder: holder.to_owned() }))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        self.end = None;
        if let Some(beat) = self.beat.take() {
            let _ = beat.join();
        }
    }
}

/// What stands between the holder and the count of its beats.
const BEATS: &str = ", beat ";

fn write(file: &mut File, holder: &str, count: u64) -> std::io::Result<()> {
    let content = format!("{holder}{BEATS}{count}\n");
    file.seek(SeekFrom::Start(0))?;
    file.write_all(content.as_bytes())?;
    file.set_len(content.len() as u64)
}

/// The machine as the lock's file names it: its name, and on Linux what tells this boot of it from all others.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let named = |key: &str| std::env::var(key).ok();
    let name = read("/proc/sys/kernel/hostname").or_else(|| named("HOSTNAME")).or_else(|| named("COMPUTERNAME"));
    let name = name.unwrap_or_else(|| "a machine without a name".to_owned());
    match read("/proc/sys/kernel/random/boot_id") {
        Some(boot) => format!("{name} (boot {boot})"),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_millis(40);

    fn content(folder: &Path) -> String {
        fs::read_to_string(folder.join(LOCK_FILE)).unwrap()
    }

    #[test]
    fn a_second_training_is_refused_and_a_third_after_the_end_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take_as(folder.path(), "here", QUICK).unwrap();
        let refused = FolderLock::take_as(folder.path(), "here", QUICK).err().unwrap();
        assert!(refused.is_run_in_use() && refused.to_string().contains("another process"), "{refused}");
        first.check().unwrap();
        drop(first);
        assert_eq!(content(folder.path()), "");
        FolderLock::take_as(folder.path(), "here", QUICK).unwrap().check().unwrap();
    }

    /// The system's lock stands in the way of a second one here, so another machine is played by its file.
    #[test]
    fn where_locks_do_nothing_a_training_of_another_machine_that_counts_on_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let (end, ended) = mpsc::channel::<()>();
        let mut theirs = File::create(folder.path().join(LOCK_FILE)).unwrap();
        write(&mut theirs, "process 7 on there", 0).unwrap();
        let beating = std::thread::spawn(move || {
            for count in 1.. {
                if ended.recv_timeout(Duration::from_millis(5)) != Err(RecvTimeoutError::Timeout) {
                    break;
                }
                write(&mut theirs, "process 7 on there", count).unwrap();
            }
        });
        let refused = FolderLock::take_as(folder.path(), "here", 10 * QUICK).err().unwrap();
        assert!(refused.is_run_in_use() && refused.to_string().contains("process 7 on there"), "{refused}");
        drop(end);
        beating.join().unwrap();
        // It has ended without a word: after some missed beats the folder is free.
        let taken = FolderLock::take_as(folder.path(), "here", QUICK).unwrap();
        assert!(content(folder.path()).contains("on here"));
        taken.check().unwrap();
    }

    #[test]
    fn what_a_killed_training_of_this_machine_left_is_taken_at_once() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(LOCK_FILE), "process 7 on here, beat 3\n").unwrap();
        let begun = std::time::Instant::now();
        FolderLock::take_as(folder.path(), "here", Duration::from_secs(60)).unwrap();
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn who_lost_the_folder_is_told_before_it_writes() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take_as(folder.path(), "here", Duration::from_secs(60)).unwrap();
        fs::write(folder.path().join(LOCK_FILE), "process 7 on there, beat 0\n").unwrap();
        let lost = held.check().unwrap_err();
        assert!(lost.is_run_in_use() && lost.to_string().contains("process 7 on there"), "{lost}");
    }

    #[test]
    fn the_holder_counts_on() {
        let folder = tempfile::tempdir().unwrap();
        let held = FolderLock::take_as(folder.path(), "here", QUICK).unwrap();
        let before = content(folder.path());
        let patience = std::time::Instant::now();
        while content(folder.path()) == before {
            assert!(patience.elapsed() < Duration::from_secs(20), "no beat");
            std::thread::sleep(QUICK);
        }
        drop(held);
    }
}

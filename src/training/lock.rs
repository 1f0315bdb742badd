//! One training at a time in a run's folder: on one machine by the system's lock, and on a file system that several
//! machines share, where such locks may do nothing, by what the lock's file says.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
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
        FolderLock::take_as(folder, &machine(), BEAT, File::try_lock)
    }

    /// The same on a machine of this name, with this way of locking a file.
    fn take_as(
        folder: &Path,
        machine: &str,
        every: Duration,
        lock: impl Fn(&File) -> std::result::Result<(), TryLockError>,
    ) -> Result<FolderLock> {
        fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))?;
        let path = folder.join(LOCK_FILE);
        let opened = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = opened.map_err(|source| Error::io("write", &path, source))?;
        let in_use = |holder: &str| Error::of(Kind::RunInUse { path: folder.to_owned(), holder: holder.to_owned() });
        let is_locked = match lock(&file) {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => return Err(in_use(ANOTHER)),
            // A file system without locks: what the file says decides alone.
            Err(TryLockError::Error(_)) => false,
        };
        let mut before = String::new();
        // What is no text is none of ours.
        let _ = file.read_to_string(&mut before);
        if let Some(holder) = holder_in(&before)
            // Of a training on this machine the lock has told that it is over.
            && !(is_locked && holder.ends_with(&format!(" on {machine}")))
        {
            for _ in 0..2 * MISSED {
                std::thread::sleep(every / 2);
                let now = fs::read_to_string(&path).unwrap_or_default();
                if let Some(holder) = holder_in(&now).filter(|_| now != before) {
                    return Err(in_use(holder));
                }
            }
        }
        let number = TRAININGS.fetch_add(1, Ordering::Relaxed);
        let holder = format!("training {number} of process {} on {machine}", std::process::id());
        write(&mut file, &holder, 0).map_err(|source| Error::io("write", &path, source))?;
        let (end, ended) = mpsc::channel();
        let (told, at) = (holder.clone(), path.clone());
        let beat = std::thread::Builder::new().name("run-lock".to_owned()).spawn(move || {
            for count in 1.. {
                let goes_on = ended.recv_timeout(every) == Err(RecvTimeoutError::Timeout);
                // Whoever has taken the folder meanwhile, this process having stood still, keeps it.
                if is_held_by_another(&at, &told).is_some() {
                    break;
                }
                if !goes_on {
                    // What is left is an empty file, and the lock ends with it.
                    let _ = file.set_len(0);
                    break;
                }
                // A beat that cannot be written shows at the next file that training writes, with the reason.
                let _ = write(&mut file, &told, count);
            }
        });
        let beat = beat.map_err(|source| Error::io("lock", &path, source))?;
        Ok(FolderLock { path, holder, end: Some(end), beat: Some(beat) })
    }

    /// An error if another training has taken the folder in the meantime; to be asked before files are written.
    pub(crate) fn check(&self) -> Result<()> {
        let folder = self.path.parent().unwrap_or(&self.path);
        match is_held_by_another(&self.path, &self.holder) {
            None => Ok(()),
            Some(Ok(holder)) => Err(Error::of(Kind::RunInUse { path: folder.to_owned(), holder })),
            Some(Err(gone)) => Err(Error::io("read", &self.path, gone)),
        }
    }
}

/// Who trains in the folder, as far as its file tells, which a training that was killed on another machine leaves.
pub(crate) fn holder(folder: &Path) -> Option<String> {
    let content = fs::read_to_string(folder.join(LOCK_FILE)).ok()?;
    let holder = holder_in(&content)?;
    // The lock is not asked: taken for a moment, it would stand in a training's way.
    let processes = Path::new("/proc");
    let process = holder.strip_suffix(&format!(" on {}", machine())).and_then(|holder| holder.rsplit(' ').next());
    let is_over = process.is_some_and(|process| processes.is_dir() && !processes.join(process).exists());
    (!is_over).then(|| holder.to_owned())
}

/// Trainings of this process so far, which tell one from another.
static TRAININGS: AtomicU64 = AtomicU64::new(1);

/// Who holds the folder, where nothing is known of it.
const ANOTHER: &str = "another process";

/// The holder that a lock's file names.
fn holder_in(content: &str) -> Option<&str> {
    content.split_once(BEATS).map(|(holder, _)| holder)
}

/// Who else has the folder, or that it is gone.
fn is_held_by_another(path: &Path, holder: &str) -> Option<std::io::Result<String>> {
    // Opened anew: a shared file system then asks its server.
    match fs::read_to_string(path) {
        Ok(now) => match holder_in(&now) {
            Some(found) if found == holder => None,
            found => Some(Ok(found.unwrap_or(ANOTHER).to_owned())),
        },
        Err(gone) if gone.kind() == ErrorKind::NotFound => Some(Err(gone)),
        // On Windows a locked file can be read by nobody: then it is locked by this one.
        Err(_) => None,
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
    /// Longer than a test takes.
    const LONG: Duration = Duration::from_secs(60);

    type Locked = std::result::Result<(), TryLockError>;

    fn content(folder: &Path) -> String {
        fs::read_to_string(folder.join(LOCK_FILE)).unwrap()
    }

    fn take(folder: &Path, machine: &str, every: Duration) -> Result<FolderLock> {
        FolderLock::take_as(folder, machine, every, File::try_lock)
    }

    #[test]
    fn a_second_training_is_refused_and_a_third_after_the_end_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(folder.path(), "here", QUICK).unwrap();
        let refused = take(folder.path(), "here", QUICK).err().unwrap();
        assert!(refused.is_run_in_use() && refused.to_string().contains("another process"), "{refused}");
        first.check().unwrap();
        drop(first);
        assert_eq!(content(folder.path()), "");
        take(folder.path(), "here", QUICK).unwrap().check().unwrap();
    }

    #[test]
    fn where_locks_do_nothing_a_training_that_counts_on_is_refused_by_name_until_it_ends() {
        let check = |machine: &str, lock: fn(&File) -> Locked| {
            let folder = tempfile::tempdir().unwrap();
            let first = FolderLock::take_as(folder.path(), machine, QUICK / 8, lock).unwrap();
            let refused = FolderLock::take_as(folder.path(), "here", 20 * QUICK, lock).err().unwrap();
            let message = refused.to_string();
            assert!(refused.is_run_in_use() && message.contains(&format!(" on {machine}")), "{message}");
            first.check().unwrap();
            drop(first);
            FolderLock::take_as(folder.path(), "here", LONG, lock).unwrap().check().unwrap();
        };
        check("there", |_| Ok(()));
        check("here", |_| Err(TryLockError::Error(ErrorKind::Unsupported.into())));
    }

    #[test]
    fn what_a_killed_training_left_is_taken_at_once_on_its_machine_and_elsewhere_after_some_missed_beats() {
        let folder = tempfile::tempdir().unwrap();
        let left = "training 1 of process 7 on here, beat 3\n";
        for (machine, every) in [("here", LONG), ("there", QUICK)] {
            fs::write(folder.path().join(LOCK_FILE), left).unwrap();
            let begun = std::time::Instant::now();
            take(folder.path(), machine, every).unwrap().check().unwrap();
            assert!(begun.elapsed() < LONG / 2);
        }
    }

    #[test]
    fn who_lost_the_folder_is_told_before_it_writes_and_leaves_it_to_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path(), "here", LONG).unwrap();
        let theirs = "training 1 of process 7 on there, beat 0\n";
        fs::write(folder.path().join(LOCK_FILE), theirs).unwrap();
        let lost = held.check().unwrap_err();
        assert!(lost.is_run_in_use() && lost.to_string().contains("process 7 on there"), "{lost}");
        drop(held);
        assert_eq!(content(folder.path()), theirs);
    }

    #[test]
    fn the_holder_counts_on_and_is_told_when_the_folder_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path(), "here", QUICK).unwrap();
        let before = content(folder.path());
        let patience = std::time::Instant::now();
        while content(folder.path()) == before {
            assert!(patience.elapsed() < LONG, "no beat");
            std::thread::sleep(QUICK);
        }
        fs::remove_dir_all(folder.path()).unwrap();
        assert!(held.check().unwrap_err().is_missing_file());
    }
}

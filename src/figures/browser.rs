//! The system's Chromium, which draws what a page shows.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// The variable that names the browser, before all others.
const VARIABLE: &str = "MATURATION_CHROMIUM";
/// Programs that are looked for, in this order.
const PROGRAMS: [&str; 9] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
];
/// Nothing is asked of the network, no window is opened, and nobody is asked anything.
const ARGUMENTS: [&str; 9] = [
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    // Timers run ahead, so that a page is done when this much of its own time has passed.
    "--virtual-time-budget=10000",
];
/// How long a page may take.
const TIME_LIMIT: Duration = Duration::from_secs(30);
const WITHOUT: &str = "A page (.html) always works, and the camera button there saves a picture";

/// A browser that draws one page at a time.
#[derive(Debug)]
pub(super) struct Browser {
    programs: Vec<OsString>,
    time_limit: Duration,
}

impl Browser {
    /// The one that the variable names, or else the first that there is.
    pub(super) fn of_system() -> Browser {
        let named = std::env::var_os(VARIABLE).filter(|name| !name.is_empty());
        let programs = named.map_or_else(|| PROGRAMS.map(OsString::from).to_vec(), |name| vec![name]);
        Browser { programs, time_limit: TIME_LIMIT }
    }

    /// Opens a page in a folder of its own and gives what the browser wrote to its output, and to the file that
    /// `arguments`, told the folder, may ask for.
    pub(super) fn open(
        &self,
        page: &str,
        arguments: impl Fn(&Path) -> Vec<OsString>,
        read: impl Fn(&Path) -> PathBuf,
    ) -> Result<Vec<u8>> {
        let folder = Folder::new()?;
        let path = |name: &str| folder.0.join(name);
        fs::write(path("page.html"), page).map_err(|source| Error::io("write", &path("page.html"), source))?;
        let mut running = self.start(&folder.0, &arguments(&folder.0))?;
        let ended = running.wait(self.time_limit);
        drop(running);
        if !ended {
            let problem = format!("the browser was not done after {} s and was stopped", self.time_limit.as_secs_f64());
            return Err(Error::picture(problem, format!("Try again when the computer is less busy. {WITHOUT}")));
        }
        let result = read(&folder.0);
        fs::read(&result).map_err(|_| Error::picture(complaint(&path("errors")), WITHOUT.to_owned()))
    }

    /// Starts the first of the programs that there is.
    fn start(&self, folder: &Path, arguments: &[OsString]) -> Result<Running> {
        let file = |name: &str| {
            let path = folder.join(name);
            File::create(&path).map_err(|source| Error::io("write", &path, source))
        };
        for program in &self.programs {
            let mut command = Command::new(program);
            command.args(ARGUMENTS).args(arguments).arg(with("--user-data-dir=", &folder.join("browser")));
            if is_root() {
                // Chromium refuses to run as root otherwise; the page is our own.
                command.arg("--no-sandbox");
            }
            command.arg(folder.join("page.html"));
            // What it keeps of crashes and settings would stand in the home folder.
            command.env("XDG_CONFIG_HOME", folder).env("XDG_CACHE_HOME", folder);
            command.stdin(Stdio::null()).stdout(file("output")?).stderr(file("errors")?);
            #[cfg(unix)]
            std::os::unix::process::CommandExt::process_group(&mut command, 0);
            match command.spawn() {
                Ok(child) => return Ok(Running(child)),
                Err(problem) if matches!(problem.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
                Err(problem) => {
                    let what = format!("`{}` cannot be started ({problem})", Path::new(program).display());
                    return Err(Error::picture(what, format!("Set {VARIABLE} to another browser. {WITHOUT}")));
                }
            }
        }
        let what = match &self.programs[..] {
            [only] => format!("there is no browser `{}`", Path::new(only).display()),
            _ => "that takes Chromium or Chrome, and neither is on the path".to_owned(),
        };
        let remedy = format!("Install Chromium or Chrome, or set {VARIABLE} to where it is. {WITHOUT}");
        Err(Error::picture(what, remedy))
    }
}

/// An argument with a path behind it.
pub(super) fn with(argument: &str, path: &Path) -> OsString {
    let mut whole = OsString::from(argument);
    whole.push(path);
    whole
}

/// A browser at work. Whatever it started ends with it.
struct Running(Child);

impl Running {
    /// Whether it ended by itself in time.
    fn wait(&mut self, limit: Duration) -> bool {
        let begin = Instant::now();
        while begin.elapsed() < limit {
            match self.0.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(20)),
                Ok(Some(_)) => return true,
                Err(_) => return false,
            }
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its helpers are in its process group, and the shell of any Unix can end a group.
        #[cfg(unix)]
        let _ = Command::new("sh")
            .args(["-c", "kill -s KILL -- \"-$1\"", "sh", &self.0.id().to_string()])
            .stderr(Stdio::null())
            .status();
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The last line of what the browser complained of, but for the desktop's message bus, which no picture needs.
fn complaint(errors: &Path) -> String {
    let text = fs::read(errors).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty() && !line.contains("dbus"));
    line.map_or_else(
        || "the browser gave no picture".to_owned(),
        |line| format!("the browser gave no picture ({line})"),
    )
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// A folder that nobody else can read, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let since = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        let path = std::env::temp_dir().join(format!("maturation-{}-{number}-{since}", std::process::id()));
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(|source| Error::io("create", &path, source))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Left-overs in the system's place for them are the lesser trouble.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn browser(program: impl Into<OsString>) -> Browser {
        Browser { programs: vec![program.into()], time_limit: Duration::from_secs(3) }
    }

    fn open(browser: &Browser) -> Result<Vec<u8>> {
        browser.open("<p>", |_| vec![], |folder| folder.join("output"))
    }

    #[test]
    fn without_a_browser_the_message_says_what_to_do() {
        let message = open(&browser("no-such-browser")).unwrap_err().to_string();
        for word in ["no-such-browser", "Install Chromium", "MATURATION_CHROMIUM", ".html"] {
            assert!(message.contains(word), "{word}: {message}");
        }
        let none = Browser { programs: vec!["no-browser".into(), "nor-this".into()], time_limit: TIME_LIMIT };
        assert!(open(&none).unwrap_err().to_string().contains("on the path"));
    }

    #[cfg(unix)]
    #[test]
    fn a_browser_that_hangs_is_stopped_with_all_that_it_started_and_its_folder_removed() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let (script, facts) = (here.path().join("browser"), here.path().join("facts"));
        let text = format!(
            "#!/bin/sh\nfor each; do page=$each; done\nsleep 60 & echo \"$! $page\" > '{}'\nwait\n",
            facts.display()
        );
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let message = open(&browser(&script)).unwrap_err().to_string();
        assert!(message.contains("after 3 s") && message.contains("stopped"), "{message}");
        let facts = fs::read_to_string(facts).unwrap();
        let (process, page) = facts.trim().split_once(' ').unwrap();
        assert!(page.ends_with("page.html") && !Path::new(page).parent().unwrap().exists(), "{page}");
        let alive = || {
            let state = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
            !state.is_empty() && !state.contains(") Z ")
        };
        let begin = Instant::now();
        while alive() && begin.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!alive());
    }

    #[cfg(unix)]
    #[test]
    fn what_the_browser_complains_of_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let here = tempfile::tempdir().unwrap();
        let script = here.path().join("browser");
        fs::write(&script, "#!/bin/sh\necho 'no usable sandbox' >&2\necho 'dbus: no bus' >&2\nexit 1\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        let found = browser(&script).open("<p>", |_| vec![], |folder| folder.join("picture.pdf"));
        let message = found.unwrap_err().to_string();
        assert!(message.contains("(no usable sandbox)"), "{message}");
    }
}

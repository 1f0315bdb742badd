//! How far the compilation of many crates is.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How often there is a word of it.
const INTERVAL: Duration = Duration::from_secs(10);

/// Runs cargo and hands on what it says to standard error, as [`run_and_tell`] does.
pub fn run(cargo: Command, total: usize) -> std::io::Result<(ExitStatus, String)> {
    run_and_tell(cargo, total, |_| (), |line| eprintln!("{line}"))
}

/// Runs cargo and hands on what it says on standard error, but of the crates that it compiles only a line every few
/// seconds. Gives how it ended, and what it said on standard output. `started` is told the number of its process.
pub fn run_and_tell(
    mut cargo: Command,
    total: usize,
    started: impl FnOnce(u32),
    say: impl Fn(&str),
) -> std::io::Result<(ExitStatus, String)> {
    let mut child = cargo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    started(child.id());
    let mut count = Count::new(total);
    let stdout = child.stdout.take();
    let answer = std::thread::spawn(move || {
        let mut text = Vec::new();
        let read = stdout.map(|mut stdout| stdout.read_to_end(&mut text));
        read.transpose().map(|_| String::from_utf8_lossy(&text).into_owned())
    });
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some(line) = count.line(&line, Instant::now()) {
                say(&line);
            }
        }
    }
    let status = child.wait()?;
    Ok((status, answer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?))
}

struct Count {
    total: usize,
    begun: usize,
    first: Instant,
    shown: Option<Instant>,
}

impl Count {
    fn new(total: usize) -> Count {
        Count { total, begun: 0, first: Instant::now(), shown: None }
    }

    /// What to show of a line that cargo wrote now.
    fn line(&mut self, line: &str, now: Instant) -> Option<String> {
        let Some(name) = compiled(line) else { return Some(line.to_owned()) };
        self.begun += 1;
        if self.shown.is_some_and(|shown| now.duration_since(shown) < INTERVAL) {
            return None;
        }
        self.shown = Some(now);
        let seconds = now.duration_since(self.first).as_secs();
        let of = if self.total >= self.begun { format!(" of about {}", self.total) } else { String::new() };
        Some(format!("   Compiling crate {}{of}, {name} ({} min {:02} s)", self.begun, seconds / 60, seconds % 60))
    }
}

/// The crate that a line of cargo says is being compiled, unless it is evcxr's own.
fn compiled(line: &str) -> Option<&str> {
    let name = line.trim_start().strip_prefix("Compiling ")?.split(' ').next()?;
    (name != "ctx").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_every_few_seconds_says_how_far_it_is() {
        let mut count = Count::new(3);
        let begin = count.first;
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert_eq!(
            count.line("   Compiling serde v1.0.0", at(0)).unwrap(),
            "   Compiling crate 1 of about 3, serde (0 min 00 s)"
        );
        assert_eq!(count.line("   Compiling rayon v1.0.0", at(9)), None);
        assert_eq!(
            count.line("   Compiling polars v0.55.0", at(75)).unwrap(),
            "   Compiling crate 3 of about 3, polars (1 min 15 s)"
        );
        assert_eq!(count.line("error: no room", at(76)).unwrap(), "error: no room");
        assert_eq!(count.line("   Compiling ctx v1.0.0 (/x)", at(90)).unwrap(), "   Compiling ctx v1.0.0 (/x)");
        assert!(
            count.line("   Compiling one_more v1.0.0", at(99)).unwrap().starts_with("   Compiling crate 4, one_more")
        );
    }

    #[test]
    fn what_cargo_says_and_how_it_ends_is_handed_on() {
        let mut failing = Command::new("sh");
        failing.args(["-c", "echo '   Compiling a v1' >&2; echo said; exit 3"]);
        let (status, answer) = run(failing, 1).unwrap();
        assert_eq!((status.code(), answer.as_str()), (Some(3), "said\n"));
    }
}

//! What cells print, on its way to the notebook: in few messages, never more than a notebook can show, and without the
//! words and records that are for the kernel.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use evcxr::EvalContextOutputs;

use crate::marks::{CLOSE, ENDED, FAILED, FIELD, OPEN, PANIC, PANICKED, PARTIAL, QUESTION, WORD};

/// How often there is a message, at the most.
const INTERVAL: Duration = Duration::from_millis(50);

/// How many lines and how many bytes of a cell are shown; of what comes then, the last lines.
const LINES: usize = 2000;
const BYTES: usize = 1 << 20;
const LAST_LINES: usize = 20;

/// evcxr says so of a variable whose type was defined anew.
const LOST: (&str, &str) = ("The type of the variable ", " was redefined, so was lost.");

/// Where something is printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

impl Stream {
    /// Jupyter's name for it.
    pub fn name(self) -> &'static str {
        match self {
            Stream::Output => "stdout",
            Stream::Errors => "stderr",
        }
    }
}

/// A panic.
#[derive(Clone, Debug, PartialEq)]
pub struct Panic {
    /// The name of the thread, empty if it has none.
    pub thread: String,
    /// The file, as the compiler was given it.
    pub file: String,
    /// The line in the file.
    pub line: usize,
    /// What it says.
    pub message: String,
}

/// What a cell told the kernel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Whether it ended by a panic.
    pub panicked: bool,
    /// Whether it ended by an error that left through `?`.
    pub failed: bool,
    /// All panics, on whatever thread.
    pub panics: Vec<Panic>,
    /// Errors that left through `?`: the line in evcxr's source, and the message.
    pub errors: Vec<(usize, String)>,
    /// Variables that are lost because their type was defined anew.
    pub lost: Vec<String>,
}

/// Shows what cells print.
pub struct Console {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    /// Shows text in the notebook.
    show: Show,
}

type Show = Box<dyn Fn(Stream, &str) + Send + Sync>;

#[derive(Default)]
struct State {
    /// What is to be shown next.
    pending: VecDeque<(Stream, String)>,
    /// A record whose end has not come, or an empty line, which a record may follow.
    open: String,
    lines: usize,
    bytes: usize,
    /// How many lines were left out, and the last of them.
    left_out: usize,
    last: VecDeque<(Stream, String)>,
    ended: bool,
    told: Told,
}

impl Console {
    /// Shows by `show` all that arrives.
    pub fn new(outputs: EvalContextOutputs, show: impl Fn(Stream, &str) + Send + Sync + 'static) -> Console {
        let console = Console::showing(show);
        for (receiver, stream) in [(outputs.stdout, Stream::Output), (outputs.stderr, Stream::Errors)] {
            let shared = console.shared.clone();
            std::thread::spawn(move || receiver.iter().for_each(|line| shared.take(stream, &line)));
        }
        console
    }

    fn showing(show: impl Fn(Stream, &str) + Send + Sync + 'static) -> Console {
        let shared = Arc::new(Shared { state: Mutex::default(), changed: Condvar::new(), show: Box::new(show) });
        let weak = Arc::downgrade(&shared);
        std::thread::spawn(move || {
            while let Some(shared) = weak.upgrade() {
                shared.show_pending();
                drop(shared);
                std::thread::sleep(INTERVAL);
            }
        });
        Console { shared }
    }

    /// A cell begins.
    pub fn begin(&self) {
        let mut state = self.shared.lock();
        let pending = std::mem::take(&mut state.pending);
        *state = State { pending, ..State::default() };
    }

    /// Shows a text of the kernel's own.
    pub fn say(&self, stream: Stream, text: &str) {
        self.shared.lock().pending.push_back((stream, text.to_owned()));
    }

    /// A cell has ended: shows all that it printed, and gives what it told the kernel. With `ran`, waits until the last
    /// of it has come.
    pub fn end(&self, ran: bool) -> Told {
        // evcxr has waited until all lines of standard output were taken; the last may not be at its place yet.
        std::thread::sleep(Duration::from_millis(1));
        let until = Instant::now() + Duration::from_secs(if ran { 2 } else { 0 });
        let mut state = self.shared.lock();
        while ran && !state.ended {
            let Some(left) = until.checked_duration_since(Instant::now()) else { break };
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.left_out > 0 {
            let shown = state.last.len();
            let words = match state.left_out - shown {
                0 => String::new(),
                hidden => format!("… {hidden} lines are not shown …\n"),
            };
            state.pending.push_back((Stream::Output, words));
            let last = std::mem::take(&mut state.last);
            state.pending.extend(last);
        }
        let told = std::mem::take(&mut state.told);
        drop(state);
        self.shared.show_pending();
        told
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn show_pending(&self) {
        let mut state = self.lock();
        let mut pending = std::mem::take(&mut state.pending).into_iter().peekable();
        while let Some((stream, mut text)) = pending.next() {
            while let Some((_, more)) = pending.next_if(|(next, _)| *next == stream) {
                text.push_str(&more);
            }
            if !text.is_empty() {
                (self.show)(stream, &text);
            }
        }
    }

    /// A line has come.
    fn take(&self, stream: Stream, line: &str) {
        let mut state = self.lock();
        match line.strip_prefix(WORD) {
            Some(ENDED) => {
                state.ended = true;
                self.changed.notify_all();
            }
            Some(PANICKED) => state.told.panicked = true,
            Some(FAILED) => state.told.failed = true,
            _ if stream == Stream::Errors => state.error_line(line),
            _ => state.print(stream, line),
        }
    }
}

impl State {
    fn error_line(&mut self, line: &str) {
        if !self.open.is_empty() {
            self.open.push('\n');
            self.open.push_str(line);
        } else if let Some((printed, record)) = line.split_once(OPEN) {
            if !printed.is_empty() {
                self.print(Stream::Errors, &format!("{printed}{PARTIAL}"));
            }
            record.clone_into(&mut self.open);
        } else if let Some(name) = line.strip_prefix(LOST.0).and_then(|rest| rest.strip_suffix(LOST.1)) {
            self.told.lost.push(name.to_owned());
        } else {
            self.print(Stream::Errors, line);
        }
        if let Some((record, rest)) = self.open.clone().split_once(CLOSE) {
            self.open.clear();
            self.record(record);
            if !rest.is_empty() {
                self.error_line(rest);
            }
        }
    }

    fn record(&mut self, record: &str) {
        let fields: Vec<&str> = record.splitn(4, FIELD).collect();
        match fields[..] {
            [PANIC, thread, place, message] => {
                let (file, line) = place.rsplit_once(':').unwrap_or((place, ""));
                let line = line.parse().unwrap_or(0);
                let [thread, file, message] = [thread, file, message].map(str::to_owned);
                self.told.panics.push(Panic { thread, file, line, message });
            }
            [QUESTION, line, message] => {
                self.told.errors.push((line.parse().unwrap_or(0), message.trim_end().to_owned()));
            }
            [QUESTION, line, first, rest] => {
                self.told.errors.push((line.parse().unwrap_or(0), format!("{first}{rest}")));
            }
            _ => self.print(Stream::Errors, record),
        }
    }

    fn print(&mut self, stream: Stream, line: &str) {
        let text = line.strip_suffix(PARTIAL).map_or_else(|| format!("{line}\n"), str::to_owned);
        self.lines += 1;
        self.bytes += text.len();
        if self.lines <= LINES && self.bytes <= BYTES {
            return self.pending.push_back((stream, text));
        }
        self.left_out += 1;
        self.last.push_back((stream, text));
        if self.last.len() > LAST_LINES {
            self.last.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Shown = Arc<Mutex<Vec<(Stream, String)>>>;

    fn console() -> (Console, Shown) {
        let shown = Shown::default();
        let kept = shown.clone();
        let console = Console::showing(move |stream, text| kept.lock().unwrap().push((stream, text.to_owned())));
        console.begin();
        (console, shown)
    }

    fn ended(console: &Console) -> Told {
        console.shared.take(Stream::Errors, &crate::marks::word(ENDED));
        console.end(true)
    }

    fn all(shown: &Shown) -> String {
        shown.lock().unwrap().iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn lines_and_parts_of_lines_are_shown_as_they_were_printed() {
        let (console, shown) = console();
        console.shared.take(Stream::Output, &format!("50 %{PARTIAL}"));
        console.shared.take(Stream::Output, &format!("\r60 %{PARTIAL}"));
        console.shared.take(Stream::Output, "");
        console.shared.take(Stream::Errors, "careful");
        assert_eq!(ended(&console), Told::default());
        let shown = shown.lock().unwrap();
        let output: String =
            shown.iter().filter(|(stream, _)| *stream == Stream::Output).map(|(_, text)| &**text).collect();
        assert_eq!(output, "50 %\r60 %\n");
        assert_eq!(shown.last().unwrap(), &(Stream::Errors, "careful\n".to_owned()));
    }

    #[test]
    fn a_flood_is_cut_and_its_last_lines_are_shown() {
        let (console, shown) = console();
        for number in 0..100_000 {
            console.shared.take(Stream::Output, &format!("line {number}"));
        }
        ended(&console);
        let all = all(&shown);
        assert_eq!(all.lines().count(), LINES + 1 + LAST_LINES);
        assert!(all.contains("… 97980 lines are not shown …") && all.ends_with("line 99999\n"));
        assert!(shown.lock().unwrap().len() < 200);
    }

    #[test]
    fn records_are_not_shown_but_told() {
        let (console, shown) = console();
        console.shared.take(Stream::Errors, "before");
        let panic = format!("{OPEN}{PANIC}{FIELD}main{FIELD}src/lib.rs:57{FIELD}index out of bounds:{CLOSE}");
        console.shared.take(Stream::Errors, &panic);
        let (first, second) = (format!("{OPEN}{QUESTION}{FIELD}41{FIELD}no file"), format!("with this name{CLOSE}"));
        console.shared.take(Stream::Errors, &first);
        console.shared.take(Stream::Errors, &second);
        console.shared.take(Stream::Errors, "The type of the variable p was redefined, so was lost.");
        console.shared.take(Stream::Errors, &crate::marks::word(PANICKED));
        let told = ended(&console);
        assert_eq!(all(&shown), "before\n");
        assert!(told.panicked && !told.failed);
        let (thread, file, message) = ("main".to_owned(), "src/lib.rs".to_owned(), "index out of bounds:".to_owned());
        assert_eq!(told.panics, [Panic { thread, file, line: 57, message }]);
        assert_eq!(told.errors, [(41, "no file\nwith this name".to_owned())]);
        assert_eq!(told.lost, ["p"]);
    }
}

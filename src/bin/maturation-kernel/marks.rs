//! How the process that runs the cells tells the kernel more than evcxr lets through: characters that no text has, from
//! Unicode's area for private use.

/// At the end of a line: nothing was printed after this, so there is no end of line either.
pub const PARTIAL: char = '\u{F8E0}';

/// Before one of the words below, which are lines of their own.
pub const WORD: char = '\u{F8E1}';

/// The cell has ended, and everything that it wrote to standard error stands before this.
pub const ENDED: &str = "ended";

/// The cell panicked.
pub const PANICKED: &str = "panicked";

/// An error left the cell through `?`.
pub const FAILED: &str = "failed";

/// Before a record: its kind, its fields and its text, with [`FIELD`] between them and [`CLOSE`] behind.
pub const OPEN: char = '\u{F8E2}';

/// Between the parts of a record.
pub const FIELD: char = '\u{F8E3}';

/// Behind a record.
pub const CLOSE: char = '\u{F8E4}';

/// A record of a panic: the thread's name, the place as FILE:LINE, the message.
pub const PANIC: &str = "panic";

/// A record of an error that left through `?`: the line in evcxr's source, the message.
pub const QUESTION: &str = "question";

/// A line that says a word.
pub fn word(word: &str) -> String {
    format!("{WORD}{word}")
}

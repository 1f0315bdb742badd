//! What the cells print, on its way from the process that runs them to evcxr, which reads whole lines. The kernel is
//! told by standard error: evcxr waits until someone has read what was printed, which nobody does while it starts.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::marks::{ENDED, FAILED, PANICKED, PARTIAL, word};

/// How long the beginning of a line waits for its end.
const PATIENCE: Duration = Duration::from_millis(100);

/// Lines by which evcxr's own code speaks to it; what a cell has printed without an end of line stands before them.
const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
const ERROR: &str = "EVCXR_ERROR_OCCURRED";
const CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
const CONTENT_END: &str = "EVCXR_END_CONTENT";

/// Hands on what is read to evcxr, until there is no more. Some words go to standard error too.
pub fn forward(source: impl Read + Send + 'static, evcxr: impl Write, errors: impl Write) {
    let (sender, receiver) = channel();
    std::thread::spawn(move || read(source, |bytes| sender.send(bytes).is_ok()));
    Forwarder { evcxr, errors, rest: Vec::new(), is_content: false }.run(&receiver);
}

fn read(mut source: impl Read, mut take: impl FnMut(Vec<u8>) -> bool) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count) = source.read(&mut bytes) {
        if count == 0 || !take(bytes[..count].to_vec()) {
            return;
        }
    }
}

struct Forwarder<Evcxr, Errors> {
    evcxr: Evcxr,
    errors: Errors,
    /// The beginning of a line.
    rest: Vec<u8>,
    /// Whether this is between the lines that enclose rich content.
    is_content: bool,
}

impl<Evcxr: Write, Errors: Write> Forwarder<Evcxr, Errors> {
    fn run(&mut self, receiver: &Receiver<Vec<u8>>) {
        loop {
            match receiver.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Timeout) => self.give_beginning(),
                Err(RecvTimeoutError::Disconnected) => return self.give_beginning(),
            }
            // Where evcxr has gone, so has the reader.
            let _ = self.evcxr.flush();
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let whole = self.rest.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
        let rest = self.rest.split_off(whole);
        for line in std::mem::replace(&mut self.rest, rest).split_inclusive(|&byte| byte == b'\n') {
            // evcxr would stop at a line that is not Unicode.
            self.line(String::from_utf8_lossy(line).trim_end_matches('\n'));
        }
    }

    fn line(&mut self, line: &str) {
        if self.is_content {
            self.is_content = line != CONTENT_END && line != PANIC;
            if line == PANIC {
                self.say(PANICKED);
            }
            return self.give(line);
        }
        let own = [COMPLETE, PANIC, ERROR].into_iter().find(|own| line.ends_with(own));
        let own = own.map(|own| line.len() - own.len()).or_else(|| line.find(CONTENT));
        let (printed, own) = line.split_at(own.unwrap_or(line.len()));
        if own.is_empty() {
            return self.give(line);
        }
        if !printed.is_empty() {
            self.give(&format!("{printed}{PARTIAL}"));
        }
        match own {
            COMPLETE => self.say(ENDED),
            PANIC => self.say(PANICKED),
            ERROR => self.say(FAILED),
            _ => self.is_content = true,
        }
        self.give(own);
    }

    /// Hands on the beginning of a line, whose end does not come.
    fn give_beginning(&mut self) {
        // A letter may still be incomplete, or it is evcxr's own line.
        let is_own = self.rest.starts_with(b"EVCXR_");
        if self.rest.is_empty() || self.is_content || is_own || std::str::from_utf8(&self.rest).is_err() {
            return;
        }
        let printed = String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned();
        self.give(&format!("{printed}{PARTIAL}"));
    }

    /// Tells the kernel a word, behind all that the cell has written to standard error so far.
    fn say(&mut self, said: &str) {
        let _ = writeln!(self.errors, "{}", word(said));
    }

    fn give(&mut self, line: &str) {
        let _ = writeln!(self.evcxr, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(pieces: &[&str]) -> (String, String) {
        let (mut evcxr, mut errors) = (Vec::new(), Vec::new());
        let mut forwarder = Forwarder { evcxr: &mut evcxr, errors: &mut errors, rest: Vec::new(), is_content: false };
        for piece in pieces {
            forwarder.take(piece.as_bytes());
            if piece.is_empty() {
                forwarder.give_beginning();
            }
        }
        (String::from_utf8(evcxr).unwrap(), String::from_utf8(errors).unwrap())
    }

    #[test]
    fn lines_are_handed_on_as_they_are() {
        let (evcxr, errors) = forwarded(&["one\ntw", "o\nEVCXR_EXECUTION_COMPLETE\n"]);
        assert_eq!(evcxr, "one\ntwo\nEVCXR_EXECUTION_COMPLETE\n");
        assert_eq!(errors, format!("{}\n", word(ENDED)));
    }

    #[test]
    fn what_was_printed_without_an_end_of_line_does_not_hide_evcxrs_own_lines() {
        let (evcxr, _) = forwarded(&["abcEVCXR_EXECUTION_COMPLETE\n"]);
        assert!(evcxr.starts_with(&format!("abc{PARTIAL}\n")) && evcxr.ends_with("\nEVCXR_EXECUTION_COMPLETE\n"));
        let content = "EVCXR_BEGIN_CONTENT text/html\nxEVCXR_EXECUTION_COMPLETE\nEVCXR_END_CONTENT\n";
        assert_eq!(forwarded(&["50 %", content]).0, format!("50 %{PARTIAL}\n{content}"));
        let (evcxr, errors) = forwarded(&["xEVCXR_PANIC_NOTIFICATION\n", "EVCXR_ERROR_OCCURRED\n"]);
        assert_eq!(evcxr, format!("x{PARTIAL}\nEVCXR_PANIC_NOTIFICATION\nEVCXR_ERROR_OCCURRED\n"));
        assert_eq!(errors, format!("{}\n{}\n", word(PANICKED), word(FAILED)));
    }

    #[test]
    fn the_beginning_of_a_line_is_handed_on_when_its_end_does_not_come() {
        assert_eq!(forwarded(&["50 %", "", "\r60 %", ""]).0, format!("50 %{PARTIAL}\n\r60 %{PARTIAL}\n"));
        assert_eq!(forwarded(&["EVCXR_BEGIN", ""]).0, "");
        assert_eq!(forwarded(&["EVCXR_BEGIN_CONTENT text/plain\nlong", ""]).0, "EVCXR_BEGIN_CONTENT text/plain\n");
    }
}

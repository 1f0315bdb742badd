//! How errors are told in a notebook.

use evcxr::{CompilationError, Error};

use crate::console::{Panic, Told};
use crate::source::line_of_cell;

/// Why a cell failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    /// The kind of failure, in a word.
    pub name: &'static str,
    /// What is wrong, in a line.
    pub value: String,
    /// Everything that there is to say, with colours for a terminal.
    pub text: String,
}

const RED: &str = "\x1b[1;31m";
const BLUE: &str = "\x1b[34m";
const PLAIN: &str = "\x1b[0m";

/// The words of an error of evcxr's.
pub fn of_evcxr(error: &Error) -> Failure {
    match error {
        Error::CompilationErrors(errors) => of_compiler(errors),
        Error::SubprocessTerminated(reason) => ended(reason),
        other => of_words(&other.to_string()),
    }
}

/// A failure that a text says everything of.
pub fn of_words(words: &str) -> Failure {
    let untyped = words.strip_prefix("Couldn't automatically determine type of variable `");
    let words = match untyped.and_then(|rest| rest.split_once('`')) {
        Some((name, _)) => {
            format!("the type of the variable `{name}` could not be found: write it, as in `let {name}: Vec<f64> = …`")
        }
        None => words.trim().to_owned(),
    };
    let value = words.lines().next().unwrap_or_default().to_owned();
    Failure { name: "Error", value, text: format!("{RED}error{PLAIN}: {words}") }
}

/// A cell that was interrupted before it ran.
pub fn of_interrupt() -> Failure {
    let value = "interrupted before the cell ran; nothing has changed".to_owned();
    Failure { name: "Interrupted", text: format!("{RED}{value}{PLAIN}"), value }
}

/// What a cell says that has ended by a panic or by an error that left through `?`.
pub fn of_cell(told: &Told, source: &str, cell: &str) -> Option<Failure> {
    let (name, value, place) = if told.panicked {
        // Other threads' panics come first, and the one that ends the cell passes them on.
        let panic = told.panics.iter().find(|panic| panic.thread != "main").or(told.panics.last());
        let place = panic.and_then(|panic| place(panic, source, cell));
        ("Panic", panic.map_or("the cell panicked".to_owned(), |panic| panic.message.clone()), place)
    } else if told.failed {
        let (line, words) = told.errors.last()?;
        ("Error", words.clone(), line_of_cell(source, *line, cell).map(shown_line))
    } else {
        return None;
    };
    let title = if told.panicked { "panic" } else { "error" };
    let text = [Some(format!("{RED}{title}{PLAIN}: {value}")), place].into_iter().flatten().collect::<Vec<_>>();
    Some(Failure { name, value, text: text.join("\n") })
}

/// Where a panic came from: the cell's line, or a crate's file.
fn place(panic: &Panic, source: &str, cell: &str) -> Option<String> {
    if panic.file.ends_with("src/lib.rs") && !panic.file.starts_with('/') {
        return line_of_cell(source, panic.line, cell).map(shown_line);
    }
    let parts: Vec<&str> = panic.file.split('/').collect();
    let within = parts.iter().rposition(|part| *part == "src").map_or(0, |place| place.saturating_sub(1));
    Some(format!("  {BLUE}in{PLAIN} {}, line {}", parts[within..].join("/"), panic.line))
}

fn shown_line((number, text): (usize, &str)) -> String {
    format!("  {BLUE}line {number}:{PLAIN} {text}")
}

/// The process that runs the cells has ended.
fn ended(reason: &str) -> Failure {
    let reason = reason.lines().last().unwrap_or_default().trim();
    let reason = reason.strip_prefix("Subprocess terminated with status: ").unwrap_or(reason);
    let value = format!("the process that runs the cells has ended ({reason}), and all variables are lost");
    let text = format!("{RED}error{PLAIN}: {value}. Run the notebook from its first cell.");
    Failure { name: "Ended", value, text }
}

/// What the compiler says: its errors, without warnings.
fn of_compiler(errors: &[CompilationError]) -> Failure {
    let is_error = |error: &&CompilationError| error.level() == "error" || error.level().is_empty();
    let mut chosen: Vec<&CompilationError> = errors.iter().filter(is_error).collect();
    if chosen.is_empty() {
        chosen = errors.iter().collect();
    }
    let value = chosen.first().map_or("the cell could not be compiled".to_owned(), |error| error.message());
    let texts: Vec<String> = chosen.iter().map(|error| of_diagnostic(error)).collect();
    Failure { name: "Error", value, text: texts.join("\n\n") }
}

fn of_diagnostic(error: &CompilationError) -> String {
    let code = error.code().map_or(String::new(), |code| format!("[{code}]"));
    let mut text = format!("{RED}error{code}{PLAIN}: {}", error.message());
    let mut shown = Vec::new();
    for message in error.spanned_messages() {
        let Some(span) = &message.span else { continue };
        let key = (span.start_line, span.start_column, message.label.clone());
        if shown.contains(&key) {
            continue;
        }
        shown.push(key);
        let several = span.end_line > span.start_line;
        let number = span.start_line.to_string();
        let first = message.lines.first().map_or("", |line| line.as_str());
        let end = if several { first.chars().count() + 1 } else { span.end_column };
        let width = end.saturating_sub(span.start_column).max(1);
        let is_said = message.label.trim_start_matches("error: ") == error.message();
        let label = if is_said { "" } else { &message.label };
        let margin = " ".repeat(number.len());
        let indent = " ".repeat(span.start_column.saturating_sub(1));
        text += &format!("\n  {BLUE}line {number} |{PLAIN} {first}");
        text += &format!("\n       {margin} {BLUE}|{PLAIN} {indent}{RED}{}{PLAIN} {label}", "^".repeat(width));
    }
    for help in error.help() {
        text += &format!("\n  {BLUE}help:{PLAIN} {}", help.trim_end().replace('\n', "\n    "));
    }
    if let Some(hint) = hint(error) {
        text += &format!("\n  {BLUE}note:{PLAIN} {hint}");
    }
    text
}

/// What is special to notebooks.
fn hint(error: &CompilationError) -> Option<&'static str> {
    match error.code()? {
        "E0384" | "E0596" => Some("a variable of an earlier cell becomes mutable by `let mut x = x;`"),
        "E0597" | "E0515" => Some("a variable that is kept for other cells cannot borrow from one that is not"),
        _ => None,
    }
}

/// Adds that variables are gone.
pub fn with_lost(mut failure: Failure, lost: &[String]) -> Failure {
    let [first, ..] = lost else { return failure };
    let names: Vec<String> = lost.iter().map(|name| format!("`{name}`")).collect();
    let (are, them) = if lost.len() == 1 { ("is", "it") } else { ("are", "them") };
    failure.text += &format!(
        "\n{} {are} gone, since this cell took {them} or defined {them} anew and did not get to its end: run the cell \
         that makes {} again.",
        names.join(", "),
        if lost.len() == 1 { format!("`{first}`") } else { them.to_owned() },
    );
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "use x;\npub extern \"C\" fn run_user_code_1(\nlet a = v[7];\n";

    fn told(file: &str, thread: &str) -> Told {
        let (thread, file, message) = (thread.to_owned(), file.to_owned(), "index out of bounds".to_owned());
        Told { panicked: true, panics: vec![Panic { thread, file, line: 3, message }], ..Told::default() }
    }

    #[test]
    fn a_panic_is_its_message_and_the_cells_line() {
        let failure = of_cell(&told("src/lib.rs", "main"), SOURCE, "\nlet a = v[7];").unwrap();
        assert_eq!((failure.name, failure.value.as_str()), ("Panic", "index out of bounds"));
        assert!(failure.text.contains("line 2:") && failure.text.ends_with("let a = v[7];"), "{}", failure.text);
        let failure = of_cell(&told("/r/polars-core-0.55.2/src/frame/mod.rs", "main"), SOURCE, "f()").unwrap();
        assert!(failure.text.ends_with(" polars-core-0.55.2/src/frame/mod.rs, line 3"), "{}", failure.text);
        assert_eq!(of_cell(&Told::default(), SOURCE, ""), None);
    }

    #[test]
    fn a_failed_question_mark_is_its_message_and_the_cells_line() {
        let told = Told { failed: true, errors: vec![(3, "no file\nlook".to_owned())], ..Told::default() };
        let failure = of_cell(&told, SOURCE, "let a = v[7];").unwrap();
        assert_eq!(failure.name, "Error");
        assert!(failure.text.contains("no file\nlook\n") && failure.text.contains("line 1:"), "{}", failure.text);
    }

    #[test]
    fn what_was_lost_and_what_to_do_is_said() {
        let failure = of_words("Couldn't automatically determine type of variable `v`.\nPlease …");
        assert!(failure.value.contains("`v`") && failure.value.contains("let v: Vec<f64>"), "{}", failure.value);
        let failure = with_lost(failure, &["a".to_owned()]);
        assert!(failure.text.contains("`a` is gone") && failure.text.contains("again"), "{}", failure.text);
        let failure =
            of_evcxr(&Error::SubprocessTerminated("x\nSubprocess terminated with status: signal: 9".to_owned()));
        assert!(failure.value.contains("(signal: 9)") && failure.text.contains("first cell"), "{}", failure.text);
    }
}

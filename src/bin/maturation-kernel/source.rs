//! What is changed in the source that evcxr makes of a cell, before it is compiled, and where its lines come from.

use crate::marks::{CLOSE, FIELD, OPEN, PANIC, QUESTION};

/// The function that evcxr makes of a cell begins so.
const FUNCTION: &str = "fn run_user_code_";

/// The source with which cells tell the kernel what went wrong, and where; and with which what they print is all
/// printed when they end. No line of the user's moves.
///
/// `mention` is added where items may stand.
pub fn prepared(source: &str, mention: &str) -> String {
    const ITEM: &str = "\n#[unsafe(no_mangle)]";
    let source = with_records_of_errors(source);
    let source = source.replacen(ITEM, &format!("\n{mention}{}", &ITEM[1..]), 1);
    let source = with_records_of_panics(&source);
    match source.rfind("\nevcxr_variable_store\n}") {
        Some(place) => {
            let (before, after) = source.split_at(place + 1);
            format!("{before}{{ use std::io::Write as _; let _ = std::io::stdout().flush(); }} {after}")
        }
        None => source,
    }
}

/// The message of an error that leaves through `?` becomes a record that has the line.
fn with_records_of_errors(source: &str) -> String {
    const BEGIN: &str = "fn from(error: T) -> Self {";
    let Some(place) =
        source.find("for EvcxrUserCodeError {").and_then(|impls| Some(impls + source[impls..].find(BEGIN)?))
    else {
        return source.to_owned();
    };
    let (before, rest) = source.split_at(place);
    let rest = rest.strip_prefix(BEGIN).unwrap_or(rest);
    let Some((print, after)) = rest.split_once("\", error);") else { return source.to_owned() };
    let Some((blank, format)) = print.split_once("eprintln!(\"") else { return source.to_owned() };
    format!(
        "{before}#[track_caller] {BEGIN}{blank}eprintln!(\"{OPEN}{QUESTION}{FIELD}{{}}{FIELD}{format}{CLOSE}\", \
         std::panic::Location::caller().line(), error);{after}"
    )
}

/// A panic becomes a record.
fn with_records_of_panics(source: &str) -> String {
    let found = source.find(FUNCTION).and_then(|function| {
        let catch = source[function..].find("std::panic::catch_unwind(")? + function;
        Some(source[..catch].rfind('\n')? + 1)
    });
    let Some(line) = found else { return source.to_owned() };
    let hook = format!(
        "std::panic::set_hook(Box::new(|panic| eprintln!(\"{OPEN}{PANIC}{FIELD}{{}}{FIELD}{{}}{FIELD}{{}}{CLOSE}\", \
         std::thread::current().name().unwrap_or_default(), \
         panic.location().map(|place| format!(\"{{}}:{{}}\", place.file(), place.line())).unwrap_or_default(), \
         panic.payload_as_str().unwrap_or(\"a panic without a message\")))); "
    );
    format!("{}{hook}{}", &source[..line], &source[line..])
}

/// The line of a cell (from 1), with its text, that a line (from 1) of evcxr's source comes from.
pub fn line_of_cell<'a>(source: &str, line: usize, cell: &'a str) -> Option<(usize, &'a str)> {
    let wanted = source.lines().nth(line.checked_sub(1)?)?.trim();
    if wanted.is_empty() {
        return None;
    }
    let first = source.lines().position(|line| line.contains(FUNCTION)).filter(|&first| first < line).unwrap_or(0);
    // Which of several equal lines it is.
    let before = source.lines().take(line - 1).skip(first).filter(|line| line.trim() == wanted).count();
    let numbered = || (1..).zip(cell.lines()).map(|(number, text)| (number, text.trim()));
    let equal: Vec<_> = numbered().filter(|(_, text)| *text == wanted).collect();
    // A statement that shares its line with another stands in a line of its own there.
    let part = || numbered().find(|(_, text)| text.contains(wanted));
    equal.get(before).or(equal.last()).copied().or_else(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As evcxr 0.22 makes it.
    const SOURCE: &str = r#"#![allow(unused_imports, unused_mut, dead_code)]
            struct EvcxrUserCodeError {}
            impl<T: std::fmt::Display> From<T> for EvcxrUserCodeError {
                fn from(error: T) -> Self {
                    eprintln!("{}", error);
                    println!("{}", evcxr_internal_runtime::USER_ERROR_OCCURRED);
                    EvcxrUserCodeError {}
                }
            }
#[unsafe(no_mangle)]
pub extern "C" fn run_user_code_3(
if evcxr_variable_store.is_null() {
}
match std::panic::catch_unwind(
  std::panic::AssertUnwindSafe(||{
let _ = (|| -> std::result::Result<(), EvcxrUserCodeError> {
let a = 1;
step();
let b = 2;
step();
Ok(())})();
}
evcxr_variable_store
}
"#;

    #[test]
    fn errors_and_panics_become_records_and_no_line_moves() {
        let prepared = prepared(SOURCE, "extern crate x as _;");
        assert_eq!(prepared.lines().count(), SOURCE.lines().count());
        assert!(prepared.contains("#[track_caller] fn from(error: T) -> Self {"), "{prepared}");
        assert!(
            prepared.contains("question\u{F8E3}{}\u{F8E3}{}\u{F8E4}\", std::panic::Location::caller().line(), error);")
        );
        assert!(prepared.contains("set_hook(") && prepared.contains("flush();"), "{prepared}");
        for (before, after) in SOURCE.lines().zip(prepared.lines()) {
            let is_changed = ["no_mangle", "eprintln", "fn from", "catch_unwind", "evcxr_variable_store"];
            assert!(before == after || is_changed.iter().any(|word| before.contains(word)), "{before}");
        }
        assert_eq!(super::prepared("pub fn other() {}", "extern crate x as _;"), "pub fn other() {}");
    }

    #[test]
    fn a_line_is_found_in_the_cell_that_it_comes_from() {
        let cell = "let a = 1; step();\n  let b = 2;\nstep();";
        let at = |text: &str, number: usize| {
            let lines = SOURCE.lines().enumerate().filter(|(_, line)| *line == text);
            let line = lines.map(|(line, _)| line + 1).nth(number).unwrap();
            line_of_cell(SOURCE, line, cell)
        };
        assert_eq!(at("let a = 1;", 0), Some((1, "let a = 1; step();")));
        assert_eq!(at("let b = 2;", 0), Some((2, "let b = 2;")));
        assert_eq!(at("step();", 1), Some((3, "step();")));
        assert_eq!(line_of_cell(SOURCE, 1, cell), None);
        assert_eq!(line_of_cell(SOURCE, 0, cell), None);
        assert_eq!(line_of_cell(SOURCE, 999, cell), None);
    }
}

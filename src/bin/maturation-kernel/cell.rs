//! Running cells.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use evcxr::{CommandContext, Completions, Error, EvalCallbacks, EvalOutputs};
use serde_json::{Map, Value};

use crate::completion::Members;
use crate::console::{Console, Stream};
use crate::interrupt;
use crate::problem::Problem;
use crate::report::{self, Failure};
use crate::sandbox::Sandbox;
use crate::{syntax, types};

/// What runs the cells of a notebook.
pub struct Cells {
    context: CommandContext,
    console: Arc<Console>,
    sandbox: Sandbox,
    /// The types that cells have defined, with their texts.
    definitions: BTreeMap<String, String>,
    /// The crate's fields and methods, once they have been asked for.
    members: OnceCell<Members>,
}

/// What came of a cell, beside what it printed.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Its value, as each kind of content.
    pub content: Map<String, Value>,
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
}

impl Cells {
    /// Starts evcxr in its folder, and loads what notebooks begin with. What cells print is handed to `show`.
    pub fn open(sandbox: &Sandbox, show: impl Fn(Stream, &str) + Send + Sync + 'static) -> Result<Cells, Problem> {
        let failed = |what: &str, error: &Error| {
            let message = report::of_evcxr(error).text;
            Problem::Failed { what: what.to_owned(), message }
        };
        let (context, outputs) = CommandContext::new().map_err(|error| failed("starting evcxr", &error))?;
        let console = Arc::new(Console::new(outputs, show));
        let sandbox = sandbox.clone();
        let (definitions, members) = (BTreeMap::new(), OnceCell::new());
        let mut cells = Cells { context, console, sandbox, definitions, members };
        cells.context.execute(":load_config --quiet").map_err(|error| failed("loading the crate", &error))?;
        Ok(cells)
    }

    /// What shows the cells' words.
    pub fn console(&self) -> Arc<Console> {
        self.console.clone()
    }

    /// Runs a cell. `input` answers a question that the cell asks; its second argument tells whether the answer is
    /// secret.
    pub fn run(&mut self, code: &str, input: &dyn Fn(&str, bool) -> String) -> Outcome {
        let before = self.variables();
        self.console.begin();
        let cell = interrupt::begin(&self.sandbox);
        let notices = Notices::show(&self.sandbox, &self.console);
        let callbacks = &mut EvalCallbacks { input_reader: &|request| input(&request.prompt, request.is_password) };
        let forgotten = self.forget_what_changes(code);
        let result = self.execute(code, callbacks);
        let was_stopped = cell.end();
        notices.end();
        let told = self.console.end(result.is_ok() && interrupt::has_run(&self.sandbox));
        let failure = match &result {
            Err(_) if was_stopped => Some(report::of_interrupt()),
            Err(error) => Some(report::of_evcxr(error)),
            Ok(_) => report::of_cell(&told, &self.context.last_source().unwrap_or_default(), code),
        };
        let after = self.variables();
        let lost: Vec<String> = before.into_iter().filter(|name| !after.contains(name)).collect();
        let is_end = matches!(result, Err(Error::SubprocessTerminated(_)));
        let failure = failure.map(|failure| if is_end { failure } else { report::with_lost(failure, &lost) });
        let result = result.map_err(drop);
        if failure.is_none() {
            self.definitions.extend(syntax::definitions(code));
            // A value that was used up is gone, which is Rust's way; one whose type was defined anew is another matter.
            let gone: Vec<&String> = forgotten.iter().filter(|name| lost.contains(name)).collect();
            for name in gone {
                let words = format!("`{name}` is gone, since its type was defined anew.\n");
                self.console.say(Stream::Output, &words);
            }
        }
        Outcome { content: result.map(content).unwrap_or_default(), failure }
    }

    /// Has evcxr run a cell, with the types of variables written out that it cannot find.
    fn execute(&mut self, code: &str, callbacks: &mut EvalCallbacks<'_>) -> Result<EvalOutputs, Error> {
        let mut untyped: Vec<String> = Vec::new();
        let mut text = code.to_owned();
        let (mut are_numbers_typed, mut are_all_typed) = (false, false);
        loop {
            let _ = std::fs::remove_file(self.sandbox.types());
            let error = match self.context.execute_with_callbacks(&text, callbacks) {
                Ok(outputs) => return Ok(outputs),
                Err(error) => error,
            };
            let is_mistaken = !are_all_typed && has_mistaken_types(&error);
            if is_mistaken {
                // evcxr has it checked as it would have if there had been a variable without a type.
                let _ = self.context.check(code);
                are_all_typed = true;
            }
            let types: BTreeMap<String, String> = std::fs::read_to_string(self.sandbox.types())
                .ok()
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default();
            match untyped_variable(&error) {
                Some(name) if !untyped.contains(&name) && types.contains_key(&name) => {
                    if let Some(reason) = types::reason_against(&name, &types[&name]) {
                        return Err(Error::Message(reason));
                    }
                    untyped.push(name);
                }
                Some(name) => {
                    let reason = types.get(&name).and_then(|named| types::reason_against(&name, named));
                    return Err(reason.map_or(error, Error::Message));
                }
                None if is_mistaken && !types.is_empty() => untyped.extend(types.keys().cloned()),
                None if !are_numbers_typed && needs_number(&error) => are_numbers_typed = true,
                None => return Err(error),
            }
            text = syntax::with_types(code, |statement, name| match untyped.iter().any(|one| one == name) {
                true => types.get(name).cloned(),
                false => statement.number.filter(|_| are_numbers_typed).map(str::to_owned),
            });
        }
    }

    /// Has variables dropped whose types the cell defines anew: what is stored is of the old type, and evcxr would take
    /// it for the new one. Gives their names.
    fn forget_what_changes(&mut self, code: &str) -> Vec<String> {
        let is_other = |(name, text): &(String, String)| self.definitions.get(name).is_some_and(|known| known != text);
        let mut changed: Vec<String> =
            syntax::definitions(code).into_iter().filter(is_other).map(|(name, _)| name).collect();
        // Types that are made of those change with them.
        let mut place = 0;
        while let Some(name) = changed.get(place).cloned() {
            let made =
                self.definitions.iter().filter(|(_, text)| syntax::mentions(text, &name)).map(|(name, _)| name.clone());
            let made: Vec<String> = made.filter(|name| !changed.contains(name)).collect();
            changed.extend(made);
            place += 1;
        }
        let all = self.context.variables_and_types();
        let of_them = all.filter(|(_, named)| changed.iter().any(|name| syntax::mentions(named, name)));
        let names: Vec<String> = of_them.map(|(name, _)| name.to_owned()).collect();
        if !names.is_empty() {
            let drops: String = names.iter().map(|name| format!("drop({name});\n")).collect();
            // If that fails, the compiler will say why the cell does.
            let _ = self.context.execute(&drops);
        }
        names
    }

    fn variables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.context.variables_and_types().map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    }

    /// What could stand at a place of a text.
    pub fn completions(&mut self, code: &str, place: usize) -> Option<Completions> {
        let mut found = self.context.completions(code, place).ok()?;
        let members = self.members.get_or_init(|| {
            let checkout = self.sandbox.setting().ok().and_then(|setting| setting.checkout);
            checkout.map(|folder| Members::below(&folder.join("src"))).unwrap_or_default()
        });
        let (before, rest) = code.split_at_checked(found.start_offset)?;
        let typed = rest.get(..place.saturating_sub(found.start_offset)).unwrap_or_default();
        let is_of_cells = |name: &str| self.definitions.values().any(|text| syntax::mentions(text, name));
        members.order(before, typed, &mut found.completions, |one| &one.code, is_of_cells);
        Some(found)
    }

    /// What there is to know of what stands at a place of a text: as plain text, and as HTML.
    pub fn inspect(&mut self, code: &str, place: usize) -> Option<(String, String)> {
        self.context.hover_at(code, place).ok().filter(|(plain, _)| plain != "No documentation found")
    }
}

/// The variable whose type evcxr does not know, if that is the error.
fn untyped_variable(error: &Error) -> Option<String> {
    let Error::Message(words) = error else { return None };
    let unknown = words.strip_prefix("Couldn't automatically determine type of variable `");
    let closure = || words.strip_prefix("The variable `").filter(|rest| rest.contains("` is a closure"));
    Some(unknown.or_else(closure)?.split_once('`')?.0.to_owned())
}

/// Whether all errors are in what evcxr has added to a cell: then it has mistaken the type of a variable.
fn has_mistaken_types(error: &Error) -> bool {
    let Error::CompilationErrors(errors) = error else { return false };
    let mut wrong = errors.iter().filter(|error| error.level() == "error").peekable();
    wrong.peek().is_some() && wrong.all(|error| !error.is_from_user_code())
}

/// Whether the compiler could not tell which of the types of numbers is meant.
fn needs_number(error: &Error) -> bool {
    let Error::CompilationErrors(errors) = error else { return false };
    errors.iter().any(|error| error.message().contains("you must specify a type for this binding"))
}

/// The value of a cell, as Jupyter wants it.
fn content(outputs: EvalOutputs) -> Map<String, Value> {
    let read = |kind: &str, text: String| match serde_json::from_str(&text) {
        Ok(value) if kind.contains("json") => value,
        _ => Value::from(text),
    };
    let mut content: Map<String, Value> =
        outputs.content_by_mime_type.into_iter().map(|(kind, text)| (kind.clone(), read(&kind, text))).collect();
    // The value of a loop, and of whatever else has none.
    if content.len() == 1 && content.get("text/plain").is_some_and(|text| text == "()") {
        content.clear();
    }
    if let Some(time) = outputs.timing {
        content.entry("text/plain").or_insert_with(|| format!("{:.2} s", time.as_secs_f64()).into());
    }
    content
}

/// Shows what the kernel's other processes write of what they do while a cell runs.
struct Notices {
    running: Arc<Mutex<bool>>,
    thread: std::thread::JoinHandle<()>,
}

impl Notices {
    fn show(sandbox: &Sandbox, console: &Arc<Console>) -> Notices {
        let (path, console) = (sandbox.notices(), console.clone());
        let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        let running = Arc::new(Mutex::new(true));
        let is_running = running.clone();
        let thread =
            std::thread::spawn(move || follow(&path, length, &is_running, |text| console.say(Stream::Output, text)));
        Notices { running, thread }
    }

    fn end(self) {
        if let Ok(mut running) = self.running.lock() {
            *running = false;
        }
        self.thread.thread().unpark();
        let _ = self.thread.join();
    }
}

/// Hands on what is added to a file, until `running` turns false.
fn follow(path: &std::path::Path, from: u64, running: &Mutex<bool>, take: impl Fn(&str)) {
    use std::io::{Read, Seek, SeekFrom};
    let Ok(mut file) = std::fs::File::open(path) else { return };
    let _ = file.seek(SeekFrom::Start(from));
    loop {
        let is_running = running.lock().is_ok_and(|running| *running);
        let mut text = String::new();
        if file.read_to_string(&mut text).is_ok() && !text.is_empty() {
            take(&text);
        }
        if !is_running {
            return;
        }
        std::thread::park_timeout(std::time::Duration::from_millis(200));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_as_jupyter_wants_it() {
        let of = |kinds: &[(&str, &str)]| {
            let mut outputs = EvalOutputs::new();
            for (kind, text) in kinds {
                outputs.content_by_mime_type.insert((*kind).to_owned(), (*text).to_owned());
            }
            Value::from(content(outputs))
        };
        assert_eq!(of(&[("text/plain", "()")]), serde_json::json!({}));
        assert_eq!(of(&[("text/plain", "7")]), serde_json::json!({"text/plain": "7"}));
        let plotly = "application/vnd.plotly.v1+json";
        assert_eq!(of(&[(plotly, "{\"data\": []}")]), serde_json::json!({plotly: {"data": []}}));
    }

    #[test]
    fn what_is_added_to_a_file_is_handed_on_to_the_last_word() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notices");
        std::fs::write(&path, "before\nafter\n").unwrap();
        let taken = Mutex::new(String::new());
        follow(&path, 7, &Mutex::new(false), |text| taken.lock().unwrap().push_str(text));
        assert_eq!(*taken.lock().unwrap(), "after\n");
    }
}

//! Running cells.

use std::sync::{Arc, Mutex};

use evcxr::{CommandContext, Completions, Error, EvalCallbacks, EvalOutputs};
use serde_json::{Map, Value};

use crate::console::{Console, Stream};
use crate::interrupt;
use crate::problem::Problem;
use crate::report::{self, Failure};
use crate::workplace::Workplace;

/// What runs the cells of a notebook.
pub struct Cells {
    context: CommandContext,
    console: Arc<Console>,
    workplace: Workplace,
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
    pub fn open(workplace: &Workplace, show: impl Fn(Stream, &str) + Send + Sync + 'static) -> Result<Cells, Problem> {
        let failed = |what: &str, error: &Error| {
            let message = report::of_evcxr(error).text;
            Problem::Failed { what: what.to_owned(), message }
        };
        let (context, outputs) = CommandContext::new().map_err(|error| failed("starting evcxr", &error))?;
        let console = Arc::new(Console::new(outputs, show));
        let mut cells = Cells { context, console, workplace: workplace.clone() };
        cells.context.execute(":load_config --quiet").map_err(|error| failed("loading the crate", &error))?;
        Ok(cells)
    }

    /// What shows the cells' words.
    pub fn console(&self) -> Arc<Console> {
        self.console.clone()
    }

    /// Runs a cell. `input` answers a question that the cell asks; its second argument tells whether the answer is secret.
    pub fn run(&mut self, code: &str, input: &dyn Fn(&str, bool) -> String) -> Outcome {
        let before = self.variables();
        self.console.begin();
        let cell = interrupt::begin(&self.workplace);
        let notices = Notices::show(&self.workplace, &self.console);
        let callbacks = &mut EvalCallbacks { input_reader: &|request| input(&request.prompt, request.is_password) };
        let result = self.context.execute_with_callbacks(code, callbacks);
        let was_stopped = cell.end();
        notices.end();
        let told = self.console.end(result.is_ok() && interrupt::has_run(&self.workplace));
        let failure = match &result {
            Err(_) if was_stopped => Some(report::of_interrupt()),
            Err(error) => Some(report::of_evcxr(error)),
            Ok(_) => report::of_cell(&told, &self.context.last_source().unwrap_or_default(), code),
        };
        let after = self.variables();
        let lost: Vec<String> = before.into_iter().filter(|name| !after.contains(name)).collect();
        let is_end = matches!(result, Err(Error::SubprocessTerminated(_)));
        let failure = failure.map(|failure| if is_end { failure } else { report::with_lost(failure, &lost) });
        Outcome { content: result.map(content).unwrap_or_default(), failure }
    }

    fn variables(&self) -> Vec<String> {
        let mut names: Vec<String> = self.context.variables_and_types().map(|(name, _)| name.to_owned()).collect();
        names.sort();
        names
    }

    /// What could stand at a place of a text.
    pub fn completions(&mut self, code: &str, place: usize) -> Option<Completions> {
        self.context.completions(code, place).ok()
    }

    /// What there is to know of what stands at a place of a text: as plain text, and as HTML.
    pub fn inspect(&mut self, code: &str, place: usize) -> Option<(String, String)> {
        self.context.hover_at(code, place).ok().filter(|(plain, _)| plain != "No documentation found")
    }
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
    fn show(workplace: &Workplace, console: &Arc<Console>) -> Notices {
        let (path, console) = (workplace.notices(), console.clone());
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

//! A Rust kernel in this process, through the evcxr crate.

use std::sync::{Arc, Mutex};

use evcxr::{CommandContext, Error};

use crate::document::{CodeCell, Output};

/// A kernel that has started.
pub struct Kernel {
    context: CommandContext,
    stdout: Arc<Mutex<Vec<String>>>,
    stderr: Arc<Mutex<Vec<String>>>,
}

impl Kernel {
    /// Starts a kernel in the current folder, with the configuration that stands there, as Jupyter's would.
    pub fn start() -> Result<Kernel, String> {
        let (mut context, outputs) = CommandContext::new().map_err(|error| error.to_string())?;
        // Both channels must be emptied all the time: a full one stops the cell.
        let stdout = drain(outputs.stdout);
        let stderr = drain(outputs.stderr);
        context.execute(":load_config --quiet").map_err(|error| error.to_string())?;
        Ok(Kernel { context, stdout, stderr })
    }

    /// Runs a cell; the error says what was wrong with it.
    ///
    /// evcxr calls a cell that panics, or whose `?` fails, a success. Both leave a message on standard error, where
    /// nothing else of a notebook goes: so any word there is a failure.
    pub fn run(&mut self, cell: &CodeCell) -> Result<Output, String> {
        self.take();
        let result = self.context.execute(&cell.source);
        // Standard error comes by another way than the end of the cell.
        std::thread::sleep(std::time::Duration::from_millis(100));
        let (stdout, stderr) = self.take();
        let result = result.map_err(|error| match error {
            Error::CompilationErrors(errors) => {
                errors.iter().map(|error| error.rendered()).collect::<Vec<_>>().join("\n")
            }
            error => format!("{error}\n{}", stderr.join("\n")),
        })?;
        if !stderr.is_empty() {
            return Err(format!("it wrote to standard error:\n{}", stderr.join("\n")));
        }
        let mut content: Vec<(String, String)> = result.content_by_mime_type.into_iter().collect();
        content.sort();
        let output = Output { stdout, content };
        check(&output, cell)?;
        Ok(output)
    }

    fn take(&self) -> (Vec<String>, Vec<String>) {
        let take = |lines: &Mutex<Vec<String>>| {
            std::mem::take(&mut *lines.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
        };
        (take(&self.stdout), take(&self.stderr))
    }
}

fn drain(channel: impl IntoIterator<Item = String> + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    std::thread::spawn(move || {
        for line in channel {
            sink.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(line);
        }
    });
    lines
}

/// Whether the output has what the cell's metadata asks for.
fn check(output: &Output, cell: &CodeCell) -> Result<(), String> {
    for kind in &cell.expected.mime {
        if !output.content.iter().any(|(found, _)| found == kind) {
            let found: Vec<&str> = output.content.iter().map(|(kind, _)| kind.as_str()).collect();
            return Err(format!("its output has no {kind}, only {found:?}"));
        }
    }
    for text in &cell.expected.text {
        let printed = output.stdout.iter().any(|line| line.contains(text));
        if !printed && !output.content.iter().any(|(_, content)| content.contains(text)) {
            return Err(format!("'{text}' is not in its output"));
        }
    }
    Ok(())
}

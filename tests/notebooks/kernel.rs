//! The shipped kernel, `maturation-kernel`, without Jupyter: cells go in as lines of JSON, and come out as such.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::document::{CodeCell, Output};

/// A kernel that has started.
pub struct Kernel {
    child: Child,
    cells: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Kernel {
    /// Starts a kernel in the current folder.
    pub fn start() -> Result<Kernel, String> {
        let failed = |error: std::io::Error| format!("the kernel cannot be started: {error}");
        let mut child =
            command()?.arg("--cells").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (cells, answers) = (child.stdin.take(), child.stdout.take());
        let answers = BufReader::new(answers.ok_or("the kernel has no output")?);
        Ok(Kernel { child, cells, answers })
    }

    /// Runs a cell; the error says what was wrong with it.
    pub fn run(&mut self, cell: &CodeCell) -> Result<Output, String> {
        let gone = |_| "the kernel has ended: its reason stands above".to_owned();
        let cells = self.cells.as_mut().ok_or("the kernel has ended")?;
        writeln!(cells, "{}", json!({"code": cell.source})).map_err(gone)?;
        let mut line = String::new();
        self.answers.read_line(&mut line).map_err(gone)?;
        let answer: Value = serde_json::from_str(&line).map_err(|_| "the kernel has ended: its reason stands above")?;
        if let Some(reason) = answer["failure"].as_str() {
            return Err(reason.to_owned());
        }
        let stdout = answer["printed"].as_str().unwrap_or_default().lines().map(str::to_owned).collect();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let content = answer["content"].as_object().into_iter().flatten();
        let output = Output { stdout, content: content.map(|(kind, value)| (kind.clone(), text(value))).collect() };
        check(&output, cell)?;
        Ok(output)
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // It ends when no cell can come any more.
        self.cells.take();
        let _ = self.child.wait();
    }
}

/// Builds the kernel, which cargo builds for tests of its own alone, and prepares what kernels of this build need,
/// beside it: what an account has is neither used nor changed.
pub fn prepare() -> Result<(), String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--example", "maturation-kernel"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let built = cargo.status().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if !built.success() {
        return Err("the kernel could not be built: see above".to_owned());
    }
    let status = command()?.arg("--precompile").status().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err("the kernel could not be prepared: see above".to_owned()) }
}

/// The kernel that lies beside this program, with a cache of its own.
fn command() -> Result<Command, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let build = program.parent().and_then(Path::parent).map(PathBuf::from).ok_or("this program lies nowhere")?;
    let kernel = build.join("examples/maturation-kernel").with_extension(std::env::consts::EXE_EXTENSION);
    if !kernel.is_file() {
        return Err(format!(
            "there is no {}: build it with `cargo build --release --example maturation-kernel`",
            kernel.display()
        ));
    }
    let mut command = Command::new(kernel);
    command.env("MATURATION_CACHE", build.join("kernel-of-tests"));
    Ok(command)
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

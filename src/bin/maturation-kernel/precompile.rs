//! Compiling everything beforehand.

use std::process::ExitCode;
use std::time::Instant;

use evcxr::{CommandContext, Error};

use crate::cache::Cache;
use crate::checkout::Checkout;
use crate::marks::WORD;
use crate::problem::Problem;
use crate::sandbox::Sandbox;
use crate::setting::Setting;
use crate::{memory, rust_sources, tools};

/// The argument that has this program compile, as a process of the folder that kernels take their crates from.
pub const COMPILE: &str = "--compile";

/// What is said where Rust's library has neither sources nor documentation.
const ADVICE: &str = "to have completion know Rust's own types: rustup component add rust-src";

/// Cells as notebooks have them: a variable of a type of ours, a table, a picture.
const CELLS: [&str; 3] = [
    "let rules: Vec<Rule> = vec![Rule::ODR, Rule::GAP];",
    "DataFrame::empty()",
    "let options: SelectivityOptions = SelectivityOptions::default();",
];

/// Compiles the crate and what it needs for all kernels, unless that is done, and says how it went.
pub fn precompile(cache: &Cache, checkout: &Checkout, jobs: Option<usize>) -> Result<String, Problem> {
    let begin = Instant::now();
    let lock = cache.lock()?;
    if lock.try_lock().is_err() {
        eprintln!("waiting for another process that is compiling into {}", cache.folder().display());
        lock.lock().map_err(Problem::io("lock", cache.folder(), "Try again"))?;
    }
    let sandbox = cache.precompiled();
    let setting = Setting::new(sandbox.folder.clone(), Ok(checkout), None)?;
    if cache.is_precompiled_for(checkout, &setting) {
        return Ok(format!("everything is compiled already, in {}", cache.folder().display()));
    }
    eprintln!(
        "compiling the crate in {} for notebooks, into {}: a moment where the command is compiled already",
        checkout.folder.display(),
        cache.folder().display()
    );
    let changed = checkout.changed();
    cache.begin()?;
    sandbox.cells_library().make(&setting, &checkout.folder, jobs.unwrap_or_else(memory::usual_jobs))?;
    if let (None, Some(toolchain)) = (&setting.rust_sources, setting.toolchain()) {
        let version = tools::compiler_version(&setting.cargo)?;
        if !rust_sources::take_from_documentation(toolchain, &version, &cache.rust_sources())? {
            eprintln!("{ADVICE}");
        }
    }
    sandbox.furnish(&setting, true)?;
    let mut command = sandbox.command(&setting)?;
    let status = command.arg(COMPILE).status().map_err(Problem::io("start", &sandbox.folder, "Try again"))?;
    if !status.success() {
        let message = "its messages are above; what is compiled so far is kept".to_owned();
        return Err(Problem::Failed { what: "compiling".to_owned(), message });
    }
    cache.finish(checkout, &setting, changed)?;
    let seconds = begin.elapsed().as_secs();
    Ok(format!("ready after {} min {:02} s: notebooks now start in seconds", seconds / 60, seconds % 60))
}

/// Runs typical cells in evcxr, which compiles all that they need.
pub fn compile(sandbox: &Sandbox) -> Result<ExitCode, Problem> {
    let failed = |what: &str, message: String| Problem::Failed { what: what.to_owned(), message };
    let (mut context, outputs) = CommandContext::new().map_err(|error| failed("starting evcxr", error.to_string()))?;
    for (channel, is_error) in [(outputs.stdout, false), (outputs.stderr, true)] {
        // Words of the process that runs the cells are for a kernel, which there is none of.
        let is_shown = move |line: &String| is_error && !line.starts_with(WORD);
        std::thread::spawn(move || channel.iter().filter(is_shown).for_each(|line| eprintln!("{line}")));
    }
    for cell in [":load_config --quiet"].iter().chain(&CELLS) {
        context.execute(cell).map_err(|error| failed(&format!("the cell `{cell}`"), in_full(&error)))?;
    }
    eprintln!("compiled in {}", sandbox.folder.display());
    Ok(ExitCode::SUCCESS)
}

fn in_full(error: &Error) -> String {
    match error {
        Error::CompilationErrors(errors) => {
            errors.iter().map(|error| error.rendered()).collect::<Vec<String>>().join("\n")
        }
        error => error.to_string(),
    }
}

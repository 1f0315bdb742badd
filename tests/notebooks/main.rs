//! Executes every notebook from top to bottom, without Jupyter and without Python.
//!
//! `cargo test --release --test notebooks` runs all of them; a name (or a part of it) runs some. With `--update` after
//! a `--`, the outputs are written back into the notebooks:
//!
//! ```sh
//! cargo test --release --test notebooks -- --update
//! ```
//!
//! Cells run in the shipped kernel, which is built first.

mod document;
mod kernel;

use std::path::{Path, PathBuf};
use std::time::Instant;

use document::{CodeCell, Document, Expected};
use kernel::Kernel;

fn main() {
    let arguments = Arguments::of(std::env::args().skip(1));

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    std::env::set_current_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names = vec![ARGUMENTS_TEST.to_owned(), SELF_TEST.to_owned()];
    names.extend(notebooks(&folder).iter().map(|path| format!("{}", path.display())));
    let known = names.len();
    names.retain(|name| arguments.wants(name));
    if arguments.list {
        names.iter().for_each(|name| println!("{name}: test"));
        return;
    }
    if arguments.ignored {
        names.clear();
    }

    if names.iter().any(|name| name != ARGUMENTS_TEST)
        && let Err(reason) = kernel::prepare()
    {
        println!("{reason}");
        std::process::exit(1);
    }
    println!("\nrunning {} tests", names.len());
    let mut failures = Vec::new();
    for name in &names {
        let outcome = match name.as_str() {
            ARGUMENTS_TEST => arguments_test(),
            SELF_TEST => self_test(),
            notebook => execute(Path::new(notebook), arguments.update),
        };
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        if let Err(reason) = outcome {
            failures.push(format!("---- {name} ----\n{reason}\n"));
        }
    }
    failures.iter().for_each(|failure| println!("\n{failure}"));
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    let passed = names.len() - failures.len();
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; 0 measured; {} filtered out\n",
        failures.len(),
        known - names.len()
    );
    if !failures.is_empty() {
        std::process::exit(1);
    }
}

/// What the command line asks for: this harness's own `--update`, and what `cargo test` may hand to any test.
#[derive(Debug, Default, PartialEq)]
struct Arguments {
    update: bool,
    list: bool,
    ignored: bool,
    exact: bool,
    filters: Vec<String>,
    skipped: Vec<String>,
}

/// Options of the usual harness whose next argument is their value; notebooks run one at a time whatever these say.
const VALUED: [&str; 6] = ["--test-threads", "--format", "--color", "--logfile", "--shuffle-seed", "-Z"];

impl Arguments {
    fn of(arguments: impl IntoIterator<Item = String>) -> Arguments {
        let mut found = Arguments::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--update" => found.update = true,
                "--list" => found.list = true,
                "--ignored" => found.ignored = true,
                "--exact" => found.exact = true,
                "--skip" => found.skipped.extend(arguments.next()),
                valued if VALUED.contains(&valued) => drop(arguments.next()),
                other => match other.strip_prefix("--skip=") {
                    Some(name) => found.skipped.push(name.to_owned()),
                    None if other.starts_with('-') => {}
                    None => found.filters.push(argument),
                },
            }
        }
        found
    }

    /// Whether a test of this name is to run.
    fn wants(&self, name: &str) -> bool {
        let among = |names: &[String]| {
            names.iter().any(|part| if self.exact { name == part } else { name.contains(part.as_str()) })
        };
        (self.filters.is_empty() || among(&self.filters)) && !among(&self.skipped)
    }
}

/// The notebooks of a folder, by name.
fn notebooks(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name().into())).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
    found.sort();
    found
}

/// Runs all cells of a notebook; the error names the cell.
fn execute(path: &Path, update: bool) -> Result<(), String> {
    let mut document = Document::read(path)?;
    let mut kernel = Kernel::start()?;
    for (count, cell) in document.code_cells().iter().enumerate() {
        let begin = Instant::now();
        let first_line = cell.source.lines().next().unwrap_or_default();
        let output = kernel
            .run(cell)
            .map_err(|reason| format!("cell {} of {} (`{first_line}`): {reason}", count + 1, path.display()))?;
        eprintln!("  cell {:2} {:7.1} s  {first_line}", count + 1, begin.elapsed().as_secs_f64());
        if update {
            document.set_output(cell.place, count + 1, &output)?;
        }
    }
    if update { document.write(path) } else { Ok(()) }
}

const ARGUMENTS_TEST: &str = "arguments are understood";

/// Shows which tests run for the arguments that `cargo test` hands on.
fn arguments_test() -> Result<(), String> {
    let runs = |line: &str, name: &str| Arguments::of(line.split_whitespace().map(str::to_owned)).wants(name);
    for (line, name, wanted) in [
        ("", "03-psth.ipynb", true),
        ("psth", "03-psth.ipynb", true),
        ("psth", "04-tuning.ipynb", false),
        ("--skip psth", "03-psth.ipynb", false),
        ("--skip psth", "04-tuning.ipynb", true),
        ("--skip=psth --skip tuning", "04-tuning.ipynb", false),
        ("--test-threads 3", "04-tuning.ipynb", true),
        ("--test-threads=1 --nocapture tuning", "04-tuning.ipynb", true),
        ("--exact 03-psth", "03-psth.ipynb", false),
        ("--exact 03-psth.ipynb", "03-psth.ipynb", true),
    ] {
        if runs(line, name) != wanted {
            return Err(format!("with `{line}`, {name} {}", if wanted { "does not run" } else { "runs" }));
        }
    }
    Ok(())
}

const SELF_TEST: &str = "a failing cell is noticed";

/// Shows that each way in which a cell can fail is noticed, and that a good cell passes.
fn self_test() -> Result<(), String> {
    let mut kernel = Kernel::start()?;
    let cell = |source: &str, text: &str| CodeCell {
        place: 0,
        source: source.to_owned(),
        expected: Expected { text: vec![text.to_owned()], ..Expected::default() },
    };
    kernel.run(&cell("println!(\"{}\", 6 * 7);", "42")).map_err(|reason| format!("a good cell failed: {reason}"))?;
    for (what, source, word) in [
        ("a compile error", "let x: u32 = \"text\";", "mismatched types"),
        ("a panic", "panic!(\"no way\");", "no way"),
        ("a failing `?`", "let x: u32 = \"text\".parse::<u32>()?;", "invalid digit"),
        ("a missing output", "println!(\"41\");", "'42' is not in its output"),
    ] {
        match kernel.run(&cell(source, if what.starts_with("a missing") { "42" } else { "" })) {
            Ok(_) => return Err(format!("{what} was not noticed")),
            Err(reason) if reason.contains(word) => {}
            Err(reason) => return Err(format!("{what} was reported as: {reason}")),
        }
    }
    Ok(())
}

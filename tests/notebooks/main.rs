//! Executes every notebook from top to bottom, without Jupyter and without Python.
//!
//! `cargo test --release --test notebooks` runs all of them; a name (or a part of it) runs some. With `--update` after a
//! `--`, the outputs are written back into the notebooks:
//!
//! ```sh
//! cargo test --release --test notebooks -- --update
//! ```
//!
//! Dependencies are compiled into `notebooks/target` the first time, which takes minutes.

mod document;
mod kernel;

use std::path::{Path, PathBuf};
use std::time::Instant;

use document::{CodeCell, Document, Expected};
use kernel::Kernel;

fn main() {
    // evcxr runs cells in a child process that is this very program.
    evcxr::runtime_hook();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let update = arguments.iter().any(|argument| argument == "--update");
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();

    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    std::env::set_current_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names = vec![SELF_TEST.to_owned()];
    names.extend(notebooks(&folder).iter().map(|path| format!("{}", path.display())));
    names.retain(|name| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())));
    if arguments.iter().any(|argument| argument == "--list") {
        names.iter().for_each(|name| println!("{name}: test"));
        return;
    }
    if arguments.iter().any(|argument| argument == "--ignored") {
        names.clear();
    }

    println!("\nrunning {} tests", names.len());
    let mut failures = Vec::new();
    for name in &names {
        let outcome = if name == SELF_TEST { self_test() } else { execute(Path::new(name), update) };
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        if let Err(reason) = outcome {
            failures.push(format!("---- {name} ----\n{reason}\n"));
        }
    }
    failures.iter().for_each(|failure| println!("\n{failure}"));
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    let passed = names.len() - failures.len();
    println!(
        "\ntest result: {word}. {passed} passed; {} failed; 0 ignored; 0 measured; 0 filtered out\n",
        failures.len()
    );
    if !failures.is_empty() {
        std::process::exit(1);
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
        document.set_output(cell.place, count + 1, &output);
    }
    if update { document.write(path) } else { Ok(()) }
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
        ("a failing `?`", "let _x: u32 = \"text\".parse::<u32>()?;", "invalid digit"),
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

//! The house as its imports draw it: no arrow runs up, and the picture in ARCHITECTURE.md is the one that they draw.
//!
//! `MATURATION_DRAW=1 cargo test --release --test architecture` writes the picture anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The rooms of the library, each with what it holds, from the ground up: a room knows only those before it.
const ROOMS: [(&str, &str); 20] = [
    ("error", "what can go wrong"),
    ("json", "JSON of Python"),
    ("numerics", "vectorised mathematics, random numbers"),
    ("environment", "threads, interrupts, folders"),
    ("seed", "who draws which random numbers"),
    ("statistics", "tests, fits, resamples"),
    ("tables", "Parquet, CSV, rows"),
    ("tasks", "rules, timelines, trials"),
    ("hyperparameters", "hp.json, presets"),
    ("network", "parameters, cells, engines"),
    ("training", "sessions, runs, checkpoints"),
    ("ensemble", "many networks: plans, folders"),
    ("activity", "rates of units"),
    ("readout", "checkpoints on trials"),
    ("analysis", "a table for each question"),
    ("summary", "what many runs show together"),
    ("export", "arrays for other programs"),
    ("figures", "a picture for each table"),
    ("report", "all figures of a run on one page"),
    ("notebook", "how values show in a cell"),
];

/// Arrows that run up, and why they may.
const UP: [(&str, &str, &str); 1] =
    [("hyperparameters", "network", "hp.json names the cell and the cost term, which their lists know")];

const BEGIN: &str = "<!-- drawn by tests/architecture.rs -->\n";
const END: &str = "<!-- end of the drawing -->\n";

#[test]
fn no_arrow_runs_up_and_the_picture_is_true() {
    let arrows = arrows();
    let floor = |room: &str| ROOMS.iter().position(|(name, _)| *name == room);
    for (from, to) in arrows.keys() {
        let (Some(above), Some(below)) = (floor(from), floor(to)) else {
            panic!("{from} -> {to}: name every module of src/lib.rs in ROOMS of tests/architecture.rs, in its place");
        };
        let may = UP.iter().any(|(one, other, _)| one == from && other == to);
        let files = arrows[&(from.clone(), to.clone())].iter().cloned().collect::<Vec<_>>().join(", ");
        assert!(above > below || may, "{from} -> {to} runs up, in {files}: data flows one way");
    }
    for (from, to, _) in UP {
        assert!(arrows.contains_key(&(from.to_owned(), to.to_owned())), "{from} -> {to} is gone: take it out of UP");
    }

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("ARCHITECTURE.md has a place for the drawing");
    let (found, after) = rest.split_once(END).expect("ARCHITECTURE.md has the end of the drawing");
    let drawn = drawing(&arrows);
    if std::env::var_os("MATURATION_DRAW").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{drawn}{END}{after}")).unwrap();
    } else {
        assert_eq!(found, drawn, "draw it anew: MATURATION_DRAW=1 cargo test --release --test architecture");
    }
}

/// What imports what: a pair of rooms, and the files that have it.
type Arrows = BTreeMap<(String, String), BTreeSet<String>>;

fn arrows() -> Arrows {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut arrows = Arrows::new();
    for path in files(&source) {
        let place = path.strip_prefix(&source).unwrap().to_string_lossy().replace('\\', "/");
        let room = place.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        if ["lib", "bin"].contains(&room.as_str()) {
            continue;
        }
        for named in imports(&std::fs::read_to_string(&path).unwrap()) {
            if named != room && ROOMS.iter().any(|(name, _)| *name == named) {
                arrows.entry((room.clone(), named)).or_default().insert(place.clone());
            }
        }
    }
    arrows
}

/// All Rust files below a folder, but for those that hold tests alone.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files(&path));
        } else if name.ends_with(".rs") && !["tests.rs", "golden.rs", "reference.rs"].contains(&name.as_str()) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules of this crate that a file names, its tests and comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut found = BTreeSet::new();
    for (place, _) in code.match_indices("crate::") {
        if code[..place].ends_with(is_name) {
            continue;
        }
        let rest = &code[place + "crate::".len()..];
        match rest.strip_prefix('{') {
            // In braces, the names at the outermost level.
            Some(list) => {
                let mut depth = 0;
                let mut name = String::new();
                for letter in list.chars() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => name.clear(),
                        _ if depth == 0 && is_name(letter) => {
                            name.push(letter);
                            found.insert(name.clone());
                        }
                        ':' if depth == 0 => name.push(':'),
                        _ => {}
                    }
                }
            }
            None => {
                found.insert(rest.chars().take_while(|letter| is_name(*letter)).collect());
            }
        }
    }
    found
}

/// The arrows that no others imply, as a diagram.
fn drawing(arrows: &Arrows) -> String {
    let down = |from: &str, to: &str| {
        arrows.contains_key(&(from.to_owned(), to.to_owned()))
            && !UP.iter().any(|(one, other, _)| *one == from && *other == to)
    };
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut lines = vec!["```mermaid".to_owned(), "flowchart TD".to_owned()];
    for (name, what) in ROOMS.iter().rev() {
        lines.push(format!("    {name}[\"<b>{name}</b><br>{what}\"]"));
    }
    for (place, (from, _)) in ROOMS.iter().enumerate() {
        let mut reached = BTreeSet::new();
        let mut kept = Vec::new();
        // The nearest first: what they reach needs no arrow of its own.
        for (to, _) in ROOMS[..place].iter().rev().filter(|(to, _)| down(from, to)) {
            if reached.insert(*to) {
                kept.push(format!("    {from} --> {to}"));
            }
            reached.extend(reach[to].iter());
        }
        lines.extend(kept);
        reach.insert(from, reached);
    }
    for (from, to, _) in UP {
        lines.push(format!("    {from} -. names .-> {to}"));
    }
    lines.push("```\n".to_owned());
    lines.join("\n")
}

#[test]
fn imports_are_read_as_the_compiler_reads_them() {
    let text = "use crate::error::Result;\nuse crate::{figures, tasks::{self, Rule}};\n// use crate::analysis;\n\
                fn one() { crate::tables::thousands(1); mycrate::seed(); }\n#[cfg(test)]\nmod tests {\nuse \
                crate::notebook;\n}";
    let found = imports(text);
    for name in ["error", "figures", "tasks", "tables"] {
        assert!(found.contains(name), "{name}: {found:?}");
    }
    for name in ["analysis", "seed", "notebook", "self", "Rule"] {
        assert!(!found.contains(name), "{name}: {found:?}");
    }
}

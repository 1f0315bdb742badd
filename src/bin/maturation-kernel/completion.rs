//! The order in which names are offered: what a cell may not use comes last.
//!
//! rust-analyzer is asked by evcxr to offer private fields and methods too, and puts fields first. Which of the crate's
//! are public stands in its sources; a field of another crate's type hardly ever is.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

/// The fields and methods of the crate's types.
#[derive(Debug, Default)]
pub struct Members {
    /// Of each type its fields, and whether they are public.
    types: Vec<BTreeMap<String, bool>>,
    public_methods: HashSet<String>,
    private_methods: HashSet<String>,
}

impl Members {
    /// Those in the sources below a folder; none where they cannot be read.
    pub fn below(folder: &Path) -> Members {
        let mut members = Members::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    members.read(&std::fs::read_to_string(&path).unwrap_or_default());
                }
            }
        }
        members
    }

    fn read(&mut self, text: &str) {
        let mut fields: Option<BTreeMap<String, bool>> = None;
        for line in text.lines() {
            let (is_public, rest) = visibility(line.trim_start());
            if rest.starts_with("struct ") && rest.ends_with('{') {
                fields = Some(BTreeMap::new());
            } else if line == "}" {
                self.types.extend(fields.take());
            } else if let Some(name) =
                rest.strip_prefix("const ").unwrap_or(rest).strip_prefix("fn ").map(name_at_start)
            {
                if is_public { &mut self.public_methods } else { &mut self.private_methods }.insert(name.to_owned());
            } else if let Some(fields) = &mut fields {
                let name = name_at_start(rest);
                if !name.is_empty() && rest[name.len()..].starts_with(": ") {
                    fields.insert(name.to_owned(), is_public);
                }
            }
        }
    }

    /// Puts behind all others what is offered behind a dot and may not be used: `before` is the text up to what is
    /// typed of the name, `code` what one of them would write. `is_of_cells` knows the fields of types that cells have
    /// defined.
    pub fn order<T>(
        &self,
        before: &str,
        typed: &str,
        offered: &mut [T],
        code: impl Fn(&T) -> &str,
        is_of_cells: impl Fn(&str) -> bool,
    ) {
        if !before.ends_with('.') || before.ends_with("..") {
            return;
        }
        let fields: HashSet<String> = offered.iter().filter_map(|one| field(code(one))).map(str::to_owned).collect();
        // Whose fields they are is not said, but hardly two types have the same.
        let has_them = |one: &&BTreeMap<String, bool>| {
            let mut own = one.keys().filter(|name| name.starts_with(typed)).peekable();
            own.peek().is_some() && own.clone().count() == fields.len() && own.all(|name| fields.contains(name))
        };
        let types: Vec<&BTreeMap<String, bool>> = self.types.iter().filter(has_them).collect();
        let is_usable = |code: &str| match field(code) {
            Some(name) => is_of_cells(name) || types.iter().any(|fields| fields.get(name) == Some(&true)),
            None => {
                let name = name_at_start(code);
                self.public_methods.contains(name) || !self.private_methods.contains(name)
            }
        };
        // The order of rust-analyzer stays otherwise: the sort is stable.
        offered.sort_by_key(|one| !is_usable(code(one)));
    }
}

/// What would write the name of a field; those of tuples have numbers, and can be used.
fn field(code: &str) -> Option<&str> {
    let is_name = name_at_start(code).len() == code.len();
    (is_name && code != "await" && !code.starts_with(|first: char| first.is_ascii_digit())).then_some(code)
}

/// Whether a line begins with `pub`, and what follows that or another visibility.
fn visibility(line: &str) -> (bool, &str) {
    match line.strip_prefix("pub ") {
        Some(rest) => (true, rest),
        None => {
            (false, line.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map_or(line, |(_, rest)| rest))
        }
    }
}

fn name_at_start(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "\
pub struct Run {
    /// path: where it is
    path: PathBuf,
    pub(crate) trials: u64,
    pub seed: u64,
}

impl Run {
    pub fn path(&self) -> &Path {
    pub const fn log(&self) {}
    pub(crate) fn lock(&self) {}
    fn read(&self) {}
}

pub struct Figure {
    pub path: PathBuf,
    pub trials: u64,
}
";

    fn ordered(code: &str, typed: &str, offered: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("training")).unwrap();
        std::fs::write(folder.path().join("training/run.rs"), SOURCE).unwrap();
        let mut offered: Vec<String> = offered.iter().map(|code| (*code).to_owned()).collect();
        let members = Members::below(folder.path());
        members.order(code, typed, &mut offered, String::as_str, |name| name == "gain");
        offered
    }

    #[test]
    fn private_fields_and_methods_come_behind_what_can_be_used() {
        let offered = ["path", "trials", "seed", "lock()", "read()", "path()", "log()", "clone()"];
        let expected = ["seed", "path()", "log()", "clone()", "path", "trials", "lock()", "read()"];
        assert_eq!(ordered("run.", "", &offered), expected);
        assert_eq!(ordered("run.", "pa", &["path", "path()"]), ["path", "path()"], "a figure has one, too");
        assert_eq!(ordered("figure.", "", &["path", "trials", "save()"]), ["path", "trials", "save()"]);
    }

    #[test]
    fn fields_of_other_crates_come_last_and_those_of_cells_stay() {
        assert_eq!(ordered("table.", "", &["columns", "height", "head(n)"]), ["head(n)", "columns", "height"]);
        assert_eq!(ordered("pair.", "", &["0", "1", "clone()"]), ["0", "1", "clone()"]);
        assert_eq!(ordered("mine.", "", &["gain", "clone()"]), ["gain", "clone()"]);
    }

    #[test]
    fn names_that_follow_no_dot_keep_their_order() {
        let offered = ["path", "log()"];
        assert_eq!(ordered("use run::", "", &offered), offered);
        assert_eq!(ordered("0..", "", &offered), offered);
    }
}

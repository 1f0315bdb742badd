//! The order in which names are offered: what a cell may not use comes last.
//!
//! rust-analyzer is asked by evcxr to offer private fields and methods too, and puts fields first. Which of the crate's
//! names are public stands in its sources; a field of another crate's type is hardly ever.

use std::collections::HashSet;
use std::path::Path;

/// The names of the crate's fields and methods.
#[derive(Debug, Default)]
pub struct MemberNames {
    public: HashSet<String>,
    private: HashSet<String>,
}

impl MemberNames {
    /// Those in the sources below a folder; none where they cannot be read.
    pub fn below(folder: &Path) -> MemberNames {
        let mut names = MemberNames::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    std::fs::read_to_string(&path).unwrap_or_default().lines().for_each(|line| names.read(line));
                }
            }
        }
        names
    }

    fn read(&mut self, line: &str) {
        let line = line.trim_start();
        let (is_public, rest) = match line.strip_prefix("pub ") {
            Some(rest) => (true, rest),
            None => {
                (false, line.strip_prefix("pub(").and_then(|rest| rest.split_once(") ")).map_or(line, |(_, rest)| rest))
            }
        };
        let rest = rest.strip_prefix("const ").unwrap_or(rest);
        let is_function = rest.starts_with("fn ");
        let name = name_at_start(rest.strip_prefix("fn ").unwrap_or(rest));
        let is_field = rest[name.len()..].starts_with(": ");
        if !name.is_empty() && (is_function || is_field) {
            if is_public { &mut self.public } else { &mut self.private }.insert(name.to_owned());
        }
    }

    /// Puts behind all others what is offered behind a dot and may not be used: `before` is the text up to there, `code` what
    /// one of them would write. `is_of_cells` knows the fields of types that cells have defined.
    pub fn order<T>(
        &self,
        before: &str,
        offered: &mut [T],
        code: impl Fn(&T) -> &str,
        is_of_cells: impl Fn(&str) -> bool,
    ) {
        if before.ends_with('.') && !before.ends_with("..") {
            // The order of rust-analyzer stays otherwise: the sort is stable.
            offered.sort_by_key(|one| !self.is_usable(code(one), &is_of_cells));
        }
    }

    fn is_usable(&self, code: &str, is_of_cells: impl Fn(&str) -> bool) -> bool {
        let name = name_at_start(code);
        if self.public.contains(name) || name.is_empty() || name.bytes().all(|byte| byte.is_ascii_digit()) {
            return true;
        }
        let is_field = name.len() == code.len();
        if is_field { is_of_cells(name) || KEYWORDS.contains(&name) } else { !self.private.contains(name) }
    }
}

/// What may stand behind a dot without being a field.
const KEYWORDS: [&str; 1] = ["await"];

fn name_at_start(text: &str) -> &str {
    let end = text.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(text.len());
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(code: &str, offered: &[&str]) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let source = "pub struct Run {\n    folder: PathBuf,\n    pub seed: u64,\n}\nimpl Run {\n    pub fn log(&self) {}\n    \
                      pub(crate) fn lock(&self) {}\n    fn read(&self) {}\n}\n";
        std::fs::create_dir(folder.path().join("training")).unwrap();
        std::fs::write(folder.path().join("training/run.rs"), source).unwrap();
        let mut offered: Vec<String> = offered.iter().map(|code| (*code).to_owned()).collect();
        MemberNames::below(folder.path()).order(code, &mut offered, String::as_str, |name| name == "mine");
        offered
    }

    #[test]
    fn private_fields_and_methods_come_behind_what_can_be_used() {
        let offered = ["folder", "columns", "seed", "mine", "0", "lock()", "read()", "log()", "clone()"];
        let expected = ["seed", "mine", "0", "log()", "clone()", "folder", "columns", "lock()", "read()"];
        assert_eq!(ordered("run.", &offered), expected);
    }

    #[test]
    fn names_that_follow_no_dot_keep_their_order() {
        let offered = ["folder", "log()"];
        assert_eq!(ordered("use run::", &offered), offered);
        assert_eq!(ordered("0..", &offered), offered);
    }
}

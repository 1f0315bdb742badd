//! Types of variables, asked of the compiler where rust-analyzer does not know them.
//!
//! A statement `let () = variable;` cannot be compiled, and the compiler says why: by naming the variable's type.

use std::collections::BTreeMap;

use serde_json::Value;

/// What evcxr has, for each variable, in the source that it has checked.
const STORE: (&str, &str) = ("evcxr_variable_store(", ");");

/// What the compiler says of the value of such a statement.
const NAMED: (&str, &str) = ("this expression has type `", "`");

/// The unstable options with which it says the type in full.
pub const OPTIONS: [&str; 2] = ["-Ztrim-diagnostic-paths=no", "-Zwrite-long-types-to-disk=no"];

/// The variable that lets those options be used.
pub const ALLOWED: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// The source with a question for each variable, and the lines (from 1) of the questions.
pub fn with_questions(source: &str) -> (String, BTreeMap<u64, String>) {
    let mut lines = BTreeMap::new();
    let asked = (1..).zip(source.lines()).map(|(number, line)| {
        let name = line.trim().strip_prefix(STORE.0).and_then(|rest| rest.strip_suffix(STORE.1));
        match name {
            Some(name) => {
                lines.insert(number, name.to_owned());
                format!("let () = {name};\n")
            }
            None => format!("{line}\n"),
        }
    });
    (asked.collect(), lines)
}

/// The types of variables that the compiler names when asked. Nothing if the source has another error.
pub fn answers(messages: &str, questions: &BTreeMap<u64, String>) -> Option<BTreeMap<String, String>> {
    let mut types = BTreeMap::new();
    for message in messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let spans = message["spans"].as_array().cloned().unwrap_or_default();
        if message["level"] != "error" || spans.is_empty() {
            continue;
        }
        let primary = spans.iter().find(|span| span["is_primary"] == true)?;
        let name = questions.get(&primary["line_start"].as_u64()?)?;
        let labels = spans.iter().filter_map(|span| span["label"].as_str());
        let named = labels.filter_map(|label| label.strip_prefix(NAMED.0)?.strip_suffix(NAMED.1)).next();
        if let Some(named) = named {
            // A part is open: the compiler's own message says best what is missing.
            if is_open(named) {
                return None;
            }
            types.insert(name.clone(), named.replace("{integer}", "i32").replace("{float}", "f64"));
        }
    }
    Some(types)
}

/// Whether the compiler knows a type but for a part, which it writes as `_`.
fn is_open(named: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '\'';
    named
        .match_indices('_')
        .any(|(place, _)| !named[..place].ends_with(is_part) && !named[place + 1..].starts_with(is_part))
}

/// Why a variable of this type cannot be kept for other cells, if it cannot.
pub fn reason_against(name: &str, named: &str) -> Option<String> {
    if named.contains("{closure") {
        return Some(format!(
            "the variable `{name}` is a closure, whose type has no name, so that it cannot be kept for other cells: \
             write a function, `fn {name}(…) -> … {{ … }}`; or box it, `let {name}: Box<dyn Fn(f64) -> f64> = \
             Box::new(…);`; or put braces around what needs it"
        ));
    }
    let is_nameless = named.contains("impl ") || named.contains('{') || named.contains("'_");
    is_nameless.then(|| {
        format!(
            "the variable `{name}` has the type `{named}`, which cannot be kept for other cells: collect it into a \
             `Vec`, or put braces around what needs it"
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn diagnostic(line: u64, label: &str) -> String {
        let spans = json!([
            {"line_start": line, "is_primary": true, "label": "expected `Vec<f64>`, found `()`"},
            {"line_start": line, "is_primary": false, "label": label},
        ]);
        json!({"level": "error", "message": "mismatched types", "spans": spans}).to_string()
    }

    #[test]
    fn the_compiler_is_asked_and_its_answers_are_read() {
        let source = "fn f() {\nlet a = g();\nevcxr_variable_store(a);\nevcxr_variable_store(b);\nOk(())}\n";
        let (asked, questions) = with_questions(source);
        assert_eq!(asked, "fn f() {\nlet a = g();\nlet () = a;\nlet () = b;\nOk(())}\n");
        let said = [
            diagnostic(3, "this expression has type `std::vec::Vec<{float}>`"),
            diagnostic(4, "this expression has type `u8`"),
            json!({"level": "error", "message": "aborting due to 2 previous errors", "spans": []}).to_string(),
        ];
        let types = answers(&said.join("\n"), &questions).unwrap();
        assert_eq!(types["a"], "std::vec::Vec<f64>");
        assert_eq!(types["b"], "u8");
        assert_eq!(answers(&diagnostic(2, "another error"), &questions), None);
        assert_eq!(answers(&diagnostic(3, "this expression has type `std::vec::Vec<_>`"), &questions), None);
        assert!(answers(&diagnostic(3, "this expression has type `Iter<'_, a_b>`"), &questions).is_some());
    }

    #[test]
    fn types_that_cannot_be_kept_are_told() {
        assert!(reason_against("f", "{closure@src/lib.rs:3:4}").unwrap().contains("Box<dyn Fn"));
        assert!(reason_against("i", "std::slice::Iter<'_, u8>").unwrap().contains("collect"));
        assert_eq!(reason_against("v", "std::vec::Vec<f64>"), None);
    }
}

//! JSON as Python's `json` writes it: with NaN, Infinity and -Infinity, which JSON does not have; and the version of
//! the files of a run that are JSON.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The version of `hp.json` and `log.json`.
const VERSION: u64 = 1;
/// Its key. Files of the published program and older ones do not have it.
pub(crate) const VERSION_KEY: &str = "format_version";

/// Says in a file which version it is of.
pub(crate) fn write_version(object: &mut Map<String, Value>) {
    object.insert(VERSION_KEY.to_owned(), VERSION.into());
}

/// Takes the version out of a file's content.
///
/// # Errors
/// What is wrong and what to do, if it is none or later than this program's.
pub(crate) fn take_version(object: &mut Map<String, Value>) -> Result<(), (String, &'static str)> {
    let Some(found) = object.remove(VERSION_KEY) else { return Ok(()) };
    match found.as_u64() {
        Some(1..=VERSION) => Ok(()),
        Some(later) if later > VERSION => {
            let here = env!("CARGO_PKG_VERSION");
            let problem =
                format!("it is of version {later} of its format, and maturation {here} reads up to {VERSION}");
            Err((problem, "A later maturation wrote it: update this one"))
        }
        _ => Err((format!("its `{VERSION_KEY}` is {found}, expected {VERSION}"), "Correct the file")),
    }
}

/// Reads JSON; a number that is none is null. The second is whether there was one.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> serde_json::Result<(T, bool)> {
    match serde_json::from_str(text) {
        Ok(value) => Ok((value, false)),
        Err(problem) => match without_nan(text) {
            Some(text) => serde_json::from_str(&text).map(|value| (value, true)),
            None => Err(problem),
        },
    }
}

/// The text with null in place of numbers that are none; none if there is no such number outside of quotes.
fn without_nan(text: &str) -> Option<String> {
    let (mut found, mut rest, mut any) = (String::with_capacity(text.len()), text, false);
    let mut quoted = false;
    while let Some(first) = rest.chars().next() {
        let word = ["NaN", "-Infinity", "Infinity"].into_iter().find(|word| !quoted && rest.starts_with(word));
        if let Some(word) = word {
            found.push_str("null");
            rest = &rest[word.len()..];
            any = true;
            continue;
        }
        if quoted && first == '\\' {
            // What is escaped ends no text.
            let both: usize = rest.chars().take(2).map(char::len_utf8).sum();
            found.push_str(&rest[..both]);
            rest = &rest[both..];
            continue;
        }
        quoted ^= first == '"';
        found.push(first);
        rest = &rest[first.len_utf8()..];
    }
    any.then_some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_later_version_is_told_from_a_wrong_one() {
        let take = |value: Value| {
            let mut object = Map::from_iter([(VERSION_KEY.to_owned(), value), ("a".to_owned(), json!(1))]);
            let taken = take_version(&mut object);
            assert_eq!(object.len(), 1);
            taken
        };
        assert_eq!(take(json!(1)), Ok(()));
        let (problem, remedy) = take(json!(2)).unwrap_err();
        assert!(problem.contains("version 2") && problem.contains("reads up to 1") && remedy.contains("update"));
        for wrong in [json!(0), json!(-1), json!(1.5), json!("1"), json!(null)] {
            assert!(take(wrong).unwrap_err().0.contains("`format_version`"));
        }
        let mut written = Map::new();
        write_version(&mut written);
        assert_eq!(take_version(&mut written), Ok(()));
        assert!(written.is_empty());
    }

    #[test]
    fn numbers_that_are_none_are_null_but_words_in_quotes_stay() {
        let (value, any): (Value, bool) = read(r#"{"a": [NaN, -Infinity, 1.5], "NaN": "Infinity \" NaN"}"#).unwrap();
        assert_eq!((value, any), (json!({"a": [null, null, 1.5], "NaN": "Infinity \" NaN"}), true));
        assert_eq!(read::<Value>("[1]").unwrap(), (json!([1]), false));
        for text in ["[1, NaN", "[nan]", "[1", "[NaN 1]"] {
            assert!(read::<Value>(text).is_err(), "{text}");
        }
    }
}

//! JSON as Python's `json` writes it: with NaN, Infinity and -Infinity, which JSON does not have.

use serde::de::DeserializeOwned;

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
    use serde_json::{Value, json};

    use super::*;

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

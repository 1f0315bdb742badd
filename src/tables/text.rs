//! Numbers as sentences and axes write them.

/// A whole number with commas.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let parts = digits.as_bytes().rchunks(3).rev().filter_map(|part| std::str::from_utf8(part).ok());
    parts.collect::<Vec<_>>().join(",")
}

/// A number without its fraction, with commas.
pub(crate) fn signed_thousands(number: f64) -> String {
    format!("{}{}", if number <= -0.5 { "−" } else { "" }, thousands(number.abs().round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart_by_commas() {
        assert_eq!([0, 999, 1000, 1234567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([-1234.4, -0.2, 999.5].map(signed_thousands), ["−1,234", "0", "1,000"]);
    }
}

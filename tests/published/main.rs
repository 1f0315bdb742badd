//! Tasks, networks and stages against numbers that the published system computed (see `tests/fixtures/README.md`).

mod networks;
mod stages;
mod tasks;

/// A fixture in `tests/fixtures`, as JSON.
fn json(name: &str) -> serde_json::Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A list of numbers.
fn numbers(value: &serde_json::Value) -> Vec<f64> {
    value.as_array().expect("a list").iter().map(|value| value.as_f64().unwrap_or(f64::NAN)).collect()
}

//! The notebooks as they lie in the repository: small, and shown where no script runs.

use std::path::{Path, PathBuf};

use serde_json::Value;

const PLOTLY: &str = "application/vnd.plotly.v1+json";

fn notebooks() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("notebooks");
    let mut all: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| path.extension().is_some_and(|extension| extension == "ipynb"));
    all.sort();
    assert!(all.len() >= 10);
    all
}

/// A text or a list of texts as one.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

#[test]
fn every_notebook_is_small_and_every_figure_has_a_picture_and_words_and_no_script() {
    for path in notebooks() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let content = std::fs::read_to_string(&path).unwrap();
        assert!(content.len() <= 1_000_000, "{name} has {} bytes", content.len());
        let notebook: Value = serde_json::from_str(&content).unwrap();
        let mut figures = 0;
        let code = || notebook["cells"].as_array().unwrap().iter().filter(|cell| cell["cell_type"] == "code");
        if code().all(|cell| cell["execution_count"].is_null()) {
            eprintln!("{name} has not been executed yet");
            continue;
        }
        for cell in code() {
            let source = text(&cell["source"]);
            for output in cell["outputs"].as_array().unwrap() {
                assert_ne!(output["output_type"], "error", "{name}: {source}");
                assert_ne!(output["name"], "stderr", "{name}: {source}");
                assert!(!text(&output["data"]["text/html"]).contains("<script"), "{name}: {source}");
                if output["data"][PLOTLY].is_null() {
                    continue;
                }
                figures += 1;
                let picture = text(&output["data"]["image/svg+xml"]);
                assert!(picture.starts_with("<svg") && picture.contains("<title>"), "{name}: {source}");
                assert!(!text(&output["data"]["text/plain"]).is_empty(), "{name}: {source}");
                assert_eq!(output["data"][PLOTLY]["config"]["showSendToCloud"], false, "{name}: {source}");
            }
        }
        assert!(figures > 0, "{name} shows no figure");
    }
}

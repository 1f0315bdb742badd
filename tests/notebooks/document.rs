//! Notebook files: reading them, and writing outputs back.

use std::path::Path;

use serde_json::{Value, json};

/// Plotly's JSON as notebooks name it.
const PLOTLY: &str = "application/vnd.plotly.v1+json";

/// A notebook file.
pub struct Document {
    json: Value,
}

/// A code cell: its place among all cells, its source, and what its output must have.
pub struct CodeCell {
    pub place: usize,
    pub source: String,
    pub expected: Expected,
}

/// What a cell's metadata says of its output, under `expect`.
#[derive(Default)]
pub struct Expected {
    /// Kinds of content that must be among the output.
    pub mime: Vec<String>,
    /// Texts that must occur in the output.
    pub text: Vec<String>,
}

/// What a cell printed and showed.
#[derive(Default)]
pub struct Output {
    pub stdout: Vec<String>,
    pub content: Vec<(String, String)>,
}

impl Document {
    pub fn read(path: &Path) -> Result<Document, String> {
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        Document::parse(&text)
    }

    pub fn parse(text: &str) -> Result<Document, String> {
        let json: Value = serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        match json["nbformat"].as_u64() {
            Some(4) if json["cells"].is_array() => Ok(Document { json }),
            format => Err(format!("not a notebook of format 4, but {format:?}")),
        }
    }

    pub fn code_cells(&self) -> Vec<CodeCell> {
        let cells = self.json["cells"].as_array().into_iter().flatten().enumerate();
        let code = cells.filter(|(_, cell)| cell["cell_type"] == "code");
        code.map(|(place, cell)| {
            let list = |key: &str| lines(&cell["metadata"]["expect"][key]);
            let expected = Expected { mime: list("mime"), text: list("text") };
            CodeCell { place, source: lines(&cell["source"]).concat(), expected }
        })
        .collect()
    }

    /// Puts outputs into a cell, as Jupyter would.
    pub fn set_output(&mut self, place: usize, count: usize, output: &Output) -> Result<(), String> {
        let mut outputs = Vec::new();
        if !output.stdout.is_empty() {
            let text: Vec<String> = output.stdout.iter().map(|line| format!("{line}\n")).collect();
            outputs.push(json!({"output_type": "stream", "name": "stdout", "text": text}));
        }
        let mut data = serde_json::Map::new();
        for (kind, content) in &output.content {
            let content = match kind == PLOTLY {
                true => serde_json::from_str(content).map_err(|error| format!("the figure: {error}"))?,
                false => json!(split_lines(content)),
            };
            data.insert(kind.clone(), content);
        }
        if !data.is_empty() {
            let result = "execute_result";
            outputs.push(json!({"output_type": result, "execution_count": count, "data": data, "metadata": {}}));
        }
        let cell = &mut self.json["cells"][place];
        cell["execution_count"] = json!(count);
        cell["outputs"] = Value::Array(outputs);
        Ok(())
    }

    pub fn write(&self, path: &Path) -> Result<(), String> {
        // Jupyter indents by one, which keeps differences between versions readable.
        let mut text = Vec::new();
        let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
        serde::Serialize::serialize(&self.json, &mut serializer).map_err(|error| error.to_string())?;
        text.push(b'\n');
        std::fs::write(path, text).map_err(|error| error.to_string())
    }
}

/// A text or a list of texts as a list.
fn lines(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Vec::new(),
    }
}

/// A text as lines that keep their ends.
fn split_lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

//! Notebook files: reading them, and writing outputs back.

use std::path::Path;

use maturation::figures::{ImageFormat, image_of_json};
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

    /// Puts outputs into a cell, as Jupyter would. In place of a figure's page element, of megabytes (plotly.js), stands
    /// a picture of it, for the viewers that run no scripts.
    pub fn set_output(&mut self, place: usize, count: usize, output: &Output) -> Result<(), String> {
        let mut outputs = Vec::new();
        if !output.stdout.is_empty() {
            let text: Vec<String> = output.stdout.iter().map(|line| format!("{line}\n")).collect();
            outputs.push(json!({"output_type": "stream", "name": "stdout", "text": text}));
        }
        let mut data = serde_json::Map::new();
        let figure = output.content.iter().find(|(kind, _)| kind == PLOTLY).map(|(_, content)| content);
        for (kind, content) in &output.content {
            if kind == "text/html" && figure.is_some() {
                continue;
            }
            data.insert(kind.clone(), json!(split_lines(content)));
        }
        if let Some(content) = figure {
            let plot: Value = serde_json::from_str(content).map_err(|error| format!("the figure: {error}"))?;
            // A vector graphic takes a sixth of the room of a bitmap that is sharp.
            let picture = image_of_json(content, ImageFormat::Svg).map_err(|error| error.to_string())?;
            let picture = String::from_utf8(picture).map_err(|error| format!("the figure: {error}"))?;
            data.insert("image/svg+xml".to_owned(), json!(split_lines(&fitting(&picture))));
            data.insert(PLOTLY.to_owned(), plot);
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

/// A vector graphic that takes the width that a viewer has for it, up to its own: narrow viewers would cut it off.
fn fitting(picture: &str) -> String {
    let Some((tag, rest)) = picture.split_once('>') else { return picture.to_owned() };
    let mut width = "";
    let mut kept = Vec::new();
    for attribute in tag.split_inclusive("\" ") {
        match attribute.trim_start_matches("<svg ").split_once('=') {
            Some(("width", value)) => width = value.trim().trim_matches('"'),
            Some(("height" | "style", _)) => {}
            _ => kept.push(attribute),
        }
    }
    format!("{} style=\"max-width:{width}px\">{rest}", kept.concat().trim_end())
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

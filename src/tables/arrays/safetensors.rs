//! Safetensors, with names as numbers.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::error::{Error, Result};
use crate::tables::arrays::{Array, Elements};
use crate::tables::write_bytes;

/// The metadata that tells what numbers stand for. It is one, since several would stand in no order.
const NAMES: &str = "names";

/// Writes a file of safetensors, whole or not at all; `metadata` is what it says beside its arrays.
///
/// # Errors
/// If the file cannot be written.
pub(crate) fn write(path: &Path, arrays: &[Array], metadata: HashMap<String, String>) -> Result<()> {
    write_bytes(path, &bytes(path, arrays, metadata)?)
}

/// What such a file holds.
///
/// # Errors
/// If the arrays cannot be laid out; the message names the file.
pub(crate) fn bytes(path: &Path, arrays: &[Array], mut metadata: HashMap<String, String>) -> Result<Vec<u8>> {
    let mut names = BTreeMap::new();
    let encoded: Vec<(Dtype, Vec<u8>)> = arrays.iter().map(|array| encode(array, &mut names)).collect();
    let refused = |problem: &dyn std::fmt::Display| {
        Error::file(path, format!("its arrays cannot be laid out: {problem}"), "Check the shapes of the arrays")
    };
    let mut views = Vec::with_capacity(arrays.len());
    for (array, (kind, bytes)) in arrays.iter().zip(&encoded) {
        let view = TensorView::new(*kind, array.shape.clone(), bytes).map_err(|problem| refused(&problem))?;
        views.push((array.name.as_str(), view));
    }
    if !names.is_empty() {
        let names = serde_json::to_string(&names).map_err(|problem| refused(&problem))?;
        metadata.insert(NAMES.to_owned(), names);
    }
    let metadata = (!metadata.is_empty()).then_some(metadata);
    safetensors::serialize(views, metadata).map_err(|problem| refused(&problem))
}

/// The elements as bytes; names are numbered in the order in which they first appear.
fn encode(array: &Array, names: &mut BTreeMap<String, Vec<String>>) -> (Dtype, Vec<u8>) {
    match &array.elements {
        Elements::F32(values) => {
            let mut bytes = Vec::with_capacity(4 * values.len());
            // Networks are written beside training: this takes a fraction of the time of a chain of bytes.
            values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
            (Dtype::F32, bytes)
        }
        Elements::F64(values) => (Dtype::F64, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Elements::I64(values) => (Dtype::I64, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
        Elements::Bool(values) => (Dtype::BOOL, values.iter().map(|value| u8::from(*value)).collect()),
        Elements::Names(values) => {
            let known = names.entry(array.name.clone()).or_default();
            let mut number = |name: &String| {
                let found = known.iter().position(|known| known == name);
                let number = found.unwrap_or_else(|| {
                    known.push(name.clone());
                    known.len() - 1
                });
                (number as i64).to_le_bytes()
            };
            (Dtype::I64, values.iter().flat_map(&mut number).collect())
        }
    }
}

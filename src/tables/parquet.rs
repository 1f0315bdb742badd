//! Parquet files of any writer. Types that this crate's tables do not have are read as the nearest that they do.

use std::cell::Cell;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Once};

use polars::prelude::*;
use polars_parquet::parquet::metadata::{FileMetadata, SchemaDescriptor};
use polars_parquet::parquet::schema::types::{IntegerType, ParquetType, PrimitiveConvertedType, PrimitiveLogicalType};
use polars_parquet::read::infer_schema;

use crate::error::{Error, Result};
use crate::tables::pages::{fault_of_footer, fault_of_pages};

/// Reads the columns that are wanted. Small whole numbers come as 32-bit ones, categories as text.
pub(super) fn read(path: &Path, file: File, wanted: &dyn Fn(&str) -> bool) -> Result<DataFrame> {
    let another = "It may be truncated or another kind of file: write it again";
    let broken = |reason: String| Error::file(path, format!("it is not a Parquet table: {reason}"), another);
    let unread = |source| Error::io("read", path, source);
    if let Some(fault) = fault_of_footer(&mut &file).map_err(unread)? {
        return Err(broken(fault.to_owned()));
    }
    let mut pages = file.try_clone().map_err(unread)?;
    // A damaged file can end in a panic inside the reader, not only in an error.
    let opened = quietly(|| {
        let mut reader = ParquetReader::new(file).read_parallel(ParallelStrategy::None);
        let metadata = FileMetadata::clone(reader.get_metadata()?);
        PolarsResult::Ok((reader, metadata))
    });
    let (reader, mut metadata) = match opened {
        Some(Ok(opened)) => opened,
        Some(Err(reason)) => return Err(broken(reason.to_string())),
        None => return Err(broken("its content is damaged".to_owned())),
    };
    // What the writer says of its own types (categories, durations); what is stored tells enough.
    metadata.key_value_metadata = None;
    let fields: Vec<ParquetType> = metadata.schema_descr.fields().iter().cloned().map(wider).collect();
    if let Some((_, twice)) = fields
        .iter()
        .enumerate()
        .find(|(place, field)| fields[..*place].iter().any(|known| known.name() == field.name()))
    {
        return Err(Error::file(
            path,
            format!("two columns are called `{}`", twice.name()),
            "Give each column a name of its own",
        ));
    }
    metadata.schema_descr = SchemaDescriptor::new(metadata.schema_descr.name().into(), fields);
    let schema = match quietly(|| infer_schema(&metadata)) {
        Some(Ok(schema)) => schema,
        Some(Err(reason)) => return Err(broken(reason.to_string())),
        None => return Err(broken("its columns are of no known type".to_owned())),
    };
    let mut chosen = Vec::new();
    for field in schema.iter_values().filter(|field| wanted(&field.name)) {
        if !is_supported(field.dtype()) {
            return Err(Error::file(
                path,
                format!("its column `{}` holds values of type {}", field.name, type_name(field.dtype())),
                "Write it as whole or decimal numbers or as text, or leave it out. Of a recording, `Activity::read` \
                 reads only the columns that it needs",
            ));
        }
        chosen.push(field.name.to_string());
    }
    if chosen.is_empty() {
        let names: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
        return match names.len() {
            0 => Err(broken("it has no columns".to_owned())),
            _ => Err(Error::file(
                path,
                format!("it has none of the columns that are needed, but {}", names.join(", ")),
                "Name its columns as the documentation says",
            )),
        };
    }
    match quietly(|| fault_of_pages(&mut pages, &metadata, wanted)) {
        Some(found) => {
            if let Some(fault) = found.map_err(unread)? {
                return Err(broken(fault));
            }
        }
        None => return Err(broken("its content is damaged".to_owned())),
    }
    let rows: usize = metadata.row_groups.iter().map(|group| group.num_rows()).sum();
    let mut reader = reader;
    reader.set_metadata(Arc::new(metadata));
    match quietly(|| reader.with_columns(Some(chosen)).finish()) {
        // Polars believes a column's pages and makes a table of unequal columns.
        Some(Ok(table)) => match table.columns().iter().find(|column| column.len() != rows) {
            None => Ok(table),
            Some(column) => Err(broken(format!("its column `{}` has {} rows of {rows}", column.name(), column.len()))),
        },
        Some(Err(reason)) => Err(broken(reason.to_string())),
        None => Err(broken("its content is damaged".to_owned())),
    }
}

/// A column of 8- or 16-bit numbers as what it is stored as, 32-bit ones.
fn wider(field: ParquetType) -> ParquetType {
    use IntegerType::{Int8, Int16, UInt8, UInt16};
    use PrimitiveConvertedType as Converted;
    let ParquetType::PrimitiveType(mut primitive) = field else { return field };
    let is_small = match (&primitive.logical_type, &primitive.converted_type) {
        (Some(PrimitiveLogicalType::Integer(kind)), _) => matches!(kind, Int8 | Int16 | UInt8 | UInt16),
        (None, Some(kind)) => {
            matches!(kind, Converted::Int8 | Converted::Int16 | Converted::Uint8 | Converted::Uint16)
        }
        _ => false,
    };
    if is_small {
        (primitive.logical_type, primitive.converted_type) = (None, None);
    }
    ParquetType::PrimitiveType(primitive)
}

fn is_supported(kind: &ArrowDataType) -> bool {
    use ArrowDataType as Kind;
    matches!(
        kind,
        Kind::Boolean
            | Kind::Int32
            | Kind::Int64
            | Kind::UInt32
            | Kind::UInt64
            | Kind::Float32
            | Kind::Float64
            | Kind::Utf8
            | Kind::LargeUtf8
            | Kind::Utf8View
            | Kind::Null
    )
}

/// What a type is called in a message.
fn type_name(kind: &ArrowDataType) -> String {
    let text = format!("{kind:?}").to_lowercase();
    text.split(['(', '{']).next().unwrap_or_default().to_owned()
}

thread_local! {
    /// Whether a panic of this thread is caught, and so need not be told.
    static CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// The result of `work`, none if it panicked; nothing is printed then.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !CAUGHT.get() {
                usual(panic);
            }
        }));
    });
    CAUGHT.set(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    CAUGHT.set(false);
    result.ok()
}

//! Which kind of value each field of Parquet's footer and page headers is: polars decodes a field by its number alone,
//! so that of a damaged file it would take the bytes of one kind for another, a number for the length of a list.

use super::thrift::kind::{BINARY, BOOLEAN, I16, I32, I64, LIST, STRUCT};

/// The kind of a field of the footer (`FileMetaData`), or of an element of a list, whose number is 0; none where any
/// will do.
pub(super) fn in_footer(path: &[i64]) -> Option<u8> {
    Some(match path {
        [1] => I32,
        [2 | 4 | 5 | 7] => LIST,
        [3] => I64,
        [6 | 9] => BINARY,
        [8] => STRUCT,
        [2 | 4 | 5 | 7, 0] => STRUCT,
        // The schema's elements.
        [2, 0, 4] => BINARY,
        [2, 0, 10] => STRUCT,
        [2, 0, 1..=9] => I32,
        // Groups of rows.
        [4, 0, 1 | 4] => LIST,
        [4, 0, 2 | 3 | 5 | 6] => I64,
        [4, 0, 7] => I16,
        [4, 0, 1 | 4, 0] => STRUCT,
        [4, 0, 1, 0, rest @ ..] => return in_column_chunk(rest),
        [5, 0, 1 | 2] => BINARY,
        _ => return None,
    })
}

/// The same within a column of a group of rows (`ColumnChunk`).
fn in_column_chunk(path: &[i64]) -> Option<u8> {
    Some(match path {
        [1 | 9] => BINARY,
        [2 | 4 | 6] => I64,
        [5 | 7] => I32,
        [3 | 8] => STRUCT,
        [3, 1 | 4 | 15] => I32,
        [3, 2 | 3 | 8 | 13] => LIST,
        [3, 2, 0] => I32,
        [3, 3, 0] => BINARY,
        [3, 8 | 13, 0] => STRUCT,
        [3, 5 | 6 | 7 | 9 | 10 | 11 | 14] => I64,
        [3, 12] => STRUCT,
        [3, 12, rest @ ..] => return in_statistics(rest),
        _ => return None,
    })
}

/// The same within a page's header (`PageHeader`).
pub(super) fn in_page(path: &[i64]) -> Option<u8> {
    Some(match path {
        [1..=4] => I32,
        [5..=8] => STRUCT,
        [5, 1..=4] | [7, 1 | 2] | [8, 1..=6] => I32,
        [7, 3] | [8, 7] => BOOLEAN,
        [5, 5] | [8, 8] => STRUCT,
        [5, 5, rest @ ..] | [8, 8, rest @ ..] => return in_statistics(rest),
        _ => return None,
    })
}

fn in_statistics(path: &[i64]) -> Option<u8> {
    Some(match path {
        [1 | 2 | 5 | 6] => BINARY,
        [3 | 4] => I64,
        [7 | 8] => BOOLEAN,
        _ => return None,
    })
}

//! What a Parquet file says of its sizes, checked before anyone asks for memory by it: of a damaged one that may be
//! more than there is, and then the process would end.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use polars_parquet::parquet::compression::DecompressionContext;
use polars_parquet::parquet::metadata::{ColumnChunkMetadata, FileMetadata};
use polars_parquet::parquet::page::{Page, split_buffer};
use polars_parquet::parquet::read::{PageMetaData, PageReader, decompress};

use super::parquet_fields::{in_footer, in_page};
use super::thrift::{unsigned, walk};

/// The file's last bytes: the footer's length and a mark.
const TAIL: usize = 8;

/// Values that delta encoding packs together at the most: writers have 128 or a few times as many.
const LARGEST_BLOCK: u64 = 1 << 16;

/// How values of a page are packed, by the number in its header.
mod encoding {
    pub const DELTA_NUMBERS: i64 = 5;
    pub const DELTA_LENGTHS: i64 = 6;
    pub const DELTA_TEXT: i64 = 7;
}

/// What is wrong with a file's footer, if anything is.
pub(super) fn fault_of_footer(file: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    let size = file.seek(SeekFrom::End(0))?;
    let Some(end) = size.checked_sub(TAIL as u64) else { return Ok(Some("it is too short")) };
    let tail = part(file, end, TAIL as u64)?;
    let Some((length, b"PAR1")) = tail.split_first_chunk().map(|(length, mark)| (u32::from_le_bytes(*length), mark))
    else {
        return Ok(Some("it does not end as one"));
    };
    let Some(start) = end.checked_sub(u64::from(length)) else { return Ok(Some("its footer has no beginning")) };
    let footer = part(file, start, u64::from(length))?;
    file.rewind()?;
    Ok(walk(&footer, in_footer, |_, _| ()).is_none().then_some("its footer is damaged"))
}

/// What is wrong with the pages of the wanted columns, if anything is: they must hold as many values as the footer has
/// rows, and no more bytes than it says.
pub(super) fn fault_of_pages(
    file: &mut (impl Read + Seek),
    metadata: &FileMetadata,
    wanted: &dyn Fn(&str) -> bool,
) -> io::Result<Option<String>> {
    let size = file.seek(SeekFrom::End(0))?;
    let fault = metadata.row_groups.iter().flat_map(|group| {
        let columns = group.parquet_columns().iter();
        columns.map(|column| (group.num_rows(), column))
    });
    for (rows, column) in fault {
        let Some(name) = column.descriptor().path_in_schema.first().filter(|name| wanted(name)) else { continue };
        let range = column.byte_range();
        let fault = if range.end > size {
            Some("ends after the file")
        } else {
            let chunk = part(file, range.start, range.end.saturating_sub(range.start))?;
            fault_of_chunk(&chunk, rows, column)
        };
        if let Some(fault) = fault {
            return Ok(Some(format!("its column `{name}` {fault}")));
        }
    }
    file.rewind()?;
    Ok(None)
}

/// Bytes of a file that are known to be there.
fn part(file: &mut (impl Read + Seek), from: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// What the header of a page says.
#[derive(Default)]
struct Header {
    uncompressed: i64,
    compressed: i64,
    values: i64,
    entries: i64,
    encoding: i64,
}

impl Header {
    /// The header at the front of some bytes, and what follows.
    fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let mut header = Header::default();
        let rest = walk(bytes, in_page, |path, value| match path {
            [2] => header.uncompressed = value,
            [3] => header.compressed = value,
            [5 | 8, 1] => header.values = value,
            [5, 2] | [8, 4] => header.encoding = value,
            [7, 1] => header.entries = value,
            _ => {}
        })?;
        Some((header, rest))
    }
}

/// What is wrong with a column's pages within a group of rows.
fn fault_of_chunk(chunk: &[u8], rows: usize, column: &ColumnChunkMetadata) -> Option<&'static str> {
    let rows = i64::try_from(rows).ok()?;
    if column.num_values() != rows {
        return Some("has another number of values than the table has rows");
    }
    let (mut rest, mut values, mut uncompressed, mut is_delta) = (chunk, 0_i64, 0_i64, false);
    while values < rows {
        let Some((header, content)) = Header::read(rest) else { return Some("has a damaged page header") };
        let compressed = usize::try_from(header.compressed).ok();
        let Some(next) = compressed.and_then(|length| content.get(length..)) else {
            return Some("has a page without an end");
        };
        if header.values < 0 || header.uncompressed < 0 || header.entries < 0 || header.entries > header.uncompressed {
            return Some("has a page with an impossible number of values");
        }
        values = values.saturating_add(header.values);
        uncompressed = uncompressed.saturating_add(header.uncompressed);
        match header.encoding {
            encoding::DELTA_TEXT => return Some("is packed as DELTA_BYTE_ARRAY, which is not read here"),
            encoding::DELTA_NUMBERS | encoding::DELTA_LENGTHS => is_delta = true,
            _ => {}
        }
        rest = next;
    }
    if values != rows {
        return Some("has another number of values in its pages than in all");
    }
    if uncompressed > column.uncompressed_size() {
        return Some("has pages that are larger than all of it");
    }
    if is_delta && !has_possible_blocks(chunk, column) {
        return Some("has packed numbers that are damaged");
    }
    None
}

/// Whether each page of packed differences has blocks of a size that writers make.
fn has_possible_blocks(chunk: &[u8], column: &ColumnChunkMetadata) -> bool {
    let descriptor = column.descriptor().descriptor.clone();
    let meta = PageMetaData::new(0, column.num_values(), column.compression(), descriptor);
    let pages = PageReader::new_with_page_meta(Cursor::new(chunk.to_vec().into()), meta, Vec::new(), chunk.len());
    let mut context = DecompressionContext::Unset;
    pages.into_iter().all(|page| {
        let Ok(Page::Data(page)) = page.and_then(|page| decompress(page, &mut Vec::new(), &mut context)) else {
            return true;
        };
        let encoding = i64::from(page.header().encoding().0);
        if !matches!(encoding, encoding::DELTA_NUMBERS | encoding::DELTA_LENGTHS) {
            return true;
        }
        let Ok(parts) = split_buffer(&page) else { return false };
        let mut values = parts.values;
        let numbers = [unsigned(&mut values), unsigned(&mut values), unsigned(&mut values)];
        let [Some(block), Some(parts), Some(count)] = numbers else { return false };
        block <= LARGEST_BLOCK && (1..=block).contains(&parts) && count <= page.num_values() as u64
    })
}

//! A sorted table of keys and values: blocks of entries, and an index of the blocks at the end, as LevelDB has it.

use crate::network::tensor_bundle::crc32c;
use crate::network::tensor_bundle::proto::varint;

/// A problem, in words that follow the file's name.
type Result<T> = std::result::Result<T, String>;

/// Two places, room for the longest of them, and [`MAGIC`].
const FOOTER: usize = 48;
const MAGIC: u64 = 0xdb47_7524_8b80_fb57;
/// What follows a block: how it is compressed, and its checksum.
const TRAILER: usize = 5;
/// No block of an index is compressed to less than this share of itself: names and checksums repeat too little.
const MOST_COMPRESSED: usize = 6;

/// Hands each key and value of a table to `visit`, in the order of the keys.
///
/// No length in the file is trusted: what is made room for is at most [`MOST_COMPRESSED`] times the file.
pub(super) fn visit(file: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let start = file.len().checked_sub(FOOTER).ok_or("it has no footer")?;
    let (blocks, footer) = file.split_at(start);
    let (mut places, magic) = footer.split_at(FOOTER - 8);
    if magic != MAGIC.to_le_bytes() {
        return Err("it does not end as an index does".to_owned());
    }
    // Of what the first block tells, a bundle has nothing.
    block(blocks, place(&mut places)?)?;
    let index = block(blocks, place(&mut places)?)?;
    let mut last: Option<Vec<u8>> = None;
    entries(&index, |_, mut value| {
        entries(&block(blocks, place(&mut value)?)?, |key, value| {
            // It also keeps an index from leading to one block again and again.
            if last.as_deref().is_some_and(|last| last >= key) {
                return Err("its names are not in order".to_owned());
            }
            let last = last.get_or_insert_default();
            last.clear();
            last.extend_from_slice(key);
            visit(key, value)
        })
    })
}

/// Takes the place of a block, its first byte and its length, off the front.
fn place(bytes: &mut &[u8]) -> Result<(u64, u64)> {
    Ok((varint(bytes)?, varint(bytes)?))
}

/// A block, as it was before it was compressed.
fn block(file: &[u8], (offset, length): (u64, u64)) -> Result<Vec<u8>> {
    let beyond = || "it leads to a block beyond its end".to_owned();
    let (offset, length) =
        (usize::try_from(offset).map_err(|_| beyond())?, usize::try_from(length).map_err(|_| beyond())?);
    let end = offset.checked_add(length).filter(|end| file.len().checked_sub(TRAILER).is_some_and(|last| *end <= last));
    let end = end.ok_or_else(beyond)?;
    let (content, kind, checksum) = (&file[offset..end], file[end], &file[end + 1..end + TRAILER]);
    if crc32c::masked(&file[offset..=end]).to_le_bytes() != *checksum {
        return Err(format!("the block at byte {offset} does not match its checksum"));
    }
    match kind {
        0 => Ok(content.to_vec()),
        1 => {
            let failed = |problem: snap::Error| format!("the block at byte {offset} cannot be unpacked: {problem}");
            let unpacked = snap::raw::decompress_len(content).map_err(failed)?;
            if unpacked > MOST_COMPRESSED * file.len() {
                return Err(format!("the block at byte {offset} claims to unpack to {unpacked} bytes"));
            }
            snap::raw::Decoder::new().decompress_vec(content).map_err(failed)
        }
        other => Err(format!("the block at byte {offset} is compressed in the unknown way {other}")),
    }
}

/// Hands each key and value of a block to `visit`. A key is stored without what it begins with in common with the one
/// before.
fn entries(block: &[u8], mut visit: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    let damaged = || "a block is damaged".to_owned();
    // At the end are the places where keys are whole, and the number of these places.
    let (rest, count) = block.split_last_chunk::<4>().ok_or_else(damaged)?;
    let places = (u32::from_le_bytes(*count) as usize).checked_mul(4).ok_or_else(damaged)?;
    let mut rest = &rest[..rest.len().checked_sub(places).ok_or_else(damaged)?];
    let mut key = Vec::new();
    while !rest.is_empty() {
        let mut length = || -> Result<usize> { usize::try_from(varint(&mut rest)?).map_err(|_| damaged()) };
        let (common, own, value) = (length()?, length()?, length()?);
        let whole = own.checked_add(value).is_some_and(|length| length <= rest.len());
        if common > key.len() || !whole {
            return Err(damaged());
        }
        key.truncate(common);
        key.extend_from_slice(&rest[..own]);
        visit(&key, &rest[own..own + value])?;
        rest = &rest[own + value..];
    }
    Ok(())
}

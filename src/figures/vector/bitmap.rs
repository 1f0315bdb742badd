//! A small bitmap within a vector graphic: the cells of a heatmap.

use crate::figures::markup::base64;

/// A picture as a PNG in a `data:` address: `cells` say for each point, row by row from the top, which of at most 256
/// `colours` (red, green, blue and how opaque) it has.
///
/// The format's checks are made here, and nothing is compressed: a heatmap has some thousand cells of a byte each.
pub(super) fn address(width: usize, cells: &[u8], colours: &[[u8; 4]]) -> String {
    let width = width.max(1);
    let rows: Vec<u8> = cells.chunks(width).flat_map(|row| std::iter::once(&0).chain(row)).copied().collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend((width as u32).to_be_bytes());
    header.extend((cells.len().div_ceil(width) as u32).to_be_bytes());
    // Eight bits, from a list of colours; the one way to compress, filter and order that there is.
    header.extend([8, 3, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(
        &mut file,
        b"PLTE",
        &colours.iter().flat_map(|[red, green, blue, _]| [*red, *green, *blue]).collect::<Vec<_>>(),
    );
    chunk(&mut file, b"tRNS", &colours.iter().map(|colour| colour[3]).collect::<Vec<_>>());
    chunk(&mut file, b"IDAT", &stored(&rows));
    chunk(&mut file, b"IEND", &[]);
    format!("data:image/png;base64,{}", base64(&file))
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    let checked = [&kind[..], content].concat();
    file.extend((content.len() as u32).to_be_bytes());
    file.extend(&checked);
    file.extend(crc32(&checked).to_be_bytes());
}

/// Bytes in the blocks of zlib, uncompressed.
fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let mut blocks = bytes.chunks(65_535).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        out.extend((block.len() as u16).to_le_bytes());
        out.extend((!(block.len() as u16)).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(bytes).to_be_bytes());
    out
}

fn adler32(bytes: &[u8]) -> u32 {
    let (first, second) = bytes.iter().fold((1_u32, 0_u32), |(first, second), byte| {
        let first = (first + u32::from(*byte)) % 65_521;
        (first, (second + first) % 65_521)
    });
    second << 16 | first
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |check: u32| if check & 1 == 1 { 0xedb8_8320 ^ (check >> 1) } else { check >> 1 };
    !bytes.iter().fold(!0_u32, |check, byte| (0..8).fold(check ^ u32::from(*byte), |check, _| step(check)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_are_those_of_the_format() {
        // The usual check values of both.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    #[test]
    fn a_bitmap_is_a_whole_png() {
        let text = address(2, &[0, 1], &[[255, 0, 0, 255], [0, 0, 255, 0]]);
        assert!(text.starts_with("data:image/png;base64,iVBORw0KGgo"), "{text}");
        assert!(stored(&[7; 70_000]).len() < 70_030);
    }
}

//! The two messages of an index, in the encoding of protocol buffers.

/// A problem, in words that follow the file's name.
type Result<T> = std::result::Result<T, String>;

/// An array has at most so many axes.
const MOST_AXES: usize = 8;

/// Takes a number of seven bits a byte off the front.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or("a number ends too early")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number has too many bytes".to_owned())
}

/// A field's content.
enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    fn number(self) -> Result<u64> {
        match self {
            Content::Number(number) => Ok(number),
            Content::Bytes(_) => Err("a message stands where a number should".to_owned()),
        }
    }

    fn bytes(self) -> Result<&'a [u8]> {
        match self {
            Content::Bytes(bytes) => Ok(bytes),
            Content::Number(_) => Err("a number stands where a message should".to_owned()),
        }
    }
}

/// Hands each field of a message to `take`, by its number.
fn fields<'a>(mut message: &'a [u8], mut take: impl FnMut(u64, Content<'a>) -> Result<()>) -> Result<()> {
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let content = match key & 7 {
            0 => Content::Number(varint(&mut message)?),
            1 => Content::Number(little_endian(split(&mut message, 8)?)),
            5 => Content::Number(little_endian(split(&mut message, 4)?)),
            2 => {
                let length = varint(&mut message)?;
                Content::Bytes(split(&mut message, length)?)
            }
            other => return Err(format!("a field is of the unknown kind {other}")),
        };
        take(key >> 3, content)?;
    }
    Ok(())
}

/// Takes so many bytes off the front.
fn split<'a>(message: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).ok().filter(|length| *length <= message.len());
    let (taken, rest) = message.split_at(length.ok_or("a field reaches beyond its message")?);
    *message = rest;
    Ok(taken)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// What the first entry of an index says of all (`BundleHeaderProto`).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Header {
    /// Files that hold the tensors.
    pub shards: u64,
    pub big_endian: bool,
    /// The earliest version of the format whose readers understand this file.
    pub for_version: u64,
}

impl Header {
    pub(super) fn parse(message: &[u8]) -> Result<Header> {
        let mut header = Header::default();
        fields(message, |field, content| {
            match field {
                1 => header.shards = content.number()?,
                2 => header.big_endian = content.number()? != 0,
                3 => fields(content.bytes()?, |field, content| {
                    if field == 2 {
                        header.for_version = content.number()?;
                    }
                    Ok(())
                })?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(header)
    }
}

/// Where a tensor is, and what it is (`BundleEntryProto`).
#[derive(Debug, Default, PartialEq)]
pub(super) struct Entry {
    /// TensorFlow's number of the type of elements.
    pub kind: u64,
    pub shape: Vec<usize>,
    pub shard: u64,
    /// Place and length in the shard, bytes.
    pub offset: u64,
    pub size: u64,
    /// Masked.
    pub checksum: u32,
    /// Whether the tensor is in parts that have entries of their own.
    pub in_slices: bool,
}

impl Entry {
    pub(super) fn parse(message: &[u8]) -> Result<Entry> {
        let mut entry = Entry::default();
        fields(message, |field, content| {
            match field {
                1 => entry.kind = content.number()?,
                2 => fields(content.bytes()?, |field, content| {
                    if field == 2 {
                        entry.shape.push(axis(content.bytes()?)?);
                    }
                    if entry.shape.len() > MOST_AXES {
                        return Err(format!("it has more than {MOST_AXES} axes"));
                    }
                    Ok(())
                })?,
                3 => entry.shard = content.number()?,
                4 => entry.offset = content.number()?,
                5 => entry.size = content.number()?,
                6 => entry.checksum = content.number()? as u32,
                7 => entry.in_slices = true,
                _ => {}
            }
            Ok(())
        })?;
        Ok(entry)
    }
}

/// The length of an axis.
fn axis(message: &[u8]) -> Result<usize> {
    let mut length = 0;
    fields(message, |field, content| {
        if field == 1 {
            length = content.number()?;
        }
        Ok(())
    })?;
    // A length that is not known is -1.
    u32::try_from(length).map(|length| length as usize).map_err(|_| "one of its axes is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_tensorflow_is_understood() {
        // `output/biases/Adam` of a file that TensorFlow 2.15 wrote: float, [9], 36 bytes from 44 on.
        let message = [8, 1, 18, 4, 18, 2, 8, 9, 32, 44, 40, 36, 53, 238, 70, 207, 145];
        let expected =
            Entry { kind: 1, shape: vec![9], offset: 44, size: 36, checksum: 0x91cf_46ee, ..Entry::default() };
        assert_eq!(Entry::parse(&message).unwrap(), expected);
        assert_eq!(Header::parse(&[8, 1, 26, 2, 8, 1]).unwrap(), Header { shards: 1, ..Header::default() });
        let later = Header::parse(&[8, 2, 16, 1, 26, 4, 8, 9, 16, 7]).unwrap();
        assert_eq!(later, Header { shards: 2, big_endian: true, for_version: 7 });
    }

    #[test]
    fn messages_that_are_none_are_refused_in_words() {
        for (message, words) in [
            (&[8_u8][..], "ends too early"),
            (&[8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "too many bytes"),
            (&[18, 200, 1, 0], "beyond its message"),
            (&[53, 1, 2], "beyond its message"),
            (&[11], "unknown kind 3"),
            (&[8, 1, 16, 4], "a number stands where a message should"),
            (&[10, 0], "a message stands where a number should"),
            (&[18, 13, 18, 11, 8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], "too long"),
        ] {
            let problem = Entry::parse(message).unwrap_err();
            assert!(problem.contains(words), "{problem}");
        }
        let axes: Vec<u8> = [18, 18].into_iter().chain([18, 0].repeat(9)).collect();
        assert!(Entry::parse(&axes).unwrap_err().contains("more than 8 axes"));
    }
}

//! Thrift's compact protocol, as far as checking needs it: Parquet's footer and the headers of its pages.

/// The depth that structures of Parquet stay below.
const DEEPEST: usize = 24;

/// Kinds of values, by their number in the protocol.
pub(super) mod kind {
    /// True; as a field also the kind of false.
    pub const BOOLEAN: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const BYTE: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const SET: u8 = 10;
    pub const MAP: u8 = 11;
    pub const STRUCT: u8 = 12;
}

/// What walks over a structure.
struct Walk<'a, 'f> {
    rest: &'a [u8],
    /// The numbers of the fields that lead to where it is; an element of a list is field 0.
    path: Vec<i64>,
    expected: &'f dyn Fn(&[i64]) -> Option<u8>,
    number: &'f mut dyn FnMut(&[i64], i64),
}

/// Walks over a structure at the front of some bytes and hands on each whole number with the path of field numbers that
/// leads to it. Gives what stands behind the structure; none if it is damaged, or a field is of another kind than
/// `expected` has it.
///
/// Whoever decodes the structure afterwards can trust its lengths: each list has no more elements, and each string no
/// more bytes, than there are bytes left.
pub(super) fn walk(
    bytes: &[u8],
    expected: impl Fn(&[i64]) -> Option<u8>,
    mut number: impl FnMut(&[i64], i64),
) -> Option<&[u8]> {
    let path = Vec::with_capacity(DEEPEST);
    let mut walk = Walk { rest: bytes, path, expected: &expected, number: &mut number };
    walk.structure()?;
    Some(walk.rest)
}

impl<'a> Walk<'a, '_> {
    fn structure(&mut self) -> Option<()> {
        if self.path.len() >= DEEPEST {
            return None;
        }
        self.path.push(0);
        loop {
            let head = self.byte()?;
            if head == 0 {
                self.path.pop();
                return Some(());
            }
            let field = match head >> 4 {
                0 => self.whole_number()?,
                step => self.path.last()?.checked_add(i64::from(step))?,
            };
            *self.path.last_mut()? = field;
            match head & 15 {
                kind::BOOLEAN | kind::FALSE => self.check(kind::BOOLEAN)?,
                kind => {
                    self.check(kind)?;
                    self.value(kind)?;
                }
            }
        }
    }

    fn check(&self, kind: u8) -> Option<()> {
        (self.expected)(&self.path).is_none_or(|expected| expected == kind).then_some(())
    }

    fn value(&mut self, kind: u8) -> Option<()> {
        match kind {
            kind::BOOLEAN | kind::FALSE | kind::BYTE => self.skip(1),
            kind::I16 | kind::I32 | kind::I64 => {
                let value = self.whole_number()?;
                (self.number)(&self.path, value);
                Some(())
            }
            kind::DOUBLE => self.skip(8),
            kind::BINARY => {
                let length = self.unsigned()?;
                self.skip(usize::try_from(length).ok()?)
            }
            kind::LIST | kind::SET => {
                let head = self.byte()?;
                let elements = match head >> 4 {
                    15 => self.unsigned()?,
                    few => u64::from(few),
                };
                self.elements(elements, &[head & 15])
            }
            kind::MAP => match self.unsigned()? {
                0 => Some(()),
                pairs => {
                    let kinds = self.byte()?;
                    self.elements(pairs, &[kinds >> 4, kinds & 15])
                }
            },
            kind::STRUCT => self.structure(),
            _ => None,
        }
    }

    fn elements(&mut self, count: u64, kinds: &[u8]) -> Option<()> {
        // The least that an element takes is a byte.
        if count > self.rest.len() as u64 || self.path.len() >= DEEPEST {
            return None;
        }
        self.path.push(0);
        for _ in 0..count {
            for kind in kinds {
                self.check(*kind)?;
                self.value(*kind)?;
            }
        }
        self.path.pop();
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.rest = self.rest.get(bytes..)?;
        Some(())
    }

    fn unsigned(&mut self) -> Option<u64> {
        unsigned(&mut self.rest)
    }

    /// Signed, with the sign in the lowest bit.
    fn whole_number(&mut self) -> Option<i64> {
        let value = self.unsigned()?;
        Some((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

/// The number at the front of some bytes, seven bits a byte, the lowest first; they are shortened by it.
pub(super) fn unsigned(bytes: &mut &[u8]) -> Option<u64> {
    let length = bytes.iter().take(10).position(|byte| *byte < 128)? + 1;
    let (number, rest) = bytes.split_at(length);
    *bytes = rest;
    Some(number.iter().enumerate().fold(0, |value, (place, byte)| value | (u64::from(byte & 127) << (7 * place))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number with the path to it.
    type Found = (Vec<i64>, i64);

    fn numbers(bytes: &[u8]) -> Option<(Vec<Found>, usize)> {
        let mut found = Vec::new();
        let rest = walk(bytes, |_| None, |path, value| found.push((path.to_vec(), value)))?;
        Some((found, rest.len()))
    }

    #[test]
    fn a_structure_gives_its_numbers_with_their_paths() {
        // Field 1: 3; field 2: a structure whose field 5 is −2; field 3: a list of 300 and 7; field 20: text; the end.
        let bytes = [0x15, 6, 0x1c, 0x55, 3, 0, 0x19, 0x25, 0xd8, 4, 14, 0x08, 40, 2, b'a', b'b', 0, 99];
        let expected = vec![(vec![1], 3), (vec![2, 5], -2), (vec![3, 0], 300), (vec![3, 0], 7)];
        assert_eq!(numbers(&bytes), Some((expected, 1)));
        for length in 0..bytes.len() - 1 {
            assert_eq!(numbers(&bytes[..length]), None, "cut to {length} bytes");
        }
    }

    #[test]
    fn a_field_or_an_element_of_another_kind_than_expected_is_refused() {
        // Field 1: 3; field 2: a list of one number, 7.
        let bytes = [0x15, 6, 0x19, 0x15, 14, 0];
        let fits = |expected: fn(&[i64]) -> Option<u8>| walk(&bytes, expected, |_, _| ()).is_some();
        assert!(fits(|path| Some(if path == [2] { kind::LIST } else { kind::I32 })));
        assert!(!fits(|path| (path == [1]).then_some(kind::LIST)));
        assert!(!fits(|path| (path == [2, 0]).then_some(kind::STRUCT)));
    }

    #[test]
    fn lengths_beyond_the_end_and_endless_nesting_are_refused() {
        assert_eq!(numbers(&[0x19, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), None, "a list of 2^32 numbers");
        assert_eq!(numbers(&[0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), None, "a string of 2^32 bytes");
        assert_eq!(numbers(&[0x1b, 0x7f, 0x55, 1]), None, "a map of 127 pairs");
        assert_eq!(numbers(&[0x1c; 500]), None, "structures in structures");
        assert_eq!(numbers(&[0x19, 0xf9, 0x19, 0x19, 0x19].repeat(90)), None, "lists in lists");
        assert_eq!(numbers(&[0x16, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]), None, "a number too long");
        assert_eq!(numbers(&[0x1d, 0]), None, "a kind that there is not");
    }
}

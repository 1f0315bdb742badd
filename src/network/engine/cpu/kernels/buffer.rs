//! Buffers that begin at a cache line.

use std::ops::{Deref, DerefMut};

/// Numbers in a cache line of 64 bytes.
const LINE: usize = 16;

#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// A buffer of numbers that begins at a cache line, so that a vector register is never loaded from two of them.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    lines: Vec<Line>,
}

impl Buffer {
    /// Makes room for `length` numbers at least. What the buffer held stays, what is new is 0.
    pub(super) fn grow(&mut self, length: usize) {
        let lines = length.div_ceil(LINE);
        if self.lines.len() < lines {
            self.lines.resize(lines, Line([0.0; LINE]));
        }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a `Line` is 16 numbers and, its size being its alignment, nothing else: so many lines are 16 times as
        // many numbers, one behind the other. The slice borrows the buffer.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.lines.len() * LINE) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above; the slice borrows the buffer mutably.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.lines.len() * LINE) }
    }
}

/// Asks for the first `count` values, or what there is of them, to be brought into the second-level cache meanwhile.
#[inline]
pub(super) fn prefetch(values: &[f32], count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in values[..count.min(values.len())].chunks(LINE) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: a hint, which reads nothing.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, count);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_keep_what_they_hold() {
        let mut buffer = Buffer::default();
        assert!(buffer.is_empty());
        for length in [1, 16, 17, 1000] {
            buffer.grow(length);
            assert!(buffer.len() >= length && buffer.len() < length + LINE);
            assert_eq!(buffer.as_ptr().addr() % 64, 0);
            // Through the slices themselves: an index would be held against the length of one of them alone.
            *buffer.last_mut().unwrap() = length as f32;
            assert_eq!(buffer.last(), Some(&(length as f32)));
        }
        assert_eq!((buffer[15], buffer[31], buffer[32], buffer[1007]), (16.0, 17.0, 0.0, 1000.0));
    }
}

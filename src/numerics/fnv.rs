//! A checksum that is the same on every machine and for ever.

/// The sum of Fowler, Noll and Vo over bytes (FNV-1a, 64 bits), to tell one content from another; it keeps no secret.
///
/// ```
/// use maturation::numerics::fnv;
///
/// assert_eq!(fnv("foobar".bytes()), 0x85944171f73967e8); // of its authors' test suite
/// ```
pub fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}

//! Big-endian reads and writes that never panic.

/// The two bytes at `at`.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The four bytes at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The eight bytes at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Copies `data` to `at`; `None`, and nothing written, where it does not fit.
pub(crate) fn put(bytes: &mut [u8], at: usize, data: &[u8]) -> Option<()> {
    let end = at.checked_add(data.len())?;
    bytes.get_mut(at..end)?.copy_from_slice(data);
    Some(())
}

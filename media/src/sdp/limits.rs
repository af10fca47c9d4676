//! Bounds on what is parsed at all, checked before anything is allocated for it.

use super::SdpError;

/// What a peer may send. Real browsers stay far below all of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Lines of any type.
    pub lines: usize,
    /// m-lines.
    pub media: usize,
    /// `a=candidate` lines, all m-lines together.
    pub candidates: usize,
    /// Formats of one m-line.
    pub formats: usize,
    /// `a=extmap` lines that hold for one m-line.
    pub extensions: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            lines: 2_048,
            media: 16,
            candidates: 256,
            formats: 256,
            extensions: 64,
        }
    }
}

impl Limits {
    /// One pass over the bytes.
    pub(super) fn check(&self, text: &str) -> Result<(), SdpError> {
        within("bytes", text.len(), self.bytes)?;
        let (mut lines, mut media, mut candidates) = (0, 0, 0);
        for line in text.lines() {
            lines += 1;
            media += usize::from(line.starts_with("m="));
            candidates += usize::from(line.starts_with("a=candidate:"));
        }
        within("lines", lines, self.lines)?;
        within("m-lines", media, self.media)?;
        within("candidates", candidates, self.candidates)
    }
}

/// [`SdpError::TooLarge`] where `count` is above `limit`.
pub(super) fn within(what: &'static str, count: usize, limit: usize) -> Result<(), SdpError> {
    if count > limit {
        Err(SdpError::TooLarge { what, limit })
    } else {
        Ok(())
    }
}

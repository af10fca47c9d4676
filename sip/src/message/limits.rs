//! How much of a message is read before it is refused.

/// Limits of one message. What is beyond them is answered (413, 414, 513) or dropped; never read
/// into an ever larger buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The start line, in bytes. Beyond: 414 (RFC 3261 21.4.12).
    pub start_line_bytes: usize,
    /// Header rows. Beyond: 513 (RFC 3261 21.5.7).
    pub headers: usize,
    /// One header row, name and folded lines included, in bytes. Beyond: 513.
    pub header_bytes: usize,
    /// Start line, headers and the empty line after them, in bytes. Beyond: 513.
    pub head_bytes: usize,
    /// The body, in bytes. Beyond: 413 (RFC 3261 21.4.11).
    pub body_bytes: usize,
    /// `Via` values: a longer way is a loop. Beyond: 483 (RFC 3261 21.4.21).
    pub vias: usize,
}

impl Limits {
    /// The longest message that can be taken, in bytes.
    pub fn message_bytes(&self) -> usize {
        self.head_bytes.saturating_add(self.body_bytes)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            start_line_bytes: 8 * 1024,
            headers: 128,
            header_bytes: 8 * 1024,
            head_bytes: 32 * 1024,
            body_bytes: 64 * 1024,
            vias: 70,
        }
    }
}

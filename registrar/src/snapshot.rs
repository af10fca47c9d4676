//! Bindings on disk: those by UDP outlive a restart of the server (the others lose their flow with
//! it, and their user agents register anew).
//!
//! The format is text, one line a record, each line behind the first eight hexadecimal digits of its
//! SHA-256 and a space:
//!
//! ```text
//! 1f0c6a3e callbox-bindings 1
//! 9b1d33c2 id=7<TAB>aor=alice@example.com<TAB>contact=sip:alice@192.0.2.1:5062<TAB>...
//! 55aa0120 end 1
//! ```
//!
//! The first names the version, the last the number of bindings. Between them each line is a
//! binding: fields `name=value` with a tab between, in any order; in values `\\`, `\t`, `\n` and
//! `\r` stand for those characters. Fields: `id`, `aor`, `contact`, `instance`, `reg-id`, `path`
//! (repeated), `source`, `q` (thousandths), `call-id`, `cseq`, and in milliseconds of Unix time
//! `refreshed` and `expires`. Times are of the wall clock, since no other outlives a restart.

mod line;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::time::{Duration, Instant};

use thiserror::Error;

pub use write::SnapshotWriter;

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// One reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    /// For deadlines; never goes back.
    pub mono: Instant,
    /// Time since 1970-01-01T00:00:00Z; may jump.
    pub wall: Duration,
}

/// What came of a snapshot. The sum is what was in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// So many bindings are here again.
    pub bindings: usize,
    /// So many had expired in the meantime.
    pub expired: usize,
    /// So many are beyond the limits of today; the oldest came first.
    pub over_limit: usize,
    /// So many are of places that are bound by a later word.
    pub outdated: usize,
    /// So many belong to domains or accounts that are no longer here.
    pub unwanted: usize,
}

/// Why a snapshot was not restored. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the snapshot: {fault}")]
pub struct SnapshotError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: SnapshotFault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotFault {
    /// Bytes that are no text.
    #[error("it is not UTF-8")]
    Encoding,
    /// It is not what was written.
    #[error("it was damaged: its checksum is another")]
    Checksum,
    /// Not the first line of a snapshot.
    #[error("it does not begin a snapshot of bindings")]
    Header,
    /// Of a version that is not known.
    #[error("version {0} is not known; this server reads version {VERSION}")]
    Version(String),
    /// The last line is not there.
    #[error("the snapshot ends before its last line")]
    Truncated,
    /// There are fewer or more bindings than the last line says.
    #[error("it names {named} bindings, but there are {found}")]
    Count {
        /// So many should be there.
        named: usize,
        /// So many are.
        found: usize,
    },
    /// Something follows the last line.
    #[error("something follows the end")]
    Trailing,
    /// A field that is malformed, unknown, or there twice.
    #[error("the field {0} is malformed, unknown or there twice")]
    Field(String),
    /// A field that is not there.
    #[error("the field {0} is missing")]
    Missing(&'static str),
    /// Two bindings of one name.
    #[error("the id was there before")]
    Twice,
}

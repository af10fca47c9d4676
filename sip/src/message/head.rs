//! The index: one pass over a message notes where its start line and each header row stand.

use bytes::{Bytes, BytesMut};

use super::fault::Fault;
use super::limits::Limits;
use super::name::HeaderName;
use crate::header::syntax::{is_space, is_token_byte, trim};

/// A part of the buffer. Messages are shorter than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        let short = |offset| u32::try_from(offset).unwrap_or(u32::MAX);
        Self {
            start: short(start),
            end: short(end),
        }
    }

    /// Where `part`, which lies in `whole`, stands there.
    pub(crate) fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        Self::new(start, start.saturating_add(part.len()))
    }

    pub(crate) fn get(self, bytes: &[u8]) -> &[u8] {
        bytes
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// One header row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: HeaderName,
    pub(crate) written: Span,
    pub(crate) value: Span,
}

/// Where everything stands in a message's head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Index {
    pub(crate) start_line: Span,
    pub(crate) rows: Vec<Row>,
    /// The names that are there, as bits.
    pub(crate) seen: u128,
    /// The names that come in more than one row.
    pub(crate) again: u128,
    /// Bytes up to the body.
    pub(crate) head_len: usize,
    /// The first thing that is wrong, though not so wrong that the rest could not be read.
    pub(crate) fault: Option<Fault>,
}

impl Index {
    /// Notes all rows of a head. Folded lines are made one, in place: CR and LF between them
    /// become spaces, which mean the same (RFC 3261 7.3.1).
    ///
    /// It reads on after a fault, so that the request can be answered. Only limits stop it.
    pub(crate) fn read(bytes: &mut [u8], limits: &Limits) -> Self {
        let mut index = Self {
            rows: Vec::with_capacity(24),
            ..Self::default()
        };
        let mut at = 0;
        let mut first = true;
        loop {
            let line = next_line(bytes, at);
            if let Some(fault) = line.fault {
                index.fault.get_or_insert(fault);
            }
            if line.next > limits.head_bytes {
                index.fault = Some(Fault::HeadTooLong);
                index.head_len = bytes.len();
                return index;
            }
            let (start, end) = (at, line.end);
            at = line.next;
            if first {
                first = false;
                index.start_line = Span::new(start, end);
                if end - start > limits.start_line_bytes {
                    index.fault = Some(Fault::StartLineTooLong);
                }
            } else if start == end {
                if line.open {
                    index.fault.get_or_insert(Fault::NoEmptyLine);
                }
                break;
            } else {
                index.line(bytes, start, end, limits);
            }
            if index.rows.len() > limits.headers {
                index.fault = Some(Fault::TooManyHeaders);
                index.rows.truncate(limits.headers);
                index.head_len = bytes.len();
                return index;
            }
        }
        index.head_len = at;
        index
    }

    fn line(&mut self, bytes: &mut [u8], start: usize, end: usize, limits: &Limits) {
        let Some(line) = bytes.get(start..end) else {
            return;
        };
        if line.first().is_some_and(|byte| is_space(*byte)) {
            self.continue_row(bytes, start, end, limits);
            return;
        }
        let name_len = line
            .iter()
            .position(|byte| !is_token_byte(*byte))
            .unwrap_or(line.len());
        let (written, rest) = line.split_at(name_len);
        let spaces = rest.iter().take_while(|byte| is_space(**byte)).count();
        if written.is_empty() || rest.get(spaces) != Some(&b':') {
            self.fault.get_or_insert(Fault::HeaderLine);
            return;
        }
        if line.len() > limits.header_bytes {
            self.fault = Some(Fault::HeaderTooLong);
        }
        let name = HeaderName::parse(written);
        let value = trim(rest.get(spaces + 1..).unwrap_or_default());
        let value = Span::of(value, bytes);
        self.rows.push(Row {
            name,
            written: Span::new(start, start + name_len),
            value,
        });
        self.again |= self.seen & name.bit();
        self.seen |= name.bit();
    }

    fn continue_row(&mut self, bytes: &mut [u8], start: usize, end: usize, limits: &Limits) {
        let Some(row) = self.rows.last_mut() else {
            self.fault.get_or_insert(Fault::HeaderLine);
            return;
        };
        let value_start = row.value.start as usize;
        let row_start = row.written.start as usize;
        if end - row_start > limits.header_bytes {
            self.fault = Some(Fault::HeaderTooLong);
        }
        if let Some(line_end) = bytes.get_mut(value_start..start) {
            for byte in line_end.iter_mut().rev().take(2) {
                if matches!(byte, b'\r' | b'\n') {
                    *byte = b' ';
                }
            }
        }
        let value = trim(bytes.get(value_start..end).unwrap_or_default());
        row.value = Span::of(value, bytes);
    }
}

struct Line {
    end: usize,
    next: usize,
    /// The bytes ended before the line did.
    open: bool,
    fault: Option<Fault>,
}

/// The line that begins at `start`. A lone CR or LF ends it too, with a fault noted: whoever
/// reads on differently from the next reader opens a way to smuggle headers.
fn next_line(bytes: &[u8], start: usize) -> Line {
    let mut at = start;
    let mut fault = None;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(offset) = memchr::memchr3(b'\r', b'\n', 0, rest) else {
            return Line {
                end: bytes.len(),
                next: bytes.len(),
                open: true,
                fault: fault.or(Some(Fault::NoEmptyLine)),
            };
        };
        let found = at + offset;
        match (bytes.get(found), bytes.get(found + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                return Line {
                    end: found,
                    next: found + 2,
                    open: false,
                    fault,
                };
            }
            (Some(0), _) => {
                // Only a quoted pair may hold one (RFC 3261 25.1).
                if found == start || bytes.get(found - 1) != Some(&b'\\') {
                    fault.get_or_insert(Fault::Nul);
                }
                at = found + 1;
            }
            _ => {
                return Line {
                    end: found,
                    next: found + 1,
                    open: false,
                    fault: fault.or(Some(Fault::LineEnd)),
                };
            }
        }
    }
}

/// A message's bytes with their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) bytes: Bytes,
    pub(crate) index: Index,
    pub(crate) body: Span,
}

impl Head {
    pub(crate) fn new(bytes: BytesMut, index: Index, body_len: usize) -> Self {
        let start = index.head_len;
        Self {
            body: Span::new(start, start + body_len),
            bytes: bytes.freeze(),
            index,
        }
    }

    pub(crate) fn has(&self, name: HeaderName) -> bool {
        self.index.seen & name.bit() != 0
    }

    /// The value of the first row of that name.
    pub(crate) fn first(&self, name: HeaderName) -> Option<&[u8]> {
        if !self.has(name) {
            return None;
        }
        let row = self.index.rows.iter().find(|row| row.name == name)?;
        Some(row.value.get(&self.bytes))
    }
}

//! RTP header extensions in their one-byte and two-byte forms (RFC 8285).

use std::ops::Range;

use super::bytes::put;
use super::header::{Header, RtpError};

/// "Defined by profile" of the one-byte form (RFC 8285 4.2).
pub const ONE_BYTE_PROFILE: u16 = 0xBEDE;
/// The same of the two-byte form, with its four application bits zero (RFC 8285 4.3).
pub const TWO_BYTE_PROFILE: u16 = 0x1000;

const ONE_BYTE_MAX_ID: u8 = 14;
const ONE_BYTE_STOP_ID: u8 = 15;
const ONE_BYTE_MAX_LEN: usize = 16;

/// One extension element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// 1 to 14 in the one-byte form, 1 to 255 in the two-byte form.
    pub id: u8,
    /// Its data; empty only in the two-byte form.
    pub data: &'a [u8],
}

/// The elements of one packet's extension. Ends early at an element that overruns the block:
/// what was well formed before it counts. An extension of another profile has no elements.
#[derive(Debug, Clone)]
pub struct Extensions<'a> {
    bytes: &'a [u8],
    cursor: Cursor,
}

impl<'a> Extensions<'a> {
    /// Over the packet that `header` was read from.
    pub fn of(header: &Header, packet: &'a [u8]) -> Self {
        Self {
            bytes: packet,
            cursor: Cursor::of(header),
        }
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let (id, range) = self.cursor.next(self.bytes)?;
        Some(Element {
            id,
            data: self.bytes.get(range)?,
        })
    }
}

/// Overwrites the data of element `id` in a packet, where it is there with the same length.
/// True if it was written.
///
/// A packet that was already protected under the same sequence number must not be changed
/// and protected again: see [`SrtpOutbound`](crate::srtp::SrtpOutbound).
pub fn overwrite(packet: &mut [u8], id: u8, data: &[u8]) -> bool {
    let Ok(header) = Header::parse(packet) else {
        return false;
    };
    let mut cursor = Cursor::of(&header);
    while let Some((found, range)) = cursor.next(packet) {
        if found == id && range.len() == data.len() {
            return put(packet, range.start, data).is_some();
        }
    }
    false
}

/// Extension ids of a source translated to those of a sink; the others are dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ExtensionMap {
    /// Zero, which no element can have, means dropped.
    sink_ids: [u8; 256],
}

impl ExtensionMap {
    /// Drops all.
    pub fn new() -> Self {
        Self { sink_ids: [0; 256] }
    }

    /// Passes element `from` as `to`. Id 0 is padding and cannot be mapped: such a call
    /// changes nothing but to drop `from`.
    pub fn insert(&mut self, from: u8, to: u8) {
        if from != 0 {
            self.sink_ids[usize::from(from)] = to;
        }
    }

    /// The sink's id of the source's `id`.
    pub fn get(&self, id: u8) -> Option<u8> {
        Some(self.sink_ids[usize::from(id)]).filter(|to| *to != 0)
    }
}

impl Default for ExtensionMap {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for ExtensionMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs = (1..=u8::MAX).filter_map(|from| Some((from, self.get(from)?)));
        f.debug_map().entries(pairs).finish()
    }
}

/// Writes the mapped elements to the start of `out` as a whole extension block: one-byte form
/// where every id and length allows it, else two-byte form. Zero bytes where none is left.
pub(super) fn write_mapped(
    elements: &Extensions<'_>,
    map: &ExtensionMap,
    out: &mut [u8],
) -> Result<usize, RtpError> {
    let mapped = || {
        elements.clone().filter_map(|element| {
            Some(Element {
                id: map.get(element.id)?,
                ..element
            })
        })
    };
    let mut any = false;
    let mut one_byte = true;
    for element in mapped() {
        any = true;
        one_byte &=
            element.id <= ONE_BYTE_MAX_ID && (1..=ONE_BYTE_MAX_LEN).contains(&element.data.len());
    }
    if !any {
        return Ok(0);
    }

    let mut at = 4;
    for Element { id, data } in mapped() {
        // Neither cast can cut: the one-byte form was checked above, and the two-byte form's
        // length came out of a byte.
        at = if one_byte {
            put(out, at, &[(id << 4) | (data.len() as u8).wrapping_sub(1)])
                .and_then(|()| put(out, at + 1, data))
                .map(|()| at + 1 + data.len())
        } else {
            put(out, at, &[id, data.len() as u8])
                .and_then(|()| put(out, at + 2, data))
                .map(|()| at + 2 + data.len())
        }
        .ok_or(RtpError::NoRoom)?;
    }
    let end = at.next_multiple_of(4);
    out.get_mut(at..end).ok_or(RtpError::NoRoom)?.fill(0);
    let profile = if one_byte {
        ONE_BYTE_PROFILE
    } else {
        TWO_BYTE_PROFILE
    };
    let words = u16::try_from((end - 4) / 4).map_err(|_| RtpError::NoRoom)?;
    put(out, 0, &profile.to_be_bytes())
        .and_then(|()| put(out, 2, &words.to_be_bytes()))
        .ok_or(RtpError::NoRoom)?;
    Ok(end)
}

/// Walks the elements of an extension block by offset.
#[derive(Debug, Clone)]
struct Cursor {
    form: Form,
    at: usize,
    end: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
}

impl Cursor {
    fn of(header: &Header) -> Self {
        let done = Self {
            form: Form::OneByte,
            at: 0,
            end: 0,
        };
        let Some(block) = header.extension() else {
            return done;
        };
        let form = match block.profile {
            ONE_BYTE_PROFILE => Form::OneByte,
            profile if profile & 0xFFF0 == TWO_BYTE_PROFILE => Form::TwoByte,
            _ => return done,
        };
        Self {
            form,
            at: block.start,
            end: block.end,
        }
    }

    /// The next element's id and data range. `packet` is the one the header was read from.
    fn next(&mut self, packet: &[u8]) -> Option<(u8, Range<usize>)> {
        let block = packet.get(..self.end)?;
        loop {
            let first = *block.get(self.at)?;
            self.at += 1;
            let (id, len) = match self.form {
                // A zero byte is padding; "If the ID value 0 is used with a length field not
                // equal to 0, it MUST be ignored" together with its data (RFC 8285 4.2).
                Form::OneByte if first == 0 => continue,
                Form::OneByte => (first >> 4, usize::from(first & 0x0F) + 1),
                Form::TwoByte if first == 0 => continue,
                Form::TwoByte => {
                    let len = usize::from(*block.get(self.at)?);
                    self.at += 1;
                    (first, len)
                }
            };
            let data = self.at..self.at + len;
            let stops = self.form == Form::OneByte && id == ONE_BYTE_STOP_ID;
            if stops || data.end > self.end {
                self.at = self.end;
                return None;
            }
            self.at = data.end;
            if id != 0 {
                return Some((id, data));
            }
        }
    }
}

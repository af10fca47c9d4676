//! Serial number arithmetic (RFC 1982) on sequence numbers and timestamps.

/// Whether sequence number `a` comes after `b`.
pub fn is_newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 0x8000
}

/// Whether timestamp `a` comes after `b`.
pub fn is_newer_timestamp(a: u32, b: u32) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 0x8000_0000
}

/// Extends sequence numbers to 64 bits, so that order and distance need no modulus.
///
/// The first one is put into cycle 1, so that packets overtaken by it have a place before it.
#[derive(Debug, Clone, Default)]
pub struct SequenceUnwrapper {
    highest: Option<u64>,
}

impl SequenceUnwrapper {
    /// The extended form of `sequence_number` nearest to the highest seen.
    pub fn unwrap(&mut self, sequence_number: u16) -> u64 {
        unwrap(&mut self.highest, sequence_number.into(), 16)
    }

    /// The highest so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

/// Extends timestamps to 64 bits, as [`SequenceUnwrapper`] does sequence numbers.
#[derive(Debug, Clone, Default)]
pub struct TimestampUnwrapper {
    highest: Option<u64>,
}

impl TimestampUnwrapper {
    /// The extended form of `timestamp` nearest to the highest seen.
    pub fn unwrap(&mut self, timestamp: u32) -> u64 {
        unwrap(&mut self.highest, timestamp.into(), 32)
    }

    /// The highest so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

fn unwrap(highest: &mut Option<u64>, value: u64, bits: u32) -> u64 {
    let cycle = 1u64 << bits;
    let Some(reference) = *highest else {
        *highest = Some(cycle + value);
        return cycle + value;
    };
    let ahead = value.wrapping_sub(reference) & (cycle - 1);
    let extended = if ahead < cycle / 2 {
        reference.wrapping_add(ahead)
    } else {
        // Behind the very first cycle there is nothing: such a value counts as ahead.
        reference
            .checked_sub(cycle - ahead)
            .unwrap_or(reference.wrapping_add(ahead))
    };
    *highest = Some(reference.max(extended));
    extended
}

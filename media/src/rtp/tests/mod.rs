//! RTP and RTCP on good, odd and hostile bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
// Instants are made here only to begin a virtual time line.
#![allow(clippy::disallowed_methods)]

mod cache;
mod h264;
mod header;
mod nack;
mod reception;
mod rewrite;
mod rtcp;
mod sequence;

use std::time::{Duration, Instant};

/// The beginning of a test's time line.
fn start() -> Instant {
    Instant::now()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An RTP packet built field by field.
#[derive(Clone)]
struct Build {
    csrcs: Vec<u32>,
    /// Profile and whole words of an extension.
    extension: Option<(u16, Vec<u8>)>,
    payload: Vec<u8>,
    padding: u8,
}

impl Build {
    fn new(payload: &[u8]) -> Self {
        Self {
            csrcs: Vec::new(),
            extension: None,
            payload: payload.to_vec(),
            padding: 0,
        }
    }

    fn one_byte(mut self, elements: &[u8]) -> Self {
        self.extension = Some((0xBEDE, elements.to_vec()));
        self
    }

    fn two_byte(mut self, elements: &[u8]) -> Self {
        self.extension = Some((0x1003, elements.to_vec()));
        self
    }

    fn padding(mut self, padding: u8) -> Self {
        self.padding = padding;
        self
    }

    /// With PT 96, marker, sequence number 0x1234, timestamp 0x01020304, SSRC 0xCAFEBABE.
    fn bytes(&self) -> Vec<u8> {
        let flags = 0x80
            | u8::from(self.padding > 0) << 5
            | u8::from(self.extension.is_some()) << 4
            | self.csrcs.len() as u8;
        let mut packet = vec![flags, 0x80 | 96, 0x12, 0x34, 1, 2, 3, 4];
        packet.extend(0xCAFE_BABEu32.to_be_bytes());
        for csrc in &self.csrcs {
            packet.extend(csrc.to_be_bytes());
        }
        if let Some((profile, elements)) = &self.extension {
            let mut elements = elements.clone();
            elements.resize(elements.len().next_multiple_of(4), 0);
            packet.extend(profile.to_be_bytes());
            packet.extend(((elements.len() / 4) as u16).to_be_bytes());
            packet.extend(elements);
        }
        packet.extend(&self.payload);
        if self.padding > 0 {
            packet.resize(packet.len() + usize::from(self.padding) - 1, 0);
            packet.push(self.padding);
        }
        packet
    }
}

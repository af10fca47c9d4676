//! SRTP against published vectors, and against losses, replays and forgeries.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod properties;
mod session;
mod vectors;
mod window;

use super::{Keys, Profile, SrtpInbound, SrtpOutbound};
use crate::ids::DtlsRole;

const PROFILES: [Profile; 4] = [
    Profile::AesCm128HmacSha1_80,
    Profile::AesCm128HmacSha1_32,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// Bytes of hexadecimal digits, spaces allowed.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// One direction between two ends, keyed as by DTLS.
struct Session {
    profile: Profile,
    sender: SrtpOutbound,
    receiver: SrtpInbound,
}

impl Session {
    fn new(profile: Profile) -> Self {
        let material: Vec<u8> = (0..profile.material_len() as u8).collect();
        let client = Keys::from_dtls(profile, &material, DtlsRole::Client).unwrap();
        let server = Keys::from_dtls(profile, &material, DtlsRole::Server).unwrap();
        Self {
            profile,
            sender: SrtpOutbound::new(&client.outbound).unwrap(),
            receiver: SrtpInbound::new(&server.inbound).unwrap(),
        }
    }

    fn protect(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + self.profile.rtp_overhead(), 0);
        let len = self.sender.protect_rtp(&mut buffer, plain.len()).unwrap();
        assert_eq!(len, buffer.len());
        buffer
    }

    fn protect_rtcp(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut buffer = plain.to_vec();
        buffer.resize(plain.len() + self.profile.rtcp_overhead(), 0);
        let len = self.sender.protect_rtcp(&mut buffer, plain.len()).unwrap();
        assert_eq!(len, buffer.len());
        buffer
    }

    fn unprotect(&mut self, protected: &[u8]) -> Result<Vec<u8>, super::SrtpError> {
        let mut packet = protected.to_vec();
        let len = self.receiver.unprotect_rtp(&mut packet)?;
        packet.truncate(len);
        Ok(packet)
    }

    fn unprotect_rtcp(&mut self, protected: &[u8]) -> Result<Vec<u8>, super::SrtpError> {
        let mut packet = protected.to_vec();
        let len = self.receiver.unprotect_rtcp(&mut packet)?;
        packet.truncate(len);
        Ok(packet)
    }
}

/// An RTP packet with a payload that tells its number.
fn rtp(ssrc: u32, sequence_number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend(u32::from(sequence_number).wrapping_mul(960).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend((0..40).map(|byte| byte ^ sequence_number as u8));
    packet
}

/// An empty receiver report.
fn rtcp(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

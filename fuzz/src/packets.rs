//! Packets of media, and of what is said about it.

use media::rtp::rewrite::GROWTH;
use media::rtp::rtcp::{Compound, RtcpPacket};
use media::rtp::{ExtensionMap, Packet, Rewrite, rewrite};

/// RTP packets and their rewriting.
pub fn rtp(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else {
        return;
    };
    let _ = packet.payload();
    for element in packet.extensions() {
        assert!(element.data.len() <= 255);
    }
    let mut map = ExtensionMap::new();
    map.insert(1, 3);
    map.insert(2, 200);
    let to = Rewrite {
        payload_type: 96,
        ssrc: 7,
        sequence_number: 8,
        timestamp: 9,
        marker: true,
        keep_padding: false,
    };
    let mut out = vec![0; data.len() + GROWTH];
    if let Ok(len) = rewrite(&packet, &to, &map, &mut out) {
        let again = Packet::parse(&out[..len]);
        assert_eq!(
            again.map(|it| it.payload().to_vec()),
            Ok(packet.payload().to_vec())
        );
    }
}

/// Compound RTCP packets: everything in them can be read to its end.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else {
        return;
    };
    for packet in compound {
        if let RtcpPacket::Nack(nack) = packet {
            assert!(nack.sequence_numbers().count() <= 17 * data.len());
        }
    }
}

//! Packets of media, and of what is said about it.

use media::rtp::h264::{PPS, ParameterSets, SPS, Units};
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

/// Payloads of H.264, each behind its length in two bytes, and the same input as what a description
/// says of parameter sets: no unit reaches beyond its payload, and what is kept of them is bounded and
/// in order.
pub fn h264(mut data: &[u8]) {
    let mut sets = ParameterSets::default();
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(described) = ParameterSets::from_sprop(text)
    {
        assert!(described.is_complete());
        assert_in_order(&described);
        sets = described;
    }
    while let Some((len, behind)) = data.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes(*len));
        let payload;
        (payload, data) = behind.split_at(behind.len().min(len));
        let mut units_len = 0;
        for unit in Units::of(payload) {
            units_len += unit.bytes.len();
            sets.learn(unit.bytes);
            assert_in_order(&sets);
            let known = sets.clone();
            sets.learn(unit.bytes);
            assert_eq!(sets, known, "it was known");
        }
        assert!(units_len <= payload.len());
    }
    let mut others = ParameterSets::default();
    others.learn_all(&sets);
    assert!(others.units().eq(sets.units()));
}

fn assert_in_order(sets: &ParameterSets) {
    let kinds: Vec<u8> = sets.units().map(|unit| unit[0] & 0x1F).collect();
    assert!(kinds.is_sorted(), "sequence sets first");
    assert!(kinds.iter().all(|kind| [SPS, PPS].contains(kind)));
    assert!(sets.units().all(|unit| unit.len() <= 256));
    assert_eq!(kinds.len(), sets.len());
    assert!(sets.len() <= 8);
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

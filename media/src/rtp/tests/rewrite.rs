//! Rewriting for a sink, and retransmissions.

use proptest::prelude::*;

use super::Build;
use super::header::nearly_rtp;
use crate::rtp::rewrite::GROWTH;
use crate::rtp::rtx::{self, RtxHeader};
use crate::rtp::{ExtensionMap, Packet, Rewrite, RtpError, rewrite};

const TO: Rewrite = Rewrite {
    payload_type: 111,
    ssrc: 0x1111_2222,
    sequence_number: 77,
    timestamp: 0xABCD_EF01,
    marker: false,
    keep_padding: false,
};

fn map(pairs: &[(u8, u8)]) -> ExtensionMap {
    let mut map = ExtensionMap::new();
    for (from, to) in pairs {
        map.insert(*from, *to);
    }
    map
}

fn rewritten(source: &[u8], to: &Rewrite, map: &ExtensionMap) -> Vec<u8> {
    let mut out = vec![0xEE; source.len() + GROWTH];
    let len = rewrite(&Packet::parse(source).unwrap(), to, map, &mut out).unwrap();
    out.truncate(len);
    out
}

fn elements(packet: &Packet<'_>) -> Vec<(u8, Vec<u8>)> {
    packet
        .extensions()
        .map(|element| (element.id, element.data.to_vec()))
        .collect()
}

#[test]
fn header_values_are_the_sinks_and_the_payload_is_the_sources() {
    let source = Build::new(b"a frame").bytes();
    let out = rewritten(&source, &TO, &ExtensionMap::new());
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(packet.header.payload_type, 111);
    assert_eq!(packet.header.ssrc, 0x1111_2222);
    assert_eq!(packet.header.sequence_number, 77);
    assert_eq!(packet.header.timestamp, 0xABCD_EF01);
    assert!(!packet.header.marker);
    assert_eq!(packet.payload(), b"a frame");
    assert_eq!(out.len(), source.len());
}

#[test]
fn extensions_are_mapped_and_the_others_dropped() {
    let source = Build::new(b"x")
        .one_byte(&[0x10, 0xAA, 0x22, 1, 2, 3, 0x30, 9])
        .bytes();
    let out = rewritten(&source, &TO, &map(&[(1, 5), (2, 14)]));
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(elements(&packet), [(5, vec![0xAA]), (14, vec![1, 2, 3])]);
    assert_eq!(out[12..16], [0xBE, 0xDE, 0, 2], "one-byte form is kept");
    assert_eq!(packet.payload(), b"x");
}

#[test]
fn nothing_mapped_leaves_no_extension() {
    let source = Build::new(b"x").one_byte(&[0x10, 0xAA]).bytes();
    let out = rewritten(&source, &TO, &ExtensionMap::new());
    let packet = Packet::parse(&out).unwrap();
    assert!(packet.header.extension().is_none());
    assert_eq!(out.len(), 13);
}

#[test]
fn ids_or_lengths_beyond_the_one_byte_form_take_the_two_byte_form() {
    let source = Build::new(b"x").one_byte(&[0x10, 0xAA, 0x20, 7]).bytes();
    let out = rewritten(&source, &TO, &map(&[(1, 15), (2, 2)]));
    assert_eq!(out[12..14], [0x10, 0x00]);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(elements(&packet), [(15, vec![0xAA]), (2, vec![7])]);

    let long: Vec<u8> = [&[3, 17][..], &[9; 17]].concat();
    let source = Build::new(b"x").two_byte(&long).bytes();
    let out = rewritten(&source, &TO, &map(&[(3, 3)]));
    assert_eq!(out[12..14], [0x10, 0x00]);
    let packet = Packet::parse(&out).unwrap();
    assert_eq!(elements(&packet), [(3, vec![9; 17])]);

    let source = Build::new(b"x").two_byte(&[3, 2, 8, 9]).bytes();
    let out = rewritten(&source, &TO, &map(&[(3, 3)]));
    assert_eq!(out[12..14], [0xBE, 0xDE], "one-byte form where it suffices");
}

#[test]
fn padding_is_dropped_or_kept_with_its_bit() {
    let source = Build::new(b"xyz")
        .one_byte(&[0x10, 0xAA])
        .padding(9)
        .bytes();
    let dropped = rewritten(&source, &TO, &map(&[(1, 1)]));
    let packet = Packet::parse(&dropped).unwrap();
    assert!(!packet.header.padding);
    assert_eq!(packet.payload(), b"xyz");
    let to = Rewrite {
        keep_padding: true,
        ..TO
    };
    let kept = rewritten(&source, &to, &map(&[(1, 1)]));
    let packet = Packet::parse(&kept).unwrap();
    assert_eq!(packet.padding_len(), 9);
    assert_eq!(packet.payload(), b"xyz");
}

#[test]
fn a_buffer_without_room_is_an_error() {
    let source = Build::new(b"payload").one_byte(&[0x10, 0xAA]).bytes();
    let packet = Packet::parse(&source).unwrap();
    for len in 0..source.len() {
        let mut out = vec![0; len];
        assert_eq!(
            rewrite(&packet, &TO, &map(&[(1, 1)]), &mut out),
            Err(RtpError::NoRoom)
        );
    }
}

const RTX: RtxHeader = RtxHeader {
    payload_type: 97,
    ssrc: 0x0A0B_0C0D,
    sequence_number: 9,
};

#[test]
fn a_retransmission_carries_the_original_number_before_the_payload() {
    let original = Build::new(b"frame")
        .one_byte(&[0x10, 0xAA])
        .padding(3)
        .bytes();
    let mut out = vec![0; 200];
    let len = rtx::wrap(&original, RTX, &mut out).unwrap();
    let packet = Packet::parse(&out[..len]).unwrap();
    assert_eq!(packet.header.payload_type, 97);
    assert_eq!(packet.header.ssrc, 0x0A0B_0C0D);
    assert_eq!(packet.header.sequence_number, 9);
    assert_eq!(packet.header.timestamp, 0x0102_0304);
    assert!(packet.header.marker);
    assert_eq!(packet.payload(), b"\x12\x34frame");
    assert_eq!(packet.padding_len(), 0);
    assert_eq!(elements(&packet), [(1, vec![0xAA])]);
}

#[test]
fn a_retransmission_is_turned_back_into_the_original() {
    let original = Build::new(b"frame").one_byte(&[0x10, 0xAA]).bytes();
    let mut out = vec![0; 200];
    let len = rtx::wrap(&original, RTX, &mut out).unwrap();
    let len = rtx::unwrap(&mut out[..len], 96, 0xCAFE_BABE).unwrap();
    assert_eq!(out[..len], original);
}

#[test]
fn a_bandwidth_probe_on_the_retransmission_stream_has_no_original() {
    let mut probe = Build::new(&[]).padding(200).bytes();
    assert_eq!(rtx::unwrap(&mut probe, 96, 1), Err(RtpError::NoOriginal));
    let mut short = Build::new(&[1]).bytes();
    assert_eq!(rtx::unwrap(&mut short, 96, 1), Err(RtpError::NoOriginal));
}

#[test]
fn a_retransmission_needs_two_bytes_more_room() {
    let original = Build::new(b"frame").bytes();
    let mut out = vec![0; original.len() + 1];
    assert_eq!(rtx::wrap(&original, RTX, &mut out), Err(RtpError::NoRoom));
}

proptest! {
    #[test]
    fn an_identity_rewrite_gives_an_equal_packet(bytes in nearly_rtp(), keep_padding: bool) {
        let Ok(source) = Packet::parse(&bytes) else { return Ok(()) };
        let header = source.header;
        let to = Rewrite {
            payload_type: header.payload_type,
            ssrc: header.ssrc,
            sequence_number: header.sequence_number,
            timestamp: header.timestamp,
            marker: header.marker,
            keep_padding,
        };
        let identity = map(&(1..=255).map(|id| (id, id)).collect::<Vec<_>>());
        let mut out = vec![0xEE; bytes.len() + GROWTH];
        let len = rewrite(&source, &to, &identity, &mut out).unwrap();
        let packet = Packet::parse(&out[..len]).unwrap();
        prop_assert_eq!(packet.payload(), source.payload());
        prop_assert_eq!(packet.padding_len(), if keep_padding { source.padding_len() } else { 0 });
        prop_assert_eq!(elements(&packet), elements(&source));
        prop_assert_eq!(
            (packet.header.marker, packet.header.payload_type, packet.header.sequence_number,
             packet.header.timestamp, packet.header.ssrc),
            (header.marker, header.payload_type, header.sequence_number,
             header.timestamp, header.ssrc)
        );
    }

    #[test]
    fn a_rewrite_never_panics_and_never_overruns(
        bytes in nearly_rtp(),
        pairs in prop::collection::vec((any::<u8>(), any::<u8>()), 0..20),
        room in 0..200usize,
        keep_padding: bool,
    ) {
        let Ok(source) = Packet::parse(&bytes) else { return Ok(()) };
        let to = Rewrite { keep_padding, ..TO };
        let mut out = vec![0xEE; room];
        if let Ok(len) = rewrite(&source, &to, &map(&pairs), &mut out) {
            prop_assert!(len <= room);
            let packet = Packet::parse(&out[..len]).unwrap();
            prop_assert_eq!(packet.payload(), source.payload());
        }
    }

    #[test]
    fn wrapping_and_unwrapping_never_panic_and_give_the_payload_back(
        mut bytes in nearly_rtp(), room in 0..200usize
    ) {
        let mut out = vec![0; room];
        if let Ok(len) = rtx::wrap(&bytes, RTX, &mut out) {
            let original = Packet::parse(&bytes).unwrap();
            let len = rtx::unwrap(
                &mut out[..len], original.header.payload_type, original.header.ssrc
            ).unwrap();
            let back = Packet::parse(&out[..len]).unwrap();
            prop_assert_eq!(back.payload(), original.payload());
            prop_assert_eq!(back.header.sequence_number, original.header.sequence_number);
        }
        let _ = rtx::unwrap(&mut bytes, 96, 1);
    }
}

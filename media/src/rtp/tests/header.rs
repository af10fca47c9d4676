//! Header view and header extensions.

use proptest::prelude::*;

use super::Build;
use crate::rtp::extension::overwrite;
use crate::rtp::{Header, HeaderMut, Packet, RtpError, is_rtcp};

#[test]
fn every_field_is_read() {
    let mut build = Build::new(b"payload").one_byte(&[0x10, 0x55]).padding(4);
    build.csrcs = vec![7, 8];
    let bytes = build.bytes();
    let packet = Packet::parse(&bytes).unwrap();
    let header = packet.header;
    assert!(header.marker);
    assert_eq!(header.payload_type, 96);
    assert_eq!(header.sequence_number, 0x1234);
    assert_eq!(header.timestamp, 0x0102_0304);
    assert_eq!(header.ssrc, 0xCAFE_BABE);
    assert_eq!(packet.csrcs().collect::<Vec<_>>(), [7, 8]);
    assert_eq!(packet.payload(), b"payload");
    assert_eq!(packet.padding_len(), 4);
    assert_eq!(&bytes[packet.payload_range()], b"payload");
    assert_eq!(header.len(), 12 + 8 + 8);
}

#[test]
fn a_packet_of_padding_alone_has_an_empty_payload() {
    let bytes = Build::new(&[]).padding(255).bytes();
    let packet = Packet::parse(&bytes).unwrap();
    assert!(packet.payload().is_empty());
    assert_eq!(packet.padding_len(), 255);
}

#[test]
fn s35_headers_that_overrun_their_packet_are_refused() {
    let whole = Build::new(&[]).one_byte(&[0x10, 0x55, 0, 0]).bytes();
    for len in 0..whole.len() {
        assert_eq!(
            Header::parse(&whole[..len]).unwrap_err(),
            RtpError::Truncated
        );
    }
    let mut csrcs = Build::new(&[0; 59]).bytes();
    csrcs[0] |= 15;
    assert_eq!(Packet::parse(&csrcs).unwrap_err(), RtpError::Truncated);
    let mut words = whole;
    words[14..16].copy_from_slice(&[0xFF, 0xFF]);
    assert_eq!(Packet::parse(&words).unwrap_err(), RtpError::Truncated);
}

#[test]
fn s35_padding_that_does_not_fit_is_refused() {
    let mut bytes = Build::new(&[1, 2, 3]).padding(2).bytes();
    let last = bytes.len() - 1;
    bytes[last] = 0;
    assert_eq!(Packet::parse(&bytes).unwrap_err(), RtpError::Padding);
    bytes[last] = 6;
    assert_eq!(Packet::parse(&bytes).unwrap_err(), RtpError::Padding);
    bytes[last] = 5;
    assert!(Packet::parse(&bytes).unwrap().payload().is_empty());
    let mut no_payload = Build::new(&[]).bytes();
    no_payload[0] |= 0x20;
    assert_eq!(Packet::parse(&no_payload).unwrap_err(), RtpError::Padding);
}

#[test]
fn other_versions_are_refused() {
    for version in [0, 1, 3] {
        let mut bytes = Build::new(&[]).bytes();
        bytes[0] = version << 6;
        assert_eq!(Header::parse(&bytes).unwrap_err(), RtpError::Version);
        assert_eq!(HeaderMut::new(&mut bytes).unwrap_err(), RtpError::Version);
    }
}

#[test]
fn fields_are_set_where_they_lie() {
    let mut bytes = Build::new(b"x").one_byte(&[0x10, 0x55]).bytes();
    let mut header = HeaderMut::new(&mut bytes).unwrap();
    header.set_marker(false);
    header.set_payload_type(111);
    header.set_sequence_number(0xFFFE);
    header.set_timestamp(0xDEAD_BEEF);
    header.set_ssrc(5);
    let packet = Packet::parse(&bytes).unwrap();
    assert!(!packet.header.marker);
    assert_eq!(packet.header.payload_type, 111);
    assert_eq!(packet.header.sequence_number, 0xFFFE);
    assert_eq!(packet.header.timestamp, 0xDEAD_BEEF);
    assert_eq!(packet.header.ssrc, 5);
    assert_eq!(packet.extensions().count(), 1);
}

#[test]
fn rtcp_is_told_from_rtp_by_its_type() {
    for (second, rtcp) in [(72, false), (96, false), (0x80 | 96, false)] {
        assert_eq!(is_rtcp(&[0x80, second]), rtcp);
    }
    for packet_type in 200..=207 {
        assert!(is_rtcp(&[0x80, packet_type]));
    }
    assert!(!is_rtcp(&[0x80]));
}

fn elements(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    Packet::parse(bytes)
        .unwrap()
        .extensions()
        .map(|element| (element.id, element.data.to_vec()))
        .collect()
}

#[test]
fn one_byte_elements_are_read_with_padding_between() {
    let bytes = Build::new(&[])
        .one_byte(&[0x10, 0xAA, 0, 0, 0x32, 1, 2, 3, 0xE0, 9])
        .bytes();
    assert_eq!(
        elements(&bytes),
        [(1, vec![0xAA]), (3, vec![1, 2, 3]), (14, vec![9])]
    );
}

#[test]
fn two_byte_elements_are_read_with_empty_ones() {
    let bytes = Build::new(&[])
        .two_byte(&[1, 0, 0, 200, 2, 7, 8, 15, 1, 9])
        .bytes();
    assert_eq!(
        elements(&bytes),
        [(1, vec![]), (200, vec![7, 8]), (15, vec![9])]
    );
}

#[test]
fn one_byte_id_15_ends_the_elements() {
    let bytes = Build::new(&[])
        .one_byte(&[0x10, 0xAA, 0xF0, 1, 0x20, 2])
        .bytes();
    assert_eq!(elements(&bytes), [(1, vec![0xAA])]);
}

#[test]
fn one_byte_id_0_with_a_length_is_skipped_with_its_data() {
    let bytes = Build::new(&[])
        .one_byte(&[0x01, 0x10, 0x10, 0x20, 5])
        .bytes();
    assert_eq!(elements(&bytes), [(2, vec![5])]);
}

#[test]
fn an_element_that_overruns_its_block_ends_the_elements() {
    let bytes = Build::new(&[0x20, 0x20, 0x20])
        .one_byte(&[0x10, 0xAA, 0x2F, 1])
        .bytes();
    assert_eq!(elements(&bytes), [(1, vec![0xAA])]);
    let bytes = Build::new(&[1, 1, 1]).two_byte(&[1, 1, 2, 9]).bytes();
    assert_eq!(elements(&bytes), [(1, vec![2])]);
}

#[test]
fn another_profile_has_no_elements() {
    let mut build = Build::new(&[]);
    build.extension = Some((0xABCD, vec![0x10, 0xAA, 0, 0]));
    assert_eq!(elements(&build.bytes()), []);
}

#[test]
fn an_element_is_overwritten_only_in_its_own_length() {
    let mut bytes = Build::new(&[])
        .one_byte(&[0x10, 0xAA, 0x32, 1, 2, 3])
        .bytes();
    assert!(overwrite(&mut bytes, 3, &[7, 8, 9]));
    assert!(!overwrite(&mut bytes, 3, &[7, 8]));
    assert!(!overwrite(&mut bytes, 2, &[7]));
    assert_eq!(elements(&bytes), [(1, vec![0xAA]), (3, vec![7, 8, 9])]);
}

/// Bytes that begin like RTP now and then.
pub(super) fn nearly_rtp() -> impl Strategy<Value = Vec<u8>> {
    (
        any::<[u8; 12]>(),
        prop::collection::vec(any::<u8>(), 0..120),
    )
        .prop_map(|(head, rest)| {
            let mut bytes = [head.as_slice(), &rest].concat();
            bytes[0] = 0x80 | (bytes[0] & 0x33);
            if head[11] < 200 && bytes.len() > 16 {
                let at = 12 + 4 * usize::from(bytes[0] & 0x0F);
                let profile: [u8; 2] = if head[10] < 128 {
                    [0xBE, 0xDE]
                } else {
                    [0x10, 0]
                };
                if let Some(block) = bytes.get_mut(at..at + 4) {
                    block.copy_from_slice(&[profile[0], profile[1], 0, head[9] % 8]);
                }
            }
            bytes
        })
}

proptest! {
    #[test]
    fn s35_parsing_never_panics_and_stays_within_the_packet(
        bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..80), nearly_rtp()]
    ) {
        if let Ok(packet) = Packet::parse(&bytes) {
            let range = packet.payload_range();
            prop_assert_eq!(range.start, packet.header.len());
            prop_assert_eq!(range.end + packet.padding_len(), bytes.len());
            prop_assert_eq!(packet.csrcs().count(), usize::from(bytes[0] & 0x0F));
            let within: usize = packet.extensions().map(|element| element.data.len() + 1).sum();
            prop_assert!(within <= packet.header.len());
        }
    }
}

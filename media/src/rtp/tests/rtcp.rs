//! RTCP: what is written reads back, and hostile bytes are refused.

use proptest::prelude::*;

use crate::rtp::Ntp64;
use crate::rtp::rtcp::{
    Compound, CompoundWriter, FirEntry, ReportBlock, RtcpError, RtcpPacket, SenderInfo,
};

const SENDER: SenderInfo = SenderInfo {
    ssrc: 1,
    ntp: Ntp64(0x0102_0304_0506_0708),
    rtp_timestamp: 9,
    packets: 10,
    octets: 11,
};

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 25,
        cumulative_lost: -3,
        extended_highest: 0x0001_FFFF,
        jitter: 77,
        last_sender_report: 0xAABB_CCDD,
        delay_since_last: 65_536,
    }
}

fn written(write: impl FnOnce(&mut CompoundWriter<'_>) -> Result<(), RtcpError>) -> Vec<u8> {
    let mut out = vec![0xEE; 1500];
    let mut writer = CompoundWriter::new(&mut out);
    write(&mut writer).unwrap();
    let len = writer.len();
    out.truncate(len);
    assert!(len.is_multiple_of(4));
    out
}

/// The one packet of a compound.
fn only(bytes: &[u8]) -> RtcpPacket<'_> {
    let mut packets = Compound::parse(bytes).unwrap();
    let packet = packets.next().unwrap();
    assert!(packets.next().is_none());
    packet
}

#[test]
fn a_whole_compound_reads_back() {
    let bytes = written(|writer| {
        writer
            .sender_report(&SENDER, &[block(2), block(3)])?
            .sdes_cname(1, "someone")?
            .nack(1, 2, &[100, 101, 116, 117, 65_535, 0])?
            .pli(1, 2)?
            .fir(
                1,
                FirEntry {
                    ssrc: 2,
                    sequence_number: 200,
                },
            )?
            .remb(1, 1_500_000, &[2, 4])?
            .bye(&[1, 9])?;
        Ok(())
    });
    let mut packets = Compound::parse(&bytes).unwrap();

    let Some(RtcpPacket::SenderReport(report)) = packets.next() else {
        panic!("no sender report")
    };
    assert_eq!(report.sender, SENDER);
    assert_eq!(
        report.blocks.iter().collect::<Vec<_>>(),
        [block(2), block(3)]
    );

    let Some(RtcpPacket::Sdes(sdes)) = packets.next() else {
        panic!("no source description")
    };
    assert_eq!(
        sdes.chunks().collect::<Vec<_>>(),
        [(1, Some(&b"someone"[..]))]
    );

    let Some(RtcpPacket::Nack(nack)) = packets.next() else {
        panic!("no NACK")
    };
    assert_eq!((nack.sender_ssrc, nack.media_ssrc), (1, 2));
    assert_eq!(
        nack.sequence_numbers().collect::<Vec<_>>(),
        [100, 101, 116, 117, 65_535, 0]
    );

    let Some(RtcpPacket::Pli(pli)) = packets.next() else {
        panic!("no PLI")
    };
    assert_eq!((pli.sender_ssrc, pli.media_ssrc), (1, 2));

    let Some(RtcpPacket::Fir(fir)) = packets.next() else {
        panic!("no FIR")
    };
    assert_eq!(
        fir.entries().collect::<Vec<_>>(),
        [FirEntry {
            ssrc: 2,
            sequence_number: 200
        }]
    );

    let Some(RtcpPacket::Remb(remb)) = packets.next() else {
        panic!("no REMB")
    };
    assert_eq!(remb.bitrate, 1_500_000);
    assert_eq!(remb.ssrcs().collect::<Vec<_>>(), [2, 4]);

    let Some(RtcpPacket::Bye(bye)) = packets.next() else {
        panic!("no goodbye")
    };
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [1, 9]);
    assert_eq!(bye.reason(), None);
    assert!(packets.next().is_none());
}

#[test]
fn a_receiver_report_has_the_layout_of_rfc_3550() {
    let bytes = written(|writer| writer.receiver_report(0x0A0B_0C0D, &[block(7)]).map(|_| ()));
    assert_eq!(
        bytes,
        [
            0x81, 201, 0, 7, 0x0A, 0x0B, 0x0C, 0x0D, // header, SSRC
            0, 0, 0, 7, 25, 0xFF, 0xFF, 0xFD, // SSRC of the stream, fraction, cumulative
            0, 1, 0xFF, 0xFF, 0, 0, 0, 77, // highest, jitter
            0xAA, 0xBB, 0xCC, 0xDD, 0, 1, 0, 0, // LSR, DLSR
        ]
    );
}

#[test]
fn losses_beyond_24_bits_are_held_at_the_ends() {
    for (given, read) in [(i32::MAX, 0x7F_FFFF), (i32::MIN, -0x80_0000), (-1, -1)] {
        let lost = ReportBlock {
            cumulative_lost: given,
            ..block(1)
        };
        let bytes = written(|writer| writer.receiver_report(1, &[lost]).map(|_| ()));
        let RtcpPacket::ReceiverReport(report) = only(&bytes) else {
            panic!("no receiver report")
        };
        assert_eq!(report.blocks.iter().next().unwrap().cumulative_lost, read);
    }
}

#[test]
fn reduced_size_packets_are_taken() {
    let bytes = written(|writer| writer.pli(1, 2).map(|_| ()));
    assert!(matches!(only(&bytes), RtcpPacket::Pli(_)));
}

#[test]
fn unknown_packets_are_skipped() {
    let mut bytes = vec![0x80, 204, 0, 2, 0, 0, 0, 1, b'n', b'a', b'm', b'e'];
    bytes.extend([0x8F, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    bytes.extend([
        0x8F, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, b'X', b'X', b'X', b'X',
    ]);
    bytes.extend(written(|writer| writer.pli(1, 2).map(|_| ())));
    assert!(matches!(only(&bytes), RtcpPacket::Pli(_)));
    let unknown = &bytes[..12];
    assert!(Compound::parse(unknown).unwrap().next().is_none());
}

#[test]
fn s35_lengths_that_lie_are_refused() {
    let whole = written(|writer| {
        writer
            .sender_report(&SENDER, &[block(2)])?
            .sdes_cname(1, "ab")?;
        Ok(())
    });
    for len in 0..whole.len() {
        let cut = Compound::parse(&whole[..len]).map(Iterator::count);
        // Only at the border between the two packets is the rest well formed.
        assert_eq!(cut.is_ok(), len == 52, "{len}: {cut:?}");
    }
    let mut longer = whole.clone();
    longer[3] = 0xFF;
    assert_eq!(Compound::parse(&longer).unwrap_err(), RtcpError::Truncated);
    let mut more_blocks = whole;
    more_blocks[0] = 0x80 | 31;
    assert_eq!(
        Compound::parse(&more_blocks).unwrap_err(),
        RtcpError::Truncated
    );
}

#[test]
fn s35_contents_that_overrun_their_packet_are_refused() {
    let cases: [(&str, &[u8]); 8] = [
        ("one byte", &[0x80]),
        ("SDES item", &[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9, b'a', 0]),
        (
            "SDES without end",
            &[0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, b'a', b'b'],
        ),
        (
            "BYE reason",
            &[0x81, 203, 0, 2, 0, 0, 0, 1, 9, b'a', b'b', b'c'],
        ),
        ("BYE sources", &[0x82, 203, 0, 1, 0, 0, 0, 1]),
        (
            "NACK without entry",
            &[0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
        (
            "half a FIR entry",
            &[0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
        ),
        (
            "REMB sources",
            &[
                0x8F, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 0, 0, 1,
            ],
        ),
    ];
    for (what, bytes) in cases {
        assert_eq!(
            Compound::parse(bytes).unwrap_err(),
            RtcpError::Truncated,
            "{what}"
        );
    }
}

#[test]
fn wrong_versions_and_empty_datagrams_are_refused() {
    assert_eq!(Compound::parse(&[]).unwrap_err(), RtcpError::Count);
    assert_eq!(
        Compound::parse(&[0x40, 201, 0, 1, 0, 0, 0, 1]).unwrap_err(),
        RtcpError::Version
    );
}

#[test]
fn s35_a_flood_of_tiny_packets_in_one_datagram_is_refused() {
    let tiny = [0x80, 204, 0, 0];
    assert!(Compound::parse(&tiny.repeat(32)).is_ok());
    assert_eq!(
        Compound::parse(&tiny.repeat(33)).unwrap_err(),
        RtcpError::Count
    );
}

#[test]
fn padding_is_taken_off_the_last_packet_and_refused_elsewhere() {
    let mut padded = vec![0xA0, 201, 0, 2, 0, 0, 0, 5, 0, 0, 0, 4];
    assert!(matches!(only(&padded), RtcpPacket::ReceiverReport(_)));
    for wrong in [0, 3, 5, 12] {
        padded[11] = wrong;
        assert_eq!(Compound::parse(&padded).unwrap_err(), RtcpError::Padding);
    }
    padded[11] = 4;
    padded.extend([0x80, 201, 0, 1, 0, 0, 0, 5]);
    assert_eq!(Compound::parse(&padded).unwrap_err(), RtcpError::Padding);
}

#[test]
fn remb_bitrates_round_down_to_18_bits() {
    for (bitrate, read) in [
        (0, 0),
        (1, 1),
        (0x3_FFFF, 0x3_FFFF),
        (0x4_0001, 0x4_0000),
        (2_500_000, 2_500_000),
        (u64::MAX, 0x3_FFFF << 46),
    ] {
        let bytes = written(|writer| writer.remb(1, bitrate, &[]).map(|_| ()));
        let RtcpPacket::Remb(remb) = only(&bytes) else {
            panic!("no REMB")
        };
        assert_eq!(remb.bitrate, read);
    }
    let huge = [
        0x8F, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 0, 0xFF, 0xFF, 0xFF,
    ];
    let RtcpPacket::Remb(remb) = only(&huge) else {
        panic!("no REMB")
    };
    assert_eq!(remb.bitrate, u64::MAX, "saturates");
}

#[test]
fn a_cname_takes_any_length() {
    for len in [0, 1, 2, 3, 4, 5, 254, 255, 300] {
        let name = "n".repeat(len);
        let bytes = written(|writer| writer.sdes_cname(5, &name).map(|_| ()));
        let RtcpPacket::Sdes(sdes) = only(&bytes) else {
            panic!("no source description")
        };
        let expected = &name.as_bytes()[..len.min(255)];
        assert_eq!(sdes.chunks().collect::<Vec<_>>(), [(5, Some(expected))]);
    }
}

#[test]
fn a_packet_without_room_leaves_those_before_it() {
    let mut out = [0; 19];
    let mut writer = CompoundWriter::new(&mut out);
    writer.receiver_report(1, &[]).unwrap();
    assert_eq!(writer.pli(1, 2).unwrap_err(), RtcpError::NoRoom);
    assert_eq!(writer.len(), 8);
    assert!(matches!(only(&out[..8]), RtcpPacket::ReceiverReport(_)));
}

proptest! {
    #[test]
    fn s35_random_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300)
    ) {
        visit(&bytes);
    }

    #[test]
    fn s35_each_kind_of_packet_with_a_random_body_never_panics(
        count in 0u8..64, kind in 200u8..208, body in prop::collection::vec(any::<u8>(), 0..30)
    ) {
        let mut body = body;
        body.resize(body.len() / 4 * 4, 0);
        let mut bytes = vec![0x80 | count, kind, 0, (body.len() / 4) as u8];
        bytes.extend(&body);
        visit(&bytes);
        if body.len() >= 12 {
            bytes[12..16].copy_from_slice(b"REMB");
            visit(&bytes);
        }
    }

    #[test]
    fn nacks_read_back_whatever_they_ask_for(numbers in prop::collection::btree_set(any::<u16>(), 1..200)) {
        let numbers: Vec<u16> = numbers.into_iter().collect();
        let bytes = written(|writer| writer.nack(1, 2, &numbers).map(|_| ()));
        let RtcpPacket::Nack(nack) = only(&bytes) else { panic!("no NACK") };
        prop_assert_eq!(nack.sequence_numbers().collect::<Vec<_>>(), numbers);
    }
}

/// Reads all there is.
fn visit(bytes: &[u8]) {
    let Ok(packets) = Compound::parse(bytes) else {
        return;
    };
    for packet in packets {
        let _ = match packet {
            RtcpPacket::SenderReport(report) => report.blocks.iter().count(),
            RtcpPacket::ReceiverReport(report) => report.blocks.iter().count(),
            RtcpPacket::Sdes(sdes) => sdes.chunks().count(),
            RtcpPacket::Bye(bye) => bye.ssrcs().count(),
            RtcpPacket::Nack(nack) => nack.sequence_numbers().count(),
            RtcpPacket::Pli(_) => 1,
            RtcpPacket::Fir(fir) => fir.entries().count(),
            RtcpPacket::Remb(remb) => remb.ssrcs().count(),
        };
    }
}

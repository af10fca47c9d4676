use proptest::prelude::*;

use super::cipher::Session;
use super::index::{RtpWindow, estimate};
use super::keys::Label;
use super::*;
use crate::ids::DtlsRole;

const PROFILES: [Profile; 3] = [
    Profile::AesCm128HmacSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

const SSRC: u32 = 0xcafe_babe;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn master(profile: Profile) -> MasterKey {
    let key: Vec<u8> = (0..profile.key_len() as u8).collect();
    let salt: Vec<u8> = (0xa0..0xa0 + profile.salt_len() as u8).collect();
    MasterKey::new(profile, &key, &salt).unwrap()
}

fn pair(profile: Profile) -> (SrtpOutbound, SrtpInbound) {
    let master = master(profile);
    (
        SrtpOutbound::new(&master).unwrap(),
        SrtpInbound::new(&master).unwrap(),
    )
}

fn rtp(ssrc: u32, sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0, 0, 0, 7]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

fn protect(outbound: &mut SrtpOutbound, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_RTP_OVERHEAD, 0);
    let len = outbound.protect_rtp(&mut buffer, packet.len()).unwrap();
    buffer.truncate(len);
    buffer
}

fn protect_rtcp(outbound: &mut SrtpOutbound, packet: &[u8]) -> Vec<u8> {
    let mut buffer = packet.to_vec();
    buffer.resize(packet.len() + MAX_RTCP_OVERHEAD, 0);
    let len = outbound.protect_rtcp(&mut buffer, packet.len()).unwrap();
    buffer.truncate(len);
    buffer
}

fn unprotect(inbound: &mut SrtpInbound, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let len = inbound.unprotect_rtp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

fn unprotect_rtcp(inbound: &mut SrtpInbound, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let len = inbound.unprotect_rtcp(&mut packet)?;
    packet.truncate(len);
    Ok(packet)
}

/// RFC 3711 B.3.
#[test]
fn session_keys_are_derived_as_the_rfc_shows() {
    let master = MasterKey::new(
        Profile::AesCm128HmacSha1_80,
        &hex("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &hex("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let derive = |label, len| {
        let mut out = vec![0; len];
        master.derive(label, &mut out);
        out
    };
    assert_eq!(
        derive(Label::RtpEncryption, 16),
        hex("C61E7A93744F39EE10734AFE3FF7A087")
    );
    assert_eq!(
        derive(Label::RtpSalt, 14),
        hex("30CBBC08863D8C85D49DB34A9AE1")
    );
    assert_eq!(
        derive(Label::RtpAuthentication, 20),
        hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

/// The vector that implementations share for this key.
#[test]
fn cm_packets_look_as_other_implementations_make_them() {
    let master = MasterKey::new(
        Profile::AesCm128HmacSha1_80,
        &hex("e1f97a0d3e018be0d64fa32c06de4139"),
        &hex("0ec675ad498afeebb6960b3aabe6"),
    )
    .unwrap();
    let mut outbound = SrtpOutbound::new(&master).unwrap();
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let protected =
        hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    assert_eq!(protect(&mut outbound, &plain), protected);
    let plain = hex("81c8000bcafebabe abababababababababababababababab");
    let protected =
        hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    assert_eq!(protect_rtcp(&mut outbound, &plain), protected);
    let mut inbound = SrtpInbound::new(&master).unwrap();
    assert_eq!(unprotect_rtcp(&mut inbound, &protected).unwrap(), plain);
}

/// RFC 7714 16.1.1: the session key and salt are given there, not derived.
#[test]
fn gcm_payloads_are_sealed_as_the_rfc_shows() {
    let key = hex("000102030405060708090a0b0c0d0e0f");
    let salt: [u8; 12] = hex("517569642070726f2071756f").try_into().unwrap();
    let Session::Gcm(session) = Session::gcm(&key, salt).unwrap() else {
        panic!("not a GCM session");
    };
    let header = hex("8040f17b8041f8d35501a0b2");
    let mut payload =
        hex("47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573");
    let tag = session
        .seal(0x5501_a0b2, 0xf17b, &header, &mut payload)
        .unwrap();
    assert_eq!(
        payload,
        hex("f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833")
    );
    assert_eq!(tag.to_vec(), hex("899d7f27beb16a9152cf765ee4390cce"));
}

#[test]
fn what_one_side_protects_the_other_reads_under_every_profile() {
    for profile in PROFILES {
        let material: Vec<u8> = (0..profile.material_len() as u8).collect();
        let client = Keys::from_dtls(profile, &material, DtlsRole::Client).unwrap();
        let server = Keys::from_dtls(profile, &material, DtlsRole::Server).unwrap();
        for (from, to) in [(&client, &server), (&server, &client)] {
            let mut outbound = SrtpOutbound::new(&from.outbound).unwrap();
            let mut inbound = SrtpInbound::new(&to.inbound).unwrap();
            let plain = rtp(SSRC, 1, b"sound");
            let protected = protect(&mut outbound, &plain);
            assert_ne!(&protected[..plain.len()], &plain[..]);
            assert_eq!(unprotect(&mut inbound, &protected).unwrap(), plain);
            let report = hex("80c90001cafebabe");
            let protected = protect_rtcp(&mut outbound, &report);
            assert_eq!(unprotect_rtcp(&mut inbound, &protected).unwrap(), report);
        }
    }
}

#[test]
fn header_extensions_stay_in_the_clear_and_are_authenticated() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let mut plain = rtp(SSRC, 1, &hex("bede0001 10aa0000"));
        plain[0] |= 0x10;
        plain.extend(b"picture");
        let protected = protect(&mut outbound, &plain);
        assert_eq!(protected[..20], plain[..20]);
        let mut changed = protected.clone();
        changed[17] ^= 1;
        assert_eq!(
            unprotect(&mut inbound, &changed),
            Err(SrtpError::Authentication)
        );
        assert_eq!(unprotect(&mut inbound, &protected).unwrap(), plain);
    }
}

#[test]
fn the_sequence_number_may_wrap_with_packets_lost_and_late_around_it() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let protected: Vec<_> = (0..400_u32)
            .map(|step| {
                let sequence_number = 65_400_u16.wrapping_add(step as u16);
                protect(
                    &mut outbound,
                    &rtp(SSRC, sequence_number, &step.to_be_bytes()),
                )
            })
            .collect();
        // Every third is lost; of the rest, each pair arrives in the wrong order.
        let arriving: Vec<_> = protected
            .iter()
            .enumerate()
            .filter(|(step, _)| step % 3 != 2)
            .collect();
        for pair in arriving.chunks(2) {
            for (step, packet) in pair.iter().rev() {
                let plain = unprotect(&mut inbound, packet).unwrap();
                assert_eq!(&plain[12..], &(*step as u32).to_be_bytes(), "{profile}");
            }
        }
    }
}

#[test]
fn s33_replayed_packets_are_refused() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let captured: Vec<_> = (0..500)
            .map(|seq| protect(&mut outbound, &rtp(SSRC, seq, b"again")))
            .collect();
        for packet in &captured {
            unprotect(&mut inbound, packet).unwrap();
        }
        for packet in &captured {
            assert_eq!(unprotect(&mut inbound, packet), Err(SrtpError::Replay));
        }
        let report = protect_rtcp(&mut outbound, &hex("80c90001cafebabe"));
        unprotect_rtcp(&mut inbound, &report).unwrap();
        assert_eq!(
            unprotect_rtcp(&mut inbound, &report),
            Err(SrtpError::Replay)
        );
        // Fresh ones go on.
        unprotect(
            &mut inbound,
            &protect(&mut outbound, &rtp(SSRC, 500, b"new")),
        )
        .unwrap();
    }
}

#[test]
fn s32_corrupt_packets_are_refused_and_leave_nothing_behind() {
    for profile in PROFILES {
        let (mut outbound, mut inbound) = pair(profile);
        let protected = protect(&mut outbound, &rtp(SSRC, 9, b"intact"));
        for at in 12..protected.len() {
            let mut corrupt = protected.clone();
            corrupt[at] ^= 0x40;
            assert_eq!(
                unprotect(&mut inbound, &corrupt),
                Err(SrtpError::Authentication)
            );
        }
        for ssrc in 0..100 {
            let forged = rtp(ssrc, 1, &[0; 40]);
            assert_eq!(
                unprotect(&mut inbound, &forged),
                Err(SrtpError::Authentication)
            );
        }
        // Had a forgery moved the window or taken a place, this would be refused.
        unprotect(&mut inbound, &protected).unwrap();
    }
}

#[test]
fn sources_beyond_the_limit_are_refused_and_the_known_ones_go_on() {
    let (mut outbound, mut inbound) = pair(Profile::AeadAes128Gcm);
    for ssrc in 0..MAX_SSRCS as u32 {
        unprotect(&mut inbound, &protect(&mut outbound, &rtp(ssrc, 1, b"x"))).unwrap();
    }
    let (mut other, _) = pair(Profile::AeadAes128Gcm);
    let one_more = protect(&mut other, &rtp(99, 1, b"x"));
    assert_eq!(
        unprotect(&mut inbound, &one_more),
        Err(SrtpError::TooManySsrcs)
    );
    unprotect(&mut inbound, &protect(&mut outbound, &rtp(0, 2, b"x"))).unwrap();
}

#[test]
fn a_retransmission_is_protected_to_the_same_bytes() {
    for profile in PROFILES {
        let (mut outbound, _) = pair(profile);
        let plain = rtp(SSRC, 65_535, b"frame");
        let first = protect(&mut outbound, &plain);
        for seq in 0..50 {
            protect(&mut outbound, &rtp(SSRC, seq, b"later"));
        }
        assert_eq!(protect(&mut outbound, &plain), first);
    }
}

#[test]
fn rtcp_in_the_clear_is_refused() {
    let (mut outbound, mut inbound) = pair(Profile::AesCm128HmacSha1_80);
    let mut report = protect_rtcp(&mut outbound, &hex("80c90001cafebabe"));
    report[8] &= 0x7f;
    assert_eq!(
        unprotect_rtcp(&mut inbound, &report),
        Err(SrtpError::Malformed)
    );
}

#[test]
fn a_buffer_without_room_for_the_tag_is_refused() {
    let (mut outbound, _) = pair(Profile::AeadAes256Gcm);
    let mut exact = rtp(SSRC, 1, b"x");
    let len = exact.len();
    assert_eq!(
        outbound.protect_rtp(&mut exact, len),
        Err(SrtpError::NoRoom)
    );
}

#[test]
fn keys_are_not_shown() {
    let key = master(Profile::AeadAes256Gcm);
    let shown = format!("{key:?} {:?}", SrtpInbound::new(&key).unwrap());
    assert!(
        !shown.contains("0, 1, 2") && !shown.contains("161"),
        "{shown}"
    );
}

#[test]
fn keying_material_of_another_length_is_refused() {
    let refused = Keys::from_dtls(Profile::AeadAes128Gcm, &[0; 60], DtlsRole::Client);
    assert_eq!(refused.map(|_| ()), Err(SrtpError::KeyLength));
}

proptest! {
    #[test]
    fn any_bytes_are_refused_without_a_panic(
        packet in proptest::collection::vec(any::<u8>(), 0..80),
        profile in 0..3_usize,
    ) {
        let (_, mut inbound) = pair(PROFILES[profile]);
        prop_assert!(unprotect(&mut inbound, &packet).is_err());
        prop_assert!(unprotect_rtcp(&mut inbound, &packet).is_err());
    }

    #[test]
    fn the_index_follows_a_true_one_that_is_near(highest in 0..1_u64 << 40, step in -30_000..30_000_i64) {
        let truth = highest.saturating_add_signed(step);
        prop_assert_eq!(estimate(Some(highest), truth as u16), truth);
    }

    #[test]
    fn the_window_tells_exactly_what_was_seen(indices in proptest::collection::vec(0..5_000_u64, 1..300)) {
        let mut window = RtpWindow::starting_at(indices[0]);
        let mut seen = std::collections::HashSet::from([indices[0]]);
        let mut highest = indices[0];
        for index in &indices[1..] {
            let fresh = window.is_fresh(*index);
            let expected = !seen.contains(index) && (*index > highest || highest - index < 1024);
            prop_assert_eq!(fresh, expected, "index {} highest {}", index, highest);
            if fresh {
                window.accept(*index);
                seen.insert(*index);
                highest = highest.max(*index);
            }
        }
    }
}

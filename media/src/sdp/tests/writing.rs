//! From types to text and back.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use smol_str::SmolStr;

use super::{CAPTURED, VIDEO, parse, parsed};
use crate::ids::{Fingerprint, IceCredentials, MediaKind};
use crate::sdp::{
    Bandwidth, Candidate, CertificateHash, Codec, Crypto, Description, Direction, ExtensionMap,
    Media, MediaDescription, Msid, RtcpAddress, Setup, Source, SourceGroup,
};
use crate::srtp::{MasterKey, Profile};

#[test]
fn what_browsers_write_survives_a_round_trip() {
    for text in CAPTURED {
        let description = parsed(text);
        assert_eq!(parsed(&description.to_text()), description);
    }
}

#[test]
fn parameters_follow_their_map_directly() {
    let text = parsed(VIDEO).to_text();
    assert!(
        text.contains("a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n")
    );
}

#[test]
fn a_value_cannot_break_out_of_its_line() {
    let mut description = Description::new(1, 1, "192.0.2.1".parse().expect("an address"));
    let mut media = MediaDescription::new(Media::Kind(MediaKind::Audio), "RTP/AVP".into());
    media.other_formats = vec!["0".into()];
    media.mid = Some("0\r\na=ice-lite\r\nm=video 9 RTP/AVP 96".into());
    description.media = vec![media];
    let text = description.to_text();
    assert_eq!(
        text.lines().filter(|line| line.starts_with("m=")).count(),
        1
    );
    assert!(text.lines().all(|line| line != "a=ice-lite"));
}

/// A search found it: fields are parted at ASCII white space, and a value was trimmed of more.
#[test]
fn a_value_that_ends_in_a_vertical_tab_survives_a_round_trip() {
    for end in ["\u{b}", "\u{85}", "\u{a0}"] {
        let text = format!(
            "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n\
             a=msid:stream track{end} x\r\na=fmtp:0 a=1{end}\r\n"
        );
        let description = parsed(&text);
        assert_eq!(parsed(&description.to_text()), description, "{end:?}");
    }
}

#[test]
fn a_session_id_never_has_the_highest_bit_set() {
    let description = Description::new(u64::MAX, 1, "192.0.2.1".parse().expect("an address"));
    assert_eq!(description.origin.session_id, i64::MAX.to_string());
}

proptest! {
    #[test]
    fn any_description_of_ours_survives_a_round_trip(description in descriptions()) {
        prop_assert_eq!(parse(&description.to_text()), Ok(description));
    }

    #[test]
    fn a_mutilated_description_never_panics(
        text in select(&CAPTURED[..]),
        cuts in vec((any::<prop::sample::Index>(), 0..200_usize, any::<Vec<u8>>()), 1..8),
    ) {
        let mut bytes = text.as_bytes().to_vec();
        for (at, length, new) in cuts {
            let start = at.index(bytes.len().max(1)).min(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, new);
        }
        if let Ok(description) = parse(&String::from_utf8_lossy(&bytes)) {
            prop_assert_eq!(parse(&description.to_text()), Ok(description));
        }
    }

    #[test]
    fn lines_in_any_order_never_panic(
        lines in vec(select(CAPTURED.iter().flat_map(|text| text.lines()).collect::<Vec<_>>()), 0..80),
    ) {
        let text = format!("v=0\r\n{}\r\n", lines.join("\r\n"));
        if let Ok(description) = parse(&text) {
            prop_assert_eq!(parse(&description.to_text()), Ok(description));
        }
    }
}

fn token() -> impl Strategy<Value = SmolStr> {
    "[A-Za-z0-9+/{}-]{1,24}".prop_map(SmolStr::from)
}

fn descriptions() -> impl Strategy<Value = Description> {
    (
        any::<u64>(),
        any::<u64>(),
        any::<std::net::IpAddr>(),
        any::<bool>(),
        vec(media(), 0..5),
    )
        .prop_map(|(id, version, address, ice_lite, mut media)| {
            let mut description = Description::new(id, version, address);
            for (index, media) in media.iter_mut().enumerate() {
                media.mid = media.mid.take().map(|mid| format!("{index}{mid}").into());
            }
            description.ice_lite = ice_lite;
            description.bundle = vec![media.iter().filter_map(|media| media.mid.clone()).collect()];
            description.media = media;
            description
        })
}

fn media() -> impl Strategy<Value = MediaDescription> {
    let kind = select(vec![MediaKind::Audio, MediaKind::Video]);
    let names = (
        option::of(token()),
        vec((token(), option::of(token())), 0..3),
    );
    let transport = (
        option::of(("[A-Za-z0-9+/]{4,8}", "[A-Za-z0-9+/]{22,32}")),
        option::of(any::<[u8; 32]>()),
        option::of(select(vec![
            Setup::Active,
            Setup::Passive,
            Setup::ActPass,
            Setup::HoldConn,
        ])),
        vec(any::<std::net::SocketAddr>(), 0..4),
        vec(cryptos(), 0..3),
        option::of((1..=u16::MAX, option::of(any::<std::net::IpAddr>()))),
    );
    let numbers = (
        any::<u16>(),
        option::of(1..=1_000_u16),
        option::of(any::<u64>()),
    );
    let flags = any::<[bool; 6]>();
    let sources = prop::collection::btree_set(any::<u32>(), 0..4);
    (
        kind,
        names,
        transport,
        codecs(),
        extensions(),
        numbers,
        flags,
        sources,
    )
        .prop_map(
            |(
                kind,
                (mid, msids),
                (ice, hash, setup, addresses, crypto, rtcp),
                codecs,
                extensions,
                numbers,
                flags,
                sources,
            )| {
                let mut media =
                    MediaDescription::new(Media::Kind(kind), "UDP/TLS/RTP/SAVPF".into());
                let (port, time, bits) = numbers;
                let [send, receive, mux, reduced, end, bundle_only] = flags;
                media.port = port;
                media.mid = mid;
                media.msids = msids
                    .into_iter()
                    .map(|(stream, track)| Msid { stream, track })
                    .collect();
                media.ice = ice.map(|(ufrag, pwd)| IceCredentials {
                    ufrag: ufrag.into(),
                    pwd: pwd.into(),
                });
                media.fingerprints = hash
                    .map(|hash| CertificateHash::Sha256(Fingerprint(hash)))
                    .into_iter()
                    .collect();
                media.setup = setup;
                media.crypto = crypto;
                media.rtcp = rtcp.map(|(port, address)| RtcpAddress { port, address });
                media.candidates = (0..)
                    .zip(addresses)
                    .map(|(index, address)| Candidate::host(index, plain(address)))
                    .collect();
                media.other_formats = if codecs.is_empty() {
                    vec!["77".into()]
                } else {
                    Vec::new()
                };
                media.codecs = codecs;
                media.extensions = extensions;
                media.ptime_ms = time;
                media.maxptime_ms = time;
                media.bandwidth = bits.map(Bandwidth::of_bits).unwrap_or_default();
                media.direction = Direction::new(send, receive);
                (media.rtcp_mux, media.rtcp_rsize) = (mux, reduced);
                (media.end_of_candidates, media.bundle_only) = (end, bundle_only);
                let ssrcs: Vec<u32> = sources.into_iter().collect();
                if !ssrcs.is_empty() {
                    media.source_groups = vec![SourceGroup {
                        semantics: "FID".into(),
                        ssrcs: ssrcs.clone(),
                    }];
                }
                media.sources = ssrcs
                    .into_iter()
                    .map(|ssrc| Source {
                        ssrc,
                        cname: Some("c".into()),
                    })
                    .collect();
                media
            },
        )
}

fn cryptos() -> impl Strategy<Value = Crypto> {
    let profiles = vec![
        Profile::AesCm128HmacSha1_80,
        Profile::AesCm128HmacSha1_32,
        Profile::AeadAes128Gcm,
        Profile::AeadAes256Gcm,
    ];
    let strategy = (0..=999_999_999_u32, select(profiles), vec(any::<u8>(), 46));
    strategy.prop_map(|(tag, profile, bytes)| {
        let (key, salt) = bytes.split_at(profile.key_len());
        let key = MasterKey::new(profile, key, &salt[..profile.salt_len()]);
        let key = key.expect("a key of the right length");
        Crypto { tag, key }
    })
}

/// Scope and flow label of an IPv6 address are not part of a candidate.
fn plain(address: std::net::SocketAddr) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address.ip(), address.port())
}

fn codecs() -> impl Strategy<Value = Vec<Codec>> {
    let codec = (
        "[A-Za-z0-9-]{1,24}".prop_map(SmolStr::from),
        1..=u32::MAX,
        1..=u8::MAX,
        option::of("[a-z]{1,5}=[0-9a-f]{1,6}"),
        vec(token(), 0..3),
    );
    prop::collection::btree_map(0..128_u8, codec, 0..6).prop_map(|codecs| {
        let codecs = codecs.into_iter();
        codecs
            .map(
                |(payload_type, (name, clock_rate, channels, parameters, mut feedback))| {
                    feedback.sort();
                    feedback.dedup();
                    let parameters = parameters.map(SmolStr::from);
                    Codec {
                        payload_type,
                        name,
                        clock_rate,
                        channels,
                        parameters,
                        feedback,
                    }
                },
            )
            .collect()
    })
}

fn extensions() -> impl Strategy<Value = Vec<ExtensionMap>> {
    let directions = vec![
        Direction::SendRecv,
        Direction::SendOnly,
        Direction::RecvOnly,
        Direction::Inactive,
    ];
    let extension = (1..=4_351_u16, option::of(select(directions)), token());
    let extension = extension.prop_map(|(id, direction, uri)| ExtensionMap { id, direction, uri });
    vec(extension, 0..4)
}

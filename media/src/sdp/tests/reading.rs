//! From text to types.

use super::{CAPTURED, FIREFOX, VIDEO, audio_with, parse, parsed};
use crate::ids::MediaKind;
use crate::sdp::{CertificateHash, Direction, ExtensionMap, Media, Msid, SdpError, Setup};

#[test]
fn a_browsers_offer_reads_into_types() {
    let description = parsed(VIDEO);
    assert_eq!(description.origin.session_id, "7129348601333730129");
    assert_eq!(description.bundle, [["0", "1"]]);
    let [audio, video] = description.media.as_slice() else {
        panic!("two m-lines")
    };

    assert_eq!(audio.kind(), Some(MediaKind::Audio));
    let opus = audio.codec(111).expect("opus");
    assert_eq!(
        (opus.name.as_str(), opus.clock_rate, opus.channels),
        ("opus", 48_000, 2)
    );
    assert_eq!(opus.parameter("UseInbandFEC"), Some("1"));
    assert_eq!(
        audio
            .codecs
            .iter()
            .map(|c| c.payload_type)
            .collect::<Vec<_>>(),
        [111, 63, 9, 0, 8, 13, 110, 126]
    );

    assert_eq!(video.mid.as_deref(), Some("1"));
    assert_eq!(video.direction, Direction::SendRecv);
    assert_eq!(video.setup, Some(Setup::ActPass));
    assert!(video.rtcp_mux && video.rtcp_rsize);
    assert_eq!(video.ice.as_ref().expect("ICE").ufrag, "h9Hd");
    assert!(matches!(video.fingerprints[..], [CertificateHash::Sha256(hash)] if hash.0[0] == 0x8E));
    let vp8 = video.codec(96).expect("VP8");
    assert_eq!(
        vp8.feedback,
        ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"]
    );
    assert_eq!(video.codec(97).expect("rtx").apt(), Some(96));
    assert_eq!(
        video.extensions[0],
        ExtensionMap {
            id: 14,
            direction: None,
            uri: "urn:ietf:params:rtp-hdrext:toffset".into()
        }
    );
    assert_eq!(
        video.msids,
        [Msid {
            stream: "3ea64c0c-a959-4027-97df-51c150090248".into(),
            track: Some("f9f6df4d-24f5-49ea-ab65-ab9532715f53".into())
        }]
    );
    assert_eq!(video.source_groups[0].semantics, "FID");
    assert_eq!(video.source_groups[0].ssrcs, [540_047_908, 267_098_878]);
    assert_eq!(video.sources[1].cname.as_deref(), Some("h7b/VXTCob7agj/l"));
}

#[test]
fn what_is_said_for_the_session_holds_for_each_m_line() {
    let description = parsed(FIREFOX);
    for media in &description.media {
        assert!(
            matches!(media.fingerprints[..], [CertificateHash::Sha256(hash)] if hash.0[0] == 0xD2)
        );
    }
    let text = FIREFOX
        .replace("a=group", "a=inactive\r\na=setup:passive\r\na=ice-ufrag:sess\r\na=ice-pwd:0123456789012345678901\r\na=group")
        .replace("a=mid:1", "a=mid:1\r\na=recvonly\r\na=setup:active");
    let [audio, video] = &parsed(&text).media[..] else {
        panic!("two m-lines")
    };
    assert_eq!(
        (audio.setup, video.setup),
        (Some(Setup::ActPass), Some(Setup::ActPass))
    );
    assert_eq!(
        video.ice.as_ref().expect("ICE").ufrag,
        "8f4e1a2b",
        "the m-line's own wins"
    );

    let bare = "v=0\no=- 1 1 IN IP6 ::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\na=recvonly\na=setup:passive\n\
        a=ice-ufrag:sess\na=ice-pwd:0123456789012345678901\nm=audio 9 RTP/AVP 0\nm=audio 9 RTP/AVP 0\na=sendonly\n";
    let [first, second] = &parsed(bare).media[..] else {
        panic!("two m-lines")
    };
    assert_eq!(
        (first.direction, second.direction),
        (Direction::RecvOnly, Direction::SendOnly)
    );
    assert_eq!(second.setup, Some(Setup::Passive));
    assert_eq!(second.ice.as_ref().expect("ICE").ufrag, "sess");
    assert_eq!(second.connection, "2001:db8::1".parse().ok());
}

#[test]
fn both_line_ends_read_the_same() {
    for text in CAPTURED {
        assert_eq!(parsed(text), parsed(&text.replace("\r\n", "\n")));
    }
}

#[test]
fn static_payload_types_need_no_map_and_others_are_kept_by_number() {
    let media = &parsed(&audio_with("a=rtpmap:111 opus/48000/2\r\n")).media[0];
    let described: Vec<_> = media
        .codecs
        .iter()
        .map(|c| (c.payload_type, c.name.as_str()))
        .collect();
    assert_eq!(described, [(111, "opus"), (0, "PCMU")]);
    assert_eq!(media.other_formats, ["77"]);
}

#[test]
fn a_payload_type_named_twice_counts_once_and_lines_about_others_are_left_out() {
    let text = audio_with("a=rtpmap:99 iLBC/8000\r\na=fmtp:98 x=1\r\na=rtcp-fb:97 nack\r\n")
        .replace("111 0 77", "0 0 8 0");
    let media = &parsed(&text).media[0];
    assert_eq!(
        media
            .codecs
            .iter()
            .map(|c| c.payload_type)
            .collect::<Vec<_>>(),
        [0, 8]
    );
}

#[test]
fn feedback_for_all_payload_types_reaches_each() {
    let media = &parsed(&audio_with("a=rtcp-fb:* nack\r\na=rtcp-fb:0 nack pli\r\n")).media[0];
    assert_eq!(media.codec(0).expect("PCMU").feedback, ["nack pli", "nack"]);
}

#[test]
fn formats_of_other_protocols_stay_names() {
    let text =
        "v=0\ns=-\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=sctp-port:5000\na=mid:2\n";
    let media = &parsed(text).media[0];
    assert_eq!(media.media, Media::Other("application".into()));
    assert_eq!(media.other_formats, ["webrtc-datachannel"]);
    assert!(media.codecs.is_empty());
}

#[test]
fn candidates_that_are_no_addresses_are_left_out() {
    let media = &parsed(&audio_with(
        "a=candidate:1 1 UDP 2122194687 192.0.2.2 35614 typ host generation 0 network-id 1\r\n\
         a=candidate:2 1 udp 2122265343 2001:db8::2 38174 typ srflx raddr 10.0.0.1 rport 9\r\n\
         a=candidate:3 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active\r\n\
         a=candidate:4 1 udp 2122194687 3f2e5c1a-aaaa-bbbb-cccc-0123456789ab.local 5000 typ host\r\n\
         a=candidate:5 1 udp 99999999999999 192.0.2.2 5000 typ host\r\n\
         a=candidate:6 1 udp 5 192.0.2.2 70000 typ host\r\n\
         a=candidate:7\r\na=candidate\r\na=end-of-candidates\r\n",
    ))
    .media[0];
    let read: Vec<String> = media.candidates.iter().map(ToString::to_string).collect();
    assert_eq!(
        read,
        [
            "1 1 udp 2122194687 192.0.2.2 35614 typ host",
            "2 1 udp 2122265343 2001:db8::2 38174 typ srflx",
            "3 1 tcp 1518214911 192.0.2.2 9 typ host tcptype active",
        ]
    );
    assert!(media.end_of_candidates);
}

#[test]
fn packet_times_out_of_range_are_as_good_as_not_said() {
    for (value, read) in [("20", Some(20)), ("1", Some(1)), ("1000", Some(1_000))] {
        let text = audio_with(&format!("a=ptime:{value}\r\na=maxptime:{value}\r\n"));
        assert_eq!(parsed(&text).media[0].ptime_ms, read, "{value}");
        assert_eq!(parsed(&text).media[0].maxptime_ms, read, "{value}");
    }
    for value in [
        "0",
        "1001",
        "10000",
        "65536",
        "4294967296",
        "-20",
        "2.5",
        "",
    ] {
        let text = audio_with(&format!("a=ptime:{value}\r\n"));
        assert_eq!(parsed(&text).media[0].ptime_ms, None, "{value}");
    }
}

#[test]
fn bit_rates_never_overflow_and_zero_is_none() {
    let bits = |lines: &str| parsed(&audio_with(lines)).media[0].bandwidth.bits();
    assert_eq!(bits("b=AS:512\r\n"), Some(512_000));
    assert_eq!(bits("b=TIAS:300000\r\nb=AS:512\r\n"), Some(300_000));
    assert_eq!(bits("b=AS:18446744073709551615\r\n"), Some(u64::MAX));
    assert_eq!(bits("b=AS:0\r\n"), None);
    assert_eq!(bits("b=CT:512\r\nb=RS:0\r\n"), None);
}

#[test]
fn a_fault_names_its_place_and_what_is_wrong() {
    let in_audio = |lines: &str| parse(&audio_with(lines)).expect_err(lines).to_string();
    for (lines, words) in [
        (
            "a=rtpmap:111 opus\r\n",
            "a=rtpmap of m-line 1 (audio): 111: no clock rate",
        ),
        (
            "a=rtpmap:0 PCMU/0\r\n",
            "a=rtpmap of m-line 1 (audio): 0: the clock rate is not a number above 0",
        ),
        (
            "a=rtpmap:300 x/8000\r\n",
            "a=rtpmap of m-line 1 (audio): \"300\" is no payload type",
        ),
        (
            "a=setup:sideways\r\n",
            "a=setup of m-line 1 (audio): unknown role \"sideways\"",
        ),
        (
            "a=fingerprint:sha-256 AB:CD\r\n",
            "a=fingerprint of m-line 1 (audio): sha-256 takes 32 hexadecimal bytes joined by colons",
        ),
        (
            "a=extmap:0 urn:x\r\n",
            "a=extmap of m-line 1 (audio): id 0 is out of range",
        ),
        (
            "a=extmap:1/up urn:x\r\n",
            "a=extmap of m-line 1 (audio): unknown direction \"up\"",
        ),
        (
            "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n",
            "a=ice-pwd of m-line 1 (audio): 5 characters, 22 to 256 are allowed",
        ),
        (
            "a=ice-ufrag:abcd\r\n",
            "a=ice-pwd of m-line 1 (audio): missing",
        ),
        (
            "a=mid:a b\r\n",
            "a=mid of m-line 1 (audio): \"a b\" is no token of 1 to 64",
        ),
    ] {
        assert_eq!(in_audio(lines), words);
    }
    let session = audio_with("").replace("t=0 0", "t=0 0\r\na=setup:sideways");
    assert_eq!(
        parse(&session).expect_err("a fault").to_string(),
        "a=setup of the session: unknown role \"sideways\""
    );
    let second = FIREFOX.replace("a=mid:1", "a=mid:0");
    assert_eq!(
        parse(&second).expect_err("a fault").to_string(),
        "a=mid of m-line 2 (video): used by an m-line before"
    );
}

#[test]
fn what_is_no_session_description_says_which_line_is_wrong() {
    for text in [
        "",
        "hello",
        "v=1\r\n",
        "v=0\r\nm=audio\r\n",
        "v=0\r\nm=audio 99999 RTP/AVP 0\r\n",
    ] {
        assert!(matches!(parse(text), Err(SdpError::Syntax(_))), "{text:?}");
    }
    let error = parse("v=0\r\no=- 1 1 IN IP4 ::1\r\ns=-\r\nm=audio 99999 RTP/AVP 0\r\n");
    let words = error.expect_err("a fault").to_string();
    assert!(words.contains("line 4"), "{words}");
}

#[test]
fn a_password_stays_out_of_the_error() {
    let error = parse(&audio_with(
        "a=ice-ufrag:abcd\r\na=ice-pwd:secret but spaced out 1234\r\n",
    ));
    let words = format!("{0} {0:?}", error.expect_err("a fault"));
    assert!(!words.contains("secret"), "{words}");
}

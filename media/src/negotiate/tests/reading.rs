//! What is taken of an offer, and what is not.

use super::peer::{CHROMIUM_AUDIO, CHROMIUM_VIDEO, FIREFOX_VIDEO, remote};
use crate::ids::MediaKind::{Audio, Video};
use crate::negotiate::{Absence, NegotiationError, RemoteOffer};
use crate::sdp::{Direction, Limits};

const STRIPPED: &str = include_str!("../../../tests/data/chromium-offer-video-stripped.sdp");

fn error(sdp: &str) -> String {
    RemoteOffer::parse(sdp, &Limits::default())
        .expect_err("an error")
        .to_string()
}

fn formats(offer: &RemoteOffer, kind: crate::ids::MediaKind) -> Vec<(u8, Option<u8>)> {
    let stream = offer.stream(kind).expect("a stream");
    stream
        .formats
        .iter()
        .map(|format| (format.codec.payload_type, format.rtx))
        .collect()
}

/// Leaves lines out.
fn without(sdp: &str, drop: impl Fn(&str) -> bool) -> String {
    sdp.lines()
        .filter(|line| !drop(line))
        .map(|line| format!("{line}\r\n"))
        .collect()
}

#[test]
fn a_browsers_streams_are_found_with_their_directions() {
    let offer = remote(CHROMIUM_AUDIO);
    assert!(offer.has_audio() && !offer.has_video());
    let offer = remote(include_str!(
        "../../../tests/data/chromium-offer-video-sendonly.sdp"
    ));
    assert_eq!(offer.direction(Audio), Some(Direction::SendRecv));
    assert_eq!(offer.direction(Video), Some(Direction::SendOnly));
    let offer = remote(include_str!(
        "../../../tests/data/chromium-offer-recvonly.sdp"
    ));
    assert_eq!(offer.direction(Audio), Some(Direction::RecvOnly));
    assert_eq!(offer.direction(Video), Some(Direction::RecvOnly));
}

#[test]
fn only_formats_that_are_carried_are_taken() {
    let offer = remote(FIREFOX_VIDEO);
    let audio: Vec<u8> = formats(&offer, Audio)
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert_eq!(audio, [109, 9, 0, 8, 101]);
    assert_eq!(
        formats(&offer, Video),
        [
            (120, Some(124)),
            (121, Some(125)),
            (126, Some(127)),
            (97, Some(98)),
        ]
    );
}

#[test]
fn retransmissions_of_a_stripped_codec_are_as_good_as_absent() {
    // Captured: VP8 (96) was stripped, its rtx (97, apt=96) stayed.
    assert!(STRIPPED.contains("a=fmtp:97 apt=96") && !STRIPPED.contains("a=rtpmap:96"));
    let video = formats(&remote(STRIPPED), Video);
    assert!(
        video
            .iter()
            .all(|(number, rtx)| *number != 97 && *rtx != Some(97))
    );
    assert_eq!(video[0], (102, Some(103)));

    // Without apt, with rubbish in it, or pointing to a codec with another clock.
    for line in [
        "a=fmtp:97 apt=",
        "a=fmtp:97 apt=x",
        "a=fmtp:97 apt=300",
        "a=fmtp:97 rtx-time=3",
    ] {
        let offer = remote(&CHROMIUM_VIDEO.replace("a=fmtp:97 apt=96", line));
        assert_eq!(formats(&offer, Video)[0], (96, None), "{line}");
    }
    let clock = CHROMIUM_VIDEO.replace("a=rtpmap:97 rtx/90000", "a=rtpmap:97 rtx/8000");
    assert_eq!(formats(&remote(&clock), Video)[0], (96, None));
}

#[test]
fn feedback_lost_to_the_sdks_prefix_bug_is_restored() {
    // Stripping G722 (9) deletes every line that begins with `a=fmtp:9` or `a=rtcp-fb:9`.
    let munged = without(CHROMIUM_VIDEO, |line| {
        ["a=rtpmap:9 ", "a=fmtp:9", "a=rtcp-fb:9"]
            .iter()
            .any(|start| line.starts_with(start))
    });
    let offer = remote(&munged);
    let vp8 = &offer.stream(Video).expect("video").formats[0];
    assert_eq!((vp8.codec.payload_type, vp8.rtx), (96, None));
    assert!(vp8.feedback.nack && vp8.feedback.pli && vp8.feedback.fir && vp8.feedback.remb);

    // A peer that has no feedback at all is believed.
    let offer = remote(&without(CHROMIUM_VIDEO, |line| {
        line.starts_with("a=rtcp-fb:")
    }));
    assert_eq!(
        offer.stream(Video).expect("video").formats[0].feedback,
        Default::default()
    );
}

#[test]
fn further_m_lines_are_refused_with_their_reason() {
    let again = |mid: &str| {
        let video = &CHROMIUM_VIDEO[CHROMIUM_VIDEO.find("m=video").expect("video")..];
        video.replace("a=mid:1", &format!("a=mid:{mid}"))
    };
    let sdp = format!(
        "{CHROMIUM_VIDEO}{}m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n",
        again("2")
    )
    .replace("BUNDLE 0 1", "BUNDLE 0 1 2 3");
    assert_eq!(
        remote(&sdp).refused(),
        [
            (2, Absence::Second(Video)),
            (3, Absence::UnknownMedia("application".into())),
        ]
    );
}

#[test]
fn without_bundle_only_the_first_stream_is_taken() {
    let sdp = without(CHROMIUM_VIDEO, |line| line.starts_with("a=group"));
    let offer = remote(&sdp);
    assert!(offer.has_audio() && !offer.has_video());
    assert_eq!(offer.refused(), [(1, Absence::NotBundled(Video))]);
    let apart = CHROMIUM_VIDEO.replace("BUNDLE 0 1", "BUNDLE 0\r\na=group:BUNDLE 1");
    assert_eq!(remote(&apart).refused(), [(1, Absence::NotBundled(Video))]);
}

#[test]
fn a_bundle_only_m_line_is_taken_though_its_port_is_zero_and_it_names_no_transport() {
    let (audio, video) = CHROMIUM_VIDEO.split_at(CHROMIUM_VIDEO.find("m=video").expect("video"));
    let transport = [
        "a=ice-",
        "a=fingerprint",
        "a=setup",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ];
    let video = without(video, |line| {
        transport.iter().any(|start| line.starts_with(start))
    })
    .replace("m=video 9", "m=video 0")
    .replace("a=mid:1", "a=mid:1\r\na=bundle-only");
    let offer = remote(&format!("{audio}{video}"));
    assert!(offer.has_audio() && offer.has_video());
}

#[test]
fn an_m_line_with_port_zero_is_switched_off() {
    let offer = remote(&CHROMIUM_VIDEO.replace("m=video 9", "m=video 0"));
    assert_eq!(offer.refused(), [(1, Absence::SwitchedOff(Video))]);
}

#[test]
fn a_payload_type_used_for_two_things_loses_the_second_stream() {
    let sdp = CHROMIUM_VIDEO
        .replace("SAVPF 111 63", "SAVPF 96 63")
        .replace("rtpmap:111 opus", "rtpmap:96 opus");
    let offer = remote(&sdp);
    assert_eq!(offer.refused(), [(1, Absence::PayloadTypeClash(Video, 96))]);
}

#[test]
fn a_missing_transport_is_said_in_words() {
    let lacks =
        |start: &'static str| error(&without(CHROMIUM_VIDEO, |line| line.starts_with(start)));
    assert_eq!(
        lacks("a=ice-"),
        "the audio description has no ICE credentials (a=ice-ufrag, a=ice-pwd)"
    );
    assert_eq!(
        lacks("a=fingerprint"),
        "the audio description has no certificate fingerprint (a=fingerprint)"
    );
    assert_eq!(
        lacks("a=rtcp-mux"),
        "the audio description does not multiplex RTP and RTCP (a=rtcp-mux)"
    );
    assert_eq!(
        error(&CHROMIUM_VIDEO.replace("a=fingerprint:sha-256", "a=fingerprint:SHA-1")),
        "the certificate fingerprint of the audio description is sha-1; sha-256 is needed"
    );
    assert_eq!(
        error(&CHROMIUM_VIDEO.replace("a=setup:actpass", "a=setup:holdconn")),
        "the audio description says a=setup:holdconn, so it is open who starts the DTLS handshake"
    );
}

#[test]
fn one_fingerprint_among_several_is_enough() {
    let sdp = CHROMIUM_VIDEO.replace(
        "a=fingerprint:sha-256",
        "a=fingerprint:sha-1 AB:CD\r\na=fingerprint:sha-256",
    );
    assert!(remote(&sdp).has_video());
}

#[test]
fn an_offer_of_nothing_usable_says_why_for_each_m_line() {
    let words = error(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n\
         m=audio 4000 TCP/RTP/AVP 0\r\n\
         m=video 9 UDP/TLS/RTP/SAVPF 99\r\na=rtpmap:99 H265/90000\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n",
    );
    assert_eq!(
        words,
        "nothing in the offer can be used: audio comes over \"TCP/RTP/AVP\", which cannot be carried; \
         none of the caller's video codecs (H265) can be carried; \
         \"application\" media are not carried"
    );
    assert_eq!(
        error("v=0\r\ns=-\r\n"),
        "nothing in the offer can be used: it has no m-line"
    );
}

#[test]
fn a_fault_of_the_text_is_passed_on() {
    let result = RemoteOffer::parse("nonsense", &Limits::default());
    assert!(matches!(result, Err(NegotiationError::Sdp(_))));
}

#[test]
fn of_two_payload_types_that_say_the_same_the_first_counts() {
    let sdp = CHROMIUM_AUDIO
        .replace("SAVPF 111 63", "SAVPF 111 96 63")
        .replace("a=rtpmap:63", "a=rtpmap:96 OPUS/48000/2\r\na=rtpmap:63");
    let offer = remote(&sdp);
    let numbers: Vec<u8> = formats(&offer, Audio)
        .into_iter()
        .map(|(number, _)| number)
        .collect();
    assert_eq!(numbers, [111, 9, 0, 8, 13, 110, 126]);
}

#[test]
fn extensions_are_taken_once_and_only_under_ids_of_one_byte_headers() {
    let taken = |from: &str, to: &str| {
        let offer = remote(&CHROMIUM_AUDIO.replace(from, to));
        let plans = &offer.stream(Audio).expect("audio").extensions;
        plans.iter().map(|plan| plan.id).collect::<Vec<_>>()
    };
    assert_eq!(taken("", ""), [1, 2]);
    assert_eq!(taken("a=extmap:1 ", "a=extmap:14 "), [14, 2]);
    assert_eq!(taken("a=extmap:1 ", "a=extmap:15 "), [2]);
    assert_eq!(taken("a=extmap:1 ", "a=extmap:16 "), [2]);
    assert_eq!(taken("a=extmap:1 ", "a=extmap:300 "), [2]);
    assert_eq!(
        taken("a=extmap:1 ", "a=extmap:2 "),
        [2],
        "an id means one thing"
    );
}

#[test]
fn a_bit_rate_of_the_session_bounds_each_stream() {
    let sdp = CHROMIUM_VIDEO
        .replace("s=-\r\n", "s=-\r\nb=AS:600\r\n")
        .replace("a=mid:1", "b=AS:900\r\na=mid:1");
    let offer = remote(&sdp);
    for kind in [Audio, Video] {
        assert_eq!(offer.stream(kind).expect("a stream").bitrate, Some(600_000));
    }
}

#[test]
fn an_offer_made_to_cost_much_is_read_in_under_ten_milliseconds() {
    let types: Vec<String> = (0..128).map(|number| number.to_string()).collect();
    let video = |lines: String| {
        let transport = CHROMIUM_AUDIO.lines().filter(|line| {
            ["a=ice-ufrag", "a=ice-pwd", "a=finger", "a=rtcp-mux"]
                .iter()
                .any(|s| line.starts_with(s))
        });
        let transport = transport.collect::<Vec<_>>().join("\r\n");
        format!(
            "v=0\r\ns=-\r\na=group:BUNDLE 0{}\r\nm=video 9 UDP/TLS/RTP/SAVPF {}\r\na=mid:0\r\n\
             {transport}\r\n{lines}",
            " x".repeat(5_000),
            types.join(" ")
        )
    };
    let profiles: String = (0..128)
        .map(|n| {
            format!(
                "a=rtpmap:{n} VP9/90000\r\na=fmtp:{n} {}profile-id={n}\r\n",
                "a;".repeat(120)
            )
        })
        .collect();
    let repairs: String = (0..64)
        .map(|n| format!("a=rtpmap:{n} VP9/90000\r\na=fmtp:{n} profile-id={n}\r\n"))
        .chain((64..128).map(|n| {
            format!(
                "a=rtpmap:{n} rtx/90000\r\na=fmtp:{n} {}apt={}\r\n",
                "a;".repeat(240),
                n - 64
            )
        }))
        .collect();
    for (name, sdp) in [("profiles", video(profiles)), ("repairs", video(repairs))] {
        // The best of some runs: what it costs, not what else the machine does.
        let cost = (0..5).map(|_| {
            let start = std::time::Instant::now();
            assert!(remote(&sdp).has_video(), "{name}");
            start.elapsed()
        });
        let cost = cost.min().expect("five runs");
        assert!(
            cost < std::time::Duration::from_millis(10),
            "{name}: {cost:?}"
        );
    }
}

//! Descriptions made to cost much (CPU and memory) are turned down or cost little.

use std::time::{Duration, Instant};

use super::{VIDEO, audio_with, parse};
use crate::sdp::{Limits, SdpError};

fn too_large(text: &str) -> &'static str {
    match parse(text) {
        Err(SdpError::TooLarge { what, .. }) => what,
        other => panic!("not turned down as too large: {other:?}"),
    }
}

#[test]
fn a_thousand_m_lines_are_turned_down() {
    let text = format!("v=0\r\ns=-\r\n{}", "m=audio 0 RTP/AVP 0\r\n".repeat(1_000));
    assert_eq!(too_large(&text), "m-lines");
    let text = format!("v=0\r\ns=-\r\n{}", "m=audio 0 RTP/AVP 0\r\n".repeat(17));
    assert_eq!(too_large(&text), "m-lines");
    let text = format!("v=0\r\ns=-\r\n{}", "m=audio 0 RTP/AVP 0\r\n".repeat(16));
    assert_eq!(parse(&text).expect("16 are allowed").media.len(), 16);
}

#[test]
fn ten_thousand_candidates_are_turned_down() {
    let line = "a=candidate:1 1 udp 1 192.0.2.2 5 typ host\r\n";
    assert_eq!(too_large(&audio_with(&line.repeat(10_000))), "bytes");
    assert_eq!(too_large(&audio_with(&line.repeat(257))), "candidates");
    let most = parse(&audio_with(&line.repeat(256))).expect("256 are allowed");
    assert_eq!(most.media[0].candidates.len(), 256);
}

#[test]
fn a_body_of_a_megabyte_is_turned_down() {
    let text = audio_with(&format!("a=x:{}\r\n", "y".repeat(1 << 20)));
    assert_eq!(too_large(&text), "bytes");
}

#[test]
fn endless_lines_and_extensions_are_turned_down() {
    assert_eq!(too_large(&audio_with(&"a=x\r\n".repeat(2_049))), "lines");
    let maps: String = (1..=65)
        .map(|id| format!("a=extmap:{id} urn:x:{id}\r\n"))
        .collect();
    assert_eq!(
        too_large(&audio_with(&maps)),
        "header extensions of an m-line"
    );
}

#[test]
fn endless_formats_are_turned_down() {
    let text = audio_with("").replace("111 0 77", &"0 ".repeat(30_000));
    assert_eq!(too_large(&text), "formats of an m-line");
}

#[test]
fn a_browsers_offer_stays_far_below_the_limits() {
    let limits = Limits::default();
    assert!(VIDEO.len() * 4 < limits.bytes);
    assert!(VIDEO.lines().count() * 4 < limits.lines);
}

/// The costliest that is let through, in several shapes, against 10 ms.
#[test]
fn the_largest_that_is_read_costs_under_ten_milliseconds() {
    let types: Vec<String> = (0..128).map(|number| number.to_string()).collect();
    let all_types = |lines: String| audio_with(&lines).replace("111 0 77", &types.join(" "));
    let maps: String = (0..128)
        .map(|n| format!("a=rtpmap:{n} VP9/90000\r\n"))
        .collect();
    let bombs = [
        (
            "ssrc",
            audio_with(
                &(0..2_000)
                    .map(|n| format!("a=ssrc:{n} cname:x\r\n"))
                    .collect::<String>(),
            ),
        ),
        (
            "any feedback",
            all_types(
                (0..1_800)
                    .map(|n| format!("a=rtcp-fb:* x{n}\r\n"))
                    .collect(),
            ),
        ),
        (
            "same feedback",
            all_types(maps.clone() + &"a=rtcp-fb:* nack pli\r\n".repeat(1_700)),
        ),
        (
            "fmtp",
            all_types(format!("{maps}a=fmtp:1 {}\r\n", "apt=x;".repeat(9_000))),
        ),
        (
            "fmtp lines",
            all_types(maps + &"a=fmtp:1 a=1;b=2;c=3;d=4;apt=3\r\n".repeat(1_700)),
        ),
        (
            "groups",
            audio_with(&format!("a=ssrc-group:FID{}\r\n", " 1".repeat(30_000))),
        ),
        (
            "bundle",
            audio_with("").replace(
                "t=0 0",
                &format!("t=0 0\r\na=group:BUNDLE{}", " x".repeat(30_000)),
            ),
        ),
        (
            "spaces",
            audio_with(&format!("a=candidate:{}\r\n", " ".repeat(60_000))),
        ),
    ];
    for (name, text) in bombs {
        // The best of some runs: what it costs, not what else the machine does.
        let cost = (0..5).map(|_| {
            let start = Instant::now();
            parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            start.elapsed()
        });
        let cost = cost.min().expect("five runs");
        assert!(cost < Duration::from_millis(10), "{name}: {cost:?}");
    }
}

//! Reading and writing of session descriptions.

#![allow(clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod crypto;
mod limits;
mod reading;
mod writing;

use super::{Description, Limits, SdpError};

/// Descriptions that browsers wrote.
const CAPTURED: [&str; 12] = [
    include_str!("../../../tests/data/chromium-answer-to-firefox.sdp"),
    include_str!("../../../tests/data/firefox-answer-to-chromium.sdp"),
    include_str!("../../../tests/data/firefox-offer-video-no-h264.sdp"),
    include_str!("../../../tests/data/chromium-answer-audio.sdp"),
    include_str!("../../../tests/data/chromium-answer-pcmu.sdp"),
    include_str!("../../../tests/data/chromium-answer-video-recvonly.sdp"),
    include_str!("../../../tests/data/chromium-answer-video.sdp"),
    VIDEO,
    include_str!("../../../tests/data/chromium-offer-recvonly.sdp"),
    include_str!("../../../tests/data/chromium-offer-video-sendonly.sdp"),
    include_str!("../../../tests/data/chromium-offer-video-stripped.sdp"),
    FIREFOX,
];

const VIDEO: &str = include_str!("../../../tests/data/chromium-offer-video.sdp");
const FIREFOX: &str = include_str!("../../../tests/data/firefox-offer-video.sdp");

fn parse(text: &str) -> Result<Description, SdpError> {
    Description::parse(text, &Limits::default())
}

fn parsed(text: &str) -> Description {
    parse(text).expect("a session description")
}

/// A description of one audio m-line with these lines below it.
fn audio_with(lines: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 0 77\r\n{lines}"
    )
}

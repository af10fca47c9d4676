//! Descriptions as a browser would write them, as far as the server asks.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use media::ids::{Fingerprint, IceCredentials};

/// What one side says of itself.
pub(crate) struct Side<'a> {
    pub(crate) ice: &'a IceCredentials,
    /// Where it is.
    pub(crate) address: SocketAddr,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) audio: Audio,
    pub(crate) audio_ssrc: u32,
    pub(crate) video_ssrc: Option<u32>,
    /// `actpass` in an offer, `active` in an answer.
    pub(crate) setup: &'a str,
}

pub(crate) const VP8: u8 = 96;

/// The one codec of somebody's sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audio {
    Opus,
    Pcmu,
}

impl Audio {
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 111,
            // Static (RFC 3551 6).
            Self::Pcmu => 0,
        }
    }

    fn clock_rate(self) -> u32 {
        match self {
            Self::Opus => 48_000,
            Self::Pcmu => 8_000,
        }
    }

    fn map(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::Pcmu => "PCMU/8000",
        }
    }
}

impl Side<'_> {
    pub(crate) fn to_text(&self) -> String {
        let bundle = if self.video_ssrc.is_some() {
            "0 1"
        } else {
            "0"
        };
        let mut text = format!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {bundle}\r\n"
        );
        let Self {
            ice,
            address,
            fingerprint,
            audio,
            setup,
            ..
        } = self;
        let (ip, port) = (address.ip(), address.port());
        let section = |kind: &str, mid: u8, codec: &str, pt: u8, extension: &str, ssrc: u32| {
            format!(
                "m={kind} {port} UDP/TLS/RTP/SAVPF {pt}\r\nc=IN IP4 {ip}\r\n\
                 a=candidate:1 1 udp 2130706431 {ip} {port} typ host\r\n\
                 a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {fingerprint}\r\n\
                 a=setup:{setup}\r\na=mid:{mid}\r\na=extmap:{extension}\r\na=sendrecv\r\n\
                 a=rtcp-mux\r\na=rtpmap:{pt} {codec}\r\na=ssrc:{ssrc} cname:load\r\n",
                ice.ufrag, ice.pwd
            )
        };
        let level = "1 urn:ietf:params:rtp-hdrext:ssrc-audio-level";
        let (pt, ssrc) = (audio.payload_type(), self.audio_ssrc);
        let sound = section("audio", 0, audio.map(), pt, level, ssrc);
        text += &with_events(&sound, *audio);
        if let Some(ssrc) = self.video_ssrc {
            let time = "2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
            text += &section("video", 1, "VP8/90000", VP8, time, ssrc);
            text += &format!(
                "a=rtcp-fb:{VP8} nack\r\na=rtcp-fb:{VP8} nack pli\r\na=rtcp-fb:{VP8} goog-remb\r\n"
            );
        }
        text
    }
}

/// Where and as whom the server wants to be reached; it has to leave it to us to begin DTLS.
pub(crate) fn remote(sdp: &str) -> Result<(IceCredentials, SocketAddr)> {
    let value = |name: &str| {
        let line = sdp.lines().find_map(|line| line.strip_prefix(name));
        line.with_context(|| format!("the server's description lacks {name}"))
    };
    let setup = value("a=setup:")?.trim();
    ensure!(setup != "active", "the server would begin DTLS, as we do");
    let ice = IceCredentials {
        ufrag: value("a=ice-ufrag:")?.trim().into(),
        pwd: value("a=ice-pwd:")?.trim().into(),
    };
    let candidate = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=candidate:"))
        .find(|line| line.contains(" 127.0.0.1 "))
        .context("the server's description has no loopback candidate")?;
    let mut words = candidate.split_whitespace().skip(4);
    let (ip, port) = (
        words.next().context("no address")?,
        words.next().context("no port")?,
    );
    Ok((ice, SocketAddr::new(ip.parse()?, port.parse()?)))
}

/// What a telephone says that hears and speaks this there, and sends keys as events.
pub(crate) fn phone(media: SocketAddr, audio: Audio) -> String {
    let (ip, port) = (media.ip(), media.port());
    let (pt, map) = (audio.payload_type(), audio.map());
    let description = format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {pt}\r\na=rtpmap:{pt} {map}\r\na=rtcp-mux\r\na=sendrecv\r\n"
    );
    with_events(&description, audio)
}

/// With events (RFC 4733) beside the codec, as nearly all browsers and telephones have them: who has
/// none is listened to for tones.
fn with_events(description: &str, audio: Audio) -> String {
    let pt = audio.payload_type();
    let clock = audio.clock_rate();
    let description = ["AVP", "SAVPF"]
        .iter()
        .fold(description.to_owned(), |it, profile| {
            it.replace(
                &format!("/{profile} {pt}\r\n"),
                &format!("/{profile} {pt} 101\r\n"),
            )
        });
    format!("{description}a=rtpmap:101 telephone-event/{clock}\r\na=fmtp:101 0-16\r\n")
}

/// Where media of a description goes.
pub(crate) fn media_of(description: &str) -> Result<SocketAddr> {
    let word = |start: &str, at: usize| {
        let line = description.lines().find(|line| line.starts_with(start));
        let word = line.and_then(|line| line.split_whitespace().nth(at));
        word.with_context(|| format!("no {start} in\n{description}"))
    };
    let (ip, port) = (word("c=IN", 2)?, word("m=audio", 1)?);
    Ok(SocketAddr::new(ip.parse()?, port.parse()?))
}

//! How a leg's packets travel, and what protects them on the way: over the one path of a WebRTC
//! leg, or over the ways that each stream of an RTP leg has for itself.

use std::time::{Duration, Instant};

use super::rtp::RtpTransport;
use crate::ids::MediaKind;
use crate::outbox::Path;
use crate::srtp::{Keys, SrtpError, SrtpInbound, SrtpOutbound};
use crate::webrtc;

/// The transport of a leg.
#[allow(
    clippy::large_enum_variant,
    reason = "most legs are of the larger kind, and there is one transport a leg"
)]
pub(super) enum Transport {
    WebRtc {
        webrtc: webrtc::Transport,
        /// Once the handshake is done.
        security: Option<Box<Security>>,
    },
    Rtp(Box<RtpTransport>),
}

/// Keys at work, in both directions.
#[derive(Debug)]
pub(super) struct Security {
    pub(super) inbound: SrtpInbound,
    pub(super) outbound: SrtpOutbound,
}

/// What is done to a packet before it goes out.
#[derive(Debug)]
pub(super) enum Protection<'a> {
    /// Nothing.
    Plain,
    Srtp(&'a mut SrtpOutbound),
    /// It does not go out.
    None,
}

/// Why a datagram was not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// No media can flow yet.
    NotReady,
    /// It is not authentic, or came before.
    Rejected,
    /// It is not from the source that this stream is taken from.
    Foreign,
}

impl Security {
    pub(super) fn new(keys: &Keys) -> Result<Self, SrtpError> {
        Ok(Self {
            inbound: SrtpInbound::new(&keys.inbound)?,
            outbound: SrtpOutbound::new(&keys.outbound)?,
        })
    }
}

impl Protection<'_> {
    /// Protects `buffer[..len]` where it lies and returns its new length.
    pub(super) fn protect_rtp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        match self {
            Self::Plain => (len <= buffer.len()).then_some(len),
            Self::Srtp(srtp) => srtp.protect_rtp(buffer, len).ok(),
            Self::None => None,
        }
    }

    /// The same for a packet that was sent before.
    pub(super) fn protect_rtp_again(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        match self {
            Self::Plain => (len <= buffer.len()).then_some(len),
            Self::Srtp(srtp) => srtp.protect_rtp_again(buffer, len).ok(),
            Self::None => None,
        }
    }

    /// The same for RTCP.
    pub(super) fn protect_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Option<usize> {
        match self {
            Self::Plain => (len <= buffer.len()).then_some(len),
            Self::Srtp(srtp) => srtp.protect_rtcp(buffer, len).ok(),
            Self::None => None,
        }
    }
}

impl Transport {
    /// Media can flow.
    pub(super) fn is_ready(&self) -> bool {
        match self {
            Self::WebRtc { security, .. } => security.is_some(),
            Self::Rtp(rtp) => rtp.is_ready(),
        }
    }

    /// How long the source of a stream is silent until another takes its place. Two at once
    /// would tear the picture of whoever looks; on an RTP leg both come from one phone, that
    /// changes from ringing to talking or comes back from hold.
    pub(super) fn take_over(&self) -> Duration {
        Duration::from_millis(match self {
            Self::WebRtc { .. } => 500,
            Self::Rtp(_) => 60,
        })
    }

    /// Each stream has a transport of its own.
    pub(super) fn is_rtp(&self) -> bool {
        matches!(self, Self::Rtp(_))
    }

    /// How RTP of a stream goes out; `None` before that is known.
    pub(super) fn sending(&mut self, kind: MediaKind) -> Option<(Path, Protection<'_>)> {
        match self {
            Self::WebRtc { webrtc, security } => {
                let security = security.as_mut()?;
                Some((webrtc.path()?, Protection::Srtp(&mut security.outbound)))
            }
            Self::Rtp(rtp) => rtp.sending(kind),
        }
    }

    /// How RTCP goes out, of a stream where each has a transport of its own.
    pub(super) fn reporting(&mut self, kind: MediaKind) -> Option<(Path, Protection<'_>)> {
        match self {
            Self::WebRtc { .. } => self.sending(kind),
            Self::Rtp(rtp) => rtp.reporting(kind),
        }
    }

    /// Of which stream a datagram over this path is; `None` where its payload type tells.
    pub(super) fn kind_at(&self, path: Path) -> Option<MediaKind> {
        match self {
            Self::WebRtc { .. } => None,
            Self::Rtp(rtp) => rtp.kind_at(path.local.port()),
        }
    }

    /// Turns a datagram into the RTP packet it protects, and returns its length.
    pub(super) fn open_rtp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<usize, Refused> {
        match self {
            Self::WebRtc { webrtc, security } => {
                let security = security.as_mut().ok_or(Refused::NotReady)?;
                let opened = security.inbound.unprotect_rtp(datagram);
                let len = opened.map_err(|_| Refused::Rejected)?;
                webrtc.heard(now);
                Ok(len)
            }
            Self::Rtp(rtp) => rtp.open_rtp(path, datagram),
        }
    }

    /// The same for RTCP.
    pub(super) fn open_rtcp(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
    ) -> Result<usize, Refused> {
        match self {
            Self::WebRtc { webrtc, security } => {
                let security = security.as_mut().ok_or(Refused::NotReady)?;
                let opened = security.inbound.unprotect_rtcp(datagram);
                let len = opened.map_err(|_| Refused::Rejected)?;
                webrtc.heard(now);
                Ok(len)
            }
            Self::Rtp(rtp) => rtp.open_rtcp(path, datagram),
        }
    }

    /// Whether a packet that belongs to a stream is heard: of an unproven source only if it is
    /// the one that the stream is taken from.
    pub(super) fn hears(&mut self, now: Instant, path: Path, ssrc: u32, sequence: u16) -> bool {
        match self {
            Self::WebRtc { .. } => true,
            Self::Rtp(rtp) => rtp.hears(now, path, ssrc, sequence),
        }
    }

    /// Nothing more is taken or sent, but for the goodbye.
    pub(super) fn end(&mut self) {
        match self {
            Self::WebRtc { security, .. } => *security = None,
            Self::Rtp(rtp) => rtp.end(),
        }
    }
}

//! Why there is no call, and why a call lacks a medium: both in words for people.

use std::fmt;

use smol_str::SmolStr;

use super::Transcoding;
use crate::ids::MediaKind;
use crate::sdp::SdpError;

/// No call can be made of these descriptions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// The peer's description cannot be read: its fault.
    #[error(transparent)]
    Sdp(#[from] SdpError),
    /// The peer's offer has no media that can be used: why, for each m-line.
    #[error("nothing in the offer can be used: {}", list(reasons))]
    NoUsableMedia {
        /// In the order of the m-lines; empty if there are none.
        reasons: Vec<Absence>,
    },
    /// The peer says no `a=ice-ufrag` and `a=ice-pwd`: it is no WebRTC peer.
    #[error("the {media} description has no ICE credentials (a=ice-ufrag, a=ice-pwd)")]
    MissingIce {
        /// Of the m-line that names the transport.
        media: MediaKind,
    },
    /// The peer says no `a=fingerprint`: its certificate could not be checked.
    #[error("the {media} description has no certificate fingerprint (a=fingerprint)")]
    MissingFingerprint {
        /// Of the m-line that names the transport.
        media: MediaKind,
    },
    /// None of the peer's fingerprints is SHA-256.
    #[error(
        "the certificate fingerprint of the {media} description is {offered}; sha-256 is needed"
    )]
    UnsupportedFingerprint {
        /// Of the m-line that names the transport.
        media: MediaKind,
        /// The hash functions it has.
        offered: String,
    },
    /// The browser wants RTCP on a port of its own.
    #[error("the {media} description does not multiplex RTP and RTCP (a=rtcp-mux)")]
    NoRtcpMux {
        /// Of the m-line that names the transport.
        media: MediaKind,
    },
    /// The DTLS roles cannot be told (RFC 5763 5).
    #[error("the {media} description says {said}, so it is open who starts the DTLS handshake")]
    Setup {
        /// Of the m-line that names the transport.
        media: MediaKind,
        /// `a=setup:…` or its absence.
        said: &'static str,
    },
    /// The answer does not fit our offer (RFC 3264 6): the answerer's fault.
    #[error("the answer does not fit the offer: {0}")]
    AnswerMismatch(String),
    /// Both descriptions are right, but share no codec in any medium.
    #[error("no common codec: the caller offers {a}, the callee accepts {b}")]
    NoCommonCodec {
        /// What A offers, as in [`Bridge::summary`](super::Bridge::summary).
        a: String,
        /// What B accepts.
        b: String,
    },
    /// The answer has no media that can be used, and not for their codecs: the answerer's fault.
    #[error("nothing in the answer can be used: {}", list(reasons))]
    NothingAnswered {
        /// One for each medium.
        reasons: Vec<Absence>,
    },
    /// They share no codec for sound, and our configuration forbids to transcode.
    #[error("transcoding required, but disabled: the caller offers {a}, the callee accepts {b}")]
    TranscodingOff {
        /// What A offers.
        a: String,
        /// What B accepts.
        b: String,
    },
    /// They share no codec for sound, and as many calls are transcoded as there may be.
    #[error("no room to transcode: the caller offers {a}, the callee accepts {b}")]
    TranscodingFull {
        /// What A offers.
        a: String,
        /// What B accepts.
        b: String,
    },
    /// Whoever offers it may use nothing of the offer.
    #[error("it offers {offered}, and its account may use {allowed} alone")]
    NotAllowed {
        /// What it offers.
        offered: String,
        /// The codecs of the account.
        allowed: String,
    },
    /// Our fault: the caller of this module wants to answer by another transport than the offer
    /// has.
    #[error("this server would answer by another transport than was offered")]
    OtherTransport,
    /// Our fault: the caller of this module gave no address to be reached at.
    #[error("this server knows no address at which media could reach it")]
    NoCandidates,
}

/// Why a medium is not part of a call that goes on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Absence {
    /// The caller does not offer it.
    NotOffered(MediaKind),
    /// The caller offers it switched off (port 0).
    SwitchedOff(MediaKind),
    /// A kind of m-line that is not carried here, such as data channels.
    UnknownMedia(SmolStr),
    /// A second m-line of the same kind; one of each is carried.
    Second(MediaKind),
    /// The m-line is outside the BUNDLE group, so it would need a transport of its own.
    NotBundled(MediaKind),
    /// The m-line uses a payload type of the first stream for something else, so that packets
    /// on the shared transport could not be told apart (RFC 9143 9.1).
    PayloadTypeClash(MediaKind, u8),
    /// The transport protocol of the m-line is unknown, or another than that of the first stream.
    Protocol(MediaKind, SmolStr),
    /// Encryption is asked for (`RTP/SAVP`), but there is no key that can be used (`a=crypto`).
    NoUsableKey(MediaKind),
    /// Encryption is required here, and the far side does not offer it.
    Unencrypted(MediaKind),
    /// Our side of the leg has no ports for it.
    NoPorts(MediaKind),
    /// The caller offers no codec of this kind that can be carried, or only excluded ones.
    NothingToOffer(MediaKind, String),
    /// Whoever offers it may use none of its codecs.
    NotAllowed {
        /// Of which kind.
        kind: MediaKind,
        /// What it offers.
        offered: String,
        /// What may be used.
        allowed: String,
    },
    /// The callee refuses it as a whole.
    Refused(MediaKind, String),
    /// The callee accepts it, but no codec that the caller has.
    NoCommonCodec {
        /// Of which kind.
        kind: MediaKind,
        /// What the caller offers.
        offered: String,
        /// What the callee accepts.
        accepted: String,
    },
    /// The same of sound that could be transcoded, which is [`Transcoding::Forbidden`] or has no
    /// room ([`Transcoding::Full`]).
    Untranscoded {
        /// Which of the two.
        why: Transcoding,
        /// What the caller offers.
        offered: String,
        /// What the callee accepts.
        accepted: String,
    },
}

impl NegotiationError {
    /// No medium is left, for these reasons; `a` and `b` are what both sides have.
    pub(super) fn nothing_left(absent: &[(MediaKind, Absence)], a: String, b: String) -> Self {
        let mut reasons = absent.iter().map(|(_, reason)| reason);
        if reasons.clone().any(Absence::is_about_transport)
            && !reasons.any(Absence::is_about_codecs)
        {
            let reasons = absent.iter().map(|(_, reason)| reason.clone()).collect();
            return Self::NothingAnswered { reasons };
        }
        let mut why = absent.iter().filter_map(|(_, reason)| match reason {
            Absence::Untranscoded { why, .. } => Some(*why),
            _ => None,
        });
        match why.next() {
            Some(Transcoding::Full) => Self::TranscodingFull { a, b },
            Some(_) => Self::TranscodingOff { a, b },
            None => Self::NoCommonCodec { a, b },
        }
    }
}

impl Absence {
    /// Both sides want it, and have no codec for it.
    pub(super) fn is_about_codecs(&self) -> bool {
        matches!(self, Self::NoCommonCodec { .. } | Self::Untranscoded { .. })
    }

    /// Its packets cannot be carried, whatever is in them.
    fn is_about_transport(&self) -> bool {
        matches!(
            self,
            Self::Protocol(..) | Self::NoUsableKey(_) | Self::Unencrypted(_)
        )
    }
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOffered(kind) => write!(f, "the caller offers no {kind}"),
            Self::SwitchedOff(kind) => write!(f, "the caller has switched {kind} off"),
            Self::UnknownMedia(name) => write!(f, "{name:?} media are not carried"),
            Self::Second(kind) => write!(f, "only one {kind} stream is carried"),
            Self::NotBundled(kind) => {
                write!(
                    f,
                    "{kind} is not bundled with the first stream (a=group:BUNDLE)"
                )
            }
            Self::PayloadTypeClash(kind, payload_type) => {
                write!(
                    f,
                    "{kind} uses payload type {payload_type}, which is taken already"
                )
            }
            Self::Protocol(kind, protocol) => {
                write!(f, "{kind} comes over {protocol:?}, which cannot be carried")
            }
            Self::NoUsableKey(kind) => {
                write!(
                    f,
                    "{kind} is to be encrypted, but no key for it can be used (a=crypto)"
                )
            }
            Self::Unencrypted(kind) => {
                write!(
                    f,
                    "{kind} is not encrypted, and it has to be here (sip.srtp)"
                )
            }
            Self::NoPorts(kind) => write!(f, "there is no room for {kind} on this side"),
            Self::NothingToOffer(kind, offered) => {
                write!(
                    f,
                    "none of the caller's {kind} codecs ({offered}) can be carried"
                )
            }
            Self::NotAllowed {
                kind,
                offered,
                allowed,
            } => write!(
                f,
                "of the {kind} codecs {offered} this account may use none, but {allowed} alone"
            ),
            Self::Refused(kind, offered) => {
                write!(
                    f,
                    "the callee accepts no {kind} with the codecs offered ({offered})"
                )
            }
            Self::NoCommonCodec {
                kind,
                offered,
                accepted,
            } => write!(
                f,
                "no common {kind} codec: the caller offers {offered}, the callee accepts {accepted}"
            ),
            Self::Untranscoded {
                why,
                offered,
                accepted,
            } => {
                let why = match why {
                    Transcoding::Full => "no room to transcode",
                    _ => "transcoding required, but disabled",
                };
                write!(
                    f,
                    "{why}: the caller offers {offered}, the callee accepts {accepted}"
                )
            }
        }
    }
}

fn list(reasons: &[Absence]) -> String {
    if reasons.is_empty() {
        return "it has no m-line".to_owned();
    }
    let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

//! The transport half of m-lines of phones and trunks: RTP/AVP and its relatives (RFC 3551,
//! RFC 4585, RFC 3711, RFC 5124), keyed in the description (RFC 4568).

use std::net::SocketAddr;

use smol_str::SmolStr;

use super::describe::{OwnStream, written_codecs};
use super::format;
use super::local::{Local, LocalRtp, LocalTransport, RtpProfile, Security};
use super::remote::RemoteOffer;
use super::{Absence, NegotiationError, reach};
use crate::ids::MediaKind;
use crate::plan::{Feedback, Format, RtcpPlan, RtpRemote, RtpStreamPlan};
use crate::ports::PortPair;
use crate::sdp::{Bandwidth, Crypto, Description, Media, MediaDescription};
use crate::srtp::Keys;

/// The feedback of phones that have any; the limit of browsers (`goog-remb`) is none of it.
pub(super) const FEEDBACK: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    remb: false,
};

/// What the far side says of the transport of one m-line.
#[derive(Debug, Clone)]
pub(super) struct RemoteRtp {
    /// It names no address to send to, in the way of old (RFC 3264 8.4).
    pub is_held: bool,
    pub encrypted: bool,
    pub feedback: bool,
    rtp: Option<SocketAddr>,
    rtcp: Option<SocketAddr>,
    mux: bool,
    crypto: Vec<Crypto>,
}

/// Our transport of one m-line.
#[derive(Debug, Clone)]
pub(super) struct OwnRtp {
    ports: PortPair,
    /// All of which one may be chosen in an offer, the chosen one in an answer.
    crypto: Vec<Crypto>,
    mux: bool,
    encrypted: bool,
}

impl RemoteRtp {
    /// `None` where the m-line is of another transport. Browsers of old write an RTP profile for
    /// DTLS-SRTP; they are told by their ICE credentials and fingerprints.
    pub(super) fn read(media: &MediaDescription) -> Option<Self> {
        let (encrypted, feedback) = match &*media.protocol {
            "RTP/AVP" => (false, false),
            "RTP/AVPF" => (false, true),
            "RTP/SAVP" => (true, false),
            "RTP/SAVPF" => (true, true),
            _ => return None,
        };
        if feedback && media.ice.is_some() && !media.fingerprints.is_empty() {
            return None;
        }
        let address = media.connection.filter(reach::is_unicast);
        let above = media.port.checked_add(1);
        let rtcp = match media.rtcp {
            Some(said) => {
                let address = said.address.filter(reach::is_unicast).or(address);
                address.map(|address| SocketAddr::new(address, said.port))
            }
            None => address
                .zip(above)
                .map(|(address, port)| SocketAddr::new(address, port)),
        };
        Some(Self {
            is_held: media.connection.is_some_and(|it| it.is_unspecified()),
            encrypted,
            feedback,
            rtp: address.map(|address| SocketAddr::new(address, media.port)),
            rtcp,
            mux: media.rtcp_mux,
            crypto: media.crypto.clone(),
        })
    }
}

impl OwnRtp {
    /// For an offer.
    pub(super) fn offered(local: &LocalRtp, kind: MediaKind) -> Result<Self, Absence> {
        let ports = local.ports(kind).ok_or(Absence::NoPorts(kind))?;
        let security = local.profile.security;
        let keys = local
            .keys
            .keys(kind)
            .filter(|_| security != Security::Plain);
        Ok(Self {
            ports,
            crypto: (1..)
                .zip(keys)
                .map(|(tag, key)| Crypto { tag, key })
                .collect(),
            mux: false,
            encrypted: security == Security::Required,
        })
    }

    /// For an answer. The first key of the offer that can be used is taken: RFC 4568 5.1.1 has
    /// them in the order of the offerer's preference.
    pub(super) fn answered(
        local: &LocalRtp,
        kind: MediaKind,
        offered: &RemoteRtp,
    ) -> Result<Self, Absence> {
        let ports = local.ports(kind).ok_or(Absence::NoPorts(kind))?;
        // RFC 8643 3.1: a key in a plain profile leaves the choice to us.
        let security = local.profile.security;
        let wanted = offered.encrypted || security != Security::Plain;
        let chosen = offered.crypto.iter().filter(|_| wanted).find_map(|theirs| {
            let key = local.keys.key(kind, theirs.key.profile())?;
            Some(Crypto {
                tag: theirs.tag,
                key,
            })
        });
        if chosen.is_none() && offered.encrypted {
            return Err(Absence::NoUsableKey(kind));
        }
        if chosen.is_none() && security == Security::Required {
            return Err(Absence::Unencrypted(kind));
        }
        Ok(Self {
            ports,
            encrypted: chosen.is_some(),
            crypto: chosen.into_iter().collect(),
            mux: offered.mux,
        })
    }

    /// For another offer: the key in use goes on.
    pub(super) fn continued(plan: &RtpStreamPlan, protocol: &str) -> Self {
        let remote = plan.remote.as_ref();
        let keys = remote.and_then(|remote| remote.keys.as_ref());
        let line = |keys: &Keys| Crypto {
            tag: 1,
            key: keys.outbound.clone(),
        };
        Self {
            ports: plan.ports,
            crypto: keys.map(line).into_iter().collect(),
            mux: remote.is_some_and(|remote| remote.rtcp == RtcpPlan::Muxed),
            encrypted: protocol.contains("SAVP"),
        }
    }

    /// What a worker needs before the far side has said anything.
    pub(super) fn open_plan(&self, kind: MediaKind) -> RtpStreamPlan {
        RtpStreamPlan {
            kind,
            ports: self.ports,
            remote: None,
        }
    }

    /// What a worker needs when both have said everything.
    pub(super) fn plan(
        &self,
        local: &LocalRtp,
        kind: MediaKind,
        remote: &RemoteRtp,
    ) -> Result<RtpStreamPlan, Absence> {
        let keys = self.keys(remote);
        if keys.is_none() && (self.encrypted || remote.encrypted) {
            return Err(if remote.encrypted {
                Absence::NoUsableKey(kind)
            } else {
                Absence::Unencrypted(kind)
            });
        }
        let reachable = |address: &SocketAddr| reach::may_be_at(address.ip(), local);
        Ok(RtpStreamPlan {
            kind,
            ports: self.ports,
            remote: Some(RtpRemote {
                rtp: remote.rtp.filter(reachable),
                rtcp: if self.mux && remote.mux {
                    RtcpPlan::Muxed
                } else {
                    RtcpPlan::Separate(remote.rtcp.filter(reachable))
                },
                signalling: local.signalling.map(|ip| ip.to_canonical()),
                keys,
            }),
        })
    }

    /// Keys of the line that stands on both sides.
    fn keys(&self, remote: &RemoteRtp) -> Option<Keys> {
        remote.crypto.iter().find_map(|theirs| {
            let same = |ours: &&Crypto| {
                ours.tag == theirs.tag && ours.key.profile() == theirs.key.profile()
            };
            let ours = self.crypto.iter().find(same)?;
            Some(Keys {
                inbound: theirs.key.clone(),
                outbound: ours.key.clone(),
            })
        })
    }
}

/// Whether anything of an offer can be carried as it is to travel on our side, whatever the codecs:
/// what is wrong with it is wrong whoever answers.
///
/// # Errors
/// [`NegotiationError::NoUsableMedia`]: media that are not encrypted and have to be, or whose keys
/// cannot be used.
pub fn check_transport(offer: &RemoteOffer, local: &Local) -> Result<(), NegotiationError> {
    let LocalTransport::Rtp(local) = &local.transport else {
        return Ok(());
    };
    let mut reasons = Vec::new();
    for stream in &offer.streams {
        let remote = stream.rtp.as_ref();
        match remote.map(|remote| OwnRtp::answered(local, stream.kind, remote)) {
            Some(Err(reason)) => reasons.push(reason),
            _ => return Ok(()),
        }
    }
    Err(NegotiationError::NoUsableMedia { reasons })
}

/// The third field of our m-lines.
pub(super) fn protocol(profile: RtpProfile) -> SmolStr {
    SmolStr::new_static(match (profile.security, profile.feedback) {
        (Security::Required, true) => "RTP/SAVPF",
        (Security::Required, false) => "RTP/SAVP",
        (_, true) => "RTP/AVPF",
        (_, false) => "RTP/AVP",
    })
}

/// Has RTCP feedback.
pub(super) fn has_feedback(protocol: &str) -> bool {
    protocol.ends_with("AVPF")
}

/// What a phone is told of a format: no retransmissions, and feedback only where there is any.
/// `None` for what no phone has.
pub(super) fn phone_format(format: format::Offered, feedback: Feedback) -> Option<format::Offered> {
    if matches!(format.key.format, Format::Vp9 | Format::Av1) {
        return None;
    }
    let feedback = format::common(format.feedback, feedback);
    Some(format::Offered {
        rtx: None,
        feedback,
        codec: crate::sdp::Codec {
            feedback: format::names(feedback),
            ..format.codec
        },
        ..format
    })
}

/// Our description without m-lines yet.
pub(super) fn description(local: &Local, rtp: &LocalRtp) -> Result<Description, NegotiationError> {
    if rtp.address.is_unspecified() {
        return Err(NegotiationError::NoCandidates);
    }
    let address = rtp.address.to_canonical();
    Ok(Description::new(
        local.session_id,
        local.session_version,
        address,
    ))
}

/// Our m-line of a stream: what phones know, and nothing else.
pub(super) fn media(local: &LocalRtp, stream: &OwnStream, own: &OwnRtp) -> MediaDescription {
    let mut media = MediaDescription::new(Media::Kind(stream.kind), stream.protocol.clone());
    media.port = own.ports.rtp();
    media.connection = Some(local.address.to_canonical());
    media.codecs = written_codecs(&stream.formats);
    media.bandwidth = stream.bitrate.map(Bandwidth::of_bits).unwrap_or_default();
    media.direction = stream.direction;
    media.crypto = own.crypto.clone();
    media.rtcp_mux = own.mux;
    media.ptime_ms = stream.ptime_ms;
    media.maxptime_ms = stream.maxptime_ms;
    media
}

//! What is ours on one leg.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use smol_str::SmolStr;
use zeroize::{Zeroize, Zeroizing};

use crate::ids::{Fingerprint, IceCredentials, MediaKind};
use crate::ports::PortPair;
use crate::srtp::{MasterKey, Profile};

/// What is ours on one leg, allocated by the caller before anything is negotiated.
#[derive(Debug, Clone)]
pub struct Local {
    /// Of the `o=` line; unique among the descriptions of this host (RFC 8866 5.2).
    pub session_id: u64,
    /// Of the `o=` line: one more for each further description on the leg (RFC 3264 8). The
    /// first may have any.
    pub session_version: u64,
    /// RTCP canonical name (RFC 7022).
    pub cname: SmolStr,
    /// Outbound SSRC of the audio stream.
    pub audio_ssrc: u32,
    /// Outbound SSRC of the video stream.
    pub video_ssrc: u32,
    /// Outbound SSRC of its retransmissions.
    pub video_rtx_ssrc: u32,
    /// How the far side reaches us.
    pub transport: LocalTransport,
}

/// How the far side of a leg reaches us.
#[derive(Debug, Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "one a leg, and most legs are of the larger kind"
)]
pub enum LocalTransport {
    /// By ICE and DTLS-SRTP: browsers.
    WebRtc(LocalWebRtc),
    /// By RTP, plain or with keys in the description (RFC 4568): phones and trunks.
    Rtp(LocalRtp),
}

/// Ours of a WebRTC leg.
#[derive(Debug, Clone)]
pub struct LocalWebRtc {
    /// The user name fragment is unique over all legs of the process.
    pub ice: IceCredentials,
    /// Of our DTLS certificate.
    pub fingerprint: Fingerprint,
    /// Where the far side reaches us over UDP, the best first; at least one.
    pub candidates: Vec<SocketAddr>,
    /// Where it reaches us over TCP (RFC 6544), the best first; none if we do not listen there.
    pub tcp_candidates: Vec<SocketAddr>,
    /// The media stream that holds both tracks. One for both: a page that plays "the last
    /// stream" would lose the sound otherwise.
    pub stream_id: SmolStr,
}

/// Ours of an RTP leg. Ports and keys stay the same for the life of the leg.
#[derive(Debug, Clone)]
pub struct LocalRtp {
    /// Where the far side is told to send to: an address of ours that it can reach.
    pub address: IpAddr,
    /// Ports of the audio stream; without them audio is not part of the leg.
    pub audio: Option<PortPair>,
    /// Ports of the video stream; without them video is not part of the leg.
    pub video: Option<PortPair>,
    /// What we ask for in an offer, and insist on in an answer.
    pub profile: RtpProfile,
    /// What our SDES keys are made of.
    pub keys: KeySeed,
    /// Where the leg's signalling comes from. A phone behind a NAT names an address of its own
    /// network; its media then comes from where its signalling comes from.
    pub signalling: Option<IpAddr>,
    /// Further addresses of this host. Nobody who signals from elsewhere is sent media there.
    pub own_addresses: Vec<IpAddr>,
}

/// Which RTP profile we offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RtpProfile {
    /// Whether media is encrypted.
    pub security: Security,
    /// RTCP feedback (RFC 4585): `AVPF` in place of `AVP`. Old phones refuse it.
    pub feedback: bool,
}

/// Whether media of an RTP leg is encrypted with keys of its description (RFC 4568).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Security {
    /// Offered plain. An offer that asks for encryption gets it.
    #[default]
    Plain,
    /// Offered plain together with a key, and encrypted if the far side takes it (RFC 8643).
    Opportunistic,
    /// Encrypted or not at all: `RTP/SAVP`.
    Required,
}

/// 32 random bytes that a leg's SDES keys are made of. Wiped when dropped, hidden when printed.
#[derive(Clone, PartialEq, Eq)]
pub struct KeySeed([u8; 32]);

impl Local {
    /// Outbound SSRC of a stream.
    pub fn ssrc(&self, kind: MediaKind) -> u32 {
        match kind {
            MediaKind::Audio => self.audio_ssrc,
            MediaKind::Video => self.video_ssrc,
        }
    }

    /// It is one of RTP, not of WebRTC.
    pub fn is_rtp(&self) -> bool {
        matches!(self.transport, LocalTransport::Rtp(_))
    }

    /// It is one of RTP that is offered encrypted alone.
    pub fn has_to_be_encrypted(&self) -> bool {
        match &self.transport {
            LocalTransport::Rtp(rtp) => rtp.profile.security == Security::Required,
            LocalTransport::WebRtc(_) => false,
        }
    }
}

impl LocalRtp {
    /// Ports of a stream.
    pub fn ports(&self, kind: MediaKind) -> Option<PortPair> {
        match kind {
            MediaKind::Audio => self.audio,
            MediaKind::Video => self.video,
        }
    }
}

/// In the order of our offers: what every phone knows comes first.
const PROFILES: [Profile; 4] = [
    Profile::AesCm128HmacSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
    Profile::AesCm128HmacSha1_32,
];

const MAX_MATERIAL: usize = 46;

impl KeySeed {
    /// From the caller's generator.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// Our key for each profile, in the order of our offers. No two streams and no two profiles
    /// share one (RFC 4568 6.1), and the same seed always makes the same.
    pub(super) fn keys(&self, kind: MediaKind) -> impl Iterator<Item = MasterKey> {
        let mut rng = StdRng::from_seed(self.0);
        let places = match kind {
            MediaKind::Audio => 0,
            MediaKind::Video => PROFILES.len(),
        };
        let mut material = Zeroizing::new([0; MAX_MATERIAL]);
        for _ in 0..places {
            rng.fill_bytes(material.as_mut_slice());
        }
        PROFILES.into_iter().filter_map(move |profile| {
            rng.fill_bytes(material.as_mut_slice());
            let (key, salt) = material.split_at(profile.key_len());
            MasterKey::new(profile, key, salt.get(..profile.salt_len())?).ok()
        })
    }

    /// Our key for one profile.
    pub(super) fn key(&self, kind: MediaKind, profile: Profile) -> Option<MasterKey> {
        self.keys(kind).find(|key| key.profile() == profile)
    }
}

impl Drop for KeySeed {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for KeySeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySeed")
    }
}

//! What a media worker tells the call core. Packets never leave the worker; events do.

use std::time::Duration;

use crate::ids::{LegId, MediaKind};
use crate::ports::PortPair;

/// Something happened on a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A path to the far side was validated.
    IceConnected(LegId),
    /// DTLS is done and the fingerprint matched: media can flow.
    MediaReady(LegId),
    /// The first authenticated packet of a kind arrived from the far side.
    FirstPacket(LegId, MediaKind),
    /// Nothing of this kind has arrived for this long, though it should.
    Silent(LegId, MediaKind, Duration),
    /// It arrives again after [`Event::Silent`].
    Heard(LegId, MediaKind),
    /// The far side pressed a key of its phone (RFC 4733). Whoever it talks with is sent the
    /// event, too, if he knows any.
    Digit(LegId, char),
    /// The far side is to send a whole picture, and has agreed to no RTCP feedback by which it could
    /// be told: signalling has to (RFC 5168). As often as feedback would, at most.
    KeyframeWanted(LegId),
    /// A pair of ports is open at the worker of this index, for an RTP leg to come. It is the
    /// leg's that first names it in its plan, until the leg is removed; then it is closed, and
    /// reported anew when it has rested and is open again.
    PortsOpen {
        /// Which worker.
        worker: usize,
        /// The pair.
        ports: PortPair,
    },
    /// The far side sent a DTLS `close_notify`: its page closed the peer connection.
    Closed(LegId),
    /// The leg cannot carry media any more. The worker stops its timers and waits for
    /// [`Command::RemoveLeg`](crate::plan::Command::RemoveLeg).
    Failed(LegId, Failure),
    /// Measurements, every [`STATS_INTERVAL`] while media is ready.
    Stats(Box<LegStats>),
}

/// How often [`Event::Stats`] comes.
pub const STATS_INTERVAL: Duration = Duration::from_secs(2);

/// Why a leg's media died.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No STUN check arrived at all within the set-up time: the UDP port is not reachable.
    NeverReached,
    /// Checks arrived, but no path was nominated or DTLS did not finish within the set-up time.
    DtlsTimeout,
    /// The certificate is not the one the description promised.
    FingerprintMismatch,
    /// The DTLS handshake failed: what the engine said.
    Dtls(String),
    /// Consent was lost: no authenticated packet for the consent time (RFC 7675).
    ConsentLost,
    /// The plan of the leg cannot be carried out: our own fault.
    Plan(String),
    /// Consent is there but no media for the inactivity time.
    RtpInactivity,
}

/// Measurements of one leg.
#[derive(Debug, Clone, PartialEq)]
pub struct LegStats {
    /// The leg.
    pub leg: LegId,
    /// One for each stream of its plan.
    pub streams: Vec<StreamStats>,
    /// Round trip by RTCP (RFC 3550 6.4.1) or STUN, if known.
    pub round_trip: Option<Duration>,
    /// Packets that failed authentication or the replay check.
    pub rejected: u64,
}

/// Measurements of one stream, totals since the leg began unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamStats {
    /// Audio or video.
    pub kind: MediaKind,
    /// What we receive from the far side, measured here.
    pub received: DirectionStats,
    /// What the far side receives from us, as it reports.
    pub sent: DirectionStats,
    /// Keyframes the far side was asked for (PLI, FIR).
    pub keyframe_requests: u64,
    /// Retransmissions asked from the far side, and those answered to it.
    pub nacks_sent: u64,
    /// See [`StreamStats::nacks_sent`].
    pub retransmitted: u64,
    /// Last REMB of the far side, bit/s.
    pub remb: Option<u64>,
    /// What was decoded and encoded anew for the far side; all zero where it is relayed.
    pub transcoded: TranscodeStats,
}

/// What transcoding did for one sink, totals since its stream began unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TranscodeStats {
    /// Packets encoded and sent.
    pub packets: u64,
    /// Sound made up for packets of the source that were not there when they were due.
    pub concealed: Duration,
    /// Packets of the source that came too late or did not decode.
    pub unplayed: u64,
    /// How long sound waits here now, beyond what the network needs at least.
    pub delay: Duration,
}

/// Measurements of one direction of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct DirectionStats {
    /// RTP packets.
    pub packets: u64,
    /// RTP payload bytes.
    pub bytes: u64,
    /// Packets lost (RFC 3550 6.4.1 cumulative), never negative here.
    pub lost: u64,
    /// Share lost over the last report interval, 0.0 to 1.0.
    pub fraction_lost: f32,
    /// Interarrival jitter (RFC 3550 6.4.1).
    pub jitter: Duration,
}

//! What a media worker tells the call core. Packets never leave the worker; events do.

use std::time::{Duration, Instant};

use crate::ids::{LegId, MediaKind};
use crate::plan::Format;
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
    /// Nothing of this kind has arrived for this long, though it should, and why that may be.
    Silent(LegId, MediaKind, Duration, SilenceCause),
    /// It arrives again after [`Event::Silent`].
    Heard(LegId, MediaKind),
    /// The far side pressed a key of its phone: by an event (RFC 4733), which whoever it talks with
    /// is sent, too, if he knows any; or, where it knows none, by a tone, which he hears, but if he
    /// knows events only its beginning.
    Digit(LegId, char),
    /// The far side is to send a whole picture, and has agreed to no RTCP feedback by which it could
    /// be told: signalling has to (RFC 5168). As often as feedback would, at most.
    KeyframeWanted(LegId),
    /// A sound that is not repeated has been played to its end, or one cannot be played: the leg has
    /// no format that can be encoded.
    SoundEnded(LegId),
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
pub const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Why nothing arrives, as far as can be told from what does. The likeliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SilenceCause {
    /// No ICE check of the far side has got here: no path is there.
    NoPath,
    /// A path is there, but DTLS is not done.
    NoKeys,
    /// What arrives does not pass authentication: it has other keys.
    Undecryptable,
    /// What arrives comes from elsewhere than this stream is taken from, and is refused.
    Foreign,
    /// What arrives is of a payload type that was not agreed.
    NotAgreed,
    /// The far side has said that nobody speaks there, and that it would send nothing meanwhile
    /// (RFC 3389, G.729 Annex B). All is well.
    Paused,
    /// The far side's picture arrives, and no sound.
    PictureOnly,
    /// The far side is there, as its reports or ICE checks say, and sends nothing: as one does
    /// whose microphone is off.
    NothingSent,
    /// It did arrive, and stopped. Nothing tells whether the far side is there.
    Stopped,
    /// Nothing at all has ever arrived.
    Nothing,
}

impl SilenceCause {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NoPath,
        Self::NoKeys,
        Self::Undecryptable,
        Self::Foreign,
        Self::NotAgreed,
        Self::Paused,
        Self::PictureOnly,
        Self::NothingSent,
        Self::Stopped,
        Self::Nothing,
    ];

    /// Stable word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPath => "no_path",
            Self::NoKeys => "no_keys",
            Self::Undecryptable => "undecryptable",
            Self::Foreign => "foreign_address",
            Self::NotAgreed => "codec_not_agreed",
            Self::Paused => "paused",
            Self::PictureOnly => "picture_only",
            Self::NothingSent => "nothing_sent",
            Self::Stopped => "stopped",
            Self::Nothing => "nothing_arrived",
        }
    }
}

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
    /// It has reported. Loss and jitter of `sent` are not known before.
    pub reported: bool,
    /// Keyframes the far side was asked for (PLI, FIR).
    pub keyframe_requests: u64,
    /// Retransmissions asked from the far side, and those answered to it.
    pub nacks_sent: u64,
    /// See [`StreamStats::nacks_sent`].
    pub retransmitted: u64,
    /// What was decoded and encoded anew for the far side; all zero where it is relayed.
    pub transcoded: TranscodeStats,
}

impl StreamStats {
    /// Of a stream in which nothing has happened.
    pub fn new(kind: MediaKind) -> Self {
        Self {
            kind,
            received: DirectionStats::default(),
            sent: DirectionStats::default(),
            reported: false,
            keyframe_requests: 0,
            nacks_sent: 0,
            retransmitted: 0,
            transcoded: TranscodeStats::default(),
        }
    }
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
    /// What was in the last packet, telephone events and comfort noise aside.
    pub codec: Option<StreamCodec>,
    /// When the first packet came or went.
    pub first_packet: Option<Instant>,
    /// When the first packet came or went in which a keyframe begins, where that can be told.
    pub first_keyframe: Option<Instant>,
}

/// A format in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCodec {
    /// Which.
    pub format: Format,
    /// RTP clock rate, Hz.
    pub clock_rate: u32,
    /// It is encoded here, each packet with what is needed to make up for the loss of the one
    /// before (Opus in-band FEC).
    pub repeats: bool,
}

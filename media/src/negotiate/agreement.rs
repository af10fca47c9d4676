//! What a leg and its far side have agreed on, and what joins two legs that have.

use smol_str::SmolStr;

use super::describe::{OwnStream, codec_plan};
use super::local::{Local, LocalTransport};
use super::remote::{RemoteStream, RemoteTransport};
use super::rtp::OwnRtp;
use super::template::Template;
use super::{Absence, Policy, Transcoding, format, transcode};
use crate::ids::{DtlsRole, LegId, MediaKind};
use crate::plan::{
    CodecMap, CodecPlan, ExtensionPlan, LegPlan, Passage, PatchPlan, RtpPlan, RtpStreamPlan,
    StreamPlan, TransportPlan,
};
use crate::sdp::{Description, Direction, Media, MediaDescription};

/// Packet times are this where nothing is said (RFC 3551 4.2).
const USUAL_PTIME_MS: u16 = 20;

/// The outcome of one offer and its answer on a leg: its plan, and what has to be remembered for
/// the next exchange on it and for the other leg.
#[derive(Debug, Clone)]
pub struct Agreement {
    pub(super) plan: LegPlan,
    pub(super) streams: Vec<Stream>,
    /// All m-lines of the session, in order: "new media descriptions MUST appear below" and none
    /// may go (RFC 3264 8).
    pub(super) lines: Vec<Line>,
    /// Why a medium is not part of it.
    pub(super) absent: Vec<(MediaKind, Absence)>,
}

/// A stream that both sides take.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub kind: MediaKind,
    /// Its m-line.
    pub line: usize,
    /// Formats that both have, the one in use first.
    pub pairs: Vec<Pair>,
    pub extensions: Vec<ExtensionPlan>,
    /// As the far side sees it.
    pub direction: Direction,
    /// The same as the far side would have it if we let it: what it said last where we did.
    pub wish: Direction,
    /// The far side has been told what we send with.
    pub announced: bool,
    /// What we told the far side to send at most, bit/s.
    limit: Option<u64>,
    /// What the far side wants to receive at most, bit/s.
    pub bitrate: Option<u64>,
    pub ptime_ms: Option<u16>,
    pub maxptime_ms: Option<u16>,
    pub protocol: SmolStr,
    ssrcs: Vec<u32>,
    rtp: Option<RtpStreamPlan>,
}

/// One format as we declare it and as the far side does.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub own: format::Offered,
    pub theirs: format::Offered,
}

/// What has to be known of an m-line to write it refused.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub media: Media,
    pub protocol: SmolStr,
    pub mid: Option<SmolStr>,
    /// RFC 3264 6: some format has to stand there and counts for nothing. For RTP it is 0, as
    /// browsers write it: stacks are about that look for an `a=rtpmap` of any other.
    format: SmolStr,
}

impl Agreement {
    /// The leg.
    pub fn leg(&self) -> LegId {
        self.plan.leg
    }

    /// What its worker has to know.
    pub fn plan(&self) -> &LegPlan {
        &self.plan
    }

    /// Who may send in the stream of this kind, as the far side sees it; `None` if there is no
    /// such stream. `SendOnly` and `Inactive` mean that the far side holds us.
    pub fn direction(&self, kind: MediaKind) -> Option<Direction> {
        self.stream(kind).map(|stream| stream.direction)
    }

    /// The far side does not want to hear us: it has put us on hold (RFC 3264 8.4). What it does not
    /// receive because we do not send is not that.
    pub fn holds(&self) -> bool {
        let audio = self.stream(MediaKind::Audio);
        audio.is_some_and(|stream| !stream.wish.receives())
    }

    /// The name of the codec in use.
    pub fn codec(&self, kind: MediaKind) -> Option<&str> {
        let pair = self.stream(kind)?.pairs.first()?;
        Some(&pair.theirs.codec.name)
    }

    /// Why there is no stream of this kind.
    pub fn absence(&self, kind: MediaKind) -> Absence {
        let found = self.absent.iter().find(|(of, _)| *of == kind);
        found.map_or(Absence::NotOffered(kind), |(_, reason)| reason.clone())
    }

    /// Ours in the DTLS association, where there is one.
    pub(super) fn role(&self) -> Option<DtlsRole> {
        match &self.plan.transport {
            TransportPlan::WebRtc(plan) => Some(plan.role),
            TransportPlan::Rtp(_) => None,
        }
    }

    pub(super) fn stream(&self, kind: MediaKind) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.kind == kind)
    }

    /// Its streams as somebody else may be told of them, with the directions that `shown` takes of
    /// each.
    pub(super) fn templates(&self, shown: impl Fn(&Stream) -> Direction) -> Vec<Template> {
        let template = |stream: &Stream| {
            let formats: Vec<_> = stream
                .pairs
                .iter()
                .map(|pair| pair.theirs.clone())
                .collect();
            Template {
                kind: stream.kind,
                names: format::names_of(formats.iter().map(|format| &format.codec)),
                formats,
                extensions: stream.extensions.clone(),
                direction: shown(stream),
                bitrate: stream.bitrate,
                ptime_ms: stream.ptime_ms,
                maxptime_ms: stream.maxptime_ms,
                mid: None,
                is_heard: true,
                is_agreed: true,
            }
        };
        self.streams.iter().map(template).collect()
    }
}

impl Stream {
    /// Of our m-line and the far side's, `pairs` being what both have.
    pub(super) fn new(
        own: &OwnStream,
        theirs: &RemoteStream,
        described: &MediaDescription,
        pairs: Vec<Pair>,
        direction: Direction,
        local: &Local,
    ) -> Result<Self, Absence> {
        let kind = own.kind;
        let rtp = match (&local.transport, &own.rtp, &theirs.rtp) {
            (LocalTransport::Rtp(local), Some(own), Some(theirs)) => {
                Some(own.plan(local, kind, theirs)?)
            }
            (LocalTransport::Rtp(_), ..) => {
                return Err(Absence::Protocol(kind, described.protocol.clone()));
            }
            (LocalTransport::WebRtc(_), ..) => None,
        };
        let extensions = own.extensions.iter().copied();
        Ok(Self {
            kind,
            line: own.line,
            pairs,
            extensions: extensions
                .filter(|plan| theirs.extensions.contains(plan))
                .collect(),
            direction,
            wish: wish(own, theirs),
            announced: own.announced,
            limit: own.bitrate,
            bitrate: theirs.bitrate,
            ptime_ms: described.ptime_ms,
            maxptime_ms: described.maxptime_ms,
            protocol: own.protocol.clone(),
            ssrcs: theirs.ssrcs.clone(),
            rtp,
        })
    }

    /// Our transport of it as it is, to be offered again.
    pub(super) fn continued(&self) -> Option<OwnRtp> {
        self.rtp
            .as_ref()
            .map(|rtp| OwnRtp::continued(rtp, &self.protocol))
    }

    fn has(&self, key: &format::Key) -> bool {
        self.pairs.iter().any(|pair| pair.theirs.key == *key)
    }

    /// Formats that both have.
    pub(super) fn formats(&self) -> impl Iterator<Item = &format::Offered> + Clone {
        self.pairs.iter().map(|pair| &pair.own)
    }

    /// The format that the far side sends under a payload type.
    fn received(&self, payload_type: u8) -> Option<&Pair> {
        let mut pairs = self.pairs.iter();
        pairs.find(|pair| pair.own.codec.payload_type == payload_type)
    }

    /// The format that we send it under a payload type.
    fn sent(&self, payload_type: u8) -> Option<&Pair> {
        let mut pairs = self.pairs.iter();
        pairs.find(|pair| pair.theirs.codec.payload_type == payload_type)
    }

    fn plan(&self, local: &Local) -> StreamPlan {
        let codecs: Vec<_> = self
            .pairs
            .iter()
            .map(|pair| CodecPlan {
                parameter_sets: pair.theirs.parameter_sets(),
                ..codec_plan(&pair.own, &pair.theirs)
            })
            .collect();
        let repaired = codecs.iter().any(|codec| codec.rtx.is_some());
        StreamPlan {
            kind: self.kind,
            ssrc: local.ssrc(self.kind),
            rtx_ssrc: repaired.then_some(local.video_rtx_ssrc),
            codecs,
            remote_ssrcs: self.ssrcs.clone(),
            extensions: self.extensions.clone(),
            receive: self.direction.sends(),
            send: self.direction.receives(),
            max_receive_bitrate: self.limit,
            max_send_bitrate: self.bitrate,
            send_ptime_ms: self
                .ptime_ms
                .or(self.maxptime_ms.filter(|most| *most < USUAL_PTIME_MS)),
            max_send_ptime_ms: self.maxptime_ms,
        }
    }
}

/// What the far side wants. An answer says it only where our offer lets it.
fn wish(own: &OwnStream, theirs: &RemoteStream) -> Direction {
    let (asked, known) = (own.direction, own.wish);
    let sends = match asked.receives() {
        true => theirs.direction.sends(),
        false => known.sends(),
    };
    let receives = match asked.sends() {
        true => theirs.direction.receives(),
        false => known.receives(),
    };
    Direction::new(sends, receives)
}

/// The plan of a leg over these streams. `role` and `remote` are of a WebRTC leg.
pub(super) fn plan(
    leg: LegId,
    local: &Local,
    streams: &[Stream],
    role: DtlsRole,
    remote: Option<&RemoteTransport>,
) -> LegPlan {
    let transport = match &local.transport {
        LocalTransport::WebRtc(webrtc) => TransportPlan::WebRtc(webrtc.plan(role, remote)),
        LocalTransport::Rtp(_) => TransportPlan::Rtp(RtpPlan {
            streams: streams.iter().filter_map(|it| it.rtp.clone()).collect(),
        }),
    };
    LegPlan {
        leg,
        cname: local.cname.clone(),
        transport,
        streams: streams.iter().map(|stream| stream.plan(local)).collect(),
    }
}

impl Line {
    pub(super) fn of(media: &MediaDescription) -> Self {
        let format = media.other_formats.first().cloned();
        let format = format.filter(|_| media.codecs.is_empty());
        Self {
            media: media.media.clone(),
            protocol: media.protocol.clone(),
            mid: media.mid.clone(),
            format: format.unwrap_or_else(|| SmolStr::new_static("0")),
        }
    }

    pub(super) fn all(description: &Description) -> Vec<Self> {
        description.media.iter().map(Self::of).collect()
    }

    /// Refused, or switched off.
    pub(super) fn refused(&self) -> MediaDescription {
        let mut refused = MediaDescription::new(self.media.clone(), self.protocol.clone());
        refused.other_formats = vec![self.format.clone()];
        refused.mid = self.mid.clone();
        refused
    }

    pub(super) fn is(&self, kind: MediaKind) -> bool {
        self.media == Media::Kind(kind)
    }
}

/// What lets each of two legs feed the other, the first of the pair from `a` to `b`: formats that
/// both have agreed to, and sound that is transcoded, as far as policy allows that. A patch may be
/// empty.
pub fn join(a: &Agreement, b: &Agreement, policy: &Policy) -> (PatchPlan, PatchPlan) {
    (patch(a, b, policy), patch(b, a, policy))
}

/// The name of the codec in use for a kind between two joined legs, as `a` writes it; of both,
/// `opus/PCMU`, where they are not the same.
pub fn codec_between(
    a: &Agreement,
    b: &Agreement,
    (to_b, to_a): (&PatchPlan, &PatchPlan),
    kind: MediaKind,
) -> Option<SmolStr> {
    let main = |patch: &PatchPlan| patch.codecs.iter().find(|map| map.kind == kind).copied();
    // What a side sends is numbered by us, what it receives by itself.
    let (of_a, of_b, passage) = match (main(to_b), main(to_a)) {
        (Some(map), _) => {
            let (a, b) = (a.stream(kind)?, b.stream(kind)?);
            (a.received(map.from_pt)?, b.sent(map.to_pt)?, map.passage)
        }
        (None, Some(map)) => {
            let (a, b) = (a.stream(kind)?, b.stream(kind)?);
            (a.sent(map.to_pt)?, b.received(map.from_pt)?, map.passage)
        }
        (None, None) => return None,
    };
    let name = |pair: &Pair| pair.theirs.codec.name.clone();
    Some(match passage {
        Passage::Relay => name(of_a),
        Passage::Convert | Passage::Transcode => {
            smol_str::format_smolstr!("{}/{}", name(of_a), name(of_b))
        }
    })
}

fn patch(source: &Agreement, sink: &Agreement, policy: &Policy) -> PatchPlan {
    let mut codecs = Vec::new();
    for from in &source.streams {
        let Some(to) = sink.stream(from.kind) else {
            continue;
        };
        let both_have = |pair: &&Pair| pair.own.is_codec() && to.has(&pair.own.key);
        let relays = from.pairs.iter().any(|pair| both_have(&pair));
        let ways = Ways {
            relays,
            converts: match policy.transcoding {
                Transcoding::Allowed => true,
                // What a far side goes on sending that needs more than a table would be lost.
                Transcoding::Full => relays || transcode::all_convert(from.formats(), to.formats()),
                Transcoding::Forbidden => false,
            },
            transcodes: policy.transcoding == Transcoding::Allowed,
        };
        let passes = |pair| Some((pair, map(from.kind, pair, to, ways)?));
        let passing: Vec<(&Pair, CodecMap)> = from.pairs.iter().filter_map(passes).collect();
        // Events alone are no talk.
        if passing.iter().any(|(pair, _)| pair.own.is_codec()) {
            codecs.extend(passing.into_iter().map(|(_, map)| map));
        }
    }
    PatchPlan {
        source: source.leg(),
        sink: sink.leg(),
        codecs,
    }
}

/// How sound may pass from one stream to another.
#[derive(Debug, Clone, Copy)]
struct Ways {
    /// A codec is common to both.
    relays: bool,
    /// By table.
    converts: bool,
    /// By coders.
    transcodes: bool,
}

/// How one format of a source passes to a sink's stream.
fn map(kind: MediaKind, from: &Pair, to: &Stream, ways: Ways) -> Option<CodecMap> {
    let same = |pair: &&Pair| pair.theirs.key == from.own.key;
    let pairs = || to.pairs.iter();
    let main = || pairs().find(|pair| pair.own.is_codec());
    let (sink, passage) = match pairs().find(same) {
        Some(pair) if pair.own.is_codec() => (pair, Passage::Relay),
        Some(pair) if pair.own.is_events() && ways.relays => (pair, Passage::Relay),
        _ if kind != MediaKind::Audio => return None,
        _ if from.own.is_events() => {
            // At the clock of the codec that they interrupt there, if there are such.
            let clock = main().map(|pair| pair.theirs.key.clock_rate);
            let mut events: Vec<&Pair> = pairs().filter(|pair| pair.own.is_events()).collect();
            events.sort_by_key(|pair| Some(pair.theirs.key.clock_rate) != clock);
            (*events.first()?, Passage::Relay)
        }
        _ => {
            let noise = !from.own.is_codec();
            let converts = |pair: &&Pair| {
                ways.converts && transcode::converts(&from.own.key, &pair.theirs.key)
            };
            let able = ways.transcodes && (noise || transcode::can(&from.own.key));
            match pairs().find(converts) {
                Some(other) => (other, Passage::Convert),
                None => {
                    let able = |pair: &&Pair| able && transcode::can(&pair.theirs.key);
                    (main().filter(able)?, Passage::Transcode)
                }
            }
        }
    };
    Some(CodecMap {
        kind,
        from_pt: from.own.codec.payload_type,
        to_pt: sink.theirs.codec.payload_type,
        passage,
    })
}

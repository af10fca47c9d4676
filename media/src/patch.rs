//! What joins a source's stream to a sink's: tables built once, when a patch is made, so that
//! relaying a packet is two look-ups.

use crate::codec::g711::Law;
use crate::ids::{LegId, MediaKind};
use crate::plan::{CodecMap, Format, Passage, PatchPlan, StreamPlan};
use crate::rtp::ExtensionMap;
use crate::transcode::{TranscodePlan, coder, conversion};

/// How packets of one kind pass from a source to a sink.
#[derive(Debug)]
pub struct Feed {
    source: LegId,
    /// Few enough to be searched faster than a table is fetched.
    payload_types: Vec<(u8, Outgoing)>,
    extensions: ExtensionMap,
    /// What is to be transcoded, if anything.
    transcode: Option<Box<TranscodePlan>>,
    /// And it is what is to be expected.
    transcodes: bool,
    suited: Suited,
}

/// The packet times that a sink wants of sound that passes without a coder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Suited {
    exactly_ms: Option<u16>,
    most_ms: Option<u16>,
}

/// As what a payload type goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outgoing {
    /// The sink's payload type.
    pub payload_type: u8,
    /// Hz.
    pub clock_rate: u32,
    /// What is inside.
    pub format: Format,
    /// Whether its payload passes as it is.
    pub passage: Passage,
    /// The law of its payload (ITU-T G.711), where the sink has it in the other.
    pub law: Option<Law>,
    /// The clock of the source, Hz: telephone events may pass from one to another.
    pub source_clock_rate: u32,
}

impl Feed {
    /// From the two plans. Entries of the patch that the plans do not carry out are left out:
    /// what is not negotiated with the sink is never sent to it.
    pub fn new(patch: &PatchPlan, from: &StreamPlan, to: &StreamPlan) -> Self {
        let transcode = TranscodePlan::new(&patch.codecs, from, to).map(Box::new);
        let payload_types = patch
            .codecs
            .iter()
            .filter(|map| map.kind == from.kind)
            .filter_map(|map| Some((map.from_pt, outgoing(map, from, to)?)))
            // Noise alone makes no transcoder, and nothing that is transcoded passes as it is.
            .filter(|(_, to)| to.passage != Passage::Transcode || transcode.is_some())
            .collect();
        let mut extensions = ExtensionMap::new();
        for ours in &from.extensions {
            if let Some(theirs) = to
                .extensions
                .iter()
                .find(|it| it.extension == ours.extension)
            {
                extensions.insert(ours.id, theirs.id);
            }
        }
        Self {
            source: patch.source,
            payload_types,
            extensions,
            transcode,
            transcodes: from.kind == MediaKind::Audio && patch.transcodes(),
            suited: Suited {
                exactly_ms: to.send_ptime_ms,
                most_ms: to.max_send_ptime_ms,
            },
        }
    }

    /// The leg that feeds.
    pub fn source(&self) -> LegId {
        self.source
    }

    /// As what a source's payload type goes out, if it passes.
    pub fn outgoing(&self, payload_type: u8) -> Option<Outgoing> {
        let mut types = self.payload_types.iter();
        types
            .find(|(from, _)| *from == payload_type)
            .map(|(_, to)| *to)
    }

    /// The sink's payload type of what is most likely to be said.
    pub(crate) fn speech(&self) -> Option<u8> {
        let mut types = self.payload_types.iter();
        let speech = types.find(|(_, to)| coder(to.format, to.clock_rate).is_some());
        speech.map(|(_, to)| to.payload_type)
    }

    /// What a transcoder would have to do, if there is anything to be transcoded.
    pub(crate) fn transcode(&self) -> Option<&TranscodePlan> {
        self.transcode.as_deref()
    }

    /// What is to be expected of the source has to be transcoded.
    pub(crate) fn transcodes(&self) -> bool {
        self.transcodes && self.transcode.is_some()
    }

    /// A packet of G.711 is as long as the sink wants it.
    pub(crate) fn suits(&self, payload_len: usize) -> bool {
        // 8,000 samples a second, an octet each (RFC 3551 4.5.14).
        let octets = |ms: u16| 8 * usize::from(ms);
        let Suited {
            exactly_ms,
            most_ms,
        } = self.suited;
        // One without sound only keeps a way open.
        payload_len == 0
            || exactly_ms.is_none_or(|ms| payload_len == octets(ms))
                && most_ms.is_none_or(|ms| payload_len <= octets(ms))
    }

    /// How extension ids are mapped.
    pub fn extensions(&self) -> &ExtensionMap {
        &self.extensions
    }
}

fn outgoing(map: &CodecMap, from: &StreamPlan, to: &StreamPlan) -> Option<Outgoing> {
    let source = from
        .codecs
        .iter()
        .find(|codec| codec.receive_pt == map.from_pt)?;
    let sink = to.codecs.iter().find(|codec| codec.send_pt == map.to_pt)?;
    let law = conversion(source.format, sink.format).filter(|_| map.passage == Passage::Convert);
    let passes = match map.passage {
        Passage::Relay => source.format == sink.format,
        Passage::Convert => law.is_some(),
        Passage::Transcode => map.kind == MediaKind::Audio,
    };
    passes.then_some(Outgoing {
        payload_type: sink.send_pt,
        clock_rate: sink.clock_rate,
        format: sink.format,
        passage: map.passage,
        law,
        source_clock_rate: source.clock_rate,
    })
}

/// Index of a kind in tables of streams.
pub(crate) fn index(kind: MediaKind) -> usize {
    match kind {
        MediaKind::Audio => 0,
        MediaKind::Video => 1,
    }
}

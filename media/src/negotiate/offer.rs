//! The offer to leg B.

use smol_str::SmolStr;

use super::describe::{OwnStream, OwnTransport, own_format};
use super::remote::{RemoteOffer, RemoteStream};
use super::{Absence, Local, NegotiationError, Policy, format};
use crate::ids::{DtlsRole, LegId, MediaKind};
use crate::plan::{Feedback, LegPlan};
use crate::sdp::Setup;

/// All the feedback that is carried.
pub(super) const FEEDBACK: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    remb: true,
};

/// Our offer to one leg, and what has to be remembered until its answer comes.
#[derive(Debug, Clone)]
pub struct LocalOffer {
    /// The leg it is for.
    pub leg: LegId,
    /// To be sent to it.
    pub sdp: String,
    /// What a worker needs to be reachable for the leg before it has answered. The DTLS role
    /// is not final.
    pub plan: LegPlan,
    pub(super) local: Local,
    /// In the order of our m-lines.
    pub(super) streams: Vec<OwnStream>,
    /// Usable streams of the source that policy left out.
    pub(super) left_out: Vec<(MediaKind, Absence)>,
}

/// Offers leg B what leg A offers us: the same m-lines, payload types, parameters, extension
/// ids and directions, with `local` as the transport.
///
/// # Errors
/// [`NegotiationError::NoUsableMedia`] if policy leaves nothing over;
/// [`NegotiationError::NoCandidates`] if `local` has no address.
pub fn offer(
    leg: LegId,
    policy: &Policy,
    source: &RemoteOffer,
    local: &Local,
) -> Result<LocalOffer, NegotiationError> {
    let transport = OwnTransport::new(local, Setup::ActPass)?;
    let mut streams = Vec::new();
    let mut left_out = Vec::new();
    for stream in &source.streams {
        match mirrored(policy, source, stream) {
            Ok(stream) => streams.push(stream),
            Err(reason) => left_out.push((stream.kind, reason)),
        }
    }
    if streams.is_empty() {
        let refused = source.refused.iter().map(|(_, reason)| reason.clone());
        let reasons = left_out
            .into_iter()
            .map(|(_, reason)| reason)
            .chain(refused)
            .collect();
        return Err(NegotiationError::NoUsableMedia { reasons });
    }

    let mut description = transport.description();
    description.bundle = vec![
        streams
            .iter()
            .filter_map(|stream| stream.mid.clone())
            .collect(),
    ];
    // Candidates stand in each m-line: an answerer that does not bundle finds them there.
    description.media = streams
        .iter()
        .map(|stream| transport.media(stream, true))
        .collect();
    let plans = streams
        .iter()
        .map(|stream| local.stream_plan(stream))
        .collect();
    Ok(LocalOffer {
        leg,
        sdp: description.to_text(),
        plan: local.leg_plan(leg, DtlsRole::Server, None, plans),
        local: local.clone(),
        streams,
        left_out,
    })
}

/// A stream of A as we offer it to B.
fn mirrored(
    policy: &Policy,
    source: &RemoteOffer,
    stream: &RemoteStream,
) -> Result<OwnStream, Absence> {
    let mut formats: Vec<format::Offered> = stream
        .formats
        .iter()
        .filter(|format| !policy.excluded.contains(&format.key.format))
        .map(|format| own_format(stream.kind, format, FEEDBACK))
        .collect();
    if formats.iter().all(format::Offered::is_events) {
        let names = source.names(stream.kind).unwrap_or_default();
        return Err(Absence::NothingToOffer(stream.kind, names));
    }
    formats.sort_by_key(|format| {
        let place = policy
            .preferred
            .iter()
            .position(|wanted| *wanted == format.key.format);
        place.unwrap_or(policy.preferred.len())
    });
    let media = &source.description.media[stream.index];
    Ok(OwnStream {
        kind: stream.kind,
        protocol: SmolStr::new_static("UDP/TLS/RTP/SAVPF"),
        // Only a lone m-line may have none: others could not be bundled with it.
        mid: Some(
            media
                .mid
                .clone()
                .unwrap_or_else(|| SmolStr::new_static("0")),
        ),
        direction: stream.direction,
        formats,
        extensions: stream.extensions.clone(),
        bitrate: policy.bitrate(stream.kind, stream.bitrate),
        ptime_ms: media.ptime_ms,
        maxptime_ms: media.maxptime_ms,
        rtcp_rsize: true,
    })
}

//! Our offers.

use std::collections::BTreeSet;

use smol_str::{SmolStr, ToSmolStr};

use super::agreement::{Agreement, Line, Stream, plan};
use super::describe::{OwnStream, OwnTransport, is_announced, own_format};
use super::everything;
use super::local::{Local, LocalRtp, LocalTransport};
use super::remote::RemoteOffer;
use super::rtp::{self, OwnRtp};
use super::settle::per_kind;
use super::template::{Source, Template};
use super::{Absence, NegotiationError, Policy, Transcoding, extension, format, transcode};
use crate::ids::{DtlsRole, LegId, MediaKind};
use crate::plan::{Feedback, LegPlan, RtpPlan, TransportPlan};
use crate::sdp::{Direction, Media, MediaDescription, Setup};

/// All the feedback that is carried.
pub(super) const FEEDBACK: Feedback = Feedback {
    nack: true,
    pli: true,
    fir: true,
    remb: true,
};

/// RFC 3551 3: payload types that nothing is bound to.
const DYNAMIC: std::ops::Range<u8> = 96..128;

/// Our offer to one leg, and what has to be remembered until its answer comes.
#[derive(Debug, Clone)]
pub struct LocalOffer {
    /// The leg it is for.
    pub leg: LegId,
    /// To be sent to it.
    pub sdp: String,
    /// What a worker needs to be reachable for the leg before it has answered. The DTLS role
    /// is not final. On a leg that has agreed before it is the plan as it was.
    pub plan: LegPlan,
    pub(super) local: Local,
    /// Those in use, in the order of our m-lines.
    pub(super) streams: Vec<OwnStream>,
    /// All m-lines.
    pub(super) lines: Vec<Line>,
    /// Usable streams of the source that were left out.
    pub(super) left_out: Vec<(MediaKind, Absence)>,
}

/// Offers leg B what leg A offers us: the same m-lines, payload types, parameters and
/// directions, with `local` as the transport.
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
    offer_from(leg, policy, Source::Offer(source), local)
}

/// Offers a leg what its partner has.
///
/// # Errors
/// As [`offer`].
pub fn offer_from(
    leg: LegId,
    policy: &Policy,
    source: Source<'_>,
    local: &Local,
) -> Result<LocalOffer, NegotiationError> {
    let mut writer = Writer::new(policy, local);
    let mut left_out = Vec::new();
    for template in source.templates() {
        let place = Place {
            line: writer.streams.len(),
            before: None,
            mid: template.mid.clone(),
        };
        if let Err(reason) = writer.add(&template, place, template.direction) {
            left_out.push((template.kind, reason));
        }
    }
    if writer.streams.is_empty() {
        let is_codec = |(_, reason): &(MediaKind, Absence)| reason.is_about_codecs();
        if left_out.iter().any(is_codec) {
            let names = |kind| {
                let templates = source.templates();
                let template = templates.into_iter().find(|it| it.kind == kind);
                template.map(|template| template.names)
            };
            let accepted = format::list_of(&policy.only);
            return Err(NegotiationError::nothing_left(
                &left_out,
                per_kind(names),
                accepted,
            ));
        }
        let refused = match source {
            Source::Offer(offer) => offer.refused(),
            _ => &[],
        };
        let left_out = left_out.into_iter().map(|(_, reason)| reason);
        let reasons = left_out.chain(refused.iter().map(|(_, reason)| reason.clone()));
        return Err(NegotiationError::NoUsableMedia {
            reasons: reasons.collect(),
        });
    }
    let plan = open_plan(leg, local, &writer.streams);
    writer.finish(leg, plan, Vec::new(), left_out)
}

/// Offers a leg anew what its partner has now (RFC 3264 8): the m-lines stay where they are, with
/// port 0 where the partner has no such medium, and payload types keep their meaning. `most` is
/// what we allow as we see it: less than [`Direction::SendRecv`] puts the leg on hold.
///
/// `local` is that of the leg, with a higher [`session_version`](Local::session_version).
///
/// # Errors
/// [`NegotiationError::NoUsableMedia`] if nothing is left over, and
/// [`NegotiationError::NoCandidates`] as [`offer`].
pub fn reoffer(
    before: &Agreement,
    policy: &Policy,
    source: Source<'_>,
    most: Direction,
    local: &Local,
) -> Result<LocalOffer, NegotiationError> {
    let mut writer = Writer::new(policy, local);
    let mut lines = before.lines.clone();
    let mut left_out = Vec::new();
    for template in source.templates() {
        let known = before.stream(template.kind);
        let free = || lines.iter().position(|line| line.is(template.kind));
        let line = known.map(|stream| stream.line).or_else(free);
        let place = Place {
            line: line.unwrap_or(lines.len()),
            before: known,
            mid: line
                .and_then(|line| lines.get(line)?.mid.clone())
                .or_else(|| Some(fresh_mid(&lines))),
        };
        let new = place.line == lines.len();
        let mut template = template;
        if known.is_none() {
            let agreed = before.streams.iter().flat_map(|it| &it.extensions);
            extension::number_as_usual(&mut template.extensions, agreed);
        }
        match writer.add(&template, place, template.direction.and(most)) {
            Ok(()) if new => lines.push(Line::of(&MediaDescription::new(
                Media::Kind(template.kind),
                SmolStr::default(),
            ))),
            Ok(()) => {}
            Err(reason) => left_out.push((template.kind, reason)),
        }
    }
    if writer.streams.is_empty() {
        return Err(NegotiationError::NoUsableMedia {
            reasons: left_out.into_iter().map(|(_, reason)| reason).collect(),
        });
    }
    writer.finish(before.leg(), before.plan.clone(), lines, left_out)
}

/// Where a stream goes in our description.
struct Place<'a> {
    line: usize,
    /// What has been agreed there.
    before: Option<&'a Stream>,
    mid: Option<SmolStr>,
}

/// Puts an offer together.
struct Writer<'a> {
    policy: &'a Policy,
    local: &'a Local,
    streams: Vec<OwnStream>,
}

impl<'a> Writer<'a> {
    fn new(policy: &'a Policy, local: &'a Local) -> Self {
        Self {
            policy,
            local,
            streams: Vec::new(),
        }
    }

    /// Adds the stream of a template.
    fn add(
        &mut self,
        template: &Template,
        place: Place<'_>,
        direction: Direction,
    ) -> Result<(), Absence> {
        let kind = template.kind;
        let mut stream = OwnStream {
            kind,
            protocol: SmolStr::new_static("UDP/TLS/RTP/SAVPF"),
            mid: None,
            direction,
            wish: place
                .before
                .map_or(Direction::SendRecv, |before| before.wish),
            announced: is_announced(direction, place.before),
            formats: self.formats(template),
            extensions: Vec::new(),
            bitrate: self.policy.bitrate(kind, template.bitrate),
            ptime_ms: template.ptime_ms,
            maxptime_ms: template.maxptime_ms,
            rtcp_rsize: true,
            rtp: None,
            line: place.line,
        };
        match &self.local.transport {
            LocalTransport::WebRtc(_) => {
                stream.extensions = template.extensions.clone();
                // Others could not be bundled with an m-line that has none.
                stream.mid = Some(place.mid.unwrap_or_else(|| place.line.to_smolstr()));
            }
            LocalTransport::Rtp(local) => for_phone(&mut stream, local, place.before)?,
        }
        if !stream.formats.iter().any(format::Offered::is_codec) {
            return Err(self.nothing(template));
        }
        if kind == MediaKind::Audio {
            let events = self.missing_events(&stream.formats);
            stream.formats.extend(events);
        }
        self.number(&mut stream.formats, place.before);
        self.streams.push(stream);
        Ok(())
    }

    /// Why a template leaves nothing to offer.
    fn nothing(&self, template: &Template) -> Absence {
        let (kind, offered) = (template.kind, template.names.clone());
        let allowed = template.allowed(self.policy);
        let is_codec = |format: &format::Offered| format.is_codec();
        if self.policy.only.is_empty() || !allowed.iter().any(is_codec) {
            return Absence::NothingToOffer(kind, offered);
        }
        // All that is left belongs to others than the leg.
        let accepted = format::list_of(&self.policy.only);
        let could = kind == MediaKind::Audio && transcode::any(&allowed);
        match self.policy.transcoding {
            Transcoding::Forbidden | Transcoding::Full if could => Absence::Untranscoded {
                why: self.policy.transcoding,
                offered,
                accepted,
            },
            _ => Absence::NoCommonCodec {
                kind,
                offered,
                accepted,
            },
        }
    }

    /// Events, where the partner has none: digits are made and read here.
    fn missing_events(&self, formats: &[format::Offered]) -> Vec<format::Offered> {
        if formats.iter().any(format::Offered::is_events) {
            return Vec::new();
        }
        let codecs = formats.iter().filter(|format| format.is_codec());
        let clocks: BTreeSet<u32> = match self.local.is_rtp() {
            true => BTreeSet::from([8_000]),
            false => codecs.map(|format| format.codec.clock_rate).collect(),
        };
        clocks.into_iter().filter_map(everything::events).collect()
    }

    /// What the partner has, and what its sound can be transcoded to.
    fn formats(&self, template: &Template) -> Vec<format::Offered> {
        let kind = template.kind;
        let mut formats = template.allowed(self.policy);
        transcode::extend_offer(template, &mut formats, self.policy, self.local.is_rtp());
        self.policy.restrict(kind, &mut formats);
        let own = formats.iter();
        own.map(|format| own_format(kind, format, FEEDBACK))
            .collect()
    }

    /// Gives each format a payload type: the one it had before, or else that of the template
    /// where it is free. One that meant another format before does not: "the mapping from a
    /// particular dynamic payload type number to a particular codec [...] MUST NOT change"
    /// (RFC 3264 8.3.2).
    fn number(&self, formats: &mut [format::Offered], before: Option<&Stream>) {
        let mut taken = [false; 128];
        let mut take = |payload_type: u8| {
            let place = taken.get_mut(usize::from(payload_type))?;
            (!std::mem::replace(place, true)).then_some(payload_type)
        };
        if !self.local.is_rtp() {
            // One transport for all of them.
            for format in self.streams.iter().flat_map(|stream| &stream.formats) {
                take(format.codec.payload_type);
                format.rtx.and_then(&mut take);
            }
        }
        let had = |format: &format::Offered| {
            let same = |own: &&format::Offered| own.key == format.key;
            before?.pairs.iter().map(|pair| &pair.own).find(same)
        };
        for own in before.iter().flat_map(|stream| &stream.pairs) {
            take(own.own.codec.payload_type);
            own.own.rtx.and_then(&mut take);
        }
        for format in formats {
            if let Some(own) = had(format) {
                format.codec.payload_type = own.codec.payload_type;
                format.rtx = own.rtx;
                continue;
            }
            let mut number = |wanted| take(wanted).or_else(|| DYNAMIC.rev().find_map(&mut take));
            // With all of them taken it keeps its own; the far side will tell.
            let payload_type = format.codec.payload_type;
            format.codec.payload_type = number(payload_type).unwrap_or(payload_type);
            format.rtx = format.rtx.and_then(number);
        }
    }

    fn finish(
        self,
        leg: LegId,
        plan: LegPlan,
        lines: Vec<Line>,
        left_out: Vec<(MediaKind, Absence)>,
    ) -> Result<LocalOffer, NegotiationError> {
        let transport = OwnTransport::new(self.local, Setup::ActPass)?;
        let mut description = transport.description()?;
        let mids: Vec<SmolStr> = self
            .streams
            .iter()
            .filter_map(|it| it.mid.clone())
            .collect();
        if !mids.is_empty() {
            description.bundle = vec![mids];
        }
        for line in 0..lines.len().max(self.streams.len()) {
            let stream = self.streams.iter().find(|stream| stream.line == line);
            // Candidates stand in each m-line: an answerer that does not bundle finds them.
            let media = stream.map(|stream| transport.media(stream, true));
            let media = media.or_else(|| Some(lines.get(line)?.refused()));
            description.media.extend(media);
        }
        Ok(LocalOffer {
            leg,
            sdp: description.to_text(),
            plan,
            local: self.local.clone(),
            streams: self.streams,
            lines: Line::all(&description),
            left_out,
        })
    }
}

/// Fits a stream to a leg that speaks RTP.
fn for_phone(
    stream: &mut OwnStream,
    local: &LocalRtp,
    before: Option<&Stream>,
) -> Result<(), Absence> {
    let own = match before {
        Some(before) => {
            stream.protocol = before.protocol.clone();
            before.continued()
        }
        None => {
            stream.protocol = rtp::protocol(local.profile);
            None
        }
    };
    stream.rtp = Some(match own {
        Some(own) => own,
        None => OwnRtp::offered(local, stream.kind)?,
    });
    let feedback = if rtp::has_feedback(&stream.protocol) {
        rtp::FEEDBACK
    } else {
        Feedback::default()
    };
    stream.formats = std::mem::take(&mut stream.formats)
        .into_iter()
        .filter_map(|format| rtp::phone_format(format, feedback))
        .collect();
    stream.rtcp_rsize = false;
    Ok(())
}

/// Before anything is answered.
fn open_plan(leg: LegId, local: &Local, streams: &[OwnStream]) -> LegPlan {
    let mut plan = plan(leg, local, &[], DtlsRole::Server, None);
    plan.streams = streams.iter().map(|it| local.stream_plan(it)).collect();
    if let TransportPlan::Rtp(RtpPlan { streams: plans }) = &mut plan.transport {
        let open = |it: &OwnStream| Some(it.rtp.as_ref()?.open_plan(it.kind));
        *plans = streams.iter().filter_map(open).collect();
    }
    plan
}

/// One that no m-line has.
fn fresh_mid(lines: &[Line]) -> SmolStr {
    let is_free = |mid: &SmolStr| lines.iter().all(|line| line.mid.as_ref() != Some(mid));
    let mut mids = (lines.len()..).map(|number| number.to_smolstr());
    mids.find(is_free).unwrap_or_default()
}

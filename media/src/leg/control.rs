//! What the worker orders a leg to do, and what a leg does when its timers are due.

use std::time::Instant;

use super::outbound::Outbound;
use super::timer::{TIMERS, Timer};
use super::watch::{Signs, patience};
use super::{Context, KINDS, Leg, SourceReport, Stream, Transport};
use crate::event::{Event, Failure, STATS_INTERVAL, SilenceCause};
use crate::ids::MediaKind;
use crate::outbox::Path;
use crate::patch::Feed;
use crate::plan::{Format, StreamPlan};
use crate::transcode::Transcoder;

impl Leg {
    /// All paths that lead to this leg.
    pub(crate) fn paths(&self) -> impl Iterator<Item = Path> + '_ {
        let webrtc = match &self.transport {
            Transport::WebRtc { webrtc, .. } => Some(webrtc),
            Transport::Rtp(_) => None,
        };
        webrtc.into_iter().flat_map(|webrtc| webrtc.paths())
    }

    /// The connection under a path is gone.
    pub(crate) fn forget_path(&mut self, path: Path) {
        if let Transport::WebRtc { webrtc, .. } = &mut self.transport {
            webrtc.forget_path(path);
        }
    }

    /// The plan of a stream.
    pub(crate) fn plan(&self, kind: MediaKind) -> Option<&StreamPlan> {
        self.stream(kind).map(|stream| &stream.plan)
    }

    /// Feeds a stream from another leg from now on. `kept` is the transcoder that it had for the
    /// same source.
    pub(crate) fn attach(
        &mut self,
        now: Instant,
        kind: MediaKind,
        feed: Feed,
        kept: Option<Box<Transcoder>>,
        cx: &mut Context<'_>,
    ) {
        let id = self.id;
        let Some(stream) = self.stream_mut(kind) else {
            return;
        };
        let transcoder = feed.transcode().and_then(|plan| {
            let is_needed = |it: &Transcoder| feed.transcodes() || it.is_active();
            let kept = kept.filter(|it| it.does(plan) && is_needed(it));
            // What is not to be expected has one made when it comes.
            let make = || cx.transcoding.make(now, plan);
            kept.or_else(|| feed.transcodes().then(make).flatten())
        });
        if feed.transcodes() && transcoder.is_none() {
            tracing::warn!(leg = %id, "as many transcoders as there may be: no sound");
        }
        stream.outbound.attach(kind, feed);
        stream.outbound.transcoder = transcoder;
    }

    /// Takes the transcoder out of a stream that is fed anew.
    pub(crate) fn take_transcoder(&mut self, kind: MediaKind) -> Option<Box<Transcoder>> {
        self.stream_mut(kind)?.outbound.transcoder.take()
    }

    /// When a packet that is encoded here is due.
    pub(crate) fn poll_tick(&self) -> Option<Instant> {
        let stream = self.stream(MediaKind::Audio).filter(|_| !self.over)?;
        let Outbound {
            transcoder, player, ..
        } = &stream.outbound;
        let transcoded = transcoder.as_ref().and_then(|it| it.poll_timeout());
        let played = player.as_ref().map(|it| it.poll_timeout());
        transcoded.into_iter().chain(played).min()
    }

    /// Sends what is due of a sound that is played, and of one that is transcoded.
    pub(crate) fn handle_tick(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.transcode(now, cx);
        self.play(now, cx);
    }

    fn transcode(&mut self, now: Instant, cx: &mut Context<'_>) {
        let digits = self.sends_digits();
        let Some((stream, sink)) = self.sending(MediaKind::Audio, cx) else {
            // Nobody would hear it. What comes when somebody does begins anew.
            let stream = self.stream_mut(MediaKind::Audio);
            if let Some(transcoder) = stream.and_then(|it| it.outbound.transcoder.as_mut()) {
                transcoder.rest();
            }
            return;
        };
        if stream.outbound.tick(now, digits, sink) {
            cx.counters.rtp_sent += 1;
            cx.counters.rtp_encoded += 1;
        }
    }

    /// Feeds it no more.
    pub(crate) fn detach(&mut self, kind: MediaKind) {
        if let Some(stream) = self.stream_mut(kind) {
            stream.outbound.detach();
        }
    }

    /// Which leg feeds a stream.
    pub(crate) fn fed_by(&self, kind: MediaKind) -> Option<crate::ids::LegId> {
        self.stream(kind)?
            .outbound
            .feed
            .as_ref()
            .map(|feed| feed.source())
    }

    /// The source's clock, as it was told last.
    pub(crate) fn source_report(&self, kind: MediaKind) -> Option<SourceReport> {
        self.stream(kind)?.inbound.report
    }

    /// Takes the clock of the leg that feeds a stream.
    pub(crate) fn set_source_report(&mut self, kind: MediaKind, report: SourceReport) {
        if let Some(stream) = self.stream_mut(kind) {
            stream.outbound.report = Some(report);
        }
    }

    /// The most that the far side can receive, bit/s.
    pub(crate) fn receivable_bitrate(&self) -> Option<u64> {
        let stream = self.stream(MediaKind::Video)?;
        stream
            .outbound
            .probe
            .receivable()
            .into_iter()
            .chain(stream.plan.max_send_bitrate)
            .min()
    }

    /// Lets the far side know how much it may send: what its sinks can receive and what is
    /// configured.
    pub(crate) fn limit_bitrate(&mut self, now: Instant, sinks: Option<u64>, cx: &mut Context<'_>) {
        let Some(stream) = self.stream_mut(MediaKind::Video) else {
            return;
        };
        if !stream.plan.codecs.iter().any(|codec| codec.feedback.remb) {
            return;
        }
        let limit = sinks
            .into_iter()
            .chain(stream.plan.max_receive_bitrate)
            .min();
        stream.inbound.bitrate.set(now, limit);
        self.tell_bitrate(now, cx);
    }

    /// Somebody needs a keyframe of this leg's video.
    pub(crate) fn want_keyframe(&mut self, now: Instant, cx: &mut Context<'_>) {
        if let Some(stream) = self.stream_mut(MediaKind::Video) {
            stream.inbound.keyframes.want(now);
            self.ask_keyframe(now, cx);
        }
    }

    /// Sends digits to the far side.
    pub(crate) fn send_dtmf(&mut self, now: Instant, digits: &str, cx: &mut Context<'_>) {
        if self.over {
            return;
        }
        let stream = self.stream(MediaKind::Audio);
        match stream.is_some_and(|stream| takes_events(&stream.plan)) {
            true => self.dtmf.get_or_insert_default().add(digits),
            false => self.send_tones(now, digits, cx),
        }
        self.play_dtmf(now, cx);
    }

    /// Watches for silence, or does so no more.
    pub(crate) fn watch_silence(&mut self, now: Instant, on: bool, cx: &mut Context<'_>) {
        self.watch.set(now, on);
        for stream in self.streams.iter_mut().flatten() {
            stream.inbound.silent = false;
        }
        self.arm_silence(now, cx);
    }

    /// Does what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant, cx: &mut Context<'_>) {
        if let Transport::WebRtc { webrtc, .. } = &mut self.transport {
            webrtc.handle_timeout(now, &mut cx.transport());
            self.on_transport(now, cx);
        }
        for timer in TIMERS {
            if self.over {
                return;
            }
            if !self.timers.take_due(timer, now) {
                continue;
            }
            match timer {
                Timer::Report => self.send_reports(now, cx),
                Timer::Nack => self.send_nacks(now, cx),
                Timer::Keyframe => self.ask_keyframe(now, cx),
                Timer::Bitrate => self.tell_bitrate(now, cx),
                Timer::Probe => self.send_probe(now, cx),
                Timer::Dtmf => self.play_dtmf(now, cx),
                Timer::Silence => self.look_for_silence(now, cx),
                Timer::Stats => {
                    let stats = Box::new(self.stats());
                    cx.events.push(Event::Stats(stats), cx.counters);
                    self.timers.set(Timer::Stats, Some(now + STATS_INTERVAL));
                }
            }
        }
    }

    /// Sends what is due of a probe.
    fn send_probe(&mut self, now: Instant, cx: &mut Context<'_>) {
        let Some((stream, sink)) = self.sending(MediaKind::Video, cx) else {
            return;
        };
        let packets = stream.outbound.send_probe(now, sink);
        let due = stream.outbound.probe.poll_timeout();
        cx.counters.rtp_sent += packets;
        self.timers.set(Timer::Probe, due);
    }

    /// Sends what is due of the digits.
    fn play_dtmf(&mut self, now: Instant, cx: &mut Context<'_>) {
        self.play_events(now, cx);
        self.play_tones(now, cx);
        let events = self.dtmf.as_ref().and_then(|dtmf| dtmf.poll_timeout(now));
        let tones = self.tones.as_ref().map(|tones| tones.poll_timeout());
        let next = events.into_iter().chain(tones).min();
        self.timers.set(Timer::Dtmf, next);
    }

    fn play_events(&mut self, now: Instant, cx: &mut Context<'_>) {
        let Some(mut dtmf) = self.dtmf.take() else {
            return;
        };
        if let Some((Stream { plan, outbound, .. }, sink)) = self.sending(MediaKind::Audio, cx)
            && let Some((payload_type, clock_rate)) = event_format(plan, outbound.clock_rate)
        {
            let rate = outbound.clock_rate;
            let line = &mut outbound.line;
            let packet = dtmf.poll(now, clock_rate, || {
                // What the source sends next has its place after the event.
                line.detach();
                line.timestamp_now(now, rate)
            });
            if let Some(packet) = packet {
                let marker = packet.marker;
                let timestamp = packet.timestamp;
                let payload = &packet.payload;
                outbound.send_own(now, payload_type, marker, timestamp, payload, sink.way);
                cx.counters.rtp_sent += 1;
            }
            if dtmf.is_active() {
                self.dtmf = Some(dtmf);
            }
        } else {
            tracing::debug!(leg = %self.id, "no way to send digits: no media or no event format");
        }
    }

    /// Reports streams that are silent for too long, and gives up a leg that sends nothing.
    fn look_for_silence(&mut self, now: Instant, cx: &mut Context<'_>) {
        let mut latest = None;
        for kind in KINDS {
            let Some((since, due)) = self.silence_of(kind, cx) else {
                continue;
            };
            latest = latest.max(Some(since));
            let cause = self.cause_of_silence(kind, since);
            if let Some(stream) = self.stream_mut(kind)
                && due <= now
                && !stream.inbound.silent
            {
                stream.inbound.silent = true;
                let silence = now.saturating_duration_since(since);
                let silent = Event::Silent(self.id, kind, silence, cause);
                cx.events.push(silent, cx.counters);
            }
        }
        let end = self
            .alive_since(latest)
            .map(|it| it + cx.timeouts.inactivity);
        if end.is_some_and(|end| end <= now) {
            return self.fail(Failure::RtpInactivity, cx);
        }
        self.arm_silence(now, cx);
    }

    /// Arms the timer for the next time that silence would be worth a report.
    pub(super) fn arm_silence(&mut self, now: Instant, cx: &Context<'_>) {
        let mut next = None::<Instant>;
        let mut latest = None;
        for kind in KINDS {
            let Some((since, due)) = self.silence_of(kind, cx) else {
                continue;
            };
            latest = latest.max(Some(since));
            let is_reported = self
                .stream(kind)
                .is_some_and(|stream| stream.inbound.silent);
            if !is_reported {
                next = Some(next.map_or(due, |next| next.min(due)));
            }
        }
        let end = self
            .alive_since(latest)
            .map(|it| it + cx.timeouts.inactivity);
        let next = next.into_iter().chain(end).min();
        self.timers
            .set(Timer::Silence, next.map(|next| next.max(now)));
    }

    fn cause_of_silence(&self, kind: MediaKind, since: Instant) -> SilenceCause {
        let heard = |kind| self.stream(kind).and_then(|stream| stream.inbound.heard);
        let meanwhile = |at: Option<Instant>| at.is_some_and(|at| at >= since);
        // Without consent (RFC 7675) a browser's leg is over before long.
        let consents = !self.transport.is_rtp();
        self.watch.cause(Signs {
            since,
            was_heard: heard(kind).is_some(),
            has_paused: self.stream(kind).is_some_and(|it| it.inbound.has_paused),
            sends_picture: kind == MediaKind::Audio && meanwhile(heard(MediaKind::Video)),
            is_there: consents || meanwhile(self.reported),
        })
    }

    /// A phone whose microphone is off may send nothing at all for as long as it likes (RFC 3551
    /// 4.1). It is there as long as it reports.
    fn alive_since(&self, latest: Option<Instant>) -> Option<Instant> {
        let reported = self.reported.filter(|_| self.transport.is_rtp());
        latest.map(|latest| reported.map_or(latest, |at| at.max(latest)))
    }

    /// Since when a stream is silent, and when that is too long; `None` if it need not send.
    fn silence_of(&self, kind: MediaKind, cx: &Context<'_>) -> Option<(Instant, Instant)> {
        if !self.transport.is_ready() {
            return None;
        }
        let stream = self.stream(kind).filter(|stream| stream.plan.receive)?;
        // A phone that wants to hear nothing holds us; some send music then, most do not.
        if self.transport.is_rtp() && !stream.plan.send {
            return None;
        }
        let since = self.watch.silent_since(stream.inbound.heard)?;
        Some((since, since + patience(kind, cx.timeouts.silence)))
    }
}

/// The far side of a stream knows telephone events.
pub(super) fn takes_events(plan: &StreamPlan) -> bool {
    let mut codecs = plan.codecs.iter();
    codecs.any(|codec| codec.format == Format::TelephoneEvent)
}

/// The telephone event format that runs at the clock of the codec in use, or else any.
fn event_format(plan: &StreamPlan, clock_rate: u32) -> Option<(u8, u32)> {
    let is_event = |it: &&crate::plan::CodecPlan| it.format == Format::TelephoneEvent;
    let events = || plan.codecs.iter().filter(is_event);
    let matching = events().find(|it| it.clock_rate == clock_rate);
    matching
        .or_else(|| events().next())
        .map(|it| (it.send_pt, it.clock_rate))
}

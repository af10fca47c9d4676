//! Sounds that are played to the far side of a leg, in the place of its source: they end when that is
//! heard.

use std::time::Instant;

use super::outbound::{Outbound, Sink};
use super::{Context, Leg};
use crate::event::Event;
use crate::ids::MediaKind;
use crate::plan::StreamPlan;
use crate::rtp::Packet;
use crate::sound::{Played, SoundId};
use crate::worker::Transcoding;

/// What came of a tick.
enum Outcome {
    Sent,
    Nothing,
    /// The sound is over.
    End,
}

impl Leg {
    /// Plays a sound from now on.
    pub(crate) fn begin_sound(&mut self, now: Instant, sound: SoundId, cx: &mut Context<'_>) {
        let id = self.id;
        let stream = self.stream_mut(MediaKind::Audio);
        let player = stream.and_then(|stream| {
            let playing = stream.outbound.player.take();
            let same = playing.filter(|it| it.sound() == sound);
            let made = || cx.transcoding.play(now, sound, &stream.plan, None);
            stream.outbound.player = same.or_else(made);
            // What the source sends has its place behind it.
            stream.outbound.line.detach();
            stream.outbound.player.as_ref()
        });
        if player.is_none() {
            tracing::debug!(leg = %id, "a sound cannot be played: no format, or no room");
            cx.events.push(Event::SoundEnded(id), cx.counters);
        }
    }

    /// Lets the sound that is played fade.
    pub(crate) fn stop_sound(&mut self, now: Instant, cx: &mut Context<'_>) {
        let farewell = match self.sending(MediaKind::Audio, cx) {
            Some((stream, sink)) => stream.outbound.fade(now, sink),
            None => false,
        };
        cx.counters.rtp_sent += u64::from(farewell);
        if let Some(stream) = self.stream_mut(MediaKind::Audio) {
            stream.outbound.player = None;
        }
    }

    /// A packet of the source is to be relayed: the sound ends, if that packet is to be heard now.
    pub(super) fn give_way(&mut self, now: Instant, packet: &Packet<'_>, cx: &mut Context<'_>) {
        let stream = self.stream(MediaKind::Audio);
        if stream.is_some_and(|stream| stream.outbound.ends_sound(packet)) {
            self.stop_sound(now, cx);
        }
    }

    /// Sends what is due of a sound.
    pub(super) fn play(&mut self, now: Instant, cx: &mut Context<'_>) {
        let digits = self.sends_digits();
        let stream = self.stream_mut(MediaKind::Audio);
        if stream.is_none_or(|stream| stream.outbound.player.is_none()) {
            return;
        }
        let outcome = match self.sending(MediaKind::Audio, cx) {
            Some((stream, sink)) => stream.outbound.play(now, digits, sink),
            None => {
                let stream = self.stream_mut(MediaKind::Audio);
                if let Some(player) = stream.and_then(|it| it.outbound.player.as_mut()) {
                    player.wait(now);
                }
                Outcome::Nothing
            }
        };
        match outcome {
            Outcome::Sent => cx.counters.rtp_sent += 1,
            Outcome::Nothing => {}
            Outcome::End => cx.events.push(Event::SoundEnded(self.id), cx.counters),
        }
    }
}

impl Outbound {
    /// The plan is another: what is played goes on in the format that it has now.
    pub(super) fn play_on(
        &mut self,
        now: Instant,
        plan: &StreamPlan,
        transcoding: &mut Transcoding,
    ) {
        let Some(before) = self.player.take() else {
            return;
        };
        let made = transcoding.play(now, before.sound(), plan, Some(before.as_ref()));
        self.player = match made {
            Some(made) if made.is_like(&before) => Some(before),
            made => made,
        };
    }

    /// Whether a sound is played that ends with this packet. What is transcoded ends it when it has
    /// come through the transcoder.
    fn ends_sound(&self, packet: &Packet<'_>) -> bool {
        let feed = self.feed.as_ref().filter(|_| self.player.is_some());
        let outgoing = feed.and_then(|feed| feed.outgoing(packet.header.payload_type));
        outgoing.is_some_and(|outgoing| !self.needs_transcoder(packet, outgoing))
    }

    /// Sends the packet that is due.
    fn play(&mut self, now: Instant, digits: bool, sink: Sink<'_>) -> Outcome {
        let Some(player) = &mut self.player else {
            return Outcome::Nothing;
        };
        let Transcoding {
            workshop,
            repertoire,
            ..
        } = sink.transcoding;
        let (line, clock_rate) = (&self.line, player.clock_rate());
        let begin = || line.timestamp_now(now, clock_rate);
        let (number, payload_type, timestamp, marker) = match player.tick(now, begin, repertoire) {
            Played::Packet {
                number,
                payload_type,
                timestamp,
                marker,
            } => (number, payload_type, timestamp, marker),
            Played::Nothing => return Outcome::Nothing,
            Played::End => {
                self.player = None;
                return Outcome::End;
            }
        };
        let passing = self.event.as_ref().is_some_and(|it| it.lasts(now));
        let length = player.packet_time();
        let payload = player.payload(number, repertoire, workshop);
        let Some(payload) = payload.filter(|it| !it.is_empty() && !digits && !passing) else {
            player.discard();
            return Outcome::Nothing;
        };
        self.clock_rate = clock_rate;
        self.line.detach();
        let sent = self.send_own(now, payload_type, marker, timestamp, payload, sink.way);
        self.line.lasts(length);
        match sent {
            true => Outcome::Sent,
            false => Outcome::Nothing,
        }
    }

    /// Sends the packet in which a sound fades, where its format has such packets. True if it was.
    pub(super) fn fade(&mut self, now: Instant, sink: Sink<'_>) -> bool {
        let Some(player) = self.player.take() else {
            return false;
        };
        let Transcoding {
            workshop,
            repertoire,
            ..
        } = sink.transcoding;
        let Some((payload_type, timestamp, len)) = player.farewell(repertoire, workshop) else {
            return false;
        };
        let payload = workshop.payload(len);
        let sent = self.send_own(now, payload_type, false, timestamp, payload, sink.way);
        self.line.lasts(player.packet_time());
        sent
    }
}

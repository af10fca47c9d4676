//! Which leg a datagram is for. RTP legs have ports of their own. All WebRTC legs share one: STUN says by its USERNAME, everything
//! else by a path that STUN has checked before.

use std::time::Instant;

use super::{Outbox, Path, Worker};
use crate::ids::MediaKind;
use crate::leg::Leg;
use crate::rtp::h264::ParameterSets;
use crate::rtp::{Packet, is_rtcp};
use crate::webrtc;

impl Worker {
    /// Takes a datagram; it is changed in place. `path` is where it came to and from.
    pub fn handle_datagram(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        let own = self.by_port.get(&path.local.port());
        if let Some(&slot) = own.filter(|_| path.connection.is_none()) {
            return self.on_rtp_port(now, slot, path, datagram, out);
        }
        // RFC 7983 7; within a frame of RFC 4571 the same
        match datagram.first() {
            Some(0..=3) => self.on_stun(now, path, datagram, out),
            Some(20..=63) => self.on_dtls(now, path, datagram, out),
            Some(128..=191) => self.on_rtp(now, path, datagram, out),
            _ => self.counters.unknown += 1,
        }
    }

    /// Whether an authenticated check has made this path a leg's, and it still is.
    pub fn knows(&self, path: &Path) -> bool {
        self.by_path.contains_key(path)
    }

    /// The connection under a path is closed. The leg it led to goes on over its other paths;
    /// without any it waits for the far side to open one, until consent is lost.
    pub fn handle_path_closed(&mut self, path: Path) {
        self.early.forget(path);
        let slot = self.by_path.remove(&path);
        if let Some(Some(leg)) = slot.and_then(|slot| self.legs.get_mut(slot)) {
            leg.forget_path(path);
        }
    }

    fn on_stun(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Outbox) {
        let addressed = webrtc::addressed_to(datagram);
        let Some(&slot) = addressed.and_then(|ufrag| self.by_ufrag.get(ufrag)) else {
            self.counters.stun_ignored += 1;
            return;
        };
        // A path belongs to one leg while that leg lives: nobody takes over another's by
        // sending a check of his own from the other's address.
        let owner = self.by_path.get(&path).copied();
        if owner.is_some_and(|owner| owner != slot && self.leg(owner).is_some_and(is_live)) {
            self.counters.stun_ignored += 1;
            return;
        }
        let genuine = self.with_leg(now, slot, out, |leg, cx| {
            leg.handle_check(now, path, datagram, cx)
        });
        if genuine != Some(true) {
            self.counters.stun_ignored += 1;
            return;
        }
        while let Some(waiting) = self.early.take(now, path) {
            self.on_dtls(now, path, &waiting, out);
        }
    }

    fn on_dtls(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Outbox) {
        let Some(&slot) = self.by_path.get(&path) else {
            self.counters.dtls_unchecked += 1;
            self.early.keep(now, path, datagram);
            return;
        };
        self.with_leg(now, slot, out, |leg, cx| {
            leg.handle_dtls(now, path, datagram, cx);
        });
    }

    fn on_rtp(&mut self, now: Instant, path: Path, datagram: &mut [u8], out: &mut Outbox) {
        let Some(&slot) = self.by_path.get(&path) else {
            self.counters.rtp_unchecked += 1;
            return;
        };
        self.take_rtp(now, slot, path, datagram, out);
    }

    /// Phones that probe for ICE, or beat for a NAT, are not answered: neither was agreed.
    fn on_rtp_port(
        &mut self,
        now: Instant,
        slot: usize,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        match datagram.first() {
            Some(128..=191) => self.take_rtp(now, slot, path, datagram, out),
            _ => self.counters.unknown += 1,
        }
    }

    /// Takes RTP or RTCP of a leg, and relays it.
    fn take_rtp(
        &mut self,
        now: Instant,
        slot: usize,
        path: Path,
        datagram: &mut [u8],
        out: &mut Outbox,
    ) {
        if is_rtcp(datagram) {
            self.with_leg(now, slot, out, |leg, cx| {
                leg.handle_rtcp(now, path, datagram, cx);
            });
            return;
        }
        let taken = self.with_leg(now, slot, out, |leg, cx| {
            leg.handle_rtp(now, path, datagram, cx)
        });
        let Some(taken) = taken.flatten() else {
            return;
        };
        let Some(Ok(packet)) = datagram.get(..taken.len).map(Packet::parse) else {
            return;
        };
        let Some(sinks) = self.sinks_mut(slot, taken.kind).map(std::mem::take) else {
            return;
        };
        let sets = taken.is_bare.then(|| self.take_parameter_sets(slot));
        if taken.kind == MediaKind::Audio && !sinks.is_empty() {
            self.tap(now, slot, &packet);
        }
        for &sink in &sinks {
            self.with_leg(now, sink, out, |leg, cx| {
                if let Some(sets) = &sets {
                    leg.send_parameter_sets(now, &packet, taken, sets, cx);
                }
                leg.relay(now, &packet, taken, cx);
            });
        }
        if let Some((sets, place)) = sets.zip(self.parameter_sets_mut(slot)) {
            *place = sets;
        }
        if let Some(place) = self.sinks_mut(slot, taken.kind) {
            *place = sinks;
        }
    }

    /// Copies a packet for the recording of its leg, if there is one. Without room for it the
    /// recording ends, not the call.
    fn tap(&mut self, now: Instant, slot: usize, packet: &Packet<'_>) {
        let Some(leg) = self.legs.get_mut(slot).and_then(Option::as_mut) else {
            return;
        };
        let Some(tap) = leg.tap else { return };
        let payload_type = packet.header.payload_type;
        let Some(codec) = leg.format_of(MediaKind::Audio, payload_type) else {
            return;
        };
        if !self.taps.push(now, tap, codec, packet.bytes()) {
            leg.tap = None;
        }
    }
}

/// Lent while they are sent, as the list of sinks is.
impl Worker {
    fn take_parameter_sets(&mut self, slot: usize) -> ParameterSets {
        let sets = self.parameter_sets_mut(slot);
        sets.map(std::mem::take).unwrap_or_default()
    }

    fn parameter_sets_mut(&mut self, slot: usize) -> Option<&mut ParameterSets> {
        self.legs.get_mut(slot)?.as_mut()?.parameter_sets_mut()
    }
}

fn is_live(leg: &Leg) -> bool {
    !leg.is_over()
}

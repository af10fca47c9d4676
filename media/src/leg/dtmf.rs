//! Digits sent as named telephone events (RFC 4733).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Digits waiting at once; more are dropped.
const MAX_DIGITS: usize = 32;

/// Between two packets of an event.
const STEP: Duration = Duration::from_millis(20);

/// Packets of one event: 100 ms of tone in steps of 20, the last of them sent three times
/// ("the final packet [...] is sent a total of three times", RFC 4733 2.5.1.4), then silence
/// until the next may begin.
const LAST_TONE_STEP: u32 = 4;
const LAST_PACKET_STEP: u32 = 6;
const STEPS: u32 = 8;

const VOLUME: u8 = 10;
const END_BIT: u8 = 0x80;

/// Digits on their way out of one leg.
#[derive(Debug, Default)]
pub(super) struct DtmfSender {
    digits: VecDeque<u8>,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    event: u8,
    began: Instant,
    timestamp: u32,
    step: u32,
}

/// What goes into an event's packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventPacket {
    /// The first of its event.
    pub(super) marker: bool,
    /// Of the event's beginning.
    pub(super) timestamp: u32,
    /// RFC 4733 2.3
    pub(super) payload: [u8; 4],
}

impl DtmfSender {
    /// Adds digits; anything that is none is left out.
    pub(super) fn add(&mut self, digits: &str) {
        let room = MAX_DIGITS.saturating_sub(self.digits.len());
        self.digits
            .extend(digits.chars().filter_map(event_code).take(room));
    }

    /// An event is being sent or waits: the source's audio has no place meanwhile.
    pub(super) fn is_active(&self) -> bool {
        self.current.is_some() || !self.digits.is_empty()
    }

    /// When the next packet is due.
    pub(super) fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        match &self.current {
            Some(current) => Some(current.began + STEP * current.step),
            None => (!self.digits.is_empty()).then_some(now),
        }
    }

    /// The packet that is due now, if one is. `begin` tells the timestamp of an event that
    /// begins now; `clock_rate` is the event format's.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        clock_rate: u32,
        begin: impl FnOnce() -> u32,
    ) -> Option<EventPacket> {
        if self
            .current
            .as_ref()
            .is_some_and(|current| current.step >= STEPS && current.is_due(now))
        {
            self.current = None;
        }
        if self.current.is_none() {
            let event = self.digits.pop_front()?;
            self.current = Some(Current {
                event,
                began: now,
                timestamp: begin(),
                step: 0,
            });
        }
        let current = self
            .current
            .as_mut()
            .filter(|current| current.is_due(now))?;
        let step = current.step;
        if step > LAST_PACKET_STEP {
            current.step = STEPS;
            return None;
        }
        current.step += 1;
        let steps = step.min(LAST_TONE_STEP) + 1;
        let duration = super::timeline::units(STEP * steps, clock_rate);
        let [high, low] = u16::try_from(duration).unwrap_or(u16::MAX).to_be_bytes();
        let end = if step >= LAST_TONE_STEP { END_BIT } else { 0 };
        Some(EventPacket {
            marker: step == 0,
            timestamp: current.timestamp,
            payload: [current.event, end | VOLUME, high, low],
        })
    }
}

impl Current {
    fn is_due(&self, now: Instant) -> bool {
        self.began + STEP * self.step <= now
    }
}

/// RFC 4733 3.2; the other way round.
pub(super) fn digit(event: u8) -> Option<char> {
    "0123456789*#ABCD".chars().nth(event.into())
}

/// RFC 4733 3.2
fn event_code(digit: char) -> Option<u8> {
    Some(match digit {
        '0'..='9' => digit as u8 - b'0',
        '*' => 10,
        '#' => 11,
        'A'..='D' => digit as u8 - b'A' + 12,
        'a'..='d' => digit as u8 - b'a' + 12,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time as start;

    /// Every packet with the time it went out at, ms.
    fn play(digits: &str) -> Vec<(u128, EventPacket)> {
        let began = start();
        let mut now = began;
        let mut sender = DtmfSender::default();
        sender.add(digits);
        let mut packets = Vec::new();
        while let Some(due) = sender.poll_timeout(now) {
            now = now.max(due);
            let at = (now - began).as_millis();
            if let Some(packet) = sender.poll(now, 48_000, || (at * 48) as u32) {
                packets.push((at, packet));
            }
        }
        assert!(!sender.is_active());
        packets
    }

    #[test]
    fn an_event_lasts_100_ms_and_ends_three_times() {
        let packets = play("5");
        let at: Vec<u128> = packets.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, [0, 20, 40, 60, 80, 100, 120]);
        let durations: Vec<u16> = packets
            .iter()
            .map(|(_, it)| u16::from_be_bytes([it.payload[2], it.payload[3]]))
            .collect();
        assert_eq!(durations, [960, 1920, 2880, 3840, 4800, 4800, 4800]);
        let ends: Vec<bool> = packets
            .iter()
            .map(|(_, it)| it.payload[1] & 0x80 != 0)
            .collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert!(
            packets
                .iter()
                .all(|(_, it)| it.payload[0] == 5 && it.timestamp == 0)
        );
        assert!(packets.iter().all(|(_, it)| it.payload[1] & 0x3F == 10));
        let markers = packets.iter().filter(|(_, it)| it.marker).count();
        assert!(packets[0].1.marker && markers == 1);
    }

    #[test]
    fn digits_follow_each_other_with_a_pause() {
        let packets = play("1*D");
        let begins: Vec<(u128, u8)> = packets
            .iter()
            .filter(|(_, it)| it.marker)
            .map(|(at, it)| (*at, it.payload[0]))
            .collect();
        assert_eq!(begins, [(0, 1), (160, 10), (320, 15)]);
    }

    #[test]
    fn what_is_no_digit_is_left_out_and_the_queue_is_bounded() {
        assert!(play("xyz ,").is_empty());
        let many = play(&"1".repeat(1000));
        assert_eq!(many.iter().filter(|(_, it)| it.marker).count(), MAX_DIGITS);
    }
}

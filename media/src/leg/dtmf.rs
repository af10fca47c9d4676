//! Digits sent and received as named telephone events (RFC 4733).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::rtp::sequence::is_newer_timestamp;

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

/// Digits on their way in: tells each press once, however its packets come.
#[derive(Debug, Default)]
pub(super) struct DtmfReceiver {
    last: Option<LastEvent>,
}

#[derive(Debug, Clone, Copy)]
struct LastEvent {
    ssrc: u32,
    event: u8,
    timestamp: u32,
    /// Units of the timestamp, as told by its newest packet.
    duration: u16,
    ended: bool,
}

impl DtmfReceiver {
    /// The digit that begins with this packet, if one does. The marker is not needed: the packet
    /// that has it may be lost, and some far sides never set it.
    pub(super) fn receive(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<char> {
        let [event, flags, high, low] = *payload.first_chunk()?;
        let packet = LastEvent {
            ssrc,
            event,
            timestamp,
            duration: u16::from_be_bytes([high, low]),
            ended: flags & END_BIT != 0,
        };
        let began = match &mut self.last {
            Some(last) if last.ssrc == ssrc => match packet.begins_after(last) {
                Some(began) => {
                    *last = packet;
                    began
                }
                None => {
                    last.update(&packet);
                    false
                }
            },
            _ => {
                self.last = Some(packet);
                true
            }
        };
        began.then(|| digit(event)).flatten()
    }
}

impl LastEvent {
    /// Whether this packet is of a later event than `last`, and if so, whether that is a new
    /// press and not the same one told of anew.
    fn begins_after(&self, last: &Self) -> Option<bool> {
        // An end that is sent again comes after the next event began: it is of the past.
        if !is_newer_timestamp(self.timestamp, last.timestamp) {
            return None;
        }
        if self.event != last.event {
            return Some(true);
        }
        let ahead = self.timestamp.wrapping_sub(last.timestamp);
        // No key is pressed again before it was let go: such a far side tells the time of each
        // packet instead of the event's.
        let within = ahead <= u32::from(last.duration);
        // "long-duration events": past 0xFFFF units it goes on as another segment
        // (RFC 4733 2.5.1.3), whose first packets may be lost, as may be the last before them.
        let segment = !last.ended && last.duration >= LONG && ahead >= u32::from(LONG);
        let segment = segment && ahead <= 0xFFFF;
        Some(!(within || segment))
    }

    /// Another packet of the same event, or one of the past.
    fn update(&mut self, packet: &Self) {
        if packet.timestamp == self.timestamp {
            self.duration = self.duration.max(packet.duration);
            self.ended |= packet.ended;
        }
    }
}

/// From this duration on an event may go on as another segment.
const LONG: u16 = 0xF000;

/// RFC 4733 3.2; the other way round.
fn digit(event: u8) -> Option<char> {
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

    /// Event, timestamp, duration and end of each packet.
    fn receive(packets: &[(u8, u32, u16, bool)]) -> String {
        let mut receiver = DtmfReceiver::default();
        let told = |&(event, timestamp, duration, end): &(u8, u32, u16, bool)| {
            let [high, low] = duration.to_be_bytes();
            let flags = VOLUME | if end { END_BIT } else { 0 };
            receiver.receive(7, timestamp, &[event, flags, high, low])
        };
        packets.iter().filter_map(told).collect()
    }

    #[test]
    fn a_press_is_told_once_however_much_of_it_is_lost() {
        let all: Vec<(u8, u32, u16, bool)> = play("5")
            .iter()
            .map(|(_, it)| {
                let [event, flags, high, low] = it.payload;
                let duration = u16::from_be_bytes([high, low]);
                (event, it.timestamp, duration, flags & END_BIT != 0)
            })
            .collect();
        for lost in 0u32..(1 << all.len()) - 1 {
            let kept = all.iter().enumerate();
            let kept = kept.filter(|(n, _)| lost >> n & 1 == 0);
            let kept: Vec<_> = kept.map(|(_, it)| *it).collect();
            assert_eq!(receive(&kept), "5", "{lost:b}");
        }
    }

    #[test]
    fn an_end_sent_again_after_the_next_digit_began_is_no_new_press() {
        let packets = [
            (1, 1000, 160, false),
            (1, 1000, 800, true),
            (2, 2280, 160, false),
            (1, 1000, 800, true),
            (2, 2280, 320, false),
            (1, 1000, 800, true),
            (2, 2280, 800, true),
        ];
        assert_eq!(receive(&packets), "12");
    }

    #[test]
    fn another_digit_may_begin_before_the_last_one_ended() {
        let packets = [
            (1, 1000, 800, false),
            (2, 1400, 160, false),
            (1, 1000, 1000, true),
        ];
        assert_eq!(receive(&packets), "12");
    }

    #[test]
    fn the_same_digit_pressed_again_is_told_again() {
        let ended = [(1, 1000, 800, true), (1, 2280, 160, false)];
        assert_eq!(receive(&ended), "11");
        let all_ends_lost = [(1, 1000, 640, false), (1, 2280, 160, false)];
        assert_eq!(receive(&all_ends_lost), "11");
    }

    /// RFC 4733 2.5.1.3: 20 s at 8 kHz are three segments.
    #[test]
    fn a_press_longer_than_its_duration_field_is_told_once() {
        let (begin, step) = (0xFFFF_8000u32, 160);
        let packet = |at: u32| {
            let segment = at / 0xFFFF;
            let timestamp = begin.wrapping_add(segment * 0xFFFF);
            let duration = (at - segment * 0xFFFF) as u16;
            (5, timestamp, duration, at == 160_000)
        };
        let packets: Vec<_> = (step..=160_000).step_by(160).map(packet).collect();
        assert_eq!(receive(&packets), "5");
        let some: Vec<_> = packets.iter().step_by(7).copied().collect();
        assert_eq!(receive(&some), "5");
    }

    #[test]
    fn a_far_side_that_tells_the_time_of_each_packet_presses_once() {
        let packet = |n: u32| (5, 1000 + 160 * n, (160 * (n + 1)) as u16, n > 4);
        let packets: Vec<_> = (0..8).map(packet).collect();
        assert_eq!(receive(&packets), "5");
    }

    #[test]
    fn timestamps_wrap_and_another_sender_begins_anew() {
        assert_eq!(
            receive(&[(3, u32::MAX - 100, 800, true), (4, 1180, 160, false)]),
            "34"
        );
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.receive(1, 9000, &[5, 0, 0, 160]), Some('5'));
        assert_eq!(receiver.receive(2, 1000, &[5, 0, 0, 160]), Some('5'));
        assert_eq!(receiver.receive(2, 1000, &[5, 0, 0]), None);
        assert_eq!(receiver.receive(2, 9000, &[16, 0, 0, 160]), None);
    }

    #[test]
    fn durations_are_in_units_of_the_events_clock() {
        for clock in [8_000u32, 16_000, 48_000] {
            let mut sender = DtmfSender::default();
            sender.add("9");
            let packet = sender.poll(start(), clock, || 0).unwrap();
            assert_eq!(packet.payload[2..], (clock as u16 / 50).to_be_bytes());
        }
    }

    #[test]
    fn what_is_no_digit_is_left_out_and_the_queue_is_bounded() {
        assert!(play("xyz ,").is_empty());
        let many = play(&"1".repeat(1000));
        assert_eq!(many.iter().filter(|(_, it)| it.marker).count(), MAX_DIGITS);
    }
}

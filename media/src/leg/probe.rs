//! Shows the far side that its path carries more than it believes.
//!
//! A receiver that met a narrow path raises its estimate (REMB) by a few kbit/s a second as long
//! as no more arrives than that path carried, and so cannot learn that it has widened: the source
//! sends no more than it was told. What libwebrtc does as a sender after a drop, we do as a relay:
//! for a while we send more than the estimate, by repeating what was sent.

use std::time::{Duration, Instant};

/// The far side measures what arrives over a second.
const LENGTH: Duration = Duration::from_millis(1500);

/// A packet is due no more often than that.
const STEP: Duration = Duration::from_millis(20);

/// What is sent with the media, in estimates. One is 0.85 of what arrived when the path was full;
/// libwebrtc forgets the limit when more arrives than it has met there, smoothed, and three standard
/// deviations: 1.7 estimates were enough.
const TOGETHER: u64 = 2;

/// And never more beside the media, bit/s.
const MAX_RATE: u64 = 1_000_000;

/// A path is clear when so many reports in a row tell of no loss and no queue.
const CLEAR_REPORTS: u8 = 2;

/// A round trip longer than the shortest by no more than that tells of no queue.
const NO_QUEUE: Duration = Duration::from_millis(30);

/// After the first probe the next may follow, then after twice that time, and so on ...
const FIRST_PAUSE: Duration = Duration::from_secs(3);

/// ... up to that, and no more than so many: the path is as narrow as it seems.
const MAX_PAUSE: Duration = Duration::from_secs(30);
const MAX_PROBES: u8 = 8;

/// When to probe the path to a far side, and with how much.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// What the far side said last that it can receive, bit/s.
    told: Option<u64>,
    /// What it could before it said less; none as long as it has not, or has it again.
    before: Option<u64>,
    /// The least that it has said since then, or since the last probe. As long as it says no more, it
    /// is still busy with the queue that was, and holds on to what it has said.
    least: u64,
    /// What it had said by the report before.
    reported: Option<u64>,
    /// When that was, and the octets of media sent by then.
    sent: Option<(Instant, u64)>,
    /// What was sent of the media between the last two reports, bit/s.
    media_rate: u64,
    least_round_trip: Option<Duration>,
    clear: u8,
    made: u8,
    not_before: Option<Instant>,
    running: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    until: Instant,
    last: Instant,
    /// Bytes that may be sent.
    saved: u64,
}

impl Probe {
    /// What the far side said last that it can receive, bit/s.
    pub(super) fn told(&self) -> Option<u64> {
        self.told
    }

    /// The far side says how much it can receive, bit/s.
    pub(super) fn on_estimate(&mut self, now: Instant, estimate: u64) {
        let last = self.told.replace(estimate);
        if let Some(last) = last
            && estimate < last / 10 * 9
        {
            self.stop(now);
            self.clear = 0;
            self.before = self.before.max(Some(last));
            self.least = estimate;
        }
        self.least = self.least.min(estimate);
        if self.before.is_some_and(|before| estimate >= before / 5 * 4) {
            *self = Self {
                told: self.told,
                sent: self.sent,
                media_rate: self.media_rate,
                least_round_trip: self.least_round_trip,
                ..Self::default()
            };
        }
    }

    /// The far side reports what arrives: `lost` of 256 packets, and the round trip if it tells.
    /// `octets` of media were sent so far.
    pub(super) fn on_report(
        &mut self,
        now: Instant,
        octets: u64,
        lost: u8,
        round_trip: Option<Duration>,
    ) {
        if let Some((at, before)) = self.sent.replace((now, octets)) {
            let elapsed = now.saturating_duration_since(at).as_millis().max(1) as u64;
            self.media_rate = octets.saturating_sub(before).saturating_mul(8_000) / elapsed;
        }
        if let Some(round_trip) = round_trip {
            let least = self
                .least_round_trip
                .map_or(round_trip, |it| it.min(round_trip));
            self.least_round_trip = Some(least);
            if lost == 0 && round_trip <= least + NO_QUEUE {
                self.clear = self.clear.saturating_add(1);
            } else {
                self.clear = 0;
                self.stop(now);
            }
        } else if lost > 0 {
            self.clear = 0;
            self.stop(now);
        }
        let is_rising = self
            .reported
            .zip(self.told)
            .is_some_and(|(before, told)| told > before / 20 * 21);
        self.reported = self.told;
        let is_needed = self.before.is_some() && !is_rising && self.made < MAX_PROBES;
        let may_start = self.clear >= CLEAR_REPORTS
            && self.told.is_some_and(|told| told > self.least)
            && self.running.is_none()
            && self.not_before.is_none_or(|it| it <= now);
        if is_needed && may_start {
            self.running = Some(Running {
                until: now + LENGTH,
                last: now,
                saved: 0,
            });
        }
    }

    /// How many bytes may be sent now beside the media. What is sent of them is to be
    /// [`spent`](Self::spend).
    pub(super) fn take(&mut self, now: Instant) -> u64 {
        let Some(running) = &mut self.running else {
            return 0;
        };
        let together = self.told.unwrap_or(0).saturating_mul(TOGETHER);
        let rate = together.saturating_sub(self.media_rate).min(MAX_RATE);
        let upto = now.min(running.until);
        let elapsed = upto.saturating_duration_since(running.last).min(LENGTH);
        running.last = running.last.max(upto);
        // Little time and at most a Mbit/s.
        running.saved += rate * elapsed.as_micros() as u64 / 8_000_000;
        let saved = running.saved;
        if now >= running.until {
            self.stop(now);
        }
        saved
    }

    /// So many bytes of what was given were sent.
    pub(super) fn spend(&mut self, bytes: u64) {
        if let Some(running) = &mut self.running {
            running.saved = running.saved.saturating_sub(bytes);
        }
    }

    /// When there will be something to send.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.running
            .map(|running| (running.last + STEP).min(running.until))
    }

    fn stop(&mut self, now: Instant) {
        if self.running.take().is_some() {
            let pause = FIRST_PAUSE * (1 << self.made.min(8));
            self.not_before = Some(now + pause.min(MAX_PAUSE));
            self.made += 1;
            self.least = self.told.unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::start_of_time as start;

    const MS: Duration = Duration::from_millis(1);
    const NEAR: Option<Duration> = Some(Duration::from_millis(2));
    const QUEUED: Option<Duration> = Some(Duration::from_millis(300));

    /// A far side that has said 2 Mbit/s, and then, behind a queue, 400 kbit/s.
    fn narrowed(now: Instant) -> Probe {
        let mut probe = Probe::default();
        probe.on_estimate(now, 2_000_000);
        report(&mut probe, now, 0, NEAR);
        report(&mut probe, now, 30, QUEUED);
        probe.on_estimate(now, 400_000);
        probe
    }

    /// The same, and it has begun to say more.
    fn settled(now: Instant) -> Probe {
        let mut probe = narrowed(now);
        probe.on_estimate(now, 404_000);
        probe
    }

    /// Sends all that may be sent until `until`, and gives the bytes.
    fn play(probe: &mut Probe, until: Instant) -> u64 {
        let mut sent = 0;
        while let Some(due) = probe.poll_timeout().filter(|due| *due <= until) {
            let bytes = probe.take(due);
            probe.spend(bytes);
            sent += bytes;
        }
        sent
    }

    /// The media has 200 kbit/s.
    fn report(probe: &mut Probe, at: Instant, lost: u8, round_trip: Option<Duration>) {
        let octets = at.duration_since(start()).as_millis() as u64 * 25;
        probe.on_report(at, octets, lost, round_trip);
    }

    /// A report every second from `now` on, and an estimate now a little higher, now a little lower;
    /// the seconds in which a probe began.
    fn seconds(probe: &mut Probe, now: Instant, round_trip: Option<Duration>) -> Vec<u32> {
        let sent = (0..200).filter(|second| {
            let at = now + *second * 1000 * MS;
            probe.on_estimate(at, if second % 2 == 0 { 400_000 } else { 404_000 });
            report(probe, at, 0, round_trip);
            let was_running = probe.running.is_some_and(|it| it.last < at);
            play(probe, at + 999 * MS) > 0 && !was_running
        });
        sent.collect()
    }

    #[test]
    fn a_path_that_is_clear_again_is_sent_more_than_the_estimate_for_a_while() {
        let now = start();
        let mut probe = settled(now);
        report(&mut probe, now + 500 * MS, 0, NEAR);
        assert_eq!(probe.poll_timeout(), None, "one report may be luck");
        report(&mut probe, now + 1000 * MS, 0, NEAR);
        let sent = play(&mut probe, now + 5000 * MS);
        // 808 kbit/s with the media, for a second and a half.
        assert!((113_500..=114_100).contains(&sent), "{sent}");
        assert_eq!(probe.poll_timeout(), None);
    }

    #[test]
    fn a_far_side_that_does_not_say_more_yet_is_not_probed() {
        let now = start();
        let mut probe = narrowed(now);
        for second in 0..20 {
            probe.on_estimate(now + second * 1000 * MS, 400_000);
            report(&mut probe, now + second * 1000 * MS, 0, NEAR);
            assert_eq!(probe.poll_timeout(), None);
        }
    }

    #[test]
    fn nothing_is_probed_before_the_far_side_has_said_less() {
        let now = start();
        let mut probe = Probe::default();
        probe.on_estimate(now, 400_000);
        assert!(seconds(&mut probe, now, NEAR).is_empty());
        probe.on_estimate(now, 390_000);
        assert!(seconds(&mut probe, now, NEAR).is_empty(), "that is noise");
    }

    #[test]
    fn nothing_is_probed_while_packets_queue_or_are_lost() {
        let now = start();
        let mut probe = narrowed(now);
        assert!(seconds(&mut probe, now, QUEUED).is_empty());
        for second in 0..20 {
            report(
                &mut probe,
                now + second * 1000 * MS,
                u8::from(second % 2 == 0),
                NEAR,
            );
            assert_eq!(probe.poll_timeout(), None);
        }
    }

    #[test]
    fn a_path_that_stays_narrow_is_probed_ever_more_rarely_and_then_no_more() {
        let now = start();
        let mut probe = narrowed(now);
        let sent = seconds(&mut probe, now, NEAR);
        assert_eq!(sent.len(), usize::from(MAX_PROBES), "{sent:?}");
        let pauses: Vec<u32> = sent.windows(2).map(|it| it[1] - it[0]).collect();
        assert_eq!(pauses, [6, 8, 14, 26, 32, 32, 32]);
    }

    #[test]
    fn an_estimate_that_rises_by_itself_is_left_alone() {
        let now = start();
        let mut probe = narrowed(now);
        let mut estimate = 400_000;
        for second in 0..15 {
            estimate = estimate / 100 * 108;
            probe.on_estimate(now + second * 1000 * MS, estimate);
            report(&mut probe, now + second * 1000 * MS, 0, NEAR);
            assert_eq!(probe.poll_timeout(), None, "{estimate}");
        }
    }

    #[test]
    fn a_probe_ends_when_the_path_does_not_bear_it() {
        let now = start();
        for stop in [
            (|probe, at| Probe::on_estimate(probe, at, 300_000)) as fn(&mut Probe, Instant),
            |probe, at| report(probe, at, 0, QUEUED),
            |probe, at| report(probe, at, 5, NEAR),
        ] {
            let mut probe = settled(now);
            report(&mut probe, now, 0, NEAR);
            report(&mut probe, now, 0, NEAR);
            assert!(play(&mut probe, now + 100 * MS) > 0);
            stop(&mut probe, now + 110 * MS);
            assert_eq!(probe.poll_timeout(), None);
            report(&mut probe, now + 1000 * MS, 0, NEAR);
            report(&mut probe, now + 2000 * MS, 0, NEAR);
            assert_eq!(probe.poll_timeout(), None, "not at once again");
        }
    }

    #[test]
    fn a_far_side_that_has_its_estimate_again_is_left_alone() {
        let now = start();
        let mut probe = settled(now);
        probe.on_estimate(now, 1_600_000);
        for second in 0..20 {
            probe.on_estimate(
                now + second * 1000 * MS,
                1_600_000 + 1000 * u64::from(second),
            );
            report(&mut probe, now + second * 1000 * MS, 0, NEAR);
            assert_eq!(probe.poll_timeout(), None);
        }
    }
}

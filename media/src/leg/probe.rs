//! Finds out whether the path to a far side carries more than it believes.
//!
//! A receiver that met a narrow path and says so (REMB) learns late that it has widened. While the
//! queue that was drains, libwebrtc waits for up to ten seconds; then it raises its estimate by a few
//! kbit/s a second until more arrives than the narrow path carried, and no more can arrive, for the
//! source sends what it was told. What a sender of libwebrtc does for itself after a drop, a relay has
//! to do: for a while we send more than the estimate, by repeating what was sent. If reports say
//! that it arrived, without loss and without a queue, that much can be received.

use std::time::{Duration, Instant};

/// What was sent for so long has been reported on ...
const SHORTEST: Duration = Duration::from_millis(900);

/// ... and without a report in this time there is no proof.
const LENGTH: Duration = Duration::from_secs(3);

/// A packet is due no more often than that ...
const STEP: Duration = Duration::from_millis(20);

/// ... and what could not be sent in this time is not sent in one burst later.
const SAVED: Duration = Duration::from_millis(100);

/// But for one packet, bytes.
const PACKET: u64 = 1_500;

/// What is sent with the media, as a multiple of what is known to be receivable.
const TOGETHER: u64 = 2;

/// And never more beside the media, bit/s.
const MAX_RATE: u64 = 1_000_000;

/// A path is clear when all reports in this time tell of next to no loss and of no queue: where much
/// is lost a report follows every few packets, and one or the other tells of none.
const CLEAR: Duration = Duration::from_millis(400);

/// Of 256 packets: what libwebrtc does not take for loss either.
const HARDLY_ANY: u8 = 5;

/// Round trips differ by so much from the shortest without a queue, for browsers are busy at times.
const NO_QUEUE: Duration = Duration::from_millis(75);

/// A longer one takes a proof back.
const QUEUE: Duration = Duration::from_millis(150);

/// After a probe that has shown more the next may follow ...
const AFTER_PROOF: Duration = Duration::from_millis(900);

/// ... after one that has not, that much later, then after twice that time, and so on ...
const FIRST_PAUSE: Duration = Duration::from_secs(3);

/// ... up to that, and no more than so many: the path is as narrow as it seems.
const MAX_PAUSE: Duration = Duration::from_secs(30);
const MAX_PROBES: u8 = 8;

/// When to probe the path to a far side, and with how much.
#[derive(Debug, Default)]
pub(super) struct Probe {
    /// What the far side said last that it can receive, bit/s.
    told: Option<u64>,
    /// What a probe has shown since it last said less, bit/s.
    proven: Option<u64>,
    /// The most that it ever said, bit/s. It says less in steps, each of them small.
    highest: u64,
    /// What it had said by the report before.
    reported: Option<u64>,
    /// When that was, and the octets of media sent by then.
    sent: Option<(Instant, u64)>,
    /// What was sent of the media between the last two reports, bit/s.
    media_rate: u64,
    least_round_trip: Option<Duration>,
    /// Since when all reports told of a clear path.
    clear: Option<Instant>,
    made: u8,
    not_before: Option<Instant>,
    running: Option<Running>,
}

#[derive(Debug, Clone, Copy)]
struct Running {
    since: Instant,
    last: Instant,
    /// Bytes that may be sent.
    saved: u64,
    /// Bytes that were.
    spent: u64,
}

impl Probe {
    /// What the far side can receive, bit/s: what it said last, or more that a probe has shown.
    pub(super) fn receivable(&self) -> Option<u64> {
        self.told.map(|told| told.max(self.proven.unwrap_or(0)))
    }

    /// The far side says how much it can receive, bit/s.
    pub(super) fn on_estimate(&mut self, now: Instant, estimate: u64) {
        let last = self.told.replace(estimate);
        if last.is_some_and(|last| estimate < last) {
            self.proven = None;
        }
        if last.is_some_and(|last| estimate < last / 10 * 9) {
            self.stop(now);
            self.clear = None;
        }
        self.highest = self.highest.max(estimate);
        if !self.is_less(estimate) {
            self.running = None;
            self.made = 0;
            self.not_before = None;
        }
    }

    /// Whether a rate, bit/s, is well below the most that the far side could receive.
    fn is_less(&self, rate: u64) -> bool {
        rate < self.highest / 5 * 4
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
        let least = self.least_round_trip.into_iter().chain(round_trip).min();
        self.least_round_trip = least;
        let longer = round_trip
            .zip(least)
            .map(|(now, least)| now.saturating_sub(least));
        match longer {
            Some(longer) if lost <= HARDLY_ANY && longer <= NO_QUEUE => self.on_clear(now),
            None if lost <= HARDLY_ANY => {}
            _ => {
                self.clear = None;
                self.stop(now);
            }
        }
        if lost > HARDLY_ANY || longer.is_some_and(|longer| longer > QUEUE) {
            self.proven = None;
        }
        let is_rising = self
            .reported
            .zip(self.told)
            .is_some_and(|(before, told)| told > before / 20 * 21);
        self.reported = self.told;
        let is_needed = self.receivable().is_some_and(|known| self.is_less(known));
        let is_clear = self
            .clear
            .is_some_and(|since| now.saturating_duration_since(since) >= CLEAR);
        let may_start =
            is_clear && self.running.is_none() && self.not_before.is_none_or(|it| it <= now);
        if is_needed && may_start && !is_rising && self.made < MAX_PROBES {
            self.running = Some(Running {
                since: now,
                last: now,
                saved: 0,
                spent: 0,
            });
        }
    }

    /// The far side reports what arrives of what is sent again, which probes are: `lost` of 256
    /// packets.
    pub(super) fn on_repair_report(&mut self, now: Instant, lost: u8) {
        if lost > HARDLY_ANY {
            self.clear = None;
            self.proven = None;
            self.stop(now);
        }
    }

    /// A report with hardly any loss and without a queue.
    fn on_clear(&mut self, now: Instant) {
        self.clear.get_or_insert(now);
        let Some(running) = &self.running else {
            return;
        };
        let elapsed = now.saturating_duration_since(running.since);
        if elapsed < SHORTEST {
            return;
        }
        let rate = running.spent.saturating_mul(8_000) / elapsed.as_millis().max(1) as u64;
        // A little less, for the last of it is not reported on yet.
        let arrived = (rate + self.media_rate) / 10 * 9;
        let known = self.receivable().unwrap_or(0);
        self.proven = Some(arrived.min(self.highest));
        if self.receivable().is_some_and(|it| it > known / 20 * 21) {
            self.running = None;
            self.made = 0;
            self.not_before = Some(now + AFTER_PROOF);
        } else {
            self.stop(now);
        }
    }

    /// How many bytes may be sent now beside the media. What is sent of them is to be
    /// [`spent`](Self::spend).
    pub(super) fn take(&mut self, now: Instant) -> u64 {
        let Some(running) = &mut self.running else {
            return 0;
        };
        let known = self.told.unwrap_or(0).max(self.proven.unwrap_or(0));
        let together = known.saturating_mul(TOGETHER);
        let rate = together.saturating_sub(self.media_rate).min(MAX_RATE);
        let until = running.since + LENGTH;
        let upto = now.min(until);
        let elapsed = upto.saturating_duration_since(running.last);
        running.last = running.last.max(upto);
        let most = bytes(rate, SAVED).max(PACKET);
        running.saved = (running.saved + bytes(rate, elapsed.min(LENGTH))).min(most);
        let saved = running.saved;
        if now >= until {
            self.stop(now);
        }
        saved
    }

    /// So many bytes of what was given were sent.
    pub(super) fn spend(&mut self, bytes: u64) {
        if let Some(running) = &mut self.running {
            running.saved = running.saved.saturating_sub(bytes);
            running.spent += bytes;
        }
    }

    /// When there will be something to send.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.running
            .map(|running| (running.last + STEP).min(running.since + LENGTH))
    }

    fn stop(&mut self, now: Instant) {
        if self.running.take().is_some() {
            let pause = FIRST_PAUSE * (1 << self.made.min(8));
            self.not_before = Some(now + pause.min(MAX_PAUSE));
            self.made += 1;
        }
    }
}

/// What a rate in bit/s makes in a time that is short.
fn bytes(rate: u64, time: Duration) -> u64 {
    rate * time.as_micros() as u64 / 8_000_000
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

    /// A report every second from `now` on, and the same estimate; the seconds in which a probe began.
    fn seconds(probe: &mut Probe, now: Instant, round_trip: Option<Duration>) -> Vec<u32> {
        let sent = (0..200).filter(|second| {
            let at = now + *second * 1000 * MS;
            probe.on_estimate(at, 400_000);
            // What the path does not bear queues.
            let bears = probe.running.is_none();
            report(probe, at, 0, if bears { round_trip } else { QUEUED });
            play(probe, at + 999 * MS) > 0
        });
        sent.collect()
    }

    #[test]
    fn a_path_that_is_clear_again_is_sent_more_than_the_estimate_for_a_while() {
        let now = start();
        let mut probe = narrowed(now);
        report(&mut probe, now + 500 * MS, 0, NEAR);
        assert_eq!(probe.poll_timeout(), None, "one report may be luck");
        report(&mut probe, now + 1000 * MS, 0, NEAR);
        let sent = play(&mut probe, now + 9000 * MS);
        // 800 kbit/s with the media, for three seconds.
        assert!((224_500..=225_100).contains(&sent), "{sent}");
        assert_eq!(probe.poll_timeout(), None);
        assert_eq!(
            probe.receivable(),
            Some(400_000),
            "nobody has said that it arrived"
        );
    }

    /// One that was probed at 800 kbit/s for a second, which all arrived.
    fn proven(now: Instant) -> Probe {
        let mut probe = narrowed(now);
        report(&mut probe, now + 500 * MS, 0, NEAR);
        report(&mut probe, now + 1000 * MS, 0, NEAR);
        play(&mut probe, now + 1999 * MS);
        report(&mut probe, now + 2000 * MS, 0, NEAR);
        probe
    }

    #[test]
    fn what_arrived_of_a_probe_can_be_received() {
        let probe = proven(start());
        let receivable = probe.receivable().unwrap();
        assert!((700_000..=720_000).contains(&receivable), "{receivable}");
        assert_eq!(probe.poll_timeout(), None, "and it is over");
    }

    #[test]
    fn a_proof_holds_until_the_far_side_says_less_or_packets_queue_or_are_lost() {
        let at = start() + 3000 * MS;
        let receivable = |change: fn(&mut Probe, Instant)| {
            let mut probe = proven(start());
            change(&mut probe, at);
            probe.receivable().unwrap()
        };
        assert!(receivable(|probe, at| report(probe, at, 1, NEAR)) > 700_000);
        assert!(receivable(|probe, at| probe.on_estimate(at, 410_000)) > 700_000);
        assert_eq!(
            receivable(|probe, at| probe.on_estimate(at, 399_000)),
            399_000
        );
        assert_eq!(
            receivable(|probe, at| report(probe, at, 0, QUEUED)),
            400_000
        );
        assert_eq!(receivable(|probe, at| report(probe, at, 30, NEAR)), 400_000);
        assert_eq!(
            receivable(|probe, at| probe.on_repair_report(at, 30)),
            400_000
        );
        assert!(receivable(|probe, at| probe.on_repair_report(at, 1)) > 700_000);
        assert_eq!(
            receivable(|probe, at| probe.on_estimate(at, 900_000)),
            900_000
        );
    }

    #[test]
    fn probe_after_probe_the_path_is_found_to_carry_more() {
        let now = start();
        let mut probe = narrowed(now);
        let mut receivable = 0;
        for second in 0..30 {
            let at = now + second * 1000 * MS;
            report(&mut probe, at, 0, NEAR);
            play(&mut probe, at + 999 * MS);
            receivable = probe.receivable().unwrap();
            assert!(receivable <= 2_000_000);
        }
        // The media has 200 kbit/s all the time, and no more than a Mbit/s is sent beside it.
        assert!(receivable >= 1_000_000, "{receivable}");
    }

    #[test]
    fn what_could_not_be_sent_in_time_is_not_sent_in_a_burst() {
        let now = start();
        let mut probe = narrowed(now);
        report(&mut probe, now + 500 * MS, 0, NEAR);
        report(&mut probe, now + 1000 * MS, 0, NEAR);
        // 600 kbit/s beside the media, of a tenth of a second.
        assert_eq!(probe.take(now + 1800 * MS), 7_500);
        assert_eq!(probe.take(now + 3900 * MS), 7_500);
        assert_eq!(probe.take(now + 9000 * MS), 7_500, "and it is over");
        assert_eq!(probe.take(now + 9020 * MS), 0);
    }

    #[test]
    fn an_estimate_that_fell_in_small_steps_has_fallen() {
        let now = start();
        let mut probe = Probe::default();
        for estimate in [
            997_116, 802_976, 740_416, 596_736, 600_000, 501_954, 436_652, 364_770, 346_730,
        ] {
            probe.on_estimate(now, estimate);
            report(&mut probe, now, 204, NEAR);
        }
        report(&mut probe, now + 500 * MS, 0, NEAR);
        report(&mut probe, now + 1000 * MS, 0, NEAR);
        assert!(play(&mut probe, now + 1999 * MS) > 0);
        report(&mut probe, now + 2000 * MS, 0, NEAR);
        assert!(probe.receivable() > Some(600_000), "{probe:?}");
    }

    #[test]
    fn reports_without_loss_between_others_are_no_clear_path() {
        let now = start();
        let mut probe = narrowed(now);
        for packets in 1..200 {
            let lost = if packets % 4 == 0 { 204 } else { 0 };
            report(&mut probe, now + packets * 15 * MS, lost, NEAR);
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
                10 * u8::from(second % 2 == 0),
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
        assert_eq!(pauses, [4, 7, 13, 25, 31, 31, 31]);
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
            |probe, at| report(probe, at, 10, NEAR),
            |probe, at| Probe::on_repair_report(probe, at, 10),
        ] {
            let mut probe = narrowed(now);
            report(&mut probe, now, 0, NEAR);
            report(&mut probe, now + 400 * MS, 0, NEAR);
            assert!(play(&mut probe, now + 500 * MS) > 0);
            stop(&mut probe, now + 510 * MS);
            assert_eq!(probe.poll_timeout(), None);
            report(&mut probe, now + 1000 * MS, 0, NEAR);
            report(&mut probe, now + 2000 * MS, 0, NEAR);
            assert_eq!(probe.poll_timeout(), None, "not at once again");
        }
    }

    #[test]
    fn a_far_side_that_has_its_estimate_again_is_left_alone() {
        let now = start();
        let mut probe = narrowed(now);
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

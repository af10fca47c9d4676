use media::event::DirectionStats;
use media::ids::LegId;
use media::plan::Format;

use super::*;

fn codec(format: Format) -> Option<StreamCodec> {
    Some(StreamCodec {
        format,
        clock_rate: 8_000,
        repeats: false,
    })
}

/// A second of sound, 50 packets each way, `lost` of a hundred on the way to us.
struct Line {
    meter: Meter,
    now: Instant,
    stream: StreamStats,
}

impl Line {
    #[allow(clippy::disallowed_methods, reason = "an instant to start from")]
    fn new(format: Format) -> Self {
        let direction = DirectionStats {
            codec: codec(format),
            ..DirectionStats::default()
        };
        Self {
            meter: Meter::default(),
            now: Instant::now(),
            stream: StreamStats {
                received: direction,
                sent: direction,
                ..StreamStats::new(MediaKind::Audio)
            },
        }
    }

    fn second(&mut self, lost: u64, far: Option<Uplink>) -> Reading {
        self.now += Duration::from_secs(1);
        let received = &mut self.stream.received;
        received.packets += 50 - lost;
        received.lost += lost;
        received.bytes += 160 * (50 - lost);
        self.stream.sent.packets += 50;
        self.stream.sent.bytes += 8_000;
        self.measure(far)
    }

    fn measure(&mut self, far: Option<Uplink>) -> Reading {
        let stats = LegStats {
            leg: LegId(1),
            streams: vec![self.stream.clone()],
            round_trip: Some(Duration::from_millis(40)),
            rejected: 0,
        };
        self.meter.measure(self.now, &stats, far, None)
    }

    fn view(&self) -> StreamQuality {
        self.meter.view().unwrap().streams[0].clone()
    }
}

fn far(format: Format, loss: f64) -> Uplink {
    Uplink {
        codec: codec(format),
        loss,
        total_loss: loss,
        network: Duration::from_millis(20),
        arrives: true,
        ..Uplink::default()
    }
}

#[test]
fn loss_is_that_of_the_last_second() {
    let mut line = Line::new(Format::Pcmu);
    line.second(0, None);
    line.second(10, None);
    assert_eq!(line.view().sent.loss, Some(0.2));
    let bad = line.view().sent.mos.unwrap();
    line.second(0, None);
    assert_eq!(line.view().sent.loss, Some(0.0));
    assert_eq!(line.view().sent.kbps, 64.0);
    assert!(line.view().sent.mos.unwrap() > bad + 1.0);
}

#[test]
fn what_a_side_has_not_reported_is_not_known() {
    let mut line = Line::new(Format::Pcmu);
    line.second(0, None);
    let received = line.view().received;
    assert_eq!((received.loss, received.jitter_ms), (None, None));
    line.stream.reported = true;
    line.stream.sent.fraction_lost = 0.25;
    line.second(0, None);
    assert_eq!(line.view().received.loss, Some(0.25));
}

#[test]
fn what_is_heard_is_no_better_than_what_arrived_of_the_far_side() {
    let mut line = Line::new(Format::Pcmu);
    line.second(0, Some(far(Format::Pcmu, 0.0)));
    let clean = line.view().received;
    line.second(0, Some(far(Format::Pcmu, 0.1)));
    let lossy = line.view().received;
    assert!(lossy.mos.unwrap() < clean.mos.unwrap() - 0.5);
    // Half of both round trips, a packet, and a jitter buffer.
    assert_eq!(clean.delay_ms, Some(20.0 + 20.0 + 20.0 + 20.0));
}

#[test]
fn two_codecs_in_a_row_count_both() {
    let mut line = Line::new(Format::G729);
    line.second(0, Some(far(Format::Speex, 0.0)));
    let relayed = line.view().received.mos.unwrap();
    line.stream.transcoded.packets += 50;
    line.stream.transcoded.concealed += Duration::from_millis(100);
    line.second(0, Some(far(Format::Speex, 0.0)));
    assert_eq!(line.view().received.concealed, Some(0.1));
    assert!(line.view().received.mos.unwrap() < relayed - 0.5);
}

#[test]
fn nothing_is_scored_that_nobody_says() {
    let mut line = Line::new(Format::Pcmu);
    line.second(0, None);
    // Music of ours is heard by nobody's ear but his.
    let reading = line.second(0, Some(Uplink::default()));
    assert_eq!((reading.mos, line.view().received.mos), (None, None));
    line.now += Duration::from_secs(1);
    let reading = line.measure(None);
    assert_eq!((reading.arriving, line.view().sent.mos), (None, None));
}

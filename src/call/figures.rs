//! What calls went through since the process started, for whoever watches the server. No label
//! names a call or a person: their number is bounded.

use std::collections::BTreeMap;
use std::time::Duration;

use media::event::SilenceCause;
use serde::Serialize;

use super::end::Cause;
use super::meter::Reading;

/// Mean opinion scores.
const MOS: &[f64] = &[1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.2, 4.4];
/// Shares of packets.
const LOSS: &[f64] = &[0.0, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// Seconds that packets are late, or on their way.
const SHORT_S: &[f64] = &[0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// Seconds that people wait.
const WAIT_S: &[f64] = &[0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];

/// How often a value was how large.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Histogram {
    /// Up to which value each count goes; the last count has no such limit.
    pub bounds: &'static [f64],
    /// One more than there are bounds. Each counts what is beyond the bound before.
    pub counts: Vec<u64>,
    /// Of all values.
    pub sum: f64,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Of each second and direction of sound: mean opinion score (ITU-T G.107), by the codec in
    /// which it is heard.
    pub mos: BTreeMap<&'static str, Histogram>,
    /// Of each second of sound that arrives: share of packets lost on the way to us.
    pub loss: Histogram,
    /// Interarrival jitter of the same, s.
    pub jitter_s: Histogram,
    /// Round trips to far sides as they were known each second, s.
    pub round_trip_s: Histogram,
    /// From the answer to the first sound that a side is sent, s.
    pub first_sound_s: Histogram,
    /// From the answer to the first keyframe that a side is sent, s.
    pub first_keyframe_s: Histogram,
    /// How often one side of a call alone was heard, by cause.
    pub one_way: BTreeMap<&'static str, u64>,
    /// Calls that are over, by whose doing it was.
    pub ends: BTreeMap<&'static str, u64>,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self {
            bounds,
            counts: vec![0; bounds.len() + 1],
            sum: 0.0,
        }
    }

    fn add(&mut self, value: f64) {
        let place = self.bounds.iter().position(|bound| value <= *bound);
        let place = place.unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get_mut(place) {
            *count += 1;
        }
        self.sum += value;
    }
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            mos: BTreeMap::new(),
            loss: Histogram::new(LOSS),
            jitter_s: Histogram::new(SHORT_S),
            round_trip_s: Histogram::new(SHORT_S),
            first_sound_s: Histogram::new(WAIT_S),
            first_keyframe_s: Histogram::new(WAIT_S),
            one_way: BTreeMap::new(),
            ends: BTreeMap::new(),
        }
    }
}

impl Figures {
    pub(super) fn note(&mut self, reading: &Reading) {
        if let Some((codec, mos)) = reading.mos {
            let histogram = self.mos.entry(codec);
            histogram.or_insert_with(|| Histogram::new(MOS)).add(mos);
        }
        if let Some((loss, jitter)) = reading.arriving {
            self.loss.add(loss);
            self.jitter_s.add(jitter.as_secs_f64());
        }
        let times = [
            (&mut self.round_trip_s, reading.round_trip),
            (&mut self.first_sound_s, reading.first_sound),
            (&mut self.first_keyframe_s, reading.first_keyframe),
        ];
        for (histogram, time) in times {
            if let Some(time) = time.map(|time: Duration| time.as_secs_f64()) {
                histogram.add(time);
            }
        }
    }

    pub(super) fn note_one_way(&mut self, cause: SilenceCause) {
        *self.one_way.entry(cause.as_str()).or_default() += 1;
    }

    pub(super) fn note_end(&mut self, cause: Cause) {
        *self.ends.entry(cause.as_str()).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_in_the_first_range_that_reaches_it() {
        let mut histogram = Histogram::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 7.0] {
            histogram.add(value);
        }
        assert_eq!((histogram.counts, histogram.sum), (vec![2, 1, 1], 10.0));
    }
}

//! How good a call sounds, estimated from what its packets went through: the E-model
//! (ITU-T G.107).

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::event::StreamCodec;
use crate::plan::Format;

/// The least that a receiver's jitter buffer holds.
const LEAST_BUFFERED: Duration = Duration::from_millis(20);

/// R of a connection without impairments (G.107, all parameters at their defaults).
const BEST: f64 = 93.2;

/// How a codec bears its own coding and loss (G.113 Appendix I).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CodecImpairment {
    /// Equipment impairment factor without loss.
    pub ie: f64,
    /// Packet-loss robustness: the higher, the less a loss is heard.
    pub bpl: f64,
}

/// The scale is that of narrow-band telephony: what a wide-band codec gains over it has no place
/// there, so none is better than PCMU.
impl CodecImpairment {
    /// Of a codec in use: as its receivers conceal nowadays. `None` of one that makes no sound.
    pub fn of(codec: StreamCodec) -> Option<Self> {
        Some(match codec.format {
            Format::Pcmu | Format::Pcma | Format::L16 => Self::G711,
            Format::G722 => Self::G722,
            Format::G729 => Self::G729A,
            Format::Opus if codec.repeats => Self::OPUS_FEC,
            Format::Opus => Self::OPUS,
            Format::Speex if codec.clock_rate > 8_000 => Self::SPEEX_WIDE,
            Format::Speex => Self::SPEEX,
            _ => return None,
        })
    }

    /// PCMU, PCMA and L16 with concealment (G.113 table I.4: G.711 with Appendix I).
    pub const G711: Self = Self { ie: 0.0, bpl: 25.1 };
    /// G.711 as it is without concealment (G.113 table I.4): what a far side may do.
    pub const G711_BARE: Self = Self { ie: 0.0, bpl: 4.3 };
    /// G.729 Annex A with Annex B (G.113 table I.4).
    pub const G729A: Self = Self {
        ie: 11.0,
        bpl: 19.0,
    };
    /// G.722 at 64 kbit/s. G.113 tells none on this scale: estimated.
    pub const G722: Self = Self { ie: 0.0, bpl: 15.0 };
    /// Opus at 16 kbit/s and more. G.113 tells none: estimated, a little above G.711, whose
    /// concealment knows less of the signal.
    pub const OPUS: Self = Self { ie: 0.0, bpl: 28.0 };
    /// Opus with in-band FEC in use, which fills single gaps: estimated.
    pub const OPUS_FEC: Self = Self { ie: 0.0, bpl: 40.0 };
    /// Speex narrow-band at 15 kbit/s: estimated, as coders of that kind and rate (G.728 has 7).
    pub const SPEEX: Self = Self { ie: 8.0, bpl: 17.0 };
    /// Speex wide-band at 20 kbit/s and more: estimated.
    pub const SPEEX_WIDE: Self = Self { ie: 3.0, bpl: 17.0 };
}

/// What a direction went through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// The codec; of two, where it was transcoded, see [`CodecImpairment::then`].
    pub codec: CodecImpairment,
    /// Share of packets that were not played, 0.0 to 1.0: lost by the network, or too late.
    pub loss: f64,
    /// How much longer losses last than if they fell at random; 1.0 if that is not known
    /// (see [`burst_ratio`]).
    pub burst_ratio: f64,
    /// From mouth to ear.
    pub delay: Duration,
}

impl CodecImpairment {
    /// Of two codecs one after the other. Their impairments add up (G.107 3.5); the loss is
    /// borne by the first.
    #[must_use]
    pub fn then(self, second: Self) -> Self {
        Self {
            ie: self.ie + second.ie,
            bpl: self.bpl,
        }
    }
}

impl Path {
    /// The transmission rating R (G.107 7.1), 0 to 93.2.
    pub fn rating(&self) -> f64 {
        let loss = 100.0 * finite(self.loss).clamp(0.0, 1.0);
        let burst_ratio = finite(self.burst_ratio).max(1.0);
        let CodecImpairment { ie, bpl } = self.codec;
        // G.107 7.5
        let robust = loss / burst_ratio + bpl;
        let effective = match robust > 0.0 {
            true => ie + (95.0 - ie) * loss / robust,
            false => ie,
        };
        (BEST - delay_impairment(self.delay) - effective).clamp(0.0, BEST)
    }

    /// The mean opinion score (G.107 Annex B), 1.0 to 4.41.
    pub fn mos(&self) -> f64 {
        mos(self.rating())
    }
}

/// The score of a rating (G.107 Annex B).
pub fn mos(rating: f64) -> f64 {
    let r = finite(rating).clamp(0.0, 100.0);
    let score = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
    // Below R = 6.5 the polynomial dips under 1.
    score.clamp(1.0, 4.5)
}

/// How long a packet waits in a receiver's jitter buffer: assumed to be twice the jitter, which
/// few packets exceed, and 20 ms at the least.
pub fn buffered(jitter: Duration) -> Duration {
    (jitter * 2).max(LEAST_BUFFERED)
}

/// BurstR (G.107 7.5): the mean length of the runs of lost packets, over that of random loss.
/// `lost` packets of `expected` were lost in so many `runs`.
pub fn burst_ratio(expected: u64, lost: u64, runs: u64) -> f64 {
    if runs == 0 || lost >= expected {
        return 1.0;
    }
    let mean = lost as f64 / runs as f64;
    // Random loss of share p has runs of 1 / (1 - p).
    (mean * (1.0 - lost as f64 / expected as f64)).max(1.0)
}

/// Id with perfect echo cancelling, as a function of the delay alone (R. G. Cole,
/// J. H. Rosenbluth, 2001, from G.107 7.4).
fn delay_impairment(delay: Duration) -> f64 {
    let ms = delay.as_secs_f64() * 1000.0;
    0.024 * ms + 0.11 * (ms - 177.3).max(0.0)
}

fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

//! Opus (RFC 6716, RFC 7587) through libopus.
//!
//! The coder runs at the sampling rate of whoever is on the other side, so that nothing needs to
//! be resampled: Opus itself resamples where it has to, and a coder at 8 kHz costs half of one at
//! 48 kHz. It codes mono; a stereo packet comes out as the mean of its channels.

use ::opus::{Application, Bitrate, Channels, Signal};

use super::{AudioCodec, CodecError, DecodeError, EncodeError, Recovered, SampleRate, Settings};

/// What libopus can fill a gap with: steps of 2.5 ms.
const STEPS_PER_MS_TIMES_2: usize = 5;
/// The longest packet libopus makes (RFC 6716 3.2.5: 1275 bytes a frame), of up to 60 ms.
const MAX_FRAME_BYTES: usize = 1275;
/// Below that nothing of use fits, above that Opus itself stops.
const BITRATES: std::ops::RangeInclusive<u32> = 6_000..=510_000;

/// How long a packet lasts (RFC 6716 3.1).
pub(super) fn samples_of(payload: &[u8], rate: SampleRate) -> Result<usize, DecodeError> {
    ::opus::packet::get_nb_samples(payload, rate.hz()).map_err(|_| DecodeError::Malformed)
}

#[derive(Debug)]
pub(super) struct Decoder {
    library: ::opus::Decoder,
    rate: SampleRate,
}

impl Decoder {
    pub(super) fn new(rate: SampleRate) -> Result<Self, CodecError> {
        let library = ::opus::Decoder::new(rate.hz(), Channels::Mono)
            .map_err(|_| CodecError::Library(AudioCodec::Opus))?;
        Ok(Self { library, rate })
    }

    /// `out` is as long as the packet lasts.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<(), DecodeError> {
        match self.library.decode(payload, out, false) {
            Ok(samples) if samples == out.len() => Ok(()),
            _ => Err(DecodeError::Malformed),
        }
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        let step = self.step();
        let (steps, rest) = out.split_at_mut(out.len() / step * step);
        // libopus takes no more than a packet at once.
        for gap in steps.chunks_mut(self.rate.samples(super::MAX_PACKET_MS)) {
            if self.library.decode(&[], gap, false).is_err() {
                gap.fill(0);
            }
        }
        // A gap of no whole steps is no gap between packets; its end is left out.
        rest.fill(0);
    }

    pub(super) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> Recovered {
        let whole = !out.is_empty()
            && out.len().is_multiple_of(self.step())
            && out.len() <= self.rate.samples(super::MAX_PACKET_MS);
        if whole && repeats_its_predecessor(next) && self.library.decode(next, out, true).is_ok() {
            return Recovered::FromNext;
        }
        self.conceal(out);
        Recovered::Concealed
    }

    fn step(&self) -> usize {
        self.rate.per_ms() * STEPS_PER_MS_TIMES_2 / 2
    }
}

/// The packet carries the one before it as well (LBRR, RFC 6716 4.2.4): the flags are the bits
/// behind those of voice activity, one of the latter for each 20 ms and channel.
pub(super) fn repeats_its_predecessor(packet: &[u8]) -> bool {
    let Some((toc, flags)) = packet.first().zip(first_frame(packet)) else {
        return false;
    };
    let twenty_ms = match toc >> 3 {
        16.. => return false, // CELT alone has none
        2 | 6 | 10 => 2,
        3 | 7 | 11 => 3,
        _ => 1,
    };
    let mid = (flags >> (7 - twenty_ms)) & 1 == 1;
    let side = toc & 4 != 0 && (flags >> (6 - 2 * twenty_ms)) & 1 == 1;
    mid || side
}

/// The first byte of the first frame (RFC 6716 3.2), if that has any.
fn first_frame(packet: &[u8]) -> Option<u8> {
    let (toc, rest) = packet.split_first()?;
    let frame = match toc & 3 {
        0 | 1 => rest,
        2 => {
            let (len, rest) = frame_len(rest)?;
            rest.get(..len)?
        }
        _ => {
            let (count, mut rest) = rest.split_first()?;
            let frames = count & 0x3f;
            if count & 0x40 != 0 {
                // Padding: each 255 says that another byte of its length follows.
                let more = rest.iter().take_while(|byte| **byte == 255).count();
                rest = rest.get(more + 1..)?;
            }
            if count & 0x80 != 0 && frames > 1 {
                let (len, mut rest) = frame_len(rest)?;
                for _ in 2..frames {
                    rest = frame_len(rest)?.1;
                }
                rest.get(..len)?
            } else {
                rest
            }
        }
    };
    frame.first().copied()
}

/// The length of a frame, in one or two bytes (RFC 6716 3.2.1), and what follows it.
fn frame_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [first @ 252..=255, second, rest @ ..] => {
            Some((usize::from(*second) * 4 + usize::from(*first), rest))
        }
        [len, rest @ ..] if *len < 252 => Some((usize::from(*len), rest)),
        _ => None,
    }
}

#[derive(Debug)]
pub(super) struct Encoder {
    library: ::opus::Encoder,
    rate: SampleRate,
    dtx: bool,
    /// The last packet said that nothing follows until somebody speaks.
    silent: bool,
}

impl Encoder {
    pub(super) fn new(rate: SampleRate, settings: Settings) -> Result<Self, CodecError> {
        let failed = |_| CodecError::Library(AudioCodec::Opus);
        let mut library =
            ::opus::Encoder::new(rate.hz(), Channels::Mono, Application::Voip).map_err(failed)?;
        library.set_signal(Signal::Voice).map_err(failed)?;
        let mut encoder = Self {
            library,
            rate,
            dtx: false,
            silent: false,
        };
        encoder.set(settings);
        Ok(encoder)
    }

    /// libopus refuses none of these within their ranges, to which they are brought.
    pub(super) fn set(&mut self, settings: Settings) {
        let bitrate = settings.bitrate.unwrap_or(match self.rate {
            // Above the ranges of RFC 7587 3.1.1, which count no repetition for lost packets.
            SampleRate::Hz8000 => 20_000,
            SampleRate::Hz12000 => 24_000,
            SampleRate::Hz16000 => 28_000,
            SampleRate::Hz24000 => 32_000,
            SampleRate::Hz32000 | SampleRate::Hz48000 => 40_000,
        });
        let bitrate = bitrate.clamp(*BITRATES.start(), *BITRATES.end());
        let loss = settings.expected_loss_percent.min(100);
        let _ = self.library.set_bitrate(Bitrate::Bits(bitrate as i32));
        let _ = self
            .library
            .set_complexity(settings.complexity.min(10).into());
        let _ = self.library.set_inband_fec(settings.fec);
        let _ = self.library.set_packet_loss_perc(loss.into());
        let _ = self.library.set_dtx(settings.dtx);
        self.dtx = settings.dtx;
    }

    pub(super) fn encode(&mut self, pcm: &[i16], out: &mut [u8]) -> Result<usize, EncodeError> {
        // A shorter output would not fail but sound worse.
        let frames = pcm.len().div_ceil(self.rate.samples(20));
        if out.len() < frames * MAX_FRAME_BYTES {
            return Err(EncodeError::NoRoom);
        }
        let encoded = self.library.encode(pcm, out);
        let len = encoded.map_err(|_| EncodeError::Library)?;
        // A packet of one or two bytes says: the same silence (RFC 6716 2.1.9). The first one is
        // sent, so that nobody takes the rest for lost.
        let was_silent = self.silent;
        self.silent = self.dtx && len <= 2;
        Ok(if self.silent && was_silent { 0 } else { len })
    }
}

//! G.729 Annexes A and B (RFC 3551 4.5.6) through the crate `oxideav-g729`.
//!
//! A payload is any number of frames of 10 ms, 10 bytes each, and at its end perhaps a
//! description of silence (SID, Annex B), 2 bytes. After one, silence lasts until the next
//! frame: what is concealed until then is comfort noise. We send no descriptions; that needs no
//! `annexb` in an offer, since whoever decodes Annex B decodes frames alone.

use oxideav_g729::annex_b::dequant_sid_energy_db;
use oxideav_g729::fx::decoder::{DecodedFrameFx, FrameDecoderFx};
use oxideav_g729::fx::postfilter::PostfilterFx;
use oxideav_g729::lsp_to_lp::lsf_to_lp;
use oxideav_g729::parameters::unpack_bit_array;
use oxideav_g729::sid_lsf::SidLspDecoder;

use super::DecodeError;
use super::comfort_noise::ComfortNoise;

mod encoder;

pub(super) use encoder::Encoder;

/// Samples and bytes of a frame.
const FRAME: usize = 80;
const FRAME_BYTES: usize = 10;
const SID_BYTES: usize = 2;

pub(super) fn samples_of(payload: &[u8]) -> Result<usize, DecodeError> {
    match payload.len() % FRAME_BYTES {
        0 => Ok(payload.len() / FRAME_BYTES * FRAME),
        SID_BYTES => Ok((payload.len() / FRAME_BYTES + 1) * FRAME),
        _ => Err(DecodeError::Malformed),
    }
}

pub(super) struct Decoder {
    speech: Box<FrameDecoderFx>,
    postfilter: Box<PostfilterFx>,
    envelope: Box<SidLspDecoder>,
    noise: ComfortNoise,
    /// Silence was described, and nobody has spoken since.
    silent: bool,
    /// Frames in a row that were made up.
    concealed: u16,
}

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            speech: Box::new(FrameDecoderFx::new()),
            postfilter: Box::new(PostfilterFx::new()),
            envelope: Box::new(SidLspDecoder::new()),
            noise: ComfortNoise::new(),
            silent: false,
            concealed: 0,
        }
    }

    /// `out` is as long as the payload lasts.
    pub(super) fn decode(&mut self, payload: &[u8], out: &mut [i16]) {
        let frames = payload.chunks(FRAME_BYTES);
        for (bytes, out) in frames.zip(out.chunks_exact_mut(FRAME)) {
            self.concealed = 0;
            if let Ok(frame) = bytes.try_into() {
                self.decode_frame(frame, out);
            } else if let Ok(sid) = bytes.try_into() {
                self.describe_silence(sid);
                self.noise.generate(out);
            }
        }
    }

    fn decode_frame(&mut self, frame: &[u8; FRAME_BYTES], out: &mut [i16]) {
        let bit = |index: usize| (frame[index / 8] >> (7 - index % 8)) & 1 == 1;
        let parameters = unpack_bit_array(&std::array::from_fn(bit));
        let decoded = self.speech.decode_frame(&parameters);
        self.finish(&decoded, out);
        self.silent = false;
    }

    /// The postfilter (G.729 4.2).
    fn finish(&mut self, decoded: &DecodedFrameFx, out: &mut [i16]) {
        let pitch = usize::try_from(decoded.sub[0].t_int).unwrap_or(1).max(1);
        let mut voiced = false;
        let halves = decoded.speech.as_chunks().0.iter().zip(&decoded.sub);
        for ((speech, half), out) in halves.zip(out.as_chunks_mut().0) {
            let filtered = self.postfilter.process_subframe(speech, &half.a_q12, pitch);
            voiced |= filtered.1.gain_q15 > 0;
            *out = filtered.0;
        }
        self.speech.erasure_periodic = voiced;
    }

    /// Annex B, table B.2: predictor, two stages of the spectrum, energy, and one bit of nothing.
    fn describe_silence(&mut self, sid: &[u8; SID_BYTES]) {
        let bits = u16::from_be_bytes(*sid);
        let field = |shift: u16, mask: u16| usize::from(bits >> shift & mask);
        let envelope = self
            .envelope
            .dequantize(field(15, 1), field(10, 31), field(6, 15));
        let mut filter = [0.0; 16];
        for (coefficient, a) in filter.iter_mut().zip(lsf_to_lp(&envelope)) {
            *coefficient = a;
        }
        let energy = dequant_sid_energy_db(field(1, 31) as u8);
        if !self.silent {
            self.noise.interrupt();
        }
        // The energy is that of the sound at half its level, as G.729 works on it inside.
        self.noise.shape(filter, 2.0 * 10.0_f32.powf(energy / 20.0));
        self.silent = true;
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        if self.silent {
            self.noise.generate(out);
            return;
        }
        for out in out.chunks_mut(FRAME) {
            let mut frame = [0; FRAME];
            // Its gains fall by a tenth each frame; what is then left is cut off.
            if self.concealed < 30 {
                self.concealed += 1;
                let decoded = self.speech.decode_erased_frame();
                self.finish(&decoded, &mut frame);
            }
            out.copy_from_slice(&frame[..out.len()]);
        }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("G729Decoder")
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("G729Encoder")
    }
}

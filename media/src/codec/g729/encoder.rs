//! Encoding by Annex A, of the stages that `oxideav-g729` has for it.
//!
//! The crate's own encoders do not follow what a decoder does with their frames: they take the
//! fraction of a pitch delay with the wrong sign, do not repeat a delay that is shorter than a
//! subframe out of itself, and forget the oldest excitation that a long delay reaches. A tone
//! comes out up to 25 dB too quiet. Therefore the chain is ours, after `annex_a_encoder` (MIT,
//! Copyright 2026 Karpelès Lab Inc.), and builds the adaptive codebook as G.729 3.7 has it.

use std::f32::consts::PI;

use oxideav_g729::annex_a_encoder::{
    GAMMA_A, LOWPASS_POLE, impulse_response_a, open_loop_pitch_fast,
};
use oxideav_g729::closed_loop_pitch::{
    PIT_MAX, T1_FRACTIONAL_LIMIT, subframe1_window, subframe2_window,
};
use oxideav_g729::decode_chain::BETA_INIT;
use oxideav_g729::encode_target::lp_residual;
use oxideav_g729::fixed_codebook::{encode_positions, encode_signs};
use oxideav_g729::fixed_codebook_search::{
    MAX_LOOP4_PER_FRAME, adaptive_gain, correlation_d, filter_through_h, phi_matrix,
    prefilter_impulse_response, search_fixed_codebook, update_target,
};
use oxideav_g729::gain_index_map::{map_ga, map_gb};
use oxideav_g729::gain_predict::GainPredictor;
use oxideav_g729::gain_quantize::{GainTerms, quantize_gains};
use oxideav_g729::levinson::levinson;
use oxideav_g729::lp_analysis::analyze_window;
use oxideav_g729::lp_to_lsp::lp_to_lsp;
use oxideav_g729::lsf_conversion::lsp_to_lsf_q13;
use oxideav_g729::lsp_interpolate::{LspInterpolator, omega_to_q};
use oxideav_g729::lsp_quantize::LspQuantizer;
use oxideav_g729::lsp_to_lp::lsp_to_lp;
use oxideav_g729::open_loop_pitch::PIT_BUFFER;
use oxideav_g729::parameters::{Parameters, pack_bit_array};
use oxideav_g729::pitch_decode::{PitchDelay, derive_t_min, encode_p1, encode_p2};
use oxideav_g729::pitch_sharpen::{clamp_beta, sharpen};
use oxideav_g729::preprocess::Preprocessor;
use oxideav_g729::tables::{L_WINDOW, M, PITCH_INTERP_FILTER_SYNTHESIS_Q15};
use oxideav_g729::taming::Taming;

use super::{FRAME, FRAME_BYTES};
use crate::codec::EncodeError;

/// Samples of a subframe.
const HALF: usize = 40;
/// What the longest delay, 143 1/3, and the filter of its fraction reach back.
const HISTORY: usize = 154;
/// Taps of that filter on each side.
const REACH: usize = 10;
/// Where the frame lies in the speech that is analysed: 5 ms of what follows are seen, too.
const NOW: usize = 120;

type Excitation = [f32; HISTORY + HALF];

pub(in crate::codec) struct Encoder {
    high_pass: Preprocessor,
    speech: [f32; L_WINDOW],
    quantizer: LspQuantizer,
    interpolator: LspInterpolator,
    /// The last spectrum that could be found.
    spectrum: [f32; M],
    weighted: [f32; PIT_MAX],
    weighting_memory: [f32; M],
    excitation: Excitation,
    target_memory: [f32; M],
    gains: GainPredictor,
    pitch_gain: f32,
    taming: Taming,
}

impl Encoder {
    pub(in crate::codec) fn new() -> Self {
        Self {
            high_pass: Preprocessor::new(),
            speech: [0.0; L_WINDOW],
            quantizer: LspQuantizer::new(),
            interpolator: LspInterpolator::new(),
            spectrum: std::array::from_fn(|i| ((i + 1) as f32 * PI / 11.0).cos()),
            weighted: [0.0; PIT_MAX],
            weighting_memory: [0.0; M],
            excitation: [0.0; HISTORY + HALF],
            target_memory: [0.0; M],
            gains: GainPredictor::new(),
            pitch_gain: BETA_INIT,
            taming: Taming::new(),
        }
    }

    pub(in crate::codec) fn encode(
        &mut self,
        pcm: &[i16],
        out: &mut [u8],
    ) -> Result<usize, EncodeError> {
        let len = pcm.len() / FRAME * FRAME_BYTES;
        let out = out.get_mut(..len).ok_or(EncodeError::NoRoom)?;
        let frames = pcm.as_chunks::<FRAME>().0.iter();
        for (frame, bytes) in frames.zip(out.chunks_exact_mut(FRAME_BYTES)) {
            let bits = pack_bit_array(&self.encode_frame(frame));
            for (byte, bits) in bytes.iter_mut().zip(bits.chunks(8)) {
                *byte = bits.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit));
            }
        }
        Ok(len)
    }

    fn encode_frame(&mut self, pcm: &[i16; FRAME]) -> Parameters {
        self.speech.copy_within(FRAME.., 0);
        let new = self.high_pass.process_frame(&pcm.map(f32::from));
        self.speech[L_WINDOW - FRAME..].copy_from_slice(&new);
        let (filters, mut parameters) = self.analyse();
        let residuals = [0, 1].map(|half| {
            let start = NOW + half * HALF;
            let now = std::array::from_fn(|n| self.speech[start + n]);
            let past = std::array::from_fn(|n| self.speech[start - 1 - n]);
            lp_residual(&now, &past, &filters[half])
        });
        let pitch = self.open_loop_pitch(&residuals, &filters);
        let mut budget = MAX_LOOP4_PER_FRAME;

        let window = subframe1_window(i32::try_from(pitch).unwrap_or_default());
        let (residual, filter) = (&residuals[0], &filters[0]);
        let first = self.encode_half(residual, filter, window, T1_FRACTIONAL_LIMIT, &mut budget);
        let window = subframe2_window(first.delay.int_t);
        let (residual, filter) = (&residuals[1], &filters[1]);
        let second = self.encode_half(residual, filter, window, i32::MAX, &mut budget);

        // All are within their fields: the searches offer nothing else.
        parameters.p1 = encode_p1(first.delay).unwrap_or_default();
        parameters.p0 = u8::from((parameters.p1 >> 2).count_ones() % 2 == 0);
        (parameters.c1, parameters.s1) = (first.positions, first.signs);
        (parameters.ga1, parameters.gb1) = first.gains;
        let earliest = derive_t_min(first.delay.int_t);
        parameters.p2 = encode_p2(second.delay, earliest).unwrap_or_default();
        (parameters.c2, parameters.s2) = (second.positions, second.signs);
        (parameters.ga2, parameters.gb2) = second.gains;
        parameters
    }

    /// The spectrum (A.3.2): the filters of both halves, and its indices.
    fn analyse(&mut self) -> ([[f32; M]; 2], Parameters) {
        let predictor = levinson(&analyze_window(&self.speech));
        let predictor = std::array::from_fn(|i| (predictor.a[i] * 4096.0).round() / 4096.0);
        self.spectrum = lp_to_lsp(&predictor).unwrap_or(self.spectrum);
        let frequencies = self.spectrum.map(|q| lsp_to_lsf_q13(q) as f32 / 8192.0);
        let quantized = self.quantizer.quantize_lsf(&frequencies);
        let halves = self
            .interpolator
            .interpolate(&omega_to_q(&quantized.omega_hat));
        let indices = Parameters {
            l0: quantized.indices.l0 as u8,
            l1: quantized.indices.l1 as u8,
            l2: quantized.indices.l2 as u8,
            l3: quantized.indices.l3 as u8,
            ..Parameters::default()
        };
        ([lsp_to_lp(&halves[0]), lsp_to_lp(&halves[1])], indices)
    }

    /// The delay at which the weighted speech is most like itself (A.3.3, A.3.4).
    fn open_loop_pitch(&mut self, residuals: &[[f32; HALF]; 2], filters: &[[f32; M]; 2]) -> usize {
        let mut weighted = [0.0; PIT_BUFFER];
        weighted[..PIT_MAX].copy_from_slice(&self.weighted);
        let halves = weighted[PIT_MAX..].chunks_exact_mut(HALF);
        for ((out, residual), filter) in halves.zip(residuals).zip(filters) {
            let poles = expand(filter);
            let mut before = 1.0;
            let low_pass = poles.map(|pole| {
                let coefficient = pole - LOWPASS_POLE * before;
                before = pole;
                coefficient
            });
            let filtered = all_pole(residual, &low_pass, &self.weighting_memory);
            self.weighting_memory = std::array::from_fn(|n| filtered[HALF - 1 - n]);
            out.copy_from_slice(&filtered);
        }
        self.weighted
            .copy_from_slice(&weighted[PIT_BUFFER - PIT_MAX..]);
        open_loop_pitch_fast(&weighted)
    }

    /// The excitation of a subframe (A.3.5 to A.3.10).
    fn encode_half(
        &mut self,
        residual: &[f32; HALF],
        filter: &[f32; M],
        window: (i32, i32),
        fraction_limit: i32,
        budget: &mut u32,
    ) -> Half {
        let response = impulse_response_a(filter);
        let target = all_pole(residual, &expand(filter), &self.target_memory);
        self.excitation[HISTORY..].copy_from_slice(residual);
        let delay = closed_loop_pitch(&target, &response, &self.excitation, window, fraction_limit);

        let repeated = repeat(&mut self.excitation, delay);
        let heard = filter_through_h(&repeated, &response);
        let left = update_target(&target, &heard, adaptive_gain(&target, &heard));
        let mut sharpened = response;
        let period = usize::try_from(delay.int_t).unwrap_or_default();
        prefilter_impulse_response(&mut sharpened, period, clamp_beta(self.pitch_gain));
        let correlation = correlation_d(&left, &sharpened);
        let pulses = search_fixed_codebook(&correlation, &phi_matrix(&sharpened), budget);
        let mut code = [0; HALF];
        for (position, sign) in pulses.positions.iter().zip(pulses.signs) {
            code[usize::from(*position)] += sign;
        }
        let code = sharpen(&code, delay.int_t, self.pitch_gain);
        let code_heard = filter_through_h(&code, &response);

        let predicted = self.gains.predict_only(&code).g_c_prime;
        let tame = self.taming.test(delay.int_t, delay.frac);
        let terms = GainTerms::compute(&target, &heard, &code_heard);
        let gains = quantize_gains(&terms, predicted, tame);
        self.gains.push_quantised_error(gains.gamma_hat);
        self.pitch_gain = gains.gp_hat;
        self.taming.update(delay.int_t, delay.frac, gains.gp_hat);

        for (n, sample) in self.excitation[HISTORY..].iter_mut().enumerate() {
            *sample = gains.gp_hat * repeated[n] + gains.gc_hat * code[n];
        }
        self.excitation.copy_within(HALF.., 0);
        self.target_memory = std::array::from_fn(|n| {
            let n = HALF - 1 - n;
            target[n] - gains.gp_hat * heard[n] - gains.gc_hat * code_heard[n]
        });
        Half {
            delay,
            positions: encode_positions(&pulses.positions).unwrap_or_default(),
            signs: encode_signs(&pulses.signs).unwrap_or_default(),
            gains: (
                map_ga(gains.ga).unwrap_or_default() as u8,
                map_gb(gains.gb).unwrap_or_default() as u8,
            ),
        }
    }
}

/// A subframe in numbers.
struct Half {
    delay: PitchDelay,
    positions: u16,
    signs: u8,
    gains: (u8, u8),
}

/// The filter with its poles drawn in by 0.75 (A.3.3).
fn expand(filter: &[f32; M]) -> [f32; M] {
    let mut factor = 1.0;
    filter.map(|coefficient| {
        factor *= GAMMA_A;
        coefficient * factor
    })
}

/// `memory` holds what came out before, the newest first.
fn all_pole(input: &[f32; HALF], poles: &[f32; M], memory: &[f32; M]) -> [f32; HALF] {
    let mut out = [0.0; HALF];
    for n in 0..HALF {
        out[n] = input[n];
        for (i, pole) in poles.iter().enumerate() {
            out[n] -= pole * if n > i { out[n - 1 - i] } else { memory[i - n] };
        }
    }
    out
}

/// The delay whose excitation is most like the target (A.3.7): a whole one, then with the thirds
/// beside it.
fn closed_loop_pitch(
    target: &[f32; HALF],
    response: &[f32; HALF],
    excitation: &Excitation,
    (shortest, longest): (i32, i32),
    fraction_limit: i32,
) -> PitchDelay {
    let backward = correlation_d(target, response);
    let likeness = |samples: &[f32]| -> f32 {
        let products = backward.iter().zip(samples);
        products.map(|(target, sample)| target * sample).sum()
    };
    let whole = (shortest..=longest).map(|int_t| {
        let start = HISTORY - usize::try_from(int_t).unwrap_or_default().min(HISTORY);
        (int_t, likeness(&excitation[start..]))
    });
    let (int_t, _) = most_like(whole, shortest);
    if int_t >= fraction_limit {
        return PitchDelay { int_t, frac: 0 };
    }
    let thirds = [0, -1, 1].map(|frac| {
        let delay = PitchDelay { int_t, frac };
        (frac, likeness(&repeat(&mut excitation.clone(), delay)))
    });
    let (frac, _) = most_like(thirds.into_iter(), 0);
    PitchDelay { int_t, frac }
}

/// The first of those that are most like.
fn most_like(candidates: impl Iterator<Item = (i32, f32)>, default: i32) -> (i32, f32) {
    candidates.fold((default, f32::NEG_INFINITY), |best, candidate| {
        if candidate.1 > best.1 {
            candidate
        } else {
            best
        }
    })
}

/// The excitation of one delay ago, in place of the newest (3.7, equation 40).
fn repeat(excitation: &mut Excitation, delay: PitchDelay) -> [f32; HALF] {
    std::array::from_fn(|n| {
        // A delay shorter than a subframe repeats what it has just written.
        let sample = delayed(excitation, delay, n);
        excitation[HISTORY + n] = sample;
        sample
    })
}

fn delayed(excitation: &Excitation, delay: PitchDelay, n: usize) -> f32 {
    let (whole, third) = match delay.frac {
        0 => (delay.int_t, 0),
        -1 => (delay.int_t, 1),
        _ => (delay.int_t + 1, 2),
    };
    let whole = usize::try_from(whole).unwrap_or_default();
    let start = (HISTORY + n).saturating_sub(whole);
    let filter = &PITCH_INTERP_FILTER_SYNTHESIS_Q15;
    let sum: f32 = (0..REACH)
        .map(|i| {
            excitation[start - i] * f32::from(filter[third + 3 * i])
                + excitation[start + 1 + i] * f32::from(filter[3 - third + 3 * i])
        })
        .sum();
    sum / 32_768.0
}

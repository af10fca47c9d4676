//! G.711 µ-law and A-law through tables.
//!
//! Decoding looks up 256 samples. Encoding looks up the sample itself, all 65,536 of them, so
//! that no sample is searched for; samples become indices by a cast of the slice (bytemuck), and
//! an index of 16 bits cannot leave such a table. Between the two laws one table of 256 bytes
//! goes directly, to the code whose sample is nearest.
//!
//! The tables are made by the compiler and shared by all calls: 129 KiB of the binary.

use bytemuck::cast_slice;

/// How many samples there are to encode.
const SAMPLES: usize = 1 << 16;

/// One of the two laws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Of North America and Japan, PCMU
    Mu,
    /// Of the rest, PCMA
    A,
}

static MU_TO_LINEAR: [i16; 256] = decoding_table(Law::Mu);
static A_TO_LINEAR: [i16; 256] = decoding_table(Law::A);
static LINEAR_TO_MU: [u8; SAMPLES] = encoding_table(Law::Mu);
static LINEAR_TO_A: [u8; SAMPLES] = encoding_table(Law::A);
static MU_TO_A: [u8; 256] = converting_table(&MU_TO_LINEAR, &LINEAR_TO_A);
static A_TO_MU: [u8; 256] = converting_table(&A_TO_LINEAR, &LINEAR_TO_MU);

/// Decodes as much as both slices hold.
pub fn decode(law: Law, payload: &[u8], out: &mut [i16]) {
    let table = match law {
        Law::Mu => &MU_TO_LINEAR,
        Law::A => &A_TO_LINEAR,
    };
    for (sample, code) in out.iter_mut().zip(payload) {
        *sample = table[usize::from(*code)];
    }
}

/// Encodes as much as both slices hold.
pub fn encode(law: Law, pcm: &[i16], out: &mut [u8]) {
    let table = match law {
        Law::Mu => &LINEAR_TO_MU,
        Law::A => &LINEAR_TO_A,
    };
    let indices: &[u16] = cast_slice(pcm);
    for (code, index) in out.iter_mut().zip(indices) {
        *code = table[usize::from(*index)];
    }
}

/// Turns a payload of one law into one of the other, in place.
pub fn convert(from: Law, payload: &mut [u8]) {
    let table = match from {
        Law::Mu => &MU_TO_A,
        Law::A => &A_TO_MU,
    };
    for code in payload {
        *code = table[usize::from(*code)];
    }
}

/// The sample of a code (G.711 tables 1 and 2), scaled to 16 bits.
const fn linear_of(law: Law, code: u8) -> i16 {
    let (magnitude, positive) = match law {
        Law::Mu => {
            let code = !code;
            let step = ((code & 0x0f) as i16) << 3;
            (
                ((step + 0x84) << ((code >> 4) & 7)) - 0x84,
                code & 0x80 == 0,
            )
        }
        Law::A => {
            let code = code ^ 0x55;
            let step = ((code & 0x0f) as i16) << 4;
            let magnitude = match (code >> 4) & 7 {
                0 => step + 8,
                segment => (step + 0x108) << (segment - 1),
            };
            (magnitude, code & 0x80 != 0)
        }
    };
    if positive { magnitude } else { -magnitude }
}

const fn decoding_table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = linear_of(law, code as u8);
        code += 1;
    }
    table
}

/// Each sample's nearest code. Half way between two the smaller magnitude is taken, as G.711
/// draws its decision values.
const fn encoding_table(law: Law) -> [u8; SAMPLES] {
    // Codes of one sign by rising magnitude.
    let (first_positive, first_negative) = match law {
        Law::Mu => (0xff_u8, 0x7f_u8),
        Law::A => (0xd5, 0x55),
    };
    let mut table = [0; SAMPLES];
    let mut magnitude = 0_i32;
    let mut step = 0_u8;
    while magnitude <= 32_768 {
        while step < 127 && above(law, step, magnitude) {
            step += 1;
        }
        if magnitude < 32_768 {
            table[magnitude as usize] = first_positive ^ step;
        }
        if magnitude > 0 {
            table[SAMPLES - magnitude as usize] = first_negative ^ step;
        }
        magnitude += 1;
    }
    table
}

/// Whether a magnitude is nearer to the code after the one of this step.
const fn above(law: Law, step: u8, magnitude: i32) -> bool {
    let first = match law {
        Law::Mu => 0xff,
        Law::A => 0xd5,
    };
    let here = linear_of(law, first ^ step) as i32;
    let next = linear_of(law, first ^ (step + 1)) as i32;
    2 * magnitude > here + next
}

const fn converting_table(decoding: &[i16; 256], encoding: &[u8; SAMPLES]) -> [u8; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = encoding[decoding[code] as u16 as usize];
        code += 1;
    }
    table
}

//! libspeex of the system: the one place of unsafe code in here.
//!
//! What the calls rely on: a state is made, used and destroyed by one owner; slices are at least
//! as long as the frame of the state's band; settings are passed as `int`, the type that each of
//! the requests used here takes. libspeex keeps no globals, so that a state may move to another
//! thread.

#![allow(
    unsafe_code,
    reason = "a C library of codecs, which is called through these two types alone"
)]

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

use super::SpeexBand;

/// `SpeexBits` of speex_bits.h.
#[repr(C)]
#[derive(Debug)]
struct Bits {
    chars: *mut c_char,
    nb_bits: c_int,
    char_ptr: c_int,
    bit_ptr: c_int,
    owner: c_int,
    overflow: c_int,
    buf_size: c_int,
    reserved1: c_int,
    reserved2: *mut c_void,
}

const SET_ENHANCEMENT: c_int = 0;
const SET_QUALITY: c_int = 4;
const SET_COMPLEXITY: c_int = 16;
const SET_BITRATE: c_int = 18;
const SET_VAD: c_int = 30;
const SET_DTX: c_int = 34;

unsafe extern "C" {
    fn speex_lib_get_mode(mode: c_int) -> *const c_void;
    fn speex_encoder_init(mode: *const c_void) -> *mut c_void;
    fn speex_encoder_destroy(state: *mut c_void);
    fn speex_encode_int(state: *mut c_void, pcm: *mut i16, bits: *mut Bits) -> c_int;
    fn speex_encoder_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
    fn speex_decoder_init(mode: *const c_void) -> *mut c_void;
    fn speex_decoder_destroy(state: *mut c_void);
    fn speex_decode_int(state: *mut c_void, bits: *mut Bits, pcm: *mut i16) -> c_int;
    fn speex_decoder_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
    fn speex_bits_init(bits: *mut Bits);
    fn speex_bits_destroy(bits: *mut Bits);
    fn speex_bits_reset(bits: *mut Bits);
    fn speex_bits_read_from(bits: *mut Bits, bytes: *const c_char, len: c_int);
    fn speex_bits_write(bits: *mut Bits, bytes: *mut c_char, max_len: c_int) -> c_int;
}

fn mode_of(band: SpeexBand) -> *const c_void {
    let mode = match band {
        SpeexBand::Narrow => 0,
        SpeexBand::Wide => 1,
        SpeexBand::UltraWide => 2,
    };
    // SAFETY: gives the address of a constant.
    unsafe { speex_lib_get_mode(mode) }
}

impl Bits {
    /// With the buffer of 2,000 bytes that the library gives.
    fn new() -> Option<Box<Self>> {
        let mut bits = Box::new(Self {
            chars: std::ptr::null_mut(),
            nb_bits: 0,
            char_ptr: 0,
            bit_ptr: 0,
            owner: 0,
            overflow: 0,
            buf_size: 0,
            reserved1: 0,
            reserved2: std::ptr::null_mut(),
        });
        // SAFETY: fills in the structure, which is of the library's own layout.
        unsafe { speex_bits_init(&raw mut *bits) };
        if bits.chars.is_null() {
            None
        } else {
            Some(bits)
        }
    }
}

impl Drop for Bits {
    fn drop(&mut self) {
        // SAFETY: it was filled in by speex_bits_init, and frees what that allocated.
        unsafe { speex_bits_destroy(self) }
    }
}

/// A decoder and the packet it reads.
#[derive(Debug)]
pub(super) struct DecoderState {
    state: NonNull<c_void>,
    bits: Box<Bits>,
    frame: usize,
}

// SAFETY: the library keeps nothing that belongs to a thread.
unsafe impl Send for DecoderState {}

impl DecoderState {
    /// `None` if there is no memory.
    pub(super) fn new(band: SpeexBand) -> Option<Self> {
        let bits = Bits::new()?;
        // SAFETY: the mode is a constant of the library.
        let state = NonNull::new(unsafe { speex_decoder_init(mode_of(band)) })?;
        let decoder = Self {
            state,
            bits,
            frame: band.frame(),
        };
        let mut on: c_int = 1;
        // SAFETY: the request takes an int.
        unsafe { speex_decoder_ctl(state.as_ptr(), SET_ENHANCEMENT, (&raw mut on).cast()) };
        Some(decoder)
    }

    /// Takes a packet to decode. Of one longer than the buffer the end is left out.
    pub(super) fn load(&mut self, payload: &[u8]) {
        let payload = &payload[..payload.len().min(super::MAX_PAYLOAD)];
        // SAFETY: it copies so many bytes, less than its buffer has.
        unsafe {
            let bytes = payload.as_ptr().cast();
            speex_bits_read_from(&raw mut *self.bits, bytes, payload.len() as c_int);
        }
    }

    /// The next frame of the packet. `false` if there is none.
    pub(super) fn decode(&mut self, out: &mut [i16]) -> bool {
        if out.len() < self.frame {
            return false;
        }
        let bits = &raw mut *self.bits;
        // SAFETY: it writes one frame, for which there is room.
        unsafe { speex_decode_int(self.state.as_ptr(), bits, out.as_mut_ptr()) == 0 }
    }

    /// A frame that was lost.
    pub(super) fn conceal(&mut self, out: &mut [i16]) {
        if out.len() < self.frame {
            return;
        }
        let no_bits = std::ptr::null_mut();
        // SAFETY: without bits it makes up a frame and writes it, for which there is room.
        unsafe { speex_decode_int(self.state.as_ptr(), no_bits, out.as_mut_ptr()) };
    }
}

impl Drop for DecoderState {
    fn drop(&mut self) {
        // SAFETY: nobody uses it afterwards.
        unsafe { speex_decoder_destroy(self.state.as_ptr()) }
    }
}

/// An encoder and the packet it writes.
#[derive(Debug)]
pub(super) struct EncoderState {
    state: NonNull<c_void>,
    bits: Box<Bits>,
    /// libspeex works on the samples in place.
    scratch: Box<[i16]>,
}

// SAFETY: the library keeps nothing that belongs to a thread.
unsafe impl Send for EncoderState {}

impl EncoderState {
    /// `None` if there is no memory.
    pub(super) fn new(band: SpeexBand) -> Option<Self> {
        let bits = Bits::new()?;
        // SAFETY: the mode is a constant of the library.
        let state = NonNull::new(unsafe { speex_encoder_init(mode_of(band)) })?;
        Some(Self {
            state,
            bits,
            scratch: vec![0; band.frame()].into_boxed_slice(),
        })
    }

    /// 1 to 10.
    pub(super) fn set_complexity(&mut self, complexity: i32) {
        self.set(SET_COMPLEXITY, complexity);
    }

    /// 0 to 10.
    pub(super) fn set_quality(&mut self, quality: i32) {
        self.set(SET_QUALITY, quality);
    }

    /// The best quality of at most so many bits a second.
    pub(super) fn set_bitrate(&mut self, bits: i32) {
        self.set(SET_BITRATE, bits);
    }

    /// Whether silence is recognised and left out.
    pub(super) fn set_dtx(&mut self, dtx: bool) {
        self.set(SET_VAD, dtx.into());
        self.set(SET_DTX, dtx.into());
    }

    fn set(&mut self, request: c_int, mut value: c_int) {
        // SAFETY: the requests above take an int.
        unsafe { speex_encoder_ctl(self.state.as_ptr(), request, (&raw mut value).cast()) };
    }

    /// Begins a packet.
    pub(super) fn clear(&mut self) {
        // SAFETY: the structure was filled in by the library.
        unsafe { speex_bits_reset(&raw mut *self.bits) };
    }

    /// Adds a frame to the packet. `false` if it is of silence.
    pub(super) fn encode(&mut self, pcm: &[i16]) -> bool {
        for (scratch, sample) in self.scratch.iter_mut().zip(pcm) {
            *scratch = *sample;
        }
        let pcm = self.scratch.as_mut_ptr();
        // SAFETY: it reads and changes one frame, which is what there is.
        unsafe { speex_encode_int(self.state.as_ptr(), pcm, &raw mut *self.bits) != 0 }
    }

    /// Writes the packet, padded to whole bytes, and gives its length.
    pub(super) fn write(&mut self, out: &mut [u8]) -> usize {
        let (bytes, len) = (out.as_mut_ptr().cast(), out.len().min(super::MAX_PAYLOAD));
        // SAFETY: it writes at most so many bytes, for which there is room.
        let written = unsafe { speex_bits_write(&raw mut *self.bits, bytes, len as c_int) };
        usize::try_from(written).unwrap_or(0)
    }
}

impl Drop for EncoderState {
    fn drop(&mut self) {
        // SAFETY: nobody uses it afterwards.
        unsafe { speex_encoder_destroy(self.state.as_ptr()) }
    }
}

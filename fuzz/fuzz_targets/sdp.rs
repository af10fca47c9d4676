//! `cargo +nightly fuzz run sdp --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::sdp(data));

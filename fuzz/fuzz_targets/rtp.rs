//! `cargo +nightly fuzz run rtp --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::rtp(data));

//! `cargo +nightly fuzz run playout --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::playout(data));

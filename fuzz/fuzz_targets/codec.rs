//! `cargo +nightly fuzz run codec --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::codec(data));

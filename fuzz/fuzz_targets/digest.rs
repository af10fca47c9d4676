//! `cargo +nightly fuzz run digest --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::digest(data));

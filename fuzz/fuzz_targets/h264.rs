//! `cargo +nightly fuzz run h264 --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::h264(data));

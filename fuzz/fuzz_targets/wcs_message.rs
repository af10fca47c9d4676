//! `cargo +nightly fuzz run wcs_message --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::wcs_message(data));

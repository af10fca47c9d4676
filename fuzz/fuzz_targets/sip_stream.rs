//! `cargo +nightly fuzz run sip_stream --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::sip_stream(data));

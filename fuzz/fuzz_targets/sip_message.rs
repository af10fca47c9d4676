//! `cargo +nightly fuzz run sip_message --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::sip_message(data));

//! `cargo +nightly fuzz run sip_transactions --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::sip_transactions(data));

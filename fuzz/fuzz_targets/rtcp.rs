//! `cargo +nightly fuzz run rtcp --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::rtcp(data));

//! `cargo +nightly fuzz run offer_answer --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::offer_answer(data));

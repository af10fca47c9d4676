//! `cargo +nightly fuzz run dialled_name --features fuzzing`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| callbox_fuzz::dialled_name(data));

//! Offer and answer between stand-ins of real browsers.

#![allow(clippy::expect_used, clippy::panic, clippy::disallowed_methods)]

mod bridging;
mod codecs;
mod joining;
mod offering;
mod peer;
mod phone;
mod phones;
mod reaching;
mod reading;
mod renewing;
mod rules;
mod sdes;
mod suiting;
mod transcoding;

//! Offer and answer between stand-ins of real browsers.

#![allow(clippy::expect_used, clippy::panic)]

mod bridging;
mod codecs;
mod joining;
mod offering;
mod peer;
mod reading;
mod rules;

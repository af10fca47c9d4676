//! Offer and answer between stand-ins of real browsers.

mod bridging;
mod peer;

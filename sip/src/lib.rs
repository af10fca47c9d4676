//! The SIP protocol of Callbox, sans-IO.
#![forbid(unsafe_code)]

pub mod flow;
pub mod uri;

//! The SIP protocol of Callbox, sans-IO.
#![forbid(unsafe_code)]

pub mod dialog;
pub mod digest;
pub mod flow;
pub mod framer;
pub mod header;
pub mod message;
pub mod neighbourhood;
pub mod procedure;
pub mod resolve;
pub mod transaction;
pub mod uri;

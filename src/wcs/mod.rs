//! The wire protocol of the Flashphoner Web SDK 2.0 as its server speaks it, and our `callbox.*`
//! extensions to it. Sans-IO: text in, text out, deadlines named.
//!
//! [`message`] is what is said; [`session`] is who may say it when.
#![forbid(unsafe_code)]

mod call;
pub mod message;
pub mod session;

pub use call::WireCall;

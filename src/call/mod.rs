//! The call core: who calls whom, over which legs, and how it ends. Sans-IO.
//!
//! [`switch::Switch`] owns everything; [`io`] is what goes in and comes out, [`view`] what
//! others may see, [`end`] why calls end.
#![forbid(unsafe_code)]

mod admission;
mod announcement;
mod answer;
mod api;
#[expect(clippy::module_inception, reason = "a call, in the core of calls")]
mod call;
pub mod config;
mod denial;
mod device;
mod digits;
mod early;
pub mod end;
pub mod figures;
mod finish;
mod hold;
mod household;
mod invite;
pub mod io;
mod join;
mod keeping;
mod late_offer;
mod leg;
mod lines;
mod local;
mod local_media;
mod media;
mod meter;
mod negotiation;
mod one_way;
mod outputs;
mod page_offer;
mod partner;
mod people;
mod pool;
mod presence;
mod quality;
mod recording;
mod redirect;
mod renegotiation;
mod replace;
mod resume;
mod route;
mod scanners;
mod setup;
mod signin;
mod sip;
pub mod switch;
#[cfg(test)]
mod tests;
pub mod time;
mod timer;
mod transcoding;
mod transfer;
pub mod view;
mod words;

pub use io::{Input, Output};
pub use switch::Switch;
pub use time::Now;

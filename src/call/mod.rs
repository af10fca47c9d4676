//! The call core: who calls whom, over which legs, and how it ends. Sans-IO.
#![forbid(unsafe_code)]

pub mod io;
pub mod time;
pub mod view;

pub use io::{Input, Output};
pub use time::Now;

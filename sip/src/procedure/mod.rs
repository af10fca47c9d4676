//! Procedures of user agents that outlast a transaction, one a file.
//!
//! Each is a value that its owner tells of messages and of the time. What they write lacks what
//! only the owner knows: Via and, where the method wants one, Contact; and Supported, Allow and
//! the like, which are the same in all our messages.

pub mod accept;
pub mod glare;
pub mod info;
pub mod refer;
pub mod register;
pub mod reliable;
pub mod session_timer;
pub mod subscribe;
#[cfg(test)]
mod tests;
mod xml;

use crate::message::{Rejection, Status};

/// One of the two user agents of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// We.
    Us,
    /// The far side.
    Peer,
}

fn bad(reason: &'static str) -> Rejection {
    Rejection::new(Status::BAD_REQUEST, reason)
}

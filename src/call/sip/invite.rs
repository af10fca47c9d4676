//! The INVITE that a leg came by.

use sip::message::Request;

use super::keys::allows_info;

/// An INVITE as it arrived, or as it was sent. It is some 1.5 KiB; once both sides have accepted,
/// only what may still be asked of it is kept.
#[derive(Debug)]
pub(super) enum Invite {
    Whole(Box<Request>),
    Accepted { cseq: u32, allows_info: bool },
}

impl Invite {
    pub(super) fn new(request: Request) -> Self {
        Self::Whole(Box::new(request))
    }

    /// `None` once both sides have accepted it.
    pub(super) fn whole(&self) -> Option<&Request> {
        match self {
            Self::Whole(request) => Some(request),
            Self::Accepted { .. } => None,
        }
    }

    /// Both sides have accepted it.
    pub(super) fn accept(&mut self) {
        *self = Self::Accepted {
            cseq: self.cseq(),
            allows_info: self.allows_info(),
        };
    }

    pub(super) fn cseq(&self) -> u32 {
        match self {
            Self::Whole(request) => request.cseq(),
            Self::Accepted { cseq, .. } => *cseq,
        }
    }

    /// Whether it says that its sender takes INFO, or says nothing about that.
    pub(super) fn allows_info(&self) -> bool {
        match self {
            Self::Whole(request) => allows_info(request.headers()),
            Self::Accepted { allows_info, .. } => *allows_info,
        }
    }

    /// It brings no offer: that is for the answer to do (RFC 3261 13.2.1). False once both sides
    /// have accepted it.
    pub(super) fn is_without_offer(&self) -> bool {
        self.whole()
            .is_some_and(|request| request.body().is_empty())
    }
}

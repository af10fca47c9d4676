//! One connection of ICE-TCP.

use std::io::{ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsRawFd;
use std::time::Instant;

use media::worker::Path;
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, sendmsg};

use super::TcpConfig;
use super::framing::{FrameTooLong, Partial};
use super::outgoing::Outgoing;
use crate::net::admission::Permit;
use crate::net::listen::errno;

/// Bytes a connection may send before it has shown an authenticated check: some checks, and a
/// first DTLS flight that overtook them.
const MAX_STRANGER_BYTES: usize = 8 * 1024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    pub(super) path: Path,
    pub(super) outgoing: Outgoing,
    /// It is in the list of those that have something to send.
    pub(super) is_listed: bool,
    /// The system tells when it takes more.
    pub(super) is_jammed: bool,
    standing: Standing,
    partial: Partial,
    /// When the last whole frame came, or the connection.
    heard: Instant,
    _permit: Permit,
}

/// What a connection is to the worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// No authenticated check has come.
    Stranger { since: Instant, bytes: usize },
    /// It leads to a leg.
    Known,
    /// It led to a leg until not long ago.
    Left,
}

/// Why a connection is closed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum End {
    #[error("the far side closed it")]
    Peer,
    #[error("it failed: {0}")]
    Failed(Errno),
    #[error("a frame is longer than any datagram of media")]
    FrameTooLong,
    #[error("it talks without an authenticated check")]
    Talkative,
    #[error("no authenticated check came in time")]
    Unchecked,
    #[error("it was the oldest stranger when another one came")]
    Displaced,
    #[error("nothing came for too long")]
    Idle,
    #[error("its leg is gone")]
    LegGone,
}

impl Connection {
    pub(super) fn new(now: Instant, stream: TcpStream, path: Path, permit: Permit) -> Self {
        Self {
            stream,
            path,
            outgoing: Outgoing::default(),
            is_listed: false,
            is_jammed: false,
            standing: Standing::Stranger {
                since: now,
                bytes: 0,
            },
            partial: Partial::default(),
            heard: now,
            _permit: permit,
        }
    }

    /// Reads once. What is returned is the length of the whole frames at the start of `buffer`.
    pub(super) fn read(&mut self, now: Instant, buffer: &mut [u8]) -> Result<usize, End> {
        let kept = self.partial.restore(buffer);
        let room = buffer.get_mut(kept..).unwrap_or_default();
        let read = match self.stream.read(room) {
            Ok(0) => return Err(End::Peer),
            Ok(read) => read,
            Err(error) if is_passing(error.kind()) => return Ok(0),
            Err(error) => return Err(End::Failed(errno(&error))),
        };
        if let Standing::Stranger { bytes, .. } = &mut self.standing {
            *bytes += read;
            if *bytes > MAX_STRANGER_BYTES {
                return Err(End::Talkative);
            }
        }
        let all = buffer.get(..kept + read).unwrap_or_default();
        let whole = match self.partial.keep(all) {
            Ok(whole) => whole,
            Err(FrameTooLong) => return Err(End::FrameTooLong),
        };
        if whole > 0 {
            self.heard = now;
        }
        Ok(whole)
    }

    /// Sends what waits, as far as the network takes it.
    pub(super) fn write(&mut self) -> Result<bool, End> {
        let fd = self.stream.as_raw_fd();
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let sent = self
            .outgoing
            .write(|slices| sendmsg::<()>(fd, slices, &[], flags, None));
        sent.map_err(End::Failed)
    }

    /// Notes whether the worker knows the path.
    pub(super) fn judge(&mut self, is_known: bool) {
        match (self.standing, is_known) {
            (_, true) => self.standing = Standing::Known,
            (Standing::Known, false) => self.standing = Standing::Left,
            (Standing::Stranger { .. } | Standing::Left, false) => {}
        }
    }

    pub(super) fn is_stranger(&self) -> bool {
        matches!(self.standing, Standing::Stranger { .. })
    }

    /// Why it should be closed by now, if it should. A connection whose leg is gone stays from
    /// one look to the next, so that the goodbye is heard.
    pub(super) fn review(
        &mut self,
        now: Instant,
        is_known: bool,
        config: &TcpConfig,
    ) -> Option<End> {
        let before = self.standing;
        self.judge(is_known);
        match self.standing {
            Standing::Stranger { since, .. } => {
                (since + config.check_timeout <= now).then_some(End::Unchecked)
            }
            Standing::Left => (before == Standing::Left).then_some(End::LegGone),
            Standing::Known => (self.heard + config.idle_timeout <= now).then_some(End::Idle),
        }
    }
}

fn is_passing(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

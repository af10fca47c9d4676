//! The thread's part in the sockets of RTP legs.

use std::time::Instant;

use nix::errno::Errno;

use super::super::socket::{Batches, Received};
use super::{Fetched, Thread};

/// Datagrams taken from one RTP socket at once: a phone sends one every 20 ms, a camera some.
const FEW: usize = 8;

impl Thread {
    /// Takes what has come for RTP legs.
    pub(super) fn take_from_phones(
        &mut self,
        now: Instant,
        batches: &mut Batches,
        buffer: &mut [u8],
        fetched: &mut Fetched,
    ) {
        for index in 0..self.rtp.look() {
            let Some(socket) = self.rtp.ready(index) else {
                continue;
            };
            let mut received: [Option<Received>; FEW] = [None; FEW];
            let count = match batches.receive(socket, buffer, &mut received) {
                Ok(count) => count,
                Err(Errno::EAGAIN) => continue,
                Err(error) => {
                    tracing::debug!(%error, "receiving media failed");
                    continue;
                }
            };
            let received = received.get(..count).unwrap_or_default();
            self.look_at(now, received, batches, buffer, fetched);
        }
        self.flush(batches);
    }
}

//! The thread's part in the sockets of RTP legs.

use std::time::Instant;

use nix::errno::Errno;

use super::super::socket::{Batches, DATAGRAM_LEN, Received};
use super::{Fetched, OUTBOX_RESERVE, Thread};

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
            // As for the shared port: what was ordered before is done before.
            self.take_some_commands(now);
            self.counts.received += count as u64;
            let datagrams = buffer.chunks_exact_mut(DATAGRAM_LEN);
            for (received, bytes) in received.iter().zip(datagrams).take(count) {
                let Some(received) = received else { continue };
                let Some(datagram) = bytes.get_mut(..received.len) else {
                    continue;
                };
                fetched.note(datagram);
                self.worker
                    .handle_datagram(now, received.path, datagram, &mut self.outbox);
                if self.outbox.room() <= OUTBOX_RESERVE {
                    self.flush(batches);
                }
            }
        }
        self.flush(batches);
    }
}

//! The thread's part in media over TCP.

use std::time::Instant;

use super::super::socket::Batches;
use super::super::tcp::{Frames, READ_LEN};
use super::{Fetched, OUTBOX_RESERVE, Thread};

impl Thread {
    /// Takes what has come over connections.
    pub(super) fn take_frames(
        &mut self,
        now: Instant,
        batches: &mut Batches,
        buffer: &mut [u8],
        fetched: &mut Fetched,
    ) {
        let buffer = buffer.get_mut(..READ_LEN).unwrap_or_default();
        self.tcp.look();
        while let Some((path, whole)) = self.tcp.read(buffer) {
            // As for datagrams: what was ordered before is done before.
            self.take_some_commands(now);
            for datagram in Frames(buffer.get_mut(..whole).unwrap_or_default()) {
                self.counts.received += 1;
                fetched.note(datagram);
                self.worker
                    .handle_datagram(now, path, datagram, &mut self.outbox);
                if self.outbox.room() <= OUTBOX_RESERVE {
                    self.flush(batches);
                }
            }
            self.flush(batches);
            self.tcp.judge(&path, self.worker.knows(&path));
            self.leave_closed_paths();
        }
        self.leave_closed_paths();
    }

    /// Closes the connections that have to go.
    pub(super) fn tend_connections(&mut self) {
        self.tcp.review(|path| self.worker.knows(path));
        self.leave_closed_paths();
    }

    /// Nothing is sent to a closed connection any more.
    fn leave_closed_paths(&mut self) {
        while let Some(path) = self.tcp.next_closed() {
            self.worker.handle_path_closed(path);
        }
    }
}

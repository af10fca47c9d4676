//! What is left of a DTLS association once its handshake is done.
//!
//! The engine is of no more use then, but for two datagrams that are known beforehand: our last
//! flight, should it have been lost, and our goodbye. So they are kept, and the engine with its
//! buffers and keys is let go (ADR 8: `docs/adr/0008-let-the-handshake-go.md`).

use std::time::{Duration, Instant};

use super::dtls::Sender;
use crate::ids::Fingerprint;

/// Times that our last flight is sent again; a client gives up after fewer attempts.
const MAX_REPEATS: u8 = 16;

/// It is not sent again sooner: a flight of the far side may have several datagrams.
const REPEAT_INTERVAL: Duration = Duration::from_millis(30);

/// See the module.
pub(super) struct Afterwards {
    pub(super) peer: Fingerprint,
    pub(super) last_flight: Box<[Box<[u8]>]>,
    pub(super) goodbye: Box<[u8]>,
    pub(super) repeats: u8,
    pub(super) repeated: Option<Instant>,
}

/// What a datagram asks that nobody can decrypt any more. Its first record tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    /// A handshake message, so our last flight did not arrive.
    LastFlight,
    /// All that a client sends after its handshake is its goodbye.
    Goodbye,
    /// None that may be answered.
    None,
}

impl Question {
    fn of(datagram: &[u8]) -> Self {
        match *datagram {
            // change_cipher_spec or handshake (RFC 6347 4.1)
            [20 | 22, ..] => Self::LastFlight,
            // An alert under the keys, which have an epoch after 0.
            [21, _, _, epoch_high, epoch_low, ..] if (epoch_high, epoch_low) != (0, 0) => {
                Self::Goodbye
            }
            // DTLS 1.3 has the epoch's low bits in the first byte (RFC 9147 4): 2 is the
            // handshake, 3 what comes after.
            [first @ 32..=63, ..] => match first & 3 {
                2 => Self::LastFlight,
                3 => Self::Goodbye,
                _ => Self::None,
            },
            _ => Self::None,
        }
    }
}

impl Afterwards {
    /// Answers a datagram where it wants an answer, and says whether it looks like a goodbye.
    /// Anybody may have made it who can send over a checked path.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        datagram: &[u8],
        send: &mut Sender<'_>,
    ) -> bool {
        let question = Question::of(datagram);
        if question == Question::LastFlight {
            self.repeat(now, send);
        }
        question == Question::Goodbye
    }

    /// Bit for bit what was sent before: to a far side that has it, it is a replay.
    fn repeat(&mut self, now: Instant, send: &mut Sender<'_>) {
        let soon = self
            .repeated
            .is_some_and(|at| now.saturating_duration_since(at) < REPEAT_INTERVAL);
        if soon || self.repeats >= MAX_REPEATS {
            return;
        }
        self.repeats += 1;
        self.repeated = Some(now);
        for datagram in &self.last_flight {
            send.send(datagram);
        }
    }

    pub(super) fn close(&self, send: &mut Sender<'_>) {
        if !self.goodbye.is_empty() {
            send.send(&self.goodbye);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Question;

    #[test]
    fn the_first_record_tells_what_is_asked() {
        for (datagram, question) in [
            (&[20, 254, 253, 0, 0][..], Question::LastFlight),
            (&[22, 254, 253, 0, 0], Question::LastFlight),
            (&[22, 254, 253, 0, 1], Question::LastFlight),
            (&[0b0010_1110], Question::LastFlight),
            (&[21, 254, 253, 0, 1], Question::Goodbye),
            (&[0b0010_1111], Question::Goodbye),
            // In the clear, early data, application data, acknowledgements, and no record at all.
            (&[21, 254, 253, 0, 0], Question::None),
            (&[0b0010_1101], Question::None),
            (&[23, 254, 253, 0, 1], Question::None),
            (&[26, 254, 253, 0, 0], Question::None),
            (&[21, 254], Question::None),
            (&[], Question::None),
        ] {
            assert_eq!(Question::of(datagram), question, "{datagram:?}");
        }
    }
}

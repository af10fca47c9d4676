//! Packet indices (RFC 3711 3.3.1) and the window against replay (3.3.2).

/// RTP packets a late one may lie behind and still be taken. A second of video at 8 Mbit/s:
/// what is later than that was asked for again long ago.
const RTP_WINDOW_WORDS: usize = 1 + 16;

/// RTCP packets come a few a second.
const RTCP_WINDOW_WORDS: usize = 1 + 2;

/// Replay window of a received RTP source.
pub(super) type RtpWindow = ReplayWindow<RTP_WINDOW_WORDS>;

/// Replay window of a received RTCP source.
pub(super) type RtcpWindow = ReplayWindow<RTCP_WINDOW_WORDS>;

/// The last 64 × (`WORDS` − 1) indices up to the highest one, one bit each. One word more than
/// that, because the newest word is filled while the oldest is still asked for.
#[derive(Debug, Clone)]
pub(super) struct ReplayWindow<const WORDS: usize> {
    highest: u64,
    /// Bit `i % 64` of word `(i / 64) % WORDS` stands for index `i`.
    seen: [u64; WORDS],
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    const LEN: u64 = 64 * (WORDS as u64 - 1);

    /// With its first index.
    pub(super) fn starting_at(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            seen: [0; WORDS],
        };
        window.mark(index);
        window
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether the index is new and not too old to tell.
    pub(super) fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        self.highest - index < Self::LEN && self.word(index) & bit(index) == 0
    }

    /// Remembers an authenticated index.
    pub(super) fn accept(&mut self, index: u64) {
        if index > self.highest {
            let first = self.highest / 64 + 1;
            let last = index / 64;
            // Words that come round again are stale; never more than all of them.
            for word in first.max(last.saturating_sub(WORDS as u64 - 1))..=last {
                if let Some(word) = self.seen.get_mut((word % WORDS as u64) as usize) {
                    *word = 0;
                }
            }
            self.highest = index;
        }
        self.mark(index);
    }

    fn mark(&mut self, index: u64) {
        if let Some(word) = self.seen.get_mut(place(index, WORDS)) {
            *word |= bit(index);
        }
    }

    fn word(&self, index: u64) -> u64 {
        self.seen
            .get(place(index, WORDS))
            .copied()
            .unwrap_or(u64::MAX)
    }
}

fn place(index: u64, words: usize) -> usize {
    (index / 64 % words as u64) as usize
}

fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

/// The 48-bit index of a sequence number: with the rollover counter that brings it nearest to
/// the highest index so far (RFC 3711 3.3.1 and appendix A).
pub(super) fn estimate(highest: Option<u64>, sequence_number: u16) -> u64 {
    let sequence_number = u64::from(sequence_number);
    let Some(highest) = highest else {
        return sequence_number;
    };
    let rollover = highest >> 16;
    let last = highest & 0xffff;
    let rollover = if last < 0x8000 {
        if sequence_number > last + 0x8000 {
            rollover.saturating_sub(1)
        } else {
            rollover
        }
    } else if last - 0x8000 > sequence_number {
        rollover + 1
    } else {
        rollover
    };
    rollover << 16 | sequence_number
}

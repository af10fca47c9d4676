//! Replay windows (RFC 3711 3.3.2).

/// Which of the last `64 * WORDS` indices were used.
#[derive(Debug, Clone)]
pub(super) struct Window<const WORDS: usize> {
    highest: u64,
    /// Bit `index % size` is set where `index` was used; a ring, so that nothing is shifted.
    bits: [u64; WORDS],
}

/// How an index lies to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Fresh,
    Used,
    TooOld,
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = 64 * WORDS as u64;

    /// With `index` used, and nothing else.
    pub(super) fn new(index: u64) -> Self {
        let mut window = Self {
            highest: index,
            bits: [0; WORDS],
        };
        window.set(index, true);
        window
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    pub(super) fn standing(&self, index: u64) -> Standing {
        if index > self.highest {
            Standing::Fresh
        } else if self.highest - index >= Self::SIZE {
            Standing::TooOld
        } else if self.is_set(index) {
            Standing::Used
        } else {
            Standing::Fresh
        }
    }

    /// Marks `index` used and moves the window up to it. Nothing happens to one too old.
    pub(super) fn insert(&mut self, index: u64) {
        if index > self.highest {
            if index - self.highest >= Self::SIZE {
                self.bits = [0; WORDS];
            } else {
                for passed in self.highest + 1..index {
                    self.set(passed, false);
                }
            }
            self.highest = index;
        } else if self.highest - index >= Self::SIZE {
            return;
        }
        self.set(index, true);
    }

    fn is_set(&self, index: u64) -> bool {
        let (word, bit) = Self::place(index);
        self.bits[word] & bit != 0
    }

    fn set(&mut self, index: u64, used: bool) {
        let (word, bit) = Self::place(index);
        if used {
            self.bits[word] |= bit;
        } else {
            self.bits[word] &= !bit;
        }
    }

    /// Always within the array: the modulus is its size in bits.
    fn place(index: u64) -> (usize, u64) {
        let at = index % Self::SIZE;
        ((at / 64) as usize, 1 << (at % 64))
    }
}

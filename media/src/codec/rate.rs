//! Sampling rates.

/// A sampling rate that a coder here can run at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SampleRate {
    /// 8 kHz, narrow band
    Hz8000,
    /// 12 kHz, the medium band of Opus
    Hz12000,
    /// 16 kHz, wide band
    Hz16000,
    /// 24 kHz, the super-wide band of Opus
    Hz24000,
    /// 32 kHz, the ultra-wide band of Speex
    Hz32000,
    /// 48 kHz, full band
    Hz48000,
}

impl SampleRate {
    /// All, from low to high.
    pub const ALL: [Self; 6] = [
        Self::Hz8000,
        Self::Hz12000,
        Self::Hz16000,
        Self::Hz24000,
        Self::Hz32000,
        Self::Hz48000,
    ];

    /// In Hz.
    pub const fn hz(self) -> u32 {
        self.per_ms() as u32 * 1000
    }

    /// The rate of so many Hz.
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|rate| rate.hz() == hz)
    }

    /// How many samples so many milliseconds have.
    pub const fn samples(self, ms: u16) -> usize {
        self.per_ms() * ms as usize
    }

    /// Samples in a millisecond.
    pub const fn per_ms(self) -> usize {
        match self {
            Self::Hz8000 => 8,
            Self::Hz12000 => 12,
            Self::Hz16000 => 16,
            Self::Hz24000 => 24,
            Self::Hz32000 => 32,
            Self::Hz48000 => 48,
        }
    }
}

//! What callers hear while it rings (ITU-T E.180, Supplement 2 to Recommendation E.180).

use std::f64::consts::TAU;

use super::{Pcm, Sound, SoundError};

const HZ: u32 = 8_000;

/// Of all tones of a signal together: about -15 dBm0, as the far end of a line has it.
const AMPLITUDE: f64 = 4_000.0;

/// The ringing tone of a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ringback {
    /// Most of Europe: 425 Hz, 1 s of 5 s.
    Europe,
    /// North America: 440 and 480 Hz, 2 s of 6 s.
    NorthAmerica,
    /// The United Kingdom, and as well Ireland: 400 and 450 Hz, twice 0.4 s in 3 s.
    UnitedKingdom,
    /// France: 440 Hz, 1.5 s of 5 s.
    France,
    /// Spain: 425 Hz, 1.5 s of 4.5 s.
    Spain,
    /// Russia: 425 Hz, 0.8 s of 4 s.
    Russia,
}

impl Ringback {
    /// The names that a configuration has for them.
    pub const NAMES: [(&'static str, Self); 6] = [
        ("eu", Self::Europe),
        ("us", Self::NorthAmerica),
        ("uk", Self::UnitedKingdom),
        ("fr", Self::France),
        ("es", Self::Spain),
        ("ru", Self::Russia),
    ];

    /// The tone, again and again.
    ///
    /// # Errors
    /// None: its length and rate are allowed.
    pub fn sound(self) -> Result<Sound, SoundError> {
        let (frequencies, cadence) = self.signal();
        let mut samples = Vec::new();
        for (on_ms, off_ms) in cadence {
            let amplitude = AMPLITUDE / (frequencies.len() as f64).sqrt();
            let mut burst: Vec<i16> = (0..on_ms * HZ / 1000)
                .map(|n| {
                    let angle = TAU * f64::from(n) / f64::from(HZ);
                    let waves = frequencies.iter().map(|hz| (angle * hz).sin());
                    (amplitude * waves.sum::<f64>()) as i16
                })
                .collect();
            crate::playout::fade::fade_in(&mut burst, 40);
            crate::playout::fade::fade_out(&mut burst, 40);
            samples.extend(burst);
            samples.extend((0..off_ms * HZ / 1000).map(|_| 0_i16));
        }
        Sound::new(Pcm { hz: HZ, samples }).map(Sound::repeated)
    }

    /// Its frequencies in Hz, and how long it is on and off in ms.
    fn signal(self) -> (&'static [f64], &'static [(u32, u32)]) {
        match self {
            Self::Europe => (&[425.0], &[(1_000, 4_000)]),
            Self::NorthAmerica => (&[440.0, 480.0], &[(2_000, 4_000)]),
            Self::UnitedKingdom => (&[400.0, 450.0], &[(400, 200), (400, 2_000)]),
            Self::France => (&[440.0], &[(1_500, 3_500)]),
            Self::Spain => (&[425.0], &[(1_500, 3_000)]),
            Self::Russia => (&[425.0], &[(800, 3_200)]),
        }
    }
}

//! NTP timestamps as RTCP uses them (RFC 3550 4).

use std::time::{Duration, Instant};

/// Seconds from 1900 to 1970.
const UNIX_EPOCH_S: u64 = 2_208_988_800;
const NANOS_PER_S: u128 = 1_000_000_000;

/// Seconds since 1900 in 32.32 fixed point; the seconds wrap in 2036.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ntp64(pub u64);

impl Ntp64 {
    /// From the time since 1970.
    pub fn from_unix(since_1970: Duration) -> Self {
        let seconds = since_1970.as_secs().wrapping_add(UNIX_EPOCH_S) & 0xFFFF_FFFF;
        let fraction = (u64::from(since_1970.subsec_nanos()) << 32) / 1_000_000_000;
        Self((seconds << 32) | fraction)
    }

    /// The middle 32 bits, 16.16 fixed point: the form of LSR (RFC 3550 6.4.1).
    pub fn middle(self) -> u32 {
        (self.0 >> 16) as u32
    }

    /// This time moved on by `by`.
    pub fn plus(self, by: Duration) -> Self {
        let units = (by.as_nanos() << 32) / NANOS_PER_S;
        Self(self.0.wrapping_add(units as u64))
    }

    /// Signed distance from `earlier`, right for distances under 68 years.
    pub fn since(self, earlier: Self) -> Result<Duration, Duration> {
        let units = self.0.wrapping_sub(earlier.0) as i64;
        let nanos = (u128::from(units.unsigned_abs()) * NANOS_PER_S) >> 32;
        let distance = Duration::from_nanos(nanos as u64);
        if units >= 0 {
            Ok(distance)
        } else {
            Err(distance)
        }
    }

    /// Data of the `abs-send-time` header extension: 6.18 fixed point seconds.
    pub fn abs_send_time(self) -> [u8; 3] {
        let [_, a, b, c] = ((self.0 >> 14) as u32).to_be_bytes();
        [a, b, c]
    }
}

/// Data of the `abs-send-time` header extension of a packet sent `elapsed` after one with `data`; it
/// wraps every 64 seconds.
pub fn later_send_time(data: [u8; 3], elapsed: Duration) -> [u8; 3] {
    let [a, b, c] = data;
    // Cut to the 24 bits that the extension has.
    let units = (elapsed.as_nanos() << 18) / NANOS_PER_S;
    let time = u32::from_be_bytes([0, a, b, c]).wrapping_add(units as u32);
    let [_, a, b, c] = time.to_be_bytes();
    [a, b, c]
}

/// A duration in 16.16 fixed point seconds, the unit of DLSR; longer ones saturate.
pub fn to_compact(duration: Duration) -> u32 {
    let units = (duration.as_nanos() << 16) / NANOS_PER_S;
    u32::try_from(units).unwrap_or(u32::MAX)
}

/// The duration of 16.16 fixed point seconds.
pub fn from_compact(units: u32) -> Duration {
    Duration::from_nanos((u64::from(units) * 1_000_000_000) >> 16)
}

/// Tells NTP time from monotonic instants. One reading of the wall clock for the life of a
/// worker, so that sender reports never jump with it.
#[derive(Debug, Clone, Copy)]
pub struct NtpClock {
    at: Instant,
    ntp: Ntp64,
}

impl NtpClock {
    /// `since_1970` is the wall clock at `at`.
    pub fn new(at: Instant, since_1970: Duration) -> Self {
        Self {
            at,
            ntp: Ntp64::from_unix(since_1970),
        }
    }

    /// NTP time at `now`; the time of `at` for anything before it.
    pub fn ntp(&self, now: Instant) -> Ntp64 {
        self.ntp.plus(now.saturating_duration_since(self.at))
    }
}

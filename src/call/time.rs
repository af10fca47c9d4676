//! The time the shell hands in: read once for each input.

use std::time::{Duration, Instant};

/// One reading of both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// For deadlines and intervals; never goes back.
    pub mono: Instant,
    /// For people and records; may jump.
    pub wall: UnixTime,
}

/// Time since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub Duration);

impl UnixTime {
    /// To the second, in UTC, as names of files have it: `20270115T080000Z` (ISO 8601).
    pub fn compact(self) -> String {
        let (days, second) = (self.0.as_secs() / 86_400, self.0.as_secs() % 86_400);
        // The calendar repeats itself every 400 years, of which each begins in March here, so that a
        // leap day is the last of its year.
        let day = days + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let day = day - (153 * from_march + 2) / 5 + 1;
        let (month, next) = match from_march {
            0..10 => (from_march + 3, 0),
            _ => (from_march - 9, 1),
        };
        let year = 400 * era + year + next;
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
    }

    /// Whole milliseconds.
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_the_name_of_a_file_is_that_of_the_calendar() {
        // Against `date -u -d @N +%Y%m%dT%H%M%SZ`.
        for (seconds, written) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (951_868_799, "20000229T235959Z"),
            (951_868_800, "20000301T000000Z"),
            (1_709_210_096, "20240229T123456Z"),
            (1_798_761_599, "20261231T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
        ] {
            let time = UnixTime(Duration::from_secs(seconds));
            assert_eq!(time.compact(), written);
        }
    }
}

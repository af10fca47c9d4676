//! `Date` (RFC 3261 20.17): `Sat, 13 Nov 2010 23:29:00 GMT`, in GMT and nothing else.

use super::syntax::{Malformed, is_space, number};
use super::{Header, WriteHeader};
use crate::message::HeaderName;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const DAY_S: u64 = 86_400;
/// The last second of the year 9999.
const LAST_S: u64 = 253_402_300_799;

/// A moment, in whole seconds since 1970-01-01 00:00:00 UTC; from 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Seconds since 1970.
    pub unix_s: u64,
}

impl<'a> Header<'a> for Date {
    const NAME: HeaderName = HeaderName::Date;

    fn read(value: &'a [u8]) -> Result<Self, Malformed> {
        let mut words = value
            .split(|byte| is_space(*byte))
            .filter(|it| !it.is_empty());
        let mut word = || words.next().ok_or(Malformed::Grammar);
        let weekday = word()?.strip_suffix(b",").ok_or(Malformed::Grammar)?;
        let named = |names: &[&str], name: &[u8]| {
            names
                .iter()
                .position(|known| known.as_bytes().eq_ignore_ascii_case(name))
                .ok_or(Malformed::Grammar)
        };
        named(&WEEKDAYS, weekday)?;
        let day = digits(word()?, 2)?;
        let month = named(&MONTHS, word()?)? as u64 + 1;
        let year = digits(word()?, 4)?;
        let mut clock = word()?.split(|byte| *byte == b':');
        let mut part = || digits(clock.next().ok_or(Malformed::Grammar)?, 2);
        let (hour, minute, second) = (part()?, part()?, part()?);
        let more_clock = clock.next().is_some();
        // "SIP restricts the time zone in SIP-date to GMT" (20.17)
        if !word()?.eq_ignore_ascii_case(b"GMT") || more_clock || words.next().is_some() {
            return Err(Malformed::Grammar);
        }
        if year < 1970 || day == 0 || hour > 23 || minute > 59 || second > 60 {
            return Err(Malformed::Range);
        }
        let days = days_since_1970(year, month, day);
        if civil(days) != (year, month, day) {
            return Err(Malformed::Range);
        }
        Ok(Self {
            unix_s: days * DAY_S + hour * 3600 + minute * 60 + second.min(59),
        })
    }
}

impl WriteHeader for Date {
    const NAME: HeaderName = HeaderName::Date;

    fn write(&self, out: &mut Vec<u8>) {
        let unix_s = self.unix_s.min(LAST_S);
        let days = unix_s / DAY_S;
        let (year, month, day) = civil(days);
        // 1970-01-01 was a Thursday.
        let name = |names: &'static [&str], index: u64| {
            usize::try_from(index)
                .ok()
                .and_then(|index| names.get(index))
                .copied()
                .unwrap_or_default()
        };
        let weekday = name(&WEEKDAYS, (days + 3) % 7);
        let month = name(&MONTHS, month - 1);
        let (hour, minute, second) = (unix_s / 3600 % 24, unix_s / 60 % 60, unix_s % 60);
        out.extend_from_slice(
            format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
                .as_bytes(),
        );
    }
}

fn digits(bytes: &[u8], count: usize) -> Result<u64, Malformed> {
    if bytes.len() != count {
        return Err(Malformed::Grammar);
    }
    number(bytes, 9999)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, reckoned in years that begin in
/// March, so that the leap day is the last.
fn days_since_1970(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day of so many days after 1970-01-01.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = (march_month + 2) % 12 + 1;
    let year = year + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

//! One line: a checksum, a space, the text.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::SnapshotFault;

const CHECKSUM_DIGITS: usize = 8;

pub(super) fn write(text: &mut String, line: &str) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{} {line}", checksum(line));
}

pub(super) fn read(line: &str) -> Result<&str, SnapshotFault> {
    match line.split_once(' ') {
        Some((sum, rest)) if sum == checksum(rest) => Ok(rest),
        _ => Err(SnapshotFault::Checksum),
    }
}

pub(super) fn escape(value: &str, line: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => line.push_str("\\\\"),
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            c => line.push(c),
        }
    }
}

/// `None` for an escape that is not known.
pub(super) fn unescape(value: &str) -> Option<String> {
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                '\\' => '\\',
                't' => '\t',
                'n' => '\n',
                'r' => '\r',
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain)
}

fn checksum(line: &str) -> String {
    let hash = Sha256::digest(line.as_bytes());
    let mut digits = hash.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    digits.truncate(CHECKSUM_DIGITS);
    digits
}

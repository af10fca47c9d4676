//! Digits as tones within the sound (ITU-T Q.23, Q.24), for legs that know no telephone events.
//!
//! [`ToneDetector`] finds them, [`ToneGenerator`] makes them. One press is one digit. Who is listened
//! to, and what becomes of the tone: ADR 19.

mod detector;
mod generator;
mod listener;

#[cfg(test)]
mod tests;

pub use detector::ToneDetector;
pub use generator::{ToneConfig, ToneGenerator};
pub(crate) use listener::{ToneListener, needs_listener};

/// Hz, ITU-T Q.23.
const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const DIGITS: [[char; 4]; 4] = [
    ['1', '2', '3', 'A'],
    ['4', '5', '6', 'B'],
    ['7', '8', '9', 'C'],
    ['*', '0', '#', 'D'],
];

/// The two frequencies of a digit, Hz.
fn frequencies(digit: char) -> Option<(f64, f64)> {
    let digit = digit.to_ascii_uppercase();
    DIGITS.iter().zip(LOW).find_map(|(row, low)| {
        let column = row.iter().position(|it| *it == digit)?;
        Some((low, *HIGH.get(column)?))
    })
}

//! The receive path of audio that is decoded here: from packets as the network brings them to
//! sound at an even pace.
//!
//! [`JitterBuffer`] holds packets until they are due and says what to play next; it knows no
//! codec.
//!
//! The owner keeps a short queue of decoded samples. On each tick it asks as long as that queue
//! holds less than a tick, and then takes a tick's worth of samples out of it:
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use media::playout::{JitterBuffer, Play, PlayoutConfig};
//! # fn tick(now: Instant, buffer: &mut JitterBuffer, samples: &mut Vec<i16>) -> Vec<i16> {
//! const TICK: Duration = Duration::from_millis(20);
//! while samples.len() < 160 {
//!     let queued = Duration::from_micros(samples.len() as u64 * 125);
//!     let step = buffer.poll(now, queued, TICK);
//!     let duration = match step.play {
//!         Play::Packet(packet) => packet.duration, // decode, then stretch as `step.stretch` says
//!         Play::Recover { missing, .. } => missing, // the codec's FEC, or else conceal
//!         Play::Conceal(missing) => missing,
//!         Play::Comfort(gap) | Play::Silence(gap) => gap,
//!     };
//!     samples.extend(std::iter::repeat_n(0, (duration.as_micros() / 125) as usize));
//! }
//! samples.drain(..160).collect()
//! # }
//! ```

mod buffer;
mod config;
mod delay;
mod pace;
mod store;
mod timeline;

#[cfg(test)]
mod tests;

pub use buffer::{JitterBuffer, Play, Queued, Step, Stretch};
pub use config::{Arrived, PlayoutConfig, PlayoutStats};

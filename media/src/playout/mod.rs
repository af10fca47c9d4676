//! The receive path of audio that is decoded here: from packets as the network brings them to
//! sound at an even pace.
//!
//! [`JitterBuffer`] holds packets until they are due and says what to play next; it knows no
//! codec. [`SoundQueue`] takes what was decoded, makes it longer or shorter as the buffer wishes,
//! and is emptied by the tick. Why it is built so: ADR 13.
//!
//! On each tick the owner asks as long as less than a tick of sound waits, and then takes a
//! tick's worth. Where sound is to be shorter, [`Calm`] chooses the place:
//!
//! ```
//! # use std::time::{Duration, Instant};
//! # use media::playout::{Calm, JitterBuffer, Play, SoundQueue};
//! const TICK: Duration = Duration::from_millis(20);
//!
//! fn tick(
//!     now: Instant,
//!     buffer: &mut JitterBuffer,
//!     calm: &mut Calm,
//!     queue: &mut SoundQueue,
//!     out: &mut [i16],
//! ) {
//!     while queue.len() < out.len() {
//!         let step = buffer.poll(now, queue.duration(), TICK);
//!         match step.play {
//!             Play::Packet(packet) => {
//!                 let mut frame = decode(packet.payload_type, packet.payload);
//!                 let stretch = calm.choose(step.stretch, step.hurried, &frame);
//!                 queue.pause_below(calm.pause_level());
//!                 queue.push(&mut frame, stretch, packet.resumes);
//!             }
//!             // Opus takes the gap out of the packet after it, others conceal.
//!             Play::Recover { missing, .. } | Play::Conceal(missing) => {
//!                 queue.push(&mut conceal(missing), step.stretch, false);
//!             }
//!             Play::Comfort(gap) | Play::Silence(gap) => {
//!                 queue.push_silence(gap.as_millis() as usize * 8);
//!             }
//!         }
//!     }
//!     queue.take(out);
//! }
//! # fn decode(_: u8, payload: &[u8]) -> Vec<i16> { vec![0; payload.len()] }
//! # fn conceal(missing: Duration) -> Vec<i16> { vec![0; missing.as_millis() as usize * 8] }
//! ```

mod buffer;
mod calm;
mod config;
mod delay;
pub mod fade;
mod framer;
mod pace;
mod queue;
mod store;
mod stretch;
mod timeline;

#[cfg(test)]
mod tests;

pub use buffer::{JitterBuffer, Play, Queued, Step, Stretch};
pub use calm::Calm;
pub use config::{Arrived, PlayoutConfig, PlayoutStats};
pub use framer::Framer;
pub use queue::SoundQueue;

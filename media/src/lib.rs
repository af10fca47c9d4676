//! SDP, offer/answer, RTP, SRTP, audio coders, the WebRTC transport and the media worker of
//! Callbox.
//!
//! Everything here is sans-IO: it takes bytes and an [`Instant`](std::time::Instant), gives
//! outputs when polled and names its next deadline. Nothing opens a socket or reads a clock.
//! The one exception about randomness are the ICE and DTLS engines inside [`webrtc`].

pub mod codec;
pub mod dtmf;
pub mod event;
pub mod ids;
mod leg;
pub mod negotiate;
pub mod outbox;
pub mod patch;
pub mod plan;
pub mod playout;
pub mod ports;
pub mod quality;
pub mod recording;
pub mod rtp;
pub mod sdp;
pub mod sound;
pub mod srtp;
mod transcode;
pub mod webrtc;
pub mod worker;

#[cfg(test)]
mod tests;

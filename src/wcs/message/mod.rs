//! The messages of the protocol, typed: `{"message": name, "data": [ … ]}` in both directions.

mod client;
mod connection;
mod extension;
mod ids;
pub mod info;
mod parse;
mod server;
#[cfg(test)]
mod tests;
mod text;

use thiserror::Error;

pub use client::{AnswerRequest, CallRequest, ClientMessage, DtmfMethod};
pub use connection::{Connection, ConnectionEcho};
pub use extension::{
    CallEnded, CallMedia, CallRefusal, CallSdp, DirectionQuality, EXTENSION_VERSION,
    ExtensionEvent, ExtensionRequest, Limits, Presence, PresentUser, Quality, RENEGOTIATES_SINCE,
    StreamQuality, Welcome, You,
};
pub use ids::{AuthToken, MAX_ID_BYTES, Password, Payload, SdpText, WcsCallId};
pub use server::{CallNotice, CallStatus, Fail, ServerMessage, UserData};
pub use text::TextMessage;

/// The longest text frame that is read, in bytes. A call with video has 6 to 8 kB.
pub const MAX_FRAME_BYTES: usize = 256 * 1024;

/// A frame that is not a message of this protocol at all. The fault is the peer's; close the
/// socket with [`close_code`](MessageError::close_code).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Longer than [`MAX_FRAME_BYTES`].
    #[error("the frame is longer than {MAX_FRAME_BYTES} bytes")]
    TooLong,
    /// Not JSON, or nested too deeply.
    #[error("the frame is not JSON")]
    NotJson,
    /// JSON, but no object with a `message` that is a name and a `data` that is an array.
    #[error("the frame is not a message with a name and an array of data")]
    NotMessage,
}

impl MessageError {
    /// The WebSocket close code (RFC 6455 7.4.1).
    pub fn close_code(self) -> u16 {
        match self {
            Self::TooLong => 1009,
            Self::NotJson | Self::NotMessage => 1007,
        }
    }
}

//! `callbox.*`: what our own page and this server say beyond the SDK's protocol.
//!
//! Only a page that sent `callbox.hello` gets any of it. Keys of several words are written
//! `like_this`, but for `callId`, which is spelt as in the rest of the protocol.

use serde::Serialize;
use smol_str::SmolStr;

use super::ids::{SdpText, WcsCallId};

/// The version of the extensions that this server speaks.
pub const EXTENSION_VERSION: u32 = 2;

/// From this version on a page exchanges descriptions anew in an answered call.
pub const RENEGOTIATES_SINCE: u32 = 2;

/// What our page asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtensionRequest {
    /// `callbox.hello`: the page knows the extensions and wants to be told.
    Hello {
        /// The version it speaks.
        version: u32,
    },
    /// `callbox.offer`: the page offers anew in an answered call. An
    /// [`ExtensionEvent::Answer`] or [`ExtensionEvent::Refused`] is due, unless an
    /// [`ExtensionEvent::Offer`] crosses it: then the page gives its own up.
    Offer {
        /// Which call.
        call_id: WcsCallId,
        /// The offer.
        sdp: SdpText,
    },
    /// `callbox.answer` to an [`ExtensionEvent::Offer`].
    Answer {
        /// Which call.
        call_id: WcsCallId,
        /// The answer; none if the page cannot take the offer.
        sdp: Option<SdpText>,
    },
}

/// What our page is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ExtensionEvent {
    /// `callbox.welcome` answers `callbox.hello`.
    Welcome(Welcome),
    /// `callbox.presence`: the whole list, on each change.
    Presence(Presence),
    /// `callbox.media`: what flows in a call.
    Media(CallMedia),
    /// `callbox.quality`: how well it flows.
    Quality(Quality),
    /// `callbox.offer`: an answered call is offered something else.
    Offer(CallSdp),
    /// `callbox.answer`: the answer to what the page offered anew.
    Answer(CallSdp),
    /// `callbox.refused`: what the page offered anew is not taken; all stays as it was.
    Refused(CallRefusal),
    /// `callbox.callEnded`: just before the terminal status of a call.
    CallEnded(CallEnded),
}

impl ExtensionEvent {
    /// The name on the wire.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "callbox.welcome",
            Self::Presence(_) => "callbox.presence",
            Self::Media(_) => "callbox.media",
            Self::Quality(_) => "callbox.quality",
            Self::Offer(_) => "callbox.offer",
            Self::Answer(_) => "callbox.answer",
            Self::Refused(_) => "callbox.refused",
            Self::CallEnded(_) => "callbox.callEnded",
        }
    }
}

/// Who the page is to this server, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Welcome {
    /// The version of the extensions in use.
    pub version: u32,
    /// The server's own version, for people.
    pub server: SmolStr,
    /// The user signed in on this session.
    pub you: You,
    /// Free names are allowed to this page's address.
    pub guests: bool,
    /// What this session may do at most.
    pub limits: Limits,
}

/// The user of a session as he is known here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct You {
    /// What others dial.
    pub name: SmolStr,
    /// What others see.
    pub display_name: String,
    /// Without an account.
    pub guest: bool,
}

/// The limits a page should know before it meets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Calls at once on this session.
    pub calls: usize,
    /// Bytes of one frame.
    pub frame_bytes: usize,
    /// Bytes of one `sendData` payload as JSON.
    pub data_bytes: usize,
    /// Seconds an unanswered call rings.
    pub ring_s: u64,
}

/// Who is here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Presence {
    /// Sorted by the sender as it is to be shown.
    pub users: Vec<PresentUser>,
    /// How many more are here than the list names.
    pub more: usize,
}

/// One who is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PresentUser {
    /// What to dial.
    pub name: SmolStr,
    /// What to show.
    pub display_name: String,
    /// In a call.
    pub busy: bool,
    /// This page's own user.
    pub you: bool,
}

/// What flows in a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallMedia {
    /// The call.
    #[serde(rename = "callId", serialize_with = "as_text")]
    pub call_id: WcsCallId,
    /// The codec of the sound, none if there is none.
    pub audio: Option<SmolStr>,
    /// The codec of the picture, none if there is none.
    pub video: Option<SmolStr>,
    /// In words, why there is no picture although somebody wanted one.
    pub video_reason: Option<String>,
    /// Both sides are connected: media can flow.
    pub ready: bool,
    /// The far side has put the call on hold.
    pub remote_held: bool,
}

/// How well media flows, over the last second or two.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Quality {
    /// The call.
    #[serde(rename = "callId", serialize_with = "as_text")]
    pub call_id: WcsCallId,
    /// One for each kind of media that flows.
    pub streams: Vec<StreamQuality>,
    /// Between the page and this server, in milliseconds.
    #[serde(serialize_with = "rounded")]
    pub round_trip_ms: Option<f32>,
    /// 1.0 to 4.5 (G.107), of the sound this page hears.
    #[serde(serialize_with = "rounded")]
    pub mos: Option<f32>,
    /// The same for people.
    pub words: String,
    /// One side alone is heard: which is not, and why that may be, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<String>,
}

/// One kind of media, both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamQuality {
    /// `audio` or `video`.
    pub kind: &'static str,
    /// From the page to this server.
    pub sent: DirectionQuality,
    /// From this server to the page.
    pub received: DirectionQuality,
}

/// One direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DirectionQuality {
    /// The share of packets lost, 0 to 1.
    #[serde(serialize_with = "rounded")]
    pub loss: Option<f32>,
    /// Interarrival jitter (RFC 3550 6.4.1) in milliseconds.
    #[serde(serialize_with = "rounded")]
    pub jitter_ms: Option<f32>,
    /// Kilobits a second.
    #[serde(serialize_with = "rounded")]
    pub kbps: Option<f32>,
}

/// A description in an answered call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallSdp {
    /// The call.
    #[serde(rename = "callId", serialize_with = "as_text")]
    pub call_id: WcsCallId,
    /// The description.
    #[serde(serialize_with = "as_sdp")]
    pub sdp: SdpText,
}

/// Why an offer is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallRefusal {
    /// The call.
    #[serde(rename = "callId", serialize_with = "as_text")]
    pub call_id: WcsCallId,
    /// For people.
    pub reason: String,
}

/// Why a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallEnded {
    /// The call.
    #[serde(rename = "callId", serialize_with = "as_text")]
    pub call_id: WcsCallId,
    /// For programs: a stable word.
    pub code: SmolStr,
    /// For people.
    pub sentence: String,
    /// What lay behind it, for whoever looks closer.
    pub cause: Option<String>,
}

fn as_text<S: serde::Serializer>(id: &WcsCallId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(id.as_str())
}

fn as_sdp<S: serde::Serializer>(sdp: &SdpText, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(sdp.as_str())
}

/// To four places: what is measured is not known better, and a page may show it as it comes.
fn rounded<S: serde::Serializer>(number: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    let rounded = number.map(|number| (f64::from(number) * 10_000.0).round() / 10_000.0);
    rounded.serialize(serializer)
}

//! What others may see of calls and people: plain values for the API, the log and the pages.
//! No SDP, no credentials, no type of a protocol.

use serde::Serialize;

use super::figures::Figures;

/// Rows of one list of telephones or flows: writing it must not hold up calls.
pub const MOST_LISTED: usize = 10_000;

/// A call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallView {
    /// Ours; unique for the life of the process, not guessable.
    pub id: String,
    /// `name@domain` of the person who calls.
    pub caller: String,
    /// The caller's name for people.
    pub caller_display_name: String,
    /// `name@domain` of the person called, or what was dialled if nobody is known by it.
    pub callee: String,
    /// Where it stands.
    pub phase: CallPhase,
    /// When it came in, milliseconds since 1970-01-01T00:00:00Z.
    pub started_ms: u64,
    /// When it was answered.
    pub answered_ms: Option<u64>,
    /// The audio codec both sides use, once answered.
    pub audio: Option<String>,
    /// The video codec both sides use, once answered.
    pub video: Option<String>,
    /// Why there is no video though somebody offered it.
    pub video_reason: Option<String>,
    /// What was negotiated, in one line.
    pub summary: Option<String>,
    /// `name@domain` of who took a side over by a transfer, if anybody did.
    pub transferred_to: Option<String>,
    /// One side alone is heard.
    pub one_way: Option<OneWayView>,
    /// One after another: only the last may be running.
    pub recordings: Vec<RecordingView>,
    /// The caller's leg first.
    pub legs: Vec<LegView>,
}

/// A recording of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordingView {
    /// The name of its file in `recording.directory`, where that appears when it is complete.
    pub file: String,
    /// Where it stands.
    pub state: RecordingState,
    /// Why it ended before the call, or is not there: a sentence.
    pub problem: Option<String>,
}

/// Where a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is being written.
    Running,
    /// It is written.
    Ended,
    /// There is no file.
    Failed,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallPhase {
    /// Nobody has answered.
    Ringing,
    /// Answered.
    Established,
    /// Answered, and somebody holds it.
    Held,
    /// Over.
    Ended,
}

/// One side of a call, or one device that rings.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegView {
    /// As in the log.
    pub id: String,
    /// `name@domain` of the person behind it.
    pub user: String,
    /// True for the side that called.
    pub caller: bool,
    /// The protocol spoken with it: `wcs`.
    pub signalling: &'static str,
    /// `inviting`, `early`, `confirmed`, `ending` or `ended`.
    pub state: &'static str,
    /// `new`, `connected` (ICE), `ready` (DTLS) or `failed`.
    pub media: &'static str,
    /// This side holds the call.
    pub holds: bool,
    /// The last measurements.
    pub quality: Option<QualityView>,
    /// What this side has heard of the other, over the whole call.
    pub heard: Option<HeardView>,
}

/// Somebody is not heard, though the other side is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OneWayView {
    /// `name@domain` of who is not heard.
    pub from: String,
    /// `name@domain` of who does not hear.
    pub to: String,
    /// Stable word for the likely cause, e.g. `nothing_arrived`.
    pub cause: &'static str,
    /// For people.
    pub sentence: String,
    /// Since when it is known, milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
}

/// What one side heard over a whole call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HeardView {
    /// The codec in which it was sent last.
    pub codec: Option<&'static str>,
    /// Mean of the scores of each second (ITU-T G.107).
    pub mos_average: Option<f64>,
    /// The worst second.
    pub mos_worst: Option<f64>,
    /// Share of packets lost, 0.0 to 1.0, on both ways from mouth to ear.
    pub loss: Option<f64>,
    /// From the answer to the first sound that it was sent, ms; 0 if that was before.
    pub first_sound_ms: Option<u64>,
    /// The same of the first keyframe.
    pub first_keyframe_ms: Option<u64>,
    /// How often it did not hear the other side while that heard it.
    pub one_way_times: u32,
}

/// Measurements of one leg over the last second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityView {
    /// One for each stream.
    pub streams: Vec<StreamQuality>,
    /// Round trip to this side, ms.
    pub round_trip_ms: Option<f64>,
    /// Estimated mean opinion score (ITU-T G.107), 1.0 to 4.5, of what this side hears.
    pub mos: Option<f64>,
    /// For people: `good`, `fair`, `poor` and what is wrong.
    pub words: String,
}

/// Both directions of one stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StreamQuality {
    /// `audio` or `video`.
    pub kind: &'static str,
    /// From this side to us, measured here.
    pub sent: DirectionQuality,
    /// From us to this side, as it reports.
    pub received: DirectionQuality,
}

/// One direction of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct DirectionQuality {
    /// What flows, by its encoding name (`a=rtpmap`).
    pub codec: Option<&'static str>,
    /// Share of packets lost, 0.0 to 1.0; `None` while the side has not reported.
    pub loss: Option<f64>,
    /// Interarrival jitter (RFC 3550 6.4.1), ms.
    pub jitter_ms: Option<f64>,
    /// Payload, kbit/s.
    pub kbps: f64,
    /// Estimated delay of the sound, ms: of what this side says, up to us; of what it hears, from
    /// the far side's mouth to its ear.
    pub delay_ms: Option<f64>,
    /// Share of the time in which sound was made up here for packets that were not there, where it
    /// is transcoded.
    pub concealed: Option<f64>,
    /// Estimated mean opinion score (ITU-T G.107) over the same way as the delay, 1.0 to 4.5.
    pub mos: Option<f64>,
    /// From the answer to the first packet, ms; 0 if that was before.
    pub first_packet_ms: Option<u64>,
    /// From the answer to the first packet that begins a keyframe, ms.
    pub first_keyframe_ms: Option<u64>,
}

/// A person who is signed in, or whose device is expected back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct UserView {
    /// `name@domain`.
    pub user: String,
    /// The name for people.
    pub display_name: String,
    /// True for a guest, false for an account.
    pub guest: bool,
    /// Pages and phones signed in now.
    pub sessions: usize,
    /// Devices expected back after their connection broke.
    pub parked: usize,
    /// In a call.
    pub busy: bool,
}

/// A telephone that is registered.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegistrationView {
    /// `name@domain`.
    pub user: String,
    /// The Contact URI as the telephone wrote it.
    pub contact: String,
    /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    pub transport: &'static str,
    /// The address that its last REGISTER came from.
    pub source: String,
    /// When it registered first, milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
    /// What is left of the registration, s.
    pub expires_s: u64,
    /// `reachable`; `broken`: its connection is gone and may come back; `unreachable`: it answers no
    /// more.
    pub state: &'static str,
}

/// A way over which SIP came, or may come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FlowView {
    /// As in the log.
    pub id: String,
    /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    pub transport: &'static str,
    /// The far end.
    pub peer: String,
    /// Our end, as the peer reaches it.
    pub local: String,
    /// Somebody has proved who he is on it.
    pub trusted: bool,
    /// When it was opened, milliseconds since 1970-01-01T00:00:00Z.
    pub since_ms: u64,
}

/// Why and how a call ended. There is exactly one for each call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EndView {
    /// Stable word for programs, e.g. `no_answer`.
    pub code: &'static str,
    /// Whose doing it was: `success`, `peer`, `upstream`, `us` or `unknown`.
    pub cause: &'static str,
    /// The SIP status it corresponds to (RFC 3261 21).
    pub sip_status: u16,
    /// The information string of the Web SDK protocol.
    pub info: String,
    /// What the caller is told.
    pub caller_sentence: String,
    /// What the callee is told.
    pub callee_sentence: String,
}

/// The record of a call that is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CallRecord {
    /// The call as it stood last; its phase is [`CallPhase::Ended`].
    pub call: CallView,
    /// When it ended, milliseconds since 1970-01-01T00:00:00Z.
    pub ended_ms: u64,
    /// From answer to end, ms, by the monotonic clock; 0 if it was not answered.
    pub talked_ms: u64,
    /// From the answer until media could flow on both sides, ms.
    pub media_ready_after_ms: Option<u64>,
    /// Digits pressed during the call: how many.
    pub digits: u32,
    /// Which, the first of them, if that is to be recorded: they may be card numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<String>,
    /// Why.
    pub end: EndView,
}

/// Something happened that a log, a CDR, metrics or a page may want to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// Somebody signed in, or came back.
    SignedIn {
        /// Who.
        user: UserView,
        /// The device came back to a session that was parked.
        resumed: bool,
    },
    /// A sign-in was refused.
    SignInRefused {
        /// Stable word: `wrong_password`, `too_many_attempts`, `name_taken`, ...
        code: &'static str,
        /// What the person was told.
        sentence: String,
    },
    /// A person's last device is gone.
    SignedOut {
        /// `name@domain`.
        user: String,
    },
    /// A call came in and was admitted.
    CallStarted(CallView),
    /// A call was answered.
    CallAnswered(CallView),
    /// A call was held, resumed or transferred, or its media became ready.
    CallChanged(CallView),
    /// One side of a call alone is heard.
    OneWayAudio {
        /// The call.
        call: CallView,
        /// Who is not heard, and why.
        one_way: OneWayView,
    },
    /// A call was refused before it began.
    CallRefused {
        /// `name@domain` of who tried.
        caller: String,
        /// Why.
        end: EndView,
    },
    /// A call is over.
    CallEnded(CallRecord),
}

/// Numbers of the whole server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct StatusView {
    /// WebSockets open, signed in or not.
    pub flows: usize,
    /// Flows that carry SIP: connections, and peers over UDP.
    pub sip_flows: usize,
    /// Telephones registered.
    pub registrations: usize,
    /// Sessions signed in.
    pub sessions: usize,
    /// Sessions whose connection broke and who may come back.
    pub parked: usize,
    /// People signed in.
    pub users: usize,
    /// Calls, ringing or answered.
    pub calls: usize,
    /// Calls answered.
    pub established: usize,
    /// Legs of all calls.
    pub legs: usize,
    /// Calls since the process started.
    pub calls_total: u64,
    /// Calls that ended otherwise than by success, since the process started.
    pub calls_failed: u64,
    /// Orders to a client that its protocol could not stand, since the process started. Each is a
    /// mistake of this program.
    pub misorders: u64,
    /// Addresses that are banned as those of scanners.
    pub banned_addresses: usize,
    /// Requests of scanners, and of strangers at banned addresses, that were dropped since the start.
    pub scans_dropped: u64,
    /// The server is going down.
    pub shutting_down: bool,
}

/// An order or question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiAction {
    /// How is the server? Answered by [`ApiReply::Status`].
    Status,
    /// What calls went through. Answered by [`ApiReply::Figures`].
    Figures,
    /// All calls. Answered by [`ApiReply::Calls`].
    ListCalls,
    /// All people. Answered by [`ApiReply::Users`].
    ListUsers,
    /// All telephones, at most [`MOST_LISTED`] of them. Answered by [`ApiReply::Registrations`].
    ListRegistrations,
    /// All flows that carry SIP, at most [`MOST_LISTED`] of them. Answered by [`ApiReply::Flows`].
    ListFlows,
    /// End a call. Answered by [`ApiReply::Done`] or [`ApiReply::NotFound`].
    HangupCall {
        /// [`CallView::id`].
        call: String,
    },
    /// Record an answered call from now on. Answered by [`ApiReply::Recording`],
    /// [`ApiReply::NotFound`] or [`ApiReply::Refused`].
    StartRecording {
        /// [`CallView::id`].
        call: String,
    },
    /// End the recording of a call, not the call. Answered by [`ApiReply::Done`],
    /// [`ApiReply::NotFound`] or [`ApiReply::Refused`].
    StopRecording {
        /// [`CallView::id`].
        call: String,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reply", content = "value", rename_all = "snake_case")]
pub enum ApiReply {
    /// See [`ApiAction::Status`].
    Status(StatusView),
    /// See [`ApiAction::Figures`].
    Figures(StatusView, Box<Figures>),
    /// See [`ApiAction::ListCalls`].
    Calls(Vec<CallView>),
    /// See [`ApiAction::ListUsers`].
    Users(Vec<UserView>),
    /// See [`ApiAction::ListRegistrations`].
    Registrations(Vec<RegistrationView>),
    /// See [`ApiAction::ListFlows`].
    Flows(Vec<FlowView>),
    /// It was done.
    Done,
    /// A recording has begun.
    Recording(RecordingView),
    /// There is no such thing: a sentence.
    NotFound(String),
    /// It cannot be done now: a sentence.
    Refused(String),
}

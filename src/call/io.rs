//! What goes into the [`Switch`](super::switch::Switch) and what comes out of it.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use media::recording::RecordingId;
use sip::flow::{FlowId, Transport};
use sip::resolve::Destination;

use crate::wcs::message::{ClientMessage, ServerMessage};

/// Something happened outside.
#[derive(Debug)]
pub enum Input {
    /// A WebSocket of the Web SDK protocol was accepted.
    WcsOpened {
        /// Its name from here on.
        flow: FlowId,
        /// Where it comes from.
        peer: Peer,
    },
    /// A message arrived on it.
    Wcs {
        /// The WebSocket.
        flow: FlowId,
        /// What it says.
        message: Box<ClientMessage>,
    },
    /// A flow that carries SIP was opened: by the peer, or by us for an
    /// [`Output::Connect`] or [`Output::Reach`].
    SipOpened {
        /// Its name from here on.
        flow: FlowId,
        /// What is at both its ends.
        ends: SipEnds,
        /// Of the [`Output::Connect`] that it fulfils.
        connect: Option<u64>,
    },
    /// A SIP message arrived on it. Requests know their source (`Request::set_source`).
    Sip {
        /// The flow.
        flow: FlowId,
        /// The message.
        message: sip::message::Message,
    },
    /// An [`Output::Connect`] cannot be fulfilled.
    ConnectFailed {
        /// Which.
        connect: u64,
        /// Why, for people.
        sentence: String,
    },
    /// A flow is gone.
    FlowClosed {
        /// Which.
        flow: FlowId,
        /// How.
        how: FlowEnd,
    },
    /// A media worker reports.
    Media(media::event::Event),
    /// What came of a recording, exactly once for each that was begun.
    Recorded(RecordingReport),
    /// An order or question of the API, the CLI or the operator page.
    Api(ApiRequest),
    /// The configuration changed.
    Configured(Box<super::config::HotConfig>),
    /// The deadline named by `poll_timeout` has come.
    Timeout,
    /// The process is asked to stop: end all calls politely.
    Shutdown,
}

/// Where a flow comes from, as far as admission asks.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The far address of the socket, or what a trusted proxy says it is.
    pub address: SocketAddr,
    /// True if the person sits on this machine: loopback socket and no untrusted forwarding.
    pub local: bool,
    /// TLS all the way that we see.
    pub secure: bool,
    /// The `User-Agent` header, shortened.
    pub user_agent: Option<String>,
}

/// The ends of a flow that carries SIP.
#[derive(Debug, Clone)]
pub struct SipEnds {
    /// The far end.
    pub peer: Peer,
    /// What carries the messages.
    pub transport: Transport,
    /// Our end as the peer reaches it: the interface that it came by, or the public address.
    pub local: SocketAddr,
}

/// How a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowEnd {
    /// The peer closed it (a WebSocket close frame): its owner left.
    Clean,
    /// The transport broke or fell silent: its owner may come back.
    Abnormal,
}

/// Something to be done outside.
#[derive(Debug)]
pub enum Output {
    /// Send a message on a WebSocket of the Web SDK protocol.
    Wcs {
        /// The WebSocket.
        flow: FlowId,
        /// What to say.
        message: Box<ServerMessage>,
    },
    /// Send a SIP message, all of it, on a flow. If the flow cannot take it, the flow is closed;
    /// where that is no connection, the message is lost.
    Sip {
        /// The flow.
        flow: FlowId,
        /// The message.
        bytes: Bytes,
    },
    /// Open a flow for SIP to an address: a connection, or for UDP the way there from our socket.
    Connect {
        /// Comes back in [`Input::SipOpened`] or [`Input::ConnectFailed`].
        connect: u64,
        /// What is to carry the messages.
        transport: Transport,
        /// Where to.
        address: SocketAddr,
        /// What the certificate has to name, over TLS.
        name: Option<String>,
    },
    /// Open a flow for SIP to a server that is known by name: to the first that can be reached of
    /// those that the DNS has for it (RFC 3263).
    Reach {
        /// As in [`Output::Connect`].
        connect: u64,
        /// What its URI says.
        destination: Destination,
        /// At this address alone; what else the DNS says is passed over.
        only: Option<IpAddr>,
    },
    /// Who is at the far end of a flow has signed in, or no longer is: limits spare such flows, and
    /// where there are as many as there may be, the others go first.
    Trust {
        /// The flow.
        flow: FlowId,
        /// Whether it is trusted from here on.
        trusted: bool,
    },
    /// Close a flow after what was sent before.
    CloseFlow {
        /// Which.
        flow: FlowId,
        /// The WebSocket close code.
        code: u16,
        /// Said in the close frame.
        reason: &'static str,
    },
    /// An order to the media worker of this index.
    Media {
        /// Index from 0.
        worker: usize,
        /// The order.
        command: media::plan::Command,
    },
    /// An order to whoever writes recordings.
    Record(RecordingOrder),
    /// For whoever watches calls: log, CDR, metrics, pages.
    Notify(Box<super::view::Notice>),
    /// The answer to an [`ApiRequest`].
    ApiReply {
        /// Of the request.
        token: u64,
        /// The answer.
        reply: super::view::ApiReply,
    },
    /// Keep this snapshot of the registrations for [`Switch::restore`](super::switch::Switch::restore),
    /// in the place of earlier ones.
    Keep(Vec<u8>),
    /// All calls have ended after [`Input::Shutdown`].
    ShutdownComplete,
}

/// What is to be recorded. What the sides say comes from the media workers
/// ([`Command::Tap`](media::plan::Command::Tap)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingOrder {
    /// A recording begins.
    Begin {
        /// Its name from here on.
        id: RecordingId,
        /// What its file is to be called: letters, digits, `-` and `.`, and nothing that anybody
        /// outside has chosen.
        file: String,
        /// When.
        at: Instant,
    },
    /// It ends: the file is to be there.
    End {
        /// Which.
        id: RecordingId,
        /// When.
        at: Instant,
    },
}

impl RecordingOrder {
    /// About which recording it is.
    pub fn id(&self) -> RecordingId {
        match self {
            Self::Begin { id, .. } | Self::End { id, .. } => *id,
        }
    }
}

/// What came of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingReport {
    /// Of which.
    pub id: RecordingId,
    /// What.
    pub outcome: RecordingOutcome,
}

/// See the variants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordingOutcome {
    /// The file is there, with all that was said.
    Kept,
    /// The file is there, and ends before the call: why, a sentence.
    Cut(String),
    /// There is no file: why, a sentence.
    Failed(String),
}

impl RecordingOutcome {
    /// What is wrong, if anything is.
    pub fn problem(self) -> Option<String> {
        match self {
            Self::Kept => None,
            Self::Cut(sentence) | Self::Failed(sentence) => Some(sentence),
        }
    }
}

/// An order or question from outside the call itself.
#[derive(Debug)]
pub struct ApiRequest {
    /// Comes back in [`Output::ApiReply`].
    pub token: u64,
    /// What is wanted.
    pub action: super::view::ApiAction,
}

//! The Switch from outside: pages that speak its protocol, a worker that does as it is told.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

mod calls;
mod codecs;
mod forks;
mod holds;
mod household;
mod limits;
mod media;
mod one_way;
mod page_offers;
mod pages;
mod phones;
mod recording;
mod resumption;
mod secrecy;
mod sign_in;
mod sounds;
mod stopping;
mod transcoding;
mod transfers;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use ::media::event::Event;
use ::media::ids::{Fingerprint, LegId};
use ::media::negotiate::Policy;
use ::media::plan::Command;
use rand::SeedableRng;
use rand::rngs::StdRng;
use registrar::{Account, Accounts, Aor, Credentials};
use serde_json::{Value, json};
use sip::flow::FlowId;
use sip::message::Message;
use sip::resolve::Destination;
use sip::uri::Host;

use super::config::{
    GuestPolicy, KeepAlive, Limits, MediaConfig, RecordingConfig, RegistrarConfig, ScannerConfig,
    Sounds, SwitchConfig, Timing,
};
use super::io::{ApiRequest, FlowEnd, Input, Output, Peer, RecordingOrder};
use super::switch::Switch;
use super::time::{Now, UnixTime};
use super::view::{ApiAction, ApiReply, CallRecord, Notice};
use crate::wcs::message::{ClientMessage, ServerMessage};
use crate::wcs::session::SessionConfig;

pub(super) const OFFER_AUDIO: &str =
    include_str!("../../../media/tests/data/chromium-offer-audio.sdp");
pub(super) const OFFER_VIDEO: &str =
    include_str!("../../../media/tests/data/chromium-offer-video.sdp");

/// A Switch, its clock and everything it ever said.
pub(super) struct Bench {
    pub(super) switch: Switch,
    pub(super) now: Now,
    /// Frames to each flow that no test has looked at yet.
    frames: BTreeMap<FlowId, Vec<Value>>,
    /// SIP messages on each flow that no test has looked at yet.
    sip: BTreeMap<FlowId, Vec<Message>>,
    /// Ways that are to be opened.
    pub(super) connects: Vec<(u64, SocketAddr)>,
    /// Servers that are to be reached by name.
    pub(super) reaches: Vec<(u64, Destination, Option<IpAddr>)>,
    pub(super) closed: Vec<(FlowId, u16)>,
    /// Orders to the worker since the last look.
    commands: Vec<Command>,
    pub(super) notices: Vec<Notice>,
    /// Orders about recordings since the last look.
    pub(super) recordings: Vec<RecordingOrder>,
    pub(super) replies: Vec<ApiReply>,
    /// The last snapshot of registrations.
    pub(super) kept: Option<Vec<u8>>,
    pub(super) shutdown_complete: bool,
    next_flow: u64,
    next_call: u64,
}

/// A page on a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page(pub(super) FlowId);

pub(super) fn config() -> SwitchConfig {
    let domain = Host::parse("example.org").unwrap();
    let mut accounts = Accounts::new(100);
    for name in ["alice", "bob"] {
        let aor = Aor::new(name, &domain).unwrap();
        let credentials = Credentials::from_password(&aor, "secret");
        accounts
            .add(Account {
                aor,
                display_name: None,
                credentials,
            })
            .unwrap();
    }
    SwitchConfig {
        domain,
        aliases: vec![Host::parse("localhost").unwrap()],
        accounts,
        guests: GuestPolicy::Loopback,
        registrar: RegistrarConfig::default(),
        digests: vec![sip::digest::Hash::Md5],
        keep_alive: KeepAlive::OFF,
        srtp: ::media::negotiate::Security::Required,
        records_keys: false,
        call_waiting: false,
        session: SessionConfig::default(),
        timing: Timing::default(),
        limits: Limits {
            calls_per_second: 1000,
            calls_per_second_per_user: 1000,
            ..Limits::default()
        },
        scanners: ScannerConfig::default(),
        media: MediaConfig {
            candidates: vec![vec!["127.0.0.1:40000".parse().unwrap()]],
            tcp_candidates: vec![vec!["127.0.0.1:40000".parse().unwrap()]],
            fingerprint: Fingerprint([7; 32]),
            policy: Policy::default(),
            sounds: Sounds::default(),
        },
        recording: RecordingConfig::OFF,
        codecs: BTreeMap::new(),
        version: "0.1.0".into(),
    }
}

pub(super) fn bench() -> Bench {
    Bench::new(config())
}

pub(super) fn here() -> Peer {
    peer("127.0.0.1:50000", true)
}

pub(super) fn peer(address: &str, local: bool) -> Peer {
    let address: SocketAddr = address.parse().unwrap();
    Peer {
        address,
        local,
        secure: true,
        user_agent: None,
    }
}

/// What a browser answers to an offer of ours.
pub(super) fn answer_to(offer: &str) -> String {
    let kept = offer.lines().filter(|line| {
        !line.starts_with("a=candidate:")
            && !line.starts_with("a=end-of-candidates")
            && !line.starts_with("a=ice-lite")
            && !line.starts_with("a=ssrc")
    });
    let lines = kept.map(|line| match line.split_once(':') {
        Some(("a=setup", _)) => "a=setup:active".to_owned(),
        Some(("a=ice-ufrag", _)) => "a=ice-ufrag:7rmw".to_owned(),
        Some(("a=ice-pwd", _)) => "a=ice-pwd:qLsf9tZuMnAU4LLMVX/JlVWX".to_owned(),
        _ => line.to_owned(),
    });
    lines.map(|line| line + "\r\n").collect()
}

impl Bench {
    pub(super) fn new(config: SwitchConfig) -> Self {
        Self {
            switch: Switch::new(config, StdRng::seed_from_u64(1)),
            now: Now {
                mono: Instant::now(),
                wall: UnixTime(Duration::from_secs(1_800_000_000)),
            },
            frames: BTreeMap::new(),
            sip: BTreeMap::new(),
            connects: Vec::new(),
            reaches: Vec::new(),
            closed: Vec::new(),
            commands: Vec::new(),
            notices: Vec::new(),
            recordings: Vec::new(),
            replies: Vec::new(),
            kept: None,
            shutdown_complete: false,
            next_flow: 1,
            next_call: 1,
        }
    }

    pub(super) fn handle(&mut self, input: Input) {
        self.switch.handle(self.now, input);
        while let Some(output) = self.switch.poll_output() {
            match output {
                Output::Wcs { flow, message } => {
                    if !matches!(*message, ServerMessage::Ping) {
                        let text = message.to_text();
                        let frame = serde_json::from_str(&text).unwrap();
                        self.frames.entry(flow).or_default().push(frame);
                    }
                }
                Output::Sip { flow, bytes } => {
                    let message = Message::parse(&bytes, &sip::message::Limits::default());
                    let message = message.expect("what we send can be read");
                    self.sip.entry(flow).or_default().push(message);
                }
                Output::Connect {
                    connect, address, ..
                } => self.connects.push((connect, address)),
                Output::Reach {
                    connect,
                    destination,
                    only,
                } => self.reaches.push((connect, destination, only)),
                Output::Trust { .. } => {}
                Output::CloseFlow { flow, code, .. } => self.closed.push((flow, code)),
                Output::Media { worker, command } => {
                    assert_eq!(worker, 0);
                    self.commands.push(command);
                }
                Output::Notify(notice) => self.notices.push(*notice),
                Output::Record(order) => self.recordings.push(order),
                Output::ApiReply { reply, .. } => self.replies.push(reply),
                Output::Keep(snapshot) => self.kept = Some(snapshot),
                Output::ShutdownComplete => self.shutdown_complete = true,
            }
        }
        let status = self.switch.status();
        assert_eq!(status.misorders, 0, "the wire could not stand an order");
    }

    /// Lets time pass, with every deadline at its instant. Pages answer pings.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while let Some(due) = self.switch.poll_timeout().filter(|due| *due <= end) {
            self.advance_to(due);
            self.handle(Input::Timeout);
            let flows: Vec<FlowId> = self.frames.keys().copied().collect();
            for flow in flows {
                self.handle(Input::Wcs {
                    flow,
                    message: Box::new(ClientMessage::Pong),
                });
            }
        }
        self.advance_to(end);
    }

    fn advance_to(&mut self, at: Instant) {
        self.advance(at.saturating_duration_since(self.now.mono));
    }

    /// Time passes, and nobody is told.
    pub(super) fn advance(&mut self, step: Duration) {
        self.now.mono += step;
        self.now.wall.0 += step;
    }

    pub(super) fn open_from(&mut self, peer: Peer) -> Page {
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        self.frames.insert(flow, Vec::new());
        self.handle(Input::WcsOpened { flow, peer });
        Page(flow)
    }

    pub(super) fn say(&mut self, page: Page, message: &str, data: Value) {
        let text = json!({ "message": message, "data": [data] }).to_string();
        let message = Box::new(ClientMessage::parse(&text).unwrap());
        self.handle(Input::Wcs {
            flow: page.0,
            message,
        });
    }

    pub(super) fn connect(&mut self, peer: Peer, connection: Value) -> Page {
        let page = self.open_from(peer);
        self.say(page, "connection", connection);
        page
    }

    /// A guest from this machine; the frames of signing in are looked at already.
    pub(super) fn guest(&mut self, name: &str) -> Page {
        let page = self.connect(here(), json!({ "sipLogin": name }));
        assert_eq!(names(&self.take(page)), ["getUserData", "registered"]);
        page
    }

    pub(super) fn account(&mut self, name: &str) -> Page {
        let connection = json!({ "sipLogin": name, "sipPassword": "secret" });
        let page = self.connect(here(), connection);
        assert_eq!(names(&self.take(page)), ["getUserData", "registered"]);
        page
    }

    /// A guest who asks for the extensions.
    pub(super) fn our_page(&mut self, name: &str) -> Page {
        let page = self.guest(name);
        self.say(page, "callbox.hello", json!({ "version": 1 }));
        self.take(page);
        page
    }

    pub(super) fn close(&mut self, page: Page, how: FlowEnd) {
        self.frames.remove(&page.0);
        self.handle(Input::FlowClosed { flow: page.0, how });
    }

    /// The frames to a page since the last look.
    pub(super) fn take(&mut self, page: Page) -> Vec<Value> {
        self.frames
            .get_mut(&page.0)
            .map(std::mem::take)
            .unwrap_or_default()
    }

    pub(super) fn take_commands(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.commands)
    }

    /// Calls; the id of the call.
    pub(super) fn call(&mut self, page: Page, callee: &str) -> String {
        self.call_with(page, callee, OFFER_VIDEO)
    }

    pub(super) fn call_with(&mut self, page: Page, callee: &str, sdp: &str) -> String {
        let call_id = format!("call-{}", self.next_call);
        self.next_call += 1;
        let request = json!({
            "callId": call_id, "callee": callee, "hasAudio": true, "hasVideo": true,
            "mediaProvider": "WebRTC", "sdp": sdp,
        });
        self.say(page, "call", request);
        call_id
    }

    /// What a page is told of an incoming call: its id and our offer.
    pub(super) fn incoming(&mut self, page: Page) -> (String, String) {
        let frames = self.take(page);
        let frames: Vec<&Value> = frames.iter().filter(|frame| !is_extension(frame)).collect();
        assert_eq!(frames.len(), 3, "{frames:?}");
        assert_eq!(frames[0]["message"], "setRemoteSDP");
        assert_eq!(frames[1]["message"], "notifyIncomingCall");
        assert_eq!(frames[2]["data"][0]["status"], "RING");
        let call_id = frames[0]["data"][0].as_str().unwrap().to_owned();
        assert_eq!(frames[1]["data"][0]["callId"], call_id.as_str());
        (call_id, frames[0]["data"][1].as_str().unwrap().to_owned())
    }

    pub(super) fn answer(&mut self, page: Page, call_id: &str, offer: &str) {
        self.answer_with(page, call_id, &answer_to(offer));
    }

    pub(super) fn answer_with(&mut self, page: Page, call_id: &str, sdp: &str) {
        self.say(page, "answer", json!({ "callId": call_id, "sdp": sdp }));
    }

    pub(super) fn hang_up(&mut self, page: Page, call_id: &str) {
        self.say(page, "hangup", json!({ "callId": call_id }));
    }

    /// An answered call between two pages, its frames and commands looked at.
    pub(super) fn talk(&mut self, caller: Page, callee: Page, name: &str) -> Talk {
        let caller_id = self.call(caller, name);
        let (callee_id, offer) = self.incoming(callee);
        self.answer(callee, &callee_id, &offer);
        self.take(caller);
        self.take(callee);
        let mut legs = self
            .take_commands()
            .into_iter()
            .filter_map(|command| match command {
                Command::AddLeg(plan) => Some(plan.leg),
                _ => None,
            });
        let (callee_leg, caller_leg) = (legs.next().unwrap(), legs.next().unwrap());
        assert_eq!(legs.next(), None);
        Talk {
            caller_id,
            callee_id,
            caller_leg,
            callee_leg,
        }
    }

    pub(super) fn media(&mut self, event: Event) {
        self.handle(Input::Media(event));
    }

    pub(super) fn api(&mut self, action: ApiAction) -> ApiReply {
        self.handle(Input::Api(ApiRequest { token: 1, action }));
        self.replies.pop().unwrap()
    }

    /// The records of calls that ended since the last look.
    pub(super) fn records(&mut self) -> Vec<CallRecord> {
        let (ended, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.notices)
            .into_iter()
            .partition(|notice| matches!(notice, Notice::CallEnded(_)));
        self.notices = others;
        let ended = ended.into_iter().filter_map(|notice| match notice {
            Notice::CallEnded(record) => Some(record),
            _ => None,
        });
        ended.collect()
    }

    /// The one call that ended since the last look, by code.
    pub(super) fn end_code(&mut self) -> &'static str {
        let records = self.records();
        assert_eq!(records.len(), 1, "one call ended");
        records[0].end.code
    }

    /// The one status frame to a page since the last look.
    pub(super) fn status(&mut self, page: Page) -> Value {
        let frames = self.take(page);
        let mut statuses = frames
            .into_iter()
            .filter(|frame| frame["data"][0]["status"].is_string());
        let status = statuses.next().expect("a status");
        assert!(statuses.next().is_none(), "one status");
        status["data"][0].clone()
    }

    /// The last status frame to a page since the last look.
    pub(super) fn last_status(&mut self, page: Page) -> Value {
        let frames = self.take(page);
        let mut statuses = frames
            .into_iter()
            .filter(|frame| frame["data"][0]["status"].is_string());
        statuses.next_back().expect("a status")["data"][0].clone()
    }

    /// Nothing of any call is left.
    pub(super) fn assert_no_calls(&mut self) {
        let status = self.switch.status();
        assert_eq!((status.calls, status.legs), (0, 0));
    }
}

/// An answered call.
#[derive(Debug, Clone)]
pub(super) struct Talk {
    pub(super) caller_id: String,
    pub(super) callee_id: String,
    pub(super) caller_leg: LegId,
    pub(super) callee_leg: LegId,
}

pub(super) fn is_extension(frame: &Value) -> bool {
    frame["message"]
        .as_str()
        .is_some_and(|name| name.starts_with("callbox."))
}

/// The names of frames; statuses by their status.
pub(super) fn names(frames: &[Value]) -> Vec<String> {
    let name = |frame: &Value| {
        let status = frame["data"][0]["status"].as_str();
        let is_call = frame["data"][0]["callId"].is_string() && !is_extension(frame);
        let announced = frame["message"] == "notifyIncomingCall";
        match status.filter(|_| is_call && !announced) {
            Some(status) => status.to_owned(),
            None => frame["message"].as_str().unwrap_or_default().to_owned(),
        }
    };
    frames.iter().map(name).collect()
}

/// Of each m-line for a picture, whether it is in use.
pub(super) fn pictures(sdp: &str) -> Vec<bool> {
    let lines = sdp.lines().filter(|line| line.starts_with("m=video"));
    lines.map(|line| !line.starts_with("m=video 0 ")).collect()
}

/// Names of orders to the worker, with the legs they are about.
pub(super) fn orders(commands: &[Command]) -> Vec<String> {
    let order = |command: &Command| match command {
        Command::AddLeg(plan) => format!("add {}", plan.leg.0),
        Command::UpdateLeg(plan) => format!("update {}", plan.leg.0),
        Command::RemoveLeg(leg) => format!("remove {}", leg.0),
        Command::Patch(patch) => format!("patch {} {}", patch.source.0, patch.sink.0),
        Command::Unpatch { source, sink } => format!("unpatch {} {}", source.0, sink.0),
        Command::RequestKeyframe(leg) => format!("keyframe {}", leg.0),
        Command::SendDtmf { leg, digits } => format!("dtmf {} {digits}", leg.0),
        Command::Play { leg, sound } => format!("play {} {}", leg.0, sound.0),
        Command::StopSound { leg } => format!("stop {}", leg.0),
        Command::MuteTone { leg } => format!("mute {}", leg.0),
        Command::Tap { leg, recording, .. } => format!("tap {} {}", leg.0, recording.0),
        Command::Untap { leg } => format!("untap {}", leg.0),
        Command::WatchSilence { leg, on } => format!("watch {} {on}", leg.0),
    };
    commands.iter().map(order).collect()
}

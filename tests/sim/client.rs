//! A page with the Web SDK in it, and the person before it.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sip::flow::FlowId;

use crate::calls::Calls;
use crate::scenario::ACCOUNTS;
use crate::world::World;

/// A page and its person.
pub struct Client {
    pub index: usize,
    pub name: &'static str,
    pace: Duration,
    /// It is Callbox's own page: it says hello and comes back by name.
    own_page: bool,
    keep_alive: bool,
    token: Option<String>,
    line: Line,
    /// Who is here, as our own page was told last.
    present: Option<Vec<String>>,
    /// What the SDK remembers of calls: gone with the session.
    pub calls: Calls,
}

/// Where the SDK's session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Offline,
    /// `connection` is sent.
    Connected(FlowId),
    Established(FlowId),
}

/// Something begun that goes on later.
#[derive(Debug, Clone)]
pub enum Intent {
    /// The microphone is there: the call goes out.
    Call {
        call_id: String,
        callee: String,
    },
    /// Somebody lifts, declines or does not.
    React {
        call_id: String,
    },
    /// The microphone is there: the answer goes out.
    Answer {
        call_id: String,
    },
    /// The button is pressed once more.
    Again {
        flow: FlowId,
        frame: Value,
    },
    Reconnect,
    /// The line was mended, and the server has said nothing of some call since.
    GiveUp,
}

impl Client {
    pub fn new(index: usize, name: &'static str, pace: Duration, rng: &mut StdRng) -> Self {
        Self {
            index,
            name,
            pace,
            own_page: rng.random_bool(0.4),
            keep_alive: rng.random_bool(0.5),
            token: None,
            line: Line::Offline,
            present: None,
            calls: Calls::default(),
        }
    }

    /// Stands in while the client is out in the world.
    pub fn away() -> Self {
        Self {
            index: usize::MAX,
            name: "",
            pace: Duration::ZERO,
            own_page: false,
            keep_alive: false,
            token: None,
            line: Line::Offline,
            present: None,
            calls: Calls::default(),
        }
    }

    /// The flow, if the session is established.
    pub fn flow(&self) -> Option<FlowId> {
        match self.line {
            Line::Established(flow) => Some(flow),
            Line::Offline | Line::Connected(_) => None,
        }
    }

    /// Who is here, if this page is online and asked.
    pub fn sees(&self) -> Option<&[String]> {
        self.flow().and(self.present.as_deref())
    }

    /// The person does something.
    pub fn act(&mut self, world: &mut World) {
        if world.is_over() {
            return;
        }
        match self.line {
            Line::Offline => self.connect(world),
            Line::Connected(_) if world.rng.random_bool(0.05) => self.close_tab(world),
            Line::Connected(_) => {}
            Line::Established(flow) => self.act_online(world, flow),
        }
        world.acts_again(self.index, self.pace);
    }

    fn act_online(&mut self, world: &mut World, flow: FlowId) {
        match world.rng.random_range(0..100) {
            0..35 if self.calls.is_empty() || world.rng.random_bool(0.1) => self.begin_call(world),
            0..45 => self.use_call(world, flow),
            45..55 => self.hang_up_one(world),
            55..62 => self.hold_or_not(world, flow),
            62..65 => self.transfer(world, flow),
            65..70 => self.nonsense(world, flow),
            70..73 => self.send_data(world, flow),
            73..74 => self.close_tab(world),
            74..76 => self.lose_connection(world),
            76..78 => {
                self.close_tab(world);
                world.goes_on(self.index, 50..1_000, Intent::Reconnect);
            }
            78..81 => {
                self.lose_connection(world);
                world.goes_on(self.index, 50..20_000, Intent::Reconnect);
            }
            _ => {}
        }
    }

    fn connect(&mut self, world: &mut World) {
        let flow = world.open(self.index);
        self.line = Line::Connected(flow);
        let mut connection = json!({ "appKey": "defaultApp", "keepAlive": self.keep_alive });
        let by_token = self
            .token
            .as_ref()
            .filter(|_| world.rng.random_bool(0.7))
            .cloned();
        if let Some(token) = &by_token {
            connection["authToken"] = token.as_str().into();
        }
        // The stock page resumes with the token alone; ours gives its name as well.
        if by_token.is_none() || self.own_page {
            connection["sipLogin"] = self.name.into();
            if ACCOUNTS.contains(&self.name) {
                let password = if world.rng.random_bool(0.02) {
                    "guess"
                } else {
                    "secret"
                };
                connection["sipPassword"] = password.into();
            }
        }
        if self.own_page {
            let calls = self.calls.talking();
            connection["custom"] = json!({ "callbox": { "calls": calls } });
        }
        if world.rng.random_bool(0.1) {
            connection["sipRegisterRequired"] = false.into();
        }
        world.send(flow, &frame("connection", connection));
    }

    pub fn go_on(&mut self, world: &mut World, intent: Intent) {
        // Nobody begins anything after the end; what rings then is not lifted.
        if world.is_over() && !matches!(intent, Intent::GiveUp) {
            return;
        }
        match intent {
            Intent::GiveUp => {
                for ufrag in self.calls.drop_lost() {
                    world.page_down(&ufrag);
                }
            }
            Intent::Reconnect => {
                if self.line == Line::Offline {
                    self.connect(world);
                }
            }
            Intent::Again { flow, frame } => {
                if self.flow() == Some(flow) {
                    world.send(flow, &frame);
                }
            }
            Intent::Call { call_id, callee } => self.send_call(world, &call_id, &callee),
            Intent::React { call_id } => self.react(world, &call_id),
            Intent::Answer { call_id } => self.send_answer(world, &call_id),
        }
    }

    pub fn on_frame(&mut self, world: &mut World, flow: FlowId, frame: &Value) {
        let data = &frame["data"];
        match frame["message"].as_str().unwrap() {
            "getUserData" => {
                assert_eq!(self.line, Line::Connected(flow), "getUserData again");
                assert!(data[0]["sipLogin"].is_string(), "the SDK calls in its name");
                assert!(
                    data[0].get("sipPassword").is_none(),
                    "the password comes back"
                );
                self.line = Line::Established(flow);
                self.token = data[0]["authToken"].as_str().map(str::to_owned);
                if self.own_page {
                    world.send(flow, &self::frame("callbox.hello", json!({ "version": 1 })));
                    world.goes_on(self.index, 4_000..4_001, Intent::GiveUp);
                }
            }
            "registered" => assert_eq!(self.line, Line::Established(flow)),
            "ping" => world.send(flow, &self::frame("pong", Value::Null)),
            "setRemoteSDP" => self.on_sdp(world, data),
            "notifyIncomingCall" => self.on_incoming(world, data),
            "notifyTryingResponse" | "ring" | "talk" | "hold" | "finish" => {
                self.on_status(world, &data[0]);
            }
            name if name.starts_with("callbox.") => {
                assert!(self.own_page, "{name} for a page that did not ask");
                if name == "callbox.presence" {
                    let users = data[0]["users"].as_array().unwrap();
                    let name = |user: &Value| user["name"].as_str().unwrap().to_owned();
                    self.present = Some(users.iter().map(name).collect());
                }
            }
            "fail" => {
                // The token may be of a session that lapsed.
                if data[0]["code"] == "session_expired" {
                    self.token = None;
                }
            }
            "DataStatusEvent" | "OnDataEvent" | "notifyStreamStatusEvent" => {}
            other => panic!("no page knows {other}"),
        }
    }

    /// The server closed the connection, or it broke.
    pub fn on_closed(&mut self, world: &mut World, _flow: FlowId) {
        self.lose_line(world);
    }

    /// The tab goes, and with it all media.
    pub fn close_tab(&mut self, world: &mut World) {
        if let Line::Connected(flow) | Line::Established(flow) = self.line {
            world.close(flow);
            self.forget(world, true);
        }
    }

    /// The network goes. The page may live on with its media, or be killed with it.
    pub fn lose_connection(&mut self, world: &mut World) {
        if let Line::Connected(flow) | Line::Established(flow) = self.line {
            world.tell(|| format!("{flow} breaks"));
            world.cut(flow);
            match world.rng.random_bool(0.5) {
                true => self.forget(world, true),
                false => self.lose_line(world),
            }
        }
    }

    /// Our own page keeps the calls whose media it has; the SDK forgets all.
    fn lose_line(&mut self, world: &mut World) {
        if self.own_page {
            self.line = Line::Offline;
            self.calls.keep_talking();
        } else {
            self.forget(world, false);
        }
    }

    /// The SDK's session is gone, and its calls with it; their peer connections run on unless
    /// the page goes.
    fn forget(&mut self, world: &mut World, media_too: bool) {
        self.line = Line::Offline;
        for ufrag in self.calls.forget() {
            if media_too {
                world.page_down(&ufrag);
            }
        }
    }

    fn send_data(&mut self, world: &mut World, flow: FlowId) {
        let to = ["alice", "ann", "nobody"][world.rng.random_range(0..3)];
        let data = json!({ "operationId": "op", "payload": { "to": to, "text": "hello" } });
        world.send(flow, &frame("sendData", data));
    }

    /// What pages send that are broken, late or wicked.
    fn nonsense(&mut self, world: &mut World, flow: FlowId) {
        let ids: Vec<String> = self.calls.ids();
        let call_id = match ids.is_empty() || world.rng.random_bool(0.3) {
            true => "never-was".to_owned(),
            false => ids[world.rng.random_range(0..ids.len())].clone(),
        };
        let (name, data) = match world.rng.random_range(0..9) {
            0 => ("hold", json!({ "callId": call_id })),
            1 => ("unhold", json!({ "callId": call_id })),
            2 => ("hangup", json!({ "callId": "never-was" })),
            3 => ("answer", json!({ "callId": "never-was", "sdp": "v=0" })),
            4 => ("sendDtmf", json!({ "callId": call_id, "dtmf": "12x" })),
            5 => ("connection", json!({ "sipLogin": "eve" })),
            6 => ("transfer", json!({ "callId": call_id, "target": "nobody" })),
            7 => ("call", json!({ "callId": call_id, "callee": "ann" })),
            _ => ("publishStream", json!({ "mediaSessionId": "x" })),
        };
        world.send(flow, &frame(name, data));
    }
}

/// A frame as the SDK writes it: always one element of data.
pub fn frame(message: &str, data: Value) -> Value {
    json!({ "message": message, "data": [data] })
}

/// What the SDK keeps by call id.
pub type ById<T> = BTreeMap<String, T>;

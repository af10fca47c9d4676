//! The clock, the connections and the order of things.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use callbox::call::io::{ApiRequest, FlowEnd, Input, Output, Peer, RecordingOrder};
use callbox::call::time::UnixTime;
use callbox::call::view::{ApiAction, ApiReply};
use callbox::call::{Now, Switch};
use callbox::wcs::message::ClientMessage;
use media::event::Event;
use media::ids::LegId;
use media::recording::RecordingId;
use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::Value;
use sip::flow::FlowId;

use crate::audit::{Audit, Seen};
use crate::client::{Client, Intent};
use crate::scenario::{self, Finale, Scenario};
use crate::worker::{Tick, Worker};

/// More steps than any schedule needs: it would never come to rest.
const MAX_STEPS: u32 = 200_000;

/// One seed's world.
pub struct World {
    pub rng: StdRng,
    switch: Switch,
    clients: Vec<Client>,
    names: Vec<&'static str>,
    flows: BTreeMap<FlowId, Flow>,
    worker: Worker,
    audit: Audit,
    base: Instant,
    /// Time since the beginning.
    pub now: Duration,
    queue: BTreeMap<(Duration, u64), Happening>,
    next: u64,
    next_flow: u64,
    acting_until: Duration,
    /// Those that run.
    recordings: BTreeSet<RecordingId>,
    shut_down: bool,
    story: bool,
}

/// A WebSocket between a client and the Switch.
struct Flow {
    client: usize,
    delay: Duration,
    /// When the last frame of each direction arrives: frames keep their order.
    to_server: Duration,
    to_client: Duration,
    /// The client is gone from it: nothing it is told arrives.
    cut: bool,
    /// The Switch knows it.
    open: bool,
}

/// What happens next.
enum Happening {
    Opens(FlowId, Peer),
    ToServer(FlowId, String),
    Closes(FlowId, FlowEnd),
    ToClient(FlowId, Value),
    ClosedAtClient(FlowId),
    Tick(LegId, Tick),
    Media(Event),
    /// The client does something of its own accord.
    Acts(usize),
    /// The client does what it had begun.
    Goes(usize, Intent),
}

impl World {
    pub fn new(seed: u64, story: bool) -> Self {
        Self {
            rng: scenario::rng(seed ^ 0xd1ce),
            switch: Switch::new(scenario::config(seed), scenario::rng(seed ^ 0x5a17)),
            clients: Vec::new(),
            names: Vec::new(),
            flows: BTreeMap::new(),
            worker: Worker::default(),
            audit: Audit::default(),
            base: Instant::now(),
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            next: 0,
            next_flow: 1,
            acting_until: Duration::ZERO,
            recordings: BTreeSet::new(),
            shut_down: false,
            story,
        }
    }

    /// Plays the scenario to its end; panics where something is not as it must be.
    pub fn run(mut self, scenario: Scenario) -> Seen {
        self.acting_until = scenario.acting;
        self.names.clone_from(&scenario.names);
        for (index, name) in scenario.names.iter().enumerate() {
            self.clients
                .push(Client::new(index, name, scenario.pace, &mut self.rng));
            let at = Duration::from_millis(self.rng.random_range(0..2_000));
            self.after(at, Happening::Acts(index));
        }
        self.until(scenario.acting);

        if scenario.finale == Finale::Shutdown {
            self.feed(Input::Shutdown);
            self.until(scenario.acting + Duration::from_secs(10));
            assert!(self.shut_down, "the shutdown is not complete");
            assert!(self.recordings.is_empty(), "recordings outlive the server");
        } else {
            for index in 0..self.clients.len() {
                self.with_client(index, Client::hang_up_all);
            }
            // Longer than anything rings, comes up or waits for its owner.
            self.until(scenario.acting + Duration::from_secs(150));
            assert!(self.recordings.is_empty(), "recordings outlive their calls");
            assert_eq!(
                self.switch.status().calls,
                0,
                "a call outlives those who made it"
            );
            self.audit.assert_all_ended();
            self.assert_all_see_who_is_here();
            for index in 0..self.clients.len() {
                match scenario.finale {
                    Finale::Break => self.with_client(index, Client::lose_connection),
                    _ => self.with_client(index, Client::close_tab),
                }
            }
        }
        self.until(Duration::from_secs(3_600));
        assert!(
            self.switch.is_idle(),
            "something is left: {:?}",
            self.switch.status()
        );
        assert!(self.worker.is_empty(), "the worker has something left");
        assert_eq!(
            self.switch.poll_timeout(),
            None,
            "a deadline without anything to do"
        );
        self.audit.assert_all_ended();
        self.audit.seen
    }

    pub fn tell(&self, text: impl FnOnce() -> String) {
        if self.story {
            eprintln!("{:>9.3} {}", self.now.as_secs_f64(), text());
        }
    }

    /// The name of somebody in this world.
    pub fn somebody(&mut self) -> &'static str {
        self.names[self.rng.random_range(0..self.names.len())]
    }

    pub fn is_over(&self) -> bool {
        self.now >= self.acting_until
    }

    /// Lets things happen until `end`.
    fn until(&mut self, end: Duration) {
        let mut steps = 0;
        loop {
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let due = self
                .switch
                .poll_timeout()
                .map(|due| due.duration_since(self.base));
            let next = match (queued, due) {
                (None, None) => break,
                (Some(at), None) | (None, Some(at)) => at,
                (Some(queued), Some(due)) => queued.min(due),
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            let deadline_first = match (queued, due) {
                (Some(queued), Some(due)) if queued == due => self.rng.random_bool(0.5),
                (Some(queued), Some(due)) => due < queued,
                (queued, _) => queued.is_none(),
            };
            if deadline_first {
                self.feed(Input::Timeout);
            } else if let Some((_, happening)) = self.queue.pop_first() {
                self.happen(happening);
            }
            steps += 1;
            assert!(steps < MAX_STEPS, "it does not come to rest");
        }
        self.now = self.now.max(end);
    }

    /// With everything at rest, the last list of every page is right.
    fn assert_all_see_who_is_here(&mut self) {
        let now = self.instant();
        let request = ApiRequest {
            token: 0,
            action: ApiAction::ListUsers,
        };
        self.switch.handle(now, Input::Api(request));
        let Some(Output::ApiReply {
            reply: ApiReply::Users(users),
            ..
        }) = self.switch.poll_output()
        else {
            panic!("no list of users");
        };
        let here = users.iter().filter(|user| user.sessions > 0);
        let here: Vec<&str> = here
            .filter_map(|user| user.user.split('@').next())
            .collect();
        for client in &self.clients {
            if let Some(seen) = client.sees() {
                assert_eq!(seen, here, "{} sees others", client.name);
            }
        }
    }

    fn instant(&self) -> Now {
        Now {
            mono: self.base + self.now,
            wall: UnixTime(Duration::from_secs(1_800_000_000) + self.now),
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Opens(flow, peer) => {
                self.flows.get_mut(&flow).unwrap().open = true;
                self.feed(Input::WcsOpened { flow, peer });
            }
            Happening::ToServer(flow, text) => self.send_to_server(flow, &text),
            Happening::Closes(flow, how) => self.closes(flow, how),
            Happening::ToClient(flow, frame) => {
                if let Some(index) = self.flows.get(&flow).filter(|f| !f.cut).map(|f| f.client) {
                    self.with_client(index, |client, world| client.on_frame(world, flow, &frame));
                }
            }
            Happening::ClosedAtClient(flow) => {
                if let Some(open) = self.flows.get_mut(&flow).filter(|open| !open.cut) {
                    open.cut = true;
                    let index = open.client;
                    self.with_client(index, |client, world| client.on_closed(world, flow));
                }
            }
            Happening::Tick(leg, tick) => {
                let (event, next) = self.worker.tick(&mut self.rng, leg, tick);
                if let Some(event) = event {
                    let delay = Duration::from_millis(self.rng.random_range(0..20));
                    self.after(delay, Happening::Media(event));
                }
                self.schedule(next);
            }
            Happening::Media(event) => {
                self.tell(|| format!("worker reports {event:?}"));
                self.feed(Input::Media(event));
            }
            Happening::Acts(index) => self.with_client(index, Client::act),
            Happening::Goes(index, intent) => {
                self.with_client(index, |client, world| client.go_on(world, intent));
            }
        }
    }

    fn send_to_server(&mut self, flow: FlowId, text: &str) {
        // A frame that was on its way when the connection broke is lost with it.
        if !self.flows.get(&flow).is_some_and(|open| open.open) {
            return;
        }
        self.audit
            .received(flow, &serde_json::from_str(text).unwrap());
        let message = Box::new(ClientMessage::parse(text).unwrap());
        self.feed(Input::Wcs { flow, message });
    }

    fn closes(&mut self, flow: FlowId, how: FlowEnd) {
        if !self.flows.get(&flow).is_some_and(|open| open.open) {
            return;
        }
        self.tell(|| format!("{flow} is gone: {how:?}"));
        self.flows.get_mut(&flow).unwrap().open = false;
        self.feed(Input::FlowClosed { flow, how });
        self.audit.gone(flow);
    }

    fn feed(&mut self, input: Input) {
        let now = self.instant();
        self.switch.handle(now, input);
        while let Some(output) = self.switch.poll_output() {
            self.do_as_told(output);
        }
        assert_eq!(
            self.switch.status().misorders,
            0,
            "the wire could not stand an order"
        );
        self.switch.handle(
            now,
            Input::Api(ApiRequest {
                token: 0,
                action: ApiAction::ListCalls,
            }),
        );
        match self.switch.poll_output() {
            Some(Output::ApiReply {
                reply: ApiReply::Calls(calls),
                ..
            }) => {
                self.audit.compare(&calls, &self.worker);
            }
            other => panic!("no list of calls but {other:?}"),
        }
    }

    fn do_as_told(&mut self, output: Output) {
        match output {
            Output::Wcs { flow, message } => {
                let frame: Value = serde_json::from_str(&message.to_text()).unwrap();
                if frame["message"] != "ping" {
                    self.tell(|| format!("{flow} <- {}", short(&frame)));
                }
                self.audit.sent(flow, &frame);
                self.send_to_client(flow, |flow| Happening::ToClient(flow, frame));
            }
            Output::CloseFlow { flow, code, reason } => {
                self.tell(|| format!("{flow} is to close: {code} {reason}"));
                self.audit.close_asked(flow);
                self.send_to_client(flow, Happening::ClosedAtClient);
                let delay = Duration::from_millis(self.rng.random_range(0..500));
                let how = match self.rng.random_bool(0.5) {
                    true => FlowEnd::Clean,
                    false => FlowEnd::Abnormal,
                };
                self.after(delay, Happening::Closes(flow, how));
            }
            Output::Media { command, .. } => {
                self.tell(|| format!("worker <- {}", order(&command)));
                let ticks = self.worker.obey(&mut self.rng, command);
                self.schedule(ticks);
            }
            Output::Sip { flow, .. } => panic!("{flow} carries no SIP"),
            Output::Connect { connect, .. } | Output::Reach { connect, .. } => {
                panic!("nobody asked for connection {connect}")
            }
            Output::Notify(notice) => self.audit.noticed(&notice),
            Output::Record(RecordingOrder::Begin { id, .. }) => {
                assert!(self.recordings.insert(id), "{id} begins twice");
            }
            Output::Record(RecordingOrder::End { id, .. }) => {
                assert!(self.recordings.remove(&id), "{id} ends and has not begun");
            }
            Output::ApiReply { .. } | Output::Keep(_) | Output::Trust { .. } => {}
            Output::ShutdownComplete => {
                assert!(!self.shut_down, "the shutdown is complete twice");
                self.shut_down = true;
            }
        }
    }

    /// Puts something at the end of what a client gets on a flow.
    fn send_to_client(&mut self, flow: FlowId, what: impl FnOnce(FlowId) -> Happening) {
        let Some(open) = self.flows.get_mut(&flow) else {
            return;
        };
        let jitter = Duration::from_millis(self.rng.random_range(0..30));
        open.to_client = open.to_client.max(self.now + open.delay + jitter);
        let at = open.to_client;
        self.at(at, what(flow));
    }

    fn schedule(&mut self, ticks: Vec<(Duration, LegId, Tick)>) {
        for (delay, leg, tick) in ticks {
            self.after(delay, Happening::Tick(leg, tick));
        }
    }

    fn after(&mut self, delay: Duration, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.next += 1;
        self.queue.insert((at, self.next), happening);
    }

    fn with_client(&mut self, index: usize, act: impl FnOnce(&mut Client, &mut Self)) {
        let mut client = std::mem::replace(&mut self.clients[index], Client::away());
        act(&mut client, self);
        self.clients[index] = client;
    }
}

/// What clients do to the world.
impl World {
    pub fn open(&mut self, client: usize) -> FlowId {
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        // Now and then a bad line.
        let slowest = if self.rng.random_bool(0.1) {
            2_000
        } else {
            150
        };
        let delay = Duration::from_millis(self.rng.random_range(1..slowest));
        let (to_server, to_client) = (self.now + delay, self.now);
        self.flows.insert(
            flow,
            Flow {
                client,
                delay,
                to_server,
                to_client,
                cut: false,
                open: false,
            },
        );
        let address = "127.0.0.1:50000".parse().unwrap();
        let peer = Peer {
            address,
            local: true,
            secure: true,
            user_agent: None,
        };
        self.at(to_server, Happening::Opens(flow, peer));
        flow
    }

    pub fn send(&mut self, flow: FlowId, frame: &Value) {
        if frame["message"] != "pong" {
            self.tell(|| format!("{flow} -> {}", short(frame)));
        }
        let at = self.next_to_server(flow);
        self.at(at, Happening::ToServer(flow, frame.to_string()));
    }

    /// The client closes: the end follows what was sent.
    pub fn close(&mut self, flow: FlowId) {
        self.flows.get_mut(&flow).unwrap().cut = true;
        let at = self.next_to_server(flow);
        self.at(at, Happening::Closes(flow, FlowEnd::Clean));
    }

    /// The connection breaks: what is on its way may be lost, and the end is found out later.
    pub fn cut(&mut self, flow: FlowId) {
        self.flows.get_mut(&flow).unwrap().cut = true;
        if self.rng.random_bool(0.5) {
            let lost = |happening: &Happening| matches!(happening, Happening::ToServer(of, _) if *of == flow);
            self.queue.retain(|_, happening| !lost(happening));
        }
        let found_out = Duration::from_millis(self.rng.random_range(0..30_000));
        self.at(
            self.now + found_out,
            Happening::Closes(flow, FlowEnd::Abnormal),
        );
    }

    pub fn page_up(&mut self, ufrag: &str) {
        let ticks = self.worker.page_up(&mut self.rng, ufrag);
        self.schedule(ticks);
    }

    pub fn page_down(&mut self, ufrag: &str) {
        let ticks = self.worker.page_down(&mut self.rng, ufrag);
        self.schedule(ticks);
    }

    pub fn acts_again(&mut self, client: usize, pace: Duration) {
        let spread = self.rng.random_range(0.1..2.0);
        self.after(pace.mul_f64(spread), Happening::Acts(client));
    }

    pub fn goes_on(&mut self, client: usize, after_ms: std::ops::Range<u64>, intent: Intent) {
        let delay = Duration::from_millis(self.rng.random_range(after_ms));
        self.after(delay, Happening::Goes(client, intent));
    }

    fn next_to_server(&mut self, flow: FlowId) -> Duration {
        let jitter = Duration::from_millis(self.rng.random_range(0..30));
        let open = self.flows.get_mut(&flow).unwrap();
        open.to_server = open.to_server.max(self.now + open.delay + jitter);
        open.to_server
    }
}

/// A frame without its long parts.
fn short(frame: &Value) -> String {
    let mut frame = frame.clone();
    let data = &mut frame["data"];
    if data[1].is_string() {
        data[1] = "sdp".into();
    }
    if data[0]["sdp"].is_string() {
        data[0]["sdp"] = "sdp".into();
    }
    frame.to_string()
}

fn order(command: &media::plan::Command) -> String {
    let text = format!("{command:?}");
    text.chars().take(60).collect()
}

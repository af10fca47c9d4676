//! The clock, the network and the order of things.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use callbox::call::io::{ApiRequest, FlowEnd, Input, Output, Peer, SipEnds};
use callbox::call::time::UnixTime;
use callbox::call::view::{ApiAction, ApiReply, CallPhase, CallView, Notice};
use callbox::call::{Now, Switch};
use media::event::{Event, Failure};
use media::ids::LegId;
use media::ports::PortPair;
use rand::RngExt;
use rand::rngs::StdRng;
use sip::flow::{FlowId, Transport};
use sip::message::{Limits, Message};

use super::Seen;
use super::phone::{Kind, Phone};
use super::worker::Worker;
use crate::scenario;

/// More steps than any schedule needs.
const MAX_STEPS: u32 = 400_000;

/// A telephone that says nothing is found out after so long.
const RTP_TIMEOUT: Duration = Duration::from_secs(30);

/// Until whatever was lost has been sent again or given up, and each refresh has been due.
const REST: Duration = Duration::from_secs(150);

/// Until the longest session that nobody refreshes is over.
const LONG_REST: Duration = Duration::from_secs(2_100);

/// One seed's world.
pub struct World {
    rng: StdRng,
    switch: Switch,
    phones: Vec<Phone>,
    links: BTreeMap<FlowId, Link>,
    /// The Switch's flow to a telephone on UDP.
    udp: BTreeMap<usize, FlowId>,
    worker: Worker,
    /// Legs whose telephone says nothing, and since when.
    silent: BTreeMap<LegId, Duration>,
    /// Ports of telephones that are sent nothing, and since when.
    deaf: BTreeMap<u16, Duration>,
    base: Instant,
    now: Duration,
    queue: BTreeMap<(Duration, u64), Happening>,
    next: u64,
    next_flow: u64,
    names: Vec<&'static str>,
    pace: Duration,
    acting_until: Duration,
    /// Of a hundred datagrams, so many are lost, and so many come twice.
    loss: u32,
    repeats: u32,
    jitter_ms: u64,
    open: BTreeSet<String>,
    closed: BTreeSet<String>,
    seen: Seen,
    story: bool,
}

/// A connection, or a way over UDP.
struct Link {
    phone: usize,
    /// Each end takes it for open.
    at_switch: bool,
    at_phone: bool,
    /// When the last message of each direction arrives: a stream keeps their order.
    to_switch: Duration,
    to_phone: Duration,
}

enum Happening {
    Opens(FlowId, Option<u64>),
    ToSwitch(usize, FlowId, Bytes),
    ToPhone(usize, FlowId, Bytes),
    /// One end finds out that a connection is gone.
    SwitchLoses(FlowId),
    PhoneLoses(FlowId),
    Connects(usize),
    Acts(usize),
    Media(Event),
    LooksForSilence,
    /// Something happens to the network.
    Breaks,
}

impl World {
    pub fn new(seed: u64, story: bool) -> Self {
        let mut rng = scenario::rng(seed ^ 0x9405e);
        let count = rng.random_range(2..=4);
        let names: Vec<&'static str> = ["alice", "ann", "alice", "ben", "bob", "cid"]
            .into_iter()
            .cycle()
            .skip(rng.random_range(0..6))
            .take(count)
            .collect();
        let phones = names.iter().enumerate().map(|(index, name)| {
            let kind = Kind {
                rel100: [None, Some(false), Some(false), Some(true)][rng.random_range(0..4)],
                timer: rng.random_bool(0.5),
                transport: match rng.random_bool(0.7) {
                    true => Transport::Udp,
                    false => Transport::Tcp,
                },
            };
            Phone::new(index, name, kind)
        });
        let phones = phones.collect();
        let bad = rng.random_bool(0.7);
        Self {
            switch: Switch::new(scenario::config(seed), scenario::rng(seed ^ 0x5a17)),
            phones,
            links: BTreeMap::new(),
            udp: BTreeMap::new(),
            worker: Worker::default(),
            silent: BTreeMap::new(),
            deaf: BTreeMap::new(),
            base: Instant::now(),
            now: Duration::ZERO,
            queue: BTreeMap::new(),
            next: 0,
            next_flow: 1,
            pace: Duration::from_millis(rng.random_range(400..6_000)),
            acting_until: Duration::from_secs(rng.random_range(20..120)),
            loss: if bad { rng.random_range(0..20) } else { 0 },
            repeats: if bad { rng.random_range(0..15) } else { 0 },
            jitter_ms: rng.random_range(1..400),
            names,
            rng,
            open: BTreeSet::new(),
            closed: BTreeSet::new(),
            seen: Seen::default(),
            story,
        }
    }

    /// Plays it to its end; panics where something is not as it must be.
    pub fn run(mut self) -> Seen {
        let pairs = if self.rng.random_bool(0.2) { 5 } else { 40 };
        for index in 0..pairs {
            let event = self.worker.open(PortPair::new(20_000 + 2 * index).unwrap());
            self.feed(Input::Media(event));
        }
        for index in 0..self.phones.len() {
            self.after_ms(0..1_000, Happening::Connects(index));
            self.after_ms(2_000..6_000, Happening::Acts(index));
        }
        self.after_ms(5_000..9_000, Happening::LooksForSilence);
        self.after_ms(5_000..60_000, Happening::Breaks);
        self.until(self.acting_until);

        // The network is whole again, and nobody does anything any more.
        (self.loss, self.repeats) = (0, 0);
        let troubled = self.seen.lost_flows > 0 || self.phones.iter().any(|phone| phone.off);
        let rest = if troubled { LONG_REST } else { REST };
        self.until(self.acting_until + rest);
        self.assert_agreed();

        let now = self.instant();
        for index in 0..self.phones.len() {
            self.phones[index].hang_up_all(now.mono);
            self.drain_phone(index);
        }
        self.until(self.now + REST);
        assert_eq!(self.switch.status().calls, 0, "a call outlives those in it");
        assert!(
            self.open.is_empty(),
            "calls without a record: {:?}",
            self.open
        );
        assert!(self.worker.is_empty(), "the worker has something left");
        for phone in self.phones.iter().filter(|phone| !phone.off) {
            assert!(phone.is_idle(), "{} waits for something", phone.name);
        }

        for index in 0..self.phones.len() {
            self.phones[index].power_off();
        }
        let flows: Vec<FlowId> = self.links.keys().copied().collect();
        for flow in flows {
            self.happen(Happening::SwitchLoses(flow));
        }
        self.until(self.now + Duration::from_secs(3_600));
        assert!(self.switch.is_idle(), "left: {:?}", self.switch.status());
        let deadline = self.switch.poll_timeout();
        assert_eq!(deadline, None, "a deadline without anything to do");
        assert_eq!(
            self.worker.open_pairs(),
            usize::from(pairs),
            "ports are missing"
        );
        let deeds: Vec<_> = self
            .phones
            .iter()
            .map(|phone| phone.deeds.clone())
            .collect();
        for deeds in &deeds {
            self.seen.add_deeds(deeds);
        }
        self.seen
    }

    /// Each telephone believes of its calls what the Switch does, and media goes accordingly.
    fn assert_agreed(&mut self) {
        let calls = self.list_calls();
        let mut switch_says: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        let mut patches = BTreeSet::new();
        for call in &calls {
            assert_ne!(
                call.phase,
                CallPhase::Ringing,
                "it rings for ever: {call:?}"
            );
            let legs = call.legs.iter().filter(|leg| leg.state != "ended");
            let legs: Vec<_> = legs.collect();
            assert_eq!(legs.len(), 2, "an answered call has two sides: {call:?}");
            let held = legs.iter().any(|leg| leg.holds);
            assert_eq!(call.phase == CallPhase::Held, held, "{call:?}");
            self.seen.agreed += 1;
            self.seen.agreed_held += u64::from(held);
            for leg in &legs {
                let name = leg.user.split('@').next().unwrap_or_default();
                let said = switch_says.entry(name.to_owned()).or_default();
                said.push(leg.holds);
            }
            if !held {
                patches.insert((legs[0].id.clone(), legs[1].id.clone()));
                patches.insert((legs[1].id.clone(), legs[0].id.clone()));
            }
        }
        assert_eq!(
            self.worker.patch_names(),
            patches,
            "patches and calls: {calls:?}"
        );
        let mut phones_say: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        for phone in self.phones.iter().filter(|phone| !phone.calls().is_empty()) {
            let said = phones_say.entry(phone.name.to_owned()).or_default();
            said.extend(phone.calls());
        }
        for said in switch_says.values_mut().chain(phones_say.values_mut()) {
            said.sort_unstable();
        }
        assert_eq!(switch_says, phones_say, "the Switch and the telephones");
    }

    /// After each step: what the worker has belongs to calls that run, and who is held is not heard.
    fn check(&mut self) {
        let calls = self.list_calls();
        let mut legs = BTreeSet::new();
        for call in &calls {
            assert!(
                self.open.contains(&call.id),
                "a call that was not announced"
            );
            let live = call.legs.iter().filter(|leg| leg.state != "ended");
            let live: BTreeSet<String> = live.map(|leg| leg.id.clone()).collect();
            for (source, sink) in self.worker.patch_names() {
                let own = (live.contains(&source), live.contains(&sink));
                assert!(own.0 == own.1, "a patch leads out of a call");
                assert!(!own.0 || call.phase != CallPhase::Held, "media on hold");
            }
            legs.extend(live);
        }
        for leg in self.worker.leg_names() {
            assert!(legs.contains(&leg), "{leg} is in no call");
        }
    }

    fn list_calls(&mut self) -> Vec<CallView> {
        let request = ApiRequest {
            token: 0,
            action: ApiAction::ListCalls,
        };
        self.switch.handle(self.instant(), Input::Api(request));
        match self.switch.poll_output() {
            Some(Output::ApiReply {
                reply: ApiReply::Calls(calls),
                ..
            }) => calls,
            other => panic!("no list of calls but {other:?}"),
        }
    }

    fn tell(&self, text: impl FnOnce() -> String) {
        if self.story {
            eprintln!("{:>9.3} {}", self.now.as_secs_f64(), text());
        }
    }

    fn instant(&self) -> Now {
        Now {
            mono: self.base + self.now,
            wall: UnixTime(Duration::from_secs(1_800_000_000) + self.now),
        }
    }

    /// Lets things happen until `end`.
    fn until(&mut self, end: Duration) {
        let mut steps = 0;
        loop {
            let base = self.base;
            let queued = self.queue.keys().next().map(|(at, _)| *at);
            let due = self.switch.poll_timeout().map(|at| at - base);
            let phones = self.phones.iter().enumerate();
            let rings = phones.filter_map(|(index, phone)| Some((phone.poll_timeout()?, index)));
            let rings = rings.min().map(|(at, index)| (at - base, index));
            let nexts = [queued, due, rings.map(|(at, _)| at)];
            let Some(next) = nexts.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if due.is_some_and(|at| at <= next) {
                self.feed(Input::Timeout);
            } else if let Some((_, index)) = rings.filter(|(at, _)| *at <= next) {
                let now = self.instant().mono;
                self.phones[index].handle_timeout(now, &mut self.rng);
                self.drain_phone(index);
            } else if let Some((_, happening)) = self.queue.pop_first() {
                self.happen(happening);
            }
            steps += 1;
            assert!(steps < MAX_STEPS, "it does not come to rest");
        }
        self.now = self.now.max(end);
    }

    fn acting(&self) -> bool {
        self.now < self.acting_until
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Opens(flow, connect) => self.opens(flow, connect),
            Happening::ToSwitch(phone, flow, bytes) => self.reach_switch(phone, flow, &bytes),
            Happening::ToPhone(phone, flow, bytes) => self.reach_phone(phone, flow, &bytes),
            Happening::SwitchLoses(flow) => {
                let link = self.links.get_mut(&flow).filter(|link| link.at_switch);
                if let Some(link) = link {
                    link.at_switch = false;
                    let how = match self.rng.random_bool(0.5) {
                        true => FlowEnd::Clean,
                        false => FlowEnd::Abnormal,
                    };
                    self.tell(|| format!("the Switch loses {flow}: {how:?}"));
                    self.udp.retain(|_, own| *own != flow);
                    self.feed(Input::FlowClosed { flow, how });
                }
            }
            Happening::PhoneLoses(flow) => {
                let link = self.links.get_mut(&flow).filter(|link| link.at_phone);
                let Some(link) = link else { return };
                link.at_phone = false;
                let index = link.phone;
                self.tell(|| format!("telephone {index} loses {flow}"));
                let now = self.instant().mono;
                self.phones[index].lost(now, &mut self.rng);
                self.drain_phone(index);
                self.after_ms(100..4_000, Happening::Connects(index));
            }
            Happening::Connects(index) => self.connects(index),
            Happening::Acts(index) => {
                if !self.acting() {
                    return;
                }
                let now = self.instant().mono;
                self.phones[index].act(now, &mut self.rng, &self.names);
                self.drain_phone(index);
                let spread = self.rng.random_range(0.05..2.0);
                self.at(self.now + self.pace.mul_f64(spread), Happening::Acts(index));
            }
            Happening::Media(event) => self.feed(Input::Media(event)),
            Happening::LooksForSilence => self.look_for_silence(),
            Happening::Breaks => self.breaks(),
        }
    }

    /// A connection breaks, a way over UDP is forgotten, or a telephone loses its power.
    fn breaks(&mut self) {
        if !self.acting() {
            return;
        }
        self.after_ms(5_000..60_000, Happening::Breaks);
        let index = self.rng.random_range(0..self.phones.len());
        if self.phones[index].off {
            return;
        }
        match self.phones[index].kind.transport {
            _ if self.rng.random_bool(0.1) => {
                self.tell(|| format!("telephone {index} is off"));
                self.phones[index].power_off();
                self.seen.lost_flows += 1;
            }
            Transport::Udp => {
                if let Some(flow) = self.udp.get(&index).copied() {
                    self.seen.lost_flows += 1;
                    self.happen(Happening::SwitchLoses(flow));
                }
            }
            _ => {
                if let Some(flow) = self.phones[index].flow {
                    self.seen.lost_flows += 1;
                    self.after_ms(0..5_000, Happening::SwitchLoses(flow));
                    self.after_ms(0..5_000, Happening::PhoneLoses(flow));
                    // What is on its way is lost.
                    self.queue.retain(|_, it| match it {
                        Happening::ToSwitch(_, on, _) | Happening::ToPhone(_, on, _) => *on != flow,
                        _ => true,
                    });
                    if let Some(link) = self.links.get_mut(&flow) {
                        link.to_switch = Duration::MAX;
                        link.to_phone = Duration::MAX;
                    }
                }
            }
        }
    }

    fn connects(&mut self, index: usize) {
        if self.phones[index].off {
            return;
        }
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        self.links.insert(
            flow,
            Link {
                phone: index,
                at_switch: false,
                at_phone: true,
                to_switch: self.now,
                to_phone: self.now,
            },
        );
        if self.phones[index].kind.transport == Transport::Tcp {
            self.happen(Happening::Opens(flow, None));
        }
        let now = self.instant().mono;
        self.phones[index].opened(now, flow);
        self.drain_phone(index);
    }

    /// A flow opens for the Switch.
    fn opens(&mut self, flow: FlowId, connect: Option<u64>) {
        let Some(link) = self.links.get_mut(&flow) else {
            return;
        };
        link.at_switch = true;
        let phone = &self.phones[link.phone];
        let ends = SipEnds {
            peer: Peer {
                address: phone.address,
                local: true,
                secure: false,
                user_agent: None,
            },
            transport: phone.kind.transport,
            local: "127.0.0.1:5060".parse().unwrap(),
        };
        self.feed(Input::SipOpened {
            flow,
            ends,
            connect,
        });
    }

    /// The Switch's flow to a telephone on UDP; one that was forgotten is opened anew.
    fn udp_flow(&mut self, index: usize, connect: Option<u64>) -> FlowId {
        if let Some(flow) = self.udp.get(&index).filter(|_| connect.is_none()) {
            return *flow;
        }
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        self.links.insert(
            flow,
            Link {
                phone: index,
                at_switch: false,
                at_phone: false,
                to_switch: self.now,
                to_phone: self.now,
            },
        );
        self.udp.insert(index, flow);
        self.opens(flow, connect);
        flow
    }

    /// The Switch connects to a telephone, which may not listen any more.
    fn tcp_flow(&mut self, index: usize, connect: u64) {
        if self.phones[index].off || self.rng.random_bool(0.5) {
            let sentence = "nothing listens there".to_owned();
            return self.feed(Input::ConnectFailed { connect, sentence });
        }
        let flow = FlowId(self.next_flow);
        self.next_flow += 1;
        let link = Link {
            phone: index,
            at_switch: false,
            at_phone: true,
            to_switch: self.now,
            to_phone: self.now,
        };
        self.links.insert(flow, link);
        self.opens(flow, Some(connect));
    }

    fn reach_switch(&mut self, index: usize, flow: FlowId, bytes: &Bytes) {
        let flow = match self.phones[index].kind.transport {
            Transport::Udp => self.udp_flow(index, None),
            _ => flow,
        };
        if !self.links.get(&flow).is_some_and(|link| link.at_switch) {
            return;
        }
        let mut message = Message::parse(bytes, &Limits::default()).unwrap();
        if let Message::Request(request) = &mut message {
            request.set_source(self.phones[index].address);
        }
        self.tell(|| format!("{} {index} -> {}", self.phones[index].name, short(bytes)));
        self.feed(Input::Sip { flow, message });
    }

    fn reach_phone(&mut self, index: usize, flow: FlowId, bytes: &Bytes) {
        let phone = &self.phones[index];
        let Some(own) = phone.flow.filter(|_| !phone.off) else {
            return;
        };
        if phone.kind.transport == Transport::Tcp && own != flow {
            return;
        }
        self.tell(|| format!("{} {index} <- {}", phone.name, short(bytes)));
        let message = Message::parse(bytes, &Limits::default()).unwrap();
        let now = self.instant().mono;
        self.phones[index].receive(now, &mut self.rng, own, message);
        self.drain_phone(index);
    }

    fn drain_phone(&mut self, index: usize) {
        while let Some((flow, bytes)) = self.phones[index].poll_transmit() {
            self.carry(flow, index, bytes, true);
        }
    }

    /// Takes a message to the other end, if the network does.
    fn carry(&mut self, flow: FlowId, index: usize, bytes: Bytes, to_switch: bool) {
        let stream = self.phones[index].kind.transport != Transport::Udp;
        let delay = Duration::from_millis(self.rng.random_range(1..=self.jitter_ms));
        let going = |bytes| match to_switch {
            true => Happening::ToSwitch(index, flow, bytes),
            false => Happening::ToPhone(index, flow, bytes),
        };
        if stream {
            let Some(link) = self.links.get_mut(&flow) else {
                return;
            };
            let last = match to_switch {
                true => &mut link.to_switch,
                false => &mut link.to_phone,
            };
            if *last == Duration::MAX {
                return;
            }
            *last = (*last).max(self.now + delay);
            let at = *last;
            return self.at(at, going(bytes));
        }
        if self.rng.random_range(0..100) < self.loss {
            self.seen.lost += 1;
            self.tell(|| format!("lost: {}", short(&bytes)));
            return;
        }
        if self.rng.random_range(0..100) < self.repeats {
            self.seen.repeated += 1;
            let again = Duration::from_millis(self.rng.random_range(1..3_000));
            self.at(self.now + again, going(bytes.clone()));
        }
        self.at(self.now + delay, going(bytes));
    }

    fn feed(&mut self, input: Input) {
        self.switch.handle(self.instant(), input);
        while let Some(output) = self.switch.poll_output() {
            self.do_as_told(output);
        }
        self.check();
    }

    fn do_as_told(&mut self, output: Output) {
        match output {
            Output::Sip { flow, bytes } => {
                let Some(index) = self.links.get(&flow).map(|link| link.phone) else {
                    return;
                };
                self.carry(flow, index, bytes, false);
            }
            Output::Media { command, .. } => {
                self.tell(|| format!("worker <- {}", order(&command)));
                for (rest, ports) in self.worker.obey(command) {
                    let event = self.worker.open(ports);
                    self.at(self.now + rest, Happening::Media(event));
                }
            }
            Output::Connect {
                connect, address, ..
            } => {
                let index = usize::from(address.port() - 50_000);
                self.udp_flow(index, Some(connect));
            }
            Output::Reach {
                connect,
                destination,
                only,
            } => {
                let index = usize::from(destination.port.unwrap() - 50_000);
                assert_eq!(only, Some(self.phones[index].address.ip()));
                self.tcp_flow(index, connect);
            }
            // Too many: those that broke are not all known to be gone.
            Output::CloseFlow { flow, .. } => {
                self.after_ms(0..500, Happening::SwitchLoses(flow));
                self.after_ms(0..500, Happening::PhoneLoses(flow));
            }
            Output::Notify(notice) => self.noticed(&notice),
            Output::Trust { .. } | Output::Keep(_) | Output::Record(_) => {}
            other => panic!("nobody asked for {other:?}"),
        }
    }

    fn noticed(&mut self, notice: &Notice) {
        match notice {
            Notice::CallStarted(call) => {
                self.seen.calls += 1;
                assert!(self.open.insert(call.id.clone()), "a call starts twice");
            }
            Notice::CallAnswered(call) => {
                self.seen.answered += 1;
                assert!(self.open.contains(&call.id), "an answer after the end");
            }
            Notice::CallEnded(record) => {
                self.tell(|| format!("call over: {}", record.end.code));
                *self.seen.ends.entry(record.end.code).or_default() += 1;
                self.seen.transferred += u64::from(record.call.transferred_to.is_some());
                let id = &record.call.id;
                assert!(self.open.remove(id), "a call ends that does not run");
                assert!(self.closed.insert(id.clone()), "a call ends twice");
            }
            _ => {}
        }
    }

    /// Legs whose telephone sends no more come to the end of the worker's patience, and telephones
    /// that are sent nothing to that of their users.
    fn look_for_silence(&mut self) {
        self.look_for_the_deaf();
        let mut silent = BTreeMap::new();
        for (leg, port) in self.worker.remotes() {
            if !self.phones.iter().any(|phone| phone.speaks_on(port)) {
                let since = self.silent.get(&leg).copied().unwrap_or(self.now);
                silent.insert(leg, since);
            }
        }
        self.silent = silent;
        let over = self
            .silent
            .iter()
            .filter(|(_, since)| self.now >= **since + RTP_TIMEOUT);
        let over: Vec<LegId> = over.map(|(leg, _)| *leg).collect();
        for leg in over {
            self.silent.remove(&leg);
            self.feed(Input::Media(Event::Failed(leg, Failure::RtpInactivity)));
        }
        self.after_ms(9_000..11_000, Happening::LooksForSilence);
    }

    fn look_for_the_deaf(&mut self) {
        let heard: Vec<u16> = self.worker.remotes().into_iter().map(|it| it.1).collect();
        let mut deaf = BTreeMap::new();
        for port in self.phones.iter().flat_map(Phone::ports) {
            if !heard.contains(&port) {
                let since = self.deaf.get(&port).copied().unwrap_or(self.now);
                deaf.insert(port, since);
            }
        }
        self.deaf = deaf;
        let over = self
            .deaf
            .iter()
            .filter(|(_, since)| self.now >= **since + 2 * RTP_TIMEOUT);
        let over: Vec<u16> = over.map(|(port, _)| *port).collect();
        let now = self.instant().mono;
        for index in 0..self.phones.len() {
            if self.phones[index].hears_nothing(now, &over) {
                // Only a way that was forgotten may keep a goodbye from a telephone.
                assert!(
                    self.seen.lost_flows > 0,
                    "telephone {index} was told nothing"
                );
                self.seen.deaf += 1;
                self.drain_phone(index);
            }
        }
    }

    fn after_ms(&mut self, range: std::ops::Range<u64>, happening: Happening) {
        let delay = Duration::from_millis(self.rng.random_range(range));
        self.at(self.now + delay, happening);
    }

    fn at(&mut self, at: Duration, happening: Happening) {
        self.next += 1;
        self.queue.insert((at, self.next), happening);
    }
}

/// The first line, its number, and the direction that a description asks for.
fn short(bytes: &Bytes) -> String {
    let text = String::from_utf8_lossy(bytes);
    let line = |start: &str| {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    let first = text.lines().next().unwrap_or_default();
    let body = if text.ends_with("\r\n\r\n") { "" } else { " +" };
    let direction = match body {
        "" => "",
        _ => ["a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"]
            .into_iter()
            .find(|it| !line(it).is_empty())
            .unwrap_or(body),
    };
    format!(
        "{first} | {} | {} {direction}",
        line("CSeq"),
        line("Call-ID")
    )
}

fn order(command: &media::plan::Command) -> String {
    let text = format!("{command:?}");
    text.chars().take(60).collect()
}

//! Two layers back to back: over datagrams that are lost, doubled and overtaken, and over a
//! stream. Each seed is another history. Whatever happens, each request of ours comes to exactly
//! one end, each request is told to the other side once, and nothing is left in the end.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::procedure::accept::{Accepted, Due};

const SEEDS: u64 = 3_000;
const REQUESTS: u64 = 6;

/// SplitMix64
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    fn ms(&mut self, end: u64) -> Duration {
        Duration::from_millis(self.below(end) + 1)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Caller,
    Callee,
}

#[derive(Debug)]
enum Plan {
    Ask(u64),
    Cancel(ClientId),
    Arrive(Side, Bytes),
    Answer(ServerId, u16),
    /// The callee's core repeats a 2xx.
    Repeat(ServerId),
    Close,
}

/// What became of a request of the caller.
#[derive(Debug, Default)]
struct Outcome {
    invite: bool,
    successes: u32,
    refusals: u32,
    failures: u32,
}

struct Asked {
    request: Request,
    answered: Option<u16>,
    accepted: Option<Accepted>,
}

struct World {
    seed: u64,
    dice: Dice,
    transport: Transport,
    loss: u64,
    doubling: u64,
    longest_ms: u64,
    start: Instant,
    now: Instant,
    caller: Transactions,
    callee: Transactions,
    /// When what was sent last arrives: nothing overtakes it on a stream.
    last: [Instant; 2],
    closed: bool,
    plans: BTreeMap<(Instant, u64), Plan>,
    planned: u64,
    outcomes: BTreeMap<ClientId, Outcome>,
    asked: BTreeMap<ServerId, Asked>,
    told: BTreeSet<Vec<u8>>,
    cancelled: BTreeSet<ServerId>,
    not_acknowledged: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let start = Instant::now();
        let lossless = dice.percent(15);
        let layer = || Transactions::new(Timings::default(), TransactionLimits::default());
        let reliable = dice.percent(25);
        Self {
            seed,
            transport: [Transport::Udp, Transport::Tcp][usize::from(reliable)],
            loss: if lossless { 0 } else { dice.below(60) },
            doubling: dice.below(30),
            // A request that comes later than its transaction lives is a new one: no network is
            // so slow, and none here.
            longest_ms: dice.below(400) + 1,
            dice,
            start,
            now: start,
            caller: layer(),
            callee: layer(),
            last: [start; 2],
            closed: false,
            plans: BTreeMap::new(),
            planned: 0,
            outcomes: BTreeMap::new(),
            asked: BTreeMap::new(),
            told: BTreeSet::new(),
            cancelled: BTreeSet::new(),
            not_acknowledged: 0,
        }
    }

    fn plan(&mut self, at: Instant, plan: Plan) {
        self.planned += 1;
        self.plans.insert((at, self.planned), plan);
    }

    fn run(&mut self) {
        for number in 0..REQUESTS {
            let at = self.now + self.dice.ms(20_000);
            self.plan(at, Plan::Ask(number));
        }
        if self.dice.percent(10) {
            let at = self.now + self.dice.ms(40_000);
            self.plan(at, Plan::Close);
        }
        loop {
            let plan = self.plans.first_key_value().map(|((at, _), _)| *at);
            let next = [plan, self.caller.poll_timeout(), self.callee.poll_timeout()];
            let Some(next) = next.into_iter().flatten().min() else {
                break;
            };
            assert!(next >= self.now);
            assert!(next - self.start < Duration::from_secs(600), "no end");
            self.now = next;
            while let Some(entry) = self.plans.first_entry() {
                if entry.key().0 > next {
                    break;
                }
                let plan = entry.remove();
                self.act(plan);
                self.drain();
            }
            self.caller.handle_timeout(next);
            self.callee.handle_timeout(next);
            self.drain();
        }
    }

    fn act(&mut self, plan: Plan) {
        let now = self.now;
        match plan {
            Plan::Ask(number) => self.ask(number),
            Plan::Cancel(client) => self.caller.cancel(now, client),
            Plan::Arrive(..) if self.closed => {}
            Plan::Arrive(side, bytes) => {
                let message = Message::parse(&bytes, &Limits::default()).unwrap();
                let layer = match side {
                    Side::Caller => &mut self.caller,
                    Side::Callee => &mut self.callee,
                };
                layer.handle(now, FLOW, self.transport, message);
            }
            Plan::Answer(server, code) => self.answer(server, code),
            Plan::Repeat(server) => self.repeat(server),
            Plan::Close => {
                self.closed = true;
                self.caller.flow_closed(now, FLOW);
                self.callee.flow_closed(now, FLOW);
            }
        }
    }

    fn ask(&mut self, number: u64) {
        if self.closed {
            return;
        }
        let invite = self.dice.percent(60);
        let method = ["MESSAGE", "INVITE"][usize::from(invite)];
        let request = request(method, &format!("z9hG4bK{number}"));
        let client = self
            .caller
            .request(self.now, FLOW, self.transport, request)
            .unwrap();
        let outcome = Outcome {
            invite,
            ..Outcome::default()
        };
        self.outcomes.insert(client, outcome);
        if invite {
            // Sooner or later everybody hangs up.
            let patience = if self.dice.percent(50) { 6_000 } else { 60_000 };
            let at = self.now + self.dice.ms(patience);
            self.plan(at, Plan::Cancel(client));
        }
    }

    fn answer(&mut self, server: ServerId, code: u16) {
        let Some(asked) = self.asked.get_mut(&server) else {
            return;
        };
        if asked.answered.is_some() {
            return;
        }
        let answer = response(&asked.request, code);
        if code >= 200 {
            asked.answered = Some(code);
        }
        if (200..300).contains(&code) && *asked.request.method() == Method::Invite {
            let accepted = Accepted::new(self.now, 7, answer.as_bytes().clone());
            let at = accepted.poll_timeout();
            asked.accepted = Some(accepted);
            self.plan(at, Plan::Repeat(server));
        }
        self.callee.respond(self.now, server, answer);
    }

    fn repeat(&mut self, server: ServerId) {
        let asked = self.asked.get_mut(&server).unwrap();
        let Some(accepted) = &mut asked.accepted else {
            return;
        };
        match accepted.handle_timeout(self.now) {
            Some(Due::Repeat(bytes)) => {
                let at = accepted.poll_timeout();
                self.callee.send(FLOW, bytes);
                self.plan(at, Plan::Repeat(server));
            }
            Some(Due::GiveUp) => asked.accepted = None,
            None => panic!("nothing was due"),
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.callee.poll_event() {
            self.on_callee(event);
        }
        while let Some(event) = self.caller.poll_event() {
            self.on_caller(event);
        }
        while let Some((_, bytes)) = self.caller.poll_transmit() {
            self.carry(Side::Callee, &bytes);
        }
        while let Some((_, bytes)) = self.callee.poll_transmit() {
            self.carry(Side::Caller, &bytes);
        }
    }

    fn carry(&mut self, to: Side, bytes: &Bytes) {
        if self.closed {
            return;
        }
        if self.transport.is_reliable() {
            let at = self.now + self.dice.ms(self.longest_ms);
            let last = &mut self.last[to as usize];
            *last = at.max(*last);
            let at = *last;
            self.plan(at, Plan::Arrive(to, bytes.clone()));
            return;
        }
        let copies = 1 + u32::from(self.dice.percent(self.doubling));
        for _ in 0..copies {
            if !self.dice.percent(self.loss) {
                let at = self.now + self.dice.ms(self.longest_ms);
                self.plan(at, Plan::Arrive(to, bytes.clone()));
            }
        }
    }

    fn on_callee(&mut self, event: Event) {
        match event {
            Event::Request {
                server, request, ..
            } => {
                let name = request.branch().unwrap().to_vec();
                assert!(self.told.insert(name), "{}: told twice", self.seed);
                self.make_plans_for(server, *request.method() == Method::Invite);
                let asked = Asked {
                    request: *request,
                    answered: None,
                    accepted: None,
                };
                self.asked.insert(server, asked);
            }
            Event::Ack { request, .. } => {
                for asked in self.asked.values_mut() {
                    if asked.request.call_id() == request.call_id() {
                        asked.accepted = None;
                    }
                }
            }
            Event::Cancelled { server } => {
                assert!(self.cancelled.insert(server), "cancelled twice");
                assert_eq!(self.asked[&server].answered, None);
                self.answer(server, 487);
            }
            Event::NotAcknowledged { .. } => self.not_acknowledged += 1,
            other => panic!("{other:?} for whoever asked nothing"),
        }
    }

    fn make_plans_for(&mut self, server: ServerId, invite: bool) {
        let longest = [4_000, 20_000][usize::from(self.dice.percent(30))];
        let at = self.now + self.dice.ms(longest);
        if invite && self.dice.percent(60) {
            let ring = self.now + self.dice.ms(1_000);
            self.plan(ring, Plan::Answer(server, 180));
        }
        if self.dice.percent(10) {
            return;
        }
        let code = [200, 200, 200, 401, 486, 603][self.dice.below(6) as usize];
        self.plan(at, Plan::Answer(server, code));
    }

    fn on_caller(&mut self, event: Event) {
        match event {
            Event::Response { client, response } => {
                let outcome = self.outcomes.get_mut(&client).unwrap();
                if response.status().is_provisional() {
                    assert_eq!(outcome.failures + outcome.refusals, 0, "not the end");
                } else if response.status().is_success() {
                    outcome.successes += 1;
                    if outcome.invite {
                        let name = String::from_utf8_lossy(response.call_id()).into_owned();
                        let ack = request_with("ACK", &name.replace("@client", ""), ";tag=bo", "");
                        let text = String::from_utf8(ack.as_bytes().to_vec()).unwrap();
                        let text = text.replace(";branch=", ";branch=z9hG4bKack");
                        self.caller.send(FLOW, Bytes::from(text));
                    }
                } else {
                    outcome.refusals += 1;
                }
            }
            Event::Failed { client, .. } => {
                self.outcomes.get_mut(&client).unwrap().failures += 1;
            }
            // What comes after an end in failure.
            Event::Stray { .. } => {}
            other => panic!("{other:?} for whoever is asked nothing"),
        }
    }

    fn check(&self, seed: u64) {
        for outcome in self.outcomes.values() {
            let ends = outcome.refusals + outcome.failures + outcome.successes.min(1);
            assert_eq!(ends, 1, "seed {seed}: {outcome:?}");
            assert!(
                outcome.invite || outcome.successes <= 1,
                "seed {seed}: {outcome:?}"
            );
        }
        assert!(self.caller.is_empty(), "seed {seed}");
        assert!(
            self.callee.len() <= self.unanswered_invites(),
            "seed {seed}: the core owes no answer"
        );
        let sound = self.transport.is_reliable() || self.loss == 0;
        if sound && !self.closed {
            assert_eq!(self.told.len(), self.outcomes.len(), "seed {seed}");
            assert_eq!(self.not_acknowledged, 0, "seed {seed}");
        }
        if self.transport.is_reliable() && !self.closed {
            let resent = self.caller.counters().resent + self.callee.counters().resent;
            assert_eq!(resent, 0, "seed {seed}");
        }
    }

    /// Their CANCEL was lost, and the core lets them ring for ever.
    fn unanswered_invites(&self) -> usize {
        let waits =
            |asked: &&Asked| asked.answered.is_none() && *asked.request.method() == Method::Invite;
        self.asked.values().filter(waits).count()
    }
}

#[test]
fn each_request_comes_to_one_end_whatever_the_network_does() {
    let mut ends = [0_u64; 3];
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.run();
        world.check(seed);
        for outcome in world.outcomes.values() {
            ends[0] += u64::from(outcome.successes.min(1));
            ends[1] += u64::from(outcome.refusals);
            ends[2] += u64::from(outcome.failures);
        }
    }
    // Every kind of end was seen often.
    assert!(ends.iter().all(|count| *count > SEEDS / 10), "{ends:?}");
}

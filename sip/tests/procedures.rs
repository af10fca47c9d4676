//! Procedures between two user agents in virtual time: what one side writes the other one reads,
//! and both come to the same.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and begins at one moment"
)]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sip::dialog::Dialog;
use sip::header::{ReferSub, Refresher, SessionExpires};
use sip::message::{
    HeaderName, Limits, Message, Method, Request, RequestBuilder, Response, ResponseBuilder, Status,
};
use sip::procedure::Side;
use sip::procedure::glare::Underway;
use sip::procedure::info::Info;
use sip::procedure::refer::{News, Outcome, Refer, ReferTo, Referral, Replaced, Transfer};
use sip::procedure::reliable::{Acknowledger, Provisionals};
use sip::procedure::session_timer::{After, Due, SessionTimer, TimerPolicy};
use sip::procedure::subscribe::{DIALOG, REG, Subscribe};
use sip::uri::Uri;

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

fn sent(builder: RequestBuilder) -> Request {
    builder.via("UDP", "x", "z9hG4bKx").build().unwrap()
}

fn answer(request: &Request, status: Status) -> ResponseBuilder {
    ResponseBuilder::new(request, status)
        .to_tag("bo")
        .value(HeaderName::Contact, "<sip:bob@192.0.2.4>")
}

/// An INVITE of Alice, the dialog that it makes at her, and at Bob.
fn call() -> (Dialog, Dialog) {
    let invite = RequestBuilder::new(Method::Invite, &uri("sip:bob@example.com"))
        .max_forwards(70)
        .value(HeaderName::From, "<sip:alice@example.com>;tag=al")
        .value(HeaderName::To, "<sip:bob@example.com>")
        .value(HeaderName::Contact, "<sip:alice@192.0.2.1>")
        .call_id("c1")
        .cseq(1);
    let invite = sent(invite);
    let ok = answer(&invite, Status::OK).build().unwrap();
    let alice = Dialog::of_response(invite.cseq(), &ok).unwrap();
    (alice, Dialog::of_request(&invite, &ok).unwrap())
}

// --- session timers ---------------------------------------------------------------------------

/// A user agent with a session timer, or one that never heard of such a thing.
struct Agent {
    dialog: Dialog,
    timer: Option<SessionTimer>,
    gave_up: bool,
}

impl Agent {
    fn new(dialog: Dialog, policy: Option<TimerPolicy>) -> Self {
        Self {
            dialog,
            timer: policy.map(SessionTimer::new),
            gave_up: false,
        }
    }

    fn request(&mut self, method: Method) -> Request {
        let mut builder = self.dialog.request(method);
        if let Some(timer) = &self.timer {
            builder = timer.write_request(builder);
            builder = builder.value(HeaderName::Supported, "timer");
        }
        sent(builder)
    }

    fn answer(&mut self, now: Instant, request: &Request) -> Response {
        let Some(timer) = &mut self.timer else {
            return answer(request, Status::OK).build().unwrap();
        };
        match timer.judge(request) {
            Err(rejection) => rejection.response(request, "bo").unwrap(),
            Ok(grant) => {
                timer.grant(now, &grant);
                let ok = answer(request, Status::OK);
                grant.write(ok).build().unwrap()
            }
        }
    }

    fn interval_s(&self) -> Option<u32> {
        self.timer.as_ref().and_then(SessionTimer::interval_s)
    }

    fn refresher(&self) -> Option<Side> {
        self.timer.as_ref().and_then(SessionTimer::refresher)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timer.as_ref().and_then(SessionTimer::poll_timeout)
    }
}

/// One request and its answer, sent again as often as the answer asks for it. The last status.
fn exchange(now: Instant, from: &mut Agent, to: &mut Agent, method: &Method) -> Status {
    for _ in 0..8 {
        let request = from.request(method.clone());
        let response = to.answer(now, &request);
        let after = from.timer.as_mut().map_or(After::Nothing, |timer| {
            timer.handle_response(now, &response)
        });
        if after != After::Retry {
            return response.status();
        }
    }
    panic!("they never agree");
}

/// Everything that falls due in that time. `connected` says whether requests arrive.
fn run(now: Instant, span: Duration, agents: [&mut Agent; 2], connected: bool) {
    let [a, b] = agents;
    let end = now + span;
    while let Some(at) = [a.poll_timeout(), b.poll_timeout()]
        .into_iter()
        .flatten()
        .min()
        && at <= end
    {
        for turn in 0..2 {
            let (us, them) = if turn == 0 {
                (&mut *a, &mut *b)
            } else {
                (&mut *b, &mut *a)
            };
            let due = us.timer.as_mut().and_then(|timer| timer.handle_timeout(at));
            match due {
                None => {}
                Some(Due::GiveUp) => us.gave_up = true,
                Some(Due::Refresh) if !connected => {}
                Some(Due::Refresh) => {
                    let method = us
                        .timer
                        .as_ref()
                        .map(|timer| timer.refresh_method().clone());
                    let status = exchange(at, us, them, &method.unwrap());
                    assert_eq!(status, Status::OK);
                }
            }
        }
    }
}

fn policy() -> impl Strategy<Value = TimerPolicy> {
    (0_u32..8000, 0_u32..4000).prop_map(|(interval_s, min_s)| TimerPolicy { interval_s, min_s })
}

proptest! {
    #[test]
    fn rfc4028_any_two_agree_on_interval_and_refresher_and_see_each_other_vanish(
        alices in policy(),
        bobs in policy(),
        bob_asks_later: bool,
    ) {
        let start = Instant::now();
        let (alice, bob) = call();
        let (mut alice, mut bob) = (Agent::new(alice, Some(alices)), Agent::new(bob, Some(bobs)));
        prop_assert_eq!(exchange(start, &mut alice, &mut bob, &Method::Invite), Status::OK);
        if bob_asks_later {
            let status = exchange(start, &mut bob, &mut alice, &Method::Update);
            prop_assert_eq!(status, Status::OK);
        }
        let interval_s = alice.interval_s();
        prop_assert!(interval_s >= Some(90));
        prop_assert_eq!(interval_s, bob.interval_s());
        prop_assert_ne!(alice.refresher(), bob.refresher());
        let interval = Duration::from_secs(interval_s.unwrap_or_default().into());
        run(start, interval * 5, [&mut alice, &mut bob], true);
        prop_assert!(!alice.gave_up && !bob.gave_up);
        prop_assert_eq!(alice.interval_s(), bob.interval_s());
        let now = start + interval * 5;
        run(now, interval, [&mut alice, &mut bob], false);
        prop_assert!(alice.gave_up && bob.gave_up);
    }

    #[test]
    fn rfc4028_one_without_timers_is_neither_refused_nor_hung_up_on(
        policy in policy(),
        knows: bool,
    ) {
        let start = Instant::now();
        let (alice, bob) = call();
        let policies = if knows { (Some(policy), None) } else { (None, Some(policy)) };
        let (mut alice, mut bob) = (Agent::new(alice, policies.0), Agent::new(bob, policies.1));
        prop_assert_eq!(exchange(start, &mut alice, &mut bob, &Method::Invite), Status::OK);
        run(start, Duration::from_secs(100_000), [&mut alice, &mut bob], true);
        prop_assert!(!alice.gave_up && !bob.gave_up);
    }
}

#[test]
fn rfc4028_a_timer_that_a_proxy_asked_for_is_kept_by_the_called_side_alone() {
    let start = Instant::now();
    let (alice, bob) = call();
    let policy = TimerPolicy {
        interval_s: 1800,
        min_s: 600,
    };
    let (mut alice, mut bob) = (Agent::new(alice, None), Agent::new(bob, Some(policy)));
    let asked = SessionExpires {
        delta_s: 300,
        refresher: None,
    };
    let request = sent(alice.dialog.request(Method::Invite).header(&asked));
    let response = bob.answer(start, &request);
    let granted = response.headers().get::<SessionExpires>().unwrap().unwrap();
    assert_eq!(granted.refresher, Some(Refresher::Uas));
    assert_eq!(granted.delta_s, 300, "a proxy cannot be told a 422");
    run(
        start,
        Duration::from_secs(100),
        [&mut alice, &mut bob],
        true,
    );
    let refresh = bob.request(Method::Update);
    assert!(refresh.headers().has(HeaderName::SessionExpires));
}

// --- transfers --------------------------------------------------------------------------------

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::RINGING),
        Just(Status::SESSION_PROGRESS),
        Just(Status::OK),
        Just(Status::BUSY_HERE),
        Just(Status::DECLINE),
    ]
}

proptest! {
    #[test]
    fn rfc3515_who_asks_for_a_call_hears_what_became_of_it(
        statuses in proptest::collection::vec((status(), 0_u64..200), 0..8),
        subscribe: bool,
        attended: bool,
        first: bool,
        late_response: bool,
    ) {
        let start = Instant::now();
        let (mut alice, mut bob) = call();
        let replaced = Replaced::naming(&alice);
        let order = ReferTo {
            target: &uri("sip:carol@example.com"),
            replaces: attended.then_some(&replaced),
            referred_by: Some(&uri("sip:alice@example.com")),
            subscribe,
        };
        let request = sent(order.write(alice.request(Method::Refer)));
        let mut transfer = Transfer::new(start, request.cseq());
        let refer = Refer::read(&request).unwrap();
        prop_assert_eq!(refer.replaces.is_some(), attended);
        let accepted = refer.write(answer(&request, Status::ACCEPTED)).build().unwrap();
        let mut heard = Vec::new();
        if !late_response {
            heard.extend(transfer.handle_response(start, &accepted));
        }
        prop_assert_eq!(accepted.headers().get() == Ok(Some(ReferSub(false))), !subscribe);
        if subscribe {
            let mut referral = Referral::new(start, &refer, first);
            let mut now = start;
            let mut tell = |referral: &mut Referral, until: Instant| {
                while let Some(at) = referral.poll_timeout().filter(|at| *at <= until) {
                    let notify = sent(referral.handle_timeout(at, &mut bob).unwrap());
                    heard.extend(transfer.handle_notify(at, &notify).unwrap());
                    let ok = ResponseBuilder::new(&notify, Status::OK).build().unwrap();
                    referral.handle_response(&ok);
                }
            };
            for (status, wait_s) in &statuses {
                now += Duration::from_secs(*wait_s);
                tell(&mut referral, now);
                referral.progress(now, *status);
            }
            tell(&mut referral, now + Duration::from_secs(1000));
            prop_assert!(referral.is_over());
        }
        heard.extend(transfer.handle_response(start, &accepted));
        // What comes after the time of the subscription is not heard any more.
        let mut elapsed = 0;
        let in_time = statuses.iter().take_while(|(_, wait_s)| {
            elapsed += wait_s;
            elapsed < 180
        });
        let end = in_time.map(|(status, _)| *status).find(|status| status.is_final());
        let outcome = match end.filter(|_| subscribe) {
            Some(status) => Outcome::Answered(status),
            None => Outcome::Unknown,
        };
        let ends: Vec<&News> = heard.iter().filter(|news| matches!(news, News::Done(_))).collect();
        prop_assert_eq!(ends, [&News::Done(outcome)]);
        prop_assert_eq!(heard.last(), Some(&News::Done(outcome)));
        prop_assert_eq!(transfer.poll_timeout(), None);
    }
}

// --- anything ---------------------------------------------------------------------------------

/// Every reader gets every message; none may panic, and what it refuses can be answered.
fn read_all(request: &Request) {
    let now = Instant::now();
    let mut timer = SessionTimer::new(TimerPolicy {
        interval_s: 1800,
        min_s: 90,
    });
    let (mut alice, _) = call();
    let mut transfer = Transfer::new(now, 1);
    let mut provisionals = Provisionals::new(request, 7);
    let rejections = [
        timer.judge(request).err(),
        Refer::read(request).err(),
        Replaced::of_request(request).err(),
        Info::read(request).err(),
        Subscribe::read(request, &[&REG, &DIALOG]).err(),
        Underway::default().judge(request, 3).err(),
        provisionals.handle_prack(now, request).err(),
        transfer.handle_notify(now, request).err(),
        alice.handle_request(request).err(),
    ];
    for rejection in rejections.into_iter().flatten() {
        let response = rejection.response(request, "t").unwrap();
        assert!(response.status().code() >= 400);
    }
    let response = answer(request, Status::RINGING);
    if let Ok(response) = response.build() {
        timer.handle_response(now, &response);
        transfer.handle_response(now, &response);
        Acknowledger::new(true).handle_response(&response);
    }
}

const ROWS: &str = "Session-Expires: 600;refresher=uac\r\nMin-SE: 90\r\nRefer-To: <sip:a@b?Replaces=c%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n\
    Referred-By: <sip:a@b>\r\nRefer-Sub: false\r\nReplaces: c;to-tag=1;from-tag=2\r\nEvent: refer;id=1\r\n\
    Subscription-State: active;expires=60\r\nRAck: 3 1 INVITE\r\nRSeq: 3\r\nExpires: 600\r\n\
    Content-Type: application/dtmf-relay\r\n";

proptest! {
    #[test]
    fn s03_no_damaged_message_panics_a_procedure(
        method in "INVITE|UPDATE|REFER|INFO|SUBSCRIBE|NOTIFY|PRACK",
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        body in prop_oneof!["Signal=[0-9A-D*#]\r\nDuration=[0-9]{0,9}", "SIP/2.0 [0-9]{3} [a-z]{0,9}", ".{0,40}"],
    ) {
        let mut rows = format!("{ROWS}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
        for (index, byte) in &damage {
            let at = index.index(rows.len());
            rows[at] = *byte;
        }
        let head = format!(
            "{method} sip:bob@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
             From: <sip:a@b>;tag=al\r\nTo: <sip:bob@b>;tag=bo\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
        );
        let bytes = [head.as_bytes(), &rows].concat();
        if let Ok(Message::Request(request)) = Message::parse(&bytes, &Limits::default()) {
            read_all(&request);
        }
    }
}

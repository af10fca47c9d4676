//! Telephones that watch others: the lamps at their keys.

use std::time::Duration;

use sip::flow::Transport;
use sip::message::{HeaderName, Message, Method, Request, Response, Status};

use super::super::{Bench, FlowEnd, Input, OFFER_AUDIO, bench, config};
use super::{Phone, credentials, is, sdp_answer};

const DIALOG: &str = "Event: dialog\r\nExpires: 600\r\n";

/// Changes are told no faster than that (RFC 4235 3.10).
const SECOND: Duration = Duration::from_secs(1);

impl Bench {
    /// Subscribes with the password of all accounts here; the answer.
    fn subscribe(&mut self, phone: &Phone, of: &str, headers: &str) -> Response {
        let uri = format!("sip:{of}@example.org");
        let to = format!("<{uri}>");
        // Each has a Call-ID of its own.
        let own = format!("Call-ID: SUBSCRIBE-{of}-{}-of-", headers.len());
        let write = |cseq, credentials: &str| {
            let headers = format!("{headers}{credentials}");
            phone
                .numbered("SUBSCRIBE", &uri, (&to, cseq), &headers, "")
                .replacen("Call-ID: SUBSCRIBE-of-", &own, 1)
                .replacen(
                    "-SUBSCRIBE-",
                    &format!("-SUBSCRIBE-{of}{}-", headers.len()),
                    1,
                )
        };
        self.send(phone, &write(1, ""));
        let challenge = self.first_response(phone);
        if challenge.status() != Status::UNAUTHORIZED {
            return challenge;
        }
        let credentials = credentials(phone, &challenge, "SUBSCRIBE", &uri);
        self.send(phone, &write(2, &credentials));
        self.first_response(phone)
    }

    /// The first message since the last look is a response; what follows it stays.
    fn first_response(&mut self, phone: &Phone) -> Response {
        let mut messages = self.take_sip(phone);
        let first = messages.remove(0).into_response().expect("a response");
        self.sip.insert(phone.flow, messages);
        first
    }

    /// The one NOTIFY since the last look, which is answered: its state and body. It may have been
    /// sent more than once.
    fn notified(&mut self, phone: &Phone) -> (String, String) {
        let is_notify = |message: &Message| match message {
            Message::Request(request) => is(request, &Method::Notify),
            Message::Response(_) => false,
        };
        let (notifies, others): (Vec<_>, Vec<_>) =
            self.take_sip(phone).into_iter().partition(is_notify);
        self.sip.insert(phone.flow, others);
        let mut notifies: Vec<Request> = notifies
            .into_iter()
            .filter_map(Message::into_request)
            .collect();
        notifies.dedup_by_key(|notify| notify.cseq());
        assert_eq!(notifies.len(), 1, "one notification, not {notifies:?}");
        let notify = notifies.remove(0);
        self.respond(phone, &notify, Status::OK, None);
        read(&notify)
    }

    /// An account on a telephone of its own, over UDP.
    fn desk_phone(&mut self, user: &str) -> Phone {
        let phone = self.silent_phone(user, Transport::Udp, "127.0.0.1:50001");
        self.send(&phone, &phone.register(1, ""));
        let challenge = self.response(&phone);
        let credentials = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        self.send(&phone, &phone.register(2, &credentials));
        assert_eq!(self.response(&phone).status(), Status::OK);
        phone
    }

    /// A watch of one person by another, whose first notification has been looked at.
    fn watching(&mut self, of: &str) -> (Phone, Response) {
        let phone = self.desk_phone("alice");
        let ok = self.subscribe(&phone, of, DIALOG);
        assert_eq!(ok.status(), Status::OK);
        self.notified(&phone);
        (phone, ok)
    }
}

fn read(notify: &Request) -> (String, String) {
    let state = notify.headers().text(HeaderName::SubscriptionState);
    let body = String::from_utf8(notify.body().to_vec()).unwrap();
    (state.unwrap().to_owned(), body)
}

fn again(phone: &Phone, ok: &Response, expires_s: u32, cseq: u32) -> String {
    let headers = format!("Event: dialog\r\nExpires: {expires_s}\r\n");
    let text = phone.in_dialog_with("SUBSCRIBE", ok, cseq, &headers, "");
    let call_id = String::from_utf8_lossy(ok.call_id()).into_owned();
    let host = call_id.rsplit("-of-").next().unwrap();
    text.replacen(&format!("INVITE-of-{host}"), &call_id, 1)
}

#[test]
fn s18_whoever_subscribes_proves_who_he_is() {
    let mut bench = bench();
    let stranger = bench.silent_phone("alice", Transport::Udp, "192.0.2.7:5060");
    let subscribe = stranger.request("SUBSCRIBE", "sip:bob@example.org", "bob", DIALOG, "");
    bench.send(&stranger, &subscribe);
    assert_eq!(bench.response(&stranger).status(), Status::UNAUTHORIZED);
    bench.pass(SECOND);
    assert!(bench.take_sip(&stranger).is_empty());
}

#[test]
fn what_may_not_be_watched_is_refused() {
    let mut bench = bench();
    let phone = bench.desk_phone("alice");
    let guest = bench.udp_phone("1001");
    for (phone, of, headers, status) in [
        (&phone, "nobody", DIALOG, 404),
        (&phone, "bob", "Event: presence\r\n", 489),
        (&phone, "bob", "Event: reg\r\n", 403),
        (&phone, "bob", "Event: dialog\r\nExpires: 5\r\n", 423),
        (&guest, "bob", DIALOG, 403),
        (&guest, "1001", DIALOG, 200),
    ] {
        let response = bench.subscribe(phone, of, headers);
        assert_eq!(response.status().code(), status, "{of} {headers}");
    }
    let refused = bench.subscribe(&phone, "bob", "Event: winfo\r\n");
    let events = refused.headers().text(HeaderName::AllowEvents);
    assert_eq!(events, Some("dialog, reg"));
}

#[test]
fn a_lamp_follows_a_call_from_the_first_ring_to_the_end() {
    let mut bench = bench();
    bench.open_ports(8);
    let (watcher, ok) = bench.watching("bob");
    assert_eq!(ok.headers().text(HeaderName::Expires), Some("600"));
    bench.pass(SECOND);
    let callee = bench.desk_phone("bob");
    let caller = bench.guest("carol");
    let call_id = bench.call_with(caller, "bob", OFFER_AUDIO);
    let invite = bench.request(&callee);
    let mut versions = Vec::new();
    let mut lamp = |bench: &mut Bench, expected: &str| {
        bench.pass(SECOND);
        let (state, body) = bench.notified(&watcher);
        assert!(state.starts_with("active;expires="), "{state}");
        assert!(
            body.contains(&format!("<state>{expected}</state>")),
            "{expected} in {body}"
        );
        assert!(body.contains("direction=\"recipient\""), "{body}");
        assert!(
            body.contains("state=\"full\" entity=\"sip:bob@example.org\""),
            "{body}"
        );
        assert!(
            !body.contains("carol") && !body.contains("call-id"),
            "{body}"
        );
        let version = body.split("version=\"").nth(2).unwrap();
        versions.push(version.split('"').next().unwrap().parse::<u32>().unwrap());
    };
    lamp(&mut bench, "trying");
    bench.respond(&callee, &invite, Status::RINGING, None);
    lamp(&mut bench, "early");
    bench.respond(&callee, &invite, Status::OK, Some(&sdp_answer(&invite)));
    lamp(&mut bench, "confirmed");
    bench.hang_up(caller, &call_id);
    lamp(&mut bench, "terminated");
    assert_eq!(versions, [1, 2, 3, 4]);
    bench.pass(60 * SECOND);
    assert!(bench.take_sip(&watcher).is_empty(), "nothing else happened");
}

#[test]
fn who_calls_shows_too_and_a_person_sees_of_himself_with_whom_he_talks() {
    let mut bench = bench();
    bench.open_ports(8);
    let (watcher, _) = bench.watching("alice");
    bench.pass(SECOND);
    let page = bench.account("bob");
    let call_id = bench.call_with(page, "alice", OFFER_AUDIO);
    let invite = bench.request(&watcher);
    bench.pass(SECOND);
    let (_, body) = bench.notified(&watcher);
    assert!(body.contains("sip:bob@example.org"), "{body}");
    let call = String::from_utf8_lossy(invite.call_id()).into_owned();
    assert!(!body.contains("call-id"), "no dialog before a tag: {body}");
    bench.respond(&watcher, &invite, Status::OK, Some(&sdp_answer(&invite)));
    bench.take_sip(&watcher);
    bench.pass(SECOND);
    let (_, body) = bench.notified(&watcher);
    assert!(body.contains(&format!("call-id=\"{call}\"")), "{body}");
    assert!(body.contains("local-tag=\"phone\""), "{body}");
    bench.hang_up(page, &call_id);
}

#[test]
fn changes_within_a_second_are_told_together() {
    let mut bench = bench();
    let (watcher, _) = bench.watching("bob");
    let (caller, callee) = (bench.guest("carol"), bench.account("bob"));
    let caller_id = bench.call(caller, "bob");
    let (callee_id, offer) = bench.incoming(callee);
    bench.answer(callee, &callee_id, &offer);
    bench.pass(SECOND - Duration::from_millis(1));
    assert!(bench.take_sip(&watcher).is_empty());
    bench.pass(Duration::from_millis(1));
    let (_, body) = bench.notified(&watcher);
    assert_eq!(body.matches("<state>").count(), 1);
    assert!(body.contains("<state>confirmed</state>"), "{body}");
    bench.hang_up(caller, &caller_id);
}

#[test]
fn the_next_notification_waits_for_the_answer_to_the_last() {
    let mut bench = bench();
    let phone = bench.desk_phone("alice");
    bench.subscribe(&phone, "bob", DIALOG);
    let first = bench.request(&phone);
    let (caller, callee) = (bench.guest("carol"), bench.account("bob"));
    bench.call(caller, "bob");
    bench.incoming(callee);
    bench.pass(5 * SECOND);
    let repeated = bench.take_sip(&phone);
    let same = |message: &Message| match message {
        Message::Request(request) => request.cseq() == first.cseq(),
        Message::Response(_) => false,
    };
    assert!(!repeated.is_empty() && repeated.iter().all(same));
    bench.respond(&phone, &first, Status::OK, None);
    bench.pass(Duration::ZERO);
    let (_, body) = bench.notified(&phone);
    assert!(body.contains("<state>early</state>"), "{body}");
}

#[test]
fn a_subscription_is_renewed_and_ended_in_its_dialog() {
    let mut bench = bench();
    let (watcher, ok) = bench.watching("bob");
    bench.pass(500 * SECOND);
    bench.send(&watcher, &again(&watcher, &ok, 600, 10));
    assert_eq!(bench.first_response(&watcher).status(), Status::OK);
    assert_eq!(bench.notified(&watcher).0, "active;expires=600");
    bench.pass(500 * SECOND);
    assert!(bench.take_sip(&watcher).is_empty());
    bench.send(&watcher, &again(&watcher, &ok, 0, 11));
    assert_eq!(bench.first_response(&watcher).status(), Status::OK);
    assert_eq!(bench.notified(&watcher).0, "terminated;reason=timeout");
    bench.send(&watcher, &again(&watcher, &ok, 600, 12));
    assert_eq!(
        bench.response(&watcher).status(),
        Status::CALL_DOES_NOT_EXIST
    );
}

#[test]
fn a_subscription_ends_with_its_time() {
    let mut bench = bench();
    let (watcher, _) = bench.watching("bob");
    bench.pass(600 * SECOND);
    assert_eq!(bench.notified(&watcher).0, "terminated;reason=timeout");
    let (caller, callee) = (bench.guest("carol"), bench.account("bob"));
    bench.call(caller, "bob");
    bench.incoming(callee);
    bench.pass(10 * SECOND);
    assert!(bench.take_sip(&watcher).is_empty());
}

#[test]
fn expires_0_asks_once() {
    let mut bench = bench();
    let phone = bench.desk_phone("alice");
    let ok = bench.subscribe(&phone, "bob", "Event: dialog\r\nExpires: 0\r\n");
    assert_eq!(ok.headers().text(HeaderName::Expires), Some("0"));
    assert_eq!(bench.notified(&phone).0, "terminated;reason=timeout");
}

#[test]
fn whoever_refuses_a_notification_or_does_not_answer_hears_no_more() {
    for answers in [true, false] {
        let mut bench = bench();
        let phone = bench.desk_phone("alice");
        bench.subscribe(&phone, "bob", DIALOG);
        let notify = bench.request(&phone);
        match answers {
            true => bench.respond(&phone, &notify, Status::CALL_DOES_NOT_EXIST, None),
            false => bench.pass(33 * SECOND),
        }
        bench.take_sip(&phone);
        let (caller, callee) = (bench.guest("carol"), bench.account("bob"));
        bench.call(caller, "bob");
        bench.incoming(callee);
        bench.pass(10 * SECOND);
        assert!(bench.take_sip(&phone).is_empty());
    }
}

#[test]
fn a_subscription_follows_its_telephone_to_another_connection() {
    let mut bench = bench();
    let phone = bench.account_phone("alice");
    let ok = bench.subscribe(&phone, "bob", DIALOG);
    assert_eq!(ok.status(), Status::OK);
    bench.notified(&phone);
    bench.handle(Input::FlowClosed {
        flow: phone.flow,
        how: FlowEnd::Abnormal,
    });
    let (caller, callee) = (bench.guest("carol"), bench.account("bob"));
    bench.call(caller, "bob");
    bench.incoming(callee);
    bench.pass(5 * SECOND);
    let flow = bench.open_sip(Transport::Ws, "127.0.0.1:50002");
    let phone = phone.on(flow);
    bench.send(&phone, &phone.register(3, ""));
    let challenge = bench.response(&phone);
    let credentials = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(&phone, &phone.register(4, &credentials));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    bench.pass(Duration::ZERO);
    let (_, body) = bench.notified(&phone);
    assert!(body.contains("<state>early</state>"), "{body}");
}

#[test]
fn a_subscription_whose_telephone_does_not_come_back_is_forgotten() {
    let mut bench = bench();
    let (watcher, _) = bench.watching("bob");
    bench.handle(Input::FlowClosed {
        flow: watcher.flow,
        how: FlowEnd::Abnormal,
    });
    bench.pass(bench.switch.config.timing.grace);
    let mut limits = bench.switch.config.limits;
    limits.subscriptions = 1;
    bench.switch.config.limits = limits;
    let phone = bench.desk_phone("bob");
    assert_eq!(
        bench.subscribe(&phone, "alice", DIALOG).status(),
        Status::OK
    );
}

#[test]
fn s17_the_dialog_of_a_subscription_is_for_its_own_peer() {
    let mut bench = bench();
    let (watcher, ok) = bench.watching("bob");
    let thief = bench.open_sip(Transport::Udp, "192.0.2.66:5060");
    let thief = watcher.clone().on(thief);
    bench.send(&thief, &again(&watcher, &ok, 0, 10));
    assert_eq!(bench.response(&thief).status(), Status::CALL_DOES_NOT_EXIST);
    assert!(bench.take_sip(&watcher).is_empty());
}

#[test]
fn there_are_so_many_subscriptions_of_one_person_and_in_all() {
    let mut config = config();
    config.limits.subscriptions_per_user = 2;
    config.limits.subscriptions = 3;
    let mut bench = Bench::new(config);
    let (alice, bob) = (bench.desk_phone("alice"), bench.desk_phone("bob"));
    let mut subscribe = |phone: &Phone, headers: &str| {
        let response = bench.subscribe(phone, "bob", headers);
        for message in bench.take_sip(phone) {
            if let Message::Request(notify) = message {
                bench.respond(phone, &notify, Status::OK, None);
            }
        }
        response
    };
    assert_eq!(subscribe(&alice, DIALOG).status(), Status::OK);
    assert_eq!(subscribe(&alice, "Event: dialog\r\n").status(), Status::OK);
    let third = subscribe(&alice, "Event: dialog;id=3\r\n");
    assert_eq!(third.status(), Status::FORBIDDEN);
    assert_eq!(subscribe(&bob, DIALOG).status(), Status::OK);
    let full = subscribe(&bob, "Event: dialog\r\n");
    assert_eq!(full.status(), Status::SERVICE_UNAVAILABLE);
    assert!(full.headers().has(HeaderName::RetryAfter));
}

#[test]
fn a_person_sees_his_registrations_come_and_go() {
    let mut bench = bench();
    let phone = bench.desk_phone("alice");
    let ok = bench.subscribe(&phone, "alice", "Event: reg\r\n");
    assert_eq!(ok.status(), Status::OK);
    let (_, body) = bench.notified(&phone);
    assert!(body.contains("aor=\"sip:alice@example.org\""), "{body}");
    assert!(
        body.contains("state=\"active\" event=\"registered\""),
        "{body}"
    );
    assert_eq!(body.matches("<contact").count(), 1);
    bench.pass(10 * SECOND);
    let second = bench.account_phone("alice");
    bench.pass(Duration::ZERO);
    let (_, body) = bench.notified(&phone);
    assert_eq!(body.matches("event=\"registered\"").count(), 2, "{body}");
    assert!(body.contains("transport=ws"), "{body}");
    bench.pass(10 * SECOND);
    let leave = second
        .register(3, "")
        .replacen("Expires: 600", "Expires: 0", 1);
    bench.send(&second, &leave);
    let challenge = bench.response(&second);
    let credentials = credentials(&second, &challenge, "REGISTER", "sip:example.org");
    let leave = second.register(4, &credentials);
    bench.send(&second, &leave.replacen("Expires: 600", "Expires: 0", 1));
    bench.pass(Duration::ZERO);
    let (_, body) = bench.notified(&phone);
    assert!(
        body.contains("state=\"terminated\" event=\"unregistered\""),
        "{body}"
    );
    bench.pass(10 * SECOND);
    assert!(bench.take_sip(&phone).is_empty());
}

#[test]
fn subscribers_are_told_when_the_server_goes_down() {
    let mut bench = bench();
    let (watcher, _) = bench.watching("bob");
    bench.handle(Input::Shutdown);
    let requests: Vec<_> = bench
        .take_sip(&watcher)
        .into_iter()
        .filter_map(Message::into_request)
        .collect();
    assert_eq!(read(&requests[0]).0, "terminated;reason=deactivated");
}

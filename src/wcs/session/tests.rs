#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

mod calls;
mod order;

use serde_json::{Value, json};

use super::*;
use crate::wcs::message::{AuthToken, CallStatus, ConnectionEcho, Payload, UserData, info};

const SECOND: Duration = Duration::from_secs(1);

/// A session with its virtual clock.
struct Bench {
    session: Session,
    now: Instant,
}

impl Bench {
    fn with(config: SessionConfig) -> Self {
        let now = Instant::now();
        Self {
            session: Session::new(now, config),
            now,
        }
    }

    /// A session that is signed in as `me`.
    fn open() -> Self {
        Self::open_with(SessionConfig::default())
    }

    fn open_with(config: SessionConfig) -> Self {
        let mut bench = Self::with(config);
        bench.say("connection", json!({ "sipLogin": "me" }));
        bench.session.accept(user());
        bench.events();
        bench.sent();
        bench
    }

    fn say(&mut self, message: &str, argument: Value) {
        let frame = json!({ "message": message, "data": [argument] }).to_string();
        self.session
            .handle_message(self.now, ClientMessage::parse(&frame).unwrap());
    }

    fn wait(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.session.poll_timeout().filter(|due| *due <= until) {
            self.now = self.now.max(deadline);
            self.session.handle_timeout(self.now);
        }
        self.now = until;
    }

    fn sent(&mut self) -> Vec<ServerMessage> {
        std::iter::from_fn(|| self.session.poll_transmit()).collect()
    }

    /// The names of what was sent; of calls the statuses.
    fn told(&mut self) -> Vec<&'static str> {
        let tell = |message: &ServerMessage| match message {
            ServerMessage::Status(notice) => notice.status.as_str(),
            other => other.name(),
        };
        self.sent().iter().map(tell).collect()
    }

    fn events(&mut self) -> Vec<SessionEvent> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// The one thing that was sent, as its argument.
    fn argument(&mut self) -> Value {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let frame: Value = serde_json::from_str(&sent[0].to_text()).unwrap();
        frame["data"][0].clone()
    }

    fn misorders(&self) -> u64 {
        self.session.counters().misorders
    }
}

fn id(text: &str) -> WcsCallId {
    WcsCallId::new(text).unwrap()
}

fn user() -> UserData {
    UserData {
        echo: ConnectionEcho::default(),
        auth_token: AuthToken::new("token").unwrap(),
        sip_login: "me".into(),
        sip_domain: None,
    }
}

fn end(status: Terminal) -> End {
    End {
        status,
        sip_status: None,
        info: info::NORMAL_CALL_CLEARING.into(),
        code: "code".into(),
        sentence: "A sentence.".into(),
        cause: Some("A cause.".into()),
    }
}

fn closed(code: u16, reason: &'static str) -> SessionEvent {
    SessionEvent::Close { code, reason }
}

#[test]
fn a_session_is_accepted_and_registered() {
    let mut bench = Bench::with(SessionConfig::default());
    bench.say(
        "connection",
        json!({ "sipLogin": "me", "sipPassword": "s3cret" }),
    );
    let events = bench.events();
    let [SessionEvent::Connect(connection)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(connection.sip_password.as_ref().unwrap().expose(), "s3cret");
    assert!(!bench.session.is_open());

    let echo = connection.echo.clone();
    bench.session.accept(UserData { echo, ..user() });
    bench.session.registered();
    assert!(bench.session.is_open());
    let sent = bench.sent();
    assert_eq!(
        sent.iter().map(ServerMessage::name).collect::<Vec<_>>(),
        ["getUserData", "registered"]
    );
    assert!(
        sent.iter()
            .all(|message| !message.to_text().contains("s3cret"))
    );
    assert!(!format!("{:?} {events:?} {sent:?}", bench.session).contains("s3cret"));
}

#[test]
fn a_refused_session_says_why_and_closes() {
    let mut bench = Bench::with(SessionConfig::default());
    bench.say("connection", json!({ "sipLogin": "me" }));
    bench.events();
    bench.session.refuse(Refusal {
        info: "SIP 403 Forbidden".into(),
        code: "wrong_password",
        sentence: "The password is wrong.".into(),
    });
    let expected = json!({
        "apiMethod": "RegistrationStatusEvent", "status": "FAILED", "info": "SIP 403 Forbidden",
        "code": "wrong_password", "sentence": "The password is wrong.",
    });
    assert_eq!(bench.argument(), expected);
    assert_eq!(bench.events(), [closed(1008, "sign-in refused")]);
    // Nobody is listening any more.
    bench.say(
        "call",
        json!({ "callId": "c", "callee": "you", "sdp": "v=0" }),
    );
    bench.session.accept(user());
    bench.session.registered();
    assert_eq!((bench.sent(), bench.events()), (vec![], vec![]));
    assert_eq!(bench.session.poll_timeout(), None);
}

#[test]
fn whoever_does_not_begin_with_connection_is_refused() {
    for (message, argument) in [
        (
            "call",
            json!({ "callId": "c", "callee": "you", "sdp": "v=0" }),
        ),
        ("sendData", json!({ "operationId": "o" })),
        ("connection", json!({ "sipPort": "none" })),
        ("callbox.hello", json!({})),
        ("something", json!({})),
    ] {
        let mut bench = Bench::with(SessionConfig::default());
        bench.say(message, argument);
        assert_eq!(bench.told(), ["fail"], "{message}");
        assert_eq!(
            bench.events(),
            [closed(1008, "sign-in refused")],
            "{message}"
        );
    }
}

#[test]
fn pings_and_logs_may_come_before_connection() {
    let mut bench = Bench::with(SessionConfig::default());
    for message in [
        "ping",
        "pong",
        "pushLogs",
        "submitBugReport",
        "webRTCMetricsBatch",
    ] {
        bench.say(message, Value::Null);
    }
    assert_eq!((bench.told(), bench.events()), (vec!["pong"], vec![]));
}

#[test]
fn whoever_never_introduces_himself_is_closed() {
    let mut bench = Bench::with(SessionConfig::default());
    bench.wait(9 * SECOND);
    bench.say("ping", Value::Null);
    assert_eq!(bench.events(), []);
    bench.wait(SECOND);
    assert_eq!(
        bench.events(),
        [closed(1008, "no connection message in time")]
    );
}

#[test]
fn a_second_connection_changes_nothing() {
    let mut bench = Bench::open();
    bench.say("connection", json!({ "sipLogin": "somebody else" }));
    assert_eq!((bench.told(), bench.events()), (vec!["fail"], vec![]));
    assert!(bench.session.is_open());
    let mut bench = Bench::with(SessionConfig::default());
    bench.say("connection", json!({ "sipLogin": "me" }));
    bench.say("connection", json!({ "sipLogin": "somebody else" }));
    assert_eq!(bench.events().len(), 1);
}

#[test]
fn what_comes_before_the_decision_is_refused() {
    let mut bench = Bench::with(SessionConfig::default());
    bench.say("connection", json!({ "sipLogin": "me" }));
    bench.events();
    bench.say(
        "call",
        json!({ "callId": "c", "callee": "you", "sdp": "v=0" }),
    );
    bench.say("sendData", json!({ "operationId": "o", "payload": 1 }));
    bench.say("hangup", json!({ "callId": "c" }));
    assert_eq!(bench.told(), ["FAILED", "DataStatusEvent"]);
    assert_eq!(bench.events(), []);
    bench.session.accept(user());
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn a_silent_peer_is_dead_within_fifteen_seconds() {
    let mut bench = Bench::open();
    bench.wait(14 * SECOND);
    assert_eq!(
        (bench.told(), bench.events()),
        (vec!["ping", "ping"], vec![])
    );
    bench.wait(SECOND);
    assert_eq!(
        (bench.told(), bench.events()),
        (vec![], vec![SessionEvent::Dead])
    );
    assert_eq!(bench.session.poll_timeout(), None);
    assert!(!bench.session.is_open());
}

#[test]
fn any_message_is_a_sign_of_life() {
    let mut bench = Bench::open();
    for message in ["pong", "pushLogs", "ping", "unknown", "hangup"] {
        bench.wait(9 * SECOND);
        bench.say(message, json!({ "callId": "c" }));
    }
    bench.wait(9 * SECOND);
    assert_eq!(bench.events(), []);
    let pings = bench.told().iter().filter(|told| **told == "ping").count();
    assert_eq!(pings, 10);
}

#[test]
fn a_server_that_slept_blames_nobody_for_it() {
    let mut bench = Bench::open();
    bench.now += 60 * SECOND;
    bench.session.handle_timeout(bench.now);
    assert_eq!((bench.told(), bench.events()), (vec!["ping"], vec![]));
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + 5 * SECOND));
}

#[test]
fn the_ping_interval_and_the_patience_are_configured() {
    let keep_alive = KeepAlive {
        interval: SECOND,
        missed_pings: 10,
    };
    let mut bench = Bench::open_with(SessionConfig {
        keep_alive,
        ..SessionConfig::default()
    });
    bench.wait(10 * SECOND);
    assert_eq!((bench.told().len(), bench.events()), (10, vec![]));
    bench.wait(SECOND);
    assert_eq!(bench.events(), [SessionEvent::Dead]);
}

#[test]
fn whoever_sends_too_much_is_closed() {
    let messages = MessageRate {
        per_second: 10,
        burst: 5,
    };
    let mut bench = Bench::open_with(SessionConfig {
        messages,
        ..SessionConfig::default()
    });
    bench.wait(SECOND);
    for _ in 0..5 {
        bench.say("ping", Value::Null);
    }
    assert_eq!(bench.events(), []);
    bench.wait(SECOND / 10);
    bench.say("ping", Value::Null);
    assert_eq!(bench.events(), []);
    bench.say("ping", Value::Null);
    assert_eq!(bench.events(), [closed(1008, "too many messages")]);
    assert_eq!(bench.told().len(), 6);
}

#[test]
fn logs_cost_nothing_until_they_are_a_flood() {
    let rate = |burst| MessageRate {
        per_second: 1,
        burst,
    };
    let config = SessionConfig {
        messages: rate(10),
        logs: rate(100),
        ..SessionConfig::default()
    };
    let mut bench = Bench::open_with(config);
    bench.wait(2 * SECOND);
    for _ in 0..100 {
        bench.say("pushLogs", json!({ "logs": "line" }));
    }
    bench.say("ping", Value::Null);
    assert_eq!((bench.told(), bench.events()), (vec!["pong"], vec![]));
    assert_eq!(bench.session.counters().dropped_logs, 100);
    for _ in 0..10 {
        bench.say("pushLogs", json!({ "logs": "line" }));
    }
    assert_eq!(bench.events(), [closed(1008, "too many messages")]);
}

#[test]
fn data_reaches_the_call_core_and_its_fate_the_sender() {
    let mut bench = Bench::open();
    bench.say(
        "sendData",
        json!({ "operationId": "o", "payload": { "x": 1 } }),
    );
    let payload = Payload(json!({ "x": 1 }));
    assert_eq!(
        bench.events(),
        [SessionEvent::Data {
            operation_id: "o".into(),
            payload
        }]
    );
    bench.session.data_status("o".into(), Ok(()));
    assert_eq!(
        bench.argument(),
        json!({ "operationId": "o", "status": "ACCEPTED" })
    );
    bench.session.data_status("o".into(), Err("nobody".into()));
    let failed = json!({ "operationId": "o", "status": "FAILED", "info": "nobody" });
    assert_eq!(bench.argument(), failed);
    bench.session.data("p".into(), Payload(json!([1])));
    assert_eq!(
        bench.argument(),
        json!({ "operationId": "p", "payload": [1] })
    );
}

#[test]
fn data_that_is_too_long_goes_nowhere() {
    let mut bench = Bench::open();
    let payload = "x".repeat(64 * 1024 - 2);
    bench.say(
        "sendData",
        json!({ "operationId": "o", "payload": payload }),
    );
    assert_eq!(bench.events().len(), 1);
    bench.say(
        "sendData",
        json!({ "operationId": "o", "payload": format!("{payload}x") }),
    );
    assert_eq!(bench.argument()["status"], "FAILED");
    assert_eq!(bench.events(), []);
}

#[test]
fn a_text_of_the_old_api_is_answered_in_its_own_way() {
    let mut bench = Bench::open();
    bench.say(
        "sendMessage",
        json!({ "id": "m", "to": "you", "body": "hi" }),
    );
    let events = bench.events();
    let [
        SessionEvent::Data {
            operation_id,
            payload,
        },
    ] = &events[..]
    else {
        panic!("{events:?}")
    };
    let text = crate::wcs::message::TextMessage::from_payload(payload).unwrap();
    assert_eq!((text.to.as_str(), text.body.as_str()), ("you", "hi"));
    bench.session.data_status(operation_id.clone(), Ok(()));
    assert_eq!(bench.argument(), json!({ "id": "m", "status": "ACCEPTED" }));
    // Answered once, the id is an operation like any other.
    bench.session.data_status("m".into(), Ok(()));
    assert_eq!(bench.told(), ["DataStatusEvent"]);
}

#[test]
fn streams_are_refused_and_debugging_is_acknowledged() {
    let mut bench = Bench::open();
    bench.say(
        "publishStream",
        json!({ "mediaSessionId": "m", "name": "s" }),
    );
    let refused = bench.argument();
    assert_eq!(
        (&refused["mediaSessionId"], &refused["status"]),
        (&json!("m"), &json!("FAILED"))
    );
    bench.say("availableStream", json!({}));
    assert_eq!(bench.told(), ["fail"]);
    bench.say("sessionDebug", json!({ "command": "start" }));
    assert_eq!(bench.argument(), json!({ "status": "started" }));
    bench.say("sessionDebug", json!({ "command": "stop" }));
    assert_eq!(bench.argument(), json!({ "status": "stopped" }));
    bench.say("constructor", json!({}));
    assert_eq!((bench.told(), bench.events()), (vec![], vec![]));
}

fn here(name: &str) -> Presence {
    use crate::wcs::message::PresentUser;
    let user = PresentUser {
        name: name.into(),
        display_name: name.into(),
        busy: false,
        you: false,
    };
    Presence {
        users: vec![user],
        more: 0,
    }
}

#[test]
fn only_a_page_that_said_hello_hears_of_extensions() {
    let mut bench = Bench::open();
    bench.session.presence(bench.now, here("a"));
    bench.session.extension(ExtensionEvent::Presence(here("a")));
    assert_eq!(bench.told(), [] as [&str; 0]);
    bench.say("callbox.hello", json!({ "version": 1 }));
    let events = bench.events();
    assert!(
        matches!(events[..], [SessionEvent::Extension(_)]),
        "{events:?}"
    );
    bench.session.extension(ExtensionEvent::Presence(here("a")));
    assert_eq!(bench.told(), ["callbox.presence"]);
}

#[test]
fn presence_is_told_at_most_four_times_a_second_and_the_latest_always() {
    let mut bench = Bench::open();
    bench.say("callbox.hello", json!({ "version": 1 }));
    for name in ["a", "b", "c"] {
        bench.session.presence(bench.now, here(name));
    }
    assert_eq!(bench.argument()["users"][0]["name"], "a");
    assert_eq!(bench.session.poll_timeout(), Some(bench.now + SECOND / 4));
    bench.wait(SECOND / 4);
    assert_eq!(bench.argument()["users"][0]["name"], "c");
    bench.wait(SECOND);
    assert_eq!(bench.told(), [] as [&str; 0]);
    bench.session.presence(bench.now, here("d"));
    assert_eq!(bench.told(), ["callbox.presence"]);
}

#[test]
fn a_queue_that_nobody_drains_closes_the_session() {
    let mut bench = Bench::open();
    for _ in 0..MAX_QUEUED {
        bench.session.registered();
    }
    assert_eq!(bench.events(), []);
    bench.session.registered();
    assert_eq!(bench.events(), [closed(1008, "outbound queue full")]);
    assert_eq!(bench.sent().len(), MAX_QUEUED);
}

//! Whatever the client says and the call core orders, the wire keeps its rules.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One thing that happens to a session.
#[derive(Debug, Clone)]
enum Step {
    Says(&'static str, u8),
    SaysNonsense(&'static str, u8),
    Incoming(u8),
    Ringing(u8, bool),
    Progress(u8),
    Established(u8, bool),
    Held(u8, bool),
    NotDone(u8),
    Finish(u8, Terminal),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let call = 0..6_u8;
    let says = prop::sample::select(vec![
        "call",
        "answer",
        "hangup",
        "hold",
        "unhold",
        "sendDtmf",
        "transfer",
        "callbox.hello",
        "pong",
        "ping",
    ]);
    let end = prop::sample::select(vec![Terminal::Finish, Terminal::Busy, Terminal::Failed]);
    prop_oneof![
        8 => (says.clone(), call.clone()).prop_map(|(says, call)| Step::Says(says, call)),
        1 => (says, call.clone()).prop_map(|(says, call)| Step::SaysNonsense(says, call)),
        3 => call.clone().prop_map(Step::Incoming),
        2 => (call.clone(), any::<bool>()).prop_map(|(call, sdp)| Step::Ringing(call, sdp)),
        1 => call.clone().prop_map(Step::Progress),
        4 => (call.clone(), any::<bool>()).prop_map(|(call, sdp)| Step::Established(call, sdp)),
        2 => (call.clone(), any::<bool>()).prop_map(|(call, held)| Step::Held(call, held)),
        1 => call.clone().prop_map(Step::NotDone),
        2 => (call, end).prop_map(|(call, end)| Step::Finish(call, end)),
        1 => (0..4_u64).prop_map(Step::Wait),
    ]
}

/// What the SDK would make of the messages: it complains where the SDK would throw or go astray.
#[derive(Default)]
struct Sdk {
    calls: BTreeMap<String, SdkCall>,
}

#[derive(Default)]
struct SdkCall {
    /// It made the call, rather than being called.
    outgoing: bool,
    /// An SDP is kept for a call that is not announced yet.
    cached_sdp: bool,
    announced: bool,
    answered: bool,
    sdps: usize,
    statuses: Vec<CallStatus>,
}

impl SdkCall {
    fn over(&self) -> bool {
        self.statuses
            .last()
            .is_some_and(|status| status.is_terminal())
    }
}

impl Sdk {
    fn say(&mut self, message: &str, call_id: &str) {
        let known = self.calls.contains_key(call_id);
        match message {
            "call" if !known => {
                let call = SdkCall {
                    outgoing: true,
                    announced: true,
                    ..SdkCall::default()
                };
                self.calls.insert(call_id.to_owned(), call);
            }
            "answer" => {
                if let Some(call) = self.calls.get_mut(call_id) {
                    call.answered |= !call.outgoing;
                }
            }
            _ => {}
        }
    }

    fn hear(&mut self, message: &ServerMessage) -> Result<(), TestCaseError> {
        let frame: Value = serde_json::from_str(&message.to_text()).unwrap();
        prop_assert!(frame["data"].is_array());
        match message {
            ServerMessage::RemoteSdp { call_id, sdp } => {
                let call = self.calls.entry(call_id.to_string()).or_default();
                prop_assert!(!sdp.is_empty());
                prop_assert_eq!(call.sdps, 0, "a second SDP");
                prop_assert!(!call.over(), "an SDP after the end");
                prop_assert!(
                    call.outgoing || !call.announced,
                    "an offer after the announcement"
                );
                prop_assert!(!call.outgoing || call.statuses.first() == Some(&CallStatus::Trying));
                call.sdps = 1;
                call.cached_sdp = !call.outgoing;
            }
            ServerMessage::IncomingCall(notice) => {
                let call = self.calls.entry(notice.call_id.to_string()).or_default();
                prop_assert!(call.cached_sdp && !call.announced && call.statuses.is_empty());
                call.announced = true;
            }
            ServerMessage::Status(notice) => {
                let call = self.calls.entry(notice.call_id.to_string()).or_default();
                prop_assert!(!call.over(), "{:?} after the end", notice.status);
                if call.statuses.is_empty() && !notice.status.is_terminal() {
                    let first = if call.outgoing {
                        CallStatus::Trying
                    } else {
                        CallStatus::Ring
                    };
                    prop_assert_eq!(notice.status, first);
                    prop_assert!(call.announced);
                }
                if !call.outgoing && !notice.status.is_terminal() && !call.answered {
                    prop_assert_eq!(notice.status, CallStatus::Ring, "before the answer");
                }
                if matches!(notice.status, CallStatus::Established | CallStatus::Hold) {
                    prop_assert_eq!(call.sdps, 1, "up without an SDP");
                }
                call.statuses.push(notice.status);
            }
            ServerMessage::Extension(event) => {
                if let ExtensionEvent::CallEnded(ended) = &**event {
                    let call = self.calls.get(ended.call_id.as_str());
                    prop_assert!(
                        call.is_none_or(|call| !call.over()),
                        "the end told after the end"
                    );
                }
            }
            _ => {}
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn the_wire_keeps_its_rules(steps in prop::collection::vec(step(), 0..80)) {
        let max_calls = 3;
        let mut bench = Bench::open_with(SessionConfig { max_calls, ..SessionConfig::default() });
        let mut sdk = Sdk::default();
        let mut hung_up = BTreeMap::<WcsCallId, usize>::new();
        for step in steps {
            let mut asked = None;
            match step {
                Step::Says(message, call) => {
                    let call_id = format!("c{call}");
                    let was_live = bench.session.calls().any(|live| live.as_str() == call_id);
                    let leaving = hung_up.contains_key(&id(&call_id));
                    if matches!(message, "hold" | "unhold") && was_live && !leaving {
                        asked = Some(call_id.clone());
                    }
                    sdk.say(message, &call_id);
                    bench.say(message, json!({
                        "callId": call_id, "callee": "you", "sdp": "v=0", "dtmf": "1", "target": "x",
                    }));
                }
                Step::SaysNonsense(message, call) => {
                    bench.say(message, json!({ "callId": format!("c{call}"), "sdp": 5 }));
                }
                Step::Incoming(call) => {
                    let _ = bench.session.incoming(IncomingCall {
                        call_id: id(&format!("c{call}")),
                        sdp: "v=0".into(),
                        caller: "you".into(),
                        callee: "me".into(),
                        visible_name: None,
                        has_audio: true,
                        has_video: false,
                        custom: Payload(Value::Null),
                    });
                }
                Step::Ringing(call, sdp) => {
                    bench.session.ringing(&id(&format!("c{call}")), sdp.then(|| "v=0".into()));
                }
                Step::Progress(call) => bench.session.progress(&id(&format!("c{call}"))),
                Step::Established(call, sdp) => {
                    bench.session.established(&id(&format!("c{call}")), sdp.then(|| "v=0".into()));
                }
                Step::Held(call, true) => bench.session.held(&id(&format!("c{call}"))),
                Step::Held(call, false) => bench.session.resumed(&id(&format!("c{call}"))),
                Step::NotDone(call) => bench.session.not_done(&id(&format!("c{call}")), "no"),
                Step::Finish(call, status) => {
                    bench.session.finish(&id(&format!("c{call}")), end(status));
                }
                Step::Wait(seconds) => bench.wait(SECOND * u32::try_from(seconds).unwrap()),
            }
            let sent = bench.sent();
            let events = bench.events();
            if let Some(call_id) = asked {
                let restated = sent.iter().any(|message| matches!(message,
                    ServerMessage::Status(notice) if notice.call_id.as_str() == call_id));
                let passed_on = events.iter().any(|event| matches!(event,
                    SessionEvent::Hold { .. } | SessionEvent::Unhold { .. }));
                prop_assert!(restated != passed_on, "a hold that nobody answers");
            }
            for message in &sent {
                sdk.hear(message)?;
            }
            for event in events {
                if let SessionEvent::Hangup { call_id } = event {
                    let times = hung_up.entry(call_id).or_default();
                    *times += 1;
                    prop_assert_eq!(*times, 1, "hung up twice");
                }
            }
            prop_assert!(bench.session.calls().count() <= max_calls);
        }
    }
}

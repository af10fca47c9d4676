//! Calls, one wire rule after the other.

use super::*;

fn call(bench: &mut Bench, call_id: &str) {
    bench.say(
        "call",
        json!({ "callId": call_id, "callee": "you", "sdp": "v=0 offer" }),
    );
}

fn incoming(call_id: &str) -> IncomingCall {
    IncomingCall {
        call_id: id(call_id),
        sdp: "v=0 offer".into(),
        caller: "you".into(),
        callee: "me".into(),
        visible_name: None,
        has_audio: true,
        has_video: true,
        custom: Payload(Value::Null),
    }
}

/// A call that the client made and that was answered.
fn up(call_id: &str) -> Bench {
    let mut bench = Bench::open();
    call(&mut bench, call_id);
    bench
        .session
        .established(&id(call_id), Some("v=0 answer".into()));
    bench.sent();
    bench.events();
    bench
}

#[test]
fn an_outgoing_call_is_tried_at_once_rung_and_answered_with_its_sdp() {
    let mut bench = Bench::open();
    bench.say(
        "call",
        json!({
            "callId": "c", "callee": "you", "caller": "boss", "visibleName": "Me Myself",
            "hasVideo": true, "sdp": "v=0 offer", "custom": { "k": 1 },
        }),
    );
    // Before anybody decided anything. The caller is who is signed in, whatever he says.
    let trying = bench.argument();
    let expected = json!({
        "callId": "c", "status": "TRYING", "sipStatus": 100, "incoming": false, "caller": "me",
        "callee": "you", "visibleName": "Me Myself", "hasAudio": true, "hasVideo": true,
        "mediaProvider": "WebRTC", "custom": { "k": 1 }, "holdForTransfer": false, "isMsrp": false,
    });
    assert_eq!(trying, expected);
    assert!(matches!(bench.events()[..], [SessionEvent::Call(_)]));
    bench.session.ringing(&id("c"), None);
    assert_eq!(bench.told(), ["RING"]);
    bench
        .session
        .established(&id("c"), Some("v=0 answer".into()));
    assert_eq!(bench.told(), ["setRemoteSDP", "ESTABLISHED"]);
    bench.session.finish(&id("c"), end(Terminal::Finish));
    let last = bench.argument();
    assert_eq!(last["status"], "FINISH");
    assert_eq!(last["info"], "Normal call clearing");
    assert_eq!(last["sentence"], "A sentence.");
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn a_call_has_one_sdp_however_often_one_is_given() {
    let mut bench = Bench::open();
    call(&mut bench, "c");
    bench.session.progress(&id("c"));
    bench.session.ringing(&id("c"), Some("v=0 early".into()));
    bench.session.ringing(&id("c"), Some("v=0 other".into()));
    bench.session.established(&id("c"), Some("v=0 last".into()));
    let told = bench.told();
    assert_eq!(
        told,
        [
            "TRYING",
            "SESSION_PROGRESS",
            "setRemoteSDP",
            "RING_MEDIA",
            "ESTABLISHED"
        ]
    );
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn a_call_is_not_up_without_sdp() {
    let mut bench = Bench::open();
    call(&mut bench, "c");
    bench.session.established(&id("c"), None);
    bench.session.established(&id("c"), Some("".into()));
    assert_eq!((bench.told(), bench.misorders()), (vec!["TRYING"], 2));
    bench.session.established(&id("c"), Some("v=0".into()));
    bench.session.established(&id("c"), Some("v=0".into()));
    assert_eq!(
        (bench.told(), bench.misorders()),
        (vec!["setRemoteSDP", "ESTABLISHED"], 3)
    );
}

#[test]
fn an_incoming_call_comes_as_sdp_announcement_ring() {
    let mut bench = Bench::open();
    bench.session.incoming(incoming("c")).unwrap();
    let sent = bench.sent();
    let [
        ServerMessage::RemoteSdp { call_id, sdp },
        ServerMessage::IncomingCall(notice),
        ServerMessage::Status(ring),
    ] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    assert_eq!((call_id, sdp.as_str()), (&id("c"), "v=0 offer"));
    assert!(notice.incoming);
    // Left out, the SDK would show its own user's name.
    assert_eq!(
        (notice.caller.as_str(), notice.visible_name.as_str()),
        ("you", "you")
    );
    assert_eq!(ring.status, CallStatus::Ring);

    bench.say(
        "answer",
        json!({ "callId": "c", "sdp": "v=0 answer", "hasVideo": true }),
    );
    assert!(matches!(bench.events()[..], [SessionEvent::Answer(_)]));
    bench.session.established(&id("c"), None);
    assert_eq!((bench.told(), bench.misorders()), (vec!["ESTABLISHED"], 0));
}

#[test]
fn nothing_but_an_end_is_said_of_an_unanswered_incoming_call() {
    let mut bench = Bench::open();
    bench.session.incoming(incoming("c")).unwrap();
    bench.sent();
    bench.session.ringing(&id("c"), Some("v=0".into()));
    bench.session.ringing(&id("c"), None);
    bench.session.progress(&id("c"));
    bench.session.established(&id("c"), None);
    bench.session.held(&id("c"));
    bench.session.resumed(&id("c"));
    assert_eq!((bench.told(), bench.misorders()), (vec![], 6));
    bench.session.finish(&id("c"), end(Terminal::Finish));
    assert_eq!(bench.told(), ["FINISH"]);
}

#[test]
fn a_call_is_answered_once() {
    let mut bench = Bench::open();
    bench.session.incoming(incoming("c")).unwrap();
    let answer = json!({ "callId": "c", "sdp": "v=0 answer" });
    bench.say("answer", answer.clone());
    bench.say("answer", answer.clone());
    assert_eq!(bench.events().len(), 1);
    bench.session.finish(&id("c"), end(Terminal::Finish));
    bench.sent();
    // It crossed the end on its way.
    bench.say("answer", answer);
    assert_eq!((bench.told(), bench.events()), (vec![], vec![]));
    // A call that never was is ended for whoever believes in it, once.
    let answer = json!({ "callId": "other", "sdp": "v=0 answer" });
    bench.say("answer", answer.clone());
    bench.say("answer", answer);
    assert_eq!((bench.told(), bench.events()), (vec!["FAILED"], vec![]));
}

#[test]
fn an_answer_that_cannot_be_read_refuses_the_call() {
    let mut bench = Bench::open();
    bench.session.incoming(incoming("c")).unwrap();
    bench.say("answer", json!({ "callId": "c", "sdp": "" }));
    assert_eq!(bench.events(), [SessionEvent::Hangup { call_id: id("c") }]);
}

#[test]
fn hangup_is_heard_once_and_an_unknown_one_is_passed_over() {
    let mut bench = up("c");
    bench.say("hangup", json!({ "callId": "never" }));
    bench.say("hangup", json!({ "callId": "c" }));
    bench.say("hangup", json!({ "callId": "c" }));
    assert_eq!(bench.events(), [SessionEvent::Hangup { call_id: id("c") }]);
    assert_eq!(bench.told(), [] as [&str; 0]);
    // It has closed its side: only the end matters to it now.
    bench.session.held(&id("c"));
    bench.say("hold", json!({ "callId": "c" }));
    assert_eq!((bench.told(), bench.events()), (vec![], vec![]));
    bench.session.finish(&id("c"), end(Terminal::Finish));
    bench.say("hangup", json!({ "callId": "c" }));
    assert_eq!((bench.told(), bench.events()), (vec!["FINISH"], vec![]));
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn a_hangup_while_it_rings_reaches_the_call_core() {
    let mut bench = Bench::open();
    call(&mut bench, "out");
    bench.session.incoming(incoming("in")).unwrap();
    bench.events();
    bench.say("hangup", json!({ "callId": "out" }));
    bench.say("hangup", json!({ "callId": "in" }));
    let hangup = |name| SessionEvent::Hangup { call_id: id(name) };
    assert_eq!(bench.events(), [hangup("out"), hangup("in")]);
}

#[test]
fn a_call_ends_once() {
    let mut bench = up("c");
    bench.session.finish(&id("c"), end(Terminal::Failed));
    assert_eq!(bench.told(), ["FAILED"]);
    bench.session.finish(&id("c"), end(Terminal::Finish));
    bench.session.ringing(&id("c"), None);
    bench.session.established(&id("c"), None);
    bench.session.held(&id("c"));
    bench.session.not_done(&id("c"), "late");
    assert_eq!((bench.told(), bench.misorders()), (vec![], 5));
    assert_eq!(bench.session.calls().count(), 0);
}

#[test]
fn busy_is_reported_as_configured() {
    for (busy, expected) in [
        (BusyStatus::Busy, "BUSY"),
        (BusyStatus::Failed, "FAILED"),
        (BusyStatus::Finish, "FINISH"),
    ] {
        let mut bench = Bench::open_with(SessionConfig {
            busy,
            ..SessionConfig::default()
        });
        for (name, status) in [
            ("a", Terminal::Busy),
            ("b", Terminal::Finish),
            ("c", Terminal::Failed),
        ] {
            call(&mut bench, name);
            bench.session.finish(&id(name), end(status));
        }
        assert_eq!(
            bench.told(),
            ["TRYING", expected, "TRYING", "FINISH", "TRYING", "FAILED"]
        );
    }
}

#[test]
fn hold_and_unhold_are_answered_granted_or_not() {
    let mut bench = up("c");
    bench.say("hold", json!({ "callId": "c", "holdForTransfer": true }));
    let hold = SessionEvent::Hold {
        call_id: id("c"),
        for_transfer: true,
    };
    assert_eq!(bench.events(), [hold]);
    bench.session.held(&id("c"));
    let held = bench.argument();
    assert_eq!(
        (&held["status"], &held["holdForTransfer"]),
        (&json!("HOLD"), &json!(true))
    );

    bench.say("unhold", json!({ "callId": "c" }));
    assert_eq!(bench.events(), [SessionEvent::Unhold { call_id: id("c") }]);
    bench.session.not_done(&id("c"), "The far side refused");
    assert_eq!(bench.told(), ["fail", "HOLD"]);

    bench.session.resumed(&id("c"));
    let resumed = bench.argument();
    let status = (&resumed["status"], &resumed["holdForTransfer"]);
    assert_eq!(status, (&json!("ESTABLISHED"), &json!(false)));
    bench.say("hold", json!({ "callId": "c" }));
    bench.session.not_done(&id("c"), "The far side refused");
    assert_eq!(bench.told(), ["fail", "ESTABLISHED"]);
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn hold_of_a_call_that_is_not_up_gets_the_status_that_stands() {
    let mut bench = Bench::open();
    call(&mut bench, "out");
    bench.session.incoming(incoming("in")).unwrap();
    bench.sent();
    bench.events();
    for (call_id, expected) in [("out", "TRYING"), ("in", "RING"), ("never", "fail")] {
        bench.say("hold", json!({ "callId": call_id }));
        bench.say("unhold", json!({ "callId": call_id }));
        bench.say("transfer", json!({ "callId": call_id, "target": "x" }));
        assert_eq!(bench.told(), [expected; 3]);
    }
    bench.session.finish(&id("in"), end(Terminal::Finish));
    bench.sent();
    bench.say("hold", json!({ "callId": "in" }));
    assert_eq!((bench.told(), bench.events()), (vec![], vec![]));
}

#[test]
fn digits_need_media() {
    let digits = json!({ "callId": "c", "type": "INFO", "dtmf": "5" });
    let mut bench = Bench::open();
    bench.say("sendDtmf", digits.clone());
    call(&mut bench, "c");
    bench.events();
    bench.say("sendDtmf", digits.clone());
    assert_eq!(
        (bench.told(), bench.events()),
        (vec!["fail", "TRYING", "fail"], vec![])
    );
    bench.session.ringing(&id("c"), Some("v=0 early".into()));
    bench.say("sendDtmf", digits);
    let method = crate::wcs::message::DtmfMethod::Info;
    let dtmf = SessionEvent::Dtmf {
        call_id: id("c"),
        method,
        digits: "5".into(),
    };
    assert_eq!(bench.events(), [dtmf]);
}

#[test]
fn an_answered_call_can_be_transferred() {
    let mut bench = up("c");
    bench.say("transfer", json!({ "callId": "c", "target": 1003 }));
    let transfer = SessionEvent::Transfer {
        call_id: id("c"),
        target: "1003".into(),
    };
    assert_eq!(bench.events(), [transfer]);
}

#[test]
fn a_used_call_id_is_not_used_again() {
    let mut bench = up("c");
    call(&mut bench, "c");
    // Not FAILED: that would end the call that is up.
    assert_eq!((bench.told(), bench.events()), (vec!["fail"], vec![]));
    assert_eq!(
        bench.session.incoming(incoming("c")),
        Err(Unannounced::Unusable)
    );
    bench.session.finish(&id("c"), end(Terminal::Finish));
    bench.sent();
    call(&mut bench, "c");
    assert_eq!((bench.told(), bench.events()), (vec!["fail"], vec![]));
    assert_eq!(
        bench.session.incoming(incoming("c")),
        Err(Unannounced::Unusable)
    );
}

#[test]
fn ended_calls_are_forgotten_in_the_end() {
    let mut bench = Bench::open_with(SessionConfig {
        max_calls: 1,
        ..SessionConfig::default()
    });
    for number in 0..=MAX_REMEMBERED {
        call(&mut bench, &format!("c{number}"));
        bench
            .session
            .finish(&id(&format!("c{number}")), end(Terminal::Finish));
    }
    assert_eq!(bench.session.ended.len(), MAX_REMEMBERED);
    bench.sent();
    call(&mut bench, "c0");
    assert_eq!(bench.told(), ["TRYING"]);
}

#[test]
fn a_session_has_no_more_calls_than_it_may() {
    let mut bench = Bench::open_with(SessionConfig {
        max_calls: 2,
        ..SessionConfig::default()
    });
    call(&mut bench, "a");
    bench.session.incoming(incoming("b")).unwrap();
    bench.sent();
    bench.events();
    call(&mut bench, "c");
    let refused = bench.argument();
    assert_eq!(
        (&refused["status"], &refused["sipStatus"]),
        (&json!("FAILED"), &json!(486))
    );
    assert_eq!(bench.events(), []);
    assert_eq!(
        bench.session.incoming(incoming("d")),
        Err(Unannounced::TooManyCalls)
    );
    assert_eq!(bench.told(), [] as [&str; 0]);
    bench.session.finish(&id("a"), end(Terminal::Finish));
    bench.session.incoming(incoming("d")).unwrap();
    assert_eq!(bench.misorders(), 0);
}

#[test]
fn a_call_that_cannot_be_read_or_carried_fails() {
    let mut bench = Bench::open();
    bench.say("call", json!({ "callId": "a", "callee": "you" }));
    let refused = bench.argument();
    assert_eq!(
        (&refused["callId"], &refused["status"]),
        (&json!("a"), &json!("FAILED"))
    );
    let offer = json!({ "callId": "b", "callee": "you", "sdp": "v=0", "mediaProvider": "Flash" });
    bench.say("call", offer);
    assert_eq!(bench.told(), ["FAILED"]);
    bench.say("call", json!({ "callee": "you", "sdp": "v=0" }));
    assert_eq!(bench.told(), ["fail"]);
    assert_eq!(bench.events(), []);
    assert!(
        bench
            .session
            .incoming(IncomingCall {
                sdp: "".into(),
                ..incoming("d")
            })
            .is_err()
    );
}

#[test]
fn our_own_page_learns_the_end_in_words_just_before_the_status() {
    let mut bench = up("c");
    bench.say("callbox.hello", json!({ "version": 1 }));
    bench.session.finish(&id("c"), end(Terminal::Busy));
    let sent = bench.sent();
    let [
        ServerMessage::Extension(event),
        ServerMessage::Status(status),
    ] = &sent[..]
    else {
        panic!("{sent:?}")
    };
    let expected = CallEnded {
        call_id: id("c"),
        code: "code".into(),
        sentence: "A sentence.".into(),
        cause: Some("A cause.".into()),
    };
    assert_eq!(**event, ExtensionEvent::CallEnded(expected));
    assert_eq!((status.status, status.sip_status), (CallStatus::Busy, 486));
}

#[test]
fn calls_move_to_the_session_on_the_users_next_socket() {
    let mut old = up("c");
    call(&mut old, "gone");
    old.session.park();
    assert_eq!(old.session.poll_timeout(), None);
    // Orders go on while nobody listens.
    old.session.held(&id("c"));
    old.session.finish(&id("gone"), end(Terminal::Finish));
    old.say("hangup", json!({ "callId": "c" }));
    assert_eq!((old.sent(), old.misorders()), (vec![], 0));
    assert_eq!(old.session.calls().collect::<Vec<_>>(), [&id("c")]);

    let mut new = Bench::open();
    let call = old.session.release(&id("c")).unwrap();
    new.session.adopt(call);
    assert_eq!(new.told(), ["HOLD"]);
    new.say("unhold", json!({ "callId": "c" }));
    assert_eq!(new.events(), [SessionEvent::Unhold { call_id: id("c") }]);
    new.session.resumed(&id("c"));
    new.session.finish(&id("c"), end(Terminal::Finish));
    assert_eq!(
        (new.told(), new.misorders()),
        (vec!["ESTABLISHED", "FINISH"], 0)
    );
}

#[test]
fn a_ringing_call_can_be_announced_again_on_the_next_socket() {
    let mut old = Bench::open();
    old.session.incoming(incoming("c")).unwrap();
    old.session.park();
    assert_eq!(
        old.session.incoming(incoming("d")),
        Err(Unannounced::NotSignedIn)
    );
    let mut new = Bench::open();
    new.session.incoming(incoming("c")).unwrap();
    assert_eq!(new.told(), ["setRemoteSDP", "notifyIncomingCall", "RING"]);
}

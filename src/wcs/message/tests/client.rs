//! What clients say.

use super::*;

/// One frame of each shape that the Web SDK sent in a real browser.
const CLIENT_FRAMES: &str = include_str!("../../testdata/client_frames.jsonl");

#[test]
fn each_frame_of_the_real_sdk_is_understood() {
    let mut kinds = std::collections::BTreeMap::new();
    for line in CLIENT_FRAMES.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let frame = &line["frame"];
        let argument = &frame["data"][0];
        let text = |key: &str| argument[key].as_str().unwrap_or_default();
        let name = frame["message"].as_str().unwrap();
        *kinds.entry(name.to_owned()).or_insert(0) += 1;
        let message = parse(frame);
        let as_expected = match &message {
            ClientMessage::Connection(connection) => {
                connection.app_key == "defaultApp"
                    && connection.client_version.as_deref() == Some("2.0")
                    && connection.keep_alive == argument["keepAlive"].as_bool().unwrap_or(false)
                    && connection.sip_login.as_deref() == argument["sipLogin"].as_str()
                    && connection.sip_domain.as_deref() == argument["sipDomain"].as_str()
                    && connection.sip_port.is_some() == argument["sipPort"].is_string()
                    && connection.sip_password.as_ref().map(Password::expose)
                        == argument["sipPassword"].as_str()
                    && connection.auth_token.as_ref().map(AuthToken::expose)
                        == argument["authToken"].as_str()
                    && connection.register_required
            }
            ClientMessage::Call(call) => {
                call.call_id.as_str() == text("callId")
                    && call.sdp.as_str() == text("sdp")
                    && call.callee == text("callee")
                    && call.caller.as_deref() == argument["caller"].as_str()
                    && call.visible_name.as_deref() == argument["visibleName"].as_str()
                    && call.has_video == argument["hasVideo"].as_bool().unwrap()
                    && call.has_audio
                    && call.media_provider.as_deref() == Some("WebRTC")
                    && json!(call.sip_sdp) == argument.get("sipSDP").cloned().unwrap_or(json!([]))
                    && call.custom.0 == argument.get("custom").cloned().unwrap_or(Value::Null)
            }
            ClientMessage::Answer(answer) => {
                answer.call_id.as_str() == text("callId") && answer.sdp.as_str() == text("sdp")
            }
            ClientMessage::Hangup { call_id } => {
                name == "hangup" && call_id.as_str() == text("callId")
            }
            ClientMessage::Hold {
                call_id,
                for_transfer,
            } => {
                call_id.as_str() == text("callId")
                    && *for_transfer == argument["holdForTransfer"].as_bool().unwrap_or(false)
            }
            ClientMessage::Unhold { call_id } => {
                name == "unhold" && call_id.as_str() == text("callId")
            }
            ClientMessage::SendDtmf { method, digits, .. } => {
                digits == text("dtmf") && (*method == DtmfMethod::Info) == (text("type") == "INFO")
            }
            ClientMessage::Transfer { target, .. } => target == text("target"),
            ClientMessage::SendData {
                operation_id,
                payload,
            } => operation_id == text("operationId") && payload.0 == argument["payload"],
            ClientMessage::SessionDebug { start } => *start == (text("command") == "start"),
            ClientMessage::Ping => name == "ping",
            ClientMessage::Pong => name == "pong",
            ClientMessage::PushLogs => name == "pushLogs",
            ClientMessage::BugReport => name == "submitBugReport",
            other => panic!("{name} became {other:?}"),
        };
        assert!(as_expected, "{name} became {message:?}");
    }
    let names: Vec<_> = kinds.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "answer",
            "call",
            "connection",
            "hangup",
            "hold",
            "ping",
            "pong",
            "pushLogs",
            "sendData",
            "sendDtmf",
            "sessionDebug",
            "submitBugReport",
            "transfer",
            "unhold",
        ]
    );
}

#[test]
fn numbers_and_strings_stand_for_each_other_and_absent_fields_have_their_defaults() {
    let given = connection(json!({ "sipLogin": 1001, "sipPort": 5070, "sipPassword": 1234 }));
    assert_eq!(given.sip_login.as_deref(), Some("1001"));
    assert_eq!(given.sip_port, Some(5070));
    assert_eq!(given.sip_password.unwrap().expose(), "1234");
    let given =
        connection(json!({ "sipPort": "", "sipLogin": "", "keepAlive": "true", "authToken": "" }));
    assert_eq!(
        (given.sip_port, given.sip_login, given.auth_token),
        (None, None, None)
    );
    assert!(given.keep_alive && given.register_required);
    assert!(!connection(json!({ "sipRegisterRequired": false })).register_required);
    assert!(!connection(json!({ "sipRegisterRequired": "false" })).register_required);
    assert!(connection(json!({ "sipRegisterRequired": null })).register_required);
    assert_eq!(connection(json!({})).app_key, "defaultApp");

    let digits = |dtmf: Value| match say("sendDtmf", json!({ "callId": "c", "dtmf": dtmf })) {
        ClientMessage::SendDtmf {
            method: DtmfMethod::Rfc4733,
            digits,
            ..
        } => digits.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (digits(json!(5)), digits(json!("12#*ad"))),
        ("5".into(), "12#*AD".into())
    );

    let called = say(
        "call",
        json!({ "callId": "c", "callee": 1002, "sdp": "v=0" }),
    );
    let ClientMessage::Call(call) = called else {
        panic!("{called:?}")
    };
    assert_eq!(
        (call.callee.as_str(), call.has_audio, call.has_video),
        ("1002", true, false)
    );
    assert!(call.custom.0.is_null() && call.sip_sdp.is_empty() && call.visible_name.is_none());
}

#[test]
fn data_may_be_absent_null_or_empty() {
    for frame in [
        json!({ "message": "ping" }),
        json!({ "message": "ping", "data": null }),
        json!({ "message": "ping", "data": [] }),
        json!({ "message": "ping", "data": [null] }),
        json!({ "message": "ping", "data": [{}, 5], "more": 1 }),
    ] {
        assert_eq!(parse(&frame), ClientMessage::Ping);
    }
}

#[test]
fn what_is_no_message_closes_the_socket() {
    let error = |text: &str| ClientMessage::parse(text).unwrap_err();
    for text in ["", "hello", "{", "{\"message\":\"ping\"", "\u{0}"] {
        assert_eq!(error(text), MessageError::NotJson, "{text:?}");
    }
    let deep = format!("{{\"message\":\"ping\",\"data\":{}", "[".repeat(100_000));
    assert_eq!(error(&deep), MessageError::NotJson);
    for text in [
        "[]",
        "5",
        "null",
        "{}",
        "{\"message\":5}",
        "{\"message\":\"\"}",
        "{\"message\":\"ping\",\"data\":{}}",
        "{\"message\":\"ping\",\"data\":\"x\"}",
    ] {
        assert_eq!(error(text), MessageError::NotMessage, "{text:?}");
    }
    assert_eq!(
        error(&json!({ "message": "m".repeat(65) }).to_string()),
        MessageError::NotMessage
    );
    let long = json!({ "message": "ping", "data": ["x".repeat(MAX_FRAME_BYTES)] }).to_string();
    assert_eq!(error(&long), MessageError::TooLong);
    assert_eq!(error(&long).close_code(), 1009);
    assert_eq!(error("{}").close_code(), 1007);
}

#[test]
fn a_known_message_with_a_wrong_field_names_the_field_and_its_call() {
    let call = json!({ "callId": "c", "callee": "bob", "sdp": "v=0" });
    let with = |key: &str, value: Value| {
        let mut call = call.clone();
        call[key] = value;
        call
    };
    assert_eq!(malformed("call", with("sdp", json!(""))), "sdp");
    assert_eq!(malformed("call", with("sdp", json!(5))), "sdp");
    assert_eq!(malformed("call", with("callee", json!(""))), "callee");
    assert_eq!(
        malformed("call", with("callee", json!("b".repeat(513)))),
        "callee"
    );
    assert_eq!(malformed("call", with("callId", json!(""))), "callId");
    assert_eq!(
        malformed("call", with("callId", json!("c".repeat(129)))),
        "callId"
    );
    assert_eq!(malformed("call", with("callId", json!("a\nb"))), "callId");
    assert_eq!(malformed("call", with("hasVideo", json!(1))), "hasVideo");
    assert_eq!(
        malformed("call", with("sipSDP", json!(["b=AS:64\r\na=x"]))),
        "sipSDP"
    );
    assert_eq!(
        malformed("call", with("sipSDP", json!(vec!["b=AS:64"; 33]))),
        "sipSDP"
    );
    assert_eq!(malformed("call", json!(null)), "callId");
    assert_eq!(malformed("answer", json!({ "callId": "c" })), "sdp");
    assert_eq!(malformed("hangup", json!([])), "callId");
    assert_eq!(
        malformed("sendDtmf", json!({ "callId": "c", "dtmf": "x" })),
        "dtmf"
    );
    assert_eq!(
        malformed(
            "sendDtmf",
            json!({ "callId": "c", "dtmf": "1", "type": "?" })
        ),
        "type"
    );
    assert_eq!(
        malformed("sendDtmf", json!({ "callId": "c", "dtmf": "1".repeat(65) })),
        "dtmf"
    );
    assert_eq!(malformed("transfer", json!({ "callId": "c" })), "target");
    assert_eq!(
        malformed("sendData", json!({ "payload": 1 })),
        "operationId"
    );
    assert_eq!(
        malformed("connection", json!({ "sipPort": 70_000 })),
        "sipPort"
    );
    assert_eq!(
        malformed("connection", json!({ "sipLogin": {} })),
        "sipLogin"
    );
    assert_eq!(
        malformed("connection", json!({ "custom": "x".repeat(40_000) })),
        "data"
    );
    match say("answer", json!({ "callId": "c" })) {
        ClientMessage::Malformed { call_id, .. } => assert_eq!(call_id, Some(id("c"))),
        other => panic!("{other:?}"),
    }
}

#[test]
fn methods_beyond_calls_are_told_apart() {
    for method in [
        "publishStream",
        "playStream",
        "unPublishStream",
        "stopStream",
        "snapshot",
    ] {
        let media_session_id = Some("m1".into());
        let expected = ClientMessage::Stream {
            method: method.into(),
            media_session_id,
        };
        assert_eq!(say(method, json!({ "mediaSessionId": "m1" })), expected);
    }
    assert_eq!(say("webRTCMetricsBatch", json!({})), ClientMessage::Metrics);
    let unknown = ClientMessage::Unknown {
        message: "constructor".into(),
    };
    assert_eq!(say("constructor", json!({})), unknown);
    let hello = ClientMessage::Extension(ExtensionRequest::Hello { version: 1 });
    assert_eq!(say("callbox.hello", json!({ "version": 1 })), hello);
    assert_eq!(parse(&json!({ "message": "callbox.hello" })), hello);
    let offer = |sdp: &str| ExtensionRequest::Offer {
        call_id: id("c1"),
        sdp: sdp.into(),
    };
    let said = say("callbox.offer", json!({ "callId": "c1", "sdp": "v=0" }));
    assert_eq!(said, ClientMessage::Extension(offer("v=0")));
    for sdp in [json!("v=0"), Value::Null] {
        let answer = ExtensionRequest::Answer {
            call_id: id("c1"),
            sdp: sdp.as_str().map(Into::into),
        };
        let said = say("callbox.answer", json!({ "callId": "c1", "sdp": sdp }));
        assert_eq!(said, ClientMessage::Extension(answer));
    }
    let legacy = say(
        "sendMessage",
        json!({ "id": "m", "from": "a", "to": "b", "body": "hi" }),
    );
    let ClientMessage::SendMessage { id, text } = legacy else {
        panic!("{legacy:?}")
    };
    assert_eq!(id, "m");
    assert_eq!(TextMessage::from_payload(&text.to_payload()), Some(*text));
}

#[test]
fn our_own_page_says_its_name_and_the_calls_it_holds() {
    let ours = json!({ "callbox": { "display_name": "Anna M", "calls": ["c1", "", 5, "c2"] } });
    let given = connection(json!({ "sipLogin": "anna", "custom": ours }));
    assert_eq!(given.display_name.as_deref(), Some("Anna M"));
    assert_eq!(given.held_calls, [id("c1"), id("c2")]);
    let strange = connection(json!({ "custom": { "callbox": "x" } }));
    assert_eq!((strange.display_name, strange.held_calls), (None, vec![]));
}

/// JSON of any shape, with the keys that matter here and there.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
    ];
    let key = prop_oneof![
        "callId|sdp|callee|dtmf|type|custom|callbox|calls|display_name|sipSDP|version|operationId",
        "sipLogin|sipPort|sipPassword|authToken|keepAlive|payload|target|to|id|body|mediaSessionId",
    ];
    leaf.prop_recursive(3, 24, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_frame_is_a_panic(
        name in "connection|call|answer|hold|sendDtmf|transfer|sendData|sendMessage|publishStream|callbox.hello|x",
        data in prop::collection::vec(value(), 0..3),
        noise in any::<String>(),
    ) {
        let _ = ClientMessage::parse(&noise);
        let frame = json!({ "message": name, "data": data }).to_string();
        prop_assert!(ClientMessage::parse(&frame).is_ok());
        let cut = frame.char_indices().nth(frame.len() / 2).map_or(0, |(index, _)| index);
        let _ = ClientMessage::parse(&frame[..cut]);
    }
}

#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// One frame of each shape that the Web SDK sent in a real browser.
const CLIENT_FRAMES: &str = include_str!("../testdata/client_frames.jsonl");

fn parse(frame: &Value) -> ClientMessage {
    ClientMessage::parse(&frame.to_string()).unwrap()
}

fn say(message: &str, argument: Value) -> ClientMessage {
    parse(&json!({ "message": message, "data": [argument] }))
}

fn malformed(message: &str, argument: Value) -> &'static str {
    match say(message, argument) {
        ClientMessage::Malformed {
            message: named,
            field,
            ..
        } if named == message => field,
        other => panic!("{message} is {other:?}"),
    }
}

fn connection(argument: Value) -> Connection {
    match say("connection", argument) {
        ClientMessage::Connection(connection) => *connection,
        other => panic!("{other:?}"),
    }
}

fn id(text: &str) -> WcsCallId {
    WcsCallId::new(text).unwrap()
}

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

fn user_data(echo: Value) -> Value {
    let Value::Object(echo) = echo else {
        panic!("no object")
    };
    let message = ServerMessage::UserData(Box::new(UserData {
        echo: ConnectionEcho::new(echo),
        auth_token: AuthToken::new("new-token").unwrap(),
        sip_login: "1001".into(),
        sip_domain: None,
    }));
    let frame: Value = serde_json::from_str(&message.to_text()).unwrap();
    assert_eq!(frame["message"], "getUserData");
    frame["data"][0].clone()
}

#[test]
fn user_data_is_the_connection_without_secrets_and_with_token_and_login() {
    let echoed = user_data(json!({
        "appKey": "a", "sipLogin": "other", "sipPassword": "pw", "SIPPASSWORD": "pw",
        "oldPassword": "pw", "authToken": "old", "custom": { "k": 1 }, "sipPort": "5060",
    }));
    let expected = json!({
        "appKey": "a", "sipLogin": "1001", "authToken": "new-token", "custom": { "k": 1 },
        "sipPort": "5060",
    });
    assert_eq!(echoed, expected);
}

fn notice(status: CallStatus) -> CallNotice {
    CallNotice {
        call_id: id("c"),
        status,
        incoming: true,
        caller: "alice".into(),
        callee: "bob".into(),
        visible_name: "Alice A".into(),
        has_audio: true,
        has_video: false,
        sip_status: status.sip_status(),
        info: None,
        sentence: None,
        hold_for_transfer: false,
        custom: Payload(Value::Null),
    }
}

#[test]
fn an_announced_call_sets_no_option_of_the_sdk_by_accident() {
    let text = ServerMessage::IncomingCall(Box::new(notice(CallStatus::Ring))).to_text();
    let frame: Value = serde_json::from_str(&text).unwrap();
    let Value::Object(fields) = &frame["data"][0] else {
        panic!("{frame}")
    };
    for option in [
        "constraints",
        "localVideoDisplay",
        "remoteVideoDisplay",
        "stripCodecs",
        "receiveAudio",
        "receiveVideo",
        "sdpHook",
        "sipSDP",
        "logger",
        "useControls",
        "collectDeviceInfo",
        "cacheLocalResources",
        "videoContentHint",
        "sdp",
    ] {
        assert!(!fields.contains_key(option), "{option}");
    }
    let expected = json!({
        "callId": "c", "incoming": true, "status": "RING", "sipStatus": 180, "caller": "alice",
        "callee": "bob", "visibleName": "Alice A", "hasAudio": true, "hasVideo": false,
        "mediaProvider": "WebRTC", "holdForTransfer": false, "isMsrp": false, "custom": {},
    });
    assert_eq!(frame["data"][0], expected);
}

#[test]
fn each_status_travels_in_a_message_the_sdk_knows() {
    let carried = |status| ServerMessage::Status(Box::new(notice(status))).name();
    assert_eq!(carried(CallStatus::Trying), "notifyTryingResponse");
    assert_eq!(carried(CallStatus::RingMedia), "ring");
    assert_eq!(carried(CallStatus::SessionProgress), "ring");
    assert_eq!(carried(CallStatus::Established), "talk");
    assert_eq!(carried(CallStatus::Hold), "hold");
    assert_eq!(carried(CallStatus::Busy), "finish");
    assert_eq!(carried(CallStatus::Failed), "finish");
}

/// One of each message a server sends.
fn server_messages() -> Vec<ServerMessage> {
    let quality = DirectionQuality {
        loss: Some(0.01),
        jitter_ms: None,
        kbps: Some(64.0),
    };
    let extensions = [
        ExtensionEvent::Welcome(Welcome {
            version: EXTENSION_VERSION,
            server: "0.1.0".into(),
            you: You {
                name: "anna".into(),
                display_name: "Anna".into(),
                guest: true,
            },
            guests: true,
            limits: Limits {
                calls: 8,
                frame_bytes: 1,
                data_bytes: 1,
                ring_s: 60,
            },
        }),
        ExtensionEvent::Presence(Presence {
            users: vec![PresentUser {
                name: "anna".into(),
                display_name: "Anna".into(),
                busy: false,
                you: true,
            }],
            more: 0,
        }),
        ExtensionEvent::Media(CallMedia {
            call_id: id("c"),
            audio: Some("opus".into()),
            video: None,
            video_reason: Some("Bob has no camera".into()),
            ready: true,
            remote_held: false,
        }),
        ExtensionEvent::Quality(Quality {
            call_id: id("c"),
            streams: vec![StreamQuality {
                kind: "audio",
                sent: quality,
                received: quality,
            }],
            round_trip_ms: Some(12.0),
            mos: Some(4.5),
            words: "Excellent".into(),
        }),
        ExtensionEvent::CallEnded(CallEnded {
            call_id: id("c"),
            code: "busy".into(),
            sentence: "Bob is in another call.".into(),
            cause: None,
        }),
    ];
    let (call_id, operation_id) = (id("c"), smol_str::SmolStr::from("o"));
    let failure = Some("No such user".into());
    let mut messages = vec![
        ServerMessage::UserData(Box::new(UserData {
            echo: ConnectionEcho::new(Map::new()),
            auth_token: AuthToken::new("new-token").unwrap(),
            sip_login: "1001".into(),
            sip_domain: Some("example.com".into()),
        })),
        ServerMessage::Registered,
        ServerMessage::Fail(Box::default()),
        ServerMessage::Ping,
        ServerMessage::Pong,
        ServerMessage::RemoteSdp {
            call_id,
            sdp: "v=0\r\na=ice-pwd:s3cret\r\n".into(),
        },
        ServerMessage::IncomingCall(Box::new(notice(CallStatus::Ring))),
        ServerMessage::Status(Box::new(notice(CallStatus::Finish))),
        ServerMessage::DataStatus {
            operation_id: operation_id.clone(),
            failure: None,
        },
        ServerMessage::Data {
            operation_id,
            payload: Payload(json!({ "text": "s3cret" })),
        },
        ServerMessage::MessageStatus {
            id: "m".into(),
            failure,
        },
        ServerMessage::SessionDebug { started: true },
        ServerMessage::StreamRefused {
            media_session_id: "s".into(),
        },
    ];
    messages.extend(extensions.map(|event| ServerMessage::Extension(Box::new(event))));
    messages
}

#[test]
fn the_wire_form_of_each_server_message_is_this() {
    let wire: Vec<Value> = server_messages()
        .iter()
        .map(|message| serde_json::from_str(&message.to_text()).unwrap())
        .collect();
    for frame in &wire {
        assert!(
            frame["data"].is_array() && frame["message"].is_string(),
            "{frame}"
        );
    }
    let calls = r#"{"callId":"c","callee":"bob","caller":"alice","custom":{},"hasAudio":true,"hasVideo":false,"holdForTransfer":false,"incoming":true,"isMsrp":false,"mediaProvider":"WebRTC""#;
    let quality = r#"{"jitter_ms":null,"kbps":64.0,"loss":0.01}"#;
    let expected = [
        r#"{"data":[{"authToken":"new-token","sipDomain":"example.com","sipLogin":"1001"}],"message":"getUserData"}"#.to_owned(),
        r#"{"data":[],"message":"registered"}"#.to_owned(),
        r#"{"data":[{"info":""}],"message":"fail"}"#.to_owned(),
        r#"{"data":[],"message":"ping"}"#.to_owned(),
        r#"{"data":[],"message":"pong"}"#.to_owned(),
        r#"{"data":["c","v=0\r\na=ice-pwd:s3cret\r\n"],"message":"setRemoteSDP"}"#.to_owned(),
        format!(r#"{{"data":[{calls},"sipStatus":180,"status":"RING","visibleName":"Alice A"}}],"message":"notifyIncomingCall"}}"#),
        format!(r#"{{"data":[{calls},"sipStatus":200,"status":"FINISH","visibleName":"Alice A"}}],"message":"finish"}}"#),
        r#"{"data":[{"operationId":"o","status":"ACCEPTED"}],"message":"DataStatusEvent"}"#.to_owned(),
        r#"{"data":[{"operationId":"o","payload":{"text":"s3cret"}}],"message":"OnDataEvent"}"#.to_owned(),
        r#"{"data":[{"id":"m","info":"No such user","status":"FAILED"},null],"message":"notifyMessage"}"#.to_owned(),
        r#"{"data":[{"status":"started"}],"message":"notifySessionDebugEvent"}"#.to_owned(),
        r#"{"data":[{"info":"Streams are not supported by this server","mediaSessionId":"s","status":"FAILED"}],"message":"notifyStreamStatusEvent"}"#.to_owned(),
        r#"{"data":[{"guests":true,"limits":{"calls":8,"data_bytes":1,"frame_bytes":1,"ring_s":60},"server":"0.1.0","version":1,"you":{"display_name":"Anna","guest":true,"name":"anna"}}],"message":"callbox.welcome"}"#.to_owned(),
        r#"{"data":[{"more":0,"users":[{"busy":false,"display_name":"Anna","name":"anna","you":true}]}],"message":"callbox.presence"}"#.to_owned(),
        r#"{"data":[{"audio":"opus","callId":"c","ready":true,"remote_held":false,"video":null,"video_reason":"Bob has no camera"}],"message":"callbox.media"}"#.to_owned(),
        format!(r#"{{"data":[{{"callId":"c","mos":4.5,"round_trip_ms":12.0,"streams":[{{"kind":"audio","received":{quality},"sent":{quality}}}],"words":"Excellent"}}],"message":"callbox.quality"}}"#),
        r#"{"data":[{"callId":"c","cause":null,"code":"busy","sentence":"Bob is in another call."}],"message":"callbox.callEnded"}"#.to_owned(),
    ];
    let expected = expected.map(|text| serde_json::from_str::<Value>(&text).unwrap());
    assert_eq!(wire, expected);
}

#[test]
fn nothing_secret_shows_when_messages_are_printed() {
    for message in server_messages() {
        let printed = format!("{message:?}");
        assert!(
            !printed.contains("s3cret") && !printed.contains("new-token"),
            "{printed}"
        );
    }
    let signing_in = say(
        "connection",
        json!({
            "sipLogin": "1001", "sipPassword": "s3cret", "authToken": "s3cret-token",
            "custom": { "key": "s3cret" }, "clientInfo": { "password": "s3cret" },
        }),
    );
    let calling = say(
        "call",
        json!({
            "callId": "c", "callee": "bob", "sdp": "a=ice-pwd:s3cret", "custom": "s3cret",
        }),
    );
    let answering = say(
        "answer",
        json!({ "callId": "c", "sdp": "a=ice-pwd:s3cret" }),
    );
    let writing = say(
        "sendData",
        json!({ "operationId": "o", "payload": "s3cret" }),
    );
    let texting = say(
        "sendMessage",
        json!({ "id": "o", "to": "b", "body": "s3cret" }),
    );
    for message in [signing_in, calling, answering, writing, texting] {
        let printed = format!("{message:?}");
        assert!(!printed.contains("s3cret"), "{printed}");
    }
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

    #[test]
    fn no_password_comes_back_however_it_is_named(
        key in "[a-z]{0,5}[pP][aA][sS][sS][wW][oO][rR][dD][a-z]{0,5}",
    ) {
        let mut echo = Map::new();
        echo.insert(key, "s3cret".into());
        prop_assert!(!user_data(Value::Object(echo)).to_string().contains("s3cret"));
    }
}

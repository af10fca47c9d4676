//! What is said to clients.

use super::*;

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
            alarm: None,
        }),
        ExtensionEvent::Offer(CallSdp {
            call_id: id("c"),
            sdp: "v=0\r\na=ice-pwd:s3cret\r\n".into(),
        }),
        ExtensionEvent::Refused(CallRefusal {
            call_id: id("c"),
            reason: "there is no picture".into(),
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
        r#"{"data":[{"guests":true,"limits":{"calls":8,"data_bytes":1,"frame_bytes":1,"ring_s":60},"server":"0.1.0","version":2,"you":{"display_name":"Anna","guest":true,"name":"anna"}}],"message":"callbox.welcome"}"#.to_owned(),
        r#"{"data":[{"more":0,"users":[{"busy":false,"display_name":"Anna","name":"anna","you":true}]}],"message":"callbox.presence"}"#.to_owned(),
        r#"{"data":[{"audio":"opus","callId":"c","ready":true,"remote_held":false,"video":null,"video_reason":"Bob has no camera"}],"message":"callbox.media"}"#.to_owned(),
        format!(r#"{{"data":[{{"callId":"c","mos":4.5,"round_trip_ms":12.0,"streams":[{{"kind":"audio","received":{quality},"sent":{quality}}}],"words":"Excellent"}}],"message":"callbox.quality"}}"#),
        r#"{"data":[{"callId":"c","sdp":"v=0\r\na=ice-pwd:s3cret\r\n"}],"message":"callbox.offer"}"#.to_owned(),
        r#"{"data":[{"callId":"c","reason":"there is no picture"}],"message":"callbox.refused"}"#.to_owned(),
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

proptest! {
    #[test]
    fn no_password_comes_back_however_it_is_named(
        key in "[a-z]{0,5}[pP][aA][sS][sS][wW][oO][rR][dD][a-z]{0,5}",
    ) {
        let mut echo = Map::new();
        echo.insert(key, "s3cret".into());
        prop_assert!(!user_data(Value::Object(echo)).to_string().contains("s3cret"));
    }
}

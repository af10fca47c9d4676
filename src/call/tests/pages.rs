//! What our own page is told beyond the Web SDK's protocol, and data between people.

use std::time::Duration;

use serde_json::json;

use super::*;

/// The last list of who is here that a page got: name, busy, you.
fn presence(bench: &mut Bench, page: Page) -> Option<Vec<(String, bool, bool)>> {
    let frames = bench.take(page);
    let list = frames
        .iter()
        .rfind(|frame| frame["message"] == "callbox.presence")?;
    let users = list["data"][0]["users"].as_array().unwrap();
    let user = |user: &Value| {
        (
            user["name"].as_str().unwrap().to_owned(),
            user["busy"].as_bool().unwrap(),
            user["you"].as_bool().unwrap(),
        )
    };
    Some(users.iter().map(user).collect())
}

fn listed(name: &str, busy: bool, you: bool) -> (String, bool, bool) {
    (name.to_owned(), busy, you)
}

#[test]
fn hello_is_answered_with_who_you_are_and_who_is_here() {
    let mut bench = bench();
    bench.guest("ann");
    let ben = bench.guest("ben");
    bench.say(ben, "callbox.hello", json!({ "version": 1 }));
    let frames = bench.take(ben);
    assert_eq!(names(&frames), ["callbox.welcome", "callbox.presence"]);
    let welcome = &frames[0]["data"][0];
    assert_eq!(welcome["you"]["name"], "ben");
    assert_eq!(welcome["you"]["guest"], true);
    assert_eq!(welcome["server"], "0.1.0");
    assert_eq!(welcome["limits"]["ring_s"], 45);
    let users = frames[1]["data"][0]["users"].as_array().unwrap();
    assert_eq!(users.len(), 2);
    assert_eq!(users[0]["name"], "ann");
    assert_eq!(users[1]["you"], true);
}

#[test]
fn the_web_sdk_is_told_nothing_of_this() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let _ben = bench.our_page("ben");
    bench.pass(Duration::from_secs(5));
    assert!(bench.take(ann).iter().all(|frame| !is_extension(frame)));
}

#[test]
fn pages_hear_who_comes_goes_and_is_busy() {
    let mut bench = bench();
    let ann = bench.our_page("ann");
    bench.pass(Duration::from_secs(1));
    bench.take(ann);
    let ben = bench.guest("ben");
    bench.pass(Duration::from_secs(1));
    assert_eq!(
        presence(&mut bench, ann).unwrap(),
        [listed("ann", false, true), listed("ben", false, false)]
    );
    let cid = bench.guest("cid");
    let call_id = bench.call(ben, "cid");
    bench.pass(Duration::from_secs(1));
    assert_eq!(
        presence(&mut bench, ann).unwrap(),
        [
            listed("ann", false, true),
            listed("ben", true, false),
            listed("cid", true, false)
        ]
    );
    bench.hang_up(ben, &call_id);
    bench.close(cid, FlowEnd::Clean);
    bench.pass(Duration::from_secs(1));
    assert_eq!(
        presence(&mut bench, ann).unwrap(),
        [listed("ann", false, true), listed("ben", false, false)]
    );
}

#[test]
fn a_person_whose_connection_broke_is_not_here() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.guest("ben"));
    bench.pass(Duration::from_secs(1));
    bench.take(ann);
    bench.close(ben, FlowEnd::Abnormal);
    bench.pass(Duration::from_secs(1));
    assert_eq!(
        presence(&mut bench, ann).unwrap(),
        [listed("ann", false, true)]
    );
}

#[test]
fn news_comes_at_most_so_often_and_nothing_comes_without_news() {
    let mut bench = bench();
    let ann = bench.our_page("ann");
    bench.pass(Duration::from_secs(1));
    bench.take(ann);
    for index in 0..50 {
        bench.guest(&format!("guest{index}"));
        bench.pass(Duration::from_millis(10));
    }
    bench.pass(Duration::from_secs(1));
    let frames = bench.take(ann);
    let lists = frames
        .iter()
        .filter(|frame| frame["message"] == "callbox.presence")
        .count();
    assert!((1..=4).contains(&lists), "{lists} lists in half a second");
    assert_eq!(presence(&mut bench, ann), None);
    bench.pass(Duration::from_secs(60));
    assert_eq!(presence(&mut bench, ann), None);
}

#[test]
fn a_long_list_is_cut_and_the_rest_counted() {
    let mut config = config();
    config.limits.presence_users = 3;
    let mut bench = Bench::new(config);
    for name in ["bea", "cid", "dan", "eve"] {
        bench.guest(name);
    }
    let ann = bench.guest("ann");
    bench.say(ann, "callbox.hello", json!({ "version": 1 }));
    let frames = bench.take(ann);
    let list = &frames[1]["data"][0];
    assert_eq!(list["users"].as_array().unwrap().len(), 3);
    assert_eq!(list["more"], 2);
}

#[test]
fn the_page_hears_why_a_call_ended_before_its_last_status() {
    let mut bench = bench();
    let (ann, ben) = (bench.our_page("ann"), bench.our_page("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.hang_up(ben, &talk.callee_id);
    let frames = bench.take(ann);
    assert_eq!(names(&frames), ["callbox.callEnded", "FINISH"]);
    let ended = &frames[0]["data"][0];
    assert_eq!(ended["callId"], talk.caller_id.as_str());
    assert_eq!(ended["code"], "callee_hung_up");
    assert_eq!(ended["sentence"], "ben hung up.");
    assert_eq!(ended["cause"], "success");
}

#[test]
fn data_reaches_the_person_it_names() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let data = json!({ "operationId": "op-1", "payload": { "to": "ben", "text": "hello" } });
    bench.say(ann, "sendData", data);
    let frames = bench.take(ben);
    assert_eq!(names(&frames), ["OnDataEvent"]);
    let payload = &frames[0]["data"][0]["payload"];
    assert_eq!(payload["from"], "ann");
    assert_eq!(payload["text"], "hello");
    let frames = bench.take(ann);
    assert_eq!(names(&frames), ["DataStatusEvent"]);
    assert_eq!(frames[0]["data"][0]["status"], "ACCEPTED");
    assert_eq!(frames[0]["data"][0]["operationId"], "op-1");
}

#[test]
fn nobody_sends_data_in_the_name_of_another() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let payload = json!({ "to": "ben", "from": "alice", "text": "hello" });
    bench.say(
        ann,
        "sendData",
        json!({ "operationId": "op", "payload": payload }),
    );
    assert_eq!(bench.take(ben)[0]["data"][0]["payload"]["from"], "ann");
}

#[test]
fn data_for_nobody_fails_with_the_reason() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    for (payload, info) in [
        (json!({ "to": "nobody" }), "The receiver is not known here"),
        (json!({ "to": "alice" }), "alice is not signed in"),
        (
            json!({ "text": "hello" }),
            "The data names no receiver (`to`)",
        ),
        (json!("hello"), "The data names no receiver (`to`)"),
    ] {
        bench.say(
            ann,
            "sendData",
            json!({ "operationId": "op", "payload": payload }),
        );
        let frames = bench.take(ann);
        assert_eq!(frames[0]["data"][0]["status"], "FAILED");
        assert_eq!(frames[0]["data"][0]["info"], info);
    }
}

#[test]
fn texts_reach_the_receiver_in_the_form_of_their_convention() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let payload = json!({ "type": "sipMessage", "to": "ben", "body": "hello" });
    bench.say(
        ann,
        "sendData",
        json!({ "operationId": "op", "payload": payload }),
    );
    let frames = bench.take(ben);
    assert_eq!(
        frames[0]["data"][0]["payload"],
        json!({
            "type": "sipMessage", "from": "ann", "body": "hello", "contentType": "text/plain",
        })
    );
}

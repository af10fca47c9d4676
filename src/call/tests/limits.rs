//! What happens beyond each limit.

use std::time::Duration;

use serde_json::json;

use super::*;

fn limited(limits: impl FnOnce(&mut Limits)) -> Bench {
    let mut config = config();
    limits(&mut config.limits);
    Bench::new(config)
}

#[test]
fn one_connection_too_many_is_closed_with_1013() {
    let mut bench = limited(|limits| limits.flows = 2);
    let first = bench.open_from(here());
    bench.open_from(here());
    let third = bench.open_from(here());
    assert_eq!(bench.closed, [(third.0, 1013)]);
    bench.close(third, FlowEnd::Clean);
    bench.close(first, FlowEnd::Clean);
    bench.open_from(here());
    assert_eq!(bench.closed.len(), 1);
}

#[test]
fn one_person_too_many_is_refused() {
    let mut bench = limited(|limits| limits.sessions = 1);
    bench.guest("ann");
    let page = bench.connect(here(), json!({ "sipLogin": "ben" }));
    let frames = bench.take(page);
    assert_eq!(frames[0]["data"][0]["code"], "server_full");
}

#[test]
fn one_call_too_many_is_refused_with_a_sentence() {
    let mut bench = limited(|limits| limits.calls = 1);
    let (ann, _ben) = (bench.guest("ann"), bench.guest("ben"));
    let (cid, _dan) = (bench.guest("cid"), bench.guest("dan"));
    bench.call(ann, "ben");
    bench.call(cid, "dan");
    let end = bench.last_status(cid);
    assert_eq!(
        (&end["status"], &end["sipStatus"]),
        (&json!("FAILED"), &json!(503))
    );
    assert_eq!(end["info"], "SIP 503 Service Unavailable");
    assert!(
        end["sentence"]
            .as_str()
            .unwrap()
            .contains("as many calls as it may")
    );
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn one_person_makes_so_many_calls_at_once() {
    let mut bench = limited(|limits| limits.calls_per_user = 1);
    let (ann, _ben, _cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    bench.call(ann, "ben");
    bench.call(ann, "cid");
    let end = bench.last_status(ann);
    assert_eq!(end["sipStatus"], 403);
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn calls_that_come_too_fast_are_refused_and_later_ones_are_not() {
    let mut bench = limited(|limits| limits.calls_per_second = 2);
    let (ann, _ben) = (bench.guest("ann"), bench.guest("ben"));
    for _ in 0..2 {
        let call_id = bench.call(ann, "ben");
        bench.hang_up(ann, &call_id);
    }
    bench.call(ann, "ben");
    let end = bench.last_status(ann);
    assert_eq!(
        (&end["status"], &end["sipStatus"]),
        (&json!("FAILED"), &json!(503))
    );
    bench.pass(Duration::from_secs(1));
    bench.call(ann, "ben");
    assert_eq!(bench.last_status(ann)["status"], "RING");
}

#[test]
fn one_person_calling_too_fast_does_not_slow_others() {
    let mut bench = limited(|limits| limits.calls_per_second_per_user = 1);
    let (ann, _ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    for _ in 0..5 {
        let call_id = bench.call(ann, "ben");
        bench.hang_up(ann, &call_id);
    }
    bench.call(ann, "ben");
    assert_eq!(bench.last_status(ann)["status"], "FAILED");
    bench.call(cid, "ben");
    assert_eq!(bench.last_status(cid)["status"], "RING");
}

#[test]
fn a_refused_call_leaves_nothing_behind() {
    let mut bench = limited(|limits| limits.calls = 0);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.close(ann, FlowEnd::Clean);
    bench.close(ben, FlowEnd::Clean);
    assert!(bench.switch.is_idle());
    assert!(bench.take_commands().is_empty());
}

#[test]
fn notices_are_dropped_when_nobody_takes_the_outputs_and_messages_are_not() {
    let mut config = config();
    config.limits.outputs = 0;
    let mut bench = Bench::new(config);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.talk(ann, ben, "ben");
    assert!(bench.notices.is_empty());
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn a_page_that_talks_too_much_is_closed_and_its_calls_end() {
    let mut config = config();
    config.session.messages.per_second = 1;
    config.session.messages.burst = 20;
    let mut bench = Bench::new(config);
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.talk(ann, ben, "ben");
    for _ in 0..30 {
        bench.say(
            ann,
            "sendData",
            json!({ "operationId": "x", "payload": {} }),
        );
    }
    assert!(bench.closed.contains(&(ann.0, 1008)));
    assert_eq!(bench.last_status(ben)["status"], "FINISH");
    bench.assert_no_calls();
    assert_eq!(bench.switch.status().users, 1);
}

//! The server goes down.

use std::time::Duration;

use serde_json::json;

use super::*;

#[test]
fn going_down_ends_calls_with_the_reason_then_closes_then_is_complete() {
    let mut bench = bench();
    let (ann, ben, cid) = (bench.guest("ann"), bench.guest("ben"), bench.guest("cid"));
    bench.talk(ann, ben, "ben");
    bench.guest("dan");
    bench.call(cid, "dan");
    bench.take(cid);
    bench.handle(Input::Shutdown);
    for page in [ann, ben, cid] {
        let end = bench.status(page);
        assert_eq!(end["status"], "FAILED");
        assert!(
            end["sentence"]
                .as_str()
                .unwrap()
                .starts_with("The server is going down.")
        );
        assert!(bench.closed.contains(&(page.0, 1001)));
    }
    assert_eq!(bench.records().len(), 2);
    bench.assert_no_calls();
    assert!(!bench.shutdown_complete);
    for flow in 1..=4 {
        bench.close(Page(FlowId(flow)), FlowEnd::Clean);
    }
    assert!(bench.shutdown_complete);
    assert!(bench.switch.is_idle());
    assert_eq!(bench.switch.poll_timeout(), None);
}

#[test]
fn with_nobody_here_it_is_complete_at_once() {
    let mut bench = bench();
    bench.handle(Input::Shutdown);
    assert!(bench.shutdown_complete);
}

#[test]
fn flows_that_do_not_close_are_waited_for_so_long() {
    let mut bench = bench();
    bench.guest("ann");
    bench.handle(Input::Shutdown);
    bench.pass(Duration::from_millis(2_900));
    assert!(!bench.shutdown_complete);
    bench.pass(Duration::from_millis(100));
    assert!(bench.shutdown_complete);
}

#[test]
fn nobody_comes_in_while_it_goes_down() {
    let mut bench = bench();
    let (ann, early) = (bench.guest("ann"), bench.open_from(here()));
    bench.handle(Input::Shutdown);
    let late = bench.open_from(here());
    assert!(bench.closed.contains(&(late.0, 1001)));
    bench.say(early, "connection", json!({ "sipLogin": "ben" }));
    bench.say(
        ann,
        "call",
        json!({ "callId": "x", "callee": "ben", "sdp": OFFER_AUDIO }),
    );
    assert!(bench.take(ann).is_empty());
    assert!(bench.take(early).is_empty());
    assert_eq!(bench.switch.status().users, 0);
}

#[test]
fn broken_sessions_do_not_delay_it() {
    let mut bench = bench();
    let ann = bench.connect(here(), json!({ "sipLogin": "ann", "keepAlive": true }));
    bench.close(ann, FlowEnd::Abnormal);
    bench.handle(Input::Shutdown);
    assert!(bench.shutdown_complete);
    assert!(bench.switch.is_idle());
}

//! Pages whose connection breaks, and pages that come back.

use std::time::Duration;

use serde_json::json;

use super::*;

fn keeping(bench: &mut Bench, name: &str) -> (Page, String) {
    let page = bench.connect(here(), json!({ "sipLogin": name, "keepAlive": true }));
    let frames = bench.take(page);
    (
        page,
        frames[0]["data"][0]["authToken"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

fn token_of(bench: &mut Bench, name: &str) -> (Page, String) {
    let page = bench.connect(here(), json!({ "sipLogin": name }));
    let frames = bench.take(page);
    (
        page,
        frames[0]["data"][0]["authToken"]
            .as_str()
            .unwrap()
            .to_owned(),
    )
}

#[test]
fn a_token_takes_a_parked_session_up_again() {
    let mut bench = bench();
    let (ann, token) = keeping(&mut bench, "ann");
    bench.close(ann, FlowEnd::Abnormal);
    assert_eq!(bench.switch.status().parked, 1);
    bench.pass(Duration::from_secs(300));
    let again = bench.connect(here(), json!({ "authToken": token, "keepAlive": true }));
    let frames = bench.take(again);
    assert_eq!(names(&frames), ["getUserData", "registered"]);
    assert_eq!(frames[0]["data"][0]["sipLogin"], "ann");
    assert_eq!(frames[0]["data"][0]["authToken"], token.as_str());
    assert_eq!(
        (bench.switch.status().parked, bench.switch.status().sessions),
        (0, 1)
    );
    bench.pass(Duration::from_secs(3600));
    assert_eq!(
        bench.switch.status().sessions,
        1,
        "no deadline of the past strikes"
    );
}

#[test]
fn a_page_that_closed_in_good_order_may_come_back_but_its_calls_are_over() {
    let mut bench = bench();
    let (ann, token) = keeping(&mut bench, "ann");
    let ben = bench.guest("ben");
    bench.talk(ann, ben, "ben");
    bench.take(ben);
    bench.close(ann, FlowEnd::Clean);
    assert!(
        names(&bench.take(ben)).contains(&"FINISH".to_owned()),
        "a clean close ends its calls at once"
    );
    assert_eq!(bench.switch.status().parked, 1);
    let again = bench.connect(here(), json!({ "authToken": token, "keepAlive": true }));
    assert_eq!(names(&bench.take(again)), ["getUserData", "registered"]);
    bench.call(ben, "ann");
    bench.incoming(again);
}

#[test]
fn without_keep_alive_a_clean_close_leaves_nothing() {
    let mut bench = bench();
    let (ann, token) = token_of(&mut bench, "ann");
    bench.close(ann, FlowEnd::Clean);
    assert!(bench.switch.is_idle());
    let again = bench.connect(here(), json!({ "authToken": token }));
    assert_eq!(bench.take(again)[0]["data"][0]["code"], "session_expired");
}

#[test]
fn a_kept_session_lapses_after_its_time() {
    let mut bench = bench();
    let (ann, token) = keeping(&mut bench, "ann");
    bench.close(ann, FlowEnd::Abnormal);
    bench.pass(Duration::from_secs(600));
    let again = bench.connect(here(), json!({ "authToken": token }));
    let frames = bench.take(again);
    assert_eq!(frames[0]["data"][0]["code"], "session_expired");
    assert!(bench.closed.contains(&(again.0, 1008)));
}

#[test]
fn without_keep_alive_a_broken_session_is_kept_for_the_grace_time() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    bench.close(ann, FlowEnd::Abnormal);
    bench.pass(Duration::from_secs(14));
    assert_eq!(bench.switch.status().parked, 1);
    bench.pass(Duration::from_secs(1));
    assert!(bench.switch.is_idle(), "nothing is left of it");
}

#[test]
fn a_token_nobody_knows_still_lets_a_name_in() {
    let mut bench = bench();
    let page = bench.connect(here(), json!({ "authToken": "of-old", "sipLogin": "ann" }));
    assert_eq!(names(&bench.take(page)), ["getUserData", "registered"]);
}

#[test]
fn a_ghost_does_not_keep_a_guests_name_from_its_owner() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    bench.close(ann, FlowEnd::Abnormal);
    bench.guest("ann");
    let status = bench.switch.status();
    assert_eq!((status.sessions, status.parked, status.users), (1, 0, 1));
}

#[test]
fn the_token_takes_the_name_even_from_a_flow_that_is_still_open() {
    let mut bench = bench();
    let (old, token) = token_of(&mut bench, "ann");
    let new = bench.connect(here(), json!({ "authToken": token, "sipLogin": "ann" }));
    assert_eq!(names(&bench.take(new)), ["getUserData", "registered"]);
    assert!(bench.closed.contains(&(old.0, 1000)));
    bench.close(old, FlowEnd::Abnormal);
    let status = bench.switch.status();
    assert_eq!((status.flows, status.sessions, status.parked), (1, 1, 0));
    let ben = bench.guest("ben");
    bench.call(ben, "ann");
    bench.incoming(new);
}

#[test]
fn silence_parks_and_closes() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let end = bench.now.mono + Duration::from_secs(16);
    while let Some(due) = bench.switch.poll_timeout().filter(|due| *due <= end) {
        bench.now.mono = due;
        bench.handle(Input::Timeout);
    }
    assert!(bench.closed.contains(&(ann.0, 1001)));
    assert_eq!(bench.switch.status().parked, 1);
}

#[test]
fn an_answered_call_survives_a_broken_connection_for_the_grace_time() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.close(ben, FlowEnd::Abnormal);
    assert!(bench.take_commands().is_empty(), "media goes on");
    bench.pass(Duration::from_secs(14));
    assert_eq!(bench.switch.status().established, 1);
    bench.pass(Duration::from_secs(1));
    let end = bench.last_status(ann);
    assert_eq!(end["status"], "FAILED");
    assert_eq!(
        end["sentence"],
        "The connection of ben was lost and did not come back."
    );
    assert_eq!(bench.end_code(), "connection_lost");
    let removed = orders(&bench.take_commands());
    assert!(removed.contains(&format!("remove {}", talk.caller_leg.0)));
    assert!(removed.contains(&format!("remove {}", talk.callee_leg.0)));
}

#[test]
fn the_other_side_can_hang_up_on_a_broken_connection() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.close(ben, FlowEnd::Abnormal);
    bench.hang_up(ann, &talk.caller_id);
    assert_eq!(bench.status(ann)["status"], "FINISH");
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.records().len(), 0);
}

#[test]
fn a_page_that_comes_back_has_lost_its_answered_call() {
    let mut bench = bench();
    let (ann, token) = keeping(&mut bench, "ann");
    let ben = bench.guest("ben");
    bench.talk(ann, ben, "ben");
    bench.close(ann, FlowEnd::Abnormal);
    let again = bench.connect(here(), json!({ "authToken": token }));
    assert_eq!(names(&bench.take(again)), ["getUserData", "registered"]);
    let end = bench.last_status(ben);
    assert_eq!(end["status"], "FAILED");
    assert!(
        end["sentence"]
            .as_str()
            .unwrap()
            .contains("ann loaded the page anew")
    );
    assert_eq!(bench.end_code(), "page_reloaded");
    bench.assert_no_calls();
}

#[test]
fn a_callee_who_comes_back_rings_anew_with_a_fresh_offer() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (ben, token) = keeping(&mut bench, "ben");
    bench.call(ann, "ben");
    let (first_id, first_offer) = bench.incoming(ben);
    bench.close(ben, FlowEnd::Abnormal);
    assert_eq!(
        bench.switch.status().calls,
        1,
        "the caller still hears it ring"
    );
    bench.pass(Duration::from_secs(5));
    let again = bench.connect(here(), json!({ "authToken": token }));
    let frames = bench.take(again);
    assert_eq!(
        names(&frames),
        [
            "getUserData",
            "registered",
            "setRemoteSDP",
            "notifyIncomingCall",
            "RING"
        ]
    );
    let call_id = frames[2]["data"][0].as_str().unwrap();
    let offer = frames[2]["data"][1].as_str().unwrap();
    assert_ne!(call_id, first_id);
    assert_ne!(offer, first_offer);
    assert_eq!(
        orders(&bench.take_commands()),
        ["add 2", "remove 2", "add 3"]
    );
    bench.answer(again, call_id, offer);
    assert_eq!(bench.last_status(ann)["status"], "ESTABLISHED");
}

#[test]
fn a_guest_who_reloads_while_it_rings_rings_again() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.incoming(ben);
    bench.close(ben, FlowEnd::Abnormal);
    let again = bench.connect(here(), json!({ "sipLogin": "ben" }));
    let frames = bench.take(again);
    assert_eq!(
        names(&frames)[2..],
        ["setRemoteSDP", "notifyIncomingCall", "RING"]
    );
    bench.pass(Duration::from_secs(20));
    assert_eq!(
        bench.switch.status().calls,
        1,
        "the ghost takes nothing with it"
    );
}

#[test]
fn a_callee_who_does_not_come_back_ends_the_call() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.incoming(ben);
    bench.close(ben, FlowEnd::Abnormal);
    bench.pass(Duration::from_secs(15));
    assert_eq!(bench.last_status(ann)["status"], "FAILED");
    assert_eq!(bench.end_code(), "connection_lost");
}

#[test]
fn a_caller_whose_connection_breaks_stops_ringing_at_once() {
    let mut bench = bench();
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    bench.call(ann, "ben");
    bench.incoming(ben);
    bench.close(ann, FlowEnd::Abnormal);
    assert_eq!(bench.status(ben)["status"], "FAILED");
    assert_eq!(bench.end_code(), "connection_lost");
}

#[test]
fn closing_a_page_ends_its_calls_at_once_in_every_state() {
    for (who, code) in [("caller", "left"), ("callee", "left")] {
        for answered in [false, true] {
            let mut bench = bench();
            let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
            if answered {
                bench.talk(ann, ben, "ben");
            } else {
                bench.call(ann, "ben");
            }
            let (leaves, stays) = if who == "caller" {
                (ann, ben)
            } else {
                (ben, ann)
            };
            bench.take(stays);
            bench.close(leaves, FlowEnd::Clean);
            assert_eq!(
                bench.last_status(stays)["status"],
                "FINISH",
                "{who} {answered}"
            );
            assert_eq!(bench.end_code(), code);
            bench.assert_no_calls();
        }
    }
}

#[test]
fn a_parked_person_is_not_signed_in_to_callers() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (ben, _) = keeping(&mut bench, "ben");
    bench.close(ben, FlowEnd::Abnormal);
    bench.call(ann, "ben");
    let end = bench.last_status(ann);
    assert_eq!(end["sipStatus"], 480);
    assert!(
        end["sentence"]
            .as_str()
            .unwrap()
            .starts_with("ben is not signed in")
    );
}

#[test]
fn a_callee_who_signs_in_anew_elsewhere_while_it_rings_rings_there() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    let (ben, token) = token_of(&mut bench, "ben");
    bench.call(ann, "ben");
    bench.incoming(ben);
    let again = bench.connect(here(), json!({ "authToken": token }));
    assert_eq!(
        bench.last_status(ben)["sentence"],
        "Your page came back; the call rings there."
    );
    let frames = bench.take(again);
    assert_eq!(
        names(&frames)[2..],
        ["setRemoteSDP", "notifyIncomingCall", "RING"]
    );
    assert_eq!(bench.switch.status().calls, 1);
    // The call waits for nobody any more: it ends with the page that rings.
    bench.close(again, FlowEnd::Clean);
    assert_eq!(bench.end_code(), "left");
}

#[test]
fn a_page_that_still_holds_its_call_goes_on_with_it() {
    for broken in [true, false] {
        let mut bench = bench();
        let (ann, token) = keeping(&mut bench, "ann");
        let ben = bench.our_page("ben");
        let talk = bench.talk(ann, ben, "ben");
        if broken {
            bench.close(ann, FlowEnd::Abnormal);
            bench.pass(Duration::from_secs(5));
        }
        bench.take_commands();
        bench.take(ben);
        let connection = json!({
            "authToken": token, "custom": { "callbox": { "calls": [talk.caller_id, "other"] } },
        });
        let again = bench.connect(here(), connection);
        assert_eq!(
            names(&bench.take(again)),
            ["getUserData", "registered", "ESTABLISHED"]
        );
        assert!(bench.take_commands().is_empty(), "media was never touched");
        bench.say(again, "callbox.hello", json!({ "version": 1 }));
        let frames = bench.take(again);
        assert!(
            names(&frames).contains(&"callbox.media".to_owned()),
            "{frames:?}"
        );
        bench.pass(Duration::from_secs(600));
        assert_eq!(
            bench.switch.status().established,
            1,
            "no grace runs any more"
        );
        bench.say(again, "hold", json!({ "callId": talk.caller_id }));
        assert_eq!(bench.last_status(again)["status"], "HOLD");
        bench.hang_up(ben, &talk.callee_id);
        assert_eq!(bench.last_status(again)["sentence"], "ben hung up.");
        bench.assert_no_calls();
    }
}

#[test]
fn a_held_call_is_still_held_when_its_page_is_back() {
    let mut bench = bench();
    let (ann, token) = keeping(&mut bench, "ann");
    let ben = bench.guest("ben");
    let talk = bench.talk(ann, ben, "ben");
    bench.say(ann, "hold", json!({ "callId": talk.caller_id }));
    bench.close(ann, FlowEnd::Abnormal);
    let calls = json!({ "callbox": { "calls": [talk.caller_id] } });
    let again = bench.connect(here(), json!({ "authToken": token, "custom": calls }));
    assert_eq!(names(&bench.take(again)).last().unwrap(), "HOLD");
}

#[test]
fn nobody_goes_on_with_the_call_of_another() {
    let mut bench = bench();
    let (eve, token) = keeping(&mut bench, "eve");
    let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
    let talk = bench.talk(ann, ben, "ben");
    bench.close(eve, FlowEnd::Abnormal);
    let calls = json!({ "callbox": { "calls": [talk.caller_id, talk.callee_id] } });
    let again = bench.connect(here(), json!({ "authToken": token, "custom": calls }));
    assert_eq!(names(&bench.take(again)), ["getUserData", "registered"]);
}

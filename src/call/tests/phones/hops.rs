//! How far a call goes, and calls that come back (RFC 3261 16.3, RFC 7332).

use sip::header::{MaxForwards, SessionId};
use sip::message::{Request, Status};

use super::super::{Bench, OFFER_AUDIO, bench};
use super::Phone;

fn hops(invite: &Request) -> MaxForwards {
    invite.headers().get::<MaxForwards>().unwrap().unwrap()
}

fn session_id(invite: &Request) -> String {
    let id = invite.headers().get::<SessionId<'_>>().unwrap();
    id.expect("a Session-ID").0.to_owned()
}

/// A telephone sends an INVITE with a Session-ID of its own.
fn call_again(bench: &mut Bench, phone: &Phone, callee: &str, session_id: &str) -> Option<Status> {
    let headers = format!("Session-ID: {session_id};remote=00000000000000000000000000000000\r\n");
    bench.dial_with(phone, callee, &headers, OFFER_AUDIO);
    let messages = bench.take_sip(phone).into_iter();
    let mut responses = messages.filter_map(sip::message::Message::into_response);
    responses.find_map(|it| it.status().is_final().then_some(it.status()))
}

#[test]
fn a_call_that_goes_on_has_one_hop_less() {
    for (said, left) in [(70, 69), (5, 4), (1, 0), (255, 70)] {
        let mut bench = bench();
        let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
        let uri = "sip:1002@example.org";
        let invite = alice
            .request("INVITE", uri, "1002", "", OFFER_AUDIO)
            .replace("Max-Forwards: 70", &format!("Max-Forwards: {said}"));
        bench.send(&alice, &invite);
        assert_eq!(hops(&bench.request(&bob)), MaxForwards(left), "{said}");
    }
}

#[test]
fn a_call_without_a_hop_left_goes_nowhere() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let uri = "sip:1002@example.org";
    let invite = alice
        .request("INVITE", uri, "1002", "", OFFER_AUDIO)
        .replace("Max-Forwards: 70", "Max-Forwards: 0");
    bench.send(&alice, &invite);
    assert_eq!(bench.final_response(&alice).status(), Status::TOO_MANY_HOPS);
    assert!(bench.take_sip(&bob).is_empty());
}

#[test]
fn a_call_has_the_name_that_its_caller_gave_it_or_one_of_ours() {
    let mut bench = bench();
    let (alice, bob) = (bench.phone("1001"), bench.phone("1002"));
    let given = "ab30317f1a784dc48ff824d0d3715d86";
    assert_eq!(call_again(&mut bench, &alice, "1002", given), None);
    assert_eq!(session_id(&bench.request(&bob)), given);
    let page = bench.guest("carol");
    bench.switch.config.call_waiting = true;
    bench.call_with(page, "1002", OFFER_AUDIO);
    assert_ne!(session_id(&bench.request(&bob)), given);
}

#[test]
fn a_call_that_comes_back_for_the_same_person_is_a_loop_and_one_that_goes_on_is_none() {
    let mut bench = bench();
    bench.switch.config.call_waiting = true;
    let (bob, dave) = (bench.phone("1002"), bench.phone("1003"));
    let page = bench.guest("carol");
    bench.call_with(page, "1002", OFFER_AUDIO);
    let id = session_id(&bench.request(&bob));
    let looped = call_again(&mut bench, &dave, "1002", &id);
    assert_eq!(looped, Some(Status::LOOP_DETECTED));
    assert!(bench.take_sip(&bob).is_empty());
    assert_eq!(call_again(&mut bench, &bob, "1003", &id), None);
    assert_eq!(session_id(&bench.request(&dave)), id);
}

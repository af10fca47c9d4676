//! CANCEL (RFC 3261 9) and what it crosses on its way.

use super::*;
use crate::header::Reason;
use crate::message::HeaderName;
use Transport::{Tcp, Udp};

fn calling(transport: Transport) -> (Bench, Request, ClientId) {
    let mut bench = Bench::new(transport);
    let invite = request("INVITE", "z9hG4bK1");
    let client = bench.ask(&invite);
    assert_eq!(bench.out(), ">INVITE");
    (bench, invite, client)
}

#[test]
fn before_any_response_a_cancel_waits_for_the_first() {
    let (mut bench, invite, client) = calling(Udp);
    bench.layer.cancel(bench.now, client);
    // The INVITE may have been lost: it is sent on.
    assert_eq!(bench.wait(600), [(500, ">INVITE".to_owned())]);
    bench.take(response(&invite, 100));
    assert_eq!(bench.out(), ">CANCEL !100");
    bench.take(response(&follow(&invite, "CANCEL", ""), 200));
    assert_eq!(bench.out(), "");
    bench.take(response(&invite, 487));
    assert_eq!(bench.out(), ">ACK !487");
    bench.gone_at();
}

#[test]
fn a_final_response_that_comes_first_makes_the_cancel_needless() {
    for (code, out) in [(200, "!200"), (486, ">ACK !486")] {
        let (mut bench, invite, client) = calling(Udp);
        bench.layer.cancel(bench.now, client);
        bench.take(response(&invite, code));
        assert_eq!(bench.out(), out);
        bench.gone_at();
    }
}

#[test]
fn nobody_answers_an_invite_that_is_not_wanted_and_no_cancel_goes_out() {
    let (mut bench, _, client) = calling(Tcp);
    bench.layer.cancel(bench.now, client);
    assert_eq!(bench.wait(60_000), [(32_000, "!Timeout".to_owned())]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_cancel_that_crosses_the_200_changes_nothing_about_it() {
    let (mut bench, invite, client) = calling(Udp);
    bench.take(response(&invite, 180));
    bench.out();
    bench.layer.cancel(bench.now, client);
    assert_eq!(bench.out(), ">CANCEL");
    bench.take(response(&invite, 200));
    assert_eq!(bench.out(), "!200");
    bench.take(response(&follow(&invite, "CANCEL", ""), 481));
    assert_eq!(bench.out(), "");
    assert_eq!(bench.gone_at(), 32_000);
}

#[test]
fn a_cancel_that_crosses_a_refusal_leaves_its_acknowledgement() {
    let (mut bench, invite, client) = calling(Udp);
    bench.take(response(&invite, 180));
    bench.layer.cancel(bench.now, client);
    bench.out();
    bench.take(response(&invite, 486));
    assert_eq!(bench.out(), ">ACK !486");
    bench.take(response(&invite, 486));
    assert_eq!(bench.out(), ">ACK");
    bench.take(response(&follow(&invite, "CANCEL", ""), 200));
    bench.gone_at();
}

#[test]
fn rfc3261_9_1_without_a_final_response_the_invite_is_given_up_32_s_after_its_cancel() {
    let (mut bench, invite, client) = calling(Tcp);
    bench.take(response(&invite, 180));
    assert_eq!(bench.out(), "!180");
    bench.wait(10_000);
    bench.layer.cancel(bench.now, client);
    assert_eq!(bench.out(), ">CANCEL");
    bench.take(response(&follow(&invite, "CANCEL", ""), 200));
    assert_eq!(bench.out(), "");
    // Provisional responses do not help.
    bench.wait(20_000);
    bench.take(response(&invite, 180));
    assert_eq!(bench.out(), "!180");
    assert_eq!(bench.wait(60_000), [(42_000, "!Timeout".to_owned())]);
    assert!(bench.layer.is_empty());
}

#[test]
fn a_lost_cancel_is_sent_again() {
    let (mut bench, invite, client) = calling(Udp);
    bench.take(response(&invite, 180));
    bench.layer.cancel(bench.now, client);
    bench.out();
    let log = bench.wait(2_000);
    let expected = [(500, ">CANCEL".to_owned()), (1_500, ">CANCEL".to_owned())];
    assert_eq!(log, expected);
}

#[test]
fn a_cancel_is_sent_once_however_often_it_is_wanted() {
    let (mut bench, invite, client) = calling(Tcp);
    bench.layer.cancel(bench.now, client);
    bench.layer.cancel(bench.now, client);
    bench.take(response(&invite, 100));
    bench.layer.cancel(bench.now, client);
    assert_eq!(bench.out(), ">CANCEL !100");
}

#[test]
fn a_cancel_says_why() {
    let reason = Reason::value_of("SIP", 200, "Call completed elsewhere");
    for (reason, expected) in [
        (reason.as_str(), Some(reason.as_bytes())),
        // One that would become two lines is left out.
        ("SIP\r\nX-Evil: 1", None),
    ] {
        let (mut bench, invite, client) = calling(Tcp);
        bench.take(response(&invite, 180));
        bench.layer.cancel_because(bench.now, client, reason);
        let (_, cancel) = bench.sent().pop().unwrap();
        assert_eq!(short('>', &cancel), ">CANCEL");
        assert_eq!(cancel.headers().value(HeaderName::Reason), expected);
    }
}

#[test]
fn each_cancel_of_an_invite_is_answered_but_told_once() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    bench.out();
    let cancel = follow(&invite, "CANCEL", "");
    bench.take(cancel.clone());
    assert_eq!(bench.out(), ">200c !cancelled");
    bench.take(cancel.clone());
    assert_eq!(bench.out(), ">200c");
    bench.answer(server, response(&invite, 487));
    assert_eq!(bench.out(), ">487");
    bench.take(cancel.clone());
    assert_eq!(bench.out(), ">200c");
    bench.take(follow(&invite, "ACK", ";tag=bo"));
    assert_eq!(bench.gone_at(), 5_000);
    bench.take(cancel);
    assert_eq!(bench.out(), ">481c");
}

#[test]
fn rfc3261_9_2_the_200_of_a_cancel_has_the_tag_of_the_invites_responses() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    bench.out();
    let tag = |bench: &mut Bench| {
        bench.take(follow(&invite, "CANCEL", ""));
        let (_, message) = bench.sent().pop().unwrap();
        let response = message.into_response().unwrap();
        String::from_utf8(response.to_tag().unwrap().to_vec()).unwrap()
    };
    // There is none yet: any will do, but the same each time.
    let first = tag(&mut bench);
    assert_eq!(first.len(), 16);
    assert_eq!(tag(&mut bench), first);
    bench.answer(server, response(&invite, 180));
    assert_eq!(tag(&mut bench), "bo");
}

#[test]
fn a_cancel_that_comes_after_the_200_is_answered_and_does_nothing() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    bench.answer(server, response(&invite, 200));
    bench.out();
    bench.take(follow(&invite, "CANCEL", ""));
    assert_eq!(bench.out(), ">200c");
}

#[test]
fn sixty_thousand_stray_cancels_cost_no_memory() {
    let mut bench = Bench::new(Udp);
    for number in 0..60_000 {
        bench.take(request("CANCEL", &format!("z9hG4bK{number}")));
        assert_eq!(bench.layer.poll_event(), None);
        let (flow, answer) = bench.layer.poll_transmit().unwrap();
        assert_eq!(flow, FLOW);
        assert!(answer.starts_with(b"SIP/2.0 481 "));
        assert_eq!(bench.layer.poll_transmit(), None);
    }
    assert!(bench.layer.is_empty());
    assert_eq!(bench.layer.poll_timeout(), None);
    assert_eq!(bench.layer.counters().stray_cancels, 60_000);
}

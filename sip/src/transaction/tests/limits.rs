//! What there may be no more of, and that all is given back.

use super::*;
use crate::message::HeaderName;
use Transport::{Tcp, Udp};

fn full_bench() -> Bench {
    let limits = TransactionLimits {
        clients: 2,
        servers: 2,
    };
    Bench::with(Udp, limits)
}

#[test]
fn s44_a_request_beyond_the_limit_is_answered_with_503_and_leaves_nothing() {
    let mut bench = full_bench();
    let first = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&first);
    bench.asked(&request("OPTIONS", "z9hG4bK2"));
    bench.out();
    let third = request("INVITE", "z9hG4bK3");
    for _ in 0..2 {
        bench.take(third.clone());
        let (_, refusal) = bench.sent().pop().unwrap();
        assert_eq!(short('>', &refusal), ">503");
        assert_eq!(
            refusal.headers().value(HeaderName::RetryAfter),
            Some(&b"5"[..])
        );
        assert_eq!(bench.layer.poll_event(), None);
    }
    assert_eq!(bench.layer.len(), 2);
    assert_eq!(bench.layer.counters().refused, 2);
    // Those that are there go on.
    bench.take(first.clone());
    assert_eq!(bench.out(), ">100");
    bench.take(follow(&first, "CANCEL", ""));
    assert_eq!(bench.out(), ">200c !cancelled");
    bench.answer(server, response(&first, 487));
    assert_eq!(bench.out(), ">487");
    bench.take(follow(&first, "ACK", ";tag=bo"));
    bench.wait(5_000);
    // And one that ends makes room.
    bench.asked(&third);
}

#[test]
fn a_request_of_ours_beyond_the_limit_is_not_sent() {
    let mut bench = full_bench();
    let first = request("INVITE", "z9hG4bK1");
    let client = bench.ask(&first);
    bench.ask(&request("OPTIONS", "z9hG4bK2"));
    bench.out();
    let third = request("OPTIONS", "z9hG4bK3");
    let refused = bench.layer.request(bench.now, FLOW, Udp, third.clone());
    assert_eq!(refused, Err(Full));
    assert_eq!(bench.out(), "");
    // What calls a call off is always sent.
    bench.take(response(&first, 180));
    bench.layer.cancel(bench.now, client);
    assert_eq!(bench.out(), ">CANCEL !180");
    bench.layer.flow_closed(bench.now, FLOW);
    bench.out();
    bench.ask(&third);
}

#[test]
fn a_hundred_thousand_transactions_come_and_go_and_leave_no_memory_behind() {
    let mut bench = Bench::new(Tcp);
    for number in 0..50_000 {
        let branch = format!("z9hG4bK{number}");
        bench.ask(&request("OPTIONS", &branch));
        assert!(bench.layer.poll_transmit().is_some());
        bench.asked(&request("MESSAGE", &branch));
    }
    assert_eq!(bench.layer.len(), 100_000);
    // All at one time.
    bench.now += Duration::from_secs(32);
    bench.layer.handle_timeout(bench.now);
    let mut failed = 0;
    while let Some(event) = bench.layer.poll_event() {
        assert_eq!(told(event), "!Timeout");
        failed += 1;
    }
    assert_eq!(failed, 50_000);
    assert_eq!(bench.out(), "");
    assert!(bench.layer.is_empty());
    assert!(bench.layer.clients.holds_nothing());
    assert!(bench.layer.servers.holds_nothing());
    assert!(bench.layer.out.room() <= 2 * 256);
}

#[test]
fn a_closed_flow_takes_its_transactions_along_and_no_others() {
    let mut bench = Bench::new(Tcp);
    let kept = request("INVITE", "z9hG4bK1");
    let lost = request("INVITE", "z9hG4bK2");
    bench.ask(&kept);
    bench
        .layer
        .request(bench.now, OTHER_FLOW, Tcp, lost)
        .unwrap();
    let asked = request("MESSAGE", "z9hG4bK3");
    bench.take_on(OTHER_FLOW, asked.clone());
    let Some(Event::Request { server, flow, .. }) = bench.layer.poll_event() else {
        panic!("the request was not told");
    };
    assert_eq!(flow, OTHER_FLOW);
    bench.out();
    bench.layer.flow_closed(bench.now, OTHER_FLOW);
    assert_eq!(bench.out(), "!FlowClosed");
    bench.answer(server, response(&asked, 200));
    assert_eq!(bench.out(), "");
    assert_eq!(bench.layer.len(), 1);
    bench.take(response(&kept, 180));
    assert_eq!(bench.out(), "!180");
}

/// RFC 3261 8.2.7
#[test]
fn what_is_refused_statelessly_leaves_nothing_and_is_told_again() {
    for method in ["INVITE", "REGISTER"] {
        let mut bench = full_bench();
        let request = request(method, "z9hG4bK1");
        let mut refusals = Vec::new();
        for _ in 0..2 {
            let server = bench.asked(&request);
            let tag = stateless_tag(&request);
            let refusal = ResponseBuilder::new(&request, Status::UNAUTHORIZED);
            let refusal = refusal.to_tag(&tag).build().unwrap();
            bench.layer.respond_statelessly(bench.now, server, &refusal);
            let sent = bench.sent();
            assert_eq!(sent.len(), 1, "no 100 before it");
            refusals.push(format!("{sent:?}"));
            assert!(bench.layer.is_empty());
            assert_eq!(bench.layer.poll_timeout(), None);
            // It is no transaction any more.
            bench.answer(server, response(&request, 200));
            assert_eq!(bench.out(), "");
        }
        assert_eq!(refusals[0], refusals[1]);
        let tag = format!(";tag={}", stateless_tag(&request));
        bench.take(follow(&request, "ACK", &tag));
        assert_eq!(bench.out(), "!ACK");
        bench.take(follow(&request, "CANCEL", ""));
        assert_eq!(bench.out(), ">481c");
        assert!(bench.layer.is_empty());
    }
}

#[test]
fn what_had_its_100_is_refused_and_kept_until_the_ack() {
    let mut bench = full_bench();
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    assert_eq!(bench.out(), ">100");
    let refusal = response(&invite, 401);
    bench.layer.respond_statelessly(bench.now, server, &refusal);
    assert_eq!(bench.out(), ">401");
    assert_eq!(bench.layer.len(), 1);
    assert_eq!(bench.wait(500), [(500, ">401".to_owned())]);
    bench.take(follow(&invite, "ACK", ";tag=bo"));
    bench.wait(5_000);
    assert!(bench.layer.is_empty());
}

//! Which message belongs to which transaction (RFC 3261 17.1.3, 17.2.3, 8.2.2.2).

use super::*;
use Transport::Udp;

/// A request with all that transactions are told apart by.
fn request_of(method: &str, via: &str, rest: &str) -> Request {
    let text = format!(
        "{method} sip:bob@example.com SIP/2.0\nVia: {via}\n\
         Max-Forwards: 70\nFrom: <sip:alice@example.com>;tag=al\n{rest}\n\
         Contact: <sip:alice@192.0.2.1>\nContent-Length: 0\n\n"
    );
    parse(&text).into_request().unwrap()
}

fn rest(number: u32, method: &str) -> String {
    format!("To: <sip:bob@example.com>\nCall-ID: c{number}@client\nCSeq: {number} {method}")
}

#[test]
fn a_request_is_known_by_branch_sender_and_method() {
    let via = |sent_by: &str, branch: &str| format!("SIP/2.0/UDP {sent_by};branch={branch}");
    let first = request_of(
        "OPTIONS",
        &via("a.example", "z9hG4bKx"),
        &rest(1, "OPTIONS"),
    );
    let same = [
        via("a.example", "z9hG4bKx"),
        via("A.Example", "Z9hG4bKX"),
        via("a.example", "z9hG4bKx;rport;x=y"),
    ];
    for via in same {
        let mut bench = Bench::new(Udp);
        bench.asked(&first);
        bench.take(request_of("OPTIONS", &via, &rest(1, "OPTIONS")));
        assert_eq!(bench.out(), "", "{via}");
        assert_eq!(bench.layer.counters().absorbed, 1);
    }
    let others = [
        ("OPTIONS", via("a.example", "z9hG4bKy")),
        ("OPTIONS", via("b.example", "z9hG4bKx")),
        ("OPTIONS", via("a.example:5070", "z9hG4bKx")),
        ("MESSAGE", via("a.example", "z9hG4bKx")),
    ];
    for (method, via) in others {
        let mut bench = Bench::new(Udp);
        bench.asked(&first);
        bench.take(request_of(method, &via, &rest(2, method)));
        assert_eq!(bench.out(), format!("!{method}"), "{via}");
    }
}

#[test]
fn a_repeated_request_is_answered_on_the_flow_it_came_by_and_known_whatever_that_is() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    bench.out();
    bench
        .layer
        .handle(bench.now, OTHER_FLOW, Transport::Tcp, invite.clone().into());
    let (flow, again) = bench.sent().pop().unwrap();
    assert_eq!((flow, short('>', &again).as_str()), (OTHER_FLOW, ">100"));
    bench.answer(server, response(&invite, 180));
    let (flow, _) = bench.sent().pop().unwrap();
    assert_eq!(flow, FLOW);
}

#[test]
fn a_lost_response_is_had_again_by_asking_again() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    assert_eq!(bench.out(), ">100");
    for code in [180, 183, 486] {
        bench.answer(server, response(&invite, code));
        assert_eq!(bench.out(), format!(">{code}"));
        bench.take(invite.clone());
        assert_eq!(bench.out(), format!(">{code}"));
    }
}

#[test]
fn an_ack_of_a_2xx_has_a_branch_of_its_own_and_goes_to_the_core() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let server = bench.asked(&invite);
    bench.answer(server, response(&invite, 200));
    bench.out();
    bench.take(request_with("ACK", "z9hG4bK2", ";tag=bo", ""));
    assert_eq!(bench.out(), "!ACK");
}

#[test]
fn a_response_is_known_by_branch_and_method() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    bench.ask(&invite);
    bench.out();
    bench.take(response(&follow(&invite, "CANCEL", ""), 200));
    assert_eq!(bench.out(), "!stray-200");
    bench.take(response(&request("INVITE", "z9hG4bK2"), 200));
    assert_eq!(bench.out(), "!stray-200");
    bench.take_on(OTHER_FLOW, response(&invite, 180));
    assert_eq!(bench.out(), "!180");
    assert_eq!(bench.layer.counters().stray_responses, 2);
}

#[test]
fn every_forked_2xx_is_told() {
    let mut bench = Bench::new(Udp);
    let invite = request("INVITE", "z9hG4bK1");
    let client = bench.ask(&invite);
    bench.out();
    for tag in ["one", "two"] {
        let forked = ResponseBuilder::new(&invite, Status::OK)
            .to_tag(tag)
            .build()
            .unwrap();
        bench.take(forked.clone());
        let response = Box::new(forked);
        assert_eq!(
            bench.layer.poll_event(),
            Some(Event::Response { client, response })
        );
    }
}

// --- RFC 2543 ---------------------------------------------------------------------------------

const OLD_VIAS: [&str; 3] = [
    "SIP/2.0/UDP a.example",
    "SIP/2.0/UDP a.example;branch=1",
    "SIP/2.0/UDP a.example;branch=z9hG4bK",
];

#[test]
fn an_old_request_is_known_by_all_that_it_says() {
    for via in OLD_VIAS {
        let first = request_of("OPTIONS", via, &rest(1, "OPTIONS"));
        let mut bench = Bench::new(Udp);
        bench.asked(&first);
        bench.take(first.clone());
        assert_eq!(bench.out(), "", "{via}");
        for other in [
            request_of("OPTIONS", via, &rest(2, "OPTIONS")),
            request_of("MESSAGE", via, &rest(1, "MESSAGE")),
        ] {
            let method = other.method().clone();
            bench.take(other);
            assert_eq!(bench.out(), format!("!{method}"), "{via}");
        }
    }
}

#[test]
fn an_old_ack_belongs_to_the_refusal_that_has_its_tag() {
    for via in OLD_VIAS {
        let invite = request_of("INVITE", via, &rest(1, "INVITE"));
        let ack = |tag: &str| {
            let rest = rest(1, "ACK").replace("example.com>", &format!("example.com>;tag={tag}"));
            request_of("ACK", via, &rest)
        };
        let mut bench = Bench::new(Udp);
        let server = bench.asked(&invite);
        bench.answer(server, response(&invite, 486));
        bench.out();
        bench.take(ack("another"));
        assert_eq!(bench.out(), "!ACK", "{via}");
        bench.take(ack("bo"));
        assert_eq!(bench.out(), "", "{via}");
        // It stopped the repeats.
        assert_eq!(bench.gone_at(), 5_000);
    }
}

#[test]
fn an_old_ack_of_a_2xx_goes_to_the_core() {
    let via = OLD_VIAS[0];
    let invite = request_of("INVITE", via, &rest(1, "INVITE"));
    let mut bench = Bench::new(Udp);
    let server = bench.asked(&invite);
    bench.answer(server, response(&invite, 200));
    bench.out();
    let tagged = rest(1, "ACK").replace("example.com>", "example.com>;tag=bo");
    bench.take(request_of("ACK", via, &tagged));
    assert_eq!(bench.out(), "!ACK");
}

#[test]
fn an_old_cancel_finds_its_invite() {
    for via in OLD_VIAS {
        let mut bench = Bench::new(Udp);
        bench.asked(&request_of("INVITE", via, &rest(1, "INVITE")));
        bench.out();
        bench.take(request_of("CANCEL", via, &rest(1, "CANCEL")));
        assert_eq!(bench.out(), ">200c !cancelled", "{via}");
        bench.take(request_of("CANCEL", via, &rest(2, "CANCEL")));
        assert_eq!(bench.out(), ">481c", "{via}");
    }
}

// --- merged requests --------------------------------------------------------------------------

/// The first request, come by another way.
fn by_another_way(first: &Request, branch: &str) -> Request {
    let text = String::from_utf8(first.as_bytes().to_vec()).unwrap();
    let other = text.replace("branch=z9hG4bK1", &format!("branch={branch}"));
    parse(&other.replace("\r\n", "\n")).into_request().unwrap()
}

#[test]
fn rfc3261_8_2_2_2_a_request_that_came_by_two_ways_is_refused_by_the_second() {
    let first = request("INVITE", "z9hG4bK1");
    let mut bench = Bench::new(Udp);
    bench.asked(&first);
    bench.out();
    let second = by_another_way(&first, "z9hG4bK2");
    let mut tags = Vec::new();
    for _ in 0..2 {
        bench.take(second.clone());
        let (_, refusal) = bench.sent().pop().unwrap();
        assert_eq!(short('>', &refusal), ">482");
        let refusal = refusal.into_response().unwrap();
        tags.push(refusal.to_tag().unwrap().to_vec());
    }
    assert_eq!(tags[0], tags[1]);
    assert_eq!(bench.layer.counters().merged, 2);
    assert_eq!(bench.layer.len(), 1);
}

#[test]
fn nothing_is_merged_once_the_first_is_gone_or_within_a_dialog() {
    let first = request("INVITE", "z9hG4bK1");
    let mut bench = Bench::new(Udp);
    bench.asked(&first);
    bench.out();
    bench.layer.flow_closed(bench.now, FLOW);
    bench.take(by_another_way(&first, "z9hG4bK2"));
    assert_eq!(bench.out(), ">100 !INVITE");

    let within = request_with("MESSAGE", "z9hG4bK1", ";tag=bo", "");
    bench.asked(&within);
    bench.take(by_another_way(&within, "z9hG4bK2"));
    assert_eq!(bench.out(), "!MESSAGE");
}

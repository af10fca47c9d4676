//! The messages that the layer writes itself.

use super::*;
use crate::message::HeaderName;
use Transport::Udp;

const BRANCH: &str = "z9hG4bK1";

fn sent_text(bench: &mut Bench) -> String {
    let (_, bytes) = bench.layer.poll_transmit().unwrap();
    assert_eq!(bench.layer.poll_transmit(), None);
    String::from_utf8(bytes.to_vec()).unwrap()
}

const ROUTES: &str = "Route: <sip:p1.example.com;lr>\nRoute: <sip:p2.example.com;lr>\n\
                      Proxy-Require: sec-agree\nRequire: 100rel\n";

#[test]
fn rfc3261_17_1_1_3_the_ack_of_a_refusal_to_the_byte() {
    let mut bench = Bench::new(Udp);
    let invite = request_with("INVITE", BRANCH, "", ROUTES);
    bench.ask(&invite);
    bench.out();
    bench.take(response(&invite, 486));
    assert_eq!(
        sent_text(&mut bench),
        "ACK sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP client.example.com;branch=z9hG4bK1\r\n\
         Route: <sip:p1.example.com;lr>\r\n\
         Route: <sip:p2.example.com;lr>\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=al\r\n\
         To: <sip:bob@example.com>;tag=bo\r\n\
         Call-ID: z9hG4bK1@client\r\n\
         CSeq: 7 ACK\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn rfc3261_9_1_the_cancel_to_the_byte() {
    let mut bench = Bench::new(Udp);
    let invite = request_with("INVITE", BRANCH, "", ROUTES);
    let client = bench.ask(&invite);
    bench.out();
    bench.take(response(&invite, 180));
    bench.layer.cancel(bench.now, client);
    assert_eq!(
        sent_text(&mut bench),
        "CANCEL sip:bob@example.com SIP/2.0\r\n\
         Via: SIP/2.0/UDP client.example.com;branch=z9hG4bK1\r\n\
         Route: <sip:p1.example.com;lr>\r\n\
         Route: <sip:p2.example.com;lr>\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:alice@example.com>;tag=al\r\n\
         To: <sip:bob@example.com>\r\n\
         Call-ID: z9hG4bK1@client\r\n\
         CSeq: 7 CANCEL\r\n\
         Content-Length: 0\r\n\r\n"
    );
}

#[test]
fn rfc3261_8_2_6_1_a_100_has_the_timestamp_and_no_tag() {
    let mut bench = Bench::new(Udp);
    bench.asked(&request_with("INVITE", BRANCH, "", "Timestamp: 54\n"));
    let (_, trying) = bench.sent().pop().unwrap();
    assert_eq!(short('>', &trying), ">100");
    assert_eq!(
        trying.headers().value(HeaderName::Timestamp),
        Some(&b"54"[..])
    );
    assert_eq!(trying.into_response().unwrap().to_tag(), None);
}

#[test]
fn rfc3581_the_layers_own_responses_say_where_the_request_came_from() {
    let mut bench = Bench::new(Udp);
    let source = "192.0.2.77:5062".parse().unwrap();
    for (method, expected) in [("INVITE", ">100"), ("CANCEL", ">200c"), ("OPTIONS", "")] {
        let branch = "z9hG4bK1;rport";
        let mut request = request(method, branch);
        request.set_source(source);
        bench.take(request);
        let out: Vec<Message> = bench.sent().into_iter().map(|(_, sent)| sent).collect();
        let shorts: Vec<String> = out.iter().map(|sent| short('>', sent)).collect();
        assert_eq!(shorts.join(" "), expected);
        for response in out {
            let response = response.into_response().unwrap();
            assert_eq!(response.via().received(), Some(source.ip()));
            assert_eq!(response.via().rport(), Some(Some(5062)));
        }
    }
    let log = bench.wait(3_500);
    assert_eq!(log.len(), 1, "the 100 of the OPTIONS");
}

#[test]
fn a_request_that_is_no_invite_has_a_late_100_that_says_where_it_came_from() {
    let mut bench = Bench::new(Udp);
    let mut options = request("OPTIONS", "z9hG4bK1;rport");
    options.set_source("192.0.2.77:5062".parse().unwrap());
    bench.take(options);
    bench.now += Duration::from_millis(3_500);
    bench.layer.handle_timeout(bench.now);
    let (_, trying) = bench.sent().pop().unwrap();
    let trying = trying.into_response().unwrap();
    assert_eq!(trying.via().rport(), Some(Some(5062)));
}

#[test]
fn what_is_sent_outside_transactions_is_sent_as_it_is() {
    let mut bench = Bench::new(Udp);
    let bytes = Bytes::from_static(b"ACK sip:bob@example.com SIP/2.0\r\n\r\n");
    bench.layer.send(OTHER_FLOW, bytes.clone());
    assert_eq!(bench.layer.poll_transmit(), Some((OTHER_FLOW, bytes)));
    assert!(bench.layer.is_empty());
}

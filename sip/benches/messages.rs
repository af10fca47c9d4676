//! What it costs to read a message and to write one.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark stops at what it did not expect"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use sip::message::{
    HeaderName, Limits, Message, Method, Request, RequestBuilder, ResponseBuilder, Status,
};
use sip::uri::Uri;

/// 997 bytes.
const INVITE: &str = "INVITE sip:bob@biloxi.example.com SIP/2.0\r
Via: SIP/2.0/UDP proxy.atlanta.example.com:5060;branch=z9hG4bKnashds8.1\r
Via: SIP/2.0/UDP 192.0.2.101:5060;branch=z9hG4bK74bf9a1cd0e2;rport=5060\r
Record-Route: <sip:proxy.atlanta.example.com;lr>\r
Max-Forwards: 69\r
From: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r
To: \"Bob\" <sip:bob@biloxi.example.com>\r
Call-ID: 3848276298220188511@atlanta.example.com\r
CSeq: 20 INVITE\r
Contact: <sip:alice@192.0.2.101:5060;transport=udp>\r
Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, INFO\r
Supported: replaces, timer, 100rel\r
User-Agent: A telephone of an ordinary make, release 1.2\r
Content-Type: application/sdp\r
Content-Length: 307\r
\r
v=0\r
o=alice 2890844526 2890844526 IN IP4 192.0.2.101\r
s=-\r
c=IN IP4 192.0.2.101\r
t=0 0\r
m=audio 49172 RTP/AVP 96 9 8 0 101\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=rtpmap:9 G722/8000\r
a=rtpmap:8 PCMA/8000\r
a=rtpmap:0 PCMU/8000\r
a=rtpmap:101 telephone-event/8000\r
a=fmtp:101 0-16\r
a=sendrecv\r
";

fn request() -> Request {
    let message = Message::parse(INVITE.as_bytes(), &Limits::default()).unwrap();
    message.into_request().unwrap()
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    let limits = Limits::default();
    assert_eq!(INVITE.len(), 997);
    group.throughput(Throughput::Bytes(997));
    // One pass over all headers; Via, From, To, Call-ID and CSeq are read, all else is noted.
    group.bench_function("INVITE of 997 bytes, with its core headers", |bencher| {
        bencher.iter(|| Message::parse(black_box(INVITE.as_bytes()), &limits).unwrap());
    });
    let invite = request();
    let ok = ResponseBuilder::new(&invite, Status::OK)
        .to_tag("8d3fae")
        .build()
        .unwrap();
    let ok = ok.as_bytes().clone();
    group.throughput(Throughput::Bytes(ok.len() as u64));
    group.bench_function("200 to it", |bencher| {
        bencher.iter(|| Message::parse(black_box(&ok), &limits).unwrap());
    });
    group.finish();
    criterion.bench_function("read/all contacts and the Request-URI", |bencher| {
        bencher.iter(|| {
            let contacts = invite.headers().contacts().count();
            (invite.uri().unwrap(), black_box(contacts))
        });
    });
}

fn write(criterion: &mut Criterion) {
    let invite = request();
    let uri = Uri::parse("sip:bob@192.0.2.7:5060;transport=udp").unwrap();
    let mut group = criterion.benchmark_group("write");
    group.bench_function("180 with a tag", |bencher| {
        bencher.iter(|| {
            let ringing = ResponseBuilder::new(black_box(&invite), Status::RINGING);
            ringing.to_tag("8d3fae").build().unwrap()
        });
    });
    group.bench_function("INVITE of a leg with its description", |bencher| {
        bencher.iter(|| {
            RequestBuilder::new(Method::Invite, black_box(&uri))
                .via("UDP", "192.0.2.1:5060", "z9hG4bK1a2b3c4d")
                .max_forwards(69)
                .value(
                    HeaderName::From,
                    "\"Alice\" <sip:alice@example.com>;tag=ab12",
                )
                .value(HeaderName::To, "<sip:bob@example.com>")
                .call_id("f81d4fae7dec11d0a765")
                .cseq(1)
                .value(HeaderName::Contact, "<sip:192.0.2.1:5060>")
                .value(
                    HeaderName::Allow,
                    "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE",
                )
                .body("application/sdp", invite.body_bytes())
                .build()
                .unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, read, write);
criterion_main!(benches);

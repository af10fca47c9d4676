//! What it costs to keep transactions: an INVITE with its ringing, refusal and ACK, and a request
//! of ours with its answer, beside many that are still open.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark stops at what it did not expect, and starts its time now"
)]

use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use sip::flow::{FlowId, Transport};
use sip::message::{
    HeaderName, Message, Method, Request, RequestBuilder, Response, ResponseBuilder, Status,
};
use sip::transaction::{Event, Timings, TransactionLimits, Transactions};
use sip::uri::Uri;

const FLOW: FlowId = FlowId(1);
/// Other transactions that are open meanwhile.
const OPEN: u64 = 10_000;

fn request(method: Method, number: u64) -> Request {
    RequestBuilder::new(method, &Uri::parse("sip:bob@example.com").unwrap())
        .via("UDP", "192.0.2.4:5060", &format!("z9hG4bK{number}"))
        .max_forwards(70)
        .value(HeaderName::From, "<sip:alice@example.com>;tag=a")
        .value(HeaderName::To, "<sip:bob@example.com>")
        .call_id(format!("call-{number}"))
        .cseq(1)
        .build()
        .unwrap()
}

fn message(request: Request) -> Message {
    Message::Request(Box::new(request))
}

fn answer(request: &Request, status: Status) -> Response {
    ResponseBuilder::new(request, status)
        .to_tag("b")
        .build()
        .unwrap()
}

/// A layer with open transactions of both kinds.
fn busy(now: Instant) -> Transactions {
    let mut layer = Transactions::new(Timings::default(), TransactionLimits::default());
    for number in 0..OPEN {
        let invite = request(Method::Invite, number);
        layer.handle(now, FLOW, Transport::Udp, message(invite));
        let register = request(Method::Register, number);
        layer.request(now, FLOW, Transport::Udp, register).unwrap();
    }
    drain(&mut layer);
    layer
}

/// What came of it: the last event.
fn drain(layer: &mut Transactions) -> Option<Event> {
    while layer.poll_transmit().is_some() {}
    let mut last = None;
    while let Some(event) = layer.poll_event() {
        last = Some(event);
    }
    last
}

/// An INVITE with its provisional and final answers, and the ACK.
struct Call {
    invite: Request,
    ringing: Response,
    busy: Response,
    ack: Request,
}

fn call(number: u64) -> Call {
    let invite = request(Method::Invite, number);
    let busy = answer(&invite, Status::BUSY_HERE);
    let ack = RequestBuilder::new(Method::Ack, &invite.uri().unwrap())
        .copy_top_via(&invite)
        .copy(&invite, HeaderName::From)
        .copy_to(&busy)
        .copy(&invite, HeaderName::CallId)
        .cseq(1)
        .build()
        .unwrap();
    Call {
        ringing: answer(&invite, Status::RINGING),
        invite,
        busy,
        ack,
    }
}

fn churn(criterion: &mut Criterion) {
    // Time goes on by this much from one to the next: at this pace those that ended leave.
    const PACE: Duration = Duration::from_millis(1);
    let mut group = criterion.benchmark_group("transactions");
    let mut number = OPEN;

    let mut now = Instant::now();
    let mut layer = busy(now);
    group.bench_function("INVITE, 180, 486, ACK", |bencher| {
        let make = || {
            number += 1;
            call(number)
        };
        let take = |call: Call| {
            now += PACE;
            layer.handle_timeout(now);
            layer.handle(now, FLOW, Transport::Udp, message(call.invite));
            let Some(Event::Request { server, .. }) = drain(&mut layer) else {
                unreachable!("an INVITE is told")
            };
            layer.respond(now, server, call.ringing);
            layer.respond(now, server, call.busy);
            layer.handle(now, FLOW, Transport::Udp, message(call.ack));
            drain(&mut layer)
        };
        bencher.iter_batched(make, take, BatchSize::SmallInput);
    });

    let mut now = Instant::now();
    let mut layer = busy(now);
    group.bench_function("OPTIONS of ours, 200", |bencher| {
        let make = || {
            number += 1;
            let options = request(Method::Options, number);
            (answer(&options, Status::OK), options)
        };
        let take = |(ok, options): (Response, Request)| {
            now += PACE;
            layer.handle_timeout(now);
            layer.request(now, FLOW, Transport::Udp, options).unwrap();
            layer.handle(now, FLOW, Transport::Udp, Message::Response(Box::new(ok)));
            drain(&mut layer)
        };
        bencher.iter_batched(make, take, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, churn);
criterion_main!(benches);

#![allow(
    clippy::disallowed_methods,
    reason = "an instant to count from; time jumps"
)]

mod cancel;
mod limits;
mod machines;
mod matching;
mod messages;
mod simulation;
mod timers;

use std::time::{Duration, Instant};

use super::*;
use crate::message::{Limits, Method, ResponseBuilder, Status};

const FLOW: FlowId = FlowId(1);
const OTHER_FLOW: FlowId = FlowId(2);

/// A layer in virtual time, and what came of what was done to it.
struct Bench {
    layer: Transactions,
    transport: Transport,
    start: Instant,
    now: Instant,
}

impl Bench {
    fn new(transport: Transport) -> Self {
        Self::with(transport, TransactionLimits::default())
    }

    fn with(transport: Transport, limits: TransactionLimits) -> Self {
        let start = Instant::now();
        Self {
            layer: Transactions::new(Timings::default(), limits),
            transport,
            start,
            now: start,
        }
    }

    fn take(&mut self, message: impl Into<Message>) {
        self.take_on(FLOW, message);
    }

    fn take_on(&mut self, flow: FlowId, message: impl Into<Message>) {
        self.layer
            .handle(self.now, flow, self.transport, message.into());
    }

    fn ask(&mut self, request: &Request) -> ClientId {
        self.layer
            .request(self.now, FLOW, self.transport, request.clone())
            .unwrap()
    }

    fn answer(&mut self, server: ServerId, response: Response) {
        self.layer.respond(self.now, server, response);
    }

    /// A request comes, and is told.
    fn asked(&mut self, request: &Request) -> ServerId {
        self.take(request.clone());
        loop {
            match self.layer.poll_event() {
                Some(Event::Request { server, .. }) => return server,
                Some(_) => {}
                None => panic!("the request was not told"),
            }
        }
    }

    /// All that was sent: the messages.
    fn sent(&mut self) -> Vec<(FlowId, Message)> {
        let mut sent = Vec::new();
        while let Some((flow, bytes)) = self.layer.poll_transmit() {
            sent.push((flow, Message::parse(&bytes, &Limits::default()).unwrap()));
        }
        sent
    }

    /// All that came out, in short: `>` was sent, `!` was told.
    fn out(&mut self) -> String {
        let sent = self.sent();
        let mut out: Vec<String> = sent.iter().map(|(_, sent)| short('>', sent)).collect();
        while let Some(event) = self.layer.poll_event() {
            out.push(told(event));
        }
        out.join(" ")
    }

    /// Lets time go by, and says in ms since the start when something came out.
    fn wait(&mut self, ms: u64) -> Vec<(u128, String)> {
        let until = self.now + Duration::from_millis(ms);
        let mut log = Vec::new();
        while let Some(due) = self.layer.poll_timeout().filter(|due| *due <= until) {
            assert!(due > self.now, "time does not go on");
            self.now = due;
            self.layer.handle_timeout(due);
            let out = self.out();
            if !out.is_empty() {
                log.push(((due - self.start).as_millis(), out));
            }
        }
        self.now = until;
        log
    }

    /// When the last transaction is gone, in ms since the start. Nothing may come out until then.
    fn gone_at(&mut self) -> u128 {
        while !self.layer.is_empty() {
            let due = self.layer.poll_timeout().expect("it stays for ever");
            self.now = due;
            self.layer.handle_timeout(due);
            assert_eq!(self.out(), "");
        }
        assert_eq!(self.layer.poll_timeout(), None);
        (self.now - self.start).as_millis()
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(Box::new(request))
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(Box::new(response))
    }
}

fn short(mark: char, message: &Message) -> String {
    match message {
        Message::Request(request) => format!("{mark}{}", request.method()),
        Message::Response(response) if *response.method() == Method::Cancel => {
            format!("{mark}{}c", response.status())
        }
        Message::Response(response) => format!("{mark}{}", response.status()),
    }
}

fn told(event: Event) -> String {
    match event {
        Event::Request { request, .. } | Event::Ack { request, .. } => {
            short('!', &Message::Request(request))
        }
        Event::Response { response, .. } => short('!', &Message::Response(response)),
        Event::Stray { response, .. } => format!("!stray-{}", response.status()),
        Event::Cancelled { .. } => "!cancelled".to_owned(),
        Event::NotAcknowledged { .. } => "!not-acknowledged".to_owned(),
        Event::Failed { failure, .. } => format!("!{failure:?}"),
    }
}

fn parse(text: &str) -> Message {
    Message::parse(text.replace('\n', "\r\n").as_bytes(), &Limits::default()).unwrap()
}

/// A request without a tag in To.
fn request(method: &str, branch: &str) -> Request {
    request_with(method, branch, "", "")
}

fn request_with(method: &str, branch: &str, to_tag: &str, more: &str) -> Request {
    let call_id = branch.split(';').next().unwrap();
    let text = format!(
        "{method} sip:bob@example.com SIP/2.0\n\
         Via: SIP/2.0/UDP client.example.com;branch={branch}\n\
         Max-Forwards: 70\nFrom: <sip:alice@example.com>;tag=al\n\
         To: <sip:bob@example.com>{to_tag}\nCall-ID: {call_id}@client\nCSeq: 7 {method}\n\
         Contact: <sip:alice@192.0.2.1>\n{more}Content-Length: 0\n\n"
    );
    parse(&text).into_request().unwrap()
}

/// What follows an INVITE with its branch.
fn follow(invite: &Request, method: &str, to_tag: &str) -> Request {
    let branch = String::from_utf8_lossy(invite.branch().unwrap()).into_owned();
    let text = format!(
        "{method} sip:bob@example.com SIP/2.0\n\
         Via: SIP/2.0/UDP client.example.com;branch={branch}\n\
         Max-Forwards: 70\nFrom: <sip:alice@example.com>;tag=al\n\
         To: <sip:bob@example.com>{to_tag}\nCall-ID: {branch}@client\nCSeq: 7 {method}\n\
         Content-Length: 0\n\n"
    );
    parse(&text).into_request().unwrap()
}

fn response(request: &Request, code: u16) -> Response {
    ResponseBuilder::new(request, Status::new(code).unwrap())
        .to_tag("bo")
        .build()
        .unwrap()
}

//! The four machines: each state with each event. A line has what brings the machine into the
//! state, the event, and what comes out (`>` sent, `!` told).

use super::*;
use Transport::{Tcp, Udp};

type Line = (&'static str, &'static str, &'static str);

/// Steps of a client transaction: a number is a response that comes.
fn client(transport: Transport, method: &str, steps: &str) -> String {
    let mut bench = Bench::new(transport);
    let request = request(method, "z9hG4bK1");
    let id = bench.ask(&request);
    let mut out = bench.out();
    for step in steps.split_whitespace() {
        match step {
            "cancel" => bench.layer.cancel(bench.now, id),
            "closed" => bench.layer.flow_closed(bench.now, FLOW),
            "due" => drop(bench.layer.poll_timeout().map(|due| {
                bench.now = due;
                bench.layer.handle_timeout(due);
            })),
            "end" => {
                bench.now += Duration::from_secs(32);
                bench.layer.handle_timeout(bench.now);
            }
            "late" => {
                bench.now += Duration::from_secs(3_600);
                bench.layer.handle_timeout(bench.now);
            }
            code => bench.take(response(&request, code.parse().unwrap())),
        }
        out = bench.out();
    }
    out
}

/// Steps of a server transaction: a number is the answer of the core.
fn server(transport: Transport, method: &str, steps: &str) -> String {
    let mut bench = Bench::new(transport);
    let request = request(method, "z9hG4bK1");
    let id = bench.asked(&request);
    let mut out = bench.out();
    for step in steps.split_whitespace() {
        match step {
            "again" => bench.take(request.clone()),
            "ack" => bench.take(follow(&request, "ACK", ";tag=bo")),
            "cancel" => bench.take(follow(&request, "CANCEL", "")),
            "closed" => bench.layer.flow_closed(bench.now, FLOW),
            "due" => drop(bench.layer.poll_timeout().map(|due| {
                bench.now = due;
                bench.layer.handle_timeout(due);
            })),
            "end" => {
                bench.now += Duration::from_secs(32);
                bench.layer.handle_timeout(bench.now);
            }
            "late" => {
                bench.now += Duration::from_secs(3_600);
                bench.layer.handle_timeout(bench.now);
            }
            code => bench.answer(id, response(&request, code.parse().unwrap())),
        }
        out = bench.out();
    }
    out
}

fn check(machine: impl Fn(&str) -> String, lines: &[Line]) {
    for (state, event, expected) in lines {
        let out = machine(&format!("{state} {event}"));
        assert_eq!(out, *expected, "{event} after {state:?}");
        if *event == "end" {
            // Whoever wakes late does the same.
            assert_eq!(machine(&format!("{state} late")), *expected, "{state:?}");
        }
    }
}

#[test]
fn rfc6026_7_2_the_client_of_an_invite() {
    const CALLING: &str = "";
    const CALLING_OFF: &str = "cancel";
    const PROCEEDING: &str = "180";
    const CANCELLED: &str = "180 cancel";
    const COMPLETED: &str = "486";
    const ACCEPTED: &str = "200";
    const GONE: &str = "closed";
    check(
        |steps| client(Udp, "INVITE", steps),
        &[
            (CALLING, "100", "!100"),
            (CALLING, "200", "!200"),
            (CALLING, "302", ">ACK !302"),
            (CALLING, "cancel", ""),
            (CALLING, "due", ">INVITE"),
            (CALLING, "end", "!Timeout"),
            (CALLING, "closed", "!FlowClosed"),
            (CALLING_OFF, "100", ">CANCEL !100"),
            (CALLING_OFF, "200", "!200"),
            (CALLING_OFF, "487", ">ACK !487"),
            (CALLING_OFF, "cancel", ""),
            (CALLING_OFF, "due", ">INVITE"),
            (CALLING_OFF, "end", "!Timeout"),
            (CALLING_OFF, "closed", "!FlowClosed"),
            (PROCEEDING, "183", "!183"),
            (PROCEEDING, "200", "!200"),
            (PROCEEDING, "603", ">ACK !603"),
            (PROCEEDING, "cancel", ">CANCEL"),
            (PROCEEDING, "due", ""),
            (PROCEEDING, "end", ""),
            (PROCEEDING, "closed", "!FlowClosed"),
            (CANCELLED, "183", "!183"),
            (CANCELLED, "200", "!200"),
            (CANCELLED, "487", ">ACK !487"),
            (CANCELLED, "cancel", ""),
            (CANCELLED, "due", ">CANCEL"),
            (CANCELLED, "end", "!Timeout"),
            (CANCELLED, "closed", "!FlowClosed"),
            (COMPLETED, "180", ""),
            (COMPLETED, "200", "!stray-200"),
            (COMPLETED, "486", ">ACK"),
            (COMPLETED, "cancel", ""),
            (COMPLETED, "due", ""),
            (COMPLETED, "end", ""),
            (COMPLETED, "closed", ""),
            (ACCEPTED, "180", ""),
            (ACCEPTED, "200", "!200"),
            (ACCEPTED, "486", ""),
            (ACCEPTED, "cancel", ""),
            (ACCEPTED, "due", ""),
            (ACCEPTED, "end", ""),
            (ACCEPTED, "closed", ""),
            (GONE, "180", "!stray-180"),
            (GONE, "200", "!stray-200"),
            (GONE, "486", "!stray-486"),
            (GONE, "cancel", ""),
            (GONE, "due", ""),
            (GONE, "end", ""),
            (GONE, "closed", ""),
        ],
    );
    check(
        |steps| client(Tcp, "INVITE", steps),
        &[
            (CALLING, "due", "!Timeout"),
            (CALLING_OFF, "due", "!Timeout"),
            (CALLING, "486", ">ACK !486"),
            (COMPLETED, "486", "!stray-486"),
            (ACCEPTED, "200", "!200"),
            ("200 end", "200", "!stray-200"),
        ],
    );
}

#[test]
fn rfc3261_17_1_2_the_client_of_another_request() {
    const TRYING: &str = "";
    const PROCEEDING: &str = "100";
    const COMPLETED: &str = "200";
    const GONE: &str = "closed";
    check(
        |steps| client(Udp, "OPTIONS", steps),
        &[
            (TRYING, "100", "!100"),
            (TRYING, "200", "!200"),
            (TRYING, "404", "!404"),
            (TRYING, "cancel", ""),
            (TRYING, "due", ">OPTIONS"),
            (TRYING, "end", "!Timeout"),
            (TRYING, "closed", "!FlowClosed"),
            (PROCEEDING, "100", "!100"),
            (PROCEEDING, "200", "!200"),
            (PROCEEDING, "404", "!404"),
            (PROCEEDING, "cancel", ""),
            (PROCEEDING, "due", ">OPTIONS"),
            (PROCEEDING, "end", "!Timeout"),
            (PROCEEDING, "closed", "!FlowClosed"),
            (COMPLETED, "100", ""),
            (COMPLETED, "200", ""),
            (COMPLETED, "404", ""),
            (COMPLETED, "cancel", ""),
            (COMPLETED, "due", ""),
            (COMPLETED, "end", ""),
            (COMPLETED, "closed", ""),
            (GONE, "100", "!stray-100"),
            (GONE, "200", "!stray-200"),
            (GONE, "404", "!stray-404"),
            (GONE, "cancel", ""),
            (GONE, "due", ""),
            (GONE, "end", ""),
            (GONE, "closed", ""),
        ],
    );
    check(
        |steps| client(Tcp, "OPTIONS", steps),
        &[
            (TRYING, "due", "!Timeout"),
            (PROCEEDING, "due", "!Timeout"),
            (TRYING, "200", "!200"),
            (COMPLETED, "200", "!stray-200"),
        ],
    );
}

#[test]
fn rfc6026_7_1_the_server_of_an_invite() {
    const PROCEEDING: &str = "";
    const RINGING: &str = "180";
    const CANCELLED: &str = "180 cancel";
    const COMPLETED: &str = "180 486";
    const CONFIRMED: &str = "486 ack";
    const ACCEPTED: &str = "200";
    const GONE: &str = "closed";
    check(
        |steps| server(Udp, "INVITE", steps),
        &[
            (PROCEEDING, "again", ">100"),
            (PROCEEDING, "ack", ""),
            (PROCEEDING, "cancel", ">200c !cancelled"),
            (PROCEEDING, "180", ">180"),
            (PROCEEDING, "200", ">200"),
            (PROCEEDING, "486", ">486"),
            (PROCEEDING, "due", ""),
            (PROCEEDING, "end", ""),
            (PROCEEDING, "closed", ""),
            (RINGING, "again", ">180"),
            (RINGING, "ack", ""),
            (RINGING, "cancel", ">200c !cancelled"),
            (RINGING, "183", ">183"),
            (RINGING, "200", ">200"),
            (RINGING, "486", ">486"),
            (RINGING, "due", ""),
            (RINGING, "end", ""),
            (RINGING, "closed", ""),
            (CANCELLED, "again", ">180"),
            (CANCELLED, "ack", ""),
            (CANCELLED, "cancel", ">200c"),
            (CANCELLED, "183", ">183"),
            (CANCELLED, "200", ">200"),
            (CANCELLED, "487", ">487"),
            (CANCELLED, "due", ""),
            (CANCELLED, "end", ""),
            (CANCELLED, "closed", ""),
            (COMPLETED, "again", ">486"),
            (COMPLETED, "ack", ""),
            (COMPLETED, "cancel", ">200c"),
            (COMPLETED, "180", ""),
            (COMPLETED, "200", ""),
            (COMPLETED, "487", ""),
            (COMPLETED, "due", ">486"),
            (COMPLETED, "end", "!not-acknowledged"),
            (COMPLETED, "closed", ""),
            (CONFIRMED, "again", ""),
            (CONFIRMED, "ack", ""),
            (CONFIRMED, "cancel", ">200c"),
            (CONFIRMED, "180", ""),
            (CONFIRMED, "200", ""),
            (CONFIRMED, "487", ""),
            (CONFIRMED, "due", ""),
            (CONFIRMED, "end", ""),
            (CONFIRMED, "closed", ""),
            (ACCEPTED, "again", ""),
            (ACCEPTED, "ack", "!ACK"),
            (ACCEPTED, "cancel", ">200c"),
            (ACCEPTED, "180", ""),
            (ACCEPTED, "200", ">200"),
            (ACCEPTED, "487", ""),
            (ACCEPTED, "due", ""),
            (ACCEPTED, "end", ""),
            (ACCEPTED, "closed", ""),
            (GONE, "again", ">100 !INVITE"),
            (GONE, "ack", "!ACK"),
            (GONE, "cancel", ">481c"),
            (GONE, "180", ""),
            (GONE, "200", ""),
            (GONE, "487", ""),
            (GONE, "due", ""),
            (GONE, "end", ""),
            (GONE, "closed", ""),
        ],
    );
    check(
        |steps| server(Tcp, "INVITE", steps),
        &[
            (COMPLETED, "due", "!not-acknowledged"),
            (COMPLETED, "ack", ""),
            (CONFIRMED, "ack", "!ACK"),
            (ACCEPTED, "again", ""),
        ],
    );
}

#[test]
fn rfc3261_17_2_2_the_server_of_another_request() {
    const TRYING: &str = "";
    const PROCEEDING: &str = "due";
    const COMPLETED: &str = "200";
    const GONE: &str = "closed";
    check(
        |steps| server(Udp, "OPTIONS", steps),
        &[
            (TRYING, "again", ""),
            (TRYING, "cancel", ">200c"),
            (TRYING, "100", ""),
            (TRYING, "183", ""),
            (TRYING, "200", ">200"),
            (TRYING, "404", ">404"),
            (TRYING, "408", ""),
            (TRYING, "due", ">100"),
            (TRYING, "end", ""),
            (TRYING, "closed", ""),
            (PROCEEDING, "again", ">100"),
            (PROCEEDING, "cancel", ">200c"),
            (PROCEEDING, "100", ""),
            (PROCEEDING, "183", ""),
            (PROCEEDING, "200", ">200"),
            (PROCEEDING, "404", ">404"),
            (PROCEEDING, "408", ""),
            (PROCEEDING, "due", ""),
            (PROCEEDING, "end", ""),
            (PROCEEDING, "closed", ""),
            (COMPLETED, "again", ">200"),
            (COMPLETED, "cancel", ">200c"),
            (COMPLETED, "100", ""),
            (COMPLETED, "183", ""),
            (COMPLETED, "200", ""),
            (COMPLETED, "404", ""),
            (COMPLETED, "408", ""),
            (COMPLETED, "due", ""),
            (COMPLETED, "end", ""),
            (COMPLETED, "closed", ""),
            (GONE, "again", "!OPTIONS"),
            (GONE, "cancel", ">481c"),
            (GONE, "100", ""),
            (GONE, "183", ""),
            (GONE, "200", ""),
            (GONE, "404", ""),
            (GONE, "408", ""),
            (GONE, "due", ""),
            (GONE, "end", ""),
            (GONE, "closed", ""),
            // An answer comes too late for the client.
            ("end", "200", ""),
            ("due end", "200", ""),
            // And a 408 ends it.
            ("408", "200", ""),
        ],
    );
    check(
        |steps| server(Tcp, "OPTIONS", steps),
        &[
            (TRYING, "due", ">100"),
            (TRYING, "200", ">200"),
            (COMPLETED, "again", "!OPTIONS"),
            (COMPLETED, "404", ""),
        ],
    );
}

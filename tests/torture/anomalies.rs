//! INVITEs with one thing wrong each, in the manner of the PROTOS test suite c07-sip (S03): every
//! value that a request has, with every anomaly in its place. What is right is known for few of
//! them; the server lives on, answers the next request, and keeps nothing of them.

use std::time::{Duration, Instant};

use super::{PATIENCE, Response, Server, Udp, Wire, probe};

/// What stands in the place of a value.
fn anomalies() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    for byte in [
        b'a', b'0', b' ', b'\t', b'%', b'/', b':', b';', b'@', b'<', b'"', b'\\',
    ] {
        for count in [1, 2, 32, 127, 128, 255, 256, 1_023, 1_024, 4_096, 16_384] {
            all.push(vec![byte; count]);
        }
    }
    for text in [
        "",
        "%s%s%s%s%n%n%n%n",
        "%x%x%x%x",
        "%00",
        "%",
        "%zz",
        "-1",
        "0",
        "4294967295",
        "4294967296",
        "-2147483649",
        "18446744073709551616",
        "1e9",
        "0x7fffffff",
        "\"",
        "<",
        ">",
        "<>",
        "<sip:",
        "::::",
        "[::",
        "[::1",
        "[]",
        "sip:",
        "sip:@",
        "sip:a@",
        "a@b@c",
        "\r\n",
        "\r\n\r\n",
        "\n",
        "\0",
        "a\0b",
        ";;;;",
        ";tag",
        ";tag=",
        ";tag=;tag=",
        ",,,,",
        "*",
        "SIP/2.0",
        "SIP/9.9",
        "SIP/2.0/UDP",
        "z9hG4bK",
        "../../../etc/passwd",
        "' OR 1=1 --",
        "${jndi:ldap://x}",
        "<script>",
        "a\r\nEvil: 1",
    ] {
        all.push(text.as_bytes().to_vec());
    }
    for bytes in [
        &b"\xC0\xAF"[..],
        b"\xC0\x80",
        b"\xE0\x80\xAF",
        b"\xF0\x80\x80\xAF",
        b"\xFE\xFF",
        b"\xFF\xFE",
        b"\xED\xA0\x80",
        b"\xF8\x88\x80\x80\x80",
        b"\x80",
        b"\xC3",
        b"\xEF\xBB\xBF",
        b"\x7F",
        b"\x1B[2J",
    ] {
        all.push(bytes.to_vec());
        all.push(bytes.repeat(500));
    }
    all
}

/// An INVITE in pieces: what stands between braces is replaced, one at a time.
const INVITE: &str = "{INVITE} {sip:probe@localhost} {SIP/2.0}\r\n\
    Via: {SIP/2.0/UDP} {probe.invalid};branch={z9hG4bK#};rport\r\n\
    Max-Forwards: {70}\r\n\
    From: {\"Probe\" <sip:probe@localhost>};tag={1}\r\n\
    To: {<sip:localhost>}\r\n\
    Call-ID: {anomaly-#}\r\n\
    CSeq: {1} {INVITE}\r\n\
    Contact: {<sip:probe@192.0.2.9>};{expires=1}\r\n\
    Expires: {60}\r\n\
    Supported: {timer}\r\n\
    Authorization: {Digest} username={\"a\"}\r\n\
    {X-Other}: {value}\r\n\
    Content-Type: {application/sdp}\r\n\
    Content-Length: {0}\r\n\r\n";

/// The request of that number with `anomaly` in the `place`th brace; `None` beyond the last.
fn with(anomaly: &[u8], place: usize, number: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut found = false;
    for (index, piece) in INVITE.split('{').enumerate() {
        let Some((value, rest)) = piece.split_once('}') else {
            out.extend_from_slice(piece.as_bytes());
            continue;
        };
        if index == place + 1 {
            found = true;
            out.extend_from_slice(anomaly);
        } else {
            out.extend_from_slice(value.replace('#', &number.to_string()).as_bytes());
        }
        out.extend_from_slice(rest.as_bytes());
    }
    found.then_some(out)
}

/// Each header left out, doubled, and with its name in another form.
fn of_headers() -> Vec<Vec<u8>> {
    let plain: String = INVITE.replace(['{', '}'], "");
    let lines: Vec<&str> = plain.trim_end().split("\r\n").collect();
    let join = |lines: Vec<String>| (lines.join("\r\n") + "\r\n\r\n").into_bytes();
    let mut all = Vec::new();
    for at in 1..lines.len() {
        let change = |how: &dyn Fn(&str) -> Vec<String>| {
            let lines = lines
                .iter()
                .enumerate()
                .flat_map(|(index, line)| match index == at {
                    true => how(line),
                    false => vec![(*line).to_owned()],
                });
            join(lines.collect())
        };
        all.push(change(&|_| Vec::new()));
        all.push(change(&|line| vec![line.to_owned(); 2]));
        all.push(change(&|line| vec![line.to_owned(); 40]));
        all.push(change(&|line| vec![line.replacen(": ", " \t : ", 1)]));
        all.push(change(&|line| vec![line.replacen(": ", ":\r\n ", 1)]));
        all.push(change(&|line| vec![line.replacen(": ", "", 1)]));
        all.push(change(&|line| vec![line.to_uppercase()]));
    }
    all
}

#[test]
fn s03_requests_with_one_thing_wrong_each_do_no_harm_and_leave_nothing() {
    let mut server = Server::start_with(|text| {
        text.replacen("sip = {", "sip = { messages_per_second = 10000,", 1)
    });
    let mut wire = Udp::open(&mut server);
    let mut cases = of_headers();
    for anomaly in anomalies() {
        for place in 0.. {
            match with(&anomaly, place, cases.len()) {
                Some(case) => cases.push(case),
                None => break,
            }
        }
    }
    assert!(cases.len() > 4_500, "{} cases", cases.len());
    let mut after_warm_up = 0;
    let mut slowest = Duration::ZERO;
    for (number, case) in cases.iter().enumerate() {
        // What is longer than a datagram may be cannot be sent.
        if case.len() < 60_000 {
            wire.send(case);
        }
        let asked = Instant::now();
        // A new request after each eighth, which is kept for 32 s as any (RFC 3261 17.2.2); the same
        // again after the others.
        let call_id = format!("after-{}", number / 8);
        wire.send(probe("UDP", &call_id).as_bytes());
        let of_this = format!("\r\nCall-ID: probe-{call_id}\r\n");
        loop {
            let response: Response = wire.receive().expect("an answer");
            if response.text.contains(&of_this) {
                assert_eq!(response.status, 200);
                break;
            }
            assert!(asked.elapsed() < PATIENCE, "no answer after case {number}");
        }
        slowest = slowest.max(asked.elapsed());
        if number == 500 {
            after_warm_up = server.resident_kib();
        }
    }
    let grown_kib = server.resident_kib().saturating_sub(after_warm_up);
    eprintln!(
        "{} cases, {grown_kib} KiB more, slowest answer {slowest:?}",
        cases.len()
    );
    assert!(grown_kib < 5 * 1024, "{grown_kib} KiB more");
    assert_eq!(server.stop(), Some(0));
}

//! What strangers, and people with accounts, try at somebody else's cost. Names carry the number of
//! the attack in the project's list of them.

use std::time::Duration;

use sip::flow::Transport;
use sip::message::{HeaderName, Limits, Message, Method, Response, ResponseBuilder, Status};

use super::super::{Bench, OFFER_AUDIO, bench, config, is_extension};
use super::{Phone, credentials, is, sdp_answer};
use crate::call::config::SwitchConfig;

const AFAR: &str = "198.51.100.9:5060";

/// The same request, with other text in it.
fn with(text: &str, from: &str, to: &str) -> String {
    let changed = text.replacen(from, to, 1);
    assert_ne!(changed, text, "{from} is not in it");
    changed
}

/// Finals to a telephone since the last look, by code.
fn finals(bench: &mut Bench, phone: &Phone) -> Vec<u16> {
    let messages = bench.take_sip(phone).into_iter();
    let responses = messages.filter_map(Message::into_response);
    let finals = responses.filter(|it| it.status().is_final());
    finals.map(|it| it.status().code()).collect()
}

/// An account's telephone far away, registered; and the credentials it used.
fn registered(bench: &mut Bench, user: &str, at: &str) -> (Phone, String) {
    let phone = bench.silent_phone(user, Transport::Udp, at);
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let used = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(&phone, &phone.register(2, &used));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    (phone, used)
}

/// An acknowledged call of a guest's telephone to another's; the 200 of the caller.
fn two_phones_talk(bench: &mut Bench) -> (Phone, Phone, Response) {
    bench.open_ports(8);
    let (caller, callee) = (bench.udp_phone("1001"), bench.phone("1002"));
    bench.dial(&caller, "1002");
    let invite = bench.request(&callee);
    let answer = sdp_answer(&invite);
    bench.respond(&callee, &invite, Status::OK, Some(&answer));
    let ok = bench.final_response(&caller);
    assert_eq!(ok.status(), Status::OK);
    bench.send(&caller, &caller.in_dialog("ACK", &ok, 1));
    bench.take_sip(&callee);
    (caller, callee, ok)
}

/// Nothing of ours leaves for anywhere that did not write first.
fn assert_nothing_leaves(bench: &Bench) {
    assert!(bench.connects.is_empty(), "{:?}", bench.connects);
    assert!(bench.reaches.is_empty(), "{:?}", bench.reaches);
}

#[test]
fn s06_what_a_telephone_writes_beside_what_is_understood_never_reaches_another() {
    for rows in [
        "X-Internal : smuggled\r\n",
        "X-Internal\t:\tsmuggled\r\n",
        "x-InTeRnAl: smuggled\r\n",
        "X-Internal: a\r\n smuggled\r\n",
        "P-Asserted-Identity : <sip:smuggled@example.org>\r\n",
        "p-preferred-identity: <sip:smuggled@example.org>\r\n",
        "Remote-Party-ID: <sip:smuggled@example.org>\r\n",
        "Via : SIP/2.0/UDP smuggled.example;branch=z9hG4bKsmuggled\r\n",
        "Record-Route: <sip:smuggled.example;lr>\r\n",
        "Alert-Info: <http://smuggled.example>\r\n",
    ] {
        let mut bench = bench();
        let (caller, callee) = (bench.phone("1001"), bench.phone("1002"));
        bench.dial_with(&caller, "1002", rows, OFFER_AUDIO);
        let invite = bench.request(&callee);
        let text = String::from_utf8_lossy(invite.as_bytes()).into_owned();
        assert!(!text.contains("smuggled"), "{rows}: {text}");
    }
    // A NUL is no part of any header.
    let mut bench = bench();
    let (caller, callee) = (bench.phone("1001"), bench.phone("1002"));
    let uri = "sip:1002@example.org";
    let invite = caller.request(
        "INVITE",
        uri,
        "1002",
        "X-Internal\0: smuggled\r\n",
        OFFER_AUDIO,
    );
    if Message::parse(invite.as_bytes(), &Limits::default()).is_ok() {
        bench.send(&caller, &invite);
        let invite = bench.request(&callee);
        assert!(!String::from_utf8_lossy(invite.as_bytes()).contains("smuggled"));
    }
}

#[test]
fn s10_a_flood_of_registrations_leaves_nothing_behind() {
    let mut bench = bench();
    // All are answered (S23 is what is done about that).
    bench.switch.config.scanners.requests = 0;
    let stranger = bench.silent_phone("x", Transport::Udp, AFAR);
    for number in 0..3_000 {
        let phone = Phone {
            user: format!("user{number}"),
            host: format!("host{number}.invalid"),
            ..stranger.clone()
        };
        bench.send(&phone, &phone.register(1, ""));
        assert_eq!(finals(&mut bench, &phone), [401]);
    }
    assert_eq!(
        bench.switch.sip.nonces_in_use(),
        0,
        "a challenge is remembered"
    );
    assert_eq!(bench.switch.status().registrations, 0);
    bench.pass(Duration::from_secs(64));
    assert_eq!(bench.switch.sip.transactions(), 0);
    assert!(bench.switch.is_idle());
}

/// A wrong password of a user; what is said to it and how many messages that takes.
fn tried(bench: &mut Bench, user: &str, at: &str) -> (u16, Vec<String>) {
    let phone = bench.silent_phone(user, Transport::Udp, at);
    bench.send(&phone, &phone.register(1, ""));
    let challenge = match bench.response(&phone) {
        refused if refused.status() == Status::FORBIDDEN => return (403, names(&refused)),
        challenge => challenge,
    };
    let right = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    let start = right.find("response=\"").unwrap() + "response=\"".len();
    let wrong = format!(
        "{}{}{}",
        &right[..start],
        "0".repeat(32),
        &right[start + 32..]
    );
    bench.send(&phone, &phone.register(2, &wrong));
    let answer = bench.response(&phone);
    (answer.status().code(), names(&answer))
}

fn names(response: &Response) -> Vec<String> {
    let rows = response.headers().rows();
    rows.map(|row| String::from_utf8_lossy(row.written).into_owned())
        .collect()
}

/// That both cost the same is shown where the password is checked (`sip::digest`).
#[test]
fn s11_who_guesses_learns_nothing_about_who_has_an_account() {
    let mut bench = bench();
    for attempt in 0..20 {
        let known = tried(&mut bench, "alice", "198.51.100.1:5060");
        let unknown = tried(&mut bench, "nobody", "198.51.100.65:5060");
        assert_eq!(known, unknown, "attempt {attempt}");
    }
    assert_eq!(
        tried(&mut bench, "alice", "198.51.100.1:5060").0,
        403,
        "for a while"
    );
}

#[test]
fn s12_guesses_at_one_account_from_many_addresses_are_stopped_and_its_telephone_goes_on() {
    let mut bench = bench();
    bench.switch.config.limits.sign_in_failures = 4;
    let (phone, _) = registered(&mut bench, "alice", AFAR);
    let outcomes: Vec<u16> = (1..=50)
        .map(|host| tried(&mut bench, "alice", &format!("192.0.2.{host}:5060")).0)
        .collect();
    let guesses = outcomes.iter().take_while(|code| **code == 401).count();
    assert_eq!(guesses, 20, "five addresses' worth");
    assert!(
        outcomes[guesses..].iter().all(|code| *code == 403),
        "{outcomes:?}"
    );
    // The telephone that was there before is not shut out ...
    bench.send(&phone, &phone.register(3, ""));
    let challenge = bench.response(&phone);
    assert_eq!(challenge.status(), Status::UNAUTHORIZED);
    let right = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(&phone, &phone.register(4, &right));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    // ... nor is anybody else.
    assert_eq!(tried(&mut bench, "bob", "192.0.2.51:5060").0, 401);
    bench.pass(bench.switch.config.timing.sign_in_window);
    assert_eq!(tried(&mut bench, "alice", "192.0.2.60:5060").0, 401);
}

#[test]
fn s13_credentials_are_good_for_one_request_from_one_address_for_a_time() {
    let mut bench = bench();
    let (phone, used) = registered(&mut bench, "alice", AFAR);
    let stale = |response: &Response| {
        let challenge = response.headers().text(HeaderName::WwwAuthenticate);
        challenge.is_some_and(|it| it.contains("stale=true"))
    };
    // The same once more.
    bench.send(&phone, &phone.register(3, &used));
    let response = bench.response(&phone);
    assert_eq!(response.status(), Status::UNAUTHORIZED);
    assert!(stale(&response));
    // For a call.
    let invite = phone.request("INVITE", "sip:bob@example.org", "bob", &used, OFFER_AUDIO);
    bench.send(&phone, &invite);
    assert!(matches!(finals(&mut bench, &phone)[..], [400 | 401 | 403]));
    // From elsewhere.
    let thief = bench.silent_phone("alice", Transport::Udp, "203.0.113.5:5060");
    bench.send(&thief, &thief.register(5, &used));
    assert_eq!(bench.response(&thief).status(), Status::UNAUTHORIZED);
    // Fresh, but too late.
    bench.send(&phone, &phone.register(6, ""));
    let challenge = bench.response(&phone);
    let right = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.advance(Duration::from_secs(301));
    bench.send(&phone, &phone.register(7, &right));
    let response = bench.response(&phone);
    assert_eq!(response.status(), Status::UNAUTHORIZED);
    assert!(stale(&response));
}

/// Without `qop` nothing binds the credentials to a count, and RFC 7616 3.4 demands it.
#[test]
fn s14_credentials_without_the_protection_that_was_asked_for_are_refused() {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, AFAR);
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let text = std::str::from_utf8(challenge.as_bytes()).unwrap();
    let start = text.find("qop=").unwrap();
    let end = start + text[start..].find(['\r', ',']).unwrap();
    let stripped = text.replace(&text[start..end], "x=y");
    let stripped = Message::parse(stripped.as_bytes(), &Limits::default()).unwrap();
    let stripped = stripped.into_response().unwrap();
    let without = super::credentials_by(&phone, &stripped, "REGISTER", "sip:example.org", true);
    assert!(!without.contains("qop="), "{without}");
    bench.send(&phone, &phone.register(2, &without));
    assert_eq!(bench.response(&phone).status(), Status::UNAUTHORIZED);
    assert_eq!(bench.switch.status().registrations, 0);
}

#[test]
fn s15_nobody_registers_or_unregisters_for_another() {
    let mut bench = bench();
    let (_bob, _) = registered(&mut bench, "bob", AFAR);
    let mallory = bench.silent_phone("alice", Transport::Udp, "203.0.113.5:5060");
    bench.send(&mallory, &mallory.register(1, ""));
    let challenge = bench.response(&mallory);
    let own = credentials(&mallory, &challenge, "REGISTER", "sip:example.org");
    let contact = format!("Contact: {}", mallory.contact());
    for (cseq, contact_row, expires) in [
        (2, &*contact, "Expires: 600"),
        (3, "Contact: *", "Expires: 0"),
    ] {
        let request = mallory.register(cseq, &own);
        let request = with(&request, "To: <sip:alice@", "To: <sip:bob@");
        let request = request.replace(&contact, contact_row);
        let request = request.replace("Expires: 600", expires);
        bench.send(&mallory, &request);
        assert!(matches!(finals(&mut bench, &mallory)[..], [401 | 403]));
    }
    assert_eq!(bench.switch.status().registrations, 1, "bob's stays");
    // As a guest from this machine, too.
    let guest = bench.phone("1001");
    let request = with(&guest.register(9, ""), "To: <sip:1001@", "To: <sip:bob@");
    bench.send(&guest, &request);
    assert!(matches!(finals(&mut bench, &guest)[..], [401 | 403]));
    assert_eq!(bench.switch.status().registrations, 2);
}

#[test]
fn s16_a_caller_is_who_he_proved_to_be_whatever_he_writes() {
    let mut bench = bench();
    bench.open_ports(8);
    let (callee, caller) = (bench.udp_phone("1002"), bench.account_phone("alice"));
    let uri = "sip:1002@example.org";
    let rows = "P-Asserted-Identity: <sip:bob@example.org>\r\n\
                P-Preferred-Identity: \"Bob\" <sip:bob@example.org>\r\n\
                Remote-Party-ID: <sip:bob@example.org>\r\n";
    let invite = |cseq, rows: &str| {
        let to = format!("<{uri}>");
        caller.numbered("INVITE", uri, (&to, cseq), rows, OFFER_AUDIO)
    };
    bench.send(&caller, &invite(1, rows));
    let challenge = bench.final_response(&caller);
    let own = credentials(&caller, &challenge, "INVITE", uri);
    // With bob in From, alice's password is no good.
    let as_bob =
        invite(2, &own).replace("<sip:alice@example.org>;tag", "<sip:bob@example.org>;tag");
    bench.send(&caller, &as_bob);
    assert_eq!(finals(&mut bench, &caller), [403]);
    assert!(bench.take_sip(&callee).is_empty());
    bench.send(&caller, &invite(3, rows));
    let challenge = bench.final_response(&caller);
    let own = credentials(&caller, &challenge, "INVITE", uri);
    bench.send(&caller, &invite(4, &format!("{rows}{own}")));
    let heard = bench.request(&callee);
    let text = String::from_utf8_lossy(heard.as_bytes()).into_owned();
    assert_eq!(
        heard.from().uri().unwrap().as_str(),
        "sip:alice@example.org"
    );
    assert!(!text.to_lowercase().contains("bob"), "{text}");
}

#[test]
fn s17_requests_within_a_call_are_taken_from_its_own_peer_alone() {
    let mut bench = bench();
    let (caller, callee, ok) = two_phones_talk(&mut bench);
    let refer = "Refer-To: <sip:1003@example.org>\r\n";
    for address in [AFAR, "127.0.0.3:50001"] {
        let thief = caller.clone().on(bench.open_sip(Transport::Udp, address));
        for (cseq, method, headers, body) in [
            (11, "BYE", "", ""),
            (12, "INVITE", "", OFFER_AUDIO),
            (13, "UPDATE", "", OFFER_AUDIO),
            (14, "REFER", refer, ""),
            (15, "INFO", "", ""),
        ] {
            // Even with tags that were not guessed but seen.
            let request = thief.in_dialog_with(method, &ok, cseq, headers, body);
            let request = request.replace("z9hG4bK-", &format!("z9hG4bK-{address}-"));
            bench.send(&thief, &request);
            assert_eq!(finals(&mut bench, &thief), [481], "{method} from {address}");
        }
    }
    assert!(bench.take_sip(&callee).is_empty());
    assert_eq!(bench.switch.status().calls, 1);
    bench.send(&caller, &caller.in_dialog("BYE", &ok, 2));
    assert_eq!(
        bench.response(&caller).status(),
        Status::OK,
        "its number is untouched"
    );
}

#[test]
fn s18_whoever_writes_proves_who_he_is() {
    let mut bench = bench();
    let page = bench.account("bob");
    for (user, code) in [("alice", 401), ("1001", 401)] {
        let stranger = bench.silent_phone(user, Transport::Udp, AFAR);
        bench.send(&stranger, &stranger.text("bob", "Call me at 0900!"));
        assert_eq!(finals(&mut bench, &stranger), [code], "{user}");
    }
    let frames = bench.take(page);
    assert!(frames.iter().all(is_extension), "{frames:?}");
}

#[test]
fn s19_a_transfer_leads_nowhere_that_a_call_would_not_and_takes_nobodys_call() {
    let mut bench = bench();
    let (caller, callee, ok) = two_phones_talk(&mut bench);
    for (cseq, target) in [
        (2, "sip:+19005550100@example.org"),
        (3, "sip:+19005550100@gateway.example"),
        (4, "sip:premium@198.51.100.77"),
        (5, "tel:+19005550100"),
        (6, "http://198.51.100.77/"),
    ] {
        let refer = format!("Refer-To: <{target}>\r\n");
        bench.send(
            &caller,
            &caller.in_dialog_with("REFER", &ok, cseq, &refer, ""),
        );
        for message in bench.take_sip(&caller) {
            if let Message::Request(notify) = message {
                bench.respond(&caller, &notify, Status::OK, None);
            }
        }
        assert_nothing_leaves(&bench);
        assert!(bench.take_sip(&callee).is_empty(), "{target}");
        assert_eq!(bench.switch.status().calls, 1);
    }
    // Outside of any call nobody is referred.
    let refer = "Refer-To: <sip:1002@example.org>\r\n";
    let outside = caller.request("REFER", "sip:1002@example.org", "1002", refer, "");
    bench.send(&caller, &outside);
    assert_eq!(finals(&mut bench, &caller), [481]);
    // Somebody else's call is not taken over, even by its right name.
    let tag = String::from_utf8(ok.to_tag().unwrap().to_vec()).unwrap();
    let call_id = String::from_utf8(ok.call_id().to_vec()).unwrap();
    let replaces = format!("Replaces: {call_id};to-tag={tag};from-tag=of-1001\r\n");
    let thief = bench.phone("1666");
    bench.dial_with(&thief, "1002", &replaces, OFFER_AUDIO);
    assert_eq!(finals(&mut bench, &thief), [403]);
    let guessed = replaces.replace(&tag, "guessed");
    let uri = "sip:1002@example.org";
    let invite = thief.request("INVITE", uri, "1002", &guessed, OFFER_AUDIO);
    let invite = with(&invite, "Call-ID: INVITE", "Call-ID: SECOND");
    bench.send(&thief, &with(&invite, "z9hG4bK-", "z9hG4bK-again-"));
    assert_eq!(finals(&mut bench, &thief), [481]);
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn s20_whoever_claims_to_be_a_gateway_is_asked_or_refused_and_nothing_goes_outward() {
    let mut bench = bench();
    let stranger = bench.silent_phone("+4930123", Transport::Udp, AFAR);
    let rows = "Route: <sip:192.0.2.1;lr>, <sip:gateway.example;lr>\r\n\
                Via: SIP/2.0/UDP gateway.example;branch=z9hG4bKgateway\r\n";
    for (user, from, uri) in [
        (
            "+19005550100",
            "gateway.example",
            "sip:+19005550100@gateway.example",
        ),
        (
            "+19005550100",
            "gateway.example",
            "sip:+19005550100@example.org",
        ),
        ("bob", "example.org", "sip:bob@gateway.example"),
        ("bob", "example.org", "sip:bob@example.org"),
    ] {
        let invite = stranger.request("INVITE", uri, user, rows, OFFER_AUDIO);
        let claimed = format!("<sip:+4930123@{from}>;tag");
        let invite = invite.replace("<sip:+4930123@example.org>;tag", &claimed);
        let branch = format!("INVITE-{}-{}", from, uri.len());
        bench.send(
            &stranger,
            &with(&invite, "INVITE-1", &branch).replacen("INVITE-of-", &branch, 1),
        );
        assert!(
            matches!(finals(&mut bench, &stranger)[..], [401 | 403 | 404]),
            "{from} {uri}"
        );
        assert_nothing_leaves(&bench);
    }
    assert_eq!(bench.switch.status().calls_total, 0);
}

#[test]
fn s21_whoever_challenges_our_bye_gets_no_credentials() {
    for status in [Status::UNAUTHORIZED, Status::PROXY_AUTHENTICATION_REQUIRED] {
        let mut bench = bench();
        let (caller, callee, ok) = two_phones_talk(&mut bench);
        bench.send(&caller, &caller.in_dialog("BYE", &ok, 2));
        let bye = bench.request(&callee);
        assert!(is(&bye, &Method::Bye));
        let challenge = "Digest realm=\"example.org\", nonce=\"n\", algorithm=MD5, qop=\"auth\"";
        for header in ["WWW-Authenticate", "Proxy-Authenticate"] {
            let row = format!("{header}: {challenge}");
            bench.respond_with(&callee, &bye, status, &row);
        }
        bench.pass(Duration::from_secs(64));
        assert!(bench.take_sip(&callee).is_empty());
        bench.assert_no_calls();
    }
}

#[test]
fn s22_a_forged_source_is_sent_little_more_than_was_sent_in_its_name() {
    let home = "sip:bob@example.org";
    for (method, uri, from) in [
        ("REGISTER", "sip:example.org", "alice@example.org"),
        ("INVITE", home, "alice@example.org"),
        ("INVITE", home, "mallory@elsewhere.example"),
        (
            "INVITE",
            "sip:bob@elsewhere.example",
            "mallory@elsewhere.example",
        ),
        ("OPTIONS", home, "alice@example.org"),
        ("MESSAGE", home, "alice@example.org"),
        ("SUBSCRIBE", home, "mallory@elsewhere.example"),
        ("BYE", home, "alice@example.org"),
        ("PUBLISH", home, "alice@example.org"),
    ] {
        let mut bench = bench();
        let victim = bench.silent_phone("alice", Transport::Udp, AFAR);
        // No longer than it has to be.
        let request = format!(
            "{method} {uri} SIP/2.0\r\n\
             v: SIP/2.0/UDP {AFAR};branch=z9hG4bKx\r\n\
             f: <sip:{from}>;tag=1\r\nt: <{uri}>\r\ni: x\r\nCSeq: 1 {method}\r\n\
             Max-Forwards: 70\r\nm: <sip:{AFAR}>\r\nl: 0\r\n\r\n"
        );
        bench.send(&victim, &request);
        bench.pass(Duration::from_secs(64));
        let sent = bench.take_sip(&victim);
        let bytes: usize = sent.iter().map(|message| message.as_bytes().len()).sum();
        let share = bytes as f64 / request.len() as f64;
        // The one that challenges is sent again twice: who lost it would not ask again.
        let most = if method == "INVITE" { 8.0 } else { 2.1 };
        assert!(
            share <= most,
            "{method} from {from}: {share:.1} in {} messages",
            sent.len()
        );
        assert!(
            sent.len() <= 5,
            "{method} from {from}: {} messages",
            sent.len()
        );
    }
}

#[test]
fn s24_a_call_that_is_sent_round_in_circles_ends() {
    let mut bench = bench();
    let (caller, first, second) = (
        bench.phone("1000"),
        bench.phone("1001"),
        bench.phone("1002"),
    );
    bench.dial(&caller, "1001");
    let mut invited = 0;
    // Each sends it on to the other.
    while invited < 50 {
        let mut moved = false;
        for (phone, other) in [(&first, "1002"), (&second, "1001")] {
            for message in bench.take_sip(phone) {
                let Message::Request(invite) = message else {
                    continue;
                };
                if is(&invite, &Method::Invite) {
                    moved = true;
                    invited += 1;
                    let contact = format!("Contact: <sip:{other}@example.org>");
                    let builder = ResponseBuilder::new(&invite, Status::MOVED_TEMPORARILY)
                        .to_tag("moved")
                        .value(HeaderName::Contact, contact.trim_start_matches("Contact: "));
                    let message = Message::Response(Box::new(builder.build().unwrap()));
                    bench.handle(super::super::Input::Sip {
                        flow: phone.flow,
                        message,
                    });
                }
            }
        }
        if !moved {
            break;
        }
    }
    assert!(invited <= 6, "{invited} INVITEs");
    let codes = finals(&mut bench, &caller);
    assert!(codes.len() == 1 && codes[0] >= 400, "{codes:?}");
    bench.assert_no_calls();
    for hops in [
        "Max-Forwards: 0",
        "Max-Forwards: 70\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa",
    ] {
        let many = hops.starts_with("Max-Forwards: 70");
        let vias = "\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa".repeat(if many { 100 } else { 0 });
        let invite = caller.request("INVITE", "sip:1001@example.org", "1001", "", OFFER_AUDIO);
        let invite = with(&invite, "Max-Forwards: 70", &format!("{hops}{vias}"));
        match Message::parse(invite.as_bytes(), &Limits::default()) {
            Err(sip::message::ParseError::Reject(rejected)) => {
                assert_eq!(rejected.rejection().status, Status::TOO_MANY_HOPS);
            }
            Ok(_) => {
                let invite =
                    invite
                        .replace("INVITE-1", "INVITE-again")
                        .replacen("INVITE-of", "AGAIN-of", 1);
                bench.send(&caller, &invite);
                assert_eq!(finals(&mut bench, &caller), [483]);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn s25_a_thousand_contacts_of_one_person_are_a_few_that_ring() {
    let mut bench = bench();
    bench.open_ports(64);
    let phone = bench.account_phone("alice");
    for number in 2..1_000 {
        bench.send(&phone, &phone.register(2 * number, ""));
        let challenge = bench.response(&phone);
        let right = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        let request = phone.register(2 * number + 1, &right);
        let contact = format!("<sip:alice@phone{number}.invalid>");
        bench.send(&phone, &with(&request, &phone.contact(), &contact));
        assert_eq!(finals(&mut bench, &phone).len(), 1);
    }
    let limits = bench.switch.config.limits;
    let registered = bench.switch.status().registrations;
    assert!(registered <= limits.sessions_per_user, "{registered}");
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    let rings = bench.take_sip(&phone).len();
    assert!(rings < limits.legs_per_call, "{rings}");
}

#[test]
fn s26_nothing_that_is_written_becomes_a_header_on_another_leg() {
    for name in [
        r#""Eve\" <sip:boss@example.org>, \"""#,
        "\"Eve%0d%0aEvil: 1\"",
        "\"Eve\\\r\n Evil: 1\"",
    ] {
        let mut bench = bench();
        let (caller, callee) = (bench.phone("1001"), bench.phone("1002"));
        let uri = "sip:1002@example.org";
        let invite = caller.request("INVITE", uri, "1002", "", OFFER_AUDIO);
        let invite = with(&invite, "From: \"1001\"", &format!("From: {name}"));
        let Ok(_) = Message::parse(invite.as_bytes(), &Limits::default()) else {
            continue;
        };
        bench.send(&caller, &invite);
        for message in bench.take_sip(&callee) {
            let invite = message.into_request().unwrap();
            assert_eq!(
                invite.from().uri().unwrap().as_str(),
                "sip:1001@example.org"
            );
            assert_eq!(invite.headers().other("Evil").count(), 0);
        }
    }
    // Headers in the URI of whom a call is handed to are not ours to send.
    let mut bench = bench();
    let (caller, _, ok) = two_phones_talk(&mut bench);
    let third = bench.phone("1003");
    let uri = "sip:1003@example.org?Evil=1&Route=%3Csip:198.51.100.77%3E&Subject=a%0D%0AEvil:%201";
    let refer = format!("Refer-To: <{uri}>\r\n");
    bench.send(&caller, &caller.in_dialog_with("REFER", &ok, 2, &refer, ""));
    for message in bench.take_sip(&third) {
        let invite = message.into_request().unwrap();
        let text = String::from_utf8_lossy(invite.as_bytes()).into_owned();
        assert!(
            !text.contains("Evil") && !text.contains("198.51.100.77"),
            "{text}"
        );
    }
    assert_nothing_leaves(&bench);
}

#[test]
fn s37_a_description_that_is_too_much_is_refused_and_takes_no_port() {
    let line = "m=audio 9 RTP/AVP 0\r\n";
    let head = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n";
    let candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
    let ports = |count: usize| line.replace("m=audio 9", "m=audio 0").repeat(count);
    for (what, sdp) in [
        ("1,000 m-lines", format!("{head}{}", line.repeat(1_000))),
        (
            "10,000 candidates",
            format!("{head}{line}{}", candidate.repeat(1_300)),
        ),
        ("ports of 0", format!("{head}{}", ports(1_000))),
        ("nothing but a port of 0", format!("{head}{}", ports(1))),
        (
            "formats without end",
            format!("{head}m=audio 9 RTP/AVP{}\r\n", " 0".repeat(20_000)),
        ),
        ("no description", "x".repeat(60_000)),
        (
            "ptime",
            format!("{head}{line}a=ptime:{}\r\n", "9".repeat(5_000)),
        ),
    ] {
        let mut bench = bench();
        bench.open_ports(2);
        let (caller, callee) = (bench.udp_phone("1001"), bench.phone("1002"));
        let uri = "sip:1002@example.org";
        let invite = caller.request("INVITE", uri, "1002", "", &sdp);
        let code = match Message::parse(invite.as_bytes(), &Limits::default()) {
            Ok(_) => {
                bench.send(&caller, &invite);
                finals(&mut bench, &caller).first().copied()
            }
            Err(sip::message::ParseError::Reject(it)) => Some(it.rejection().status.code()),
            Err(other) => panic!("{what}: {other:?}"),
        };
        // A packet time that makes no sense says nothing, and the call goes on.
        let expected: &[Option<u16>] = match what {
            "ptime" => &[None],
            _ => &[Some(413), Some(488), Some(400), Some(513)],
        };
        assert!(expected.contains(&code), "{what}: {code:?}");
        if code.is_some() {
            assert!(bench.take_sip(&callee).is_empty(), "{what}");
            assert_eq!(bench.switch.status().calls, 0, "{what}");
            assert!(bench.take_commands().is_empty(), "{what}");
        }
    }
}

#[test]
fn s38_messages_go_where_they_came_from_whatever_address_a_contact_names() {
    for host in [
        "127.0.0.1:22",
        "169.254.169.254:80",
        "0.0.0.0",
        "[::1]:22",
        "224.0.1.75",
        "localhost",
    ] {
        let mut bench = bench();
        bench.open_ports(4);
        let phone = bench.silent_phone("alice", Transport::Udp, AFAR);
        bench.send(&phone, &phone.register(1, ""));
        let challenge = bench.response(&phone);
        let right = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        let request = phone.register(2, &right);
        let contact = format!("<sip:alice@{host}>");
        bench.send(&phone, &with(&request, &phone.contact(), &contact));
        assert_eq!(finals(&mut bench, &phone), [200], "{host}");
        let page = bench.guest("carol");
        bench.call_with(page, "alice", OFFER_AUDIO);
        let invite = bench.request(&phone);
        assert!(is(&invite, &Method::Invite), "{host}");
        assert_nothing_leaves(&bench);
    }
}

#[test]
fn s14_every_hash_that_is_configured_is_offered_the_strongest_first() {
    let mut bench = Bench::new(SwitchConfig {
        digests: vec![sip::digest::Hash::Sha256, sip::digest::Hash::Md5],
        ..config()
    });
    let phone = bench.silent_phone("alice", Transport::Udp, AFAR);
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let values = challenge.headers().values(HeaderName::WwwAuthenticate);
    let algorithms: Vec<bool> = values
        .map(|it| String::from_utf8_lossy(it).contains("SHA-256"))
        .collect();
    assert_eq!(algorithms, [true, false]);
}

//! What the log tells, and what it does not.

use std::io;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use sip::digest::{Ha1, Hash};
use sip::flow::Transport;
use sip::message::Status;

use super::phones::credentials;
use super::*;

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Kept {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What a few calls, good and bad, write to the log at INFO and above.
pub(super) fn log_of(play: impl FnOnce(&mut Bench)) -> String {
    log_at(tracing::Level::INFO, play)
}

fn log_at(level: tracing::Level, play: impl FnOnce(&mut Bench)) -> String {
    let kept = Kept::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .with_writer(kept.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || play(&mut bench()));
    let bytes = kept.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_log_tells_the_life_of_a_call_by_its_id() {
    let mut id = String::new();
    let log = log_of(|bench| {
        let (ann, ben) = (bench.guest("ann"), bench.guest("ben"));
        let talk = bench.talk(ann, ben, "ben");
        bench.media(Event::MediaReady(talk.caller_leg));
        bench.media(Event::MediaReady(talk.callee_leg));
        bench.hang_up(ann, &talk.caller_id);
        id = bench.records().remove(0).call.id;
    });
    let of_call: Vec<&str> = log.lines().filter(|line| line.contains(&id)).collect();
    for (line, words) in
        of_call
            .iter()
            .zip(["call rings", "call answered", "media flows", "call ended"])
    {
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(of_call.len(), 4, "{log}");
}

#[test]
fn the_log_names_no_people_numbers_addresses_descriptions_or_secrets() {
    let log = log_of(|bench| {
        let page = bench.connect(
            peer("192.0.2.77:4000", true),
            json!({
                "sipLogin": "alice", "sipPassword": "hunter2",
            }),
        );
        bench.take(page);
        let (ann, ben) = (bench.guest("annabel"), bench.guest("benjamin"));
        let token = bench.connect(here(), json!({ "sipLogin": "cid", "keepAlive": true }));
        let token = bench.take(token)[0]["data"][0]["authToken"]
            .as_str()
            .unwrap()
            .to_owned();
        bench.connect(here(), json!({ "authToken": token }));
        for dialled in ["+442071838750", "eve@elsewhere.net", "nobody", "annabel"] {
            bench.call(ann, dialled);
        }
        bench.take(ann);
        let talk = bench.talk(ann, ben, "benjamin");
        bench.say(
            ann,
            "sendDtmf",
            json!({ "callId": talk.caller_id, "dtmf": "4711" }),
        );
        bench.say(
            ann,
            "transfer",
            json!({ "callId": talk.caller_id, "target": "zacharias" }),
        );
        bench.say(
            ann,
            "sendData",
            json!({
                "operationId": "op", "payload": { "to": "benjamin", "text": "between us" },
            }),
        );
        bench.hang_up(ann, &talk.caller_id);
        bench.call(ann, "benjamin");
        let frames = bench.take(ben);
        let incoming = frames
            .iter()
            .find(|frame| frame["message"] == "notifyIncomingCall");
        let id = incoming.unwrap()["data"][0]["callId"]
            .as_str()
            .unwrap()
            .to_owned();
        bench.answer_with(ben, &id, "v=0\r\no=secret-host 1 1 IN IP4 203.0.113.9\r\n");
        assert!(!token.is_empty());
    });
    assert!(log.contains("call ended"));
    for secret in [
        "hunter2",
        "alice",
        "annabel",
        "benjamin",
        "eve",
        "elsewhere",
        "442071838750",
        "nobody",
        "zacharias",
        "4711",
        "between us",
        "192.0.2.77",
        "127.0.0.1",
        "203.0.113.9",
        "secret-host",
        "ice-ufrag",
        "a=",
        "m=audio",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

/// At every level: a telephone proves its password, and talks with keys in its descriptions.
#[test]
fn s42_no_password_hash_or_key_is_logged_at_any_level() {
    let mut secrets = Vec::new();
    let log = log_at(tracing::Level::TRACE, |bench| {
        bench.open_ports(4);
        let phone = bench.silent_phone("alice", Transport::Tls, "198.51.100.9:5061");
        bench.send(&phone, &phone.register(1, ""));
        let challenge = bench.response(&phone);
        let sent = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
        let wrong = sent.replace("response=\"", "response=\"0");
        bench.send(&phone, &phone.register(2, &wrong));
        bench.take_sip(&phone);
        bench.send(&phone, &phone.register(3, &sent));
        assert_eq!(bench.response(&phone).status(), Status::OK);
        let response = sent.split("response=\"").nth(1).unwrap();
        secrets.push(response[..32].to_owned());
        let ha1 = Ha1::of(Hash::Md5, "alice", "example.org", "secret");
        let hex = ha1.as_bytes().iter().map(|byte| format!("{byte:02x}"));
        secrets.push(hex.collect());

        let page = bench.guest("carol");
        let call_id = bench.call_with(page, "alice", OFFER_AUDIO);
        let invite = bench.request(&phone);
        let offer = String::from_utf8(invite.body().to_vec()).unwrap();
        let key = |line: &str| {
            let start = line.find("inline:")? + "inline:".len();
            Some(line[start..].split('|').next()?.to_owned())
        };
        let ours: Vec<String> = offer.lines().filter_map(key).collect();
        assert!(!ours.is_empty(), "{offer}");
        let theirs = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
        let crypto = offer
            .lines()
            .find(|line| line.contains("_SHA1_80 "))
            .unwrap();
        let own = crypto.replace(&key(crypto).unwrap(), theirs);
        let answer = format!(
            "v=0\r\no=- 1 1 IN IP4 198.51.100.9\r\ns=-\r\nc=IN IP4 198.51.100.9\r\nt=0 0\r\n\
             m=audio 6000 RTP/SAVP 0\r\n{own}\r\n"
        );
        bench.respond(&phone, &invite, Status::OK, Some(&answer));
        assert_eq!(names(&bench.take(page)).last().unwrap(), "ESTABLISHED");
        bench.hang_up(page, &call_id);
        secrets.extend(ours);
        secrets.push(theirs.to_owned());
    });
    assert!(log.contains("call ended"), "{log}");
    for secret in secrets
        .iter()
        .map(String::as_str)
        .chain(["a=crypto", "inline:"])
    {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
    }
}

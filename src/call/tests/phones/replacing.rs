//! Attended transfer (RFC 5359 2.5) and calls that are taken over (RFC 3891).

use sip::message::{Message, Method, Request, Response, Status};

use ::media::negotiate::Transcoding;
use ::media::plan::Command;

use super::super::transcoding::with_one_codec;
use super::super::{
    Bench, OFFER_AUDIO, OFFER_VIDEO, Page, answer_to, bench, config, names, orders,
};
use super::{Phone, credentials, is};

/// A second call of a telephone, whose messages are those of its first under another Call-ID.
fn second(text: &str) -> String {
    text.replace("Call-ID: INVITE-of-", "Call-ID: SECOND-of-")
        .replace("branch=z9hG4bK-", "branch=z9hG4bK-second-")
}

fn tag(of: &Response) -> String {
    String::from_utf8(of.to_tag().unwrap().to_vec()).unwrap()
}

/// An answered call of the telephone to a page, acknowledged.
fn talk(bench: &mut Bench, phone: &Phone, page: (Page, &str), is_second: bool) -> Response {
    talk_as(bench, phone, page, is_second, (OFFER_AUDIO, answer_to))
}

/// The same with what the telephone offers, and how the page answers.
fn talk_as(
    bench: &mut Bench,
    phone: &Phone,
    page: (Page, &str),
    is_second: bool,
    (offer, answer): (&str, impl Fn(&str) -> String),
) -> Response {
    let uri = format!("sip:{}@example.org", page.1);
    let other = |text: String| match is_second {
        true => second(&text),
        false => text,
    };
    let invite = other(phone.request("INVITE", &uri, page.1, "", offer));
    bench.send(phone, &invite);
    let (call_id, offer) = bench.incoming(page.0);
    bench.answer_with(page.0, &call_id, &answer(&offer));
    let ok = bench.final_response(phone);
    bench.send(phone, &other(phone.in_dialog("ACK", &ok, 1)));
    bench.take(page.0);
    ok
}

/// A telephone with a call to carol and one to dave.
fn consulting(bench: &mut Bench) -> (Phone, [Page; 2], [Response; 2]) {
    let phone = bench.phone("1001");
    let pages = [bench.guest("carol"), bench.guest("dave")];
    let first = talk(bench, &phone, (pages[0], "carol"), false);
    let other = talk(bench, &phone, (pages[1], "dave"), true);
    bench.take_commands();
    (phone, pages, [first, other])
}

fn refer(phone: &Phone, first: &Response, call_id: &str, to_tag: &str, more: &str) -> String {
    let replaces = format!("{call_id}%3Bto-tag%3D{to_tag}%3Bfrom-tag%3Dof-1001{more}");
    let header = format!("Refer-To: <sip:dave@example.org?Replaces={replaces}>\r\n");
    phone.in_dialog_with("REFER", first, 2, &header, "")
}

fn second_id(phone: &Phone) -> String {
    format!("SECOND-of-phone{}.invalid", phone.flow.0)
}

/// Bodies of NOTIFY requests, and the methods of the others.
fn told(bench: &mut Bench, phone: &Phone) -> Vec<String> {
    let messages = bench.take_sip(phone).into_iter();
    let requests = messages.filter_map(Message::into_request);
    let word = |request: Request| match request.method() {
        Method::Notify => String::from_utf8_lossy(request.body()).trim().to_owned(),
        other => other.as_str().to_owned(),
    };
    requests.map(word).collect()
}

fn replaces(of: &Response, call_id: &str, more: &str) -> String {
    let tag = tag(of);
    format!("Replaces: {call_id};to-tag={tag};from-tag=of-alice{more}\r\n")
}

/// A telephone of an account calls, by an INVITE of number 2: the first was asked for the password.
fn dial(bench: &mut Bench, phone: &Phone, callee: &str, headers: &str, sdp: &str) {
    let uri = format!("sip:{callee}@example.org");
    let to = format!("<{uri}>");
    bench.send(
        phone,
        &phone.numbered("INVITE", &uri, (&to, 1), headers, sdp),
    );
    let challenge = bench.final_response(phone);
    assert_eq!(challenge.status(), Status::UNAUTHORIZED);
    let headers = format!(
        "{headers}{}",
        credentials(phone, &challenge, "INVITE", &uri)
    );
    bench.send(
        phone,
        &phone.numbered("INVITE", &uri, (&to, 2), &headers, sdp),
    );
}

/// An answered call of alice's telephone to carol; its Call-ID and its 200.
fn alice_talks(bench: &mut Bench) -> (Phone, Page, String, Response) {
    let phone = bench.account_phone("alice");
    let carol = bench.guest("carol");
    dial(bench, &phone, "carol", "", OFFER_AUDIO);
    let (call_id, offer) = bench.incoming(carol);
    bench.answer(carol, &call_id, &offer);
    let ok = bench.final_response(&phone);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 2));
    bench.take(carol);
    bench.take_commands();
    let call_id = format!("INVITE-of-phone{}.invalid", phone.flow.0);
    (phone, carol, call_id, ok)
}

#[test]
fn a_telephone_joins_its_two_calls_and_leaves_both() {
    let mut bench = bench();
    let (phone, [carol, dave], [first, other]) = consulting(&mut bench);
    let request = refer(&phone, &first, &second_id(&phone), &tag(&other), "");
    bench.send(&phone, &request);
    let mut told = told(&mut bench, &phone);
    told.sort();
    assert_eq!(
        told,
        ["BYE", "BYE", "SIP/2.0 100 Trying", "SIP/2.0 200 OK"],
        "one BYE for each of its dialogs"
    );
    let media = orders(&bench.take_commands());
    // Legs 1 and 2 are of the first call, 3 and 4 of the other; carol has 2, dave 4.
    for expected in ["remove 1", "remove 3", "patch 2 4", "patch 4 2"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
    assert_eq!(bench.end_code(), "transferred");
    assert_eq!(bench.switch.status().established, 1);
    for page in [carol, dave] {
        assert!(!names(&bench.take(page)).contains(&"FINISH".to_owned()));
    }
}

/// Opus, and PCMU, in a browser's offer.
const OPUS: &str = "111";
const PCMU: &str = "0";

/// A description with one codec for sound alone, and its picture as it is.
fn with_one_sound(sdp: &str, payload_type: &str) -> String {
    let (sound, picture) = sdp.split_at(sdp.find("m=video").unwrap_or(sdp.len()));
    with_one_codec(sound, payload_type) + picture
}

/// A telephone with Opus, which has called carol, who takes that, and dave, who takes PCMU alone: the
/// second call is transcoded.
fn consulting_by_two_codecs(bench: &mut Bench, offer: &str) -> (Phone, [Page; 2], [Response; 2]) {
    let phone = bench.phone("1001");
    let pages = [bench.guest("carol"), bench.guest("dave")];
    let offer = with_one_sound(offer, OPUS);
    let opus = |offer: &str| with_one_sound(&answer_to(offer), OPUS);
    let pcmu = |offer: &str| with_one_sound(&answer_to(offer), PCMU);
    let first = talk_as(bench, &phone, (pages[0], "carol"), false, (&offer, opus));
    let other = talk_as(bench, &phone, (pages[1], "dave"), true, (&offer, pcmu));
    bench.take_commands();
    (phone, pages, [first, other])
}

#[test]
fn calls_of_different_codecs_are_joined_by_transcoding_and_nobody_is_offered_anything() {
    let mut config = config();
    // What the second call took is free when it is over.
    config.limits.transcoded_calls = 1;
    let mut bench = Bench::new(config);
    let (phone, pages, [first, other]) = consulting_by_two_codecs(&mut bench, OFFER_AUDIO);
    let request = refer(&phone, &first, &second_id(&phone), &tag(&other), "");
    bench.send(&phone, &request);
    let told = told(&mut bench, &phone);
    assert!(told.contains(&"SIP/2.0 200 OK".to_owned()), "{told:?}");
    let commands = bench.take_commands();
    let patches = commands.iter().filter_map(|command| match command {
        Command::Patch(patch) => Some((patch.source.0, patch.sink.0, patch.transcodes())),
        _ => None,
    });
    assert_eq!(patches.collect::<Vec<_>>(), [(4, 2, true), (2, 4, true)]);
    for page in pages {
        let names = names(&bench.take(page));
        assert!(
            names.iter().all(|it| it.starts_with("callbox.")),
            "{names:?}"
        );
    }
    let call = bench.switch.calls.iter().next().unwrap();
    assert_eq!(call.talk().unwrap().audio.as_deref(), Some("PCMU/opus"));
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn calls_that_could_only_be_joined_by_transcoding_go_on_apart_where_there_is_none() {
    type Change = fn(&mut Bench);
    let forbidden: Change =
        |bench| bench.switch.config.media.policy.transcoding = Transcoding::Forbidden;
    let full: Change = |bench| bench.switch.config.limits.transcoded_calls = 0;
    for (offer, change, outcome) in [
        (OFFER_AUDIO, forbidden, "SIP/2.0 488 Not Acceptable Here"),
        (OFFER_AUDIO, full, "SIP/2.0 503 Service Unavailable"),
        // They would see and not hear each other.
        (OFFER_VIDEO, forbidden, "SIP/2.0 488 Not Acceptable Here"),
    ] {
        let mut bench = bench();
        let (phone, _, [first, other]) = consulting_by_two_codecs(&mut bench, offer);
        change(&mut bench);
        let request = refer(&phone, &first, &second_id(&phone), &tag(&other), "");
        bench.send(&phone, &request);
        let messages = bench.take_sip(&phone).into_iter();
        let notifies: Vec<Request> = messages.filter_map(Message::into_request).collect();
        for notify in &notifies {
            bench.respond(&phone, notify, Status::OK, None);
        }
        let told = told(&mut bench, &phone);
        let last = notifies
            .last()
            .map(|it| String::from_utf8_lossy(it.body()).into_owned());
        let last = told.last().cloned().or(last).unwrap();
        assert_eq!(last.trim(), outcome);
        assert_eq!(bench.switch.status().established, 2, "{outcome}");
        assert!(bench.take_commands().is_empty(), "{outcome}");
    }
}

#[test]
fn those_who_were_joined_hold_press_keys_and_hang_up_as_ever() {
    let mut bench = bench();
    let phone = bench.phone("1001");
    let (carol, dave) = (bench.guest("carol"), bench.guest("dave"));
    let first = talk(&mut bench, &phone, (carol, "carol"), false);
    let uri = "sip:dave@example.org";
    let invite = second(&phone.request("INVITE", uri, "dave", "", OFFER_AUDIO));
    bench.send(&phone, &invite);
    let (dave_id, offer) = bench.incoming(dave);
    bench.answer(dave, &dave_id, &offer);
    let other = bench.final_response(&phone);
    bench.send(&phone, &second(&phone.in_dialog("ACK", &other, 1)));
    let request = refer(&phone, &first, &second_id(&phone), &tag(&other), "");
    bench.send(&phone, &request);
    bench.take(carol);
    bench.take(dave);
    bench.take_commands();
    bench.records();
    bench.hang_up(dave, &dave_id);
    assert_eq!(names(&bench.take(dave)), ["FINISH"]);
    assert_eq!(names(&bench.take(carol)), ["FINISH"]);
    // It took the side of the telephone, which had called.
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.assert_no_calls();
}

#[test]
fn calls_are_joined_though_one_was_on_hold() {
    let mut bench = bench();
    let (phone, _, [first, other]) = consulting(&mut bench);
    let held = OFFER_AUDIO.replace("a=sendrecv", "a=sendonly");
    bench.send(
        &phone,
        &phone.in_dialog_with("INVITE", &first, 2, "", &held),
    );
    let ok = bench.final_response(&phone);
    assert_eq!(ok.status(), Status::OK);
    bench.send(&phone, &phone.in_dialog("ACK", &first, 2));
    bench.take_commands();
    let request =
        refer(&phone, &first, &second_id(&phone), &tag(&other), "").replace("CSeq: 2", "CSeq: 3");
    bench.send(&phone, &request);
    let media = orders(&bench.take_commands());
    for expected in ["patch 2 4", "patch 4 2", "watch 2 true", "watch 4 true"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
}

#[test]
fn a_join_with_a_call_that_is_none_fails_and_both_go_on() {
    let mut bench = bench();
    let (phone, _, [first, other]) = consulting(&mut bench);
    let (id, tag) = (second_id(&phone), tag(&other));
    for (cseq, request, status) in [
        (2, refer(&phone, &first, "nothing", &tag, ""), 481),
        (3, refer(&phone, &first, &id, "another", ""), 481),
        // Only while it rings: it does not any more.
        (4, refer(&phone, &first, &id, &tag, "%3Bearly-only"), 486),
        (
            5,
            refer(
                &phone,
                &first,
                &format!("INVITE-of-phone{}.invalid", phone.flow.0),
                &self::tag(&first),
                "",
            ),
            603,
        ),
    ] {
        let request = request.replace("CSeq: 2", &format!("CSeq: {cseq}"));
        let request = request.replace("REFER-2", &format!("REFER-{cseq}"));
        bench.send(&phone, &request);
        let messages = bench.take_sip(&phone).into_iter();
        let notifies: Vec<Request> = messages.filter_map(Message::into_request).collect();
        let last = notifies.last().expect("a NOTIFY");
        let body = String::from_utf8_lossy(last.body()).into_owned();
        assert!(body.starts_with(&format!("SIP/2.0 {status}")), "{body}");
        for notify in &notifies {
            bench.respond(&phone, notify, Status::OK, None);
        }
        assert_eq!(bench.switch.status().established, 2);
    }
}

#[test]
fn a_call_is_taken_over_on_another_telephone_of_the_same_person() {
    let mut bench = bench();
    let (phone, carol, call_id, first) = alice_talks(&mut bench);
    let desk = bench.account_phone("alice");
    let header = replaces(&first, &call_id, "");
    dial(&mut bench, &desk, "carol", &header, OFFER_AUDIO);
    let ok = bench.final_response(&desk);
    assert_eq!(ok.status(), Status::OK);
    bench.send(&desk, &desk.in_dialog("ACK", &ok, 2));
    assert_eq!(told(&mut bench, &phone), ["BYE"]);
    let media = orders(&bench.take_commands());
    for expected in ["add 3", "remove 1", "patch 2 3", "patch 3 2"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
    assert!(bench.take(carol).is_empty());
    assert_eq!(bench.switch.status().established, 1);
    bench.send(&desk, &desk.in_dialog("BYE", &ok, 3));
    assert_eq!(bench.end_code(), "caller_hung_up");
    bench.assert_no_calls();
}

#[test]
fn a_call_is_taken_over_without_an_offer() {
    let mut bench = bench();
    let (_, _, call_id, first) = alice_talks(&mut bench);
    let desk = bench.account_phone("alice");
    let header = replaces(&first, &call_id, "");
    dial(&mut bench, &desk, "carol", &header, "");
    let ok = bench.final_response(&desk);
    let offer = String::from_utf8(ok.body().to_vec()).unwrap();
    bench.take_commands();
    let answer = answer_to(&offer);
    bench.send(&desk, &desk.in_dialog_with("ACK", &ok, 2, "", &answer));
    let media = orders(&bench.take_commands());
    for expected in ["patch 2 3", "patch 3 2"] {
        assert!(media.contains(&expected.to_owned()), "{media:?}");
    }
    let call = bench.switch.calls.iter().next().unwrap();
    assert_eq!(call.talk().unwrap().audio.as_deref(), Some("opus"));
}

#[test]
fn a_call_that_rings_is_picked_up_by_another_telephone_of_the_person_called() {
    let mut bench = bench();
    let (desk, pocket) = (bench.account_phone("alice"), bench.account_phone("bob"));
    let other = bench.account_phone("alice");
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    let invite = bench.request(&desk);
    bench.respond(&desk, &invite, Status::RINGING, None);
    bench.take_sip(&other);
    bench.take(page);
    let call_id = String::from_utf8_lossy(invite.call_id()).into_owned();
    let from_tag = String::from_utf8_lossy(invite.from_tag().unwrap()).into_owned();
    let header = format!("Replaces: {call_id};to-tag={from_tag};from-tag=phone;early-only\r\n");
    for (phone, status) in [(&pocket, Status::FORBIDDEN), (&other, Status::OK)] {
        dial(&mut bench, phone, "alice", &header, OFFER_AUDIO);
        assert_eq!(bench.final_response(phone).status(), status);
    }
    assert!(is(&bench.request(&desk), &Method::Cancel));
    assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
    assert_eq!(bench.switch.status().established, 1);
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn rfc3891_3_what_may_not_be_replaced_is_refused_with_its_own_status() {
    let mut bench = bench();
    let (phone, _, call_id, first) = alice_talks(&mut bench);
    let (desk, stranger) = (bench.account_phone("alice"), bench.account_phone("bob"));
    let good = replaces(&first, &call_id, "");
    let early = replaces(&first, &call_id, ";early-only");
    let joins = format!("{good}Join: x;to-tag=1;from-tag=2\r\n");
    let sent_by = |bench: &mut Bench, phone: &Phone, cseq: u32, header: &str| {
        let uri = "sip:carol@example.org";
        let to = "<sip:carol@example.org>";
        let numbered =
            |cseq, rows: &str| phone.numbered("INVITE", uri, (to, cseq), rows, OFFER_AUDIO);
        bench.send(phone, &numbered(cseq, header));
        let challenge = bench.final_response(phone);
        let header = format!("{header}{}", credentials(phone, &challenge, "INVITE", uri));
        bench.send(phone, &numbered(cseq + 1, &header));
        bench.final_response(phone).status().code()
    };
    let none = replaces(&first, "nothing", "");
    let cases = [
        (&desk, &none, 481),
        (&desk, &early, 486),
        (&desk, &joins, 400),
        (&stranger, &good, 403),
    ];
    for (index, (phone, header, status)) in (0..).zip(cases) {
        let answered = sent_by(&mut bench, phone, 1 + 2 * index, header);
        assert_eq!(answered, status);
        assert_eq!(bench.switch.status().calls, 1);
    }
    bench.send(&phone, &phone.in_dialog("BYE", &first, 3));
    bench.take_sip(&phone);
    assert_eq!(sent_by(&mut bench, &desk, 21, &good), 603);
    bench.assert_no_calls();
}

#[test]
fn calls_of_one_person_are_carried_by_one_worker_so_that_they_can_be_joined() {
    let mut config = config();
    config
        .media
        .candidates
        .push(vec!["127.0.0.1:40001".parse().unwrap()]);
    let mut bench = Bench::new(config);
    let (phone, ..) = consulting(&mut bench);
    let workers: Vec<usize> = bench.switch.calls.iter().map(|call| call.worker).collect();
    assert_eq!(workers, [0, 0]);
    bench.phone("1003");
    bench.guest("erin");
    drop(phone);
    let people = ["1003", "erin"].map(|name| {
        let domain = sip::uri::Host::parse("example.org").unwrap();
        registrar::Aor::new(name, &domain).unwrap()
    });
    let [caller, callee] = &people;
    assert_eq!(bench.switch.worker_for([caller, callee]), 1);
}

#[test]
fn what_is_picked_up_or_joined_leaves_no_leg_behind() {
    let mut bench = bench();
    let (phone, pages, [first, other]) = consulting(&mut bench);
    let request = refer(&phone, &first, &second_id(&phone), &tag(&other), "");
    bench.send(&phone, &request);
    let byes: Vec<Request> = bench
        .take_sip(&phone)
        .into_iter()
        .filter_map(Message::into_request)
        .collect();
    for bye in &byes {
        bench.respond(&phone, bye, Status::OK, None);
    }
    bench.close(pages[0], crate::call::io::FlowEnd::Clean);
    bench.assert_no_calls();
    assert!(bench.switch.sip.is_idle());
}

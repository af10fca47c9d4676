//! What a leg is told of its partner while they talk, and what not.

use media::negotiate::Transcoding;
use serde_json::json;
use sip::flow::Transport;
use sip::message::{HeaderName, Method, Request, Response, Status};

use super::super::{
    Bench, OFFER_AUDIO, OFFER_VIDEO, Page, answer_to, bench, config, orders, pictures,
};
use super::{Phone, credentials, is, sdp_answer};

/// What a desk phone describes: `codecs` in its m-line, an attribute after it.
pub(super) fn desk(codecs: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio 6000 RTP/AVP {codecs}\r\na={direction}\r\n"
    )
}

/// Without a picture, where one was offered.
fn no_picture(sdp: &str) -> String {
    format!("{sdp}m=video 0 RTP/AVP 96\r\n")
}

/// An answered call of two telephones with ports of their own: the first called. The 2xx of the
/// first, the INVITE of the other.
pub(super) struct Talk {
    pub(super) bench: Bench,
    pub(super) one: Phone,
    pub(super) other: Phone,
    pub(super) ok: Response,
    pub(super) invite: Request,
}

pub(super) fn talk(offer: &str, answer: &str) -> Talk {
    talk_at(bench(), offer, answer)
}

fn talk_at(mut bench: Bench, offer: &str, answer: &str) -> Talk {
    let one = bench.udp_phone("1001");
    talk_from(bench, one, offer, answer)
}

fn talk_from(mut bench: Bench, one: Phone, offer: &str, answer: &str) -> Talk {
    bench.open_ports(8);
    let other = bench.udp_phone("1002");
    bench.dial_with(&one, "1002", "", offer);
    let invite = bench.request(&other);
    bench.respond(&other, &invite, Status::OK, Some(answer));
    bench.take_sip(&other);
    let ok = bench.final_response(&one);
    bench.send(&one, &one.in_dialog("ACK", &ok, 1));
    bench.take_commands();
    Talk {
        bench,
        one,
        other,
        ok,
        invite,
    }
}

/// Where sound is not transcoded.
fn bench_that_relays() -> Bench {
    let mut config = config();
    config.media.policy.transcoding = Transcoding::Forbidden;
    Bench::new(config)
}

impl Talk {
    /// The first offers anew.
    pub(super) fn offer(&mut self, cseq: u32, sdp: &str) {
        let invite = self.one.in_dialog_with("INVITE", &self.ok, cseq, "", sdp);
        self.bench.send(&self.one, &invite);
    }

    /// Its final response to that, which is acknowledged.
    pub(super) fn answered(&mut self, cseq: u32) -> (Status, String) {
        let response = self.bench.final_response(&self.one);
        if response.status().is_success() {
            let ack = self.one.in_dialog("ACK", &self.ok, cseq);
            self.bench.send(&self.one, &ack);
        }
        let body = String::from_utf8(response.body().to_vec()).unwrap();
        (response.status(), body)
    }

    /// What the other is offered anew; it answers.
    fn other_is_offered(&mut self, answer: &str) -> String {
        let (bench, other) = (&mut self.bench, &self.other);
        let offered = bench.request(other);
        assert!(is(&offered, &Method::Invite), "{offered:?}");
        bench.respond(other, &offered, Status::OK, Some(answer));
        assert!(is(&bench.request(other), &Method::Ack));
        body(&offered)
    }

    fn other_hears_nothing(&mut self) {
        assert!(self.bench.take_sip(&self.other).is_empty());
    }

    /// The first holds, and that has been answered.
    fn hold(&mut self, cseq: u32) {
        self.offer(cseq, &desk("0 8", "sendonly"));
        assert_eq!(self.answered(cseq).0, Status::OK);
    }
}

pub(super) fn body(request: &Request) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

/// A page calls a telephone with ports of its own, which answers with PCMU and no picture.
pub(super) fn page_talks(bench: &mut Bench, sdp: &str) -> (Phone, Request, Page, String) {
    bench.open_ports(8);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, "1001", sdp);
    let invite = bench.request(&phone);
    let answer = match body(&invite).contains("m=video") {
        true => no_picture(&desk("0", "sendrecv")),
        false => desk("0", "sendrecv"),
    };
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    assert!(is(&bench.request(&phone), &Method::Ack));
    bench.take(page);
    bench.take_commands();
    (phone, invite, page, call_id)
}

/// A request of a telephone that was called, in the dialog of the INVITE.
pub(super) fn of_callee(
    phone: &Phone,
    invite: &Request,
    method: &str,
    cseq: u32,
    sdp: &str,
) -> String {
    let from = String::from_utf8_lossy(invite.headers().value(HeaderName::From).unwrap());
    let id = String::from_utf8_lossy(invite.call_id());
    let text = phone.numbered(method, "sip:192.0.2.1:5060", (&from, cseq), "", sdp);
    let own = text
        .lines()
        .find(|line| line.starts_with("Call-ID"))
        .unwrap();
    text.replace(own, &format!("Call-ID: {id}"))
        .replace(&format!(";tag=of-{}", phone.user), ";tag=phone")
}

/// A telephone of bob's with ports of its own.
fn bob(bench: &mut Bench) -> Phone {
    let phone = bench.silent_phone("bob", Transport::Udp, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let proof = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    bench.send(&phone, &phone.register(2, &proof));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    phone
}

pub(super) fn hold_page(bench: &mut Bench, page: Page, call_id: &str) {
    bench.say(page, "hold", json!({ "callId": call_id }));
}

pub(super) fn unhold_page(bench: &mut Bench, page: Page, call_id: &str) {
    bench.say(page, "unhold", json!({ "callId": call_id }));
}

#[test]
fn a_telephone_is_told_that_a_page_holds_it_and_that_it_no_longer_does() {
    let mut bench = bench();
    let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    for (round, holds) in [true, false, true, false].into_iter().enumerate() {
        let (line, answer) = match holds {
            true => ("a=sendonly", "recvonly"),
            false => ("a=sendrecv", "sendrecv"),
        };
        match holds {
            true => hold_page(&mut bench, page, &call_id),
            false => unhold_page(&mut bench, page, &call_id),
        }
        let offered = bench.request(&phone);
        assert!(is(&offered, &Method::Invite));
        assert!(body(&offered).contains(line), "{round}: {}", body(&offered));
        let answer = desk("0", answer);
        bench.respond(&phone, &offered, Status::OK, Some(&answer));
        assert!(is(&bench.request(&phone), &Method::Ack));
        assert_eq!(bench.switch.calls.iter().next().unwrap().is_held(), holds);
    }
}

#[test]
fn hold_and_its_end_go_from_telephone_to_telephone_three_times() {
    let mut talk = talk(&desk("0 8", "sendrecv"), &desk("0", "sendrecv"));
    for round in 0..3 {
        let cseq = 2 + 2 * round;
        talk.offer(cseq, &desk("0 8", "sendonly"));
        let (_, answer) = talk.answered(cseq);
        assert!(answer.contains("a=recvonly"), "{answer}");
        let offered = talk.other_is_offered(&desk("0", "recvonly"));
        assert!(offered.contains("a=sendonly"), "{offered}");
        talk.bench.take_commands();

        talk.offer(cseq + 1, &desk("0 8", "sendrecv"));
        let (_, answer) = talk.answered(cseq + 1);
        assert!(answer.contains("a=sendrecv"), "it is what the other wants");
        let offered = talk.other_is_offered(&desk("0", "sendrecv"));
        assert!(offered.contains("a=sendrecv"), "{offered}");
        let media = orders(&talk.bench.take_commands());
        for patch in ["patch 1 2", "patch 2 1"] {
            assert!(media.contains(&patch.to_owned()), "{media:?}");
        }
        talk.other_hears_nothing();
    }
}

#[test]
fn another_address_or_order_of_codecs_is_no_business_of_the_partner() {
    let mut talk = talk(&desk("0 8", "sendrecv"), &desk("0 8", "sendrecv"));
    let moved = desk("8 0", "sendrecv").replace("127.0.0.1", "127.0.0.2");
    for (cseq, sdp) in [(2, &*moved), (3, &*desk("0", "sendrecv"))] {
        talk.offer(cseq, sdp);
        assert_eq!(talk.answered(cseq).0, Status::OK);
        talk.other_hears_nothing();
    }
}

#[test]
fn a_page_is_never_told_of_what_a_telephone_changes() {
    let mut bench = bench();
    let (phone, invite, page, _) = page_talks(&mut bench, OFFER_AUDIO);
    for (cseq, sdp) in [(1, "sendonly"), (2, "sendrecv"), (3, "inactive")] {
        let text = of_callee(&phone, &invite, "INVITE", cseq, &desk("0 8", sdp));
        bench.send(&phone, &text);
        assert_eq!(bench.final_response(&phone).status(), Status::OK);
        bench.send(&phone, &of_callee(&phone, &invite, "ACK", cseq, ""));
        assert!(bench.take_sip(&phone).is_empty(), "{sdp}");
        assert!(bench.take(page).is_empty(), "{sdp}");
    }
}

#[test]
fn a_codec_that_the_partner_has_not_agreed_to_is_asked_for_before_the_answer() {
    let mut talk = talk(&desk("0 8", "sendrecv"), &desk("0", "sendrecv"));
    talk.offer(2, &desk("8", "sendrecv"));
    let waiting = talk.bench.take_sip(&talk.one);
    assert!(
        waiting
            .into_iter()
            .all(|it| it.into_response().unwrap().status() == Status::TRYING),
        "it waits"
    );
    let offered = talk.other_is_offered(&desk("8", "sendrecv"));
    assert!(offered.contains("RTP/AVP 8 "), "{offered}");
    let (status, answer) = talk.answered(2);
    assert_eq!(status, Status::OK);
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    let call = talk.bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("PCMA"));
    talk.other_hears_nothing();
}

#[test]
fn a_codec_that_the_partner_refuses_is_refused_and_the_call_stays_as_it_was() {
    let mut talk = talk_at(
        bench_that_relays(),
        &desk("0 8", "sendrecv"),
        &desk("0", "sendrecv"),
    );
    talk.offer(2, &desk("8", "sendrecv"));
    let offered = talk.bench.request(&talk.other);
    let status = Status::NOT_ACCEPTABLE_HERE;
    talk.bench.respond(&talk.other, &offered, status, None);
    assert!(is(&talk.bench.request(&talk.other), &Method::Ack));
    assert_eq!(talk.answered(2).0, status);
    let call = talk.bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("PCMU"));
    assert_eq!(talk.bench.switch.status().established, 1);
    // And it can be asked again.
    talk.hold(3);
    talk.other_is_offered(&desk("0", "recvonly"));
}

/// A browser that speaks SIP has called a telephone with sound alone.
pub(super) fn browser_talks() -> Talk {
    let mut bench = bench();
    let one = bench.phone("1001");
    talk_from(bench, one, OFFER_AUDIO, &desk("0", "sendrecv"))
}

#[test]
fn a_codec_that_the_partner_refuses_is_transcoded() {
    let mut talk = talk(&desk("0 8", "sendrecv"), &desk("0", "sendrecv"));
    talk.offer(2, &desk("8", "sendrecv"));
    let offered = talk.bench.request(&talk.other);
    let status = Status::NOT_ACCEPTABLE_HERE;
    talk.bench.respond(&talk.other, &offered, status, None);
    assert!(is(&talk.bench.request(&talk.other), &Method::Ack));
    let (status, answer) = talk.answered(2);
    assert_eq!(status, Status::OK);
    assert!(answer.contains("RTP/AVP 8\r\n"), "{answer}");
    let call = talk.bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("PCMA/PCMU"));
    talk.other_hears_nothing();
}

#[test]
fn a_picture_that_a_browser_adds_goes_to_a_telephone_that_has_one_and_away_again() {
    let mut talk = browser_talks();
    talk.offer(2, OFFER_VIDEO);
    let offered = talk.bench.request(&talk.other);
    assert_eq!(pictures(&body(&offered)), [true], "{}", body(&offered));
    let answer = sdp_answer(&offered);
    talk.bench
        .respond(&talk.other, &offered, Status::OK, Some(&answer));
    talk.bench.take_sip(&talk.other);
    let (status, answer) = talk.answered(2);
    assert_eq!((status, pictures(&answer)), (Status::OK, vec![true]));
    let call = talk.bench.switch.calls.iter().next().unwrap().view();
    assert!(call.video.is_some());

    let off = OFFER_VIDEO.replace("m=video 9 ", "m=video 0 ");
    talk.offer(3, &off);
    assert_eq!(pictures(&talk.answered(3).1), [false], "at once");
    let offered = talk.other_is_offered(&no_picture(&desk("0", "sendrecv")));
    assert_eq!(pictures(&offered), [false], "in its m-line");
    talk.other_hears_nothing();

    talk.offer(4, OFFER_VIDEO);
    let offered = talk.bench.request(&talk.other);
    assert_eq!(pictures(&body(&offered)), [true], "and back");
}

#[test]
fn a_picture_that_a_page_of_ours_adds_is_asked_of_a_telephone() {
    for wants in [true, false] {
        let mut bench = bench();
        let phone = bench.phone("1001");
        let page = bench.new_page("carol");
        let call_id = bench.call_with(page, &phone.user, OFFER_AUDIO);
        let invite = bench.request(&phone);
        let answer = sdp_answer(&invite);
        bench.respond(&phone, &invite, Status::OK, Some(&answer));
        bench.take_sip(&phone);
        bench.take(page);
        let offer = json!({ "callId": call_id, "sdp": OFFER_VIDEO });
        bench.say(page, "callbox.offer", offer);
        let offered = bench.request(&phone);
        assert_eq!(pictures(&body(&offered)), [true]);
        let answer = sdp_answer(&offered);
        match wants {
            true => bench.respond(&phone, &offered, Status::OK, Some(&answer)),
            false => bench.respond(&phone, &offered, Status::NOT_ACCEPTABLE_HERE, None),
        }
        let frames = bench.take(page);
        let answer = frames.iter().find(|it| it["message"] == "callbox.answer");
        let answer = answer.unwrap()["data"][0]["sdp"].as_str().unwrap();
        assert_eq!(pictures(answer), [wants]);
        let call = bench.switch.calls.iter().next().unwrap().view();
        assert_eq!(call.video.is_some(), wants);
    }
}

#[test]
fn a_picture_that_a_telephone_does_not_want_is_refused_and_not_asked_for_again() {
    let mut talk = browser_talks();
    talk.offer(2, OFFER_VIDEO);
    talk.other_is_offered(&no_picture(&desk("0", "sendrecv")));
    assert_eq!(pictures(&talk.answered(2).1), [false]);
    // A hold that repeats the offer of a picture.
    talk.offer(3, &OFFER_VIDEO.replace("a=sendrecv", "a=sendonly"));
    let (status, answer) = talk.answered(3);
    assert_eq!((status, pictures(&answer)), (Status::OK, vec![false]));
    let offered = talk.other_is_offered(&no_picture(&desk("0", "recvonly")));
    assert_eq!(pictures(&offered), [false], "it is told of the hold alone");
}

#[test]
fn a_re_invite_without_an_offer_gets_all_that_the_partner_has_a_refused_picture_too() {
    let mut bench = bench();
    bench.open_ports(8);
    let phone = bench.udp_phone("1001");
    let offer = format!("{}m=video 0 RTP/AVP 97\r\n", desk("0 8", "sendrecv"));
    let (ok, ..) = bench.talk_to_page(&phone, "", &offer);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.send(&phone, &phone.in_dialog("INVITE", &ok, 2));
    let response = bench.final_response(&phone);
    let offered = String::from_utf8(response.body().to_vec()).unwrap();
    assert!(offered.contains("m=audio 20000 RTP/AVP 0 8 "), "{offered}");
    assert_eq!(pictures(&offered), [false], "{offered}");
    let lines = offered.lines().filter(|line| line.starts_with("m="));
    assert_eq!(lines.count(), 2, "no m-line goes");
}

#[test]
fn who_answers_with_another_codec_than_the_early_media_had_is_heard_by_a_telephone() {
    for accepts in [true, false] {
        let mut bench = bench_that_relays();
        bench.open_ports(8);
        let alice = bench.udp_phone("1001");
        let [one, two] = [(); 2].map(|()| bob(&mut bench));
        bench.dial_with(&alice, "bob", "", &desk("0 8", "sendrecv"));
        let (to_one, to_two) = (bench.request(&one), bench.request(&two));
        let early = desk("0", "sendrecv");
        bench.respond(&one, &to_one, Status::SESSION_PROGRESS, Some(&early));
        bench.respond(&two, &to_two, Status::OK, Some(&desk("8", "sendrecv")));
        let ok = bench.final_response(&alice);
        assert_eq!(ok.status(), Status::OK);
        bench.take_commands();
        bench.send(&alice, &alice.in_dialog("ACK", &ok, 1));
        let offered = bench.request(&alice);
        assert!(is(&offered, &Method::Invite));
        assert!(body(&offered).contains("RTP/AVP 8 "), "{}", body(&offered));
        if accepts {
            let answer = desk("8", "sendrecv");
            bench.respond(&alice, &offered, Status::OK, Some(&answer));
            let call = bench.switch.calls.iter().next().unwrap().view();
            assert_eq!(call.audio.as_deref(), Some("PCMA"));
            let media = orders(&bench.take_commands());
            assert!(
                media.iter().any(|it| it.starts_with("patch 1 ")),
                "{media:?}"
            );
        } else {
            let refusal = Status::NOT_ACCEPTABLE_HERE;
            bench.respond(&alice, &offered, refusal, None);
            assert_eq!(bench.end_code(), "transcoding_disabled");
            bench.assert_no_calls();
        }
    }
}

#[test]
fn who_answers_with_another_codec_than_the_early_media_of_a_page_ends_the_call() {
    let mut bench = bench_that_relays();
    bench.open_ports(8);
    let page = bench.guest("carol");
    let [one, two] = [(); 2].map(|()| bob(&mut bench));
    bench.call_with(page, "bob", OFFER_AUDIO);
    let (to_one, to_two) = (bench.request(&one), bench.request(&two));
    let early = desk("0", "sendrecv");
    bench.respond(&one, &to_one, Status::SESSION_PROGRESS, Some(&early));
    bench.respond(&two, &to_two, Status::OK, Some(&desk("8", "sendrecv")));
    assert_eq!(bench.last_status(page)["status"], "FAILED");
    assert_eq!(bench.end_code(), "transcoding_disabled");
    bench.assert_no_calls();
}

#[test]
fn who_was_held_while_his_call_was_handed_over_is_held_no_longer() {
    let mut bench = bench();
    let (phone, _, page, call_id) = page_talks(&mut bench, OFFER_AUDIO);
    let dave = bench.guest("dave");
    hold_page(&mut bench, page, &call_id);
    let hold = bench.request(&phone);
    let answer = desk("0", "recvonly");
    bench.respond(&phone, &hold, Status::OK, Some(&answer));
    bench.take_sip(&phone);
    let transfer = json!({ "callId": call_id, "target": "dave" });
    bench.say(page, "transfer", transfer);
    let (to_dave, offer) = bench.incoming(dave);
    assert!(offer.contains("a=sendrecv"), "dave is not on hold: {offer}");
    bench.answer_with(dave, &to_dave, &answer_to(&offer));
    let resumed = bench.request(&phone);
    assert!(is(&resumed, &Method::Invite));
    assert!(body(&resumed).contains("a=sendrecv"), "{}", body(&resumed));
}

#[test]
fn who_answers_with_another_codec_than_the_early_media_had_is_transcoded() {
    let mut bench = bench();
    bench.open_ports(8);
    let alice = bench.udp_phone("1001");
    let [one, two] = [(); 2].map(|()| bob(&mut bench));
    bench.dial_with(&alice, "bob", "", &desk("0 8", "sendrecv"));
    let (to_one, to_two) = (bench.request(&one), bench.request(&two));
    let early = desk("0", "sendrecv");
    bench.respond(&one, &to_one, Status::SESSION_PROGRESS, Some(&early));
    bench.respond(&two, &to_two, Status::OK, Some(&desk("8", "sendrecv")));
    let ok = bench.final_response(&alice);
    bench.send(&alice, &alice.in_dialog("ACK", &ok, 1));
    assert!(bench.take_sip(&alice).is_empty(), "it is offered nothing");
    let call = bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("PCMU/PCMA"));
}

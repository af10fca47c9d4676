//! Media of telephones: RTP on ports of the leg's own, codecs that both sides have.

use sip::flow::Transport;
use sip::message::{HeaderName, Method, Status};

use super::super::{Bench, OFFER_AUDIO, answer_to, bench, config, names, orders};
use super::{Phone, is};

/// What a desk phone offers.
const PHONE_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\n\
    t=0 0\r\nm=audio 6000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n";

/// What one with a camera offers beside it.
const PHONE_PICTURE: &str = "m=video 6002 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n\
    a=fmtp:97 profile-level-id=42e01f;packetization-mode=1\r\n";

/// The answer of a telephone that takes PCMU and no more.
fn pcmu(offer: &str) -> String {
    let answer = offer.replace(" 0 8 101", " 0");
    answer.replace("a=rtpmap:8 PCMA/8000\r\n", "")
}

#[test]
fn a_telephone_and_a_browser_agree_on_g711() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let (ok, page, call_id) = bench.talk_to_page(&phone, "", PHONE_OFFER);
    let answer = String::from_utf8(ok.body().to_vec()).unwrap();
    assert!(answer.contains("m=audio 20000 RTP/AVP 0"), "{answer}");
    assert!(!answer.contains("candidate"), "{answer}");
    assert!(!answer.contains("fingerprint"), "{answer}");
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 1 2".to_owned()), "{media:?}");
    assert!(media.contains(&"patch 2 1".to_owned()), "{media:?}");
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    bench.hang_up(page, &call_id);
    assert!(is(&bench.request(&phone), &Method::Bye));
    bench.assert_no_calls();
}

#[test]
fn a_browser_calls_a_telephone_with_what_a_telephone_understands() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.call(page, "1001");
    let invite = bench.request(&phone);
    let offer = std::str::from_utf8(invite.body()).unwrap();
    assert!(offer.contains("RTP/AVP"), "{offer}");
    assert!(!offer.contains("a=group:BUNDLE"), "{offer}");
    let answer = pcmu(PHONE_OFFER).replace(
        "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n",
        "",
    );
    // The picture is refused, the sound is not.
    let answer = format!("{answer}m=video 0 RTP/AVP 96\r\n");
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    assert!(is(&bench.request(&phone), &Method::Ack));
    assert_eq!(names(&bench.take(page)).last().unwrap(), "ESTABLISHED");
}

#[test]
fn media_is_encrypted_as_the_operator_wants_where_the_signalling_is() {
    use ::media::negotiate::Security::{Opportunistic, Plain, Required};
    for (srtp, transport, profile, keys) in [
        (Required, Transport::Tls, "RTP/SAVP", true),
        (Opportunistic, Transport::Tls, "RTP/AVP", true),
        (Plain, Transport::Tls, "RTP/AVP", false),
        (Required, Transport::Udp, "RTP/AVP", false),
        (Opportunistic, Transport::Tcp, "RTP/AVP", false),
    ] {
        let mut config = config();
        config.srtp = srtp;
        let mut bench = Bench::new(config);
        bench.open_ports(4);
        let phone = bench.silent_phone("1001", transport, "127.0.0.1:50001");
        bench.send(&phone, &phone.register(1, ""));
        assert_eq!(bench.response(&phone).status(), Status::OK);
        let page = bench.guest("carol");
        bench.call(page, "1001");
        let invite = bench.request(&phone);
        let offer = std::str::from_utf8(invite.body()).unwrap();
        let line = format!("m=audio 20000 {profile} ");
        assert!(offer.contains(&line), "{srtp:?} {transport:?}: {offer}");
        assert_eq!(offer.contains("a=crypto:"), keys, "{srtp:?} {transport:?}");
    }
}

#[test]
fn without_open_ports_a_telephone_is_told_so() {
    let mut bench = bench();
    let phone = bench.udp_phone("1001");
    bench.guest("carol");
    bench.dial_with(&phone, "carol", "", PHONE_OFFER);
    assert_eq!(
        bench.final_response(&phone).status(),
        Status::SERVICE_UNAVAILABLE
    );
}

#[test]
fn a_call_without_a_picture_leaves_the_ports_for_one_to_other_calls() {
    let mut bench = bench();
    bench.open_ports(3);
    let to_page = bench.udp_phone("1000");
    bench.talk_to_page(&to_page, "", PHONE_OFFER);
    let (first, second) = (bench.udp_phone("1001"), bench.udp_phone("1002"));
    // One more for each of two telephones.
    bench.dial_with(&first, "1002", "", PHONE_OFFER);
    let invite = bench.request(&second);
    let answer = pcmu(PHONE_OFFER);
    bench.respond(&second, &invite, Status::OK, Some(&answer));
    assert_eq!(bench.final_response(&first).status(), Status::OK);
}

#[test]
fn early_media_without_a_picture_gives_the_callers_ports_for_one_back() {
    let mut bench = bench();
    bench.open_ports(4);
    let (alice, bob) = (bench.udp_phone("1001"), bench.udp_phone("1002"));
    bench.dial_with(&alice, "1002", "", &format!("{PHONE_OFFER}{PHONE_PICTURE}"));
    let invite = bench.request(&bob);
    let early = format!("{}m=video 0 RTP/AVP 97\r\n", pcmu(PHONE_OFFER));
    bench.respond(&bob, &invite, Status::SESSION_PROGRESS, Some(&early));
    let told = bench.take_sip(&alice).pop().unwrap();
    assert_eq!(
        told.into_response().unwrap().status(),
        Status::SESSION_PROGRESS
    );
    let third = bench.udp_phone("1003");
    let (ok, ..) = bench.talk_to_page(&third, "", PHONE_OFFER);
    assert_eq!(ok.status(), Status::OK, "with the ports that were left");
}

#[test]
fn a_caller_whose_media_is_not_as_it_must_be_is_told_so_before_anybody_rings() {
    let mut bench = bench();
    // Refused, it takes none.
    bench.open_ports(1);
    let phone = tls_phone(&mut bench);
    let page = bench.guest("dave");
    bench.dial_with(&phone, "dave", "", PHONE_OFFER);
    assert!(bench.take(page).is_empty());
    let refused = bench.final_response(&phone);
    assert_eq!(refused.status(), Status::NOT_ACCEPTABLE_HERE);
    let warning = refused.headers().text(HeaderName::Warning).unwrap();
    assert!(
        warning.contains("Your device described its media"),
        "{warning}"
    );
    assert!(warning.contains("audio is not encrypted"), "{warning}");
    bench.assert_no_calls();
    let other = bench.udp_phone("1002");
    let (ok, ..) = bench.talk_to_page(&other, "", PHONE_OFFER);
    assert_eq!(ok.status(), Status::OK);
}

/// A telephone of a guest, registered over TLS.
fn tls_phone(bench: &mut Bench) -> Phone {
    let phone = bench.silent_phone("1001", Transport::Tls, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    assert_eq!(bench.response(&phone).status(), Status::OK);
    phone
}

#[test]
fn a_telephone_that_does_not_encrypt_what_it_has_to_ends_the_call_in_words() {
    let plain = pcmu(PHONE_OFFER);
    for (status, answer, code, words) in [
        (
            Status::OK,
            Some(&*plain),
            "bad_description",
            "audio is not encrypted",
        ),
        (
            Status::NOT_ACCEPTABLE_HERE,
            None,
            "refused",
            "It was offered encrypted media alone",
        ),
    ] {
        let mut bench = bench();
        bench.open_ports(4);
        let phone = tls_phone(&mut bench);
        let page = bench.guest("carol");
        bench.call_with(page, "1001", OFFER_AUDIO);
        let invite = bench.request(&phone);
        bench.respond(&phone, &invite, status, answer);
        let end = bench.last_status(page);
        assert_eq!(end["status"], "FAILED");
        assert_eq!(end["sipStatus"], 488);
        let sentence = end["sentence"].as_str().unwrap();
        assert!(sentence.contains(words), "{sentence}");
        assert!(
            sentence.contains("1001") && sentence.contains("sip.srtp"),
            "{sentence}"
        );
        assert_eq!(bench.end_code(), code);
        bench.assert_no_calls();
    }
}

#[test]
fn a_telephone_over_tls_talks_plain_where_it_may() {
    use ::media::negotiate::Security::{Opportunistic, Plain};
    for srtp in [Opportunistic, Plain] {
        let mut config = config();
        config.srtp = srtp;
        let mut bench = Bench::new(config);
        bench.open_ports(8);
        let phone = tls_phone(&mut bench);
        let (ok, page, call_id) = bench.talk_to_page(&phone, "", PHONE_OFFER);
        let answer = String::from_utf8(ok.body().to_vec()).unwrap();
        assert!(answer.contains(" RTP/AVP 0"), "{answer}");
        assert!(!answer.contains("a=crypto"), "{answer}");
        bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
        bench.hang_up(page, &call_id);
        bench.take_sip(&phone);
        bench.take(page);

        bench.call_with(page, "1001", OFFER_AUDIO);
        let invite = bench.request(&phone);
        let answer = pcmu(PHONE_OFFER);
        bench.respond(&phone, &invite, Status::OK, Some(&answer));
        assert_eq!(bench.last_status(page)["status"], "ESTABLISHED");
    }
}

#[test]
fn ports_of_a_call_that_did_not_come_about_serve_the_next() {
    let mut bench = bench();
    bench.open_ports(2);
    let phone = bench.udp_phone("1001");
    for cseq in 1..5 {
        let to = "<sip:nobody@example.org>";
        let uri = "sip:nobody@example.org";
        let invite = phone.numbered("INVITE", uri, (to, cseq), "", PHONE_OFFER);
        bench.send(&phone, &invite);
        assert_eq!(bench.final_response(&phone).status(), Status::NOT_FOUND);
    }
    let other = bench.udp_phone("1002");
    let (ok, ..) = bench.talk_to_page(&other, "", PHONE_OFFER);
    assert_eq!(ok.status(), Status::OK);
}

#[test]
fn a_call_without_an_offer_is_offered_what_the_answer_has() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.dial_with(&phone, "carol", "", "");
    let (call_id, offer) = bench.incoming(page);
    assert!(offer.contains("m=audio"), "{offer}");
    assert!(!offer.contains("m=video"), "{offer}");
    bench.answer_with(page, &call_id, &answer_to(&offer));
    let ok = bench.final_response(&phone);
    let offered = String::from_utf8(ok.body().to_vec()).unwrap();
    assert!(offered.contains("m=audio 20000 RTP/AVP"), "{offered}");
    bench.take_commands();
    let answer = pcmu(PHONE_OFFER);
    let ack = phone.in_dialog_with("ACK", &ok, 1, "", &answer);
    bench.send(&phone, &ack);
    let media = orders(&bench.take_commands());
    assert!(media.contains(&"patch 1 2".to_owned()), "{media:?}");
    assert_eq!(bench.switch.status().established, 1);
}

#[test]
fn an_ack_that_owes_an_answer_ends_the_call() {
    let mut bench = bench();
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let page = bench.guest("carol");
    bench.dial_with(&phone, "carol", "", "");
    let (call_id, offer) = bench.incoming(page);
    bench.answer(page, &call_id, &offer);
    let ok = bench.final_response(&phone);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    assert!(is(&bench.request(&phone), &Method::Bye));
    assert_eq!(bench.end_code(), "bad_description");
}

//! Accounts that may not use all codecs: what they are offered, and what becomes of what they offer.

use ::media::negotiate::Transcoding;
use ::media::plan::Format;
use ::media::sdp::{Description, Limits};
use sip::message::{Request, Status};

use super::household::{aor, hot};
use super::transcoding::with_one_codec;
use super::*;

/// As all is at the start, but for the codecs of these accounts.
fn config_with(codecs: &[(&str, &[Format])]) -> SwitchConfig {
    let codecs = codecs.iter();
    SwitchConfig {
        codecs: codecs
            .map(|(name, codecs)| (aor(name), codecs.to_vec()))
            .collect(),
        ..config()
    }
}

/// The codecs of a description in its order, by medium.
fn codecs_of(sdp: &str) -> [Vec<String>; 2] {
    let description = Description::parse(sdp, &Limits::default()).unwrap();
    let names = |kind: &str| {
        let mut media = description.media.iter();
        let media = media.find(|it| it.media.as_str() == kind && !it.is_refused());
        let codecs = media.into_iter().flat_map(|it| &it.codecs);
        let mut names: Vec<String> = codecs
            .map(|codec| codec.name.to_string())
            .filter(|name| name != "telephone-event" && name != "rtx")
            .collect();
        names.dedup();
        names
    };
    [names("audio"), names("video")]
}

fn sound_of(sdp: &str) -> Vec<String> {
    let [sound, _] = codecs_of(sdp);
    sound
}

fn body(request: &Request) -> &str {
    std::str::from_utf8(request.body()).unwrap()
}

/// The answer that a page has got to its offer.
fn answered(bench: &mut Bench, page: Page) -> String {
    let frames = bench.take(page);
    let mut described = frames.iter().filter(|it| it["message"] == "setRemoteSDP");
    let answer = described.next_back().expect("an answer");
    answer["data"][1].as_str().unwrap().to_owned()
}

#[test]
fn a_page_is_offered_the_codecs_of_its_account_alone_and_in_their_order() {
    let mut bench = Bench::new(config_with(&[("bob", &[Format::G722, Format::Opus])]));
    let (ann, bob) = (bench.guest("ann"), bench.account("bob"));
    bench.call_with(ann, "bob", OFFER_AUDIO);
    let (call_id, offer) = bench.incoming(bob);
    assert_eq!(sound_of(&offer), ["G722", "opus"]);
    bench.answer(bob, &call_id, &offer);
    assert_eq!(sound_of(&answered(&mut bench, ann)), ["G722", "opus"]);
}

#[test]
fn a_telephone_is_offered_the_codecs_of_its_account_alone_though_they_have_to_be_transcoded() {
    let mut bench = Bench::new(config_with(&[("bob", &[Format::G722, Format::Pcma])]));
    let (ann, phone) = (bench.guest("ann"), bench.account_phone("bob"));
    bench.call_with(ann, "bob", &with_one_codec(OFFER_AUDIO, "111"));
    let invite = bench.request(&phone);
    assert_eq!(sound_of(body(&invite)), ["G722", "PCMA"]);
    assert!(
        !body(&invite).contains("telephone-event/48000"),
        "no codec has its clock"
    );
    let answer = answer_to(body(&invite));
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    let call = bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("opus/G722"));
}

#[test]
fn what_an_account_may_not_use_is_as_good_as_not_offered() {
    let mut bench = Bench::new(config_with(&[("alice", &[Format::Pcma, Format::Opus])]));
    let (alice, ben) = (bench.account("alice"), bench.guest("ben"));
    bench.call_with(alice, "ben", OFFER_AUDIO);
    let (call_id, offer) = bench.incoming(ben);
    assert_eq!(
        sound_of(&offer)[..2],
        ["PCMA", "opus"],
        "what she has comes first"
    );
    bench.answer(ben, &call_id, &offer);
    let answer = answered(&mut bench, alice);
    assert_eq!(sound_of(&answer), ["PCMA", "opus"]);
    let call = bench.switch.calls.iter().next().unwrap().view();
    assert_eq!(call.audio.as_deref(), Some("PCMA"));
}

#[test]
fn an_answer_prefers_what_the_account_prefers() {
    // Ben's device has its own order, and both of them everything.
    let lists: [(&str, &[Format]); 2] = [
        ("alice", &[Format::G722, Format::Opus]),
        ("bob", &[Format::Opus, Format::G722]),
    ];
    let mut bench = Bench::new(config_with(&lists));
    let (alice, bob) = (bench.account("alice"), bench.account("bob"));
    bench.call_with(alice, "bob", OFFER_AUDIO);
    let (call_id, offer) = bench.incoming(bob);
    assert_eq!(sound_of(&offer), ["opus", "G722"]);
    bench.answer(bob, &call_id, &offer);
    assert_eq!(sound_of(&answered(&mut bench, alice)), ["G722", "opus"]);
}

#[test]
fn who_offers_nothing_that_his_account_may_use_hears_what_that_is() {
    let mut bench = Bench::new(config_with(&[("alice", &[Format::G722, Format::Opus])]));
    let (alice, _) = (bench.account("alice"), bench.guest("ben"));
    bench.call_with(alice, "ben", &with_one_codec(OFFER_AUDIO, "0"));
    let end = bench.last_status(alice);
    assert_eq!(
        (&end["status"], &end["sipStatus"]),
        (&json!("FAILED"), &json!(488))
    );
    let sentence = end["sentence"].as_str().unwrap();
    let what = "it offers PCMU, and its account may use G722,opus alone";
    assert!(sentence.ends_with(&what), "{sentence}");
    bench.assert_no_calls();
}

#[test]
fn where_nothing_fits_the_account_of_the_callee_both_lists_are_told() {
    let mut config = config_with(&[("bob", &[Format::G722, Format::Opus])]);
    config.media.policy.transcoding = Transcoding::Forbidden;
    let mut bench = Bench::new(config);
    let (ann, _) = (bench.guest("ann"), bench.account("bob"));
    bench.call_with(ann, "bob", &with_one_codec(OFFER_AUDIO, "0"));
    let end = bench.last_status(ann);
    assert_eq!(
        (&end["status"], &end["sipStatus"]),
        (&json!("FAILED"), &json!(488))
    );
    let sentence = end["sentence"].as_str().unwrap();
    let what = "Transcoding required, but disabled: ann has PCMU, bob has G722,opus.";
    assert!(sentence.starts_with(what), "{sentence}");
    bench.assert_no_calls();
}

#[test]
fn a_telephone_that_answers_with_another_codec_than_its_account_may_use_is_refused() {
    let mut bench = Bench::new(config_with(&[("bob", &[Format::Pcma])]));
    let (ann, phone) = (bench.guest("ann"), bench.account_phone("bob"));
    bench.call_with(ann, "bob", OFFER_AUDIO);
    let invite = bench.request(&phone);
    let answer = answer_to(body(&invite));
    let answer = answer.replace("PCMA/8000", "PCMU/8000");
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    let end = bench.last_status(ann);
    assert_eq!(
        (&end["status"], &end["sipStatus"]),
        (&json!("FAILED"), &json!(488))
    );
    bench.assert_no_calls();
}

#[test]
fn pictures_are_free_unless_one_is_named() {
    for (codecs, pictures) in [
        (&[Format::Opus][..], true),
        (&[Format::Opus, Format::H264][..], false),
    ] {
        let mut bench = Bench::new(config_with(&[("bob", codecs)]));
        let (ann, bob) = (bench.guest("ann"), bench.account("bob"));
        bench.call(ann, "bob");
        let [sound, picture] = codecs_of(&bench.incoming(bob).1);
        assert_eq!(sound, ["opus"]);
        assert_eq!(picture.contains(&"VP8".to_owned()), pictures);
        assert!(picture.contains(&"H264".to_owned()));
    }
}

#[test]
fn a_list_counts_from_the_next_description_on() {
    let mut bench = bench();
    let (ann, bob) = (bench.guest("ann"), bench.account("bob"));
    let talk = bench.talk(ann, bob, "bob");
    bench.handle(hot(config_with(&[("bob", &[Format::Pcmu])])));
    assert_eq!(bench.take(bob), Vec::<Value>::new(), "the call goes on");
    bench.hang_up(ann, &talk.caller_id);
    bench.take(ann);
    bench.take(bob);
    bench.call_with(ann, "bob", OFFER_AUDIO);
    assert_eq!(sound_of(&bench.incoming(bob).1), ["PCMU"]);
}

#[test]
fn a_later_offer_of_a_telephone_is_read_as_its_account_may_use_it() {
    // A guest's, which has nothing to prove.
    let mut bench = Bench::new(config_with(&[("1001", &[Format::Pcma, Format::Pcmu])]));
    bench.open_ports(4);
    let phone = bench.udp_phone("1001");
    let ben = bench.guest("ben");
    let offer = |codecs: &str| {
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio 6000 RTP/AVP {codecs}\r\n"
        )
    };
    bench.dial_with(&phone, "ben", "", &offer("9 0 8"));
    let (call_id, described) = bench.incoming(ben);
    assert_eq!(sound_of(&described)[..2], ["PCMA", "PCMU"]);
    bench.answer(ben, &call_id, &described);
    let ok = bench.final_response(&phone);
    assert_eq!(
        sound_of(std::str::from_utf8(ok.body()).unwrap()),
        ["PCMA", "PCMU"]
    );
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    let again = phone.in_dialog_with("INVITE", &ok, 2, "", &offer("9"));
    bench.send(&phone, &again);
    let refused = bench.final_response(&phone);
    assert_eq!(refused.status(), Status::NOT_ACCEPTABLE_HERE);
    let again = phone.in_dialog_with("INVITE", &ok, 3, "", &offer("9 0"));
    bench.send(&phone, &again);
    let ok = bench.final_response(&phone);
    assert_eq!(sound_of(std::str::from_utf8(ok.body()).unwrap()), ["PCMU"]);
}

//! Further offers and answers on a leg, and offers that nobody asked for.

use super::peer::{
    A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, accept, local, maps, media, parsed, payload_types,
    remote, stream, transcoded,
};
use super::phone::{PHONE, VIDEO, far_side, lines, offer_to_phone, phone_answer, phone_local, way};
use crate::ids::LegId;
use crate::ids::MediaKind::{self, Audio, Video};
use crate::negotiate::{
    Agreement, Bridge, Local, LocalAnswer, NegotiationError, Policy, Security, Source, Transcoding,
    answer, bridge, join, offer_from, reoffer, settle,
};
use crate::sdp::{Direction, Setup};

/// The leg's part for a further description.
fn again(mut local: Local) -> Local {
    local.session_version += 1;
    local
}

/// A browser, A, talks with a phone, B.
fn talking(a: &str) -> Bridge {
    let offered = offer_to_phone(a, Security::Plain);
    let answer = phone_answer(&offered.sdp).to_text();
    let result = bridge(
        (A, &remote(a), &local(A)),
        &offered,
        &answer,
        &Policy::default(),
    );
    result.expect("a bridge")
}

/// The phone, B, offers anew; its partner is A.
fn phone_offers(bridge: &Bridge, sdp: &str) -> Result<LocalAnswer, NegotiationError> {
    let ours = again(phone_local(B, Security::Plain));
    let source = Source::Agreement(&bridge.a);
    let policy = Policy::default();
    let most = Direction::SendRecv;
    answer(
        B,
        Some(&bridge.b),
        &policy,
        &remote(sdp),
        source,
        most,
        &ours,
    )
}

fn reoffered(bridge: &Bridge, most: Direction) -> crate::negotiate::LocalOffer {
    let ours = again(phone_local(B, Security::Plain));
    let source = Source::Agreement(&bridge.a);
    reoffer(&bridge.b, &Policy::default(), source, most, &ours).expect("an offer")
}

fn agreed(leg: LegId, agreement: &Agreement, kind: MediaKind) -> (bool, bool) {
    assert_eq!(agreement.leg(), leg);
    let plan = stream(agreement.plan(), kind);
    (plan.receive, plan.send)
}

#[test]
fn a_phone_holds_and_resumes_and_the_browser_is_left_alone() {
    let bridge = talking(CHROMIUM_AUDIO);
    let hold = format!("{PHONE}a=sendonly\r\n");
    let held = phone_offers(&bridge, &hold).expect("an answer");
    assert!(
        held.sdp.contains("o=- 7002 2 IN IP4"),
        "one version up: {}",
        held.sdp
    );
    assert!(held.sdp.contains("a=recvonly\r\n"));
    assert_eq!(agreed(B, &held.agreement, Audio), (true, false));
    assert_eq!(held.agreement.direction(Audio), Some(Direction::SendOnly));
    let resumed = phone_offers(&bridge, PHONE).expect("an answer");
    assert_eq!(agreed(B, &resumed.agreement, Audio), (true, true));
}

#[test]
fn a_phone_changes_its_codec_and_the_patches_follow() {
    let bridge = talking(CHROMIUM_AUDIO);
    let sdp = PHONE
        .replace("9 8 0 101", "0 96")
        .replace("101 tele", "96 tele");
    let changed = phone_offers(&bridge, &sdp).expect("an answer").agreement;
    assert_eq!(changed.codec(Audio), Some("PCMU"));
    let (a_to_b, b_to_a) = join(&bridge.a, &changed, &Policy::default());
    assert_eq!((a_to_b.source, a_to_b.sink), (A, B));
    assert_eq!(
        maps(&a_to_b.codecs, Audio),
        [(0, 0), (110, 96), (126, 96)],
        "and the browser's events at the clock of Opus"
    );
    assert_eq!(maps(&b_to_a.codecs, Audio), [(0, 0), (96, 126)]);
    // The browser was told that Opus is taken, and need not hear of the change.
    assert_eq!(transcoded(&a_to_b.codecs)[0], (111, 0));
    assert!(transcoded(&b_to_a.codecs).is_empty());
}

#[test]
fn a_codec_that_the_partner_has_not_agreed_to_is_refused_in_words_where_nothing_is_transcoded() {
    let without: String = CHROMIUM_AUDIO
        .lines()
        .filter(|line| !line.starts_with("a=rtpmap:0 ") && !line.starts_with("a=rtpmap:9 "))
        .map(|line| format!("{}\r\n", line.replace(" 9 0 8", " 8")))
        .collect();
    let bridge = talking(&without);
    let sdp = PHONE.replace("9 8 0 101", "0");
    let offer_anew = |transcoding| {
        let policy = Policy {
            transcoding,
            ..Policy::default()
        };
        let (source, ours) = (
            Source::Agreement(&bridge.a),
            again(phone_local(B, Security::Plain)),
        );
        let (before, most) = (Some(&bridge.b), Direction::SendRecv);
        answer(B, before, &policy, &remote(&sdp), source, most, &ours)
    };
    for (transcoding, why) in [
        (Transcoding::Forbidden, "transcoding required, but disabled"),
        (Transcoding::Full, "no room to transcode"),
    ] {
        let error = offer_anew(transcoding).expect_err("no codec");
        let said = format!("{why}: the caller offers PCMU, the callee accepts opus,PCMA");
        assert_eq!(error.to_string(), said);
    }
    let answered = offer_anew(Transcoding::Allowed).expect("an answer");
    assert_eq!(answered.agreement.codec(Audio), Some("PCMU"));
}

#[test]
fn a_phone_drops_its_picture_and_brings_it_back_in_the_same_m_line() {
    let bridge = talking(CHROMIUM_VIDEO);
    let with = |video: &str| phone_offers(&bridge, &format!("{PHONE}{video}"));
    let vp8 = "m=video 62002 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n";
    let without = with(&vp8.replace("62002", "0")).expect("an answer");
    assert!(parsed(&without.sdp).media[1].is_refused());
    assert_eq!(without.agreement.plan().streams.len(), 1);
    let back = with(vp8).expect("an answer");
    assert_eq!(media(&parsed(&back.sdp), Video).port, 20_010);
    assert_eq!(back.agreement.codec(Video), Some("VP8"));
    assert!(
        with(VIDEO)
            .expect("an answer")
            .agreement
            .codec(Video)
            .is_some()
    );
}

#[test]
fn we_hold_a_phone_and_resume_by_offers_of_ours() {
    let bridge = talking(CHROMIUM_AUDIO);
    for (most, line) in [
        (Direction::SendOnly, "a=sendonly"),
        (Direction::Inactive, "a=inactive"),
        (Direction::SendRecv, "a=sendrecv"),
    ] {
        let offered = reoffered(&bridge, most);
        assert!(lines(&offered.sdp).contains(&line), "{}", offered.sdp);
        assert!(offered.sdp.contains("o=- 7002 2 IN IP4"));
        assert_eq!(
            way(&offered.plan, Audio)
                .remote
                .as_ref()
                .and_then(|it| it.rtp),
            far_side(&bridge.plan_b, Audio).rtp,
            "until the answer comes all is as it was"
        );
        let answer = phone_answer(&offered.sdp).to_text();
        let settled = settle(&offered, &answer, &Policy::default()).expect("an agreement");
        assert_eq!(agreed(B, &settled, Audio), (most.receives(), most.sends()));
    }
}

#[test]
fn an_offer_again_keeps_ports_payload_types_and_keys() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Required);
    let answer = phone_answer(&offered.sdp).to_text();
    let a = (A, &remote(CHROMIUM_AUDIO), &local(A));
    let bridge = bridge(a, &offered, &answer, &Policy::default()).expect("a bridge");
    let again = reoffered(&bridge, Direction::SendRecv);
    let (first, second) = (&parsed(&offered.sdp).media[0], &parsed(&again.sdp).media[0]);
    assert_eq!(second.port, first.port);
    assert_eq!(second.protocol, "RTP/SAVP", "what was encrypted stays so");
    assert_eq!(second.crypto, first.crypto[..1]);
    assert_eq!(payload_types(second), payload_types(first));
}

#[test]
fn a_payload_type_never_changes_its_meaning() {
    // The phone has 96 for events; a partner that comes later has opus there.
    let ours = phone_local(B, Security::Plain);
    let sdp = PHONE.replace("101", "96");
    let policy = Policy::default();
    let source = Source::Everything(&[Audio]);
    let first = answer(
        B,
        None,
        &policy,
        &remote(&sdp),
        source,
        Direction::SendRecv,
        &ours,
    );
    let first = first.expect("an answer").agreement;
    let partner = remote(&CHROMIUM_AUDIO.replace("111", "96"));
    let source = Source::Offer(&partner);
    let offered = reoffer(&first, &policy, source, Direction::SendRecv, &again(ours));
    let offered = parsed(&offered.expect("an offer").sdp);
    let named = |name: &str| {
        let mut codecs = offered.media[0].codecs.iter();
        codecs
            .find(|it| it.is(name) && it.clock_rate != 16_000)
            .map(|it| it.payload_type)
    };
    assert_eq!(named("opus"), Some(127));
    let events = offered.media[0]
        .codecs
        .iter()
        .find(|it| it.is("telephone-event") && it.clock_rate == 8_000);
    assert_eq!(events.map(|it| it.payload_type), Some(96));
}

#[test]
fn an_m_line_is_switched_off_when_the_partner_has_no_picture_and_used_again_later() {
    let bridge = talking(CHROMIUM_VIDEO);
    let sound = talking(CHROMIUM_AUDIO);
    let ours = again(phone_local(B, Security::Plain));
    let policy = Policy::default();
    let source = Source::Agreement(&sound.a);
    let without = reoffer(&bridge.b, &policy, source, Direction::SendRecv, &ours);
    let without = without.expect("an offer");
    assert!(
        without.sdp.contains("m=video 0 RTP/AVP 0\r\n"),
        "{}",
        without.sdp
    );
    let answer = phone_answer(&without.sdp).to_text();
    let settled = settle(&without, &answer, &policy).expect("an agreement");
    assert_eq!(settled.codec(Video), None);

    let source = Source::Agreement(&bridge.a);
    let back = reoffer(&settled, &policy, source, Direction::SendRecv, &again(ours));
    let back = parsed(&back.expect("an offer").sdp);
    assert_eq!(back.media.len(), 2);
    assert_eq!(back.media[1].port, 20_010);
}

#[test]
fn a_picture_that_comes_later_gets_an_m_line_behind_the_others() {
    let sound = talking(CHROMIUM_AUDIO);
    let video = talking(CHROMIUM_VIDEO);
    let source = Source::Agreement(&video.a);
    let ours = again(phone_local(B, Security::Plain));
    let offered = reoffer(
        &sound.b,
        &Policy::default(),
        source,
        Direction::SendRecv,
        &ours,
    );
    let offered = offered.expect("an offer");
    let kinds: Vec<_> = parsed(&offered.sdp)
        .media
        .iter()
        .map(|it| it.kind())
        .collect();
    assert_eq!(kinds, [Some(Audio), Some(Video)]);
    let answer = phone_answer(&offered.sdp).to_text();
    let settled = settle(&offered, &answer, &Policy::default()).expect("an agreement");
    assert_eq!(settled.codec(Video), Some("VP8"));
}

#[test]
fn a_browser_over_sip_is_offered_anew_over_the_same_transport() {
    let bridge = talking(CHROMIUM_VIDEO);
    let source = Source::Agreement(&bridge.b);
    let policy = Policy::default();
    let offered = reoffer(
        &bridge.a,
        &policy,
        source,
        Direction::SendOnly,
        &again(local(A)),
    );
    let offered = offered.expect("an offer");
    let description = parsed(&offered.sdp);
    assert_eq!(description.bundle, [["0", "1"]]);
    assert!(
        description
            .media
            .iter()
            .all(|it| it.direction == Direction::SendOnly)
    );
    let answer = accept(&description).to_text();
    let settled = settle(&offered, &answer, &policy).expect("an agreement");
    assert_eq!(agreed(A, &settled, Video), (false, true));
}

/// A browser, A, offers anew in a call with a phone, B.
fn browser_offers(before: &Agreement, bridge: &Bridge, direction: Direction) -> LocalAnswer {
    let sdp = CHROMIUM_VIDEO.replace("a=sendrecv", &format!("a={direction}"));
    let source = Source::Agreement(&bridge.b);
    let (policy, most) = (Policy::default(), Direction::SendRecv);
    let ours = again(local(A));
    answer(A, Some(before), &policy, &remote(&sdp), source, most, &ours).expect("an answer")
}

#[test]
fn a_browser_that_holds_and_resumes_is_told_the_same_sources_all_along() {
    let bridge = talking(CHROMIUM_VIDEO);
    let first = parsed(&bridge.answer_to_a);
    let mut before = bridge.a.clone();
    for (theirs, ours) in [
        (Direction::SendOnly, Direction::RecvOnly),
        (Direction::Inactive, Direction::Inactive),
        (Direction::SendRecv, Direction::SendRecv),
        (Direction::SendOnly, Direction::RecvOnly),
        (Direction::SendRecv, Direction::SendRecv),
    ] {
        let answer = browser_offers(&before, &bridge, theirs);
        for (now, then) in parsed(&answer.sdp).media.iter().zip(&first.media) {
            assert_eq!(now.direction, ours);
            assert_eq!(now.msids, then.msids, "{theirs}");
            assert_eq!(now.sources, then.sources, "{theirs}");
            assert_eq!(now.source_groups, then.source_groups, "{theirs}");
            assert_eq!((&now.ice, now.setup), (&then.ice, then.setup));
            assert_eq!(now.fingerprints, then.fingerprints);
        }
        assert_eq!(first.media.len(), 2);
        assert!(first.media.iter().all(|media| !media.sources.is_empty()));
        before = answer.agreement;
    }
}

#[test]
fn a_browser_that_we_hold_by_an_offer_is_told_the_same_sources_still() {
    let bridge = talking(CHROMIUM_VIDEO);
    let source = Source::Agreement(&bridge.b);
    let (policy, ours) = (Policy::default(), again(local(A)));
    let offered = reoffer(&bridge.a, &policy, source, Direction::Inactive, &ours);
    let held = parsed(&offered.expect("an offer").sdp);
    for (now, then) in held.media.iter().zip(&parsed(&bridge.answer_to_a).media) {
        assert_eq!((&now.msids, &now.sources), (&then.msids, &then.sources));
        assert_eq!(now.direction, Direction::Inactive);
    }
}

#[test]
fn a_browser_that_only_sent_so_far_is_told_of_no_track() {
    let bridge = talking(&CHROMIUM_VIDEO.replace("a=sendrecv", "a=sendonly"));
    let again = browser_offers(&bridge.a, &bridge, Direction::SendOnly);
    for media in parsed(&again.sdp).media {
        assert!(media.msids.is_empty() && media.sources.is_empty());
    }
}

#[test]
fn the_roles_of_an_association_that_goes_on_are_kept() {
    let offered = offer_to_phone(CHROMIUM_VIDEO, Security::Plain);
    let phone = settle(
        &offered,
        &phone_answer(&offered.sdp).to_text(),
        &Policy::default(),
    );
    let phone = phone.expect("an agreement");
    let to_browser = offer_from(A, &Policy::default(), Source::Agreement(&phone), &local(A));
    let to_browser = to_browser.expect("an offer");
    for (theirs, ours) in [
        (Setup::Passive, Setup::Active),
        (Setup::Active, Setup::Passive),
    ] {
        let mut accepted = accept(&parsed(&to_browser.sdp));
        for media in &mut accepted.media {
            media.setup = Some(theirs);
        }
        let before = settle(&to_browser, &accepted.to_text(), &Policy::default());
        let before = before.expect("an agreement");
        let reply = answer(
            A,
            Some(&before),
            &Policy::default(),
            &remote(CHROMIUM_VIDEO),
            Source::Agreement(&phone),
            Direction::SendRecv,
            &again(local(A)),
        );
        let reply = parsed(&reply.expect("an answer").sdp);
        assert_eq!(reply.media[0].setup, Some(ours));
    }
}

#[test]
fn an_invitation_without_an_offer_gets_one_of_ours_and_is_answered() {
    let policy = Policy::default();
    // The browser is called first, with all we have.
    let source = Source::Everything(&[Audio]);
    let to_browser = offer_from(A, &policy, source, &local(A)).expect("an offer");
    let accepted = accept(&parsed(&to_browser.sdp)).to_text();
    let browser = settle(&to_browser, &accepted, &policy).expect("an agreement");
    // The phone then is offered what the browser took.
    let source = Source::Agreement(&browser);
    let ours = phone_local(B, Security::Plain);
    let to_phone = offer_from(B, &policy, source, &ours).expect("an offer");
    let answer = "v=0\r\no=x 1 1 IN IP4 192.0.2.50\r\ns=-\r\nc=IN IP4 192.0.2.50\r\nt=0 0\r\n\
         m=audio 62000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let phone = settle(&to_phone, answer, &policy).expect("an agreement");
    let (to, from) = join(&browser, &phone, &policy);
    assert_eq!(
        maps(&to.codecs, Audio),
        [(0, 0), (110, 101), (101, 101)],
        "and the browser's events at the clock of Opus"
    );
    assert_eq!(maps(&from.codecs, Audio), [(0, 0), (101, 101)]);
    assert_eq!(transcoded(&to.codecs)[0], (111, 0), "the browser's first");
    assert!(to.transcodes() && !from.transcodes());
}

#[test]
fn an_answer_that_leaves_nothing_says_so() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Plain);
    let refused = "v=0\r\no=x 1 1 IN IP4 192.0.2.50\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\n";
    let error = settle(&offered, refused, &Policy::default()).expect_err("nothing");
    assert_eq!(
        error.to_string(),
        "no common codec: the caller offers opus,G722,PCMU,PCMA,speex,G729, the \
         callee accepts none"
    );
}

#[test]
fn each_early_dialog_may_answer_the_same_offer() {
    let offered = offer_to_phone(CHROMIUM_AUDIO, Security::Plain);
    for port in [62_000, 63_000] {
        let answer = phone_answer(&offered.sdp)
            .to_text()
            .replace("62000", &port.to_string());
        let settled = settle(&offered, &answer, &Policy::default()).expect("an agreement");
        let remote = far_side(settled.plan(), Audio).rtp;
        assert_eq!(remote.map(|it| it.port()), Some(port));
    }
}

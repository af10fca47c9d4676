//! Whether a change on one leg is the other leg's business, and what each far side wants.

use super::peer::{A, B, CHROMIUM_AUDIO, CHROMIUM_VIDEO, local, parsed, remote};
use super::phone::{PHONE, offer_to_phone, phone_answer, phone_local};
use crate::ids::MediaKind::Video;
use crate::negotiate::{
    Agreement, Bridge, Local, Policy, Security, Source, Transcoding, answer, asks_for_more, bridge,
    reoffer, settle, suits,
};
use crate::sdp::Direction::{self, Inactive, RecvOnly, SendOnly, SendRecv};

fn again(mut local: Local) -> Local {
    local.session_version += 1;
    local
}

/// A browser, A, talks with a phone, B.
fn talking(a: &str) -> Bridge {
    let offered = offer_to_phone(a, Security::Plain);
    let answer = phone_answer(&offered.sdp).to_text();
    let a = (A, &remote(a), &local(A));
    bridge(a, &offered, &answer, &Policy::default()).expect("a bridge")
}

/// The phone offers anew.
fn phone_offers(before: &Agreement, partner: Source<'_>, sdp: &str) -> Agreement {
    let ours = again(phone_local(B, Security::Plain));
    let policy = Policy::default();
    let offer = remote(sdp);
    let answered = answer(B, Some(before), &policy, &offer, partner, SendRecv, &ours);
    answered.expect("an answer").agreement
}

/// The browser offers anew.
fn browser_offers(bridge: &Bridge, sdp: &str) -> Agreement {
    let (policy, offer, ours) = (Policy::default(), remote(sdp), again(local(A)));
    let partner = Source::Willing(&bridge.b);
    let answered = answer(
        A,
        Some(&bridge.a),
        &policy,
        &offer,
        partner,
        SendRecv,
        &ours,
    );
    answered.expect("an answer").agreement
}

/// We offer the phone anew; it answers with `theirs`, as it sees it.
fn reoffered(before: &Agreement, partner: &Agreement, most: Direction, theirs: &str) -> Agreement {
    let ours = again(phone_local(B, Security::Plain));
    let (policy, source) = (Policy::default(), Source::Willing(partner));
    let offered = reoffer(before, &policy, source, most, &ours).expect("an offer");
    let mut answer = phone_answer(&offered.sdp);
    for media in &mut answer.media {
        media.direction = parsed(&format!("{PHONE}a={theirs}\r\n")).media[0].direction;
    }
    settle(&offered, &answer.to_text(), &policy).expect("an agreement")
}

/// Nothing is transcoded.
fn fits(leg: &Agreement, partner: Source<'_>, most: Direction) -> bool {
    let policy = Policy {
        transcoding: Transcoding::Forbidden,
        ..Policy::default()
    };
    suits(leg, partner, most, &policy)
}

#[test]
fn addresses_payload_types_and_the_order_of_codecs_are_a_legs_own() {
    let bridge = talking(CHROMIUM_AUDIO);
    let sdp = PHONE
        .replace("192.0.2.50", "192.0.2.77")
        .replace("9 8 0 101", "0 8 9 96")
        .replace("101 tele", "96 tele");
    assert!(!asks_for_more(&remote(&sdp), &bridge.b, &bridge.a));
    let moved = phone_offers(&bridge.b, Source::Agreement(&bridge.a), &sdp);
    assert!(fits(&bridge.a, Source::Willing(&moved), SendRecv));
}

#[test]
fn a_codec_that_the_partner_no_longer_has_is_its_business() {
    let bridge = talking(CHROMIUM_AUDIO);
    let pcmu = PHONE.replace("9 8 0 101", "0 101");
    let narrow = phone_offers(&bridge.b, Source::Agreement(&bridge.a), &pcmu);
    let source = Source::Willing(&bridge.a);
    assert!(fits(&narrow, source, SendRecv));
    let pcma = CHROMIUM_AUDIO.replace(" 111 63 9 0 8 13 110 126", " 8 126");
    let changed = browser_offers(&bridge, &pcma);
    assert_eq!(changed.codec(crate::ids::MediaKind::Audio), Some("PCMA"));
    let changed_source = Source::Willing(&changed);
    assert!(!fits(&narrow, changed_source, SendRecv));
    let transcoding = Policy::default();
    assert!(suits(&narrow, changed_source, SendRecv, &transcoding));
    assert!(asks_for_more(&remote(&pcma), &bridge.a, &narrow));
    assert!(!asks_for_more(&remote(CHROMIUM_AUDIO), &bridge.a, &narrow));
}

#[test]
fn a_picture_that_the_partner_drops_is_its_business_and_one_that_it_brings_is_asked_for_once() {
    let bridge = talking(CHROMIUM_VIDEO);
    let sound = browser_offers(&bridge, CHROMIUM_AUDIO);
    assert!(!fits(&bridge.b, Source::Willing(&sound), SendRecv));
    let without = reoffered(&bridge.b, &sound, SendRecv, "sendrecv");
    assert!(without.codec(Video).is_none());
    assert!(fits(&without, Source::Willing(&sound), SendRecv));
    // It comes back: the phone is asked.
    let video = remote(CHROMIUM_VIDEO);
    assert!(asks_for_more(&video, &sound, &without));
    // The phone does not want it: the browser may offer it each time.
    let partner = Source::Willing(&without);
    let (policy, ours) = (Policy::default(), again(local(A)));
    let refused = answer(A, Some(&sound), &policy, &video, partner, SendRecv, &ours);
    let refused = refused.expect("an answer").agreement;
    assert!(fits(&without, Source::Willing(&refused), SendRecv));
    assert!(!asks_for_more(&video, &bridge.a, &without), "it had one");
}

#[test]
fn a_phone_hears_of_hold_and_of_its_end_and_a_browser_only_of_what_it_needs() {
    let bridge = talking(CHROMIUM_AUDIO);
    let (a, b) = (&bridge.a, &bridge.b);
    assert!(fits(b, Source::Agreement(a), SendRecv));
    assert!(!fits(b, Source::Agreement(a), SendOnly), "held by a page");
    let held = reoffered(b, a, SendOnly, "recvonly");
    assert_eq!(held.direction(crate::ids::MediaKind::Audio), Some(RecvOnly));
    assert!(fits(&held, Source::Agreement(a), SendOnly));
    assert!(!fits(&held, Source::Agreement(a), SendRecv), "no longer");

    let hold = phone_offers(b, Source::Agreement(a), &format!("{PHONE}a=sendonly\r\n"));
    assert!(fits(a, Source::Willing(&hold), SendRecv), "the browser");
    assert!(fits(a, Source::Willing(b), SendRecv));
}

#[test]
fn who_is_held_by_us_does_not_hold() {
    let bridge = talking(CHROMIUM_AUDIO);
    for (most, theirs, holds) in [
        (SendOnly, "recvonly", false),
        (SendOnly, "inactive", true),
        (Inactive, "inactive", false),
        (SendRecv, "sendonly", true),
        (SendRecv, "sendrecv", false),
    ] {
        let settled = reoffered(&bridge.b, &bridge.a, most, theirs);
        assert_eq!(settled.holds(), holds, "{most} {theirs}");
        // What it would do if we let it is what others are told.
        let resumed = browser_offers(
            &Bridge {
                b: settled,
                ..talking(CHROMIUM_AUDIO)
            },
            CHROMIUM_AUDIO,
        );
        let expected = if holds { RecvOnly } else { SendRecv };
        let shown = resumed.direction(crate::ids::MediaKind::Audio);
        assert_eq!(shown, Some(expected));
    }
}

#[test]
fn who_holds_is_not_told_of_the_partners_hold_before_it_resumes() {
    let bridge = talking(CHROMIUM_AUDIO);
    let hold = format!("{PHONE}a=sendonly\r\n");
    let holding = phone_offers(&bridge.b, Source::Agreement(&bridge.a), &hold);
    assert!(holding.holds());
    assert!(fits(&holding, Source::Agreement(&bridge.a), SendOnly));
}

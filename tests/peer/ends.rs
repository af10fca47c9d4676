//! Calls whose media cannot be, or dies: each ends with its own reason, told to both.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::Audio;

use super::calls::{Call, Change, UNCHANGED};
use super::make::AUDIO;
use super::source::{Source, receives};

/// Another certificate than the one that is going to be shown.
fn with_a_wrong_fingerprint(sdp: String) -> String {
    let mark = "a=fingerprint:sha-256 ";
    let at = sdp.find(mark).expect("a fingerprint") + mark.len();
    let wrong = if &sdp[at..at + 2] == "00" { "11" } else { "00" };
    format!("{}{wrong}{}", &sdp[..at], &sdp[at + 2..])
}

/// Both are told that the call failed by `info`, in a sentence of their own that has this in it.
async fn fails(call: &mut Call, info: &str, alice: &str, bob: &str) {
    for (person, words) in [(&mut call.alice, alice), (&mut call.bob, bob)] {
        let end = person.ended().await;
        assert_eq!(end["status"], "FAILED", "{}: {end}", person.name);
        assert_eq!(end["info"], info, "{}: {end}", person.name);
        let sentence = end["sentence"].as_str().unwrap();
        assert!(sentence.contains(words), "{}: {sentence}", person.name);
    }
}

#[tokio::test]
async fn a_caller_with_another_certificate_than_announced_gets_no_media() {
    let caller = (AUDIO, with_a_wrong_fingerprint as Change);
    let mut call = Call::answered("", caller, (AUDIO, UNCHANGED)).await;
    let answer = call.alice.description().await;
    call.alice.agent.accept(answer).await;
    let info = "Failed by DTLS fingerprint error";
    fails(
        &mut call,
        info,
        "Your browser showed another",
        "alice's browser showed another",
    )
    .await;
    nothing_passed(&call);
}

#[tokio::test]
async fn a_callee_with_another_certificate_than_announced_gets_no_media() {
    let callee = (AUDIO, with_a_wrong_fingerprint as Change);
    let mut call = Call::answered("", (AUDIO, UNCHANGED), callee).await;
    let answer = call.alice.description().await;
    call.alice.agent.accept(answer).await;
    let info = "Failed by DTLS fingerprint error";
    fails(
        &mut call,
        info,
        "bob's browser showed another",
        "Your browser showed another",
    )
    .await;
    nothing_passed(&call);
}

fn nothing_passed(call: &Call) {
    for person in [&call.alice, &call.bob] {
        let heard = person.agent.record.look();
        assert!(
            heard.wire.is_empty(),
            "{} got media: {:?}",
            person.name,
            heard.wire
        );
        assert!(heard.delivered.is_empty());
    }
}

#[tokio::test]
async fn a_caller_whose_checks_never_come_fails_after_the_set_up_time() {
    let settings = "setup_timeout_s = 1";
    // Alice is never told the answer, so she sends nothing.
    let mut call = Call::answered(settings, (AUDIO, UNCHANGED), (AUDIO, UNCHANGED)).await;
    let info = "Failed by ICE error";
    fails(
        &mut call,
        info,
        "Your browser did not reach",
        "alice's browser did not reach",
    )
    .await;
    nothing_passed(&call);
}

#[tokio::test]
async fn a_peer_that_vanishes_ends_the_call_when_its_consent_has_run_out() {
    // Five seconds are the least that can be configured.
    let mut call = Call::between("consent_timeout_s = 5", AUDIO, AUDIO).await;
    let from_alice = Source::start(&call.alice.agent, Audio, 0xa);
    let from_bob = Source::start(&call.bob.agent, Audio, 0xb);
    receives(&call.bob.agent, &from_alice, 20).await;
    receives(&call.alice.agent, &from_bob, 20).await;
    call.bob.agent.vanish();
    let info = "Failed by ICE error";
    fails(
        &mut call,
        info,
        "to bob's browser broke",
        "to your browser broke",
    )
    .await;
}

#[tokio::test]
async fn a_peer_connection_that_is_closed_without_a_hangup_ends_the_call() {
    let mut call = Call::between("", AUDIO, AUDIO).await;
    call.bob.agent.close().await;
    let info = "Failed by error";
    let alice = "The browser of bob closed the call's sound and picture";
    let bob = "Your browser closed the call's sound and picture";
    fails(&mut call, info, alice, bob).await;
}

#[tokio::test]
async fn a_peer_that_is_there_but_sends_nothing_ends_the_call_after_the_inactivity_time() {
    let mut call = Call::between("inactivity_timeout_s = 5", AUDIO, AUDIO).await;
    let from_alice = Source::start(&call.alice.agent, Audio, 0xa);
    receives(&call.bob.agent, &from_alice, 20).await;
    let info = "Failed by RTP activity";
    fails(
        &mut call,
        info,
        "came from bob's browser",
        "came from your browser",
    )
    .await;
}

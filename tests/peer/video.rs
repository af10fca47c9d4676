//! Sound and picture, both ways, one way, and refused.

use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::{Audio, Video};

use super::calls::{Call, Person, UNCHANGED};
use super::make::{AUDIO, AUDIO_AND_VIDEO, VIDEO_TO_SEE_ALONE};
use super::source::{Arrived, Source, finish, is_whole, receives};

#[tokio::test]
async fn vp8_and_opus_arrive_on_both_sides_byte_for_byte_and_in_order() {
    let mut call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let sources = [
        (true, Source::start(&call.alice.agent, Audio, 1)),
        (true, Source::start(&call.alice.agent, Video, 2)),
        (false, Source::start(&call.bob.agent, Audio, 3)),
        (false, Source::start(&call.bob.agent, Video, 4)),
    ];
    for (to_bob, source) in &sources {
        receives(receiver(&call, *to_bob), source, 100).await;
    }
    let mut ssrcs = Vec::new();
    for (to_bob, source) in sources {
        let (kind, agent) = (source.content.kind, receiver(&call, to_bob));
        let arrived = finish(agent, source).await;
        assert!(
            is_whole(&arrived.counters),
            "{kind}: {:?}",
            arrived.counters
        );
        if kind == Video {
            assert_eq!(
                arrived.keyframes.first(),
                arrived.counters.first(),
                "a picture begins with a keyframe"
            );
        }
        ssrcs.push(arrived.ssrc);
    }
    ssrcs.sort_unstable();
    ssrcs.dedup();
    assert_eq!(ssrcs.len(), 4, "no two streams share an SSRC");
    call.hang_up().await;
}

fn receiver(call: &Call, to_bob: bool) -> &super::agent::Agent {
    if to_bob {
        &call.bob.agent
    } else {
        &call.alice.agent
    }
}

#[tokio::test]
async fn a_caller_without_a_camera_sees_the_other_and_is_not_seen() {
    let call = Call::between("", VIDEO_TO_SEE_ALONE, AUDIO_AND_VIDEO).await;
    let arrived = one_way(&call.bob, &call.alice).await;
    assert!(is_whole(&arrived.counters), "{:?}", arrived.counters);
}

#[tokio::test]
async fn a_callee_without_a_camera_sees_the_other_and_is_not_seen() {
    let call = Call::between("", AUDIO_AND_VIDEO, VIDEO_TO_SEE_ALONE).await;
    let arrived = one_way(&call.alice, &call.bob).await;
    assert!(is_whole(&arrived.counters), "{:?}", arrived.counters);
}

/// Sound both ways, picture from one to the other alone. Gives the picture as it arrived.
async fn one_way(from: &Person, to: &Person) -> Arrived {
    let back = Source::start(&to.agent, Audio, 1);
    let forth = Source::start(&from.agent, Audio, 2);
    let picture = Source::start(&from.agent, Video, 3);
    receives(&from.agent, &back, 50).await;
    receives(&to.agent, &forth, 50).await;
    receives(&to.agent, &picture, 100).await;
    assert!(is_whole(&finish(&from.agent, back).await.counters));
    assert!(is_whole(&finish(&to.agent, forth).await.counters));
    let arrived = finish(&to.agent, picture).await;
    let seen = from.agent.record.look().delivered(Video).len();
    assert_eq!(seen, 0, "{} shows no picture", to.name);
    arrived
}

#[tokio::test]
async fn a_caller_with_a_camera_talks_to_a_callee_who_knows_no_video() {
    let mut call = Call::answered("", (AUDIO_AND_VIDEO, UNCHANGED), (AUDIO, UNCHANGED)).await;
    let answer = call.alice.description().await;
    let video = section(&answer, "m=video");
    assert!(
        video.starts_with("m=video 0 "),
        "it is refused (RFC 3264 6): {video}"
    );
    assert!(
        section(&answer, "m=audio").contains("a=sendrecv"),
        "{answer}"
    );
    call.alice.agent.accept(answer).await;
    sound_flows(&call).await;
}

#[tokio::test]
async fn a_caller_without_video_talks_to_a_callee_with_a_camera() {
    let call = Call::between("", AUDIO, AUDIO_AND_VIDEO).await;
    sound_flows(&call).await;
}

async fn sound_flows(call: &Call) {
    call.alice.agent.connected().await;
    call.bob.agent.connected().await;
    let from_alice = Source::start(&call.alice.agent, Audio, 1);
    let from_bob = Source::start(&call.bob.agent, Audio, 2);
    receives(&call.bob.agent, &from_alice, 50).await;
    receives(&call.alice.agent, &from_bob, 50).await;
    assert!(is_whole(
        &finish(&call.bob.agent, from_alice).await.counters
    ));
    assert!(is_whole(
        &finish(&call.alice.agent, from_bob).await.counters
    ));
}

fn section<'a>(sdp: &'a str, start: &str) -> &'a str {
    let at = sdp
        .find(start)
        .unwrap_or_else(|| panic!("no {start} in {sdp}"));
    let rest = &sdp[at..];
    rest[2..].find("m=").map_or(rest, |end| &rest[..end + 2])
}

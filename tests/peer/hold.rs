//! Hold stops media at the server, whatever is still sent; what comes after is the same stream.

use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::{Audio, Video};

use super::calls::{Call, Person};
use super::make::{AUDIO, AUDIO_AND_VIDEO};
use super::source::{Arrived, Source, finish, receives, sends};

/// Packets that may still be on their way when hold is answered: a fifth of a second of them.
const ON_THE_WAY: u32 = 40;

#[tokio::test]
async fn hold_stops_sound_in_both_directions_and_resume_goes_on_in_the_same_stream() {
    let mut call = Call::between("", AUDIO, AUDIO).await;
    let from_alice = Source::start(&call.alice.agent, Audio, 0xa);
    let from_bob = Source::start(&call.bob.agent, Audio, 0xb);
    receives(&call.bob.agent, &from_alice, 20).await;
    receives(&call.alice.agent, &from_bob, 20).await;

    hold(&mut call.alice).await;
    let held = (from_alice.sent(), from_bob.sent());
    let until = (
        stays_held(&call.alice, &from_alice).await,
        stays_held(&call.bob, &from_bob).await,
    );
    unhold(&mut call.alice).await;
    let resumed = (from_alice.sent(), from_bob.sent());
    arrives_after(&call.bob, &from_alice, resumed.0).await;
    arrives_after(&call.alice, &from_bob, resumed.1).await;

    let at_bob = finish(&call.bob.agent, from_alice).await;
    let at_alice = finish(&call.alice.agent, from_bob).await;
    nothing_between(&at_bob, held.0 + ON_THE_WAY, until.0);
    nothing_between(&at_alice, held.1 + ON_THE_WAY, until.1);
    call.hang_up().await;
}

#[tokio::test]
async fn a_held_picture_comes_back_with_a_keyframe_that_was_asked_for() {
    let mut call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let source = Source::start(&call.alice.agent, Video, 0xa);
    receives(&call.bob.agent, &source, 40).await;

    hold(&mut call.bob).await;
    let held = source.sent();
    let until = stays_held(&call.alice, &source).await;
    let asked = requests(&call.alice);
    unhold(&mut call.bob).await;
    arrives_after(&call.bob, &source, until).await;
    assert!(requests(&call.alice) > asked, "nobody asked for a keyframe");

    let arrived = finish(&call.bob.agent, source).await;
    nothing_between(&arrived, held + ON_THE_WAY, until);
    let first_after = *arrived.counters.iter().find(|it| **it >= until).unwrap();
    assert!(
        arrived.keyframes.contains(&first_after),
        "packet {first_after} came first and begins no keyframe: {:?}",
        arrived.keyframes
    );
}

#[tokio::test]
async fn what_both_have_held_flows_again_when_both_have_resumed() {
    let mut call = Call::between("", AUDIO, AUDIO).await;
    let source = Source::start(&call.alice.agent, Audio, 0xa);
    receives(&call.bob.agent, &source, 20).await;
    hold(&mut call.alice).await;
    hold(&mut call.bob).await;
    let held = source.sent();
    unhold(&mut call.alice).await;
    let until = stays_held(&call.alice, &source).await;
    unhold(&mut call.bob).await;
    arrives_after(&call.bob, &source, until).await;
    let arrived = finish(&call.bob.agent, source).await;
    nothing_between(&arrived, held + ON_THE_WAY, until);
}

async fn hold(person: &mut Person) {
    person.order("hold").await;
    let answer = person.hear("hold").await;
    assert_eq!(answer[0]["status"], "HOLD", "{}", person.name);
}

async fn unhold(person: &mut Person) {
    person.order("unhold").await;
    let answer = person.hear("talk").await;
    assert_eq!(answer[0]["status"], "ESTABLISHED", "{}", person.name);
}

/// Gives the count before which nothing may have passed: all of it had time to arrive meanwhile.
async fn stays_held(person: &Person, source: &Source) -> u32 {
    let until = sends(&person.agent, source, 2 * ON_THE_WAY).await;
    sends(&person.agent, source, ON_THE_WAY).await;
    until
}

async fn arrives_after(person: &Person, source: &Source, counter: u32) {
    let content = source.content;
    let later = |payload: &[u8]| content.counter(payload).is_some_and(|it| it.0 >= counter);
    person
        .agent
        .record
        .until("a packet sent after resuming", |heard| {
            let mut packets = heard.delivered.iter();
            packets
                .any(|(_, packet)| later(&packet.payload))
                .then_some(())
        })
        .await;
}

fn nothing_between(arrived: &Arrived, from: u32, to: u32) {
    assert!(from < to);
    let passed: Vec<_> = arrived
        .counters
        .iter()
        .filter(|it| (from..to).contains(*it))
        .collect();
    assert!(
        passed.is_empty(),
        "{passed:?} passed while the call was held"
    );
}

fn requests(person: &Person) -> usize {
    person
        .agent
        .record
        .look()
        .rtcp_of::<PictureLossIndication>()
        .len()
}

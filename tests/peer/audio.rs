//! Sound alone.

use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::Audio;
use serde_json::json;

use super::calls::{Call, Change};
use super::make::{AUDIO, OPUS};
use super::source::{Source, finish, is_whole, receives};

#[tokio::test]
async fn opus_arrives_on_the_other_side_byte_for_byte_and_in_order() {
    let mut call = Call::between("", AUDIO, AUDIO).await;
    let from_alice = Source::start(&call.alice.agent, Audio, 0xa);
    let from_bob = Source::start(&call.bob.agent, Audio, 0xb);
    receives(&call.bob.agent, &from_alice, 100).await;
    receives(&call.alice.agent, &from_bob, 100).await;
    let at_bob = finish(&call.bob.agent, from_alice).await;
    let at_alice = finish(&call.alice.agent, from_bob).await;
    assert!(is_whole(&at_bob.counters), "{:?}", at_bob.counters);
    assert!(is_whole(&at_alice.counters), "{:?}", at_alice.counters);
    call.hang_up().await;
}

const TELEPHONE_EVENT: u8 = 110;

/// The crate leaves the format out of its descriptions: it goes in by hand.
fn with_telephone_events(sdp: String) -> String {
    let with_number = sdp.replacen(" 111\r\n", &format!(" 111 {TELEPHONE_EVENT}\r\n"), 1);
    let opus = "a=rtpmap:111 opus/48000/2\r\n";
    let event = format!("{opus}a=rtpmap:{TELEPHONE_EVENT} telephone-event/48000\r\n");
    with_number.replacen(opus, &event, 1)
}

#[tokio::test]
async fn digits_arrive_as_telephone_events_within_the_stream_of_sound() {
    let side = (AUDIO, with_telephone_events as Change);
    let mut call = Call::answered("", side, side).await;
    call.talk().await;
    let source = Source::start(&call.alice.agent, Audio, 0xa);
    receives(&call.bob.agent, &source, 10).await;
    let order = json!({ "callId": call.alice.call_id, "type": "RFC2833", "dtmf": "5#" });
    call.alice.page.say("sendDtmf", order).await;

    // RFC 4733 2.3 and 3.2: the event, the end bit, the duration. Key # is event 11.
    let ends_of = |packets: &[rtp::Packet], event: u8| {
        let is_end = |it: &&rtp::Packet| {
            it.header.payload_type == TELEPHONE_EVENT
                && it.payload[0] == event
                && it.payload[1] & 0x80 != 0
        };
        packets.iter().filter(is_end).cloned().collect::<Vec<_>>()
    };
    let record = &call.bob.agent.record;
    let wire = record
        .until("both digits and sound after them", |heard| {
            let after = heard.wire.last()?.header.payload_type == OPUS;
            let last = ends_of(&heard.wire, 11);
            (after && last.len() == 3).then(|| heard.wire.clone())
        })
        .await;

    for event in [5, 11] {
        let ends = ends_of(&wire, event);
        assert_eq!(
            ends.len(),
            3,
            "\"sent a total of three times\" (RFC 4733 2.5.1.4)"
        );
        let duration = u16::from_be_bytes([ends[0].payload[2], ends[0].payload[3]]);
        assert!(
            (1_920..=12_000).contains(&duration),
            "40 to 250 ms of 48 kHz: {duration}"
        );
        assert!(
            ends.iter()
                .all(|it| it.header.timestamp == ends[0].header.timestamp)
        );
    }
    let first = wire
        .iter()
        .find(|it| it.header.payload_type == TELEPHONE_EVENT);
    assert!(first.unwrap().header.marker, "RFC 4733 2.5.1.2");
    for pair in wire.windows(2) {
        assert_eq!(pair[0].header.ssrc, pair[1].header.ssrc);
        let step = pair[1]
            .header
            .sequence_number
            .wrapping_sub(pair[0].header.sequence_number);
        assert_eq!(step, 1, "one sequence space for sound and digits");
    }
    source.stop().await;
}

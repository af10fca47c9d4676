//! Lost packets of a picture, and who gets them again.

use rtc::rtcp::transport_feedbacks::transport_layer_nack::TransportLayerNack;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::Video;

use super::agent::Agent;
use super::calls::Call;
use super::make::{AUDIO_AND_VIDEO, VP8, VP8_RTX};
use super::record::Chooser;
use super::source::{Content, Source, check, is_whole, receives};

/// Loses one packet of the picture, the first time it is sent.
fn lose_one(after: usize) -> Chooser {
    let mut seen = 0;
    Box::new(move |packet| {
        seen += usize::from(packet.header.payload_type == VP8);
        seen == after && packet.header.payload_type == VP8
    })
}

#[tokio::test]
async fn a_packet_lost_on_the_way_to_the_receiver_is_sent_again_by_the_server_as_rtx() {
    let call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let (alice, bob) = (&call.alice.agent, &call.bob.agent);
    bob.record
        .change(|heard| heard.lose_incoming = Some(lose_one(50)));
    let source = Source::start(alice, Video, 0xa);
    let content = source.content;
    receives(bob, &source, 120).await;
    let (lost, rtx) = bob
        .record
        .until("the lost packet by RTX", |heard| {
            let lost = heard.lost.first()?.clone();
            let original = lost.header.sequence_number.to_be_bytes();
            let again = heard.wire.iter().find(|it| {
                it.header.payload_type == VP8_RTX && it.payload.starts_with(&original)
            })?;
            Some((lost, again.clone()))
        })
        .await;
    assert_eq!(
        rtx.payload[2..],
        lost.payload[..],
        "RFC 4588 4: the original payload"
    );
    assert_eq!(rtx.header.timestamp, lost.header.timestamp, "RFC 4588 4");
    assert_ne!(
        rtx.header.ssrc, lost.header.ssrc,
        "RFC 4588 5.3: a stream of its own"
    );
    source.stop().await;
    let (counter, _) = content.counter(&lost.payload).unwrap();
    arrives(bob, content, counter).await;
    all_arrived(bob, content);
    let nacks = alice.record.look().rtcp_of::<TransportLayerNack>();
    assert!(
        nacks.is_empty(),
        "the sender was bothered with it: {nacks:?}"
    );
}

#[tokio::test]
async fn a_packet_lost_on_the_way_to_the_server_is_asked_for_and_passed_on() {
    let call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let (alice, bob) = (&call.alice.agent, &call.bob.agent);
    alice
        .record
        .change(|heard| heard.lose_outgoing = Some(lose_one(50)));
    let source = Source::start(alice, Video, 0xa);
    let content = source.content;
    receives(bob, &source, 120).await;
    let lost = alice
        .record
        .until("a NACK from the server", |heard| {
            let lost = heard.lost.first()?.clone();
            let nacks = heard.rtcp_of::<TransportLayerNack>();
            let mut asked = nacks.iter().filter(|it| it.media_ssrc == lost.header.ssrc);
            let wanted = lost.header.sequence_number;
            asked
                .any(|it| {
                    it.nacks
                        .iter()
                        .any(|pair| pair.packet_list().contains(&wanted))
                })
                .then_some(lost)
        })
        .await;
    let (counter, _) = content.counter(&lost.payload).unwrap();
    arrives(bob, content, counter).await;
    source.stop().await;
    all_arrived(bob, content);
}

async fn arrives(agent: &Agent, content: Content, counter: u32) {
    let is_it =
        |packet: &rtp::Packet| content.counter(&packet.payload).map(|it| it.0) == Some(counter);
    agent
        .record
        .until(&format!("packet {counter}"), |heard| {
            heard
                .delivered
                .iter()
                .any(|(_, packet)| is_it(packet))
                .then_some(())
        })
        .await;
}

/// Put in order, what came is whole, and the repaired packet has the number it was missing by.
fn all_arrived(agent: &Agent, content: Content) {
    let mut packets = agent.record.look().delivered(content.kind);
    packets.sort_by_key(|it| content.counter(&it.payload).map(|(counter, _)| counter));
    packets.dedup_by_key(|it| it.header.sequence_number);
    let arrived = check(&packets, content);
    assert!(is_whole(&arrived.counters), "{:?}", arrived.counters);
}

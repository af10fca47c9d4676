//! RTCP: reports of each leg, keyframe requests and bitrate limits from one side to the other.

use rtc::rtcp::payload_feedbacks::full_intra_request::{FirEntry, FullIntraRequest};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtcp::payload_feedbacks::receiver_estimated_maximum_bitrate::ReceiverEstimatedMaximumBitrate;
use rtc::rtcp::receiver_report::ReceiverReport;
use rtc::rtcp::reception_report::ReceptionReport;
use rtc::rtcp::sender_report::SenderReport;
use rtc::rtcp::source_description::{SdesType, SourceDescription};
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind::{Audio, Video};

use super::calls::{Call, Person};
use super::make::{AUDIO, AUDIO_AND_VIDEO, OPUS};
use super::record::Heard;
use super::source::{Source, finish, receives};

#[tokio::test]
async fn the_sender_gets_receiver_reports_about_its_own_stream_and_sender_report() {
    let call = Call::between("", AUDIO, AUDIO).await;
    let source = Source::start(&call.alice.agent, Audio, 0xa);
    let ssrc = call.alice.agent.local(Audio).ssrc;
    receives(&call.bob.agent, &source, 50).await;
    let report = call
        .alice
        .agent
        .record
        .until("a report that answers a sender report", |heard| {
            reports(heard, ssrc)
                .into_iter()
                .find(|it| it.last_sender_report != 0)
        })
        .await;
    assert_eq!((report.fraction_lost, report.total_lost), (0, 0));
    let heard = call.alice.agent.record.look();
    // RFC 3550 6.4.1: "the middle 32 bits out of 64 in the NTP timestamp".
    let named = |it: &SenderReport| (it.ntp_time >> 16) as u32 == report.last_sender_report;
    assert!(
        heard.rtcp_sent_of::<SenderReport>().iter().any(named),
        "it names a sender report that was never sent: {report:?}"
    );
    let sent =
        |it: &rtc::rtp::Packet| it.header.sequence_number == report.last_sequence_number as u16;
    assert!(heard.sent.iter().any(sent), "{report:?}");
}

#[tokio::test]
async fn the_receiver_gets_sender_reports_that_fit_what_it_received() {
    let call = Call::between("", AUDIO, AUDIO).await;
    let source = Source::start(&call.alice.agent, Audio, 0xa);
    receives(&call.bob.agent, &source, 50).await;
    let ssrc = call.bob.agent.record.look().wire[0].header.ssrc;
    let (report, received) = call
        .bob
        .agent
        .record
        .until("a sender report about the stream", |heard| {
            let report = heard
                .rtcp_of::<SenderReport>()
                .into_iter()
                .find(|it| it.ssrc == ssrc && it.packet_count > 0)?;
            Some((report, heard.wire.clone()))
        })
        .await;
    let last = finish(&call.bob.agent, source).await;
    assert_eq!(last.ssrc, ssrc);
    assert!(
        report.packet_count as usize <= last.counters.len(),
        "{report:?}"
    );
    let bytes: usize = received.iter().map(|it| it.payload.len()).sum();
    assert!(
        report.octet_count as usize <= bytes,
        "{report:?}, received {bytes} bytes"
    );
    let heard = call.bob.agent.record.look();
    let names = heard.rtcp_of::<SourceDescription>();
    let named = names
        .iter()
        .flat_map(|it| &it.chunks)
        .filter(|it| it.source == ssrc);
    let mut items = named.flat_map(|it| &it.items);
    assert!(
        items.any(|it| it.sdes_type == SdesType::SdesCname && !it.text.is_empty()),
        "RFC 3550 6.1: a CNAME in each compound packet: {names:?}"
    );
}

#[tokio::test]
async fn loss_on_the_callers_leg_is_reported_to_the_caller() {
    let call = Call::between("", AUDIO, AUDIO).await;
    let mut seen = 0;
    call.alice.agent.record.change(|heard| {
        heard.lose_outgoing = Some(Box::new(move |packet| {
            seen += usize::from(packet.header.payload_type == OPUS);
            seen % 4 == 0
        }));
    });
    let source = Source::start(&call.alice.agent, Audio, 0xa);
    let ssrc = call.alice.agent.local(Audio).ssrc;
    let report = call
        .alice
        .agent
        .record
        .until("a report of loss", |heard| {
            reports(heard, ssrc)
                .into_iter()
                .find(|it| it.total_lost >= 20)
        })
        .await;
    // A quarter is 64 of 256.
    assert!((40..=90).contains(&report.fraction_lost), "{report:?}");
    let lost = call.alice.agent.record.look().lost.len();
    assert!(
        report.total_lost as usize <= lost,
        "{report:?}, {lost} were lost"
    );
    source.stop().await;
    let at_bob = call.bob.agent.record.look().delivered(Audio);
    super::source::check(
        &at_bob,
        super::source::Content {
            kind: Audio,
            tag: 0xa,
        },
    );
}

fn reports(heard: &Heard, ssrc: u32) -> Vec<ReceptionReport> {
    let receiver = heard
        .rtcp_of::<ReceiverReport>()
        .into_iter()
        .map(|it| it.reports);
    let sender = heard
        .rtcp_of::<SenderReport>()
        .into_iter()
        .map(|it| it.reports);
    receiver
        .chain(sender)
        .flatten()
        .filter(|it| it.ssrc == ssrc)
        .collect()
}

#[tokio::test]
async fn a_picture_loss_indication_brings_a_keyframe_of_the_other_side() {
    let call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let source = picture(&call).await;
    let before = (requests(&call.alice), source.sent());
    let media_ssrc = received_ssrc(&call.bob);
    let request = PictureLossIndication {
        sender_ssrc: call.bob.agent.local(Video).ssrc,
        media_ssrc,
    };
    call.bob.agent.send_rtcp(Video, request).await;
    keyframe_after(&call, &source, before).await;
}

#[tokio::test]
async fn a_full_intra_request_brings_a_keyframe_of_the_other_side() {
    let call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let source = picture(&call).await;
    let before = (requests(&call.alice), source.sent());
    // RFC 5104 4.3.1.2: the media SSRC of the header is not used; the entry names the stream.
    let request = FullIntraRequest {
        sender_ssrc: call.bob.agent.local(Video).ssrc,
        media_ssrc: 0,
        fir: vec![FirEntry {
            ssrc: received_ssrc(&call.bob),
            sequence_number: 1,
        }],
    };
    call.bob.agent.send_rtcp(Video, request).await;
    keyframe_after(&call, &source, before).await;
}

#[tokio::test]
async fn a_keyframe_request_for_a_stream_of_nobody_bothers_nobody() {
    let call = Call::between("", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let source = picture(&call).await;
    let before = requests(&call.alice);
    let sender_ssrc = call.bob.agent.local(Video).ssrc;
    let ssrc = received_ssrc(&call.bob);
    for media_ssrc in [ssrc.wrapping_add(77), sender_ssrc] {
        let request = PictureLossIndication {
            sender_ssrc,
            media_ssrc,
        };
        call.bob.agent.send_rtcp(Video, request).await;
    }
    // A later message of the same sender has passed: the server has seen the requests.
    let limit = limit(&call.bob, 200_000.0);
    call.bob.agent.send_rtcp(Video, limit).await;
    told_limit(&call.alice, 200_000.0).await;
    assert_eq!(requests(&call.alice), before);
    source.stop().await;
}

#[tokio::test]
async fn a_limit_of_the_receiver_is_told_to_the_sender_for_its_own_stream() {
    let call = Call::between("max_video_kbps = 900", AUDIO_AND_VIDEO, AUDIO_AND_VIDEO).await;
    let source = picture(&call).await;
    told_limit(&call.alice, 900_000.0).await;
    let limit = limit(&call.bob, 300_000.0);
    call.bob.agent.send_rtcp(Video, limit).await;
    told_limit(&call.alice, 300_000.0).await;
    source.stop().await;
}

/// A picture that arrives at Bob and for which no request is open.
async fn picture(call: &Call) -> Source {
    let source = Source::start(&call.alice.agent, Video, 0xa);
    receives(&call.bob.agent, &source, 250).await;
    source
}

fn requests(person: &Person) -> usize {
    let ssrc = person.agent.local(Video).ssrc;
    let heard = person.agent.record.look();
    let requests = heard.rtcp_of::<PictureLossIndication>();
    requests.iter().filter(|it| it.media_ssrc == ssrc).count()
}

/// The SSRC under which a person receives the picture.
fn received_ssrc(person: &Person) -> u32 {
    person.agent.record.look().delivered(Video)[0].header.ssrc
}

async fn keyframe_after(call: &Call, source: &Source, (asked, sent): (usize, u32)) {
    let content = source.content;
    let later_keyframe = |payload: &[u8]| {
        content
            .counter(payload)
            .is_some_and(|(counter, key)| key && counter >= sent)
    };
    call.bob
        .agent
        .record
        .until("a keyframe made after the request", |heard| {
            let mut packets = heard.delivered.iter();
            packets
                .any(|(_, packet)| later_keyframe(&packet.payload))
                .then_some(())
        })
        .await;
    assert_eq!(
        requests(&call.alice),
        asked + 1,
        "requests that reached the sender"
    );
}

fn limit(person: &Person, bitrate: f32) -> ReceiverEstimatedMaximumBitrate {
    ReceiverEstimatedMaximumBitrate {
        sender_ssrc: person.agent.local(Video).ssrc,
        bitrate,
        ssrcs: vec![received_ssrc(person)],
    }
}

async fn told_limit(person: &Person, bitrate: f32) {
    let ssrc = person.agent.local(Video).ssrc;
    // The mantissa of REMB has 18 bits.
    let is_it = |it: &ReceiverEstimatedMaximumBitrate| {
        it.ssrcs == [ssrc] && (it.bitrate - bitrate).abs() <= bitrate / 1_000.0
    };
    person
        .agent
        .record
        .until(&format!("the limit of {bitrate} bit/s"), |heard| {
            let told = heard.rtcp_of::<ReceiverEstimatedMaximumBitrate>();
            told.last().is_some_and(is_it).then_some(())
        })
        .await;
}

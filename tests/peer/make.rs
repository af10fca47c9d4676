//! What an agent is made of.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, SenderReportBuilder, Slot,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_PCMU, MIME_TYPE_RTX, MIME_TYPE_VP8,
};
use rtc::peer_connection::transport::RTCDtlsRole;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection as Direction, RTCRtpTransceiverInit};
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, Registry, SettingEngine,
    SettingEngineBuilder, SrtpProtectionProfile,
};

use super::agent::Handler;
use super::record::Record;
use super::tap::{PLACE, Tap};

/// Payload types of the agents.
pub const OPUS: u8 = 111;
pub const PCMU: u8 = 0;
pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;

/// RTCP reports come this often, so that tests need not wait for them.
const REPORTS: Duration = Duration::from_millis(200);

/// How an agent is made. All send and receive sound.
#[derive(Clone, Copy)]
pub struct Make {
    /// `None`: it does not know what video is.
    pub video: Option<Direction>,
    /// The only SRTP profile it knows, if not all of them.
    pub srtp: Option<SrtpProtectionProfile>,
    /// As callee it speaks first in the DTLS handshake.
    pub answers_active: bool,
    /// It has no UDP: it connects to our TCP port (RFC 6544).
    pub tcp: bool,
    /// Its only codec of sound is G.711.
    pub g711: bool,
}

pub const AUDIO: Make = Make {
    video: None,
    srtp: None,
    answers_active: false,
    tcp: false,
    g711: false,
};

pub const AUDIO_AND_VIDEO: Make = Make {
    video: Some(Direction::Sendrecv),
    ..AUDIO
};

/// A page without a camera.
pub const VIDEO_TO_SEE_ALONE: Make = Make {
    video: Some(Direction::Recvonly),
    ..AUDIO
};

/// What an agent sends of one kind.
#[derive(Clone)]
pub struct Local {
    pub ssrc: u32,
    pub track: Arc<TrackLocalStaticRTP>,
}

pub async fn build(
    record: Record,
    handler: Arc<Handler>,
    make: Make,
) -> (Arc<dyn PeerConnection>, HashMap<RtpCodecKind, Local>) {
    let addresses = vec!["127.0.0.1:0"];
    let (udp, tcp) = if make.tcp {
        (Vec::new(), addresses)
    } else {
        (addresses, Vec::new())
    };
    let connection = PeerConnectionBuilder::new()
        .with_setting_engine(settings(make))
        .with_media_engine(engine(make))
        .with_interceptor_registry(interceptors(record))
        .with_handler(handler)
        .with_udp_addrs(udp)
        .with_tcp_addrs(tcp)
        .build()
        .await
        .unwrap();
    let mut local = HashMap::new();
    let wishes = [
        (RtpCodecKind::Audio, Some(Direction::Sendrecv)),
        (RtpCodecKind::Video, make.video),
    ];
    for (kind, direction) in wishes {
        let Some(direction) = direction else { continue };
        let init = Some(RTCRtpTransceiverInit {
            direction,
            ..Default::default()
        });
        if direction == Direction::Recvonly {
            connection
                .add_transceiver_from_kind(kind, init)
                .await
                .unwrap();
            continue;
        }
        let sends = track(kind, make);
        connection
            .add_transceiver_from_track(sends.track.clone(), init)
            .await
            .unwrap();
        local.insert(kind, sends);
    }
    (Arc::new(connection), local)
}

fn settings(make: Make) -> SettingEngine {
    let mut settings = SettingEngineBuilder::new();
    if let Some(profile) = make.srtp {
        settings = settings.with_srtp_protection_profiles(vec![profile]);
    }
    if make.answers_active {
        settings = settings.with_answering_dtls_role(RTCDtlsRole::Client);
    }
    settings.build()
}

fn engine(make: Make) -> MediaEngine {
    let mut engine = MediaEngine::default();
    let sound = RTCRtpCodecParameters {
        rtp_codec: codec(RtpCodecKind::Audio, make),
        payload_type: if make.g711 { PCMU } else { OPUS },
    };
    engine.register_codec(sound, RtpCodecKind::Audio).unwrap();
    if make.video.is_none() {
        return engine;
    }
    let mut add = |payload_type, rtp_codec| {
        let codec = RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        };
        engine.register_codec(codec, RtpCodecKind::Video).unwrap();
    };
    add(VP8, codec(RtpCodecKind::Video, make));
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        sdp_fmtp_line: format!("apt={VP8}"),
        ..Default::default()
    };
    add(VP8_RTX, rtx);
    engine
}

fn codec(kind: RtpCodecKind, make: Make) -> RTCRtpCodec {
    if kind == RtpCodecKind::Audio && make.g711 {
        return RTCRtpCodec {
            mime_type: MIME_TYPE_PCMU.to_owned(),
            clock_rate: 8_000,
            channels: 1,
            ..Default::default()
        };
    }
    if kind == RtpCodecKind::Audio {
        return RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: "minptime=10;useinbandfec=1".to_owned(),
            rtcp_feedback: Vec::new(),
        };
    }
    let feedback = [
        ("goog-remb", ""),
        ("ccm", "fir"),
        ("nack", ""),
        ("nack", "pli"),
    ];
    RTCRtpCodec {
        mime_type: MIME_TYPE_VP8.to_owned(),
        clock_rate: 90_000,
        channels: 0,
        sdp_fmtp_line: String::new(),
        rtcp_feedback: feedback
            .map(|(typ, parameter)| RTCPFeedback {
                typ: typ.to_owned(),
                parameter: parameter.to_owned(),
            })
            .to_vec(),
    }
}

fn interceptors(record: Record) -> Registry {
    // The crate takes a packet that comes by RTX for still missing and would ask for ever.
    let nacks = NackGeneratorBuilder::new()
        .with_interval(Duration::from_millis(50))
        .with_max_nacks_per_packet(5);
    let receiver_reports = ReceiverReportBuilder::new().with_interval(REPORTS);
    let sender_reports = SenderReportBuilder::new().with_interval(REPORTS);
    Registry::new()
        .with(Slot::from(PLACE), Tap::new(record))
        .with(Slot::NackResponder, NackResponderBuilder::new().build())
        .with(Slot::NackGenerator, nacks.build())
        .with(Slot::ReceiverReport, receiver_reports.build())
        .with(Slot::SenderReport, sender_reports.build())
}

fn track(kind: RtpCodecKind, make: Make) -> Local {
    let (ssrc, rtx): (u32, u32) = (rand::random(), rand::random());
    let video = kind == RtpCodecKind::Video;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: video.then_some(RTCRtpRtxParameters { ssrc: rtx }),
            ..Default::default()
        },
        active: true,
        codec: codec(kind, make),
        ..Default::default()
    };
    let track = MediaStreamTrack::new(
        "stream".to_owned(),
        format!("track-{kind}"),
        kind.to_string(),
        kind,
        vec![encoding],
    );
    Local {
        ssrc,
        track: Arc::new(TrackLocalStaticRTP::new(track)),
    }
}

//! A peer connection of the crate `webrtc` on a loopback socket, in a runtime of its own: when
//! that goes, the agent is gone without a word.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rtc::interceptor::{
    NackGeneratorBuilder, NackResponderBuilder, ReceiverReportBuilder, SenderReportBuilder, Slot,
};
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8,
};
use rtc::rtcp;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::{
    RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters,
    RTCRtpEncodingParameters, RTCRtpRtxParameters, RtpCodecKind,
};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection as Direction, RTCRtpTransceiverInit};
use tokio::runtime::{Builder, Runtime};
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
};

use super::record::Record;
use super::tap::{PLACE, Tap};

/// Payload types of the agents.
pub const OPUS: u8 = 111;
pub const VP8: u8 = 96;
pub const VP8_RTX: u8 = 97;

/// RTCP reports come this often, so that tests need not wait for them.
const REPORTS: Duration = Duration::from_millis(200);

/// What an agent sends and receives. One without `video` does not know what video is.
#[derive(Clone, Copy)]
pub struct Media {
    pub audio: Option<Direction>,
    pub video: Option<Direction>,
}

pub const AUDIO: Media = Media {
    audio: Some(Direction::Sendrecv),
    video: None,
};

pub const AUDIO_AND_VIDEO: Media = Media {
    audio: Some(Direction::Sendrecv),
    video: Some(Direction::Sendrecv),
};

/// A page without a camera.
pub const VIDEO_TO_SEE_ALONE: Media = Media {
    audio: Some(Direction::Sendrecv),
    video: Some(Direction::Recvonly),
};

pub struct Agent {
    pub record: Record,
    connection: Arc<dyn PeerConnection>,
    local: HashMap<RtpCodecKind, Local>,
    handler: Arc<Handler>,
    runtime: Option<Runtime>,
}

/// What an agent sends of one kind.
#[derive(Clone)]
pub struct Local {
    pub ssrc: u32,
    pub track: Arc<TrackLocalStaticRTP>,
}

impl Agent {
    pub async fn new(media: Media) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let record = Record::new();
        let handler = Arc::new(Handler {
            record: record.clone(),
            remote: tokio::sync::Mutex::default(),
        });
        let building = build(record.clone(), handler.clone(), media);
        let (connection, local) = runtime.spawn(building).await.unwrap();
        Self {
            record,
            connection,
            local,
            handler,
            runtime: Some(runtime),
        }
    }

    /// A whole offer, with all candidates.
    pub async fn offer(&self) -> String {
        let connection = self.connection.clone();
        self.here(async move {
            let offer = connection.create_offer(None).await.unwrap();
            connection.set_local_description(offer).await.unwrap();
        })
        .await;
        self.description().await
    }

    /// A whole answer to an offer.
    pub async fn answer(&self, offer: String) -> String {
        let connection = self.connection.clone();
        self.here(async move {
            let offer = RTCSessionDescription::offer(offer).unwrap();
            connection.set_remote_description(offer).await.unwrap();
            let answer = connection.create_answer(None).await.unwrap();
            connection.set_local_description(answer).await.unwrap();
        })
        .await;
        self.description().await
    }

    /// Takes the answer to its offer: from here on it sends STUN checks.
    pub async fn accept(&self, answer: String) {
        let connection = self.connection.clone();
        self.here(async move {
            let answer = RTCSessionDescription::answer(answer).unwrap();
            connection.set_remote_description(answer).await.unwrap();
        })
        .await;
    }

    /// Waits until ICE and DTLS are done.
    pub async fn connected(&self) {
        let connected = RTCPeerConnectionState::Connected;
        self.record
            .until("the connection", |heard| {
                (heard.state == connected).then_some(())
            })
            .await;
    }

    /// What it sends of a kind.
    pub fn local(&self, kind: RtpCodecKind) -> &Local {
        &self.local[&kind]
    }

    /// Sends RTCP about what it receives of a kind.
    pub async fn send_rtcp(&self, kind: RtpCodecKind, packet: impl rtcp::Packet + 'static) {
        let track = self.handler.remote.lock().await[&kind].clone();
        self.here(async move {
            track.write_rtcp(vec![Box::new(packet)]).await.unwrap();
        })
        .await;
    }

    /// Does something in the agent's runtime.
    pub async fn here<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> T {
        self.spawn(work).await.unwrap()
    }

    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> tokio::task::JoinHandle<T> {
        self.runtime.as_ref().unwrap().spawn(work)
    }

    /// Closes the connection in good order.
    pub async fn close(&self) {
        let connection = self.connection.clone();
        self.here(async move { connection.close().await.unwrap() })
            .await;
    }

    /// Goes without a word: its tasks and sockets end, nothing more is sent.
    pub fn vanish(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    async fn description(&self) -> String {
        self.record
            .until("all candidates", |heard| heard.gathered.then_some(()))
            .await;
        let connection = self.connection.clone();
        let description = self.here(async move { connection.local_description().await });
        description.await.unwrap().sdp
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn build(
    record: Record,
    handler: Arc<Handler>,
    media: Media,
) -> (Arc<dyn PeerConnection>, HashMap<RtpCodecKind, Local>) {
    let connection = PeerConnectionBuilder::new()
        .with_media_engine(engine(media))
        .with_interceptor_registry(interceptors(record))
        .with_handler(handler)
        .with_udp_addrs(vec!["127.0.0.1:0"])
        .build()
        .await
        .unwrap();
    let mut local = HashMap::new();
    let wishes = [
        (RtpCodecKind::Audio, media.audio),
        (RtpCodecKind::Video, media.video),
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
        let sends = track(kind);
        let track: Arc<dyn TrackLocal> = sends.track.clone();
        connection
            .add_transceiver_from_track(track, init)
            .await
            .unwrap();
        local.insert(kind, sends);
    }
    (Arc::new(connection), local)
}

fn engine(media: Media) -> MediaEngine {
    let mut engine = MediaEngine::default();
    let opus = RTCRtpCodecParameters {
        rtp_codec: codec(RtpCodecKind::Audio),
        payload_type: OPUS,
    };
    engine.register_codec(opus, RtpCodecKind::Audio).unwrap();
    if media.video.is_none() {
        return engine;
    }
    let mut add = |payload_type, rtp_codec| {
        let codec = RTCRtpCodecParameters {
            rtp_codec,
            payload_type,
        };
        engine.register_codec(codec, RtpCodecKind::Video).unwrap();
    };
    add(VP8, codec(RtpCodecKind::Video));
    let rtx = RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: 90_000,
        sdp_fmtp_line: format!("apt={VP8}"),
        ..Default::default()
    };
    add(VP8_RTX, rtx);
    engine
}

fn codec(kind: RtpCodecKind) -> RTCRtpCodec {
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

fn track(kind: RtpCodecKind) -> Local {
    let (ssrc, rtx): (u32, u32) = (rand::random(), rand::random());
    let video = kind == RtpCodecKind::Video;
    let encoding = RTCRtpEncodingParameters {
        rtp_coding_parameters: RTCRtpCodingParameters {
            ssrc: Some(ssrc),
            rtx: video.then_some(RTCRtpRtxParameters { ssrc: rtx }),
            ..Default::default()
        },
        active: true,
        codec: codec(kind),
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

struct Handler {
    record: Record,
    remote: tokio::sync::Mutex<HashMap<RtpCodecKind, Arc<dyn TrackRemote>>>,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        let complete = state == RTCIceGatheringState::Complete;
        self.record.change(|heard| heard.gathered = complete);
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        self.record.change(|heard| heard.state = state);
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let kind = track.kind().await;
        self.remote.lock().await.insert(kind, track.clone());
        let record = self.record.clone();
        tokio::spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(packet) = event {
                    deliver(&record, kind, packet);
                }
            }
        });
    }
}

fn deliver(record: &Record, kind: RtpCodecKind, packet: rtp::Packet) {
    record.change(|heard| heard.delivered.push((kind, packet)));
}

//! A peer connection of the crate `webrtc` on a loopback socket, in a runtime of its own: when
//! that goes, the agent is gone without a word.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use rtc::peer_connection::transport::RTCIceCandidateInit;
use rtc::rtcp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::runtime::{Builder, Runtime};
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::peer_connection::{
    PeerConnection, PeerConnectionEventHandler, RTCIceGatheringState, RTCPeerConnectionState,
    RTCSessionDescription,
};

use super::make::{Local, Make, build};
use super::record::Record;

pub struct Agent {
    pub record: Record,
    connection: Arc<dyn PeerConnection>,
    local: HashMap<RtpCodecKind, Local>,
    handler: Arc<Handler>,
    runtime: Option<Runtime>,
    tcp: bool,
}

impl Agent {
    pub async fn new(make: Make) -> Self {
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
        let building = build(record.clone(), handler.clone(), make);
        let (connection, local) = runtime.spawn(building).await.unwrap();
        Self {
            record,
            connection,
            local,
            handler,
            runtime: Some(runtime),
            tcp: make.tcp,
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
        let (connection, tcp) = (self.connection.clone(), self.tcp);
        self.here(async move {
            let candidates = if tcp {
                tcp_candidates(&offer)
            } else {
                Vec::new()
            };
            let offer = RTCSessionDescription::offer(offer).unwrap();
            connection.set_remote_description(offer).await.unwrap();
            trickle(&*connection, candidates).await;
            let answer = connection.create_answer(None).await.unwrap();
            connection.set_local_description(answer).await.unwrap();
        })
        .await;
        self.description().await
    }

    /// Takes the answer to its offer: from here on it sends STUN checks.
    pub async fn accept(&self, answer: String) {
        let (connection, tcp) = (self.connection.clone(), self.tcp);
        self.here(async move {
            let candidates = if tcp {
                tcp_candidates(&answer)
            } else {
                Vec::new()
            };
            let answer = RTCSessionDescription::answer(answer).unwrap();
            connection.set_remote_description(answer).await.unwrap();
            trickle(&*connection, candidates).await;
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
    pub fn vanish(&mut self) {
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

/// Those that a description holds. The crate connects to those alone that come one by one.
fn tcp_candidates(sdp: &str) -> Vec<RTCIceCandidateInit> {
    let candidates = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=candidate:"));
    let tcp = candidates.filter(|line| line.contains(" tcp "));
    tcp.map(|line| RTCIceCandidateInit {
        candidate: format!("candidate:{line}"),
        sdp_mid: Some("0".to_owned()),
        sdp_mline_index: Some(0),
        ..Default::default()
    })
    .collect()
}

async fn trickle(connection: &dyn PeerConnection, candidates: Vec<RTCIceCandidateInit>) {
    for candidate in candidates {
        connection.add_ice_candidate(candidate).await.unwrap();
    }
}

/// Writes down what the crate tells.
pub struct Handler {
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
                    record.change(|heard| heard.delivered.push((kind, packet)));
                }
            }
        });
    }
}

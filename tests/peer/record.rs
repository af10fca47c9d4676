//! What an agent heard, and waiting for it.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rtc::rtcp;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use webrtc::peer_connection::RTCPeerConnectionState;

/// Nothing that works takes longer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Everything worth knowing of an agent, shared between its tasks and the test.
#[derive(Clone)]
pub struct Record {
    shared: Arc<Shared>,
}

struct Shared {
    heard: Mutex<Heard>,
    changed: Notify,
}

/// What there is to know.
pub struct Heard {
    pub state: RTCPeerConnectionState,
    pub gathered: bool,
    /// RTP as it came from the wire, decrypted, with retransmissions, lost packets left out.
    pub wire: Vec<rtp::Packet>,
    /// RTP as the application got it.
    pub delivered: Vec<(RtpCodecKind, rtp::Packet)>,
    /// RTCP from the server.
    pub rtcp: Vec<Box<dyn rtcp::Packet>>,
    /// RTCP to the server.
    pub rtcp_sent: Vec<Box<dyn rtcp::Packet>>,
    /// RTP to the server.
    pub sent: Vec<rtp::Packet>,
    /// Drops a packet from the wire for which it says so.
    pub lose_incoming: Option<Chooser>,
    /// Drops a packet to the wire for which it says so.
    pub lose_outgoing: Option<Chooser>,
    /// What was dropped, both ways.
    pub lost: Vec<rtp::Packet>,
}

/// Says which packet is to be lost.
pub type Chooser = Box<dyn FnMut(&rtp::Packet) -> bool + Send>;

impl Record {
    pub fn new() -> Self {
        let heard = Heard {
            state: RTCPeerConnectionState::New,
            gathered: false,
            wire: Vec::new(),
            delivered: Vec::new(),
            rtcp: Vec::new(),
            rtcp_sent: Vec::new(),
            sent: Vec::new(),
            lose_incoming: None,
            lose_outgoing: None,
            lost: Vec::new(),
        };
        let shared = Shared {
            heard: Mutex::new(heard),
            changed: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    pub fn look(&self) -> MutexGuard<'_, Heard> {
        self.shared.heard.lock().unwrap()
    }

    pub fn change<T>(&self, act: impl FnOnce(&mut Heard) -> T) -> T {
        let result = act(&mut self.look());
        self.shared.changed.notify_waiters();
        result
    }

    /// Waits until `look` sees what it looks for; `what` names it where it never comes.
    pub async fn until<T>(&self, what: &str, look: impl FnMut(&Heard) -> Option<T>) -> T {
        self.within(PATIENCE, what, look).await
    }

    pub async fn within<T>(
        &self,
        patience: Duration,
        what: &str,
        mut look: impl FnMut(&Heard) -> Option<T>,
    ) -> T {
        let deadline = Instant::now() + patience;
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(found) = look(&self.look()) {
                return found;
            }
            if timeout_at(deadline, changed).await.is_err() {
                panic!(
                    "{what} did not come within {patience:?}: {}",
                    self.look().summary()
                );
            }
        }
    }
}

impl Heard {
    /// What the application got of one kind.
    pub fn delivered(&self, kind: RtpCodecKind) -> Vec<rtp::Packet> {
        let of_kind = self.delivered.iter().filter(|(its, _)| *its == kind);
        of_kind.map(|(_, packet)| packet.clone()).collect()
    }

    /// RTCP packets of one type from the server.
    pub fn rtcp_of<T: Clone + 'static>(&self) -> Vec<T> {
        of_type(&self.rtcp)
    }

    /// RTCP packets of one type to the server.
    pub fn rtcp_sent_of<T: Clone + 'static>(&self) -> Vec<T> {
        of_type(&self.rtcp_sent)
    }

    fn summary(&self) -> String {
        let rtcp: Vec<String> = self.rtcp.iter().map(|it| format!("{it:?}")).collect();
        format!(
            "state {:?}, {} RTP packets from the wire, {} delivered, {} sent, RTCP: {rtcp:.2000?}",
            self.state,
            self.wire.len(),
            self.delivered.len(),
            self.sent.len(),
        )
    }
}

fn of_type<T: Clone + 'static>(packets: &[Box<dyn rtcp::Packet>]) -> Vec<T> {
    let found = packets.iter().filter_map(|it| it.as_any().downcast_ref());
    found.cloned().collect()
}

//! Sound and picture made of numbers: each packet says which it is, and what has arrived can be
//! held against what was sent, byte for byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};
use webrtc::media_stream::track_local::TrackLocal;

use super::agent::Agent;
use super::make::{Local, OPUS, VP8};
use super::record::{Heard, Record};

/// Packets of sound come this often, a frame of video likewise: faster than in life, for tests
/// that wait for many.
const PACE: Duration = Duration::from_millis(5);

/// Near the end, so that sequence numbers wrap within a test.
const FIRST_SEQUENCE: u16 = 65_500;

/// What one side sends: no two of them make the same bytes.
#[derive(Clone, Copy)]
pub struct Content {
    pub kind: RtpCodecKind,
    /// Tells the senders apart.
    pub tag: u8,
}

/// Sends until it is stopped.
pub struct Source {
    pub content: Content,
    next: Arc<AtomicU32>,
    task: JoinHandle<()>,
}

impl Source {
    pub fn start(agent: &Agent, kind: RtpCodecKind, tag: u8) -> Self {
        let content = Content { kind, tag };
        let next = Arc::new(AtomicU32::new(0));
        let local = agent.local(kind).clone();
        let task = agent.spawn(send(content, local, agent.record.clone(), next.clone()));
        Self {
            content,
            next,
            task,
        }
    }

    /// Packets sent so far.
    pub fn sent(&self) -> u32 {
        self.next.load(Ordering::SeqCst)
    }

    /// Ends it and gives the number of packets sent.
    pub async fn stop(self) -> u32 {
        self.task.abort();
        let _ = self.task.await;
        self.next.load(Ordering::SeqCst)
    }
}

impl Content {
    pub fn payload_type(self) -> u8 {
        match self.kind {
            RtpCodecKind::Audio => OPUS,
            _ => VP8,
        }
    }

    /// RTP timestamp of a packet, relative to the first one. A frame of video has two packets.
    pub fn timestamp(self, counter: u32) -> u32 {
        match self.kind {
            RtpCodecKind::Audio => counter * 960,
            _ => counter / 2 * 3_000,
        }
    }

    /// The marker bit of a packet: the end of a frame (RFC 7741 4.1).
    pub fn marker(self, counter: u32) -> bool {
        self.kind == RtpCodecKind::Video && !begins_frame(counter)
    }

    fn payload(self, counter: u32, key: bool) -> Bytes {
        let mut payload = match self.kind {
            // RFC 6716 3.1: CELT fullband, 20 ms, stereo, one frame.
            RtpCodecKind::Audio => vec![0xfc],
            // RFC 7741 4.2: the descriptor, the first packet of a frame having S set. Then the
            // frame tag (RFC 6386 9.1), whose lowest bit is off in keyframes.
            _ if begins_frame(counter) => vec![0x10, if key { 0x10 } else { 0x11 }, 0x02, 0x00],
            _ => vec![0x00],
        };
        if self.kind == RtpCodecKind::Video && begins_frame(counter) && key {
            payload.extend([0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01]);
        }
        payload.push(self.tag);
        payload.extend(counter.to_be_bytes());
        let length = match self.kind {
            RtpCodecKind::Audio => 60 + counter % 40,
            _ => 900 + counter % 200,
        };
        payload.extend((0..length).map(|at| (at ^ counter) as u8));
        payload.into()
    }

    /// The number of a packet that arrived, if its bytes are those that were sent.
    pub fn counter(self, payload: &[u8]) -> Option<(u32, bool)> {
        let starts: &[usize] = match self.kind {
            RtpCodecKind::Audio => &[1],
            _ => &[4, 11, 1],
        };
        starts.iter().find_map(|&start| {
            let number = payload.get(start + 1..start + 5)?;
            let counter = u32::from_be_bytes(number.try_into().ok()?);
            let fits = |key: &bool| self.payload(counter, *key) == payload;
            [false, true]
                .iter()
                .find(|key| fits(key))
                .map(|key| (counter, *key && begins_frame(counter)))
        })
    }

    fn packet(self, ssrc: u32, counter: u32, key: bool) -> rtp::Packet {
        rtp::Packet {
            header: rtp::Header {
                version: 2,
                marker: self.marker(counter),
                payload_type: self.payload_type(),
                sequence_number: FIRST_SEQUENCE.wrapping_add(counter as u16),
                timestamp: (u32::MAX - 20_000).wrapping_add(self.timestamp(counter)),
                ssrc,
                ..Default::default()
            },
            payload: self.payload(counter, key),
        }
    }
}

/// Of video.
fn begins_frame(counter: u32) -> bool {
    counter.is_multiple_of(2)
}

async fn send(content: Content, local: Local, record: Record, next: Arc<AtomicU32>) {
    let mut ticks = interval(PACE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked_before = 0;
    for frame in 0.. {
        ticks.tick().await;
        let asked = record.look().rtcp_of::<PictureLossIndication>().len();
        let key = frame == 0 || asked > asked_before;
        asked_before = asked;
        let packets = if content.kind == RtpCodecKind::Video {
            2
        } else {
            1
        };
        for counter in frame * packets..(frame + 1) * packets {
            let packet = content.packet(local.ssrc, counter, key);
            local.track.write_rtp(packet).await.unwrap();
            next.store(counter + 1, Ordering::SeqCst);
        }
    }
}

/// A stream as it arrived, checked.
pub struct Arrived {
    pub ssrc: u32,
    /// The numbers of its packets, in the order in which they came.
    pub counters: Vec<u32>,
    /// The numbers of those that begin a keyframe.
    pub keyframes: Vec<u32>,
}

/// Checks what holds of every stream, whatever was held back on the way: bytes as sent, payload
/// type as negotiated, one SSRC, sequence numbers and timestamps that go forward only.
pub fn check(packets: &[rtp::Packet], content: Content) -> Arrived {
    let mut arrived = Arrived {
        ssrc: packets.first().expect("nothing arrived").header.ssrc,
        counters: Vec::new(),
        keyframes: Vec::new(),
    };
    for packet in packets {
        let header = &packet.header;
        let (counter, key) = content
            .counter(&packet.payload)
            .unwrap_or_else(|| panic!("these bytes were never sent: {packet:?}"));
        assert_eq!(
            header.payload_type,
            content.payload_type(),
            "payload type of {counter}"
        );
        assert_eq!(header.ssrc, arrived.ssrc, "the SSRC changed at {counter}");
        let restarts = arrived
            .counters
            .last()
            .is_none_or(|last| last + 1 != counter);
        // RFC 3551 4.1: sound that begins may be marked; video is marked as it was sent.
        if content.kind == RtpCodecKind::Video || !restarts {
            let marked = content.marker(counter);
            assert_eq!(header.marker, marked, "marker of {counter}");
        }
        arrived.counters.push(counter);
        if key {
            arrived.keyframes.push(counter);
        }
    }
    for (index, pair) in packets.windows(2).enumerate() {
        let (before, after) = (arrived.counters[index], arrived.counters[index + 1]);
        assert!(before < after, "packet {after} came after {before}");
        let sequence = |at: usize| pair[at].header.sequence_number;
        let step = sequence(1).wrapping_sub(sequence(0));
        let forward = pair[1]
            .header
            .timestamp
            .wrapping_sub(pair[0].header.timestamp);
        if after == before + 1 {
            assert_eq!(step, 1, "sequence number between {before} and {after}");
            let meant = content.timestamp(after) - content.timestamp(before);
            assert_eq!(forward, meant, "timestamp between {before} and {after}");
        } else {
            assert!(
                (1..0x8000).contains(&step),
                "sequence number jumps by {step} at {after}"
            );
            assert!(
                forward < 0x8000_0000,
                "timestamp jumps by {forward} at {after}"
            );
        }
    }
    arrived
}

/// Waits until a source has sent so many more packets, and gives how many it has sent then.
pub async fn sends(agent: &Agent, source: &Source, more: u32) -> u32 {
    let enough = source.sent() + more;
    let sent = |_: &Heard| Some(source.sent()).filter(|sent| *sent >= enough);
    agent.record.until("sending", sent).await
}

/// Waits until an agent got so many packets of a source.
pub async fn receives(agent: &Agent, source: &Source, packets: usize) {
    let kind = source.content.kind;
    let enough = |heard: &Heard| {
        let count = heard
            .delivered
            .iter()
            .filter(|(its, _)| *its == kind)
            .count();
        (count >= packets).then_some(())
    };
    agent
        .record
        .until(&format!("{packets} packets of {kind}"), enough)
        .await;
}

/// Ends a source, waits for its last packet and checks that none was lost since the first one
/// that arrived.
pub async fn finish(agent: &Agent, source: Source) -> Arrived {
    let content = source.content;
    let last = source.stop().await - 1;
    let is_last = |packet: &rtp::Packet| {
        content
            .counter(&packet.payload)
            .is_some_and(|(counter, _)| counter == last)
    };
    agent
        .record
        .until(&format!("packet {last} of {}", content.kind), |heard| {
            heard
                .delivered
                .iter()
                .any(|(_, packet)| is_last(packet))
                .then_some(())
        })
        .await;
    let packets = agent.record.look().delivered(content.kind);
    check(&packets, content)
}

/// Whether no number is missing.
pub fn is_whole(counters: &[u32]) -> bool {
    counters.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

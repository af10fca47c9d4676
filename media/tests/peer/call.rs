//! Two peers in a call, and what they say and hear.

use std::time::{Duration, Instant};

use media::ids::MediaKind;
use media::plan::{Command, LegPlan};
use media::rtp::rtcp::RtcpPacket;
use media::worker::{Path, WorkerConfig};

use super::packets::{Rtp, each_rtcp, vp8};
use super::plans::{CHROMIUM, FIREFOX, Numbers, client_ssrc, complete, leg_plan, patch};
use super::transport::Version;
use super::world::{SERVER_V4, World};

/// The numbers of each leg: 1 and 3 are as Chromium's, 2 as Firefox's.
pub fn numbers(leg: u64) -> Numbers {
    if leg == 2 { FIREFOX } else { CHROMIUM }
}

/// Legs 1 and 2, ready and patched both ways.
pub fn call(video: bool) -> World {
    call_with(video, |_| {}, |_| {})
}

pub fn call_with(
    video: bool,
    configure: impl FnOnce(&mut WorkerConfig),
    adjust: impl Fn(&mut LegPlan),
) -> World {
    let mut world = World::with(configure);
    for leg in [1, 2] {
        join(&mut world, leg, video, &adjust);
    }
    connect(&mut world, 1, 2, video);
    connect(&mut world, 2, 1, video);
    world.run_for(Duration::from_millis(100));
    for leg in [1, 2] {
        world.forget(leg);
    }
    world
}

/// Adds a leg and waits until media can flow.
pub fn join(world: &mut World, leg: u64, video: bool, adjust: impl Fn(&mut LegPlan)) {
    world.add_peer(leg, &[SERVER_V4], Version::Auto);
    let mut plan = complete(
        leg_plan(leg, numbers(leg), video),
        world.peers[&leg].fingerprint,
    );
    adjust(&mut plan);
    world.command(Command::AddLeg(Box::new(plan)));
    let both = |it: &World| it.is_ready(leg) && it.peers[&leg].connected();
    assert!(
        world.run_until(Duration::from_secs(5), both),
        "leg {leg} did not get ready"
    );
}

pub fn connect(world: &mut World, source: u64, sink: u64, video: bool) {
    let plan = patch(source, numbers(source), sink, numbers(sink), video);
    world.command(Command::Patch(Box::new(plan)));
}

impl World {
    /// A peer sends a plain RTP or RTCP packet.
    pub fn say(&mut self, leg: u64, plain: &[u8]) {
        let peer = self.peers.get_mut(&leg).unwrap();
        let bytes = peer.protect(plain);
        let path = Path::udp(peer.nominated.unwrap(), peer.address);
        self.send(path, true, bytes);
    }

    /// A peer speaks for so many frames of 20 ms, its numbers beginning here.
    pub fn speak(&mut self, leg: u64, first: u16, frames: u16) {
        for frame in 0..frames {
            let number = first.wrapping_add(frame);
            let packet = self.speech(leg, number);
            self.say(leg, &packet.to_bytes());
            self.run_for(Duration::from_millis(20));
        }
    }

    pub fn speech(&self, leg: u64, number: u16) -> Rtp {
        let ssrc = client_ssrc(leg, MediaKind::Audio);
        Rtp::new(numbers(leg).opus, ssrc, number, u32::from(number) * 960)
    }

    /// A frame of video in one packet, 30 a second.
    pub fn picture(&self, leg: u64, number: u16, keyframe: bool) -> Rtp {
        let ssrc = client_ssrc(leg, MediaKind::Video);
        let packet = Rtp::new(numbers(leg).vp8, ssrc, number, u32::from(number) * 3000);
        packet.payload(&vp8(keyframe))
    }

    pub fn show(&mut self, leg: u64, first: u16, frames: u16, keyframe_first: bool) {
        for frame in 0..frames {
            let keyframe = keyframe_first && frame == 0;
            let packet = self.picture(leg, first.wrapping_add(frame), keyframe);
            self.say(leg, &packet.to_bytes());
            self.run_for(Duration::from_millis(33));
        }
    }

    /// What a peer has heard since the last [`World::forget`].
    pub fn heard(&self, leg: u64) -> Vec<Rtp> {
        self.peers[&leg]
            .rtp
            .iter()
            .map(|(_, bytes)| Rtp::parse(bytes))
            .collect()
    }

    pub fn heard_of(&self, leg: u64, payload_type: u8) -> Vec<Rtp> {
        let mut heard = self.heard(leg);
        heard.retain(|it| it.payload_type == payload_type);
        heard
    }

    pub fn forget(&mut self, leg: u64) {
        let peer = self.peers.get_mut(&leg).unwrap();
        peer.rtp.clear();
        peer.rtcp.clear();
    }

    /// Looks at all RTCP that a peer has got.
    pub fn each_told(&self, leg: u64, mut look: impl FnMut(Instant, RtcpPacket<'_>)) {
        for (at, bytes) in &self.peers[&leg].rtcp {
            each_rtcp(bytes, |packet| look(*at, packet));
        }
    }

    /// How often a peer was asked for a keyframe.
    pub fn keyframe_requests(&self, leg: u64) -> usize {
        let mut count = 0;
        self.each_told(leg, |_, packet| {
            count += usize::from(matches!(packet, RtcpPacket::Pli(_) | RtcpPacket::Fir(_)));
        });
        count
    }

    /// What a peer was told it may send, bit/s, in order.
    pub fn bitrates(&self, leg: u64) -> Vec<(Instant, u64)> {
        let mut told = Vec::new();
        self.each_told(leg, |at, packet| {
            if let RtcpPacket::Remb(remb) = packet {
                told.push((at, remb.bitrate));
            }
        });
        told
    }

    /// The sequence numbers that a peer was asked to send again.
    pub fn nacked(&self, leg: u64) -> Vec<u16> {
        let mut numbers = Vec::new();
        self.each_told(leg, |_, packet| {
            if let RtcpPacket::Nack(nack) = packet {
                numbers.extend(nack.sequence_numbers());
            }
        });
        numbers
    }
}

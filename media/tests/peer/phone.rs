//! Phones for tests: RTP from an address of their own, plain or with keys, and nothing that a
//! browser would do.

use std::net::{IpAddr, SocketAddr};

use media::ids::{LegId, MediaKind};
use media::plan::{
    CodecMap, CodecPlan, Command, Encoding, Feedback, Format, LegPlan, Passage, PatchPlan,
    RtcpPlan, RtpPlan, RtpRemote, RtpStreamPlan, StreamPlan, TransportPlan,
};
use media::ports::PortPair;
use media::rtp::is_rtcp;
use media::srtp::{Keys, MasterKey, Profile, SrtpInbound, SrtpOutbound};
use media::worker::Path;

use super::packets::Rtp;
use super::plans::{client_ssrc, our_ssrc};
use super::world::World;

pub const PCMU: u8 = 0;
pub const EVENTS: u8 = 101;
pub const PICTURE: u8 = 97;

/// A phone and its leg.
pub struct Phone {
    pub id: u64,
    pub address: SocketAddr,
    pub video_address: SocketAddr,
    pub ssrc: u32,
    pub keys: Option<PhoneKeys>,
}

/// The phone's end of the keys.
pub struct PhoneKeys {
    pub plan: Keys,
    outbound: SrtpOutbound,
    inbound: SrtpInbound,
}

/// Where we have our end of a leg.
pub const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

pub fn ports(id: u64, kind: MediaKind) -> PortPair {
    let base = 20_000 + 4 * u16::try_from(id).unwrap();
    PortPair::new(base + 2 * u16::from(kind == MediaKind::Video)).unwrap()
}

pub fn keys(profile: Profile, ours: u8, theirs: u8) -> Keys {
    let key = |fill: u8| {
        let (key, salt) = ([fill; 32], [fill; 14]);
        MasterKey::new(
            profile,
            &key[..profile.key_len()],
            &salt[..profile.salt_len()],
        )
        .unwrap()
    };
    Keys {
        inbound: key(theirs),
        outbound: key(ours),
    }
}

impl PhoneKeys {
    pub fn new(plan: Keys) -> Self {
        Self {
            outbound: SrtpOutbound::new(&plan.inbound).unwrap(),
            inbound: SrtpInbound::new(&plan.outbound).unwrap(),
            plan,
        }
    }
}

impl Phone {
    pub fn new(id: u64) -> Self {
        let host = [10, 0, 2, u8::try_from(id).unwrap()];
        Self {
            id,
            address: SocketAddr::from((host, 4000)),
            video_address: SocketAddr::from((host, 4002)),
            ssrc: client_ssrc(id, MediaKind::Audio),
            keys: None,
        }
    }

    pub fn encrypted(id: u64, profile: Profile) -> Self {
        Self {
            keys: Some(PhoneKeys::new(keys(profile, 1, 2))),
            ..Self::new(id)
        }
    }

    pub fn leg(&self) -> LegId {
        LegId(self.id)
    }

    fn address_of(&self, kind: MediaKind) -> SocketAddr {
        match kind {
            MediaKind::Audio => self.address,
            MediaKind::Video => self.video_address,
        }
    }

    /// What the call core would say of its leg.
    pub fn plan(&self, video: bool) -> LegPlan {
        let mut kinds = vec![MediaKind::Audio];
        if video {
            kinds.push(MediaKind::Video);
        }
        LegPlan {
            leg: self.leg(),
            cname: format!("cname{}", self.id).into(),
            transport: TransportPlan::Rtp(RtpPlan {
                streams: kinds.iter().map(|kind| self.way(*kind)).collect(),
            }),
            streams: kinds.iter().map(|kind| stream(self.id, *kind)).collect(),
        }
    }

    fn way(&self, kind: MediaKind) -> RtpStreamPlan {
        let address = self.address_of(kind);
        RtpStreamPlan {
            kind,
            ports: ports(self.id, kind),
            remote: Some(RtpRemote {
                rtp: Some(address),
                rtcp: RtcpPlan::Separate(Some(beside(address))),
                signalling: Some(address.ip()),
                keys: self.keys.as_ref().map(|keys| keys.plan.clone()),
            }),
        }
    }

    /// The way of its RTP, as we see it.
    pub fn path(&self, kind: MediaKind) -> Path {
        let local = SocketAddr::new(SERVER, ports(self.id, kind).rtp());
        Path::udp(local, self.address_of(kind))
    }

    pub fn rtcp_path(&self, kind: MediaKind) -> Path {
        let local = SocketAddr::new(SERVER, ports(self.id, kind).rtcp());
        Path::udp(local, beside(self.address_of(kind)))
    }

    pub fn speech(&self, number: u16) -> Rtp {
        let timestamp = u32::from(number) * 160;
        Rtp::new(PCMU, self.ssrc, number, timestamp).payload(&[0x55; 160])
    }

    pub fn protect(&mut self, plain: &[u8]) -> Vec<u8> {
        let Some(keys) = &mut self.keys else {
            return plain.to_vec();
        };
        let mut bytes = plain.to_vec();
        bytes.resize(plain.len() + 32, 0);
        let len = if is_rtcp(plain) {
            keys.outbound.protect_rtcp(&mut bytes, plain.len()).unwrap()
        } else {
            keys.outbound.protect_rtp(&mut bytes, plain.len()).unwrap()
        };
        bytes.truncate(len);
        bytes
    }

    /// Decrypts what the server sent; `None` if that cannot be done.
    pub fn open(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let Some(keys) = &mut self.keys else {
            return Some(bytes.to_vec());
        };
        let mut bytes = bytes.to_vec();
        let len = if is_rtcp(&bytes) {
            keys.inbound.unprotect_rtcp(&mut bytes).ok()?
        } else {
            keys.inbound.unprotect_rtp(&mut bytes).ok()?
        };
        bytes.truncate(len);
        Some(bytes)
    }
}

fn beside(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), address.port() + 1)
}

fn stream(id: u64, kind: MediaKind) -> StreamPlan {
    let codec = |pt, clock_rate, format| CodecPlan {
        receive_pt: pt,
        send_pt: pt,
        clock_rate,
        format,
        rtx: None,
        feedback: Feedback::default(),
        encoding: Encoding::default(),
        parameter_sets: None,
    };
    let codecs = match kind {
        MediaKind::Audio => vec![
            codec(PCMU, 8_000, Format::Pcmu),
            codec(EVENTS, 8_000, Format::TelephoneEvent),
        ],
        MediaKind::Video => vec![codec(PICTURE, 90_000, Format::Vp8)],
    };
    StreamPlan::new(kind, our_ssrc(id, kind), codecs)
}

/// What the far side said of the way of a stream.
pub fn remote(plan: &mut LegPlan, kind: MediaKind) -> &mut Option<RtpRemote> {
    let TransportPlan::Rtp(rtp) = &mut plan.transport else {
        panic!("an RTP leg");
    };
    let mut streams = rtp.streams.iter_mut();
    &mut streams.find(|it| it.kind == kind).unwrap().remote
}

pub fn stream_of(plan: &mut LegPlan, kind: MediaKind) -> &mut StreamPlan {
    let mut streams = plan.streams.iter_mut();
    streams.find(|it| it.kind == kind).unwrap()
}

/// Feeds one phone from another.
pub fn patch(source: u64, sink: u64) -> Command {
    let map = |kind, pt| CodecMap {
        kind,
        from_pt: pt,
        to_pt: pt,
        passage: Passage::Relay,
    };
    Command::Patch(Box::new(PatchPlan {
        source: LegId(source),
        sink: LegId(sink),
        codecs: vec![
            map(MediaKind::Audio, PCMU),
            map(MediaKind::Audio, EVENTS),
            map(MediaKind::Video, PICTURE),
        ],
    }))
}

/// Two phones in a call.
pub fn phones(video: bool) -> (World, Phone, Phone) {
    call_of(Phone::new(1), Phone::new(2), video)
}

pub fn call_of(a: Phone, b: Phone, video: bool) -> (World, Phone, Phone) {
    let mut world = World::new();
    for phone in [&a, &b] {
        world.command(Command::AddLeg(Box::new(phone.plan(video))));
    }
    world.command(patch(a.id, b.id));
    world.command(patch(b.id, a.id));
    world.sent.clear();
    (world, a, b)
}

impl World {
    /// A phone sends a plain RTP packet of its sound.
    pub fn phone_says(&mut self, phone: &mut Phone, plain: &Rtp) {
        let bytes = phone.protect(&plain.to_bytes());
        self.inject(phone.path(MediaKind::Audio), &bytes);
    }

    /// A phone speaks for so many frames of 20 ms, its numbers beginning here.
    pub fn phone_speaks(&mut self, phone: &mut Phone, first: u16, frames: u16) {
        for frame in 0..frames {
            let packet = phone.speech(first.wrapping_add(frame));
            self.phone_says(phone, &packet);
            self.run_for(std::time::Duration::from_millis(20));
        }
    }

    /// What was sent to an address, in order.
    pub fn sent_to(&self, address: SocketAddr) -> Vec<Vec<u8>> {
        let mine = self
            .sent
            .iter()
            .filter(|(_, path, _)| path.remote == address);
        mine.map(|(.., bytes)| bytes.clone()).collect()
    }

    /// The RTP that a phone has heard of its partner's sound.
    pub fn phone_heard(&self, phone: &mut Phone) -> Vec<Rtp> {
        let sent = self.sent_to(phone.address);
        let rtp = sent.iter().filter(|bytes| !is_rtcp(bytes));
        rtp.map(|bytes| Rtp::parse(&phone.open(bytes).unwrap()))
            .collect()
    }
}

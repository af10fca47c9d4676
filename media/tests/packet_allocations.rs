//! The way of a relayed packet allocates nothing once streams and cache are known.

// Counting is what a global allocator is replaced for here; it takes unsafe code.
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use media::ids::DtlsRole;
use media::rtp::rtcp::{Compound, CompoundWriter, ReportBlock, RtcpPacket};
use media::rtp::{
    CacheConfig, ExtensionMap, NackConfig, NackTracker, Packet, PacketCache, Reception, Resend,
    Rewrite, SequenceUnwrapper, rewrite, rtx,
};
use media::srtp::{Keys, Profile, SrtpInbound, SrtpOutbound};

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static HELD: Cell<isize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: all is passed on to the system's allocator; the counters are plain cells.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        let _ = HELD.try_with(|held| held.set(held.get() + layout.size() as isize));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let _ = HELD.try_with(|held| held.set(held.get() - layout.size() as isize));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PROFILES: [Profile; 3] = [
    Profile::AesCm128HmacSha1_80,
    Profile::AeadAes128Gcm,
    Profile::AeadAes256Gcm,
];

/// Two sessions over which a packet goes in and out again.
struct Relay {
    far_side: SrtpOutbound,
    inbound: SrtpInbound,
    outbound: SrtpOutbound,
    reception: Reception,
    unwrapper: SequenceUnwrapper,
    nack: NackTracker,
    cache: PacketCache,
    extensions: ExtensionMap,
}

impl Relay {
    fn new(profile: Profile) -> Self {
        let material = vec![3; profile.material_len()];
        let server = Keys::from_dtls(profile, &material, DtlsRole::Server).unwrap();
        let mut extensions = ExtensionMap::new();
        extensions.insert(3, 5);
        Self {
            far_side: SrtpOutbound::new(&server.outbound).unwrap(),
            inbound: SrtpInbound::new(&server.outbound).unwrap(),
            outbound: SrtpOutbound::new(&server.inbound).unwrap(),
            reception: Reception::new(7, 90_000),
            unwrapper: SequenceUnwrapper::default(),
            nack: NackTracker::new(NackConfig::default()),
            cache: PacketCache::new(CacheConfig::default()),
            extensions,
        }
    }

    /// One packet, and for every hundredth a loss, a NACK answered and a report.
    fn step(&mut self, now: Instant, number: u16) {
        let mut wire = [0; 1500];
        let mut out = [0; 1500];
        wire[..12].copy_from_slice(&[0x90, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        wire[2..4].copy_from_slice(&number.to_be_bytes());
        wire[12..20].copy_from_slice(&[0xBE, 0xDE, 0, 1, 0x32, 1, 2, 3]);
        let sent = self.far_side.protect_rtp(&mut wire, 1220).unwrap();
        if number % 100 == 99 {
            return;
        }

        let len = self.inbound.unprotect_rtp(&mut wire[..sent]).unwrap();
        let packet = Packet::parse(&wire[..len]).unwrap();
        let header = packet.header;
        self.reception
            .receive(now, header.sequence_number, header.timestamp, 1200);
        let extended = self.unwrapper.unwrap(header.sequence_number);
        self.nack.receive(now, extended);
        let mut missing = [0; 32];
        let missing_count = self.nack.poll(now, None, &mut missing);
        let to = Rewrite {
            payload_type: 97,
            ssrc: 8,
            sequence_number: number,
            timestamp: header.timestamp,
            marker: header.marker,
            keep_padding: false,
        };
        let len = rewrite(&packet, &to, &self.extensions, &mut out).unwrap();
        self.cache.insert(now, number, &out[..len]);
        self.outbound.protect_rtp(&mut out, len).unwrap();

        if number % 100 == 98 {
            self.answer_and_report(now, number, &missing[..missing_count]);
        }
    }

    fn answer_and_report(&mut self, now: Instant, number: u16, missing: &[u16]) {
        let mut out = [0; 1500];
        let interval = Duration::from_millis(20);
        if let Resend::Packet(original) = self.cache.resend(now, number, interval, |_| true) {
            let header = rtx::RtxHeader {
                payload_type: 98,
                ssrc: 9,
                sequence_number: number,
            };
            let len = rtx::wrap(original, header, &mut out).unwrap();
            self.outbound.protect_rtp(&mut out, len).unwrap();
        }
        let blocks = [
            self.reception.report_block(now).unwrap(),
            ReportBlock::default(),
        ];
        let mut writer = CompoundWriter::new(&mut out);
        writer.receiver_report(8, &blocks).unwrap();
        writer.nack(8, 7, missing).unwrap();
        let len = writer.len();
        let read = Compound::parse(&out[..len]).unwrap();
        assert!(
            read.into_iter()
                .any(|packet| matches!(packet, RtcpPacket::ReceiverReport(_)))
        );
        self.outbound.protect_rtcp(&mut out, len).unwrap();
    }
}

#[test]
fn a_relayed_packet_allocates_nothing_after_two_seconds() {
    for profile in PROFILES {
        let begin = Instant::now();
        let mut relay = Relay::new(profile);
        let run = |relay: &mut Relay, from: u32, to: u32| {
            for step in from..to {
                let now = begin + Duration::from_millis(step.into());
                relay.step(now, (60_000 + step) as u16);
            }
        };
        run(&mut relay, 0, 2_000);
        let before = ALLOCATIONS.get();
        assert!(before > 0, "the allocator counts");
        run(&mut relay, 2_000, 12_000);
        assert_eq!(ALLOCATIONS.get() - before, 0, "{profile}");
    }
}

#[test]
fn a_direction_of_srtp_with_two_streams_takes_little_memory() {
    for profile in PROFILES {
        let material = vec![3; profile.material_len()];
        let keys = Keys::from_dtls(profile, &material, DtlsRole::Client).unwrap();
        let before = HELD.get();
        let mut sender = Box::new(SrtpOutbound::new(&keys.outbound).unwrap());
        for ssrc in [1, 2] {
            let mut packet = [0; 64];
            packet[0] = 0x80;
            packet[11] = ssrc;
            sender.protect_rtp(&mut packet, 40).unwrap();
            packet = [0; 64];
            packet[0] = 0x80;
            packet[7] = ssrc;
            sender.protect_rtcp(&mut packet, 8).unwrap();
        }
        let held = HELD.get() - before;
        assert!(held <= 2560, "{profile}: {held} bytes");
    }
}

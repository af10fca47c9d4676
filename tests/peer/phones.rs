//! Calls of phones through a media worker on real sockets: each says a tone of its own, and that
//! tone is what the other hears. Nothing signals here; descriptions go from hand to hand.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use callbox::net::media_worker::{Handle, MediaWorker, MediaWorkerConfig};
use media::event::Event;
use media::ids::{IceCredentials, LegId, MediaKind};
use media::negotiate::{
    Agreement, Bridge, KeySeed, Local, LocalRtp, LocalTransport, LocalWebRtc, Policy, RemoteOffer,
    RtpProfile, Security, Source, answer, bridge, join, offer,
};
use media::plan::Command;
use media::ports::{PortPair, PortRange};
use media::sdp::{Direction, Limits};
use media::webrtc::Certificate;
use media::worker::WorkerConfig;
use rtc::rtp_transceiver::rtp_sender::RtpCodecKind;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::agent::Agent;
use super::make::{AUDIO, Make};
use super::phone::Phone;
use super::tone::{self, FRAME, speak};

const SOUND: Make = Make {
    g711: true,
    ..AUDIO
};

/// A worker and what a call core would have of it.
struct Server {
    handle: Handle,
    certificate: Certificate,
    free: VecDeque<PortPair>,
    next: u64,
}

impl Server {
    /// With RTP ports from here on.
    fn start(first: u16) -> Self {
        let made = dimpl::certificate::generate_self_signed_certificate().unwrap();
        let certificate = Certificate::new(made.certificate, made.private_key).unwrap();
        let handle = MediaWorker::start(MediaWorkerConfig {
            index: 0,
            port: 0,
            ipv6: true,
            rtp_ports: PortRange::new(first, first + 99),
            tcp: None,
            worker: WorkerConfig::new(certificate.clone(), [1; 32]),
        });
        Self {
            handle: handle.unwrap(),
            certificate,
            free: VecDeque::new(),
            next: 1,
        }
    }

    async fn ports(&mut self) -> PortPair {
        while self.free.is_empty() {
            let event = timeout(Duration::from_secs(10), self.handle.events.recv());
            if let Some(Event::PortsOpen { ports, .. }) = event.await.expect("ports") {
                self.free.push_back(ports);
            }
        }
        self.free.pop_front().unwrap()
    }

    fn local(&mut self, transport: LocalTransport) -> (LegId, Local) {
        let number = u32::try_from(self.next).unwrap();
        self.next += 1;
        let local = Local {
            session_id: number.into(),
            session_version: 1,
            cname: "callbox".into(),
            audio_ssrc: 1_000 * number,
            video_ssrc: 1_000 * number + 1,
            video_rtx_ssrc: 1_000 * number + 2,
            transport,
        };
        (LegId(number.into()), local)
    }

    async fn phone_leg(&mut self, phone: &Phone, security: Security) -> (LegId, Local) {
        let audio = Some(self.ports().await);
        let signalling = phone.address().ip();
        self.local(LocalTransport::Rtp(LocalRtp {
            address: match signalling {
                IpAddr::V4(_) => [127, 0, 0, 1].into(),
                IpAddr::V6(_) => "::1".parse().unwrap(),
            },
            audio,
            video: None,
            profile: RtpProfile {
                security,
                feedback: false,
            },
            keys: KeySeed::new(rand::random()),
            signalling: Some(signalling),
            own_addresses: Vec::new(),
        }))
    }

    fn browser_leg(&mut self) -> (LegId, Local) {
        let ufrag = format!("server{}", self.next);
        let transport = LocalTransport::WebRtc(LocalWebRtc {
            ice: IceCredentials {
                ufrag: ufrag.into(),
                pwd: "a-password-of-the-server".into(),
            },
            fingerprint: self.certificate.fingerprint(),
            candidates: vec![([127, 0, 0, 1], self.handle.monitor.port).into()],
            tcp_candidates: Vec::new(),
            stream_id: "callbox".into(),
        });
        self.local(transport)
    }

    fn command(&self, command: Command) {
        self.handle.commands.send(command).unwrap();
    }

    /// Adds both legs and lets each feed the other.
    fn establish(&self, made: &Bridge) {
        for plan in [&made.plan_a, &made.plan_b] {
            self.command(Command::AddLeg(Box::new(plan.clone())));
        }
        for patch in [&made.a_to_b, &made.b_to_a] {
            self.command(Command::Patch(Box::new(patch.clone())));
        }
    }
}

fn remote(sdp: &str) -> RemoteOffer {
    RemoteOffer::parse(sdp, &Limits::default()).unwrap()
}

/// Phone A calls phone B.
async fn call(server: &mut Server, a: &mut Phone, b: &mut Phone, to_b: Security) -> Bridge {
    let policy = Policy::default();
    let source = remote(&a.offer());
    let (leg_a, local_a) = server.phone_leg(a, Security::Plain).await;
    let (leg_b, local_b) = server.phone_leg(b, to_b).await;
    let offered = offer(leg_b, &policy, &source, &local_b).unwrap();
    let answered = b.answer(&offered.sdp);
    let made = bridge((leg_a, &source, &local_a), &offered, &answered, &policy).unwrap();
    a.take(&made.answer_to_a);
    server.establish(&made);
    made
}

/// The tone in the last half second of what was heard.
fn assert_hears(who: &str, sound: &[u8], tone: f64) {
    let last = &sound[sound.len().checked_sub(25 * FRAME).expect(who)..];
    let (found, share) = tone::loudest(last);
    assert!(
        (found - tone).abs() < 1.0 && share > 0.9,
        "{who} hears {found} Hz ({share}) and not {tone} Hz"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_hear_each_others_tone_over_ipv4_and_ipv6_plain_and_encrypted() {
    let mut server = Server::start(24_000);
    let suites = [
        None,
        Some("AES_CM_128_HMAC_SHA1_80"),
        Some("AES_CM_128_HMAC_SHA1_32"),
    ];
    for (ip, suite) in [
        ("127.0.0.1", suites[0]),
        ("127.0.0.1", suites[1]),
        ("127.0.0.1", suites[2]),
        ("::1", None),
    ] {
        if ip == "::1" && !server.handle.monitor.ipv6 {
            continue;
        }
        let mut a = Phone::new("127.0.0.1", 440.0).await;
        let mut b = Phone::new(ip, 1_000.0).await;
        let mut security = Security::Plain;
        if let Some(suite) = suite {
            b = b.encrypting(suite);
            security = Security::Required;
        }
        call(&mut server, &mut a, &mut b, security).await;
        tokio::join!(a.talk(75), b.talk(75));
        assert_hears("A", &a.heard, 1_000.0);
        assert_hears("B", &b.heard, 440.0);
        assert_eq!((a.ssrcs.len(), b.ssrcs.len()), (1, 1));
        assert!(
            !a.reports.is_empty() && !b.reports.is_empty(),
            "RTCP comes to its own port"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_and_an_encrypting_phone_hear_each_others_tone() {
    let mut server = Server::start(24_100);
    let agent = Agent::new(SOUND).await;
    let mut phone = Phone::new("127.0.0.1", 440.0)
        .await
        .encrypting("AES_CM_128_HMAC_SHA1_80");
    let policy = Policy::default();
    let source = remote(&agent.offer().await);
    let (leg_a, local_a) = server.browser_leg();
    let (leg_b, local_b) = server.phone_leg(&phone, Security::Required).await;
    let offered = offer(leg_b, &policy, &source, &local_b).unwrap();
    let answered = phone.answer(&offered.sdp);
    let made = bridge((leg_a, &source, &local_a), &offered, &answered, &policy).unwrap();
    assert_eq!(made.audio.codec(), Some("PCMU"));
    server.establish(&made);
    agent.accept(made.answer_to_a.clone()).await;
    agent.connected().await;

    let speaking = speak(&agent, 1_000.0);
    phone.talk(100).await;
    speaking.abort();
    assert_hears("the phone", &phone.heard, 1_000.0);
    let delivered = agent.record.look().delivered(RtpCodecKind::Audio);
    let sound: Vec<u8> = delivered
        .iter()
        .flat_map(|it| it.payload.to_vec())
        .collect();
    assert_hears("the browser", &sound, 440.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_holds_and_resumes_three_times_by_offers_of_its_own() {
    let mut server = Server::start(24_200);
    let (mut a, mut b) = (
        Phone::new("127.0.0.1", 440.0).await,
        Phone::new("127.0.0.1", 1_000.0).await,
    );
    let made = call(&mut server, &mut a, &mut b, Security::Plain).await;
    tokio::join!(a.talk(50), b.talk(50));
    let policy = Policy::default();
    let (_, mut local) = server.local(LocalTransport::Rtp(LocalRtp {
        address: [127, 0, 0, 1].into(),
        audio: Some(audio_ports(&made.b)),
        video: None,
        profile: RtpProfile::default(),
        keys: KeySeed::new([0; 32]),
        signalling: Some([127, 0, 0, 1].into()),
        own_addresses: Vec::new(),
    }));
    local.audio_ssrc = made.plan_b.streams[0].ssrc;
    for _ in 0..3 {
        for (sdp, hears) in [(b.hold(), false), (b.offer(), true)] {
            local.session_version += 1;
            let offered = remote(&sdp);
            let partner = Source::Agreement(&made.a);
            let most = Direction::SendRecv;
            let b_before = Some(&made.b);
            let answered =
                answer(LegId(2), b_before, &policy, &offered, partner, most, &local).unwrap();
            let (to_b, to_a) = join(&made.a, &answered.agreement, &Policy::default());
            server.command(Command::UpdateLeg(Box::new(
                answered.agreement.plan().clone(),
            )));
            server.command(Command::Patch(Box::new(to_b)));
            server.command(Command::Patch(Box::new(to_a)));
            tokio::join!(a.talk(10), b.talk(10));
            a.heard.clear();
            b.heard.clear();
            tokio::join!(a.talk(30), b.talk(30));
            assert_hears("A", &a.heard, 1_000.0);
            assert_eq!(!b.heard.is_empty(), hears, "what B asked for");
            if hears {
                assert_hears("B", &b.heard, 440.0);
            }
        }
    }
    assert_eq!(b.ssrcs.len(), 1, "one sender for the whole call");
}

fn audio_ports(agreement: &Agreement) -> PortPair {
    let media::plan::TransportPlan::Rtp(rtp) = &agreement.plan().transport else {
        panic!("an RTP leg");
    };
    let mut streams = rtp.streams.iter();
    streams
        .find(|it| it.kind == MediaKind::Audio)
        .unwrap()
        .ports
}

/// From another address, over all ports, from before the first packet on.
#[tokio::test(flavor = "multi_thread")]
async fn s27_s28_whoever_sprays_the_ports_hears_nothing_and_is_not_heard() {
    let mut server = Server::start(24_300);
    let (mut a, mut b) = (
        Phone::new("127.0.0.1", 440.0).await,
        Phone::new("127.0.0.1", 1_000.0).await,
    );
    let intruder = UdpSocket::bind("127.0.0.3:0").await.unwrap();
    let spray = async |packet: Vec<u8>| {
        for port in 24_300..24_400_u16 {
            let to: SocketAddr = ([127, 0, 0, 1], port).into();
            intruder.send_to(&packet, to).await.unwrap();
        }
    };
    call(&mut server, &mut a, &mut b, Security::Plain).await;
    for _ in 0..20 {
        spray(a.packet()).await;
        b.talk(1).await;
    }
    for _ in 0..60 {
        spray(a.packet()).await;
        tokio::join!(a.talk(1), b.talk(1));
    }
    tokio::join!(a.talk(30), b.talk(30));
    assert_hears("A", &a.heard, 1_000.0);
    assert_hears("B", &b.heard, 440.0);
    let mut bytes = [0; 2048];
    let stolen = intruder.try_recv(&mut bytes);
    assert!(stolen.is_err(), "the intruder got {stolen:?}");
    assert!(
        b.heard.len() <= 90 * FRAME,
        "nothing of his was put in: {}",
        b.heard.len()
    );
}

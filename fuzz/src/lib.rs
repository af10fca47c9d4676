//! What the network can send, thrown at every parser.
//!
//! Each function is one fuzz target: `cargo +nightly fuzz run NAME --features fuzzing` searches,
//! and `tests/replay.rs` replays what was found (`corpus/NAME/`) on every test run. A target
//! fails by a panic, or by breaking what its assertions say.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callbox::wcs::message::ClientMessage;
use media::codec::{AudioCodec, Decoder, MAX_PACKET_SAMPLES, SampleRate};
use media::ids::{Fingerprint, IceCredentials, LegId};
use media::negotiate::{
    KeySeed, Local, LocalRtp, LocalTransport, LocalWebRtc, OfferedTransport, Policy, RemoteOffer,
    RtpProfile, Security, Source, bridge, offer, reoffer, settle,
};
use media::playout::{Arrived, JitterBuffer, Play, PlayoutConfig, SoundQueue};
use media::ports::PortPair;
use media::rtp::rewrite::GROWTH;
use media::rtp::rtcp::{Compound, RtcpPacket};
use media::rtp::{ExtensionMap, Packet, Rewrite, rewrite};
use media::sdp::{Description, Direction, Limits};
use registrar::Dialled;
use sip::digest::{AuthenticationInfo, Authorization, Challenge};
use sip::flow::{FlowId, Transport};
use sip::framer::{Framed, Opened, StreamFramer};
use sip::message::{
    Capabilities, Message, Method, ParseError, ResponseBuilder, Status, check_request,
};
use sip::procedure::register::Register;
use sip::transaction::{Event, Timings, TransactionLimits, Transactions};
use sip::uri::{Host, Uri};

/// A target and its name.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("sip_uri", sip_uri),
    ("sip_message", sip_message),
    ("sip_stream", sip_stream),
    ("sip_transactions", sip_transactions),
    ("digest", digest),
    ("dialled_name", dialled_name),
    ("wcs_message", wcs_message),
    ("sdp", sdp),
    ("offer_answer", offer_answer),
    ("rtp", rtp),
    ("rtcp", rtcp),
    ("playout", playout),
    ("codec", codec),
];

/// SIP, SIPS and tel URIs: what is parsed keeps its bytes and equals itself.
pub fn sip_uri(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(uri.as_str(), text);
        assert!(uri.equivalent(&uri));
    }
}

/// SIP messages: what is taken is taken again in the form in which it would be sent, and what is
/// refused has an answer.
pub fn sip_message(data: &[u8]) {
    let limits = sip::message::Limits::default();
    match Message::parse(data, &limits) {
        Ok(message) => {
            let again = Message::parse(message.as_bytes(), &limits);
            assert_eq!(again.ok().as_ref(), Some(&message));
            if let Message::Request(request) = &message {
                let _ = check_request(request, &capabilities());
                let _ = Register::read(request);
                let _ = ResponseBuilder::new(request, Status::OK)
                    .to_tag("t")
                    .build();
            }
        }
        Err(ParseError::Reject(rejected)) => {
            assert!(rejected.response("t").starts_with(b"SIP/2.0 "));
        }
        Err(ParseError::Drop(_)) => {}
    }
}

/// SIP over TCP: how the stream is cut into reads changes nothing, and what is held is bounded.
pub fn sip_stream(data: &[u8]) {
    for opened in [Opened::ByPeer, Opened::ByUs] {
        let whole = framed(opened, data, data.len());
        // The input chooses one more cut.
        let some = usize::from(data.last().copied().unwrap_or(7));
        for len in [1, some + 2] {
            assert_eq!(framed(opened, data, len), whole, "in reads of {len}");
        }
        for framed in whole {
            match framed {
                Framed::Message(message) => sip_message(message.as_bytes()),
                Framed::Rejected(rejected) => {
                    assert!(rejected.response("t").starts_with(b"SIP/2.0 "));
                }
                _ => {}
            }
        }
    }
}

/// What a stream holds that is read in pieces of that length.
fn framed(opened: Opened, stream: &[u8], len: usize) -> Vec<Framed> {
    let limits = sip::message::Limits::default();
    let now = begin();
    let mut framer = StreamFramer::new(opened, limits);
    let mut framed = Vec::new();
    for read in stream.chunks(len.max(1)) {
        framer.push(now, read);
        framed.extend(std::iter::from_fn(|| framer.poll()));
        assert!(framer.buffered() <= limits.message_bytes());
    }
    framed
}

/// Messages in any order, as requests to us and as our own, with time going by: what is sent can
/// be read, and once all is answered or called off, nothing is left.
pub fn sip_transactions(data: &[u8]) {
    for transport in [Transport::Udp, Transport::Tcp] {
        transactions_over(transport, data);
    }
}

fn transactions_over(transport: Transport, data: &[u8]) {
    const FLOW: FlowId = FlowId(1);
    let mut now = begin();
    let mut layer = Transactions::new(Timings::default(), TransactionLimits::default());
    let mut servers = Vec::new();
    let mut clients = Vec::new();
    for framed in framed(Opened::ByPeer, data, data.len()) {
        let Framed::Message(message) = framed else {
            continue;
        };
        if let Message::Request(request) = &message
            && request.body().len() % 2 == 1
        {
            let request = (**request).clone();
            clients.extend(layer.request(now, FLOW, transport, request));
        }
        layer.handle(now, FLOW, transport, message);
        drain(&mut layer, &mut servers);
        if let Some((server, request)) = servers.last()
            && request.cseq() % 2 == 1
            && let Ok(ringing) = ResponseBuilder::new(request, Status::RINGING).build()
        {
            layer.respond(now, *server, ringing);
        }
        now += Duration::from_millis(700);
        layer.handle_timeout(now);
    }
    for (server, request) in std::mem::take(&mut servers) {
        let answer = ResponseBuilder::new(&request, Status::BUSY_HERE).to_tag("t");
        let Ok(response) = answer.build() else {
            layer.flow_closed(now, FLOW);
            continue;
        };
        layer.respond(now, server, response);
    }
    for client in clients {
        layer.cancel(now, client);
    }
    while let Some(due) = layer.poll_timeout() {
        layer.handle_timeout(due);
        drain(&mut layer, &mut servers);
    }
    assert!(layer.is_empty());
}

fn drain(
    layer: &mut Transactions,
    servers: &mut Vec<(sip::transaction::ServerId, sip::message::Request)>,
) {
    let limits = sip::message::Limits {
        head_bytes: usize::MAX,
        header_bytes: usize::MAX,
        ..sip::message::Limits::default()
    };
    while let Some((_, bytes)) = layer.poll_transmit() {
        assert!(Message::parse(&bytes, &limits).is_ok(), "{bytes:?}");
    }
    while let Some(event) = layer.poll_event() {
        if let Event::Request {
            server, request, ..
        } = event
        {
            servers.push((server, *request));
        }
    }
}

/// Some instant: time jumps.
#[allow(
    clippy::disallowed_methods,
    reason = "virtual time has to begin somewhere"
)]
fn begin() -> Instant {
    Instant::now()
}

fn capabilities() -> Capabilities {
    Capabilities {
        methods: vec![Method::Invite, Method::Register],
        extensions: vec!["100rel".to_owned()],
        content_types: vec!["application/sdp".to_owned()],
        any_content: vec![Method::Message],
        forwards: true,
    }
}

/// Header values of digest authentication: what we write of one reads back as itself.
pub fn digest(data: &[u8]) {
    if let Ok(value) = Challenge::parse(data) {
        let written = value.to_string();
        assert_eq!(Challenge::parse(written.as_bytes()), Ok(value));
    }
    if let Ok(value) = Authorization::parse(data) {
        let written = value.to_string();
        assert_eq!(Authorization::parse(written.as_bytes()), Ok(value));
    }
    if let Ok(value) = AuthenticationInfo::parse(data) {
        let written = value.to_string();
        assert_eq!(AuthenticationInfo::parse(written.as_bytes()), Ok(value));
    }
}

/// What a person types to call somebody.
pub fn dialled_name(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(domain) = Host::parse("example.com") {
        let _ = Dialled::parse(text, &domain);
    }
}

/// Frames of the Web SDK protocol.
pub fn wcs_message(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = ClientMessage::parse(text);
}

/// Session descriptions: what we write of one reads back as itself.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let limits = Limits::default();
    if let Ok(description) = Description::parse(text, &limits) {
        let written = description.to_text();
        let again = Description::parse(&written, &limits);
        assert_eq!(again.as_ref().map(Description::to_text), Ok(written));
    }
}

/// A caller's offer, our offers made from it, and an answer to them: both parts of the input,
/// parted by a NUL byte. The callee is once a browser and once a phone.
pub fn offer_answer(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (caller, callee) = text.split_once('\0').unwrap_or((text, ""));
    let policy = Policy::default();
    let Ok(remote) = RemoteOffer::parse(caller, &policy.limits) else {
        return;
    };
    let ours_of_a = match remote.transport() {
        OfferedTransport::WebRtc => local("a", 10),
        OfferedTransport::Rtp { .. } => phone(10),
    };
    for ours_of_b in [local("b", 20), phone(20)] {
        let Ok(ours) = offer(LegId(2), &policy, &remote, &ours_of_b) else {
            continue;
        };
        // Our own offer, sent back as an answer, must at least be read.
        for answered in [callee, &ours.sdp] {
            let a = (LegId(1), &remote, &ours_of_a);
            let Ok(bridge) = bridge(a, &ours, answered, &policy) else {
                continue;
            };
            let (source, most) = (Source::Agreement(&bridge.a), Direction::SendOnly);
            if let Ok(again) = reoffer(&bridge.b, &policy, source, most, &ours_of_b) {
                let _ = settle(&again, callee, &policy);
            }
        }
    }
}

/// RTP packets and their rewriting.
pub fn rtp(data: &[u8]) {
    let Ok(packet) = Packet::parse(data) else {
        return;
    };
    let _ = packet.payload();
    for element in packet.extensions() {
        assert!(element.data.len() <= 255);
    }
    let mut map = ExtensionMap::new();
    map.insert(1, 3);
    map.insert(2, 200);
    let to = Rewrite {
        payload_type: 96,
        ssrc: 7,
        sequence_number: 8,
        timestamp: 9,
        marker: true,
        keep_padding: false,
    };
    let mut out = vec![0; data.len() + GROWTH];
    if let Ok(len) = rewrite(&packet, &to, &map, &mut out) {
        let again = Packet::parse(&out[..len]);
        assert_eq!(
            again.map(|it| it.payload().to_vec()),
            Ok(packet.payload().to_vec())
        );
    }
}

/// Compound RTCP packets: everything in them can be read to its end.
pub fn rtcp(data: &[u8]) {
    let Ok(compound) = Compound::parse(data) else {
        return;
    };
    for packet in compound {
        if let RtcpPacket::Nack(nack) = packet {
            assert!(nack.sequence_numbers().count() <= 17 * data.len());
        }
    }
}

/// Audio packets of any number, time and length, in any order, and ticks between them: what is
/// held stays within its bounds, each tick ends, and every packet is accounted for.
pub fn playout(data: &[u8]) {
    let config = PlayoutConfig {
        max_packets: 16,
        max_bytes: 1024,
        ..PlayoutConfig::default()
    };
    let tick = Duration::from_millis(20);
    let mut buffer = JitterBuffer::new(config);
    let mut queue = SoundQueue::new(8000);
    let mut now = begin();
    let (mut number, mut timestamp) = (0u16, 0u32);
    for step in data.chunks_exact(8) {
        let &[kind, a, b, c, d, len, wait, plays] = step else {
            continue;
        };
        let (jump, far) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        // Mostly a stream that goes on, so that what is rare happens within one.
        number = match kind & 0x03 {
            0 => number.wrapping_add(jump),
            _ => number.wrapping_add(1),
        };
        timestamp = match kind & 0x0C {
            0 => timestamp.wrapping_add(u32::from(far) << (jump & 0x0F)),
            _ => timestamp.wrapping_add(160),
        };
        now += Duration::from_millis(u64::from(wait));
        buffer.insert(&Arrived {
            at: now,
            ssrc: u32::from(kind == 0xFF),
            sequence_number: number,
            timestamp,
            payload_type: kind & 0x7F,
            marker: kind & 0x10 != 0,
            clock_rate: if plays == 0xFF { 0 } else { 8000 },
            duration: (plays & 1 == 1).then_some(u32::from(plays) * 8),
            silence: kind & 0x20 != 0,
            repairs: kind & 0x40 != 0,
            payload: &vec![kind; usize::from(len) * 5],
        });
        assert!(buffer.len() <= 16 && buffer.bytes() <= 1024);
        if kind & 0x40 != 0 {
            play(&mut buffer, &mut queue, now, tick);
        }
    }
    for _ in 0..100 {
        now += tick;
        play(&mut buffer, &mut queue, now, tick);
    }
    let stats = buffer.stats();
    let gone = stats.played + stats.duplicates + stats.unplayed();
    assert_eq!(stats.received, gone + buffer.len() as u64, "{stats:?}");
}

fn play(buffer: &mut JitterBuffer, queue: &mut SoundQueue, now: Instant, tick: Duration) {
    let samples = |duration: Duration| duration.as_micros() as usize / 125;
    while queue.duration() < tick {
        let held = buffer.len();
        let step = buffer.poll(now, queue.duration(), tick);
        let stretch = step.stretch;
        let (frame, resumes) = match step.play {
            Play::Packet(packet) => (samples(packet.duration), packet.resumes),
            Play::Recover { missing, .. } | Play::Conceal(missing) => (samples(missing), false),
            Play::Comfort(gap) | Play::Silence(gap) => (samples(gap), false),
        };
        assert!(frame > 0 || buffer.len() < held, "it goes on");
        queue.push(&mut vec![1000; frame], stretch, resumes);
        assert!(queue.duration() <= Duration::from_millis(400));
    }
    queue.take(&mut [0; 160]);
}

/// Payloads of every audio coder: the first byte says which, then each payload comes behind its
/// length. What is decoded lasts as long as was foretold, also between gaps.
pub fn codec(data: &[u8]) {
    let Some((which, mut rest)) = data.split_first() else {
        return;
    };
    let compressed = AudioCodec::COMPRESSED;
    let number = usize::from(*which) % (compressed.len() + 1);
    let coder = compressed.get(number).copied();
    let coder = coder.unwrap_or(AudioCodec::L16(SampleRate::Hz16000));
    let rate = coder.rates()[usize::from(which / 16) % coder.rates().len()];
    let Ok(mut decoder) = Decoder::new(coder, rate) else {
        return;
    };
    let mut out = [0; MAX_PACKET_SAMPLES];
    for packet in 0..64 {
        let Some((len, behind)) = rest.split_first() else {
            return;
        };
        let payload;
        (payload, rest) = behind.split_at(behind.len().min(usize::from(*len)));
        let gap = &mut out[..rate.samples(20)];
        match packet % 4 {
            2 => decoder.conceal(gap),
            3 => drop(decoder.recover(payload, gap)),
            _ => {}
        }
        let foretold = coder.samples_of(payload, rate);
        if let Ok(samples) = decoder.decode(payload, &mut out) {
            assert_eq!(foretold, Ok(samples));
        }
    }
}

fn local(name: &str, base: u32) -> Local {
    Local {
        transport: LocalTransport::WebRtc(LocalWebRtc {
            ice: IceCredentials {
                ufrag: name.into(),
                pwd: "0123456789abcdefghijkl".into(),
            },
            fingerprint: Fingerprint([7; 32]),
            candidates: vec![SocketAddr::from(([127, 0, 0, 1], 40_000))],
            tcp_candidates: vec![SocketAddr::from(([127, 0, 0, 1], 40_000))],
            stream_id: "callbox".into(),
        }),
        ..phone(base)
    }
}

fn phone(base: u32) -> Local {
    Local {
        session_id: 1,
        session_version: 1,
        cname: "callbox".into(),
        audio_ssrc: base,
        video_ssrc: base + 1,
        video_rtx_ssrc: base + 2,
        transport: LocalTransport::Rtp(LocalRtp {
            address: [127, 0, 0, 1].into(),
            audio: PortPair::new(20_000),
            video: PortPair::new(20_002),
            profile: RtpProfile {
                security: Security::Opportunistic,
                feedback: true,
            },
            keys: KeySeed::new([9; 32]),
            signalling: None,
            own_addresses: Vec::new(),
        }),
    }
}

//! The sockets of RTP legs, with a worker's thread around them and without.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods)]

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::time::Duration;

use media::ids::MediaKind;
use media::plan::{RtcpPlan, RtpPlan, RtpRemote, RtpStreamPlan, StreamPlan};
use rand::SeedableRng;

use super::super::tests::config;
use super::super::{Handle, MediaWorker, MediaWorkerConfig};
use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn open(first: u16, last: u16) -> RtpPorts {
    let range = PortRange::new(first, last);
    RtpPorts::open(3, range, false, &mut StdRng::from_seed([5; 32])).unwrap()
}

fn reported(ports: &mut RtpPorts) -> BTreeSet<u16> {
    let mut reported = BTreeSet::new();
    while let Some(event) = ports.poll_event() {
        if let Event::PortsOpen { worker: 3, ports } = event {
            assert!(reported.insert(ports.rtp()), "each once");
        }
    }
    reported
}

fn plan(leg: u64, ports: PortPair, remote: Option<SocketAddr>) -> Box<LegPlan> {
    let way = RtpStreamPlan {
        kind: MediaKind::Audio,
        ports,
        remote: remote.map(|remote| RtpRemote {
            rtp: Some(remote),
            rtcp: RtcpPlan::Muxed,
            signalling: Some(remote.ip()),
            keys: None,
        }),
    };
    let stream = StreamPlan::new(MediaKind::Audio, 7, Vec::new());
    Box::new(LegPlan {
        leg: LegId(leg),
        cname: "callbox".into(),
        transport: TransportPlan::Rtp(RtpPlan { streams: vec![way] }),
        streams: vec![stream],
    })
}

fn is_taken(port: u16) -> bool {
    UdpSocket::bind(("0.0.0.0", port)).is_err()
}

#[test]
fn pairs_are_open_before_anybody_asks_and_closed_after_their_leg() {
    let mut ports = open(23_000, 23_199);
    let reported_first = reported(&mut ports);
    assert_eq!(reported_first.len(), RESERVE);
    let pair = PortPair::new(*reported_first.first().unwrap()).unwrap();
    assert!(
        is_taken(pair.rtp()) && is_taken(pair.rtcp()),
        "nobody else gets them"
    );

    assert!(ports.admit(&Command::AddLeg(plan(1, pair, None))));
    assert_eq!(ports.in_use(), 1);
    let now = Instant::now();
    ports.tend(now);
    assert_eq!(
        reported(&mut ports).len(),
        1,
        "another takes its place in reserve"
    );

    assert!(ports.admit(&Command::RemoveLeg(LegId(1))));
    assert!(is_taken(pair.rtp()), "its goodbye is still to be sent");
    ports.tend(now);
    assert!(!is_taken(pair.rtp()) && !is_taken(pair.rtcp()));
    assert_eq!(ports.in_use(), 0);
}

#[test]
fn a_pair_that_was_in_use_rests() {
    let mut ports = open(23_200, 23_207);
    let all = reported(&mut ports);
    assert_eq!(all.len(), 4);
    let pair = PortPair::new(*all.first().unwrap()).unwrap();
    assert!(ports.admit(&Command::AddLeg(plan(1, pair, None))));
    assert!(ports.admit(&Command::RemoveLeg(LegId(1))));
    let now = Instant::now();
    ports.tend(now);
    ports.tend(now + QUARANTINE / 2);
    assert!(reported(&mut ports).is_empty());
    ports.tend(now + QUARANTINE);
    assert_eq!(reported(&mut ports), BTreeSet::from([pair.rtp()]));
}

#[test]
fn a_port_of_another_program_is_skipped_and_the_next_is_taken() {
    let other = UdpSocket::bind("0.0.0.0:23303").unwrap();
    let mut ports = open(23_300, 23_307);
    assert_eq!(
        reported(&mut ports),
        BTreeSet::from([23_300, 23_304, 23_306])
    );
    assert!(!is_taken(23_302), "half a pair is not kept");
    drop(other);
    ports.tend(Instant::now() + QUARANTINE * 2);
    assert_eq!(
        reported(&mut ports),
        BTreeSet::from([23_302]),
        "it is tried again"
    );
}

#[test]
fn a_plan_with_ports_that_are_not_open_fails_its_leg() {
    let mut ports = open(23_400, 23_407);
    let open = reported(&mut ports);
    let pair = PortPair::new(*open.first().unwrap()).unwrap();
    assert!(ports.admit(&Command::AddLeg(plan(1, pair, None))));
    assert!(
        ports.admit(&Command::UpdateLeg(plan(1, pair, None))),
        "its own"
    );
    for closed in [pair, PortPair::new(40_000).unwrap()] {
        assert!(!ports.admit(&Command::AddLeg(plan(2, closed, None))));
        match ports.poll_event() {
            Some(Event::Failed(LegId(2), Failure::Plan(what))) => {
                assert_eq!(what, format!("port {} is not open for it", closed.rtp()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_leg_that_has_left_takes_no_ports_with_it() {
    let mut ports = open(23_700, 23_707);
    let open = reported(&mut ports);
    let mut pairs = open.iter().filter_map(|port| PortPair::new(*port));
    let (first, second) = (pairs.next().unwrap(), pairs.next().unwrap());
    assert!(ports.admit(&Command::AddLeg(plan(1, first, None))));
    assert!(ports.admit(&Command::UpdateLeg(plan(1, second, None))));
    assert_eq!(ports.in_use(), 2, "it may have more later");
    assert!(ports.admit(&Command::RemoveLeg(LegId(1))));
    let third = pairs.next().unwrap();
    assert!(ports.admit(&Command::UpdateLeg(plan(1, third, None))));
    assert_eq!(ports.in_use(), 0);
    assert!(ports.admit(&Command::AddLeg(plan(2, third, None))));
}

#[test]
fn without_a_range_there_are_no_ports() {
    let mut ports = RtpPorts::open(0, None, true, &mut StdRng::from_seed([5; 32])).unwrap();
    ports.tend(Instant::now());
    assert!(ports.poll_event().is_none());
}

fn worker(first: u16, last: u16) -> Handle {
    let config = MediaWorkerConfig {
        index: 3,
        rtp_ports: PortRange::new(first, last),
        ..config(0)
    };
    MediaWorker::start(config).unwrap()
}

/// Looks at events until one of them says something.
fn until<T>(handle: &mut Handle, what: &str, look: impl Fn(Event) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < end, "{what} did not come");
        match handle.events.try_recv() {
            Ok(event) => {
                if let Some(found) = look(event) {
                    return found;
                }
            }
            Err(_) => std::thread::yield_now(),
        }
    }
}

#[test]
fn a_leg_reports_and_says_goodbye_from_its_own_port_over_ipv4_and_ipv6() {
    for ip in ["127.0.0.1", "::1"] {
        let mut handle = worker(23_500, 23_599);
        if ip == "::1" && !handle.monitor.ipv6 {
            continue;
        }
        let pair = until(&mut handle, "a pair", |event| match event {
            Event::PortsOpen { worker: 3, ports } => Some(ports),
            _ => None,
        });
        let phone = UdpSocket::bind((ip, 0)).unwrap();
        phone.set_read_timeout(Some(PATIENCE)).unwrap();
        let plan = plan(1, pair, phone.local_addr().ok());
        handle.commands.send(Command::AddLeg(plan)).unwrap();
        let mut bytes = [0; 2048];
        let (len, from) = phone.recv_from(&mut bytes).unwrap();
        assert_eq!(from, SocketAddr::new(ip.parse().unwrap(), pair.rtp()));
        assert_eq!(bytes[1], 201, "a receiver report: {:?}", &bytes[..len]);

        handle.commands.send(Command::RemoveLeg(LegId(1))).unwrap();
        let is_goodbye = |bytes: &[u8]| bytes.windows(2).any(|it| it == [0x81, 203]);
        loop {
            let (len, _) = phone.recv_from(&mut bytes).unwrap();
            if is_goodbye(&bytes[..len]) {
                break;
            }
        }
        let end = Instant::now() + PATIENCE;
        while is_taken(pair.rtp()) {
            assert!(Instant::now() < end, "the port is not closed");
            std::thread::yield_now();
        }
        handle.shut_down();
    }
}

#[test]
fn datagrams_to_open_ports_without_a_leg_are_taken_and_forgotten() {
    let mut handle = worker(23_600, 23_607);
    let pair = until(&mut handle, "a pair", |event| match event {
        Event::PortsOpen { ports, .. } => Some(ports),
        _ => None,
    });
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let end = Instant::now() + PATIENCE;
    while handle.monitor.measurements().worker.rtp_unchecked == 0 {
        assert!(Instant::now() < end, "nothing was counted");
        let packet = [0x80, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9];
        stranger
            .send_to(&packet, ("127.0.0.1", pair.rtp()))
            .unwrap();
        std::thread::yield_now();
    }
    handle.shut_down();
}

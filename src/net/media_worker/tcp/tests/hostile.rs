//! What strangers may try.

use std::os::fd::AsRawFd;

use super::*;

fn stranger(handle: &Handle) -> TcpStream {
    TcpStream::connect(server(handle, "127.0.0.1")).unwrap()
}

/// A connection from an address that is chosen.
fn connect_from(from: [u8; 4], to: SocketAddr) -> TcpStream {
    use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, bind, connect};
    let flags = SockFlag::SOCK_CLOEXEC;
    let fd = nix::sys::socket::socket(AddressFamily::Inet, SockType::Stream, flags, None).unwrap();
    let from = SockaddrStorage::from(SocketAddr::from((from, 0)));
    bind(fd.as_raw_fd(), &from).unwrap();
    connect(fd.as_raw_fd(), &SockaddrStorage::from(to)).unwrap();
    TcpStream::from(fd)
}

#[test]
fn a_frame_longer_than_any_datagram_closes_the_connection() {
    let handle = start(limits());
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x16, 3, 1, 2, 0],
        &[0xff; 3],
    ] {
        let mut stream = stranger(&handle);
        stream.write_all(bytes).unwrap();
        wait_for("the end", || is_closed(&mut stream));
    }
    handle.shut_down();
}

#[test]
fn a_stranger_that_talks_on_without_a_check_is_closed() {
    let handle = start(limits());
    let mut stream = stranger(&handle);
    let garbage = framed(&[0x55; 500]);
    let end = Instant::now() + PATIENCE;
    let mut sent = 0;
    while stream.write_all(&garbage).is_ok() && !is_closed(&mut stream) {
        sent += garbage.len();
        assert!(Instant::now() < end, "it may talk for ever");
    }
    assert!(sent < 1_000_000, "{sent}");
    handle.shut_down();
}

#[test]
fn s07_a_stranger_without_an_authenticated_check_is_closed_in_time_however_it_dribbles() {
    let handle = start(TcpConfig {
        check_timeout: Duration::from_millis(500),
        ..limits()
    });
    let mut silent = stranger(&handle);
    let mut dribbling = stranger(&handle);
    // Genuine in form, of a leg that there is not.
    let mut nobody = Client::new(server(&handle, "127.0.0.1"), 77);
    let begun = Instant::now();
    wait_for("the end of all three", || {
        let _ = dribbling.write_all(&[0]);
        nobody.turn();
        is_closed(&mut silent) && is_closed(&mut dribbling) && nobody.closed
    });
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert!(begun.elapsed() < Duration::from_secs(5));
    handle.shut_down();
}

#[test]
fn a_call_that_comes_byte_by_byte_is_a_call() {
    let mut handle = start(limits());
    let mut client = Client::with_leg(&handle, "127.0.0.1", 1);
    let mut seen = Vec::new();
    wait_for("readiness", || {
        let mut out = Vec::new();
        client.transport.handle_timeout(Instant::now(), &mut out);
        client.receive(&mut out);
        for (_, datagram) in out {
            for byte in framed(&datagram) {
                client.stream.write_all(&[byte]).unwrap();
            }
        }
        seen.extend(handle.events.try_recv());
        seen.contains(&Event::MediaReady(LegId(1)))
    });
    handle.shut_down();
}

#[test]
fn s08_ten_thousand_connections_of_one_address_leave_room_for_others() {
    let limit = 50;
    let mut handle = start(TcpConfig {
        connections_per_address: limit,
        ..limits()
    });
    let mut open = Vec::new();
    for number in 0..10_000 {
        // What is refused is closed, so that the test needs no more descriptors than it may have.
        if let Ok(stream) = TcpStream::connect(server(&handle, "127.0.0.1")) {
            stream.set_nonblocking(true).unwrap();
            open.push(stream);
        }
        if number % 200 == 199 {
            wait_for("the refusals", || {
                open.retain_mut(|it| !is_closed(it));
                open.len() <= limit
            });
        }
    }
    assert_eq!(open.len(), limit);
    let stream = connect_from([127, 0, 0, 3], server(&handle, "127.0.0.1"));
    let mut client = Client::over(stream, server(&handle, "127.0.0.1"), 1);
    client.add_leg(&handle);
    client.get_ready(&mut handle);
    assert!(handle.monitor.measurements().tcp.connections <= limit + 1);
    handle.shut_down();
}

#[test]
fn when_all_places_are_taken_the_oldest_stranger_makes_room() {
    let mut handle = start(TcpConfig {
        connections: 3,
        connections_per_address: 3,
        ..limits()
    });
    let mut talking = Client::with_leg(&handle, "127.0.0.1", 1);
    talking.get_ready(&mut handle);
    let mut oldest = stranger(&handle);
    let mut second = stranger(&handle);
    let mut late = Client::with_leg(&handle, "127.0.0.1", 2);
    late.get_ready(&mut handle);
    wait_for("the end of the oldest", || is_closed(&mut oldest));
    assert!(!is_closed(&mut second));
    talking.turn();
    assert!(!talking.closed);
    // Everybody but one is known now: the stranger goes, then nobody does.
    let mut later = Client::with_leg(&handle, "127.0.0.1", 3);
    later.get_ready(&mut handle);
    let mut refused = stranger(&handle);
    wait_for("the refusal", || is_closed(&mut refused));
    handle.shut_down();
}

#[test]
fn s08_an_address_that_has_its_share_takes_no_place_from_others() {
    let handle = start(TcpConfig {
        connections: 3,
        connections_per_address: 2,
        ..limits()
    });
    let greedy = || connect_from([127, 0, 0, 3], server(&handle, "127.0.0.1"));
    let mut oldest = stranger(&handle);
    let share = [greedy(), greedy()];
    let mut later = Vec::new();
    for mut own in share {
        later.push(greedy());
        wait_for("the end of its own oldest", || is_closed(&mut own));
    }
    assert!(!is_closed(&mut oldest));
    assert!(!later.iter_mut().any(is_closed));
    wait_for("the counts", || {
        let counts = handle.monitor.measurements().tcp;
        (counts.connections, counts.refused) == (3, 2)
    });
    handle.shut_down();
}

#[test]
fn an_idle_connection_of_a_living_leg_is_closed() {
    let mut handle = start(TcpConfig {
        idle_timeout: Duration::from_millis(300),
        ..limits()
    });
    let mut client = Client::with_leg(&handle, "127.0.0.1", 1);
    client.get_ready(&mut handle);
    wait_for("the end", || is_closed(&mut client.stream));
    handle.shut_down();
}

/// The peer stops reading: its packets are dropped and counted, and another call goes on.
#[test]
fn a_peer_that_does_not_read_loses_packets_and_holds_up_nobody() {
    let mut handle = start(limits());
    let mut deaf = Client::with_leg(&handle, "127.0.0.1", 1);
    let mut source = over_udp(&handle, 2);
    deaf.get_ready(&mut handle);
    source.turn_until("the handshake", |it| it.transport.connected());
    patch(&handle, 2, 1);
    let end = Instant::now() + PATIENCE;
    let mut number = 0;
    while handle.monitor.measurements().tcp.dropped == 0 {
        assert!(Instant::now() < end, "nothing is dropped");
        for _ in 0..50 {
            number += 1;
            let packet = speech(number, 1_000);
            let packet = source.transport.protect(&packet);
            source.socket.send_to(&packet, source.server).unwrap();
        }
        source.turn();
    }
    // The other way of the same thread is as quick as ever.
    let mut other = Client::with_leg(&handle, "127.0.0.1", 3);
    let begun = Instant::now();
    other.get_ready(&mut handle);
    assert!(begun.elapsed() < Duration::from_secs(3));
    handle.shut_down();
}

#[test]
fn a_flood_of_connections_and_garbage_does_not_disturb_a_call_over_udp() {
    let mut handle = start(limits());
    let mut client = over_udp(&handle, 1);
    let target = server(&handle, "127.0.0.1");
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen_stop = std::sync::Arc::clone(&stop);
    let flood = std::thread::spawn(move || {
        let mut connections = 0_u64;
        while !seen_stop.load(std::sync::atomic::Ordering::Relaxed) {
            let Ok(mut stream) = TcpStream::connect(target) else {
                continue;
            };
            connections += 1;
            let _ = stream.write_all(&framed(&[0x17; 1_200]).repeat(8));
        }
        connections
    });
    let mut seen = Vec::new();
    client.turn_until("readiness under fire", |it| {
        seen.extend(handle.events.try_recv());
        seen.contains(&Event::MediaReady(LegId(1))) && it.transport.connected()
    });
    let (mut sent, end) = (0_u16, Instant::now() + Duration::from_secs(2));
    while Instant::now() < end {
        let packet = speech(sent, 80);
        let packet = client.transport.protect(&packet);
        client.socket.send_to(&packet, client.server).unwrap();
        sent += 1;
        client.turn();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let connections = flood.join().unwrap();
    assert!(connections > 100, "{connections}");
    wait_for("every packet of the call", || {
        handle.monitor.measurements().worker.rtp_received == u64::from(sent)
    });
    handle.shut_down();
}

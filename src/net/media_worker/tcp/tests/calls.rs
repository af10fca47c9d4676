//! Calls over connections.

use std::net::TcpListener;

use super::super::super::{MediaWorkerConfig, StartError};
use super::*;

#[test]
fn a_peer_gets_ready_over_ipv4_and_ipv6_and_is_told_goodbye() {
    for ip in ["127.0.0.1", "127.0.0.5", "::1"] {
        let mut handle = start(limits());
        if ip.contains(':') && !handle.monitor.ipv6 {
            continue;
        }
        let mut client = Client::with_leg(&handle, ip, 1);
        client.get_ready(&mut handle);
        handle.shut_down();
        client.turn_until("goodbye", |it| it.transport.closed_by_peer);
    }
}

#[test]
fn one_side_on_tcp_and_one_on_udp_hear_each_other() {
    let mut handle = start(limits());
    let mut over_tcp = Client::with_leg(&handle, "127.0.0.1", 1);
    let mut over_udp = over_udp(&handle, 2);
    over_tcp.get_ready(&mut handle);
    over_udp.turn_until("the handshake", |it| it.transport.connected());
    patch(&handle, 1, 2);
    patch(&handle, 2, 1);
    let end = Instant::now() + PATIENCE;
    for number in 0_u16.. {
        let packet = speech(number, 80);
        let over_the_wire = over_tcp.transport.protect(&packet);
        over_tcp.stream.write_all(&framed(&over_the_wire)).unwrap();
        let packet = over_udp.transport.protect(&packet);
        over_udp.socket.send_to(&packet, over_udp.server).unwrap();
        over_tcp.turn();
        over_udp.turn();
        let heard = |it: &ClientTransport| it.rtp.len() >= 20;
        if heard(&over_tcp.transport) && heard(&over_udp.transport) {
            break;
        }
        assert!(Instant::now() < end, "they do not hear each other");
    }
    assert_eq!(over_tcp.transport.refused + over_udp.transport.refused, 0);
    handle.shut_down();
}

#[test]
fn a_broken_connection_is_followed_by_another_one_of_the_same_leg() {
    let mut handle = start(limits());
    let mut client = Client::with_leg(&handle, "127.0.0.1", 1);
    client.get_ready(&mut handle);
    client.reconnect();
    client.turn_until("an answer over the new connection", |it| it.received > 0);
    handle.commands.send(Command::RemoveLeg(LegId(1))).unwrap();
    client.turn_until("goodbye", |it| it.transport.closed_by_peer);
    handle.shut_down();
}

#[test]
fn the_connection_of_a_leg_that_is_gone_is_closed() {
    let mut handle = start(limits());
    let mut client = Client::with_leg(&handle, "127.0.0.1", 1);
    client.get_ready(&mut handle);
    handle.commands.send(Command::RemoveLeg(LegId(1))).unwrap();
    client.turn_until("goodbye", |it| it.transport.closed_by_peer);
    client.turn_until("the end of the connection", |it| it.closed);
    wait_for("the count", || connections(&handle) == 0);
    handle.shut_down();
}

#[test]
fn a_taken_tcp_port_is_said_in_a_sentence_and_free_again_after_the_end() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let config = || MediaWorkerConfig {
        tcp: Some(TcpConfig { port, ..limits() }),
        ..tests::config(0)
    };
    match MediaWorker::start(config()) {
        Err(error @ StartError::PortTaken { .. }) => {
            let said = error.to_string();
            assert!(said.contains(&format!("{port}/tcp is taken")), "{said}");
            assert_eq!(error.key(), "media.tcp_port");
        }
        other => panic!("{other:?}"),
    }
    drop(taken);
    for _ in 0..2 {
        MediaWorker::start(config()).unwrap().shut_down();
    }
}

#[test]
fn without_tcp_nothing_listens() {
    let handle = MediaWorker::start(tests::config(0)).unwrap();
    assert_eq!(handle.monitor.tcp_port, None);
    assert!(TcpStream::connect(("127.0.0.1", handle.monitor.port)).is_err());
    handle.shut_down();
}

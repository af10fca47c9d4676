//! Those who register from elsewhere while the server is attacked.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::overload::{Ports, connect_from, request};

/// Between registrations from elsewhere.
const INTERVAL: Duration = Duration::from_millis(100);

/// A request that was not answered is sent again after this (RFC 3261 17.1.2.2, Timer E).
const T1: Duration = Duration::from_millis(500);

/// A registration that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where those are who register.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Registers a new telephone again and again, over UDP and over TCP in turns.
pub(super) fn register_meanwhile(ports: Ports, over: &AtomicBool) -> Result<Vec<Duration>> {
    let mut taken = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let index = taken.len();
        let start = Instant::now();
        let registered = match index % 2 {
            0 => register_over_udp(ports.udp, index),
            _ => register_over_tcp(ports.tcp[0], index),
        };
        registered.with_context(|| format!("registration {index} from elsewhere"))?;
        taken.push(start.elapsed());
        thread::sleep(INTERVAL);
    }
    Ok(taken)
}

fn registration(transport: &str, index: usize, own: SocketAddr) -> String {
    let user = format!("<sip:elsewhere{index}@localhost>");
    let request = request("REGISTER", "sip:localhost", &user, index as u64, own);
    let contact = format!("<sip:elsewhere{index}@{own};transport={transport}>");
    request
        .replace("flood", "elsewhere")
        .replace(&format!("<sip:elsewhere@{own}>"), &contact)
        .replace("/UDP", &format!("/{}", transport.to_uppercase()))
}

fn register_over_udp(to: SocketAddr, index: usize) -> Result<()> {
    let socket = UdpSocket::bind((ELSEWHERE, 0))?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(T1))?;
    let request = registration("udp", index, socket.local_addr()?);
    let start = Instant::now();
    let mut answer = [0; 4096];
    while start.elapsed() < PATIENCE {
        socket.send(request.as_bytes())?;
        match socket.recv(&mut answer) {
            Ok(len) => return is_ok(&answer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    bail!("no answer over UDP within {PATIENCE:?}");
}

fn register_over_tcp(to: SocketAddr, index: usize) -> Result<()> {
    let mut stream = connect_from(ELSEWHERE, to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = registration("tcp", index, stream.local_addr()?);
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut some = [0; 4096];
    while !answer.ends_with(b"\r\n\r\n") {
        let len = stream.read(&mut some).context("no answer over TCP")?;
        if len == 0 {
            bail!("the connection was closed");
        }
        answer.extend_from_slice(&some[..len]);
    }
    is_ok(&answer)
}

fn is_ok(answer: &[u8]) -> Result<()> {
    if !answer.starts_with(b"SIP/2.0 200 ") {
        bail!("the answer is\n{}", String::from_utf8_lossy(answer));
    }
    Ok(())
}

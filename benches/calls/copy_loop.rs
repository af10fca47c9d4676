//! The floor: the same datagrams through a loop that does nothing but look up where they go.
//! It may let datagrams gather between two fetches, as the server does under load, so that both
//! can be compared with the same batching.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, IoSlice, IoSliceMut, Write};
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::socket::{
    MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, sendmmsg, setsockopt, sockopt,
};

use super::process::Process;

const BATCH: usize = 64;
const DATAGRAM_LEN: usize = 2048;

/// Reads the pairs from standard input, says its port, and copies until it is killed. It
/// fetches no more often than every `gather`.
pub(crate) fn run(gather: Duration) -> Result<()> {
    let mut partners = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (a, b) = line.split_once(' ').context("a pair of addresses")?;
        let (a, b): (SocketAddrV4, SocketAddrV4) = (a.parse()?, b.parse()?);
        partners.insert(a, b);
        partners.insert(b, a);
    }
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    setsockopt(&socket, sockopt::RcvBufForce, &(8 << 20))
        .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &(8 << 20)))?;
    println!("{}", socket.local_addr()?);
    std::io::stdout().flush()?;

    let fd = socket.as_raw_fd();
    let mut incoming = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut outgoing = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
    let mut buffer = vec![0; BATCH * DATAGRAM_LEN];
    let mut next_fetch = Instant::now();
    loop {
        let now = Instant::now();
        if now < next_fetch {
            std::thread::sleep(next_fetch - now);
        }
        let mut received = [(0, None); BATCH];
        let mut count = 0;
        {
            let mut room = buffer.chunks_exact_mut(DATAGRAM_LEN);
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] =
                std::array::from_fn(|_| [IoSliceMut::new(room.next().unwrap_or_default())]);
            let flags = MsgFlags::MSG_WAITFORONE;
            for message in recvmmsg(fd, &mut incoming, slices.iter_mut(), flags, None)? {
                let from = message.address.map(SocketAddrV4::from);
                let to = from.and_then(|from| partners.get(&from)).copied();
                received[count] = (message.bytes, to.map(SockaddrIn::from));
                count += 1;
            }
        }
        if !gather.is_zero() {
            next_fetch = Instant::now() + gather;
        }
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|index| {
            let start = index * DATAGRAM_LEN;
            [IoSlice::new(&buffer[start..start + received[index].0])]
        });
        let to: [Option<SockaddrIn>; BATCH] = std::array::from_fn(|index| received[index].1);
        let _ = sendmmsg(
            fd,
            &mut outgoing,
            slices.iter().take(count),
            to,
            [],
            MsgFlags::empty(),
        );
    }
}

/// The loop in a process of its own, so that its CPU time is its own.
pub(crate) struct Copier {
    child: Child,
    address: SocketAddr,
}

impl Copier {
    pub(crate) fn start(pairs: &[(SocketAddr, SocketAddr)], gather: Duration) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(format!("--copy-loop={}", gather.as_micros()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the copy loop does not start")?;
        let mut stdin = child.stdin.take().context("no input")?;
        for (a, b) in pairs {
            writeln!(stdin, "{a} {b}")?;
        }
        drop(stdin);
        let mut line = String::new();
        let stdout = child.stdout.take().context("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line
            .trim()
            .parse()
            .context("the copy loop did not say its address")?;
        Ok(Self { child, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    pub(crate) fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Copier {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The loop of a media worker's thread.

mod rtp;
mod stream;

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use media::plan::Command;
use media::worker::{Outbox, Worker};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::EventFd;
use nix::sys::time::TimeSpec;

use super::Measurements;
use super::drops::kernel_drops;
use super::pace::Pace;
use super::reports::{self, Reports};
use super::rtp::RtpPorts;
use super::socket::{BATCH, Batches, DATAGRAM_LEN, Received, Socket};
use super::tcp::Tcp;
use crate::net::recorder::TapWay;

/// Datagrams to be sent that are gathered before they must go.
const OUTBOX_SLOTS: usize = 512;

/// The outbox is emptied when no more than this is free. One received datagram never causes
/// more: a NACK is answered by fewer packets.
const OUTBOX_RESERVE: usize = 192;

/// Batches taken from one socket before the others and the timers get their turn.
const BATCHES_PER_TURN: usize = 4;

/// Commands carried out before packets get their turn.
const COMMANDS_PER_TURN: usize = 256;

/// One a family.
const MAX_SOCKETS: usize = 2;

/// How often the counts are published.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);

/// Says of the connections what the lower bits say of the sockets.
const CONNECTIONS_READY: u32 = 1 << 31;

/// The same of the sockets of RTP legs.
const PHONES_READY: u32 = 1 << 30;

/// How nice the thread is to others. Sound is due every few milliseconds; on a busy machine a thread
/// like any other is woken tens of milliseconds late.
const NICENESS: i32 = -10;

/// What ties the thread to the rest of the process.
pub(super) struct Ends {
    pub(super) wake: Arc<EventFd>,
    pub(super) commands: Receiver<Command>,
    pub(super) reports: Reports,
    /// Where packets of recorded legs go.
    pub(super) taps: Option<TapWay>,
    pub(super) measurements: Arc<Mutex<Measurements>>,
}

pub(super) struct Thread {
    worker: Worker,
    sockets: Vec<Socket>,
    rtp: RtpPorts,
    tcp: Tcp,
    ends: Ends,
    outbox: Outbox,
    counts: Measurements,
    next_publication: Instant,
    pace: Pace,
}

impl Thread {
    pub(super) fn new(
        worker: Worker,
        sockets: Vec<Socket>,
        rtp: RtpPorts,
        tcp: Tcp,
        ends: Ends,
    ) -> Self {
        let now = Instant::now();
        Self {
            worker,
            sockets,
            rtp,
            tcp,
            ends,
            outbox: Outbox::new(OUTBOX_SLOTS),
            counts: Measurements::default(),
            next_publication: now,
            pace: Pace::new(now),
        }
    }

    pub(super) fn run(mut self) {
        // On Linux this is of the thread alone. Not everybody may, and it goes without.
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "media has no precedence over other programs");
        }
        let mut batches = Batches::new();
        let mut buffer = vec![0; BATCH * DATAGRAM_LEN].into_boxed_slice();
        loop {
            let readable = if self.rest() { self.wait() } else { 0 };
            let now = Instant::now();
            self.tcp.begin_turn(now);
            let open = self.take_commands(now);
            let mut fetched = Fetched::default();
            for index in 0..self.sockets.len() {
                if readable & (1 << index) != 0 {
                    self.take_datagrams(now, index, &mut batches, &mut buffer, &mut fetched);
                }
            }
            if readable & PHONES_READY != 0 {
                self.take_from_phones(now, &mut batches, &mut buffer, &mut fetched);
            }
            if readable & CONNECTIONS_READY != 0 {
                self.take_frames(now, &mut batches, &mut buffer, &mut fetched);
            }
            if readable != 0 {
                self.pace.fetched(now, fetched.datagrams, fetched.hasty);
            }
            self.worker.handle_timeout(now, &mut self.outbox);
            if self.worker.poll_timeout().is_some_and(|due| due <= now) {
                self.pace.hurry();
            }
            if !open {
                self.worker.close(now, &mut self.outbox);
            }
            self.flush(&mut batches);
            self.rtp.tend(now);
            self.tend_connections();
            self.report();
            self.pass_tapped();
            self.publish(now);
            if !open {
                return;
            }
        }
    }

    /// Lets datagrams gather where the pace says so; false if an order ended it, which is to be
    /// carried out first. Timers may wait for so long.
    fn rest(&self) -> bool {
        let Some(rest) = self.pace.rest(Instant::now()) else {
            return true;
        };
        let mut bell = [PollFd::new(self.ends.wake.as_fd(), PollFlags::POLLIN)];
        match ppoll(&mut bell, Some(TimeSpec::from(rest)), None) {
            Ok(0) => true,
            Ok(_) | Err(Errno::EINTR) => false,
            Err(error) => {
                tracing::error!(%error, "waiting for orders failed");
                true
            }
        }
    }

    /// Sleeps until a socket or connection is ready, a command has come or a timer is due;
    /// returns the readable sockets as bits, [`PHONES_READY`] and [`CONNECTIONS_READY`].
    fn wait(&mut self) -> u32 {
        let now = Instant::now();
        let behind = self.ends.reports.is_behind();
        let retry = behind.then(|| now + reports::RETRY);
        let due = self.worker.poll_timeout().into_iter().chain(retry);
        let due = due.fold(self.next_publication, Instant::min);
        let timeout = TimeSpec::from(due.saturating_duration_since(now));
        // Where there is no second socket the bell stands twice.
        let mut polled: [PollFd<'_>; MAX_SOCKETS + 3] = std::array::from_fn(|index| {
            let fd = match index {
                0 => self.tcp.as_fd(),
                1 => self.rtp.as_fd(),
                2 => self.ends.wake.as_fd(),
                _ => self
                    .sockets
                    .get(index - 3)
                    .map_or(self.ends.wake.as_fd(), Socket::as_fd),
            };
            PollFd::new(fd, PollFlags::POLLIN)
        });
        if let Err(error) = ppoll(&mut polled, Some(timeout), None)
            && error != Errno::EINTR
        {
            tracing::error!(%error, "waiting for media failed");
            return 0;
        }
        let is_ready = |it: &PollFd<'_>| it.revents().is_some_and(|events| !events.is_empty());
        let mut others = polled.iter();
        let mut bit = |bit| others.next().filter(|it| is_ready(it)).map_or(0, |_| bit);
        let first = bit(CONNECTIONS_READY) | bit(PHONES_READY);
        let sockets = polled.iter().skip(3).take(self.sockets.len()).enumerate();
        sockets.fold(first, |bits, (index, it)| {
            bits | (u32::from(is_ready(it)) << index)
        })
    }

    /// Carries out what was ordered; false when nobody can order anything any more.
    fn take_commands(&mut self, now: Instant) -> bool {
        // Empties the bell before the queue, so that an order that comes now rings it again.
        let _ = self.ends.wake.read();
        for _ in 0..COMMANDS_PER_TURN {
            match self.ends.commands.try_recv() {
                Ok(command) => self.obey(now, command),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        // There may be more: the next turn must not sleep.
        let _ = self.ends.wake.write(1);
        true
    }

    /// Carries out what was ordered while packets are looked at.
    fn take_some_commands(&mut self, now: Instant) {
        for _ in 0..COMMANDS_PER_TURN {
            let Ok(command) = self.ends.commands.try_recv() else {
                break;
            };
            self.obey(now, command);
        }
    }

    fn obey(&mut self, now: Instant, command: Command) {
        if self.rtp.admit(&command) {
            self.worker.handle_command(now, command, &mut self.outbox);
        }
    }

    /// Hands what was received into the buffer to the worker.
    fn look_at(
        &mut self,
        now: Instant,
        received: &[Option<Received>],
        batches: &mut Batches,
        buffer: &mut [u8],
        fetched: &mut Fetched,
    ) {
        // What was ordered before these were received is done before they are looked at: nothing
        // that is sent after people were told of a hold is relayed.
        self.take_some_commands(now);
        self.counts.received += received.len() as u64;
        for (received, bytes) in received.iter().zip(buffer.chunks_exact_mut(DATAGRAM_LEN)) {
            let Some(received) = received else { continue };
            let Some(datagram) = bytes.get_mut(..received.len) else {
                continue;
            };
            fetched.note(datagram);
            self.worker
                .handle_datagram(now, received.path, datagram, &mut self.outbox);
            if self.outbox.room() <= OUTBOX_RESERVE {
                self.flush(batches);
            }
        }
    }

    fn take_datagrams(
        &mut self,
        now: Instant,
        index: usize,
        batches: &mut Batches,
        buffer: &mut [u8],
        fetched: &mut Fetched,
    ) {
        for _ in 0..BATCHES_PER_TURN {
            let Some(socket) = self.sockets.get(index) else {
                return;
            };
            let mut received: [Option<Received>; BATCH] = [None; BATCH];
            let count = match batches.receive(socket, buffer, &mut received) {
                Ok(count) => count,
                Err(Errno::EAGAIN) => return,
                Err(error) => {
                    tracing::debug!(%error, "receiving media failed");
                    return;
                }
            };
            let received = received.get(..count).unwrap_or_default();
            self.look_at(now, received, batches, buffer, fetched);
            self.flush(batches);
            if count < BATCH {
                return;
            }
        }
        // There is more already.
        fetched.hasty = true;
    }

    /// Sends what has gathered: runs of datagrams that leave from the same address and port of
    /// ours, because a system call names socket and source address once for all.
    fn flush(&mut self, batches: &mut Batches) {
        let mut run: [(SocketAddr, &[u8]); BATCH] = [(NOWHERE, &[]); BATCH];
        let mut len = 0;
        let mut source = None;
        for slot in self.outbox.datagrams() {
            let path = slot.path();
            if let Some(connection) = path.connection {
                self.counts.sent += 1;
                self.tcp.send(connection, slot.bytes());
                continue;
            }
            if len == BATCH || source.is_some_and(|source| source != path.local) {
                let gathered = run.get(..len).unwrap_or_default();
                let socket = source.and_then(|source| socket(&self.sockets, &self.rtp, source));
                send_run(socket, batches, gathered, &mut self.counts);
                len = 0;
            }
            source = Some(path.local);
            if let Some(place) = run.get_mut(len) {
                *place = (path.remote, slot.bytes());
                len += 1;
            }
        }
        let gathered = run.get(..len).unwrap_or_default();
        let socket = source.and_then(|source| socket(&self.sockets, &self.rtp, source));
        send_run(socket, batches, gathered, &mut self.counts);
        self.outbox.clear();
        self.tcp.flush();
    }

    /// Hands events to the driver.
    pub(super) fn report(&mut self) {
        self.ends.reports.retry();
        while let Some(event) = self.worker.poll_event().or_else(|| self.rtp.poll_event()) {
            self.ends.reports.push(event);
        }
    }

    /// Hands packets of recorded legs to whoever writes them down.
    fn pass_tapped(&mut self) {
        if let Some(taps) = &mut self.ends.taps {
            taps.pass(|| self.worker.poll_tapped());
        }
    }

    fn publish(&mut self, now: Instant) {
        if now < self.next_publication {
            return;
        }
        self.next_publication = now + PUBLISH_INTERVAL;
        self.counts.worker = self.worker.counters();
        self.counts.legs = self.worker.legs();
        self.counts.overflowed = self.outbox.overflowed();
        self.counts.tcp = self.tcp.counts();
        self.counts.events_dropped = self.ends.reports.dropped();
        self.counts.rtp_streams = self.rtp.in_use();
        if let Some(drops) = self
            .sockets
            .first()
            .and_then(|socket| kernel_drops(socket.port()))
        {
            if drops > self.counts.kernel_drops {
                let lost = drops - self.counts.kernel_drops;
                tracing::warn!(
                    lost,
                    "the kernel dropped media packets: the machine is overloaded"
                );
            }
            self.counts.kernel_drops = drops;
        }
        *self
            .ends
            .measurements
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = self.counts;
    }
}

/// What came in one turn.
#[derive(Debug, Default)]
struct Fetched {
    datagrams: usize,
    /// Nothing should gather now: somebody waits for an answer, or the socket is not empty yet.
    hasty: bool,
}

impl Fetched {
    fn note(&mut self, datagram: &[u8]) {
        self.datagrams += 1;
        // What is not RTP or RTCP is STUN or DTLS (RFC 7983 7): questions and answers.
        self.hasty |= !matches!(datagram.first(), Some(128..=191));
    }
}

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// The socket that leads out from an address of ours, and the address.
fn socket<'a>(
    shared: &'a [Socket],
    rtp: &'a RtpPorts,
    local: SocketAddr,
) -> Option<(&'a Socket, IpAddr)> {
    let leads = |it: &&Socket| it.port() == local.port() && it.serves(local.ip());
    let found = shared.iter().find(leads);
    Some((found.or_else(|| rtp.socket_of(local))?, local.ip()))
}

/// Sends a run. A datagram the kernel does not take is lost, as it would be on a full link:
/// late media is worth nothing.
fn send_run(
    socket: Option<(&Socket, IpAddr)>,
    batches: &mut Batches,
    mut datagrams: &[(SocketAddr, &[u8])],
    counts: &mut Measurements,
) {
    let Some((socket, source)) = socket else {
        counts.send_failures += datagrams.len() as u64;
        return;
    };
    while !datagrams.is_empty() {
        let (sent, skipped) = match batches.send(socket, source, datagrams) {
            Ok(sent) => (sent, usize::from(sent == 0)),
            Err(error) => {
                tracing::debug!(%error, "sending media failed");
                (0, 1)
            }
        };
        counts.sent += sent as u64;
        counts.send_failures += skipped as u64;
        datagrams = datagrams.get(sent + skipped..).unwrap_or_default();
    }
}

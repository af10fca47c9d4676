//! Peers that send packets at a steady rate and note what arrives when.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::ops::Range;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use media::ids::IceCredentials;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;

use super::peer::{Peer, TIME_AT};
use super::sdp::Audio;

/// A tick that comes later than this says that the generator itself was held up.
const LATE: Duration = Duration::from_millis(5);
/// With more than this share of late ticks the load was not the one that was asked for.
const LATE_SHARE: f64 = 0.01;
/// Packets still under way when the last one is sent have so long to arrive.
const LINGER: Duration = Duration::from_millis(300);
/// Between the reports of one peer.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What to send.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Payload bytes of a packet with sound.
    pub(crate) payload: usize,
    /// Payload bytes of a packet with a part of a picture.
    pub(crate) video_payload: usize,
    pub(crate) interval: Duration,
    pub(crate) length: Duration,
}

/// Packets of media one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Tally {
    pub(crate) fn lost(self) -> u64 {
        self.sent.saturating_sub(self.received)
    }
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// From callers to callees.
    pub(crate) there: Tally,
    /// From callees to callers.
    pub(crate) back: Tally,
    pub(crate) ticks: u64,
    pub(crate) late: u64,
    delays: Vec<Duration>,
}

impl Outcome {
    /// A quantile of the one-way delays.
    pub(crate) fn delay(&self, quantile: f64) -> Duration {
        let at = (self.delays.len() as f64 * quantile) as usize;
        self.delays
            .get(at.min(self.delays.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn received(&self) -> u64 {
        self.there.received + self.back.received
    }

    /// A loss one way is not made good by a surplus the other way.
    pub(crate) fn lost(&self) -> u64 {
        self.there.lost() + self.back.lost()
    }

    /// The way of what a peer sends: callers and callees alternate.
    fn way_from(&mut self, peer: usize) -> &mut Tally {
        if peer.is_multiple_of(2) {
            &mut self.there
        } else {
            &mut self.back
        }
    }

    /// Takes note of a packet that has come to `peer`.
    fn note(&mut self, peer: usize, start: Instant, now: Instant, packet: &[u8]) {
        self.way_from(peer + 1).received += 1;
        if let Some(time) = packet.get(TIME_AT..TIME_AT + 8)
            && let Ok(time) = <[u8; 8]>::try_from(time)
        {
            let sent = start + Duration::from_nanos(u64::from_be_bytes(time));
            self.delays.push(now.saturating_duration_since(sent));
        }
    }

    /// The generator did not keep its pace: nothing can be said of the server.
    pub(crate) fn is_void(&self) -> bool {
        self.ticks == 0 || self.late as f64 > self.ticks as f64 * LATE_SHARE
    }
}

/// All peers.
pub(crate) struct Generator {
    peers: Vec<Peer>,
    ready: Epoll,
}

/// What a peer has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Send(usize),
    Report,
}

/// Tasks by the time they are due.
type Agenda = BinaryHeap<Reverse<(Instant, usize, Task)>>;

impl Generator {
    /// Without peers yet.
    pub(crate) fn empty() -> Result<Self> {
        Ok(Self {
            peers: Vec::new(),
            ready: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
        })
    }

    /// Peers that send without any protection, for the copy loop.
    pub(crate) fn plain(calls: usize, video_calls: usize) -> Result<Self> {
        let mut generator = Self::empty()?;
        let ice = IceCredentials {
            ufrag: "none".into(),
            pwd: "none".into(),
        };
        for index in 0..2 * (calls + video_calls) {
            generator.add(Peer::new(&ice, index, Audio::Opus, index >= 2 * calls)?)?;
        }
        Ok(generator)
    }

    /// Takes in two telephones that know where to send.
    pub(crate) fn add_phones(&mut self, caller: Peer, callee: Peer) -> Result<()> {
        self.add(caller)?;
        self.add(callee)
    }

    /// The addresses of both sides of each call.
    pub(crate) fn pairs(&self) -> Result<Vec<(SocketAddr, SocketAddr)>> {
        self.peers
            .chunks_exact(2)
            .map(|pair| Ok((pair[0].address()?, pair[1].address()?)))
            .collect()
    }

    /// Where plain packets go.
    pub(crate) fn aim_at(&mut self, address: SocketAddr) -> Result<()> {
        self.peers.iter().try_for_each(|peer| peer.aim_at(address))
    }

    /// Takes in a browser, which is driven until it has its keys, and the telephone it calls.
    pub(crate) fn bring_up_with_phone(
        &mut self,
        caller: Peer,
        phone: Peer,
        patience: Duration,
    ) -> Result<()> {
        let browsers = self.peers.len()..self.peers.len() + 1;
        self.add_phones(caller, phone)?;
        self.drive_until_up(browsers, patience)
    }

    /// Drives two new peers until both have their keys.
    pub(crate) fn bring_up(
        &mut self,
        caller: Peer,
        callee: Peer,
        patience: Duration,
    ) -> Result<()> {
        let browsers = self.peers.len()..self.peers.len() + 2;
        self.add(caller)?;
        self.add(callee)?;
        self.drive_until_up(browsers, patience)
    }

    fn drive_until_up(&mut self, browsers: Range<usize>, patience: Duration) -> Result<()> {
        let deadline = Instant::now() + patience;
        while !self.peers[browsers.clone()].iter().all(Peer::is_up) {
            let now = Instant::now();
            if now > deadline {
                bail!("DTLS did not come up within {patience:?}");
            }
            let mut events = [EpollEvent::empty(); 64];
            self.ready.wait(&mut events, EpollTimeout::from(2_u8))?;
            for peer in &mut self.peers {
                peer.drive(now, &mut |_, _| {})?;
            }
        }
        Ok(())
    }

    /// Sends at the load's rate for its length and waits for the last packets.
    pub(crate) fn run(&mut self, load: &Load) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let start = Instant::now();
        let mut due = self.agenda(start, load);
        let end = start + load.length;
        let mut housekeeping = start;
        loop {
            let now = Instant::now();
            if now >= end + LINGER {
                break;
            }
            self.send_due(now.min(end), &mut due, start, load, &mut outcome)?;
            let mut events = [EpollEvent::empty(); 256];
            let next = due.peek().map(|Reverse((at, ..))| *at);
            self.sleep(next.filter(|at| *at < end));
            let count = self
                .ready
                .wait(&mut events, EpollTimeout::ZERO)
                .unwrap_or(0);
            for event in events.iter().take(count) {
                self.take_in(event.data() as usize, start, &mut outcome)?;
            }
            if now >= housekeeping {
                housekeeping = now + Duration::from_millis(100);
                for at in 0..self.peers.len() {
                    self.take_in(at, start, &mut outcome)?;
                }
            }
        }
        outcome.delays.sort_unstable();
        Ok(outcome)
    }

    /// Sends what is due before `until`.
    fn send_due(
        &mut self,
        until: Instant,
        due: &mut Agenda,
        start: Instant,
        load: &Load,
        outcome: &mut Outcome,
    ) -> Result<()> {
        while let Some(Reverse((at, peer, task))) = due.peek().copied() {
            if at >= until {
                break;
            }
            due.pop();
            let Some(sender) = self.peers.get_mut(peer) else {
                continue;
            };
            let interval = match task {
                Task::Send(stream) => {
                    outcome.ticks += 1;
                    outcome.late += u64::from(Instant::now() > at + LATE);
                    outcome.way_from(peer).sent += sender.send(stream, start, load)?;
                    load.interval
                }
                Task::Report => {
                    sender.report(until, start)?;
                    REPORT_INTERVAL
                }
            };
            due.push(Reverse((at + interval, peer, task)));
        }
        Ok(())
    }

    /// Takes in what has come to a peer, and does what is due there.
    fn take_in(&mut self, at: usize, start: Instant, outcome: &mut Outcome) -> Result<()> {
        let Some(peer) = self.peers.get_mut(at) else {
            return Ok(());
        };
        let mut note = |packet: &[u8], now| outcome.note(at, start, now, packet);
        peer.drive(Instant::now(), &mut note)
    }

    /// Sleeps until something has arrived or `due`, and no longer than a millisecond. Senders
    /// that know nothing of each other send at any time, not in step.
    fn sleep(&self, due: Option<Instant>) {
        let most = Duration::from_millis(1);
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        let timeout = TimeSpec::from(left.map_or(most, |left| left.min(most)));
        let mut polled = [PollFd::new(self.ready.0.as_fd(), PollFlags::POLLIN)];
        // Cut short by a signal it is only looked at once more.
        let _ = ppoll(&mut polled, Some(timeout), None);
    }

    /// The first tasks of all peers, spread over their intervals.
    fn agenda(&self, start: Instant, load: &Load) -> Agenda {
        let count = self.peers.len().max(1) as u32;
        let mut due = BinaryHeap::new();
        for (at, peer) in self.peers.iter().enumerate() {
            let offset = |interval: Duration| start + interval * at as u32 / count;
            for stream in 0..peer.streams() {
                due.push(Reverse((offset(load.interval), at, Task::Send(stream))));
            }
            due.push(Reverse((offset(REPORT_INTERVAL), at, Task::Report)));
        }
        due
    }

    fn add(&mut self, peer: Peer) -> Result<()> {
        let event = EpollEvent::new(EpollFlags::EPOLLIN, self.peers.len() as u64);
        self.ready.add(peer.as_fd(), event)?;
        self.peers.push(peer);
        Ok(())
    }
}

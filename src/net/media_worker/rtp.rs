//! The sockets of RTP legs. Some pairs of ports are always open and unused: the call core gives
//! them to its legs without waiting, and none of them can be taken by another program between
//! the offer and the first packet.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use media::event::{Event, Failure};
use media::ids::LegId;
use media::plan::{Command, LegPlan, TransportPlan};
use media::ports::{PortPair, PortPool, PortRange, QUARANTINE};
use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use rand::rngs::StdRng;

use super::socket::{Family, Serves, Socket};

/// Pairs that are open and unused, as far as the range has so many.
const RESERVE: usize = 64;

/// Pairs opened in one turn, so that packets do not wait for it.
const OPENED_PER_TURN: usize = 8;

/// Ready sockets looked at in one turn.
const READY_PER_TURN: usize = 64;

/// The ports of a worker's RTP legs.
pub(super) struct RtpPorts {
    worker: usize,
    pool: Option<PortPool>,
    /// What each socket serves.
    serves: Serves,
    epoll: Epoll,
    ready: Box<[EpollEvent; READY_PER_TURN]>,
    /// By their place, which the epoll set names.
    sockets: Vec<Option<Socket>>,
    free: Vec<usize>,
    by_port: HashMap<u16, usize>,
    /// Open, and no leg's.
    unused: HashSet<PortPair>,
    by_leg: HashMap<LegId, Vec<PortPair>>,
    /// Of legs that were removed: closed when their goodbye is sent.
    leaving: Vec<PortPair>,
    events: VecDeque<Event>,
    /// Pairs that another program has, since it was said last.
    taken: usize,
}

impl RtpPorts {
    /// Opens the first pairs; without a range there are none.
    ///
    /// # Errors
    /// What the system says of the epoll set.
    pub(super) fn open(
        worker: usize,
        range: Option<PortRange>,
        ipv6: bool,
        rng: &mut StdRng,
    ) -> Result<Self, Errno> {
        let serves = if ipv6 {
            Serves::Both
        } else {
            Serves::One(Family::V4)
        };
        let mut ports = Self {
            worker,
            pool: range.map(|range| PortPool::new(range, QUARANTINE, rng)),
            serves,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            ready: Box::new([EpollEvent::empty(); READY_PER_TURN]),
            sockets: Vec::new(),
            free: Vec::new(),
            by_port: HashMap::new(),
            unused: HashSet::new(),
            by_leg: HashMap::new(),
            leaving: Vec::new(),
            events: VecDeque::new(),
            taken: 0,
        };
        ports.refill(Instant::now(), RESERVE);
        Ok(ports)
    }

    /// Looks at an order before the worker gets it. Ports of a leg's plan become the leg's; an
    /// order that names ports which are not open is not for the worker.
    pub(super) fn admit(&mut self, command: &Command) -> bool {
        match command {
            Command::AddLeg(plan) => self.claim(plan),
            // One that was removed would never give its ports back.
            Command::UpdateLeg(plan) if !self.by_leg.contains_key(&plan.leg) => true,
            Command::UpdateLeg(plan) => self.claim(plan),
            Command::RemoveLeg(leg) => {
                self.leaving
                    .extend(self.by_leg.remove(leg).unwrap_or_default());
                true
            }
            _ => true,
        }
    }

    fn claim(&mut self, plan: &LegPlan) -> bool {
        let TransportPlan::Rtp(rtp) = &plan.transport else {
            return true;
        };
        let owned = self.by_leg.get(&plan.leg).map_or(&[][..], Vec::as_slice);
        let wanted = rtp.streams.iter().map(|stream| stream.ports);
        let new: Vec<PortPair> = wanted.filter(|ports| !owned.contains(ports)).collect();
        if let Some(closed) = new.iter().find(|ports| !self.unused.contains(ports)) {
            let what = format!("port {} is not open for it", closed.rtp());
            self.events
                .push_back(Event::Failed(plan.leg, Failure::Plan(what)));
            return false;
        }
        for ports in &new {
            self.unused.remove(ports);
        }
        if !new.is_empty() {
            self.by_leg.entry(plan.leg).or_default().extend(new);
        }
        true
    }

    /// Closes what is not needed any more and opens what was used up. To be called when all is
    /// sent.
    pub(super) fn tend(&mut self, now: Instant) {
        for ports in std::mem::take(&mut self.leaving) {
            self.close(ports);
            if let Some(pool) = &mut self.pool {
                pool.give_back(now, ports);
            }
        }
        self.refill(now, OPENED_PER_TURN);
    }

    /// What the call core has to be told.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Looks which sockets have something to read, and returns how many.
    pub(super) fn look(&mut self) -> usize {
        let ready = self.epoll.wait(&mut *self.ready, EpollTimeout::ZERO);
        let ready = ready.inspect_err(|error| tracing::error!(%error, "waiting for RTP failed"));
        ready.unwrap_or(0)
    }

    /// One of those that had something to read; it may have been closed since.
    pub(super) fn ready(&self, index: usize) -> Option<&Socket> {
        let place = self.ready.get(index)?.data();
        self.socket(usize::try_from(place).ok()?)
    }

    fn socket(&self, place: usize) -> Option<&Socket> {
        self.sockets.get(place)?.as_ref()
    }

    /// The socket that datagrams from this address of ours leave by.
    pub(super) fn socket_of(&self, local: SocketAddr) -> Option<&Socket> {
        let place = self.by_port.get(&local.port())?;
        self.socket(*place).filter(|it| it.serves(local.ip()))
    }

    /// Pairs that legs have.
    pub(super) fn in_use(&self) -> usize {
        self.by_leg.values().map(Vec::len).sum()
    }

    /// Opens pairs until there are enough, at most so many.
    fn refill(&mut self, now: Instant, most: usize) {
        for _ in 0..most {
            if self.unused.len() >= RESERVE {
                return;
            }
            let Some(Ok(ports)) = self.pool.as_mut().map(|pool| pool.take(now)) else {
                return;
            };
            match self.bind(ports) {
                Ok(()) => {
                    self.unused.insert(ports);
                    let worker = self.worker;
                    self.events.push_back(Event::PortsOpen { worker, ports });
                }
                Err(reason) => {
                    self.close(ports);
                    self.note_refusal(ports, reason);
                    // It is tried again when it has rested.
                    if let Some(pool) = &mut self.pool {
                        pool.give_back(now, ports);
                    }
                }
            }
        }
    }

    fn note_refusal(&mut self, ports: PortPair, reason: Errno) {
        if reason == Errno::EADDRINUSE {
            tracing::debug!(
                port = ports.rtp(),
                "an RTP port is taken by another program"
            );
            return;
        }
        self.taken += 1;
        if self.taken.is_power_of_two() {
            tracing::warn!(port = ports.rtp(), %reason, "an RTP port cannot be opened");
        }
    }

    fn bind(&mut self, ports: PortPair) -> Result<(), Errno> {
        for port in [ports.rtp(), ports.rtcp()] {
            let socket = Socket::bind(self.serves, port)?;
            let place = self.free.pop().unwrap_or_else(|| {
                self.sockets.push(None);
                self.sockets.len() - 1
            });
            let event = EpollEvent::new(EpollFlags::EPOLLIN, place as u64);
            let added = self.epoll.add(&socket, event);
            if let Some(slot) = self.sockets.get_mut(place) {
                *slot = Some(socket);
            }
            self.by_port.insert(port, place);
            added?;
        }
        Ok(())
    }

    fn close(&mut self, ports: PortPair) {
        for port in [ports.rtp(), ports.rtcp()] {
            let Some(place) = self.by_port.remove(&port) else {
                continue;
            };
            // A closed descriptor leaves the epoll set by itself (epoll(7)).
            if let Some(slot) = self.sockets.get_mut(place) {
                *slot = None;
                self.free.push(place);
            }
        }
    }
}

impl AsFd for RtpPorts {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.0.as_fd()
    }
}

#[cfg(test)]
mod tests;

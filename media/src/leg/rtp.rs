//! The transport of an RTP leg: for each stream a pair of ports, a source that it is taken from,
//! and keys where the descriptions have them (RFC 4568).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Instant;

use super::latch::Latch;
use super::sdes::SdesKeys;
use super::transport::{Protection, Refused};
use crate::ids::MediaKind;
use crate::outbox::Path;
use crate::patch;
use crate::plan::{RtcpPlan, RtpPlan, RtpRemote, RtpStreamPlan};
use crate::ports::PortPair;
use crate::rtp::{is_rtcp, rtcp::Compound};
use crate::srtp::SrtpError;

/// Both streams.
#[derive(Debug, Default)]
pub(super) struct RtpTransport {
    ways: [Option<Box<Way>>; 2],
}

/// How one stream travels.
#[derive(Debug)]
struct Way {
    kind: MediaKind,
    ports: PortPair,
    /// Once the far side is described.
    far_side: Option<FarSide>,
}

#[derive(Debug)]
struct FarSide {
    latch: Latch,
    rtcp: RtcpPlan,
    /// Where RTCP came from, where that has a way of its own.
    rtcp_source: Option<Path>,
    keys: Option<Box<SdesKeys>>,
}

impl RtpTransport {
    /// Takes a plan, the first or a later one. What is as it was goes on: sources, and keys with
    /// their counts.
    ///
    /// # Errors
    /// A key of the plan that is none.
    pub(super) fn update(&mut self, now: Instant, plan: RtpPlan) -> Result<(), SrtpError> {
        for plan in plan.streams {
            let Some(place) = self.ways.get_mut(patch::index(plan.kind)) else {
                continue;
            };
            match place {
                Some(way) if way.ports == plan.ports => way.update(now, plan.remote)?,
                _ => {
                    let mut way = Way::new(&plan);
                    way.update(now, plan.remote)?;
                    *place = Some(Box::new(way));
                }
            }
        }
        Ok(())
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ways.iter().flatten().any(|way| way.far_side.is_some())
    }

    pub(super) fn kind_at(&self, port: u16) -> Option<MediaKind> {
        self.at(port).map(|way| way.kind)
    }

    pub(super) fn sending(&mut self, kind: MediaKind) -> Option<(Path, Protection<'_>)> {
        let way = self.ways.get_mut(patch::index(kind))?.as_mut()?;
        let far_side = way.far_side.as_mut()?;
        let path = far_side.rtp_path(way.ports)?;
        Some((path, far_side.protection()))
    }

    pub(super) fn reporting(&mut self, kind: MediaKind) -> Option<(Path, Protection<'_>)> {
        let way = self.ways.get_mut(patch::index(kind))?.as_mut()?;
        let far_side = way.far_side.as_mut()?;
        let path = far_side.rtcp_path(way.ports)?;
        Some((path, far_side.protection()))
    }

    /// Plain packets are looked at by [`RtpTransport::hears`], when it is clear that they belong
    /// to the stream.
    pub(super) fn open_rtp(&mut self, path: Path, datagram: &mut [u8]) -> Result<usize, Refused> {
        let way = self.at_mut(path.local.port()).ok_or(Refused::NotReady)?;
        let is_rtp_port = path.local.port() == way.ports.rtp();
        let far_side = way.far_side.as_mut().ok_or(Refused::NotReady)?;
        if !is_rtp_port {
            return Err(Refused::Foreign);
        }
        match far_side.keys_in_use() {
            Some(keys) => {
                let opened = keys.inbound.unprotect_rtp(datagram);
                let len = opened.map_err(|_| Refused::Rejected)?;
                far_side.latch.authenticated(path);
                Ok(len)
            }
            None => Ok(datagram.len()),
        }
    }

    pub(super) fn hears(&mut self, now: Instant, path: Path, ssrc: u32, sequence: u16) -> bool {
        let way = self.at_mut(path.local.port());
        let Some(far_side) = way.and_then(|way| way.far_side.as_mut()) else {
            return false;
        };
        far_side.latch.hears(now, path, ssrc, sequence)
    }

    pub(super) fn open_rtcp(&mut self, path: Path, datagram: &mut [u8]) -> Result<usize, Refused> {
        let way = self.at_mut(path.local.port()).ok_or(Refused::NotReady)?;
        let is_rtcp_port = path.local.port() == way.ports.rtcp();
        let far_side = way.far_side.as_mut().ok_or(Refused::NotReady)?;
        let is_muxed = far_side.rtcp == RtcpPlan::Muxed;
        if is_rtcp_port == is_muxed {
            return Err(Refused::Foreign);
        }
        let len = match far_side.keys_in_use() {
            Some(keys) => {
                let opened = keys.inbound.unprotect_rtcp(datagram);
                opened.map_err(|_| Refused::Rejected)?
            }
            None => {
                let is_named = far_side.rtcp == RtcpPlan::Separate(Some(path.remote));
                if !is_named && !far_side.latch.is_near(path.remote) {
                    return Err(Refused::Foreign);
                }
                if !is_rtcp(datagram) || Compound::parse(datagram).is_err() {
                    return Err(Refused::Rejected);
                }
                datagram.len()
            }
        };
        if !is_muxed {
            far_side.rtcp_source = Some(path);
        }
        Ok(len)
    }

    pub(super) fn end(&mut self) {
        for way in self.ways.iter_mut().flatten() {
            way.far_side = None;
        }
    }

    fn at(&self, port: u16) -> Option<&Way> {
        let mut ways = self.ways.iter().flatten();
        ways.find(|way| way.has(port)).map(|way| &**way)
    }

    fn at_mut(&mut self, port: u16) -> Option<&mut Way> {
        let mut ways = self.ways.iter_mut().flatten();
        ways.find(|way| way.has(port)).map(|way| &mut **way)
    }
}

impl Way {
    fn new(plan: &RtpStreamPlan) -> Self {
        Self {
            kind: plan.kind,
            ports: plan.ports,
            far_side: None,
        }
    }

    fn has(&self, port: u16) -> bool {
        self.ports.rtp() == port || self.ports.rtcp() == port
    }

    fn update(&mut self, now: Instant, remote: Option<RtpRemote>) -> Result<(), SrtpError> {
        // A plan that was made before the far side answered takes nothing back.
        let Some(remote) = remote else {
            return Ok(());
        };
        match &mut self.far_side {
            Some(far_side) => far_side.update(now, remote),
            None => {
                self.far_side = Some(FarSide::new(now, remote)?);
                Ok(())
            }
        }
    }
}

impl FarSide {
    fn new(now: Instant, remote: RtpRemote) -> Result<Self, SrtpError> {
        let keys = remote.keys.map(|keys| SdesKeys::new(&keys));
        Ok(Self {
            latch: Latch::new(now, remote.rtp, remote.signalling),
            rtcp: remote.rtcp,
            rtcp_source: None,
            keys: keys.transpose()?.map(Box::new),
        })
    }

    fn update(&mut self, now: Instant, remote: RtpRemote) -> Result<(), SrtpError> {
        match (&mut self.keys, remote.keys) {
            (Some(known), keys) => known.update(keys.as_ref())?,
            (None, Some(keys)) => self.keys = Some(Box::new(SdesKeys::new(&keys)?)),
            (None, None) => {}
        }
        let chosen = self.latch.chosen();
        self.latch.update(now, remote.rtp, remote.signalling);
        if self.rtcp != remote.rtcp || chosen != self.latch.chosen() {
            self.rtcp = remote.rtcp;
            self.rtcp_source = None;
        }
        Ok(())
    }

    fn keys_in_use(&mut self) -> Option<&mut SdesKeys> {
        self.keys.as_deref_mut().filter(|keys| keys.in_use)
    }

    fn protection(&mut self) -> Protection<'_> {
        match self.keys_in_use() {
            Some(keys) => keys.protection(),
            None => Protection::Plain,
        }
    }

    fn rtp_path(&self, ports: PortPair) -> Option<Path> {
        let chosen = self.latch.chosen();
        chosen.or_else(|| Some(path(self.latch.remote()?, ports.rtp())))
    }

    /// RFC 3550 11: where nothing is said or heard of RTCP, it is at the next port.
    fn rtcp_path(&self, ports: PortPair) -> Option<Path> {
        let said = match self.rtcp {
            RtcpPlan::Muxed => return self.rtp_path(ports),
            RtcpPlan::Separate(said) => said,
        };
        if self.rtcp_source.is_some() {
            return self.rtcp_source;
        }
        let Some(chosen) = self.latch.chosen() else {
            return said.map(|said| path(said, ports.rtcp()));
        };
        let remote = chosen.remote;
        let beside = || Some(SocketAddr::new(remote.ip(), remote.port().checked_add(1)?));
        let to = said
            .filter(|said| said.ip() == remote.ip())
            .or_else(beside)?;
        let local = SocketAddr::new(chosen.local.ip(), ports.rtcp());
        Some(Path::udp(local, to))
    }
}

/// From whichever address of ours leads there.
fn path(remote: SocketAddr, port: u16) -> Path {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    Path::udp(SocketAddr::new(any, port), remote)
}

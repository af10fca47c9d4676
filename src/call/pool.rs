//! What the Switch allocates: names, tokens, ICE credentials, SSRCs. All from the generator that
//! was handed in.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use media::ids::{IceCredentials, LegId};
use media::negotiate::{Local, LocalTransport};
use media::ports::PortPair;
use rand::Rng;
use rand::rngs::StdRng;
use smol_str::SmolStr;

use crate::wcs::message::WcsCallId;

/// ice-char of RFC 8839 5.4, 64 of them: six bits a character.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Makes names and takes SSRCs back.
pub(super) struct Pool {
    rng: StdRng,
    next_leg: u64,
    /// SSRCs of live legs: no two streams of the process share one, so that a packet sent to
    /// the wrong leg is never taken for its own.
    ssrcs: BTreeSet<u32>,
    /// Pairs that are open for RTP streams to come, by worker; each is bounded by what the worker
    /// opens.
    ports: BTreeMap<usize, VecDeque<PortPair>>,
}

impl Pool {
    pub(super) fn new(rng: StdRng) -> Self {
        Self {
            ports: BTreeMap::new(),
            rng,
            next_leg: 1,
            ssrcs: BTreeSet::new(),
        }
    }

    /// Where all randomness comes from.
    pub(super) fn rng(&mut self) -> &mut StdRng {
        &mut self.rng
    }

    /// 128 random bits in hexadecimal: tokens and call ids, which nobody may guess.
    pub(super) fn token(&mut self) -> SmolStr {
        let (high, low) = (self.rng.next_u64(), self.rng.next_u64());
        SmolStr::new(format!("{high:016x}{low:016x}"))
    }

    /// A call's name toward a client of the Web SDK protocol. Always there: 32 characters fit.
    pub(super) fn call_id(&mut self) -> Option<WcsCallId> {
        WcsCallId::new(&self.token())
    }

    /// A leg's name.
    pub(super) fn leg_id(&mut self) -> LegId {
        let leg = LegId(self.next_leg);
        self.next_leg += 1;
        leg
    }

    /// Everything we are in the descriptions of a leg.
    pub(super) fn local(&mut self, transport: LocalTransport) -> Local {
        Local {
            // RFC 3264 5 wants it below 2^62.
            session_id: self.rng.next_u64() >> 2,
            session_version: 1,
            transport,
            cname: self.ice_text(16),
            audio_ssrc: self.ssrc(),
            video_ssrc: self.ssrc(),
            video_rtx_ssrc: self.ssrc(),
        }
    }

    /// A leg's ICE credentials.
    pub(super) fn ice(&mut self, leg: LegId) -> IceCredentials {
        IceCredentials {
            ufrag: self.ufrag(leg),
            pwd: self.ice_text(24),
        }
    }

    /// A worker has opened ports for an RTP stream to come.
    pub(super) fn ports_are_open(&mut self, worker: usize, pair: PortPair) {
        self.ports.entry(worker).or_default().push_back(pair);
    }

    /// Ports of one RTP stream, open at its worker. `None` if no pair is.
    pub(super) fn take_ports(&mut self, worker: usize) -> Option<PortPair> {
        self.ports.get_mut(&worker)?.pop_front()
    }

    /// Takes back the ports of a leg that no worker was told of. Of any other, the worker says
    /// itself when they are open again.
    pub(super) fn give_ports_back(&mut self, worker: usize, pair: PortPair) {
        self.ports.entry(worker).or_default().push_front(pair);
    }

    /// Takes a leg's SSRCs back.
    pub(super) fn release(&mut self, local: &Local) {
        for ssrc in [local.audio_ssrc, local.video_ssrc, local.video_rtx_ssrc] {
            self.ssrcs.remove(&ssrc);
        }
    }

    /// SSRCs in use.
    pub(super) fn in_use(&self) -> usize {
        self.ssrcs.len()
    }

    /// Six random characters, then the leg's number: never the same twice in a process.
    fn ufrag(&mut self, leg: LegId) -> SmolStr {
        let mut text = self.ice_text(6).to_string();
        let mut rest = leg.0;
        while rest > 0 {
            text.push(char::from(ICE_CHARS[(rest & 63) as usize]));
            rest >>= 6;
        }
        SmolStr::new(text)
    }

    fn ice_text(&mut self, len: usize) -> SmolStr {
        let mut text = String::with_capacity(len);
        while text.len() < len {
            let mut bits = self.rng.next_u64();
            for _ in 0..10.min(len - text.len()) {
                text.push(char::from(ICE_CHARS[(bits & 63) as usize]));
                bits >>= 6;
            }
        }
        SmolStr::new(text)
    }

    fn ssrc(&mut self) -> u32 {
        loop {
            let ssrc = self.rng.next_u32();
            if ssrc != 0 && self.ssrcs.insert(ssrc) {
                return ssrc;
            }
        }
    }
}

//! What the Switch allocates: names, tokens, ICE credentials, SSRCs. All from the generator that
//! was handed in.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use media::ids::{IceCredentials, LegId};
use media::negotiate::{Local, LocalTransport};
use media::plan::{LegPlan, TransportPlan};
use media::ports::PortPair;
use media::recording::RecordingId;
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
    next_recording: u64,
    /// SSRCs of live legs: no two streams of the process share one, so that a packet sent to
    /// the wrong leg is never taken for its own.
    ssrcs: BTreeSet<u32>,
    /// Pairs that are open for RTP streams to come, by worker; each is bounded by what the worker
    /// opens.
    ports: BTreeMap<usize, VecDeque<PortPair>>,
    /// Pairs that legs have and no plan has named yet, with their worker.
    lent: BTreeMap<PortPair, usize>,
}

impl Pool {
    pub(super) fn new(rng: StdRng) -> Self {
        Self {
            ports: BTreeMap::new(),
            lent: BTreeMap::new(),
            rng,
            next_leg: 1,
            next_recording: 0,
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
        let bits = u128::from(high) << 64 | u128::from(low);
        let mut digits = [0; 32];
        for (place, digit) in (0..32).rev().zip(&mut digits) {
            *digit = b"0123456789abcdef"[(bits >> (4 * place)) as usize & 15];
        }
        // Digits are ASCII.
        SmolStr::new(str::from_utf8(&digits).unwrap_or_default())
    }

    /// A call's name toward a client of the Web SDK protocol. Always there: 32 characters fit.
    pub(super) fn call_id(&mut self) -> Option<WcsCallId> {
        WcsCallId::new(&self.token())
    }

    /// A recording's name.
    pub(super) fn recording_id(&mut self) -> RecordingId {
        self.next_recording += 1;
        RecordingId(self.next_recording)
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
        let pair = self.ports.get_mut(&worker)?.pop_front()?;
        self.lent.insert(pair, worker);
        Some(pair)
    }

    /// A plan goes to the worker: the ports that it names are the worker's from now on, which says
    /// itself when they are open again.
    pub(super) fn note_plan(&mut self, plan: &LegPlan) {
        if let TransportPlan::Rtp(rtp) = &plan.transport {
            for stream in &rtp.streams {
                self.lent.remove(&stream.ports);
            }
        }
    }

    /// Takes ports back unless a plan has named them; says whether it did.
    pub(super) fn take_back(&mut self, pair: PortPair) -> bool {
        let Some(worker) = self.lent.remove(&pair) else {
            return false;
        };
        self.ports.entry(worker).or_default().push_front(pair);
        true
    }

    /// Takes back a leg's SSRCs, and the ports that no worker was told of.
    pub(super) fn release(&mut self, local: &Local) {
        if let LocalTransport::Rtp(rtp) = &local.transport {
            for pair in [rtp.video, rtp.audio].into_iter().flatten() {
                self.take_back(pair);
            }
        }
        for ssrc in [local.audio_ssrc, local.video_ssrc, local.video_rtx_ssrc] {
            self.ssrcs.remove(&ssrc);
        }
    }

    /// SSRCs in use, and pairs of ports that legs have and no plan has named.
    pub(super) fn in_use(&self) -> usize {
        self.ssrcs.len() + self.lent.len()
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

//! Requests of scanners among those of strangers (SECURITY S23).

use registrar::Aor;
use sip::flow::FlowId;
use sip::message::{HeaderName, Message};

use crate::call::switch::Switch;
use crate::call::time::Now;

impl Switch {
    /// Whether a message is a scanner's, or a stranger's at a banned address: nothing is said to it.
    pub(super) fn drops_as_scan(&mut self, now: Now, flow: FlowId, message: &Message) -> bool {
        let Message::Request(request) = message else {
            return false;
        };
        let Some(open) = self.sip.flows.get(&flow).filter(|open| !open.trusted) else {
            return false;
        };
        let address = open.ends.peer.address.ip();
        let user_agent = request.headers().text(HeaderName::UserAgent);
        let says_so = user_agent.is_some_and(|it| self.config.scanners.names(it));
        if says_so {
            self.suspect(now, flow);
        } else if !self.scanners.bans(now.mono, address) {
            return false;
        } else if let Ok(aor) = self.claimed_aor(&request.from())
            && self.failures.knows(address, &aor)
        {
            // His flow is new, and he is not.
            return false;
        } else if self.leg_of_dialog(flow, request).is_some() {
            // He is in a call.
            return false;
        }
        self.scanners.count_dropped();
        true
    }

    /// A stranger brought no proof of who he is, or a wrong one, `claimed` being whom he claims to be.
    /// Who sits on this machine is none.
    pub(super) fn note_stranger(&mut self, now: Now, flow: FlowId, claimed: Option<&Aor>) {
        let Some(open) = self.sip.flows.get(&flow) else {
            return;
        };
        let address = open.ends.peer.address.ip();
        let known = claimed.is_some_and(|aor| self.failures.knows(address, aor));
        if !(open.trusted || open.ends.peer.local || known) {
            self.suspect(now, flow);
        }
    }

    /// He has proved it now.
    pub(super) fn clear_stranger(&mut self, flow: FlowId) {
        if let Some(open) = self.sip.flows.get(&flow).filter(|open| !open.trusted) {
            self.scanners.clear_one(open.ends.peer.address.ip());
        }
    }

    fn suspect(&mut self, now: Now, flow: FlowId) {
        let Some(open) = self.sip.flows.get(&flow) else {
            return;
        };
        let address = open.ends.peer.address.ip();
        let config = &self.config.scanners;
        if self.scanners.suspect(now.mono, address, config) {
            let seconds = config.ban.as_secs();
            tracing::warn!(seconds, "an address is banned: it is a scanner's");
            tracing::debug!(%address, "banned");
        }
    }
}

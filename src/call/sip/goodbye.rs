//! BYEs to user agents whose flow is gone: they go over a new one, to where the dialog says
//! (RFC 3261 12.2.1.1), if that can be reached from here. Whoever writes a route or a Contact must not
//! make us connect to others (SECURITY S38), so that only the host counts that the lost flow led to.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sip::dialog::Dialog;
use sip::flow::{FlowId, Transport};
use sip::message::{Method, RequestBuilder};
use sip::resolve::Destination;
use sip::uri::Uri;

use crate::call::io::{Output, SipEnds};
use crate::call::switch::Switch;
use crate::call::time::Now;

/// BYEs that wait for a flow. One more is not sent: its far side finds out by its session timer, or
/// since it hears nothing.
const MAX_WAITING: usize = 256;

/// The far end of a flow that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lost {
    address: SocketAddr,
    transport: Transport,
}

impl Lost {
    pub(super) fn new(ends: &SipEnds) -> Self {
        Self {
            address: ends.peer.address,
            transport: ends.transport,
        }
    }
}

/// Flows that are being opened for BYEs.
#[derive(Debug, Default)]
pub(super) struct Goodbyes {
    by_connect: BTreeMap<u64, Goodbye>,
}

/// What waits for one of them.
#[derive(Debug)]
struct Goodbye {
    hop: Hop,
    byes: Vec<RequestBuilder>,
}

/// Where a flow is to lead.
#[derive(Debug, PartialEq, Eq)]
enum Hop {
    /// To an address: over UDP there is nothing else to a flow, and a NAT lets nobody in by another.
    Udp(SocketAddr),
    /// To where a URI says, if that is this host.
    Of(Destination, IpAddr),
}

impl Hop {
    /// `None` where we cannot open one: browsers are called back by nobody (RFC 7118 5).
    fn of(dialog: &Dialog, lost: Lost) -> Option<Self> {
        match lost.transport {
            Transport::Udp => return Some(Self::Udp(lost.address)),
            Transport::Ws | Transport::Wss => return None,
            Transport::Tcp | Transport::Tls => {}
        }
        let uri = std::str::from_utf8(dialog.next_hop()).ok()?;
        let Ok(Uri::Sip(uri)) = Uri::parse(uri) else {
            return None;
        };
        let destination = Destination::of(&uri).ok()?;
        Some(Self::Of(destination, lost.address.ip()))
    }
}

impl Goodbyes {
    pub(super) fn is_empty(&self) -> bool {
        self.by_connect.is_empty()
    }

    fn waiting(&self) -> usize {
        self.by_connect.values().map(|it| it.byes.len()).sum()
    }
}

impl Switch {
    /// Ends a dialog whose flow is gone.
    pub(super) fn say_goodbye(&mut self, dialog: &mut Dialog, lost: Lost) {
        let Some(hop) = Hop::of(dialog, lost) else {
            return;
        };
        if self.sip.goodbyes.waiting() >= MAX_WAITING {
            return tracing::warn!("as many BYEs wait for a connection as may: one is not sent");
        }
        let bye = dialog.request(Method::Bye);
        let mut all = self.sip.goodbyes.by_connect.values_mut();
        if let Some(same) = all.find(|it| it.hop == hop) {
            return same.byes.push(bye);
        }
        let connect = self.sip.ways.next_name();
        self.outputs.push(match &hop {
            Hop::Udp(address) => Output::Connect {
                connect,
                transport: Transport::Udp,
                address: *address,
                name: None,
            },
            Hop::Of(destination, only) => Output::Reach {
                connect,
                destination: destination.clone(),
                only: Some(*only),
            },
        });
        let byes = vec![bye];
        self.sip
            .goodbyes
            .by_connect
            .insert(connect, Goodbye { hop, byes });
    }

    /// A flow that was to be opened is there: for BYEs, perhaps.
    pub(super) fn on_goodbye_way_open(&mut self, now: Now, connect: u64, flow: FlowId) {
        let goodbye = self.sip.goodbyes.by_connect.remove(&connect);
        for bye in goodbye.into_iter().flat_map(|it| it.byes) {
            self.send_request(now, flow, bye);
        }
    }

    /// There is none: nobody hears of the end.
    pub(super) fn on_no_goodbye_way(&mut self, connect: u64) {
        if let Some(goodbye) = self.sip.goodbyes.by_connect.remove(&connect) {
            tracing::debug!(
                byes = goodbye.byes.len(),
                "user agents are not reached any more"
            );
        }
    }
}

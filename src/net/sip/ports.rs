//! The ports for SIP: opened at the start, served until the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::Shared;
use super::connect::{Connecting, Trust, Wanted};
use super::stream::{self, Beginning};
use super::udp::{self, UdpSocket};
use crate::call::io::{Peer, SipEnds};
use crate::config::Sip;
use crate::net::admission::Permit;
use crate::net::dns::Dns;
use crate::net::guarded::Guarded;
use crate::net::{StartError, listen};

/// Between attempts to accept while the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The kernel asks a silent peer after so many seconds, again after so many, and gives up after
/// so many questions. It also keeps a NAT from forgetting the connection.
const KEEP_ALIVE: (u32, u32, u32) = (60, 15, 4);

/// For datagrams that wait when the server ends.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Open ports, not served yet.
pub(in crate::net) struct Ports {
    udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
    tls: Vec<TcpListener>,
    /// What could not be had, a sentence each: it costs that port, and nothing else.
    pub warnings: Vec<String>,
}

/// Where SIP is served.
#[derive(Debug, Clone, Default)]
pub struct SipAddresses {
    /// Over UDP.
    pub udp: Vec<SocketAddr>,
    /// Over TCP.
    pub tcp: Vec<SocketAddr>,
    /// Over TLS.
    pub tls: Vec<SocketAddr>,
}

/// What is needed to serve.
pub(in crate::net) struct Means {
    /// For TLS from outside; without one there is none.
    pub acceptor: Option<TlsAcceptor>,
    /// For TLS to the outside.
    pub trust: Arc<Trust>,
    /// What the driver wants opened.
    pub wanted: mpsc::Receiver<Wanted>,
    /// Who finds servers by name, or what the system's name servers are asked with: randomness.
    pub dns: Result<Dns, [u8; 32]>,
}

/// Ports in service.
pub(in crate::net) struct Served {
    receiving: JoinSet<()>,
    sending: JoinSet<()>,
}

impl Ports {
    /// Opens what is configured, as far as it can be had.
    pub(in crate::net) fn open(settings: &Sip) -> Self {
        let mut warnings = Vec::new();
        let mut ports = Self {
            udp: open_each(
                &settings.udp,
                "UDP",
                "sip.udp",
                &mut warnings,
                UdpSocket::bind,
            ),
            tcp: open_each(
                &settings.tcp,
                "TCP",
                "sip.tcp",
                &mut warnings,
                listen::bind_one,
            ),
            tls: open_each(
                &settings.tls,
                "TLS",
                "sip.tls",
                &mut warnings,
                listen::bind_one,
            ),
            warnings: Vec::new(),
        };
        ports.warnings = warnings;
        ports
    }

    /// Where they are.
    pub(in crate::net) fn addresses(&self) -> SipAddresses {
        let of = |listeners: &[TcpListener]| {
            let addresses = listeners.iter().filter_map(|it| it.local_addr().ok());
            addresses.collect()
        };
        SipAddresses {
            udp: self.udp.iter().map(UdpSocket::bound).collect(),
            tcp: of(&self.tcp),
            tls: of(&self.tls),
        }
    }

    /// Begins to serve, and to open what the driver wants.
    pub(in crate::net) fn serve(self, shared: &Arc<Shared>, means: Means) -> Served {
        let mut receiving = JoinSet::new();
        let mut sending = JoinSet::new();
        let mut services = Vec::new();
        for socket in self.udp {
            let (service, outbox) = udp::serve(socket, Arc::clone(shared));
            services.push(service.clone());
            receiving.spawn(service.receive());
            sending.spawn(outbox.send());
        }
        for listener in self.tcp {
            receiving.spawn(accept(Arc::clone(shared), listener, None));
        }
        if let Some(tls) = means.acceptor {
            for listener in self.tls {
                receiving.spawn(accept(Arc::clone(shared), listener, Some(tls.clone())));
            }
        }
        let connecting = Connecting {
            shared: Arc::clone(shared),
            udp: services,
            trust: means.trust,
            dns: means.dns.unwrap_or_else(Dns::start),
        };
        receiving.spawn(connecting.run(means.wanted));
        Served { receiving, sending }
    }
}

impl Served {
    /// Takes nothing more, and sends what waits.
    pub(in crate::net) async fn end(mut self) {
        self.receiving.shutdown().await;
        let sent = async { while self.sending.join_next().await.is_some() {} };
        // What the kernel does not take by then is lost.
        let _ = tokio::time::timeout(LAST_WORDS, sent).await;
    }
}

fn open_each<T>(
    addresses: &[SocketAddr],
    transport: &str,
    key: &'static str,
    warnings: &mut Vec<String>,
    open: impl Fn(SocketAddr) -> std::io::Result<T>,
) -> Vec<T> {
    let mut opened = Vec::new();
    for address in addresses {
        match open(*address) {
            Ok(port) => opened.push(port),
            Err(source) => {
                let cause = StartError::listen(*address, key, source);
                warnings.push(format!("no SIP over {transport} on {address}: {cause}"));
            }
        }
    }
    opened
}

/// Accepts until the task is dropped.
async fn accept(shared: Arc<Shared>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Descriptors or memory are short, or the peer is gone already.
                warn!("cannot accept a SIP connection: {error}");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(local) = stream.local_addr() else {
            continue;
        };
        let Some(permit) = shared.admission.admit(Some(peer.ip())) else {
            debug!(address = %peer.ip(), "a SIP connection too many is closed");
            continue;
        };
        let beginning = Beginning {
            ends: ends(&shared, peer, local, tls.is_some()),
            permit: Some(permit),
            connect: None,
        };
        tokio::spawn(begin(stream, tls.clone(), beginning, Arc::clone(&shared)));
    }
}

async fn begin(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    beginning: Beginning,
    shared: Arc<Shared>,
) {
    if prepare(&stream).is_err() {
        return;
    }
    let stream = Guarded::new(stream, shared.limits.write_timeout);
    let Some(tls) = tls else {
        return stream::run(stream, beginning, shared).await;
    };
    let handshake = tokio::time::timeout(shared.limits.handshake_timeout, tls.accept(stream));
    let secured = tokio::select! {
        secured = handshake => secured,
        () = evicted(beginning.permit.as_ref()) => return,
    };
    match secured {
        Ok(Ok(stream)) => stream::run(stream, beginning, shared).await,
        Ok(Err(error)) => debug!("TLS failed: {error}"),
        Err(_) => debug!("TLS took too long"),
    }
}

/// Resolves when a connection has to make room for another one.
async fn evicted(permit: Option<&Permit>) {
    match permit {
        Some(permit) => permit.evicted().await,
        None => std::future::pending().await,
    }
}

/// Both ends of a connection.
pub(super) fn ends(shared: &Shared, peer: SocketAddr, local: SocketAddr, secure: bool) -> SipEnds {
    SipEnds {
        peer: Peer {
            address: peer,
            local: peer.ip().to_canonical().is_loopback(),
            secure,
            user_agent: None,
        },
        transport: stream::transport(secure),
        local: shared.reached_at(local, peer.ip()),
    }
}

/// Small messages go at once, and a peer that is gone is noticed.
pub(super) fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (idle, interval, count) = KEEP_ALIVE;
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &idle)?;
    setsockopt(stream, sockopt::TcpKeepInterval, &interval)?;
    setsockopt(stream, sockopt::TcpKeepCount, &count)?;
    Ok(())
}

//! Flows that we open, as the driver orders: connections over TCP and TLS, and the way to a peer
//! over UDP.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path as FilePath;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sip::flow::Transport;
use sip::resolve::{AddressPolicy, Destination};
use sip::uri::Host;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tracing::debug;

use super::Shared;
use super::ports::{ends, prepare};
use super::stream::{self, Beginning};
use super::udp::{Path, Service};
use crate::net::StartError;
use crate::net::dns::Dns;
use crate::net::guarded::Guarded;

/// Attempts at once. The driver has as many more wait.
const ATTEMPTS: usize = 256;

/// A flow that the driver wants.
#[derive(Debug)]
pub(in crate::net) struct Wanted {
    /// How the driver knows it.
    pub connect: u64,
    /// Where to.
    pub place: Place,
}

/// Where a flow is to lead.
#[derive(Debug)]
pub(in crate::net) enum Place {
    /// To one server.
    At(Target),
    /// To the first that can be reached of those that the DNS names.
    Of {
        destination: Destination,
        /// At this address alone.
        only: Option<IpAddr>,
    },
}

/// A server.
#[derive(Debug)]
pub(in crate::net) struct Target {
    /// What is to carry the messages.
    pub transport: Transport,
    /// Where it is.
    pub address: SocketAddr,
    /// What the certificate has to name; `None`: the address.
    pub name: Option<String>,
}

/// Who vouches for the servers that we connect to.
pub(in crate::net) struct Trust {
    /// Made when it is needed first: most servers never connect anywhere.
    connector: OnceLock<Result<TlsConnector, String>>,
}

/// Opens what the driver wants.
pub(super) struct Connecting {
    pub shared: Arc<Shared>,
    /// Our UDP sockets.
    pub udp: Vec<Service>,
    pub trust: Arc<Trust>,
    pub dns: Dns,
}

impl Trust {
    /// Of a configured file, or of the system.
    ///
    /// # Errors
    /// A file of no use.
    pub(in crate::net) fn new(ca_file: Option<&FilePath>) -> Result<Self, StartError> {
        let connector = OnceLock::new();
        if let Some(path) = ca_file {
            let made = from_file(path).map_err(|problem| StartError::Certificate {
                key: "sip.ca_file",
                path: path.to_owned(),
                problem,
            })?;
            connector.get_or_init(|| Ok(made));
        }
        Ok(Self { connector })
    }

    fn connector(&self) -> Result<TlsConnector, String> {
        self.connector.get_or_init(from_system).clone()
    }
}

impl Connecting {
    /// Opens until the driver has ended.
    pub(super) async fn run(self, mut wanted: mpsc::Receiver<Wanted>) {
        let this = Arc::new(self);
        let mut attempts = JoinSet::new();
        loop {
            tokio::select! {
                next = wanted.recv(), if attempts.len() < ATTEMPTS => match next {
                    Some(next) => {
                        attempts.spawn(Arc::clone(&this).attempt(next));
                    }
                    None => return,
                },
                Some(_) = attempts.join_next() => {}
            }
        }
    }

    async fn attempt(self: Arc<Self>, wanted: Wanted) {
        let connect = wanted.connect;
        let opened = match wanted.place {
            Place::At(target) => self.open_in_time(connect, &target).await,
            Place::Of { destination, only } => self.open_one_of(connect, destination, only).await,
        };
        if let Err(sentence) = opened {
            debug!(connect, "a SIP flow cannot be opened: {sentence}");
            self.shared.driver.connect_failed(connect, sentence).await;
        }
    }

    /// Tries one server after the other (RFC 3263 4.3). The DNS and its own limits end that.
    async fn open_one_of(
        &self,
        connect: u64,
        destination: Destination,
        only: Option<IpAddr>,
    ) -> Result<(), String> {
        let addresses = AddressPolicy {
            loopback: only.is_some_and(|only| only.is_loopback()),
            link_local: only.is_some(),
        };
        let mut search = self.dns.locate(destination, addresses).await?;
        let mut failure = String::new();
        loop {
            let found = search.target();
            let wanted = only.is_none_or(|only| only.to_canonical() == found.addr.ip());
            if wanted {
                let target = Target {
                    transport: found.transport,
                    address: found.addr,
                    name: match &found.host_for_tls {
                        Host::Name(name) => Some(name.to_string()),
                        Host::V4(_) | Host::V6(_) => None,
                    },
                };
                match self.open_in_time(connect, &target).await {
                    Ok(()) => return Ok(()),
                    Err(sentence) => failure = sentence + "; ",
                }
            }
            let next = search.next(wanted).await;
            next.map_err(|end| format!("{failure}{end}"))?;
        }
    }

    async fn open_in_time(&self, connect: u64, target: &Target) -> Result<(), String> {
        let patience = self.shared.settings.connect_timeout;
        match tokio::time::timeout(patience, self.open(connect, target)).await {
            Ok(opened) => opened,
            Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
        }
    }

    async fn open(&self, connect: u64, target: &Target) -> Result<(), String> {
        match target.transport {
            Transport::Udp => self.open_way(connect, target).await,
            Transport::Tcp => self.open_stream(connect, target, None).await,
            Transport::Tls => {
                let connector = self.trust.connector()?;
                self.open_stream(connect, target, Some(connector)).await
            }
            // RFC 7118 5: servers do not open WebSockets to clients.
            Transport::Ws | Transport::Wss => {
                Err("a WebSocket can be opened by the other side only".to_owned())
            }
        }
    }

    async fn open_way(&self, connect: u64, wanted: &Target) -> Result<(), String> {
        let routed = route(wanted.address).map_err(|error| in_words(&error))?;
        let bound = |service: &&Service| service.bound().ip() == routed.ip();
        let open = |service: &&Service| {
            let ip = service.bound().ip();
            ip.is_unspecified() && ip.is_ipv4() == routed.is_ipv4()
        };
        let service = self.udp.iter().find(bound);
        let service = service.or_else(|| self.udp.iter().find(open)).ok_or(
            "no UDP port for SIP reaches that address: sip.udp names those it may leave from",
        )?;
        let path = Path {
            local: SocketAddr::new(routed.ip(), service.bound().port()),
            remote: wanted.address,
        };
        service.open(path, Some(connect), Instant::now()).await;
        Ok(())
    }

    async fn open_stream(
        &self,
        connect: u64,
        wanted: &Target,
        tls: Option<TlsConnector>,
    ) -> Result<(), String> {
        let shared = Arc::clone(&self.shared);
        let permit = shared.admission.admit(None);
        let permit = permit.ok_or("this server has too many connections already")?;
        // Whom we call is no stranger.
        permit.spare(true);
        let connected = TcpStream::connect(wanted.address).await;
        let stream = connected.map_err(|error| in_words(&error))?;
        prepare(&stream).map_err(|error| in_words(&error))?;
        let local = stream.local_addr().map_err(|error| in_words(&error))?;
        let beginning = Beginning {
            ends: ends(&shared, wanted.address, local, tls.is_some()),
            permit: Some(permit),
            connect: Some(connect),
        };
        let stream = Guarded::new(stream, shared.limits.write_timeout);
        let Some(tls) = tls else {
            tokio::spawn(stream::run(stream, beginning, shared));
            return Ok(());
        };
        let name = match &wanted.name {
            Some(name) => ServerName::try_from(name.clone())
                .map_err(|_| format!("{name:?} is no name that a certificate could have"))?,
            None => ServerName::IpAddress(wanted.address.ip().into()),
        };
        let secured = tls.connect(name, stream).await;
        let stream = secured.map_err(|error| format!("TLS failed: {error}"))?;
        tokio::spawn(stream::run(stream, beginning, shared));
        Ok(())
    }
}

/// The address of ours from which the system would send there. Nothing is sent.
fn route(remote: SocketAddr) -> io::Result<SocketAddr> {
    let any: SocketAddr = match remote {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = std::net::UdpSocket::bind(any)?;
    socket.connect(remote)?;
    socket.local_addr()
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "no way leads there".to_owned()
        }
        _ => error.to_string(),
    }
}

fn from_file(path: &FilePath) -> Result<TlsConnector, String> {
    let pem = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| format!("is not a PEM file: {error}"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("has a certificate in it that is of no use: {error}"))?;
    }
    if roots.is_empty() {
        return Err("has no certificate in it".to_owned());
    }
    connector(roots)
}

fn from_system() -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    // The system may have some that are of no use; those that are suffice.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err("the system trusts no certificate authority: name some in sip.ca_file".into());
    }
    connector(roots)
}

fn connector(roots: RootCertStore) -> Result<TlsConnector, String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

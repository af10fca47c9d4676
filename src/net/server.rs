//! Puts the parts together: ports, certificates, media workers, Switch, HTTP.

use std::fs::{File, OpenOptions, TryLockError};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sip::uri::Host;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::access::Rules;
use super::admission::Admission;
use super::driver::{Driver, DriverHandle};
use super::http::{Front, router};
use super::media_worker::{MediaWorker, MediaWorkerConfig, Monitor, candidate_addresses};
use super::recorder::Recorder;
use super::serve::Serving;
use super::sip::{Means, Ports, Served, Shared as SipShared, SipAddresses, Trust};
use super::tls::{self, Identity};
use super::{StartError, listen, registrations, settings, sounds};
use crate::api::{ApiContext, ReloadOrder};
use crate::call::switch::Switch;
use crate::config::{Access, Config};
use crate::ops::Throttle;
use crate::ops::cdr::{self, CallRecords};
use crate::web::PageFacts;

/// Refusals that are logged in each interval.
const LOGGED_REFUSALS: (u32, Duration) = (20, Duration::from_secs(60));

/// A server whose ports are open and that has not begun to serve.
pub struct Server {
    /// What it listens on.
    pub bound: Bound,
    driver: Driver,
    handle: DriverHandle,
    reload_orders: mpsc::Receiver<ReloadOrder>,
    serving: Arc<Serving>,
    rules: RulesSource,
    plain: Vec<TcpListener>,
    secure: Vec<TcpListener>,
    acceptor: Option<TlsAcceptor>,
    sip: Arc<SipShared>,
    sip_ports: Ports,
    sip_means: Means,
    snapshots: watch::Receiver<Vec<u8>>,
    record_writer: Option<cdr::Writer>,
    lock: File,
}

/// The ports, as they are: one that was configured as 0 has its number here.
#[derive(Debug, Clone)]
pub struct Bound {
    /// Plain HTTP and WebSocket.
    pub http: Vec<SocketAddr>,
    /// The same over TLS.
    pub https: Vec<SocketAddr>,
    /// UDP ports of the media workers.
    pub media_ports: Vec<u16>,
    /// TCP ports of those that have one.
    pub media_tcp_ports: Vec<u16>,
    /// SIP.
    pub sip: SipAddresses,
    /// Why some of it is not served, a sentence each.
    pub sip_warnings: Vec<String>,
    /// Where browsers are told to send media.
    pub media: Vec<SocketAddr>,
    /// The same over TCP.
    pub media_tcp: Vec<SocketAddr>,
    /// SHA-256 of the https certificate.
    pub fingerprint: Option<String>,
    /// It is self-signed by us.
    pub self_made: bool,
    /// Where state is kept.
    pub data_dir: PathBuf,
}

/// Changes the rules of a running server.
pub struct RulesSource {
    sender: watch::Sender<Arc<Rules>>,
    own_names: Vec<String>,
    identity: Option<Arc<Identity>>,
}

impl Server {
    /// Opens everything. Nothing is served before [`Server::start`].
    ///
    /// # Errors
    /// A sentence on the first thing that cannot be had.
    pub fn open(config: &Config) -> Result<Self, StartError> {
        tls::prepare_data_dir(&config.data_dir)?;
        let own_names = own_names();
        let identity = identity(config, &own_names)?.map(Arc::new);
        let plain = listen::bind_all(&config.http.listen, "http.listen")?;
        let secure = listen::bind_all(&config.https.listen, "https.listen")?;

        let trust = Arc::new(Trust::new(config.sip.ca_file.as_deref())?);
        let sip_ports = Ports::open(&config.sip);

        let (library, played) = sounds::load(config)?;
        let certificate = settings::dtls_certificate()?;
        let recorder = settings::recorder(config).map(Recorder::start);
        let recorder = recorder.transpose().map_err(StartError::Recorder)?;
        let mut workers = Vec::new();
        for index in 0..config.media.workers {
            let worker =
                settings::worker(config, certificate.clone(), Arc::clone(&library), seed()?);
            let port = settings::worker_port(config, index);
            let worker = MediaWorkerConfig {
                index,
                port,
                ipv6: true,
                rtp_ports: settings::worker_rtp_ports(config, index),
                tcp: settings::worker_tcp(config, index),
                worker,
            };
            let taps = recorder.as_ref().map(Recorder::tap_way);
            workers.push(MediaWorker::start_with(worker, taps)?);
        }
        let monitors: Vec<Monitor> = workers
            .iter()
            .map(|worker| worker.monitor.clone())
            .collect();
        let candidates: Vec<_> = monitors
            .iter()
            .map(|monitor| settings::candidates(config, monitor))
            .collect();
        let tcp_candidates: Vec<_> = monitors
            .iter()
            .zip(&candidates)
            .map(|(monitor, candidates)| settings::tcp_candidates(monitor, candidates))
            .collect();
        let media_ports = monitors.iter().map(|monitor| monitor.port).collect();
        let media_tcp_ports = monitors
            .iter()
            .filter_map(|monitor| monitor.tcp_port)
            .collect();
        let media = candidates.iter().flatten().copied().collect();
        let media_tcp = tcp_candidates.iter().flatten().copied().collect();
        let aliases = aliases(&own_names, &candidates);
        let switch_config = settings::switch(
            config,
            certificate.fingerprint(),
            candidates,
            tcp_candidates,
            played,
            aliases,
        );
        let mut switch = Switch::new(switch_config, StdRng::from_seed(seed()?));
        let lock = lock(&config.data_dir)?;
        switch.keep_gruus(registrations::secret(&config.data_dir, seed()?));
        registrations::restore(&config.data_dir, &mut switch);
        let (kept, snapshots) = watch::channel(Vec::new());
        let (records, record_writer) = call_records(config)?.unzip();
        let (driver, handle, wanted) = Driver::new(switch, workers, recorder, kept, records);

        let (rules, seen_rules) = RulesSource::new(&config.access, own_names, identity.clone());
        let admission = Admission::new(
            config.limits.connections,
            config.limits.connections_per_address,
        );
        let sip = SipShared::new(config, admission.clone(), handle.clone());
        let front = Front {
            rules: seen_rules.clone(),
            admission: admission.clone(),
            limits: config.limits.clone(),
            driver: handle.clone(),
            sip: Arc::clone(&sip),
            refusals: Throttle::new(LOGGED_REFUSALS.0, LOGGED_REFUSALS.1),
        };
        let (reload, reload_orders) = mpsc::channel(1);
        let api = ApiContext {
            driver: handle.clone(),
            media: monitors,
            reload,
        };
        let page = PageFacts {
            https_port: addresses(&secure).first().map(SocketAddr::port),
        };
        let serving = Serving {
            router: router(Arc::new(front), api, page),
            rules: seen_rules,
            admission,
            limits: config.limits.clone(),
        };
        let bound = Bound {
            http: addresses(&plain),
            https: addresses(&secure),
            sip: sip_ports.addresses(),
            sip_warnings: sip_ports.warnings.clone(),
            media_ports,
            media_tcp_ports,
            media,
            media_tcp,
            fingerprint: identity
                .as_ref()
                .map(|identity| identity.fingerprint.clone()),
            self_made: identity.as_ref().is_some_and(|identity| identity.self_made),
            data_dir: config.data_dir.clone(),
        };
        let sip_means = Means {
            acceptor: identity.as_ref().map(|identity| identity.sip_acceptor()),
            trust,
            wanted,
            dns: Err(seed()?),
        };
        let acceptor = identity.map(|identity| TlsAcceptor::from(Arc::clone(&identity.config)));
        let serving = Arc::new(serving);
        Ok(Self {
            bound,
            driver,
            handle,
            reload_orders,
            serving,
            rules,
            plain,
            secure,
            acceptor,
            sip,
            sip_ports,
            sip_means,
            snapshots,
            record_writer,
            lock,
        })
    }

    /// Begins to serve; what is returned drives and steers it.
    pub fn start(self) -> Running {
        let mut listeners = tokio::task::JoinSet::new();
        for listener in self.plain {
            listeners.spawn(Arc::clone(&self.serving).accept(listener, None));
        }
        for listener in self.secure {
            listeners.spawn(Arc::clone(&self.serving).accept(listener, self.acceptor.clone()));
        }
        let sip = self.sip_ports.serve(&self.sip, self.sip_means);
        let driver = tokio::spawn(self.driver.run());
        let data_dir = self.bound.data_dir.clone();
        let keeper = tokio::spawn(registrations::keep(data_dir, self.snapshots));
        let writer = self.record_writer.map(|writer| tokio::spawn(writer.run()));
        Running {
            reload_orders: self.reload_orders,
            listeners,
            sip,
            driver,
            keeper,
            writer,
            handle: self.handle,
            rules: self.rules,
            _lock: self.lock,
        }
    }
}

/// See [`Running::wait`].
pub enum Matter {
    /// The API asks for the configuration to be read again, and for what came of it.
    Reload(ReloadOrder),
    /// The driver ended without having been asked to: a bug, and the end.
    Failed,
}

/// A server that serves.
pub struct Running {
    reload_orders: mpsc::Receiver<ReloadOrder>,
    listeners: tokio::task::JoinSet<()>,
    sip: Served,
    driver: tokio::task::JoinHandle<()>,
    keeper: tokio::task::JoinHandle<()>,
    /// Of the records of calls.
    writer: Option<tokio::task::JoinHandle<()>>,
    handle: DriverHandle,
    rules: RulesSource,
    /// Holds `data_dir` for this server.
    _lock: File,
}

impl Running {
    /// Applies the hot keys of a configuration.
    pub async fn reload(&self, config: &Config) {
        self.rules.publish(&config.access);
        self.handle.configure(settings::hot(config)).await;
    }

    /// Takes no new connections, ends all calls politely and waits for that at most `patience`.
    /// False if it took longer.
    pub async fn shut_down(mut self, patience: Duration) -> bool {
        self.listeners.abort_all();
        let ended = async {
            self.handle.shut_down().await;
            let _ = (&mut self.driver).await;
            let _ = (&mut self.keeper).await;
            if let Some(writer) = &mut self.writer {
                let _ = writer.await;
            }
            self.sip.end().await;
        };
        tokio::time::timeout(patience, ended).await.is_ok()
    }

    /// Waits for something that whoever runs the server has to see to.
    pub async fn wait(&mut self) -> Matter {
        tokio::select! {
            _ = &mut self.driver => Matter::Failed,
            Some(order) = self.reload_orders.recv() => Matter::Reload(order),
        }
    }
}

impl RulesSource {
    fn new(
        access: &Access,
        own_names: Vec<String>,
        identity: Option<Arc<Identity>>,
    ) -> (Self, watch::Receiver<Arc<Rules>>) {
        let first = Arc::new(Rules::new(access.clone(), Vec::new(), |_| false));
        let (sender, receiver) = watch::channel(first);
        let source = Self {
            sender,
            own_names,
            identity,
        };
        source.publish(access);
        (source, receiver)
    }

    fn publish(&self, access: &Access) {
        // A certificate that somebody was given for a name says that the name is ours; one of
        // our own making says nothing.
        let identity = self.identity.clone().filter(|identity| !identity.self_made);
        let certified = move |name: &str| {
            identity
                .as_ref()
                .is_some_and(|identity| identity.is_valid_for(name))
        };
        let rules = Rules::new(access.clone(), self.own_names.clone(), certified);
        self.sender.send_replace(Arc::new(rules));
    }
}

fn identity(config: &Config, own_names: &[String]) -> Result<Option<Identity>, StartError> {
    if config.https.listen.is_empty() && config.sip.tls.is_empty() {
        return Ok(None);
    }
    if let Some((certificate, key)) = &config.https.certificate {
        return Identity::load(certificate, key).map(Some);
    }
    let mut names = vec!["localhost".to_owned()];
    names.extend(own_names.iter().cloned());
    names.extend(config.access.allowed_hosts.iter().cloned());
    let interfaces = candidate_addresses(0, true);
    let mut addresses: Vec<IpAddr> = interfaces.iter().map(SocketAddr::ip).collect();
    addresses.extend([
        IpAddr::from([127, 0, 0, 1]),
        IpAddr::from([0u16, 0, 0, 0, 0, 0, 0, 1]),
    ]);
    addresses.extend(config.media.public_address);
    addresses.sort_unstable();
    addresses.dedup();
    Identity::load_or_make(&config.data_dir, &names, &addresses).map(Some)
}

/// Where records of calls go, if anywhere.
fn call_records(config: &Config) -> Result<Option<(CallRecords, cdr::Writer)>, StartError> {
    let Some(file) = &config.cdr.file else {
        return Ok(None);
    };
    let opened = cdr::open(file).map_err(|source| StartError::CallRecords {
        path: file.clone(),
        source,
    })?;
    Ok(Some(opened))
}

/// Two servers on one `data_dir` would take each other's state.
fn lock(data_dir: &Path) -> Result<File, StartError> {
    let path = data_dir.join("lock");
    let opened = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path);
    let file = opened.map_err(|source| StartError::DataDir {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::DataDirTaken(data_dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(StartError::DataDir { path, source }),
    }
}

/// What this machine calls itself, in lower case: its host name, and as found by mDNS.
fn own_names() -> Vec<String> {
    let name = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    let name = name.map(|name| name.to_ascii_lowercase());
    let legal = |name: &String| {
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
    };
    let Some(name) = name.filter(legal) else {
        return Vec::new();
    };
    let local = format!("{}.local", name.split('.').next().unwrap_or_default());
    if name == local {
        vec![name]
    } else {
        vec![name, local]
    }
}

/// What a person may write for this server behind the `@`, besides its domain.
fn aliases(own_names: &[String], candidates: &[Vec<SocketAddr>]) -> Vec<Host> {
    let mut aliases: Vec<Host> = candidates
        .iter()
        .flatten()
        .map(|it| it.ip().into())
        .collect();
    let names = own_names.iter().map(String::as_str).chain(["localhost"]);
    aliases.extend(names.filter_map(|name| Host::parse(name).ok()));
    aliases
}

fn addresses(listeners: &[TcpListener]) -> Vec<SocketAddr> {
    listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .collect()
}

/// Fresh randomness from the operating system.
fn seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    aws_lc_rs::rand::fill(&mut seed)
        .map_err(|_| StartError::CertificateMaking("no randomness from the system".to_owned()))?;
    Ok(seed)
}

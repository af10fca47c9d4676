//! `callbox serve`

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info, warn};

use super::configuration::{Loaded, Place};
use super::running::Note;
use crate::config::Config;
use crate::net::{Bound, Matter, Running, Server, discover_public_address};
use crate::ops::log::{self, Filter};

/// Calls have so long to end politely.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(place: &Place) -> anyhow::Result<ExitCode> {
    let config = match place.load_or_say()? {
        Ok(config) => config,
        Err(code) => return Ok(code),
    };
    let level = log::init(&config.log.filter);
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the system has no threads left for the server")?;
    let code = runtime.block_on(serve(place, &config, &level));
    // Sockets that still wait for a slow peer are not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    code
}

async fn serve(place: &Place, config: &Config, level: &Filter) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let server = Server::open(&with_public_address(config).await)?;
    let bound = server.bound.clone();
    let _note = Note::of(&bound).post(&config.data_dir)?;
    let mut running = server.start();
    greet(place, &bound);
    loop {
        tokio::select! {
            wish = signals.next() => match wish {
                Wish::End => break,
                // What came of it is in the log.
                Wish::Reload => drop(reload(place, config, &running, level).await),
            },
            matter = running.wait() => match matter {
                Matter::Reload(order) => {
                    // Whoever asked may have gone.
                    let _ = order.send(reload(place, config, &running, level).await);
                }
                Matter::Failed => bail!("the call core failed; the log says more"),
            },
        }
    }
    info!("ending all calls; a second signal ends at once");
    tokio::select! {
        polite = running.shut_down(PATIENCE) => {
            if !polite {
                warn!("not all calls ended within {} s", PATIENCE.as_secs());
            }
            Ok(ExitCode::SUCCESS)
        }
        () = signals.end() => bail!("ended at once, as the second signal asked for"),
    }
}

/// With the address that the STUN server tells, if there is one to ask. Without an answer the server
/// starts without: those in the same network need it not.
async fn with_public_address(config: &Config) -> Config {
    let mut config = config.clone();
    if let Some(server) = &config.media.stun_server {
        match discover_public_address(server).await {
            Ok(address) => {
                info!("the public address is {address}: media.stun_server ({server}) says so");
                config.media.public_address = Some(address);
            }
            Err(problem) => warn!(
                "no public address, so that who is outside this network may hear nothing: \
                 media.stun_server: {problem}"
            ),
        }
    }
    config
}

/// Reads the configuration again and applies its hot keys; which of the others differ from those
/// the server was `started` with. If it has faults, the old one stays as a whole.
async fn reload(
    place: &Place,
    started: &Config,
    running: &Running,
    level: &Filter,
) -> Result<Vec<&'static str>, String> {
    let problem = match place.load() {
        Ok(Loaded::Good(config)) => {
            running.reload(&config).await;
            level.set(&config.log.filter);
            info!("the configuration was read again");
            let needs_restart = started.restart_keys(&config);
            if !needs_restart.is_empty() {
                warn!("needs a restart: {}", needs_restart.join(", "));
            }
            return Ok(needs_restart);
        }
        Ok(Loaded::Faulty(faults)) => place.faults(&faults),
        Err(error) => format!("{error:#}"),
    };
    warn!("the old configuration stays: {problem}");
    Err(problem)
}

/// What a signal asks for.
enum Wish {
    End,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened for");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            reload: listen(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.terminate.recv() => Wish::End,
            _ = self.interrupt.recv() => Wish::End,
            _ = self.reload.recv() => Wish::Reload,
        }
    }

    async fn end(&mut self) {
        while let Wish::Reload = self.next().await {}
    }
}

/// Each connection takes a descriptor; the usual limit of 1024 is for programs with few.
fn raise_descriptor_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most));
    if let Err(error) = raised {
        error!("the limit on open files stays low: {error}");
    }
}

/// Says what to open, and where everything is.
fn greet(place: &Place, bound: &Bound) {
    println!("Callbox {} is ready.\n", env!("CARGO_PKG_VERSION"));
    let mut label = "Open";
    let plain = bound.http.first().map(|address| ("http", address));
    let secure = bound.https.first().map(|address| ("https", address));
    for (scheme, address) in plain.into_iter().chain(secure) {
        println!("  {label:<12} {scheme}://{}", page_host(address));
        label = "or";
    }
    if let Some(address) = from_elsewhere(bound) {
        println!("  {:<12} https://{address}", "Elsewhere");
    }
    if let Some(fingerprint) = &bound.fingerprint {
        let whose = if bound.self_made {
            "self-signed"
        } else {
            "configured"
        };
        println!("  {:<12} {whose}, SHA-256 {fingerprint}", "Certificate");
    }
    let mut label = "SIP";
    for (transport, addresses) in sip_ports(bound) {
        println!(
            "  {label:<12} {transport} {}",
            join(addresses).replace(',', ", ")
        );
        label = "";
    }
    println!("  {:<12} {}", "Config", place.describe());
    println!("  {:<12} {}", "Data", absolute(&bound.data_dir));
    let listed = |addresses| join(addresses).replace(',', ", ");
    println!("  {:<12} UDP {}", "Media", listed(&bound.media));
    if !bound.media_tcp.is_empty() {
        println!("  {:<12} TCP {}", "or", listed(&bound.media_tcp));
    }
    println!(
        "\nlistening http={} https={} media={} media_tcp={} sip-udp={} sip-tcp={} sip-tls={}",
        join(&bound.http),
        join(&bound.https),
        join(&bound.media_ports),
        join(&bound.media_tcp_ports),
        join(&bound.sip.udp),
        join(&bound.sip.tcp),
        join(&bound.sip.tls)
    );
    for warning in &bound.sip_warnings {
        warn!("{warning}");
    }
}

/// Where phones reach us, by transport.
fn sip_ports(bound: &Bound) -> impl Iterator<Item = (&'static str, &[std::net::SocketAddr])> {
    let sip = &bound.sip;
    let all = [("UDP", &sip.udp), ("TCP", &sip.tcp), ("TLS", &sip.tls)];
    let open = all
        .into_iter()
        .filter(|(_, addresses)| !addresses.is_empty());
    open.map(|(transport, addresses)| (transport, addresses.as_slice()))
}

/// How a person on this machine writes an address: browsers trust `localhost` with a camera.
fn page_host(address: &std::net::SocketAddr) -> String {
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        format!("localhost:{}", address.port())
    } else {
        address.to_string()
    }
}

/// Where other machines find the page, if they are let in: over TLS, for the camera's sake.
fn from_elsewhere(bound: &Bound) -> Option<std::net::SocketAddr> {
    let open = bound
        .https
        .iter()
        .find(|address| !address.ip().is_loopback())?;
    if !open.ip().is_unspecified() {
        return Some(*open);
    }
    let reachable = bound
        .media
        .iter()
        .find(|address| !address.ip().is_loopback() && (open.is_ipv6() || address.is_ipv4()))?;
    Some(std::net::SocketAddr::new(reachable.ip(), open.port()))
}

fn absolute(path: &std::path::Path) -> String {
    std::fs::canonicalize(path)
        .unwrap_or_else(|_| path.to_owned())
        .display()
        .to_string()
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}

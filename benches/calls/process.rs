//! Processes, and what the kernel says of them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const PATIENCE: Duration = Duration::from_secs(20);

/// A process by its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// CPU time of all its threads so far, user and system.
    pub(crate) fn cpu(self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0)).context("the process is gone")? {
            let path = task?.path().join("schedstat");
            // A thread may end between the two.
            let Ok(text) = fs::read_to_string(path) else {
                continue;
            };
            let spent = text
                .split_whitespace()
                .next()
                .context("schedstat is empty")?;
            nanoseconds += spent.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// Resident memory, bytes.
    pub(crate) fn memory(self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status
            .lines()
            .find(|it| it.starts_with("VmRSS:"))
            .context("no VmRSS")?;
        let kib = line.split_whitespace().nth(1).context("no VmRSS figure")?;
        Ok(kib.parse::<u64>()? * 1024)
    }
}

/// What the server has dropped since its start, and whom it serves now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    /// Datagrams on the media port, of all kinds.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) kernel_drops: u64,
    pub(crate) internal_drops: u64,
    pub(crate) send_failures: u64,
    pub(crate) users: u64,
    pub(crate) established: u64,
}

impl Counts {
    /// All that was lost by the server or before it.
    pub(crate) fn drops(&self) -> u64 {
        self.kernel_drops + self.internal_drops + self.send_failures
    }
}

/// The server on ports of its own, with data that goes when it goes.
pub(crate) struct Server {
    child: Child,
    url: String,
    http: Option<SocketAddr>,
    https: Option<SocketAddr>,
    media_port: u16,
    sip: Option<SocketAddr>,
    sip_tcp: Option<SocketAddr>,
    directory: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        Self::start_with(|config| config)
    }

    /// With a changed configuration.
    pub(crate) fn start_with(change: impl FnOnce(String) -> String) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("config.toml");
        fs::write(&config, change(CONFIG.to_owned()))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_callbox"))
            .args([PathBuf::from("serve"), PathBuf::from("--config"), config])
            .stdout(Stdio::piped())
            .stderr(fs::File::create(directory.path().join("log"))?)
            .spawn()
            .context("the server does not start")?;
        let stdout = child.stdout.take().context("no output")?;
        let mut server = Self {
            child,
            url: String::new(),
            http: None,
            https: None,
            media_port: 0,
            sip: None,
            sip_tcp: None,
            directory,
        };
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let Some(places) = line.strip_prefix("listening ") else {
                continue;
            };
            for place in places.split_whitespace() {
                match place.split_once('=') {
                    Some(("http", address)) => {
                        server.url = format!("ws://{address}");
                        server.http = Some(address.parse()?);
                    }
                    Some(("https", address)) => server.https = Some(address.parse()?),
                    Some(("media", port)) => server.media_port = port.parse()?,
                    Some(("sip-udp", address)) => server.sip = Some(address.parse()?),
                    Some(("sip-tcp", address)) => server.sip_tcp = Some(address.parse()?),
                    _ => {}
                }
            }
            break;
        }
        if server.url.is_empty() || server.media_port == 0 {
            let log = fs::read_to_string(server.directory.path().join("log"))?;
            bail!("the server did not say where it listens; it said:\n{log}");
        }
        Ok(server)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where browsers reach it.
    pub(crate) fn http(&self) -> Result<SocketAddr> {
        self.http.context("the server has no port for HTTP")
    }

    /// The same over TLS.
    pub(crate) fn https(&self) -> Result<SocketAddr> {
        self.https
            .context("the server has no port for HTTP over TLS")
    }

    /// What it proves itself by there, in PEM form.
    pub(crate) fn certificate(&self) -> PathBuf {
        self.directory.path().join("data/https-certificate.pem")
    }

    /// Where telephones reach it.
    pub(crate) fn sip(&self) -> Result<SocketAddr> {
        self.sip.context("the server has no port for SIP over UDP")
    }

    /// The same over TCP.
    pub(crate) fn sip_tcp(&self) -> Result<SocketAddr> {
        self.sip_tcp
            .context("the server has no port for SIP over TCP")
    }

    /// Its configuration file.
    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join("config.toml")
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Waits until the server is idle, so that what it did before is not counted.
    pub(crate) fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut last = self.process().cpu().unwrap_or_default();
        while Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(250));
            let now = self.process().cpu().unwrap_or_default();
            if now - last < Duration::from_millis(3) {
                return;
            }
            last = now;
        }
    }

    /// Waits until nobody is signed in any more.
    pub(crate) fn empty_again(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.counts()?.users > 0 {
            if Instant::now() >= deadline {
                bail!("somebody is still signed in");
            }
            std::thread::sleep(Duration::from_millis(250));
        }
        self.settle();
        Ok(())
    }

    /// What the server itself counts, summed over its media workers.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let output = Command::new(env!("CARGO_BIN_EXE_callbox"))
            .args(["status", "--json", "--config"])
            .arg(self.config())
            .output()
            .context("callbox status does not start")?;
        let answer: serde_json::Value =
            serde_json::from_slice(&output.stdout).context("callbox status says nothing")?;
        let workers = answer["media_workers"].as_array();
        let sum = |name: &str| -> u64 {
            let workers = workers.into_iter().flatten();
            workers.filter_map(|worker| worker[name].as_u64()).sum()
        };
        Ok(Counts {
            received: sum("datagrams_received"),
            sent: sum("datagrams_sent"),
            kernel_drops: self.kernel_drops()?,
            internal_drops: sum("internal_drops") + sum("reports_dropped"),
            send_failures: sum("send_failures"),
            users: answer["users"].as_u64().unwrap_or_default(),
            established: answer["established"].as_u64().unwrap_or_default(),
        })
    }

    /// What it wrote to its log so far: warnings and errors.
    pub(crate) fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.directory.path().join("log"))?)
    }

    /// Datagrams that the kernel dropped at the media port.
    fn kernel_drops(&self) -> Result<u64> {
        let port = format!(":{:04X}", self.media_port);
        let mut drops = 0;
        for table in ["/proc/net/udp", "/proc/net/udp6"] {
            for row in fs::read_to_string(table)
                .unwrap_or_default()
                .lines()
                .skip(1)
            {
                let columns: Vec<&str> = row.split_whitespace().collect();
                if columns.get(1).is_some_and(|local| local.ends_with(&port)) {
                    drops += columns.last().map_or(Ok(0), |it| it.parse::<u64>())?;
                }
            }
        }
        Ok(drops)
    }

    /// Asks it to end, as an operator would.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into()?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM)?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                if !status.success() {
                    bail!("the server ended with {status}");
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        bail!("the server did not end within {PATIENCE:?}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const CONFIG: &str = r#"
data_dir = "data"
[http]
listen = "127.0.0.1:0"
[https]
listen = "127.0.0.1:0"
[sip]
udp = "127.0.0.1:0"
tcp = "127.0.0.1:0"
tls = []
[media]
port = 0
addresses = ["127.0.0.1"]
[limits]
sessions = 20000
messages_per_second = 1000
calls_per_second = 1000
[log]
level = "warn"
"#;

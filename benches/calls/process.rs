//! Processes, and what the kernel says of them.

use std::fs;
use std::io::{BufRead, BufReader};
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

/// The server on ports of its own, with data that goes when it goes.
pub(crate) struct Server {
    child: Child,
    url: String,
    media_port: u16,
    directory: tempfile::TempDir,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("config.toml");
        fs::write(&config, CONFIG)?;
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
            media_port: 0,
            directory,
        };
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            let Some(places) = line.strip_prefix("listening ") else {
                continue;
            };
            for place in places.split_whitespace() {
                match place.split_once('=') {
                    Some(("http", address)) => server.url = format!("ws://{address}"),
                    Some(("media", port)) => server.media_port = port.parse()?,
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

    /// Datagrams that the kernel dropped at the media port.
    pub(crate) fn kernel_drops(&self) -> Result<u64> {
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
listen = []
[sip]
udp = []
tcp = []
tls = []
[media]
port = 0
addresses = ["127.0.0.1"]
[limits]
sessions = 4000
messages_per_second = 1000
[log]
level = "warn"
"#;

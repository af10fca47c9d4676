//! The running server, as other commands find it: it leaves a note in `data_dir`, and answers
//! on its own API.
#![allow(
    clippy::disallowed_types,
    reason = "a command asks and ends: no driver, no task"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};

use crate::net::Bound;

const NOTE: &str = "server.json";

/// An answer of the API is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a server listens.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) pid: u32,
    pub(super) http: Vec<SocketAddr>,
    pub(super) https: Vec<SocketAddr>,
    pub(super) media: Vec<u16>,
    #[serde(default)]
    pub(super) media_tcp: Vec<u16>,
}

/// The note of this process; gone when it is dropped.
pub(super) struct Posted(PathBuf);

impl Note {
    pub(super) fn of(bound: &Bound) -> Self {
        Self {
            pid: std::process::id(),
            http: bound.http.clone(),
            https: bound.https.clone(),
            media: bound.media_ports.clone(),
            media_tcp: bound.media_tcp_ports.clone(),
        }
    }

    pub(super) fn post(&self, data_dir: &Path) -> anyhow::Result<Posted> {
        let path = data_dir.join(NOTE);
        let beside = data_dir.join(format!("{NOTE}.{}.new", self.pid));
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&beside)
            .with_context(|| format!("cannot write {}", beside.display()))?;
        file.write_all(serde_json::to_string(self)?.as_bytes())?;
        fs::rename(&beside, &path).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Posted(path))
    }

    /// The note of the server that keeps its state there.
    fn read(data_dir: &Path) -> anyhow::Result<Self> {
        let absent = || anyhow!("no server is running on {}", data_dir.display());
        let text = fs::read_to_string(data_dir.join(NOTE)).map_err(|_| absent())?;
        serde_json::from_str(&text).map_err(|_| absent())
    }
}

impl Drop for Posted {
    fn drop(&mut self) {
        // Gone is what it should be.
        let _ = fs::remove_file(&self.0);
    }
}

/// Asks the API of the running server: the status and the body.
pub(super) fn ask(data_dir: &Path, method: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let note = Note::read(data_dir)?;
    let Some(address) = note
        .http
        .iter()
        .map(|address| reachable(*address))
        .find(is_local)
    else {
        bail!("the server cannot be asked: http.listen has no address on this machine's loopback");
    };
    let absent = || format!("no server answers on {address}; its note in data_dir is old");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(absent)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} /api/v1{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).with_context(absent)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").with_context(absent)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|code| code.parse().ok())
        .with_context(absent)?;
    Ok((status, body.to_owned()))
}

/// What came of the order to read the configuration again.
pub(super) enum Reloaded {
    /// It was taken over but for these keys.
    Done(Vec<String>),
    /// The old one stays: why.
    Refused(String),
}

/// Has the running server read its configuration again.
pub(super) fn reload(data_dir: &Path) -> anyhow::Result<Reloaded> {
    #[derive(Deserialize)]
    struct Answer {
        needs_restart: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Fault {
        error: String,
    }
    let (status, body) = ask(data_dir, "POST", "/reload")?;
    if status == 200 {
        let answer: Answer = serde_json::from_str(&body)?;
        return Ok(Reloaded::Done(answer.needs_restart));
    }
    let fault: Option<Fault> = serde_json::from_str(&body).ok();
    let sentence = fault.map_or_else(|| body.trim().to_owned(), |fault| fault.error);
    Ok(Reloaded::Refused(sentence))
}

/// Has a server that runs on this configuration take a change of it over, and says whether it has.
pub(super) fn tell(data_dir: &Path) {
    let Ok(note) = Note::read(data_dir) else {
        // None runs: it reads the file when it starts.
        return;
    };
    match reload(data_dir) {
        Ok(Reloaded::Done(needs_restart)) => say_taken_over(&needs_restart),
        Ok(Reloaded::Refused(sentence)) => {
            eprintln!("The running server did not take it over: {sentence}");
        }
        Err(error) => eprintln!(
            "No server took it over: {error:#}. If one runs, `kill -HUP {}` tells it.",
            note.pid
        ),
    }
}

/// Says that the server has taken the configuration over, and what of it needs a restart.
pub(super) fn say_taken_over(needs_restart: &[String]) {
    println!("The running server has taken it over.");
    if !needs_restart.is_empty() {
        println!("Needs a restart: {}", needs_restart.join(", "));
    }
}

/// A listener on all addresses is reached on loopback.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn is_local(address: &SocketAddr) -> bool {
    address.ip().is_loopback()
}

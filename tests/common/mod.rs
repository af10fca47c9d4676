//! The real binary for integration tests: on free ports, with a configuration and a data
//! directory of its own; and clients that speak to it as browsers do.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(unreachable_pub, reason = "a module of several programs")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by them"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a real program is watched"
)]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

pub mod page;
pub mod phone;

/// Nothing here takes longer on a machine that works.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What the tests need of a configuration, beside what a test adds.
const PORTS: &str = "sip = { udp = \"127.0.0.1:0\", tcp = \"127.0.0.1:0\", tls = \"127.0.0.1:0\" }\n\
     [http]\nlisten = \"127.0.0.1:0\"\n[https]\nlisten = \"127.0.0.1:0\"\n[media]\nport = 0\n";

/// A directory with a configuration.
pub struct Place {
    pub directory: tempfile::TempDir,
}

/// A running server.
pub struct Server {
    pub place: Place,
    pub http: SocketAddr,
    pub https: SocketAddr,
    process: Child,
    log: Receiver<String>,
    seen: Vec<String>,
}

impl Place {
    /// With free ports. `change` gets the text of the configuration.
    pub fn new(change: impl FnOnce(String) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = change(PORTS.to_owned());
        std::fs::write(directory.path().join("config.toml"), text).unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn config(&self) -> PathBuf {
        self.path().join("config.toml")
    }

    /// Another command on the same configuration, with something to read.
    pub fn command(&self, arguments: &[&str], input: &str) -> Output {
        let mut child = self.program(arguments).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        match stdin.write_all(input.as_bytes()) {
            // It had read enough and ended.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
            written => written.unwrap(),
        }
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callbox"));
        command.args(arguments).arg("--config").arg(self.config());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.env_remove("CALLBOX_LOG");
        command
    }
}

/// Both outputs of a command.
pub fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

impl Server {
    pub fn start() -> Self {
        Self::start_with(|text| text)
    }

    pub fn start_with(change: impl FnOnce(String) -> String) -> Self {
        Self::start_at(Place::new(change))
    }

    pub fn start_at(place: Place) -> Self {
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        let (process, log) = Self::launch(&place);
        let mut server = Self {
            place,
            http: nowhere,
            https: nowhere,
            process,
            log,
            seen: Vec::new(),
        };
        server.read_addresses();
        server
    }

    /// Starts it again where it ended, with what it left behind.
    pub fn start_again(&mut self) {
        (self.process, self.log) = Self::launch(&self.place);
        self.seen.clear();
        self.read_addresses();
    }

    fn launch(place: &Place) -> (Child, Receiver<String>) {
        let mut process = place.program(&["serve"]).spawn().unwrap();
        let (lines, log) = channel();
        for stream in [
            Box::new(process.stdout.take().unwrap()) as Box<dyn Read + Send>,
            Box::new(process.stderr.take().unwrap()),
        ] {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if lines.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        (process, log)
    }

    fn read_addresses(&mut self) {
        let line = self.wait_for_line("listening http=");
        let field = |name: &str| {
            let start = line.split(&format!("{name}=")).nth(1).unwrap();
            start.split([' ', ',']).next().unwrap().parse().unwrap()
        };
        (self.http, self.https) = (field("http"), field("https"));
    }

    /// Where it listens for SIP over this: `udp`, `tcp` or `tls`.
    pub fn sip(&mut self, transport: &str) -> SocketAddr {
        let line = self.wait_for_line("listening http=");
        let addresses = line.split(&format!("sip-{transport}=")).nth(1).unwrap();
        addresses.split([' ', ',']).next().unwrap().parse().unwrap()
    }

    /// Waits until a line with this text was written, by now or from now on.
    pub fn wait_for_line(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        if let Some(line) = self.seen.iter().find(|line| line.contains(text)) {
            return line.clone();
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.log.recv_timeout(left).unwrap_or_else(|_| {
                panic!(
                    "the server never wrote {text:?}, but:\n{}",
                    self.seen.join("\n")
                )
            });
            self.seen.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Everything written so far.
    pub fn log(&mut self) -> String {
        self.seen.extend(self.log.try_iter());
        self.seen.join("\n")
    }

    /// Memory that it has in use, KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        kib.and_then(|kib| kib.parse().ok()).expect("a size")
    }

    /// Waits until that is so; how much it is then, KiB.
    pub fn wait_for_memory(&self, is_so: impl Fn(u64) -> bool) -> u64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let resident = self.resident_kib();
            if is_so(resident) {
                return resident;
            }
            assert!(Instant::now() < deadline, "{resident} KiB for all");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.process.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Waits for its end and gives the exit code.
    pub fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the server did not end:\n{}", self.log());
    }

    /// SIGTERM, and the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait()
    }

    /// A raw HTTP request; the whole answer.
    pub fn request(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
        let mut stream = TcpStream::connect(self.http).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = self.http.to_string();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("host"))
        {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

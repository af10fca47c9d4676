//! rtpengine of the system, in user space, told by its own protocol what to relay.

use std::cell::Cell;
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::peer::Peer;
use super::process::Process;
use super::sdp::{self, Audio};
use super::signalling::{credentials, offer};

const CONTROL: &str = "127.0.0.1:22222";
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Rtpengine {
    child: Child,
    control: UdpSocket,
    /// Each command has a number, which its answer repeats.
    commands: Cell<u32>,
}

impl Rtpengine {
    pub(crate) fn start() -> Result<Self> {
        let child = Command::new("rtpengine")
            .args(["--foreground", "--table=-1", "--interface=127.0.0.1"])
            .args(["--port-min=30000", "--port-max=39999", "--log-level=3"])
            .args(["--log-stderr", &format!("--listen-ng={CONTROL}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("rtpengine does not start: apt-get install rtpengine-daemon")?;
        let control = UdpSocket::bind("127.0.0.1:0")?;
        control.connect(CONTROL)?;
        control.set_read_timeout(Some(PATIENCE))?;
        let commands = Cell::new(0);
        let mut started = Self {
            child,
            control,
            commands,
        };
        started.wait_until_it_listens()?;
        Ok(started)
    }

    fn wait_until_it_listens(&mut self) -> Result<()> {
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(100));
            if let Some(status) = self.child.try_wait()? {
                bail!("rtpengine ended with {status}");
            }
            // Until it listens, the kernel refuses.
            if self.ask(&[("command", "ping")]).is_ok() {
                return Ok(());
            }
        }
        bail!("rtpengine does not answer on {CONTROL}")
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Lets two telephones hear each other.
    pub(crate) fn connect(&self, index: usize, caller: &Peer, callee: &Peer) -> Result<()> {
        let to_callee = self.offer(index, &sdp::phone(caller.address()?, Audio::Pcmu), &[])?;
        let to_caller = self.answer(index, &sdp::phone(callee.address()?, Audio::Pcmu), &[])?;
        callee.aim_at(sdp::media_of(&to_callee)?)?;
        caller.aim_at(sdp::media_of(&to_caller)?)
    }

    /// Lets a browser and a telephone hear each other.
    pub(crate) fn connect_browser(
        &self,
        index: usize,
        caller: &mut Peer,
        callee: &Peer,
    ) -> Result<()> {
        let ice = credentials(index);
        let to_phone = [("ICE", "remove"), ("transport-protocol", "RTP/AVP")];
        let to_callee = self.offer(index, &offer(caller, &ice), &to_phone)?;
        // It would begin DTLS itself, but so does our browser.
        let to_browser = [("DTLS", "passive")];
        let answer = sdp::phone(callee.address()?, Audio::Pcmu);
        let to_caller = self.answer(index, &answer, &to_browser)?;
        callee.aim_at(sdp::media_of(&to_callee)?)?;
        let (ice, address) = sdp::remote(&to_caller)?;
        caller.start(&ice, address)
    }

    fn offer(&self, index: usize, sdp: &str, more: &[(&str, &str)]) -> Result<String> {
        self.describe(index, "offer", sdp, more)
    }

    fn answer(&self, index: usize, sdp: &str, more: &[(&str, &str)]) -> Result<String> {
        let more = [&[("to-tag", "callee")], more].concat();
        self.describe(index, "answer", sdp, &more)
    }

    fn describe(
        &self,
        index: usize,
        command: &str,
        sdp: &str,
        more: &[(&str, &str)],
    ) -> Result<String> {
        let call = format!("call-{index}");
        let mut fields = vec![("call-id", call.as_str()), ("command", command)];
        fields.extend([("from-tag", "caller"), ("sdp", sdp)]);
        fields.extend(more);
        let answer = self.ask(&fields)?;
        string_of(&answer, "sdp").with_context(|| format!("rtpengine says to {command}: {answer}"))
    }

    /// A command, bencoded.
    fn ask(&self, fields: &[(&str, &str)]) -> Result<String> {
        let number = self.commands.get() + 1;
        self.commands.set(number);
        let mut text = format!("{number} d");
        for (name, value) in fields {
            text.push_str(&format!("{}:{name}{}:{value}", name.len(), value.len()));
        }
        text.push('e');
        self.control.send(text.as_bytes())?;
        let mut buffer = [0; 65_536];
        loop {
            let len = self.control.recv(&mut buffer)?;
            let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if let Some(answer) = text.strip_prefix(&format!("{number} ")) {
                return Ok(answer.to_owned());
            }
        }
    }

    pub(crate) fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Rtpengine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The string of a name in a bencoded dictionary.
fn string_of(answer: &str, name: &str) -> Option<String> {
    let (_, rest) = answer.split_once(&format!("{}:{name}", name.len()))?;
    let (len, rest) = rest.split_once(':')?;
    rest.get(..len.parse().ok()?).map(str::to_owned)
}

//! Telephones with SIP over UDP, guests of the server, with RTP and nothing else.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use media::ids::IceCredentials;

use super::peer::Peer;
use super::sdp::{self, Audio};

const PATIENCE: Duration = Duration::from_secs(5);

/// One telephone: what it signals by.
pub(crate) struct Phone {
    name: String,
    socket: UdpSocket,
    /// The answer to its call, if it called.
    ok: Option<String>,
}

/// Calls between telephones; their sockets stay open as long as this lives.
#[derive(Default)]
pub(crate) struct Phones(Vec<Phone>);

/// Two telephones of a call.
pub(crate) fn pair_of_phones(index: usize) -> Result<(Peer, Peer)> {
    let none = IceCredentials {
        ufrag: "none".into(),
        pwd: "none".into(),
    };
    Ok((
        Peer::phone(&none, 2 * index)?,
        Peer::phone(&none, 2 * index + 1)?,
    ))
}

impl Phones {
    /// Two new telephones: the first calls the second, who answers. Their media is aimed at the
    /// server.
    pub(crate) fn connect(
        &mut self,
        server: SocketAddr,
        index: usize,
        caller_media: &Peer,
        callee_media: &Peer,
    ) -> Result<()> {
        let offer = sdp::phone(caller_media.address()?, Audio::Pcmu);
        let answer = sdp::phone(callee_media.address()?, Audio::Pcmu);
        let (to_caller, to_callee) = self.call(server, index, &offer, &answer)?;
        caller_media.aim_at(to_caller)?;
        callee_media.aim_at(to_callee)
    }

    /// Two new telephones: the first calls the second with this offer, who gives this answer. Where
    /// each of them is to send its media.
    pub(crate) fn call(
        &mut self,
        server: SocketAddr,
        index: usize,
        offer: &str,
        answer: &str,
    ) -> Result<(SocketAddr, SocketAddr)> {
        let mut caller = Phone::new(server, format!("phone{}", 2 * index))?;
        let mut callee = Phone::new(server, format!("phone{}", 2 * index + 1))?;
        callee.register()?;
        caller.send(&caller.invite(&callee.name, offer)?)?;
        let invite = callee.receive("INVITE");
        // Where it was not passed on, the caller was told why.
        let invite = invite.map_err(|error| match caller.receive("INVITE") {
            Err(instead) => error.context(instead),
            Ok(_) => error,
        })?;
        callee.send(&callee.ok(&invite, answer)?)?;
        let ok = caller.receive("SIP/2.0 200")?;
        caller.send(&caller.ack(&callee.name, &ok)?)?;
        callee.receive("ACK")?;
        let ends = (sdp::media_of(&ok)?, sdp::media_of(&invite)?);
        caller.ok = Some(ok);
        self.0.extend([caller, callee]);
        Ok(ends)
    }

    /// All who called hang up.
    pub(crate) fn hang_up(&mut self) -> Result<()> {
        for pair in self.0.chunks_exact(2) {
            let [caller, callee] = pair else { continue };
            let ok = caller.ok.as_deref().context("nobody answered")?;
            caller.send(&caller.bye(&callee.name, ok)?)?;
            caller.receive("SIP/2.0 200")?;
            let bye = callee.receive("BYE")?;
            callee.send(&format!(
                "{}Content-Length: 0\r\n\r\n",
                callee.accept(&bye, "")?
            ))?;
        }
        Ok(())
    }
}

impl Phones {
    /// A new telephone that can be called, and its name.
    pub(crate) fn register(&mut self, server: SocketAddr, index: usize) -> Result<&str> {
        let mut phone = Phone::new(server, format!("phone{index}"))?;
        phone.register()?;
        self.0.push(phone);
        Ok(self.0.last().map_or("", |phone| &phone.name))
    }

    /// A telephone that is called answers. Its media is aimed at the server.
    pub(crate) fn answer(&mut self, index: usize, media: &Peer) -> Result<()> {
        let phone = self.0.get(index).context("there is no such telephone")?;
        let invite = phone.receive("INVITE")?;
        let answer = sdp::phone(media.address()?, Audio::Pcmu);
        phone.send(&phone.ok(&invite, &answer)?)?;
        phone.receive("ACK")?;
        media.aim_at(sdp::media_of(&invite)?)
    }
}

impl Phone {
    fn new(server: SocketAddr, name: String) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(server)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            name,
            socket,
            ok: None,
        })
    }

    fn contact(&self) -> Result<String> {
        Ok(format!("<sip:{}@{}>", self.name, self.socket.local_addr()?))
    }

    /// What every request of ours begins with, up to its Content headers.
    fn head(
        &self,
        method: &str,
        uri: &str,
        to: &str,
        (cseq, branch): (u32, &str),
    ) -> Result<String> {
        let Self { name, socket, .. } = self;
        let local = socket.local_addr()?;
        let contact = self.contact()?;
        Ok(format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch}{name}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:{name}@localhost>;tag={name}\r\nTo: {to}\r\n\
             Call-ID: {name}\r\nCSeq: {cseq} {method}\r\nContact: {contact}\r\n"
        ))
    }

    fn register(&mut self) -> Result<()> {
        let to = format!("<sip:{}@localhost>", self.name);
        let head = self.head("REGISTER", "sip:localhost", &to, (1, "r"))?;
        self.send(&format!("{head}Expires: 3600\r\nContent-Length: 0\r\n\r\n"))?;
        self.receive("SIP/2.0 200").map(drop)
    }

    fn invite(&self, callee: &str, offer: &str) -> Result<String> {
        let uri = format!("sip:{callee}@localhost");
        let head = self.head("INVITE", &uri, &format!("<{uri}>"), (1, "i"))?;
        Ok(with_body(&head, offer))
    }

    fn ack(&self, callee: &str, ok: &str) -> Result<String> {
        let head = self.head("ACK", contact_of(callee, ok)?, header(ok, "To")?, (1, "a"))?;
        Ok(format!("{head}Content-Length: 0\r\n\r\n"))
    }

    fn bye(&self, callee: &str, ok: &str) -> Result<String> {
        let head = self.head("BYE", contact_of(callee, ok)?, header(ok, "To")?, (2, "b"))?;
        Ok(format!("{head}Content-Length: 0\r\n\r\n"))
    }

    fn ok(&self, invite: &str, answer: &str) -> Result<String> {
        let contact = self.contact()?;
        let tag = format!(";tag={}", self.name);
        let head = format!("{}Contact: {contact}\r\n", self.accept(invite, &tag)?);
        Ok(with_body(&head, answer))
    }

    /// The answer to a request, up to its Content headers.
    fn accept(&self, request: &str, tag: &str) -> Result<String> {
        let mut head = String::from("SIP/2.0 200 OK\r\n");
        for name in ["Via", "From", "Call-ID", "CSeq"] {
            head.push_str(&format!("{name}: {}\r\n", header(request, name)?));
        }
        head.push_str(&format!("To: {}{tag}\r\n", header(request, "To")?));
        Ok(head)
    }

    fn send(&self, message: &str) -> Result<()> {
        self.socket.send(message.as_bytes())?;
        Ok(())
    }

    /// The next message that begins so; what only tells of progress is passed over.
    fn receive(&self, start: &str) -> Result<String> {
        let mut buffer = [0; 65_536];
        loop {
            let len = self.socket.recv(&mut buffer);
            let len = len.with_context(|| format!("{}: no {start} came", self.name))?;
            let message = String::from_utf8_lossy(&buffer[..len]).into_owned();
            if message.starts_with(start) {
                return Ok(message);
            }
            // Keep-alives are asked for by OPTIONS.
            if !message.starts_with("SIP/2.0 1") && !message.starts_with("OPTIONS") {
                bail!("{}: instead of {start} came\n{message}", self.name);
            }
        }
    }
}

/// The URI that a response's Contact names.
fn contact_of<'a>(callee: &str, ok: &'a str) -> Result<&'a str> {
    let contact = header(ok, "Contact")?;
    let uri = contact.split(['<', '>']).nth(1);
    uri.with_context(|| format!("{callee}'s Contact is odd: {contact}"))
}

fn with_body(head: &str, sdp: &str) -> String {
    let len = sdp.len();
    format!("{head}Content-Type: application/sdp\r\nContent-Length: {len}\r\n\r\n{sdp}")
}

/// The value of a header, written as the server writes it.
fn header<'a>(message: &'a str, name: &str) -> Result<&'a str> {
    let value = message.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    });
    value.with_context(|| format!("no {name} in\n{message}"))
}

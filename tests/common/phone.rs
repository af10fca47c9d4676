//! A telephone over UDP: it registers, and hears what is sent to it.

use std::net::{SocketAddr, UdpSocket};

use rand::SeedableRng;
use rand::rngs::StdRng;
use sip::digest::{self, Client, ClientPolicy, Hash, Identity, Role, Secret};
use sip::message::{HeaderName, Limits, Message, Request, Response};
use sip::uri::Host;

use super::PATIENCE;

/// One telephone.
pub struct Phone {
    socket: UdpSocket,
    server: SocketAddr,
    user: String,
    domain: String,
    /// Of its Contact.
    params: &'static str,
    cseq: u32,
}

impl Phone {
    /// It belongs to `user@domain` and speaks with a server.
    pub fn new(server: SocketAddr, user: &str, domain: &str) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self {
            socket,
            server,
            user: user.to_owned(),
            domain: domain.to_owned(),
            params: "",
            cseq: 0,
        }
    }

    /// Registers for 600 s as a guest; the answer.
    pub fn register(&mut self) -> Response {
        self.ask("")
    }

    /// The same with an instance; its temporary GRUU.
    pub fn register_for_gruu(&mut self) -> String {
        self.params = ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000000000001>\"";
        let ok = self.ask("Supported: gruu\r\n");
        let contact = ok.headers().text(HeaderName::Contact).expect("a contact");
        let (_, gruu) = contact.split_once("temp-gruu=\"").expect("a GRUU");
        gruu.split('"').next().unwrap().to_owned()
    }

    /// Registers with a password; the answer to the second request.
    pub fn register_with(&mut self, password: &str) -> Response {
        let challenge = self.ask("");
        assert_eq!(challenge.status().code(), 401);
        let credentials = self.credentials(&challenge, password);
        self.ask(&credentials)
    }

    /// Calls somebody of its domain.
    pub fn call(&self, callee: &str) {
        self.call_uri(&format!("sip:{callee}@{}", self.domain));
    }

    /// Calls somebody by his address.
    pub fn call_uri(&self, uri: &str) {
        let (user, domain) = (&self.user, &self.domain);
        let own = self.socket.local_addr().unwrap();
        let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
                   m=audio 5004 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
        let request = format!(
            "INVITE {uri} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK-call-{};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{domain}>;tag=of-{user}\r\n\
             To: <{uri}>\r\n\
             Call-ID: call-of-{own}\r\n\
             CSeq: 1 INVITE\r\n\
             Contact: <sip:{user}@{own}>\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            own.port(),
            sdp.len()
        );
        self.socket
            .send_to(request.as_bytes(), self.server)
            .unwrap();
    }

    fn ask(&mut self, headers: &str) -> Response {
        self.cseq += 1;
        let (user, domain, cseq) = (&self.user, &self.domain, self.cseq);
        let params = self.params;
        let own = self.socket.local_addr().unwrap();
        let request = format!(
            "REGISTER sip:{domain} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK-{}-{cseq};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:{user}@{domain}>;tag=of-{user}\r\n\
             To: <sip:{user}@{domain}>\r\n\
             Call-ID: registration-of-{own}\r\n\
             CSeq: {cseq} REGISTER\r\n\
             Contact: <sip:{user}@{own}>{params}\r\n\
             Expires: 600\r\n{headers}Content-Length: 0\r\n\r\n",
            own.port()
        );
        self.socket
            .send_to(request.as_bytes(), self.server)
            .unwrap();
        self.hear().into_response().expect("a response")
    }

    fn credentials(&self, challenge: &Response, password: &str) -> String {
        let domain = Host::parse(&self.domain).unwrap();
        let identity = Identity {
            host: domain.clone(),
            realm: self.domain.as_str().into(),
            username: self.user.as_str().into(),
            secret: Secret::Password(password.into()),
        };
        let policy = ClientPolicy {
            weakest: Hash::Md5,
            without_qop: false,
        };
        let mut client = Client::new(identity, policy).unwrap();
        let values = challenge.headers().values(HeaderName::WwwAuthenticate);
        client
            .handle_challenge(
                Role::Origin,
                &domain,
                None,
                values,
                &mut StdRng::seed_from_u64(7),
            )
            .unwrap();
        let covered = digest::Request {
            method: "REGISTER",
            uri: &format!("sip:{}", self.domain),
            body: b"",
        };
        let sent = client.authorize(Role::Origin, &domain, &covered).unwrap();
        format!("Authorization: {sent}\r\n")
    }

    /// The next request.
    pub fn request(&self) -> Request {
        self.hear().into_request().expect("a request")
    }

    /// The next message.
    fn hear(&self) -> Message {
        let mut datagram = vec![0; 65_536];
        let len = self.socket.recv(&mut datagram).expect("nothing came");
        Message::parse(&datagram[..len], &Limits::default()).unwrap()
    }
}

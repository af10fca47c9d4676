#![allow(
    clippy::disallowed_methods,
    reason = "a test starts virtual time somewhere"
)]

mod client;
mod replay;
mod server;
mod values;
mod vectors;

use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::uri::Host;

const REALM: &str = "example.com";
const TTL: Duration = Duration::from_secs(60);
const REGISTER: Request<'static> = Request {
    method: "REGISTER",
    uri: "sip:example.com",
    body: b"",
};

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn server_policy() -> ServerPolicy {
    ServerPolicy {
        realm: REALM.into(),
        algorithms: vec![Algorithm::MD5, Algorithm::SHA_256, Algorithm::SHA_512_256],
        qops: Qops::AUTH,
        without_qop: false,
        opaque: Some("x7".into()),
        nonce_ttl: TTL,
        nonces_in_use: 100,
    }
}

fn alice_with(policy: ClientPolicy) -> Client {
    let identity = Identity {
        host: host(REALM),
        realm: REALM.into(),
        username: "alice".into(),
        secret: Secret::Password("wonderland".into()),
    };
    Client::new(identity, policy).unwrap()
}

fn alice() -> Client {
    alice_with(ClientPolicy {
        weakest: Hash::Md5,
        without_qop: true,
    })
}

/// The accounts: alice alone.
fn ha1(user: &str, hash: Hash) -> Option<Ha1> {
    (user == "alice").then(|| Ha1::of(hash, "alice", REALM, "wonderland"))
}

fn texts(challenges: &[Challenge]) -> Vec<String> {
    challenges.iter().map(Challenge::to_string).collect()
}

/// A server, a client, and what passes between them.
struct World {
    now: Instant,
    rng: StdRng,
    server: Server,
    client: Client,
}

impl World {
    fn new(policy: ServerPolicy) -> Self {
        let now = Instant::now();
        Self {
            now,
            rng: rng(),
            server: Server::new(policy, &[9; 32], now).unwrap(),
            client: alice(),
        }
    }

    /// The client is challenged and told so.
    fn challenge(&mut self, sent: Option<&Authorization>, stale: bool) -> Result<(), ClientError> {
        let challenges = self
            .server
            .challenges(self.now, &mut self.rng, b"peer", stale);
        let texts = texts(&challenges);
        let values = texts.iter().map(String::as_bytes);
        self.client
            .handle_challenge(Role::Origin, &host(REALM), sent, values, &mut self.rng)
    }

    fn authorize(&mut self, request: &Request<'_>) -> Authorization {
        self.client
            .authorize(Role::Origin, &host(REALM), request)
            .unwrap()
    }

    fn verify(&mut self, request: &Request<'_>, sent: &Authorization) -> Verdict {
        let text = sent.to_string();
        self.verify_text(request, &text)
    }

    fn verify_text(&mut self, request: &Request<'_>, text: &str) -> Verdict {
        self.server
            .verify(self.now, request, b"peer", [text.as_bytes()], ha1)
    }
}

#[track_caller]
fn assert_accepted(verdict: &Verdict) -> &Accepted {
    match verdict {
        Verdict::Accepted(accepted) => accepted,
        other => panic!("not accepted: {other:?}"),
    }
}

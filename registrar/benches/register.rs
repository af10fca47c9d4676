//! What a registration costs: a refreshing REGISTER with digest credentials, read, judged and
//! obeyed, beside many other users. What the network and the transaction cost is not in it.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark stops at what it did not expect, and starts its time now"
)]

use std::net::SocketAddr;
use std::time::Instant;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rand::SeedableRng;
use rand::rngs::StdRng;

use registrar::{Aor, Location, LocationLimits, RegisterPolicy, Registrant};
use sip::digest::{
    self, Algorithm, Client, ClientPolicy, Ha1, Hash, Identity, Qops, Role, Secret, Server,
    ServerPolicy, Verdict,
};
use sip::flow::{FlowId, Transport};
use sip::message::{HeaderName, Limits, Message, Method, RequestBuilder};
use sip::procedure::register::Register;
use sip::uri::{Host, Uri};

const USERS: usize = 10_000;
const DOMAIN: &str = "example.com";
const REGISTRAR: &str = "sip:example.com";
const PEER: &[u8] = b"192.0.2.1";

/// A REGISTER of a user, as it comes over the wire.
fn register(user: usize, cseq: u32, credentials: Option<&digest::Authorization>) -> Vec<u8> {
    let address = format!("<sip:u{user}@{DOMAIN}>");
    let mut builder = RequestBuilder::new(Method::Register, &Uri::parse(REGISTRAR).unwrap())
        .via("UDP", "192.0.2.1:5060", "z9hG4bKa1b2c3")
        .max_forwards(70)
        .value(HeaderName::From, format!("{address};tag=1"))
        .value(HeaderName::To, &address)
        .call_id(format!("call-{user}"))
        .cseq(cseq)
        .value(HeaderName::Contact, format!("<sip:u{user}@192.0.2.1:5060>"))
        .value(HeaderName::Expires, "3600");
    if let Some(credentials) = credentials {
        builder = builder.value(HeaderName::Authorization, credentials.to_string());
    }
    builder.build().unwrap().as_bytes().to_vec()
}

/// The registrar, all of whose users are registered.
struct Registrar {
    location: Location,
    policy: RegisterPolicy,
    realm: Server,
    ha1: Ha1,
}

impl Registrar {
    fn new(now: Instant) -> Self {
        let policy = ServerPolicy {
            realm: DOMAIN.into(),
            algorithms: vec![Algorithm {
                hash: Hash::Md5,
                session: false,
            }],
            qops: Qops {
                auth: true,
                auth_int: false,
            },
            without_qop: false,
            opaque: None,
            nonce_ttl: std::time::Duration::from_secs(3600),
            nonces_in_use: 2 * USERS,
        };
        let mut registrar = Self {
            location: Location::new(LocationLimits {
                bindings: USERS + 1,
                per_aor: 10,
            }),
            policy: RegisterPolicy::default(),
            realm: Server::new(policy, &[7; 32], now).unwrap(),
            ha1: Ha1::of(Hash::Md5, "u0", DOMAIN, "secret"),
        };
        for user in 0..USERS {
            registrar.bind(now, user, &register(user, 1, None));
        }
        registrar
    }

    /// Reads it and obeys it.
    fn bind(&mut self, now: Instant, user: usize, bytes: &[u8]) {
        let message = Message::parse(bytes, &Limits::default()).unwrap();
        let request = message.into_request().unwrap();
        let aor = Aor::new(&format!("u{user}"), &Host::parse(DOMAIN).unwrap()).unwrap();
        let registrant = Registrant {
            aor: &aor,
            user: &aor,
            flow: FlowId(user as u64),
            transport: Transport::Udp,
            source: SocketAddr::from(([192, 0, 2, 1], 5060)),
        };
        let register = Register::read(&request).unwrap();
        self.location
            .register(now, &self.policy, &registrant, &register)
            .unwrap();
    }

    /// Judges its credentials.
    fn verify(&mut self, now: Instant, bytes: &[u8]) -> Verdict {
        let message = Message::parse(bytes, &Limits::default()).unwrap();
        let request = message.into_request().unwrap();
        let values = request.headers().values(HeaderName::Authorization);
        let ha1 = self.ha1;
        self.realm
            .verify(now, &covered(), PEER, values, |_, _| Some(ha1))
    }
}

/// What the credentials of a REGISTER cover.
fn covered() -> digest::Request<'static> {
    digest::Request {
        method: "REGISTER",
        uri: REGISTRAR,
        body: &[],
    }
}

fn benches(criterion: &mut Criterion) {
    let now = Instant::now();
    let mut rng = StdRng::seed_from_u64(1);
    let mut registrar = Registrar::new(now);
    let mut group = criterion.benchmark_group("REGISTER");

    let mut cseq = 1;
    group.bench_function("read and refreshed, among 10,000 users", |bencher| {
        let make = || {
            cseq += 1;
            register(0, cseq, None)
        };
        let refresh = |bytes: Vec<u8>| registrar.bind(now, 0, &bytes);
        bencher.iter_batched(make, refresh, BatchSize::SmallInput);
    });

    group.bench_function("challenged", |bencher| {
        bencher.iter(|| registrar.realm.challenges(now, &mut rng, PEER, false));
    });

    let host = Host::parse(DOMAIN).unwrap();
    let identity = Identity {
        host: host.clone(),
        realm: DOMAIN.into(),
        username: "u0".into(),
        secret: Secret::Password("secret".into()),
    };
    let policy = ClientPolicy {
        weakest: Hash::Md5,
        without_qop: false,
    };
    let mut client = Client::new(identity, policy).unwrap();
    let challenges = registrar.realm.challenges(now, &mut rng, PEER, false);
    let values: Vec<String> = challenges.iter().map(ToString::to_string).collect();
    let values = values.iter().map(String::as_bytes);
    client
        .handle_challenge(Role::Origin, &host, None, values, &mut rng)
        .unwrap();
    group.bench_function("read and its credentials verified", |bencher| {
        // Each counts its nonce on, as a user agent does.
        let make = || {
            let credentials = client.authorize(Role::Origin, &host, &covered());
            register(0, 1, credentials.as_ref())
        };
        let judge = |bytes: Vec<u8>| {
            let verdict = registrar.verify(now, &bytes);
            assert!(matches!(verdict, Verdict::Accepted(_)), "{verdict:?}");
        };
        bencher.iter_batched(make, judge, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(register_benches, benches);
criterion_main!(register_benches);

//! Who sends a request: a user with an account proves it by digest (RFC 3261 22, RFC 8760); a
//! guest is let in as on the page, from where guests may come, under a name that nobody has.

use std::net::IpAddr;

use registrar::{Aor, BindingState};
use sip::digest::{self, Algorithm, Hash, Qops, Refusal, Server, ServerPolicy, Verdict};
use sip::flow::{FlowId, Transport};
use sip::header::{NameAddr, RetryAfter, WriteHeader};
use sip::message::{HeaderName, Rejection, Request, ResponseBuilder, Status};
use sip::transaction::{ServerId, stateless_tag};
use sip::uri::{Host, Uri};
use smol_str::ToSmolStr;

use super::PRODUCT;
use crate::call::admission::admits_guest;
use crate::call::denial::MAX_GUEST_NAME;
use crate::call::io::Output;
use crate::call::people::Party;
use crate::call::switch::Switch;
use crate::call::time::Now;

/// Nonces in use that a realm remembers.
const NONCES_IN_USE: usize = 65_536;

/// How long a nonce may be used.
const NONCE_TTL: std::time::Duration = std::time::Duration::from_secs(300);

/// Somebody who proved who he is, or who may be whom he says.
pub(super) struct Identity {
    pub(super) party: Party,
    pub(super) guest: bool,
}

/// Why a request is not taken.
enum Denied {
    /// It has to prove who it is.
    Challenge {
        stale: bool,
        /// What it proved was wrong, which was counted.
        failed: bool,
    },
    Rejection(Rejection),
}

impl Denied {
    fn elsewhere() -> Self {
        let reason = "the credentials are malformed or for another request";
        Self::Rejection(Rejection::new(Status::BAD_REQUEST, reason))
    }
}

impl Switch {
    /// Who a request comes from that claims to be `claimed` (From, or To of a REGISTER). `None` if
    /// it was answered with a challenge or a refusal.
    pub(super) fn identify_sender(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
        claimed: &NameAddr<'_>,
    ) -> Option<Identity> {
        let aor = self.claimed_aor(claimed);
        let denied = match aor {
            Ok(aor) => match self.prove(now, flow, request, &aor, claimed) {
                Ok(identity) => {
                    self.clear_stranger(flow);
                    self.trust(flow);
                    return Some(identity);
                }
                Err(Denied::Challenge { stale, failed }) => {
                    self.note_stranger(now, flow, Some(&aor));
                    self.challenge(now, server, flow, request, (&aor, stale, failed));
                    return None;
                }
                Err(Denied::Rejection(rejection)) => {
                    self.note_stranger(now, flow, Some(&aor));
                    rejection
                }
            },
            Err(rejection) => {
                self.note_stranger(now, flow, None);
                rejection
            }
        };
        self.turn_stranger_away(now, server, request, &denied);
        None
    }

    pub(super) fn claimed_aor(&self, claimed: &NameAddr<'_>) -> Result<Aor, Rejection> {
        let forbidden = |reason| Rejection::new(Status::FORBIDDEN, reason);
        let uri = claimed
            .uri()
            .map_err(|_| forbidden("the sender's address is malformed"))?;
        let Uri::Sip(uri) = uri else {
            return Err(forbidden("the sender's address is no SIP address"));
        };
        let aor = Aor::from_uri(&uri)
            .map_err(|_| forbidden("the sender's address is not one that is served here"))?;
        let aor = self.at_home(aor);
        match self.domains.contains(aor.domain()) {
            true => Ok(aor),
            false => Err(forbidden("the sender's domain is not served here")),
        }
    }

    fn prove(
        &mut self,
        now: Now,
        flow: FlowId,
        request: &Request,
        aor: &Aor,
        claimed: &NameAddr<'_>,
    ) -> Result<Identity, Denied> {
        let Some(open) = self.sip.flows.get(&flow) else {
            return Err(Denied::Rejection(Rejection::new(
                Status::FORBIDDEN,
                "the connection is gone",
            )));
        };
        let guests = admits_guest(self.guests_of(aor.domain()), &open.ends.peer);
        let address = open.ends.peer.address.ip();
        if self.config.accounts.get(aor).is_none() && guests {
            return self.admit_guest(flow, aor, claimed);
        }
        self.check_failures(now, address, aor)?;
        match self.verify(now, address, request, aor.domain()) {
            Verdict::Accepted(accepted) if !self.covers(&accepted.authorization.uri, request) => {
                Err(Denied::elsewhere())
            }
            Verdict::Accepted(accepted) => {
                let user = Aor::new(accepted.username(), aor.domain());
                // Whoever proved to be one user does not speak for another.
                if user.as_ref() != Ok(aor) {
                    return Err(Denied::Rejection(Rejection::new(
                        Status::FORBIDDEN,
                        "the credentials are those of another user",
                    )));
                }
                self.meet_at(now, address, aor);
                Ok(Identity {
                    party: self.account_party(aor),
                    guest: false,
                })
            }
            Verdict::NoCredentials => Err(Denied::Challenge {
                stale: false,
                failed: false,
            }),
            Verdict::Stale(_) => Err(Denied::Challenge {
                stale: true,
                failed: false,
            }),
            Verdict::Refused(Refusal::Uri | Refusal::Malformed(_)) => Err(Denied::elsewhere()),
            Verdict::Refused(_) => {
                self.note_failure_at(now, address, aor);
                Err(Denied::Challenge {
                    stale: false,
                    failed: true,
                })
            }
        }
    }

    /// Credentials are for this request if they name its domain, by whatever name of it: some
    /// telephones write the address of the server there (RFC 7616 3.4.6 asks for the same place,
    /// not for the same spelling).
    fn covers(&self, covered: &str, request: &Request) -> bool {
        match (Uri::parse(covered), request.uri()) {
            (Ok(Uri::Sip(covered)), Ok(Uri::Sip(requested))) => {
                self.home_of(covered.host()) == self.home_of(requested.host())
            }
            // Compared as a whole by then.
            _ => true,
        }
    }

    /// A guest's name is free, or already his on this flow. Over UDP the flow may have been forgotten,
    /// or the server started anew: then the address is his.
    fn admit_guest(
        &self,
        flow: FlowId,
        aor: &Aor,
        claimed: &NameAddr<'_>,
    ) -> Result<Identity, Denied> {
        let forbidden = |reason| Denied::Rejection(Rejection::new(Status::FORBIDDEN, reason));
        if aor.user().chars().count() > MAX_GUEST_NAME {
            return Err(forbidden("the name is too long for a guest"));
        }
        let source = self.sip.flows.get(&flow).map(|it| it.ends.peer.address);
        let own = self.location.of(aor).any(|binding| match binding.state {
            BindingState::Live { flow: own } => own == flow,
            BindingState::Addressed => binding.contact.as_sip().map(|it| it.source) == source,
            BindingState::Parked { .. } => false,
        });
        let taken = self
            .people
            .devices_of(aor)
            .any(|(_, device)| device.is_here());
        if taken && !own {
            return Err(forbidden("the name is taken by somebody who is here"));
        }
        let display_name = match self.people.user(aor) {
            Some(user) if own => user.display_name.clone(),
            _ => self.free_display_name(claimed.display_name().as_deref(), aor),
        };
        Ok(Identity {
            party: Party {
                user: aor.clone(),
                display_name,
            },
            guest: true,
        })
    }

    fn account_party(&self, aor: &Aor) -> Party {
        let account = self.config.accounts.get(aor);
        let display_name = account.and_then(|account| account.display_name.as_ref());
        Party {
            user: aor.clone(),
            display_name: match display_name {
                Some(name) => name.to_string(),
                None => aor.user().to_owned(),
            },
        }
    }

    fn check_failures(&mut self, now: Now, address: IpAddr, aor: &Aor) -> Result<(), Denied> {
        let Some(wait) = self.blocked_at(now, address, aor) else {
            return Ok(());
        };
        let mut value = Vec::new();
        let delta_s = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1);
        RetryAfter { delta_s }.write(&mut value);
        let rejection = Rejection::new(Status::FORBIDDEN, "too many failed attempts").with(
            HeaderName::RetryAfter,
            String::from_utf8_lossy(&value).into_owned(),
        );
        Err(Denied::Rejection(rejection))
    }

    fn verify(&mut self, now: Now, address: IpAddr, request: &Request, domain: &Host) -> Verdict {
        let (accounts, hashes) = (&self.config.accounts, &self.config.digests);
        let secret = &self.sip.nonce_secret;
        let (Some(realm), Ok(uri)) = (
            realm(&mut self.sip.realms, secret, hashes, now, domain),
            std::str::from_utf8(request.raw_uri()),
        ) else {
            return Verdict::NoCredentials;
        };
        let covered = digest::Request {
            method: request.method().as_str(),
            uri,
            body: request.body(),
        };
        let values = request.headers().values(HeaderName::Authorization);
        realm.verify(
            now.mono,
            &covered,
            address.to_string().as_bytes(),
            values,
            |user, hash| {
                let aor = Aor::new(user, domain).ok()?;
                accounts.get(&aor)?.credentials.ha1(hash)
            },
        )
    }

    fn challenge(
        &mut self,
        now: Now,
        server: ServerId,
        flow: FlowId,
        request: &Request,
        (aor, stale, failed): (&Aor, bool, bool),
    ) {
        let Some(open) = self.sip.flows.get(&flow) else {
            return;
        };
        let peer = open.ends.peer.address.ip().to_string();
        let (secret, hashes) = (&self.sip.nonce_secret, &self.config.digests);
        let Some(realm) = realm(&mut self.sip.realms, secret, hashes, now, aor.domain()) else {
            return;
        };
        let challenges = realm.challenges(now.mono, self.pool.rng(), peer.as_bytes(), stale);
        let mut builder = ResponseBuilder::new(request, Status::UNAUTHORIZED);
        // Stacks in browsers read the first challenge only, and know MD5 only.
        let browser = matches!(open.ends.transport, Transport::Ws | Transport::Wss);
        let md5_alone = browser && hashes.contains(&Hash::Md5);
        let known = |it: &digest::Challenge| !md5_alone || it.algorithm.hash == Hash::Md5;
        for challenge in challenges.into_iter().filter(known) {
            builder = builder.value(HeaderName::WwwAuthenticate, challenge.to_string());
        }
        // One that failed is remembered for a while: when it comes again it is no other attempt.
        if failed {
            return self.respond(now, server, builder);
        }
        let tag = stateless_tag(request);
        let builder = builder.to_tag(&tag).value(HeaderName::Server, PRODUCT);
        match builder.build() {
            Ok(response) => {
                let transactions = &mut self.sip.transactions;
                transactions.respond_statelessly(now.mono, server, &response);
            }
            Err(error) => tracing::error!(%error, "a challenge of ours cannot be written"),
        }
    }

    /// Somebody has proved who he is on this flow.
    fn trust(&mut self, flow: FlowId) {
        if let Some(open) = self.sip.flows.get_mut(&flow)
            && !open.trusted
        {
            open.trusted = true;
            self.outputs.push(Output::Trust {
                flow,
                trusted: true,
            });
        }
    }
}

/// The realm of a domain that is served here; made when it is first asked for.
fn realm<'a>(
    realms: &'a mut std::collections::BTreeMap<Host, Server>,
    secret: &[u8; 32],
    hashes: &[Hash],
    now: Now,
    domain: &Host,
) -> Option<&'a mut Server> {
    if !realms.contains_key(domain) {
        let policy = ServerPolicy {
            realm: domain.to_smolstr(),
            algorithms: hashes
                .iter()
                .map(|hash| Algorithm {
                    hash: *hash,
                    session: false,
                })
                .collect(),
            // Telephones that know no `auth-int` are about that stumble over the word.
            qops: Qops::AUTH,
            // RFC 7616 3.4: "This parameter MUST be used by all implementations". Without it no count
            // binds the credentials, and whoever sits between could take it away.
            without_qop: false,
            opaque: None,
            nonce_ttl: NONCE_TTL,
            nonces_in_use: NONCES_IN_USE,
        };
        let server = Server::new(policy, secret, now.mono).ok()?;
        realms.insert(domain.clone(), server);
    }
    realms.get_mut(domain)
}

//! From what was dialled to who is called.

use registrar::{Aor, Dialled, Domains};
use sip::uri::{Host, Uri};

use super::config::{GuestPolicy, SwitchConfig};
use super::end::EndReason;
use super::people::{DeviceId, Party};
use super::switch::Switch;
use super::time::Now;

/// The domains served here: that of bare names, those of accounts, and those that are named, each
/// with its other names.
pub(super) fn domains(config: &SwitchConfig) -> Domains {
    let registrar = &config.registrar;
    let mut domains = Domains::default();
    let of_accounts = config.accounts.iter().map(|account| account.aor.domain());
    for domain in of_accounts.chain([&config.domain]) {
        if !domains.contains(domain) {
            domains.serve(domain.clone(), registrar.policy.clone());
        }
    }
    for (name, domain) in &registrar.domains {
        domains.serve(name.clone(), domain.policy.clone());
    }
    for (name, domain) in &registrar.domains {
        for alias in &domain.aliases {
            if let Err(error) = domains.add_alias(alias.clone(), name) {
                tracing::error!("another name of the domain {name} is left out: {error}");
            }
        }
    }
    // What this machine is called is another name of the first domain, unless it is one of another.
    for alias in &config.aliases {
        if !domains.contains(alias) {
            let _ = domains.add_alias(alias.clone(), &config.domain);
        }
    }
    domains
}

impl Switch {
    /// An address of record under the name that is used here for its domain, if that has others.
    pub(super) fn at_home(&self, aor: Aor) -> Aor {
        let home = self.home_of(aor.domain());
        if home == aor.domain() {
            return aor;
        }
        Aor::new(aor.user(), home).unwrap_or(aor)
    }

    /// The name that is used here for a domain.
    pub(super) fn home_of<'a>(&'a self, host: &'a Host) -> &'a Host {
        self.domains.canonical(host).unwrap_or(host)
    }

    /// Who may come to a domain without an account.
    pub(super) fn guests_of(&self, domain: &Host) -> GuestPolicy {
        self.config.guests_of(domain)
    }

    /// Who is meant by what `caller` dialled.
    ///
    /// # Errors
    /// Why nobody can be called by it.
    pub(super) fn resolve(&self, dialled: &str) -> Result<Party, EndReason> {
        let aor = match self.gruu(dialled) {
            Some(gruu) => self.owner_of_gruu(&gruu)?,
            // One that is not ours, or no longer valid: 404 (RFC 5627 5.1).
            None if looks_like_gruu(dialled) => return Err(EndReason::NotKnown),
            None => match Dialled::parse(dialled, &self.config.domain) {
                Ok(Dialled::User { aor, .. }) => self.at_home(aor),
                Ok(Dialled::Number(_)) => return Err(EndReason::NoTrunkForNumber),
                Err(_) => return Err(EndReason::BadNumber),
            },
        };
        if let Some(party) = self.people.party(&aor) {
            return Ok(party);
        }
        if let Some(account) = self.config.accounts.get(&aor) {
            let display_name = match &account.display_name {
                Some(name) => name.to_string(),
                None => aor.user().to_owned(),
            };
            return Ok(Party {
                user: aor,
                display_name,
            });
        }
        if !self.domains.contains(aor.domain()) {
            return Err(EndReason::NoTrunk {
                domain: aor.domain().to_string().into(),
            });
        }
        Err(EndReason::NotKnown)
    }

    /// The devices to ring for somebody, `except` the one that calls.
    ///
    /// # Errors
    /// Why none can be rung.
    pub(super) fn targets(
        &self,
        now: Now,
        callee: &Party,
        except: Option<DeviceId>,
    ) -> Result<Vec<DeviceId>, EndReason> {
        let reachable: Vec<DeviceId> = self
            .location
            .lookup(now.mono, &callee.user)
            .into_iter()
            .filter_map(|target| self.people.by_binding(target.binding))
            .collect();
        let others: Vec<DeviceId> = reachable
            .iter()
            .copied()
            .filter(|device| Some(*device) != except)
            .collect();
        if others.is_empty() {
            let itself = !reachable.is_empty();
            return Err(if itself {
                EndReason::CalledSelf
            } else {
                EndReason::NotSignedIn
            });
        }
        if !self.config.call_waiting
            && let Some(calling_back) = self.busy_with(callee, except)
        {
            return Err(EndReason::Busy { calling_back });
        }
        Ok(others)
    }

    /// Whether somebody is in a call on any device but `except`; then, whether that call is
    /// one to the person on `except` which is still ringing there.
    fn busy_with(&self, callee: &Party, except: Option<DeviceId>) -> Option<bool> {
        let mut legs = self
            .people
            .devices_of(&callee.user)
            .filter(|(id, _)| Some(*id) != except)
            .flat_map(|(_, device)| device.legs.iter())
            .peekable();
        legs.peek()?;
        Some(legs.any(|leg| {
            self.calls.of_leg(*leg).is_some_and(|call| {
                call.talk().is_none()
                    && call
                        .legs
                        .iter()
                        .any(|leg| leg.is_pending() && except.is_some() && leg.device() == except)
            })
        }))
    }
}

/// It has the parameter of a GRUU (RFC 5627 3.1).
fn looks_like_gruu(dialled: &str) -> bool {
    matches!(Uri::parse(dialled), Ok(Uri::Sip(uri)) if uri.param("gr").is_some())
}

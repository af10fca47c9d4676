//! From what was dialled to who is called.

use std::collections::BTreeSet;

use registrar::{Aor, Dialled};
use sip::uri::Host;

use super::config::SwitchConfig;
use super::end::EndReason;
use super::people::{DeviceId, Party};
use super::switch::Switch;
use super::time::Now;

/// The domains served here: that of guests, and those of accounts.
pub(super) fn domains(config: &SwitchConfig) -> BTreeSet<Host> {
    let of_accounts = config
        .accounts
        .iter()
        .map(|account| account.aor.domain().clone());
    of_accounts.chain([config.domain.clone()]).collect()
}

impl Switch {
    /// An address of record under the name that is used here for its domain, if that has others.
    pub(super) fn at_home(&self, aor: Aor) -> Aor {
        if self.config.aliases.contains(aor.domain()) && !self.domains.contains(aor.domain()) {
            Aor::new(aor.user(), &self.config.domain).unwrap_or(aor)
        } else {
            aor
        }
    }

    /// Who is meant by what `caller` dialled.
    ///
    /// # Errors
    /// Why nobody can be called by it.
    pub(super) fn resolve(&self, dialled: &str) -> Result<Party, EndReason> {
        let aor = match Dialled::parse(dialled, &self.config.domain) {
            Ok(Dialled::User { aor, .. }) => self.at_home(aor),
            Ok(Dialled::Number(_)) => return Err(EndReason::NoTrunkForNumber),
            Err(_) => return Err(EndReason::BadNumber),
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

//! GRUUs (RFC 5627): addresses of single user agents, which the registrar gives out. Who dials one
//! reaches that user agent, and no other device of its owner.

use registrar::{Aor, Gruu, GruuError, GruuMint};
use sip::uri::Uri;

use crate::call::end::EndReason;
use crate::call::people::{DeviceId, Party};
use crate::call::switch::Switch;
use crate::call::time::Now;

impl Switch {
    /// Makes temporary GRUUs by a secret that outlives a restart, as the registrations that they name
    /// do: one is valid until its registration ends (RFC 5627 5.4). To be called before any input.
    pub fn keep_gruus(&mut self, secret: [u8; 32]) {
        self.sip.gruus = GruuMint::new(secret);
    }

    /// The GRUU that was dialled, if it is one, and ours.
    pub(in crate::call) fn gruu(&self, dialled: &str) -> Option<Gruu> {
        match Uri::parse(dialled) {
            Ok(uri @ Uri::Sip(_)) => self.gruu_of(&uri),
            _ => None,
        }
    }

    /// The same of a URI.
    pub(super) fn gruu_of(&self, uri: &Uri) -> Option<Gruu> {
        let uri = uri.as_sip()?;
        let ours = self.domains.contains(uri.host()) || self.config.aliases.contains(uri.host());
        let gruu = self.sip.gruus.read(uri)?;
        match gruu {
            _ if !ours => None,
            Gruu::Public { aor, instance } => Some(Gruu::Public {
                aor: self.at_home(aor),
                instance,
            }),
            Gruu::Temporary(_) => Some(gruu),
        }
    }

    /// Whose that is.
    pub(in crate::call) fn owner_of_gruu(&self, gruu: &Gruu) -> Result<Aor, EndReason> {
        let owner = self.location.owner_of_gruu(gruu);
        owner.cloned().ok_or(EndReason::NotKnown)
    }

    /// The device that it names.
    ///
    /// # Errors
    /// Why it cannot be reached.
    pub(in crate::call) fn device_of_gruu(
        &self,
        now: Now,
        gruu: &Gruu,
    ) -> Result<DeviceId, EndReason> {
        let target = self.location.lookup_gruu(now.mono, gruu);
        let target = target.map_err(|error| match error {
            GruuError::Unknown => EndReason::NotKnown,
            GruuError::Unavailable => EndReason::NotSignedIn,
        })?;
        let device = self.people.by_binding(target.binding);
        device.ok_or(EndReason::NotSignedIn)
    }

    /// The devices to ring for what was dialled: all of `callee`, `except` the one that calls, or
    /// the one that is meant.
    ///
    /// # Errors
    /// Why none can be rung.
    pub(in crate::call) fn targets_of(
        &self,
        now: Now,
        dialled: &str,
        callee: &Party,
        except: Option<DeviceId>,
    ) -> Result<Vec<DeviceId>, EndReason> {
        let Some(gruu) = self.gruu(dialled) else {
            return self.targets(now, callee, except);
        };
        let meant = self.device_of_gruu(now, &gruu)?;
        if Some(meant) == except {
            return Err(EndReason::CalledSelf);
        }
        self.targets(now, callee, except).map(|_| vec![meant])
    }
}

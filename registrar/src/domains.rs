//! Which domains are ours, under which names, and what each grants to those who register.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use sip::message::{Rejection, Status};
use sip::uri::{Host, Uri};
use thiserror::Error;

use crate::aor::{Aor, AorError};
use crate::register::RegisterPolicy;

/// The domains served here, and their other names.
#[derive(Debug, Clone, Default)]
pub struct Domains {
    served: BTreeMap<Host, RegisterPolicy>,
    aliases: BTreeMap<Host, Host>,
}

/// Why an alias was not taken. The configuration's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AliasError {
    /// It would name a domain that is not served.
    #[error("{0} is no domain that is served here")]
    NotServed(Host),
    /// It is a domain itself.
    #[error("{0} is a domain of its own")]
    Domain(Host),
    /// It has another meaning already.
    #[error("{0} is another name of two domains")]
    Twice(Host),
}

/// Why a URI is no address of record of ours (RFC 3261 10.3 steps 1 and 5).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DomainError {
    /// Not `sip:` or `sips:`.
    #[error("only SIP addresses are registered here")]
    Scheme,
    /// Not one of ours.
    #[error("the domain is none of this server")]
    Foreign,
    /// It names nobody.
    #[error("{0}")]
    Aor(#[from] AorError),
}

impl DomainError {
    /// The response that says it: "If the address-of-record is not valid for the domain in the
    /// Request-URI, the registrar MUST send a 404" (step 5).
    pub fn rejection(&self) -> Rejection {
        Rejection::new(Status::NOT_FOUND, self.to_string())
    }
}

impl Domains {
    /// Serves one more, or grants other things in it. If it was an alias, it is no longer: accounts
    /// of a domain make it one.
    pub fn serve(&mut self, domain: Host, policy: RegisterPolicy) {
        self.aliases.remove(&domain);
        self.served.insert(domain, policy);
    }

    /// Gives a served domain another name.
    ///
    /// # Errors
    /// [`AliasError`]; nothing has changed then.
    pub fn add_alias(&mut self, alias: Host, domain: &Host) -> Result<(), AliasError> {
        if !self.served.contains_key(domain) {
            return Err(AliasError::NotServed(domain.clone()));
        }
        if self.served.contains_key(&alias) {
            return Err(AliasError::Domain(alias));
        }
        match self.aliases.get(&alias) {
            Some(other) if other != domain => Err(AliasError::Twice(alias)),
            _ => {
                self.aliases.insert(alias, domain.clone());
                Ok(())
            }
        }
    }

    /// The name that is used here for a domain of ours, which may be another name of it. `None` if
    /// it is not ours.
    pub fn canonical(&self, domain: &Host) -> Option<&Host> {
        let served = self.served.get_key_value(domain);
        served
            .map(|(name, _)| name)
            .or_else(|| self.aliases.get(domain))
    }

    /// Whether a domain is ours, whichever of its names that is.
    pub fn contains(&self, domain: &Host) -> bool {
        self.canonical(domain).is_some()
    }

    /// What is granted in a domain, whichever of its names that is. `None` if it is not ours.
    pub fn policy(&self, domain: &Host) -> Option<&RegisterPolicy> {
        self.served.get(self.canonical(domain)?)
    }

    /// Whom of ours the URI of a To or a Request-URI names, under the name that is used here for
    /// its domain.
    ///
    /// # Errors
    /// [`DomainError`]
    pub fn aor_of(&self, uri: &Uri) -> Result<Aor, DomainError> {
        let sip = uri.as_sip().ok_or(DomainError::Scheme)?;
        let domain = self.canonical(sip.host()).ok_or(DomainError::Foreign)?;
        let aor = Aor::from_uri(sip)?;
        if aor.domain() == domain {
            return Ok(aor);
        }
        Ok(Aor::new(aor.user(), domain)?)
    }
}

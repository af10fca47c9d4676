//! Which domains are ours, and under which name.

use std::collections::{BTreeMap, BTreeSet};

use sip::uri::{Host, Uri};
use thiserror::Error;

use crate::aor::{Aor, AorError};

/// The domains served here, one of them that of bare names, and their other names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Domains {
    default: Host,
    served: BTreeSet<Host>,
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
    /// Not `sip:` or `sips:`. 416 for a Request-URI, 404 for a To.
    #[error("only SIP addresses are registered here")]
    Scheme,
    /// Not one of ours: 404.
    #[error("{0} is no domain of this server")]
    Foreign(Host),
    /// It names nobody: 404.
    #[error("{0}")]
    Aor(#[from] AorError),
}

impl Domains {
    /// Serves `default` alone; bare names belong to it.
    pub fn new(default: Host) -> Self {
        Self {
            served: BTreeSet::from([default.clone()]),
            default,
            aliases: BTreeMap::new(),
        }
    }

    /// Serves one more. If it was an alias, it is no longer: accounts of a domain make it one.
    pub fn serve(&mut self, domain: Host) {
        self.aliases.remove(&domain);
        self.served.insert(domain);
    }

    /// Gives a served domain another name.
    ///
    /// # Errors
    /// [`AliasError`]; nothing has changed then.
    pub fn add_alias(&mut self, alias: Host, domain: &Host) -> Result<(), AliasError> {
        if !self.served.contains(domain) {
            return Err(AliasError::NotServed(domain.clone()));
        }
        if self.served.contains(&alias) {
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

    /// That of bare names.
    pub fn default_domain(&self) -> &Host {
        &self.default
    }

    /// All that are served, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Host> {
        self.served.iter()
    }

    /// The name that is used here for a domain of ours, which may be another name of it. `None` if
    /// it is not ours.
    pub fn canonical(&self, domain: &Host) -> Option<&Host> {
        self.served.get(domain).or_else(|| self.aliases.get(domain))
    }

    /// An address of record under the name that is used here for its domain.
    pub fn at_home(&self, aor: Aor) -> Aor {
        match self.aliases.get(aor.domain()) {
            Some(domain) => Aor::new(aor.user(), domain).unwrap_or(aor),
            None => aor,
        }
    }

    /// Whom of ours the URI of a To or a Request-URI names.
    ///
    /// # Errors
    /// [`DomainError`]
    pub fn aor_of(&self, uri: &Uri) -> Result<Aor, DomainError> {
        let sip = uri.as_sip().ok_or(DomainError::Scheme)?;
        let domain = self
            .canonical(sip.host())
            .ok_or_else(|| DomainError::Foreign(sip.host().clone()))?;
        let aor = Aor::from_uri(sip)?;
        if aor.domain() == domain {
            return Ok(aor);
        }
        Ok(Aor::new(aor.user(), domain)?)
    }
}

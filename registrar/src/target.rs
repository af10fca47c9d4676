//! From an address to where it is reached: the target set (RFC 3261 16.5).

use sip::flow::FlowId;
use thiserror::Error;

use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, QValue};
use crate::contact::Contact;
use crate::gruu::Gruu;
use crate::location::Location;
use crate::store::Store;

/// Where a call can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The binding.
    pub binding: BindingId,
    /// Over which flow. `None`: to the first URI of the contact's Path if it has one, else to the
    /// address that it registered from.
    pub flow: Option<FlowId>,
    /// In which protocol, to which URI and by which proxies.
    pub contact: Contact,
    /// Targets of one preference are called together, higher ones first.
    pub q: QValue,
}

/// Why a GRUU leads nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum GruuError {
    /// It never was one of ours, or has lost its meaning: 404 (RFC 5627 6.1).
    #[error("the address names no user agent here")]
    Unknown,
    /// Its user agent is not here now: 480.
    #[error("the user agent is not registered")]
    Unavailable,
}

impl<S: Store> Location<S> {
    /// The target set of an address of record: what can be reached now, by preference, the newest
    /// first among equals. A user agent that is bound more than once is in it once, by the binding
    /// it refreshed last (RFC 5626 7: no more than one contact with the same instance at a time);
    /// [`other_flows`](Self::other_flows) has the rest.
    pub fn lookup(&self, aor: &Aor) -> Vec<Target> {
        let mut reachable: Vec<&Binding> = Vec::new();
        for binding in self.of(aor).filter(|binding| is_reachable(binding)) {
            match reachable.iter_mut().find(|one| same_agent(one, binding)) {
                None => reachable.push(binding),
                Some(known) if known.refreshed <= binding.refreshed => *known = binding,
                Some(_) => {}
            }
        }
        by_preference(reachable)
    }

    /// The target set of a GRUU: the one user agent it names, by the binding it refreshed last.
    ///
    /// # Errors
    /// [`GruuError`]
    pub fn lookup_gruu(&self, gruu: &Gruu) -> Result<Target, GruuError> {
        match gruu {
            Gruu::Public { aor, instance } => {
                let named = |binding: &&Binding| {
                    let contact = binding.contact.as_sip();
                    let own = contact.and_then(|contact| contact.instance.as_ref());
                    own.is_some_and(|own| own.eq_ignore_ascii_case(instance))
                };
                self.newest(self.of(aor).filter(named))
            }
            Gruu::Temporary { binding, epoch } => {
                let binding = self.get(*binding).ok_or(GruuError::Unknown)?;
                // RFC 5627 5.4: another Call-ID makes those of the former one void.
                if binding.order.as_ref().map(|order| order.epoch) != Some(*epoch) {
                    return Err(GruuError::Unknown);
                }
                let agent = self
                    .of(&binding.aor)
                    .filter(|other| other.id == binding.id || same_agent(other, binding));
                self.newest(agent)
            }
        }
    }

    /// The other ways to the user agent of a binding, the one it refreshed last first. They are
    /// tried when the first flow fails (RFC 5626 7), not before.
    pub fn other_flows(&self, id: BindingId) -> Vec<Target> {
        let Some(binding) = self.get(id) else {
            return Vec::new();
        };
        let mut others: Vec<&Binding> = self
            .of(&binding.aor)
            .filter(|other| other.id != id && is_reachable(other) && same_agent(other, binding))
            .collect();
        others.sort_by(|a, b| b.refreshed.cmp(&a.refreshed).then(b.id.cmp(&a.id)));
        others.into_iter().filter_map(target).collect()
    }

    fn newest<'a>(&self, bindings: impl Iterator<Item = &'a Binding>) -> Result<Target, GruuError> {
        bindings
            .filter(|binding| is_reachable(binding))
            .max_by_key(|binding| (binding.refreshed, binding.id))
            .and_then(target)
            .ok_or(GruuError::Unavailable)
    }
}

fn by_preference(mut bindings: Vec<&Binding>) -> Vec<Target> {
    bindings.sort_by(|a, b| b.q.cmp(&a.q).then(b.id.cmp(&a.id)));
    bindings.into_iter().filter_map(target).collect()
}

fn target(binding: &Binding) -> Option<Target> {
    let flow = match binding.state {
        BindingState::Live { flow } => Some(flow),
        BindingState::Addressed => None,
        BindingState::Parked { .. } => return None,
    };
    Some(Target {
        binding: binding.id,
        flow,
        contact: binding.contact.clone(),
        q: binding.q,
    })
}

fn is_reachable(binding: &Binding) -> bool {
    match binding.state {
        BindingState::Live { .. } | BindingState::Addressed => true,
        BindingState::Parked { .. } => false,
    }
}

fn same_agent(a: &Binding, b: &Binding) -> bool {
    match (a.contact.as_sip(), b.contact.as_sip()) {
        (Some(a), Some(b)) => a.same_instance(b),
        _ => false,
    }
}

//! From an address to where it is reached: the target set (RFC 3261 16.5).

use std::time::Instant;

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
    /// Over which flow. `None`: by UDP to the address that it registered from.
    pub flow: Option<FlowId>,
    /// In which protocol, with which Request-URI and which Route.
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
    /// The target set of an address of record: what can be reached, by preference, the newest first
    /// among equals; parked bindings are not in it, nor expired ones. A user agent that is bound more than once is in it once, by the binding
    /// it refreshed last (RFC 5626 7: no more than one contact with the same instance at a time);
    /// [`other_flows`](Self::other_flows) has the rest.
    pub fn lookup(&self, now: Instant, aor: &Aor) -> Vec<Target> {
        let mut reachable: Vec<&Binding> = Vec::new();
        for binding in self.of(aor).filter(|binding| binding.is_reachable(now)) {
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
    pub fn lookup_gruu(&self, now: Instant, gruu: &Gruu) -> Result<Target, GruuError> {
        let (aor, instance) = match gruu {
            Gruu::Public { aor, instance } => (aor, instance),
            Gruu::Temporary(temporary) => {
                let binding = self.get(temporary.binding).ok_or(GruuError::Unknown)?;
                let instance = binding
                    .contact
                    .as_sip()
                    .and_then(|own| own.instance.as_ref());
                match instance {
                    Some(instance) if temporary.is_of(binding) => (&binding.aor, instance),
                    _ => return Err(GruuError::Unknown),
                }
            }
        };
        let agent = self.agent(now, aor, instance);
        agent
            .last()
            .and_then(|binding| target(binding))
            .ok_or(GruuError::Unavailable)
    }

    /// Whose GRUU that is. `None` for a temporary one that names no binding, or not any more.
    pub fn owner_of_gruu<'a>(&'a self, gruu: &'a Gruu) -> Option<&'a Aor> {
        match gruu {
            Gruu::Public { aor, .. } => Some(aor),
            Gruu::Temporary(temporary) => {
                let binding = self.get(temporary.binding)?;
                temporary.is_of(binding).then_some(&binding.aor)
            }
        }
    }

    /// The other ways to the user agent of a binding, the one it refreshed last first. They are
    /// tried when the first flow fails (RFC 5626 7), not before.
    pub fn other_flows(&self, now: Instant, id: BindingId) -> Vec<Target> {
        let binding = self.get(id);
        let instance = binding.and_then(|binding| binding.contact.as_sip()?.instance.as_ref());
        let (Some(binding), Some(instance)) = (binding, instance) else {
            return Vec::new();
        };
        let agent = self.agent(now, &binding.aor, instance);
        let others = agent.into_iter().filter(|other| other.id != id);
        others.rev().filter_map(target).collect()
    }

    /// The bindings that reach a user agent, the one it refreshed last at the end.
    fn agent(&self, now: Instant, aor: &Aor, instance: &str) -> Vec<&Binding> {
        let named = |binding: &&Binding| {
            let contact = binding.contact.as_sip();
            contact.is_some_and(|own| own.has_instance(instance)) && binding.is_reachable(now)
        };
        let mut bindings: Vec<&Binding> = self.of(aor).filter(named).collect();
        bindings.sort_by_key(|binding| (binding.refreshed, binding.id));
        bindings
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

fn same_agent(a: &Binding, b: &Binding) -> bool {
    match (a.contact.as_sip(), b.contact.as_sip()) {
        (Some(a), Some(b)) => a.same_instance(b),
        _ => false,
    }
}

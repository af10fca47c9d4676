//! What a REGISTER would change, worked out before anything is changed.

use std::num::NonZeroU32;
use std::time::Instant;

use sip::procedure::register::{ContactUpdate, Contacts, Register};
use sip::uri::Uri;
use smol_str::SmolStr;

use super::{MAX_FIELD_BYTES, MAX_URI_FIELDS, Refusal, RegisterPolicy, Registrant};
use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, QValue};
use crate::contact::{Contact, SipContact};
use crate::location::Location;
use crate::store::Store;

/// All that a REGISTER changes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Bindings of the same address of record whose time is over.
    pub(super) expired: Vec<BindingId>,
    /// Those that make room.
    pub(super) displaced: Vec<BindingId>,
    /// What the request says.
    pub(super) steps: Vec<Step>,
}

/// What is to become of one contact.
#[derive(Debug)]
pub(super) struct Step {
    /// The binding it has.
    pub(super) binding: Option<BindingId>,
    pub(super) contact: SipContact,
    pub(super) q: QValue,
    /// 0: it is to go.
    pub(super) expires_s: u32,
}

impl Step {
    pub(super) fn is_outbound(&self) -> bool {
        self.stays() && self.contact.reg_id.is_some()
    }

    fn stays(&self) -> bool {
        self.expires_s > 0
    }

    fn is_of_same(&self, other: &Self) -> bool {
        match (self.binding, other.binding) {
            (None, None) => self.contact.same_place(&other.contact),
            (one, another) => one == another,
        }
    }
}

impl<S: Store> Location<S> {
    pub(super) fn plan(
        &self,
        now: Instant,
        policy: &RegisterPolicy,
        from: &Registrant<'_>,
        register: &Register,
    ) -> Result<Plan, Refusal> {
        let steps = match &register.contacts {
            Contacts::Query => return Ok(Plan::default()),
            Contacts::All => self.ends(now, from, register)?,
            Contacts::These(updates) => self.steps(now, policy, from, register, updates)?,
        };
        Ok(Plan {
            displaced: self.room_for(now, policy, from.aor, &steps)?,
            expired: self
                .of(from.aor)
                .filter(|binding| binding.has_expired(now))
                .map(|binding| binding.id)
                .collect(),
            steps,
        })
    }

    /// Step 6 of RFC 3261 10.3.
    fn ends(
        &self,
        now: Instant,
        from: &Registrant<'_>,
        register: &Register,
    ) -> Result<Vec<Step>, Refusal> {
        // "If the request has additional Contact fields or an expiration time other than zero, the
        // request is invalid, and the server MUST return a 400".
        if register.expires_s != Some(0) {
            return Err(Refusal::Wildcard);
        }
        let mut steps = Vec::new();
        for (binding, contact) in self.telephones(now, from.aor) {
            check_order(binding, register)?;
            steps.push(Step {
                binding: Some(binding.id),
                contact: contact.clone(),
                q: binding.q,
                expires_s: 0,
            });
        }
        Ok(steps)
    }

    /// Step 7.
    fn steps(
        &self,
        now: Instant,
        policy: &RegisterPolicy,
        from: &Registrant<'_>,
        register: &Register,
        updates: &[ContactUpdate],
    ) -> Result<Vec<Step>, Refusal> {
        check_lengths(register)?;
        let mut steps: Vec<Step> = Vec::with_capacity(updates.len());
        for update in updates {
            check_contact(from.aor, update)?;
            let expires_s = policy
                .expiry
                .grant(update.expires_s.or(register.expires_s))?;
            let contact = contact(from, register, update);
            let mut telephones = self.telephones(now, from.aor);
            let bound = telephones
                .find(|(_, own)| own.same_place(&contact))
                .map(|(binding, _)| binding);
            if let Some(binding) = bound {
                check_order(binding, register)?;
            }
            let step = Step {
                binding: bound.map(|binding| binding.id),
                contact,
                q: update
                    .q_thousandths
                    .and_then(QValue::from_thousandths)
                    .unwrap_or_default(),
                expires_s,
            };
            // The same place twice in one request: the last word counts.
            match steps.iter_mut().find(|earlier| earlier.is_of_same(&step)) {
                Some(earlier) => *earlier = step,
                None => steps.push(step),
            }
        }
        check_outbound(register, &steps)?;
        // What is not there need not go.
        steps.retain(|step| step.stays() || step.binding.is_some());
        Ok(steps)
    }

    /// The parked bindings that have to go so that what there is afterwards is within the limits.
    /// Where nothing is added nothing is refused, even if the limits have become narrower.
    fn room_for(
        &self,
        now: Instant,
        policy: &RegisterPolicy,
        aor: &Aor,
        steps: &[Step],
    ) -> Result<Vec<BindingId>, Refusal> {
        let added = steps.iter().filter(|step| step.binding.is_none()).count();
        if added == 0 {
            return Ok(Vec::new());
        }
        let removed = steps.iter().filter(|step| !step.stays()).count();
        let expired = self.of(aor).filter(|own| own.has_expired(now)).count();
        let own = (self.count_of(aor) + added).saturating_sub(removed + expired);
        let telephones = (self.telephones(now, aor).count() + added).saturating_sub(removed);
        let may = policy.max_contacts.unwrap_or(usize::MAX);
        let over = own
            .saturating_sub(self.limits.per_aor)
            .max(telephones.saturating_sub(may));
        let mut parked: Vec<_> = self
            .telephones(now, aor)
            .filter_map(|(binding, _)| match binding.state {
                BindingState::Parked { until } => Some((until, binding.id)),
                BindingState::Live { .. } | BindingState::Addressed => None,
            })
            .filter(|(_, id)| steps.iter().all(|step| step.binding != Some(*id)))
            .collect();
        if parked.len() < over {
            return Err(Refusal::TooManyContacts);
        }
        parked.sort_unstable();
        parked.truncate(over);
        let all = (self.len() + added).saturating_sub(removed + expired + over);
        if all > self.limits.bindings {
            return Err(Refusal::Full);
        }
        Ok(parked.into_iter().map(|(_, id)| id).collect())
    }

    /// The bindings of SIP user agents that have not expired.
    fn telephones(&self, now: Instant, aor: &Aor) -> impl Iterator<Item = (&Binding, &SipContact)> {
        self.of(aor)
            .filter(move |binding| !binding.has_expired(now))
            .filter_map(|binding| match &binding.contact {
                Contact::Sip(contact) => Some((binding, &**contact)),
                Contact::WcsSession => None,
            })
    }
}

/// A contact as it is kept. A reg-id counts only with an instance, and if the user agent keeps
/// flows as RFC 5626 wants it (its section 6).
fn contact(from: &Registrant<'_>, register: &Register, update: &ContactUpdate) -> SipContact {
    let keeps_flows = register.outbound && update.instance.is_some();
    let reg_id = update.reg_id.filter(|_| keeps_flows);
    SipContact {
        uri: update.uri.clone(),
        instance: update.instance.clone(),
        reg_id: reg_id.and_then(NonZeroU32::new),
        path: register.path.clone().into(),
        source: from.source,
        transport: from.transport,
    }
}

/// RFC 3261 10.3 step 7: of one Call-ID, only a higher CSeq is obeyed.
fn check_order(binding: &Binding, register: &Register) -> Result<(), Refusal> {
    match &binding.order {
        Some(order) if *order.call_id == *register.call_id && order.cseq >= register.cseq => {
            Err(Refusal::OutOfOrder)
        }
        _ => Ok(()),
    }
}

fn check_lengths(register: &Register) -> Result<(), Refusal> {
    let path: usize = register.path.iter().map(SmolStr::len).sum();
    match register.call_id.len().max(path) > MAX_FIELD_BYTES {
        true => Err(Refusal::TooLong),
        false => Ok(()),
    }
}

fn check_contact(aor: &Aor, update: &ContactUpdate) -> Result<(), Refusal> {
    let instance = update.instance.as_ref().map_or(0, SmolStr::len);
    if update.uri.as_str().len().max(instance) > MAX_FIELD_BYTES {
        return Err(Refusal::TooLong);
    }
    let uri = update.uri.as_sip().ok_or(Refusal::Scheme)?;
    if uri.params().count() + uri.headers().count() > MAX_URI_FIELDS {
        return Err(Refusal::TooLong);
    }
    // RFC 5627 5.1: a GRUU of the same address of record would lead back to itself.
    if uri.param("gr").is_some() && uri.host() == aor.domain() {
        return Err(Refusal::ContactIsGruu);
    }
    Ok(())
}

/// RFC 5626 6.
fn check_outbound(register: &Register, steps: &[Step]) -> Result<(), Refusal> {
    if !steps.iter().any(Step::is_outbound) {
        return Ok(());
    }
    // One flow carries one binding of each reg-id.
    if steps.iter().filter(|step| step.stays()).count() > 1 {
        return Err(Refusal::SeveralFlows);
    }
    // The hop next to the user agent keeps its flow: that is us, or the proxy that wrote the last
    // Path value and marked it.
    let kept = match register.path.last() {
        Some(last) => is_marked_outbound(last),
        None => register.direct,
    };
    match kept {
        true => Ok(()),
        false => Err(Refusal::FirstHopLacksOutbound),
    }
}

/// The URI of a Path value has the parameter `ob` (RFC 5626 5.1).
fn is_marked_outbound(hop: &SmolStr) -> bool {
    let uri = sip::header::NameAddr::read(hop.as_bytes()).and_then(|hop| hop.uri());
    match uri {
        Ok(Uri::Sip(uri)) => uri.param("ob").is_some(),
        _ => false,
    }
}

//! A registrar's answer to REGISTER (RFC 3261 10.3), with outbound flows (RFC 5626), Path
//! (RFC 3327), Service-Route (RFC 3608) and GRUU (RFC 5627). A request is obeyed as a whole or not
//! at all.
//!
//! Sessions of the Web SDK under the same address of record have no Contact: they are neither
//! listed nor removed by `*`, but count towards the cap.

mod outcome;
mod plan;
mod policy;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::procedure::register::{Listed, Register};

use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, Order};
use crate::contact::Contact;
use crate::event::{BindingEvent, Change};
use crate::location::Location;
use crate::store::Store;
use plan::{Plan, Step};

pub use outcome::{Refusal, Registered};
pub use policy::{ExpiryLimits, RegisterPolicy, Registrant};

/// The longest Contact URI, instance and Call-ID that is kept, and the longest Path, in bytes.
pub const MAX_FIELD_BYTES: usize = 1024;

/// The most parameters and headers of a Contact URI. All pairs of them are compared, for each pair
/// of contacts: with 64 of them one REGISTER could hold up everybody for 40 ms.
pub const MAX_URI_FIELDS: usize = 16;

impl<S: Store> Location<S> {
    /// Obeys a REGISTER whose sender has proved who he is. Its Request-URI was one of our domains
    /// (10.3 step 1), all that it requires is understood (step 2).
    ///
    /// What counts against the limits is what there would be afterwards. Over the cap of an address
    /// of record, telephones of it that are parked make room, the one that broke first before the
    /// others; if that is not enough, the request is refused: a telephone that is bound keeps its
    /// binding, whoever else comes.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub fn register(
        &mut self,
        now: Instant,
        policy: &RegisterPolicy,
        from: &Registrant<'_>,
        register: &Register,
    ) -> Result<Registered, Refusal> {
        // Step 4: "the registrar SHOULD determine if the authenticated user is authorized to modify
        // registrations for this address-of-record".
        if from.user != from.aor {
            return Err(Refusal::NotOwner);
        }
        let plan = self.plan(now, policy, from, register)?;
        let outbound = plan.steps.iter().any(Step::is_outbound);
        let events = self.apply(now, from, register, plan);
        Ok(Registered {
            contacts: self.listing(now, policy, from.aor, register),
            path: match register.knows_path {
                true => register.path.clone(),
                false => Vec::new(),
            },
            outbound,
            flow_timer_s: policy.flow_timer_s.filter(|_| outbound),
            service_route: policy.service_route.clone(),
            events,
        })
    }

    fn apply(
        &mut self,
        now: Instant,
        from: &Registrant<'_>,
        register: &Register,
        plan: Plan,
    ) -> Vec<BindingEvent> {
        let Plan {
            expired,
            displaced,
            steps,
        } = plan;
        let mut events = Vec::with_capacity(expired.len() + displaced.len() + steps.len());
        let expired = expired.into_iter().map(|id| (id, Change::Expired));
        let displaced = displaced.into_iter().map(|id| (id, Change::Displaced));
        for (id, why) in expired.chain(displaced) {
            events.extend(self.end(id, why));
        }
        let order = Order {
            call_id: register.call_id.as_str().into(),
            cseq: register.cseq,
        };
        for step in steps {
            let event = match step.binding {
                Some(id) if step.expires_s == 0 => self.end(id, Change::Unregistered),
                Some(id) => self.refresh(now, from, id, step, &order),
                None => Some(self.add(now, from, step, &order)),
            };
            events.extend(event);
        }
        events
    }

    fn end(&mut self, id: BindingId, why: Change) -> Option<BindingEvent> {
        let gone = self.unbind(id)?;
        Some(BindingEvent::of(&gone, why))
    }

    fn add(
        &mut self,
        now: Instant,
        from: &Registrant<'_>,
        step: Step,
        order: &Order,
    ) -> BindingEvent {
        let binding = Binding {
            id: self.new_id(),
            aor: from.aor.clone(),
            expires: Some(now + step.lasts()),
            contact: Contact::Sip(Arc::new(step.contact)),
            q: step.q,
            refreshed: now,
            state: BindingState::Live { flow: from.flow },
            order: Some(order.clone()),
        };
        let event = BindingEvent::of(&binding, Change::Registered);
        self.insert(binding);
        event
    }

    fn refresh(
        &mut self,
        now: Instant,
        from: &Registrant<'_>,
        id: BindingId,
        step: Step,
        order: &Order,
    ) -> Option<BindingEvent> {
        let before = self.get(id)?;
        let change = match before.state {
            BindingState::Parked { .. } => Change::Resumed,
            BindingState::Live { .. } | BindingState::Addressed => Change::Refreshed,
        };
        let expires = Some(now + step.lasts());
        // Most refreshments say the same again: what is kept, targets share.
        let contact = match before.contact.as_sip() {
            Some(known) if *known == step.contact => before.contact.clone(),
            _ => Contact::Sip(Arc::new(step.contact)),
        };
        let order = match &before.order {
            Some(known) if known.call_id == order.call_id => Order {
                call_id: Arc::clone(&known.call_id),
                cseq: order.cseq,
            },
            _ => order.clone(),
        };
        self.change(id, |binding| {
            binding.contact = contact.clone();
            binding.q = step.q;
            binding.expires = expires;
            binding.refreshed = now;
            binding.state = BindingState::Live { flow: from.flow };
            binding.order = Some(order.clone());
        });
        let binding = self.get(id)?;
        Some(BindingEvent::of(binding, change))
    }

    /// Step 8: "The response MUST contain Contact header field values enumerating all current
    /// bindings."
    fn listing(
        &self,
        now: Instant,
        policy: &RegisterPolicy,
        aor: &Aor,
        register: &Register,
    ) -> Vec<Listed> {
        let mint = policy.gruu.as_ref().filter(|_| register.gruu);
        let secure = register.aor.as_sip().is_some_and(|uri| uri.is_secure());
        let listed = self.of(aor).filter_map(|binding| {
            let contact = binding.contact.as_sip()?;
            let left = binding.expires?.checked_duration_since(now)?;
            (!left.is_zero()).then(|| Listed {
                uri: contact.uri.clone(),
                // What is left of the last second is a second: 0 would mean that it is gone.
                expires_s: left.as_secs().max(1),
                q_thousandths: binding.q.thousandths(),
                instance: contact.instance.clone(),
                reg_id: contact.reg_id.map(Into::into),
                gruus: mint.and_then(|mint| mint.mint(binding, secure)),
            })
        });
        listed.collect()
    }
}

impl Step {
    fn lasts(&self) -> Duration {
        Duration::from_secs(self.expires_s.into())
    }
}

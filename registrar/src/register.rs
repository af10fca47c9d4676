//! A registrar's answer to REGISTER (RFC 3261 10.3), with outbound flows (RFC 5626), Path
//! (RFC 3327) and GRUU (RFC 5627). A request is obeyed as a whole or not at all.
//!
//! Sessions of the Web SDK under the same address of record have no Contact: they are neither
//! listed nor removed by `*`, but count towards the cap.

mod outcome;
mod request;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::binding::{Binding, BindingId, BindingState, Order, QValue};
use crate::contact::{Contact, SipContact};
use crate::event::{BindingEvent, Change};
use crate::location::Location;
use crate::store::Store;

pub use outcome::{Refusal, Registered, RegisteredContact};
pub use request::{ContactUpdate, ExpiryLimits, RegisterPolicy, RegisterRequest, Supports};
pub use request::{MAX_CONTACTS, MAX_FIELD_BYTES, MAX_PATH};

/// What is to become of one contact.
struct Step {
    /// The binding it has.
    binding: Option<BindingId>,
    contact: SipContact,
    q: QValue,
    /// 0: it is to go.
    expires_s: u32,
}

impl<S: Store> Location<S> {
    /// Obeys a REGISTER whose sender has proved who he is.
    ///
    /// Over the cap of an address of record, bindings of it that are parked make room, the one
    /// that broke first before the others; if that is not enough, the request is refused: a
    /// telephone that is bound keeps its binding, whoever else comes.
    ///
    /// # Errors
    /// [`Refusal`]; nothing has changed then.
    pub fn register(
        &mut self,
        now: Instant,
        policy: &RegisterPolicy,
        request: &RegisterRequest,
    ) -> Result<Registered, Refusal> {
        // Step 4: "the registrar SHOULD determine if the authenticated user is authorized to modify
        // registrations for this address-of-record".
        if request.user != request.aor {
            return Err(Refusal::NotOwner);
        }
        let steps = if request.wildcard {
            self.wildcard_steps(request)?
        } else {
            self.contact_steps(policy, request)?
        };
        let displaced = self.room_for(request, &steps)?;
        let outbound = steps.iter().any(Step::is_outbound);
        let events = self.apply(now, request, steps, displaced);
        Ok(Registered {
            contacts: self.listing(now, policy, request),
            path: match request.supports.path {
                true => request.path.clone(),
                false => Vec::new(),
            },
            outbound,
            flow_timer_s: policy.flow_timer_s.filter(|_| outbound),
            events,
        })
    }

    /// Step 6.
    fn wildcard_steps(&self, request: &RegisterRequest) -> Result<Vec<Step>, Refusal> {
        // "If the request has additional Contact fields or an expiration time other than zero, the
        // request is invalid, and the server MUST return a 400".
        if !request.contacts.is_empty() || request.expires_s != Some(0) {
            return Err(Refusal::Wildcard);
        }
        let mut steps = Vec::new();
        for binding in self.of(&request.aor) {
            let Contact::Sip(contact) = &binding.contact else {
                continue;
            };
            check_order(binding, request)?;
            steps.push(Step {
                binding: Some(binding.id),
                contact: SipContact::clone(contact),
                q: binding.q,
                expires_s: 0,
            });
        }
        Ok(steps)
    }

    /// Step 7.
    fn contact_steps(
        &self,
        policy: &RegisterPolicy,
        request: &RegisterRequest,
    ) -> Result<Vec<Step>, Refusal> {
        request.check()?;
        let mut steps: Vec<Step> = Vec::new();
        for update in &request.contacts {
            let contact = request.contact(update);
            let wanted = update.expires_s.or(request.expires_s);
            let expires_s = policy.expiry.grant(wanted)?;
            let bound = self.of(&request.aor).find(|binding| {
                let own = binding.contact.as_sip();
                own.is_some_and(|own| own.same_place(&contact))
            });
            if let Some(binding) = bound {
                check_order(binding, request)?;
            }
            let step = Step {
                binding: bound.map(|binding| binding.id),
                contact,
                q: update.q.unwrap_or_default(),
                expires_s,
            };
            // The same place twice in one request: the last word counts.
            match steps.iter_mut().find(|earlier| earlier.is_of(&step)) {
                Some(earlier) => *earlier = step,
                None => steps.push(step),
            }
        }
        check_outbound(request, &steps)?;
        steps.retain(|step| step.expires_s > 0 || step.binding.is_some());
        Ok(steps)
    }

    /// Whether all the steps together stay within the limits; gives the parked bindings that have
    /// to go for it.
    fn room_for(
        &self,
        request: &RegisterRequest,
        steps: &[Step],
    ) -> Result<Vec<BindingId>, Refusal> {
        let added = steps.iter().filter(|step| step.binding.is_none()).count();
        if added == 0 {
            return Ok(Vec::new());
        }
        let removed = steps.iter().filter(|step| step.expires_s == 0).count();
        let own = self.count_of(&request.aor) + added - removed;
        let over = own.saturating_sub(self.limits.per_aor);
        let mut parked: Vec<_> = self
            .of(&request.aor)
            .filter_map(|binding| match (&binding.contact, binding.state) {
                (Contact::Sip(_), BindingState::Parked { until }) => Some((until, binding.id)),
                _ => None,
            })
            .filter(|(_, id)| steps.iter().all(|step| step.binding != Some(*id)))
            .collect();
        if parked.len() < over {
            return Err(Refusal::TooManyContacts);
        }
        parked.sort_unstable();
        parked.truncate(over);
        if self.len() + added - removed - parked.len() > self.limits.bindings {
            return Err(Refusal::Full);
        }
        Ok(parked.into_iter().map(|(_, id)| id).collect())
    }

    fn apply(
        &mut self,
        now: Instant,
        request: &RegisterRequest,
        steps: Vec<Step>,
        displaced: Vec<BindingId>,
    ) -> Vec<BindingEvent> {
        let mut events = Vec::with_capacity(steps.len() + displaced.len());
        for id in displaced {
            let gone = self.unbind(id);
            events.extend(gone.map(|gone| BindingEvent::of(&gone, Change::Displaced)));
        }
        let call_id: Arc<str> = request.call_id.as_str().into();
        for step in steps {
            let event = match step.binding {
                Some(id) if step.expires_s == 0 => self
                    .unbind(id)
                    .map(|gone| BindingEvent::of(&gone, Change::Unregistered)),
                Some(id) => self.refresh(now, request, id, step, &call_id),
                None => Some(self.add(now, request, step, &call_id)),
            };
            events.extend(event);
        }
        events
    }

    fn add(
        &mut self,
        now: Instant,
        request: &RegisterRequest,
        step: Step,
        call_id: &Arc<str>,
    ) -> BindingEvent {
        let binding = Binding {
            id: self.new_id(),
            aor: request.aor.clone(),
            contact: Contact::Sip(Arc::new(step.contact)),
            q: step.q,
            expires: Some(now + Duration::from_secs(step.expires_s.into())),
            since: now,
            refreshed: now,
            state: BindingState::Live { flow: request.flow },
            order: Some(Order {
                call_id: Arc::clone(call_id),
                cseq: request.cseq,
                epoch: 0,
            }),
        };
        let event = BindingEvent::of(&binding, Change::Registered);
        self.insert(binding);
        event
    }

    fn refresh(
        &mut self,
        now: Instant,
        request: &RegisterRequest,
        id: BindingId,
        step: Step,
        call_id: &Arc<str>,
    ) -> Option<BindingEvent> {
        let parked = matches!(self.get(id)?.state, BindingState::Parked { .. });
        let mut contact = Some(step.contact);
        self.change(id, |binding| {
            if let Some(contact) = contact.take()
                && binding.contact.as_sip() != Some(&contact)
            {
                binding.contact = Contact::Sip(Arc::new(contact));
            }
            binding.q = step.q;
            binding.expires = Some(now + Duration::from_secs(step.expires_s.into()));
            binding.refreshed = now;
            binding.state = BindingState::Live { flow: request.flow };
            binding.order = Some(next_order(binding.order.take(), request.cseq, call_id));
        });
        let change = if parked {
            Change::Resumed
        } else {
            Change::Refreshed
        };
        self.get(id)
            .map(|binding| BindingEvent::of(binding, change))
    }

    /// Step 8: "The response MUST contain Contact header field values enumerating all current
    /// bindings."
    fn listing(
        &self,
        now: Instant,
        policy: &RegisterPolicy,
        request: &RegisterRequest,
    ) -> Vec<RegisteredContact> {
        let mint = policy.gruu.as_ref().filter(|_| request.supports.gruu);
        let listed = self.of(&request.aor).filter_map(|binding| {
            let Contact::Sip(contact) = &binding.contact else {
                return None;
            };
            let left = binding.expires?.checked_duration_since(now)?;
            (!left.is_zero()).then(|| RegisteredContact {
                binding: binding.id,
                contact: Arc::clone(contact),
                q: binding.q,
                // What is left of the last second is a second: 0 would mean that it is gone.
                expires_s: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1),
                gruus: mint.and_then(|mint| mint.mint(binding)),
            })
        });
        listed.collect()
    }
}

impl Step {
    fn is_outbound(&self) -> bool {
        self.expires_s > 0 && self.contact.reg_id.is_some()
    }

    fn is_of(&self, other: &Self) -> bool {
        match (self.binding, other.binding) {
            (None, None) => self.contact.same_place(&other.contact),
            (one, another) => one == another,
        }
    }
}

/// RFC 3261 10.3 step 7: of one Call-ID, only a higher CSeq is obeyed.
fn check_order(binding: &Binding, request: &RegisterRequest) -> Result<(), Refusal> {
    match &binding.order {
        Some(order) if *order.call_id == *request.call_id && order.cseq >= request.cseq => {
            Err(Refusal::OutOfOrder)
        }
        _ => Ok(()),
    }
}

fn next_order(last: Option<Order>, cseq: u32, call_id: &Arc<str>) -> Order {
    match last {
        Some(order) if order.call_id == *call_id => Order { cseq, ..order },
        other => Order {
            call_id: Arc::clone(call_id),
            cseq,
            epoch: other.map_or(0, |order| order.epoch.wrapping_add(1)),
        },
    }
}

/// RFC 5626 6.
fn check_outbound(request: &RegisterRequest, steps: &[Step]) -> Result<(), Refusal> {
    if !steps.iter().any(Step::is_outbound) {
        return Ok(());
    }
    // One flow carries one binding of each reg-id.
    if steps.iter().filter(|step| step.expires_s > 0).count() > 1 {
        return Err(Refusal::SeveralFlows);
    }
    if !request.first_hop_keeps_flows() {
        return Err(Refusal::FirstHopLacksOutbound);
    }
    Ok(())
}

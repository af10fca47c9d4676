//! Writing a snapshot, a piece at a time.

use std::fmt::{Display, Write as _};
use std::time::{Duration, Instant};

use sip::flow::Transport;

use super::{Clocks, VERSION, line};
use crate::binding::{Binding, BindingId};
use crate::contact::SipContact;
use crate::location::Location;
use crate::store::Store;

/// Writes the bindings by UDP, so many at a time: between two pieces calls go on. Each binding is as
/// it was when its piece was written.
#[derive(Debug)]
pub struct SnapshotWriter {
    text: String,
    next: BindingId,
    count: usize,
    done: bool,
}

impl SnapshotWriter {
    /// At the beginning.
    pub fn new() -> Self {
        let mut text = String::new();
        line::write(&mut text, &format!("callbox-bindings {VERSION}"));
        Self {
            text,
            next: BindingId(0),
            count: 0,
            done: false,
        }
    }

    /// Looks at up to `budget` bindings, at least one. True once all were seen.
    pub fn step<S: Store>(&mut self, location: &Location<S>, now: Clocks, budget: usize) -> bool {
        let mut left = budget.max(1);
        for binding in location.iter_from(self.next) {
            if self.done || left == 0 {
                return self.done;
            }
            left -= 1;
            self.next = BindingId(binding.id.0.saturating_add(1));
            if let Some(record) = record(binding, now) {
                line::write(&mut self.text, &record);
                self.count += 1;
            }
        }
        if !self.done {
            line::write(&mut self.text, &format!("end {}", self.count));
            self.done = true;
        }
        true
    }

    /// The whole text; `None` before all bindings were seen.
    pub fn finish(self) -> Option<Vec<u8>> {
        self.done.then(|| self.text.into_bytes())
    }
}

impl Default for SnapshotWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: Store> Location<S> {
    /// A snapshot of all at once. [`SnapshotWriter`] does it by and by.
    pub fn snapshot(&self, now: Clocks) -> Vec<u8> {
        let mut writer = SnapshotWriter::new();
        writer.step(self, now, usize::MAX);
        writer.finish().unwrap_or_default()
    }
}

/// The line of a binding, if it is one that outlives a restart.
fn record(binding: &Binding, now: Clocks) -> Option<String> {
    let (contact, order) = (binding.contact.as_sip()?, binding.order.as_ref()?);
    if contact.transport != Transport::Udp {
        return None;
    }
    let expires = wall_ms(binding.expires?, now);
    let mut record = String::with_capacity(512);
    field(&mut record, "id", binding.id.0);
    field(&mut record, "aor", &binding.aor);
    contact_fields(&mut record, contact);
    field(&mut record, "q", binding.q.thousandths());
    field(&mut record, "call-id", &order.call_id);
    field(&mut record, "cseq", order.cseq);
    field(&mut record, "refreshed", wall_ms(binding.refreshed, now));
    field(&mut record, "expires", expires);
    Some(record)
}

fn contact_fields(record: &mut String, contact: &SipContact) {
    field(record, "contact", &contact.uri);
    if let Some(instance) = &contact.instance {
        field(record, "instance", instance);
    }
    if let Some(reg_id) = contact.reg_id {
        field(record, "reg-id", reg_id);
    }
    for path in &contact.path {
        field(record, "path", path);
    }
    field(record, "source", contact.source);
}

fn field(record: &mut String, name: &str, value: impl Display) {
    if !record.is_empty() {
        record.push('\t');
    }
    // Writing to a String does not fail.
    let _ = write!(record, "{name}=");
    line::escape(&value.to_string(), record);
}

/// What the wall clock says at an instant, in milliseconds.
fn wall_ms(at: Instant, now: Clocks) -> u64 {
    let ago = now.mono.saturating_duration_since(at);
    let ahead = at.saturating_duration_since(now.mono);
    let wall: Duration = now.wall.saturating_sub(ago) + ahead;
    u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)
}

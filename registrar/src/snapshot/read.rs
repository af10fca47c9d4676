//! Reading a snapshot.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::flow::Transport;
use sip::uri::{Host, Uri};
use smol_str::SmolStr;

use super::{Clocks, Restored, SnapshotError, SnapshotFault, VERSION, line};
use crate::aor::Aor;
use crate::binding::{Binding, BindingId, BindingState, Order, QValue};
use crate::contact::{Contact, SipContact};
use crate::location::Location;
use crate::register::ExpiryLimits;
use crate::store::Store;

/// A binding as it was written.
struct Record {
    binding: Binding,
    refreshed: Duration,
    expires: Duration,
}

impl<S: Store> Location<S> {
    /// Takes the bindings of a snapshot in, unless they have expired by the wall clock. `expiry`
    /// says how long somebody may be registered, `None` if he may not any more: nothing lasts
    /// longer from now than that, wherever the clock has gone. They are reached by the addresses
    /// they came from.
    ///
    /// # Errors
    /// [`SnapshotError`], with the first line that is wrong; nothing has changed then.
    pub fn restore(
        &mut self,
        now: Clocks,
        expiry: impl Fn(&Aor) -> Option<ExpiryLimits>,
        snapshot: &[u8],
    ) -> Result<Restored, SnapshotError> {
        let mut restored = Restored::default();
        for record in read(snapshot, now.mono)? {
            let left = record.expires.saturating_sub(now.wall);
            let Record { mut binding, .. } = record;
            let count = match expiry(&binding.aor) {
                None => &mut restored.unwanted,
                Some(_) if left.is_zero() => &mut restored.expired,
                Some(expiry) => {
                    let left = left.min(Duration::from_secs(expiry.max_s().into()));
                    binding.expires = Some(now.mono + left);
                    binding.refreshed = past(now, record.refreshed);
                    self.take_up(binding, &mut restored)
                }
            };
            *count += 1;
        }
        Ok(restored)
    }

    /// Says where to count it.
    fn take_up<'r>(&mut self, mut binding: Binding, restored: &'r mut Restored) -> &'r mut usize {
        // Two of one place were never there at once: one went while the snapshot was written, or
        // its telephone is back already.
        let twin = self.twin(&binding).map(|twin| (twin.id, twin.refreshed));
        match twin {
            Some((_, refreshed)) if refreshed >= binding.refreshed => {
                return &mut restored.outdated;
            }
            Some((id, _)) => {
                self.unbind(id);
                restored.bindings = restored.bindings.saturating_sub(1);
                restored.outdated += 1;
            }
            None => {}
        }
        if self.len() >= self.limits.bindings || self.count_of(&binding.aor) >= self.limits.per_aor
        {
            return &mut restored.over_limit;
        }
        if self.get(binding.id).is_some() {
            binding.id = self.new_id();
        }
        self.insert(binding);
        &mut restored.bindings
    }

    fn twin(&self, binding: &Binding) -> Option<&Binding> {
        let contact = binding.contact.as_sip()?;
        self.of(&binding.aor).find(|own| {
            let own = own.contact.as_sip();
            own.is_some_and(|own| own.same_place(contact))
        })
    }
}

fn read(snapshot: &[u8], now: Instant) -> Result<Vec<Record>, SnapshotError> {
    let mut records = Vec::new();
    let mut seen = BTreeSet::new();
    let mut ended = false;
    let mut number = 0;
    for bytes in snapshot.split_inclusive(|byte| *byte == b'\n') {
        number += 1;
        let fault = |fault| SnapshotError {
            line: number,
            fault,
        };
        let whole = bytes.strip_suffix(b"\n");
        let whole = whole.ok_or_else(|| fault(SnapshotFault::Truncated))?;
        let text = std::str::from_utf8(whole).map_err(|_| fault(SnapshotFault::Encoding))?;
        let text = line::read(text).map_err(fault)?;
        if ended {
            return Err(fault(SnapshotFault::Trailing));
        }
        if number == 1 {
            header(text).map_err(fault)?;
        } else if let Some(named) = text.strip_prefix("end ") {
            end(named, records.len()).map_err(fault)?;
            ended = true;
        } else {
            let record = record(text, now).map_err(fault)?;
            if !seen.insert(record.binding.id) {
                return Err(fault(SnapshotFault::Twice));
            }
            records.push(record);
        }
    }
    match ended {
        true => Ok(records),
        false => Err(SnapshotError {
            line: number + 1,
            fault: SnapshotFault::Truncated,
        }),
    }
}

fn header(text: &str) -> Result<(), SnapshotFault> {
    let version = text.strip_prefix("callbox-bindings ");
    let version = version.ok_or(SnapshotFault::Header)?;
    match version.parse() {
        Ok(VERSION) => Ok(()),
        _ => Err(SnapshotFault::Version(version.to_owned())),
    }
}

fn end(named: &str, found: usize) -> Result<(), SnapshotFault> {
    let named = named
        .parse()
        .map_err(|_| SnapshotFault::Field("end".to_owned()))?;
    match named == found {
        true => Ok(()),
        false => Err(SnapshotFault::Count { named, found }),
    }
}

fn record(text: &str, now: Instant) -> Result<Record, SnapshotFault> {
    let mut fields = Fields::read(text)?;
    let order = Order {
        call_id: Arc::from(fields.must("call-id")?),
        cseq: fields.number("cseq")?,
    };
    let aor = aor(&fields.must("aor")?).ok_or_else(|| SnapshotFault::Field("aor".to_owned()))?;
    let q = QValue::from_thousandths(fields.number("q")?);
    let record = Record {
        refreshed: Duration::from_millis(fields.number("refreshed")?),
        expires: Duration::from_millis(fields.number("expires")?),
        binding: Binding {
            id: id(&mut fields)?,
            aor,
            contact: Contact::Sip(Arc::new(contact(&mut fields)?)),
            q: q.ok_or_else(|| SnapshotFault::Field("q".to_owned()))?,
            expires: None,
            refreshed: now,
            state: BindingState::Addressed,
            order: Some(order),
        },
    };
    match fields.left.first() {
        Some((name, _)) => Err(SnapshotFault::Field((*name).to_owned())),
        None => Ok(record),
    }
}

/// Names are counted up: one near the end of the numbers was never given.
fn id(fields: &mut Fields<'_>) -> Result<BindingId, SnapshotFault> {
    match fields.number("id")? {
        id if id <= u64::MAX / 2 => Ok(BindingId(id)),
        _ => Err(SnapshotFault::Field("id".to_owned())),
    }
}

fn aor(text: &str) -> Option<Aor> {
    let (user, domain) = text.split_once('@')?;
    Aor::new(user, &Host::parse(domain).ok()?).ok()
}

fn contact(fields: &mut Fields<'_>) -> Result<SipContact, SnapshotFault> {
    let uri = Uri::parse(&fields.must("contact")?).ok();
    let uri = uri
        .filter(|uri| uri.as_sip().is_some())
        .ok_or_else(|| SnapshotFault::Field("contact".to_owned()))?;
    Ok(SipContact {
        uri,
        instance: fields.take("instance").map(SmolStr::from),
        reg_id: fields.parse("reg-id")?,
        source: fields.number("source")?,
        path: std::iter::from_fn(|| fields.take("path").map(SmolStr::from)).collect(),
        transport: Transport::Udp,
    })
}

/// What is left to be read of a line.
struct Fields<'a> {
    left: Vec<(&'a str, String)>,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Result<Self, SnapshotFault> {
        let mut left = Vec::new();
        for field in text.split('\t') {
            let read = field
                .split_once('=')
                .and_then(|(name, value)| Some((name, line::unescape(value)?)));
            left.push(read.ok_or_else(|| SnapshotFault::Field(field.to_owned()))?);
        }
        Ok(Self { left })
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.left.iter().position(|(found, _)| *found == name)?;
        Some(self.left.remove(at).1)
    }

    fn must(&mut self, name: &'static str) -> Result<String, SnapshotFault> {
        self.take(name).ok_or(SnapshotFault::Missing(name))
    }

    fn parse<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
    ) -> Result<Option<T>, SnapshotFault> {
        let parse = |text: String| {
            text.parse()
                .map_err(|_| SnapshotFault::Field(name.to_owned()))
        };
        self.take(name).map(parse).transpose()
    }

    fn number<T: std::str::FromStr>(&mut self, name: &'static str) -> Result<T, SnapshotFault> {
        self.parse(name)?.ok_or(SnapshotFault::Missing(name))
    }
}

/// An instant of the past by the wall clock; now, if the clock has gone back or the machine is
/// younger.
fn past(now: Clocks, wall: Duration) -> Instant {
    let ago = now.wall.saturating_sub(wall);
    now.mono.checked_sub(ago).unwrap_or(now.mono)
}

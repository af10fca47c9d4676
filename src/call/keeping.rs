//! Registrations outlive a restart of the server: what is kept on disk, and what is taken up again.

use std::time::{Duration, Instant};

use registrar::snapshot::{Clocks, Restored, SnapshotError, SnapshotWriter};
use registrar::{Aor, BindingId, RegisterPolicy};

use super::admission::admits_guest;
use super::config::GuestPolicy;
use super::io::{Output, Peer};
use super::people::{Device, DeviceKind, User};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::timer::Timer;

/// Registrations looked at before calls get their turn.
const PIECE: usize = 500;

/// Between two pieces.
const PAUSE: Duration = Duration::from_millis(1);

/// What was kept last, and what is being written.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    writer: Option<SnapshotWriter>,
    /// The state of the registrations that the last snapshot began with.
    kept: u64,
}

impl Switch {
    /// Takes up the registrations that were kept before a restart: those by UDP, whose telephones
    /// need not know of it. To be called before any input. Who could not register any more is left
    /// out.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing has changed then.
    pub fn restore(&mut self, now: Now, snapshot: &[u8]) -> Result<Restored, SnapshotError> {
        let (config, domains) = (&self.config, &self.domains);
        let expiry = |aor: &Aor| {
            let home = domains.canonical(aor.domain()) == Some(aor.domain());
            let welcome = config.guests_of(aor.domain()) != GuestPolicy::None;
            let known = config.accounts.get(aor).is_some() || welcome;
            let policy: Option<&RegisterPolicy> = domains.policy(aor.domain());
            policy.filter(|_| home && known).map(|policy| policy.expiry)
        };
        let mut restored = self.location.restore(clocks(now), expiry, snapshot)?;
        let bindings: Vec<BindingId> = self.location.iter().map(|it| it.id).collect();
        for binding in bindings {
            if !self.take_up(now, binding) {
                self.location.unbind(binding);
                restored.bindings = restored.bindings.saturating_sub(1);
                restored.unwanted += 1;
            }
        }
        self.keeper.kept = self.location.lasting_changes();
        self.settle(now);
        Ok(restored)
    }

    /// A registered telephone is a device again. False if it is a guest's who may not come from
    /// there.
    fn take_up(&mut self, now: Now, id: BindingId) -> bool {
        let Some(binding) = self.location.get(id) else {
            return true;
        };
        let Some(contact) = binding.contact.as_sip() else {
            return true;
        };
        let user = binding.aor.clone();
        let account = self.config.accounts.get(&user);
        let peer = Peer {
            address: contact.source,
            local: contact.source.ip().to_canonical().is_loopback(),
            secure: false,
            user_agent: None,
        };
        if account.is_none() && !admits_guest(self.guests_of(user.domain()), &peer) {
            return false;
        }
        let name = account.and_then(|account| account.display_name.as_ref());
        let name = name.map_or_else(|| user.user().to_owned(), ToString::to_string);
        let person = User::new(name, account.is_none(), now.mono);
        let device = Device {
            user,
            kind: DeviceKind::Phone { here: true },
            binding: id,
            legs: Default::default(),
            since: now,
        };
        let id = self.people.next_id();
        self.people.add(id, device, person);
        self.announce_sign_in(id, true);
        true
    }

    /// Has the next snapshot begun in time, if registrations are no longer what is kept.
    pub(super) fn arm_keeping(&mut self, now: Instant) {
        let changed = self.location.lasting_changes() != self.keeper.kept;
        if changed && self.stage == Stage::Running && !self.timers.is_armed(Timer::Keeping) {
            let due = now + self.config.timing.keeping;
            self.timers.arm(Timer::Keeping, due);
        }
    }

    /// Writes the next piece of a snapshot, and hands it over when it is whole.
    pub(super) fn on_keeping_due(&mut self, now: Now) {
        if self.keeper.writer.is_none() {
            self.keeper.kept = self.location.lasting_changes();
        }
        let writer = self.keeper.writer.get_or_insert_default();
        if !writer.step(&self.location, clocks(now), PIECE) {
            self.timers.arm(Timer::Keeping, now.mono + PAUSE);
            return;
        }
        let whole = self.keeper.writer.take();
        if let Some(snapshot) = whole.and_then(SnapshotWriter::finish) {
            self.outputs.push(Output::Keep(snapshot));
        }
    }

    /// The last word before the server ends.
    pub(super) fn keep_all(&mut self, now: Now) {
        self.keeper.writer = None;
        self.timers.disarm(Timer::Keeping);
        let snapshot = self.location.snapshot(clocks(now));
        self.outputs.push(Output::Keep(snapshot));
    }
}

fn clocks(now: Now) -> Clocks {
    Clocks {
        mono: now.mono,
        wall: now.wall.0,
    }
}

//! Guessing of one account's password from many addresses (each of which stays below its own
//! limit) is stopped at the account. Nobody can lock out a device that is there: a flow that the
//! account is bound to answers only for its own failures.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::aor::Aor;

/// When an account is locked, and how much is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutLimits {
    /// So many failures...
    pub failures: u32,
    /// ...within this time...
    pub window: Duration,
    /// ...lock the account so long.
    pub locked: Duration,
    /// How many accounts are remembered, and apart from them as many names that have none: whoever
    /// makes up names drives out no count of an account.
    pub capacity: usize,
}

impl Default for LockoutLimits {
    fn default() -> Self {
        Self {
            failures: 20,
            window: Duration::from_secs(300),
            locked: Duration::from_secs(300),
            capacity: 10_000,
        }
    }
}

/// From where somebody tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A flow that the account is bound to ([`Location::is_bound_to`](crate::Location::is_bound_to)).
    BoundFlow,
    /// From anywhere else.
    Elsewhere,
}

/// Failed proofs, by account. A success clears nothing: the refreshments of a telephone would else
/// let others guess on for ever.
#[derive(Debug)]
pub struct Lockout {
    limits: LockoutLimits,
    accounts: Table,
    strangers: Table,
}

#[derive(Debug, Default)]
struct Table {
    counts: BTreeMap<(Aor, Origin), Count>,
    /// By when each is forgotten.
    until: BTreeSet<(Instant, Aor, Origin)>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failures: u32,
    /// The end of the window, or of the lock.
    until: Instant,
}

impl Lockout {
    /// Nobody has failed.
    pub fn new(limits: LockoutLimits) -> Self {
        Self {
            limits,
            accounts: Table::default(),
            strangers: Table::default(),
        }
    }

    /// How long no proof for `aor` is looked at; `None` if it is. The answer is the same whether
    /// the name has an account or not.
    pub fn locked(&self, now: Instant, aor: &Aor, origin: Origin) -> Option<Duration> {
        let key = (aor.clone(), origin);
        // Both are searched, whichever has it: no time tells them apart.
        let counts = [&self.accounts, &self.strangers].map(|table| table.counts.get(&key));
        let count = counts.into_iter().flatten().next()?;
        let left = count.until.checked_duration_since(now)?;
        (count.failures >= self.limits.failures && !left.is_zero()).then_some(left)
    }

    /// Notes a proof that failed. `known`: the name has an account.
    pub fn note_failure(&mut self, now: Instant, aor: &Aor, origin: Origin, known: bool) {
        self.handle_timeout(now);
        let limits = self.limits;
        let table = match known {
            true => &mut self.accounts,
            false => &mut self.strangers,
        };
        table.note(now, aor, origin, &limits);
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first = |table: &Table| table.until.first().map(|(until, ..)| *until);
        let both = [first(&self.accounts), first(&self.strangers)];
        both.into_iter().flatten().min()
    }

    /// Forgets what is over.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.accounts.forget(now);
        self.strangers.forget(now);
    }

    /// How many counts there are.
    pub fn len(&self) -> usize {
        self.accounts.counts.len() + self.strangers.counts.len()
    }

    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Table {
    fn note(&mut self, now: Instant, aor: &Aor, origin: Origin, limits: &LockoutLimits) {
        let key = (aor.clone(), origin);
        if !self.counts.contains_key(&key) && self.counts.len() >= limits.capacity.max(1) {
            self.pop_first();
        }
        let count = self.counts.entry(key).or_insert(Count {
            failures: 0,
            until: now + limits.window,
        });
        let before = count.until;
        count.failures = count.failures.saturating_add(1);
        if count.failures == limits.failures {
            count.until = now + limits.locked;
        }
        let after = count.until;
        self.until.remove(&(before, aor.clone(), origin));
        self.until.insert((after, aor.clone(), origin));
    }

    fn forget(&mut self, now: Instant) {
        while self.until.first().is_some_and(|(until, ..)| *until <= now) {
            self.pop_first();
        }
    }

    fn pop_first(&mut self) {
        if let Some((_, aor, origin)) = self.until.pop_first() {
            self.counts.remove(&(aor, origin));
        }
    }
}

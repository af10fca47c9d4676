//! All searches together: what is known, what is being asked, and who waits for it.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use rand::Rng;

use super::cache::Cache;
use super::failures::Failures;
use super::locator::{Around, Locator, Step};
use super::{AddressPolicy, Answer, Destination, End, LocateError, LocatePolicy, Query, Target};

/// How much is kept, and how long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Searches at a time. Beyond: the oldest whose target is being tried is forgotten and has no
    /// further one; if all wait for the DNS, [`LocateError::Busy`].
    pub searches: usize,
    /// Queries at a time. Beyond: a query counts as failed, [`End::Limit`].
    pub queries: usize,
    /// Answers kept. Beyond: the one that would die first is forgotten.
    pub cached: usize,
    /// Failed targets kept. Beyond: the one whose time ends first is forgotten.
    pub failures: usize,
    /// How long an answer may take before the query counts as failed.
    pub query_patience: Duration,
    /// How long a failed target is passed over, unless a Retry-After says so.
    pub failure_hold: Duration,
}

/// How much there is of what [`Limits`] bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Searches that are under way, or whose target is being tried.
    pub searches: usize,
    /// Queries without an answer.
    pub queries: usize,
    /// Searches that wait for them, each counted once for each query.
    pub waiting: usize,
    /// Answers kept.
    pub cached: usize,
    /// Failed targets kept.
    pub failures: usize,
}

/// Names a search; never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SearchId(u64);

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Ask the DNS, and tell [`Resolver::handle_answer`] what came of it.
    Ask(Query),
    /// Send the request of a search there.
    Found(SearchId, Target),
    /// A search has no further target, and is forgotten.
    End(SearchId, End),
}

/// See the [module](super).
#[derive(Debug)]
pub struct Resolver {
    policy: LocatePolicy,
    limits: Limits,
    cache: Cache,
    failures: Failures,
    searches: BTreeMap<SearchId, Search>,
    open: BTreeMap<Query, Open>,
    outputs: VecDeque<Output>,
    last_id: u64,
}

#[derive(Debug)]
struct Search {
    locator: Locator,
    /// Its target is being tried; no answer is waited for.
    idle: bool,
}

/// A query that was asked.
#[derive(Debug)]
struct Open {
    deadline: Instant,
    waiting: Vec<SearchId>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            searches: 4096,
            queries: 1024,
            cached: 4096,
            failures: 1024,
            query_patience: Duration::from_secs(5),
            failure_hold: Duration::from_secs(30),
        }
    }
}

impl Resolver {
    /// One that knows nothing yet.
    pub fn new(policy: LocatePolicy, limits: Limits) -> Self {
        Self {
            policy,
            limits,
            cache: Cache::new(limits.cached),
            failures: Failures::new(limits.failure_hold, limits.failures),
            searches: BTreeMap::new(),
            open: BTreeMap::new(),
            outputs: VecDeque::new(),
            last_id: 0,
        }
    }

    /// Begins a search, and looks for its first target. `addresses` says where the request may
    /// go: more for what the operator wrote into the configuration than for what a stranger wrote
    /// into a URI.
    ///
    /// # Errors
    /// [`LocateError`]
    pub fn locate(
        &mut self,
        now: Instant,
        destination: &Destination,
        addresses: AddressPolicy,
        rng: &mut impl Rng,
    ) -> Result<SearchId, LocateError> {
        let locator = Locator::new(destination, &self.policy, addresses)?;
        if self.searches.len() >= self.limits.searches {
            let idle = self.searches.iter().find(|(_, search)| search.idle);
            let oldest = idle.map(|(id, _)| *id).ok_or(LocateError::Busy)?;
            self.searches.remove(&oldest);
        }
        self.last_id += 1;
        let id = SearchId(self.last_id);
        let search = Search {
            locator,
            idle: false,
        };
        self.searches.insert(id, search);
        self.advance(now, id, rng);
        Ok(id)
    }

    /// The target of a search failed: looks for another.
    pub fn next(&mut self, now: Instant, id: SearchId, rng: &mut impl Rng) {
        match self.searches.get_mut(&id) {
            None => self.outputs.push_back(Output::End(id, End::Exhausted)),
            // It is being looked for.
            Some(search) if !search.idle => {}
            Some(search) => {
                search.idle = false;
                self.advance(now, id, rng);
            }
        }
    }

    /// A search is not needed any more: its request was answered, or given up. Nothing is said of
    /// it from now on.
    pub fn end(&mut self, id: SearchId) {
        if self.searches.remove(&id).is_some_and(|search| !search.idle) {
            for open in self.open.values_mut() {
                open.waiting.retain(|waiting| *waiting != id);
            }
        }
        let about = |output: &Output| match output {
            Output::Found(search, _) | Output::End(search, _) => *search == id,
            Output::Ask(_) => false,
        };
        self.outputs.retain(|output| !about(output));
    }

    /// A request to that target was not answered, could not be sent, or was answered with 503,
    /// which may say for how long (Retry-After). All searches pass it over for a while, as long
    /// as they have others.
    pub fn mark_failed(&mut self, now: Instant, target: &Target, retry_after: Option<Duration>) {
        self.failures
            .mark(now, target.transport, target.addr, retry_after);
    }

    /// That target answered.
    pub fn mark_alive(&mut self, target: &Target) {
        self.failures.clear(target.transport, target.addr);
    }

    /// Takes the answer to a query. One that nobody asked for, or that comes too late, is not
    /// believed.
    pub fn handle_answer(
        &mut self,
        now: Instant,
        query: &Query,
        mut answer: Answer,
        rng: &mut impl Rng,
    ) {
        let Some(open) = self.open.remove(query) else {
            return;
        };
        answer.cut(query.kind, self.policy.max_records);
        self.cache.insert(now, query.clone(), answer.clone());
        for id in open.waiting {
            if let Some(search) = self.searches.get_mut(&id) {
                search.locator.handle_answer(query, answer.clone());
                self.advance(now, id, rng);
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.open.values().map(|open| open.deadline).min()
    }

    /// Queries that took too long count as failed.
    pub fn handle_timeout(&mut self, now: Instant, rng: &mut impl Rng) {
        let late: Vec<Query> = self
            .open
            .iter()
            .filter(|(_, open)| now >= open.deadline)
            .map(|(query, _)| query.clone())
            .collect();
        for query in late {
            self.handle_answer(now, &query, Answer::Failed, rng);
        }
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Forgets all answers and failures: the network has changed. Searches go on.
    pub fn forget_all(&mut self) {
        self.cache.clear();
        self.failures.forget_all();
    }

    /// How much there is, to be watched.
    pub fn usage(&self) -> Usage {
        Usage {
            searches: self.searches.len(),
            queries: self.open.len(),
            waiting: self.open.values().map(|open| open.waiting.len()).sum(),
            cached: self.cache.len(),
            failures: self.failures.len(),
        }
    }

    /// Takes a search as far as it goes without an answer.
    fn advance(&mut self, now: Instant, id: SearchId, rng: &mut impl Rng) {
        let Some(search) = self.searches.get_mut(&id) else {
            return;
        };
        let mut around = Around {
            now,
            cache: &self.cache,
            failures: &self.failures,
            rng,
        };
        loop {
            match search.locator.next(&mut around) {
                Step::Wait => return,
                Step::Target(target) => {
                    search.idle = true;
                    self.outputs.push_back(Output::Found(id, target));
                    return;
                }
                Step::End(end) => {
                    self.searches.remove(&id);
                    self.outputs.push_back(Output::End(id, end));
                    return;
                }
                Step::Ask(queries) => {
                    for query in queries {
                        if let Some(open) = self.open.get_mut(&query) {
                            open.waiting.push(id);
                        } else if self.open.len() >= self.limits.queries {
                            search.locator.handle_no_room(&query);
                        } else {
                            self.outputs.push_back(Output::Ask(query.clone()));
                            let open = Open {
                                deadline: now + self.limits.query_patience,
                                waiting: vec![id],
                            };
                            self.open.insert(query, open);
                        }
                    }
                }
            }
        }
    }
}

//! Answers of the DNS, kept while they may be believed: good ones, bad ones (RFC 2308), and for a
//! moment that there was none.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::{Answer, Query};

/// The longest that records are believed, whatever they say.
const MAX_TTL: Duration = Duration::from_secs(3600);
/// The longest that there is nothing is believed: whoever adds a record does not wait for it long.
const MAX_NOTHING_TTL: Duration = Duration::from_secs(300);
/// How long a failure is believed. RFC 2308 7 allows five minutes; people try again sooner.
const FAILURE_TTL: Duration = Duration::from_secs(5);

/// At most `limit` answers; a full cache forgets the one that would die first.
#[derive(Debug)]
pub(super) struct Cache {
    answers: BTreeMap<Query, (Instant, Answer)>,
    limit: usize,
}

impl Cache {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            answers: BTreeMap::new(),
            limit,
        }
    }

    /// The answer to a query, if it is known.
    pub(super) fn get(&self, now: Instant, query: &Query) -> Option<&Answer> {
        let (until, answer) = self.answers.get(query)?;
        (now < *until).then_some(answer)
    }

    /// Keeps an answer for its life; one of no life serves those alone that asked for it.
    pub(super) fn insert(&mut self, now: Instant, query: Query, answer: Answer) {
        let ttl = match &answer {
            Answer::Found { ttl, .. } => (*ttl).min(MAX_TTL),
            Answer::Nothing { ttl } => (*ttl).min(MAX_NOTHING_TTL),
            Answer::Failed => FAILURE_TTL,
        };
        self.answers.remove(&query);
        if ttl.is_zero() || self.limit == 0 {
            return;
        }
        if self.answers.len() >= self.limit {
            self.answers.retain(|_, (until, _)| now < *until);
        }
        if self.answers.len() >= self.limit {
            let first = self.answers.iter().min_by_key(|(_, (until, _))| *until);
            if let Some(query) = first.map(|(query, _)| query.clone()) {
                self.answers.remove(&query);
            }
        }
        self.answers.insert(query, (now + ttl, answer));
    }

    pub(super) fn len(&self) -> usize {
        self.answers.len()
    }

    pub(super) fn clear(&mut self) {
        self.answers.clear();
    }
}

//! The DNS, for SIP: from what a URI says to servers, in order, with failover (RFC 3263).
//!
//! One task owns the [`Resolver`], which decides what to ask and what answers mean, and keeps them
//! for their time. The questions go to the name servers of the system, or its hosts file.

mod lookup;
#[cfg(test)]
pub(in crate::net) mod tests;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use sip::resolve::{
    AddressPolicy, Answer, Destination, End, Limits, LocatePolicy, Output, Query, Resolver,
    SearchId, Target,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::clock;
use lookup::Lookup;

/// Orders that wait for the task; whoever has one more waits with it.
const INBOX: usize = 256;

/// The way to the DNS. Cheap to clone; the task ends with the last one.
#[derive(Debug, Clone)]
pub(in crate::net) struct Dns {
    orders: mpsc::Sender<Order>,
}

/// A search that has found a target.
#[derive(Debug)]
pub(in crate::net) struct Search {
    dns: Dns,
    id: SearchId,
    target: Target,
}

/// What the task is told.
#[derive(Debug)]
enum Order {
    Locate(Destination, AddressPolicy, Reply),
    /// The target of a search was not what was looked for, or failed.
    Next(SearchId, Option<Target>, Reply),
    /// It is not needed any more.
    End(SearchId),
}

type Reply = oneshot::Sender<Result<(SearchId, Target), String>>;

impl Dns {
    /// Begins to serve. `seed` is from the operating system: it decides which of several servers is
    /// asked (RFC 2782).
    pub(in crate::net) fn start(seed: [u8; 32]) -> Self {
        Self::with(Lookup::of_system(), LocatePolicy::default(), seed)
    }

    fn with(lookup: Lookup, policy: LocatePolicy, seed: [u8; 32]) -> Self {
        let (orders, inbox) = mpsc::channel(INBOX);
        let task = Task {
            resolver: Resolver::new(policy, Limits::default()),
            lookup,
            rng: StdRng::from_seed(seed),
            replies: BTreeMap::new(),
            questions: JoinSet::new(),
        };
        tokio::spawn(task.run(inbox));
        Self { orders }
    }

    /// The first server of a destination.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(in crate::net) async fn locate(
        &self,
        destination: Destination,
        addresses: AddressPolicy,
    ) -> Result<Search, String> {
        let order = |reply| Order::Locate(destination, addresses, reply);
        let (id, target) = self.ask(order).await?;
        let dns = self.clone();
        Ok(Search { dns, id, target })
    }

    async fn ask(&self, order: impl FnOnce(Reply) -> Order) -> Result<(SearchId, Target), String> {
        let (reply, answer) = oneshot::channel();
        let sent = self.orders.send(order(reply)).await;
        let answer = match sent {
            Ok(()) => answer.await.ok(),
            Err(_) => None,
        };
        answer.unwrap_or_else(|| Err("the server is going down".to_owned()))
    }
}

impl Search {
    /// Where to.
    pub(in crate::net) fn target(&self) -> &Target {
        &self.target
    }

    /// That one is not wanted, or it failed: the next one. Other searches pass a failed one over for
    /// a while.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(in crate::net) async fn next(&mut self, failed: bool) -> Result<(), String> {
        let (id, target) = (self.id, failed.then(|| self.target.clone()));
        let order = |reply| Order::Next(id, target, reply);
        self.target = self.dns.ask(order).await?.1;
        Ok(())
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        // A task with a full inbox forgets the oldest search by itself, some time.
        let _ = self.dns.orders.try_send(Order::End(self.id));
    }
}

/// See the module.
struct Task {
    resolver: Resolver,
    lookup: Lookup,
    rng: StdRng,
    replies: BTreeMap<SearchId, Reply>,
    questions: JoinSet<(Query, Answer)>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>) {
        loop {
            let due = self.resolver.poll_timeout().map(Instant::from_std);
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                Some(Ok((query, answer))) = self.questions.join_next() => {
                    let now = clock::now().mono;
                    self.resolver.handle_answer(now, &query, answer, &mut self.rng);
                }
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                    self.resolver.handle_timeout(clock::now().mono, &mut self.rng);
                }
            }
            self.carry_out();
        }
    }

    fn obey(&mut self, order: Order) {
        let now = clock::now().mono;
        match order {
            Order::Locate(destination, addresses, reply) => {
                let located = self
                    .resolver
                    .locate(now, &destination, addresses, &mut self.rng);
                match located {
                    Ok(id) => {
                        self.replies.insert(id, reply);
                    }
                    // Who asked may have gone.
                    Err(error) => drop(reply.send(Err(error.to_string()))),
                }
            }
            Order::Next(id, failed, reply) => {
                if let Some(failed) = failed {
                    self.resolver.mark_failed(now, &failed, None);
                }
                self.replies.insert(id, reply);
                self.resolver.next(now, id, &mut self.rng);
            }
            Order::End(id) => {
                self.replies.remove(&id);
                self.resolver.end(id);
            }
        }
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.resolver.poll_output() {
            match output {
                Output::Ask(query) => {
                    let lookup = self.lookup.clone();
                    self.questions.spawn(async move {
                        let answer = lookup.answer(&query).await;
                        (query, answer)
                    });
                }
                Output::Found(id, target) => {
                    let reply = self.replies.remove(&id);
                    let told = reply.map(|reply| reply.send(Ok((id, target))));
                    // Who asked has gone.
                    if !matches!(told, Some(Ok(()))) {
                        self.resolver.end(id);
                    }
                }
                Output::End(id, end) => {
                    if let Some(reply) = self.replies.remove(&id) {
                        let _ = reply.send(Err(why(end).to_owned()));
                    }
                }
            }
        }
    }
}

fn why(end: End) -> &'static str {
    match end {
        End::Exhausted => "none of its servers could be reached",
        End::NotFound => "the DNS knows no server of that name",
        End::NotAvailable => "its domain says that it has no SIP server",
        End::DnsFailed => "the DNS could not be asked",
        End::Forbidden => "it has only addresses that nothing is sent to",
        End::Limit => "it has more servers and aliases than are tried",
    }
}

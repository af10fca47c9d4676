//! What is kept, asked and waited for has limits.

use super::world::records;
use super::*;

const S: Duration = Duration::from_secs(1);

/// Takes all queries without answering any.
fn queries(world: &mut World) -> Vec<Query> {
    let mut queries = Vec::new();
    while let Some(output) = world.resolver().poll_output() {
        match output {
            Output::Ask(query) => queries.push(query),
            other => panic!("{other:?}"),
        }
    }
    queries
}

fn outputs(world: &mut World) -> Vec<String> {
    let mut shown = Vec::new();
    while let Some(output) = world.run() {
        shown.push(match output {
            Output::Found(_, target) => world::show(&target),
            Output::End(_, end) => format!("{end:?}"),
            Output::Ask(_) => unreachable!("it was answered"),
        });
    }
    shown
}

#[test]
fn answers_are_believed_for_their_life_and_not_longer() {
    let mut world = World::new();
    world.ttl = 60 * S;
    world.a("a.example", &["192.0.2.1"]);
    let uri = "sip:a.example:5060";
    world.first(uri);
    world.now += 59 * S;
    world.first(uri);
    assert_eq!(world.asked.len(), 2, "A and AAAA, once");
    world.now += S;
    world.first(uri);
    assert_eq!(world.asked.len(), 4);
}

#[test]
fn no_answer_is_believed_for_more_than_an_hour_and_no_absence_for_more_than_five_minutes() {
    let mut world = World::new();
    world.a("a.example", &["192.0.2.1"]);
    let uri = "sip:a.example:5060";
    world.first(uri);
    world.now += 300 * S;
    world.first(uri);
    assert_eq!(world.asked.last().unwrap(), "Aaaa a.example");
    assert_eq!(world.asked.len(), 3);
    world.now += 3300 * S;
    world.first(uri);
    assert_eq!(world.asked.last().unwrap(), "A a.example");
}

#[test]
fn an_answer_without_a_life_serves_the_one_that_asked() {
    let mut world = World::new();
    world.ttl = Duration::ZERO;
    world.srv("_sip._udp.example.com", [srv(0, 0, 5060, "h.example")]);
    world.a("h.example", &["192.0.2.1"]);
    let uri = "sip:example.com;transport=udp";
    assert_eq!(world.all(uri), ["udp 192.0.2.1:5060", "Exhausted"]);
    assert_eq!(world.all(uri), ["udp 192.0.2.1:5060", "Exhausted"]);
    assert_eq!(world.asked.len(), 6);
    assert_eq!(world.resolver().usage().cached, 0);
}

#[test]
fn a_failure_is_believed_for_five_seconds() {
    let mut world = World::new();
    world.fails("A a.example");
    world.fails("Aaaa a.example");
    let uri = "sip:a.example:5060";
    assert_eq!(world.all(uri), ["DnsFailed"]);
    world.now += 4 * S;
    assert_eq!(world.all(uri), ["DnsFailed"]);
    assert_eq!(world.asked.len(), 2);
    world.a("a.example", &["192.0.2.1"]);
    world.now += S;
    assert_eq!(world.all(uri), ["udp 192.0.2.1:5060", "Exhausted"]);
}

#[test]
fn a_full_cache_forgets_what_would_die_first() {
    let mut world = World::new();
    world.limits.cached = 8;
    world.policy.family = Family::V4Only;
    for host in 0..100 {
        let name = format!("h{host}.example");
        world.ttl = (1000 - host) * S;
        world.a(&name, &["192.0.2.1"]);
        world.first(&format!("sip:{name}:5060"));
        assert!(world.resolver().usage().cached <= 8);
    }
    world.asked.clear();
    world.first("sip:h0.example:5060");
    assert!(world.asked.is_empty(), "it lives longest");
    world.first("sip:h50.example:5060");
    assert_eq!(world.asked.len(), 1);
}

#[test]
fn equal_questions_are_asked_once_for_all_who_wait() {
    let mut world = World::new();
    world.a("a.example", &["192.0.2.1"]);
    for _ in 0..5 {
        world.locate("sip:a.example:5060").unwrap();
    }
    let queries = queries(&mut world);
    assert_eq!(queries.len(), 2);
    for query in &queries {
        world.answer(query);
    }
    assert_eq!(outputs(&mut world), vec!["udp 192.0.2.1:5060"; 5]);
}

#[test]
fn a_dns_that_never_answers_counts_as_failed_and_a_late_answer_is_not_believed() {
    let mut world = World::new();
    world.locate("sip:a.example:5060").unwrap();
    let queries = queries(&mut world);
    let deadline = world.now + 5 * S;
    assert_eq!(world.resolver().poll_timeout(), Some(deadline));
    let mut rng = world.rng();
    let before = deadline - Duration::from_millis(1);
    world.resolver().handle_timeout(before, &mut rng);
    assert_eq!(outputs(&mut world), [""; 0]);
    world.resolver().handle_timeout(deadline, &mut rng);
    assert_eq!(outputs(&mut world), ["DnsFailed"]);
    assert_eq!(world.resolver().poll_timeout(), None);
    world.now = deadline + 10 * S;
    world.a("a.example", &["192.0.2.1"]);
    let cached = world.resolver().usage().cached;
    for query in &queries {
        world.answer(query);
    }
    assert_eq!(outputs(&mut world), [""; 0]);
    assert_eq!(world.resolver().usage().cached, cached);
}

#[test]
fn an_answer_of_another_kind_counts_as_failed() {
    let mut world = World::new();
    world.found("A a.example", Records::Srv(vec![srv(0, 0, 1, "b.example")]));
    assert_eq!(world.all("sip:a.example:5060"), ["DnsFailed"]);
    let mixed = records(&["2001:db8::1", "192.0.2.2"]);
    world.found("A b.example", mixed);
    assert_eq!(
        world.all("sip:b.example:5060"),
        ["udp 192.0.2.2:5060", "Exhausted"]
    );
}

#[test]
fn of_too_many_records_the_preferred_are_used() {
    let mut world = World::new();
    world.policy.max_records = 2;
    let servers: Vec<Srv> = (0..100)
        .map(|index| srv(100 - index, 0, index, "h.example"))
        .collect();
    world.found("Srv _sip._udp.example.com", Records::Srv(servers));
    let addresses: Vec<String> = (0..100).map(|index| format!("192.0.2.{index}")).collect();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    world.a("h.example", &addresses);
    assert_eq!(
        world.all("sip:example.com;transport=udp"),
        [
            "udp 192.0.2.0:99",
            "udp 192.0.2.1:99",
            "udp 192.0.2.0:98",
            "udp 192.0.2.1:98",
            "Exhausted"
        ]
    );
}

#[test]
fn one_request_asks_and_tries_no_more_than_its_share() {
    let mut world = World::new();
    let servers: Vec<Srv> = (0..30)
        .map(|index| srv(index, 0, 5060, &format!("h{index}.example")))
        .collect();
    world.found("Srv _sip._udp.example.com", Records::Srv(servers));
    for index in 0..30 {
        world.a(&format!("h{index}.example"), &[&format!("192.0.2.{index}")]);
    }
    let uri = "sip:example.com;transport=udp";
    let found = world.all(uri);
    assert_eq!((found.len(), &*found[16]), (17, "Limit"));
    world.policy.max_targets = 1000;
    let found = world.all(uri);
    assert_eq!(found.last().unwrap(), "Exhausted");
    world.policy.max_queries = 6;
    world.asked.clear();
    assert_eq!(
        world.all(uri),
        ["udp 192.0.2.0:5060", "udp 192.0.2.1:5060", "Limit"],
        "SRV, A and AAAA of two hosts, and AAAA of the third"
    );
    assert_eq!(world.asked.len(), 6);
}

#[test]
fn queries_beyond_their_limit_count_as_failed() {
    let mut world = World::new();
    world.limits.queries = 2;
    world.policy.family = Family::V4Only;
    for host in ["a", "b"] {
        world.locate(&format!("sip:{host}.example:5060")).unwrap();
    }
    assert_eq!(queries(&mut world).len(), 2);
    world.locate("sip:c.example:5060").unwrap();
    assert_eq!(outputs(&mut world), ["Limit"]);
    world.locate("sip:a.example:5060").unwrap();
    assert_eq!(outputs(&mut world), [""; 0], "that one is being asked");
}

#[test]
fn searches_beyond_their_limit_push_out_the_oldest_that_waits_for_nobody() {
    let mut world = World::new();
    world.limits.searches = 2;
    let first = world.locate("sip:192.0.2.1").unwrap();
    world.locate("sip:192.0.2.2").unwrap();
    assert_eq!(outputs(&mut world).len(), 2);
    world.locate("sip:a.example:5060").unwrap();
    world.next(first);
    assert_eq!(world.resolver().usage().searches, 2);
    let Some(Output::Ask(_)) = world.resolver().poll_output() else {
        panic!("the new search goes on");
    };
    world.locate("sip:b.example:5060").unwrap();
    assert_eq!(
        world.locate("sip:c.example:5060"),
        Err(LocateError::Busy),
        "both wait for the DNS"
    );
    let ended = std::iter::from_fn(|| world.resolver().poll_output())
        .find(|output| matches!(output, Output::End(..)));
    assert_eq!(ended, Some(Output::End(first, End::Exhausted)));
}

#[test]
fn a_search_that_was_ended_is_silent_and_leaves_nothing_behind() {
    let mut world = World::new();
    world.a("a.example", &["192.0.2.1"]);
    for _ in 0..1000 {
        let id = world.locate("sip:a.example:5060").unwrap();
        world.resolver().end(id);
    }
    let usage = world.resolver().usage();
    assert_eq!((usage.queries, usage.waiting), (2, 0));
    let id = world.locate("sip:192.0.2.1").unwrap();
    world.resolver().end(id);
    assert_eq!(outputs(&mut world), [""; 0]);
    let usage = world.resolver().usage();
    assert_eq!((usage.searches, usage.queries), (0, 0));
}

#[test]
fn failed_targets_beyond_their_limit_push_out_the_one_whose_time_ends_first() {
    let mut world = World::new();
    world.limits.failures = 4;
    let now = world.now;
    for host in 1..=50 {
        let target = world.first(&format!("sip:192.0.2.{host}"));
        let hold = Some((100 - host) * S);
        world.resolver().mark_failed(now, &target, hold);
        assert!(world.resolver().usage().failures <= 4);
    }
    world.a("a.example", &["192.0.2.1", "192.0.2.30"]);
    let uri = "sip:a.example:5060";
    assert_eq!(world::show(&world.first(uri)), "udp 192.0.2.30:5060");
    world.resolver().forget_all();
    assert_eq!(world::show(&world.first(uri)), "udp 192.0.2.1:5060");
    assert_eq!(world.resolver().usage().failures, 0);
}

#[test]
fn asking_for_the_next_target_twice_gives_one() {
    let mut world = World::new();
    world.a("a.example", &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
    let id = world.locate("sip:a.example:5060").unwrap();
    world.next(id);
    world.next(id);
    assert_eq!(outputs(&mut world), ["udp 192.0.2.1:5060"]);
}

#[test]
fn names_that_the_dns_cannot_carry_are_not_asked_for() {
    let mut world = World::new();
    let label = "a".repeat(60);
    let name = format!("{label}.{label}.{label}.{label}.example");
    assert_eq!(
        world.all(&format!("sip:{name};transport=udp")),
        ["NotFound"]
    );
    assert!(world.asked.iter().all(|query| !query.starts_with("Srv")));
}

#[test]
fn what_is_known_of_one_family_stays_known_while_the_other_is_asked_for() {
    let mut world = World::new();
    world.ttl = 10 * S;
    world.a("a.example", &["192.0.2.1"]);
    world.policy.family = Family::V4First;
    let uri = "sip:a.example:5060";
    world.fails("Aaaa a.example");
    world.first(uri);
    world.now += 9 * S;
    world.asked.clear();
    world.locate(uri).unwrap();
    let queries = queries(&mut world);
    assert_eq!(queries.len(), 1, "AAAA, whose failure was soon forgotten");
    world.now += S;
    world.answer(&queries[0]);
    assert_eq!(outputs(&mut world), ["udp 192.0.2.1:5060"]);
    assert_eq!(world.asked.len(), 1, "A is not asked for again");
}

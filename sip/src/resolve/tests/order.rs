//! RFC 2782, "Usage rules": the order of servers.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::super::srv::in_order;
use super::*;

/// How often each server comes first in so many draws.
fn firsts(servers: &[Srv], draws: u32) -> BTreeMap<String, u32> {
    let mut rng = StdRng::seed_from_u64(7);
    let mut firsts = BTreeMap::new();
    for _ in 0..draws {
        let ordered = in_order(servers.to_vec(), &mut rng);
        *firsts.entry(ordered[0].target.to_string()).or_default() += 1;
    }
    firsts
}

#[test]
fn rfc2782_servers_of_one_priority_are_chosen_by_their_share() {
    let servers = [
        srv(0, 10, 1, "ten"),
        srv(0, 30, 1, "thirty"),
        srv(0, 60, 1, "sixty"),
    ];
    let firsts = firsts(&servers, 10_000);
    for (server, share) in [("ten", 1000), ("thirty", 3000), ("sixty", 6000)] {
        let found = firsts[server];
        // Three standard deviations are below 150.
        assert!(found.abs_diff(share) < 200, "{server}: {found}");
    }
}

#[test]
fn rfc2782_a_weight_of_zero_has_a_very_small_chance_and_not_none() {
    let servers = [srv(0, 99, 1, "heavy"), srv(0, 0, 1, "zero")];
    let firsts = firsts(&servers, 10_000);
    assert!((50..200).contains(&firsts["zero"]), "{firsts:?}");
}

#[test]
fn rfc2782_a_lower_priority_comes_first_however_small_its_weight() {
    let servers = [srv(2, 65535, 1, "late"), srv(1, 0, 1, "early")];
    assert_eq!(firsts(&servers, 1000)["early"], 1000);
}

proptest! {
    #[test]
    fn rfc2782_each_server_comes_once_and_no_priority_before_a_lower_one(
        numbers in proptest::collection::vec((0_u16..4, any::<u16>()), 0..40),
        seed: u64,
    ) {
        let servers: Vec<Srv> = numbers
            .iter()
            .enumerate()
            .map(|(index, (priority, weight))| srv(*priority, *weight, 1, &index.to_string()))
            .collect();
        let ordered = in_order(servers.clone(), &mut StdRng::seed_from_u64(seed));
        prop_assert!(ordered.is_sorted_by_key(|server| server.priority));
        let key = |server: &Srv| server.target.to_string();
        let (mut before, mut after) = (servers, ordered);
        before.sort_by_key(key);
        after.sort_by_key(key);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn any_servers_lead_to_each_address_once_by_priority(
        numbers in proptest::collection::vec((0_u16..3, 0_u16..9, 0_u8..6), 1..12),
    ) {
        let mut world = World::new();
        let servers: Vec<Srv> = numbers
            .iter()
            .map(|(priority, weight, host)| srv(*priority, *weight, 5060, &format!("h{host}.example")))
            .collect();
        let mut best = BTreeMap::new();
        for server in &servers {
            let priority = best.entry(server.target.to_string()).or_insert(server.priority);
            *priority = server.priority.min(*priority);
        }
        world.found("Srv _sip._udp.example.com", Records::Srv(servers));
        for host in 0..6 {
            world.a(&format!("h{host}.example"), &[&format!("192.0.2.{host}")]);
        }
        let mut found = world.all("sip:example.com;transport=udp");
        let end = found.pop();
        prop_assert_eq!(end.as_deref(), Some("Exhausted"));
        prop_assert_eq!(found.len(), best.len(), "each once");
        let priorities = found.iter().map(|shown| {
            let host = shown.trim_start_matches("udp 192.0.2.").trim_end_matches(":5060");
            best[&format!("h{host}.example")]
        });
        prop_assert!(priorities.is_sorted());
    }
}

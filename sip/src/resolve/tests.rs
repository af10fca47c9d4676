//! RFC 3263 4 against a scripted DNS.

mod bounds;
mod order;
mod world;

use std::time::Duration;

use self::world::{World, naptr, srv};
use super::*;
use crate::uri::Uri;

fn destination(uri: &str) -> Result<Destination, DestinationError> {
    Destination::of(Uri::parse(uri).unwrap().as_sip().unwrap())
}

/// `example.com` with all three transports, two servers for TCP and one each for the others.
fn example() -> World {
    let mut world = World::new();
    world.naptr(
        "example.com",
        [
            naptr(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            naptr(90, 50, "SIP+D2T", "_sip._tcp.example.com"),
            naptr(100, 50, "SIP+D2U", "_sip._udp.example.com"),
        ],
    );
    world.srv(
        "_sips._tcp.example.com",
        [srv(0, 1, 5061, "s1.example.com")],
    );
    world.srv(
        "_sip._tcp.example.com",
        [
            srv(1, 1, 5060, "s2.example.com"),
            srv(0, 1, 5062, "s1.example.com"),
        ],
    );
    world.srv("_sip._udp.example.com", [srv(0, 1, 5060, "s1.example.com")]);
    world.a("s1.example.com", &["192.0.2.1"]);
    world.a("s2.example.com", &["192.0.2.2", "192.0.2.22"]);
    world
}

#[test]
fn rfc3263_4_1_a_numeric_host_is_asked_nothing() {
    let mut world = World::new();
    for (uri, target) in [
        ("sip:a@192.0.2.1", "udp 192.0.2.1:5060"),
        ("sip:a@192.0.2.1:5070", "udp 192.0.2.1:5070"),
        ("sip:a@192.0.2.1;transport=tcp", "tcp 192.0.2.1:5060"),
        ("sip:a@192.0.2.1;transport=TLS", "tls 192.0.2.1:5061"),
        ("sips:a@192.0.2.1", "tls 192.0.2.1:5061"),
        ("sips:a@192.0.2.1:5;transport=tcp", "tls 192.0.2.1:5"),
        ("sip:a@[2001:db8::1]", "udp [2001:db8::1]:5060"),
        ("sip:a@[::ffff:192.0.2.9]", "udp 192.0.2.9:5060"),
    ] {
        assert_eq!(world.all(uri), [target, "Exhausted"], "{uri}");
    }
    assert!(world.asked.is_empty());
}

#[test]
fn rfc3263_4_2_a_port_that_is_said_leads_to_addresses_alone() {
    let mut world = example();
    world.a("example.com", &["192.0.2.7"]);
    for (uri, target) in [
        ("sip:a@example.com:5080", "udp 192.0.2.7:5080"),
        ("sips:a@example.com:5081", "tls 192.0.2.7:5081"),
        ("sip:a@example.com:5082;transport=tcp", "tcp 192.0.2.7:5082"),
    ] {
        assert_eq!(world.all(uri), [target, "Exhausted"], "{uri}");
    }
    assert_eq!(world.asked, ["Aaaa example.com", "A example.com"], "once");
}

#[test]
fn rfc3263_4_1_the_domain_says_which_transport_and_then_which_server() {
    let mut world = example();
    assert_eq!(
        world.all("sip:a@example.com"),
        ["tls 192.0.2.1:5061", "Exhausted"]
    );
    assert_eq!(
        world.asked,
        [
            "Naptr example.com",
            "Srv _sips._tcp.example.com",
            "Aaaa s1.example.com",
            "A s1.example.com"
        ]
    );
}

#[test]
fn rfc3263_4_1_what_we_do_not_speak_is_passed_over_whatever_its_order() {
    let mut world = example();
    world.policy.transports = vec![Transport::Udp, Transport::Tcp];
    assert_eq!(
        world.all("sip:a@example.com"),
        [
            "tcp 192.0.2.1:5062",
            "tcp 192.0.2.2:5060",
            "tcp 192.0.2.22:5060",
            "Exhausted"
        ]
    );
}

#[test]
fn rfc3263_4_1_a_sips_uri_goes_over_tls_or_not_at_all() {
    let mut world = example();
    world.naptr(
        "example.com",
        [
            naptr(1, 1, "SIP+D2U", "_sip._udp.example.com"),
            naptr(2, 1, "SIPS+D2T", "_sips._tcp.example.com"),
        ],
    );
    assert_eq!(
        world.all("sips:a@example.com"),
        ["tls 192.0.2.1:5061", "Exhausted"]
    );
    world.policy.transports = vec![Transport::Udp, Transport::Tcp];
    assert_eq!(
        world.locate("sips:a@example.com"),
        Err(LocateError::NoTransport)
    );
    assert_eq!(
        world.locate("sip:a@example.com;transport=tls"),
        Err(LocateError::NoTransport)
    );
}

#[test]
fn rfc3263_4_1_without_naptr_all_transports_are_looked_for_in_our_order() {
    let mut world = example();
    world.nothing("Naptr example.com");
    assert_eq!(
        world.all("sip:a@example.com"),
        [
            "udp 192.0.2.1:5060",
            "tcp 192.0.2.1:5062",
            "tcp 192.0.2.2:5060",
            "tcp 192.0.2.22:5060",
            "tls 192.0.2.1:5061",
            "Exhausted"
        ]
    );
    assert_eq!(world.asked[1], "Srv _sip._udp.example.com");
}

#[test]
fn rfc3263_4_1_a_transport_that_is_said_needs_no_naptr() {
    let mut world = example();
    assert_eq!(
        world.all("sip:a@example.com;transport=udp"),
        ["udp 192.0.2.1:5060", "Exhausted"]
    );
    assert_eq!(world.asked[0], "Srv _sip._udp.example.com");
}

#[test]
fn rfc3263_4_2_without_srv_the_name_itself_is_looked_up() {
    let mut world = World::new();
    world.a("pbx.example.org", &["192.0.2.8"]);
    world.aaaa("pbx.example.org", &["2001:db8::8"]);
    for (uri, targets) in [
        (
            "sip:pbx.example.org",
            ["udp [2001:db8::8]:5060", "udp 192.0.2.8:5060"],
        ),
        (
            "sips:pbx.example.org",
            ["tls [2001:db8::8]:5061", "tls 192.0.2.8:5061"],
        ),
        (
            "sip:pbx.example.org;transport=tcp",
            ["tcp [2001:db8::8]:5060", "tcp 192.0.2.8:5060"],
        ),
    ] {
        let expected = [targets[0], targets[1], "Exhausted"];
        assert_eq!(world.all(uri), expected, "{uri}");
    }
}

#[test]
fn a_naptr_without_servers_still_says_the_transport_of_the_name_itself() {
    let mut world = World::new();
    world.naptr(
        "example.com",
        [naptr(1, 1, "SIP+D2T", "_sip._tcp.example.com")],
    );
    world.a("example.com", &["192.0.2.7"]);
    assert_eq!(
        world.all("sip:a@example.com"),
        ["tcp 192.0.2.7:5060", "Exhausted"]
    );
    world.naptr(
        "example.org",
        [naptr(1, 1, "SIPS+D2T", "_sips._tcp.example.org")],
    );
    world.a("example.org", &["192.0.2.8"]);
    assert_eq!(
        world.all("sip:a@example.org"),
        ["tls 192.0.2.8:5061", "Exhausted"]
    );
}

#[test]
fn naptr_records_that_lead_elsewhere_are_no_servers() {
    let mut world = World::new();
    let mut flagged = naptr(1, 1, "SIP+D2U", "_sip._udp.other.example");
    flagged.flags = "u".into();
    let enum_service = naptr(1, 1, "E2U+sip", "_sip._udp.other.example");
    let odd = naptr(1, 1, "SIP+D2U", "not a name");
    world.naptr("example.com", [flagged, enum_service, odd]);
    world.srv("_sip._udp.example.com", [srv(0, 0, 5060, "s.example.com")]);
    world.a("s.example.com", &["192.0.2.1"]);
    assert_eq!(
        world.all("sip:a@example.com"),
        ["udp 192.0.2.1:5060", "Exhausted"]
    );
    assert!(!world.asked.iter().any(|query| query.contains("other")));
}

#[test]
fn rfc2782_a_dot_says_that_there_is_no_such_service() {
    let mut world = World::new();
    for name in ["_sip._udp", "_sip._tcp", "_sips._tcp"] {
        world.srv(&format!("{name}.example.com"), [srv(0, 0, 0, ".")]);
    }
    world.a("example.com", &["192.0.2.7"]);
    assert_eq!(world.all("sip:a@example.com"), ["NotAvailable"]);
    assert!(!world.asked.contains(&"A example.com".to_owned()));
}

#[test]
fn the_end_says_what_was_wrong() {
    let mut world = World::new();
    assert_eq!(world.all("sip:nobody.example"), ["NotFound"]);
    world.fails("A broken.example");
    assert_eq!(world.all("sip:broken.example"), ["DnsFailed"]);
    world.a(
        "inside.example",
        &["127.0.0.1", "169.254.169.254", "0.0.0.0"],
    );
    assert_eq!(world.all("sip:inside.example"), ["Forbidden"]);
}

#[test]
fn one_family_that_fails_does_not_hide_the_other() {
    let mut world = World::new();
    world.fails("Aaaa half.example");
    world.a("half.example", &["192.0.2.1"]);
    assert_eq!(
        world.all("sip:half.example"),
        ["udp 192.0.2.1:5060", "Exhausted"]
    );
}

#[test]
fn rfc7984_3_2_families_are_ordered_within_a_host_and_only_spoken_ones_are_asked_for() {
    let mut world = World::new();
    world.srv(
        "_sip._udp.example.com",
        [
            srv(0, 0, 1, "one.example.com"),
            srv(1, 0, 2, "two.example.com"),
        ],
    );
    world.a("one.example.com", &["192.0.2.1"]);
    world.a("two.example.com", &["192.0.2.2"]);
    world.aaaa("two.example.com", &["2001:db8::2"]);
    let uri = "sip:example.com;transport=udp";
    let (one, two_v4, two_v6) = ("udp 192.0.2.1:1", "udp 192.0.2.2:2", "udp [2001:db8::2]:2");
    assert_eq!(world.all(uri), [one, two_v6, two_v4, "Exhausted"]);
    world.policy.family = Family::V4First;
    assert_eq!(world.all(uri), [one, two_v4, two_v6, "Exhausted"]);
    world.policy.family = Family::V6Only;
    assert_eq!(world.all(uri), [two_v6, "Exhausted"]);
    assert_eq!(world.all("sip:192.0.2.1"), ["Forbidden"]);
    world.asked.clear();
    world.policy.family = Family::V4Only;
    assert_eq!(world.all(uri), [one, two_v4, "Exhausted"]);
    assert!(!world.asked.iter().any(|query| query.starts_with("Aaaa")));
}

#[test]
fn rfc3263_4_3_a_failed_target_is_passed_over_by_all_until_its_time_is_over() {
    let mut world = example();
    let uri = "sip:a@example.com;transport=tcp";
    let first = world.first(uri);
    assert_eq!(world::show(&first), "tcp 192.0.2.1:5062");
    let now = world.now;
    world.resolver().mark_failed(now, &first, None);
    let others = ["tcp 192.0.2.2:5060", "tcp 192.0.2.22:5060"];
    let last = ["tcp 192.0.2.1:5062", "Exhausted"];
    assert_eq!(world.all(uri), [others, last].concat(), "better than none");
    world.now += Duration::from_secs(30);
    assert_eq!(world.first(uri), first);
    let now = world.now;
    world
        .resolver()
        .mark_failed(now, &first, Some(Duration::from_secs(90)));
    world.now += Duration::from_secs(89);
    assert_ne!(world.first(uri), first);
    world.resolver().mark_alive(&first);
    assert_eq!(world.first(uri), first);
    let now = world.now;
    world
        .resolver()
        .mark_failed(now, &first, Some(Duration::from_secs(1_000_000)));
    world.now += Duration::from_secs(3600);
    assert_eq!(world.first(uri), first, "not for days");
}

#[test]
fn rfc3263_4_1_the_certificate_is_for_the_name_that_was_asked_for() {
    let mut world = World::new();
    world.srv(
        "_sips._tcp.example.com",
        [srv(0, 0, 5061, "host.other.example")],
    );
    world.a("host.other.example", &["192.0.2.1"]);
    let target = world.first("sips:a@Example.COM");
    assert_eq!(target.host_for_tls.to_string(), "example.com");
}

#[test]
fn what_a_uri_may_not_say_is_refused() {
    for (uri, error) in [
        ("sip:a@b;transport=sctp", DestinationError::Transport),
        ("sip:a@b;transport", DestinationError::Transport),
        ("sips:a@b;transport=udp", DestinationError::Insecure),
        ("sip:a@b:0", DestinationError::Port),
    ] {
        assert_eq!(destination(uri), Err(error), "{uri}");
    }
}

#[test]
fn s38_a_uri_does_not_lead_elsewhere_by_maddr_or_to_our_own_machine() {
    let mut world = World::new();
    assert_eq!(
        world.all("sip:a@192.0.2.1;maddr=192.0.2.66"),
        ["udp 192.0.2.1:5060", "Exhausted"]
    );
    for host in [
        "127.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[ff02::1]",
        "[fe80::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::1]",
    ] {
        assert_eq!(world.all(&format!("sip:a@{host}")), ["Forbidden"], "{host}");
    }
    world.addresses.loopback = true;
    let own = "sip:a@127.0.0.1";
    assert_eq!(world.all(own), ["udp 127.0.0.1:5060", "Exhausted"]);
    assert_eq!(world.all("sip:a@[fe80::1]"), ["Forbidden"]);
    world.addresses.link_local = true;
    let neighbour = ["udp [fe80::1]:5060", "Exhausted"];
    assert_eq!(world.all("sip:a@[fe80::1]"), neighbour);
}

use axum::http::HeaderValue;

use super::*;
use crate::config::Network;

const LOOPBACK: &str = "127.0.0.1:50000";
const REMOTE: &str = "203.0.113.9:50000";

fn rules() -> Rules {
    Rules::new(Access::default(), vec!["mybox".to_owned()], |name| {
        name == "cert.example"
    })
}

fn rules_with(change: impl FnOnce(&mut Access)) -> Rules {
    let mut access = Access::default();
    change(&mut access);
    Rules::new(access, Vec::new(), |_| false)
}

fn judge(rules: &Rules, peer: &str, headers: &[(&'static str, &str)]) -> Result<Caller, Refusal> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, HeaderValue::from_str(value).unwrap());
    }
    rules.judge(&map, peer.parse().unwrap())
}

fn is_local(rules: &Rules, peer: &str, headers: &[(&'static str, &str)]) -> bool {
    judge(rules, peer, headers).unwrap().local
}

#[test]
fn s40_a_host_that_nobody_gave_this_server_is_refused() {
    let refused = judge(&rules(), LOOPBACK, &[("host", "evil.example:8080")]);
    assert_eq!(refused, Err(Refusal::Host("evil.example".to_owned())));
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("http.allowed_hosts")
    );
}

#[test]
fn s40_loopback_names_addresses_own_names_and_certificate_names_are_hosts() {
    for host in [
        "localhost:8080",
        "LOCALHOST",
        "localhost.:8080",
        "phone.localhost",
        "127.0.0.1:8080",
        "[::1]:8443",
        "192.0.2.7",
        "[2001:db8::7]",
        "mybox:8443",
        "MyBox",
        "cert.example",
    ] {
        assert!(
            judge(&rules(), LOOPBACK, &[("host", host)]).is_ok(),
            "{host}"
        );
    }
}

#[test]
fn s40_configured_hosts_are_hosts() {
    let rules = rules_with(|access| access.allowed_hosts = vec!["calls.example".to_owned()]);
    assert!(judge(&rules, REMOTE, &[("host", "Calls.Example:443")]).is_ok());
    assert!(judge(&rules, REMOTE, &[("host", "xcalls.example")]).is_err());
}

#[test]
fn s40_names_that_only_look_like_loopback_or_addresses_are_refused() {
    for host in [
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "xlocalhost",
        "[::1].evil",
    ] {
        assert!(
            judge(&rules(), LOOPBACK, &[("host", host)]).is_err(),
            "{host}"
        );
    }
}

#[test]
fn s40_a_missing_double_or_unreadable_host_is_refused() {
    for headers in [
        &[][..],
        &[("host", "localhost"), ("host", "localhost")],
        &[("host", "")],
        &[("host", "localhost:port")],
        &[("host", "[::1")],
    ] {
        assert_eq!(
            judge(&rules(), LOOPBACK, headers),
            Err(Refusal::NoHost),
            "{headers:?}"
        );
    }
}

#[test]
fn s39_a_foreign_origin_is_refused_and_the_key_is_named() {
    let headers = [
        ("host", "localhost:8080"),
        ("origin", "https://evil.example"),
    ];
    let refused = judge(&rules(), LOOPBACK, &headers).unwrap_err();
    assert_eq!(refused, Refusal::Origin("https://evil.example".to_owned()));
    assert_eq!(refused.status(), 403);
    assert!(refused.to_string().contains("http.allowed_origins"));
}

#[test]
fn s39_own_loopback_and_absent_origins_are_allowed() {
    let same = [
        ("host", "192.0.2.7:8443"),
        ("origin", "https://192.0.2.7:8443"),
    ];
    assert!(judge(&rules(), REMOTE, &same).is_ok());
    let default_port = [("host", "mybox"), ("origin", "https://mybox")];
    assert!(judge(&rules(), REMOTE, &default_port).is_ok());
    let developer = [
        ("host", "localhost:8080"),
        ("origin", "http://localhost:3000"),
    ];
    assert!(judge(&rules(), LOOPBACK, &developer).is_ok());
    assert!(judge(&rules(), REMOTE, &[("host", "192.0.2.7:8443")]).is_ok());
}

#[test]
fn s39_another_port_null_and_apps_are_foreign() {
    for origin in [
        "https://192.0.2.7:9999",
        "null",
        "file://",
        "chrome-extension://localhost",
        "http://localhost.evil.example",
        "garbage",
    ] {
        let headers = [("host", "192.0.2.7:8443"), ("origin", origin)];
        assert!(judge(&rules(), REMOTE, &headers).is_err(), "{origin}");
    }
}

#[test]
fn s39_configured_origins_are_allowed() {
    let rules =
        rules_with(|access| access.allowed_origins = vec!["https://shop.example".to_owned()]);
    let from = |origin| judge(&rules, REMOTE, &[("host", "192.0.2.7"), ("origin", origin)]);
    assert!(from("https://Shop.Example").is_ok());
    assert!(from("http://shop.example").is_err());
    let all = rules_with(|access| access.allowed_origins = vec!["*".to_owned()]);
    assert!(judge(&all, REMOTE, &[("host", "192.0.2.7"), ("origin", "null")]).is_ok());
}

#[test]
fn s39_a_plain_loopback_request_is_local() {
    assert!(is_local(&rules(), LOOPBACK, &[("host", "localhost:8080")]));
    assert!(is_local(&rules(), "[::1]:50000", &[("host", "[::1]:8080")]));
    assert!(is_local(
        &rules(),
        "[::ffff:127.0.0.1]:50000",
        &[("host", "localhost")]
    ));
    assert!(!is_local(&rules(), REMOTE, &[("host", "localhost:8080")]));
}

#[test]
fn s39_a_forwarded_request_is_never_local() {
    for name in FORWARDING {
        let headers = [("host", "localhost:8080"), (name, "127.0.0.1")];
        assert!(!is_local(&rules(), LOOPBACK, &headers), "{name}");
    }
    let trusting =
        rules_with(|access| access.trusted_proxies = vec![Network::parse("127.0.0.1").unwrap()]);
    for value in ["127.0.0.1", "127.0.0.1, 127.0.0.1", ""] {
        let headers = [("host", "localhost:8080"), ("x-forwarded-for", value)];
        assert!(!is_local(&trusting, LOOPBACK, &headers), "{value}");
    }
}

#[test]
fn s39_a_silent_proxy_shows_by_the_names_it_passes_on() {
    let rules = rules_with(|access| {
        access.allowed_hosts = vec!["calls.example".to_owned()];
        access.allowed_origins = vec!["https://calls.example".to_owned()];
    });
    assert!(!is_local(&rules, LOOPBACK, &[("host", "calls.example")]));
    let headers = [
        ("host", "127.0.0.1:8080"),
        ("origin", "https://calls.example"),
    ];
    assert!(!is_local(&rules, LOOPBACK, &headers));
}

#[test]
fn s39_only_a_trusted_proxy_is_believed_and_only_what_it_wrote_itself() {
    let trusting =
        rules_with(|access| access.trusted_proxies = vec![Network::parse("10.0.0.0/8").unwrap()]);
    let address = |peer, value| {
        let headers = [("host", "127.0.0.1"), ("x-forwarded-for", value)];
        judge(&trusting, peer, &headers)
            .unwrap()
            .address
            .ip()
            .to_string()
    };
    assert_eq!(address("10.0.0.2:1", "198.51.100.4"), "198.51.100.4");
    assert_eq!(
        address("10.0.0.2:1", "1.1.1.1, 198.51.100.4, 10.0.0.9"),
        "198.51.100.4"
    );
    assert_eq!(address("10.0.0.2:1", "198.51.100.4:1234"), "198.51.100.4");
    assert_eq!(address("10.0.0.2:1", "[2001:db8::1]:5"), "2001:db8::1");
    assert_eq!(address("10.0.0.2:1", "unknown"), "10.0.0.2");
    assert_eq!(address("203.0.113.9:1", "198.51.100.4"), "203.0.113.9");
}

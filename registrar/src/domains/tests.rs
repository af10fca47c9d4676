#![allow(clippy::unwrap_used)]

use super::*;
use crate::register::ExpiryLimits;

fn host(text: &str) -> Host {
    Host::parse(text).unwrap()
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

fn brief() -> RegisterPolicy {
    RegisterPolicy {
        expiry: ExpiryLimits::new(30, 60, 90).unwrap(),
        ..RegisterPolicy::default()
    }
}

/// `example.com`, also known as `192.0.2.1`, and `example.org`.
fn domains() -> Domains {
    let mut domains = Domains::default();
    domains.serve(host("example.com"), RegisterPolicy::default());
    domains.serve(host("example.org"), brief());
    let alias = domains.add_alias(host("192.0.2.1"), &host("example.com"));
    assert_eq!(alias, Ok(()));
    domains
}

#[test]
fn a_user_is_the_same_by_whichever_name_of_his_domain() {
    let domains = domains();
    let named = |text| domains.aor_of(&uri(text));
    let alice = named("sip:alice@Example.COM:5070").unwrap();
    assert_eq!(alice.to_string(), "alice@example.com");
    assert_eq!(
        named("sips:alice@192.0.2.1;transport=tcp"),
        Ok(alice.clone())
    );
    assert_ne!(named("sip:alice@example.org"), Ok(alice));
}

#[test]
fn who_is_none_of_ours_is_not_found() {
    let domains = domains();
    for (text, error) in [
        ("sip:alice@example.net", DomainError::Foreign),
        ("tel:+4930123456", DomainError::Scheme),
        ("sip:example.com", DomainError::Aor(AorError::Uri)),
        (
            "sip:al%00ice@example.com",
            DomainError::Aor(AorError::Character),
        ),
    ] {
        let refused = domains.aor_of(&uri(text)).unwrap_err();
        assert_eq!(refused, error, "{text}");
        assert_eq!(refused.rejection().status.code(), 404);
    }
}

#[test]
fn each_domain_grants_what_it_was_given() {
    let domains = domains();
    let longest = |text| domains.policy(&host(text)).map(|it| it.expiry.max_s());
    assert_eq!(longest("example.com"), Some(7200));
    assert_eq!(longest("192.0.2.1"), Some(7200));
    assert_eq!(longest("example.org"), Some(90));
    assert_eq!(longest("example.net"), None);
}

#[test]
fn a_name_has_one_meaning() {
    let mut domains = domains();
    let mut add = |alias, domain| domains.add_alias(host(alias), &host(domain));
    assert_eq!(add("192.0.2.1", "example.com"), Ok(()));
    assert_eq!(
        add("192.0.2.1", "example.org"),
        Err(AliasError::Twice(host("192.0.2.1")))
    );
    assert_eq!(
        add("example.org", "example.com"),
        Err(AliasError::Domain(host("example.org")))
    );
    assert_eq!(
        add("a.example.net", "example.net"),
        Err(AliasError::NotServed(host("example.net")))
    );
    domains.serve(host("192.0.2.1"), brief());
    let aor = domains.aor_of(&uri("sip:alice@192.0.2.1")).unwrap();
    assert_eq!(aor.to_string(), "alice@192.0.2.1");
}

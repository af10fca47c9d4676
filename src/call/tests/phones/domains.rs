//! Domains: what each grants to telephones, and under which names it is known.

use std::collections::BTreeMap;

use registrar::{ExpiryLimits, RegisterPolicy};
use sip::flow::Transport;
use sip::message::{HeaderName, Response, Status};
use sip::uri::Host;

use super::super::{Bench, config};
use super::Phone;
use crate::call::config::{DomainConfig, GuestPolicy, RegistrarConfig, SwitchConfig};

fn policy(expiry: (u32, u32, u32), max_contacts: usize) -> RegisterPolicy {
    RegisterPolicy {
        expiry: ExpiryLimits::new(expiry.0, expiry.1, expiry.2).unwrap(),
        max_contacts: Some(max_contacts),
        ..RegisterPolicy::default()
    }
}

/// `example.org`, where registrations last up to 300 s, and `shop.example`, also known as
/// `sip.shop.example`, with guests of this machine, where they last 900 s at least.
pub(in crate::call::tests) fn with_domains() -> SwitchConfig {
    let shop = DomainConfig {
        aliases: vec![Host::parse("sip.shop.example").unwrap()],
        guests: GuestPolicy::Loopback,
        policy: policy((900, 1000, 1200), 1),
    };
    SwitchConfig {
        registrar: RegistrarConfig {
            policy: policy((60, 120, 300), 8),
            domains: BTreeMap::from([(Host::parse("shop.example").unwrap(), shop)]),
        },
        ..config()
    }
}

/// Registers in a domain for so many seconds.
fn register(bench: &mut Bench, phone: &Phone, domain: &str, expires: &str) -> Response {
    let request = phone
        .register(1, "")
        .replace("example.org", domain)
        .replace("Expires: 600", expires);
    bench.send(phone, &request);
    bench.response(phone)
}

fn expires(response: &Response) -> String {
    let contact = response.headers().text(HeaderName::Contact).unwrap();
    contact.split("expires=").nth(1).unwrap().to_owned()
}

#[test]
fn a_registration_lasts_as_its_domain_grants() {
    let mut bench = Bench::new(with_domains());
    let phone = bench.silent_phone("ann", Transport::Ws, "127.0.0.1:50001");
    let granted = register(&mut bench, &phone, "example.org", "Expires: 600");
    assert_eq!(
        (granted.status(), expires(&granted)),
        (Status::OK, "300".to_owned())
    );
    let phone = bench.silent_phone("eve", Transport::Ws, "127.0.0.1:50001");
    let refused = register(&mut bench, &phone, "shop.example", "Expires: 600");
    assert_eq!(refused.status(), Status::INTERVAL_TOO_BRIEF);
    assert_eq!(refused.headers().text(HeaderName::MinExpires), Some("900"));
    let phone = bench.silent_phone("ivy", Transport::Ws, "127.0.0.1:50001");
    let granted = register(&mut bench, &phone, "sip.shop.example", "Supported: path");
    assert_eq!(
        (granted.status(), expires(&granted)),
        (Status::OK, "1000".to_owned())
    );
}

#[test]
fn a_domain_has_its_own_cap_of_telephones() {
    let mut bench = Bench::new(with_domains());
    for (domain, second) in [
        ("example.org", Status::OK),
        ("shop.example", Status::FORBIDDEN),
    ] {
        let phone = bench.silent_phone("ann", Transport::Ws, "127.0.0.1:50001");
        let request = phone
            .register(1, "")
            .replace("example.org", domain)
            .replace("Expires: 600", "Supported: path");
        bench.send(&phone, &request);
        assert_eq!(bench.response(&phone).status(), Status::OK);
        let request = request
            .replace("CSeq: 1 ", "CSeq: 2 ")
            .replace("REGISTER-1", "REGISTER-2")
            .replace("Contact: <sip:ann@", "Contact: <sip:other@");
        bench.send(&phone, &request);
        assert_eq!(bench.response(&phone).status(), second, "{domain}");
    }
}

#[test]
fn who_registers_under_another_name_of_a_domain_is_called_by_all_of_them() {
    let mut bench = Bench::new(with_domains());
    let phone = bench.silent_phone("ann", Transport::Ws, "127.0.0.1:50001");
    let granted = register(&mut bench, &phone, "sip.shop.example", "Supported: path");
    assert_eq!(granted.status(), Status::OK);
    let page = bench.guest("carol");
    for callee in ["ann@shop.example", "ann@sip.shop.example"] {
        let call = bench.call(page, callee);
        assert_eq!(
            bench.request(&phone).method().as_str(),
            "INVITE",
            "{callee}"
        );
        bench.hang_up(page, &call);
        bench.take_sip(&phone);
        bench.take(page);
    }
}

#[test]
fn guests_come_only_where_the_domain_lets_them() {
    let mut config = with_domains();
    let office = DomainConfig {
        aliases: Vec::new(),
        guests: GuestPolicy::None,
        policy: RegisterPolicy::default(),
    };
    let name = Host::parse("office.example").unwrap();
    config.registrar.domains.insert(name, office);
    let mut bench = Bench::new(config);
    for (domain, status) in [
        ("shop.example", Status::OK),
        ("office.example", Status::UNAUTHORIZED),
        ("elsewhere.example", Status::FORBIDDEN),
    ] {
        let phone = bench.silent_phone("ann", Transport::Ws, "127.0.0.1:50001");
        let told = register(&mut bench, &phone, domain, "Supported: path");
        assert_eq!(told.status(), status, "{domain}");
    }
    let phone = bench.silent_phone("far", Transport::Ws, "192.0.2.7:5060");
    let told = register(&mut bench, &phone, "shop.example", "Supported: path");
    assert_eq!(told.status(), Status::UNAUTHORIZED, "from another machine");
}

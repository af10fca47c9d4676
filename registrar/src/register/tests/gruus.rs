//! RFC 5627 over its life: minted by a REGISTER, looked up by a call.

use super::*;
use crate::gruu::{Gruu, GruuMint};
use crate::target::GruuError;
use sip::procedure::register::Gruus;
use sip::uri::Uri;

const ROWS: &str = "Supported: gruu\n\
    Contact: <sip:x@a.invalid;transport=ws>;+sip.instance=\"<urn:uuid:aBc;1>\"\n";

fn policy() -> RegisterPolicy {
    RegisterPolicy {
        gruu: Some(GruuMint::new([7; 32])),
        ..RegisterPolicy::default()
    }
}

fn mint(location: &mut Location, now: Instant, phone: &mut Phone) -> Gruus {
    let registered = phone.register(location, now, &policy(), ROWS).unwrap();
    registered.contacts.last().unwrap().gruus.clone().unwrap()
}

fn read(gruu: &str) -> Option<Gruu> {
    match Uri::parse(gruu).unwrap() {
        Uri::Sip(uri) => policy().gruu.unwrap().read(&uri),
        _ => None,
    }
}

#[test]
fn both_gruus_lead_to_the_user_agent_and_only_there() {
    let (mut location, now) = registrar();
    let mut other = Phone::on_socket("alice", 1);
    send(&mut location, now, &mut other, DESK).unwrap();
    let mut browser = Phone::on_socket("alice", 2);
    let gruus = mint(&mut location, now, &mut browser);
    assert_eq!(gruus.public, "sip:alice@example.com;gr=urn:uuid:aBc%3B1");
    assert!(!gruus.temporary.contains("alice"));
    for gruu in [&gruus.public, &gruus.temporary] {
        let target = location.lookup_gruu(now, &read(gruu).unwrap()).unwrap();
        assert_eq!(target.flow, Some(FlowId(2)), "{gruu}");
    }
    // A refreshment makes another temporary one; the first stays true (5.4).
    let again = mint(&mut location, now, &mut browser);
    assert_eq!(again.public, gruus.public);
    assert_ne!(again.temporary, gruus.temporary);
    for gruu in [&gruus.temporary, &again.temporary] {
        assert!(location.lookup_gruu(now, &read(gruu).unwrap()).is_ok());
    }
}

#[test]
fn an_instance_that_lacks_its_brackets_is_found_too() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    let rows = ROWS
        .replace(['<', '>'], "")
        .replace("Contact: ", "Contact: <")
        .replace(";tr", ">;tr");
    let registered = browser
        .register(&mut location, now, &policy(), &rows)
        .unwrap();
    let gruus = registered.contacts[0].gruus.clone().unwrap();
    assert_eq!(gruus.public, "sip:alice@example.com;gr=urn:uuid:aBc%3B1");
    let target = location.lookup_gruu(now, &read(&gruus.public).unwrap());
    assert_eq!(target.unwrap().flow, Some(FlowId(1)));
}

#[test]
fn another_call_id_makes_temporary_gruus_void() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    let old = mint(&mut location, now, &mut browser);
    browser.call_id.push('x');
    let new = mint(&mut location, now, &mut browser);
    let lookup = |gruu: &str| {
        location
            .lookup_gruu(now, &read(gruu).unwrap())
            .map(|it| it.flow)
    };
    assert_eq!(lookup(&old.temporary), Err(GruuError::Unknown));
    assert_eq!(lookup(&new.temporary), Ok(Some(FlowId(1))));
    assert_eq!(lookup(&old.public), Ok(Some(FlowId(1))));
}

#[test]
fn who_is_not_there_is_unavailable_or_unknown() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    let gruus = mint(&mut location, now, &mut browser);
    let (public, temporary) = (
        read(&gruus.public).unwrap(),
        read(&gruus.temporary).unwrap(),
    );
    location.flow_closed(now, FlowId(1), Some(seconds(10)));
    for gruu in [&public, &temporary] {
        assert_eq!(location.lookup_gruu(now, gruu), Err(GruuError::Unavailable));
    }
    location.handle_timeout(now + seconds(10));
    assert_eq!(
        location.lookup_gruu(now, &public),
        Err(GruuError::Unavailable)
    );
    assert_eq!(
        location.lookup_gruu(now, &temporary),
        Err(GruuError::Unknown)
    );
}

/// After a restart names of bindings begin anew while the secret is the same.
#[test]
fn another_binding_of_the_same_name_is_not_meant() {
    let (mut location, now) = registrar();
    let old = mint(&mut location, now, &mut Phone::on_socket("alice", 1));
    let (mut location, _) = registrar();
    mint(&mut location, now, &mut Phone::on_socket("bob", 2));
    let gruu = read(&old.temporary).unwrap();
    assert_eq!(location.lookup_gruu(now, &gruu), Err(GruuError::Unknown));
}

#[test]
fn sips_names_are_given_sips_gruus() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    browser.scheme = "sips";
    let gruus = mint(&mut location, now, &mut browser);
    assert!(gruus.public.starts_with("sips:alice@"));
    assert!(gruus.temporary.starts_with("sips:tgruu."));
}

#[test]
fn gruus_are_for_those_who_ask_and_have_an_instance() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    for rows in [
        ROWS.replace("gruu", "path"),
        format!("Supported: gruu\n{DESK}"),
    ] {
        let registered = browser
            .register(&mut location, now, &policy(), &rows)
            .unwrap();
        assert_eq!(registered.contacts.last().unwrap().gruus, None, "{rows}");
    }
}

#[test]
fn a_forged_gruu_is_none() {
    let (mut location, now) = registrar();
    let gruus = mint(&mut location, now, &mut Phone::on_socket("alice", 1));
    let (head, rest) = gruus.temporary.split_once("tgruu.").unwrap();
    let (token, tail) = rest.split_once('@').unwrap();
    for at in 0..token.len() {
        let mut forged = token.to_owned();
        let other = if &token[at..=at] == "0" { "1" } else { "0" };
        forged.replace_range(at..=at, other);
        assert_eq!(read(&format!("{head}tgruu.{forged}@{tail}")), None, "{at}");
    }
    for forged in [
        "sip:tgruu.@example.com;gr",
        "sip:alice@example.com;gr",
        "sip:tgruu.00@a;gr",
    ] {
        assert_eq!(read(forged), None);
    }
    let Uri::Sip(uri) = Uri::parse(&gruus.temporary).unwrap() else {
        unreachable!()
    };
    assert_eq!(GruuMint::new([8; 32]).read(&uri), None);
}

#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod gruus;
mod limits;
mod model;
mod outbound;

use std::time::{Duration, Instant};

use sip::message::{HeaderName, ResponseBuilder, Status};

use super::*;
use crate::binding::NewBinding;
use crate::location::LocationLimits;
use crate::sample::{Phone, aor};
use sip::flow::FlowId;

const BINDINGS: usize = 6;
const PER_AOR: usize = 3;

fn registrar() -> (Location, Instant) {
    let limits = LocationLimits {
        bindings: BINDINGS,
        per_aor: PER_AOR,
    };
    (Location::new(limits), Instant::now())
}

fn seconds(s: u64) -> Duration {
    Duration::from_secs(s)
}

/// Registers with the default policy.
fn send(
    location: &mut Location,
    now: Instant,
    phone: &mut Phone,
    rows: &str,
) -> Result<Registered, Refusal> {
    phone.register(location, now, &RegisterPolicy::default(), rows)
}

fn listed(registered: &Registered) -> Vec<(&str, u64)> {
    let contacts = registered.contacts.iter();
    contacts
        .map(|contact| (contact.uri.as_str(), contact.expires_s))
        .collect()
}

fn changes(registered: &Registered) -> Vec<Change> {
    registered.events.iter().map(|event| event.change).collect()
}

/// All that there is to see of the bindings.
fn picture(location: &Location) -> Vec<Binding> {
    location.iter_from(BindingId(0)).cloned().collect()
}

const DESK: &str = "Contact: <sip:alice@192.0.2.1:5062>\n";

#[test]
fn a_telephone_is_bound_listed_and_found() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:alice@192.0.2.1:5062>;q=0.5;expires=600\nExpires: 100\n";
    let registered = send(&mut location, now, &mut phone, rows).unwrap();
    assert_eq!(listed(&registered), [("sip:alice@192.0.2.1:5062", 600)]);
    assert_eq!(changes(&registered), [Change::Registered]);
    let targets = location.lookup(now, &aor("Alice"));
    assert_eq!(targets.len(), 1);
    assert_eq!(
        (targets[0].flow, targets[0].q.thousandths()),
        (Some(FlowId(1)), 500)
    );
    let contact = targets[0].contact.as_sip().unwrap();
    assert_eq!(contact.uri.as_str(), "sip:alice@192.0.2.1:5062");
    assert_eq!(contact.source, phone.source);
    assert!(location.lookup(now, &aor("bob")).is_empty());
}

#[test]
fn the_200_says_all_that_was_granted() {
    let (mut location, now) = registrar();
    let policy = RegisterPolicy {
        service_route: vec!["sip:edge.example.com;lr".parse().unwrap()],
        flow_timer_s: Some(90),
        ..RegisterPolicy::default()
    };
    let mut phone = Phone::on_socket("alice", 1);
    let request = phone.request(
        "Supported: path, outbound\nPath: <sip:p1.example.com;lr;ob>\n\
         Contact: <sip:x@a.invalid;transport=ws>;reg-id=1;+sip.instance=\"<urn:uuid:1>\"\n",
    );
    let user = aor("alice");
    let registered = phone
        .register_as(&mut location, now, &policy, &user, &request)
        .unwrap();
    let response = registered
        .write(ResponseBuilder::new(&request, Status::OK))
        .to_tag("t")
        .build()
        .unwrap();
    let text = |name| response.headers().text(name).unwrap();
    assert_eq!(
        text(HeaderName::Contact),
        "<sip:x@a.invalid;transport=ws>;expires=3600;+sip.instance=\"<urn:uuid:1>\";reg-id=1"
    );
    assert_eq!(text(HeaderName::Path), "<sip:p1.example.com;lr;ob>");
    assert_eq!(text(HeaderName::ServiceRoute), "<sip:edge.example.com;lr>");
    assert_eq!(text(HeaderName::Require), "outbound");
    assert_eq!(text(HeaderName::FlowTimer), "90");
}

#[test]
fn a_request_without_contact_asks_and_changes_nothing() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    send(&mut location, now, &mut phone, DESK).unwrap();
    let before = picture(&location);
    // Whoever asks need not be in order with those who bind.
    phone.cseq = 0;
    let asked = send(
        &mut location,
        now + seconds(100),
        &mut phone,
        "Expires: 5\n",
    )
    .unwrap();
    assert_eq!(listed(&asked), [("sip:alice@192.0.2.1:5062", 3500)]);
    assert!(asked.events.is_empty());
    assert_eq!(picture(&location), before);
}

#[test]
fn a_refreshment_keeps_the_binding_and_its_new_words_count() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    send(&mut location, now, &mut phone, DESK).unwrap();
    let id = location.lookup(now, &aor("alice"))[0].binding;
    // Another text of an equivalent URI (19.1.4), by another flow: the NAT has a new port.
    phone.flow = FlowId(2);
    phone.source.set_port(7777);
    let later = now + seconds(1000);
    let rows = "Contact: <sip:%61lice@192.0.2.1:5062>;q=0.1;expires=200\n";
    let registered = send(&mut location, later, &mut phone, rows).unwrap();
    assert_eq!(changes(&registered), [Change::Refreshed]);
    assert_eq!(listed(&registered), [("sip:%61lice@192.0.2.1:5062", 200)]);
    let targets = location.lookup(later, &aor("alice"));
    assert_eq!(targets.len(), 1);
    assert_eq!((targets[0].binding, targets[0].flow), (id, Some(FlowId(2))));
    assert_eq!(targets[0].contact.as_sip().unwrap().source.port(), 7777);
    assert_eq!(location.poll_timeout(), Some(later + seconds(200)));
    // The end of the old flow is nothing to it.
    assert_eq!(
        location.flow_closed(later, FlowId(1), None),
        Default::default()
    );
}

#[test]
fn several_contacts_come_and_go_in_one_request() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>;q=0.7\nContact: <sip:c@192.0.2.1>\n";
    assert_eq!(
        send(&mut location, now, &mut phone, rows)
            .unwrap()
            .contacts
            .len(),
        3
    );
    let rows = "Contact: <sip:a@192.0.2.1>;expires=0, <sip:b@192.0.2.1>;expires=90\n";
    let registered = send(&mut location, now, &mut phone, rows).unwrap();
    assert_eq!(
        changes(&registered),
        [Change::Unregistered, Change::Refreshed]
    );
    assert_eq!(
        listed(&registered),
        [("sip:b@192.0.2.1", 90), ("sip:c@192.0.2.1", 3600)]
    );
}

#[test]
fn what_is_not_there_is_removed_in_silence() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:a@192.0.2.1>\nExpires: 0\n";
    let registered = send(&mut location, now, &mut phone, rows).unwrap();
    assert!(registered.contacts.is_empty() && registered.events.is_empty());
}

#[test]
fn the_same_place_twice_in_one_request_is_bound_once_by_the_last_word() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:a@192.0.2.1>;expires=100, <sip:a@192.0.2.1;x=1>;expires=200\n";
    let registered = send(&mut location, now, &mut phone, rows).unwrap();
    assert_eq!(listed(&registered), [("sip:a@192.0.2.1;x=1", 200)]);
}

#[test]
fn a_star_with_expires_0_takes_all_telephones_and_leaves_pages_alone() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:a@192.0.2.1>, <sip:b@192.0.2.1>\n";
    send(&mut location, now, &mut phone, rows).unwrap();
    send(
        &mut location,
        now,
        &mut Phone::of("bob", 2),
        "Contact: <sip:b@192.0.2.9>\n",
    )
    .unwrap();
    let page = NewBinding::wcs(aor("alice"), FlowId(9));
    let page = location.bind(now, page).unwrap();
    let gone = send(&mut location, now, &mut phone, "Contact: *\nExpires: 0\n").unwrap();
    assert!(gone.contacts.is_empty());
    assert_eq!(changes(&gone), [Change::Unregistered; 2]);
    let left: Vec<_> = location
        .of(&aor("alice"))
        .map(|binding| binding.id)
        .collect();
    assert_eq!(left, [page]);
    assert_eq!(location.of(&aor("bob")).count(), 1);
}

#[test]
fn a_star_with_another_expiry_is_refused() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    send(&mut location, now, &mut phone, DESK).unwrap();
    for rows in ["Contact: *\n", "Contact: *\nExpires: 1\n"] {
        let refused = send(&mut location, now, &mut phone, rows).unwrap_err();
        assert_eq!(refused.rejection().status.code(), 400);
    }
    assert_eq!(location.len(), 1);
}

#[test]
fn too_brief_is_refused_with_what_would_do_and_too_long_is_cut() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let refused = send(
        &mut location,
        now,
        &mut phone,
        &format!("{DESK}Expires: 59\n"),
    );
    let rejection = refused.unwrap_err().rejection();
    assert_eq!(rejection.status.code(), 423);
    assert_eq!(
        rejection.headers,
        [(HeaderName::MinExpires, "60".to_owned())]
    );
    for (wanted, granted) in [("60", 60), ("7201", 7200), ("4294967295", 7200)] {
        let rows = format!("{DESK}Expires: {wanted}\n");
        let registered = send(&mut location, now, &mut phone, &rows).unwrap();
        assert_eq!(registered.contacts[0].expires_s, granted);
    }
    assert!(ExpiryLimits::new(0, 60, 60).is_none());
    assert!(ExpiryLimits::new(60, 59, 60).is_none());
    assert!(ExpiryLimits::new(60, 61, 60).is_none());
    // "If and only if the requested expiration interval is [...] smaller than one hour".
    assert!(ExpiryLimits::new(3601, 3601, 3601).is_none());
    assert_eq!(
        ExpiryLimits::new(3600, 3600, 3600).map(|it| it.max_s()),
        Some(3600)
    );
}

#[test]
fn a_refused_request_changes_nothing_at_all() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = "Contact: <sip:a@192.0.2.1>;expires=70, <sip:b@192.0.2.1>\n";
    send(&mut location, now, &mut phone, rows).unwrap();
    // One of them has expired meanwhile, and not yet been taken away.
    let now = now + seconds(70);
    let before = picture(&location);
    for (rows, status) in [
        // Each with something to remove, to refresh and to add before what is wrong.
        ("<sip:d@192.0.2.1>;expires=9", 423),
        ("<tel:+1555>", 400),
        ("<sip:alice@example.com;gr=urn:uuid:1>", 403),
        (
            "<sip:d@192.0.2.1>, <sip:e@192.0.2.1>, <sip:f@192.0.2.1>",
            403,
        ),
    ] {
        let rows =
            format!("Contact: <sip:b@192.0.2.1>;expires=90, <sip:c@192.0.2.1>\nContact: {rows}\n");
        let refused = send(&mut location, now, &mut phone, &rows).unwrap_err();
        assert_eq!(refused.rejection().status.code(), status, "{rows}");
        assert_eq!(picture(&location), before, "{rows}");
    }
    let long = format!("sip:{}@192.0.2.1", "a".repeat(MAX_FIELD_BYTES));
    for rows in [
        format!("Contact: <sip:b@192.0.2.1>;expires=0, <{long}>\n"),
        format!("Contact: <sip:b@192.0.2.1>;expires=0\nPath: <{long}>\n"),
        format!(
            "Contact: <sip:b@192.0.2.1>;expires=0, <sip:c@192.0.2.1>;+sip.instance=\"<{long}>\"\n"
        ),
    ] {
        assert_eq!(
            send(&mut location, now, &mut phone, &rows),
            Err(Refusal::TooLong)
        );
        assert_eq!(picture(&location), before);
    }
}

#[test]
fn of_one_call_id_only_a_higher_cseq_is_obeyed() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    phone.cseq = 9;
    send(&mut location, now, &mut phone, DESK).unwrap();
    let before = picture(&location);
    for cseq in [9, 10] {
        for rows in [
            DESK.to_owned(),
            format!("{DESK}Expires: 0\n"),
            "Contact: *\nExpires: 0\n".to_owned(),
            format!("Contact: <sip:new@192.0.2.1>\n{DESK}"),
        ] {
            phone.cseq = cseq - 1;
            let refused = send(&mut location, now, &mut phone, &rows).unwrap_err();
            assert_eq!(refused.rejection().status.code(), 500, "{cseq} {rows}");
            assert_eq!(picture(&location), before);
        }
    }
    // Another Call-ID is a telephone that was started anew.
    phone.cseq = 0;
    phone.call_id.push('x');
    let registered = send(&mut location, now, &mut phone, DESK).unwrap();
    assert_eq!(changes(&registered), [Change::Refreshed]);
    phone.call_id.push('x');
    phone.cseq = 0;
    send(
        &mut location,
        now,
        &mut phone,
        &format!("{DESK}Expires: 0\n"),
    )
    .unwrap();
    assert!(location.is_empty());
}

/// S15 of the security plan.
#[test]
fn nobody_registers_or_removes_for_another() {
    let (mut location, now) = registrar();
    let mut victim = Phone::of("alice", 1);
    send(&mut location, now, &mut victim, DESK).unwrap();
    let before = picture(&location);
    let mut attacker = Phone::of("alice", 2);
    for rows in [
        "Contact: <sip:evil@192.0.2.66>\n",
        "Contact: *\nExpires: 0\n",
        DESK,
        "",
    ] {
        let request = attacker.request(rows);
        let refused = attacker.register_as(
            &mut location,
            now,
            &RegisterPolicy::default(),
            &aor("mallory"),
            &request,
        );
        assert_eq!(refused.unwrap_err().rejection().status.code(), 403);
        assert_eq!(picture(&location), before);
    }
}

#[test]
fn an_expired_binding_is_nowhere_before_anybody_took_it_away() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let rows = format!("{DESK}Expires: 60\n");
    send(&mut location, now, &mut phone, &rows).unwrap();
    let last = now + seconds(59);
    assert_eq!(location.lookup(last, &aor("alice")).len(), 1);
    let asked = send(
        &mut location,
        last + Duration::from_millis(500),
        &mut phone,
        "",
    )
    .unwrap();
    assert_eq!(listed(&asked), [("sip:alice@192.0.2.1:5062", 1)]);
    let over = now + seconds(60);
    assert!(location.lookup(over, &aor("alice")).is_empty());
    assert!(
        send(&mut location, over, &mut phone, "")
            .unwrap()
            .contacts
            .is_empty()
    );
    // It is bound anew, under another name, and its old order does not count.
    phone.cseq = 0;
    let registered = send(&mut location, over, &mut phone, DESK).unwrap();
    assert_eq!(changes(&registered), [Change::Expired, Change::Registered]);
    assert_eq!(location.len(), 1);
    assert!(location.handle_timeout(over).is_empty());
}

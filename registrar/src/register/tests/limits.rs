//! What there may be.

use super::*;

fn contact(name: &str) -> String {
    format!("Contact: <sip:{name}@192.0.2.1>\n")
}

fn ends(name: &str) -> String {
    format!("Contact: <sip:{name}@192.0.2.1>;expires=0\n")
}

#[test]
fn the_cap_counts_what_there_would_be_afterwards() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let three = [contact("a"), contact("b"), contact("c")].concat();
    send(&mut location, now, &mut phone, &three).unwrap();
    let refused = send(&mut location, now, &mut phone, &contact("d")).unwrap_err();
    assert_eq!(refused.rejection().status.code(), 403);
    // One goes and one comes, in either order.
    send(
        &mut location,
        now,
        &mut phone,
        &[contact("d"), ends("a")].concat(),
    )
    .unwrap();
    send(
        &mut location,
        now,
        &mut phone,
        &[ends("b"), contact("e")].concat(),
    )
    .unwrap();
    // What is removed but not there makes no room, nor does one that is removed twice.
    for rows in [
        [ends("x"), contact("f")].concat(),
        [ends("c"), ends("c"), contact("f"), contact("g")].concat(),
    ] {
        let refused = send(&mut location, now, &mut phone, &rows);
        assert_eq!(refused, Err(Refusal::TooManyContacts));
    }
    assert_eq!(location.len(), PER_AOR);
    // Who is bound is refreshed.
    send(&mut location, now, &mut phone, &contact("c")).unwrap();
}

#[test]
fn parked_telephones_make_room_the_first_to_break_first() {
    let (mut location, now) = registrar();
    for flow in 1..=3 {
        let mut phone = Phone::on_socket("alice", flow);
        send(
            &mut location,
            now,
            &mut phone,
            &contact(&format!("p{flow}")),
        )
        .unwrap();
    }
    for (flow, at) in [(2, 0), (3, 1)] {
        location.flow_closed(now + seconds(at), FlowId(flow), Some(seconds(60)));
    }
    let now = now + seconds(2);
    // One of them is back: it is not made to go for the other contact of the same request.
    let mut phone = Phone::on_socket("alice", 4);
    let rows = [contact("p2"), contact("new")].concat();
    let registered = send(&mut location, now, &mut phone, &rows).unwrap();
    let events: Vec<_> = registered
        .events
        .iter()
        .map(|event| (event.contact.as_sip().unwrap().uri.as_str(), event.change))
        .collect();
    assert_eq!(
        events,
        [
            ("sip:p3@192.0.2.1", Change::Displaced),
            ("sip:p2@192.0.2.1", Change::Resumed),
            ("sip:new@192.0.2.1", Change::Registered)
        ]
    );
    let refused = send(&mut location, now, &mut phone, &contact("more"));
    assert_eq!(refused, Err(Refusal::TooManyContacts));
}

#[test]
fn of_parked_telephones_the_first_to_break_makes_room_even_where_all_is_full() {
    let (mut location, now) = registrar();
    for name in ["alice", "bob"] {
        for flow in 1..=3 {
            let mut phone = Phone::on_socket(name, flow);
            send(
                &mut location,
                now,
                &mut phone,
                &contact(&format!("p{flow}")),
            )
            .unwrap();
        }
    }
    assert_eq!(location.len(), BINDINGS);
    location.flow_closed(now, FlowId(3), Some(seconds(60)));
    location.flow_closed(now + seconds(1), FlowId(1), Some(seconds(60)));
    let mut phone = Phone::on_socket("alice", 4);
    let registered = send(&mut location, now + seconds(2), &mut phone, &contact("new")).unwrap();
    let uris: Vec<_> = listed(&registered)
        .into_iter()
        .map(|(uri, _)| uri)
        .collect();
    assert_eq!(
        uris,
        ["sip:p1@192.0.2.1", "sip:p2@192.0.2.1", "sip:new@192.0.2.1"]
    );
}

#[test]
fn pages_count_towards_the_cap_but_make_no_room() {
    let (mut location, now) = registrar();
    for flow in 1..=3 {
        let page = NewBinding::wcs(aor("alice"), FlowId(flow));
        location.bind(now, page).unwrap();
    }
    location.flow_closed(now, FlowId(1), Some(seconds(60)));
    let mut phone = Phone::of("alice", 4);
    let refused = send(&mut location, now, &mut phone, &contact("a"));
    assert_eq!(refused, Err(Refusal::TooManyContacts));
}

#[test]
fn a_full_registrar_refuses_who_comes_and_keeps_who_is_there() {
    let (mut location, now) = registrar();
    let mut alice = Phone::of("alice", 1);
    let mut bob = Phone::of("bob", 2);
    let three = [contact("a"), contact("b"), contact("c")].concat();
    send(&mut location, now, &mut alice, &three).unwrap();
    send(&mut location, now, &mut bob, &three).unwrap();
    assert_eq!(location.len(), BINDINGS);
    let mut carol = Phone::of("carol", 3);
    let rejection = send(&mut location, now, &mut carol, &contact("a"))
        .unwrap_err()
        .rejection();
    assert_eq!(rejection.status.code(), 503);
    assert_eq!(
        rejection.headers,
        [(HeaderName::RetryAfter, "60".to_owned())]
    );
    // Whoever goes in the same request as he comes needs no more room than before.
    send(
        &mut location,
        now,
        &mut bob,
        &[contact("d"), ends("a")].concat(),
    )
    .unwrap();
    assert_eq!(location.len(), BINDINGS);
    send(&mut location, now, &mut alice, "Contact: *\nExpires: 0\n").unwrap();
    send(&mut location, now, &mut carol, &contact("a")).unwrap();
}

#[test]
fn narrower_limits_take_nothing_away() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let three = [contact("a"), contact("b"), contact("c")].concat();
    send(&mut location, now, &mut phone, &three).unwrap();
    location.limits = LocationLimits {
        bindings: 1,
        per_aor: 1,
    };
    send(&mut location, now, &mut phone, &three).unwrap();
    send(&mut location, now, &mut phone, &ends("a")).unwrap();
    assert!(send(&mut location, now, &mut phone, &contact("d")).is_err());
    assert_eq!(location.len(), 2);
}

#[test]
fn a_contact_has_so_many_parameters_and_no_more() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let uri = |params: usize, headers: &str| {
        let params: String = (0..params).map(|number| format!(";p{number}")).collect();
        format!("Contact: <sip:a@192.0.2.1{params}{headers}>\n")
    };
    let most = MAX_URI_FIELDS;
    for (rows, taken) in [
        (uri(most, ""), true),
        (uri(most + 1, ""), false),
        (uri(most - 1, "?h=1"), true),
        (uri(most - 1, "?h=1&i=1"), false),
    ] {
        let answer = send(&mut location, now, &mut phone, &rows);
        assert_eq!(answer.is_ok(), taken, "{rows}");
        assert!(taken || answer == Err(Refusal::TooLong));
    }
}

/// S10 of the security plan.
#[test]
fn a_flood_of_new_call_ids_and_contacts_grows_nothing() {
    let (mut location, now) = registrar();
    for number in 0..1000 {
        let mut phone = Phone::of("alice", number);
        let rows = contact(&format!("p{number}"));
        let taken = send(&mut location, now, &mut phone, &rows).is_ok();
        assert_eq!(taken, number < PER_AOR as u64);
    }
    for number in 0..1000 {
        let mut phone = Phone::of("alice", number);
        phone.call_id = format!("again-{number}");
        send(&mut location, now, &mut phone, &contact("p0")).unwrap();
    }
    assert_eq!(location.len(), PER_AOR);
    let flows: usize = (0..1000)
        .map(|flow| location.on_flow(FlowId(flow)).count())
        .sum();
    assert_eq!(flows, PER_AOR);
}

#[test]
fn a_domain_may_have_a_narrower_cap_of_its_own() {
    let (mut location, now) = registrar();
    let narrow = RegisterPolicy {
        max_contacts: Some(1),
        ..RegisterPolicy::default()
    };
    let mut phone = Phone::of("alice", 1);
    let mut ask = |rows: &str| {
        let request = phone.request(rows);
        let register = Register::read(&request).unwrap();
        let from = Registrant {
            aor: &phone.aor,
            user: &phone.aor,
            flow: phone.flow,
            transport: phone.transport,
            source: phone.source,
        };
        location.register(now, &narrow, &from, &register).map(drop)
    };
    assert_eq!(ask(&contact("a")), Ok(()));
    assert_eq!(ask(&contact("b")), Err(Refusal::TooManyContacts));
    assert_eq!(ask(&[ends("a"), contact("b")].concat()), Ok(()));
    assert_eq!(ask(&contact("b")), Ok(()), "who is bound is refreshed");
}

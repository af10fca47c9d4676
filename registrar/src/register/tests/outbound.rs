//! RFC 5626 and RFC 3327.

use super::*;

const INSTANCE: &str = "+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\"";

fn flow(name: &str, reg_id: u32) -> String {
    format!("Contact: <sip:{name}@a.invalid;transport=ws>;reg-id={reg_id};{INSTANCE}\n")
}

fn outbound(rows: &str) -> String {
    format!("Supported: outbound, path\n{rows}")
}

#[test]
fn an_instance_replaces_its_own_flow_whatever_its_contact() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    let first = send(&mut location, now, &mut browser, &outbound(&flow("one", 1))).unwrap();
    assert!(first.outbound);
    let id = location.lookup(now, &aor("alice"))[0].binding;
    // The page was loaded anew: another contact, another Call-ID, another socket; the old one has
    // not closed yet.
    let mut again = Phone::on_socket("alice", 2);
    let rows = outbound(&flow("two", 1).replace("AABBCC", "aabbcc"));
    let second = send(&mut location, now, &mut again, &rows).unwrap();
    assert_eq!(changes(&second), [Change::Refreshed]);
    assert_eq!(listed(&second), [("sip:two@a.invalid;transport=ws", 3600)]);
    assert!(location.flow_closed(now, FlowId(1), None).gone.is_empty());
    let targets = location.lookup(now, &aor("alice"));
    assert_eq!((targets[0].binding, targets[0].flow), (id, Some(FlowId(2))));
}

#[test]
fn two_user_agents_with_the_same_reg_id_both_ring() {
    let (mut location, now) = registrar();
    for (number, instance) in [(1, "<urn:uuid:1>"), (2, "<urn:uuid:2>")] {
        let mut browser = Phone::on_socket("alice", number);
        let contact = "<sip:same@a.invalid;transport=ws>;reg-id=1";
        let rows = format!("Contact: {contact};+sip.instance=\"{instance}\"\n");
        send(&mut location, now, &mut browser, &outbound(&rows)).unwrap();
    }
    assert_eq!(location.lookup(now, &aor("alice")).len(), 2);
}

#[test]
fn the_flow_that_was_refreshed_last_is_the_way() {
    let (mut location, now) = registrar();
    let mut browsers = [1, 2].map(|flow| Phone::on_socket("alice", flow));
    for (later, at) in [(0, 0), (1, 1), (2, 0)] {
        let rows = outbound(&flow("same", u32::try_from(at).unwrap() + 1));
        send(
            &mut location,
            now + seconds(later),
            &mut browsers[at],
            &rows,
        )
        .unwrap();
        let targets = location.lookup(now + seconds(later), &aor("alice"));
        assert_eq!(
            (targets.len(), targets[0].flow),
            (1, Some(browsers[at].flow))
        );
    }
}

#[test]
fn two_flows_of_one_user_agent_ring_once_and_the_other_is_in_reserve() {
    let (mut location, now) = registrar();
    for (reg_id, seconds_later) in [(1, 10), (2, 5)] {
        let mut browser = Phone::on_socket("alice", reg_id);
        let later = now + seconds(seconds_later);
        let rows = outbound(&flow("same", u32::try_from(reg_id).unwrap()));
        send(&mut location, later, &mut browser, &rows).unwrap();
    }
    let now = now + seconds(10);
    send(&mut location, now, &mut Phone::of("alice", 3), DESK).unwrap();
    let targets = location.lookup(now, &aor("alice"));
    let flows: Vec<_> = targets
        .iter()
        .map(|target| target.flow.unwrap().0)
        .collect();
    assert_eq!(flows, [3, 1]);
    let others = location.other_flows(now, targets[1].binding);
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].flow, Some(FlowId(2)));
    assert!(location.other_flows(now, targets[0].binding).is_empty());
    // The first flow fails: the other is the way now.
    location.flow_closed(now, FlowId(1), None);
    let flows: Vec<_> = location
        .lookup(now, &aor("alice"))
        .iter()
        .map(|it| it.flow)
        .collect();
    assert_eq!(flows, [Some(FlowId(3)), Some(FlowId(2))]);
}

#[test]
fn a_reg_id_without_instance_or_support_is_passed_over() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    for rows in [
        flow("one", 1),
        outbound("Contact: <sip:one@a.invalid;transport=ws>;reg-id=1\n"),
        outbound(&flow("one", 0)),
    ] {
        let registered = send(&mut location, now, &mut browser, &rows).unwrap();
        assert!(
            !registered.outbound && registered.flow_timer_s.is_none(),
            "{rows}"
        );
        assert_eq!(registered.contacts[0].reg_id, None);
    }
    // By the rules of RFC 3261 another URI is another place.
    send(&mut location, now, &mut browser, &flow("two", 1)).unwrap();
    assert_eq!(location.len(), 2);
}

#[test]
fn a_flow_has_one_contact() {
    let (mut location, now) = registrar();
    let mut browser = Phone::on_socket("alice", 1);
    let rows = outbound(&format!("{}{DESK}", flow("one", 1)));
    let refused = send(&mut location, now, &mut browser, &rows).unwrap_err();
    assert_eq!(refused.rejection().status.code(), 400);
    // An end of another beside it is none.
    let rows = outbound(&format!(
        "{}{}",
        flow("one", 1),
        DESK.replace(">\n", ">;expires=0\n")
    ));
    assert!(send(&mut location, now, &mut browser, &rows).is_ok());
}

#[test]
fn the_first_hop_has_to_keep_the_flow() {
    let (mut location, now) = registrar();
    let mut browser = Phone::of("alice", 1);
    let via = "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK2\n";
    for (rows, taken) in [
        (String::new(), true),
        (via.to_owned(), false),
        (
            format!("{via}Path: <sip:near.example.com;lr;ob>, <sip:edge.example.com;lr>\n"),
            false,
        ),
        (
            format!("{via}Path: <sip:near.example.com;lr>, <sip:edge.example.com;lr;ob>\n"),
            true,
        ),
    ] {
        let rows = outbound(&format!("{rows}{}", flow("one", 1)));
        match send(&mut location, now, &mut browser, &rows) {
            Ok(registered) => assert!(taken && registered.outbound, "{rows}"),
            Err(refusal) => {
                assert!(!taken, "{rows}");
                assert_eq!(refusal.rejection().status.code(), 439);
            }
        }
    }
}

#[test]
fn the_path_is_kept_for_requests_and_given_back_to_those_who_know_it() {
    let (mut location, now) = registrar();
    let mut phone = Phone::of("alice", 1);
    let path = ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"];
    let rows = format!("Path: {}, {}\n{DESK}", path[0], path[1]);
    let registered = send(&mut location, now, &mut phone, &rows).unwrap();
    assert!(registered.path.is_empty());
    let targets = location.lookup(now, &aor("alice"));
    assert_eq!(*targets[0].contact.as_sip().unwrap().path, path);
    let registered = send(&mut location, now, &mut phone, &outbound(&rows)).unwrap();
    assert_eq!(registered.path, path);
    // Without one it is gone.
    send(&mut location, now, &mut phone, DESK).unwrap();
    let targets = location.lookup(now, &aor("alice"));
    assert!(targets[0].contact.as_sip().unwrap().path.is_empty());
}

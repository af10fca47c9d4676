#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use proptest::prelude::*;
use sip::flow::FlowId;
use sip::uri::Uri;

use super::*;
use crate::aor::Aor;
use crate::binding::{BindingId, NewBinding};
use crate::gruu::GruuMint;
use crate::location::{Location, LocationLimits};
use crate::register::{ExpiryLimits, RegisterPolicy};
use crate::sample::{Phone, aor};

const WALL: Duration = Duration::from_secs(1_800_000_000);
const LIMITS: LocationLimits = LocationLimits {
    bindings: 5,
    per_aor: 2,
};
const ALICE: &str = "Contact: <sip:alice@192.0.2.1:5062;x=1>;q=0.25;reg-id=2;\
    +sip.instance=\"<urn:uuid:1>\";expires=600\nPath: <sip:p1.example.com;lr;ob>\n\
    Supported: outbound, gruu\n";
const DESK: &str = "Contact: <sip:desk@192.0.2.1>\n";

fn clocks() -> Clocks {
    Clocks {
        mono: Instant::now(),
        wall: WALL,
    }
}

fn later(now: Clocks, s: u64) -> Clocks {
    let by = Duration::from_secs(s);
    Clocks {
        mono: now.mono + by,
        wall: now.wall + by,
    }
}

/// The next start of the machine: another monotonic clock, the wall clock goes on.
fn restarted(now: Clocks, s: u64) -> Clocks {
    Clocks {
        mono: now.mono + Duration::from_secs(1_000_000),
        wall: now.wall + Duration::from_secs(s),
    }
}

fn policy() -> RegisterPolicy {
    RegisterPolicy {
        gruu: Some(GruuMint::new([7; 32])),
        ..RegisterPolicy::default()
    }
}

fn register(location: &mut Location, now: Clocks, phone: &mut Phone, rows: &str) {
    phone.register(location, now.mono, &policy(), rows).unwrap();
}

fn everybody(_: &Aor) -> Option<ExpiryLimits> {
    Some(ExpiryLimits::default())
}

fn restore(now: Clocks, snapshot: &[u8]) -> Result<(Location, Restored), SnapshotError> {
    let mut location = Location::new(LIMITS);
    let restored = location.restore(now, everybody, snapshot)?;
    Ok((location, restored))
}

/// What `Restored` says of a snapshot of which only so many came back.
fn only(bindings: usize) -> Restored {
    Restored {
        bindings,
        ..Restored::default()
    }
}

#[test]
fn a_telephone_by_udp_is_there_again_after_a_restart() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    let mut phone = Phone::of("alice", 1);
    phone.source = "[2001:db8::1]:5062".parse().unwrap();
    register(&mut location, now, &mut phone, ALICE);
    let rows = "Supported: gruu\n";
    let asked = phone
        .register(&mut location, now.mono, &policy(), rows)
        .unwrap();
    let gruu = asked.contacts[0].gruus.clone().unwrap().temporary;
    let snapshot = location.snapshot(later(now, 50));

    let now = restarted(now, 100);
    let (mut location, restored) = restore(now, &snapshot).unwrap();
    assert_eq!(restored, only(1));
    let target = location.lookup(now.mono, &phone.aor).remove(0);
    assert_eq!((target.flow, target.q.thousandths()), (None, 250));
    let contact = target.contact.as_sip().unwrap();
    assert_eq!(contact.uri.as_str(), "sip:alice@192.0.2.1:5062;x=1");
    assert_eq!(
        (
            contact.source,
            *contact.path == ["<sip:p1.example.com;lr;ob>"]
        ),
        (phone.source, true)
    );
    assert_eq!(contact.instance.as_deref(), Some("<urn:uuid:1>"));
    assert_eq!(contact.reg_id.map(u32::from), Some(2));
    assert_eq!(
        location.poll_timeout(),
        Some(now.mono + Duration::from_secs(500))
    );
    // Its temporary address still leads to it.
    let Uri::Sip(uri) = Uri::parse(&gruu).unwrap() else {
        unreachable!()
    };
    let gruu = GruuMint::new([7; 32]).read(&uri).unwrap();
    assert_eq!(
        location.lookup_gruu(now.mono, &gruu).unwrap().binding,
        target.binding
    );
    // Its next word is one to the same binding, and an old one is not obeyed.
    phone.cseq = 0;
    assert!(
        phone
            .register(&mut location, now.mono, &policy(), ALICE)
            .is_err()
    );
    register(
        &mut location,
        now,
        &mut Phone {
            cseq: 5,
            ..phone.clone()
        },
        ALICE,
    );
    assert_eq!(
        location.lookup(now.mono, &phone.aor)[0].binding,
        target.binding
    );
    // New names follow the old ones.
    let page = location
        .bind(now.mono, NewBinding::wcs(aor("bob"), FlowId(1)))
        .unwrap();
    assert!(page > target.binding);
}

#[test]
fn what_lost_its_connection_with_the_restart_does_not_come_back() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    register(&mut location, now, &mut Phone::on_socket("alice", 1), DESK);
    location
        .bind(now.mono, NewBinding::wcs(aor("alice"), FlowId(2)))
        .unwrap();
    register(&mut location, now, &mut Phone::of("bob", 3), DESK);
    let (location, restored) = restore(restarted(now, 1), &location.snapshot(now)).unwrap();
    assert_eq!(restored, only(1));
    assert_eq!(location.of(&aor("bob")).count(), 1);
}

#[test]
fn what_expired_is_unwanted_or_too_much_stays_away() {
    let (mut location, now) = (Location::new(LocationLimits::default()), clocks());
    register(
        &mut location,
        now,
        &mut Phone::of("brief", 1),
        "Contact: <sip:a@b>;expires=60\n",
    );
    register(&mut location, now, &mut Phone::of("gone", 2), DESK);
    let rows = "Contact: <sip:a@b>, <sip:c@b>, <sip:d@b>\n";
    register(&mut location, now, &mut Phone::of("many", 3), rows);
    let now_again = restarted(now, 60);
    let mut again = Location::new(LIMITS);
    let wanted = |who: &Aor| everybody(who).filter(|_| *who != aor("gone"));
    let restored = again.restore(now_again, wanted, &location.snapshot(now));
    let expected = Restored {
        bindings: 2,
        expired: 1,
        over_limit: 1,
        unwanted: 1,
        outdated: 0,
    };
    assert_eq!(restored, Ok(expected));
    assert_eq!(again.len(), 2);
}

#[test]
fn a_clock_that_went_back_makes_nothing_last_longer_than_granted() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    register(&mut location, now, &mut Phone::of("alice", 1), DESK);
    let past = Clocks {
        mono: now.mono,
        wall: WALL - Duration::from_secs(1_000_000),
    };
    let (location, _) = restore(past, &location.snapshot(now)).unwrap();
    let longest = Duration::from_secs(ExpiryLimits::default().max_s().into());
    assert_eq!(location.poll_timeout(), Some(past.mono + longest));
}

#[test]
fn whoever_is_back_before_the_snapshot_keeps_what_he_said() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    register(
        &mut location,
        now,
        &mut Phone::of("bob", 1),
        "Contact: <sip:b@b>\n",
    );
    register(&mut location, now, &mut Phone::of("alice", 1), DESK);
    let snapshot = location.snapshot(now);
    let now = restarted(now, 10);
    let mut again = Location::new(LIMITS);
    register(&mut again, now, &mut Phone::of("alice", 7), DESK);
    let restored = again.restore(now, everybody, &snapshot).unwrap();
    assert_eq!(
        (restored.bindings, restored.outdated, restored.over_limit),
        (1, 1, 0)
    );
    assert_eq!(
        again.lookup(now.mono, &aor("alice"))[0].flow,
        Some(FlowId(7))
    );
}

#[test]
fn a_snapshot_is_written_in_pieces_while_telephones_come_and_go() {
    let (mut location, now) = (Location::new(LocationLimits::default()), clocks());
    for number in 0..10 {
        register(
            &mut location,
            now,
            &mut Phone::of(&format!("u{number}"), number),
            DESK,
        );
    }
    let mut writer = SnapshotWriter::new();
    assert!(!writer.step(&location, now, 4));
    // One that is written already goes and comes back under another name.
    let mut phone = Phone::of("u0", 0);
    phone.cseq = 1;
    register(
        &mut location,
        later(now, 1),
        &mut phone,
        "Contact: *\nExpires: 0\n",
    );
    register(&mut location, later(now, 2), &mut phone, DESK);
    // One that is not written yet goes.
    let mut phone = Phone::of("u9", 9);
    phone.cseq = 1;
    register(
        &mut location,
        later(now, 2),
        &mut phone,
        "Contact: *\nExpires: 0\n",
    );
    assert!(!writer.step(&location, later(now, 2), 4));
    assert!(writer.step(&location, later(now, 2), 4));
    let snapshot = writer.finish().unwrap();

    let mut again = Location::new(LocationLimits::default());
    let restored = again
        .restore(restarted(now, 5), everybody, &snapshot)
        .unwrap();
    assert_eq!((restored.bindings, restored.outdated), (9, 1));
    for number in 0..10 {
        let count = usize::from(number != 9);
        assert_eq!(
            again.of(&aor(&format!("u{number}"))).count(),
            count,
            "{number}"
        );
    }
}

#[test]
fn a_snapshot_that_is_not_finished_is_none() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    for name in ["alice", "bob"] {
        register(&mut location, now, &mut Phone::of(name, 1), DESK);
    }
    let mut writer = SnapshotWriter::new();
    // A budget of nothing still gets on.
    assert!(!writer.step(&location, now, 0));
    assert_eq!(writer.finish(), None);
}

#[test]
fn only_changes_of_what_is_kept_call_for_another_snapshot() {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    let start = location.lasting_changes();
    let mut browser = Phone::on_socket("alice", 1);
    register(&mut location, now, &mut browser, DESK);
    location.flow_closed(now.mono, FlowId(1), None);
    assert_eq!(location.lasting_changes(), start);
    let mut phone = Phone::of("bob", 2);
    for rows in [DESK, DESK, "Contact: *\nExpires: 0\n"] {
        let before = location.lasting_changes();
        register(&mut location, now, &mut phone, rows);
        assert!(location.lasting_changes() > before, "{rows}");
    }
}

fn sample() -> (Vec<u8>, Clocks) {
    let (mut location, now) = (Location::new(LIMITS), clocks());
    register(&mut location, now, &mut Phone::of("alice", 1), ALICE);
    register(&mut location, now, &mut Phone::of("bob", 1), DESK);
    (location.snapshot(now), now)
}

#[test]
fn any_damage_is_told_and_nothing_comes_back() {
    let (whole, now) = sample();
    assert_eq!(restore(now, &whole).unwrap().1, only(2));
    for at in 0..whole.len() {
        assert!(restore(now, &whole[..at]).is_err(), "cut at {at}");
        for flip in [1, 0x20, 0x80] {
            let mut damaged = whole.clone();
            damaged[at] ^= flip;
            assert!(restore(now, &damaged).is_err(), "{flip} at {at}");
        }
    }
    let twice = [&whole[..], &whole[..]].concat();
    let told = restore(now, &twice).unwrap_err();
    assert_eq!(
        told.to_string(),
        "line 5 of the snapshot: something follows the end"
    );
}

/// A snapshot of these lines.
fn lines(lines: &[&str]) -> Vec<u8> {
    let mut text = String::new();
    for one in lines {
        line::write(&mut text, one);
    }
    text.into_bytes()
}

#[test]
fn what_is_sound_but_says_nonsense_is_told_by_its_field() {
    const HEAD: &str = "callbox-bindings 1";
    let good = "id=1\taor=a@b.c\tcontact=sip:a@b\tsource=192.0.2.1:5060\tq=1000\tcall-id=x\t\
                cseq=1\trefreshed=1\texpires=1800000001000";
    let now = clocks();
    assert_eq!(
        restore(now, &lines(&[HEAD, good, "end 1"])).unwrap().1,
        only(1)
    );
    for (from, to, fault) in [
        ("id=1\t", "id=18446744073709551615\t", "the field id is"),
        ("id=1\t", "", "the field id is missing"),
        ("a@b.c", "nobody", "the field aor is"),
        ("sip:a@b", "tel:+1555", "the field contact is"),
        ("q=1000", "q=1001", "the field q is"),
        ("cseq=1", "cseq=-1", "the field cseq is"),
        ("192.0.2.1:5060", "192.0.2.1", "the field source is"),
        ("call-id=x", "call-id=\\x", "the field call-id=\\x is"),
        ("call-id=x", "call-id=x\tcall-id=y", "the field call-id is"),
        ("q=1000", "q=1000\tnew=1", "the field new is"),
    ] {
        let bad = good.replace(from, to);
        let told = restore(now, &lines(&[HEAD, &bad, "end 1"]))
            .unwrap_err()
            .to_string();
        assert!(
            told.starts_with(&format!("line 2 of the snapshot: {fault}")),
            "{told}"
        );
    }
    for (snapshot, told) in [
        (
            lines(&["callbox-bindings 2", "end 0"]),
            "line 1 of the snapshot: version 2 is not known",
        ),
        (
            lines(&["something else"]),
            "line 1 of the snapshot: it does not begin",
        ),
        (
            lines(&[HEAD, "end 1"]),
            "line 2 of the snapshot: it names 1 bindings, but there are 0",
        ),
        (
            lines(&[HEAD, good, good, "end 2"]),
            "line 3 of the snapshot: the id was there before",
        ),
        (
            Vec::new(),
            "line 1 of the snapshot: the snapshot ends before",
        ),
    ] {
        let error = restore(now, &snapshot).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_in_a_field_comes_back(call_id in "[!-~]{1,40}", instance in any::<String>()) {
        let (mut location, now) = (Location::new(LIMITS), clocks());
        let mut phone = Phone::of("alice", 1);
        let request = phone.request(DESK);
        let mut register = sip::procedure::register::Register::read(&request).unwrap();
        register.call_id = call_id.as_str().into();
        if let sip::procedure::register::Contacts::These(contacts) = &mut register.contacts {
            contacts[0].instance = Some(instance.as_str().into());
        }
        let from = crate::register::Registrant {
            aor: &phone.aor,
            user: &phone.aor,
            flow: phone.flow,
            transport: phone.transport,
            source: phone.source,
        };
        location.register(now.mono, &policy(), &from, &register).unwrap();
        let (again, restored) = restore(now, &location.snapshot(now)).unwrap();
        prop_assert_eq!(restored, only(1));
        let (one, other) = (location.get(BindingId(0)).unwrap(), again.get(BindingId(0)).unwrap());
        prop_assert_eq!(&one.contact, &other.contact);
        prop_assert_eq!(&one.order, &other.order);
    }

    #[test]
    fn no_bytes_are_a_panic(bytes in any::<Vec<u8>>(), text in "(id|aor|q|\t|=|\\\\|[0-9]){0,30}") {
        let now = clocks();
        prop_assert!(restore(now, &bytes).is_err());
        let sound = lines(&["callbox-bindings 1", &text, "end 1"]);
        prop_assert!(restore(now, &sound).is_err());
    }
}

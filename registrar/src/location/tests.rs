#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use proptest::prelude::*;
use sip::uri::{Host, Uri};

use super::*;
use crate::binding::QValue;
use crate::contact::{Contact, FlowKind, SipContact};

const PARK: Option<Duration> = Some(Duration::from_secs(15));

fn aor(name: &str) -> Aor {
    Aor::parse(name, &Host::parse("example.com").unwrap()).unwrap()
}

fn wcs(name: &str, flow: u64) -> NewBinding {
    NewBinding::wcs(aor(name), FlowId(flow))
}

fn sip(name: &str, flow: u64, contact: &str, q: u16, expires: Option<Instant>) -> NewBinding {
    NewBinding {
        aor: aor(name),
        contact: at(contact),
        flow: FlowId(flow),
        q: QValue::from_thousandths(q).unwrap(),
        expires,
    }
}

/// A user agent on a connection.
fn at(uri: &str) -> Contact {
    let uri = Uri::parse(uri).unwrap();
    Contact::Sip(SipContact::new(uri, FlowKind::Connection).into())
}

fn flows(location: &Location, name: &str) -> Vec<u64> {
    location
        .lookup(&aor(name))
        .iter()
        .map(|target| target.flow.unwrap().0)
        .collect()
}

fn start() -> (Location, Instant) {
    (
        Location::new(LocationLimits {
            bindings: 4,
            per_aor: 3,
        }),
        Instant::now(),
    )
}

#[test]
fn targets_come_by_preference_and_the_newest_first() {
    let (mut location, now) = start();
    location.bind(now, wcs("alice", 1)).unwrap();
    location
        .bind(now, sip("alice", 2, "sip:alice@192.0.2.1", 500, None))
        .unwrap();
    location.bind(now, wcs("Alice", 3)).unwrap();
    assert_eq!(flows(&location, "alice"), [3, 1, 2]);
    assert_eq!(flows(&location, "bob"), []);
}

#[test]
fn too_many_bindings_are_refused_with_their_reason() {
    let (mut location, now) = start();
    for flow in 1..=3 {
        location.bind(now, wcs("alice", flow)).unwrap();
    }
    assert_eq!(
        location.bind(now, wcs("alice", 4)),
        Err(BindError::TooManyForAor)
    );
    location.bind(now, wcs("bob", 5)).unwrap();
    assert_eq!(location.bind(now, wcs("carol", 6)), Err(BindError::Full));
    assert_eq!(location.len(), 4);
    // A refreshment is no further one.
    location.bind(now, wcs("alice", 3)).unwrap();
    assert_eq!(location.len(), 4);
}

#[test]
fn the_same_place_on_the_same_flow_is_refreshed_and_keeps_its_name() {
    let (mut location, now) = start();
    let late = now + Duration::from_secs(60);
    let contact = "sip:alice@192.0.2.1;x=1";
    let id = location
        .bind(now, sip("alice", 1, contact, 500, Some(late)))
        .unwrap();
    let later = now + Duration::from_secs(120);
    // Another text of an equivalent URI.
    let again = sip("alice", 1, "sip:%61lice@192.0.2.1", 900, Some(later));
    assert_eq!(location.bind(now, again), Ok(id));
    let binding = location.get(id).unwrap();
    assert_eq!(
        (binding.q.thousandths(), binding.expires),
        (900, Some(later))
    );
    assert_eq!(location.poll_timeout(), Some(later));
    let other = location
        .bind(now, sip("alice", 1, "sip:alice@192.0.2.2", 900, None))
        .unwrap();
    assert_ne!(other, id);
    assert_eq!(location.on_flow(FlowId(1)).count(), 2);
}

#[test]
fn a_clean_close_takes_the_bindings_of_its_flow_and_no_other() {
    let (mut location, now) = start();
    let first = location.bind(now, wcs("alice", 1)).unwrap();
    location.bind(now, wcs("alice", 2)).unwrap();
    let closed = location.flow_closed(now, FlowId(1), None);
    assert_eq!(
        closed
            .gone
            .iter()
            .map(|binding| binding.id)
            .collect::<Vec<_>>(),
        [first]
    );
    assert!(closed.parked.is_empty());
    assert_eq!(flows(&location, "alice"), [2]);
    assert_eq!(
        location.flow_closed(now, FlowId(1), None),
        FlowClosed::default()
    );
}

#[test]
fn a_parked_binding_is_no_target_until_its_user_is_back() {
    let (mut location, now) = start();
    let id = location.bind(now, wcs("alice", 1)).unwrap();
    let closed = location.flow_closed(now, FlowId(1), PARK);
    assert_eq!((closed.gone, closed.parked), (vec![], vec![id]));
    assert_eq!(flows(&location, "alice"), []);
    assert_eq!(location.of(&aor("alice")).count(), 1);
    assert_eq!(location.poll_timeout(), Some(now + Duration::from_secs(15)));

    assert_eq!(location.resume(id, FlowId(7)).unwrap().aor, aor("alice"));
    assert_eq!(flows(&location, "alice"), [7]);
    assert_eq!(location.poll_timeout(), None);
    assert!(
        location
            .handle_timeout(now + Duration::from_secs(60))
            .is_empty()
    );
}

#[test]
fn a_parked_binding_goes_when_nobody_comes_back() {
    let (mut location, now) = start();
    let id = location.bind(now, wcs("alice", 1)).unwrap();
    location.flow_closed(now, FlowId(1), PARK);
    let until = location.poll_timeout().unwrap();
    assert!(
        location
            .handle_timeout(until - Duration::from_millis(1))
            .is_empty()
    );
    let lapsed = location.handle_timeout(until);
    assert_eq!(lapsed.len(), 1);
    assert_eq!(
        (lapsed[0].binding.id, lapsed[0].why),
        (id, Lapse::NotResumed)
    );
    assert_eq!(location.resume(id, FlowId(2)), Err(ResumeError::Gone));
    assert!(location.is_empty());
}

#[test]
fn the_late_end_of_an_old_flow_does_not_touch_a_resumed_binding() {
    let (mut location, now) = start();
    let id = location.bind(now, wcs("alice", 1)).unwrap();
    location.resume(id, FlowId(2)).unwrap();
    assert_eq!(
        location.flow_closed(now, FlowId(1), None),
        FlowClosed::default()
    );
    assert_eq!(flows(&location, "alice"), [2]);
}

#[test]
fn a_binding_that_is_not_refreshed_expires_parked_or_not() {
    let (mut location, now) = start();
    let soon = now + Duration::from_secs(5);
    location
        .bind(now, sip("alice", 1, "sip:a@192.0.2.1", 1000, Some(soon)))
        .unwrap();
    location
        .bind(now, sip("bob", 2, "sip:b@192.0.2.1", 1000, Some(soon)))
        .unwrap();
    location.flow_closed(now, FlowId(2), PARK);
    let lapsed = location.handle_timeout(soon);
    let whys: Vec<_> = lapsed.iter().map(|lapsed| lapsed.why).collect();
    assert_eq!(whys, [Lapse::Expired, Lapse::Expired]);
    assert_eq!(location.poll_timeout(), None);
}

/// What somebody does to the location service.
#[derive(Debug, Clone)]
enum Step {
    Bind {
        name: u8,
        flow: u64,
        contact: u8,
        expires_s: Option<u64>,
    },
    Unbind(u64),
    Close {
        flow: u64,
        park: bool,
    },
    Resume {
        id: u64,
        flow: u64,
    },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, 0..5_u64, 0..3_u8, prop::option::of(0..20_u64)).prop_map(
            |(name, flow, contact, expires_s)| Step::Bind { name, flow, contact, expires_s }
        ),
        1 => (0..12_u64).prop_map(Step::Unbind),
        2 => (0..5_u64, any::<bool>()).prop_map(|(flow, park)| Step::Close { flow, park }),
        2 => (0..12_u64, 0..5_u64).prop_map(|(id, flow)| Step::Resume { id, flow }),
        2 => (0..12_u64).prop_map(Step::Wait),
    ]
}

/// The same service as one list, searched through each time.
#[derive(Default)]
struct Model {
    rows: Vec<Row>,
    next: u64,
}

#[derive(Clone, PartialEq, Debug)]
struct Row {
    id: u64,
    name: u8,
    contact: u8,
    flow: Option<u64>,
    parked_until: Option<Instant>,
    expires: Option<Instant>,
}

impl Model {
    fn bind(
        &mut self,
        name: u8,
        contact: u8,
        flow: u64,
        expires: Option<Instant>,
        limits: LocationLimits,
    ) -> Option<u64> {
        let same =
            |row: &&mut Row| (row.name, row.contact, row.flow) == (name, contact, Some(flow));
        if let Some(row) = self.rows.iter_mut().find(same) {
            row.expires = expires;
            return Some(row.id);
        }
        let own = self.rows.iter().filter(|row| row.name == name).count();
        if own >= limits.per_aor || self.rows.len() >= limits.bindings {
            return None;
        }
        let id = self.next;
        self.next += 1;
        self.rows.push(Row {
            id,
            name,
            contact,
            flow: Some(flow),
            parked_until: None,
            expires,
        });
        Some(id)
    }

    fn deadline(row: &Row) -> Option<Instant> {
        [row.parked_until, row.expires].into_iter().flatten().min()
    }
}

fn contact(number: u8) -> Contact {
    match number {
        0 => Contact::WcsSession,
        _ => at(&format!("sip:u@192.0.2.{number}")),
    }
}

proptest! {
    #[test]
    fn the_service_does_what_a_plain_list_does(steps in prop::collection::vec(step(), 1..60)) {
        let limits = LocationLimits { bindings: 6, per_aor: 3 };
        let (mut location, mut model) = (Location::new(limits), Model::default());
        let mut now = Instant::now();
        for step in steps {
            match step {
                Step::Bind { name, flow, contact: number, expires_s } => {
                    let expires = expires_s.map(|s| now + Duration::from_secs(s));
                    let new = NewBinding {
                        contact: contact(number),
                        expires,
                        ..wcs(&format!("u{name}"), flow)
                    };
                    let bound = location.bind(now, new).ok().map(|id| id.0);
                    prop_assert_eq!(bound, model.bind(name, number, flow, expires, limits));
                }
                Step::Unbind(id) => {
                    let gone = location.unbind(BindingId(id)).is_some();
                    prop_assert_eq!(gone, model.rows.iter().any(|row| row.id == id));
                    model.rows.retain(|row| row.id != id);
                }
                Step::Close { flow, park } => {
                    let closed = location.flow_closed(now, FlowId(flow), PARK.filter(|_| park));
                    let hit = model.rows.iter().filter(|row| row.flow == Some(flow)).count();
                    let (gone, parked) = if park { (0, hit) } else { (hit, 0) };
                    prop_assert_eq!((closed.gone.len(), closed.parked.len()), (gone, parked));
                    if park {
                        for row in model.rows.iter_mut().filter(|row| row.flow == Some(flow)) {
                            row.flow = None;
                            row.parked_until = Some(now + Duration::from_secs(15));
                        }
                    } else {
                        model.rows.retain(|row| row.flow != Some(flow));
                    }
                }
                Step::Resume { id, flow } => {
                    let resumed = location.resume(BindingId(id), FlowId(flow)).is_ok();
                    let row = model.rows.iter_mut().find(|row| row.id == id);
                    prop_assert_eq!(resumed, row.is_some());
                    if let Some(row) = row {
                        row.flow = Some(flow);
                        row.parked_until = None;
                    }
                }
                Step::Wait(seconds) => {
                    now += Duration::from_secs(seconds);
                    let lapsed = location.handle_timeout(now).len();
                    let due = |row: &Row| Model::deadline(row).is_some_and(|due| due <= now);
                    prop_assert_eq!(lapsed, model.rows.iter().filter(|row| due(row)).count());
                    model.rows.retain(|row| !due(row));
                }
            }
            prop_assert_eq!(location.len(), model.rows.len());
            prop_assert_eq!(location.poll_timeout(), model.rows.iter().filter_map(Model::deadline).min());
            for name in 0..3 {
                let mut expected: Vec<_> = model
                    .rows
                    .iter()
                    .filter(|row| row.name == name)
                    .filter_map(|row| Some((row.id, row.flow?)))
                    .collect();
                expected.reverse();
                let found: Vec<_> = location
                    .lookup(&aor(&format!("u{name}")))
                    .iter()
                    .map(|target| (target.binding.0, target.flow.unwrap().0))
                    .collect();
                prop_assert_eq!(found, expected);
            }
            for flow in 0..5 {
                let expected = model.rows.iter().filter(|row| row.flow == Some(flow)).count();
                prop_assert_eq!(location.on_flow(FlowId(flow)).count(), expected);
            }
        }
    }
}

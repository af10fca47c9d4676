#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use proptest::prelude::*;

use super::*;
use crate::register::RegisterPolicy;
use crate::sample::{Phone, aor};

const PARK: Option<Duration> = Some(Duration::from_secs(15));

fn wcs(name: &str, flow: u64) -> NewBinding {
    NewBinding::wcs(aor(name), FlowId(flow))
}

/// Registers a telephone.
fn register(location: &mut Location, now: Instant, mut phone: Phone, rows: &str) -> BindingId {
    let policy = RegisterPolicy::default();
    let registered = phone.register(location, now, &policy, rows).unwrap();
    registered.events[0].binding
}

fn flows(location: &Location, now: Instant, name: &str) -> Vec<u64> {
    location
        .lookup(now, &aor(name))
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
    let rows = "Contact: <sip:alice@192.0.2.1>;q=0.5\n";
    register(&mut location, now, Phone::of("alice", 2), rows);
    location.bind(now, wcs("Alice", 3)).unwrap();
    assert_eq!(flows(&location, now, "alice"), [3, 1, 2]);
    assert_eq!(flows(&location, now, "bob"), []);
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
    assert_eq!(flows(&location, now, "alice"), [2]);
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
    assert_eq!(flows(&location, now, "alice"), []);
    assert_eq!(location.of(&aor("alice")).count(), 1);
    assert_eq!(location.poll_timeout(), Some(now + Duration::from_secs(15)));

    assert_eq!(location.resume(id, FlowId(7)).unwrap().aor, aor("alice"));
    assert_eq!(flows(&location, now, "alice"), [7]);
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
    assert_eq!(flows(&location, now, "alice"), [2]);
}

#[test]
fn a_binding_that_is_not_refreshed_expires_parked_or_not() {
    let (mut location, now) = start();
    let rows = "Contact: <sip:a@a.invalid>;expires=60\n";
    register(&mut location, now, Phone::on_socket("alice", 1), rows);
    register(&mut location, now, Phone::on_socket("bob", 2), rows);
    let soon = now + Duration::from_secs(60);
    location.flow_closed(soon - Duration::from_secs(1), FlowId(2), PARK);
    let lapsed = location.handle_timeout(soon);
    let whys: Vec<_> = lapsed.iter().map(|lapsed| lapsed.why).collect();
    assert_eq!(whys, [Lapse::Expired, Lapse::Expired]);
    assert_eq!(location.poll_timeout(), None);
}

#[test]
fn a_binding_by_udp_outlives_its_flow_and_is_reached_by_its_address() {
    let (mut location, now) = start();
    let rows = "Contact: <sip:alice@192.0.2.1:5062>\n";
    let phone = register(&mut location, now, Phone::of("alice", 1), rows);
    let page = location.bind(now, wcs("alice", 1)).unwrap();
    let closed = location.flow_closed(now, FlowId(1), None);
    assert_eq!(closed.kept, [phone]);
    assert_eq!((closed.gone.len(), closed.gone[0].id), (1, page));
    let targets = location.lookup(now, &aor("alice"));
    assert_eq!((targets.len(), targets[0].flow), (1, None));
    assert_eq!(location.on_flow(FlowId(1)).count(), 0);
    // It is heard again.
    let mut again = Phone::of("alice", 5);
    again.cseq = 1;
    again.call_id = "alice-1".to_owned();
    assert_eq!(register(&mut location, now, again, rows), phone);
    assert_eq!(flows(&location, now, "alice"), [5]);
}

#[test]
fn a_telephone_on_a_connection_goes_or_parks_with_it() {
    let (mut location, now) = start();
    let rows = "Path: <sip:p.example.com;lr>\nContact: <sip:alice@a.invalid>\n";
    register(&mut location, now, Phone::on_socket("alice", 1), rows);
    let parked = register(&mut location, now, Phone::on_socket("bob", 2), rows);
    assert_eq!(location.flow_closed(now, FlowId(1), None).gone.len(), 1);
    assert_eq!(location.flow_closed(now, FlowId(2), PARK).parked, [parked]);
    assert!(location.lookup(now, &aor("bob")).is_empty());
}

#[test]
fn what_lapses_at_once_is_taken_away_in_turns() {
    let count = MAX_LAPSES + 1;
    let mut location = Location::new(LocationLimits {
        bindings: count,
        per_aor: 1,
    });
    let now = Instant::now();
    for flow in 0..count as u64 {
        location.bind(now, wcs(&format!("u{flow}"), flow)).unwrap();
        location.flow_closed(now, FlowId(flow), PARK);
    }
    let due = location.poll_timeout().unwrap();
    assert_eq!(location.handle_timeout(due).len(), MAX_LAPSES);
    assert_eq!(location.poll_timeout(), Some(due));
    assert_eq!(location.handle_timeout(due).len(), 1);
    assert!(location.is_empty());
}

/// What somebody does to the location service.
#[derive(Debug, Clone)]
enum Step {
    Bind { name: u8, flow: u64 },
    Unbind(u64),
    Close { flow: u64, park: bool },
    Resume { id: u64, flow: u64 },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_u8, 0..5_u64).prop_map(|(name, flow)| Step::Bind { name, flow }),
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
    flow: Option<u64>,
    parked_until: Option<Instant>,
}

impl Model {
    fn bind(&mut self, name: u8, flow: u64, limits: LocationLimits) -> Option<u64> {
        let same = |row: &&Row| (row.name, row.flow) == (name, Some(flow));
        if let Some(row) = self.rows.iter().find(same) {
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
            flow: Some(flow),
            parked_until: None,
        });
        Some(id)
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
                Step::Bind { name, flow } => {
                    let new = wcs(&format!("u{name}"), flow);
                    let bound = location.bind(now, new).ok().map(|id| id.0);
                    prop_assert_eq!(bound, model.bind(name, flow, limits));
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
                    let due = |row: &Row| row.parked_until.is_some_and(|due| due <= now);
                    prop_assert_eq!(lapsed, model.rows.iter().filter(|row| due(row)).count());
                    model.rows.retain(|row| !due(row));
                }
            }
            prop_assert_eq!(location.len(), model.rows.len());
            prop_assert_eq!(location.poll_timeout(), model.rows.iter().filter_map(|row| row.parked_until).min());
            for name in 0..3 {
                let mut expected: Vec<_> = model
                    .rows
                    .iter()
                    .filter(|row| row.name == name)
                    .filter_map(|row| Some((row.id, row.flow?)))
                    .collect();
                expected.reverse();
                let found: Vec<_> = location
                    .lookup(now, &aor(&format!("u{name}")))
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

//! Random lives of telephones against a plain list.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 2] = ["alice", "bob"];
const MAX_LIFE_S: u64 = 7200;
const LIMITS: LocationLimits = LocationLimits {
    bindings: 5,
    per_aor: 3,
};

#[derive(Debug, Clone)]
enum Act {
    /// So many contacts of one request: number and expiry.
    Register {
        name: usize,
        flow: u64,
        call_id: u8,
        cseq: u32,
        contacts: Vec<(u8, u32)>,
    },
    Star {
        name: usize,
        call_id: u8,
        cseq: u32,
    },
    Close {
        flow: u64,
        park: bool,
    },
    Wait(u64),
    Sweep,
}

fn act() -> impl Strategy<Value = Act> {
    let expiry = prop_oneof![Just(0), Just(30), 60..400_u32, Just(9000)];
    let contacts = prop::collection::vec((0..4_u8, expiry), 1..4);
    prop_oneof![
        5 => (0..2_usize, 0..6_u64, 0..2_u8, 1..9_u32, contacts).prop_map(
            |(name, flow, call_id, cseq, contacts)| Act::Register {
                name, flow, call_id, cseq, contacts
            }
        ),
        1 => (0..2_usize, 0..2_u8, 1..9_u32)
            .prop_map(|(name, call_id, cseq)| Act::Star { name, call_id, cseq }),
        2 => (0..6_u64, any::<bool>()).prop_map(|(flow, park)| Act::Close { flow, park }),
        2 => (0..200_u64).prop_map(Act::Wait),
        1 => Just(Act::Sweep),
    ]
}

/// Odd flows are UDP, even ones connections.
fn phone(name: usize, flow: u64, call_id: u8, cseq: u32) -> Phone {
    let phone = match flow % 2 {
        0 => Phone::on_socket(NAMES[name], flow),
        _ => Phone::of(NAMES[name], flow),
    };
    Phone {
        call_id: format!("call-{call_id}"),
        cseq: cseq - 1,
        ..phone
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Row {
    name: usize,
    contact: u8,
    flow: Option<u64>,
    udp: bool,
    parked_until: Option<Instant>,
    expires: Instant,
    order: (u8, u32),
}

#[derive(Debug, Clone, Default)]
struct Model {
    /// The oldest first.
    rows: Vec<Row>,
}

impl Model {
    fn sweep(&mut self, now: Instant) {
        self.rows
            .retain(|row| row.expires > now && row.parked_until.is_none_or(|until| until > now));
    }

    /// The rule, told one contact after the other on a copy that is thrown away when it fails.
    fn register(&mut self, now: Instant, act: &Act) -> Result<(), u16> {
        let mut next = self.clone();
        match act {
            Act::Star {
                name,
                call_id,
                cseq,
            } => {
                next.rows
                    .retain(|row| row.name != *name || row.expires > now);
                let own = next.rows.iter().filter(|row| row.name == *name);
                if own
                    .clone()
                    .any(|row| row.order.0 == *call_id && row.order.1 >= *cseq)
                {
                    return Err(500);
                }
                next.rows.retain(|row| row.name != *name);
            }
            Act::Register {
                name,
                flow,
                call_id,
                cseq,
                contacts,
            } => {
                next.rows
                    .retain(|row| row.name != *name || row.expires > now);
                let mut added = 0;
                for (contact, expires_s) in contacts {
                    if (1..60).contains(expires_s) {
                        return Err(423);
                    }
                    let same = |row: &Row| row.name == *name && row.contact == *contact;
                    // Order is against what was there before the request.
                    let before = self.rows.iter().find(|row| same(row) && row.expires > now);
                    if before.is_some_and(|row| row.order.0 == *call_id && row.order.1 >= *cseq) {
                        return Err(500);
                    }
                    let life = u64::from(*expires_s).min(MAX_LIFE_S);
                    let row = Row {
                        name: *name,
                        contact: *contact,
                        flow: Some(*flow),
                        udp: flow % 2 == 1,
                        parked_until: None,
                        expires: now + seconds(life),
                        order: (*call_id, *cseq),
                    };
                    match next.rows.iter().position(same) {
                        Some(at) => next.rows[at] = row,
                        None => next.rows.push(row),
                    }
                }
                let known = |row: &Row| {
                    self.rows.iter().any(|old| {
                        (old.name, old.contact) == (row.name, row.contact) && old.expires > now
                    })
                };
                next.rows
                    .retain(|row| row.expires > now || row.name != *name);
                added += next
                    .rows
                    .iter()
                    .filter(|row| row.name == *name && !known(row))
                    .count();
                if added > 0 {
                    next.make_room(*name)?;
                }
                if added > 0 && next.rows.len() > LIMITS.bindings {
                    return Err(503);
                }
            }
            _ => {}
        }
        *self = next;
        Ok(())
    }

    fn make_room(&mut self, name: usize) -> Result<(), u16> {
        while self.rows.iter().filter(|row| row.name == name).count() > LIMITS.per_aor {
            let parked = self
                .rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.name == name);
            let first = parked
                .filter_map(|(at, row)| Some((row.parked_until?, at)))
                .min()
                .ok_or(403_u16)?;
            self.rows.remove(first.1);
        }
        Ok(())
    }

    fn close(&mut self, now: Instant, flow: u64, park: bool) {
        for row in self.rows.iter_mut().filter(|row| row.flow == Some(flow)) {
            if row.udp || park {
                row.flow = None;
                row.parked_until = (!row.udp).then(|| now + seconds(50));
            }
        }
        self.rows.retain(|row| row.flow != Some(flow));
    }
}

fn rows(contacts: &[(u8, u32)]) -> String {
    let row = |(contact, expires_s): &(u8, u32)| {
        format!("Contact: <sip:c{contact}@192.0.2.1>;expires={expires_s}\n")
    };
    contacts.iter().map(row).collect()
}

fn step(location: &mut Location, model: &mut Model, now: &mut Instant, act: &Act) {
    match act {
        Act::Register {
            name,
            flow,
            call_id,
            cseq,
            contacts,
        } => {
            let mut phone = phone(*name, *flow, *call_id, *cseq);
            let answer = send(location, *now, &mut phone, &rows(contacts));
            let status = answer
                .map(|_| ())
                .map_err(|it| it.rejection().status.code());
            assert_eq!(status, model.register(*now, act));
        }
        Act::Star {
            name,
            call_id,
            cseq,
        } => {
            let mut phone = phone(*name, 0, *call_id, *cseq);
            let answer = send(location, *now, &mut phone, "Contact: *\nExpires: 0\n");
            let status = answer
                .map(|_| ())
                .map_err(|it| it.rejection().status.code());
            assert_eq!(status, model.register(*now, act));
        }
        Act::Close { flow, park } => {
            location.flow_closed(*now, FlowId(*flow), park.then_some(seconds(50)));
            model.close(*now, *flow, *park);
        }
        Act::Wait(s) => *now += seconds(*s),
        Act::Sweep => {
            location.handle_timeout(*now);
            model.sweep(*now);
        }
    }
}

/// What a caller and a telephone see.
fn check(location: &Location, model: &Model, now: Instant) {
    assert_eq!(location.len(), model.rows.len());
    let due = |row: &Row| {
        row.parked_until
            .map_or(row.expires, |until| until.min(row.expires))
    };
    assert_eq!(location.poll_timeout(), model.rows.iter().map(due).min());
    for (name, text) in NAMES.iter().enumerate() {
        let found: Vec<_> = location
            .lookup(now, &aor(text))
            .iter()
            .map(|target| {
                let contact = target.contact.as_sip().unwrap();
                (contact.uri.to_string(), target.flow.map(|flow| flow.0))
            })
            .collect();
        let own = model.rows.iter().filter(|row| row.name == name);
        let expected: Vec<_> = own
            .filter(|row| row.expires > now && row.parked_until.is_none())
            .map(|row| (format!("sip:c{}@192.0.2.1", row.contact), row.flow))
            .collect();
        assert_eq!(found, expected.into_iter().rev().collect::<Vec<_>>());
    }
    for flow in 0..6 {
        let live = model
            .rows
            .iter()
            .filter(|row| row.flow == Some(flow))
            .count();
        assert_eq!(location.on_flow(FlowId(flow)).count(), live);
    }
}

proptest! {
    #[test]
    fn telephones_are_where_a_plain_list_says(acts in prop::collection::vec(act(), 1..60)) {
        let (mut location, mut now) = (Location::new(LIMITS), Instant::now());
        let mut model = Model::default();
        for act in acts {
            step(&mut location, &mut model, &mut now, &act);
            check(&location, &model, now);
        }
    }
}

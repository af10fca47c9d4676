use super::*;

const ROLES: [Role; 2] = [Role::Uac, Role::Uas];

#[test]
fn what_can_be_is_this_and_nothing_else() {
    use LegPhase::{Confirmed, Early, Ended, Ending, Inviting};
    use Negotiation::{Closed, HaveLocalOffer, HaveRemoteOffer, Stable};
    let mut found = Vec::new();
    for role in ROLES {
        for phase in LegPhase::ALL {
            for negotiation in Negotiation::ALL {
                if legal(role, phase, negotiation) {
                    found.push((role, phase, negotiation));
                }
            }
        }
    }
    let answered = |role| {
        [Confirmed, Ending].into_iter().flat_map(move |phase| {
            [Stable, HaveLocalOffer, HaveRemoteOffer].map(|negotiation| (role, phase, negotiation))
        })
    };
    let mut expected = vec![
        (Role::Uac, Inviting, Stable),
        (Role::Uac, Inviting, HaveLocalOffer),
        (Role::Uac, Early, Stable),
        (Role::Uac, Early, HaveLocalOffer),
        (Role::Uac, Early, HaveRemoteOffer),
    ];
    expected.extend(answered(Role::Uac));
    expected.push((Role::Uac, Ended, Closed));
    expected.extend([
        (Role::Uas, Inviting, Stable),
        (Role::Uas, Inviting, HaveRemoteOffer),
        (Role::Uas, Early, Stable),
        (Role::Uas, Early, HaveLocalOffer),
        (Role::Uas, Early, HaveRemoteOffer),
    ]);
    expected.extend(answered(Role::Uas));
    expected.push((Role::Uas, Ended, Closed));
    assert_eq!(found, expected);
}

#[test]
fn a_leg_never_goes_back_and_ends_once() {
    for from in LegPhase::ALL {
        for to in LegPhase::ALL {
            let forward = LegPhase::ALL.iter().position(|phase| *phase == from)
                < LegPhase::ALL.iter().position(|phase| *phase == to);
            assert_eq!(may_follow(from, to), forward, "{from:?} -> {to:?}");
        }
    }
}

#[test]
fn every_phase_that_lives_can_end_in_any_negotiation() {
    for role in ROLES {
        for phase in LegPhase::ALL
            .into_iter()
            .filter(|phase| *phase != LegPhase::Ended)
        {
            assert!(may_follow(phase, LegPhase::Ended));
            assert!(legal(role, LegPhase::Ended, Negotiation::Closed));
        }
    }
}

#[test]
fn descriptions_cross_in_turn_alone() {
    use Description::{LocalAnswer, LocalOffer, RemoteAnswer, RemoteOffer};
    use Negotiation::{HaveLocalOffer, HaveRemoteOffer, Stable};
    let mut found = Vec::new();
    for from in Negotiation::ALL {
        for description in [LocalOffer, LocalAnswer, RemoteOffer, RemoteAnswer] {
            if let Some(to) = from.after(description) {
                found.push((from, description, to));
            }
        }
    }
    assert_eq!(
        found,
        [
            (Stable, LocalOffer, HaveLocalOffer),
            (Stable, RemoteOffer, HaveRemoteOffer),
            (HaveLocalOffer, RemoteAnswer, Stable),
            (HaveRemoteOffer, LocalAnswer, Stable),
        ]
    );
}

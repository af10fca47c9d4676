//! Whatever arrives, nothing panics, and only what was sent is accepted.

use proptest::prelude::*;

use super::{PROFILES, Session, rtcp, rtp};

fn profile_index() -> impl Strategy<Value = usize> {
    0..PROFILES.len()
}

proptest! {
    #[test]
    fn s35_random_bytes_are_refused_without_state(
        profile in profile_index(), mut bytes in prop::collection::vec(any::<u8>(), 0..200)
    ) {
        let mut session = Session::new(PROFILES[profile]);
        prop_assert!(session.receiver.unprotect_rtp(&mut bytes.clone()).is_err());
        prop_assert!(session.receiver.unprotect_rtcp(&mut bytes.clone()).is_err());
        if let Some(first) = bytes.first_mut() {
            *first = 0x80 | (*first & 0x3F);
        }
        prop_assert!(session.receiver.unprotect_rtp(&mut bytes.clone()).is_err());
        prop_assert!(session.receiver.unprotect_rtcp(&mut bytes).is_err());
        prop_assert_eq!(session.receiver.ssrcs(), (0, 0));
    }

    #[test]
    fn s35_a_sender_never_panics_on_random_bytes(
        profile in profile_index(),
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        len in 0..220usize,
    ) {
        let mut session = Session::new(PROFILES[profile]);
        let _ = session.sender.protect_rtp(&mut bytes, len);
        let _ = session.sender.protect_rtcp(&mut bytes, len);
        let _ = session.sender.protect_rtp_again(&mut bytes, len);
    }

    #[test]
    fn each_packet_is_accepted_once_in_whatever_order(
        profile in profile_index(),
        start in any::<u16>(),
        order in Just((0..60u16).collect::<Vec<_>>()).prop_shuffle(),
        damaged in prop::collection::vec(any::<(bool, u8)>(), 60),
    ) {
        let mut session = Session::new(PROFILES[profile]);
        // The first one fixes the rollover counter at zero; the others are sent after it.
        let first = session.protect(&rtp(9, start));
        session.unprotect(&first).unwrap();
        let sent: Vec<_> = (1..=60u16)
            .map(|step| session.protect(&rtp(9, start.wrapping_add(step))))
            .collect();
        for (step, (damage, at)) in order.into_iter().zip(damaged) {
            let good = &sent[usize::from(step)];
            if damage {
                let mut bad = good.clone();
                let at = usize::from(at) % bad.len();
                bad[at] ^= 1;
                prop_assert!(session.unprotect(&bad).is_err());
            }
            let plain = rtp(9, start.wrapping_add(step + 1));
            prop_assert_eq!(session.unprotect(good).unwrap(), plain);
            prop_assert!(session.unprotect(good).is_err());
        }
        let report = session.protect_rtcp(&rtcp(9));
        prop_assert_eq!(session.unprotect_rtcp(&report).unwrap(), rtcp(9));
    }
}

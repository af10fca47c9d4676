//! What a session does over time: rollover, loss, replays, forgeries, limits.

use super::super::{MAX_SSRCS, SrtpError};
use super::{PROFILES, Session, rtcp, rtp};

#[test]
fn packets_pass_unchanged_in_every_profile() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let mut with_extension = rtp(7, 1);
        with_extension[0] |= 0x10;
        with_extension.splice(12..12, [0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]);
        let protected = session.protect(&with_extension);
        assert_eq!(
            protected[..20],
            with_extension[..20],
            "the header stays clear"
        );
        assert_ne!(protected[20..60], with_extension[20..60]);
        assert_eq!(session.unprotect(&protected).unwrap(), with_extension);

        let protected = session.protect_rtcp(&rtcp(7));
        assert_eq!(session.unprotect_rtcp(&protected).unwrap(), rtcp(7));
    }
}

#[test]
fn a_stream_rolls_over_with_loss_and_reordering() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let mut expected_roc = 0;
        for start in (65_000u32..65_000 + 3 * 65_536).step_by(97) {
            // Each batch is delivered backwards and loses its second packet.
            let numbers: Vec<u32> = (start..start + 97).step_by(13).collect();
            let mut batch: Vec<_> = numbers
                .iter()
                .map(|number| (*number, session.protect(&rtp(7, *number as u16))))
                .collect();
            batch.remove(1);
            for (number, protected) in batch.iter().rev() {
                let plain = session.unprotect(protected);
                assert_eq!(plain.unwrap(), rtp(7, *number as u16), "{number}");
                expected_roc = number >> 16;
            }
        }
        assert_eq!(expected_roc, 3);
    }
}

#[test]
fn a_stream_that_starts_just_before_the_wrap_goes_on_after_it() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let last = session.protect(&rtp(7, 65_535));
        let late = session.protect(&rtp(7, 65_534));
        let first = session.protect(&rtp(7, 0));
        assert!(session.unprotect(&last).is_ok());
        assert!(session.unprotect(&first).is_ok());
        assert!(session.unprotect(&late).is_ok());
        assert_eq!(session.unprotect(&last), Err(SrtpError::Replayed));
    }
}

#[test]
fn a_number_from_before_the_stream_began_is_too_old() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let first = session.protect(&rtp(7, 2));
        session.unprotect(&first).unwrap();
        let mut forged = first;
        forged[2..4].copy_from_slice(&0xFFFFu16.to_be_bytes());
        assert_eq!(session.unprotect(&forged), Err(SrtpError::TooOld));
    }
}

#[test]
fn s33_replayed_packets_are_dropped_and_the_session_goes_on() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let captured: Vec<_> = (0..500u16).map(|n| session.protect(&rtp(7, n))).collect();
        let reports: Vec<_> = (0..20).map(|_| session.protect_rtcp(&rtcp(7))).collect();
        for packet in &captured {
            session.unprotect(packet).unwrap();
        }
        for report in &reports {
            session.unprotect_rtcp(report).unwrap();
        }
        for packet in &captured {
            assert_eq!(session.unprotect(packet), Err(SrtpError::Replayed));
        }
        for report in &reports {
            assert_eq!(session.unprotect_rtcp(report), Err(SrtpError::Replayed));
        }
        let next = session.protect(&rtp(7, 500));
        assert_eq!(session.unprotect(&next).unwrap(), rtp(7, 500));
    }
}

#[test]
fn packets_older_than_the_window_are_dropped() {
    let mut session = Session::new(PROFILES[0]);
    let packets: Vec<_> = (0..2000u16).map(|n| session.protect(&rtp(7, n))).collect();
    session.unprotect(&packets[1500]).unwrap();
    assert_eq!(
        session.unprotect(&packets[1500 - 1024]),
        Err(SrtpError::TooOld)
    );
    assert!(session.unprotect(&packets[1500 - 1023]).is_ok());
}

#[test]
fn s32_corrupt_packets_are_refused_and_leave_no_state() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let good = session.protect(&rtp(7, 100));
        let report = session.protect_rtcp(&rtcp(7));
        for at in 0..good.len() {
            let mut corrupt = good.clone();
            corrupt[at] ^= 0x41;
            assert!(session.unprotect(&corrupt).is_err(), "{profile:?} {at}");
        }
        for at in 0..report.len() {
            let mut corrupt = report.clone();
            corrupt[at] ^= 0x41;
            assert!(
                session.unprotect_rtcp(&corrupt).is_err(),
                "{profile:?} {at}"
            );
        }
        for ssrc in 0..1000u32 {
            let mut foreign = good.clone();
            foreign[8..12].copy_from_slice(&ssrc.to_be_bytes());
            if ssrc != 7 {
                assert_eq!(session.unprotect(&foreign), Err(SrtpError::Unauthentic));
            }
        }
        assert_eq!(session.receiver.ssrcs(), (0, 0));

        // A forged number far ahead must not move the window of a stream that is known.
        session.unprotect(&good).unwrap();
        let mut ahead = good;
        ahead[2..4].copy_from_slice(&20_000u16.to_be_bytes());
        assert_eq!(session.unprotect(&ahead), Err(SrtpError::Unauthentic));
        let late = session.protect(&rtp(7, 99));
        assert!(session.unprotect(&late).is_ok());
        session.unprotect_rtcp(&report).unwrap();
        assert_eq!(session.receiver.ssrcs(), (1, 1));
    }
}

#[test]
fn truncated_packets_are_refused() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let good = session.protect(&rtp(7, 100));
        let report = session.protect_rtcp(&rtcp(7));
        for len in 0..good.len() {
            assert!(session.unprotect(&good[..len]).is_err());
        }
        for len in 0..report.len() {
            assert!(session.unprotect_rtcp(&report[..len]).is_err());
        }
    }
}

#[test]
fn ssrcs_are_limited_in_each_direction() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        for ssrc in 0..MAX_SSRCS as u32 {
            let protected = session.protect(&rtp(ssrc, 1));
            session.unprotect(&protected).unwrap();
            let protected = session.protect_rtcp(&rtcp(ssrc));
            session.unprotect_rtcp(&protected).unwrap();
        }
        let one_more = rtp(MAX_SSRCS as u32, 1);
        let mut buffer = [one_more.as_slice(), &[0; 16]].concat();
        assert_eq!(
            session.sender.protect_rtp(&mut buffer, one_more.len()),
            Err(SrtpError::TooManySsrcs)
        );
        assert_eq!(
            session.receiver.unprotect_rtp(&mut buffer),
            Err(SrtpError::TooManySsrcs)
        );
        let known = session.protect(&rtp(3, 2));
        assert!(session.unprotect(&known).is_ok());
    }
}

#[test]
fn unencrypted_srtcp_is_refused() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let mut protected = session.protect_rtcp(&rtcp(7));
        let word = match profile.rtcp_overhead() {
            14 => protected.len() - 14,
            _ => protected.len() - 4,
        };
        assert_eq!(protected[word], 0x80);
        protected[word] = 0;
        assert_eq!(
            session.unprotect_rtcp(&protected),
            Err(SrtpError::Unencrypted)
        );
    }
}

#[test]
fn a_sequence_number_is_protected_once_and_again_only_by_name() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let plain = rtp(7, 5);
        let first = session.protect(&plain);
        let mut buffer = [plain.as_slice(), &[0; 16]].concat();
        assert_eq!(
            session.sender.protect_rtp(&mut buffer, plain.len()),
            Err(SrtpError::Reused)
        );
        let len = session
            .sender
            .protect_rtp_again(&mut buffer, plain.len())
            .unwrap();
        assert_eq!(buffer[..len], first, "the same packet, bit for bit");

        let never_sent = rtp(7, 6);
        let mut buffer = [never_sent.as_slice(), &[0; 16]].concat();
        assert_eq!(
            session
                .sender
                .protect_rtp_again(&mut buffer, never_sent.len()),
            Err(SrtpError::TooOld)
        );
    }
}

#[test]
fn a_buffer_without_room_is_an_error_and_uses_up_nothing() {
    for profile in PROFILES {
        let mut session = Session::new(profile);
        let plain = rtp(7, 5);
        let room = profile.rtp_overhead() - 1;
        let mut buffer = plain.clone();
        buffer.resize(plain.len() + room, 0);
        assert_eq!(
            session.sender.protect_rtp(&mut buffer, plain.len()),
            Err(SrtpError::NoRoom)
        );
        assert_eq!(
            session
                .sender
                .protect_rtp(&mut buffer, plain.len() + room + 1),
            Err(SrtpError::NoRoom)
        );
        let mut buffer = [rtcp(7).as_slice(), &[0; 13]].concat();
        assert_eq!(
            session.sender.protect_rtcp(&mut buffer, 8),
            Err(SrtpError::NoRoom)
        );
        let protected = session.protect(&plain);
        assert_eq!(session.unprotect(&protected).unwrap(), plain);
    }
}

#[test]
fn a_session_is_small() {
    use super::super::aead::Aead;
    use super::super::counter_mode::CounterMode;
    let fixed = size_of::<super::super::SrtpInbound>();
    let ciphers = 2 * size_of::<CounterMode>().max(size_of::<Aead>());
    assert!(fixed + ciphers <= 2048, "{fixed} + {ciphers} bytes");
}

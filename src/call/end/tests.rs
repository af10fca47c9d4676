use super::*;

const NAMES: Names<'_> = Names {
    caller: "Ann",
    callee: "Ben",
    devices: [Device::Browser, Device::Telephone],
};

/// One of each.
fn all() -> Vec<EndReason> {
    let sides = [Side::Caller, Side::Callee];
    let failures = || {
        [
            Failure::NeverReached,
            Failure::DtlsTimeout,
            Failure::FingerprintMismatch,
            Failure::Dtls("bad_certificate".into()),
            Failure::ConsentLost,
            Failure::RtpInactivity,
            Failure::Plan("no port".into()),
        ]
    };
    let mut all = vec![
        EndReason::Cancelled,
        EndReason::AnsweredElsewhere,
        EndReason::RingsAnew,
        EndReason::Transferred { to: "Cid".into() },
        EndReason::Rejected,
        EndReason::Busy {
            calling_back: false,
        },
        EndReason::Busy { calling_back: true },
        EndReason::SentAway { to: "+1234".into() },
        EndReason::RefusedKeys { status: 488 },
        EndReason::Loop,
        EndReason::NoAnswer,
        EndReason::NotSignedIn,
        EndReason::NotKnown,
        EndReason::BadNumber,
        EndReason::NoTrunk {
            domain: "elsewhere.net".into(),
        },
        EndReason::NoTrunkForNumber,
        EndReason::CalledSelf,
        EndReason::NoCommonCodec {
            caller: "opus".into(),
            callee: "PCMU".into(),
        },
        EndReason::TranscodingOff {
            caller: "opus".into(),
            callee: "PCMU".into(),
        },
        EndReason::TranscodingLimit,
        EndReason::CallLimit,
        EndReason::UserCallLimit,
        EndReason::AccountGone,
        EndReason::CallRate,
        EndReason::ShuttingDown,
        EndReason::Operator,
    ];
    for side in sides {
        all.extend([
            EndReason::HungUp(side),
            EndReason::Left(side),
            EndReason::ConnectionLost(side),
            EndReason::Reloaded(side),
            EndReason::MediaClosed(side),
            EndReason::BadDescription(side, "it has no m-line".into()),
        ]);
        all.extend(failures().map(|failure| EndReason::Media(side, failure)));
    }
    all
}

#[test]
fn every_end_has_a_sentence_for_each_side() {
    for reason in all() {
        for side in [Side::Caller, Side::Callee] {
            let sentence = reason.sentence(side, NAMES);
            let words = sentence.split_whitespace().count();
            assert!((3..=45).contains(&words), "{reason:?}: {sentence}");
            assert!(sentence.starts_with(char::is_uppercase), "{sentence}");
            let is_whole = sentence.ends_with('.') || sentence.ends_with("m-line");
            assert!(is_whole && !sentence.contains("  "), "{sentence}");
        }
    }
}

#[test]
fn who_did_it_is_told_so_and_the_other_is_told_by_name() {
    assert_eq!(
        EndReason::HungUp(Side::Caller).sentence(Side::Caller, NAMES),
        "You hung up."
    );
    assert_eq!(
        EndReason::HungUp(Side::Caller).sentence(Side::Callee, NAMES),
        "Ann hung up."
    );
    assert_eq!(
        EndReason::HungUp(Side::Callee).sentence(Side::Caller, NAMES),
        "Ben hung up."
    );
    for reason in all() {
        let (caller, callee) = (
            reason.sentence(Side::Caller, NAMES),
            reason.sentence(Side::Callee, NAMES),
        );
        // A plan that cannot be carried out is nobody's but the server's fault.
        if let EndReason::Media(_, Failure::Plan(_)) = reason {
            assert!(caller.contains("server"), "{caller}");
        } else if let EndReason::Media(who, _) = reason {
            let (own, other) = match who {
                Side::Caller => (caller, callee),
                Side::Callee => (callee, caller),
            };
            let device = NAMES.device(who).as_str();
            let yours = format!("your {device}");
            assert!(own.to_lowercase().contains(&yours), "{own}");
            assert!(other.contains(&format!("'s {device}")), "{other}");
        }
    }
}

#[test]
fn statuses_agree_with_one_another() {
    for reason in all() {
        let status = reason.sip_status();
        assert!((200..700).contains(&status), "{reason:?}");
        for side in [Side::Caller, Side::Callee] {
            match reason.terminal(side) {
                Terminal::Busy => assert!(matches!(status, 486 | 603), "{reason:?}"),
                Terminal::Failed => assert!(status >= 400, "{reason:?}"),
                Terminal::Finish => {}
            }
        }
        let info = reason.info();
        if let Some(rest) = info.strip_prefix("SIP ") {
            let phrase = rest.strip_prefix(&format!("{status} ")).unwrap_or_default();
            assert!(!phrase.is_empty(), "{info}");
        }
        let success = reason.cause() == Cause::Success;
        assert!(!success || status == 200, "{reason:?}");
    }
}

#[test]
fn codes_are_words_for_programs() {
    for reason in all() {
        let code = reason.code();
        assert!(
            code.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{code}"
        );
    }
}

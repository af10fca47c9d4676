//! Who is let in, and what is said to whoever is not.

use std::time::Duration;

use serde_json::json;

use super::*;

/// The refusal: `fail` and the end of the flow.
fn refusal(bench: &mut Bench, page: Page) -> Value {
    let frames = bench.take(page);
    assert_eq!(names(&frames), ["fail"], "{frames:?}");
    assert!(bench.closed.contains(&(page.0, 1008)), "the flow is closed");
    let fail = frames[0]["data"][0].clone();
    assert_eq!(fail["status"], "FAILED");
    assert!(!fail["sentence"].as_str().unwrap().is_empty());
    fail
}

#[test]
fn an_account_signs_in_with_its_password() {
    let mut bench = bench();
    let page = bench.connect(
        here(),
        json!({
            "sipLogin": "alice", "sipPassword": "secret", "sipDomain": "example.org",
        }),
    );
    let frames = bench.take(page);
    assert_eq!(names(&frames), ["getUserData", "registered"]);
    assert_eq!(frames[0]["data"][0]["sipLogin"], "alice");
    assert!(frames[0]["data"][0]["authToken"].as_str().unwrap().len() >= 32);
    assert!(
        !frames[0].to_string().contains("secret"),
        "the password is not echoed"
    );
}

#[test]
fn registered_is_said_only_to_whoever_asked() {
    let mut bench = bench();
    let page = bench.connect(
        here(),
        json!({ "sipLogin": "ann", "sipRegisterRequired": false }),
    );
    assert_eq!(names(&bench.take(page)), ["getUserData"]);
}

#[test]
fn a_wrong_password_is_refused_with_a_sentence() {
    let mut bench = bench();
    let page = bench.connect(
        here(),
        json!({ "sipLogin": "alice", "sipPassword": "guess" }),
    );
    let fail = refusal(&mut bench, page);
    assert_eq!(fail["code"], "wrong_password");
    assert_eq!(fail["info"], "SIP 403 Forbidden");
    assert_eq!(bench.switch.status().sessions, 0);
}

#[test]
fn nobody_takes_an_accounts_name_as_a_guest() {
    let mut bench = bench();
    for login in ["alice", "ALICE", "alice@example.org", "alice@localhost"] {
        let page = bench.connect(here(), json!({ "sipLogin": login }));
        assert_eq!(
            refusal(&mut bench, page)["code"],
            "password_needed",
            "{login}"
        );
    }
}

#[test]
fn tries_of_one_address_are_limited_within_the_window() {
    let mut config = config();
    config.limits.sign_in_failures = 3;
    let mut bench = Bench::new(config);
    let wrong = json!({ "sipLogin": "alice", "sipPassword": "guess" });
    let right = json!({ "sipLogin": "alice", "sipPassword": "secret" });
    for _ in 0..3 {
        let page = bench.connect(here(), wrong.clone());
        assert_eq!(refusal(&mut bench, page)["code"], "wrong_password");
    }
    let page = bench.connect(here(), right.clone());
    let fail = refusal(&mut bench, page);
    assert_eq!(fail["code"], "too_many_attempts");
    assert!(
        fail["sentence"].as_str().unwrap().contains("60 seconds"),
        "{fail}"
    );

    let elsewhere = bench.connect(peer("192.0.2.9:4000", false), right.clone());
    assert_eq!(names(&bench.take(elsewhere)), ["getUserData", "registered"]);

    bench.pass(Duration::from_secs(60));
    let page = bench.connect(here(), right);
    assert_eq!(names(&bench.take(page)), ["getUserData", "registered"]);
}

#[test]
fn a_neighbour_who_guesses_shuts_out_strangers_but_nobody_who_was_here_before() {
    let mut config = config();
    config.limits.sign_in_failures = 3;
    let mut bench = Bench::new(config);
    let nat = || peer("192.0.2.9:4000", false);
    let wrong = json!({ "sipLogin": "nobody", "sipPassword": "guess" });
    let right = json!({ "sipLogin": "alice", "sipPassword": "secret" });
    let first = bench.connect(nat(), right.clone());
    assert_eq!(names(&bench.take(first)), ["getUserData", "registered"]);
    for _ in 0..3 {
        let page = bench.connect(nat(), wrong.clone());
        assert_eq!(refusal(&mut bench, page)["code"], "wrong_password");
    }
    let page = bench.connect(nat(), wrong);
    assert_eq!(refusal(&mut bench, page)["code"], "too_many_attempts");

    assert!(bench.take(first).is_empty(), "who is signed in stays so");
    let second = bench.connect(nat(), right);
    assert_eq!(names(&bench.take(second)), ["getUserData", "registered"]);
}

#[test]
fn guests_come_from_where_the_policy_says() {
    use GuestPolicy::{Loopback, None, Private};
    let cases = [
        (Loopback, "127.0.0.1:1", true, true),
        // Behind a proxy on this machine nobody sits here by that alone.
        (Loopback, "127.0.0.1:1", false, false),
        (Loopback, "192.168.1.7:1", false, false),
        (Private, "127.0.0.1:1", true, true),
        (Private, "127.0.0.1:1", false, false),
        (Private, "192.168.1.7:1", false, true),
        (Private, "[::ffff:10.1.2.3]:1", false, true),
        (Private, "[fd12::1]:1", false, true),
        (Private, "[fe80::1]:1", false, true),
        (Private, "169.254.3.4:1", false, true),
        (Private, "198.51.100.1:1", false, false),
        (Private, "[2001:db8::1]:1", false, false),
        (None, "127.0.0.1:1", true, false),
    ];
    for (policy, address, local, admitted) in cases {
        let mut config = config();
        config.guests = policy;
        let mut bench = Bench::new(config);
        let page = bench.connect(peer(address, local), json!({ "sipLogin": "ann" }));
        if admitted {
            assert_eq!(
                names(&bench.take(page))[0],
                "getUserData",
                "{policy:?} {address}"
            );
        } else {
            assert_eq!(
                refusal(&mut bench, page)["code"],
                "no_guests",
                "{policy:?} {address}"
            );
        }
    }
}

#[test]
fn an_unknown_name_with_a_password_is_refused_like_a_wrong_password() {
    let mut config = config();
    config.guests = GuestPolicy::None;
    let mut bench = Bench::new(config);
    let sign_in = |login| json!({ "sipLogin": login, "sipPassword": "guess" });
    let known = bench.connect(here(), sign_in("alice"));
    let unknown = bench.connect(here(), sign_in("nobody"));
    assert_eq!(refusal(&mut bench, known), refusal(&mut bench, unknown));
}

#[test]
fn names_of_guests_are_checked() {
    let mut bench = bench();
    for login in ["a b", "a:b", "a\u{202e}b", "<b>", &"x".repeat(33)] {
        let page = bench.connect(here(), json!({ "sipLogin": login }));
        assert_eq!(refusal(&mut bench, page)["code"], "bad_name", "{login:?}");
    }
    let page = bench.connect(here(), json!({ "sipLogin": " " }));
    assert_eq!(refusal(&mut bench, page)["code"], "no_name");
    let page = bench.connect(here(), json!({}));
    assert_eq!(refusal(&mut bench, page)["code"], "no_name");
    for login in ["x".repeat(32), "josé".to_owned(), "1002".to_owned()] {
        bench.guest(&login);
    }
}

#[test]
fn a_domain_that_is_not_served_is_refused_by_name() {
    let mut bench = bench();
    let page = bench.connect(
        here(),
        json!({ "sipLogin": "ann", "sipDomain": "sip.example.net" }),
    );
    let fail = refusal(&mut bench, page);
    assert_eq!(fail["code"], "foreign_domain");
    assert!(
        fail["sentence"]
            .as_str()
            .unwrap()
            .contains("sip.example.net")
    );
}

#[test]
fn a_name_in_use_is_taken() {
    let mut bench = bench();
    bench.guest("ann");
    let page = bench.connect(here(), json!({ "sipLogin": "Ann" }));
    let fail = refusal(&mut bench, page);
    assert_eq!(fail["code"], "name_taken");
    assert_eq!(
        fail["sentence"],
        "Somebody is signed in as Ann already. Choose another name."
    );
}

#[test]
fn a_clean_close_frees_the_name_at_once() {
    let mut bench = bench();
    let ann = bench.guest("ann");
    bench.close(ann, FlowEnd::Clean);
    bench.guest("ann");
}

#[test]
fn nobody_shows_himself_under_the_name_of_another() {
    let mut bench = bench();
    bench.guest("ben");
    for (wanted, shown) in [
        ("Ann Example", "Ann Example"),
        ("BEN", "cid"),
        ("alice", "cid"),
    ] {
        let page = bench.connect(
            here(),
            json!({
                "sipLogin": "cid", "custom": { "callbox": { "display_name": wanted } },
            }),
        );
        let ApiReply::Users(users) = bench.api(ApiAction::ListUsers) else {
            panic!("users")
        };
        let cid = users
            .iter()
            .find(|user| user.user == "cid@example.org")
            .unwrap();
        assert_eq!(cid.display_name, shown, "{wanted}");
        bench.close(page, FlowEnd::Clean);
    }
}

#[test]
fn an_account_is_signed_in_on_as_many_devices_as_allowed() {
    let mut config = config();
    config.limits.sessions_per_user = 2;
    let mut bench = Bench::new(config);
    let first = bench.account("alice");
    bench.account("alice");
    let sign_in = json!({ "sipLogin": "alice", "sipPassword": "secret" });
    let third = bench.connect(here(), sign_in.clone());
    assert_eq!(refusal(&mut bench, third)["code"], "too_many_devices");
    // One whose connection broke makes room.
    bench.close(first, FlowEnd::Abnormal);
    let third = bench.connect(here(), sign_in);
    assert_eq!(names(&bench.take(third)), ["getUserData", "registered"]);
    assert_eq!(bench.switch.status().parked, 0);
}

#[test]
fn passwords_and_tokens_are_in_no_notice() {
    let mut bench = bench();
    let page = bench.connect(
        here(),
        json!({ "sipLogin": "alice", "sipPassword": "secret" }),
    );
    let token = bench.take(page)[0]["data"][0]["authToken"]
        .as_str()
        .unwrap()
        .to_owned();
    let wrong = json!({ "sipLogin": "alice", "sipPassword": "hunter2" });
    bench.connect(here(), wrong);
    let notices = serde_json::to_string(&bench.notices).unwrap();
    for secret in ["secret", "hunter2", &token] {
        assert!(!notices.contains(secret), "{notices}");
    }
}

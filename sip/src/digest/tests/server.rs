//! The server's verdicts.

use super::*;

#[test]
fn challenges_are_one_per_algorithm_the_strongest_first() {
    let mut policy = server_policy();
    policy.algorithms.push(Algorithm::MD5);
    let world = World::new(policy);
    let challenges = world.server.challenges(world.now, &mut rng(), b"", false);
    let names: Vec<_> = challenges.iter().map(|c| c.algorithm.name()).collect();
    assert_eq!(names, ["SHA-512-256", "SHA-256", "MD5"]);
    assert!(!challenges[0].stale);
    assert!(world.server.challenges(world.now, &mut rng(), b"", true)[0].stale);
}

#[test]
fn the_right_password_is_let_in_with_each_algorithm_and_protection() {
    for hash in [Hash::Md5, Hash::Sha256, Hash::Sha512_256] {
        for session in [false, true] {
            for qop in [Qop::Auth, Qop::AuthInt] {
                let mut world = World::new(ServerPolicy {
                    algorithms: vec![Algorithm { hash, session }],
                    qops: Qops {
                        auth: qop == Qop::Auth,
                        auth_int: qop == Qop::AuthInt,
                    },
                    ..server_policy()
                });
                world.challenge(None, false).unwrap();
                for _ in 0..3 {
                    let request = Request {
                        body: b"hello",
                        ..REGISTER
                    };
                    let sent = world.authorize(&request);
                    let verdict = world.verify(&request, &sent);
                    let accepted = assert_accepted(&verdict);
                    assert_eq!(accepted.username(), "alice");
                    assert_eq!(accepted.qop(), Some(qop));
                }
                assert_eq!(world.server.nonces_in_use(), 1);
            }
        }
    }
}

#[test]
fn a_request_without_credentials_for_this_realm_is_challenged() {
    let mut world = World::new(server_policy());
    let mut verify = |values: &[&str]| {
        let values = values.iter().map(|text| text.as_bytes());
        world.server.verify(world.now, &REGISTER, b"", values, ha1)
    };
    assert_eq!(verify(&[]), Verdict::NoCredentials);
    assert_eq!(verify(&["Basic YWxpY2U6eA=="]), Verdict::NoCredentials);
    let elsewhere = "Digest username=\"a\", realm=\"else\", nonce=\"n\", uri=\"sip:example.com\", \
                     response=\"00112233445566778899aabbccddeeff\"";
    assert_eq!(verify(&[elsewhere]), Verdict::NoCredentials);
    assert_eq!(
        verify(&[elsewhere, "Digest x"]),
        Verdict::Refused(Refusal::Malformed(ValueError::Syntax))
    );
}

#[test]
fn credentials_for_this_realm_are_found_among_others() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER).to_string();
    let other = sent.replace("realm=\"example.com\"", "realm=\"else\"");
    let values = ["Basic x", &other, "Digest rubbish", &sent].map(str::as_bytes);
    let verdict = world
        .server
        .verify(world.now, &REGISTER, b"peer", values, ha1);
    assert_accepted(&verdict);
}

/// The verdict, the memory and the work: HA1 is asked for once, and as many hashes are made with it
/// or with the decoy.
#[test]
fn s11_an_unknown_user_and_a_wrong_password_get_the_same_verdict_for_the_same_work() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER).to_string();
    let unknown = sent.replace("username=\"alice\"", "username=\"mallory\"");
    let (head, tail) = sent.split_once("response=\"").unwrap();
    let wrong = format!("{head}response=\"{}{}", "0".repeat(8), &tail[8..]);
    let work = [unknown, wrong].map(|text| {
        let mut asked = 0;
        let mut before = u32::MAX;
        let values = [text.as_bytes()];
        let verdict = world
            .server
            .verify(world.now, &REGISTER, b"peer", values, |user, hash| {
                asked += 1;
                let kept = ha1(user, hash);
                // Accounts keep it ready: that it is hashed here does not count.
                before = algorithm::WORK.get();
                kept
            });
        assert_eq!(verdict, Verdict::Refused(Refusal::Password));
        assert_eq!(asked, 1);
        algorithm::WORK.get() - before
    });
    assert!(work[0] > 0 && work[0] == work[1], "{work:?}");
    assert_eq!(world.server.nonces_in_use(), 0);
}

/// Somebody who guesses that HA1 of an unknown user is the decoy's is wrong too.
#[test]
fn the_decoy_is_nobodys_password() {
    let mut world = World::new(ServerPolicy {
        algorithms: vec![Algorithm::MD5],
        ..server_policy()
    });
    let decoy = Identity {
        host: host(REALM),
        realm: REALM.into(),
        username: "mallory".into(),
        secret: Secret::Ha1(vec![Ha1::new(Hash::Md5, &[0; 16]).unwrap()]),
    };
    let policy = ClientPolicy {
        weakest: Hash::Md5,
        without_qop: false,
    };
    world.client = Client::new(decoy, policy).unwrap();
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let verdict = world.verify(&REGISTER, &sent);
    assert_eq!(verdict, Verdict::Refused(Refusal::Password));
}

#[test]
fn an_algorithm_that_was_not_offered_is_refused_though_the_password_is_right() {
    let mut weak = World::new(ServerPolicy {
        algorithms: vec![Algorithm::MD5],
        ..server_policy()
    });
    weak.challenge(None, false).unwrap();
    let sent = weak.authorize(&REGISTER);
    assert_accepted(&weak.verify(&REGISTER, &sent));
    let mut strong = World::new(ServerPolicy {
        algorithms: vec![Algorithm::SHA_256],
        ..server_policy()
    });
    let verdict = strong.verify(&REGISTER, &sent);
    assert_eq!(verdict, Verdict::Refused(Refusal::Algorithm));
}

#[test]
fn protection_stripped_or_invented_is_refused() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER).to_string();
    let (head, _) = sent.split_once(", qop=").unwrap();
    let verdict = world.verify_text(&REGISTER, head);
    assert_eq!(verdict, Verdict::Refused(Refusal::Qop));
    let invented = sent.replace("qop=auth", "qop=auth-int");
    let verdict = world.verify_text(&REGISTER, &invented);
    assert_eq!(verdict, Verdict::Refused(Refusal::Qop));
}

#[test]
fn peers_of_rfc_2069_are_let_in_if_wanted_once_per_nonce() {
    let mut world = World::new(ServerPolicy {
        without_qop: true,
        ..server_policy()
    });
    let mut challenge = world
        .server
        .challenges(world.now, &mut rng(), b"peer", false)[0]
        .clone();
    challenge.qops = Qops::default();
    let text = challenge.to_string();
    world
        .client
        .handle_challenge(
            Role::Origin,
            &host(REALM),
            None,
            [text.as_bytes()],
            &mut rng(),
        )
        .unwrap();
    let sent = world.authorize(&REGISTER);
    assert_eq!(sent.protection, None);
    assert_accepted(&world.verify(&REGISTER, &sent));
    let again = world.verify(&REGISTER, &sent);
    assert_eq!(again, Verdict::Stale(StaleReason::Replayed));
}

#[test]
fn a_replay_is_not_let_in_with_any_method_uri_or_body() {
    let mut world = World::new(ServerPolicy {
        qops: Qops {
            auth: false,
            auth_int: true,
        },
        ..server_policy()
    });
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let changed = [
        Request {
            method: "INVITE",
            ..REGISTER
        },
        Request {
            body: b"v=0",
            ..REGISTER
        },
    ];
    for request in changed {
        let verdict = world.verify(&request, &sent);
        assert_eq!(verdict, Verdict::Refused(Refusal::Password));
    }
    let elsewhere = Request {
        uri: "sip:bob@example.com",
        ..REGISTER
    };
    let verdict = world.verify(&elsewhere, &sent);
    assert_eq!(verdict, Verdict::Refused(Refusal::Uri));
    assert_accepted(&world.verify(&REGISTER, &sent));
    let verdict = world.verify(&REGISTER, &sent);
    assert_eq!(verdict, Verdict::Stale(StaleReason::Replayed));
}

#[test]
fn an_equivalent_request_uri_is_the_same_resource() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let request = Request {
        uri: "sip:EXAMPLE.com",
        ..REGISTER
    };
    assert_accepted(&world.verify(&request, &sent));
}

#[test]
fn a_uri_of_the_same_user_is_the_same_resource_whatever_leads_there() {
    for (covered, requested) in [
        ("sip:127.0.0.1:5060", "sip:example.com"),
        (
            "sip:bob@example.com",
            "sip:bob@example.com:5061;transport=tls",
        ),
        ("sip:b%6fb@example.com;user=phone", "sip:bob@example.com"),
        ("sips:bob@example.com", "sip:bob@example.com"),
    ] {
        let mut world = World::new(server_policy());
        world.challenge(None, false).unwrap();
        let (covered, requested) = (with_uri(covered), with_uri(requested));
        let sent = world.authorize(&covered);
        let verdict = world.verify(&requested, &sent);
        let accepted = assert_accepted(&verdict);
        assert_eq!(accepted.authorization.uri, covered.uri);
    }
}

#[test]
fn s13_a_uri_of_another_user_is_another_resource() {
    for (covered, requested) in [
        ("sip:127.0.0.1:5060", "sip:bob@example.com"),
        ("sip:bob@example.com", "sip:example.com"),
        ("sip:bob@example.com", "sip:Bob@example.com"),
        ("sip:bob@example.com", "tel:bob"),
        ("bob", "sip:bob@example.com"),
    ] {
        let mut world = World::new(server_policy());
        world.challenge(None, false).unwrap();
        let sent = world.authorize(&with_uri(covered));
        let verdict = world.verify(&with_uri(requested), &sent);
        assert_eq!(verdict, Verdict::Refused(Refusal::Uri), "{covered}");
    }
}

fn with_uri(uri: &str) -> Request<'_> {
    Request { uri, ..REGISTER }
}

#[test]
fn a_nonce_goes_stale_by_age_and_with_another_peer_or_secret() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let text = sent.to_string();
    let verdict = world
        .server
        .verify(world.now, &REGISTER, b"thief", [text.as_bytes()], ha1);
    assert_eq!(verdict, Verdict::Stale(StaleReason::Unknown));
    let mut other = Server::new(server_policy(), &[8; 32], world.now).unwrap();
    let verdict = other.verify(world.now, &REGISTER, b"peer", [text.as_bytes()], ha1);
    assert_eq!(verdict, Verdict::Stale(StaleReason::Unknown));
    world.now += TTL + Duration::from_millis(1);
    let verdict = world.verify(&REGISTER, &sent);
    assert_eq!(verdict, Verdict::Stale(StaleReason::Expired));
}

/// RFC 7616 3.3: `stale` says that the password was right.
#[test]
fn a_wrong_password_is_not_called_stale() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER).to_string();
    world.now += TTL * 2;
    let wrong = sent.replace("username=\"alice\"", "username=\"bob\"");
    let verdict = world.verify_text(&REGISTER, &wrong);
    assert_eq!(verdict, Verdict::Refused(Refusal::Password));
}

#[test]
fn an_opaque_value_that_is_not_ours_is_refused_and_a_lost_one_is_not() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER).to_string();
    let changed = sent.replace("opaque=\"x7\"", "opaque=\"y\"");
    let verdict = world.verify_text(&REGISTER, &changed);
    assert_eq!(verdict, Verdict::Refused(Refusal::Opaque));
    let lost = sent.replace(", opaque=\"x7\"", "");
    assert_accepted(&world.verify_text(&REGISTER, &lost));
}

#[test]
fn a_flood_without_the_password_is_not_remembered() {
    let mut world = World::new(server_policy());
    for n in 0..2_000 {
        world.challenge(None, false).unwrap();
        let sent = world.authorize(&REGISTER).to_string();
        let other = sent.replace("username=\"alice\"", &format!("username=\"u{n}\""));
        world.verify_text(&REGISTER, &other);
    }
    assert_eq!(world.server.nonces_in_use(), 0);
}

#[test]
fn a_flood_with_the_password_is_bounded_and_new_nonces_still_work() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let first = world.authorize(&REGISTER);
    assert_accepted(&world.verify(&REGISTER, &first));
    for _ in 0..500 {
        world.now += Duration::from_millis(1);
        world.client = alice();
        world.challenge(None, false).unwrap();
        let sent = world.authorize(&REGISTER);
        assert_accepted(&world.verify(&REGISTER, &sent));
        assert!(world.server.nonces_in_use() <= 100);
    }
    let verdict = world.verify(&REGISTER, &first);
    assert_eq!(verdict, Verdict::Stale(StaleReason::Forgotten));
}

#[test]
fn the_next_nonce_is_given_in_the_second_half_of_a_nonces_life_and_works() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let mut infos = Vec::new();
    for _ in 0..5 {
        let sent = world.authorize(&REGISTER);
        let verdict = world.verify(&REGISTER, &sent);
        let accepted = assert_accepted(&verdict);
        let info =
            world
                .server
                .authentication_info(world.now, &mut world.rng, b"peer", accepted, b"ok");
        let info = AuthenticationInfo::parse(info.to_string().as_bytes()).unwrap();
        world
            .client
            .handle_info(Role::Origin, &sent, &info, b"ok")
            .unwrap();
        infos.push(info.nextnonce.is_some());
        world.now += Duration::from_secs(20);
    }
    assert_eq!(infos, [false, false, true, false, true]);
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let now = Instant::now();
    let refused = |policy| Server::new(policy, &[0; 32], now).err();
    let bad = ServerPolicy {
        realm: "a\r\nb".into(),
        ..server_policy()
    };
    assert_eq!(refused(bad), Some(ServerError::Realm));
    let bad = ServerPolicy {
        algorithms: Vec::new(),
        ..server_policy()
    };
    assert_eq!(refused(bad), Some(ServerError::Nothing));
    let bad = ServerPolicy {
        qops: Qops::default(),
        ..server_policy()
    };
    assert_eq!(refused(bad), Some(ServerError::Nothing));
    let bad = ServerPolicy {
        opaque: Some("\"".into()),
        ..server_policy()
    };
    assert_eq!(refused(bad), Some(ServerError::Opaque));
}

#[test]
fn no_secret_is_shown() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let verdict = world.verify(&REGISTER, &sent);
    let shown = format!("{:?} {:?} {verdict:?}", world.server, world.client);
    assert!(!shown.contains("wonderland"), "{shown}");
    assert!(!shown.contains("9, 9"), "{shown}");
}

//! The client's answers.

use super::*;

/// What a client makes of challenges in one response, and the algorithm that it answers with.
fn answer(client: &mut Client, values: &[&str]) -> Result<&'static str, ClientError> {
    let values = values.iter().map(|text| text.as_bytes());
    client.handle_challenge(Role::Origin, &host(REALM), None, values, &mut rng())?;
    let sent = client.authorize(Role::Origin, &host(REALM), &REGISTER);
    Ok(sent.unwrap().algorithm.name())
}

fn challenge(more: &str) -> String {
    format!("Digest realm=\"example.com\", nonce=\"n\"{more}")
}

#[test]
fn the_strongest_supported_challenge_is_answered_wherever_it_stands() {
    let md5 = challenge(", qop=\"auth\"");
    let sha256 = challenge(", qop=\"auth\", algorithm=SHA-256");
    let unknown = challenge(", qop=\"auth\", algorithm=SHA3-512");
    let values = [&md5, "Basic realm=\"example.com\"", &unknown, &sha256, "?"];
    assert_eq!(answer(&mut alice(), &values), Ok("SHA-256"));
    assert_eq!(answer(&mut alice(), &[&md5]), Ok("MD5"));
}

#[test]
fn what_the_policy_forbids_is_not_answered() {
    let strict = || {
        alice_with(ClientPolicy {
            weakest: Hash::Sha256,
            without_qop: false,
        })
    };
    let md5 = challenge(", qop=\"auth\"");
    let bare = challenge(", algorithm=SHA-256");
    for value in [&md5, &bare] {
        assert_eq!(
            answer(&mut strict(), &[value]),
            Err(ClientError::Unsupported)
        );
        assert!(answer(&mut alice(), &[value]).is_ok());
    }
    let bare_session = challenge(", algorithm=SHA-256-sess");
    assert_eq!(
        answer(&mut alice(), &[&bare_session]),
        Err(ClientError::Unsupported)
    );
}

#[test]
fn a_stored_ha1_answers_for_its_hash_alone() {
    let identity = Identity {
        host: host(REALM),
        realm: REALM.into(),
        username: "alice".into(),
        secret: Secret::Ha1(vec![Ha1::of(Hash::Md5, "alice", REALM, "wonderland")]),
    };
    let policy = ClientPolicy {
        weakest: Hash::Md5,
        without_qop: false,
    };
    let mut client = Client::new(identity, policy).unwrap();
    let sha256 = challenge(", qop=\"auth\", algorithm=SHA-256");
    let md5 = challenge(", qop=\"auth\"");
    assert_eq!(answer(&mut client, &[&sha256, &md5]), Ok("MD5"));
}

#[test]
fn nothing_is_answered_that_is_no_challenge() {
    assert_eq!(answer(&mut alice(), &[]), Err(ClientError::NoChallenge));
    assert_eq!(
        answer(&mut alice(), &["Digest x"]),
        Err(ClientError::Malformed(ValueError::Syntax))
    );
    assert_eq!(
        answer(&mut alice(), &["Basic realm=\"example.com\""]),
        Err(ClientError::Unsupported)
    );
}

/// CVE-2021-41158: a peer that we call hangs up and challenges our BYE.
#[test]
fn no_other_host_and_no_other_realm_gets_a_digest() {
    let mut client = alice();
    let value = challenge(", qop=\"auth\"");
    let elsewhere = host("evil.example");
    let result = client.handle_challenge(
        Role::Origin,
        &elsewhere,
        None,
        [value.as_bytes()],
        &mut rng(),
    );
    assert_eq!(result, Err(ClientError::Host));
    let other_realm = value.replace("example.com", "evil.example");
    assert_eq!(
        answer(&mut client, &[&other_realm]),
        Err(ClientError::Realm)
    );
    assert_eq!(
        client.authorize(Role::Origin, &host(REALM), &REGISTER),
        None
    );
    answer(&mut client, &[&value]).unwrap();
    assert_eq!(client.authorize(Role::Origin, &elsewhere, &REGISTER), None);
    assert_eq!(client.authorize(Role::Proxy, &host(REALM), &REGISTER), None);
}

#[test]
fn the_nonce_count_counts_and_ends_the_nonce_when_it_is_used_up() {
    let mut client = alice();
    answer(&mut client, &[&challenge(", qop=\"auth\"")]).unwrap();
    let mut next = || client.authorize(Role::Origin, &host(REALM), &REGISTER);
    let counts: Vec<_> = (0..3)
        .map(|_| next().unwrap().protection.unwrap().nc())
        .collect();
    assert_eq!(counts, [2, 3, 4]);
    client.use_up_nonce(Role::Origin);
    let mut next = || client.authorize(Role::Origin, &host(REALM), &REGISTER);
    assert_eq!(next().unwrap().protection.unwrap().nc(), u32::MAX);
    assert_eq!(next(), None);
}

#[test]
fn a_wrong_password_is_tried_once() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    assert_eq!(
        world.challenge(Some(&sent), false),
        Err(ClientError::Rejected)
    );
}

#[test]
fn a_stale_nonce_is_replaced_but_not_for_ever() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let mut results = Vec::new();
    for _ in 0..4 {
        let sent = world.authorize(&REGISTER);
        results.push(world.challenge(Some(&sent), true));
    }
    assert_eq!(
        results,
        [Ok(()), Ok(()), Ok(()), Err(ClientError::AlwaysStale)]
    );
}

#[test]
fn a_success_makes_room_for_further_stale_nonces() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    for _ in 0..10 {
        let sent = world.authorize(&REGISTER);
        world.client.handle_success(Role::Origin, &sent);
        let sent = world.authorize(&REGISTER);
        assert_eq!(world.challenge(Some(&sent), true), Ok(()));
    }
}

#[test]
fn a_server_that_restarted_and_forgot_to_say_stale_is_answered_once() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    world.client.handle_success(Role::Origin, &sent);
    let sent = world.authorize(&REGISTER);
    assert_eq!(world.challenge(Some(&sent), false), Ok(()));
    let sent = world.authorize(&REGISTER);
    assert_eq!(
        world.challenge(Some(&sent), false),
        Err(ClientError::Rejected)
    );
}

#[test]
fn requests_under_way_while_a_nonce_changes_are_sent_again_with_the_new_one() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let first = world.authorize(&REGISTER);
    let second = world.authorize(&REGISTER);
    world.challenge(Some(&first), true).unwrap();
    let renewed = world.authorize(&REGISTER);
    assert_eq!(world.challenge(Some(&second), true), Ok(()));
    let again = world.authorize(&REGISTER);
    assert_eq!(again.nonce, renewed.nonce);
    assert_accepted(&world.verify(&REGISTER, &again));
}

#[test]
fn proxies_and_servers_have_challenges_of_their_own() {
    let mut client = alice();
    for (role, nonce) in [(Role::Origin, "o"), (Role::Proxy, "p")] {
        let value = format!("Digest realm=\"example.com\", qop=\"auth\", nonce=\"{nonce}\"");
        client
            .handle_challenge(role, &host(REALM), None, [value.as_bytes()], &mut rng())
            .unwrap();
    }
    for (role, nonce) in [(Role::Origin, "o"), (Role::Proxy, "p")] {
        let sent = client.authorize(role, &host(REALM), &REGISTER).unwrap();
        assert_eq!(sent.nonce, nonce);
    }
}

#[test]
fn a_server_that_proves_something_wrong_is_not_believed() {
    let mut world = World::new(server_policy());
    world.challenge(None, false).unwrap();
    let sent = world.authorize(&REGISTER);
    let info = AuthenticationInfo {
        nextnonce: Some("evil".into()),
        rspauth: Some("00".repeat(32).into()),
        protection: sent.protection.clone(),
    };
    assert_eq!(
        world.client.handle_info(Role::Origin, &sent, &info, b""),
        Err(ClientError::Server)
    );
    assert_eq!(world.authorize(&REGISTER).nonce, sent.nonce);
}

#[test]
fn a_session_keeps_the_nonce_that_its_key_hangs_on() {
    let mut client = alice();
    answer(
        &mut client,
        &[&challenge(", qop=\"auth\", algorithm=MD5-sess")],
    )
    .unwrap();
    let sent = client
        .authorize(Role::Origin, &host(REALM), &REGISTER)
        .unwrap();
    let info = AuthenticationInfo {
        nextnonce: Some("next".into()),
        ..AuthenticationInfo::default()
    };
    client.handle_info(Role::Origin, &sent, &info, b"").unwrap();
    let sent = client
        .authorize(Role::Origin, &host(REALM), &REGISTER)
        .unwrap();
    assert_eq!(sent.nonce, "n");
}

#[test]
fn an_identity_that_cannot_be_written_is_refused() {
    for (realm, username) in [("", "alice"), ("r", ""), ("r", "a\r\nb"), ("r\0", "a")] {
        let identity = Identity {
            host: host(REALM),
            realm: realm.into(),
            username: username.into(),
            secret: Secret::Password("x".into()),
        };
        let policy = ClientPolicy {
            weakest: Hash::Md5,
            without_qop: false,
        };
        assert_eq!(
            Client::new(identity, policy).err(),
            Some(ClientError::Identity)
        );
    }
}

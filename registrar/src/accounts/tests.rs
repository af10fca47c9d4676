#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use sip::uri::Host;

use super::*;

fn aor(text: &str) -> Aor {
    Aor::parse(text, &Host::parse("example.com").unwrap()).unwrap()
}

fn account(name: &str, password: &str) -> Account {
    let aor = aor(name);
    Account {
        credentials: Credentials::from_password(&aor, password),
        aor,
        display_name: None,
    }
}

fn hex(ha1: Ha1) -> String {
    ha1.as_bytes().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[test]
fn ha1_is_that_of_rfc_7616_and_rfc_8760() {
    // The user, realm and password of RFC 7616 3.9.1.
    let example = Credentials::of("Mufasa", "http-auth@example.org", "Circle of Life");
    assert_eq!(
        hex(example.ha1(Hash::Md5).unwrap()),
        "3d78807defe7de2157e2b0b6573a855f"
    );
    assert_eq!(
        hex(example.ha1(Hash::Sha256).unwrap()),
        "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"
    );
    // Against `printf alice:example.com:wonderland | openssl dgst -sha512-256`.
    let alice = account("alice", "wonderland").credentials;
    assert_eq!((alice.user(), alice.realm()), ("alice", "example.com"));
    assert_eq!(
        hex(alice.ha1(Hash::Sha512_256).unwrap()),
        "9485c7b52baa1fc08914b6e75e4adc1d5a0845968231acfbb4d364fa3e4dd28b"
    );
}

#[test]
fn only_the_right_password_opens_an_account() {
    let mut accounts = Accounts::new(10);
    accounts.add(account("Alice", "wonderland")).unwrap();
    // The name however it is written; the hash is over the spelling of the account.
    assert_eq!(
        accounts
            .verify_password(&aor("aLICE"), "wonderland")
            .unwrap()
            .aor
            .user(),
        "Alice"
    );
    for wrong in ["", "Wonderland", "wonderland ", "wonderlan"] {
        assert!(
            accounts.verify_password(&aor("alice"), wrong).is_none(),
            "{wrong:?}"
        );
    }
    // What an unknown user is compared with has a password too: it opens nothing.
    assert!(accounts.verify_password(&aor("decoy"), "").is_none());
    assert!(accounts.verify_password(&aor("bob"), "").is_none());
}

#[test]
fn an_account_with_one_hash_is_verified_by_that_one() {
    let aor = aor("bob");
    let full = Credentials::from_password(&aor, "builder");
    let md5 = full.md5.map(|ha1| ha1.as_bytes().try_into().unwrap());
    let only_md5 = Credentials::from_ha1(&aor, "example.com", md5, None, None).unwrap();
    assert!(only_md5.verify("builder"));
    assert!(!only_md5.verify("Builder"));
    assert!(only_md5.ha1(Hash::Sha256).is_none());
    // Hashes of two passwords open to neither.
    let other = Credentials::from_password(&aor, "other").sha256;
    let other = other.map(|ha1| ha1.as_bytes().try_into().unwrap());
    let mixed = Credentials::from_ha1(&aor, "example.com", md5, other, None).unwrap();
    assert!(!mixed.verify("builder") && !mixed.verify("other"));
    // A password of another realm is another one.
    let elsewhere = Credentials::from_ha1(&aor, "example.org", md5, None, None).unwrap();
    assert!(!elsewhere.verify("builder"));
    assert!(Credentials::from_ha1(&aor, "example.com", None, None, None).is_none());
}

#[test]
fn accounts_are_added_replaced_and_removed() {
    let mut accounts = Accounts::new(2);
    assert!(accounts.is_empty());
    accounts.add(account("alice", "a")).unwrap();
    assert_eq!(
        accounts.add(account("ALICE", "b")),
        Err(AccountsError::Exists)
    );
    accounts.add(account("bob", "b")).unwrap();
    assert_eq!(
        accounts.add(account("carol", "c")),
        Err(AccountsError::Full)
    );

    assert!(accounts.replace(account("carol", "c")).is_none());
    let old = accounts.replace(account("ALICE", "new")).unwrap();
    assert_eq!(old.aor.user(), "alice");
    assert!(accounts.verify_password(&aor("alice"), "a").is_none());
    assert!(accounts.verify_password(&aor("alice"), "new").is_some());
    // The new spelling goes with it.
    assert_eq!(accounts.get(&aor("alice")).unwrap().aor.user(), "ALICE");

    assert!(accounts.remove(&aor("bob")).is_some());
    assert!(accounts.remove(&aor("bob")).is_none());
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts.iter().count(), 1);
}

#[test]
fn no_hash_and_no_password_is_ever_printed() {
    let mut accounts = Accounts::new(1);
    accounts.add(account("alice", "wonderland")).unwrap();
    let printed = format!("{accounts:?}");
    let credentials = &accounts.get(&aor("alice")).unwrap().credentials;
    assert!(!printed.contains("wonderland"));
    for hash in [Hash::Md5, Hash::Sha256, Hash::Sha512_256] {
        let hash = credentials.ha1(hash).unwrap();
        let bytes = format!("{:?}", hash.as_bytes());
        assert!(!printed.contains(&hex(hash)) && !printed.contains(&bytes));
    }
}

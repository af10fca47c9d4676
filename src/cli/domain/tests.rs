use std::path::Path;

use registrar::{Aor, Credentials};

use super::*;
use crate::config::SHIPPED;

fn host(name: &str) -> Host {
    Host::parse(name).unwrap()
}

fn read(file: &DocumentMut) -> Config {
    Config::parse(&file.to_string(), Path::new("/")).unwrap()
}

fn shipped() -> DocumentMut {
    SHIPPED.parse().unwrap()
}

/// As the next command finds it.
fn read_again(file: &mut DocumentMut) {
    *file = file.to_string().parse().unwrap();
}

fn add_domain(file: &mut DocumentMut, name: &str) {
    add(file, &host(name), &[], None).unwrap();
    read_again(file);
}

fn add_account(file: &mut DocumentMut, name: &str) {
    let aor = Aor::parse(name, &host("localhost")).unwrap();
    let hash = Credentials::from_password(&aor, "x").ha1(sip::digest::Hash::Md5);
    let hash = hash.unwrap();
    let hash = hash.as_bytes().iter().map(|byte| format!("{byte:02x}"));
    let mut table = Table::new();
    table.insert("name", value(aor.user()));
    table.insert("domain", value(aor.domain().to_string()));
    table.insert("ha1_md5", value(hash.collect::<String>()));
    document::push(file, ACCOUNT, table).unwrap();
    read_again(file);
}

/// What follows `[log]` in the file, without comments.
fn tables(file: &DocumentMut) -> Vec<String> {
    let text = file.to_string();
    let lines = text.lines().filter(|line| line.starts_with("[["));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_first_domain_is_between_what_is_said_about_domains_and_about_accounts() {
    for account_first in [false, true] {
        let mut file = shipped();
        if account_first {
            add_account(&mut file, "alice");
        }
        add(
            &mut file,
            &host("example.com"),
            &[host("sip.example.com")],
            Some(GuestsArgument::Private),
        )
        .unwrap();
        read_again(&mut file);
        let text = file.to_string();
        let domain = text
            .find("\n\n[[domain]]\nname = \"example.com\"\n")
            .unwrap();
        assert!(text.find("# --- Domains").unwrap() < domain, "{text}");
        assert!(domain < text.find("# --- People").unwrap(), "{text}");
        let added = "aliases = [\"sip.example.com\"]\nguests = \"private\"\n\n# --- People";
        assert!(text.contains(added), "{text}");
        if !account_first {
            add_account(&mut file, "alice");
        }
        add_domain(&mut file, "example.net");
        add_account(&mut file, "bob@example.net");
        let order = ["[[domain]]", "[[domain]]", "[[account]]", "[[account]]"];
        assert_eq!(tables(&file), order, "{file}");
        let config = read(&file);
        assert_eq!(config.domains.len(), 2);
        assert_eq!(config.domains[0].guests, Guests::Private);
        assert_eq!(config.accounts.len(), 2);
    }
}

#[test]
fn removing_what_was_added_gives_the_shipped_file_back() {
    let mut file = shipped();
    add_domain(&mut file, "example.com");
    add_domain(&mut file, "example.net");
    let config = read(&file);
    for name in ["example.com", "example.net"] {
        let mut alone = file.clone();
        remove(&mut alone, &config, &host(name)).unwrap();
        assert_eq!(read(&alone).domains.len(), 1);
        assert!(
            alone.to_string().contains("# max_contacts = 8\n"),
            "{alone}"
        );
    }
    remove(&mut file, &config, &host("example.com")).unwrap();
    let config = read(&file);
    remove(&mut file, &config, &host("example.net")).unwrap();
    assert_eq!(file.to_string(), SHIPPED);
}

#[test]
fn a_domain_goes_with_its_accounts_only_when_that_is_wanted() {
    let mut file = shipped();
    for name in ["alice", "bob@example.com", "carol", "dan@example.com"] {
        add_account(&mut file, name);
    }
    add_domain(&mut file, "example.com");
    let config = read(&file);
    let refused = may_remove(&config, &host("example.com"), false).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "example.com has 2 accounts (bob, dan): remove them first, or give --with-accounts to \
         remove them with it"
    );
    assert_eq!(may_remove(&config, &host("example.com"), true).unwrap(), 2);
    remove(&mut file, &config, &host("example.com")).unwrap();
    let left = read(&file);
    assert!(left.domains.is_empty());
    let names: Vec<&str> = left.accounts.iter().map(|it| it.aor.user()).collect();
    assert_eq!(names, ["alice", "carol"]);
    assert!(file.to_string().contains("# max_contacts = 8\n"), "{file}");
}

#[test]
fn domains_that_stay_or_are_not_there_are_not_removed() {
    let config = read(&shipped());
    let refused = |name| {
        may_remove(&config, &host(name), true)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("localhost"),
        "localhost is local_videochat.domain: it goes when another one is set there"
    );
    assert!(refused("example.com").starts_with("there is no domain example.com"));
}

#[test]
fn the_list_names_every_domain_that_is_served() {
    let mut file = shipped();
    add_account(&mut file, "bob@example.net");
    add(
        &mut file,
        &host("example.com"),
        &[host("sip.example.com")],
        None,
    )
    .unwrap();
    let config = read(&file);
    let lines: Vec<String> = served(&config).iter().map(|it| line(&config, it)).collect();
    assert_eq!(
        lines,
        [
            format!("{:32} no accounts, guests: loopback", "localhost"),
            format!(
                "{:32} no accounts, guests: none, also sip.example.com",
                "example.com"
            ),
            format!("{:32} 1 account, guests: none", "example.net"),
        ]
    );
}

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sip::uri::Host;

use super::*;
use crate::config::SHIPPED;

fn aor(name: &str) -> Aor {
    Aor::parse(name, &Host::parse("localhost").unwrap()).unwrap()
}

fn hashes_of(name: &str, password: &str) -> document::Hashes {
    hashes(&Credentials::from_password(&aor(name), password))
}

fn add(file: &mut toml_edit::DocumentMut, name: &str) {
    document::add(file, &aor(name), None, &hashes_of(name, "secret")).unwrap();
}

fn names(text: &str) -> Vec<String> {
    let config = Config::parse(text, Path::new("/")).unwrap();
    config
        .accounts
        .iter()
        .map(|account| account.aor.to_string())
        .collect()
}

#[test]
fn the_first_account_follows_the_comment_about_accounts_and_nothing_else_changes() {
    let mut file: toml_edit::DocumentMut = SHIPPED.parse().unwrap();
    add(&mut file, "alice");
    let text = file.to_string();
    let added = text.strip_prefix(SHIPPED).unwrap();
    assert!(
        added.starts_with("\n[[account]]\nname = \"alice\"\ndomain = \"localhost\"\nha1_md5 = ")
    );
    assert_eq!(names(&text), ["alice@localhost"]);
}

#[test]
fn removing_accounts_gives_the_shipped_file_back() {
    let mut file: toml_edit::DocumentMut = SHIPPED.parse().unwrap();
    add(&mut file, "alice");
    add(&mut file, "bob@example.com");
    let both = file.to_string();
    assert_eq!(names(&both), ["alice@localhost", "bob@example.com"]);
    let mut file: toml_edit::DocumentMut = both.parse().unwrap();
    document::remove(&mut file, 0).unwrap();
    assert_eq!(names(&file.to_string()), ["bob@example.com"]);
    assert!(file.to_string().starts_with(SHIPPED));
    document::remove(&mut file, 0).unwrap();
    assert_eq!(file.to_string().trim_end(), SHIPPED.trim_end());
}

#[test]
fn another_password_keeps_the_comments_in_and_around_the_account() {
    let text = "# top\n[log] # of what happens\nlevel = \"warn\" # quiet\n\n# our alice\n[[account]]\nname = \"alice\" # first floor\nha1_md5 = \"00000000000000000000000000000000\"\n# the end\n";
    let mut file: toml_edit::DocumentMut = text.parse().unwrap();
    document::set_password(&mut file, 0, &hashes_of("alice", "new")).unwrap();
    let changed = file.to_string();
    for comment in [
        "# top",
        "# of what happens",
        "# quiet",
        "# our alice",
        "# first floor",
        "# the end",
    ] {
        assert!(changed.contains(comment), "{comment} is lost:\n{changed}");
    }
    let config = Config::parse(&changed, Path::new("/")).unwrap();
    assert!(config.accounts[0].credentials.verify("new"));
    assert!(!config.accounts[0].credentials.verify("old"));
}

#[test]
fn the_comment_above_an_account_goes_with_it_and_no_other() {
    let account = |name: &str| {
        format!(
            "[[account]]\nname = \"{name}\"\nha1_md5 = \"{}\"\n",
            "0".repeat(32)
        )
    };
    let text = format!(
        "# people\n\n# about alice\n{}\n# about bob\n{}",
        account("alice"),
        account("bob")
    );
    let mut file: toml_edit::DocumentMut = text.parse().unwrap();
    document::remove(&mut file, 0).unwrap();
    assert_eq!(
        file.to_string(),
        format!("# people\n\n# about bob\n{}", account("bob"))
    );
}

#[test]
fn accounts_in_one_line_are_not_touched() {
    let mut file: toml_edit::DocumentMut = "account = []\n".parse().unwrap();
    let refused = document::add(
        &mut file,
        &aor("alice"),
        None,
        &hashes_of("alice", "secret"),
    );
    assert_eq!(
        refused.unwrap_err(),
        "accounts have to be written as [[account]] tables"
    );
}

#[test]
fn the_file_is_replaced_for_this_user_alone_and_left_as_it_was_on_a_fault() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    fs::write(&path, SHIPPED).unwrap();
    config::edit_file(&path, |file| {
        add(file, "alice");
        Ok(())
    })
    .unwrap();
    let good = fs::read_to_string(&path).unwrap();
    assert_eq!(names(&good), ["alice@localhost"]);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let faulty = config::edit_file(&path, |file| {
        add(file, "Alice");
        Ok(())
    });
    let said = faulty.unwrap_err().to_string();
    assert!(said.contains("Alice@localhost is there twice"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), good);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    std::thread::scope(|scope| {
        for index in 0..8 {
            let path = &path;
            scope.spawn(move || {
                let change = |file: &mut toml_edit::DocumentMut| {
                    add(file, &format!("user{index}"));
                    Ok(())
                };
                config::edit_file(path, change).unwrap();
            });
        }
    });
    assert_eq!(names(&fs::read_to_string(&path).unwrap()).len(), 8);
}

#[test]
fn another_password_keeps_the_codecs_of_the_account() {
    let text = format!(
        "[[account]]\nname = \"alice\"\nha1_md5 = \"{}\"\ncodecs = [\"opus\", \"G722\"] # no others\n",
        "0".repeat(32)
    );
    let mut file: toml_edit::DocumentMut = text.parse().unwrap();
    document::set_password(&mut file, 0, &hashes_of("alice", "new")).unwrap();
    let changed = file.to_string();
    assert!(
        changed.contains("codecs = [\"opus\", \"G722\"] # no others\n"),
        "{changed}"
    );
    let config = Config::parse(&changed, Path::new("/")).unwrap();
    assert!(config.codecs.contains_key(&aor("alice")));
    assert!(config.accounts[0].credentials.verify("new"));
}

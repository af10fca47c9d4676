use super::*;

fn names() -> Vec<String> {
    vec!["localhost".to_owned(), "mybox".to_owned()]
}

fn made(directory: &Path) -> Identity {
    let addresses = ["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
    Identity::load_or_make(directory, &names(), &addresses).unwrap()
}

fn problem(result: Result<Identity, StartError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn a_certificate_is_made_once_and_kept_with_a_private_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let first = made(directory.path());
    assert!(first.self_made);
    assert_eq!(made(directory.path()).fingerprint, first.fingerprint);
    let mode = fs::metadata(directory.path().join(KEY_FILE))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_certificate_is_valid_for_its_names_and_addresses_only() {
    let directory = tempfile::tempdir().unwrap();
    let identity = made(directory.path());
    for name in ["localhost", "mybox", "127.0.0.1", "::1"] {
        assert!(identity.is_valid_for(name), "{name}");
    }
    for name in ["evil.example", "192.0.2.1", "", "a b"] {
        assert!(!identity.is_valid_for(name), "{name}");
    }
}

#[test]
fn an_old_certificate_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let first = made(directory.path());
    let file = fs::File::options()
        .write(true)
        .open(directory.path().join(CERTIFICATE_FILE))
        .unwrap();
    file.set_modified(SystemTime::now() - VALIDITY).unwrap();
    assert_ne!(made(directory.path()).fingerprint, first.fingerprint);
}

#[test]
fn a_bad_certificate_is_named_with_its_key_and_file() {
    let directory = tempfile::tempdir().unwrap();
    made(directory.path());
    let (good, key) = (
        directory.path().join(CERTIFICATE_FILE),
        directory.path().join(KEY_FILE),
    );
    let absent = directory.path().join("absent.pem");
    let said = problem(Identity::load(&absent, &key));
    assert!(
        said.starts_with("https.certificate: ") && said.contains("cannot be read"),
        "{said}"
    );
    let said = problem(Identity::load(&key, &key));
    assert!(said.contains("has no certificate in it"), "{said}");
    let said = problem(Identity::load(&good, &good));
    assert!(
        said.starts_with("https.key: ") && said.contains("no private key"),
        "{said}"
    );
    let other = tempfile::tempdir().unwrap();
    made(other.path());
    let said = problem(Identity::load(&good, &other.path().join(KEY_FILE)));
    assert!(said.contains("cannot be used with"), "{said}");
}

#[test]
fn a_data_dir_is_made_for_this_user_alone() {
    let parent = tempfile::tempdir().unwrap();
    let data_dir = parent.path().join("a/b");
    prepare_data_dir(&data_dir).unwrap();
    assert_eq!(
        fs::metadata(&data_dir).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert_eq!(fs::read_dir(&data_dir).unwrap().count(), 0);
}

#[test]
fn a_data_dir_that_cannot_be_made_is_a_sentence() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let said = prepare_data_dir(&file.join("data"))
        .unwrap_err()
        .to_string();
    assert!(said.contains("set another data_dir"), "{said}");
}

#[test]
fn a_dtls_certificate_has_the_key_that_dtls_needs() {
    let (certificate, key) = make_dtls_certificate().unwrap();
    media::webrtc::Certificate::new(certificate, key).unwrap();
}

//! The binary as a person starts it: what it says, what it refuses, how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by them"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a real program is watched"
)]

mod common;

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use common::page::{Came, Page};
use common::{Place, Server, said};
use nix::sys::signal::Signal;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Starts where it must not succeed; the exit code and what was said.
fn refused(place: &Place) -> (i32, String) {
    let output = place.command(&["serve"], "");
    (output.status.code().unwrap(), said(&output))
}

#[test]
fn it_says_what_to_open_and_where_everything_is() {
    let mut server = Server::start();
    let data = server.place.path().join("data");
    server.wait_for_line(&format!(
        "Open         http://localhost:{}",
        server.http.port()
    ));
    server.wait_for_line(&format!("https://localhost:{}", server.https.port()));
    server.wait_for_line("self-signed, SHA-256 ");
    server.wait_for_line(&server.place.config().display().to_string());
    server.wait_for_line(&data.display().to_string());
    assert_eq!(
        fs::metadata(&data).unwrap().permissions().mode() & 0o777,
        0o700
    );
}

#[test]
fn it_names_the_address_for_other_machines_only_when_they_are_let_in() {
    let closed = Server::start().log();
    assert!(!closed.contains("Elsewhere"), "{closed}");
    let mut open = Server::start_with(|text| {
        text.replace(
            "[https]\nlisten = \"127.0.0.1:0\"",
            "[https]\nlisten = \"0.0.0.0:0\"",
        )
        .replace(
            "[media]",
            "[media]\naddresses = [\"127.0.0.1\", \"192.0.2.44\"]",
        )
    });
    let port = open.https.port();
    open.wait_for_line(&format!("Elsewhere    https://192.0.2.44:{port}"));
}

#[tokio::test]
async fn the_page_comes_over_tls_under_the_certificate_that_was_made() {
    let server = Server::start();
    let pem = fs::read(server.place.path().join("data/https-certificate.pem")).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&pem).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(server.https).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let name = "localhost".try_into().unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("<!DOCTYPE html>"),
        "{answer}"
    );
}

#[test]
fn sigterm_and_ctrl_c_end_it_well() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut server = Server::start();
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{signal}");
        assert!(!server.place.path().join("data/server.json").exists());
    }
}

#[tokio::test]
async fn sigterm_says_goodbye_to_who_is_signed_in() {
    let mut server = Server::start();
    let mut page = Page::open(&server).await;
    page.sign_in("alice", None).await;
    server.signal(Signal::SIGTERM);
    assert!(page.ended().await.is_some(), "no close frame");
    assert_eq!(server.wait(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let mut server = Server::start();
    // Somebody who never answers a close frame is waited for, but not by the impatient.
    let mut page = Page::open(&server).await;
    page.sign_in("alice", None).await;
    server.signal(Signal::SIGTERM);
    server.wait_for_line("a second signal ends at once");
    server.signal(Signal::SIGTERM);
    assert_eq!(server.wait(), Some(1));
}

#[test]
fn two_servers_do_not_share_a_data_dir() {
    let first = Server::start();
    let place = Place::new(|text| {
        let data_dir = first.place.path().join("data");
        format!("data_dir = {data_dir:?}\n{text}")
    });
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(said.contains("another server runs on data_dir"), "{said}");
    drop(first);
    let again = Server::start_at(place);
    drop(again);
}

#[tokio::test]
async fn s42_no_password_and_no_token_is_logged_at_any_level() {
    let mut server = Server::start_with(|text| format!("{text}[log]\nlevel = \"trace\"\n"));
    server.place.command(
        &["account", "add", "alice", "--password-stdin"],
        "open-sesame\n",
    );
    let mut page = Page::open(&server).await;
    let Came::Said(_, data) = page.sign_in("alice", Some("open-sesame")).await else {
        panic!()
    };
    let token = data[0]["authToken"].as_str().unwrap().to_owned();
    let mut other = Page::open(&server).await;
    other.sign_in("alice", Some("shut-sesame")).await;
    other.ended().await;
    server.signal(Signal::SIGTERM);
    server.wait();
    let log = server.log();
    assert!(log.contains("alice@localhost signed in"), "{log}");
    for secret in ["open-sesame", "shut-sesame", token.as_str()] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    let hashes = fs::read_to_string(server.place.config()).unwrap();
    for line in hashes.lines().filter(|line| line.starts_with("ha1_")) {
        let hash = line.split('"').nth(1).unwrap();
        assert!(!log.contains(hash), "{line} is in the log");
    }
}

#[test]
fn a_taken_port_is_one_sentence_with_the_key_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for key in ["http", "https"] {
        let place = Place::new(|text| {
            let old = format!("[{key}]\nlisten = \"127.0.0.1:0\"");
            text.replace(&old, &format!("[{key}]\nlisten = \"{address}\""))
        });
        let (code, said) = refused(&place);
        assert_eq!(code, 1);
        assert_eq!(said.trim().lines().count(), 1, "{said}");
        let expected = format!(
            "{address} is taken by another program: set another address under {key}.listen"
        );
        assert!(said.contains(&expected), "{said}");
    }
}

#[test]
fn a_taken_media_port_is_one_sentence_with_the_key_to_change() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let place =
        Place::new(|text| text.replace("[media]\nport = 0", &format!("[media]\nport = {port}")));
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(
        said.contains("media.port") && said.contains(&port.to_string()),
        "{said}"
    );
    assert!(said.contains("taken"), "{said}");
}

#[test]
fn a_taken_tcp_port_for_media_is_one_sentence_with_its_own_key() {
    let taken = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let place = Place::new(|text| {
        let media = format!("[media]\nport = 0\ntcp_port = {port}");
        text.replace("[media]\nport = 0", &media)
    });
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    let sentence = format!("media.tcp_port: the media port {port}/tcp is taken");
    assert!(said.contains(&sentence), "{said}");
}

#[test]
fn an_address_of_another_machine_is_a_sentence() {
    let place = Place::new(|text| {
        text.replace(
            "[http]\nlisten = \"127.0.0.1:0\"",
            "[http]\nlisten = \"203.0.113.99:8080\"",
        )
    });
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(
        said.contains("does not have the address 203.0.113.99: correct http.listen"),
        "{said}"
    );
}

#[test]
fn a_faulty_configuration_is_told_whole_by_serve_and_by_check() {
    let place = Place::new(|text| {
        text.replace("port = 0", "port = \"high\"\ncolour = 1")
            .replace("[https]\nlisten", "[https]\nlsten")
    });
    for command in ["serve", "check"] {
        let output = place.command(&[command], "");
        assert_eq!(output.status.code(), Some(2), "{command}");
        let said = said(&output);
        for fault in [
            "has 3 faults:",
            "line 5: https.lsten: unknown key",
            "line 7: media.port: is a text; allowed: a whole number from 0 to 65535",
            "line 8: media.colour: unknown key",
        ] {
            assert!(said.contains(fault), "{fault} is missing in {said}");
        }
    }
}

#[test]
fn check_finds_the_shipped_configuration_good() {
    let place = Place::new(|_| fs::read_to_string("config.toml").unwrap());
    let output = place.command(&["check"], "");
    assert_eq!(
        (output.status.code(), said(&output).trim()),
        (Some(0), "config ok")
    );
}

#[test]
fn a_configuration_that_is_not_there_is_a_sentence() {
    let place = Place::new(|text| text);
    fs::remove_file(place.config()).unwrap();
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(
        said.contains("config.toml cannot be read: No such file"),
        "{said}"
    );
}

#[test]
fn a_data_dir_that_cannot_be_used_is_a_sentence() {
    let place = Place::new(|text| format!("data_dir = \"config.toml/data\"\n{text}"));
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(
        said.contains("data_dir") && said.contains("make it writable"),
        "{said}"
    );
}

#[test]
fn a_bad_certificate_is_a_sentence() {
    let place = Place::new(|text| {
        text.replace(
            "[media]",
            "certificate = \"config.toml\"\nkey = \"config.toml\"\n[media]",
        )
    });
    let (code, said) = refused(&place);
    assert_eq!(code, 1);
    assert!(
        said.contains("https.certificate: ") && said.contains("no certificate in it"),
        "{said}"
    );
}

#[test]
fn the_certificate_outlives_a_restart() {
    let mut first = Server::start();
    let line = first.wait_for_line("SHA-256 ");
    assert_eq!(first.stop(), Some(0));
    let directory = first.place.directory.path().to_owned();
    let kept = fs::read(directory.join("data/https-certificate.pem")).unwrap();
    let place = Place::new(|text| text);
    fs::create_dir(place.path().join("data")).unwrap();
    for name in ["https-certificate.pem", "https-key.pem"] {
        let name = format!("data/{name}");
        fs::copy(directory.join(&name), place.path().join(&name)).unwrap();
    }
    let mut second = Server::start_at(place);
    assert_eq!(second.wait_for_line("SHA-256 "), line);
    assert_eq!(
        fs::read(second.place.path().join("data/https-certificate.pem")).unwrap(),
        kept
    );
}

#[tokio::test]
async fn status_asks_the_running_server() {
    let server = Server::start();
    let mut page = Page::open(&server).await;
    page.sign_in("alice", None).await;
    let output = server.place.command(&["status", "--json"], "");
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&status["users"], &status["calls"]), (&1.into(), &0.into()));
    assert!(said(&server.place.command(&["status"], "")).contains("people signed in    1"));
}

#[test]
fn status_without_a_server_is_a_sentence() {
    let output = Place::new(|text| text).command(&["status"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("no server is running on "),
        "{}",
        said(&output)
    );
}

#[tokio::test]
async fn an_account_made_on_the_command_line_signs_in() {
    let place = Place::new(|text| format!("# kept\n{text}"));
    let output = place.command(
        &["account", "add", "alice", "--password-stdin"],
        "wonder land\n",
    );
    assert_eq!(said(&output), "alice@localhost added.\n");
    let text = fs::read_to_string(place.config()).unwrap();
    assert!(
        text.starts_with("# kept\n") && !text.contains("wonder"),
        "{text}"
    );
    let again = place.command(&["account", "add", "Alice", "--password-stdin"], "x\n");
    assert_eq!(again.status.code(), Some(1));
    assert!(said(&place.command(&["account", "list"], "")).contains("alice@localhost"));

    let server = Server::start_at(place);
    let mut page = Page::open(&server).await;
    let Came::Said(name, data) = page.sign_in("alice", Some("wonder land")).await else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), &data[0]["sipLogin"]),
        ("getUserData", &"alice".into())
    );
    assert!(
        !data[0].to_string().contains("wonder"),
        "the password comes back: {}",
        data[0]
    );
    let users = server.request("GET", "/api/v1/users", &[]);
    assert!(users.contains("\"guest\":false"), "{users}");
}

#[tokio::test]
async fn a_wrong_password_is_told_in_words_and_ends_the_connection() {
    let place = Place::new(|text| text);
    place.command(&["account", "add", "alice", "--password-stdin"], "right\n");
    let mut server = Server::start_at(place);
    let mut page = Page::open(&server).await;
    let Came::Said(name, data) = page.sign_in("alice", Some("wrong-one")).await else {
        panic!()
    };
    assert_eq!(
        (name.as_str(), &data[0]["status"]),
        ("fail", &"FAILED".into())
    );
    let sentence = data[0]["sentence"].as_str().unwrap();
    assert!(
        sentence.contains("password") && sentence.ends_with('.'),
        "{sentence}"
    );
    assert_eq!(page.ended().await, Some(1008));
    server.wait_for_line("wrong_password");
    assert!(
        !server.log().contains("wrong-one"),
        "the password is in the log"
    );
}

#[tokio::test]
async fn a_running_server_takes_over_accounts_at_once() {
    let server = Server::start();
    let added = server
        .place
        .command(&["account", "add", "alice", "--password-stdin"], "right\n");
    assert!(
        said(&added).contains("The running server has taken it over."),
        "{}",
        said(&added)
    );
    let mut wrong = Page::open(&server).await;
    assert!(
        matches!(wrong.sign_in("alice", Some("wrong")).await, Came::Said(name, _) if name == "fail")
    );
    let mut right = Page::open(&server).await;
    assert!(
        matches!(right.sign_in("alice", Some("right")).await, Came::Said(name, _) if name == "getUserData")
    );
}

#[tokio::test]
async fn sighup_applies_hot_keys_and_a_faulty_file_leaves_the_old_ones() {
    let mut server = Server::start();
    let origin = [("Origin", "https://shop.example")];
    assert_eq!(Page::open_with(&server, &origin).await.err(), Some(403));
    let file = server.place.config();
    let good = fs::read_to_string(&file).unwrap();
    let allowing = "[http]\nallowed_origins = [\"https://shop.example\"]";
    fs::write(&file, good.replacen("[http]", allowing, 1)).unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for_line("the configuration was read again");
    assert!(Page::open_with(&server, &origin).await.is_ok());
    fs::write(&file, "[http]\nlistne = 1\n").unwrap();
    server.signal(Signal::SIGHUP);
    server.wait_for_line("the old configuration stays");
    server.wait_for_line("line 2: http.listne: unknown key");
    assert!(Page::open_with(&server, &origin).await.is_ok());
}

#[test]
fn accounts_are_removed_and_given_new_passwords() {
    let place = Place::new(|text| text);
    for name in ["alice", "bob"] {
        place.command(&["account", "add", name, "--password-stdin"], "one\n");
    }
    let before = fs::read_to_string(place.config()).unwrap();
    let output = place.command(&["account", "passwd", "bob", "--password-stdin"], "two\n");
    assert_eq!(said(&output), "The password of bob@localhost is set.\n");
    assert_ne!(fs::read_to_string(place.config()).unwrap(), before);
    assert_eq!(
        said(&place.command(&["account", "remove", "alice"], "")),
        "alice@localhost removed.\n"
    );
    assert_eq!(
        said(&place.command(&["account", "list"], "")),
        "bob@localhost\n"
    );
    let absent = place.command(&["account", "remove", "alice"], "");
    assert_eq!(absent.status.code(), Some(1));
    assert!(
        said(&absent).contains("there is no account alice@localhost"),
        "{}",
        said(&absent)
    );
    let empty = place.command(&["account", "passwd", "bob", "--password-stdin"], "\n");
    assert!(
        said(&empty).contains("the password is empty"),
        "{}",
        said(&empty)
    );
}

/// A STUN server that tells whoever asks this address.
fn stun_server(told: [u8; 4]) -> std::net::SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut request = [0; 64];
        while let Ok((20, from)) = socket.recv_from(&mut request) {
            let mut answer = b"\x01\x01\x00\x0c\x21\x12\xa4\x42".to_vec();
            answer.extend(&request[8..20]);
            answer.extend(b"\x00\x20\x00\x08\x00\x01\x00\x00");
            let cookie = [0x21, 0x12, 0xa4, 0x42];
            answer.extend(told.iter().zip(cookie).map(|(a, b)| a ^ b));
            socket.send_to(&answer, from).unwrap();
        }
    });
    address
}

#[test]
fn the_public_address_is_asked_for_at_the_start() {
    let stun = stun_server([203, 0, 113, 9]);
    let mut server = Server::start_with(|text| format!("{text}stun_server = \"{stun}\"\n"));
    server.wait_for_line("the public address is 203.0.113.9");
    let media = server.wait_for_line("Media        UDP ");
    assert!(media.contains("203.0.113.9:"), "{media}");
}

#[test]
fn without_an_answer_to_it_the_server_starts_and_says_so() {
    let nobody = UdpSocket::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut server = Server::start_with(|text| format!("{text}stun_server = \"{nobody}\"\n"));
    let line = server.wait_for_line("no public address");
    assert!(line.contains("media.stun_server"), "{line}");
}

//! The configuration of a running server changes: by hand, by the command line, by the API.

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
use std::process::Output;

use common::page::{Came, Page};
use common::phone::Phone;
use common::{Place, Server, said};
use nix::sys::signal::Signal;

/// The text of the configuration is changed.
fn edit(place: &Place, from: &str, to: &str) {
    let text = fs::read_to_string(place.config()).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(place.config(), text.replacen(from, to, 1)).unwrap();
}

fn succeeds(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", said(output));
    said(output)
}

const TAKEN_OVER: &str = "The running server has taken it over.\n";

#[test]
fn reload_takes_over_what_it_can_and_names_what_needs_a_restart() {
    let mut server = Server::start();
    edit(&server.place, "udp = \"127.0.0.1:0\"", "udp = []");
    edit(
        &server.place,
        "[media]\nport = 0",
        "[local_videochat]\nguests = \"none\"\n[media]\nport = 0\nworkers = 2",
    );
    let told = succeeds(&server.place.command(&["reload"], ""));
    assert_eq!(
        told,
        format!("{TAKEN_OVER}Needs a restart: sip.udp, media.workers\n")
    );
    server.wait_for_line("needs a restart: sip.udp, media.workers");
    let mut phone = Phone::new(server.sip("udp"), "ann", "localhost");
    assert_eq!(phone.register().status().code(), 401, "no guests any more");
    // It is told again as long as it waits for the restart, whoever asks.
    server.signal(Signal::SIGHUP);
    let answer = server.request("POST", "/api/v1/reload", &[]);
    assert!(
        answer.ends_with("{\"needs_restart\":[\"sip.udp\",\"media.workers\"]}"),
        "{answer}"
    );
}

#[test]
fn all_faults_of_a_configuration_are_told_and_the_old_one_stays() {
    let mut server = Server::start();
    let good = fs::read_to_string(server.place.config()).unwrap();
    let faulty = format!(
        "{good}workers = 0\n[local_videochat]\nguests = \"none\"\n[[domain]]\nguests = \"all\"\n"
    );
    fs::write(server.place.config(), faulty).unwrap();
    let output = server.place.command(&["reload"], "");
    assert_eq!(output.status.code(), Some(2));
    let told = said(&output);
    for fault in [
        "line 8: media.workers: is 0",
        "line 11: domain[1].name: is missing",
        "line 12: domain[1].guests: is \"all\"",
    ] {
        assert!(told.contains(fault), "{told}");
    }
    let answer = server.request("POST", "/api/v1/reload", &[]);
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");
    assert!(answer.contains("line 8: media.workers: is 0"), "{answer}");
    server.wait_for_line("the old configuration stays");
    let mut phone = Phone::new(server.sip("udp"), "ann", "localhost");
    assert_eq!(phone.register().status().code(), 200, "guests still come");
}

#[test]
fn reload_without_a_server_is_a_sentence() {
    let output = Place::new(|text| text).command(&["reload"], "");
    assert_eq!(output.status.code(), Some(1));
    let told = said(&output);
    assert!(told.contains("no server is running on "), "{told}");
}

#[tokio::test]
async fn accounts_and_domains_come_and_go_on_the_command_line() {
    let mut server = Server::start();
    let udp = server.sip("udp");
    let mut stranger = Phone::new(udp, "ann", "shop.example");
    assert_eq!(stranger.register().status().code(), 403);
    let added = [
        "domain",
        "add",
        "shop.example",
        "--alias",
        "sip.shop.example",
    ];
    let told = succeeds(&server.place.command(&added, ""));
    assert_eq!(told, format!("shop.example added.\n{TAKEN_OVER}"));
    let account = ["account", "add", "ann@shop.example", "--password-stdin"];
    let told = succeeds(&server.place.command(&account, "secret\n"));
    assert_eq!(told, format!("ann@shop.example added.\n{TAKEN_OVER}"));
    let config = fs::read_to_string(server.place.config()).unwrap();
    assert!(!config.contains("secret"), "{config}");

    let mut phone = Phone::new(udp, "ann", "shop.example");
    assert_eq!(phone.register_with("secret").status().code(), 200);
    let mut page = Page::open(&server).await;
    page.sign_in("carol", None).await;
    let list = succeeds(&server.place.command(&["domain", "list"], ""));
    assert!(
        list.contains("1 account, guests: none, also sip.shop.example"),
        "{list}"
    );

    let refused = server
        .place
        .command(&["domain", "remove", "shop.example"], "");
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains("shop.example has 1 account (ann)"),
        "{}",
        said(&refused)
    );
    let users = || server.request("GET", "/api/v1/users", &[]);
    assert!(users().contains("ann@shop.example"), "{}", users());
    let remove = ["domain", "remove", "shop.example", "--with-accounts"];
    let told = succeeds(&server.place.command(&remove, ""));
    assert_eq!(
        told,
        format!("shop.example removed, with 1 account.\n{TAKEN_OVER}")
    );
    assert!(!users().contains("ann@shop.example"), "{}", users());
    assert!(users().contains("carol@localhost"), "{}", users());
    assert_eq!(phone.register().status().code(), 403);
    // The page is still there and answered.
    page.say("callbox.hello", serde_json::json!({ "version": 1 }))
        .await;
    assert!(matches!(page.next().await, Came::Said(..)));
}

#[test]
fn a_registration_outlives_reloads() {
    let mut server = Server::start();
    let mut phone = Phone::new(server.sip("udp"), "ann", "localhost");
    assert_eq!(phone.register().status().code(), 200);
    for _ in 0..3 {
        succeeds(&server.place.command(&["reload"], ""));
    }
    let users = server.request("GET", "/api/v1/users", &[]);
    assert!(users.contains("ann@localhost"), "{users}");
    assert_eq!(phone.register().status().code(), 200);
}

//! Accounts and domains that come and go while people are signed in and talk.

use registrar::{Account, Aor, Credentials};
use serde_json::json;
use sip::message::{HeaderName, Status};
use sip::uri::Host;

use super::phones::{domains_config, sdp_answer};
use super::{Bench, FlowEnd, Input, OFFER_AUDIO, bench, config, here, names};
use crate::call::config::{GuestPolicy, HotConfig, SwitchConfig};

/// What may change, out of a whole configuration.
pub(super) fn hot(config: SwitchConfig) -> Input {
    Input::Configured(Box::new(HotConfig {
        accounts: config.accounts,
        guests: config.guests,
        registrar: config.registrar,
        call_waiting: config.call_waiting,
        recorded: config.recording.accounts,
        codecs: config.codecs,
    }))
}

/// As all is at the start, but without this account.
fn without(name: &str) -> Input {
    let mut config = config();
    config.accounts.remove(&aor(name)).unwrap();
    hot(config)
}

pub(super) fn aor(name: &str) -> Aor {
    Aor::new(name, &Host::parse("example.org").unwrap()).unwrap()
}

fn users(bench: &Bench) -> usize {
    bench.switch.status().users
}

#[test]
fn whose_account_is_gone_is_signed_out_at_once_if_he_is_in_no_call() {
    let mut bench = bench();
    let phone = bench.account_phone("alice");
    let page = bench.account("alice");
    let other = bench.account("bob");
    bench.handle(without("alice"));
    assert_eq!(bench.closed, [(page.0, 1008)]);
    assert_eq!(users(&bench), 1, "bob stays");
    bench.call(other, "alice");
    assert_eq!(bench.last_status(other)["status"], "FAILED");
    assert_eq!(bench.take_sip(&phone), []);
    bench.send(&phone, &phone.register(3, ""));
    // From this machine the name is free for guests now.
    assert_eq!(bench.response(&phone).status(), Status::OK);
}

#[test]
fn a_call_in_progress_outlives_the_account_and_no_new_one_begins() {
    let mut bench = bench();
    let alice = bench.account("alice");
    let bob = bench.account("bob");
    let carol = bench.guest("carol");
    let talk = bench.talk(alice, bob, "bob");
    bench.handle(without("alice"));
    assert_eq!(bench.closed, [], "the call goes on");
    assert_eq!(bench.switch.status().established, 1);
    // Nobody calls her, and she calls nobody.
    bench.call(carol, "alice");
    assert_eq!(bench.last_status(carol)["status"], "FAILED");
    bench.take(alice);
    bench.call(alice, "carol");
    let refused = bench.last_status(alice);
    assert_eq!(
        (&refused["status"], &refused["sipStatus"]),
        (&json!("FAILED"), &json!(403))
    );
    assert_eq!(bench.take(carol), Vec::<serde_json::Value>::new());
    bench.hang_up(bob, &talk.callee_id);
    assert_eq!(bench.closed, [(alice.0, 1008)]);
    bench.assert_no_calls();
    assert_eq!(users(&bench), 2);
}

#[test]
fn the_call_of_a_telephone_outlives_its_account() {
    let mut bench = bench();
    let phone = bench.account_phone("alice");
    let page = bench.guest("carol");
    let call_id = bench.call_with(page, "alice", OFFER_AUDIO);
    let invite = bench.request(&phone);
    let answer = sdp_answer(&invite);
    bench.respond(&phone, &invite, Status::OK, Some(&answer));
    bench.take_sip(&phone);
    bench.handle(without("alice"));
    assert_eq!(bench.switch.status().established, 1);
    assert_eq!(bench.take_sip(&phone), []);
    bench.take(page);
    bench.hang_up(page, &call_id);
    assert_eq!(bench.request(&phone).method().as_str(), "BYE");
    assert_eq!(users(&bench), 1);
}

#[test]
fn a_telephone_that_rings_stops_when_its_account_goes() {
    let mut bench = bench();
    let phone = bench.account_phone("alice");
    let page = bench.guest("carol");
    bench.call_with(page, "alice", OFFER_AUDIO);
    let invite = bench.request(&phone);
    bench.respond(&phone, &invite, Status::RINGING, None);
    bench.handle(without("alice"));
    assert_eq!(bench.request(&phone).method().as_str(), "CANCEL");
    bench.assert_no_calls();
    assert_eq!(users(&bench), 1);
}

#[test]
fn a_guest_makes_way_for_an_account_of_his_name() {
    let mut bench = bench();
    let guest = bench.guest("dora");
    let phone = bench.phone("dan");
    let mut config = config();
    for name in ["dora", "dan"] {
        let credentials = Credentials::from_password(&aor(name), "secret");
        let account = Account {
            aor: aor(name),
            display_name: None,
            credentials,
        };
        config.accounts.add(account).unwrap();
    }
    bench.handle(hot(config));
    assert_eq!(bench.closed, [(guest.0, 1008)]);
    assert_eq!(users(&bench), 0);
    bench.send(&phone, &phone.register(2, ""));
    assert_eq!(bench.response(&phone).status(), Status::UNAUTHORIZED);
    bench.account("dora");
}

#[test]
fn another_password_counts_from_the_next_sign_in_on() {
    let mut bench = bench();
    let phone = bench.account_phone("alice");
    let page = bench.account("alice");
    let mut config = config();
    let mut account = config.accounts.get(&aor("alice")).unwrap().clone();
    account.credentials = Credentials::from_password(&aor("alice"), "another");
    config.accounts.replace(account).unwrap();
    bench.handle(hot(config));
    assert_eq!((bench.closed.len(), users(&bench)), (0, 1));
    let other = bench.connect(
        here(),
        json!({ "sipLogin": "alice", "sipPassword": "secret" }),
    );
    assert_eq!(names(&bench.take(other)), ["fail"]);
    let bob = bench.account("bob");
    bench.call_with(bob, "alice", OFFER_AUDIO);
    bench.incoming(page);
    assert_eq!(bench.request(&phone).method().as_str(), "INVITE");
}

#[test]
fn domains_come_and_go_and_their_rules_count_for_the_next_registration() {
    let mut bench = bench();
    let phone = bench.phone("ann");
    let refresh = |bench: &mut Bench, cseq| {
        bench.send(&phone, &phone.register(cseq, ""));
        let ok = bench.response(&phone);
        let contact = ok.headers().text(HeaderName::Contact).unwrap().to_owned();
        contact.split("expires=").nth(1).unwrap().to_owned()
    };
    assert_eq!(refresh(&mut bench, 2), "600");
    bench.handle(hot(domains_config()));
    assert_eq!(refresh(&mut bench, 3), "300");
    let shop = bench.silent_phone("eve", sip::flow::Transport::Ws, "127.0.0.1:50001");
    let register = |cseq| {
        let request = shop
            .register(cseq, "")
            .replace("example.org", "shop.example");
        request.replace("Expires: 600", "Supported: path")
    };
    bench.send(&shop, &register(1));
    assert_eq!(bench.response(&shop).status(), Status::OK);
    assert_eq!(users(&bench), 2);
    bench.handle(hot(config()));
    assert_eq!(users(&bench), 1, "the domain is gone");
    bench.send(&shop, &register(2));
    assert_eq!(bench.response(&shop).status(), Status::FORBIDDEN);
}

#[test]
fn guests_leave_when_there_are_to_be_none() {
    let mut bench = bench();
    bench.phone("ann");
    let page = bench.guest("carol");
    let alice = bench.account("alice");
    bench.handle(hot(SwitchConfig {
        guests: GuestPolicy::None,
        ..config()
    }));
    assert_eq!(bench.closed, [(page.0, 1008)]);
    assert_eq!(users(&bench), 1);
    bench.close(alice, FlowEnd::Clean);
    bench.close(page, FlowEnd::Abnormal);
    assert_eq!(users(&bench), 0);
}

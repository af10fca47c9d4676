//! Who has not proved who he is leaves nothing behind (SECURITY S09, S10).

use sip::flow::Transport;
use sip::message::Status;

use super::super::{Bench, OFFER_AUDIO};
use super::credentials;

/// More than there may be transactions.
const FLOOD: u32 = 110_000;

/// All is answered, whoever asks and however often (S23 is what is done about that).
fn bench() -> Bench {
    let mut bench = super::super::bench();
    bench.switch.config.scanners.requests = 0;
    bench
}

#[test]
fn s09_invites_without_credentials_fill_no_table_and_take_no_ports() {
    let mut bench = bench();
    bench.open_ports(1);
    let stranger = bench.silent_phone("alice", Transport::Udp, "192.0.2.66:5060");
    let uri = "sip:bob@example.org";
    for cseq in 1..=FLOOD {
        let invite = stranger.numbered("INVITE", uri, ("<sip:bob@example.org>", cseq), "", "");
        bench.send(&stranger, &invite);
        let sent = bench.take_sip(&stranger);
        assert_eq!(sent.len(), 1, "{sent:?}");
        let status = sent[0].clone().into_response().unwrap().status();
        assert_eq!(status, Status::UNAUTHORIZED);
    }
    assert_eq!(bench.switch.sip.transactions(), 0);
    assert_eq!(bench.switch.poll_timeout(), None);
    // A telephone elsewhere registers at once.
    bench.account_phone("bob");
    assert!(bench.take_commands().is_empty());
}

#[test]
fn s10_registrations_without_credentials_fill_no_table() {
    let mut bench = bench();
    let stranger = bench.silent_phone("alice", Transport::Udp, "192.0.2.66:5060");
    for cseq in 1..=2_000 {
        bench.send(&stranger, &stranger.register(cseq, ""));
        assert_eq!(bench.response(&stranger).status(), Status::UNAUTHORIZED);
    }
    assert_eq!(bench.switch.sip.transactions(), 0);
}

#[test]
fn a_challenge_that_was_lost_is_made_anew_under_the_same_tag_and_can_be_answered() {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, "127.0.0.1:50001");
    bench.account_phone("bob");
    let uri = "sip:bob@example.org";
    let to = "<sip:bob@example.org>";
    let invite = phone.numbered("INVITE", uri, (to, 1), "", OFFER_AUDIO);
    bench.send(&phone, &invite);
    let lost = bench.response(&phone);
    bench.send(&phone, &invite);
    let challenge = bench.response(&phone);
    assert_eq!(challenge.to_tag(), lost.to_tag());
    bench.send(&phone, &phone.in_dialog("ACK", &challenge, 1));
    assert!(bench.take_sip(&phone).is_empty());
    let proof = credentials(&phone, &challenge, "INVITE", uri);
    bench.send(
        &phone,
        &phone.numbered("INVITE", uri, (to, 2), &proof, OFFER_AUDIO),
    );
    let told = bench.take_sip(&phone).remove(0).into_response().unwrap();
    assert_eq!(told.status(), Status::TRYING, "it is let in");
    assert_eq!(bench.switch.status().calls, 1);
}

#[test]
fn a_wrong_password_that_comes_again_is_one_attempt() {
    let mut bench = bench();
    let phone = bench.silent_phone("alice", Transport::Udp, "127.0.0.1:50001");
    bench.send(&phone, &phone.register(1, ""));
    let challenge = bench.response(&phone);
    let proof = credentials(&phone, &challenge, "REGISTER", "sip:example.org");
    let wrong = proof.replacen("response=\"", "response=\"0", 1);
    let wrong = wrong.replacen("0\"", "\"", 1);
    for _ in 0..100 {
        bench.send(&phone, &phone.register(2, &wrong));
        assert!(bench.response(&phone).status() != Status::FORBIDDEN);
    }
}

//! Each timer of RFC 3261 17 and RFC 6026, over datagrams and over a stream.

use super::*;
use Transport::{Tcp, Udp};

const INVITE: &str = "INVITE";
const OPTIONS: &str = "OPTIONS";

fn branch(name: &str) -> Request {
    request(name, "z9hG4bK1")
}

/// A request of ours was sent.
fn client(transport: Transport, method: &str) -> (Bench, Request) {
    let mut bench = Bench::new(transport);
    let request = branch(method);
    bench.ask(&request);
    assert_eq!(bench.out(), format!(">{method}"));
    (bench, request)
}

/// A request of theirs was answered.
fn answered(transport: Transport, method: &str, code: u16) -> (Bench, Request) {
    let mut bench = Bench::new(transport);
    let request = branch(method);
    let server = bench.asked(&request);
    bench.out();
    bench.answer(server, response(&request, code));
    assert_eq!(bench.out(), format!(">{code}"));
    (bench, request)
}

fn times(log: &[(u128, String)], what: &str) -> Vec<u128> {
    let found = log.iter().filter(|(_, out)| out == what);
    found.map(|(at, _)| *at).collect()
}

#[test]
fn timers_a_and_b_repeat_an_invite_twice_as_slowly_each_time_and_give_it_up_after_32_s() {
    let (mut bench, _) = client(Udp, INVITE);
    let log = bench.wait(60_000);
    assert_eq!(
        times(&log, ">INVITE"),
        [500, 1_500, 3_500, 7_500, 15_500, 31_500]
    );
    assert_eq!(log.last(), Some(&(32_000, "!Timeout".to_owned())));
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_a_does_not_run_on_a_stream_but_timer_b_does() {
    let (mut bench, _) = client(Tcp, INVITE);
    assert_eq!(bench.wait(60_000), [(32_000, "!Timeout".to_owned())]);
}

#[test]
fn a_provisional_response_ends_timers_a_and_b() {
    let (mut bench, invite) = client(Udp, INVITE);
    bench.wait(400);
    bench.take(response(&invite, 100));
    assert_eq!(bench.out(), "!100");
    assert_eq!(bench.wait(600_000), []);
    assert_eq!(bench.layer.len(), 1);
}

#[test]
fn timer_d_acknowledges_a_repeated_refusal_for_32_s() {
    let (mut bench, invite) = client(Udp, INVITE);
    bench.take(response(&invite, 486));
    assert_eq!(bench.out(), ">ACK !486");
    bench.wait(31_999);
    bench.take(response(&invite, 486));
    assert_eq!(bench.out(), ">ACK");
    bench.wait(1);
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_d_is_zero_on_a_stream() {
    let (mut bench, invite) = client(Tcp, INVITE);
    bench.take(response(&invite, 486));
    assert_eq!(bench.out(), ">ACK !486");
    assert!(bench.layer.is_empty());
}

#[test]
fn timers_e_and_f_repeat_a_request_up_to_every_4_s_and_give_it_up_after_32_s() {
    let (mut bench, _) = client(Udp, OPTIONS);
    let log = bench.wait(60_000);
    assert_eq!(
        times(&log, ">OPTIONS"),
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(log.last(), Some(&(32_000, "!Timeout".to_owned())));
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_e_does_not_run_on_a_stream_but_timer_f_does() {
    let (mut bench, _) = client(Tcp, OPTIONS);
    assert_eq!(bench.wait(60_000), [(32_000, "!Timeout".to_owned())]);
}

#[test]
fn timer_e_takes_4_s_each_time_after_a_provisional_response_and_timer_f_goes_on() {
    let (mut bench, options) = client(Udp, OPTIONS);
    bench.wait(100);
    bench.take(response(&options, 100));
    assert_eq!(bench.out(), "!100");
    let log = bench.wait(60_000);
    assert_eq!(
        times(&log, ">OPTIONS"),
        [500, 4_500, 8_500, 12_500, 16_500, 20_500, 24_500, 28_500]
    );
    assert_eq!(log.last(), Some(&(32_000, "!Timeout".to_owned())));
}

#[test]
fn timers_g_and_h_repeat_a_refusal_up_to_every_4_s_until_32_s_without_an_ack() {
    let (mut bench, _) = answered(Udp, INVITE, 486);
    let log = bench.wait(60_000);
    assert_eq!(
        times(&log, ">486"),
        [
            500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500
        ]
    );
    assert_eq!(log.last(), Some(&(32_000, "!not-acknowledged".to_owned())));
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_g_does_not_run_on_a_stream_but_timer_h_does() {
    let (mut bench, _) = answered(Tcp, INVITE, 486);
    let end = (32_000, "!not-acknowledged".to_owned());
    assert_eq!(bench.wait(60_000), [end]);
}

#[test]
fn a_challenge_is_repeated_twice_only_so_that_nobody_is_flooded_in_anothers_name() {
    for code in [401, 407] {
        let (mut bench, invite) = answered(Udp, INVITE, code);
        let again = format!(">{code}");
        let log = bench.wait(31_000);
        assert_eq!(times(&log, &again), [500, 1_500]);
        // Whoever asks again is answered again.
        bench.take(invite);
        assert_eq!(bench.out(), again);
        let end = (32_000, "!not-acknowledged".to_owned());
        assert_eq!(bench.wait(60_000), [end]);
    }
}

#[test]
fn timer_i_takes_a_repeated_ack_for_5_s() {
    let (mut bench, invite) = answered(Udp, INVITE, 486);
    bench.wait(200);
    bench.take(follow(&invite, "ACK", ";tag=bo"));
    assert_eq!(bench.out(), "");
    bench.wait(4_999);
    bench.take(follow(&invite, "ACK", ";tag=bo"));
    assert_eq!(bench.out(), "");
    assert_eq!(bench.gone_at(), 5_200);
}

#[test]
fn timer_i_is_zero_on_a_stream() {
    let (mut bench, invite) = answered(Tcp, INVITE, 486);
    bench.take(follow(&invite, "ACK", ";tag=bo"));
    assert_eq!(bench.out(), "");
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_j_answers_a_repeated_request_for_32_s() {
    let (mut bench, options) = answered(Udp, OPTIONS, 200);
    bench.wait(31_999);
    bench.take(options);
    assert_eq!(bench.out(), ">200");
    assert_eq!(bench.gone_at(), 32_000);
}

#[test]
fn timer_j_is_zero_on_a_stream() {
    let (bench, _) = answered(Tcp, OPTIONS, 200);
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_k_takes_a_repeated_response_for_5_s() {
    let (mut bench, options) = client(Udp, OPTIONS);
    bench.take(response(&options, 200));
    assert_eq!(bench.out(), "!200");
    bench.wait(4_999);
    bench.take(response(&options, 200));
    assert_eq!(bench.out(), "");
    assert_eq!(bench.gone_at(), 5_000);
}

#[test]
fn timer_k_is_zero_on_a_stream() {
    let (mut bench, options) = client(Tcp, OPTIONS);
    bench.take(response(&options, 200));
    assert_eq!(bench.out(), "!200");
    assert!(bench.layer.is_empty());
}

#[test]
fn timer_l_keeps_a_repeated_invite_from_the_core_for_32_s_after_the_2xx() {
    for transport in [Udp, Tcp] {
        let (mut bench, invite) = answered(transport, INVITE, 200);
        bench.wait(31_999);
        bench.take(invite);
        assert_eq!(bench.out(), "");
        assert_eq!(bench.gone_at(), 32_000);
    }
}

#[test]
fn timer_m_tells_every_2xx_for_32_s_after_the_first() {
    for transport in [Udp, Tcp] {
        let (mut bench, invite) = client(transport, INVITE);
        bench.take(response(&invite, 200));
        assert_eq!(bench.out(), "!200");
        bench.wait(20_000);
        bench.take(response(&invite, 200));
        assert_eq!(bench.out(), "!200");
        bench.wait(11_999);
        bench.take(response(&invite, 200));
        assert_eq!(bench.out(), "!200");
        // The first one counts.
        assert_eq!(bench.gone_at(), 32_000);
    }
}

#[test]
fn rfc4320_4_1_a_request_that_nobody_answers_has_a_100_after_3_5_s_and_is_forgotten_after_32_s() {
    for transport in [Udp, Tcp] {
        let mut bench = Bench::new(transport);
        let options = branch(OPTIONS);
        bench.asked(&options);
        assert_eq!(bench.wait(3_600), [(3_500, ">100".to_owned())]);
        bench.take(options);
        assert_eq!(bench.out(), ">100");
        assert_eq!(bench.gone_at(), 32_000);
    }
}

#[test]
fn the_table_of_timers_follows_its_three_times() {
    let timings = Timings {
        t1: Duration::from_millis(100),
        t2: Duration::from_millis(300),
        t4: Duration::from_millis(400),
    };
    let mut bench = Bench::new(Udp);
    bench.layer = Transactions::new(timings, TransactionLimits::default());
    bench.ask(&branch(OPTIONS));
    bench.out();
    let log = bench.wait(1_200);
    assert_eq!(times(&log, ">OPTIONS"), [100, 300, 600, 900, 1_200]);
}

#[test]
fn no_timings_make_time_stand_still() {
    let timings = Timings {
        t1: Duration::from_millis(1),
        t2: Duration::ZERO,
        t4: Duration::ZERO,
    };
    let mut bench = Bench::new(Udp);
    bench.layer = Transactions::new(timings, TransactionLimits::default());
    bench.ask(&branch(OPTIONS));
    bench.out();
    assert_eq!(bench.wait(1_000).last(), Some(&(64, "!Timeout".to_owned())));
}

#[test]
fn whoever_wakes_late_does_each_thing_once() {
    let (mut bench, _) = client(Udp, OPTIONS);
    bench.now += Duration::from_secs(9);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.out(), ">OPTIONS");
    assert_eq!(
        bench.layer.poll_timeout(),
        Some(bench.now + Duration::from_secs(1))
    );
    bench.now += Duration::from_secs(99);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.out(), "!Timeout");
}

#[test]
fn nothing_is_done_before_it_is_due() {
    let (mut bench, _) = client(Udp, INVITE);
    bench.now += Duration::from_millis(499);
    bench.layer.handle_timeout(bench.now);
    assert_eq!(bench.out(), "");
}

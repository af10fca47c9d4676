use super::super::tests::{dialogs, request, response, s, sent, start};
use super::*;
use crate::header::Header;

const POLICY: TimerPolicy = TimerPolicy {
    interval_s: 1800,
    min_s: 120,
};

fn timer() -> SessionTimer {
    SessionTimer::new(POLICY)
}

/// Session-Expires and Min-SE of our next request.
fn asks(timer: &SessionTimer) -> (String, Option<String>) {
    let (mut alice, _) = dialogs();
    let request = sent(timer.write_request(alice.request(Method::Update)));
    let text = |name| request.headers().text(name).map(str::to_owned);
    (
        text(HeaderName::SessionExpires).unwrap(),
        text(HeaderName::MinSe),
    )
}

/// Our 2xx to a request with these rows, that goes out at once.
fn answers(timer: &mut SessionTimer, now: Instant, rows: &str) -> Response {
    let request = request("INVITE", 1, "", rows, "");
    let grant = timer.judge(&request).unwrap();
    timer.grant(now, &grant);
    let builder = grant.write(ResponseBuilder::new(&request, Status::OK));
    builder.to_tag("bo").build().unwrap()
}

fn session_expires(response: &Response) -> Option<&str> {
    response.headers().text(HeaderName::SessionExpires)
}

fn ok(rows: &str) -> Response {
    response(200, "1 INVITE", rows, "")
}

/// All that falls due when nobody does anything, in seconds.
fn run(timer: &mut SessionTimer, start: Instant) -> Vec<(u64, Due)> {
    let mut due = Vec::new();
    while let Some(at) = timer.poll_timeout() {
        assert_eq!(timer.handle_timeout(at - s(1)), None, "nothing is early");
        due.push(((at - start).as_secs(), timer.handle_timeout(at).unwrap()));
    }
    due
}

#[test]
fn rfc4028_7_1_the_first_request_leaves_it_open_who_refreshes() {
    assert_eq!(asks(&timer()), ("1800".into(), Some("120".into())));
    let plain = SessionTimer::new(TimerPolicy {
        interval_s: 30,
        min_s: 0,
    });
    assert_eq!(
        asks(&plain),
        ("90".into(), None),
        "less than 90 s is nothing"
    );
}

#[test]
fn rfc4028_7_2_the_refresher_refreshes_after_half_and_gives_up_before_the_end() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 1800;refresher=uac\n"));
    assert_eq!(timer.refresher(), Some(Side::Us));
    assert_eq!(
        run(&mut timer, start),
        [(900, Due::Refresh), (1768, Due::GiveUp)]
    );
}

#[test]
fn rfc4028_10_a_third_is_left_of_a_short_interval() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 90;refresher=uas\n"));
    assert_eq!(timer.refresher(), Some(Side::Peer));
    assert_eq!(run(&mut timer, start), [(60, Due::GiveUp)]);
}

#[test]
fn rfc4028_7_4_a_refresh_keeps_the_interval_and_the_roles() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 600;refresher=uac\n"));
    assert_eq!(asks(&timer).0, "600;refresher=uac");
    assert_eq!(timer.handle_timeout(start + s(300)), Some(Due::Refresh));
    timer.handle_response(start + s(301), &ok("Session-Expires: 600;refresher=uac\n"));
    assert_eq!(timer.poll_timeout(), Some(start + s(601)));
    timer.handle_response(start + s(302), &ok("Session-Expires: 600;refresher=uas\n"));
    assert_eq!(asks(&timer).0, "600;refresher=uas");
}

#[test]
fn rfc4028_7_2_a_2xx_without_an_interval_turns_the_timer_off() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 600;refresher=uac\n"));
    timer.handle_response(start, &ok(""));
    assert_eq!((timer.poll_timeout(), timer.interval_s()), (None, None));
}

#[test]
fn a_2xx_cannot_make_us_refresh_without_end() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 1\n"));
    assert_eq!(timer.refresher(), Some(Side::Us), "nobody else will");
    assert_eq!(timer.poll_timeout(), Some(start + s(45)));
}

#[test]
fn rfc4028_7_3_a_422_is_followed_by_a_request_with_the_larger_interval() {
    let (start, mut timer) = (start(), timer());
    let refusal = response(422, "1 INVITE", "Min-SE: 3600\n", "");
    assert_eq!(timer.handle_response(start, &refusal), After::Retry);
    assert_eq!(asks(&timer), ("3600".into(), Some("3600".into())));
    assert_eq!(
        timer.handle_response(start, &refusal),
        After::Nothing,
        "the same demand again would be refused again"
    );
    let bare = response(422, "1 INVITE", "", "");
    assert_eq!(timer.handle_response(start, &bare), After::Nothing);
}

#[test]
fn a_far_side_that_asks_for_ever_more_is_not_followed_for_ever() {
    let (start, mut timer) = (start(), timer());
    let retries = (0..100)
        .take_while(|step| {
            let rows = format!("Min-SE: {}\n", 3600 + step);
            let refusal = response(422, "1 INVITE", &rows, "");
            timer.handle_response(start, &refusal) == After::Retry
        })
        .count();
    assert_eq!(retries, usize::from(MAX_RETRIES));
}

#[test]
fn rfc4028_7_4_a_refresh_that_nobody_knows_ends_the_call_another_failure_is_tried_again() {
    let (start, mut timer) = (start(), timer());
    timer.handle_response(start, &ok("Session-Expires: 600;refresher=uac\n"));
    for status in [408, 481] {
        let failure = response(status, "2 UPDATE", "", "");
        assert_eq!(timer.handle_response(start, &failure), After::End);
    }
    let mut refreshes = Vec::new();
    while let Some(at) = timer.poll_timeout() {
        match timer.handle_timeout(at).unwrap() {
            Due::GiveUp => break,
            Due::Refresh => {
                refreshes.push((at - start).as_secs());
                let failure = response(500, "2 UPDATE", "", "");
                assert_eq!(timer.handle_response(at, &failure), After::Nothing);
            }
        }
    }
    assert_eq!(refreshes, [300, 434, 501, 534, 551]);
}

#[test]
fn rfc4028_9_table_2_says_who_refreshes() {
    let rows = |supported: bool, refresher: &str| {
        let supported = if supported { "Supported: timer\n" } else { "" };
        format!("{supported}Session-Expires: 600{refresher}\n")
    };
    for (supported, asked, refresher, side) in [
        (false, "", "600;refresher=uas", Side::Us),
        (true, "", "600;refresher=uas", Side::Us),
        (true, ";refresher=uac", "600;refresher=uac", Side::Peer),
        (true, ";refresher=uas", "600;refresher=uas", Side::Us),
    ] {
        let mut timer = timer();
        let response = answers(&mut timer, start(), &rows(supported, asked));
        assert_eq!(session_expires(&response), Some(refresher));
        assert_eq!(timer.refresher(), Some(side));
        let required = response.headers().lists(HeaderName::Require, "timer");
        assert_eq!(required, supported);
    }
}

#[test]
fn rfc4028_9_the_interval_is_reduced_to_ours_but_never_below_the_least_that_was_asked_for() {
    for (rows, granted) in [
        ("Session-Expires: 7200\n", Some("1800;refresher=uas")),
        (
            "Session-Expires: 7200\nMin-SE: 3600\n",
            Some("3600;refresher=uas"),
        ),
        ("Session-Expires: 600\n", Some("600;refresher=uas")),
        ("Min-SE: 3600\n", Some("3600;refresher=uas")),
        ("", Some("1800;refresher=uas")),
    ] {
        let rows = format!("Supported: timer\n{rows}");
        let response = answers(&mut timer(), start(), &rows);
        assert_eq!(session_expires(&response), granted, "{rows}");
    }
}

#[test]
fn a_far_side_without_timers_gets_none_unless_somebody_asks() {
    let mut timer = timer();
    let response = answers(&mut timer, start(), "");
    assert_eq!(session_expires(&response), None);
    assert!(!response.headers().has(HeaderName::Require));
    assert_eq!(timer.poll_timeout(), None);
}

#[test]
fn rfc4028_9_an_interval_below_ours_is_refused_with_ours() {
    let mut timer = timer();
    let short = "Supported: timer\nSession-Expires: 119\n";
    let rejection = timer
        .judge(&request("INVITE", 1, "", short, ""))
        .unwrap_err();
    let response = rejection.response(&request("INVITE", 1, "", short, ""), "t");
    let response = response.unwrap();
    assert_eq!(response.status(), Status::SESSION_INTERVAL_TOO_SMALL);
    let min_se = response.headers().value(HeaderName::MinSe).unwrap();
    assert_eq!(MinSe::read(min_se), Ok(MinSe(120)));
    let proxied = "Session-Expires: 90\n";
    assert!(timer.judge(&request("INVITE", 1, "", proxied, "")).is_ok());
}

#[test]
fn rfc4028_7_4_the_largest_minimum_heard_of_goes_into_all_later_requests() {
    let mut timer = timer();
    for min_s in [150, 3600, 200] {
        let rows = format!("Supported: timer\nSession-Expires: 7200\nMin-SE: {min_s}\n");
        answers(&mut timer, start(), &rows);
    }
    assert_eq!(
        asks(&timer),
        ("3600;refresher=uac".into(), Some("3600".into()))
    );
}

#[test]
fn a_request_that_is_refused_changes_no_timer_that_runs() {
    let (start, mut timer) = (start(), timer());
    answers(
        &mut timer,
        start,
        "Supported: timer\nSession-Expires: 600\n",
    );
    let before = timer.poll_timeout();
    let rows = "Supported: timer\nSession-Expires: 900;refresher=uac\n";
    timer.judge(&request("INVITE", 2, "", rows, "")).unwrap();
    assert_eq!(timer.poll_timeout(), before);
    assert_eq!(timer.interval_s(), Some(600));
}

#[test]
fn rfc4028_9_a_refresh_of_the_far_side_leaves_it_the_refresher() {
    let (start, mut timer) = (start(), timer());
    let rows = "Supported: timer\nSession-Expires: 600";
    answers(&mut timer, start, &format!("{rows};refresher=uac\n"));
    let response = answers(&mut timer, start + s(300), &format!("{rows}\n"));
    assert_eq!(session_expires(&response), Some("600;refresher=uac"));
    assert_eq!(run(&mut timer, start), [(868, Due::GiveUp)]);
}

#[test]
fn rfc4028_7_4_update_refreshes_where_it_is_allowed() {
    let (start, mut timer) = (start(), timer());
    assert_eq!(timer.refresh_method(), &Method::Invite);
    timer.handle_response(start, &ok("Allow: INVITE, UPDATE\n"));
    assert_eq!(timer.refresh_method(), &Method::Update);
    timer.handle_response(start, &ok(""));
    assert_eq!(
        timer.refresh_method(),
        &Method::Update,
        "it said nothing new"
    );
    answers(&mut timer, start, "Allow: INVITE\n");
    assert_eq!(timer.refresh_method(), &Method::Invite);
}

#[test]
fn malformed_headers_are_refused_in_requests_and_pass_for_none_in_responses() {
    let (start, mut timer) = (start(), timer());
    for rows in ["Session-Expires: soon\n", "Min-SE: -1\n"] {
        let rejection = timer
            .judge(&request("INVITE", 1, "", rows, ""))
            .unwrap_err();
        assert_eq!(rejection.status, Status::BAD_REQUEST);
    }
    timer.handle_response(start, &ok("Session-Expires: soon\n"));
    assert_eq!(timer.poll_timeout(), None);
}

#![allow(clippy::disallowed_methods, reason = "an instant to start from")]

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn ip(number: u32) -> IpAddr {
    IpAddr::from((0x0A00_0000 | number).to_be_bytes())
}

fn config(requests: u32) -> ScannerConfig {
    ScannerConfig {
        requests,
        ..ScannerConfig::default()
    }
}

#[test]
fn s23_a_ban_begins_once_with_the_request_too_many_and_ends_in_time() {
    let (mut scanners, now, config) = (Scanners::default(), Instant::now(), config(3));
    let begun: Vec<bool> = (0..6)
        .map(|_| scanners.suspect(now, ip(1), &config))
        .collect();
    assert_eq!(begun, [false, false, false, true, false, false]);
    assert!(scanners.bans(now, ip(1)) && !scanners.bans(now, ip(2)));
    assert_eq!(scanners.banned(), 1);
    assert!(scanners.bans(now + config.ban - SECOND, ip(1)));
    assert!(!scanners.bans(now + config.ban, ip(1)));
    assert_eq!(scanners.banned(), 0);
    // It begins from nothing.
    assert!(!scanners.suspect(now + config.ban, ip(1), &config));
}

#[test]
fn s23_requests_far_apart_are_no_scan_and_proofs_take_theirs_back() {
    let (mut scanners, now, config) = (Scanners::default(), Instant::now(), config(3));
    for round in 0..20 {
        let at = now + config.window / 3 * round;
        assert!(!scanners.suspect(at, ip(1), &config));
        assert!(!scanners.suspect(now, ip(2), &config));
        scanners.clear_one(ip(2));
    }
    assert_eq!(scanners.by_age.len(), scanners.suspects.len());
}

#[test]
fn s23_zero_bans_nobody() {
    let (mut scanners, now, config) = (Scanners::default(), Instant::now(), config(0));
    assert!((0..1000).all(|_| !scanners.suspect(now, ip(1), &config)));
}

#[test]
fn s23_more_addresses_than_fit_push_out_the_oldest_and_nothing_grows() {
    let (mut scanners, now, config) = (Scanners::default(), Instant::now(), config(1));
    let most = u32::try_from(MOST_PLACES).unwrap();
    for number in 0..most + 10 {
        let at = now + Duration::from_micros(number.into());
        assert!(!scanners.suspect(at, ip(number), &config));
    }
    assert_eq!(scanners.suspects.len(), MOST_PLACES);
    assert_eq!(scanners.by_age.len(), MOST_PLACES);
    let at = now + SECOND;
    assert!(!scanners.suspect(at, ip(0), &config), "it was forgotten");
    assert!(scanners.suspect(at, ip(most), &config), "it was not");
    for number in 0..most + 10 {
        let at = at + Duration::from_micros(number.into());
        scanners.suspect(at, ip(number), &config);
        scanners.suspect(at, ip(number), &config);
    }
    assert_eq!(scanners.bans.len(), MOST_PLACES);
    assert_eq!(scanners.by_end.len(), MOST_PLACES);
    assert!(scanners.bans(at + SECOND, ip(most + 9)));
}

#[test]
fn s23_scanners_are_told_by_what_they_call_themselves_however_it_is_written() {
    let config = ScannerConfig::default();
    for name in ["friendly-scanner", "Sipvicious/0.3", "sipcli/v1.8"] {
        assert!(config.names(name), "{name}");
    }
    for name in [
        "Linphone/5.2",
        "Yealink SIP-T46S 66.85",
        "SIPClient 2",
        "JsSIP 3.10",
        "",
    ] {
        assert!(!config.names(name), "{name}");
    }
}

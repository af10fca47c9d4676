use proptest::prelude::*;

use super::super::tests::{dialogs, request, sent};
use super::*;
use crate::message::Method;

fn info(content_type: &str, body: &str) -> Request {
    let rows = format!("Content-Type: {content_type}\n");
    request("INFO", 2, "bo", &rows, body)
}

fn read(content_type: &str, body: &str) -> Result<Info, u16> {
    Info::read(&info(content_type, body)).map_err(|rejection| rejection.status.code())
}

fn key(event: u8, duration_ms: u16) -> Result<Info, u16> {
    let key = Key::from_event(event).unwrap();
    Ok(Info::Key(KeyPress { key, duration_ms }))
}

#[test]
fn keys_are_read_as_phones_write_them() {
    for (body, event, duration_ms) in [
        ("Signal=5\nDuration=250\n", 5, 250),
        ("Signal= *\nDuration= 100", 10, 100),
        ("signal=#", 11, DEFAULT_KEY_MS),
        ("Duration=90\nSignal=11\n", 11, 90),
        ("Signal=d\nDuration=90", 15, 90),
        ("Signal=16\nDuration=0\n", 16, 40),
        ("Signal=1\nDuration=99999999999999999999\n", 1, 6000),
    ] {
        assert_eq!(read(DTMF_RELAY, body), key(event, duration_ms), "{body}");
    }
    for (body, event) in [("7", 7), ("*\n", 10), (" 10 ", 10), ("Signal=3\n", 3)] {
        assert_eq!(read(DTMF, body), key(event, DEFAULT_KEY_MS), "{body}");
    }
}

#[test]
fn what_is_no_key_is_refused() {
    for body in [
        "Signal=17",
        "Signal=E",
        "Signal=+5",
        "Signal=",
        "Signal=12345",
        "Duration=100",
        "Signal=1\nDuration=-1",
        "Signal=1\nDuration=",
        "hello",
    ] {
        assert_eq!(read(DTMF_RELAY, body), Err(400), "{body}");
        assert_eq!(read(DTMF, body), Err(400), "{body}");
    }
}

#[test]
fn rfc5168_a_picture_is_asked_for() {
    let body = "<?xml version=\"1.0\" encoding=\"utf-8\" ?>\n<media_control>\n<vc_primitive>\n\
                <to_encoder>\n<picture_fast_update>\n</picture_fast_update>\n</to_encoder>\n\
                </vc_primitive>\n</media_control>\n";
    assert_eq!(read(MEDIA_CONTROL, body), Ok(Info::PictureFastUpdate));
    let error = "<media_control><general_error>no</general_error></media_control>";
    assert_eq!(read(MEDIA_CONTROL, error), Ok(Info::Nothing));
    let comment = "<media_control><!-- <picture_fast_update/> --></media_control>";
    assert_eq!(read(MEDIA_CONTROL, comment), Ok(Info::Nothing));
}

#[test]
fn an_info_without_a_body_says_nothing_and_one_of_another_type_is_refused() {
    let empty = request("INFO", 2, "bo", "", "");
    assert_eq!(Info::read(&empty), Ok(Info::Nothing));
    let rejection = Info::read(&info("text/plain", "5")).unwrap_err();
    assert_eq!(rejection.status, Status::UNSUPPORTED_MEDIA_TYPE);
    let response = rejection.response(&empty, "t").unwrap();
    assert!(response.headers().lists(HeaderName::Accept, DTMF_RELAY));
    let untyped = request("INFO", 2, "bo", "", "5");
    assert_eq!(Info::read(&untyped).unwrap_err().status.code(), 400);
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let (mut dialog, _) = dialogs();
    for event in 0..=16 {
        let press = KeyPress {
            key: Key::from_event(event).unwrap(),
            duration_ms: 200,
        };
        for (format, duration_ms) in [(KeyFormat::Relay, 200), (KeyFormat::Plain, DEFAULT_KEY_MS)] {
            let info = sent(press.write(dialog.request(Method::Info), format));
            let read = Info::read(&info).map_err(|rejection| rejection.status.code());
            assert_eq!(read, key(event, duration_ms));
        }
    }
    let info = sent(write_picture_fast_update(dialog.request(Method::Info)));
    assert_eq!(Info::read(&info), Ok(Info::PictureFastUpdate));
    assert_eq!(Key::from_event(17), None);
}

proptest! {
    #[test]
    fn no_body_panics_and_every_key_is_a_real_one(
        body in prop_oneof!["[ -~\n]{1,40}", "Signal=[ -~]{0,3}\nDuration=[ -~]{0,6}"],
        plain: bool,
    ) {
        let content_type = if plain { DTMF } else { DTMF_RELAY };
        if let Ok(Info::Key(press)) = read(content_type, &body) {
            prop_assert!(press.key.event() <= 16);
            prop_assert!((40..=6000).contains(&press.duration_ms));
        }
    }
}

use super::super::tests::{dialogs, request, response, s, sent, start};
use super::super::xml;
use super::dialoginfo::{DialogInfo, DialogState, Party};
use super::reginfo::{ContactEvent, ContactInfo};
use super::*;
use crate::dialog::Role;
use crate::header::SubscriptionState;
use crate::uri::Uri;

const PACKAGES: [&Package; 2] = [&REG, &DIALOG];

fn read(rows: &str) -> Result<Subscribe, Rejection> {
    Subscribe::read(&request("SUBSCRIBE", 1, "", rows, ""), &PACKAGES)
}

fn refused(rows: &str) -> (u16, Vec<(HeaderName, String)>) {
    let rejection = read(rows).unwrap_err();
    (rejection.status.code(), rejection.headers)
}

fn subscription(now: Instant, expires_s: u32) -> Subscription {
    let subscribe = read(&format!("Event: dialog;id=7\nExpires: {expires_s}\n"));
    Subscription::new(now, &subscribe.unwrap())
}

/// The NOTIFY that is due: its Subscription-State and body.
fn notified(subscription: &mut Subscription, now: Instant) -> (String, String) {
    assert!(subscription.handle_timeout(now), "nothing is due");
    let (_, mut bob) = dialogs();
    let builder = subscription.notify(now, &mut bob, |version| format!("v{version}"));
    let notify = sent(builder);
    let state = notify.headers().text(HeaderName::SubscriptionState);
    let body = String::from_utf8_lossy(notify.body()).into_owned();
    (state.unwrap().to_owned(), body)
}

fn state(state: &str, body: &str) -> (String, String) {
    (state.to_owned(), body.to_owned())
}

fn uri(text: &str) -> Uri {
    Uri::parse(text).unwrap()
}

#[test]
fn rfc6665_4_2_1_1_a_subscription_lasts_as_long_as_was_asked_within_bounds() {
    for (rows, expires_s) in [
        ("Event: reg\n", 3761),
        ("Event: dialog\n", 3600),
        ("Event: reg\nExpires: 60\n", 60),
        ("Event: reg\nExpires: 4294967295\n", 7200),
        ("Event: reg\nExpires: 0\n", 0),
    ] {
        let subscribe = read(rows).unwrap();
        assert_eq!(subscribe.expires_s, expires_s, "{rows}");
        let asked = request("SUBSCRIBE", 1, "", rows, "");
        let builder = subscribe.write(ResponseBuilder::new(&asked, Status::OK));
        let ok = builder.to_tag("bo").build().unwrap();
        assert_eq!(ok.headers().get(), Ok(Some(Expires(expires_s))));
    }
}

#[test]
fn rfc6665_4_2_1_1_what_cannot_be_served_is_refused_with_what_can() {
    let events = vec![(HeaderName::AllowEvents, "reg, dialog".to_owned())];
    assert_eq!(refused("Event: presence\n"), (489, events.clone()));
    assert_eq!(refused("Event: REG\n"), (489, events.clone()));
    assert_eq!(refused(""), (489, events));
    let min = vec![(HeaderName::MinExpires, "60".to_owned())];
    assert_eq!(refused("Event: reg\nExpires: 59\n"), (423, min));
    assert_eq!(refused("Event: reg\nExpires: soon\n").0, 400);
    assert_eq!(refused("Event: ;\n").0, 400);
    assert_eq!(refused("Event: reg\nAccept: text/plain\n").0, 406);
    for range in [
        "*/*",
        "application/*",
        "text/plain, application/reginfo+xml",
    ] {
        assert!(read(&format!("Event: reg\nAccept: {range}\n")).is_ok());
    }
}

#[test]
fn a_notification_follows_at_once_and_then_no_sooner_than_the_package_allows() {
    let start = start();
    let mut subscription = subscription(start, 3600);
    let first = notified(&mut subscription, start);
    assert_eq!(first, state("active;expires=3600", "v0"));
    for _ in 0..5 {
        subscription.change(start);
    }
    assert_eq!(subscription.poll_timeout(), Some(start + s(1)));
    assert!(!subscription.handle_timeout(start));
    assert_eq!(notified(&mut subscription, start + s(1)).1, "v1");
    assert!(!subscription.handle_timeout(start + s(100)), "no news");
    subscription.change(start + s(100));
    assert_eq!(subscription.poll_timeout(), Some(start + s(100)));
}

#[test]
fn rfc6665_4_2_1_4_a_subscription_that_nobody_renews_ends_with_a_last_notification() {
    let start = start();
    let mut subscription = subscription(start, 60);
    assert_eq!(
        notified(&mut subscription, start),
        state("active;expires=60", "v0")
    );
    subscription.renew(start + s(50), 60);
    assert_eq!(
        notified(&mut subscription, start + s(50)),
        state("active;expires=60", "v1")
    );
    assert_eq!(subscription.poll_timeout(), Some(start + s(110)));
    assert_eq!(
        notified(&mut subscription, start + s(110)),
        state("terminated;reason=timeout", "v2")
    );
    assert!(subscription.is_over());
    assert_eq!(subscription.poll_timeout(), None);
    subscription.change(start + s(200));
    subscription.renew(start + s(200), 60);
    assert!(
        !subscription.handle_timeout(start + s(200)),
        "it stays over"
    );
}

#[test]
fn rfc6665_4_4_3_asking_once_and_ending_are_answered_with_the_last_notification() {
    let start = start();
    let mut fetch = subscription(start, 0);
    let last = state("terminated;reason=timeout", "v0");
    assert_eq!(notified(&mut fetch, start), last);
    assert!(fetch.is_over());
    let mut subscription = subscription(start, 60);
    subscription.renew(start, 0);
    assert_eq!(notified(&mut subscription, start), last);
}

#[test]
fn a_subscription_says_why_it_ends() {
    let start = start();
    for (reason, text) in [
        (EndReason::NoResource, "terminated;reason=noresource"),
        (EndReason::Deactivated, "terminated;reason=deactivated"),
        (EndReason::Rejected, "terminated;reason=rejected"),
    ] {
        let mut subscription = subscription(start, 60);
        subscription.end(start, reason);
        assert_eq!(notified(&mut subscription, start).0, text);
    }
}

#[test]
fn rfc6665_4_2_2_a_subscriber_that_refuses_notifications_gets_no_more() {
    let start = start();
    for (status, rows, over) in [
        (200, "", false),
        (401, "", false),
        (503, "Retry-After: 5\n", false),
        (408, "", true),
        (481, "", true),
        (500, "", true),
    ] {
        let mut subscription = subscription(start, 60);
        subscription.handle_response(&response(status, "1 NOTIFY", rows, ""));
        assert_eq!(subscription.is_over(), over, "{status}");
        assert_eq!(subscription.poll_timeout().is_none(), over);
    }
}

#[test]
fn a_notification_is_a_request_of_the_dialog_that_names_its_event() {
    let (_, mut bob) = dialogs();
    let mut subscription = subscription(start(), 60);
    let notify = sent(subscription.notify(start(), &mut bob, |_| ""));
    assert_eq!(notify.method(), &Method::Notify);
    assert_eq!(notify.raw_uri(), b"sip:alice@192.0.2.1");
    let headers = notify.headers();
    assert_eq!(headers.text(HeaderName::Event), Some("dialog;id=7"));
    assert_eq!(
        headers.text(HeaderName::ContentType),
        Some("application/dialog-info+xml")
    );
    let state = headers.get::<SubscriptionState<'_>>().unwrap().unwrap();
    assert!(!state.is_terminated());
    assert!(subscription.is_about("dialog", Some("7")));
    assert!(!subscription.is_about("dialog", None));
    assert!(!subscription.is_about("reg", Some("7")));
}

#[test]
fn rfc3680_5_the_contacts_of_an_address_are_told() {
    let (aor, contact) = (uri("sip:ann@example.com"), uri("sip:ann@192.0.2.1;a=b&c"));
    let info = |event| ContactInfo {
        id: 5,
        uri: &contact,
        event,
        bound_s: 7,
        expires_s: 60,
        q_thousandths: 250,
    };
    assert_eq!(
        reginfo::write(3, &aor, &[info(ContactEvent::Refreshed)]),
        "<?xml version=\"1.0\"?>\n\
         <reginfo xmlns=\"urn:ietf:params:xml:ns:reginfo\" version=\"3\" state=\"full\">\n\
         <registration aor=\"sip:ann@example.com\" id=\"r\" state=\"active\">\n\
         <contact id=\"c5\" state=\"active\" event=\"refreshed\" duration-registered=\"7\" \
         expires=\"60\" q=\"0.250\"><uri>sip:ann@192.0.2.1;a=b&amp;c</uri></contact>\n\
         </registration>\n</reginfo>\n"
    );
    let gone = reginfo::write(0, &aor, &[info(ContactEvent::Expired)]);
    assert!(gone.contains("id=\"r\" state=\"terminated\""));
    assert!(!gone.contains("expires="));
    assert!(reginfo::write(0, &aor, &[]).contains("state=\"init\""));
}

#[test]
fn rfc4235_4_the_dialogs_of_a_person_are_told() {
    let (_, bob) = dialogs();
    let (local, remote) = (uri("sip:bob@example.com"), uri("sip:alice@example.com"));
    let mut info = DialogInfo {
        id: 9,
        dialog: Some(bob.id()),
        role: Role::Uas,
        state: DialogState::Early,
        lasts_s: 3,
        local: Party {
            identity: Some(&local),
            display: None,
        },
        remote: Party {
            identity: Some(&remote),
            display: Some("<Alice> & \"co\""),
        },
    };
    assert_eq!(
        dialoginfo::write(0, &local, std::slice::from_ref(&info)),
        "<?xml version=\"1.0\"?>\n\
         <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" state=\"full\" \
         entity=\"sip:bob@example.com\">\n\
         <dialog id=\"d9\" call-id=\"c1\" local-tag=\"bo\" remote-tag=\"al\" \
         direction=\"recipient\"><state>early</state><duration>3</duration>\
         <local><identity>sip:bob@example.com</identity></local>\
         <remote><identity display=\"&lt;Alice&gt; &amp; &quot;co&quot;\">sip:alice@example.com\
         </identity></remote></dialog>\n</dialog-info>\n"
    );
    info.dialog = None;
    info.remote = Party::default();
    let private = dialoginfo::write(0, &local, &[info]);
    assert!(!private.contains("call-id") && !private.contains("<remote>"));
}

#[test]
fn a_body_has_a_limit_whatever_there_is_to_tell() {
    let aor = uri("sip:ann@example.com");
    let contact = ContactInfo {
        id: 1,
        uri: &aor,
        event: ContactEvent::Created,
        bound_s: 0,
        expires_s: 0,
        q_thousandths: 1000,
    };
    let body = reginfo::write(0, &aor, &vec![contact; 1000]);
    let count = |body: &str, name: &[u8]| {
        xml::elements(body.as_bytes())
            .filter(|element| *element == name)
            .count()
    };
    assert_eq!(count(&body, b"contact"), reginfo::MAX_CONTACTS);
    let dialog = DialogInfo {
        id: 1,
        dialog: None,
        role: Role::Uac,
        state: DialogState::Confirmed,
        lasts_s: 0,
        local: Party::default(),
        remote: Party::default(),
    };
    let body = dialoginfo::write(0, &aor, &vec![dialog; 1000]);
    assert_eq!(count(&body, b"dialog"), dialoginfo::MAX_DIALOGS);
}

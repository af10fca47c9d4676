use super::*;
use crate::message::{Limits, Message};

fn register(rows: &str) -> Request {
    let text = format!(
        "REGISTER sip:example.com SIP/2.0\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bK1\n\
         Max-Forwards: 70\nFrom: <sip:ann@example.com>;tag=a\nTo: <sip:ann@example.com>\n\
         Call-ID: c1\nCSeq: 2 REGISTER\n{rows}Content-Length: 0\n\n"
    );
    let bytes = text.replace('\n', "\r\n");
    Message::parse(bytes.as_bytes(), &Limits::default())
        .unwrap()
        .into_request()
        .unwrap()
}

fn refused(rows: &str) -> u16 {
    Register::read(&register(rows)).unwrap_err().status.code()
}

#[test]
fn what_a_browser_asks_for_is_read() {
    let asked = Register::read(&register(
        "Contact: <sip:r2d2@df7jal23ls0d.invalid;transport=ws>;reg-id=1;\
         +sip.instance=\"<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>\";expires=600;q=0.5\n\
         Expires: 300\nSupported: path,gruu,outbound\nPath: <sip:edge.example.com;lr>\n",
    ))
    .unwrap();
    assert_eq!(asked.aor.as_str(), "sip:ann@example.com");
    assert_eq!(
        (asked.call_id.as_str(), asked.cseq, asked.expires_s),
        ("c1", 2, Some(300))
    );
    assert!(asked.outbound && asked.gruu && asked.knows_path && asked.direct);
    assert_eq!(asked.path, ["<sip:edge.example.com;lr>"]);
    let Contacts::These(updates) = asked.contacts else {
        panic!()
    };
    assert_eq!(updates.len(), 1);
    assert_eq!(
        updates[0].uri.as_str(),
        "sip:r2d2@df7jal23ls0d.invalid;transport=ws"
    );
    assert_eq!(
        (updates[0].expires_s, updates[0].q_thousandths),
        (Some(600), Some(500))
    );
    assert_eq!(updates[0].reg_id, Some(1));
    assert_eq!(
        updates[0].instance.as_deref(),
        Some("<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>")
    );
}

#[test]
fn a_second_via_tells_that_somebody_stands_between() {
    let relayed = register("Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK2\nSupported: gruu\n");
    let asked = Register::read(&relayed).unwrap();
    assert!(!asked.direct && !asked.knows_path && !asked.outbound);
}

#[test]
fn no_contact_asks_and_a_star_takes_all_away() {
    assert_eq!(
        Register::read(&register("")).unwrap().contacts,
        Contacts::Query
    );
    let all = Register::read(&register("Contact: *\nExpires: 0\n")).unwrap();
    assert_eq!(all.contacts, Contacts::All);
}

#[test]
fn what_is_malformed_or_too_much_is_refused() {
    assert_eq!(refused("Contact: <sip:a@b>;expires=soon\n"), 400);
    assert_eq!(refused("Contact: <sip:a@b>;reg-id=-1\n"), 400);
    assert_eq!(refused("Contact: <sip:a@b>;q=2\n"), 400);
    for instance in [
        "",
        "=\"\"",
        "=\"<urn:uuid:1 2>\"",
        "=\"<urn:é>\"",
        "=\"a\\\u{1}\"",
    ] {
        let rows = format!("Contact: <sip:a@b>;+sip.instance{instance}\n");
        assert_eq!(refused(&rows), 400, "{instance}");
    }
    let contacts = |count| {
        (0..count)
            .map(|n| format!("Contact: <sip:a{n}@b>\n"))
            .collect::<String>()
    };
    assert!(Register::read(&register(&contacts(MAX_CONTACTS))).is_ok());
    assert_eq!(refused(&contacts(MAX_CONTACTS + 1)), 403);
    let path = "Path: <sip:p;lr>\n".repeat(MAX_PATH + 1);
    assert_eq!(refused(&path), 403);
}

#[test]
fn the_200_lists_bindings_as_they_can_be_read_again() {
    let request = register("Contact: <sip:a@b>\n");
    let listed = Listed {
        uri: Uri::parse("sip:a@b;transport=ws").unwrap(),
        expires_s: 60,
        q_thousandths: 250,
        instance: Some("<urn:uuid:1>".into()),
        reg_id: Some(2),
        gruus: Some(Gruus {
            public: "sip:ann@example.com;gr=urn:uuid:1".into(),
            temporary: "sip:tgruu.0@example.com;gr".into(),
        }),
    };
    let response = listed
        .write(ResponseBuilder::new(&request, Status::OK))
        .to_tag("t")
        .build();
    let response = response.unwrap();
    let contact = response.headers().contacts().next().unwrap().unwrap();
    let params = contact.addr().unwrap().params();
    let gruus = listed.gruus.clone().unwrap();
    assert_eq!(params.text("pub-gruu").unwrap(), gruus.public.as_str());
    assert_eq!(params.text("temp-gruu").unwrap(), gruus.temporary.as_str());
    let read = ContactUpdate::read(contact.addr().unwrap()).unwrap();
    assert_eq!(read.uri, listed.uri);
    assert_eq!((read.expires_s, read.q_thousandths), (Some(60), Some(250)));
    assert_eq!(
        (read.instance, read.reg_id),
        (listed.instance, listed.reg_id)
    );
}

#[test]
fn a_423_says_how_long_it_has_to_be() {
    let rejection = interval_too_brief(60);
    let response = rejection.response(&register(""), "t").unwrap();
    assert_eq!(response.status().code(), 423);
    assert_eq!(response.headers().text(HeaderName::MinExpires), Some("60"));
}

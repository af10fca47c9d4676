//! Addresses of single telephones.

use sip::flow::Transport;
use sip::header::NameAddr;
use sip::message::{HeaderName, Message, Method, Response, Status};

use super::super::{Bench, OFFER_AUDIO, bench};
use super::{Phone, credentials, is, sdp_answer};
use crate::call::view::Notice;

/// An instance, but for its last four digits.
const URN: &str = "urn:uuid:00000000-0000-1000-8000-00000000";

impl Bench {
    /// A telephone with an instance, of a person who has more of them: its public and its temporary
    /// address.
    fn phone_with_gruus(&mut self, index: u32) -> (Phone, String, String) {
        self.phone_with_gruus_over(Transport::Ws, index)
    }

    pub(super) fn phone_with_gruus_over(
        &mut self,
        transport: Transport,
        index: u32,
    ) -> (Phone, String, String) {
        let phone = self.silent_phone("alice", transport, "127.0.0.1:50001");
        let instance = format!("{URN}{index:04}");
        let ok = self.register_instance(&phone, &instance, 600);
        let own = contact_of(&ok, &instance);
        let param = |name| match own.params().text(name) {
            Some(value) => value.trim_matches('"').to_owned(),
            None => panic!("no {name} in {own:?}"),
        };
        (phone, param("pub-gruu"), param("temp-gruu"))
    }

    /// Registers with an instance and the password of all accounts here, for so long; the answer.
    fn register_instance(&mut self, phone: &Phone, instance: &str, expires_s: u32) -> Response {
        let contact = format!("Contact: {}", phone.contact());
        let with_instance = format!("{contact};+sip.instance=\"<{instance}>\"");
        let write = |cseq, credentials: &str| {
            let register = phone.register(cseq, &format!("Supported: gruu\r\n{credentials}"));
            let expires = format!("Expires: {expires_s}");
            let register = register.replacen(&contact, &with_instance, 1);
            register.replacen("Expires: 600", &expires, 1)
        };
        // Above that of a longer one.
        let cseq = 1000 - expires_s;
        self.send(phone, &write(cseq, ""));
        let challenge = self.response(phone);
        let credentials = credentials(phone, &challenge, "REGISTER", "sip:example.org");
        self.send(phone, &write(cseq + 1, &credentials));
        let ok = self.response(phone);
        assert_eq!(ok.status(), Status::OK);
        ok
    }

    pub(super) fn invite_to(&mut self, phone: &Phone, uri: &str, cseq: u32) {
        let invite = phone.numbered("INVITE", uri, (&format!("<{uri}>"), cseq), "", OFFER_AUDIO);
        self.send(phone, &invite);
    }
}

fn contact_of<'a>(ok: &'a Response, instance: &str) -> NameAddr<'a> {
    let mut contacts = ok.headers().values(HeaderName::Contact);
    let own = contacts.find(|value| String::from_utf8_lossy(value).contains(instance));
    NameAddr::read(own.expect("the contact is listed")).unwrap()
}

#[test]
fn rfc5627_a_telephone_that_knows_gruus_learns_its_own() {
    let mut bench = bench();
    let (phone, public, temporary) = bench.phone_with_gruus(1);
    let urn = format!("{URN}0001");
    assert_eq!(public, format!("sip:alice@example.org;gr={urn}"));
    assert!(temporary.starts_with("sip:tgruu.") && temporary.ends_with("@example.org;gr"));
    let again = bench.register_instance(&phone, &urn, 599);
    let text = String::from_utf8_lossy(again.as_bytes()).into_owned();
    assert!(text.contains(&public), "the same for ever");
    assert!(!text.contains(&temporary), "another one each time");

    let plain = bench.phone("1002");
    bench.send(&plain, &plain.register(2, ""));
    let ok = bench.response(&plain);
    assert!(!String::from_utf8_lossy(ok.as_bytes()).contains("gruu"));
}

#[test]
fn a_call_to_a_gruu_rings_that_telephone_alone() {
    for kind in [0, 1] {
        let mut bench = bench();
        let caller = bench.phone("1009");
        let (first, public, temporary) = bench.phone_with_gruus(1);
        let (second, ..) = bench.phone_with_gruus(2);
        let uri = [public, temporary][kind].clone();
        bench.invite_to(&caller, &uri, 1);
        let invite = bench.request(&first);
        assert!(is(&invite, &Method::Invite));
        assert!(bench.take_sip(&second).is_empty());
        // Who comes later does not ring either.
        let (third, ..) = bench.phone_with_gruus(3);
        assert!(bench.take_sip(&third).is_empty());
        bench.take_sip(&caller);
        let answer = sdp_answer(&invite);
        bench.respond(&first, &invite, Status::OK, Some(&answer));
        let ok = bench.final_response(&caller);
        assert_eq!(ok.status(), Status::OK);
        let contact = ok.headers().text(HeaderName::Contact).unwrap();
        assert!(contact.contains("192.0.2.1:5060"), "our own: {contact}");
        assert!(!contact.contains("gr"), "{contact}");
    }
}

#[test]
fn a_page_calls_a_gruu_too() {
    let mut bench = bench();
    let page = bench.guest("carol");
    let (first, public, _) = bench.phone_with_gruus(1);
    let (second, ..) = bench.phone_with_gruus(2);
    bench.call_with(page, &public, OFFER_AUDIO);
    assert!(is(&bench.request(&first), &Method::Invite));
    assert!(bench.take_sip(&second).is_empty());
}

#[test]
fn a_text_to_a_gruu_reaches_that_telephone_alone() {
    let mut bench = bench();
    let writer = bench.phone("1009");
    let (first, public, _) = bench.phone_with_gruus(1);
    let (second, ..) = bench.phone_with_gruus(2);
    let text = writer.text("alice", "hello");
    bench.send(&writer, &text.replacen("sip:alice@example.org", &public, 1));
    assert_eq!(bench.final_response(&writer).status(), Status::OK);
    assert!(is(&bench.request(&first), &Method::Message));
    assert!(bench.take_sip(&second).is_empty());
}

#[test]
fn a_gruu_of_nobody_is_refused() {
    let mut bench = bench();
    let caller = bench.phone("1009");
    let (gone, public, temporary) = bench.phone_with_gruus(1);
    let (_second, ..) = bench.phone_with_gruus(2);
    bench.register_instance(&gone, &format!("{URN}0001"), 0);
    let (head, host) = temporary.split_once('@').unwrap();
    let flipped = match head.strip_suffix('0') {
        Some(rest) => format!("{rest}1@{host}"),
        None => format!("{}0@{host}", &head[..head.len() - 1]),
    };
    for (cseq, uri, status) in [(1, &public, 480), (2, &temporary, 404), (3, &flipped, 404)] {
        bench.invite_to(&caller, uri, cseq);
        let response = bench.final_response(&caller);
        assert_eq!(response.status().code(), status, "{uri}");
    }
    let refused = |notice: &Notice| matches!(notice, Notice::CallRefused { .. });
    assert_eq!(bench.notices.iter().filter(|it| refused(it)).count(), 3);
}

#[test]
fn a_transfer_to_a_gruu_rings_that_telephone_alone() {
    let mut bench = bench();
    let phone = bench.phone("1009");
    let (first, public, _) = bench.phone_with_gruus(1);
    let (second, ..) = bench.phone_with_gruus(2);
    let (ok, ..) = bench.talk_to_page(&phone, "", OFFER_AUDIO);
    bench.send(&phone, &phone.in_dialog("ACK", &ok, 1));
    let headers = format!("Refer-To: <{public}>\r\n");
    let refer = phone.in_dialog_with("REFER", &ok, 2, &headers, "");
    bench.send(&phone, &refer);
    let answers = bench.take_sip(&phone).into_iter();
    let mut answers = answers.filter_map(Message::into_response);
    assert_eq!(answers.next().unwrap().status(), Status::ACCEPTED);
    assert!(is(&bench.request(&first), &Method::Invite));
    assert!(bench.take_sip(&second).is_empty());
}

use sip::message::{Limits, Message, Request, ResponseBuilder, Status};
use sip::procedure::session_timer::{SessionTimer, TimerPolicy};

use super::*;
use crate::call::sip::legs::Stage;

const FLOW: FlowId = FlowId(1);

fn invite(call_id: usize) -> Request {
    let text = format!(
        "INVITE sip:bob@phone.invalid SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
         From: <sip:a@example.org>;tag=ours\r\nTo: <sip:bob@example.org>\r\nCall-ID: {call_id}\r\n\
         CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let message = Message::parse(text.as_bytes(), &Limits::default()).unwrap();
    message.into_request().unwrap()
}

/// A leg that we invited so.
fn leg(invite: &Request) -> SipLeg {
    let stage = Stage::Inviting { over: false };
    let timer = SessionTimer::new(TimerPolicy {
        interval_s: 1_800,
        min_s: 90,
    });
    SipLeg::new(FLOW, invite.clone(), "ours".into(), stage, timer)
}

fn ok(invite: &Request, tag: &str) -> Response {
    let builder = ResponseBuilder::new(invite, Status::OK).to_tag(tag);
    let builder = builder.other("Contact", "<sip:bob@192.0.2.7>");
    builder.build().unwrap()
}

fn owed(past: &mut PastInvites, response: &Response) -> Option<Owed> {
    past.owed(response).map(|(_, _, owed)| owed)
}

#[test]
fn whoever_accepts_too_late_is_ended_once_and_acknowledged_each_time() {
    let mut past = PastInvites::default();
    let invite = invite(1);
    past.remember(&leg(&invite), None);
    assert_eq!(owed(&mut past, &ok(&invite, "x")), Some(Owed::AckAndBye));
    assert_eq!(owed(&mut past, &ok(&invite, "x")), Some(Owed::Ack));
    assert_eq!(owed(&mut past, &ok(&invite, "y")), Some(Owed::AckAndBye));
}

#[test]
fn a_dialog_that_has_ended_is_only_acknowledged() {
    let mut past = PastInvites::default();
    let invite = invite(1);
    let answered = ok(&invite, "x");
    let dialog = Dialog::of_response(1, &answered).unwrap();
    past.remember(&leg(&invite), Some(&dialog));
    assert_eq!(owed(&mut past, &answered), Some(Owed::Ack));
}

#[test]
fn what_was_never_sent_is_not_answered() {
    let mut past = PastInvites::default();
    assert_eq!(owed(&mut past, &ok(&invite(1), "x")), None);
    past.remember(&leg(&invite(1)), None);
    assert_eq!(owed(&mut past, &ok(&invite(2), "x")), None);
    let mut of_another = ok(&invite(1), "x").as_bytes().to_vec();
    let tag = of_another.windows(4).position(|it| it == b"ours").unwrap();
    of_another[tag..tag + 4].copy_from_slice(b"else");
    let other = Message::parse(&of_another, &Limits::default()).unwrap();
    assert_eq!(owed(&mut past, &other.into_response().unwrap()), None);
}

#[test]
fn user_agents_of_one_invite_and_invites_are_limited_and_the_oldest_is_forgotten() {
    let mut past = PastInvites::default();
    let first = invite(0);
    past.remember(&leg(&first), None);
    let answered = (0..2 * MAX_DIALOGS).filter(|tag| {
        let response = ok(&first, &tag.to_string());
        owed(&mut past, &response).is_some()
    });
    assert_eq!(answered.count(), MAX_DIALOGS);
    for number in 1..MAX_INVITES {
        past.remember(&leg(&invite(number)), None);
    }
    assert_eq!(owed(&mut past, &ok(&first, "0")), Some(Owed::Ack));
    past.remember(&leg(&invite(MAX_INVITES)), None);
    assert_eq!(owed(&mut past, &ok(&first, "0")), None);
    assert_eq!(
        (past.call_ids.len(), past.invites.len()),
        (MAX_INVITES, MAX_INVITES)
    );
    assert!(owed(&mut past, &ok(&invite(1), "0")).is_some());
}

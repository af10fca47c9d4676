//! What a leg is told, in the words of SIP.

use media::ids::LegId;
use sip::message::Status;
use sip::transaction::ClientId;

use super::legs::Stage;
use crate::call::end::EndReason;
use crate::call::leg::{Finish, LegOrder};
use crate::call::switch::Switch;
use crate::call::time::Now;

/// So that telephones count no missed call (RFC 3326 2).
const ANSWERED_ELSEWHERE: &str = r#"SIP;cause=200;text="Call completed elsewhere""#;

impl Switch {
    pub(super) fn carry_out_order(&mut self, now: Now, leg: LegId, order: LegOrder) {
        match order {
            LegOrder::Progress { rings, sdp } => self.tell_progress(now, leg, rings, sdp),
            // One whom we invited has sent its 2xx, which was acknowledged when it came.
            LegOrder::Established { sdp } => self.accept_invite(now, leg, sdp),
            LegOrder::Digits(digits) => self.send_keys(now, leg, &digits),
            LegOrder::SendPicture => self.ask_for_picture(now, leg),
            LegOrder::Reoffer => self.reoffer(now, leg),
            LegOrder::AnswerOffer => self.answer_deferred(now, leg),
            LegOrder::Held | LegOrder::Resumed => {}
            LegOrder::NotDone(why) => {
                let sentence = why.sentence;
                tracing::debug!(%leg, %sentence, "what a telephone asked for was not done");
                if let Some(status) = why.transfer {
                    let status = Status::new(status).filter(|it| it.code() >= 300);
                    self.referral_came_to(now, leg, status.unwrap_or(Status::DECLINE));
                }
            }
            LegOrder::Finished(finish) => self.finish_sip_leg(now, leg, &finish),
        }
    }

    fn finish_sip_leg(&mut self, now: Now, id: LegId, finish: &Finish) {
        let Some(leg) = self.sip.legs.get_mut(id) else {
            return;
        };
        match &mut leg.stage {
            Stage::Invited { .. } => self.refuse_invite(now, id, finish),
            // "the callee's UA MUST NOT send a BYE on a confirmed dialog until it has received an
            // ACK for its 2xx response or until the server transaction times out" (RFC 3261 15)
            Stage::Accepted { over, .. } => *over = true,
            Stage::Inviting { over } => {
                *over = true;
                let client = leg.client;
                if let Some(client) = client {
                    self.cancel_invite(now, client, &finish.reason);
                }
            }
            Stage::Talking => {
                if matches!(finish.reason, EndReason::Transferred { .. }) {
                    self.referral_came_to(now, id, Status::OK);
                }
                self.hang_up_leg(now, id);
            }
        }
    }

    fn cancel_invite(&mut self, now: Now, client: ClientId, reason: &EndReason) {
        let transactions = &mut self.sip.transactions;
        match reason {
            EndReason::AnsweredElsewhere => {
                transactions.cancel_because(now.mono, client, ANSWERED_ELSEWHERE);
            }
            _ => transactions.cancel(now.mono, client),
        }
    }
}

//! Digits: pressed on one side, told to the other, within its sound or by signalling.

use media::ids::LegId;
use media::plan::Command;

use super::call::CallHandle;
use super::leg::{LegOrder, Signalling};
use super::switch::Switch;

/// Digits taken at once; a person presses one.
const MAX_DIGITS: usize = 32;

impl Switch {
    /// Digits pressed on one side go to the other, which hears them as RFC 4733 events.
    pub(super) fn on_digits(&mut self, leg_id: LegId, digits: String) {
        let Some(call) = self.calls.of_leg_mut(leg_id) else {
            return;
        };
        let handle = call.handle;
        let far = call.far_leg(leg_id).map(|leg| leg.id);
        let valid = (1..=MAX_DIGITS).contains(&digits.len()) && digits.chars().all(is_digit);
        let obstacle = match (far, valid, call.is_held()) {
            (_, false, _) => Some("Digits are 0-9, *, # and A-D, at most 32 at once"),
            (None, _, _) => Some("The call is not answered"),
            (_, _, true) => Some("The call is on hold"),
            (Some(_), true, false) => None,
        };
        if let Some(obstacle) = obstacle {
            return self.tell(leg_id, LegOrder::NotDone(obstacle.into()));
        }
        call.digits = call.digits.saturating_add(digits.len() as u32);
        if let Some(far) = far {
            self.pass_digits(handle, far, digits.to_ascii_uppercase());
        }
    }

    /// By events within the sound, or by signalling where the far side knows none.
    fn pass_digits(&mut self, handle: CallHandle, far: LegId, digits: String) {
        let leg = self.calls.get(handle).and_then(|call| call.leg(far));
        let by_signalling = leg.is_some_and(|leg| {
            matches!(leg.signalling, Signalling::Sip { .. }) && !leg.takes_events()
        });
        match by_signalling {
            true => self.tell(far, LegOrder::Digits(digits)),
            false => self.media(handle, Command::SendDtmf { leg: far, digits }),
        }
    }

    /// A key was heard in the sound of a leg. Whom it talks with has heard it there, too, unless he
    /// knows no events.
    pub(super) fn on_key_heard(&mut self, leg_id: LegId, digit: char) {
        let Some(call) = self.calls.of_leg(leg_id).filter(|call| !call.is_held()) else {
            return;
        };
        let (handle, far) = (call.handle, call.far_leg(leg_id));
        let deaf = far
            .filter(|far| matches!(far.signalling, Signalling::Sip { .. }) && !far.takes_events());
        if let Some(far) = deaf.map(|far| far.id)
            && is_digit(digit)
        {
            self.pass_digits(handle, far, digit.to_string());
        }
    }
}

/// An event of RFC 4733 3.2 that people can press.
fn is_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'a'..='d')
}

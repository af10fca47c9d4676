//! Digits: pressed on one side, told to the other, within its sound or by signalling (ADR 19).

use std::time::{Duration, Instant};

use media::ids::LegId;
use media::plan::Command;

use super::call::{CallHandle, Talk};
use super::leg::{LegOrder, NotDone, Signalling};
use super::switch::Switch;
use super::time::Now;

/// Digits taken at once; a person presses one.
const MAX_DIGITS: usize = 32;

/// A telephone that tells of a key by INFO and by a tone does so within this time.
const SAME_PRESS: Duration = Duration::from_secs(1);

/// The keys that are recorded; more are only counted.
const MAX_RECORDED: usize = 128;

/// The keys pressed during a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pressed {
    count: u32,
    /// Which; `None` if nobody is to know.
    keys: Option<String>,
}

/// What is known of how a side tells of its keys, where it knows no events.
#[derive(Debug, Default)]
pub(super) struct Presses {
    /// By INFO: tones beside that are the same.
    by_info: bool,
    /// The last that came as a tone.
    heard: Option<(char, Instant)>,
}

/// How a side hears of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Within its sound (RFC 4733).
    Events,
    /// By signalling: SIP INFO.
    Info,
    /// As the sound that they make (ITU-T Q.23).
    Tones,
}

impl Switch {
    /// Digits that signalling tells of go to the other side.
    pub(super) fn on_digits(&mut self, now: Now, leg_id: LegId, digits: String) {
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
            return self.tell(leg_id, LegOrder::NotDone(NotDone::new(obstacle)));
        }
        if let Some(leg) = call.leg_mut(leg_id)
            && leg.presses.was_heard(now.mono, &digits)
        {
            return;
        }
        call.digits.press(&digits);
        if let Some(far) = far {
            self.pass_digits(handle, far, digits.to_ascii_uppercase());
        }
    }

    /// Tells a side of digits, in the way that it hears of them.
    pub(super) fn pass_digits(&mut self, handle: CallHandle, far: LegId, digits: String) {
        match self.style(far) {
            Style::Info => self.tell(far, LegOrder::Digits(digits)),
            Style::Events | Style::Tones => {
                self.media(handle, Command::SendDtmf { leg: far, digits });
            }
        }
    }

    /// A key was heard in the sound of a leg. Whom it talks with has heard an event there, too,
    /// unless he knows none; and of a tone he hears at least the beginning.
    pub(super) fn on_key_heard(&mut self, now: Now, leg_id: LegId, digit: char) {
        let call = self.calls.of_leg_mut(leg_id);
        let Some(call) = call.filter(|call| !call.is_held() && is_digit(digit)) else {
            return;
        };
        let handle = call.handle;
        let Some(far) = call.far_leg(leg_id).map(|leg| leg.id) else {
            return;
        };
        let Some(leg) = call.leg_mut(leg_id) else {
            return;
        };
        let is_tone = !leg.takes_events();
        if is_tone && !leg.presses.hear(now.mono, digit) {
            return;
        }
        call.digits.press(digit.encode_utf8(&mut [0; 4]));
        let is_transcoded = call.talk().is_some_and(Talk::transcodes);
        match (is_tone, self.style(far)) {
            (false, Style::Events) => {}
            // It is heard as it is. A coder and the buffer before it would bend it.
            (true, Style::Tones) if !is_transcoded => {}
            (true, Style::Info | Style::Tones) => {
                self.pass_digits(handle, far, digit.to_string());
                self.media(handle, Command::MuteTone { leg: far });
            }
            (true, Style::Events) | (false, Style::Info | Style::Tones) => {
                self.pass_digits(handle, far, digit.to_string());
            }
        }
    }

    fn style(&self, leg_id: LegId) -> Style {
        let call = self.calls.of_leg(leg_id);
        let Some(leg) = call.and_then(|call| call.leg(leg_id)) else {
            return Style::Events;
        };
        match leg.signalling {
            _ if leg.takes_events() => Style::Events,
            Signalling::Sip { .. } if self.takes_info(leg_id) => Style::Info,
            _ => Style::Tones,
        }
    }
}

impl Pressed {
    /// None yet.
    pub(super) fn new(recorded: bool) -> Self {
        let keys = recorded.then(String::new);
        Self { count: 0, keys }
    }

    fn press(&mut self, digits: &str) {
        self.count = self.count.saturating_add(digits.len() as u32);
        if let Some(keys) = &mut self.keys {
            let room = MAX_RECORDED.saturating_sub(keys.len());
            keys.extend(digits.chars().take(room));
        }
    }

    /// How many.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Which, if that is recorded.
    pub(super) fn keys(&self) -> Option<String> {
        self.keys.clone()
    }
}

impl Presses {
    /// Signalling tells of these digits. True if it is the press that was heard as a tone just now.
    fn was_heard(&mut self, now: Instant, digits: &str) -> bool {
        self.by_info = true;
        let heard = self.heard.take();
        heard.is_some_and(|(digit, at)| {
            let same = digits.chars().eq([digit]);
            same && now.saturating_duration_since(at) < SAME_PRESS
        })
    }

    /// A digit is heard as a tone. False if signalling tells of it, too.
    fn hear(&mut self, now: Instant, digit: char) -> bool {
        self.heard = (!self.by_info).then_some((digit, now));
        !self.by_info
    }
}

/// An event of RFC 4733 3.2 that people can press.
fn is_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D' | 'a'..='d')
}

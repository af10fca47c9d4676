//! Which calls are recorded, from when to when (ADR 20). What is written, and whether it can be, is the
//! shell's business.

use media::plan::Command;
use media::recording::{Channel, RecordingId};
use registrar::Aor;

use super::call::{Call, CallHandle};
use super::config::RecordingMode;
use super::io::{Output, RecordingOrder, RecordingOutcome, RecordingReport};
use super::switch::{Stage, Switch};
use super::time::Now;
use super::view::{ApiReply, Notice, RecordingState, RecordingView};

/// Of one call, one after another; more are refused.
const MOST_RECORDINGS: usize = 100;

/// A recording of a call.
#[derive(Debug)]
pub(super) struct Recording {
    id: RecordingId,
    pub(super) view: RecordingView,
}

impl Call {
    /// What is written now.
    fn running(&self) -> Option<&Recording> {
        let last = self.recordings.last();
        last.filter(|it| it.view.state == RecordingState::Running)
    }

    fn running_mut(&mut self) -> Option<&mut Recording> {
        let last = self.recordings.last_mut();
        last.filter(|it| it.view.state == RecordingState::Running)
    }

    /// A name that nothing a caller says is part of, and that no other recording has.
    fn file_name(&self, now: Now, extension: &str) -> String {
        let id: String = self.id.chars().take(16).collect();
        let number = self.recordings.len() + 1;
        format!("{}-{id}-{number}.{extension}", now.wall.compact())
    }

    /// Somebody of it is one of these.
    fn concerns(&self, accounts: &std::collections::BTreeSet<Aor>) -> bool {
        let legs = self.legs.iter().filter(|leg| leg.is_confirmed());
        let there = legs.map(|leg| &leg.party.user);
        let mut all = there.chain([&self.caller.user, &self.callee.user]);
        all.any(|user| accounts.contains(user))
    }
}

impl Switch {
    /// A call was answered: if it is to be recorded, it is from now on, and who watches is told.
    pub(super) fn on_talk(&mut self, now: Now, handle: CallHandle) {
        self.record_if_wanted(now, handle);
        if let Some(view) = self.calls.get(handle).map(Call::view) {
            self.outputs.notify(Notice::CallAnswered(view));
        }
    }

    /// Sees to it that a call is recorded which the configuration says is to be, and was not before.
    /// One that is goes on with the legs that it has now.
    pub(super) fn record_if_wanted(&mut self, now: Now, handle: CallHandle) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let wanted = match self.config.recording.mode {
            RecordingMode::Off => false,
            RecordingMode::Accounts => call.concerns(&self.config.recording.accounts),
            RecordingMode::All => true,
        };
        if call.running().is_some() {
            self.tap(handle);
        } else if wanted && call.recordings.is_empty() {
            self.begin_recording(now, handle);
        }
    }

    /// Somebody wants a call to be recorded from now on.
    pub(super) fn start_recording(&mut self, now: Now, id: &str) -> ApiReply {
        let Some(call) = self.calls.iter().find(|call| call.id == id) else {
            return no_such_call();
        };
        let obstacle = if self.config.recording.mode == RecordingMode::Off {
            Some("Nothing is recorded: recording.mode is \"off\" in the configuration.")
        } else if self.stage != Stage::Running {
            Some("The server is going down.")
        } else if call.talk().is_none() {
            Some("The call is not answered yet.")
        } else if call.running().is_some() {
            Some("The call is recorded already.")
        } else if call.recordings.len() >= MOST_RECORDINGS {
            Some("The call was recorded as often as it may be.")
        } else {
            None
        };
        if let Some(obstacle) = obstacle {
            return ApiReply::Refused(obstacle.to_owned());
        }
        match self.begin_recording(now, call.handle) {
            Some(view) => ApiReply::Recording(view),
            None => no_such_call(),
        }
    }

    /// Somebody wants the recording of a call to end; the call goes on.
    pub(super) fn stop_recording(&mut self, now: Now, id: &str) -> ApiReply {
        let Some(call) = self.calls.iter().find(|call| call.id == id) else {
            return no_such_call();
        };
        if call.running().is_none() {
            return ApiReply::Refused("The call is not recorded.".to_owned());
        }
        let handle = call.handle;
        self.end_recording(now, handle);
        self.untap(handle);
        ApiReply::Done
    }

    fn begin_recording(&mut self, now: Now, handle: CallHandle) -> Option<RecordingView> {
        let extension = self.config.recording.format.extension();
        let id = self.pool.recording_id();
        let call = self.calls.get_mut(handle)?;
        let file = call.file_name(now, extension);
        let view = RecordingView {
            file: file.clone(),
            state: RecordingState::Running,
            problem: None,
        };
        tracing::info!(call = %call.id, %file, "recording begins");
        call.recordings.push(Recording {
            id,
            view: view.clone(),
        });
        let at = now.mono;
        // Whoever writes knows of it before the first packet comes.
        let begin = RecordingOrder::Begin { id, file, at };
        self.outputs.push(Output::Record(begin));
        self.tap(handle);
        Some(view)
    }

    /// What is recorded of a call is all there is of it.
    pub(super) fn end_recording(&mut self, now: Now, handle: CallHandle) {
        let call = self.calls.get_mut(handle);
        let Some(recording) = call.and_then(Call::running_mut) else {
            return;
        };
        recording.view.state = RecordingState::Ended;
        let (id, at) = (recording.id, now.mono);
        self.outputs
            .push(Output::Record(RecordingOrder::End { id, at }));
    }

    /// What came of a recording.
    pub(super) fn on_recorded(&mut self, report: RecordingReport) {
        let RecordingReport { id, outcome } = report;
        let has = |call: &&Call| call.recordings.iter().any(|it| it.id == id);
        // Most reports are of calls that are over.
        let Some(handle) = self.calls.iter().find(has).map(|call| call.handle) else {
            return;
        };
        let call = self.calls.get_mut(handle);
        let mut recordings = call.into_iter().flat_map(|call| &mut call.recordings);
        let Some(recording) = recordings.find(|it| it.id == id) else {
            return;
        };
        let was_running = recording.view.state == RecordingState::Running;
        recording.view.state = match outcome {
            RecordingOutcome::Kept => RecordingState::Ended,
            RecordingOutcome::Cut(_) => RecordingState::Ended,
            RecordingOutcome::Failed(_) => RecordingState::Failed,
        };
        recording.view.problem = outcome.problem();
        if was_running {
            self.untap(handle);
        }
    }

    /// The worker hands over what both sides say.
    fn tap(&mut self, handle: CallHandle) {
        let Some(call) = self.calls.get(handle) else {
            return;
        };
        let (Some(talk), Some(recording)) = (call.talk(), call.running()) else {
            return;
        };
        let recording = recording.id;
        let sides = [
            (talk.caller_leg, Channel::Left),
            (talk.callee_leg, Channel::Right),
        ];
        for (leg, channel) in sides {
            let order = Command::Tap {
                leg,
                recording,
                channel,
            };
            self.media(handle, order);
        }
    }

    /// And no longer.
    fn untap(&mut self, handle: CallHandle) {
        let talk = self.calls.get(handle).and_then(Call::talk);
        let Some(legs) = talk.map(|talk| [talk.caller_leg, talk.callee_leg]) else {
            return;
        };
        for leg in legs {
            self.media(handle, Command::Untap { leg });
        }
    }
}

fn no_such_call() -> ApiReply {
    ApiReply::NotFound("There is no such call; it may have ended.".to_owned())
}

//! Questions and orders from outside the calls: the API, the CLI, the operator page.

use super::end::EndReason;
use super::io::{ApiRequest, Output};
use super::switch::Switch;
use super::time::Now;
use super::view::{ApiAction, ApiReply};

impl Switch {
    pub(super) fn on_api(&mut self, now: Now, request: ApiRequest) {
        self.scanners.lift(now.mono);
        let reply = match request.action {
            ApiAction::Status => ApiReply::Status(self.status()),
            ApiAction::Figures => ApiReply::Figures(self.status(), Box::new(self.figures.clone())),
            ApiAction::ListCalls => {
                ApiReply::Calls(self.calls.iter().map(|call| call.view()).collect())
            }
            ApiAction::ListUsers => {
                let users = self
                    .people
                    .users()
                    .map(|(aor, user)| self.people.view(aor, user));
                ApiReply::Users(users.collect())
            }
            ApiAction::ListRegistrations => ApiReply::Registrations(self.registrations(now)),
            ApiAction::ListFlows => ApiReply::Flows(self.sip_flows()),
            ApiAction::HangupCall { call } => self.hang_up(now, &call),
            ApiAction::StartRecording { call } => self.start_recording(now, &call),
            ApiAction::StopRecording { call } => self.stop_recording(now, &call),
        };
        self.outputs.push(Output::ApiReply {
            token: request.token,
            reply,
        });
    }

    fn hang_up(&mut self, now: Now, id: &str) -> ApiReply {
        let handle = self
            .calls
            .iter()
            .find(|call| call.id == id)
            .map(|call| call.handle);
        match handle {
            Some(handle) => {
                self.end_call(now, handle, EndReason::Operator);
                ApiReply::Done
            }
            None => ApiReply::NotFound("There is no such call; it may have ended.".to_owned()),
        }
    }
}
